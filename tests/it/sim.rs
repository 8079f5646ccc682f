//! The seeded simulation: people join, leave, rename, talk and drop in any order, the room log is late,
//! fails and restarts, two faults come together, and after every step all that must hold does. A failing seed is printed, and
//! `SEED=123 cargo test -p chat-tests sim` runs that one alone.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use chat_server::{
    auth::{Question, Secret, Verdict, scram},
    delivery::RecordContent,
    hub::Door,
};
use chat_tests::world::{SimLog, World};

/// The number of people with accounts, who are the first.
const N_ACCOUNTS: u8 = 3;

/// Whether a connection is of somebody with an account: those keep their nicks, by which what is due is told.
fn has_account(name: &str) -> bool {
    let number = name.strip_prefix('p').and_then(|number| number.parse::<u8>().ok());
    number.is_none_or(|number| number < N_ACCOUNTS)
}

const ROOMS: [&str; 3] = ["#a", "#b", "#c"];

/// Runs the simulation of one seed.
fn run(seed: u64, log: SimLog) -> Vec<String> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut world = World::new(seed, log, |config| {
        // Some worlds have little place for what one connection says.
        if seed.is_multiple_of(4) {
            config.limits.pending_records_each_max = 2;
        }
        // And some little for what is set in rooms.
        if seed.is_multiple_of(3) {
            config.limits.room_bytes_per_account_max = 600;
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

/// Checks that the past was told in the order in which it was delivered, and once in each answer.
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

/// The names of rooms there; those who come go into the first half.
const NAMES: [&str; 8] = ["#a", "#b", "#c", "#d", "#e", "#f", "#g", "#h"];

/// Lets `name` come: those with accounts log in to theirs, or make it.
fn come(world: &mut World, name: &str, is_known: bool) {
    world.open(name, Door::Irc);
    let caps =
        "sasl cap-notify message-tags draft/chathistory batch echo-message draft/channel-rename";
    let mut lines = format!("CAP REQ :{caps}\r\n");
    if has_account(name) && is_known {
        let response = BASE64.encode(format!("\0{name}\0correcthorse"));
        lines += &format!("AUTHENTICATE PLAIN\r\nAUTHENTICATE {response}\r\n");
    }
    world.send_bytes(name, lines.as_bytes());
    world.settle();
    let mut lines = format!("NICK {name}\r\nUSER u 0 * :R\r\nCAP END\r\n");
    if has_account(name) && !is_known {
        lines += "NS REGISTER correcthorse\r\n";
    }
    world.send_bytes(name, lines.as_bytes());
    world.settle();
    world.send_bytes(name, format!("JOIN {}\r\n", NAMES[..4].join(",")).as_bytes());
    world.settle();
}

/// The number of times two faults came together, and what shows that they did.
#[derive(Debug, Default)]
struct Together {
    reloads_without_log: usize,
    renames_unread: usize,
    slow_and_closed: usize,
    crashes_renaming: usize,
    stayed: usize,
}

/// Runs one seed where two faults come together: the log is away while the settings are read again, somebody does not
/// read while a room and a person get other names, and the server is gone while a room does.
fn run_together(seed: u64, together: &mut Together) -> Vec<String> {
    let mut random = fastrand::Rng::with_seed(seed ^ 0x0002_fa17);
    // A log that fails besides would be a third: what a rename keeps is lost with it.
    let log = SimLog { late: 60, failing: 0, restarting: 0 };
    let mut world = World::new(seed, log, |config| {
        if seed.is_multiple_of(3) {
            config.limits.outbox_bytes_max = 400;
        }
    });
    world.checker = quick_checker;
    let names: Vec<String> = (0..7).map(|number| format!("p{number}")).collect();
    names.iter().for_each(|name| come(&mut world, name, false));
    world.send_bytes("p0", b"NS STAY ON\r\n");
    for (name, room) in names.iter().zip(NAMES) {
        world.send_bytes(name, format!("CS REGISTER {room}\r\n").as_bytes());
    }
    world.settle();
    let mut n_said = 0;
    for round in 0..30 {
        let guest = &names[random.usize(usize::from(N_ACCOUNTS)..names.len())];
        let [from, to] = [0; 2].map(|_| NAMES[random.usize(..NAMES.len())]);
        let mut talk = |world: &mut World, random: &mut fastrand::Rng| {
            for _ in 0..random.u8(..6) {
                n_said += 1;
                let room = NAMES[random.usize(..NAMES.len())];
                let line = format!("PRIVMSG {room} :said {n_said}\r\n");
                world.send_bytes(&names[random.usize(..names.len())], line.as_bytes());
            }
            for _ in 0..random.u8(..40) {
                world.step();
            }
        };
        // Whoever may.
        let rename = |world: &mut World| {
            for name in &names {
                world.send_bytes(name, format!("RENAME {from} {to}\r\n").as_bytes());
            }
        };
        talk(&mut world, &mut random);
        match random.u8(..3) {
            0 => {
                world.hold_log(true);
                talk(&mut world, &mut random);
                world.reload(|config| {
                    config.limits.multiline_lines_max = random.usize(10..20);
                    config.motd = Some(format!("round {round}"));
                    config.limits.pending_records_each_max = random.usize(1..5);
                });
                together.reloads_without_log += usize::from(world.n_unanswered() > 0);
                talk(&mut world, &mut random);
                if random.bool() {
                    // Longer than a record may take.
                    world.pass(Duration::from_secs(16));
                    talk(&mut world, &mut random);
                }
                world.hold_log(false);
            }
            1 => {
                let slow = &names[random.usize(..names.len())];
                let told = world.lines(slow).len();
                world.stall(slow, true);
                rename(&mut world);
                world.send_bytes(guest, format!("NICK {guest}x\r\n").as_bytes());
                talk(&mut world, &mut random);
                if random.bool() {
                    world.settle();
                }
                world.send_bytes(guest, format!("NICK {guest}\r\n").as_bytes());
                talk(&mut world, &mut random);
                world.stall(slow, false);
                let is_rename = |line: &String| line.contains(" RENAME #");
                together.renames_unread +=
                    world.lines(slow)[told..].iter().filter(|line| is_rename(line)).count();
            }
            _ if round % 3 == 0 => {
                world.hold_log(true);
                rename(&mut world);
                talk(&mut world, &mut random);
                let n_given = world.n_unanswered();
                let n_written = random.usize(..=n_given);
                together.crashes_renaming += usize::from(n_given > 0);
                world.hold_log(false);
                world.crash(n_written, seed + round);
                world.check_received();
                let crashed_at = world.transcript.len();
                names.iter().for_each(|name| come(&mut world, name, true));
                // Who stays is in their rooms before they have asked for any.
                let place = |start: &str, what: &str| {
                    let mut lines = world.transcript[crashed_at..].iter();
                    lines.position(|line| line.starts_with(start) && line.contains(what))
                };
                let (told, asked) = (place("p0< ", " JOIN #"), place("p0> JOIN", "#"));
                assert!(told.is_some_and(|told| asked.is_some_and(|asked| told < asked)));
                together.stayed += 1;
            }
            _ => {}
        }
        // Whoever was closed comes again.
        world.settle();
        for name in names.iter().filter(|name| world.is_closed(name)).cloned().collect::<Vec<_>>() {
            together.slow_and_closed += 1;
            world.check_received();
            come(&mut world, &name, true);
        }
    }
    world.settle();
    world.pass(Duration::from_secs(16));
    world.settle();
    world.check_settled();
    check_history(&world, &names);
    check_texts(&world);
    assert!(n_said > 100, "seed {seed} says too little to show anything");
    world.pass(Duration::from_secs(160));
    world.settle();
    assert_eq!(world.n_pending(), 0, "seed {seed} leaves records behind");
    world.transcript
}

/// Nothing that was said once is in the log twice.
fn check_texts(world: &World) {
    let mut seen = BTreeMap::new();
    for record in world.appended() {
        if let RecordContent::Message { text, .. } = record.event.content()
            && text.starts_with("said ")
        {
            let before = seen.insert(Arc::clone(text), record.event.msgid.clone());
            assert!(before.is_none(), "{text} is stored twice\n{}", world.transcript.join("\n"));
        }
    }
}

/// Two faults at once are no worse than each: everyone sees one order, nothing is lost or told twice, and what is kept is
/// what is so.
#[test]
fn two_faults_at_once_break_nothing() {
    let mut together = Together::default();
    let seeds = std::env::var("SEED").map_or(0..60, |seed| {
        let seed = seed.parse().expect("SEED is a number");
        seed..seed + 1
    });
    let is_all = seeds.end - seeds.start > 1;
    for seed in seeds {
        let caught = std::panic::catch_unwind(|| {
            let mut own = Together::default();
            let transcript = run_together(seed, &mut own);
            (own, transcript)
        });
        let (own, first) = caught.unwrap_or_else(|panic| {
            use std::io::Write;
            let _ = writeln!(std::io::stderr(), "two faults at once fail with SEED={seed}");
            std::panic::resume_unwind(panic)
        });
        if seed < 5 {
            assert!(
                first == run_together(seed, &mut Together::default()),
                "{seed} does not replay"
            );
        }
        together.reloads_without_log += own.reloads_without_log;
        together.renames_unread += own.renames_unread;
        together.slow_and_closed += own.slow_and_closed;
        together.crashes_renaming += own.crashes_renaming;
        together.stayed += own.stayed;
    }
    let Together { reloads_without_log, renames_unread, slow_and_closed, crashes_renaming, stayed } =
        together;
    let is_much = reloads_without_log > 60
        && renames_unread > 50
        && slow_and_closed > 4
        && crashes_renaming > 25
        && stayed > 25;
    assert!(is_much || !is_all, "{together:?} shows little");
}

/// The lines that `name` received with `word` in them.
fn lines_with<'a>(world: &'a World, name: &str, word: &str) -> Vec<&'a String> {
    world.lines(name).iter().filter(|line| line.contains(word)).collect()
}

/// Two people in a room of the first, which lasts.
fn room_of_p0() -> World {
    let mut world = World::new(1, SimLog::default(), |_| ());
    world.checker = quick_checker;
    ["p0", "p5"].into_iter().for_each(|name| come(&mut world, name, false));
    world.send_bytes("p0", b"CS REGISTER #a\r\nPRIVMSG #a :said before\r\n");
    world.settle();
    world
}

#[test]
fn settings_are_read_again_while_the_log_is_away() {
    let mut world = room_of_p0();
    world.hold_log(true);
    world.send_bytes("p0", b"PRIVMSG #a :said 1\r\n");
    world.settle();
    world.reload(|config| config.registration = false);
    world.settle();
    let gone = lines_with(&world, "p5", " CAP p5 DEL :");
    assert!(gone.iter().any(|line| line.ends_with(":sasl")), "{gone:?}");
    world.send_bytes("p5", b"PRIVMSG #a :said 2\r\n");
    world.settle();
    assert!(lines_with(&world, "p5", ":said 1").is_empty(), "it has no place yet");
    world.hold_log(false);
    world.settle();
    for name in ["p0", "p5"] {
        let said = lines_with(&world, name, "PRIVMSG #a :said ");
        let texts: Vec<&str> = said.iter().filter_map(|line| line.rsplit(':').next()).collect();
        assert!(texts.ends_with(&["said 1", "said 2"]), "{name} is told {texts:?}");
    }
    world.check_settled();
}

#[test]
fn a_slow_reader_is_told_of_new_names_in_their_places() {
    let mut world = room_of_p0();
    let told = world.lines("p5").len();
    world.stall("p5", true);
    for line in [
        "PRIVMSG #a :said 1",
        "RENAME #a #new",
        "PRIVMSG #new :said 2",
        "NICK p0x",
        "PRIVMSG #new :said 3",
    ] {
        world.send_bytes("p0", format!("{line}\r\n").as_bytes());
        world.settle();
    }
    assert_eq!(world.lines("p5").len(), told);
    world.stall("p5", false);
    world.settle();
    let words = ["PRIVMSG #a :said 1", "RENAME #a #new", "PRIVMSG #new :said 2", "NICK ", ":p0x!"];
    let lines = &world.lines("p5")[told..];
    let places: Vec<Option<usize>> =
        words.iter().map(|word| lines.iter().position(|line| line.contains(word))).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{lines:#?}");
    assert_eq!(lines.len(), words.len(), "{lines:#?}");
    world.check_settled();
}

/// Its record is lost, or is there and its new name is not kept yet, or both are there: the room has one name, and what was
/// said in it is found under that.
#[test]
fn a_room_has_one_name_when_the_server_ends_while_it_is_renamed() {
    for (n_written, is_told, own, other) in
        [(0, false, "#a", "#new"), (1, false, "#a", "#new"), (0, true, "#new", "#a")]
    {
        let mut world = room_of_p0();
        world.hold_log(true);
        world.send_bytes("p0", b"RENAME #a #new\r\n");
        world.settle();
        assert_eq!(world.n_unanswered(), 1);
        world.hold_log(false);
        if is_told {
            world.settle();
        }
        world.crash(n_written, 2);
        world.check_received();
        assert_eq!(lines_with(&world, "p5", "RENAME").len(), usize::from(is_told));
        come(&mut world, "p0", true);
        for room in [other, own] {
            let line = format!("JOIN {room}\r\nCHATHISTORY LATEST {room} * 9\r\n");
            world.send_bytes("p0", line.as_bytes());
            world.settle();
        }
        let told = lines_with(&world, "p0", ":said before");
        let is_there = told.len() == 1 && told[0].contains(&format!("PRIVMSG {own} "));
        assert!(is_there, "{told:?}\n{}", world.transcript.join("\n"));
        world.check_settled();
    }
}

/// A password is its own hash here, so that a thousand of them cost nothing.
pub(crate) fn quick_checker(question: &Question) -> Verdict {
    static SCRAM: std::sync::OnceLock<scram::Credentials> = std::sync::OnceLock::new();
    if question.check.as_ref().is_some_and(|(hash, password)| hash != password) {
        return Verdict::Wrong;
    }
    Verdict::Right(question.keep.as_ref().map(|(password, _)| {
        let scram = SCRAM.get_or_init(|| scram::Credentials::new("none", [0; 16])).clone();
        Box::new(Secret { argon2: password.clone(), scram })
    }))
}

/// The last thing one of those who have accounts was told of theirs.
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
            // Who is not logged in to it may not know more of an account than that its nick is not free.
            world.send_bytes("asker", format!("NS INFO p{number}\r\n").as_bytes());
            world.settle();
            let line = world.lines("asker").last().cloned().unwrap_or_default();
            assert!(line.contains("no such account"), "{line}");
            world.send_bytes("asker", format!("NICK p{number}\r\n").as_bytes());
            world.settle();
            let line = world.lines("asker").last().cloned().unwrap_or_default();
            let is_there = line.contains(" 433 ");
            assert!(is_there || line.contains(" NICK "), "{line}");
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
        }
    }
    let is_much = n_there > 100 && n_gone > 100 && n_told > 100;
    assert!(is_much, "{n_there} there, {n_gone} gone and {n_told} told show little");
}
