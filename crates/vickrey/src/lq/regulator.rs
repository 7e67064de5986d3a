//! One agent alone: its regulator, its answer to a path of prices, and what it adds to the aggregates. Eight agents at a
//! time.
//!
//! Without the balance constraint an agent's problem is a linear-quadratic regulator of its own size. With
//! m_t = r + b'P b, kappa_t = -b'P a / m_t, alpha_t = a + b kappa_t (P = ric_{t+1}) its utility of a path U of trade, as a
//! quadratic form W, has the inverse sum_tau Beta_tau Beta_tau' / m_tau, which is applied in O(n) by one pass backward and
//! one forward; W itself and powers of a never occur. (Paper 000, (12)-(15).)
//!
//! Signs: everything here is a maximisation, so m_t, ric_t and W are negative.

use super::group::{Group, LANES, Lane};
use super::model::MOST_STATES;

/// Number of components of a state: a constant for the scalar case, so that its loops disappear and its state stays in
/// registers.
pub(super) trait Dim: Copy {
    /// A state, or some other vector of its size.
    type State: Copy + std::ops::IndexMut<usize, Output = Lane>;
    /// A matrix of its size squared.
    type Matrix: Copy + std::ops::IndexMut<usize, Output = Lane>;
    fn get(self) -> usize;
    const NO_STATE: Self::State;
    const NO_MATRIX: Self::Matrix;
}

/// One state.
#[derive(Clone, Copy)]
pub(super) struct One;

/// Up to four states.
#[derive(Clone, Copy)]
pub(super) struct Few(pub usize);

/// Any number of states.
#[derive(Clone, Copy)]
pub(super) struct Many(pub usize);

impl Dim for One {
    type State = [Lane; 1];
    type Matrix = [Lane; 1];
    const NO_STATE: [Lane; 1] = [ZERO; 1];
    const NO_MATRIX: [Lane; 1] = [ZERO; 1];

    #[inline(always)]
    fn get(self) -> usize {
        1
    }
}

macro_rules! up_to {
    ($name:ident, $most:expr) => {
        impl Dim for $name {
            type State = [Lane; $most];
            type Matrix = [Lane; $most * $most];
            const NO_STATE: Self::State = [ZERO; $most];
            const NO_MATRIX: Self::Matrix = [ZERO; $most * $most];

            #[inline(always)]
            fn get(self) -> usize {
                self.0
            }
        }
    };
}

up_to!(Few, 4);
up_to!(Many, MOST_STATES);

/// Evaluates an expression with the size of state that suits the number of states.
macro_rules! with_states {
    ($states:expr, $dim:ident => $body:expr) => {
        match $states {
            1 => {
                let $dim = $crate::lq::regulator::One;
                $body
            }
            few @ 2..=4 => {
                let $dim = $crate::lq::regulator::Few(few);
                $body
            }
            many => {
                let $dim = $crate::lq::regulator::Many(many);
                $body
            }
        }
    };
}

pub(super) use with_states;

/// A state that has fallen to this part of its size is over: what follows is below the rounding of every sum it enters.
const FADED: f64 = 1e-20;
/// Every so many periods it is looked at.
const CHECKED: usize = 16;

/// The largest component of any lane.
#[inline(always)]
fn largest<D: Dim>(dim: D, x: &D::State) -> f64 {
    (0..dim.get()).flat_map(|i| x[i]).fold(0.0, |most, x| x.abs().max(most))
}

pub(super) const ZERO: Lane = [0.0; LANES];

#[inline(always)]
pub(super) fn add_product(sum: &mut Lane, x: &Lane, y: &Lane) {
    for k in 0..LANES {
        sum[k] += x[k] * y[k];
    }
}

#[inline(always)]
pub(super) fn lanes(f: impl FnMut(usize) -> f64) -> Lane {
    std::array::from_fn(f)
}

/// The regulators of up to eight agents, from some period to the end.
#[derive(Debug)]
pub(super) struct Block {
    /// Number of periods.
    pub end: usize,
    /// Agents in the block.
    pub count: usize,
    /// 1/m_t < 0; 0 for lanes beyond the agents, which therefore add nothing to any sum.
    pub inverse: Vec<Lane>,
    /// kappa_t, D per period.
    pub kappa: Vec<Lane>,
    /// alpha_t, D x D per period.
    pub alpha: Vec<Lane>,
    /// b_t, D per period.
    pub input: Vec<Lane>,
    /// ric_t, D x D per period; the last one is the terminal matrix.
    pub ric: Vec<Lane>,
    /// Largest 1/|r_t| from the first period on: -W^-1 is at most this.
    pub flattest: Lane,
}

