//! Seasons that are played: whether honest players pass the tests, whether known lies are found, whether books add up.

use rayon::prelude::*;

use super::{AuditError, Audited, Audits, Ground};
use crate::audit::Worst;
use crate::mechanism::AgentId;
use crate::two_stage::law::{Law, Supertypes};
use crate::two_stage::simulate::{Nature, PlayError, Played, Setting, Step, play};
use crate::two_stage::strategies::{Bidder, Bidding};
use crate::two_stage::test::Tests;

/// Chance with which a check of this module may speak although nothing is wrong.
const CHANCE: f64 = 1e-9;
/// Player-days of all seasons of one kind.
const PLAYER_DAYS: (f64, f64, f64) = (4e5, 4e6, 2e8);

/// Honest seasons.
#[derive(Clone, Debug, Default)]
pub(super) struct Honest {
    pub seasons: u64,
    pub days: u64,
    /// By player: seasons with a flagged day.
    pub flagged: Vec<u64>,
    /// Flagged days of all players and seasons.
    pub flagged_days: u64,
    /// Largest difference in the accounts, money.
    pub accounts: Worst,
    /// Largest amount of money of a day: what the accounts are compared with.
    pub size: f64,
    /// Best other decision of a day.
    pub regret: Worst,
    /// By player: mean contribution of a day.
    pub contribution: Vec<f64>,
}

/// A lie to be played.
struct Scheme {
    words: String,
    /// Who bids how; the first is looked at.
    liars: Vec<(AgentId, Bidding)>,
    /// By how much a cell that is tested is off on average.
    size: f64,
}

/// A lie that was played.
#[derive(Clone, Debug)]
pub(super) struct Lie {
    pub words: String,
    /// The first flagged day of the liar, by season.
    pub first: Vec<Option<u64>>,
    /// How far a frequency is off on average.
    pub size: f64,
    /// The day from which on the tests see that, were every day average.
    pub expected: Option<u64>,
    /// The last day is so late that the liar must be flagged on it but for a chance of [`CHANCE`].
    pub certain: bool,
    /// Seasons on the last day of which she is flagged.
    pub caught: u64,
}

fn played<M: Audited, T>(result: Result<T, PlayError<M::Error>>) -> Audits<M, T> {
    result.map_err(|error| match error {
        PlayError::Open(error) => AuditError::Open(error),
        PlayError::Day(error) => AuditError::Calendar(error.to_string()),
        PlayError::Calendar(words) => AuditError::Calendar(words),
        PlayError::Truth(error) => AuditError::Open(crate::two_stage::season::OpenError::Reports(error)),
        PlayError::Days => AuditError::Calendar("found no days to play, accepted is at least 1".into()),
        PlayError::Bidders { .. } => unreachable!("one bidder for each player"),
    })
}

