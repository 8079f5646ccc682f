//! Operators of the server, as tests configure them.

use std::sync::LazyLock;

use chat_server::{Config, auth, config::Oper};

/// The lines of a script with which `root` becomes an operator.
pub const OPER_ROOT: &str = "root> OPER root rootrootroot\nroot< * 381 *\n";

/// Lets whoever knows the password `rootrootroot` become the operator `root`, from anywhere.
pub fn with_root(config: &mut Config) {
    config.opers = vec![oper("root", &[])];
}

/// An operator of that name, whose password is `rootrootroot`, from where one of `masks` matches; from anywhere, if there
/// are none.
///
/// # Panics
/// If the system has no randomness.
#[must_use]
pub fn oper(name: &str, masks: &[&str]) -> Oper {
    // Once, since a hash is made to cost something.
    static HASH: LazyLock<String> =
        LazyLock::new(|| auth::hash("rootrootroot").expect("the system has randomness"));
    let masks = masks.iter().map(|mask| (*mask).to_owned()).collect();
    Oper { name: name.into(), password: HASH.clone(), masks }
}
