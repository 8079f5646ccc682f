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

/// `name` connects as Ann, who has registered, with these capabilities.
fn device(name: &str, caps: &str) -> String {
    format!(
        "new {name}
         {name}> CAP REQ :sasl {caps}
         {name}> AUTHENTICATE PLAIN
         {name}> AUTHENTICATE {}
         {name}< * 900 *
         {name}> NICK ann
         {name}> USER u 0 * :Ann
         {name}> CAP END
         {name}< * 001 ann *
         {name}< * 422 *\n",
        plain("ann", "correcthorse"),
    )
}

const REGISTERED: &str = "ann> NS REGISTER correcthorse\nann< * 900 *\n";

/// `LOGOUT` takes one connection out of the account: it goes on as a guest elsewhere, and the others are whose they were. What
/// it does then, also logging in to another account, is about itself.
#[test]
fn a_logout_is_about_one_connection() {
    alone(&format!(
        "{REGISTERED}
         caps bob account-notify draft/chathistory batch
         bob> JOIN #x
         ann> JOIN #x
         bob< :ann!* JOIN #x
         bob> PRIVMSG ann :between us
         {public}
         public> NS LOGOUT
         public< :ann!u@127.0.0.1 PART #x
         public< :ann!u@127.0.0.1 NICK USR1
         public< * 901 USR1 USR1!u@127.0.0.1 :*
         ann! *PART*
         ann! * NICK *
         ann! * 901 *
         bob! *ACCOUNT*
         bob! *PART #x*
         ann> NS SESSIONS
         ann< * NOTICE ann :1: ann from *(this one)
         public> CHATHISTORY LATEST bob * 5
         public< * BATCH +* chathistory bob
         public! *between us*
         public> NS SESSIONS
         public< * NOTICE USR1 :you are not logged in*
         public> NS CERT ADD {fingerprint}
         public< * NOTICE USR1 :you are not logged in*
         public> PRIVMSG #x :nor am I in it
         public< * 404 *
         bob> PRIVMSG ann :to her alone
         ann< :bob!* PRIVMSG ann :to her alone
         public! *to her alone*
         public> WHOIS ann
         public< * 330 USR1 ann ann *
         public> PRIVMSG bob :it is me
         bob< :USR1!u@127.0.0.1 PRIVMSG bob :it is me
         carl> NS REGISTER correcthorse
         carl< * 900 *
         public> NS IDENTIFY carl correcthorse
         public< * 900 USR1 * carl *
         ann! * 900 *
         ann> NS LOGOUT
         ann< * NICK USR2
         ann< * 901 USR2 *
         public! * 901 *",
        public = device("public", "draft/chathistory batch"),
        fingerprint = "ab".repeat(32),
    ));
    // Who stays goes on staying, and the last connection goes on without them.
    alone(&format!(
        "{REGISTERED}
         ann> JOIN #x
         ann< * 366 *
         ann> NS STAY ON
         ann< * NOTICE ann :you stay*
         bob> JOIN #x
         bob< * 366 *
         ann> NS LOGOUT
         ann< :ann!* PART #x
         ann< * NICK USR1
         ann< * 901 USR1 *
         bob! *PART #x*
         bob> PRIVMSG ann :for later
         bob< * 301 bob ann *
         {}
         home> NS SESSIONS
         home< * NOTICE ann :1: ann from *(this one)",
        device("home", ""),
    ));
    // Rights of the server's operators go with the account they were taken in.
    check_with(
        &format!(
            "{REGISTERED}
             {}
             phone> OPER root rootrootroot
             phone< * 381 *
             phone> NS LOGOUT
             phone< :chat.local MODE ann -o
             phone> OS BANS
             phone< * 481 *",
            device("phone", ""),
        ),
        with_root,
    );
}

/// Whoever proves that a nick is theirs has it in one step, with its rooms, and the connection that had it is over.
#[test]
fn a_nick_is_taken_back_from_a_dead_connection() {
    for how in ["RECOVER", "GHOST", "regain"] {
        alone(&format!(
            "{REGISTERED}
             ann> JOIN #x
             bob> JOIN #x
             bob< * 366 *
             ann_> PRIVMSG NickServ :{how} ann wronghorse
             ann_< * NOTICE ann_ :the password is wrong
             ann_> PRIVMSG NickServ :{how} ann correcthorse
             ann_< * 900 ann_ * ann *
             ann_< :ann_!* NICK ann
             ann_< :ann!* JOIN #x
             ann_< * NOTICE ann :you are ann, and the connection that had it is ended
             ann< ERROR *its owner has taken the nick back*
             bob! *QUIT*Session*
             bob> PRIVMSG #x :still here
             ann_< :bob!* PRIVMSG #x :still here",
        ));
    }
    alone(&format!(
        "{REGISTERED}
         bob> NS RECOVER
         bob< * NOTICE bob :write RECOVER nick *
         bob> NS RECOVER ann
         bob< * NOTICE bob :you are not logged in to the account of that nick*
         {}
         phone> NS RECOVER
         phone< * NOTICE ann :you are ann, and the connection that had it is ended
         ann< ERROR *
         phone> NICK other
         phone> NS RECOVER ANN
         phone< :other!* NICK ann
         phone< * NOTICE ann :you are ann",
        device("phone", ""),
    ));
}

/// `PASS account:password` logs in programs without SASL; where the server has a password, that comes first.
#[test]
fn a_password_of_pass_logs_in() {
    alone(&format!(
        "{REGISTERED}
         drop ann
         new b
         b> PASS ann:correcthorse
         b> NICK ann
         b> USER u 0 * :B
         b> JOIN #x
         b< :chat.local 900 * * ann :You are now logged in as ann
         b< * 001 ann *
         b< :ann!* JOIN #x
         b> PRIVMSG NickServ :PASSWORD \"correcthorse\" \"one of words\"
         b< * NOTICE ann :your password is changed*
         drop b
         new f
         f> PASS ann:one of words
         f> NICK ann
         f> USER u 0 * :F
         f< * 900 * * ann *
         new c
         c> PASS Ann:wrong:horse
         c> NICK carl
         c> USER u 0 * :C
         c< :chat.local 464 * :There is no such account, or its password is wrong
         c< ERROR *
         new d
         d> PASS nobody:correcthorse
         d> NICK dora
         d> USER u 0 * :D
         d< :chat.local 464 * :There is no such account, or its password is wrong
         new e
         e> PASS whatever
         e> NICK eve
         e> USER u 0 * :E
         e< * 001 eve *",
    ));
    check_with(
        "new a
         a> PASS sesame
         a> NICK ann
         a> USER u 0 * :A
         a< * 001 ann *
         a> NS REGISTER correcthorse
         a< * 900 *
         drop a
         new b
         b> PASS sesame
         b> PASS ann:correcthorse
         b> NICK ann
         b> USER u 0 * :B
         b< * 900 * * ann *
         b< * 001 ann *
         new c
         c> PASS ann:correcthorse
         c> NICK carl
         c> USER u 0 * :C
         c< * 464 *
         c< ERROR *",
        |config| config.password = Some("sesame".into()),
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
