//! The server's ten rules (ARCHITECTURE.md), where they show from outside, and bad input by the load.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    num::NonZeroUsize,
    sync::Arc,
    time::Duration,
};

use chat_core::proto::{Capability, CapabilitySet, MessageKind};
use chat_server::{
    Config, Server,
    delivery::{Audience, Content, Event, Page, RecordContent},
    hub::{Door, Effect, Hub, Input, Now, Registration},
    ids::{ConnId, Ticket, WorkerId},
    room_log::{Appender, Appending, Record, RoomLog},
    settings::Settings,
};
use chat_tests::{
    PATIENCE, TestClient, TestServer,
    load::{Crowd, Mode, Peer, Subject},
    poll,
    program::Program,
};
use socket2::{Domain, Socket, Type};

/// Rule 1: a hub with room for four inputs makes workers wait, and nothing is lost or out of order.
#[test]
fn a_full_hub_queue_loses_nothing() {
    let server = TestServer::with(|config| {
        config.limits.hub_queue_max = 4;
        config.limits.mailbox_bytes_max = 1;
        config.limits.outbox_bytes_max = 64 << 20;
        config.workers = NonZeroUsize::new(3);
    });
    let mut reader = TestClient::register(&server, "Rea");
    let mut writers: Vec<TestClient> =
        (0..4).map(|n| TestClient::register(&server, &format!("w{n}"))).collect();
    for writer in &mut writers {
        let burst: String = (0..500).map(|n| format!("PRIVMSG #lobby :{n}\r\n")).collect();
        writer.raw(burst.as_bytes());
    }
    let mut next = [0; 4];
    while next != [500; 4] {
        let line = reader.expect(":w?!* PRIVMSG #lobby :*");
        let writer = usize::from(line.as_bytes()[2] - b'0');
        assert_eq!(line.rsplit(':').next().unwrap(), next[writer].to_string(), "{line}");
        next[writer] += 1;
    }
}

/// Rule 4: also where there are more kinds of readers than a burst is kept for, and its writer among them, each is
/// told all of it in order and as they understand it.
#[test]
fn a_burst_reaches_readers_of_all_kinds() {
    let server = TestServer::with(|config| config.workers = NonZeroUsize::new(1));
    let names = ["server-time", "away-notify", "setname", "chghost", "multi-prefix"];
    let of = |kind: usize| -> Vec<&str> {
        (0..names.len()).filter(|bit| kind >> bit & 1 == 1).map(|bit| names[bit]).collect()
    };
    let mut readers: Vec<TestClient> = (0..32)
        .map(|kind| TestClient::register_with(&server, &format!("r{kind}"), &of(kind).join(" ")))
        .collect();
    let mut writer = TestClient::register(&server, "w");
    let burst: String = (0..60).map(|n| format!("PRIVMSG #lobby :{n}\r\n")).collect();
    writer.raw(burst.as_bytes());
    for (kind, reader) in readers.iter_mut().enumerate() {
        for n in 0..60 {
            let line = reader.expect("*:w!* PRIVMSG #lobby :*");
            assert_eq!(line.starts_with("@time="), kind & 1 == 1, "{line}");
            assert_eq!(line.rsplit(':').next().unwrap(), n.to_string(), "{line}");
        }
    }
    writer.expect_none("*PRIVMSG*");
}

fn hub(n_workers: u16) -> (Hub, Now) {
    let mut config = Config::default();
    config.auto_join = true;
    #[expect(clippy::disallowed_methods, reason = "a point to count from; nothing depends on it")]
    let now = Now { mono: std::time::Instant::now(), wall: std::time::SystemTime::UNIX_EPOCH };
    (Hub::new(Settings::new(&config, n_workers), 1), now)
}

fn populate(hub: &mut Hub, now: Now, n: u32, n_workers: u16) -> ConnId {
    let mut effects = Vec::new();
    let conn = |slot: u32| {
        let worker = WorkerId(u16::try_from(slot % u32::from(n_workers)).unwrap());
        ConnId { worker, generation: 0, slot }
    };
    for slot in 0..n {
        let (nick, user, realname) = (format!("p{slot}"), "u".to_owned(), "R".to_owned());
        let registration = Registration { nick, user, realname, take_any_nick: false };
        let conn = conn(slot);
        hub.handle(
            now,
            Input::Opened {
                conn,
                host: "h".into(),
                door: Door::Irc,
                is_secure: false,
                fingerprint: None,
            },
            &mut effects,
        );
        hub.handle(now, Input::Register { conn, registration }, &mut effects);
        effects.clear();
    }
    conn(0)
}

