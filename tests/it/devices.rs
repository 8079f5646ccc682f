//! One account on several connections under one nick.

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use chat_tests::script::{check, check_with};

const PASSWORD: &str = "correcthorse";

/// `name` connects as Ann, who has registered, with these capabilities.
fn device(name: &str, caps: &str) -> String {
    let response = BASE64.encode(format!("\0ann\0{PASSWORD}"));
    format!(
        "new {name}
         {name}> CAP REQ :sasl {caps}
         {name}< * CAP * ACK *
         {name}> AUTHENTICATE PLAIN
         {name}> AUTHENTICATE {response}
         {name}< * 900 *
         {name}> NICK ann
         {name}> USER u 0 * :Ann
         {name}> CAP END
         {name}< * 001 ann *\n"
    )
}

const REGISTERED: &str = "ann> NS REGISTER correcthorse\nann< * 900 *\n";

#[test]
fn a_second_connection_is_the_same_person() {
    check(&format!(
        "{REGISTERED}
         ann> JOIN #x,#y
         ann< * 366 ann #y *
         ann> TOPIC #x :what it is about
         ann< * TOPIC #x *
         bob> JOIN #x
         bob< * 366 bob #x *
         {}
         // It is told where it is, and nobody else is told anything.
         phone< :ann!u@127.0.0.1 JOIN #x
         phone< :ann!u@127.0.0.1 JOIN #y
         phone< * 332 ann #x :what it is about
         phone< * 353 ann = #x :@ann bob
         phone< * 366 ann #y *
         bob! *JOIN*
         bob> NAMES #x
         bob< * 353 bob = #x :@ann bob
         bob> WHOIS ann
         bob< * 311 bob ann *
         bob< * 318 *
         bob> LUSERS
         bob< * 251 bob :There are 0 users and 2 invisible*
         // What is said to one of them both read, and what one of them says the other one reads.
         bob> PRIVMSG #x :to the room
         ann< :bob!* PRIVMSG #x :to the room
         phone< :bob!* PRIVMSG #x :to the room
         bob> PRIVMSG ann :to both
         ann< :bob!* PRIVMSG ann :to both
         phone< :bob!* PRIVMSG ann :to both
         phone> PRIVMSG #x :on the way
         ann< :ann!u@127.0.0.1 PRIVMSG #x :on the way
         bob< :ann!u@127.0.0.1 PRIVMSG #x :on the way
         phone! *on the way*
         ann> PRIVMSG bob :from home
         phone< :ann!u@127.0.0.1 PRIVMSG bob :from home
         bob< :ann!u@127.0.0.1 PRIVMSG bob :from home
         ann! *from home*
         ann> PRIVMSG @#x :for operators
         phone< * PRIVMSG @#x :for operators
         ann> PRIVMSG ann :a note
         ann< * PRIVMSG ann :a note
         phone< * PRIVMSG ann :a note
         // With one of them gone she is still here.
         drop ann
         bob! *QUIT*
         bob> PRIVMSG ann :still there
         phone< * PRIVMSG ann :still there
         phone> QUIT :bye
         bob< :ann!* QUIT :Quit: bye",
        device("phone", "")
    ));
}

#[test]
fn what_is_done_on_one_is_done_on_all() {
    check(&format!(
        "{REGISTERED}
         {}
         bob> JOIN #z
         bob> TOPIC #z :deep
         bob< * TOPIC #z *
         phone> JOIN #z
         phone< * 366 ann #z *
         ann< :ann!u@127.0.0.1 JOIN #z
         ann< * 332 ann #z deep
         ann< * 353 ann = #z :ann @bob
         bob< :ann!* JOIN #z
         bob! *JOIN*
         ann> NICK anna
         phone< :ann!* NICK anna
         bob< :ann!* NICK anna
         bob! *NICK*
         phone> NICK ann
         ann< :anna!* NICK ann
         phone> MODE ann -i
         ann< :ann!* MODE ann -i
         phone> SETNAME :Ann of all
         bob> WHOIS ann
         bob< * 311 * :Ann of all
         ann> PART #z :that will do
         phone< :ann!* PART #z :that will do
         bob< :ann!* PART #z :that will do
         ann> JOIN #z
         phone< :ann!* JOIN #z
         bob> KICK #z ann :out
         ann< * KICK #z ann :out
         phone< * KICK #z ann :out
         // Both are ended by an operator of the server, and by their owner.
         phone> NS SESSIONS
         phone< * NOTICE ann :1: ann from 127.0.0.1, *
         phone< * NOTICE ann :2: ann from 127.0.0.1, *(this one)
         phone> NS END 1
         ann< ERROR :Session ended by its owner
         bob! *QUIT*
         phone> PING x
         phone< * PONG *",
        device("phone", "")
    ));
}

