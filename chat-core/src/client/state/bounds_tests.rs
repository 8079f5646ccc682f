//! Scripts of servers that want our memory and our time.

use std::{sync::Arc, time::Duration};

use super::tests::Script;
use crate::{client::budget::MemoryBudget, update::Update, work};

const KEEPS: &str =
    "batch message-tags server-time echo-message labeled-response draft/chathistory";

const FAST: &str = "CASEMAPPING=rfc1459 PREFIX=(o)@ CHATHISTORY=50 soju.im/SAFERATE";

/// The longest message that a line carries, nearly.
fn long() -> String {
    "x".repeat(14_000)
}

fn gaps(updates: &[Update]) -> usize {
    updates.iter().filter(|update| matches!(update, Update::Gap { .. })).count()
}

fn notices(updates: &[Update]) -> Vec<Arc<str>> {
    let text = |update: &Update| match update {
        Update::Notice { text, .. } => Some(Arc::clone(text)),
        _ => None,
    };
    updates.iter().filter_map(text).collect()
}

/// Of 400 rooms the past is asked for and never comes, while long messages do: they wait within the budget.
#[test]
fn what_waits_for_a_past_that_never_comes_is_bounded_in_bytes() {
    let mut script = Script::ready(KEEPS, FAST);
    let bytes_max = MemoryBudget::default().history();
    for room in 0..400 {
        script.server(&format!(":Ann!u@h JOIN #{room}"));
    }
    script.forget();
    let (text, mut n_told, mut n_gaps) = (long(), 0, 0);
    for n in 0..4000 {
        script.server(&format!(":bob!u@h PRIVMSG #{} :{text}", n % 400));
        assert!(script.state().waiting_bytes() <= bytes_max + MemoryBudget::default().roster());
        let updates = script.updates();
        n_gaps += gaps(&updates);
        n_told += updates.iter().filter(|update| matches!(update, Update::Message(_))).count();
    }
    assert!(n_gaps > 0 && n_told > 1000, "{n_gaps} gaps and {n_told} told");
    // And no longer than it may take: then each is told, behind its gap.
    script.wait(Duration::from_secs(21));
    let updates = script.updates();
    n_gaps += gaps(&updates);
    n_told += updates.iter().filter(|update| matches!(update, Update::Message(_))).count();
    assert_eq!((n_gaps, n_told), (400, 4000), "each room has its gap, and every word is told");
    assert!(script.state().waiting_bytes() < 1 << 20, "only the rooms are left");
}

/// Pages of the past that never end, in as many batches as may be open.
#[test]
fn pages_without_an_end_are_bounded_together() {
    let mut script = Script::ready(KEEPS, FAST);
    for room in 0..64 {
        script.server(&format!(":Ann!u@h JOIN #{room}"));
        script.server(&format!(":s BATCH +{room} chathistory #{room}"));
    }
    let (text, budget) = (long(), MemoryBudget::default());
    for n in 0..4000 {
        let room = n % 64;
        script.server(&format!("@batch={room} :bob!u@h PRIVMSG #{room} :{text}"));
        assert!(script.state().waiting_bytes() <= budget.history() + budget.roster());
    }
    script.forget();
    for room in 0..64 {
        script.server(&format!(":s BATCH -{room}"));
    }
    let updates = script.updates();
    assert!((1..=64).contains(&gaps(&updates)), "what had no place is a gap");
    assert!(script.state().waiting_bytes() < 1 << 20);
    // One that begins anew under the same reference takes the place of the one before.
    script.server(":Ann!u@h JOIN #again");
    for _ in 0..100 {
        script.server(":s BATCH +r chathistory #again");
        script.server(&format!("@batch=r :bob!u@h PRIVMSG #again :{text}"));
    }
    assert!(script.state().waiting_bytes() < 1 << 20);
    // And what was on its way when the connection ends waits no more.
    script.lose();
    assert_eq!(script.state().waiting_bytes(), 0);
}

/// Nicks of 4 KB are no names: whoever has one is in no room, and says nothing.
#[test]
fn what_is_longer_than_a_name_is_none_and_is_said_once() {
    let mut script = Script::ready("batch account-tag", FAST);
    script.server(":Ann!u@h JOIN #a");
    script.forget();
    let long = "n".repeat(4000);
    for line in [
        format!(":{long}!u@h JOIN #a"),
        format!(":{long}!u@h PRIVMSG #a :hello"),
        format!(":bob!{long}@h PRIVMSG #a :hello"),
        format!(":bob!u@{long} PRIVMSG #a :hello"),
        format!(":bob!u@h NICK {long}"),
        format!(":Ann!u@h JOIN #{long}"),
        format!(":bob!u@h INVITE Ann #{long}"),
        format!(":s 353 Ann = #a :bob {long} @{long}"),
        format!(":s 332 Ann #{long} :topic"),
        format!(":s 900 Ann Ann!u@h {long} :You are logged in"),
    ] {
        script.server(&line);
    }
    script.server(":s 366 Ann #a :End");
    script.server(&format!("@account={long} :bob!u@h PRIVMSG #a :said"));
    let updates = script.updates();
    let told = notices(&updates);
    assert!(told.len() == 1 && told[0].contains("200 bytes"), "{told:?}");
    let rest: Vec<_> =
        updates.iter().filter(|update| !matches!(update, Update::Notice { .. })).collect();
    assert_eq!(rest.len(), 2, "{rest:?}");
    assert!(matches!(rest[0], Update::Members { nicks, .. } if nicks.len() == 1));
    assert!(
        matches!(rest[1], Update::Message(said) if said.account.is_none() && &*said.text == "said")
    );
    assert_eq!(script.state().rooms().names(), ["#a".into()]);
}

