//! Full-text search (`docs/search.md`): by words, place, person and time, of what one may read.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use chat_core::proto::MessageKind;
use chat_server::{
    delivery::{self, Content, Event, RecordContent},
    history::{Answer, Asker, ConversationScope, Order, Query, Search, Selection, Shows},
    ids::{ConversationId, Ticket},
    record::RecordEvent,
    room_log::{Appender, Conversation, LogOutcome, Record, RoomLog},
    search_words::SearchWords,
    store::{self, Durability, LocalLog},
};
use chat_tests::{PATIENCE, conversation, folder::TempFolder, script::check};

const CAPS: &str = "batch server-time message-tags chat.local/search standard-replies";

#[test]
fn words_places_people_and_times_are_looked_for() {
    check(&format!(
        "caps a {CAPS}
         a> JOIN #x
         b> JOIN #x
         b> JOIN #y
         b> PRIVMSG #x :The quick brown fox
         b> PRIVMSG #x :jumps over the lazy dog
         b> PRIVMSG a :a fox between us
         b> PRIVMSG #y :the fox elsewhere
         b> PRIVMSG #x :我在上海市工作
         b> PRIVMSG #x :so that what follows is later than all of these
         a> PRIVMSG #x :which fox?
         a> SEARCH text=fox
         a< :chat.local BATCH +* chat.local/search
         a< @batch=*chat.local/match=16-19* :b!* PRIVMSG #x :The quick brown fox
         a< @batch=*chat.local/match=2-5* :b!* PRIVMSG a :a fox between us
         a< @batch=*chat.local/match=6-9* :a!* PRIVMSG #x :which fox?
         a< :chat.local BATCH -*
         a> SEARCH in=#X;text=fox*;from=B;limit=5
         a< @batch=* :b!* PRIVMSG #x :The quick brown fox
         a< :chat.local BATCH -*
         a> SEARCH in=b
         a< @batch=* PRIVMSG a :a fox between us
         a< :chat.local BATCH -*
         a> SEARCH in=#x;text=the\\slazy
         a< @batch=*chat.local/match=11-14,15-19* PRIVMSG #x :jumps over the lazy dog
         a< :chat.local BATCH -*
         a> SEARCH in=#x;text=上海市
         a< @batch=*chat.local/match=6-15* PRIVMSG #x :我在上海市工作
         a< :chat.local BATCH -*
         a> SEARCH text=fox;limit=1
         a< @batch=* PRIVMSG #x :which fox?
         a< :chat.local BATCH -*
         a> SEARCH text=fox;after=2000-01-01T00:00:00.000Z;limit=1
         a< @batch=* PRIVMSG #x :The quick brown fox
         a< :chat.local BATCH -*
         a> SEARCH text=fox;before=2000-01-01T00:00:00.000Z
         a< :chat.local BATCH +*
         a< :chat.local BATCH -*
         a> SEARCH text=nothing
         a< :chat.local BATCH +*
         a< :chat.local BATCH -*
         a> SEARCH in=#y;text=fox
         a< :chat.local FAIL SEARCH INVALID_PARAMS #y :*
         a> SEARCH before=soon
         a< :chat.local FAIL SEARCH INVALID_PARAMS before :*
         a> SEARCH limit=many
         a< :chat.local FAIL SEARCH INVALID_PARAMS limit :*
         a> SEARCH order=luck
         a< :chat.local FAIL SEARCH INVALID_PARAMS order :*
         a> SEARCH colour=red
         a< :chat.local FAIL SEARCH INVALID_PARAMS colour :*
         a> SEARCH
         a< * 461 a SEARCH *"
    ));
}

