//! Many seeded runs of the layered market, truthful and with lies on the same noise: how budget, welfare, payments and
//! net utilities are distributed.
//!
//! Promises of the layered market hold in expectation; one day's budget may be negative and an agent may be worse off
//! than idle. [`simulate`] counts how often. Truthful agents are computed side by side, without a strategy each, so that
//! a thousand days of a thousand agents take seconds; liars are [`Strategy`] values as everywhere, and
//! the numbers are those of the driver [`crate::simulate::run`] on the same seed (up to the last digits).
//!
//! | to do | use |
//! |---|---|
//! | one run | [`Game::play`] |
//! | many runs, summarised | [`simulate`], [`Distribution`] |
//! | what the runs should give on average | [`Expectation`] |
//! | the linear lie that gains most in a sample | [`best_lie`] |
//!
//! ```
//! use std::sync::Arc;
//! use vickrey::guarantee::Baseline;
//! use vickrey::lq::simulate::{Game, simulate};
//! use vickrey::lq::{Agent, LayerRule, LayeredMechanism, Market, Pivot};
//! use vickrey::numeric::sample::Share;
//!
//! let agent = |a, q| {
//!     let made = Agent::scalar(a, 1.0, q, -1.0)?;
//!     made.with(|p| (p.start_noise, p.noise) = (vec![0.4], 0.1.into()))
//! };
//! let agents: Result<Vec<Agent>, _> = [(1.0, -1.0), (0.9, -0.5), (0.8, -2.0)].into_iter().map(|(a, q)| agent(a, q)).collect();
//! let market = Arc::new(Market::new(4, Vec::new(), agents.map_err(|e| e[0].clone())?)?);
//! let rule = LayerRule::Groves { pivot: Pivot::Incremental, c: 1.0, baseline: Baseline::Autarky };
//! let game = Game::new(LayeredMechanism::new(market, rule)?, Arc::default());
//! let days = simulate(&game, None, 7, 200, &|_| ());
//! let deficit = Share::new(days.honest.deficits, days.runs());
//! assert!(deficit.low > 0.5, "plain VCG runs a deficit on most days: {deficit:?}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod best;
mod expectation;
mod play;
mod tally;

use std::fmt;
use std::sync::Arc;

use super::model::Market;
use super::protocol::LayeredMechanism;
use super::solve::kalman::Filter;
use super::solve::passes::Columns;
use super::strategies::{Replay, Sight};
use crate::mechanism::{AgentId, Strategy};

pub use best::{BestLie, best_lie};
pub use expectation::Expectation;
pub use play::{Run, Side};
pub use tally::{Distribution, MOST_SAMPLES, Tally, simulate};

/// A market as it truly is, its rule of payment, and where its noise comes from.
#[derive(Clone, Debug)]
pub struct Game {
    mechanism: LayeredMechanism,
    replay: Arc<Replay>,
    /// By how much innovations move the estimates of agents that see a measurement only, period by period; empty if
    /// everybody sees its state.
    gains: Arc<[Columns]>,
}

/// A strategy for a run with this seed.
pub type Maker = Arc<dyn Fn(u64) -> Box<dyn Strategy<LayeredMechanism, Sight>> + Send + Sync>;

/// Who lies, and what the operator was told before the start.
#[derive(Clone, Default)]
pub struct Lies {
    /// The mechanism for the market as it was reported; none: as it is.
    pub reported: Option<LayeredMechanism>,
    /// Liars and how they play; all others are truthful.
    pub liars: Vec<(AgentId, Maker)>,
}

impl fmt::Debug for Lies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let agents: Vec<AgentId> = self.liars.iter().map(|liar| liar.0).collect();
        f.debug_struct("Lies").field("reported", &self.reported.is_some()).field("liars", &agents).finish()
    }
}

impl Game {
    /// Everything is prepared once for all runs. The mechanism's market is the true one.
    pub fn new(mechanism: LayeredMechanism, replay: Arc<Replay>) -> Self {
        let gains = gains(mechanism.market()).into();
        Self { mechanism, replay, gains }
    }

    /// The mechanism with everybody truthful.
    pub fn mechanism(&self) -> &LayeredMechanism {
        &self.mechanism
    }

    /// The market as it is.
    pub fn market(&self) -> &Arc<Market> {
        self.mechanism.market()
    }

    /// Recorded disturbances.
    pub fn replay(&self) -> &Replay {
        &self.replay
    }
}

/// The gains of all filters, period by period; zero for agents that see their state.
fn gains(market: &Market) -> Vec<Columns> {
    if !market.is_observed() {
        return Vec::new();
    }
    let mut gains: Vec<Columns> = (0..market.periods()).map(|_| Columns::per_state(market)).collect();
    for agent in 0..market.len() {
        let parameters = market.parameters(agent);
        let Some(mut filter) = Filter::of(&parameters) else { continue };
        for (t, gains) in gains.iter_mut().enumerate() {
            filter.measure(gains.state_mut(market, agent));
            filter.predict_with(&parameters, t);
        }
    }
    gains
}
