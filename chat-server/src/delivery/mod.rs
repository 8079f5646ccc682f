//! Deliveries from the hub to the workers, and how they become bytes: once for each kind of reader,
//! by whichever worker needs it first, never in the hub.

mod reply;

use std::{
    sync::{Arc, OnceLock},
    time::SystemTime,
};

use chat_core::{
    proto::{Capability, CapabilitySet, MessageKind, MessageLine, Numeric},
    wire::LineWriter,
};

pub(crate) use self::reply::knows_labels;
pub use self::reply::{Batches, Page, Reply, ReplyLine};
use crate::ids::{ConnId, RoomId};

/// An event, as everyone who is told of it sees it.
#[derive(Debug)]
pub struct Event {
    /// The content.
    pub content: Content,
    /// The time, by the server's clock; strictly rising in each room.
    pub time: SystemTime,
    /// Its id, if it has one (<https://ircv3.net/specs/extensions/message-ids>).
    pub msgid: Option<Arc<str>>,
    /// The sender, beside their name.
    sender: Sender,
    encoded: Encoded,
}

/// The bytes for each [`Audience`], made when first asked for; empty: not for them. Most events have readers of one
/// kind, and pay for no more.
#[derive(Debug, Default)]
struct Encoded {
    first: OnceLock<(Audience, Arc<[u8]>)>,
    others: OnceLock<Box<[Cell; Audience::COUNT]>>,
}

type Cell = OnceLock<Arc<[u8]>>;

impl Encoded {
    fn of(&self, audience: Audience, encode: impl Fn() -> Arc<[u8]>) -> &Arc<[u8]> {
        let (first, bytes) = self.first.get_or_init(|| (audience, encode()));
        if *first == audience {
            return bytes;
        }
        let others = self.others.get_or_init(|| Box::new(std::array::from_fn(|_| Cell::new())));
        others[usize::from(audience.0)].get_or_init(encode)
    }
}

/// The sender of an event, as far as readers may be told of them, beside their name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sender {
    /// Their account (<https://ircv3.net/specs/extensions/account-tag>).
    pub account: Option<Arc<str>>,
    /// Whether they are a program (<https://ircv3.net/specs/extensions/bot-mode>).
    pub is_bot: bool,
    /// Whether they are an operator of the server (<https://ircv3.net/specs/extensions/oper-tag>).
    pub is_operator: bool,
}

/// The parts of a message of several lines.
struct Lines<'a> {
    source: &'a str,
    kind: MessageKind,
    target: &'a str,
    lines: &'a [MessageLine],
}

/// The content of an event that is a record of a conversation: it may be appended to the room log. Whatever makes something of a
/// record matches all of it, so that a kind more does not compile where it is forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields carry the names of the protocol's parameters")]
pub enum RecordContent {
    /// A message says something else from here on (`docs/edit.md`).
    Edit {
        source: Arc<str>,
        target: Arc<str>,
        edited: Arc<str>,
        text: Arc<str>,
    },
    Kick {
        source: Arc<str>,
        room: Arc<str>,
        nick: Arc<str>,
        reason: Arc<str>,
    },
    /// `tags` are the client-only tags to relay, in wire form.
    Message {
        source: Arc<str>,
        kind: MessageKind,
        target: Arc<str>,
        text: Arc<str>,
        tags: Box<str>,
    },
    Mode {
        source: Arc<str>,
        target: Arc<str>,
        changes: Arc<str>,
        arguments: Vec<Arc<str>>,
    },
    /// `tags` are the client-only tags of the whole, in wire form.
    Multiline {
        source: Arc<str>,
        kind: MessageKind,
        target: Arc<str>,
        lines: Arc<[MessageLine]>,
        tags: Box<str>,
    },
    /// A message is deleted (<https://ircv3.net/specs/extensions/message-redaction>).
    Redact {
        source: Arc<str>,
        target: Arc<str>,
        redacted: Arc<str>,
        reason: Option<Arc<str>>,
    },
    Rename {
        source: Arc<str>,
        room: Arc<str>,
        name: Arc<str>,
        reason: Arc<str>,
    },
    Topic {
        source: Arc<str>,
        room: Arc<str>,
        topic: Arc<str>,
    },
}

