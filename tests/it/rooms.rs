//! Rooms in the hands of those who operate them: what ChanServ does for them, who is let in, how often people speak, who is
//! kept out and for how long, and what is left of all that.

use chat_tests::{
    TestClient, TestServer,
    folder::TempFolder,
    script::{check, check_with},
};

const REGISTERED: &str = "ann> NS REGISTER correcthorse\nann< * 900 *\n";

#[test]
fn chanserv_answers_in_words() {
    check(&format!(
        "{REGISTERED}
         bob> CS HELP
         bob< :ChanServ!services@chat.local NOTICE bob :INFO #room: whose it is
         bob< * :MODE #room +S seconds *
         bob> CHANSERV dance
         bob< * NOTICE bob :this is not understood: write HELP
         bob> PRIVMSG ChanServ :info
         bob< * NOTICE bob :write INFO #room: whose it is
         bob> CS INFO #own
         bob< * NOTICE bob :there is no such room
         bob> WHOIS ChanServ
         bob< * 311 bob ChanServ services chat.local * :Rooms: write HELP to it
         ann> JOIN #own
         ann< * 366 *
         bob> CS INFO #own
         bob< * NOTICE bob :#own is ann's, and lasts when something happens in it; it was founded at *, and has 1 members
         ann> TOPIC #own :here
         ann< * TOPIC *
         bob> CS INFO #own
         bob< * NOTICE bob :#own is ann's, and lasts; *
         bob> JOIN #mine
         bob< * 366 *
         bob> CS INFO #mine
         bob< * NOTICE bob :#mine is nobody's, and ends with its last member; *
         // Who does not operate a room changes nothing of it.
         bob> CS OP #own bob
         bob< * NOTICE bob :you do not operate #own
         bob> CS LOG #own
         bob< * NOTICE bob :you do not operate #own
         bob> CS END #own
         bob< * NOTICE bob :this room is not yours
         ann> MODE #own +s
         ann< * MODE *
         bob> CS INFO #own
         bob< * NOTICE bob :there is no such room
         bob> CS BANS #own
         bob< * NOTICE bob :there is no such room"
    ));
}

#[test]
fn a_room_is_registered_given_away_and_ended() {
    check(&format!(
        "bob> JOIN #late
         bob< * 366 *
         bob> TOPIC #late :what it is about
         bob< * TOPIC *
         bob> MODE #late +s-t
         bob< * MODE *
         bob> CS REGISTER #late
         bob< * NOTICE bob :you are not logged in: *
         bob> NS REGISTER correcthorse
         bob< * 900 *
         bob> CS REGISTER #late
         bob< :ChanServ!services@chat.local NOTICE @#late :bob has registered #late
         bob< * NOTICE bob :#late is yours and lasts
         bob> CS REGISTER #late
         bob< * NOTICE bob :#late lasts already
         {REGISTERED}
         restart
         login bob
         bob> JOIN #late
         bob< * 332 bob #late :what it is about
         bob< * 353 bob @ #late @bob
         bob> MODE #late
         bob< * 324 bob #late +ns
         bob> CS GIVE #late nobody
         bob< * NOTICE bob :there is no such account
         bob> CS GIVE #late ann
         bob< * NOTICE bob :ann is not in #late, and does not operate it: *
         bob> CS OP #late ann
         bob> CS GIVE #late ann
         bob< * NOTICE @#late :bob has given #late to ann
         bob< * NOTICE bob :#late is ann's now
         bob> CS END #late
         bob< * NOTICE bob :this room is not yours
         bob> PART #late
         restart
         // Bob operates it all the same, and Ann founded it.
         login bob
         bob> JOIN #late
         bob< * 353 bob @ #late @bob
         bob> CS ACCESS #late
         bob< * NOTICE bob :ann founded it
         bob< * NOTICE bob :ann operates it since *
         bob< * NOTICE bob :bob operates it since *
         login ann
         ann> JOIN #late
         ann< * 353 ann @ #late :@bob @ann
         ann> CS END #late
         ann< * NOTICE ann :#late is nobody's now, and ends with its last member
         ann> PART #late
         bob> PART #late
         bob< * PART #late
         bob> JOIN #late
         bob! * 332 *
         bob< * 353 bob = #late @bob"
    ));
    // Not what everybody comes into, and no more than there may be.
    check_with(
        &format!(
            "{REGISTERED}
             ann> JOIN #lobby,#one,#two
             ann> PRIVMSG #one,#two :a word
             ann> CS REGISTER #lobby
             ann< * NOTICE ann :you do not operate #lobby
             ann> CS REGISTER #two
             ann< * NOTICE ann :#two cannot be yours: *
             ann> CS GIVE #one ann
             ann< * NOTICE ann :#one is ann's already
             // What the server has noted stays.
             ann> CS REGISTER #one
             ann< * NOTICE ann :#one lasts already"
        ),
        |config| config.limits.rooms_per_account_max = 1,
    );
}

