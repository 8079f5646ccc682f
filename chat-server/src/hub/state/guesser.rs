//! A guess's two sides: who makes it, by network, and whose secret it is about.

use std::sync::Arc;

use chat_core::proto::{CaseMapping, Nick};
use ipnet::IpNet;

use crate::origin::Origin;

/// A wide network of one subscriber may guess so many times as often as one of its parts.
pub(super) const WIDE: u32 = 4;

/// The subject of a guess: whose secret it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LoginSubject {
    Account(Arc<str>),
    Gateway,
    Operator(Arc<str>),
    Server,
}

impl LoginSubject {
    /// The account of that name. Names that nobody can have are one, so that making them up fills nothing.
    pub(crate) fn account(name: &str) -> Self {
        Self::Account(key_of(name))
    }

    /// The operator of the server of that name.
    pub(crate) fn operator(name: &str) -> Self {
        Self::Operator(key_of(name))
    }

    /// Whether everybody is to know it: who guesses at something else does not keep their neighbours from it.
    pub(super) fn is_shared(&self) -> bool {
        matches!(self, Self::Gateway | Self::Server)
    }
}

pub(super) fn key_of(name: &str) -> Arc<str> {
    if Nick::new(name).is_err() {
        return "".into();
    }
    CaseMapping::Ascii.fold(name).into()
}

/// The place that a guess is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Guesser {
    pub(crate) origin: Origin,
    /// Whether so many share the address that nobody is counted by it for what others do there.
    pub(crate) is_exempt: bool,
}

impl Guesser {
    /// The networks that a guess counts for, each with how many times as much it may do.
    pub(crate) fn networks(self) -> impl Iterator<Item = (IpNet, u32)> {
        let Origin { near, wide } = self.origin;
        let wide = Some((wide, WIDE)).filter(|_| self.origin.may_be_one());
        std::iter::once((near, 1)).chain(wide)
    }
}
