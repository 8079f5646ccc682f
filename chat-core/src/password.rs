//! Passwords as they are compared: the same word is the same password, however a keyboard has composed it.

use std::borrow::Cow;

use unicode_normalization::{UnicodeNormalization, is_nfc_quick};

/// The password that stands for `password` and everything that reads the same: spaces of all kinds are the space, and signs
/// that are composed of several are one, as `OpaqueString` has it (RFC 8265 §4.2.2). Case is kept, since it matters.
///
/// Both sides of a login prepare it so; what the profile forbids ([`is_allowed`]) is prepared as well.
#[must_use]
pub fn prepared(password: &str) -> Cow<'_, str> {
    let is_ready = |c: char| !is_other_space(c);
    let is_nfc = is_nfc_quick(password.chars()) == unicode_normalization::IsNormalized::Yes;
    if password.is_ascii() || is_nfc && password.chars().all(is_ready) {
        return password.into();
    }
    let spaced = password.chars().map(|c| if is_other_space(c) { ' ' } else { c });
    spaced.nfc().collect::<String>().into()
}

/// Whether a new password may be `password`: it is not empty, and has no control characters (RFC 8264 §4.3.3).
#[must_use]
pub fn is_allowed(password: &str) -> bool {
    !password.is_empty() && !password.chars().any(char::is_control)
}

/// Spaces other than that of ASCII (the category `Zs`, RFC 8265 §4.2.2).
fn is_other_space(c: char) -> bool {
    matches!(
        c,
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 8265 §4.3, and what two keyboards make of one word.
    #[test]
    fn what_reads_the_same_is_the_same_password() {
        for (typed, password) in [
            ("correct horse battery staple", "correct horse battery staple"),
            ("Correct Horse Battery Staple", "Correct Horse Battery Staple"),
            ("\u{3c0}\u{df}\u{e5}", "\u{3c0}\u{df}\u{e5}"),
            ("Jack of \u{2666}s", "Jack of \u{2666}s"),
            ("foo\u{1680}bar", "foo bar"),
            ("p\u{61}\u{308}sswo\u{308}rd", "p\u{e4}ssw\u{f6}rd"),
            ("\u{1112}\u{1161}\u{11ab}", "\u{d55c}"),
            ("\u{3000}", " "),
        ] {
            assert_eq!(prepared(typed), password, "{typed}");
            assert_eq!(prepared(password), password, "twice is once: {typed}");
        }
        assert_ne!(prepared("Secret"), prepared("secret"));
        assert!(matches!(prepared("pässword"), Cow::Borrowed(_)));
        assert!(is_allowed("my cat is a \u{2666}"));
        assert!(!is_allowed("") && !is_allowed("my cat is a \t"));
    }
}
