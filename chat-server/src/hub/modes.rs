//! The modes of rooms: one table, what a change is, and how it reads
//! (RFC 2812 §3.2.3; <https://modern.ircdocs.horse/#channel-modes>).

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use chat_core::proto::{Numeric, mask_matches};

use super::{facts::Fact, person::Person};
use crate::ids::PersonId;

/// Modes that are on or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Flag {
    /// `C`: no CTCP but `ACTION`.
    NoCtcp,
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
    const ALL: [(Self, char); 6] = [
        (Self::NoCtcp, 'C'),
        (Self::InviteOnly, 'i'),
        (Self::Moderated, 'm'),
        (Self::NoOutside, 'n'),
        (Self::Secret, 's'),
        (Self::OperatorTopic, 't'),
    ];

    /// Its letter.
    pub(super) fn letter(self) -> char {
        Self::ALL.iter().find(|(own, _)| *own == self).expect("all are there").1
    }

    /// The one with that letter.
    pub(super) fn by(letter: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, own)| letter.chars().eq([*own])).map(|(flag, _)| *flag)
    }
}

/// Modes that are lists of masks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    /// `b`: who may neither join nor speak.
    Ban,
    /// `e`: who may although they are banned.
    Except,
    /// `I`: who needs no invitation.
    Invited,
}

impl List {
    const ALL: [(Self, char); 3] = [(Self::Invited, 'I'), (Self::Ban, 'b'), (Self::Except, 'e')];

    /// Its letter.
    pub(super) fn letter(self) -> char {
        Self::ALL.iter().find(|(own, _)| *own == self).expect("all are there").1
    }

    /// The one with that letter.
    pub(super) fn by(letter: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, own)| letter.chars().eq([*own])).map(|(list, _)| *list)
    }

    /// The numerics of one entry and of the end, and the words of the end.
    pub(super) fn numerics(self) -> (Numeric, Numeric, &'static str) {
        match self {
            Self::Ban => (Numeric::RPL_BANLIST, Numeric::RPL_ENDOFBANLIST, "End of the bans"),
            Self::Except => (
                Numeric::RPL_EXCEPTLIST,
                Numeric::RPL_ENDOFEXCEPTLIST,
                "End of the exceptions from bans",
            ),
            Self::Invited => (
                Numeric::RPL_INVEXLIST,
                Numeric::RPL_ENDOFINVEXLIST,
                "End of those who need no invitation",
            ),
        }
    }
}

/// What kind a mode's letter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Letter {
    Flag(Flag),
    Key,
    Limit,
    List(List),
    Operator,
    Voice,
}

impl Letter {
    pub(super) fn from_char(letter: char) -> Option<Self> {
        let flag = Flag::ALL.iter().find(|(_, own)| *own == letter).map(|(f, _)| Self::Flag(*f));
        let list = List::ALL.iter().find(|(_, own)| *own == letter).map(|(l, _)| Self::List(*l));
        flag.or(list).or(match letter {
            'k' => Some(Self::Key),
            'l' => Some(Self::Limit),
            'o' => Some(Self::Operator),
            'v' => Some(Self::Voice),
            _ => None,
        })
    }
}

/// `CHANMODES` of RPL_ISUPPORT: lists, always a parameter, one when set, never one.
pub(super) fn chanmodes() -> String {
    let flags: String = Flag::ALL.iter().map(|(_, letter)| letter).collect();
    let lists: String = List::ALL.iter().map(|(_, letter)| letter).collect();
    format!("{lists},k,l,{flags}")
}

/// All letters, for RPL_MYINFO.
pub(super) fn room_letters() -> String {
    let mut letters: Vec<char> = chanmodes().chars().filter(|c| *c != ',').collect();
    letters.extend(['o', 'v']);
    letters.sort_unstable();
    letters.into_iter().collect()
}

/// An entry of a list.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) mask: Arc<str>,
    pub(super) by: Arc<str>,
    pub(super) at: SystemTime,
}

/// What is set in a room.
#[derive(Debug)]
pub(super) struct Modes {
    flags: u8,
    pub(super) key: Option<Arc<str>>,
    /// No more members than that.
    pub(super) limit: Option<u32>,
    bans: Vec<Entry>,
    excepts: Vec<Entry>,
    invited: Vec<Entry>,
}

impl Default for Modes {
    /// `+nt`, as every room begins.
    fn default() -> Self {
        let flags = 1 << Flag::NoOutside as u8 | 1 << Flag::OperatorTopic as u8;
        let (bans, excepts, invited) = (Vec::new(), Vec::new(), Vec::new());
        Self { flags, key: None, limit: None, bans, excepts, invited }
    }
}

impl Modes {
    pub(super) fn has(&self, flag: Flag) -> bool {
        self.flags & 1 << flag as u8 != 0
    }

    pub(super) fn list(&self, list: List) -> &[Entry] {
        match list {
            List::Ban => &self.bans,
            List::Except => &self.excepts,
            List::Invited => &self.invited,
        }
    }

