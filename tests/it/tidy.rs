//! The house rules that a program can check.

use std::{
    fs,
    path::{Path, PathBuf},
};

use chat_core::proto::{Capability, CommandSpec, Numeric, SPECS};
use chat_tests::shapes::shape_of;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// All Rust files below `folder`, with their text.
fn rust_files(folder: &str) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root()).unwrap().display().to_string();
                files.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

fn all_rust_files() -> Vec<(String, String)> {
    let folders =
        ["chat-core", "chat-server/src", "chat-cli/src", "chat-gtk/src", "tests", "xtask/src"];
    folders.into_iter().flat_map(rust_files).collect()
}

#[test]
fn every_file_opens_with_what_it_is_for() {
    for (name, text) in all_rust_files() {
        assert!(text.starts_with("//! "), "{name} does not open with //!");
    }
}

/// The first line of each block of doc comments: its number, counted from 1, and its words.
fn first_doc_lines(text: &str) -> Vec<(usize, &str)> {
    let mut first = Vec::new();
    let mut before = None;
    for (index, line) in text.lines().map(str::trim_start).enumerate() {
        let marker = ["///", "//!"].into_iter().find(|marker| line.starts_with(*marker));
        if let Some(marker) = marker.filter(|_| marker != before) {
            first.push((index + 1, line[marker.len()..].trim_start()));
        }
        before = marker;
    }
    first
}

/// The head of the item below the doc comment that begins on that line.
fn item_at(text: &str, number: usize) -> String {
    let lines = text.lines().skip(number - 1).map(str::trim_start);
    let mut lines = lines.skip_while(|line| line.starts_with("//") || line.starts_with("#["));
    let mut head = lines.next().unwrap_or_default().to_owned();
    if head.contains("fn ") {
        for line in lines {
            if head.contains(['{', ';']) {
                break;
            }
            head.push_str(line);
        }
    }
    head
}

/// A doc comment begins with its thing, by the noun, as CONTRIBUTING.md asks.
#[test]
fn first_sentences_name_the_thing() {
    let openings = [
        "And ",
        "How ",
        "In which",
        "See the module",
        "So many ",
        "That of ",
        "The same",
        "They ",
        "What ",
        "Who ",
        "Whoever ",
        "Whom ",
        "Whose ",
        "Why ",
    ];
    let wrong = |text: &str| {
        let lines = first_doc_lines(text).into_iter();
        let lines = lines.filter(|(number, words)| {
            let is_of_no_bool =
                words.starts_with("Whether ") && !item_at(text, *number).contains("bool");
            is_of_no_bool || openings.iter().any(|own| words.starts_with(own))
        });
        lines.map(|(number, _)| number).collect::<Vec<usize>>()
    };
    let sample = "//! What it is.\n/// A thing.\n/// How it is.\na,\n    /// The same.\nb,\n";
    assert_eq!(wrong(sample), [1, 5]);
    let sample = "/// Whether.\n#[x]\na: bool,\n/// Whether it may.\nfn a(\nb: A,\n) -> C {\n}\n";
    assert_eq!(wrong(sample), [4]);
    // The doc comments of options are their help texts: those speak to users, who ask "Where to listen".
    let help = ["chat-cli/src/args.rs", "chat-server/src/main.rs"];
    let mut found = Vec::new();
    for (name, text) in all_rust_files() {
        // The comments of tests state claims.
        if !name.starts_with("tests/it/") && !help.contains(&&*name) {
            found.extend(wrong(&text).into_iter().map(|number| format!("{name}:{number}")));
        }
    }
    assert!(found.is_empty(), "the first sentence does not name its thing: {found:#?}");
}

