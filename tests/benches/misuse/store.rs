//! Rows of what is kept: searches, changes, messages without end, and accounts where there are many.

use std::{io::Write, sync::atomic::Ordering, thread};

use super::{
    Limits, Misuse, Others, Scene, Store, Watched,
    logins::CHECKS_BYTES,
    others::{await_line, read_until, register},
    server::ACCOUNT,
};

/// Bytes in use that the store may have in the row that fills it.
const STORE_BYTES: u64 = 2_000_000;

/// Bytes on disk beside those in use: the database's log, with a piece of the index in it, and what is written before the next look,
/// a second later.
const DISK_SLACK_BYTES: u64 = 24_000_000;

/// Messages that are more than may be on disk in that row: one takes a thousand bytes at least, with its words in the index.
const N_FILLING: u64 = (STORE_BYTES + DISK_SLACK_BYTES) / 1000;

/// Bytes of the text of a message that fills a store.
const TEXT_BYTES: usize = 400;

/// People of one address who write, and the messages of each that come at once (`commands-at-once`).
const N_WRITERS: usize = 60;
const N_AT_ONCE: u64 = 30;

/// Bytes that they may leave on disk in a day: four lines a second each (`commands-per-second`), of 512 bytes, and twice as many
/// for what stands beside them and for the index of words, all of which are rare. Of these the store keeps its bound.
const DAY_BYTES_MAX: u64 = N_WRITERS as u64 * 4 * 512 * 3 * 86_400;

/// Accounts, and registered rooms: as many as there may be by default.
const N_ACCOUNTS: u64 = 100_000;

pub(super) const ROWS: &[Misuse] = &[
    Misuse {
        name: "the longest searches of 200,000, by 12",
        n_conns: 12,
        act: |scene| scene.search(),
        others: Others::Read,
        store: Store::Messages(200_000),
        ..Misuse::NONE
    },
    Misuse {
        name: "CHANGES * * 100 in 50 rooms, by 12",
        n_conns: 12,
        act: |scene| scene.ask_for_changes(),
        others: Others::Read,
        ..Misuse::NONE
    },
    Misuse {
        name: "filling a store of 2 MB, by 10",
        n_conns: 10,
        act: |scene| scene.fill(64, N_FILLING),
        store: Store::Bounded(STORE_BYTES),
        watched: Watched::Disk(STORE_BYTES + DISK_SLACK_BYTES),
        ..Misuse::NONE
    },
    Misuse {
        name: "all that one address may say, by 60",
        n_conns: N_WRITERS,
        act: |scene| scene.fill(1, N_AT_ONCE * scene.n_conns as u64),
        limits: Limits::Default,
        watched: Watched::Day(DAY_BYTES_MAX),
        ..Misuse::NONE
    },
    Misuse {
        name: "REGISTER and DROP, at 100,000 rooms, by 4",
        n_conns: 4,
        bytes_besides: CHECKS_BYTES,
        act: |scene| scene.register_and_drop(),
        store: Store::Accounts(N_ACCOUNTS),
        ..Misuse::NONE
    },
    Misuse {
        name: "RENAME of what 100,000 have read",
        n_conns: 1,
        bytes_besides: CHECKS_BYTES,
        act: |scene| scene.rename(),
        store: Store::Accounts(N_ACCOUNTS),
        ..Misuse::NONE
    },
];

