//! The smaller doors: health and numbers over HTTP, proxies and gateways that pass others on, sockets
//! that are handed over, and both kinds of addresses.

use std::{
    fs,
    io::{ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    path::Path,
    process::Command,
};

use chat_server::{Config, TlsSource, config::Gateway};
use chat_tests::{
    PATIENCE, TestClient, TestServer,
    folder::TempFolder,
    over_tls,
    program::{Program, path},
};

/// The answer to an HTTP request.
fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn health_and_numbers_are_told() {
    let server = TestServer::with(|config| {
        config.http_listen = vec!["127.0.0.1:0".into()];
    });
    let address = server.http_address();
    let answer = ask(address, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nok\n"),
        "{answer}"
    );
    let mut ann = TestClient::register(&server, "Ann");
    let mut bob = TestClient::register(&server, "Bob");
    ann.send("PRIVMSG #lobby :counted");
    bob.expect("* PRIVMSG #lobby :counted");
    let numbers = ask(address, "GET /metrics HTTP/1.0\r\n\r\n");
    for line in [
        "chat_people 2",
        "chat_rooms 1",
        "chat_messages_total 1",
        "chat_turned_away_total 0",
        "chat_closed_slow_total 0",
        "chat_pending_records 0",
        "chat_hub_queue 0",
        "chat_refused_records_total 0",
        "chat_outbox_bytes 0",
        "chat_password_queue 0",
    ] {
        assert!(numbers.lines().any(|own| own == line), "{line} is not in {numbers}");
    }
    assert!(numbers.contains("\nchat_mailbox_bytes "));
    // Every line is a comment, or a name and a number.
    let (_, body) = numbers.split_once("\r\n\r\n").unwrap();
    for line in body.lines().filter(|line| !line.starts_with("# ")) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(name.starts_with("chat_") && value.parse::<f64>().is_ok(), "{line}");
    }
    for (request, status) in [
        ("GET / HTTP/1.1\r\n\r\n", "404"),
        ("POST /health HTTP/1.1\r\n\r\n", "405"),
        ("nonsense\r\n\r\n", "400"),
        (&format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(9000)), "431"),
    ] {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        // What was not read of the request may make its end a reset.
        let _ = stream.read_to_string(&mut answer);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request:?}: {answer}");
    }
}

/// The number of that name at `/metrics`.
fn number(server: &TestServer, name: &str) -> usize {
    let numbers = ask(server.http_address(), "GET /metrics HTTP/1.0\r\n\r\n");
    let value = numbers.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("{name} is not in {numbers}")).parse().unwrap()
}

/// What is sent faster than it is taken stays with the sender, but for a little.
#[test]
fn what_waits_for_its_turn_has_a_bound() {
    let server = TestServer::with(|config| {
        config.http_listen = vec!["127.0.0.1:0".into()];
        config.limits.inbox_bytes_max = 1024;
        config.limits.flood =
            Some(chat_server::config::RateLimit { burst: 4.0, per_second: 1.0 / 600.0 });
    });
    let mut irc = TestClient::connect(server.address());
    let mut text = TestClient::text(&server, "Zoe");
    irc.raw("PING :twenty bytes x\r\n".repeat(5000).as_bytes());
    text.raw("twenty-two bytes, once\n".repeat(5000).as_bytes());
    let waiting = (0..10_000).map(|_| number(&server, "chat_inbox_bytes")).find(|n| *n > 1024);
    let waiting = waiting.expect("both have sent more");
    assert!(waiting <= 2 * (1024 + 32), "{waiting} bytes wait");
}

/// <https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt>
#[test]
fn a_proxy_tells_whose_connection_it_passes_on() {
    let server = TestServer::with(|config| {
        config.proxies = vec!["127.0.0.0/8".parse().unwrap()];
        config.limits.clients_per_address_max = Some(2);
    });
    let connect = |header: &str| {
        let mut client = TestClient::connect(server.address());
        client.raw(header.as_bytes());
        client
    };
    let header = "PROXY TCP4 203.0.113.7 192.0.2.1 1234 6667\r\n";
    let mut ann = connect(header);
    ann.send("NICK ann");
    ann.send("USER u 0 * :A");
    ann.expect(":ann!u@203.0.113.7 JOIN #lobby");
    let mut six = connect("PROXY TCP6 2001:db8::7 ::1 1234 6667\r\n");
    six.send("NICK six");
    six.send("USER u 0 * :S");
    ann.expect(":six!u@2001:db8::7 JOIN #lobby");
    // They are counted where they are, not where the proxy is.
    let mut second = connect(header);
    second.send("PING :second");
    second.expect("*PONG*:second");
    let mut third = connect(header);
    third.expect("ERROR :There are too many connections from your address");
    // Who sends no header is nobody's.
    assert!(connect("NICK eve\r\nUSER u 0 * :E\r\n").expect_close().is_empty());
}

