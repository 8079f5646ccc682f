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

/// The most of a text that a window shows at once, in characters: what a person reads, and what is laid out without anybody
/// noticing. The rest is for who asks for it.
pub const SHOWN_CHARS_MAX: usize = 1024;

/// The most of a text that a window shows at once, in lines.
pub const SHOWN_LINES_MAX: usize = 24;

/// The characters that stand without a place to break at, before [`breakable`] makes one: laying out an unbroken word costs
/// the square of its length.
pub const UNBROKEN_CHARS_MAX: usize = 64;

/// The marks that one character may have: more are not written in any language, and each of them is drawn.
const MARKS_MAX: usize = 8;

/// The beginning of `text`: at most so many characters and lines, not cut between a character and its marks unless they are
/// without end. All of it, if that is no more.
///
/// ```
/// use chat_core::text::beginning;
/// assert_eq!(beginning("one two", 3, 1), "one");
/// assert_eq!(beginning("one\ntwo\nthree", 100, 2), "one\ntwo");
/// assert_eq!(beginning("cafe\u{301}", 4, 1), "caf");
/// ```
#[must_use]
pub fn beginning(text: &str, chars_max: usize, lines_max: usize) -> &str {
    let by_lines = memchr::memchr_iter(b'\n', text.as_bytes()).nth(lines_max.saturating_sub(1));
    let text = by_lines.map_or(text, |end| &text[..end]);
    let Some((end, next)) = text.char_indices().nth(chars_max) else { return text };
    let (mut end, mut next) = (end, Some(next));
    for _ in 0..=MARKS_MAX {
        let previous = text[..end].chars().next_back();
        if !next.is_some_and(combines) && previous != Some('\u{200d}') {
            return &text[..end];
        }
        end -= previous.map_or(0, char::len_utf8);
        next = previous;
    }
    text.char_indices().nth(chars_max).map_or(text, |(end, _)| &text[..end])
}

/// `text` as it can be laid out: with a zero-width space in each word behind every [`UNBROKEN_CHARS_MAX`] characters, and
/// without marks beyond the eighth of a character.
#[must_use]
pub fn breakable(text: &str) -> Cow<'_, str> {
    // Nearly all text is short words.
    if text.len() <= UNBROKEN_CHARS_MAX {
        return Cow::Borrowed(text);
    }
    let mut broken = String::with_capacity(text.len() + text.len() / 16);
    let (mut n_unbroken, mut n_marks, mut is_joined) = (0, 0, false);
    for character in text.chars() {
        n_marks = if combines(character) { n_marks + 1 } else { 0 };
        if n_marks > MARKS_MAX {
            continue;
        }
        if may_break_at(character) {
            n_unbroken = 0;
        } else if n_unbroken >= UNBROKEN_CHARS_MAX
            // Where nothing is torn apart, as long as that comes soon.
            && (n_marks == 0 && !is_joined || n_unbroken >= 2 * UNBROKEN_CHARS_MAX)
        {
            broken.push('\u{200b}');
            n_unbroken = 1;
        } else {
            n_unbroken += 1;
        }
        is_joined = character == '\u{200d}';
        broken.push(character);
    }
    if broken == text { Cow::Borrowed(text) } else { Cow::Owned(broken) }
}

/// Whether a line may end at `character`.
fn may_break_at(character: char) -> bool {
    character.is_whitespace() && !matches!(character, '\u{a0}' | '\u{2007}' | '\u{202f}')
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
    fn a_long_word_has_places_to_break_at_and_short_ones_stay_as_they_are() {
        let word = "x".repeat(200);
        let broken = breakable(&word);
        assert_eq!(broken.split('\u{200b}').map(str::len).collect::<Vec<_>>(), [64, 64, 64, 8]);
        let text = "as people write, with https://example.org/a/path?of=some&length ".repeat(20);
        assert!(matches!(breakable(&text), Cow::Borrowed(_)));
        // Marks without end are no longer without end.
        let marked = breakable(&format!("e{}", "\u{301}".repeat(1000))).chars().count();
        assert_eq!(marked, 9);
        assert_eq!(beginning(&"\u{fdfa}".repeat(3000), 1024, 24).chars().count(), 1024);
        assert_eq!(beginning(&format!("e{}", "\u{301}".repeat(1000)), 500, 1).chars().count(), 500);
    }

    proptest::proptest! {
        #[test]
        fn what_is_shown_is_a_beginning_without_long_words(
            text in "([a-c\n é\u{301}\u{200d}\u{fdfa}👩]{0,40}|[xé\u{301}]{0,300}){0,12}",
            chars_max in 0_usize..400,
            lines_max in 1_usize..20,
        ) {
            let shown = beginning(&text, chars_max, lines_max);
            assert!(text.starts_with(shown));
            let n_chars = shown.chars().count();
            assert!(n_chars <= chars_max && shown.split('\n').count() <= lines_max);
            // It is no shorter than it need be.
            let is_all = shown.len() == text.len() || shown.split('\n').count() == lines_max;
            assert!(is_all || n_chars + MARKS_MAX + 1 >= chars_max, "{n_chars} of {chars_max}");
            let broken = breakable(shown);
            let is_break = |c: char| c == '\u{200b}' || may_break_at(c);
            assert!(broken.split(is_break).all(|word| word.chars().count() <= 2 * UNBROKEN_CHARS_MAX));
            // Nothing but marks goes, nothing but places to break at comes.
            let bases = |text: &str| text.chars().filter(|c| !combines(*c) && *c != '\u{200b}').collect::<String>();
            assert_eq!(bases(&broken), bases(shown));
        }
    }

    #[test]
    fn lines_are_pieces_of_their_own() {
        assert_eq!(split("one\r\n\r\ntwo\nthree", 64).collect::<Vec<_>>(), ["one", "two", "three"]);
        assert_eq!(split("\n\r\n", 64).count(), 0);
    }
}