/// The content of an event: of what is told and gone, or of a record. Sources are `nick!user@host`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields carry the names of the protocol's parameters")]
pub enum Content {
    Account {
        source: Arc<str>,
        account: Option<Arc<str>>,
    },
    Away {
        source: Arc<str>,
        reason: Option<Arc<str>>,
    },
    Chghost {
        source: Arc<str>,
        user: Arc<str>,
        host: Arc<str>,
    },
    Invite {
        source: Arc<str>,
        nick: Arc<str>,
        room: Arc<str>,
    },
    /// An invitation of someone else, for those who want to know.
    InviteNotice {
        source: Arc<str>,
        nick: Arc<str>,
        room: Arc<str>,
    },
    Join {
        source: Arc<str>,
        room: Arc<str>,
        realname: Arc<str>,
    },
    /// A piece of metadata of a person or a room was set, or removed
    /// (<https://ircv3.net/specs/extensions/metadata>), for readers of `draft/metadata-2`.
    Metadata {
        server: Arc<str>,
        target: Arc<str>,
        key: Arc<str>,
        value: Option<Arc<str>>,
    },
    /// Someone who is watched (`MONITOR`) has come, as `nick!user@host`, or gone, by their nick.
    Monitored {
        server: Arc<str>,
        who: Arc<str>,
        is_online: bool,
    },
    Nick {
        source: Arc<str>,
        nick: Arc<str>,
    },
    Part {
        source: Arc<str>,
        room: Arc<str>,
        reason: Option<Arc<str>>,
    },
    Quit {
        source: Arc<str>,
        reason: Arc<str>,
    },
    /// The content of a record: part of a conversation, and kept with it.
    Record(RecordContent),
    Setname {
        source: Arc<str>,
        realname: Arc<str>,
    },
    Wallops {
        source: Arc<str>,
        text: Arc<str>,
    },
}

/// The target of a record, to be looked at or to be changed.
macro_rules! target_of {
    ($content:expr) => {
        match $content {
            Self::Edit { target: own, .. }
            | Self::Kick { room: own, .. }
            | Self::Message { target: own, .. }
            | Self::Mode { target: own, .. }
            | Self::Multiline { target: own, .. }
            | Self::Redact { target: own, .. }
            | Self::Rename { room: own, .. }
            | Self::Topic { room: own, .. } => own,
        }
    };
}

impl RecordContent {
    /// The room or person a record is for, as it is written.
    #[must_use]
    pub fn target(&self) -> &Arc<str> {
        target_of!(self)
    }

    /// The target, to be changed.
    pub fn target_mut(&mut self) -> &mut Arc<str> {
        target_of!(self)
    }
}

impl RecordContent {
    /// The capability that lets a reader see more of it, as a bit of an audience; 0: none does.
    fn audience_bit(&self) -> u16 {
        match self {
            Self::Multiline { .. } => Audience::MULTILINE,
            Self::Edit { .. } => Audience::EDIT,
            Self::Kick { .. }
            | Self::Message { .. }
            | Self::Mode { .. }
            | Self::Redact { .. }
            | Self::Rename { .. }
            | Self::Topic { .. } => 0,
        }
    }

    /// The capability that a reader must have to be told of it at all.
    fn requires(&self) -> Option<Capability> {
        match self {
            Self::Redact { .. } => Some(Capability::MessageRedaction),
            Self::Rename { .. } => Some(Capability::ChannelRename),
            Self::Message { kind: MessageKind::Tagmsg, .. } => Some(Capability::MessageTags),
            Self::Edit { .. }
            | Self::Kick { .. }
            | Self::Message { .. }
            | Self::Mode { .. }
            | Self::Multiline { .. }
            | Self::Topic { .. } => None,
        }
    }

    /// The bytes of its text and tags, roughly.
    fn size(&self) -> usize {
        match self {
            Self::Message { text, tags, .. } => text.len() + tags.len(),
            Self::Multiline { lines, tags, .. } => {
                lines.iter().map(|line| line.text.len() + 120).sum::<usize>() + tags.len()
            }
            Self::Edit { text, .. }
            | Self::Topic { topic: text, .. }
            | Self::Kick { reason: text, .. } => text.len(),
            Self::Mode { .. } | Self::Redact { .. } | Self::Rename { .. } => 0,
        }
    }
}

