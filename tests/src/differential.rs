//! Scripts against other people's servers: how what comes there differs from what ours sends.
//!
//! Ours and theirs play a script side by side. After each line of it the commands and numerics that each
//! person has received are compared, whatever their order and number; and each line that says what is
//! received is held against theirs too. Words are compared without regard to what means the same on the
//! wire: a colon before a last parameter that needs none, and the `~` ngIRCd puts before every user name.

use std::collections::{BTreeMap, BTreeSet};

use chat_core::{
    proto::mask_matches,
    wire::{Line as WireLine, LineWriter},
};

use crate::{
    peer::Peer,
    script::{Line, Stage, act, introduce, lines},
    sockets::Sockets,
    world::{SimLog, World},
};

pub use crate::peer::Make;

/// One way in which another server is not like ours.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// The number of the line of the script at which it shows, counted from 1.
    pub number: usize,
    /// The line that differs.
    pub line: String,
    /// The lines that are missing, and those that come instead.
    pub what: String,
}

/// Whether other servers can play it at all: not what is about our log, our doors, or time.
#[must_use]
pub fn is_playable(script: &str) -> bool {
    lines(script).all(|line| match Line::parse(line) {
        Ok(Line::Opens { door, .. }) => door == chat_server::hub::Door::Irc,
        Ok(Line::Fails | Line::Holds(_) | Line::Pretends(_)) | Err(_) => false,
        Ok(_) => true,
    })
}

/// All differences that show when `script` is played.
///
/// # Panics
/// If the server cannot be started.
#[must_use]
pub fn differences(script: &str, make: Make) -> Vec<Difference> {
    let mut pair = Pair {
        ours: World::new(1, SimLog::default(), |_| ()),
        theirs: Sockets::at(Peer::start(make)),
        people: BTreeMap::new(),
        found: Vec::new(),
    };
    for (index, line) in lines(script).enumerate() {
        if !pair.play(index + 1, line) {
            break;
        }
    }
    pair.found
}

struct Pair {
    ours: World,
    theirs: Sockets,
    people: BTreeMap<String, Listener>,
    found: Vec<Difference>,
}

/// The lines somebody has received, as far as they are known.
#[derive(Default)]
struct Listener {
    /// Lines that have been compared, here and there.
    n_ours: usize,
    n_theirs: usize,
    /// Lines of theirs up to the last one that was to be received.
    n_expected: usize,
    /// Commands they do not send where ours does: that they are not heard says nothing more.
    missing: BTreeSet<String>,
}

impl Pair {
    /// Plays a line; false if nothing can come of what follows.
    fn play(&mut self, number: usize, text: &str) -> bool {
        let line = Line::parse(text).expect("it was looked at before");
        let difference = |what| Difference { number, line: text.to_owned(), what };
        match line {
            Line::Hears { name, mask } => {
                self.introduce(name);
                if let Some(what) = self.expect(name, mask) {
                    self.found.push(difference(what));
                }
            }
            Line::HearsNothingLike { name, mask } => {
                self.introduce(name);
                let from = self.people.get(name).map_or(0, |person| person.n_expected);
                let received = self.theirs.received(name)[from..].iter();
                if let Some(line) = received
                    .flat_map(|line| spellings(line, mask))
                    .find(|line| mask_matches(mask, line))
                {
                    self.found.push(difference(format!("this came: {}", plain(&line, ""))));
                }
            }
            Line::Negotiates { name, capabilities } => {
                act(&mut self.ours, &line);
                act(&mut self.theirs, &line);
                self.forget(name);
                let received = self.theirs.received(name);
                if !received.iter().any(|line| line.contains(" ACK ")) {
                    let lacking = self.lacking(capabilities);
                    let what = format!("does not offer {lacking}; the rest was not played");
                    self.found.push(difference(what));
                    return false;
                }
            }
            _ => {
                if let Line::Says { name, .. } = line {
                    self.introduce(name);
                }
                act(&mut self.ours, &line);
                act(&mut self.theirs, &line);
                if let Line::Opens { name, .. } = line {
                    self.people.insert(name.to_owned(), Listener::default());
                }
                if let Some(what) = self.compare() {
                    self.found.push(difference(what));
                }
            }
        }
        true
    }

    fn introduce(&mut self, name: &str) {
        if !self.people.contains_key(name) {
            introduce(&mut self.ours, name);
            introduce(&mut self.theirs, name);
            self.forget(name);
        }
    }

    /// Leaves out of comparison what `name` has received so far.
    fn forget(&mut self, name: &str) {
        let n_theirs = self.theirs.received(name).len();
        let person = self.people.entry(name.to_owned()).or_default();
        person.n_ours = self.ours.received(name).len();
        person.n_theirs = n_theirs;
        person.n_expected = n_theirs;
    }

    /// Which of `capabilities` they do not offer.
    fn lacking(&mut self, capabilities: &str) -> String {
        let probe = "lacking";
        self.theirs.open(probe, chat_server::hub::Door::Irc);
        let mut lacking = Vec::new();
        for capability in capabilities.split(' ') {
            self.theirs.send(probe, format!("CAP REQ :{capability}\r\n").as_bytes());
            let answer = self.theirs.received(probe).last();
            if answer.is_none_or(|line| !line.contains(" ACK ")) {
                lacking.push(capability);
            }
        }
        lacking.join(", ")
    }

