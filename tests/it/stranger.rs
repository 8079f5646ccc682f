//! Strangers in the simulation: somebody who never was in a room, somebody who has left it, somebody with an account and
//! somebody who has not even registered try every command on every room, while those inside talk. All that goes to them is
//! read: nothing that was said, set or done inside is in it, and inside nothing changes by them (`docs/authorisation.md`).
//!
//! `SEED=123 cargo test -p chat-tests stranger` runs one seed alone.

use std::collections::{BTreeMap, BTreeSet};

use chat_core::proto::SPECS;
use chat_server::{delivery::RecordContent, hub::Door};
use chat_tests::world::{SimLog, World};

use super::sim::quick_checker;

/// A room that strangers may know nothing of, as `docs/authorisation.md` has it: secret, and not open to all.
struct Den {
    /// Its names: it is renamed in some worlds.
    names: [&'static str; 2],
    /// Its founder, who sees all of it.
    founder: &'static str,
    modes: &'static str,
}

const DENS: [Den; 3] = [
    Den { names: ["#closed", "#shut"], founder: "bob", modes: "+si" },
    // Its key is a word of the inside.
    Den { names: ["#locked", "#barred"], founder: "bob", modes: "+sk zq1x0qz" },
    // Registered: its founder has an account.
    Den { names: ["#kept", "#held"], founder: "ann", modes: "+si" },
];

/// All rooms that are tried: a den has two names, one that all are in, and one that is not there.
const ROOMS: [&str; 8] =
    ["#closed", "#shut", "#locked", "#barred", "#kept", "#held", "#open", "#nowhere"];

const INSIDE: [&str; 3] = ["ann", "bob", "mia"];

/// The capabilities of everybody, each where the server has it.
const CAPABILITIES: &str = "message-tags batch echo-message labeled-response server-time account-tag \
     account-notify away-notify invite-notify extended-join extended-monitor userhost-in-names multi-prefix sasl \
     draft/chathistory draft/event-playback draft/message-redaction chat.local/edit chat.local/search \
     chat.local/changes draft/metadata-2 draft/multiline draft/read-marker draft/channel-rename standard-replies";

/// Every word of the protocol, and ways to try it: on a room, with the id of a message from inside, with the nick of
/// somebody inside.
const TRIES: &[(&str, &[&str])] = &[
    ("ADMIN", &["ADMIN"]),
    (
        "AUTHENTICATE",
        &["AUTHENTICATE PLAIN\r\nAUTHENTICATE *", "AUTHENTICATE EXTERNAL\r\nAUTHENTICATE +"],
    ),
    ("AWAY", &["AWAY :out", "AWAY"]),
    (
        "BATCH",
        &[
            "BATCH +m draft/multiline {room}\r\n@batch=m PRIVMSG {room} :one\r\n@batch=m PRIVMSG {room} :two\r\nBATCH -m",
        ],
    ),
    ("CAP", &["CAP LIST", "CAP LS 302", "CAP REQ :draft/event-playback"]),
    (
        "CHANGES",
        &[
            "CHANGES * * 100",
            "CHANGES {room} * 100",
            "CHANGES * timestamp=2020-01-01T00:00:00.000Z 100",
            "CHANGES {room} timestamp=2020-01-01T00:00:00.000Z 100",
            "CHANGES {room} msgid={msgid} 100",
        ],
    ),
    ("CHANSERV", &["CHANSERV HELP", "CHANSERV INFO {room}"]),
    (
        "CHATHISTORY",
        &[
            "CHATHISTORY LATEST {room} * 100",
            "CHATHISTORY BEFORE {room} timestamp=2030-01-01T00:00:00.000Z 100",
            "CHATHISTORY AFTER {room} timestamp=2020-01-01T00:00:00.000Z 100",
            "CHATHISTORY AROUND {room} msgid={msgid} 100",
            "CHATHISTORY AROUND #open msgid={msgid} 100",
            "CHATHISTORY BETWEEN {room} timestamp=2020-01-01T00:00:00.000Z timestamp=2030-01-01T00:00:00.000Z 100",
            "CHATHISTORY TARGETS timestamp=2020-01-01T00:00:00.000Z timestamp=2030-01-01T00:00:00.000Z 100",
            "CHATHISTORY LATEST @{room} * 100",
        ],
    ),
    ("CHGHOST", &["CHGHOST {nick} a b"]),
    (
        "CS",
        &[
            "CS REGISTER {room}",
            "CS GIVE {room} ina",
            "CS END {room}",
            "CS ACCESS {room}",
            "CS OP {room} ina",
            "CS DEOP {room} ann",
            "CS VOICE {room} ina",
            "CS DEVOICE {room} ann",
            "CS BAN {room} {nick}",
            "CS MUTE {room} {nick} 1m loud",
            "CS UNBAN {room} {nick}",
            "CS UNMUTE {room} {nick}",
            "CS BANS {room}",
            "CS LINK {room}",
            "CS LINKS {room}",
            "CS UNLINK {room} 1",
            "CS WAITING {room}",
            "CS APPROVE {room} eve",
            "CS REJECT {room} eve",
            "CS LOG {room} 100",
        ],
    ),
    (
        "EDIT",
        &["EDIT {room} {msgid} :common words of mine", "EDIT #open {msgid} :common words of mine"],
    ),
    ("HELP", &["HELP", "HELP JOIN"]),
    ("HELPOP", &["HELPOP"]),
    ("INFO", &["INFO"]),
    ("INVITE", &["INVITE eve {room}", "INVITE {nick} {room}", "INVITE"]),
    ("ISON", &["ISON {nick}"]),
    ("ISUPPORT", &["ISUPPORT"]),
    (
        "JOIN",
        &[
            "JOIN {room}",
            "JOIN {room} sesame",
            "JOIN {room},#open",
            "JOIN {upper}",
            "PART {room}\r\nJOIN {room}\r\nCHATHISTORY LATEST {room} * 100",
        ],
    ),
    ("KICK", &["KICK {room} {nick} :out", "KICK {room} eve"]),
    ("KILL", &["KILL {nick} :out"]),
    ("KNOCK", &["KNOCK {room}", "KNOCK {room} :let me in"]),
    ("LINKS", &["LINKS"]),
    ("LIST", &["LIST", "LIST {room}", "LIST *e*", "LIST >0", "LIST T>0"]),
    ("LUSERS", &["LUSERS"]),
    ("MARKREAD", &["MARKREAD {room}", "MARKREAD {room} timestamp=2027-01-01T00:00:00.000Z"]),
    (
        "METADATA",
        &[
            "METADATA {room} LIST",
            "METADATA {room} GET url",
            "METADATA {room} SET url :mine",
            "METADATA {room} SYNC",
            "METADATA {room} CLEAR",
            "METADATA * SUB url\r\nMETADATA * SUBS",
        ],
    ),
    (
        "MODE",
        &[
            "MODE {room}",
            "MODE {room} b",
            "MODE {room} I",
            "MODE {room} e",
            "MODE {room} +o eve",
            "MODE {room} -ski zq",
            "MODE {room} -o {nick}",
            "MODE {room} +I eve!*@*",
            "MODE {room} +b {nick}!*@*",
            "MODE eve +i",
        ],
    ),
    ("MONITOR", &["MONITOR + {nick}", "MONITOR S", "MONITOR C"]),
    ("SILENCE", &["SILENCE {nick}", "SILENCE", "SILENCE -{nick}"]),
    ("MOTD", &["MOTD"]),
    ("NAMES", &["NAMES {room}", "NAMES {room},#open", "NAMES", "NAMES {upper}"]),
    ("NICK", &["NICK other\r\nNICK eve", "NICK {nick}"]),
    ("NICKSERV", &["NICKSERV HELP"]),
    (
        "NOTICE",
        &[
            "NOTICE {room} :common words",
            "NOTICE @{room} :common words",
            "NOTICE {nick},{room} :common words",
        ],
    ),
    (
        "NS",
        &[
            "NS INFO {nick}",
            "NS IDENTIFY {nick} wrong",
            "NS SESSIONS",
            "NS CERT",
            "NS STAY ON",
            "NS DROP ann wrong",
        ],
    ),
    ("OPER", &["OPER root root"]),
    ("OPERSERV", &["OPERSERV BANS"]),
    ("OS", &["OS BAN ~a:ann 1h", "OS UNBAN ~a:ann"]),
    ("PART", &["PART {room} :common words"]),
    ("PASS", &["PASS x"]),
    ("PING", &["PING {room}"]),
    ("PONG", &["PONG {room}"]),
    (
        "PRIVMSG",
        &[
            "PRIVMSG {room} :common words",
            "PRIVMSG @{room} :common words",
            "PRIVMSG {upper},{room} :common words",
        ],
    ),
    ("QUIT", &["QUIT :bye"]),
    ("REDACT", &["REDACT {room} {msgid}", "REDACT #open {msgid} :gone"]),
    ("REGISTER", &["REGISTER * * correcthorse"]),
    ("REHASH", &["REHASH"]),
    ("RENAME", &["RENAME {room} #taken", "RENAME #open {room}"]),
    (
        "SEARCH",
        &[
            "SEARCH text=common",
            "SEARCH in={room};text=common",
            "SEARCH in={room};text=words;from={nick}",
        ],
    ),
    ("SETNAME", &["SETNAME :other"]),
    (
        "TAGMSG",
        &[
            "@+reply={msgid};+draft/react=a TAGMSG {room}",
            "@+reply={msgid};+draft/react=a TAGMSG #open",
            "@+reply={msgid};+draft/unreact=a TAGMSG @{room}",
        ],
    ),
    ("TIME", &["TIME"]),
    ("TOPIC", &["TOPIC {room}", "TOPIC {room} :mine", "TOPIC {room} :"]),
    ("UNINVITE", &["UNINVITE eve {room}", "UNINVITE {nick} {room}"]),
    ("USER", &["USER u 0 * :R"]),
    ("USERHOST", &["USERHOST {nick}"]),
    ("VERIFY", &["VERIFY ann 1"]),
    ("VERSION", &["VERSION"]),
    ("WALLOPS", &["WALLOPS :common words"]),
    ("WEBIRC", &["WEBIRC x y z 127.0.0.1"]),
    ("WHO", &["WHO {room}", "WHO *", "WHO {nick}", "WHO {room} %tcuhnfar,1", "WHO {upper} o"]),
    ("WHOIS", &["WHOIS {nick}", "WHOIS {nick} {nick}", "WHOIS *"]),
    ("WHOWAS", &["WHOWAS {nick}", "WHOWAS gone"]),
];

/// Replies that say something of a room or of who is in it; others repeat its name because it was asked for.
const TELLING: [&str; 12] =
    ["319", "322", "324", "329", "332", "333", "346", "348", "352", "353", "354", "367"];

/// A word that is said inside that den alone.
fn token(den: usize, n: u64) -> String {
    format!("zq{den}x{n}qz")
}

/// A connection of a stranger, and from which line on each den is none of theirs.
struct Stranger {
    conn: String,
    nick: &'static str,
    /// For each den, the lines that came while they were in it.
    n_before: [usize; DENS.len()],
}

struct Play {
    world: World,
    random: fastrand::Rng,
    strangers: Vec<Stranger>,
    n_conns: usize,
    n_said: u64,
    /// The name that each den has now.
    names: [&'static str; DENS.len()],
}

impl Play {
    fn new(seed: u64) -> Self {
        let log = if seed.is_multiple_of(2) {
            SimLog::default()
        } else {
            SimLog { late: 60, failing: 3, restarting: 0 }
        };
        let mut world = World::new(seed, log, |_| ());
        world.checker = quick_checker;
        let mut play = Self {
            world,
            random: fastrand::Rng::with_seed(seed),
            strangers: Vec::new(),
            n_conns: 0,
            n_said: 1,
            names: DENS.map(|den| den.names[0]),
        };
        for name in INSIDE {
            play.come(name, name);
        }
        play.say("ann", "NS REGISTER correcthorse");
        for (den, Den { names, founder, modes }) in DENS.iter().enumerate() {
            let room = names[0];
            play.say(founder, &format!("JOIN {room}\r\nMODE {room} {modes}"));
            for guest in INSIDE.iter().filter(|name| *name != founder) {
                play.say(founder, &format!("INVITE {guest} {room}"));
                play.say(guest, &format!("JOIN {room}"));
            }
            play.say(founder, &format!("TOPIC {room} :{}", token(den, 0)));
        }
        play.say("mia", "JOIN #open");
        play.stranger("eve", "NICK eve\r\nUSER u 0 * :R\r\nCAP END\r\nJOIN #open");
        play.stranger(
            "ina",
            "NICK ina\r\nUSER u 0 * :R\r\nCAP END\r\nNS REGISTER correcthorse\r\nJOIN #open",
        );
        play.stranger("new", "CAP LS 302");
        play.stranger("fay", "NICK fay\r\nUSER u 0 * :R\r\nCAP END");
        play.let_fay_in_and_out();
        play
    }

