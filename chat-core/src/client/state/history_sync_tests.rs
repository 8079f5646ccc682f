//! Scripts about what was said while we were not there.

use std::time::Duration;

use super::{Request, tests::Script};
use crate::{client::settings::HistoryPolicy, update::Update};

const KEEPS: &str =
    "batch message-tags server-time echo-message labeled-response draft/chathistory";

const ALL: &str = "batch message-tags server-time echo-message labeled-response draft/chathistory chat.local/changes chat.local/nonce chat.local/edit draft/message-redaction";

const FAST: &str = "CASEMAPPING=ascii PREFIX=(o)@ CHATHISTORY=3 soju.im/SAFERATE";

/// The updates that are told, in short.
fn told(script: &mut Script) -> Vec<String> {
    let short = |update| match update {
        Update::Message(message) => Some(format!("{:?} {}", message.origin, message.text)),
        Update::Gap { target, .. } => Some(format!("Gap {}", target.name())),
        Update::PastTold { origin, .. } => Some(format!("PastTold {origin:?}")),
        Update::Edited { msgid, text, .. } => Some(format!("Edited {msgid} {text}")),
        Update::Deleted { msgid, .. } => Some(format!("Deleted {msgid}")),
        Update::Reacted { msgid, value, is_taken_back, .. } => {
            Some(format!("Reacted {msgid} {value} {is_taken_back}"))
        }
        Update::Delivery { state, .. } if state.is_final() => Some(format!("{state:?}")),
        _ => None,
    };
    script.updates().into_iter().filter_map(short).collect()
}

fn said(id: u32, text: &str) -> String {
    let time = format!("2026-01-01T00:00:{:02}.000Z", id);
    format!("@msgid=m{id};time={time} :bob!u@h PRIVMSG #a :{text}")
}

fn in_batch(line: &str) -> String {
    line.replacen('@', "@batch=h;", 1)
}

#[test]
fn who_joins_a_room_is_told_what_was_said_before_what_is_said() {
    let mut script = Script::ready(KEEPS, FAST);
    script.server(":Ann!u@h JOIN #a");
    assert_eq!(script.sent(), ["CHATHISTORY LATEST #a * 3"]);
    // While it is on its way, others talk.
    script.server(&said(3, "three"));
    assert!(told(&mut script).is_empty());
    script.server(":s BATCH +h chathistory #A");
    for id in [1, 2, 3] {
        script.server(&in_batch(&said(id, ["one", "two", "three"][id as usize - 1])));
    }
    assert!(told(&mut script).is_empty());
    script.server(":s BATCH -h");
    assert_eq!(told(&mut script), ["History one", "History two", "PastTold History", "Live three"]);
    script.server(&said(4, "four"));
    // What is known already is not told again.
    script.server(&said(4, "four"));
    assert_eq!(told(&mut script), ["Live four"]);
}

#[test]
fn a_room_without_a_past_or_one_that_is_not_told_is_there_all_the_same() {
    for answer in [
        vec![":s BATCH +h chathistory #a", ":s BATCH -h"],
        vec!["FAIL CHATHISTORY MESSAGE_ERROR LATEST #a :broken"],
    ] {
        let mut script = Script::ready(KEEPS, FAST);
        script.server(":Ann!u@h JOIN #a");
        script.server(&said(1, "one"));
        answer.into_iter().for_each(|line| script.server(line));
        assert_eq!(told(&mut script), ["Live one"]);
    }
    // Nor does a server that never answers hold anything up for long.
    let mut script = Script::ready(KEEPS, FAST);
    script.server(":Ann!u@h JOIN #a");
    script.server(&said(1, "one"));
    script.wait(Duration::from_secs(19));
    assert!(told(&mut script).is_empty());
    script.wait(Duration::from_secs(2));
    assert_eq!(told(&mut script), ["Gap #a", "Live one"]);
    // Or one that breaks off.
    let mut script = Script::ready(KEEPS, FAST);
    script.server(":Ann!u@h JOIN #a");
    script.server(&said(1, "one"));
    script.lose();
    assert_eq!(told(&mut script), ["Live one"]);
}

