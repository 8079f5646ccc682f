//! The contract of the room log: what any engine does that keeps records for the hub. Each clause is a test, and is held
//! against each engine.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use chat_core::proto::MessageKind;
use chat_server::{
    delivery::{self, RecordContent},
    history::{Answer, Asker, ConversationScope, Order, Query, Search, Selection, Shows},
    ids::{ConversationId, Ticket},
    record::RecordEvent,
    room_log::{
        AppendError, Appender, Appending, Change, Conversation, ConversationMark, LogOutcome,
        MemoryLog, Querying, Record, RoomLog,
    },
    search_words::SearchWords,
    store::{Durability, LocalLog},
};
use chat_tests::{PATIENCE, conversation, folder::TempFolder, sim_log::SimulatedLog};
use crossbeam_channel::{Receiver, Sender};

/// An engine under test, and what can be done to it from outside.
trait Engine {
    /// Its name, for whoever reads of a failure.
    fn name(&self) -> String;

    /// Opens the log where it was left, and starts it.
    fn start(&mut self, appender: Appender);

    /// The log, once it has been started.
    fn log(&mut self) -> &mut dyn RoomLog;

    /// Lets a log work that has no thread for that.
    fn work(&mut self) {}

    /// Ends the log in order.
    fn end(&mut self);

    /// From here on nothing can be stored, or all can again; whether it is an engine to which that happens.
    fn break_disk(&mut self, is_broken: bool) -> bool;

    /// The thread that writes panics when it tells of the next record; whether there is one.
    fn panic(&mut self, panics: &AtomicBool) -> bool;
}

/// The log on disk.
struct Sqlite {
    folder: TempFolder,
    durability: Durability,
    log: Option<LocalLog>,
}

impl Sqlite {
    fn new(durability: Durability) -> Self {
        Self { folder: TempFolder::new("contract"), durability, log: None }
    }

    fn database(&self) -> PathBuf {
        self.folder.path().join("chat.db")
    }
}

impl Engine for Sqlite {
    fn name(&self) -> String {
        format!("SQLite, {:?}", self.durability)
    }

    fn start(&mut self, appender: Appender) {
        let mut log = LocalLog::open(self.folder.path(), self.durability).unwrap();
        log.start(appender).unwrap();
        self.log = Some(log);
    }

    fn log(&mut self) -> &mut dyn RoomLog {
        self.log.as_mut().unwrap()
    }

    fn end(&mut self) {
        self.log = None;
    }

    fn break_disk(&mut self, is_broken: bool) -> bool {
        let change = if is_broken {
            "CREATE TRIGGER no_record BEFORE INSERT ON records BEGIN SELECT RAISE(ABORT, 'broken'); END;
             CREATE TRIGGER no_state BEFORE INSERT ON state BEGIN SELECT RAISE(ABORT, 'broken'); END;"
        } else {
            "DROP TRIGGER no_record; DROP TRIGGER no_state;"
        };
        let output = std::process::Command::new("sqlite3")
            .args(["-cmd", ".timeout 5000"])
            .args([self.database().as_os_str(), change.as_ref()])
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        true
    }

    fn panic(&mut self, panics: &AtomicBool) -> bool {
        panics.store(true, Ordering::SeqCst);
        true
    }
}

/// The log that keeps nothing.
struct Memory(MemoryLog);

impl Engine for Memory {
    fn name(&self) -> String {
        "memory".into()
    }

    fn start(&mut self, appender: Appender) {
        self.0 = MemoryLog;
        self.0.start(appender).unwrap();
    }

    fn log(&mut self) -> &mut dyn RoomLog {
        &mut self.0
    }

    fn end(&mut self) {}

    fn break_disk(&mut self, _: bool) -> bool {
        false
    }

    fn panic(&mut self, _: &AtomicBool) -> bool {
        false
    }
}

/// The log of the simulation.
struct Simulated(SimulatedLog);

impl Engine for Simulated {
    fn name(&self) -> String {
        format!("simulated, {}", if self.0.is_late { "late" } else { "at once" })
    }

    fn start(&mut self, appender: Appender) {
        self.0.start(appender).unwrap();
    }

    fn log(&mut self) -> &mut dyn RoomLog {
        &mut self.0
    }

    fn work(&mut self) {
        self.0.work();
    }

