//! Metadata that people and rooms publish about themselves, as `draft/metadata-2` has it
//! (<https://ircv3.net/specs/extensions/metadata>); its successor has `metadata_3.rs`.

use chat_tests::script::{check, check_with};

const CAPS: &str = "batch draft/metadata-2 standard-replies";

/// `script` after `a` and `b` have asked for metadata.
fn check_caps(script: &str) {
    check(&format!("caps a {CAPS}\ncaps b {CAPS}\n{script}"));
}

/// "METADATA GET", "METADATA LIST", "METADATA SET", "METADATA CLEAR"
#[test]
fn everyone_publishes_their_own() {
    check_caps(
        "a> METADATA * SET display-name :Ann Other
         a< :chat.local 761 a a display-name * :Ann Other
         a> METADATA a SET url :
         a< :chat.local 761 a a url * :
         b> METADATA a GET url avatar Bad!
         b< :chat.local BATCH +* metadata a
         b< @batch=* :chat.local 761 b a url * :
         b< @batch=* :chat.local 766 b a avatar :key not set
         b< @batch=* :chat.local FAIL METADATA KEY_INVALID Bad! :*
         b< :chat.local BATCH -*
         b> METADATA A LIST
         b< :chat.local BATCH +* metadata a
         b< @batch=* :chat.local 761 b a display-name * :Ann Other
         b< @batch=* :chat.local 761 b a url * :
         b< :chat.local BATCH -*
         b> WHOIS a
         b< :chat.local 311 *
         b< :chat.local 760 b a display-name * :Ann Other
         b< :chat.local 318 *
         b> METADATA a SET url x
         b< :chat.local FAIL METADATA KEY_NO_PERMISSION a url :*
         b> METADATA a CLEAR
         b< :chat.local FAIL METADATA KEY_NO_PERMISSION a * :*
         a> METADATA * SET url
         a< :chat.local 766 a a url :key not set
         a> METADATA * SET url
         a< :chat.local FAIL METADATA KEY_NOT_SET a url :*
         a> METADATA * CLEAR
         a< :chat.local BATCH +* metadata a
         a< @batch=* :chat.local 761 a a display-name * :Ann Other
         a< :chat.local BATCH -*
         a> METADATA * LIST
         a< :chat.local BATCH +* metadata a
         a< :chat.local BATCH -*",
    );
}

/// "Notifications": "Clients automatically receive metadata updates for themselves (excluding changes they
/// make themselves), channels they are joined to, other clients in the channels they are joined to, and
/// users they are currently monitoring."
#[test]
fn subscribers_are_told() {
    check_caps(
        "caps c batch draft/metadata-2
         d> JOIN #x
         a> JOIN #x
         b> JOIN #x
         a> METADATA * SUB avatar topic-color Nonsense
         a< :chat.local 770 a avatar topic-color
         a< :chat.local FAIL METADATA KEY_INVALID Nonsense :*
         a> METADATA * SUBS
         a< :chat.local BATCH +* metadata-subs
         a< @batch=* :chat.local 772 a avatar topic-color
         a< :chat.local BATCH -*
         b> METADATA * SET avatar :http://example.org/b.png
         b< :chat.local 761 *
         a< :chat.local METADATA b avatar * :http://example.org/b.png
         b> METADATA * SET avatar :http://example.org/b.png
         b< :chat.local 761 *
         b> METADATA * SET status :here
         b< :chat.local 761 *
         b> METADATA * SET avatar
         b< :chat.local 766 *
         a< :chat.local METADATA b avatar *
         a! * METADATA *
         a> METADATA * SET avatar :mine
         a< :chat.local 761 *
         a! * METADATA *
         d> METADATA #x SET topic-color :blue
         d< :chat.local 761 d #x topic-color * blue
         a< :chat.local METADATA #x topic-color * :blue
         b> METADATA #x SET topic-color :red
         b< :chat.local FAIL METADATA KEY_NO_PERMISSION #x topic-color :*
         c> METADATA * SET avatar :c.png
         c< :chat.local 761 *
         a! * METADATA *
         a> MONITOR + c
         a< :chat.local 730 *
         a< :chat.local METADATA c avatar * :c.png
         c> METADATA * SET avatar :d.png
         c< :chat.local 761 *
         a< :chat.local METADATA c avatar * :d.png
         a> METADATA * UNSUB avatar UPPER
         a< :chat.local 771 a avatar
         a< :chat.local FAIL METADATA KEY_INVALID UPPER :*
         c> METADATA * SET avatar :e.png
         c< :chat.local 761 *
         a! * METADATA *
         b! * METADATA *
         d! * METADATA *",
    );
}

/// "On joining a channel, users will get the channel's current metadata", "METADATA SUB", "METADATA SYNC",
/// and the burst at registration.
#[test]
fn who_comes_later_learns_what_there_is() {
    check_caps(
        "
         a> JOIN #x
         a> METADATA #x SET url :http://example.org
         a> METADATA * SET status :busy
         a> METADATA * SET avatar :a.png
         b> METADATA * SUB url status
         b< :chat.local 770 b url status
         b> JOIN #x
         b< :b!* JOIN #x
         b< :chat.local 366 *
         b< :chat.local METADATA #x url * :http://example.org
         b< :chat.local METADATA a status * :busy
         b! * METADATA *
         b> METADATA * SUB avatar
         b< :chat.local 770 b avatar
         b< :chat.local METADATA a avatar * :a.png
         b! * METADATA *
         b> METADATA #x SYNC
         b< :chat.local BATCH +* metadata #x
         b< @batch=* :chat.local METADATA #x url * :http://example.org
         b< @batch=* :chat.local METADATA a avatar * :a.png
         b< @batch=* :chat.local METADATA a status * :busy
         b< :chat.local BATCH -*
         b> METADATA a SYNC
         b< :chat.local BATCH +* metadata a
         b< @batch=* :chat.local METADATA a avatar * :a.png
         b< @batch=* :chat.local METADATA a status * :busy
         b< :chat.local BATCH -*
         c> METADATA * SET status :new
         c> JOIN #x
         b< :c!* JOIN #x
         b< :chat.local METADATA c status * :new
         b> MONITOR + f
         d> METADATA * SET status :renamed
         d> NICK f
         b< :chat.local 730 *
         b< :chat.local METADATA f status * :renamed",
    );
}

