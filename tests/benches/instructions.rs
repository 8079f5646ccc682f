//! The pieces a message passes, in instructions, as callgrind counts them: the same whatever else the machine does.
//!
//! ```sh
//! cargo xtask bench instructions                           # compares with tests/data/instructions.txt
//! cargo xtask bench instructions --keep                    # writes it
//! cargo test -p chat-tests --bench instructions -- --keep  # the same of the tests' own build
//! ```
//!
//! Each piece is done so many times and then more often, and the difference counts, so that what makes it ready
//! does not. A piece that needs a tenth more than is written fails; so does one that needs a fifth less: then it is time
//! to write that down. Two builds are written down: the one that is packaged, and that of the tests, which has the checks
//! of a debug build in it and needs no compiling of its own.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a table is what it is for")]
#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::{collections::BTreeMap, fs, process::Command};

use chat_tests::load::pieces::PIECES;

/// The allocator of the server's program.
#[cfg(unix)]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/instructions.txt");

/// The number of times a piece is done before and after it counts.
const FEW: u32 = 100;
const MORE: u32 = 600;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if let ["--piece", index, times] = words[..] {
        let mut act = (PIECES[index.parse::<usize>().unwrap()].make)();
        for _ in 0..times.parse().unwrap() {
            act();
        }
        return;
    }
    // The tests' own build has debug assertions.
    let own = usize::from(cfg!(debug_assertions));
    let mut kept = kept();
    let mut is_good = true;
    println!("{:<32} {:>12} {:>12} {:>7}", "instructions for", "now", "written", "ratio");
    for (index, piece) in PIECES.iter().enumerate() {
        let now = (count(index, MORE) - count(index, FEW)) / u64::from(MORE - FEW);
        let written = kept.entry(piece.name.to_owned()).or_default();
        let written = std::mem::replace(&mut written[own], now);
        if written == 0 {
            println!("{:<32} {now:>12} {:>12}", piece.name, "–");
            is_good = false;
            continue;
        }
        let ratio = now as f64 / written as f64;
        let is_same = (0.8..1.1).contains(&ratio);
        is_good &= is_same;
        let sign = if is_same { "" } else { " !" };
        println!("{:<32} {now:>12} {written:>12} {ratio:>7.2}{sign}", piece.name);
    }
    if words == ["--keep"] {
        let line = |(name, [packaged, tested]): (&String, &[u64; 2])| {
            format!("{name}\t{packaged}\t{tested}\n")
        };
        fs::write(KEPT, kept.iter().map(line).collect::<String>()).unwrap();
    } else if !is_good {
        eprintln!(
            "what a message costs has changed: mend it, or write it down with \
             --keep (see the head of this benchmark) and say why in docs/performance.md"
        );
        std::process::exit(1);
    }
}

/// Instructions of a process that does a piece so many times.
fn count(index: usize, times: u32) -> u64 {
    let mut callgrind = Command::new("valgrind");
    callgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    callgrind.arg(std::env::current_exe().unwrap());
    callgrind.args(["--piece", &index.to_string(), &times.to_string()]);
    let output = callgrind.output().expect("valgrind is installed: `cargo xtask test` does it");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let collected = told.lines().find_map(|line| line.split_once("Collected : "));
    collected.and_then(|(_, number)| number.trim().parse().ok()).expect("callgrind tells it")
}

/// The numbers written down of each piece: for the build that is packaged, and for that of the tests.
fn kept() -> BTreeMap<String, [u64; 2]> {
    let text = fs::read_to_string(KEPT).unwrap_or_default();
    let line = |line: &str| {
        let mut words = line.split('\t');
        let name = words.next()?.to_owned();
        let mut number = || words.next()?.parse().ok();
        Some((name, [number()?, number()?]))
    };
    text.lines().filter_map(line).collect()
}