/// Whose connection a proxy passes on is counted as soon as it has said so, at every door and before any
/// handshake.
#[test]
fn what_a_proxy_passes_on_is_counted_before_handshakes() {
    let folder = std::env::temp_dir().join(format!("chat-proxied-{}", std::process::id()));
    let server = all_doors(&folder, |config| {
        config.proxies = vec!["127.0.0.0/8".parse().unwrap()];
        config.limits.clients_per_address_max = Some(2);
        // It is not time that ends them.
        config.limits.registration_timeout = 10 * PATIENCE;
    });
    let header = b"PROXY TCP4 203.0.113.7 192.0.2.1 1234 6667\r\n";
    let _first_two = [(); 2].map(|()| {
        let mut client = TestClient::connect(server.address());
        client.raw(header);
        client.send("PING :there");
        client.expect("*PONG*:there");
        client
    });
    for door in
        [server.address(), server.tls_address(), server.web_socket_address(), server.http_address()]
    {
        let mut stream = TcpStream::connect(door).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(header).unwrap();
        assert!(has_ended(&mut stream), "{door} takes a third");
    }
    drop(server);
    fs::remove_dir_all(folder).unwrap();
}

/// A server with every door open.
fn all_doors(folder: &Path, change: impl FnOnce(&mut Config)) -> TestServer {
    TestServer::with(|config| {
        let free = || vec!["127.0.0.1:0".into()];
        config.tls_listen = free();
        config.web_socket_listen = free();
        config.http_listen = free();
        let folder = folder.to_owned();
        config.tls = Some(TlsSource::SelfSigned { folder, names: vec!["localhost".into()] });
        change(config);
    })
}

/// A page that somebody near the server looks at has their browser send it whatever lines it likes.
#[test]
fn a_web_page_says_nothing_at_any_door_for_lines() {
    let folder = TempFolder::new("web-page");
    let server = all_doors(folder.path(), |config| {
        let names = vec!["chat.local".into()];
        config.tls = Some(TlsSource::SelfSigned { folder: folder.path().to_owned(), names });
    });
    let mut ann = TestClient::register(&server, "Ann");
    ann.expect("* 366 *");
    let body = "NICK Eve\r\nUSER u 0 * :E\r\nJOIN #lobby\r\nPRIVMSG #lobby :bought at evil.example.org\r\n";
    let page = |method: &str, target: &str, end: &str| {
        format!("{method} {target} HTTP/1.1{end}Host: 127.0.0.1{end}{body}")
    };
    let long = format!("/{}", "x".repeat(9000));
    for method in
        ["GET", "POST", "PUT", "HEAD", "OPTIONS", "DELETE", "PATCH", "TRACE", "CONNECT", "PRI"]
    {
        for (target, end) in [("/", "\r\n"), ("/", "\n"), (&*long, "\r\n"), ("*", "\r\n\r\n")] {
            let request = page(method, target, end);
            for address in [server.address(), server.text_address()] {
                let mut stream = TcpStream::connect(address).unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                stream.write_all(request.as_bytes()).unwrap();
                assert!(has_ended(&mut stream), "{address} {request}");
            }
            let mut tls = over_tls(server.tls_address(), folder.path());
            tls.write_all(request.as_bytes()).unwrap();
            let mut answer = Vec::new();
            // What was not read may make its end a reset.
            let _ = tls.read_to_end(&mut answer);
            assert!(String::from_utf8_lossy(&answer).contains("ERROR :This door is not for HTTP"));
        }
    }
    // In pieces, as a network may cut it.
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_nodelay(true).unwrap();
    for byte in page("POST", "/", "\r\n").as_bytes().chunks(1) {
        // It closes before all has been sent.
        let _ = stream.write_all(byte);
    }
    assert!(has_ended(&mut stream));
    ann.send("PING :end");
    loop {
        let line = ann.next_line().unwrap();
        assert!(!line.contains("PRIVMSG") && !line.contains("JOIN"), "{line}");
        if line.contains("PONG") {
            break;
        }
    }
    // Whoever merely speaks of such words is nobody's browser.
    ann.send("PRIVMSG #lobby :POST it");
    let mut tia = TestClient::text(&server, "Poster");
    tia.send("GET / HTTP/1.1");
    ann.expect(":Poster!* PRIVMSG #lobby :GET / HTTP/1.1");
}

