//! Exact expectations, through the payments as they are charged.
//!
//! Two ways, both without sampling. **Enumeration**: every noisy number takes the two values of a fair coin, and all 2^m
//! paths are played. **Differences**: under linear strategies utilities and payments are quadratic in the noise z, so
//! E f(z) = f(0) + ½ sum_k (f(e_k) + f(-e_k) - 2 f(0)), whatever the law, with 2m + 1 runs; and only the agent's own noise
//! has to be counted for what it gains by a lie, because the others' noise meets it with mean zero and is otherwise the
//! same for truth and lie.

use rayon::prelude::*;

use super::play::{self, Layout, LinearLie, Outcome, Play, Rows, Shock};
use crate::lq::model::Market;
use crate::lq::protocol::LayeredMechanism;
use crate::mechanism::AgentId;
use crate::numeric::sum::{Sum, compensated};

/// Noisy numbers beyond which the paths are too many to be played one by one.
pub const MOST_COINS: usize = 18;
/// Paths of one task.
const PATHS: u64 = 64;

/// Means and standard deviations over all paths.
#[derive(Clone, Debug, PartialEq)]
pub struct Moments {
    /// Mean utility of the agents that were followed, before payments, in their order.
    pub utility: Vec<f64>,
    /// Mean payment of every agent.
    pub payment: Vec<f64>,
    /// Standard deviation of the payment of every agent.
    pub payment_deviation: Vec<f64>,
    /// Mean of what the operator keeps.
    pub budget: f64,
    /// Standard deviation of what the operator keeps.
    pub budget_deviation: f64,
    /// Number of paths.
    pub paths: u64,
}

/// Plays all paths of two-point noise. `players` are followed through their true states in `truth`; everybody else bids
/// what arrives. None if there are more than [`MOST_COINS`] noisy numbers.
///
/// # Panics
/// A player's strategy has another number of periods than the market.
pub fn enumerate(
    mechanism: &LayeredMechanism,
    truth: &Market,
    players: &[(AgentId, LinearLie)],
) -> Option<Moments> {
    let layout = Layout::new(truth);
    let mut shocks = play::shocks(truth, &(0..truth.len()).collect::<Vec<_>>());
    for (agent, lie) in players {
        assert_eq!(lie.steps().len(), truth.periods(), "a step for every period");
        shocks.extend(play::spoken_shocks(*agent, truth.states(*agent), lie));
    }
    if shocks.len() > MOST_COINS {
        return None;
    }
    let play = Play { mechanism, truth, layout: &layout, players: players.to_vec() };
    let base = play::means(truth, &layout);
    let paths = 1_u64 << shocks.len();
    let width = players.len() + 2 * (truth.len() + 1);
    let parts: Vec<Vec<f64>> = (0..paths.div_ceil(PATHS))
        .into_par_iter()
        .map(|task| {
            let mut sums = vec![Sum::from(0.0); width];
            for signs in task * PATHS..((task + 1) * PATHS).min(paths) {
                let active: Vec<(usize, f64)> =
                    (0..shocks.len()).map(|k| (k, if signs >> k & 1 == 0 { 1.0 } else { -1.0 })).collect();
                add_path(&mut sums, &play.run(&base, &shocks, &active));
            }
            sums.into_iter().map(Sum::get).collect()
        })
        .collect();
    let mean = |k: usize| compensated(parts.iter().map(|part| part[k])) / paths as f64;
    let (first, n) = (players.len(), truth.len());
    let deviation = |k: usize| (mean(k + n + 1) - mean(k) * mean(k)).max(0.0).sqrt();
    Some(Moments {
        utility: (0..first).map(mean).collect(),
        payment: (first..first + n).map(mean).collect(),
        payment_deviation: (first..first + n).map(deviation).collect(),
        budget: mean(first + n),
        budget_deviation: deviation(first + n),
        paths,
    })
}

