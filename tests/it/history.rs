//! The past, as it is told (<https://ircv3.net/specs/extensions/chathistory>).

use chat_tests::script::{check, check_with};

const CAPS: &str = "batch server-time message-tags draft/chathistory";

/// "LATEST", "BEFORE", "AFTER", "AROUND", "BETWEEN"; "The order of returned messages within the batch [...] SHOULD be
/// ascending time order"
#[test]
fn every_part_of_a_rooms_history_can_be_asked_for() {
    check(&format!(
        "caps a {CAPS}
         caps b {CAPS} echo-message
         a> JOIN #x
         b> JOIN #x
         b> PRIVMSG #x :one
         b> PRIVMSG #x :two
         b> NOTICE #x :three
         b> PRIVMSG #x :four
         b> PRIVMSG #x :five
         a> CHATHISTORY LATEST #x * 3
         a< :chat.local BATCH +* chathistory #x
         a< @batch=*time=*msgid=* :b!* NOTICE #x :three
         a< @batch=*time=*msgid=* :b!* PRIVMSG #x :four
         a< @batch=*time=*msgid=* :b!* PRIVMSG #x :five
         a< :chat.local BATCH -*
         a> CHATHISTORY LATEST #x timestamp=2000-01-01T00:00:00.000Z 2
         a< :chat.local BATCH +* chathistory #x
         a< * PRIVMSG #x :four
         a< * PRIVMSG #x :five
         a< :chat.local BATCH -*
         a> CHATHISTORY AFTER #x timestamp=2000-01-01T00:00:00.000Z 2
         a< :chat.local BATCH +* chathistory #x
         a< * PRIVMSG #x :one
         a< * PRIVMSG #x :two
         a< :chat.local BATCH -*
         a> CHATHISTORY BEFORE #x timestamp=2100-01-01T00:00:00.000Z 2
         a< :chat.local BATCH +* chathistory #x
         a< * PRIVMSG #x :four
         a< * PRIVMSG #x :five
         a< :chat.local BATCH -*
         a> CHATHISTORY BETWEEN #x timestamp=2000-01-01T00:00:00.000Z timestamp=2100-01-01T00:00:00.000Z 1
         a< :chat.local BATCH +* chathistory #x
         a< * PRIVMSG #x :one
         a< :chat.local BATCH -*
         a> CHATHISTORY BETWEEN #x timestamp=2100-01-01T00:00:00.000Z timestamp=2000-01-01T00:00:00.000Z 1
         a< :chat.local BATCH +* chathistory #x
         a< * PRIVMSG #x :five
         a< :chat.local BATCH -*
         a> CHATHISTORY AROUND #x timestamp=2000-01-01T00:00:00.000Z 2
         a< :chat.local BATCH +* chathistory #x
         a< * PRIVMSG #x :one
         a< * PRIVMSG #x :two
         a< :chat.local BATCH -*
         a> CHATHISTORY BEFORE #x msgid=nonsense 5
         a< :chat.local BATCH +* chathistory #x
         a< :chat.local BATCH -*"
    ));
}

