//! Scripts against the state: what the server says, what is asked for, and the time, all chosen.

use proptest::prelude::*;

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use super::{ClientState, Effect, Effects, Message, Now, Request, client_state::Phase};
use crate::{
    client::{ChatClient, settings::Settings},
    error::{CloseReason, ConnectError, DeliveryError},
    update::{ConnectionState, Delivery, Departure, MessageKind, SendId, Update},
};

/// A state with the driver's part played by hand.
pub(super) struct Script {
    state: ClientState,
    effects: Effects,
    now: Now,
    next_id: u64,
    n_requests: usize,
}

impl Script {
    fn new() -> Self {
        let (settings, _) =
            ChatClient::builder("server.example", "Ann").join("#a").check().unwrap();
        Self::of(settings)
    }

    pub(super) fn of(settings: Settings) -> Self {
        let now = clocks();
        let state = ClientState::new(Arc::new(settings), 7);
        let effects = Effects::default();
        let mut script = Self { state, effects, now, next_id: 1, n_requests: 0 };
        script.state.start(&mut script.effects);
        assert!(script.connects());
        script
    }

    /// Connected to a server that knows these capabilities and tells these tokens, and let in.
    pub(super) fn ready(capabilities: &str, tokens: &str) -> Self {
        let mut script = Self::new();
        script.connected();
        script.let_in(capabilities, tokens);
        script
    }

    pub(super) fn connected(&mut self) {
        self.state.connected(self.now, &mut self.effects);
    }

    pub(super) fn let_in(&mut self, capabilities: &str, tokens: &str) {
        self.let_in_saying(capabilities, tokens, |_| ());
    }

    /// Lets the client in as `let_in` does; what is said is looked at.
    pub(super) fn let_in_saying(
        &mut self,
        capabilities: &str,
        tokens: &str,
        look: impl FnOnce(&[String]),
    ) {
        self.server(&format!(":s CAP * LS :{capabilities}"));
        if !capabilities.is_empty() {
            self.server(&format!(":s CAP * ACK :{capabilities}"));
        }
        self.server(":s 001 Ann :Welcome");
        self.server(&format!(":s 005 Ann {tokens} :are supported"));
        self.server(":s 422 Ann :No message of the day");
        assert!(matches!(self.state.phase, Phase::Ready { .. }));
        look(&self.sent());
        self.updates();
    }

    /// The state itself.
    pub(super) fn state(&self) -> &ClientState {
        &self.state
    }

    /// Forgets what is to be done.
    pub(super) fn forget(&mut self) {
        self.effects = Effects::default();
    }

    pub(super) fn server(&mut self, line: &str) {
        self.state.line(self.now, line, &mut self.effects);
    }

    pub(super) fn say(&mut self, target: &str, text: &str) -> SendId {
        let id = self.queue(target, text);
        self.pump();
        id
    }

    /// Asks for a message to be sent, and for more before it is.
    fn queue(&mut self, target: &str, text: &str) -> SendId {
        let id = SendId(self.next_id);
        self.next_id += 1;
        self.n_requests += 1;
        let (target, text) = (target.into(), text.into());
        let message = Message { id, target, text, kind: MessageKind::Text };
        self.state.request(self.now, Request::Send(message), &mut self.effects);
        id
    }

    pub(super) fn pump(&mut self) {
        self.state.pump(self.now, usize::MAX, &mut self.effects);
    }

    pub(super) fn request(&mut self, request: Request) {
        self.n_requests += 1;
        self.state.request(self.now, request, &mut self.effects);
        self.pump();
    }

    /// Time passes, and the state is called when it asked to be.
    pub(super) fn wait(&mut self, duration: Duration) {
        let end = self.now.mono + duration;
        let mut n_calls = 0;
        while let Some(next) = self.state.next_deadline(true).filter(|next| *next <= end) {
            let step = next.saturating_duration_since(self.now.mono);
            self.now = Now { mono: self.now.mono + step, wall: self.now.wall + step };
            self.state.handle_deadline(self.now, &mut self.effects);
            self.state.pump(self.now, usize::MAX, &mut self.effects);
            n_calls += 1;
            assert!(
                n_calls < 10_000,
                "a deadline is not met by what is done then: {:?}",
                self.state.phase
            );
        }
        let step = end.saturating_duration_since(self.now.mono);
        self.now = Now { mono: end, wall: self.now.wall + step };
    }

    pub(super) fn lose(&mut self) {
        let cause = ConnectError::Lost("unplugged".into());
        self.state.disconnected(self.now, cause, &mut self.effects);
    }