fn say(hub: &mut Hub, now: Now, conn: ConnId) -> Vec<Effect> {
    let line = chat_core::wire::Line::parse("PRIVMSG #lobby :hello").unwrap();
    let command = Ok(chat_core::proto::Command::parse(&line).unwrap());
    let mut effects = Vec::new();
    hub.handle(now, Input::Command { conn, label: None, command }, &mut effects);
    let [Effect::Append { ticket, .. }] = effects[..] else { panic!("{effects:?}") };
    effects.clear();
    hub.handle(now, Input::Appended { ticket, outcome: Ok(()) }, &mut effects);
    effects
}

/// Rule 2
#[test]
fn a_message_is_one_delivery_for_each_worker_however_large_the_room() {
    for n in [4, 400] {
        let (mut hub, now) = hub(4);
        let sender = populate(&mut hub, now, n, 4);
        let effects = say(&mut hub, now, sender);
        assert_eq!(effects.len(), 4, "with {n} members: {effects:?}");
        for effect in &effects {
            let Effect::Deliver { delivery, .. } = effect else { panic!("{effect:?}") };
            // Rule 3: the hub never makes bytes of it.
            assert!(!delivery.event.is_encoded());
        }
    }
}

/// Rule 2, its other half: a worker without members hears nothing.
#[test]
fn workers_without_members_are_left_alone() {
    let (mut hub, now) = hub(4);
    let sender = populate(&mut hub, now, 2, 4);
    assert_eq!(say(&mut hub, now, sender).len(), 2);
}

/// Rule 3
#[test]
fn an_event_is_encoded_once_for_each_kind_of_reader() {
    let content = Content::Record(RecordContent::Message {
        source: "a!u@h".into(),
        kind: MessageKind::Privmsg,
        target: "#x".into(),
        text: "hello".into(),
        tags: "+a=b".into(),
    });
    let event = Event::new(content, std::time::SystemTime::UNIX_EPOCH, Some("id".into()));
    let plain = Audience::irc(CapabilitySet::EMPTY);
    let tagged = Audience::irc(
        CapabilitySet::EMPTY.with(Capability::MessageTags).with(Capability::ServerTime),
    );
    let first = event.encode(plain).as_ptr();
    assert_eq!(first, event.encode(plain).as_ptr(), "the same bytes, not like ones");
    // What does not show in this event makes no other kind of it.
    let echoing = Audience::irc(CapabilitySet::EMPTY.with(Capability::EchoMessage));
    assert_eq!(first, event.encode(echoing).as_ptr());
    let expect = |audience, text: &str| assert_eq!(event.encode(audience), text.as_bytes());
    expect(plain, ":a!u@h PRIVMSG #x :hello\r\n");
    expect(tagged, "@time=1970-01-01T00:00:00.000Z;msgid=id;+a=b :a!u@h PRIVMSG #x :hello\r\n");
    expect(Audience::TEXT, "a: hello\r\n");
}

/// Rule 6: while one floods without an end, another is answered.
#[test]
fn a_flood_does_not_starve_its_neighbours() {
    let server = TestServer::with(|config| config.workers = NonZeroUsize::new(1));
    let flooder = TestClient::register(&server, "Flo");
    let mut neighbour = TestClient::register(&server, "Nei");
    let flood = "PRIVMSG nobody :x\r\n".repeat(5_000);
    let streams = [(); 2].map(|()| flooder.stream().try_clone().unwrap());
    let [mut writing, mut reading] = streams;
    let threads = [
        std::thread::Builder::new()
            .name("flood".into())
            .spawn(move || while writing.write_all(flood.as_bytes()).is_ok() {}),
        // Its answers are read, or the server would stop reading it for that.
        std::thread::Builder::new().name("ebb".into()).spawn(move || {
            let mut buffer = vec![0; 1 << 16];
            while reading.read(&mut buffer).is_ok_and(|n| n > 0) {}
        }),
    ];
    for n in 0..50 {
        neighbour.send(&format!("PING {n}"));
        neighbour.expect(&format!("*PONG * :{n}"));
    }
    flooder.stream().shutdown(std::net::Shutdown::Both).unwrap();
    for thread in threads {
        thread.unwrap().join().unwrap();
    }
}

