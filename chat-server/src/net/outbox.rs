//! Bytes waiting for one reader: bounded, contiguous, and nothing while nothing waits.

use std::io::{self, Write};

/// Short lines are copied one behind the other: as cheap as a list of segments, and one write for all.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    bytes: Vec<u8>,
    written: usize,
}

impl Outbox {
    pub(super) fn waiting_bytes(&self) -> usize {
        self.bytes.len() - self.written
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting_bytes() == 0
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The end of the waiting bytes, to write lines to.
    pub(super) fn tail(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// The first line that waits, with its end.
    pub(super) fn first_line(&self) -> Option<&[u8]> {
        let waiting = &self.bytes[self.written..];
        let end = waiting.iter().position(|byte| *byte == b'\n')?;
        Some(&waiting[..=end])
    }

    /// `n_bytes` have been written elsewhere.
    pub(super) fn take(&mut self, n_bytes: usize) {
        self.written += n_bytes;
        if self.is_empty() {
            *self = Self::default();
        } else {
            self.forget_written();
        }
    }

    /// Forgets what waits, but for the end of a line the reader has the start of.
    pub(super) fn keep_begun_line(&mut self) {
        let is_begun = self.written > 0 && self.bytes[self.written - 1] != b'\n';
        let mut waiting = self.bytes[self.written..].iter();
        let end = waiting.position(|byte| *byte == b'\n').filter(|_| is_begun);
        self.bytes.truncate(self.written + end.map_or(0, |end| end + 1));
    }

    /// Writes as much as the peer takes. An empty outbox owns no memory.
    pub(super) fn flush(&mut self, mut to: impl Write) -> io::Result<()> {
        while !self.is_empty() {
            match to.write(&self.bytes[self.written..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => self.written += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.forget_written();
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        *self = Self::default();
        Ok(())
    }

    /// Gives back what is written once it is most of the buffer, so that the copying stays cheap.
    fn forget_written(&mut self) {
        if self.written > self.bytes.len() / 2 {
            // But for one byte, which tells whether a line has been begun.
            self.bytes.drain(..self.written - 1);
            self.written = 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes so many bytes and then blocks.
    struct Slow(usize, Vec<u8>);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.0 == 0 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let n = bytes.len().min(self.0).min(3);
            self.0 -= n;
            self.1.extend_from_slice(&bytes[..n]);
            Ok(n)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_that_has_been_begun_is_finished() {
        let after = |n_written, rest: &[u8]| {
            let mut outbox = Outbox::default();
            outbox.push(b"one\r\ntwo\r\nthree\r\n");
            let mut reader = Slow(n_written, Vec::new());
            outbox.flush(&mut reader).unwrap();
            outbox.keep_begun_line();
            outbox.push(b"ERROR\r\n");
            reader.0 = 100;
            outbox.flush(&mut reader).unwrap();
            assert_eq!(&reader.1[n_written..], rest, "after {n_written} bytes");
        };
        after(0, b"ERROR\r\n");
        after(2, b"e\r\nERROR\r\n");
        after(4, b"\nERROR\r\n");
        after(5, b"ERROR\r\n");
        // Behind which the buffer may have been moved.
        after(13, b"ee\r\nERROR\r\n");
    }

    #[test]
    fn what_goes_in_comes_out_once_and_in_order() {
        let mut outbox = Outbox::default();
        let mut reader = Slow(0, Vec::new());
        let mut expected = Vec::new();
        for round in 0..50_u8 {
            let line = [round; 7];
            outbox.push(&line);
            expected.extend_from_slice(&line);
            reader.0 = 5;
            outbox.flush(&mut reader).unwrap();
            assert_eq!(outbox.waiting_bytes(), expected.len() - reader.1.len());
        }
        reader.0 = 1000;
        outbox.flush(&mut reader).unwrap();
        assert_eq!(reader.1, expected);
        assert_eq!(outbox.bytes.capacity(), 0, "an idle connection owns no buffers");
    }
}