impl Scene<'_> {
    /// Each looks for what takes longest, over and over: words that all messages have a part of, and texts of nobody.
    fn search(&self) {
        let questions = [
            "SEARCH in=#big;text=wor*\\swor1*\\swor2*\\swor3*\\swor4*\\swor5*\\swor6*\\swor7*",
            "SEARCH in=#big;from=nobody",
            "SEARCH text=wor*;order=rank;limit=100",
        ];
        // That one takes longer than it may is an answer too.
        self.ask_for_ever(
            "#big",
            |n| questions[n % questions.len()].to_owned(),
            &[" BATCH -", "FAIL SEARCH INTERNAL_ERROR"],
        );
    }

    /// Fifty rooms are filled with long messages, and each asks for all that has changed in all of them.
    fn ask_for_changes(&self) {
        let rooms: Vec<String> = (0..50).map(|n| format!("#c{n}")).collect();
        let mut speaker = register(self.irc(), "filler", &rooms.join(","));
        let text = "x".repeat(TEXT_BYTES);
        for n in 0..100 {
            for room in &rooms {
                speaker
                    .get_mut()
                    .write_all(format!("PRIVMSG {room} :{n} {text}\r\n").as_bytes())
                    .unwrap();
            }
            speaker.get_mut().write_all(b"PING :filled\r\n").unwrap();
            await_line(&mut speaker, " PONG ");
        }
        self.ask_for_ever(&rooms.join(","), |_| "CHANGES * * 100".to_owned(), &[" BATCH -"]);
    }

    /// Each asks over and over, as fast as they are answered. Other refusals than those that are the end of an answer are none.
    fn ask_for_ever(&self, rooms: &str, question: impl Fn(usize) -> String + Sync, ends: &[&str]) {
        let (irc, question) = (self.irc(), &question);
        thread::scope(|scope| {
            for asker in 0..self.n_conns {
                scope.spawn(move || {
                    let mut reader = register(irc, &format!("asker{asker}"), rooms);
                    self.ready();
                    for n in asker.. {
                        let line = format!("{}\r\n", question(n));
                        reader.get_mut().write_all(line.as_bytes()).unwrap();
                        let is_there = read_until(&mut reader, |told| {
                            let is_last = ends.iter().any(|end| told.contains(end));
                            assert!(is_last || !told.contains("FAIL "), "{line}: {told}");
                            is_last
                        });
                        assert!(is_there, "it was closed");
                        self.count();
                        if !self.goes_on() {
                            return;
                        }
                    }
                });
            }
        });
    }

    /// Each says all that a line carries, in a room of their own: words that nobody has said, and a tag that means nothing; the
    /// first ones of all `n_at_once`, and those that count, from the `n_first`th on, when the one before is stored.
    fn fill(&self, n_at_once: usize, n_first: u64) {
        let irc = self.irc();
        thread::scope(|scope| {
            for n in 0..self.n_conns {
                scope.spawn(move || {
                    let mut reader = register(irc, &format!("filler{n}"), &format!("#fill{n}"));
                    reader.get_mut().write_all(b"CAP REQ :echo-message\r\n").unwrap();
                    await_line(&mut reader, " ACK ");
                    let tag = "t".repeat(4000);
                    let mut random = fastrand::Rng::with_seed(n as u64);
                    let mut line = || {
                        let mut text = String::new();
                        while text.len() < TEXT_BYTES {
                            text.push_str(&format!("{:x} ", random.u32(..)));
                        }
                        format!("@+example/long={tag} PRIVMSG #fill{n} :{}\r\n", text.trim())
                    };
                    while self.goes_on() {
                        let is_first = self.n_times.load(Ordering::Relaxed) < n_first;
                        let n_lines = if is_first { n_at_once } else { 1 };
                        let lines: String = (0..n_lines).map(|_| line()).collect();
                        reader.get_mut().write_all(lines.as_bytes()).unwrap();
                        for _ in 0..n_lines {
                            await_line(&mut reader, " PRIVMSG #fill");
                            if self.count() == n_first {
                                self.ready();
                            }
                        }
                    }
                });
            }
        });
    }

    /// Each registers an account and ends it, over and over.
    fn register_and_drop(&self) {
        let irc = self.irc();
        thread::scope(|scope| {
            for stranger in 0..self.n_conns {
                scope.spawn(move || {
                    let name = format!("stranger{stranger}");
                    let mut reader = register(irc, &name, "#strangers");
                    self.ready();
                    while self.goes_on() {
                        let lines = format!(
                            "NS REGISTER {password}\r\nNS DROP {name} {password}\r\n",
                            password = ACCOUNT[1]
                        );
                        reader.get_mut().write_all(lines.as_bytes()).unwrap();
                        await_line(&mut reader, " 900 ");
                        await_line(&mut reader, " 901 ");
                        self.count();
                    }
                });
            }
        });
    }

    /// The owner of a room renames it, over and over.
    fn rename(&self) {
        let mut reader = register(self.irc(), "elsewhere", "#owners");
        let [owner, password] = ACCOUNT;
        let lines = format!("NS IDENTIFY {owner} {password}\r\nJOIN #read\r\n");
        reader.get_mut().write_all(lines.as_bytes()).unwrap();
        await_line(&mut reader, " 366 ");
        self.ready();
        for names in [["#read", "#unread"], ["#unread", "#read"]].iter().cycle() {
            let line = format!("RENAME {} {}\r\n", names[0], names[1]);
            reader.get_mut().write_all(line.as_bytes()).unwrap();
            let is_told = read_until(&mut reader, |told| {
                assert!(!told.contains("FAIL "), "{told}");
                told.contains(" RENAME ")
            });
            assert!(is_told, "the owner was closed");
            self.count();
            if !self.goes_on() {
                return;
            }
        }
    }
}