/// soju.im/search, and those who know of no searching.
#[test]
fn others_search_in_their_own_way() {
    check(
        "caps a batch soju.im/search
         a> JOIN #x
         a> PRIVMSG #x :a needle in the hay
         a> SEARCH in=#x;text=needle
         a< :chat.local BATCH +* soju.im/search
         a< @batch=* :a!* PRIVMSG #x :a needle in the hay
         a< :chat.local BATCH -*
         b> JOIN #x
         b< * PRIVMSG #x :a needle in the hay
         b> SEARCH needle hay
         b< :chat.local NOTICE b :20* #x <a> a needle in the hay
         b> SEARCH needle -hay in=#x
         b! *hay*
         b< :chat.local NOTICE b :Nothing was found *",
    );
}

/// What is deleted is not found, and what is edited is found by what it says now.
#[test]
fn what_is_gone_is_not_found() {
    use chat_tests::{TestClient, TestServer};

    let folder = TempFolder::new("search");
    let start = || TestServer::with(|config| config.data = Some(folder.path().to_owned()));
    let caps = "batch message-tags echo-message chat.local/search chat.local/edit \
                draft/message-redaction";
    let server = start();
    let mut ann = TestClient::register_with(&server, "ann", caps);
    ann.send("PRIVMSG #lobby :the old word");
    let line = ann.expect("* PRIVMSG #lobby :the old word");
    let msgid = line.split("msgid=").nth(1).unwrap().split([';', ' ']).next().unwrap().to_owned();
    ann.send("SEARCH text=old");
    ann.expect("@batch=* PRIVMSG #lobby :the old word");
    ann.send(&format!("EDIT #lobby {msgid} :the new word"));
    ann.expect("* EDIT *");
    ann.send("SEARCH text=old");
    ann.expect("* BATCH +*");
    ann.expect("* BATCH -*");
    ann.send("SEARCH text=new");
    ann.expect("@batch=* PRIVMSG #lobby :the new word");
    // Also when the server has started anew in between.
    drop((ann, server));
    let server = start();
    let mut bob = TestClient::register_with(&server, "bob", caps);
    bob.send("SEARCH text=new");
    bob.expect("@batch=* PRIVMSG #lobby :the new word");
    // Whoever comes first operates the room.
    bob.send(&format!("REDACT #lobby {msgid}"));
    bob.expect("* REDACT *");
    bob.send("SEARCH text=new");
    bob.expect("* BATCH +*");
    bob.expect("* BATCH -*");
    bob.expect_none("*the new word*");
}

/// A store with some messages in a room.
struct Found {
    log: LocalLog,
    answers: crossbeam_channel::Receiver<LogOutcome>,
    _folder: TempFolder,
}

impl Found {
    fn with(texts: &[&str]) -> Self {
        let folder = TempFolder::new("words");
        let mut log = LocalLog::open(folder.path(), Durability::Relaxed).unwrap();
        let (to_hub, answers) = crossbeam_channel::unbounded();
        log.start(Appender::to_channel(to_hub)).unwrap();
        for (index, text) in texts.iter().enumerate() {
            let at = u64::try_from(index).unwrap();
            let time = UNIX_EPOCH + Duration::from_millis(1_700_000_000_000 + at);
            let msgid = format!("{:011x}{at:013x}", 1_700_000_000_000 + at).into();
            let content = RecordContent::Message {
                source: "ann!u@h".into(),
                kind: MessageKind::Privmsg,
                target: "#x".into(),
                text: (*text).into(),
                tags: "".into(),
            };
            let event = RecordEvent::new(content, time, msgid, delivery::Sender::default());
            let (conversation, by) = (Conversation::Room(conversation("#x")), "~1".into());
            let record =
                Arc::new(Record { conversation, by, event, nonce: None, changes: Vec::new() });
            log.append(Ticket(at), &record);
            let LogOutcome::Appended { outcome: Ok(()), .. } =
                answers.recv_timeout(PATIENCE).unwrap()
            else {
                panic!("it was not stored")
            };
        }
        Self { log, answers, _folder: folder }
    }

