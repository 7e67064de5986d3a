//! The best lie that no test can see.
//!
//! In the long run a player's bids have the law she reported and are independent of the others' bids, or she is flagged
//! for ever. What remains is how true types are carried to bids: a transport from the true law to the reported one. The
//! best transport is the best undetected lie with that report; which report is best is searched for.
//!
//! The same holds for a group: joint true types are carried to joint bids.

use rand::RngExt;

use super::audited::{Audited, Stake};
use super::flow::{Transport, comonotone, transport};
use super::stakes::{Group, Table};
use crate::audit::search::{Space, maximise};
use crate::mechanism::AgentId;
use crate::numeric::random::{Purpose, stream};
use crate::two_stage::law::{Law, Supertypes};
use crate::two_stage::market::Market;

/// Largest transport, rows times columns.
pub(super) const MOST_CELLS: usize = 250_000;

/// What a report of a group brings its members together, money a day.
#[derive(Clone, Debug, PartialEq)]
pub struct Worth {
    /// Honest bids, before any penalty: all there is without a lie about the day, flagged or not.
    pub candid: f64,
    /// Bids drawn from the reported laws, whatever the types.
    pub mimic: f64,
    /// The best bids that no test sees, the others' bids not being known.
    pub unseen: f64,
    /// The same if the others' bids of the day are known or steered; none if they are too many to list.
    pub informed: Option<f64>,
    /// The same as `unseen` if bids may answer to an announced number inside its class of days; none where every class
    /// is one kind of day.
    pub within: Option<f64>,
    /// The best bids if there were no tests at all.
    pub untested: f64,
    /// No transport of these is worth more than what was found by more than this.
    pub gap: f64,
    /// By signal: how true types are carried to bids for `unseen`, mass by type and bid.
    pub carried: Vec<Vec<f64>>,
}

impl Worth {
    /// The way of bidding behind `unseen` for one player: by signal and type, a law of bids, as
    /// [`Coupled`](crate::two_stage::strategies::Coupled) plays it.
    pub fn coupling(&self) -> Vec<Vec<Law>> {
        self.carried.iter().map(|plan| coupling(plan)).collect()
    }
}

/// Conditional laws of a transport; a type that does not occur bids itself.
fn coupling(plan: &[f64]) -> Vec<Law> {
    let m = (plan.len() as f64).sqrt() as usize;
    let of = |(t, row): (usize, &[f64])| {
        let mass: f64 = row.iter().sum();
        let law = Law::new(row.iter().map(|p| p / mass).collect());
        law.unwrap_or_else(|_| Law::point(m, t))
    };
    plan.chunks(m).enumerate().map(of).collect()
}

/// A group in front of given reports of the others.
pub(super) struct Seat<'a, M: Audited> {
    pub group: Group<'a, M>,
    pub days: &'a [(f64, M::Day)],
    /// What everybody reports.
    pub reports: Supertypes,
    pub truth: &'a Supertypes,
    /// By signal, where one player's expectations have a closed form.
    closed: Option<Vec<M::Closed>>,
    order: Option<Vec<usize>>,
    /// Whether `informed` is computed.
    pub inform: bool,
}

impl<'a, M: Audited> Seat<'a, M> {
    pub fn new(
        market: &'a M,
        days: &'a [(f64, M::Day)],
        reports: &Supertypes,
        truth: &'a Supertypes,
        members: &[AgentId],
        most: f64,
    ) -> Self {
        let group = Group::new(market, days, reports, members, most);
        let single = match members {
            [one] => Some(*one),
            _ => None,
        };
        let of = |i: AgentId| (0..market.signals()).map(|w| market.closed(reports, w, i)).collect();
        let inform = group.listed();
        Self {
            group,
            days,
            reports: reports.clone(),
            truth,
            closed: single.and_then(of),
            order: single.and_then(|i| market.order(i)),
            inform,
        }
    }

