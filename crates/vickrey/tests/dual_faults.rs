//! What dual decomposition promises whatever one follower does (paper 003): what is computed without her does not depend
//! on her, decisions meet the couplings, taxes are numbers, and nobody gains more than the certificate by deviating.

mod dual_cases;

use std::collections::BTreeMap;
use std::sync::Arc;

use dual_cases::{Record, doubted, drive, honest};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use vickrey::faithful::dual::cost::Cost;
use vickrey::faithful::dual::curve::Curve;
use vickrey::faithful::dual::leader::{Leader, Letter, Report, State};
use vickrey::faithful::dual::letters::{Answer, Prices, Values};
use vickrey::faithful::dual::model::{Follower, Problem};
use vickrey::faithful::dual::rules::{Method, Mode, Plan, Rules, Stop};
use vickrey::faithful::dual::solve::exact;
use vickrey::faithful::dual::tax::Settled;
use vickrey::mechanism::AgentId;

fn symmetric(rng: &mut ChaCha8Rng) -> f64 {
    rng.random_range(-1.0..1.0)
}

fn pick<T: Copy>(rng: &mut ChaCha8Rng, from: &[T]) -> T {
    from[rng.random_range(0..from.len())]
}

/// B'B + I/2 for a random B.
fn quadratic(rng: &mut ChaCha8Rng, n: usize) -> Cost {
    let b: Vec<f64> = (0..n * n).map(|_| symmetric(rng)).collect();
    let entry = |r: usize, c: usize| {
        (0..n).map(|k| b[k * n + r] * b[k * n + c]).sum::<f64>() + if r == c { 0.5 } else { 0.0 }
    };
    let matrix = (0..n * n).map(|k| entry(k / n, k % n)).collect();
    Cost::quadratic(matrix, (0..n).map(|_| 2.0 * symmetric(rng)).collect(), symmetric(rng)).expect("convex")
}

/// Any strongly convex cost on [-2, 2].
fn curve(rng: &mut ChaCha8Rng) -> Curve {
    match rng.random_range(0..3) {
        0 => Curve::log(rng.random_range(0.5..2.0), 2.5, symmetric(rng)),
        1 => Curve::power(0.5, symmetric(rng), rng.random_range(1.2..5.0), 0.5),
        _ => Curve::pieces(0.7, &[(-1.0, symmetric(rng)), (symmetric(rng), 0.0), (1.5, symmetric(rng))]),
    }
    .expect("a curve")
}

struct Game {
    problem: Problem,
    costs: Vec<Arc<Cost>>,
}

impl Game {
    /// Two to five followers, one to three couplings; nobody is essential.
    fn random(seed: u64, limited: bool) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        loop {
            let (agents, m) = (rng.random_range(2..=5), rng.random_range(1..=3));
            let game = Self::draw(&mut rng, agents, m, limited);
            let rules = Rules { method: Method::Newton, ..Rules::default() };
            if let Some(game) = game
                && Plan::new(game.problem.clone(), rules).is_ok()
            {
                return game;
            }
        }
    }

    fn draw(rng: &mut ChaCha8Rng, agents: usize, m: usize, limited: bool) -> Option<Self> {
        let (mut followers, mut costs, mut total) = (Vec::new(), Vec::new(), vec![0.0; m]);
        for _ in 0..agents {
            let n = rng.random_range(1..=3);
            let mut follower = Follower::new((0..m * n).map(|_| symmetric(rng)).collect(), n);
            if limited {
                follower.low = vec![-2.0; n];
                follower.high = vec![2.0; n];
            }
            follower.absent = (0..n).map(|_| 0.5 * symmetric(rng)).collect();
            let cost = if limited && rng.random() {
                Cost::separable((0..n).map(|_| curve(rng)).collect(), symmetric(rng)).expect("curves")
            } else {
                quadratic(rng, n)
            };
            follower.curvature = cost.curvature(&follower.low, &follower.high);
            let inside: Vec<f64> = (0..n).map(|_| 1.5 * symmetric(rng)).collect();
            follower.add_use(&inside, 1.0, &mut total);
            followers.push(follower);
            costs.push(Arc::new(cost));
        }
        Some(Self { problem: Problem::new(total, followers).ok()?, costs })
    }

    fn leader(&self, (method, stop, mode): (Method, Stop, Mode)) -> Leader {
        let rules = Rules { method, stop, mode, ..Rules::default() };
        let plan = Plan::new(self.problem.clone(), rules).expect("a plan");
        for (agent, cost) in self.costs.iter().enumerate() {
            plan.fits(agent, cost).expect("of the public class");
        }
        Leader::new(Arc::new(plan))
    }

    fn methods(&self) -> [Method; 5] {
        let rho = self.costs.len() as f64 / self.problem.steepness().expect("strongly convex");
        [
            Method::Ascent { step: None, fading: false },
            Method::Accelerated { step: None },
            Method::Multipliers { rho, relaxation: 1.0 },
            Method::Multipliers { rho, relaxation: 1.6 },
            Method::Newton,
        ]
    }

    /// v_i of her part.
    fn value(&self, agent: AgentId, allocation: &[f64]) -> f64 {
        self.costs[agent].value(&allocation[self.problem.range(agent)])
    }

    fn net(&self, agent: AgentId, settled: &Settled) -> f64 {
        self.value(agent, &settled.allocation) + settled.payment[agent]
    }

    /// What being absent costs.
    fn away(&self, agent: AgentId) -> f64 {
        self.costs[agent].value(&self.problem.follower(agent).absent)
    }
}

