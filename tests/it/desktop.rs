//! The desktop program in a real window, driven through the accessibility tree, as a screen reader
//! sees it. Screenshots go to `target/screenshots`.

use std::{
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chat_core::testing::FakeServer;
use chat_server::Config;
use chat_tests::{
    PATIENCE, TestClient, TestServer, folder::TempFolder, load::Process, program::Program,
};

/// One window at a time: keys go to whatever has the focus.
static DISPLAY: Mutex<()> = Mutex::new(());

/// The program, and what drives it.
pub(crate) struct Desktop {
    program: Program,
    driver: Program,
    /// The folder that it keeps its data in, none of the tester's.
    data: TempFolder,
    _display: MutexGuard<'static, ()>,
}

impl Desktop {
    pub(crate) fn start() -> Self {
        Self::start_with(|_| {})
    }

    /// Starts it in an environment of its own.
    fn start_with(prepare: impl FnOnce(&mut Command)) -> Self {
        let display = DISPLAY.lock().unwrap_or_else(PoisonError::into_inner);
        let is_there = std::env::var_os("DISPLAY").is_some();
        assert!(is_there, "these tests need a display; `cargo xtask test` gives them one");
        let mut command = Command::new(chat_tests::program::path("chat-gtk"));
        let data = TempFolder::new("desktop");
        command.env("XDG_DATA_HOME", data.path()).env_remove("STATE_DIRECTORY");
        prepare(&mut command);
        // Whatever a GTK of the system has to warn of is not for this test to read.
        let program =
            Program::run("chat-gtk", command.env("GTK_A11Y", "atspi").stderr(Stdio::null()));
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/desktop/driver.py");
        let mut command = Command::new("/usr/bin/python3");
        let driver = Program::run("driver", command.args([script, &program.id().to_string()]));
        let mut desktop = Self { program, driver, data, _display: display };
        desktop.ask("exists", "push button", "Join the room", "");
        desktop
    }

    #[track_caller]
    fn ask(&mut self, what: &str, role: &str, name: &str, text: &str) -> String {
        let quote = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        let request = format!(
            "{{\"do\": {}, \"role\": {}, \"name\": {}, \"text\": {}}}",
            quote(what),
            quote(role),
            quote(name),
            quote(text)
        );
        self.driver.send(&request);
        let answer = self.driver.expect("{*}");
        assert!(
            answer.starts_with("{\"ok\""),
            "{what} {role} {name:?}: {answer}; {}",
            tail(&self.tree())
        );
        answer
    }

    fn tree(&mut self) -> String {
        self.driver.send("{\"do\": \"tree\"}");
        self.driver.expect("{*}")
    }

    #[track_caller]
    pub(crate) fn click(&mut self, name: &str) {
        self.ask("click", "push button", name, "");
    }

    #[track_caller]
    pub(crate) fn write(&mut self, field: &str, text: &str) {
        self.ask("type", "text", field, text);
    }

    /// Waits until some label says all of `parts`.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, parts: &[&str]) {
        let deadline = crossbeam_channel::after(PATIENCE);
        loop {
            self.driver.send("{\"do\": \"texts\"}");
            let labels = self.driver.expect("{*}");
            let mut labels_split = labels.split("\", \"");
            if labels_split.any(|label| parts.iter().all(|part| label.contains(part))) {
                return;
            }
            assert!(
                deadline.try_recv().is_err(),
                "waited in vain for {parts:?}; there are {labels}"
            );
        }
    }

    /// Waits until no label says `part`.
    #[track_caller]
    fn wait_until_gone(&mut self, part: &str) {
        let deadline = crossbeam_channel::after(PATIENCE);
        loop {
            let labels = self.labels();
            if !labels.iter().any(|label| label.contains(part)) {
                return;
            }
            assert!(deadline.try_recv().is_err(), "{part} stays; there are {labels:?}");
        }
    }

    /// Waits until that field holds `text`.
    #[track_caller]
    fn wait_for_text(&mut self, field: &str, text: &str) {
        let deadline = crossbeam_channel::after(PATIENCE);
        loop {
            let held = self.ask("text", "text", field, "");
            if held == format!("{{\"ok\": \"{text}\"}}") {
                return;
            }
            assert!(deadline.try_recv().is_err(), "{field} holds {held}, not {text}");
        }
    }

    /// All labels that are shown.
    fn labels(&mut self) -> Vec<String> {
        self.driver.send("{\"do\": \"texts\"}");
        let labels = self.driver.expect("{*}");
        let list = labels.trim_start_matches("{\"ok\": [\"").trim_end_matches("\"]}");
        list.split("\", \"").map(str::to_owned).collect()
    }

    #[track_caller]
    fn wait_until_sensitive(&mut self, role: &str, name: &str, wanted: bool) {
        let deadline = crossbeam_channel::after(PATIENCE);
        while self.ask("sensitive", role, name, "") != format!("{{\"ok\": {wanted}}}") {
            assert!(deadline.try_recv().is_err(), "{name} is never sensitive: {wanted}");
        }
    }

    /// Joins `server` as Ann.
    #[track_caller]
    fn join(&mut self, server: &TestServer) {
        self.join_at(&server.address().to_string());
        self.wait_for(&["you are in #lobby as Ann"]);
    }

    /// Asks to join the server at `address` (`host:port`) as Ann.
    #[track_caller]
    fn join_at(&mut self, address: &str) {
        let (host, port) = address.rsplit_once(':').unwrap();
        self.write("Your name", "Ann");
        self.write("Address (localhost)", host);
        self.write("Port (53000)", port);
        self.click("Join the room");
    }

    /// Presses Tab until the focus is on that control.
    #[track_caller]
    fn tab_to(&mut self, control: &str) {
        let mut seen = Vec::new();
        for _ in 0..40 {
            let focused = self.ask("focused", "", "", "");
            if focused == format!("{{\"ok\": \"{control}\"}}") {
                return;
            }
            seen.push(focused);
            self.keys(&["key", "Tab"]);
        }
        panic!("Tab never leads to {control}, only to {seen:?}");
    }

    fn keys(&self, arguments: &[&str]) {
        assert!(Command::new("xdotool").args(arguments).status().unwrap().success());
    }

    /// Closes the window by its button.
    #[track_caller]
    fn close_window(&mut self) {
        self.click("Close");
    }

    pub(crate) fn screenshot(&self, name: &str) {
        let directory =
            PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/screenshots"));
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join(format!("{name}.png"));
        let taken =
            Command::new("import").args(["-window", "root", path.to_str().unwrap()]).status();
        assert!(taken.unwrap().success());
        assert!(std::fs::metadata(path).unwrap().len() > 2000, "the screenshot is empty");
    }
}

