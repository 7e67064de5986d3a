//! Games to play, in process and over sockets.
#![allow(dead_code, reason = "every test file uses its part")]

pub mod meeting;
pub mod network;

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use vickrey::faithful::dual::cost::Cost;
use vickrey::faithful::dual::curve::Curve;
use vickrey::faithful::dual::leader::{Leader, State};
use vickrey::faithful::dual::model::{Follower, Problem};
use vickrey::faithful::dual::rules::{Method, Mode, Plan, Rules, Stop};
use vickrey::faithful::dual::strategies::faithful_run;
use vickrey::faithful::dual::tax::Settled;
use vickrey_net::announce::Terms;
use vickrey_net::course::{Course, Stage};
use vickrey_net::desk::{Desk, Intent, What};
use vickrey_net::follow::{Clerk, Identity, Private, Reply, Tax, follow};
use vickrey_net::keys::{Enrolment, Key};
use vickrey_net::lead::lead;
use vickrey_net::mechanism::Mechanism;
use vickrey_net::message::{Party, Sealed};

/// A plan, the costs, and everybody's keys.
pub struct Game {
    pub plan: Arc<Plan>,
    pub costs: Vec<Arc<Cost>>,
    pub leader: Key,
    pub keys: Vec<Key>,
    pub enrolment: Enrolment,
}

impl Game {
    pub fn new(
        total: &[f64],
        couplings: &[&[f64]],
        costs: Vec<Cost>,
        limits: (f64, f64),
        rules: Rules,
    ) -> Self {
        let followers = couplings.iter().zip(&costs).map(|(coupling, cost)| {
            let n = cost.decisions();
            let mut follower = Follower::new(coupling.to_vec(), n);
            follower.low = vec![limits.0; n];
            follower.high = vec![limits.1; n];
            follower.curvature = cost.curvature(&follower.low, &follower.high);
            follower
        });
        let problem = Problem::new(total.to_vec(), followers.collect()).unwrap();
        let plan = Arc::new(Plan::new(problem, rules).unwrap());
        let costs: Vec<Arc<Cost>> = costs.into_iter().map(Arc::new).collect();
        costs.iter().enumerate().for_each(|(i, cost)| plan.fits(i, cost).unwrap());
        let key = |i: usize| Key::from_seed(&[i as u8 + 1; 32]);
        let keys: Vec<Key> = (0..costs.len()).map(key).collect();
        let leader = key(200);
        let named = |(i, k): (usize, &Key)| (plan.problem().name(i).into_owned(), k.public());
        let followers = keys.iter().enumerate().map(named).collect();
        let enrolment = Enrolment { leader: leader.public(), followers };
        Self { plan, costs, leader, keys, enrolment }
    }

    pub fn intent(&self, terms: Terms) -> Intent {
        Intent {
            what: What::Dual { plan: self.plan.clone(), unlimited: false },
            terms,
            run: None,
            key: self.leader.clone(),
            enrolment: self.enrolment.clone(),
        }
    }

    pub fn identity(&self, follower: usize) -> Identity {
        Identity {
            follower,
            private: Private::Cost(self.costs[follower].clone()),
            key: self.keys[follower].clone(),
            leader: self.leader.public(),
        }
    }

    pub fn clerks(&self) -> Vec<Clerk> {
        (0..self.costs.len()).map(|i| Clerk::new(self.identity(i), None).unwrap()).collect()
    }

    /// The run in one process, without messages.
    pub fn expected(&self) -> State {
        faithful_run(&Leader::new(self.plan.clone()), &self.costs).unwrap()
    }

    /// Checks a signature as the leader does.
    pub fn open(&self, bytes: &[u8]) -> Sealed {
        Sealed::open(bytes, &|party: Party| self.enrolment.key(party).copied()).unwrap()
    }
}

/// v_1 = z^2/2 - 2z, v_2 = z^2 - z, v_3 = 2z^2 - 8z, R = (1, 1, 2), c = 3, limits -20 to 20.
pub fn case_a(method: Method, stop: Stop, mode: Mode) -> Game {
    let quadratic = |q, l| Cost::quadratic(vec![q], vec![l], 0.0).unwrap();
    let costs = vec![quadratic(1.0, -2.0), quadratic(2.0, -1.0), quadratic(4.0, -8.0)];
    let rules = Rules { method, stop, mode, ..Rules::default() };
    Game::new(&[3.0], &[&[1.0], &[1.0], &[2.0]], costs, (-20.0, 20.0), rules)
}

