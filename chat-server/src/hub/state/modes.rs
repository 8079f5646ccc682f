//! The modes of rooms: one table, what a change is, and how it reads
//! (RFC 2812 §3.2.3; <https://modern.ircdocs.horse/#channel-modes>).

use std::{sync::Arc, time::Duration};

use chat_core::proto::Numeric;
use serde::{Deserialize, Serialize};

use crate::{
    hub::state::{
        list_entry::{Entry, Terms},
        masks::{MUTE, Subject},
    },
    ids::PersonId,
};

/// Modes that are on or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Flag {
    /// `A`: who is new is let in by an operator.
    Approval,
    /// `C`: no CTCP but `ACTION`.
    NoCtcp,
    /// `M`: only who is logged in speaks.
    AccountsSpeak,
    /// `i`: only the invited join.
    InviteOnly,
    /// `m`: only operators and the voiced speak.
    Moderated,
    /// `n`: nobody speaks from outside.
    NoOutside,
    /// `s`: who is not inside does not see it.
    Secret,
    /// `t`: only operators set the topic.
    OperatorTopic,
}

impl Flag {
    /// All, in the order in which they are listed.
    pub(crate) const ALL: [(Self, char); 8] = [
        (Self::Approval, 'A'),
        (Self::NoCtcp, 'C'),
        (Self::AccountsSpeak, 'M'),
        (Self::InviteOnly, 'i'),
        (Self::Moderated, 'm'),
        (Self::NoOutside, 'n'),
        (Self::Secret, 's'),
        (Self::OperatorTopic, 't'),
    ];

    /// Its letter.
    pub(crate) fn letter(self) -> char {
        Self::ALL.iter().find(|(own, _)| *own == self).expect("all are there").1
    }

    /// The one with that letter.
    pub(crate) fn by(letter: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, own)| letter.chars().eq([*own])).map(|(flag, _)| *flag)
    }
}

/// Modes that are lists of masks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum List {
    /// `b`: who may neither join nor speak.
    Ban,
    /// `e`: who may although they are banned.
    Except,
    /// `I`: who needs no invitation.
    Invited,
}

impl List {
    pub(crate) const ALL: [(Self, char); 3] =
        [(Self::Invited, 'I'), (Self::Ban, 'b'), (Self::Except, 'e')];

    /// Its letter.
    pub(crate) fn letter(self) -> char {
        Self::ALL.iter().find(|(own, _)| *own == self).expect("all are there").1
    }

    /// The one with that letter.
    pub(crate) fn by(letter: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, own)| letter.chars().eq([*own])).map(|(list, _)| *list)
    }

    /// The numerics of one entry and of the end, and the words of the end.
    pub(crate) fn numerics(self) -> (Numeric, Numeric, &'static str) {
        match self {
            Self::Ban => {
                (Numeric::RPL_BANLIST, Numeric::RPL_ENDOFBANLIST, "End of channel ban list")
            }
            Self::Except => (
                Numeric::RPL_EXCEPTLIST,
                Numeric::RPL_ENDOFEXCEPTLIST,
                "End of channel exception list",
            ),
            Self::Invited => (
                Numeric::RPL_INVEXLIST,
                Numeric::RPL_ENDOFINVEXLIST,
                "End of channel invite exception list",
            ),
        }
    }
}

/// The kind of a mode's letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ModeLetter {
    Flag(Flag),
    Key,
    Limit,
    Slow,
    Flood,
    List(List),
    Operator,
    Voice,
}

impl ModeLetter {
    pub(crate) fn from_char(letter: char) -> Option<Self> {
        let flag = Flag::ALL.iter().find(|(_, own)| *own == letter).map(|(f, _)| Self::Flag(*f));
        let list = List::ALL.iter().find(|(_, own)| *own == letter).map(|(l, _)| Self::List(*l));
        flag.or(list).or(match letter {
            'k' => Some(Self::Key),
            'S' => Some(Self::Slow),
            'f' => Some(Self::Flood),
            'l' => Some(Self::Limit),
            'o' => Some(Self::Operator),
            'v' => Some(Self::Voice),
            _ => None,
        })
    }
}

/// `CHANMODES` of RPL_ISUPPORT: lists, always a parameter, one when set, never one.
pub(crate) fn chanmodes() -> String {
    let flags: String = Flag::ALL.iter().map(|(_, letter)| letter).collect();
    let lists: String = List::ALL.iter().map(|(_, letter)| letter).collect();
    format!("{lists},k,Sfl,{flags}")
}

/// All letters, and those that have a parameter, for RPL_MYINFO.
pub(crate) fn room_letters() -> (String, String) {
    let sorted = |letters: &str| {
        let mut letters: Vec<char> = letters.chars().filter(|c| *c != ',').collect();
        letters.extend(['o', 'v']);
        letters.sort_unstable();
        letters.into_iter().collect()
    };
    let all = chanmodes();
    let (with_parameter, _) = all.rsplit_once(',').expect("flags stand behind the others");
    (sorted(&all), sorted(with_parameter))
}

