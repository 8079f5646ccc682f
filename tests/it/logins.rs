//! Logging in and out: passwords whole and in one form, names that are banned, and accounts that operators of the server look
//! after.

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use chat_tests::{operators::with_root, script::check_with};

fn plain(name: &str, password: &str) -> String {
    BASE64.encode(format!("\0{name}\0{password}"))
}

/// Plays a script that is for no other server: none of them has such services.
fn alone(script: &str) {
    check_with(script, |_| ());
}

/// A passphrase is whole, wherever it is said.
#[test]
fn passphrases_with_spaces_are_whole() {
    alone(&format!(
        r#"
        ann> NS REGISTER :correct-horse battery  staple
        ann< :NickServ!* NOTICE ann :ann is registered*
        new b
        b> CAP REQ :sasl
        b> AUTHENTICATE PLAIN
        b> AUTHENTICATE {first}
        b< * 904 *
        b> AUTHENTICATE PLAIN
        b> AUTHENTICATE {whole}
        b< * 900 * * ann *
        drop b
        carl> PRIVMSG NickServ :IDENTIFY ann correct-horse
        carl< * NOTICE carl :the password is wrong
        carl> PRIVMSG NickServ :IDENTIFY ann correct-horse battery  staple
        carl< * 900 carl * ann *
        carl> NS LOGOUT
        carl> NS REGISTER :two words of mine
        carl< * NOTICE carl :carl is registered*
        carl> NS LOGOUT
        carl> PRIVMSG NickServ :IDENTIFY two words of mine
        carl< * 900 carl * carl *
        "#,
        first = plain("ann", "correct-horse"),
        whole = plain("ann", "correct-horse battery  staple"),
    ));
    alone(
        r#"
        dora> REGISTER * * :one of several words
        dora< * REGISTER SUCCESS dora *
        dora> PRIVMSG NickServ :PASSWORD one of several words newpassword
        dora< * NOTICE dora :a password that has spaces stands in quotes*
        dora> PRIVMSG NickServ :PASSWORD "one of several words" "another of words"
        dora< * NOTICE dora :your password is changed*
        dora> PRIVMSG NickServ :PASSWORD "another of words" "with "quotes" inside"
        dora< * NOTICE dora :a password that has spaces stands in quotes*
        dora> PRIVMSG NickServ :DROP dora another of
        dora< * NOTICE dora :the password is wrong
        dora> PRIVMSG NickServ :DROP dora another of words
        dora< * NOTICE dora :the account dora is no more
        "#,
    );
    // Two words stay two passwords, whatever is in them.
    alone(
        r#"
        eve> NS REGISTER :"quoted"12
        eve< * NOTICE eve :eve is registered*
        eve> PRIVMSG NickServ :PASSWORD "quoted"12 newpassword
        eve< * NOTICE eve :your password is changed*
        "#,
    );
}

/// RFC 8265: what two keyboards make of one word is one password, with every mechanism.
#[test]
fn passwords_are_compared_as_they_are_read() {
    let (composed, typed) = ("p\u{e4}ssw\u{f6}rd\u{a0}1", "pa\u{308}sswo\u{308}rd 1");
    for (registered, given) in [(composed, typed), (typed, composed), (typed, typed)] {
        alone(&format!(
            "ann> REGISTER * * :{registered}
             ann< * REGISTER SUCCESS ann *
             new b
             b> CAP REQ :sasl
             b> AUTHENTICATE PLAIN
             b> AUTHENTICATE {}
             b< * 900 * * ann *
             carl> PRIVMSG NickServ :IDENTIFY ann {given}
             carl< * 900 carl * ann *",
            plain("ann", given),
        ));
    }
    alone(
        "ann> REGISTER * * :pass\u{7}word
         ann< * FAIL REGISTER UNACCEPTABLE_PASSWORD ann :*control*
         ann> REGISTER * * :pa\u{308}sswo\u{308}r
         ann< * FAIL REGISTER WEAK_PASSWORD ann :*",
    );
}

/// A name that the server has banned is nobody's to register, whenever that was.
#[test]
fn a_banned_name_cannot_be_registered() {
    check_with(
        "root> OPER root rootrootroot
         root< * 381 *
         root> OS BAN ~a:newname 1h
         root< :OperServ!* NOTICE root :~a:newname is banned*
         newname> REGISTER * * correcthorse
         newname< * FAIL REGISTER BAD_ACCOUNT_NAME newname :this name is banned *
         newname> NS REGISTER correcthorse
         newname< * NOTICE newname :this name is banned *
         root> OS UNBAN ~a:newname
         newname> REGISTER * * correcthorse
         newname< * REGISTER SUCCESS newname *",
        with_root,
    );
}

/// Operators of the server list, suspend, reset and end accounts, and what they did is kept, without any password.
#[test]
fn operators_look_after_accounts() {
    check_with(
        "ann> REGISTER * * correcthorse
         ann< * REGISTER SUCCESS ann *
         bob> REGISTER * * correcthorse
         bob< * REGISTER SUCCESS bob *
         bob> OS ACCOUNTS
         bob< * 481 *
         root> OPER root rootrootroot
         root< * 381 *
         root> OS ACCOUNTS A*
         root< * NOTICE root :ann: registered 20??-*, last used 20??-*
         root! *bob: registered*
         root> OS ACCOUNTS nobody*
         root< * NOTICE root :there is no such account
         root> OS SUSPEND nobody
         root< * NOTICE root :there is no account nobody*
         root> OS SUSPEND Ann 2h :spam
         root< * NOTICE root :~a:ann is banned until * (spam)*
         ann< ERROR *banned*
         root> OS ACCOUNTS a*
         root< * NOTICE root :ann: *; suspended by root until * (spam)*
         carl> PRIVMSG NickServ :IDENTIFY ann correcthorse
         carl< * NOTICE carl :*banned*
         root> OS UNSUSPEND ann
         root< * NOTICE root :~a:ann is banned no more
         carl> PRIVMSG NickServ :IDENTIFY ann correcthorse
         carl< * 900 carl * ann *
         root> OS RESET ann
         root< * NOTICE root :the password of ann is ?????????????????????? from now on, which is told this once; its 1 sessions are ended
         carl< ERROR *
         dora> PRIVMSG NickServ :IDENTIFY ann correcthorse
         dora< * NOTICE dora :the password is wrong
         root> OS RESET nobody
         root< * NOTICE root :there is no account nobody*
         root> OS DROP bob
         root< * NOTICE root :the account bob is no more
         bob< * 901 bob *
         root> OS DROP bob
         root< * NOTICE root :there is no account bob*
         root> OS LOG
         root< * NOTICE root :* root from *: OperServ SUSPEND Ann 2h spam
         root< * NOTICE root :* root from *: OperServ UNSUSPEND ann
         root< * NOTICE root :* root from *: OperServ RESET ann
         root< * NOTICE root :* root from *: OperServ DROP bob",
        with_root,
    );
}
