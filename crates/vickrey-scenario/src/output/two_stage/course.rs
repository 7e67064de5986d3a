//! One season as it was played: what is remembered of its days.

use vickrey::mechanism::AgentId;
use vickrey::two_stage::Market;
use vickrey::two_stage::simulate::Step;
use vickrey::two_stage::test::{Flags, Statistics, Tests};

use super::repeated::{Quantities, Repeated};

/// Up to so many days times players everything is remembered of every player and day.
pub const MOST_DETAILS: u64 = 2_000_000;
/// Statistics are taken on about so many days, evenly on a logarithmic scale.
const CHECKPOINTS: u32 = 120;

/// What is remembered of a day.
#[derive(Clone, Debug, PartialEq)]
pub struct DayFacts<F> {
    /// The public signal.
    pub signal: usize,
    /// What the market remembers.
    pub facts: F,
    /// The planner's own cost, money.
    pub cost: f64,
    /// What the decision was truly worth to all players.
    pub valuation: f64,
    /// Payments of all players without penalties; negative: they receive.
    pub payment: f64,
    /// Penalties of all players.
    pub penalty: f64,
    /// How many players are flagged.
    pub flagged: usize,
}

/// What is remembered of a player on a day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlayerFacts {
    /// Her true type.
    pub own: u16,
    /// What she bid.
    pub bid: u16,
    /// Which of her tests fail.
    pub flags: Flags,
    /// What she contributes, as a quantity, if there is one.
    pub share: Option<f64>,
    /// What the decision is truly worth to her.
    pub valuation: f64,
    /// What she pays without a penalty.
    pub payment: f64,
    /// Her penalty.
    pub penalty: f64,
}

/// Sums and statistics after a day.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// The day, from 1.
    pub day: u64,
    /// By watched player: average utility a day so far, without penalties.
    pub utility: Vec<f64>,
    /// By watched player: average penalty a day so far.
    pub penalty: Vec<f64>,
    /// By watched player: the largest numerators of her tests.
    pub statistics: Vec<Statistics>,
}

/// How often each of a player's tests failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct FlagCounts {
    /// Days on which the test of her own bids failed.
    pub frequency: u64,
    /// Against all others together.
    pub joint: u64,
    /// Against one other.
    pub pairwise: u64,
    /// Against the others' sum.
    pub binned: u64,
}

/// A season, day by day.
#[derive(Clone, Debug)]
pub struct Course<F> {
    players: usize,
    /// Days in their order.
    pub days: Vec<DayFacts<F>>,
    details: Option<Vec<PlayerFacts>>,
    /// The players whose averages and statistics are kept.
    pub watched: Vec<AgentId>,
    /// On some days, the last one among them.
    pub checkpoints: Vec<Checkpoint>,
    /// By player.
    pub by_test: Vec<FlagCounts>,
    /// By player: what honesty would have brought on these days by the reported laws, W* - W*_{-i}, summed.
    pub contribution: Vec<f64>,
    last: u64,
    next: u64,
    sums: Vec<[f64; 2]>,
}

impl<F: Clone> Course<F> {
    /// Before the first of so many days.
    pub fn new(players: usize, days: u64, watched: Vec<AgentId>) -> Self {
        let detailed = days.saturating_mul(players as u64) <= MOST_DETAILS;
        Self {
            players,
            days: Vec::new(),
            details: detailed.then(Vec::new),
            watched,
            checkpoints: Vec::new(),
            by_test: vec![FlagCounts::default(); players],
            contribution: vec![0.0; players],
            last: days,
            next: 1,
            sums: vec![[0.0; 2]; players],
        }
    }

    /// Remembers a day.
    pub fn see<R>(&mut self, of: &R, step: &Step<'_, R::Market>)
    where
        R: Repeated<Facts = F>,
    {
        let Step { natural, bids, valuation, view } = step;
        let mut day = DayFacts {
            signal: of.market().signal(&natural.day),
            facts: of.facts(view),
            cost: view.settled.cost,
            valuation: valuation.iter().sum(),
            payment: 0.0,
            penalty: view.penalty.iter().sum(),
            flagged: 0,
        };
        for i in 0..self.players {
            let (flags, payment) = (view.tests.flags(i), view.settled.payment(i));
            day.payment += payment;
            day.flagged += usize::from(flags.any());
            self.by_test[i].add(flags);
            self.contribution[i] += view.settled.contribution[i];
            self.sums[i][0] += valuation[i] - payment;
            self.sums[i][1] += view.penalty[i];
            if let Some(details) = &mut self.details {
                details.push(PlayerFacts {
                    own: natural.types[i] as u16,
                    bid: bids[i] as u16,
                    flags,
                    share: of.share(view, i),
                    valuation: valuation[i],
                    payment,
                    penalty: view.penalty[i],
                });
            }
        }
        self.days.push(day);
        if view.day == self.next || view.day == self.last {
            self.check(view.day, view.tests);
        }
    }

    fn check(&mut self, day: u64, tests: &Tests) {
        let mean = |k: usize| self.watched.iter().map(|&i| self.sums[i][k] / day as f64).collect();
        let statistics = self.watched.iter().map(|&i| tests.statistics(i)).collect();
        self.checkpoints.push(Checkpoint { day, utility: mean(0), penalty: mean(1), statistics });
        let factor = (self.last as f64).powf(1.0 / f64::from(CHECKPOINTS));
        self.next = ((day as f64 * factor).ceil() as u64).max(day + 1);
    }

    /// What is remembered of a player on a day, counted from 0, if everything is.
    pub fn detail(&self, day: usize, player: AgentId) -> Option<&PlayerFacts> {
        self.details.as_ref().map(|details| &details[day * self.players + player])
    }

    /// Whether everything is remembered of every player and day.
    pub fn detailed(&self) -> bool {
        self.details.is_some()
    }

    /// Mean over the days.
    pub fn mean(&self, of: impl Fn(&DayFacts<F>) -> f64) -> f64 {
        self.days.iter().map(of).sum::<f64>() / self.days.len().max(1) as f64
    }

    /// Quantities of a day, counted from 0, if the market has quantities.
    pub fn quantities<R: Repeated<Facts = F>>(&self, of: &R, day: usize) -> Option<Quantities> {
        of.quantities(&self.days[day].facts)
    }
}

impl FlagCounts {
    fn add(&mut self, flags: Flags) {
        self.frequency += u64::from(flags.frequency);
        self.joint += u64::from(flags.joint);
        self.pairwise += u64::from(flags.pairwise);
        self.binned += u64::from(flags.binned);
    }

    /// The tests that failed, in a word each, the one that failed most often first.
    pub fn words(&self) -> String {
        let mut all =
            [(self.frequency, "own"), (self.joint, "joint"), (self.pairwise, "pair"), (self.binned, "sum")];
        all.sort_by_key(|(days, _)| std::cmp::Reverse(*days));
        let failed: Vec<&str> = all.iter().filter(|(days, _)| *days > 0).map(|(_, name)| *name).collect();
        failed.join(", ")
    }
}
