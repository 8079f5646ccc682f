//! Completion of commands, nicks and rooms while a line is typed.

use std::sync::{Arc, Mutex, PoisonError};

use chat_core::ClientHandle;
use rustyline::{
    Context, Helper, Result, completion::Completer, highlight::Highlighter, hint::Hinter,
    validate::Validator,
};

use crate::input::COMMANDS;

/// The surroundings that completion looks at; exchanged when the client or the room changes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Surroundings(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    client: Option<ClientHandle>,
    current: Option<String>,
}

impl Surroundings {
    pub(crate) fn set(&self, client: &ClientHandle, current: Option<&str>) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *inner = Inner { client: Some(client.clone()), current: current.map(str::to_owned) };
    }

    /// Nicks of the current room, and all rooms.
    fn names(&self) -> (Vec<Arc<str>>, Vec<Arc<str>>) {
        let inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(client) = &inner.client else { return Default::default() };
        let me = client.nick();
        let current = inner.current.as_deref().unwrap_or_default();
        let nicks = client.members(current).into_iter().filter(|nick| *nick != me).collect();
        (nicks, client.rooms())
    }
}

/// rustyline's helper.
#[derive(Debug)]
pub(crate) struct Completion(pub(crate) Surroundings);

impl Completer for Completion {
    type Candidate = String;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> Result<(usize, Vec<String>)> {
        let start = word_start(&line[..at]);
        let (nicks, rooms) = self.0.names();
        Ok((start, candidates(&line[start..at], start == 0, &nicks, &rooms)))
    }
}

/// The place at which the last word of `line` starts.
fn word_start(line: &str) -> usize {
    let mut spaces = line.char_indices().filter(|(_, character)| character.is_whitespace());
    spaces.next_back().map_or(0, |(at, space)| at + space.len_utf8())
}

/// The words that `word` could become. A nick at the start of a line addresses its owner.
fn candidates(word: &str, is_first: bool, nicks: &[Arc<str>], rooms: &[Arc<str>]) -> Vec<String> {
    let begins =
        |name: &str| name.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    if is_first && word.starts_with('/') {
        let commands = COMMANDS.iter().map(|(command, _, _)| *command);
        return commands
            .filter(|command| begins(command))
            .map(|command| format!("{command} "))
            .collect();
    }
    if word.starts_with('#') {
        return rooms.iter().filter(|room| begins(room)).map(|room| format!("{room} ")).collect();
    }
    let suffix = if is_first { ": " } else { " " };
    nicks.iter().filter(|nick| begins(nick)).map(|nick| format!("{nick}{suffix}")).collect()
}

impl Hinter for Completion {
    type Hint = String;
}
impl Highlighter for Completion {}
impl Validator for Completion {}
impl Helper for Completion {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_starts_behind_any_space() {
        for (line, start) in [("", 0), ("ab", 0), ("a b", 2), ("a\u{3000}b", 4), ("a\u{a0}", 3)] {
            assert_eq!(word_start(line), start, "{line:?}");
        }
    }

    #[test]
    fn words_are_completed_by_where_they_stand() {
        let nicks: Vec<Arc<str>> = ["Ann", "anton", "Bob"].map(Arc::from).into();
        let rooms: Vec<Arc<str>> = ["#lobby", "#logs"].map(Arc::from).into();
        let complete = |word, is_first| candidates(word, is_first, &nicks, &rooms);
        assert_eq!(complete("an", true), ["Ann: ", "anton: "]);
        assert_eq!(complete("B", false), ["Bob "]);
        assert_eq!(complete("/jo", true), ["/join "]);
        assert_eq!(complete("#lo", false), ["#lobby ", "#logs "]);
        assert!(complete("/jo", false).is_empty());
        assert!(complete("é", true).is_empty());
    }
}
