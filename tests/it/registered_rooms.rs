//! Rooms that are an account's: they last, with all that is set in them, and only they are theirs again.

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use chat_tests::{
    TestClient, TestServer,
    folder::TempFolder,
    script::{check, check_with},
};

const REGISTERED: &str = "ann> NS REGISTER correcthorse\nann< * 900 *\n";

#[test]
fn a_room_founded_by_an_account_lasts_with_all_that_is_set_in_it() {
    check(&format!(
        "caps ann draft/metadata-2
         {REGISTERED}
         bob> NS REGISTER correcthorse
         bob< * 900 *
         ann> JOIN #Own
         ann< * 353 ann = #Own @ann
         ann> TOPIC #own :what it is about
         ann> MODE #own +mslk-t 5 secret
         ann> MODE #own +b bad!*@*
         ann> MODE #own +e good!*@*
         ann> MODE #own +I ~a:carl
         ann> METADATA #own SET url :https://example.org
         ann< * 761 ann #Own url * https://example.org
         bob> JOIN #own secret
         bob< * 366 *
         ann> MODE #own +o bob
         bob< * MODE #Own +o bob
         ann> PRIVMSG #own :a word
         bob< * PRIVMSG #Own :a word
         restart
         // It is there, although nobody has been in it since.
         carl> JOIN #own
         carl< * 475 carl #Own *
         carl> LIST
         carl! * 322 *
         login ann draft/metadata-2
         ann> JOIN #own
         ann< * JOIN #Own
         ann< * 332 ann #Own :what it is about
         ann< * 333 ann #Own ann!u@127.0.0.1 *
         ann< * 353 ann @ #Own @ann
         // What she was there for is not told again, and is found.
         ann! * PRIVMSG *
         ann> SEARCH word
         ann< * NOTICE ann :* #Own <ann> a word
         ann> MODE #own
         ann< * 324 ann #Own +mnskl secret 5
         ann> MODE #own b
         ann< * 367 ann #Own bad!*@* ann!u@127.0.0.1 *
         ann> MODE #own e
         ann< * 348 ann #Own good!*@* *
         ann> MODE #own I
         ann< * 346 ann #Own ~a:carl *
         ann> METADATA #own GET url
         ann< * 761 ann #Own url * https://example.org
         // Who operates it needs no key.
         login bob
         bob> JOIN #own
         bob< * 353 bob @ #Own :@ann @bob
         // Who goes comes back to it.
         ann> PART #own
         bob> PART #own
         bob< * PART #Own
         carl> JOIN #own secret
         carl< * 353 carl @ #Own carl"
    ));
}

#[test]
fn what_is_taken_away_is_gone_also_later() {
    check(&format!(
        "{REGISTERED}
         bob> NS REGISTER correcthorse
         bob< * 900 *
         ann> JOIN #own
         bob> JOIN #own
         ann> MODE #own +oik bob secret
         ann> MODE #own +b bad!*@*
         ann> TOPIC #own :something
         bob< * TOPIC *
         ann> MODE #own -oik bob secret
         ann> MODE #own -b bad!*@*
         ann> TOPIC #own :
         bob< * TOPIC #own :
         restart
         login bob
         bob> JOIN #own
         bob! * 332 *
         bob< * 353 bob = #own bob
         bob> MODE #own
         bob< * 324 bob #own +nt
         bob> MODE #own b
         bob! * 367 *
         bob< * 368 *"
    ));
}

#[test]
fn a_room_in_which_nothing_has_happened_does_not_last() {
    check(&format!(
        "{REGISTERED}
         ann> JOIN #own
         ann< * 366 *
         ann> PART #own
         ann< * PART *
         bob> JOIN #own
         bob< * 353 bob = #own @bob
         // Nor does a guest's.
         bob> TOPIC #own :mine
         bob< * TOPIC *
         bob> PART #own
         // What a guest did there stays with its name, so that it is not founded anew.
         ann> JOIN #own
         ann! * 332 *
         ann< * 353 ann = #own ann
         ann> JOIN #later
         ann< * 353 ann = #later @ann
         ann> PRIVMSG #later :now
         restart
         bob> JOIN #later
         bob< * 353 bob = #later bob
         bob> CS INFO #later
         bob< * NOTICE bob :#later is ann's*"
    ));
}