/// A server that tells a little now and then is not waited for without end.
#[test]
fn a_past_that_comes_in_crumbs_is_given_up() {
    let mut script = Script::ready(KEEPS, FAST);
    script.server(":Ann!u@h JOIN #a");
    script.server(":s BATCH +h chathistory #a");
    script.server(":s BATCH -h");
    resumed(KEEPS, &mut script);
    script.server(":Ann!u@h JOIN #a");
    script.server(&said(50, "live"));
    for n in 0..5 {
        let asked = script.sent().pop().unwrap_or_default();
        assert!(asked.starts_with("CHATHISTORY AFTER #a "), "{asked}");
        script.wait(Duration::from_secs(19));
        script.server(":s BATCH +h chathistory #a");
        script.server(&in_batch(&said(20 + n, "crumb")));
        script.server(":s BATCH -h");
        assert_eq!(told(&mut script), ["Missed crumb"]);
    }
    // Within two minutes all in all.
    script.wait(Duration::from_secs(120 - 5 * 19));
    assert_eq!(told(&mut script), ["Gap #a", "PastTold Missed", "Live live"]);
}

fn resumed(capabilities: &str, script: &mut Script) {
    script.lose();
    script.wait(Duration::from_secs(60));
    assert!(script.connects());
    script.connected();
    script.sent();
    script.server(&format!(":s CAP * LS :{capabilities}"));
    script.server(&format!(":s CAP * ACK :{capabilities}"));
    script.server(":s 001 Ann :Welcome");
    script.server(&format!(":s 005 Ann {FAST} :are supported"));
    script.sent();
    told(script);
    script.server(":s 422 Ann :No message of the day");
}

#[test]
fn after_a_lost_connection_one_question_tells_all_that_was_missed() {
    let mut script = Script::ready(ALL, FAST);
    script.server(":Ann!u@h JOIN #a");
    script.server(":s BATCH +h chathistory #a");
    script.server(":s BATCH -h");
    script.server(&said(10, "ten"));
    script.sent();
    let id = script.say("#a", "did it arrive?");
    let sent = script.sent();
    let nonce =
        sent[0].split("nonce=").nth(1).unwrap().split([';', ' ']).next().unwrap().to_owned();
    told(&mut script);
    resumed(ALL, &mut script);
    // Behind the rooms, and from the moment of what was heard last.
    let sent = script.sent();
    assert_eq!(
        sent[..2],
        ["JOIN #a", "CHANGES * timestamp=2026-01-01T00:00:09.999Z 3"],
        "{sent:?}"
    );
    script.server(":Ann!u@h JOIN #a");
    assert!(script.sent().is_empty(), "it is asked for once");
    script.server(&said(20, "twenty"));
    assert!(told(&mut script).is_empty());
    script.server(":s BATCH +h chat.local/changes * more");
    script.server(&in_batch(&said(10, "ten")));
    let own = "msgid=m11;time=2026-01-01T00:00:11.000Z";
    script.server(&format!(
        "@batch=h;{own};+chat.local/nonce={nonce} :Ann!u@h PRIVMSG #a :did it arrive?"
    ));
    script.server("@batch=h;msgid=m12;time=2026-01-01T00:00:12.000Z :bob!u@h EDIT #a m10 :TEN");
    script.server(":s BATCH -h");
    // The message of ours had arrived, and is not told as another one.
    let first = told(&mut script);
    assert!(first[0].starts_with("Acknowledged { msgid: Some(\"m11\")"), "{first:?} {id}");
    assert_eq!(first[1..], ["Edited m10 TEN"]);
    assert_eq!(script.sent(), ["CHANGES * timestamp=2026-01-01T00:00:11.999Z 3"]);
    script.server(":s BATCH +h chat.local/changes * *");
    script.server("@batch=h;msgid=m12;time=2026-01-01T00:00:12.000Z :bob!u@h EDIT #a m10 :TEN");
    script.server("@batch=h;msgid=m13;time=2026-01-01T00:00:13.000Z :bob!u@h PRIVMSG Ann :to you");
    script.server("@batch=h;msgid=m14;time=2026-01-01T00:00:14.000Z :bob!u@h REDACT #a m10 :wrong");
    script.server("@batch=h;msgid=m15;time=2026-01-01T00:00:15.000Z;+reply=m1;+draft/react=x :bob!u@h TAGMSG #a");
    script.server(":s BATCH -h");
    assert_eq!(
        told(&mut script),
        ["Missed to you", "Deleted m10", "Reacted m1 x false", "PastTold Missed", "Live twenty"]
    );
    script.pump();
    assert!(script.sent().is_empty(), "what had arrived is not sent again");
}

