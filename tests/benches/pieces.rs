//! The pieces a message passes, by the clock.
//!
//! ```sh
//! cargo bench -p chat-tests --bench pieces
//! ```

use chat_tests::load::pieces::PIECES;
use divan::Bencher;

/// The allocator of the server's program.
#[cfg(unix)]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() {
    divan::main();
}

#[divan::bench(args = PIECES.iter().map(|piece| piece.name))]
fn piece(bencher: Bencher<'_, '_>, name: &str) {
    let piece = PIECES.iter().find(|piece| piece.name == name);
    bencher.bench_local((piece.expect("the argument is one of them").make)());
}
