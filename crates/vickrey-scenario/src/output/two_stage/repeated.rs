//! What differs between the markets that repeat: a finite game and demand response.

use std::fmt::Debug;

use serde::Serialize;
use vickrey::mechanism::AgentId;
use vickrey::two_stage::Market;
use vickrey::two_stage::season::DayView;
use vickrey::two_stage::simulate::Calendar;

use crate::input::SeasonScenario;
use crate::output::table::{Cell, Holds};

/// What a market knows before the bids of a day.
pub type DayOf<R> = <<R as Repeated>::Market as Market>::Day;
/// A market solved for reported laws.
pub type PlanOf<R> = <<R as Repeated>::Market as Market>::Plan;

/// A scenario of a market that repeats every day.
pub trait Repeated: Debug + Sync {
    /// The market of a day.
    type Market: Market + Debug;
    /// What is remembered of a day besides what all markets have.
    type Facts: Clone + Debug + PartialEq + Serialize + Send;
    /// What is said about days of one kind besides what all markets have.
    type Condition: Clone + Debug + PartialEq + Serialize;

    /// The mechanism's name in scenarios.
    const MECHANISM: &'static str;

    /// Players, laws, tests, days.
    fn season(&self) -> &SeasonScenario;

    /// The market of a day.
    fn market(&self) -> &Self::Market;

    /// In which ways the first stage is solved, in words; none if there is only one.
    fn ways(&self) -> Vec<String> {
        Vec::new()
    }

    /// What is publicly known on which day.
    fn calendar(&self) -> &Calendar<DayOf<Self>>;

    /// A type as a number, if types are numbers.
    fn number(&self, player: AgentId, own: usize) -> Option<f64>;

    /// What can be expected of a day before its bids, everybody honest, by the reported laws.
    fn promise(&self, plan: &PlanOf<Self>, day: &DayOf<Self>) -> Promise;

    /// What is said about days with these weights, which add up to 1.
    fn condition(&self, plan: &PlanOf<Self>, days: &[(&DayOf<Self>, f64)]) -> Self::Condition;

    /// What is remembered of a day.
    fn facts(&self, view: &DayView<'_, Self::Market>) -> Self::Facts;

    /// What a player contributes to a day, as a quantity, if there is one.
    fn share(&self, view: &DayView<'_, Self::Market>, player: AgentId) -> Option<f64>;

    /// What the quantities of [`share`](Self::share) are together with, and what they add up to.
    fn quantities(&self, facts: &Self::Facts) -> Option<Quantities>;

    /// What was decided, in words, if there are words for it.
    fn decided(&self, facts: &Self::Facts) -> Vec<String>;

    /// Columns for what is remembered of a day.
    fn columns(&self) -> &'static [(&'static str, Holds)];

    /// The cells of these columns.
    fn put<'a>(&'a self, facts: &Self::Facts, cells: &mut Vec<Cell<'a>>);
}

/// What can be expected of a day, money.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Promise {
    /// W*: values less the planner's cost.
    pub welfare: f64,
    /// W* - W*_{-i} by player: what honesty brings her every day.
    pub contribution: Vec<f64>,
    /// nu_i by player: what the decision is expected to be worth to her.
    pub expected: Vec<f64>,
}

/// What has to be covered on a day, and who covers it besides the players.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Quantities {
    /// What has to be covered.
    pub shortage: f64,
    /// Bought the day before.
    pub bought: f64,
    /// By the reserve.
    pub reserve: f64,
}

impl Promise {
    /// Nothing, for so many players.
    pub fn zero(players: usize) -> Self {
        Self { welfare: 0.0, contribution: vec![0.0; players], expected: vec![0.0; players] }
    }

    /// Adds another one with a weight.
    pub fn add(&mut self, weight: f64, other: &Self) {
        self.welfare += weight * other.welfare;
        let pairs = [(&mut self.contribution, &other.contribution), (&mut self.expected, &other.expected)];
        for (sums, terms) in pairs {
            sums.iter_mut().zip(terms).for_each(|(sum, x)| *sum += weight * x);
        }
    }

    /// What all players together are given for their laws.
    pub fn given(&self) -> f64 {
        self.contribution.iter().sum()
    }
}

/// The kinds of days of a season and how often they occur: those of a listed calendar as they come, those that are drawn
/// by their law.
pub fn kinds<Day: Clone>(calendar: &Calendar<Day>, days: u64) -> Vec<(Day, f64)> {
    match calendar {
        Calendar::Listed(listed) => {
            let len = listed.len() as u64;
            let often = |k: u64| (days / len + u64::from(k < days % len)) as f64 / days as f64;
            let all = listed.iter().enumerate().map(|(k, day)| (day.clone(), often(k as u64)));
            all.filter(|(_, weight)| *weight > 0.0).collect()
        }
        Calendar::Drawn { days, law } => {
            let all = days.iter().cloned().zip(law.probabilities().iter().copied());
            all.filter(|(_, weight)| *weight > 0.0).collect()
        }
    }
}
