//! Metadata that people and rooms publish about themselves, as `draft/metadata-3` has it
//! (<https://github.com/ircv3/ircv3-specifications/pull/613>): what differs from its predecessor.

use chat_tests::script::{check, check_with};

const CAPS: &str = "batch draft/metadata-3 standard-replies";

/// `script` after `a` and `b` have asked for metadata.
fn check_caps(script: &str) {
    check(&format!("caps a {CAPS}\ncaps b {CAPS}\n{script}"));
}

/// "METADATA GET", "METADATA SET", "METADATA CLEAR"; "The empty string is an invalid value."
#[test]
fn everyone_publishes_their_own() {
    check_caps(
        "a> METADATA * SET url
         a< :chat.local 766 a a url :*
         a> METADATA * SET url :http://example.org
         a< :chat.local 761 a a url * http://example.org
         a> METADATA * SET url :http://example.org
         a< :chat.local 761 a a url * http://example.org
         a> METADATA a SET status :here
         a< :chat.local 761 a a status * here
         b> METADATA a GET url avatar Bad! status
         b< :chat.local BATCH +* metadata a
         b< @batch=* :chat.local 761 b a url * http://example.org
         b< @batch=* :chat.local 766 b a avatar :*
         b< @batch=* :chat.local WARN METADATA INVALID_KEY Bad! :*
         b< @batch=* :chat.local 761 b a status * here
         b< :chat.local BATCH -*
         a> METADATA * SET status :
         a< :chat.local 766 a a status :*
         a> METADATA * SET Bad! x
         a< :chat.local FAIL METADATA INVALID_KEY Bad! :*
         b> METADATA a SET url x
         b< :chat.local FAIL METADATA KEY_NO_PERMISSION a url :*
         b> METADATA a CLEAR
         b< :chat.local FAIL METADATA KEY_NO_PERMISSION a * :*
         a> METADATA * CLEAR
         a< :chat.local BATCH +* metadata a
         a< @batch=* :chat.local 766 a a url :*
         a< :chat.local BATCH -*
         a> METADATA nobody LIST
         a< :chat.local FAIL METADATA INVALID_TARGET nobody :*
         a> METADATA * DANCE
         a< :chat.local FAIL METADATA INVALID_PARAMS DANCE :*
         a> METADATA * :: dance
         a< :chat.local FAIL METADATA INVALID_PARAMS * :*",
    );
}

/// "These updates will be either a `761 RPL_KEYVALUE` [...] or a `766 RPL_KEYNOTSET`"
#[test]
fn subscribers_are_told_in_numerics() {
    check_caps(
        "a> JOIN #x
         b> JOIN #x
         a> METADATA * SUB avatar Nonsense
         a< :chat.local 770 a avatar
         a< :chat.local WARN METADATA INVALID_KEY Nonsense :*
         a< :chat.local BATCH +* metadata *ALL
         a< :chat.local BATCH -*
         b> METADATA * SET avatar :http://example.org/b.png
         a< :chat.local 761 a b avatar * http://example.org/b.png
         b> METADATA * SET avatar
         a< :chat.local 766 a b avatar :*
         b> METADATA * SET status :here
         b< :chat.local 761 *
         a! * METADATA *
         a> METADATA * UNSUB Nonsense avatar
         a< :chat.local 771 a avatar
         a< :chat.local WARN METADATA INVALID_KEY Nonsense :*
         a> METADATA b SUB avatar
         a< :chat.local FAIL METADATA INVALID_TARGET b :*
         a> METADATA #x SUBS
         a< :chat.local FAIL METADATA INVALID_TARGET #x :*
         a> METADATA a SUBS
         a< :chat.local BATCH +* metadata-subs
         a< :chat.local BATCH -*",
    );
}

/// Both revisions see what the other one publishes; an empty value is none to the newer.
#[test]
fn both_revisions_speak_of_the_same() {
    check(
        "caps a batch draft/metadata-3
         caps b batch draft/metadata-2
         a> JOIN #x
         b> JOIN #x
         a> METADATA * SUB status
         a< :chat.local 770 *
         b> METADATA * SUB status
         b< :chat.local 770 *
         a> METADATA * SET status :here
         b< :chat.local METADATA a status * :here
         b> METADATA * SET status :
         a< :chat.local 766 a b status :*
         a> METADATA b GET status
         a< * 766 a b status :*
         a> METADATA b LIST
         a< :chat.local BATCH +* metadata b
         a< :chat.local BATCH -*
         b> METADATA * LIST
         b< * 761 b b status * :
         b> METADATA * SET status :there
         a< :chat.local 761 a b status * there",
    );
}

