//! The client SDK against a server that remembers: what was said before is told before what is said, what was missed is
//! told after a lost connection, messages change, and links lead into rooms.

use std::{net::SocketAddr, time::Duration};

use chat_core::{
    ChatClient, Delivery, HistoryPolicy, MemoryBudget, Origin, ReconnectPolicy, Update,
    client::NAME_BYTES_MAX,
    testing::{Record, RecordingListener},
    text::{SHOWN_CHARS_MAX, SHOWN_LINES_MAX, UNBROKEN_CHARS_MAX},
};
use chat_tests::{TestClient, TestServer, folder::TempFolder};

fn start(folder: &TempFolder, address: Option<SocketAddr>) -> TestServer {
    TestServer::with(|config| {
        config.data = Some(folder.path().to_owned());
        if let Some(address) = address {
            config.listen = vec![address.to_string()];
        }
    })
}

fn client(
    server: &str,
    name: &str,
    change: impl FnOnce(chat_core::ChatClientBuilder) -> chat_core::ChatClientBuilder,
) -> (ChatClient, Record) {
    let (listener, record) = RecordingListener::new();
    let mut retry = ReconnectPolicy::default();
    retry.first_delay = Duration::from_millis(10);
    let builder = ChatClient::builder(server, name).listener(listener).reconnect(retry);
    (change(builder).connect().unwrap(), record)
}

/// The updates that were told, in short, in their order.
fn told(record: &Record) -> Vec<String> {
    let short = |update| match update {
        Update::Message(message) if message.origin != Origin::LocalEcho => {
            Some(format!("{:?}: {}", message.origin, message.text))
        }
        Update::PastTold { origin, .. } => Some(format!("that was {origin:?}")),
        _ => None,
    };
    record.updates().into_iter().filter_map(short).collect()
}

fn msgid_of(record: &Record, text: &str) -> String {
    match record.wait_for_message(text) {
        Update::Message(message) => message.msgid.expect("the server gives ids").to_string(),
        _ => unreachable!("a message was waited for"),
    }
}

#[test]
fn what_was_said_before_is_told_before_what_is_said() {
    let folder = TempFolder::new("sdk-before");
    let server = start(&folder, None);
    let address = server.address().to_string();
    let mut ann = TestClient::register(&server, "ann");
    ann.send("JOIN #den");
    for number in 1..=5 {
        ann.send(&format!("PRIVMSG #den :number {number}"));
    }
    ann.send("PING x");
    ann.expect("* PONG *");
    let limit = |builder: chat_core::ChatClientBuilder| {
        let policy = HistoryPolicy::Latest { limit: 3 };
        builder.join("#den").history(policy)
    };
    let (_bob, record) = client(&address, "bob", limit);
    record.wait_for("the past", |update| matches!(update, Update::PastTold { .. }));
    ann.send("PRIVMSG #den :now");
    record.wait_for_message("now");
    assert_eq!(
        told(&record),
        [
            "History: number 3",
            "History: number 4",
            "History: number 5",
            "that was History",
            "Live: now"
        ]
    );
}

#[test]
fn what_was_missed_is_told_when_the_server_is_back_and_nothing_twice() {
    let folder = TempFolder::new("sdk-missed");
    let mut server = start(&folder, None);
    let address = server.address();
    let (bob, record) = client(&address.to_string(), "bob", |builder| builder.join("#den"));
    let mut ann = TestClient::register(&server, "ann");
    ann.send("JOIN #den");
    ann.send("PRIVMSG #den :before");
    record.wait_for_message("before");
    let sent = bob.send("#den", "mine").unwrap();
    assert!(matches!(record.wait_for_delivery(sent), Delivery::Acknowledged { .. }));
    server.stop();
    drop(server);
    record.wait_for("no connection", |update| {
        matches!(update, Update::State(chat_core::ConnectionState::Waiting { .. }))
    });
    // It is back, and Ann talks before Bob is.
    let folder_alone = start(&folder, None);
    let mut ann = TestClient::register(&folder_alone, "ann");
    ann.send("JOIN #den");
    ann.send("PRIVMSG #den :while you were away");
    ann.send("PING x");
    ann.expect("* PONG *");
    drop((ann, folder_alone));
    let _server = start(&folder, Some(address));
    record.wait_for_ready(2);
    record.wait_for("what was missed", |update| matches!(update, Update::PastTold { .. }));
    assert_eq!(told(&record), ["Live: before", "Missed: while you were away", "that was Missed"]);
    let has_gap = record.updates().iter().any(|update| matches!(update, Update::Gap { .. }));
    assert!(!has_gap, "nothing is missing");
}

