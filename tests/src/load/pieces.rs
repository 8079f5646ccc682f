//! The pieces that a message passes, each by itself: for a clock, and for counts of instructions, which do not
//! depend on what else the machine does.

use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use chat_core::{
    proto::{Capability, CapabilitySet, Command, MessageKind},
    wire::{Framed, Framer, Line, limits},
};
use chat_server::{
    Config,
    delivery::{Audience, Event, RecordContent},
    hub::{Door, Effect, Hub, Input, Now, Registration},
    ids::{ConnId, WorkerId},
    session::{Output, Session},
    settings::{Privacy, Settings},
};

use super::payload;

/// Something to be done again and again.
#[derive(Debug, Clone, Copy)]
pub struct Piece {
    /// As it stands in tables.
    pub name: &'static str,
    /// The function that makes ready what does it once.
    pub make: fn() -> Box<dyn FnMut()>,
}

/// All of them. A message is 100 bytes in each.
pub const PIECES: &[Piece] = &[
    Piece { name: "codec: bytes to a command", make: codec },
    Piece { name: "session: bytes to an input", make: session },
    Piece { name: "hub: a message to 10", make: || hub(10) },
    Piece { name: "hub: a message to 1000", make: || hub(1000) },
    Piece { name: "encoder: a message, plain", make: || encoder(CapabilitySet::EMPTY) },
    Piece {
        name: "encoder: a message with tags",
        make: || {
            let tags = [Capability::MessageTags, Capability::ServerTime, Capability::AccountTag];
            encoder(tags.into_iter().collect())
        },
    },
];

fn line() -> Vec<u8> {
    let mut line = b"PRIVMSG #room :".to_vec();
    payload::write(1, 2, &mut line);
    line.extend_from_slice(b"\r\n");
    line
}

fn codec() -> Box<dyn FnMut()> {
    let line = line();
    let mut framer = Framer::new(limits::CLIENT_LINE_BYTES_MAX);
    Box::new(move || {
        framer.push(&line);
        let Some(Framed::Line(bytes)) = framer.pull() else { unreachable!("it is a line") };
        let text = std::str::from_utf8(bytes).expect("it is text");
        let line = Line::parse(text).expect("it is a line");
        black_box(Command::parse(&line).expect("it is a command"));
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "time goes on by itself here, from wherever it begins"
)]
fn start() -> (Arc<Settings>, Now) {
    let mut config = Config::default();
    config.limits = config.limits.unlimited();
    let now = Now { mono: Instant::now(), wall: SystemTime::UNIX_EPOCH };
    (Settings::new(&config, 2), now)
}

fn conn(slot: u32) -> ConnId {
    ConnId { worker: WorkerId((slot % 2) as u16), generation: 0, slot }
}

fn session() -> Box<dyn FnMut()> {
    let (settings, now) = start();
    let mut output = Output::default();
    let mut session =
        Session::new(Door::Irc, conn(0), settings, Privacy::Local, now.mono, &mut output);
    session.push(now.mono, b"NICK a\r\nUSER a 0 * :a\r\n");
    while session.step(now.mono, &mut output) == chat_server::session::Step::Line {}
    session.admit(now.mono, &"a".into(), &mut output);
    output.inputs.clear();
    let line = line();
    Box::new(move || {
        session.push(now.mono, &line);
        session.step(now.mono, &mut output);
        assert_eq!(output.inputs.len(), 1);
        output.inputs.clear();
    })
}

fn hub(n_members: u32) -> Box<dyn FnMut()> {
    let (settings, mut now) = start();
    let mut hub = Hub::new(settings, 1);
    let mut effects = Vec::new();
    let join = Line::parse("JOIN #room").expect("it is a line");
    for slot in 0..n_members {
        let conn = conn(slot);
        let nick = format!("n{slot}");
        let registration =
            Registration { user: "u".into(), realname: "r".into(), nick, take_any_nick: false };
        let host = "127.0.0.1".into();
        let opened =
            Input::Opened { conn, host, door: Door::Irc, is_secure: false, fingerprint: None };
        let command = Command::parse(&join);
        for input in [
            opened,
            Input::Register { conn, registration },
            Input::Command { conn, label: None, command },
        ] {
            handle(&mut hub, now, input, &mut effects);
        }
        // The answer is read.
        for _ in 0..2 {
            handle(&mut hub, now, Input::PageTaken { conn }, &mut effects);
        }
    }
    let line = line();
    let line = String::from_utf8(line).expect("it is text");
    Box::new(move || {
        let line = Line::parse(line.trim_end()).expect("it is a line");
        let command = Command::parse(&line);
        now.wall += Duration::from_micros(1);
        let said = Input::Command { conn: conn(0), label: None, command };
        let n_deliveries = handle(&mut hub, now, said, &mut effects);
        assert_eq!(n_deliveries, 2, "one for each worker, however large the room");
    })
}

/// The number of deliveries of an input, handled as by the thread of the hub with a log that keeps nothing.
fn handle(hub: &mut Hub, now: Now, input: Input, effects: &mut Vec<Effect>) -> usize {
    let mut n_deliveries = 0;
    let mut next = Some(input);
    while let Some(input) = next.take() {
        hub.handle(now, input, effects);
        for effect in effects.drain(..) {
            match effect {
                Effect::Append { ticket, .. } => {
                    next = Some(Input::Appended { ticket, outcome: Ok(()) });
                }
                Effect::Deliver { .. } => n_deliveries += 1,
                _ => {}
            }
        }
    }
    n_deliveries
}

fn encoder(capabilities: CapabilitySet) -> Box<dyn FnMut()> {
    let audience = Audience::irc(capabilities);
    let mut text = Vec::new();
    payload::write(1, 2, &mut text);
    let text = String::from_utf8(text).expect("it is text");
    let content = RecordContent::Message {
        source: "nick!user@host.example".into(),
        kind: MessageKind::Privmsg,
        target: "#room".into(),
        text: text.into(),
        tags: "".into(),
    };
    let msgid: Arc<str> = "0123456789abcdef01234567".into();
    let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123);
    Box::new(move || {
        let event = Event::new(content.clone().into(), time, Some(Arc::clone(&msgid)));
        black_box(event.encode(audience));
    })
}
