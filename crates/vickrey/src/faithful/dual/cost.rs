//! What an allocation costs a follower, and how she answers prices.
//!
//! A cost is minimised by its owner only: the leader sees allocations and values. An answer is the minimiser over a box of
//! the cost plus a linear term (the price of what she uses) and, for the method of multipliers, a quadratic term.

use std::fmt;
use std::sync::Arc;

use super::curve::{Curve, CurveError};
use super::minimise;
use crate::numeric::cholesky::{Cholesky, dot};
use crate::numeric::dense;

/// A smooth convex cost of the user's own.
///
/// It must be convex, and strongly convex unless the multiplier method is used; this cannot be checked for all points, a
/// wrong promise shows in the certificate.
pub trait ConvexCost: fmt::Debug + Send + Sync {
    /// Number of decisions.
    fn decisions(&self) -> usize;

    /// The cost (money); plus infinity outside of its domain.
    fn value(&self, z: &[f64]) -> f64;

    /// The gradient at a point of the domain.
    fn gradient(&self, z: &[f64], gradient: &mut [f64]);

    /// The second derivatives at a point of the domain, row by row.
    fn hessian(&self, z: &[f64], hessian: &mut [f64]);

    /// Bounds (m, M) on the eigenvalues of the second derivatives on the box.
    fn curvature(&self, low: &[f64], high: &[f64]) -> (f64, f64);

    /// A point of the domain within the box, where the search begins.
    fn start(&self, low: &[f64], high: &[f64]) -> Vec<f64>;
}

/// A private cost v(z), money; the valuation is -v.
#[derive(Clone, Debug)]
pub enum Cost {
    /// z'Qz/2 + q'z + k.
    Quadratic(Quadratic),
    /// One curve for each decision, and a constant.
    Separable {
        /// The curves.
        curves: Vec<Curve>,
        /// Added once.
        constant: f64,
    },
    /// Any other smooth cost.
    Custom(Arc<dyn ConvexCost>),
    /// scale v(z) + shift'z of another cost: what a follower may pretend.
    Tilted {
        /// v.
        cost: Arc<Cost>,
        /// Factor, > 0.
        scale: f64,
        /// Money per unit of each decision.
        shift: Vec<f64>,
    },
}

/// z'Qz/2 + q'z + k with Q symmetric positive semidefinite.
#[derive(Clone, Debug, PartialEq)]
pub struct Quadratic {
    matrix: Vec<f64>,
    linear: Vec<f64>,
    constant: f64,
    /// Of Q, if it is positive definite.
    factor: Option<Cholesky>,
    extremes: (f64, f64),
}

/// Why a cost cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CostError {
    /// A list has the wrong length.
    #[error("{field}: found {found} numbers, accepted are {wanted}")]
    Size {
        /// The list.
        field: &'static str,
        /// How many.
        found: usize,
        /// How many are needed.
        wanted: usize,
    },
    /// Not a finite number.
    #[error("{field}, entry {index}: found {found}, accepted is a finite number")]
    NotFinite {
        /// The list.
        field: &'static str,
        /// Which entry, from 0.
        index: usize,
        /// What was found.
        found: f64,
    },
    /// Q is not symmetric.
    #[error(
        "matrix, entries ({row}, {column}) and ({column}, {row}): found {found} and {mirror}, accepted is a symmetric matrix"
    )]
    NotSymmetric {
        /// Row, from 0.
        row: usize,
        /// Column, from 0.
        column: usize,
        /// The entry.
        found: f64,
        /// Its mirror image.
        mirror: f64,
    },
    /// Q has a negative eigenvalue.
    #[error("matrix: found the eigenvalue {0}, accepted is a matrix without negative ones (a convex cost)")]
    NotConvex(f64),
    /// A curve is refused.
    #[error("decision {decision}: {source}")]
    Curve {
        /// Which decision, from 0.
        decision: usize,
        /// Why.
        source: CurveError,
    },
    /// There are no decisions.
    #[error("found no decision, accepted is at least one")]
    Empty,
}

/// The cost has no minimiser: it falls without end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the cost falls without end at this price")]
pub struct Unbounded;

/// What is minimised beside the cost: slope'z + z'Hz/2 over a box.
#[derive(Clone, Copy, Debug)]
pub struct Local<'a> {
    /// The linear term, money per unit.
    pub slope: &'a [f64],
    /// H, row by row, symmetric positive semidefinite; none is zero.
    pub curvature: Option<&'a [f64]>,
    /// Lower limits, possibly minus infinity.
    pub low: &'a [f64],
    /// Upper limits, possibly infinity.
    pub high: &'a [f64],
}

/// Entries of Q that differ from their mirror image by less than this part are taken as equal.
const SYMMETRY: f64 = 1e-12;

