//! The pieces of a text that can be looked for: words where spaces or signs divide them, and each sign by itself where a
//! language writes its words without spaces between.

use std::{borrow::Cow, ops::Range};

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};
use unicode_script::{Script, UnicodeScript};

/// The first sign behind those of all scripts that divide their words and need nothing of what is done here.
const FIRST_UNDIVIDED: char = '\u{0e00}';

/// A word, or a sign of a script that does not divide its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// Its place in the text, in bytes.
    pub(super) place: Range<usize>,
    /// The text that is compared: the same for what reads the same.
    pub(super) folded: String,
    pub(super) is_sign: bool,
    /// Whether nothing stands between it and the piece before.
    pub(super) is_joined: bool,
}

impl Piece {
    /// Whether it goes on with the run of signs that the piece before is of.
    pub(super) fn goes_on(&self, before: &Self) -> bool {
        self.is_sign && before.is_sign && self.is_joined
    }
}

/// The pieces of a text, in order.
pub(super) fn pieces(text: &str) -> Vec<Piece> {
    let mut found: Vec<Piece> = Vec::new();
    let mut add = |place: Range<usize>, folded: String, is_sign: bool| {
        // The pieces that one sign is read as have one place.
        let is_joined =
            found.last().is_some_and(|last| last.place.end == place.start || last.place == place);
        found.push(Piece { place, folded, is_sign, is_joined });
    };
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let start = text.len() - rest.len();
        let behind = if is_sign(first) {
            let behind = rest[first.len_utf8()..].trim_start_matches(belongs_to_sign);
            let cluster = &rest[..rest.len() - behind.len()];
            let signs: Vec<char> = cluster.nfkc().collect();
            let places: Vec<Range<usize>> = if signs.len() == cluster.chars().count() {
                let place = |(at, sign): (usize, char)| start + at..start + at + sign.len_utf8();
                cluster.char_indices().map(place).collect()
            } else {
                vec![start..start + cluster.len(); signs.len()]
            };
            for (place, sign) in places.into_iter().zip(signs) {
                add(place, sign.into(), true);
            }
            behind
        } else if is_of_word(first) {
            let is_behind = |sign: char| !is_of_word(sign) || is_sign(sign);
            let (word, behind) = rest.split_at(rest.find(is_behind).unwrap_or(rest.len()));
            if word.chars().any(char::is_alphanumeric) {
                add(start..start + word.len(), folded(word), false);
            }
            behind
        } else {
            &rest[first.len_utf8()..]
        };
        rest = behind;
    }
    found
}

/// The words of a text as the index is to have them. Words between spaces are as they are; of signs that nothing divides, each
/// pair is a word, and so is the last one.
///
/// What it makes of a text is what is taken out of the index with that text: another answer is another version of the store.
pub(crate) fn indexed(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || !text.chars().any(|sign| is_sign(sign) || is_lost_mark(sign)) {
        return Cow::Borrowed(text);
    }
    let pieces = pieces(text);
    let mut words = String::with_capacity(text.len() * 2);
    for (at, piece) in pieces.iter().enumerate() {
        match pieces.get(at + 1).filter(|next| next.goes_on(piece)) {
            _ if !piece.is_sign => words.push_str(&word_of_index(&text[piece.place.clone()])),
            Some(next) => words.push_str(&signs_of_index([piece, next])),
            None => words.push_str(&signs_of_index([piece])),
        }
        words.push(' ');
    }
    Cow::Owned(words)
}

/// A word as the index is given it, which leaves out accents and the size of letters by itself.
pub(super) fn word_of_index(word: &str) -> Cow<'_, str> {
    if word.chars().any(is_lost_mark) { folded(word).into() } else { word.into() }
}

/// Signs side by side as one word of the index.
pub(super) fn signs_of_index<'a>(signs: impl IntoIterator<Item = &'a Piece>) -> String {
    signs.into_iter().flat_map(|sign| sign.folded.chars()).map(as_letter).collect()
}

/// Whether a sign is of a script whose words stand one behind the other without spaces, or are often looked for in part.
fn is_sign(sign: char) -> bool {
    use Script::{
        Balinese, Bopomofo, Han, Hangul, Hiragana, Javanese, Katakana, Khmer, Lao, Myanmar,
        New_Tai_Lue, Tai_Le, Tai_Tham, Tai_Viet, Thai, Yi,
    };
    if sign < FIRST_UNDIVIDED || !is_of_word(sign) {
        return false;
    }
    match sign.script() {
        Han | Hiragana | Katakana | Hangul | Bopomofo | Yi | Thai | Lao | Khmer | Myanmar
        | Tai_Le | New_Tai_Lue | Tai_Tham | Tai_Viet | Javanese | Balinese => true,
        // What hiragana and katakana share: it makes long, and says once more.
        _ => matches!(sign, '\u{3006}' | '\u{3031}'..='\u{3035}' | 'ー' | '\u{ff70}'),
    }
}

/// Whether it changes the sign before: an accent, a vowel, the end of a syllable, the voice of a narrow katakana.
fn belongs_to_sign(sign: char) -> bool {
    is_combining_mark(sign) || matches!(sign, '\u{1160}'..='\u{11ff}' | '\u{ff9e}' | '\u{ff9f}')
}

fn is_of_word(sign: char) -> bool {
    sign.is_alphanumeric() || is_combining_mark(sign)
}

/// Whether the index takes it for the end of a word: all marks but the accents of Latin, Greek and Cyrillic.
fn is_lost_mark(sign: char) -> bool {
    is_combining_mark(sign) && !matches!(sign, '\u{300}'..='\u{36f}')
}

/// A word in small letters and without accents. Vowels that are written as marks stay.
fn folded(word: &str) -> String {
    use Script::{Arabic, Common, Cyrillic, Hebrew, Inherited, Syriac};
    let fold = |sign: char| match sign {
        _ if !is_combining_mark(sign) => Some(sign),
        _ => match sign.script() {
            Inherited | Common | Arabic | Hebrew | Syriac | Cyrillic => None,
            _ => Some(as_letter(sign)),
        },
    };
    word.nfd().filter_map(fold).collect::<String>().to_lowercase()
}

/// A sign or mark as one that the index takes for a letter, whichever version of Unicode it knows: a private one.
fn as_letter(sign: char) -> char {
    char::from_u32(0xf_0000 | u32::from(sign) & 0xffff).unwrap_or(sign)
}
