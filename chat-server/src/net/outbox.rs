//! Bytes waiting for one reader: bounded, in few pieces, and nothing while nothing waits.

use std::{
    io::{self, ErrorKind, IoSlice, Write},
    sync::Arc,
};

use smallvec::SmallVec;

/// Bytes from which on it is cheaper to share a piece than to copy it behind another one.
const SHARE_BYTES_MIN: usize = 1 << 10;

/// Bytes of a piece of one's own, before another is begun: what has been written is given back piece by piece.
const OWN_BYTES_MAX: usize = 32 << 10;

/// Pieces given to the socket at once.
const SLICES_MAX: usize = 64;

/// An outbox. What many readers are told alike is kept once for all of them; what is short is copied one behind the
/// other, as far as anything waits: a list of many short pieces would cost more to write than to copy.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// Each of whole lines. The first one needs no memory of its own.
    pieces: SmallVec<[Piece; 1]>,
    /// Bytes of the first piece that the reader has.
    written: usize,
    waiting_bytes: usize,
}

#[derive(Debug)]
enum Piece {
    Own(Vec<u8>),
    Shared(Arc<[u8]>),
}

impl Piece {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Own(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }
}

impl Outbox {
    pub(super) fn waiting_bytes(&self) -> usize {
        self.waiting_bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting_bytes == 0
    }

    /// Adds lines that others are told too.
    pub(super) fn push_shared(&mut self, bytes: &Arc<[u8]>) {
        if !self.is_empty() && bytes.len() < SHARE_BYTES_MIN {
            return self.push(bytes);
        }
        self.waiting_bytes += bytes.len();
        self.pieces.push(Piece::Shared(Arc::clone(bytes)));
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.write_lines(|tail| tail.extend_from_slice(bytes));
        }
    }

    /// Lets lines be written to the end of what waits.
    pub(super) fn write_lines(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if !matches!(self.pieces.last(), Some(Piece::Own(own)) if own.len() < OWN_BYTES_MAX) {
            self.pieces.push(Piece::Own(Vec::new()));
        }
        let Some(Piece::Own(tail)) = self.pieces.last_mut() else { return };
        let before = tail.len();
        write(tail);
        self.waiting_bytes += tail.len() - before;
        if tail.is_empty() {
            self.pieces.pop();
        }
    }

    /// The first line that waits, with its end.
    pub(super) fn first_line(&self) -> Option<&[u8]> {
        let waiting = &self.pieces.first()?.bytes()[self.written..];
        let end = memchr::memchr(b'\n', waiting)?;
        Some(&waiting[..=end])
    }

    /// `n_bytes` have been written elsewhere. An empty outbox owns no memory.
    pub(super) fn take(&mut self, n_bytes: usize) {
        self.waiting_bytes -= n_bytes;
        self.written += n_bytes;
        let mut n_done = 0;
        while let Some(first) = self.pieces.get(n_done)
            && first.bytes().len() <= self.written
        {
            self.written -= first.bytes().len();
            n_done += 1;
        }
        if n_done == self.pieces.len() {
            self.pieces = SmallVec::new();
        } else {
            self.pieces.drain(..n_done);
        }
    }

    /// Forgets what waits, but for the end of a line the reader has the start of.
    pub(super) fn keep_begun_line(&mut self) {
        let first = self.pieces.first().map_or(&[][..], Piece::bytes);
        let is_begun = self.written > 0 && first[self.written - 1] != b'\n';
        let line = self.first_line().filter(|_| is_begun).unwrap_or_default().to_vec();
        *self = Self::default();
        if is_begun {
            self.push(&line);
        }
    }

    /// Writes as much as the peer takes, many pieces at once.
    pub(super) fn flush(&mut self, mut to: impl Write) -> io::Result<()> {
        while !self.is_empty() {
            match self.write_some(&mut to) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(n) => self.take(n),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn write_some(&self, mut to: impl Write) -> io::Result<usize> {
        // A list of one costs the kernel a twentieth more than what is in it.
        if let [only] = &*self.pieces {
            return to.write(&only.bytes()[self.written..]);
        }
        let mut slices: SmallVec<[IoSlice<'_>; 4]> = SmallVec::new();
        let mut skip = self.written;
        for piece in self.pieces.iter().take(SLICES_MAX) {
            slices.push(IoSlice::new(&piece.bytes()[skip..]));
            skip = 0;
        }
        to.write_vectored(&slices)
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
                return Err(ErrorKind::WouldBlock.into());
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
    fn what_is_shared_and_what_is_copied_keeps_its_order() {
        let mut random = fastrand::Rng::with_seed(3);
        for _ in 0..200 {
            let mut outbox = Outbox::default();
            let mut reader = Slow(0, Vec::new());
            let mut expected = Vec::new();
            for round in 0..30_u8 {
                let line = vec![round; random.usize(1..3000)];
                expected.extend_from_slice(&line);
                match random.u8(..3) {
                    0 => outbox.push(&line),
                    1 => outbox.write_lines(|tail| tail.extend_from_slice(&line)),
                    _ => outbox.push_shared(&line.into()),
                }
                reader.0 = random.usize(..4000);
                outbox.flush(&mut reader).unwrap();
                assert_eq!(outbox.waiting_bytes(), expected.len() - reader.1.len());
            }
            reader.0 = usize::MAX;
            outbox.flush(&mut reader).unwrap();
            assert!(reader.1 == expected && outbox.is_empty());
            assert_eq!(outbox.pieces.len(), 0);
        }
    }

    #[test]
    fn many_pieces_are_few_writes() {
        struct Counting(usize);
        impl Write for Counting {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0 += 1;
                Ok(bytes.len())
            }
            fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
                self.0 += 1;
                Ok(slices.iter().map(|slice| slice.len()).sum())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut outbox = Outbox::default();
        let shared: Arc<[u8]> = vec![b'x'; 2000].into();
        for _ in 0..60 {
            outbox.push_shared(&shared);
        }
        let mut counting = Counting(0);
        outbox.flush(&mut counting).unwrap();
        assert!(outbox.is_empty());
        assert_eq!(counting.0, 1);
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
        assert!(
            outbox.pieces.is_empty() && !outbox.pieces.spilled(),
            "an idle connection owns no buffers"
        );
    }
}