/// "Automatic synchronization": on joining, on seeing someone come whom one watches, and in the welcome.
#[test]
fn who_comes_later_learns_what_there_is() {
    check_caps(
        "
         a> JOIN #x
         a> METADATA #x SET url :http://example.org
         a> METADATA * SET status :busy
         b> JOIN #x
         b< :b!* JOIN #x
         b< :chat.local 366 *
         b< :chat.local BATCH +* metadata #x
         b< :chat.local BATCH -*
         b> METADATA * SUB url status
         b< :chat.local 770 b url status
         b< :chat.local BATCH +* metadata *ALL
         b< @batch=* :chat.local 761 b #x url * http://example.org
         b< @batch=* :chat.local 761 b a status * busy
         b< :chat.local BATCH -*
         b> METADATA #x SYNC
         b< :chat.local BATCH +* metadata #x
         b< @batch=* :chat.local 761 b #x url * http://example.org
         b< @batch=* :chat.local 761 b a status * busy
         b< :chat.local BATCH -*
         d> METADATA * SET status :new
         d> JOIN #x
         b< :d!* JOIN #x
         b< :chat.local 761 b d status * new
         b> MONITOR + a,e,f
         b< :chat.local 730 b a!*
         b< :chat.local 731 b e,f
         b< :chat.local BATCH +* metadata a
         b< @batch=* :chat.local 761 b a status * busy
         b< :chat.local BATCH -*
         c> METADATA * SET status :renamed
         c> NICK f
         b< :chat.local 730 * :f!*
         b< :chat.local BATCH +* metadata f
         b< @batch=* :chat.local 761 b f status * renamed
         b< :chat.local BATCH -*
         new z
         z> NICK e
         z> USER e 0 * :e
         b< :chat.local 730 * :e!*
         b< :chat.local BATCH +* metadata e
         b< :chat.local BATCH -*
         b> METADATA *ALL SYNC
         b< :chat.local BATCH +* metadata *ALL
         b< @batch=* :chat.local 761 b f status * renamed
         b< @batch=* :chat.local 761 b #x url * http://example.org
         b< @batch=* :chat.local 761 b a status * busy
         b< @batch=* :chat.local 761 b d status * new
         b< :chat.local BATCH -*
         b> MONITOR S
         b< :chat.local 730 *
         b< :chat.local BATCH +* metadata a
         b< @batch=* :chat.local 761 b a status * busy",
    );
}

/// "the `metadata` batch MUST be nested within the `labeled-response` batch"
#[test]
fn the_batch_stands_inside_the_labelled_answer() {
    check(&format!(
        "caps a {CAPS} labeled-response
         a> METADATA * SET status :busy
         a> @label=l METADATA * SUB status
         a< @label=l :chat.local BATCH +* labeled-response
         a< @batch=* :chat.local 770 a status
         a< @batch=* :chat.local BATCH +* metadata *ALL
         a< @batch=* :chat.local 761 a a status * busy
         a< @batch=* :chat.local BATCH -*
         a< :chat.local BATCH -*"
    ));
}

/// "as part of the registration burst, i.e. before `RPL_ENDOFMOTD` or `ERR_NOMOTD`"; "Clients MUST NOT request
/// more than one of `metadata-notify`, `draft/metadata-2`, and `draft/metadata-3`. Servers MUST NOT accept
/// these requests either."
#[test]
fn one_revision_is_negotiated() {
    check(
        "new z
         z> CAP LS 302
         z< * CAP * LS * :*draft/metadata-2=max-subs=50,max-keys=20,max-value-bytes=300*
         z< * CAP * LS *draft/metadata-3=max-subs=50,max-keys=20,max-key-bytes=32,max-value-bytes=300*
         z> CAP REQ :draft/metadata-2 draft/metadata-3
         z< * CAP * NAK :draft/metadata-2 draft/metadata-3
         z> CAP REQ :draft/metadata-3 batch
         z< * CAP * ACK :draft/metadata-3 batch
         z> CAP REQ draft/metadata-2
         z< * CAP * NAK :draft/metadata-2
         z> CAP REQ :-draft/metadata-3 draft/metadata-2
         z< * CAP * ACK :-draft/metadata-3 draft/metadata-2
         z> CAP REQ :draft/metadata-3 -draft/metadata-2
         z< * CAP * ACK :draft/metadata-3 -draft/metadata-2
         z> NICK z
         z> USER z 0 * :z
         z> CAP END
         z< :chat.local 001 *
         z< :chat.local BATCH +* metadata z
         z< :chat.local BATCH -*
         z< :chat.local 422 *",
    );
}

/// "If a client removes this capability or the batch capability from themselves, servers MUST clear that
/// client's subscription list."
#[test]
fn without_the_capability_there_are_no_subscriptions() {
    for dropped in ["draft/metadata-3", "batch"] {
        check_caps(&format!(
            "a> METADATA * SUB status
             a< :chat.local 770 a status
             a> CAP REQ :-{dropped}
             a< :chat.local CAP a ACK *
             a> CAP REQ :{dropped}
             a< :chat.local CAP a ACK *
             a> METADATA * SUBS
             a< :chat.local BATCH +* metadata-subs
             a< :chat.local BATCH -*
             a! * 772 *"
        ));
    }
}

/// "LIMIT_REACHED" and its limit, "INVALID_VALUE" and its key.
#[test]
fn limits_are_named() {
    let long = "v".repeat(301);
    check_with(
        &format!(
            "caps a {CAPS}
             a> METADATA * SET one :{long}
             a< :chat.local FAIL METADATA INVALID_VALUE one :*
             a> METADATA * SET one 1
             a< :chat.local 761 a a one * 1
             a> METADATA * SET two 2
             a< :chat.local 761 a a two * 2
             a> METADATA * SET three 3
             a< :chat.local FAIL METADATA LIMIT_REACHED a 2 :*
             a> METADATA * SUB s1 s2 s2 s3 s4
             a< :chat.local 770 a s1 s2 s2
             a< :chat.local FAIL METADATA LIMIT_REACHED s3 2 :*
             a< :chat.local BATCH +* metadata *ALL"
        ),
        |config| (config.limits.metadata_keys_max, config.limits.subscriptions_max) = (2, 2),
    );
}

/// Those who have not asked for `batch` too are not aware of metadata.
#[test]
fn without_batches_nobody_is_told_unasked() {
    check(
        "caps a draft/metadata-3
         a> JOIN #x
         a< :chat.local 366 *
         a> METADATA * SUB status
         a< :chat.local 770 a status
         b> JOIN #x
         b> METADATA * SET status :here
         b< :chat.local 761 b b status * here
         a! * 761 *",
    );
}
