//! Rooms and who rules them: modes, lists, keys, invitations. Clauses are cited above the scripts.

use chat_tests::script::{check, check_with};

/// RFC 2812 §3.2.3
#[test]
fn operators_make_operators_and_voices() {
    check(
        "a> JOIN #x
         b> JOIN #x
         caps c multi-prefix
         c> JOIN #x
         a> MODE #x
         a< :chat.local 324 a #x +nt
         a< :chat.local 329 a #x 1*
         b> MODE #x +o b
         b< :chat.local 482 b #x *
         a> MODE #x +ov-v+z b b c
         a< :chat.local 472 a z *
         a< :a!* MODE #x +ov b b
         b< :a!* MODE #x +ov b b
         c> NAMES #x
         c< :chat.local 353 c = #x :@a @+b c
         b> NAMES #x
         b< :chat.local 353 b = #x :@a @b c
         b> MODE #x -o a
         a< :b!* MODE #x -o a
         a> TOPIC #x :no more
         a< :chat.local 482 a #x *
         b> MODE #x +o nobody
         b< :chat.local 401 b nobody *
         a> MODE #x b
         a< :chat.local 368 a #x *
         a> MODE a +i
         a> MODE a
         a< :chat.local 221 a +i
         a> MODE b
         a< :chat.local 502 a *
         a> MODE a +x
         a< :chat.local 501 a *
         b> MODE #x +:
         b< :chat.local 472 b * *
         b> MODE #x :+ z
         b< :chat.local 472 b * *",
    );
}

/// Only what is other afterwards is told, in the order in which it was asked for.
#[test]
fn what_is_so_already_is_no_change() {
    check(
        "a> JOIN #x
         b> JOIN #x
         a> MODE #x +nt-v+o-i b a
         a> PING x
         a! * MODE *
         a> MODE #x +m-m+m
         b< :a!* MODE #x +m-m+m
         a> MODE #x +v-v+vv b b b b
         b< :a!* MODE #x +v-v+v b b b
         a> MODE #x +l-l+ll 3 3 4
         b< :a!* MODE #x +l-l+ll 3 3 4
         a> MODE #x
         a< :chat.local 324 a #x +mntl 4",
    );
}

/// RFC 2812 §3.2.8
#[test]
fn operators_remove_people() {
    check(
        "a> JOIN #x
         b> JOIN #x
         c> JOIN #x
         b> KICK #x a
         b< :chat.local 482 b #x *
         a> KICK #x b :enough
         a< :a!* KICK #x b :enough
         b< :a!* KICK #x b :enough
         c< :a!* KICK #x b :enough
         b> PRIVMSG #x :still here?
         b< :chat.local 404 b #x *
         a> KICK #x b
         a< :chat.local 441 a b #x *
         a> KICK #x nobody
         a< :chat.local 401 a nobody *
         a> KICK #x c
         c< :a!* KICK #x c :a",
    );
}

/// RFC 2812 §3.2.7
#[test]
fn members_invite_others() {
    check(
        "a> JOIN #x
         b> PING x
         a> INVITE b #x
         a< :chat.local 341 a b #x
         b< :a!* INVITE b #x
         b> JOIN #x
         a> INVITE b #x
         a< :chat.local 443 a b #x *
         c> INVITE b #x
         c< :chat.local 442 c #x *
         a> INVITE nobody #x
         a< :chat.local 401 a nobody *",
    );
}

/// RFC 2812 §3.2.8: one room and several people, or as many rooms as people.
#[test]
fn several_are_removed_at_once() {
    check(
        "a> JOIN #x,#y
         b> JOIN #x,#y
         c> JOIN #x
         a> KICK #x b,c :both
         c< :a!* KICK #x b :both
         c< :a!* KICK #x c :both
         b> JOIN #x
         a> KICK #x,#y b,b :out
         b< :a!* KICK #x b :out
         b< :a!* KICK #y b :out
         a> KICK #x,#y b
         a< :chat.local 461 a KICK *",
    );
}