    fn end(&mut self) {
        self.0.end();
    }

    fn break_disk(&mut self, is_broken: bool) -> bool {
        self.0.fault = is_broken.then_some("the disk is broken");
        true
    }

    fn panic(&mut self, _: &AtomicBool) -> bool {
        self.0.break_down();
        true
    }
}

/// An engine at work, and what it has told.
struct Bench {
    engine: Box<dyn Engine>,
    tell: Sender<LogOutcome>,
    told: Receiver<LogOutcome>,
    /// Whoever is told next panics, once.
    panics: Arc<AtomicBool>,
    n_tickets: u64,
    /// The outcomes that have come, in their order.
    outcomes: Vec<(Ticket, Result<(), AppendError>)>,
    answers: Vec<(Ticket, Result<Answer, Arc<str>>)>,
    /// The tickets that will be told of later.
    waiting: BTreeSet<Ticket>,
}

impl Drop for Bench {
    fn drop(&mut self) {
        if std::thread::panicking() {
            use std::io::Write;
            // Nobody else would say which.
            let _ = writeln!(std::io::stderr(), "the engine is {}", self.engine.name());
        }
    }
}

impl Bench {
    fn new(engine: Box<dyn Engine>) -> Self {
        let (tell, told) = crossbeam_channel::unbounded();
        let mut bench = Self {
            engine,
            tell,
            told,
            panics: Arc::default(),
            n_tickets: 0,
            outcomes: Vec::new(),
            answers: Vec::new(),
            waiting: BTreeSet::new(),
        };
        bench.start();
        bench
    }

    fn start(&mut self) {
        let (tell, panics) = (self.tell.clone(), Arc::clone(&self.panics));
        self.engine.start(Appender::new(move |outcomes| {
            assert!(!panics.swap(false, Ordering::SeqCst), "as this test wants it");
            outcomes.map(|outcome| tell.send(outcome)).all(|sent| sent.is_ok())
        }));
    }

    fn ticket(&mut self) -> Ticket {
        self.n_tickets += 1;
        Ticket(self.n_tickets)
    }

    fn note(&mut self, ticket: Ticket, appending: Appending) {
        match appending {
            Appending::Later => assert!(self.waiting.insert(ticket), "a ticket is given once"),
            Appending::Now(outcome) => self.outcomes.push((ticket, outcome)),
        }
    }

    /// Gives a record, and does not wait.
    fn give(&mut self, record: &Arc<Record>) -> Ticket {
        let ticket = self.ticket();
        let appending = self.engine.log().append(ticket, record);
        self.note(ticket, appending);
        ticket
    }

    /// Gives changes, and does not wait.
    fn give_changes(&mut self, changes: Vec<Change>) -> Ticket {
        let ticket = self.ticket();
        let appending = self.engine.log().persist(ticket, &changes.into());
        self.note(ticket, appending);
        ticket
    }

    fn take(&mut self, told: LogOutcome) {
        let ticket = match told {
            LogOutcome::Appended { ticket, outcome } => {
                self.outcomes.push((ticket, outcome));
                ticket
            }
            LogOutcome::Queried { ticket, answer } => {
                self.answers.push((ticket, answer));
                ticket
            }
        };
        assert!(self.waiting.remove(&ticket), "{ticket:?} is answered, and does not wait");
    }

    /// Waits until all that was given is answered.
    fn settle(&mut self) {
        self.engine.work();
        while !self.waiting.is_empty() {
            let told = self.told.recv_timeout(PATIENCE);
            self.take(told.unwrap_or_else(|_| panic!("{:?} wait in vain", self.waiting)));
        }
    }

    /// The one outcome under `ticket`.
    fn outcome(&self, ticket: Ticket) -> Result<(), AppendError> {
        let mut own = self.outcomes.iter().filter(|(own, _)| *own == ticket);
        let (_, outcome) = own.next().unwrap_or_else(|| panic!("{ticket:?} has no outcome"));
        assert!(own.next().is_none(), "{ticket:?} has two outcomes");
        outcome.clone()
    }

    /// Stores a record, and waits for what comes of it.
    fn append(&mut self, record: &Arc<Record>) -> Result<(), AppendError> {
        let ticket = self.give(record);
        self.settle();
        self.outcome(ticket)
    }

