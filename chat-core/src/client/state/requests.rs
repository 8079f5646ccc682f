//! Requests of the program, and what becomes of them.

use std::sync::Arc;

use super::{
    client_state::{ClientState, Phase},
    effect::{Effect, Effects},
    request::Request,
    time::Now,
};
use crate::{
    client::budget::request_bytes,
    proto::{Capability, CapabilitySet},
    update::Update,
};

impl ClientState {
    /// The program asks for something.
    pub(crate) fn request(&mut self, now: Now, request: Request, effects: &mut Effects) {
        if let Request::Send(message) = request {
            self.sending.queue(now, &self.connection.nick, message, effects);
            if self.is_closed() {
                self.sending.fail_all(effects);
            }
            return;
        }
        effects.push(Effect::Settle { bytes: request_bytes(&request) });
        if let Request::Join { room, key } = &request {
            self.wishes.want_room(self.roster.mapping(), room);
            if let Some(key) = key {
                self.wishes.keys.insert(Arc::clone(room), key.clone());
            }
        } else if let Request::Part { room, .. } = &request {
            self.wishes.forget_room(self.roster.mapping(), room);
        }
        if !matches!(self.phase, Phase::Ready { .. }) {
            // Rooms and a nick are asked for when there is a connection; the rest has no meaning then.
            match request {
                Request::Nick { nick } => {
                    self.wishes.nick = nick.into();
                    self.connection.nick = Arc::clone(&self.wishes.nick);
                    self.connection.nick_number = 0;
                    if matches!(self.phase, Phase::Registering { .. }) {
                        self.ask_for_nick(effects);
                    }
                }
                Request::Delete { .. }
                | Request::Edit { .. }
                | Request::Raw { .. }
                | Request::React { .. }
                | Request::Register { .. }
                | Request::Topic { .. } => {
                    let text = "there is no connection; try again when there is".into();
                    effects.tell(Update::Notice { code: None, text });
                }
                _ => {}
            }
            return;
        }
        // What was written before goes first.
        self.pump(now, usize::MAX, effects);
        if let Some(missing) = missing_for(&request, self.connection.negotiation.capabilities) {
            let text = format!("this server cannot do that: it lacks {missing}").into();
            return effects.tell(Update::Notice { code: None, text });
        }
        let is_line = effects.line(|line| match &request {
            Request::Delete { target, msgid, reason: Some(reason) } => {
                line.command("REDACT").param(target).param(msgid).last(reason).finish()
            }
            Request::Delete { target, msgid, reason: None } => {
                line.command("REDACT").param(target).param(msgid).finish()
            }
            Request::Edit { target, msgid, text } => {
                line.command("EDIT").param(target).param(msgid).last(text).finish()
            }
            Request::React { target, msgid, value, is_taken_back } => {
                let tag = if *is_taken_back { "+draft/unreact" } else { "+draft/react" };
                let line = line.tag("+draft/reply", msgid).tag(tag, value);
                line.command("TAGMSG").param(target).finish()
            }
            Request::Join { room, key: None } => line.command("JOIN").param(room).finish(),
            Request::Join { room, key: Some(key) } => {
                line.command("JOIN").param(room).param(key).finish()
            }
            Request::Nick { nick } => line.command("NICK").param(nick).finish(),
            Request::Part { room, reason: Some(reason) } => {
                line.command("PART").param(room).last(reason).finish()
            }
            Request::Part { room, reason: None } => line.command("PART").param(room).finish(),
            Request::Raw { line: raw } => line.raw(raw).finish(),
            Request::Topic { room, topic } => {
                line.command("TOPIC").param(room).last(topic).finish()
            }
            Request::Register { password } => {
                line.command("REGISTER").param("*").param("*").last(&password.0).finish()
            }
            Request::Send(_) => Ok(()),
        });
        if let Request::Register { password } = request {
            self.connection.registering = Some(password);
        }
        if !is_line {
            let text =
                "that cannot be sent: it contains a line break, or a word where none can stand"
                    .into();
            effects.tell(Update::Notice { code: None, text });
        }
    }
}

/// The name of the capability that a request needs and the server lacks.
fn missing_for(request: &Request, known: CapabilitySet) -> Option<&'static str> {
    let needed = match request {
        Request::Delete { .. } => Capability::MessageRedaction,
        Request::Edit { .. } => Capability::Edit,
        Request::React { .. } => Capability::MessageTags,
        Request::Register { .. } => Capability::AccountRegistration,
        _ => return None,
    };
    (!known.contains(needed)).then(|| needed.names()[0])
}