fn settled(state: &State) -> &Settled {
    state.settled().expect("the run is over")
}

/// Everything that the leader writes about problems without a follower, in order, by who is absent.
type Trail = BTreeMap<Vec<AgentId>, Vec<Vec<u64>>>;

fn follow(trail: &mut Trail, without: AgentId, (agent, n): (AgentId, usize), letter: &Prices) {
    let m = letter.round.couplings;
    let (mut shares, mut probes) = (letter.shares.chunks(m), letter.probes.chunks(n));
    for (question, prices) in letter.round.asked(agent) {
        let mut all = vec![agent as f64];
        all.extend(prices);
        all.extend(if question.shared { shares.next() } else { None }.unwrap_or_default());
        all.extend(if question.probed { probes.next() } else { None }.unwrap_or_default());
        if question.absent.contains(&without) {
            let bits = all.iter().map(|x| x.to_bits()).collect();
            trail.entry(question.absent.to_vec()).or_default().push(bits);
        }
    }
}

const SENSELESS: [f64; 10] =
    [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, -f64::MAX, 1e300, -1e200, 1e20, -1e6, 0.0];

/// What one follower may do in a round.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Nothing,
    Silence,
    /// Some numbers have no sense.
    Garbage,
    /// All numbers are the same one.
    Flood(f64),
    Length,
    /// Every number is moved a little or much.
    Lie(f64),
    /// The costs alone.
    Cost(f64),
    /// Another kind of report.
    Kind,
}

fn fault(rng: &mut ChaCha8Rng) -> Fault {
    match rng.random_range(0..9) {
        0 | 1 => Fault::Silence,
        2 => Fault::Garbage,
        3 => Fault::Flood(pick(rng, &SENSELESS)),
        4 => Fault::Length,
        5 => Fault::Lie(pick(rng, &[0.01, 1.0, 100.0])),
        6 => Fault::Cost(pick(rng, &[0.0, -1.0, 3.0, 1e300, -1e308])),
        7 => Fault::Kind,
        _ => Fault::Nothing,
    }
}

/// A program that is not what the protocol asks: one fault for ever, or another one every round with some probability.
struct Script {
    agent: AgentId,
    always: Option<Fault>,
    often: f64,
    /// Whether final values can be hit as well.
    values: bool,
    rng: ChaCha8Rng,
}