#[test]
fn accounts_have_ranks_without_being_here() {
    check(&format!(
        "{REGISTERED}
         bob> NS REGISTER correcthorse
         bob< * 900 *
         ann> JOIN #own
         ann< * 366 *
         ann> CS OP #own bob
         ann< * NOTICE @#own :ann sets +o for the account bob in #own
         ann< * NOTICE ann :bob has +o in #own from now on
         ann> CS VOICE #own nobody
         ann< * NOTICE ann :there is no such account
         ann> CS DEOP #own ann
         ann< * 485 ann #own *
         ann> MODE #own +i
         restart
         login bob
         bob> JOIN #own
         bob< * 353 bob = #own @bob
         // From inside it is a mode like any other, and kept.
         login ann
         ann> JOIN #own
         ann< * 366 *
         ann> CS DEOP #own bob
         bob< :ann!* MODE #own -o bob
         ann> CS VOICE #own bob
         bob< :ann!* MODE #own +v bob
         restart
         login bob
         bob> JOIN #own
         bob< * 473 bob #own *
         login ann
         ann> JOIN #own
         ann> INVITE bob #own
         bob< * INVITE bob #own
         bob> JOIN #own
         bob< * 353 bob = #own :+bob @ann"
    ));
}

#[test]
fn who_is_banned_is_out_for_a_time_and_knows_why() {
    check(&format!(
        "{REGISTERED}
         bob> NS REGISTER correcthorse
         bob< * 900 *
         ann> JOIN #own
         bob> JOIN #own
         carl> NS REGISTER correcthorse
         carl< * 900 *
         carl> JOIN #own
         ann< * JOIN #own
         ann> CS BAN #own bob 2h too loud
         ann< * MODE #own +b ~a:bob
         ann< * KICK #own bob :too loud
         ann< * NOTICE @#own :ann has banned ~a:bob until 2027-01-15T10:00:* (too loud)
         ann< * NOTICE ann :~a:bob is banned until * (too loud)
         bob< * KICK #own bob :too loud
         bob> JOIN #own
         bob< * 474 bob #own :You cannot join: you are banned until 2027-01-15T10:00:* (too loud)
         // Those who operate the room are not removed, whomever the mask is about.
         ann> CS BAN #own *!*@127.0.0.1
         ann< * KICK #own carl :banned
         ann! * KICK #own ann *
         ann> CS UNBAN #own *!*@127.0.0.1
         ann< * MODE #own -b *!*@127.0.0.1
         ann> CS BANS #own
         ann< * NOTICE ann :~a:bob was banned by ann at * until 2027-01-15T10:00:* (too loud)
         ann> CS BAN #own someone
         ann< * NOTICE ann :write a nick, a mask *
         ann> CS BAN #own bob 4000y
         ann< * NOTICE ann :a time is 10 years at most: *
         ann> CS UNBAN #own *!*@nowhere
         ann< * NOTICE ann :there is no such ban: write BANS
         restart
         login bob
         bob> JOIN #own
         bob< * 474 bob #own :* until 2027-01-15T10:00:* (too loud)
         login ann
         ann> JOIN #own
         ann< * 366 *
         ann> CS BAN #own bob 2m now
         ann< * NOTICE ann :~a:bob is banned until * (now)
         wait 100
         ann> PING x
         bob> JOIN #own
         bob< * 474 * (now)
         wait 21
         ann< :chat.local MODE #own -b ~a:bob
         bob> JOIN #own
         bob< * 366 *
         restart
         login bob
         bob> JOIN #own
         bob< * 366 *"
    ));
}

