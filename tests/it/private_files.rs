//! Files of a server that others on its computer cannot look into, and words that are gone from them when they were deleted.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    process::Command,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use chat_core::proto::MessageKind;
use chat_server::{
    delivery::{self, RecordContent},
    history::{Asker, ConversationScope, Order, Query, Search},
    ids::Ticket,
    record::RecordEvent,
    room_log::{Appender, Change, Conversation, LogOutcome, Record, RoomLog},
    search_words::SearchWords,
    store::{Durability, LocalLog, Retention, Rule},
};
use chat_tests::{
    PATIENCE, TestClient, conversation,
    folder::TempFolder,
    poll,
    program::{self, Program},
};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// A program under that umask.
fn with_umask(umask: &str, name: &str, args: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("umask {umask}; exec \"$@\""), "sh"]);
    command.arg(program::path(name)).args(args);
    command
}

#[test]
fn files_are_their_owners_alone_whatever_the_umask() {
    for umask in ["000", "022", "0777"] {
        let folder = TempFolder::new("umask");
        let (data, keys) = (folder.path().join("above/data"), folder.path().join("keys"));
        let args = ["--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0"];
        let (data_arg, keys_arg) = (data.to_str().unwrap(), keys.to_str().unwrap());
        let args = [&args[..], &["--data", data_arg, "--self-signed", keys_arg]].concat();
        let mut server = Program::run("chat-server", &mut with_umask(umask, "chat-server", &args));
        let address = server.expect_address();
        let mut ann = TestClient::connect(address);
        ann.send("CAP REQ echo-message");
        ann.send("NICK ann");
        ann.send("USER u 0 * :A");
        ann.send("CAP END");
        ann.send("PRIVMSG #lobby :kept");
        ann.expect("* PRIVMSG #lobby :kept");
        for own in [&data, &keys] {
            assert_eq!(mode(own), 0o700, "{} with umask {umask}", own.display());
        }
        let (copy, lines) = (folder.path().join("copy.db"), folder.path().join("all.jsonl"));
        let (copy_arg, lines_arg) = (copy.to_str().unwrap(), lines.to_str().unwrap());
        for args in [["backup", copy_arg].as_slice(), &["export", "--to", lines_arg]] {
            let args = [args, &["--data", data_arg]].concat();
            let status = with_umask(umask, "chat-server", &args).output().unwrap().status;
            assert!(status.success(), "{args:?} with umask {umask}");
        }
        let names = ["chat.db", "chat.db-wal", "chat.db-shm", "chat.lock"];
        let mut files: Vec<_> = names.iter().map(|name| data.join(name)).collect();
        files.extend([keys.join("key.pem"), keys.join("certificate.pem"), copy, lines]);
        for file in files {
            assert_eq!(mode(&file), 0o600, "{} with umask {umask}", file.display());
        }
        server.signal("TERM");
        assert_eq!(server.exit_code(), Some(0));
    }
}

/// The server within `chat-cli host` keeps its files in the same way.
#[test]
fn a_hosted_room_is_its_hosts_alone() {
    let folder = TempFolder::new("hosted");
    let data = folder.path().join("data");
    let args = ["host", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()];
    let mut host = Program::run("chat-cli", &mut with_umask("000", "chat-cli", &args));
    poll(|| {
        data.join("chat.db-wal")
            .exists()
            .then_some(())
            .ok_or_else(|| "there is no database yet".to_owned())
    });
    assert_eq!((mode(&data), mode(&data.join("chat.db"))), (0o700, 0o600));
    host.signal("TERM");
    host.exit_code();
}

#[test]
fn looser_files_are_said_at_the_start() {
    let folder = TempFolder::new("loose");
    let data = folder.path().join("data");
    let arg = data.to_str().unwrap();
    let (mut server, _) = Program::start_server(&["--data", arg]);
    server.signal("TERM");
    assert_eq!(server.exit_code(), Some(0));
    let set =
        |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    set(&data, 0o755);
    set(&data.join("chat.db"), 0o640);
    let (mut server, _) = Program::start_server(&["--data", arg]);
    server.expect(&format!(
        "others on this computer can look into {arg} (mode 755): run chmod 700 '{arg}'"
    ));
    server.expect(&format!(
        "others on this computer can look into {arg}/chat.db (mode 640): run chmod 600 '{arg}/chat.db'"
    ));
    server.signal("TERM");
    assert_eq!(server.exit_code(), Some(0));
    // An export into a file that the shell has made.
    let lines = folder.path().join("lines");
    let out = fs::File::create(&lines).unwrap();
    set(&lines, 0o644);
    let mut export = Command::new(program::path("chat-server"));
    let export = export.args(["export", "--data", arg]).stdout(out).output().unwrap();
    let said = String::from_utf8(export.stderr).unwrap();
    assert!(said.contains("can look into the file that this goes to (mode 644)"), "{said}");
}

/// A link that somebody has laid where the key is to be is not followed.
#[test]
fn keys_are_written_without_following_links() {
    let folder = TempFolder::new("links");
    let keys = folder.path().join("keys");
    fs::create_dir(&keys).unwrap();
    let victim = folder.path().join("victim");
    fs::write(&victim, "as it was").unwrap();
    for name in ["key.pem", "certificate.pem"] {
        symlink(folder.path().join("nowhere"), keys.join(name)).unwrap();
    }
    fs::remove_file(keys.join("key.pem")).unwrap();
    symlink(&victim, keys.join("key.pem")).unwrap();
    let args = ["--tls-listen", "127.0.0.1:0", "--self-signed", keys.to_str().unwrap()];
    let (mut server, _) = Program::start_server(&[&args[..], &["--in-memory"]].concat());
    assert_eq!(fs::read_to_string(&victim).unwrap(), "as it was");
    assert!(!folder.path().join("nowhere").exists());
    for name in ["key.pem", "certificate.pem"] {
        let own = keys.join(name);
        assert!(fs::symlink_metadata(&own).unwrap().is_file(), "{name}");
        assert_eq!(mode(&own), 0o600, "{name}");
    }
    server.signal("TERM");
    assert_eq!(server.exit_code(), Some(0));
}

