//! Audits of linear-quadratic markets: worked Case A by exact enumeration, by second moments and through the table.

use std::sync::Arc;

use rand::RngExt;
use vickrey::audit::{AuditOptions, Effort};
use vickrey::guarantee::{Audit, Balance, Baseline, Finding, Guarantee, Property, SolutionConcept, Verdict};
use vickrey::lq::audit::covariance::Regret;
use vickrey::lq::audit::enumerate::{enumerate, expected_gain};
use vickrey::lq::audit::{
    LinearLie, WrongParameters, audit, audit_plan, audit_plan_from_reports, best_shift,
    gain_by_conditional_mean, gain_by_wrong_parameters, gain_with_state_bids,
};
use vickrey::lq::strategies::Lie;
use vickrey::lq::{
    Agent, Aggregate, Bids, Expected, LayerRule, LayeredMechanism, Market, Observation, Pivot, PlanRule,
    ScalarColumns, Series,
};
use vickrey::mechanism::Mechanism;
use vickrey::numeric::law::Law;
use vickrey::numeric::random::{Purpose, stream};
use vickrey::scaling::{FactorChoice, interval};

const PIVOTS: [Pivot; 5] = [Pivot::None, Pivot::Constant, Pivot::Pure, Pivot::Incremental, Pivot::Worlds];

/// Worked Case A.
fn case_a() -> Arc<Market> {
    let rows = [
        (1.0, 1.0, -1.0, -1.0, 0.5, 0.1),
        (0.9, 1.0, -0.5, -2.0, 0.4, 0.2),
        (0.8, 0.5, -2.0, -1.0, 0.3, 0.1),
    ];
    let agent = |(a, b, q, r, start, noise): (f64, f64, f64, f64, f64, f64)| {
        let made = Agent::scalar(a, b, q, r).unwrap();
        made.with(|p| (p.start_noise, p.noise) = (vec![start], noise.into())).unwrap()
    };
    Arc::new(Market::new(3, Vec::new(), rows.into_iter().map(agent).collect()).unwrap())
}

fn groves(pivot: Pivot, c: f64, baseline: Baseline) -> LayerRule {
    LayerRule::Groves { pivot, c, baseline }
}

fn mechanism(market: &Arc<Market>, pivot: Pivot) -> LayeredMechanism {
    LayeredMechanism::new(Arc::clone(market), groves(pivot, 1.0, Baseline::Autarky)).unwrap()
}

/// Lies and what agent 0 loses by them (reference values of worked Case A).
fn worked_lies() -> Vec<(LinearLie, f64)> {
    let lie = |lie: Lie| LinearLie::of(lie, 3);
    let once = Lie { bias: 0.3, only: Some((0, 0)), ..Lie::TRUTH };
    vec![
        (lie(Lie { scale: 1.3, ..Lie::TRUTH }), -0.035_746),
        (lie(Lie { scale: 0.5, ..Lie::TRUTH }), -0.106_103),
        (lie(Lie { bias: 0.2, ..Lie::TRUTH }), -0.041_442),
        (lie(Lie { scale: 0.0, ..Lie::TRUTH }), -0.552_071),
        (lie(once), -0.062_607),
        (lie(Lie { forgetful: true, ..once }), -0.093_245),
    ]
}

#[test]
fn losses_of_the_worked_lies_by_enumeration_by_differences_and_by_second_moments() {
    let market = case_a();
    let truth = LinearLie::truth(3);
    for pivot in PIVOTS {
        let mechanism = mechanism(&market, pivot);
        let regret = Regret::new(&market, mechanism.aggregate(), 0);
        let net = |lie: &LinearLie| {
            let found = enumerate(&mechanism, &market, &[(0, lie.clone())]).unwrap();
            assert_eq!(found.paths, 512);
            found.utility[0] - found.payment[0]
        };
        let honest = net(&truth);
        for (lie, expected) in worked_lies() {
            let by_paths = net(&lie) - honest;
            let by_differences = expected_gain(&mechanism, 0, &lie);
            let by_moments = -regret.loss(&lie);
            assert!((by_paths - expected).abs() < 5e-7, "{pivot:?}: {by_paths} {expected}");
            assert!((by_differences - by_paths).abs() < 1e-13, "{by_differences} {by_paths}");
            assert!((by_moments - by_paths).abs() < 1e-13, "{by_moments} {by_paths}");
        }
    }
}

