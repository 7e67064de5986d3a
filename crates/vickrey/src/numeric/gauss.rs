//! Gauss-Legendre quadrature.

/// Nodes in (0, 1] and weights of the 10-point rule on [-1, 1]; each node stands for itself and its mirror image.
const NODES: [(f64, f64); 5] = [
    (0.148_874_338_981_631_22, 0.295_524_224_714_752_87),
    (0.433_395_394_129_247_2, 0.269_266_719_309_996_35),
    (0.679_409_568_299_024_4, 0.219_086_362_515_982_04),
    (0.865_063_366_688_984_5, 0.149_451_349_150_580_6),
    (0.973_906_528_517_171_7, 0.066_671_344_308_688_14),
];

/// Integral of `f` from `a` to `b` by the 10-point rule (exact for polynomials up to degree 19).
pub fn fixed(a: f64, b: f64, f: impl Fn(f64) -> f64) -> f64 {
    let (half, mid) = (0.5 * (b - a), 0.5 * (a + b));
    let sum: f64 = NODES.iter().map(|&(x, w)| w * (f(mid - half * x) + f(mid + half * x))).sum();
    half * sum
}

/// Integral over t from 0 to `step` of f(start + t), split at the kinks that lie inside, halved until the two halves
/// agree with the whole to 1e-13 (at most 2^12 pieces: a function with unknown kinks gets what is reached by then).
pub fn adaptive(kinks: &[f64], start: f64, step: f64, f: &dyn Fn(f64) -> f64) -> f64 {
    let end = start + step;
    let mut cuts: Vec<f64> = kinks.iter().copied().filter(|k| (k - start) * (k - end) < 0.0).collect();
    cuts.sort_by(f64::total_cmp);
    if step < 0.0 {
        cuts.reverse();
    }
    cuts.push(end);
    let (mut at, mut sum) = (start, 0.0);
    for cut in cuts {
        sum += halve((at, cut), fixed(at, cut, f), 12, f);
        at = cut;
    }
    sum
}

fn halve((a, b): (f64, f64), whole: f64, depth: u32, f: &dyn Fn(f64) -> f64) -> f64 {
    let mid = 0.5 * (a + b);
    let (left, right) = (fixed(a, mid, f), fixed(mid, b, f));
    if depth == 0 || (left + right - whole).abs() <= 1e-13 * (left.abs() + right.abs()) {
        return left + right;
    }
    halve((a, mid), left, depth - 1, f) + halve((mid, b), right, depth - 1, f)
}

/// A function at one point: its value, and which smooth branch of it the point is on.
#[derive(Clone, Debug)]
pub struct Sample<B> {
    /// Where.
    pub at: f64,
    /// f there.
    pub value: f64,
    /// The same number or list as long as the function is smooth.
    pub branch: B,
}

/// Integral from `a` to `b` of a nondecreasing function that is smooth wherever its branch does not change.
///
/// Changes of branch are looked for by halving, so that every panel is smooth however close to its end a bend lies. Because
/// the function never falls, what lies between two points is known to half of (f(r) - f(l))(r - l): around a bend or a jump
/// and for panels as small as that, this is at most `change`. Other panels are halved until that changes no more than
/// `change`. The error is therefore about `change` for every bend and panel. A branch that flickers by rounding is given up
/// after `bends` changes; from then on values alone decide.
pub fn branching<B: PartialEq + Clone>(
    (a, b): (f64, f64),
    change: f64,
    bends: usize,
    f: &mut dyn FnMut(f64) -> (f64, B),
) -> f64 {
    let mut walk = Branching { f, change, bends };
    let (a, b) = (walk.sample(a), walk.sample(b));
    walk.between(&a, &b)
}

struct Branching<'a, B> {
    f: &'a mut dyn FnMut(f64) -> (f64, B),
    change: f64,
    bends: usize,
}