/// Away is who is away wherever they are.
#[test]
fn one_is_away_from_all_of_them() {
    check(&format!(
        "{REGISTERED}
         caps bob away-notify
         ann> JOIN #x
         bob> JOIN #x
         bob< * 366 *
         {}
         phone> AWAY :in the pocket
         phone< * 306 *
         bob! *AWAY*
         ann> AWAY :gone home
         ann< * 306 *
         bob< :ann!* AWAY :gone home
         bob> PRIVMSG ann :where are you
         bob< * 301 bob ann :gone home
         phone> AWAY
         phone< * 305 *
         bob< :ann!* AWAY
         phone> AWAY :in the pocket
         bob< :ann!* AWAY :in the pocket
         ann> QUIT
         bob! *QUIT*
         bob! *AWAY*
         {}
         bob< :ann!* AWAY
         tablet> QUIT
         bob< :ann!* AWAY :in the pocket",
        device("phone", ""),
        device("tablet", "")
    ));
}

/// What a client asks for is its own: capabilities, labels, lists.
#[test]
fn each_connection_has_what_it_asked_for() {
    check(
        &format!(
            "{REGISTERED}
         {}
         phone> MONITOR + bob
         phone< * 731 *
         bob> JOIN #x
         phone< * 730 * :bob!*
         ann! *730*
         ann> MONITOR L
         ann< * 733 *
         ann! * 732 *
         @label=1 phone> PING x",
            device("phone", "echo-message labeled-response batch server-time message-tags")
        )
        .replace(
            "@label=1 phone> PING x",
            "phone> @label=1 JOIN #x
         phone< @*label=1* BATCH +1 labeled-response
         ann< :ann!* JOIN #x
         phone> @label=2 PRIVMSG #x :hello
         phone< @*label=2* :ann!* PRIVMSG #x :hello
         ann< :ann!* PRIVMSG #x :hello
         phone> NS LOGOUT
         phone< * NICK USR1
         ann! * NICK *",
        ),
    );
}

/// Staying without a connection is one's choice.
#[test]
fn one_may_stay_without_a_connection() {
    check(&format!(
        "{REGISTERED}
         ann> NS STAY maybe
         ann< * NOTICE ann :write STAY ON or STAY OFF
         ann> NS STAY ON
         ann< * NOTICE ann :you stay here*
         ann> JOIN #x
         bob> JOIN #x
         bob< * 366 *
         caps bob2 away-notify
         bob2> JOIN #x
         bob2< * 366 *
         drop ann
         bob! *QUIT*
         bob2< :ann!* AWAY :Not connected: *
         bob> PRIVMSG ann :for later
         bob< * 301 bob ann :Not connected: *
         bob> PRIVMSG #x :for all
         bob> WHOIS ann
         bob< * 319 bob ann @#x
         bob< * 318 *
         bob! * 671 *
         {}
         phone< :ann!* JOIN #x
         bob2< :ann!* AWAY
         bob! *JOIN*
         phone> CHATHISTORY LATEST bob * 5
         phone> NS STAY OFF
         phone< * NOTICE ann :you leave with the last*
         phone> QUIT :over
         bob< :ann!* QUIT :Quit: over
         {}
         pad> NS STAY ON
         pad< * NOTICE *
         drop pad
         bob> PRIVMSG ann :hello
         bob< * 301 *
         {}
         pod> NS DROP ann correcthorse
         pod< * 901 *
         pod> QUIT
         bob> PRIVMSG ann :hello
         bob< * 401 *",
        device("phone", "draft/chathistory batch"),
        device("pad", ""),
        device("pod", "")
    ));
}

