//! Windows, penalties and how long a lie stays unseen.

/// How far a frequency may be from its law.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Window {
    /// As printed (paper 001, (11), with equality): `sqrt(ln(2 l^(1+gamma)) / (2 l))`. Honest players are flagged
    /// finitely often; on the first days for certain if the type they have was less than 0.41 likely.
    Printed {
        /// Above 0.
        gamma: f64,
    },
    /// Union bound over all cells and days: an honest player is ever flagged with probability at most
    /// `false_alarm`: `sqrt(ln(2 K zeta(1+gamma) l^(1+gamma) / false_alarm) / (2 l))` with K cells.
    UnionBound {
        /// Above 0.
        gamma: f64,
        /// Between 0 and 1.
        false_alarm: f64,
    },
    /// Law of the iterated logarithm: `0.85 sqrt((ln ln(2 l) + 0.72 ln(10.4 K / false_alarm)) / l)`, from day 2 on.
    /// Narrower than the bound that the paper asks for; it keeps the promise by the theorem of Howard and others (2021).
    IteratedLogarithm {
        /// Between 0 and 1.
        false_alarm: f64,
    },
}

/// What a flagged day costs: `scale * day^power`, in money, the day counted from 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Penalty {
    /// Above 0; at least twice the largest difference that a type makes, for the penalty to bite from day 1.
    pub scale: f64,
    /// Above 1, so that the penalty of a day grows faster than the days.
    pub power: f64,
}

impl Default for Penalty {
    fn default() -> Self {
        Self { scale: 1.0, power: 1.5 }
    }
}

/// Why tests cannot be set up.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{field}: found {found}, accepted is {accepted}")]
pub struct TermsError {
    /// Which number.
    pub field: &'static str,
    /// What was found.
    pub found: String,
    /// What is accepted.
    pub accepted: &'static str,
}

/// A window for a given number of cells: the numbers that do not change from day to day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Threshold {
    /// Before the day enters.
    constant: f64,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// `l r(l) = sqrt(l (constant + slope ln l) / 2)`.
    Logarithm { slope: f64 },
    /// `l r(l) = 0.85 sqrt(l (ln ln(2 l) + constant))`.
    Iterated,
}

impl Window {
    /// Whether its parameters are acceptable.
    ///
    /// # Errors
    /// gamma is not above 0, or the probability of a false alarm is not between 0 and 1.
    pub fn check(&self) -> Result<(), TermsError> {
        let gamma = |gamma: f64| {
            // Nearer to 0 the sum over all days, and with it the window, has no end; beyond, early windows lose all meaning.
            let accepted = "a number from 0.001 to 100";
            let fine = (1e-3..=100.0).contains(&gamma);
            if fine { Ok(()) } else { Err(TermsError { field: "gamma", found: gamma.to_string(), accepted }) }
        };
        let alarm = |p: f64| {
            let accepted = "a probability between 0 and 1, both excluded";
            let fine = p > 0.0 && p < 1.0;
            if fine {
                Ok(())
            } else {
                Err(TermsError { field: "false_alarm", found: p.to_string(), accepted })
            }
        };
        match *self {
            Self::Printed { gamma: g } => gamma(g),
            Self::UnionBound { gamma: g, false_alarm } => gamma(g).and_then(|()| alarm(false_alarm)),
            Self::IteratedLogarithm { false_alarm } => alarm(false_alarm),
        }
    }

    /// The window of a player whose tests have `exp(ln_cells)` cells altogether.
    pub fn threshold(&self, ln_cells: f64) -> Threshold {
        match *self {
            Self::Printed { gamma } => {
                Threshold { constant: std::f64::consts::LN_2, kind: Kind::Logarithm { slope: 1.0 + gamma } }
            }
            Self::UnionBound { gamma, false_alarm } => {
                let zeta = libm::log(zeta(1.0 + gamma));
                let constant = std::f64::consts::LN_2 + ln_cells + zeta - libm::log(false_alarm);
                Threshold { constant, kind: Kind::Logarithm { slope: 1.0 + gamma } }
            }
            Self::IteratedLogarithm { false_alarm } => {
                let constant = 0.72 * (libm::log(10.4) + ln_cells - libm::log(false_alarm));
                Threshold { constant, kind: Kind::Iterated }
            }
        }
    }