/// "Errors and Warnings"
#[test]
fn what_cannot_be_looked_up_is_said() {
    check(&format!(
        "caps a {CAPS} standard-replies
         b> JOIN #x
         b> CHATHISTORY LATEST #x * 5
         b< :chat.local 421 b CHATHISTORY *
         a> CHATHISTORY
         a< :chat.local 461 a CHATHISTORY *
         a> CHATHISTORY DANCE #x * 5
         a< :chat.local FAIL CHATHISTORY INVALID_PARAMS DANCE *
         a> CHATHISTORY LATEST #x *
         a< :chat.local FAIL CHATHISTORY INVALID_PARAMS LATEST *
         a> CHATHISTORY LATEST #x * many
         a< :chat.local FAIL CHATHISTORY INVALID_PARAMS LATEST *
         a> CHATHISTORY BEFORE #x * 5
         a< :chat.local FAIL CHATHISTORY INVALID_PARAMS BEFORE *
         a> CHATHISTORY BEFORE #x timestamp=yesterday 5
         a< :chat.local FAIL CHATHISTORY INVALID_PARAMS BEFORE yesterday *
         a> CHATHISTORY BEFORE #x number=5 5
         a< :chat.local FAIL CHATHISTORY INVALID_MSGREFTYPE BEFORE #x *
         a> CHATHISTORY TARGETS msgid=1 msgid=2 5
         a< :chat.local FAIL CHATHISTORY INVALID_MSGREFTYPE TARGETS *
         a> CHATHISTORY LATEST #nowhere * 5
         a< :chat.local FAIL CHATHISTORY INVALID_TARGET LATEST #nowhere *
         a> CHATHISTORY LATEST #x * 5
         a< :chat.local FAIL CHATHISTORY INVALID_TARGET LATEST #x *
         a> CHATHISTORY LATEST nobody * 5
         a< :chat.local FAIL CHATHISTORY INVALID_TARGET LATEST nobody *
         a> ISUPPORT
         a< :chat.local 005 a *CHATHISTORY=100*
         a< :chat.local 005 a *MSGREFTYPES=msgid,timestamp*"
    ));
}

/// "messages sent between the current user and the target nickname, including outgoing messages"; "TARGETS"
#[test]
fn direct_messages_are_read_by_both_and_nobody_else() {
    check(&format!(
        "caps a {CAPS}
         caps b {CAPS}
         caps c {CAPS}
         a> JOIN #x
         a> PRIVMSG b :hello
         b< @* :a!* PRIVMSG b :hello
         b> PRIVMSG a :hi, how are you?
         a< @* :b!* PRIVMSG a :hi,*
         a> NICK aa
         a> PRIVMSG b :fine
         a> CHATHISTORY LATEST b * 10
         a< :chat.local BATCH +* chathistory b
         a< @batch=* :a!* PRIVMSG b :hello
         a< @batch=* :b!* PRIVMSG a :hi, *
         a< @batch=* :aa!* PRIVMSG b :fine
         a< :chat.local BATCH -*
         c> CHATHISTORY LATEST b * 10
         c< :chat.local BATCH +* chathistory b
         c< :chat.local BATCH -*
         a> PRIVMSG #x :last of all
         a> CHATHISTORY TARGETS timestamp=2000-01-01T00:00:00.000Z timestamp=2100-01-01T00:00:00.000Z 10
         a< :chat.local BATCH +* draft/chathistory-targets
         a< @batch=* :chat.local CHATHISTORY TARGETS b 20??-*
         a< @batch=* :chat.local CHATHISTORY TARGETS #x 20??-*
         a< :chat.local BATCH -*
         c> CHATHISTORY TARGETS timestamp=2000-01-01T00:00:00.000Z timestamp=2100-01-01T00:00:00.000Z 10
         c< :chat.local BATCH +* draft/chathistory-targets
         c< :chat.local BATCH -*
         b> QUIT
         new d
         d> CAP REQ :{CAPS}
         d> NICK b
         d> USER d 0 * :d
         d> CAP END
         d> CHATHISTORY LATEST aa * 10
         d< :chat.local BATCH +* chathistory aa
         d< :chat.local BATCH -*
         d! * PRIVMSG *"
    ));
}