/// The end of a tree, where what opened last stands.
fn tail(tree: &str) -> &str {
    &tree[tree.ceil_char_boundary(tree.len().saturating_sub(1500))..]
}

/// Whether it reads as hours and minutes.
fn is_clock(label: &str) -> bool {
    label.split_once(':').is_some_and(|(hours, minutes)| {
        let is_number = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        is_number(hours) && is_number(minutes)
    })
}

#[test]
fn someone_joins_and_everyone_sees_everyone() {
    let server = TestServer::start();
    let mut bob = TestClient::register(&server, "Bob");
    let mut ann = Desktop::start();
    ann.screenshot("home");
    ann.join(&server);
    bob.expect(":Ann!* JOIN #lobby");
    ann.wait_for(&["2 people"]);
    bob.send("PRIVMSG #lobby :hello <b>Ann</b> & all");
    ann.wait_for(&["hello <b>Ann</b> & all"]);
    // Who said it and when, and who is there: each with a label of its own.
    let labels = ann.labels();
    assert_eq!(labels.iter().filter(|label| *label == "Bob").count(), 2, "{labels:?}");
    assert!(labels.iter().any(|label| is_clock(label)), "{labels:?}");
    assert!(labels.contains(&"Ann".to_owned()), "{labels:?}");
    ann.write("Message", "hello from the window");
    ann.click("Send");
    bob.expect(":Ann!* PRIVMSG #lobby :hello from the window");
    ann.wait_for(&["hello from the window"]);
    // The entry is empty again, and Enter sends too.
    assert_eq!(ann.ask("text", "text", "Message", ""), "{\"ok\": \"\"}");
    ann.keys(&["type", "by key"]);
    ann.keys(&["key", "Return"]);
    bob.expect(":Ann!* PRIVMSG #lobby :by key");
    bob.send("QUIT :bye");
    ann.wait_for(&["Bob left (bye)"]);
    ann.wait_for(&["1 person"]);
    ann.screenshot("chat");
}

