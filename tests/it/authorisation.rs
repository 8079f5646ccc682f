//! The table of who may do what in a room, cell by cell.

use chat_server::hub::{
    Door,
    policy::{Claim, Openness, Presence, Right, Standing, Visibility},
};
use chat_tests::{
    operators::with_root,
    world::{SimLog, World},
};

/// The heads of the columns, and the rights that they are about.
const RIGHTS: [(&str, Right); 14] = [
    ("reads its history", Right::ReadHistory),
    ("searches it", Right::Search),
    ("deletes another's message", Right::DeleteOthers),
    ("deletes their own", Right::DeleteOwn),
    ("edits their own", Right::EditOwn),
    ("edits another's", Right::EditOthers),
    ("reads its metadata", Right::ReadMetadata),
    ("lists its members", Right::ListMembers),
    ("reads what was done in it", Right::ReadAuditLog),
    ("sets its metadata", Right::SetMetadata),
    ("sets its topic", Right::SetTopic),
    ("invites others", Right::Invite),
    ("removes others", Right::Operate),
    ("rules it through ChanServ", Right::OperateByService),
];

/// The heads of the rows, how those who try are called, and their standing.
const ROLES: [(&str, &str, Standing); 7] = [
    ("member", "bob", standing(Presence::Member)),
    ("former member", "carl", standing(Presence::Outside)),
    ("invited", "dora", standing(Presence::Outside)),
    ("stranger", "eve", standing(Presence::Outside)),
    ("operator", "fred", standing(Presence::Operator)),
    (
        "operator by account, outside",
        "gwen",
        Standing { claim: Claim::Operator, ..standing(Presence::Outside) },
    ),
    (
        "operator of the server",
        "root",
        Standing { is_server_operator: true, ..standing(Presence::Outside) },
    ),
];

/// The openness of the room that it is tried in.
const DEN: Openness = Openness {
    visibility: Visibility::Secret,
    has_operator_topic: true,
    is_invite_only: true,
    is_lobby: false,
};

const fn standing(presence: Presence) -> Standing {
    Standing { presence, claim: Claim::Nothing, is_server_operator: false }
}

const CAPABILITIES: &str = "batch message-tags echo-message draft/chathistory \
     draft/message-redaction chat.local/edit chat.local/search standard-replies";

fn say(world: &mut World, name: &str, line: &str) -> Vec<String> {
    let before = world.lines(name).len();
    world.send_bytes(name, format!("{line}\r\n").as_bytes());
    world.settle();
    world.lines(name)[before..].to_vec()
}

fn msgid_of(lines: &[String]) -> String {
    let id = lines.iter().find_map(|line| line.split("msgid=").nth(1)?.split([';', ' ']).next());
    id.expect("an echo has an id").to_owned()
}

/// A room with people around it, and the ids of a message of the founder's and of one of each of them.
fn room() -> (World, String, Vec<String>) {
    let mut world = World::new(7, SimLog::default(), with_root);
    let names = ROLES.iter().map(|(_, name, _)| *name);
    for name in names.clone().chain(["ann", "mia", "zoe"]) {
        world.open(name, Door::Irc);
        say(&mut world, name, &format!("CAP REQ :{CAPABILITIES}"));
        say(&mut world, name, &format!("NICK {name}\r\nUSER u 0 * :R\r\nCAP END"));
    }
    say(&mut world, "root", "OPER root rootrootroot");
    say(&mut world, "ann", "NS REGISTER correcthorse");
    say(&mut world, "ann", "JOIN #den\r\nMETADATA #den SET url :https://example.org");
    let own = msgid_of(&say(&mut world, "ann", "PRIVMSG #den :secret words of the founder"));
    let mut others = Vec::new();
    for name in names {
        say(&mut world, name, "JOIN #den");
        others.push(msgid_of(&say(&mut world, name, "PRIVMSG #den :secret words")));
    }
    say(&mut world, "mia", "JOIN #den");
    say(&mut world, "ann", "MODE #den +sio fred");
    say(&mut world, "gwen", "NS REGISTER correcthorse");
    say(&mut world, "ann", "CS OP #den gwen");
    say(&mut world, "gwen", "PART #den");
    for name in ["carl", "dora", "eve", "root"] {
        say(&mut world, "ann", &format!("KICK #den {name}"));
    }
    say(&mut world, "ann", "INVITE dora #den");
    (world, own, others)
}

