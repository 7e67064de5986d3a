//! The brute-force twin of `vickrey::lq`: everything from the definitions, with dense matrices and elimination.
//!
//! A plan is one system of equations in all trades and prices; every market without one agent is solved on its own;
//! expected numbers come from the Riccati recursion of all agents together and from carrying covariances forward.
//! Generic in the numbers: in double-double it has about 30 digits, so that what is measured is the library's rounding.
#![allow(dead_code, reason = "every test file uses a part of it")]
#![allow(clippy::needless_range_loop, reason = "formulas with indices read like their source")]

use std::fmt::Debug;
use std::ops::{Add, Div, Mul, Neg, Sub};

use vickrey::lq::model::{Parameters, Series};

/// What the twin computes with.
pub trait Real:
    Copy
    + Debug
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    fn of(x: f64) -> Self;
    fn get(self) -> f64;

    fn size(self) -> Self {
        if self < Self::of(0.0) { -self } else { self }
    }
}

impl Real for f64 {
    fn of(x: f64) -> Self {
        x
    }

    fn get(self) -> f64 {
        self
    }
}

/// The unevaluated sum of two doubles (Dekker 1971): about 30 digits.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Double(f64, f64);

fn quick_sum(a: f64, b: f64) -> Double {
    let sum = a + b;
    Double(sum, b - (sum - a))
}

fn exact_sum(a: f64, b: f64) -> Double {
    let sum = a + b;
    let part = sum - a;
    Double(sum, (a - (sum - part)) + (b - part))
}

fn exact_product(a: f64, b: f64) -> Double {
    let product = a * b;
    Double(product, a.mul_add(b, -product))
}

impl Add for Double {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let (high, low) = (exact_sum(self.0, other.0), exact_sum(self.1, other.1));
        let next = quick_sum(high.0, high.1 + low.0);
        quick_sum(next.0, next.1 + low.1)
    }
}

impl Neg for Double {
    type Output = Self;

    fn neg(self) -> Self {
        Self(-self.0, -self.1)
    }
}

impl Sub for Double {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Mul for Double {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        let product = exact_product(self.0, other.0);
        quick_sum(product.0, product.1 + (self.0 * other.1 + self.1 * other.0))
    }
}

impl Div for Double {
    type Output = Self;

    fn div(self, other: Self) -> Self {
        let first = self.0 / other.0;
        let rest = self - other * Self(first, 0.0);
        let second = rest.0 / other.0;
        let rest = rest - other * Self(second, 0.0);
        quick_sum(first, second) + Self(rest.0 / other.0, 0.0)
    }
}

impl Real for Double {
    fn of(x: f64) -> Self {
        Self(x, 0.0)
    }

    fn get(self) -> f64 {
        self.0 + self.1
    }
}

pub fn zero<R: Real>() -> R {
    R::of(0.0)
}

pub fn sum<R: Real>(items: impl IntoIterator<Item = R>) -> R {
    items.into_iter().fold(zero(), |sum, x| sum + x)
}

pub fn dot<R: Real>(x: &[R], y: &[R]) -> R {
    sum(x.iter().zip(y).map(|(x, y)| *x * *y))
}

pub fn plain<R: Real>(x: &[R]) -> Vec<f64> {
    x.iter().map(|x| x.get()).collect()
}

/// A matrix, row by row.
#[derive(Clone, Debug)]
pub struct Matrix<R> {
    pub rows: usize,
    pub columns: usize,
    pub data: Vec<R>,
}

impl<R: Real> Matrix<R> {
    pub fn zeros(rows: usize, columns: usize) -> Self {
        Self { rows, columns, data: vec![zero(); rows * columns] }
    }

    pub fn identity(n: usize) -> Self {
        let mut m = Self::zeros(n, n);
        (0..n).for_each(|i| m.set(i, i, R::of(1.0)));
        m
    }

    pub fn at(&self, i: usize, j: usize) -> R {
        self.data[i * self.columns + j]
    }

    pub fn set(&mut self, i: usize, j: usize, x: R) {
        self.data[i * self.columns + j] = x;
    }

    pub fn add_at(&mut self, i: usize, j: usize, x: R) {
        self.set(i, j, self.at(i, j) + x);
    }

