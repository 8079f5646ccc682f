//! What is read is asked for by the number of a conversation, never by a name: however late the disk is, a name that changes
//! hands takes nothing along.

use std::{
    io,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use chat_server::{
    history::{Asker, Query},
    ids::{ConversationId, Ticket},
    record::{Change, Record},
    room_log::{Appender, Appending, ConversationMark, Querying, RoomLog},
    store::{Durability, LocalLog},
};
use chat_tests::{
    TestClient, TestServer,
    folder::TempFolder,
    script::check,
    world::{SimLog, World},
};

const CAPS: &str = "batch message-tags echo-message draft/chathistory chat.local/changes \
                    chat.local/search draft/read-marker draft/channel-rename";

/// All ways to ask for what was said in `room`, and for how far it was read.
fn questions(room: &str) -> [String; 5] {
    [
        format!("CHATHISTORY LATEST {room} * 50"),
        format!("CHANGES {room} timestamp=2000-01-01T00:00:00.000Z 50"),
        "CHANGES * timestamp=2000-01-01T00:00:00.000Z 50".to_owned(),
        format!("SEARCH in={room};text=SECRET"),
        format!("MARKREAD {room}"),
    ]
}

/// Has a stranger found `room` and ask for all of it at once, beginning with one way to ask or another.
fn found_and_ask(stranger: &mut TestClient, room: &str, first: usize) {
    let mut questions = questions(room);
    questions.rotate_left(first % 5);
    let packet = format!("JOIN {room}\r\n{}\r\n", questions.join("\r\n"));
    stranger.raw(packet.as_bytes());
    stranger.expect(&format!("* 353 * {room} *"));
    // The words, and a marker of theirs that is not there.
    stranger.expect_none("*SECRET?*");
    stranger.send(&format!("PART {room}"));
    stranger.expect(&format!("* PART {room}*"));
}

/// A closed room is renamed, or ends; a stranger who takes its name asks in the same packet, thirty times each.
fn try_to_read_on(server: &TestServer) {
    let mut ann = TestClient::register_with(server, "ann", CAPS);
    let mut stranger = TestClient::register_with(server, "stranger", CAPS);
    for n in 0..30 {
        let [room, after] = [format!("#p{n}"), format!("#q{n}")];
        ann.raw(format!("JOIN {room}\r\nMODE {room} +is\r\n").as_bytes());
        ann.expect(&format!("* MODE {room} +is"));
        ann.send(&format!("PRIVMSG {room} :SECRET?"));
        ann.expect(&format!("* PRIVMSG {room} :SECRET?"));
        ann.send(&format!("RENAME {room} {after}"));
        ann.expect(&format!("* RENAME {room} {after}*"));
        found_and_ask(&mut stranger, &room, n);
        // Its members read all of it.
        ann.send(&format!("CHATHISTORY LATEST {after} * 50"));
        ann.expect(&format!("* PRIVMSG {after} :SECRET?"));
        ann.expect("* BATCH -*");
        ann.send(&format!("PART {after}"));
        ann.expect(&format!("* PART {after}*"));
        found_and_ask(&mut stranger, &after, n);
    }
}

#[test]
fn a_name_that_is_taken_behind_a_rename_reads_nothing() {
    let folder = TempFolder::new("renames");
    try_to_read_on(&TestServer::with(|config| {
        config.auto_join = false;
        config.data = Some(folder.path().to_owned());
    }));
}

/// A disk that has not come to names and notes yet: only records are written.
struct OnlyRecords(LocalLog);

impl RoomLog for OnlyRecords {
    fn start(&mut self, appender: Appender) -> io::Result<()> {
        self.0.start(appender)
    }

    fn mark(&mut self, _: ConversationMark) {}

    fn persist(&mut self, _: Ticket, _: &Arc<[Change]>) -> Appending {
        Appending::Later
    }

    fn keeps_history(&self) -> bool {
        true
    }

    fn latest_time(&self) -> SystemTime {
        UNIX_EPOCH
    }

    fn conversations(&mut self) -> Vec<(ConversationId, Arc<str>)> {
        self.0.conversations()
    }

    fn query(&mut self, ticket: Ticket, asker: Asker, query: Query) -> Querying {
        self.0.query(ticket, asker, query)
    }

    fn append(&mut self, ticket: Ticket, record: &Arc<Record>) -> Appending {
        self.0.append(ticket, record)
    }
}

#[test]
fn a_disk_that_is_late_with_names_gives_nothing_away() {
    let folder = TempFolder::new("late-names");
    let log = LocalLog::open(folder.path(), Durability::Relaxed).unwrap();
    try_to_read_on(&TestServer::with_log(Box::new(OnlyRecords(log)), |config| {
        config.auto_join = false;
    }));
}

/// The same where the log answers late: what a closed room's end means waits, and what is asked does not.
#[test]
fn a_log_that_answers_late_gives_nothing_away() {
    for line in questions("#p") {
        check(&format!(
            "caps ann {CAPS}
             caps bob {CAPS}
             ann> JOIN #p
             ann> MODE #p +i
             ann< * MODE #p +i
             ann> PRIVMSG #p :SECRET?
             ann< * PRIVMSG #p *
             hold log
             ann> PART #p
             ann< * PART #p*
             bob> JOIN #p
             bob< * 353 bob = #p @bob
             bob> {line}
             bob! *SECRET??*
             free log
             bob> {line}
             bob! *SECRET??*"
        ));
    }
}

/// What was said goes with the room to its new name, and what is said under the old one is another conversation, also when
/// the server starts anew, whether the room is somebody's or nobody's. So do read markers.
#[test]
fn a_renamed_room_and_the_next_of_its_name_are_two_conversations() {
    for login in ["", "ann> NS REGISTER correcthorse\nann< * 900 *\n"] {
        check(
            &format!(
                "caps ann {CAPS}
             caps bob {CAPS}
             {login}
             ann> JOIN #old
             ann> PRIVMSG #old :the first
             ann< * PRIVMSG #old *
             ann> MARKREAD #old timestamp=2026-01-01T00:00:00.000Z
             ann< * MARKREAD #old timestamp=*
             ann> RENAME #old #new
             ann< * RENAME #old #new*
             bob> JOIN #old
             bob> PRIVMSG #old :the second
             bob< * PRIVMSG #old *
             ann> JOIN #old
             ann< * MARKREAD #old \\*
             ann> MARKREAD #new
             ann< * MARKREAD #new timestamp=2026-01-01T00:00:00.000Z
             restart
             caps carl {CAPS}
             carl> JOIN #new,#old
             carl> CHATHISTORY LATEST #new * 50
             carl< * PRIVMSG #new :the first
             carl! *the second*
             carl< * BATCH -*
             carl> CHATHISTORY LATEST #old * 50
             carl! *the first*
             carl< * PRIVMSG #old :the second
             carl< * BATCH -*"
            )
            .replace("\\*", "*"),
        );
    }
}

/// A room that anyone could enter is gone on with by whoever takes its name, and one that was renamed away is not.
#[test]
fn an_open_past_stays_with_its_last_name() {
    check(&format!(
        "caps ann {CAPS}
         caps bob {CAPS}
         ann> JOIN #one
         ann> PRIVMSG #one :said in the open
         ann< * PRIVMSG #one *
         ann> RENAME #one #two
         ann< * RENAME *
         ann> PART #two
         ann< * PART #two*
         bob> JOIN #one
         bob> CHATHISTORY LATEST #one * 50
         bob! *said in the open*
         bob> JOIN #two
         bob> CHATHISTORY LATEST #two * 50
         bob< * PRIVMSG #two :said in the open"
    ));
}

/// A crash between a rename and what the log is to know of it mixes nothing up.
#[test]
fn a_crash_behind_a_rename_shows_no_past_to_another_room() {
    for n_written in 0..8 {
        let mut world = World::new(3, SimLog::default(), |_| ());
        let say = |world: &mut World, name: &str, line: &str| {
            if !world.knows(name) {
                world.open(name, chat_server::hub::Door::Irc);
                let hello =
                    format!("CAP REQ :{CAPS}\r\nNICK {name}\r\nUSER u 0 * :R\r\nCAP END\r\n");
                world.send_bytes(name, hello.as_bytes());
                world.settle();
            }
            let before = world.lines(name).len();
            world.send_bytes(name, format!("{line}\r\n").as_bytes());
            world.settle();
            world.lines(name)[before..].join("\n")
        };
        say(&mut world, "ann", "NS REGISTER correcthorse");
        say(&mut world, "ann", "JOIN #old\r\nPRIVMSG #old :SECRET?\r\nMODE #old +i");
        world.hold_log(true);
        say(&mut world, "ann", "RENAME #old #new");
        world.crash(n_written, 4);
        world.hold_log(false);
        for room in ["#old", "#new"] {
            let told =
                say(&mut world, "bob", &format!("JOIN {room}\r\nCHATHISTORY LATEST {room} * 9"));
            assert!(!told.contains("SECRET?"), "{n_written} written: {told}");
        }
        say(&mut world, "ann2", "NS IDENTIFY ann correcthorse");
        let told = say(
            &mut world,
            "ann2",
            "JOIN #old,#new\r\nCHATHISTORY LATEST #old * 9\r\nCHATHISTORY LATEST #new * 9",
        );
        assert!(told.contains(":SECRET?"), "{n_written} written: {told}");
    }
}
