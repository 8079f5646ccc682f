//! The fuzz target `framer`, guided by coverage.

#![no_main]

use chat_tests::fuzz::FuzzTarget;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| FuzzTarget::Framer.run(data));
