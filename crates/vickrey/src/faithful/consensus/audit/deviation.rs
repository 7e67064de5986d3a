//! The best deviation of one follower, exactly: all its messages and its final position, against faithful others.
//!
//! If the test is passed, a follower's net cost is the sum of everybody's costs. So the best deviation that passes is
//!
//! ```text
//! minimise ||z - th||²   subject to   ||z - mean(z)|| <= limit,   z reachable,
//! ```
//!
//! a convex program: the follower's own final position is free, and the others' are an affine function of its messages,
//! each of which the receiver clips to [Ymin, Ymax]. Silence is no more than a message: a skipped edge acts as the
//! receiver's own position, a missed message as the one before. If the test fails, the net cost is C or more.
//!
//! The program is solved by an interior point method, the messages it finds are played, and what it says is the least is
//! checked: for every vector w that adds up to 0, ||z - th||² + w'z - ||w|| limit lies below the cost of every outcome that
//! passes, and above its tangent at any point plus the squared distance from there. The tangent's minimum over all reachable
//! z is a sum over messages. The solver's multipliers of the test are such a w. So every gain comes as an interval, however
//! well the solver did.

use clarabel::algebra::CscMatrix;
use clarabel::solver::{
    DefaultSettingsBuilder, DefaultSolver, IPSolver, NonnegativeConeT, SecondOrderConeT, SupportedConeT,
    ZeroConeT,
};

use crate::faithful::consensus::solve::{Played, Rules, disagreement, mean};
use crate::mechanism::AgentId;
use crate::numeric::sum::compensated;

/// The best deviation of one follower.
#[derive(Clone, Debug, PartialEq)]
pub struct Deviation {
    /// Whose.
    pub follower: AgentId,
    /// What the deviation below gains over faithful play, played out; money. Not below zero: faithful play is one.
    pub found: f64,
    /// No deviation gains more; money.
    pub certified: f64,
    /// The bound of theory on these types, ||z^n - th||² - max(0, D - limit)² with D = ||th - mean||; none if faithful
    /// play fails the test.
    pub bound: Option<f64>,
    /// Whether the program was solved; otherwise only simple deviations were tried, and `certified` is the bound.
    pub exact: bool,
    /// For every round one message for each neighbour.
    pub messages: Vec<Vec<Option<f64>>>,
    /// Its final position.
    pub finish: f64,
}

/// What a deviation is compared with.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The rules; positions are observed.
    pub rules: &'a Rules,
    /// Everybody's type.
    pub types: &'a [f64],
    /// Everybody faithful.
    pub faithful: &'a Played,
}

/// Numbers that the program of one follower is made of; how hard it is.
pub fn size(rules: &Rules, follower: AgentId) -> usize {
    (rules.len() - 1).saturating_mul(rules.rounds()).saturating_mul(rules.instance().graph().degree(follower))
}

/// The best deviation of one follower; programs above `most` numbers (see [`size`]) are not solved.
pub fn best(case: Case<'_>, follower: AgentId, most: usize) -> Deviation {
    let reach = Reach::new(case, follower);
    let mut best = reach.simple();
    if size(case.rules, follower) > most || case.rules.span().0 == case.rules.span().1 {
        return best;
    }
    let effects = reach.effects();
    if let Some(answer) = reach.solve(&effects) {
        let least = reach.least(&effects, &answer).min(case.rules.fine());
        best.certified = best.certified.min(reach.net - least).max(0.0);
        if let Some(deviation) = reach.play(&answer.messages) {
            best.exact = true;
            if deviation.found > best.found {
                best = Deviation { certified: best.certified, exact: true, ..deviation };
            }
        }
    }
    best.certified = best.certified.max(best.found);
    best
}

/// One follower's situation.
struct Reach<'a> {
    case: Case<'a>,
    follower: AgentId,
    /// Its net cost if it is faithful.
    net: f64,
    /// What it sends if it is faithful, round by round.
    own: Vec<f64>,
    victims: &'a [AgentId],
}

/// What the solver found.
struct Answer {
    messages: Vec<f64>,
    /// The own final position.
    own: f64,
    /// Multipliers of the test, one for each position; their sum is 0 up to the solver's tolerance.
    normal: Vec<f64>,
}

/// What its messages do to the others: one column of N numbers for each message, rounds outside, neighbours inside.
type Effects = Vec<Vec<f64>>;

impl<'a> Reach<'a> {
    fn new(case: Case<'a>, follower: AgentId) -> Self {
        let victims = case.rules.instance().graph().neighbours(follower);
        let own = case.rules.path_of(case.types, follower);
        Self { case, follower, net: case.faithful.net[follower], own, victims }
    }

