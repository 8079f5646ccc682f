//! The fuzz targets: everything that strangers' bytes reach, from the socket inwards, each with what must hold whatever
//! comes. The programs of `tests/fuzz` run them guided by coverage, and `tests/it/fuzz_corpus.rs` from their corpus.

mod framer;
mod hub;
mod line;
mod session;

use arbitrary::{Arbitrary, Unstructured};

/// A fuzz target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FuzzTarget {
    /// Bytes to lines.
    Framer,
    /// A line to a command, and back.
    Line,
    /// A connection's protocol.
    Session,
    /// All rooms and people.
    Hub,
}

impl FuzzTarget {
    /// All of them, from the socket inwards.
    pub const ALL: [Self; 4] = [Self::Framer, Self::Line, Self::Session, Self::Hub];

    /// The name of its program and of its folder in the corpus.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Framer => "framer",
            Self::Line => "line",
            Self::Session => "session",
            Self::Hub => "hub",
        }
    }

    /// Runs it on `data`, as libFuzzer hands it over.
    ///
    /// # Panics
    /// If something does not hold that must.
    pub fn run(self, data: &[u8]) {
        match self {
            Self::Framer => drop(read(data).map(framer::run)),
            Self::Line => drop(read(data).map(line::run)),
            Self::Session => drop(read(data).map(session::run)),
            Self::Hub => hub::run(data),
        }
    }
}

/// The value that some bytes stand for; `None` if they are too few.
fn read<'a, T: Arbitrary<'a>>(data: &'a [u8]) -> Option<T> {
    T::arbitrary_take_rest(Unstructured::new(data)).ok()
}
