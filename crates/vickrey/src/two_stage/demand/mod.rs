//! The demand-response market (paper 001, section IV): who curtails how much, every day, at which reward.
//!
//! Curtailing x costs a provider `delta x² / 2`; her delta is her type of the day, its law her supertype. A reserve covers
//! what is left at `delta_s g² / 2`. The market is a game of the two-stage mechanism with continuous outcomes: expectations
//! are integrals in closed form ([`expectations`]), days are dispatched in one division.
//!
//! Valuations are negative costs, and payments are negative where the operator pays: a provider *receives*
//! `-payment`.

mod bracket;
mod dispatch;
mod lattice;
mod least;
mod limits;
mod model;
mod posted;
mod purchase;
mod quadrature;

pub use self::bracket::{Accuracy, Bracket, Unreached};
pub use self::dispatch::{Dispatch, dispatch, dispatch_limited};
pub use self::limits::{Doubt, Limited, MOST_PROFILES};
pub use self::model::{Condition, Demand, DemandError, Lottery, LotteryError, Shortage};
pub use self::posted::{Posted, posted};
pub use self::purchase::{Outlook, bought, cost, difference, left};
pub use self::quadrature::{Expectations, expectations};
use rand_chacha::ChaCha8Rng;

use super::law::{Law, Supertypes};
use super::market::{Market, Settled, Unusable};
use crate::mechanism::AgentId;

/// What is known before the bids of a day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Day {
    /// The public signal.
    pub signal: usize,
    /// The shortage, where it is announced.
    pub shortage: Option<f64>,
}

/// What nature adds after the bids.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Draw {
    /// The shortage, where it is drawn after the bids.
    pub shortage: Option<f64>,
    /// The reserve's delta, where there is a reserve.
    pub reserve: Option<f64>,
}

/// What is done on a day.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Operation {
    /// The shortage, after all.
    pub shortage: f64,
    /// Bought the day before.
    pub bought: f64,
    /// Who curtails, and the reserve.
    pub dispatch: Dispatch,
}

/// The market solved for the laws of one signal.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// What all payments follow from without limits.
    pub expectations: Expectations,
    /// The same with limits, if there are any: of the signal, or of every shortage that may be announced, the smallest
    /// first.
    pub limited: Vec<Limited>,
    /// What is expected of the shortage before the bids; none where it is announced.
    pub outlook: Option<Outlook>,
    /// Price of a unit bought the day before, if that is possible.
    purchase: Option<f64>,
}

/// What is expected of a day, before its bids.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    plan: &'a Plan,
    outlook: Outlook,
    limited: Option<&'a Limited>,
}

/// Why a market cannot be solved.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("signal {signal}{}: {why}", announced.map_or(String::new(), |d| format!(", shortage {d}")))]
pub struct Unsolved {
    /// Which signal.
    pub signal: usize,
    /// Which announced shortage, if it is announced.
    pub announced: Option<f64>,
    /// What could not be known well enough.
    pub why: Unreached,
}

impl Plan {
    /// What is expected of a day with this signal. `announced`: the shortage, where it is announced; none if it is missing
    /// then, or if the plan was made for other numbers.
    pub fn on(&self, announced: Option<f64>) -> Option<Expected<'_>> {
        let outlook = self.outlook.or(announced.map(Outlook::certain))?;
        let limited = match self.limited.is_empty() {
            true => None,
            false => {
                let known = if self.outlook.is_some() { None } else { announced };
                Some(self.limited.iter().find(|limited| limited.shortage == known)?)
            }
        };
        Some(Expected { plan: self, outlook, limited })
    }
}