    fn count(&self) -> usize {
        self.own.len() * self.victims.len()
    }

    /// The theory's bound on these types, and a lower bound on the cost of passing.
    fn bound(&self) -> (Option<f64>, f64) {
        let (limit, apart) = (self.case.rules.limit(), disagreement(self.case.types));
        let least = (apart - limit).max(0.0).powi(2);
        (self.case.faithful.settlement.passed.then(|| self.case.faithful.social_cost() - least), least)
    }

    /// Faithful messages, or always its own wish, and the best final position after these; or any position, and the fine.
    fn simple(&self) -> Deviation {
        let (bound, least) = self.bound();
        let certified = (self.net - least.min(self.case.rules.fine())).max(0.0);
        let (faithful, wish) = (self.spread_out(&self.own), self.case.types[self.follower]);
        let standing = vec![vec![Some(wish); self.victims.len()]; self.own.len()];
        let mut best = Deviation {
            follower: self.follower,
            found: 0.0,
            certified,
            bound,
            exact: false,
            messages: faithful.clone(),
            finish: self.case.faithful.positions[self.follower],
        };
        for messages in [faithful, standing] {
            let passing = self.play_listed(&messages);
            let failing = self.fail(messages);
            for deviation in passing.into_iter().chain(failing) {
                if deviation.found > best.found {
                    best = deviation;
                }
            }
        }
        best
    }

    /// Staying at its wish after these messages, if that fails the test: its cost is the fine alone.
    fn fail(&self, messages: Vec<Vec<Option<f64>>>) -> Option<Deviation> {
        let wish = self.case.types[self.follower];
        let positions = self.positions(&messages, wish);
        let fails = disagreement(&positions) > self.case.rules.limit();
        fails.then(|| self.deviation(self.case.rules.fine(), messages, wish))
    }

    fn deviation(&self, cost: f64, messages: Vec<Vec<Option<f64>>>, finish: f64) -> Deviation {
        let (bound, least) = self.bound();
        let certified = (self.net - least.min(self.case.rules.fine())).max(0.0);
        let found = self.net - cost;
        Deviation { follower: self.follower, found, certified, bound, exact: false, messages, finish }
    }

    fn positions(&self, messages: &[Vec<Option<f64>>], finish: f64) -> Vec<f64> {
        self.case.rules.iterate_against(self.case.types, self.follower, messages, finish)
    }

    /// The same message to all neighbours.
    fn spread_out(&self, path: &[f64]) -> Vec<Vec<Option<f64>>> {
        path.iter().map(|&z| vec![Some(z); self.victims.len()]).collect()
    }

    /// Messages in one row as lists by round.
    fn listed(&self, row: &[f64]) -> Vec<Vec<Option<f64>>> {
        row.chunks(self.victims.len()).map(|round| round.iter().copied().map(Some).collect()).collect()
    }

    /// The messages mixed with as much of the faithful ones as the test asks for, and played. An interior point method
    /// keeps a limit up to its tolerance only.
    fn play(&self, messages: &[f64]) -> Option<Deviation> {
        let honest = |k: usize| self.own[k / self.victims.len()];
        [0.0, 1e-12, 1e-11, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1].into_iter().find_map(
            |share| {
                let mixed: Vec<f64> =
                    messages.iter().enumerate().map(|(k, m)| m + share * (honest(k) - m)).collect();
                self.play_listed(&self.listed(&mixed))
            },
        )
    }

    /// Plays messages with the best final position that passes; none if there is no such position.
    ///
    /// With the others' mean mu and their squared distance from it, ||z - mean||² grows by (N-1)/N (z_i - mu)².
    fn play_listed(&self, messages: &[Vec<Option<f64>>]) -> Option<Deviation> {
        let (i, limit) = (self.follower, self.case.rules.limit());
        let wish = self.case.types[i];
        let mut z = self.positions(messages, wish);
        let others: Vec<f64> = (0..z.len()).filter(|&j| j != i).map(|j| z[j]).collect();
        // A little inside: positions are rounded, however small the limit.
        let size = z.iter().fold(0.0_f64, |size, z| size.max(z.abs()));
        let inside = (limit * (1.0 - 1e-14) - 4.0 * f64::EPSILON * size).max(0.0);
        let room = inside.powi(2) - disagreement(&others).powi(2);
        if room < 0.0 {
            return None;
        }
        let (centre, n) = (mean(&others), z.len() as f64);
        let radius = (room * n / (n - 1.0)).sqrt();
        z[i] = wish.clamp(centre - radius, centre + radius);
        if disagreement(&z) > limit {
            return None;
        }
        let cost = compensated(z.iter().zip(self.case.types).map(|(z, th)| (z - th).powi(2)));
        Some(self.deviation(cost, messages.to_vec(), z[i]))
    }