    fn list_mut(&mut self, list: List) -> &mut Vec<Entry> {
        match list {
            List::Ban => &mut self.bans,
            List::Except => &mut self.excepts,
            List::Invited => &mut self.invited,
        }
    }

    /// All entries of all lists.
    pub(super) fn n_entries(&self) -> usize {
        self.bans.len() + self.excepts.len() + self.invited.len()
    }

    /// Whether `list` has that very mask.
    pub(super) fn lists(&self, list: List, mask: &str) -> bool {
        self.list(list).iter().any(|entry| entry.mask.eq_ignore_ascii_case(mask))
    }

    /// Whether a mask of `list` is about `person`.
    pub(super) fn names(&self, list: List, person: &Person) -> bool {
        self.list(list).iter().any(|entry| is_about(&entry.mask, person))
    }

    /// Whether `person` may not join.
    pub(super) fn bans(&self, person: &Person) -> bool {
        self.names(List::Ban, person) && !self.names(List::Except, person)
    }

    /// Whether `person` may not speak without a voice.
    pub(super) fn silences(&self, person: &Person) -> bool {
        let is_muted = |entry: &Entry| {
            let mask = entry.mask.strip_prefix(MUTE).unwrap_or(&entry.mask);
            is_about(mask, person)
        };
        self.bans.iter().any(is_muted) && !self.names(List::Except, person)
    }

    /// As RPL_CHANNELMODEIS shows it: the letters, then their parameters. The key is for members.
    pub(super) fn shown(&self, with_key: bool) -> Vec<String> {
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
        words
    }

    /// Whether `change` changes nothing, unless it is about a member.
    pub(super) fn has_already(&self, change: &Change) -> bool {
        match &change.what {
            What::Flag(flag) => self.has(*flag) == change.is_set,
            What::Key(key) if change.is_set => self.key.as_ref() == Some(key),
            What::Key(_) => self.key.is_none(),
            What::Limit(limit) if change.is_set => self.limit == Some(*limit),
            What::Limit(_) => self.limit.is_none(),
            What::Listed(list, mask) => self.lists(*list, mask) == change.is_set,
            What::Operator(_) | What::Voice(_) => false,
        }
    }

    /// So it is from here on. What is not about modes is no matter of theirs.
    pub(super) fn take(&mut self, fact: &Fact) {
        match fact {
            Fact::Flag(flag, true) => self.flags |= 1 << *flag as u8,
            Fact::Flag(flag, false) => self.flags &= !(1 << *flag as u8),
            Fact::Key(key) => self.key.clone_from(key),
            Fact::Limit(limit) => self.limit = *limit,
            Fact::Listed(list, entry) => {
                let entries = self.list_mut(*list);
                entries.retain(|own| !own.mask.eq_ignore_ascii_case(&entry.mask));
                entries.push(entry.clone());
            }
            Fact::Unlisted(list, mask) => {
                self.list_mut(*list).retain(|own| !own.mask.eq_ignore_ascii_case(mask));
            }
            Fact::Metadata(..) | Fact::Operator(..) | Fact::Topic(_) | Fact::Voice(..) => {}
        }
    }

    /// All that is other than in a room that has just been founded.
    pub(super) fn facts(&self) -> Vec<Fact> {
        let fresh = Self::default();
        let flags = Flag::ALL.iter().map(|(flag, _)| *flag);
        let changed = flags.filter(|flag| self.has(*flag) != fresh.has(*flag));
        let mut facts: Vec<Fact> = changed.map(|flag| Fact::Flag(flag, self.has(flag))).collect();
        facts.extend(self.key.clone().map(|key| Fact::Key(Some(key))));
        facts.extend(self.limit.map(|limit| Fact::Limit(Some(limit))));
        for (list, _) in List::ALL {
            facts.extend(self.list(list).iter().map(|entry| Fact::Listed(list, entry.clone())));
        }
        facts
    }
}

/// A ban that only silences (a mute extban).
const MUTE: &str = "~m:";

/// A mask of accounts (<https://ircv3.net/specs/extensions/account-extban>).
const ACCOUNT: &str = "~a:";

/// The same, written out.
const ACCOUNT_LONG: &str = "~account:";

/// Whether a mask is about `person`.
fn is_about(mask: &str, person: &Person) -> bool {
    if let Some(account) = mask.strip_prefix(ACCOUNT).or_else(|| mask.strip_prefix(ACCOUNT_LONG)) {
        return person.account.as_deref().is_some_and(|own| mask_matches(account, own));
    }
    !mask.starts_with(MUTE) && mask_matches(mask, &person.source)
}