/// The modes of a room.
#[derive(Debug)]
pub(crate) struct Modes {
    flags: u8,
    pub(crate) key: Option<Arc<str>>,
    /// No more members than that.
    pub(crate) limit: Option<u32>,
    /// Between two messages of somebody without a rank pass so many seconds.
    pub(crate) slow: Option<u32>,
    /// Messages of somebody without a rank, and in which time.
    pub(crate) flood: Option<Flood>,
    bans: Vec<Entry>,
    excepts: Vec<Entry>,
    invited: Vec<Entry>,
}

impl Default for Modes {
    /// `+nt`, as every room begins.
    fn default() -> Self {
        let flags = 1 << Flag::NoOutside as u8 | 1 << Flag::OperatorTopic as u8;
        let (bans, excepts, invited) = (Vec::new(), Vec::new(), Vec::new());
        Self { flags, key: None, limit: None, slow: None, flood: None, bans, excepts, invited }
    }
}

impl Modes {
    pub(crate) fn has(&self, flag: Flag) -> bool {
        self.flags & 1 << flag as u8 != 0
    }

    pub(crate) fn list(&self, list: List) -> &[Entry] {
        match list {
            List::Ban => &self.bans,
            List::Except => &self.excepts,
            List::Invited => &self.invited,
        }
    }

    pub(crate) fn list_mut(&mut self, list: List) -> &mut Vec<Entry> {
        match list {
            List::Ban => &mut self.bans,
            List::Except => &mut self.excepts,
            List::Invited => &mut self.invited,
        }
    }

    pub(crate) fn set_flag(&mut self, flag: Flag, is_set: bool) {
        if is_set {
            self.flags |= 1 << flag as u8;
        } else {
            self.flags &= !(1 << flag as u8);
        }
    }

    /// All entries of all lists.
    pub(crate) fn n_entries(&self) -> usize {
        self.bans.len() + self.excepts.len() + self.invited.len()
    }

    /// Whether `list` has that very mask.
    pub(crate) fn lists(&self, list: List, mask: &str) -> bool {
        self.list(list).iter().any(|entry| entry.mask.eq_ignore_ascii_case(mask))
    }

    /// Whether a mask of `list` is about `who`.
    pub(crate) fn names(&self, list: List, who: &Subject<'_>) -> bool {
        self.list(list).iter().any(|entry| who.is_meant_by(&entry.mask))
    }

    /// The ban by which `who` may not join, among those that hold for them.
    pub(crate) fn bans(&self, who: &Subject<'_>, holds: impl Fn(&Entry) -> bool) -> Option<&Entry> {
        let ban = self.bans.iter().find(|own| who.is_barred_by(&own.mask) && holds(own));
        ban.filter(|_| !self.names(List::Except, who))
    }

    /// The ban, or the mute, by which `who` may not speak without a voice. An exception from mutes (`+e ~m:mask`) is none from bans.
    pub(crate) fn silences(&self, who: &Subject<'_>) -> Option<&Entry> {
        let unmuted =
            |entry: &Entry| entry.mask.strip_prefix(MUTE).is_some_and(|mask| who.is_meant_by(mask));
        let silences = |entry: &&Entry| match entry.mask.strip_prefix(MUTE) {
            Some(mask) => who.is_barred_by(mask) && !self.excepts.iter().any(unmuted),
            None => who.is_barred_by(&entry.mask),
        };
        self.bans.iter().find(silences).filter(|_| !self.names(List::Except, who))
    }

    /// Whether whoever is in the room is heard in it, whoever they are and however often they speak.
    pub(crate) fn hear_every_member(&self) -> bool {
        self.bans.is_empty()
            && self.slow.is_none()
            && self.flood.is_none()
            && ![Flag::Moderated, Flag::AccountsSpeak].iter().any(|flag| self.has(*flag))
    }

    /// The modes as RPL_CHANNELMODEIS shows them: the letters, then their parameters. The key is for members.
    pub(crate) fn shown(&self, with_key: bool) -> Vec<String> {
        let flags = Flag::ALL.iter().filter(|(flag, _)| self.has(*flag)).map(|(_, letter)| *letter);
        let mut words = vec!["+".chars().chain(flags).collect::<String>()];
        if let Some(key) = &self.key {
            words[0].push('k');
            words.push(if with_key { key.to_string() } else { "*".into() });
        }
        if let Some(limit) = self.limit {
            words[0].push('l');
            words.push(limit.to_string());
        }
        if let Some(seconds) = self.slow {
            words[0].push('S');
            words.push(seconds.to_string());
        }
        if let Some(flood) = self.flood {
            words[0].push('f');
            words.push(flood.to_string());
        }
        words
    }

