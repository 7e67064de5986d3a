//! The audit of average consensus: best deviations as intervals, what it says of sound and of broken rules.

use proptest::prelude::*;
use rand::RngExt;
use vickrey::audit::{AuditOptions, Effort};
use vickrey::faithful::consensus::audit::{Audited, Case, audit, best};
use vickrey::faithful::consensus::solve::optimum;
use vickrey::faithful::consensus::{Graph, Instance, Rules, Terms, Test, Watch};
use vickrey::guarantee::{Balance, Baseline, Property, SolutionConcept, Verdict};
use vickrey::numeric::random::{Purpose, stream};

const TRUTH: Property = Property::IncentiveCompatibility(SolutionConcept::Approximate);

fn rules(graph: Graph, terms: Terms) -> Rules {
    let ranges = vec![(0.0, 1.0); graph.len()];
    Rules::new(Instance::new(graph, &ranges).unwrap(), terms).unwrap()
}

fn with_step(step: f64, rounds: usize, test: Test) -> Terms {
    Terms { step: Some(step), test, ..Terms::rounds(rounds) }
}

fn look(rules: &Rules, types: &[f64]) -> Audited {
    audit(rules, types, &AuditOptions { seed: 5, effort: Effort::Quick }, &|_| ())
}

fn verdict(audited: &Audited, property: Property) -> Verdict {
    audited.audit.find(property).unwrap().verdict
}

const FIVE: [f64; 5] = [0.0, 1.0, 0.2, 0.7, 0.4];

fn path_of_five(share: f64, rounds: usize, test: Test) -> Rules {
    let step = share * rules(Graph::path(5).unwrap(), Terms::rounds(1)).step();
    rules(Graph::path(5).unwrap(), with_step(step, rounds, test))
}

/// With messages of any size one follower of the path of five gains .602, .501, .0907, .00174 after 5, 20, 40, 80 rounds:
/// the theory's bound. Receivers clip, so that after few rounds it is less.
#[test]
fn path_of_five_gains() {
    let known = [
        (5, 0.602, 0.349_058_6),
        (20, 0.501, 0.367_536_8),
        (40, 0.0907, 0.090_437_6),
        (80, 0.001_74, 0.001_736_1),
    ];
    for (rounds, unclipped, clipped) in known {
        let rules = path_of_five(0.9, rounds, Test::Corrected);
        let audited = look(&rules, &FIVE);
        assert!(audited.audit.passed(), "{:?}", audited.audit);
        assert_eq!(audited.deviations.len(), 5);
        let first = audited.deviations.iter().find(|d| d.follower == 0).unwrap();
        assert!(first.exact && (first.bound.unwrap() - unclipped).abs() < 0.005 * unclipped);
        assert!(
            (first.found - clipped).abs() < 1e-6 && (first.certified - clipped).abs() < 1e-6,
            "{first:?}"
        );
        let epsilon = audited.epsilon.unwrap();
        assert!(audited.epsilon_here.unwrap() <= epsilon);
        assert!(audited.deviations.iter().all(|d| d.certified <= epsilon));
    }
}

#[test]
fn the_printed_rate_is_found_out() {
    let printed = look(&path_of_five(0.5, 150, Test::Printed), &FIVE);
    assert!(!printed.audit.passed());
    assert_eq!(verdict(&printed, Property::HonestPass), Verdict::Violated);
    assert_eq!(verdict(&printed, TRUTH), Verdict::Violated);
    assert_eq!(printed.epsilon, None);
    assert_eq!(printed.epsilon_here, None);
    let sound = look(&path_of_five(0.5, 150, Test::Corrected), &FIVE);
    assert!(sound.audit.passed(), "{:?}", sound.audit);
    let finding = sound.audit.findings.iter().find(|f| f.title == "the printed test").unwrap();
    assert!(finding.note.contains("would be fined at n = "), "{}", finding.note);

    // Two followers: the printed bound is zero, standing still gains 1/4 over the fine.
    let two = rules(Graph::path(2).unwrap(), with_step(0.25, 30, Test::Printed));
    let audited = look(&two, &[0.0, 1.0]);
    assert_eq!(verdict(&audited, TRUTH), Verdict::Violated);
    let gain = audited.deviations.iter().map(|d| d.found).fold(0.0, f64::max);
    // Better than standing still: agreeing on any point at once costs both together less than the fine.
    assert!(gain >= 0.25 - 1e-9, "{gain}");
}

#[test]
fn reported_positions_are_found_out() {
    let terms = Terms { watch: Watch::Reported, ..Terms::rounds(200) };
    let audited = look(&rules(Graph::path(5).unwrap(), terms), &FIVE);
    let row = audited.audit.find(TRUTH).unwrap();
    assert!(!row.promised && row.verdict == Verdict::ConditionNotMet, "{row:?}");
    assert!((row.evidence.as_ref().unwrap().worst - 0.54 * 0.54).abs() < 1e-9);
    assert_eq!(audited.epsilon, None);
}