#[test]
fn a_closed_room_that_lasts_keeps_its_past() {
    check(&format!(
        "caps ann batch draft/chathistory
         {REGISTERED}
         ann> JOIN #own
         ann> MODE #own +i
         ann< * MODE *
         ann> PRIVMSG #own :for us
         ann> PART #own
         ann< * PART *
         restart
         login ann batch draft/chathistory
         ann> JOIN #own
         ann< * 366 *
         ann> CHATHISTORY LATEST #own * 10
         ann< * PRIVMSG #own :for us
         // And one that ends does not.
         ann> MODE #own -i
         bob> JOIN #own
         bob< * PRIVMSG #own :for us"
    ));
}

#[test]
fn its_name_goes_along_and_nobody_else_is_called_like_it() {
    check(&format!(
        "{REGISTERED}
         ann> JOIN #lights
         ann> PRIVMSG #lights :a word
         ann> RENAME #lights #lamps
         ann< * JOIN #lamps
         ann> PART #lamps
         ann< * PART *
         bob> JOIN #Iamps
         bob< * 476 bob #Iamps :This name looks like that of another room*
         bob> JOIN #l\u{0430}mps
         bob< * 476 bob *
         bob> JOIN #lights
         bob< * 353 bob = #lights @bob
         bob> RENAME #lights #1amps
         bob< * FAIL RENAME * :That name looks like the name of another room
         restart
         bob> JOIN #1amps
         bob< * 476 *
         bob> JOIN #lamps
         bob< * PRIVMSG #lamps :a word"
    ));
}

#[test]
fn a_name_that_a_room_is_about_to_get_is_nobodys() {
    check(&format!(
        "{REGISTERED}
         ann> JOIN #own
         ann> PRIVMSG #own :a word
         hold log
         ann> RENAME #own #other
         bob> JOIN #other
         bob< * 437 bob #other *
         carl> JOIN #third
         carl< * 366 *
         carl> RENAME #third #other
         carl< * FAIL RENAME * :There is a room of that name already
         free log
         ann< * JOIN #other
         bob> JOIN #other
         bob< * 353 bob = #other :@ann bob"
    ));
}

#[test]
fn rank_comes_and_goes_with_the_account() {
    check(&format!(
        "{REGISTERED}
         ann> JOIN #own
         ann> PRIVMSG #own :a word
         ann< * 366 *
         bob> JOIN #own
         bob< * 366 *
         ann> NS LOGOUT
         bob< :chat.local MODE #own -o USR1
         ann> MODE #own +m
         ann< * 482 *
         ann> NS IDENTIFY ann correcthorse
         ann< * 900 *
         bob< :chat.local MODE #own +o USR1
         bob> NICK carl
         // What was given by hand to somebody without an account goes with their visit.
         ann> MODE #own +v carl
         bob< * MODE #own +v carl
         bob> PART #own
         bob> JOIN #own
         bob< * 353 carl = #own :@USR1 carl"
    ));
}

#[test]
fn an_account_that_ends_leaves_its_rooms_to_who_operates_them() {
    check(&format!(
        "{REGISTERED}
         bob> NS REGISTER correcthorse
         bob< * 900 *
         carl> NS REGISTER correcthorse
         carl< * 900 *
         ann> JOIN #shared,#alone,#silent
         ann> PRIVMSG #alone :a word
         bob> JOIN #shared
         carl> JOIN #shared
         ann> MODE #shared +o carl
         carl< * +o carl
         ann> MODE #shared +o bob
         bob< * +o bob
         ann> NS DROP ann correcthorse
         ann< * 901 *
         ann> PART #alone
         ann> PART #silent
         ann> PART #shared
         ann< * PART #shared
         // Who takes the name of the account gets nothing of it.
         ann> NS REGISTER correcthorse
         ann< * 900 *
         ann> JOIN #shared
         ann< * 353 ann = #shared :ann @bob @carl
         ann> MODE #shared +i
         ann< * 482 *
         // Carl is there longest.
         bob> MODE #shared -o carl
         bob< * 485 bob #shared :carl founded this room*
         restart
         dora> JOIN #alone
         dora< * 353 dora = #alone dora
         dora> CS INFO #alone
         dora< * NOTICE dora :#alone is nobody's*
         dora> JOIN #silent
         dora< * 353 dora = #silent @dora
         dora> JOIN #shared
         dora< * 353 dora = #shared dora"
    ));
}

