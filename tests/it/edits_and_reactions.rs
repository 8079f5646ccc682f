//! The fate of messages after they were said: reactions, edits, deletions, and how those who were away learn of it.

use chat_server::hub::Door;
use chat_tests::{
    script::check,
    world::{SimLog, World},
};

const CAPS: &str = "batch server-time message-tags echo-message labeled-response standard-replies \
                    draft/chathistory draft/message-redaction chat.local/edit chat.local/changes";

/// A world where people connect with capabilities and talk about messages by their ids.
struct Talk {
    world: World,
}

impl Talk {
    fn new() -> Self {
        Self { world: World::new(1, SimLog::default(), |_| ()) }
    }

    fn connect(&mut self, nick: &str, caps: &str) {
        self.world.open(nick, Door::Irc);
        let lines = format!("CAP REQ :{caps}\r\nNICK {nick}\r\nUSER u 0 * :R\r\nCAP END\r\n");
        self.world.send_bytes(nick, lines.as_bytes());
        self.world.settle();
        self.world.forget(nick);
    }

    /// Says something; time goes on.
    fn say(&mut self, nick: &str, line: &str) {
        self.world.send_bytes(nick, format!("{line}\r\n").as_bytes());
        self.world.settle();
        self.world.pass(std::time::Duration::from_millis(5));
    }

    /// Says something that is kept; its id.
    fn id(&mut self, nick: &str, line: &str) -> String {
        self.say(nick, line);
        let last = self.world.appended().last().unwrap();
        last.event.msgid.as_deref().unwrap().to_owned()
    }

    #[track_caller]
    fn expect(&mut self, nick: &str, mask: &str) {
        let is_there = self.world.expect(nick, mask);
        assert!(is_there, "{nick} has not got {mask}\n{}", self.world.transcript.join("\n"));
    }

    #[track_caller]
    fn expect_none(&self, nick: &str, mask: &str) {
        let lines = self.world.unexpected(nick);
        let found = lines.iter().find(|line| chat_core::proto::mask_matches(mask, line));
        assert!(found.is_none(), "{found:?}\n{}", self.world.transcript.join("\n"));
    }

    fn history(&mut self, nick: &str, target: &str) {
        self.world.forget(nick);
        self.say(nick, &format!("CHATHISTORY LATEST {target} * 50"));
        self.expect(nick, &format!(":chat.local BATCH +* chathistory {target}"));
    }
}

/// <https://ircv3.net/specs/extensions/message-redaction>
#[test]
fn a_message_is_deleted_by_its_author_and_by_operators() {
    let mut talk = Talk::new();
    talk.connect("ann", CAPS);
    talk.connect("bob", CAPS);
    talk.connect("old", "message-tags draft/chathistory batch");
    talk.connect("cy", CAPS);
    for nick in ["ann", "bob", "old"] {
        talk.say(nick, "JOIN #x");
    }
    let first = talk.id("bob", "PRIVMSG #x :to be deleted");
    let second = talk.id("bob", "PRIVMSG #x :by an operator");
    let third = talk.id("ann", "PRIVMSG #x :not yours");
    talk.say("ann", &format!("@+reply={first};+draft/react=:) TAGMSG #x"));
    talk.world.forget("bob");
    talk.say("bob", &format!("@label=7 REDACT #x {first} :a mistake"));
    talk.expect("bob", &format!("@*label=7* :bob!* REDACT #x {first} :a mistake"));
    talk.expect("ann", &format!("* :bob!* REDACT #x {first} :a mistake"));
    talk.expect_none("old", "*REDACT*");
    talk.say("ann", &format!("REDACT #x {second}"));
    talk.expect("bob", &format!("* :ann!* REDACT #x {second}"));
    talk.say("bob", &format!("REDACT #x {third}"));
    talk.expect("bob", &format!("* FAIL REDACT REDACT_FORBIDDEN #x {third} :only *"));
    // Once, and only what is there, for those who may see it.
    talk.say("bob", &format!("REDACT #x {first}"));
    talk.expect("bob", &format!("* FAIL REDACT UNKNOWN_MSGID #x {first} :*"));
    talk.say("bob", "REDACT #x nonsense");
    talk.expect("bob", "* FAIL REDACT UNKNOWN_MSGID #x nonsense :*");
    talk.say("cy", &format!("REDACT #x {third}"));
    talk.expect("cy", "* FAIL REDACT INVALID_TARGET #x :*");
    talk.say("cy", "REDACT nobody 1");
    // Which accounts there are is not told by it.
    talk.expect("cy", "* FAIL REDACT UNKNOWN_MSGID nobody 1 :*");
    talk.say("old", &format!("REDACT #x {third}"));
    talk.expect("old", "* 421 old REDACT *");
    // In the history there is nothing left of it but that it was.
    talk.history("ann", "#x");
    talk.expect("ann", &format!("@batch=*msgid={first} :bob!* PRIVMSG #x :(deleted)"));
    talk.expect(
        "ann",
        &format!("@batch=*;draft/chathistory-context* :bob!* REDACT #x {first} :a mistake"),
    );
    talk.expect("ann", &format!("@batch=*msgid={second} :bob!* PRIVMSG #x :(deleted)"));
    talk.expect("ann", &format!("@batch=*;draft/chathistory-context* :ann!* REDACT #x {second}"));
    talk.expect("ann", "@batch=* PRIVMSG #x :not yours");
    talk.expect_none("ann", "*react*");
    talk.history("old", "#x");
    talk.expect_none("old", "*deleted*");
    talk.expect("old", "@batch=* PRIVMSG #x :not yours");
}

