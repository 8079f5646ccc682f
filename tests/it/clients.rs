//! Other people's clients, from Debian: they connect, join and talk with everyone.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

use chat_server::{TlsSource, auth, config::Account};

use chat_tests::{TestClient, TestServer, poll, program::Program, terminal::Terminal};
use portable_pty::CommandBuilder;

/// A fresh home for a client.
fn home(name: &str) -> PathBuf {
    let home = std::env::temp_dir().join(format!("chat-tests-{name}-{}", std::process::id()));
    fs::create_dir_all(&home).unwrap();
    home
}

#[test]
fn irssi_connects_joins_and_talks() {
    let server = TestServer::start();
    let mut ann = TestClient::register(&server, "Ann");
    let home = home("irssi");
    let (host, port) = (server.address().ip().to_string(), server.address().port().to_string());
    let mut command = CommandBuilder::new("irssi");
    command.args(["--home", home.to_str().unwrap(), "-c", &host, "-p", &port, "-n", "Iris"]);
    command.env("TERM", "xterm-256color");
    let mut irssi = Terminal::run(command);
    ann.expect(":Iris!*@* JOIN #lobby");
    irssi.keys("/window goto #lobby\r");
    irssi.wait_for("the names", |screen| screen.contains("Ann"));
    ann.send("PRIVMSG #lobby :hello irssi é🦀");
    irssi.wait_for("Ann's message", |screen| screen.contains("hello irssi é"));
    irssi.keys("hello from irssi\r");
    ann.expect(":Iris!*@* PRIVMSG #lobby :hello from irssi");
    // Answers go to the first window.
    irssi.keys("/window goto 1\r");
    irssi.keys("/whois Ann\r");
    irssi.wait_for("the whois", |screen| screen.contains("End of WHOIS"));
    irssi.keys("/nick Iris2\r");
    ann.expect(":Iris!*@* NICK *Iris2");
    irssi.keys("/quit bye\r");
    ann.expect(":Iris2!*@* QUIT :Quit: bye");
    irssi.wait_for_exit();
    fs::remove_dir_all(home).unwrap();
}

/// A weechat that runs, as `Wee` in the lobby of a server of ours.
struct Weechat {
    /// Ends with it.
    _program: Program,
    home: PathBuf,
}

impl Weechat {
    /// Starts one that knows all it can, prepared by `commands`.
    fn start(server: &TestServer, name: &str, commands: &[&str]) -> Self {
        let home = home(name);
        // Older versions call TLS ssl.
        let plain = if weechat_major() >= 4 { "-notls" } else { "-nossl" };
        let add = format!("/server add ours {} -nicks=Wee {plain}", server.address())
            .replace("127.0.0.1:", "127.0.0.1/");
        let mut command = Command::new("weechat-headless");
        command.args(["--dir", home.to_str().unwrap()]);
        let before = ["/set logger.file.flush_delay 0", "/set irc.server_default.capabilities *"];
        for line in before.iter().chain(commands).chain(&[&*add, "/connect ours"]) {
            command.args(["-r", line]);
        }
        Self { _program: Program::run("weechat-headless", &mut command), home }
    }

    /// Waits until something stands in one of its windows.
    fn wait_until_shown(&self, wanted: &str) {
        wait_until(&format!("weechat has shown {wanted:?}"), || {
            let logs = fs::read_dir(self.home.join("logs")).into_iter().flatten().flatten();
            let mut texts = logs.map(|file| fs::read_to_string(file.path()).unwrap_or_default());
            texts.any(|text| text.contains(wanted))
        });
    }

    /// Types a line in the lobby.
    fn type_in(&self, line: &str) {
        let pipe = || {
            let mut files = fs::read_dir(&self.home).ok()?.flatten();
            let is_pipe = |file: &fs::DirEntry| {
                file.file_name().to_string_lossy().starts_with("weechat_fifo")
            };
            files.find(is_pipe).map(|file| file.path())
        };
        wait_until("weechat has its pipe", || pipe().is_some());
        let mut fifo = fs::OpenOptions::new().write(true).open(pipe().unwrap()).unwrap();
        fifo.write_all(format!("irc.ours.#lobby *{line}\n").as_bytes()).unwrap();
    }
}

impl Drop for Weechat {
    fn drop(&mut self) {
        // It is in the way of nobody.
        let _ = fs::remove_dir_all(&self.home);
    }
}

