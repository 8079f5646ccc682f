//! The seeded simulation: people join, leave, rename, talk and drop in any order, the room log is late,
//! fails and restarts, and after every step all that must hold does. A failing seed is printed, and
//! `SEED=123 cargo test -p chat-tests sim` runs that one alone.

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use chat_server::{
    auth::{Question, Secret, Verdict, scram},
    hub::Door,
};
use chat_tests::world::{SimLog, World};

/// Those who have accounts are the first.
const N_ACCOUNTS: u8 = 3;

/// Whether a connection is of somebody with an account: those keep their nicks, by which what is due is told.
fn has_account(name: &str) -> bool {
    let number = name.strip_prefix('p').and_then(|number| number.parse::<u8>().ok());
    number.is_none_or(|number| number < N_ACCOUNTS)
}

const ROOMS: [&str; 3] = ["#a", "#b", "#c"];

/// What one seed does.
fn run(seed: u64, log: SimLog) -> Vec<String> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut world = World::new(seed, log, |config| {
        // Some worlds have little place for what one connection says.
        if seed.is_multiple_of(4) {
            config.limits.pending_records_each_max = 2;
        }
    });
    world.checker = quick_checker;
    let mut names: Vec<String> = Vec::new();
    // Some have accounts, and come with other connections later.
    for number in 0..N_ACCOUNTS {
        let name = format!("p{number}");
        world.open(&name, Door::Irc);
        let caps = "message-tags draft/chathistory batch";
        let lines = format!(
            "CAP REQ :{caps}\r\nNICK {name}\r\nUSER u 0 * :R\r\nCAP END\r\nNS REGISTER correcthorse\r\n"
        );
        world.send_bytes(&name, lines.as_bytes());
        names.push(name);
    }
    world.settle();
    // And each has a room, as far as nobody else has founded it since.
    for (name, room) in names.iter().zip(ROOMS) {
        world.send_bytes(name, format!("JOIN {room}\r\n").as_bytes());
    }
    let (mut n_said, mut n_devices) = (0, 0);
    for _ in 0..400 {
        let name = (!names.is_empty()).then(|| random.choice(&names).cloned()).flatten();
        let room = ROOMS[random.usize(..ROOMS.len())];
        match (random.u8(..20), name) {
            (0..3, _) | (_, None) if names.len() < 24 => {
                let name = format!("p{}", names.len());
                world.open(&name, Door::Irc);
                // Some with an echo and labels, some old and plain; all with message ids, to check by.
                let caps = if random.bool() {
                    "message-tags draft/chathistory echo-message labeled-response batch draft/message-redaction chat.local/edit chat.local/changes"
                } else {
                    "message-tags draft/chathistory batch"
                };
                let lines =
                    format!("CAP REQ :{caps}\r\nNICK {name}\r\nUSER u 0 * :R\r\nCAP END\r\n");
                world.send_bytes(&name, lines.as_bytes());
                names.push(name);
            }
            (_, None) => {}
            (3..8, Some(name)) => world.send_bytes(&name, format!("JOIN {room}\r\n").as_bytes()),
            (8, Some(name)) => world.send_bytes(&name, format!("PART {room} :bye\r\n").as_bytes()),
            (9, Some(name)) => {
                let line = format!(
                    "MODE {room} +v {}\r\nNAMES {room}\r\nWHO {room}\r\nLIST\r\nWHO *\r\n",
                    names[0]
                );
                world.send_bytes(&name, line.as_bytes());
            }
            // What those who operate a room set in it, and how it is called.
            (10, Some(name)) if random.bool() => {
                let other = &names[random.usize(..names.len())];
                let founder = format!("p{}", random.u8(..N_ACCOUNTS));
                let name = if random.bool() { founder } else { name };
                let account = random.u8(..N_ACCOUNTS);
                let line = match random.u8(..16) {
                    0 => format!("MODE {room} +sk-n key"),
                    1 => format!("MODE {room} -sk+n key"),
                    2 => format!("MODE {room} +bI {other} {other}"),
                    3 => format!("MODE {room} -bI {other} {other}"),
                    4 => format!("MODE {room} +o-v {other} {other}"),
                    5 => format!("MODE {room} -o+v {other} {other}"),
                    6 => format!("METADATA {room} SET url :{n_said}"),
                    7 => format!("CS BAN {room} {other} 20s loud\r\nCS MUTE {room} ~a:p9 1m"),
                    8 => format!("CS UNBAN {room} {other}\r\nMODE {room} +SA 3"),
                    9 => format!("MODE {room} -SA\r\nKNOCK {room}\r\nCS LOG {room}"),
                    10 => format!("CS OP {room} p{account}\r\nCS DEOP {room} p{account}"),
                    11 => format!("CS VOICE {room} p{account}\r\nCS APPROVE {room} {other}"),
                    12 => format!("CS GIVE {room} p{account}"),
                    13 => format!("CS REGISTER {room}"),
                    14 if random.u8(..8) == 0 => format!("CS END {room}"),
                    _ => format!("RENAME {room} {}", ROOMS[random.usize(..ROOMS.len())]),
                };
                world.send_bytes(&name, format!("{line}\r\n").as_bytes());
            }
            (10, Some(name)) => {
                let line = format!("TOPIC {room} :topic {n_said}\r\nKICK {room} {}\r\n", names[0]);
                world.send_bytes(&name, line.as_bytes());
            }
            // A device of one who has an account.
            (11, Some(_)) if random.u8(..4) == 0 && n_devices < 8 => {
                let name = format!("d{n_devices}");
                n_devices += 1;
                world.open(&name, Door::Irc);
                let nick = format!("p{}", random.u8(..N_ACCOUNTS));
                let response = BASE64.encode(format!("\0{nick}\0correcthorse"));
                let caps =
                    "sasl message-tags draft/chathistory echo-message labeled-response batch";
                let lines = format!(
                    "CAP REQ :{caps}\r\nAUTHENTICATE PLAIN\r\nAUTHENTICATE {response}\r\n\
                     NICK {nick}\r\nUSER u 0 * :R\r\nCAP END\r\n"
                );
                world.send_bytes(&name, lines.as_bytes());
                names.push(name);
            }
            (11, Some(name)) => world.send_bytes(&name, b"AWAY :out\r\nAWAY\r\nPING x\r\n"),
            // Renaming, and back: the names of the script are the nicks.
            (12, Some(name)) if !has_account(&name) => {
                let line = format!("NICK {0}x\r\nNICK {0}\r\n", name);
                world.send_bytes(&name, line.as_bytes());
            }
            (13, Some(name)) if random.u8(..4) == 0 => world.drop_connection(&name),
            (14, Some(name)) if random.u8(..8) == 0 => world.send_bytes(&name, b"QUIT :bye\r\n"),
            // What is told of the past may come at any time later.
            (14, Some(name)) => {
                let line = format!("CHATHISTORY LATEST {room} * 20\r\nPING behind\r\n");
                world.send_bytes(&name, line.as_bytes());
            }
            // Something is done to the latest message.
            (15, Some(name)) if random.bool() => {
                let latest = world.appended().iter().rev().find_map(|own| own.event.msgid.clone());
                let id = latest.as_deref().unwrap_or("none").to_owned();
                let line = match random.u8(..4) {
                    0 => format!("REDACT {room} {id} :gone"),
                    1 => format!("EDIT {room} {id} :better"),
                    2 => format!("@+reply={id};+draft/react=a TAGMSG {room}"),
                    _ => format!("@+reply={id};+draft/unreact=a TAGMSG {room}"),
                };
                let ask = "CHANGES * timestamp=2027-01-15T00:00:00.000Z 20";
                world.send_bytes(&name, format!("{line}\r\n{ask}\r\n").as_bytes());
            }
            (15, Some(_)) => world.pass(Duration::from_secs(random.u64(..20))),
            (_, Some(name)) => {
                for _ in 0..random.u8(1..4) {
                    n_said += 1;
                    let line = format!("@label={n_said} PRIVMSG {room} :said {n_said}\r\n");
                    world.send_bytes(&name, line.as_bytes());
                }
            }
        }
        for _ in 0..random.u8(..12) {
            world.step();
        }
    }
    world.settle();
    // What a log never answered is told to its sender when it is too late.
    world.pass(Duration::from_secs(16));
    world.settle();
    world.check_settled();
    assert!(n_said > 20, "seed {seed} says too little to show anything");
    check_labels(&world, &names);
    check_history(&world, &names);
    // And forgotten when it is much too late.
    world.pass(Duration::from_secs(160));
    // Bans have ended by then.
    world.settle();
    assert_eq!(world.n_pending(), 0, "seed {seed} leaves records behind");
    world.transcript
}

