//! Shapes of numerics: the parameters that the table in `docs/protocol.md` gives each, and every numeric that comes in a
//! script held against them.

use std::{collections::BTreeMap, sync::LazyLock};

use chat_core::{proto::Numeric, wire::Line};

/// Shapes, as the table writes them, by numeric.
static SHAPES: LazyLock<BTreeMap<Numeric, &'static str>> = LazyLock::new(|| {
    let page = include_str!("../../docs/protocol.md");
    let shape = |row: &'static str| {
        let mut columns = row.strip_prefix("| ")?.split(" | ");
        let numeric = Numeric::from_command(columns.next()?)?;
        let _name = columns.next()?;
        Some((numeric, columns.next()?.trim_matches('`')))
    };
    page.lines().filter_map(shape).collect()
});

/// The parameters of `numeric` behind the nick, as the table writes them.
#[must_use]
pub fn shape_of(numeric: Numeric) -> Option<&'static str> {
    SHAPES.get(&numeric).copied()
}

/// Checks a line that a client has got; what is no numeric has no shape.
///
/// # Errors
/// A sentence, if it has other parameters than its row in the table.
pub fn check(line: &str) -> Result<(), String> {
    let Some(parsed) = Line::parse(line).ok() else { return Ok(()) };
    let Some(numeric) = Numeric::from_command(parsed.command) else { return Ok(()) };
    let shape = shape_of(numeric)
        .ok_or_else(|| format!("{line:?}: docs/protocol.md has no {numeric:?}"))?;
    let [_nick, params @ ..] = parsed.params.as_slice() else {
        return Err(format!("{line:?}: a numeric has a nick"));
    };
    if fits(shape, params) {
        Ok(())
    } else {
        Err(format!("{line:?}: docs/protocol.md says that it has {shape}"))
    }
}

/// Whether `params` are such as `shape` says: a word, `<what>`, `{<what>}` for as many as there are, and behind a colon the
/// last one.
#[must_use]
pub fn fits(shape: &str, params: &[&str]) -> bool {
    let (words, last) = match shape.find(':') {
        Some(at) => (&shape[..at], Some(&shape[at + 1..])),
        None => (shape, None),
    };
    let words: Vec<&str> = words.split(' ').filter(|word| !word.is_empty()).collect();
    let params = match (last, params.split_last()) {
        (None, _) => params,
        (Some(last), Some((own, rest))) if is_text(last, own) => rest,
        (Some(_), _) => return false,
    };
    let (fixed, repeated) = match words.split_last() {
        Some((word, fixed)) if word.starts_with('{') => {
            (fixed, Some(word.trim_matches(['{', '}'])))
        }
        _ => (&*words, None),
    };
    let Some((params, more)) = params.split_at_checked(fixed.len()) else { return false };
    fixed.iter().zip(params).all(|(word, own)| is_word(word, own))
        && match repeated {
            Some(word) => more.iter().all(|own| is_word(word, own)),
            None => more.is_empty(),
        }
}

/// Whether a text is of these words, with something in the place of each `<what>`.
fn is_text(shape: &str, text: &str) -> bool {
    let Some((before, rest)) = shape.split_once('<') else { return shape == text };
    let Some(text) = text.strip_prefix(before) else { return false };
    let (what, behind) = rest.split_once('>').unwrap_or((rest, ""));
    if behind.is_empty() {
        return what == "text" || is_one(what, text);
    }
    let next = behind.split('<').next().unwrap_or_default();
    text.match_indices(next)
        .any(|(at, _)| is_one(what, &text[..at]) && is_text(behind, &text[at..]))
}

fn is_word(shape: &str, word: &str) -> bool {
    match shape.strip_prefix('<').and_then(|shape| shape.strip_suffix('>')) {
        // The last of as many fields as were asked for may be a text.
        Some("field") => true,
        Some(what) => !word.is_empty() && !word.contains(' ') && is_one(what, word),
        None => shape == word,
    }
}

/// Whether it is one of these: numbers, times, rooms and sources are told from other words.
fn is_one(what: &str, word: &str) -> bool {
    match what {
        "n" | "time" => !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit()),
        "room" => word.starts_with('#') || word == "*",
        "source" => word == "*" || word.split_once('!').is_some_and(|(_, at)| at.contains('@')),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_tell_lines_apart() {
        for (shape, params, is_so) in [
            (":<text>", &["any text"][..], true),
            (":<text>", &["one", "more"], false),
            ("<nick> <room>", &["ann", "#x"], true),
            ("<nick> <room>", &["#x", "ann"], false),
            ("<nick> <room>", &["ann"], false),
            ("<room> <modes> {<argument>}", &["#x", "+kl", "key", "5"], true),
            ("<room> <modes> {<argument>}", &["#x"], false),
            ("<n> <n> :max <n>", &["1", "2", "max 2"], true),
            ("<n> <n> :max <n>", &["1", "2", "max two"], false),
            (":There are <n> users and <n> more", &["There are 1 users and 2 more"], true),
            (":There are <n> users and <n> more", &["There are 1 users"], false),
            (":0 <description>", &["0 a server"], true),
            ("* :<text>", &["x", "end"], false),
            ("{<key>}", &[], true),
            ("<source> :<text>", &["ann!u@h", "now"], true),
            ("<source> :<text>", &["ann", "now"], false),
        ] {
            assert_eq!(fits(shape, params), is_so, "{shape} {params:?}");
        }
        assert!(check(":s 341 ann bob #x").is_ok() && check(":s 341 ann #x bob").is_err());
        assert!(check(":s 999 ann :x").is_err() && check(":s PONG s :x").is_ok());
    }
}
