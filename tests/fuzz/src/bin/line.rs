//! The fuzz target `line`, guided by coverage.

#![no_main]

use chat_tests::fuzz::FuzzTarget;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| FuzzTarget::Line.run(data));
