//! `kill -9` in a loop, while several people write to several rooms: whatever was echoed is in the history, in the
//! order in which it was delivered, once; what was not echoed is sent again and there once in the end; and the
//! database passes its check.
//!
//! ```sh
//! cargo xtask crash --kills 1000
//! ```

#![expect(clippy::disallowed_methods, reason = "it keeps a pace")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "progress is what it is for")]
#![allow(clippy::unwrap_used, reason = "it fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::Command,
    sync::Arc,
    thread,
    time::Duration,
};

use chat_server::{
    delivery::{Content, RecordContent},
    history::{Answer, Asker, HistoryEntry, Query, Reference, Selection, Shows},
    ids::Ticket,
    room_log::{Appender, Conversation, LogOutcome, RoomLog},
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
    let (mut n_echoed, mut n_kept, mut n_again) = (0, 0, 0);
    let mut unanswered: Vec<VecDeque<Sent>> = vec![VecDeque::new(); N_WRITERS];
    let mut orders: ByRoom<Order> = ROOMS.iter().map(|room| (*room, Order::default())).collect();
    // After the last kill all that was never answered is sent once more.
    for kill in 1..=n_kills + 1 {
        let pause = Duration::from_millis(random.u64(5..120));
        let is_last = kill > n_kills;
        n_again += unanswered.iter().map(VecDeque::len).sum::<usize>();
        let heard = write_until_killed(folder.path(), kill, pause, is_last, &mut unanswered);
        let stored = read_back(folder.path(), &mut seen);
        for room in ROOMS {
            let order = orders.get_mut(room).unwrap();
            check(kill, &heard.echoed[room], &heard.watched[room], &stored[room], order);
            n_echoed += heard.echoed[room].len();
            n_kept += stored[room].len();
        }
        if is_last {
            break;
        }
        if kill % KILLS_PER_CHECK == 0 || kill == n_kills {
            check_database(folder.path());
            println!(
                "{kill} kills: {n_echoed} echoes, {n_again} sent again, all of {n_kept} kept are in order and once"
            );
        }
    }
    assert!(n_echoed > n_kills && n_again > n_kills, "hardly anything was said");
    assert!(unanswered.iter().all(VecDeque::is_empty), "not all was answered in the end");
    // Nothing that was ever sent is missing.
    for (room, order) in &orders {
        assert_eq!(order.kept, order.echoed, "{room}");
    }
}

/// A message on its way.
#[derive(Debug, Clone)]
struct Sent {
    room: &'static str,
    text: String,
}

/// The order of messages in a room: how many of each one and each kill there are, by whom and when.
#[derive(Debug, Default)]
struct Order {
    /// Kept: the first ones, in their order.
    kept: BTreeMap<String, usize>,
    /// Echoed, as far as the last one.
    echoed: BTreeMap<String, usize>,
}

/// The messages that came back.
struct Heard {
    echoed: ByRoom<Vec<Said>>,
    watched: ByRoom<Vec<Said>>,
}

/// The text and the id by which one message is to be found.
type Said = (String, String);

/// A value for each room.
type ByRoom<T> = BTreeMap<&'static str, T>;

/// A server, people who write as fast as it echoes, one who only reads, and its end.
fn write_until_killed(
    folder: &Path,
    kill: usize,
    pause: Duration,
    is_last: bool,
    unanswered: &mut [VecDeque<Sent>],
) -> Heard {
    let data = folder.to_str().unwrap();
    let (program, address) = Program::start_server(&["--data", data, "--unlimited"]);
    let watcher = Client::connect(address, "watcher").expect("it has just been started");
    thread::scope(|scope| {
        let start = |(writer, unanswered)| {
            scope.spawn(move || write(address, kill, writer, is_last, unanswered))
        };
        let writers: Vec<_> = unanswered.iter_mut().enumerate().map(start).collect();
        let watching = scope.spawn(move || watch(watcher));
        let mut echoed: ByRoom<Vec<Said>> = ROOMS.iter().map(|room| (*room, Vec::new())).collect();
        let mut program = Some(program);
        if !is_last {
            thread::sleep(pause);
            // Dropped, it is killed with SIGKILL and waited for.
            program = None;
        }
        for writer in writers {
            for (room, said) in writer.join().unwrap() {
                echoed.get_mut(room).unwrap().extend(said);
            }
        }
        drop(program);
        Heard { echoed, watched: watching.join().unwrap() }
    })
}

struct Client {
    stream: TcpStream,
    reader: BufReader<TcpStream>,
}

