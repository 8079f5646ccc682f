//! Batches in as many pages as their size asks for.

use crate::delivery::{Page, ReplyLine};

/// Bytes of one reply, of as many as an answer needs, about.
pub(crate) const REPLY_BYTES: usize = 32 << 10;

/// One batch of `lines`, in as many pages as its size asks for.
pub(crate) fn in_pages(
    kind: &'static str,
    params: Vec<Box<str>>,
    lines: Vec<ReplyLine>,
) -> Vec<ReplyLine> {
    let mut pages: Vec<Vec<ReplyLine>> = vec![Vec::new()];
    let mut bytes = 0;
    for line in lines {
        bytes += line.size();
        if bytes > REPLY_BYTES && pages.last().is_some_and(|page| !page.is_empty()) {
            pages.push(Vec::new());
            bytes = line.size();
        }
        pages.last_mut().expect("there is one").push(line);
    }
    let n_pages = pages.len();
    let page = |(index, lines)| {
        let page = Page::of(index == 0, index + 1 == n_pages);
        ReplyLine::Batch { kind, params: params.clone(), lines, page }
    };
    pages.into_iter().enumerate().map(page).collect()
}
