//! Numerics by families: the parameters that programs read, in their order, and the words that they look for. What each has is
//! in the table of `docs/protocol.md`, which every script of the tests is held against.

use chat_tests::script::{check, check_with};

/// <https://modern.ircdocs.horse/#lusers-message>: "`<u>`, `<i>`, and `<s>` are non-negative integers"
#[test]
fn how_many_are_here_is_told_in_the_words_that_programs_read() {
    check(
        "a> MODE a -i
         b> JOIN #x
         new n
         n> NOTICE
         a> LUSERS
         a< :chat.local 251 a :There are 1 users and 1 invisible on 1 servers
         a< :chat.local 253 a 1 :unknown connection(s)
         a< :chat.local 254 a 1 :channels formed
         a< :chat.local 255 a :I have 2 clients and 0 servers
         a< :chat.local 265 a 2 2 :Current local users 2, max 2
         a< :chat.local 266 a 2 2 :Current global users 2, max 2
         b> MODE b -i
         b> QUIT
         a> LUSERS
         a< :chat.local 251 a :There are 1 users and 0 invisible on 1 servers
         a> MODE a +ii
         a> LUSERS
         a< :chat.local 251 a :There are 0 users and 1 invisible on 1 servers",
    );
}

/// <https://modern.ircdocs.horse/#rplwelcome-001>, RPL_MOTDSTART
#[test]
fn the_welcome_is_said_in_the_words_that_programs_read() {
    check_with(
        "new a
         a> NICK a
         a> USER u 0 * :Ann
         a< :chat.local 001 a :Welcome to the chat Network, a
         a< :chat.local 002 a :Your host is chat.local, running version chat-*
         a< :chat.local 003 a :This server was created 20*
         a< :chat.local 004 a chat.local chat-* BRiow ACIMSbefiklmnostv ISbefklov
         a< :chat.local 375 a :- chat.local Message of the day -
         a< :chat.local 372 a :- hello
         a< :chat.local 376 a *",
        |config| config.motd = Some("hello".into()),
    );
}

/// <https://modern.ircdocs.horse/#rplendofwhois-318>: "MUST be exactly the `<nick>` parameter sent by the client. […] if the
/// client sent multiple nicks, this MUST be the comma-separated list of nicks"
#[test]
fn an_answer_about_people_ends_as_it_was_asked_for() {
    check(
        "a> PING x
         b> PING x
         a> WHOIS B
         a< :chat.local 311 a b u 127.0.0.1 * :Real Name
         a< :chat.local 318 a B *
         a! * 318 *
         a> WHOIS b,NoBody,A
         a< :chat.local 311 a b *
         a< :chat.local 401 a NoBody *
         a< :chat.local 311 a a *
         a< :chat.local 318 a b,NoBody,A *
         a! * 318 *
         a> WHOIS 1,2,3,4,5
         a< :chat.local 401 a 4 *
         a< :chat.local 407 a 5 *
         a< :chat.local 318 a 1,2,3,4,5 *
         a> WHO *nobody-who-is-called-by-a-mask-that-is-longer-than-sixty-four-bytes*
         a< :chat.local 315 a *nobody-who-is-called-by-a-mask-that-is-longer-than-sixty-four-bytes* :End of WHO list
         a> WHOWAS Nobody
         a< :chat.local 406 a Nobody *
         a< :chat.local 369 a Nobody *
         a> NAMES #None
         a< :chat.local 366 a #None *
         a> NAMES
         a< :chat.local 366 a * *
         a> USERHOST b nobody
         a< :chat.local 302 a b=+u@127.0.0.1
         a> ISON nobody
         a< :chat.local 303 a :",
    );
}

/// <https://modern.ircdocs.horse/#links-message>, RPL_WHOISSERVER: "a string containing a description of that server"
#[test]
fn the_server_has_a_description() {
    check_with(
        "a> LINKS
         a< :chat.local 364 a chat.local chat.local :0 Montreal, CA
         a< :chat.local 365 a * *
         a> WHOIS a
         a< :chat.local 312 a a chat.local :Montreal, CA
         a> WHOIS NickServ
         a< :chat.local 312 a NickServ chat.local :Montreal, CA",
        |config| config.description = Some("Montreal, CA".into()),
    );
}

/// <https://modern.ircdocs.horse/#numerics>, RFC 2812 §5.2: what was asked is a parameter of the error.
#[test]
fn errors_name_what_they_are_about() {
    check(
        "a> JOIN #x
         b> PING x
         a> PRIVMSG
         a< :chat.local 411 a :No recipient given (PRIVMSG)
         a> PRIVMSG b
         a< :chat.local 412 a :*
         a> PING
         a< :chat.local 409 a :*
         a> PING :
         a< :chat.local 409 a :*
         a> JOIN
         a< :chat.local 461 a JOIN :*
         a> JOIN nonsense
         a< :chat.local 476 a nonsense :*
         a> KICK #x b
         a< :chat.local 441 a b #x :*
         a> KICK #none b
         a< :chat.local 403 a #none :*
         b> TOPIC #x :no
         b< :chat.local 442 b #x :*
         b> INVITE a #x
         b< :chat.local 442 b #x :*
         a> INVITE a #x
         a< :chat.local 443 a a #x :*
         a> INVITE b #x
         a< :chat.local 341 a b #x
         a> MODE #x y
         a< :chat.local 472 a y :*
         a> MODE #x +l none
         a< :chat.local 696 a #x l none :*
         a> MODE #x +k :two words
         a< :chat.local 525 a #x :*
         a> MODE a +Zw
         a< :a!* MODE a +w
         a< :chat.local 501 a :*
         a> MODE b
         a< :chat.local 502 a :*
         a> TOPIC #x
         a< :chat.local 331 a #x :*
         a> TOPIC #x :words
         a> TOPIC #x
         a< :chat.local 332 a #x words
         a< :chat.local 333 a #x a!* *
         b> JOIN #x
         a> KICK #x b
         b< :a!* KICK #x b *a
         a> MODE #x b
         a< :chat.local 368 a #x :*
         a> HELP JOIN
         a< :chat.local 704 a JOIN *
         a< :chat.local 705 a JOIN :
         a< :chat.local 705 a JOIN *
         a< :chat.local 706 a JOIN *",
    );
    check_with(
        "a> JOIN #x
         a> MODE #x +b one
         a> MODE #x +b two
         a< :chat.local 478 a #x b :*",
        |config| config.limits.list_entries_max = 1,
    );
    check(
        "a> ADMIN
         a< :chat.local 423 a chat.local :*",
    );
}