    /// Stores changes, and waits for what comes of them.
    fn persist(&mut self, changes: Vec<Change>) -> Result<(), AppendError> {
        let ticket = self.give_changes(changes);
        self.settle();
        self.outcome(ticket)
    }

    /// Asks, and waits for the answer.
    fn ask(&mut self, query: Query) -> Result<Answer, Arc<str>> {
        let ticket = self.ticket();
        match self.engine.log().query(ticket, Asker::default(), query) {
            Querying::Now(answer) => answer,
            Querying::Later => {
                self.waiting.insert(ticket);
                self.settle();
                let at = self.answers.iter().position(|(own, _)| *own == ticket).unwrap();
                self.answers.remove(at).1
            }
        }
    }

    /// The ids of the records in `room`.
    fn msgids(&mut self, room: &str) -> Vec<String> {
        self.msgids_in(conversation(room))
    }

    /// The ids of the records of a conversation.
    fn msgids_in(&mut self, conversation: ConversationId) -> Vec<String> {
        msgids_of(self.ask(page(conversation)))
    }

    /// Asks, and does not wait.
    fn begin_to_ask(&mut self, query: Query) -> Ticket {
        let ticket = self.ticket();
        match self.engine.log().query(ticket, Asker::default(), query) {
            Querying::Now(answer) => self.answers.push((ticket, answer)),
            Querying::Later => assert!(self.waiting.insert(ticket), "a ticket is given once"),
        }
        ticket
    }

    /// The values by their paths when the server starts, after this.
    fn loaded(&mut self) -> Vec<(String, String)> {
        let loaded = self.engine.log().load().into_iter();
        loaded.map(|(path, value)| (path.to_string(), value.to_string())).collect()
    }

    fn keeps(&mut self) -> bool {
        self.engine.log().keeps_history()
    }

    /// Ends the log, takes what it still tells, and opens it again.
    fn restart(&mut self) {
        self.engine.end();
        while let Ok(told) = self.told.try_recv() {
            self.take(told);
        }
        self.start();
    }
}

/// Holds `clause` against each engine.
fn each(clause: impl Fn(&mut Bench)) {
    let mut late = SimulatedLog::default();
    late.is_late = true;
    let engines: [Box<dyn Engine>; 5] = [
        Box::new(Sqlite::new(Durability::Strict)),
        Box::new(Sqlite::new(Durability::Relaxed)),
        Box::new(Memory(MemoryLog)),
        Box::new(Simulated(SimulatedLog::default())),
        Box::new(Simulated(late)),
    ];
    for engine in engines {
        clause(&mut Bench::new(engine));
    }
}

/// The question for all of a conversation.
fn page(conversation: ConversationId) -> Query {
    Query::Page {
        conversation: Conversation::Room(conversation),
        shown: None,
        selection: Selection::Latest(None),
        limit: usize::MAX,
        bytes_max: usize::MAX,
        rank: 0,
        ranked_after: UNIX_EPOCH,
        shows: Shows::default(),
    }
}

fn msgids_of(answer: Result<Answer, Arc<str>>) -> Vec<String> {
    let Answer::Page(page) = answer.unwrap() else { panic!("a page was asked for") };
    page.iter().map(|entry| entry.event.msgid.as_deref().unwrap().to_owned()).collect()
}

fn time(number: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(1_700_000_000_000 + number)
}

fn msgid(number: u64) -> String {
    format!("{:011x}{number:013x}", 1_700_000_000_000 + number)
}

/// A message in `room`.
fn record(room: &str, number: u64) -> Record {
    let content = RecordContent::Message {
        source: "ann!u@h".into(),
        kind: MessageKind::Privmsg,
        target: room.into(),
        text: format!("word{number}").into(),
        tags: "".into(),
    };
    Record {
        conversation: Conversation::Room(conversation(room)),
        by: "=ann".into(),
        event: RecordEvent::new(
            content,
            time(number),
            msgid(number).into(),
            delivery::Sender::default(),
        ),
        nonce: None,
        changes: Vec::new(),
    }
}

fn plain(room: &str, number: u64) -> Arc<Record> {
    Arc::new(record(room, number))
}

fn with_nonce(room: &str, number: u64, nonce: &str) -> Arc<Record> {
    Arc::new(Record { nonce: Some(nonce.into()), ..record(room, number) })
}