#[test]
fn deviations_of_payments_and_budget() {
    let market = case_a();
    let expected = [
        (Pivot::Incremental, [0.27980, 0.26810, 0.27485], 0.20876),
        (Pivot::Worlds, [0.41746, 0.36056, 0.40249], 0.42691),
        (Pivot::Pure, [0.95832, 0.98849, 0.71433], 2.15396),
        (Pivot::Constant, [0.95985, 0.98908, 0.69394], 2.27228),
        (Pivot::None, [0.95985, 0.98908, 0.69394], 2.27228),
    ];
    let vcg = [0.024_339_833_1, -0.221_237_769_1, -0.204_436_284_8];
    for (pivot, deviations, budget) in expected {
        let found = enumerate(&mechanism(&market, pivot), &market, &[]).unwrap();
        for i in 0..3 {
            assert!((found.payment_deviation[i] - deviations[i]).abs() < 5.1e-6, "{pivot:?} {found:?}");
            if pivot != Pivot::None {
                assert!((found.payment[i] - vcg[i]).abs() < 1e-10, "{pivot:?} {found:?}");
            }
        }
        assert!((found.budget_deviation - budget).abs() < 5.1e-6, "{pivot:?} {found:?}");
        if pivot != Pivot::None {
            assert!((found.budget + 0.401_334).abs() < 5.1e-7, "{pivot:?} {found:?}");
        }
    }
}

#[test]
fn truth_nets_the_welfare_that_an_agent_adds() {
    let market = case_a();
    let truth = LinearLie::truth(3);
    let players: Vec<_> = (0..3).map(|i| (i, truth.clone())).collect();
    let found = enumerate(&mechanism(&market, Pivot::Incremental), &market, &players).unwrap();
    for (i, expected) in [-1.177_966_92, -0.544_758_61, -1.374_635_81].into_iter().enumerate() {
        let net = found.utility[i] - found.payment[i];
        assert!((net - expected).abs() < 1e-8, "{i}: {net} {expected}");
    }
}

#[test]
fn wrong_parameters_reported_before_the_start_lose_the_same_under_every_rule() {
    let market = case_a();
    for pivot in PIVOTS {
        let report = WrongParameters { q: 1.6, ..WrongParameters::NONE };
        let gain = gain_by_wrong_parameters(&mechanism(&market, pivot), 0, report, &[]).unwrap();
        assert!((gain + 0.031_771).abs() < 5e-7, "{pivot:?}: {gain}");
    }
    // Dynamics as well: bids then correct the wrong forecasts.
    for wrong in [0.7, 0.9, 1.2] {
        for report in [
            WrongParameters { a: wrong, ..WrongParameters::NONE },
            WrongParameters { b: wrong, r: wrong, ..WrongParameters::NONE },
        ] {
            let gain =
                gain_by_wrong_parameters(&mechanism(&market, Pivot::Incremental), 1, report, &[]).unwrap();
            assert!(gain < -1e-6, "{report:?}: {gain}");
        }
    }
}

/// The reference values come out if agent 2 adds 1 to its truthful bids of s = 1 and of s = 2 (where the truth takes back
/// 0.8 of the first one); with s = 1 only they are others, except for incremental payments.
#[test]
fn biased_later_bids_of_others_end_the_promise() {
    let market = case_a();
    let both = [0.0, 1.0, 1.0 - 0.8];
    let once = [0.0, 1.0, -0.8];
    for pivot in PIVOTS {
        let mechanism = mechanism(&market, pivot);
        let expected = match pivot {
            Pivot::Incremental => [
                (0, both, 0.244_688_3, 0.041_649_1),
                (0, once, 0.244_688_3, 0.041_649_1),
                (1, both, 0.407_003_8, 0.022_445_8),
                (1, once, 0.407_003_8, 0.022_445_8),
            ],
            _ => [
                (0, both, -0.520_068_4, 0.188_148_1),
                (0, once, -0.385_915_2, 0.103_600_7),
                (1, both, -1.436_614_6, 0.279_652_8),
                (1, once, -0.870_587_4, 0.102_698_3),
            ],
        };
        for (agent, shift, by, gain) in expected {
            let found = best_shift(&mechanism, agent, 2, &shift);
            assert!((found.0 - by).abs() < 1e-7, "{pivot:?} {agent} {shift:?}: {found:?}");
            assert!((found.1 - gain).abs() < 1e-7, "{pivot:?} {agent} {shift:?}: {found:?}");
        }
    }
}