    /// Somebody was in each den for a while: they left one, and were removed from the others.
    fn let_fay_in_and_out(&mut self) {
        let fay = self.strangers.last().expect("she has just come").conn.clone();
        for (den, Den { names, founder, .. }) in DENS.iter().enumerate() {
            let (room, word) = (names[0], token(den, 1));
            self.say(founder, &format!("INVITE fay {room}"));
            self.say(&fay, &format!("JOIN {room}"));
            self.say(&fay, &format!("PRIVMSG {room} :common words {word}"));
            if den == 0 {
                self.say(&fay, &format!("PART {room} :{word}"));
            } else {
                self.say(founder, &format!("KICK {room} fay :{word}"));
            }
            let lines = self.world.lines(&fay);
            assert!(lines.iter().any(|line| line.contains(&word)), "she was in {room}");
            let n_before = lines.len();
            self.strangers.last_mut().expect("as above").n_before[den] = n_before;
        }
    }

    /// Opens a connection of `conn` who is called `nick`.
    fn come(&mut self, conn: &str, nick: &str) {
        self.open(conn);
        self.say(conn, &format!("NICK {nick}\r\nUSER u 0 * :R\r\nCAP END"));
    }

    fn open(&mut self, conn: &str) {
        self.world.open(conn, Door::Irc);
        for capability in CAPABILITIES.split_whitespace() {
            self.world.send_bytes(conn, format!("CAP REQ :{capability}\r\n").as_bytes());
        }
        self.world.settle();
    }

