//! The figures of a crate's structure, as ARCHITECTURE.md's table before and after has them:
//! `cargo run -p chat-tests --example structure -- chat-server/src`. With `edges` behind it, also what leads where.

use std::{
    io::{self, Write},
    path::Path,
};

use chat_tests::structure::{Structure, circles};

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let source = arguments.next().unwrap_or_else(|| "chat-server/src".to_owned());
    let structure = Structure::of(Path::new(&source));
    let mut out = io::stdout().lock();
    let fields = structure.n_fields.iter().filter(|(_, n)| **n > 10);
    for (name, n) in fields {
        writeln!(out, "{name}: {n} fields")?;
    }
    for (name, methods) in structure.methods.iter().filter(|(_, own)| own.len() > 50) {
        writeln!(out, "{name}: {} methods", methods.len())?;
    }
    for name in ["effects", "now", "turn"] {
        let n = structure.n_parameters.get(name).copied().unwrap_or_default();
        writeln!(out, "{name}: {n} parameters")?;
    }
    for circle in circles(&structure.imports) {
        writeln!(out, "circle of {} files by imports: {circle:?}", circle.len())?;
    }
    for circle in circles(&structure.edges()) {
        writeln!(out, "circle of {} files by imports and calls: {circle:?}", circle.len())?;
    }
    if arguments.next().is_some_and(|word| word == "edges") {
        for ((from, to), names) in &structure.calls {
            writeln!(out, "{from} calls of {to}: {names:?}")?;
        }
        for (from, to) in &structure.imports {
            writeln!(out, "{from} imports from {to:?}")?;
        }
    }
    Ok(())
}
