//! Names and secrets that strangers could take for others', or learn: likenesses of those who run the server, accounts, keys of
//! certificates, and what outlives a restart.

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use chat_server::{Config, config::Account, hub::Door};
use chat_tests::{
    operators::oper,
    program::Program,
    script::{check, check_with},
    world::{SimLog, World},
};

use crate::accounts::{by_certificate, with_certificate};

/// With the reserved names of a server whose configuration says nothing of them, and an operator of the name of Hilda.
fn with_reserved_names(config: &mut Config) {
    config.reserved_names = Config::default().reserved_names;
    config.opers = vec![oper("Hilda", &[])];
}

/// A configuration of our own: no other server says what services say, so that such a script is not played against others.
fn ours(_: &mut Config) {}

#[test]
fn nobody_looks_like_a_service_or_like_who_runs_the_server() {
    let refused: String = [
        "N1ckServ",
        "NickServ_",
        "ChanSerw",
        "root",
        "admin",
        "Global",
        "HostServ",
        "r00t",
        "Hilda",
        "hi1da_",
    ]
    .map(|nick| format!("eve> NICK {nick}\neve< * 432 eve {nick} *\n"))
    .concat();
    let rooms: String =
        ["#NickServ", "#ChanSerw", "#root", "#den\u{2800}", "#\u{3164}", "#d\u{ad}en"]
            .map(|room| format!("eve> JOIN {room}\neve< * 476 eve {room} :This name is kept *\n"))
            .concat();
    check_with(
        &format!(
            "new zoe
             zoe> NICK Adm1n
             zoe> USER u 0 * :Z
             zoe< * 432 * Adm1n *
             zoe> NICK zoe
             zoe< * 001 *
             {refused}{rooms}
             eve> JOIN #own
             eve> RENAME #own #NickServ
             eve< * FAIL RENAME * :That name is kept *
             eve> RENAME #own #own2
             eve< * JOIN #own2
             text t
             t> root
             t< Welcome, USR*
             // Who runs the server may be called so.
             eve> OPER Hilda rootrootroot
             eve< * 381 *
             eve> NICK Hilda
             eve< :eve!* NICK Hilda
             eve> JOIN #root
             eve< * JOIN #root
             eve> NICK N1ckServ
             eve< * 432 Hilda N1ckServ *
             // And whoever has the account of that name.
             eve> NS REGISTER correcthorse
             eve< * 900 *
             eve> QUIT
             login Hilda
             Hilda> JOIN #own3
             Hilda< :Hilda!* JOIN #own3"
        ),
        with_reserved_names,
    );
}

/// The account has the name, whoever was here under one that looks like it before.
#[test]
fn a_guest_keeps_no_name_that_looks_like_an_account_registered_since() {
    check_with(
        "dora1> JOIN #x
         dora1< * 366 *
         bob> JOIN #x
         bob< * 366 *
         cyd> NICK dorai
         doral> NS REGISTER correcthorse
         doral< * 900 *
         dora1< :dora1!* NICK USR1
         dora1< * NOTICE USR1 :dora1 is, or looks like, the nick of an account: *
         bob< :dora1!* NICK USR1
         dora1> NICK dora1
         dora1< * 433 *
         cyd! * NICK USR*",
        ours,
    );
}

/// So is it with accounts of the configuration that are read again.
#[test]
fn accounts_that_are_read_again_have_their_names() {
    let mut world = World::new(7, SimLog::default(), |_| ());
    for name in ["a1ice", "alice", "bob"] {
        world.open(name, Door::Irc);
        world.send_bytes(name, format!("NICK {name}\r\nUSER u 0 * :R\r\n").as_bytes());
        world.settle();
    }
    world.reload(|config| {
        let (password, fingerprints) = (chat_server::auth::hash("secret").unwrap(), Vec::new());
        config.accounts =
            vec![Account { name: "Alice".into(), password, scram: None, fingerprints }];
    });
    world.settle();
    let has_lost =
        |world: &World, name: &str| world.lines(name).iter().any(|line| line.contains(" NICK USR"));
    // Who is called just so may be the owner, who has not logged in.
    assert!(has_lost(&world, "a1ice") && !has_lost(&world, "alice") && !has_lost(&world, "bob"));
    // Nor does an account of another name take it from them.
    world.send_bytes("bob", b"NS REGISTER correcthorse\r\n");
    world.settle();
    assert!(world.lines("bob").iter().any(|line| line.contains(" 900 bob ")));
    assert!(!has_lost(&world, "alice"));
}