/// "the server SHOULD send additional lines relevant to the chat history"; signs, topics and lines of several.
#[test]
fn changes_of_the_room_are_for_those_who_ask() {
    check(&format!(
        "caps a {CAPS} draft/event-playback draft/multiline
         caps b {CAPS}
         a> JOIN #x
         b> JOIN #x
         a> TOPIC #x :what it is about
         a> MODE #x +v b
         a> PRIVMSG @#x :for operators
         a> PRIVMSG +#x :for some
         a> @+draft/react=x PRIVMSG #x :with a tag
         a> BATCH +1 draft/multiline #x
         a> @batch=1 PRIVMSG #x :first
         a> @batch=1;draft/multiline-concat PRIVMSG #x :and on
         a> @batch=1 PRIVMSG #x :second
         a> BATCH -1
         b> CHATHISTORY LATEST #x * 10
         b< :chat.local BATCH +* chathistory #x
         b< @batch=* :a!* PRIVMSG +#x :for some
         b< @batch=*+draft/react=x* :a!* PRIVMSG #x :with a tag
         b< @batch=* :a!* PRIVMSG #x :first
         b< @batch=* :a!* PRIVMSG #x :and on
         b< @batch=* :a!* PRIVMSG #x :second
         b< :chat.local BATCH -*
         a> CHATHISTORY LATEST #x * 10
         a< :chat.local BATCH +* chathistory #x
         a< @batch=* :a!* TOPIC #x :what it is about
         a< @batch=* :a!* MODE #x +v b
         a< @batch=* :a!* PRIVMSG @#x :for operators
         a< @batch=* :a!* PRIVMSG +#x :for some
         a< @batch=* :a!* PRIVMSG #x :with a tag
         a< @batch=* :a!* BATCH +* draft/multiline #x
         a< @batch=* :a!* PRIVMSG #x :first
         a< @batch=*draft/multiline-concat* :a!* PRIVMSG #x :and on
         a< @batch=* :a!* PRIVMSG #x :second
         a< * BATCH -*
         a< :chat.local BATCH -*"
    ));
}

/// The stated rule: a room's history is its members'; that of a room which was closed when it ended is nobody's.
#[test]
fn history_is_for_members_and_ends_with_a_closed_room() {
    check(&format!(
        "caps a {CAPS}
         caps b {CAPS}
         a> JOIN #open
         a> PRIVMSG #open :in the open
         a> PART #open
         b> JOIN #open
         b> CHATHISTORY LATEST #open * 5
         b< :chat.local BATCH +* chathistory #open
         b< * :a!* PRIVMSG #open :in the open
         b< :chat.local BATCH -*
         a> JOIN #shut
         a> MODE #shut +i
         a> PRIVMSG #shut :among us
         a> INVITE b #shut
         b> JOIN #shut
         b> CHATHISTORY LATEST #shut * 5
         b< :chat.local BATCH +* chathistory #shut
         b< * :a!* PRIVMSG #shut :among us
         b< :chat.local BATCH -*
         a> KICK #shut b
         b> CHATHISTORY LATEST #shut * 5
         b< * FAIL CHATHISTORY INVALID_TARGET LATEST #shut *
         a> PART #shut
         b> JOIN #shut
         b> CHATHISTORY LATEST #shut * 5
         b< :chat.local BATCH +* chathistory #shut
         b< :chat.local BATCH -*
         b! * PRIVMSG *
         a> JOIN #old
         a> PRIVMSG #old :before
         a> RENAME #old #new
         a> PRIVMSG #new :behind
         a> CHATHISTORY LATEST #new * 5
         a< :chat.local BATCH +* chathistory #new
         a< * PRIVMSG #new :before
         a< * PRIVMSG #new :behind
         a< :chat.local BATCH -*"
    ));
}

/// A page has at most so many records, whatever is asked for; a large one is one batch all the same.
#[test]
fn a_page_has_a_bound() {
    use std::fmt::Write as _;

    let mut script = format!("caps a {CAPS}\na> JOIN #x\n");
    for n in 0..30 {
        writeln!(script, "a> PRIVMSG #x :{n} {}", "x".repeat(400)).unwrap();
    }
    script += "a> CHATHISTORY LATEST #x * 9999\na< :chat.local BATCH +* chathistory #x\n";
    for n in 5..30 {
        writeln!(script, "a< @batch=* PRIVMSG #x :{n} *").unwrap();
    }
    script += "a< :chat.local BATCH -*\na! * BATCH *";
    check_with(&script, |config| config.limits.history_page_max = 25);
}

