//! Numbers for readers, and numbers that may be missing.

/// The number, or nothing if it is not finite: documents and tables never hold infinities.
pub fn finite(x: f64) -> Option<f64> {
    x.is_finite().then_some(x)
}

/// A number with six significant digits and no trailing zeros, for sentences.
///
/// ```
/// use vickrey_scenario::output::number::short;
/// assert_eq!(short(1.127_580_986_7), "1.12758");
/// assert_eq!(short(-1_234_567.8), "-1234568");
/// assert_eq!(short(2.5e-9), "2.5e-9");
/// assert_eq!(short(f64::INFINITY), "infinity");
/// ```
pub fn short(x: f64) -> String {
    if !x.is_finite() {
        return if x.is_nan() {
            "not a number"
        } else if x > 0.0 {
            "infinity"
        } else {
            "-infinity"
        }
        .into();
    }
    if x == 0.0 {
        return "0".into();
    }
    if !(1e-4..1e9).contains(&x.abs()) {
        let text = format!("{x:.5e}");
        return match text.split_once('e') {
            Some((digits, exponent)) => format!("{}e{exponent}", trim(digits)),
            None => text,
        };
    }
    let decimals = 5 - x.abs().log10().floor() as i32;
    trim(&format!("{x:.*}", decimals.max(0) as usize)).to_owned()
}

/// The same with its unit, if it has one.
pub fn amount(x: f64, unit: &str) -> String {
    if unit.is_empty() { short(x) } else { format!("{} {unit}", short(x)) }
}

/// Without zeros at the end of the decimals.
fn trim(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

/// Names in a sentence: at most `most`, then how many more.
pub fn list(names: &[String], in_all: usize, most: usize) -> String {
    let shown = names.len().min(most);
    let head: Vec<String> = names[..shown].iter().map(|name| format!("`{name}`")).collect();
    match (in_all.saturating_sub(shown), head.as_slice()) {
        (0, [all @ .., last]) if !all.is_empty() => format!("{} and {last}", all.join(", ")),
        (0, _) => head.join(", "),
        (more, _) => format!("{} and {more} more", head.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_keeps_six_digits() {
        let cases = [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (100.0, "100"),
            (0.000_123_456_78, "0.000123457"),
            (123_456_789.0, "123456789"),
            (1e9, "1e9"),
            (-3.217_592_653, "-3.21759"),
            (9.999_999_9, "10"),
            (f64::NAN, "not a number"),
        ];
        for (x, text) in cases {
            assert_eq!(short(x), text);
        }
    }

    #[test]
    fn amounts_have_their_unit_if_there_is_one() {
        assert_eq!(amount(2.5, "EUR"), "2.5 EUR");
        assert_eq!(amount(2.5, ""), "2.5");
    }

    #[test]
    fn lists_read_as_sentences() {
        let names: Vec<String> = ["a", "b", "c"].map(str::to_owned).to_vec();
        assert_eq!(list(&names[..1], 1, 5), "`a`");
        assert_eq!(list(&names, 3, 5), "`a`, `b` and `c`");
        assert_eq!(list(&names, 9, 2), "`a`, `b` and 7 more");
        assert_eq!(list(&[], 0, 2), "");
    }
}
