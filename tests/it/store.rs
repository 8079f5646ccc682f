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
        Answer, Asker, ConversationScope, Order, Query, Reference, Search, Selection, Shows,
    },
    ids::{ConversationId, Ticket},
    record::RecordEvent,
    room_log::{
        AppendError, Appender, Appending, Change, Conversation, ConversationMark, LogOutcome,
        Querying, Record, RoomLog, THE_SERVER,
    },
    search_words::SearchWords,
    store::{Durability, LocalLog, StoreError},
};
use chat_tests::{
    PATIENCE, TestClient, TestServer, conversation, folder::TempFolder, model_log::ModelLog,
};
use crossbeam_channel::Receiver;
use proptest::{collection::vec, prelude::*, test_runner::FileFailurePersistence};

/// A store with its answers at hand.
struct Store {
    log: LocalLog,
    answers: Receiver<LogOutcome>,
    /// The conversations of rooms when it was opened.
    named: Vec<(ConversationId, Arc<str>)>,
    n_asked: u64,
}

impl Store {
    fn open(folder: &Path) -> Self {
        let mut log = LocalLog::open(folder, Durability::Relaxed).unwrap();
        let named = log.conversations();
        let (to_hub, answers) = crossbeam_channel::unbounded();
        log.start(Appender::to_channel(to_hub)).unwrap();
        Self { log, answers, named, n_asked: 0 }
    }

    /// The conversation of the room of that name, as it was when the store was opened.
    fn named(&self, name: &str) -> Option<ConversationId> {
        let mut named = self.named.iter().filter(|(_, own)| **own == *name);
        let found = named.next().map(|(own, _)| *own);
        assert!(named.next().is_none(), "{name} is that of several");
        found
    }

    fn append(&mut self, record: &Arc<Record>) -> Result<(), AppendError> {
        self.n_asked += 1;
        assert_eq!(self.log.append(Ticket(self.n_asked), record), Appending::Later);
        match self.answers.recv_timeout(PATIENCE).unwrap() {
            LogOutcome::Appended { outcome, .. } => outcome,
            other => panic!("{other:?}"),
        }
    }

    fn answer(&mut self, query: &Query) -> Answer {
        self.n_asked += 1;
        let recalling = self.log.query(Ticket(self.n_asked), Asker::default(), query.clone());
        assert!(matches!(recalling, Querying::Later));
        match self.answers.recv_timeout(PATIENCE).unwrap() {
            LogOutcome::Queried { answer, .. } => answer.unwrap(),
            other => panic!("{other:?}"),
        }
    }
}

fn time(milliseconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(1_700_000_000_000 + milliseconds)
}

fn msgid(milliseconds: u64, number: u64) -> Arc<str> {
    format!("{:011x}{number:013x}", 1_700_000_000_000 + milliseconds).into()
}