/// Who stays also stays when the server starts anew: with their nick, in their rooms, with what they may do there.
#[test]
fn who_stays_is_there_behind_a_restart() {
    check(&format!(
        "{REGISTERED}
         bob> NS REGISTER correcthorse
         bob< * 900 *
         ann> NS STAY ON
         ann< * NOTICE *
         bob> JOIN #x
         bob> JOIN #shut
         bob> JOIN #out
         ann> JOIN #d
         ann> JOIN #x
         ann> JOIN #shut
         ann> JOIN #out
         ann> JOIN #left
         ann> PART #left
         bob> MODE #x +v ann
         bob> MODE #shut +ik key
         bob> MODE #out +b nobody!*@*
         bob> RENAME #shut #closed
         ann< * MODE #out *
         ann> QUIT
         restart
         login bob
         bob> PRIVMSG ann :hi
         bob< * 301 bob ann :Not connected: *
         bob> JOIN #d
         bob< * 353 bob = #d :@ann bob
         bob> JOIN #x
         bob< * 353 bob = #x :+ann @bob
         bob> JOIN #closed
         bob> JOIN #out
         bob< * 366 bob #out *
         bob> WHOIS ann
         bob< * 311 bob ann u 127.0.0.1 * :Real Name
         bob< * 319 bob ann :@#d +#x #closed #out
         bob< * 330 bob ann ann *
         // Nobody else takes the nick.
         new eve
         eve> NICK ann
         eve> USER u 0 * :Eve
         eve< * 433 * ann *
         // And again: nothing has changed, but for who was put out.
         bob> CS BAN #out ann 1h
         bob< * KICK #out ann *
         restart
         login bob
         bob> JOIN #out
         bob< * 353 bob = #out @bob
         {}
         phone< :ann!u@127.0.0.1 JOIN #d
         phone< :ann!u@127.0.0.1 JOIN #x
         phone< :ann!u@127.0.0.1 JOIN #closed
         phone! * JOIN #out
         phone> NS STAY OFF
         phone< * NOTICE *
         phone> QUIT
         restart
         eve> WHOIS ann
         eve< * 401 eve ann *
         // Nor was anything kept of her but what is written to her account.
         eve> PRIVMSG ann :hi
         eve< * 301 eve ann :Not here: *",
        device("phone", "")
    ));
}

/// What is written to an account is kept for it, whether it stays or is not here at all, and shown once, also to programs that
/// cannot ask; as much of it as there may be.
#[test]
fn what_was_written_to_somebody_who_is_not_here_is_shown_to_them_once() {
    let another = device("phone", "server-time");
    let third = device("pad", "");
    let fourth = device("pod", "draft/chathistory batch");
    check_with(
        &format!(
            "{REGISTERED}
             bob> NS REGISTER correcthorse
             bob< * 900 *
             bob> PRIVMSG ann :before
             ann> PRIVMSG bob :own
             ann> QUIT
             ann< ERROR *
             bob> PRIVMSG nobody :hello
             bob< * 401 bob nobody *
             bob> PRIVMSG Ann :first
             bob< * 301 bob ann :Not here: what you write is kept, and shown to them when they come
             bob> NOTICE ann :second
             bob! * 301 *
             eve> PRIVMSG ann :from a guest
             eve< * 301 *
             eve> QUIT
             bob> TAGMSG ann
             bob> PRIVMSG ann :fourth
             bob< * NOTICE bob :your message to ann was not delivered: they are not here, and 3 messages wait for them already
             bob! * 301 *
             {another}
             phone< @time=* :bob!* PRIVMSG ann :first
             phone< @time=* :bob!* NOTICE ann :second
             phone< @time=* :eve!* PRIVMSG ann :from a guest
             phone! * PRIVMSG ann *
             bob> PRIVMSG ann :live
             phone< * :live
             phone> NS STAY ON
             phone< * NOTICE *
             phone> QUIT
             phone< ERROR *
             bob> PRIVMSG ann :while she stays
             bob< * 301 bob ann :Not connected*
             {third}
             pad< :chat.local NOTICE ann :Said to you while you were not here, from *
             pad< :bob!* PRIVMSG ann :while she stays
             pad< :chat.local NOTICE ann :That was said *
             pad! * PRIVMSG ann *
             pad> NS STAY OFF
             pad< * NOTICE *
             pad> QUIT
             bob> PRIVMSG ann :for who asks
             bob< * 301 *
             {fourth}
             pod! * PRIVMSG ann *
             pod> CHATHISTORY LATEST bob * 1
             pod< @batch=* PRIVMSG ann :for who asks"
        ),
        |config| config.limits.waiting_messages_max = 3,
    );
    check(&format!(
        "{REGISTERED}
         ann> QUIT
         bob> PRIVMSG ann :over a restart
         bob< * 301 *
         restart
         {}
         phone< * :over a restart
         phone! * PRIVMSG ann *
         phone> QUIT
         restart
         {}
         pad! * PRIVMSG ann *",
        device("phone", ""),
        device("pad", "")
    ));
}

