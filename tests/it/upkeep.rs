//! The upkeep of messages by whoever runs a server: how long they are kept, copies, export and import, and whether
//! all is sound.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use chat_core::proto::MessageKind;
use chat_server::{
    Config, Server,
    delivery::{self, Content, Event, RecordContent},
    history::{Answer, Asker, Query, Selection, Shows},
    hub::Hub,
    ids::{ConversationId, Ticket},
    record::RecordEvent,
    room_log::{Appender, Change, Conversation, ConversationMark, LogOutcome, Record, RoomLog},
    store::{
        self, Durability, LocalLog, Moved, Report, Retention, Rule, StoreError, TransferError,
    },
};
use chat_tests::{
    PATIENCE, TestClient, TestServer, conversation, folder::TempFolder, poll, program::Program,
};

#[expect(clippy::disallowed_methods, reason = "retention goes by the time of the day")]
fn now() -> SystemTime {
    SystemTime::now()
}

/// A store that is written to directly.
struct Store {
    log: LocalLog,
    answers: crossbeam_channel::Receiver<LogOutcome>,
    /// The conversations of rooms when it was opened.
    named: Vec<(ConversationId, Arc<str>)>,
    n_asked: u64,
}

impl Store {
    fn open(folder: &Path, retention: Retention) -> Self {
        let mut log = LocalLog::open(folder, Durability::Relaxed).unwrap().retaining(retention);
        let named = log.conversations();
        let (to_hub, answers) = crossbeam_channel::unbounded();
        log.start(Appender::to_channel(to_hub)).unwrap();
        Self { log, answers, named, n_asked: 0 }
    }

    fn append(
        &mut self,
        conversation: Conversation,
        at: SystemTime,
        content: RecordContent,
    ) -> Arc<str> {
        self.n_asked += 1;
        let since = at.duration_since(UNIX_EPOCH).unwrap().as_millis();
        let msgid: Arc<str> = format!("{since:011x}{:013x}", self.n_asked).into();
        let event = RecordEvent::new(content, at, Arc::clone(&msgid), delivery::Sender::default());
        let nonce = Some(format!("nonce{}", self.n_asked).into());
        let record =
            Arc::new(Record { conversation, by: "=ann".into(), event, nonce, changes: Vec::new() });
        self.log.append(Ticket(self.n_asked), &record);
        match self.answers.recv_timeout(PATIENCE).unwrap() {
            LogOutcome::Appended { outcome, .. } => outcome.unwrap(),
            other => panic!("{other:?}"),
        }
        msgid
    }

    /// The conversation of a room, by the name it had when this was opened.
    fn conversation(&self, room: &str) -> ConversationId {
        let named = self.named.iter().find(|(_, name)| **name == *room);
        named.map_or_else(|| conversation(room), |(own, _)| *own)
    }

    fn say(&mut self, room: &str, at: SystemTime, text: &str) -> Arc<str> {
        let content = RecordContent::Message {
            source: "ann!u@h".into(),
            kind: MessageKind::Privmsg,
            target: room.into(),
            text: text.into(),
            tags: "".into(),
        };
        self.append(Conversation::Room(self.conversation(room)), at, content)
    }

    /// The texts that are there of a room.
    fn texts(&mut self, room: &str) -> Vec<String> {
        self.n_asked += 1;
        let query = Query::Page {
            conversation: Conversation::Room(self.conversation(room)),
            shown: Some(room.into()),
            selection: Selection::Latest(None),
            limit: 10_000,
            bytes_max: usize::MAX,
            rank: 2,
            ranked_after: UNIX_EPOCH,
            shows: Shows { context: true, changes: true, ..Shows::default() },
        };
        self.log.query(Ticket(self.n_asked), Asker::default(), query);
        let LogOutcome::Queried { answer: Ok(Answer::Page(told)), .. } =
            self.answers.recv_timeout(PATIENCE).unwrap()
        else {
            panic!("there was no answer")
        };
        let text = |event: &Event| match &event.content {
            Content::Record(
                RecordContent::Message { text, .. } | RecordContent::Edit { text, .. },
            ) => text.to_string(),
            other => format!("{other:?}"),
        };
        told.iter().map(|told| text(&told.event)).collect()
    }

