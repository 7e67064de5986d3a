//! Average consensus: worked numbers, the protocol against the plain iteration, faults.

use std::sync::Arc;

use proptest::prelude::*;
use vickrey::faithful::consensus::model::LARGEST;
use vickrey::faithful::consensus::protocol::{Agreement, Report};
use vickrey::faithful::consensus::solve::{disagreement, optimum, vcg};
use vickrey::faithful::consensus::{
    Conduct, Consensus, ConsensusError, Field, Graph, Instance, Place, Rules, Terms, Test, Watch,
};
use vickrey::mechanism::{AgentId, Arrival, Mechanism};
use vickrey::simulate::{self, Profile, Totals};

fn rules(graph: Graph, range: (f64, f64), terms: Terms) -> Rules {
    let ranges = vec![range; graph.len()];
    Rules::new(Instance::new(graph, &ranges).unwrap(), terms).unwrap()
}

fn terms(step: f64, rounds: usize, test: Test) -> Terms {
    Terms { step: Some(step), test, ..Terms::rounds(rounds) }
}

fn close(found: &[f64], wanted: &[f64], tolerance: f64) {
    assert_eq!(found.len(), wanted.len());
    for (found, wanted) in found.iter().zip(wanted) {
        assert!((found - wanted).abs() <= tolerance, "found {found}, wanted {wanted}");
    }
}

/// One run of the protocol with these conducts; everybody else is faithful.
fn run(rules: &Rules, types: &[f64], conducts: &[(AgentId, Conduct)]) -> (Totals, Agreement) {
    let rules = Arc::new(rules.clone());
    let mut profile: Profile<_, _> = (0..rules.len())
        .map(|i| {
            let conduct = conducts.iter().find(|c| c.0 == i).map(|c| c.1.clone()).unwrap_or_default();
            conduct.follower(&rules, i)
        })
        .collect();
    let mut last = None;
    let mechanism = Consensus::new(Arc::clone(&rules));
    let totals = simulate::run(&mechanism, &mut Field::new(types.to_vec()), &mut profile, 3, |stage| {
        last = Some(stage.outcome.clone());
    })
    .unwrap();
    (totals, last.unwrap())
}

#[test]
fn path_of_three() {
    let rules = rules(Graph::path(3).unwrap(), (0.0, 1.0), terms(0.3, 10, Test::Corrected));
    let types = [0.0, 1.0, 0.25];
    let played = rules.play(&types);
    close(&played.positions, &[0.413_135_726_025, 0.416_666_666_725, 0.420_197_607_250], 1e-12);
    close(&[played.settlement.disagreement], &[0.004_993_504_102], 1e-12);
    close(&[rules.beta(Test::Corrected, 10).unwrap()], &[0.039_948_032_817], 1e-12);
    close(&[rules.beta(Test::Printed, 10).unwrap()], &[0.024_524_626_799], 1e-12);
    assert!(played.settlement.passed);
    close(&played.settlement.payment, &[0.369_245_003_223, 0.199_648_353_632, 0.510_958_905_828], 1e-12);
    close(&played.net, &[0.539_926_131_342; 3], 1e-12);
    assert_eq!(rules.fine(), 3.0);
}

#[test]
fn printed_rate_fines_faithful_followers() {
    let with = |test| rules(Graph::path(3).unwrap(), (0.0, 1.0), terms(0.2, 20, test));
    let types = [1.0, 0.5, 0.0];
    let good = with(Test::Corrected).play(&types);
    close(&[good.settlement.disagreement], &[0.008_152_386_141], 1e-12);
    close(&[with(Test::Corrected).beta(Test::Corrected, 20).unwrap()], &[0.016_304_772_282], 1e-12);
    assert!(good.settlement.passed);
    let printed = with(Test::Printed);
    close(&[printed.beta(Test::Printed, 20).unwrap()], &[4.252_945_49e-4], 1e-12);
    let fined = printed.play(&types);
    assert!(!fined.settlement.passed);
    close(&fined.net, &[3.244_268_623, 3.0, 3.244_268_623], 1e-9);
    assert_eq!(printed.epsilon(), None);
}