impl From<RecordContent> for Content {
    fn from(content: RecordContent) -> Self {
        Self::Record(content)
    }
}

/// An audience: one kind of reader of an event. Readers of one kind share the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Audience(u16);

impl Audience {
    const COUNT: usize = 33;
    const TAGS: u16 = 1;
    const TIME: u16 = 2;
    /// The part of an event for those who know more of it: of a `JOIN`, account and name; of a message of
    /// several lines, that they are one; of an edit, that it is one.
    const FULL: u16 = 4;
    const ACCOUNT: u16 = 8;
    const OPERATOR: u16 = 16;
    /// People at the text door.
    pub const TEXT: Self = Self(32);
    const EXTENDED_JOIN: u16 = 64;
    const MULTILINE: u16 = 128;
    const EDIT: u16 = 256;

    /// The kind of an IRC client with these capabilities.
    #[must_use]
    pub fn irc(capabilities: CapabilitySet) -> Self {
        let bit = |capability, bit| if capabilities.contains(capability) { bit } else { 0 };
        Self(
            bit(Capability::MessageTags, Self::TAGS)
                | bit(Capability::ServerTime, Self::TIME)
                | bit(Capability::ExtendedJoin, Self::EXTENDED_JOIN)
                | bit(Capability::AccountTag, Self::ACCOUNT)
                | if capabilities.contains(Capability::Batch) {
                    bit(Capability::Multiline, Self::MULTILINE)
                } else {
                    0
                }
                | bit(Capability::Edit, Self::EDIT)
                | bit(Capability::OperTag, Self::OPERATOR),
        )
    }

    fn has(self, bit: u16) -> bool {
        self.0 & bit != 0
    }
}

impl Event {
    /// An event that happened at `time`.
    #[must_use]
    pub fn new(content: Content, time: SystemTime, msgid: Option<Arc<str>>) -> Self {
        Self { content, time, msgid, sender: Sender::default(), encoded: Encoded::default() }
    }

    /// This event, caused by `sender`.
    #[must_use]
    pub fn by(mut self, sender: Sender) -> Self {
        self.sender = sender;
        self
    }

    /// The sender, beside their name.
    #[must_use]
    pub fn sender(&self) -> &Sender {
        &self.sender
    }

    /// The part of `audience` that shows in this event: kinds that read the same share the bytes.
    fn shown_to(&self, audience: Audience) -> Audience {
        let more = match self.content {
            Content::Join { .. } => Audience::EXTENDED_JOIN,
            Content::Record(ref content) => content.audience_bit(),
            _ => 0,
        };
        let others = Audience::EXTENDED_JOIN | Audience::MULTILINE | Audience::EDIT;
        let mut shown = audience.0 & !others;
        if audience.0 & more != 0 {
            shown |= Audience::FULL;
        }
        if self.sender.account.is_none() {
            shown &= !Audience::ACCOUNT;
        }
        if !self.sender.is_operator {
            shown &= !Audience::OPERATOR;
        }
        Audience(shown)
    }

    /// The capability a reader must have to be told of this at all.
    #[must_use]
    pub fn requires(&self) -> Option<Capability> {
        match &self.content {
            Content::Account { .. } => Some(Capability::AccountNotify),
            Content::Away { .. } => Some(Capability::AwayNotify),
            Content::Chghost { .. } => Some(Capability::Chghost),
            Content::InviteNotice { .. } => Some(Capability::InviteNotify),
            Content::Metadata { .. } => Some(Capability::Metadata2),
            Content::Record(content) => content.requires(),
            Content::Setname { .. } => Some(Capability::Setname),
            _ => None,
        }
    }

    /// Whether it is for a reader with these capabilities.
    #[must_use]
    pub fn is_understood(&self, capabilities: CapabilitySet) -> bool {
        self.requires().is_none_or(|required| capabilities.contains(required))
    }

    /// Whether anyone has needed it in bytes yet.
    #[must_use]
    pub fn is_encoded(&self) -> bool {
        self.encoded.first.get().is_some()
    }

    /// The event as `audience` reads it, line break included; empty if it is not for them.
    #[must_use]
    pub fn encode(&self, audience: Audience) -> &[u8] {
        self.shared(audience)
    }