impl Block {
    /// Memory for blocks of a group.
    pub fn new(states: usize, periods: usize) -> Self {
        let d = states;
        Self {
            end: periods,
            count: 0,
            inverse: vec![ZERO; periods],
            kappa: vec![ZERO; periods * d],
            alpha: vec![ZERO; periods * d * d],
            input: vec![ZERO; periods * d],
            ric: vec![ZERO; (periods + 1) * d * d],
            flattest: ZERO,
        }
    }

    /// The regulators of the agents `first..` for the periods `from..end`, backward.
    #[inline(always)]
    pub fn fill<D: Dim>(&mut self, dim: D, group: &Group, first: usize, from: usize) {
        let d = dim.get();
        self.count = (group.size() - first).min(LANES);
        let mut ric = D::NO_MATRIX;
        for e in 0..d * d {
            ric[e] = group.terminal_q.lane(0, e, first, 0.0);
            self.ric[self.end * d * d + e] = ric[e];
        }
        let mut flattest = ZERO;
        let mut now = Parameters::<D>::NONE;
        for t in (from..self.end).rev() {
            now.load(dim, group, first, t, t + 1 == self.end);
            flattest = lanes(|k| flattest[k].max(-1.0 / now.r[k]));
            ric = self.step_back(dim, t, &now, &ric);
        }
        self.flattest = flattest;
    }

    /// The matrix O of x'O x, the curved part of the utility of never trading from a state x at `from` on.
    #[inline(always)]
    pub fn idle_curvature<D: Dim>(&self, dim: D, group: &Group, first: usize, from: usize) -> D::Matrix {
        let mut idle = D::NO_MATRIX;
        for e in 0..dim.get() * dim.get() {
            idle[e] = group.terminal_q.lane(0, e, first, 0.0);
        }
        let mut now = Parameters::<D>::NONE;
        for t in (from..self.end).rev() {
            now.load(dim, group, first, t, t + 1 == self.end);
            idle = carry_back(dim, &now.a, &now.q, &idle, &now.a);
        }
        idle
    }

    /// From ric_{t+1} to ric_t and the gains of period t.
    #[inline(always)]
    fn step_back<D: Dim>(&mut self, dim: D, t: usize, now: &Parameters<D>, next: &D::Matrix) -> D::Matrix {
        let d = dim.get();
        let Parameters { a, b, q, r } = now;
        // m = r + b'P b.
        let (mut pushed, mut m) = (D::NO_STATE, *r);
        for i in 0..d {
            let mut sum = ZERO;
            for j in 0..d {
                add_product(&mut sum, &next[i * d + j], &b[j]);
            }
            pushed[i] = sum;
            add_product(&mut m, &b[i], &sum);
            self.input[t * d + i] = b[i];
        }
        let mut inverse = lanes(|k| 1.0 / m[k]);
        if self.count < LANES {
            inverse[self.count..].fill(0.0);
        }
        self.inverse[t] = inverse;
        let (mut kappa, mut alpha) = (D::NO_STATE, D::NO_MATRIX);
        for j in 0..d {
            let mut sum = ZERO;
            for i in 0..d {
                add_product(&mut sum, &pushed[i], &a[i * d + j]);
            }
            kappa[j] = lanes(|k| -sum[k] * inverse[k]);
            self.kappa[t * d + j] = kappa[j];
        }
        for i in 0..d {
            for j in 0..d {
                let e = i * d + j;
                alpha[e] = if d == 1 {
                    // a + b kappa = a r / m, without the difference.
                    lanes(|k| a[0][k] * (r[k] * inverse[k]))
                } else {
                    lanes(|k| a[e][k] + b[i][k] * kappa[j][k])
                };
                self.alpha[t * d * d + e] = alpha[e];
            }
        }
        let ric = carry_back(dim, a, q, next, &alpha);
        for e in 0..d * d {
            self.ric[t * d * d + e] = ric[e];
        }
        ric
    }

    /// Applies W^-1 halfway: from y to v, backward, for the periods `from..end`; `pull` adds the linear terms in the
    /// state. Returns sum (y + b'eta)²/m, which is y'W^-1 y if there is no pull, and leaves eta at `from`.
    ///
    /// With y = (lambda - l)/2 the largest utility at prices lambda from a state x is
    /// x'ric x - 2 eta'x - (the returned sum).
    #[inline(always)]
    pub fn backward<D: Dim>(
        &self,
        dim: D,
        from: usize,
        y: &[Lane],
        pull: Option<Pull<'_>>,
        eta: &mut [Lane],
        v: &mut [Lane],
    ) -> Lane {
        let (d, n) = (dim.get(), self.end - from);
        let (y, v) = (&y[..n], &mut v[..n]);
        let mut sum = ZERO;
        let mut old = D::NO_STATE;
        if let Some(p) = pull {
            for i in 0..d {
                old[i] = minus_half(&p.group.terminal_pull.lane(0, i, p.first, 0.0));
            }
        }
        for t in (0..n).rev() {
            let at = from + t;
            let mut g = y[t];
            for i in 0..d {
                add_product(&mut g, &self.input[at * d + i], &old[i]);
            }
            let inverse = &self.inverse[at];
            let here = lanes(|k| g[k] * inverse[k]);
            add_product(&mut sum, &g, &here);
            v[t] = here;
            let mut new = D::NO_STATE;
            for j in 0..d {
                if let Some(p) = pull {
                    new[j] = minus_half(&p.group.pull.lane(at, j, p.first, 0.0));
                }
                add_product(&mut new[j], &self.kappa[at * d + j], &y[t]);
                for i in 0..d {
                    add_product(&mut new[j], &self.alpha[(at * d + i) * d + j], &old[i]);
                }
            }
            old = new;
        }
        for i in 0..d {
            eta[i] = old[i];
        }
        sum
    }