/// Two followers: the printed bound is zero for every n, and standing still pays.
#[test]
fn two_followers_printed_and_corrected() {
    let with = |test| rules(Graph::path(2).unwrap(), (0.0, 1.0), terms(0.25, 30, test));
    let types = [0.0, 1.0];
    let (printed, corrected) = (with(Test::Printed), with(Test::Corrected));
    assert!(printed.beta(Test::Printed, 1).unwrap() < 1e-12);
    close(&printed.play(&types).net, &[2.25, 2.25], 1e-8);
    let stand = [(0, Conduct::Stand)];
    let (totals, _) = run(&printed, &types, &stand);
    close(&[-totals.utility(0)], &[2.0], 1e-12);
    close(&corrected.play(&types).net, &[0.5, 0.5], 1e-8);
    let (totals, _) = run(&corrected, &types, &stand);
    close(&[-totals.utility(0)], &[2.0], 1e-12);
}

#[test]
fn optimum_and_vcg_taxes() {
    let types = [0.0, 1.0, 0.2, 0.7, 0.4];
    let (mean, cost) = optimum(&types);
    close(&[mean, cost], &[0.46, 0.632], 1e-15);
    for (i, tax) in vcg(&types).into_iter().enumerate() {
        let others: Vec<f64> = (0..5).filter(|&j| j != i).map(|j| types[j]).collect();
        let now: f64 = others.iter().map(|th| (th - mean).powi(2)).sum();
        close(&[tax], &[now - optimum(&others).1], 1e-15);
    }
}

/// n0 is the first n with 2 Dmax limit(n) <= epsilon.
#[test]
fn rounds_for_an_epsilon() {
    let at = |n| rules(Graph::path(5).unwrap(), (0.0, 1.0), terms(0.2, n, Test::Corrected));
    for epsilon in [1.0, 0.1, 1e-3, 1e-6] {
        let n = at(1).rounds_for(epsilon).unwrap();
        assert!(at(n).epsilon().unwrap() <= epsilon);
        assert!(n == 1 || at(n - 1).epsilon().unwrap() > epsilon);
    }
    for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-14] {
        assert!(at(1).rounds_for(wrong).unwrap_err().to_string().starts_with("epsilon"), "{wrong}");
    }
    let printed = rules(Graph::path(5).unwrap(), (0.0, 1.0), terms(0.2, 5, Test::Printed));
    assert!(printed.rounds_for(0.1).is_err());
}

/// At the largest step the printed rate is the right one.
#[test]
fn printed_rate_is_certified_at_the_largest_step_only() {
    let at = |step| {
        let terms = Terms { step, test: Test::Printed, ..Terms::rounds(7) };
        rules(Graph::path(5).unwrap(), (0.0, 1.0), terms)
    };
    assert!(at(None).certified() && at(None).epsilon().is_some());
    assert!(!at(Some(0.99 * at(None).step())).certified());
}

#[test]
fn refusals_name_the_field() {
    let says = |result: Result<Graph, ConsensusError>, place: Place, words: &str| match result {
        Err(ConsensusError::Refused { place: at, found, .. }) => {
            assert_eq!(at, place);
            assert!(found.contains(words), "{found}");
        }
        other => panic!("{other:?}"),
    };
    says(Graph::new(1, vec![]), Place::Whole, "1");
    says(Graph::new(3, vec![(0, 1), (1, 1)]), Place::Edge(1), "1-1");
    says(Graph::new(3, vec![(0, 1), (1, 2), (1, 0)]), Place::Edge(2), "1-0, which is edge 0 already");
    says(Graph::new(3, vec![(0, 1), (1, 3)]), Place::Edge(1), "1-3");
    says(Graph::new(4, vec![(0, 1), (2, 3)]), Place::Whole, "no path from follower 0 to follower 2");

    let path = || Graph::path(3).unwrap();
    let refused = |range| Instance::new(path(), &[(0.0, 1.0), range, (0.0, 1.0)]).unwrap_err().to_string();
    for range in [(1.0, 0.0), (f64::NAN, 0.0), (0.0, f64::INFINITY), (-2.0 * LARGEST, 0.0)] {
        assert!(refused(range).starts_with("range of follower 1: found ["), "{}", refused(range));
    }
    assert!(Instance::new(path(), &[(0.0, 1.0)]).is_err());
    let instance = Instance::new(path(), &[(0.0, 1.0); 3]).unwrap();
    for th in [1.5, -0.1, f64::NAN] {
        let error = instance.types(vec![0.5, 0.5, th]).unwrap_err().to_string();
        assert!(error.starts_with("position of follower 2: found"), "{error}");
    }
    assert!(instance.types(vec![0.5; 2]).is_err());
    // The largest step is 1/3 here.
    for step in [0.0, -0.1, 0.334, f64::NAN] {
        let error = Rules::new(instance.clone(), terms(step, 5, Test::Corrected)).unwrap_err().to_string();
        assert!(error.starts_with("step: found") && error.contains("at most 0.33333"), "{error}");
    }
    assert!(Rules::new(instance.clone(), terms(1.0 / 3.0, 5, Test::Corrected)).is_ok());
    assert!(Rules::new(instance, Terms::rounds(0)).unwrap_err().to_string().starts_with("rounds"));
}

