//! Expected costs with limits where there are too many types to enumerate: certified brackets, nothing is drawn.
//!
//! At a price p everybody together delivers `S(p) = sum over i of min(a_i p, limit_i) + p / delta_s`, and by duality a day
//! with shortage y >= 0 costs the integral of `(y - S(p))^+` over p from 0 on. So the expected cost is the integral of
//! `F(p) = E (y - S(p))^+`, S(p) being a sum of independent amounts. Two facts bound it from both sides:
//!
//! * `(y - s)^+` is convex in every summand: the law of S(p) on a [lattice](super::lattice), from above and from below;
//! * S is concave in p for all types, so F is convex: the trapezoid rule is above the integral, the midpoint rule below.
//!
//! Both gaps fall with the square of the step. Panels are halved, and cells made finer, until the gap is what was asked.
//!
//! Every leave-one-out cost is a task of its own: its panels and its cells follow from public data (types, limits, reserve,
//! shortage) and from the laws of the others, never from the law of the one who is left out. Only the work is shared: at a
//! price, the laws of all sums without somebody are those of sums before and behind her.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::dispatch::limited_price;
use super::lattice::{Atom, Cells, Shortfall, Side};
use super::model::Lottery;
use crate::mechanism::AgentId;
use crate::two_stage::law::{Law, SUM};

/// How exact expected costs with limits have to be where they are bracketed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Accuracy {
    /// Half the width of a bracket, by its middle.
    pub relative: f64,
    /// Most work for the costs of one shortage: additions of an atom to a cell.
    pub work: f64,
}

impl Default for Accuracy {
    /// One part in a hundred thousand: fifty loads of ten types take 13 seconds on two cores, two hundred of five types 34;
    /// ten times as exact takes six times as long and more. What is beyond the limit of work would take most of an hour.
    fn default() -> Self {
        Self { relative: 1e-5, work: 5e11 }
    }
}

/// Bounds of a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct Bracket {
    /// Not above it but for rounding.
    pub low: f64,
    /// Not below it but for rounding.
    pub high: f64,
}

impl Bracket {
    /// The number that counts.
    pub fn middle(&self) -> f64 {
        self.low + (self.high - self.low) / 2.0
    }

    /// What it may be off by.
    pub fn half(&self) -> f64 {
        (self.high - self.low) / 2.0
    }
}

/// The work was done before the accuracy was reached.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error(
    "expected costs with curtailment limits are known to {reached:.1e} of their size after {work:.1e} steps, accepted is {accepted:.1e}"
)]
pub struct Unreached {
    /// Half the width of the widest bracket, by its middle.
    pub reached: f64,
    /// What was asked for.
    pub accepted: f64,
    /// How much work that took.
    pub work: f64,
}

/// Who may curtail what, and the reserve.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting<'a> {
    pub types: &'a [&'a [f64]],
    pub laws: &'a [&'a Law],
    pub limits: &'a [f64],
    pub reserve: &'a Lottery,
    /// The largest shortage, public: what cells are parts of.
    pub most: f64,
}

/// An expected cost that is asked for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Task {
    /// Who is left out.
    pub without: Option<AgentId>,
    /// Shortages and their probabilities.
    pub shortages: Vec<Atom>,
}

/// A task on its way.
pub(super) struct Progress<'a> {
    task: &'a Task,
    panels: Vec<[f64; 2]>,
    /// How often the cells were halved.
    level: u32,
    /// F by the bits of p, which are in the order of p.
    values: BTreeMap<u64, Bracket>,
    pub found: Bracket,
    done: bool,
}

/// What a price makes of everybody's laws.
struct Offers {
    price: f64,
    /// By player: what she delivers at least, in units.
    least: Vec<f64>,
    /// By player: total probability, where there is nothing above that; else 1, as it is in the atoms.
    mass: Vec<f64>,
    /// By player: what she delivers above that, in units; empty if there is nothing.
    above: Vec<Vec<Atom>>,
    reserve: Vec<Atom>,
}