#[test]
fn state_bids_paid_every_period_are_not_even_a_best_reply_to_truth() {
    let market = case_a();
    let (k, gain) = gain_with_state_bids(&market, 0, false).unwrap();
    assert!((k + 0.193_911).abs() < 5e-7 && (gain - 0.015_854_9).abs() < 6e-8, "{k} {gain}");
    let (k, gain) = gain_with_state_bids(&market, 0, true).unwrap();
    assert!((k + 0.071_903_8).abs() < 6e-8 && (gain - 0.001_937_6).abs() < 6e-8, "{k} {gain}");
    for agent in 0..3 {
        for pivotal in [false, true] {
            let (_, gain) = gain_with_state_bids(&market, agent, pivotal).unwrap();
            assert!(gain > 1e-6, "{agent} {pivotal} {gain}");
        }
    }
}

/// Case A whose agent 0 measures its state.
fn measured(law: &Law) -> Arc<Market> {
    let market = case_a();
    let agents = (0..3)
        .map(|i| {
            let mut parameters = market.parameters(i);
            parameters.law = law.clone();
            if i == 0 {
                parameters.observation = Some(Observation { gain: vec![1.0], noise: 0.3 });
            }
            Agent::new(parameters).unwrap()
        })
        .collect();
    Arc::new(Market::new(3, Vec::new(), agents).unwrap())
}

/// The conditional mean against the Kalman estimate, played through the payments on every path of agent 0's noise.
#[test]
fn conditional_means_beat_kalman_bids_where_noise_is_not_gaussian() {
    let market = measured(&Law::TwoPoint);
    let aggregate = Aggregate::new(&market).unwrap();
    let by_errors = gain_by_conditional_mean(&market, &aggregate, 0, 3).unwrap();
    let spread = [0.5_f64.sqrt(), 0.1_f64.sqrt(), 0.1_f64.sqrt()];
    let error = 0.3_f64.sqrt();
    let sign = |path: usize, k: usize| if path >> k & 1 == 0 { 1.0 } else { -1.0 };
    // States without trade (a = 1) and data, by path; then the estimates.
    let states = |path: usize| -> Vec<f64> {
        (0..3).map(|s| (0..=s).map(|k| sign(path, k) * spread[k]).sum()).collect()
    };
    let data = |path: usize| -> Vec<f64> {
        states(path).iter().enumerate().map(|(s, x)| x + sign(path, 3 + s) * error).collect()
    };
    let best = |path: usize, s: usize| {
        let same = |other: &usize| (0..=s).all(|t| (data(*other)[t] - data(path)[t]).abs() < 1e-9);
        let all: Vec<f64> = (0..64).filter(same).map(|other| states(other)[s]).collect();
        all.iter().sum::<f64>() / all.len() as f64
    };
    let kalman = |path: usize, s: usize| {
        let (mut estimate, mut variance) = (0.0, 0.5);
        for t in 0..=s {
            if t > 0 {
                variance += 0.1;
            }
            let gain = variance / (variance + 0.3);
            estimate += gain * (data(path)[t] - estimate);
            variance *= 1.0 - gain;
        }
        estimate
    };
    for pivot in [Pivot::Incremental, Pivot::Pure, Pivot::None] {
        let mechanism = mechanism(&market, pivot);
        let net = |estimate: &dyn Fn(usize, usize) -> f64| -> f64 {
            let one = |path: usize| {
                let (mut state, mut moved, mut sum) = (mechanism.start(), 0.0, 0.0);
                for s in 0..3 {
                    let forecast = state.record().forecast(&market, 0)[0];
                    let bid = moved + estimate(path, s) - forecast;
                    let outcome = mechanism.step(&mut state, Bids::scalar(&market, &[bid, 0.0, 0.0]));
                    let (x, u) = (moved + states(path)[s], outcome.trade.allocation[0]);
                    sum += -x * x - u * u - outcome.payment[0];
                    moved += u;
                }
                sum
            };
            (0..64).map(one).sum::<f64>() / 64.0
        };
        let played = net(&best) - net(&kalman);
        assert!(played > 1e-4, "{played}");
        assert!((played - by_errors).abs() < 1e-12, "{pivot:?}: {played} {by_errors}");
    }
}

