//! Commands: what each of them means, a file each; this match is the table of contents.

pub(crate) mod away;
pub(crate) mod changes;
pub(crate) mod chat_history;
pub(crate) mod chghost;
pub(crate) mod help;
pub(crate) mod invite;
pub(crate) mod join;
pub(crate) mod kick;
pub(crate) mod kill;
pub(crate) mod knock;
pub(crate) mod list;
pub(crate) mod lusers;
pub(crate) mod markread;
pub(crate) mod message;
pub(crate) mod metadata;
pub(crate) mod mode;
pub(crate) mod monitor;
pub(crate) mod motd;
pub(crate) mod names;
pub(crate) mod nick;
pub(crate) mod oper;
pub(crate) mod part;
pub(crate) mod presence;
pub(crate) mod quit;
pub(crate) mod redact;
pub(crate) mod register;
pub(crate) mod registration;
pub(crate) mod rehash;
pub(crate) mod rename;
pub(crate) mod search;
pub(crate) mod server_info;
pub(crate) mod services;
pub(crate) mod setname;
pub(crate) mod silence;
pub(crate) mod topic;
pub(crate) mod wallops;
pub(crate) mod webirc;
pub(crate) mod who;
pub(crate) mod whois;
pub(crate) mod whowas;

use chat_core::proto::Command;

use crate::{
    delivery::ReplyLine,
    hub::{Hub, effect::Effect, refusal::Refusal, replies::turn::Turn},
};

impl Hub {
    /// Does what a registered person asks, or says why not. They know the command: their capabilities allow it.
    pub(crate) fn dispatch(&mut self, turn: &mut Turn, command: Command) -> Result<(), Refusal> {
        match command {
            Command::Cap { subcommand, arguments } => {
                let conn = turn.conn;
                let nick = self.people.person(turn.person).nick.shown().clone();
                turn.is_answered = true;
                let label = turn.label.take();
                // What comes behind it goes by what is negotiated then.
                self.people.device_mut(conn).is_negotiating = true;
                self.out.push(Effect::Negotiate { conn, nick, label, subcommand, arguments });
                Ok(())
            }
            Command::Admin { server } => {
                self.check_server(server.as_deref()).and_then(|()| self.admin(turn))
            }
            Command::Authenticate { argument } => {
                turn.is_answered = true;
                let label = turn.label.take();
                self.authenticate(turn.conn, label, &argument);
                Ok(())
            }
            Command::Away { reason } => self.away(turn, reason),
            Command::Changes { target, since, limit } => {
                self.changes(turn, &target, &since, &limit)
            }
            Command::ChatHistory { subcommand, params } => {
                self.chat_history(turn, &subcommand, &params)
            }
            Command::Chghost { nick, user, host } => self.chghost(turn, &nick, &user, &host),
            Command::Edit { target, msgid, text } => self.edit(turn, &target, &msgid, text),
            Command::Help { topic } => self.help(turn, topic.as_deref()),
            Command::Info { server } => {
                self.check_server(server.as_deref()).and_then(|()| self.info(turn))
            }
            Command::Uninvite { nick, room } => self.uninvite(turn, &nick, &room),
            Command::Invite { invitation } => self.invite(turn, invitation),
            Command::Isupport => {
                self.isupport(turn);
                Ok(())
            }
            Command::Ison { nicks } => self.ison(turn, &nicks),
            Command::Join { targets } => self.join(turn, &targets),
            Command::Kick { rooms, nicks, reason } => self.kick(turn, &rooms, &nicks, reason),
            Command::Kill { nick, reason } => self.kill(turn, &nick, &reason),
            Command::Knock { room, reason } => self.knock(turn, &room, reason.as_deref()),
            Command::LeaveAll => self.leave_all(turn),
            Command::Links => self.links(turn),
            Command::List { rooms, conditions } => self.list(turn, &rooms, conditions),
            Command::Lusers => {
                self.lusers(turn);
                Ok(())
            }
            Command::Markread { target, timestamp } => {
                self.markread(turn, target.as_deref(), timestamp.as_deref())
            }
            Command::Message { kind, targets, text, tags } => {
                self.message(turn, kind, &targets, text, tags)
            }
            Command::Multiline { kind, target, lines, tags } => {
                self.multiline(turn, kind, &target, lines, tags)
            }
            Command::Metadata { target, subcommand, params } => {
                self.metadata(turn, &target, &subcommand, &params)
            }
            Command::Mode { target, changes, arguments } => {
                self.mode(turn, &target, changes.as_deref(), &arguments)
            }
            Command::Monitor { action, targets } => self.monitor(turn, &action, &targets),
            Command::Motd { server } => {
                self.check_server(server.as_deref())?;
                self.motd(turn);
                Ok(())
            }
            Command::Names { rooms } => self.names(turn, &rooms),
            Command::Nick { nick } => self.nick(turn, &nick),
            Command::Oper { name, password } => self.oper(turn, name, password),
            Command::Part { rooms, reason } => self.part(turn, &rooms, reason),
            // RFC 2812 §3.7.2
            Command::Ping { token } => {
                turn.say(ReplyLine::Pong { token: token.into() });
                Ok(())
            }
            // A sign of life was noted by the session.
            Command::Pong => Ok(()),
            Command::Quit { reason } => self.quit(turn, reason),
            Command::Redact { target, msgid, reason } => self.redact(turn, &target, &msgid, reason),
            Command::Register { account, password, .. } => {
                self.register_command(turn, &account, &password)
            }
            Command::Rehash => self.rehash(turn),
            Command::Rename { room, name, reason } => self.rename(turn, &room, &name, reason),
            Command::Search { params } => self.search(turn, &params),
            Command::Service { service, text } => self.answer_service(turn, service, &text),
            Command::Setname { realname } => self.setname(turn, &realname),
            Command::Silence { change } => self.silence(turn, change.as_deref()),
            Command::Time { server } => {
                self.check_server(server.as_deref()).and_then(|()| self.time(turn))
            }
            Command::Topic { room, topic } => self.topic(turn, &room, topic),
            Command::Userhost { nicks } => self.userhost(turn, &nicks),
            Command::Verify { account, .. } => self.verify(turn, &account),
            Command::Version { server } => {
                self.check_server(server.as_deref()).and_then(|()| self.version(turn))
            }
            Command::Wallops { text } => self.wallops(turn, &text),
            Command::Who { mask, query } => self.who(turn, &mask, query),
            Command::Whois { server, asked, nicks } => {
                self.whois(turn, server.as_deref(), &asked, &nicks)
            }
            Command::Whowas { nicks, count } => self.whowas(turn, &nicks, count),
            // RFC 2812 §3.1.1, §3.1.3: only before registration.
            Command::Pass { .. } | Command::User { .. } | Command::Webirc { .. } => {
                Err(Refusal::AlreadyRegistered)
            }
        }
    }
}
