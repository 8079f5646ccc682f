//! The corpus of the fuzz targets, and a short round of inputs made from it: the same each time, without a clock. What
//! goes on for as long as one likes, guided by coverage, is `cargo xtask fuzz`.

use std::{fs, panic, path::Path};

use chat_tests::fuzz::FuzzTarget;

/// Inputs made from the corpus, for each target.
const N_INPUTS: u64 = 5000;

/// The inputs that are kept of a target, by their names.
fn corpus(target: FuzzTarget) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target.name());
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let mut inputs: Vec<(String, Vec<u8>)> = entries
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.display().to_string(), fs::read(&path).unwrap()))
        .collect();
    inputs.sort();
    inputs
}

/// The words of the dictionary that the programs are given, too.
fn words() -> Vec<Vec<u8>> {
    let text = include_str!("../fuzz/irc.dict");
    let word = |line: &str| {
        let word = line.strip_prefix('"')?.strip_suffix('"')?;
        let word = word.replace("\\x0d", "\r").replace("\\x0a", "\n").replace("\\x01", "\u{1}");
        Some(word.into_bytes())
    };
    text.lines().filter_map(word).collect()
}

/// One input changed in a few places, as libFuzzer does it: a byte, a word, a piece taken out or taken from elsewhere.
fn change(input: &mut Vec<u8>, other: &[u8], words: &[Vec<u8>], random: &mut fastrand::Rng) {
    for _ in 0..random.u8(1..6) {
        let at = random.usize(..=input.len());
        let end = (at + random.usize(..=16)).min(input.len());
        match random.u8(..5) {
            0 if at < input.len() => input[at] = random.u8(..),
            1 => drop(input.splice(at..at, words[random.usize(..words.len())].iter().copied())),
            2 => drop(input.drain(at..end)),
            3 => {
                let from = random.usize(..=other.len());
                let to = (from + random.usize(..=64)).min(other.len());
                drop(input.splice(at..at, other[from..to].iter().copied()));
            }
            _ => input.insert(at, random.u8(..)),
        }
    }
}

#[test]
fn what_has_been_found_is_found_no_more_nor_is_what_is_near_it() {
    let words = words();
    assert!(words.len() > 50, "the dictionary has {} words", words.len());
    for target in FuzzTarget::ALL {
        let corpus = corpus(target);
        assert!(!corpus.is_empty(), "{} has no corpus", target.name());
        for (name, input) in &corpus {
            let caught = panic::catch_unwind(|| target.run(input));
            assert!(caught.is_ok(), "{} fails on {name}", target.name());
        }
        for seed in 0..N_INPUTS {
            let mut random = fastrand::Rng::with_seed(seed);
            let pick = |random: &mut fastrand::Rng| &corpus[random.usize(..corpus.len())].1;
            let (mut input, other) = (pick(&mut random).clone(), pick(&mut random));
            change(&mut input, other, &words, &mut random);
            let caught = panic::catch_unwind(|| target.run(&input));
            let shown = input.escape_ascii();
            assert!(caught.is_ok(), "{} fails with seed {seed} on \"{shown}\"", target.name());
        }
    }
}

/// What overflows shows only in a build that looks: the programs of the targets are optimised, and check all the same.
#[test]
fn fuzzing_checks_overflows_and_assertions() {
    let manifest = include_str!("../fuzz/Cargo.toml");
    let manifest: toml::Table = manifest.parse().unwrap();
    let release = &manifest["profile"]["release"];
    for check in ["overflow-checks", "debug-assertions"] {
        assert_eq!(release.get(check).and_then(toml::Value::as_bool), Some(true), "{check}");
    }
}
