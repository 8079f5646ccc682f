//! The store's answers, by whichever way one reads: what is for operators is told to them alone, and nobody pushes out what
//! others said.

use std::{collections::BTreeSet, sync::Arc, time::UNIX_EPOCH};

use chat_core::proto::MessageKind;
use chat_server::{
    delivery::{self, RecordContent},
    history::{Answer, ConversationScope, Order, Query, Reference, Search, Selection, Shows},
    record::RecordEvent,
    room_log::{Conversation, Record},
};
use chat_tests::folder::TempFolder;

use crate::store::{Store, in_conversation, in_room, msgid, time, written};

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
    // Also if it were asked for as one of two people.
    all.push(Query::DirectPage {
        conversations: vec![conversation.clone()],
        selection: Selection::Latest(None),
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
        Query::DirectPage { .. } => 6,
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
    assert_eq!(ways, (0..7).collect());
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
