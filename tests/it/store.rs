//! The room log on disk: what goes in comes out, in order and once, whatever happens to the program, the file or
//! the disk.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use chat_core::proto::{MessageKind, MessageLine};
use chat_server::{
    Server,
    delivery::{self, Event, RecordContent},
    history::{
        Answer, Asker, ConversationScope, HistoryEntry, Order, Query, Reference, Search, Selection,
        Shows,
    },
    ids::{ConversationId, Ticket},
    record::RecordEvent,
    room_log::{
        AppendError, Appender, Appending, Conversation, LogOutcome, Querying, Record, RoomLog,
        THE_SERVER,
    },
    search_words::SearchWords,
    store::{Durability, LocalLog, StoreError},
};
use chat_tests::{PATIENCE, TestClient, TestServer, conversation, folder::TempFolder};
use crossbeam_channel::Receiver;

/// A store with its answers at hand.
pub(crate) struct Store {
    pub(crate) log: LocalLog,
    answers: Receiver<LogOutcome>,
    /// The conversations of rooms when it was opened.
    pub(crate) named: Vec<(ConversationId, Arc<str>)>,
    n_asked: u64,
}

impl Store {
    pub(crate) fn open(folder: &Path) -> Self {
        let mut log = LocalLog::open(folder, Durability::Relaxed).unwrap();
        let named = log.conversations();
        let (to_hub, answers) = crossbeam_channel::unbounded();
        log.start(Appender::to_channel(to_hub)).unwrap();
        Self { log, answers, named, n_asked: 0 }
    }

    /// The conversation of the room of that name, as it was when the store was opened.
    pub(crate) fn named(&self, name: &str) -> Option<ConversationId> {
        let mut named = self.named.iter().filter(|(_, own)| **own == *name);
        let found = named.next().map(|(own, _)| *own);
        assert!(named.next().is_none(), "{name} is that of several");
        found
    }