/// Reads to the end; false if none comes.
fn has_ended(stream: &mut TcpStream) -> bool {
    match stream.read_to_end(&mut Vec::new()) {
        Ok(_) => true,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

/// Whoever begins and never comes to an end is let go, at every door, with a proxy before it and without.
#[test]
fn who_never_comes_to_an_end_is_let_go_at_every_door() {
    let folder = std::env::temp_dir().join(format!("chat-slow-{}", std::process::id()));
    let timeout = std::time::Duration::from_millis(300);
    for is_proxied in [false, true] {
        let server = all_doors(&folder, |config| {
            config.limits.registration_timeout = timeout;
            config.password = Some("secret".into());
            if is_proxied {
                config.proxies = vec!["127.0.0.0/8".parse().unwrap()];
            }
        });
        let mut begun = Vec::new();
        for (door, beginning) in [
            (server.address(), &b"NICK a\r\nUSER u"[..]),
            (server.tls_address(), &[22, 3, 1, 2, 0, 1]),
            (server.web_socket_address(), b"GET / HTTP/1.1\r\nX-Slow: "),
            (server.http_address(), b"GET /hea"),
            (server.text_address(), b""),
        ] {
            for beginning in [beginning, b""] {
                let mut stream = TcpStream::connect(door).unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                stream.write_all(if is_proxied { b"PROXY TCP4" } else { beginning }).unwrap();
                begun.push((stream, format!("{door}, {beginning:?}, proxied: {is_proxied}")));
            }
        }
        for (mut stream, which) in begun {
            assert!(has_ended(&mut stream), "{which}");
        }
    }
    fs::remove_dir_all(folder).unwrap();
}

/// "The longest header is 107 bytes" of version 1; of version 2 some more than proxies add.
#[test]
fn a_proxys_header_has_an_end() {
    let server = TestServer::with(|config| {
        config.proxies = vec!["127.0.0.0/8".parse().unwrap()];
        // It is not time that ends them.
        config.limits.registration_timeout = 10 * PATIENCE;
    });
    let first = |n_bytes: usize| {
        let rest = "x".repeat(n_bytes - "PROXY UNKNOWN \r\n".len());
        format!("PROXY UNKNOWN {rest}\r\n").into_bytes()
    };
    let second = |n_bytes: usize| {
        let mut header = b"\r\n\r\n\0\r\nQUIT\n\x20\0".to_vec();
        header.extend(u16::try_from(n_bytes - 16).unwrap().to_be_bytes());
        header.resize(n_bytes, 0);
        header
    };
    for (header, fits) in
        [(first(107), true), (first(108), false), (second(1024), true), (second(1025), false)]
    {
        let mut client = TestClient::connect(server.address());
        client.raw(&header);
        if fits {
            client.send("PING :fits");
            client.expect("*PONG*:fits");
        } else {
            assert!(client.expect_close().is_empty(), "{} bytes", header.len());
        }
    }
}

#[test]
fn who_is_no_proxy_passes_nobody_on() {
    let server = TestServer::with(|config| config.proxies = vec!["192.0.2.0/24".parse().unwrap()]);
    let mut client = TestClient::connect(server.address());
    client.send("PROXY TCP4 203.0.113.7 192.0.2.1 1234 6667");
    client.expect("* 421 * PROXY *");
    client.send("NICK ann");
    client.send("USER u 0 * :A");
    client.expect(":ann!u@127.0.0.1 JOIN #lobby");
}

/// <https://ircv3.net/specs/extensions/webirc>
#[test]
fn a_gateway_tells_whose_connection_it_passes_on() {
    let server = TestServer::with(|config| {
        let (password, addresses) = ("hunter2".into(), vec!["127.0.0.1/32".parse().unwrap()]);
        config.gateways = vec![Gateway { password, addresses }];
    });
    let mut ann = TestClient::connect(server.address());
    ann.send("WEBIRC hunter2 web host.example 198.51.100.3 :secure remote-port=1");
    ann.send("NICK ann");
    ann.send("USER u 0 * :A");
    ann.expect(":ann!u@198.51.100.3 JOIN #lobby");
    // Secure only where the gateway's own connection is.
    ann.send("WHOIS ann");
    ann.expect("* 311 *");
    ann.expect_none("* 671 *");
    ann.send("WEBIRC hunter2 web host.example 198.51.100.4");
    ann.expect("* 462 *");
    for line in
        ["WEBIRC wrong web host.example 198.51.100.3", "WEBIRC hunter2 web host.example nonsense"]
    {
        let mut eve = TestClient::connect(server.address());
        eve.send(line);
        eve.expect("ERROR :WEBIRC is for gateways*");
    }
    let mut eve = TestClient::connect(server.address());
    eve.send("WEBIRC hunter2 web");
    eve.expect("* 461 * WEBIRC *");
}

/// Hands a socket over as systemd does it (`sd_listen_fds`): it is descriptor 3, and the environment says so.
const HAND_OVER: &str = "
import os, socket, sys
listener = socket.socket()
listener.bind(('127.0.0.1', 0))
listener.listen(16)
print(listener.getsockname()[1], flush=True)
os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[1], [sys.argv[1]])
";

#[test]
fn a_socket_that_is_handed_over_is_listened_on() {
    let server = path("chat-server");
    let mut command = Command::new("/usr/bin/python3");
    command.args(["-c", HAND_OVER, server.to_str().unwrap()]);
    let mut server = Program::run("chat-server", &mut command);
    let port = server.expect("*").parse().unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    assert_eq!(server.expect_address(), address, "and nowhere else");
    let mut client = TestClient::connect(address);
    client.send("NICK ann");
    client.send("USER u 0 * :A");
    client.expect("* 366 *");
    server.signal("TERM");
    client.expect("ERROR :The server is stopping");
    assert_eq!(server.exit_code(), Some(0));
}

#[test]
fn both_kinds_of_addresses_are_listened_on() {
    let server = TestServer::with(|config| config.listen.push("[::1]:0".into()));
    let addresses = server.addresses();
    assert_eq!(addresses.len(), 2);
    let mut clients: Vec<TestClient> =
        addresses.iter().map(|address| TestClient::connect(*address)).collect();
    for (n, client) in clients.iter_mut().enumerate() {
        client.send(&format!("NICK p{n}"));
        client.send("USER u 0 * :P");
        client.expect("* 366 *");
    }
    clients[0].expect(":p1!u@0::1 JOIN #lobby");
}

/// What is said last and the end come together, mostly in one read, and the end is seen all the same.
#[test]
fn who_says_all_and_closes_is_gone_at_once() {
    let server = TestServer::start();
    let mut conns = Vec::new();
    for n in 0..50 {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let words = format!("NICK brief{n}\r\nUSER u 0 * :R\r\nPING :heard\r\n");
        stream.write_all(words.as_bytes()).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        conns.push(stream);
    }
    for mut stream in conns {
        if let Err(error) = stream.read_to_end(&mut Vec::new()) {
            assert_eq!(error.kind(), ErrorKind::ConnectionReset, "the server closes it");
        }
    }
}

/// As `docs/chat-server.toml` says.
#[test]
fn there_is_one_worker_for_two_cores_unless_it_is_set() {
    let folder = TempFolder::new("workers");
    let workers = |setting: &str| {
        let config = folder.path().join("chat-server.toml");
        fs::write(&config, setting).unwrap();
        let config = config.to_str().unwrap();
        let options = ["--config", config, "--listen", "127.0.0.1:0", "--in-memory"];
        let mut program = Program::start("chat-server", &options);
        let _ = program.expect_address();
        let tasks = format!("/proc/{}/task", program.id());
        let names = || -> Vec<String> {
            let tasks = fs::read_dir(&tasks).unwrap();
            tasks
                .map(|task| fs::read_to_string(task.unwrap().path().join("comm")).unwrap())
                .collect()
        };
        // A thread gives itself its name, a moment after it has begun with that of the first one.
        let deadline = crossbeam_channel::after(PATIENCE);
        while names().iter().filter(|name| *name == "chat-server\n").count() > 1 {
            assert!(deadline.try_recv().is_err(), "{:?}", names());
        }
        names().iter().filter(|name| name.starts_with("chat-io-")).count()
    };
    let n_cores = std::thread::available_parallelism().unwrap().get();
    assert_eq!(workers(""), n_cores.div_ceil(2));
    assert_eq!(workers("workers = 3"), 3);
}
