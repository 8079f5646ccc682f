//! Other people's clients, from Debian: they connect, join and talk with everyone.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

use chat_server::{TlsSource, auth, config::Account};

use chat_tests::{PATIENCE, TestClient, TestServer, program::Program, terminal::Terminal};
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

#[test]
fn weechat_connects_joins_and_talks() {
    let server = TestServer::start();
    let mut ann = TestClient::register(&server, "Ann");
    let home = home("weechat");
    let add = format!(
        "/server add ours {}/{} -nicks=Wee -notls",
        server.address().ip(),
        server.address().port()
    );
    // Older versions call it ssl.
    let add = if weechat_major() >= 4 { add } else { add.replace("-notls", "-nossl") };
    let weechat = Program::run(
        "weechat-headless",
        Command::new("weechat-headless")
            .args(["--dir", home.to_str().unwrap()])
            .args(["-r", "/set logger.file.flush_delay 0"])
            .args(["-r", "/set irc.server_default.capabilities *"])
            .args(["-r", &add, "-r", "/connect ours"]),
    );
    ann.expect(":Wee!*@* JOIN #lobby");
    ann.send("PRIVMSG #lobby :hello weechat é🦀");
    let log = home.join("logs");
    let logs_contain = |wanted: &str| {
        let logs = fs::read_dir(&log).into_iter().flatten().flatten();
        let mut texts = logs.map(|file| fs::read_to_string(file.path()).unwrap_or_default());
        texts.any(|text| text.contains(wanted))
    };
    wait_until("weechat has shown it", || logs_contain("hello weechat é🦀"));
    let pipe = || {
        let found = fs::read_dir(&home)
            .ok()?
            .flatten()
            .find(|file| file.file_name().to_string_lossy().starts_with("weechat_fifo"));
        found.map(|file| file.path())
    };
    wait_until("weechat has its pipe", || pipe().is_some());
    let type_in = |line: &str| {
        let mut fifo = fs::OpenOptions::new().write(true).open(pipe().unwrap()).unwrap();
        fifo.write_all(format!("irc.ours.#lobby *{line}\n").as_bytes()).unwrap();
    };
    type_in("hello from weechat");
    ann.expect(":Wee!*@* PRIVMSG #lobby :hello from weechat");
    // With every capability it knows, it sees its own message by our echo.
    wait_until("weechat has shown its own", || logs_contain("hello from weechat"));
    type_in("/quit bye");
    ann.expect(":Wee!*@* QUIT :Quit: bye");
    drop(weechat);
    fs::remove_dir_all(home).unwrap();
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
    let ticks = crossbeam_channel::tick(std::time::Duration::from_millis(20));
    let deadline = crossbeam_channel::after(PATIENCE);
    while !is_so() {
        assert!(deadline.try_recv().is_err(), "waited in vain until {what}");
        let _ = ticks.recv();
    }
}
