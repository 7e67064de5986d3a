//! The audit of dual decomposition: it has to find by itself what breaks, and nothing where nothing does.

mod dual_cases;

use std::sync::Arc;

use vickrey::audit::{AuditOptions, Effort};
use vickrey::faithful::dual::audit::{audit, best_play};
use vickrey::faithful::dual::cost::Cost;
use vickrey::faithful::dual::curve::Curve;
use vickrey::faithful::dual::leader::{Leader, Phase};
use vickrey::faithful::dual::model::{Follower, Problem};
use vickrey::faithful::dual::rules::{Bound, Marginals, Method, Mode, Moduli, Plan, Rules, Stop};
use vickrey::faithful::dual::strategies::{Play, Player};
use vickrey::guarantee::{Audit, Baseline, Guarantee, Property, SolutionConcept, Verdict};
use vickrey::numeric::random::{Purpose, stream};

fn quadratic(bend: f64, slope: f64, constant: f64) -> Arc<Cost> {
    Arc::new(Cost::quadratic(vec![bend], vec![slope], constant).unwrap())
}

fn plan(total: f64, coupling: &[f64], costs: &[Arc<Cost>], rules: Rules) -> Arc<Plan> {
    let followers = coupling
        .iter()
        .zip(costs)
        .map(|(r, cost)| {
            let mut follower = Follower::new(vec![*r], 1);
            follower.curvature = cost.curvature(&[f64::NEG_INFINITY], &[f64::INFINITY]);
            follower
        })
        .collect();
    Arc::new(Plan::new(Problem::new(vec![total], followers).unwrap(), rules).unwrap())
}

fn case_a(rules: Rules) -> (Arc<Plan>, Vec<Arc<Cost>>) {
    let costs = vec![quadratic(1.0, -2.0, 0.0), quadratic(2.0, -1.0, 0.0), quadratic(4.0, -8.0, 0.0)];
    (plan(3.0, &[1.0, 1.0, 2.0], &costs, rules), costs)
}

fn look(plan: &Arc<Plan>, costs: &[Arc<Cost>]) -> Audit {
    let options = AuditOptions { seed: 7, effort: Effort::Normal };
    audit(plan, costs, options, &|_| ()).unwrap()
}

fn worst(row: &Guarantee) -> f64 {
    row.evidence.as_ref().unwrap().worst
}

const APPROXIMATE: Property = Property::IncentiveCompatibility(SolutionConcept::Approximate);
const DOMINANT: Property = Property::IncentiveCompatibility(SolutionConcept::DominantStrategy);
const PARTICIPATION: Property = Property::IndividualRationality(Baseline::Autarky);

fn ascent(rounds: usize) -> Rules {
    Rules {
        method: Method::Ascent { step: Some(0.4), fading: false },
        stop: Stop::Rounds(rounds),
        ..Rules::default()
    }
}

#[test]
fn the_best_deviation_gains_exactly_the_gap() {
    // With the step .4 case A is exact from the second round on, and nothing is left to gain. From the second round on the
    // price can be steered to the optimal one.
    let slow = Method::Ascent { step: Some(0.3), fading: false };
    for rounds in [2, 3, 4] {
        let (plan, costs) = case_a(Rules { method: slow, ..ascent(rounds) });
        let found = look(&plan, &costs);
        assert!(found.passed(), "{found:#?}");
        let row = found.find(APPROXIMATE).unwrap();
        assert_eq!(row.verdict, Verdict::Holds, "{row:#?}");
        let evidence = row.evidence.as_ref().unwrap();
        assert!(evidence.worst <= evidence.tolerance);
        let state = dual_cases::honest(&Leader::new(plan.clone()), &costs);
        let z = &state.settled().unwrap().allocation;
        let gap = (0..3).map(|i| costs[i].value(&z[i..=i])).sum::<f64>() + 7.8;
        // To what the least-squares search and differences of costs round.
        assert!(gap > 1e-4 && (gap - evidence.worst).abs() < 1e-9, "{rounds}: {gap}, {evidence:?}");
        assert_eq!(found.find(Property::Independence).unwrap().verdict, Verdict::Holds);
        assert_eq!(found.find(Property::Certificate).unwrap().verdict, Verdict::Holds);
        assert_eq!(found.find(PARTICIPATION).unwrap().verdict, Verdict::Holds);
    }
}