    /// The texts that are found.
    fn find(&mut self, words: &str, order: Order) -> Vec<String> {
        let part = ConversationScope {
            conversation: Conversation::Room(conversation("#x")),
            shown: Some("#x".into()),
            rank: 0,
            ranked_after: SystemTime::UNIX_EPOCH,
        };
        self.log.query(
            Ticket(9999),
            Asker::default(),
            Query::Search(Search {
                conversations: vec![part],
                direct: Some(("=nobody".into(), BTreeSet::new())),
                words: Some(SearchWords::read(words).unwrap()),
                from: None,
                after: None,
                before: None,
                limit: 10,
                bytes_max: usize::MAX,
                order,
            }),
        );
        match self.answers.recv_timeout(PATIENCE).unwrap() {
            LogOutcome::Queried { answer: Ok(Answer::Matches(matches, _)), .. } => {
                let text = |event: &Event| match &event.content {
                    Content::Record(RecordContent::Message { text, .. }) => text.to_string(),
                    other => panic!("{other:?}"),
                };
                matches.iter().map(|found| text(&found.event)).collect()
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Unicode, phrases, beginnings and what is not wanted.
#[test]
fn words_of_all_languages_are_found() {
    let texts = [
        "Il caffè è pronto",
        "the coffee is ready",
        "кофе готов",
        "コーヒー できた",
        "ready is the coffee",
        "a\u{fdd0}b ready",
        "\"quoted\" AND NOT (odd) ready* ^",
    ];
    let mut found = Found::with(&texts);
    let mut find = |words: &str| found.find(words, Order::Time);
    assert_eq!(find("CAFFE"), [texts[0]]);
    assert_eq!(find("caffè pronto"), [texts[0]]);
    assert_eq!(find("Готов"), [texts[2]]);
    assert_eq!(find("コーヒー"), [texts[3]]);
    assert_eq!(find("コー*"), [texts[3]]);
    assert_eq!(find("できた"), [texts[3]]);
    assert_eq!(find("\"コーヒー できた\""), [texts[3]]);
    assert_eq!(find("\"CAFFE e\u{300}\""), [texts[0]]);
    assert_eq!(find("\"coffee is\""), [texts[1]]);
    assert_eq!(find("coffee -\"coffee is\""), [texts[4]]);
    assert_eq!(find("cof*"), [texts[1], texts[4]]);
    assert_eq!(find("b\u{fdd0} ready"), Vec::<String>::new());
    assert_eq!(find("ready odd"), [texts[6]]);
    assert_eq!(find("NOT and"), [texts[6]]);
    for nothing in ["", "* ^", "-coffee", "\"\"", "NEAR(a b)", "text:coffee"] {
        assert_eq!(find(nothing), Vec::<String>::new(), "{nothing}");
    }
}

/// Signs that no spaces divide are found wherever they are side by side: one, two, three and more.
#[test]
fn words_without_spaces_between_them_are_found() {
    let texts = [
        "我在上海市工作",
        "海上有风",
        "上海，市区",
        "今日は東京タワーへ行った",
        "ฉันอยู่ที่กรุงเทพ",
        "한국어로 말해요",
        "用Rust编程",
        "ຂ້ອຍຢູ່ວຽງຈັນ",
        "ខ្ញុំនៅភ្នំពេញ",
        "ကျွန်တော်ရန်ကုန်မှာ",
        "मैं हिन्दी बोलता हूँ",
        "哈哈哈 𠮷野家",
    ];
    let mut found = Found::with(&texts);
    let mut find = |words: &str| found.find(words, Order::Time);
    for (words, expected) in [
        ("上海", &[0, 2][..]),
        ("海", &[0, 1, 2]),
        ("作", &[0]),
        ("市", &[0, 2]),
        ("上海市", &[0]),
        ("上海市工", &[0]),
        ("我在上海市工作", &[0]),
        ("海上", &[1]),
        ("\"上海 市区\"", &[2]),
        ("海 -上海", &[1]),
        ("海 -\"上海市\"", &[1, 2]),
        ("上海*", &[0, 2]),
        ("東京", &[3]),
        ("タワー", &[3]),
        ("行った 今日", &[3]),
        ("กรุงเทพ", &[4]),
        ("ที่", &[4]),
        ("국어", &[5]),
        ("어로", &[5]),
        ("rust", &[6]),
        ("用rust编程", &[6]),
        ("ວຽງຈັນ", &[7]),
        ("ភ្នំពេញ", &[8]),
        ("ရန်ကုန်", &[9]),
        ("हिन्दी", &[10]),
        ("हिन्द*", &[10]),
        ("哈哈", &[11]),
        ("哈哈哈哈", &[]),
        ("𠮷野", &[11]),
        ("北京", &[]),
        ("上区", &[]),
    ] {
        let expected: Vec<&str> = expected.iter().map(|index| texts[*index]).collect();
        assert_eq!(find(words), expected, "{words}");
    }
}

/// How good a match is, is counted by signs too.
#[test]
fn the_best_matches_come_first_without_spaces_too() {
    let texts = [
        "我在上海市工作了很多年，现在住在别的地方，不过有时候还回去看看朋友们",
        "上海上海上海",
        "去上海工作",
    ];
    let mut found = Found::with(&texts);
    assert_eq!(found.find("上海", Order::Rank), [texts[1], texts[2], texts[0]]);
}

#[test]
fn the_best_matches_come_first_when_asked() {
    let texts = [
        "a word among very many others that have nothing to do with it at all",
        "word word word",
        "another sentence with one word in it",
        "nothing",
    ];
    let mut found = Found::with(&texts);
    assert_eq!(found.find("word", Order::Rank), [texts[1], texts[2], texts[0]]);
    assert_eq!(found.find("word", Order::Time), [texts[0], texts[1], texts[2]]);
}

/// Words and beginnings have bounds, which are said; what is said twice counts once.
#[test]
fn what_asks_for_too_much_is_refused_in_words() {
    let many = |n: usize| (0..n).map(|n| format!("w{n}")).collect::<Vec<_>>().join("\\s");
    let doubles = vec!["fox"; 100].join("\\s");
    check(&format!(
        "caps a {CAPS}
         a> JOIN #x
         a> PRIVMSG #x :a fox
         a> SEARCH text={}
         a< :chat.local FAIL SEARCH INVALID_PARAMS text :one looks for 8 different words at most
         a> SEARCH text={}
         a< :chat.local FAIL SEARCH INVALID_PARAMS text :a beginning of a word has 3 letters at least *
         a> SEARCH text={}
         a< :chat.local BATCH +*
         a< :chat.local BATCH -*
         a> SEARCH text={doubles}
         a< @batch=* PRIVMSG #x :a fox
         a< :chat.local BATCH -*
         b> JOIN #x
         b> SEARCH fo* -a*
         b< :chat.local NOTICE b :*a beginning of a word has 3 letters at least *",
        many(9),
        vec!["a*"; 118].join("\\s"),
        many(8),
    ));
}

/// A line of an export for a message in `#big`.
fn exported(number: u64) -> String {
    let at = 1_700_000_000_000 + number;
    let time = humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_millis(at));
    format!(
        r#"{{"type":"record","time":"{time}","msgid":"{at:011x}{number:013x}","kind":1,"source":"a!b@c","text":"word{} and word{number}"}}"#,
        number % 1000
    )
}

/// A folder with so many messages in `#big`, of which the index of words has none yet.
fn imported(n_records: u64) -> TempFolder {
    let folder = TempFolder::new("imported");
    let mut lines = r##"{"type":"conversation","names":["#big"]}"##.to_owned();
    for number in 0..n_records {
        lines.push('\n');
        lines.push_str(&exported(number));
    }
    store::import(folder.path(), &mut lines.as_bytes(), &|_| Ok(())).unwrap();
    folder
}

/// A search that looks at every message there is, and a page of another room.
fn long_search(room: ConversationId) -> Query {
    let part = ConversationScope {
        conversation: Conversation::Room(room),
        shown: Some("#big".into()),
        rank: 0,
        ranked_after: UNIX_EPOCH,
    };
    Query::Search(Search {
        conversations: vec![part],
        direct: None,
        words: None,
        from: Some("nobody".into()),
        after: None,
        before: None,
        limit: 10,
        bytes_max: usize::MAX,
        order: Order::Time,
    })
}

/// Three guests kept everybody's history waiting for 21 seconds.
#[test]
fn searches_hold_up_neither_pages_nor_others_who_search() {
    const SEARCHES: u64 = 40;
    let folder = imported(100_000);
    let mut log = LocalLog::open(folder.path(), Durability::Relaxed).unwrap();
    let (room, _) = log.conversations().swap_remove(0);
    let (to_hub, answers) = crossbeam_channel::unbounded();
    log.start(Appender::to_channel(to_hub)).unwrap();
    let asker = |name: &str| Asker(name.into());
    for number in 0..SEARCHES {
        log.query(Ticket(number), asker("who asks much"), long_search(room));
    }
    let (page, other) = (Ticket(1000), Ticket(1001));
    let query = Query::Page {
        conversation: Conversation::Room(conversation("#other")),
        shown: None,
        selection: Selection::Latest(None),
        limit: 10,
        bytes_max: usize::MAX,
        rank: 0,
        ranked_after: UNIX_EPOCH,
        shows: Shows::default(),
    };
    log.query(other, asker("another"), long_search(room));
    log.query(page, asker("another"), query);
    let mut order = Vec::new();
    for _ in 0..SEARCHES + 2 {
        match answers.recv_timeout(PATIENCE).unwrap() {
            LogOutcome::Queried { ticket, answer } => {
                answer.unwrap();
                order.push(ticket);
            }
            told => panic!("{told:?}"),
        }
    }
    let place = |ticket| order.iter().position(|own| *own == ticket).unwrap();
    // Most of what was asked before them is answered behind them.
    for (what, place) in [("a page", place(page)), ("another's search", place(other))] {
        assert!(place < 20, "{what} came behind {place} searches of one who asks much");
    }
}

/// The first search after an import is answered from what the index has so far, and says so; others write meanwhile.
#[test]
fn a_search_while_the_index_is_made_says_that_there_may_be_more() {
    use chat_tests::{TestClient, TestServer, poll};

    const RECORDS: u64 = 200_000;
    let last = format!("word{}", RECORDS - 1);
    // A busy computer may have made the index before the search comes: then it is another one's turn.
    let searched = (0..5).find_map(|_| {
        let folder = imported(RECORDS);
        let server = TestServer::with(|config| config.data = Some(folder.path().to_owned()));
        let mut ann = TestClient::register_with(&server, "ann", &format!("{CAPS} echo-message"));
        ann.send("JOIN #big");
        ann.expect("* 366 *");
        ann.send(&format!("SEARCH text={last}"));
        ann.send("PING searched");
        ann.expect("* BATCH +*");
        ann.expect("* BATCH -*");
        let line = ann.next_line().unwrap();
        if line.contains("PONG") {
            return None;
        }
        assert!(line.contains(" WARN SEARCH INDEX_INCOMPLETE :"), "{line}");
        assert!(line.contains("there may be more"), "{line}");
        Some((folder, server, ann))
    });
    let (_folder, _server, mut ann) = searched.expect("an index is made behind the first searches");
    ann.send("PRIVMSG #big :said meanwhile");
    ann.expect("* PRIVMSG #big :said meanwhile");
    poll(|| {
        ann.send(&format!("SEARCH text={last}"));
        ann.expect("* BATCH +*");
        let line = ann.next_line().unwrap();
        if line.contains(&last) { Ok(()) } else { Err(line) }
    });
    ann.expect("* BATCH -*");
    ann.expect_none("*INDEX_INCOMPLETE*");
}
