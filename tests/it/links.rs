//! Links into rooms: made with ChanServ, and opened by anyone's program.

use std::str::FromStr;

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use chat_core::proto::Link;
use chat_tests::{TestClient, TestServer, folder::TempFolder, script::check};

/// The answer of ChanServ, without its name.
fn answer(client: &mut TestClient, mask: &str) -> String {
    let line = client.expect(&format!(":ChanServ!* NOTICE {mask} *"));
    line.split_once(" :").unwrap().1.to_owned()
}

fn link_in(text: &str) -> Link {
    let word = text.split(' ').find(|word| word.starts_with("irc")).unwrap();
    Link::from_str(word).unwrap()
}

fn join(client: &mut TestClient, link: &Link) {
    client.send(&format!("JOIN {} {}", link.room, link.key.as_deref().unwrap()));
}

fn log_in(server: &TestServer, name: &str) -> TestClient {
    let mut client = TestClient::connect(server.address());
    let response = BASE64.encode(format!("\0{name}\0correcthorse"));
    client.send("CAP REQ :sasl");
    client.send("AUTHENTICATE PLAIN");
    client.send(&format!("AUTHENTICATE {response}"));
    client.expect("* 900 *");
    client.send(&format!("NICK {name}"));
    client.send("USER u 0 * :A");
    client.send("CAP END");
    client.expect("* 001 *");
    client
}

#[test]
fn a_link_opens_a_room_for_so_many() {
    let folder = TempFolder::new("links");
    let start = || {
        TestServer::with(|config| {
            config.data = Some(folder.path().to_owned());
            config.public_address = Some("chat.example.org:6667".into());
        })
    };
    let server = start();
    let mut ann = TestClient::register(&server, "ann");
    ann.send("NS REGISTER correcthorse");
    ann.expect("* 900 *");
    ann.send("JOIN #den");
    ann.send("MODE #den +ikA secret");
    ann.expect("* MODE #den +ikA secret");
    ann.send("CS LINK #den 2 1h");
    assert!(answer(&mut ann, "@#den").starts_with("ann has made a link into #den, until "));
    let told = answer(&mut ann, "ann");
    assert!(told.ends_with(", for 2 more)"), "{told}");
    let link = link_in(&told);
    assert_eq!(link.address, "chat.example.org:6667");
    assert!(!link.is_secure && link.fingerprint.is_none());
    // It is no key for others, and none of another room.
    let mut bob = TestClient::register(&server, "bob");
    bob.send("JOIN #den secrets");
    bob.expect("* 473 *");
    join(&mut bob, &link);
    bob.expect("* 366 bob #den *");
    drop((ann, server));
    // One may still come, also after the server was away.
    let server = start();
    let mut carl = TestClient::register(&server, "carl");
    carl.send("NS REGISTER correcthorse");
    carl.expect("* 900 *");
    join(&mut carl, &link);
    carl.expect("* 366 carl #den *");
    // An account that came in by a link comes again, without the room's key.
    carl.send("PART #den");
    carl.send("JOIN #den");
    carl.expect("* 366 carl #den *");
    let mut dora = TestClient::register(&server, "dora");
    join(&mut dora, &link);
    dora.expect("* 473 *");
    // An account may come again.
    let mut ann = log_in(&server, "ann");
    ann.send("JOIN #den");
    ann.expect("* 366 ann #den *");
    ann.send("MODE #den I");
    ann.expect("* 346 ann #den ~a:carl *");
    ann.send("CS LINKS #den");
    assert_eq!(answer(&mut ann, "ann"), "there are no links into #den");
    // What is ended leads nowhere.
    ann.send("CS LINK #den");
    let told = answer(&mut ann, "ann");
    assert!(told.ends_with(", for as many as want to)"), "{told}");
    let link = link_in(&told);
    join(&mut dora, &link);
    dora.expect("* 366 dora #den *");
    ann.send("CS LINKS #den");
    assert_eq!(link_in(&answer(&mut ann, "ann")), link);
    ann.send("CS UNLINK #den 2");
    assert_eq!(answer(&mut ann, "ann"), "there is no such link: write LINKS");
    ann.send("CS UNLINK #den 1");
    answer(&mut ann, "@#den");
    assert_eq!(answer(&mut ann, "ann"), "the link leads nowhere now");
    dora.send("PART #den");
    join(&mut dora, &link);
    dora.expect("* 473 *");
}

