//! Bars, one below the other, as an SVG picture.

use std::fmt::Write as _;

/// A bar: its name, how long it is, and between which values the runs were.
#[derive(Debug, Clone)]
pub struct Bar {
    /// The name of the one it is of.
    pub name: String,
    /// The median.
    pub value: f64,
    /// The least and the most.
    pub spread: (f64, f64),
}

const WIDTH: f64 = 640.0;
const NAMES: f64 = 120.0;
const VALUES: f64 = 150.0;
const ROW: f64 = 26.0;
const HEAD: f64 = 44.0;

/// A picture of `bars`, with what they show above; the first is ours and has another colour.
#[must_use]
pub fn svg(title: &str, unit: &str, bars: &[Bar]) -> String {
    let height = HEAD + ROW * bars.len() as f64 + 10.0;
    let longest = bars.iter().map(|bar| bar.spread.1).fold(f64::MIN_POSITIVE, f64::max);
    let scale = (WIDTH - NAMES - VALUES) / longest;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"10\" y=\"20\" font-weight=\"bold\">{}</text>\n\
         <text x=\"10\" y=\"36\" fill=\"#666\" font-size=\"11\">{}</text>\n",
        escaped(title),
        escaped(unit)
    );
    for (index, bar) in bars.iter().enumerate() {
        let top = HEAD + ROW * index as f64;
        let middle = top + ROW / 2.0;
        let colour = if index == 0 { "#2f6fde" } else { "#b8bec8" };
        let (low, high) = bar.spread;
        let x = |value: f64| NAMES + value * scale;
        // Writing to a string cannot fail.
        let _ = write!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\n\
             <rect x=\"{NAMES}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{colour}\"/>\n\
             <path d=\"M{:.1} {middle:.1}H{:.1}\" stroke=\"#333\"/>\n\
             <text x=\"{:.1}\" y=\"{:.1}\" fill=\"#333\">{}</text>\n",
            NAMES - 8.0,
            middle + 4.0,
            escaped(&bar.name),
            top + 4.0,
            bar.value * scale,
            ROW - 8.0,
            x(low),
            x(high),
            x(high) + 8.0,
            middle + 4.0,
            figure(bar.value),
        );
    }
    svg.push_str("</svg>\n");
    svg
}

/// A number to three digits.
#[must_use]
pub fn figure(value: f64) -> String {
    let digits = match value.abs() {
        0.0 => 0,
        ..10.0 => (2.0 - value.abs().log10().floor()).clamp(0.0, 4.0) as usize,
        ..100.0 => 1,
        _ => 0,
    };
    format!("{value:.digits$}")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_has_a_bar_for_each_and_none_leaves_the_picture() {
        let bar = |name: &str, value| Bar {
            name: name.to_owned(),
            value,
            spread: (value * 0.9, value * 1.1),
        };
        let picture = svg("a < b", "s", &[bar("ours", 1.0), bar("theirs", 4.0)]);
        assert_eq!(picture.matches("<rect x").count(), 2);
        assert!(picture.contains("a &lt; b"));
        let widths =
            picture.split("width=\"").filter_map(|rest| rest.split('"').next()?.parse().ok());
        assert!(widths.into_iter().all(|width: f64| width <= WIDTH));
        assert_eq!(figure(0.1234), "0.123");
        assert_eq!(figure(12.34), "12.3");
        assert_eq!(figure(1234.5), "1234");
    }
}
