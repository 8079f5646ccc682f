//! Writes everything that is said to a file, one line each: `logger HOST[:PORT] FILE`.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    time::{Duration, SystemTime},
};

use chat_core::{ChatClient, ClientHandle, CloseReason, Listener, Update, listener::describe};

struct Logger {
    file: File,
}

impl Logger {
    fn write(&mut self, client: &ClientHandle, line: &str) {
        let now = humantime::format_rfc3339_seconds(now());
        if let Err(error) = writeln!(self.file, "{now} {line}") {
            // A log that misses lines is worse than none.
            let _ = writeln!(io::stderr(), "logger: cannot write: {error}");
            client.quit();
        }
    }
}

impl Listener for Logger {
    fn update_messages(&mut self, client: &ClientHandle, updates: Vec<Update>) {
        for line in updates.iter().filter_map(describe) {
            self.write(client, &line);
        }
    }

    fn closed_connection(&mut self, client: &ClientHandle, reason: CloseReason) {
        self.write(client, &format!("* {reason}"));
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (Some(server), Some(path)) = (std::env::args().nth(1), std::env::args().nth(2)) else {
        return Err("usage: logger HOST[:PORT] FILE".into());
    };
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    let client = ChatClient::builder(server, "logger").listener(Logger { file }).connect()?;
    // Until nothing will reconnect any more.
    while let Err(chat_core::WaitError::Timeout) = client.wait_closed(Duration::from_secs(3600)) {}
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a program reads the clock")]
fn now() -> SystemTime {
    SystemTime::now()
}
