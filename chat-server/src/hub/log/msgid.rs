//! Message ids.

use std::{sync::Arc, time::SystemTime};

use crate::hub::Hub;

impl Hub {
    /// An id that sorts by time inside, and means nothing outside. Of the random part so much is drawn as the
    /// database has room for in six bytes.
    pub(crate) fn next_msgid(&mut self, time: SystemTime) -> Arc<str> {
        let since_epoch = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        // `{millis:011x}{random:013x}`; formatting would be a twentieth of what the hub does for a message.
        let mut digits = [0; 24];
        let (millis, random) = digits.split_at_mut(11);
        write_hex(since_epoch.as_millis() as u64, millis);
        write_hex(self.random.published() >> 17, random);
        std::str::from_utf8(&digits).expect("digits are text").into()
    }
}

/// The last digits of `number`, as many as there is room for.
pub(crate) fn write_hex(mut number: u64, digits: &mut [u8]) {
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(number & 0xf) as usize];
        number >>= 4;
    }
}