/// <https://modern.ircdocs.horse/#invite-only-channel-mode>, RFC 2812 §3.2.1 (473)
#[test]
fn who_is_not_invited_does_not_enter() {
    check(
        "a> JOIN #x
         a> MODE #x +i
         a< :a!* MODE #x +i
         b> JOIN #x
         b< :chat.local 473 b #x *
         a> INVITE b #x
         b< :a!* INVITE b #x
         b> INVITE
         b< :chat.local 336 b #x
         b< :chat.local 337 b *
         b> JOIN #x
         b< :b!* JOIN #x
         b> INVITE
         b! * 336 *
         b> INVITE c #x
         b< :chat.local 482 b #x *
         c> JOIN #x
         c< :chat.local 473 c #x *
         a> MODE #x +I c!*@*
         a< :a!* MODE #x +I c!*@*
         a> MODE #x I
         a< :chat.local 346 a #x c!*@* a!u@127.0.0.1 1*
         a< :chat.local 347 a #x *
         c> JOIN #x
         c< :c!* JOIN #x",
    );
}

/// RFC 2812 §3.2.1 (471, 475), <https://modern.ircdocs.horse/#key-channel-mode>
#[test]
fn keys_and_limits_hold_people_off() {
    check(
        "a> JOIN #x
         a> MODE #x +kl open 2
         a< :a!* MODE #x +kl open 2
         b> JOIN #x
         b< :chat.local 475 b #x *
         b> JOIN #x wrong
         b< :chat.local 475 b #x *
         b> JOIN #y,#x ,open
         b< :b!* JOIN #x
         c> JOIN #x open
         c< :chat.local 471 c #x *
         a> MODE #x
         a< :chat.local 324 a #x +ntkl open 2
         c> MODE #x
         c< :chat.local 324 c #x +ntkl * 2
         a> MODE #x -kl any
         b< :a!* MODE #x -kl *
         c> JOIN #x
         c< :c!* JOIN #x
         a> MODE #x +l many
         a< :chat.local 696 a #x l many *
         a> MODE #x +k :two words
         a< :chat.local 525 a #x *
         a> MODE #x +l 0
         a< :chat.local 696 a #x l 0 *",
    );
}

/// <https://modern.ircdocs.horse/#ban-channel-mode>, RFC 2812 §3.2.1 (474)
#[test]
fn the_banned_neither_enter_nor_speak() {
    check(
        "a> JOIN #x
         b> JOIN #x
         a> MODE #x +b b
         b< :a!* MODE #x +b b!*@*
         b> PRIVMSG #x :still here
         b< :chat.local 404 b #x *banned*
         b> PART #x
         b> JOIN #x
         b< :chat.local 474 b #x *
         a> MODE #x +b
         a< :chat.local 367 a #x b!*@* a!u@127.0.0.1 1*
         a< :chat.local 368 a #x *
         b> MODE #x b
         b< :chat.local 367 b #x b!*@* *
         a> MODE #x +e *!*@127.0.0.*
         a< :a!* MODE #x +e *!*@127.0.0.*
         b> JOIN #x
         b< :b!* JOIN #x
         b> PRIVMSG #x :excepted
         a< :b!* PRIVMSG #x :excepted
         b> MODE #x e
         b< :chat.local 482 b #x *
         a> MODE #x e
         a< :chat.local 348 a #x *!*@127.0.0.* *
         a< :chat.local 349 a #x *
         a> MODE #x I
         a< :chat.local 347 a #x *
         a> MODE #x -e+v *!*@127.0.0.* b
         a< :a!* MODE #x -e+v *!*@127.0.0.* b
         b> PRIVMSG #x :voiced
         a< :b!* PRIVMSG #x :voiced
         a> MODE #x +b b!*@*
         a! * MODE *",
    );
}

/// A mute extban keeps silent without keeping out.
#[test]
fn the_muted_enter_and_do_not_speak() {
    check(
        "a> JOIN #x
         a> MODE #x +b ~m:b
         a< :a!* MODE #x +b ~m:b!*@*
         b> JOIN #x
         b< :b!* JOIN #x
         b> PRIVMSG #x :mute
         b< :chat.local 404 b #x *
         a> MODE #x -b ~m:b
         b> PRIVMSG #x :free
         a< :b!* PRIVMSG #x :free",
    );
}

