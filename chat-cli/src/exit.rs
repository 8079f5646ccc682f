//! The exit codes of the program: every one, in one place.

use std::process::ExitCode;

use chat_core::{CloseReason, ConnectError};

/// Documented in `--help` and in the README.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Clean = 0,
    Usage = 1,
    CannotConnect = 2,
    LoginRefused = 3,
    Lost = 4,
    NotDelivered = 5,
    Interrupted = 130,
    Terminated = 143,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl From<&ConnectError> for Exit {
    fn from(error: &ConnectError) -> Self {
        match error {
            ConnectError::Login(_) => Self::LoginRefused,
            ConnectError::Config(_) => Self::Usage,
            _ => Self::CannotConnect,
        }
    }
}

impl From<&CloseReason> for Exit {
    fn from(reason: &CloseReason) -> Self {
        match reason {
            CloseReason::Requested => Self::Clean,
            CloseReason::Fatal(error) => Self::from(&**error),
            _ => Self::Lost,
        }
    }
}

/// The end of a program that failed: its code, and a sentence for whoever started it.
pub(crate) type Failure = (Exit, String);