#[test]
fn the_best_deviation_can_be_played() {
    // With the step .4 case A is exact from the second round on.
    let slow = Method::Ascent { step: Some(0.3), fading: false };
    for rounds in [2, 3, 4] {
        let (plan, costs) = case_a(Rules { method: slow, ..ascent(rounds) });
        let all = worst(look(&plan, &costs).find(APPROXIMATE).unwrap());
        let options = AuditOptions { seed: 7, effort: Effort::Normal };
        let best: Vec<_> = (0..3).map(|agent| best_play(&plan, &costs, agent, options).unwrap()).collect();
        assert!(best.iter().all(|b| b.exact && !b.unbounded && b.tries > 50), "{best:?}");
        let most = best.iter().map(|b| b.gain).fold(0.0, f64::max);
        assert!(most > 1e-4 && (most - all).abs() < 1e-12, "{rounds}, {all}: {best:?}");
        for (agent, best) in best.iter().enumerate() {
            let net = |play: &Play| {
                let leader = Leader::new(plan.clone());
                let mut state = leader.start();
                while state.phase() != Phase::Finished {
                    let mut rng = stream(7, Purpose::Audit, agent as u64);
                    let reports = (0..3)
                        .map(|i| {
                            let play = if i == agent { play.clone() } else { Play::Faithful };
                            let player = Player { plan: plan.clone(), play };
                            player.respond(i, &costs[i], &leader.letter(&state, i)?, &mut rng)
                        })
                        .collect();
                    leader.close(&mut state, reports).unwrap();
                }
                let settled = state.settled().unwrap();
                costs[agent].value(&settled.allocation[agent..=agent]) + settled.payment[agent]
            };
            assert!((net(&Play::Faithful) - net(&best.play) - best.gain).abs() < 1e-12, "{best:?}");
        }
    }
    // At the optimum nothing is left to gain.
    let stop = Stop::Gap { epsilon: 1e-13, cap: 50 };
    let (plan, costs) = case_a(Rules { method: Method::Newton, stop, ..Rules::default() });
    let options = AuditOptions { seed: 7, effort: Effort::Quick };
    let best = best_play(&plan, &costs, 0, options).unwrap();
    assert!(matches!(best.play, Play::Faithful) && best.gain == 0.0 && !best.exact, "{best:?}");
    assert!(best_play(&plan, &costs[..2], 0, options).is_err());
}

#[test]
fn every_method_passes() {
    for method in [
        Method::Accelerated { step: None },
        Method::Newton,
        Method::Multipliers { rho: 1.0, relaxation: 1.6 },
    ] {
        for mode in [Mode::Vcg, Mode::Dual] {
            let stop = Stop::Gap { epsilon: 1e-3, cap: 500 };
            let (plan, costs) = case_a(Rules { method, stop, mode, ..Rules::default() });
            let found = look(&plan, &costs);
            assert!(found.passed(), "{method:?} {found:#?}");
            assert_eq!(found.find(APPROXIMATE).unwrap().verdict, Verdict::Holds, "{method:?}");
            assert_eq!(found.find(Property::Efficiency).unwrap().verdict, Verdict::Holds, "{method:?}");
        }
    }
}

#[test]
fn announced_curvatures_leak() {
    // Follower 1 may lower the common step from .4 to .01 by claiming a small curvature, while he steers the main problem
    // to its optimum: he gains .0531.
    let mut rules = ascent(5);
    rules.method = Method::Ascent { step: None, fading: false };
    rules.moduli = Moduli::Announced;
    let (plan, costs) = case_a(rules);
    let found = look(&plan, &costs);
    let row = found.find(APPROXIMATE).unwrap();
    assert_eq!(row.verdict, Verdict::ConditionNotMet, "{row:#?}");
    assert!(worst(row) > 0.05, "{row:#?}");
    assert_eq!(found.find(Property::Independence).unwrap().verdict, Verdict::ConditionNotMet);
}

#[test]
fn warm_starts_gain_without_a_bound() {
    let mut rules = ascent(2);
    rules.marginals = Marginals::Warm { rounds: 0 };
    let (plan, costs) = case_a(rules);
    let found = look(&plan, &costs);
    let row = found.find(APPROXIMATE).unwrap();
    assert_eq!(row.verdict, Verdict::ConditionNotMet, "{row:#?}");
    assert!(worst(row) > 30.0, "{row:#?}");
    assert!(found.findings.iter().any(|f| f.title == "gains without a bound"));
}

#[test]
fn without_a_part_that_compares_people_walk_out() {
    // (z - 1)^2 and (z - 1)^2 + 10, c = 1: faithful play costs 10.5, staying away 1.
    let costs = vec![quadratic(2.0, -2.0, 1.0), quadratic(2.0, -2.0, 11.0)];
    let rules = Rules { mode: Mode::Zero, ..Rules::default() };
    let plan = plan(1.0, &[1.0, 1.0], &costs, rules);
    let found = look(&plan, &costs);
    let row = found.find(PARTICIPATION).unwrap();
    assert_eq!(row.verdict, Verdict::ConditionNotMet);
    assert!((worst(row) - 9.5).abs() < 1e-2, "{row:#?}");
}