    fn stranger(&mut self, nick: &'static str, lines: &str) {
        let conn = format!("{nick}-{}", self.n_conns);
        self.n_conns += 1;
        self.open(&conn);
        self.say(&conn, lines);
        self.strangers.push(Stranger { conn, nick, n_before: [0; DENS.len()] });
    }

    fn say(&mut self, conn: &str, lines: &str) {
        self.world.send_bytes(conn, format!("{lines}\r\n").as_bytes());
        self.world.settle();
    }

    /// Something happens inside a den, with a word that is said nowhere else.
    fn act_inside(&mut self) {
        let den = self.random.usize(..DENS.len());
        let (room, founder) = (self.names[den], DENS[den].founder);
        self.n_said += 1;
        let word = token(den, self.n_said);
        let latest = self.msgids(den).pop().unwrap_or_default();
        let (name, line) = match self.random.u8(..14) {
            0 => (founder, format!("TOPIC {room} :{word}")),
            1 => (founder, format!("METADATA {room} SET url :{word}")),
            2 => (founder, format!("MODE {room} +b {word}!*@*")),
            3 => (founder, format!("CS BAN {room} {word}!*@* 1h {word}")),
            4 => (founder, format!("PRIVMSG @{room} :common words {word}")),
            5 => ("mia", format!("@+reply={latest};+draft/react={word} TAGMSG {room}")),
            6 => (founder, format!("EDIT {room} {latest} :common words {word}")),
            7 => (founder, format!("REDACT {room} {latest} :{word}")),
            8 => {
                let back = format!("INVITE mia {room}\r\n");
                self.world.send_bytes("mia", format!("PART {room} :{word}\r\n").as_bytes());
                self.world.send_bytes(founder, back.as_bytes());
                ("mia", format!("JOIN {room} zq1x0qz"))
            }
            10 => ("bob", format!("NOTICE {room} :common words {word}")),
            _ => {
                let name = INSIDE[self.random.usize(..INSIDE.len())];
                (name, format!("PRIVMSG {room} :common words {word}"))
            }
        };
        self.world.send_bytes(name, format!("{line}\r\n").as_bytes());
    }