    pub fn row(&self, i: usize) -> &[R] {
        &self.data[i * self.columns..(i + 1) * self.columns]
    }

    pub fn transposed(&self) -> Self {
        let mut m = Self::zeros(self.columns, self.rows);
        for i in 0..self.rows {
            for j in 0..self.columns {
                m.set(j, i, self.at(i, j));
            }
        }
        m
    }

    pub fn times(&self, other: &Self) -> Self {
        assert_eq!(self.columns, other.rows);
        let mut m = Self::zeros(self.rows, other.columns);
        for i in 0..self.rows {
            for k in 0..self.columns {
                let x = self.at(i, k);
                if x == zero() {
                    continue;
                }
                let to = &mut m.data[i * other.columns..(i + 1) * other.columns];
                for (to, y) in to.iter_mut().zip(other.row(k)) {
                    *to = *to + x * *y;
                }
            }
        }
        m
    }

    pub fn apply(&self, x: &[R]) -> Vec<R> {
        (0..self.rows).map(|i| dot(self.row(i), x)).collect()
    }

    pub fn plus(&self, other: &Self) -> Self {
        let data = self.data.iter().zip(&other.data).map(|(x, y)| *x + *y).collect();
        Self { rows: self.rows, columns: self.columns, data }
    }

    pub fn form(&self, x: &[R]) -> R {
        dot(x, &self.apply(x))
    }

    /// tr(self other) with a symmetric other.
    pub fn trace_with(&self, other: &Self) -> R {
        dot(&self.data, &other.data)
    }
}

/// A matrix eliminated with partial pivoting.
pub struct Eliminated<R> {
    lu: Matrix<R>,
    order: Vec<usize>,
}

impl<R: Real> Eliminated<R> {
    pub fn new(mut m: Matrix<R>) -> Self {
        let n = m.rows;
        let mut order = Vec::new();
        for k in 0..n {
            let bigger = |&x: &usize, &y: &usize| m.at(x, k).size().partial_cmp(&m.at(y, k).size()).unwrap();
            let p = (k..n).rev().max_by(bigger).unwrap();
            order.push(p);
            if p != k {
                for j in 0..n {
                    m.data.swap(k * n + j, p * n + j);
                }
            }
            let (head, tail) = m.data.split_at_mut((k + 1) * n);
            let pivot = &head[k * n..];
            for row in tail.chunks_mut(n) {
                if row[k] == zero() {
                    continue;
                }
                let factor = row[k] / pivot[k];
                row[k] = factor;
                for (x, y) in row[k + 1..].iter_mut().zip(&pivot[k + 1..]) {
                    *x = *x - factor * *y;
                }
            }
        }
        Self { lu: m, order }
    }

    pub fn solve(&self, b: &[R]) -> Vec<R> {
        let n = self.lu.rows;
        let mut x = b.to_vec();
        for (k, &p) in self.order.iter().enumerate() {
            x.swap(k, p);
        }
        for i in 0..n {
            x[i] = x[i] - dot(&self.lu.row(i)[..i], &x[..i]);
        }
        for i in (0..n).rev() {
            x[i] = (x[i] - dot(&self.lu.row(i)[i + 1..], &x[i + 1..])) / self.lu.at(i, i);
        }
        x
    }

    pub fn inverse(&self) -> Matrix<R> {
        let n = self.lu.rows;
        let mut inverse = Matrix::zeros(n, n);
        for j in 0..n {
            let mut unit = vec![zero(); n];
            unit[j] = R::of(1.0);
            for (i, x) in self.solve(&unit).into_iter().enumerate() {
                inverse.set(i, j, x);
            }
        }
        inverse
    }
}

/// One agent's utility of its path of trade from a period on: U'W U + V'U + k.
pub struct Quadratic<R> {
    pub w: Matrix<R>,
    pub v: Vec<R>,
    pub k: R,
}

impl<R: Real> Quadratic<R> {
    pub fn value(&self, u: &[R]) -> R {
        self.w.form(u) + dot(&self.v, u) + self.k
    }
}

