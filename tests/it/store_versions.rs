//! Stores that older versions have left: brought up to date, they lose nothing, and a server goes on with them.

use std::{path::Path, time::UNIX_EPOCH};

use chat_server::{
    history::{Answer, Query, Selection, Shows},
    room_log::{AppendError, Conversation},
};
use chat_tests::{TestClient, TestServer, folder::TempFolder};

use crate::store::{Store, in_room, record};

/// A folder with a database as that version left it.
fn folder_of(version: u32) -> TempFolder {
    let versions = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/store");
    let folder = TempFolder::new("older");
    let database = folder.path().join("chat.db");
    let dump = std::fs::File::open(versions.join(format!("version-{version}.sql"))).unwrap();
    let made = std::process::Command::new("sqlite3").arg(&database).stdin(dump).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    folder
}

/// Whatever version wrote it, this one reads it and goes on.
#[test]
fn every_older_version_is_brought_up_to_date() {
    for version in 1..chat_server::store::VERSION {
        let folder = folder_of(version);
        let mut store = Store::open(folder.path());
        let room = store.named("#room").unwrap();
        let query = Query::Page {
            conversation: Conversation::Room(room),
            shown: Some("#Room".into()),
            selection: Selection::Latest(None),
            limit: 10,
            bytes_max: usize::MAX,
            rank: 2,
            ranked_after: UNIX_EPOCH,
            shows: Shows { events: true, ..Shows::default() },
        };
        let Answer::Page(found) = store.answer(&query) else {
            unreachable!("a page was asked for")
        };
        let lines: Vec<String> =
            found.iter().map(|told| format!("{:?}", told.event.content)).collect();
        let expected = ["what it is about", "the first", "+reply=abc", "lines", "+v", "@#Room"];
        assert_eq!(lines.len(), expected.len(), "{lines:#?}");
        for (line, word) in lines.iter().zip(expected) {
            assert!(line.contains(word), "version {version}: {word} is not in {line}");
        }
        let mut wanted = in_room("first");
        wanted.conversations[0].conversation = Conversation::Room(room);
        let Answer::Matches(found, _) = store.answer(&Query::Search(wanted)) else {
            unreachable!("a search was asked for")
        };
        assert_eq!(found.len(), 1, "version {version}: its words are found, once");
        store.append(&record(0, 0, u64::from(u32::MAX), 3)).unwrap();
        let again = store.append(&record(0, 0, u64::from(u32::MAX), 3));
        assert!(matches!(again, Err(AppendError::Known { .. })), "{again:?}");
    }
}

