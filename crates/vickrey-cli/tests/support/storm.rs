//! Real processes behind a bad network, killed at drawn points and started again.

#[allow(dead_code, reason = "processes are killed, not stopped by `Fate`")]
#[path = "../../../vickrey-net/tests/support/network.rs"]
mod network;

use std::iter::repeat_n;
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use network::Network;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use vickrey_net::keys::Key;

use super::support::Desk;
use super::support::running::Running;

/// The network ends with the test, also with one that fails.
struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Plays with a bad network in front of everybody in `there` (the key's name, the address); `play` is told where to dial
/// instead.
pub fn through<T>(
    desk: &Desk,
    there: &[(&str, String)],
    names: &[&str],
    seed: u64,
    play: impl FnOnce(&[String]) -> T,
) -> T {
    let key = |name: &str| Key::read(&desk.path(&format!("keys/{name}.key"))).unwrap();
    let over = AtomicBool::new(false);
    let networks: Vec<(Network<'_>, TcpListener)> = there
        .iter()
        .zip(100 * seed..)
        .map(|((who, address), seed)| {
            let keys = (key(who), names.iter().map(|name| key(name)).collect());
            let target = address.parse().unwrap();
            let network = Network { target, keys, seed, connections: AtomicU64::new(0), over: &over };
            (network, TcpListener::bind("127.0.0.1:0").unwrap())
        })
        .collect();
    let near: Vec<String> =
        networks.iter().map(|(_, listener)| listener.local_addr().unwrap().to_string()).collect();
    thread::scope(|scope| {
        let _ending = Ending(&over);
        for (network, listener) in &networks {
            scope.spawn(move || network.serve(scope, listener));
        }
        play(&near)
    })
}

/// When somebody is killed: who, and how far the run goes on after the last time.
pub fn fate(seed: u64, times: &[usize], farthest: u64) -> Vec<(usize, u64)> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut who: Vec<usize> = times.iter().enumerate().flat_map(|(i, times)| repeat_n(i, *times)).collect();
    who.shuffle(&mut rng);
    who.into_iter().map(|i| (i, rng.random_range(0..farthest))).collect()
}

/// Kills and starts again; how often somebody was still at work. `gone` is how far the run is.
pub fn kill(
    fate: &[(usize, u64)],
    processes: &mut [Running],
    gone: &dyn Fn() -> u64,
    start: &dyn Fn(usize) -> Running,
) -> usize {
    let mut killed = 0;
    for (who, farther) in fate {
        let mark = gone() + farther;
        if processes[*who].kill_when(&|| gone() >= mark) {
            killed += 1;
            processes[*who] = start(*who);
        }
    }
    killed
}
