//! What the mechanism promises on this instance, and what the numbers of a settlement say about it.

use super::model::Market;
use super::protocol::PaymentRule;
use super::solve::{Globality, Settlement};
use crate::accounts::Accounts;
use crate::audit::Worst;
use crate::guarantee::{Balance, Baseline, Evidence, Guarantee, Property, SolutionConcept, Verdict};

const GLOBAL: &str = "every one of the N + 1 problems is solved to its global optimum";

/// The table of guarantees. Everything is read off the settlement; nothing is searched, so incentive compatibility is
/// not checked here: it is exact only at global optima, which are known only for concave plants.
pub fn guarantees(market: &Market, settlement: &Settlement, rule: PaymentRule) -> Vec<Guarantee> {
    vec![
        feasibility(market, settlement),
        efficiency(settlement),
        incentives(settlement, rule),
        participation(market, settlement, rule),
        budget(market, settlement, rule),
    ]
}

/// Rounding of sums of utilities.
fn tolerance(settlement: &Settlement) -> f64 {
    1e-9 * (1.0 + settlement.full.own.iter().map(|v| v.abs()).sum::<f64>())
}

fn evidence(worst: Worst, unit: &'static str, tolerance: f64) -> Option<Evidence> {
    (worst.tries > 0).then_some(Evidence {
        worst: worst.value,
        unit,
        at: worst.at,
        tries: worst.tries,
        tolerance,
    })
}

fn feasibility(market: &Market, settlement: &Settlement) -> Guarantee {
    let (mut worst, mut size) = (Worst::default(), 1.0);
    worst.see(settlement.full.imbalance, || "balance".into());
    for i in 0..market.len() {
        for (t, (&u, &(low, high))) in settlement.allocation(i).iter().zip(market.bounds(i)).enumerate() {
            worst.see((low - u).max(u - high), || format!("bounds of `{}` in period {t}", market.name(i)));
            size += u.abs();
        }
    }
    // The search takes what is missing by less than 1e-11 of the controls as rounding.
    let tolerance = 1e-10 * size;
    Guarantee {
        property: Property::Feasibility,
        promised: true,
        verdict: if worst.value <= tolerance { Verdict::Holds } else { Verdict::Violated },
        condition: "none".into(),
        evidence: evidence(worst, "quantity", tolerance),
        note: "controls add up to the net demand in every period and stay within the bounds".into(),
    }
}

fn efficiency(settlement: &Settlement) -> Guarantee {
    let global = settlement.globality == Globality::Concave;
    let mut worst = Worst::default();
    worst.see(settlement.full.residual, || format!("{} plan", settlement.full.stop.words()));
    Guarantee {
        property: Property::Efficiency,
        promised: global,
        verdict: if global { Verdict::Holds } else { Verdict::NotChecked },
        condition: GLOBAL.into(),
        evidence: evidence(worst, "money per unit (half the gain of one unit moved)", 0.0),
        note: settlement.globality.to_string(),
    }
}

fn incentives(settlement: &Settlement, rule: PaymentRule) -> Guarantee {
    let global = settlement.globality == Globality::Concave;
    let pays = rule != PaymentRule::Lagrange;
    let note = match (pays, global) {
        (false, _) => "Lagrange payments reward lies about the own influence on prices",
        (true, true) => "exact: the optima are global",
        (true, false) => {
            "exact at global optima only: a report that leads the search to a better or worse optimum can pay"
        }
    };
    Guarantee {
        property: Property::IncentiveCompatibility(SolutionConcept::DominantStrategy),
        promised: pays && global,
        verdict: Verdict::NotChecked,
        condition: format!("{GLOBAL}, and a factor c that does not depend on the reports"),
        evidence: None,
        note: note.into(),
    }
}

fn participation(market: &Market, settlement: &Settlement, rule: PaymentRule) -> Guarantee {
    let baseline = rule.baseline();
    let mut worst = Worst::default();
    for i in 0..market.len() {
        let Some(payment) = rule.payment(settlement, i) else { continue };
        let idle = if baseline == Baseline::Autarky { settlement.outside(i) } else { 0.0 };
        worst.see(idle - (settlement.own_utility(i) - payment), || market.name(i).into_owned());
    }
    // At c = 1 it is F >= H_i + o_i, which settling enforces; a forced agent has no o_i.
    let vcg = matches!(rule, PaymentRule::Vcg)
        || matches!(rule, PaymentRule::ScaledVcg { c: 1.0, baseline: Baseline::Autarky });
    let promised = vcg && settlement.forced().is_empty();
    let tolerance = tolerance(settlement);
    let verdict = match (worst.tries, worst.value <= tolerance) {
        (0, _) => Verdict::NotChecked,
        (_, true) => Verdict::Holds,
        _ if promised => Verdict::Violated,
        _ => Verdict::ConditionNotMet,
    };
    Guarantee {
        property: Property::IndividualRationality(baseline),
        promised,
        verdict,
        condition: "c = 1 against autarky, and every agent can be idle".into(),
        evidence: evidence(worst, "money", tolerance),
        note: "largest amount by which an agent is worse off than with its outside option".into(),
    }
}

fn budget(market: &Market, settlement: &Settlement, rule: PaymentRule) -> Guarantee {
    let payments: Option<Vec<f64>> = (0..market.len()).map(|i| rule.payment(settlement, i)).collect();
    let mut worst = Worst::default();
    if let Some(payments) = payments {
        worst.see(-payments.iter().sum::<f64>(), || "sum of payments".into());
    }
    let tolerance = tolerance(settlement);
    let verdict = match (worst.tries, worst.value <= tolerance) {
        (0, _) => Verdict::NotChecked,
        (_, true) => Verdict::Holds,
        _ => Verdict::ConditionNotMet,
    };
    Guarantee {
        property: Property::BudgetBalance(Balance::Weak),
        promised: false,
        verdict,
        condition: "never promised: VCG pays for the market power that it takes away".into(),
        evidence: evidence(worst, "money", tolerance),
        note: "what the operator pays out on balance".into(),
    }
}
