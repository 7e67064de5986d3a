//! What is public: the couplings, the limits, what counts as absent, and how strongly costs may bend.

use std::borrow::Cow;

use super::projection::{self, Infeasible};
use crate::mechanism::AgentId;
use crate::names::{Names, NamesError};
use crate::numeric::dense;

/// What everybody knows of one follower before anybody sends a byte.
#[derive(Clone, Debug, PartialEq)]
pub struct Follower {
    /// R_i, m x n row by row: how much of every coupling one unit of a decision uses.
    pub coupling: Vec<f64>,
    /// Lower limits l_i, possibly minus infinity.
    pub low: Vec<f64>,
    /// Upper limits u_i, possibly infinity.
    pub high: Vec<f64>,
    /// a_i: what the follower's part counts as if she is absent.
    pub absent: Vec<f64>,
    /// Public bounds (m_i, M_i) on the second derivatives of her cost; (0, infinity) says nothing.
    pub curvature: (f64, f64),
}

impl Follower {
    /// A follower without limits, absent at zero, about whose cost nothing is known.
    pub fn new(coupling: Vec<f64>, decisions: usize) -> Self {
        Self {
            coupling,
            low: vec![f64::NEG_INFINITY; decisions],
            high: vec![f64::INFINITY; decisions],
            absent: vec![0.0; decisions],
            curvature: (0.0, f64::INFINITY),
        }
    }

    /// Number of decisions n_i.
    pub fn decisions(&self) -> usize {
        self.low.len()
    }

    /// Whether every decision has two finite limits.
    pub fn bounded(&self) -> bool {
        self.low.iter().chain(&self.high).all(|x| x.is_finite())
    }

    /// Whether some decision has a finite limit.
    pub fn limited(&self) -> bool {
        self.low.iter().chain(&self.high).any(|x| x.is_finite())
    }

    /// R_i'price, one number for each decision.
    pub fn charge(&self, price: &[f64]) -> Vec<f64> {
        let n = self.decisions();
        let mut slope = vec![0.0; n];
        for (row, p) in self.coupling.chunks_exact(n).zip(price) {
            slope.iter_mut().zip(row).for_each(|(s, r)| *s += r * p);
        }
        slope
    }

    /// Adds `factor` R_i z to `sum`.
    pub fn add_use(&self, z: &[f64], factor: f64, sum: &mut [f64]) {
        for (row, s) in self.coupling.chunks_exact(self.decisions()).zip(sum) {
            for (r, x) in row.iter().zip(z) {
                *s += factor * r * x;
            }
        }
    }
}

/// sum_i R_i z_i = c with followers who decide z_i.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    total: Vec<f64>,
    followers: Vec<Follower>,
    names: Names,
    /// Where each follower's decisions begin among all decisions; one more at the end.
    offsets: Vec<usize>,
}

/// Why a problem is refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ProblemError {
    /// There is nobody.
    #[error("followers: found none, accepted is at least one")]
    Empty,
    /// No coupling.
    #[error("total: found no number, accepted is one for every coupling")]
    NoCoupling,
    /// A list has the wrong length.
    #[error("{who}, {field}: found {found} numbers, accepted are {wanted}")]
    Size {
        /// The follower's name.
        who: String,
        /// The list.
        field: &'static str,
        /// How many.
        found: usize,
        /// How many are needed.
        wanted: usize,
    },
    /// A number is out of range.
    #[error("{who}, {field}, entry {index}: found {found}, accepted is {accepted}")]
    Number {
        /// The follower's name, or "total".
        who: String,
        /// The list.
        field: &'static str,
        /// Which entry, from 0.
        index: usize,
        /// What was found.
        found: f64,
        /// What is accepted.
        accepted: String,
    },
    /// Names are wrong.
    #[error(transparent)]
    Names(#[from] NamesError),
    /// No allocation meets the couplings within the limits.
    #[error("the couplings cannot be met within the limits: {0}")]
    Infeasible(Infeasible),
}

