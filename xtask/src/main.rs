//! `cargo xtask test` does the set-up and runs everything that each change must pass, `cargo xtask nightly` what takes
//! longer; `cargo xtask fuzz` fuzzes, `crash` kills, `bench` measures, and `desktop` opens the desktop program. Nothing is
//! done silently: each step is named before it is taken.

mod fuzz;
mod packages;

use std::{
    io::Write,
    path::PathBuf,
    process::{Command, ExitCode},
    time::Instant,
};

const HELP: &str = "\
cargo xtask test      install what the tests need, then check formatting, lints, docs and tests: what each change must pass
cargo xtask nightly   all of that, and what grows by time: fuzzing by the clock, kills, misuse, a large store, instructions
                      of the program as it is packaged, licences and known faults of what it is built from
cargo xtask fuzz [N]  fuzz each target for N seconds (600)
cargo xtask crash --kills N
                      kill -9 the server N times while people write, and look whether anything is lost
cargo xtask bench [--install] [WORKLOADS]
                      measure the server against other people's and the floor, and print ratios; those that are
                      missing are installed if asked for
cargo xtask bench misuse | client | pieces | instructions
                      measure what others notice while strangers do their worst; the client; the pieces that a message
                      passes, by the clock and in instructions
cargo xtask bench history [MESSAGES ROOMS]
                      fill a store (with 1000000 in 1000), and measure pages, searches, commits, size and start
cargo xtask desktop   install what GTK needs, then open the desktop program";

/// The time each target is fuzzed each night, in seconds.
const FUZZ_SECONDS: u32 = 120;

/// The outcome of a chore: the reason for which it stopped, as a sentence.
type Outcome = Result<(), String>;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let outcome = match words[..] {
        ["test"] => test(),
        ["nightly"] => nightly(),
        ["fuzz"] => fuzz("600"),
        ["fuzz", seconds] => fuzz(seconds),
        ["bench", name @ ("misuse" | "client" | "pieces" | "instructions"), ref rest @ ..] => {
            bench(name, rest)
        }
        ["bench", "history"] => bench("history", &["1000000", "1000"]),
        ["bench", "history", ref rest @ ..] => bench("history", rest),
        ["bench", "--install", ref rest @ ..] => {
            packages::install(&[packages::PEERS]).and_then(|()| bench("load", rest))
        }
        ["bench", ref rest @ ..] => bench("load", rest),
        ["crash"] => crash("1000"),
        ["crash", "--kills", kills] => crash(kills),
        ["desktop"] => desktop(),
        _ => {
            say(HELP);
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            say(&format!("xtask: {sentence}"));
            ExitCode::FAILURE
        }
    }
}

fn test() -> Outcome {
    let groups = [packages::DESKTOP, packages::TESTS, packages::PEERS];
    packages::install(&groups)?;
    step("formatting", cargo(&["fmt", "--all", "--check"]))?;
    let fuzz_format = ["fmt", "--manifest-path", "tests/fuzz/Cargo.toml", "--check"];
    step("formatting of the fuzz targets", cargo(&fuzz_format))?;
    let clippy = ["clippy", "--workspace", "--all-targets", "--all-features", "--locked", "--"];
    step("lints", cargo(&[&clippy[..], &["--deny", "warnings"]].concat()))?;
    // What only a build without debug assertions has in it would be seen first when it is packaged: types whose size is
    // held, for one. What the lints have checked of other people's is used again, but for mio, whose sockets have more to them.
    let mut check = cargo(&["check", "--workspace", "--all-features", "--locked"]);
    for package in ["chat-core", "chat-server", "chat-cli", "chat-gtk", "mio"] {
        check.args(["--config", &format!("profile.dev.package.{package}.debug-assertions=false")]);
    }
    step("what a build without debug assertions has in it", check)?;
    let mut docs = cargo(&["doc", "--workspace", "--no-deps", "--locked"]);
    docs.env("RUSTDOCFLAGS", "--deny warnings");
    step("documentation", docs)?;
    let build = ["build", "--workspace", "--bins", "--examples", "--locked"];
    step("programs", cargo(&build))?;
    let mut library = Command::new("npm");
    library.args(["ci", "--prefix", "tests/foreign"]);
    step("a client library of other people's", library)?;
    let tests = ["cargo", "test", "--workspace", "--all-features", "--locked"];
    step("tests, with a display of their own", on_a_display(&tests)?)?;
    // Each in small, to see that it works; the instructions are counted in earnest.
    for (name, arguments) in [
        ("load", &["--small"][..]),
        ("client", &["20000", "20"]),
        ("pieces", &[]),
        ("crash", &["20"]),
        ("history", &["5000", "10"]),
        ("instructions", &[]),
    ] {
        let small = ["test", "--package", "chat-tests", "--bench", name, "--locked", "--"];
        step(&format!("the benchmark {name}, small"), cargo(&[&small[..], arguments].concat()))?;
    }
    Ok(())
}