    /// Whether anything can be said about this group.
    pub fn known(&self) -> bool {
        self.closed.is_some() || self.group.listed()
    }

    /// The reports with the truth of the members.
    pub fn honest(&self) -> Supertypes {
        let all = self.group.members.iter();
        all.fold(self.reports.clone(), |reports, &i| reports.with(i, laws_of(self.truth, i, self.signals())))
    }

    pub fn signals(&self) -> usize {
        self.group.market.signals()
    }

    /// Means come from the closed form where there is one.
    fn tables(&self, plan: &M::Plan) -> Option<Vec<Table>> {
        let Some(closed) = &self.closed else { return self.group.tables(plan) };
        let (market, player) = (self.group.market, self.group.members[0]);
        let of = |(weight, day): &(f64, M::Day)| {
            let signal = market.signal(day);
            let Stake { utility, .. } = market.stake(&closed[signal], plan, day, player);
            Table { weight: *weight, signal, mean: utility, by_rest: Vec::new() }
        };
        let mut tables: Vec<Table> = self.days.iter().map(of).collect();
        if self.inform {
            let listed = self.group.tables(plan)?;
            tables.iter_mut().zip(listed).for_each(|(table, listed)| table.by_rest = listed.by_rest);
        }
        Some(tables)
    }

    /// Pairs of a true type and another bid, the most tempting first: by what the bid brings more on average.
    pub fn tempting(&self) -> Vec<(usize, usize)> {
        let m = self.group.joint;
        let tables = self.group.market.plan(&self.honest()).ok().and_then(|plan| self.tables(&plan));
        let tables = tables.unwrap_or_default();
        let gain = |(t, b): &(usize, usize)| -> f64 {
            tables.iter().map(|table| table.weight * (table.mean[t * m + b] - table.mean[t * m + t])).sum()
        };
        let mut pairs: Vec<(usize, usize)> =
            (0..m).flat_map(|t| (0..m).map(move |b| (t, b))).filter(|(t, b)| t != b).collect();
        pairs.sort_by(|one, other| gain(other).total_cmp(&gain(one)));
        pairs
    }

    /// What a report of the members brings them; none if it cannot be computed.
    pub fn worth(&self, reports: &Supertypes) -> Option<Worth> {
        let plan = self.group.market.plan(reports).ok()?;
        let tables = self.tables(&plan)?;
        let mut worth = Worth {
            candid: 0.0,
            mimic: 0.0,
            unseen: 0.0,
            informed: self.inform.then_some(0.0),
            within: None,
            untested: 0.0,
            gap: 0.0,
            carried: Vec::new(),
        };
        let mut within = 0.0;
        for signal in 0..self.signals() {
            let own: Vec<&Table> = tables.iter().filter(|table| table.signal == signal).collect();
            let rows = self.group.law(self.truth, signal);
            let columns = self.group.law(reports, signal);
            within += self.signal(&own, &rows, &columns, &mut worth);
        }
        let several = (0..self.signals()).any(|w| tables.iter().filter(|t| t.signal == w).count() > 1);
        worth.within = several.then_some(within);
        Some(worth)
    }

