//! `KILL` (RFC 2812 §3.7.1): an operator of the server ends someone's connection.

use std::sync::Arc;

use chat_core::{
    proto::{TOPIC_BYTES_MAX, cut},
    text::printable,
};

use crate::{
    delivery::{Page, Reply, ReplyLine},
    hub::{Effect, Hub, Refusal, Turn},
};

impl Hub {
    pub(super) fn kill(
        &mut self,
        turn: &mut Turn<'_>,
        nick: &str,
        reason: &str,
    ) -> Result<(), Refusal> {
        let asker = self.person(turn.conn);
        if !asker.modes.is_operator {
            return Err(Refusal::NoPrivileges);
        }
        let conn = self.find_person(nick)?.conn;
        let reason = printable(cut(reason, TOPIC_BYTES_MAX)).into_owned();
        // "the client being killed receives the KILL message" (<https://modern.ircdocs.horse/#kill-message>)
        let (source, shown) = (&asker.source, self.person(conn).nick.as_str());
        let words = [&**source, "KILL", shown];
        let told = super::relayable(&reason, &words, TOPIC_BYTES_MAX);
        let line = ReplyLine::Raw(format!(":{source} KILL {shown} :{told}").into());
        let nick = Arc::clone(self.person(conn).nick.shown());
        let reply = Reply { label: None, nick, lines: vec![line], page: Page::Only };
        let reason: Arc<str> = format!("Killed ({} ({reason}))", asker.nick).into();
        turn.effects.push(Effect::Reply { conn, reply });
        turn.effects.push(Effect::Close { conn, reason: Arc::clone(&reason) });
        self.leave_for_good(turn.now, conn, &reason, turn.effects);
        Ok(())
    }
}
