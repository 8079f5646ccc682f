//! The terminal program in a real terminal, as a person types on it.

use chat_tests::{
    TestClient, TestServer,
    program::Program,
    terminal::{COLUMNS, ROWS, Terminal},
};

fn join(server: &TestServer, name: &str) -> Terminal {
    let terminal =
        Terminal::start("chat-cli", &["join", &server.address().to_string(), "--name", name]);
    let prompt = format!("[#lobby] {name}>");
    terminal.wait_for("the prompt", |screen| screen.contains(&prompt));
    terminal
}

/// The last line that is not empty.
fn last_line(screen: &str) -> &str {
    screen.trim_end().lines().last().unwrap_or_default()
}

#[test]
fn typed_text_survives_a_thousand_messages() {
    let server = TestServer::start();
    let mut terminal = join(&server, "Ann");
    let mut bob = TestClient::register(&server, "Bob");
    terminal.keys("half a sen");
    terminal.wait_for("what is typed", |screen| last_line(screen) == "[#lobby] Ann> half a sen");
    for n in 0..1000 {
        bob.send(&format!("PRIVMSG #lobby :incoming {n}"));
    }
    terminal.wait_for_bytes("incoming 999");
    terminal.wait_for("the line as it was", |screen| {
        screen.contains("Bob: incoming 999") && last_line(screen) == "[#lobby] Ann> half a sen"
    });
    terminal.keys("tence\r");
    bob.expect(":Ann!* PRIVMSG #lobby :half a sentence");
    // Every one of them came, in order.
    let shown = String::from_utf8_lossy(&terminal.all_bytes()).into_owned();
    let mut at = 0;
    for n in 0..1000 {
        let found = shown[at..].find(&format!("incoming {n}\r\n"));
        at += found.unwrap_or_else(|| panic!("message {n} was not shown after {}", n - 1));
    }
}

#[test]
fn what_was_sent_is_shown_once_and_people_see_each_other() {
    let server = TestServer::start();
    let mut ann = join(&server, "Ann");
    let mut bob = join(&server, "Bob");
    ann.wait_for("Bob", |screen| screen.contains("Bob joined #lobby"));
    ann.keys("good morning\r");
    bob.wait_for("Ann's message", |screen| screen.contains("Ann: good morning"));
    bob.keys("/me waves\r");
    ann.wait_for("Bob's wave", |screen| screen.contains("* Bob waves"));
    bob.keys("/msg Ann only you\r");
    ann.wait_for("a word to Ann", |screen| screen.contains("(to you) Bob: only you"));
    ann.wait_for("one good morning", |screen| screen.matches("good morning").count() == 1);
    ann.keys("/names\r");
    ann.wait_for("the names", |screen| screen.contains("* 2 in #lobby: Ann, Bob"));
    ann.keys("/nick Anna\r");
    bob.wait_for("the nick", |screen| screen.contains("Ann is now Anna"));
    // A prompt that stood before the server agreed stands as it was.
    ann.wait_for("the nick", |screen| screen.contains("Ann is now Anna"));
    ann.keys("\r");
    ann.keys("/join den\r");
    ann.wait_for("the den", |screen| last_line(screen).starts_with("[#den] Anna>"));
    // Who founds a room says what it is about.
    bob.keys("/join den\r");
    ann.wait_for("Bob in the den", |screen| screen.contains("Bob joined #den"));
    ann.keys("/topic hello all\r");
    bob.wait_for("the topic", |screen| screen.contains("Anna set the topic of #den: hello all"));
    bob.keys("/part den\r");
    bob.wait_for("the lobby", |screen| last_line(screen).starts_with("[#lobby] Bob>"));
    // Left with or without its sign, and there is another room to be in.
    ann.keys("/part den\r");
    ann.wait_for("the lobby", |screen| last_line(screen).starts_with("[#lobby] Anna>"));
    ann.keys("/reconnect\r");
    bob.wait_for("Anna's return", |screen| screen.matches("Anna joined #lobby").count() == 1);
    ann.keys("/nonsense\r");
    ann.wait_for("a hint", |screen| screen.contains("there is no command /nonsense"));
    ann.keys("/help\r");
    ann.wait_for("help", |screen| screen.contains("/reconnect"));
    ann.keys("/quit\r");
    assert_eq!(ann.wait_for_exit().exit_code(), 0);
    bob.keys("\u{4}");
    assert_eq!(bob.wait_for_exit().exit_code(), 0);
}