fn options() -> AuditOptions {
    AuditOptions { seed: 1, effort: Effort::Quick }
}

fn layered(market: Market, rule: LayerRule) -> Audit {
    audit(&LayeredMechanism::new(Arc::new(market), rule).unwrap(), options(), &|share| {
        assert!((0.0..=1.0).contains(&share));
    })
}

fn find(audit: &Audit, property: Property) -> &Guarantee {
    audit.find(property).unwrap_or_else(|| panic!("{property:?} in {audit:#?}"))
}

const NOW: Property = Property::IncentiveCompatibility(SolutionConcept::CurrentReports);
const DOMINANT: Property = Property::IncentiveCompatibility(SolutionConcept::DominantStrategy);
const AUTARKY: Property = Property::IndividualRationality(Baseline::Autarky);
const WEAK: Property = Property::BudgetBalance(Balance::Weak);

fn finding<'a>(audit: &'a Audit, title: &str) -> &'a Finding {
    audit.findings.iter().find(|f| f.title.contains(title)).unwrap_or_else(|| panic!("{title} in {audit:#?}"))
}

fn assert_all_finite(audit: &Audit) {
    let evidence = audit.guarantees.iter().filter_map(|g| g.evidence.as_ref());
    for evidence in evidence.chain(audit.findings.iter().map(|f| &f.evidence)) {
        assert!(evidence.worst.is_finite() && evidence.tolerance.is_finite(), "{evidence:?}");
    }
}

#[test]
fn the_table_of_case_a() {
    for pivot in PIVOTS {
        let report = layered(Market::clone(&case_a()), groves(pivot, 1.0, Baseline::Autarky));
        assert!(report.passed(), "{report:#?}");
        assert_all_finite(&report);
        let truth = find(&report, NOW);
        assert!(truth.promised && truth.verdict == Verdict::Holds, "{truth:?}");
        assert!(truth.condition.contains("conditional mean zero"));
        let evidence = truth.evidence.as_ref().unwrap();
        assert!(evidence.worst <= evidence.tolerance && evidence.worst > -0.05, "{evidence:?}");
        assert_eq!(find(&report, Property::Feasibility).verdict, Verdict::Holds);
        assert_eq!(find(&report, Property::Efficiency).verdict, Verdict::Holds);
        assert!(finding(&report, "later bids are biased").evidence.worst > 1e-4);
        assert!(finding(&report, "state bids").evidence.worst > 0.0158);
        assert!(finding(&report, "playing every path").evidence.worst < 1e-12);
        let private = finding(&report, "others truthful");
        assert!(private.evidence.worst < 0.0, "{private:?}");
        if pivot != Pivot::None {
            assert_eq!(find(&report, AUTARKY).verdict, Verdict::Holds);
            let budget = find(&report, WEAK);
            assert_eq!(budget.verdict, Verdict::ConditionNotMet);
            assert!((budget.evidence.as_ref().unwrap().worst - 0.401_334).abs() < 5e-7);
            assert!(budget.note.contains("1.317201"), "{}", budget.note);
        }
    }
}

#[test]
fn a_c_within_the_interval_keeps_every_promise() {
    let market = case_a();
    let expected = Expected::new(&market, &Aggregate::new(&market).unwrap(), false).unwrap();
    let range = interval(&expected.ledger, Baseline::Autarky).feasible().unwrap();
    let c = 0.5 * (range.low + range.high);
    for pivot in [Pivot::Incremental, Pivot::Constant] {
        let report = layered(Market::clone(&market), groves(pivot, c, Baseline::Autarky));
        for property in [NOW, AUTARKY, WEAK] {
            let row = find(&report, property);
            assert!(row.promised && row.verdict == Verdict::Holds, "{row:?}");
        }
        assert!(finding(&report, "budget on single paths").evidence.worst > 0.05);
    }
}

#[test]
fn lagrange_payments_invite_lies() {
    let report = layered(Market::clone(&case_a()), LayerRule::Lagrange);
    let truth = find(&report, NOW);
    assert!(!truth.promised && truth.verdict == Verdict::ConditionNotMet, "{truth:?}");
    assert!(truth.evidence.as_ref().unwrap().worst > 1e-3, "{truth:?}");
    let strong = find(&report, Property::BudgetBalance(Balance::Strong));
    assert!(strong.promised && strong.verdict == Verdict::Holds, "{strong:?}");
    assert!(report.passed());
}