/// What was told of the past is in the order in which it was delivered, and once in each answer.
fn check_history(world: &World, names: &[String]) {
    let msgids: Vec<&str> =
        world.appended().iter().filter_map(|record| record.event.msgid.as_deref()).collect();
    for name in names {
        let mut last: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        let is_told = |line: &&String| {
            line.contains(" PRIVMSG #") && !line.contains("draft/chathistory-context")
        };
        for line in world.lines(name).iter().filter(is_told) {
            let Some((tags, _)) = line.strip_prefix('@').and_then(|line| line.split_once(' '))
            else {
                continue;
            };
            let tag = |key| tags.split(';').find_map(|tag| tag.strip_prefix(key));
            let (Some(batch), Some(msgid)) = (tag("batch="), tag("msgid=")) else { continue };
            let place = msgids.iter().position(|own| *own == msgid).expect("it was appended");
            // Of each room; what is said in several has the order of its times.
            let room = line.split(' ').nth(3).unwrap_or_default();
            let is_later = last.insert((batch, room), place).is_none_or(|before| before < place);
            assert!(is_later, "{name} is told of the past in another order: {line}");
        }
    }
}

/// Each labelled message was answered, and answered once.
fn check_labels(world: &World, names: &[String]) {
    for name in names {
        let lines = world.lines(name);
        let has_labels =
            lines.iter().any(|line| line.contains("CAP * ACK") && line.contains("labeled"));
        if !has_labels || world.is_closed(name) {
            continue;
        }
        let sent = world.transcript.iter().filter_map(|line| {
            let (sender, line) = line.split_once("> ")?;
            (sender == name).then_some(line).into_iter().next()
        });
        let labels = sent
            .flat_map(|lines| lines.split("@label=").skip(1))
            .map(|rest| rest.split(' ').next());
        for label in labels.flatten() {
            let is_answer = |line: &&String| {
                line.split(' ').next().is_some_and(|tags| {
                    tags.trim_start_matches('@')
                        .split(';')
                        .any(|tag| tag == format!("label={label}"))
                })
            };
            let answers: Vec<_> = lines.iter().filter(is_answer).collect();
            assert!(
                answers.len() == 1,
                "{name}'s label {label} was answered {answers:?}\n{}",
                world.transcript.join("\n")
            );
        }
    }
}