/// The best plan of some agents.
pub struct Solution<R> {
    /// By agent of the market; empty for agents that are absent.
    pub trades: Vec<Vec<R>>,
    pub prices: Vec<R>,
    pub values: Vec<R>,
}

impl<R: Real> Solution<R> {
    pub fn total(&self) -> R {
        sum(self.values.iter().copied())
    }
}

/// A market in plain matrices.
pub struct Twin<R> {
    pub periods: usize,
    pub demand: Vec<R>,
    pub agents: Vec<Parameters>,
    factors: usize,
    real: std::marker::PhantomData<R>,
}

impl<R: Real> Twin<R> {
    pub fn new(periods: usize, demand: &[f64], agents: &[Parameters]) -> Self {
        let demand = if demand.is_empty() { &vec![0.0; periods] } else { demand };
        Self {
            periods,
            demand: demand.iter().map(|&d| R::of(d)).collect(),
            factors: agents.iter().map(|p| p.loadings.len() / p.states).max().unwrap_or(0),
            agents: agents.to_vec(),
            real: std::marker::PhantomData,
        }
    }

    pub fn everybody(&self) -> Vec<usize> {
        (0..self.agents.len()).collect()
    }

    pub fn without(&self, agent: usize) -> Vec<usize> {
        (0..self.agents.len()).filter(|&j| j != agent).collect()
    }

    fn rows(&self, series: &Series, t: usize, rows: usize, columns: usize) -> Matrix<R> {
        self.matrix(series.at(t).unwrap_or_default(), rows, columns)
    }

    fn matrix(&self, row: &[f64], rows: usize, columns: usize) -> Matrix<R> {
        if row.is_empty() {
            return Matrix::zeros(rows, columns);
        }
        Matrix { rows, columns, data: row.iter().map(|&x| R::of(x)).collect() }
    }

    fn number(&self, series: &Series, t: usize) -> R {
        series.at(t).map_or(zero(), |row| R::of(row[0]))
    }

    pub fn a(&self, i: usize, t: usize) -> Matrix<R> {
        let p = &self.agents[i];
        self.rows(&p.a, t, p.states, p.states)
    }

    pub fn b(&self, i: usize, t: usize) -> Matrix<R> {
        let p = &self.agents[i];
        self.rows(&p.b, t, p.states, 1)
    }

    /// Q and the reference, at the end for t = T.
    fn q(&self, i: usize, t: usize) -> (Matrix<R>, Vec<R>) {
        let p = &self.agents[i];
        let d = p.states;
        if t == self.periods {
            return (self.matrix(&p.terminal_q, d, d), self.matrix(&p.terminal_reference, d, 1).data);
        }
        (self.rows(&p.q, t, d, d), self.rows(&p.reference, t, d, 1).data)
    }

    fn m(&self, i: usize, t: usize) -> Vec<R> {
        let p = &self.agents[i];
        if t == self.periods {
            return vec![zero(); p.states];
        }
        self.rows(&p.state_linear, t, p.states, 1).data
    }

    pub fn start(&self, i: usize) -> Vec<R> {
        self.matrix(&self.agents[i].start, self.agents[i].states, 1).data
    }

    /// W, V, k of an agent from a state at s; without linear terms and references if not `affine`.
    pub fn quadratic(&self, i: usize, s: usize, start: &[R], affine: bool) -> Quadratic<R> {
        let (n, d) = (self.periods - s, self.agents[i].states);
        let mut w = Matrix::zeros(n, n);
        let (mut v, mut k) = (vec![zero(); n], zero());
        let mut f = start.to_vec();
        // Column tau: what a unit of trade at tau has made of the state.
        let mut g: Matrix<R> = Matrix::zeros(d, n);
        for t in s..=self.periods {
            let (q, reference) = self.q(i, t);
            let m = self.m(i, t);
            let away: Vec<R> =
                f.iter().zip(&reference).map(|(x, y)| if affine { *x - *y } else { *x }).collect();
            let pull = q.apply(&away);
            k = k + dot(&away, &pull);
            if affine {
                k = k + dot(&m, &f);
            }
            let pushed = q.times(&g);
            for tau in 0..n.min(t - s) {
                let column = |m: &Matrix<R>, tau: usize| (0..d).map(|c| m.at(c, tau)).collect::<Vec<R>>();
                let here = column(&g, tau);
                v[tau] = v[tau] + R::of(2.0) * dot(&here, &pull);
                if affine {
                    v[tau] = v[tau] + dot(&m, &here);
                }
                for other in 0..n.min(t - s) {
                    w.add_at(tau, other, dot(&here, &column(&pushed, other)));
                }
            }
            if t == self.periods {
                break;
            }
            w.add_at(t - s, t - s, self.number(&self.agents[i].r, t));
            if affine {
                v[t - s] = v[t - s] + self.number(&self.agents[i].linear, t);
            }
            let (a, b) = (self.a(i, t), self.b(i, t));
            f = a.apply(&f);
            g = a.times(&g);
            (0..d).for_each(|c| g.add_at(c, t - s, b.data[c]));
        }
        Quadratic { w, v, k }
    }

