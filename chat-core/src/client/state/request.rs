//! Requests of the program.

use std::sync::Arc;

use crate::{
    client::settings::Password,
    update::{MessageKind, SendId},
};

/// Something the program asks for; all in one order.
#[derive(Debug)]
pub(crate) enum Request {
    Join { room: Arc<str>, key: Option<String> },
    Delete { target: Arc<str>, msgid: Arc<str>, reason: Option<String> },
    Edit { target: Arc<str>, msgid: Arc<str>, text: String },
    Nick { nick: String },
    Part { room: Arc<str>, reason: Option<String> },
    Raw { line: String },
    Register { password: Password },
    React { target: Arc<str>, msgid: Arc<str>, value: String, is_taken_back: bool },
    Send(Message),
    Topic { room: Arc<str>, topic: String },
}

/// Something to say.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) id: SendId,
    pub(crate) target: Arc<str>,
    pub(crate) text: Arc<str>,
    pub(crate) kind: MessageKind,
}
