//! The room log on disk: SQLite in a folder of its own, one thread that writes, one that reads and one that searches.
//!
//! A record is told to be appended when the transaction it is in has been committed and, with
//! [`Durability::Strict`], is safe from a power cut. What waits meanwhile goes into the next transaction
//! together. Reading waits for writing only where a note says who may read no more.

mod answers;
mod append;
mod database;
mod history;
mod indexing;
mod local_log;
mod readable;
mod reader;
mod retention;
mod rows;
mod schema;
mod search;
mod time_limit;
mod transfer;
mod trimming;
mod turns;
mod upkeep;
mod writer;

pub use crate::retention::{Retention, Rule};
pub use database::{Durability, IsKnown, StoreError};
pub use local_log::LocalLog;
pub use schema::VERSION;
pub use transfer::{Moved, TransferError, export, import};
pub use upkeep::{Report, back_up, check, mend};