    /// The lines for the server since the last call.
    pub(super) fn sent(&mut self) -> Vec<String> {
        let is_line = |effect: &Effect| matches!(effect, Effect::Mark(_) | Effect::Write(_));
        let bytes = self.effects.take(is_line).into_iter().flat_map(|effect| match effect {
            Effect::Write(bytes) => bytes,
            _ => Vec::new(),
        });
        String::from_utf8(bytes.collect()).unwrap().lines().map(str::to_owned).collect()
    }

    pub(super) fn updates(&mut self) -> Vec<Update> {
        let told = self.effects.take(|effect| matches!(effect, Effect::Tell(_)));
        let update = |effect| match effect {
            Effect::Tell(update) => Some(update),
            _ => None,
        };
        told.into_iter().filter_map(update).collect()
    }

    /// Whether a connection was asked for since the last call.
    pub(super) fn connects(&mut self) -> bool {
        !self.effects.take(|effect| matches!(effect, Effect::Connect)).is_empty()
    }

    /// Whether the connection was ended since the last call.
    fn disconnects(&mut self) -> bool {
        !self.effects.take(|effect| matches!(effect, Effect::Disconnect)).is_empty()
    }

    /// Requests that were settled since the last call.
    fn n_settled(&mut self) -> usize {
        self.effects.take(|effect| matches!(effect, Effect::Settle { .. })).len()
    }

    /// The reason for its end, if it has ended since the last call.
    pub(super) fn closed(&mut self) -> Option<CloseReason> {
        match self.effects.take(|effect| matches!(effect, Effect::Close(_))).pop()? {
            Effect::Close(reason) => Some(reason),
            _ => None,
        }
    }

    /// The deliveries of messages since the last call.
    fn deliveries(&mut self) -> Vec<(SendId, Delivery)> {
        let is_delivery = |update| match update {
            Update::Delivery { id, state } => Some((id, state)),
            _ => None,
        };
        self.updates().into_iter().filter_map(is_delivery).collect()
    }
}

#[expect(clippy::disallowed_methods, reason = "an instant to count from; nothing waits for it")]
fn clocks() -> Now {
    // 2026-01-01T00:00:00Z
    let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
    Now { mono: Instant::now(), wall }
}

const FAST: &str = "CASEMAPPING=ascii PREFIX=(o)@ soju.im/SAFERATE";

#[test]
fn registration_asks_for_what_is_offered_and_wanted() {
    let mut script = Script::new();
    script.connected();
    let hello = script.sent();
    assert_eq!(hello[0], "CAP LS 302");
    assert_eq!(hello[1], "NICK Ann");
    assert!(hello[2].starts_with("USER "));
    script.server(":s CAP * LS * :batch sasl=PLAIN unheard-of");
    assert!(script.sent().is_empty(), "the list is not at its end");
    // A draft is asked for by the name it is offered under.
    script.server(":s CAP * LS :draft/message-tags-0.2 echo-message");
    let names = "batch echo-message draft/message-tags-0.2";
    assert_eq!(script.sent(), [format!("CAP REQ :{names}")]);
    script.server(&format!(":s CAP * ACK :{names}"));
    assert_eq!(script.sent(), ["CAP END"]);
    script.server(":s 001 Ann :Welcome");
    script.server(":s 376 Ann :End");
    assert_eq!(script.sent(), ["JOIN #a"]);
}

#[test]
fn a_server_without_batches_is_not_asked_for_labels() {
    let mut script = Script::new();
    script.connected();
    script.sent();
    script.server(":s CAP * LS :labeled-response");
    assert_eq!(script.sent(), ["CAP END"]);
}

#[test]
fn a_taken_nick_gets_a_number_and_comes_back_when_it_is_free() {
    let mut script = Script::new();
    script.connected();
    script.sent();
    script.server(":s 433 * Ann :taken");
    script.server(":s 433 * Ann1 :taken");
    let asked = script.sent();
    assert_eq!(asked.len(), 2);
    assert_ne!(asked[0], asked[1]);
    let second = asked[1].strip_prefix("NICK ").unwrap().to_owned();
    script.server(&format!(":s 001 {second} :Welcome"));
    script.server(":s 422 x :none");
    script.sent();
    script.server(":ann!u@h QUIT :Quit");
    assert_eq!(script.sent(), ["NICK Ann"]);
}