impl<M: Audited> Ground<'_, M> {
    /// How many seasons of one kind are played, and how long they are.
    fn extent(&self, most: u64) -> (u64, u64) {
        let (quick, normal, deep) = PLAYER_DAYS;
        let room = self.options.effort.pick(quick, normal, deep) / self.players() as f64;
        let days = (self.subject.days as f64).min(room / 4.0).max(1.0);
        (((room / days) as u64).clamp(1, most), days as u64)
    }

    fn season(
        &self,
        reports: &Supertypes,
        biddings: &[(AgentId, &Bidding)],
        seed: u64,
        days: u64,
        observe: impl FnMut(Step<'_, M>) -> bool,
    ) -> Audits<M, Played<M>> {
        let subject = self.subject;
        let mut bidders: Vec<Box<dyn Bidder>> =
            (0..self.players()).map(|_| Bidding::Honest.bidder()).collect();
        for (player, bidding) in biddings {
            bidders[*player] = bidding.bidder();
        }
        let mut nature = Nature::new(subject.truth.clone(), subject.calendar.clone(), seed);
        let setting =
            Setting { market: subject.market, reports: reports.clone(), terms: subject.terms, days, seed };
        played::<M, _>(play(setting, &mut nature, &mut bidders, observe))
    }

    /// Seasons in which everybody reports and bids the truth.
    pub fn honest_seasons(&self) -> Audits<M, Honest> {
        let (seasons, days) = self.extent(self.options.effort.pick(8, 40, 400));
        let parts: Vec<Honest> = (0..seasons)
            .into_par_iter()
            .map(|k| self.honest_season(self.options.seed.wrapping_add(k), days))
            .collect::<Result<_, _>>()?;
        let zero = || vec![0; self.players()];
        let start =
            Honest { days, flagged: zero(), contribution: vec![0.0; self.players()], ..Honest::default() };
        Ok(parts.into_iter().fold(start, |mut all, part| {
            all.seasons += 1;
            all.flagged.iter_mut().zip(&part.flagged).for_each(|(sum, x)| *sum += x);
            let mean = part.contribution.iter().map(|x| x / seasons as f64);
            all.contribution.iter_mut().zip(mean).for_each(|(sum, x)| *sum += x);
            all.flagged_days += part.flagged_days;
            all.accounts = all.accounts.join(part.accounts);
            all.regret = all.regret.join(part.regret);
            all.size = all.size.max(part.size);
            all
        }))
    }

    fn honest_season(&self, seed: u64, days: u64) -> Audits<M, Honest> {
        let market = self.subject.market;
        let mut found = Honest { contribution: vec![0.0; self.players()], ..Honest::default() };
        let played = self.season(self.subject.truth, &[], seed, days, |step| {
            let settled = step.view.settled;
            let (accounts, size) = books(&step);
            found.size = found.size.max(size);
            found.accounts.see(accounts, || format!("day {} of seed {seed}", step.view.day));
            let regret = market.regret(&step.natural.day, &step.natural.draw, step.bids, &settled.decision);
            found
                .regret
                .see(regret, || format!("bids {:?} on day {} of seed {seed}", step.bids, step.view.day));
            let each = found.contribution.iter_mut().zip(&settled.contribution);
            each.for_each(|(sum, x)| *sum += x / days as f64);
            true
        })?;
        let totals = played.totals();
        found.flagged = totals.flagged.iter().map(|d| u64::from(*d > 0)).collect();
        found.flagged_days = totals.flagged.iter().sum();
        for i in 0..self.players() {
            let had = played.before_penalties(i);
            let off = (had - found.contribution[i]).abs();
            found
                .accounts
                .see(off, || format!("mean of {} over the season of seed {seed}", self.subject.name(i)));
        }
        Ok(found)
    }

    /// Seasons with one lie each.
    pub fn lies(&self) -> Audits<M, Vec<Lie>> {
        let (seasons, days) = self.extent(self.options.effort.pick(1, 3, 10));
        let tests = self.tests(self.subject.truth)?;
        self.known_lies().into_par_iter().map(|scheme| self.lie(scheme, &tests, seasons, days)).collect()
    }

    fn lie(
        &self,
        Scheme { words, liars, size }: Scheme,
        tests: &Tests,
        seasons: u64,
        days: u64,
    ) -> Audits<M, Lie> {
        let liar = liars[0].0;
        let biddings: Vec<(AgentId, &Bidding)> = liars.iter().map(|(i, b)| (*i, b)).collect();
        let (mut first, mut caught) = (Vec::new(), 0);
        for k in 0..seasons {
            let seed = self.options.seed.wrapping_add(k);
            let played = self.season(self.subject.truth, &biddings, seed, days, |_| true)?;
            first.push(played.totals().first_flagged[liar]);
            caught += u64::from(played.books.flags(liar).any());
        }
        let (threshold, l) = (tests.threshold(liar), days as f64);
        // Every day moves a numerator by at most 2 around its mean (Hoeffding).
        let chance = (2.0 * l * libm::log(2.0 / CHANCE)).sqrt();
        let certain = size * l >= threshold.at(days) + chance;
        Ok(Lie { words, first, size, expected: threshold.detection(size), certain, caught })
    }

    fn known_lies(&self) -> Vec<Scheme> {
        let pairwise = self.subject.terms.pairwise || self.players() == 2;
        let mut lies = Vec::new();
        for i in self.distinct() {
            let m = self.subject.market.types()[i];
            if m < 2 {
                continue;
            }
            let shifted = |law: &Law| -> Vec<f64> {
                let mut all = vec![0.0; m];
                law.probabilities().iter().enumerate().for_each(|(t, p)| all[(t + 1).min(m - 1)] += p);
                all
            };
            let off = self.mean_over_signals(m, &|w| {
                let law = self.subject.truth.law(i, w);
                shifted(law).iter().zip(law.probabilities()).map(|(x, p)| x - p).collect()
            });
            let words = format!("{} bids one type too high", self.subject.name(i));
            lies.push(Scheme { words, liars: vec![(i, Bidding::Exaggerate(1))], size: off });
            let words = format!("{} bids by her law, whatever her type", self.subject.name(i));
            lies.push(Scheme { words, liars: vec![(i, Bidding::Mimic)], size: 0.0 });
        }
        if pairwise && self.players() > 1 {
            lies.extend(self.joint_lies());
        }
        lies
    }

    fn joint_lies(&self) -> Vec<Scheme> {
        let types = self.subject.market.types();
        let (a, b) = (types[0], types[1]);
        if a < 2 || b < 2 {
            return Vec::new();
        }
        // Cells of player 1's bid with player 0's, less what they should be: C - th_1(y) M(x).
        let cells = |joint: &dyn Fn(&Law, &Law) -> Vec<f64>| {
            self.each_signal(a * b, &|w| {
                let (one, two) = (self.subject.truth.law(0, w), self.subject.truth.law(1, w));
                let joint = joint(one, two);
                let of = |k: usize| joint[k] - one.probabilities()[k / b] * two.probabilities()[k % b];
                (0..a * b).map(of).collect()
            })
        };
        let coin = cells(&|one, two| overlap(one.probabilities(), two.probabilities()));
        let copy = cells(&|one, _| {
            let mut all = vec![0.0; a * b];
            one.probabilities().iter().enumerate().for_each(|(x, p)| all[x * b + x.min(b - 1)] += p);
            all
        });
        let common = vec![(1, Bidding::CommonCoin), (0, Bidding::CommonCoin)];
        let copied = vec![(1, Bidding::Copy { rival: 0 })];
        let name = |i| self.subject.name(i);
        vec![
            Scheme {
                words: format!("{} and {} bid by a common coin", name(0), name(1)),
                liars: common,
                size: coin,
            },
            Scheme {
                words: format!("{} sees the bid of {} and copies it", name(1), name(0)),
                liars: copied,
                size: copy,
            },
        ]
    }

    fn shares(&self) -> Vec<f64> {
        let mut shares = vec![0.0; self.subject.market.signals()];
        self.days.iter().for_each(|(p, day)| shares[self.subject.market.signal(day)] += p);
        shares
    }

    /// The largest entry of a mean over signals.
    fn mean_over_signals(&self, len: usize, of: &dyn Fn(usize) -> Vec<f64>) -> f64 {
        let mut sum = vec![0.0; len];
        for (w, share) in self.shares().into_iter().enumerate() {
            sum.iter_mut().zip(of(w)).for_each(|(sum, x)| *sum += share * x);
        }
        sum.iter().fold(0.0, |most: f64, x| most.max(x.abs()))
    }

    /// The largest entry under any signal, weighted by its share.
    fn each_signal(&self, len: usize, of: &dyn Fn(usize) -> Vec<f64>) -> f64 {
        let shares = self.shares().into_iter().enumerate();
        let each = shares.map(|(w, share)| {
            let cells = of(w);
            assert_eq!(cells.len(), len);
            share * cells.iter().fold(0.0, |most: f64, x| most.max(x.abs()))
        });
        each.fold(0.0, f64::max)
    }

    /// What somebody gains a day who hides one type behind another while that takes up half of the window at most: mean
    /// and standard error of seasons of the full length, and what was tried. Of all penalties only the last day's counts:
    /// that much is enough for the bound. None if seasons are too long to play.
    /// `tempting`: pairs of a type and what is bid for it, in the order in which they are tried.
    pub fn riders(
        &self,
        player: AgentId,
        tempting: &[(usize, usize)],
    ) -> Audits<M, Option<(f64, f64, String)>> {
        let (seasons, days) = self.extent(self.options.effort.pick(4, 8, 40));
        if days < self.subject.days || seasons < 4 {
            return Ok(None);
        }
        let mut best: Option<(f64, f64, String)> = None;
        for &(hidden, shown) in tempting.iter().take(self.options.effort.pick(2, 6, 40)) {
            let bidding = Bidding::RideWindow { hidden, shown, share: 0.5 };
            let mut gains = crate::numeric::sample::Moments::default();
            for k in 0..seasons {
                let seed = self.options.seed.wrapping_add(k);
                let mut honest = 0.0;
                let played = self.season(self.subject.truth, &[(player, &bidding)], seed, days, |step| {
                    honest += step.view.settled.contribution[player] / days as f64;
                    true
                })?;
                let last =
                    if played.books.flags(player).any() { self.subject.terms.penalty.at(days) } else { 0.0 };
                gains.add(played.before_penalties(player) - honest - last / days as f64);
            }
            let error = gains.error().unwrap_or(0.0);
            if best.as_ref().is_none_or(|(mean, ..)| gains.mean > *mean) {
                let words = format!(
                    "{} bids type {shown} for type {hidden} within half of the window",
                    self.subject.name(player)
                );
                best = Some((gains.mean, error, words));
            }
        }
        Ok(best)
    }
}

