//! The standard output and error, when nobody is typing on them.

use std::io::{self, IsTerminal, Write};

/// Whether there is a person at a terminal that can be drawn on.
pub(crate) fn is_interactive() -> bool {
    let is_plain = std::env::var_os("TERM").is_none_or(|term| term == "dumb" || term == "emacs");
    io::stdin().is_terminal() && io::stdout().is_terminal() && !is_plain
}

/// Whether colours are wanted (<https://no-color.org>).
pub(crate) fn wants_colour() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Prints a line. Whether anyone reads on.
pub(crate) fn say(line: &str) -> bool {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).is_ok()
}

/// Says what went wrong, where errors belong.
pub(crate) fn complain(sentence: &str) {
    // Nobody reads the error stream: nothing more can be said.
    let _ = writeln!(io::stderr(), "chat-cli: {sentence}");
}
