//! Showing a room, the server, and those who are watched, as a turn does.

use std::{collections::VecDeque, sync::Arc, time::UNIX_EPOCH};

use chat_core::proto::{Capability, CapabilitySet, Numeric};

use crate::{
    delivery::{Page, ReplyLine},
    hub::{
        Hub,
        replies::turn::Turn,
        state::{
            metadata::{Dialect, Owner, Sync},
            paged_reply::Section,
            room::Room,
        },
    },
    ids::{PersonId, RoomId},
};

impl Hub {
    /// The lines for a client with these capabilities: in a batch of their own for those who know it
    /// (<https://ircv3.net/specs/extensions/extended-isupport>).
    pub(crate) fn isupport_lines(&self, capabilities: CapabilitySet) -> Vec<ReplyLine> {
        let lines = self.isupport.clone();
        let wants_batch = capabilities.contains(Capability::ExtendedIsupport)
            && capabilities.contains(Capability::Batch);
        if !wants_batch {
            return lines;
        }
        vec![ReplyLine::Batch {
            kind: "draft/isupport",
            params: Vec::new(),
            lines,
            page: Page::Only,
        }]
    }

    pub(crate) fn isupport(&self, turn: &mut Turn) {
        let capabilities = self.people.device(turn.conn).capabilities;
        self.isupport_lines(capabilities).into_iter().for_each(|line| turn.say(line));
    }

    /// The lines `turn`'s asker is told of people whom they watch and who are here.
    pub(crate) fn sync_watched(&self, turn: &mut Turn, people: &[PersonId], is_new: bool) {
        let device = self.people.device(turn.conn);
        let keys = &device.particulars.subscriptions;
        let owners = || people.iter().map(|person| Owner::Person(*person));
        match device.told_metadata_in() {
            Some(Dialect::Third) => turn.reply.extend(owners().map(|owner| {
                let name = self.name_of_owner(owner);
                Section::Metadata(Sync::batched(name, [owner], keys.clone()))
            })),
            Some(Dialect::Second) if is_new => {
                let owners: VecDeque<Owner> = owners().collect();
                let sync = Sync::batched(Arc::default(), owners, keys.clone());
                turn.reply.push(Section::Metadata(Sync { target: None, ..sync }));
            }
            _ => {}
        }
    }

    pub(crate) fn show_names(&self, turn: &mut Turn, room: RoomId, name: Arc<str>) {
        turn.reply.push(Section::Names { room, name: Arc::clone(&name), after: None });
        let params = vec![(*name).into(), "End of /NAMES list".into()];
        turn.say(ReplyLine::Numeric(Numeric::RPL_ENDOFNAMES, params));
    }

    pub(crate) fn show_topic(&self, turn: &mut Turn, room: &Room) {
        let Some(topic) = &room.topic else {
            return turn.numeric(Numeric::RPL_NOTOPIC, &[room.name.as_str(), "No topic is set"]);
        };
        let at = topic.at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs().to_string();
        turn.numeric(Numeric::RPL_TOPIC, &[room.name.as_str(), &topic.text]);
        turn.numeric(Numeric::RPL_TOPICWHOTIME, &[room.name.as_str(), &topic.by, &at]);
    }
}
