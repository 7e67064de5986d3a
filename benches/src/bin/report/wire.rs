//! Whole rounds of dual decomposition between a leader and followers over sockets, in one process.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, Instant};

use vickrey::faithful::dual::rules::{Method, Plan, Rules, Stop};
use vickrey_benches::Failure;
use vickrey_benches::dual::{Instance, limited};
use vickrey_net::announce::Terms;
use vickrey_net::course::Stage;
use vickrey_net::desk::{Desk, Intent, What};
use vickrey_net::follow::{Clerk, Identity, Private, follow};
use vickrey_net::keys::{Enrolment, Key};
use vickrey_net::lead::{Notice, lead};

use super::SEED;

/// Followers, couplings, decisions each.
const SIZES: [[usize; 3]; 5] = [[3, 1, 1], [10, 2, 2], [30, 10, 5], [100, 10, 5], [300, 10, 5]];
const ROUNDS: usize = 9;
/// Nobody is late here.
const PATIENCE: Duration = Duration::from_secs(600);

const TABLE: &str = "\
## Dual decomposition: a round between processes

Milliseconds from the leader's letters of a round to those of the next, median over rounds: N followers answer all problems
but their own, everything in JSON, signed, encrypted, and on the disk before the next round. Leader and followers are
threads of one process on the same two cores. MB: what is added to the record, which holds all answers.

| followers | couplings | decisions | ms | MB |
| ---: | ---: | ---: | ---: | ---: |";

/// Prints the table.
pub fn rounds() -> Result<(), Failure> {
    println!("{TABLE}");
    for [followers, m, n] in SIZES {
        let folder = tempfile::tempdir()?;
        let record = folder.path().join("record");
        let seconds = play(limited(followers, m, n, SEED)?, &record)?;
        let bytes = std::fs::metadata(&record)?.len() as f64 / (ROUNDS + 1) as f64;
        println!("| {followers} | {m} | {n} | {:.2} | {:.3} |", seconds * 1e3, bytes * 1e-6);
    }
    println!();
    Ok(())
}

/// The median time of a round.
fn play((problem, costs): Instance, record: &Path) -> Result<f64, Failure> {
    let keys: Vec<Key> = costs.iter().map(|_| Key::generate()).collect::<Result<_, _>>()?;
    let key = Key::generate()?;
    let named = |(i, own): (usize, &Key)| (problem.name(i).into_owned(), own.public());
    let followers = keys.iter().enumerate().map(named).collect();
    let rules =
        Rules { method: Method::Accelerated { step: None }, stop: Stop::Rounds(ROUNDS), ..Rules::default() };
    let intent = Intent {
        what: What::Dual { plan: Arc::new(Plan::new(problem, rules)?), unlimited: false },
        terms: Terms { round_ms: 600_000, value_ms: 600_000, deposit: 0.0 },
        run: None,
        key: key.clone(),
        enrolment: Enrolment { leader: key.public(), followers },
    };
    let mut desk = Desk::open(intent, record)?.0;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let stop = AtomicBool::new(false);
    let mut opened = Vec::new();
    thread::scope(|scope| -> Result<(), Failure> {
        for (follower, (cost, own)) in costs.iter().zip(&keys).enumerate() {
            let private = Private::Cost(cost.clone());
            let identity = Identity { follower, private, key: own.clone(), leader: key.public() };
            let stop = &stop;
            scope.spawn(move || {
                let mut clerk = Clerk::new(identity, None).expect("there is no file to read");
                let dial = || TcpStream::connect(address);
                // What went wrong shows on the leader's side.
                let _ = follow(&mut clerk, &dial, PATIENCE, &mut |_| (), stop);
            });
        }
        let mut watch = |course: &_, notice: Notice| {
            let course: &vickrey_net::course::Course = course;
            if matches!(notice, Notice::Opened) && course.stage() == Stage::Rounds {
                opened.push(Instant::now());
            }
        };
        Ok(lead(&mut desk, &listener, PATIENCE, &mut watch, &stop)?)
    })?;
    let mut rounds: Vec<f64> = opened.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64()).collect();
    rounds.sort_by(f64::total_cmp);
    Ok(rounds[rounds.len() / 2])
}