/// <https://ircv3.net/specs/batches/netsplit>: the quits and joins of a split network are quits and joins.
#[test]
fn who_is_split_off_has_left_and_comes_again() {
    let mut script = Script::ready("batch", FAST);
    script.server(":Ann!u@h JOIN #a");
    for nick in ["aji", "jilles"] {
        script.server(&format!(":{nick}!a@a JOIN #a"));
    }
    script.updates();
    script.server(":irc.host BATCH +yXN netsplit irc.hub other.host");
    script.server("@batch=yXN :aji!a@a QUIT :irc.hub other.host");
    script.server("@batch=yXN :jilles!a@a QUIT :irc.hub other.host");
    script.server(":irc.host BATCH -yXN");
    let left: Vec<_> = script.updates();
    let is_of = |update: &Update, who: &str| matches!(update, Update::Left { nick, how: Departure::Lost, me: false, .. } if **nick == *who);
    assert!(left.len() == 2 && is_of(&left[0], "aji") && is_of(&left[1], "jilles"), "{left:?}");
    script.server(":irc.host BATCH +4lM netjoin irc.hub other.host");
    script.server("@batch=4lM :aji!a@a JOIN #a");
    script.server(":irc.host BATCH -4lM");
    let joined = script.updates();
    assert!(matches!(&joined[..], [Update::Joined { nick, .. }] if **nick == *"aji"), "{joined:?}");
}

#[test]
fn an_answer_with_the_label_acknowledges() {
    let mut script = Script::ready("batch echo-message labeled-response", FAST);
    let id = script.say("#a", "one");
    assert_eq!(script.sent(), [format!("@label={id}.3 PRIVMSG #a :one")]);
    script.server(&format!("@label={id}.3;msgid=m1 :Ann!u@h PRIVMSG #a one"));
    let last = script.deliveries().pop();
    assert_eq!(last, Some((id, Delivery::Acknowledged { msgid: Some("m1".into()) })));
    // Not a second time, though it says so again; it is then somebody's message with our name.
    script.server(&format!("@label={id}.3 :Ann!u@h PRIVMSG #a one"));
    assert_eq!(script.deliveries(), []);
}

#[test]
fn an_echo_without_a_label_acknowledges_the_oldest_of_its_text() {
    let mut script = Script::ready("echo-message", FAST);
    let (first, second) = (script.say("#a", "same"), script.say("#A", "same"));
    script.deliveries();
    script.server(":Ann!u@h PRIVMSG #a same");
    let done = script.deliveries();
    assert!(done.iter().all(|(id, _)| *id == first), "{done:?}");
    script.server(":Ann!u@h PRIVMSG #a same");
    assert!(
        matches!(script.deliveries().pop(), Some((id, Delivery::Acknowledged { .. })) if id == second)
    );
}

/// docs/idempotent-send.md
#[test]
fn what_has_no_answer_is_sent_again_where_it_is_there_once() {
    let capabilities = "batch chat.local/nonce echo-message labeled-response message-tags";
    let mut script = Script::ready(capabilities, FAST);
    let id = script.say("#a", "hello");
    let first = script.sent();
    let nonce = |line: &str| {
        let tags = line.strip_prefix('@').unwrap().split(' ').next().unwrap();
        let found = tags.split(';').find_map(|tag| tag.strip_prefix("+chat.local/nonce="));
        found.unwrap().to_owned()
    };
    let second = script.say("#a", "and behind it");
    let lines = script.sent();
    assert_ne!(nonce(&first[0]), nonce(&lines[0]), "each has its own");
    script.updates();
    script.lose();
    assert!(script.deliveries().is_empty(), "nothing has failed yet");
    script.wait(Duration::from_secs(10));
    script.connected();
    script.let_in(capabilities, FAST);
    script.pump();
    let again: Vec<String> =
        script.sent().into_iter().filter(|line| line.contains("PRIVMSG")).collect();
    assert_eq!(again, [first, lines].concat(), "the same lines in the same order");
    for (line, own) in again.iter().zip([id, second]) {
        let label = line.split("label=").nth(1).unwrap().split([';', ' ']).next().unwrap();
        script.server(&format!("@label={label};msgid=m :Ann!u@h PRIVMSG #a :x"));
        let deliveries = script.deliveries();
        let is_there = |(id, state): &(SendId, Delivery)| {
            *id == own && matches!(state, Delivery::Acknowledged { .. })
        };
        assert!(deliveries.iter().any(is_there), "{deliveries:?}");
    }
    // A server that would have them twice is not told twice.
    let third = script.say("#a", "who knows");
    script.updates();
    script.lose();
    script.wait(Duration::from_secs(10));
    script.connected();
    for line in ["CAP * LS :echo-message", "CAP * ACK :echo-message", "001 Ann :W", "422 Ann :No"] {
        script.server(&format!(":s {line}"));
    }
    script.pump();
    assert!(script.sent().iter().all(|line| !line.contains("PRIVMSG")));
    assert_eq!(script.deliveries(), [(third, Delivery::Failed(DeliveryError::Unknown))]);
}