impl Expected<'_> {
    /// What is known of the shortage.
    pub fn outlook(&self) -> Outlook {
        self.outlook
    }

    /// ESC: expected cost of a day, money.
    pub fn cost(&self) -> f64 {
        let Plan { expectations, purchase, .. } = self.plan;
        self.limited.map_or_else(|| cost(*purchase, expectations.inverse, self.outlook), |found| found.cost)
    }

    /// ESC_{-i} - ESC: what a day would cost more without a player.
    pub fn marginal(&self, player: AgentId) -> f64 {
        let Plan { expectations, purchase, .. } = self.plan;
        match self.limited {
            Some(limited) => limited.marginal[player],
            None => difference(*purchase, expectations.inverse, expectations.marginal[player], self.outlook),
        }
    }

    /// Ec_i: what a player's own curtailment is expected to cost her.
    pub fn own_cost(&self, player: AgentId) -> f64 {
        match self.limited {
            Some(limited) => limited.own[player],
            None => self.plan.expectations.own[player] * self.left() / 2.0,
        }
    }

    /// Ecs: what the reserve is expected to cost. With limits: the rest of the cost.
    pub fn reserve_cost(&self) -> f64 {
        match self.limited {
            Some(found) => {
                let paid = self.plan.purchase.map_or(0.0, |q| q * found.bought);
                found.cost - paid - found.own.iter().sum::<f64>()
            }
            None => self.plan.expectations.reserve * self.left() / 2.0,
        }
    }

    /// G: what is bought the day before.
    pub fn bought(&self) -> f64 {
        let Plan { expectations, purchase, .. } = self.plan;
        match (self.limited, purchase) {
            (Some(limited), _) => limited.bought,
            (None, Some(q)) => bought(*q, expectations.inverse, self.outlook.mean),
            (None, None) => 0.0,
        }
    }

    /// How exact these numbers are; none where they are exact but for rounding.
    pub fn doubt(&self) -> Option<&Doubt> {
        self.limited.and_then(|limited| limited.doubt.as_ref())
    }

    /// E (d - G)², without limits.
    fn left(&self) -> f64 {
        left(self.plan.purchase, self.plan.expectations.inverse, self.outlook)
    }
}

impl Demand {
    fn plan_signal(&self, signal: usize, laws: &[&Law], accuracy: Accuracy) -> Result<Plan, Unsolved> {
        let condition = &self.conditions()[signal];
        let types: Vec<&[f64]> = (0..self.players()).map(|i| self.types(i)).collect();
        let before_bids = condition.shortage.before_bids();
        let outlook = before_bids.as_ref().map(|lottery| {
            let mean = lottery.mean(|d| d);
            Outlook { mean, variance: lottery.mean(|d| (d - mean) * (d - mean)) }
        });
        let purchase = self.purchase();
        let mut plan = Plan { expectations: Expectations::default(), limited: Vec::new(), outlook, purchase };
        let reserve = condition.reserve.as_ref();
        // Limits without a reserve, or for shortages that are not listed, were refused when the market was built.
        let (Some(limits), Some(reserve), Some(shortages)) =
            (self.limits(), reserve, condition.shortage.values())
        else {
            plan.expectations = expectations(&types, laws, reserve);
            return Ok(plan);
        };
        let mut solve =
            |announced: Option<f64>, lottery: &Lottery| {
                let most = lottery.values().iter().copied().fold(0.0, f64::max);
                let setting = bracket::Setting { types: &types, laws, limits, reserve, most };
                let found = limits::expected(&setting, lottery, purchase, accuracy)
                    .map_err(|why| Unsolved { signal, announced, why })?;
                plan.limited.push(Limited { shortage: announced, ..found });
                Ok(())
            };
        match &before_bids {
            Some(lottery) => solve(None, lottery)?,
            None => {
                let mut shortages = shortages.to_vec();
                shortages.sort_by(f64::total_cmp);
                shortages.dedup();
                shortages.iter().try_for_each(|d| solve(Some(*d), &Lottery::certain(*d)))?;
            }
        }
        Ok(plan)
    }

    /// [`Market::plan`], with limits as exact as is asked.
    ///
    /// # Errors
    /// There are limits, and expected costs cannot be known that well.
    pub fn plan_to(&self, reports: &Supertypes, accuracy: Accuracy) -> Result<Vec<Plan>, Unsolved> {
        (0..self.signals()).map(|w| self.plan_signal(w, &reports.under(w), accuracy)).collect()
    }

    /// What is expected of a day.
    ///
    /// # Panics
    /// The day does not fit the market ([`Market::check`]).
    pub fn expected<'a>(&self, plan: &'a [Plan], day: &Day) -> Expected<'a> {
        plan[day.signal].on(day.shortage).expect("a day that was checked")
    }
}

impl Market for Demand {
    type Day = Day;
    type Draw = Draw;
    type Decision = Operation;
    /// By signal.
    type Plan = Vec<Plan>;
    type Error = Unsolved;

    fn types(&self) -> &[usize] {
        self.counts()
    }

    fn signals(&self) -> usize {
        self.conditions().len()
    }

    fn plan(&self, reports: &Supertypes) -> Result<Vec<Plan>, Unsolved> {
        self.plan_to(reports, Accuracy::default())
    }

    fn signal(&self, day: &Day) -> usize {
        day.signal
    }

