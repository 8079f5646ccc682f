//! The words of a search (`docs/search.md`), read and bounded before anybody looks for them; and where they are in a text.

use std::{collections::BTreeSet, ops::Range};

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Words of one search, each counted once: the index looks up each, and a question of a hundred takes seconds.
pub const WORDS_MAX: usize = 8;

/// Bytes that a beginning (`word*`) has at least: three letters of Latin, two of Greek or Cyrillic, one sign of Chinese.
/// Eight of three letters take a millisecond where eight of one take a second.
pub const BEGINNING_BYTES_MIN: usize = 3;

/// The words that are looked for: words for the index, and words one behind the other, which are looked for in the
/// texts that the index gives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SearchWords {
    text: String,
    /// The expression as FTS5 reads it.
    expression: String,
    phrases: Vec<Vec<String>>,
    unwanted: Vec<Vec<String>>,
    /// The words that are shown, and whether as a beginning.
    marked: Vec<(String, bool)>,
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
            let own: Vec<&str> = words_in(word).collect();
            let tokens = tokens(word);
            let is_beginning = word.ends_with('*') && own.len() == 1;
            if let ([token], true) = (&*tokens, is_beginning)
                && token.len() < BEGINNING_BYTES_MIN
            {
                return Err(format!(
                    "a beginning of a word has {BEGINNING_BYTES_MIN} letters at least before its *, not {token}*"
                ));
            }
            let is_of_phrase = own.len() > 1;
            let is_new = |token: &String, known: &mut BTreeSet<_>| {
                // What is unwanted as a part of a phrase may be wanted by itself.
                known.insert((
                    is_unwanted,
                    is_unwanted && is_of_phrase,
                    is_beginning,
                    token.clone(),
                ))
            };
            let mut added = Vec::new();
            for (own, token) in own.iter().zip(&tokens) {
                if is_new(token, &mut known) {
                    added.push(format!("\"{own}\"{}", if is_beginning { "*" } else { "" }));
                    if !is_unwanted {
                        words.marked.push((token.clone(), is_beginning));
                    }
                }
                if known.len() > WORDS_MAX {
                    return Err(format!("one looks for {WORDS_MAX} different words at most"));
                }
            }
            match (own.len(), is_unwanted) {
                (0, _) => {}
                (1, true) => not.extend(added),
                (_, true) => words.unwanted.push(tokens),
                (1, false) => single.extend(added),
                (_, false) => {
                    single.extend(added);
                    words.phrases.push(tokens);
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

    /// The ranges of a text in which they are, in bytes.
    pub(crate) fn ranges(&self, text: &str) -> Vec<Range<usize>> {
        let is_wanted = |word: &&str| {
            let own = plain(word);
            self.marked.iter().any(|(wanted, is_beginning)| {
                if *is_beginning { own.starts_with(wanted) } else { own == *wanted }
            })
        };
        let place = |word: &str| {
            let start = word.as_ptr().addr() - text.as_ptr().addr();
            start..start + word.len()
        };
        words_in(text).filter(is_wanted).map(place).collect()
    }

    /// Whether a text that has all the words has them as they are wanted.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        if self.phrases.is_empty() && self.unwanted.is_empty() {
            return true;
        }
        let own = tokens(text);
        let has = |phrase: &Vec<String>| own.windows(phrase.len()).any(|own| own == phrase);
        self.phrases.iter().all(has) && !self.unwanted.iter().any(has)
    }
}

/// The words of a text.
fn words_in(text: &str) -> impl Iterator<Item = &str> {
    let is_between = |sign: char| !sign.is_alphanumeric() && !is_combining_mark(sign);
    text.split(is_between).filter(|word| word.chars().any(char::is_alphanumeric))
}

/// The words of a text, in small letters and without accents: the same for texts that read the same.
fn tokens(text: &str) -> Vec<String> {
    words_in(text).map(plain).collect()
}

fn plain(word: &str) -> String {
    word.nfd().filter(|sign| !is_combining_mark(*sign)).collect::<String>().to_lowercase()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

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
        for long in ["abc*", "жж*", "字*", "a.b*", "a"] {
            assert!(SearchWords::read(long).is_ok(), "{long}");
        }
    }
}
