//! Demand response as a repeated market: who curtails how much, and what the operator pays.

use serde::Serialize;
use vickrey::mechanism::AgentId;
use vickrey::two_stage::Demand;
use vickrey::two_stage::demand::{self, Day, Doubt, Outlook, Plan, Posted, posted};
use vickrey::two_stage::season::DayView;
use vickrey::two_stage::simulate::Calendar;

use super::repeated::{Promise, Quantities, Repeated};
use crate::input::{DemandScenario, SeasonScenario};
use crate::output::table::{Cell, Holds};

/// What a day costs, in expectation, money; means over the days that are meant.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Costs {
    /// Mean of the shortage.
    pub shortage: f64,
    /// Bought the day before.
    pub bought: f64,
    /// ESC: what the day costs all together.
    pub cost: f64,
    /// Of which the reserve and what is bought.
    pub operator_cost: f64,
    /// What providers receive if everybody is honest.
    pub received: f64,
    /// What the operator spends: its own cost, and what providers receive.
    pub outlay: f64,
    /// What it would spend without providers; null without a reserve.
    pub reserve_only: Option<f64>,
    /// What the day would cost all together at the cheapest posted price; null without a reserve, with limits or day-ahead
    /// purchases.
    pub posted_cost: Option<f64>,
    /// That price; null where it depends on the day.
    pub posted_price: Option<f64>,
    /// What `cost` may be off by; 0 where expectations are exact but for rounding.
    pub cost_within: f64,
    /// What any provider's contribution may be off by.
    pub contribution_within: f64,
    /// What any provider's expected value may be off by; it moves money between the two parts of her payment only.
    pub expected_within: f64,
}

/// What is remembered of a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Dispatched {
    /// What had to be covered.
    pub shortage: f64,
    /// Bought the day before.
    pub bought: f64,
    /// Curtailed by all players.
    pub curtailed: f64,
    /// Delivered by the reserve.
    pub reserve: f64,
    /// The price: what another unit would have cost by the bids.
    pub price: f64,
}

impl DemandScenario {
    /// What a day costs.
    fn costs(&self, plan: &[Plan], day: &Day) -> Costs {
        let (q, expected) = (self.market.purchase(), self.market.expected(plan, day));
        let (outlook, bought, cost) = (expected.outlook(), expected.bought(), expected.cost());
        let players = 0..self.market.players();
        let received = players.map(|i| expected.own_cost(i) + expected.marginal(i)).sum();
        let operator_cost = expected.reserve_cost() + q.map_or(0.0, |q| q * bought);
        let reserve = self.market.conditions()[day.signal].reserve.as_ref();
        let alone = reserve.map(|lottery| demand::cost(q, lottery.mean(|delta| delta), outlook));
        let posted = self.posted(day.signal, outlook);
        let doubt = expected.doubt();
        let most = |of: &dyn Fn(&Doubt, AgentId) -> f64| {
            doubt.map_or(0.0, |doubt| (0..self.market.players()).map(|i| of(doubt, i)).fold(0.0, f64::max))
        };
        Costs {
            shortage: outlook.mean,
            bought,
            cost,
            operator_cost,
            received,
            outlay: operator_cost + received,
            reserve_only: alone,
            posted_cost: posted.map(|posted| posted.cost),
            posted_price: posted.map(|posted| posted.price),
            cost_within: doubt.map_or(0.0, |doubt| doubt.cost),
            contribution_within: most(&|doubt, i| doubt.contribution(i)),
            expected_within: most(&|doubt, i| doubt.own[i]),
        }
    }

    /// The comparator of a posted price, where it is defined.
    fn posted(&self, signal: usize, outlook: Outlook) -> Option<Posted> {
        let market = &self.market;
        let reserve = market.conditions()[signal].reserve.as_ref()?;
        if market.limits().is_some() || market.purchase().is_some() {
            return None;
        }
        let types: Vec<&[f64]> = (0..market.players()).map(|i| market.types(i)).collect();
        Some(posted(&types, &self.season.reports.under(signal), reserve, outlook))
    }
}