/// Rule 8: a page is short, and the next one waits for this one to be taken.
#[test]
fn a_long_answer_is_made_page_by_page() {
    let (mut hub, now) = hub(1);
    let asker = populate(&mut hub, now, 600, 1);
    let mut ask = |text: &str| {
        let line = chat_core::wire::Line::parse(text).unwrap();
        let command = Ok(chat_core::proto::Command::parse(&line).unwrap());
        let mut effects = Vec::new();
        hub.handle(now, Input::Command { conn: asker, label: None, command }, &mut effects);
        let mut pages = Vec::new();
        loop {
            let [Effect::Reply { reply, .. }, ..] = &effects[..] else { panic!("{effects:?}") };
            assert!(effects.iter().skip(1).all(|e| !matches!(e, Effect::Reply { .. })), "one page");
            pages.push(reply.lines.len());
            if !matches!(reply.page, Page::More { .. }) {
                return pages;
            }
            effects.clear();
            hub.handle(now, Input::PageTaken { conn: asker }, &mut effects);
        }
    };
    for question in ["WHO #lobby", "WHO *"] {
        let pages = ask(question);
        assert!(pages.len() == 3 && pages.iter().all(|n_lines| *n_lines <= 257), "{pages:?}");
        assert_eq!(pages.iter().sum::<usize>(), 601, "everyone, and the end");
    }
    assert_eq!(ask("NAMES #lobby").len(), 3);
}

/// A log that takes its time until it is let go.
struct Gated(crossbeam_channel::Receiver<()>);

impl RoomLog for Gated {
    fn append(&mut self, _: Ticket, _: &Arc<Record>) -> Appending {
        // An error means: let go.
        let _ = self.0.recv();
        Appending::Now(Ok(()))
    }
}

/// Rule 1, its other half: while the hub takes nothing, its writers' sockets fill, not our memory.
#[test]
fn what_the_hub_cannot_take_stays_in_the_socket() {
    let (gate, gated) = crossbeam_channel::bounded(0);
    let mut config = Config::default();
    config.listen = vec!["127.0.0.1:0".into()];
    config.limits = config.limits.unlimited();
    config.limits.hub_queue_max = 16;
    config.workers = NonZeroUsize::new(1);
    let server = Server::start_with(config, Box::new(Gated(gated)), 1).unwrap();
    let mut writer = TestClient::connect(server.addresses()[0]);
    writer.send("NICK a");
    writer.send("USER u 0 * :A");
    writer.expect("* 366 *");
    writer.stream().set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    let line = format!("PRIVMSG #lobby :{}\r\n", "x".repeat(400)).repeat(100);
    let mut stream = writer.stream();
    let mut n_bytes = 0;
    while let Ok(n) = stream.write(line.as_bytes()) {
        n_bytes += n;
        assert!(n_bytes < 64 << 20, "it reads without an end");
    }
    drop(gate);
    server.stop();
    server.join().unwrap();
}

/// Rule 7
#[test]
fn slow_reader_is_closed_not_waited_for() {
    let server = TestServer::with(|config| {
        config.limits.outbox_bytes_max = 64 << 10;
        config.limits.close_timeout = PATIENCE;
    });
    // From the first byte on: what its system had promised to take, and then had no room for, would be sent again after pauses
    // that double, for minutes where the talking takes as long.
    let narrow = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    narrow.set_recv_buffer_size(4096).unwrap();
    narrow.connect(&server.address().into()).unwrap();
    let mut slow = TestClient::over(narrow.into()).registered("Slo", "");
    let mut reader = TestClient::register_with(&server, "Rea", "echo-message");
    let text = "x".repeat(400);
    let mut n = 0;
    // Sends, and sees every message, until the one who never reads is gone.
    'talking: loop {
        reader.send(&format!("PRIVMSG #lobby :{n} {text}"));
        loop {
            let line = reader.next_line().unwrap();
            if line.contains(":Slo!") && line.contains(" QUIT ") {
                assert!(line.contains("too slowly"), "{line}");
                break 'talking;
            }
            if line.ends_with(&format!(":{n} {text}")) {
                break;
            }
        }
        n += 1;
        assert!(n < 100_000, "the slow reader is never closed");
    }
    reader.send("PING after");
    reader.expect("*PONG*after");
    // Now it reads. What was begun is finished, what would be worthless is left out, and the reason is whole.
    socket2::SockRef::from(slow.stream()).set_recv_buffer_size(1 << 20).unwrap();
    let lines = slow.expect_close();
    assert!(lines.last().is_some_and(|line| line.starts_with("ERROR :You read too slowly")));
    assert!(
        lines[..lines.len() - 1].iter().all(|line| !line.contains(&text) || line.ends_with(&text))
    );
}

