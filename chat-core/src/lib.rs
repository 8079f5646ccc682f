//! The chat client SDK: write a [`Listener`], hand it to a [`ChatClient`], and you have a chat program.
//!
//! ```text
//!  socket ─▶ wire ─▶ client state ─▶ Update ─▶ Listener (your code)
//!  your code ─▶ ClientHandle::send ─▶ client state ─▶ wire ─▶ socket
//! ```
//!
//! It speaks IRC with the IRCv3 extensions to any server, and of people, rooms and messages to you.
//!
//! ```
//! use chat_core::{ChatClient, ClientHandle, CloseReason, Listener, Update};
//!
//! /// Answers everyone who mentions us.
//! struct Polite;
//!
//! impl Listener for Polite {
//!     fn update_messages(&mut self, client: &ClientHandle, updates: Vec<Update>) {
//!         for update in updates {
//!             if let Update::Message(message) = update && message.mentions_me {
//!                 // Never blocks, also here.
//!                 let _ = client.send(message.target.name(), &format!("Hello, {}!", message.sender));
//!             }
//!         }
//!     }
//!
//!     fn closed_connection(&mut self, _: &ClientHandle, reason: CloseReason) {
//!         println!("{reason}");
//!     }
//! }
//!
//! # let server = chat_core::testing::FakeServer::start();
//! # let address = server.address();
//! let client = ChatClient::builder(address, "Polite").join("lobby").listener(Polite).connect()?;
//! client.send("#lobby", "I am here.")?;
//! client.close(std::time::Duration::from_secs(5))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What a server may have of a client is bounded: the memory of all that waits together by [`MemoryBudget`] (64 MiB), which says
//! what becomes of what there is no place for; names by [`client::NAME_BYTES_MAX`]; the past by 20 s for a page and 2 minutes for
//! all of it, behind which it is an [`Update::Gap`].
//!
//! Where to look: [`Listener`] for the threading contract, [`Update`] for everything that can happen,
//! [`error`] for what can fail, [`testing`] (feature `testing`) for a server to test against,
//! [`wire`], [`proto`] and [`scram`] for the protocol that our server shares.

pub mod client;
pub mod error;
pub mod listener;
pub mod password;
pub mod proto;
pub mod scram;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod text;
mod update;
pub mod wire;
#[cfg(test)]
mod work;

pub use client::{
    ChatClient, ChatClientBuilder, ClientHandle, HistoryPolicy, MemoryBudget, ReconnectPolicy,
    Timeouts,
};
pub use error::{CloseReason, ConfigError, ConnectError, DeliveryError, SendError, WaitError};
pub use listener::{Event, Fanout, Listener, PrintListener};
pub use update::{
    ChatMessage, ConnectionState, Delivery, Departure, MessageKind, Origin, SendId, Target, Update,
};