#[test]
fn commands_and_nicks_are_completed_and_lines_come_back() {
    let server = TestServer::start();
    let mut terminal = join(&server, "Ann");
    let mut bob = TestClient::register(&server, "Bobby");
    terminal.wait_for("Bobby", |screen| screen.contains("Bobby joined"));
    terminal.keys("Bo\t");
    terminal.wait_for("the nick", |screen| last_line(screen).ends_with("Bobby:"));
    terminal.keys("hi\r");
    bob.expect(":Ann!* PRIVMSG #lobby :Bobby: hi");
    terminal.keys("/to\t");
    terminal.wait_for("the command", |screen| last_line(screen).ends_with("/topic"));
    // A completion holds nothing up: what comes is shown without a key.
    bob.send("PRIVMSG #lobby :right behind a completion");
    terminal.wait_for("the message", |screen| screen.contains("right behind a completion"));
    // Of several candidates all are shown. A space of another script is a space.
    terminal.keys("\u{15}x\u{3000}/\t");
    terminal.keys("\u{15}/n\t");
    terminal.wait_for("both", |screen| screen.contains("/names") && screen.contains("/nick"));
    // Ctrl-U clears the line; the line before comes back.
    terminal.keys("\u{15}\u{1b}[A");
    terminal.wait_for("the history", |screen| last_line(screen).ends_with("> Bobby: hi"));
}

#[test]
fn strangers_cannot_move_the_cursor() {
    let server = TestServer::start();
    let terminal = join(&server, "Ann");
    let mut bob = TestClient::register(&server, "Bob");
    bob.send("PRIVMSG #lobby :evil \u{1b}[2J\u{1b}[1;1H\u{9b}2J\u{202e}text\u{7}");
    bob.send("TOPIC #lobby :x");
    bob.send("PRIVMSG #lobby :after");
    terminal.wait_for("the message", |screen| screen.contains("Bob: evil [2J[1;1H2Jtext"));
    terminal.wait_for("the line", |screen| last_line(screen).starts_with("[#lobby] Ann>"));
    let shown = String::from_utf8_lossy(&terminal.all_bytes()).into_owned();
    let evil = shown.split("evil").nth(1).unwrap().split("after").next().unwrap();
    for forbidden in ["\u{1b}[2J", "\u{1b}[1;1H", "\u{9b}", "\u{202e}", "\u{7}"] {
        assert!(!evil.contains(forbidden), "{forbidden:?} reached the terminal");
    }
}

#[test]
fn a_resize_and_a_search_lose_nothing() {
    let server = TestServer::start();
    let mut terminal = join(&server, "Ann");
    let mut bob = TestClient::register(&server, "Bob");
    terminal.keys("typed before");
    terminal.resize(ROWS - 10, COLUMNS - 40);
    terminal.keys(" and after\r");
    bob.expect(":Ann!* PRIVMSG #lobby :typed before and after");
    terminal.wait_for("the next line", |screen| screen.trim_end().ends_with("Ann>"));
    // While a search is open nothing can be printed; it comes when it is over, and the program goes on.
    terminal.keys("\u{12}typed");
    terminal.wait_for("the search", |screen| screen.contains("(reverse-i-search)"));
    for n in 0..300 {
        bob.send(&format!("PRIVMSG #lobby :meanwhile {n}"));
    }
    bob.send("PING done");
    bob.expect("*PONG*");
    terminal.keys("\u{7}");
    terminal.wait_for_bytes("meanwhile 299");
    terminal.keys("\u{15}/quit\r");
    assert_eq!(terminal.wait_for_exit().exit_code(), 0);
}

#[test]
fn a_large_paste_is_asked_about() {
    let server = TestServer::start();
    let mut terminal = join(&server, "Ann");
    let mut bob = TestClient::register(&server, "Bob");
    let paste = (0..10).map(|n| format!("line {n}")).collect::<Vec<_>>().join("\r");
    terminal.keys(&format!("\u{1b}[200~{paste}\u{1b}[201~\r"));
    terminal.wait_for("the question", |screen| screen.contains("Send these 10 lines? [y/N]"));
    terminal.keys("n\r");
    terminal.wait_for("the answer", |screen| screen.contains("* not sent"));
    terminal.keys(&format!("\u{1b}[200~{paste}\u{1b}[201~\r"));
    terminal.wait_for("the question", |screen| screen.matches("[y/N]").count() == 2);
    terminal.keys("y\r");
    for n in 0..10 {
        bob.expect(&format!(":Ann!* PRIVMSG #lobby :line {n}"));
    }
}