    /// The states that follow from a path of trade.
    pub fn states(&self, i: usize, s: usize, start: &[R], trades: &[R]) -> Vec<Vec<R>> {
        let mut states = vec![start.to_vec()];
        for (t, u) in (s..).zip(trades) {
            let (a, b) = (self.a(i, t), self.b(i, t));
            let moved = a.apply(states.last().unwrap());
            states.push(moved.iter().zip(&b.data).map(|(x, b)| *x + *b * *u).collect());
        }
        states
    }

    /// The best plan of `who` from s on: all trades and prices from one system of equations.
    pub fn best(
        &self,
        who: &[usize],
        s: usize,
        starts: &[Vec<R>],
        demand: &[R],
        affine: bool,
    ) -> Solution<R> {
        let n = self.periods - s;
        let own: Vec<Quadratic<R>> = who.iter().map(|&i| self.quadratic(i, s, &starts[i], affine)).collect();
        let size = (who.len() + 1) * n;
        let (mut m, mut right) = (Matrix::zeros(size, size), vec![zero(); size]);
        let last = who.len() * n;
        for (j, q) in own.iter().enumerate() {
            for t in 0..n {
                for tau in 0..n {
                    m.set(j * n + t, j * n + tau, R::of(2.0) * q.w.at(t, tau));
                }
                m.set(j * n + t, last + t, R::of(-1.0));
                m.set(last + t, j * n + t, R::of(1.0));
                right[j * n + t] = -q.v[t];
            }
        }
        right[last..].copy_from_slice(demand);
        let x = Eliminated::new(m).solve(&right);
        let mut found = Solution {
            trades: vec![Vec::new(); self.agents.len()],
            prices: x[last..].to_vec(),
            values: vec![zero(); self.agents.len()],
        };
        for (j, q) in own.iter().enumerate() {
            let u = x[j * n..(j + 1) * n].to_vec();
            found.values[who[j]] = q.value(&u);
            found.trades[who[j]] = u;
        }
        found
    }

    /// L L' of two agents' common disturbances.
    fn common(&self, i: usize, j: usize) -> Matrix<R> {
        let loads = |i: usize| self.matrix(&self.agents[i].loadings, self.agents[i].states, self.factors);
        loads(i).times(&loads(j).transposed())
    }

    /// Covariance of what arrives at s = 0..T.
    fn arrival(&self, i: usize, s: usize) -> Matrix<R> {
        let p = &self.agents[i];
        if s == 0 {
            return self.matrix(&p.start_noise, p.states, p.states);
        }
        let row = s.min(self.periods - 1);
        self.rows(&p.noise, row, p.states, p.states).plus(&self.common(i, i))
    }

