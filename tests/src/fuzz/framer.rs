//! Bytes in any pieces: the same lines come out as in one piece, and nothing is kept without a bound.

use chat_core::wire::{Framed, Framer};

const LINE_BYTES_MAX: usize = 64;

/// The lines that come out of `pieces`.
fn lines(pieces: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut framer = Framer::new(LINE_BYTES_MAX);
    let mut lines = Vec::new();
    for piece in pieces {
        // All lines have been pulled: what is kept is one that has not ended.
        assert!(framer.buffered_bytes() <= LINE_BYTES_MAX);
        framer.push(piece);
        while let Some(framed) = framer.pull() {
            lines.push(match framed {
                Framed::Line(line) => {
                    assert!(line.len() <= LINE_BYTES_MAX && !line.contains(&b'\n'));
                    line.to_vec()
                }
                Framed::TooLong { .. } => b"\ntoo long".to_vec(),
            });
        }
    }
    lines
}

/// Takes the bytes, and into pieces of which size they are cut.
pub(super) fn run((bytes, size): (Vec<u8>, u8)) {
    let pieces: Vec<&[u8]> = bytes.chunks(usize::from(size).max(1)).collect();
    assert_eq!(lines(&pieces), lines(&[&bytes]), "in pieces of {size}");
}
