//! Facts that make a room. A fact that changes is a change of the room's and, if the room is registered, of what the
//! server knows again ([`crate::room_log::Change`]): one code does both, when it happens and when the server starts.

use std::{sync::Arc, time::SystemTime};

use serde::{Deserialize, Serialize};

use crate::{
    hub::state::{
        codec::{milliseconds, read, set, time_at},
        invite_link::InviteLink,
        list_entry::{Entry, Terms},
        modes::{Flag, Flood, List, Mode, ModeChange, Modes},
        ownership::Ownership,
        room::Room,
        topic::Topic,
    },
    ids::ConversationId,
    room_log::Change,
};

/// The first word of the paths of rooms.
pub(crate) const PATH: &str = "room";

/// A fact about a room, which is so from now on.
#[derive(Debug, Clone)]
pub(crate) enum Fact {
    /// An account, by its folded name, has asked to be let in, or does so no more.
    Asking(Arc<str>, Option<SystemTime>),
    Flag(Flag, bool),
    Key(Option<Arc<str>>),
    Limit(Option<u32>),
    /// The terms of a link into the room, or no more.
    Link(Arc<str>, Option<InviteLink>),
    /// Seconds between two messages of somebody without a rank.
    Slow(Option<u32>),
    /// Messages of somebody without a rank, and in which time.
    Flood(Option<Flood>),
    Listed(List, Entry),
    Metadata(Arc<str>, Option<Arc<str>>),
    /// An account, by its folded name, operates it since then wherever it comes from, or no more.
    Operator(Arc<str>, Option<SystemTime>),
    Topic(Option<Topic>),
    Unlisted(List, Arc<str>),
    /// The day when somebody came in or spoke last, counted from 1970.
    Used(u64),
    /// An account has a voice in it, or no more.
    Voice(Arc<str>, bool),
}

/// The document at the path of a room itself.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RoomDocument {
    /// The name, as it is shown.
    pub(crate) name: String,
    /// The account whose it is, by its folded name.
    pub(crate) founder: String,
    /// Milliseconds since 1970.
    pub(crate) founded: u64,
    /// The conversation in the log that is its own.
    pub(crate) conversation: ConversationId,
}

#[derive(Serialize, Deserialize)]
struct TopicDocument {
    text: Arc<str>,
    by: Arc<str>,
    at: u64,
}

#[derive(Serialize, Deserialize)]
struct EntryDocument {
    mask: Arc<str>,
    by: Arc<str>,
    at: u64,
    #[serde(flatten)]
    terms: Terms,
}

/// The path of the room of that number, and of `words` below it.
pub(crate) fn path(number: &str, words: &[&str]) -> Arc<str> {
    let mut path = format!("{PATH}\n{number}");
    for word in words {
        path.push('\n');
        path.push_str(word);
    }
    path.into()
}

/// The number of the room that a path is of, and the words below it.
pub(crate) fn number_in(path: &str) -> Option<(&str, &str)> {
    path.strip_prefix(PATH)?.strip_prefix('\n')?.split_once('\n')
}

/// Whether a path is that of a link into a room.
pub(crate) fn is_link(path: &str) -> bool {
    path.split('\n').nth(2) == Some("link")
}