    /// A den gets its other name, while strangers ask for the one it had: that is theirs when it is free, and its past is not.
    fn rename_a_den(&mut self) {
        self.world.settle();
        self.note_names();
        let den = self.random.usize(..DENS.len());
        let (old, Den { names, founder, .. }) = (self.names[den], &DENS[den]);
        let new = names.iter().find(|name| **name != old).copied().unwrap_or(old);
        self.n_said += 1;
        let line = format!("RENAME {old} {new} :{}", token(den, self.n_said));
        self.world.send_bytes(founder, format!("{line}\r\n").as_bytes());
        // On its way, or there and not kept yet.
        for _ in 0..self.random.u8(..6) {
            self.world.step();
        }
        for stranger in self.open_strangers() {
            let tries = [
                "JOIN {room}",
                "CHATHISTORY LATEST {room} * 100",
                "CHANGES {room} * 100",
                "PART {room}",
            ];
            tries.iter().for_each(|template| self.try_it(stranger, template, old));
            for _ in 0..self.random.u8(..6) {
                self.world.step();
            }
        }
        self.world.settle();
        self.note_names();
    }

    /// A stranger tries something.
    fn try_it(&mut self, stranger: usize, template: &str, room: &str) {
        let den = DENS.iter().position(|den| den.names.contains(&room)).unwrap_or(0);
        let msgids = self.msgids(den);
        let msgid = self.random.choice(msgids).unwrap_or_else(|| "none".to_owned());
        let nick = INSIDE[self.random.usize(..INSIDE.len())];
        let line = template
            .replace("{room}", room)
            .replace("{upper}", &room.to_uppercase())
            .replace("{msgid}", &msgid)
            .replace("{nick}", nick);
        let conn = self.strangers[stranger].conn.clone();
        self.world.send_bytes(&conn, format!("{line}\r\n").as_bytes());
    }