/// Whoever does not read is not read from either: their own questions do not close them.
#[test]
fn who_does_not_read_is_not_read_from() {
    use std::io::{ErrorKind, Write};
    let server = TestServer::with(|config| {
        config.limits.outbox_pause_bytes = 16 << 10;
        config.limits.outbox_bytes_max = 256 << 10;
    });
    let mut asker = TestClient::register(&server, "Ask");
    let mut stream = asker.stream();
    stream.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    let question = format!("PING :{}\r\n", "x".repeat(400)).into_bytes();
    // Without end, until nothing more is taken.
    let mut n_bytes = 0;
    let error = loop {
        match stream.write(&question[n_bytes % question.len()..]) {
            Ok(n) => n_bytes += n,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::WouldBlock, "after {n_bytes} bytes");
    // Now it reads: every question that was asked whole has its answer.
    for _ in 0..n_bytes / question.len() {
        asker.expect("*PONG*xxx");
    }
}

/// Rule 7, its other side: whoever reads is not closed because everyone talks at once.
#[test]
fn a_burst_does_not_close_those_who_read() {
    let server = TestServer::with(|config| {
        config.limits.outbox_bytes_max = 64 << 10;
        config.workers = NonZeroUsize::new(1);
    });
    let mut readers: Vec<TestClient> =
        (0..3).map(|n| TestClient::register(&server, &format!("r{n}"))).collect();
    let mut writers: Vec<TestClient> =
        (0..4).map(|n| TestClient::register(&server, &format!("w{n}"))).collect();
    let line = format!("PRIVMSG #lobby :{}\r\n", "x".repeat(400));
    for writer in &mut writers {
        writer.raw(line.repeat(300).as_bytes());
    }
    for reader in &mut readers {
        for _ in 0..4 * 300 {
            reader.expect(":w?!* PRIVMSG #lobby :x*");
        }
    }
}

/// A log that answers from a thread of its own, in its own time, as one with a disk does.
struct Elsewhere {
    asked: crossbeam_channel::Sender<Ticket>,
    answering: Option<crossbeam_channel::Receiver<Ticket>>,
}

impl RoomLog for Elsewhere {
    fn start(&mut self, appender: Appender) -> std::io::Result<()> {
        let asked = self.answering.take().expect("a log is started once");
        let answering = move || {
            for ticket in asked {
                appender.appended(ticket, Ok(()));
            }
        };
        std::thread::Builder::new().name("log".into()).spawn(answering).map(drop)
    }

    fn append(&mut self, ticket: Ticket, _: &Arc<Record>) -> Appending {
        self.asked.send(ticket).unwrap();
        Appending::Later
    }
}

#[test]
fn a_log_with_a_thread_of_its_own_loses_nothing_and_keeps_the_order() {
    let mut config = Config::default();
    config.listen = vec!["127.0.0.1:0".into()];
    config.limits = config.limits.unlimited();
    let (asked, answering) = crossbeam_channel::unbounded();
    let log = Elsewhere { asked, answering: Some(answering) };
    let server = Server::start_with(config, Box::new(log), 1).unwrap();
    let mut people: Vec<TestClient> = (0..3)
        .map(|n| {
            let mut client = TestClient::connect(server.addresses()[0]);
            client.send("CAP REQ :echo-message");
            client.send(&format!("NICK p{n}"));
            client.send("USER u 0 * :P");
            client.send("CAP END");
            client.expect("* 366 *");
            client
        })
        .collect();
    for person in &mut people {
        let burst: String = (0..200).map(|n| format!("PRIVMSG #lobby :{n}\r\n")).collect();
        person.raw(burst.as_bytes());
    }
    let mut orders = people.iter_mut().map(|person| {
        (0..3 * 200).map(|_| person.expect(":p?!* PRIVMSG #lobby :*")).collect::<Vec<_>>()
    });
    let first = orders.next().unwrap();
    assert!(orders.all(|order| order == first), "everyone sees one order");
    server.stop();
    server.join().unwrap();
}

/// A log that panics on the first record: a fault in the hub's thread.
struct Panics;

impl RoomLog for Panics {
    fn append(&mut self, _: Ticket, _: &Arc<Record>) -> Appending {
        panic!("on purpose")
    }
}

/// Rule 10
#[test]
fn a_panic_in_the_hub_stops_the_server_and_shows_in_join() {
    let mut config = Config::default();
    config.listen = vec!["127.0.0.1:0".into()];
    let server = Server::start_with(config, Box::new(Panics), 1).unwrap();
    let mut client = TestClient::connect(server.addresses()[0]);
    client.send("NICK a");
    client.send("USER u 0 * :A");
    client.expect("* 366 *");
    client.send("PRIVMSG #lobby :x");
    client.expect_close();
    let error = server.join().unwrap_err();
    assert_eq!(error.to_string(), "the server's thread chat-hub failed: it panicked");
}

/// A log that answers without end, asked or not, and waits for its thread at the end.
#[derive(Default)]
struct Chatters(Option<std::thread::JoinHandle<()>>);

impl RoomLog for Chatters {
    fn start(&mut self, appender: Appender) -> std::io::Result<()> {
        let chatter = move || while appender.queried(Ticket(u64::MAX), Err("x".into())) {};
        self.0 = Some(std::thread::Builder::new().spawn(chatter)?);
        Ok(())
    }

    fn append(&mut self, _: Ticket, _: &Arc<Record>) -> Appending {
        panic!("on purpose")
    }
}

impl Drop for Chatters {
    fn drop(&mut self) {
        self.0.take().unwrap().join().unwrap();
    }
}

/// Also when the hub has failed.
#[test]
fn a_log_that_is_about_to_answer_does_not_keep_the_server() {
    for fails in [false, true] {
        let mut config = Config::default();
        config.listen = vec!["127.0.0.1:0".into()];
        config.limits.hub_queue_max = 1;
        let server = Server::start_with(config, Box::new(Chatters::default()), 1).unwrap();
        if fails {
            let mut client = TestClient::connect(server.addresses()[0]);
            client.send("NICK a");
            client.send("USER u 0 * :A");
            client.expect("* 366 *");
            client.send("PRIVMSG #lobby :x");
            client.expect_close();
        } else {
            server.stop();
        }
        let (ended, has_ended) = crossbeam_channel::bounded(1);
        let joining = std::thread::Builder::new()
            .spawn(move || ended.send(server.join().is_err()).unwrap())
            .unwrap();
        assert_eq!(has_ended.recv_timeout(PATIENCE), Ok(fails));
        joining.join().unwrap();
    }
}

/// A log that never answers.
struct Silent;

impl RoomLog for Silent {
    fn append(&mut self, _: Ticket, _: &Arc<Record>) -> Appending {
        Appending::Later
    }
}

#[test]
fn what_cannot_be_stored_is_refused_in_words() {
    let mut config = Config::default();
    config.listen = vec!["127.0.0.1:0".into()];
    config.limits.append_timeout = Duration::from_millis(50);
    let server = Server::start_with(config, Box::new(Silent), 1).unwrap();
    let mut client = TestClient::connect(server.addresses()[0]);
    client.send("CAP REQ :standard-replies");
    client.send("NICK a");
    client.send("USER u 0 * :A");
    client.send("CAP END");
    client.expect("* 366 *");
    client.send("PRIVMSG #lobby :x");
    client.send("PING after");
    client.expect(
        "* FAIL PRIVMSG MESSAGE_NOT_STORED #lobby :your message to #lobby was not delivered: *",
    );
    client.expect("*PONG*after");
}

#[test]
fn several_servers_live_in_one_process() {
    let servers: Vec<TestServer> = (0..4).map(|_| TestServer::start()).collect();
    for (n, server) in servers.iter().enumerate() {
        let mut client = TestClient::register(server, &format!("p{n}"));
        client.send("PRIVMSG #lobby :x");
        client.send("NAMES #lobby");
        client.expect(&format!("* 353 * #lobby p{n}"));
    }
}

#[test]
fn those_who_send_too_fast_are_read_later_and_lose_nothing() {
    let server = TestServer::with(|config| {
        config.limits.flood =
            Some(chat_server::config::RateLimit { burst: 10.0, per_second: 200.0 });
    });
    let mut fast = TestClient::register(&server, "Fas");
    let burst: String = (0..100).map(|n| format!("PING {n}\r\n")).collect();
    fast.raw(burst.as_bytes());
    for n in 0..100 {
        fast.expect(&format!("*PONG * :{n}"));
    }
}

#[test]
fn too_many_connections_from_one_address_are_turned_away() {
    let server = TestServer::with(|config| config.limits.clients_per_address_max = Some(3));
    let kept: Vec<TestClient> = (0..3).map(|_| TestClient::connect(server.address())).collect();
    let mut fourth = TestClient::connect(server.address());
    fourth.expect("ERROR :There are too many connections from your address");
    drop(kept);
}

#[test]
fn half_lines_and_garbage_before_registration_are_survived() {
    let server = TestServer::start();
    let mut random = fastrand::Rng::with_seed(11);
    for _ in 0..200 {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        let n = random.usize(..600);
        let mut garbage: Vec<u8> = (0..n).map(|_| random.u8(..)).collect();
        if random.bool() {
            garbage.extend_from_slice(b"\r\nNICK");
        }
        stream.write_all(&garbage).unwrap();
    }
    let mut client = TestClient::connect(server.address());
    client.send("NONSENSE a b");
    client.expect("* 421 * NONSENSE *");
    client.send("JOIN #x");
    client.expect("* 451 * *");
    client.send("GET / HTTP/1.1");
    client.expect("* 421 * GET *");
    client.send("NICK a");
    client.send("USER u 0 * :A");
    client.expect("* 001 a *");
}

#[test]
fn ten_thousand_silent_connections_disturb_nobody() {
    const N: usize = 10_000;
    let allowed = rlimit::increase_nofile_limit(20_000).unwrap();
    assert!(allowed as usize > N + 500, "this system allows only {allowed} descriptors");
    // However long it takes to make them all here.
    let folder = chat_tests::folder::TempFolder::new("silent");
    let file = folder.path().join("chat-server.toml");
    std::fs::write(&file, "[limits]\nregistration-timeout = \"10m\"\n").unwrap();
    let config = file.to_str().unwrap();
    let (mut program, address) =
        Program::start_server(&["--unlimited", "--max-clients", "20000", "--config", config]);
    let silent: Vec<Socket> = (0..N).map(|_| connect_from_next_door(address)).collect();
    let mut ann = TestClient::connect(address);
    ann.send("NICK ann");
    ann.send("USER u 0 * :A");
    ann.expect("* 422 *");
    // The other workers may still be handing some over.
    loop {
        ann.send("LUSERS");
        if ann.expect("* 253 *").contains(&format!(" {N} ")) {
            break;
        }
    }
    drop(silent);
    program.signal("TERM");
    assert_eq!(program.exit_code(), Some(0));
}

/// From another address of this computer: a crowd that takes its ports from the tests' own address
/// would sooner or later sit on the one another test wants to listen on.
fn connect_from_next_door(address: SocketAddr) -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 2], 0)).into()).unwrap();
    socket.connect(&address.into()).unwrap();
    socket
}