/// First and second payment against the whole, and an honest player's utility against her contribution: the largest
/// difference of a day, and the size of its numbers.
fn books<M: Audited>(step: &Step<'_, M>) -> (f64, f64) {
    let settled = step.view.settled;
    let (mut worst, mut size) = (0.0_f64, settled.cost.abs());
    for i in 0..step.bids.len() {
        let whole = step.view.payment[i] - step.view.penalty[i];
        let parts = settled.first_payment(i) + settled.second_payment(i);
        let left = step.valuation[i] - whole - settled.contribution[i];
        worst = worst.max((parts - whole).abs()).max(left.abs());
        for x in [settled.reported[i], settled.expected[i], settled.contribution[i], step.view.payment[i]] {
            size = size.max(x.abs());
        }
    }
    (worst, size)
}

/// Joint law of two bids that follow one even number through their distribution functions.
fn overlap(one: &[f64], two: &[f64]) -> Vec<f64> {
    let ends = |law: &[f64]| {
        law.iter()
            .scan(0.0, |sum, p| {
                let from = *sum;
                *sum += p;
                Some((from, *sum))
            })
            .collect::<Vec<(f64, f64)>>()
    };
    let (one, two) = (ends(one), ends(two));
    one.iter().flat_map(|(a, b)| two.iter().map(move |(c, d)| (b.min(*d) - a.max(*c)).max(0.0))).collect()
}