#[test]
fn there_are_only_so_many_rooms_that_last() {
    let script = format!(
        "{REGISTERED}
         bob> NS REGISTER correcthorse
         bob< * 900 *
         ann> JOIN #one,#two,#three
         ann> PRIVMSG #one,#two,#three :a word
         ann> PART #one,#two,#three
         ann< * PART #three
         bob> JOIN #four
         bob> PRIVMSG #four :a word
         bob> PART #four
         bob< * PART *
         bob> JOIN #one,#two,#three,#four
         bob< * 353 bob = #one bob
         bob< * 353 bob = #two bob
         bob< * 353 bob = #three bob
         bob> CS INFO #three
         bob< * NOTICE bob :#three is nobody's*"
    );
    let for_one = format!("{script}\nbob> NAMES #four\nbob< * 353 bob = #four @bob");
    check_with(&for_one, |config| config.limits.rooms_per_account_max = 2);
    let for_all = format!("{script}\nbob> NAMES #four\nbob< * 353 bob = #four bob");
    check_with(&for_all, |config| config.limits.registered_rooms_max = 2);
}

/// A room that nobody has come into or spoken in for long ends as by `END`, though its owner is there; one that somebody is in
/// is used.
#[test]
fn rooms_that_nobody_has_used_for_long_end() {
    let days = |n: u32| n * 24 * 60 * 60;
    let began = format!(
        "{REGISTERED}
         ann> JOIN #gone,#joined,#said,#here
         ann> TOPIC #gone :still here
         ann> TOPIC #joined :still here
         ann> TOPIC #said :still here
         ann> TOPIC #here :still here
         ann< * TOPIC #here *
         ann> PART #gone,#joined
         ann< * PART #joined"
    );
    check_with(
        &format!(
            "{began}
             wait {most}
             ann> PRIVMSG #said :a word
             ann> PART #said
             ann< * PART #said
             bob> JOIN #joined
             bob< * 366 *
             restart
             login ann
             ann> JOIN #here
             ann< * 366 *
             z> LIST
             z< * 322 z #gone *
             wait {some}
             z> LIST
             z! * 322 * #gone *
             z< * 322 z #joined *
             z< * 322 z #said *
             z< * 323 *
             ann> CS INFO #gone
             ann< * NOTICE ann :there is no such room
             z> JOIN #gone
             z< * 366 *
             z> PART #gone
             // One at a time.
             wait {all}
             wait 2
             z> LIST
             z! * 322 * #joined *
             z! * 322 * #said *
             z< * 322 z #here *
             z< * 323 *
             // From when somebody was seen to be in it.
             restart
             wait {some}
             y> LIST
             y< * 322 y #here *
             y< * 323 *
             wait {all}
             y> LIST
             y! * 322 *
             y< * 323 *
             restart
             x> LIST
             x! * 322 *
             x< * 323 *",
            most = days(700),
            some = days(40),
            all = days(731),
        ),
        |config| {
            config.limits.ping_after = std::time::Duration::from_secs(1 << 30);
            config.limits.accounts_expire_after = std::time::Duration::ZERO;
        },
    );
    check_with(
        &format!(
            "{began}
             wait {}
             z> LIST
             z< * 322 z #gone *",
            days(10_000)
        ),
        |config| {
            config.limits.ping_after = std::time::Duration::from_secs(1 << 30);
            config.limits.rooms_expire_after = std::time::Duration::ZERO;
        },
    );
}

