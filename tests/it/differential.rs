//! The scripts of the other tests against other people's servers from Debian. Every difference stands in
//! `tests/differences.md` with its reason.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    fs,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use chat_tests::differential::{Difference, Make, differences, is_playable};
use syn::{
    Expr, ExprCall, ItemFn, Lit,
    visit::{self, Visit},
};

/// The scripts of a file: each literal that is given to `check`, under the name of its test.
#[derive(Default)]
struct Scripts {
    file: String,
    test: String,
    found: Vec<(String, String)>,
}

impl<'ast> Visit<'ast> for Scripts {
    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        self.test = item.sig.ident.to_string();
        visit::visit_item_fn(self, item);
    }

    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        if let Expr::Path(function) = &*call.func
            && function.path.is_ident("check")
            && let Some(Expr::Lit(script)) = call.args.first()
            && let Lit::Str(script) = &script.lit
        {
            self.found.push((format!("{}::{}", self.file, self.test), script.value()));
        }
        visit::visit_expr_call(self, call);
    }
}

fn tests_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn scripts() -> Vec<(String, String)> {
    let mut scripts = Scripts::default();
    let files = fs::read_dir(tests_folder().join("it")).unwrap();
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        scripts.file = path.file_stem().unwrap().to_string_lossy().into_owned();
        scripts.visit_file(&syn::parse_file(&fs::read_to_string(path).unwrap()).unwrap());
    }
    scripts.found.retain(|(_, script)| is_playable(script));
    scripts.found
}

/// A row of the file: the line of the script, whose server, and what differs.
type Row = (usize, String, &'static str, String);

/// The rows of the file, each with its reason, under the names of their scripts.
fn written() -> BTreeMap<String, BTreeMap<Row, String>> {
    let text = fs::read_to_string(tests_folder().join("differences.md")).unwrap();
    let mut written = BTreeMap::<String, BTreeMap<Row, String>>::new();
    let mut script = String::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("## ") {
            name.trim_matches('`').clone_into(&mut script);
        }
        let cells: Vec<&str> = line.split(" | ").collect();
        let [number, said, make, what, why] = cells[..] else { continue };
        let Ok(number) = number.trim_start_matches("| ").parse() else { continue };
        let make = Make::ALL.iter().find(|own| own.name() == make);
        let make = make.unwrap_or_else(|| panic!("{make:?} in {line:?} is no server")).name();
        let why = why.trim_end_matches(" |").to_owned();
        assert!(why.len() > 10, "{line:?} gives no reason");
        let said = said.trim_matches('`').to_owned();
        let row = (number, said, make, what.trim_matches('`').to_owned());
        let before = written.entry(script.clone()).or_default().insert(row, why);
        assert!(before.is_none(), "{line:?} stands there twice");
    }
    written
}

/// Players at once: a server that is slow to admit people lets the others wait in vain.
const PLAYERS: usize = 8;

/// All differences of all scripts.
fn found() -> BTreeMap<String, BTreeSet<Row>> {
    let scripts = scripts();
    let games: Vec<_> =
        scripts.iter().flat_map(|script| Make::ALL.map(|make| (script, make))).collect();
    assert!(games.len() > 60, "only {} games are left", games.len());
    let next = AtomicUsize::new(0);
    let found = Mutex::new(BTreeMap::<String, BTreeSet<Row>>::new());
    thread::scope(|scope| {
        for _ in 0..PLAYERS {
            scope.spawn(|| {
                while let Some(((name, script), make)) =
                    games.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    let row = |Difference { number, line, what }| (number, line, make.name(), what);
                    let rows = differences(script, *make).into_iter().map(row);
                    found.lock().unwrap().entry(name.clone()).or_default().extend(rows);
                }
            });
        }
    });
    found.into_inner().unwrap()
}

/// The differential test: what this compares is told at [`chat_tests::differential`].
#[test]
fn every_difference_from_other_servers_is_known_with_its_reason() {
    let (found, mut written) = (found(), written());
    let mut complaints = String::new();
    for (script, rows) in found {
        let known = written.remove(&script).unwrap_or_default();
        for row in rows.iter().filter(|row| !known.contains_key(*row)) {
            let (number, line, make, what) = row;
            write!(
                complaints,
                "\nnew in {script}:\n| {number} | `{line}` | {make} | `{what}` | why |"
            )
            .unwrap();
        }
        for (number, line, make, what) in known.keys().filter(|row| !rows.contains(*row)) {
            write!(
                complaints,
                "\nno longer in {script}:\n| {number} | `{line}` | {make} | `{what}` |"
            )
            .unwrap();
        }
    }
    for script in written.keys() {
        write!(complaints, "\nno such script: {script}").unwrap();
    }
    assert!(
        complaints.is_empty(),
        "tests/differences.md, written for those of Debian 12, is not what is:{complaints}"
    );
}