#[test]
fn pure_folders_know_no_sockets_clocks_or_threads() {
    let forbidden = [
        "std::net::Tcp",
        "mio::",
        "Instant::now",
        "SystemTime::now",
        "crossbeam_channel",
        "std::thread",
        "fs::",
    ];
    for folder in [
        "chat-core/src/wire",
        "chat-core/src/proto",
        "chat-core/src/client/state",
        "chat-server/src/hub",
        "chat-server/src/session",
    ] {
        // Its own tests may count from a moment of the real clock.
        let files = rust_files(folder).into_iter();
        for (name, text) in files.filter(|(name, _)| !name.ends_with("/tests.rs")) {
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            for word in forbidden {
                assert!(!code.contains(word), "{name} uses {word}");
            }
        }
    }
}

#[test]
fn nothing_is_skipped_or_left_to_do() {
    // Written apart, so that this file may name what it forbids.
    let forbidden =
        [["#[ig", "nore"], ["should", "_panic"], ["todo", "!("], ["unimplem", "ented!("]]
            .map(|p| p.concat());
    for (name, text) in all_rust_files() {
        for word in &forbidden {
            assert!(!text.contains(word.as_str()), "{name} contains {word}");
        }
    }
}

/// Pauses that are no waiting for something, however they are written, and the files that have a reason for theirs.
const PAUSES: &[(&str, &str, &str)] = &[
    (
        "chat-cli/src/interactive.rs",
        "after().recv()",
        "the client tells nobody of its state while a line is edited",
    ),
    (
        "chat-core/src/client/shared.rs",
        ".wait_timeout(",
        "in a loop over what it waits for, with a deadline",
    ),
    (
        "chat-core/src/testing/recording.rs",
        ".wait_timeout(",
        "in a loop over what it waits for, with a deadline",
    ),
    (
        "chat-core/tests/contract/listener.rs",
        "after().recv()",
        "a listener that hangs hears nothing, so the state is asked for",
    ),
    (
        "chat-server/src/main.rs",
        "_=recv_timeout",
        "the end of the other thread, which is an error, is what it waits for",
    ),
    (
        "chat-server/src/main.rs",
        "thread::sleep",
        "a pause is what it is for: a crowd is told of at once",
    ),
    (
        "chat-server/src/net/mailbox.rs",
        ".wait_timeout(",
        "in a loop over what it waits for; a worker may have died",
    ),
    (
        "chat-server/src/store/local_log.rs",
        "after().recv()",
        "no lock of a file can be waited for only so long",
    ),
    (
        "chat-server/src/store/time_limit.rs",
        ".wait_timeout(",
        "the end of a question's time is what it waits for, and the next question",
    ),
    (
        "chat-server/src/store/indexing.rs",
        "channel::tick(",
        "looked at whenever there is time, and never waited for",
    ),
    (
        "chat-server/src/store/trimming.rs",
        "channel::tick(",
        "looked at whenever there is time, and never waited for",
    ),
    (
        "chat-server/src/store/writer.rs",
        "channel::tick(",
        "looked at whenever there is time, and never waited for",
    ),
    ("tests/benches/client.rs", "thread::sleep", "a benchmark keeps a pace"),
    ("tests/benches/crash.rs", "thread::sleep", "a benchmark keeps a pace"),
    ("tests/benches/load.rs", "thread::sleep", "a benchmark keeps a pace"),
    ("tests/benches/misuse/main.rs", "thread::sleep", "a benchmark keeps a pace"),
    ("tests/src/lib.rs", "channel::tick(", "the one place of the tests that looks again and again"),
    ("tests/src/load/floor.rs", "thread::sleep", "a benchmark keeps a pace"),
    (
        "tests/src/load/peers.rs",
        "channel::tick(",
        "a benchmark measures how soon a program listens",
    ),
];