#[test]
fn what_is_over_ends_also_when_the_log_is_slow_or_several_end_at_once() {
    check(&format!(
        "{REGISTERED}
         ann> JOIN #own
         ann< * 366 *
         ann> CS BAN #own one!*@* 1m
         ann> CS BAN #own two!*@* 1m
         ann> CS BAN #own three!*@* 2m
         ann< * 2027-*
         hold log
         wait 70
         ann! * -b *
         ann> PING x
         free log
         ann< :chat.local MODE #own -b one!*@*
         wait 31
         ann< :chat.local MODE #own -b two!*@*
         ann> PING y
         wait 31
         ann< :chat.local MODE #own -b three!*@*
         ann> CS BANS #own
         ann< * NOTICE ann :nobody is banned from #own"
    ));
}

#[test]
fn who_is_muted_reads_and_says_nothing() {
    check(&format!(
        "{REGISTERED}
         ann> JOIN #own
         bob> JOIN #own
         ann< * JOIN #own
         ann> CS MUTE #own bob 10m calm down
         bob< * MODE #own +b ~m:*!*@127.0.0.1
         bob> PRIVMSG #own :but
         bob< * 404 bob #own :*: you are muted in it until * (calm down)
         ann> PRIVMSG #own :quiet
         bob< * PRIVMSG #own :quiet
         ann> CS UNMUTE #own bob
         bob< * MODE #own -b ~m:*!*@127.0.0.1
         bob> PRIVMSG #own :thanks
         ann< * PRIVMSG #own :thanks
         // By where they are, whatever host is shown.
         ann> CS MUTE #own ~i:127.0.0.0/8
         bob< * MODE #own +b ~m:~i:127.0.0.0/8
         bob> PRIVMSG #own :but
         bob< * 404 *
         ann> CS UNMUTE #own ~i:127.0.0.0/8
         ann> CS BAN #own ~i:127.0.0.1
         bob< * KICK #own bob *
         bob> JOIN #own
         bob< * 474 *"
    ));
}

#[test]
fn a_slow_room_lets_everybody_speak_once_in_a_while() {
    check(
        "caps bob message-tags
         ann> JOIN #x
         bob> JOIN #x
         ann> MODE #x +S 0
         ann< * 696 ann #x S 0 *
         ann> MODE #x +S 90000
         ann< * 696 *
         ann> MODE #x +S 30
         bob< * MODE #x +S 30
         ann> MODE #x
         ann< * 324 ann #x +ntS 30
         bob> PRIVMSG #x :one
         ann< * PRIVMSG #x :one
         bob> PRIVMSG #x :two
         bob< * 404 bob #x :* it is slow: speak again in 30 seconds
         // What nobody reads is no matter, and who has a rank may.
         bob> @+typing=active TAGMSG #x
         bob! * 404 *
         ann> PRIVMSG #x :a
         ann> PRIVMSG #x :b
         bob< * PRIVMSG #x :b
         // Leaving makes it no faster.
         bob> PART #x
         bob> JOIN #x
         wait 29
         bob> PRIVMSG #x :three
         bob< * 404 bob #x :* it is slow: speak again in 1 seconds
         wait 1
         bob> PRIVMSG #x :four
         ann< * PRIVMSG #x :four
         ann> MODE #x -S
         bob< * MODE #x -S
         bob> PRIVMSG #x :five
         bob> PRIVMSG #x :six
         ann< * PRIVMSG #x :six",
    );
}

