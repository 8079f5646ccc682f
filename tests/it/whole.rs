//! The whole path: one room on a real host, and everyone who can join it in it at once.

use std::process::Command;

use chat_tests::{TestClient, program::Program, terminal::Terminal};
use portable_pty::CommandBuilder;

use crate::desktop::Desktop;

/// `nc` as a person uses it.
fn nc(address: std::net::SocketAddr) -> Program {
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    Program::run("nc", Command::new("nc").args([host, port]))
}

#[test]
fn everyone_sees_everyone_and_the_host_ends_it() {
    // On every address, as people host by default; the port is any.
    let mut host = Terminal::start(
        "chat-cli",
        &["host", "--name", "Hana", "--room", "den", "--listen", "0.0.0.0:0"],
    );
    host.wait_for("the invitation", |screen| screen.contains("join with: chat-cli join "));
    host.wait_for("the prompt", |screen| screen.contains("[#den] Hana>"));
    let screen = host.text();
    let shown = screen.split("chat-cli join ").nth(1).unwrap().split_whitespace().next().unwrap();
    // The very address that is given to others, whatever it is on this computer.
    let address: std::net::SocketAddr = shown.parse().unwrap();

    let mut guest = Terminal::start("chat-cli", &["join", shown, "--name", "Gus"]);
    guest.wait_for("the prompt", |screen| screen.contains("[#den] Gus>"));
    let mut listen = Program::start("chat-cli", &["listen", shown, "--name", "Lis"]);
    listen.expect("* you are in #den as Lis");
    let home = std::env::temp_dir().join(format!("chat-whole-{}", std::process::id()));
    std::fs::create_dir_all(&home).unwrap();
    let mut command = CommandBuilder::new("irssi");
    let (ip, port) = (address.ip().to_string(), address.port().to_string());
    command.args(["--home", home.to_str().unwrap(), "-c", &ip, "-p", &port, "-n", "Iris"]);
    command.env("TERM", "xterm-256color");
    let mut irssi = Terminal::run(command);
    listen.expect("* Iris joined #den");
    let mut desktop = Desktop::start();
    desktop.write("Your name", "Dora");
    desktop.write("Address (localhost)", shown);
    desktop.click("Join the room");
    desktop.wait_for(&["you are in #den as Dora"]);
    irssi.keys("/window goto #den\r");
    irssi.wait_for("Dora", |screen| screen.contains("Dora"));
    desktop.wait_for(&["5 people"]);

    // Each says a line; each of the others sees it.
    host.keys("from the host\r");
    guest.wait_for("the host's line", |screen| screen.contains("Hana: from the host"));
    guest.keys("from the guest\r");
    irssi.wait_for("the guest's line", |screen| screen.contains("from the guest"));
    irssi.keys("from irssi\r");
    desktop.wait_for(&["from irssi"]);
    desktop.write("Message", "from the desktop");
    desktop.click("Send");
    for (terminal, name) in [(&host, "the host"), (&guest, "the guest")] {
        for line in ["Iris: from irssi", "Dora: from the desktop"] {
            terminal.wait_for(name, |screen| screen.contains(line));
        }
    }
    host.wait_for("the guest's line", |screen| screen.contains("Gus: from the guest"));
    irssi.wait_for("all of it", |screen| {
        screen.contains("from the host") && screen.contains("from the desktop")
    });
    desktop.wait_for(&["from the host"]);
    desktop.wait_for(&["from the guest"]);
    for line in
        ["Hana: from the host", "Gus: from the guest", "Iris: from irssi", "Dora: from the desktop"]
    {
        listen.expect(line);
    }
    desktop.screenshot("whole");

    // The host leaves, and all are told.
    host.keys("/quit\r");
    assert_eq!(host.wait_for_exit().exit_code(), 0);
    guest.wait_for("the end", |screen| screen.contains("The server is stopping"));
    // What a server says stands in its own window.
    irssi.keys("/window goto 1\r");
    irssi.wait_for("the end", |screen| screen.contains("The server is stopping"));
    desktop.wait_for(&["The room was closed by its host."]);
    listen.expect("*The server is stopping*");
    irssi.keys("/quit\r");
    irssi.wait_for_exit();
    std::fs::remove_dir_all(home).unwrap();
}

#[test]
fn nc_is_enough() {
    let (mut server, address) = Program::start_server(&["--text-listen", "127.0.0.1:0"]);
    let text_address = server.expect_address();
    let mut ann = TestClient::connect(address);
    ann.send("NICK Ann");
    ann.send("USER u 0 * :A");
    ann.expect("* 366 *");
    let mut nina = nc(text_address);
    nina.expect("Welcome to chat! What is your name?");
    nina.send("Nina");
    nina.expect("Welcome, Nina! *");
    ann.expect(":Nina!* JOIN #lobby");
    nina.send("hello from nc");
    ann.expect(":Nina!* PRIVMSG #lobby :hello from nc");
    ann.send("PRIVMSG #lobby :hello nc");
    nina.expect("Ann: hello nc");
    let mut second = nc(text_address);
    second.send("Nina");
    nina.expect("* Nina1 joined");
    // Its input ends: what it said is heard, and it has left.
    second.send("short visit");
    second.end_input();
    nina.expect("Nina1: short visit");
    nina.send("{quit}");
    ann.expect(":Nina!* QUIT :Quit");
    nina.end_input();
    assert_eq!(nina.exit_code(), Some(0));
    server.signal("TERM");
    assert_eq!(server.exit_code(), Some(0));
}

/// What was said in a room that somebody hosts is there when they host it again.
#[test]
fn a_hosted_room_remembers() {
    let folder = chat_tests::folder::TempFolder::new("hosted");
    let data = folder.path().to_str().unwrap();
    let host = |more: &[&str]| {
        let arguments = ["host", "--name", "Hana", "--listen", "127.0.0.1:0", "--data", data];
        Program::start("chat-cli", &[&arguments, more].concat())
    };
    let mut first = host(&[]);
    first.send("to be remembered");
    first.send("/quit");
    assert_eq!(first.exit_code(), Some(0));
    let mut second = host(&[]);
    let invitation = second.expect("You host #lobby*");
    let address = invitation.rsplit(' ').next().unwrap().parse().unwrap();
    // Whoever comes later than what is said does not hear it.
    second.expect("* you are in #lobby as Hana");
    let mut ann = TestClient::connect(address);
    ann.send("NICK Ann");
    ann.send("USER u 0 * :A");
    ann.expect(":Hana!* PRIVMSG #lobby :to be remembered");
    // A program of ours takes nothing old for new.
    ann.send("PRIVMSG #lobby :now");
    assert!(!second.expect("Ann: *").contains("to be"), "it heard itself");
    // Meanwhile nobody else can have that folder, and whoever asks for it is told.
    let mut third = host(&[]);
    assert_eq!(third.exit_code(), Some(1));
    let said = third.errors();
    assert!(
        said.contains("another server keeps its messages in") && said.contains("--data"),
        "{said}"
    );
}