/// The pauses in `code`, as [`PAUSES`] calls them.
fn pauses(code: &str) -> Vec<&'static str> {
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code: String = lines.flat_map(str::chars).filter(|c| !c.is_whitespace()).collect();
    // Written apart, so that this file may name what it forbids.
    let words = [
        ("thread::sleep", ["thread::", "sleep("]),
        ("channel::tick(", ["channel::", "tick("]),
        (".wait_timeout(", [".wait_", "timeout("]),
        ("park_timeout", ["park_", "timeout("]),
        ("the program sleep", ["Command::new(\"", "sleep\""]),
    ];
    let mut found: Vec<&str> =
        words.iter().filter(|(_, word)| code.contains(&word.concat())).map(|word| word.0).collect();
    // The parts behind each `opening`, without what its brackets hold.
    let behind = |opening: &'static str| {
        code.match_indices(opening).map(|(at, _)| {
            let (mut depth, rest) = (1_i32, &code[at + opening.len()..]);
            let end = rest.find(|c| {
                depth += i32::from(c == '(') - i32::from(c == ')');
                depth == 0
            });
            end.map_or("", |end| &rest[end + 1..])
        })
    };
    let is_pause = |rest: &str| rest.starts_with(".recv()");
    if ["::after(", "=after(", ";after(", "{after("].iter().any(|own| behind(own).any(is_pause)) {
        found.push("after().recv()");
    }
    // A time is waited for, and what has come is nobody's.
    let is_dropped = |statement: &str| {
        (statement.starts_with("let_=") || statement.starts_with("drop("))
            && statement.contains("recv_timeout(")
    };
    if code.split([';', '{', '}']).any(is_dropped) {
        found.push("_=recv_timeout");
    }
    // An arm of a `select!` that only waits.
    let is_arm = |at: usize| code[..at].ends_with(['{', '}', ',']);
    let mut defaults = code.match_indices("default").filter(|(at, _)| is_arm(*at));
    if defaults.any(|(at, word)| {
        let rest = &code[at + word.len()..];
        let arm = rest.split_once("=>").filter(|(time, _)| {
            time.is_empty() || time.len() < 80 && time.starts_with('(') && time.ends_with(')')
        });
        arm.is_some_and(|(_, arm)| ["{}", "(),", "continue"].iter().any(|end| arm.starts_with(end)))
    }) {
        found.push("select's default");
    }
    found
}

/// Whoever waits waits for something, in the tests as elsewhere; a pause for its own sake has a reason.
#[test]
fn nobody_sleeps_under_another_name() {
    let samples = [
        ("let _ = crossbeam_channel::after(A).recv();", "after().recv()"),
        ("after(\n    pause(1),\n)\n.recv();", "after().recv()"),
        ("let _ = never.recv_timeout(A);", "_=recv_timeout"),
        ("drop(never.recv_timeout(A));", "_=recv_timeout"),
        ("select! { recv(never) -> _ => {}, default(A) => {} }", "select's default"),
        ("select! { default(A) => continue, }", "select's default"),
    ];
    for (code, name) in samples {
        assert_eq!(pauses(&format!("{{{code}")), [name], "{code}");
    }
    let waits = ["let line = told.recv_timeout(A);", "let end = after(A);", "// thread::sleep"];
    for code in waits {
        assert!(pauses(&format!("{{{code}")).is_empty(), "{code}");
    }
    let mut reasons = PAUSES.to_vec();
    for (name, text) in all_rust_files() {
        // Its samples are none.
        if name.ends_with("it/tidy.rs") {
            continue;
        }
        for pause in pauses(&text) {
            let reason = PAUSES.iter().find(|(file, own, _)| *file == name && *own == pause);
            assert!(reason.is_some(), "{name} has {pause}: wait for the thing itself");
            reasons.retain(|own| (own.0, own.1) != (&name, pause));
        }
    }
    assert!(reasons.is_empty(), "these reasons are for nothing: {reasons:#?}");
}