#[test]
fn cycles_need_the_spectral_test() {
    let cycle = || Graph::new(4, vec![(0, 1), (1, 2), (2, 3), (3, 0)]).unwrap();
    let instance = Instance::new(cycle(), &[(0.0, 1.0); 4]).unwrap();
    let error = Rules::new(instance, Terms::rounds(5)).unwrap_err();
    let ConsensusError::Refused { place: Place::Edge(3), accepted, .. } = error else { panic!("{error}") };
    assert!(accepted.contains("spectral"));
    for test in [Test::Spectral, Test::Tighter] {
        let rules = rules(cycle(), (0.0, 1.0), Terms { test, ..Terms::rounds(5) });
        assert!(rules.play(&[0.0, 1.0, 0.3, 0.9]).settlement.passed);
    }
}

/// Slow graphs: disagreement stops falling where a step is less than a unit in the last place, far above 1e-12.
#[test]
fn faithful_runs_pass_where_rounding_stops_them() {
    let n = 6_000_000;
    let rules = rules(Graph::path(12).unwrap(), (0.0, 1.0), terms(1e-4, n, Test::Corrected));
    let played = rules.play(&[0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.0]);
    let digits = 1e-12 * 12.0_f64.sqrt() * 2.0;
    let beta = rules.beta(Test::Corrected, n).unwrap();
    assert!(beta > 0.0 && played.settlement.disagreement > beta + digits, "{played:?} {beta}");
    assert!(played.settlement.passed);
}

#[test]
fn large_trees_and_stars() {
    let n = 100_000;
    let types: Vec<f64> = (0..n).map(|i| (i * 7919 % 1000) as f64 / 1000.0).collect();
    for graph in [Graph::path(n).unwrap(), Graph::star(n).unwrap()] {
        let rules = rules(graph, (0.0, 1.0), Terms { test: Test::Tighter, ..Terms::rounds(20) });
        let played = rules.play(&types);
        assert!(played.settlement.passed);
        let total = played.social_cost();
        let worst = played.net.iter().map(|net| (net - total).abs()).fold(0.0, f64::max);
        assert!(worst <= 1e-11 * total, "{worst}");
    }
}

/// A huge report must not wipe out what the others' reports add up to.
#[test]
fn own_report_never_moves_the_own_tax() {
    let rules = rules(Graph::path(3).unwrap(), (0.0, 1.0), terms(0.3, 30, Test::Corrected));
    let at = Some(0.5);
    let tax = |own| rules.settle(&[at; 3], &[Some(0.1), own, Some(0.15)]).payment[1];
    for own in [Some(0.0), Some(1e300), Some(-1e20), None] {
        assert_eq!(tax(own), 0.25);
    }
}

