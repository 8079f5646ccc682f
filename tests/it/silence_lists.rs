//! `SILENCE`: whose direct messages and invitations somebody does not get; `+R`, which lets only accounts write; and what a room
//! refuses of whom: `+M` of guests, `+f` of who says too much.

use std::fmt::Write as _;

use chat_tests::{TestClient, TestServer, folder::TempFolder, script::check_with};

/// Plays a script that other servers have no words for.
fn play(script: &str) {
    check_with(script, |_| ());
}

const CAPS: &str = "batch message-tags server-time echo-message draft/multiline draft/chathistory";

#[test]
fn what_the_silenced_write_is_told_to_nobody_and_kept_for_nobody() {
    play(&format!(
        "caps ann {CAPS}
         ann> NS REGISTER correcthorse
         ann< * 900 *
         caps eve {CAPS}
         eve> JOIN #den
         eve> PRIVMSG ann :before
         ann< * :eve!* PRIVMSG ann :before
         ann> SILENCE +EVE
         ann< :ann!u@* SILENCE +EVE!*@*
         ann> SILENCE
         ann< :chat.local 271 ann ann EVE!*@*
         ann< :chat.local 272 ann :*
         // She is told nothing of it: all is as if it had arrived.
         eve> PRIVMSG ann :psst
         eve< @*msgid=* :eve!* PRIVMSG ann :psst
         eve> NOTICE ann :psst
         eve< * :eve!* NOTICE ann :psst
         eve> @+typing=active TAGMSG ann
         eve< * :eve!* TAGMSG ann
         eve> PRIVMSG ann :\u{1}VERSION\u{1}
         eve< * PRIVMSG ann :\u{1}VERSION\u{1}
         eve> BATCH +1 draft/multiline ann
         eve> @batch=1 PRIVMSG ann :psst
         eve> @batch=1 PRIVMSG ann :and more
         eve> BATCH -1
         eve< * PRIVMSG ann :and more
         eve> INVITE ann #den
         eve< * 341 eve ann #den
         ann! *eve!*
         ann> CHATHISTORY LATEST eve * 50
         ann< * BATCH +*
         ann< * PRIVMSG ann :before
         ann! *psst*
         ann> INVITE
         ann! *#den*
         // Where they are in one room, she is heard; and others are heard.
         ann> JOIN #den
         eve> PRIVMSG #den :to all
         ann< * PRIVMSG #den :to all
         bob> PRIVMSG ann :hello
         ann< * PRIVMSG ann :hello
         ann> SILENCE -eve
         ann< :ann!u@* SILENCE -eve!*@*
         ann> SILENCE
         ann! * 271 *
         eve> PRIVMSG ann :again
         ann< * PRIVMSG ann :again
         // What was lost is lost.
         ann> CHATHISTORY LATEST eve * 50
         ann< * PRIVMSG ann :before
         ann< * PRIVMSG ann :again
         ann! *psst*"
    ));
}

/// What was said before cannot be made to say something else; it can be taken back, without a word.
#[test]
fn what_the_silenced_edit_stays_as_it_was() {
    let folder = TempFolder::new("silences");
    let server = TestServer::with(|config| config.data = Some(folder.path().to_owned()));
    let caps =
        "message-tags echo-message batch draft/chathistory chat.local/edit draft/message-redaction";
    let mut ann = TestClient::register_with(&server, "ann", caps);
    let mut eve = TestClient::register_with(&server, "eve", caps);
    eve.send("PRIVMSG ann :before");
    let line = eve.expect("* PRIVMSG ann :before");
    let msgid = &line.split("msgid=").nth(1).unwrap()[..24];
    ann.expect("* PRIVMSG ann :before");
    ann.send("SILENCE eve");
    ann.expect("* SILENCE +eve!*@*");
    eve.send(&format!("EDIT ann {msgid} :psst"));
    eve.expect("* EDIT ann *");
    ann.send("CHATHISTORY LATEST eve * 50");
    ann.expect("* PRIVMSG ann :before");
    ann.expect("* BATCH -*");
    eve.send(&format!("REDACT ann {msgid} :psst"));
    let line = ann.expect("* REDACT ann *");
    assert!(!line.contains("psst"), "{line}");
}