#[test]
fn the_table_of_contents_is_complete() {
    let contents = read("tests/it/main.rs");
    for (name, _) in rust_files("tests/it") {
        let module = Path::new(&name).file_stem().unwrap().to_str().unwrap().to_owned();
        assert!(
            module == "main" || contents.contains(&format!("mod {module};")),
            "{module} is not run"
        );
    }
    let seeds = read("tests/it/original_behaviours.rs");
    let rows =
        seeds.lines().filter(|line| line.starts_with("//! |")).collect::<Vec<_>>().join("\n");
    for line in seeds.lines().filter_map(|line| line.strip_prefix("fn ")) {
        let name = line.split('(').next().unwrap();
        let is_test = seeds.contains(&format!("#[test]\nfn {name}("));
        assert!(!is_test || rows.contains(name), "{name} has no row");
    }
}

#[test]
fn the_protocol_page_lists_everything() {
    let page = read("docs/protocol.md");
    for CommandSpec { word, clause, .. } in SPECS {
        let row = format!("| `{word}` | {} | ", with_links(clause));
        assert!(page.contains(&row), "docs/protocol.md lacks {row}");
    }
    for capability in Capability::ALL {
        let name = capability.name();
        assert!(
            page.contains(&format!("| `{name}` |")),
            "docs/protocol.md lacks the capability {name}"
        );
    }
    // A numeric has its specification, and a test in which it comes.
    let files = all_rust_files();
    for (numeric, name) in Numeric::ALL {
        let start = format!("| {numeric} | `{name}` | ");
        let row = page.lines().find_map(|line| line.strip_prefix(&start));
        let row = row.unwrap_or_else(|| panic!("docs/protocol.md lacks {start}"));
        let (shape, rest) = row.split_once(" | ").unwrap();
        assert_eq!(shape_of(*numeric), Some(shape.trim_matches('`')));
        let (_, test) = rest.split_once(" | ").unwrap();
        if *numeric == Numeric::ERR_UNKNOWNERROR {
            continue;
        }
        let (module, test) = test.trim_matches(['`', ' ', '|']).split_once("::").unwrap();
        let body = files.iter().find_map(|(_, text)| {
            let (_, body) = text.split_once(&format!("\nfn {test}("))?;
            body.split("\n}\n").next()
        });
        let body = body.unwrap_or_else(|| panic!("{module}::{test} is not there"));
        assert!(body.contains(&numeric.to_string()), "{numeric} does not come in {module}::{test}");
    }
    let n_rows = page.lines().filter(|line| line.contains("| `RPL_") || line.contains("| `ERR_"));
    assert_eq!(n_rows.count(), Numeric::ALL.len(), "docs/protocol.md has numerics of its own");
    let words = |heading: &str| {
        let table = page.split(heading).nth(1).unwrap().split("\n## ").next().unwrap();
        let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
        rows.map(str::to_owned).collect::<Vec<String>>()
    };
    let commands = words("## Commands");
    let n_commands =
        commands.iter().filter(|word| word.bytes().all(|byte| byte.is_ascii_uppercase()));
    assert_eq!(n_commands.filter(|word| word.len() > 1).count(), SPECS.len());
    assert_eq!(words("## Capabilities").len(), Capability::ALL.len());
}

/// A clause as the pages in `docs` write it: with a link to another of them.
fn with_links(clause: &str) -> String {
    let Some((before, page)) = clause.split_once("docs/") else { return clause.to_owned() };
    let (page, behind) = page.split_at(page.find(".md").expect("a page") + ".md".len());
    assert!(root().join("docs").join(page).exists(), "there is no page {page}");
    format!("{before}[{page}]({page}){behind}")
}

#[test]
fn the_readme_shows_the_example_that_is_tested() {
    let readme = read("README.md");
    let documented = read("chat-core/src/lib.rs");
    let example: Vec<&str> = documented
        .lines()
        .skip_while(|line| !line.contains("use chat_core::{ChatClient, ClientHandle"))
        .take_while(|line| !line.contains("```"))
        .filter_map(|line| line.strip_prefix("//!"))
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .filter(|line| !line.starts_with("# "))
        .collect();
    assert!(example.len() > 15);
    let example = example.join("\n").trim().to_owned();
    assert!(readme.contains(&example), "README.md does not contain:\n{example}");
}