#[test]
fn newcomers_are_let_in_one_by_one() {
    check(&format!(
        "{REGISTERED}
         bob> NS REGISTER correcthorse
         bob< * 900 *
         ann> JOIN #own
         ann> MODE #own +A
         ann< * MODE #own +A
         bob> JOIN #own
         ann< :chat.local 710 ann #own bob!u@127.0.0.1 :asks to come in
         bob< * 473 bob #own :You cannot join yet: those who operate the room have been told *
         bob> JOIN #own
         bob< * 712 bob #own *
         wait 1
         carl> JOIN #own
         ann< * 710 ann #own carl!* *
         wait 1
         dora> JOIN #own
         ann< * 710 ann #own dora!* *
         ann> CS WAITING #own
         ann< * NOTICE ann :bob has asked at *
         ann< * NOTICE ann :carl has asked at *
         ann< * NOTICE ann :dora has asked at *
         ann> CS REJECT #own dora
         ann< * NOTICE @#own :ann does not let dora into #own
         ann< * NOTICE ann :dora is not let in
         ann> CS REJECT #own dora
         ann< * NOTICE ann :they have not asked: write WAITING
         // A guest comes in once.
         ann> CS APPROVE #own carl
         ann< * NOTICE @#own :ann lets carl into #own
         carl< :ann!* INVITE carl #own
         carl> JOIN #own
         carl< * 366 *
         restart
         // What an account has asked is kept, and it comes in for good.
         login ann
         ann> JOIN #own
         ann> CS WAITING #own
         ann< * NOTICE ann :bob has asked at *
         ann> CS APPROVE #own bob
         ann< :ann!* MODE #own +I ~a:bob
         ann< * NOTICE ann :bob may come into #own from now on
         ann> CS WAITING #own
         ann< * NOTICE ann :nobody waits to be let into #own
         restart
         login bob
         bob> JOIN #own
         bob< * 366 *"
    ));
}

#[test]
fn who_stands_outside_knocks() {
    check(
        "a> JOIN #x
         a< * 366 *
         b> KNOCK #x
         b< * 713 b #x *
         a> KNOCK #x
         a< * 714 a #x *
         b> KNOCK
         b< * 461 *
         b> KNOCK #y
         b< * 403 *
         a> MODE #x +i
         a< * MODE *
         b> KNOCK #x :it is me
         a< * 710 a #x b!u@127.0.0.1 :asks to come in (it is me)
         b< * 711 b #x *
         b> KNOCK #x
         b< * 712 b #x *
         a> MODE #x +b c!*@*
         a< * MODE *
         c> KNOCK #x
         c< * 474 *
         a> MODE #x +s
         a< * MODE *
         d> KNOCK #x
         d< * 403 *",
    );
}

#[test]
fn who_operates_a_room_reads_what_was_done_in_it() {
    check(&format!(
        "caps ann draft/message-redaction message-tags draft/chathistory batch
         {REGISTERED}
         bob> JOIN #own
         bob> PART #own
         ann> JOIN #own
         ann> TOPIC #own :here
         bob> JOIN #own
         ann< * JOIN #own
         ann> CS LOG #own 0
         ann< * NOTICE ann :n is a number up to 100
         ann> PRIVMSG #own :no deed
         ann> MODE #own +v bob
         ann> KICK #own bob :out
         bob< * KICK *
         ann> CS BAN #own bob 1h for now
         ann> RENAME #own #other
         ann< * JOIN #other
         ann> CS LOG #other
         ann< :ChanServ!services@chat.local NOTICE ann :2027-* ann: topic: here
         ann< * NOTICE ann :2027-* ann sets +v bob
         ann< * NOTICE ann :2027-* ann has removed bob (out)
         ann< * NOTICE ann :2027-* ann sets +b *!*@127.0.0.1
         ann< * NOTICE ann :2027-* ann has banned *!*@127.0.0.1 until * (for now)
         ann< * NOTICE ann :2027-* ann has renamed it to #other
         ann> CS LOG #other 1
         ann! * banned *
         ann< * renamed *
         restart
         login ann
         ann> CS LOG #other
         ann< * topic: here
         ann< * renamed *
         // Nobody else reads it, also where history is replayed.
         bob> JOIN #other
         bob! * NOTICE @#other *
         bob! * has banned *"
    ));
    check(
        "a> JOIN #x
         a< * 366 *
         a> CS LOG #x
         a< * NOTICE a :nothing has been done in it",
    );
}