#[test]
fn an_accounts_silences_are_on_all_its_devices_and_outlive_a_restart() {
    play(
        "ann> NS REGISTER correcthorse
         ann< * 900 *
         ann> SILENCE *!*@elsewhere.example
         ann< * SILENCE +*!*@elsewhere.example
         ann> SILENCE +~a:eve
         ann< * SILENCE +~a:eve
         // It is there, in any case.
         ann> SILENCE +~a:EVE
         ann! *SILENCE*
         restart
         login ann
         ann> SILENCE
         ann< * 271 ann ann *!*@elsewhere.example
         ann< * 271 ann ann ~a:eve
         ann< * 272 ann :*
         eve> NS REGISTER correcthorse
         eve< * 900 *
         eve> NICK other
         eve< * NICK *other
         eve> PRIVMSG ann :psst
         ann! *psst*
         ann> SILENCE -~a:eve
         ann< * SILENCE -~a:eve
         eve> PRIVMSG ann :now
         ann< * PRIVMSG ann :now
         restart
         login ann
         ann> SILENCE
         ann< * 271 ann ann *!*@elsewhere.example
         ann< * 272 ann :*
         // It ends with the account.
         ann> NS DROP ann correcthorse
         ann< * NOTICE ann :*
         restart
         ann> NS REGISTER correcthorse
         ann< * 900 *
         ann> SILENCE
         ann! * 271 *
         ann< * 272 ann :*",
    );
}

#[test]
fn a_guests_silences_go_with_them() {
    play(
        "gus> SILENCE +eve
         gus< * SILENCE +eve!*@*
         eve> PRIVMSG gus :psst
         gus! *psst*
         gus> QUIT
         new other
         other> NICK gus
         other> USER u 0 * :O
         other< * 001 gus *
         other> SILENCE
         other< * 272 gus :*
         other! * 271 *
         eve> PRIVMSG gus :hello
         other< * PRIVMSG gus :hello
         // One is never silent to oneself.
         other> SILENCE *!*@*
         other< * SILENCE +*!*@*
         other> PRIVMSG gus :a note
         other< * PRIVMSG gus :a note",
    );
}

/// There are 32, those on their way to the log among them; what is no mask is refused in words.
#[test]
fn silences_have_a_bound() {
    let mut script = "ann> NS REGISTER correcthorse
         ann< * 900 *
         new two
         two> CAP REQ sasl
         two> AUTHENTICATE PLAIN
         two> AUTHENTICATE AGFubgBjb3JyZWN0aG9yc2U=
         two< * 903 *
         two> NICK ann
         two> USER u 0 * :A
         two> CAP END
         two< * 001 *\n"
        .to_owned();
    for n in 0..31 {
        writeln!(script, "ann> SILENCE +one{n}").unwrap();
    }
    script += "two< :ann!u@* SILENCE +one30!*@*
         hold log
         ann> SILENCE +one31\n";
    script += "two> SILENCE +another
         two< :chat.local 511 ann another!*@* :*
         free log
         ann< * SILENCE +one31!*@*
         ann> SILENCE +another
         ann< :chat.local 511 ann another!*@* :*
         ann> SILENCE -one3
         ann< * SILENCE -one3!*@*
         ann> SILENCE +another
         ann< * SILENCE +another!*@*
         ann> SILENCE +~a:
         ann< *write +mask or -mask*
         ann> SILENCE +~m:eve
         ann< *write +mask or -mask*
         gus> ISUPPORT
         gus< * 005 gus * SILENCE=32 *\n";
    check_with(&script, |config| config.limits = config.limits.clone().unlimited());
}

/// `+R`: who is not logged in is told that they are not heard.
#[test]
fn who_reads_accounts_alone_is_written_to_by_accounts_alone() {
    play(
        "bob> NS REGISTER correcthorse
         bob< * 900 *
         bob> JOIN #den
         eve> JOIN #lair
         ann> PRIVMSG ann :before
         ann< * PRIVMSG ann :before
         eve> PRIVMSG ann :before
         ann< * PRIVMSG ann :before
         ann> MODE ann +R
         ann< * MODE ann +R
         ann> MODE ann
         ann< * 221 ann +Ri
         eve> PRIVMSG ann :psst
         eve< :chat.local 486 eve ann :*log in first*
         eve> TAGMSG ann
         eve> NOTICE ann :psst
         eve! * 486 eve ann :*NOTICE*
         eve> INVITE ann #lair
         eve< :chat.local 486 eve ann :*
         ann! *eve!*
         bob> PRIVMSG ann :hello
         ann< :bob!* PRIVMSG ann :hello
         bob> INVITE ann #den
         ann< :bob!* INVITE ann #den
         ann> PRIVMSG ann :a note
         ann< :ann!* PRIVMSG ann :a note
         ann> MODE ann -R
         ann< * MODE ann -R
         eve> PRIVMSG ann :now
         ann< :eve!* PRIVMSG ann :now",
    );
}