/// "if a client requests this capability, the server (or bouncer) SHOULD NOT play back any history that would otherwise
/// be sent automatically"; and what is said while somebody comes is told them once.
#[test]
fn who_cannot_ask_is_shown_what_was_said() {
    check_with(
        "a> JOIN #x
         a> PRIVMSG #x :one
         a> PRIVMSG #x :two
         a> TOPIC #x :no message
         a> PRIVMSG #x :three
         a> PRIVMSG @#x :for operators
         b> JOIN #x
         b< :chat.local 366 *
         b< :chat.local NOTICE #x :Said here before you came, from 20*Z to 20*Z:
         b< :a!* PRIVMSG #x :two
         b< :a!* PRIVMSG #x :three
         b< :chat.local NOTICE #x :That was before you came.
         caps c server-time
         c> JOIN #x
         c< @time=* :c!* JOIN #x
         c< @time=* :a!* PRIVMSG #x :two
         c< @time=* :a!* PRIVMSG #x :three
         c! * NOTICE *
         caps d draft/chathistory server-time
         d> JOIN #x
         d< :chat.local 366 *
         d! * PRIVMSG *
         hold log
         a> PRIVMSG #x :under way
         e> JOIN #x
         free log
         e< :a!* PRIVMSG #x :three
         e< * NOTICE #x :That was*
         e< :a!* PRIVMSG #x :under way
         e! * PRIVMSG *",
        |config| config.limits.replay_max = 2,
    );
    check(
        "a> JOIN #lobby
         a> PRIVMSG #lobby :hello out there
         text z
         z> Zoe
         z< Welcome, Zoe!*
         z< * Said here before you came*
         z< *hello out there
         z< * That was before you came.",
    );
}

/// Who was in a room before is told what came since, once: not the latest again each time they come.
#[test]
fn what_was_said_before_is_told_once() {
    check_with(
        "ann> NS REGISTER correcthorse
         ann< * 900 *
         bob> JOIN #x
         bob> PRIVMSG #x :one
         ann> JOIN #x
         ann< :bob!* PRIVMSG #x :one
         bob> PRIVMSG #x :two
         ann< :bob!* PRIVMSG #x :two
         ann> PRIVMSG #x :own
         // Nothing was said meanwhile.
         ann> PART #x
         ann> JOIN #x
         ann< * 366 *
         ann! *PRIVMSG*
         drop ann
         bob> PRIVMSG #x :three
         login ann server-time
         ann> JOIN #x
         ann< @time=* :bob!* PRIVMSG #x :three
         ann! *PRIVMSG*
         ann> QUIT
         login ann server-time
         ann> JOIN #x
         ann< * 366 *
         ann! *PRIVMSG*
         // What is too much is its end.
         bob> KICK #x ann
         bob> PRIVMSG #x :four
         bob> PRIVMSG #x :five
         bob> PRIVMSG #x :six
         ann> JOIN #x
         ann< @time=* :bob!* PRIVMSG #x :five
         ann< @time=* :bob!* PRIVMSG #x :six
         // Not the one who was here before by that name.
         bob> PART #x
         bob> JOIN #x
         bob< :chat.local NOTICE #x :Said here before*
         bob< * :five
         bob< * :six",
        |config| config.limits.replay_max = 2,
    );
}