    /// Covariances of an agent's bids, and what it never knows: the covariance after every measurement, and at T.
    fn known(&self, i: usize) -> (Vec<Matrix<R>>, Vec<Matrix<R>>) {
        let p = &self.agents[i];
        let d = p.states;
        let Some(observation) = &p.observation else {
            let bids = (0..self.periods).map(|s| self.arrival(i, s)).collect();
            let mut unknown = vec![Matrix::zeros(d, d); self.periods];
            unknown.push(self.arrival(i, self.periods));
            return (bids, unknown);
        };
        let c = self.matrix(&observation.gain, d, 1).data;
        let (mut bids, mut unknown) = (Vec::new(), Vec::new());
        let mut before = self.arrival(i, 0);
        for t in 0..self.periods {
            let spread = before.apply(&c);
            let variance = dot(&c, &spread) + R::of(observation.noise);
            let mut bid = Matrix::zeros(d, d);
            if variance > zero() {
                for x in 0..d {
                    for y in 0..d {
                        bid.set(x, y, spread[x] * spread[y] / variance);
                    }
                }
            }
            let minus = Matrix { data: bid.data.iter().map(|x| -*x).collect(), ..bid.clone() };
            let after = before.plus(&minus);
            let a = self.a(i, t);
            before = a.times(&after).times(&a.transposed()).plus(&self.arrival(i, t + 1));
            bids.push(bid);
            unknown.push(after);
        }
        unknown.push(before);
        (bids, unknown)
    }

    /// Utility lost to what is never known.
    pub fn ignorance(&self, i: usize) -> R {
        let (_, unknown) = self.known(i);
        sum(unknown.iter().enumerate().map(|(t, p)| self.q(i, t).0.trace_with(p)))
    }

    /// What each layer adds to the utility of never trading (layer 0: the mean path, too).
    pub fn idle(&self, i: usize) -> R {
        let path = self.quadratic(i, 0, &self.start(i), true).k;
        let mut covariance = self.arrival(i, 0);
        let mut total = path;
        for t in 0..=self.periods {
            total = total + self.q(i, t).0.trace_with(&covariance);
            if t < self.periods {
                let a = self.a(i, t);
                covariance = a.times(&covariance).times(&a.transposed()).plus(&self.arrival(i, t + 1));
            }
        }
        total
    }

    /// What bids of layer s add to the expected utility of never trading.
    pub fn idle_in_layer(&self, i: usize, s: usize) -> R {
        let mut covariance = self.known(i).0[s].clone();
        let mut total = if s == 0 { self.quadratic(i, 0, &self.start(i), true).k } else { zero() };
        for t in s..=self.periods {
            total = total + self.q(i, t).0.trace_with(&covariance);
            if t < self.periods {
                let a = self.a(i, t);
                covariance = a.times(&covariance).times(&a.transposed());
            }
        }
        total
    }
}

/// Feedback of all agents together, balance kept.
struct Feedback<R> {
    /// A + B K and K of every period.
    closed: Vec<Matrix<R>>,
    gains: Vec<Matrix<R>>,
    /// Prices per unit of state.
    prices: Vec<Vec<R>>,
    /// Value matrices, T + 1 of them.
    values: Vec<Matrix<R>>,
}

/// Expected numbers of a set of agents.
pub struct Moments<R> {
    /// By layer, without ignorance: tr(P_s Var_s), in layer 0 with the value of the mean plan.
    pub layers: Vec<R>,
    /// Everything together.
    pub total: R,
    /// By agent of `who`.
    pub own: Vec<R>,
    pub lagrange: Vec<R>,
}

impl<R: Real> Twin<R> {
    fn places(&self, who: &[usize]) -> Vec<usize> {
        let mut at = vec![0];
        who.iter().for_each(|&i| at.push(at.last().unwrap() + self.agents[i].states));
        at
    }

    /// Blocks on the diagonal.
    fn blocks(&self, who: &[usize], block: impl Fn(usize) -> Matrix<R>) -> Matrix<R> {
        let at = self.places(who);
        let columns: usize = who.iter().map(|&i| block(i).columns).sum();
        let mut m = Matrix::zeros(*at.last().unwrap(), columns);
        let mut column = 0;
        for (j, &i) in who.iter().enumerate() {
            let b = block(i);
            for x in 0..b.rows {
                for y in 0..b.columns {
                    m.set(at[j] + x, column + y, b.at(x, y));
                }
            }
            column += b.columns;
        }
        m
    }