    /// The first day on which tests can speak at all.
    pub fn first_day(&self) -> u64 {
        match self {
            Self::IteratedLogarithm { .. } => 2,
            Self::Printed { .. } | Self::UnionBound { .. } => 1,
        }
    }

    /// What an honest player is ever flagged with at most, if there is such a bound.
    pub fn false_alarm(&self) -> Option<f64> {
        match *self {
            Self::Printed { .. } => None,
            Self::UnionBound { false_alarm, .. } | Self::IteratedLogarithm { false_alarm } => {
                Some(false_alarm)
            }
        }
    }
}

impl Threshold {
    /// `l r(l)`: a numerator of at least this is flagged on day `l` (from 1). It never falls as days go by.
    ///
    /// Logarithms come from one software library, so that a replay agrees bit for bit on every machine.
    pub fn at(&self, day: u64) -> f64 {
        let l = day as f64;
        match self.kind {
            Kind::Logarithm { slope } => (l * (self.constant + slope * libm::log(l)) / 2.0).sqrt(),
            Kind::Iterated if day < 2 => 0.0,
            Kind::Iterated => 0.85 * (l * (libm::log(libm::log(2.0 * l)) + self.constant)).sqrt(),
        }
    }

    /// The window itself, a frequency.
    pub fn window(&self, day: u64) -> f64 {
        self.at(day) / day as f64
    }

    /// The first day on which a frequency that is off by `size` on every day is flagged, if a day up to 2^53 is.
    pub fn detection(&self, size: f64) -> Option<u64> {
        let seen = |day: u64| size * day as f64 >= self.at(day);
        let last = 1_u64 << 53;
        if !(size > 0.0 && seen(last)) {
            return None;
        }
        // size * l grows faster than l r(l) from the day on that it overtakes it; the printed window is not monotone on
        // the first two days.
        if let Some(day) = (1..=2).find(|day| self.at(*day) > 0.0 && seen(*day)) {
            return Some(day);
        }
        let (mut low, mut high) = (2, last);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if seen(middle) {
                high = middle;
            } else {
                low = middle;
            }
        }
        Some(high)
    }
}

impl Penalty {
    /// Whether its parameters are acceptable.
    ///
    /// # Errors
    /// The scale is not above 0, the power is not above 1, or the penalties of the longest season add up to no number.
    pub fn check(&self) -> Result<(), TermsError> {
        let wrong = |field, found: f64, accepted| TermsError { field, found: found.to_string(), accepted };
        if !(self.scale.is_finite() && self.scale > 0.0) {
            return Err(wrong("penalty scale", self.scale, "a finite number above 0"));
        }
        if !(self.power.is_finite() && self.power > 1.0) {
            let accepted = "a finite number above 1 (penalties must grow faster than the days)";
            return Err(wrong("penalty power", self.power, accepted));
        }
        if !(self.at(super::MOST_DAYS) * super::MOST_DAYS as f64).is_finite() {
            let accepted = "one whose penalties of 2^32 days, added up, are a number";
            return Err(wrong("penalty power", self.power, accepted));
        }
        Ok(())
    }

    /// The penalty of a flagged day, in money.
    pub fn at(&self, day: u64) -> f64 {
        self.scale * libm::pow(day as f64, self.power)
    }
}

