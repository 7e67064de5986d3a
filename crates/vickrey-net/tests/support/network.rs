//! What goes wrong between processes.

use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use vickrey_net::frame;

/// A network in front of somebody that does everything networks do.
pub struct Network<'a> {
    pub target: SocketAddr,
    pub seed: u64,
    pub connections: AtomicU64,
    pub over: &'a AtomicBool,
}

impl Network<'_> {
    pub fn serve<'s>(&'s self, scope: &'s thread::Scope<'s, '_>, listener: &TcpListener) {
        listener.set_nonblocking(true).unwrap();
        while !self.over.load(Ordering::Relaxed) {
            let Ok((near, _)) = listener.accept() else {
                thread::sleep(Duration::from_millis(5));
                continue;
            };
            near.set_nonblocking(false).unwrap();
            // Nobody is there at the moment: who dialled does it again.
            let Ok(far) = TcpStream::connect(self.target) else { continue };
            for (from, to) in [(&near, &far), (&far, &near)] {
                let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                let number = self.connections.fetch_add(1, Ordering::Relaxed);
                scope
                    .spawn(move || self.carry(from, to, ChaCha8Rng::seed_from_u64(self.seed << 32 | number)));
            }
        }
    }

    fn carry(&self, mut from: TcpStream, mut to: TcpStream, mut rng: ChaCha8Rng) {
        from.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let mut kept: Option<Vec<u8>> = None;
        let mut wait = || !self.over.load(Ordering::Relaxed);
        while let Ok(mut bytes) = frame::read(&mut from, frame::LONGEST, &mut wait) {
            let mut copies = 1;
            match rng.random_range(0..100) {
                0..3 => copies = 0,
                3..8 => copies = 2,
                8..11 => {
                    let at = rng.random_range(0..bytes.len());
                    bytes[at] ^= 1 << rng.random_range(0..8_u32);
                }
                11..20 => thread::sleep(Duration::from_millis(rng.random_range(1..60))),
                20..24 => {
                    // Overtaken by the next one.
                    kept = Some(bytes);
                    continue;
                }
                24 => break,
                _ => {}
            }
            let frames = std::iter::repeat_n(bytes, copies).chain(kept.take());
            if frames.into_iter().any(|bytes| frame::write(&mut to, &bytes).is_err()) {
                break;
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    }
}

/// Stops somebody after so many sights, a few times.
pub struct Fate {
    rng: ChaCha8Rng,
    stops: usize,
    left: usize,
}

impl Fate {
    pub fn new(seed: u64, stops: usize) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let left = rng.random_range(1..20);
        Self { rng, stops, left }
    }

    pub fn strikes(&mut self) -> bool {
        if self.stops == 0 {
            return false;
        }
        self.left -= 1;
        if self.left > 0 {
            return false;
        }
        self.stops -= 1;
        self.left = self.rng.random_range(1..20);
        true
    }
}