/// Rooms with long topics, and people in them, without end.
#[test]
fn rooms_topics_and_people_are_bounded_in_bytes_and_that_is_said_once() {
    let budget = MemoryBudget::default();
    let mut script = Script::ready("batch", FAST);
    let (topic, name) = (long(), "n".repeat(190));
    for n in 0..4000 {
        script.server(&format!(":Ann!u@h JOIN #{n}"));
        script.server(&format!(":s 332 Ann #{n} :{topic}"));
        let nicks: Vec<_> = (0..70).map(|m| format!("{name}{m}")).collect();
        script.server(&format!(":s 353 Ann = #{n} :{}", nicks.join(" ")));
        script.server(&format!(":s 366 Ann #{n} :End"));
        assert!(script.state().waiting_bytes() <= budget.roster());
        if n % 100 == 0 {
            let updates = script.updates();
            let n_told = notices(&updates).iter().filter(|text| text.contains("16 MiB")).count();
            assert!(n_told <= 1);
        }
    }
    assert!(script.state().waiting_bytes() > budget.roster() / 2);
    for n in 0..4000 {
        script.server(&format!(":Ann!u@h PART #{n}"));
    }
    assert_eq!(script.state().waiting_bytes(), 0, "what goes gives its place back");
}

/// A server may put us into other rooms on each connection: those that are come back to have a bound, too.
#[test]
fn rooms_to_come_back_to_are_bounded() {
    let mut script = Script::ready("", FAST);
    let mut n_joins = 0;
    for round in 0..4 {
        for n in 0..3000 {
            script.server(&format!(":Ann!u@h JOIN #{round}-{n}"));
        }
        script.lose();
        script.wait(Duration::from_secs(600));
        script.forget();
        script.connected();
        script.let_in_saying("", FAST, |sent| {
            n_joins = sent.iter().filter(|line| line.starts_with("JOIN ")).count();
        });
    }
    assert_eq!(n_joins, 4096);
}

/// The work of each kind of line, counted: with a hundred times as many rooms it is the same but for a few steps of a search.
#[test]
fn the_work_of_a_line_does_not_grow_with_all_rooms() {
    let works = |n_rooms: usize| {
        let mut script = Script::ready(KEEPS, FAST);
        // Alike to their ends, and in another case than they are asked for.
        let name = |n: usize| format!("#{}{n:04}", "X".repeat(180));
        for n in 0..n_rooms {
            script.server(&format!(":Ann!u@h JOIN {}", name(n)));
            script.server(&format!(":bob{n}!u@h JOIN {}", name(n)));
        }
        let (room, other) = (name(n_rooms / 2), name(n_rooms / 3));
        let (new, lower) = (name(9000), name(n_rooms / 4).to_lowercase());
        [
            format!(":Ann!u@h JOIN {new}"),
            format!(":Ann!u@h JOIN {lower}"),
            format!(":bob!u@h JOIN {room}"),
            format!(":bob!u@h PRIVMSG {room} :hello"),
            format!(":bob!u@h TOPIC {room} :hello"),
            ":bob!u@h NICK rob".to_owned(),
            format!(":rob!u@h PART {room}"),
            format!(":bob{}!u@h QUIT :bye", n_rooms / 2),
            format!(":s 353 Ann = {other} :ann rob"),
            format!(":s 366 Ann {other} :End"),
            format!(":s KICK {other} rob"),
            format!(":s BATCH +h chathistory {room}"),
            format!("@batch=h;msgid=m1 :bob!u@h PRIVMSG {room} :before"),
            ":s BATCH -h".to_owned(),
            format!(":s FAIL CHATHISTORY INVALID_TARGET {other} :no"),
            ":s FAIL CHATHISTORY MESSAGE_ERROR :no".to_owned(),
            ":s FAIL CHANGES MESSAGE_ERROR :no".to_owned(),
            format!(":Ann!u@h PART {lower}"),
            ":s 005 Ann CASEMAPPING=ascii :are supported".to_owned(),
            "PING :x".to_owned(),
        ]
        .map(|line| {
            let work = work::of(|| script.server(&line));
            script.forget();
            (work, line)
        })
    };
    for ((few, line), (many, _)) in works(40).into_iter().zip(works(4000)) {
        let line = line.replace(&"X".repeat(180), "").replace(&"x".repeat(180), "");
        assert!(many <= few + 60, "{line} is work of {few} with 40 rooms, of {many} with 4,000");
    }
}
