//! One labelled command, one labelled answer; and the echo is the acknowledgement.

use chat_server::hub::Door;
use chat_tests::{
    script::check,
    world::{SimLog, World},
};

/// <https://ircv3.net/specs/extensions/echo-message>, labeled-response, message-tags
#[test]
fn the_echo_is_the_acknowledgement_and_carries_the_label() {
    check(
        "caps a echo-message labeled-response batch message-tags
         caps b message-tags
         a> JOIN #x
         b> JOIN #x
         a> @label=1;+draft/x=y;junk=z PRIVMSG #x :one
         a< @label=1;msgid=*;+draft/x=y :a!* PRIVMSG #x :one
         b< @msgid=*;+draft/x=y :a!* PRIVMSG #x :one
         a> PRIVMSG #x :two
         a< @msgid=* :a!* PRIVMSG #x :two
         a! * PRIVMSG #x :two
         a> @label=2 PRIVMSG nobody :three
         a< @label=2 :chat.local 401 a nobody *
         a> @label=3 PONG x
         a< @label=3 :chat.local ACK
         a> @label=4 MODE #x
         a< @label=4 :chat.local BATCH +1 labeled-response
         a< @batch=1 :chat.local 324 a #x +nt
         a< @batch=1 :chat.local 329 a #x *
         a< :chat.local BATCH -1
         a> @label=5 JOIN #y
         a< @label=5 :chat.local BATCH +2 labeled-response
         a< @batch=2 :a!* JOIN #y
         a< @batch=2 :chat.local 353 *
         a< @batch=2 :chat.local 366 *
         a< :chat.local BATCH -2
         a> @label=6;+draft/react=x TAGMSG #x
         a< @label=6;msgid=*;+draft/react=x :a!* TAGMSG #x
         b< @msgid=*;+draft/react=x :a!* TAGMSG #x
         a> @label=7 PRIVMSG a :self
         a< @label=7;msgid=* :a!* PRIVMSG a :self
         a< @msgid=* :a!* PRIVMSG a :self",
    );
}

/// What clients say to each other in tags (message-tags: "servers MUST relay client-only tags"): typing,
/// replies, the room a private message is about, reactions; whatever stands in them, to rooms and people.
/// <https://ircv3.net/specs/client-tags/typing>, reply, channel-context, react
#[test]
fn client_tags_are_passed_on_as_they_are() {
    check(
        "caps a message-tags echo-message
         caps b message-tags
         caps c server-time
         a> JOIN #x
         b> JOIN #x
         c> JOIN #x
         a> @+typing=active TAGMSG #x
         b< @msgid=*;+typing=active :a!* TAGMSG #x
         a> @+typing=paused TAGMSG b
         b< @msgid=*;+typing=paused :a!* TAGMSG b
         a> @+reply=1a2b PRIVMSG #x :I think so
         a< @msgid=*;+reply=1a2b :a!* PRIVMSG #x :I think so
         b< @msgid=*;+reply=1a2b :a!* PRIVMSG #x :I think so
         c< @time=* :a!* PRIVMSG #x :I think so
         c! *reply*
         a> @+channel-context=#x NOTICE b :in private
         b< @msgid=*;+channel-context=#x :a!* NOTICE b :in private
         a> @+draft/react=\\:\\s\\\\;+reply=1a2b;+no/value TAGMSG #x
         b< @msgid=*;+draft/react=\\:\\s\\\\;+reply=1a2b;+no/value :a!* TAGMSG #x
         a> @+reply=old;+reply=new PRIVMSG #x :which one
         b< @msgid=*;+reply=new :a!* PRIVMSG #x :which one
         a< @msgid=*;+reply=new :a!* PRIVMSG #x :which one
         a> @+reply=old;+reply=new TAGMSG b
         b! *reply=old*",
    );
}

#[test]
fn tags_alone_are_not_for_those_who_do_not_know_tags() {
    check(
        "a> JOIN #x
         caps b message-tags
         b> JOIN #x
         b> @+typing=active TAGMSG #x
         a! * TAGMSG *
         a> TAGMSG #x
         b< @msgid=* :a!* TAGMSG #x",
    );
}

/// <https://ircv3.net/specs/extensions/labeled-response>: one response with the label, or one batch.
#[test]
fn however_many_things_come_of_a_command_its_answer_is_one() {
    check(
        "caps a echo-message labeled-response batch
         b> PING x
         a> JOIN #x
         a> @label=1 PRIVMSG #x,nosuch,b :hello
         a< @label=1 :chat.local BATCH +1 labeled-response
         a< @batch=1 :chat.local 401 a nosuch *
         a< @batch=1 :a!* PRIVMSG #x :hello
         a< @batch=1 :a!* PRIVMSG b :hello
         a< :chat.local BATCH -1
         a! * PRIVMSG *
         a> @label=2 CAP LIST
         a< @label=2 :chat.local CAP a LIST :*
         a> @label=3 NOTICE nobody :are you there?
         a< @label=3 :chat.local 401 a nobody *
         a> @label=4 PRIVMSG nobody,nosuch :x
         a< @label=4 :chat.local BATCH +2 labeled-response
         a< @batch=2 :chat.local 401 a nobody *
         a< @batch=2 :chat.local 401 a nosuch *
         a< :chat.local BATCH -2
         a> @label=5 NONSENSE
         a< @label=5 :chat.local 421 a NONSENSE *
         a> @label=6 QUIT
         a< *ERROR *",
    );
}

