//! Accounts: logging in and out, changes of accounts, password checks, the privilege of operators, server bans.

pub(crate) mod account_changes;
mod devices;
pub(crate) mod early_registration;
pub(crate) mod login;
pub(crate) mod password_checks;
pub(crate) mod privilege;
pub(crate) mod sasl;
pub(crate) mod server_bans;