#[test]
fn lies_about_values_and_missing_values() {
    let rules = rules(Graph::path(3).unwrap(), (0.0, 1.0), terms(0.3, 10, Test::Corrected));
    let types = [0.0, 1.0, 0.25];
    let honest = rules.play(&types);
    let (totals, outcome) = run(&rules, &types, &[(1, Conduct::Value(5.0))]);
    close(&[totals.payment[1]], &[honest.settlement.payment[1]], 1e-15);
    close(&[totals.payment[0]], &[honest.settlement.payment[0] + 5.0], 1e-14);
    assert_eq!(outcome.doubtful, [1]);
    // A value that is no number is left out of the others' taxes.
    let positions: Vec<Option<f64>> = honest.positions.iter().copied().map(Some).collect();
    let settled = rules.settle(&positions, &[Some(honest.value[0]), None, Some(honest.value[2])]);
    close(&settled.payment, &[honest.value[2], honest.value[0] + honest.value[2], honest.value[0]], 1e-15);
}

/// Silence, garbage and standing still end with finite taxes; after few rounds they may pass, after many they do not.
#[test]
fn single_faults_end_with_the_fine() {
    let types = [0.0, 1.0, 0.2, 0.7, 0.4];
    let rules = rules(Graph::path(5).unwrap(), (0.0, 1.0), terms(0.25, 80, Test::Corrected));
    let conducts = [
        Conduct::Stand,
        Conduct::Silent { from: 0 },
        Conduct::Silent { from: 2 },
        Conduct::Garbage,
        Conduct::Mislead { shift: 0.5, targets: vec![0] },
    ];
    for conduct in conducts {
        let (totals, outcome) = run(&rules, &types, &[(1, conduct.clone())]);
        assert!(!outcome.settlement.passed, "{conduct:?}");
        assert_eq!(totals.payment, [rules.fine(); 5]);
        let quiet = matches!(conduct, Conduct::Silent { .. });
        assert_eq!(
            (totals.silent[1], totals.refused[1]),
            match conduct {
                Conduct::Garbage => (0, 1),
                _ => (u32::from(quiet), 0),
            }
        );
    }
    // Another start is another type: it passes, and moves the agreed point.
    let (_, outcome) = run(&rules, &types, &[(2, Conduct::Start(0.9))]);
    assert!(outcome.settlement.passed);
}

#[test]
fn reported_positions_invite_pretence() {
    let types = [0.0, 1.0, 0.2, 0.7, 0.4];
    let with = |watch| {
        let terms = Terms { watch, ..terms(0.25, 200, Test::Corrected) };
        rules(Graph::path(5).unwrap(), (0.0, 1.0), terms)
    };
    let gain = |watch, conduct: Conduct| {
        let (faithful, _) = run(&with(watch), &types, &[]);
        let (other, _) = run(&with(watch), &types, &[(1, conduct)]);
        other.utility(1) - faithful.utility(1)
    };
    // It saves (th_i - mean)².
    close(&[gain(Watch::Reported, Conduct::Pretend)], &[0.54 * 0.54], 1e-9);
    assert!(gain(Watch::Observed, Conduct::Pretend) < 0.0);
    assert_eq!(with(Watch::Reported).epsilon(), None);
    // Who does not say where it is fails the test for all.
    let (totals, outcome) = run(&with(Watch::Reported), &types, &[(1, Conduct::Garbage)]);
    assert!(!outcome.settlement.passed && totals.payment == [5.0; 5]);
}

#[test]
fn impossible_draws_are_refused() {
    let rules = Arc::new(rules(Graph::path(2).unwrap(), (0.0, 1.0), terms(0.25, 1, Test::Corrected)));
    let mechanism = Consensus::new(rules);
    let mut state = mechanism.start();
    mechanism.relay(&mut state);
    let report = Report { value: 0.0, position: None };
    mechanism.close(&mut state, vec![Arrival::Admitted(report); 2]).unwrap();
    assert!(mechanism.settle(&mut state.clone(), vec![0.0]).is_err());
    assert!(mechanism.settle(&mut state.clone(), vec![0.0, f64::NAN]).is_err());
    // So far away that squares overflow: the fine, and a finite one.
    let outcome = mechanism.settle(&mut state, vec![0.0, 1e300]).unwrap();
    assert_eq!(mechanism.payments(&outcome), [2.0, 2.0]);
}

fn tree(parents: &[usize], n: usize) -> Graph {
    Graph::new(n, (1..n).map(|i| (parents[i] % i, i)).collect()).unwrap()
}

