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

    /// The terms that the words from there on say: a time, or none for ever, and a reason. What begins like a time is one, or is
    /// complained of: nobody is banned for ever by a slip.
    pub(crate) fn terms(&self, index: usize, now: SystemTime) -> Result<Terms, Refusal> {
        let (time, n_words) = self.time(index)?;
        if time.is_some_and(|time| time > TIME_MAX || time.is_zero()) {
            return Err(self.no("a time is 10 years at most: leave it out for ever"));
        }
        let reason = self.rest(index + n_words);
        let reason = reason.map(|reason| cut(&reason, REASON_BYTES_MAX).into());
        Ok(Terms { until: time.map(|time| now + time), reason })
    }

    /// The time that the words from there on begin with, such as `2h`, `2 h` or `1d 12h`, and in how many words it stands.
    fn time(&self, index: usize) -> Result<(Option<Duration>, usize), Refusal> {
        let (mut time, mut n_words) = (None, 0_usize);
        while let Some(word) = self.word(index + n_words) {
            let is_number = word.bytes().all(|byte| byte.is_ascii_digit());
            // A number has its unit in the next word.
            let (written, n) = match self.word(index + n_words + 1) {
                Some(unit) if is_number => (format!("{word}{unit}"), 2),
                _ => (word.to_owned(), 1),
            };
            // Not `0`, which is read as a time without a unit.
            let own = humantime::parse_duration(&written).ok().filter(|_| !(is_number && n == 1));
            match own {
                Some(own) => time = Some(time.unwrap_or(Duration::ZERO).saturating_add(own)),
                None if time.is_none()
                    && word
                        .trim_start_matches(['+', '-'])
                        .starts_with(|c: char| c.is_ascii_digit()) =>
                {
                    return Err(self.no(&format!(
                        "{} is no time: write one like 90s, 10m, 2h or 7d, or begin the reason with another word",
                        cut(word, REASON_BYTES_MAX)
                    )));
                }
                None => break,
            }
            n_words += n;
        }
        Ok((time, n_words))
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