pub(super) fn finite(field: &'static str, xs: &[f64]) -> Result<(), CostError> {
    match xs.iter().position(|x| !x.is_finite()) {
        Some(index) => Err(CostError::NotFinite { field, index, found: xs[index] }),
        None => Ok(()),
    }
}

impl Quadratic {
    /// `matrix` is n x n, row by row.
    ///
    /// # Errors
    /// Sizes, numbers that are not finite, a matrix that is not symmetric or has a negative eigenvalue.
    pub fn new(matrix: Vec<f64>, linear: Vec<f64>, constant: f64) -> Result<Self, CostError> {
        let n = linear.len();
        if n == 0 {
            return Err(CostError::Empty);
        }
        if matrix.len() != n * n {
            return Err(CostError::Size { field: "matrix", found: matrix.len(), wanted: n * n });
        }
        finite("matrix", &matrix)?;
        finite("linear", &linear)?;
        finite("constant", &[constant])?;
        let size = matrix.iter().fold(0.0_f64, |s, x| s.max(x.abs()));
        for (row, column) in (0..n).flat_map(|r| (0..r).map(move |c| (r, c))) {
            let (found, mirror) = (matrix[row * n + column], matrix[column * n + row]);
            if (found - mirror).abs() > SYMMETRY * size {
                return Err(CostError::NotSymmetric { row, column, found, mirror });
            }
        }
        let (values, _) = dense::eigen(&matrix, n);
        let least = values.iter().fold(f64::INFINITY, |a, x| a.min(*x));
        let most = values.iter().fold(0.0_f64, |a, x| a.max(*x));
        // What the eigenvalue solver itself rounds.
        if least < -1e-13 * size * n as f64 {
            return Err(CostError::NotConvex(least));
        }
        let definite = least > 1e-13 * size * n as f64;
        let factor = if definite { Cholesky::new(n, &matrix).ok() } else { None };
        let least = if factor.is_some() { least } else { 0.0 };
        Ok(Self { matrix, linear, constant, factor, extremes: (least, most) })
    }

    /// Q, row by row.
    pub fn matrix(&self) -> &[f64] {
        &self.matrix
    }

    /// q.
    pub fn linear(&self) -> &[f64] {
        &self.linear
    }

    /// k.
    pub fn constant(&self) -> f64 {
        self.constant
    }

    /// Of Q; none if Q is not positive definite.
    pub(super) fn factor(&self) -> Option<&Cholesky> {
        self.factor.as_ref()
    }

    fn value(&self, z: &[f64]) -> f64 {
        let bent: f64 = self.matrix.chunks_exact(z.len()).zip(z).map(|(row, x)| dot(row, z) * x).sum();
        0.5 * bent + dot(&self.linear, z) + self.constant
    }

    fn answer(&self, ask: Local<'_>) -> Result<Vec<f64>, Unbounded> {
        let n = self.linear.len();
        let slope: Vec<f64> = self.linear.iter().zip(ask.slope).map(|(q, g)| q + g).collect();
        let bounded = ask.low.iter().chain(ask.high).any(|x| x.is_finite());
        match (&self.factor, ask.curvature, bounded) {
            (Some(factor), None, false) => {
                let mut z: Vec<f64> = slope.iter().map(|x| -x).collect();
                factor.solve(&mut z);
                Ok(z)
            }
            (_, curvature, _) => {
                let zero = vec![0.0; n * n];
                let bend = curvature.unwrap_or(&zero);
                let matrix: Vec<f64> = self.matrix.iter().zip(bend).map(|(q, h)| q + h).collect();
                minimise::quadratic(&matrix, &slope, ask.low, ask.high)
            }
        }
    }
}

impl Cost {
    /// z'Qz/2 + q'z + k; `matrix` row by row.
    ///
    /// # Errors
    /// As [`Quadratic::new`].
    pub fn quadratic(matrix: Vec<f64>, linear: Vec<f64>, constant: f64) -> Result<Self, CostError> {
        Quadratic::new(matrix, linear, constant).map(Self::Quadratic)
    }

    /// A sum of curves.
    ///
    /// # Errors
    /// There is none, or the constant is not finite.
    pub fn separable(curves: Vec<Curve>, constant: f64) -> Result<Self, CostError> {
        if curves.is_empty() {
            return Err(CostError::Empty);
        }
        finite("constant", &[constant])?;
        Ok(Self::Separable { curves, constant })
    }

    /// Number of decisions n.
    pub fn decisions(&self) -> usize {
        match self {
            Self::Quadratic(cost) => cost.linear.len(),
            Self::Separable { curves, .. } => curves.len(),
            Self::Custom(cost) => cost.decisions(),
            Self::Tilted { cost, .. } => cost.decisions(),
        }
    }