impl Costs {
    fn add(&mut self, weight: f64, other: &Self) {
        let both = |sum: Option<f64>, x: Option<f64>| Some(sum? + weight * x?);
        self.shortage += weight * other.shortage;
        self.bought += weight * other.bought;
        self.cost += weight * other.cost;
        self.operator_cost += weight * other.operator_cost;
        self.received += weight * other.received;
        self.outlay += weight * other.outlay;
        self.reserve_only = both(self.reserve_only, other.reserve_only);
        self.posted_cost = both(self.posted_cost, other.posted_cost);
        self.cost_within += weight * other.cost_within;
        self.contribution_within += weight * other.contribution_within;
        self.expected_within += weight * other.expected_within;
        self.posted_price = self.posted_price.filter(|p| other.posted_price == Some(*p));
    }
}

impl Repeated for DemandScenario {
    type Market = Demand;
    type Facts = Dispatched;
    type Condition = Costs;

    const MECHANISM: &'static str = "demand-response";

    fn season(&self) -> &SeasonScenario {
        &self.season
    }

    fn market(&self) -> &Demand {
        &self.market
    }

    fn calendar(&self) -> &Calendar<Day> {
        &self.calendar
    }

    fn number(&self, player: AgentId, own: usize) -> Option<f64> {
        Some(self.market.types(player)[own])
    }

    fn promise(&self, plan: &Vec<Plan>, day: &Day) -> Promise {
        let expected = self.market.expected(plan, day);
        let players = 0..self.market.players();
        Promise {
            welfare: -expected.cost(),
            contribution: players.clone().map(|i| expected.marginal(i)).collect(),
            expected: players.map(|i| -expected.own_cost(i)).collect(),
        }
    }

    fn condition(&self, plan: &Vec<Plan>, days: &[(&Day, f64)]) -> Costs {
        let of = |day: &Day| self.costs(plan, day);
        let price = days.first().and_then(|(day, _)| of(day).posted_price);
        let (reserve_only, posted_cost) = (Some(0.0), Some(0.0));
        let mut all = Costs { reserve_only, posted_cost, posted_price: price, ..Costs::default() };
        days.iter().for_each(|(day, weight)| all.add(*weight, &of(day)));
        all
    }

    fn facts(&self, view: &DayView<'_, Demand>) -> Dispatched {
        let decision = &view.settled.decision;
        Dispatched {
            shortage: decision.shortage,
            bought: decision.bought,
            curtailed: decision.dispatch.curtailed.iter().sum(),
            reserve: decision.dispatch.reserve,
            price: decision.dispatch.price,
        }
    }

    fn share(&self, view: &DayView<'_, Demand>, player: AgentId) -> Option<f64> {
        view.settled.decision.dispatch.curtailed.get(player).copied()
    }

    fn quantities(&self, facts: &Dispatched) -> Option<Quantities> {
        let Dispatched { shortage, bought, reserve, .. } = *facts;
        Some(Quantities { shortage, bought, reserve })
    }

    fn decided(&self, _: &Dispatched) -> Vec<String> {
        Vec::new()
    }

    fn columns(&self) -> &'static [(&'static str, Holds)] {
        &[
            ("shortage", Holds::Numbers),
            ("bought", Holds::Numbers),
            ("curtailed", Holds::Numbers),
            ("reserve", Holds::Numbers),
            ("price", Holds::Numbers),
        ]
    }

    fn put<'a>(&'a self, facts: &Dispatched, cells: &mut Vec<Cell<'a>>) {
        let Dispatched { shortage, bought, curtailed, reserve, price } = *facts;
        cells.extend([shortage, bought, curtailed, reserve, price].map(|x| Cell::Number(Some(x))));
    }
}
