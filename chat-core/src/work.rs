//! Work, counted by tests: names that are folded or compared, entries that are looked at. Times differ from run to run; this
//! does not.

use std::cell::Cell;

thread_local! {
    static DONE: Cell<u64> = const { Cell::new(0) };
}

/// One more name was folded, compared or looked at.
pub(crate) fn count() {
    DONE.with(|done| done.set(done.get() + 1));
}

/// The work that `act` is.
pub(crate) fn of(act: impl FnOnce()) -> u64 {
    let before = DONE.get();
    act();
    DONE.get() - before
}