/// Whether the terminal of a shell that ran the program echoes again.
fn ends_with_echo(server: &TestServer, signal: &str, code: u8) {
    let cli = chat_tests::program::path("chat-cli");
    let script = format!(
        "{} join {} --name Ann; echo \"code $?\"; stty -a | tr ' ' '\\n' | grep -x -e echo -e -echo",
        cli.display(),
        server.address()
    );
    let mut command = portable_pty::CommandBuilder::new("sh");
    command.args(["-c", &script]);
    command.env("TERM", "xterm-256color");
    let mut terminal = Terminal::run(command);
    terminal.wait_for("the prompt", |screen| screen.contains("[#lobby] Ann>"));
    if signal == "the key" {
        terminal.keys("\u{3}");
    } else {
        let pid = Program::run(
            "pgrep",
            std::process::Command::new("pgrep").args(["-P", &terminal.id().to_string()]),
        )
        .expect("*");
        let sent = std::process::Command::new("kill").args(["-s", signal, pid.trim()]).status();
        assert!(sent.unwrap().success());
    }
    let code = format!("code {code}");
    terminal.wait_for("the shell's word", |screen| {
        let lines: Vec<&str> = screen.lines().map(str::trim_end).collect();
        lines.contains(&&*code) && lines.contains(&"echo")
    });
    terminal.wait_for_exit();
}

#[test]
fn signals_leave_the_terminal_as_it_was() {
    let server = TestServer::start();
    let mut bob = TestClient::register(&server, "Bob");
    for (signal, code) in [("TERM", 143), ("HUP", 143), ("INT", 130), ("the key", 130)] {
        ends_with_echo(&server, signal, code);
        bob.expect(":Ann!* QUIT :Quit");
    }
}

#[test]
fn without_arguments_it_asks() {
    let server = TestServer::start();
    let mut terminal = Terminal::start("chat-cli", &[]);
    terminal.wait_for("the first question", |screen| screen.contains("Your name [USR]:"));
    terminal.keys("Niccolò\r");
    terminal.wait_for("the second question", |screen| {
        screen.contains("Host a room or join one? [h/j]:")
    });
    terminal.keys("join\r");
    terminal.wait_for("the third question", |screen| screen.contains("The host's address"));
    terminal.keys(&format!("{}\r", server.address()));
    terminal.wait_for("the prompt", |screen| screen.contains("[#lobby] Niccolo>"));
    terminal.keys("{close}\r");
    assert_eq!(terminal.wait_for_exit().exit_code(), 0);
    // Without a terminal there is nobody to ask.
    let mut program = Program::start("chat-cli", &[]);
    assert_eq!(program.exit_code(), Some(1));
    assert!(program.errors().contains("say what to do: host, join, listen or send"));
}

#[test]
fn who_hosts_is_asked_nothing_more() {
    let mut terminal = Terminal::start("chat-cli", &[]);
    terminal.wait_for("the first question", |screen| screen.contains("Your name [USR]:"));
    terminal.keys("\r");
    terminal.wait_for("the second question", |screen| screen.contains("[h/j]:"));
    terminal.keys("x\r");
    terminal.wait_for("the question again", |screen| screen.matches("[h/j]:").count() == 2);
    terminal.keys("h\r");
    // On the usual port, which another test may have at this moment.
    terminal.wait_for("a room or word of the port", |screen| {
        screen.contains("You host #lobby") || screen.contains("the port is taken")
    });
    terminal.keys("/quit\r");
    terminal.wait_for_exit();
}

#[test]
fn hosting_and_a_lost_host_look_as_they_should() {
    let mut host =
        Terminal::start("chat-cli", &["host", "--name", "Ann", "--listen", "127.0.0.1:0"]);
    host.wait_for("the invitation", |screen| {
        screen.contains("Others here join with: chat-cli join 127.0.0.1:")
    });
    host.wait_for("the prompt", |screen| last_line(screen).starts_with("[#lobby] Ann>"));
    let screen = host.text();
    let address = screen
        .split("chat-cli join ")
        .nth(1)
        .unwrap()
        .split_whitespace()
        .next()
        .unwrap()
        .to_owned();
    let mut guest = Terminal::start("chat-cli", &["join", &address, "--name", "Bob"]);
    guest.wait_for("the prompt", |screen| screen.contains("[#lobby] Bob>"));
    host.wait_for("Bob", |screen| screen.contains("* Bob joined #lobby"));
    guest.keys("unsaid");
    host.keys("{quit}\r");
    assert_eq!(host.wait_for_exit().exit_code(), 0);
    guest.wait_for("the end", |screen| {
        screen.contains("the server closed the connection: The server is stopping")
            && last_line(screen).ends_with("unsaid")
    });
    guest.keys("\r");
    guest.wait_for("word of it", |screen| screen.contains("there is no connection now"));
    guest.keys("/quit\r");
    guest.wait_for_exit();
}