    /// P_T = Q_T; M = R + B'P B; prices 2 (1'M^-1 1)^-1 1'M^-1 B'P A; K = M^-1 (1 prices/2 - B'P A).
    fn feedback(&self, who: &[usize]) -> Feedback<R> {
        let n = who.len();
        let mut value = self.blocks(who, |i| self.q(i, self.periods).0);
        let mut found =
            Feedback { closed: vec![], gains: vec![], prices: vec![], values: vec![value.clone()] };
        for t in (0..self.periods).rev() {
            let a = self.blocks(who, |i| self.a(i, t));
            let b = self.blocks(who, |i| self.b(i, t));
            let pushed = b.transposed().times(&value);
            let mut m = pushed.times(&b);
            (0..n).for_each(|j| m.add_at(j, j, self.number(&self.agents[who[j]].r, t)));
            let m = Eliminated::new(m);
            let moved = pushed.times(&a);
            let ones = m.solve(&vec![R::of(1.0); n]);
            let all = sum(ones.iter().copied());
            let prices: Vec<R> =
                moved.transposed().apply(&ones).into_iter().map(|x| R::of(2.0) * x / all).collect();
            let mut gain = Matrix::zeros(n, a.columns);
            for c in 0..a.columns {
                let right: Vec<R> = (0..n).map(|j| R::of(0.5) * prices[c] - moved.at(j, c)).collect();
                for (j, x) in m.solve(&right).into_iter().enumerate() {
                    gain.set(j, c, x);
                }
            }
            let closed = a.plus(&b.times(&gain));
            let mut weighted = gain.clone();
            for j in 0..n {
                let r = self.number(&self.agents[who[j]].r, t);
                (0..a.columns).for_each(|c| weighted.set(j, c, r * gain.at(j, c)));
            }
            value = self
                .blocks(who, |i| self.q(i, t).0)
                .plus(&gain.transposed().times(&weighted))
                .plus(&closed.transposed().times(&value).times(&closed));
            found.closed.push(closed);
            found.gains.push(gain);
            found.prices.push(prices);
            found.values.push(value.clone());
        }
        found.closed.reverse();
        found.gains.reverse();
        found.prices.reverse();
        found.values.reverse();
        found
    }

    /// Covariance of all bids of layer s.
    fn bids(&self, who: &[usize], known: &[Vec<Matrix<R>>], s: usize) -> Matrix<R> {
        let at = self.places(who);
        let mut m = self.blocks(who, |i| known[i][s].clone());
        if s == 0 {
            return m;
        }
        for (j, &i) in who.iter().enumerate() {
            for (k, &l) in who.iter().enumerate().filter(|&(k, _)| k != j) {
                let c = self.common(i, l);
                for x in 0..c.rows {
                    for y in 0..c.columns {
                        m.set(at[j] + x, at[k] + y, c.at(x, y));
                    }
                }
            }
        }
        m
    }

    /// Expected numbers if only `who` take part.
    pub fn moments(&self, who: &[usize]) -> Moments<R> {
        let starts: Vec<Vec<R>> = self.everybody().into_iter().map(|i| self.start(i)).collect();
        let mean = self.best(who, 0, &starts, &self.demand, true);
        let feedback = self.feedback(who);
        let known: Vec<Vec<Matrix<R>>> = self
            .everybody()
            .into_iter()
            .map(|i| if who.contains(&i) { self.known(i).0 } else { vec![] })
            .collect();
        let at = self.places(who);
        let block = |m: &Matrix<R>, j: usize| {
            let d = at[j + 1] - at[j];
            let data = (0..d * d).map(|e| m.at(at[j] + e / d, at[j] + e % d)).collect();
            Matrix { rows: d, columns: d, data }
        };
        let mut own: Vec<R> = who.iter().map(|&i| mean.values[i] + self.ignorance(i)).collect();
        let mut lagrange: Vec<R> = who.iter().map(|&i| dot(&mean.prices, &mean.trades[i])).collect();
        let size = *at.last().unwrap();
        let mut covariance = Matrix::zeros(size, size);
        let mut layers = Vec::new();
        for t in 0..=self.periods {
            if t < self.periods {
                let bids = self.bids(who, &known, t);
                covariance = covariance.plus(&bids);
                layers.push(feedback.values[t].trace_with(&bids));
            }
            for (j, &i) in who.iter().enumerate() {
                own[j] = own[j] + self.q(i, t).0.trace_with(&block(&covariance, j));
            }
            if t == self.periods {
                break;
            }
            let moved = feedback.gains[t].times(&covariance);
            for (j, &i) in who.iter().enumerate() {
                own[j] =
                    own[j] + self.number(&self.agents[i].r, t) * dot(moved.row(j), feedback.gains[t].row(j));
                lagrange[j] = lagrange[j] + dot(moved.row(j), &feedback.prices[t]);
            }
            covariance = feedback.closed[t].times(&covariance).times(&feedback.closed[t].transposed());
        }
        layers[0] = layers[0] + mean.total();
        let total = sum(layers.iter().copied()) + sum(who.iter().map(|&i| self.ignorance(i)));
        Moments { layers, total, own, lagrange }
    }
}