#[test]
fn the_naive_bound_certifies_too_little() {
    // After two rounds the Lagrangian at the common price lies 1.19 above the optimum.
    let costs = vec![quadratic(3.5, -2.0, 0.0), quadratic(0.4, -3.0, 0.0)];
    let rules = Rules {
        method: Method::Multipliers { rho: 3.0, relaxation: 1.0 },
        stop: Stop::Rounds(12),
        bound: Bound::Naive,
        ..Rules::default()
    };
    let look = |bound| look(&plan(5.0, &[2.0, -1.0], &costs, Rules { bound, ..rules.clone() }), &costs);
    let found = look(Bound::Naive);
    let row = found.find(Property::Certificate).unwrap();
    assert_eq!(row.verdict, Verdict::ConditionNotMet, "{row:#?}");
    assert!(worst(row) > 1.19);
    assert_eq!(look(Bound::Sound).find(Property::Certificate).unwrap().verdict, Verdict::Holds);
}

#[test]
fn clearing_prices_reward_a_constant_answer() {
    // Section II: 3/4 faithful, 2/3 by always answering 1/3.
    let costs = vec![quadratic(2.0, -2.0, 1.0); 2];
    let rules = Rules {
        mode: Mode::ClearingPrice,
        method: Method::Ascent { step: None, fading: false },
        stop: Stop::Rounds(200),
        ..Rules::default()
    };
    let plan = plan(1.0, &[1.0, 1.0], &costs, rules);
    let found = look(&plan, &costs);
    let row = found.find(APPROXIMATE).unwrap();
    assert_eq!(row.verdict, Verdict::ConditionNotMet);
    assert!(worst(row) >= 0.75 - 2.0 / 3.0 - 1e-9, "{row:#?}");
}

#[test]
fn faithful_play_is_not_dominant() {
    // Example 1: the rival answers for (z - 3)^2 instead of (z - 2)^2; 1 faithful, .5 by answering for z^2.
    let costs = vec![quadratic(2.0, -2.0, 1.0), quadratic(2.0, -4.0, 4.0)];
    let plan = plan(0.0, &[1.0, -1.0], &costs, Rules { mode: Mode::Zero, ..Rules::default() });
    let found = look(&plan, &costs);
    let row = found.find(DOMINANT).unwrap();
    assert_eq!(row.verdict, Verdict::ConditionNotMet);
    assert!(worst(row) >= 0.5 - 1e-3, "{row:#?}");
    assert_eq!(found.find(APPROXIMATE).unwrap().verdict, Verdict::Holds);
}

/// A logarithm without an upper limit has no answer at a price of zero. The first follower's wish lifts the price with her
/// there; without her it falls below zero and stays there, so that no bound is ever known of that problem.
#[test]
fn a_tax_without_a_bound_is_flagged_and_nothing_is_promised() {
    let costs = vec![
        quadratic(1.0, -10.0, 0.0),
        quadratic(1.0, 0.0, 0.0),
        Arc::new(Cost::separable(vec![Curve::log(1.0, 1.0, 0.0).unwrap()], 0.0).unwrap()),
    ];
    let mut followers = vec![Follower::new(vec![1.0], 1); 3];
    followers[2].low = vec![0.0];
    followers.iter_mut().for_each(|f| f.curvature = (1.0, f64::INFINITY));
    let rules = Rules {
        method: Method::Ascent { step: Some(0.2), fading: false },
        stop: Stop::Rounds(60),
        mode: Mode::Dual,
        ..Rules::default()
    };
    let plan = Arc::new(Plan::new(Problem::new(vec![2.0], followers).unwrap(), rules).unwrap());
    let leader = Leader::new(plan.clone());
    let state = dual_cases::honest(&leader, &costs);
    let settled = state.settled().unwrap();
    assert_eq!(settled.undefined, [0], "{settled:?}");
    assert_eq!(settled.payment[0], 0.0);
    assert!(settled.payment[1..].iter().all(|p| p.is_finite()));
    // The decision is certified, but nothing follows for what she gains.
    assert!(settled.certificate.unwrap() < 1e-3 && settled.epsilon.is_none(), "{settled:?}");

    let found = look(&plan, &costs);
    let row = found.find(APPROXIMATE).unwrap();
    assert!(!row.promised && row.note.starts_with("epsilon is none (no bound without"), "{row:#?}");
    // She is charged nothing for what she takes: more than any certificate.
    assert!(worst(row) > 0.1, "{row:#?}");
}