#[test]
fn a_link_is_no_way_around_a_ban() {
    let server = TestServer::start();
    let mut ann = TestClient::register(&server, "ann");
    ann.send("JOIN #den");
    ann.send("CS LINK #den");
    let link = link_in(&answer(&mut ann, "ann"));
    // The address of this computer, as the server knows it.
    assert_eq!(link.address, server.address().to_string());
    ann.send("MODE #den +b bob!*@*");
    ann.expect("* MODE #den +b *");
    let mut bob = TestClient::register(&server, "bob");
    join(&mut bob, &link);
    bob.expect("* 474 *");
}

#[test]
fn a_link_over_tls_has_the_fingerprint_of_a_certificate_that_the_server_has_made() {
    let folder = TempFolder::new("links-tls");
    let server = TestServer::with(|config| {
        config.tls_listen = vec!["127.0.0.1:0".into()];
        let names = vec!["localhost".into()];
        config.tls =
            Some(chat_server::TlsSource::SelfSigned { folder: folder.path().to_owned(), names });
    });
    let mut ann = TestClient::register(&server, "ann");
    ann.send("JOIN #den");
    ann.send("CS LINK #den");
    let link = link_in(&answer(&mut ann, "ann"));
    assert!(link.is_secure);
    assert_eq!(link.fingerprint, server.fingerprint());
    assert_eq!(link.address, server.tls_address().to_string());
}

#[test]
fn links_are_those_of_who_operates_the_room() {
    check(
        "ann> JOIN #den
         ann< * 366 *
         bob> CS LINK #den
         bob< * NOTICE bob :you do not operate #den
         bob> CS LINKS #den
         bob< * NOTICE bob :you do not operate #den
         ann> CS LINK #den soon
         ann< * NOTICE ann :write LINK #room [time] [uses], *
         ann> CS LINK #den 2y
         ann< * NOTICE ann :write LINK *
         ann> CS LINK #den 0
         ann< * NOTICE ann :write LINK *
         ann> CS UNLINK #den x
         ann< * NOTICE ann :there is no such link: write LINKS",
    );
}

#[test]
fn links_end_by_themselves_and_there_are_only_so_many() {
    let many = "ann> CS LINK #den 1m\nann< * NOTICE ann :irc* (until *\n".repeat(100);
    check(&format!(
        "ann> JOIN #den
         {many}
         ann> CS LINK #den
         ann< * NOTICE ann :there are as many links as there may be: end one first
         wait 61
         ann> CS LINKS #den
         ann< * NOTICE ann :there are no links into #den
         ann> CS LINK #den
         ann< * NOTICE ann :irc* (until *"
    ));
}

/// Nobody comes in by a link once more than it is for, however slow the log is; and one that is ended stays so.
#[test]
fn uses_are_counted_when_they_are_asked_for() {
    let server = TestServer::start();
    let mut ann = TestClient::register(&server, "ann");
    ann.send("NS REGISTER correcthorse");
    ann.expect("* 900 *");
    ann.send("JOIN #den");
    ann.send("MODE #den +i");
    ann.expect("* MODE #den +i");
    ann.send("CS LINK #den 2");
    answer(&mut ann, "@#den");
    let link = link_in(&answer(&mut ann, "ann"));
    let mut guests: Vec<TestClient> =
        (0..4).map(|number| TestClient::register(&server, &format!("g{number}"))).collect();
    guests.iter_mut().for_each(|guest| join(guest, &link));
    let mut n_in = 0;
    for guest in &mut guests {
        guest.send("PING done");
        while let Some(line) = guest.next_line() {
            n_in += usize::from(line.contains(" 366 ") && line.contains("#den"));
            if line.contains("PONG") {
                break;
            }
        }
    }
    assert_eq!(n_in, 2);
    // Who needs none uses none.
    ann.send("CS LINK #den 1");
    answer(&mut ann, "@#den");
    let link = link_in(&answer(&mut ann, "ann"));
    ann.send("MODE #den -i");
    ann.expect("* MODE #den -i");
    let mut open = TestClient::register(&server, "open");
    join(&mut open, &link);
    open.expect("* 366 open #den *");
    ann.send("CS LINKS #den");
    assert!(answer(&mut ann, "ann").ends_with("for one more"));
}
