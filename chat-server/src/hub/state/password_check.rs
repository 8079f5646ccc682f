//! Password checks under way.

use std::sync::Arc;

use crate::{
    config::Oper,
    hub::{
        refusal::Refusal,
        state::{
            account_request::AccountRequest,
            guesser::{Guesser, LoginSubject},
            login_backoff::Guess,
        },
    },
    ids::ConnId,
};

/// Someone who waits to hear whether a password is right.
#[derive(Debug)]
pub(crate) struct PasswordCheck {
    pub(crate) conn: ConnId,
    pub(crate) label: Option<Arc<str>>,
    pub(crate) purpose: CheckPurpose,
    pub(crate) guesser: Guesser,
    /// The guess it is counted as, once its turn has come.
    pub(crate) guess: Option<Guess>,
    /// The hash the password is held against.
    pub(crate) hash: Option<String>,
    /// Their further commands wait for it: they had registered.
    pub(crate) is_counted: bool,
}

impl PasswordCheck {
    pub(crate) fn new(
        conn: ConnId,
        label: Option<Arc<str>>,
        purpose: CheckPurpose,
        guesser: Guesser,
    ) -> Self {
        Self { conn, label, purpose, guesser, guess: None, hash: None, is_counted: false }
    }
}

/// The purpose of a password check.
#[derive(Debug, Clone)]
pub(crate) enum CheckPurpose {
    /// `OPER`
    Oper {
        /// The name, as it was given.
        name: Arc<str>,
        /// The entry of the configuration, if there is one of that name from there. If not, nobody is to see that.
        oper: Option<Arc<Oper>>,
    },
    /// `AUTHENTICATE`, for the account of that name.
    Sasl {
        /// The account, as it was given.
        account: Arc<str>,
    },
    /// `PASS`, for the account of that name.
    Pass {
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
            Self::Oper { .. } => None,
            Self::Sasl { account } | Self::Pass { account } => Some(account),
            Self::AccountChange(asked) => Some(&asked.account),
        }
    }

    /// The secret that is guessed at.
    pub(crate) fn subject(&self) -> LoginSubject {
        match self {
            Self::Oper { name, .. } => LoginSubject::operator(name),
            Self::Sasl { account } | Self::Pass { account } => LoginSubject::account(account),
            Self::AccountChange(asked) => LoginSubject::account(&asked.account),
        }
    }

    /// The refusal that says why it is not asked now.
    pub(crate) fn refusal(&self, text: &str) -> Refusal {
        let code = "TEMPORARILY_UNAVAILABLE";
        match self {
            Self::Oper { .. } => Refusal::fail("OPER", code, &[], text),
            Self::Sasl { .. } => Refusal::fail("AUTHENTICATE", code, &[], text),
            Self::Pass { .. } => Refusal::fail("PASS", code, &[], text),
            Self::AccountChange(asked) => asked.via.refusal(code, &asked.account, text),
        }
    }
}
