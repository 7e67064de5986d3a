//! Laws of sums of independent amounts between two bounds in the convex order, on cells of one width.
//!
//! Of a sum S only E (y - S)^+ is asked for, a convex function of every summand. So a law is bounded from above by one
//! that splits every atom between the two ends of its cell, keeping its mean, and from below by one that gathers whatever
//! falls into a cell at the mean of the cell (Jensen). Both err by the square of the width.

use multiversion::multiversion;

/// Cells at either end that hold less than this are dropped; what that may cost is added to the upper bound.
const FAINT: f64 = 1e-24;

/// One of the two bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Side {
    /// What falls into a cell is gathered at its mean.
    Lower,
    /// What falls into a cell is split between its ends: all atoms stand at the beginnings of cells.
    Upper,
}

/// A measure on cells: atoms at `first + k + moments[k] / masses[k]`, in widths.
#[derive(Clone, Debug)]
pub(super) struct Cells {
    side: Side,
    first: usize,
    masses: Vec<f64>,
    /// Mass times place within the cell, from 0 to 1; 0 throughout for [`Side::Upper`].
    moments: Vec<f64>,
    /// Mass that was dropped for being faint.
    pub lost: f64,
}

/// A value of a summand, in widths, and its probability.
pub(super) type Atom = (f64, f64);

impl Cells {
    /// Nothing, for certain.
    pub fn nothing(side: Side) -> Self {
        Self { side, first: 0, masses: vec![1.0], moments: vec![0.0], lost: 0.0 }
    }

    /// Number of cells that are kept.
    pub fn len(&self) -> usize {
        self.masses.len()
    }

    /// The law after one more summand of values not below 0. Cells from `end` on are not kept.
    pub fn plus(&self, atoms: &[Atom], end: usize) -> Self {
        let top = atoms.iter().fold(0.0, |top: f64, (x, _)| top.max(*x));
        let after = (self.first + self.len() + 2).saturating_add(top.min(end as f64) as usize).min(end);
        let length = after.saturating_sub(self.first);
        let (mut masses, mut moments) = (vec![0.0; length], vec![0.0; length]);
        for (x, p) in atoms {
            let whole = x.floor();
            if whole >= length as f64 {
                continue;
            }
            let (shift, rest) = (whole as usize, x - whole);
            match self.side {
                Side::Upper => {
                    add(&mut masses[shift..], &self.masses, p * (1.0 - rest));
                    if shift + 1 < length {
                        add(&mut masses[shift + 1..], &self.masses, p * rest);
                    }
                }
                Side::Lower => {
                    let from = [self.masses.as_slice(), self.moments.as_slice()];
                    gather(&mut masses[shift..], &mut moments[shift..], from, rest, *p);
                }
            }
        }
        let mut sum = Self { side: self.side, first: self.first, masses, moments, lost: self.lost };
        sum.drop_faint();
        sum
    }

    fn drop_faint(&mut self) {
        let kept = |w: &f64| *w >= FAINT;
        let begin = self.masses.iter().position(kept).unwrap_or(self.len());
        let end = self.masses.iter().rposition(kept).map_or(begin, |last| last + 1);
        self.lost += self.masses[..begin].iter().chain(&self.masses[end..]).sum::<f64>();
        self.masses.truncate(end);
        self.moments.truncate(end);
        self.masses.drain(..begin);
        self.moments.drain(..begin);
        self.first += begin;
    }

    /// Atoms instead of moments: where in its cell each one stands.
    pub fn placed(mut self) -> Self {
        for (moment, mass) in self.moments.iter_mut().zip(&self.masses) {
            // Rounding may not move an atom out of its cell.
            *moment = if *mass > 0.0 { (*moment / mass).clamp(0.0, 1.0) } else { 0.0 };
        }
        self
    }
}

/// `to[k] += weight * from[k]` as far as both reach.
#[multiversion(targets("x86_64+avx2+fma"))]
fn add(to: &mut [f64], from: &[f64], weight: f64) {
    for (to, from) in to.iter_mut().zip(from) {
        *to += weight * from;
    }
}

