//! Account requests: what somebody wants done to an account, and how they asked.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use chat_core::proto::Service;
use ipnet::IpNet;

use crate::hub::refusal::Refusal;

/// An account request: what is to be done to an account.
#[derive(Debug, Clone)]
pub(crate) struct AccountRequest {
    /// The account's name.
    pub(crate) account: Arc<str>,
    pub(crate) change: AccountChange,
    pub(crate) via: Via,
}

/// A change of an account.
#[derive(Debug, Clone)]
pub(crate) enum AccountChange {
    AddCertificate(Arc<str>),
    Drop,
    LogIn,
    /// A login that takes back the account's nick from the connections that have it.
    Recover,
    Register,
    RemoveCertificate(Arc<str>),
    /// Another password, which an operator of the server is told once.
    Reset(Arc<str>),
    SetPassword,
    SetReplaying(bool),
    SetStaying(bool),
}

/// The way it was asked for, and is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Via {
    /// A command, `REGISTER` (<https://ircv3.net/specs/extensions/account-registration>).
    Command,
    /// In a message to NickServ.
    Service,
    /// In a message to OperServ, by an operator of the server about somebody's account.
    Operator,
}

/// The number of accounts that have been registered from a network since when.
pub(crate) type Registrations = BTreeMap<IpNet, (u32, Instant)>;

impl Via {
    /// The refusal of a request, in the words of its way.
    pub(crate) fn refusal(self, code: &'static str, account: &str, text: &str) -> Refusal {
        match self {
            Self::Command => Refusal::fail("REGISTER", code, &[account], text),
            Self::Service => Refusal::Service { by: Service::NickServ, text: text.to_owned() },
            Self::Operator => Refusal::Service { by: Service::OperServ, text: text.to_owned() },
        }
    }
}
