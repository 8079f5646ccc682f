//! The words of a search (`docs/search.md`), read and bounded before anybody looks for them; and where they are in a text.

mod pieces;

use std::{collections::BTreeSet, ops::Range};

pub(crate) use self::pieces::indexed;
use self::pieces::{Piece, pieces, signs_of_index, word_of_index};

/// Words of one search, each counted once: the index looks up each, and a question of a hundred takes seconds. Signs that
/// nothing divides (上海市) are one, however many there are.
pub const WORDS_MAX: usize = 8;

/// Bytes that a beginning (`word*`) has at least: three letters of Latin, two of Greek or Cyrillic.
/// Eight of three letters take a millisecond where eight of one take a second.
pub const BEGINNING_BYTES_MIN: usize = 3;

/// Pairs of signs that the index looks up of one run: the rest of a longer one is looked for in the texts that it gives.
const PAIRS_MAX: usize = 4;

/// The words that are looked for: words for the index, and words one behind the other, which are looked for in the
/// texts that the index gives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SearchWords {
    text: String,
    /// The expression as FTS5 reads it.
    expression: String,
    phrases: Vec<Vec<Piece>>,
    unwanted: Vec<Vec<Piece>>,
    /// The words that are shown.
    marked: Vec<Marked>,
}

/// A word, or signs side by side, as it is shown in a text that has it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Marked {
    pieces: Vec<Piece>,
    is_beginning: bool,
}

impl SearchWords {
    /// Reads all words, `"..."` one behind the other, `word*` any with that beginning, `-word` none with it. What is said
    /// twice counts once.
    ///
    /// # Errors
    /// A sentence, if there are more than [`WORDS_MAX`] words, or a beginning of less than [`BEGINNING_BYTES_MIN`] bytes.
    pub fn read(text: &str) -> Result<Self, String> {
        let mut words = Self { text: text.to_owned(), ..Self::default() };
        let (mut single, mut not) = (Vec::new(), Vec::new());
        let mut known = BTreeSet::new();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let is_unwanted = rest.starts_with('-');
            rest = rest.trim_start_matches('-');
            let (word, behind) = match rest.strip_prefix('"') {
                Some(phrase) => phrase.split_once('"').unwrap_or((phrase, "")),
                None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
            };
            rest = behind.trim_start();
            // The index makes of them what it has made of the texts.
            let pieces = pieces(word);
            let is_word = matches!(&*pieces, [only] if !only.is_sign);
            let is_beginning = is_word && word.ends_with('*');
            if let ([only], true) = (&*pieces, is_beginning)
                && only.folded.len() < BEGINNING_BYTES_MIN
            {
                return Err(format!(
                    "a beginning of a word has {BEGINNING_BYTES_MIN} letters at least before its *, not {}*",
                    only.folded
                ));
            }
            let mut added = Vec::new();
            for run in pieces.chunk_by(|before, piece| piece.goes_on(before)) {
                let name: String = run.iter().map(|piece| &*piece.folded).collect();
                // What is unwanted as a part of a phrase may be wanted by itself.
                if known.insert((is_unwanted, is_unwanted && !is_word, is_beginning, name)) {
                    added.extend(expressions(run, word, is_beginning));
                    if !is_unwanted {
                        words.marked.push(Marked { pieces: run.to_vec(), is_beginning });
                    }
                }
                if known.len() > WORDS_MAX {
                    return Err(format!("one looks for {WORDS_MAX} different words at most"));
                }
            }
            match (is_word, is_unwanted) {
                _ if pieces.is_empty() => {}
                (true, true) => not.extend(added),
                (true, false) => single.extend(added),
                (false, true) => add_new(&mut words.unwanted, pieces),
                (false, false) => {
                    single.extend(added);
                    add_new(&mut words.phrases, pieces);
                }
            }
        }
        if single.is_empty() {
            return Ok(Self { text: words.text, ..Self::default() });
        }
        words.expression = single.join(" AND ");
        for word in not {
            words.expression = format!("({}) NOT {word}", words.expression);
        }
        Ok(words)
    }

    /// The words as they were read.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The expression as FTS5 reads it; none, if there is nothing that could be looked for.
    #[must_use]
    pub fn expression(&self) -> &str {
        &self.expression
    }

    /// Whether there is nothing that could be looked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.expression.is_empty()
    }

    /// The ranges of a text in which they are, in bytes: in order, and none within another.
    pub(crate) fn ranges(&self, text: &str) -> Vec<Range<usize>> {
        let own = pieces(text);
        let mut found: Vec<Range<usize>> = Vec::new();
        for at in 0..own.len() {
            let ends = self.marked.iter().filter_map(|marked| marked.end_in(&own[at..]));
            let Some(end) = ends.max() else { continue };
            match found.last_mut().filter(|last| own[at].place.start < last.end) {
                Some(last) => last.end = last.end.max(end),
                None => found.push(own[at].place.start..end),
            }
        }
        found
    }

    /// Whether a text that has all the words has them as they are wanted.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        if self.phrases.is_empty() && self.unwanted.is_empty() {
            return true;
        }
        let own = pieces(text);
        let has =
            |phrase: &Vec<Piece>| own.windows(phrase.len()).any(|own| are_as_wanted(own, phrase));
        self.phrases.iter().all(has) && !self.unwanted.iter().any(has)
    }
}