impl Problem {
    /// `total` is c, one number for every coupling.
    ///
    /// # Errors
    /// Sizes, numbers that are not finite, limits that cross, an absent allocation beyond them, couplings that cannot be
    /// met.
    pub fn new(total: Vec<f64>, followers: Vec<Follower>) -> Result<Self, ProblemError> {
        Self::named(total, followers, Names::default())
    }

    /// With names for tables and errors.
    ///
    /// # Errors
    /// As [`Problem::new`], and names that are wrong.
    pub fn with_names(
        total: Vec<f64>,
        followers: Vec<Follower>,
        names: Vec<Box<str>>,
    ) -> Result<Self, ProblemError> {
        let names = Names::new(names, followers.len())?;
        Self::named(total, followers, names)
    }

    fn named(total: Vec<f64>, followers: Vec<Follower>, names: Names) -> Result<Self, ProblemError> {
        if followers.is_empty() {
            return Err(ProblemError::Empty);
        }
        if total.is_empty() {
            return Err(ProblemError::NoCoupling);
        }
        check_numbers("total", "total", &total)?;
        for (i, follower) in followers.iter().enumerate() {
            check_follower(&names.get(i), follower, total.len())?;
        }
        let mut offsets = vec![0];
        for follower in &followers {
            offsets.push(offsets[offsets.len() - 1] + follower.decisions());
        }
        let problem = Self { total, followers, names, offsets };
        projection::feasible(&problem, &[]).map_err(ProblemError::Infeasible)?;
        Ok(problem)
    }

    /// N.
    pub fn len(&self) -> usize {
        self.followers.len()
    }

    /// Never: a problem has followers.
    pub fn is_empty(&self) -> bool {
        self.followers.is_empty()
    }

    /// m.
    pub fn couplings(&self) -> usize {
        self.total.len()
    }

    /// c.
    pub fn total(&self) -> &[f64] {
        &self.total
    }

    /// All followers.
    pub fn followers(&self) -> &[Follower] {
        &self.followers
    }

    /// One of them.
    pub fn follower(&self, agent: AgentId) -> &Follower {
        &self.followers[agent]
    }

    /// Her name.
    pub fn name(&self, agent: AgentId) -> Cow<'_, str> {
        self.names.get(agent)
    }

    /// Number of all decisions.
    pub fn decisions(&self) -> usize {
        self.offsets[self.followers.len()]
    }

    /// Where a follower's decisions stand among all.
    pub fn range(&self, agent: AgentId) -> std::ops::Range<usize> {
        self.offsets[agent]..self.offsets[agent + 1]
    }

    /// What is left of c when some followers are absent: c - sum R_j a_j over them (ascending).
    pub fn left(&self, absent: &[AgentId]) -> Vec<f64> {
        let mut left = self.total.clone();
        for &j in absent {
            self.followers[j].add_use(&self.followers[j].absent, -1.0, &mut left);
        }
        left
    }

    /// Everybody's absent allocation, in one list.
    pub fn absence(&self) -> Vec<f64> {
        self.followers.iter().flat_map(|f| f.absent.iter().copied()).collect()
    }

    /// The largest eigenvalue of sum_i R_i R_i'/m_i, from public bounds only: the price steps below 2 over it are safe, in
    /// the problem and in every one without followers. None if some m_i is zero.
    pub fn steepness(&self) -> Option<f64> {
        let moduli: Option<Vec<f64>> =
            self.followers.iter().map(|f| Some(f.curvature.0).filter(|m| *m > 0.0)).collect();
        moduli.map(|moduli| self.steepness_of(&moduli).largest)
    }

    /// The same from given moduli > 0, one for every follower.
    pub(super) fn steepness_of(&self, moduli: &[f64]) -> Steepness {
        let m = self.couplings();
        let mut sum = vec![0.0; m * m];
        self.followers.iter().zip(moduli).for_each(|(f, modulus)| add_gram(f, 1.0 / modulus, &mut sum));
        let largest = |sum: &[f64]| {
            let (values, _) = dense::eigen(sum, m);
            // Rounding of the eigenvalues must not make a step unsafe.
            values.iter().fold(0.0_f64, |a, x| a.max(*x)) * (1.0 + 1e-13)
        };
        // A coupling that nobody uses has no length.
        let length: Vec<f64> =
            (0..m).map(|r| sum[r * m + r]).map(|x| if x > 0.0 { x.sqrt() } else { 1.0 }).collect();
        let scaled: Vec<f64> = (0..m * m).map(|k| sum[k] / (length[k / m] * length[k % m])).collect();
        let scaled = largest(&scaled);
        Steepness { largest: largest(&sum), rows: length.iter().map(|x| scaled * x * x).collect() }
    }
}