impl Client {
    /// `None` when the server is gone already.
    fn connect(address: SocketAddr, nick: &str) -> Option<Self> {
        let stream = TcpStream::connect(address).ok()?;
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let reader = BufReader::new(stream.try_clone().unwrap());
        let mut client = Self { stream, reader };
        client.send("CAP REQ :draft/chathistory chat.local/nonce echo-message message-tags");
        client.send(&format!("NICK {nick}\r\nUSER u 0 * :U\r\nCAP END"));
        client.send(&format!("JOIN {}", ROOMS.join(",")));
        let mut n_joined = 0;
        while n_joined < ROOMS.len() {
            n_joined += usize::from(client.line()?.contains(" 366 "));
        }
        Some(client)
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

/// Sends again what has no answer, then new messages until the server is gone; to the last server only the
/// former. `unanswered` is what has no answer then.
fn write(
    address: SocketAddr,
    kill: usize,
    writer: usize,
    is_last: bool,
    unanswered: &mut VecDeque<Sent>,
) -> ByRoom<Vec<Said>> {
    let mut echoed: ByRoom<Vec<Said>> = ROOMS.iter().map(|room| (*room, Vec::new())).collect();
    let Some(mut client) = Client::connect(address, &format!("writer{writer}")) else {
        return echoed;
    };
    let send = |client: &mut Client, Sent { room, text }: &Sent| {
        let nonce = text.replace(' ', "-");
        client.send(&format!("@+chat.local/nonce={nonce} PRIVMSG {room} :{text}"));
    };
    unanswered.iter().for_each(|sent| send(&mut client, sent));
    let mut n_new = 0;
    loop {
        while !is_last && unanswered.len() < WINDOW {
            let (room, number) = (ROOMS[n_new % ROOMS.len()], n_new / ROOMS.len());
            let sent = Sent { room, text: format!("{kill} {writer} {number}") };
            send(&mut client, &sent);
            unanswered.push_back(sent);
            n_new += 1;
        }
        if unanswered.is_empty() {
            return echoed;
        }
        let Some(line) = client.line() else { return echoed };
        let Some((room, said)) = read_message(&line) else { continue };
        // Another one's is not among them.
        let own = unanswered.iter().position(|sent| sent.room == room && sent.text == said.0);
        if let Some(own) = own {
            unanswered.remove(own);
            echoed.get_mut(room).unwrap().push(said);
        }
    }
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

/// The messages that the database has of each room since the last time.
fn read_back(
    folder: &Path,
    seen: &mut BTreeMap<&'static str, Option<Arc<str>>>,
) -> ByRoom<Vec<Said>> {
    let mut log = LocalLog::open(folder, Durability::Strict).unwrap();
    let named = log.conversations();
    let (to_hub, answers) = crossbeam_channel::unbounded();
    log.start(Appender::to_channel(to_hub)).unwrap();
    let mut stored = ByRoom::new();
    for (room, last) in seen {
        let Some((conversation, _)) = named.iter().find(|(_, name)| **name == **room) else {
            stored.insert(*room, Vec::new());
            continue;
        };
        let reference =
            last.clone().map_or(Reference::Time(std::time::UNIX_EPOCH), Reference::Msgid);
        let query = Query::Page {
            conversation: Conversation::Room(*conversation),
            shown: None,
            selection: Selection::After(reference),
            limit: usize::MAX,
            bytes_max: usize::MAX,
            rank: 0,
            ranked_after: std::time::UNIX_EPOCH,
            shows: Shows::default(),
        };
        log.query(Ticket(0), Asker::default(), query);
        let Ok(LogOutcome::Queried { answer: Ok(Answer::Page(events)), .. }) =
            answers.recv_timeout(PATIENCE)
        else {
            panic!("the database cannot be read")
        };
        let said = events.iter().map(|HistoryEntry { event, .. }| match &event.content {
            Content::Record(RecordContent::Message { text, .. }) => {
                (text.to_string(), event.msgid.as_deref().unwrap().to_owned())
            }
            other => panic!("nobody did {other:?}"),
        });
        let said: Vec<Said> = said.collect();
        if let Some(event) = events.last() {
            last.clone_from(&event.event.msgid);
        }
        stored.insert(*room, said);
    }
    stored
}

/// One room after one kill.
fn check(kill: usize, echoed: &[Said], watched: &[Said], stored: &[Said], order: &mut Order) {
    let read = |text: &str| {
        let (who, number) = text.rsplit_once(' ').unwrap();
        (who.to_owned(), number.parse::<usize>().unwrap())
    };
    // Everyone's messages are there in the order in which they were written, without a hole and once, also those
    // that were sent again.
    for (text, _) in stored {
        let (who, number) = read(text);
        let expected = order.kept.entry(who).or_default();
        assert_eq!(number, *expected, "kill {kill}: {text}");
        *expected += 1;
    }
    for (text, _) in echoed {
        let (who, number) = read(text);
        // What is sent again may have been kept before an earlier kill.
        assert!(order.kept.get(&who) > Some(&number), "kill {kill}: {text} was echoed and is lost");
        let n_echoed = order.echoed.entry(who).or_default();
        *n_echoed = (*n_echoed).max(number + 1);
    }
    let kept: BTreeSet<&Said> = stored.iter().collect();
    for said in watched {
        assert!(kept.contains(said), "kill {kill}: {said:?} was delivered and is lost");
    }
    // What was seen is a part of it, in the same order and whole.
    if let Some(first) = watched.first() {
        let from = stored.iter().position(|said| said == first).unwrap();
        let part = &stored[from..(from + watched.len()).min(stored.len())];
        assert_eq!(part, watched, "kill {kill}: another order");
    }
}

/// Checks the database by somebody else's program.
fn check_database(folder: &Path) {
    let check = ["PRAGMA integrity_check", "PRAGMA foreign_key_check"];
    for (check, expected) in check.into_iter().zip(["ok\n", ""]) {
        let output =
            Command::new("sqlite3").arg(folder.join("chat.db")).arg(check).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert_eq!(String::from_utf8(output.stdout).unwrap(), expected, "{check}");
    }
}