    /// Waits until a room has so many records; what they say.
    #[track_caller]
    fn wait_for(&mut self, room: &str, n: usize) -> Vec<String> {
        poll(|| {
            let texts = self.texts(room);
            let n_left = texts.len();
            (n_left == n).then_some(texts).ok_or_else(|| format!("{n} were to be left of {n_left}"))
        })
    }
}

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn what_is_too_old_or_too_much_is_deleted() {
    let folder = TempFolder::new("retention");
    let (old, new) = (now() - 3 * HOUR, now() - HOUR);
    let mut store = Store::open(folder.path(), Retention::default());
    for number in 0..1200_u64 {
        store.say("#aged", old + Duration::from_millis(number), &format!("old {number}"));
    }
    let first = store.say("#aged", new, "new");
    store.say("#gone", old, "all of it is old");
    for number in 0..30_u64 {
        store.say(
            "#big",
            old + Duration::from_millis(number),
            &format!("ten bytes{}", number % 10),
        );
    }
    store.say("#kept", old, "for ever");
    let edit = RecordContent::Edit {
        source: "ann!u@h".into(),
        target: "#aged".into(),
        edited: first,
        text: "newer".into(),
    };
    store.append(Conversation::Room(conversation("#aged")), new, edit);
    // Of what is over nobody can ask.
    store.say("#over", new, "it has ended");
    store.log.mark(ConversationMark::Ended { conversation: conversation("#over") });
    drop(store);
    let rule = |age, bytes| Rule { age, bytes };
    let retention = Retention {
        everywhere: rule(Some(2 * HOUR), None),
        rooms: [("#big".to_owned(), rule(None, Some(55))), ("#kept".to_owned(), Rule::default())]
            .into(),
        ..Retention::default()
    };
    let mut store = Store::open(folder.path(), retention);
    assert_eq!(store.wait_for("#aged", 2), ["newer", "newer"]);
    assert_eq!(store.wait_for("#gone", 0), Vec::<String>::new());
    let kept = store.wait_for("#big", 5);
    assert_eq!(kept.first().map(String::as_str), Some("ten bytes5"));
    assert_eq!(store.texts("#kept"), ["for ever"]);
    // And it goes on.
    store.say("#gone", now(), "again");
    assert_eq!(store.texts("#gone"), ["again"]);
    drop(store);
    let report = check(folder.path()).unwrap();
    assert_eq!(report.problems, Vec::<String>::new());
    assert_eq!(report.n_records, 2 + 5 + 1 + 1);
    assert_eq!(report.n_conversations, 4, "{report:?}");
}

fn exported(folder: &Path, rooms: &[String], with_settings: bool) -> (Moved, String) {
    let mut out = Vec::new();
    let moved = store::export(folder, rooms, with_settings, &mut out).unwrap();
    (moved, String::from_utf8(out).unwrap())
}

fn check(folder: &Path) -> Result<Report, StoreError> {
    store::check(folder, &Hub::can_load, now())
}

fn import(folder: &Path, lines: &str) -> Result<Moved, TransferError> {
    store::import(folder, &mut lines.as_bytes(), &Hub::can_load)
}