#[test]
fn without_echoes_the_answer_to_a_ping_acknowledges() {
    let mut script = Script::ready("", FAST);
    let id = script.say("#a", "one");
    assert_eq!(script.sent(), ["PRIVMSG #a :one".to_owned(), format!("PING :sent-{id}")]);
    script.server(&format!(":s PONG s :sent-{id}"));
    assert_eq!(script.deliveries().pop(), Some((id, Delivery::Acknowledged { msgid: None })));
}

#[test]
fn one_question_is_enough_for_many_messages() {
    let mut script = Script::ready("", FAST);
    let long = script.say("#a", &"word ".repeat(200));
    let asked = script.sent();
    assert_eq!(asked.len(), 4, "three pieces and a question: {asked:?}");
    script.now.mono += Duration::from_secs(1);
    let ids: Vec<SendId> = (0..20)
        .map(|n| {
            let message = Message {
                id: SendId(100 + n),
                target: "#a".into(),
                text: n.to_string().into(),
                kind: MessageKind::Text,
            };
            script.state.request(script.now, Request::Send(message), &mut script.effects);
            SendId(100 + n)
        })
        .collect();
    script.state.pump(script.now, usize::MAX, &mut script.effects);
    let pings: Vec<String> =
        script.sent().into_iter().filter(|line| line.starts_with("PING")).collect();
    assert_eq!(pings, ["PING :sent-115", "PING :sent-119"]);
    script.server(&format!(":s PONG s :sent-{long}"));
    script.server(":s PONG s :sent-119");
    let acknowledged: Vec<SendId> = script
        .deliveries()
        .into_iter()
        .filter(|(_, state)| matches!(state, Delivery::Acknowledged { .. }))
        .map(|(id, _)| id)
        .collect();
    assert_eq!(acknowledged, [&[long][..], &ids].concat());
}

#[test]
fn a_refusal_fails_the_message_and_no_other() {
    let mut script = Script::ready("", FAST);
    let (bad, good) = (script.say("nobody", "one"), script.say("#a", "two"));
    script.deliveries();
    script.server(":s 401 Ann nobody :No such nick");
    let refused = DeliveryError::Refused { code: "401".into(), text: "No such nick".into() };
    assert_eq!(script.deliveries().pop(), Some((bad, Delivery::Failed(refused))));
    script.server(&format!(":s PONG s :sent-{good}"));
    assert_eq!(script.deliveries().pop(), Some((good, Delivery::Acknowledged { msgid: None })));
}

#[test]
fn a_question_acknowledges_what_was_written_before_a_refused_message() {
    let mut script = Script::ready("", FAST);
    let (good, bad) = (script.queue("#a", "one"), script.queue("nobody", "two"));
    script.pump();
    let sent = script.sent();
    assert_eq!(sent.last().map(String::as_str), Some(&*format!("PING :sent-{bad}")), "{sent:?}");
    script.server(":s 401 Ann nobody :No such nick");
    script.server(&format!(":s PONG s :sent-{bad}"));
    assert_eq!(script.deliveries().pop(), Some((good, Delivery::Acknowledged { msgid: None })));
}

#[test]
fn a_server_that_may_close_fast_senders_gets_four_lines_and_then_one_in_two_seconds() {
    let mut script = Script::ready("echo-message", "PREFIX=(o)@");
    for n in 0..10 {
        script.say("#a", &n.to_string());
    }
    assert_eq!(script.sent().len(), 4);
    for _ in 0..3 {
        script.wait(Duration::from_secs(2));
        assert_eq!(script.sent().len(), 1);
    }
    script.wait(Duration::from_secs(1));
    assert_eq!(script.sent(), [""; 0]);
}

#[test]
fn silence_is_asked_about_and_then_ends_the_connection() {
    let mut script = Script::ready("", FAST);
    script.wait(Duration::from_secs(59));
    assert_eq!(script.sent(), [""; 0]);
    script.wait(Duration::from_secs(1));
    assert_eq!(script.sent(), ["PING :alive"]);
    script.server(":s PONG s :alive");
    script.wait(Duration::from_secs(60));
    assert_eq!(script.sent(), ["PING :alive"]);
    assert!(!script.disconnects());
    script.wait(Duration::from_secs(60));
    assert!(script.disconnects());
    assert!(matches!(script.state.phase, Phase::Waiting { .. }));
}