impl Script {
    fn random(seed: u64, agent: AgentId) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0xfa17);
        let always = rng.random::<bool>().then(|| fault(&mut rng));
        Self { agent, always, often: pick(&mut rng, &[0.2, 0.6, 1.0]), values: true, rng }
    }

    fn silent(agent: AgentId) -> Self {
        let rng = ChaCha8Rng::seed_from_u64(0);
        Self { agent, always: Some(Fault::Silence), often: 1.0, values: true, rng }
    }

    fn spoil(&mut self, numbers: &mut Vec<f64>, fault: Fault) {
        let rng = &mut self.rng;
        match fault {
            Fault::Garbage => {
                for x in numbers {
                    if rng.random::<f64>() < 0.3 {
                        *x = pick(rng, &SENSELESS);
                    }
                }
            }
            Fault::Flood(x) => numbers.fill(x),
            Fault::Length if rng.random() => {
                numbers.pop();
            }
            Fault::Length => numbers.extend([1.0; 3]),
            Fault::Lie(size) => numbers.iter_mut().for_each(|x| *x += size * rng.random_range(-1.0..1.0)),
            Fault::Nothing | Fault::Silence | Fault::Cost(_) | Fault::Kind => {}
        }
    }

    fn report(&mut self, report: Report) -> Option<Report> {
        let now = self.rng.random::<f64>() < self.often;
        let fault = match self.always {
            _ if !now => Fault::Nothing,
            _ if !self.values && matches!(report, Report::Values(_)) => Fault::Nothing,
            Some(fault) => fault,
            None => fault(&mut self.rng),
        };
        match (fault, report) {
            (Fault::Silence, _) => None,
            (Fault::Kind, _) => Some(Report::Modulus(1.0)),
            (_, Report::Answer(Answer { mut z, mut value, mut sensitivity, mut probed })) => {
                for list in [&mut z, &mut value, &mut sensitivity, &mut probed] {
                    self.spoil(list, fault);
                }
                if let Fault::Cost(factor) = fault {
                    value.iter_mut().chain(&mut probed).for_each(|v| *v *= factor);
                }
                Some(Report::Answer(Answer { z, value, sensitivity, probed }))
            }
            (_, Report::Values(Values { value, without })) => {
                let mut all = vec![value];
                all.extend(without);
                self.spoil(&mut all, fault);
                if let Fault::Cost(factor) = fault {
                    all.iter_mut().for_each(|v| *v *= factor);
                }
                let value = all.first().copied().unwrap_or(f64::NAN);
                Some(Report::Values(Values { value, without: all.into_iter().skip(1).collect() }))
            }
            (_, report) => Some(report),
        }
    }
}

/// A run with one follower following a script, and what was written about problems without her.
fn run(game: &Game, leader: &Leader, mut script: Script, what: &str) -> (State, Record, Trail) {
    let mut trail = Trail::new();
    let (state, record) = drive(leader, &game.costs, |_, agent, letter, report| {
        if let Letter::Prices(letter) = letter {
            let n = game.problem.follower(agent).decisions();
            follow(&mut trail, script.agent, (agent, n), letter);
        }
        if agent == script.agent { script.report(report) } else { Some(report) }
    })
    .unwrap_or_else(|why| panic!("{what}: {why}"));
    (state, record, trail)
}

/// Problems without a follower, ended, to the last bit (numbers are written so that they can be read back).
fn ends(state: &State, without: AgentId) -> BTreeMap<Vec<AgentId>, String> {
    let free = state.solved_problems().iter().filter(|s| s.absent.contains(&without));
    free.map(|s| (s.absent.to_vec(), format!("{:?}", s.finish))).collect()
}

/// All of `some` that is in `all` as well is the same there.
fn agree<T: PartialEq + std::fmt::Debug>(
    some: &BTreeMap<Vec<AgentId>, T>,
    all: &BTreeMap<Vec<AgentId>, T>,
    what: &str,
) -> usize {
    let both = some.iter().filter_map(|(absent, x)| all.get(absent).map(|y| (absent, x, y)));
    both.map(|(absent, x, y)| assert!(x == y, "{what}: the problem without {absent:?} depends on her"))
        .count()
}