#[test]
fn a_stop_takes_less_than_two_seconds_with_those_who_never_read() {
    let (mut program, address) = Program::start_server(&["--unlimited"]);
    let mut stuck = TestClient::connect(address);
    stuck.send("NICK stuck");
    stuck.send("USER u 0 * :S");
    stuck.expect("* 366 *");
    // Bytes the server may not throw away unread, or its last words would be lost with them.
    stuck.raw(&b"PRIVMSG nobody :x\r\n".repeat(2000));
    program.expect("stuck arrived *");
    #[expect(clippy::disallowed_methods, reason = "the two seconds are the promise")]
    let start = std::time::Instant::now();
    program.signal("TERM");
    assert_eq!(program.exit_code(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(2), "it took {:?}", start.elapsed());
    let mut rest = Vec::new();
    let mut stream = stuck.stream();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let _ = stream.read_to_end(&mut rest);
}

/// What a crowd has needed, while it was there and for its going, is not held for ever: the system has it back some seconds later.
#[test]
fn memory_is_given_back_when_a_crowd_has_gone() {
    let ours = Peer::Ours(Mode::Memory);
    let subject = Subject::start(ours).unwrap();
    let memory = || subject.process().memory("RssAnon");
    let before = memory();
    let mut crowd = Crowd::new(ours.dialect(), 0).unwrap();
    crowd.come(subject.address, 3000, ours.connecting()).unwrap();
    crowd.enter(|_| Some(0)).unwrap();
    let with_them = memory();
    assert!(with_them > before + (6 << 20), "a crowd needs memory: {before}, then {with_them}");
    drop(crowd);
    // The allocator keeps what is free for ten seconds, in case it is needed again.
    poll(|| {
        let now = memory();
        let is_given_back = now <= before.midpoint(with_them);
        is_given_back
            .then_some(())
            .ok_or_else(|| format!("{before}, {with_them}, then {now} bytes"))
    });
}
