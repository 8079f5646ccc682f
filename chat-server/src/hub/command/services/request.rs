//! Requests to services, word by word.

use std::time::{Duration, SystemTime};

use chat_core::proto::{Service, cut};

use crate::{
    delivery::ReplyLine,
    hub::{refusal::Refusal, replies::turn::Turn, state::list_entry::Terms},
};

/// The longest time for which somebody is banned; without one it is until somebody ends it.
const TIME_MAX: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// Bytes of a reason for a ban.
const REASON_BYTES_MAX: usize = 200;

/// A request to a service, word by word.
pub(crate) struct Said<'a> {
    to: Service,
    help: &'static [&'static str],
    text: &'a str,
    words: Vec<&'a str>,
}

impl<'a> Said<'a> {
    pub(crate) fn new(to: Service, help: &'static [&'static str], text: &'a str) -> Self {
        Self { to, help, text, words: text.split_whitespace().collect() }
    }

    /// The word of the request.
    pub(crate) fn command(&self) -> String {
        self.word(0).unwrap_or("HELP").to_ascii_uppercase()
    }

    /// The request as it can be said again, with its service before it.
    pub(crate) fn whole(&self) -> String {
        format!("{} {}", self.to.nick(), self.words.join(" "))
    }

    pub(crate) fn word(&self, index: usize) -> Option<&'a str> {
        self.words.get(index).copied()
    }

    /// The words from there on.
    pub(crate) fn rest(&self, index: usize) -> Option<String> {
        self.words.get(index..).filter(|words| !words.is_empty()).map(|words| words.join(" "))
    }

    /// The text from that word on as it was written, which must be there: a password may have spaces.
    pub(crate) fn need_text(&self, index: usize) -> Result<&'a str, Refusal> {
        self.need(index)?;
        let mut rest = self.text.trim_start();
        for _ in 0..index {
            rest = rest.split_once(char::is_whitespace).unwrap_or_default().1.trim_start();
        }
        Ok(rest)
    }

    /// The two passwords from that word on: two words, or, where they have spaces, each in quotes.
    pub(crate) fn need_two_passwords(&self, index: usize) -> Result<(&'a str, &'a str), Refusal> {
        let both = (self.need(index)?, self.need(index + 1)?);
        if self.words.len() == index + 2 {
            return Ok(both);
        }
        let quoted = self.need_text(index)?.trim_end().strip_prefix('"');
        let quoted = quoted.and_then(|text| text.strip_suffix('"')?.split_once("\" \""));
        quoted.filter(|(old, new)| !old.contains('"') && !new.contains('"')).ok_or_else(|| {
            self.no("a password that has spaces stands in quotes, and then both do: \"old one\" \"new one\"")
        })
    }

    /// A word that must be there; or how it is written.
    pub(crate) fn need(&self, index: usize) -> Result<&'a str, Refusal> {
        let command = self.command();
        let is_about = |line: &&&str| line.split([' ', ':', ';']).any(|word| word == command);
        let text = match self.help.iter().find(is_about) {
            Some(help) => format!("write {help}"),
            None => "write HELP".to_owned(),
        };
        self.word(index).ok_or_else(|| self.no(&text))
    }

    /// The terms that the words from there on say: a time, or none for ever, and a reason.
    pub(crate) fn terms(&self, index: usize, now: SystemTime) -> Result<Terms, Refusal> {
        let time = self.word(index).and_then(|word| humantime::parse_duration(word).ok());
        if time.is_some_and(|time| time > TIME_MAX || time.is_zero()) {
            return Err(self.no("a time is 10 years at most: leave it out for ever"));
        }
        let reason = self.rest(if time.is_some() { index + 1 } else { index });
        let reason = reason.map(|reason| cut(&reason, REASON_BYTES_MAX).into());
        Ok(Terms { until: time.map(|time| now + time), reason })
    }

    /// The refusal of the request, in words.
    pub(crate) fn no(&self, text: &str) -> Refusal {
        Refusal::Service { by: self.to, text: text.to_owned() }
    }

    pub(crate) fn say(&self, turn: &mut Turn, text: &str) {
        turn.say(ReplyLine::Said { by: self.to, text: text.into() });
    }

    /// Shows what can be asked, or that this cannot be.
    pub(crate) fn help(&self, turn: &mut Turn) -> Result<(), Refusal> {
        if self.command() != "HELP" {
            return Err(self.no("this is not understood: write HELP"));
        }
        self.help.iter().for_each(|line| self.say(turn, line));
        Ok(())
    }
}
