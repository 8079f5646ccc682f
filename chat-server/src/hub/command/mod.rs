//! What each command means: this match is the table of contents, one file each.

mod away;
mod invite;
mod join;
mod kick;
mod list;
mod lusers;
mod message;
mod mode;
mod motd;
mod names;
mod nick;
mod part;
mod quit;
mod setname;
mod topic;
mod who;
mod whois;

use chat_core::{
    proto::{Command, CommandError, cut},
    wire::limits::BODY_BYTES_MAX,
};

use super::{Effect, Hub, Refusal, Turn};
use crate::delivery::ReplyLine;

/// `text` as others can get it: no longer than `bytes_max`, nor than what is left of a line behind the
/// other `words` (the source and the command among them), each with a space or a sign around it.
fn relayable<'a>(text: &'a str, words: &[&str], bytes_max: usize) -> &'a str {
    // ":" before the source, ":" before the text, "\r\n".
    let around = words.iter().map(|word| word.len() + 1).sum::<usize>() + 4;
    cut(text, bytes_max.min(BODY_BYTES_MAX.saturating_sub(around)))
}

impl Hub {
    /// Does what a registered person asks, or says why not.
    pub(super) fn dispatch(
        &mut self,
        turn: &mut Turn<'_>,
        command: Command,
    ) -> Result<(), Refusal> {
        match command {
            Command::Cap { subcommand, arguments } => {
                let conn = turn.conn;
                let nick = self.person(conn).nick.shown().clone();
                turn.is_answered = true;
                let label = turn.label.take();
                turn.effects.push(Effect::Negotiate { conn, nick, label, subcommand, arguments });
                Ok(())
            }
            Command::Away { reason } => self.away(turn, reason),
            Command::Invite { nick, room } => self.invite(turn, &nick, &room),
            Command::Join { targets } => self.join(turn, &targets),
            Command::Kick { room, nicks, reason } => self.kick(turn, &room, &nicks, reason),
            Command::LeaveAll => self.leave_all(turn),
            Command::List { rooms } => self.list(turn, &rooms),
            Command::Lusers => {
                self.lusers(turn);
                Ok(())
            }
            Command::Message { kind, targets, text, tags } => {
                self.message(turn, kind, &targets, text, tags)
            }
            Command::Mode { target, changes, arguments } => {
                self.mode(turn, &target, changes.as_deref(), &arguments)
            }
            Command::Motd => {
                self.motd(turn);
                Ok(())
            }
            Command::Names { rooms } => self.names(turn, &rooms),
            Command::Nick { nick } => self.nick(turn, &nick),
            Command::Part { rooms, reason } => self.part(turn, &rooms, reason),
            // RFC 2812 §3.7.2
            Command::Ping { token } => {
                turn.say(ReplyLine::Pong { token: token.into() });
                Ok(())
            }
            // A sign of life was noted by the session.
            Command::Pong => Ok(()),
            Command::Quit { reason } => self.quit(turn, reason),
            Command::Setname { realname } => self.setname(turn, &realname),
            Command::Topic { room, topic } => self.topic(turn, &room, topic),
            Command::Who { mask } => self.who(turn, &mask),
            Command::Whois { nick } => self.whois(turn, &nick),
            // RFC 2812 §3.1.1, §3.1.3: only before registration.
            Command::Pass { .. } | Command::User { .. } => Err(Refusal::AlreadyRegistered),
            other => Err(CommandError::Unknown(format!("{other:?}")).into()),
        }
    }
}
