//! Load: crowds of real connections to any server, ours or other people's, driven by one thread and one
//! epoll loop. Every payload is checked for content, place and order on every connection that hears it.
//!
//! Only loopback is ever a target. A run is bounded by counts, and ends when nothing has happened for
//! [`PATIENCE`](crate::PATIENCE). What is measured is processor time of the server, since wall clock says more
//! of the machine's other guests than of the server.

pub mod chart;
mod crowd;
mod dialect;
mod floor;
mod flow;
mod payload;
mod peers;
pub mod pieces;
mod process;
mod tls;

pub use crowd::{Connecting, Crowd};
pub use dialect::Dialect;
pub use floor::{Floor, FloorRun};
pub use flow::{Flow, FlowRun, Shape, storm};
pub use peers::{Mode, Peer, Subject};
pub use process::{Process, cpu_of_this_thread};
pub use tls::come_over_tls;

/// Bytes of what is said in each message.
pub const PAYLOAD_BYTES: usize = 100;
