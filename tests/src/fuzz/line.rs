//! Any text as a line: what is read and written again is read the same.

use chat_core::{
    proto::Command,
    wire::{Line, LineWriter},
};

/// Takes a text.
pub(super) fn run(text: &str) {
    let Ok(line) = Line::parse(text) else { return };
    // An error is an answer, a panic is not.
    let _ = Command::parse(&line);
    let mut bytes = Vec::new();
    let mut writer = LineWriter::new(&mut bytes);
    for tag in line.tags.iter() {
        let value = line.tags.get(tag.key).unwrap_or_default();
        writer = writer.tag(tag.key, &value);
    }
    let params: Vec<&str> = line.params.as_slice().to_vec();
    if writer.command(line.command).params(&params).finish().is_err() {
        return;
    }
    let written = String::from_utf8(bytes).expect("text in, text out");
    let again = Line::parse(written.trim_end_matches("\r\n")).expect("what is written is a line");
    assert_eq!(again.command, line.command);
    assert_eq!(again.params.as_slice(), line.params.as_slice());
    for tag in line.tags.iter() {
        assert_eq!(again.tags.get(tag.key), line.tags.get(tag.key), "{}", tag.key);
    }
}
