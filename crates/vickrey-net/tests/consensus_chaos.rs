//! Consensus through bad networks, between neighbours and to the leader, with a leader and followers who are killed and
//! started again: taxes are those of the record, and where nobody missed a position the run is that of one process.

mod support;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use support::meeting::{Meeting, agreement, numbers, played, port, sense};
use support::network::{Fate, Network};
use vickrey::faithful::consensus::{Graph, Test, Watch};
use vickrey_net::announce::Terms;
use vickrey_net::desk::{Desk, replay};
use vickrey_net::follow::{Clerk, FollowError, Identity, Private, Sight, Tax, follow};
use vickrey_net::keys::Key;
use vickrey_net::lead::{LeadError, lead};

/// A lost frame costs a third of a round.
const TERMS: Terms = Terms { round_ms: 3_000, value_ms: 3_000, deposit: 0.0 };

/// What the followers of a storm share.
struct Storm<'a> {
    meeting: &'a Meeting,
    folder: &'a Path,
    seed: u64,
    /// The leader, behind a network.
    near: SocketAddr,
    places: Vec<PathBuf>,
    missed: AtomicUsize,
    two_faced: AtomicUsize,
}

impl Storm<'_> {
    fn lead_through(&self, address: SocketAddr) -> usize {
        let mut fate = Fate::new(self.seed, 3);
        let mut starts = 0;
        loop {
            starts += 1;
            let stop = AtomicBool::new(false);
            let observe =
                (self.meeting.rules.watch() == Watch::Observed).then(|| self.folder.join("seen.csv"));
            let mut desk =
                Desk::open(self.meeting.intent(TERMS, observe), &self.folder.join("record")).unwrap().0;
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

    fn follow_through(&self, i: usize, identity: &Identity) -> (Tax, usize) {
        let mut fate = Fate::new(self.seed + 1 + i as u64, 3);
        let memory = self.folder.join(format!("memory-{i}"));
        let mut starts = 0;
        loop {
            starts += 1;
            let stop = AtomicBool::new(false);
            let mut clerk = Clerk::new(identity.clone(), Some(memory.clone())).unwrap();
            let dial = || TcpStream::connect(self.near);
            let mut watch = |sight: Sight| {
                self.missed.fetch_add(usize::from(matches!(sight, Sight::Missed { .. })), Ordering::Relaxed);
                self.two_faced
                    .fetch_add(usize::from(matches!(sight, Sight::TwoStates { .. })), Ordering::Relaxed);
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

    /// A follower whose neighbours reach her through a bad network.
    fn identity(&self, i: usize, own: Arc<TcpListener>, network: SocketAddr) -> Identity {
        let mut identity = self.meeting.identity(i, Some(own), Some(self.places[i].clone()));
        let Private::Wish(wish) = &mut identity.private else { unreachable!("of a meeting") };
        wish.address = network.to_string();
        identity
    }
}

/// Whether every position arrived in its round, and how often somebody was started.
fn storm(meeting: &Meeting, seed: u64) -> (bool, usize) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let leader = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let over = AtomicBool::new(false);
    let network = |target: SocketAddr, there: &Key, seed: u64| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = listener.local_addr().unwrap();
        let keys = (there.clone(), meeting.keys.clone());
        (Network { target, keys, seed, connections: AtomicU64::new(0), over: &over }, listener, near)
    };
    let ports: Vec<Arc<TcpListener>> = (0..meeting.len()).map(|_| port()).collect();
    let to_leader = network(leader, &meeting.leader, seed);
    let between: Vec<_> = ports
        .iter()
        .zip(&meeting.keys)
        .zip(100..)
        .map(|((port, key), k)| network(port.local_addr().unwrap(), key, seed * 1000 + k))
        .collect();
    let names: Vec<String> =
        (0..meeting.len()).map(|i| meeting.rules.instance().name(i).into_owned()).collect();
    let storm = Storm {
        meeting,
        folder,
        seed,
        near: to_leader.2,
        places: (0..meeting.len()).map(|i| folder.join(format!("place-{i}"))).collect(),
        missed: AtomicUsize::new(0),
        two_faced: AtomicUsize::new(0),
    };
    let (taxes, starts) = thread::scope(|scope| {
        for (network, listener, _) in between.iter().chain([&to_leader]) {
            scope.spawn(move || network.serve(scope, listener));
        }
        let seen = folder.join("seen.csv");
        let (storm, names, rounds) = (&storm, &names, meeting.rules.rounds());
        let over = &over;
        scope.spawn(move || sense(&storm.places, names, rounds, &seen, over));
        let leading = scope.spawn(move || storm.lead_through(leader));
        let followers: Vec<_> = ports
            .iter()
            .zip(&between)
            .enumerate()
            .map(|(i, (own, (_, _, near)))| {
                let identity = storm.identity(i, own.clone(), *near);
                scope.spawn(move || storm.follow_through(i, &identity))
            })
            .collect();
        let (taxes, starts): (Vec<Tax>, Vec<usize>) =
            followers.into_iter().map(|f| f.join().unwrap()).unzip();
        let starts = starts.iter().sum::<usize>() + leading.join().unwrap();
        over.store(true, Ordering::Relaxed);
        (taxes, starts)
    });
    let course = replay(&folder.join("record")).unwrap();
    let found = agreement(&course);
    for (tax, payment) in taxes.iter().zip(&found.settlement.payment) {
        assert_eq!(tax.payment.to_bits(), (payment + 0.0).to_bits(), "seed {seed}");
    }
    let missed = storm.missed.load(Ordering::Relaxed);
    println!("seed {seed}: {starts} starts, {missed} missed, {:?}", course.incidents());
    // Whoever goes on from her memory says the same again.
    assert_eq!(storm.two_faced.load(Ordering::Relaxed), 0, "seed {seed}");
    let whole = missed == 0 && found.values.iter().all(Option::is_some);
    if whole {
        assert_eq!(numbers(found), played(&meeting.expected()), "seed {seed}");
    }
    (whole, starts)
}

#[test]
fn storms_between_neighbours_change_nothing() {
    let ring = Graph::new(4, vec![(0, 1), (1, 2), (2, 3), (3, 0)]).unwrap();
    let meetings = [
        Meeting::three(8, Watch::Observed),
        Meeting::new(Graph::star(4).unwrap(), &[0.1, 0.9, 0.3, 0.7], 12, Test::Tighter, Watch::Reported),
        Meeting::new(ring, &[0.0, 1.0, 0.5, 0.2], 10, Test::Spectral, Watch::Observed),
    ];
    let results: Vec<(bool, usize)> = thread::scope(|scope| {
        let storms: Vec<_> = meetings
            .iter()
            .zip(1..)
            .map(|(meeting, seed)| scope.spawn(move || storm(meeting, seed)))
            .collect();
        storms.into_iter().map(|storm| storm.join().unwrap()).collect()
    });
    // The stops did happen (up to five processes begin), and positions arrive on one of three tries.
    assert!(results.iter().all(|(_, starts)| *starts > 6), "{results:?}");
    assert!(results.iter().any(|(whole, _)| *whole), "{results:?}");
}

/// The leader goes away in the middle; a robot is killed, comes back to the same port from her memory, and all arrive
/// without him. He comes back, and nothing has changed.
#[test]
fn robots_go_on_without_a_leader() {
    const ROUNDS: usize = 3000;
    let meeting = &Meeting::three(ROUNDS, Watch::Reported);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let patient = support::meeting::PATIENT;
    let leader = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = leader.local_addr().unwrap();
    let lead_until = |listener: TcpListener, stop: &AtomicBool| {
        let mut desk = Desk::open(meeting.intent(patient, None), &folder.join("record")).unwrap().0;
        lead(&mut desk, &listener, Duration::from_secs(60), &mut |_, _| {}, stop).map(|()| desk)
    };
    let place = |i: usize| folder.join(format!("place-{i}"));
    let gone = |i: usize| -> usize {
        let text = std::fs::read_to_string(place(i)).unwrap_or_default();
        text.lines().nth(1).and_then(|line| line.split(',').next()?.parse().ok()).unwrap_or(0)
    };
    let wait = |i: usize, rounds: usize| {
        while gone(i) < rounds {
            thread::sleep(Duration::from_millis(1));
        }
    };
    let ports: Vec<Arc<TcpListener>> = (0..3).map(|_| port()).collect();
    let robot = |i: usize, stop: &AtomicBool| {
        let identity = meeting.identity(i, Some(ports[i].clone()), Some(place(i)));
        let mut clerk = Clerk::new(identity, Some(folder.join(format!("memory-{i}")))).unwrap();
        let dial = || TcpStream::connect(address);
        follow(&mut clerk, &dial, Duration::from_secs(60), &mut |_| {}, stop)
    };
    let [never, away, killed] = [false; 3].map(AtomicBool::new);
    let desk = thread::scope(|scope| {
        let leading = scope.spawn(|| lead_until(leader, &away));
        let others = [0, 2].map(|i| {
            scope.spawn({
                let (robot, never) = (&robot, &never);
                move || robot(i, never)
            })
        });
        let first = scope.spawn(|| robot(1, &killed));
        wait(1, 20);
        away.store(true, Ordering::Relaxed);
        assert!(matches!(leading.join().unwrap(), Err(LeadError::Stopped)));
        killed.store(true, Ordering::Relaxed);
        assert!(matches!(first.join().unwrap(), Err(FollowError::Stopped)));
        let before = gone(1);
        assert!(before < ROUNDS, "she was to be killed on her way");
        let again = scope.spawn(|| robot(1, &never));
        (0..3).for_each(|i| wait(i, ROUNDS));
        let listener = TcpListener::bind(address).unwrap();
        let desk = lead_until(listener, &never).unwrap();
        let taxes = others.map(|other| other.join().unwrap().unwrap());
        let expected = meeting.expected().settlement.payment;
        assert_eq!([taxes[0].payment, taxes[1].payment], [expected[0], expected[2]]);
        assert_eq!(again.join().unwrap().unwrap().payment, expected[1]);
        desk
    });
    assert_eq!(numbers(agreement(desk.course())), played(&meeting.expected()));
}
