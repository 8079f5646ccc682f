//! Password checks under way.

use std::sync::Arc;

use crate::{
    config::Oper,
    hub::{refusal::Refusal, state::account_request::AccountRequest},
    ids::ConnId,
};

/// Someone who waits to hear whether a password is right.
#[derive(Debug)]
pub(crate) struct PasswordCheck {
    pub(crate) conn: ConnId,
    pub(crate) label: Option<Arc<str>>,
    pub(crate) purpose: CheckPurpose,
    /// The hash the password is held against.
    pub(crate) hash: Option<String>,
    /// Their further commands wait for it: they had registered.
    pub(crate) is_counted: bool,
}

impl PasswordCheck {
    pub(crate) fn new(conn: ConnId, label: Option<Arc<str>>, purpose: CheckPurpose) -> Self {
        Self { conn, label, purpose, hash: None, is_counted: false }
    }
}

/// The purpose of a password check.
#[derive(Debug, Clone)]
pub(crate) enum CheckPurpose {
    /// `OPER`, by that entry of the configuration.
    Oper(Arc<Oper>),
    /// `AUTHENTICATE`, for the account of that name.
    Sasl {
        /// The account, as it was given.
        account: Arc<str>,
    },
    /// A change of an account.
    AccountChange(AccountRequest),
}

impl CheckPurpose {
    /// The account whose password it is.
    pub(crate) fn account(&self) -> Option<&str> {
        match self {
            Self::Oper(_) => None,
            Self::Sasl { account } => Some(account),
            Self::AccountChange(asked) => Some(&asked.account),
        }
    }

    /// The refusal that says why it is not asked now.
    pub(crate) fn refusal(&self, text: &str) -> Refusal {
        let code = "TEMPORARILY_UNAVAILABLE";
        match self {
            Self::Oper(_) => Refusal::fail("OPER", code, &[], text),
            Self::Sasl { .. } => Refusal::fail("AUTHENTICATE", code, &[], text),
            Self::AccountChange(asked) => asked.via.refusal(code, &asked.account, text),
        }
    }
}