#[test]
fn attempts_are_spread_out_and_a_good_connection_starts_over() {
    let mut script = Script::ready("", FAST);
    let mut delays = Vec::new();
    for _ in 0..12 {
        script.lose();
        let Some(Update::State(ConnectionState::Waiting { retry_in, .. })) = script.updates().pop()
        else {
            panic!("it waits")
        };
        delays.push(retry_in);
        script.wait(retry_in);
        assert!(script.connects());
    }
    assert!(delays[0] <= Duration::from_millis(2250));
    assert!(delays[11] >= Duration::from_secs(150));
    script.connected();
    script.let_in("", FAST);
    script.wait(Duration::from_secs(50));
    script.server(":s PING x");
    script.wait(Duration::from_secs(20));
    script.lose();
    let Some(Update::State(ConnectionState::Waiting { retry_in, .. })) = script.updates().pop()
    else {
        panic!("it waits")
    };
    assert!(retry_in <= Duration::from_millis(2250), "{retry_in:?}");
}

/// `ERR_YOUREBANNEDCREEP`
#[test]
fn who_is_not_let_in_learns_why() {
    let mut script = Script::new();
    script.connected();
    script.server(":s CAP * LS :");
    script.server(":s 465 Ann :You are banned from this server");
    assert!(script.disconnects());
    let reason = format!("{:?} {:?}", script.closed(), script.updates());
    assert!(reason.contains("You are banned from this server"), "{reason}");
}

#[test]
fn a_server_that_has_enough_of_us_is_left_alone_for_a_minute() {
    let mut script = Script::ready("", FAST);
    script.server("ERROR :Closing link: connecting too fast");
    script.lose();
    let updates = script.updates();
    let Some(Update::State(ConnectionState::Waiting { retry_in, .. })) = updates.last() else {
        panic!("{updates:?}")
    };
    assert!(*retry_in >= Duration::from_secs(60));
}

#[test]
fn a_connection_that_comes_back_rejoins_and_says_what_it_missed() {
    let mut script = Script::ready("", FAST);
    script.server(":Ann!u@h JOIN #a");
    script.request(Request::Join { room: "#b".into(), key: None });
    script.server(":Ann!u@h JOIN #b");
    script.request(Request::Part { room: "#a".into(), reason: None });
    script.server(":Ann!u@h PART #a");
    script.lose();
    assert_eq!(script.sent(), [""; 0]);
    script.wait(Duration::from_secs(5));
    script.connected();
    script.server(":s 001 Ann :Welcome");
    script.server(":s 422 Ann :none");
    assert_eq!(script.sent().last().unwrap(), "JOIN #b");
    script.updates();
    script.server(":Ann!u@h JOIN #b");
    assert!(script.updates().iter().any(|update| matches!(update, Update::Gap { .. })));
}

#[test]
fn what_cannot_be_asked_for_now_is_said() {
    let mut script = Script::new();
    script.updates();
    script.request(Request::Topic { room: "#a".into(), topic: "tea".into() });
    script.request(Request::Raw { line: "WHO #a".into() });
    let updates = script.updates();
    assert_eq!(updates.len(), 2);
    assert!(updates.iter().all(|update| matches!(update, Update::Notice { .. })), "{updates:?}");
}

#[test]
fn names_that_could_move_a_cursor_are_nobodys() {
    let mut script = Script::ready("", FAST);
    script.server(":Ann!u@h JOIN #a");
    script.updates();
    // Said once, without the name.
    script.server(":\u{1b}ob!u@h JOIN #a");
    let updates = script.updates();
    let is_notice = |update: &Update| matches!(update, Update::Notice { text, .. } if text.contains("no name") && !text.contains('\u{1b}'));
    assert!(updates.len() == 1 && updates.iter().all(is_notice), "{updates:?}");
    for line in [
        ":\u{1b}[2Jbob!u@h JOIN #a",
        ":bob!u@h JOIN #a\u{202e}b",
        ":bob!u@h NICK b\u{7}b",
        ":bob!u@h INVITE Ann #\u{1b}c",
        ":bob!u@h KICK #a c\u{9b}d",
        ":s 353 Ann = #a :ann b\u{1b}b",
        ":s 332 Ann #a\u{1b} :topic",
        ":b\u{1b}ob!u@h PRIVMSG #a :hello",
    ] {
        script.server(line);
        assert!(script.updates().is_empty(), "{line:?}");
    }
    // Where words of a server become part of an error, they are made fit to be printed.
    let id = script.say("nobody", "one");
    script.server(":s 401 Ann nobody :No \u{1b}[2Jsuch nick");
    let refused = DeliveryError::Refused { code: "401".into(), text: "No [2Jsuch nick".into() };
    assert_eq!(script.deliveries().pop(), Some((id, Delivery::Failed(refused))));
    script.server("ERROR :\u{1b}c");
    script.lose();
    let updates = script.updates();
    assert!(!format!("{updates:?}").contains("u{1b}"), "{updates:?}");
}