impl Fact {
    /// The change that lets the server load it, of the room of that number.
    pub(crate) fn change(&self, number: &str) -> Change {
        let at = |words: &[&str]| path(number, words);
        match self {
            // One that is off may be on in other rooms from the start.
            Self::Flag(flag, is_set) => set(at(&["flag", &flag.letter().to_string()]), is_set),
            Self::Key(Some(key)) => set(at(&["key"]), key),
            Self::Key(None) => Change::Remove { path: at(&["key"]) },
            Self::Limit(Some(limit)) => set(at(&["limit"]), limit),
            Self::Limit(None) => Change::Remove { path: at(&["limit"]) },
            Self::Link(token, Some(link)) => set(at(&["link", token]), link),
            Self::Link(token, None) => Change::Remove { path: at(&["link", token]) },
            Self::Flood(Some(flood)) => set(at(&["flood"]), flood),
            Self::Flood(None) => Change::Remove { path: at(&["flood"]) },
            Self::Slow(Some(seconds)) => set(at(&["slow"]), seconds),
            Self::Slow(None) => Change::Remove { path: at(&["slow"]) },
            Self::Asking(account, Some(since)) => {
                set(at(&["asking", account]), &milliseconds(*since))
            }
            Self::Asking(account, None) => Change::Remove { path: at(&["asking", account]) },
            Self::Listed(list, Entry { mask, by, at: when, terms }) => {
                let word = mask.to_ascii_lowercase();
                let entry = EntryDocument {
                    mask: Arc::clone(mask),
                    by: Arc::clone(by),
                    at: milliseconds(*when),
                    terms: terms.clone(),
                };
                set(at(&["list", &list.letter().to_string(), &word]), &entry)
            }
            Self::Unlisted(list, mask) => {
                let words = ["list", &list.letter().to_string(), &mask.to_ascii_lowercase()];
                Change::Remove { path: at(&words) }
            }
            Self::Metadata(key, Some(value)) => set(at(&["metadata", key]), value),
            Self::Metadata(key, None) => Change::Remove { path: at(&["metadata", key]) },
            Self::Operator(account, Some(since)) => {
                set(at(&["operator", account]), &milliseconds(*since))
            }
            Self::Operator(account, None) => Change::Remove { path: at(&["operator", account]) },
            Self::Used(day) => set(at(&["used"]), day),
            Self::Voice(account, true) => set(at(&["voice", account]), &true),
            Self::Voice(account, false) => Change::Remove { path: at(&["voice", account]) },
            Self::Topic(Some(Topic { text, by, at: when })) => {
                let (text, by) = (Arc::clone(text), Arc::clone(by));
                set(at(&["topic"]), &TopicDocument { text, by, at: milliseconds(*when) })
            }
            Self::Topic(None) => Change::Remove { path: at(&["topic"]) },
        }
    }

    /// The fact that the value at `words` of a room says.
    ///
    /// # Errors
    /// A sentence, if it is nothing that this version writes.
    pub(crate) fn of(words: &[&str], value: Option<&str>) -> Result<Self, String> {
        let unknown = || format!("{words:?} is nothing that this version knows of a room");
        Ok(match (words, value) {
            (["flag", letter], Some(value)) => {
                Self::Flag(Flag::by(letter).ok_or_else(unknown)?, read(words, value)?)
            }
            (["key"], value) => Self::Key(value.map(|value| read(words, value)).transpose()?),
            (["asking", account], value) => {
                let since = value.map(|value| read(words, value)).transpose()?.map(time_at);
                Self::Asking((*account).into(), since)
            }
            (["link", token], value) => {
                Self::Link((*token).into(), value.map(|value| read(words, value)).transpose()?)
            }
            (["flood"], value) => Self::Flood(value.map(|value| read(words, value)).transpose()?),
            (["slow"], value) => Self::Slow(value.map(|value| read(words, value)).transpose()?),
            (["limit"], value) => Self::Limit(value.map(|value| read(words, value)).transpose()?),
            (["list", letter, mask], value) => {
                let list = List::by(letter).ok_or_else(unknown)?;
                match value {
                    Some(value) => {
                        let EntryDocument { mask, by, at, terms } = read(words, value)?;
                        Self::Listed(list, Entry { mask, by, at: time_at(at), terms })
                    }
                    None => Self::Unlisted(list, (*mask).into()),
                }
            }
            (["metadata", key], value) => {
                Self::Metadata((*key).into(), value.map(|value| read(words, value)).transpose()?)
            }
            (["operator", account], value) => {
                let since = value.map(|value| read(words, value)).transpose()?.map(time_at);
                Self::Operator((*account).into(), since)
            }
            (["used"], Some(value)) => Self::Used(read(words, value)?),
            (["voice", account], value) => Self::Voice((*account).into(), value.is_some()),
            (["topic"], Some(value)) => {
                let TopicDocument { text, by, at } = read(words, value)?;
                Self::Topic(Some(Topic { text, by, at: time_at(at) }))
            }
            (["topic"], None) => Self::Topic(None),
            _ => return Err(unknown()),
        })
    }
}