impl Marked {
    /// The end of the place that it has at the beginning of the pieces of a text.
    fn end_in(&self, own: &[Piece]) -> Option<usize> {
        let own = own.get(..self.pieces.len())?;
        let is_it = match (own, &*self.pieces) {
            ([own], [wanted]) if self.is_beginning => {
                !own.is_sign && own.folded.starts_with(&wanted.folded)
            }
            (own, wanted) => are_as_wanted(own, wanted),
        };
        own.last().filter(|_| is_it).map(|last| last.place.end)
    }
}

/// Whether pieces of a text are those that are wanted; where nothing is between two that are wanted, nothing may be there.
fn are_as_wanted(own: &[Piece], wanted: &[Piece]) -> bool {
    own.iter().zip(wanted).enumerate().all(|(index, (own, wanted))| {
        own.folded == wanted.folded
            && own.is_sign == wanted.is_sign
            && (index == 0 || own.is_joined || !wanted.is_joined)
    })
}

fn add_new(phrases: &mut Vec<Vec<Piece>>, phrase: Vec<Piece>) {
    // By what is compared, not by where they were read.
    let is_it = |own: &&Vec<Piece>| {
        own.len() == phrase.len() && are_as_wanted(own, &phrase) && are_as_wanted(&phrase, own)
    };
    if !phrases.iter().any(|own| is_it(&own)) {
        phrases.push(phrase);
    }
}