/// Within the limits, couplings met, taxes finite, nobody faithful dropped.
fn check_single_fault(game: &Game, state: &State, agent: AgentId, what: &str) {
    let found = settled(state);
    let m = game.problem.couplings();
    let (mut miss, mut length) = (game.problem.total().to_vec(), vec![0.0; m]);
    for (i, follower) in game.problem.followers().iter().enumerate() {
        let z = &found.allocation[game.problem.range(i)];
        for (k, x) in z.iter().enumerate() {
            assert!((follower.low[k]..=follower.high[k]).contains(x), "{what}: {found:?}");
        }
        follower.add_use(z, -1.0, &mut miss);
        let row = |r: usize| &follower.coupling[r * z.len()..(r + 1) * z.len()];
        (0..m).for_each(|r| length[r] += row(r).iter().map(|x| x * x).sum::<f64>());
    }
    let total: f64 = game.problem.total().iter().zip(&length).map(|(c, l)| c * c / l).sum::<f64>().sqrt();
    for (r, l) in miss.iter().zip(&length) {
        assert!(r.abs() / l.sqrt() <= 1e-9 * (1.0 + total), "{what}: {miss:?}");
    }
    assert!(found.payment.iter().all(|t| t.is_finite()), "{what}: {:?}", found.payment);
    assert!(found.epsilon.is_none_or(f64::is_finite), "{what}");
    assert!(state.dropped().iter().all(|i| *i == agent), "{what}: {:?}", state.dropped());
}

/// Taking part costs at most what absence costs, plus what is certified (and in the mode `dual` the gap of the bound).
fn check_participation(game: &Game, state: &State, mode: Mode, what: &str) {
    let found = settled(state);
    let epsilon = found.epsilon.expect("everybody who is left is faithful");
    for j in (0..game.costs.len()).filter(|j| !state.dropped().contains(j)) {
        let alone = state
            .solved_problems()
            .iter()
            .find(|s| s.absent.len() == state.dropped().len() + 1 && s.absent.contains(&j));
        let (Some(alone), false) = (alone, found.undefined.contains(&j)) else { continue };
        let members = (0..game.costs.len()).filter(|l| !alone.absent.contains(l));
        let cost: f64 = members.map(|l| game.value(l, &alone.finish.allocation)).sum();
        let more = if mode == Mode::Dual { cost - alone.finish.lower.expect("strongly convex") } else { 0.0 };
        let (net, away) = (game.net(j, found), game.away(j));
        let rounding = 1e-9 * (1.0 + net.abs() + away.abs() + cost.abs());
        assert!(net <= away + epsilon + more + rounding, "{what}: {j} pays {net} and {away} when absent");
    }
}

#[test]
fn whatever_one_follower_does() {
    let (mut compared, mut after, mut drops, mut gains) = (0, 0, 0, 0);
    for seed in 0..120_u64 {
        let game = Game::random(seed, seed % 3 != 0);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        for method in game.methods() {
            let mode = pick(&mut rng, &[Mode::Vcg, Mode::Zero, Mode::Dual]);
            let stop = pick(&mut rng, &[Stop::Rounds(6), Stop::Gap { epsilon: 1e-4, cap: 40 }]);
            let agent = rng.random_range(0..game.costs.len());
            let leader = game.leader((method, stop, mode));
            let what = format!("seed {seed}, {method:?}, {mode:?}, {stop:?}, follower {agent}");
            let faithful = Script { often: 0.0, ..Script::silent(agent) };
            let (state, _, trail) = run(&game, &leader, faithful, &what);
            check_participation(&game, &state, mode, &what);
            let honest = settled(&state).clone();
            let (gone, _, gone_trail) = run(&game, &leader, Script::silent(agent), &what);
            for k in 0..4 {
                let script = Script::random(1000 * seed + k, agent);
                let what = format!("{what}, script {k}: {:?} {}", script.always, script.often);
                let (faulty, _, found) = run(&game, &leader, script, &what);
                check_single_fault(&game, &faulty, agent, &what);
                compared +=
                    agree(&found, &trail, &what) + agree(&ends(&faulty, agent), &ends(&state, agent), &what);
                after += agree(&found, &gone_trail, &what)
                    + agree(&ends(&faulty, agent), &ends(&gone, agent), &what);
                if faulty.dropped() == [agent] {
                    drops += 1;
                    assert_eq!(found.len(), gone_trail.len(), "{what}");
                    check_participation(&game, &faulty, mode, &what);
                }
                let gain = game.net(agent, &honest) - game.net(agent, settled(&faulty));
                let price: f64 = honest.price.iter().map(|p| p.abs()).sum();
                // Couplings are met to 1e-9, and are worth their prices.
                let rounding = 1e-8 * (1.0 + price + honest.value.iter().map(|v| v.abs()).sum::<f64>());
                let epsilon = honest.epsilon.expect("strongly convex");
                assert!(gain <= epsilon + rounding, "{what}: gains {gain}, certified {epsilon}");
                gains += usize::from(gain > 0.01 * epsilon + rounding);
            }
        }
    }
    println!("{compared} compared, {after} after drops, {drops} drops, {gains} gains below the certificate");
    assert!(compared > 500 && after > 500 && drops > 100 && gains > 10);
}

