//! `kill -9` in a loop, while several people write to several rooms: whatever was echoed is in the history, in the
//! order in which it was delivered, once; and the database passes its check.
//!
//! ```sh
//! cargo xtask crash --kills 1000
//! ```

#![expect(clippy::disallowed_methods, reason = "it keeps a pace")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "progress is what it is for")]
#![allow(clippy::unwrap_used, reason = "it fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::Command,
    sync::Arc,
    thread,
    time::Duration,
};

use chat_server::{
    delivery::Content,
    history::{Answer, Query, Reference, Selection},
    hub::Input,
    ids::Ticket,
    room_log::{Appender, Conversation, RoomLog},
    store::{Durability, LocalLog},
};
use chat_tests::{PATIENCE, folder::TempFolder, program::Program};

const ROOMS: [&str; 2] = ["#one", "#two"];

/// People who write, each to both rooms.
const N_WRITERS: usize = 4;

/// Messages one of them has under way at a time.
const WINDOW: usize = 16;

/// A database is checked whole every so many kills, and in the end.
const KILLS_PER_CHECK: usize = 20;

fn main() {
    // `cargo bench` adds words of its own.
    let words: Vec<String> =
        std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let n_kills = words.first().map_or(Ok(200), |kills| kills.parse());
    let Ok(n_kills) = n_kills else {
        eprintln!("{:?} is no number of kills: try `-- 200`", words[0]);
        std::process::exit(2);
    };
    let folder = TempFolder::new("crash");
    // Where the kills come differs from run to run; a failure says which it was.
    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    println!("{n_kills} kills, pauses from the seed {seed}");
    let mut seen: BTreeMap<&str, Option<Arc<str>>> =
        ROOMS.iter().map(|room| (*room, None)).collect();
    let (mut n_echoed, mut n_kept) = (0, 0);
    for kill in 1..=n_kills {
        let pause = Duration::from_millis(random.u64(5..120));
        let (echoed, watched) = write_until_killed(folder.path(), kill, pause);
        let stored = read_back(folder.path(), &mut seen);
        for room in ROOMS {
            check(kill, &echoed[room], &watched[room], &stored[room]);
            n_echoed += echoed[room].len();
            n_kept += stored[room].len();
        }
        if kill % KILLS_PER_CHECK == 0 || kill == n_kills {
            check_database(folder.path());
            println!(
                "{kill} kills: {n_echoed} messages echoed, all of {n_kept} kept are in order and once"
            );
        }
    }
    assert!(n_echoed > n_kills, "hardly anything was said");
}

/// What one message is to be found by: its text, and its id.
type Said = (String, String);

/// By room.
type ByRoom<T> = BTreeMap<&'static str, T>;

/// A server, people who write as fast as it echoes, one who only reads, and its end.
fn write_until_killed(
    folder: &Path,
    kill: usize,
    pause: Duration,
) -> (ByRoom<Vec<Said>>, ByRoom<Vec<Said>>) {
    let data = folder.to_str().unwrap();
    let (program, address) = Program::start_server(&["--data", data, "--unlimited"]);
    let watcher = Client::connect(address, "watcher");
    thread::scope(|scope| {
        let writers: Vec<_> = (0..N_WRITERS)
            .map(|writer| scope.spawn(move || write(address, kill, writer)))
            .collect();
        let watching = scope.spawn(move || watch(watcher));
        thread::sleep(pause);
        // Dropped, it is killed with SIGKILL and waited for.
        drop(program);
        let mut echoed: ByRoom<Vec<Said>> = ROOMS.iter().map(|room| (*room, Vec::new())).collect();
        for writer in writers {
            for (room, said) in writer.join().unwrap() {
                echoed.get_mut(room).unwrap().extend(said);
            }
        }
        (echoed, watching.join().unwrap())
    })
}

struct Client {
    stream: TcpStream,
    reader: BufReader<TcpStream>,
}

impl Client {
    fn connect(address: SocketAddr, nick: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let reader = BufReader::new(stream.try_clone().unwrap());
        let mut client = Self { stream, reader };
        client.send("CAP REQ :echo-message message-tags");
        client.send(&format!("NICK {nick}\r\nUSER u 0 * :U\r\nCAP END"));
        client.send(&format!("JOIN {}", ROOMS.join(",")));
        let mut n_joined = 0;
        while n_joined < ROOMS.len() {
            let line = client.line().expect("it has just been started");
            n_joined += usize::from(line.contains(" 366 "));
        }
        client
    }

    fn send(&mut self, line: &str) {
        // That it is gone shows when it is read.
        let _ = self.stream.write_all(format!("{line}\r\n").as_bytes());
    }

    /// `None` when the server is gone.
    fn line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        let n = self.reader.read_until(b'\n', &mut line).unwrap_or(0);
        // What was cut off was not said.
        (n > 0 && line.ends_with(b"\n"))
            .then(|| String::from_utf8(line).unwrap().trim_end().to_owned())
    }
}