#[test]
fn messages_are_edited_deleted_and_reacted_to() {
    let folder = TempFolder::new("sdk-edit");
    let server = start(&folder, None);
    let address = server.address().to_string();
    let (ann, _) = client(&address, "ann", |builder| builder.join("#den"));
    let (bob, record) = client(&address, "bob", |builder| builder.join("#den"));
    record.wait_for(
        "in the room",
        |update| matches!(update, Update::Members { room, .. } if &**room == "#den"),
    );
    ann.send("#den", "teh first").unwrap();
    ann.send("#den", "the second").unwrap();
    let (first, second) = (msgid_of(&record, "teh first"), msgid_of(&record, "the second"));
    ann.edit("#den", &first, "the first").unwrap();
    record.wait_for("the edit", |update| {
        matches!(update, Update::Edited { msgid, text, by, .. }
            if **msgid == *first && &**text == "the first" && &**by == "ann")
    });
    bob.react("#den", &first, "\u{1f44d}", false).unwrap();
    record.wait_for("our own reaction", |update| {
        matches!(update, Update::Reacted { msgid, value, by, is_taken_back: false, .. }
            if **msgid == *first && &**value == "\u{1f44d}" && &**by == "bob")
    });
    ann.delete("#den", &second, Some("twice")).unwrap();
    record.wait_for("the deletion", |update| {
        matches!(update, Update::Deleted { msgid, reason: Some(reason), .. }
            if **msgid == *second && &**reason == "twice")
    });
    // Who comes later reads it as it is.
    let (_carl, record) = client(&address, "carl", |builder| builder.join("#den"));
    record.wait_for("the past", |update| matches!(update, Update::PastTold { .. }));
    assert_eq!(told(&record)[0], "History: the first");
    assert!(!told(&record).iter().any(|line| line.contains("second")), "{:?}", told(&record));
    assert!(ann.edit("#den", "", "x").is_err() && ann.react("#den", "m", "", false).is_err());
    assert!(ann.delete("#den", "a b", None).is_err() && ann.join_with_key("#den", "a b").is_err());
}

#[test]
fn a_link_leads_into_its_room() {
    let server = TestServer::start();
    let mut ann = TestClient::register(&server, "ann");
    ann.send("JOIN #den");
    ann.send("MODE #den +i");
    ann.send("CS LINK #den");
    let line = ann.expect(":ChanServ!* NOTICE ann :irc://*");
    let link = line
        .split(' ')
        .find_map(|word| word.strip_prefix(':').filter(|word| word.starts_with("irc")))
        .unwrap();
    let (bob, record) = client(link, "bob", |builder| builder);
    record.wait_for(
        "in the room",
        |update| matches!(update, Update::Joined { me: true, room, .. } if &**room == "#den"),
    );
    bob.send("#den", "hello").unwrap();
    ann.expect(":bob!* PRIVMSG #den :hello");
}

#[test]
fn an_account_is_registered_and_logged_in_to_also_when_the_connection_was_lost() {
    let folder = TempFolder::new("sdk-account");
    let mut server = start(&folder, None);
    let address = server.address();
    let (ann, record) = client(&address.to_string(), "ann", |builder| builder.join("#own"));
    ann.register_account("correcthorse").unwrap();
    let logged_in = |update: &Update| matches!(update, Update::Account { account: Some(account), .. } if &**account == "ann");
    record.wait_for("the account", logged_in);
    let sent = ann.send("#own", "mine").unwrap();
    assert!(matches!(record.wait_for_delivery(sent), Delivery::Acknowledged { .. }));
    server.stop();
    drop(server);
    let mut server = start(&folder, Some(address));
    record.wait_for_ready(2);
    let n_logins = record.updates().iter().filter(|update| logged_in(update)).count();
    assert_eq!(n_logins, 2, "before it was let in");
    // Under the nick that only the account may have.
    assert_eq!(&*ann.nick(), "ann");
    drop(ann);
    let (listener, _) = RecordingListener::new();
    let wrong = ChatClient::builder(address.to_string(), "ann")
        .account("ann", "wronghorse")
        .listener(listener)
        .connect();
    assert!(matches!(wrong, Err(chat_core::ConnectError::Login(_))), "{wrong:?}");
    let (ann, record) =
        client(&address.to_string(), "ann", |builder| builder.account("ANN", "correcthorse"));
    record.wait_for("the account", logged_in);
    assert_eq!(&*ann.nick(), "ann");
    server.stop();
    assert!(ChatClient::builder("", "a").account("a b", "x").start().is_err());
    assert!(ann.register_account("a\nb").is_err());
}

/// The figures of `docs/SECURITY.md` are those of the code.
#[test]
fn what_the_page_promises_of_our_clients_is_what_they_keep() {
    let page = include_str!("../../docs/SECURITY.md");
    let (_, section) = page.split_once("## Our clients against a bad server").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let budget = MemoryBudget::default().bytes();
    let mib = |part: usize| part >> 20;
    for promise in [
        format!("takes {} MiB at most, all together", mib(budget)),
        format!("{} MiB of updates", mib(budget / 8 * 3)),
        format!("{} MiB of what waits for the past", mib(budget / 4)),
        format!("{} MiB of rooms, topics and people", mib(budget / 4)),
        format!("{} MiB of our own words", mib(budget / 8)),
        format!("**Names** have {NAME_BYTES_MAX} bytes at most"),
        format!("{},{:03} characters", SHOWN_CHARS_MAX / 1000, SHOWN_CHARS_MAX % 1000),
        format!("{SHOWN_LINES_MAX} lines at once"),
        format!("breaks words of more than {UNBROKEN_CHARS_MAX}"),
    ] {
        assert!(section.contains(&promise), "the page does not say: {promise}");
    }
}
