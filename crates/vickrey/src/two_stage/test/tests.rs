//! The tests against twins that look at every cell on every day.

use std::collections::HashMap;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::groups::Yardstick;
use super::joint::Joint;
use super::*;
use crate::numeric::random::{Purpose, stream};
use crate::two_stage::law::Law;

/// Whether any cell of a player is at the threshold: all groups that were seen, all her types.
fn twin(record: &Record, player: usize, law: &dyn Fn(usize) -> Vec<f64>, threshold: f64) -> bool {
    let mut groups: HashMap<(Vec<u16>, usize), Vec<u32>> = HashMap::new();
    for day in 0..record.days() {
        let mut rest = record.bids(day).to_vec();
        let own = usize::from(rest.remove(player));
        let types = law(record.signal(day)).len();
        groups.entry((rest, record.signal(day))).or_insert_with(|| vec![0; types])[own] += 1;
    }
    groups.iter().any(|((_, signal), counts)| {
        let seen = f64::from(counts.iter().sum::<u32>());
        let cells = counts.iter().zip(law(*signal));
        cells.into_iter().any(|(count, p)| (f64::from(*count) - p * seen).abs() >= threshold)
    })
}

fn random_law(types: usize, rng: &mut ChaCha8Rng) -> Law {
    let weights: Vec<f64> =
        (0..types).map(|_| if rng.random_bool(0.2) { 0.0 } else { rng.random() }).collect();
    let sum: f64 = weights.iter().sum();
    match sum > 0.0 {
        true => Law::new(weights.iter().map(|w| w / sum).collect()).unwrap(),
        false => Law::point(types, 0),
    }
}

/// Streams in which player 0 sometimes copies the last player, and somebody may stand still for a while.
fn bids(types: &[usize], laws: &[Law], day: u64, copies: bool, rng: &mut ChaCha8Rng) -> Vec<usize> {
    let mut bids: Vec<usize> = laws.iter().map(|law| law.draw(rng)).collect();
    if copies {
        bids[0] = bids[types.len() - 1].min(types[0] - 1);
    }
    if day % 97 > 60 {
        bids.iter_mut().skip(1).for_each(|bid| *bid = 0);
    }
    bids
}

/// Keys by mixed radix and by random numbers; groups kept from the first day and groups that pass through the sketch.
#[test]
fn joint_flags_are_those_of_all_cells() {
    let mut flagged = 0;
    for case in 0..24_u64 {
        let mut rng = stream(case, Purpose::Instance, 7);
        let players = rng.random_range(2..5);
        let types: Vec<usize> = (0..players).map(|_| rng.random_range(1..5)).collect();
        let signals = rng.random_range(1..3);
        let laws: Vec<Law> = types.iter().map(|m| random_law(*m, &mut rng)).collect();
        let reports = Supertypes::constant(laws.clone());
        let kept = [0, 2, 1024][case as usize % 3];
        let mut joint = Joint::new(&types, signals, kept, case % 2 == 0);
        let mut record = Record::new(players);
        let threshold = Window::Printed { gamma: 0.1 }.threshold(0.0);
        for day in 1..=400_u64 {
            let bids = bids(&types, &laws, day, case % 4 == 1, &mut rng);
            record.push(&bids, rng.random_range(0..signals));
            joint.open(types.iter().sum(), &bids, record.signal(record.days() - 1));
            for (player, &bid) in bids.iter().enumerate() {
                let yardstick =
                    Yardstick { reports: &reports, player, signals, threshold: threshold.at(day) };
                joint.see(&record, bid, yardstick);
                let ours = joint.flagged(yardstick);
                let law = |_: usize| laws[player].probabilities().to_vec();
                assert_eq!(ours, twin(&record, player, &law, threshold.at(day)), "case {case}, day {day}");
                flagged += u64::from(ours);
            }
        }
    }
    assert!(flagged > 100, "{flagged} flags: the streams must try the flags too");
}