/// Adds the atoms of `from` (masses, moments), moved by `rest < 1`, to cells: those that leave their cell go to the next.
#[multiversion(targets("x86_64+avx2+fma"))]
fn gather(masses: &mut [f64], moments: &mut [f64], from: [&[f64]; 2], rest: f64, p: f64) {
    let count = from[0].len().min(masses.len());
    let (w, g) = (&from[0][..count], &from[1][..count]);
    let (to_w, to_g) = (&mut masses[..count], &mut moments[..count]);
    let room = 1.0 - rest;
    for k in 0..count {
        let stay = if g[k] < room * w[k] { p } else { 0.0 };
        to_w[k] += stay * w[k];
        to_g[k] += stay * (g[k] + rest * w[k]);
    }
    let count = from[0].len().min(masses.len().saturating_sub(1));
    let (w, g) = (&from[0][..count], &from[1][..count]);
    let (to_w, to_g) = (&mut masses[1..][..count], &mut moments[1..][..count]);
    for k in 0..count {
        let leave = if g[k] < room * w[k] { 0.0 } else { p };
        to_w[k] += leave * w[k];
        to_g[k] += leave * (g[k] - room * w[k]).max(0.0);
    }
}

/// E (y - B)^+ as a function of y, for a law B on cells: what is needed of every cell, from the last one down to the one
/// before the first, so that it can be read along with the cells of another summand.
#[derive(Clone, Debug)]
pub(super) struct Shortfall {
    /// Cell of the first entry.
    last: usize,
    /// At the beginning of the cell: the function, and its slope (mass of all cells before).
    value: Vec<f64>,
    slope: Vec<f64>,
    /// Of the cell itself.
    masses: Vec<f64>,
    moments: Vec<f64>,
}

impl Shortfall {
    /// Of a law (with moments, not [placed](Cells::placed)), for y up to `end` widths.
    pub fn new(cells: &Cells, end: usize) -> Self {
        let count = end + 2;
        let zeros = || vec![0.0; count];
        let mut all = Self { last: end, value: zeros(), slope: zeros(), masses: zeros(), moments: zeros() };
        let (mut value, mut slope) = (0.0, 0.0);
        for cell in 0..=end {
            let at = end - cell;
            let inner = cell.checked_sub(cells.first).filter(|k| *k < cells.len());
            let (mass, moment) = inner.map_or((0.0, 0.0), |k| (cells.masses[k], cells.moments[k]));
            (all.value[at], all.slope[at], all.masses[at], all.moments[at]) = (value, slope, mass, moment);
            value += slope + (mass - moment);
            slope += mass;
        }
        all
    }

    /// The sum over `targets` (a weight, and a y in widths) of weight times E (y - A - B)^+, A being the law of `atoms`
    /// ([placed](Cells::placed)).
    pub fn with(&self, atoms: &Cells, targets: &[(f64, f64)]) -> f64 {
        let one = |(weight, y): &(f64, f64)| {
            // Atoms in cells up to that of y, and the cells that are left when theirs are taken away.
            let whole = y.floor() as usize;
            assert!(whole <= self.last, "the function reaches to {}, asked for {y}", self.last);
            let Some(reach) = whole.checked_sub(atoms.first) else { return 0.0 };
            let count = atoms.len().min(reach + 1);
            let function = [&self.value, &self.slope, &self.masses, &self.moments];
            let function = function.map(|all| &all[self.last - reach..][..count + 1]);
            weight * met([&atoms.masses[..count], &atoms.moments[..count]], function, y - whole as f64)
        };
        targets.iter().map(one).sum()
    }
}

/// The sum over atoms (masses, places in their cells) of mass times the function of [`Shortfall`], at `rest` less the place.
#[multiversion(targets("x86_64+avx2+fma"))]
fn met(atoms: [&[f64]; 2], function: [&[f64]; 4], rest: f64) -> f64 {
    const LANES: usize = 8;
    let count = atoms[0].len();
    let (mass, place) = (&atoms[0][..count], &atoms[1][..count]);
    let [value, slope, masses, moments] = function.map(|all| &all[..count + 1]);
    let one = |k: usize| {
        let within = rest - place[k];
        let at = |k: usize, t: f64| value[k] + t * slope[k] + (t * masses[k] - moments[k]).max(0.0);
        let (same, before) = (at(k, within), at(k + 1, within + 1.0));
        mass[k] * if within >= 0.0 { same } else { before }
    };
    // Eight sums side by side, in an order that is part of the result.
    let mut sums = [0.0; LANES];
    let whole = count - count % LANES;
    for k in (0..whole).step_by(LANES) {
        for (lane, sum) in sums.iter_mut().enumerate() {
            *sum += one(k + lane);
        }
    }
    let rest: f64 = (whole..count).map(one).sum();
    sums.iter().sum::<f64>() + rest
}