/// A message with which `path` becomes its number.
fn with_change(room: &str, number: u64, path: &str) -> Arc<Record> {
    Arc::new(Record { changes: vec![set(path, &number.to_string())], ..record(room, number) })
}

fn set(path: &str, value: &str) -> Change {
    Change::Set { path: path.into(), value: value.into() }
}

/// The values that an engine loads that keeps these.
fn state<const N: usize>(facts: [(&str, &str); N]) -> Vec<(String, String)> {
    facts.map(|(path, value)| (path.to_owned(), value.to_owned())).into()
}

fn known(number: u64) -> Result<(), AppendError> {
    Err(AppendError::Known { msgid: msgid(number).into(), time: time(number) })
}

/// Records are told appended in the order in which they were given, and are found in it, also after a restart.
#[test]
fn records_are_told_in_the_order_in_which_they_were_given() {
    each(|bench| {
        let records: Vec<u64> = (0..300).collect();
        let rooms = ["#one", "#two", "#three"];
        let room = |number: u64| rooms[usize::try_from(number % 3).unwrap()];
        let given: Vec<Ticket> =
            records.iter().map(|number| bench.give(&plain(room(*number), *number))).collect();
        bench.settle();
        let told: Vec<Ticket> = bench.outcomes.iter().map(|(ticket, _)| *ticket).collect();
        assert_eq!(told, given);
        assert!(bench.outcomes.iter().all(|(_, outcome)| outcome.is_ok()));
        if bench.keeps() {
            for _ in 0..2 {
                for (start, room) in (0..).zip(rooms) {
                    let expected: Vec<String> = (start..300).step_by(3).map(msgid).collect();
                    assert_eq!(bench.msgids(room), expected);
                }
                bench.restart();
            }
        }
    });
}

/// Each ticket has one outcome, whether it was for a record, for changes or for a question, and whatever it is.
#[test]
fn an_answer_comes_once_for_each_ticket() {
    each(|bench| {
        let mut given = Vec::new();
        for number in 0..40 {
            // Every other one is known already.
            given.push(bench.give(&with_nonce("#one", number, &format!("nonce {}", number / 2))));
            given.push(bench.give_changes(vec![set("path", &number.to_string())]));
            let ticket = bench.ticket();
            let conversation = Conversation::Room(conversation("#one"));
            let msgid = msgid(number).into();
            let find = Query::Find { conversation, msgid, rank: 0, ranked_after: UNIX_EPOCH };
            if matches!(bench.engine.log().query(ticket, Asker::default(), find), Querying::Later) {
                bench.waiting.insert(ticket);
            }
        }
        bench.settle();
        given.iter().for_each(|ticket| drop(bench.outcome(*ticket)));
        assert_eq!(bench.outcomes.len(), given.len());
        let asked: BTreeSet<Ticket> = bench.answers.iter().map(|(ticket, _)| *ticket).collect();
        assert_eq!(asked.len(), if bench.keeps() { 40 } else { 0 });
        // What it tells in its last moments is told once, too.
        bench.restart();
        assert_eq!(bench.outcomes.len(), given.len());
    });
}

/// A record is stored once in its conversation under its nonce: a repeat is answered with the id and the time of the
/// first, also after a restart. A log that keeps nothing knows of no first.
#[test]
fn a_repeat_is_answered_with_the_first() {
    each(|bench| {
        assert_eq!(bench.append(&with_nonce("#one", 1, "nonce")), Ok(()));
        let repeat = if bench.keeps() { known(1) } else { Ok(()) };
        // One is on its way when the next comes.
        let [second, third] = [2, 3].map(|number| bench.give(&with_nonce("#one", number, "nonce")));
        bench.settle();
        assert_eq!(
            [second, third].map(|ticket| bench.outcome(ticket)),
            [repeat.clone(), repeat.clone()]
        );
        assert_eq!(bench.append(&with_nonce("#two", 4, "nonce")), Ok(()));
        assert_eq!(bench.append(&with_nonce("#one", 5, "other")), Ok(()));
        bench.restart();
        assert_eq!(bench.append(&with_nonce("#one", 6, "nonce")), repeat);
        if bench.keeps() {
            assert_eq!(bench.msgids("#one"), [msgid(1), msgid(5)]);
            assert_eq!(bench.msgids("#two"), [msgid(4)]);
        }
    });
}

