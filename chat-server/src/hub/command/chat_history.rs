//! `CHATHISTORY` (<https://ircv3.net/specs/extensions/chathistory>): what was said before, for those who may
//! read it.

use chat_core::proto::Capability;

use crate::{
    history::{Query, Reference, Selection, Shows},
    hub::{
        Hub,
        log::query::{HISTORY_BYTES_MAX, cannot_read, fail, reference},
        policy::Right,
        refusal::Refusal,
        replies::turn::Turn,
        state::{
            device::Reader,
            query::{QueryPurpose, Readable},
        },
    },
    room_log::Conversation,
};

impl Hub {
    pub(crate) fn chat_history(
        &mut self,
        turn: &mut Turn,
        subcommand: &str,
        params: &[String],
    ) -> Result<(), Refusal> {
        let Reader { person, device } = self.people.reader(turn.conn);
        let word = &*subcommand.to_ascii_uppercase();
        let wrong = |what: &str| fail("INVALID_PARAMS", &[word], what);
        // Outside of a batch what has happened would be taken for what happens.
        let has = |capability| device.capabilities.contains(capability);
        let is_batched = has(Capability::Batch);
        let shows = Shows {
            events: has(Capability::EventPlayback) && is_batched,
            redacted: has(Capability::MessageRedaction),
            context: has(Capability::MessageTags) && is_batched,
            changes: false,
        };
        let n_max = self.settings.limits.history_page_max;
        let limit = |text: &str| {
            let n: usize = text.parse().map_err(|_| wrong("the last parameter is a number"))?;
            Ok::<usize, Refusal>(n.min(n_max))
        };
        if word == "TARGETS" {
            let [from, to, n] = params else {
                return Err(wrong("it takes two timestamps and a number"));
            };
            let time = |text: &str| match reference(word, "*", text)? {
                Reference::Time(time) => Ok(time),
                Reference::Msgid(_) => {
                    Err(fail("INVALID_MSGREFTYPE", &[word, "*"], "only timestamps tell where"))
                }
            };
            let room = |id| Conversation::Room(self.rooms[id].conversation);
            let query = Query::Targets {
                rooms: person.rooms.iter().map(room).collect(),
                person: self.identity_of(turn.person),
                guests: self.people.guests(),
                between: (time(from)?, time(to)?),
                limit: limit(n)?,
            };
            self.submit_query(turn, QueryPurpose::Targets, (word, "*"), query);
            return Ok(());
        }
        let Some((target, params)) = params.split_first() else {
            return Err(wrong("a target is missing"));
        };
        let at = |text: &str| reference(word, target, text);
        let (selection, n) = match (word, params) {
            ("LATEST", [from, n]) if from == "*" => (Selection::Latest(None), n),
            ("LATEST", [from, n]) => (Selection::Latest(Some(at(from)?)), n),
            ("BEFORE", [from, n]) => (Selection::Before(at(from)?), n),
            ("AFTER", [from, n]) => (Selection::After(at(from)?), n),
            ("AROUND", [from, n]) => (Selection::Around(at(from)?), n),
            ("BETWEEN", [from, to, n]) => (Selection::Between(at(from)?, at(to)?), n),
            ("LATEST" | "BEFORE" | "AFTER" | "AROUND" | "BETWEEN", _) => {
                return Err(wrong("too few or too many parameters"));
            }
            _ => {
                return Err(wrong(
                    "the subcommands are LATEST, BEFORE, AFTER, AROUND, BETWEEN and TARGETS",
                ));
            }
        };
        let limit = limit(n)?;
        let found = self.find_readable(turn.conn, target, Right::ReadHistory);
        let Readable { conversation, beside, shown, rank, ranked_after, of, .. } =
            found.ok_or_else(|| cannot_read(word, target))?;
        let bytes_max = HISTORY_BYTES_MAX;
        let query = match beside {
            Some(beside) => {
                let conversations = vec![conversation, beside];
                Query::DirectPage { conversations, selection, limit, bytes_max, shows }
            }
            None => Query::Page {
                conversation,
                shown,
                selection,
                limit,
                bytes_max,
                rank,
                ranked_after,
                shows,
            },
        };
        self.submit_query(turn, of, (word, target), query);
        Ok(())
    }
}