/// `text` as a whole mask `nick!user@host`: what is missing is anything
/// (<https://modern.ircdocs.horse/#ban-channel-mode>). `None` if it cannot be one.
pub(super) fn mask(text: &str) -> Option<Arc<str>> {
    let is_word = !text.is_empty()
        && text.len() <= MASK_BYTES_MAX
        && !text.starts_with(':')
        && text.chars().all(|c| c != ' ' && c != ',' && !c.is_control());
    if !is_word {
        return None;
    }
    if let Some(rest) = text.strip_prefix(MUTE) {
        return mask(rest).map(|rest| format!("{MUTE}{rest}").into());
    }
    for prefix in [ACCOUNT, ACCOUNT_LONG] {
        if let Some(account) = text.strip_prefix(prefix) {
            return (!account.is_empty()).then(|| text.into());
        }
    }
    let or_any = |part: &str| if part.is_empty() { "*".to_owned() } else { part.to_owned() };
    Some(match (text.split_once('!'), text.split_once('@')) {
        (Some((nick, rest)), Some(_)) => {
            let (user, host) = rest.split_once('@').unwrap_or((rest, ""));
            format!("{}!{}@{}", or_any(nick), or_any(user), or_any(host)).into()
        }
        (Some((nick, user)), None) => format!("{}!{}@*", or_any(nick), or_any(user)).into(),
        (None, Some((user, host))) => format!("*!{}@{}", or_any(user), or_any(host)).into(),
        (None, None) => format!("{text}!*@*").into(),
    })
}

/// Bytes of a mask.
const MASK_BYTES_MAX: usize = 128;

/// One change of a mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) is_set: bool,
    pub(super) what: What,
}

impl Change {
    /// What is so of the room's from then on; what a member has is not the room's.
    pub(super) fn fact(&self, by: &Arc<str>, at: SystemTime) -> Option<Fact> {
        let is_set = self.is_set;
        Some(match &self.what {
            What::Flag(flag) => Fact::Flag(*flag, is_set),
            What::Key(key) => Fact::Key(is_set.then(|| Arc::clone(key))),
            What::Limit(limit) => Fact::Limit(is_set.then_some(*limit)),
            What::Listed(list, mask) if is_set => {
                Fact::Listed(*list, Entry { mask: Arc::clone(mask), by: Arc::clone(by), at })
            }
            What::Listed(list, mask) => Fact::Unlisted(*list, Arc::clone(mask)),
            What::Operator(_) | What::Voice(_) => return None,
        })
    }
}

/// What is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    Flag(Flag),
    Key(Arc<str>),
    Limit(u32),
    Listed(List, Arc<str>),
    Operator(PersonId),
    Voice(PersonId),
}

impl What {
    /// The member it is about.
    pub(super) fn member(&self) -> Option<PersonId> {
        match self {
            Self::Operator(conn) | Self::Voice(conn) => Some(*conn),
            _ => None,
        }
    }

    /// Whether only one of both can hold in the end.
    pub(super) fn is_about_the_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Key(_), Self::Key(_)) | (Self::Limit(_), Self::Limit(_)) => true,
            (Self::Listed(list, mask), Self::Listed(other_list, other_mask)) => {
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
            Self::Listed(list, _) => list.letter(),
            Self::Operator(_) => 'o',
            Self::Voice(_) => 'v',
        }
    }
}

/// How changes read: the letters with signs where they change, and the parameters.
pub(super) fn written(
    changes: &[Change],
    nick_of: impl Fn(PersonId) -> Arc<str>,
) -> (String, Vec<Arc<str>>) {
    let (mut letters, mut arguments) = (String::new(), Vec::new());
    let mut sign = None;
    for Change { is_set, what } in changes {
        if sign != Some(*is_set) {
            letters.push(if *is_set { '+' } else { '-' });
            sign = Some(*is_set);
        }
        letters.push(what.letter());
        arguments.extend(match what {
            What::Flag(_) => None,
            What::Key(_) if !is_set => Some("*".into()),
            What::Key(key) => Some(Arc::clone(key)),
            What::Limit(limit) => is_set.then(|| limit.to_string().into()),
            What::Listed(_, mask) => Some(Arc::clone(mask)),
            What::Operator(conn) | What::Voice(conn) => Some(nick_of(*conn)),
        });
    }
    (letters, arguments)
}

/// Seconds since 1970, as numerics tell times.
pub(super) fn unix_seconds(time: SystemTime) -> String {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_are_made_whole() {
        for (text, whole) in [
            ("ann", Some("ann!*@*")),
            ("*@host", Some("*!*@host")),
            ("ann!u", Some("ann!u@*")),
            ("ann!u@h", Some("ann!u@h")),
            ("!@h", Some("*!*@h")),
            ("~a:acct", Some("~a:acct")),
            ("~m:ann", Some("~m:ann!*@*")),
            ("~a:", None),
            ("", None),
            (":x", None),
        ] {
            assert_eq!(mask(text).as_deref(), whole, "{text}");
        }
        assert_eq!(mask(&"x".repeat(MASK_BYTES_MAX + 1)), None);
    }

    #[test]
    fn letters_are_listed_by_kind() {
        assert_eq!(chanmodes(), "Ibe,k,l,Cimnst");
        assert_eq!(room_letters(), "CIbeiklmnostv");
    }
}