/// What is to be known again with a record is kept with it, and is not kept if the record is not.
#[test]
fn changes_are_there_with_their_record_or_not_at_all() {
    each(|bench| {
        let change = |number, path: &str, nonce: &str| {
            let record = Arc::unwrap_or_clone(with_change("#one", number, path));
            Arc::new(Record { nonce: Some(nonce.into()), ..record })
        };
        assert_eq!(bench.append(&change(1, "first", "nonce")), Ok(()));
        let repeat = if bench.keeps() { known(1) } else { Ok(()) };
        assert_eq!(bench.append(&change(2, "repeat", "nonce")), repeat);
        if bench.engine.break_disk(true) {
            bench.append(&change(3, "refused", "another")).unwrap_err();
            bench.engine.break_disk(false);
        }
        assert_eq!(bench.append(&change(4, "last", "last")), Ok(()));
        bench.restart();
        if bench.keeps() {
            assert_eq!(bench.loaded(), state([("first", "1"), ("last", "4")]));
            assert_eq!(bench.msgids("#one"), [msgid(1), msgid(4)]);
        } else {
            assert_eq!(bench.loaded(), []);
        }
    });
}

/// After a restart a log gives what was set last at each path, in the order of the paths, nothing of what was removed
/// with all below it, and the time of its latest record. A log that keeps nothing gives nothing.
#[test]
fn a_restart_gives_what_was_set_last() {
    each(|bench| {
        let facts = [
            set("room\n2", "two"),
            set("room\n1", "one"),
            set("room\n1\ntopic", "below"),
            set("room\n10", "ten"),
        ];
        assert_eq!(bench.persist(facts.into()), Ok(()));
        assert_eq!(bench.append(&with_change("#one", 7, "room\n2")), Ok(()));
        let remove = Change::Remove { path: "room\n1".into() };
        assert_eq!(bench.persist(vec![remove, set("room\n3", "three")]), Ok(()));
        for _ in 0..2 {
            bench.restart();
            let latest = bench.engine.log().latest_time();
            if bench.keeps() {
                let expected = [("room\n10", "ten"), ("room\n2", "7"), ("room\n3", "three")];
                assert_eq!(bench.loaded(), state(expected));
                assert_eq!(latest, time(7));
            } else {
                assert_eq!((bench.loaded(), latest), (Vec::new(), UNIX_EPOCH));
            }
        }
    });
}

/// A conversation that gets another name keeps its records, and one that is begun under the name it had has none of them:
/// at once, before anything of it is stored, and after a restart, which gives each by the name it has by then.
#[test]
fn a_name_decides_nothing_about_what_is_read() {
    each(|bench| {
        // In a room of that name, whichever conversation it is.
        let said = |of: ConversationId, room: &str, number: u64| {
            let conversation = Conversation::Room(of);
            Arc::new(Record { conversation, ..record(room, number) })
        };
        let [first, second, third] = ["#first", "#second", "#third"].map(conversation);
        assert_eq!(bench.append(&said(first, "#old", 1)), Ok(()));
        assert_eq!(bench.append(&said(second, "#New", 2)), Ok(()));
        let rename = Change::Name { conversation: first, name: "#new".into() };
        let renamed = Arc::unwrap_or_clone(said(first, "#old", 3));
        bench.give(&Arc::new(Record { changes: vec![rename], ..renamed }));
        bench.engine.log().mark(ConversationMark::Ended { conversation: second });
        // A stranger has founded the old name, and asks before any of it is stored.
        let asked = bench.begin_to_ask(page(third));
        bench.give(&said(third, "#old", 4));
        bench.give(&said(first, "#new", 5));
        bench.settle();
        if !bench.keeps() {
            return;
        }
        let answer = bench.answers.iter().find(|(ticket, _)| *ticket == asked);
        let told = answer.map(|(_, answer)| msgids_of(answer.clone())).unwrap();
        assert!(told.iter().all(|own| *own == msgid(4)), "{told:?} was read under the old name");
        for _ in 0..2 {
            assert_eq!(bench.msgids_in(first), [1, 3, 5].map(msgid));
            assert_eq!(bench.msgids_in(second), [""; 0]);
            assert_eq!(bench.msgids_in(third), [msgid(4)]);
            bench.restart();
            let named = bench.engine.log().conversations();
            let named: Vec<_> = named.iter().map(|(own, name)| (*own, &**name)).collect();
            assert_eq!(named, [(first, "#new"), (third, "#old")]);
        }
        // One that nothing is said in is known by its name as well.
        let name = Change::Name { conversation: second, name: "#silent".into() };
        assert_eq!(bench.persist(vec![name]), Ok(()));
        bench.restart();
        let named = bench.engine.log().conversations();
        assert_eq!(named.last(), Some(&(second, "#silent".into())));
    });
}