/// The processor time a window may take for what strangers write; unbroken, these lines took half a minute.
const WORK_MAX: Duration = Duration::from_secs(10);

#[test]
fn texts_without_an_end_are_shown_in_part_and_the_window_answers() {
    let server = FakeServer::scripted([|conn| {
        conn.welcome();
        conn.expect("PRIVMSG #lobby :now");
        let (letters, signs) = ("x".repeat(15_000), "\u{fdfa}".repeat(3000));
        for text in [&letters, &signs] {
            conn.reply(&format!(":bob!u@h PRIVMSG #lobby :{text}"));
            conn.reply(&format!(":bob!u@h TOPIC #lobby :{text}"));
            conn.reply(&format!(":bob!u@h KICK #lobby other :{text}"));
            conn.reply(&format!(":bob!u@h PRIVMSG #lobby :\u{1}ACTION {text}\u{1}"));
        }
        // Names as long as they may be, and what people react with.
        let nick = "n".repeat(200);
        conn.reply(&format!("@msgid=m1 :{nick}!u@h PRIVMSG #lobby :said"));
        for n in 0..30 {
            let value = format!("{n:064}");
            conn.reply(&format!("@+reply=m1;+draft/react={value} :{nick}!u@h TAGMSG #lobby"));
            conn.reply(&format!(":{n:0200}!u@h JOIN #lobby"));
        }
        conn.reply(&format!(
            ":{}!u@h PRIVMSG #lobby :{}",
            "\u{fdfa}".repeat(60),
            "e\u{301}\u{302}".repeat(3000)
        ));
        conn.reply(":bob!u@h PRIVMSG #lobby :behind it all");
        conn.wait_for_close();
    }]);
    let mut ann = Desktop::start();
    ann.join_at(server.address());
    ann.wait_for(&["you are in #lobby as"]);
    ann.write("Message", "now");
    ann.click("Send");
    ann.wait_for(&["behind it all"]);
    ann.write("Message", "still here");
    ann.wait_for_text("Message", "still here");
    let longest = ann.labels().into_iter().map(|label| label.chars().count()).max();
    assert!(longest.is_some_and(|n| n < 1200), "{longest:?} characters are shown at once");
    // The rest is there for who asks, and the window goes on.
    ann.click("Show all");
    ann.ask("exists", "push button", "Copy all", "");
    ann.screenshot("whole-text");
    ann.keys(&["key", "Escape"]);
    ann.write("Message", "again");
    ann.wait_for_text("Message", "again");
    let work = Process(ann.program.id()).cpu();
    assert!(work < WORK_MAX, "the window was busy for {work:?}");
}

#[test]
fn closing_the_window_leaves() {
    let server = TestServer::start();
    let mut bob = TestClient::register(&server, "Bob");
    let mut ann = Desktop::start();
    ann.join(&server);
    ann.close_window();
    assert_eq!(ann.program.exit_code(), Some(0));
    bob.expect(":Ann!* QUIT :Quit");
}

/// Someone answers the connection and says nothing: trying takes long.
#[test]
fn while_connecting_nothing_else_is_tried_and_the_window_can_be_closed() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut ann = Desktop::start();
    ann.write("Your name", "Ann");
    ann.write("Address (localhost)", "127.0.0.1");
    ann.write("Port (53000)", &silent.local_addr().unwrap().port().to_string());
    ann.keys(&["key", "Return"]);
    let (connection, _) = silent.accept().unwrap();
    ann.keys(&["key", "Return", "Return"]);
    ann.keys(&["key", "End"]);
    ann.keys(&["type", "a"]);
    ann.wait_for_text("Your name", "Anna");
    silent.set_nonblocking(true).unwrap();
    let second = silent.accept();
    assert!(second.is_err(), "a second connection was made: {second:?}");
    ann.close_window();
    drop(connection);
    assert_eq!(ann.program.exit_code(), Some(0));
}

/// A server that lets people in and never lets them go: leaving takes as long as it may.
#[test]
fn the_window_can_be_closed_while_it_leaves() {
    let server = FakeServer::scripted([|conn| {
        conn.welcome();
        conn.expect("QUIT");
        while conn.next_line().is_some() {}
    }]);
    let mut ann = Desktop::start();
    ann.join_at(server.address());
    ann.wait_for(&["you are in #lobby as"]);
    ann.click("Leave the room");
    ann.close_window();
    assert_eq!(ann.program.exit_code(), Some(0));
}