/// Garbage that is held, clipped or projected can cost everybody, but no faithful one more than it costs all together: she
/// pays at most what absence costs, plus what the decision costs above the best one. The deviator is neither dropped nor
/// silent about her final values.
#[test]
fn beside_garbage_the_faithful_pay_no_more_than_it_costs_all() {
    let (mut tight, mut held, mut runs) = (0, 0, 0);
    for seed in 0..60_u64 {
        let game = Game::random(seed, seed % 3 != 0);
        let best = exact(&game.problem, &game.costs, &|_| ()).expect("strongly convex");
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        for method in game.methods() {
            let stop = pick(&mut rng, &[Stop::Rounds(6), Stop::Gap { epsilon: 1e-4, cap: 40 }]);
            let agent = rng.random_range(0..game.costs.len());
            let leader = game.leader((method, stop, Mode::Vcg));
            for k in 0..3 {
                let script = Script { values: false, ..Script::random(7000 * seed + k, agent) };
                let what = format!("seed {seed}, {method:?}, {stop:?}, {agent}: {:?}", script.always);
                let (state, _, _) = run(&game, &leader, script, &what);
                if !state.dropped().is_empty() {
                    continue;
                }
                let found = settled(&state);
                let costs: Vec<f64> =
                    (0..game.costs.len()).map(|i| game.value(i, &found.allocation)).collect();
                let lost = costs.iter().sum::<f64>() - best.optimum;
                // Couplings are met to 1e-9 of what is decided, and are worth their prices; sums round.
                let price: f64 = best.price.iter().map(|p| p.abs()).sum();
                let size = costs.iter().chain(&found.payment).map(|x| x.abs()).sum::<f64>();
                let rounding = 1e-8 * (1.0 + price + size);
                for j in (0..game.costs.len()).filter(|j| *j != agent) {
                    let (net, away) = (costs[j] + found.payment[j], game.away(j));
                    assert!(net <= away + lost + rounding, "{what}: {j} pays {net}, absent {away}, {lost}");
                    tight += usize::from(net > away + rounding);
                }
                held += usize::from(!state.events().is_empty());
                runs += 1;
            }
        }
    }
    println!("{runs} runs, {held} with something made up for, {tight} worse off than absent");
    assert!(runs > 300 && held > 100 && tight > 10);
}

/// A final value below what the last answer leaves possible is on record, and changes nothing else.
#[test]
fn values_that_contradict_answers_are_doubted() {
    let (mut seen, mut unseen) = (0, 0);
    for seed in 0..60_u64 {
        let game = Game::random(seed, seed % 2 == 0);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        for method in game.methods() {
            let mode = pick(&mut rng, &[Mode::Vcg, Mode::Zero, Mode::Dual]);
            let stop = pick(&mut rng, &[Stop::Rounds(6), Stop::Gap { epsilon: 1e-7, cap: 400 }]);
            let leader = game.leader((method, stop, mode));
            let what = format!("seed {seed}, {method:?}, {mode:?}, {stop:?}");
            let truth = honest(&leader, &game.costs);
            let certificate = settled(&truth).certificate.expect("strongly convex");
            for agent in 0..game.costs.len() {
                let value = settled(&truth).value[agent];
                // Below the truth, whichever sign it has.
                let factor = if value > 0.0 { 0.5 } else { 2.0 };
                let (lied, _) = drive(&leader, &game.costs, |_, who, _, report| match report {
                    Report::Values(Values { value, without }) if who == agent => {
                        let without = without.iter().map(|v| factor * v).collect();
                        Some(Report::Values(Values { value: factor * value, without }))
                    }
                    other => Some(other),
                })
                .expect("a run");
                let found = doubted(&lied);
                assert!(found.is_empty() || found == [agent], "{what}, {agent}: {found:?}");
                // What everybody's value lies above its bound adds up to the certificate, where all answer one price.
                let missing = (factor - 1.0).abs() * value.abs();
                let one_price = !matches!(method, Method::Multipliers { .. });
                let slack = 1e-6 * (1.0 + settled(&truth).value.iter().map(|v| v.abs()).sum::<f64>());
                if one_price && missing > certificate.max(0.0) + slack {
                    assert_eq!(found, [agent], "{what}, {agent}: {missing} below, {certificate}");
                }
                let bits = |state: &State| settled(state).payment[agent].to_bits();
                assert_eq!(bits(&lied), bits(&truth), "{what}, {agent}");
                assert_eq!(settled(&lied).allocation, settled(&truth).allocation, "{what}, {agent}");
                seen += found.len();
                unseen += usize::from(found.is_empty());
            }
        }
    }
    println!("{seen} lies seen, {unseen} within what answers leave open");
    assert!(seen > 500);
}

