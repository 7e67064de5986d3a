//! Mechanisms of the kinds that are still to come, in miniature: the protocol must carry each without a change.

use std::convert::Infallible;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use vickrey::mechanism::{AgentId, Arrival, Mechanism, Next, Rejection, Strategy, Turn, World};
use vickrey::numeric::random::{Purpose, stream};
use vickrey::simulate::{self, Profile};

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Failed(&'static str);

/// Many stages, types that move, and nature that draws after the reports whether there is an item at all. Payments
/// are fixed before the draw: the expected second price. Stage 0 asks for something else (a deposit).
struct RandomItem {
    stages: usize,
    chance: f64,
}

#[derive(Clone)]
enum Bid {
    Deposit(f64),
    Value(f64),
}

#[derive(Clone, Default)]
struct RandomItemState {
    stage: usize,
    winner: Option<AgentId>,
    payment: Vec<f64>,
}

#[derive(Clone)]
struct Award {
    winner: Option<AgentId>,
    payment: Vec<f64>,
}

impl Mechanism for RandomItem {
    type State = RandomItemState;
    type Announcement = usize;
    type Report = Bid;
    type Message = Infallible;
    type Shock = bool;
    type Outcome = Award;
    type Error = Failed;

    fn agents(&self) -> usize {
        3
    }
    fn start(&self) -> RandomItemState {
        RandomItemState::default()
    }
    fn next(&self, state: &RandomItemState) -> Next {
        if state.stage == self.stages { Next::Finished } else { Next::Collect }
    }
    fn announce(&self, state: &RandomItemState, _: AgentId) -> Option<usize> {
        Some(state.stage)
    }
    fn admit(&self, state: &RandomItemState, agent: AgentId, report: &Bid) -> Result<(), Rejection> {
        match (state.stage, report) {
            (0, Bid::Deposit(x)) | (1.., Bid::Value(x)) if x.is_finite() => Ok(()),
            _ => Err(Rejection {
                agent,
                field: "bid".into(),
                found: "a report of another stage".into(),
                accepted: "a deposit first, values afterwards".into(),
            }),
        }
    }
    fn close(&self, state: &mut RandomItemState, arrivals: Vec<Arrival<Bid>>) -> Result<(), Failed> {
        state.payment = vec![0.0; 3];
        state.winner = None;
        let values: Vec<f64> =
            arrivals.iter().map(|a| if let Some(Bid::Value(v)) = a.report() { *v } else { 0.0 }).collect();
        if state.stage > 0 {
            let best = (0..3).max_by(|&i, &j| values[i].total_cmp(&values[j])).ok_or(Failed("nobody"))?;
            let second = (0..3).filter(|&i| i != best).map(|i| values[i]).fold(0.0, f64::max);
            state.winner = Some(best);
            state.payment[best] = self.chance * second;
        }
        Ok(())
    }
    fn settle(&self, state: &mut RandomItemState, item: bool) -> Result<Award, Failed> {
        state.stage += 1;
        Ok(Award { winner: state.winner.filter(|_| item), payment: state.payment.clone() })
    }
    fn payments<'a>(&self, outcome: &'a Award) -> &'a [f64] {
        &outcome.payment
    }
}

struct Nature {
    rng: ChaCha8Rng,
    types: [f64; 3],
}

impl World<RandomItem> for Nature {
    type Signal = f64;
    fn signal(&mut self, stage: usize, agent: AgentId) -> f64 {
        self.types[agent] + stage as f64
    }
    fn shock(&mut self, _: usize) -> bool {
        self.rng.random::<f64>() < 0.4
    }
    fn valuations(&mut self, stage: usize, outcome: &Award) -> Vec<f64> {
        let mut values = vec![0.0; 3];
        if let Some(winner) = outcome.winner {
            values[winner] = self.types[winner] + stage as f64;
            self.types[winner] *= 0.5; // the decision moves the hidden state
        }
        values
    }
}

/// Bids its value times a factor; a factor that is no number is garbage.
struct Times(f64);

impl Strategy<RandomItem, f64> for Times {
    fn report(&mut self, turn: Turn<'_, f64, usize>) -> Option<Bid> {
        Some(if *turn.announcement == 0 { Bid::Deposit(1.0) } else { Bid::Value(self.0 * turn.signal) })
    }
}

#[test]
fn many_stages_with_nature_after_the_reports() {
    let mechanism = RandomItem { stages: 200, chance: 0.4 };
    let world = |seed| Nature { rng: stream(seed, Purpose::Nature, 0), types: [5.0, 3.0, 2.0] };
    let honest = |_| Box::new(Times(1.0)) as Box<dyn Strategy<RandomItem, f64>>;
    let lying: Profile<RandomItem, f64> = vec![Box::new(Times(1.0)), Box::new(Times(f64::NAN)), honest(2)];
    let pair = simulate::paired(&mechanism, world, honest, lying, 5).unwrap();
    assert_eq!(pair.truthful.stages, 200);
    // Garbage is refused stage by stage; the deposit of stage 0 was fine.
    assert_eq!(pair.strategic.refused, [0, 199, 0]);
    assert!(pair.truthful.welfare() > 0.0 && pair.truthful.budget() > 0.0);
    // The same seed gives the same game.
    let again = simulate::truthful(&mechanism, &mut world(5), honest, 5).unwrap();
    assert_eq!(again, pair.truthful);
}

