//! Rows in rooms: readers who never read, nicks that change, and questions in a loop.

use std::{
    io::{BufRead, Read, Write},
    net::Shutdown,
    thread,
    time::{Duration, Instant},
};

use super::{
    Misuse, OUTBOX_BYTES, Scene, Watched,
    others::{await_line, register},
    pause_until,
};

/// People who ask: four, where a hundred others sit in fifty rooms each.
const ASKERS: Misuse = Misuse { n_conns: 104, bytes_each: OUTBOX_BYTES / 4, ..Misuse::NONE };

/// Bytes that the names of a room of 63 have, by the targets that one line may have (`targets`).
const NAMES_BYTES_MAX: u64 = 4 * 63 * 16;

pub(super) const ROWS: &[Misuse] = &[
    Misuse {
        name: "10 readers of a busy room that never read",
        n_conns: 10,
        act: |scene| scene.never_read(),
        ..Misuse::NONE
    },
    Misuse {
        name: "10,000 nick changes a second in their room",
        n_conns: 10,
        act: |scene| scene.change_nicks(),
        ..Misuse::NONE
    },
    Misuse {
        name: "LIST in a loop on 5,000 rooms, by 4",
        act: |scene| scene.ask_in_a_loop(|_| "LIST".into(), " 323 "),
        ..ASKERS
    },
    Misuse {
        name: "WHO in a loop on 5,000 rooms, by 4",
        act: |scene| scene.ask_in_a_loop(|n| format!("WHO #r{n}"), " 315 "),
        ..ASKERS
    },
    Misuse {
        name: "NAMES in a loop on 5,000 rooms, by 4",
        act: |scene| scene.ask_in_a_loop(|n| format!("NAMES #r{n}"), " 366 "),
        ..ASKERS
    },
    Misuse {
        name: "NAMES of one room 55 times a line, by 63",
        n_conns: 63,
        act: |scene| {
            let line = |_| format!("NAMES #askers{}", ",#askers".repeat(54));
            scene.say_in_a_loop(line, |told| told.contains(" PONG "));
        },
        watched: Watched::Answers(NAMES_BYTES_MAX),
        ..Misuse::NONE
    },
];

impl Scene<'_> {
    /// Some join a room and read nothing, while somebody says there all that a connection carries.
    fn never_read(&self) {
        let irc = self.irc();
        let join = |n| register(irc, &format!("deaf{n}"), "#busy");
        let _deaf: Vec<_> = (0..self.n_conns).map(join).collect();
        let mut speaker = register(irc, "loud", "#busy");
        let line = format!("PRIVMSG #busy :{}\r\n", "x".repeat(400));
        let mut told = speaker.get_ref().try_clone().unwrap();
        thread::scope(|scope| {
            // Told of those who are thrown out.
            scope.spawn(move || while told.read(&mut [0; 4096]).is_ok_and(|n| n > 0) {});
            self.ready();
            while self.goes_on() {
                speaker.get_mut().write_all(line.as_bytes()).unwrap();
                self.count();
            }
            speaker.get_mut().shutdown(Shutdown::Both).unwrap();
        });
    }

    /// Ten thousand a second altogether, each told to everybody in the quiet room.
    fn change_nicks(&self) {
        let irc = self.irc();
        let pace = Duration::from_secs(self.n_conns as u64) / 10_000;
        thread::scope(|scope| {
            for n in 0..self.n_conns {
                scope.spawn(move || {
                    let mut reader = register(irc, &format!("n{n}a"), "#quiet");
                    let mut writer = reader.get_ref().try_clone().unwrap();
                    thread::scope(|scope| {
                        scope.spawn(move || {
                            while reader.fill_buf().is_ok_and(|told| !told.is_empty()) {
                                let n = reader.buffer().len();
                                reader.consume(n);
                            }
                        });
                        self.ready();
                        let start = Instant::now();
                        for round in 0.. {
                            let letter = if round % 2 == 0 { 'b' } else { 'a' };
                            writer.write_all(format!("NICK n{n}{letter}\r\n").as_bytes()).unwrap();
                            self.count();
                            pause_until(start, pace * round);
                            if !self.goes_on() {
                                break;
                            }
                        }
                        writer.shutdown(Shutdown::Both).unwrap();
                    });
                });
            }
        });
    }

    /// Four people ask as fast as they are answered, where a hundred others sit in fifty rooms each.
    fn ask_in_a_loop(&self, question: fn(usize) -> String, end: &str) {
        let irc = self.irc();
        let n_sitting = self.n_conns.saturating_sub(4).max(1);
        let sit = |person: usize| {
            let rooms: Vec<String> = (0..50).map(|n| format!("#r{}", person * 50 + n)).collect();
            register(irc, &format!("s{person}"), &rooms.join(","))
        };
        let _sitting: Vec<_> = (0..n_sitting).map(sit).collect();
        thread::scope(|scope| {
            for asker in 0..4 {
                scope.spawn(move || {
                    let mut reader = register(irc, &format!("asker{asker}"), "#askers");
                    self.ready();
                    for n in (0..n_sitting * 50).cycle().skip(asker * 1000) {
                        let line = format!("{}\r\n", question(n));
                        reader.get_mut().write_all(line.as_bytes()).unwrap();
                        await_line(&mut reader, end);
                        self.count();
                        if !self.goes_on() {
                            return;
                        }
                    }
                });
            }
        });
    }
}