/// All that is there comes out, and in again somewhere else.
#[test]
fn what_is_exported_can_be_imported() {
    let folder = TempFolder::new("export");
    let mut store = Store::open(folder.path(), Retention::default());
    let at = now() - HOUR;
    let first = store.say("#x", at, "one \u{1f980} \"quoted\"");
    store.say("#y", at, "elsewhere");
    let redact = RecordContent::Redact {
        source: "ann!u@h".into(),
        target: "#x".into(),
        redacted: first,
        reason: Some("why not".into()),
    };
    store.append(Conversation::Room(conversation("#x")), at, redact);
    let direct = RecordContent::Message {
        source: "ann!u@h".into(),
        kind: MessageKind::Notice,
        target: "bob".into(),
        text: "between us".into(),
        tags: "+a=b".into(),
    };
    store.append(Conversation::Direct("=ann".into(), "=bob".into()), at, direct);
    let value = r#"{"name":"ann","since":1}"#.into();
    let change = Change::Set { path: "account\nann".into(), value };
    store.log.persist(Ticket(99), &[change].into());
    store.answers.recv_timeout(PATIENCE).unwrap();
    // Also while somebody writes to it.
    let (moved, all) = exported(folder.path(), &[], true);
    assert_eq!(moved, Moved { n_records: 4, n_conversations: 3, n_settings: 1 });
    let (moved, some) = exported(folder.path(), &["#y".to_owned()], false);
    assert_eq!(moved, Moved { n_records: 1, n_conversations: 1, n_settings: 0 });
    assert!(some.contains("elsewhere") && !some.contains("between us"), "{some}");
    drop(store);

    let other = TempFolder::new("import");
    let moved = import(other.path(), &all).unwrap();
    assert_eq!(moved, Moved { n_records: 4, n_conversations: 3, n_settings: 1 });
    assert_eq!(exported(other.path(), &[], true).1, all);
    assert_eq!(check(other.path()).unwrap().problems, Vec::<String>::new());
    let mut store = Store::open(other.path(), Retention::default());
    assert_eq!(store.texts("#y"), ["elsewhere"]);
    assert_eq!(store.log.load().len(), 1);
    store.say("#y", now(), "and on");
    drop(store);
    // Twice it does not fit, and nothing of it is taken.
    let refused = import(other.path(), &all).unwrap_err().to_string();
    assert!(refused.contains("earlier than what is there already"), "{refused}");
    assert_eq!(check(other.path()).unwrap().n_records, 5);
    let conversation = r##"{"type":"conversation","names":["#z"]}"##;
    let record = |msgid: &str, more: &str| {
        format!(
            r##"{{"type":"record","time":"2026-01-01T00:00:00.000Z","msgid":"{msgid}","kind":1,"source":"a!b@c","text":"x"{more}}}"##
        )
    };
    let id = format!("{:011x}{:013x}", 1_767_225_600_000_u64, 1);
    for (lines, number, why) in [
        ("nonsense".to_owned(), 1, "no line of an export"),
        (record(&id, ""), 1, "behind its conversation"),
        (format!("{conversation}\n\n{}", record("abc", "")), 3, "not one of that time"),
        (
            format!("{conversation}\n{}", record(&id, r#","about":"abc""#)),
            2,
            "is about another one",
        ),
        (
            format!("{conversation}\n{}", record(&id, r#","colour":"red""#)),
            2,
            "no line of an export",
        ),
    ] {
        match import(other.path(), &lines) {
            Err(TransferError::Line { number: own, what }) => {
                assert!(own == number && what.contains(why), "{own}: {what}");
            }
            other => panic!("{other:?}"),
        }
    }
    for names in [r#"["room"]"#, r##"["#ROOM"]"##, r#"["=b","=a"]"#, r#"["=a","b"]"#, "[]"] {
        let line = format!(r#"{{"type":"conversation","names":{names}}}"#);
        let refused = import(other.path(), &line).unwrap_err().to_string();
        assert!(refused.contains("neither a room nor two people"), "{names}: {refused}");
    }
    // What a server could not start with is not taken.
    let line = r#"{"type":"state","path":["account","x"],"value":5}"#;
    let refused = import(other.path(), line).unwrap_err().to_string();
    assert!(refused.contains("cannot be read") && refused.contains("nothing was imported"));
    assert_eq!(check(other.path()).unwrap().n_conversations, 3);
    import(other.path(), &format!("{conversation}\n{}", record(&id, ""))).unwrap();
}

/// An export of a version that knew conversations by their names comes in, and out again as it was: a number is of one store.
#[test]
fn what_an_older_program_has_exported_can_be_imported() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/store/version-7.jsonl");
    let lines = std::fs::read_to_string(path).unwrap();
    let sorted = |lines: &str| {
        let mut lines: Vec<String> = lines.lines().map(str::to_owned).collect();
        // A room in which nothing was said has been read up to.
        lines.retain(|line| !line.contains(r##"["#quiet"]"##));
        lines.sort();
        lines
    };
    let folder = TempFolder::new("import-7");
    let moved = import(folder.path(), &lines).unwrap();
    assert_eq!(moved.n_records, 36);
    let (_, first) = exported(folder.path(), &[], true);
    assert_eq!(sorted(&first), sorted(&lines));
    assert_eq!(check(folder.path()).unwrap().problems, Vec::<String>::new());
    // Beside what is there already, and in another store it gets other numbers.
    let other = TempFolder::new("import-7-again");
    let mut store = Store::open(other.path(), Retention::default());
    store.say("#second", UNIX_EPOCH + HOUR, "long ago");
    drop(store);
    import(other.path(), &first).unwrap();
    let mut store = Store::open(other.path(), Retention::default());
    assert_eq!(store.texts("#second").first().map(String::as_str), Some("long ago"));
    let own = store.conversation("#second");
    let of_second = format!("marker\n=bob\n{}", own.number());
    assert!(store.log.load().iter().any(|(path, _)| **path == *of_second));
    let names: Vec<Arc<str>> = store.named.iter().map(|(_, name)| Arc::clone(name)).collect();
    assert_eq!(names.iter().filter(|name| ***name == *"#second").count(), 1);
    drop(store);
    let problems = check(other.path()).unwrap().problems;
    assert_eq!(problems, Vec::<String>::new());
}

/// The bytes of the database's file.
fn file_bytes(folder: &Path) -> u64 {
    std::fs::metadata(folder.join("chat.db")).unwrap().len()
}

/// What the store holds altogether has a bound: who fills it fills it with their own, and nothing of the others goes.
#[test]
fn the_store_has_a_bound_and_who_fills_it_gives_first() {
    const TOTAL: u64 = 4_000_000;
    let folder = TempFolder::new("bound");
    let rules = Retention { total: TOTAL, ..Retention::default() };
    let mut store = Store::open(folder.path(), rules);
    for number in 0..50_u64 {
        store.say("#small", now() - 100 * HOUR + Duration::from_millis(number), "long ago");
    }
    // Five times as much as there may be, from three rooms, one of which nobody else may enter.
    let text = "many words that are not worth much ".repeat(30);
    for number in 0..20_000_u64 {
        let room = ["#loud", "#louder", "#shut"][usize::try_from(number % 3).unwrap()];
        store.say(room, now(), &format!("{number} {text}"));
        if number == 3 {
            store.log.mark(ConversationMark::Closed {
                conversation: store.conversation("#shut"),
                is_closed: true,
            });
        }
    }
    poll(|| {
        let in_use = sqlite(
            folder.path(),
            "SELECT (page_count - freelist_count) * page_size
            FROM pragma_page_count, pragma_freelist_count, pragma_page_size",
        );
        let in_use: u64 = in_use.trim().parse().unwrap();
        (in_use <= TOTAL).then_some(()).ok_or_else(|| format!("{in_use} bytes are in use"))
    });
    // It was not left to grow first.
    let n_said = 20_000 * text.len() as u64;
    assert!(file_bytes(folder.path()) < n_said, "{} of {n_said}", file_bytes(folder.path()));
    assert_eq!(store.texts("#small").len(), 50);
    for room in ["#loud", "#louder", "#shut"] {
        let texts = store.texts(room);
        assert!((100..6000).contains(&texts.len()), "{} of {room} are left", texts.len());
        let last = texts.last().unwrap().split(' ').next().unwrap().parse::<u64>().unwrap();
        assert!(last >= 19_997, "the latest of {room} are left: {last}");
    }
    drop(store);
    assert_eq!(check(folder.path()).unwrap().problems, Vec::<String>::new());
}

/// An address has one share of what the store holds, in however many conversations it writes: a room of others that is larger than
/// each of those gives nothing.
#[test]
fn an_address_fills_the_store_with_its_own_in_however_many_rooms() {
    const TOTAL: u64 = 4_000_000;
    let folder = TempFolder::new("share");
    let rules = Retention { total: TOTAL, ..Retention::default() };
    let mut store = Store::open(folder.path(), rules);
    let text = "many words that are not worth much ".repeat(30);
    let say_from = |store: &mut Store, host: &str, room: &str, number: u64| {
        let content = RecordContent::Message {
            source: format!("who!u@{host}").into(),
            kind: MessageKind::Privmsg,
            target: room.into(),
            text: format!("{number} {text}").into(),
            tags: "".into(),
        };
        let own = store.conversation(room);
        store.append(Conversation::Room(own), now(), content);
    };
    for number in 0..500_u64 {
        say_from(
            &mut store,
            &format!("a{}.n{}.w.cloak", number % 50, number % 50),
            "#busy",
            number,
        );
    }
    // Three times as much as there may be, in 100 rooms and from a few addresses of one network, each less than the other room.
    for number in 0..12_000_u64 {
        let (host, room) =
            (format!("a{}.own.w.cloak", number % 3), format!("#own{}", number % 100));
        say_from(&mut store, &host, &room, number);
    }
    poll(|| {
        let in_use = sqlite(
            folder.path(),
            "SELECT (page_count - freelist_count) * page_size
            FROM pragma_page_count, pragma_freelist_count, pragma_page_size",
        );
        let in_use: u64 = in_use.trim().parse().unwrap();
        (in_use <= TOTAL).then_some(()).ok_or_else(|| format!("{in_use} bytes are in use"))
    });
    assert_eq!(store.texts("#busy").len(), 500);
    let left: usize = (0..100).map(|room| store.texts(&format!("#own{room}")).len()).sum();
    assert!((500..11_000).contains(&left), "{left} of 12,000 are left");
}

/// The output of a statement that another program asks the database.
fn sqlite(folder: &Path, sql: &str) -> String {
    let output = std::process::Command::new("sqlite3")
        .args(["-cmd", ".timeout 5000"])
        .arg(folder.join("chat.db"))
        .arg(sql)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Names of those who have spoken, and rooms that were spoken in, go when nothing that was said is left.
#[test]
fn names_of_which_nothing_is_left_are_swept() {
    let folder = TempFolder::new("names");
    let old = now() - 3 * HOUR;
    let mut store = Store::open(folder.path(), Retention::default());
    let say_as = |store: &mut Store, nick: &str, room: &str, at| {
        let content = RecordContent::Message {
            source: format!("{nick}!u@h").into(),
            kind: MessageKind::Privmsg,
            target: room.into(),
            text: "something".into(),
            tags: "".into(),
        };
        let own = store.conversation(room);
        store.append(Conversation::Room(own), at, content);
    };
    for number in 0..300_u64 {
        let at = old + Duration::from_millis(number);
        say_as(&mut store, &format!("guest{number}"), &format!("#room{number}"), at);
    }
    say_as(&mut store, "guest7", "#kept", now());
    say_as(&mut store, "ann", "#room8", now());
    store.log.mark(ConversationMark::Closed {
        conversation: store.conversation("#room9"),
        is_closed: true,
    });
    let age = Some(HOUR);
    store.log.retain(&Retention { everywhere: Rule { age, bytes: None }, ..Retention::default() });
    let left = |what: &str| sqlite(folder.path(), &format!("SELECT {what} ORDER BY 1"));
    poll(|| {
        let left = (left("source FROM senders"), left("name FROM conversations"));
        // That room nine is closed is known until it is opened.
        let expected = ("ann!u@h\nguest7!u@h\n".to_owned(), "#kept\n#room8\n#room9\n".to_owned());
        if left == expected { Ok(()) } else { Err(format!("{left:?}")) }
    });
    // All go on there.
    say_as(&mut store, "guest5", "#room5", now());
    assert_eq!(store.texts("#room5"), ["something"]);
    assert_eq!(store.texts("#room8"), ["something"]);
    drop(store);
    assert_eq!(check(folder.path()).unwrap().problems, Vec::<String>::new());
}

/// Of the tags that clients make up those are kept that mean something later; all are passed on to those who are there.
#[test]
fn tags_that_mean_nothing_later_are_passed_on_and_not_kept() {
    let folder = TempFolder::new("tags");
    let server = TestServer::with(|config| config.data = Some(folder.path().to_owned()));
    let caps = "message-tags echo-message draft/chathistory batch";
    let mut ann = TestClient::register_with(&server, "ann", caps);
    let long = "x".repeat(3000);
    ann.send(&format!("@+example/long={long};+typing=active;+reply=abc PRIVMSG #lobby :tagged"));
    ann.expect(&format!("@*+example/long={long}*+reply=abc* PRIVMSG #lobby :tagged"));
    ann.send("CHATHISTORY LATEST #lobby * 1");
    let told = ann.expect("@batch=* PRIVMSG #lobby :tagged");
    assert!(
        told.contains("+reply=abc") && !told.contains("long") && !told.contains("typing"),
        "{told}"
    );
}

/// What a server would not have written is refused, in words, and nothing of it is taken.
#[test]
fn what_no_server_has_written_is_not_imported() {
    let folder = TempFolder::new("foreign");
    let id = format!("{:011x}{:013x}", 1_767_225_600_000_u64, 1);
    let record = |more: &str| {
        let all = [
            ("kind", "1"),
            ("part", "0"),
            ("source", r#""a!b@c""#),
            ("text", r#""x""#),
            ("marks", "0"),
        ];
        let named = |key: &str| more.contains(&format!("\"{key}\":"));
        let own: String = all
            .iter()
            .filter(|(key, _)| !named(key))
            .map(|(key, value)| format!(",\"{key}\":{value}"))
            .collect();
        format!(
            r#"{{"type":"record","time":"2026-01-01T00:00:00.000Z","msgid":"{id}"{own}{more}}}"#
        )
    };
    let room = r##"{"type":"conversation","names":["#z"]}"##;
    let direct = r#"{"type":"conversation","names":["=a","=b"]}"#;
    for (conversation, more, why) in [
        (room, r#","kind":0"#, "no such kind"),
        (room, r#","kind":6"#, "no such kind"),
        (room, r#","kind":99"#, "no such kind"),
        (direct, r#","kind":11"#, "no such kind"),
        (room, r#","part":3"#, "no such part"),
        (room, r#","part":-1"#, "no such part"),
        (direct, r#","part":2"#, "no such part"),
        (room, r#","marks":4"#, "no such marks"),
        (room, r#","kind":22"#, "is about another one"),
        (room, r#","source":"""#, "the source is nobody's"),
        (room, r#","source":"a b!c@d""#, "the source is nobody's"),
        (room, r#","source":"a\nPRIVMSG""#, "the source is nobody's"),
        (room, r#","account":"no nick""#, "the account's name is none"),
        (room, r#","person":"ann""#, "the person is none"),
        (room, r#","text":"two\nlines""#, "its text is no line"),
        (room, r#","kind":3,"text":"two\r\nlines""#, "its text is no line"),
        (room, r#","extra":{"tags":"+reply=y z"}"#, "what it has beside its text"),
        (room, r#","extra":{"target":"a\nb"}"#, "what it has beside its text"),
        (room, r#","extra":{"concat":"no"}"#, "what it has beside its text"),
    ] {
        let refused = import(folder.path(), &format!("{conversation}\n{}", record(more)));
        let refused = refused.unwrap_err().to_string();
        assert!(
            refused.contains(why) && refused.contains("nothing was imported"),
            "{more}: {refused}"
        );
    }
    // From a clock that was wrong.
    let at = u64::try_from((now() + 48 * HOUR).duration_since(UNIX_EPOCH).unwrap().as_millis());
    let at = at.unwrap();
    let time = humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_millis(at));
    let later = format!(
        r#"{{"type":"record","time":"{time}","msgid":"{at:011x}{:013x}","kind":1,"source":"a!b@c","text":"x"}}"#,
        1
    );
    let refused = import(folder.path(), &format!("{room}\n{later}")).unwrap_err().to_string();
    assert!(refused.contains("later than now") && refused.contains("--mend"), "{refused}");
    let state = |path: &str, value: &str| {
        format!(r#"{{"type":"state","path":["account",{path}],"value":{value}}}"#)
    };
    let since = |name: &str, since: &str| format!(r#"{{"name":{name},"since":{since}}}"#);
    let secret = chat_server::auth::hash("a password").unwrap();
    let scram = chat_server::auth::scram_credentials("a password").unwrap();
    let password = |hash: &str| format!(r#"{{"argon2":"{hash}","scram":"{scram}"}}"#);
    let account = state(r#""ann""#, &since(r#""ann""#, "1"));
    let with = |hash: &str| format!("{account}\n{}", state(r#""ann","password""#, &password(hash)));
    let costly = secret.replace("m=19456", "m=4194304");
    assert_ne!(costly, secret);
    for (lines, why) in [
        (state(r#""ann""#, &since(r#""ann""#, "18446744073709551615")), "there is no second"),
        (state(r#""ann""#, &since(r#""ann""#, "253402300800")), "there is no second"),
        (state(r#""no nick""#, &since(r#""no nick""#, "1")), "is no name of it"),
        (state(r#""ann""#, &since(r#""bob""#, "1")), "is no name of it"),
        (with(&costly), "costs more than a login may"),
    ] {
        let refused = import(folder.path(), &lines).unwrap_err().to_string();
        assert!(
            refused.contains(why) && refused.contains("nothing was imported"),
            "{lines}: {refused}"
        );
    }
    assert_eq!(check(folder.path()).unwrap().n_records, 0);
    import(folder.path(), &with(&secret)).unwrap();
    import(folder.path(), &format!("{room}\n{}", record(""))).unwrap();
}

/// A clock that was wrong once does not date what is said later, and what it has dated is found and mended.
#[test]
fn a_clock_that_was_wrong_once_is_mended() {
    let folder = TempFolder::new("clock");
    let year = 24 * 365 * HOUR;
    let mut store = Store::open(folder.path(), Retention::default());
    let before = now() - HOUR;
    store.say("#den", before, "before");
    for number in 0..3_u64 {
        store.say("#den", now() + year + Duration::from_millis(number), "from the future");
        store.say("#other", now() + year + Duration::from_millis(number), "from the future");
    }
    drop(store);
    let report = check(folder.path()).unwrap();
    assert_eq!((report.n_later, &*report.problems), (6, &[][..]));
    let data = folder.path().to_str().unwrap();
    let run = |args: &[&str]| {
        let program = chat_tests::program::path("chat-server");
        let output =
            std::process::Command::new(program).args(args).args(["--data", data]).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout) + &text(output.stderr))
    };
    let (code, said) = run(&["check"]);
    assert!(code == Some(1) && said.contains("6 messages are dated later than now"), "{said}");
    // A server goes by its clock, and what is said in a room dates what is later there back.
    let server = TestServer::with(|config| config.data = Some(folder.path().to_owned()));
    let caps = "message-tags server-time echo-message draft/chathistory batch";
    let mut ann = TestClient::register_with(&server, "ann", caps);
    ann.send("JOIN #den");
    ann.expect("* 366 *");
    ann.send("PRIVMSG #den :said now");
    let echo = ann.expect("* PRIVMSG #den :said now");
    let time_of = |line: &str| {
        let time = line.split("time=").nth(1).unwrap().split([';', ' ']).next().unwrap();
        humantime::parse_rfc3339(time).unwrap()
    };
    let said_at = time_of(&echo);
    assert!(said_at < now() + HOUR, "{echo}");
    ann.send("CHATHISTORY LATEST #den * 10");
    for text in ["before", "from the future", "from the future", "from the future", "said now"] {
        let line = ann.expect(&format!("@batch=* PRIVMSG #den :{text}"));
        assert!(time_of(&line) <= said_at, "{line}");
    }
    drop((ann, server));
    assert_eq!(check(folder.path()).unwrap().n_later, 3);
    // The rest, where nobody speaks.
    let (code, said) = run(&["check", "--mend"]);
    assert!(code == Some(0) && said.contains("3 messages that were dated later"), "{said}");
    let report = check(folder.path()).unwrap();
    assert_eq!((report.n_later, &*report.problems), (0, &[][..]));
}

/// A section `retention` that the file gets while the server runs holds from then on.
#[test]
fn rules_that_are_read_again_hold() {
    let folder = TempFolder::new("rules");
    let data = folder.path().to_str().unwrap();
    let mut store = Store::open(folder.path(), Retention::default());
    store.say("#den", now() - 2 * HOUR, "two hours old");
    store.say("#den", now(), "new");
    store.say("#kept", now() - 2 * HOUR, "old, and kept");
    drop(store);
    let file = folder.path().join("file.toml");
    std::fs::write(&file, "network = \"ours\"\n").unwrap();
    let (mut program, _) =
        Program::start_server(&["--data", data, "--config", file.to_str().unwrap()]);
    let exported = || {
        let mut out = Vec::new();
        store::export(folder.path(), &[], false, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    // By a file that says nothing of it, nothing goes.
    program.signal("HUP");
    program.expect("the configuration has been read again");
    assert!(exported().contains("two hours old"));
    let rules = "[retention]\nage = \"1h\"\n[[retention.room]]\nname = \"#Kept\"\n";
    std::fs::write(&file, rules).unwrap();
    program.signal("HUP");
    program.expect("the configuration has been read again");
    poll(|| match exported() {
        left if left.contains("two hours old") => Err(left),
        _ => Ok(()),
    });
    let left = exported();
    assert!(left.contains("new") && left.contains("old, and kept"), "{left}");
    program.signal("TERM");
    assert_eq!(program.exit_code(), Some(0));
}

/// A copy that is made while people write is whole; a damaged database is said to be one.
#[test]
fn copies_are_whole_and_damage_is_seen() {
    let folder = TempFolder::new("backup");
    let server = TestServer::with(|config| config.data = Some(folder.path().to_owned()));
    let mut ann = TestClient::register_with(&server, "ann", "echo-message");
    for number in 0..500 {
        ann.send(&format!("PRIVMSG #lobby :number {number}"));
    }
    ann.expect("* PRIVMSG #lobby :number 100");
    let copies = TempFolder::new("copies");
    let file = copies.path().join("chat.db");
    store::back_up(folder.path(), &file).unwrap();
    ann.expect("* PRIVMSG #lobby :number 499");
    let again = store::back_up(folder.path(), &file).unwrap_err().to_string();
    assert!(again.contains("there is a file of that name already"), "{again}");
    let report = check(copies.path()).unwrap();
    assert_eq!(report.problems, Vec::<String>::new());
    assert!(report.n_records > 100, "{report:?}");
    let mut store = Store::open(copies.path(), Retention::default());
    let texts = store.texts("#lobby");
    let expected: Vec<String> = (0..texts.len()).map(|number| format!("number {number}")).collect();
    assert_eq!(texts, expected);
    drop(store);

    // Somebody has been in it with other tools.
    let change = |sql: &str| {
        let made = std::process::Command::new("sqlite3").arg(&file).arg(sql).output().unwrap();
        assert!(made.status.success(), "{made:?}");
    };
    change("UPDATE records SET time = 5 WHERE id = (SELECT max(id) FROM records)");
    change("INSERT INTO state VALUES ('shoes', 'nonsense')");
    let problems = check(copies.path()).unwrap().problems;
    assert_eq!(
        problems,
        [
            "there are 1 records that are earlier than the one before them",
            "[\"shoes\"] is nothing that this version knows"
        ]
    );
    // And a server does not start with it, but says why.
    let mut config = Config::default();
    config.listen = vec!["127.0.0.1:0".into()];
    config.data = Some(copies.path().to_owned());
    let refused = Server::start(config).unwrap_err().to_string();
    assert!(refused.contains("[\"shoes\"]") && refused.contains("restore a backup"), "{refused}");
}

/// The same as commands of the program.
#[test]
fn the_program_keeps_its_messages() {
    let (folder, other) = (TempFolder::new("kept"), TempFolder::new("elsewhere"));
    let data = folder.path().to_str().unwrap();
    let (mut program, address) = Program::start_server(&["--data", data]);
    let mut ann = TestClient::connect(address);
    ann.send("CAP REQ echo-message");
    ann.send("NICK ann");
    ann.send("USER u 0 * :A");
    ann.send("CAP END");
    ann.send("PRIVMSG #lobby :something to keep");
    ann.expect("* PRIVMSG #lobby :something to keep");
    let run = |args: &[&str], input: &[u8]| {
        use std::io::Write as _;
        let mut child = std::process::Command::new(chat_tests::program::path("chat-server"))
            .args(args)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (code, out, _) = run(&["check", "--data", data], b"");
    assert_eq!((code, &*out), (Some(0), "sound: 1 messages in 1 conversations\n"));
    let copy = other.path().join("copy.db");
    let (code, out, _) = run(&["backup", copy.to_str().unwrap(), "--data", data], b"");
    assert!(code == Some(0) && out.contains("a copy is in"), "{out}");
    let (code, lines, said) = run(&["export", "--data", data, "--only", "#LOBBY"], b"");
    assert_eq!(code, Some(0));
    assert_eq!(said, "exported: 1 messages in 1 conversations, 0 settings\n");
    assert!(lines.contains("something to keep"), "{lines}");
    let (code, _, said) = run(&["import", "--data", data], lines.as_bytes());
    assert!(code == Some(1) && said.contains("another server keeps its messages"), "{said}");
    let elsewhere = other.path().join("data");
    let elsewhere = elsewhere.to_str().unwrap();
    let (code, _, said) = run(&["import", "--data", elsewhere], lines.as_bytes());
    assert_eq!((code, &*said), (Some(0), "imported: 1 messages in 1 conversations, 0 settings\n"));
    let (code, _, said) = run(&["check", "--data", "/nowhere/at/all"], b"");
    assert!(code == Some(1) && said.contains("cannot keep messages in /nowhere"), "{said}");
    let (code, _, said) = run(&["check", "--in-memory"], b"");
    assert!(code == Some(1) && said.contains("keeps no messages"), "{said}");
    program.signal("TERM");
    assert_eq!(program.exit_code(), Some(0));
}