/// It holds when the server starts anew, and for who stays; another connection of theirs is told what it missed.
#[test]
fn what_was_said_before_is_told_once_behind_a_restart() {
    check(
        "ann> NS REGISTER correcthorse
         ann< * 900 *
         ann> NS STAY ON
         ann< * NOTICE *
         bob> NS REGISTER correcthorse
         bob> JOIN #x
         bob> PRIVMSG #x :one
         ann> JOIN #x
         ann< * :one
         bob> PRIVMSG #x :two
         ann< * :two
         ann> QUIT
         bob> PRIVMSG #x :three
         new phone
         phone> CAP REQ :sasl server-time
         phone> AUTHENTICATE PLAIN
         phone> AUTHENTICATE AGFubgBjb3JyZWN0aG9yc2U=
         phone< * 900 *
         phone> NICK ann
         phone> USER u 0 * :Ann
         phone> CAP END
         phone< * JOIN #x
         phone< * :three
         phone! *PRIVMSG*
         phone> NS STAY OFF
         phone< * NOTICE *
         restart
         login ann server-time
         ann> JOIN #x
         ann< * JOIN #x
         ann! *PRIVMSG*
         login bob server-time
         bob> JOIN #x
         bob< * JOIN #x
         bob! *PRIVMSG*
         bob> PRIVMSG #x :four
         ann< * :four
         ann! *PRIVMSG*",
    );
}

/// Old commands are not carried out again.
#[test]
fn programs_are_shown_nothing_of_the_past() {
    check(
        "ann> JOIN #x
         ann> PRIVMSG #x :!deploy
         bot> MODE bot +B
         bot> JOIN #x
         bot< * 366 *
         bot! *PRIVMSG*
         eve> NS REGISTER correcthorse
         eve< * 900 *
         eve> NS SET
         eve< * NOTICE eve :*
         eve> NS SET REPLAY maybe
         eve< * NOTICE eve :write SET REPLAY ON or SET REPLAY OFF
         eve> NS SET REPLAY OFF
         eve< * NOTICE eve :you are shown nothing *
         eve> JOIN #x
         eve< * 366 *
         eve! *PRIVMSG*
         eve> PART #x
         ann> PRIVMSG #x :!again
         restart
         ann> JOIN #y
         login eve
         eve> JOIN #x
         eve< * 366 *
         eve! *PRIVMSG*
         eve> NS SET REPLAY ON
         eve< * NOTICE eve :you are shown what was said *
         eve> PART #x
         ann> JOIN #x
         ann> PRIVMSG #x :later
         eve> JOIN #x
         eve< * :later
         eve! *PRIVMSG*",
    );
}

/// What was sent to who gave no sign of life has not been read: better twice than never.
#[test]
fn what_was_sent_into_a_broken_connection_is_told_again() {
    check(
        "ann> NS REGISTER correcthorse
         ann< * 900 *
         bob> JOIN #x
         bob> PRIVMSG #x :one
         ann> JOIN #x
         ann< * :one
         wait 91
         ann< PING *
         bob> PING x
         bob> PRIVMSG #x :two
         ann< * :two
         wait 61
         bob< :ann!* QUIT :*
         bob> PRIVMSG #x :three
         login ann server-time
         ann> JOIN #x
         ann< * :two
         ann< * :three
         ann! *PRIVMSG*",
    );
}

