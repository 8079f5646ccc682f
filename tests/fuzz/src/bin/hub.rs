//! Five people who say anything, a log that is late and fails: every invariant holds after every step,
//! and at rest the workers know who is where. An input is lines; the first byte of each says whose it is.

#![no_main]

use chat_server::hub::Door;
use chat_tests::world::{SimLog, World};
use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 5] = ["a", "b", "c", "d", "t"];

fuzz_target!(|data: &[u8]| {
    let log = SimLog { late: 30, failing: 5, restarting: 0 };
    let mut world = World::new(data.len() as u64, log, |config| {
        config.limits = config.limits.clone().unlimited();
    });
    for name in NAMES {
        world.open(name, if name == "t" { Door::Text } else { Door::Irc });
        let caps =
            "batch draft/metadata-3 draft/multiline echo-message labeled-response message-tags";
        if name == "t" {
            world.send_bytes(name, b"t\r\n");
        } else {
            let lines = format!(
                "CAP REQ :{caps}\r\nNICK {name}\r\nUSER u 0 * :R\r\nCAP END\r\nJOIN #x\r\n"
            );
            world.send_bytes(name, lines.as_bytes());
        }
    }
    world.settle();
    for said in data.split(|byte| *byte == b'\n') {
        let Some((who, line)) = said.split_first() else { continue };
        let name = NAMES[usize::from(who.wrapping_sub(b'a')) % NAMES.len()];
        if line == b"!" {
            world.drop_connection(name);
        } else {
            world.send_bytes(name, &[line, b"\r\n".as_slice()].concat());
        }
        for _ in 0..4 {
            world.step();
        }
    }
    world.settle();
    world.check_memberships();
});
