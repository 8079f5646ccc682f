//! The walls of the house: which room may call which, no circles, no type that knows everything.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use chat_tests::structure::{Structure, circles};

/// Fields of a type, and methods, above which it needs a reason beside it.
const N_FIELDS_MAX: usize = 12;
const N_METHODS_MAX: usize = 60;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

fn source(package: &str) -> PathBuf {
    root().join(package).join("src")
}

/// The rooms of the server from above to below, as ARCHITECTURE.md shows them: a folder or a file each, below
/// `chat-server/src`. Each may use those below it, and none above.
fn rooms() -> Vec<String> {
    let page = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("the page is text");
    let (_, chapter) = page.split_once("## The rooms of the server").expect("the chapter is there");
    let picture = chapter.split("```text").nth(1).and_then(|own| own.split("```").next());
    let picture = picture.expect("the picture is there");
    let words = picture.lines().filter_map(|line| line.split_whitespace().next());
    words.map(str::to_owned).collect()
}

/// The room that a file is in, by its place in the list; none for the crate's own file, which only declares.
fn room_of(rooms: &[String], file: &str) -> Option<usize> {
    let stem = file.trim_end_matches(".rs");
    if stem == "lib" {
        return None;
    }
    let mut words = stem.split('/');
    let (first, second) = (words.next().expect("a file has a name"), words.next());
    let room = match (first, second) {
        ("hub", Some(second)) => format!("hub/{second}"),
        (first, _) => first.to_owned(),
    };
    let place = rooms.iter().position(|own| *own == room);
    Some(place.unwrap_or_else(|| panic!("{file} is in no room of ARCHITECTURE.md: give it one")))
}

#[test]
fn a_room_uses_only_the_rooms_below_it() {
    let (structure, rooms) = (Structure::of(&source("chat-server")), rooms());
    let mut upward = Vec::new();
    for (from, leads_to) in &structure.imports {
        for to in leads_to {
            if let (Some(above), Some(below)) = (room_of(&rooms, from), room_of(&rooms, to))
                && above > below
            {
                upward.push(format!("{from} imports from {to}"));
            }
        }
    }
    for ((from, to), names) in &structure.calls {
        if let (Some(above), Some(below)) = (room_of(&rooms, from), room_of(&rooms, to))
            && above > below
        {
            upward.push(format!("{from} calls {names:?} of {to}"));
        }
    }
    assert!(upward.is_empty(), "a room may use those below it only: {upward:#?}");
    assert!(structure.calls.len() > 100, "calls are found: {}", structure.calls.len());
}

/// The parts of the hub that have walls of their own.
const PARTS: [&str; 4] = ["accounts", "awaited", "people", "rooms"];

/// Methods of one part that the hub has for others: its face.
const PUBLIC: [&str; 8] = [
    "begin_after",
    "load_conversation",
    "n_checks",
    "n_pending",
    "n_people",
    "n_rooms",
    "registered_rooms",
    "room_of",
];

#[test]
fn what_one_part_can_do_alone_is_no_method_of_the_hub() {
    let (structure, rooms) = (Structure::of(&source("chat-server")), rooms());
    // A type of a room above the state, such as a turn, is no part's.
    let state = room_of(&rooms, "hub/state/mod.rs");
    let is_above =
        |name: &String| structure.types.get(name).is_some_and(|own| room_of(&rooms, own) < state);
    let is_type = |name: &&String| name.starts_with(char::is_uppercase);
    let mut alone = Vec::new();
    for ((_, method), used) in structure.uses.iter().filter(|((owner, _), _)| owner == "Hub") {
        let (types, own): (Vec<&String>, Vec<&String>) = used.iter().partition(is_type);
        let is_partial = own.len() == 1 && PARTS.contains(&&**own[0]);
        if is_partial && !types.into_iter().any(is_above) && !PUBLIC.contains(&&**method) {
            alone.push(format!("{method} uses its {} only", own[0]));
        }
    }
    assert!(alone.is_empty(), "a method of that part: {alone:#?}");
}

#[test]
fn no_circle_has_more_than_two_files() {
    // In the SDK, a command, its row and its parser are of one piece, so that a command more is few files.
    for (package, n_max) in [("chat-server", 2), ("chat-core", 3), ("chat-cli", 2), ("chat-gtk", 2)]
    {
        let edges = Structure::of(&source(package)).edges();
        let large: Vec<_> =
            circles(&edges).into_iter().filter(|circle| circle.len() > n_max).collect();
        assert!(large.is_empty(), "{package}: {large:#?}");
    }
}

#[test]
fn a_circle_of_three_is_found() {
    let names = |names: &[&str]| names.iter().map(|own| (*own).to_owned()).collect::<BTreeSet<_>>();
    let edges: BTreeMap<_, _> = [("a", &["b"]), ("b", &["c"]), ("c", &["a"]), ("d", &["a"])]
        .map(|(from, to)| (from.to_owned(), names(to)))
        .into();
    assert_eq!(circles(&edges), [["a", "b", "c"]]);
}

/// The types of a package that are large and do not say why: a comment `// More than 12 fields: ...` or
/// `// More than 60 methods: ...` stands above them.
fn large_types(package: &str) -> Vec<String> {
    let structure = Structure::of(&source(package));
    let text = all_text(&source(package));
    let mut large = Vec::new();
    let fields = structure.n_fields.iter().filter(|(_, n)| **n > N_FIELDS_MAX);
    for (name, n) in fields {
        if !has_reason(&text, name, &format!("// More than {N_FIELDS_MAX} fields: ")) {
            large.push(format!("{package}: {name} has {n} fields"));
        }
    }
    for (name, methods) in structure.methods.iter().filter(|(_, own)| own.len() > N_METHODS_MAX) {
        if !has_reason(&text, name, &format!("// More than {N_METHODS_MAX} methods: ")) {
            large.push(format!("{package}: {name} has {} methods", methods.len()));
        }
    }
    large
}

/// Whether the comments and attributes right above a type's definition have that.
fn has_reason(text: &str, name: &str, reason: &str) -> bool {
    let lines: Vec<&str> = text.lines().collect();
    let words = [format!("struct {name} "), format!("struct {name}<"), format!("enum {name} ")];
    lines.iter().enumerate().any(|(at, line)| {
        words.iter().any(|own| line.contains(own))
            && lines[..at]
                .iter()
                .rev()
                .map(|above| above.trim_start())
                .take_while(|above| above.starts_with("//") || above.starts_with("#["))
                .any(|above| above.starts_with(reason))
    })
}

fn all_text(folder: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).expect("the folder is there").flatten() {
        let path = entry.path();
        if path.is_dir() {
            text += &all_text(&path);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text += &fs::read_to_string(&path).expect("the file is text");
        }
    }
    text
}

#[test]
fn a_large_type_has_its_reason_beside_it() {
    let packages = ["chat-server", "chat-core", "chat-cli", "chat-gtk"];
    let large: Vec<String> = packages.into_iter().flat_map(large_types).collect();
    assert!(large.is_empty(), "make two of it, or say why not above it: {large:#?}");
}

#[test]
fn every_room_is_there_and_says_what_it_is_for() {
    for room in rooms() {
        let folder = source("chat-server").join(&room);
        let file =
            if folder.is_dir() { folder.join("mod.rs") } else { folder.with_extension("rs") };
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{room}: {error}"));
        let first = text.lines().next().unwrap_or_default();
        let has_sentence = first.strip_prefix("//! ").is_some_and(|own| own.len() > 20);
        assert!(has_sentence, "{room} does not open with its purpose: {first:?}");
    }
}