/// A store that is told of one thing after the other.
struct Store {
    log: LocalLog,
    answers: crossbeam_channel::Receiver<LogOutcome>,
    n_asked: u64,
}

impl Store {
    fn open(folder: &Path) -> Self {
        let mut log = LocalLog::open(folder, Durability::Relaxed).unwrap();
        let (to_hub, answers) = crossbeam_channel::unbounded();
        log.start(Appender::to_channel(to_hub)).unwrap();
        Self { log, answers, n_asked: 0 }
    }

    fn append(&mut self, at: SystemTime, content: RecordContent) -> Arc<str> {
        self.n_asked += 1;
        let since = at.duration_since(UNIX_EPOCH).unwrap().as_millis();
        let msgid: Arc<str> = format!("{since:011x}{:013x}", self.n_asked).into();
        let event = RecordEvent::new(content, at, Arc::clone(&msgid), delivery::Sender::default());
        let (conversation, by) = (Conversation::Room(conversation("#x")), "=ann".into());
        let record = Record { conversation, by, event, nonce: None, changes: Vec::new() };
        self.log.append(Ticket(self.n_asked), &Arc::new(record));
        self.wait();
        msgid
    }

    fn persist(&mut self, changes: Vec<Change>) {
        self.log.persist(Ticket(0), &changes.into());
        self.wait();
    }

    fn say(&mut self, at: SystemTime, text: &str) -> Arc<str> {
        let (source, target) = ("ann!u@h".into(), "#x".into());
        let (kind, tags, text) = (MessageKind::Privmsg, "".into(), text.into());
        self.append(at, RecordContent::Message { source, kind, target, text, tags })
    }

    /// Has all that was said in the index of words.
    fn index(&mut self) {
        let part = ConversationScope {
            conversation: Conversation::Room(conversation("#x")),
            shown: None,
            rank: 0,
            ranked_after: UNIX_EPOCH,
        };
        let search = Search {
            conversations: vec![part],
            direct: None,
            words: Some(SearchWords::read("anything").unwrap()),
            from: None,
            after: None,
            before: None,
            limit: 1,
            bytes_max: usize::MAX,
            order: Order::Time,
        };
        self.log.query(Ticket(0), Asker::default(), Query::Search(search));
        self.wait();
    }

    fn wait(&self) {
        match self.answers.recv_timeout(PATIENCE).unwrap() {
            LogOutcome::Appended { outcome, .. } => outcome.unwrap(),
            LogOutcome::Queried { answer, .. } => drop(answer.unwrap()),
        }
    }
}

/// The words of these that stand in a file of a folder.
fn left(folder: &Path, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let bytes = fs::read(&path).unwrap().to_ascii_lowercase();
        for word in words {
            let n = bytes.windows(word.len()).filter(|own| *own == word.as_bytes()).count();
            if n > 0 {
                found.push(format!("{word} stands {n} times in {}", path.display()));
            }
        }
    }
    found
}

/// Words that were deleted, edited away or are too old, and hashes of accounts that are no more, are overwritten: in the
/// database, in its log and in the index of words.
#[test]
fn what_was_deleted_is_gone_from_the_files() {
    let folder = TempFolder::new("gone");
    #[expect(clippy::disallowed_methods, reason = "retention goes by the time of the day")]
    let now = SystemTime::now();
    let old = now - Duration::from_secs(3600 * 3);
    let mut store = Store::open(folder.path());
    for number in 0..3000_u64 {
        let at = old + Duration::from_millis(number);
        store.say(at, &format!("common{} oldsecret{number} said", number % 50));
    }
    let new = |number: u64| now - Duration::from_secs(60) + Duration::from_millis(number);
    let mut ids = Vec::new();
    for number in 0..500_u64 {
        ids.push(store.say(new(number), &format!("common{} kept{number}", number % 50)));
    }
    let edited = store.say(new(600), "editedsecret before");
    let deleted = store.say(new(601), "deletedsecret before");
    let hash = "$argon2id$hashsecret";
    let path: Arc<str> = "account\nann".into();
    let value = format!("\"{hash}\"").into();
    store.persist(vec![Change::Set { path: Arc::clone(&path), value }]);
    store.index();
    let words = ["oldsecret", "editedsecret", "deletedsecret", "hashsecret"];
    assert!(left(folder.path(), &words).len() >= words.len(), "they are there first");
    let (source, target): (Arc<str>, Arc<str>) = ("ann!u@h".into(), "#x".into());
    store.append(
        new(700),
        RecordContent::Edit {
            source: Arc::clone(&source),
            target: Arc::clone(&target),
            edited,
            text: "other words".into(),
        },
    );
    store.append(
        new(701),
        RecordContent::Redact { source, target, redacted: deleted, reason: None },
    );
    store.persist(vec![Change::Remove { path }]);
    // The usual upkeep, which is done at once where the rules have changed.
    let age = Some(Duration::from_secs(3600));
    store.log.retain(&Retention { everywhere: Rule { age, bytes: None }, ..Retention::default() });
    poll(|| {
        let left = left(folder.path(), &words);
        if left.is_empty() { Ok(()) } else { Err(left.join(", ")) }
    });
    assert!(!left(folder.path(), &["kept499"]).is_empty());
    // And when it has ended.
    drop(store);
    assert_eq!(left(folder.path(), &words), Vec::<String>::new());
}