impl Room {
    /// Takes a fact: so it is from here on.
    pub(crate) fn take(&mut self, fact: &Fact) {
        match fact {
            Fact::Metadata(key, Some(value)) => {
                self.metadata.insert(Arc::clone(key), Arc::clone(value));
            }
            Fact::Metadata(key, None) => {
                self.metadata.remove(key);
            }
            Fact::Operator(..) | Fact::Used(_) | Fact::Voice(..) => {
                if let Some(ownership) = &mut self.ownership {
                    ownership.take(fact);
                }
            }
            Fact::Topic(topic) => self.topic.clone_from(topic),
            Fact::Link(token, Some(link)) => {
                self.links.insert(Arc::clone(token), link.clone());
            }
            Fact::Link(token, None) => {
                self.links.remove(token);
            }
            Fact::Asking(account, Some(since)) => {
                self.asking.insert(Arc::clone(account), *since);
            }
            Fact::Asking(account, None) => {
                self.asking.remove(account);
            }
            fact => self.modes.take(fact),
        }
    }

    /// All that is other than in a room that has just been founded.
    pub(crate) fn facts(&self) -> Vec<Fact> {
        let mut facts = self.modes.facts();
        facts.extend(self.topic.clone().map(|topic| Fact::Topic(Some(topic))));
        let metadata = self.metadata.iter();
        facts.extend(
            metadata.map(|(key, value)| Fact::Metadata(Arc::clone(key), Some(Arc::clone(value)))),
        );
        let asking = |(account, since): (&Arc<str>, &SystemTime)| {
            Fact::Asking(Arc::clone(account), Some(*since))
        };
        facts.extend(self.asking.iter().map(asking));
        let link = |(token, link): (&Arc<str>, &InviteLink)| {
            Fact::Link(Arc::clone(token), Some(link.clone()))
        };
        facts.extend(self.links.iter().map(link));
        if let Some(ownership) = &self.ownership {
            facts.extend(ownership.facts());
        }
        facts
    }

    /// The change that lets the server load it, as that account's.
    pub(crate) fn document(&self, ownership: &Ownership, founder: &str) -> Change {
        let document = RoomDocument {
            name: self.name.to_string(),
            founder: founder.to_owned(),
            founded: milliseconds(self.founded),
            conversation: self.conversation,
        };
        set(path(&ownership.number, &[]), &document)
    }

    /// The changes that let the server load `facts`: nothing, unless it is somebody's. The first of it registers it.
    pub(crate) fn changes(&self, facts: &[Fact]) -> Vec<Change> {
        let Some(ownership) = &self.ownership else { return Vec::new() };
        let first = || {
            let used = Fact::Used(ownership.used).change(&ownership.number);
            [self.document(ownership, ownership.next_founder()), used]
        };
        let first = (!ownership.is_kept).then(first);
        first
            .into_iter()
            .flatten()
            .chain(facts.iter().map(|fact| fact.change(&ownership.number)))
            .collect()
    }
}