#[test]
fn weechat_connects_joins_and_talks() {
    let server = TestServer::start();
    let mut ann = TestClient::register(&server, "Ann");
    let weechat = Weechat::start(&server, "weechat", &[]);
    ann.expect(":Wee!*@* JOIN #lobby");
    ann.send("PRIVMSG #lobby :hello weechat é🦀");
    weechat.wait_until_shown("hello weechat é🦀");
    weechat.type_in("hello from weechat");
    ann.expect(":Wee!*@* PRIVMSG #lobby :hello from weechat");
    // With every capability it knows, it sees its own message by our echo.
    weechat.wait_until_shown("hello from weechat");
    weechat.type_in("/quit bye");
    ann.expect(":Wee!*@* QUIT :Quit: bye");
}

/// `+typing`, both ways, and a message of several lines.
#[test]
fn weechat_shows_who_is_typing_and_long_messages() {
    let server = TestServer::start();
    let mut ann = TestClient::register_with(&server, "Ann", "message-tags batch draft/multiline");
    // It tells those who listen in it who is typing; here that is shown in its first window.
    let typing = "/trigger add typing signal typing_set_nick \"\" \"\" \
                  \"/print -core TYPING ${raw:${tg_signal_data}}\"";
    let commands = [
        "/set typing.look.enabled_nicks on",
        "/set typing.look.enabled_self on",
        "/set irc.look.typing_status_nicks on",
        "/set irc.look.typing_status_self on",
        typing,
    ];
    let weechat = Weechat::start(&server, "weechat-typing", &commands);
    ann.expect(":Wee!*@* JOIN #lobby");
    ann.send("@+typing=active TAGMSG #lobby");
    weechat.wait_until_shown(";typing;Ann");
    ann.send("@+typing=done TAGMSG #lobby");
    weechat.wait_until_shown(";off;Ann");
    weechat.type_in("/input insert hello");
    ann.expect("@*+typing=active* :Wee!*@* TAGMSG #lobby");
    weechat.type_in("/input delete_line");
    ann.expect("@*+typing=done* :Wee!*@* TAGMSG #lobby");
    for line in [
        "BATCH +1 draft/multiline #lobby",
        "@batch=1 PRIVMSG #lobby :the first of two",
        "@batch=1 PRIVMSG #lobby :the second of two",
        "BATCH -1",
    ] {
        ann.send(line);
    }
    weechat.wait_until_shown("the first of two");
    weechat.wait_until_shown("the second of two");
}

/// A server with a certificate of its own and one account, `Ann` with the password `secret`.
fn secure_server(folder: &Path) -> TestServer {
    TestServer::with(|config| {
        config.tls_listen = vec!["127.0.0.1:0".into()];
        let folder = folder.join("tls");
        config.tls = Some(TlsSource::SelfSigned { folder, names: vec!["localhost".into()] });
        config.accounts = vec![Account {
            name: "Ann".into(),
            password: auth::hash("secret").unwrap(),
            scram: Some(auth::scram_credentials("secret").unwrap()),
            fingerprints: Vec::new(),
        }];
    })
}

/// Over TLS, with the certificate pinned by its fingerprint, and SASL.
#[test]
fn irssi_logs_in_over_tls() {
    let home = home("irssi-tls");
    let server = secure_server(&home);
    let mut bob = TestClient::register(&server, "Bob");
    let address = server.tls_address();
    let config = |fingerprint: &str| {
        format!(
            "servers = ({{ address = \"127.0.0.1\"; chatnet = \"ours\"; port = \"{}\"; \
             use_tls = \"yes\"; tls_verify = \"no\"; autoconnect = \"yes\"; \
             tls_pinned_cert = \"{fingerprint}\"; }});\n\
             chatnets = {{ ours = {{ type = \"IRC\"; nick = \"Iris\"; sasl_mechanism = \"PLAIN\"; \
             sasl_username = \"Ann\"; sasl_password = \"secret\"; }}; }};\n",
            address.port()
        )
    };
    let start = |fingerprint: &str| {
        fs::write(home.join("config"), config(fingerprint)).unwrap();
        let mut command = CommandBuilder::new("irssi");
        command.args(["--home", home.to_str().unwrap()]);
        command.env("TERM", "xterm-256color");
        Terminal::run(command)
    };
    let fingerprint = with_colons(&server.fingerprint().unwrap());
    let mut irssi = start(&fingerprint);
    bob.expect(":Iris!*@* JOIN #lobby");
    irssi.wait_for("the login", |screen| screen.contains("SASL authentication succeeded"));
    bob.send("WHOIS Iris");
    bob.expect("* 671 Bob Iris *");
    bob.expect("* 330 Bob Iris Ann *");
    irssi.keys("/quit\r");
    irssi.wait_for_exit();
    // Another certificate than the one that is known is nobody's to talk to.
    let mut irssi = start(&with_colons(&"00".repeat(32)));
    irssi.wait_for("its refusal", |screen| screen.contains("Pinned certificate mismatch"));
    irssi.keys("/quit\r");
    irssi.wait_for_exit();
    fs::remove_dir_all(home).unwrap();
}