/// Pairs, bins and frequencies under signals, with laws that depend on the signal.
#[test]
fn low_order_flags_are_those_of_all_cells() {
    let mut seen = [0; 3];
    for case in 0..12_u64 {
        let mut rng = stream(case, Purpose::Instance, 8);
        let types: Vec<usize> = (0..3).map(|_| rng.random_range(2..4)).collect();
        let signals = 2;
        let laws: Vec<Vec<Law>> =
            types.iter().map(|m| (0..2).map(|_| random_law(*m, &mut rng)).collect()).collect();
        let reports = Supertypes::new(signals, laws.clone()).unwrap();
        let terms = Terms { bins: Some(3), pairwise: true, ..Terms::printed(0.2, 3) };
        let mut tests = Tests::new(reports.clone(), &types, signals, terms, &|_, t| t as f64).unwrap();
        for day in 1..=300_u64 {
            let signal = rng.random_range(0..signals);
            let today: Vec<Law> =
                (0..3).map(|i| laws[i][usize::from(case % 3 != 0) * signal].clone()).collect();
            tests.see(&bids(&types, &today, day, case % 4 == 1, &mut rng), signal);
            for (player, &own) in types.iter().enumerate() {
                let law = |w: usize| reports.law(player, w).probabilities().to_vec();
                let bound = tests.threshold(player).at(day);
                let sees = |key: &dyn Fn(usize) -> Vec<u16>| {
                    day > 3 && by_key(tests.record(), player, key, &law, bound)
                };
                let ours = tests.flags(player);
                let record = tests.record();
                let other = |j: usize| move |day: usize| vec![record.bids(day)[j]];
                let pairs = (0..3).filter(|j| *j != player).any(|j| sees(&other(j)));
                assert_eq!(ours.pairwise, pairs, "case {case} day {day} player {player}, pairs");
                let binned = tests.binned.as_ref().unwrap();
                let bin = |day: usize| {
                    let of = |j: usize| binned.scores[j][usize::from(record.bids(day)[j])];
                    let others: i64 = (0..3).filter(|j| *j != player).map(of).sum();
                    let edges = &binned.edges[player][record.signal(day)];
                    vec![edges.iter().filter(|e| **e <= others).count() as u16]
                };
                assert_eq!(ours.binned, sees(&bin), "case {case} day {day} player {player}, bins");
                let pooled = (0..own).any(|t| {
                    let days = 0..record.days();
                    let count =
                        days.clone().filter(|d| usize::from(record.bids(*d)[player]) == t).count() as f64;
                    let expected: f64 = (0..signals)
                        .map(|w| law(w)[t] * days.clone().filter(|d| record.signal(*d) == w).count() as f64)
                        .sum();
                    (count - expected).abs() >= bound
                });
                let frequency = sees(&|_| Vec::new()) || day > 3 && pooled;
                assert_eq!(ours.frequency, frequency, "case {case} day {day} player {player}, frequencies");
                for (seen, flag) in seen.iter_mut().zip([ours.pairwise, ours.binned, ours.frequency]) {
                    *seen += u64::from(flag);
                }
            }
        }
    }
    assert!(seen.iter().all(|flags| *flags > 50), "{seen:?} flags: the streams must try the flags too");
}

/// As [`twin`], with groups by any key and the signal.
fn by_key(
    record: &Record,
    player: usize,
    key: &dyn Fn(usize) -> Vec<u16>,
    law: &dyn Fn(usize) -> Vec<f64>,
    threshold: f64,
) -> bool {
    let mut relabelled = Record::new(2);
    let mut keys: Vec<Vec<u16>> = Vec::new();
    for day in 0..record.days() {
        let key = key(day);
        let at = keys.iter().position(|known| *known == key).unwrap_or_else(|| {
            keys.push(key);
            keys.len() - 1
        });
        relabelled.push(&[usize::from(record.bids(day)[player]), at], record.signal(day));
    }
    twin(&relabelled, 0, law, threshold)
}

/// 16 days (0, 0), then (1, 1) and (2, 1) twelve times: player 0 is flagged because of a cell that was never seen.
#[test]
fn cells_that_were_never_seen_count() {
    let law = |p: &[f64]| Law::new(p.to_vec()).unwrap();
    let reports = Supertypes::constant(vec![law(&[0.5, 0.25, 0.25]), law(&[0.4, 0.6])]);
    let mut tests = Tests::new(reports, &[3, 2], 1, Terms::printed(0.5, 30), &|_, _| 0.0).unwrap();
    (0..16).for_each(|_| tests.see(&[0, 0], 0));
    (0..12).for_each(|_| [[1, 1], [2, 1]].iter().for_each(|bids| tests.see(bids, 0)));
    assert_eq!(tests.record().days(), 40);
    assert!((tests.threshold(0).window(40) - 0.278_981_773).abs() < 5e-10);
    let of = |i| {
        let statistics = tests.statistics(i);
        [statistics.frequency / 40.0, statistics.joint.unwrap() / 40.0]
    };
    for (ours, known) in [(of(0), [0.1, 0.3]), (of(1), [0.0, 0.24])] {
        assert!(ours.iter().zip(known).all(|(a, b)| (a - b).abs() < 1e-15), "{ours:?} is not {known:?}");
    }
    assert!(tests.flags(0).joint && !tests.flags(0).frequency && !tests.flags(1).any());
}