#[test]
fn what_the_server_has_noted_nobody_deletes() {
    let folder = TempFolder::new("noted");
    let server = TestServer::with(|config| config.data = Some(folder.path().to_owned()));
    let caps = "draft/message-redaction message-tags echo-message chat.local/edit standard-replies";
    let mut ann = TestClient::register_with(&server, "ann", caps);
    ann.send("JOIN #own");
    ann.send("CS MUTE #own bob!*@*");
    let noted = ann.expect("*:ChanServ!* NOTICE @#own :ann has muted bob!*@*");
    ann.send("PRIVMSG #own :a word");
    let said = ann.expect("* PRIVMSG #own :a word");
    for (line, is_message) in [(noted, false), (said, true)] {
        let id =
            line.split("msgid=").nth(1).and_then(|rest| rest.split([';', ' ']).next()).unwrap();
        for (command, done) in
            [(format!("EDIT #own {id} :x"), "EDIT"), (format!("REDACT #own {id}"), "REDACT")]
        {
            ann.send(&command);
            if is_message {
                ann.expect(&format!("*:ann!* {done} #own {id}*"));
            } else {
                ann.expect(&format!("* FAIL {done} UNKNOWN_MSGID #own {id} *"));
            }
        }
    }
    ann.send("CS LOG #own");
    ann.expect("* ann has muted bob!*@*");
}

/// Nobody is barred from what is theirs; who operates a room is, if somebody bans them.
#[test]
fn a_ban_bars_operators_and_not_the_founder() {
    check(&format!(
        "{REGISTERED}
         bob> NS REGISTER correcthorse
         bob< * 900 *
         ann> JOIN #own
         ann> CS OP #own bob
         ann> MODE #own +b *!*@*
         ann< * MODE *
         ann> PART #own
         ann< * PART *
         bob> JOIN #own
         bob< * 474 *
         ann> JOIN #own
         ann< * 353 ann = #own @ann"
    ));
}

#[test]
fn there_are_only_so_many_accounts_with_a_rank() {
    check_with(
        &format!(
            "{REGISTERED}
             bob> NS REGISTER correcthorse
             bob< * 900 *
             carl> NS REGISTER correcthorse
             carl< * 900 *
             ann> JOIN #own
             ann> CS OP #own bob
             ann< * NOTICE ann :bob has +o *
             ann> CS VOICE #own carl
             ann< * NOTICE ann :there are as many as there may be: remove one first
             ann> CS BAN #own x!*@*
             ann< * NOTICE ann :x!*@* is banned
             ann> CS BAN #own y!*@*
             ann< * 478 ann #own ? *y!*@* *
             ann> CS APPROVE #own carl
             ann< * 478 ann #own ? *~a:carl *"
        ),
        |config| config.limits.list_entries_max = 1,
    );
}

#[test]
fn only_so_many_ask_to_be_let_in() {
    let asking = (0..101).map(|number| format!("g{number}> KNOCK #x\n")).collect::<String>();
    check(&format!(
        "a> JOIN #x
         a> MODE #x +i
         a< * MODE *
         {asking}
         a< * 710 a #x g99!*
         g100< * 712 g100 #x *
         // After a while others may.
         a> PING x
         wait 140
         a> PING x
         wait 140
         a> PING x
         wait 30
         late> KNOCK #x
         late< * 711 *"
    ));
}

/// What is set again for longer does not end when it would have.
#[test]
fn a_ban_that_is_renewed_holds_on() {
    check(&format!(
        "{REGISTERED}
         ann> JOIN #own
         ann< * 366 *
         ann> CS BAN #own bob!*@* 1m
         ann< * is banned until *
         ann> CS BAN #own bob!*@* 3m
         ann< * is banned until *
         wait 61
         ann> PING x
         ann! * -b *
         ann> CS UNBAN #own bob!*@*
         ann< * -b *
         wait 121
         ann! :chat.local MODE *"
    ));
}

/// Of several rooms one may have to wait for the log: the others are shown all the same.
#[test]
fn who_joins_several_rooms_is_shown_those_that_are_open() {
    for label in ["", "@label=1 "] {
        check(&format!(
            "caps bob batch labeled-response
             {REGISTERED}
             bob> NS REGISTER correcthorse
             bob< * 900 *
             ann> JOIN #own,#open
             ann> MODE #own +A
             ann< * MODE *
             bob> {label}JOIN #open,#own
             bob< * JOIN #open
             bob< * 353 bob = #open *
             bob< * 366 bob #open *"
        ));
    }
}
