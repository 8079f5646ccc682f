//! Prints what happens, with the listener a client has when it is given none: `printer HOST[:PORT]`.

use std::time::Duration;

use chat_core::ChatClient;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = std::env::args().nth(1).ok_or("usage: printer HOST[:PORT]")?;
    let client = ChatClient::builder(server, "printer").connect()?;
    // Until nothing will reconnect any more.
    while let Err(chat_core::WaitError::Timeout) = client.wait_closed(Duration::from_secs(3600)) {}
    Ok(())
}