#[test]
fn leaving_goes_back_home() {
    let server = TestServer::start();
    let mut bob = TestClient::register(&server, "Bob");
    let mut ann = Desktop::start();
    ann.join(&server);
    ann.click("Leave the room");
    bob.expect(":Ann!* QUIT :Quit");
    ann.click("Join the room");
    bob.expect(":Ann!* JOIN #lobby");
}

#[test]
fn errors_stand_at_their_fields() {
    let mut ann = Desktop::start();
    ann.write("Port (53000)", "1");
    ann.click("Join the room");
    ann.wait_for(&["Cannot connect to 127.0.0.1:1", "nobody listens there"]);
    ann.screenshot("error");
    // The cursor stands where the error is.
    ann.keys(&["type", "x"]);
    ann.wait_for_text("Address (localhost)", "x");
    ann.write("Address (localhost)", "");
    ann.write("Port (53000)", "many");
    ann.click("Join the room");
    ann.wait_for(&["A port is a number from 1 to 65535."]);
    let server = TestServer::start();
    ann.write("Port to host on (53000)", &server.address().port().to_string());
    ann.click("Host a room");
    ann.wait_for(&["Cannot listen on", "the port is taken"]);
}

#[test]
fn a_host_is_asked_before_the_room_ends() {
    let mut ann = Desktop::start();
    ann.write("Your name", "Ann");
    ann.write("Port to host on (53000)", "0");
    ann.click("Host a room");
    ann.wait_for(&["You host this room. Others join at "]);
    ann.driver.send("{\"do\": \"texts\"}");
    let labels = ann.driver.expect("{*}");
    let shown = labels.split("Others join at ").nth(1).unwrap().split('"').next().unwrap();
    ann.tab_to("push button: Copy address");
    ann.keys(&["key", "space"]);
    ann.ask("exists", "push button", "Copied", "");
    ann.screenshot("copied");
    ann.keys(&["mousemove", "240", "668", "click", "1", "key", "ctrl+v"]);
    ann.wait_for_text("Message", shown);
    ann.write("Message", "");
    let port = shown.rsplit(':').next().unwrap();
    let mut bob = TestClient::connect(format!("127.0.0.1:{port}").parse().unwrap());
    bob.send("NICK Bob");
    bob.send("USER u 0 * :B");
    bob.expect("* 366 *");
    ann.wait_for(&["Bob joined #lobby"]);
    ann.screenshot("host");
    ann.close_window();
    ann.wait_for(&["Close the room for everyone?"]);
    ann.screenshot("question");
    ann.click("Stay");
    // A dialog that closes can still be seen, and takes no click.
    ann.wait_until_gone("Close the room for everyone?");
    bob.send("PRIVMSG #lobby :still here");
    ann.wait_for(&["still here"]);
    ann.close_window();
    ann.wait_for(&["Close the room for everyone?"]);
    ann.click("Close the room");
    assert_eq!(bob.expect_close().last().unwrap(), "ERROR :The server is stopping");
    assert_eq!(ann.program.exit_code(), Some(0));
}

/// The server within the window keeps its files as any server does, whatever the umask.
#[test]
fn a_hosted_room_is_its_hosts_alone() {
    let mut ann = Desktop::start_with(|command| {
        let mut under = Command::new("sh");
        under.args(["-c", "umask 000; exec \"$@\"", "sh"]).arg(command.get_program());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => under.env(name, value),
                None => under.env_remove(name),
            };
        }
        *command = under;
    });
    ann.write("Your name", "Ann");
    ann.write("Port to host on (53000)", "0");
    ann.click("Host a room");
    ann.wait_for(&["You host this room. Others join at "]);
    ann.write("Message", "kept");
    ann.click("Send");
    ann.wait_for(&["kept"]);
    let mode = |name: &str| {
        let path = ann.data.path().join("chat-server").join(name);
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    };
    assert_eq!(mode(""), 0o700);
    for name in ["chat.db", "chat.db-wal", "chat.db-shm", "chat.lock"] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
}

