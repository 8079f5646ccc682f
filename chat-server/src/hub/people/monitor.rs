//! Monitors: who is told of whose coming, going and changing without sharing a room with them: `MONITOR` and
//! <https://ircv3.net/specs/extensions/extended-monitor>.

use std::sync::Arc;

use chat_core::proto::Capability;

use crate::{
    delivery::{Content, Event},
    hub::Hub,
    ids::{ConnId, PersonId, RoomId},
};

impl Hub {
    /// Tells those who watch it that a nick has got or lost its owner. `who` is `nick!user@host` of
    /// someone who has come, or the nick of someone who has gone.
    pub(crate) fn tell_watchers(&self, key: &str, who: &Arc<str>, is_online: bool) {
        let now = self.now();
        let Some(watchers) = self.people.watchers(key) else { return };
        let server = self.settings.name.as_str().into();
        let content = Content::Monitored { server, who: Arc::clone(who), is_online };
        let event = Arc::new(Event::new(content, now.wall, None));
        self.tell_some(watchers.iter().copied(), &event);
    }

    /// Tells everyone who is to know of a change of `who`: those who share a room, those who watch
    /// and asked for changes too, and their own connections but `except`.
    pub(crate) fn tell_of_change(&self, who: PersonId, except: Option<ConnId>, event: &Arc<Event>) {
        self.tell_of_change_apart(who, except, event, &[], event);
    }

    /// [`Hub::tell_of_change`], and tells another event to those who share only `others` of the rooms.
    pub(crate) fn tell_of_change_apart(
        &self,
        who: PersonId,
        except: Option<ConnId>,
        event: &Arc<Event>,
        others: &[RoomId],
        to_others: &Arc<Event>,
    ) {
        self.tell_peers_apart(who, except, event, others, to_others);
        let person = self.people.person(who);
        let Some(watchers) = self.people.watchers(person.nick.key()) else { return };
        let wants = |watcher: &&ConnId| {
            let watcher = self.people.reader(**watcher);
            watcher.person.id != who
                && watcher.device.capabilities.contains(Capability::ExtendedMonitor)
                && !person.rooms.iter().any(|room| watcher.person.rooms.contains(room))
        };
        self.tell_some(watchers.iter().filter(wants).copied(), event);
    }
}
