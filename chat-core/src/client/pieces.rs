//! A sorted map that is cheap to share: whoever holds a copy shares all pieces of it that have not changed since. Rooms by
//! their folded names, and the people of one by their folded nicks.

use std::sync::Arc;

#[cfg(test)]
use crate::work;

/// Entries of one piece, at most: one change copies so many when the piece is shared.
const PIECE_MAX: usize = 128;

/// An entry, by its key.
type Entry<V> = (Arc<str>, V);

/// The map.
#[derive(Debug, Clone)]
pub(super) struct Pieces<V> {
    /// The pieces, in order, none of them empty.
    pieces: Vec<Arc<Vec<Entry<V>>>>,
    n: usize,
}

impl<V> Default for Pieces<V> {
    fn default() -> Self {
        Self { pieces: Vec::new(), n: 0 }
    }
}

impl<V: Clone> Pieces<V> {
    pub(super) fn len(&self) -> usize {
        self.n
    }

    /// All entries, in the order of their keys.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &V)> {
        let entries = self.pieces.iter().flat_map(|piece| piece.iter());
        entries.map(|(key, value)| {
            #[cfg(test)]
            work::count();
            (key, value)
        })
    }

    pub(super) fn get(&self, key: &str) -> Option<&V> {
        let (piece, at) = self.place_of(key)?;
        Some(&self.pieces[piece][at].1)
    }

    /// The value of `key`, to be changed: a piece that is shared is copied for that.
    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut V> {
        let (piece, at) = self.place_of(key)?;
        Some(&mut Arc::make_mut(&mut self.pieces[piece])[at].1)
    }

    /// Puts `value` in; the one that was there before.
    pub(super) fn insert(&mut self, key: Arc<str>, value: V) -> Option<V> {
        let index = self.piece_of(&key);
        let Some(piece) = self.pieces.get_mut(index) else {
            self.pieces.push(Arc::new(vec![(key, value)]));
            self.n += 1;
            return None;
        };
        let piece = Arc::make_mut(piece);
        let before = match piece.binary_search_by(|(own, _)| compare(own, &key)) {
            Ok(at) => Some(std::mem::replace(&mut piece[at].1, value)),
            Err(at) => {
                piece.insert(at, (key, value));
                self.n += 1;
                None
            }
        };
        if piece.len() > PIECE_MAX {
            // Those who come in order leave full pieces behind.
            let middle = if index + 1 == self.pieces.len() { PIECE_MAX } else { PIECE_MAX / 2 };
            let behind = Arc::make_mut(&mut self.pieces[index]).split_off(middle);
            self.pieces.insert(index + 1, Arc::new(behind));
        }
        before
    }

    /// Takes `key` out, with its value, if it was there.
    pub(super) fn remove(&mut self, key: &str) -> Option<Entry<V>> {
        let (index, at) = self.place_of(key)?;
        let piece = Arc::make_mut(&mut self.pieces[index]);
        let removed = piece.remove(at);
        if piece.is_empty() {
            self.pieces.remove(index);
        }
        self.n -= 1;
        Some(removed)
    }

    fn place_of(&self, key: &str) -> Option<(usize, usize)> {
        let index = self.piece_of(key);
        let piece = self.pieces.get(index)?;
        let at = piece.binary_search_by(|(own, _)| compare(own, key)).ok()?;
        Some((index, at))
    }

    /// The piece that a key is in, if it is in any; the first one if it is before all.
    fn piece_of(&self, key: &str) -> usize {
        let is_before = |piece: &Arc<Vec<Entry<V>>>| compare(&piece[0].0, key).is_le();
        self.pieces.partition_point(is_before).saturating_sub(1)
    }
}

fn compare(own: &str, key: &str) -> std::cmp::Ordering {
    #[cfg(test)]
    work::count();
    own.cmp(key)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn they_are_those_who_came_and_have_not_gone_in_order() {
        let mut random = fastrand::Rng::with_seed(3);
        let (mut members, mut expected) = (Pieces::default(), BTreeMap::new());
        for _ in 0..20_000 {
            let key = random.u32(..2000).to_string();
            let nick: Arc<str> = if random.bool() { key.as_str().into() } else { "N".into() };
            if random.u8(..5) < 2 {
                assert_eq!(members.remove(&key).map(|(_, own)| own), expected.remove(&key));
            } else {
                let before = members.insert(key.as_str().into(), Arc::clone(&nick));
                assert_eq!(before, expected.insert(key.clone(), nick));
            }
            assert_eq!(members.get(&key), expected.get(&key));
            assert_eq!(members.len(), expected.len());
        }
        assert!(members.iter().map(|(_, nick)| nick).eq(expected.values()));
        assert!(members.pieces.iter().all(|piece| (1..=PIECE_MAX).contains(&piece.len())));
        for key in expected.keys() {
            assert!(members.remove(key).is_some());
        }
        assert!(members.pieces.is_empty());
    }

    #[test]
    fn a_copy_shares_all_pieces_but_the_one_that_changes() {
        let mut members = Pieces::default();
        for n in 0..100_000 {
            members.insert(format!("{n:06}").into(), "nick");
        }
        let copy = members.clone();
        members.insert("050000a".into(), "new");
        assert!(members.remove("010000").is_some());
        let shared =
            |piece: &&Arc<Vec<Entry<&str>>>| copy.pieces.iter().any(|own| Arc::ptr_eq(own, piece));
        let n_new = members.pieces.iter().filter(|piece| !shared(piece)).count();
        assert!(n_new <= 3, "two that changed, one of which was cut: {n_new}");
        assert_eq!((copy.len(), copy.get("050000a")), (100_000, None));
    }
}
