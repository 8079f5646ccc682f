//! The people of one room in the order of their folded nicks, cheap to share: whoever holds a copy shares all pieces of
//! it that have not changed since.

use std::sync::Arc;

/// People of one piece, at most: one change copies so many when the piece is shared.
const PIECE_MAX: usize = 128;

/// A folded nick and the nick as its owner writes it.
type Member = (Arc<str>, Arc<str>);

/// The people of a room.
#[derive(Debug, Clone, Default)]
pub(super) struct Members {
    /// The pieces, in order, none of them empty.
    pieces: Vec<Arc<Vec<Member>>>,
    n: usize,
}

impl Members {
    pub(super) fn len(&self) -> usize {
        self.n
    }

    pub(super) fn nicks(&self) -> impl Iterator<Item = &Arc<str>> {
        self.pieces.iter().flat_map(|piece| piece.iter().map(|(_, nick)| nick))
    }

    /// The nick that is folded so, as its owner writes it.
    pub(super) fn get(&self, key: &str) -> Option<&Arc<str>> {
        let piece = self.pieces.get(self.piece_of(key))?;
        let at = piece.binary_search_by(|(own, _)| (**own).cmp(key)).ok()?;
        Some(&piece[at].1)
    }

    pub(super) fn insert(&mut self, key: &str, nick: &Arc<str>) {
        let index = self.piece_of(key);
        let key: Arc<str> = if **nick == *key { Arc::clone(nick) } else { key.into() };
        let Some(piece) = self.pieces.get_mut(index) else {
            self.pieces.push(Arc::new(vec![(key, Arc::clone(nick))]));
            self.n += 1;
            return;
        };
        let piece = Arc::make_mut(piece);
        match piece.binary_search_by(|(own, _)| own.cmp(&key)) {
            Ok(at) => piece[at].1 = Arc::clone(nick),
            Err(at) => {
                piece.insert(at, (key, Arc::clone(nick)));
                self.n += 1;
            }
        }
        if piece.len() > PIECE_MAX {
            // Those who come in order leave full pieces behind.
            let middle = if index + 1 == self.pieces.len() { PIECE_MAX } else { PIECE_MAX / 2 };
            let behind = Arc::make_mut(&mut self.pieces[index]).split_off(middle);
            self.pieces.insert(index + 1, Arc::new(behind));
        }
    }

    /// Whether they were there.
    pub(super) fn remove(&mut self, key: &str) -> bool {
        let index = self.piece_of(key);
        let found = self
            .pieces
            .get(index)
            .and_then(|piece| piece.binary_search_by(|(own, _)| (**own).cmp(key)).ok());
        let Some(at) = found else { return false };
        let piece = Arc::make_mut(&mut self.pieces[index]);
        piece.remove(at);
        if piece.is_empty() {
            self.pieces.remove(index);
        }
        self.n -= 1;
        true
    }

    /// The piece that a key is in, if it is in any; the first one if it is before all.
    fn piece_of(&self, key: &str) -> usize {
        self.pieces.partition_point(|piece| *piece[0].0 <= *key).saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn they_are_those_who_came_and_have_not_gone_in_order() {
        let mut random = fastrand::Rng::with_seed(3);
        let (mut members, mut expected) = (Members::default(), BTreeMap::new());
        for _ in 0..20_000 {
            let key = random.u32(..2000).to_string();
            let nick: Arc<str> = if random.bool() { key.as_str().into() } else { "N".into() };
            if random.u8(..5) < 2 {
                assert_eq!(members.remove(&key), expected.remove(&key).is_some());
            } else {
                members.insert(&key, &nick);
                expected.insert(key.clone(), nick);
            }
            assert_eq!(members.get(&key), expected.get(&key));
            assert_eq!(members.len(), expected.len());
        }
        assert!(members.nicks().eq(expected.values()));
        assert!(members.pieces.iter().all(|piece| (1..=PIECE_MAX).contains(&piece.len())));
        for key in expected.keys() {
            assert!(members.remove(key));
        }
        assert!(members.pieces.is_empty());
    }

    #[test]
    fn a_copy_shares_all_pieces_but_the_one_that_changes() {
        let mut members = Members::default();
        for n in 0..100_000 {
            members.insert(&format!("{n:06}"), &"nick".into());
        }
        let copy = members.clone();
        members.insert("050000a", &"new".into());
        assert!(members.remove("010000"));
        let shared =
            |piece: &&Arc<Vec<Member>>| copy.pieces.iter().any(|own| Arc::ptr_eq(own, piece));
        let n_new = members.pieces.iter().filter(|piece| !shared(piece)).count();
        assert!(n_new <= 3, "two that changed, one of which was cut: {n_new}");
        assert_eq!((copy.len(), copy.get("050000a")), (100_000, None));
    }
}
