//! The audit shows what holds and finds what does not.

use vickrey::audit::{AuditOptions, Effort};
use vickrey::guarantee::{Audit, Balance, Baseline, Property, SolutionConcept, Verdict};
use vickrey::market::scaling::FactorChoice;
use vickrey::market::{Market, PaymentRule, Utility, audit::audit};

const TRUTH: Property = Property::IncentiveCompatibility(SolutionConcept::DominantStrategy);
const WEAK: Property = Property::BudgetBalance(Balance::Weak);

fn example_1() -> Market {
    let agents = [(-1.0, 1.0), (-1.1, 1.2), (-1.2, 4.0), (-1.1, 5.0)];
    Market::new(agents.iter().map(|&(a, b)| Utility::quadratic(a, b).unwrap()).collect(), 0.0).unwrap()
}

/// Generators and loads with blocks, as operators receive them.
fn block_market() -> Market {
    let sell = |blocks: &[(f64, f64)]| Utility::blocks(&[], blocks).unwrap();
    let buy = |blocks: &[(f64, f64)]| Utility::blocks(blocks, &[]).unwrap();
    Market::new(
        vec![
            sell(&[(50.0, 12.0), (30.0, 18.0), (20.0, 25.0)]),
            sell(&[(40.0, 15.0), (40.0, 22.0)]),
            sell(&[(60.0, 20.0), (30.0, 35.0)]),
            buy(&[(70.0, 60.0), (20.0, 24.0)]),
            buy(&[(30.0, 45.0), (30.0, 19.0)]),
            buy(&[(20.0, 30.0)]),
        ],
        0.0,
    )
    .unwrap()
}

fn run(market: &Market, rule: PaymentRule) -> Audit {
    audit(market, rule, &AuditOptions { seed: 7, effort: Effort::Quick }, &|_| ()).unwrap()
}

fn verdict(audit: &Audit, property: Property) -> Verdict {
    audit.find(property).unwrap().verdict
}

#[test]
fn vcg_keeps_its_promises_and_pays_for_it() {
    for market in [example_1(), block_market()] {
        let audit = run(&market, PaymentRule::Vcg);
        assert!(audit.passed(), "{audit:#?}");
        for property in [Property::Efficiency, Property::Feasibility, TRUTH] {
            let row = audit.find(property).unwrap();
            assert!(row.promised && row.verdict == Verdict::Holds, "{row:#?}");
        }
        assert_eq!(verdict(&audit, Property::IndividualRationality(Baseline::Autarky)), Verdict::Holds);
        assert_eq!(verdict(&audit, WEAK), Verdict::ConditionNotMet);
        assert!(audit.find(WEAK).unwrap().evidence.as_ref().unwrap().worst > 0.0);
        assert!(!audit.find(WEAK).unwrap().promised);
    }
}

#[test]
fn the_search_finds_the_lies_that_pay() {
    let lagrange = run(&example_1(), PaymentRule::Lagrange);
    assert!(lagrange.passed());
    let row = lagrange.find(TRUTH).unwrap();
    assert_eq!((row.promised, row.verdict), (false, Verdict::ConditionNotMet));
    assert!(row.evidence.as_ref().unwrap().worst > 0.05, "{row:#?}");

    let rule =
        PaymentRule::ScaledVcgFromReports { choice: FactorChoice::MinMax, baseline: Baseline::Autarky };
    let from_reports = run(&example_1(), rule);
    let row = from_reports.find(TRUTH).unwrap();
    assert_eq!((row.promised, row.verdict), (false, Verdict::ConditionNotMet), "{row:#?}");
    assert!(row.evidence.as_ref().unwrap().worst > 1e-3, "{row:#?}");
}

#[test]
fn scaled_vcg_with_a_constant_inside_the_interval_promises_everything() {
    let rule = PaymentRule::ScaledVcg { c: 1.136_129_011_7, baseline: Baseline::Autarky };
    let audit = run(&example_1(), rule);
    assert!(audit.passed(), "{audit:#?}");
    for property in [TRUTH, WEAK, Property::IndividualRationality(Baseline::Autarky)] {
        let row = audit.find(property).unwrap();
        assert!(row.promised && row.verdict == Verdict::Holds, "{row:#?}");
    }
    // Outside the interval participation is no longer promised, and the audit says so.
    let audit = run(&example_1(), PaymentRule::ScaledVcg { c: 1.4, baseline: Baseline::Autarky });
    let row = audit.find(Property::IndividualRationality(Baseline::Autarky)).unwrap();
    assert_eq!(row.verdict, Verdict::ConditionNotMet, "{row:#?}");
}

#[test]
fn groves_does_not_promise_participation_when_others_have_standing_costs() {
    let quadratic = |b: f64, idle: f64| Utility::quadratic(-1.0, b).unwrap().with_idle_value(idle).unwrap();
    let market =
        Market::new(vec![quadratic(1.0, 0.0), quadratic(3.0, 0.0), quadratic(2.5, -100.0)], 0.0).unwrap();
    let audit = run(&market, PaymentRule::Groves);
    assert!(audit.passed(), "{audit:#?}");
    let row = audit.find(Property::IndividualRationality(Baseline::Autarky)).unwrap();
    assert_eq!((row.promised, row.verdict), (false, Verdict::ConditionNotMet), "{row:#?}");
}

#[test]
fn each_promise_of_scaled_vcg_has_its_own_range() {
    let at = |c: f64| run(&example_1(), PaymentRule::ScaledVcg { c, baseline: Baseline::Autarky });
    let promised = |audit: &Audit, property| audit.find(property).unwrap().promised;
    let participation = Property::IndividualRationality(Baseline::Autarky);
    let (plain, high) = (at(1.0), at(1.2));
    assert!(promised(&plain, participation) && !promised(&plain, WEAK));
    assert!(!promised(&high, participation) && promised(&high, WEAK));
    assert!(plain.passed() && high.passed());
}

#[test]
fn colluders_and_pivotal_agents_are_shown() {
    let audit = run(&example_1(), PaymentRule::Vcg);
    let collusion = audit.findings.iter().find(|f| f.title.contains("collude")).unwrap();
    assert!(collusion.evidence.worst > 0.01, "{collusion:#?}");

    // One seller, an inelastic load: without the seller nothing clears.
    let market = Market::new(
        vec![
            Utility::blocks(&[], &[(100.0, 10.0)]).unwrap(),
            Utility::fixed(30.0).unwrap(),
            Utility::blocks(&[(10.0, 20.0)], &[]).unwrap(),
        ],
        0.0,
    )
    .unwrap();
    let audit = run(&market, PaymentRule::Vcg);
    assert!(audit.passed());
    assert_eq!(verdict(&audit, WEAK), Verdict::NotChecked);
}

#[test]
fn the_same_seed_gives_the_same_audit() {
    let once = run(&block_market(), PaymentRule::Vcg);
    assert_eq!(once, run(&block_market(), PaymentRule::Vcg));
}