/// Two couplings, several decisions, mixed costs.
pub fn mixed(method: Method, mode: Mode) -> Game {
    let kinked = Curve::pieces(1.5, &[(-1.0, 0.0), (0.5, -0.3)]).unwrap();
    let costs = vec![
        Cost::quadratic(vec![2.0, 0.5, 0.5, 1.0], vec![-1.0, 0.0], 0.25).unwrap(),
        Cost::quadratic(vec![1.0, 0.0, 0.0, 3.0], vec![0.0, 1.0], 0.0).unwrap(),
        Cost::quadratic(vec![4.0], vec![-2.0], -1.0).unwrap(),
        Cost::separable(vec![kinked, Curve::log(2.0, 4.0, 0.1).unwrap()], 0.0).unwrap(),
    ];
    let couplings: [&[f64]; 4] =
        [&[1.0, 0.0, 0.0, 1.0], &[1.0, 1.0, 0.0, 1.0], &[1.0, -1.0], &[0.3, -0.1, 0.2, 0.7]];
    let rules = Rules { method, mode, stop: Stop::Gap { epsilon: 1e-7, cap: 60 }, ..Rules::default() };
    Game::new(&[1.0, 0.5], &couplings, costs, (-3.0, 3.0), rules)
}

pub fn ascent(step: f64) -> Method {
    Method::Ascent { step: Some(step), fading: false }
}

/// Every number of a settlement; -0 counts as 0, as on the wire.
pub fn bits(settled: &Settled) -> Vec<u64> {
    let lists = [&settled.allocation, &settled.payment, &settled.value, &settled.price];
    let more = [settled.certificate, settled.epsilon].map(|x| x.unwrap_or(f64::NAN));
    lists
        .into_iter()
        .flatten()
        .chain(&more)
        .map(|x| if x.is_nan() { u64::MAX } else { (x + 0.0).to_bits() })
        .collect()
}

/// The state of dual decomposition.
pub fn state(course: &Course) -> &State {
    let Mechanism::Dual(side) = course.mechanism() else { panic!("another mechanism") };
    side.state()
}

pub fn settled(course: &Course) -> &Settled {
    state(course).settled().unwrap()
}

/// Letters and answers handed over by hand, to the end; who does not `speak` (follower, stage, round) is silent.
pub fn drive(game: &Game, desk: &mut Desk, clerks: &mut [Clerk], speaks: &dyn Fn(usize, Stage, u64) -> bool) {
    while desk.course().stage() != Stage::Over {
        drive_stage(game, desk, clerks, speaks);
        desk.close().unwrap();
    }
}

pub fn drive_stage(
    game: &Game,
    desk: &mut Desk,
    clerks: &mut [Clerk],
    speaks: &dyn Fn(usize, Stage, u64) -> bool,
) {
    for i in desk.course().silent() {
        if !speaks(i, desk.course().stage(), desk.course().k()) {
            continue;
        }
        let announcement = desk.seal(desk.course().announcement(i));
        clerks[i].handle(&announcement).unwrap();
        let letter = desk.letter(i).unwrap();
        match clerks[i].handle(&letter).unwrap() {
            Reply::Send(bytes) | Reply::Taxed(bytes, _) => {
                desk.take(game.open(&bytes)).unwrap();
            }
            other => panic!("{other:?}"),
        }
    }
}

pub fn always(_: usize, _: Stage, _: u64) -> bool {
    true
}

/// A whole run over sockets.
pub fn over_sockets(game: &Game, terms: Terms, record: &Path) -> (Desk, Vec<Tax>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut desk = Desk::open(game.intent(terms), record).unwrap().0;
    let stop = AtomicBool::new(false);
    let taxes = thread::scope(|scope| {
        let followers: Vec<_> = (0..game.costs.len())
            .map(|i| {
                let stop = &stop;
                scope.spawn(move || {
                    let mut clerk = Clerk::new(game.identity(i), None).unwrap();
                    let dial = || TcpStream::connect(address);
                    follow(&mut clerk, &dial, Duration::from_secs(60), &mut |_| {}, stop).unwrap()
                })
            })
            .collect();
        lead(&mut desk, &listener, Duration::from_secs(60), &mut |_, _| {}, &stop).unwrap();
        followers.into_iter().map(|f| f.join().unwrap()).collect()
    });
    (desk, taxes)
}
