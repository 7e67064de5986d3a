//! What a reader should know about a linear-quadratic result, in sentences.

use vickrey::accounts::Accounts;
use vickrey::guarantee::Baseline;
use vickrey::numeric::law::Law;
use vickrey::scaling::IntervalVerdict;

use super::{LqResult, MOST_TRADES};
use crate::output::charge::Origin;
use crate::output::number::{amount, short};
use crate::{LayerPayment, MarketKind};

/// Facts about the result that the numbers do not say by themselves.
pub(super) fn sentences(result: &LqResult<'_>) -> Vec<String> {
    let missing = result.charge.missing.as_ref().map(|missing| format!("{missing}; nothing is charged"));
    [
        missing,
        course(result),
        replayed(result),
        truth(result),
        budget(result),
        net_demand(result),
        ahead(result),
        same_in_a_plan(result),
        last_period(result),
        two_agents(result),
        no_gains(result),
        filters(result),
        too_many_trades(result),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What may not be meant that way.
pub(super) fn warnings(result: &LqResult<'_>) -> Vec<String> {
    let mut all = Vec::new();
    if result.charge.is_moved_by_bids() {
        all.push(
            "c is computed from the bids: in a plan agents can move it by what they report, so truth is not a dominant \
             strategy; use a fixed c for payments, and a computed one to learn which"
                .to_owned(),
        );
    }
    if result.lq.payment == LayerPayment::Lagrange {
        all.push(
            "Lagrange payments are not incentive compatible; they are offered for comparison".to_owned(),
        );
    }
    all.extend(outside_interval(result));
    all
}

fn money(result: &LqResult<'_>, x: f64) -> String {
    amount(x, &result.scenario.units.money)
}

fn course(result: &LqResult<'_>) -> Option<String> {
    if result.is_plan() {
        return Some("everything is known and paid at the start; nothing is left to chance".into());
    }
    if result.market.is_deterministic() {
        return Some("no agent has any noise: what happens is what was planned".into());
    }
    Some(format!(
        "the run is one draw of all noise (seed {}) with truthful agents; expected numbers are exact, and other seeds \
         give other runs",
        result.scenario.seed
    ))
}

fn replayed(result: &LqResult<'_>) -> Option<String> {
    let replayed = result.replayed();
    (replayed > 0).then(|| {
        let whom = if replayed == result.agents() {
            "all agents follow".to_owned()
        } else {
            format!("{replayed} of {} agents follow", result.agents())
        };
        format!(
            "{whom} a recorded path of disturbances; expected numbers are those of the laws, not of the path"
        )
    })
}

fn truth(result: &LqResult<'_>) -> Option<String> {
    let groves = result.lq.payment != LayerPayment::Lagrange;
    (groves && !result.is_plan()).then(|| {
        if result.market.factors() > 0 {
            return "common factors tell every agent something about the others' bids: truth is a best reply to their \
                    truth, in expectation, and no more than that"
                .to_owned();
        }
        "truth is the best bid whatever the others bid now, as long as their later bids have mean zero given the past; \
         biased later bids of others can be exploited"
            .to_owned()
    })
}

/// Who pays whom in expectation, and that it is only that.
fn budget(result: &LqResult<'_>) -> Option<String> {
    let expected = result.charge.expected_budget(&result.outlook)?;
    let on_balance = if result.is_plan() { "on balance" } else { "on balance in expectation" };
    match result.lq.payment {
        LayerPayment::None if expected != 0.0 => Some(format!(
            "plain Groves payments hand every agent what the others have: the operator {} {} {on_balance}",
            if expected < 0.0 { "pays" } else { "keeps" },
            money(result, expected.abs())
        )),
        LayerPayment::None | LayerPayment::Lagrange => None,
        _ if result.charge.c == Some(1.0) && expected < 0.0 && is_balanced(result) => Some(format!(
            "at c = 1 the operator pays {} {on_balance}: VCG payments run a deficit where there is trade",
            money(result, -expected),
        )),
        _ if !result.is_plan() => Some(
            "budget and participation hold in expectation only: in a single run the operator may pay, and an agent may \
             be worse off than without trade"
                .to_owned(),
        ),
        _ => None,
    }
}

fn is_balanced(result: &LqResult<'_>) -> bool {
    result.market.net_demand().iter().all(|&d| d == 0.0)
}

/// What the operator's own trade does to its budget.
fn net_demand(result: &LqResult<'_>) -> Option<String> {
    if is_balanced(result) {
        return None;
    }
    let paid = result.ledger().lagrange_total();
    let expected = if result.is_plan() { "" } else { " in expectation" };
    let does = if paid < 0.0 { "costs the operator" } else { "brings the operator" };
    Some(format!(
        "net demand {does} {} at the prices{expected}, which is part of its budget: a c that balances it shifts that to the \
         agents",
        money(result, paid.abs())
    ))
}

/// Where a computed c came from in a market whose bids are states.
fn ahead(result: &LqResult<'_>) -> Option<String> {
    let computed = result.charge.origin.is_some_and(Origin::is_computed);
    (computed && !result.is_plan() && result.charge.missing.is_none()).then(|| {
        "c follows from the parameters and laws in the scenario, before any bid of a state: agents cannot move it as \
         long as these are public"
            .to_owned()
    })
}

fn same_in_a_plan(result: &LqResult<'_>) -> Option<String> {
    use LayerPayment::{Constant, Pure, Worlds};
    (result.is_plan() && matches!(result.lq.payment, Constant | Pure | Worlds)).then(|| {
        format!(
            "in a plan, payment = \"{}\" is the same as \"incremental\": scaled VCG",
            result.lq.payment.name()
        )
    })
}

fn last_period(result: &LqResult<'_>) -> Option<String> {
    let last = result.course.stages.last()?;
    let is_idle = last.volume() == 0.0 && result.course.stages.iter().any(|stage| stage.volume() > 0.0);
    is_idle.then(|| {
        format!(
            "nobody trades in the last period ({}): its trades would only move the states after it, which nobody values \
             (no terminal-q)",
            result.course.stages.len() - 1
        )
    })
}

fn two_agents(result: &LqResult<'_>) -> Option<String> {
    let trade = result.course.stages.iter().any(|stage| stage.volume() > 0.0);
    let empty = matches!(result.scaling.autarky.source.verdict, IntervalVerdict::Empty { .. });
    (result.agents() == 2 && trade && is_balanced(result) && empty).then(|| {
        "two agents that trade never have a feasible c against autarky: without one the other has nobody to trade with, \
         so no c balances the budget"
            .to_owned()
    })
}

fn no_gains(result: &LqResult<'_>) -> Option<String> {
    (result.scaling.autarky.source.verdict == IntervalVerdict::EveryC)
        .then(|| "nobody gains anything from anybody: every c pays zero".to_owned())
}

/// The Kalman filter is best for Gaussian noise only.
fn filters(result: &LqResult<'_>) -> Option<String> {
    if result.lq.kind != MarketKind::Filtered {
        return None;
    }
    let market = &result.market;
    let other = (0..market.len()).find(|&i| {
        let agent = market.parameters(i);
        agent.observation.is_some() && agent.law != Law::Gaussian
    })?;
    Some(format!(
        "`{}` sees its state through a measurement with noise that is not Gaussian: a filter that is better than the \
         Kalman filter could gain by bidding what it knows",
        market.name(other)
    ))
}

fn too_many_trades(result: &LqResult<'_>) -> Option<String> {
    result.course.layers.is_none().then(|| {
        format!(
            "more than {MOST_TRADES} trades (agents times periods): there is no table of them, and no picture of who trades"
        )
    })
}

/// A fixed c that the expected values do not support.
fn outside_interval(result: &LqResult<'_>) -> Vec<String> {
    let (Some(c), Some(Origin::FixedInAdvance)) = (result.charge.c, result.charge.origin) else {
        return Vec::new();
    };
    let baseline = result.lq.baseline;
    let source = &result.scaling.baseline(baseline).source;
    // At c = 1 the note about the budget says it already.
    if source.verdict == IntervalVerdict::EveryC {
        return Vec::new();
    }
    let slack = 1e-9 * c.abs().max(1.0);
    let outside = |low: f64, high: f64| c < low - slack || c > high + slack;
    let expected = if result.is_plan() { "" } else { " in expectation" };
    let mut all = Vec::new();
    if c != 1.0 && outside(source.budget.low, source.budget.high) {
        all.push(format!("with c = {} the operator pays on balance{expected}", short(c)));
    }
    if outside(source.participation.low, source.participation.high) {
        let idle = match baseline {
            Baseline::Zero => "with utility 0",
            Baseline::Autarky => "without trading",
        };
        all.push(format!("with c = {} some agent is worse off than {idle}{expected}", short(c)));
    }
    all
}
