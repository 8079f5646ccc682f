//! Questions and their answers. Clauses are cited above the scripts.

use chat_core::proto::ServerName;
use chat_server::{config::Admin, hub::Door};
use chat_tests::{
    operators::oper,
    script::{check, check_with},
    world::{SimLog, World},
};

/// RFC 2812 §3.2.5, §3.2.6, §3.6.1, §3.6.2, §3.4
#[test]
fn questions_are_answered_to_their_end() {
    check(
        "a> JOIN #x
         b> JOIN #x,#y
         a> NAMES #x
         a< :chat.local 353 a = #x :@a b
         a< :chat.local 366 a #x *
         a> NAMES #none
         a< :chat.local 366 a #none *
         a> LIST
         a< :chat.local 321 a *
         a< :chat.local 322 a #x 2 :
         a< :chat.local 322 a #y 1 :
         a< :chat.local 323 a *
         a> LIST #y
         a< :chat.local 322 a #y 1 :
         a> WHO #x
         a< :chat.local 352 a #x u 127.0.0.1 chat.local a H@ :0 Real Name
         a< :chat.local 352 a #x u 127.0.0.1 chat.local b H :0 Real Name
         a< :chat.local 315 a #x *
         a> WHO nobody
         a< :chat.local 315 a nobody *
         a> WHO 0
         a< :chat.local 315 a 0 *
         a> WHOIS b
         a< :chat.local 311 a b u 127.0.0.1 * :Real Name
         a< :chat.local 319 a b #x
         a< :chat.local 312 a b chat.local chat
         a< :chat.local 317 a b * *
         a< :chat.local 318 a b *
         a> WHOIS nobody
         a< :chat.local 401 a nobody *
         a< :chat.local 318 a nobody *
         a> WHOIS nowhere.example b
         a< :chat.local 402 a nowhere.example *
         a< :chat.local 318 a b *
         a> WHOIS chat.local b
         a< :chat.local 311 a b *
         a> WHOIS b b
         a< :chat.local 311 a b *
         a> LUSERS
         a< :chat.local 251 a *
         a< :chat.local 254 a 2 :channels formed
         a< :chat.local 255 a *
         a< :chat.local 265 a 2 2 *
         a< :chat.local 266 a 2 2 *
         a> MOTD
         a< :chat.local 422 a *
         a> PING :a token
         a< :chat.local PONG chat.local :a token
         a> PING
         a< :chat.local 409 a *
         a> NONSENSE
         a< :chat.local 421 a NONSENSE *",
    );
}

/// <https://modern.ircdocs.horse/#elist-parameter>
#[test]
fn lists_are_narrowed() {
    check(
        "a> JOIN #old
         a> TOPIC #old :ancient
         wait 3600
         a> PING x
         a> JOIN #busy
         b> JOIN #busy
         c> LIST >1
         c< :chat.local 322 c #busy 2 :
         c! * 322 *
         c> LIST <2
         c< :chat.local 322 c #old 1 ancient
         c! * 322 *
         c> LIST C>30
         c< :chat.local 322 c #old 1 *
         c! * 322 *
         c> LIST C<30
         c< :chat.local 322 c #busy 2 :
         c> LIST T>30
         c< :chat.local 322 c #old 1 *
         c! * 322 *
         c> LIST T<30
         c< :chat.local 321 *
         c! * 322 *
         c> LIST *us*
         c< :chat.local 322 c #busy 2 :
         c! * 322 *
         c> LIST !*us*
         c< :chat.local 322 c #old 1 *
         c! * 322 *
         c> LIST #old,#none
         c< :chat.local 322 c #old 1 *
         c! * 322 *",
    );
}

/// RFC 2812 §3.6.1, <https://modern.ircdocs.horse/#who-message>
#[test]
fn who_finds_those_it_may() {
    check(
        "a> JOIN #x
         b> JOIN #x
         c> MODE c -i
         d> PING x
         a> WHO *
         a< :chat.local 352 a * u 127.0.0.1 chat.local a H :0 Real Name
         a< :chat.local 352 a * u 127.0.0.1 chat.local b H :0 Real Name
         a< :chat.local 352 a * u 127.0.0.1 chat.local c H :0 Real Name
         a< :chat.local 315 a * *
         a! * 352 *
         a> WHO ?!u@*
         a< :chat.local 352 * b H *
         a> WHO 127.0.0.*
         a< :chat.local 352 * c H *
         a> WHO d
         a< :chat.local 352 a * u * d H *
         a> WHO #x o
         a< :chat.local 315 a #x *
         a! * 352 *",
    );
}