    fn check(&self, day: &Day, draw: Option<&Draw>) -> Result<(), Unusable> {
        let wrong =
            |field, found: String, accepted: &str| Err(Unusable { field, found, accepted: accepted.into() });
        let words = |number: Option<f64>| number.map_or("nothing".to_owned(), |x| x.to_string());
        let Some(condition) = self.conditions().get(day.signal) else {
            let accepted = format!("a number below {}", self.conditions().len());
            return wrong("public signal", day.signal.to_string(), &accepted);
        };
        let announced = condition.shortage.is_announced();
        match (announced, day.shortage) {
            (true, Some(d)) => {
                if let Shortage::Listed(values) = &condition.shortage
                    && !values.contains(&d)
                {
                    return wrong("announced shortage", d.to_string(), "one of the numbers of its list");
                }
                if let Err(error) = self.check_shortage(d, || "announced shortage".into()) {
                    return wrong("announced shortage", d.to_string(), &error.to_string());
                }
            }
            (false, None) => (),
            (true, None) => return wrong("announced shortage", words(None), "a number, before the bids"),
            (false, Some(d)) => {
                return wrong(
                    "announced shortage",
                    d.to_string(),
                    "nothing: this market does not announce it",
                );
            }
        }
        let Some(draw) = draw else { return Ok(()) };
        let member = |field, found: Option<f64>, of: Option<&Lottery>| match (found, of) {
            (None, None) => Ok(()),
            (Some(x), Some(lottery)) if lottery.values().contains(&x) => Ok(()),
            (_, Some(_)) => wrong(field, words(found), "one of the values of its public law"),
            (_, None) => wrong(field, words(found), "nothing: it is not drawn after the bids"),
        };
        let after = match &condition.shortage {
            Shortage::AfterBids(lottery) => Some(lottery),
            _ => None,
        };
        member("shortage", draw.shortage, after)?;
        member("reserve", draw.reserve, condition.reserve.as_ref())
    }

    fn draw(&self, day: &Day, rng: &mut ChaCha8Rng) -> Draw {
        let condition = &self.conditions()[day.signal];
        let shortage = match &condition.shortage {
            Shortage::AfterBids(lottery) => Some(lottery.draw(rng)),
            _ => None,
        };
        Draw { shortage, reserve: condition.reserve.as_ref().map(|lottery| lottery.draw(rng)) }
    }

    fn settle(
        &self,
        plan: &Vec<Plan>,
        day: &Day,
        draw: &Draw,
        bids: &[usize],
        settled: &mut Settled<Operation>,
    ) {
        let (expected, q) = (self.expected(plan, day), self.purchase());
        let shortage = match &self.conditions()[day.signal].shortage {
            Shortage::Certain(d) => *d,
            Shortage::AfterBids(_) => draw.shortage.unwrap_or(0.0),
            Shortage::Announced | Shortage::Listed(_) => day.shortage.unwrap_or(0.0),
        };
        let bought = expected.bought();
        let deltas: Vec<f64> = bids.iter().enumerate().map(|(i, &b)| self.types(i)[b]).collect();
        let dispatch = match (self.limits(), draw.reserve) {
            (Some(limits), Some(reserve)) => dispatch_limited(&deltas, limits, reserve, shortage - bought),
            _ => dispatch(&deltas, draw.reserve, shortage - bought),
        };
        let reserve = draw.reserve.map_or(0.0, |delta| delta * dispatch.reserve * dispatch.reserve / 2.0);
        settled.cost = q.map_or(0.0, |q| q * bought) + reserve;
        for (i, (delta, x)) in deltas.iter().zip(&dispatch.curtailed).enumerate() {
            settled.reported[i] = -delta * x * x / 2.0;
            settled.contribution[i] = expected.marginal(i);
            settled.expected[i] = -expected.own_cost(i);
        }
        settled.decision = Operation { shortage, bought, dispatch };
    }

    fn value(&self, _: &Day, player: AgentId, own: usize, decision: &Operation) -> f64 {
        let x = decision.dispatch.curtailed[player];
        -self.types(player)[own] * x * x / 2.0
    }

    fn score(&self, player: AgentId, own: usize) -> f64 {
        1.0 / self.types(player)[own]
    }

    /// Largest when a player is alone with her cheapest type; none if the shortage is not known beforehand.
    fn spread(&self) -> Option<f64> {
        let largest = |condition: &Condition| {
            Some(condition.shortage.values()?.iter().fold(0.0, |m: f64, d| m.max(d * d)))
        };
        let square = self.conditions().iter().map(largest).try_fold(0.0, |m: f64, d| Some(m.max(d?)))?;
        let of = |i: AgentId| {
            let (low, high) = super::model::ends(self.types(i).iter());
            (high - low) / 2.0
        };
        Some((0..self.players()).map(of).fold(0.0, f64::max) * square)
    }

    fn default_type(&self, player: AgentId) -> usize {
        let own = self.types(player);
        (0..own.len()).fold(0, |dearest, t| if own[t] > own[dearest] { t } else { dearest })
    }
}
