//! One agent alone: its regulator, its answer to a path of prices, and what it adds to the aggregates. Eight agents at a
//! time.
//!
//! Without the balance constraint an agent's problem is a linear-quadratic regulator of its own size. With
//! m_t = r + b'P b, kappa_t = -b'P a / m_t, alpha_t = a + b kappa_t (P = ric_{t+1}) its utility of a path U of trade, as a
//! quadratic form W, has the inverse sum_tau Beta_tau Beta_tau' / m_tau, which is applied in O(n) by one pass backward and
//! one forward; W itself and powers of a never occur. (Digest, "Fast algorithm"; paper 000, (12)-(15).)
//!
//! Signs: everything here is a maximisation, so m_t, ric_t and W are negative.

use super::group::{Group, LANES, Lane};

/// Number of components of a state: a constant for the scalar case, so that its loops disappear.
pub(super) trait Dim: Copy {
    fn get(self) -> usize;
}

/// One state.
#[derive(Clone, Copy)]
pub(super) struct One;

/// Any number of states.
#[derive(Clone, Copy)]
pub(super) struct Many(pub usize);

impl Dim for One {
    #[inline(always)]
    fn get(self) -> usize {
        1
    }
}

impl Dim for Many {
    #[inline(always)]
    fn get(self) -> usize {
        self.0
    }
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
    scratch: Vec<Lane>,
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
            scratch: vec![ZERO; 2 * d * d + 2 * d],
        }
    }

    /// The regulators of the agents `first..` for the periods `from..end`, backward.
    #[inline(always)]
    pub fn fill<D: Dim>(&mut self, dim: D, group: &Group, first: usize, from: usize) {
        let d = dim.get();
        self.count = (group.size() - first).min(LANES);
        self.flattest = ZERO;
        let last = self.end * d * d;
        for e in 0..d * d {
            self.ric[last + e] = group.terminal_q.lane(0, e, first, 0.0);
        }
        for t in (from..self.end).rev() {
            self.step_back(dim, group, first, t);
        }
    }

    #[inline(always)]
    fn step_back<D: Dim>(&mut self, dim: D, group: &Group, first: usize, t: usize) {
        let d = dim.get();
        let r = group.r.lane(t, 0, first, -1.0);
        for i in 0..d {
            self.input[t * d + i] = group.b.lane(t, i, first, 0.0);
        }
        let (before, after) = self.ric.split_at_mut((t + 1) * d * d);
        let (ric, next) = (&mut before[t * d * d..], &after[..d * d]);
        let input = &self.input[t * d..(t + 1) * d];
        let (a, rest) = self.scratch.split_at_mut(d * d);
        let (carried, rest) = rest.split_at_mut(d * d);
        let (pushed, _) = rest.split_at_mut(d);
        // m = r + b'P b.
        let mut m = r;
        for i in 0..d {
            let mut sum = ZERO;
            for j in 0..d {
                add_product(&mut sum, &next[i * d + j], &input[j]);
            }
            pushed[i] = sum;
            add_product(&mut m, &input[i], &sum);
        }
        let mut inverse = lanes(|k| 1.0 / m[k]);
        for lane in inverse.iter_mut().skip(self.count) {
            *lane = 0.0;
        }
        self.inverse[t] = inverse;
        self.flattest = lanes(|k| self.flattest[k].max(-1.0 / r[k]));
        for e in 0..d * d {
            a[e] = group.a.lane(t, e, first, 0.0);
        }
        let (kappa, alpha) =
            (&mut self.kappa[t * d..(t + 1) * d], &mut self.alpha[t * d * d..(t + 1) * d * d]);
        for j in 0..d {
            let mut sum = ZERO;
            for i in 0..d {
                add_product(&mut sum, &pushed[i], &a[i * d + j]);
            }
            kappa[j] = lanes(|k| -sum[k] * inverse[k]);
        }
        if d == 1 {
            // a + b kappa = a r / m, without the difference.
            alpha[0] = lanes(|k| a[0][k] * (r[k] * inverse[k]));
        } else {
            for i in 0..d {
                for j in 0..d {
                    alpha[i * d + j] = lanes(|k| a[i * d + j][k] + input[i][k] * kappa[j][k]);
                }
            }
        }
        // ric_t = Q + a'P alpha, kept symmetric.
        for i in 0..d {
            for j in 0..d {
                let mut sum = ZERO;
                for l in 0..d {
                    add_product(&mut sum, &next[i * d + l], &alpha[l * d + j]);
                }
                carried[i * d + j] = sum;
            }
        }
        for i in 0..d {
            for j in 0..d {
                let mut sum = group.q.lane(t, i * d + j, first, 0.0);
                for l in 0..d {
                    add_product(&mut sum, &a[l * d + i], &carried[l * d + j]);
                }
                ric[i * d + j] = sum;
            }
        }
        for i in 0..d {
            for j in 0..i {
                let mean = lanes(|k| 0.5 * (ric[i * d + j][k] + ric[j * d + i][k]));
                ric[i * d + j] = mean;
                ric[j * d + i] = mean;
            }
        }
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
        let d = dim.get();
        let mut sum = ZERO;
        for (i, e) in eta[..d].iter_mut().enumerate() {
            *e = pull.map_or(ZERO, |p| lanes_half(&p.group.terminal_pull.lane(0, i, p.first, 0.0)));
        }
        let (old, new) = eta.split_at_mut(d);
        for t in (from..self.end).rev() {
            let y = &y[t - from];
            let mut g = *y;
            for i in 0..d {
                add_product(&mut g, &self.input[t * d + i], &old[i]);
            }
            let inverse = &self.inverse[t];
            v[t - from] = lanes(|k| g[k] * inverse[k]);
            add_product(&mut sum, &g, &v[t - from]);
            for j in 0..d {
                let mut e = pull.map_or(ZERO, |p| lanes_half(&p.group.pull.lane(t, j, p.first, 0.0)));
                add_product(&mut e, &self.kappa[t * d + j], y);
                for i in 0..d {
                    add_product(&mut e, &self.alpha[(t * d + i) * d + j], &old[i]);
                }
                new[j] = e;
            }
            old.copy_from_slice(&new[..d]);
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
        mut visit: impl FnMut(usize, &[Lane], &Lane),
    ) {
        let d = dim.get();
        let (x, next) = state.split_at_mut(d);
        for t in from..self.end {
            let mut u = v[t - from];
            for j in 0..d {
                add_product(&mut u, &self.kappa[t * d + j], &x[j]);
            }
            visit(t, x, &u);
            self.step(dim, t, &v[t - from], x, next);
            x.copy_from_slice(&next[..d]);
        }
    }

    /// One period: a x + b u = alpha x + b v.
    #[inline(always)]
    fn step<D: Dim>(&self, dim: D, t: usize, v: &Lane, x: &[Lane], next: &mut [Lane]) {
        let d = dim.get();
        for i in 0..d {
            let input = &self.input[t * d + i];
            let mut sum = lanes(|k| input[k] * v[k]);
            for j in 0..d {
                add_product(&mut sum, &self.alpha[(t * d + i) * d + j], &x[j]);
            }
            next[i] = sum;
        }
    }

    /// The paths beta(., c) of trade per unit of state component c at `from`, at zero prices: entry `c * n + t - from`.
    #[inline(always)]
    pub fn unit_responses<D: Dim>(&self, dim: D, from: usize, beta: &mut [Lane], state: &mut [Lane]) {
        let (d, n) = (dim.get(), self.end - from);
        let (x, next) = state.split_at_mut(d);
        for c in 0..d {
            for (i, x) in x.iter_mut().enumerate() {
                *x = [f64::from(u8::from(i == c)); LANES];
            }
            for t in from..self.end {
                let mut u = ZERO;
                for j in 0..d {
                    add_product(&mut u, &self.kappa[t * d + j], &x[j]);
                }
                beta[c * n + t - from] = u;
                self.step(dim, t, &ZERO, x, next);
                x.copy_from_slice(&next[..d]);
            }
        }
    }

    /// Beta(., s): the path of trade that a unit of trade at s entails, that unit included, at zero prices.
    #[inline(always)]
    pub fn impulse<D: Dim>(&self, dim: D, s: usize, path: &mut [Lane], state: &mut [Lane]) {
        let d = dim.get();
        let (x, next) = state.split_at_mut(d);
        path[0] = [1.0; LANES];
        x.copy_from_slice(&self.input[s * d..(s + 1) * d]);
        for t in s + 1..self.end {
            let mut u = ZERO;
            for j in 0..d {
                add_product(&mut u, &self.kappa[t * d + j], &x[j]);
            }
            path[t - s] = u;
            self.step(dim, t, &ZERO, x, next);
            x.copy_from_slice(&next[..d]);
        }
    }

    /// x'ric_t x.
    #[inline(always)]
    pub fn value<D: Dim>(&self, dim: D, t: usize, x: &[Lane]) -> Lane {
        quadratic_form(dim, &self.ric[t * dim.get() * dim.get()..], x)
    }
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
fn lanes_half(m: &Lane) -> Lane {
    lanes(|k| -0.5 * m[k])
}

/// out = M x with an n x n matrix that all lanes share, four rows at a time.
#[inline(always)]
pub(super) fn shared_product(n: usize, matrix: &[f64], x: &[Lane], out: &mut [Lane]) {
    let mut t = 0;
    while t + 4 <= n {
        let rows: [&[f64]; 4] = std::array::from_fn(|r| &matrix[(t + r) * n..(t + r) * n + n]);
        let mut sums = [ZERO; 4];
        for (tau, x) in x[..n].iter().enumerate() {
            for r in 0..4 {
                let c = rows[r][tau];
                for k in 0..LANES {
                    sums[r][k] += c * x[k];
                }
            }
        }
        out[t..t + 4].copy_from_slice(&sums);
        t += 4;
    }
    for t in t..n {
        let row = &matrix[t * n..t * n + n];
        let mut sum = ZERO;
        for (c, x) in row.iter().zip(x) {
            for k in 0..LANES {
                sum[k] += c * x[k];
            }
        }
        out[t] = sum;
    }
}
