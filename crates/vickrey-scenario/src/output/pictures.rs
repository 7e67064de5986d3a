//! Pictures of a market result: what of it goes into which chart.

use vickrey::accounts::Accounts;
use vickrey::market::{Shape, Utility};
use vickrey::mechanism::AgentId;
use vickrey::numeric::sum;

use super::factor_chart::{FactorChart, factor_chart};
use super::kinds::{Kind, Pictured, chart_title};
use super::market::MarketResult;
use crate::plot::{Payments, Picture, Scaling, SupplyDemand};

/// Prices at which the aggregate curves are sampled between their corners.
const PRICES: usize = 300;
/// Corners beyond this many are left to the sampling.
const MOST_CORNERS: usize = 4_000;
/// Agents that are looked at to choose the range of prices.
const MOST_LOOKED_AT: usize = 20_000;
/// Points of a payments chart.
const MOST_POINTS: usize = 2_000;

/// Points (quantity, price) of a curve.
type Points = Vec<(f64, f64)>;

impl Pictured for MarketResult<'_> {
    fn kinds(&self) -> &'static [Kind] {
        &Kind::MARKET
    }

    fn picture(&self, kind: Kind) -> Option<Picture> {
        match kind {
            Kind::SupplyDemand => Some(Picture::SupplyDemand(self.supply_demand())),
            Kind::Payments => self.payments().map(Picture::Payments),
            // Without pivotal agents only.
            Kind::Scaling => self.factors().map(Picture::Scaling),
            _ => None,
        }
    }
}

impl MarketResult<'_> {
    fn chart_title(&self, what: &str) -> String {
        chart_title(self.scenario.title.as_deref(), what)
    }

    fn supply_demand(&self) -> SupplyDemand {
        let [consumed, produced] = self.quantities();
        let clearing = &self.settlement.clearing;
        let (supply, demand) = self.curves(&self.prices());
        SupplyDemand {
            title: self.chart_title("supply and demand"),
            quantity_unit: self.scenario.units.quantity.clone(),
            price_unit: self.scenario.units.price.clone(),
            supply,
            demand,
            clearing: (consumed.max(produced), clearing.price),
            price_low: clearing.price_low,
            price_high: clearing.price_high,
        }
    }

    /// Supply and demand as (quantity, price) at these ascending prices; where quantities jump, both ends.
    fn curves(&self, prices: &[f64]) -> (Points, Points) {
        // A fixed total takes part as a quantity that does not answer to the price.
        let (given, taken) = (self.market.total().max(0.0), (-self.market.total()).max(0.0));
        let utilities = self.market.utilities();
        let (mut supply, mut demand) = (Points::new(), Points::new());
        for &price in prices {
            let [d_low, d_high, s_low, s_high] = sum::parallel(utilities.len(), |i| {
                let (low, high) = utilities[i].demand(price);
                [low.max(0.0), high.max(0.0), (-high).max(0.0), (-low).max(0.0)]
            });
            // Demand is listed as prices fall, so its larger quantity comes first here and last after the turn.
            demand
                .extend([(d_high + taken, price), (d_low + taken, price)].iter().filter(|p| p.0.is_finite()));
            supply
                .extend([(s_low + given, price), (s_high + given, price)].iter().filter(|p| p.0.is_finite()));
        }
        demand.reverse();
        demand.dedup();
        supply.dedup();
        (supply, demand)
    }

    /// Ascending prices around the clearing price that show the curves: an even grid, and their corners.
    fn prices(&self) -> Vec<f64> {
        let market = self.market;
        let step = market.len().div_ceil(MOST_LOOKED_AT);
        let mut corners: Vec<f64> = (0..market.len())
            .step_by(step)
            .flat_map(|i| corners(market.utility(i), self.settlement.allocation(i)))
            .collect();
        corners.sort_by(f64::total_cmp);
        corners.dedup();
        let clearing = &self.settlement.clearing;
        let ends = [clearing.price, clearing.price_low, clearing.price_high];
        let ends = ends.into_iter().filter(|price| price.is_finite());
        let at =
            |share: f64| corners.get(((corners.len().max(1) - 1) as f64 * share).round() as usize).copied();
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for price in ends.clone().chain(at(0.01)).chain(at(0.99)) {
            (low, high) = (low.min(price), high.max(price));
        }
        let margin = if high > low { 0.15 * (high - low) } else { 0.5 * high.abs().max(1.0) };
        (low, high) = (low - margin, high + margin);
        let points = (30_000_000 / market.len()).clamp(60, PRICES);
        let grid = (0..=points).map(|k| low + (high - low) * k as f64 / points as f64);
        let exact = if corners.len() <= MOST_CORNERS { corners.as_slice() } else { &[] };
        let inside = exact.iter().copied().filter(|price| (low..=high).contains(price));
        let mut prices: Vec<f64> = grid.chain(inside).chain(ends).collect();
        prices.sort_by(f64::total_cmp);
        prices.dedup();
        prices
    }

    fn payments(&self) -> Option<Payments> {
        let s = &self.settlement;
        let step = s.agents().div_ceil(MOST_POINTS);
        let shown = (0..s.agents()).step_by(step);
        let paid: Vec<(AgentId, f64)> = shown.filter_map(|i| Some((i, self.charge.payment(s, i)?))).collect();
        (!paid.is_empty()).then(|| Payments {
            title: self.chart_title("payments against Lagrange payments"),
            money_unit: self.scenario.units.money.clone(),
            names: paid.iter().map(|&(i, _)| self.market.name(i).into_owned()).collect(),
            lagrange: paid.iter().map(|&(i, _)| s.lagrange(i)).collect(),
            payment: paid.iter().map(|&(_, payment)| payment).collect(),
        })
    }

    /// Budget and net utilities against c.
    fn factors(&self) -> Option<Scaling> {
        let s = &self.settlement;
        s.pivotal.is_empty().then(|| {
            let title = format!("choice of c (baseline {})", self.baseline.words());
            factor_chart(
                FactorChart {
                    title: self.chart_title(&title),
                    money_unit: &self.scenario.units.money,
                    market: self.market,
                    interval: &self.scaling.baseline(self.baseline).source,
                    chosen: self.charge.factor(),
                },
                s,
            )
        })
    }
}

/// Prices at which an agent's demand bends, starts or ends.
fn corners(utility: &Utility, allocation: f64) -> Vec<f64> {
    if utility.low() == utility.high() {
        return Vec::new();
    }
    let mut all: Vec<f64> = match utility.shape() {
        Shape::Curve(curve) => curve.knots().map(|(_, price)| price).collect(),
        _ => [(utility.low(), true), (utility.high(), false)]
            .into_iter()
            .filter(|(limit, _)| limit.is_finite())
            .map(|(limit, right)| utility.marginal(limit, right))
            .collect(),
    };
    for quantity in [0.0, allocation] {
        if utility.low() < quantity && quantity < utility.high() {
            all.push(utility.marginal(quantity, true));
        }
    }
    all.retain(|price| price.is_finite());
    all
}