#[test]
fn measured_states_need_gaussian_noise() {
    let rule = groves(Pivot::Incremental, 1.0, Baseline::Autarky);
    let report = layered(Market::clone(&measured(&Law::Gaussian)), rule);
    let truth = find(&report, NOW);
    assert!(truth.promised && truth.verdict == Verdict::Holds && truth.condition.contains("Gaussian"));
    assert!(finding(&report, "better filter").evidence.worst > 1e-4);
    let report = layered(Market::clone(&measured(&Law::Uniform)), rule);
    assert!(!find(&report, NOW).promised);
    assert!(report.passed());
}

/// Two states, linear terms, references, terminal utility, net demand, and common factors.
fn general(factors: bool) -> Market {
    let heat = Agent::scalar(0.8, 0.5, -2.0, -1.0).unwrap();
    let two = heat.with(|p| {
        p.states = 2;
        p.a = Series::constant(vec![0.9, 0.2, 0.0, 0.7]);
        p.b = Series::constant(vec![0.3, 1.0]);
        p.q = Series::constant(vec![-1.0, -0.2, -0.2, -0.5]);
        p.reference = Series::constant(vec![0.5, -0.5]);
        p.state_linear = Series::constant(vec![0.1, -0.2]);
        p.terminal_q = vec![-1.0, 0.0, 0.0, -2.0];
        p.terminal_reference = vec![0.3, 0.1];
        p.start = vec![1.0, -0.5];
        p.start_noise = vec![0.4, 0.1, 0.1, 0.3];
        p.noise = Series::constant(vec![0.2, 0.05, 0.05, 0.1]);
        if factors {
            p.loadings = vec![0.3, -0.2];
        }
    });
    let case = case_a();
    let mut agents: Vec<Agent> = (0..3)
        .map(|i| {
            let mut p = case.parameters(i);
            p.start = vec![0.3 * i as f64];
            p.linear = Series::numbers([0.2, -0.1, 0.3, 0.1]);
            p.reference = 0.4.into();
            p.terminal_q = vec![-0.7];
            if factors {
                p.loadings = vec![0.2];
            }
            Agent::new(p).unwrap()
        })
        .collect();
    agents.insert(1, two.unwrap());
    Market::new(4, vec![0.5, 0.0, -0.3, 0.2], agents).unwrap()
}

#[test]
fn general_markets_keep_their_promises() {
    for factors in [false, true] {
        for pivot in [Pivot::Incremental, Pivot::Pure, Pivot::Worlds] {
            let report = layered(general(factors), groves(pivot, 1.2, Baseline::Autarky));
            assert!(report.passed(), "{report:#?}");
            assert_all_finite(&report);
            let concept = if factors { SolutionConcept::Bayesian } else { SolutionConcept::CurrentReports };
            let truth = find(&report, Property::IncentiveCompatibility(concept));
            assert!(truth.promised && truth.verdict == Verdict::Holds, "{truth:?}");
            assert_eq!(find(&report, Property::Efficiency).verdict, Verdict::Holds);
        }
    }
}

#[test]
fn second_moments_agree_with_the_payments_in_general_markets() {
    for factors in [false, true] {
        let market = Arc::new(general(factors));
        let mechanism = mechanism(&market, Pivot::Incremental);
        for agent in 0..4 {
            let regret = Regret::new(&market, mechanism.aggregate(), agent);
            assert_eq!(regret.defect(), 0.0);
            for lie in [
                Lie { scale: 0.6, bias: 0.1, ..Lie::TRUTH },
                Lie { delayed: true, ..Lie::TRUTH },
                Lie { noise: 0.4, scale: 1.2, ..Lie::TRUTH },
                Lie { bias: 0.3, only: Some((1, 1)), forgetful: true, ..Lie::TRUTH },
            ] {
                let lie = LinearLie::of(lie, 4);
                let (gain, loss) = (expected_gain(&mechanism, agent, &lie), regret.loss(&lie));
                assert!(
                    (gain + loss).abs() < 1e-11 && loss > 0.0,
                    "{factors} {agent} {lie:?}: {gain} {loss}"
                );
            }
        }
    }
}