    /// From v and a state at `from` to the path of trade; the state moves along and ends at T. `visit` sees every
    /// period with the state before the trade and the trade.
    #[inline(always)]
    pub fn forward<D: Dim>(
        &self,
        dim: D,
        from: usize,
        v: &[Lane],
        state: &mut [Lane],
        mut visit: impl FnMut(usize, &D::State, &Lane),
    ) {
        let (d, n) = (dim.get(), self.end - from);
        let v = &v[..n];
        let mut x = D::NO_STATE;
        for i in 0..d {
            x[i] = state[i];
        }
        for (at, v) in (from..).zip(v) {
            let mut u = *v;
            for j in 0..d {
                add_product(&mut u, &self.kappa[at * d + j], &x[j]);
            }
            visit(at, &x, &u);
            x = self.step(dim, at, v, &x);
        }
        for i in 0..d {
            state[i] = x[i];
        }
    }

    /// One period: a x + b u = alpha x + b v.
    #[inline(always)]
    fn step<D: Dim>(&self, dim: D, t: usize, v: &Lane, x: &D::State) -> D::State {
        let d = dim.get();
        let mut next = D::NO_STATE;
        for i in 0..d {
            let input = &self.input[t * d + i];
            next[i] = lanes(|k| input[k] * v[k]);
            for j in 0..d {
                add_product(&mut next[i], &self.alpha[(t * d + i) * d + j], &x[j]);
            }
        }
        next
    }

    /// The path of trade at zero prices that follows from a state at `from`, until nothing is left of it: the rest of
    /// `path` is not written. Returns how many periods were.
    #[inline(always)]
    fn free_path<D: Dim>(&self, dim: D, from: usize, mut x: D::State, path: &mut [Lane]) -> usize {
        let d = dim.get();
        let least = FADED * largest(dim, &x);
        for (k, (t, path)) in (from..self.end).zip(path).enumerate() {
            if k % CHECKED == CHECKED - 1 && largest(dim, &x) <= least {
                return k;
            }
            let mut u = ZERO;
            for j in 0..d {
                add_product(&mut u, &self.kappa[t * d + j], &x[j]);
            }
            *path = u;
            let mut next = D::NO_STATE;
            for i in 0..d {
                for j in 0..d {
                    add_product(&mut next[i], &self.alpha[(t * d + i) * d + j], &x[j]);
                }
            }
            x = next;
        }
        self.end - from
    }

    /// The paths beta(., c) of trade per unit of state component c at `from`, at zero prices: entry `c * n + t - from`.
    /// Returns after how many periods all of them have faded.
    #[inline(always)]
    pub fn unit_responses<D: Dim>(&self, dim: D, from: usize, beta: &mut [Lane]) -> usize {
        let (d, n) = (dim.get(), self.end - from);
        let mut length = 0;
        for c in 0..d {
            let mut x = D::NO_STATE;
            x[c] = [1.0; LANES];
            let path = &mut beta[c * n..(c + 1) * n];
            let written = self.free_path(dim, from, x, path);
            path[written..].fill(ZERO);
            length = length.max(written);
        }
        length
    }

    /// Beta(., s): the path of trade that a unit of trade at s entails, that unit included, at zero prices.
    /// Returns after how many periods it has faded.
    #[inline(always)]
    pub fn impulse<D: Dim>(&self, dim: D, s: usize, path: &mut [Lane]) -> usize {
        let d = dim.get();
        path[0] = [1.0; LANES];
        let mut x = D::NO_STATE;
        for i in 0..d {
            x[i] = self.input[s * d + i];
        }
        let written = 1 + self.free_path(dim, s + 1, x, &mut path[1..]);
        path[written..].fill(ZERO);
        written
    }
}