/// `AB:12:…`, as some programs write fingerprints.
fn with_colons(fingerprint: &str) -> String {
    let bytes = fingerprint.as_bytes().chunks(2);
    let words = bytes.map(|pair| String::from_utf8_lossy(pair).to_uppercase());
    words.collect::<Vec<_>>().join(":")
}

#[test]
fn weechat_logs_in_over_tls() {
    let home = home("weechat-tls");
    let server = secure_server(&home);
    let mut bob = TestClient::register_with(&server, "Bob", "message-tags account-tag");
    let add = format!("/server add ours 127.0.0.1/{} -nicks=Wee", server.tls_address().port());
    // Older versions call it ssl.
    let tls = if weechat_major() >= 4 { "tls" } else { "ssl" };
    let set = |option: &str, value: &str| format!("/set irc.server.ours.{option} {value}");
    let commands = [
        add,
        set(tls, "on"),
        set(&format!("{tls}_fingerprint"), &server.fingerprint().unwrap()),
        set("sasl_mechanism", "scram-sha-256"),
        set("sasl_username", "Ann"),
        set("sasl_password", "secret"),
        "/set irc.server_default.capabilities *".to_owned(),
        "/connect ours".to_owned(),
    ];
    let mut command = Command::new("weechat-headless");
    command.args(["--dir", home.to_str().unwrap()]);
    for line in &commands {
        command.args(["-r", line]);
    }
    let weechat = Program::run("weechat-headless", &mut command);
    bob.expect("@account=Ann :Wee!*@* JOIN #lobby");
    bob.send("WHOIS Wee");
    bob.expect("* 671 Bob Wee *");
    bob.expect("* 330 Bob Wee Ann *");
    drop(weechat);
    bob.expect("@account=Ann :Wee!* QUIT *");
    fs::remove_dir_all(home).unwrap();
}

fn weechat_major() -> u32 {
    let output = Command::new("weechat-headless").arg("--version").output().unwrap();
    let version = String::from_utf8_lossy(&output.stdout).into_owned();
    version.split('.').next().and_then(|major| major.trim().parse().ok()).unwrap_or(3)
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    poll(|| is_so().then_some(()).ok_or_else(|| format!("it is not so that {what}")));
}

/// What was said before they came is shown to clients that do not know how to ask, with its time.
#[test]
fn irssi_and_weechat_read_what_was_said_before() {
    let folder = chat_tests::folder::TempFolder::new("clients");
    let start = || TestServer::with(|config| config.data = Some(folder.path().to_owned()));
    let mut server = start();
    let mut ann = TestClient::register(&server, "Ann");
    ann.send("PRIVMSG #lobby :yesterday's news é🦀");
    ann.send("PING said");
    ann.expect("*PONG*said");
    drop(ann);
    server.stop();
    let server = start();
    let weechat = Weechat::start(&server, "weechat-history", &[]);
    weechat.wait_until_shown("yesterday's news é🦀");
    let home = home("irssi-history");
    let (host, port) = (server.address().ip().to_string(), server.address().port().to_string());
    let mut command = CommandBuilder::new("irssi");
    command.args(["--home", home.to_str().unwrap(), "-c", &host, "-p", &port, "-n", "Iris"]);
    command.env("TERM", "xterm-256color");
    let mut bob = TestClient::register(&server, "Bob");
    let mut irssi = Terminal::run(command);
    bob.expect(":Iris!*@* JOIN #lobby");
    irssi.keys("/window goto #lobby\r");
    irssi.wait_for("what was said", |screen| screen.contains("Ann> yesterday's news"));
    irssi.keys("read it\r");
    bob.expect(":Iris!*@* PRIVMSG #lobby :read it");
    irssi.keys("/quit\r");
    irssi.wait_for_exit();
    fs::remove_dir_all(home).unwrap();
}