fn in_conversation(number: u8) -> Conversation {
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
fn record(conversation: u8, kind: u8, at: u64, number: u64) -> Arc<Record> {
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
    let text: Arc<str> = format!("number {number}").into();
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

/// The place of a kind in the list of those that are drawn; a kind more does not compile without one.
fn place_of(content: &RecordContent) -> usize {
    match content {
        RecordContent::Edit { .. } => 0,
        RecordContent::Kick { .. } => 1,
        RecordContent::Message { .. } => 2,
        RecordContent::Mode { .. } => 3,
        RecordContent::Multiline { .. } => 4,
        RecordContent::Redact { .. } => 5,
        RecordContent::Rename { .. } => 6,
        RecordContent::Topic { .. } => 7,
    }
}

/// The kinds that are drawn, as [`record`] takes them.
const KINDS: std::ops::Range<u8> = 0..14;

#[test]
fn every_kind_of_record_is_among_those_that_are_drawn() {
    let drawn = KINDS.map(|kind| record(0, kind, 1, 0));
    let places: BTreeSet<usize> = drawn.map(|own| place_of(own.event.content())).collect();
    assert_eq!(places, (0..8).collect());
}

/// A record with which one of the rooms gets a name that the other one may have.
fn renaming(is_back: bool, at: u64, number: u64) -> Arc<Record> {
    let own = conversation(if is_back { "#two" } else { "#one" });
    let name = ["#one", "#two", "#three"][usize::try_from(number % 3).unwrap()].into();
    let path = |last: u64| format!("room\n1\n{last}").into();
    let changes = vec![
        Change::Remove { path: path(number % 4) },
        Change::Set { path: path(number % 3), value: number.to_string().into() },
        Change::Name { conversation: own, name },
    ];
    let Record { conversation, by, event, nonce, .. } =
        Arc::unwrap_or_clone(record(u8::from(is_back), 0, at, number));
    Arc::new(Record { conversation, by, event, nonce, changes })
}

#[derive(Debug, Clone)]
enum Step {
    Append { conversation: u8, kind: u8, later: u64 },
    ConversationMark(u8),
    Reopen,
    Ask { conversation: u8, selection: u8, from: u64, to: u64, limit: usize, rank: u8 },
}

fn step() -> impl Strategy<Value = Step> {
    let append = (0..6_u8, KINDS, 0..3_u64).prop_map(|(conversation, kind, later)| Step::Append {
        conversation,
        kind,
        later,
    });
    let ask = (0..6_u8, 0..17_u8, 0..60_u64, 0..60_u64, 0..9_usize, 0..3_u8).prop_map(
        |(conversation, selection, from, to, limit, rank)| Step::Ask {
            conversation,
            selection,
            from,
            to,
            limit,
            rank,
        },
    );
    prop_oneof![8 => append, 5 => ask, 1 => (0..5_u8).prop_map(Step::ConversationMark), 1 => Just(Step::Reopen)]
}

/// The question that is asked of both.
fn query(step: &Step, known: &[Arc<Record>]) -> Query {
    let Step::Ask { conversation, selection, from, to, limit, rank } = step else {
        unreachable!("only questions are asked");
    };
    let conversation = match in_conversation(*conversation) {
        Conversation::Ranked(room, _) => Conversation::Room(room),
        own => own,
    };
    let msgid_at = |at: u64| -> Reference {
        let record = known.get(usize::try_from(at).unwrap() % known.len().max(1));
        let msgid = record.and_then(|record| record.event.msgid.clone());
        Reference::Msgid(msgid.unwrap_or_else(|| "none".into()))
    };
    let time_at = |at: u64| Reference::Time(time(at));
    let selection = match selection {
        0 => Selection::Latest(None),
        1 => Selection::Latest(Some(time_at(*from))),
        2 => Selection::Latest(Some(msgid_at(*from))),
        3 => Selection::Before(time_at(*from)),
        4 => Selection::Before(msgid_at(*from)),
        5 => Selection::After(time_at(*from)),
        6 => Selection::After(msgid_at(*from)),
        7 => Selection::Around(time_at(*from)),
        8 => Selection::Around(msgid_at(*from)),
        9 => Selection::Between(time_at(*from), msgid_at(*to)),
        10 => Selection::Between(msgid_at(*from), time_at(*to)),
        11 => {
            let Reference::Msgid(msgid) = msgid_at(*from) else { unreachable!("it is one") };
            return Query::Find { conversation, msgid, rank: *rank, ranked_after: time(*to) };
        }
        14 => {
            let part = |number| ConversationScope {
                conversation: in_conversation(number),
                shown: Some(format!("#Shown{number}").into()),
                rank: *rank,
                ranked_after: time(*to),
            };
            let words = ["number", "num* first", "NUMBER 7", "first", "*", "second", "numb* 1"];
            let bit = |place: u32| from >> place & 1 == 1;
            return Query::Search(Search {
                conversations: vec![part(0), part(1)],
                direct: bit(0).then(|| ("=ann".into(), BTreeSet::new())),
                words: bit(1)
                    .then(|| words[usize::try_from(*to).unwrap() % words.len()])
                    .map(|words| SearchWords::read(words).unwrap()),
                from: bit(2).then(|| ["ANN", "bob"][usize::try_from(to % 2).unwrap()].into()),
                after: bit(3).then(|| time(from / 2)),
                before: bit(4).then(|| time(*to)),
                limit: *limit,
                bytes_max: usize::MAX,
                order: Order::Time,
            });
        }
        12 | 13 => {
            let part = |number| ConversationScope {
                conversation: in_conversation(number),
                shown: Some(format!("#Shown{number}").into()),
                rank: *rank,
                ranked_after: time(*to),
            };
            let guests: BTreeSet<Arc<str>> =
                if from % 3 == 0 { ["~1".into()].into() } else { BTreeSet::new() };
            return Query::Changes {
                conversations: vec![part(0), part(1)],
                direct: (*selection == 12).then(|| ("=ann".into(), guests)),
                after: time_at(*from),
                limit: *limit,
                bytes_max: [700, usize::MAX][usize::try_from(from % 2).unwrap()],
                shows: shows(*to),
            };
        }
        15 => {
            let part = ConversationScope {
                // Of rooms alone.
                conversation: in_conversation(u8::try_from(from % 2).unwrap()),
                shown: Some("#Shown".into()),
                rank: *rank,
                ranked_after: time(*to),
            };
            return Query::AuditLog { part, limit: *limit };
        }
        _ => {
            return Query::Targets {
                rooms: vec![in_conversation(0), in_conversation(1)],
                person: "=ann".into(),
                guests: if from % 3 == 0 { ["~1".into()].into() } else { [].into() },
                between: (time(*from), time(*to)),
                limit: *limit,
            };
        }
    };
    let shown = match &conversation {
        Conversation::Room(_) => Some("#Shown".into()),
        _ => None,
    };
    let shows = shows(*from);
    let (limit, rank, ranked_after) = (*limit, *rank, time(*to));
    // Of a record, a few, or any number.
    let bytes_max = [0, 700, usize::MAX][usize::try_from(from % 3).unwrap()];
    Query::Page { conversation, shown, selection, limit, bytes_max, rank, ranked_after, shows }
}

/// A store with an open message, and what operators say among themselves: a reaction to it, a message, an edit of that and
/// an answer to it.
fn with_secrets() -> (TempFolder, Store, Vec<Arc<str>>) {
    let folder = TempFolder::new("secrets");
    let mut store = Store::open(folder.path());
    let say = |conversation: Conversation, number: u64, content: RecordContent| {
        let (at, id) = (time(number), msgid(number, number));
        let event = RecordEvent::new(content, at, Arc::clone(&id), delivery::Sender::default());
        let by = "=ann".into();
        (Arc::new(Record { conversation, by, event, nonce: None, changes: Vec::new() }), id)
    };
    let message = |kind, target: &str, text: &str, tags: &str| RecordContent::Message {
        source: "ann!u@h".into(),
        kind,
        target: target.into(),
        text: text.into(),
        tags: tags.into(),
    };
    let (open, operators) = (in_conversation(0), in_conversation(2));
    let privmsg = MessageKind::Privmsg;
    let (first, open_id) = say(open.clone(), 1, message(privmsg, "#one", "said to all", ""));
    let tags = format!("+reply={open_id};+draft/react=HUSH");
    let (reaction, reaction_id) =
        say(operators.clone(), 2, message(MessageKind::Tagmsg, "@#one", "", &tags));
    let (secret, secret_id) =
        say(operators.clone(), 3, message(privmsg, "@#one", "HUSH between us", ""));
    let edit = RecordContent::Edit {
        source: "ann!u@h".into(),
        target: "@#one".into(),
        edited: Arc::clone(&secret_id),
        text: "HUSH edited".into(),
    };
    let (edit, edit_id) = say(operators.clone(), 4, edit);
    let kick = RecordContent::Kick {
        source: "ann!u@h".into(),
        room: "#one".into(),
        nick: "bob".into(),
        reason: "HUSH reason".into(),
    };
    let (noted, noted_id) = say(operators, 5, kick);
    let tags = format!("+reply={secret_id}");
    let (answer, _) = say(open, 6, message(privmsg, "#one", "an answer", &tags));
    for record in [first, reaction, secret, edit, noted, answer] {
        store.append(&record).unwrap();
    }
    (folder, store, vec![reaction_id, secret_id, edit_id, noted_id])
}

/// All that can be asked about a room by somebody with that rank.
fn all_ways_to_read(rank: u8, ids: &[Arc<str>]) -> Vec<Query> {
    let conversation = in_conversation(0);
    let (shown, ranked_after) = (Some("#One".into()), UNIX_EPOCH);
    let part = ConversationScope { conversation: conversation.clone(), shown, rank, ranked_after };
    let shows = Shows { events: true, redacted: true, context: true, changes: true };
    let by_time = Reference::Time(time(3));
    let mut references = vec![by_time];
    references.extend(ids.iter().map(|id| Reference::Msgid(Arc::clone(id))));
    let mut selections = vec![Selection::Latest(None)];
    for own in references {
        let start = Reference::Time(UNIX_EPOCH);
        selections.extend([
            Selection::After(own.clone()),
            Selection::Around(own.clone()),
            Selection::Before(own.clone()),
            Selection::Between(start.clone(), own.clone()),
            Selection::Between(own.clone(), start),
            Selection::Latest(Some(own)),
        ]);
    }
    let mut all: Vec<Query> = selections
        .into_iter()
        .map(|selection| Query::Page {
            conversation: conversation.clone(),
            shown: Some("#One".into()),
            selection,
            limit: 100,
            bytes_max: usize::MAX,
            rank,
            ranked_after,
            shows,
        })
        .collect();
    for id in ids {
        let (conversation, msgid) = (conversation.clone(), Arc::clone(id));
        all.push(Query::Find { conversation, msgid, rank, ranked_after });
    }
    all.push(Query::AuditLog { part: part.clone(), limit: 100 });
    for (words, order) in
        [(None, Order::Time), (Some("hush"), Order::Time), (Some("hush"), Order::Rank)]
    {
        let search = in_room(words.unwrap_or_default());
        let words = search.words.filter(|_| words.is_some());
        let conversations = vec![part.clone()];
        all.push(Query::Search(Search { conversations, words, order, ..search }));
    }
    all.push(Query::Changes {
        conversations: vec![part],
        direct: Some(("=bob".into(), BTreeSet::new())),
        after: Reference::Time(UNIX_EPOCH),
        limit: 100,
        bytes_max: usize::MAX,
        shows,
    });
    all.push(Query::Targets {
        rooms: vec![conversation],
        person: "=bob".into(),
        guests: BTreeSet::new(),
        between: (UNIX_EPOCH, time(1000)),
        limit: 100,
    });
    all
}

/// The way to read that a query is; one more does not compile without being among them.
fn way_of(query: &Query) -> usize {
    match query {
        Query::AuditLog { .. } => 0,
        Query::Changes { .. } => 1,
        Query::Find { .. } => 2,
        Query::Page { .. } => 3,
        Query::Search(_) => 4,
        Query::Targets { .. } => 5,
    }
}

/// A reaction of operators to a message for all was told to all.
#[test]
fn what_is_for_operators_is_told_by_no_way_to_read() {
    let (_folder, mut store, ids) = with_secrets();
    let mut ways = BTreeSet::new();
    for rank in [0, 1] {
        for query in all_ways_to_read(rank, &ids) {
            ways.insert(way_of(&query));
            let told = format!("{:?}", written(&store.answer(&query)));
            assert!(!told.contains("HUSH"), "rank {rank}: {query:?}: {told}");
            if let Query::Targets { .. } = query {
                // It was not said last.
                let Answer::Targets(targets) = store.answer(&query) else { unreachable!() };
                assert_eq!(targets[0].time, time(6));
            }
        }
    }
    assert_eq!(ways, (0..6).collect());
    // Those it is for are told all of it.
    let told: Vec<String> = all_ways_to_read(2, &ids)
        .iter()
        .filter(|query| written(&store.answer(query)).iter().any(|line| line.contains("HUSH")))
        .map(|query| way_of(query).to_string())
        .collect();
    for way in ["0", "1", "3", "4"] {
        assert!(told.iter().any(|own| own == way), "{told:?}");
    }
}

/// A thousand reactions to one message push nothing out of a page, nor what is about another message.
#[test]
fn a_thousand_reactions_push_nothing_out() {
    let folder = TempFolder::new("reactions");
    let mut store = Store::open(folder.path());
    let mut number = 0;
    let mut say = |store: &mut Store, kind, text: &str, tags: String| {
        number += 1;
        let content = RecordContent::Message {
            source: "ann!u@h".into(),
            kind,
            target: "#one".into(),
            text: text.into(),
            tags: tags.into(),
        };
        let id = msgid(number, number);
        let event =
            RecordEvent::new(content, time(number), Arc::clone(&id), delivery::Sender::default());
        let (conversation, by) = (in_conversation(0), "=ann".into());
        let record = Record { conversation, by, event, nonce: None, changes: Vec::new() };
        store.append(&Arc::new(record)).unwrap();
        id
    };
    let texts: Vec<String> = (0..5).map(|number| format!("message {number}")).collect();
    let ids: Vec<Arc<str>> = texts
        .iter()
        .map(|text| say(&mut store, MessageKind::Privmsg, text, String::new()))
        .collect();
    let edit = RecordContent::Edit {
        source: "ann!u@h".into(),
        target: "#one".into(),
        edited: Arc::clone(&ids[0]),
        text: "message 0".into(),
    };
    let event = RecordEvent::new(edit, time(6), msgid(6, 600), delivery::Sender::default());
    let (conversation, by) = (in_conversation(0), "=ann".into());
    let record = Record { conversation, by, event, nonce: None, changes: Vec::new() };
    store.append(&Arc::new(record)).unwrap();
    for value in 0..1000 {
        let tags = format!("+reply={};+draft/react={value}", ids[0]);
        say(&mut store, MessageKind::Tagmsg, "", tags);
    }
    let tags = format!("+reply={};+draft/react=LAST", ids[4]);
    say(&mut store, MessageKind::Tagmsg, "", tags);
    let query = Query::Page {
        conversation: in_conversation(0),
        shown: Some("#one".into()),
        selection: Selection::Latest(None),
        limit: 5,
        bytes_max: 256 << 10,
        rank: 0,
        ranked_after: UNIX_EPOCH,
        shows: Shows { context: true, ..Shows::default() },
    };
    let Answer::Page(told) = store.answer(&query) else { unreachable!("a page was asked for") };
    let told_texts: Vec<String> =
        told.iter().map(|told| format!("{:?}", told.event.content)).collect();
    assert_eq!(told.len(), 5, "{told_texts:?}");
    for (text, own) in texts.iter().zip(&told_texts) {
        assert!(own.contains(text), "{own}");
    }
    let context = |index: usize| -> Vec<String> {
        told[index].context.iter().map(|event| format!("{:?}", event.content)).collect()
    };
    assert_eq!(context(0).len(), 101, "the latest hundred, and the edit");
    assert!(context(0)[0].contains("Edit"));
    assert!(context(0)[100].contains("react=999"));
    assert!(context(4).len() == 1 && context(4)[0].contains("LAST"));
}

/// Each of them shown or not.
fn shows(number: u64) -> Shows {
    let bit = |place: u32| number >> place & 1 == 1;
    Shows { events: bit(0), redacted: bit(1), context: bit(2), changes: bit(3) }
}

/// As it can be compared.
fn written(answer: &Answer) -> Vec<String> {
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

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 60,
        failure_persistence: Some(Box::new(FileFailurePersistence::Off)),
        ..ProptestConfig::default()
    })]

    /// The database answers as the simplest memory does, also after it was closed and opened again.
    #[test]
    fn what_is_asked_is_answered_as_a_list_would(steps in vec(step(), 1..120)) {
        let folder = TempFolder::new("model");
        let (mut store, mut model) = (Store::open(folder.path()), ModelLog::default());
        let (mut known, mut at) = (Vec::new(), 0);
        for step in &steps {
            match step {
                Step::Append { conversation, kind, later } => {
                    at += later;
                    let number = known.len() as u64;
                    let record = record(*conversation, *kind, at, number);
                    prop_assert_eq!(store.append(&record), model.append(&record));
                    known.push(record);
                }
                Step::ConversationMark(number @ (3 | 4)) => {
                    let record = renaming(*number == 3, at, known.len() as u64);
                    prop_assert_eq!(store.append(&record), model.append(&record));
                    known.push(record);
                }
                Step::ConversationMark(number) => {
                    let [one, two] = ["#one", "#two"].map(conversation);
                    let mark = match number {
                        0 => ConversationMark::Closed { conversation: one, is_closed: true },
                        1 => ConversationMark::Closed { conversation: one, is_closed: false },
                        _ => ConversationMark::Ended { conversation: two },
                    };
                    store.log.mark(mark.clone());
                    model.mark(&mark);
                }
                Step::Reopen => {
                    drop(store);
                    store = Store::open(folder.path());
                    model.restart();
                    prop_assert_eq!(store.log.load(), model.load());
                    prop_assert_eq!(&store.named, &model.conversations());
                }
                Step::Ask { .. } => {
                    // What was noted has no answer to wait for; a record behind it has.
                    let last = record(5, 0, at, known.len() as u64);
                    prop_assert_eq!(store.append(&last), model.append(&last));
                    known.push(last);
                    let query = query(step, &known);
                    let (found, expected) = (store.answer(&query), model.answer(&query));
                    prop_assert_eq!(written(&found), written(&expected), "{:?}", query);
                }
            }
        }
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
fn in_room(words: &str) -> Search {
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

/// A folder with a database as that version left it.
fn folder_of(version: u32) -> TempFolder {
    let versions = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/store");
    let folder = TempFolder::new("older");
    let database = folder.path().join("chat.db");
    let dump = std::fs::File::open(versions.join(format!("version-{version}.sql"))).unwrap();
    let made = std::process::Command::new("sqlite3").arg(&database).stdin(dump).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    folder
}

/// Whatever version wrote it, this one reads it and goes on.
#[test]
fn every_older_version_is_brought_up_to_date() {
    for version in 1..chat_server::store::VERSION {
        let folder = folder_of(version);
        let mut store = Store::open(folder.path());
        let room = store.named("#room").unwrap();
        let query = Query::Page {
            conversation: Conversation::Room(room),
            shown: Some("#Room".into()),
            selection: Selection::Latest(None),
            limit: 10,
            bytes_max: usize::MAX,
            rank: 2,
            ranked_after: UNIX_EPOCH,
            shows: Shows { events: true, ..Shows::default() },
        };
        let Answer::Page(found) = store.answer(&query) else {
            unreachable!("a page was asked for")
        };
        let lines: Vec<String> =
            found.iter().map(|told| format!("{:?}", told.event.content)).collect();
        let expected = ["what it is about", "the first", "+reply=abc", "lines", "+v", "@#Room"];
        assert_eq!(lines.len(), expected.len(), "{lines:#?}");
        for (line, word) in lines.iter().zip(expected) {
            assert!(line.contains(word), "version {version}: {word} is not in {line}");
        }
        let mut wanted = in_room("first");
        wanted.conversations[0].conversation = Conversation::Room(room);
        let Answer::Matches(found, _) = store.answer(&Query::Search(wanted)) else {
            unreachable!("a search was asked for")
        };
        assert_eq!(found.len(), 1, "version {version}: its words are found, once");
        store.append(&record(0, 0, u64::from(u32::MAX), 3)).unwrap();
        let again = store.append(&record(0, 0, u64::from(u32::MAX), 3));
        assert!(matches!(again, Err(AppendError::Known { .. })), "{again:?}");
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

/// What the program of SQLite prints for a query of a folder's database.
fn selected(folder: &Path, query: &str) -> Vec<String> {
    let told = std::process::Command::new("sqlite3")
        .args([folder.join("chat.db").as_os_str(), query.as_ref()])
        .output()
        .unwrap();
    assert!(told.status.success(), "{told:?}");
    String::from_utf8(told.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// Nothing of a store of version 7 is lost when rooms' conversations get numbers: each record, each conversation and each
/// setting is what it was, and read markers are of the conversations that the rooms of their names have.
#[test]
fn a_store_in_which_names_were_asked_for_loses_nothing() {
    let folder = folder_of(7);
    // Closed rooms that are nobody's, and what a guest said to somebody, end with the server: swept at some time behind its start.
    let all = [
        "SELECT records.*, source, account, marks, person FROM records
         JOIN senders ON senders.id = sender JOIN conversations ON conversations.id = records.id >> 28
         WHERE NOT is_closed AND name NOT LIKE '%~%' ORDER BY records.id",
        "SELECT id, replace(name, char(10), ' ') FROM conversations
         WHERE name != '#quiet' AND NOT is_closed AND name NOT LIKE '%~%' ORDER BY id",
        "SELECT participants.* FROM participants JOIN conversations ON conversations.id = conversation
         WHERE name NOT LIKE '%~%'",
        "SELECT * FROM nonces",
        "SELECT path, iif(value LIKE '{%', json_remove(value, '$.conversation'), value) FROM state
         WHERE path NOT LIKE 'marker%'",
    ];
    let before = all.map(|query| selected(folder.path(), query));
    let markers = |query: &str| selected(folder.path(), query);
    let of_names =
        markers("SELECT replace(path, char(10), ' '), value FROM state WHERE path LIKE 'marker%'");
    drop(Store::open(folder.path()));
    let after = all.map(|query| selected(folder.path(), query));
    for (before, after) in before.iter().zip(&after) {
        assert!(!before.is_empty() || before == after);
        assert_eq!(before, after);
    }
    let of_numbers = markers(
        "SELECT replace(substr(path, 1, length(path) - length(own)), char(10), ' ') || ifnull(name, own), value
         FROM (SELECT path, value, substr(path, 9 + instr(substr(path, 9), char(10))) AS own
               FROM state WHERE path LIKE 'marker%')
         LEFT JOIN conversations ON number = own ORDER BY 1",
    );
    assert_eq!(of_numbers, of_names);
    assert_eq!(of_names.len(), 5, "{of_names:?}");
}

/// Whoever was there before is there after it: accounts, what is theirs, rooms with all that is set in them, what was said.
#[test]
fn a_server_goes_on_with_a_store_in_which_names_were_asked_for() {
    let folder = folder_of(7);
    let start = || {
        TestServer::with(|config| {
            config.data = Some(folder.path().to_owned());
            config.auto_join = false;
        })
    };
    let caps = "batch message-tags draft/chathistory draft/read-marker chat.local/edit \
                draft/message-redaction echo-message";
    // The second one finds what the first one has written.
    for _ in 0..2 {
        let server = start();
        let log_in = |name: &str| {
            let mut client = TestClient::register_with(&server, &format!("{name}x"), caps);
            client.send(&format!("NS IDENTIFY {name} a-long-password"));
            client.expect("* 900 *");
            client
        };
        let history = |client: &mut TestClient, room: &str, said: &[&str]| {
            client.send(&format!("CHATHISTORY LATEST {room} * 50"));
            said.iter().for_each(|text| drop(client.expect(&format!("* PRIVMSG * :{text}"))));
            client.expect("* BATCH -*");
        };
        let mut bob = log_in("bob");
        bob.send("JOIN #home");
        bob.expect("* 332 * #Home :where we live");
        bob.expect("* 353 * #Home @bobx");
        let at_home = [
            "hello at home",
            "said by carl, better",
            "(deleted)",
            "for operators at home",
            "dora is in",
        ];
        history(&mut bob, "#home", &at_home);
        bob.send("MODE #home");
        bob.expect("* 324 * #Home +intk sesame");
        bob.send("METADATA #home GET url");
        bob.expect("* 761 * https://example.org/");
        bob.send("CS LINKS #home");
        bob.expect("* for 5 more*");
        bob.send("JOIN #second");
        bob.expect("* MARKREAD #second timestamp=2026-11-30T08:00:00.000Z");
        history(&mut bob, "#second", &["said under the first name", "said under the second name"]);
        bob.send("MARKREAD carl");
        bob.expect("* MARKREAD * timestamp=2026-11-30T08:00:00.000Z");
        history(&mut bob, "carl", &["between us", "and back"]);
        let mut carl = log_in("carl");
        // He operates it, so the key is no bar, nor is +i.
        carl.send("JOIN #home");
        carl.expect("* MARKREAD #Home timestamp=2026-11-30T08:00:00.000Z");
        carl.expect("* 353 * #Home *@carlx*");
        carl.send("JOIN #first");
        carl.expect("* 353 * #first @carlx");
        history(&mut carl, "#first", &["a new first"]);
        carl.send("CHATHISTORY LATEST #first * 50");
        carl.expect_none("*said under the first name*");
        // What he said is his: an account of that version has no number, and is the same one.
        carl.send("CHATHISTORY LATEST #home * 50");
        let line = carl.expect("* PRIVMSG #Home :said by carl, better");
        let msgid = |line: &str| line.split("msgid=").nth(1).unwrap()[..24].to_owned();
        carl.send(&format!("EDIT #home {} :said by carl, better", msgid(&line)));
        carl.expect("*EDIT #Home *");
        let mut dora = log_in("dora");
        dora.send("JOIN #home sesame");
        dora.expect("* 353 * #Home *+dorax*");
        dora.send("JOIN #ask");
        dora.expect("* 353 * #ask @dorax");
        dora.send("CS WAITING #ask");
        dora.expect("* :Carl has asked at *");
        dora.send("JOIN #quiet");
        dora.expect("* MARKREAD #quiet timestamp=2026-11-30T08:00:00.000Z");
        dora.send("PART #quiet");
        // An open past stays with its name; what was shut, or over, is nobody's.
        let mut zoe = TestClient::register_with(&server, "zoe", caps);
        zoe.send("JOIN #open,#shut,#over");
        history(&mut zoe, "#open", &["said in the open", "said by eve"]);
        zoe.send("CHATHISTORY LATEST #shut * 50");
        zoe.send("CHATHISTORY LATEST #over * 50");
        zoe.expect_none("* PRIVMSG *");
    }
    // Whoever takes the name of an account that had ended before it changes nothing that was said under it.
    let server = start();
    let mut eve = TestClient::register_with(&server, "eve", caps);
    eve.send("NS REGISTER another-password");
    eve.expect("* 900 *");
    eve.send("JOIN #open");
    eve.send("CHATHISTORY LATEST #open * 50");
    let line = eve.expect("* PRIVMSG #open :said by eve");
    let msgid = line.split("msgid=").nth(1).unwrap()[..24].to_owned();
    eve.send(&format!("EDIT #open {msgid} :rewritten"));
    eve.expect("* FAIL EDIT EDIT_FORBIDDEN *");
}

/// An account that had been registered anew before accounts had numbers has its own name's messages, but none from before it.
#[test]
fn what_was_said_before_an_account_of_that_name_was_registered_is_not_its() {
    let folder = folder_of(7);
    let anew = "INSERT INTO state SELECT replace(path, 'carl', 'eve'),
                    iif(path LIKE '%carl', '{\"name\":\"Eve\",\"since\":1796029263}', value)
                FROM state WHERE path LIKE 'account%carl' OR path LIKE '%carl%password'";
    selected(folder.path(), anew);
    let server = TestServer::with(|config| {
        config.data = Some(folder.path().to_owned());
        config.auto_join = false;
    });
    let caps = "batch message-tags echo-message draft/chathistory chat.local/edit";
    let mut eve = TestClient::register_with(&server, "evex", caps);
    eve.send("NS IDENTIFY eve a-long-password");
    eve.expect("* 900 *");
    eve.send("JOIN #open");
    let edit = |eve: &mut TestClient, said: &str| {
        eve.send("CHATHISTORY LATEST #open * 50");
        let line = eve.expect(&format!("* PRIVMSG #open :{said}"));
        eve.expect("* BATCH -*");
        let msgid = line.split("msgid=").nth(1).unwrap()[..24].to_owned();
        eve.send(&format!("EDIT #open {msgid} :{said}, again"));
    };
    edit(&mut eve, "said by eve");
    eve.expect("* FAIL EDIT EDIT_FORBIDDEN *");
    eve.send("PRIVMSG #open :said by the next one");
    eve.expect("* PRIVMSG #open *");
    edit(&mut eve, "said by the next one");
    eve.expect("*EDIT #open *");
}