#[test]
fn send_returns_when_it_has_arrived_and_says_when_it_did_not() {
    let server = TestServer::start();
    let mut bob = TestClient::register(&server, "Bob");
    let address = server.address().to_string();
    let mut send = Program::start("chat-cli", &["send", &address, "one message", "--name", "Sen"]);
    assert_eq!(send.exit_code(), Some(0));
    bob.expect(":Sen!* PRIVMSG #lobby :one message");
    let mut send = Program::start("chat-cli", &["send", &address, "--to", "Bob"]);
    for n in 0..50 {
        send.send(&format!("line {n}"));
    }
    send.end_input();
    assert_eq!(send.exit_code(), Some(0));
    for n in 0..50 {
        bob.expect(&format!(":USR!* PRIVMSG Bob :line {n}"));
    }
    let mut send = Program::start("chat-cli", &["send", &address, "x", "--to", "nobody"]);
    assert_eq!(send.exit_code(), Some(5));
    assert!(send.errors().contains("No such nick"));
}

#[test]
fn exit_codes_are_as_documented() {
    let server = TestServer::with(|config| config.password = Some("secret".into()));
    let address = server.address().to_string();
    let mut refused = Program::start("chat-cli", &["join", &address]);
    assert_eq!(refused.exit_code(), Some(3));
    assert!(refused.errors().contains("refuses the login"));
    let mut usage = Program::start("chat-cli", &["join", "--nonsense"]);
    assert_eq!(usage.exit_code(), Some(1));
    let mut help = Program::start("chat-cli", &["--help"]);
    assert_eq!(help.exit_code(), Some(0));
    let text = help.rest().join("\n");
    for code in
        ["0 left", "1 wrong", "2 cannot", "3 the", "4 the connection", "5 a", "130 interrupted"]
    {
        assert!(text.replace('\n', " ").contains(code), "{code:?} is not in {text}");
    }
}

#[test]
fn the_past_is_told_apart_from_what_is_new() {
    let folder = chat_tests::folder::TempFolder::new("terminal-past");
    let server = TestServer::with(|config| config.data = Some(folder.path().to_owned()));
    let caps = "message-tags echo-message chat.local/edit";
    let mut bob = TestClient::register_with(&server, "Bob", caps);
    bob.send("PRIVMSG #lobby :said long ago");
    let line = bob.expect("* PRIVMSG #lobby :said long ago");
    let msgid = line.split("msgid=").nth(1).and_then(|rest| rest.split([';', ' ']).next()).unwrap();
    let ann = join(&server, "Ann");
    ann.wait_for("the past", |screen| screen.contains("said in #lobby before you came"));
    bob.send("PRIVMSG #lobby :said just now");
    bob.send(&format!("EDIT #lobby {msgid} :said very long ago"));
    ann.wait_for("the edit", |screen| {
        screen.contains("Bob changed a message to: said very long ago")
    });
    // The one is dim, the other is not.
    let shown = String::from_utf8_lossy(&ann.all_bytes()).into_owned();
    let line = |text: &str| shown.lines().find(|line| line.contains(text)).unwrap_or_default();
    assert!(line("said long ago").contains("\u{1b}[2m"), "{shown}");
    assert!(line("said long ago").ends_with("said long ago\u{1b}[0m"), "{shown}");
    assert!(!line("said just now").ends_with("\u{1b}[0m"), "{shown}");
    let place = |text: &str| shown.find(text).unwrap();
    assert!(place("said long ago") < place("before you came"));
    assert!(place("before you came") < place("said just now"));
}

#[test]
fn who_has_an_account_logs_in_and_a_link_leads_into_its_room() {
    let folder = chat_tests::folder::TempFolder::new("terminal-account");
    let server = TestServer::with(|config| config.data = Some(folder.path().join("data")));
    let mut ann = TestClient::register(&server, "ann");
    ann.send("NS REGISTER correcthorse");
    ann.expect("* 900 *");
    ann.send("JOIN #den");
    ann.send("CS LINK #den");
    let line = ann.expect(":ChanServ!* NOTICE ann :irc://*");
    let link = line.split(' ').find_map(|word| word.strip_prefix(":irc")).unwrap();
    let link = format!("irc{link}");
    drop(ann);
    let password = folder.path().join("password");
    let password = password.to_str().unwrap();
    std::fs::write(password, "correcthorse\n").unwrap();
    let login = ["--name", "ann", "--account", "ann", "--account-password-file", password];
    let arguments = [&["join", &link][..], &login[..]].concat();
    let terminal = Terminal::start("chat-cli", &arguments);
    terminal.wait_for("the login", |screen| screen.contains("logged in as ann"));
    terminal.wait_for("the prompt", |screen| last_line(screen).contains("ann>"));
    terminal.wait_for("the room", |screen| screen.contains("you are in #den as ann"));
    // What is wrong is said.
    std::fs::write(password, "wronghorse\n").unwrap();
    let address = server.address().to_string();
    let arguments = [&["listen", &address][..], &login[..]].concat();
    let mut program = Program::start("chat-cli", &arguments);
    assert_eq!(program.exit_code(), Some(3));
    let mut program = Program::start("chat-cli", &["join", &address, "--account", "ann"]);
    assert_eq!(program.exit_code(), Some(1));
}
