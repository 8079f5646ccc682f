//! The look of an update at a terminal: one line, safe whatever strangers wrote. Pure.

use std::time::SystemTime;

use chat_core::{
    ChatMessage, Delivery, MessageKind, Origin, Target, Update,
    listener::describe,
    text::{beginning, printable},
};

/// The characters of a text that are shown at once, and its lines: what a screen has place for.
const SHOWN_CHARS_MAX: usize = 2000;
const SHOWN_LINES_MAX: usize = 24;

/// The view of a person: what rendering depends on beside the update.
#[derive(Debug, Clone)]
pub(crate) struct View {
    /// The conversation the person is looking at; others are named.
    pub(crate) current: Option<String>,
    pub(crate) with_colour: bool,
    /// The rest of the last text that was too long to be shown at once.
    pub(crate) rest: Option<String>,
}

/// Readable on dark and on light grounds.
const NICK_COLOURS: [u8; 12] = [31, 32, 33, 34, 35, 36, 91, 92, 94, 95, 96, 93];

impl View {
    /// The line for an update; `None` for what a person need not read.
    pub(crate) fn line(&mut self, update: &Update) -> Option<String> {
        match update {
            // It stands where it was typed; only what goes wrong is worth a line.
            Update::Message(message) if message.origin == Origin::LocalEcho => None,
            // The past is told apart from what is new: all of it is dim, and a line stands behind it.
            Update::Message(message) if message.origin == Origin::History => {
                let with_colour = std::mem::replace(&mut self.with_colour, false);
                let line = self.message(message);
                self.with_colour = with_colour;
                Some(self.paint(2, &line))
            }
            Update::PastTold { target, origin, .. } => {
                let when = match origin {
                    Origin::History => format!("said in {} before you came", target.name()),
                    _ => "said while you were away".to_owned(),
                };
                Some(
                    self.paint(
                        2,
                        &format!("\u{2500}\u{2500} {} \u{2500}\u{2500}", printable(&when)),
                    ),
                )
            }
            Update::Message(message) => Some(self.message(message)),
            Update::Delivery { state: Delivery::Failed(error), .. } => {
                Some(self.paint(31, &format!("! your message was not delivered: {error}")))
            }
            Update::Members { room, nicks, .. } => {
                let everyone = match nicks.len() {
                    1 => "nobody else is here yet".to_owned(),
                    n if n <= 20 => format!("{n} people here: {}", nicks.join(", ")),
                    n => format!("{n} people here (/names shows them)"),
                };
                Some(self.paint(2, &format!("* {room}: {everyone}")))
            }
            other => describe(other).map(|line| {
                let colour = if line.starts_with('!') { 31 } else { 2 };
                let line = self.cut(&line);
                self.paint(colour, &line)
            }),
        }
    }

    fn message(&mut self, message: &ChatMessage) -> String {
        let time = self.paint(2, &clock(message.time));
        let nick = self.paint(nick_colour(&message.sender), &printable(&message.sender));
        let text = self.cut(&printable(&message.text));
        let text = if message.mentions_me { self.paint(1, &text) } else { text };
        let place = match &message.target {
            target if self.current.as_deref().is_some_and(|name| same(name, target.name())) => {
                String::new()
            }
            Target::User(_) => format!("{} ", self.paint(2, "(to you)")),
            target => format!("{} ", self.paint(2, &format!("[{}]", printable(target.name())))),
        };
        match message.kind {
            MessageKind::Action => format!("{time} {place}* {nick} {text}"),
            MessageKind::Notice => format!("{time} {place}{nick} (notice): {text}"),
            _ => format!("{time} {place}{nick}: {text}"),
        }
    }

    /// The part of `text` that is shown at once; the rest is kept until the next one that is cut.
    fn cut(&mut self, text: &str) -> String {
        let shown = beginning(text, SHOWN_CHARS_MAX, SHOWN_LINES_MAX);
        let rest = &text[shown.len()..];
        if rest.is_empty() {
            return text.to_owned();
        }
        self.rest = Some(rest.to_owned());
        let n = rest.chars().count();
        format!("{shown}\u{2026} ({n} characters more: /rest shows them)")
    }

    /// `text` in a colour, where colours are wanted.
    pub(crate) fn paint(&self, colour: u8, text: &str) -> String {
        if self.with_colour { format!("\u{1b}[{colour}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

fn same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

/// Hours and minutes here, and the day if it is not today.
fn clock(time: SystemTime) -> String {
    match jiff::Timestamp::try_from(time) {
        Ok(timestamp) => {
            let time = timestamp.to_zoned(jiff::tz::TimeZone::system());
            let is_today = time.date() == jiff::Zoned::now().date();
            time.strftime(if is_today { "%H:%M" } else { "%b %-d %H:%M" }).to_string()
        }
        // A server's clock beyond the year 9999.
        Err(_) => "--:--".to_owned(),
    }
}

/// The colour of a nick: the same everywhere and always (FNV-1a).
fn nick_colour(nick: &str) -> u8 {
    let hash = nick.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0193)
    });
    NICK_COLOURS[hash as usize % NICK_COLOURS.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view() -> View {
        View { current: None, with_colour: false, rest: None }
    }

    #[test]
    fn a_text_without_an_end_is_shown_in_part_and_the_rest_is_kept() {
        let mut view = view();
        for (letter, n) in [("x", 15_000), ("\u{fdfa}", 5000), ("e\u{301}", 5000)] {
            let text = letter.repeat(n);
            let shown = view.cut(&text);
            assert!(shown.chars().count() < SHOWN_CHARS_MAX + 60, "{}", shown.len());
            let (beginning, _) = shown.split_once('\u{2026}').expect("it says that there is more");
            let rest = view.rest.take().expect("the rest is kept");
            assert!(shown.contains(&format!("({} characters more", rest.chars().count())));
            assert_eq!(format!("{beginning}{rest}"), text);
        }
        assert_eq!(view.cut("short"), "short");
        assert!(view.rest.is_none());
    }
}
