//! The options of the server program, given by arguments and by a file.

use chat_tests::{TestClient, poll, program::Program};

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
    client.expect("* 396 ann *.cloak *");
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

/// By its flags, and by the same names in a file.
#[test]
fn every_option_can_be_given_in_both_ways() {
    let directory = std::env::temp_dir().join(format!("chat-options-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let path = |name: &str| directory.join(name).to_str().unwrap().to_owned();
    std::fs::write(path("password"), "secret\n").unwrap();
    std::fs::write(path("motd"), "be kind\n").unwrap();
    let settings = [
        ("room", "den".to_owned()),
        ("name", "irc.example.org".into()),
        ("network", "ours".into()),
        ("password-file", path("password")),
        ("motd-file", path("motd")),
        ("max-clients", "2".into()),
    ];
    let mut flags: Vec<String> =
        ["--exit-when-empty", "--unlimited", "--in-memory"].map(str::to_owned).to_vec();
    let mut file = String::from("exit-when-empty = true\nunlimited = true\nin-memory = true\n");
    for (name, value) in &settings {
        flags.extend([format!("--{name}"), value.clone()]);
        let is_number = value.parse::<u32>().is_ok();
        file += &if is_number {
            format!("{name} = {value}\n")
        } else {
            format!("{name} = {value:?}\n")
        };
    }
    std::fs::write(path("file.toml"), file).unwrap();
    for arguments in [flags, vec!["--config".to_owned(), path("file.toml")]] {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let (mut program, address) = Program::start_server(&arguments);
        let mut ann = TestClient::connect(address);
        ann.send("PASS secret");
        register(&mut ann, "ann");
        ann.expect(":irc.example.org 001 ann *");
        ann.expect("* NETWORK=ours *");
        ann.expect("* 372 ann :- be kind");
        ann.expect(":ann!* JOIN #den");
        // Without limits a hundred commands are answered at once.
        ann.raw("PING x\r\n".repeat(100).as_bytes());
        (0..100).for_each(|_| drop(ann.expect("*PONG*")));
        let second = TestClient::connect(address);
        let mut third = TestClient::connect(address);
        third.expect("ERROR :*full*");
        drop(second);
        ann.send("QUIT");
        assert_eq!(program.exit_code(), Some(0), "it stops when the last person leaves");
    }
    std::fs::remove_dir_all(directory).unwrap();
}

/// An output that nobody reads holds up nothing: neither people nor the end.
#[test]
fn a_server_whose_output_is_not_read_goes_on_and_stops() {
    use std::{io::BufRead, process};
    let file = std::env::temp_dir().join(format!("chat-unread-{}.toml", process::id()));
    let password = chat_server::auth::hash("secret").unwrap();
    let start =
        format!("reserved-names = []\n[[oper]]\nname = \"ann\"\npassword = \"{password}\"\n");
    std::fs::write(&file, &start).unwrap();
    let mut server = process::Command::new(chat_tests::program::path("chat-server"))
        .args([
            "--listen",
            "127.0.0.1:0",
            "--unlimited",
            "--in-memory",
            "--config",
            file.to_str().unwrap(),
        ])
        .stdout(process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = std::io::BufReader::new(server.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    let address = line.trim().rsplit(' ').next().unwrap().parse().unwrap();
    // More than fits into a pipe.
    for n in 0..1500 {
        let mut client = TestClient::connect(address);
        register(&mut client, &format!("some_rather_long_nick_{n}"));
        client.send("QUIT :and a long reason to leave again");
        client.expect_close();
    }
    // An operator is still heard.
    let mut ann = TestClient::connect(address);
    register(&mut ann, "ann");
    ann.send("OPER ann secret");
    ann.expect("* 381 *");
    std::fs::write(&file, format!("room = \"#again\"\n{start}")).unwrap();
    ann.send("REHASH");
    ann.expect("* 382 *");
    for n in 0.. {
        let mut client = TestClient::connect(address);
        register(&mut client, &format!("after{n}"));
        if client.expect("* JOIN *").ends_with("#again") {
            break;
        }
        assert!(n < 1000, "it does not read its configuration again");
    }
    std::fs::remove_file(&file).unwrap();
    let killed = process::Command::new("kill").arg(server.id().to_string()).status().unwrap();
    assert!(killed.success());
    let status = poll(|| server.try_wait().unwrap().ok_or_else(|| "it does not stop".into()));
    assert_eq!(status.code(), Some(0));
    drop(output);
}