    /// The commands each person has received more or less than with ours since the last comparison.
    fn compare(&mut self) -> Option<String> {
        let mut differences = Vec::new();
        for (name, person) in &mut self.people {
            let ours = self.ours.received(name);
            let theirs = self.theirs.received(name);
            let our_commands = commands(&ours[person.n_ours..]);
            let their_commands = commands(&theirs[person.n_theirs..]);
            (person.n_ours, person.n_theirs) = (ours.len(), theirs.len());
            let missing = our_commands.difference(&their_commands).map(|word| format!("−{word}"));
            let more = their_commands.difference(&our_commands).map(|word| format!("+{word}"));
            let words: Vec<String> = missing.chain(more).collect();
            person.missing.retain(|word| !their_commands.contains(word));
            person.missing.extend(our_commands.difference(&their_commands).cloned());
            if !words.is_empty() {
                differences.push(format!("{name}: {}", words.join(" ")));
            }
        }
        (!differences.is_empty()).then(|| differences.join("; "))
    }

    /// The lines there are instead of what `name` was to receive.
    fn expect(&mut self, name: &str, mask: &str) -> Option<String> {
        let theirs = self.theirs.received(name);
        let person = self.people.get_mut(name).expect("they were introduced");
        let waiting = theirs.iter().enumerate().skip(person.n_expected);
        let is_it = |line: &str| spellings(line, mask).iter().any(|line| mask_matches(mask, line));
        if let Some((at, _)) = waiting.clone().find(|(_, line)| is_it(line)) {
            person.n_expected = at + 1;
            return None;
        }
        let command = commands(&[mask.to_owned()]).into_iter().next().unwrap_or_default();
        if person.missing.contains(&command) {
            return None;
        }
        let mut alike = waiting.map(|(_, line)| plain(&spellings(line, mask)[0], mask));
        let latest = alike.rfind(|line| commands(std::slice::from_ref(line)).contains(&command));
        Some(latest.unwrap_or_else(|| "it came earlier, or not at all".to_owned()))
    }
}

/// The commands and numerics of lines.
fn commands(lines: &[String]) -> BTreeSet<String> {
    lines.iter().filter_map(|line| Some(WireLine::parse(line).ok()?.command.to_owned())).collect()
}

/// A line as ours might have written it: with and without a colon that is not needed, and with the tags
/// alone that `mask` names, in its order.
fn spellings(line: &str, mask: &str) -> Vec<String> {
    let line = line.trim_end().replace("!~u@", "!u@").replace(" ~u ", " u ");
    let Ok(parsed) = WireLine::parse(&line) else { return vec![line] };
    let named = mask.strip_prefix('@').and_then(|rest| rest.split(' ').next()).unwrap_or_default();
    let named: Vec<&str> =
        named.split(';').map(|tag| tag.split('=').next().unwrap_or_default()).collect();
    let place = |key: &str| named.iter().position(|own| *own == key);
    let mut tags: Vec<_> =
        parsed.tags.iter().filter_map(|tag| Some((place(tag.key)?, tag))).collect();
    tags.sort_by_key(|(at, _)| *at);
    let write = |has_colon: bool| {
        let mut bytes = Vec::new();
        let mut writer = LineWriter::new(&mut bytes);
        for (_, tag) in &tags {
            writer = writer.tag(tag.key, &tag.value());
        }
        if let Some(source) = parsed.source {
            writer = writer.source(source);
        }
        writer = writer.command(parsed.command);
        let params = parsed.params.as_slice();
        writer = match params.split_last() {
            Some((last, middle)) if has_colon => {
                middle.iter().fold(writer, |writer, param| writer.param(param)).last(last)
            }
            _ => writer.params(params),
        };
        writer.finish().ok()?;
        Some(String::from_utf8(bytes).ok()?.trim_end().to_owned())
    };
    let written: Vec<String> = [false, true].into_iter().filter_map(write).collect();
    if written.is_empty() { vec![line] } else { written }
}

/// A line without what differs from one time to the next: long numbers, which are times, and what `mask`
/// leaves open, word by word if it has as many, and tag by tag.
fn plain(line: &str, mask: &str) -> String {
    let is_alike = mask.split(' ').count() == line.split(' ').count();
    let mut mask_words = mask.split(' ').take_while(|_| is_alike);
    let word = |word: &str| {
        let open = mask_words.next();
        if word.starts_with('@') && line.starts_with(word) {
            let tags = word.split(';').map(|tag| match tag.split_once('=') {
                Some((key, _)) if mask.contains(&format!("{key}=*")) => format!("{key}=*"),
                _ => tag.to_owned(),
            });
            tags.collect::<Vec<_>>().join(";")
        } else if word.len() >= 9 && word.bytes().all(|byte| byte.is_ascii_digit()) {
            "<time>".to_owned()
        } else if open == Some("*") {
            "*".to_owned()
        } else {
            word.to_owned()
        }
    };
    line.split(' ').map(word).collect::<Vec<_>>().join(" ")
}
