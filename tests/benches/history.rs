//! A store of many messages: how fast it is filled, how soon a message is safe, how long a page of history and a search
//! take, how large it is, and how soon a server with it starts.
//!
//! ```sh
//! cargo xtask bench history            # a million messages in a thousand rooms
//! cargo xtask bench history 10000 10   # fewer
//! ```

#![expect(clippy::disallowed_methods, reason = "it measures time")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a table is what it is for")]
#![allow(clippy::unwrap_used, reason = "it fails by panicking")]

use std::{
    collections::VecDeque,
    path::Path,
    sync::Arc,
    time::{Duration, Instant, UNIX_EPOCH},
};

use chat_core::proto::MessageKind;
use chat_server::{
    delivery::{self, RecordContent},
    history::{
        Answer, Asker, ConversationScope, Order, Query, Reference, Search, Selection, Shows,
    },
    ids::Ticket,
    record::RecordEvent,
    room_log::{Appender, Conversation, LogOutcome, Record, RoomLog},
    search_words::{BEGINNING_BYTES_MIN, SearchWords},
    store::{Durability, LocalLog},
};
use chat_tests::{conversation, folder::TempFolder};
use crossbeam_channel::Receiver;

/// Words that people use; the first ones most.
const N_WORDS: usize = 20_000;

/// People who write.
const N_PEOPLE: usize = 500;

/// Messages under way at once while it is filled.
const WINDOW: usize = 4096;

/// Messages under way at once while it is measured how soon one is safe.
const LOAD: usize = 64;

fn main() {
    let words: Vec<String> =
        std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let number = |index: usize, default: usize| {
        words.get(index).map_or(Ok(default), |word| word.parse::<usize>())
    };
    let (Ok(n_messages), Ok(n_rooms)) = (number(0, 1_000_000), number(1, 1000)) else {
        eprintln!("how many messages in how many rooms? try `-- 1000000 1000`");
        std::process::exit(2);
    };
    let n_rooms = n_rooms.max(1);
    let folder = TempFolder::new("history");
    let mut bench = Bench::open(folder.path(), n_rooms);
    println!("{n_messages} messages in {n_rooms} rooms, durability strict");
    bench.fill(n_messages);
    bench.commits();
    bench.index();
    let n_bytes = bench.n_bytes;
    bench.close();
    let on_disk = std::fs::metadata(folder.path().join("chat.db")).unwrap().len();
    row("bytes on disk for each byte of text", &format!("{:.2}", on_disk as f64 / n_bytes as f64));
    row("", &format!("{} MB for {} MB of text", on_disk >> 20, n_bytes >> 20));
    starts(folder.path());
    let mut bench = Bench::open(folder.path(), n_rooms);
    bench.n_kept = n_messages;
    bench.pages();
    bench.searches();
}

fn row(what: &str, value: &str) {
    println!("{what:<58} {value}");
}

/// The middle, the 99th percentile and the longest of some times.
fn percentiles(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
    let shown = |time: Duration| format!("{:.2} ms", time.as_secs_f64() * 1000.0);
    let [middle, most, longest] = [at(50), at(99), at(100)].map(shown);
    row(what, &format!("p50 {middle}, p99 {most}, longest {longest}"));
}

struct Bench {
    log: LocalLog,
    answers: Receiver<LogOutcome>,
    random: fastrand::Rng,
    vocabulary: Vec<String>,
    n_rooms: usize,
    n_asked: u64,
    /// Milliseconds since the first message.
    clock: u64,
    n_bytes: usize,
    n_kept: usize,
}

/// The time the first message was said, in milliseconds since 1970.
const START: u64 = 1_700_000_000_000;

impl Bench {
    fn open(folder: &Path, n_rooms: usize) -> Self {
        let mut log = LocalLog::open(folder, Durability::Strict).unwrap();
        let (to_hub, answers) = crossbeam_channel::unbounded();
        log.start(Appender::to_channel(to_hub)).unwrap();
        let mut random = fastrand::Rng::with_seed(7);
        let word = |_| {
            let n = 2 + random.usize(..8);
            (0..n).map(|_| random.lowercase()).collect::<String>()
        };
        let vocabulary = (0..N_WORDS).map(word).collect();
        let random = fastrand::Rng::with_seed(8);
        let (n_asked, clock, n_bytes, n_kept) = (0, 0, 0, 0);
        Self { log, answers, random, vocabulary, n_rooms, n_asked, clock, n_bytes, n_kept }
    }

