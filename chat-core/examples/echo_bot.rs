//! Says everything again that is said to it by name: `echo_bot HOST[:PORT]`.

use std::time::Duration;

use chat_core::{
    ChatClient, ClientHandle, CloseReason, Listener, MessageKind, Origin, Update, WaitError,
};

struct Echo;

impl Listener for Echo {
    fn update_messages(&mut self, client: &ClientHandle, updates: Vec<Update>) {
        for update in updates {
            let Update::Message(message) = update else { continue };
            // Never answer a notice, one's own words or the past: two bots would talk forever.
            let is_question = message.kind == MessageKind::Text
                && message.origin == Origin::Live
                && message.mentions_me
                && !message.is_own;
            if !is_question {
                continue;
            }
            let said = message.text.replacen(&*client.nick(), "", 1);
            let answer =
                format!("{}: {}", message.sender, said.trim_start_matches([':', ',', ' ']));
            // Does not block; what becomes of it would come as an update.
            if client.send_notice(message.target.name(), &answer).is_err() {
                client.quit();
            }
        }
    }

    fn closed_connection(&mut self, _: &ClientHandle, _: CloseReason) {}
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = std::env::args().nth(1).unwrap_or_default();
    let client = ChatClient::builder(server, "echo").listener(Echo).connect()?;
    while let Err(WaitError::Timeout) = client.wait_closed(Duration::from_secs(3600)) {}
    Ok(())
}
