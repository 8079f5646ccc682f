//! Rows of those who log in and guess, of one address; and what all who say lines in a loop do.

use std::{io::Write, net::TcpStream, thread, time::Instant};

use super::{
    Limits, MIB, Misuse, Others, PACE, Scene,
    others::{read_until, try_enter},
    pause_until,
    server::ACCOUNT,
};

/// Bytes that the check of a password takes, by design (`m` of its hash); there are four at once at most.
pub(super) const CHECKS_BYTES: u64 = 4 * 19 * MIB;

const LOGINS: Misuse = Misuse {
    n_conns: 60,
    bytes_besides: CHECKS_BYTES,
    others: Others::LogIn,
    limits: Limits::OneAddress,
    ..Misuse::NONE
};

fn log_in(_: u64) -> String {
    format!("NS IDENTIFY {} {}", ACCOUNT[0], ACCOUNT[1])
}

fn guess(n: u64) -> String {
    match n % 2 {
        0 => format!("OPER root guess{n}"),
        _ => format!("NS IDENTIFY name{n} guess"),
    }
}

pub(super) const ROWS: &[Misuse] = &[
    Misuse {
        name: "60 of one address log in over and over",
        act: |scene| scene.say_in_a_loop(log_in, |told| told.contains(" 900 ")),
        ..LOGINS
    },
    Misuse {
        name: "12 of as many addresses do",
        n_conns: 12,
        limits: Limits::Exempt,
        act: |scene| scene.say_in_a_loop(log_in, |told| told.contains(" 900 ")),
        ..LOGINS
    },
    // Those that are not looked at say when to try again.
    Misuse {
        name: "60 of one address guess",
        act: |scene| {
            scene.say_in_a_loop(guess, |told| {
                let is_answer = told.contains(" 464 ") || told.contains(" NOTICE ");
                is_answer && !told.contains("try again in")
            });
        },
        ..LOGINS
    },
];

impl Scene<'_> {
    /// Each connection sends lines as fast as they are answered; who is closed comes again. An answer counts that `counts`.
    pub(super) fn say_in_a_loop(&self, line: fn(u64) -> String, counts: fn(&str) -> bool) {
        thread::scope(|scope| {
            for n in 0..self.n_conns {
                scope.spawn(move || {
                    let (start, mut n_said) = (Instant::now(), 0);
                    while self.goes_on() {
                        let stream = TcpStream::connect(self.irc()).unwrap();
                        let Some(mut reader) =
                            try_enter(stream, &format!("stranger{n}"), "#askers")
                        else {
                            // The place of the one before is not free yet.
                            pause_until(start, start.elapsed() + PACE);
                            continue;
                        };
                        self.ready();
                        let mut is_there = true;
                        while is_there && self.goes_on() {
                            n_said += 1;
                            let lines = format!("{}\r\nPING done\r\n", line(n_said));
                            is_there = reader.get_mut().write_all(lines.as_bytes()).is_ok()
                                && read_until(&mut reader, |told| {
                                    self.told(told, counts);
                                    told.contains(" PONG ")
                                });
                        }
                    }
                });
            }
        });
    }

    fn told(&self, line: &str, counts: fn(&str) -> bool) {
        self.n_bytes.fetch_add(line.len() as u64, std::sync::atomic::Ordering::Relaxed);
        if counts(line) {
            self.count();
        }
    }
}