    /// Whoever has gone comes again, on another connection.
    fn come_again(&mut self) {
        let gone = |stranger: &&Stranger| self.world.is_closed(&stranger.conn);
        let nicks: Vec<_> = self.strangers.iter().filter(gone).map(|gone| gone.nick).collect();
        for nick in nicks {
            let is_there = |own: &Stranger| own.nick == nick && !self.world.is_closed(&own.conn);
            if !self.strangers.iter().any(is_there) {
                let lines = match nick {
                    "new" => "CAP LS 302".to_owned(),
                    _ => format!("NICK {nick}\r\nUSER u 0 * :R\r\nCAP END\r\nJOIN #open"),
                };
                self.stranger(nick, &lines);
            }
        }
    }

    /// The connections of strangers that are open.
    fn open_strangers(&self) -> Vec<usize> {
        let is_open = |index: &usize| !self.world.is_closed(&self.strangers[*index].conn);
        (0..self.strangers.len()).filter(is_open).collect()
    }

    /// The ids of the messages that were said inside a den.
    fn msgids(&self, den: usize) -> Vec<String> {
        let of_den = format!("zq{den}x");
        let ids = self.world.appended().iter().filter_map(|record| match record.event.content() {
            RecordContent::Message { text, .. } if text.contains(&of_den) => {
                record.event.msgid.as_deref().map(str::to_owned)
            }
            _ => None,
        });
        ids.collect()
    }

