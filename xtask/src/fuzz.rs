//! Coverage-guided fuzzing on the stable compiler: the programs of `tests/fuzz` are built with the
//! instrumentation that libFuzzer reads, and each is run for a while from its corpus.

use std::process::Command;

use super::{Outcome, cargo, root, say, step};

/// Everything strangers' bytes reach, from the socket inwards.
const TARGETS: [&str; 4] = ["framer", "line", "session", "hub"];

/// The options that `cargo fuzz` passes too, but for the sanitizer of addresses, which needs a nightly compiler:
/// the compiler counts edges and shows the engine what is compared with what.
const INSTRUMENTATION: &str = "-Cpasses=sancov-module -Ccodegen-units=1 \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// Runs every target for `seconds`. What one trips over is kept under `target/fuzz/found`.
pub(crate) fn run(seconds: u32) -> Outcome {
    let triple = host_triple()?;
    let build = ["build", "--release", "--locked", "--target", &triple];
    let mut build = cargo(&build);
    build.arg("--target-dir").arg(root().join("target/fuzz"));
    // Own flags need an own target: what runs at build time is not instrumented then.
    build.env("RUSTFLAGS", INSTRUMENTATION).current_dir(root().join("tests/fuzz"));
    step("fuzz targets", build)?;
    for target in TARGETS {
        let found = root().join("target/fuzz/found").join(target);
        std::fs::create_dir_all(&found)
            .map_err(|error| format!("cannot make {}: {error}", found.display()))?;
        let program = root().join("target/fuzz").join(&triple).join("release").join(target);
        let mut fuzz = Command::new(program);
        fuzz.arg(format!("-max_total_time={seconds}"))
            // Bounds on one input: bytes, seconds, and MiB of everything.
            .args(["-max_len=20000", "-timeout=10", "-rss_limit_mb=1024"])
            .args(["-verbosity=0", "-print_final_stats=1"])
            .arg(format!("-dict={}", root().join("tests/fuzz/irc.dict").display()))
            .arg(format!("-artifact_prefix={}/", root().join("target/fuzz/found").display()))
            .arg(&found)
            .arg(root().join("tests/fuzz/corpus").join(target))
            .current_dir(root());
        step(&format!("fuzzing {target} for {seconds} s"), fuzz).map_err(|sentence| {
            format!("{sentence}; the input is in target/fuzz/found, and its program takes it as an argument")
        })?;
    }
    say("== no target found anything");
    Ok(())
}

/// The target that `rustc` builds for when it is not told.
fn host_triple() -> Result<String, String> {
    let output = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .arg("-vV")
        .output()
        .map_err(|error| format!("cannot run rustc: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| "rustc does not say what it builds for".to_owned())
}
