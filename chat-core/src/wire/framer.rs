//! Cuts a byte stream into lines. Holds bytes only while a line is incomplete; never fails.

/// The find of [`Framer::pull`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framed<'a> {
    /// A whole line without its line break; any bytes, possibly none.
    Line(&'a [u8]),
    /// A line over the limit; its bytes are gone, the stream goes on behind it.
    TooLong {
        /// The length of it, in bytes, without its line feed.
        bytes: usize,
    },
}

/// Push bytes in, pull whole lines out.
///
/// A line ends at `\n`; any `\r` before it belongs to the line break (servers in the wild send
/// `\r\r\n`). A framer without an unfinished line owns no memory.
///
/// ```
/// use chat_core::wire::{Framed, Framer};
/// let mut framer = Framer::new(512);
/// framer.push(b"PING :on");
/// assert_eq!(framer.pull(), None);
/// framer.push(b"e\r\nPI");
/// assert_eq!(framer.pull(), Some(Framed::Line(b"PING :one")));
/// assert_eq!(framer.pull(), None);
/// ```
#[derive(Debug)]
pub struct Framer {
    /// In a box, since servers have many framers and few of them hold anything.
    held: Option<Box<Held>>,
    line_bytes_max: usize,
}

/// The bytes that have not been pulled.
#[derive(Debug, Default)]
struct Held {
    buffer: Vec<u8>,
    /// The start of the next line in `buffer`.
    start: usize,
    /// Everything before this has been searched for a line feed.
    searched: usize,
    /// Bytes already thrown away of a line that grew too long.
    discarded: Option<usize>,
}

impl Framer {
    /// A framer that refuses lines of more than `line_bytes_max` bytes (line break included).
    #[must_use]
    pub fn new(line_bytes_max: usize) -> Self {
        Self { held: None, line_bytes_max }
    }

    /// Takes bytes as they came from the socket, cut anywhere.
    pub fn push(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let held = self.held.get_or_insert_default();
        match (held.discarded, memchr::memchr(b'\n', bytes)) {
            // Nothing of an overlong line is kept, however much of it comes.
            (Some(discarded), None) => held.discarded = Some(discarded + bytes.len()),
            _ => held.buffer.extend_from_slice(bytes),
        }
    }

    /// The next whole line, or `None` until more bytes are pushed.
    pub fn pull(&mut self) -> Option<Framed<'_>> {
        let held = self.held.as_mut()?;
        let Some(offset) = memchr::memchr(b'\n', &held.buffer[held.searched..]) else {
            self.keep_unfinished();
            return None;
        };
        let held = self.held.as_mut()?;
        let start = held.start;
        let end = held.searched + offset;
        held.start = end + 1;
        held.searched = held.start;
        let bytes = held.discarded.take().unwrap_or(0) + end - start;
        if bytes + 1 > self.line_bytes_max {
            return Some(Framed::TooLong { bytes });
        }
        let mut line = &held.buffer[start..end];
        while let [rest @ .., b'\r'] = line {
            line = rest;
        }
        Some(Framed::Line(line))
    }

    /// Whether [`Framer::pull`] would find a line now.
    #[must_use]
    pub fn has_line(&self) -> bool {
        let held = self.held.as_ref();
        held.is_some_and(|held| memchr::memchr(b'\n', &held.buffer[held.searched..]).is_some())
    }

    /// Whether a line has begun that no line feed has ended yet.
    #[must_use]
    pub fn is_unfinished(&self) -> bool {
        let held = self.held.as_ref();
        held.is_some_and(|held| held.discarded.is_some() || held.start < held.buffer.len())
    }

    /// Bytes held back, whole lines not yet pulled included.
    #[must_use]
    pub fn buffered_bytes(&self) -> usize {
        self.held.as_ref().map_or(0, |held| held.buffer.len() - held.start)
    }

    fn keep_unfinished(&mut self) {
        let Some(held) = &mut self.held else { return };
        let unfinished = held.buffer.len() - held.start;
        if held.discarded.is_some() || unfinished > self.line_bytes_max {
            held.discarded = Some(held.discarded.unwrap_or(0) + unfinished);
            held.buffer = Vec::new();
        } else if unfinished == 0 {
            self.held = None;
            return;
        } else if held.start > 0 {
            held.buffer.drain(..held.start);
        }
        held.start = 0;
        held.searched = held.buffer.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(framer: &mut Framer) -> Vec<Result<String, usize>> {
        let mut lines = Vec::new();
        while let Some(framed) = framer.pull() {
            lines.push(match framed {
                Framed::Line(line) => Ok(String::from_utf8(line.to_vec()).unwrap()),
                Framed::TooLong { bytes } => Err(bytes),
            });
        }
        lines
    }

    #[test]
    fn every_cut_of_a_stream_gives_the_same_lines() {
        let stream = "PING :a\r\n\nNICK Zoë\r\r\nPRIVMSG #x :🦀 שלום e\u{301}\nrest".as_bytes();
        let expected: Vec<Result<String, usize>> =
            ["PING :a", "", "NICK Zoë", "PRIVMSG #x :🦀 שלום e\u{301}"]
                .map(|s| Ok(s.into()))
                .into();
        for first in 0..=stream.len() {
            for second in first..=stream.len() {
                let mut framer = Framer::new(512);
                let mut found = Vec::new();
                for chunk in [&stream[..first], &stream[first..second], &stream[second..]] {
                    framer.push(chunk);
                    found.extend(lines(&mut framer));
                }
                assert_eq!(found, expected, "cut at {first} and {second}");
                assert_eq!(framer.buffered_bytes(), 4);
            }
        }
    }

    #[test]
    fn a_line_over_the_limit_is_a_value_and_the_stream_goes_on() {
        for chunk_bytes in [1, 3, 7, 64, 1000] {
            let mut framer = Framer::new(10);
            let mut found = Vec::new();
            for chunk in b"123456789\n1234567890\n0123456789012345678901234567890\r\nok\n"
                .chunks(chunk_bytes)
            {
                framer.push(chunk);
                found.extend(lines(&mut framer));
                assert!(framer.buffered_bytes() <= 10, "keeps at most one line");
            }
            let expected = [Ok("123456789".into()), Err(10), Err(32), Ok("ok".into())];
            assert_eq!(found, expected, "in chunks of {chunk_bytes}");
        }
    }

    #[test]
    fn an_endless_line_costs_no_memory() {
        let mut framer = Framer::new(100);
        for _ in 0..1000 {
            framer.push(&[b'x'; 1000]);
            assert_eq!(framer.pull(), None);
            assert_eq!(framer.held.as_ref().unwrap().buffer.capacity(), 0);
        }
        assert!(framer.is_unfinished());
        framer.push(b"\nPING\n");
        assert_eq!(framer.pull(), Some(Framed::TooLong { bytes: 1_000_000 }));
        assert_eq!(framer.pull(), Some(Framed::Line(b"PING")));
    }

    #[test]
    fn an_idle_framer_owns_no_memory() {
        let mut framer = Framer::new(100);
        framer.push(b"PING\r\n");
        assert!(framer.pull().is_some());
        assert!(framer.pull().is_none());
        assert!(framer.held.is_none());
        assert!(!framer.is_unfinished());
    }
}