    /// A den takes the name that its founder was told of last.
    fn note_names(&mut self) {
        for (den, Den { names, founder, .. }) in DENS.iter().enumerate() {
            let renamed = self.world.lines(founder).iter().rev().find_map(|line| {
                let (_, told) = line.split_once(" RENAME ")?;
                let new = told.split(' ').nth(1)?;
                names.iter().copied().find(|name| *name == new)
            });
            self.names[den] = renamed.unwrap_or(self.names[den]);
        }
    }

    /// All that those inside can see of their rooms.
    fn look_inside(&mut self) -> Vec<String> {
        self.note_names();
        let mut seen = Vec::new();
        for (room, Den { founder, .. }) in self.names.into_iter().zip(&DENS) {
            let before = self.world.lines(founder).len();
            for question in [
                format!("MODE {room}"),
                format!("MODE {room} b"),
                format!("MODE {room} I"),
                format!("TOPIC {room}"),
                format!("NAMES {room}"),
                format!("WHO {room}"),
                format!("METADATA {room} LIST"),
                format!("CHATHISTORY LATEST {room} * 500"),
                format!("CS BANS {room}"),
                format!("CS ACCESS {room}"),
                format!("CS LINKS {room}"),
                format!("CS LOG {room} 500"),
            ] {
                self.say(founder, &question);
            }
            let is_lasting = |line: &&String| !line.contains(" BATCH ");
            // The reference of a batch is another one each time.
            let without_batch = |line: &String| match line.strip_prefix("@batch=") {
                Some(rest) => rest.split_once([';', ' ']).map_or("", |(_, rest)| rest).to_owned(),
                None => line.clone(),
            };
            let told = &self.world.lines(founder)[before..];
            assert!(told.iter().any(|line| line.contains("zq")), "{founder} sees {room}");
            seen.extend(told.iter().filter(is_lasting).map(without_batch));
        }
        seen
    }

