//! Payloads of messages: who says it, the how manieth it is, and words that only this message has.

use super::PAYLOAD_BYTES;

/// Digits of the sender and of the number, and the spaces behind them.
const HEAD_BYTES: usize = 5 + 1 + 9 + 1;

/// Words, of which each message has another part; without spaces, since some servers cut those at the end.
const WORDS: &[u8; 256] =
    b"the-quick-brown-fox-jumps-over-the-lazy-dog-and-runs-away-from-all-of-them-while-they\
    -look-for-it-in-places-where-no-fox-has-ever-been-seen-by-anyone-at-all,-as-far-as-pe\
    ople-can-remember,-though-some-say-that-there-was-one-once,-long-ago,-before-the-well\
    .";

/// Writes message `number` of `sender` behind `out`.
pub(super) fn write(sender: u32, number: u32, out: &mut Vec<u8>) {
    push_digits(sender, 5, out);
    out.push(b' ');
    push_digits(number, 9, out);
    out.push(b' ');
    out.extend_from_slice(words(sender, number));
}

/// The sender and the number of a message; `None` if nobody has sent such a payload.
pub(super) fn read(payload: &[u8]) -> Option<(u32, u32)> {
    if payload.len() != PAYLOAD_BYTES || payload[5] != b' ' || payload[15] != b' ' {
        return None;
    }
    let (sender, number) = (digits(&payload[..5])?, digits(&payload[6..15])?);
    (&payload[HEAD_BYTES..] == words(sender, number)).then_some((sender, number))
}

fn words(sender: u32, number: u32) -> &'static [u8] {
    let length = PAYLOAD_BYTES - HEAD_BYTES;
    let start = (sender.wrapping_mul(31).wrapping_add(number)) as usize % (WORDS.len() - length);
    &WORDS[start..start + length]
}

fn push_digits(mut number: u32, n_digits: usize, out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + n_digits, b'0');
    for digit in out[start..].iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

fn digits(bytes: &[u8]) -> Option<u32> {
    bytes.iter().try_fold(0_u32, |number, byte| {
        byte.is_ascii_digit().then(|| number * 10 + u32::from(byte - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        let mut payload = Vec::new();
        write(17, 123_456, &mut payload);
        assert_eq!(payload.len(), PAYLOAD_BYTES);
        assert_eq!(read(&payload), Some((17, 123_456)));
        for at in 0..PAYLOAD_BYTES {
            let mut damaged = payload.clone();
            damaged[at] ^= 1;
            assert_ne!(read(&damaged), Some((17, 123_456)), "byte {at}");
        }
        assert_eq!(read(&payload[1..]), None);
    }
}