#[test]
fn a_lost_host_is_told_and_found_again() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let listen = |config: &mut Config| config.listen = vec![format!("127.0.0.1:{port}")];
    let mut server = TestServer::with(listen);
    let mut ann = Desktop::start();
    ann.join(&server);
    ann.wait_until_sensitive("text", "Message", true);
    server.stop();
    ann.wait_for(&["The room was closed by its host", "Trying again"]);
    ann.wait_until_sensitive("text", "Message", false);
    ann.screenshot("lost");
    let server = TestServer::with(listen);
    ann.click("Reconnect now");
    ann.wait_for(&["connected again"]);
    ann.wait_until_sensitive("text", "Message", true);
    let mut bob = TestClient::register(&server, "Bob");
    bob.send("PRIVMSG #lobby :welcome back");
    ann.wait_for(&["welcome back"]);
}

/// A connection that breaks, without a word from the server.
#[test]
fn a_broken_connection_is_said_and_a_lone_host_is_not_asked() {
    let server = FakeServer::scripted([
        |conn| {
            conn.welcome();
            conn.expect("PRIVMSG");
            conn.drop_connection();
        },
        |conn| {
            // Connected, and not yet there.
            while conn.next_line().is_some() {}
        },
    ]);
    let mut ann = Desktop::start();
    ann.join_at(server.address());
    ann.wait_for(&["you are in #lobby as"]);
    ann.wait_until_sensitive("text", "Message", true);
    ann.write("Message", "the last thing");
    ann.click("Send");
    ann.wait_for(&["Trying again in"]);
    ann.wait_until_sensitive("text", "Message", false);
    ann.wait_for(&["not delivered: "]);
    ann.wait_for(&["Reconnecting…"]);
    ann.click("Leave the room");
    ann.write("Port to host on (53000)", "0");
    ann.click("Host a room");
    ann.wait_for(&["You host this room."]);
    ann.wait_until_sensitive("text", "Message", true);
    ann.close_window();
    assert_eq!(ann.program.exit_code(), Some(0));
}

#[test]
fn where_there_is_no_room_nothing_can_be_said() {
    let server = TestServer::with(|config| config.auto_join = false);
    let mut ann = Desktop::start();
    ann.join_at(&server.address().to_string());
    ann.wait_for(&["This server has put you into no room"]);
    ann.wait_until_sensitive("text", "Message", false);
    ann.screenshot("nowhere");
}

/// Controls that a screen reader could not name would be lost to its user.
#[test]
fn every_control_has_a_name() {
    let server = TestServer::start();
    let mut ann = Desktop::start();
    let nameless = |tree: &str| {
        let roles = ["push button", "toggle button", "text"];
        let is_nameless = |role: &&str| tree.contains(&format!("[\"{role}\", \"\"]"));
        roles.iter().filter(|role| is_nameless(role)).map(ToString::to_string).collect::<Vec<_>>()
    };
    let home = ann.tree();
    assert!(nameless(&home).is_empty(), "{:?} in {home}", nameless(&home));
    ann.join(&server);
    let chat = ann.tree();
    assert!(nameless(&chat).is_empty(), "{:?} in {chat}", nameless(&chat));
}

#[test]
fn a_burst_is_shown_to_its_end() {
    let server = TestServer::start();
    let mut bob = TestClient::register(&server, "Bob");
    let mut ann = Desktop::start();
    ann.join(&server);
    for n in 0..5000 {
        bob.send(&format!("PRIVMSG #lobby :burst {n}"));
    }
    ann.wait_for(&["burst 4999"]);
    ann.screenshot("burst");
}

#[test]
fn the_keyboard_is_enough() {
    let server = TestServer::start();
    let mut bob = TestClient::register(&server, "Bob");
    let mut ann = Desktop::start();
    // The name has the focus at once, then come the address and the port. (GTK 4.8 does not say that
    // an entry has the focus; where the words arrive does.)
    ann.keys(&["key", "ctrl+a"]);
    ann.keys(&["type", "Keya"]);
    ann.wait_for_text("Your name", "Keya");
    ann.keys(&["key", "Tab"]);
    ann.keys(&["type", "127.0.0.1"]);
    ann.wait_for_text("Address (localhost)", "127.0.0.1");
    let port = server.address().port().to_string();
    ann.keys(&["key", "Tab"]);
    ann.keys(&["type", &port]);
    ann.wait_for_text("Port (53000)", &port);
    ann.tab_to("push button: Join the room");
    ann.keys(&["key", "space"]);
    bob.expect(":Keya!* JOIN #lobby");
    ann.wait_for(&["you are in #lobby as Keya"]);
    // The entry has the focus at once.
    ann.keys(&["type", "typed"]);
    ann.keys(&["key", "Return"]);
    bob.expect(":Keya!* PRIVMSG #lobby :typed");
    ann.tab_to("push button: Leave the room");
    ann.keys(&["key", "space"]);
    bob.expect(":Keya!* QUIT :Quit");
}

