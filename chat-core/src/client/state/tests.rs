//! Scripts against the state.
