//! The demand-response market (paper 001, section IV): who curtails how much, every day, at which reward.
//!
//! Curtailing x costs a provider `delta x² / 2`; her delta is her type of the day, its law her supertype. A reserve covers
//! what is left at `delta_s g² / 2`. The market is a game of the two-stage mechanism with continuous outcomes: expectations
//! are integrals in closed form ([`expectations`]), days are dispatched in one division.
//!
//! Valuations are negative costs, and payments are negative where the operator pays: a provider *receives*
//! `-payment`.

mod dispatch;
mod limits;
mod model;
mod posted;
mod purchase;
mod quadrature;

pub use self::dispatch::{Dispatch, dispatch, dispatch_limited};
pub use self::limits::{Limited, MOST_PROFILES};
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
    /// The same with limits, if there are any.
    pub limited: Option<Limited>,
    /// What is expected of the shortage before the bids; none where it is announced.
    pub outlook: Option<Outlook>,
}

/// Why a market cannot be solved.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error(
    "signal {signal}: with curtailment limits found {found:.3e} profiles of types, reserve and shortage, accepted are {MOST_PROFILES:e}"
)]
pub struct TooMany {
    /// Which signal.
    pub signal: usize,
    /// How many profiles.
    pub found: f64,
}

impl Plan {
    /// ESC: expected cost of a day, money.
    pub fn cost(&self, q: Option<f64>, outlook: Outlook) -> f64 {
        match &self.limited {
            Some(limited) => limited.cost,
            None => cost(q, self.expectations.inverse, outlook),
        }
    }

    /// ESC_{-i} - ESC: what a day would cost more without a player.
    pub fn marginal(&self, q: Option<f64>, outlook: Outlook, player: AgentId) -> f64 {
        match &self.limited {
            Some(limited) => limited.marginal[player],
            None => difference(q, self.expectations.inverse, self.expectations.marginal[player], outlook),
        }
    }

    /// Ec_i: what a player's own curtailment is expected to cost her.
    pub fn own_cost(&self, q: Option<f64>, outlook: Outlook, player: AgentId) -> f64 {
        match &self.limited {
            Some(limited) => limited.own[player],
            None => self.expectations.own[player] * left(q, self.expectations.inverse, outlook) / 2.0,
        }
    }

    /// Ecs: what the reserve is expected to cost. With limits: the rest of the cost.
    pub fn reserve_cost(&self, q: Option<f64>, outlook: Outlook) -> f64 {
        match &self.limited {
            Some(limited) => limited.cost - limited.own.iter().sum::<f64>(),
            None => self.expectations.reserve * left(q, self.expectations.inverse, outlook) / 2.0,
        }
    }

    /// G: what is bought the day before.
    pub fn bought(&self, q: Option<f64>, outlook: Outlook) -> f64 {
        q.map_or(0.0, |q| bought(q, self.expectations.inverse, outlook.mean))
    }
}

impl Demand {
    /// What the shortage looks like before the bids of a day.
    pub(in crate::two_stage) fn outlook(plan: &Plan, day: &Day) -> Outlook {
        plan.outlook.unwrap_or_else(|| Outlook::certain(day.shortage.unwrap_or(0.0)))
    }

    /// Whether it is small enough to be solved for these laws.
    ///
    /// # Errors
    /// There are limits and too many profiles.
    pub fn check_size(&self, reports: &Supertypes) -> Result<(), TooMany> {
        for (signal, condition) in self.conditions().iter().enumerate() {
            let shortage = condition.shortage.before_bids();
            let (Some(_), Some(reserve), Some(shortage)) = (self.limits(), &condition.reserve, shortage)
            else {
                continue;
            };
            let found = limits::profiles(&reports.under(signal), reserve, &shortage);
            if found > MOST_PROFILES {
                return Err(TooMany { signal, found });
            }
        }
        Ok(())
    }

    fn plan_signal(&self, signal: usize, laws: &[&Law]) -> Plan {
        let condition = &self.conditions()[signal];
        let types: Vec<&[f64]> = (0..self.players()).map(|i| self.types(i)).collect();
        let reserve = condition.reserve.as_ref();
        let shortage = condition.shortage.before_bids();
        let outlook = shortage.as_ref().map(|lottery| {
            let mean = lottery.mean(|d| d);
            Outlook { mean, variance: lottery.mean(|d| (d - mean) * (d - mean)) }
        });
        let mut plan = Plan { expectations: Expectations::default(), limited: None, outlook };
        match (self.limits(), reserve, &shortage) {
            (Some(limits), Some(reserve), Some(shortage)) => {
                plan.limited = Some(limits::limited(&types, laws, limits, reserve, shortage));
            }
            // Limits without a reserve or with an announced shortage were refused when the market was built.
            _ => plan.expectations = expectations(&types, laws, reserve),
        }
        plan
    }
}

impl Market for Demand {
    type Day = Day;
    type Draw = Draw;
    type Decision = Operation;
    /// By signal.
    type Plan = Vec<Plan>;
    type Error = TooMany;

    fn types(&self) -> &[usize] {
        self.counts()
    }

    fn signals(&self) -> usize {
        self.conditions().len()
    }

    fn plan(&self, reports: &Supertypes) -> Result<Vec<Plan>, TooMany> {
        self.check_size(reports)?;
        Ok((0..self.signals()).map(|w| self.plan_signal(w, &reports.under(w))).collect())
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
        let announced = condition.shortage == Shortage::Announced;
        match (announced, day.shortage) {
            (true, Some(d)) => {
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
        let (plan, q) = (&plan[day.signal], self.purchase());
        let outlook = Self::outlook(plan, day);
        let shortage = match &self.conditions()[day.signal].shortage {
            Shortage::Certain(d) => *d,
            Shortage::AfterBids(_) => draw.shortage.unwrap_or(0.0),
            Shortage::Announced => day.shortage.unwrap_or(0.0),
        };
        let bought = plan.bought(q, outlook);
        let deltas: Vec<f64> = bids.iter().enumerate().map(|(i, &b)| self.types(i)[b]).collect();
        let dispatch = match (self.limits(), draw.reserve) {
            (Some(limits), Some(reserve)) => dispatch_limited(&deltas, limits, reserve, shortage),
            _ => dispatch(&deltas, draw.reserve, shortage - bought),
        };
        let reserve = draw.reserve.map_or(0.0, |delta| delta * dispatch.reserve * dispatch.reserve / 2.0);
        settled.cost = q.map_or(0.0, |q| q * bought) + reserve;
        for (i, (delta, x)) in deltas.iter().zip(&dispatch.curtailed).enumerate() {
            settled.reported[i] = -delta * x * x / 2.0;
            settled.contribution[i] = plan.marginal(q, outlook, i);
            settled.expected[i] = -plan.own_cost(q, outlook, i);
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
        let largest = |condition: &Condition| match &condition.shortage {
            Shortage::Certain(d) => Some(d * d),
            Shortage::AfterBids(lottery) => Some(lottery.values().iter().fold(0.0, |m: f64, d| m.max(d * d))),
            Shortage::Announced => None,
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