    /// Adds the days of a signal; returns what they bring if bids may answer to the kind of day.
    fn signal(&self, tables: &[&Table], rows: &[f64], columns: &[f64], worth: &mut Worth) -> f64 {
        let m = rows.len();
        let mut gain = vec![0.0; m * m];
        for table in tables {
            gain.iter_mut().zip(&table.mean).for_each(|(sum, x)| *sum += table.weight * x);
        }
        for (row, p) in gain.chunks(m).zip(rows).enumerate().map(|(t, (row, p))| ((t, row), *p)) {
            let (t, row) = row;
            worth.candid += p * row[t];
            worth.untested += p * row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            worth.mimic += p * row.iter().zip(columns).map(|(x, q)| q * x).sum::<f64>();
        }
        let best = match &self.order {
            Some(order) => comonotone(&gain, rows, columns, order),
            None => transport(&gain, rows, columns),
        };
        worth.unseen += best.value;
        worth.gap += best.bound - best.value;
        worth.carried.push(best.plan);
        if let Some(informed) = &mut worth.informed {
            let rests = self.group.rests[tables.first().map_or(0, |t| t.signal)].iter().flatten();
            for (k, rest) in rests.enumerate() {
                let mut gain = vec![0.0; m * m];
                for table in tables {
                    gain.iter_mut().zip(&table.by_rest[k]).for_each(|(sum, x)| *sum += table.weight * x);
                }
                let Transport { value, bound, .. } = transport(&gain, rows, columns);
                *informed += rest.chance * value;
                worth.gap += rest.chance * (bound - value);
            }
        }
        match tables {
            [] | [_] => best.value,
            several => by_day(several, rows, columns),
        }
    }

    /// What this report brings if somebody among the others knows the group's true types before it bids: true types may go
    /// with the others' bids. None if that is too large.
    pub fn told(&self, reports: &Supertypes) -> Option<f64> {
        let plan = self.group.market.plan(reports).ok()?;
        let tables = self.group.tables(&plan)?;
        let m = self.group.joint;
        let mut sum = 0.0;
        for signal in 0..self.signals() {
            let rests = self.group.rests[signal].as_ref()?;
            let (rows, law) = (self.group.law(self.truth, signal), self.group.law(reports, signal));
            if m * m * rests.len() > MOST_CELLS {
                return None;
            }
            let columns: Vec<f64> = rests.iter().flat_map(|r| law.iter().map(|p| p * r.chance)).collect();
            let mut gain = vec![0.0; m * columns.len()];
            for table in tables.iter().filter(|table| table.signal == signal) {
                for (k, by_rest) in table.by_rest.iter().enumerate() {
                    for (cell, x) in by_rest.iter().enumerate() {
                        gain[cell / m * columns.len() + k * m + cell % m] += table.weight * x;
                    }
                }
            }
            sum += transport(&gain, &rows, &columns).value;
        }
        Some(sum)
    }

    /// Searches over the members' reports for the largest of some number.
    pub fn search(
        &self,
        effort: Search,
        seed: u64,
        of: impl Fn(&Supertypes, &Worth) -> f64,
    ) -> Option<(f64, Supertypes, u64)> {
        let dim: usize =
            self.group.members.iter().map(|&i| self.group.market.types()[i] * self.signals()).sum();
        let starts = self.starts();
        let space = Space {
            low: &vec![0.0; dim],
            high: &vec![1.0; dim],
            starts: &starts,
            random: effort.random,
            local: effort.local,
        };
        let best = maximise(&space, &mut stream(seed, Purpose::Audit, 0), |x| {
            let reports = self.point(x);
            let value = reports.and_then(|reports| self.worth(&reports).map(|worth| of(&reports, &worth)));
            value.filter(|x| !x.is_nan()).unwrap_or(f64::NEG_INFINITY)
        });
        let reports = self.point(&best.at)?;
        (best.value > f64::NEG_INFINITY).then_some((best.value, reports, best.tries))
    }

    /// The reports at a point of the box: every stretch of coordinates, made to add up to 1, is a law.
    fn point(&self, x: &[f64]) -> Option<Supertypes> {
        let mut reports = self.reports.clone();
        let mut from = 0;
        for &i in &self.group.members {
            let m = self.group.market.types()[i];
            let laws = x[from..from + m * self.signals()].chunks(m).map(|x| {
                let sum: f64 = x.iter().sum();
                Law::new(x.iter().map(|x| x / sum).collect()).ok()
            });
            reports = reports.with(i, laws.collect::<Option<Vec<Law>>>()?);
            from += m * self.signals();
        }
        Some(reports)
    }

