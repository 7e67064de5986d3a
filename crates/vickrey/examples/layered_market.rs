//! A market in real time from the inside: what everybody can expect, the layers one by one, bids that come as messages,
//! a strategy of one's own, and a plan.
//!
//!     cargo run --release -p vickrey --example layered_market

use std::error::Error;
use std::sync::Arc;

use vickrey::accounts::Accounts;
use vickrey::guarantee::Baseline;
use vickrey::lq::protocol::{Bid, Forecast};
use vickrey::lq::strategies::{Lie, LqWorld, Player, Replay, Sight};
use vickrey::lq::{Agent, Aggregate, Bids, Expected, LayerRule, LayeredMechanism, Market, Pivot, Plan};
use vickrey::mechanism::{Inbox, Mechanism, Next, Strategy, Turn};
use vickrey::scaling::interval;
use vickrey::simulate::{Profile, paired};

/// a, b, q, r, variance of the start, variance of the noise.
const AGENTS: [(f64, f64, f64, f64, f64, f64); 3] =
    [(1.0, 1.0, -1.0, -1.0, 0.5, 0.1), (0.9, 1.0, -0.5, -2.0, 0.4, 0.2), (0.8, 0.5, -2.0, -1.0, 0.3, 0.1)];

fn market() -> Result<Market, Box<dyn Error>> {
    let mut agents = Vec::new();
    for (a, b, q, r, start, noise) in AGENTS {
        let agent = Agent::scalar(a, b, q, r).and_then(|agent| {
            agent.with(|p| {
                p.start_noise = vec![start];
                p.noise = noise.into();
            })
        });
        agents.push(agent.map_err(|errors| errors[0].clone())?);
    }
    Ok(Market::new(3, Vec::new(), agents)?)
}

/// What everybody can expect before anything has happened, and which factors c would do.
fn expected(market: &Market, aggregate: &Aggregate) -> Result<(), Box<dyn Error>> {
    let expected = Expected::new(market, aggregate, false)?;
    let ledger = &expected.ledger;
    println!("expected welfare {:.6}", ledger.welfare());
    for i in 0..market.len() {
        println!(
            "{}: alone {:.6}, payment {:+.6}, discount {:.6}",
            market.name(i),
            ledger.outside(i),
            ledger.vcg(i),
            ledger.gap(i)
        );
    }
    if let Some(range) = interval(ledger, Baseline::Autarky).feasible() {
        println!("feasible c: {:.6} to {:.6}", range.low, range.high);
    }
    Ok(())
}

/// The fast path: no driver, one call per period.
fn by_hand(mechanism: &LayeredMechanism) {
    let market = mechanism.market();
    let mut state = mechanism.start();
    for bids in [[1.0, -0.5, 0.2], [0.1, 0.0, -0.2], [-0.1, 0.3, 0.0]] {
        let layer = mechanism.step(&mut state, Bids::scalar(market, &bids));
        let trade = &layer.trade;
        println!(
            "period {}: price {:+.6}, trades {:+.6?}, payments {:+.6?}",
            trade.period, trade.prices[0], trade.allocation, layer.payment
        );
    }
}

/// Bids that arrive one by one, in any order, some of them useless.
fn by_messages(mechanism: &LayeredMechanism) -> Result<(), Box<dyn Error>> {
    let mut state = mechanism.start();
    while mechanism.next(&state) == Next::Collect {
        let period = state.record().period();
        let mut inbox = Inbox::new(mechanism, &state);
        for (agent, bid) in [(2, 0.2), (0, f64::NAN), (0, 0.5), (0, 0.7), (7, 1.0)] {
            if let Err(refused) = inbox.offer(agent, Bid { period, change: vec![bid] })
                && period == 0
            {
                println!("refused: {refused}");
            }
        }
        let arrivals = inbox.close();
        mechanism.close(&mut state, arrivals)?;
        let layer = mechanism.settle(&mut state, ())?;
        println!("period {period}: bids that count {:?}", layer.bids.get(mechanism.market(), 0));
    }
    Ok(())
}

/// Bids the truth, but says nothing about small changes.
struct Lazy {
    below: f64,
}

impl Strategy<LayeredMechanism, Sight> for Lazy {
    fn report(&mut self, turn: Turn<'_, Sight, Forecast>) -> Option<Bid> {
        let Sight::State(state) = turn.signal else { return None };
        let change: Vec<f64> = state.iter().zip(&turn.announcement.state).map(|(x, f)| x - f).collect();
        let large = change.iter().any(|x| x.abs() >= self.below);
        large.then_some(Bid { period: turn.announcement.period, change })
    }
}

/// What an agent gains on average over truth by a strategy, on the same noise.
fn gain(
    mechanism: &LayeredMechanism,
    strategy: impl Fn() -> Box<dyn Strategy<LayeredMechanism, Sight>>,
) -> Result<f64, Box<dyn Error>> {
    let market = mechanism.market();
    let honest = |i: usize| Box::new(Player::truthful(Arc::new(market.parameters(i)))) as Box<_>;
    let world = |seed| LqWorld::new(Arc::clone(market), seed, Arc::new(Replay::default()));
    let mut sum = 0.0;
    for seed in 0..2000 {
        let mut profile: Profile<LayeredMechanism, Sight> = (0..market.len()).map(honest).collect();
        profile[0] = strategy();
        sum += paired(mechanism, world, honest, profile, seed)?.gain(0);
    }
    Ok(sum / 2000.0)
}

fn main() -> Result<(), Box<dyn Error>> {
    let market = Arc::new(market()?);
    let aggregate = Arc::new(Aggregate::new(&market)?);
    expected(&market, &aggregate)?;

    let rule = LayerRule::Groves { pivot: Pivot::Incremental, c: 1.0, baseline: Baseline::Autarky };
    let mechanism = LayeredMechanism::prepared(Arc::clone(&market), Arc::clone(&aggregate), rule)?;
    by_hand(&mechanism);
    by_messages(&mechanism)?;

    println!("lazy: {:+.4}", gain(&mechanism, || Box::new(Lazy { below: 0.3 }))?);
    let parameters = Arc::new(market.parameters(0));
    let lie = Lie { scale: 1.3, ..Lie::TRUTH };
    println!("1.3 times: {:+.4}", gain(&mechanism, || Box::new(Player::new(Arc::clone(&parameters), lie)))?);

    // The plan of the same agents if all of them stand where they are expected to stand, but the first has 1 too much.
    let known = Agent::new(market.parameters(0)).and_then(|agent| agent.with(|p| p.start = vec![1.0]));
    let surplus = market.with_agent(0, known.map_err(|errors| errors[0].clone())?)?;
    let plan = Plan::new(&surplus, &Aggregate::new(&surplus)?)?;
    println!("plan: prices {:+.6?}, the first pays {:+.6}", plan.prices(), plan.ledger.vcg(0));
    println!("its trades {:+.6?}", plan.path(&surplus, 0).allocation);
    Ok(())
}
