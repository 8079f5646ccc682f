//! The four protocols, as far as a crowd speaks them: come in, enter a room, say something, hear it.

/// A protocol that a crowd speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// RFC 1459, with these capabilities, divided by spaces.
    Irc(&'static str),
    /// <https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/mqtt-v3.1.1.html>
    Mqtt,
    /// <https://docs.nats.io/reference/reference-protocols/nats-protocol>
    Nats,
    /// <https://redis.io/docs/latest/develop/reference/protocol-spec/>
    Redis,
}

/// A thing that comes from a server.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard<'a> {
    /// The last step (coming in, or entering a room) is done.
    Done,
    /// Somebody has entered a room.
    Join,
    /// Somebody has said this.
    Message(&'a [u8]),
    /// To be answered with this.
    Ping(Vec<u8>),
    /// The server refuses something, or ends.
    Refused(&'a [u8]),
    /// Nothing of interest.
    Other,
}

impl Dialect {
    /// Whether those who speak in a room hear what others say there.
    #[must_use]
    pub fn speakers_hear(self) -> bool {
        matches!(self, Self::Irc(_))
    }

    /// The bytes member `who` says first; `Heard::Done` answers them.
    pub(super) fn hello(self, who: usize) -> Vec<u8> {
        match self {
            Self::Irc("") => format!("NICK c{who}\r\nUSER c 0 * :c\r\n").into_bytes(),
            Self::Irc(capabilities) => {
                let request = format!("CAP REQ :{capabilities}\r\nCAP END\r\n");
                format!("{request}NICK c{who}\r\nUSER c 0 * :c\r\n").into_bytes()
            }
            Self::Mqtt => {
                let id = format!("c{who}");
                // CONNECT: protocol 4, a clean session, ten minutes between signs of life.
                let mut packet = b"\x00\x04MQTT\x04\x02\x02\x58".to_vec();
                packet.extend_from_slice(&(id.len() as u16).to_be_bytes());
                packet.extend_from_slice(id.as_bytes());
                mqtt(0x10, &packet)
            }
            Self::Nats => b"CONNECT {\"verbose\":false,\"pedantic\":false}\r\nPING\r\n".to_vec(),
            Self::Redis => b"PING\r\n".to_vec(),
        }
    }

    /// Enters `room`; `Heard::Done` answers it.
    pub(super) fn enter(self, room: usize) -> Vec<u8> {
        match self {
            Self::Irc(_) => format!("JOIN #r{room}\r\n").into_bytes(),
            Self::Mqtt => {
                let topic = format!("r{room}");
                let mut packet = vec![0, 1];
                packet.extend_from_slice(&(topic.len() as u16).to_be_bytes());
                packet.extend_from_slice(topic.as_bytes());
                packet.push(0);
                mqtt(0x82, &packet)
            }
            Self::Nats => format!("SUB r{room} 1\r\nPING\r\n").into_bytes(),
            Self::Redis => format!("SUBSCRIBE r{room}\r\n").into_bytes(),
        }
    }

    /// Says something in `room`.
    pub(super) fn say(self, room: usize, payload: &[u8], out: &mut Vec<u8>) {
        let topic = format!("r{room}");
        match self {
            Self::Irc(_) => {
                out.extend_from_slice(b"PRIVMSG #");
                out.extend_from_slice(topic.as_bytes());
                out.extend_from_slice(b" :");
                out.extend_from_slice(payload);
                out.extend_from_slice(b"\r\n");
            }
            Self::Mqtt => {
                let mut packet = (topic.len() as u16).to_be_bytes().to_vec();
                packet.extend_from_slice(topic.as_bytes());
                packet.extend_from_slice(payload);
                out.extend(mqtt(0x30, &packet));
            }
            Self::Nats => {
                out.extend_from_slice(format!("PUB {topic} {}\r\n", payload.len()).as_bytes());
                out.extend_from_slice(payload);
                out.extend_from_slice(b"\r\n");
            }
            Self::Redis => {
                let head = format!(
                    "*3\r\n$7\r\nPUBLISH\r\n${}\r\n{topic}\r\n${}\r\n",
                    topic.len(),
                    payload.len()
                );
                out.extend_from_slice(head.as_bytes());
                out.extend_from_slice(payload);
                out.extend_from_slice(b"\r\n");
            }
        }
    }

    /// The first thing in `bytes`, and how many it takes; `None` if that is not whole yet.
    pub(super) fn hear(self, bytes: &[u8]) -> Option<(Heard<'_>, usize)> {
        match self {
            Self::Irc(_) => hear_irc(bytes),
            Self::Mqtt => hear_mqtt(bytes),
            Self::Nats => hear_nats(bytes),
            Self::Redis => hear_redis(bytes),
        }
    }
}

fn hear_irc(bytes: &[u8]) -> Option<(Heard<'_>, usize)> {
    let end = memchr::memchr(b'\n', bytes)?;
    let line = bytes[..end].strip_suffix(b"\r").unwrap_or(&bytes[..end]);
    let mut rest = line;
    for sign in [b'@', b':'] {
        if rest.first() == Some(&sign) {
            rest = &rest[memchr::memchr(b' ', rest)? + 1..];
        }
    }
    let word = rest.split(|byte| *byte == b' ').next().unwrap_or_default();
    let heard = match word {
        b"PRIVMSG" => {
            let text = memchr::memchr(b':', rest).map_or(&[][..], |at| &rest[at + 1..]);
            Heard::Message(text)
        }
        b"JOIN" => Heard::Join,
        // The end of the message of the day, or that there is none; the end of NAMES.
        b"376" | b"422" | b"366" => Heard::Done,
        b"PING" => Heard::Ping([b"PONG", &rest[4..], b"\r\n"].concat()),
        b"ERROR" | b"FAIL" => Heard::Refused(line),
        [b'4' | b'5', _, _] => Heard::Refused(line),
        _ => Heard::Other,
    };
    Some((heard, end + 1))
}

/// A packet of MQTT (§2.2).
fn mqtt(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![kind];
    let mut length = body.len();
    loop {
        let more = if length > 127 { 0x80 } else { 0 };
        packet.push((length % 128) as u8 | more);
        length /= 128;
        if length == 0 {
            break;
        }
    }
    packet.extend_from_slice(body);
    packet
}

fn hear_mqtt(bytes: &[u8]) -> Option<(Heard<'_>, usize)> {
    let (mut length, mut at) = (0, 1);
    loop {
        let byte = *bytes.get(at)?;
        length |= usize::from(byte & 0x7f) << (7 * (at - 1));
        at += 1;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let body = bytes.get(at..at + length)?;
    let heard = match bytes[0] >> 4 {
        2 if body[1] != 0 => Heard::Refused(body),
        2 | 9 => Heard::Done,
        3 => Heard::Message(&body[2 + usize::from(u16::from_be_bytes([body[0], body[1]]))..]),
        _ => Heard::Other,
    };
    Some((heard, at + length))
}

fn hear_nats(bytes: &[u8]) -> Option<(Heard<'_>, usize)> {
    let end = memchr::memchr(b'\n', bytes)?;
    let line = &bytes[..end];
    if let Some(head) = line.strip_prefix(b"MSG ") {
        let length = head.trim_ascii_end().rsplit(|byte| *byte == b' ').next()?;
        let length: usize = std::str::from_utf8(length).ok()?.parse().ok()?;
        let payload = bytes.get(end + 1..end + 1 + length + 2)?;
        return Some((Heard::Message(&payload[..length]), end + 1 + length + 2));
    }
    let heard = match line.trim_ascii_end() {
        b"PONG" => Heard::Done,
        b"PING" => Heard::Ping(b"PONG\r\n".to_vec()),
        line if line.starts_with(b"-ERR") => Heard::Refused(line),
        _ => Heard::Other,
    };
    Some((heard, end + 1))
}

fn hear_redis(bytes: &[u8]) -> Option<(Heard<'_>, usize)> {
    let end = memchr::memchr(b'\n', bytes)?;
    match bytes[0] {
        b'+' => Some((Heard::Done, end + 1)),
        b'-' => Some((Heard::Refused(&bytes[..end]), end + 1)),
        b'*' => {
            // "message", the room, and what is said; or "subscribe", the room, and how many they are now.
            let (kind, at) = redis_part(bytes, end + 1)?;
            let (_, at) = redis_part(bytes, at)?;
            if kind == b"message" {
                let (payload, at) = redis_part(bytes, at)?;
                return Some((Heard::Message(payload), at));
            }
            let end = at + memchr::memchr(b'\n', &bytes[at..])?;
            Some((Heard::Done, end + 1))
        }
        _ => Some((Heard::Other, end + 1)),
    }
}

/// A string with its length before it, and where what follows begins.
fn redis_part(bytes: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let head = bytes.get(at + 1..)?;
    let end = memchr::memchr(b'\r', head)?;
    let length: usize = std::str::from_utf8(&head[..end]).ok()?.parse().ok()?;
    let start = at + 1 + end + 2;
    let behind = start + length + 2;
    (bytes.len() >= behind).then(|| (&bytes[start..start + length], behind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_protocol_is_heard_whole_and_in_parts() {
        let message = Heard::Message(b"hi");
        for (dialect, bytes, heard) in [
            (Dialect::Irc(""), &b":a!b@c PRIVMSG #r0 :hi\r\n"[..], &message),
            (Dialect::Irc(""), b"@time=x :a!b@c PRIVMSG #r0 :hi\r\n", &message),
            (Dialect::Irc(""), b":a!b@c JOIN #r0\r\n", &Heard::Join),
            (Dialect::Irc(""), b":s 366 a #r0 :End\r\n", &Heard::Done),
            (Dialect::Irc(""), b"PING :x\r\n", &Heard::Ping(b"PONG :x\r\n".to_vec())),
            (Dialect::Mqtt, b"\x30\x06\0\x02r0hi", &message),
            (Dialect::Mqtt, b"\x20\x02\0\0", &Heard::Done),
            (Dialect::Mqtt, b"\x90\x03\0\x01\0", &Heard::Done),
            (Dialect::Nats, b"MSG r0 1 2\r\nhi\r\n", &message),
            (Dialect::Nats, b"PONG\r\n", &Heard::Done),
            (Dialect::Redis, b"*3\r\n$7\r\nmessage\r\n$2\r\nr0\r\n$2\r\nhi\r\n", &message),
            (Dialect::Redis, b"*3\r\n$9\r\nsubscribe\r\n$2\r\nr0\r\n:1\r\n", &Heard::Done),
            (Dialect::Redis, b":5\r\n", &Heard::Other),
        ] {
            let (first, n_bytes) = dialect.hear(bytes).unwrap();
            assert_eq!((&first, n_bytes), (heard, bytes.len()), "{dialect:?}");
            for end in 0..bytes.len() {
                if end > 0 || dialect == Dialect::Irc("") {
                    assert_eq!(dialect.hear(&bytes[..end]), None, "{dialect:?}: {end} bytes");
                }
            }
        }
    }
}