/// RFC 2812 §3.3.2: nothing is ever answered to a notice by itself.
#[test]
fn a_notice_is_not_answered() {
    check(
        "a> PING x
         b> AWAY :lunch
         a> NOTICE b :psst
         b< :a!* NOTICE b :psst
         a! * 301 *
         a> NOTICE nobody :psst
         a! * 401 *
         a> PRIVMSG b :psst
         a< * 301 a b lunch",
    );
}

/// What happened between a command and its place in the log is seen in what it does.
#[test]
fn a_late_log_finds_people_changed() {
    check(
        "a> JOIN #x
         b> JOIN #x
         c> JOIN #x
         hold log
         a> KICK #x b :out
         b> NICK bob
         a< :b!* NICK bob
         a! * KICK *
         free log
         c< :a!* KICK #x bob :out
         b< :a!* KICK #x bob :out
         a> NAMES #x
         a< * 353 a = #x :@a c
         b> JOIN #x
         hold log
         a> MODE #x +vo bob c
         b> PART #x
         c> NICK cy
         free log
         cee> JOIN #x
         cee! * MODE *
         a< :a!* MODE #x +o cy
         a> NAMES #x
         a< * 353 a = #x :@a @cy cee
         hold log
         a> KICK #x cee :too late
         cee> PART #x
         free log
         c! * KICK *",
    );
}

#[test]
fn a_late_log_is_told_of_once_and_forgotten() {
    check(
        "caps a echo-message labeled-response batch standard-replies
         b> JOIN #x
         a> JOIN #x
         hold log
         a> @label=1 PRIVMSG #x :slow
         wait 16
         a< @label=1 :chat.local FAIL PRIVMSG MESSAGE_NOT_STORED #x :*it may still arrive*
         free log
         b< :a!* PRIVMSG #x :slow
         a< :a!* PRIVMSG #x :slow
         a! @label=1*
         hold log
         a> @label=2 PRIVMSG #x :lost
         wait 16
         a< @label=2 *
         wait 160
         free log
         b! * PRIVMSG #x :lost",
    );
}

/// What was said before a connection closed is said, whatever it had to wait for.
#[test]
fn last_words_are_heard() {
    let mut world = World::new(1, SimLog::default(), |_| ());
    for name in ["a", "b"] {
        world.open(name, Door::Irc);
        let lines = format!("NICK {name}\r\nUSER u 0 * :R\r\nJOIN #x\r\n");
        world.send_bytes(name, lines.as_bytes());
        world.settle();
        world.forget(name);
    }
    world.hold_log(true);
    // All in one go, and gone: the names must wait for the log, and what follows for the names.
    let lines = "PRIVMSG #x :one\r\nNAMES #x\r\nPRIVMSG #x :two\r\nQUIT :bye\r\n";
    world.send_bytes("b", lines.as_bytes());
    world.drop_connection("b");
    world.settle();
    world.hold_log(false);
    world.settle();
    for line in ["PRIVMSG #x :one", "PRIVMSG #x :two", "QUIT :Quit: bye"] {
        assert!(world.expect("a", &format!(":b!* {line}")), "{:#?}", world.transcript);
    }
    // A connection that just breaks.
    world.hold_log(true);
    world.open("c", Door::Irc);
    world.send_bytes("c", b"NICK c\r\nUSER u 0 * :R\r\nJOIN #x\r\n");
    world.settle();
    world.send_bytes("c", b"PRIVMSG #x :three\r\n");
    world.drop_connection("c");
    world.settle();
    world.hold_log(false);
    world.settle();
    for line in ["PRIVMSG #x :three", "QUIT :Connection lost*"] {
        assert!(world.expect("a", &format!(":c!* {line}")), "{:#?}", world.transcript);
    }
}

/// Nothing overtakes what was said before it: no refusal, no answer, no tags alone.
#[test]
fn answers_come_behind_the_messages_before_them() {
    check(
        "caps a echo-message message-tags
         caps b message-tags
         a> JOIN #x
         b> JOIN #x
         b> AWAY :lunch
         hold log
         a> PRIVMSG #x :one
         a> PRIVMSG nosuch :two
         a> PRIVMSG b :three
         a> @+draft/react=x TAGMSG #x
         a> PRIVMSG #x :four
         a! * 401 *
         a! * 301 *
         b! * TAGMSG *
         free log
         a< * PRIVMSG #x :one
         a< * 401 a nosuch *
         a< * 301 a b lunch
         a< * PRIVMSG b :three
         a< * TAGMSG #x
         a< * PRIVMSG #x :four
         b< * PRIVMSG #x :one
         b< * PRIVMSG b :three
         b< * TAGMSG #x
         b< * PRIVMSG #x :four",
    );
}

/// What is under way when a room or a person gets another name is delivered under that one.
#[test]
fn messages_go_to_the_names_of_the_moment() {
    check(
        "caps a echo-message draft/channel-rename
         caps b draft/channel-rename
         a> JOIN #old
         b> JOIN #old
         c> JOIN #old
         hold log
         a> RENAME #old #new
         b> PRIVMSG #old :under way
         b> PRIVMSG c :to you
         c> NICK cc
         c< :c!* NICK cc
         free log
         a< * RENAME #old #new *
         a< :b!* PRIVMSG #new :under way
         c< :b!* PRIVMSG #new :under way
         c< :b!* PRIVMSG cc :to you",
    );
}