    fn close(self) {
        drop(self.log);
    }

    /// A word, as often as people use it.
    fn word(&mut self) -> usize {
        let share = self.random.f64();
        let at = (N_WORDS as f64).powf(share) - 1.0;
        (at as usize).min(N_WORDS - 1)
    }

    fn record(&mut self, room: usize) -> Arc<Record> {
        let n_words = 3 + self.random.usize(..18);
        let words: Vec<usize> = (0..n_words).map(|_| self.word()).collect();
        let words: Vec<&str> = words.into_iter().map(|word| &*self.vocabulary[word]).collect();
        let text = words.join(" ");
        self.n_bytes += text.len();
        // Several in a second, so that the times in a room rise.
        self.clock += 1 + self.random.u64(..200);
        let at = START + self.clock;
        let time = UNIX_EPOCH + Duration::from_millis(at);
        let msgid = format!("{at:011x}{:013x}", self.random.u64(..) >> 17).into();
        let person = self.random.usize(..N_PEOPLE);
        let room: Arc<str> = format!("#room{room}").into();
        let content = RecordContent::Message {
            source: format!("person{person}!user@host{person}.example.org").into(),
            kind: MessageKind::Privmsg,
            target: Arc::clone(&room),
            text: text.into(),
            tags: "".into(),
        };
        let event = RecordEvent::new(content, time, msgid, delivery::Sender::default());
        let by = format!("=person{person}").into();
        let (conversation, changes) = (Conversation::Room(conversation(&room)), Vec::new());
        Arc::new(Record { conversation, by, event, nonce: None, changes })
    }

    fn append(&mut self) {
        let room = self.random.usize(..self.n_rooms);
        let record = self.record(room);
        self.n_asked += 1;
        self.log.append(Ticket(self.n_asked), &record);
    }

    fn taken(&self) {
        match self.answers.recv().unwrap() {
            LogOutcome::Appended { outcome, .. } => outcome.unwrap(),
            other => panic!("{other:?}"),
        }
    }

    fn fill(&mut self, n_messages: usize) {
        let start = Instant::now();
        let mut n_under_way = 0;
        for number in 0..n_messages {
            self.append();
            n_under_way += 1;
            if n_under_way == WINDOW {
                self.taken();
                n_under_way -= 1;
            }
            if number % 100_000 == 99_999 {
                eprintln!("{} of {n_messages}", number + 1);
            }
        }
        (0..n_under_way).for_each(|_| self.taken());
        self.n_kept = n_messages;
        let rate = n_messages as f64 / start.elapsed().as_secs_f64();
        row(&format!("stored, {WINDOW} under way"), &format!("{rate:.0} messages a second"));
    }

    /// Measures how soon a message is safe, alone and with others.
    fn commits(&mut self) {
        for (what, load) in [("a message is safe, alone", 1), ("the same, 64 under way", LOAD)] {
            let mut sent = VecDeque::new();
            let mut times = Vec::new();
            for _ in 0..2000 {
                self.append();
                sent.push_back(Instant::now());
                if sent.len() == load {
                    self.taken();
                    times.push(sent.pop_front().unwrap().elapsed());
                }
            }
            sent.into_iter().for_each(|_| self.taken());
            percentiles(what, times);
        }
    }

    /// Waits until all of it can be found.
    fn index(&mut self) {
        let start = Instant::now();
        let search = self.search(vec![0], "\"there is no such word\"");
        loop {
            self.n_asked += 1;
            self.log.query(Ticket(self.n_asked), Asker::default(), Query::Search(search.clone()));
            let LogOutcome::Queried { answer, .. } = self.answers.recv().unwrap() else {
                panic!("nothing else was asked")
            };
            if matches!(answer, Ok(Answer::Matches(_, true))) {
                break;
            }
        }
        row(
            "the index has all of it after",
            &format!("{:.1} s more", start.elapsed().as_secs_f64()),
        );
    }

    fn part(room: usize) -> ConversationScope {
        let name: Arc<str> = format!("#room{room}").into();
        ConversationScope {
            conversation: Conversation::Room(conversation(&name)),
            shown: Some(name),
            rank: 0,
            ranked_after: UNIX_EPOCH,
        }
    }