#[test]
fn a_run_is_its_reports() {
    for seed in 0..40_u64 {
        let game = Game::random(seed, seed % 2 == 0);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let method = pick(&mut rng, &game.methods());
        let mode = pick(&mut rng, &[Mode::Vcg, Mode::Zero, Mode::Dual]);
        let stop = pick(&mut rng, &[Stop::Rounds(6), Stop::Gap { epsilon: 1e-4, cap: 40 }]);
        let leader = game.leader((method, stop, mode));
        let what = format!("seed {seed}");
        let (state, record, _) = run(&game, &leader, Script::random(seed, 0), &what);
        // Closed anew, with a copy taken over in the middle by a leader that was told the plan alone.
        let middle = rng.random_range(0..record.len());
        let mut again = leader.start();
        for reports in &record[..middle] {
            leader.close(&mut again, reports.clone()).expect("as before");
        }
        let other = Leader::new(Arc::new(leader.plan().as_ref().clone()));
        let mut copy = again.clone();
        for reports in &record[middle..] {
            for agent in 0..game.costs.len() {
                assert_eq!(leader.letter(&again, agent).is_some(), other.letter(&copy, agent).is_some());
            }
            leader.close(&mut again, reports.clone()).expect("as before");
            other.close(&mut copy, reports.clone()).expect("as before");
        }
        let bits = |state: &State| {
            format!(
                "{:?} {:?} {:?} {:?}",
                state.settled(),
                state.events(),
                state.solved_problems(),
                state.traffic()
            )
        };
        assert_eq!(bits(&again), bits(&state), "{what}");
        assert_eq!(bits(&copy), bits(&state), "{what}");
    }
}

/// The problem without a follower as one of its own.
fn alone(game: &Game, j: AgentId) -> Game {
    let mut followers = game.problem.followers().to_vec();
    followers.remove(j);
    let mut costs = game.costs.clone();
    costs.remove(j);
    Game { problem: Problem::new(game.problem.left(&[j]), followers).expect("not essential"), costs }
}

#[test]
fn all_problems_at_once_are_one_after_the_other() {
    for seed in 0..40_u64 {
        let game = Game::random(seed, seed % 2 == 0);
        for method in game.methods() {
            for stop in [Stop::Rounds(5), Stop::Gap { epsilon: 1e-5, cap: 60 }] {
                let what = format!("seed {seed}, {method:?}, {stop:?}");
                let leader = game.leader((method, stop, Mode::Vcg));
                let together = run(&game, &leader, Script { often: 0.0, ..Script::silent(0) }, &what).0;
                // The safe step of all is safe without somebody too, and the same for everybody.
                let step = Some(leader.plan().step());
                let method = match method {
                    Method::Ascent { fading, .. } => Method::Ascent { step, fading },
                    Method::Accelerated { .. } => Method::Accelerated { step },
                    other => other,
                };
                for j in 0..game.costs.len() {
                    let ours =
                        together.solved_problems().iter().find(|s| s.absent[..] == [j]).expect("solved");
                    // Newton's gradient trial comes from the bounds of all followers: there the others play without the
                    // mode's own problems, and j is dropped.
                    let newton = method == Method::Newton;
                    let other = if newton { None } else { Some(alone(&game, j)) };
                    let other = other.as_ref().unwrap_or(&game);
                    let single = other.leader((method, stop, Mode::Zero));
                    let script =
                        if newton { Script::silent(j) } else { Script { often: 0.0, ..Script::silent(0) } };
                    let separate = run(other, &single, script, &what).0;
                    let theirs = separate.solved(separate.main_problem()).expect("solved");
                    let mut z = ours.finish.allocation.clone();
                    if !newton {
                        z.drain(game.problem.range(j));
                    }
                    assert_eq!(z, theirs.finish.allocation, "{what}, without {j}");
                    let bits = |s: &vickrey::faithful::dual::leader::Solved| {
                        let f = &s.finish;
                        format!("{:?} {:?} {:?} {} {}", f.lower, f.held, f.price, f.rounds, f.certified)
                    };
                    assert_eq!(bits(ours), bits(theirs), "{what}, without {j}");
                }
            }
        }
    }
}