fn run_seeds(n: u64, log: SimLog) {
    if let Ok(seed) = std::env::var("SEED") {
        run(seed.parse().expect("SEED is a number"), log);
        return;
    }
    for seed in 0..n {
        let caught = std::panic::catch_unwind(|| drop(run(seed, log)));
        if let Err(panic) = caught {
            use std::io::Write;
            let _ =
                writeln!(std::io::stderr(), "the simulation fails with SEED={seed} and {log:?}");
            std::panic::resume_unwind(panic);
        }
    }
}

#[test]
fn everyone_sees_one_order_with_a_log_in_memory() {
    run_seeds(150, SimLog::default());
}

#[test]
fn everyone_sees_one_order_with_a_late_log() {
    run_seeds(150, SimLog { late: 80, failing: 0, restarting: 0 });
}

#[test]
fn everyone_sees_one_order_with_a_failing_and_restarting_log() {
    run_seeds(200, SimLog { late: 70, failing: 20, restarting: 10 });
}

/// Rule 9: nothing that is seen depends on the order of a map.
#[test]
fn a_seed_replays() {
    let log = SimLog { late: 50, failing: 10, restarting: 5 };
    let (mut n_devices, mut n_facts) = (0, 0);
    for seed in 0..20 {
        let (first, second) = (run(seed, log), run(seed, log));
        // Who is in rooms before having asked for any is on another connection of somebody who is.
        let is_told = |name: &str, what: &str| {
            first.iter().position(|line| line.starts_with(name) && line.contains(what))
        };
        n_devices += (0..8)
            .filter(|number| {
                let told = is_told(&format!("d{number}< "), " JOIN #");
                let asked = is_told(&format!("d{number}> JOIN"), "#");
                told.is_some_and(|told| asked.is_none_or(|asked| told < asked))
            })
            .count();
        let last = first.iter().rev().find_map(|line| line.split_once(" facts of rooms"));
        n_facts += last.and_then(|(n, _)| n.parse::<usize>().ok()).expect("they are counted");
        assert!(first == second, "seed {seed} does not replay");
        assert!(first.len() > 500, "seed {seed} shows little");
    }
    assert!(n_devices > 10, "{n_devices} second connections show little");
    assert!(n_facts > 60, "{n_facts} facts of rooms show little");
}