#[test]
fn a_server_that_knows_no_changes_is_asked_page_by_page() {
    let mut script = Script::ready(KEEPS, FAST);
    script.server(":Ann!u@h JOIN #a");
    script.server(":s BATCH +h chathistory #a");
    script.server(":s BATCH -h");
    script.server(&said(10, "ten"));
    told(&mut script);
    resumed(KEEPS, &mut script);
    assert_eq!(script.sent(), ["JOIN #a"]);
    script.server(":Ann!u@h JOIN #a");
    assert_eq!(script.sent(), ["CHATHISTORY AFTER #a timestamp=2026-01-01T00:00:09.999Z 3"]);
    script.server(":s BATCH +h chathistory #a");
    for id in [10, 11, 12] {
        script.server(&in_batch(&said(id, &format!("number {id}"))));
    }
    script.server(":s BATCH -h");
    assert_eq!(told(&mut script), ["Missed number 11", "Missed number 12"]);
    assert_eq!(script.sent(), ["CHATHISTORY AFTER #a timestamp=2026-01-01T00:00:11.999Z 3"]);
    script.server(":s BATCH +h chathistory #a");
    script.server(&in_batch(&said(12, "number 12")));
    script.server(":s BATCH -h");
    assert_eq!(told(&mut script), ["PastTold Missed"]);
}

#[test]
fn what_cannot_be_told_is_a_gap() {
    // Refused, or never answered.
    for is_refused in [true, false] {
        let mut script = Script::ready(ALL, FAST);
        script.server(":Ann!u@h JOIN #a");
        script.server(":s BATCH +h chathistory #a");
        script.server(":s BATCH -h");
        told(&mut script);
        resumed(ALL, &mut script);
        script.server(":Ann!u@h JOIN #a");
        script.server(&said(20, "twenty"));
        if is_refused {
            script.server("FAIL CHANGES INTERNAL_ERROR * :the disk is broken");
        } else {
            script.wait(Duration::from_secs(21));
        }
        assert_eq!(told(&mut script), ["Gap #a", "Live twenty"]);
    }
}

#[test]
fn who_wants_nothing_of_the_past_asks_for_nothing() {
    let (settings, _) = crate::ChatClient::builder("server.example", "Ann")
        .join("#a")
        .history(HistoryPolicy::Off)
        .check()
        .unwrap();
    let mut script = Script::of(settings);
    script.connected();
    script.let_in(ALL, FAST);
    script.server(":Ann!u@h JOIN #a");
    assert!(script.sent().is_empty());
    resumed(ALL, &mut script);
    assert_eq!(script.sent(), ["JOIN #a"]);
    script.server(":Ann!u@h JOIN #a");
    assert_eq!(told(&mut script), ["Gap #a"]);
}

#[test]
fn messages_are_edited_deleted_and_reacted_to() {
    let mut script = Script::ready(ALL, FAST);
    script.request(Request::Edit { target: "#a".into(), msgid: "m1".into(), text: "b c".into() });
    script.request(Request::Delete { target: "#a".into(), msgid: "m1".into(), reason: None });
    let reason = Some("so it is".to_owned());
    script.request(Request::Delete { target: "#a".into(), msgid: "m1".into(), reason });
    for is_taken_back in [false, true] {
        let (target, msgid, value) = ("#a".into(), "m1".into(), "\u{1f44d}".to_owned());
        script.request(Request::React { target, msgid, value, is_taken_back });
    }
    assert_eq!(
        script.sent(),
        [
            "EDIT #a m1 :b c",
            "REDACT #a m1",
            "REDACT #a m1 :so it is",
            "@+draft/reply=m1;+draft/react=\u{1f44d} TAGMSG #a",
            "@+draft/reply=m1;+draft/unreact=\u{1f44d} TAGMSG #a",
        ]
    );
    // Not where nobody would understand it.
    let mut script = Script::ready("batch", FAST);
    script.request(Request::Edit { target: "#a".into(), msgid: "m1".into(), text: "b".into() });
    assert!(script.sent().is_empty());
    let is_notice = |update: &Update| matches!(update, Update::Notice { text, .. } if text.contains("chat.local/edit"));
    assert!(script.updates().iter().any(is_notice));
}

#[test]
fn a_room_is_joined_with_its_key_also_later() {
    let server = "irc://server.example:6667/%23den?key=sesame";
    let (settings, _) =
        crate::ChatClient::builder(server, "Ann").join_with_key("other", "k").check().unwrap();
    assert_eq!((&*settings.server.host, settings.server.port), ("server.example", 6667));
    let mut script = Script::of(settings);
    script.connected();
    script.let_in_saying("", FAST, |sent| {
        assert_eq!(sent[sent.len() - 2..], ["JOIN #den sesame", "JOIN #other k"]);
    });
    script.request(Request::Join { room: "#third".into(), key: Some("x".into()) });
    assert_eq!(script.sent(), ["JOIN #third x"]);
    for (link, word) in [
        ("ircs://server.example/den", "TLS"),
        ("irc://server.example/den?key=a%2cb", "key"),
        ("irc://server.example/a%20b", "room"),
    ] {
        let error = crate::ChatClient::builder(link, "Ann").check().err().unwrap().to_string();
        assert!(error.contains(word), "{error}");
    }
    let error = crate::ChatClient::builder("", "Ann").join_with_key("a", "b c").check();
    assert!(error.err().unwrap().to_string().contains("key"));
}