impl Modes {
    /// Takes a fact. What is not about modes is no matter of theirs.
    pub(crate) fn take(&mut self, fact: &Fact) {
        match fact {
            Fact::Flag(flag, is_set) => self.set_flag(*flag, *is_set),
            Fact::Key(key) => self.key.clone_from(key),
            Fact::Limit(limit) => self.limit = *limit,
            Fact::Slow(seconds) => self.slow = *seconds,
            Fact::Flood(flood) => self.flood = *flood,
            Fact::Listed(list, entry) => {
                let entries = self.list_mut(*list);
                entries.retain(|own| !own.mask.eq_ignore_ascii_case(&entry.mask));
                entries.push(entry.clone());
            }
            Fact::Unlisted(list, mask) => {
                self.list_mut(*list).retain(|own| !own.mask.eq_ignore_ascii_case(mask));
            }
            Fact::Asking(..)
            | Fact::Link(..)
            | Fact::Metadata(..)
            | Fact::Operator(..)
            | Fact::Topic(_)
            | Fact::Used(_)
            | Fact::Voice(..) => {}
        }
    }

    /// All that is other than in a room that has just been founded.
    pub(crate) fn facts(&self) -> Vec<Fact> {
        let fresh = Self::default();
        let flags = Flag::ALL.iter().map(|(flag, _)| *flag);
        let changed = flags.filter(|flag| self.has(*flag) != fresh.has(*flag));
        let mut facts: Vec<Fact> = changed.map(|flag| Fact::Flag(flag, self.has(flag))).collect();
        facts.extend(self.key.clone().map(|key| Fact::Key(Some(key))));
        facts.extend(self.limit.map(|limit| Fact::Limit(Some(limit))));
        facts.extend(self.flood.map(|flood| Fact::Flood(Some(flood))));
        facts.extend(self.slow.map(|seconds| Fact::Slow(Some(seconds))));
        for (list, _) in List::ALL {
            facts.extend(self.list(list).iter().map(|entry| Fact::Listed(list, entry.clone())));
        }
        facts
    }
}

impl ModeChange {
    /// The fact of the room's that is so from then on; what a member has is not the room's.
    pub(crate) fn fact(&self, by: &Arc<str>, at: SystemTime) -> Option<Fact> {
        let is_set = self.is_set;
        Some(match &self.what {
            Mode::Flag(flag) => Fact::Flag(*flag, is_set),
            Mode::Key(key) => Fact::Key(is_set.then(|| Arc::clone(key))),
            Mode::Limit(limit) => Fact::Limit(is_set.then_some(*limit)),
            Mode::Flood(flood) => Fact::Flood(is_set.then_some(*flood)),
            Mode::Slow(seconds) => Fact::Slow(is_set.then_some(*seconds)),
            Mode::Listed(list, mask, terms) if is_set => {
                let (mask, by, terms) = (Arc::clone(mask), Arc::clone(by), terms.clone());
                Fact::Listed(*list, Entry { mask, by, at, terms })
            }
            Mode::Listed(list, mask, _) => Fact::Unlisted(*list, Arc::clone(mask)),
            Mode::Operator(_) | Mode::Voice(_) => return None,
        })
    }
}

impl Ownership {
    /// Takes a fact, as far as it is about accounts.
    pub(crate) fn take(&mut self, fact: &Fact) {
        match fact {
            Fact::Operator(account, Some(since)) => {
                self.operators.insert(Arc::clone(account), *since);
            }
            Fact::Operator(account, None) => {
                self.operators.remove(account);
            }
            Fact::Used(day) => self.used = *day,
            Fact::Voice(account, true) => {
                self.voiced.insert(Arc::clone(account));
            }
            Fact::Voice(account, false) => {
                self.voiced.remove(account);
            }
            _ => {}
        }
    }

    /// The facts of what accounts may do, and of its use.
    pub(crate) fn facts(&self) -> impl Iterator<Item = Fact> {
        let operator = |(account, since): (&Arc<str>, &SystemTime)| {
            Fact::Operator(Arc::clone(account), Some(*since))
        };
        let voice = |account: &Arc<str>| Fact::Voice(Arc::clone(account), true);
        let used = (self.used > 0).then_some(Fact::Used(self.used));
        used.into_iter()
            .chain(self.operators.iter().map(operator))
            .chain(self.voiced.iter().map(voice))
    }
}