    /// alpha (1 - alpha M)^{n-k} e_j for round k and neighbour j, M the Laplacian without the follower.
    fn effects(&self) -> Effects {
        let graph = self.case.rules.instance().graph();
        let (step, n) = (self.case.rules.step(), graph.len());
        let mut effects = vec![Vec::new(); self.count()];
        for (at, &j) in self.victims.iter().enumerate() {
            let mut column = vec![0.0; n];
            column[j] = step;
            for k in (0..self.own.len()).rev() {
                let next = |l: usize| {
                    let pull = graph.neighbours(l).iter().map(|&m| column[m] - column[l]).sum::<f64>();
                    if l == self.follower { 0.0 } else { column[l] + step * pull }
                };
                let moved = (0..n).map(next).collect();
                effects[k * self.victims.len() + at] = std::mem::replace(&mut column, moved);
            }
        }
        effects
    }

    /// What a message may be, relative to the faithful one.
    fn room(&self, k: usize) -> (f64, f64) {
        let (low, high) = self.case.rules.span();
        let honest = self.own[k / self.victims.len()];
        // A faithful position may leave the span by rounding.
        ((low - honest).min(0.0), (high - honest).max(0.0))
    }

    /// The convex program.
    ///
    /// Unknowns: z, a centre c, and what is added to the faithful messages. ||z - c|| <= limit for some c is the same as
    /// for the mean.
    fn solve(&self, effects: &Effects) -> Option<Answer> {
        let (n, m) = (self.case.types.len(), self.count());
        let unit = self.case.rules.span().1 - self.case.rules.span().0;
        let limit = self.case.rules.limit() / unit;
        let origin = mean(self.case.types);
        let scaled = |z: f64| (z - origin) / unit;
        let p = CscMatrix::new(
            n + 1 + m,
            n + 1 + m,
            (0..=n + 1 + m).map(|k| k.min(n)).collect(),
            (0..n).collect(),
            vec![2.0; n],
        );
        let mut q = vec![0.0; n + 1 + m];
        for (q, &th) in q.iter_mut().zip(self.case.types) {
            *q = -2.0 * scaled(th);
        }
        let a = self.constraints(effects, limit);
        let others = (0..n).filter(|&l| l != self.follower);
        let mut b: Vec<f64> = others.map(|l| scaled(self.case.faithful.positions[l])).collect();
        b.extend((0..m).map(|k| self.room(k).1 / unit));
        b.extend((0..m).map(|k| -self.room(k).0 / unit));
        b.push(1.0);
        b.extend(vec![0.0; n]);
        let cones: Vec<SupportedConeT<f64>> =
            vec![ZeroConeT(n - 1), NonnegativeConeT(2 * m), SecondOrderConeT(n + 1)];
        let settings = DefaultSettingsBuilder::default()
            .verbose(false)
            .tol_gap_abs(1e-11)
            .tol_gap_rel(1e-11)
            .tol_feas(1e-11)
            .build()
            .ok()?;
        let mut solver = DefaultSolver::new(&p, &q, &a, &b, &cones, settings).ok()?;
        solver.solve();
        // Whatever the status: what is found is played, and what is least is proved apart.
        let solution = &solver.solution;
        if solution.x.iter().chain(&solution.z).any(|x| !x.is_finite()) {
            return None;
        }
        let messages = (0..m).map(|k| {
            let (low, high) = self.room(k);
            self.own[k / self.victims.len()] + (solution.x[n + 1 + k] * unit).clamp(low, high)
        });
        let normal = solution.z[n + 2 * m..].iter().map(|y| -y / limit * unit).collect();
        let own = origin + unit * solution.x[self.follower];
        Some(Answer { messages: messages.collect(), own, normal })
    }