/// What is acknowledged to somebody can be read by them, whoever said it and whatever became of the sender: an account reads
/// what guests have told it, also when they have gone, and nobody else does.
#[test]
fn what_a_guest_has_told_an_account_stays_to_be_read_by_it() {
    let login = "login ann draft/chathistory batch chat.local/changes";
    check(&format!(
        "ann> NS REGISTER correcthorse
         ann< * 900 *
         ann> NS STAY ON
         ann< * NOTICE *
         ann> QUIT
         bob> PRIVMSG ann :important first
         bob< * 301 bob ann :Not connected: what you write can be read later
         bob> QUIT
         caps bob draft/chathistory batch chat.local/changes
         bob> PRIVMSG ann :important second
         bob< * 301 *
         // Who is called so later reads nothing of before, and neither does the guest who wrote it.
         bob> CHATHISTORY LATEST ann * 5
         bob< * BATCH +* chathistory ann
         bob< * :important second
         bob< * BATCH -*
         bob> SEARCH important
         bob! *first*
         bob> QUIT
         bob< ERROR *
         caps bob draft/chathistory batch chat.local/changes
         {login}
         ann> CHATHISTORY LATEST bob * 5
         ann< * BATCH +* chathistory bob
         ann< @batch=* :bob!* PRIVMSG ann :important first
         ann< @batch=* :bob!* PRIVMSG ann :important second
         ann< * BATCH -*
         ann> CHATHISTORY LATEST Bob * 1
         ann< * BATCH +* chathistory Bob
         ann! *first*
         ann< * :important second
         ann> CHATHISTORY AFTER bob timestamp=2020-01-01T00:00:00.000Z 1
         ann< * :important first
         ann< * BATCH -*
         ann! *second*
         ann> CHATHISTORY TARGETS timestamp=2020-01-01T00:00:00.000Z timestamp=2100-01-01T00:00:00.000Z 9
         ann< * CHATHISTORY TARGETS bob *
         ann! * CHATHISTORY TARGETS *
         ann> CHANGES * * 50
         ann< * :important first
         ann< * :important second
         ann> CHANGES bob * 50
         ann< * :important first
         ann< * :important second
         ann> SEARCH important
         ann< * <bob> important first
         ann< * <bob> important second
         // Whoever is called so now may talk with her, and reads nothing.
         bob> CHATHISTORY LATEST ann * 5
         bob< * BATCH -*
         bob! *important*
         bob> CHANGES * * 50
         bob< * BATCH -*
         bob> SEARCH important
         bob< * :Nothing was found *
         bob! *important*
         eve> NS REGISTER correcthorse
         eve< * 900 *
         eve> SEARCH important
         eve< * :Nothing was found *"
    ));
    check(&format!(
        "ann> NS REGISTER correcthorse
         ann< * 900 *
         eve> NICK eve2
         bob> PRIVMSG ann :important first
         eve> PRIVMSG bob :between guests
         bob< * :between guests
         bob> QUIT
         restart
         {login}
         caps bob draft/chathistory batch
         ann> CHATHISTORY LATEST bob * 5
         ann< * :important first
         ann< * BATCH -*
         bob> CHATHISTORY LATEST ann * 5
         bob< * BATCH -*
         bob> SEARCH guests
         bob! *important*
         bob! *between*
         // With the account it ends.
         ann> NS DROP ann correcthorse
         ann< * 901 *
         ann> NS REGISTER correcthorse
         ann< * 900 *
         ann> CHATHISTORY LATEST bob * 5
         ann< * BATCH -*
         ann! *important*"
    ));
}

