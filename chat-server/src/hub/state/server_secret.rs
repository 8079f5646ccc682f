//! The server's secret: 256 bits that what is made up follows from, so that it is the same after the next start. It is kept
//! ([`crate::room_log::Change`]) when the server starts for the first time.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};

use crate::{auth::scram, hub::state::codec, room_log::Change};

/// The path of the secret.
pub(crate) const PATH: &str = "secret";

/// The secret (see the module).
pub(crate) struct ServerSecret {
    key: scram::Key,
    is_kept: bool,
}

impl std::fmt::Debug for ServerSecret {
    /// Without what it is.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ServerSecret")
    }
}

impl ServerSecret {
    /// A new one, which is not kept yet.
    pub(crate) fn new(key: scram::Key) -> Self {
        Self { key, is_kept: false }
    }

    pub(crate) fn key(&self) -> &scram::Key {
        &self.key
    }

    /// The change that keeps it, unless it is kept.
    pub(crate) fn keep(&mut self) -> Option<Change> {
        let is_kept = std::mem::replace(&mut self.is_kept, true);
        let path: Arc<str> = PATH.into();
        (!is_kept).then(|| codec::set(path, &BASE64.encode(self.key)))
    }

    /// Takes a change: `value` is the secret from here on. That there is none any more changes nothing before the next
    /// start.
    ///
    /// # Errors
    /// A sentence, if it is nothing that this version writes.
    pub(crate) fn take(&mut self, path: &[&str], value: Option<&str>) -> Result<(), String> {
        if !path.is_empty() {
            return Err(format!("{path:?} is no path of the server's secret"));
        }
        let Some(value) = value else { return Ok(()) };
        let text: String = codec::read(path, value)?;
        let bytes = BASE64.decode(text).ok().and_then(|bytes| scram::Key::try_from(bytes).ok());
        self.key = bytes.ok_or("the server's secret is not 32 bytes in base 64")?;
        self.is_kept = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_kept_once_and_read_again() {
        let mut first = ServerSecret::new([5; 32]);
        let Some(Change::Set { path, value }) = first.keep() else { panic!("it is to be kept") };
        assert_eq!((&*path, first.keep()), (PATH, None));
        let mut second = ServerSecret::new([6; 32]);
        second.take(&[], Some(&value)).unwrap();
        assert_eq!(second.key(), &[5; 32]);
        assert_eq!(second.keep(), None);
        for wrong in ["\"AAAA\"", "5", "\"?\""] {
            assert!(second.take(&[], Some(wrong)).is_err(), "{wrong}");
        }
        assert!(second.take(&["x"], None).is_err());
    }
}