/// Whether somebody may do it: by what they are told, and by what others see.
fn may(role: usize, deed: &str) -> bool {
    let (mut world, founders, others) = room();
    let (name, own) = (ROLES[role].1, &others[role]);
    let line = match deed {
        "reads its history" => "CHATHISTORY LATEST #den * 20".to_owned(),
        "searches it" => "SEARCH in=#den;text=founder".to_owned(),
        "deletes another's message" => format!("REDACT #den {founders}"),
        "deletes their own" => format!("REDACT #den {own}"),
        "edits their own" => format!("EDIT #den {own} :other words"),
        "edits another's" => format!("EDIT #den {founders} :other words"),
        "reads its metadata" => "METADATA #den GET url".to_owned(),
        "lists its members" => "NAMES #den\r\nWHO #den\r\nWHO *\r\nLIST\r\nWHOIS fred".to_owned(),
        "reads what was done in it" => "CS LOG #den".to_owned(),
        "sets its metadata" => "METADATA #den SET url :https://example.com".to_owned(),
        "sets its topic" => "TOPIC #den :another topic".to_owned(),
        "invites others" => "INVITE zoe #den".to_owned(),
        "removes others" => "KICK #den mia".to_owned(),
        "rules it through ChanServ" => "CS MUTE #den mia".to_owned(),
        other => unreachable!("{other} is no column"),
    };
    let before = world.lines("ann").len();
    let told = say(&mut world, name, &line);
    let has = |word: &str| told.iter().any(|line| line.contains(word));
    let sees = |word: &str| world.lines("ann")[before..].iter().any(|line| line.contains(word));
    let seen = world.lines("ann")[before..].iter().any(|line| {
        line.contains(&format!(":{name}!"))
            && (line.contains(" REDACT #den ") || line.contains(" EDIT #den "))
    });
    match deed {
        "reads its history" | "searches it" => has("words of the founder"),
        "reads its metadata" => has("https://example.org"),
        "lists its members" => {
            let lists = has(" 353 ")
                || told.iter().any(|line| line.contains(" 352 ") && line.contains(" #den "));
            // Nor is it said in another way that the room is there: the ends of lists repeat what was asked for.
            let is_end = |line: &&String| line.contains(" 366 ") || line.contains(" 315 ");
            let n_told = told.iter().filter(|line| line.contains("#den") && !is_end(line)).count();
            assert!(lists || n_told == 0, "{name}: {told:#?}");
            lists
        }
        "reads what was done in it" => has("ann sets +sio fred"),
        "sets its metadata" => has(" 761 "),
        "sets its topic" => sees(" TOPIC #den "),
        "invites others" => has(" 341 "),
        "removes others" => sees(" KICK #den mia "),
        "rules it through ChanServ" => sees(" MODE #den +b ~m:"),
        _ => {
            // What may not be known is answered as what is not there.
            assert!(seen || has("FAIL "), "{name}: {told:#?}");
            seen
        }
    }
}

#[test]
fn every_cell_of_the_table_holds() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/authorisation.md");
    let page = std::fs::read_to_string(page).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| "));
    let mut rows = rows
        .map(|line| -> Vec<&str> { line.trim_matches('|').split('|').map(str::trim).collect() });
    let head = rows.next().unwrap();
    assert_eq!(head[1..], RIGHTS.map(|(column, _)| column), "the columns are those that are tried");
    let rows: Vec<_> = rows.filter(|row| !row[0].starts_with("---")).collect();
    let names: Vec<&str> = rows.iter().map(|row| row[0]).collect();
    assert_eq!(names, ROLES.map(|(role, ..)| role), "the rows are those who try");
    for (role, row) in rows.iter().enumerate() {
        for ((deed, right), cell) in RIGHTS.iter().zip(&row[1..]) {
            let is_so = may(role, deed);
            assert_eq!(*cell == "yes", is_so, "{}: {deed}", row[0]);
            assert!(is_so || *cell == "no", "{cell} is no answer");
            let is_given = right.is_given(ROLES[role].2, DEN);
            assert_eq!(is_given, is_so, "the policy says otherwise: {}: {deed}", row[0]);
        }
    }
}

/// A rule that no test holds is a wish.
#[test]
fn each_rule_has_its_test() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let page = std::fs::read_to_string(format!("{root}/docs/authorisation.md")).unwrap();
    let (_, rules) = page.split_once("\n## Rules\n").unwrap();
    let rules: Vec<&str> = rules.split("\n* **").skip(1).collect();
    assert!(rules.len() >= 3, "{rules:#?}");
    for rule in rules {
        let names = rule.split('`').skip(1).step_by(2).filter(|word| word.contains("::"));
        let names: Vec<&str> = names.collect();
        assert!(!names.is_empty(), "no test is named: {rule}");
        for name in names {
            let (file, test) = name.split_once("::").unwrap();
            let source = format!("{root}/tests/it/{file}.rs");
            let source = std::fs::read_to_string(source).unwrap_or_default();
            assert!(source.contains(&format!("#[test]\nfn {test}()")), "there is no test {name}");
        }
    }
}