/// A sum of weight times E (y - S)^+ over pairs of a weight and a y in widths, of one side and without one player; S counts
/// what is delivered above the least.
struct Ask {
    without: Option<AgentId>,
    side: Side,
    targets: Vec<(f64, f64)>,
}

/// Cells for the whole shortage at the coarsest level.
fn coarsest(players: usize, relative: f64) -> f64 {
    // Measured and expected, a bracket is players / (4 cells²) of the cost wide.
    const BEGIN: f64 = 4.0;
    ((players as f64 / (4.0 * relative)).sqrt() / BEGIN).ceil().max(16.0)
}

impl<'a> Setting<'a> {
    fn players(&self) -> usize {
        self.types.len()
    }

    /// The price of a shortage if everybody has the type that `choose` takes from two of them.
    fn extreme_price(&self, choose: fn(f64, f64) -> f64, without: Option<AgentId>, shortage: f64) -> f64 {
        let pick = |all: &[f64]| all.iter().copied().reduce(choose).unwrap_or(f64::NAN);
        let others = || (0..self.players()).filter(|i| Some(*i) != without);
        let deltas: Vec<f64> = others().map(|i| pick(self.types[i])).collect();
        let limits: Vec<f64> = others().map(|i| self.limits[i]).collect();
        limited_price(&deltas, &limits, pick(self.reserve.values()), shortage, &mut Vec::new())
    }

    /// From nothing to where nothing is short any more, whatever the types. All tasks of a market begin with panels of one
    /// row, and so share what is computed at their ends.
    fn panels(&self, task: &Task) -> Vec<[f64; 2]> {
        let Some(most) = task.shortages.iter().map(|(y, _)| *y).reduce(f64::max) else { return Vec::new() };
        let begin = self.extreme_price(f64::min, None, self.most);
        let end = self.extreme_price(f64::max, task.without, most);
        let (mut all, mut at) = (vec![[0.0, begin]], begin);
        while at < end {
            all.push([at, 2.0 * at]);
            at *= 2.0;
        }
        all
    }

    fn offers(&self, price: f64) -> Offers {
        let count = self.players();
        let mut offers = Offers {
            price,
            least: Vec::with_capacity(count),
            mass: Vec::with_capacity(count),
            above: Vec::with_capacity(count),
            reserve: likely(self.reserve.values(), self.reserve.law()).map(|(d, p)| (price / d, p)).collect(),
        };
        for i in 0..count {
            let mut atoms: Vec<Atom> = Vec::new();
            for (delta, p) in likely(self.types[i], self.laws[i]) {
                let x = (price / delta).min(self.limits[i]);
                match atoms.iter_mut().find(|(other, _)| *other == x) {
                    Some((_, sum)) => *sum += p,
                    None => atoms.push((x, p)),
                }
            }
            let least = atoms.iter().fold(f64::INFINITY, |least, (x, _)| least.min(*x));
            let fixed = atoms.len() == 1;
            offers.least.push(least);
            offers.mass.push(if fixed { atoms[0].1 } else { 1.0 });
            atoms.iter_mut().for_each(|(x, _)| *x -= least);
            offers.above.push(if fixed { Vec::new() } else { atoms });
        }
        offers
    }

    /// F at a price, for tasks.
    fn values(&self, price: f64, width: f64, tasks: &[&Task]) -> (Vec<Bracket>, f64) {
        let offers = self.offers(price);
        let asks: Vec<Ask> = tasks.iter().flat_map(|task| offers.asks(task, width)).collect();
        let (sums, work) = offers.answer(&asks, width);
        (sums.chunks_exact(2).map(|pair| Bracket { low: pair[0], high: pair[1] }).collect(), work)
    }
}

/// Values that occur, and their probabilities.
pub(super) fn likely<'a>(values: &'a [f64], law: &'a Law) -> impl Iterator<Item = Atom> + 'a {
    values.iter().copied().zip(law.probabilities().iter().copied()).filter(|(_, p)| *p > 0.0)
}