    /// v(z), money; plus infinity outside of the domain.
    pub fn value(&self, z: &[f64]) -> f64 {
        match self {
            Self::Quadratic(cost) => cost.value(z),
            Self::Separable { curves, constant } => {
                curves.iter().zip(z).map(|(curve, x)| curve.value(*x)).sum::<f64>() + constant
            }
            Self::Custom(cost) => cost.value(z),
            Self::Tilted { cost, scale, shift } => scale * cost.value(z) + dot(shift, z),
        }
    }

    /// The minimiser of v(z) + slope'z + z'Hz/2 over the box.
    ///
    /// Where several points are best (flat costs), the one nearest to zero of those along each decision.
    ///
    /// # Errors
    /// There is none: it falls without end.
    pub fn answer(&self, ask: Local<'_>) -> Result<Vec<f64>, Unbounded> {
        match self {
            Self::Quadratic(cost) => cost.answer(ask),
            Self::Separable { curves, .. } => minimise::separable(curves, ask),
            Self::Custom(cost) => minimise::smooth(cost.as_ref(), ask),
            Self::Tilted { cost, scale, shift } => {
                let slope: Vec<f64> = ask.slope.iter().zip(shift).map(|(g, s)| (g + s) / scale).collect();
                let bend: Option<Vec<f64>> = ask.curvature.map(|h| h.iter().map(|x| x / scale).collect());
                cost.answer(Local { slope: &slope, curvature: bend.as_deref(), ..ask })
            }
        }
    }

    /// J: how an answer moves with the slope, dz = -J dslope, row by row: the inverse second derivatives over the
    /// decisions that are neither at a limit nor at a kink.
    pub fn sensitivity(&self, z: &[f64], low: &[f64], high: &[f64]) -> Vec<f64> {
        let n = z.len();
        let free: Vec<bool> = (0..n).map(|k| z[k] > low[k] && z[k] < high[k]).collect();
        match self {
            Self::Quadratic(cost) => {
                dense::inverse_on(&cost.matrix, n, &free, 0.0).unwrap_or_else(|| vec![0.0; n * n])
            }
            Self::Separable { curves, .. } => {
                let mut inverse = vec![0.0; n * n];
                for k in (0..n).filter(|&k| free[k]) {
                    inverse[k * n + k] = curves[k].sensitivity(z[k]);
                }
                inverse
            }
            Self::Custom(cost) => {
                let mut hessian = vec![0.0; n * n];
                cost.hessian(z, &mut hessian);
                dense::inverse_on(&hessian, n, &free, 0.0).unwrap_or_else(|| vec![0.0; n * n])
            }
            Self::Tilted { cost, scale, .. } => {
                cost.sensitivity(z, low, high).into_iter().map(|x| x / scale).collect()
            }
        }
    }

    /// Which smooth piece of her answers every decision is on: the same numbers as long as answers move smoothly with the
    /// price. Limits and kinks are pieces of their own.
    pub(super) fn branches(&self, z: &[f64], low: &[f64], high: &[f64], all: &mut Vec<usize>) {
        if let Self::Tilted { cost, .. } = self {
            return cost.branches(z, low, high, all);
        }
        all.extend((0..z.len()).map(|k| match self {
            _ if z[k] <= low[k] => 0,
            _ if z[k] >= high[k] => 1,
            Self::Separable { curves, .. } => 2 + curves[k].branch(z[k]),
            _ => 2,
        }));
    }

    /// Bounds (m, M) on the eigenvalues of the second derivatives over the box: m = 0 if the cost is not strongly
    /// convex, M infinite at kinks.
    pub fn curvature(&self, low: &[f64], high: &[f64]) -> (f64, f64) {
        match self {
            Self::Quadratic(cost) => cost.extremes,
            Self::Separable { curves, .. } => curves
                .iter()
                .enumerate()
                .map(|(k, curve)| curve.curvature(low[k], high[k]))
                .fold((f64::INFINITY, 0.0), |a, b| (a.0.min(b.0), a.1.max(b.1))),
            Self::Custom(cost) => cost.curvature(low, high),
            Self::Tilted { cost, scale, .. } => {
                let (least, most) = cost.curvature(low, high);
                (scale * least, scale * most)
            }
        }
    }

    /// Whether the cost is defined on the whole box.
    ///
    /// # Errors
    /// The decision and its domain.
    pub fn fits(&self, low: &[f64], high: &[f64]) -> Result<(), CostError> {
        if let Self::Tilted { cost, .. } = self {
            return cost.fits(low, high);
        }
        if let Self::Separable { curves, .. } = self {
            for (decision, curve) in curves.iter().enumerate() {
                curve
                    .fits(low[decision], high[decision])
                    .map_err(|source| CostError::Curve { decision, source })?;
            }
        }
        Ok(())
    }
}
