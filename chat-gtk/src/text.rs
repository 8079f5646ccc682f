//! From a stranger's text to what is shown of it: nothing is taken for markup, links can be opened, and however long it is,
//! laying it out takes no time that anybody notices. Pure.

use std::borrow::Cow;

use chat_core::text::{SHOWN_CHARS_MAX, SHOWN_LINES_MAX, beginning, breakable, printable};
use gtk::glib::markup_escape_text;
use linkify::{LinkFinder, LinkKind};

/// The characters of a name that are shown, and of a sentence that a server may have written.
const NAME_CHARS_MAX: usize = 48;
const SENTENCE_CHARS_MAX: usize = 300;

/// A text as it is shown at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    /// The beginning: Pango markup, or plain text.
    pub(crate) text: String,
    /// All of it, if there is more than the beginning.
    pub(crate) whole: Option<String>,
}

/// A text as Pango markup.
pub(crate) fn markup(text: &str) -> Shown {
    shown(text, |beginning, is_cut| {
        let mut finder = LinkFinder::new();
        finder.kinds(&[LinkKind::Url]);
        let mut markup = String::new();
        for span in finder.spans(beginning) {
            let shown = markup_escape_text(&breakable(span.as_str()));
            let is_web = span.kind() == Some(&LinkKind::Url)
                && (span.as_str().starts_with("https://") || span.as_str().starts_with("http://"))
                // What is cut may be another address.
                && !(is_cut && span.end() == beginning.len());
            if is_web {
                let address = markup_escape_text(span.as_str());
                markup += &format!("<a href=\"{address}\">{shown}</a>");
            } else {
                markup += &shown;
            }
        }
        markup
    })
}

/// A text as plain text.
pub(crate) fn plain(text: &str) -> Shown {
    shown(text, |beginning, _| breakable(beginning).into_owned())
}

fn shown(text: &str, show: impl FnOnce(&str, bool) -> String) -> Shown {
    let whole = printable_lines(text);
    let beginning = beginning(&whole, SHOWN_CHARS_MAX, SHOWN_LINES_MAX);
    let is_cut = beginning.len() < whole.len();
    let mut text = show(beginning, is_cut);
    if is_cut {
        text.push('…');
    }
    Shown { text, whole: is_cut.then_some(whole) }
}

/// A stranger's name, fit for a label.
pub(crate) fn name(text: &str) -> String {
    cut(text, NAME_CHARS_MAX)
}

/// A sentence that a server may have written, fit for a label.
pub(crate) fn sentence(text: &str) -> String {
    cut(text, SENTENCE_CHARS_MAX)
}

fn cut(text: &str, chars_max: usize) -> String {
    let text = printable(text);
    let beginning = beginning(&text, chars_max, 1);
    let end = if beginning.len() < text.len() { "…" } else { "" };
    format!("{}{end}", breakable(beginning))
}

/// A text of any length as lines that are each laid out at once, for a view that lays out those it shows.
pub(crate) fn in_pieces(text: &str) -> String {
    let mut pieces = String::with_capacity(text.len() + text.len() / 16);
    for line in text.split('\n') {
        let mut rest = line;
        loop {
            let piece = beginning(rest, SHOWN_CHARS_MAX, 1);
            pieces += &breakable(piece);
            pieces.push('\n');
            rest = &rest[piece.len()..];
            if rest.is_empty() {
                break;
            }
        }
    }
    pieces.pop();
    pieces
}

/// Without what could hide or disturb, but in its lines.
fn printable_lines(text: &str) -> String {
    let lines: Vec<Cow<'_, str>> = text.lines().map(printable).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_text_is_markup() {
        assert_eq!(markup("<b>&\"'</b>").text, "&lt;b&gt;&amp;&quot;&apos;&lt;/b&gt;");
        assert_eq!(markup("a\u{202e}b\u{1b}[1m\nc").text, "ab[1m\nc");
    }

    #[test]
    fn links_can_be_opened_and_only_web_links() {
        let found = markup("see https://example.org/a?b=1&c=2, or not").text;
        let link = "https://example.org/a?b=1&amp;c=2";
        assert_eq!(found, format!("see <a href=\"{link}\">{link}</a>, or not"));
        assert!(!markup("file:///etc/passwd javascript:alert(1)").text.contains("href"));
        // A long one is broken where it is shown, and only there; one that is cut is none.
        let address = format!("https://example.org/{}", "x".repeat(200));
        let found = markup(&address).text;
        assert!(found.starts_with(&format!("<a href=\"{address}\">https://")), "{found}");
        assert!(found.contains('\u{200b}'));
        let cut = markup(&format!("https://example.org/{}", "x".repeat(2000)));
        assert!(!cut.text.contains("href") && cut.whole.is_some());
    }

    /// Words of a text that nothing breaks, in characters.
    fn longest_word(text: &str) -> usize {
        let words = text.split(|c: char| c.is_whitespace() || c == '\u{200b}');
        words.map(|word| word.chars().count()).max().unwrap_or_default()
    }

    #[test]
    fn what_is_shown_is_cut_and_breaks_and_the_rest_is_kept() {
        for text in
            ["x".repeat(15_000), "\u{fdfa}".repeat(3000), "a\n".repeat(5000), "<&>".repeat(9000)]
        {
            for shown in [markup(&text), plain(&text)] {
                assert!(shown.text.ends_with('…'));
                // Signs of markup are a few letters each.
                assert!(shown.text.chars().count() <= 6 * SHOWN_CHARS_MAX, "{}", shown.text.len());
                assert!(shown.text.lines().count() <= SHOWN_LINES_MAX);
                assert!(longest_word(&shown.text) <= 6 * 65);
                assert_eq!(shown.whole.as_deref(), Some(text.trim_end()));
            }
            let pieces = in_pieces(&text);
            assert!(pieces.lines().all(|line| line.chars().count() <= SHOWN_CHARS_MAX + 20));
            assert!(longest_word(&pieces) <= 65);
            let letters = |text: &str| text.replace(['\n', '\u{200b}'], "");
            assert_eq!(letters(&pieces), letters(&text));
        }
        assert_eq!(plain("as it is"), Shown { text: "as it is".into(), whole: None });
        assert_eq!(name(&"n".repeat(200)), format!("{}…", "n".repeat(48)));
        assert!(sentence(&"n".repeat(16_000)).chars().count() < 310);
    }
}
