//! Five people who say anything, with accounts and operators among them, a log that is late and fails:
//! every invariant holds after every step, and at rest the workers know who is where. An input is lines; the first byte of each says whose it is.

use chat_server::{
    config::{Account, Oper},
    hub::Door,
};

use crate::world::{SimLog, World};

const NAMES: [&str; 5] = ["a", "b", "c", "d", "t"];

/// Of the password `x`, and quick to check.
const HASH: &str =
    "$argon2id$v=19$m=8,t=1,p=1$7t7ZV2vtMhrEcs2SPnlpSQ$SGc4qZ3dSQA2uWA8F3/4eQdfK1eOKEmGV8hcXYdNQ3s";

/// Takes lines.
pub(super) fn run(data: &[u8]) {
    let log = SimLog { late: 30, failing: 5, restarting: 0 };
    let mut world = World::new(data.len() as u64, log, |config| {
        config.limits = config.limits.clone().unlimited();
        let (name, password) = ("x".to_owned(), HASH.to_owned());
        config.opers = vec![Oper { name: name.clone(), password: password.clone(), masks: vec![] }];
        config.accounts =
            vec![Account { name, password, scram: None, fingerprints: vec!["ab".into()] }];
    });
    for name in NAMES {
        world.fingerprint = (name == "d").then(|| "ab".into());
        world.open(name, if name == "t" { Door::Text } else { Door::Irc });
        let caps = "batch draft/metadata-3 draft/multiline echo-message labeled-response message-tags \
             sasl account-notify account-tag draft/oper-tag extended-join";
        if name == "t" {
            world.send_bytes(name, b"t\r\n");
        } else {
            let lines = format!(
                "CAP REQ :{caps}\r\nNICK {name}\r\nUSER u 0 * :R\r\nCAP END\r\nJOIN #x\r\n"
            );
            world.send_bytes(name, lines.as_bytes());
            if name == "d" {
                world.send_bytes(name, b"OPER x x\r\nAUTHENTICATE EXTERNAL\r\nAUTHENTICATE +\r\n");
            }
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
}