/// "as part of the registration burst, i.e. before `RPL_ENDOFMOTD` or `ERR_NOMOTD`"
#[test]
fn newcomers_are_told_that_they_have_published_nothing() {
    check(&format!(
        "new z
         z> CAP REQ :{CAPS}
         z> NICK z
         z> USER z 0 * :z
         z> CAP END
         z< :chat.local 001 *
         z< :chat.local BATCH +* metadata z
         z< :chat.local BATCH -*
         z< :chat.local 422 *"
    ));
}

/// A crowd is told of in pages, which are one batch, and everyone once.
#[test]
fn a_crowd_is_told_of_in_pages() {
    use std::fmt::Write as _;

    let mut script = format!("caps a {CAPS}\na> JOIN #x\n");
    for number in 0..300 {
        writeln!(script, "p{number:03}> JOIN #x\np{number:03}> METADATA * SET status :{number}")
            .unwrap();
    }
    // In the order in which they came.
    let order: Vec<u32> = (0..300).collect();
    script += "a> METADATA * SUB status\na< :chat.local 770 *\n";
    for number in &order {
        writeln!(script, "a< :chat.local METADATA p{number:03} status * :{number}").unwrap();
    }
    script += "a! * METADATA *\na> METADATA #x SYNC\na< :chat.local BATCH +* metadata #x\n";
    for number in &order {
        writeln!(script, "a< @batch=* :chat.local METADATA p{number:03} status * :{number}")
            .unwrap();
    }
    script += "a< :chat.local BATCH -*\na! * METADATA *";
    check(&script);
}

/// What a secret room publishes is its members', and who was sent out is told no more.
#[test]
fn secrets_are_not_read_from_outside() {
    check_caps(
        "a> JOIN #s
         a> MODE #s +s
         a> METADATA #s SET url :http://example.org
         a< :chat.local 761 *
         b> METADATA * SUB url
         b< :chat.local 770 *
         b> METADATA #s LIST
         b< :chat.local FAIL METADATA INVALID_TARGET #s :*
         b> METADATA #s SYNC
         b< :chat.local FAIL METADATA INVALID_TARGET #s :*
         b> JOIN #s
         b< :chat.local METADATA #s url * :http://example.org
         a> KICK #s b
         b< :a!* KICK #s b *
         a> METADATA #s SET url :http://example.net
         a< :chat.local 761 *
         b! * METADATA *
         b> METADATA nobody LIST
         b< :chat.local FAIL METADATA INVALID_TARGET nobody :*
         b> METADATA * DANCE
         b< :chat.local FAIL METADATA SUBCOMMAND_INVALID DANCE :*
         b> METADATA *
         b< :chat.local 461 b METADATA *
         b> METADATA * GET
         b< :chat.local 461 b METADATA *",
    );
}

/// "LIMIT_REACHED", "TOO_MANY_SUBS", "VALUE_INVALID", and the longest name.
#[test]
fn limits_are_named() {
    let long = "v".repeat(301);
    let fits = "v".repeat(300);
    let key = "k".repeat(32);
    check_with(
        &format!(
            "caps a {CAPS}
             a> METADATA * SET one :{fits}
             a< :chat.local 761 a a one * {fits}
             a> METADATA * SET one :{long}
             a< :chat.local FAIL METADATA VALUE_INVALID :*
             a> METADATA * SET {key} 2
             a< :chat.local 761 a a {key} * 2
             a> METADATA * SET {key}k 2
             a< :chat.local FAIL METADATA KEY_INVALID {key}k :*
             a> METADATA * SET three 3
             a< :chat.local FAIL METADATA LIMIT_REACHED a :*
             a> METADATA * SET one 1
             a< :chat.local 761 a a one * 1
             a> METADATA * SUB s1 s2 s2 s3 s4
             a< :chat.local 770 a s1 s2 s2
             a< :chat.local FAIL METADATA TOO_MANY_SUBS s3 :*"
        ),
        |config| (config.limits.metadata_keys_max, config.limits.subscriptions_max) = (2, 2),
    );
}

/// A room that not everyone may enter tells outsiders nothing.
#[test]
fn a_closed_room_keeps_its_metadata() {
    check(
        "caps a draft/metadata-2 batch
         caps b draft/metadata-2 batch
         a> JOIN #x
         a> METADATA #x SET topic-url :https://example.org
         b> METADATA #x GET topic-url
         b< * 761 b #x topic-url * https://example.org
         a> MODE #x +k secret
         b> METADATA #x GET topic-url
         b< :chat.local FAIL METADATA INVALID_TARGET #x *
         b> METADATA #x LIST
         b< :chat.local FAIL METADATA INVALID_TARGET #x *
         b> METADATA #x SYNC
         b< :chat.local FAIL METADATA INVALID_TARGET #x *
         a> MODE #x -k+i x
         b> METADATA #x LIST
         b< :chat.local FAIL METADATA INVALID_TARGET #x *
         a> METADATA #x GET topic-url
         a< * 761 a #x topic-url * https://example.org",
    );
}