#[test]
fn a_gap_is_told_of_rooms_that_were_lost_and_of_no_others() {
    let gaps = |script: &mut Script| {
        let updates = script.updates().into_iter();
        let gaps = updates.filter_map(|update| match update {
            Update::Gap { target, since } => Some((target.name().to_owned(), since)),
            _ => None,
        });
        gaps.collect::<Vec<_>>()
    };
    let mut script = Script::ready("", FAST);
    script.server(":Ann!u@h JOIN #a");
    assert_eq!(gaps(&mut script), []);
    let heard = script.now.wall;
    script.wait(Duration::from_secs(30));
    script.lose();
    script.wait(Duration::from_secs(5));
    script.connected();
    script.let_in("", FAST);
    script.server(":Ann!u@h JOIN #a");
    assert_eq!(gaps(&mut script), [("#a".to_owned(), Some(heard))]);
    script.request(Request::Join { room: "#new".into(), key: None });
    script.server(":Ann!u@h JOIN #new");
    script.server(":Ann!u@h PART #a");
    script.request(Request::Join { room: "#a".into(), key: None });
    script.server(":Ann!u@h JOIN #a");
    assert_eq!(gaps(&mut script), []);
}

#[test]
fn a_nick_asked_for_without_a_connection_is_had_with_the_next() {
    let mut script = Script::ready("", FAST);
    script.lose();
    script.request(Request::Nick { nick: "Bea".into() });
    script.wait(Duration::from_secs(5));
    script.connected();
    assert!(script.sent().contains(&"NICK Bea".to_owned()));
    script.request(Request::Nick { nick: "Cid".into() });
    assert_eq!(script.sent(), ["NICK Cid"]);
}

#[test]
fn who_parts_or_changes_case_gives_up_no_nick() {
    let mut script = Script::new();
    script.connected();
    script.server(":s 433 * Ann :taken");
    script.server(":s 001 Ann1 :Welcome");
    script.server(":s 422 Ann1 :none");
    script.server(":Ann1!u@h JOIN #a");
    script.sent();
    script.server(":Ann!u@h PART #a");
    script.server(":Ann!u@h NICK ANN");
    assert_eq!(script.sent(), [""; 0]);
    script.server(":ANN!u@h NICK Bea");
    assert_eq!(script.sent(), ["NICK Ann"]);
}

#[test]
fn what_is_never_answered_fails_in_the_end() {
    let mut script = Script::ready("batch echo-message labeled-response", FAST);
    let id = script.say("#a", "one");
    for _ in 0..3 {
        script.wait(Duration::from_secs(39));
        script.server(":s PING x");
    }
    assert!(!script.deliveries().iter().any(|(_, state)| state.is_final()));
    script.wait(Duration::from_secs(4));
    let failed = Delivery::Failed(DeliveryError::Unanswered);
    assert_eq!(script.deliveries().pop(), Some((id, failed)));
}

#[test]
fn an_echo_that_differs_or_never_comes_does_not_hold_a_message_up() {
    let mut script = Script::ready("echo-message", FAST);
    let id = script.say("#a", "colours");
    script.server(":Ann!u@h PRIVMSG #a :no colours");
    script.sent();
    script.wait(Duration::from_secs(4));
    assert_eq!(script.sent(), [""; 0]);
    script.wait(Duration::from_secs(1));
    assert_eq!(script.sent(), [format!("PING :sent-{id}")]);
    script.server(&format!(":s PONG s :sent-{id}"));
    assert_eq!(script.deliveries().pop(), Some((id, Delivery::Acknowledged { msgid: None })));
}

#[test]
fn an_error_about_something_else_fails_no_message() {
    let mut script = Script::ready("", FAST);
    let id = script.say("#a", "one");
    script.server(":s 482 Ann #a :You are not an operator");
    assert!(!script.deliveries().iter().any(|(_, state)| state.is_final()));
    script.server(":s 404 Ann #a :Cannot send");
    assert!(
        matches!(script.deliveries().pop(), Some((failed, Delivery::Failed(_))) if failed == id)
    );
}

