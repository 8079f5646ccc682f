//! The wishes that are asked for on every connection: they outlive each of them.

use std::{collections::HashMap, sync::Arc};

use crate::{
    client::settings::{Account, Settings},
    proto::CaseMapping,
};

/// The program's wishes for every connection.
#[derive(Debug)]
pub(super) struct Wishes {
    /// The nick we would like to have.
    pub(super) nick: Arc<str>,
    /// Rooms to be in, in order.
    pub(super) rooms: Vec<Arc<str>>,
    /// The keys of rooms, by the rooms' names.
    pub(super) keys: HashMap<Arc<str>, String>,
    /// The account to log in to.
    pub(super) account: Option<Account>,
    /// The account's password was known to some server.
    pub(super) has_logged_in: bool,
}

impl Wishes {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            nick: Arc::clone(settings.nick.shown()),
            rooms: settings.rooms.clone(),
            keys: settings.keys.clone(),
            account: settings.account.clone(),
            has_logged_in: false,
        }
    }

    pub(super) fn want_room(&mut self, mapping: CaseMapping, room: &Arc<str>) {
        if !self.rooms.iter().any(|wanted| mapping.same(wanted, room)) {
            self.rooms.push(Arc::clone(room));
        }
    }

    pub(super) fn forget_room(&mut self, mapping: CaseMapping, room: &str) {
        self.rooms.retain(|wanted| !mapping.same(wanted, room));
    }
}