impl Offers {
    /// By player: the least of all others, and the total probability of those who deliver nothing else; summed from both
    /// ends, so that her own does not come in. The last entry is that of everybody.
    fn others(&self) -> Vec<(f64, f64)> {
        let count = self.least.len();
        let mut behind = vec![(0.0, 1.0); count + 1];
        for i in (0..count).rev() {
            behind[i] = (behind[i + 1].0 + self.least[i], behind[i + 1].1 * self.mass[i]);
        }
        let (mut all, mut before) = (Vec::with_capacity(count + 1), (0.0, 1.0));
        for i in 0..count {
            all.push((before.0 + behind[i + 1].0, before.1 * behind[i + 1].1));
            before = (before.0 + self.least[i], before.1 * self.mass[i]);
        }
        all.push(behind[0]);
        all
    }

    /// F of a task, from both sides.
    fn asks(&self, task: &Task, width: f64) -> [Ask; 2] {
        let (least, mass) = self.others()[task.without.unwrap_or(self.least.len())];
        let mut targets = Vec::new();
        for (y, p) in &task.shortages {
            for (taken, q) in &self.reserve {
                let left = (y - taken - least) / width;
                if left > 0.0 {
                    targets.push((p * q * mass * width, left));
                }
            }
        }
        let ask = |side| Ask { without: task.without, side, targets: targets.clone() };
        [ask(Side::Lower), ask(Side::Upper)]
    }

    /// By player: what her delivery grows with the price, on days when it is needed; falls in p.
    fn own_rates(
        &self,
        setting: &Setting<'_>,
        shortages: &[Atom],
        width: f64,
        step: f64,
    ) -> (Vec<Bracket>, f64) {
        let others = self.others();
        let mut asks = Vec::with_capacity(3 * others.len());
        let mut most = Vec::with_capacity(others.len());
        for (i, (least, mass)) in others[..setting.players()].iter().enumerate() {
            let free = likely(setting.types[i], setting.laws[i])
                .filter(|(delta, _)| self.price < delta * setting.limits[i]);
            let mut targets = Vec::new();
            for (delta, chance) in free {
                for ((y, p), (taken, q)) in
                    shortages.iter().flat_map(|y| self.reserve.iter().map(move |g| (y, g)))
                {
                    let left = (y - taken - least - self.price / delta) / width;
                    targets.push((chance / delta * p * q * mass, left));
                }
            }
            most.push(targets.iter().map(|(weight, _)| weight).sum::<f64>());
            for (side, move_by) in [(Side::Upper, step), (Side::Lower, 0.0), (Side::Upper, -step)] {
                let moved = targets.iter().map(|(weight, y)| (*weight, y + move_by));
                asks.push(Ask { without: Some(i), side, targets: moved.filter(|(_, y)| *y > 0.0).collect() });
            }
        }
        let (sums, work) = self.answer(&asks, width);
        let bracket = |(c, most): (&[f64], f64)| Bracket {
            low: ((c[1] - c[2]) / step).max(0.0),
            high: ((c[0] - c[1]) / step).min(most * (1.0 + SUM * setting.players() as f64)),
        };
        (sums.chunks_exact(3).zip(most).map(bracket).collect(), work)
    }

    /// What is asked, and how much work that was.
    fn answer(&self, asks: &[Ask], width: f64) -> (Vec<f64>, f64) {
        let mut found = vec![0.0; asks.len()];
        let top = asks.iter().flat_map(|ask| &ask.targets).fold(0.0, |top: f64, (_, y)| top.max(*y));
        let mut work = 0.0;
        if top <= 0.0 {
            return (found, work);
        }
        let end = top as usize + 1;
        for side in [Side::Lower, Side::Upper] {
            self.sweep(asks, side, (width, end), &mut found, &mut work);
        }
        (found, work)
    }

