//! Masks: `*` stands for any text, `?` for one character.

/// Whether `mask` covers the whole of `text`, ASCII letters compared without case.
///
/// Runs in the product of both lengths at worst, so a stranger's mask cannot be made expensive
/// beyond the length of a line squared.
#[must_use]
pub fn mask_matches(mask: &str, text: &str) -> bool {
    let (mask, text) = (mask.as_bytes(), text.as_bytes());
    let (mut m, mut t) = (0, 0);
    // Where to go on after the last `*`: behind it in the mask, one further in the text.
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match mask.get(m) {
            Some(b'*') => {
                retry = Some((m + 1, t));
                m += 1;
            }
            Some(b'?') => {
                // One character, however many bytes it has.
                t += 1;
                while t < text.len() && text[t] & 0xC0 == 0x80 {
                    t += 1;
                }
                m += 1;
            }
            Some(byte) if byte.eq_ignore_ascii_case(&text[t]) => {
                m += 1;
                t += 1;
            }
            _ => {
                let Some((mask_at, text_at)) = retry else { return false };
                m = mask_at;
                t = text_at + 1;
                retry = Some((mask_at, t));
            }
        }
    }
    mask[m..].iter().all(|byte| *byte == b'*')
}
