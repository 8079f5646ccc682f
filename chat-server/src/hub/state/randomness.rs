//! The source of all that is drawn at random. It follows from a seed of 256 bits, so that nobody can go through all seeds, and so that a
//! run can be repeated.

use rand_chacha::{
    ChaCha8Rng, ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};

/// The seed of all that is drawn at random.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Seed(pub [u8; 32]);

impl std::fmt::Debug for Seed {
    /// Without what it is.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seed")
    }
}

impl From<u64> for Seed {
    /// A seed that can be written down: for runs that are repeated, not for secrets.
    fn from(number: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        Self(bytes)
    }
}

/// The source (see the module): what is published is drawn from another stream than what must not be guessed.
#[derive(Debug)]
pub(crate) struct Randomness {
    secret: ChaCha20Rng,
    published: ChaCha8Rng,
}

impl Randomness {
    pub(crate) fn new(seed: Seed) -> Self {
        let mut secret = ChaCha20Rng::from_seed(seed.0);
        let mut other = [0; 32];
        secret.fill_bytes(&mut other);
        Self { secret, published: ChaCha8Rng::from_seed(other) }
    }

    /// Draws what must not be guessed: keys, salts, links, identities.
    pub(crate) fn secret<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.secret.fill_bytes(&mut bytes);
        bytes
    }

    /// Draws what everybody is told.
    pub(crate) fn published(&mut self) -> u64 {
        self.published.next_u64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_published_tells_nothing_of_what_is_secret() {
        let (mut one, mut other) = (Randomness::new(Seed([7; 32])), Randomness::new(Seed([7; 32])));
        let published: Vec<u64> = (0..100).map(|_| one.published()).collect();
        assert_eq!(one.secret::<32>(), other.secret::<32>(), "a stream of its own");
        assert_eq!(published[0], other.published());
        let mut seed = Seed([7; 32]);
        seed.0[31] ^= 1;
        assert_ne!(
            Randomness::new(seed).secret::<32>(),
            other.secret::<32>(),
            "all 256 bits count"
        );
        assert_ne!(Seed::from(1), Seed::from(2));
    }
}