/// Whoever asks about a name learns the same whether there is such an account or not.
#[test]
fn which_accounts_there_are_is_told_to_nobody_who_does_not_know_them() {
    check_with(
        "ann> NS REGISTER correcthorse
         ann< * 900 *
         ann> QUIT
         caps eve batch chat.local/search chat.local/changes draft/chathistory standard-replies
         eve> SEARCH in=ann;text=hello
         eve< :chat.local BATCH +* chat.local/search
         eve< :chat.local BATCH -*
         eve> SEARCH in=nobody;text=hello
         eve< :chat.local BATCH +* chat.local/search
         eve< :chat.local BATCH -*
         eve> CHANGES ann * 10
         eve< :chat.local BATCH +* chat.local/changes ann *
         eve< :chat.local BATCH -*
         eve> CHANGES nobody * 10
         eve< :chat.local BATCH +* chat.local/changes nobody *
         eve< :chat.local BATCH -*
         eve> CHATHISTORY LATEST ann * 10
         eve< * FAIL CHATHISTORY INVALID_TARGET LATEST ann *
         eve> CHATHISTORY LATEST nobody * 10
         eve< * FAIL CHATHISTORY INVALID_TARGET LATEST nobody *
         eve> NS INFO ann
         eve< * NOTICE eve :there is no such account, or nobody of it is here
         eve> NS INFO nobody
         eve< * NOTICE eve :there is no such account, or nobody of it is here
         // Of those who are here everybody sees it.
         bob> NS IDENTIFY ann correcthorse
         bob< * 900 *
         eve> NS INFO ann
         eve< * NOTICE eve :ann was registered at *",
        ours,
    );
}

/// Whoever has the key of a certificate has it for their account, whoever has named it before.
#[test]
fn a_certificate_is_whose_who_shows_it() {
    let fingerprint = "cd".repeat(32);
    check(&format!(
        "eve> NS REGISTER correcthorse
         eve< * 900 *
         eve> NS CERT ADD {fingerprint}
         eve< * NOTICE eve :you do not show this certificate: *
         eve> NS CERT ADD {fingerprint} correcthorse
         eve< * NOTICE eve :the certificate {fingerprint} logs in to your account from now on
         {}
         ann> NS CERT
         ann< * NOTICE ann :{fingerprint}
         eve> NS CERT
         eve< * NOTICE eve :no certificate logs in to your account
         eve> NS CERT ADD {fingerprint} correcthorse
         eve< * NOTICE eve :this certificate logs in to an account already
         {}
         c< * 900 * * ann *",
        with_certificate(&fingerprint),
        by_certificate("c", &fingerprint)
    ));
}

/// `root` and `admin` are kept for who runs the server, and whoever hosts one has an account there, which has a name.
#[test]
fn whoever_hosts_under_a_reserved_name_is_called_as_their_account() {
    for name in ["root", "admin"] {
        let args = ["host", "--name", name, "--listen", "127.0.0.1:0", "--in-memory"];
        let mut host = Program::start("chat-cli", &args);
        host.expect("* connected as host*");
    }
}

/// Whoever has the old password is out when it is another one, wherever they are logged in.
#[test]
fn another_password_ends_the_other_sessions() {
    check_with(
        "ann> NS REGISTER correcthorse
         ann< * 900 *
         eve> NS IDENTIFY ann correcthorse
         eve< * 900 *
         new half
         half> CAP REQ :sasl
         half> AUTHENTICATE PLAIN
         half> AUTHENTICATE AGFubgBjb3JyZWN0aG9yc2U=
         half< * 903 *
         bob> JOIN #x
         ann> NS PASSWORD wronghorse batterystaple
         ann< * NOTICE ann :the password is wrong
         eve! ERROR *
         ann> NS PASSWORD correcthorse batterystaple
         ann< * NOTICE ann :your password is changed, and your 2 other sessions are ended
         eve< ERROR *the password of its account was changed*
         half< ERROR *the password of its account was changed*
         bob! ERROR *
         ann> PING here
         ann< *PONG*here
         ann> NS SESSIONS
         ann< * NOTICE ann :1: ann from *",
        ours,
    );
}

/// A salt that changes with a restart would tell that there is no such account.
#[test]
fn salts_of_nobody_outlive_a_restart() {
    let mut world = World::new(8, SimLog::default(), |_| ());
    let mut n_asked = 0;
    let mut salt_of = |world: &mut World, name: &str| {
        n_asked += 1;
        let conn = format!("asker{n_asked}");
        world.open(&conn, Door::Irc);
        let first = BASE64.encode(format!("n,,n={name},r=abc"));
        let lines =
            format!("CAP REQ :sasl\r\nAUTHENTICATE SCRAM-SHA-256\r\nAUTHENTICATE {first}\r\n");
        world.send_bytes(&conn, lines.as_bytes());
        world.settle();
        let answer = world.lines(&conn).last().unwrap().split(' ').nth(1).unwrap().to_owned();
        let answer = String::from_utf8(BASE64.decode(answer).unwrap()).unwrap();
        answer.split(',').find_map(|part| part.strip_prefix("s=")).unwrap().to_owned()
    };
    let (nobody, other) = (salt_of(&mut world, "nobody"), salt_of(&mut world, "other"));
    assert_ne!(nobody, other);
    world.restart(99);
    assert_eq!(salt_of(&mut world, "nobody"), nobody);
    assert_eq!(salt_of(&mut world, "NOBODY"), nobody);
    assert_eq!(salt_of(&mut world, "other"), other);
}
