//! The store beside the simplest memory: asked anything after anything was kept, they answer alike.

use std::{collections::BTreeSet, ops::Range, sync::Arc};

use chat_server::{
    delivery::RecordContent,
    history::{ConversationScope, Order, Query, Reference, Search, Selection, Shows},
    room_log::{Change, Conversation, ConversationMark, Record, RoomLog},
    search_words::SearchWords,
};
use chat_tests::{conversation, folder::TempFolder, model_log::ModelLog};
use proptest::{collection::vec, prelude::*, test_runner::FileFailurePersistence};

use crate::store::{Store, in_conversation, record, time, written};

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
const KINDS: Range<u8> = 0..14;

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
            let words = [
                "number",
                "num* first",
                "NUMBER 7",
                "first",
                "*",
                "second",
                "numb* 1",
                "上海",
                "海",
                "市",
                "上海市 num*",
                "海上海工作 上海",
                "7 海工",
                "海作",
            ];
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

/// Each of them shown or not.
fn shows(number: u64) -> Shows {
    let bit = |place: u32| number >> place & 1 == 1;
    Shows { events: bit(0), redacted: bit(1), context: bit(2), changes: bit(3) }
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