/// Peer-to-peer averaging on a path; afterwards the coordinator observes the positions and charges nothing.
struct Averaging {
    rounds: usize,
    links: Vec<Vec<AgentId>>,
}

impl Mechanism for Averaging {
    type State = usize;
    type Announcement = ();
    type Report = f64;
    type Message = f64;
    type Shock = ();
    type Outcome = (Vec<f64>, Vec<f64>);
    type Error = Failed;

    fn agents(&self) -> usize {
        self.links.len()
    }
    fn start(&self) -> usize {
        0
    }
    fn next(&self, round: &usize) -> Next {
        match round {
            r if *r < self.rounds => Next::Exchange,
            r if *r == self.rounds => Next::Collect,
            _ => Next::Finished,
        }
    }
    fn announce(&self, _: &usize, _: AgentId) -> Option<()> {
        Some(())
    }
    fn admit(&self, _: &usize, _: AgentId, _: &f64) -> Result<(), Rejection> {
        Ok(())
    }
    fn close(&self, _: &mut usize, arrivals: Vec<Arrival<f64>>) -> Result<(), Failed> {
        if arrivals.iter().any(|a| a.report().is_none()) {
            Err(Failed("a position is missing"))
        } else {
            Ok(())
        }
    }
    fn settle(&self, round: &mut usize, (): ()) -> Result<(Vec<f64>, Vec<f64>), Failed> {
        *round += 1;
        Ok((Vec::new(), vec![0.0; self.agents()]))
    }
    fn payments<'a>(&self, outcome: &'a (Vec<f64>, Vec<f64>)) -> &'a [f64] {
        &outcome.1
    }
    fn neighbours(&self, _: &usize, agent: AgentId) -> &[AgentId] {
        &self.links[agent]
    }
    fn relay(&self, round: &mut usize) {
        *round += 1;
    }
}

struct Start(Vec<f64>);

impl World<Averaging> for Start {
    type Signal = f64;
    fn signal(&mut self, _: usize, agent: AgentId) -> f64 {
        self.0[agent]
    }
    fn shock(&mut self, _: usize) {}
    fn valuations(&mut self, _: usize, _: &(Vec<f64>, Vec<f64>)) -> Vec<f64> {
        vec![0.0; self.0.len()]
    }
}

/// Moves towards what it hears; all messages of a round are written before any is read.
#[derive(Default)]
struct Follower {
    position: Option<f64>,
    pull: f64,
}

impl Strategy<Averaging, f64> for Follower {
    fn write(&mut self, _: AgentId, start: &f64, _: &mut ChaCha8Rng) -> Option<f64> {
        let position = self.position.unwrap_or(*start) + std::mem::take(&mut self.pull);
        self.position = Some(position);
        self.position
    }
    fn read(&mut self, _: AgentId, message: Option<&f64>) {
        if let (Some(own), Some(other)) = (self.position, message) {
            self.pull += 0.3 * (other - own);
        }
    }
    fn report(&mut self, _: Turn<'_, f64, ()>) -> Option<f64> {
        self.position.map(|p| p + self.pull)
    }
}

#[test]
fn peers_talk_without_the_coordinator() {
    let mechanism = Averaging { rounds: 10, links: vec![vec![1], vec![0, 2], vec![1]] };
    let reported = std::sync::Mutex::new(Vec::new());
    struct Recorded<'a>(Follower, &'a std::sync::Mutex<Vec<f64>>);
    impl Strategy<Averaging, f64> for Recorded<'_> {
        fn write(&mut self, to: AgentId, start: &f64, rng: &mut ChaCha8Rng) -> Option<f64> {
            self.0.write(to, start, rng)
        }
        fn read(&mut self, from: AgentId, message: Option<&f64>) {
            self.0.read(from, message);
        }
        fn report(&mut self, turn: Turn<'_, f64, ()>) -> Option<f64> {
            let position = self.0.report(turn);
            self.1.lock().unwrap().extend(position);
            position
        }
    }
    let leaked: &'static std::sync::Mutex<Vec<f64>> = Box::leak(Box::new(reported));
    let mut profile: Profile<Averaging, f64> =
        (0..3).map(|_| Box::new(Recorded(Follower::default(), leaked)) as Box<dyn Strategy<_, _>>).collect();
    simulate::run(&mechanism, &mut Start(vec![0.0, 1.0, 0.25]), &mut profile, 1, |_| ()).unwrap();
    // The worked numbers of paper 003, algorithm 2: path 1-2-3, start (0, 1, 0.25), step 0.3, ten rounds.
    let wanted = [0.413_135_726_025, 0.416_666_666_725, 0.420_197_607_250];
    for (found, wanted) in leaked.lock().unwrap().iter().zip(wanted) {
        assert!((found - wanted).abs() < 1e-12, "{found} {wanted}");
    }
}
