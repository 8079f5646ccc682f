//! IRC over WebSockets (<https://ircv3.net/specs/extensions/websocket>), against a library's client and a
//! real browser.

use std::{
    io::{Read, Write},
    net::TcpStream,
    process::{Command, Stdio},
};

use chat_core::proto::mask_matches;
use chat_server::{Config, TlsSource};
use chat_tests::{PATIENCE, TestClient, TestServer, folder::TempFolder, over_tls};
use tungstenite::{Message, WebSocket, client::IntoClientRequest, http::HeaderValue};

fn with_web_sockets(change: impl FnOnce(&mut Config)) -> TestServer {
    TestServer::with(|config| {
        config.web_socket_listen = vec!["127.0.0.1:0".into()];
        change(config);
    })
}

struct Client<S = TcpStream>(WebSocket<S>);

impl Client {
    /// # Errors
    /// The status the server refuses it with.
    fn connect(server: &TestServer, headers: &[(&'static str, &str)]) -> Result<Self, u16> {
        let stream = TcpStream::connect(server.web_socket_address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self::shake_hands(stream, headers)
    }
}

/// A server with TLS and WebSockets, alone and together, and the folder of its certificate.
fn with_all_layers(name: &str, change: impl FnOnce(&mut Config)) -> (TestServer, TempFolder) {
    let folder = TempFolder::new(name);
    let server = with_web_sockets(|config| {
        let free = || vec!["127.0.0.1:0".into()];
        (config.tls_listen, config.web_socket_tls_listen) = (free(), free());
        let names = vec!["chat.local".into()];
        config.tls = Some(TlsSource::SelfSigned { folder: folder.path().to_owned(), names });
        change(config);
    });
    (server, folder)
}

impl<S: Read + Write> Client<S> {
    fn shake_hands(stream: S, headers: &[(&'static str, &str)]) -> Result<Self, u16> {
        let mut request = "ws://chat.local/".into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().append(*name, HeaderValue::from_str(value).unwrap());
        }
        match tungstenite::client(request, stream) {
            Ok((socket, response)) => {
                let chosen = response.headers().get("sec-websocket-protocol");
                let wanted = headers.iter().find(|(name, _)| *name == "sec-websocket-protocol");
                let is_chosen = |(_, wanted): &(&str, &str)| {
                    chosen.is_some_and(|chosen| wanted.contains(chosen.to_str().unwrap()))
                };
                assert!(wanted.is_none_or(is_chosen), "{chosen:?}");
                Ok(Self(socket))
            }
            Err(tungstenite::HandshakeError::Failure(tungstenite::Error::Http(response))) => {
                Err(response.status().as_u16())
            }
            Err(error) => panic!("{error}"),
        }
    }

    fn send(&mut self, line: &str) {
        self.0.send(Message::text(line)).unwrap();
    }

    fn expect(&mut self, mask: &str) -> Message {
        loop {
            let message = self.0.read().unwrap_or_else(|error| panic!("{mask}: {error}"));
            if message.is_text() || message.is_binary() {
                let text = message.to_text().unwrap();
                assert!(!text.ends_with(['\r', '\n']), "{text:?} is a line without its break");
                if mask_matches(mask, text) {
                    return message;
                }
            }
        }
    }
}

#[test]
fn a_line_is_a_message_of_either_kind() {
    let server = with_web_sockets(|_| ());
    let mut irc = TestClient::register(&server, "Ira");
    for (protocol, is_text) in [
        ("text.ircv3.net", true),
        ("binary.ircv3.net", false),
        ("other.example, binary.ircv3.net, text.ircv3.net", false),
        ("text.ircv3.net, binary.ircv3.net", true),
    ] {
        let mut web = Client::connect(&server, &[("sec-websocket-protocol", protocol)]).unwrap();
        web.send("NICK Web");
        web.send("USER u 0 * :W\r\n");
        assert_eq!(web.expect(":chat.local 001 Web *").is_text(), is_text);
        irc.expect(":Web!*@127.0.0.1 JOIN #lobby");
        web.send("PRIVMSG #lobby :hello from the web é🦀");
        irc.expect(":Web!* PRIVMSG #lobby :hello from the web é🦀");
        for n in 0..3000 {
            irc.send(&format!("PRIVMSG #lobby :{n} {}", "x".repeat(300)));
        }
        for n in 0..3000 {
            web.expect(&format!(":Ira!* PRIVMSG #lobby :{n} *"));
        }
        // A message is a line: spaces at its end are its own, and a break inside makes no second one.
        web.send("PRIVMSG #lobby :half a sentence ");
        irc.expect(":Web!* PRIVMSG #lobby :half a sentence ");
        irc.send("PRIVMSG #lobby :with a space ");
        web.expect(":Ira!* PRIVMSG #lobby :with a space ");
        web.send("PRIVMSG #lobby :one\nNICK Two");
        web.expect("* NOTICE Web :*NUL*");
        // Too long for a line, and answered like one.
        web.send(&format!("PRIVMSG #lobby :{}", "y".repeat(9000)));
        web.expect("* 417 Web *");
        web.0.send(Message::Ping("are you there".into())).unwrap();
        web.send("QUIT :bye");
        web.expect("ERROR *");
        irc.expect(":Web!* QUIT :Quit: bye");
        let end = std::iter::from_fn(|| web.0.read().ok()).last();
        assert!(matches!(end, Some(Message::Close(Some(frame))) if u16::from(frame.code) == 1000));
    }
    // Without a subprotocol, as simple programs come.
    let mut web = Client::connect(&server, &[]).unwrap();
    web.send("PING :x");
    web.expect("*PONG*:x");
    drop(web);
}

/// Much waits for whoever does not read, and it is there when they do.
#[test]
fn a_slow_reader_gets_all_that_waited() {
    let server = with_web_sockets(|config| config.limits.outbox_bytes_max = 64 << 20);
    let mut irc = TestClient::register(&server, "Ira");
    let mut web =
        Client::connect(&server, &[("sec-websocket-protocol", "text.ircv3.net")]).unwrap();
    web.send("NICK Web");
    web.send("USER u 0 * :W");
    irc.expect(":Web!* JOIN #lobby");
    // More than the sockets of both sides hold.
    let n_lines = 25_000;
    for n in 0..n_lines {
        irc.send(&format!("PRIVMSG #lobby :{n} {}", "x".repeat(400)));
        if n % 1000 == 0 {
            irc.send("PING sync");
            irc.expect("*PONG*sync");
        }
    }
    irc.send("PING sync");
    irc.expect("*PONG*sync");
    for n in 0..n_lines {
        web.expect(&format!(":Ira!* PRIVMSG #lobby :{n} *"));
    }
}

/// Pings and frames with nothing in them take their turn; the others do not wait for them.
#[test]
fn frames_that_make_no_message_take_their_turn() {
    let server = with_web_sockets(|config| {
        config.limits.flood =
            Some(chat_server::config::RateLimit { burst: 10.0, per_second: 1.0 / 60.0 });
    });
    let mut web = Client::connect(&server, &[]).unwrap();
    for _ in 0..100 {
        web.0.send(Message::Ping("x".into())).unwrap();
    }
    web.send("PING :behind them");
    web.0.get_mut().set_read_timeout(Some(std::time::Duration::from_millis(300))).unwrap();
    let mut n_pongs = 0;
    while let Ok(message) = web.0.read() {
        assert!(!message.is_text(), "{message:?} came before its turn");
        n_pongs += 1;
    }
    // Answers to pings that wait are joined in one.
    assert!((1..=12).contains(&n_pongs), "{n_pongs} answers");
    let mut other = Client::connect(&server, &[]).unwrap();
    other.send("PING :still");
    other.expect("*PONG*:still");
}

#[test]
fn a_page_that_may_not_is_refused() {
    let server = with_web_sockets(|config| {
        config.web_socket_origins = vec!["https://chat.example.org".into()];
    });
    let connect = |origin| Client::connect(&server, &[("origin", origin)]).map(|_| ());
    assert_eq!(connect("https://chat.example.org"), Ok(()));
    assert_eq!(connect("https://evil.example.org"), Err(403));
    assert!(Client::connect(&server, &[]).is_ok(), "a program that is no browser has no origin");
}

/// Where no origins are set, a page speaks with the host that it came from alone. Programs ask for `chat.local` here.
#[test]
fn a_page_of_another_host_is_refused() {
    let server = with_web_sockets(|_| ());
    let connect = |origin| Client::connect(&server, &[("origin", origin)]).map(|_| ());
    for own in ["http://chat.local", "https://CHAT.local:8080", "http://chat.local:80"] {
        assert_eq!(connect(own), Ok(()), "{own}");
    }
    for foreign in [
        "https://evil.example.org",
        "http://chat.local.evil.example.org",
        "http://evil.example.org:80",
        "null",
        "file://",
        "chat.local",
        "",
    ] {
        assert_eq!(connect(foreign), Err(403), "{foreign}");
    }
    let both = [("origin", "http://chat.local"), ("origin", "https://evil.example.org")];
    assert_eq!(Client::connect(&server, &both).map(|_| ()), Err(403), "a browser names one");
    // What is no text is no missing origin.
    let mut raw = TcpStream::connect(server.web_socket_address()).unwrap();
    raw.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = b"GET / HTTP/1.1\r\nHost: chat.local\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: \xff\r\n\r\n";
    raw.write_all(request).unwrap();
    let mut answer = String::new();
    raw.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    let any = with_web_sockets(|config| config.web_socket_origins = vec!["*".into()]);
    let foreign = [("origin", "https://evil.example.org")];
    assert!(Client::connect(&any, &foreign).is_ok());
}

#[test]
fn web_sockets_go_over_tls_too() {
    let (server, folder) = with_all_layers("wss", |_| ());
    let mut irc = TestClient::register(&server, "Ira");
    let tls = over_tls(server.web_socket_tls_address(), folder.path());
    let mut web =
        Client::shake_hands(tls, &[("sec-websocket-protocol", "text.ircv3.net")]).unwrap();
    web.send("NICK Web");
    web.send("USER u 0 * :W");
    irc.expect(":Web!*@127.0.0.1 JOIN #lobby");
    irc.send("WHOIS Web");
    irc.expect("* 671 Ira Web *");
    // Much at once, and in pieces of other sizes than the lines.
    for n in 0..3000 {
        irc.send(&format!("PRIVMSG #lobby :{n} {}", "x".repeat(300)));
    }
    for n in 0..3000 {
        web.expect(&format!(":Ira!* PRIVMSG #lobby :{n} *"));
    }
    web.send("QUIT :bye");
    web.expect("ERROR *");
    irc.expect(":Web!* QUIT :Quit: bye");
}

/// Whoever never reads is let go, whatever lies between them and their outbox.
#[test]
fn slow_readers_are_let_go_through_every_layer() {
    let (server, folder) = with_all_layers("slow-layers", |config| {
        config.limits.outbox_bytes_max = 64 << 10;
    });
    let mut ann = TestClient::register_with(&server, "Ann", "echo-message");
    ann.expect("* 366 *");
    let mut tls = over_tls(server.tls_address(), folder.path());
    tls.write_all(b"NICK Tls\r\nUSER u 0 * :R\r\n").unwrap();
    let mut ws = Client::connect(&server, &[]).unwrap();
    let mut wss =
        Client::shake_hands(over_tls(server.web_socket_tls_address(), folder.path()), &[]).unwrap();
    for (nick, send) in [
        ("Ws", &mut (|line: &str| ws.send(line)) as &mut dyn FnMut(&str)),
        ("Wss", &mut |line: &str| wss.send(line)),
    ] {
        send(&format!("NICK {nick}"));
        send("USER u 0 * :R");
    }
    for _ in 0..3 {
        ann.expect("* JOIN #lobby");
    }
    let mut left = std::collections::BTreeSet::new();
    for n in 0.. {
        ann.send(&format!("PRIVMSG #lobby :{n} {}", "x".repeat(400)));
        while let Some(line) = ann.next_line().filter(|line| !line.contains(" PRIVMSG ")) {
            if let Some((who, reason)) = line.split_once(" QUIT ") {
                assert!(reason.contains("too slowly"), "{line}");
                left.insert(who.split('!').next().unwrap().trim_start_matches(':').to_owned());
            }
        }
        if left.len() == 3 {
            break;
        }
        assert!(n < 200_000, "only {left:?} are gone");
    }
}

#[test]
fn what_is_no_web_socket_is_answered_and_let_go() {
    let server = with_web_sockets(|_| ());
    let long = format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(9000));
    for (request, answer) in [
        ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 400"),
        ("NICK a\r\nUSER u 0 * :A\r\n\r\n", "HTTP/1.1 400"),
        ("POST / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 400"),
        (&long, "HTTP/1.1 431"),
    ] {
        let mut stream = TcpStream::connect(server.web_socket_address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        // The rest of what was sent may make it a reset.
        let _ = stream.read_to_string(&mut text);
        assert!(text.starts_with(answer), "{:?}: {text:?}", &request[..20]);
    }
    // With the five of its own, 64 headers.
    assert!(Client::connect(&server, &[("x", "y"); 59]).is_ok());
    assert_eq!(Client::connect(&server, &[("x", "y"); 60]).map(|_| ()), Err(400));
    // Frames that are none: the connection ends, and nobody else's.
    let mut web = Client::connect(&server, &[]).unwrap();
    web.0.get_mut().write_all(&[0xff; 100]).unwrap();
    assert!(matches!(web.0.read(), Ok(Message::Close(_)) | Err(_)));
    let mut web = Client::connect(&server, &[]).unwrap();
    web.0.send(Message::text("x".repeat(20_000))).unwrap();
    let closed = std::iter::from_fn(|| web.0.read().ok()).last();
    assert!(matches!(closed, Some(Message::Close(Some(frame))) if u16::from(frame.code) == 1009));
    let mut other = Client::connect(&server, &[]).unwrap();
    other.send("PING :still");
    other.expect("*PONG*:still");
}

/// A page in headless Chromium: it registers, waits for a greeting, and answers.
#[test]
fn a_browser_joins_the_room() {
    // A page in a file has no host.
    let server = with_web_sockets(|config| {
        config.web_socket_origins = vec!["file://".into(), "null".into()];
    });
    let mut ann = TestClient::register(&server, "Ann");
    let page = format!(
        "<script>
         const socket = new WebSocket('ws://{}', ['text.ircv3.net']);
         socket.onopen = () => {{ socket.send('NICK Chr'); socket.send('USER u 0 * :Chromium'); }};
         socket.onmessage = ({{data}}) => {{
             if (data.startsWith('PING')) socket.send('PONG' + data.slice(4));
             if (data.includes('hello browser é🦀'))
                 socket.send('PRIVMSG #lobby :hello from ' + socket.protocol + ' é🦀');
         }};
         </script>",
        server.web_socket_address()
    );
    let folder = std::env::temp_dir().join(format!("chat-chromium-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("page.html");
    std::fs::write(&file, format!("<!doctype html><meta charset=utf-8>{page}")).unwrap();
    let mut browser = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
        .arg("--remote-debugging-port=0")
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .arg(format!("file://{}", file.display()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    ann.expect(":Chr!* JOIN #lobby");
    ann.send("PRIVMSG #lobby :hello browser é🦀");
    ann.expect(":Chr!* PRIVMSG #lobby :hello from text.ircv3.net é🦀");
    browser.kill().unwrap();
    browser.wait().unwrap();
    ann.expect(":Chr!* QUIT *");
    // Its own processes may hold files for a moment; it lies in the system's folder for such things.
    let _ = std::fs::remove_dir_all(folder);
}