/// Three followers with limits and known costs, for faults one by one.
fn small(mode: Mode, rounds: usize) -> (Game, Leader) {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let game = loop {
        let game = Game::draw(&mut rng, 4, 1, true);
        if let Some(game) = game.filter(|g| {
            Plan::new(g.problem.clone(), Rules { method: Method::Newton, ..Rules::default() }).is_ok()
        }) {
            break game;
        }
    };
    let leader = game.leader((Method::Ascent { step: None, fading: false }, Stop::Rounds(rounds), mode));
    (game, leader)
}

#[test]
fn values_beyond_sense_are_missing_on_both_sides() {
    let (game, leader) = small(Mode::Vcg, 5);
    let with = |change: &dyn Fn(&mut Values)| {
        let tamper = |_: &State, agent: AgentId, _: &Letter, mut report: Report| {
            if let (0, Report::Values(values)) = (agent, &mut report) {
                change(values);
            }
            Some(report)
        };
        drive(&leader, &game.costs, tamper).expect("a run").0
    };
    let honest = with(&|_| {});
    let exact = settled(&honest).payment.clone();
    let silent = with(&|values| values.value = f64::NAN);
    let huge = with(&|values| {
        values.value = f64::MAX;
        values.without.fill(-f64::MAX);
    });
    let short = with(&|values| values.without.clear());
    for state in [&silent, &huge, &short] {
        let found = settled(state);
        assert_eq!(found.payment[0], exact[0]);
        for j in 1..game.costs.len() {
            let alone = honest.solved_problems().iter().find(|s| s.absent[..] == [j]).expect("solved");
            let others = (1..game.costs.len()).filter(|l| *l != j);
            let tax: f64 = others
                .map(|l| game.value(l, &found.allocation) - game.value(l, &alone.finish.allocation))
                .sum();
            assert!((found.payment[j] - tax).abs() < 1e-14 * (1.0 + tax.abs()), "{j}: {found:?} and {tax}");
        }
    }
}

/// Values that are numbers, but so large that the rest of a sum is rounded away: her own tax does not contain them.
#[test]
fn huge_values_leave_ones_own_tax_in_every_bit() {
    for mode in [Mode::Vcg, Mode::Dual, Mode::Zero] {
        let (game, leader) = small(mode, 5);
        for agent in 0..game.costs.len() {
            let with = |own: Option<(f64, f64)>| {
                let (state, _) = drive(&leader, &game.costs, |_, who, _, mut report| {
                    if let (Report::Values(values), Some((value, other))) = (&mut report, own)
                        && who == agent
                    {
                        values.value = value;
                        values.without.fill(other);
                    }
                    Some(report)
                })
                .expect("a run");
                settled(&state).clone()
            };
            let truth = with(None);
            for own in [(1e20, 1e20), (-1e20, -1e20), (1e20, -1e20), (-1e20, 1e20), (7.0, -3.0)] {
                let found = with(Some(own));
                let (ours, wanted) = (found.payment[agent], truth.payment[agent]);
                assert_eq!(
                    ours.to_bits(),
                    wanted.to_bits(),
                    "{mode:?}, {agent}, {own:?}: {ours} and {wanted}"
                );
                // They were used: the others' taxes are others now.
                assert!(found.value[agent] == own.0 && found.payment != truth.payment, "{mode:?}, {agent}");
            }
        }
    }
}