#[test]
fn a_direct_message_is_deleted_by_its_author_alone() {
    let mut talk = Talk::new();
    talk.connect("ann", CAPS);
    talk.connect("bob", CAPS);
    let hers = talk.id("ann", "PRIVMSG bob :between us");
    talk.say("bob", &format!("REDACT ann {hers}"));
    talk.expect("bob", "* FAIL REDACT REDACT_FORBIDDEN ann *");
    talk.say("ann", &format!("REDACT bob {hers}"));
    talk.expect("bob", &format!("* :ann!* REDACT bob {hers}"));
    talk.history("bob", "ann");
    talk.expect("bob", "@batch=* :ann!* PRIVMSG bob :(deleted)");
    // Whoever comes later under her nick is somebody else.
    let other = talk.id("ann", "PRIVMSG bob :another one");
    talk.world.drop_connection("ann");
    talk.world.settle();
    talk.world.open("ann2", Door::Irc);
    let lines = format!("CAP REQ :{CAPS}\r\nNICK ann\r\nUSER u 0 * :R\r\nCAP END\r\n");
    talk.world.send_bytes("ann2", lines.as_bytes());
    talk.world.settle();
    talk.say("ann2", &format!("REDACT bob {other}"));
    talk.expect("ann2", "* FAIL REDACT UNKNOWN_MSGID bob *");
}

/// `docs/edit.md`
#[test]
fn a_message_is_edited_by_its_author() {
    let mut talk = Talk::new();
    talk.connect("ann", CAPS);
    talk.connect("bob", CAPS);
    talk.connect("old", "message-tags");
    talk.connect("plain", "batch");
    for nick in ["ann", "bob", "old", "plain"] {
        talk.say(nick, "JOIN #x");
    }
    let first = talk.id("bob", "PRIVMSG #x :teh first");
    talk.say("bob", &format!("@label=1 EDIT #x {first} :the first"));
    talk.expect("bob", &format!("@*label=1* :bob!* EDIT #x {first} :the first"));
    talk.expect("ann", &format!("* :bob!* EDIT #x {first} :the first"));
    talk.expect("old", &format!("@*+draft/reply={first}* :bob!* PRIVMSG #x :(edited) the first"));
    talk.expect("plain", ":bob!* PRIVMSG #x :(edited) the first");
    talk.say("ann", &format!("EDIT #x {first} :mine"));
    talk.expect("ann", &format!("* FAIL EDIT EDIT_FORBIDDEN #x {first} :*"));
    talk.say("bob", "EDIT #x nonsense :x");
    talk.expect("bob", "* FAIL EDIT UNKNOWN_MSGID #x nonsense :*");
    talk.say("bob", &format!("EDIT #x {first} :{}", "y".repeat(470)));
    talk.expect("bob", "* 417 *");
    talk.say("old", &format!("EDIT #x {first} :x"));
    talk.expect("old", "* 421 old EDIT *");
    talk.say("bob", &format!("EDIT #x {first} :the very first"));
    // In the history it says what it says now, and that it was edited.
    talk.history("ann", "#x");
    talk.expect("ann", &format!("@batch=*msgid={first} :bob!* PRIVMSG #x :the very first"));
    talk.expect(
        "ann",
        &format!("@batch=*draft/chathistory-context* EDIT #x {first} :the very first"),
    );
    talk.expect("ann", ":chat.local BATCH -*");
    // Who may not speak does not speak in the place of something else.
    talk.say("ann", "MODE #x +m");
    talk.world.forget("bob");
    talk.say("bob", &format!("EDIT #x {first} :let me speak"));
    talk.expect("bob", "* 404 bob #x :*");
    talk.say("ann", "MODE #x -m");
    // Deleted, it cannot be edited any more.
    talk.say("bob", &format!("REDACT #x {first}"));
    talk.world.forget("bob");
    talk.say("bob", &format!("EDIT #x {first} :again"));
    talk.expect("bob", "* FAIL EDIT UNKNOWN_MSGID *");
}