/// Messages on their way when a connection broke are asked for again, however often that happens.
#[test]
fn what_was_missed_is_missed_until_it_is_told() {
    let mut script = Script::ready(ALL, FAST);
    script.server(":Ann!u@h JOIN #a");
    script.server(":s BATCH +h chathistory #a");
    script.server(":s BATCH -h");
    script.server(&said(10, "ten"));
    told(&mut script);
    for _ in 0..3 {
        resumed(ALL, &mut script);
        assert_eq!(script.sent()[1], "CHANGES * timestamp=2026-01-01T00:00:09.999Z 3");
        script.server(":Ann!u@h JOIN #a");
        // One is said just now, and of the past a part is told.
        script.server(&said(40, "forty"));
        script.server(":s BATCH +h chat.local/changes * *");
        script.server(&in_batch(&said(11, "eleven")));
    }
    script.server(":s BATCH -h");
    assert_eq!(told(&mut script), ["Missed eleven", "PastTold Missed"]);
}

#[test]
fn what_nobody_asked_for_is_told_to_nobody_and_what_stands_beside_is_no_record() {
    let mut script = Script::ready(KEEPS, FAST);
    script.server(":s BATCH +h chathistory #z");
    script.server("@batch=h;msgid=z1 :bob!u@h PRIVMSG #z :Ann: old");
    script.server(":s BATCH -h");
    assert!(told(&mut script).is_empty());
    script.server(":Ann!u@h JOIN #a");
    script.server(":s BATCH +h chathistory #a");
    script.server(&in_batch(&said(5, "an answer")));
    script.server("@batch=h;draft/chathistory-context;msgid=m1;time=2026-01-01T00:00:01.000Z :bob!u@h PRIVMSG #a :the question");
    script.server("@batch=h;draft/chathistory-context;msgid=m9;time=2026-01-01T00:00:09.000Z;+reply=m5;+draft/react=x :bob!u@h TAGMSG #a");
    script.server(":s BATCH -h");
    assert_eq!(told(&mut script), ["History an answer", "Reacted m5 x false", "PastTold History"]);
    // Parts of one message have one id, and are told together or not.
    let parts = ["@msgid=m20;time=2026-01-01T00:00:20.000Z", "@time=2026-01-01T00:00:20.000Z"];
    for _ in 0..2 {
        script.server(&format!("{} :bob!u@h PRIVMSG #a :first", parts[0]));
        script.server(&format!("{} :bob!u@h PRIVMSG #a :second", parts[1]));
    }
    assert_eq!(told(&mut script), ["Live first", "Live second"]);
}

/// A message that was said before is none that was sent just now, whatever it says.
#[test]
fn yesterdays_words_do_not_acknowledge_todays() {
    let mut script = Script::ready(ALL, FAST);
    script.server(":Ann!u@h JOIN #a");
    script.say("#a", "good morning");
    told(&mut script);
    script.server(":s BATCH +h chathistory #a");
    script.server(
        "@batch=h;msgid=m1;time=2026-01-01T00:00:01.000Z :Ann!u@h PRIVMSG #a :good morning",
    );
    script.server(":s BATCH -h");
    assert_eq!(told(&mut script), ["History good morning", "PastTold History"]);
}

#[test]
fn a_page_without_an_end_is_given_up() {
    let mut script = Script::ready(ALL, FAST);
    script.server(":Ann!u@h JOIN #a");
    script.server(":s BATCH +h chathistory #a");
    for _ in 0..10_000 {
        script.server("@batch=h :bob!u@h PRIVMSG #a :again");
    }
    script.server(&said(1, "live"));
    script.server(":s BATCH -h");
    assert_eq!(told(&mut script), ["Gap #a", "Live live"]);
    // So is one that the server refuses, in its words.
    resumed(ALL, &mut script);
    script.server(":Ann!u@h JOIN #a");
    script.server("FAIL CHATHISTORY MESSAGE_ERROR CHANGES * :messages could not be retrieved");
    assert_eq!(told(&mut script), ["Gap #a"]);
}
