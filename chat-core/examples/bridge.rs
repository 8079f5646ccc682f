//! Carries what is said in one room to another, both ways: `bridge HOST[:PORT] ROOM ROOM`.

use std::time::Duration;

use chat_core::{
    ChatClient, ClientHandle, CloseReason, Listener, Origin, Target, Update, WaitError,
};

struct Bridge {
    rooms: [String; 2],
}

impl Bridge {
    /// The room at the other end, if `room` is one of the two.
    fn opposite(&self, room: &str) -> Option<&str> {
        let [one, other] = &self.rooms;
        if room.eq_ignore_ascii_case(one) {
            Some(other)
        } else {
            room.eq_ignore_ascii_case(other).then_some(one)
        }
    }
}

impl Listener for Bridge {
    fn update_messages(&mut self, client: &ClientHandle, updates: Vec<Update>) {
        for update in updates {
            let Update::Message(message) = update else { continue };
            let Target::Room(room) = &message.target else { continue };
            if message.is_own || message.origin != Origin::Live {
                continue;
            }
            if let Some(opposite) = self.opposite(room)
                && let Err(error) =
                    client.send(opposite, &format!("{}: {}", message.sender, message.text))
            {
                // Said where it was said, so that nobody waits for an answer.
                let _ = client.send_notice(room, &format!("not carried over: {error}"));
            }
        }
    }

    fn closed_connection(&mut self, _: &ClientHandle, _: CloseReason) {}
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [server, one, other] = &arguments[..] else {
        return Err("usage: bridge HOST[:PORT] ROOM ROOM".into());
    };
    let rooms = [one.clone(), other.clone()];
    let builder = ChatClient::builder(server, "bridge").join(one).join(other);
    let client = builder.listener(Bridge { rooms }).connect()?;
    while let Err(WaitError::Timeout) = client.wait_closed(Duration::from_secs(3600)) {}
    Ok(())
}