    /// Whether `change` changes nothing, unless it is about a member.
    pub(crate) fn has_already(&self, change: &ModeChange) -> bool {
        match &change.what {
            Mode::Flag(flag) => self.has(*flag) == change.is_set,
            Mode::Key(key) if change.is_set => self.key.as_ref() == Some(key),
            Mode::Key(_) => self.key.is_none(),
            Mode::Limit(limit) if change.is_set => self.limit == Some(*limit),
            Mode::Limit(_) => self.limit.is_none(),
            Mode::Flood(flood) if change.is_set => self.flood == Some(*flood),
            Mode::Flood(_) => self.flood.is_none(),
            Mode::Slow(seconds) if change.is_set => self.slow == Some(*seconds),
            Mode::Slow(_) => self.slow.is_none(),
            Mode::Listed(list, mask, terms) if change.is_set => {
                let own = self.list(*list).iter();
                let mut own = own.filter(|entry| entry.mask.eq_ignore_ascii_case(mask));
                own.any(|entry| entry.terms == *terms)
            }
            Mode::Listed(list, mask, _) => !self.lists(*list, mask),
            Mode::Operator(_) | Mode::Voice(_) => false,
        }
    }
}

/// A flood limit: so many messages of one person at once, and as many again in each such time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Flood {
    pub(crate) messages: u32,
    pub(crate) seconds: u32,
}

impl Flood {
    const MESSAGES_MAX: u32 = 100;
    const SECONDS_MAX: u32 = 3600;

    /// Reads `messages:seconds`.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (messages, seconds) = text.split_once(':')?;
        let (messages, seconds) = (messages.parse().ok()?, seconds.parse().ok()?);
        let is_one = (1..=Self::MESSAGES_MAX).contains(&messages)
            && (1..=Self::SECONDS_MAX).contains(&seconds);
        is_one.then_some(Self { messages, seconds })
    }

    /// The time for all of them.
    pub(crate) fn period(self) -> Duration {
        Duration::from_secs(self.seconds.into())
    }

    /// The time for one of them.
    pub(crate) fn interval(self) -> Duration {
        self.period() / self.messages
    }
}

impl std::fmt::Display for Flood {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.messages, self.seconds)
    }
}

/// One change of a mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ModeChange {
    pub(crate) is_set: bool,
    pub(crate) what: Mode,
}

/// A mode that is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mode {
    Flag(Flag),
    Key(Arc<str>),
    Limit(u32),
    Slow(u32),
    Flood(Flood),
    Listed(List, Arc<str>, Terms),
    Operator(PersonId),
    Voice(PersonId),
}

impl Mode {
    /// The member it is about.
    pub(crate) fn member(&self) -> Option<PersonId> {
        match self {
            Self::Operator(conn) | Self::Voice(conn) => Some(*conn),
            _ => None,
        }
    }

    /// Whether only one of both can hold in the end.
    pub(crate) fn is_about_the_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Key(_), Self::Key(_))
            | (Self::Limit(_), Self::Limit(_))
            | (Self::Slow(_), Self::Slow(_))
            | (Self::Flood(_), Self::Flood(_)) => true,
            (Self::Listed(list, mask, _), Self::Listed(other_list, other_mask, _)) => {
                list == other_list && mask.eq_ignore_ascii_case(other_mask)
            }
            _ => self == other,
        }
    }

    fn letter(&self) -> char {
        match self {
            Self::Flag(flag) => flag.letter(),
            Self::Key(_) => 'k',
            Self::Limit(_) => 'l',
            Self::Slow(_) => 'S',
            Self::Flood(_) => 'f',
            Self::Listed(list, ..) => list.letter(),
            Self::Operator(_) => 'o',
            Self::Voice(_) => 'v',
        }
    }
}

/// The changes as they read: the letters with signs where they change, and the parameters.
pub(crate) fn written(
    changes: &[ModeChange],
    nick_of: impl Fn(PersonId) -> Arc<str>,
) -> (String, Vec<Arc<str>>) {
    let (mut letters, mut arguments) = (String::new(), Vec::new());
    let mut sign = None;
    for ModeChange { is_set, what } in changes {
        if sign != Some(*is_set) {
            letters.push(if *is_set { '+' } else { '-' });
            sign = Some(*is_set);
        }
        letters.push(what.letter());
        arguments.extend(match what {
            Mode::Flag(_) => None,
            Mode::Key(_) if !is_set => Some("*".into()),
            Mode::Key(key) => Some(Arc::clone(key)),
            Mode::Limit(limit) => is_set.then(|| limit.to_string().into()),
            Mode::Slow(seconds) => is_set.then(|| seconds.to_string().into()),
            Mode::Flood(flood) => is_set.then(|| flood.to_string().into()),
            Mode::Listed(_, mask, _) => Some(Arc::clone(mask)),
            Mode::Operator(conn) | Mode::Voice(conn) => Some(nick_of(*conn)),
        });
    }
    (letters, arguments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_listed_by_kind() {
        assert_eq!(chanmodes(), "Ibe,k,Sfl,ACMimnst");
        assert_eq!(room_letters(), ("ACIMSbefiklmnostv".to_owned(), "ISbefklov".to_owned()));
    }
}
