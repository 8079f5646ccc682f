//! The rows of a `WHO`, in pages (<https://modern.ircdocs.horse/#who-message>;
//! <https://ircv3.net/specs/extensions/whox>).

use chat_core::proto::{Capability, Numeric, WhoQuery, WhoxFields, mask_matches};

use crate::{
    delivery::ReplyLine,
    hub::{
        Hub,
        state::{
            device::Reader,
            paged_reply::{Section, Who, Whom},
            people::People,
            person::Person,
            rank::Rank,
        },
    },
};

impl Hub {
    pub(crate) fn list_who(
        &self,
        asker: Reader<'_>,
        mut who: Who,
        rows: &mut usize,
        lines: &mut Vec<ReplyLine>,
    ) -> Option<Section> {
        let mut take = |person: &Person, line: Option<ReplyLine>| {
            lines.extend(line);
            *rows -= 1;
            (*rows == 0).then_some(person.id)
        };
        let stopped = match &who.of {
            Whom::Room(id, name) => {
                self.members_after(*id, who.after).find_map(|(member, rank)| {
                    let is_shown = self.may_find(asker, member)
                        && (!who.query.only_operators || member.modes.shows_operator);
                    let row = || self.who_row(asker, member, name, rank, &who.query);
                    take(member, is_shown.then(row))
                })
            }
            Whom::Mask(mask) => self.people.after(who.after).find_map(|person| {
                let comes_from = |mask: &str| {
                    let address = address_for(&self.people, asker, person);
                    address.is_some_and(|address| mask_matches(mask, address))
                };
                let is_shown = self.may_find(asker, person)
                    && (is_masked(mask, person) || comes_from(mask))
                    && (!who.query.only_operators || person.modes.shows_operator);
                let row = || self.who_row(asker, person, "*", Rank::default(), &who.query);
                take(person, is_shown.then(row))
            }),
        };
        who.after = Some(stopped?);
        Some(Section::Who(who))
    }

    /// Whether `asker` may find `person` without knowing their nick.
    pub(crate) fn may_find(&self, asker: Reader<'_>, person: &Person) -> bool {
        !person.modes.is_invisible
            || asker.device.is_operator()
            || asker.person.id == person.id
            || person.rooms.iter().any(|room| asker.person.rooms.contains(room))
    }

    /// One person's row: RPL_WHOREPLY, or RPL_WHOSPCRPL with the fields that were asked for.
    pub(crate) fn who_row(
        &self,
        asker: Reader<'_>,
        person: &Person,
        room: &str,
        rank: Rank,
        query: &WhoQuery,
    ) -> ReplyLine {
        let all = asker.device.capabilities.contains(Capability::MultiPrefix);
        let here = if person.particulars.away.is_some() { "G" } else { "H" };
        let operator = if person.modes.shows_operator { "*" } else { "" };
        let bot = if person.modes.is_bot { "B" } else { "" };
        let flags = format!("{here}{operator}{}{bot}", rank.prefix(all));
        if let Some(fields) = &query.fields {
            return self.whox_row(asker, person, room, rank, &flags, fields);
        }
        let params = vec![
            room.into(),
            person.user().into(),
            person.host().into(),
            self.settings.name.as_str().into(),
            person.nick.as_str().into(),
            flags.into(),
            format!("0 {}", person.realname).into(),
        ];
        ReplyLine::Numeric(Numeric::RPL_WHOREPLY, params)
    }

    /// The fields in the order the specification gives them, whichever order was asked for.
    fn whox_row(
        &self,
        asker: Reader<'_>,
        person: &Person,
        room: &str,
        rank: Rank,
        flags: &str,
        fields: &WhoxFields,
    ) -> ReplyLine {
        let idle = self.now().mono.saturating_duration_since(person.last_spoke);
        let mut params: Vec<Box<str>> = Vec::new();
        for letter in "tcuihsnfdlaor".chars().filter(|letter| fields.letters.contains(*letter)) {
            params.push(match letter {
                't' => fields.token.as_deref().unwrap_or("0").into(),
                'c' => room.into(),
                'u' => person.user().into(),
                // Where somebody comes from is for operators of the server, and for themselves.
                'i' => match address_for(&self.people, asker, person) {
                    Some(address) => address.into(),
                    None => person.host().into(),
                },
                'h' => person.host().into(),
                's' => self.settings.name.as_str().into(),
                'n' => person.nick.as_str().into(),
                'f' => flags.into(),
                'd' => "0".into(),
                'l' => idle.as_secs().to_string().into(),
                'a' => person.account.as_deref().unwrap_or("0").into(),
                'o' => if rank.is_operator { "999" } else { "n/a" }.into(),
                _ => (*person.realname).into(),
            });
        }
        ReplyLine::Numeric(Numeric::RPL_WHOSPCRPL, params)
    }
}

/// The address of somebody, if `asker` may know it.
fn address_for<'a>(people: &'a People, asker: Reader<'_>, person: &Person) -> Option<&'a str> {
    let may_know = asker.device.is_operator() || asker.person.id == person.id;
    let first = person.devices.first().filter(|_| may_know)?;
    Some(&people.device(*first).address)
}

/// Whether a mask of a `WHO` matches a nick, a user, a host, an account or a real name.
fn is_masked(mask: &str, person: &Person) -> bool {
    let texts = [person.nick.as_str(), person.user(), person.host(), &person.realname];
    let account = person.account.as_deref();
    mask_matches(mask, &person.source)
        || texts.into_iter().chain(account).any(|text| mask_matches(mask, text))
}