/// A tree with some more edges.
fn general(parents: &[usize], more: &[(usize, usize)], n: usize) -> Graph {
    let mut edges: Vec<(usize, usize)> = (1..n).map(|i| (parents[i] % i, i)).collect();
    for &(a, b) in more {
        let (a, b) = (a % n, b % n);
        if a != b && !edges.contains(&(a, b)) && !edges.contains(&(b, a)) {
            edges.push((a, b));
        }
    }
    Graph::new(n, edges).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Bit for bit, faithful and with one follower who sends anything.
    #[test]
    fn protocol_and_iteration_agree(
        n in 2..9_usize,
        parents in prop::collection::vec(0..8_usize, 9),
        more in prop::collection::vec((0..9_usize, 0..9_usize), 4),
        types in prop::collection::vec(0.0..1.0_f64, 9),
        rounds in 1..12_usize,
        follower in 0..9_usize,
        raw in prop::collection::vec(prop::option::weighted(0.7, -0.5..1.5_f64), 100),
        share in 0.1..1.0_f64,
    ) {
        let graph = general(&parents, &more, n);
        let types = &types[..n];
        let step = share * rules(graph.clone(), (0.0, 1.0), Terms { test: Test::Spectral, ..Terms::rounds(1) }).step();
        let rules = rules(graph.clone(), (0.0, 1.0), terms(step, rounds, Test::Spectral));
        let (_, outcome) = run(&rules, types, &[]);
        let seen: Vec<f64> = outcome.positions.iter().map(|z| z.unwrap()).collect();
        let played = rules.play(types);
        prop_assert_eq!(&seen, &played.positions);
        prop_assert_eq!(&outcome.settlement, &played.settlement);

        let follower = follower % n;
        let degree = graph.degree(follower);
        let sent = |k: usize| raw[k % raw.len()].map(|m| if m > 1.4 { f64::NAN } else { m });
        let messages: Vec<Vec<Option<f64>>> =
            (0..rounds).map(|k| (0..degree).map(|d| sent(k * degree + d)).collect()).collect();
        let plain = rules.iterate_against(types, follower, &messages, 0.77);
        let (_, outcome) = run(&rules, types, &[(follower, Conduct::Script { messages, finish: 0.77 })]);
        let seen: Vec<f64> = outcome.positions.iter().map(|z| z.unwrap()).collect();
        prop_assert_eq!(seen, plain);
    }

    /// No faithful follower ever fails: random and extreme types, trees and general graphs, every proved test.
    #[test]
    fn faithful_runs_pass(
        n in 2..12_usize,
        parents in prop::collection::vec(0..11_usize, 12),
        more in prop::collection::vec((0..12_usize, 0..12_usize), 6),
        raw in prop::collection::vec((-3.0..3.0_f64, 0.0..2.0_f64, 0.0..1.0_f64), 12),
        rounds in 1..300_usize,
        share in 0.05..=1.0_f64,
        extreme in any::<bool>(),
    ) {
        let ranges: Vec<(f64, f64)> = raw[..n].iter().map(|r| (r.0, r.0 + r.1)).collect();
        for (graph, test) in [
            (tree(&parents, n), Test::Corrected),
            (tree(&parents, n), Test::Tighter),
            (general(&parents, &more, n), Test::Spectral),
        ] {
            let instance = Instance::new(graph, &ranges).unwrap();
            let largest = Rules::new(instance.clone(), Terms { test, ..Terms::rounds(1) }).unwrap().step();
            let rules = Rules::new(instance, terms(share * largest, rounds, test)).unwrap();
            let mut all = vec![rules.spread().types.clone()];
            all.extend(rules.edge_spread().map(|s| s.types.clone()));
            let end = |r: &(f64, f64, f64)| if extreme { r.2.round() } else { r.2 };
            all.push(raw[..n].iter().map(|r| (r.0 + r.1 * end(r)).min(r.0 + r.1)).collect());
            for types in all {
                let played = rules.play(&types);
                prop_assert!(played.settlement.passed, "{:?} {:?} {}", types, played.settlement, rounds);
                prop_assert!(played.social_cost() <= optimum(&types).1 * (1.0 + 1e-12) + 1e-12);
                prop_assert!(disagreement(&types) <= rules.spread().bound * (1.0 + 1e-12));
            }
        }
    }
}
