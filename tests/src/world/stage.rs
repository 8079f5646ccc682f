//! The world as a stage on which scripts are played.

use chat_server::hub::Door;

use super::World;
use crate::script::{Pretence, Stage};

impl Stage for World {
    fn open(&mut self, name: &str, door: Door) {
        Self::open(self, name, door);
    }

    fn knows(&self, name: &str) -> bool {
        Self::knows(self, name)
    }

    fn send(&mut self, name: &str, bytes: &[u8]) {
        self.send_bytes(name, bytes);
    }

    fn settle(&mut self) {
        Self::settle(self);
    }

    fn break_off(&mut self, name: &str) {
        self.drop_connection(name);
    }

    fn expect(&mut self, name: &str, mask: &str) -> bool {
        Self::expect(self, name, mask)
    }

    fn unexpected(&mut self, name: &str) -> Vec<String> {
        Self::unexpected(self, name).to_vec()
    }

    fn received(&self, name: &str) -> &[String] {
        self.lines(name)
    }

    fn forget(&mut self, name: &str) {
        Self::forget(self, name);
    }

    fn hold_log(&mut self, is_held: bool) {
        Self::hold_log(self, is_held);
    }

    fn fail_log(&mut self) {
        Self::fail_log(self);
    }

    fn pretend(&mut self, pretence: &Pretence) {
        match pretence {
            Pretence::Time(time) => self.pass(*time),
            Pretence::Certificate(shown) => self.fingerprint = Some(shown.as_str().into()),
            Pretence::Address(host) => self.host = host.as_str().into(),
            Pretence::Restart => {
                self.settle();
                self.restart(2);
                self.names.clear();
            }
        }
    }

    fn transcript(&self) -> &[String] {
        &self.transcript
    }
}