/// <https://ircv3.net/specs/client-tags/react>: "deduplicated by account" is this project's
#[test]
fn reactions_are_kept_once_and_taken_back() {
    let mut talk = Talk::new();
    talk.connect("ann", CAPS);
    talk.connect("bob", CAPS);
    for nick in ["ann", "bob"] {
        talk.say(nick, "JOIN #x");
    }
    let first = talk.id("bob", "PRIVMSG #x :what a day");
    let react =
        |word: &str, value: &str| format!("@+reply={first};+draft/{word}={value} TAGMSG #x");
    talk.say("ann", &react("react", "👋"));
    talk.expect("bob", &format!("@*+reply={first};+draft/react=👋* :ann!* TAGMSG #x"));
    talk.world.forget("bob");
    talk.world.forget("ann");
    // Said again, it is there already.
    talk.say("ann", &react("react", "👋"));
    talk.expect("ann", "@*+draft/react=👋* :ann!* TAGMSG #x");
    talk.expect_none("bob", "*TAGMSG*");
    talk.say("ann", &react("react", "x"));
    talk.say("bob", &react("react", "👋"));
    talk.say("ann", &react("unreact", "👋"));
    talk.expect("bob", "@*+draft/unreact=👋* :ann!* TAGMSG #x");
    talk.history("bob", "#x");
    talk.expect("bob", "@batch=* PRIVMSG #x :what a day");
    talk.expect("bob", "@batch=*draft/chathistory-context*+draft/react=x* :ann!* TAGMSG #x");
    talk.expect("bob", "@batch=*draft/chathistory-context*+draft/react=👋* :bob!* TAGMSG #x");
    talk.expect_none("bob", "*TAGMSG*");
    talk.world.forget("ann");
    talk.say("ann", &react("react", &"z".repeat(65)));
    talk.expect("ann", "* FAIL TAGMSG INVALID_REACTION :a reaction has at most 64 bytes");
    // Of what is not there, and what is no reaction, nothing is kept.
    talk.say("ann", "@+reply=nothing;+draft/react=x TAGMSG #x");
    talk.expect("bob", "@*+reply=nothing* TAGMSG #x");
    talk.say("ann", "@+typing=active TAGMSG #x");
    talk.expect("bob", "@*+typing=active* TAGMSG #x");
    talk.history("bob", "#x");
    talk.expect_none("bob", "*nothing*");
}

/// "Such messages MUST be tagged with the `draft/chathistory-context` tag and MUST immediately follow their parent
/// message."
#[test]
fn what_a_message_answers_comes_with_it() {
    let mut talk = Talk::new();
    talk.connect("ann", CAPS);
    talk.connect("late", "draft/chathistory batch");
    talk.say("ann", "JOIN #x");
    talk.say("late", "JOIN #x");
    let question = talk.id("ann", "PRIVMSG #x :the question");
    talk.say("ann", "PRIVMSG #x :something else");
    talk.say("ann", &format!("@+draft/reply={question} PRIVMSG #x :the answer"));
    talk.world.forget("ann");
    talk.say("ann", "CHATHISTORY LATEST #x * 1");
    talk.expect("ann", "@batch=* PRIVMSG #x :the answer");
    talk.expect("ann", "@batch=*draft/chathistory-context* PRIVMSG #x :the question");
    talk.expect("ann", ":chat.local BATCH -*");
    // Where it is told anyway it is told once, and to those who know no tags not at all.
    talk.history("ann", "#x");
    talk.expect_none("ann", "*draft/chathistory-context*");
    talk.world.forget("late");
    talk.say("late", "CHATHISTORY LATEST #x * 1");
    talk.expect("late", "@batch=* PRIVMSG #x :the answer");
    talk.expect_none("late", "*the question*");
}