/// The checks that each change need not wait for: they take as long as one likes, or a build of their own.
fn nightly() -> Outcome {
    test()?;
    supply_chain()?;
    bench("instructions", &[])?;
    bench("misuse", &["0.5"])?;
    bench("crash", &["200"])?;
    bench("history", &["200000", "100"])?;
    packages::install(&[packages::FUZZ])?;
    fuzz::run(FUZZ_SECONDS)
}

/// Licences, duplicates and sources of all that the programs are built from, and its known faults where their database can
/// be reached.
fn supply_chain() -> Outcome {
    let has_it = cargo(&["deny", "--version"]).output().is_ok_and(|deny| deny.status.success());
    if !has_it {
        step("cargo deny", cargo(&["install", "cargo-deny", "--locked"]))?;
    }
    step("licences and duplicates", cargo(&["deny", "check", "licenses", "bans", "sources"]))?;
    let advisories = cargo(&["deny", "check", "advisories"]).output();
    let advisories = advisories.map_err(|error| format!("cannot run cargo deny: {error}"))?;
    let told = String::from_utf8_lossy(&advisories.stderr);
    if advisories.status.success() {
        say("== no known fault in what it is built from");
    } else if told.contains("failed to fetch advisory database") {
        say("== the database of known faults cannot be reached from here: not looked at");
    } else {
        return Err(format!("known faults:\n{told}"));
    }
    Ok(())
}

/// The program and the benchmarks as they are packaged, built together so that each thing is compiled once.
const DIST: [&str; 6] =
    ["--profile", "dist", "--package", "chat-server", "--package", "chat-tests"];

fn bench(name: &str, arguments: &[&str]) -> Outcome {
    // Also the program that servers do their worst to.
    let programs =
        [&["build"], &DIST[..], &["--package", "chat-cli", "--bins", "--locked"]].concat();
    step("the programs, as they are packaged", cargo(&programs))?;
    let bench = [&["bench"], &DIST[..], &["--bench", name, "--locked", "--"], arguments].concat();
    step(&format!("the benchmark {name}"), cargo(&bench))
}

fn crash(kills: &str) -> Outcome {
    kills.parse::<usize>().map_err(|_| {
        format!("{kills:?} is not a number of kills: try `cargo xtask crash --kills 1000`")
    })?;
    packages::install(&[packages::TESTS])?;
    bench("crash", &[kills])
}

fn fuzz(seconds: &str) -> Outcome {
    let seconds = seconds.parse().map_err(|_| {
        format!("{seconds:?} is not a number of seconds: try `cargo xtask fuzz 60`")
    })?;
    packages::install(&[packages::FUZZ])?;
    fuzz::run(seconds)
}

fn desktop() -> Outcome {
    packages::install(&[packages::DESKTOP])?;
    step("the desktop program", cargo(&["run", "--release", "--package", "chat-gtk", "--locked"]))
}

/// `program` under Xvfb and a session bus of its own, so that it neither needs nor disturbs a desktop.
fn on_a_display(program: &[&str]) -> Result<Command, String> {
    let runtime = root().join("target").join("xdg-runtime");
    std::fs::create_dir_all(&runtime)
        .and_then(|()| {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&runtime, std::fs::Permissions::from_mode(0o700))
        })
        .map_err(|error| format!("cannot make {}: {error}", runtime.display()))?;
    let mut command = Command::new("xvfb-run");
    command
        .args(["--auto-servernum", "--server-args=-screen 0 1280x900x24"])
        .args(["dbus-run-session", "--"])
        .args(program)
        .env("GDK_BACKEND", "x11")
        .env("GSK_RENDERER", "cairo")
        .env("GTK_A11Y", "atspi")
        .env("GSETTINGS_BACKEND", "memory")
        .env("XDG_RUNTIME_DIR", runtime)
        .env("LANG", "C.UTF-8")
        .current_dir(root());
    Ok(command)
}

fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    command
}

/// Names a step, takes it, and says how long it took.
fn step(name: &str, mut command: Command) -> Outcome {
    say(&format!("== {name}"));
    #[expect(clippy::disallowed_methods, reason = "a person waits for this")]
    let start = Instant::now();
    let status = command.status();
    let status =
        status.map_err(|error| format!("cannot run {:?}: {error}", command.get_program()))?;
    if !status.success() {
        return Err(format!("{name}: failed ({status})"));
    }
    say(&format!("== {name}: done in {} s", start.elapsed().as_secs()));
    Ok(())
}

fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn say(text: &str) {
    // Whoever closed our output does not want to know.
    let _ = writeln!(std::io::stdout(), "{text}");
}
