//! The length a line may have, and the one check that says so.

/// Bytes of a line without its tags, line break included
/// ([RFC 2812 §2.3](https://www.rfc-editor.org/rfc/rfc2812#section-2.3)).
pub const BODY_BYTES_MAX: usize = 512;

/// Bytes of tag data a client may send, `@` and the space after it included
/// ([message-tags, size limit](https://ircv3.net/specs/extensions/message-tags#size-limit)).
pub const CLIENT_TAGS_BYTES_MAX: usize = 4096;

/// Bytes of tags in a line from a server, `@` and the space after it included (same clause).
pub const SERVER_TAGS_BYTES_MAX: usize = 8191;

/// The longest line a server accepts from a client, in bytes.
pub const CLIENT_LINE_BYTES_MAX: usize = CLIENT_TAGS_BYTES_MAX + BODY_BYTES_MAX;

/// The longest line a client accepts from a server, in bytes.
///
/// More generous than the RFC on the body, since servers that advertise `LINELEN` send more.
pub const SERVER_LINE_BYTES_MAX: usize = SERVER_TAGS_BYTES_MAX + 16 * BODY_BYTES_MAX;

/// Whether both parts of a client's `line` (without its line break) keep to their limits.
///
/// A line that does not is answered with `ERR_INPUTTOOLONG` (417), as the clause above asks.
#[must_use]
pub fn client_line_fits(line: &[u8]) -> bool {
    let tags_bytes = match line.first() {
        Some(b'@') => memchr::memchr(b' ', line).map_or(line.len(), |space| space + 1),
        _ => 0,
    };
    tags_bytes <= CLIENT_TAGS_BYTES_MAX && line.len() - tags_bytes + 2 <= BODY_BYTES_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_has_its_own_limit() {
        assert!(client_line_fits(&[b'a'; 510]));
        assert!(!client_line_fits(&[b'a'; 511]));
        let tagged = |tags: usize, body: usize| {
            format!("@{} {}", "t".repeat(tags - 2), "b".repeat(body)).into_bytes()
        };
        assert!(client_line_fits(&tagged(4096, 510)));
        assert!(!client_line_fits(&tagged(4097, 10)));
        assert!(!client_line_fits(&tagged(10, 511)));
        assert!(!client_line_fits(format!("@{}", "t".repeat(4200)).as_bytes()));
    }
}
