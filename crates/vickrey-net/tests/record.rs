//! The record on disk: any beginning of it can be taken up again with the same result, and no byte of it can be changed
//! unseen.

mod support;

use std::fs;
use std::path::Path;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use support::{Game, always, ascent, bits, case_a, drive, mixed, settled};
use vickrey::faithful::dual::rules::{Method, Mode, Stop};
use vickrey_net::announce::Terms;
use vickrey_net::course::Stage;
use vickrey_net::desk::{Desk, DeskError, replay};
use vickrey_net::log::LogError;

const TERMS: Terms = Terms { round_ms: 1_000, value_ms: 1_000, deposit: 5.0 };

/// Follower 2 misses a round; the others are faithful.
fn speaks(i: usize, stage: Stage, k: u64) -> bool {
    !(i == 1 && stage == Stage::Rounds && k == 2)
}

fn whole(game: &Game, record: &Path) -> Vec<u64> {
    let mut desk = Desk::open(game.intent(TERMS), record).unwrap().0;
    drive(game, &mut desk, &mut game.clerks(), &speaks);
    bits(settled(desk.course()))
}

#[test]
fn every_beginning_of_a_record_leads_to_the_same_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    for (name, game) in [
        ("ascent", case_a(ascent(0.4), Stop::Rounds(4), Mode::Vcg)),
        ("newton", mixed(Method::Newton, Mode::Vcg)),
        ("multipliers", mixed(Method::Multipliers { rho: 0.5, relaxation: 1.6 }, Mode::Dual)),
    ] {
        let record = folder.path().join(name);
        let expected = whole(&game, &record);
        let bytes = fs::read(&record).unwrap();
        let mut torn = 0;
        for cut in (0..20).map(|_| rng.random_range(0..bytes.len())).chain([0, 5, 16, bytes.len()]) {
            let path = folder.path().join(format!("{name}-{cut}"));
            fs::write(&path, &bytes[..cut]).unwrap();
            let (mut desk, found) = Desk::open(game.intent(TERMS), &path).unwrap();
            torn += usize::from(found.torn.is_some());
            drive(&game, &mut desk, &mut game.clerks(), &speaks);
            assert_eq!(bits(settled(desk.course())), expected, "{name} cut at {cut}");
            drop(desk);
            assert_eq!(bits(settled(&replay(&path).unwrap())), expected);
            fs::remove_file(&path).unwrap();
        }
        assert!(torn > 0, "no cut was within a record");
    }
}

#[test]
fn a_record_that_was_changed_is_refused_with_its_place() {
    let game = case_a(ascent(0.4), Stop::Rounds(4), Mode::Vcg);
    let folder = tempfile::tempdir().unwrap();
    let record = folder.path().join("record");
    whole(&game, &record);
    let good = fs::read(&record).unwrap();
    let starts: Vec<u64> =
        vickrey_net::log::read(&record).unwrap().records.iter().map(|(at, _)| *at).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(8);
    let (mut corrupt, mut torn) = (0, 0);
    for _ in 0..200 {
        let mut bytes = good.clone();
        let at = rng.random_range(16..bytes.len());
        bytes[at] ^= 1 << rng.random_range(0..8_u32);
        fs::write(&record, &bytes).unwrap();
        let home = *starts.iter().rfind(|start| **start <= at as u64).unwrap();
        match replay(&record) {
            Err(DeskError::Log(LogError::Corrupt { offset, .. })) => {
                assert_eq!(offset, home);
                corrupt += 1;
            }
            // The last record may have been torn; no other.
            Ok(course) => {
                assert_eq!(Some(&home), starts.last());
                assert!(course.stage() != Stage::Over);
                torn += 1;
            }
            Err(other) => panic!("byte {at}: {other}"),
        }
    }
    assert!(corrupt > 150 && corrupt + torn == 200);
}