/// `+M`: guests are heard by no command, unless they have a rank.
#[test]
fn only_accounts_are_heard_where_a_room_says_so() {
    play(
        "ann> NS REGISTER correcthorse
         ann< * 900 *
         ann> JOIN #den
         bob> NS REGISTER correcthorse
         bob< * 900 *
         bob> JOIN #den
         eve> JOIN #den
         ann> MODE #den +M
         ann< * MODE #den +M
         eve> PRIVMSG #den :psst
         eve< :chat.local 404 eve #den :*only who is logged in speaks in it*
         eve> TOPIC #den :psst
         eve! *TOPIC*
         eve> PART #den :psst
         ann< :eve!* PART #den
         ann! *psst*
         eve> JOIN #den
         bob> PRIVMSG #den :hello
         ann< :bob!* PRIVMSG #den :hello
         ann> MODE #den +v eve
         ann< * MODE #den +v eve
         eve> PRIVMSG #den :with a voice
         ann< :eve!* PRIVMSG #den :with a voice
         // It is there again, as other modes are.
         ann> CS REGISTER #den
         ann< * NOTICE ann :*
         ann> MODE #den +f 5:10
         ann< * MODE #den +f 5:10
         restart
         login ann
         ann> JOIN #den
         ann< * 366 *
         ann> MODE #den
         ann< * 324 ann #den +Mntf 5:10",
    );
}

/// `+f`: what is more is refused, and told when it is not.
#[test]
fn a_room_takes_so_many_messages_of_one_person() {
    play(
        "ann> JOIN #den
         ann> MODE #den +f 3:30
         ann< * MODE #den +f 3:30
         eve> JOIN #den
         eve> PRIVMSG #den :one
         eve> PRIVMSG #den :two
         eve> NOTICE #den :three
         ann< * NOTICE #den :three
         eve> PRIVMSG #den :four
         eve< :chat.local 404 eve #den :*it takes 3 messages in 30 seconds: speak again in 10 seconds*
         ann! *four*
         // Neither who leaves and comes again, nor another guest from there, begins anew.
         eve> PART #den :psst
         ann< :eve!* PART #den
         eve> JOIN #den
         eve> PRIVMSG #den :four
         eve< :chat.local 404 eve #den :*
         // Others are counted by themselves, and who operates it is not.
         ann> PRIVMSG #den :1
         ann> PRIVMSG #den :2
         ann> PRIVMSG #den :3
         ann> PRIVMSG #den :4
         eve< * PRIVMSG #den :4
         wait 10
         eve> PRIVMSG #den :five
         ann< * PRIVMSG #den :five
         eve> PRIVMSG #den :six
         eve< :chat.local 404 eve #den :*
         wait 30
         eve> PRIVMSG #den :seven
         eve> PRIVMSG #den :eight
         eve> PRIVMSG #den :nine
         ann< * PRIVMSG #den :nine
         eve> PRIVMSG #den :ten
         eve< :chat.local 404 eve #den :*
         ann> MODE #den -f
         ann< * MODE #den -f
         eve> PRIVMSG #den :ten
         ann< * PRIVMSG #den :ten",
    );
    play(
        "ann> JOIN #den
         ann> MODE #den +f 0:30
         ann< :chat.local 696 ann #den f 0:30 :Write messages:seconds*
         ann> MODE #den +f 5
         ann< * 696 ann #den f 5 :*
         ann> MODE #den +f 101:30
         ann< * 696 *
         ann> MODE #den +f 5:3601
         ann< * 696 *
         ann> MODE #den +f 100:3600
         ann< * MODE #den +f 100:3600",
    );
}
