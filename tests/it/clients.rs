//! Other people's clients, from Debian: they connect, join and talk with everyone.

use std::{fs, io::Write, path::PathBuf, process::Command};

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