#[test]
fn what_is_not_promised_is_said() {
    let audited = look(&path_of_five(1.0, 60, Test::Tighter), &FIVE);
    let row = audited.audit.find(Property::IndividualRationality(Baseline::Zero)).unwrap();
    assert!(!row.promised && row.verdict == Verdict::ConditionNotMet);
    assert_eq!(verdict(&audited, Property::BudgetBalance(Balance::Weak)), Verdict::Holds);
    assert_eq!(verdict(&audited, Property::BudgetBalance(Balance::Strong)), Verdict::ConditionNotMet);
    assert_eq!(verdict(&audited, Property::Accounts), Verdict::Holds);
    let spoiler = audited.audit.findings.iter().find(|f| f.title.starts_with("damage")).unwrap();
    assert!((spoiler.evidence.worst - (5.0 - audited.faithful.net[0])).abs() < 1.0, "{spoiler:?}");
}

/// Large instances are audited by what can be afforded, and say so.
#[test]
fn large_instances() {
    let n = 20_000;
    let types: Vec<f64> = (0..n).map(|i| (i * 7919 % 1000) as f64 / 1000.0).collect();
    let audited =
        look(&rules(Graph::star(n).unwrap(), Terms { test: Test::Tighter, ..Terms::rounds(30) }), &types);
    assert!(audited.audit.passed(), "{:?}", audited.audit);
    assert!(audited.deviations.iter().all(|d| d.found <= d.certified && d.certified.is_finite()));
}

fn tree(parents: &[usize], n: usize) -> Graph {
    Graph::new(n, (1..n).map(|i| (parents[i] % i, i)).collect()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Found and certified gains are next to each other, below the bounds, and no random deviation gains more.
    #[test]
    fn best_deviations_are_best(
        n in 2..7_usize,
        parents in prop::collection::vec(0..6_usize, 7),
        closing in any::<bool>(),
        types in prop::collection::vec(0.0..1.0_f64, 7),
        rounds in 1..25_usize,
        share in 0.3..1.0_f64,
        follower in 0..7_usize,
        test in 0..3_usize,
        seed in 0..1000_u64,
    ) {
        let test = [Test::Corrected, Test::Tighter, Test::Printed][test];
        let mut graph = tree(&parents, n);
        let mut test = test;
        if closing && !graph.neighbours(0).contains(&(n - 1)) {
            let mut edges = graph.edges().to_vec();
            edges.push((0, n - 1));
            graph = Graph::new(n, edges).unwrap();
            test = Test::Spectral;
        }
        let (types, follower) = (&types[..n], follower % n);
        let step = share * rules(graph.clone(), Terms { test: Test::Spectral, ..Terms::rounds(1) }).step();
        let rules = rules(graph, with_step(step, rounds, test));
        let faithful = rules.play(types);
        let found = best(Case { rules: &rules, types, faithful: &faithful }, follower, usize::MAX);
        prop_assert!(found.found <= found.certified);
        if faithful.settlement.passed {
            prop_assert!(found.certified - found.found < 1e-8, "{:?}", found);
            let apart = optimum(types).1.sqrt();
            prop_assert!(found.found <= found.bound.unwrap() + 1e-12);
            // Both are differences of costs of about 1.
            prop_assert!(found.bound.unwrap() <= 2.0 * apart * rules.limit() + 1e-14);
        }
        // What was found can be played.
        let gain = |messages: &[Vec<Option<f64>>], finish: f64| {
            let z = rules.iterate_against(types, follower, messages, finish);
            let value: Vec<Option<f64>> = z.iter().zip(types).map(|(z, th)| Some((z - th).powi(2))).collect();
            let tax = rules.settle(&z.iter().copied().map(Some).collect::<Vec<_>>(), &value).payment[follower];
            faithful.net[follower] - value[follower].unwrap() - tax
        };
        if found.found > 0.0 {
            prop_assert!((gain(&found.messages, found.finish) - found.found).abs() < 1e-12);
        }
        let mut rng = stream(seed, Purpose::Audit, 0);
        for _ in 0..100 {
            let degree = rules.instance().graph().degree(follower);
            let width = rng.random::<f64>() * 2.0;
            let messages: Vec<Vec<Option<f64>>> = (0..rounds)
                .map(|_| (0..degree).map(|_| rng.random_bool(0.9).then(|| types[follower] + width * (rng.random::<f64>() - 0.5))).collect())
                .collect();
            let ends = rules.iterate_against(types, follower, &messages, 0.0);
            let mean: f64 = (0..n).filter(|&j| j != follower).map(|j| ends[j]).sum::<f64>() / (n as f64 - 1.0);
            for finish in [types[follower], mean, 0.5 * (mean + types[follower])] {
                prop_assert!(gain(&messages, finish) <= found.certified + 1e-12);
            }
        }
    }
}
