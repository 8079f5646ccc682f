//! The effects of typed lines: the same at a terminal and without one.

use std::sync::Arc;

use chat_core::{ClientHandle, SendError, text::printable};

use crate::input::{Action, COMMANDS, parting};

/// Does what `action` asks for, in `room` where it names none. What there is to say to the person who
/// asked, as lines; leaving and connecting again are the caller's.
///
/// # Errors
/// [`SendError`]: nothing was done.
pub(crate) fn perform(
    client: &ClientHandle,
    room: Option<&str>,
    action: &Action,
) -> Result<Option<String>, SendError> {
    if needs_room(action) && room.is_none() {
        return Ok(Some("! you are in no room: /join one first".to_owned()));
    }
    let room = room.unwrap_or_default();
    match action {
        Action::Nothing | Action::Quit | Action::Reconnect => Ok(None),
        // Without a terminal nothing is cut; at one, its view knows.
        Action::Rest => Ok(Some("* all of it has been shown".to_owned())),
        Action::Say(text) => sent(client, client.send(room, text)),
        Action::Act(text) => sent(client, client.send_action(room, text)),
        Action::Message { to, text } => sent(client, client.send(to, text)),
        Action::Away(reason) => {
            let line = match reason {
                Some(reason) => format!("AWAY :{reason}"),
                None => "AWAY".to_owned(),
            };
            client.send_raw(&line).map(|()| None)
        }
        Action::Join(room) => client.join(&room_name(room)).map(|()| None),
        Action::Part(rest) => {
            let (named, reason) = parting(rest.as_deref(), &client.rooms());
            let room = named.as_deref().unwrap_or(room);
            if room.is_empty() {
                return Ok(Some("! you are in no room".to_owned()));
            }
            client.part(room, reason).map(|()| None)
        }
        Action::Nick(nick) => client.set_nick(nick).map(|()| None),
        Action::Names(named) => {
            let room = named.as_deref().map_or_else(|| room.to_owned(), room_name);
            let room = &*room;
            let (nicks, room) = (client.members(room), printable(room));
            Ok(Some(match nicks.len() {
                0 => format!("! you are not in {room}"),
                n => format!("* {n} in {room}: {}", some_of(&nicks)),
            }))
        }
        Action::Topic(Some(topic)) => client.set_topic(room, topic).map(|()| None),
        Action::Topic(None) => {
            let topic = client.topic(room).filter(|topic| !topic.is_empty());
            Ok(Some(match topic {
                Some(topic) => format!("* topic of {room}: {}", printable(&topic)),
                None => format!("* {room} has no topic"),
            }))
        }
        Action::Rooms => Ok(Some(match &*client.rooms() {
            [] => "* you are in no room".to_owned(),
            rooms => format!("* you are in: {}", some_of(rooms)),
        })),
        Action::Help => {
            let lines = COMMANDS.iter().map(|(command, what, does)| {
                format!("  {:<20} {does}", format!("{command} {what}"))
            });
            Ok(Some(lines.collect::<Vec<_>>().join("\n")))
        }
        Action::Wrong(sentence) => Ok(Some(format!("! {sentence}"))),
    }
}

/// Names in a line; of very many, how many more they are.
fn some_of(names: &[Arc<str>]) -> String {
    const NAMES_MAX: usize = 1000;
    let (some, more) = names.split_at(names.len().min(NAMES_MAX));
    let end = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
    format!("{}{end}", some.join(", "))
}

/// Whether `action` is about the room that is spoken in.
pub(crate) fn needs_room(action: &Action) -> bool {
    matches!(action, Action::Say(_) | Action::Act(_) | Action::Topic(_) | Action::Names(None))
}

/// A room's name, with the `#` that people leave out.
pub(crate) fn room_name(room: &str) -> String {
    if room.starts_with('#') { room.to_owned() } else { format!("#{room}") }
}

/// Says so if a message has to wait for a connection.
fn sent<T>(client: &ClientHandle, sent: Result<T, SendError>) -> Result<Option<String>, SendError> {
    sent?;
    let waits = "! there is no connection now: it will be sent when there is one, for a minute";
    Ok((!client.state().is_ready()).then(|| waits.to_owned()))
}