/// A password is its own hash here, so that a thousand of them cost nothing.
fn quick_checker(question: &Question) -> Verdict {
    static SCRAM: std::sync::OnceLock<scram::Credentials> = std::sync::OnceLock::new();
    if question.check.as_ref().is_some_and(|(hash, password)| hash != password) {
        return Verdict::Wrong;
    }
    Verdict::Right(question.keep.as_ref().map(|(password, _)| {
        let scram = SCRAM.get_or_init(|| scram::Credentials::new("none", [0; 16])).clone();
        Box::new(Secret { argon2: password.clone(), scram })
    }))
}

/// What one of those who have accounts was told last of theirs.
fn last_told(name: &str, lines: &[String]) -> Option<bool> {
    let told = |line: &String| {
        let is = |words: &str| line.contains(words);
        if is(&format!(":{name} is registered: log in")) {
            Some(true)
        } else if is(&format!(":the account {name} is no more")) {
            Some(false)
        } else {
            None
        }
    };
    lines.iter().rev().find_map(told)
}

/// Accounts are registered, get other passwords and end while the log is late, fails and restarts, and then
/// the server starts anew: what was told is so, and each nick is nobody's or its account's.
#[test]
fn what_was_told_of_accounts_holds_after_a_restart() {
    let (mut n_there, mut n_gone, mut n_told) = (0, 0, 0);
    for seed in 0..150 {
        let mut random = fastrand::Rng::with_seed(seed);
        let log = SimLog { late: 60, failing: 15, restarting: 5 };
        let mut world = World::new(seed, log, |_| ());
        world.checker = quick_checker;
        for number in 0..6 {
            let name = format!("p{number}");
            world.open(&name, Door::Irc);
            world.send_bytes(&name, format!("NICK {name}\r\nUSER u 0 * :R\r\n").as_bytes());
        }
        world.settle();
        let (mut n_sent, mut last_sent) = (0, [0; 6]);
        for _ in 0..120 {
            let number = random.u8(..6);
            let name = format!("p{number}");
            let line = match random.u8(..8) {
                0..3 => "NS REGISTER correcthorse\r\n".to_owned(),
                3 => format!("NS DROP {name} correcthorse\r\n"),
                4 => format!("NS IDENTIFY p{} wronghorse\r\n", random.u8(..6)),
                5 => format!("NICK p{}\r\nNICK {name}\r\n", random.u8(..8)),
                6 => "PRIVMSG p0 :hello\r\nNS SESSIONS\r\n".to_owned(),
                _ => {
                    world.pass(Duration::from_secs(random.u64(..20)));
                    continue;
                }
            };
            if !world.is_closed(&name) {
                // Answered when all before it is.
                n_sent += 1;
                world.send_bytes(&name, format!("{line}PING {n_sent}\r\n").as_bytes());
                last_sent[usize::from(number)] = n_sent;
            }
            for _ in 0..random.u8(..20) {
                world.step();
            }
        }
        // Half of the time something is under way when it ends.
        if random.bool() {
            world.settle();
        }
        let told = |number: usize| {
            let lines = world.lines(&format!("p{number}"));
            let pong = format!("PONG chat.local :{}", last_sent[number]);
            let is_all = lines.iter().any(|line| line.ends_with(&pong));
            let is_late = lines.iter().any(|line| line.contains("takes too long"));
            last_told(&format!("p{number}"), lines).filter(|_| is_all && !is_late)
        };
        let told: Vec<Option<bool>> = (0..6).map(told).collect();
        n_told += told.iter().flatten().count();
        world.restart(seed + 1000);
        world.open("asker", Door::Irc);
        world.send_bytes("asker", b"NICK asker\r\nUSER u 0 * :R\r\n");
        world.settle();
        for (number, told) in told.into_iter().enumerate() {
            world.send_bytes("asker", format!("NS INFO p{number}\r\n").as_bytes());
            world.settle();
            let line = world.lines("asker").last().cloned().unwrap_or_default();
            let is_there = line.contains("was registered at");
            assert!(is_there || line.contains("no such account"), "{line}");
            if let Some(told) = told {
                assert_eq!(
                    is_there,
                    told,
                    "p{number}, seed {seed}\n{}",
                    world.transcript.join("\n")
                );
            }
            n_there += u32::from(is_there);
            n_gone += u32::from(!is_there);
            world.send_bytes("asker", format!("NICK p{number}\r\n").as_bytes());
            world.settle();
            let line = world.lines("asker").last().cloned().unwrap_or_default();
            assert_eq!(line.contains(" 433 "), is_there, "{line}");
        }
    }
    let is_much = n_there > 100 && n_gone > 100 && n_told > 100;
    assert!(is_much, "{n_there} there, {n_gone} gone and {n_told} told show little");
}
