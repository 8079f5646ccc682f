//! Scripts about servers that are not what they say.

use super::tests::Script;
use crate::{client::ChatClient, error::CloseReason};

fn asked(offered: &str) -> Script {
    let (settings, _) = ChatClient::builder("server.example", "Ann")
        .account("ann", "pencil")
        .check()
        .expect("all of it can work");
    let mut script = Script::of(settings);
    script.connected();
    script.sent();
    script.server(&format!(":s CAP * LS :{offered}"));
    script
}

fn failed(script: &mut Script) -> Option<String> {
    match script.closed()? {
        CloseReason::Fatal(cause) => Some(cause.to_string()),
        other => panic!("{other:?}"),
    }
}

/// The name of an account is its owner's, so whoever has one is called so where the nick they want is nobody's to have.
#[test]
fn a_nick_that_nobody_may_have_gives_way_to_the_accounts_name() {
    let refused = |account: &str, n_times: usize| -> Vec<String> {
        let builder = ChatClient::builder("server.example", "root").account(account, "pencil");
        let (settings, _) = builder.check().expect("all of it can work");
        let mut script = Script::of(settings);
        script.connected();
        script.sent();
        let mut refuse = || {
            script.server(":s 432 * nick :this nick is kept for who runs the server");
            script.sent()
        };
        (0..n_times).flat_map(|_| refuse()).collect()
    };
    assert_eq!(refused("host", 3), ["NICK host", "NICK USR", "NICK USR1"]);
    // It may be no better, or no nick at all.
    assert_eq!(refused("Root", 2), ["NICK USR", "NICK USR1"]);
    assert_eq!(refused("12", 2), ["NICK USR", "NICK USR1"]);
}

#[test]
fn who_cannot_prove_that_they_know_the_password_is_left() {
    // No way to log in that keeps the password secret.
    for offered in ["batch", "sasl=PLAIN,EXTERNAL"] {
        let mut script = asked(offered);
        let asked = script.sent();
        if let Some(asked) = asked.first().and_then(|line| line.strip_prefix("CAP REQ :")) {
            script.server(&format!(":s CAP * ACK :{asked}"));
        }
        assert!(failed(&mut script).is_some_and(|why| why.contains("SCRAM")), "{offered}");
    }
    let begun = || {
        let mut script = asked("sasl=PLAIN,SCRAM-SHA-256");
        assert_eq!(script.sent(), ["CAP REQ :sasl"]);
        script.server(":s CAP * ACK :sasl");
        assert_eq!(script.sent(), ["AUTHENTICATE SCRAM-SHA-256"]);
        script
    };
    // Let in without a proof.
    let mut script = begun();
    script.server("AUTHENTICATE +");
    assert_eq!(script.sent().len(), 1);
    script.server(":s 903 Ann :fine");
    assert!(failed(&mut script).is_some_and(|why| why.contains("another one")));
    // Or welcomed without one.
    for lines in [vec![], vec!["AUTHENTICATE +"]] {
        let mut script = begun();
        lines.into_iter().for_each(|line| script.server(line));
        script.server(":s 001 Ann :Welcome");
        script.server(":s 422 Ann :none");
        assert!(failed(&mut script).is_some_and(|why| why.contains("another one")));
    }
    let mut deaf = asked("");
    deaf.server(":s 001 Ann :Welcome");
    deaf.server(":Ann!u@h JOIN #a");
    assert!(failed(&mut deaf).is_some());
    // Words of nobody, too many of them, and a plain no.
    for (lines, word) in [
        (vec!["AUTHENTICATE +".to_owned(), "AUTHENTICATE %%%".into()], "no sense"),
        (vec![format!("AUTHENTICATE {}", "A".repeat(400)); 11], "too long"),
        (vec![":s 904 Ann :no".to_owned()], "no"),
    ] {
        let mut script = begun();
        lines.iter().for_each(|line| script.server(line));
        assert!(failed(&mut script).is_some_and(|why| why.contains(word)), "{word}");
    }
}