/// Riemann's zeta function for s > 1, by Euler and Maclaurin: 20 terms and four corrections leave less than 1e-15.
fn zeta(s: f64) -> f64 {
    const TERMS: u32 = 20;
    let n = f64::from(TERMS);
    let head: f64 = (1..TERMS).rev().map(|k| libm::pow(f64::from(k), -s)).sum();
    let tail = libm::pow(n, 1.0 - s) / (s - 1.0) + libm::pow(n, -s) / 2.0;
    // B_2k / (2k)! s (s+1) … (s+2k-2) n^(1-s-2k).
    let mut term = s * libm::pow(n, -s - 1.0);
    let mut corrections = term / 12.0;
    for (k, factor) in [(1.0, -1.0 / 720.0), (2.0, 1.0 / 30_240.0), (3.0, -1.0 / 1_209_600.0)] {
        term *= (s + 2.0 * k - 1.0) * (s + 2.0 * k) / (n * n);
        corrections += factor * term;
    }
    head + tail + corrections
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Printed with gamma .5, printed with gamma .1, union bound with 20 cells, false alarm .01, gamma .5.
    const WINDOWS: [(u64, [f64; 3]); 8] = [
        (1, [0.588_705_011, 0.588_705_011, 2.151_082_233]),
        (2, [0.658_192_212, 0.603_243_127, 1.604_215_565]),
        (10, [0.455_358_365, 0.401_621_139, 0.797_125_686]),
        (30, [0.310_777_071, 0.271_859_777, 0.489_150_720]),
        (100, [0.194_947_460, 0.169_688_455, 0.284_271_568]),
        (365, [0.114_335_443, 0.099_195_630, 0.157_480_834]),
        (1000, [0.074_346_419, 0.064_388_190, 0.099_035_202]),
        (10_000, [0.026_933_861, 0.023_264_266, 0.033_963_083]),
    ];

    #[test]
    fn windows_have_the_known_widths() {
        let printed = |gamma| Window::Printed { gamma }.threshold(0.0);
        let union = Window::UnionBound { gamma: 0.5, false_alarm: 0.01 }.threshold(20_f64.ln());
        for (day, known) in WINDOWS {
            let ours = [printed(0.5), printed(0.1), union].map(|w| w.window(day));
            for (ours, known) in ours.iter().zip(known) {
                assert!((ours - known).abs() < 6e-10, "day {day}: {ours} is not {known}");
            }
        }
        let iterated = Window::IteratedLogarithm { false_alarm: 0.01 }.threshold(20_f64.ln());
        assert!((iterated.window(365) - 0.1338).abs() < 5e-5);
        assert!((iterated.window(10_000) - 0.0261).abs() < 5e-5);
    }

    #[test]
    fn thresholds_never_fall() {
        let windows = [
            Window::Printed { gamma: 0.01 },
            Window::UnionBound { gamma: 2.0, false_alarm: 0.5 },
            Window::IteratedLogarithm { false_alarm: 0.5 },
        ];
        for window in windows {
            let threshold = window.threshold(0.0);
            let mut last = 0.0;
            for day in (1..2000).chain((0..40).map(|k| 1 << (k + 11))) {
                assert!(threshold.at(day) >= last, "{window:?} falls on day {day}");
                last = threshold.at(day);
            }
        }
    }

    #[test]
    fn detection_is_the_first_day_that_a_search_finds() {
        for window in [Window::Printed { gamma: 0.5 }, Window::UnionBound { gamma: 0.5, false_alarm: 0.01 }] {
            let threshold = window.threshold(3.0);
            for size in [0.9, 0.6, 0.5, 0.25, 0.1, 0.05] {
                let searched = (1..100_000).find(|l| size * *l as f64 >= threshold.at(*l));
                assert_eq!(threshold.detection(size), searched, "{window:?}, {size}");
            }
            assert_eq!(threshold.detection(0.0), None);
        }
    }

    #[test]
    fn zeta_is_known_at_even_numbers() {
        let pi = std::f64::consts::PI;
        assert!((zeta(2.0) - pi * pi / 6.0).abs() < 1e-15);
        assert!((zeta(4.0) - pi.powi(4) / 90.0).abs() < 1e-15);
        assert!((zeta(1.5) - 2.612_375_348_685_488).abs() < 1e-14);
    }

    #[test]
    fn impossible_terms_are_refused() {
        assert!([0.0, 1e-17, 1e200, f64::NAN].iter().all(|g| Window::Printed { gamma: *g }.check().is_err()));
        assert!(Penalty { scale: 1.0, power: 200.0 }.check().is_err());
        assert!(Window::UnionBound { gamma: 0.5, false_alarm: 1.0 }.check().is_err());
        assert!(Window::IteratedLogarithm { false_alarm: f64::NAN }.check().is_err());
        assert!(Penalty { scale: 0.0, power: 2.0 }.check().is_err());
        assert!(Penalty { scale: 1.0, power: 1.0 }.check().is_err());
    }
}