    /// The answers of one side: laws of the sums before everybody, then, from the last one on, those behind.
    fn sweep(&self, asks: &[Ask], side: Side, (width, end): (f64, usize), found: &mut [f64], work: &mut f64) {
        let count = self.above.len();
        let mut mine = vec![Vec::new(); count + 1];
        for (k, ask) in asks.iter().enumerate().filter(|(_, ask)| ask.side == side) {
            mine[ask.without.unwrap_or(count)].push(k);
        }
        let in_widths = |atoms: &Vec<Atom>| atoms.iter().map(|(x, p)| (x / width, *p)).collect();
        let atoms: Vec<Vec<Atom>> = self.above.iter().map(in_widths).collect();
        let (mut before, mut ranks) = (vec![Cells::nothing(side)], Vec::with_capacity(count));
        for own in &atoms {
            let last = before.len() - 1;
            ranks.push(last);
            if !own.is_empty() {
                *work += (before[last].len() * own.len()) as f64;
                let next = before[last].plus(own, end);
                before.push(next);
            }
        }
        let before: Vec<Cells> = before.into_iter().map(Cells::placed).collect();
        let mut behind = Cells::nothing(side);
        for i in (0..count).rev() {
            answer(asks, &mine[i], (&before[ranks[i]], &behind), end, found, work);
            if !atoms[i].is_empty() {
                *work += (behind.len() * atoms[i].len()) as f64;
                behind = behind.plus(&atoms[i], end);
            }
        }
        answer(asks, &mine[count], (&before[0], &behind), end, found, work);
    }
}

/// Some of the asks, those whose sum is that of two laws.
fn answer(
    asks: &[Ask],
    chosen: &[usize],
    (before, behind): (&Cells, &Cells),
    end: usize,
    found: &mut [f64],
    work: &mut f64,
) {
    if chosen.is_empty() {
        return;
    }
    let (function, lost) = (Shortfall::new(behind, end), before.lost + behind.lost);
    for &k in chosen {
        let Ask { side, targets, .. } = &asks[k];
        found[k] = function.with(before, targets);
        if *side == Side::Upper {
            // What was dropped is short of all there is, at most; probabilities add up to 1 nearly.
            found[k] += 1.01 * lost * targets.iter().map(|(weight, y)| weight * y).sum::<f64>();
        }
        *work += (targets.len() * before.len()) as f64;
    }
}

impl<'a> Progress<'a> {
    fn new(setting: &Setting<'_>, task: &'a Task) -> Self {
        let panels = setting.panels(task);
        // Where nothing is ever short, nothing costs anything.
        let done = panels.is_empty();
        Self { task, panels, level: 0, values: BTreeMap::new(), found: Bracket::default(), done }
    }

    /// Prices at which F has still to be known.
    fn missing(&self) -> impl Iterator<Item = u64> + '_ {
        let nodes = self.panels.iter().flat_map(|[a, b]| [*a, middle(*a, *b), *b]);
        nodes.map(f64::to_bits).filter(|bits| !self.values.contains_key(bits))
    }

    /// F at the ends and in the middle of a panel.
    fn on(&self, [a, b]: [f64; 2]) -> [Bracket; 3] {
        [a, middle(a, b), b].map(|p| self.values[&p.to_bits()])
    }

    /// Sums the panels up, and makes them or the cells finer where that is not enough.
    fn advance(&mut self, relative: f64) {
        let (mut low, mut high, mut cells) = (0.0, 0.0, 0.0);
        let mut bent = Vec::with_capacity(self.panels.len());
        for panel in &self.panels {
            let (length, [a, m, b]) = (panel[1] - panel[0], self.on(*panel));
            let trapezoid = |of: fn(&Bracket) -> f64| length / 4.0 * (of(&a) + 2.0 * of(&m) + of(&b));
            let above = trapezoid(|f| f.high);
            low += length * m.low;
            high += above;
            cells += trapezoid(|f| f.high - f.low);
            bent.push((above - length * m.high).max(0.0));
        }
        self.found = Bracket { low, high: high.max(low) };
        let accepted = 2.0 * relative * self.found.middle();
        if high - low <= accepted {
            self.done = true;
            return;
        }
        // Half for panels, half for cells; cells that take some more are not halved for that.
        let (panels, half) = (bent.iter().sum::<f64>(), accepted / 2.0);
        let room = if cells < 0.75 * accepted { accepted - cells } else { half };
        if panels > room {
            let most = room / bent.len() as f64;
            let halves = |(panel, bent): (&[f64; 2], &f64)| {
                let [a, b] = *panel;
                let m = middle(a, b);
                if *bent > most { vec![[a, m], [m, b]] } else { vec![[a, b]] }
            };
            self.panels = self.panels.iter().zip(&bent).flat_map(halves).collect();
        } else {
            // A gap falls to a quarter with every level.
            self.level += (cells / half).log2().div_euclid(2.0).max(0.0) as u32 + 1;
            self.values.clear();
        }
    }
}