/// A question is answered from all that was told appended before it was asked, however it is asked. A log that keeps
/// nothing says so in a sentence.
#[test]
fn a_question_finds_what_was_appended_before_it() {
    each(|bench| {
        let scope = |room: &str| ConversationScope {
            conversation: Conversation::Room(conversation(room)),
            shown: None,
            rank: 0,
            ranked_after: UNIX_EPOCH,
        };
        let search = |number: u64| {
            Query::Search(Search {
                conversations: vec![scope("#one")],
                direct: None,
                words: Some(SearchWords::read(&format!("word{number}")).unwrap()),
                from: None,
                after: None,
                before: None,
                limit: 10,
                bytes_max: usize::MAX,
                order: Order::Time,
            })
        };
        if !bench.keeps() {
            assert_eq!(bench.append(&plain("#one", 0)), Ok(()));
            let why = bench.ask(search(0)).unwrap_err();
            assert!(why.contains(' '), "{why} is no sentence");
            return;
        }
        for number in 0..30 {
            assert_eq!(bench.append(&plain("#one", number)), Ok(()));
            let Ok(Answer::Matches(found, _)) = bench.ask(search(number)) else {
                panic!("no matches")
            };
            let found: Vec<&str> =
                found.iter().map(|own| own.event.msgid.as_deref().unwrap()).collect();
            assert_eq!(found, [msgid(number)]);
            assert_eq!(bench.msgids("#one").last(), Some(&msgid(number)));
            let find = Query::Find {
                conversation: Conversation::Room(conversation("#one")),
                msgid: msgid(number).into(),
                rank: 0,
                ranked_after: UNIX_EPOCH,
            };
            let Ok(Answer::Found(Some(found))) = bench.ask(find) else { panic!("it is not found") };
            assert_eq!(&*found.by, "=ann");
        }
    });
}

/// A note is known to what is asked once a record behind it is stored, and to the next start: nothing is read of a conversation
/// that has ended, nor of one that was closed when the server ended, and nobody is told of it as one to go on with.
#[test]
fn a_note_is_known_to_what_is_asked_behind_it() {
    each(|bench| {
        for (number, room) in (0..).zip(["#ended", "#closed", "#open"]) {
            assert_eq!(bench.append(&plain(room, number)), Ok(()));
        }
        let closed = |room, is_closed| {
            let conversation = conversation(room);
            ConversationMark::Closed { conversation, is_closed }
        };
        for mark in [
            ConversationMark::Ended { conversation: conversation("#ended") },
            closed("#closed", true),
            closed("#open", true),
            closed("#open", false),
        ] {
            bench.engine.log().mark(mark);
        }
        assert_eq!(bench.append(&plain("#other", 3)), Ok(()));
        if !bench.keeps() {
            return;
        }
        assert_eq!(bench.msgids("#ended"), [""; 0]);
        assert_eq!(bench.msgids("#closed"), [msgid(1)]);
        bench.restart();
        assert_eq!(bench.msgids("#closed"), [""; 0]);
        assert_eq!(bench.msgids("#open"), [msgid(2)]);
        let named = bench.engine.log().conversations();
        let named: Vec<&str> = named.iter().map(|(_, name)| &**name).collect();
        assert_eq!(named, ["#open", "#other"]);
        assert_eq!(bench.append(&plain("#ended", 4)), Ok(()));
        assert_eq!(bench.msgids("#ended"), [msgid(4)]);
    });
}

