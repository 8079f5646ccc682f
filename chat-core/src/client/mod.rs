//! [`ChatClient`] owns a connection and its threads; [`ClientHandle`] is what everyone else holds.

mod address;
mod budget;
mod builder;
mod chat_client;
mod driver;
mod gate;
mod handle;
mod pieces;
mod queue;
mod receiver;
mod replacement;
mod retry;
mod roster;
mod settings;
mod shared;
mod state;
mod words;

pub use address::DEFAULT_PORT;
pub use budget::{BATCH_BYTES_MAX, BATCH_MAX, MemoryBudget};
pub use builder::ChatClientBuilder;
pub use chat_client::ChatClient;
pub use handle::{ClientHandle, TEXT_BYTES_MAX};
pub use retry::ReconnectPolicy;
pub use settings::{DEFAULT_NAME, HistoryPolicy, Timeouts};
pub use words::NAME_BYTES_MAX;
