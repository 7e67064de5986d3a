//! Numbers in tables: a whole column with the same decimals, so that it can be read downwards.

pub use vickrey_scenario::output::number::amount;
use vickrey_scenario::output::number::short;

/// What stands where there is no number.
pub const NONE: &str = "-";

/// The cells of one column: as many decimals as give its largest number six digits (and, up to ten million, at least
/// two); small numbers that would then read as zero keep an exponent.
pub fn column(values: &[Option<f64>]) -> Vec<String> {
    cells(values, values.iter())
}

/// Columns of the same unit, which share their decimals.
pub fn columns(values: &[Vec<Option<f64>>]) -> Vec<Vec<String>> {
    values.iter().map(|column| cells(column, values.iter().flatten())).collect()
}

/// The cells of `values` with the decimals that suit `like`.
fn cells<'a>(values: &[Option<f64>], like: impl Iterator<Item = &'a Option<f64>>) -> Vec<String> {
    let (mut largest, mut whole) = (0.0_f64, true);
    for x in like.flatten().map(|x| x.abs()).filter(|x| x.is_finite()) {
        largest = largest.max(x);
        whole &= x.fract() == 0.0 && x < 1e7;
    }
    let decimals = if whole { 0 } else { decimals(largest) };
    let cell = |x: &Option<f64>| match *x {
        None => NONE.to_owned(),
        Some(x) if largest >= 1e12 || (largest > 0.0 && largest < 1e-6) => short(x),
        Some(x) => fixed(x, decimals),
    };
    values.iter().map(cell).collect()
}

fn decimals(largest: f64) -> usize {
    if largest == 0.0 {
        return 0;
    }
    let six_digits = 5 - largest.log10().floor() as i32;
    let at_least = if largest < 1e7 { 2 } else { 0 };
    six_digits.clamp(at_least, 9) as usize
}

fn fixed(x: f64, decimals: usize) -> String {
    if !x.is_finite() {
        return short(x);
    }
    let text = format!("{x:.decimals$}");
    let shows_zero = !text.bytes().any(|c| (b'1'..=b'9').contains(&c));
    match (shows_zero, x == 0.0) {
        // Minus zero reads like a loss.
        (true, true) => text.trim_start_matches('-').to_owned(),
        (true, false) => format!("{x:.1e}"),
        _ => text,
    }
}

/// A name that fits a cell: on one line, at most 32 characters.
pub fn name(text: &str) -> String {
    const LONGEST: usize = 32;
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if clean.chars().count() <= LONGEST {
        return clean;
    }
    let head: String = clean.chars().take(LONGEST - 1).collect();
    format!("{head}…")
}

/// A count with thin groups: 1 000 000.
pub fn count(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (k, digit) in digits.chars().enumerate() {
        if k > 0 && (digits.len() - k).is_multiple_of(3) && digits.len() > 4 {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// "1 agent", "2 agents".
pub fn counted(n: usize, what: &str) -> String {
    format!("{} {what}{}", count(n), if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(values: &[f64]) -> Vec<String> {
        column(&values.iter().map(|&x| Some(x)).collect::<Vec<_>>())
    }

    #[test]
    fn a_column_shares_its_decimals() {
        assert_eq!(shown(&[-0.865_145_2, 0.5, 1.031_686_156]), ["-0.86515", "0.50000", "1.03169"]);
        assert_eq!(shown(&[12_345.678, 0.5]), ["12345.68", "0.50"]);
        assert_eq!(shown(&[123_456_789.5, 1.0]), ["123456790", "1"]);
    }

    #[test]
    fn columns_of_one_unit_share_their_decimals() {
        let both = columns(&[vec![Some(12_345.678)], vec![Some(0.5), None]]);
        assert_eq!(both, [vec!["12345.68"], vec!["0.50", "-"]]);
    }

    #[test]
    fn whole_numbers_have_no_decimals() {
        assert_eq!(shown(&[80.0, -20.0, 0.0]), ["80", "-20", "0"]);
    }

    #[test]
    fn small_numbers_do_not_vanish() {
        assert_eq!(shown(&[1000.5, 1e-9]), ["1000.50", "1.0e-9"]);
        assert_eq!(shown(&[2.5e-9, 1e-12]), ["2.5e-9", "1e-12"]);
    }

    #[test]
    fn missing_and_minus_zero() {
        assert_eq!(column(&[None, Some(-0.0), Some(1.5)]), ["-", "0.00000", "1.50000"]);
        assert_eq!(column(&[None]), ["-"]);
        assert_eq!(shown(&[-0.0]), ["0"]);
        assert!(column(&[]).is_empty());
    }

    #[test]
    fn huge_numbers_have_exponents() {
        assert_eq!(shown(&[1.5e15, 2.0]), ["1.5e15", "2"]);
    }

    #[test]
    fn names_fit() {
        assert_eq!(name("Glen Lyn"), "Glen Lyn");
        assert_eq!(name("a\nb"), "a b");
        assert_eq!(name(&"ä".repeat(40)).chars().count(), 32);
    }

    #[test]
    fn counts_are_grouped() {
        assert_eq!(count(1000), "1000");
        assert_eq!(count(1_000_000), "1 000 000");
        assert_eq!(counted(1, "agent"), "1 agent");
        assert_eq!(counted(30, "agent"), "30 agents");
    }
}
