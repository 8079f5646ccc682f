//! From a stranger's text to markup: nothing of it is taken for markup, and links can be opened.
//! Pure.

use chat_core::text::printable;
use gtk::glib::markup_escape_text;
use linkify::{LinkFinder, LinkKind};

/// `text` as Pango markup.
pub(crate) fn markup(text: &str) -> String {
    let text = printable_lines(text);
    let mut finder = LinkFinder::new();
    finder.kinds(&[LinkKind::Url]);
    let mut markup = String::new();
    for span in finder.spans(&text) {
        let shown = markup_escape_text(span.as_str());
        let is_web = span.kind() == Some(&LinkKind::Url)
            && (span.as_str().starts_with("https://") || span.as_str().starts_with("http://"));
        if is_web {
            markup += &format!("<a href=\"{shown}\">{shown}</a>");
        } else {
            markup += &shown;
        }
    }
    markup
}

/// Without what could hide or disturb, but in its lines.
fn printable_lines(text: &str) -> String {
    text.lines().map(printable).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_text_is_markup() {
        assert_eq!(markup("<b>&\"'</b>"), "&lt;b&gt;&amp;&quot;&apos;&lt;/b&gt;");
        assert_eq!(markup("a\u{202e}b\u{1b}[1m\nc"), "ab[1m\nc");
    }

    #[test]
    fn links_can_be_opened_and_only_web_links() {
        let found = markup("see https://example.org/a?b=1&c=2, or not");
        let link = "https://example.org/a?b=1&amp;c=2";
        assert_eq!(found, format!("see <a href=\"{link}\">{link}</a>, or not"));
        assert!(!markup("file:///etc/passwd javascript:alert(1)").contains("href"));
    }
}