    pub(crate) fn append(&mut self, record: &Arc<Record>) -> Result<(), AppendError> {
        self.n_asked += 1;
        assert_eq!(self.log.append(Ticket(self.n_asked), record), Appending::Later);
        match self.answers.recv_timeout(PATIENCE).unwrap() {
            LogOutcome::Appended { outcome, .. } => outcome,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn answer(&mut self, query: &Query) -> Answer {
        self.n_asked += 1;
        let recalling = self.log.query(Ticket(self.n_asked), Asker::default(), query.clone());
        assert!(matches!(recalling, Querying::Later));
        match self.answers.recv_timeout(PATIENCE).unwrap() {
            LogOutcome::Queried { answer, .. } => answer.unwrap(),
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) fn time(milliseconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(1_700_000_000_000 + milliseconds)
}

pub(crate) fn msgid(milliseconds: u64, number: u64) -> Arc<str> {
    format!("{:011x}{number:013x}", 1_700_000_000_000 + milliseconds).into()
}

pub(crate) fn in_conversation(number: u8) -> Conversation {
    match number {
        0 => Conversation::Room(conversation("#one")),
        1 => Conversation::Room(conversation("#two")),
        2 => Conversation::Ranked(conversation("#one"), '@'),
        3 => Conversation::Ranked(conversation("#one"), '+'),
        4 => Conversation::Direct("=ann".into(), "=bob".into()),
        _ => Conversation::Direct("=ann".into(), "~1".into()),
    }
}

/// One of the latest records, mostly.
fn about(at: u64, number: u64) -> Arc<str> {
    msgid(at.saturating_sub(number % 3), number.saturating_sub(1 + number % 5))
}

/// Something that is kept.
pub(crate) fn record(conversation: u8, kind: u8, at: u64, number: u64) -> Arc<Record> {
    let conversation = in_conversation(conversation);
    let (mut by, source, other): (Arc<str>, Arc<str>, &str) = match (&conversation, number % 2) {
        (Conversation::Direct(first, second), 0) => (Arc::clone(first), "ann!u@h".into(), second),
        (Conversation::Direct(_, second), _) => (Arc::clone(second), "bob!u@h".into(), "ann"),
        _ => ("=ann".into(), "ann!u@h".into(), ""),
    };
    let room = if conversation == in_conversation(1) { "#two" } else { "#one" };
    let target: Arc<str> = match &conversation {
        Conversation::Direct(..) => other.into(),
        Conversation::Ranked(_, sign) => format!("{sign}{room}").into(),
        Conversation::Room(_) => room.into(),
    };
    // In some, words that no spaces divide.
    let more = ["", " 在上海市", "上海上海工作"][usize::try_from(number % 3).unwrap()];
    let text: Arc<str> = format!("number {number}{more}").into();
    let is_direct = matches!(conversation, Conversation::Direct(..));
    let content = match kind {
        1 if !is_direct => RecordContent::Topic { source, room: target, topic: text },
        2 if !is_direct => {
            let arguments = vec!["ann".into(), "bob".into()];
            RecordContent::Mode { source, target, changes: "+ov".into(), arguments }
        }
        3 if !is_direct => {
            RecordContent::Kick { source, room: target, nick: "bob".into(), reason: text }
        }
        13 if !is_direct => {
            RecordContent::Rename { source, room: target, name: "#other".into(), reason: text }
        }
        4 => {
            let line = |text: &str, is_concat| MessageLine { text: text.to_owned(), is_concat };
            let lines = [line("first", false), line("", false), line(&text, true)].into();
            let tags = "+reply=x".into();
            RecordContent::Multiline { source, kind: MessageKind::Notice, target, lines, tags }
        }
        5 => {
            let tags = "+reply=x;+draft/react=é".into();
            RecordContent::Message { source, kind: MessageKind::Notice, target, text, tags }
        }
        // About what was said before, or was not.
        7 => RecordContent::Redact {
            source,
            target,
            redacted: about(at, number),
            reason: Some(text),
        },
        8 => RecordContent::Edit { source, target, edited: about(at, number), text },
        9 | 10 => {
            let word = if kind == 9 { "react" } else { "unreact" };
            let value = ["a", "b"][usize::try_from(number % 2).unwrap()];
            let tags = format!("+reply={};+draft/{word}={value}", about(at, number)).into();
            let kind = MessageKind::Tagmsg;
            RecordContent::Message { source, kind, target, text: "".into(), tags }
        }
        11 => {
            let tags = format!("+draft/reply={}", about(at, number)).into();
            RecordContent::Message { source, kind: MessageKind::Privmsg, target, text, tags }
        }
        // What the server notes.
        12 if matches!(conversation, Conversation::Ranked(..)) => {
            by = THE_SERVER.into();
            RecordContent::Message {
                source,
                kind: MessageKind::Notice,
                target,
                text,
                tags: "".into(),
            }
        }
        _ => RecordContent::Message {
            source,
            kind: MessageKind::Privmsg,
            target,
            text,
            tags: "".into(),
        },
    };
    let event = RecordEvent::new(content, time(at), msgid(at, number), delivery::Sender::default());
    // Some are sent again.
    let nonce =
        (number.is_multiple_of(3) && kind < 7).then(|| format!("nonce-{}", number % 9).into());
    Arc::new(Record { conversation, by, event, nonce, changes: Vec::new() })
}

/// As it can be compared.
pub(crate) fn written(answer: &Answer) -> Vec<String> {
    let line = |event: &Arc<Event>| {
        let Event { time, msgid, content, .. } = &**event;
        format!("{time:?} {msgid:?} {content:?} {:?}", event.sender())
    };
    match answer {
        Answer::Page(told) => {
            let all = told.iter().map(|told| {
                let context: Vec<String> = told.context.iter().map(line).collect();
                format!("{} with {context:?}", line(&told.event))
            });
            all.collect()
        }
        Answer::Changes(events, is_all) => {
            events.iter().map(line).chain([is_all.to_string()]).collect()
        }
        Answer::Matches(matches, _) => {
            matches.iter().map(|own| format!("{} at {:?}", line(&own.event), own.ranges)).collect()
        }
        Answer::Found(found) => vec![format!("{found:?}")],
        Answer::Targets(targets) => targets.iter().map(|target| format!("{target:?}")).collect(),
    }
}

/// What was said before is there after a restart, and what is said then comes behind it.
#[test]
fn a_restart_forgets_nothing() {
    let folder = TempFolder::new("restart");
    let start = || TestServer::with(|config| config.data = Some(folder.path().to_owned()));
    let ask = "CHATHISTORY LATEST #lobby * 10";
    let caps = "draft/chathistory server-time message-tags batch echo-message";
    let first = start();
    let mut ann = TestClient::register_with(&first, "Ann", caps);
    ann.send("PRIVMSG #lobby :before the restart");
    let echo = ann.expect("* PRIVMSG #lobby :before the restart");
    drop((ann, first));
    let second = start();
    let mut bob = TestClient::register_with(&second, "Bob", caps);
    bob.send("PRIVMSG #lobby :after it");
    bob.expect("* PRIVMSG #lobby :after it");
    bob.send(ask);
    let replayed = bob.expect("@batch=* PRIVMSG #lobby :before the restart");
    let tags = |line: &str, key: &str| {
        let tags = line.split(' ').next().unwrap_or_default().trim_start_matches('@').to_owned();
        let found = tags.split(';').find(|tag| tag.starts_with(key)).map(str::to_owned);
        found.unwrap_or_else(|| panic!("{line} has no {key}"))
    };
    for key in ["msgid=", "time="] {
        assert_eq!(tags(&replayed, key), tags(&echo, key));
    }
    bob.expect("@batch=* PRIVMSG #lobby :after it");
    bob.expect("* BATCH -*");
}

/// What cannot be used is said in a sentence that tells what to do.
#[test]
fn a_folder_that_cannot_be_used_is_said() {
    let folder = TempFolder::new("faults");
    let open = || LocalLog::open(folder.path(), Durability::Strict);
    let database = folder.path().join("chat.db");
    let first = open().unwrap();
    assert!(matches!(open(), Err(StoreError::Locked(_))));
    let mut config = chat_server::Config::default();
    config.listen = vec!["127.0.0.1:0".into()];
    config.data = Some(folder.path().to_owned());
    let refused = Server::start(config).err().unwrap().to_string();
    assert!(refused.contains("another server") && refused.contains("--data"), "{refused}");
    drop(first);
    // A version that comes from the future.
    let change = |sql: &str| {
        let program = std::process::Command::new("sqlite3").arg(&database).arg(sql).output();
        let output = program.unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    change("PRAGMA user_version = 99");
    let newer = open().err().unwrap();
    assert!(matches!(newer, StoreError::Newer { found: 99, .. }), "{newer}");
    change("PRAGMA application_id = 1");
    assert!(matches!(open(), Err(StoreError::Foreign(_))));
    std::fs::write(&database, "this is no database, and long enough to be looked at".repeat(99))
        .unwrap();
    assert!(matches!(open(), Err(StoreError::Corrupt { .. })));
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let unusable = LocalLog::open(&file.join("below"), Durability::Strict);
    assert!(matches!(unusable, Err(StoreError::Unusable { .. })));
}

/// Whatever part of the last writes has reached the disk: what is there is whole, and the beginning of what was
/// written.
#[test]
fn a_torn_end_leaves_a_whole_beginning() {
    let folder = TempFolder::new("torn");
    let mut store = Store::open(folder.path());
    let written: Vec<Arc<Record>> = (0..40).map(|n| record(0, 0, n, 3 * n + 1)).collect();
    written.iter().for_each(|record| store.append(record).unwrap());
    // As a power cut would find them.
    let files = ["chat.db", "chat.db-wal"];
    let [database, log] = files.map(|name| std::fs::read(folder.path().join(name)).unwrap());
    drop(store);
    let all = Query::Page {
        conversation: in_conversation(0),
        shown: None,
        selection: Selection::Latest(None),
        limit: usize::MAX,
        bytes_max: usize::MAX,
        rank: 0,
        ranked_after: UNIX_EPOCH,
        shows: Shows::default(),
    };
    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    let mut lengths = BTreeSet::new();
    for round in 0..60 {
        let torn = TempFolder::new("torn-end");
        let mut left = log.clone();
        let cut = random.usize(..left.len());
        if round % 2 == 0 {
            left.truncate(cut);
        } else {
            // A page that was being written.
            let end = (cut + 4096).min(left.len());
            random.fill(&mut left[cut..end]);
            left.truncate(end);
        }
        std::fs::write(torn.path().join(files[0]), &database).unwrap();
        std::fs::write(torn.path().join(files[1]), &left).unwrap();
        let mut store = Store::open(torn.path());
        let Answer::Page(found) = store.answer(&all) else { unreachable!("a page was asked for") };
        let ids = |events: &mut dyn Iterator<Item = Option<Arc<str>>>| events.collect::<Vec<_>>();
        let found = ids(&mut found.iter().map(|told| told.event.msgid.clone()));
        let beginning = written.iter().take(found.len()).map(|record| record.event.msgid.clone());
        assert_eq!(found, ids(&mut beginning.into_iter()), "seed {seed}, round {round}");
        lengths.insert(found.len());
        // And it goes on.
        store.append(&record(0, 0, 1000, 1000)).unwrap();
        let Answer::Page(more) = store.answer(&all) else { unreachable!("a page was asked for") };
        assert_eq!(more.len(), found.len() + 1, "seed {seed}, round {round}");
    }
    assert!(lengths.len() > 10, "the cuts are all alike: {lengths:?}");
}

/// A conversation has room for 2^28 records.
#[test]
fn what_has_no_place_is_refused() {
    let folder = TempFolder::new("full");
    let mut store = Store::open(folder.path());
    store.append(&record(0, 0, 0, 1)).unwrap();
    drop(store);
    let last = "UPDATE records SET id = id | ((1 << 28) - 1)";
    let made = std::process::Command::new("sqlite3")
        .args([folder.path().join("chat.db").as_os_str(), last.as_ref()])
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let mut store = Store::open(folder.path());
    let refused = store.append(&record(0, 0, 1, 2)).unwrap_err().to_string();
    assert!(refused.contains("as many messages here as there may be"), "{refused}");
    store.append(&record(1, 0, 1, 3)).unwrap();
}

/// What guests told an account is there when the store is opened again, for the account, as one conversation with all who were
/// called so; of the latest thousand of them. What they told each other is not.
#[test]
fn only_so_many_guests_are_asked_for() {
    let folder = TempFolder::new("guests");
    let mut store = Store::open(folder.path());
    let say = |store: &mut Store, to: &str, number: u64, nick: &str| {
        let guest: Arc<str> = format!("~{number:04}").into();
        let content = RecordContent::Message {
            source: format!("{nick}!u@h").into(),
            kind: MessageKind::Privmsg,
            target: "ann".into(),
            text: format!("number {number}").into(),
            tags: "".into(),
        };
        let sender = delivery::Sender::default();
        let event = RecordEvent::new(content, time(number), msgid(number, number), sender);
        let conversation = Conversation::Direct(to.into(), Arc::clone(&guest));
        let (by, nonce, changes) = (guest, None, Vec::new());
        let record = Record { conversation, by, event, nonce, changes };
        store.append(&Arc::new(record)).unwrap();
    };
    for number in 0..1003 {
        say(&mut store, "=ann", number, if number % 500 == 2 { "Bob" } else { "eve" });
    }
    say(&mut store, "~", 1003, "bob");
    drop(store);
    let mut store = Store::open(folder.path());
    let direct = |person: &str| Some((person.into(), BTreeSet::new()));
    let (limit, bytes_max, shows) = (5000, usize::MAX, Shows::default());
    let mut changes = |direct| {
        let (conversations, after) = (Vec::new(), Reference::Time(UNIX_EPOCH));
        let query = Query::Changes { conversations, direct, after, limit, bytes_max, shows };
        match store.answer(&query) {
            Answer::Changes(events, true) => events.len(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(changes(direct("=ann")), 1000);
    assert_eq!(changes(direct("~")), 0);
    assert_eq!(changes(direct("~0007")), 1, "it is with an account, which a guest may ask for");
    let mut page = |selection, limit| {
        let none = Conversation::Direct("!".into(), "=ann".into());
        let conversations = vec![none, Conversation::with_guests("=ann".into(), "BOB")];
        let query = Query::DirectPage { conversations, selection, limit, bytes_max, shows };
        let Answer::Page(told) = store.answer(&query) else { unreachable!("a page was asked for") };
        let number =
            |own: &HistoryEntry| own.event.time.duration_since(time(0)).unwrap().as_millis();
        told.iter().map(number).collect::<Vec<_>>()
    };
    // The first one of that name is one too many.
    assert_eq!(page(Selection::Latest(None), 9), [502, 1002]);
    assert_eq!(page(Selection::Latest(None), 1), [1002]);
    assert_eq!(page(Selection::After(Reference::Time(time(0))), 1), [502]);
    let at = || Reference::Msgid(msgid(1002, 1002));
    assert_eq!(page(Selection::Before(at()), 9), [502]);
    assert_eq!(page(Selection::Around(at()), 9), [502, 1002]);
    assert_eq!(page(Selection::Around(at()), 1), [1002]);
    assert_eq!(page(Selection::Between(at(), Reference::Time(time(0))), 1), [502]);
    assert_eq!(page(Selection::Between(Reference::Time(time(0)), at()), 9), [502]);
}

/// Where nothing is ever quiet, the index of words falls behind, but not without an end; and a search has all.
#[test]
fn the_index_falls_behind_only_so_far() {
    const RECORDS: u64 = 200_000;
    const UNDER_WAY: u64 = 8192;
    let folder = TempFolder::new("behind");
    let mut store = Store::open(folder.path());
    let mut n_appended = 0;
    for number in 0..RECORDS {
        let record = record(0, 0, number, number);
        assert_eq!(store.log.append(Ticket(number), &record), Appending::Later);
        if number >= n_appended + UNDER_WAY {
            store.answers.recv_timeout(PATIENCE).unwrap();
            n_appended += 1;
        }
    }
    // Once, since it is quiet meanwhile.
    let n_behind = n_behind(folder.path());
    // 65,536, and what was written at once meanwhile.
    assert!(n_behind <= (1 << 16) + 2 * UNDER_WAY, "{n_behind} are not in the index");
    while n_appended < RECORDS {
        store.answers.recv_timeout(PATIENCE).unwrap();
        n_appended += 1;
    }
    store.n_asked = RECORDS;
    for number in [0, RECORDS - 1] {
        let words = format!("\"number {number}\"");
        let found = chat_tests::poll(|| match store.answer(&Query::Search(in_room(&words))) {
            Answer::Matches(found, true) => Ok(found),
            other => Err(format!("not all is in the index yet: {other:?}")),
        });
        assert_eq!(found.len(), 1, "{words} is found, once");
    }
}

/// The number of records that the index of words does not have.
fn n_behind(folder: &Path) -> u64 {
    let count = "SELECT count(*) FROM unindexed JOIN records
                 ON records.id >= first AND records.id >> 28 = conversation";
    let told = std::process::Command::new("sqlite3")
        .args([folder.join("chat.db").as_os_str(), count.as_ref()])
        .output()
        .unwrap();
    assert!(told.status.success(), "{told:?}");
    String::from_utf8(told.stdout).unwrap().trim().parse().unwrap()
}

/// A search for `words` in the first room.
pub(crate) fn in_room(words: &str) -> Search {
    let part = ConversationScope {
        conversation: in_conversation(0),
        shown: None,
        rank: 2,
        ranked_after: UNIX_EPOCH,
    };
    Search {
        conversations: vec![part],
        direct: None,
        words: Some(SearchWords::read(words).unwrap()),
        from: None,
        after: None,
        before: None,
        limit: 10,
        bytes_max: usize::MAX,
        order: Order::Time,
    }
}

/// Between a client and a server, and gone at a bad moment: what the client says arrives, what it is answered does
/// not.
struct Relay {
    address: std::net::SocketAddr,
    is_deaf: Arc<std::sync::atomic::AtomicBool>,
}

impl Relay {
    fn to(server: std::net::SocketAddr) -> Self {
        use std::sync::atomic::{AtomicBool, Ordering};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let is_deaf = Arc::new(AtomicBool::new(false));
        let deaf = Arc::clone(&is_deaf);
        let spawn = |name: &str, run: Box<dyn FnOnce() + Send>| {
            drop(std::thread::Builder::new().name(name.into()).spawn(run).unwrap());
        };
        spawn(
            "relay",
            Box::new(move || {
                for client in listener.incoming().map_while(Result::ok) {
                    let Ok(server) = std::net::TcpStream::connect(server) else { return };
                    let (mut from_client, mut to_client) = (client.try_clone().unwrap(), client);
                    let (mut from_server, mut to_server) = (server.try_clone().unwrap(), server);
                    spawn(
                        "relay-up",
                        Box::new(move || {
                            // Either end may close first.
                            let _ = std::io::copy(&mut from_client, &mut to_server);
                            let _ = to_server.shutdown(std::net::Shutdown::Both);
                        }),
                    );
                    let deaf = Arc::clone(&deaf);
                    spawn(
                        "relay-down",
                        Box::new(move || {
                            use std::io::{Read, Write};
                            let mut buffer = [0; 4096];
                            while let Ok(n @ 1..) = from_server.read(&mut buffer) {
                                // The line that would be the echo, and the connection with it.
                                if deaf.swap(false, Ordering::SeqCst) {
                                    break;
                                }
                                if to_client.write_all(&buffer[..n]).is_err() {
                                    break;
                                }
                            }
                            // Either end may have closed already.
                            let _ = to_client.shutdown(std::net::Shutdown::Both);
                            let _ = from_server.shutdown(std::net::Shutdown::Both);
                        }),
                    );
                }
            }),
        );
        Self { address, is_deaf }
    }
}

/// A message whose echo is lost with the connection is sent again by the SDK, arrives once, and is acknowledged.
#[test]
fn a_lost_echo_makes_no_message_lost_or_doubled() {
    use chat_core::{ChatClient, Delivery, ReconnectPolicy, testing::RecordingListener};
    let folder = TempFolder::new("resend");
    let server = TestServer::with(|config| config.data = Some(folder.path().to_owned()));
    let mut ann = TestClient::register(&server, "Ann");
    let relay = Relay::to(server.address());
    let (listener, record) = RecordingListener::new();
    let mut policy = ReconnectPolicy::default();
    (policy.first_delay, policy.delay_max) = (Duration::from_millis(20), Duration::from_millis(50));
    let client = ChatClient::builder(relay.address.to_string(), "Bob")
        .reconnect(policy)
        .listener(listener)
        .connect()
        .unwrap();
    ann.expect(":Bob!* JOIN #lobby");
    let delivery = client.send_and_wait("#lobby", "all is well", PATIENCE).unwrap();
    assert!(matches!(delivery, Delivery::Acknowledged { .. }));
    for n in 0..5 {
        relay.is_deaf.store(true, std::sync::atomic::Ordering::SeqCst);
        let text = format!("said while the line broke, {n}");
        let delivery = client.send_and_wait("#lobby", &text, PATIENCE).unwrap();
        assert!(matches!(delivery, Delivery::Acknowledged { msgid: Some(_), .. }), "{delivery:?}");
        ann.expect(&format!(":Bob*!* PRIVMSG #lobby :{text}"));
    }
    client.send("#lobby", "the end").unwrap();
    // Nothing came between that came before.
    let line = ann.expect("* PRIVMSG #lobby :*");
    assert!(line.ends_with(":the end"), "{line}");
    drop((client, record));
}