#[test]
fn leaving_sends_what_waits_when_there_is_a_connection_in_time() {
    let mut script = Script::new();
    let id = script.say("#a", "one");
    script.state.quit(script.now, Duration::from_secs(5), &mut script.effects);
    script.connected();
    script.let_in("", FAST);
    script.state.pump(script.now, usize::MAX, &mut script.effects);
    assert_eq!(script.sent(), ["PRIVMSG #a :one".to_owned(), format!("PING :sent-{id}")]);
    script.server(&format!(":s PONG s :sent-{id}"));
    assert_eq!(script.sent(), ["QUIT"]);
    // And without a connection it ends in time.
    let mut script = Script::new();
    let id = script.say("#a", "one");
    script.state.quit(script.now, Duration::from_secs(5), &mut script.effects);
    script.wait(Duration::from_secs(4));
    assert!(!script.state.is_closed());
    script.wait(Duration::from_secs(1));
    assert!(script.state.is_closed());
    assert_eq!(script.deliveries().pop(), Some((id, Delivery::Failed(DeliveryError::Expired))));
}

/// Messages, so many that nothing may be done with all of them for each of them.
#[test]
fn leaving_gives_up_sixty_thousand_messages_at_once() {
    const N: usize = 60_000;
    // A few lines are written and not answered, the others wait.
    let mut script = Script::ready("echo-message", "PREFIX=(o)@");
    let ids: Vec<SendId> = (0..N).map(|_| script.queue("#a", "word ")).collect();
    script.pump();
    let n_written = script.sent().len();
    script.deliveries();
    script.state.quit(script.now, Duration::from_secs(1), &mut script.effects);
    script.wait(Duration::from_secs(2));
    assert!(script.state.is_closed());
    let failed = |error| Delivery::Failed(error);
    let ends: Vec<_> = script.deliveries().into_iter().filter(|(_, end)| end.is_final()).collect();
    assert_eq!(ends.len(), N, "each once");
    for (n, (end, id)) in ends.into_iter().zip(ids).enumerate() {
        let error = if n < n_written { DeliveryError::Unknown } else { DeliveryError::Expired };
        assert_eq!(end, (id, failed(error)));
    }
    assert_eq!(script.n_settled(), N);
    // Nor for those that have waited too long, or had no answer.
    for (tokens, error) in
        [("PREFIX=(o)@", DeliveryError::Expired), (FAST, DeliveryError::Unanswered)]
    {
        let mut script = Script::ready("batch echo-message labeled-response", tokens);
        for _ in 0..N {
            script.queue("#a", "word");
        }
        script.pump();
        for _ in 0..4 {
            script.wait(Duration::from_secs(40));
            script.server(":s PING x");
        }
        let ends = script.deliveries();
        let n_ended = ends.iter().filter(|(_, end)| *end == failed(error.clone())).count();
        assert!(n_ended > N - 100, "{n_ended}");
    }
}

#[test]
fn a_message_before_the_welcome_is_over_ends_it() {
    let mut script = Script::new();
    script.connected();
    script.server(":s 001 Ann :Welcome");
    script.updates();
    script.server(":bob!u@h PRIVMSG Ann :early");
    let updates = script.updates();
    assert!(matches!(updates[0], Update::State(ConnectionState::Ready { .. })), "{updates:?}");
    assert!(matches!(updates[1], Update::Message(_)), "{updates:?}");
}

#[test]
fn a_raw_line_goes_out_as_it_is() {
    let mut script = Script::ready("", FAST);
    script.request(Request::Raw { line: "@+typing=active TAGMSG #a".into() });
    assert_eq!(script.sent(), ["@+typing=active TAGMSG #a"]);
}

/// The driver does nothing but what stands there, and in that order.
#[test]
fn effects_stand_in_the_order_in_which_they_are_to_be_done() {
    let mut script = Script::ready("echo-message", FAST);
    let id = script.say("#a", "one");
    script.state.quit(script.now, Duration::ZERO, &mut script.effects);
    let effects = script.effects.take(|_| true);
    assert!(
        matches!(&effects[..], [
            Effect::Tell(Update::Message(_)),
            Effect::Tell(Update::Delivery { state: Delivery::Queued, .. }),
            Effect::Write(line),
            Effect::Mark(marked),
            Effect::Write(quit),
        ] if line.starts_with(b"PRIVMSG") && *marked == id && quit == b"QUIT\r\n"),
        "{effects:?}"
    );
    script.wait(Duration::from_secs(1));
    let effects = script.effects.take(|_| true);
    assert!(
        matches!(
            &effects[..],
            [
                Effect::Disconnect,
                Effect::Settle { .. },
                Effect::Tell(Update::Delivery { state: Delivery::Failed(_), .. }),
                Effect::Tell(Update::State(ConnectionState::Closed)),
                Effect::Close(CloseReason::Requested),
            ]
        ),
        "{effects:?}"
    );
}

