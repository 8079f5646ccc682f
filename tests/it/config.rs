//! The configuration file: explained whole, printed as it is in force, read again with nobody dropped.

use std::path::PathBuf;

use chat_server::config::ConfigFile;
use chat_tests::{TestClient, program::Program};

const EXPLAINED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/chat-server.toml");

fn folder(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("chat-config-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// As it is it says nothing; what stands behind each `#` holds, or is an example that can be read.
#[test]
fn the_explained_file_is_true_and_whole() {
    let text = std::fs::read_to_string(EXPLAINED).unwrap();
    let said = ConfigFile::parse(&text).unwrap();
    assert_eq!(said.or(ConfigFile::defaults()), ConfigFile::defaults());
    let uncommented = |line: &str| match line.strip_prefix('#') {
        Some(setting) if !setting.starts_with(' ') => setting.to_owned(),
        _ => line.to_owned(),
    };
    let all: String = text.lines().map(|line| uncommented(line) + "\n").collect();
    let read = ConfigFile::parse(&all).unwrap_or_else(|error| panic!("{error}\n{all}"));
    let as_table = |file: &ConfigFile| toml::Table::try_from(file).unwrap();
    let (read, defaults) = (as_table(&read), as_table(&ConfigFile::defaults()));
    for (key, value) in &read {
        // Where the folder is depends on who asks; what nothing holds for is an example.
        let is_true = key == "data" || defaults.get(key).is_none_or(|own| own == value);
        assert!(is_true, "{key} holds {value} by default");
    }
    for key in defaults.keys() {
        assert!(read.contains_key(key), "{key} is not explained");
    }
    assert_eq!(read["limits"], defaults["limits"], "every limit is explained");
    let n_lines = text.lines().count();
    assert!(n_lines < 240, "{n_lines} lines are more than six minutes");
}

#[test]
fn what_is_in_force_is_printed() {
    let folder = folder("print");
    let file = folder.join("file.toml");
    std::fs::write(&file, "network = \"ours\"\nroom = \"den\"\n\n[limits]\nping-after = \"5m\"\n")
        .unwrap();
    let file = file.to_str().unwrap();
    let mut program =
        Program::start("chat-server", &["config", "--config", file, "--room", "hall"]);
    let printed = program.rest().join("\n");
    assert_eq!(program.exit_code(), Some(0));
    for line in
        ["network = \"ours\"", "room = \"hall\"", "ping-after = \"5m\"", "max-clients = 10000"]
    {
        assert!(printed.lines().any(|own| own == line), "{line} is not in {printed}");
    }
    assert!(ConfigFile::parse(&printed).is_ok(), "it can be a file again");
    for (text, sentence) in [
        ("netwrk = \"x\"", "line 1: there is no key `netwrk`; did you mean `network`?"),
        ("network = 5", "line 1: invalid type"),
        ("certificate = \"x\"", "a certificate needs its key"),
        ("[[account]]\nname = \"a\"\nscram = \"x\"", "SCRAM credentials read"),
    ] {
        std::fs::write(file, text).unwrap();
        let mut program = Program::start("chat-server", &["--config", file]);
        assert_eq!(program.exit_code(), Some(1), "{text}");
        let errors = program.errors();
        assert!(errors.lines().count() == 1 && errors.contains(sentence), "{errors}");
    }
    std::fs::remove_dir_all(folder).unwrap();
}

/// `hash` makes what the file needs; SIGHUP and REHASH read it again.
#[test]
fn the_file_is_read_again_with_nobody_dropped() {
    let folder = folder("again");
    let mut hash = Program::start("chat-server", &["hash"]);
    hash.send("secret");
    let kept = [hash.expect("password = *"), hash.expect("scram = *")];
    assert_eq!(hash.exit_code(), Some(0));
    let (motd, file) = (folder.join("motd"), folder.join("file.toml"));
    std::fs::write(&motd, "first\n").unwrap();
    let start = format!(
        "registration = false\nmotd-file = {:?}\nnetwork = \"ours\"\n",
        motd.to_str().unwrap()
    );
    std::fs::write(&file, &start).unwrap();
    let (mut program, address) = Program::start_server(&["--config", file.to_str().unwrap()]);
    let mut ann = TestClient::connect(address);
    ann.send("CAP LS 302");
    assert!(!ann.expect("* LS *").contains("sasl"));
    ann.send("NICK ann");
    ann.send("USER u 0 * :A");
    ann.send("CAP END");
    ann.expect("* 372 ann :- first");
    // One who is still on the way in, one who knows of no values, and one who asked for nothing.
    let mut new = TestClient::connect(address);
    new.send("CAP LS 302");
    new.expect("* CAP * LS *");
    let mut old = TestClient::connect(address);
    for line in ["CAP REQ :cap-notify", "NICK old", "USER u 0 * :O", "CAP END"] {
        old.send(line);
    }
    old.expect("* 372 old *");
    ann.send("OPER ann secret");
    ann.expect("* 464 *");

    std::fs::write(&motd, "second\n").unwrap();
    let more = format!(
        "{start}network-icon = \"https://example.org/i\"\n[limits]\nrooms-per-person = 1\n\
         [[oper]]\nname = \"ann\"\n{0}\n[[account]]\nname = \"Ann\"\n{0}\n{1}\n",
        kept[0], kept[1]
    );
    std::fs::write(&file, &more).unwrap();
    program.signal("HUP");
    program.expect("the configuration has been read again");
    // What is offered now is told to those who want to know.
    ann.expect(":chat.local CAP ann NEW :sasl=*");
    new.expect(":chat.local CAP * NEW :sasl=*");
    old.expect(":chat.local CAP old NEW :sasl");
    ann.send("CAP REQ :sasl");
    ann.expect("* CAP ann ACK :sasl");
    ann.send("MOTD");
    ann.expect("* 372 ann :- second");
    ann.send("JOIN #another");
    ann.expect("* 405 ann #another *");
    ann.send("OPER ann secret");
    ann.expect("* 381 *");
    // A file with a fault changes nothing.
    std::fs::write(&file, "nonsense").unwrap();
    program.signal("HUP");
    program.expect("nothing has changed: *file.toml: line 1*");
    ann.send("MOTD");
    ann.expect("* 372 ann :- second");
    // And the operator may ask too.
    std::fs::write(&file, &start).unwrap();
    ann.send("REHASH");
    ann.expect("* 382 *");
    program.expect("the configuration has been read again (REHASH of ann)");
    ann.expect(":chat.local CAP ann DEL :sasl");
    // What is gone holds no longer, and can be let go.
    ann.send("CAP LIST");
    let listed = ann.expect("* CAP ann LIST *");
    assert!(!listed.contains("sasl"), "{listed}");
    ann.send("AUTHENTICATE PLAIN");
    ann.expect("* 904 ann *");
    ann.send("CAP REQ :-sasl");
    ann.expect("* CAP ann ACK :-sasl");
    program.signal("TERM");
    ann.expect("ERROR :The server is stopping");
    std::fs::remove_dir_all(folder).unwrap();
}

/// What systemd's own checker has to say of the unit; it knows the words and how exposed the program is.
#[test]
fn the_unit_is_one_and_hardened() {
    let unit = include_str!("../../docs/chat-server.service");
    for line in [
        "DynamicUser=yes",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "CapabilityBoundingSet=",
        "SystemCallFilter=@system-service",
        "ExecReload=/bin/kill -HUP $MAINPID",
    ] {
        assert!(unit.lines().any(|own| own == line), "{line} is not in the unit");
    }
    for line in unit.lines().filter(|line| !line.starts_with(['#', '[']) && !line.is_empty()) {
        assert!(line.contains('='), "{line} is no setting");
    }
}

/// A number with which nobody could be served, or a password that is no hash, is said before it matters.
#[test]
fn numbers_that_serve_nobody_are_refused() {
    let folder = folder("numbers");
    let file = folder.join("file.toml");
    for (text, complaint) in [
        ("[limits]\ncommands-per-second = 0", "commands-per-second is a number of at least 0.001"),
        ("[limits]\nexpensive-per-second = nan", "expensive-per-second is a number"),
        ("[limits]\ncommands-at-once = 0.5", "commands-at-once is a number of at least 1"),
        ("[limits]\nper-address = 0", "per-address is a number of at least 1"),
        ("[limits]\nhub-queue = 0", "hub-queue is a number of at least 1"),
        ("[limits]\npending-records-each = 0", "pending-records-each is a number of at least 1"),
        ("[limits]\noutbox-bytes = 512", "outbox-bytes is a number of at least 65536"),
        ("[limits]\nping-after = \"0s\"", "ping-after is a time such as 30s"),
        (
            "[[oper]]\nname = \"ann\"\npassword = \"secret\"",
            "the operator ann: the password is to be",
        ),
        (
            "[[account]]\nname = \"Ann\"\npassword = \"secret\"",
            "the account Ann: the password is to be",
        ),
        (
            "[[account]]\nname = \"Ann Smith\"\npassword = \"\"",
            "the account \"Ann Smith\": a name is",
        ),
        (
            "[[account]]\nname = \"Ann\"\npassword = \"\"\n[[account]]\nname = \"ANN\"\npassword = \"\"",
            "the account ANN: another one has this name already",
        ),
        ("network-icon = \"https://example.org/an icon\"", "network-icon is a URL without spaces"),
        ("description = \"two\\nlines\"", "description is one line of text"),
    ] {
        std::fs::write(&file, text).unwrap();
        let mut program = Program::start("chat-server", &["--config", file.to_str().unwrap()]);
        assert_eq!(program.exit_code(), Some(1), "{text}");
        let errors = program.errors();
        assert!(errors.contains(complaint) && errors.lines().count() == 1, "{text}: {errors}");
    }
    std::fs::remove_dir_all(folder).unwrap();
}

/// What a setting cannot do is said at the start, with what to set.
#[test]
fn settings_that_contradict_each_other_are_refused() {
    let oper = "[[oper]]\nname = \"ann\"\npassword = \"\"";
    let sts = "[sts]\nport = 6697\nduration = \"1day\"";
    for (text, complaint) in [
        ("self-signed = \"x\"", "nothing listens for TLS: set tls-listen"),
        (sts, "sts tells programs to use TLS alone, and nothing here speaks it"),
        (&sts.replace("6697", "0"), "sts: no program can connect to port 0"),
        (
            "websocket-origins = [\"https://chat.example.org\"]",
            "nothing listens for WebSockets: set websocket-listen",
        ),
        (
            "websocket-listen = [\"127.0.0.1:0\"]\nwebsocket-origins = [\"https://chat.example.org/\"]",
            "no browser names itself \"https://chat.example.org/\"",
        ),
        (
            "websocket-listen = [\"127.0.0.1:0\"]\nwebsocket-origins = [\"chat.example.org\"]",
            "write it like https://chat.example.org",
        ),
        ("proxies = [\"0.0.0.0/0\"]", "proxies names everybody"),
        ("proxies = [\"10.0.0.0/8\", \"::/0\"]", "proxies names everybody"),
        ("[[gateway]]\npassword = \"x\"\naddresses = []", "a gateway has a password and addresses"),
        (
            "[[gateway]]\npassword = \"\"\naddresses = [\"10.0.0.1/32\"]",
            "a gateway has a password and addresses",
        ),
        (oper, "the operator \"ann\" has no name or no password"),
    ] {
        let error = ConfigFile::parse(text).unwrap().into_config().unwrap_err();
        assert!(error.contains(complaint), "{text}: {error}");
    }
    for text in [
        "tls-listen = [\"127.0.0.1:0\"]\nself-signed = \"x\"\n[sts]\nport = 6697\nduration = \"1day\"",
        "proxies = [\"10.0.0.0/8\"]\n[sts]\nport = 6697\nduration = \"1day\"",
        "websocket-listen = [\"127.0.0.1:0\"]\nwebsocket-origins = [\"*\", \"null\", \"file://\", \"https://a.example:8080\"]",
    ] {
        ConfigFile::parse(text).unwrap().into_config().unwrap();
    }
    // A program that starts the server itself is told the same.
    let mut config = chat_server::Config::default();
    config.proxies = vec!["0.0.0.0/0".parse().unwrap()];
    let refused = chat_server::Server::start(config).unwrap_err().to_string();
    assert!(refused.contains("proxies names everybody"), "{refused}");
}

/// Whose account is gone is logged out, and those who want to know are told.
#[test]
fn who_has_no_account_any_more_is_logged_out() {
    let mut config = chat_server::Config::default();
    let with_ann = |config: &mut chat_server::Config| {
        let password = chat_server::auth::hash("secret").unwrap();
        let (name, fingerprints) = ("Ann".into(), vec![]);
        config.accounts =
            vec![chat_server::config::Account { name, password, scram: None, fingerprints }];
    };
    let server = chat_tests::TestServer::with(with_ann);
    let mut bob = TestClient::register_with(&server, "Bob", "account-notify");
    let mut ann = TestClient::connect(server.address());
    let mut new = TestClient::connect(server.address());
    for client in [&mut ann, &mut new] {
        for line in
            ["CAP REQ :sasl account-notify", "AUTHENTICATE PLAIN", "AUTHENTICATE AGFubgBzZWNyZXQ="]
        {
            client.send(line);
        }
        client.expect("* 903 *");
    }
    for line in ["NICK ann", "USER u 0 * :A", "CAP END"] {
        ann.send(line);
    }
    bob.expect("* JOIN *");
    with_ann(&mut config);
    server.reloader().reload(&config).unwrap();
    ann.send("WHOIS ann");
    ann.expect("* 330 ann ann Ann *");
    config.accounts.clear();
    server.reloader().reload(&config).unwrap();
    ann.expect(":chat.local 901 ann ann!u@127.0.0.1 :*");
    ann.expect(":ann!* ACCOUNT *");
    bob.expect(":ann!* ACCOUNT *");
    new.expect(":chat.local 901 * * :*");
    ann.send("WHOIS ann");
    ann.expect("* 311 *");
    ann.expect_none("* 330 *");
}

/// Limits hold for those who are there, and whoever is in a room at the text door stays in it.
#[test]
fn what_is_read_again_holds_for_those_who_are_there() {
    let mut config = chat_server::Config::default();
    let server = chat_tests::TestServer::start();
    let mut ann = TestClient::register(&server, "Ann");
    let mut zoe = TestClient::text(&server, "Zoe");
    ann.expect("* JOIN #lobby");
    config.room = chat_core::proto::RoomName::new("#hall").unwrap();
    config.limits = config.limits.unlimited();
    config.limits.flood =
        Some(chat_server::config::RateLimit { burst: 2.0, per_second: 1.0 / 600.0 });
    server.reloader().reload(&config).unwrap();
    let mut bob = TestClient::register(&server, "Bob");
    bob.expect(":Bob!* JOIN #hall");
    zoe.send("still here");
    ann.expect(":Zoe!* PRIVMSG #lobby :still here");
    for n in 0..4 {
        ann.send(&format!("PING {n}"));
    }
    ann.expect("*PONG*:1");
    // The third is read later.
    ann.expect_silence(std::time::Duration::from_millis(300));
}