    /// The truth; and from there, for one member after the other: all mass on one type under one signal or all, steps
    /// towards that, and tilts.
    fn starts(&self) -> Vec<Vec<f64>> {
        let market = self.group.market;
        let truth: Vec<Vec<f64>> = self
            .group
            .members
            .iter()
            .flat_map(|&i| (0..self.signals()).map(move |w| (i, w)))
            .map(|(i, w)| self.truth.law(i, w).probabilities().to_vec())
            .collect();
        let flat = |blocks: &[Vec<f64>]| blocks.concat();
        let mut starts = vec![flat(&truth)];
        for (k, &i) in self.group.members.iter().enumerate() {
            let blocks = k * self.signals()..(k + 1) * self.signals();
            let singles = blocks.clone().map(|b| b..b + 1);
            let several = (self.signals() > 1).then_some(blocks.clone());
            for range in singles.chain(several) {
                let mut add = |change: &dyn Fn(usize, f64) -> f64| {
                    let mut other = truth.clone();
                    for block in &mut other[range.clone()] {
                        let new: Vec<f64> = block.iter().enumerate().map(|(t, p)| change(t, *p)).collect();
                        let sum: f64 = new.iter().sum();
                        *block = new.iter().map(|x| x / sum).collect();
                    }
                    if other.iter().flatten().all(|x| x.is_finite()) {
                        starts.push(flat(&other));
                    }
                };
                for corner in 0..market.types()[i] {
                    for step in [1.0, 0.3, 0.03] {
                        add(&|t, p| (1.0 - step) * p + if t == corner { step } else { 0.0 });
                    }
                }
                for power in [-2.0, -1.0, -0.5, 0.5, 1.0, 2.0] {
                    // Scores may be 0 (numbers of types): moved by one.
                    let least =
                        (0..market.types()[i]).map(|t| market.score(i, t)).fold(f64::INFINITY, f64::min);
                    let shift = if least > 0.0 { 0.0 } else { 1.0 - least };
                    add(&|t, p| p * libm::pow(market.score(i, t) + shift, power));
                }
            }
        }
        starts
    }
}

/// How many reports are tried besides the given ones.
#[derive(Clone, Copy, Debug)]
pub(super) struct Search {
    pub random: usize,
    pub local: usize,
}

/// The best transport if bids may answer to the kind of day: rows are kinds of day and types.
fn by_day(tables: &[&Table], rows: &[f64], columns: &[f64]) -> f64 {
    let share: f64 = tables.iter().map(|table| table.weight).sum();
    if share == 0.0 || tables.len() * rows.len() * rows.len() > MOST_CELLS {
        return f64::NEG_INFINITY;
    }
    let masses: Vec<f64> =
        tables.iter().flat_map(|table| rows.iter().map(move |p| p * table.weight / share)).collect();
    // Masses carry the weights, gains do not.
    let gain: Vec<f64> = tables.iter().flat_map(|table| table.mean.iter().map(|x| x * share)).collect();
    transport(&gain, &masses, columns).value
}

/// A player's laws, one for each signal.
pub(super) fn laws_of(laws: &Supertypes, player: AgentId, signals: usize) -> Vec<Law> {
    (0..signals).map(|w| laws.law(player, w).clone()).collect()
}

/// Laws drawn evenly from the simplex.
pub(super) fn random_laws<M: Market>(market: &M, seed: u64, index: u64) -> Option<Supertypes> {
    let mut rng = stream(seed, Purpose::Instance, index);
    let mut law = |m: usize| {
        let raw: Vec<f64> = (0..m).map(|_| -libm::log(1.0 - rng.random::<f64>())).collect();
        let sum: f64 = raw.iter().sum();
        Law::new(raw.iter().map(|x| x / sum).collect()).ok()
    };
    let all = market.types().iter().map(|m| (0..market.signals()).map(|_| law(*m)).collect());
    let all: Vec<Vec<Law>> = all.collect::<Option<_>>()?;
    Supertypes::new(market.signals(), all).ok()
}