/// A market that is traded layer by layer, by brute force.
pub struct Run<'a, R> {
    twin: &'a Twin<R>,
    period: usize,
    /// The plan: forecast states, trades, and what everybody gets from now on.
    forecast: Vec<Vec<R>>,
    trades: Vec<Vec<R>>,
    values: Vec<R>,
}

/// One layer.
pub struct Traded<R> {
    pub prices: Vec<R>,
    pub allocation: Vec<R>,
    pub lagrange: Vec<R>,
    /// Incremental payments at c = 1; asked-for agents only.
    pub payments: Vec<Option<R>>,
    pub states: Vec<Vec<R>>,
    pub plans: Vec<Vec<R>>,
    /// Sum of the sizes of everybody's values.
    pub scale: f64,
}

impl<'a, R: Real> Run<'a, R> {
    pub fn new(twin: &'a Twin<R>) -> Self {
        let n = twin.agents.len();
        Self {
            twin,
            period: 0,
            forecast: twin.agents.iter().map(|p| vec![zero(); p.states]).collect(),
            trades: vec![vec![zero(); twin.periods]; n],
            values: vec![zero(); n],
        }
    }

    /// Trades a layer; payments of the agents `pay` only.
    pub fn trade(&mut self, bids: &[Vec<f64>], pay: &[usize]) -> Traded<R> {
        let (twin, s) = (self.twin, self.period);
        let all = twin.everybody();
        let demand = &twin.demand[s..];
        let starts: Vec<Vec<R>> = self
            .forecast
            .iter()
            .zip(bids)
            .map(|(x, bid)| x.iter().zip(bid).map(|(x, b)| *x + R::of(*b)).collect())
            .collect();
        let new = twin.best(&all, s, &starts, demand, true);
        let change = |i: usize| -> Vec<R> {
            new.trades[i].iter().zip(&self.trades[i]).map(|(new, old)| *new - *old).collect()
        };
        let gained: Vec<R> = all.iter().map(|&i| new.values[i] - self.values[i]).collect();
        let mut payments = vec![None; all.len()];
        for &i in pay {
            let others = twin.without(i);
            // The others re-plan among themselves: together they keep what they had.
            let kept: Vec<R> = (0..demand.len())
                .map(|t| if s == 0 { demand[t] } else { sum(others.iter().map(|&j| self.trades[j][t])) })
                .collect();
            let before = sum(others.iter().map(|&j| self.values[j]));
            let h = twin.best(&others, s, &starts, &kept, true).total() - before;
            payments[i] = Some(h - sum(others.iter().map(|&j| gained[j])));
        }
        let traded = Traded {
            lagrange: all.iter().map(|&i| dot(&new.prices, &change(i))).collect(),
            allocation: all.iter().map(|&i| new.trades[i][0]).collect(),
            prices: new.prices.clone(),
            payments,
            states: starts.clone(),
            plans: new.trades.clone(),
            scale: new.values.iter().chain(&self.values).map(|x| x.size().get()).sum(),
        };
        // On to the next period.
        for &i in &all {
            self.forecast[i] = twin.states(i, s, &starts[i], &new.trades[i][..1])[1].clone();
            self.trades[i] = new.trades[i][1..].to_vec();
            self.values[i] = if s < twin.periods {
                twin.quadratic(i, s + 1, &self.forecast[i], true).value(&self.trades[i])
            } else {
                zero()
            };
        }
        self.period += 1;
        traded
    }
}