/// What is set in the rooms of one account has a bound together, in bytes, wherever it is set and by whom; so has what is set
/// in rooms that are nobody's and come from one address. It moves with a room and goes with it.
#[test]
fn what_is_set_in_the_rooms_of_one_account_has_a_bound() {
    let long = "x".repeat(300);
    let is_full = "the rooms of ann hold as much as they may (1000 bytes): *";
    check_with(
        &format!(
            "{REGISTERED}
             bob> NS REGISTER correcthorse
             bob< * 900 *
             ann> JOIN #a,#b,#c
             ann> MODE #a -t
             ann> MODE #b -t
             ann> MODE #c -t
             ann< * MODE #c -t
             ann> TOPIC #a :{long}
             ann> TOPIC #b :{long}
             ann< * TOPIC #b *
             bob> JOIN #c
             bob> TOPIC #c :{long}
             bob< *your TOPIC of #c was not carried out: {is_full}
             ann> METADATA #c SET url :https://example.org
             ann< * FAIL METADATA LIMIT_REACHED #c :{is_full}
             ann> MODE #c +b bad!*@*
             ann< *your MODE of #c was not carried out: {is_full}
             ann> CS LINK #c
             ann< * NOTICE ann :{is_full}
             ann> CS VOICE #c bob
             ann< *your MODE *{is_full}
             ann> CS BAN #c x!*@*
             ann< *your MODE *{is_full}
             // Flags take nothing, and others have place of their own.
             ann> MODE #c +mk key
             ann< * MODE #c +mk key
             bob> JOIN #bobs
             bob> TOPIC #bobs :{long}
             bob< * TOPIC #bobs *
             bob> CS OP #bobs ann
             bob< * NOTICE bob :ann has +o *
             bob> CS GIVE #bobs ann
             bob< * NOTICE bob :{is_full}
             restart
             login ann
             ann> JOIN #a,#b,#c
             ann> TOPIC #c :{long}
             ann< *your TOPIC *{is_full}
             // What there is less of makes place.
             ann> TOPIC #a :short
             ann< * TOPIC #a :short
             ann> TOPIC #a :{long}
             ann< * TOPIC #a *
             ann> CS END #b
             ann< * NOTICE ann :#b is nobody's *
             ann> TOPIC #c :{long}
             ann< * TOPIC #c *
             // Whose it is from then on has it all.
             login bob
             bob> JOIN #a,#bobs
             bob> CS DEOP #bobs ann
             bob> TOPIC #bobs :
             bob< * TOPIC #bobs *
             ann> TOPIC #c :
             ann< * TOPIC #c *
             ann> CS GIVE #a bob
             ann< * NOTICE ann :#a is bob's now
             ann> TOPIC #c :{long}
             ann< * TOPIC #c *
             ann> JOIN #d
             ann> TOPIC #d :{long}
             ann< * TOPIC #d *
             bob> TOPIC #bobs :{long}
             bob< *the rooms of bob *"
        ),
        |config| config.limits.room_bytes_per_account_max = 1000,
    );
    // What is on its way counts.
    check_with(
        &format!(
            "{REGISTERED}
             ann> JOIN #a,#b,#c,#d
             ann> MODE #a -t
             ann> MODE #c -t
             ann> MODE #d -t
             ann< * MODE #d -t
             bob> JOIN #a
             carl> JOIN #c
             dora> JOIN #d
             dora< * 366 *
             hold log
             bob> TOPIC #a :{long}
             ann> METADATA #b SET url :{long}
             carl> TOPIC #c :{long}
             carl< *your TOPIC *{is_full}
             free log
             bob< * TOPIC #a *
             dora> TOPIC #d :{long}
             dora< *your TOPIC *{is_full}"
        ),
        |config| config.limits.room_bytes_per_account_max = 1000,
    );
    check_with(
        &format!(
            "from 192.0.2.1
             a> JOIN #a
             a> TOPIC #a :{long}
             a< * TOPIC *
             b> JOIN #b,#c,#lobby
             b> TOPIC #b :{long}
             b< * TOPIC *
             b> TOPIC #c :{long}
             b< *your TOPIC *: the rooms that are nobody's and were founded from where this one was hold as much as they may *
             b> MODE #c +b bad!*@*
             b< *your MODE *
             b> METADATA #c SET url :x
             b< * FAIL METADATA LIMIT_REACHED #c :the rooms that are nobody's *
             from 192.0.2.2
             d> JOIN #d
             d> TOPIC #d :{long}
             d< * TOPIC *
             // What has ended is there no more, and an account has place of its own.
             b> NS REGISTER correcthorse
             b< * 900 *
             b> CS REGISTER #b
             b< * NOTICE b :#b is yours and lasts
             b> TOPIC #c :{long}
             b< * TOPIC *
             b> MODE #c +b bad!*@*
             b< *your MODE *
             a> PART #a
             a< * PART *
             b> MODE #c +b bad!*@*
             b< * MODE #c +b *"
        ),
        |config| config.limits.room_bytes_per_account_max = 1000,
    );
}

