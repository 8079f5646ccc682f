//! The published parser vectors, every row, and `irc-proto` as a second opinion on lines of any shape.

use std::collections::BTreeMap;

use chat_core::{
    proto::{ServerName, mask_matches},
    wire::{Line, LineWriter, Source},
};
use proptest::prelude::*;
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Atoms {
    tags: BTreeMap<String, Option<String>>,
    source: Option<String>,
    verb: String,
    params: Vec<String>,
}

#[derive(Deserialize)]
struct Table<T> {
    tests: Vec<T>,
}

fn table<T: for<'de> Deserialize<'de>>(name: &str) -> Vec<T> {
    let path = format!("{}/../tests/data/wire/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).expect("the vectors are part of the repository");
    let table: Table<T> = serde_yaml_ng::from_str(&text).expect("the vectors are valid YAML");
    table.tests
}

#[test]
fn msg_split() {
    #[derive(Deserialize)]
    struct Case {
        input: String,
        atoms: Atoms,
    }
    let cases: Vec<Case> = table("msg-split");
    assert!(cases.len() >= 30, "only {} cases", cases.len());
    for Case { input, atoms } in cases {
        let line = Line::parse(&input).unwrap_or_else(|error| panic!("{input:?}: {error}"));
        assert_eq!(line.command, atoms.verb, "{input:?}");
        assert_eq!(line.source, atoms.source.as_deref(), "{input:?}");
        assert_eq!(line.params.as_slice(), atoms.params, "{input:?}");
        let tags: BTreeMap<_, _> =
            line.tags.iter().map(|tag| (tag.key.to_owned(), tag.value().into_owned())).collect();
        let expected: BTreeMap<_, _> =
            atoms.tags.into_iter().map(|(key, value)| (key, value.unwrap_or_default())).collect();
        assert_eq!(tags, expected, "{input:?}");
    }
}

#[test]
fn msg_join() {
    #[derive(Deserialize)]
    struct Case {
        desc: String,
        atoms: Atoms,
        matches: Vec<String>,
    }
    let cases: Vec<Case> = table("msg-join");
    assert!(cases.len() >= 15, "only {} cases", cases.len());
    for Case { desc, atoms, matches } in cases {
        let mut out = Vec::new();
        let mut writer = LineWriter::new(&mut out);
        for (key, value) in &atoms.tags {
            writer = writer.tag(key, value.as_deref().unwrap_or_default());
        }
        if let Some(source) = &atoms.source {
            writer = writer.source(source);
        }
        writer.command(&atoms.verb).params(&atoms.params).finish().expect(&desc);
        let text = String::from_utf8(out).expect("text in, text out");
        assert!(matches.iter().any(|m| *m == text.trim_end_matches("\r\n")), "{desc}: {text:?}");
    }
}

#[test]
fn userhost_split() {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Parts {
        nick: String,
        user: String,
        host: String,
    }
    #[derive(Deserialize)]
    struct Case {
        source: String,
        atoms: Parts,
    }
    let cases: Vec<Case> = table("userhost-split");
    assert!(cases.len() >= 7, "only {} cases", cases.len());
    for Case { source, atoms } in cases {
        let expected = Source { nick: &atoms.nick, user: &atoms.user, host: &atoms.host };
        assert_eq!(Source::parse(&source), expected, "{source:?}");
    }
}

#[test]
fn mask_match() {
    #[derive(Deserialize)]
    struct Case {
        mask: String,
        #[serde(default)]
        matches: Vec<String>,
        #[serde(default)]
        fails: Vec<String>,
    }
    let cases: Vec<Case> = table("mask-match");
    assert!(cases.len() >= 5, "only {} cases", cases.len());
    for Case { mask, matches, fails } in cases {
        for text in matches {
            assert!(mask_matches(&mask, &text), "{mask} covers {text}");
        }
        for text in fails {
            assert!(!mask_matches(&mask, &text), "{mask} does not cover {text}");
        }
    }
}

#[test]
fn validate_hostname() {
    #[derive(Deserialize)]
    struct Case {
        host: String,
        valid: bool,
    }
    let cases: Vec<Case> = table("validate-hostname");
    assert!(cases.len() >= 13, "only {} cases", cases.len());
    for Case { host, valid } in cases {
        assert_eq!(ServerName::new(&host).is_ok(), valid, "{host:?}");
    }
}

/// A line with single spaces, as both parsers agree such lines look; irc-proto mistakes the verb
/// for an argument where there are more (it is the oracle only within what it gets right).
fn any_line() -> impl Strategy<Value = String> {
    let tags = proptest::option::of("[a-z+/]{1,6}=[a-z0-9é:]{0,6}(;[a-z]{1,4})?");
    let source = proptest::option::of("[a-zA-Z][a-z0-9]{0,6}!~[a-z]{1,6}@[a-z0-9.]{1,10}");
    let params = proptest::collection::vec("[^ :\\x00\\r\\n][^ \\x00\\r\\n]{0,8}", 0..12);
    let last = proptest::option::of("[^\\x00\\r\\n]{0,40}");
    (tags, source, params, last).prop_map(|(tags, source, params, last)| {
        let mut line = String::new();
        tags.iter().for_each(|tags| line += &format!("@{tags} "));
        source.iter().for_each(|source| line += &format!(":{source} "));
        line += "XVERB";
        params.iter().for_each(|param| line += &format!(" {param}"));
        last.iter().for_each(|last| line += &format!(" :{last}"));
        line
    })
}

proptest! {
    #[test]
    fn irc_proto_reads_the_same(text in any_line()) {
        let ours = Line::parse(&text).expect("the strategy makes valid lines");
        let theirs: irc_proto::Message = text.parse().expect("irc-proto parses these");
        let irc_proto::Command::Raw(verb, params) = theirs.command else { panic!("typed XVERB") };
        prop_assert_eq!(ours.command, verb);
        prop_assert_eq!(ours.params.as_slice(), params);
        prop_assert_eq!(ours.source.map(str::to_owned), theirs.prefix.map(|prefix| prefix.to_string()));
        let tags: Vec<_> = ours.tags.iter().map(|t| (t.key.to_owned(), t.value().into_owned())).collect();
        let their_tags: Vec<_> = theirs.tags.unwrap_or_default().into_iter()
            .map(|tag| (tag.0, tag.1.unwrap_or_default())).collect();
        prop_assert_eq!(tags, their_tags);
    }

    #[test]
    fn any_bytes_parse_without_a_panic(text in "\\PC{0,80}|[@:; =+\\\\a\\r\\x00]{0,40}") {
        if let Ok(line) = Line::parse(&text) {
            prop_assert!(!line.command.is_empty());
            let _ = chat_core::proto::Command::parse(&line);
        }
    }

    #[test]
    fn what_is_written_is_read_back(params in proptest::collection::vec("[^\\x00\\r\\n]{0,20}", 0..6)) {
        let mut out = Vec::new();
        if LineWriter::new(&mut out).command("X").params(&params).finish().is_ok() {
            let text = String::from_utf8(out).expect("text");
            let line = Line::parse(text.trim_end_matches("\r\n")).expect("a line");
            prop_assert_eq!(line.params.as_slice(), params);
        }
    }
}
