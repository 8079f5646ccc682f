//! The checks of a world: what must hold when everything has arrived.

use std::sync::Arc;

use chat_server::{hub::Hub, ids::ConnId};

use super::World;

impl World {
    /// Checks what must hold when everything has arrived: each connection received what was due to
    /// it, in the log's order and once, and the workers' membership is the hub's.
    ///
    /// # Panics
    /// If it does not hold; with the transcript.
    pub fn check_settled(&mut self) {
        self.check_received();
        self.check_memberships();
        self.check_kept();
    }

    /// Each connection received what was due to it, in the log's order and once; those that are closed, the beginning of it.
    ///
    /// # Panics
    /// If it did not; with the transcript.
    pub fn check_received(&self) {
        let fail = |what: String| panic!("{what}\n{}", self.transcript.join("\n"));
        for (name, conn) in &self.names {
            let own = &self.conns[conn];
            // In a batch is what they asked for of the past.
            let is_room_message = |line: &&String| {
                line.contains(" PRIVMSG #")
                    && !line.contains(&format!(":{name}!"))
                    && !line.contains(&format!(":{name}x!"))
                    && !line.starts_with("@batch=")
                    // An edit, to those who know of none.
                    && !line.contains(" :(edited) ")
            };
            let received: Vec<&str> = own
                .lines
                .iter()
                .filter(is_room_message)
                .filter_map(|line| line.split("msgid=").nth(1)?.split([';', ' ']).next())
                .collect();
            let mut due: Vec<&str> = own.due.iter().map(|msgid| &**msgid).collect();
            if own.is_closed {
                // What was under way when it closed may be missing at the end.
                due.truncate(received.len());
            }
            if received != due {
                fail(format!("{name} received {received:?} and was due {due:?}"));
            }
        }
    }

    /// At rest: a server that started now would know the rooms that last as they are.
    fn check_kept(&mut self) {
        let mut fresh = Hub::new(Arc::clone(&self.settings), 0);
        for (conversation, name) in self.log.named() {
            fresh.load_conversation(conversation, name);
        }
        for (path, value) in self.log.kept() {
            fresh.load(&path, &value).expect("the hub reads what it has written");
        }
        let (kept, own) = (fresh.registered_rooms(), self.hub.registered_rooms());
        if kept != own {
            panic!("{kept:#?} is kept of {own:#?}\n{}", self.transcript.join("\n"));
        }
        self.transcript.push(format!("{} facts of rooms are kept", own.len()));
    }

    /// At rest: the workers' copies of who is in which room are the hub's.
    ///
    /// # Panics
    /// If they are not; with the transcript.
    pub fn check_memberships(&self) {
        for (room, id, members) in self.hub.membership() {
            let mut copies: Vec<ConnId> = Vec::new();
            for (slots, fanout) in self.slots.iter().zip(&self.fanouts) {
                let owners = fanout.members(id).iter().filter_map(|slot| slots[*slot as usize]);
                copies.extend(owners);
            }
            copies.sort_unstable();
            if copies != members {
                panic!(
                    "in {room} the workers have {copies:?} and the hub has {members:?}\n{}",
                    self.transcript.join("\n")
                );
            }
        }
    }
}