#[test]
fn rooms_last_on_a_disk() {
    let folder = TempFolder::new("lasting");
    let start = || TestServer::with(|config| config.data = Some(folder.path().to_owned()));
    let server = start();
    let mut ann = TestClient::register(&server, "ann");
    ann.send("NS REGISTER correcthorse");
    ann.expect("* 900 *");
    ann.send("JOIN #first");
    ann.expect("* 366 ann #first *");
    ann.send("PRIVMSG #first :a word");
    ann.send("RENAME #first #own");
    ann.send("MODE #own +sk secret");
    ann.expect("* MODE #own +sk secret");
    ann.send("TOPIC #own :what it is about");
    ann.expect("* TOPIC #own *");
    drop((ann, server));
    let server = start();
    let mut bob = TestClient::register(&server, "bob");
    bob.send("JOIN #own");
    bob.expect("* 475 bob #own *");
    bob.send("JOIN #first");
    bob.expect("* 353 bob = #first @bob");
    let mut ann = TestClient::connect(server.address());
    let response = BASE64.encode("\0ann\0correcthorse");
    ann.send("CAP REQ :sasl");
    ann.send("AUTHENTICATE PLAIN");
    ann.send(&format!("AUTHENTICATE {response}"));
    ann.expect("* 900 *");
    ann.send("NICK ann");
    ann.send("USER u 0 * :A");
    ann.send("CAP END");
    ann.expect("* 001 *");
    ann.send("JOIN #own");
    ann.expect("* 332 ann #own :what it is about");
    ann.expect("* 353 ann @ #own @ann");
    ann.send("SEARCH word");
    ann.expect("* NOTICE ann :* #own <ann> a word");
}

/// What is said while a room is being renamed stays with the room, and the log knows it by its new name alone.
#[test]
fn what_is_under_way_when_a_room_is_renamed_goes_with_it() {
    check(&format!(
        "caps ann batch draft/chathistory
         {REGISTERED}
         ann> JOIN #new
         ann< * 366 *
         hold log
         ann> RENAME #new #newer
         ann> PRIVMSG #new :on the way
         free log
         ann< * JOIN #newer
         ann> PRIVMSG #newer :behind it
         ann> CHATHISTORY LATEST #newer * 10
         ann< * PRIVMSG #newer :on the way
         ann< * PRIVMSG #newer :behind it
         // The name it had is free, and nothing was said under it.
         bob> NS REGISTER correcthorse
         bob< * 900 *
         bob> JOIN #new
         bob! * on the way
         bob< * 353 bob = #new @bob
         bob> TOPIC #new :another one
         bob< * TOPIC *
         restart
         login ann batch draft/chathistory
         ann> JOIN #newer
         ann< * 353 ann = #newer @ann
         ann> CHATHISTORY LATEST #newer * 10
         ann< * PRIVMSG #newer :on the way
         login bob
         bob> JOIN #new
         bob< * 332 bob #new :another one"
    ));
    // On several connections at once: whose it is, and how it is called.
    check(&format!(
        "{REGISTERED}
         bob> NS REGISTER correcthorse
         bob< * 900 *
         ann> JOIN #first
         ann> PRIVMSG #first :a word
         bob> JOIN #first
         bob< * 366 *
         new ann2
         ann2> CAP REQ sasl
         ann2> AUTHENTICATE PLAIN
         ann2> AUTHENTICATE AGFubgBjb3JyZWN0aG9yc2U=
         ann2< * 903 *
         ann2> NICK ann
         ann2> USER u 0 * :A
         ann2> CAP END
         ann2< * JOIN #first
         hold log
         ann> CS GIVE #first bob
         ann2> RENAME #first #second
         free log
         bob< :chat.local MODE #* +o bob
         ann< * NOTICE ann :#first is bob's now
         ann< * JOIN #second
         restart
         login bob
         bob> JOIN #second
         bob< * 353 bob = #second @bob
         bob> CS ACCESS #second
         bob< * NOTICE bob :bob founded it"
    ));
}

