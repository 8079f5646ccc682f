//! Services: messages to them; what is said to one of them is heard by nobody else and kept by nobody.

pub(crate) mod chan_serv;
pub(crate) mod links;
pub(crate) mod nick_serv;
pub(crate) mod notices;
pub(crate) mod oper_serv;
pub(crate) mod request;

use std::sync::Arc;

use chat_core::proto::{Capability, MessageKind, Service};

use crate::{
    delivery::{Content, Event, RecordContent, ReplyLine},
    hub::{Hub, refusal::Refusal, replies::turn::Turn, state::device::Reader},
};

impl Hub {
    /// Does what a service is asked.
    pub(crate) fn answer_service(
        &mut self,
        turn: &mut Turn,
        service: Service,
        text: &str,
    ) -> Result<(), Refusal> {
        match service {
            Service::ChanServ => self.chan_serv(turn, text),
            Service::NickServ => self.nick_serv(turn, text),
            Service::OperServ => self.oper_serv(turn, text),
        }
    }

    /// A message to a service. A notice is never answered.
    pub(crate) fn serve(
        &mut self,
        turn: &mut Turn,
        service: Service,
        kind: MessageKind,
        text: &Arc<str>,
        tags: &str,
    ) {
        let Reader { person, device } = self.people.reader(turn.conn);
        if device.capabilities.contains(Capability::EchoMessage) {
            let (source, target) = (Arc::clone(&person.source), service.nick().into());
            let (text, tags) = (Arc::clone(text), tags.into());
            let content =
                Content::Record(RecordContent::Message { source, kind, target, text, tags });
            let sender = person.as_sender();
            let msgid = self.next_msgid(self.now().wall);
            let event = Event::new(content, self.now().wall, Some(msgid)).by(sender);
            turn.say(ReplyLine::Event(Arc::new(event)));
        }
        if kind == MessageKind::Privmsg
            && let Err(refusal) = self.answer_service(turn, service, text)
        {
            turn.say(refusal.reply());
        }
    }
}