#[test]
fn the_readme_promises_options_that_exist() {
    let readme = read("README.md");
    let args = [read("chat-cli/src/args.rs"), read("chat-server/src/main.rs")].concat();
    for word in
        readme.split(|c: char| !(c.is_alphanumeric() || c == '-')).filter(|w| w.starts_with("--"))
    {
        let field = word.trim_start_matches('-').replace('-', "_");
        let is_cargos = ["release", "locked", "package", ""].contains(&&*field);
        assert!(is_cargos || args.contains(&format!("{field}:")), "README.md speaks of {word}");
    }
}

/// A rule is held by a test, under the name the page gives it.
#[test]
fn the_tests_that_pages_name_exist() {
    let files = all_rust_files();
    let has = |module: &str, test: &str| {
        files.iter().any(|(name, text)| {
            let path = name.trim_end_matches(".rs").trim_end_matches("/mod");
            let is_module = path.ends_with(&format!("/{module}"));
            is_module && text.contains(&format!("fn {test}("))
        })
    };
    let mut n_named = 0;
    for page in [
        "ARCHITECTURE.md",
        "docs/SECURITY.md",
        "docs/protocol.md",
        "tests/it/original_behaviours.rs",
    ] {
        let text = read(page);
        let is_read = |line: &&str| page == "docs/SECURITY.md" || line.contains("| ");
        let named = text.lines().filter(is_read).flat_map(|line| line.split('`'));
        for (module, test) in named.filter_map(|word| word.split_once("::")) {
            let test = test.trim_start_matches("tests::");
            let is_test = test.len() > 15 && test.contains('_') && !test.contains(['(', ':', ' ']);
            if is_test {
                n_named += 1;
                assert!(has(module, test), "{page} names {module}::{test}, which is not there");
            }
        }
    }
    assert!(n_named >= 40, "only {n_named} tests are named");
}

/// All threads meet the GTK main loop in one file.
#[test]
fn only_the_bridge_knows_threads() {
    for (name, text) in rust_files("chat-gtk/src") {
        for word in ["async_channel", "spawn_blocking", "std::thread", "send_blocking", "mpsc"] {
            let is_bridge = name.ends_with("/bridge.rs");
            assert!(is_bridge || !text.contains(word), "{name} uses {word}");
        }
    }
}

/// The server as a library leaves the process to its owner.
#[test]
fn the_library_owns_nothing_of_the_process() {
    let files = rust_files("chat-server/src");
    for (name, text) in files.iter().filter(|(name, _)| !name.ends_with("/main.rs")) {
        for word in
            ["static ", "signal_hook", "set_logger", "set_hook", "process::exit", "println!"]
        {
            let mut code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            let used = code.find(|line| line.replace("'static ", "").contains(word));
            assert!(used.is_none(), "{name} has {used:?}");
        }
    }
}

#[test]
fn examples_are_short_enough_to_copy() {
    let examples = rust_files("chat-core/examples");
    assert!(examples.len() >= 4);
    for (name, text) in examples {
        assert!(text.lines().count() < 60, "{name} has {} lines", text.lines().count());
    }
}

/// The first command of the README needs a Rust toolchain and nothing else.
#[test]
fn the_first_command_runs_the_terminal_program_without_a_desktop() {
    assert!(read("Cargo.toml").contains("default-members = [\"chat-cli\"]"));
    let tree =
        std::process::Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args([
                "tree",
                "--package",
                "chat-cli",
                "--edges",
                "normal,build",
                "--locked",
                "--offline",
            ])
            .current_dir(root())
            .output()
            .unwrap();
    let tree = String::from_utf8(tree.stdout).unwrap();
    assert!(tree.contains("chat-server"), "{tree}");
    for package in ["gtk", "glib"] {
        assert!(!tree.contains(package), "chat-cli needs {package}");
    }
}