/// What one period's step needs of eight agents.
#[derive(Clone, Copy)]
struct Parameters<D: Dim> {
    a: D::Matrix,
    b: D::State,
    q: D::Matrix,
    r: Lane,
}

impl<D: Dim> Parameters<D> {
    const NONE: Self = Self { a: D::NO_MATRIX, b: D::NO_STATE, q: D::NO_MATRIX, r: ZERO };

    /// Reads the period's numbers; what does not vary is read the first time only.
    #[inline(always)]
    fn load(&mut self, dim: D, group: &Group, first: usize, t: usize, all: bool) {
        let d = dim.get();
        if all || group.r.varies() {
            self.r = group.r.lane(t, 0, first, -1.0);
        }
        if all || group.b.varies() {
            for i in 0..d {
                self.b[i] = group.b.lane(t, i, first, 0.0);
            }
        }
        if all || group.a.varies() {
            for e in 0..d * d {
                self.a[e] = group.a.lane(t, e, first, 0.0);
            }
        }
        if all || group.q.varies() {
            for e in 0..d * d {
                self.q[e] = group.q.lane(t, e, first, 0.0);
            }
        }
    }
}

/// Q + a'P alpha, kept symmetric.
#[inline(always)]
fn carry_back<D: Dim>(
    dim: D,
    a: &D::Matrix,
    q: &D::Matrix,
    next: &D::Matrix,
    alpha: &D::Matrix,
) -> D::Matrix {
    let d = dim.get();
    let (mut carried, mut ric) = (D::NO_MATRIX, *q);
    for i in 0..d {
        for j in 0..d {
            for l in 0..d {
                add_product(&mut carried[i * d + j], &next[i * d + l], &alpha[l * d + j]);
            }
        }
    }
    for i in 0..d {
        for j in 0..d {
            for l in 0..d {
                add_product(&mut ric[i * d + j], &a[l * d + i], &carried[l * d + j]);
            }
        }
    }
    for i in 0..d {
        for j in 0..i {
            let mean = lanes(|k| 0.5 * (ric[i * d + j][k] + ric[j * d + i][k]));
            ric[i * d + j] = mean;
            ric[j * d + i] = mean;
        }
    }
    ric
}

/// Where linear terms in the state are read.
#[derive(Clone, Copy)]
pub(super) struct Pull<'a> {
    pub group: &'a Group,
    pub first: usize,
}

/// x'M x, lane by lane.
#[inline(always)]
pub(super) fn quadratic_form<D: Dim>(dim: D, m: &[Lane], x: &[Lane]) -> Lane {
    let d = dim.get();
    let mut sum = ZERO;
    for i in 0..d {
        let mut row = ZERO;
        for j in 0..d {
            add_product(&mut row, &m[i * d + j], &x[j]);
        }
        add_product(&mut sum, &row, &x[i]);
    }
    sum
}

/// -m/2: the linear term in the recursion of eta.
#[inline(always)]
fn minus_half(m: &Lane) -> Lane {
    lanes(|k| -0.5 * m[k])
}

/// The first `rows` entries of M x, with an n x n matrix that all lanes share and an x that is zero from `columns` on;
/// four rows at a time.
#[inline(always)]
pub(super) fn shared_product(
    (rows, columns): (usize, usize),
    n: usize,
    matrix: &[f64],
    x: &[Lane],
    out: &mut [Lane],
) {
    let x = &x[..columns];
    let mut t = 0;
    while t + 4 <= rows {
        let lines: [&[f64]; 4] = std::array::from_fn(|r| &matrix[(t + r) * n..(t + r) * n + columns]);
        let mut sums = [ZERO; 4];
        for (tau, x) in x.iter().enumerate() {
            for r in 0..4 {
                let c = lines[r][tau];
                for k in 0..LANES {
                    sums[r][k] += c * x[k];
                }
            }
        }
        out[t..t + 4].copy_from_slice(&sums);
        t += 4;
    }
    for t in t..rows {
        let mut sum = ZERO;
        for (c, x) in matrix[t * n..t * n + columns].iter().zip(x) {
            for k in 0..LANES {
                sum[k] += c * x[k];
            }
        }
        out[t] = sum;
    }
}

/// After how many periods a path has faded: all that follows is too small to count beside its largest entry, in every
/// lane.
#[inline(always)]
pub(super) fn length_of(path: &[Lane]) -> usize {
    if path.len() < 2 * CHECKED {
        return path.len();
    }
    let mut most = ZERO;
    for x in path {
        most = lanes(|k| most[k].max(x[k].abs()));
    }
    let counts = |x: &Lane| (0..LANES).any(|k| x[k].abs() > LEAST * most[k]);
    path.iter().rposition(counts).map_or(0, |last| last + 1)
}

/// Entries of a path below this part of its largest one are left out of quadratic forms.
const LEAST: f64 = 1e-18;
