//! Rules that several mechanisms share: the factor of scaled payments, and what staying out is worth.

use vickrey::guarantee::Baseline;

use super::keys::{BASELINES, Key, SCALINGS};
use super::sheet::{Desk, Sheet};

/// The factor c of scaled payments. Only a number fixed in advance keeps truth optimal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scaling {
    /// This number.
    Fixed(f64),
    /// The low end of the interval in which budget and participation hold.
    LowEnd,
    /// Its high end.
    HighEnd,
    /// The c in it that keeps payments nearest to Lagrange payments.
    MinMax,
    /// The same, relative to what each agent trades.
    MinMaxRatio,
}

impl Scaling {
    /// The word for it in scenario files; none for a number.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::Fixed(_) => None,
            Self::LowEnd => Some(SCALINGS[0]),
            Self::HighEnd => Some(SCALINGS[1]),
            Self::MinMax => Some(SCALINGS[2]),
            Self::MinMaxRatio => Some(SCALINGS[3]),
        }
    }
}

/// Factors outside this range are taken for a mistake, and warned about.
const USUAL_FACTORS: std::ops::RangeInclusive<f64> = 0.0..=10.0;
/// Largest size of a factor.
const LARGEST_FACTOR: f64 = vickrey::market::utility::LARGEST;

/// The factor, if the key is there and holds one.
pub(super) fn scaling(
    rules: &Sheet<'_, '_>,
    key: &Key,
    desk: &mut Desk,
    warnings: &mut Vec<String>,
) -> Option<Scaling> {
    let value = rules.value(key.name)?;
    if value.get_ref().as_str().is_some() {
        let index = rules.choice(key, SCALINGS.iter().copied(), desk)?;
        return [Scaling::LowEnd, Scaling::HighEnd, Scaling::MinMax, Scaling::MinMaxRatio]
            .get(index)
            .copied();
    }
    let c = rules.number(key, desk)?;
    if c.abs() > LARGEST_FACTOR {
        let message =
            format!("{}: `{}` is {c:e}, accepted is a number of size at most 1e15", rules.title, key.name);
        desk.at(value.span(), message, "too large to be meaningful", key.about.to_owned());
        return None;
    }
    if !USUAL_FACTORS.contains(&c) {
        warnings.push(format!(
            "{}: {} = {c} is far from 1, around which budget and participation can hold",
            rules.title, key.name
        ));
    }
    Some(Scaling::Fixed(c))
}

/// What staying out is worth; autarky if the key is left out.
pub(super) fn baseline(rules: &Sheet<'_, '_>, key: &Key, desk: &mut Desk) -> Baseline {
    match rules.choice(key, BASELINES.iter().copied(), desk) {
        Some(1) => Baseline::Zero,
        _ => Baseline::Autarky,
    }
}
