//! Sparse fields: one word, and not its fields, for everybody who has nothing of it.

use std::ops::Deref;

/// A value that can be nothing.
pub(crate) trait Nothing: Default + 'static {
    const NOTHING: &'static Self;

    fn is_nothing(&self) -> bool;
}

/// Read as what it holds. It takes memory of its own only while that is something.
#[derive(Debug)]
pub(crate) struct Sparse<T>(Option<Box<T>>);

impl<T> Default for Sparse<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Nothing> Deref for Sparse<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_deref().unwrap_or(T::NOTHING)
    }
}

impl<T: Nothing> From<T> for Sparse<T> {
    fn from(value: T) -> Self {
        Self((!value.is_nothing()).then(|| Box::new(value)))
    }
}

impl<T: Nothing> Sparse<T> {
    pub(crate) fn change<R>(&mut self, change: impl FnOnce(&mut T) -> R) -> R {
        let Some(own) = &mut self.0 else {
            let mut value = T::default();
            let result = change(&mut value);
            *self = value.into();
            return result;
        };
        let result = change(own);
        if own.is_nothing() {
            self.0 = None;
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default)]
    struct Words(Vec<u8>);

    impl Nothing for Words {
        const NOTHING: &'static Self = &Self(Vec::new());

        fn is_nothing(&self) -> bool {
            self.0.is_empty()
        }
    }

    #[test]
    fn only_something_takes_memory() {
        let mut words: Sparse<Words> = Words::default().into();
        assert!(words.0.is_none() && words.is_nothing());
        assert_eq!(words.change(|own| own.0.pop()), None);
        assert!(words.0.is_none());
        words.change(|own| own.0.extend([1, 2]));
        assert_eq!(words.0.as_ref().map(|own| own.0.len()), Some(2));
        assert_eq!(
            (words.change(|own| own.0.pop()), words.change(|own| own.0.pop())),
            (Some(2), Some(1))
        );
        assert!(words.0.is_none());
    }
}
