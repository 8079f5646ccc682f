//! Text of strangers, and long text on short lines.

use std::borrow::Cow;

/// `text` without anything that could move a terminal's cursor or hide what is written: control
/// characters (ESC and the C1 range among them), bidirectional overrides and invisible format
/// characters fall away; a tab becomes a space. Combining marks, emoji with their joiners and
/// right-to-left letters stay whole.
///
/// ```
/// use chat_core::text::printable;
/// assert_eq!(printable("a\u{1b}[2Jb\u{202e}c"), "a[2Jbc");
/// assert_eq!(printable("👩\u{200d}🔬 שלום"), "👩\u{200d}🔬 שלום");
/// ```
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.chars().all(|character| !is_unprintable(character) && character != '\t') {
        return Cow::Borrowed(text);
    }
    let kept = text.chars().filter(|character| *character == '\t' || !is_unprintable(*character));
    Cow::Owned(kept.map(|character| if character == '\t' { ' ' } else { character }).collect())
}

/// Whether [`printable`] would leave `text` as it is, and it is not empty: what a name must be.
#[must_use]
pub fn is_printable(text: &str) -> bool {
    // Nearly all names are plain, which shows without taking them apart.
    let is_plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    !text.is_empty()
        && (is_plain
            || !text.chars().any(|character| character == '\t' || is_unprintable(character)))
}

fn is_unprintable(character: char) -> bool {
    matches!(character,
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        // Line and paragraph separators.
        | '\u{2028}' | '\u{2029}'
        // Bidirectional embeddings, overrides and isolates, and the marks that go with them.
        | '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        // Zero-width space, word joiner and invisible operators, byte order mark, interlinear marks.
        | '\u{200b}' | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

/// Cuts `text` into pieces of at most `bytes_max` bytes: at line breaks, then between words where
/// that wastes little, always between characters (a base and its combining marks stay together
/// where they fit). Joined, the pieces of one line are that line; empty lines fall away.
///
/// # Panics
/// If `bytes_max` is below 16: no room for a character with its marks.
pub fn split(text: &str, bytes_max: usize) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (piece, behind) = next_piece(rest, bytes_max)?;
        rest = behind;
        Some(piece)
    })
}

/// The first piece of `text` as [`split`] cuts it, and what is left; `None` when nothing is.
///
/// # Panics
/// As [`split`].
#[must_use]
pub fn next_piece(text: &str, bytes_max: usize) -> Option<(&str, &str)> {
    assert!(bytes_max >= 16, "a piece must hold at least a character with its marks");
    let text = text.trim_start_matches(['\n', '\r']);
    if text.is_empty() {
        return None;
    }
    // No further than the piece may reach, and the character behind it, of at most 4 bytes: long text is cut in
    // a time that grows with its length.
    let near = &text[..text.floor_char_boundary(bytes_max + 4)];
    let end = memchr::memchr2(b'\n', b'\r', near.as_bytes()).unwrap_or(near.len());
    let line = &near[..end];
    Some(text.split_at(piece_bytes(line, bytes_max)))
}

/// The number of bytes of `line` that the next piece takes.
fn piece_bytes(line: &str, bytes_max: usize) -> usize {
    if line.len() <= bytes_max {
        return line.len();
    }
    let end = line.floor_char_boundary(bytes_max);
    // A space in the last quarter: the piece keeps it, so that nothing of the text is lost.
    let space = line[..end].rfind(' ').map(|space| space + 1).filter(|at| *at > bytes_max * 3 / 4);
    if let Some(space) = space {
        return space;
    }
    // Not between a base and what combines with it.
    let mut boundary = end;
    while boundary > bytes_max / 2 {
        let next = line[boundary..].chars().next();
        let previous = line[..boundary].chars().next_back();
        if !next.is_some_and(combines) && previous != Some('\u{200d}') {
            return boundary;
        }
        boundary -= previous.map_or(1, char::len_utf8);
    }
    end
}

/// Whether `character` belongs to the one before it: combining marks, variation selectors, joiners
/// and skin tones of emoji.
fn combines(character: char) -> bool {
    matches!(character,
        '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5bd}' | '\u{5c1}' | '\u{5c2}'
        | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}' | '\u{900}'..='\u{903}' | '\u{93a}'..='\u{94f}'
        | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{200c}' | '\u{200d}'
        | '\u{20d0}'..='\u{20ff}' | '\u{3099}' | '\u{309a}' | '\u{fe00}'..='\u{fe0f}' | '\u{fe20}'..='\u{fe2f}'
        | '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0020}'..='\u{e007f}' | '\u{e0100}'..='\u{e01ef}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_joined_are_the_text() {
        let text = "caffè e\u{301} 👩\u{200d}🔬👍🏽 שלום עולם ".repeat(50);
        for bytes_max in 16..80 {
            let pieces: Vec<_> = split(&text, bytes_max).collect();
            assert!(pieces.iter().all(|piece| !piece.is_empty() && piece.len() <= bytes_max));
            assert_eq!(pieces.concat(), text);
        }
        let word = "x".repeat(1000);
        assert_eq!(split(&word, 400).map(str::len).collect::<Vec<_>>(), [400, 400, 200]);
    }

    #[test]
    fn a_base_and_its_marks_stay_together() {
        let text = "e\u{301}".repeat(40);
        for bytes_max in 16..40 {
            assert!(split(&text, bytes_max).all(|piece| piece.starts_with('e')), "{bytes_max}");
        }
    }

    #[test]
    fn marks_without_end_are_cut_somewhere() {
        let text = format!("e{}", "\u{301}".repeat(1000));
        assert_eq!(split(&text, 64).collect::<String>(), text);
    }

    #[test]
    fn lines_are_pieces_of_their_own() {
        assert_eq!(split("one\r\n\r\ntwo\nthree", 64).collect::<Vec<_>>(), ["one", "two", "three"]);
        assert_eq!(split("\n\r\n", 64).count(), 0);
    }
}