#[test]
fn a_whole_record_in_the_wrong_place_does_not_play() {
    let game = case_a(ascent(0.4), Stop::Rounds(4), Mode::Vcg);
    let folder = tempfile::tempdir().unwrap();
    let record = folder.path().join("record");
    whole(&game, &record);
    let records = vickrey_net::log::read(&record).unwrap().records;
    // Written anew with correct sums, as a forger without keys would: a report left out, or two swapped across a round.
    let forge = |name: &str, keep: &dyn Fn(&mut Vec<serde_json::Value>)| {
        let mut values: Vec<_> = records.iter().map(|(_, value)| value.clone()).collect();
        keep(&mut values);
        let path = folder.path().join(name);
        let (mut log, _) = vickrey_net::log::Log::open(&path).unwrap();
        values.iter().for_each(|value| log.append(value).unwrap());
        drop(log);
        replay(&path)
    };
    forge("same", &|_| {}).unwrap();
    let report = |value: &serde_json::Value| value["message"]["type"] == "REPORT";
    let error = forge("without", &|values| {
        let at = values.iter().position(report).unwrap();
        values.remove(at);
    });
    assert!(matches!(error, Err(DeskError::Record { .. })));
    let error = forge("other", &|values| {
        let at = values.iter().position(report).unwrap();
        values[at]["message"]["body"]["v"][0][0] = 3.into();
    });
    assert!(error.unwrap_err().to_string().contains("no signature of the sender"));
    let error = forge("tax", &|values| {
        let at = values.iter().rposition(|v| v["record"] == "said").unwrap();
        values[at]["message"]["body"]["payment"][0] = 0.into();
    });
    assert!(error.is_err());
    // Slander: an honest answer as a contradiction, and an answer that was there as late.
    let error = forge("two-faced", &|values| {
        let at = values.iter().position(report).unwrap();
        let message = values[at]["message"].clone();
        values.insert(at + 1, serde_json::json!({ "record": "equivocation", "message": message }));
    });
    assert!(error.unwrap_err().to_string().contains("a contradiction that is none"));
    let error = forge("late", &|values| {
        let at = values.iter().rposition(report).unwrap();
        let k = values[at]["message"]["k"].clone();
        values.push(serde_json::json!({ "record": "late", "follower": 0, "k": k }));
    });
    assert!(error.unwrap_err().to_string().contains("was not missing"));
}

#[test]
fn records_of_other_runs_and_other_files_are_refused() {
    let game = case_a(ascent(0.4), Stop::Rounds(4), Mode::Vcg);
    let folder = tempfile::tempdir().unwrap();
    let record = folder.path().join("record");
    whole(&game, &record);
    let other = case_a(ascent(0.4), Stop::Rounds(5), Mode::Vcg);
    let error = Desk::open(other.intent(TERMS), &record).unwrap_err();
    assert!(error.to_string().contains("what is announced differs"), "{error}");
    let mut intent = game.intent(TERMS);
    intent.run = Some("another-one".into());
    let error = Desk::open(intent, &record).unwrap_err();
    assert!(error.to_string().contains("the name of the run differs"), "{error}");
    let mut intent = game.intent(TERMS);
    intent.key = game.keys[0].clone();
    assert!(matches!(Desk::open(intent, &record), Err(DeskError::Key { .. })));
    let foreign = folder.path().join("foreign");
    fs::write(&foreign, "date,price\n2020-01-01,3\n").unwrap();
    assert!(matches!(Desk::open(game.intent(TERMS), &foreign), Err(DeskError::Log(LogError::Other { .. }))));
    assert_eq!(fs::read_to_string(&foreign).unwrap().len(), 24, "and not written to");
    let open = Desk::open(game.intent(TERMS), &record).unwrap();
    assert!(matches!(Desk::open(game.intent(TERMS), &record), Err(DeskError::Log(LogError::Locked { .. }))));
    drop(open);
    let mut desk = Desk::open(game.intent(TERMS), &record).unwrap().0;
    assert_eq!(desk.course().stage(), Stage::Over);
    drive(&game, &mut desk, &mut game.clerks(), &always);
}