/// A log that cannot store refuses in a sentence, keeps nothing of what it refused, and stores again when it can, under the
/// same nonce too.
#[test]
fn what_cannot_be_stored_is_refused_and_kept_in_no_part() {
    each(|bench| {
        assert_eq!(bench.append(&with_nonce("#one", 1, "first")), Ok(()));
        if !bench.engine.break_disk(true) {
            assert!(!bench.keeps(), "what is kept can be refused");
            return;
        }
        let refused = bench.give(&with_nonce("#one", 2, "second"));
        let changes = bench.give_changes(vec![set("path", "refused")]);
        bench.settle();
        for ticket in [refused, changes] {
            let Err(AppendError::Refused(why)) = bench.outcome(ticket) else {
                panic!("it was not refused");
            };
            assert!(why.contains(' '), "{why} is no sentence");
        }
        assert_eq!(bench.msgids("#one"), [msgid(1)]);
        bench.engine.break_disk(false);
        assert_eq!(bench.append(&with_nonce("#one", 3, "second")), Ok(()));
        bench.restart();
        assert_eq!(bench.msgids("#one"), [1, 3].map(msgid));
        assert_eq!(bench.loaded(), []);
    });
}

/// A log that ends writes all that it was given, and answers it before its end is over.
#[test]
fn what_was_given_before_the_end_is_written_and_answered() {
    each(|bench| {
        let given: Vec<Ticket> =
            (0..200).map(|number| bench.give(&with_change("#one", number, "latest"))).collect();
        bench.restart();
        assert!(bench.waiting.is_empty(), "{:?} were left without an answer", bench.waiting);
        for ticket in given {
            assert_eq!(bench.outcome(ticket), Ok(()));
        }
        if bench.keeps() {
            assert_eq!(bench.msgids("#one"), (0..200).map(msgid).collect::<Vec<_>>());
            assert_eq!(bench.loaded(), state([("latest", "199")]));
        }
    });
}

/// When the thread of a log has panicked, those who wait are told nothing, who comes later is refused in a sentence at once,
/// and the end waits for nobody. What had been told stored is there after a restart, and of what was not told it is the
/// beginning.
#[test]
fn a_panic_leaves_those_waiting_alone_and_refuses_the_others() {
    each(|bench| {
        assert_eq!(bench.append(&plain("#one", 0)), Ok(()));
        let panics = Arc::clone(&bench.panics);
        if !bench.engine.panic(&panics) {
            assert_eq!(bench.append(&plain("#one", 1)), Ok(()), "no thread can panic");
            return;
        }
        let deadline = crossbeam_channel::after(PATIENCE);
        let mut number = 0;
        let refused = loop {
            number += 1;
            let ticket = bench.give(&plain("#one", number));
            if !bench.waiting.contains(&ticket) {
                break bench.outcome(ticket);
            }
            assert!(deadline.is_empty(), "nothing is refused");
            std::thread::yield_now();
        };
        let Err(AppendError::Refused(why)) = refused else { panic!("{refused:?} is no refusal") };
        assert!(why.contains(' '), "{why} is no sentence");
        let changes = bench.give_changes(vec![set("path", "later")]);
        assert!(matches!(bench.outcome(changes), Err(AppendError::Refused(_))));
        assert!(bench.told.is_empty(), "those who wait are told nothing");
        bench.engine.end();
        assert!(bench.told.is_empty(), "those who wait are told nothing at the end either");
        bench.waiting.clear();
        bench.start();
        let kept = bench.msgids("#one");
        let beginning: Vec<String> = (0..number).map(msgid).take(kept.len()).collect();
        assert_eq!(kept, beginning);
        assert!(!kept.is_empty(), "what was told stored is there");
        assert_eq!(bench.loaded(), []);
        assert_eq!(bench.append(&plain("#one", 1000)), Ok(()));
    });
}

/// A log whose outcomes nobody hears any more writes what it was given and ends all the same.
#[test]
fn a_log_that_nobody_hears_ends_all_the_same() {
    each(|bench| {
        let (tell, told) = crossbeam_channel::unbounded();
        drop((std::mem::replace(&mut bench.tell, tell), std::mem::replace(&mut bench.told, told)));
        for number in 0..50 {
            bench.give(&plain("#one", number));
        }
        bench.waiting.clear();
        bench.restart();
        if bench.keeps() {
            assert_eq!(bench.msgids("#one"), (0..50).map(msgid).collect::<Vec<_>>());
        }
    });
}
