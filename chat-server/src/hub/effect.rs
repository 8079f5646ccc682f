//! Everything that can leave the hub. Carried out in order, before the next input.

use std::{net::IpAddr, sync::Arc};

use crate::{
    auth::Question,
    delivery::{Delivery, Reply},
    event::ServerEvent,
    history::{Asker, Query},
    ids::{ConnId, RoomId, Ticket, WorkerId},
    room_log::{Change, ConversationMark, Record},
    settings::Settings,
};

/// An effect: what the hub wants done.
#[derive(Debug)]
pub enum Effect {
    /// The session is registered under this nick.
    Admit {
        /// The connection.
        conn: ConnId,
        /// The nick.
        nick: Arc<str>,
    },
    /// Put a record into the room log; [`Input::Appended`](super::Input::Appended) is to follow.
    Append {
        /// To be given back.
        ticket: Ticket,
        /// The record.
        record: Arc<Record>,
    },
    /// Have changes remembered; [`Input::Appended`](super::Input::Appended) is to follow.
    Persist {
        /// To be given back.
        ticket: Ticket,
        /// The changes.
        changes: Arc<[Change]>,
    },
    /// Tell the room log something about a conversation.
    Mark(ConversationMark),
    /// Look something up in the room log; [`Input::Queried`](super::Input::Queried) is to follow.
    Query {
        /// To be given back.
        ticket: Ticket,
        /// The side of the network it comes from.
        asker: Asker,
        /// The query, apart: it is the largest, and asked seldom.
        query: Box<Query>,
    },
    /// Find out whether a password is right; [`Input::Checked`](super::Input::Checked) is to follow.
    Check {
        /// To be given back.
        ticket: Ticket,
        /// The question.
        question: Question,
    },
    /// Say why, write what is waiting, and close.
    Close {
        /// The connection.
        conn: ConnId,
        /// The reason.
        reason: Arc<str>,
        /// The label of the command that the goodbye answers, if it had one.
        label: Option<Arc<str>>,
    },
    /// Tell everyone of `delivery.target` whom this worker has.
    Deliver {
        /// The worker.
        worker: WorkerId,
        /// The delivery.
        delivery: Delivery,
    },
    /// Read nothing more of this connection until released: its commands wait for an answer.
    Hold {
        /// The connection.
        conn: ConnId,
    },
    /// A registered client negotiates capabilities; its session answers, in its turn, and says what holds
    /// now ([`Input::Capabilities`](super::Input::Capabilities)).
    Negotiate {
        /// The connection.
        conn: ConnId,
        /// Their nick.
        nick: Arc<str>,
        /// The label of the answer.
        label: Option<Arc<str>>,
        /// `LS`, `LIST`, `REQ`, `END`.
        subcommand: String,
        /// The arguments that follow it.
        arguments: Vec<String>,
    },
    /// Other capabilities are offered than before: the session tells its client of them, if it wants to know,
    /// and goes on without those that are gone.
    Offer {
        /// The connection.
        conn: ConnId,
        /// Their nick.
        nick: Arc<str>,
        /// The settings so far.
        before: Arc<Settings>,
    },
    /// Count a connection for the address that its gateway has told, and close it if that has as many as it may.
    PassOn {
        /// The connection.
        conn: ConnId,
        /// The address.
        address: IpAddr,
    },
    /// Read on.
    Release {
        /// The connection.
        conn: ConnId,
    },
    /// Answer one connection.
    Reply {
        /// The connection.
        conn: ConnId,
        /// The reply.
        reply: Reply,
    },
    /// Tell the program around the server.
    Report(ServerEvent),
    /// Everyone has been told; end the threads.
    Stop,
    /// Have what is delivered to the room go to this connection too, from here on.
    Subscribe {
        /// The connection.
        conn: ConnId,
        /// The room.
        room: RoomId,
    },
    /// Have it go there no more.
    Unsubscribe {
        /// The connection.
        conn: ConnId,
        /// The room.
        room: RoomId,
    },
}

const _: () = assert!(size_of::<Effect>() <= 128, "one is moved without a call");
