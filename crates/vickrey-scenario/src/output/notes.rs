//! What a reader should know about a result, in sentences.

use vickrey::accounts::Accounts;
use vickrey::guarantee::Baseline;
use vickrey::market::PaymentRule;
use vickrey::market::scaling::IntervalVerdict;
use vickrey::mechanism::AgentId;

use super::charge::Origin;
use super::market::MarketResult;
use super::number::{amount, list, short};
use super::scaling::MOST_NAMES;

/// Facts about the result that the numbers do not say by themselves.
pub(super) fn sentences(result: &MarketResult<'_>) -> Vec<String> {
    let missing = result.charge.missing.as_ref().map(|missing| format!("{missing}; nothing is charged"));
    [
        missing,
        pivotal(result),
        two_agents(result),
        price_interval(result),
        forced(result),
        no_gains(result),
        deficit(result),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What may not be meant that way.
pub(super) fn warnings(result: &MarketResult<'_>) -> Vec<String> {
    let mut all = Vec::new();
    if result.charge.origin.is_some_and(Origin::is_computed) {
        all.push(
            "c is computed from the bids: agents can move it by what they report, so truth is not a dominant \
             strategy; use a fixed c for payments, and a computed one to learn which"
                .to_owned(),
        );
    }
    if matches!(result.charge.rule, PaymentRule::Lagrange) {
        all.push(
            "Lagrange payments are not incentive compatible; they are offered for comparison".to_owned(),
        );
    }
    all.extend(outside_interval(result));
    all
}

fn names(result: &MarketResult<'_>, agents: &[AgentId]) -> String {
    let first: Vec<String> =
        agents.iter().take(MOST_NAMES).map(|&i| result.market.name(i).into_owned()).collect();
    list(&first, agents.len(), 5)
}

fn pivotal(result: &MarketResult<'_>) -> Option<String> {
    let pivotal = &result.settlement.pivotal;
    (!pivotal.is_empty()).then(|| {
        format!(
            "without {} the quantities cannot add up to {}: such an agent is pivotal, its VCG payment does not exist \
             and is null here; the allocation, the price, Lagrange and plain Groves payments do exist",
            names(result, pivotal),
            short(result.market.total()),
        )
    })
}

fn two_agents(result: &MarketResult<'_>) -> Option<String> {
    let s = &result.settlement;
    let trade = s.agents() == 2 && (0..2).any(|i| s.allocation(i) != 0.0);
    let empty = matches!(result.scaling.autarky.source.verdict, IntervalVerdict::Empty { .. });
    let whom = if result.scaling.zero.feasible().is_some() { " against autarky" } else { "" };
    (trade && empty && s.pivotal.is_empty() && s.total == 0.0).then(|| {
        format!("two agents that trade never have a feasible c{whom}: H_i = 0, so no c balances the budget")
    })
}

fn price_interval(result: &MarketResult<'_>) -> Option<String> {
    let (low, high) = (result.settlement.clearing.price_low, result.settlement.clearing.price_high);
    let which = match (low.is_finite(), high.is_finite()) {
        _ if low >= high => return None,
        (true, true) => format!("every price from {} to {}", short(low), short(high)),
        (true, false) => format!("every price from {} upwards", short(low)),
        (false, true) => format!("every price up to {}", short(high)),
        (false, false) => "every price".into(),
    };
    Some(format!(
        "{which} clears the market; Lagrange payments use {}, allocations and VCG payments do not depend on the choice",
        short(result.settlement.price()),
    ))
}

fn forced(result: &MarketResult<'_>) -> Option<String> {
    let forced = &result.settlement.forced;
    let cannot =
        if forced.len() == 1 { "cannot be idle" } else { "cannot be idle (must-run units, inelastic loads)" };
    (!forced.is_empty())
        .then(|| format!("{} {cannot}: being absent counts as utility 0", names(result, forced)))
}

fn no_gains(result: &MarketResult<'_>) -> Option<String> {
    (result.scaling.autarky.source.verdict == IntervalVerdict::EveryC)
        .then(|| "nobody gains anything from anybody: every c pays zero".to_owned())
}

fn deficit(result: &MarketResult<'_>) -> Option<String> {
    let budget = result.charge.budget(&result.settlement)?;
    let plain = matches!(result.charge.rule, PaymentRule::Vcg);
    let noticeable = budget < -1e-9 * (1.0 + result.settlement.welfare().abs());
    (plain && result.settlement.total == 0.0 && noticeable).then(|| {
        format!(
            "the operator pays {} on balance: plain VCG always runs a deficit when there is trade",
            amount(-budget, &result.scenario.units.money),
        )
    })
}

/// A fixed c that these bids do not support.
fn outside_interval(result: &MarketResult<'_>) -> Vec<String> {
    let PaymentRule::ScaledVcg { c, baseline } = result.charge.rule else { return Vec::new() };
    if !result.settlement.pivotal.is_empty() || result.charge.origin != Some(Origin::FixedInAdvance) {
        return Vec::new();
    }
    let source = &result.scaling.baseline(baseline).source;
    if source.verdict == IntervalVerdict::EveryC {
        return Vec::new();
    }
    let mut all = Vec::new();
    // What is within rounding of an end counts as inside.
    let slack = 1e-9 * c.abs().max(1.0);
    let outside = |low: f64, high: f64| c < low - slack || c > high + slack;
    if outside(source.budget.low, source.budget.high) {
        all.push(format!("with c = {} the operator pays on balance for these bids", short(c)));
    }
    if outside(source.participation.low, source.participation.high) {
        all.push(format!(
            "with c = {} some agent is worse off than {} for these bids",
            short(c),
            idle(baseline)
        ));
    }
    all
}

fn idle(baseline: Baseline) -> &'static str {
    match baseline {
        Baseline::Zero => "with utility 0",
        Baseline::Autarky => "without trading",
    }
}
