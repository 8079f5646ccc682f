//! Read markers (<https://ircv3.net/specs/extensions/read-marker>).

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use chat_tests::{TestClient, TestServer, folder::TempFolder, script::check};

fn another_device() -> String {
    let response = BASE64.encode("\0ann\0correcthorse");
    format!(
        "new phone
         phone> CAP REQ :sasl draft/read-marker
         phone> AUTHENTICATE PLAIN
         phone> AUTHENTICATE {response}
         phone> NICK ann
         phone> USER u 0 * :A
         phone> CAP END
         phone< * 001 ann *\n"
    )
}

#[test]
fn a_marker_is_ones_own_and_on_all_devices() {
    check(
        &format!(
            "caps ann draft/read-marker
         ann> NS REGISTER correcthorse
         ann< * 900 *
         ann> JOIN #x
         ann< * JOIN #x
         ann< :chat.local MARKREAD #x *
         ann< * 366 *
         caps bob draft/read-marker
         bob> JOIN #x
         bob< :chat.local MARKREAD #x \\*
         bob< * 366 *
         {}
         phone< * JOIN #x
         phone< :chat.local MARKREAD #x \\*
         phone< * 366 *
         ann> MARKREAD #X timestamp=2026-01-04T14:33:26.123Z
         ann< :chat.local MARKREAD #x timestamp=2026-01-04T14:33:26.123Z
         phone< :chat.local MARKREAD #x timestamp=2026-01-04T14:33:26.123Z
         bob! *MARKREAD*
         // It only grows.
         phone> MARKREAD #x timestamp=2026-01-03T00:00:00.000Z
         phone< :chat.local MARKREAD #x timestamp=2026-01-04T14:33:26.123Z
         ann! *MARKREAD*
         phone> MARKREAD #x timestamp=2026-01-05T00:00:00.000Z
         ann< :chat.local MARKREAD #x timestamp=2026-01-05T00:00:00.000Z
         // And not beyond now.
         ann> MARKREAD bob
         ann< :chat.local MARKREAD bob \\*
         ann> MARKREAD bob timestamp=9026-01-05T00:00:00.000Z
         ann< :chat.local MARKREAD bob timestamp=202*
         phone< :chat.local MARKREAD bob timestamp=202*
         ann> MARKREAD bob
         ann< :chat.local MARKREAD bob timestamp=202*
         bob> MARKREAD ann
         bob< :chat.local MARKREAD ann \\*
         // Entered on one device, it is told on the other.
         ann> JOIN #y
         phone< * JOIN #y
         phone< :chat.local MARKREAD #y \\*
         phone< * 366 ann #y *",
            another_device()
        )
        .replace("\\*", "*"),
    );
}

#[test]
fn what_is_no_marker_is_refused() {
    check(
        "caps ann draft/read-marker
         bob> MARKREAD #x
         bob< * 421 bob MARKREAD *
         ann> MARKREAD
         ann< * FAIL MARKREAD NEED_MORE_PARAMS :*
         ann> MARKREAD #nowhere
         ann< * FAIL MARKREAD INVALID_PARAMS #nowhere :*
         ann> MARKREAD nobody
         ann< * FAIL MARKREAD INVALID_PARAMS nobody :*
         bob> JOIN #x
         ann> MARKREAD #x
         ann< * FAIL MARKREAD INVALID_PARAMS #x :*
         ann> MARKREAD bob yesterday
         ann< * FAIL MARKREAD INVALID_PARAMS bob yesterday :*
         ann> MARKREAD bob timestamp=yesterday
         ann< * FAIL MARKREAD INVALID_PARAMS bob timestamp=yesterday :*
         ann> MARKREAD bob *
         ann< * FAIL MARKREAD INVALID_PARAMS bob * :*
         // Of a guest, as long as both are here.
         ann> MARKREAD bob timestamp=2026-01-05T00:00:00.000Z
         ann< * MARKREAD bob timestamp=2026-01-05T00:00:00.000Z
         bob> QUIT
         bob< ERROR *
         new bob2
         bob2> NICK bob
         bob2> USER u 0 * :B
         bob2< * 001 *
         ann> MARKREAD bob
         ann< * MARKREAD bob *
         ann! *2026*",
    );
    check(
        "caps ann draft/read-marker
         ann> NS REGISTER correcthorse
         ann< * 900 *
         ann> JOIN #x
         ann< * 366 *
         hold log
         ann> MARKREAD #x timestamp=2026-01-05T00:00:00.000Z
         ann! *MARKREAD*
         wait 16
         ann< * FAIL MARKREAD INTERNAL_ERROR #x :storing it takes too long*
         free log
         ann< * MARKREAD #x timestamp=2026-01-05T00:00:00.000Z",
    );
}

#[test]
fn markers_last() {
    let folder = TempFolder::new("markers");
    let start = || TestServer::with(|config| config.data = Some(folder.path().to_owned()));
    let server = start();
    let mut ann = TestClient::register_with(&server, "ann", "draft/read-marker");
    ann.send("NS REGISTER correcthorse");
    ann.expect("* 900 *");
    ann.send("MARKREAD #lobby timestamp=2026-01-05T00:00:00.000Z");
    ann.expect("* MARKREAD #lobby timestamp=2026-01-05T00:00:00.000Z");
    drop((ann, server));
    let server = start();
    let mut ann = TestClient::connect(server.address());
    let response = BASE64.encode("\0ann\0correcthorse");
    ann.send("CAP REQ :sasl draft/read-marker");
    ann.send("AUTHENTICATE PLAIN");
    ann.send(&format!("AUTHENTICATE {response}"));
    ann.expect("* 900 *");
    ann.send("NICK ann");
    ann.send("USER u 0 * :A");
    ann.send("CAP END");
    ann.expect("* JOIN #lobby");
    ann.expect("* MARKREAD #lobby timestamp=2026-01-05T00:00:00.000Z");
    ann.expect("* 366 *");
    // With the room's name they change theirs.
    ann.send("JOIN #one");
    ann.expect("* 366 ann #one *");
    ann.send("MARKREAD #one timestamp=2026-01-05T00:00:00.000Z");
    ann.expect("* MARKREAD #one timestamp=2026-01-05T00:00:00.000Z");
    ann.send("RENAME #one #hall");
    ann.expect("* JOIN #hall");
    ann.send("MARKREAD #hall");
    ann.expect("* MARKREAD #hall timestamp=2026-01-05T00:00:00.000Z");
    // With the account they go, too.
    ann.send("NS DROP ann correcthorse");
    ann.expect("* 901 *");
    ann.send("NS REGISTER correcthorse");
    ann.expect("* 900 *");
    ann.send("MARKREAD #lobby");
    ann.expect("* MARKREAD #lobby \\*".replace("\\*", "*").as_str());
    ann.expect_none("*timestamp=*");
}