/// What the program of SQLite prints for a query of a folder's database.
fn selected(folder: &Path, query: &str) -> Vec<String> {
    let told = std::process::Command::new("sqlite3")
        .args([folder.join("chat.db").as_os_str(), query.as_ref()])
        .output()
        .unwrap();
    assert!(told.status.success(), "{told:?}");
    String::from_utf8(told.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// What a store of version 8 has in its index as one word is found within once the index has been made anew, and what is
/// deleted then is in it no more.
#[test]
fn what_no_spaces_divide_is_found_in_an_older_store() {
    let folder = folder_of(8);
    let mut store = Store::open(folder.path());
    let mut found = |words: &str| {
        let mut wanted = in_room(words);
        wanted.conversations[0].conversation = Conversation::Room(store.named("#open").unwrap());
        match store.answer(&Query::Search(wanted)) {
            Answer::Matches(found, true) => found.len(),
            other => panic!("{other:?}"),
        }
    };
    for words in ["上海", "海", "市工作", "open"] {
        assert_eq!(found(words), 1, "{words}");
    }
    assert_eq!(selected(folder.path(), "SELECT count(*) FROM unindexed"), ["0"]);
}

/// Nothing of a store of version 7 is lost when rooms' conversations get numbers: each record, each conversation and each
/// setting is what it was, and read markers are of the conversations that the rooms of their names have.
#[test]
fn a_store_in_which_names_were_asked_for_loses_nothing() {
    let folder = folder_of(7);
    // Closed rooms that are nobody's, and what a guest said to somebody, end with the server: swept at some time behind its start.
    let all = [
        "SELECT records.*, source, account, marks, person FROM records
         JOIN senders ON senders.id = sender JOIN conversations ON conversations.id = records.id >> 28
         WHERE NOT is_closed AND name NOT LIKE '%~%' ORDER BY records.id",
        "SELECT id, replace(name, char(10), ' ') FROM conversations
         WHERE name != '#quiet' AND NOT is_closed AND name NOT LIKE '%~%' ORDER BY id",
        "SELECT participants.* FROM participants JOIN conversations ON conversations.id = conversation
         WHERE name NOT LIKE '%~%'",
        "SELECT * FROM nonces",
        "SELECT path, iif(value LIKE '{%', json_remove(value, '$.conversation'), value) FROM state
         WHERE path NOT LIKE 'marker%'",
    ];
    let before = all.map(|query| selected(folder.path(), query));
    let markers = |query: &str| selected(folder.path(), query);
    let of_names =
        markers("SELECT replace(path, char(10), ' '), value FROM state WHERE path LIKE 'marker%'");
    drop(Store::open(folder.path()));
    let after = all.map(|query| selected(folder.path(), query));
    for (before, after) in before.iter().zip(&after) {
        assert!(!before.is_empty() || before == after);
        assert_eq!(before, after);
    }
    let of_numbers = markers(
        "SELECT replace(substr(path, 1, length(path) - length(own)), char(10), ' ') || ifnull(name, own), value
         FROM (SELECT path, value, substr(path, 9 + instr(substr(path, 9), char(10))) AS own
               FROM state WHERE path LIKE 'marker%')
         LEFT JOIN conversations ON number = own ORDER BY 1",
    );
    assert_eq!(of_numbers, of_names);
    assert_eq!(of_names.len(), 5, "{of_names:?}");
}

/// Whoever was there before is there after it: accounts, what is theirs, rooms with all that is set in them, what was said.
#[test]
fn a_server_goes_on_with_a_store_in_which_names_were_asked_for() {
    let folder = folder_of(7);
    let start = || {
        TestServer::with(|config| {
            config.data = Some(folder.path().to_owned());
            config.auto_join = false;
        })
    };
    let caps = "batch message-tags draft/chathistory draft/read-marker chat.local/edit \
                draft/message-redaction echo-message";
    // The second one finds what the first one has written, and Carl, who stays.
    for x in ['x', 'y'] {
        let server = start();
        let log_in = |name: &str| {
            let mut client = TestClient::register_with(&server, &format!("{name}{x}"), caps);
            client.send(&format!("NS IDENTIFY {name} a-long-password"));
            client.expect("* 900 *");
            client
        };
        let history = |client: &mut TestClient, room: &str, said: &[&str]| {
            client.send(&format!("CHATHISTORY LATEST {room} * 50"));
            said.iter().for_each(|text| drop(client.expect(&format!("* PRIVMSG * :{text}"))));
            client.expect("* BATCH -*");
        };
        let mut bob = log_in("bob");
        bob.send("JOIN #home");
        bob.expect("* 332 * #Home :where we live");
        bob.expect(&format!("* 353 * #Home *@bob{x}"));
        let at_home = [
            "hello at home",
            "said by carl, better",
            "(deleted)",
            "for operators at home",
            "dora is in",
        ];
        history(&mut bob, "#home", &at_home);
        bob.send("MODE #home");
        bob.expect("* 324 * #Home +intk sesame");
        bob.send("METADATA #home GET url");
        bob.expect("* 761 * https://example.org/");
        bob.send("CS LINKS #home");
        bob.expect("* for 5 more*");
        bob.send("JOIN #second");
        bob.expect("* MARKREAD #second timestamp=2026-11-30T08:00:00.000Z");
        history(&mut bob, "#second", &["said under the first name", "said under the second name"]);
        bob.send("MARKREAD carl");
        bob.expect("* MARKREAD * timestamp=2026-11-30T08:00:00.000Z");
        history(&mut bob, "carl", &["between us", "and back"]);
        let mut carl = log_in("carl");
        // He operates it, so the key is no bar, nor is +i.
        carl.send("JOIN #home");
        carl.expect("* MARKREAD #Home timestamp=2026-11-30T08:00:00.000Z");
        carl.expect(&format!("* 353 * #Home *@carl{x}*"));
        carl.send("JOIN #first");
        carl.expect(&format!("* 353 * #first *@carl{x}*"));
        history(&mut carl, "#first", &["a new first"]);
        carl.send("CHATHISTORY LATEST #first * 50");
        carl.expect_none("*said under the first name*");
        // What he said is his: an account of that version has no number, and is the same one.
        carl.send("CHATHISTORY LATEST #home * 50");
        let line = carl.expect("* PRIVMSG #Home :said by carl, better");
        let msgid = |line: &str| line.split("msgid=").nth(1).unwrap()[..24].to_owned();
        carl.send(&format!("EDIT #home {} :said by carl, better", msgid(&line)));
        carl.expect("*EDIT #Home *");
        let mut dora = log_in("dora");
        dora.send("JOIN #home sesame");
        dora.expect(&format!("* 353 * #Home *+dora{x}*"));
        dora.send("JOIN #ask");
        dora.expect(&format!("* 353 * #ask @dora{x}"));
        dora.send("CS WAITING #ask");
        dora.expect("* :Carl has asked at *");
        dora.send("JOIN #quiet");
        dora.expect("* MARKREAD #quiet timestamp=2026-11-30T08:00:00.000Z");
        dora.send("PART #quiet");
        // An open past stays with its name; what was shut, or over, is nobody's.
        let mut zoe = TestClient::register_with(&server, "zoe", caps);
        zoe.send("JOIN #open,#shut,#over");
        history(&mut zoe, "#open", &["said in the open", "said by eve"]);
        zoe.send("CHATHISTORY LATEST #shut * 50");
        zoe.send("CHATHISTORY LATEST #over * 50");
        zoe.expect_none("* PRIVMSG *");
    }
    // Whoever takes the name of an account that had ended before it changes nothing that was said under it.
    let server = start();
    let mut eve = TestClient::register_with(&server, "eve", caps);
    eve.send("NS REGISTER another-password");
    eve.expect("* 900 *");
    eve.send("JOIN #open");
    eve.send("CHATHISTORY LATEST #open * 50");
    let line = eve.expect("* PRIVMSG #open :said by eve");
    let msgid = line.split("msgid=").nth(1).unwrap()[..24].to_owned();
    eve.send(&format!("EDIT #open {msgid} :rewritten"));
    eve.expect("* FAIL EDIT EDIT_FORBIDDEN *");
}

/// An account that had been registered anew before accounts had numbers has its own name's messages, but none from before it.
#[test]
fn what_was_said_before_an_account_of_that_name_was_registered_is_not_its() {
    let folder = folder_of(7);
    let anew = "INSERT INTO state SELECT replace(path, 'carl', 'eve'),
                    iif(path LIKE '%carl', '{\"name\":\"Eve\",\"since\":1796029263}', value)
                FROM state WHERE path LIKE 'account%carl' OR path LIKE '%carl%password'";
    selected(folder.path(), anew);
    let server = TestServer::with(|config| {
        config.data = Some(folder.path().to_owned());
        config.auto_join = false;
    });
    let caps = "batch message-tags echo-message draft/chathistory chat.local/edit";
    let mut eve = TestClient::register_with(&server, "evex", caps);
    eve.send("NS IDENTIFY eve a-long-password");
    eve.expect("* 900 *");
    eve.send("JOIN #open");
    let edit = |eve: &mut TestClient, said: &str| {
        eve.send("CHATHISTORY LATEST #open * 50");
        let line = eve.expect(&format!("* PRIVMSG #open :{said}"));
        eve.expect("* BATCH -*");
        let msgid = line.split("msgid=").nth(1).unwrap()[..24].to_owned();
        eve.send(&format!("EDIT #open {msgid} :{said}, again"));
    };
    edit(&mut eve, "said by eve");
    eve.expect("* FAIL EDIT EDIT_FORBIDDEN *");
    eve.send("PRIVMSG #open :said by the next one");
    eve.expect("* PRIVMSG #open *");
    edit(&mut eve, "said by the next one");
    eve.expect("*EDIT #open *");
}
