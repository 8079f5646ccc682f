//! Any bytes at each door: what the session says is lines, and what it says and wants of the hub has a bound.

use std::{sync::Arc, time::Instant};

use chat_core::wire::Line;
use chat_server::{
    Config,
    hub::Door,
    ids::{ConnId, WorkerId},
    session::{Output, Session, Step},
    settings::{Privacy, Settings},
};

/// Bytes a session may say for each byte it is told: the longest answer of its own is that to `CAP LS`.
const BYTES_SAID_MAX: usize = 400;

/// Takes a number for the door, and what comes through it in pieces.
pub(super) fn run((door, pieces): (u8, Vec<Vec<u8>>)) {
    let door = [Door::Irc, Door::Text, Door::Http][usize::from(door % 3)];
    let is_irc = door == Door::Irc;
    let mut config = Config::default();
    config.limits = config.limits.unlimited();
    let settings = Settings::new(&config, 1);
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    let now = Instant::now();
    let conn = ConnId { worker: WorkerId(0), generation: 0, slot: 0 };
    let mut output = Output::default();
    let mut session =
        Session::new(door, conn, Arc::clone(&settings), Privacy::Local, now, &mut output);
    let (mut n_bytes, mut n_lines, mut n_pieces) = (0, 0, 0);
    for piece in pieces {
        n_bytes += piece.len();
        n_pieces += 1;
        n_lines += piece.iter().filter(|byte| matches!(byte, b'\r' | b'\n')).count();
        session.push(now, &piece);
        while session.step(now, &mut output) == Step::Line && output.close.is_none() {}
        session.handle_deadline(now, &mut output);
        if output.close.is_some() {
            break;
        }
    }
    // A line is a few things to do: a registration, an answer, what is negotiated. At the text door a pause ends
    // one too, and a long one is cut into many.
    let n_lines_max = n_lines + n_pieces + n_bytes / 16;
    assert!(output.inputs.len() <= 4 * n_lines_max + 8, "{} inputs", output.inputs.len());
    assert!(output.bytes.len() <= 4096 + BYTES_SAID_MAX * n_bytes, "{} bytes", output.bytes.len());
    let said = String::from_utf8(output.bytes).expect("a session says text");
    if door == Door::Http {
        return assert!(said.is_empty() || said.starts_with("HTTP/1.1 "), "{said:?}");
    }
    for line in said.split_terminator("\r\n") {
        assert!(!line.contains(['\r', '\n', '\0']), "{line:?}");
        assert!(!is_irc || Line::parse(line).is_ok(), "{line:?}");
    }
}