impl<B: PartialEq + Clone> Branching<'_, B> {
    fn sample(&mut self, at: f64) -> Sample<B> {
        let (value, branch) = (self.f)(at);
        Sample { at, value, branch }
    }

    fn differ(&self, a: &Sample<B>, b: &Sample<B>) -> bool {
        self.bends > 0 && a.branch != b.branch
    }

    /// Whether all that can lie between two points is known well enough; also where there is no number between them.
    fn narrow(&self, a: &Sample<B>, b: &Sample<B>) -> bool {
        let (rise, width) = (b.value - a.value, b.at - a.at);
        rise * width <= self.change || width <= 4.0 * f64::EPSILON * (a.at.abs() + b.at.abs())
    }

    fn between(&mut self, a: &Sample<B>, b: &Sample<B>) -> f64 {
        let (mut from, mut sum) = (a.clone(), 0.0);
        while self.differ(&from, b) && !self.narrow(&from, b) {
            let (last, first) = self.bend(&from, b);
            sum += self.panel(&from, &last) + trapezoid(&last, &first);
            from = first;
        }
        sum + self.panel(&from, b)
    }

    /// The last point on the branch of `a` and the first on another, as near to each other as they need to be.
    fn bend(&mut self, a: &Sample<B>, b: &Sample<B>) -> (Sample<B>, Sample<B>) {
        let (mut last, mut first) = (a.clone(), b.clone());
        while !self.narrow(&last, &first) {
            let middle = self.sample(0.5 * (last.at + first.at));
            if middle.branch == a.branch { last = middle } else { first = middle }
        }
        self.bends = self.bends.saturating_sub(1);
        (last, first)
    }

    fn panel(&mut self, a: &Sample<B>, b: &Sample<B>) -> f64 {
        if self.narrow(a, b) {
            return trapezoid(a, b);
        }
        match self.rule(a, b) {
            Err(other) => self.between(a, &other) + self.between(&other, b),
            // A straight line needs no second look.
            Ok(whole) if (whole - trapezoid(a, b)).abs() <= self.change => whole,
            Ok(whole) => self.halve((a, b), whole, 50),
        }
    }

    /// The 10-point rule; a node on another branch if there is one.
    fn rule(&mut self, a: &Sample<B>, b: &Sample<B>) -> Result<f64, Sample<B>> {
        let (half, mid) = (0.5 * (b.at - a.at), 0.5 * (a.at + b.at));
        let mut sum = 0.0;
        for (x, w) in NODES.into_iter().flat_map(|(x, w)| [(-x, w), (x, w)]) {
            let node = self.sample(mid + half * x);
            if self.differ(a, &node) {
                return Err(node);
            }
            sum += w * node.value;
        }
        Ok(half * sum)
    }

    fn halve(&mut self, (a, b): (&Sample<B>, &Sample<B>), whole: f64, depth: u32) -> f64 {
        let mid = self.sample(0.5 * (a.at + b.at));
        if self.differ(a, &mid) {
            return self.between(a, &mid) + self.between(&mid, b);
        }
        let (left, right) = match (self.rule(a, &mid), self.rule(&mid, b)) {
            (Ok(left), Ok(right)) => (left, right),
            (Err(other), _) | (_, Err(other)) => return self.between(a, &other) + self.between(&other, b),
        };
        let miss = (left + right - whole).abs();
        // What is no number does not become one by halving.
        if depth == 0 || miss.is_nan() || miss <= self.change || self.narrow(a, b) {
            return left + right;
        }
        self.halve((a, &mid), left, depth - 1) + self.halve((&mid, b), right, depth - 1)
    }
}

fn trapezoid<B>(a: &Sample<B>, b: &Sample<B>) -> f64 {
    0.5 * (b.at - a.at) * (a.value + b.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_on_polynomials() {
        for degree in 0..20 {
            let exact = (2.0_f64.powi(degree + 1) - (-1.0_f64).powi(degree + 1)) / f64::from(degree + 1);
            assert!(
                (fixed(-1.0, 2.0, |x| x.powi(degree)) - exact).abs() < 1e-11 * exact.abs().max(1.0),
                "{degree}"
            );
        }
    }

    #[test]
    fn finds_its_way_around_kinks() {
        let f = |x: f64| (x - 1.0).max(0.0);
        assert!((adaptive(&[1.0], 0.0, 3.0, &f) - 2.0).abs() < 1e-14);
        assert!((adaptive(&[], 0.0, 3.0, &f) - 2.0).abs() < 1e-6);
        assert!((adaptive(&[1.0], 3.0, -3.0, &f) + 2.0).abs() < 1e-14);
    }
    #[test]
    fn sees_bends_and_jumps_behind_the_last_node() {
        // Slope 0, then 2 from `bend` on, then a jump of 1 at 0.999.
        for bend in [1e-9, 1e-4, 0.3, 0.9975, 0.998_999, 0.999, 1.0 - 1e-7] {
            let mut calls = 0;
            let mut f = |x: f64| {
                calls += 1;
                let jump = if x > 0.999 { 1.0 } else { 0.0 };
                (2.0 * (x - bend).max(0.0) + jump, (x > bend, x > 0.999))
            };
            let sum = branching((0.0, 1.0), 1e-13, 10, &mut f);
            assert!((sum - (1.0 - bend).powi(2) - 0.001).abs() < 1e-12, "{bend}: {sum}");
            assert!(calls < 150, "{bend}: {calls}");
            // The rule alone sees the jump between its nodes and the end only by half of it.
            let rule = fixed(0.0, 1.0, |x| 2.0 * (x - bend).max(0.0) + if x > 0.999 { 1.0 } else { 0.0 });
            assert!((sum - rule).abs() > 1e-5);
        }
    }

    #[test]
    fn a_branch_that_flickers_is_given_up() {
        let mut calls = 0_u64;
        let mut f = |x: f64| {
            calls += 1;
            (x.exp(), calls % 3)
        };
        assert!((branching((0.0, 1.0), 1e-13, 5, &mut f) - 1.0_f64.exp_m1()).abs() < 1e-11);
        assert!(calls < 2000, "{calls}");
        // A root has no derivative at its end, and a function that is no number has no integral.
        let root = branching((0.0, 1.0), 1e-13, 5, &mut |x| (x.sqrt(), ()));
        assert!((root - 2.0 / 3.0).abs() < 1e-11);
        assert!(branching((0.0, 1.0), 1e-13, 5, &mut |_| (f64::NAN, ())).is_nan());
    }
}