/// <https://modern.ircdocs.horse/#moderated-channel-mode>, no-external-messages, secret, and `C`
#[test]
fn a_room_says_who_speaks_and_who_sees() {
    check(
        "a> JOIN #x
         b> JOIN #x
         a> MODE #x +mC-nt
         b< :a!* MODE #x +mC-nt
         b> PRIVMSG #x :no voice
         b< :chat.local 404 b #x *moderated*
         a> PRIVMSG #x :\u{1}VERSION\u{1}
         a< :chat.local 404 a #x *CTCP*
         a> PRIVMSG #x :\u{1}ACTION waves\u{1}
         b< :a!* PRIVMSG #x *waves*
         a> MODE #x -m
         b> TOPIC #x :anyone may
         a< :b!* TOPIC #x :anyone may
         c> PRIVMSG #x :from outside
         b< :c!* PRIVMSG #x :from outside
         a> MODE #x +s
         c> NAMES #x
         c< :chat.local 366 c #x *
         c! * 353 *
         c> LIST
         c< :chat.local 321 *
         c< :chat.local 323 *
         c! * 322 *
         c> WHO #x
         c< :chat.local 315 *
         c! * 352 *
         c> MODE #x
         c< :chat.local 403 c #x *
         c> TOPIC #x
         c< :chat.local 403 c #x *
         c> WHOIS a
         c! * 319 *
         b> NAMES #x
         b< :chat.local 353 b @ #x :@a b
         b> LIST
         b< :chat.local 322 b #x 2 :anyone may",
    );
}

/// <https://modern.ircdocs.horse/#statusmsg-parameter>
#[test]
fn some_messages_are_for_those_with_a_sign() {
    check(
        "a> JOIN #x
         caps b echo-message
         b> JOIN #x
         c> JOIN #x
         d> JOIN #x
         a> MODE #x +v c
         b> PRIVMSG @#x :help us
         a< :b!* PRIVMSG @#x :help us
         b< :b!* PRIVMSG @#x :help us
         c! * PRIVMSG *
         b> NOTICE +#x :to the voiced
         a< :b!* NOTICE +#x :to the voiced
         c< :b!* NOTICE +#x :to the voiced
         d! * NOTICE *
         e> PRIVMSG @#x :from outside
         e< :chat.local 404 e #x *",
    );
}

/// RFC 2812 §3.2.3 (478)
#[test]
fn lists_have_an_end() {
    check_with(
        "a> JOIN #x
         a> MODE #x +bb one two
         a< :a!* MODE #x +bb one!*@* two!*@*
         a> MODE #x +b three
         a< :chat.local 478 a #x ? *three!*@* *
         a> MODE #x +e three
         a< :chat.local 478 a #x ? *three!*@* *
         a> MODE #x -b one
         a> MODE #x +b three
         a< :a!* MODE #x +b three!*@*
         a> MODE #x +b two
         a! * MODE *
         a> MODE #x +b :a b
         a< :chat.local 696 a #x b a *",
        |config| config.limits.list_entries_max = 2,
    );
}

/// RFC 2812 §3.1.5
#[test]
fn people_set_their_own_modes() {
    check(
        "a> MODE a
         a< :chat.local 221 a +i
         a> MODE a -i+wB
         a< :a!* MODE a -i+wB
         a> MODE a +o
         a! * MODE *
         a> MODE a +q
         a< :chat.local 501 a *
         b> MODE a
         b< :chat.local 502 b *
         b> MODE nobody
         b< :chat.local 401 b nobody *
         b> WHOIS a
         b< :chat.local 335 b a *
         b> WHO a
         b< :chat.local 352 b * u 127.0.0.1 chat.local a HB :0 Real Name",
    );
}

/// As many lines as they need: what is stored is what is told.
#[test]
fn many_long_masks_are_told_whole() {
    let mask = |n: usize| format!("{n}{}!*@*", "m".repeat(70));
    let (first, all) = (mask(0), (0..6).map(mask).collect::<Vec<_>>().join(" "));
    let (five, sixth) = (&all[..5 * (first.len() + 1) - 1], mask(5));
    let short = all.replace("!*@*", "");
    check(&format!(
        "caps a echo-message
         a> JOIN #{room}
         b> JOIN #{room}
         a> MODE #{room} +bbbbbb {short}
         b< :a!u@127.0.0.1 MODE #{room} +bbbbb {five}
         b< :a!u@127.0.0.1 MODE #{room} +b {sixth}
         a> MODE #{room} +bbbbbb
         a< :chat.local 367 a #{room} {first} *
         a< :chat.local 368 a *
         a! * 368 *",
        room = "r".repeat(60),
    ));
}
