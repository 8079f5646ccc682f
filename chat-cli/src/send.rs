//! `send`: one message, or one for each line of the input; returns when all have arrived.

use std::{
    io::{self, BufRead},
    time::Duration,
};

use chat_core::{ChatClient, Delivery, HistoryPolicy, listener::from_fn};

use crate::{
    args::SendOptions,
    exit::{Exit, Failure},
};

/// The time one message may take to arrive.
const ARRIVE_WITHIN: Duration = Duration::from_secs(30);

pub(crate) fn run(options: &SendOptions) -> Result<Exit, Failure> {
    let mut builder =
        ChatClient::builder(&options.server, &options.name).listener(from_fn(|_, _| ()));
    // Nobody reads it here.
    builder = builder.history(HistoryPolicy::Off);
    if options.to.starts_with('#') {
        builder = builder.join(&options.to);
    }
    let client = builder.connect().map_err(|error| (Exit::from(&error), error.to_string()))?;
    let send = |text: &str| {
        let sent = client.send_and_wait(&options.to, text, ARRIVE_WITHIN);
        match sent.map_err(|error| error.to_string()) {
            Ok(Delivery::Failed(error)) => Err(error.to_string()),
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        }
        .map_err(|error| (Exit::NotDelivered, format!("the message was not delivered: {error}")))
    };
    match &options.text {
        Some(text) => send(text)?,
        None => {
            for line in io::stdin().lock().split(b'\n') {
                let line =
                    line.map_err(|error| (Exit::Usage, format!("cannot read the input: {error}")))?;
                let line = String::from_utf8_lossy(&line);
                let line = line.trim_end_matches('\r');
                if !line.is_empty() {
                    send(line)?;
                }
            }
        }
    }
    client.close(Duration::from_secs(2)).map_err(|error| (Exit::Lost, error.to_string()))?;
    Ok(Exit::Clean)
}