/// The brightness of the window's middle on average, from 0 to 1.
fn brightness(screenshot: &str) -> f64 {
    let path = format!("{}/../target/screenshots/{screenshot}.png", env!("CARGO_MANIFEST_DIR"));
    let measured = Command::new("convert")
        .args([&path, "-crop", "500x500+20+60", "-format", "%[fx:mean]", "info:"])
        .output()
        .unwrap();
    String::from_utf8(measured.stdout).unwrap().parse().unwrap()
}

#[test]
fn dark_and_light_follow_the_system() {
    for (scheme, expected) in [("prefer-dark", 0.0..0.4), ("default", 0.6..1.0)] {
        let home = std::env::temp_dir().join(format!("chat-{scheme}-{}", std::process::id()));
        let settings = home.join("glib-2.0/settings");
        std::fs::create_dir_all(&settings).unwrap();
        let setting = format!("[org/gnome/desktop/interface]\ncolor-scheme='{scheme}'\n");
        std::fs::write(settings.join("keyfile"), setting).unwrap();
        let server = TestServer::start();
        let mut bob = TestClient::register(&server, "Bob");
        let mut ann = Desktop::start_with(|command| {
            command.env("XDG_CONFIG_HOME", &home).env("GSETTINGS_BACKEND", "keyfile");
            // No desktop runs around the tests that a portal could ask.
            command.env("ADW_DISABLE_PORTAL", "1");
        });
        ann.join(&server);
        bob.send("PRIVMSG #lobby :can you read this?");
        ann.wait_for(&["can you read this?"]);
        let name = format!("scheme-{scheme}");
        ann.screenshot(&name);
        let brightness = brightness(&name);
        assert!(expected.contains(&brightness), "{scheme}: {brightness}");
        drop(ann);
        std::fs::remove_dir_all(&home).unwrap();
    }
}

/// What was said before stands apart from what is new; messages change where they stand.
#[test]
fn the_past_stands_apart_and_messages_change() {
    let folder = TempFolder::new("desktop-past");
    let server = TestServer::with(|config| config.data = Some(folder.path().to_owned()));
    let caps = "message-tags echo-message chat.local/edit draft/message-redaction";
    let mut bob = TestClient::register_with(&server, "Bob", caps);
    let mut say = |text: &str| -> String {
        bob.send(&format!("PRIVMSG #lobby :{text}"));
        let line = bob.expect(&format!("* PRIVMSG #lobby :{text}"));
        let id = line.split("msgid=").nth(1).and_then(|rest| rest.split([';', ' ']).next());
        id.unwrap().to_owned()
    };
    let (first, second) = (say("the frist word"), say("a word too much"));
    let mut ann = Desktop::start();
    ann.join(&server);
    for text in ["the frist word", "a word too much", "That was said before you came"] {
        ann.wait_for(&[text]);
    }
    let third = say("a new word");
    ann.wait_for(&["a new word"]);
    bob.send(&format!("EDIT #lobby {first} :the first word"));
    ann.wait_for(&["the first word (edited)"]);
    bob.send(&format!("REDACT #lobby {second} :sorry"));
    ann.wait_for(&["(deleted)"]);
    for value in ["\u{1f44d}", "\u{2764}"] {
        bob.send(&format!("@+reply={third};+draft/react={value} TAGMSG #lobby"));
    }
    ann.wait_for(&["\u{1f44d} 1"]);
    ann.screenshot("past");
    let labels = ann.labels();
    let place = |text: &str| labels.iter().position(|label| label.contains(text)).unwrap();
    assert!(place("the first word") < place("before you came"), "{labels:?}");
    assert!(place("before you came") < place("a new word"), "{labels:?}");
    assert!(!labels.iter().any(|label| label.contains("too much")), "{labels:?}");
}
