//! Bytes to [`Line`]s and back: no I/O, no clock, no meaning.
//!
//! A [`Framer`] cuts a byte stream into lines, [`Line::parse`] looks into one without copying,
//! and [`LineWriter`] writes one that cannot contain a line break it was not asked for.
//! What a line *means* is decided in [`crate::proto`] and above.

mod encode;
mod framer;
pub mod limits;
mod line;
mod source;
mod tags;

pub use encode::{EncodeError, LineWriter};
pub use framer::{Framed, Framer};
pub use line::{Line, PARAMS_MAX, Params, ParseError};
pub use source::Source;
pub use tags::{TagPair, Tags, escape_tag_value, unescape_tag_value};
