//! The first word of a connection: a browser that was sent here by some page speaks HTTP, whose bodies hold whatever
//! lines that page likes. It is closed before any of them is looked at.

/// The methods of HTTP (RFC 9110 §9, RFC 5789), and what HTTP/2 begins with (RFC 9113 §3.4).
const METHODS: [&[u8]; 10] = [
    b"CONNECT", b"DELETE", b"GET", b"HEAD", b"OPTIONS", b"PATCH", b"POST", b"PRI", b"PUT", b"TRACE",
];

/// Bytes that tell every method from longer words.
const BYTES_MAX: usize = 8;

/// The last words to whoever speaks HTTP here.
pub(super) const NO_WEB_SERVER: &str = "This door is not for HTTP: connect with a program for IRC, or over a WebSocket where there is one";

/// The first word of a connection, as far as it has come.
#[derive(Debug, Default)]
pub(super) struct FirstWord {
    bytes: [u8; BYTES_MAX],
    n: u8,
    has_ended: bool,
}

impl FirstWord {
    /// Takes bytes as they came, cut anywhere.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            match byte {
                _ if self.has_ended || usize::from(self.n) == BYTES_MAX => return,
                // Empty lines before a request are none of it (RFC 9112 §2.2).
                b'\r' | b'\n' if self.n == 0 => {}
                b' ' | b'\t' | b'\r' | b'\n' => self.has_ended = true,
                byte => {
                    self.bytes[usize::from(self.n)] = byte;
                    self.n += 1;
                }
            }
        }
    }

    /// Whether it is a method of HTTP. Methods are written in capitals (RFC 9110 §9.1), and those that a page may choose
    /// without being asked are.
    pub(super) fn is_http(&self) -> bool {
        METHODS.contains(&&self.bytes[..usize::from(self.n)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_http(pieces: &[&str]) -> bool {
        let mut word = FirstWord::default();
        pieces.iter().for_each(|piece| word.push(piece.as_bytes()));
        word.is_http()
    }

    #[test]
    fn a_method_is_one_however_it_is_cut() {
        for method in METHODS {
            let request = format!("{} / HTTP/1.1\r\n", std::str::from_utf8(method).unwrap());
            assert!(is_http(&[&request]), "{request}");
            assert!(is_http(&["\r", "\n", &request]), "{request}");
            let bytes: Vec<&str> = request.split("").collect();
            assert!(is_http(&bytes), "{request}");
        }
        for words in ["GETS /", "NICK GET", "post it", "OPTIONSX", "", "P OST", "CONNECTED x"] {
            assert!(!is_http(&[words]), "{words}");
        }
    }
}