    /// Reads all that went to strangers.
    fn check(&self, seed: u64) {
        let msgids: Vec<BTreeSet<String>> =
            (0..DENS.len()).map(|den| self.msgids(den).into_iter().collect()).collect();
        // A den's other name is anybody's: whoever founds a room by it knows that room.
        let mut founded = BTreeSet::new();
        for stranger in &self.strangers {
            let start = stranger.n_before.iter().max().copied().unwrap_or(0);
            for line in &self.world.lines(&stranger.conn)[start..] {
                let told = line.split_once(" JOIN ").map(|(_, room)| room);
                founded.extend(
                    told.and_then(|room| room.split([' ', ':']).find(|room| !room.is_empty())),
                );
            }
        }
        for stranger in &self.strangers {
            for (index, line) in self.world.lines(&stranger.conn).iter().enumerate() {
                for (den, Den { names, .. }) in DENS.iter().enumerate() {
                    if index < stranger.n_before[den] {
                        continue;
                    }
                    let (tags, rest) = match line.strip_prefix('@') {
                        Some(line) => line.split_once(' ').unwrap_or((line, "")),
                        None => ("", line.as_str()),
                    };
                    let words: Vec<&str> = rest.split(' ').collect();
                    let word = words.get(1).copied().unwrap_or_default();
                    // What they said themselves comes back to them, and refusals repeat what they asked.
                    let is_own = words[0].starts_with(&format!(":{}", stranger.nick))
                        || words[0].starts_with(":other!")
                        || STRANGERS.iter().any(|nick| words[0].starts_with(&format!(":{nick}!")));
                    let is_refusal = word == "FAIL" || word.starts_with(['4', '5']);
                    let has_msgid = msgids[den]
                        .iter()
                        .any(|msgid| tags.contains(&**msgid) || rest.contains(&**msgid));
                    let names_room = names.iter().any(|name| {
                        !founded.contains(name)
                            && words
                                .iter()
                                .any(|word| word.trim_start_matches([':', '@', '+', '=']) == *name)
                    });
                    let leak = if line.contains(&format!("zq{den}x")) {
                        "a word from inside"
                    } else if has_msgid && !is_own && !is_refusal {
                        "the id of a message from inside"
                    } else if names_room && TELLING.contains(&word) {
                        "what is so inside"
                    } else {
                        continue;
                    };
                    panic!(
                        "with SEED={seed} {} is told {leak}: {line}\n{}",
                        stranger.conn,
                        self.world.transcript.join("\n")
                    );
                }
            }
        }
    }
}

const STRANGERS: [&str; 4] = ["eve", "ina", "new", "fay"];

/// Plays one seed.
fn run(seed: u64) {
    let mut play = Play::new(seed);
    let renames = seed.is_multiple_of(3);
    let tries: Vec<&str> = TRIES.iter().flat_map(|(_, tries)| tries.iter().copied()).collect();
    // All at once.
    for _ in 0..300 {
        play.act_inside();
        if renames && play.random.u8(..16) == 0 {
            play.rename_a_den();
        }
        for _ in 0..play.random.u8(..4) {
            let open = play.open_strangers();
            let stranger = open[play.random.usize(..open.len())];
            let room = ROOMS[play.random.usize(..ROOMS.len())];
            let template = tries[play.random.usize(..tries.len())];
            play.try_it(stranger, template, room);
        }
        for _ in 0..play.random.u8(..12) {
            play.world.step();
        }
        if play.random.u8(..8) == 0 {
            play.world.settle();
            play.come_again();
        }
    }
    play.world.settle();
    play.check(seed);
    // Then each of them, everything, everywhere, while nothing happens inside: nothing changes there.
    let before = play.look_inside();
    for template in tries {
        for room in ROOMS {
            for stranger in play.open_strangers() {
                play.try_it(stranger, template, room);
                if play.random.u8(..4) == 0 {
                    play.world.step();
                }
            }
            play.world.settle();
            play.come_again();
        }
    }
    let after = play.look_inside();
    if before != after {
        let gone: Vec<_> = before.iter().filter(|line| !after.contains(line)).collect();
        let new: Vec<_> = after.iter().filter(|line| !before.contains(line)).collect();
        panic!(
            "with SEED={seed} strangers change what is inside: of {gone:#?} they make {new:#?}\n{}",
            play.world.transcript.join("\n")
        );
    }
    play.check(seed);
    play.world.check_memberships();
    assert!(
        play.n_said > 200 && before.len() > 100,
        "seed {seed} says too little to show anything"
    );
}

#[test]
fn strangers_learn_and_change_nothing_in_rooms_that_are_none_of_theirs() {
    let seeds = std::env::var("SEED").map_or(0..30, |seed| {
        let seed = seed.parse().expect("SEED is a number");
        seed..seed + 1
    });
    seeds.for_each(run);
}

/// Whoever adds a command says here how a stranger would try it.
#[test]
fn every_word_of_the_protocol_is_tried() {
    let tried: BTreeMap<&str, _> = TRIES.iter().copied().collect();
    let untried: Vec<_> =
        SPECS.iter().map(|spec| spec.word).filter(|word| !tried.contains_key(word)).collect();
    assert!(untried.is_empty(), "no stranger tries {untried:?}: add them to TRIES");
    for (word, tries) in TRIES {
        assert!(!tries.is_empty() && tries.iter().any(|line| line.contains(word)), "{word}");
    }
}