#[test]
fn the_readme_shows_the_server_that_is_tested() {
    let documented = read("chat-server/src/lib.rs");
    let example = documented.lines().filter_map(|line| line.strip_prefix("//! "));
    let wanted = ["config.listen =", "server.addresses()", "server.stop();", "server.join()?;"];
    let lines: Vec<&str> = example.filter(|line| wanted.iter().any(|w| line.contains(w))).collect();
    assert_eq!(lines.len(), wanted.len());
    let readme = read("README.md");
    for line in lines {
        assert!(readme.contains(line), "README.md does not contain {line}");
    }
}

/// A query that tells records to somebody is made by `readable::select`, which has the one filter of what may be read; what
/// the store looks up for itself tells no more than where a record is, or stands here.
#[test]
fn every_record_that_is_told_passes_the_one_filter() {
    /// Queries that read more and tell it to nobody who asks: their file, and how they begin.
    const FOR_THE_STORE: [(&str, &str); 12] = [
        // An export is for whoever has the folder.
        ("transfer.rs", "own.time, own.random, own.kind, own.part, own.text,"),
        // The index of words takes the texts, and gives them up.
        ("search.rs", "id, text"),
        ("search.rs", "id, indexed(text)"),
        ("search.rs", "'delete', id, text"),
        // What a message was before it is changed, and what is known of one that is sent again.
        ("append.rs", "kind, extra"),
        ("append.rs", "records.id, time, random, kind"),
        ("append.rs", "time, random"),
        ("append.rs", "1"),
        // How much there is.
        ("retention.rs", "octet_length(text) + ifnull(octet_length(extra), 0) AS size"),
        ("retention.rs", "id, sender"),
        ("retention.rs", "id, sum(octet_length(text)) OVER (ORDER BY id DESC) AS total"),
        (
            "upkeep.rs",
            "time < lag(time) OVER by_id AND id >> {PLACE_BITS} = lag(id) OVER by_id >> {PLACE_BITS} AS is_earlier",
        ),
    ];
    let of_places = ["id", "time", "kind", "1", "count(*)", "max(id)", "records.id"];
    let mut n_found = 0;
    for (name, text) in rust_files("chat-server/src/store") {
        let file = Path::new(&name).file_name().unwrap().to_str().unwrap();
        if file == "schema.rs" || file == "readable.rs" {
            continue;
        }
        let code = text.split("#[cfg(test)]").next().unwrap();
        let code = code.split_whitespace().collect::<Vec<_>>().join(" ");
        for query in code.split("SELECT ").skip(1) {
            let Some((columns, from)) = query.split_once(" FROM ") else { continue };
            let is_of = |table: &str| {
                let rest = from.strip_prefix(table).unwrap_or("x");
                !rest.starts_with(|sign: char| sign.is_alphanumeric() || sign == '_')
            };
            let joins = from.split('"').next().unwrap().contains("JOIN records");
            if !is_of("records") && !is_of("texts") && !is_of("words") && !joins {
                continue;
            }
            n_found += 1;
            let is_listed = FOR_THE_STORE
                .iter()
                .any(|(own, beginning)| *own == file && columns.starts_with(beginning));
            let is_a_place = columns.split(", ").all(|column| of_places.contains(&column));
            assert!(is_listed || is_a_place, "{name} reads past the filter: SELECT {columns}");
        }
        // Who said it, and what, is told through the filter alone.
        let n_joins = code.matches("JOIN senders").count();
        let n_filtered = code.matches("JOIN senders ON senders.id = records.sender\"").count();
        let is_listed = ["transfer.rs", "append.rs"].contains(&file);
        assert!(is_listed || n_joins == n_filtered, "{name} joins senders by itself");
    }
    assert!(n_found > 15, "the queries are not found: {n_found}");
}