    fn search(&self, rooms: Vec<usize>, words: &str) -> Search {
        Search {
            conversations: rooms.into_iter().map(Self::part).collect(),
            direct: None,
            words: Some(SearchWords::read(words).unwrap()),
            from: None,
            after: None,
            before: None,
            limit: 20,
            bytes_max: 256 << 10,
            order: Order::Time,
        }
    }

    /// The time a question takes, and how much was found.
    fn ask(&mut self, query: Query) -> (Duration, usize) {
        self.n_asked += 1;
        let start = Instant::now();
        self.log.query(Ticket(self.n_asked), Asker::default(), query);
        let LogOutcome::Queried { answer, .. } = self.answers.recv().unwrap() else {
            panic!("nothing else was asked")
        };
        let n_found = match answer.unwrap() {
            Answer::Page(told) => told.len(),
            Answer::Matches(matches, _) => matches.len(),
            other => panic!("{other:?}"),
        };
        (start.elapsed(), n_found)
    }

    fn pages(&mut self) {
        let (mut times, mut n_found) = (Vec::new(), 0);
        for number in 0..3000 {
            let ConversationScope { conversation, shown, rank, ranked_after } =
                Self::part(self.random.usize(..self.n_rooms));
            let whole = self.n_kept as u64 * 100;
            let at = UNIX_EPOCH + Duration::from_millis(START + self.random.u64(..whole));
            let at = Reference::Time(at);
            let selection = match number % 4 {
                0 => Selection::Latest(None),
                1 => Selection::Before(at),
                2 => Selection::After(at),
                _ => Selection::Around(at),
            };
            let (limit, bytes_max) = (100, 256 << 10);
            let shows = Shows { context: true, ..Shows::default() };
            let (time, n) = self.ask(Query::Page {
                conversation,
                shown,
                selection,
                limit,
                bytes_max,
                rank,
                ranked_after,
                shows,
            });
            times.push(time);
            n_found += n;
        }
        percentiles("a page of 100", times);
        assert!(n_found > 1000, "{n_found} records show little");
    }

    fn searches(&mut self) {
        let kinds: [Kind; 5] = [
            ("a search in a room, any word", 1, |bench| {
                let word = bench.word();
                bench.vocabulary[word].clone()
            }),
            ("in a room, two words", 1, |bench| {
                let words = [bench.word(), bench.word()];
                words.map(|word| bench.vocabulary[word].clone()).join(" ")
            }),
            ("in a room, a beginning", 1, |bench| {
                let beginning = loop {
                    let word = bench.word();
                    if let Some(letters) = bench.vocabulary[word].get(..BEGINNING_BYTES_MIN) {
                        break letters;
                    }
                };
                format!("{beginning}*")
            }),
            ("in 50 rooms, any word", 50, |bench| {
                let word = bench.word();
                bench.vocabulary[word].clone()
            }),
            ("in 50 rooms, the commonest word", 50, |bench| bench.vocabulary[0].clone()),
        ];
        for (what, n_rooms, words) in kinds {
            let mut times = Vec::new();
            for _ in 0..500 {
                let rooms = (0..n_rooms).map(|_| self.random.usize(..self.n_rooms)).collect();
                let words = words(self);
                let search = self.search(rooms, &words);
                times.push(self.ask(Query::Search(search)).0);
            }
            percentiles(what, times);
        }
        let mut times = Vec::new();
        for _ in 0..200 {
            let word = self.word();
            let words = self.vocabulary[word].clone();
            let room = self.random.usize(..self.n_rooms);
            let search = Search { order: Order::Rank, ..self.search(vec![room], &words) };
            times.push(self.ask(Query::Search(search)).0);
        }
        percentiles("in a room, the best first", times);
    }
}

/// A kind of search: what it is called, in how many rooms, and the words of one search.
type Kind = (&'static str, usize, fn(&mut Bench) -> String);

fn starts(folder: &Path) {
    let mut times = Vec::new();
    for _ in 0..10 {
        let start = Instant::now();
        let log = LocalLog::open(folder, Durability::Strict).unwrap();
        times.push(start.elapsed());
        drop(log);
    }
    percentiles("it is opened within", times);
}