/// The room, the text and the id of a message.
fn read_message(line: &str) -> Option<(&'static str, Said)> {
    let (tags, rest) = line.strip_prefix('@')?.split_once(' ')?;
    let msgid = tags.split(';').find_map(|tag| tag.strip_prefix("msgid="))?;
    let (_, message) = rest.split_once(" PRIVMSG ")?;
    let (room, text) = message.split_once(" :")?;
    let room = ROOMS.iter().find(|own| **own == room)?;
    Some((room, (text.to_owned(), msgid.to_owned())))
}

fn write(address: SocketAddr, kill: usize, writer: usize) -> ByRoom<Vec<Said>> {
    let mut client = Client::connect(address, &format!("writer{writer}"));
    let mut echoed: ByRoom<Vec<Said>> = ROOMS.iter().map(|room| (*room, Vec::new())).collect();
    let own = format!("{kill} {writer} ");
    let mut n_sent = 0;
    let mut send = |client: &mut Client| {
        client.send(&format!(
            "PRIVMSG {} :{own}{}",
            ROOMS[n_sent % ROOMS.len()],
            n_sent / ROOMS.len()
        ));
        n_sent += 1;
    };
    (0..WINDOW).for_each(|_| send(&mut client));
    while let Some(line) = client.line() {
        if let Some((room, said)) = read_message(&line).filter(|(_, said)| said.0.starts_with(&own))
        {
            echoed.get_mut(room).unwrap().push(said);
            send(&mut client);
        }
    }
    echoed
}

fn watch(mut client: Client) -> ByRoom<Vec<Said>> {
    let mut watched: ByRoom<Vec<Said>> = ROOMS.iter().map(|room| (*room, Vec::new())).collect();
    while let Some(line) = client.line() {
        if let Some((room, said)) = read_message(&line) {
            watched.get_mut(room).unwrap().push(said);
        }
    }
    watched
}

/// What the database has of each room since the last time.
fn read_back(
    folder: &Path,
    seen: &mut BTreeMap<&'static str, Option<Arc<str>>>,
) -> ByRoom<Vec<Said>> {
    let mut log = LocalLog::open(folder, Durability::Strict).unwrap();
    let (to_hub, answers) = crossbeam_channel::unbounded();
    log.start(Appender::new(to_hub)).unwrap();
    let mut stored = ByRoom::new();
    for (room, last) in seen {
        let reference =
            last.clone().map_or(Reference::Time(std::time::UNIX_EPOCH), Reference::Msgid);
        let query = Query::Page {
            conversation: Conversation::Room((*room).into()),
            shown: None,
            selection: Selection::After(reference),
            limit: usize::MAX,
            rank: 0,
            with_events: false,
        };
        log.recall(Ticket(0), query);
        let Ok(Input::Recalled { answer: Ok(Answer::Page(events)), .. }) =
            answers.recv_timeout(PATIENCE)
        else {
            panic!("the database cannot be read")
        };
        let said = events.iter().map(|event| match &event.content {
            Content::Message { text, .. } => {
                (text.to_string(), event.msgid.as_deref().unwrap().to_owned())
            }
            other => panic!("nobody did {other:?}"),
        });
        let said: Vec<Said> = said.collect();
        if let Some(event) = events.last() {
            last.clone_from(&event.msgid);
        }
        stored.insert(*room, said);
    }
    stored
}

/// One room after one kill.
fn check(kill: usize, echoed: &[Said], watched: &[Said], stored: &[Said]) {
    let kept: BTreeSet<&Said> = stored.iter().collect();
    assert_eq!(kept.len(), stored.len(), "kill {kill}: something is kept twice");
    for said in echoed.iter().chain(watched) {
        assert!(kept.contains(said), "kill {kill}: {said:?} was delivered and is lost");
    }
    // Everyone's messages are there in the order in which they were written, without a hole.
    let mut next: BTreeMap<&str, usize> = BTreeMap::new();
    for (text, _) in stored {
        let (who, number) = text.rsplit_once(' ').unwrap();
        let expected = next.entry(who).or_default();
        assert_eq!(number, expected.to_string(), "kill {kill}: of {who}");
        *expected += 1;
    }
    // What was seen is a part of it, in the same order and whole.
    if let Some(first) = watched.first() {
        let from = stored.iter().position(|said| said == first).unwrap();
        let part = &stored[from..(from + watched.len()).min(stored.len())];
        assert_eq!(part, watched, "kill {kill}: another order");
    }
}

/// By somebody else's program.
fn check_database(folder: &Path) {
    let check = ["PRAGMA integrity_check", "PRAGMA foreign_key_check"];
    for (check, expected) in check.into_iter().zip(["ok\n", ""]) {
        let output =
            Command::new("sqlite3").arg(folder.join("chat.db")).arg(check).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert_eq!(String::from_utf8(output.stdout).unwrap(), expected, "{check}");
    }
}