/// How steeply sum R_i z_i can answer to prices: bounds on sum_i R_i J_i R_i' for all costs of the public class.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Steepness {
    /// The largest eigenvalue.
    pub largest: f64,
    /// A diagonal matrix that is a bound as well, and stays as tight when couplings are counted in other units.
    pub rows: Vec<f64>,
}

/// Adds `factor` R_i R_i' to an m x m matrix.
pub(super) fn add_gram(follower: &Follower, factor: f64, sum: &mut [f64]) {
    let n = follower.decisions();
    let m = follower.coupling.len() / n;
    for r in 0..m {
        let row = &follower.coupling[r * n..(r + 1) * n];
        for c in 0..m {
            let other = &follower.coupling[c * n..(c + 1) * n];
            sum[r * m + c] += factor * row.iter().zip(other).map(|(x, y)| x * y).sum::<f64>();
        }
    }
}

fn check_numbers(who: &str, field: &'static str, xs: &[f64]) -> Result<(), ProblemError> {
    match xs.iter().position(|x| !x.is_finite()) {
        Some(index) => Err(number(who, field, index, xs[index], "a finite number")),
        None => Ok(()),
    }
}

fn number(
    who: &str,
    field: &'static str,
    index: usize,
    found: f64,
    accepted: impl Into<String>,
) -> ProblemError {
    ProblemError::Number { who: who.into(), field, index, found, accepted: accepted.into() }
}

fn check_follower(who: &str, follower: &Follower, m: usize) -> Result<(), ProblemError> {
    let n = follower.low.len();
    let size = |field, found, wanted| {
        if found == wanted && found > 0 {
            Ok(())
        } else {
            Err(ProblemError::Size { who: who.into(), field, found, wanted: usize::max(wanted, 1) })
        }
    };
    size("lower limits", n, n)?;
    size("upper limits", follower.high.len(), n)?;
    size("absent allocation", follower.absent.len(), n)?;
    size("coupling", follower.coupling.len(), m * n)?;
    check_numbers(who, "coupling", &follower.coupling)?;
    check_numbers(who, "absent allocation", &follower.absent)?;
    for k in 0..n {
        let (low, high, absent) = (follower.low[k], follower.high[k], follower.absent[k]);
        if low.is_nan() || low == f64::INFINITY {
            return Err(number(who, "lower limits", k, low, "a number or minus infinity"));
        }
        if high.is_nan() || high < low || high == f64::NEG_INFINITY {
            return Err(number(who, "upper limits", k, high, format!("at least the lower limit {low}")));
        }
        if absent < low || absent > high {
            let accepted = format!("a number within the limits {low} to {high}");
            return Err(number(who, "absent allocation", k, absent, accepted));
        }
    }
    let (least, most) = follower.curvature;
    if !(least >= 0.0 && least.is_finite()) {
        return Err(number(who, "curvature", 0, least, "a finite number of at least 0"));
    }
    if most.is_nan() || most < least {
        return Err(number(who, "curvature", 1, most, format!("at least {least}")));
    }
    Ok(())
}
