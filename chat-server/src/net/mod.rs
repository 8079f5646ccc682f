//! The edge: sockets, threads and the queues between them. Decides nothing about rooms or people.

pub(crate) mod acceptor;
pub(crate) mod admission;
mod conn;
pub(crate) mod hub_executor;
pub(crate) mod hub_sender;
pub(crate) mod hub_thread;
mod link;
pub(crate) mod listener_kind;
pub(crate) mod mailbox;
mod outbox;
pub(crate) mod password_thread;
mod proxy;
mod timers;
pub(crate) mod to_hub;
mod web_socket;
mod wire;
pub(crate) mod worker;