#[test]
fn degenerate_markets_are_audited() {
    let still = |_: usize| Agent::scalar(1.0, 1.0, 0.0, -1.0).unwrap();
    let two = |periods| Market::new(periods, Vec::new(), (0..2).map(still).collect()).unwrap();
    for periods in [1, 2] {
        let report = layered(two(periods), groves(Pivot::Incremental, 1.0, Baseline::Autarky));
        assert!(report.passed(), "{report:#?}");
        let report = audit_plan(&two(periods), PlanRule::Groves, options(), &|_| ());
        assert!(report.passed(), "{report:#?}");
    }
}

/// Worked Case C.
fn case_c() -> Market {
    case_c_with([0.0; 3])
}

fn case_c_with(linear: [f64; 3]) -> Market {
    let case = case_a();
    let agent = |(i, start): (usize, f64)| {
        let mut p = case.parameters(i);
        p.start = vec![start];
        p.linear = linear[i].into();
        Agent::new(p).unwrap()
    };
    Market::new(3, Vec::new(), [1.0, -0.5, 0.2].into_iter().enumerate().map(agent).collect()).unwrap()
}

#[test]
fn plans_keep_their_promises() {
    for market in [case_c(), general(false)] {
        for rule in [
            PlanRule::ScaledVcg { c: 1.0, baseline: Baseline::Autarky },
            PlanRule::ScaledVcg { c: 1.3, baseline: Baseline::Zero },
            PlanRule::Groves,
        ] {
            let effort = if rule == PlanRule::Groves { Effort::Normal } else { Effort::Quick };
            let report = audit_plan(&market, rule, AuditOptions { seed: 2, effort }, &|_| ());
            assert!(report.passed(), "{report:#?}");
            assert_all_finite(&report);
            let truth = find(&report, DOMINANT);
            assert!(truth.promised && truth.verdict == Verdict::Holds, "{truth:?}");
            assert_eq!(find(&report, Property::Efficiency).verdict, Verdict::Holds);
            assert!(finding(&report, "Lagrange").evidence.worst > 1e-4);
        }
    }
}

#[test]
fn a_factor_from_the_reports_is_flagged() {
    // With linear terms Case C has feasible factors, without them it has none.
    let case = case_c_with([1.0, 0.0, -0.5]);
    let report = audit_plan_from_reports(&case, FactorChoice::LowEnd, Baseline::Autarky, options(), &|_| ());
    let truth = find(&report, DOMINANT);
    assert!(!truth.promised && truth.note.contains("c is computed"), "{truth:?}");
    assert_ne!(truth.verdict, Verdict::NotChecked);
    let report =
        audit_plan_from_reports(&case_c(), FactorChoice::LowEnd, Baseline::Autarky, options(), &|_| ());
    assert_eq!(find(&report, DOMINANT).verdict, Verdict::NotChecked);
    assert!(report.passed());
    let report = audit_plan(&case_c(), PlanRule::Lagrange, options(), &|_| ());
    let truth = find(&report, DOMINANT);
    assert!(!truth.promised && truth.evidence.as_ref().unwrap().worst > 1e-3, "{truth:?}");
}

/// Random markets of any size.
fn drawn(agents: usize, periods: usize) -> Market {
    let mut rng = stream(5, Purpose::Instance, 0);
    let mut column = |low: f64, high: f64| -> Vec<f64> {
        (0..agents).map(|_| low + (high - low) * rng.random::<f64>()).collect()
    };
    let columns = ScalarColumns {
        a: column(0.6, 1.1),
        b: column(0.5, 1.5),
        q: column(-2.0, -0.2),
        r: column(-2.0, -0.5),
        start_noise: column(0.1, 1.0),
        noise: column(0.05, 0.5),
        ..ScalarColumns::default()
    };
    Market::from_columns(periods, Vec::new(), columns).unwrap()
}

#[test]
fn larger_markets_are_searched_in_part() {
    let report = layered(drawn(2_000, 6), groves(Pivot::Incremental, 1.0, Baseline::Autarky));
    assert!(report.passed(), "{report:#?}");
    let truth = find(&report, NOW);
    assert!(truth.promised && truth.verdict == Verdict::Holds, "{truth:?}");
    assert!(truth.note.contains("of 2000 agents"), "{}", truth.note);
    let report = audit_plan(
        &drawn(300, 8),
        PlanRule::ScaledVcg { c: 1.0, baseline: Baseline::Autarky },
        options(),
        &|_| (),
    );
    assert!(report.passed() && find(&report, DOMINANT).note.contains("of 300 agents"));
}
