//! What goes wrong between processes.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use vickrey_net::frame;
use vickrey_net::keys::Key;
use vickrey_net::line::{Badge, Line};

/// A network in front of somebody that does everything networks do. It holds everybody's keys, which no network does: so
/// that it can lose, double, swap and break single frames within lines that would otherwise only break as a whole.
pub struct Network<'a> {
    pub target: SocketAddr,
    /// The key of who is there, and the keys of those who dial.
    pub keys: (Key, Vec<Key>),
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
            let number = self.connections.fetch_add(2, Ordering::Relaxed);
            scope.spawn(move || self.connect(scope, near, number));
        }
    }

    /// Who dials is answered with the key of who is there, who is dialled with the key of who dials.
    fn connect<'s>(&'s self, scope: &'s thread::Scope<'s, '_>, near: TcpStream, number: u64) {
        let prepared = |stream: TcpStream| {
            stream.set_nonblocking(false).unwrap();
            stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
            stream
        };
        let mut wait = || !self.over.load(Ordering::Relaxed);
        let (there, dialling) = &self.keys;
        let public: Vec<_> = dialling.iter().map(Key::public).collect();
        let badge = Badge::new(there, &public).unwrap();
        let Ok(near) = Line::answer(prepared(near), &badge, &mut wait) else { return };
        let who = dialling.iter().find(|key| key.public() == near.peer()).unwrap();
        // Nobody may be there at the moment: who dialled does it again.
        let Ok(far) = TcpStream::connect(self.target) else { return near.cut() };
        let badge = Badge::new(who, &[there.public()]).unwrap();
        let Ok(far) = Line::dial(prepared(far), &badge, &mut wait) else { return near.cut() };
        let (near, far) = (Arc::new(near), Arc::new(far));
        for (k, (from, to)) in [(&near, &far), (&far, &near)].into_iter().enumerate() {
            let (from, to) = (from.clone(), to.clone());
            let rng = ChaCha8Rng::seed_from_u64(self.seed << 32 | (number + k as u64));
            scope.spawn(move || self.carry(&from, &to, rng));
        }
    }

    fn carry(&self, from: &Line, to: &Line, mut rng: ChaCha8Rng) {
        let mut kept: Option<Vec<u8>> = None;
        let mut wait = || !self.over.load(Ordering::Relaxed);
        while let Ok(mut bytes) = frame::read(&mut &*from, frame::LONGEST, &mut wait) {
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
            if frames.into_iter().any(|bytes| frame::write(&mut &*to, &bytes).is_err()) {
                break;
            }
        }
        from.cut();
        to.cut();
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
