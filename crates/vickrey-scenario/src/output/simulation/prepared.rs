//! A layered or filtered market, ready to be played many times.

use std::sync::Arc;

use vickrey::lq::simulate::{Expectation, Game};
use vickrey::lq::strategies::Replay;
use vickrey::lq::{Aggregate, Expected, LayeredMechanism, Market};

use crate::output::linear_quadratic::{LqCharge, LqError, Outlook};
use crate::{LinearQuadraticScenario, Scenario};

/// A market with its rule of payment.
#[derive(Debug)]
pub struct Prepared<'a> {
    /// The file's head.
    pub scenario: &'a Scenario,
    /// Its market as it was read.
    pub lq: &'a LinearQuadraticScenario,
    /// The rule of payment.
    pub charge: LqCharge,
    /// What is played.
    pub game: Game,
    /// What runs give on average; none if some noise is recorded.
    pub expectation: Option<Expectation>,
}

/// The market as it was reported before the start, by agents that misreport their parameters.
#[derive(Clone, Debug)]
pub struct Reported {
    /// The rule of payment; a computed c follows from what was reported.
    pub charge: LqCharge,
    /// The mechanism for it.
    pub mechanism: LayeredMechanism,
}

impl<'a> Prepared<'a> {
    /// Sets the market up. (A c that the expected values do not give is no error: see [`LqCharge::missing`].)
    ///
    /// # Errors
    /// The parameters lead out of the range of numbers, or the payment cannot be had with this many agents.
    pub fn new(scenario: &'a Scenario, lq: &'a LinearQuadraticScenario) -> Result<Self, LqError> {
        let (Reported { charge, mechanism }, outlook) = set_up(lq, lq.market.clone())?;
        let replay = Replay::new(lq.replay.clone().unwrap_or_default());
        let expectation = match &outlook {
            Outlook::Expected(expected) if replay.is_empty() => {
                Some(Expectation::new(mechanism.rule(), expected))
            }
            _ => None,
        };
        let game = Game::new(mechanism, Arc::new(replay));
        Ok(Self { scenario, lq, charge, game, expectation })
    }

    /// The same with a market as it was reported.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn reported(&self, market: Market) -> Result<Reported, LqError> {
        set_up(self.lq, market).map(|(reported, _)| reported)
    }

    /// How many agents' disturbances are recorded.
    pub fn replayed(&self) -> usize {
        (0..self.lq.market.len()).filter(|&agent| self.game.replay().has(agent)).count()
    }

    /// Whether every run is the same one if everybody is truthful.
    pub fn is_certain(&self) -> bool {
        let market = &self.lq.market;
        market.is_deterministic() && !market.is_observed()
            || (self.replayed() == market.len() && !market.is_observed() && market.factors() == 0)
    }
}

fn set_up(lq: &LinearQuadraticScenario, market: Market) -> Result<(Reported, Outlook), LqError> {
    let market = Arc::new(market);
    let aggregate = Arc::new(Aggregate::new(&market)?);
    let outlook = Outlook::Expected(Box::new(Expected::new(&market, &aggregate, false)?));
    let charge = LqCharge::resolve(lq, &market, &outlook);
    let mechanism = LayeredMechanism::prepared(Arc::clone(&market), aggregate, charge.layer_rule())
        .map_err(|error| LqError::of(error, &market))?;
    Ok((Reported { charge, mechanism }, outlook))
}