    /// The bytes for an audience, for those who keep them: all readers of a kind share them.
    #[must_use]
    pub fn shared(&self, audience: Audience) -> &Arc<[u8]> {
        let audience = self.shown_to(audience);
        self.encoded.of(audience, || {
            let mut bytes = Vec::with_capacity(self.size());
            if audience == Audience::TEXT {
                self.write_text(&mut bytes);
            } else {
                self.write_line(audience, &[], &mut bytes);
            }
            bytes.into()
        })
    }

    /// Writes the event as one line with further `tags`.
    pub fn write_line(&self, audience: Audience, tags: &[(&str, &str)], out: &mut Vec<u8>) {
        let audience = self.shown_to(audience);
        if let Content::Record(RecordContent::Multiline { source, kind, target, lines, .. }) =
            &self.content
        {
            let lines = Lines { source, kind: *kind, target, lines };
            return self.write_lines(audience, tags, &lines, out);
        }
        finish(self.write_content(self.tagged(audience, tags, true, out), audience));
    }

    /// The start of a line: `tags`, and those the event has; those of the whole event if `is_whole`.
    fn tagged<'a>(
        &self,
        audience: Audience,
        tags: &[(&str, &str)],
        is_whole: bool,
        out: &'a mut Vec<u8>,
    ) -> LineWriter<'a> {
        let mut line = LineWriter::new(out);
        for (key, value) in tags {
            line = line.tag(key, value);
        }
        if audience.has(Audience::TIME) {
            line = line.tag("time", &humantime::format_rfc3339_millis(self.time).to_string());
        }
        if let Some(account) =
            self.sender.account.as_ref().filter(|_| audience.has(Audience::ACCOUNT))
        {
            line = line.tag("account", account);
        }
        if self.sender.is_operator && audience.has(Audience::OPERATOR) {
            line = line.tag("draft/oper", "");
        }
        if audience.has(Audience::TAGS) {
            if let Some(msgid) = self.msgid.as_ref().filter(|_| is_whole) {
                line = line.tag("msgid", msgid);
            }
            if self.sender.is_bot {
                line = line.tag("bot", "");
            }
            if let Content::Record(
                RecordContent::Message { tags, .. } | RecordContent::Multiline { tags, .. },
            ) = &self.content
                && is_whole
            {
                line = line.raw_tags(tags);
            }
            // To those who know of no edits it is an answer.
            if let Content::Record(RecordContent::Edit { edited, .. }) = &self.content
                && !audience.has(Audience::FULL)
            {
                line = line.tag("+draft/reply", edited);
            }
        }
        line
    }

    /// A message of several lines: in a batch for those who know it, else one by one without the empty
    /// ones; the first has what belongs to the whole ("Fallback").
    fn write_lines(
        &self,
        audience: Audience,
        tags: &[(&str, &str)],
        message: &Lines<'_>,
        out: &mut Vec<u8>,
    ) {
        let Lines { source, kind, target, lines } = message;
        // The batch around it is that of all lines; a label is that of the first.
        let around: Vec<(&str, &str)> =
            tags.iter().filter(|(key, _)| *key == "batch").copied().collect();
        if !audience.has(Audience::FULL) {
            let mut is_first = true;
            for line in lines.iter().filter(|line| !line.text.is_empty()) {
                let tags = if is_first { tags } else { &around };
                let start = self.tagged(audience, tags, is_first, out).source(source);
                finish(start.command(kind.word()).param(target).last(&line.text));
                is_first = false;
            }
            return;
        }
        // The message's own id is nobody else's; without one, there is but this message on its way.
        let reference = self.msgid.as_deref().unwrap_or("m");
        let open = self.tagged(audience, tags, true, out).source(source).command("BATCH");
        finish(open.param(&format!("+{reference}")).param("draft/multiline").param(target));
        for line in lines.iter() {
            let mut start = LineWriter::new(out).tag("batch", reference);
            if line.is_concat {
                start = start.tag("draft/multiline-concat", "");
            }
            let start = start.source(source).command(kind.word());
            finish(start.param(target).last(&line.text));
        }
        let close =
            around.iter().fold(LineWriter::new(out), |close, (key, value)| close.tag(key, value));
        finish(close.source(source).command("BATCH").param(&format!("-{reference}")));
    }

    /// Roughly how many bytes this is on the wire and in memory.
    #[must_use]
    pub fn size(&self) -> usize {
        let text = match &self.content {
            Content::Record(content) => content.size(),
            Content::Quit { reason: text, .. } => text.len(),
            _ => 0,
        };
        text + 160
    }

    /// Writes the event as a person at the text door reads it.
    fn write_text(&self, out: &mut Vec<u8>) {
        let nick = |source: &str| source.split('!').next().unwrap_or(source).to_owned();
        let text = match &self.content {
            Content::Record(RecordContent::Message { kind: MessageKind::Tagmsg, .. })
            | Content::Account { .. }
            | Content::Away { .. }
            | Content::Chghost { .. }
            | Content::InviteNotice { .. }
            | Content::Metadata { .. }
            | Content::Monitored { .. }
            | Content::Record(RecordContent::Redact { .. })
            | Content::Setname { .. } => return,
            Content::Record(RecordContent::Multiline { source, target, lines, .. }) => {
                let nick = nick(source);
                let to_you = if target.starts_with('#') { "" } else { " (to you)" };
                for line in lines.iter().filter(|line| !line.text.is_empty()) {
                    let line = format!("{nick}{to_you}: {}\r\n", readable(&line.text));
                    out.extend_from_slice(line.as_bytes());
                }
                return;
            }
            Content::Record(RecordContent::Edit { source, text, .. }) => {
                format!("{} {EDITED}{}", nick(source), readable(text))
            }
            Content::Record(RecordContent::Message { source, target, text, .. }) => {
                let (nick, text) = (nick(source), readable(text));
                if target.starts_with('#') {
                    format!("{nick}: {text}")
                } else {
                    format!("{nick} (to you): {text}")
                }
            }
            Content::Join { source, .. } => format!("* {} joined", nick(source)),
            Content::Part { source, reason, .. } => {
                match reason.as_deref().filter(|reason| !reason.is_empty()) {
                    Some(reason) => format!("* {} left ({})", nick(source), readable(reason)),
                    None => format!("* {} left", nick(source)),
                }
            }
            Content::Quit { source, reason } => {
                format!("* {} left ({})", nick(source), readable(reason))
            }
            Content::Nick { source, nick: new } => format!("* {} is now {new}", nick(source)),
            Content::Record(RecordContent::Topic { source, topic, .. }) => {
                format!("* {} set the topic: {}", nick(source), readable(topic))
            }
            Content::Record(RecordContent::Kick { source, nick: kicked, reason, .. }) => {
                format!("* {} removed {kicked} ({})", nick(source), readable(reason))
            }
            Content::Record(RecordContent::Mode { source, changes, arguments, .. }) => {
                format!("* {} set {changes} {}", nick(source), arguments.join(" "))
            }
            Content::Record(RecordContent::Rename { source, name, .. }) => {
                format!("* {} renamed the room to {name}", nick(source))
            }
            Content::Wallops { source, text } => {
                format!("* {} tells everyone: {}", nick(source), readable(text))
            }
            Content::Invite { source, room, .. } => {
                format!("* {} invites you to {room}", nick(source))
            }
        };
        out.extend_from_slice(text.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}

/// The words before the text of an edit, for those who know of no edits.
pub(crate) const EDITED: &str = "(edited) ";

/// Strangers' text for a raw terminal: no control characters, and `/me` as words.
fn readable(text: &str) -> String {
    let action = text.strip_prefix("\u{1}ACTION ").map(|action| action.trim_end_matches('\u{1}'));
    chat_core::text::printable(action.unwrap_or(text)).into_owned()
}

impl Event {
    fn write_content<'a>(&self, line: LineWriter<'a>, audience: Audience) -> LineWriter<'a> {
        match &self.content {
            Content::Account { source, account } => {
                line.source(source).command("ACCOUNT").param(account.as_deref().unwrap_or("*"))
            }
            Content::Chghost { source, user, host } => {
                line.source(source).command("CHGHOST").param(user).param(host)
            }
            Content::Metadata { server, target, key, value } => {
                let line = line.source(server).command("METADATA").param(target).param(key);
                let line = line.param("*");
                match value {
                    Some(value) => line.last(value),
                    None => line,
                }
            }
            Content::Monitored { server, who, is_online } => {
                let numeric =
                    if *is_online { Numeric::RPL_MONONLINE } else { Numeric::RPL_MONOFFLINE };
                line.source(server).command(&numeric.to_string()).param("*").last(who)
            }
            Content::Record(RecordContent::Rename { source, room, name, reason }) => {
                line.source(source).command("RENAME").param(room).param(name).last(reason)
            }
            Content::Away { source, reason } => {
                let line = line.source(source).command("AWAY");
                match reason {
                    Some(reason) => line.last(reason),
                    None => line,
                }
            }
            Content::Record(RecordContent::Edit { source, target, edited, text }) => {
                if audience.has(Audience::FULL) {
                    line.source(source).command("EDIT").param(target).param(edited).last(text)
                } else {
                    let text = format!("{EDITED}{text}");
                    line.source(source).command("PRIVMSG").param(target).last(&text)
                }
            }
            Content::Record(RecordContent::Redact { source, target, redacted, reason }) => {
                let line = line.source(source).command("REDACT").param(target).param(redacted);
                match reason {
                    Some(reason) => line.last(reason),
                    None => line,
                }
            }
            Content::Invite { source, nick, room }
            | Content::InviteNotice { source, nick, room } => {
                line.source(source).command("INVITE").param(nick).param(room)
            }
            Content::Join { source, room, realname } => {
                let line = line.source(source).command("JOIN").param(room);
                if audience.has(Audience::FULL) {
                    line.param(self.sender.account.as_deref().unwrap_or("*")).last(realname)
                } else {
                    line
                }
            }
            Content::Record(RecordContent::Kick { source, room, nick, reason }) => {
                line.source(source).command("KICK").param(room).param(nick).last(reason)
            }
            Content::Record(RecordContent::Message { source, kind, target, text, .. }) => {
                let line = line.source(source).command(kind.word()).param(target);
                if *kind == MessageKind::Tagmsg { line } else { line.last(text) }
            }
            // Written in lines of its own.
            Content::Record(RecordContent::Multiline { source, .. }) => {
                line.source(source).command("BATCH")
            }
            Content::Record(RecordContent::Mode { source, target, changes, arguments }) => {
                let mut line = line.source(source).command("MODE").param(target).param(changes);
                for argument in arguments {
                    line = line.param(argument);
                }
                line
            }
            Content::Nick { source, nick } => line.source(source).command("NICK").param(nick),
            Content::Part { source, room, reason } => {
                let line = line.source(source).command("PART").param(room);
                match reason {
                    Some(reason) => line.last(reason),
                    None => line,
                }
            }
            Content::Quit { source, reason } => line.source(source).command("QUIT").last(reason),
            Content::Setname { source, realname } => {
                line.source(source).command("SETNAME").last(realname)
            }
            Content::Record(RecordContent::Topic { source, room, topic }) => {
                line.source(source).command("TOPIC").param(room).last(topic)
            }
            Content::Wallops { source, text } => line.source(source).command("WALLOPS").last(text),
        }
    }
}

/// The target of a delivery: those who are told.
#[derive(Debug, Clone)]
pub enum Target {
    /// One connection.
    Conn(ConnId),
    /// Everyone who shares a room with someone, each once.
    Peers {
        /// The rooms.
        rooms: Arc<[RoomId]>,
        /// Rooms whose members are not told.
        unless: Option<Arc<[RoomId]>>,
        /// The one who is not told.
        except: Option<ConnId>,
    },
    /// Some connections.
    Some(Arc<[ConnId]>),
    /// Everyone in a room.
    Room {
        /// The room.
        room: RoomId,
        /// The one who is not told.
        except: Option<ConnId>,
    },
}

/// An event on its way to the connections of one worker.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The target: those who are told.
    pub target: Target,
    /// The event.
    pub event: Arc<Event>,
}

/// Ends a line, which shows strangers' words and is cut where it would be too long. One that cannot be
/// is a fault of ours; it is left out, and nobody's server ends for it.
pub(crate) fn finish(line: LineWriter<'_>) {
    let finished = line.cut_to_fit().finish();
    debug_assert!(finished.is_ok(), "{finished:?}");
}