    /// Rows: the others' positions; upper and lower ends of messages; the test.
    fn constraints(&self, effects: &Effects, limit: f64) -> CscMatrix<f64> {
        let (n, m) = (self.case.types.len(), self.count());
        let row_of = |l: usize| (l != self.follower).then(|| l - usize::from(l > self.follower));
        let test = n - 1 + 2 * m;
        let (mut starts, mut rows, mut values) = (vec![0], Vec::new(), Vec::new());
        let mut end = |rows: &Vec<usize>| starts.push(rows.len());
        for l in 0..n {
            for (row, value) in row_of(l).map(|r| (r, 1.0)).into_iter().chain([(test + 1 + l, -1.0 / limit)])
            {
                rows.push(row);
                values.push(value);
            }
            end(&rows);
        }
        for l in 0..n {
            rows.push(test + 1 + l);
            values.push(1.0 / limit);
        }
        end(&rows);
        for (k, effect) in effects.iter().enumerate() {
            for (l, &e) in effect.iter().enumerate() {
                if let Some(row) = row_of(l).filter(|_| e != 0.0) {
                    rows.push(row);
                    values.push(-e);
                }
            }
            rows.extend([n - 1 + k, n - 1 + m + k]);
            values.extend([1.0, -1.0]);
            end(&rows);
        }
        CscMatrix::new(test + 1 + n, n + 1 + m, starts, rows, values)
    }

    /// A lower bound on the cost of every outcome that passes, from the tangent at the solver's point; the best over
    /// multiples of its multipliers.
    fn least(&self, effects: &Effects, answer: &Answer) -> f64 {
        let (types, limit, i) = (self.case.types, self.case.rules.limit(), self.follower);
        let z = self.positions(&self.listed(&answer.messages), answer.own);
        let middle = mean(&answer.normal);
        let normal: Vec<f64> = answer.normal.iter().map(|w| w - middle).collect();
        let length = compensated(normal.iter().map(|w| w * w)).sqrt();
        let pull: Vec<f64> = z.iter().zip(types).map(|(z, th)| 2.0 * (z - th)).collect();
        let along = |g: &[f64]| -> Vec<f64> {
            effects.iter().map(|e| e.iter().zip(g).map(|(e, g)| e * g).sum()).collect()
        };
        let (from_cost, from_test) = (along(&pull), along(&normal));
        let cost = compensated(z.iter().zip(types).map(|(z, th)| (z - th).powi(2)));
        // The mean of z is subtracted to keep digits: it adds nothing, as the multipliers add up to 0.
        let centre = mean(&z);
        let apart = compensated(z.iter().zip(&normal).map(|(z, w)| (z - centre) * w));
        let bound = |share: f64| {
            let mut sum = crate::numeric::sum::Sum::from(cost + share * (apart - length * limit));
            // The own final position is free: a tangent g d with the square d² beside it.
            sum.add(-0.25 * (pull[i] + share * normal[i]).powi(2));
            for (k, (c, t)) in from_cost.iter().zip(&from_test).enumerate() {
                let slope = c + share * t;
                let (low, high) = self.room(k);
                let at = answer.messages[k] - self.own[k / self.victims.len()];
                sum.add((slope * (low - at)).min(slope * (high - at)).min(0.0));
            }
            sum.get()
        };
        // Concave in the share: golden sections around what the solver says.
        let (mut low, mut high) = (0.0, 2.0);
        let mut best = bound(0.0).max(bound(1.0));
        for _ in 0..60 {
            let (a, b) = (low + 0.382 * (high - low), low + 0.618 * (high - low));
            let (at_a, at_b) = (bound(a), bound(b));
            best = best.max(at_a).max(at_b);
            if at_a < at_b { low = a } else { high = b }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faithful::consensus::{Graph, Instance, Terms};

    /// The affine map against the iteration itself.
    #[test]
    fn effects_are_those_of_the_iteration() {
        let graph = Graph::new(5, vec![(0, 1), (1, 2), (2, 3), (3, 4), (4, 1)]).unwrap();
        let terms = Terms { test: crate::faithful::consensus::Test::Spectral, ..Terms::rounds(6) };
        let rules = Rules::new(Instance::new(graph, &[(0.0, 1.0); 5]).unwrap(), terms).unwrap();
        let types = [0.1, 0.9, 0.4, 0.6, 0.0];
        let faithful = rules.play(&types);
        let reach = Reach::new(Case { rules: &rules, types: &types, faithful: &faithful }, 1);
        let effects = reach.effects();
        let messages: Vec<f64> = (0..reach.count()).map(|k| (k as f64 * 0.37).fract()).collect();
        let played = reach.positions(&reach.listed(&messages), 0.5);
        for l in [0, 2, 3, 4] {
            let change: f64 =
                (0..reach.count()).map(|k| effects[k][l] * (messages[k] - reach.own[k / 3])).sum();
            assert!((faithful.positions[l] + change - played[l]).abs() < 1e-15);
        }
        let own = reach.positions(&reach.spread_out(&reach.own), faithful.positions[1]);
        assert_eq!(own, faithful.positions);
    }
}