#[test]
fn drops_at_the_end_and_more_than_one() {
    for mode in [Mode::Vcg, Mode::Zero, Mode::Dual] {
        let (game, leader) = small(mode, 6);
        // Three strikes in the last three rounds; two in the same round; one after the other.
        for (from, dropped, rounds) in
            [([4, 99], vec![0], 12), ([1, 1], vec![0, 1], 9), ([1, 4], vec![0, 1], 12)]
        {
            let state = drive(&leader, &game.costs, |state, agent, _, report| {
                (agent > 1 || state.round() < from[agent]).then_some(report)
            })
            .expect("a run")
            .0;
            let found = settled(&state);
            assert_eq!(
                (state.dropped(), state.traffic().rounds),
                (&dropped[..], rounds),
                "{mode:?} {from:?}"
            );
            for &i in &dropped {
                let own = &found.allocation[game.problem.range(i)];
                assert_eq!(own, game.problem.follower(i).absent, "{mode:?} {from:?}");
            }
            let members = (0..game.costs.len()).filter(|i| !dropped.contains(i));
            let others: f64 = members.map(|i| game.value(i, &found.allocation)).sum();
            let certificate = found.certificate.expect("the others are faithful");
            for &i in &dropped {
                let tax = match mode {
                    Mode::Zero => others,
                    Mode::Dual => certificate,
                    _ => 0.0,
                };
                assert!(
                    (found.payment[i] - tax).abs() < 1e-13 * (1.0 + others.abs()),
                    "{mode:?} {from:?} {found:?}"
                );
            }
            check_participation(&game, &state, mode, &format!("{mode:?} {from:?}"));
        }
    }
}

/// A sensitivity that no cost of the announced class can have counts as none, also where all pairs of rows look right: the
/// run is that of a follower who sends zeros, bit by bit. One of the class counts.
#[test]
fn sensitivities_beyond_the_class_count_as_none() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let game = loop {
        let Some(game) = Game::draw(&mut rng, 5, 3, true) else { continue };
        let wide = game.problem.follower(0).decisions() == 3;
        let rules = Rules { method: Method::Newton, ..Rules::default() };
        if wide && Plan::new(game.problem.clone(), rules).is_ok() {
            break game;
        }
    };
    let leader = game.leader((Method::Newton, Stop::Rounds(6), Mode::Vcg));
    let run = |own: &dyn Fn(&[f64]) -> Vec<f64>| {
        let (state, _) = drive(&leader, &game.costs, |_, agent, _, report| match report {
            Report::Answer(mut answer) if agent == 0 => {
                answer.sensitivity = answer.sensitivity.chunks_exact(6).flat_map(own).collect();
                Some(Report::Answer(answer))
            }
            other => Some(other),
        })
        .unwrap();
        let found = settled(&state);
        [&found.price[..], &found.payment, &found.allocation].concat()
    };
    let none = run(&|_| vec![0.0; 6]);
    let least = game.problem.follower(0).curvature.0;
    let square = |r: usize, c: usize| -> f64 {
        let row = |r: usize| &game.problem.follower(0).coupling[3 * r..3 * r + 3];
        row(r).iter().zip(row(c)).map(|(x, y)| x * y).sum::<f64>() / least
    };
    // Small, with pairs of rows that pass: all three rows against each other, which is not semidefinite.
    let small = (0..3).map(|r| square(r, r)).fold(f64::INFINITY, f64::min) * 1e-3;
    let crossed = run(&|_| [1.0, -0.9, 1.0, -0.9, -0.9, 1.0].map(|x| small * x).to_vec());
    // All of the diagonal and nothing beside it: above R R'/m in some direction.
    let wide = run(&|_| vec![square(0, 0), 0.0, square(1, 1), 0.0, 0.0, square(2, 2)]);
    let truthful = run(&|s| s.to_vec());
    assert!(none.iter().zip(&crossed).all(|(a, b)| a.to_bits() == b.to_bits()));
    assert!(none.iter().zip(&wide).all(|(a, b)| a.to_bits() == b.to_bits()));
    assert_ne!(none, truthful);
}