/// The least number of seasons out of `of` that speaks against a probability of at most `p`: as many have a chance
/// below [`CHANCE`]. Sums of binomial terms.
pub(super) fn suspicious(p: f64, of: u64) -> u64 {
    let (mut term, mut below) = (libm::pow(1.0 - p, of as f64), 0.0);
    for k in 0..=of {
        // Of k or more.
        if 1.0 - below < CHANCE {
            return k;
        }
        below += term;
        term *= (of - k) as f64 / (k + 1) as f64 * p / (1.0 - p);
    }
    of + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suspicion_follows_the_binomial_law() {
        assert_eq!(suspicious(0.01, 1), 2);
        // 4 of 40: 9e-4; 9 of 40: 2e-10 * ...
        let tail = |k: u64| -> f64 {
            let choose = |k: u64| (0..k).fold(1.0, |c, j| c * (40 - j) as f64 / (j + 1) as f64);
            (k..=40).map(|j| choose(j) * 0.01_f64.powi(j as i32) * 0.99_f64.powi(40 - j as i32)).sum()
        };
        let k = suspicious(0.01, 40);
        assert!(tail(k) < CHANCE && tail(k - 1) >= CHANCE, "{k}");
    }

    #[test]
    fn one_coin_moves_both() {
        assert_eq!(overlap(&[0.5, 0.5], &[0.25, 0.75]), [0.25, 0.25, 0.0, 0.5]);
    }
}
