//! A crowd over TLS, which only comes and is there.

use std::io::{self, BufRead, BufReader, Write};

use super::Subject;
use crate::over_tls;

/// Lets `n_members` connect and register, one after the other; they are there as long as what is returned.
///
/// # Errors
/// If one is not let in.
pub fn come_over_tls(subject: &Subject, n_members: usize) -> io::Result<Vec<impl Sized>> {
    let come = |who| {
        let mut stream = BufReader::new(over_tls(subject.address, subject.folder()));
        let hello = format!("NICK c{who}\r\nUSER c 0 * :c\r\n");
        stream.get_mut().write_all(hello.as_bytes())?;
        let mut line = String::new();
        while !line.contains(" 422 ") && !line.contains(" 376 ") {
            line.clear();
            if stream.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(stream)
    };
    (0..n_members).map(come).collect()
}
