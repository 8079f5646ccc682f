//! Names that have come lately. Most messages are from a few people to a few rooms: those names are kept once, and not
//! once for each message, which would be two thirds of what a message is kept in.

use std::{
    hash::{BuildHasher, BuildHasherDefault},
    sync::Arc,
};

use rustc_hash::FxHasher;

/// Names that are kept. Two that want the same place take it from each other.
const PLACES: usize = 64;

/// Longer ones are kept by their messages alone, so that a server that makes them up costs no memory.
const NAME_BYTES_MAX: usize = 64;

/// The number of times one is given before it is kept anew: the thread that drops the messages of a flood would
/// count down what we count up, and each would wait for the other's cache.
const GIVEN_MAX: u32 = 256;

/// The names that have come lately.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Nothing before the first one. Each with how often it has been given.
    places: Vec<Option<(Arc<str>, u32)>>,
}

impl Names {
    /// `name`, as it was kept, if it came lately.
    pub(super) fn keep(&mut self, name: &str) -> Arc<str> {
        if name.len() > NAME_BYTES_MAX {
            return name.into();
        }
        if self.places.is_empty() {
            self.places.resize(PLACES, None);
        }
        // The high bits are the ones that are mixed best.
        let hash = BuildHasherDefault::<FxHasher>::default().hash_one(name);
        let place = &mut self.places[(hash >> 32) as usize % PLACES];
        match place {
            Some((known, n_given)) if *n_given < GIVEN_MAX && **known == *name => {
                *n_given += 1;
                Arc::clone(known)
            }
            _ => Arc::clone(&place.insert((name.into(), 1)).0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_comes_again_is_the_same_one() {
        let mut names = Names::default();
        let first = names.keep("ann");
        assert_eq!(&*names.keep("Ann"), "Ann", "as it is written");
        assert!(Arc::ptr_eq(&first, &names.keep("ann")));
        let long = "a".repeat(NAME_BYTES_MAX + 1);
        assert!(!Arc::ptr_eq(&names.keep(&long), &names.keep(&long)));
    }

    #[test]
    fn however_many_come_so_many_are_kept() {
        let mut names = Names::default();
        for n in 0..10_000 {
            assert_eq!(*names.keep(&format!("guest{n}")), *format!("guest{n}"));
        }
        assert_eq!(names.places.len(), PLACES);
        let n_kept = names.places.iter().flatten().count();
        assert!(n_kept > PLACES / 2, "they are spread: {n_kept}");
    }
}