/// Utilities, payments, the budget; squares of the payments and of the budget.
fn add_path(sums: &mut [Sum], outcome: &Outcome) {
    let budget = compensated(outcome.payment.iter().copied());
    let paid = || outcome.payment.iter().copied().chain([budget]);
    let all = outcome.utility.iter().copied().chain(paid()).chain(paid().map(|x| x * x));
    for (sum, x) in sums.iter_mut().zip(all) {
        sum.add(x);
    }
}

/// The mean of a quantity over these shocks, by differences; with `base` as the mean path.
pub(super) fn mean(
    play: &Play<'_>,
    base: &Rows,
    shocks: &[Shock],
    pick: impl Fn(&Outcome) -> f64 + Sync,
) -> f64 {
    let still = pick(&play.run(base, shocks, &[]));
    let bend = |k: usize| {
        let side = |sign: f64| pick(&play.run(base, shocks, &[(k, sign)]));
        0.5 * ((side(1.0) - still) + (side(-1.0) - still))
    };
    let bends: Vec<f64> = (0..shocks.len()).into_par_iter().map(bend).collect();
    compensated(bends.into_iter().chain([still]))
}

/// What one agent's net utility comes to in expectation if it bids like this and all others bid what arrives, plus a
/// constant that does not depend on what it does: differences between two strategies are exact.
///
/// `base` is what arrives for certain, in bids and states.
pub(super) fn relative_net(
    mechanism: &LayeredMechanism,
    layout: &Layout,
    base: &Rows,
    own: &[Shock],
    (agent, lie): (AgentId, &LinearLie),
) -> f64 {
    let market = mechanism.market();
    let play = Play { mechanism, truth: market, layout, players: vec![(agent, lie.clone())] };
    let mut shocks = own.to_vec();
    shocks.extend(play::spoken_shocks(agent, market.states(agent), lie));
    mean(&play, base, &shocks, |outcome| outcome.net(&play, 0))
}

/// What an agent gains in expectation by a lie while all others are truthful. Exact for every law of the noise, played
/// through the mechanism's payments.
///
/// # Panics
/// The strategy has another number of periods than the market.
pub fn expected_gain(mechanism: &LayeredMechanism, agent: AgentId, lie: &LinearLie) -> f64 {
    let market = mechanism.market();
    assert_eq!(lie.steps().len(), market.periods(), "a step for every period");
    let layout = Layout::new(market);
    let base = play::means(market, &layout);
    let own = play::shocks(market, &[agent]);
    let net = |lie: &LinearLie| relative_net(mechanism, &layout, &base, &own, (agent, lie));
    net(lie) - net(&LinearLie::truth(market.periods()))
}

/// What an agent's net utility comes to in expectation if the operator was told other parameters than the true ones, and
/// everybody bids the true state minus the forecast. Exact; 2m + 1 runs with m noisy numbers in the whole market.
///
/// `mechanism` runs with the parameters as told; `truth` is the market as it is. What noise after the last trade costs is
/// left out on both sides.
pub fn expected_net(mechanism: &LayeredMechanism, truth: &Market, agent: AgentId) -> f64 {
    let layout = Layout::new(truth);
    let honest = LinearLie::truth(truth.periods());
    // The agent first; everybody whose truthful bid is no longer just what arrives has to be followed, too.
    let mut players = vec![(agent, honest.clone())];
    let told = mechanism.market();
    let moved = |i: AgentId| {
        let (a, b) = (told.parameters(i), truth.parameters(i));
        a.a != b.a || a.b != b.b
    };
    players.extend((0..truth.len()).filter(|&i| i != agent && moved(i)).map(|i| (i, honest.clone())));
    let play = Play { mechanism, truth, layout: &layout, players };
    let base = play::means(truth, &layout);
    let shocks = play::shocks(truth, &(0..truth.len()).collect::<Vec<_>>());
    mean(&play, &base, &shocks, |outcome| outcome.net(&play, 0))
}