/// The words of the index that a text has in which a word or a run of signs of `of` is.
fn expressions(run: &[Piece], of: &str, is_beginning: bool) -> Vec<String> {
    match run {
        [word] if !word.is_sign => {
            let word = word_of_index(&of[word.place.clone()]);
            vec![format!("\"{word}\"{}", if is_beginning { "*" } else { "" })]
        }
        // Wherever it is, it begins a pair, or is the last one.
        [sign] => vec![format!("\"{}\"*", signs_of_index([sign]))],
        signs => {
            // Each sign is in one of them, and few are in two.
            let last = signs.len() - 2;
            let starts = (0..=last).step_by(2).chain((signs.len() % 2 == 1).then_some(last));
            let mut pairs: Vec<String> =
                starts.map(|at| format!("\"{}\"", signs_of_index(&signs[at..at + 2]))).collect();
            pairs.truncate(PAIRS_MAX);
            pairs.sort();
            pairs.dedup();
            pairs
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::borrow::Cow;

    use super::*;

    #[test]
    fn words_become_an_expression() {
        for (words, expected) in [
            ("one", "\"one\""),
            ("One  two*", "\"One\" AND \"two\"*"),
            ("\"one two\" three", "\"one\" AND \"two\" AND \"three\""),
            ("one -two -\"three four\"", "(\"one\") NOT \"two\""),
            ("AND OR NEAR(x)", "\"AND\" AND \"OR\" AND \"NEAR\" AND \"x\""),
            ("\"never closed", "\"never\" AND \"closed\""),
            ("caffè", "\"caffè\""),
            ("one ONE öne \"one two\" one* one*", "\"one\" AND \"two\" AND \"one\"*"),
            ("-\"one two\" one", "\"one\""),
            ("one -two -TWO", "(\"one\") NOT \"two\""),
            ("-one", ""),
            ("...  *", ""),
            ("", ""),
        ] {
            assert_eq!(SearchWords::read(words).unwrap().expression(), expected, "{words}");
        }
        let words = SearchWords::read("\"one two\" -\"three four\"").unwrap();
        assert!(words.is_in("zero ONE, two: four three"));
        assert!(!words.is_in("two one"));
        assert!(!words.is_in("one two three four"));
    }

    #[test]
    fn signs_that_nothing_divides_are_found_within() {
        for (words, text, places) in [
            ("上海", "我在上海市工作", &["上海"][..]),
            ("上", "我在上海市工作", &["上"]),
            ("作", "我在上海市工作", &["作"]),
            ("海市工", "我在上海市工作", &["海市工"]),
            ("我在上海市工作", "我在上海市工作", &["我在上海市工作"]),
            ("哈哈", "哈哈哈！哈", &["哈哈哈"]),
            ("上海 海市", "上海市", &["上海市"]),
            ("\"上海 市\"", "上海，市", &["上海", "市"]),
            ("rust编程", "使用Rust编程", &["Rust", "编程"]),
            ("rust", "使用Rust编程", &["Rust"]),
            ("ガラス", "ｶﾞﾗｽの", &["ｶﾞﾗｽ"]),
            ("が", "日本か\u{3099}", &["か\u{3099}"]),
            ("コーヒー", "アイスコーヒー", &["コーヒー"]),
            ("한", "\u{1112}\u{1161}\u{11ab}국", &["\u{1112}\u{1161}\u{11ab}"]),
            ("국어", "한국어로", &["국어"]),
            ("ที่", "อยู่ที่นี่", &["ที่"]),
            ("हिन्दी", "मैं हिन्दी बोलता", &["हिन्दी"]),
        ] {
            let read = SearchWords::read(words).unwrap();
            assert!(read.is_in(text), "{words} in {text}");
            let shown: Vec<&str> = read.ranges(text).into_iter().map(|at| &text[at]).collect();
            assert_eq!(shown, places, "{words} in {text}");
        }
        for (words, text) in [
            ("上海市", "上海，市"),
            ("海上", "上海"),
            ("上海市区", "上海 市区"),
            ("rust编程", "rust 编程"),
            ("か", "が"),
            ("一 -上海", "一上海"),
        ] {
            assert!(!SearchWords::read(words).unwrap().is_in(text), "{words} in {text}");
        }
    }

    #[test]
    fn words_that_spaces_divide_are_indexed_as_they_are() {
        for text in ["", "the lazy dog", "Il caffè è pronto", "кофе готов", "cafe\u{300}", "10 €"]
        {
            assert!(matches!(indexed(text), Cow::Borrowed(same) if same == text), "{text}");
        }
        // As many words as there are signs.
        assert_eq!(indexed("在上海, ok 市").split_whitespace().count(), 5);
        assert_eq!(indexed("v2上海").split(' ').next(), Some("v2"));
    }

    #[test]
    fn words_and_beginnings_are_bounded() {
        let many = |n: usize| (0..n).map(|n| format!("w{n} ")).collect::<String>();
        assert!(SearchWords::read(&many(WORDS_MAX)).is_ok());
        let refused = SearchWords::read(&many(WORDS_MAX + 1)).unwrap_err();
        assert_eq!(refused, "one looks for 8 different words at most");
        // The same word a thousand times is one.
        assert!(SearchWords::read(&"word ".repeat(1000)).is_ok());
        for refused in [format!("\"{}\"", many(9)), format!("a -\"{}\"", many(8))] {
            assert!(SearchWords::read(&refused).is_err(), "{refused}");
        }
        for short in ["a*", "ab*", "ж*", "word -a*", "é*"] {
            let refused = SearchWords::read(short).unwrap_err();
            assert!(refused.contains("a beginning of a word has 3 letters at least"), "{refused}");
        }
        // Signs that nothing divides are one word, and the index looks up a few of their pairs.
        assert!(SearchWords::read(&"上海市区".repeat(300)).is_ok());
        assert!(SearchWords::read("一 二 三 四 五 六 七 八 九").is_err());
        for long in ["abc*", "жж*", "字*", "a.b*", "a"] {
            assert!(SearchWords::read(long).is_ok(), "{long}");
        }
    }
}