/// docs/idempotent-send.md
#[test]
fn a_message_with_a_nonce_is_there_once() {
    let longest = "n".repeat(64);
    check(&format!(
        "caps a {CAPS} chat.local/nonce echo-message labeled-response standard-replies draft/multiline
         caps b message-tags
         caps c chat.local/nonce message-tags
         a> JOIN #x
         b> JOIN #x
         c> JOIN #x
         a> @label=1;+chat.local/nonce=abc PRIVMSG #x :once
         a< @label=1;*msgid=*+chat.local/nonce=abc* :a!* PRIVMSG #x :once
         b< @*+chat.local/nonce=abc* :a!* PRIVMSG #x :once
         a> @label=2;+chat.local/nonce=abc PRIVMSG #x :once
         a< @label=2;*msgid=*+chat.local/nonce=abc* :a!* PRIVMSG #x :once
         a> @+chat.local/nonce=abc PRIVMSG #x :once
         a< @*msgid=*+chat.local/nonce=abc* :a!* PRIVMSG #x :once
         c> @+chat.local/nonce=abc PRIVMSG #x :somebody else's
         c> PING :nothing
         c< *PONG*nothing
         b! * PRIVMSG *
         a> @+chat.local/nonce=abc PRIVMSG b :elsewhere it is new
         b< @* :a!* PRIVMSG b :elsewhere *
         b> @+chat.local/nonce=abc PRIVMSG #x :who has not asked for it sends what they send
         a< @* :b!* PRIVMSG #x :who *
         a> @+chat.local/nonce={longest} BATCH +1 draft/multiline #x
         a> @batch=1 PRIVMSG #x :several
         a> @batch=1 PRIVMSG #x :lines
         a> BATCH -1
         b< @* :a!* PRIVMSG #x :several
         b< :a!u@* PRIVMSG #x :lines
         a> @+chat.local/nonce={longest} BATCH +2 draft/multiline #x
         a> @batch=2 PRIVMSG #x :several
         a> BATCH -2
         b! * PRIVMSG *
         a> @+chat.local/nonce={longest}n PRIVMSG #x :too long
         a< * FAIL PRIVMSG INVALID_NONCE nnn*
         a> @+chat.local/nonce=a.b NOTICE #x :no sign
         a< * FAIL NOTICE INVALID_NONCE a.b *
         b! * PRIVMSG *
         a> CHATHISTORY LATEST #x * 10
         a< :chat.local BATCH +* chathistory #x
         a< @batch=*+chat.local/nonce=abc* :a!* PRIVMSG #x :once
         a< @batch=* :b!* PRIVMSG #x :who *
         a< @batch=* :a!* BATCH +* draft/multiline #x"
    ));
}

/// What was written for operators is for those who were there; what a room that was closed said is told to nobody who
/// takes its name, however slow the disk is; and a nonce is one for each sign.
#[test]
fn who_comes_first_into_an_empty_room_is_not_told_what_was_for_some() {
    check(&format!(
        "caps a {CAPS} chat.local/nonce echo-message
         caps b {CAPS}
         a> JOIN #x
         a> PRIVMSG @#x :for operators
         a> PRIVMSG #x :for all
         a> @+chat.local/nonce=n PRIVMSG #x,@#x :both
         a< @* PRIVMSG #x :both
         a< @* PRIVMSG @#x :both
         a> CHATHISTORY LATEST #x * 9
         a< :chat.local BATCH +* chathistory #x
         a< @batch=* PRIVMSG @#x :for operators
         a< @batch=* PRIVMSG #x :for all
         a< @batch=* PRIVMSG #x :both
         a< @batch=* PRIVMSG @#x :both
         a< :chat.local BATCH -*
         a> PART #x
         b> JOIN #x
         b> CHATHISTORY LATEST #x * 9
         b< :chat.local BATCH +* chathistory #x
         b< @batch=* PRIVMSG #x :for all
         b< @batch=* PRIVMSG #x :both
         b< :chat.local BATCH -*
         b! * PRIVMSG @*"
    ));
}

/// A page has at most so many bytes too, and one message at least.
#[test]
fn long_messages_make_short_pages() {
    use std::fmt::Write as _;

    let mut script = format!("caps a {CAPS} draft/multiline\na> JOIN #x\n");
    for n in 0..30 {
        writeln!(script, "a> BATCH +{n} draft/multiline #x").unwrap();
        for _ in 0..40 {
            writeln!(script, "a> @batch={n} PRIVMSG #x :{n} {}", "x".repeat(380)).unwrap();
        }
        writeln!(script, "a> BATCH -{n}").unwrap();
    }
    // Twelve make 256 KiB, and one of them is most of 32.
    script += "a> CHATHISTORY LATEST #x * 30
         a< :chat.local BATCH +* chathistory #x
         a! * PRIVMSG #x :17 *
         a< * PRIVMSG #x :18 *
         a< * PRIVMSG #x :29 *
         b> JOIN #x
         b< * NOTICE #x :Said here *
         b! * PRIVMSG #x :28 *
         b< * PRIVMSG #x :29 *";
    check(&script);
}
