//! Names that look alike: what one is called, nobody else is called for the eye
//! (<https://www.unicode.org/reports/tr39/#Confusable_Detection>).

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use chat_core::proto::CaseMapping;
use unicode_security::confusable_detection::skeleton;

/// The names by what they look like.
#[derive(Debug, Default)]
pub(crate) struct ConfusableNames {
    owners: HashMap<Box<str>, BTreeSet<Arc<str>>>,
}

/// The looks of `name`, as it is written and folded.
pub(crate) fn looks(name: &str) -> [Box<str>; 2] {
    let look = |name: &str| skeleton(name).collect::<String>().to_lowercase().into();
    [look(name), look(&CaseMapping::Ascii.fold(name))]
}

/// Whether two names look alike.
pub(crate) fn are_alike(one: &str, other: &str) -> bool {
    looks(one).iter().any(|look| looks(other).contains(look))
}

impl ConfusableNames {
    /// `name`, which is that of `owner`, is taken.
    pub(crate) fn add(&mut self, owner: &Arc<str>, name: &str) {
        for look in looks(name) {
            self.owners.entry(look).or_default().insert(Arc::clone(owner));
        }
    }

    /// Frees a name again.
    pub(crate) fn remove(&mut self, owner: &str, name: &str) {
        for look in looks(name) {
            if let Some(owners) = self.owners.get_mut(&look) {
                owners.remove(owner);
                if owners.is_empty() {
                    self.owners.remove(&look);
                }
            }
        }
    }

    /// Whether a name that looks like `name` is that of somebody else than `own`.
    pub(crate) fn is_anothers(&self, name: &str, own: Option<&str>) -> bool {
        let is_another = |owner: &Arc<str>| own != Some(&**owner);
        let owners = |look: Box<str>| self.owners.get(&look);
        looks(name).into_iter().filter_map(owners).any(|owners| owners.iter().any(is_another))
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.owners.is_empty()
    }
}
