//! Any bytes at either door: what the session says is lines, and what it wants of the hub has a bound.

#![no_main]

use std::{sync::Arc, time::Instant};

use chat_core::wire::Line;
use chat_server::{
    Config,
    config::House,
    hub::Door,
    ids::{ConnId, WorkerId},
    session::{Output, Session, Step},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: (bool, Vec<Vec<u8>>)| {
    let (is_irc, pieces) = data;
    let door = if is_irc { Door::Irc } else { Door::Text };
    let mut config = Config::default();
    config.limits = config.limits.unlimited();
    let house = House::new(&config, 1);
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    let now = Instant::now();
    let conn = ConnId { worker: WorkerId(0), generation: 0, slot: 0 };
    let mut output = Output::default();
    let mut session = Session::new(door, conn, Arc::clone(&house), false, now, &mut output);
    for piece in pieces {
        session.push(now, &piece);
        while session.step(now, &mut output) == Step::Line && output.close.is_none() {}
        session.handle_deadline(now, &mut output);
        if output.close.is_some() {
            break;
        }
    }
    let said = String::from_utf8(output.bytes).expect("a session says text");
    for line in said.split_terminator("\r\n") {
        assert!(!line.contains(['\r', '\n', '\0']), "{line:?}");
        assert!(!is_irc || Line::parse(line).is_ok(), "{line:?}");
    }
});
