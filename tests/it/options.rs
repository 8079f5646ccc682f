//! What the server program is told, by arguments and by a file.

use chat_tests::{TestClient, program::Program};

/// Registers over a connection to that server.
fn register(client: &mut TestClient, nick: &str) {
    client.send(&format!("NICK {nick}"));
    client.send("USER u 0 * :A");
}

#[test]
fn the_room_and_the_names_are_as_told() {
    let (mut program, address) =
        Program::start_server(&["--room", "den", "--name", "irc.example.org", "--network", "ours"]);
    let mut client = TestClient::connect(address);
    register(&mut client, "ann");
    client.expect(":irc.example.org 001 ann *");
    client.expect("* NETWORK=ours *");
    client.expect(":ann!* JOIN #den");
    program.expect("ann arrived *");
    client.send("QUIT");
    program.expect("ann departed: Quit");
}

#[test]
fn nobody_is_put_into_a_room_where_none_is_told() {
    let (_program, address) = Program::start_server(&["--no-auto-join"]);
    let mut client = TestClient::connect(address);
    register(&mut client, "ann");
    client.expect("* 422 ann *");
    client.send("PING :next");
    assert!(client.expect("*").ends_with("PONG chat.local :next"), "nothing stands between");
    client.send("LIST");
    client.expect("* 321 ann *");
    assert!(client.expect("*").contains(" 323 "), "and there is no room");
}

#[test]
fn a_room_that_cannot_be_is_refused_at_once() {
    let mut program = Program::start("chat-server", &["--listen", "127.0.0.1:0", "--room", "a b"]);
    assert_eq!(program.exit_code(), Some(1));
    assert_eq!(program.errors().lines().count(), 1);
}

#[test]
fn it_listens_at_every_address_it_is_told() {
    let (mut program, first) =
        Program::start_server(&["--listen", "127.0.0.1:0", "--text-listen", "127.0.0.1:0"]);
    let second = program.expect_address();
    let mut text = TestClient::connect(program.expect_address());
    let mut ann = TestClient::connect(first);
    register(&mut ann, "ann");
    ann.expect("* 366 *");
    let mut bob = TestClient::connect(second);
    register(&mut bob, "bob");
    ann.expect(":bob!* JOIN #lobby");
    text.expect("Welcome to *");
    text.send("cid");
    ann.expect(":cid!* JOIN #lobby");
}

#[test]
fn the_configuration_file_says_what_the_flags_do() {
    let directory = std::env::temp_dir().join(format!("chat-tests-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let path = |name: &str| directory.join(name);
    std::fs::write(path("password"), "secret\n").unwrap();
    let file = format!(
        "listen = [\"127.0.0.1:0\"]\nroom = \"den\"\nnetwork = \"ours\"\npassword-file = {:?}\n",
        path("password")
    );
    std::fs::write(path("good.toml"), file).unwrap();
    let good = path("good.toml");
    let mut program = Program::start("chat-server", &["--config", good.to_str().unwrap()]);
    let mut client = TestClient::connect(program.expect_address());
    client.send("PASS secret");
    client.send("NICK a");
    client.send("USER u 0 * :A");
    client.expect("* NETWORK=ours *");
    client.expect("* JOIN #den");
    drop(program);
    std::fs::write(path("bad.toml"), "lissten = []\n").unwrap();
    let bad = path("bad.toml");
    let mut program = Program::start("chat-server", &["--config", bad.to_str().unwrap()]);
    assert_eq!(program.exit_code(), Some(1));
    let errors = program.errors();
    assert!(errors.contains("lissten") && errors.contains("`listen`"), "{errors}");
    std::fs::remove_dir_all(&directory).unwrap();
}