/// Expected own costs by player, from both sides, for the same shortages as a solved task with everybody.
///
/// A type delta of player i costs her on average the integral over p below `delta limit_i` of `p / delta P(S(p) < y)`, where
/// the probability is a slope of `C(y) = E (y - S(p))^+`: it is between `(C(y) - C(y - e)) / e` and `(C(y + e) - C(y)) / e`,
/// and it falls in p. Both bounds are only as good as the step, so these brackets are wider than those of the costs.
pub(super) fn own_costs(setting: &Setting<'_>, solved: &Progress<'_>, work: &mut f64) -> Vec<Bracket> {
    let mut nodes: Vec<f64> = solved.panels.iter().flat_map(|[a, b]| [*a, middle(*a, *b), *b]).collect();
    nodes.dedup();
    const CELLS: f64 = 2048.0;
    let width = setting.most / CELLS;
    // Where what the cells and what the step add to the gap are about equal.
    let step = ((setting.players() as f64).sqrt() / 2.0).ceil();
    let rates: Vec<(Vec<Bracket>, f64)> = nodes
        .par_iter()
        .map(|p| setting.offers(*p).own_rates(setting, &solved.task.shortages, width, step))
        .collect();
    *work += rates.iter().map(|(_, steps)| steps).sum::<f64>();
    let mut all = vec![Bracket::default(); setting.players()];
    for (ends, rates) in nodes.windows(2).zip(rates.windows(2)) {
        let moment = (ends[1] - ends[0]) * (ends[1] + ends[0]) / 2.0;
        for (i, sum) in all.iter_mut().enumerate() {
            sum.low += moment * rates[1].0[i].low;
            sum.high += moment * rates[0].0[i].high;
        }
    }
    all
}

fn middle(a: f64, b: f64) -> f64 {
    a + (b - a) / 2.0
}