/// Reading it costs no copy, and what does not change it makes no other one.
#[test]
fn the_roster_is_another_one_only_when_it_has_changed() {
    let mut script = Script::ready("", FAST);
    script.server(":Ann!u@h JOIN #a");
    let before = Arc::clone(script.state.rooms());
    for line in [":bob!u@h PRIVMSG #a :hello", ":s PING x", ":bob!u@h AWAY :tea"] {
        script.server(line);
        assert!(Arc::ptr_eq(&before, script.state.rooms()), "{line}");
    }
    script.server(":bob!u@h JOIN #a");
    assert!(!Arc::ptr_eq(&before, script.state.rooms()));
    assert_eq!(before.members("#a").len(), 1, "who holds one reads what it was");
    assert_eq!(script.state.rooms().members("#a").len(), 2);
}

/// A step that a server, a network or a program may take, in any order.
#[derive(Debug, Clone)]
enum Step {
    Server(String),
    Say(String),
    Join,
    Connected,
    Lose,
    Wait(u64),
    Reconnect,
}

fn step() -> impl Strategy<Value = Step> {
    let line = prop_oneof![
        Just(":s CAP * LS :batch echo-message labeled-response".to_owned()),
        Just(":s CAP * ACK :batch echo-message labeled-response".to_owned()),
        Just(":s CAP * LS :batch chat.local/nonce echo-message message-tags".to_owned()),
        Just(":s CAP * ACK :batch chat.local/nonce echo-message message-tags".to_owned()),
        Just(":s CAP * NAK :batch".to_owned()),
        Just(":s 001 Ann :Welcome".to_owned()),
        Just(":s 422 Ann :none".to_owned()),
        Just(":s 433 * Ann :taken".to_owned()),
        Just(":s 432 * Ann :bad".to_owned()),
        Just(":s 404 Ann #a :no".to_owned()),
        Just("ERROR :enough".to_owned()),
        (1..9_u64, 1..9_usize)
            .prop_map(|(id, n)| format!("@label={id}.{n} :Ann!u@h PRIVMSG #a {}", "x".repeat(n))),
        (1..9_u64).prop_map(|id| format!(":s PONG s :sent-{id}")),
        (1..9_usize).prop_map(|n| format!(":Ann!u@h PRIVMSG #a {}", "x".repeat(n))),
        "[:@]?[a-zA-Z0-9 :=;+#!@\u{1}é]{0,40}",
    ];
    prop_oneof![
        8 => line.prop_map(Step::Server),
        3 => (1..9_usize).prop_map(|n| Step::Say("x".repeat(n))),
        1 => Just(Step::Say("long ".repeat(300))),
        1 => Just(Step::Join),
        2 => Just(Step::Connected),
        1 => Just(Step::Lose),
        2 => (0..70_u64).prop_map(Step::Wait),
        1 => Just(Step::Reconnect),
    ]
}

proptest! {
    /// Whatever happens, every message comes to exactly one end, every request is settled once, and
    /// nothing written is anything but whole lines.
    #[test]
    fn every_message_comes_to_one_end(steps in proptest::collection::vec(step(), 0..120)) {
        let mut script = Script::new();
        for step in steps {
            match step {
                Step::Server(line) => {
                    if !matches!(script.state.phase, Phase::Connecting | Phase::Waiting { .. }) {
                        script.server(&line);
                    }
                }
                Step::Say(text) => { script.say("#a", &text); }
                Step::Join => script.request(Request::Join { room: "#b".into(), key: None }),
                Step::Connected if matches!(script.state.phase, Phase::Connecting) => {
                    script.connected();
                }
                Step::Lose if !matches!(script.state.phase, Phase::Waiting { .. }) => script.lose(),
                Step::Connected | Step::Lose => {}
                Step::Wait(seconds) => script.wait(Duration::from_secs(seconds)),
                Step::Reconnect => script.state.reconnect_now(&mut script.effects),
            }
            for effect in script.effects.iter() {
                let Effect::Write(bytes) = effect else { continue };
                prop_assert!(bytes.ends_with(b"\r\n"));
            }
        }
        script.state.quit(script.now, Duration::from_secs(2), &mut script.effects);
        script.wait(Duration::from_secs(3));
        prop_assert!(script.state.is_closed());
        prop_assert!(script.closed().is_some());
        prop_assert_eq!(script.n_settled(), script.n_requests);
        let mut ends = std::collections::BTreeMap::<u64, usize>::new();
        for (id, state) in script.deliveries() {
            let is_end = matches!(state, Delivery::Acknowledged { .. } | Delivery::Failed(_));
            *ends.entry(id.0).or_default() += usize::from(is_end);
        }
        prop_assert_eq!(ends.len() as u64, script.next_id - 1);
        prop_assert!(ends.values().all(|n| *n == 1), "{:?}", ends);
    }
}