/// The same on a disk, and the server ends as one does: what was said meanwhile is shown, once.
#[test]
fn who_stays_is_there_when_the_program_starts_again() {
    use chat_tests::{TestClient, TestServer, folder::TempFolder};
    let folder = TempFolder::new("staying");
    let start = || TestServer::with(|config| config.data = Some(folder.path().to_owned()));
    let server = start();
    let mut ann = TestClient::register(&server, "ann");
    ann.send("NS REGISTER correcthorse");
    ann.expect("* 900 *");
    ann.send("NS STAY ON");
    ann.expect("* NOTICE ann :you stay here*");
    ann.send("JOIN #d");
    ann.expect("* 366 ann #d *");
    ann.send("PRIVMSG #d :a word");
    ann.send("QUIT");
    ann.expect("ERROR *");
    drop(server);
    let server = start();
    let mut bob = TestClient::register(&server, "bob");
    bob.send("JOIN #d");
    bob.expect("* 353 bob = #d :@ann bob");
    bob.send("PRIVMSG #d :meanwhile");
    bob.send("PING x");
    bob.expect("* PONG *");
    let mut ann = TestClient::connect(server.address());
    ann.send("CAP REQ :sasl server-time");
    ann.send("AUTHENTICATE PLAIN");
    ann.send(&format!("AUTHENTICATE {}", BASE64.encode("\0ann\0correcthorse")));
    ann.expect("* 900 *");
    ann.send("NICK ann");
    ann.send("USER u 0 * :A");
    ann.send("CAP END");
    ann.expect("* JOIN #d");
    ann.expect("@time=* :bob!* PRIVMSG #d :meanwhile");
    ann.send("PING end");
    let rest = std::iter::from_fn(|| ann.next_line()).take_while(|line| !line.contains("PONG"));
    let said: Vec<String> = rest.filter(|line| line.contains("PRIVMSG")).collect();
    assert!(said.is_empty(), "{said:?}");
}

/// Who is here on several connections does not become somebody else on one of them.
#[test]
fn several_connections_are_of_one_account() {
    check(&format!(
        "{REGISTERED}
         bob> NS REGISTER correcthorse
         bob< * 900 *
         {}
         phone> NS IDENTIFY bob correcthorse
         phone< * NOTICE ann :you are here on several connections*
         phone> AUTHENTICATE PLAIN
         phone> AUTHENTICATE {}
         phone< * 907 ann :you are here on several connections*
         drop ann
         // And a nick is not two accounts'.
         phone> NS IDENTIFY bob correcthorse
         phone< * NICK USR1
         phone< * 900 USR1 USR1!u@127.0.0.1 bob *",
        device("phone", ""),
        BASE64.encode("\0bob\0correcthorse"),
    ));
}

/// A server that ends with the last person ends when nobody is connected.
#[test]
fn a_server_for_company_ends_without_it() {
    use chat_server::hub::Door;
    use chat_tests::world::{SimLog, World};
    let mut world = World::new(1, SimLog::default(), |config| config.exit_when_empty = true);
    world.open("ann", Door::Irc);
    world.send_bytes(
        "ann",
        b"NICK ann\r\nUSER u 0 * :A\r\nNS REGISTER correcthorse\r\nNS STAY ON\r\n",
    );
    world.settle();
    assert!(world.lines("ann").iter().any(|line| line.contains("you stay here")));
    world.drop_connection("ann");
    world.settle();
    assert!(world.has_stopped());
}

/// The default room and what is shown on coming are for each connection.
#[test]
fn a_second_connection_finds_itself_in_the_default_room() {
    check_with(
        &format!(
            "{REGISTERED}{}phone< :ann!* JOIN #lobby\nphone! *JOIN*\nann! *JOIN*",
            device("phone", "")
        ),
        |config| config.auto_join = true,
    );
}

/// Whose program knows no SASL logs in by hand, and takes the nick they are here with.
#[test]
fn who_logs_in_by_hand_becomes_the_same_person() {
    check(&format!(
        "{REGISTERED}
         ann> JOIN #x
         ann< * 366 *
         bob> JOIN #x
         bob> JOIN #y
         bob< * 366 bob #y *
         late> JOIN #y
         late< * 366 *
         late> NICK ann
         late< * 433 late ann *
         late> NS IDENTIFY ann correcthorse
         late< * 900 *
         late> NICK ann
         late< :late!u@127.0.0.1 PART #y
         late< :late!u@127.0.0.1 NICK ann
         late< :ann!u@127.0.0.1 JOIN #x
         late< * 353 ann = #x :@ann bob
         bob< :late!* QUIT :Is here as ann
         bob! *JOIN*
         bob> PRIVMSG ann :to both
         ann< :bob!* PRIVMSG ann :to both
         late< :bob!* PRIVMSG ann :to both
         bob> PRIVMSG #y :not here
         bob> PRIVMSG #x :but here
         late< :bob!* PRIVMSG #x :but here
         late! *not here*
         late> NS SESSIONS
         late< * NOTICE ann :2: ann from *(this one)
         ann> QUIT
         bob! *QUIT*
         late> PRIVMSG #x :still here
         bob< :ann!* PRIVMSG #x :still here"
    ));
}