/// <https://ircv3.net/specs/extensions/whox>
#[test]
fn whox_gives_the_fields_in_its_own_order() {
    check(
        "a> JOIN #x
         b> AWAY :out
         b> JOIN #x
         a> WHO #x %atnufc,42
         a< :chat.local 354 a 42 #x u a H@ 0
         a< :chat.local 354 a 42 #x u b G 0
         a< :chat.local 315 a #x *
         a> WHO b %tcuihsnfdlaor,7
         a< :chat.local 354 a 7 * u 127.0.0.1 127.0.0.1 chat.local b G 0 * 0 n/a :Real Name
         a> WHO b %n
         a< :chat.local 354 a b",
    );
}

/// RFC 2812 §3.6.3
#[test]
fn who_was_here_is_remembered() {
    check_with(
        "a> PING x
         b> NICK bob
         a> WHOWAS b
         a< :chat.local 314 a b u 127.0.0.1 * :Real Name
         a< :chat.local 312 a b chat.local *
         a< :chat.local 369 a b *
         b> QUIT
         a> WHOWAS bob,nobody 1
         a< :chat.local 314 a bob *
         a< :chat.local 369 a bob *
         a< :chat.local 406 a nobody *
         a< :chat.local 369 a nobody *
         c> NICK cy
         a> WHOWAS b
         a< :chat.local 406 a b *
         a> WHOWAS
         a< :chat.local 431 *",
        |config| config.limits.whowas_entries_max = 2,
    );
}

/// RFC 2812 §4.8, §4.9
#[test]
fn a_few_are_asked_for_at_once() {
    check(
        "a> AWAY :out
         b> USERHOST a nobody b
         b< :chat.local 302 b :a=-u@127.0.0.1 b=+u@127.0.0.1
         b> USERHOST :a b
         b< :chat.local 302 b :a=-u@127.0.0.1 b=+u@127.0.0.1
         b> ISON a nobody B
         b< :chat.local 303 b :a b
         b> ISON nobody
         b< :chat.local 303 b :
         b> ISON
         b< :chat.local 461 b ISON *",
    );
}

/// RFC 2812 §3.4
#[test]
fn the_server_tells_about_itself() {
    check_with(
        "a> TIME
         a< :chat.local 391 a chat.local 1* 0 20*
         a> TIME other.example
         a< :chat.local 402 a other.example *
         a> VERSION chat.*
         a< :chat.local 351 a chat-* chat.local *
         a< :chat.local 005 a *
         a> INFO
         a< :chat.local 371 a *
         a< :chat.local 374 a *
         a> LINKS
         a< :chat.local 364 a chat.local chat.local :0 chat
         a< :chat.local 365 a * *
         a> ADMIN
         a< :chat.local 256 a chat.local *
         a< :chat.local 257 a :in the cellar
         a< :chat.local 258 a Ann
         a< :chat.local 259 a ann@example.org
         a> HELP
         a< :chat.local 704 a * Help
         a< :chat.local 705 a * :JOIN #room*
         a< :chat.local 706 a * *
         a> HELPOP topic
         a< :chat.local 704 a TOPIC Help
         a< :chat.local 705 a TOPIC :TOPIC #room*
         a< :chat.local 706 a TOPIC *
         a> HELP nonsense
         a< :chat.local 524 a nonsense *
         a> HELP :unknown subject
         a< :chat.local 524 a ? *
         a> MOTD elsewhere
         a< :chat.local 402 a elsewhere *",
        |config| {
            let (place, name) = ("in the cellar".into(), "Ann".into());
            config.admin = Some(Admin { place, name, email: "ann@example.org".into() });
        },
    );
    check(
        "a> ADMIN
         a< :chat.local 423 a *",
    );
}