/// The expected costs that are asked for, and the work.
///
/// # Errors
/// The work is done before they are known well enough.
pub(super) fn solved<'t>(
    setting: &Setting<'_>,
    tasks: &'t [Task],
    accuracy: Accuracy,
    work: &mut f64,
) -> Result<Vec<Progress<'t>>, Unreached> {
    let mut all: Vec<Progress<'_>> = tasks.iter().map(|task| Progress::new(setting, task)).collect();
    let coarsest = setting.most / coarsest(setting.players(), accuracy.relative);
    loop {
        // By level and price: who asks. Tasks of one level share the laws.
        let mut asked: BTreeMap<(u32, u64), Vec<usize>> = BTreeMap::new();
        for (k, one) in all.iter().enumerate().filter(|(_, one)| !one.done) {
            one.missing().for_each(|bits| {
                let list = asked.entry((one.level, bits)).or_default();
                // The end of a panel is the beginning of the next.
                if list.last() != Some(&k) {
                    list.push(k);
                }
            });
        }
        if asked.is_empty() {
            return Ok(all);
        }
        let answers: Vec<(Vec<Bracket>, f64)> = asked
            .par_iter()
            .map(|((level, bits), list)| {
                let width = coarsest / 2_f64.powi(*level as i32);
                let tasks: Vec<&Task> = list.iter().map(|k| all[*k].task).collect();
                setting.values(f64::from_bits(*bits), width, &tasks)
            })
            .collect();
        for (((_, bits), list), (values, steps)) in asked.iter().zip(answers) {
            *work += steps;
            for (k, value) in list.iter().zip(values) {
                all[*k].values.insert(*bits, value);
            }
        }
        all.iter_mut().filter(|one| !one.done).for_each(|one| one.advance(accuracy.relative));
        if *work > accuracy.work && all.iter().any(|one| !one.done) {
            let of = |one: &Progress<'_>| one.found.half() / one.found.middle();
            let reached = all.iter().filter(|one| !one.done).map(of).fold(0.0, f64::max);
            return Err(Unreached { reached, accepted: accuracy.relative, work: *work });
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::super::limits::limited;
    use super::*;
    use crate::numeric::random::{Purpose, stream};

    /// A market of some players: types, laws, limits, reserve, shortage.
    struct Case {
        types: Vec<Vec<f64>>,
        laws: Vec<Law>,
        limits: Vec<f64>,
        reserve: Lottery,
        shortage: Lottery,
    }

    fn case(seed: u64, players: usize, most: usize) -> Case {
        let rng = &mut stream(seed, Purpose::Instance, 0);
        let mut law = |count: usize| {
            let parts: Vec<f64> = (0..count)
                .map(|k| if k > 0 && rng.random_bool(0.15) { 0.0 } else { rng.random_range(0.1..1.0) })
                .collect();
            let sum: f64 = parts.iter().sum();
            Law::new(parts.iter().map(|p| p / sum).collect()).unwrap()
        };
        let laws: Vec<Law> = (0..players).map(|k| law(1 + (k + seed as usize) % most)).collect();
        let lotteries = [law(2), law(3)];
        let mut value = |low: f64, high: f64| libm::exp(rng.random_range(libm::log(low)..libm::log(high)));
        let types = laws.iter().map(|law| (0..law.types()).map(|_| value(0.2, 20.0)).collect()).collect();
        let limits = (0..players)
            .map(|k| match (k + seed as usize) % 5 {
                0 => f64::INFINITY,
                1 => 0.0,
                _ => value(0.05, 2.0),
            })
            .collect();
        let [r, s] = lotteries.map(|law| law.probabilities().to_vec());
        let reserve = Lottery::new(vec![value(1.0, 9.0), value(1.0, 9.0)], r).unwrap();
        let shortage = Lottery::new(vec![value(0.5, 4.0), value(0.5, 4.0), 0.0], s).unwrap();
        Case { types, laws, limits, reserve, shortage }
    }

    impl Case {
        fn lists(&self) -> (Vec<&[f64]>, Vec<&Law>) {
            (self.types.iter().map(Vec::as_slice).collect(), self.laws.iter().collect())
        }
    }

    #[test]
    fn brackets_hold_what_enumeration_finds() {
        for seed in 0..40 {
            let case = case(seed, 1 + seed as usize % 5, 4);
            let (types, laws) = case.lists();
            let exact = limited(&types, &laws, &case.limits, &case.reserve, &case.shortage);
            let most = case.shortage.values().iter().copied().fold(0.0, f64::max);
            let setting =
                Setting { types: &types, laws: &laws, limits: &case.limits, reserve: &case.reserve, most };
            let shortages: Vec<Atom> =
                likely(case.shortage.values(), case.shortage.law()).filter(|(y, _)| *y > 0.0).collect();
            let who = std::iter::once(None).chain((0..types.len()).map(Some));
            let tasks: Vec<Task> =
                who.map(|without| Task { without, shortages: shortages.clone() }).collect();
            for relative in [1e-2, 1e-4, 1e-6] {
                let accuracy = Accuracy { relative, ..Accuracy::default() };
                let mut work = 0.0;
                let all = solved(&setting, &tasks, accuracy, &mut work).unwrap();
                for (k, one) in all.iter().enumerate() {
                    let known = exact.cost + if k == 0 { 0.0 } else { exact.marginal[k - 1] };
                    let found = one.found;
                    let rounding = 1e-13 * known;
                    assert!(
                        found.low <= known + rounding && known <= found.high + rounding,
                        "seed {seed}, {k}: {known} is not in {found:?}"
                    );
                    assert!(found.half() <= relative * found.middle());
                }
                let own = own_costs(&setting, &all[0], &mut work);
                for (i, (found, known)) in own.iter().zip(&exact.own).enumerate() {
                    let rounding = 1e-12 * known;
                    assert!(
                        found.low <= known + rounding && *known <= found.high + rounding,
                        "seed {seed}, own cost of {i}: {known} is not in {found:?}"
                    );
                }
            }
        }
    }
}
