//! `KILL` (RFC 2812 §3.7.1): an operator of the server ends someone's connection.

use std::sync::Arc;

use chat_core::{
    proto::{TOPIC_BYTES_MAX, cut},
    text::printable,
};

use crate::{
    delivery::ReplyLine,
    hub::{
        Hub,
        refusal::Refusal,
        replies::{say::relayable, turn::Turn},
    },
};

impl Hub {
    pub(crate) fn kill(
        &mut self,
        turn: &mut Turn,
        nick: &str,
        reason: &str,
    ) -> Result<(), Refusal> {
        let asker = self.people.person(turn.person);
        if !self.people.device(turn.conn).is_operator() {
            return Err(Refusal::NoPrivileges);
        }
        let killed = self.people.find(nick)?;
        let reason = printable(cut(reason, TOPIC_BYTES_MAX)).into_owned();
        // "the client being killed receives the KILL message" (<https://modern.ircdocs.horse/#kill-message>)
        let (source, shown) = (&asker.source, killed.nick.as_str());
        let told = relayable(&reason, &[&**source, "KILL", shown], TOPIC_BYTES_MAX);
        let line = ReplyLine::Raw(format!(":{source} KILL {shown} :{told}").into());
        for conn in &killed.devices {
            self.say_to(*conn, None, vec![line.clone()]);
        }
        let why: Arc<str> = format!("Killed ({} ({reason}))", asker.nick).into();
        let did = format!("KILL {} :{reason}", killed.nick);
        let killed = killed.id;
        self.note_operator_action(turn.conn, &did);
        self.send_away(killed, &why);
        Ok(())
    }
}