/// `docs/changes.md`: whole after one question.
#[test]
fn who_was_away_is_told_all_that_changed() {
    let mut talk = Talk::new();
    talk.connect("ann", CAPS);
    talk.connect("bob", CAPS);
    for nick in ["ann", "bob"] {
        talk.say(nick, "JOIN #x,#y");
    }
    let first = talk.id("bob", "PRIVMSG #x :before");
    let second = talk.id("bob", "PRIVMSG #x :before that too");
    let since = humantime::format_rfc3339_millis(talk.world.appended().last().unwrap().event.time);
    talk.say("bob", "PRIVMSG #y :elsewhere");
    talk.say("bob", &format!("EDIT #x {first} :before, but better"));
    talk.say("bob", &format!("REDACT #x {second}"));
    talk.say("bob", "PRIVMSG ann :between us");
    talk.say("bob", &format!("@+reply={first};+draft/react=a TAGMSG #x"));
    talk.world.forget("ann");
    talk.say("ann", &format!("@label=9 CHANGES * timestamp={since} 4"));
    talk.expect(
        "ann",
        "@label=9 :chat.local BATCH +* chat.local/changes \\* more".replace("\\*", "*").as_str(),
    );
    talk.expect("ann", "@batch=* :bob!* PRIVMSG #y :elsewhere");
    talk.expect("ann", &format!("@batch=* :bob!* EDIT #x {first} :before, but better"));
    talk.expect("ann", &format!("@batch=* :bob!* REDACT #x {second}"));
    talk.expect("ann", "@batch=* :bob!* PRIVMSG ann :between us");
    talk.expect("ann", ":chat.local BATCH -*");
    talk.expect_none("ann", "*");
    talk.say("ann", &format!("CHANGES #X msgid={second} 50"));
    talk.expect(
        "ann",
        ":chat.local BATCH +* chat.local/changes #x \\*".replace("\\*", "*").as_str(),
    );
    talk.expect("ann", "@batch=* EDIT *");
    talk.expect("ann", "@batch=* REDACT *");
    talk.expect("ann", "@batch=*+draft/react=a* :bob!* TAGMSG #x");
    talk.expect("ann", ":chat.local BATCH -*");
    talk.say("ann", "CHANGES bob \\* 50".replace("\\*", "*").as_str());
    talk.expect("ann", ":chat.local BATCH +* chat.local/changes bob *");
    talk.expect("ann", "@batch=* PRIVMSG ann :between us");
}

#[test]
fn what_cannot_be_asked_of_changes_is_said() {
    check(&format!(
        "caps a {CAPS}
         b> CHANGES * * 5
         b< * 421 b CHANGES *
         a> CHANGES * *
         a< * 461 a CHANGES *
         a> CHANGES #nowhere * 5
         a< * FAIL CHANGES INVALID_TARGET #nowhere :*
         a> CHANGES * many 5
         a< * FAIL CHANGES INVALID_PARAMS * many :*
         a> CHANGES * msgid=1 5
         a< * FAIL CHANGES INVALID_PARAMS * :of all *
         a> CHANGES * * many
         a< * FAIL CHANGES INVALID_PARAMS * many :*
         a> EDIT #x
         a< * 461 a EDIT *
         a> REDACT #x
         a< * 461 a REDACT *
         a> EDIT #nowhere 1 :x
         a< * FAIL EDIT INVALID_TARGET #nowhere :*
         a> CHANGES * * 5
         a< :chat.local BATCH +* chat.local/changes * *
         a< :chat.local BATCH -*"
    ));
}

/// What is for some of the room stays so, whatever happens to it.
#[test]
fn what_was_for_operators_is_changed_for_operators() {
    let mut talk = Talk::new();
    for nick in ["ann", "bob", "cy"] {
        talk.connect(nick, CAPS);
        talk.say(nick, "JOIN #x");
    }
    talk.say("ann", "MODE #x +o bob");
    let secret = talk.id("ann", "PRIVMSG @#x :for operators");
    talk.world.forget("cy");
    talk.say("cy", &format!("REDACT #x {secret}"));
    talk.expect("cy", "* FAIL REDACT UNKNOWN_MSGID *");
    talk.say("ann", &format!("EDIT #x {secret} :for us"));
    talk.expect("bob", &format!("* :ann!* EDIT @#x {secret} :for us"));
    talk.say("bob", &format!("REDACT #x {secret}"));
    talk.expect("ann", &format!("* :bob!* REDACT @#x {secret}"));
    talk.history("cy", "#x");
    talk.expect_none("cy", &format!("*{secret}*"));
    talk.history("bob", "#x");
    talk.expect("bob", &format!("@batch=*msgid={secret} :ann!* PRIVMSG @#x :(deleted)"));
}