/// A room that ends, or is nobody's, while something is on its way is not there after the next start.
#[test]
fn what_is_under_way_when_a_room_ends_does_not_bring_it_back() {
    check(&format!(
        "{REGISTERED}
         new ann2
         ann2> CAP REQ sasl
         ann2> AUTHENTICATE PLAIN
         ann2> AUTHENTICATE AGFubgBjb3JyZWN0aG9yc2U=
         ann2< * 903 *
         ann2> NICK ann
         ann2> USER u 0 * :A
         ann2> CAP END
         ann2< * 001 *
         ann> JOIN #gone
         ann< * 366 *
         hold log
         ann> PRIVMSG #gone :a word
         ann2> PART #gone
         free log
         ann> JOIN #dropped
         ann< * 366 *
         hold log
         ann> PRIVMSG #dropped :a word
         ann2> NS DROP ann correcthorse
         free log
         ann< * 901 *
         restart
         bob> JOIN #gone,#dropped
         bob< * 353 bob = #gone bob
         bob< * 353 bob = #dropped bob
         bob> CS INFO #gone
         bob< * NOTICE bob :#gone is nobody's*
         bob> CS INFO #dropped
         bob< * NOTICE bob :#dropped is nobody's*"
    ));
}

#[test]
fn nobody_keeps_others_out_of_the_room_they_are_put_into() {
    check_with(
        &format!(
            "{REGISTERED}
             ann> JOIN #1obby
             ann< * 476 *
             ann> JOIN #own
             ann> RENAME #own #l0bby
             ann< * FAIL RENAME * :That name looks like the name of another room
             ann> PART #lobby
             bob> NAMES #lobby
             bob< * 353 bob = #lobby *bob"
        ),
        |config| config.auto_join = true,
    );
}

#[test]
fn rank_that_is_taken_from_an_account_is_taken_from_whoever_has_it() {
    check(&format!(
        "{REGISTERED}
         bob> NS REGISTER correcthorse
         bob< * 900 *
         carl> NS REGISTER correcthorse
         carl< * 900 *
         ann> JOIN #own
         bob> JOIN #own
         carl> JOIN #own
         ann> MODE #own +oo bob carl
         bob< * +oo bob carl
         bob> NICK bobby
         bob< * NICK bobby
         ann> CS DEOP #own bob
         bob< :chat.local MODE #own -o bobby
         bob> MODE #own +m
         bob< * 482 *
         // Whose account ends has what a guest has.
         ann> NS DROP ann correcthorse
         carl< :chat.local MODE #own -o ann
         ann> MODE #own +m
         ann< * 482 *
         carl> MODE #own +m
         bob< * MODE #own +m"
    ));
}

#[test]
fn who_takes_the_name_of_an_account_is_let_in_nowhere() {
    check(&format!(
        "{REGISTERED}
         bob> NS REGISTER correcthorse
         bob< * 900 *
         ann> JOIN #own
         ann> MODE #own +iI ~a:Bob
         ann< * MODE *
         ann> MODE #own +e ~account:bob
         ann< * MODE *
         ann> MODE #own +b *!*@*
         ann< * MODE *
         bob> NS DROP bob correcthorse
         bob< * 901 *
         bob> NS REGISTER correcthorse
         bob< * 900 *
         bob> JOIN #own
         bob< * 474 *
         ann> MODE #own -b *!*@*
         ann< * MODE *
         bob> JOIN #own
         bob< * 473 *"
    ));
}

#[test]
fn a_room_with_approval_is_closed() {
    check(
        "a> JOIN #g
         a> MODE #g +A
         a< * MODE *
         a> METADATA #g SET url :x
         a< * 761 *
         a> PRIVMSG #g :among us
         b> JOIN #g
         b< * 473 *
         b> METADATA #g LIST
         b! * 761 *
         a> PART #g
         a< * PART *
         b> JOIN #g
         b! * among us
         b< * 353 b = #g @b",
    );
}

#[test]
fn the_founder_rules_a_secret_room_from_outside() {
    check(&format!(
        "{REGISTERED}
         ann> JOIN #own
         ann> MODE #own +s
         ann> PART #own
         ann< * PART *
         ann> CS INFO #own
         ann< * NOTICE ann :#own is ann's, and lasts; *
         ann> CS END #own
         ann< * NOTICE ann :#own is nobody's now, *
         bob> CS INFO #own
         bob< * NOTICE bob :there is no such room"
    ));
}
