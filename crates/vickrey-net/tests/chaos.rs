//! Frames that are lost, late, doubled, swapped and broken, and a leader and followers who are stopped at random and
//! started again: the result is that of the recorded arrivals, and where every answer arrived in its round, that of a run
//! without any of it.

mod support;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use support::network::{Fate, Network};
use support::{Game, ascent, bits, case_a, mixed, settled};
use vickrey::faithful::dual::rules::{Method, Mode, Stop};
use vickrey_net::announce::Terms;
use vickrey_net::desk::{Desk, replay};
use vickrey_net::follow::{Clerk, FollowError, Tax, follow};
use vickrey_net::lead::{LeadError, lead};

/// A lost frame costs a third of this.
const TERMS: Terms = Terms { round_ms: 3_000, value_ms: 3_000, deposit: 0.0 };

fn lead_through(game: &Game, address: SocketAddr, record: &Path, seed: u64) -> usize {
    let mut fate = Fate::new(seed, 4);
    let mut starts = 0;
    loop {
        starts += 1;
        let stop = AtomicBool::new(false);
        let mut desk = Desk::open(game.intent(TERMS), record).unwrap().0;
        let listener = loop {
            match TcpListener::bind(address) {
                Ok(listener) => break listener,
                Err(_) => thread::sleep(Duration::from_millis(20)),
            }
        };
        let mut watch = |_: &_, _| {
            if fate.strikes() {
                stop.store(true, Ordering::Relaxed);
            }
        };
        match lead(&mut desk, &listener, Duration::from_secs(60), &mut watch, &stop) {
            Ok(()) => return starts,
            Err(LeadError::Stopped) => {}
            Err(other) => panic!("{other}"),
        }
    }
}

fn follow_through(game: &Game, i: usize, network: SocketAddr, folder: &Path, seed: u64) -> (Tax, usize) {
    let mut fate = Fate::new(seed + 1 + i as u64, 2);
    let memory = (i > 0).then(|| folder.join(format!("memory-{i}")));
    let mut starts = 0;
    loop {
        starts += 1;
        let stop = AtomicBool::new(false);
        let mut clerk = Clerk::new(game.identity(i), memory.clone()).unwrap();
        let dial = || TcpStream::connect(network);
        let mut watch = |_| {
            if fate.strikes() {
                stop.store(true, Ordering::Relaxed);
            }
        };
        match follow(&mut clerk, &dial, Duration::from_secs(60), &mut watch, &stop) {
            Ok(tax) => return (tax, starts),
            Err(FollowError::Stopped) => {}
            Err(other) => panic!("follower {i}: {other}"),
        }
    }
}

/// Whether every answer arrived in its round, and how often somebody was started.
fn storm(game: &Game, seed: u64) -> (bool, usize) {
    let folder = tempfile::tempdir().unwrap();
    let record = folder.path().join("record");
    let leader = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let near = listener.local_addr().unwrap();
    let over = AtomicBool::new(false);
    let keys = (game.leader.clone(), game.keys.clone());
    let network = Network { target: leader, keys, seed, connections: AtomicU64::new(0), over: &over };
    let (taxes, starts) = thread::scope(|scope| {
        scope.spawn(|| network.serve(scope, &listener));
        let leading = scope.spawn(|| lead_through(game, leader, &record, seed));
        let folder = folder.path();
        let followers: Vec<_> = (0..game.costs.len())
            .map(|i| scope.spawn(move || follow_through(game, i, near, folder, seed)))
            .collect();
        let (taxes, starts): (Vec<Tax>, Vec<usize>) =
            followers.into_iter().map(|f| f.join().unwrap()).unzip();
        let starts = starts.iter().sum::<usize>() + leading.join().unwrap();
        over.store(true, Ordering::Relaxed);
        (taxes, starts)
    });
    // What was decided and charged is what the recorded arrivals lead to.
    let course = replay(&record).unwrap();
    for (i, tax) in taxes.iter().enumerate() {
        assert_eq!(tax.payment.to_bits(), (settled(&course).payment[i] + 0.0).to_bits(), "seed {seed}");
        let range = game.plan.problem().range(i);
        let dropped = support::state(&course).dropped().contains(&i);
        let part = (!dropped).then(|| settled(&course).allocation[range].iter().map(|z| (z + 0.0).to_bits()));
        let told = tax.decision.as_ref().map(|z| z.iter().map(|z| z.to_bits()).collect::<Vec<_>>());
        assert_eq!(told, part.map(Iterator::collect), "seed {seed}, follower {i}");
    }
    let whole = support::state(&course).events().is_empty() && course.absent().is_empty();
    println!(
        "seed {seed}: {starts} starts, {:?}, {:?}",
        support::state(&course).events(),
        course.incidents()
    );
    if whole {
        assert_eq!(bits(settled(&course)), bits(game.expected().settled().unwrap()), "seed {seed}");
    }
    (whole, starts)
}

#[test]
fn storms_change_nothing() {
    let games = [
        case_a(ascent(0.4), Stop::Rounds(8), Mode::Vcg),
        mixed(Method::Newton, Mode::Vcg),
        case_a(
            Method::Multipliers { rho: 1.0, relaxation: 1.6 },
            Stop::Gap { epsilon: 1e-4, cap: 30 },
            Mode::Vcg,
        ),
        case_a(Method::Accelerated { step: None }, Stop::Gap { epsilon: 1e-4, cap: 30 }, Mode::Dual),
    ];
    let results: Vec<(bool, usize)> = thread::scope(|scope| {
        let storms: Vec<_> =
            games.iter().zip(1..).map(|(game, seed)| scope.spawn(move || storm(game, seed))).collect();
        storms.into_iter().map(|storm| storm.join().unwrap()).collect()
    });
    // The stops did happen, and most answers arrive on one of three tries within seconds.
    assert!(results.iter().all(|(_, starts)| *starts > 8), "{results:?}");
    assert!(results.iter().any(|(whole, _)| *whole), "{results:?}");
}