/// RFC 2812 §3.1.4, §3.7.1, §4.2, §4.7
#[test]
fn operators_of_the_server_rule_it() {
    check_with(
        "a> KILL b :no
         a< :chat.local 481 a *
         a> WALLOPS :no
         a< :chat.local 481 a *
         a> REHASH
         a< :chat.local 481 a *
         a> OPER ann wrong
         a< :chat.local 464 a *
         a> OPER nobody rootrootroot
         a< :chat.local 464 a *
         a> OPER ann rootrootroot
         a> PING after
         a< :chat.local 381 a *
         a< :a!* MODE a +o
         a< *PONG * :after
         b> MODE b +w
         c> PING x
         a> WALLOPS :the end is near
         b< :a!* WALLOPS :the end is near
         c! * WALLOPS *
         b> WHOIS a
         b< :chat.local 313 b a *
         b> WHO * o
         b! * 352 *
         a> WHO * o
         a< :chat.local 352 a * u 127.0.0.1 chat.local a H* :0 Real Name
         a! * 352 *
         b> LUSERS
         b< :chat.local 252 b 1 *
         a> JOIN #x
         b> JOIN #x
         a> KILL b :spam
         b< :a!* KILL b :spam
         b< ERROR :Killed (a (spam))
         a< :b!* QUIT :Killed (a (spam))
         a> KILL nobody :x
         a< :chat.local 401 a nobody *
         a> REHASH
         a< :chat.local 382 a * *
         a> MODE a -o
         a< :a!* MODE a -o
         a> KILL c :x
         a< :chat.local 481 a *",
        |config| config.opers = vec![oper("ann", &["*@127.0.0.*"]), oper("far", &["*@10.*"])],
    );
}

/// "Users with the invisible user mode set are not shown … unless the requesting client is also joined to
/// that channel." (<https://modern.ircdocs.horse/#names-message>)
#[test]
fn names_show_outsiders_only_the_visible() {
    check(
        "a> JOIN #x
         b> JOIN #x
         b> MODE b -i
         c> NAMES #x
         c< :chat.local 353 c = #x b
         c< :chat.local 366 c #x *
         c> JOIN #x
         c< :chat.local 353 c = #x :@a *",
    );
}

/// <https://ircv3.net/specs/extensions/multi-prefix>: "in NAMES, WHO and WHOIS output"
#[test]
fn all_signs_are_shown_to_those_who_ask() {
    check(
        "a> JOIN #x
         a> MODE #x +v a
         caps b multi-prefix
         b> JOIN #x
         b< :chat.local 353 b = #x :@+a b
         b> WHO #x
         b< :chat.local 352 b #x u * a H@+ *
         b> WHOIS a
         b< :chat.local 319 b a @+#x
         c> JOIN #x
         c< :chat.local 353 c = #x :@a *
         c> WHO #x
         c< :chat.local 352 c #x u * a H@ *
         c> WHOIS a
         c< :chat.local 319 c a @#x",
    );
}

/// Names are cut off nobody, however long they and what stands before them are.
#[test]
fn the_longest_names_are_listed_whole() {
    let mut world = World::new(1, SimLog::default(), |config| {
        config.name = ServerName::new(&format!("{}.example.org", "s".repeat(50))).unwrap();
    });
    let room = format!("#{}", "r".repeat(63));
    let nick = |n: usize| format!("n{n:02}{}", "x".repeat(29));
    for n in 0..40 {
        let nick = nick(n);
        world.open(&nick, Door::Irc);
        let lines = format!(
            "CAP REQ :userhost-in-names\r\nNICK {nick}\r\nUSER u 0 * :R\r\nCAP END\r\nJOIN {room}\r\n"
        );
        world.send_bytes(&nick, lines.as_bytes());
        world.settle();
    }
    let last = nick(39);
    let listed: Vec<&String> =
        world.lines(&last).iter().filter(|line| line.contains(" 353 ")).collect();
    assert!(listed.iter().all(|line| line.len() <= 510), "{listed:#?}");
    for n in 0..40 {
        let whole = format!("{}!u", nick(n));
        let is_whole = |line: &&&String| line.split([' ', ':', '@']).any(|word| word == whole);
        // `:` also stands before the first name; the user and host come behind the nick.
        assert_eq!(listed.iter().filter(is_whole).count(), 1, "{whole} in {listed:#?}");
    }
}
