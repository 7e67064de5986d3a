//! Repeated markets drawn at random: providers with lognormal-like types and uneven laws.

use rand::RngExt;
use vickrey::numeric::random::{Purpose, stream};
use vickrey::two_stage::demand::{Condition, Lottery, Shortage};
use vickrey::two_stage::{Demand, Game, Law, Supertypes};

use crate::Failure;

/// Costs between 1/e² and e² and laws over them, by player; the first players of a large market are those of a small one.
fn providers(players: usize, types: usize, seed: u64) -> Result<(Vec<Vec<f64>>, Vec<Law>), Failure> {
    let one = |i: usize| {
        let rng = &mut stream(seed, Purpose::Instance, i as u64);
        let own = (0..types).map(|_| (4.0 * rng.random::<f64>() - 2.0).exp()).collect();
        Ok((own, law(types, rng)?))
    };
    (0..players).map(one).collect::<Result<Vec<_>, Failure>>().map(|all| all.into_iter().unzip())
}

fn law(types: usize, rng: &mut impl RngExt) -> Result<Law, Failure> {
    let weights: Vec<f64> = (0..types).map(|_| 0.2 + rng.random::<f64>()).collect();
    let sum: f64 = weights.iter().sum();
    Ok(Law::new(weights.iter().map(|w| w / sum).collect())?)
}

/// A demand-response market with a shortage of 1 and a reserve that costs 1 or 4.
///
/// # Errors
/// The numbers do not make a market.
pub fn demand(players: usize, types: usize, seed: u64) -> Result<(Demand, Supertypes), Failure> {
    let (own, laws) = providers(players, types, seed)?;
    let reserve = Some(Lottery::new(vec![1.0, 4.0], vec![0.5, 0.5])?);
    let condition = Condition { shortage: Shortage::Certain(1.0), reserve };
    Ok((Demand::new(own, None, vec![condition], None)?, Supertypes::constant(laws)))
}

/// The same with a limit for everybody, between a half and three times an equal share of the shortage.
///
/// # Errors
/// The numbers do not make a market.
pub fn limited(players: usize, types: usize, seed: u64) -> Result<(Demand, Supertypes), Failure> {
    let (free, reports) = demand(players, types, seed)?;
    let own = (0..players).map(|i| free.types(i).to_vec()).collect();
    let limit = |i: usize| {
        let rng = &mut stream(seed, Purpose::Instance, (players + i) as u64);
        (0.5 + 2.5 * rng.random::<f64>()) / players as f64
    };
    let limits = (0..players).map(limit).collect();
    Ok((Demand::new(own, Some(limits), free.conditions().to_vec(), None)?, reports))
}

/// A finite game in which nobody is like anybody else; values and costs are multiples of `unit` if there is one.
///
/// # Errors
/// The numbers do not make a game.
pub fn game(
    players: usize,
    types: usize,
    outcomes: [usize; 2],
    unit: Option<f64>,
    seed: u64,
) -> Result<(Game, Vec<Law>), Failure> {
    let round = |x: f64| unit.map_or(x, |unit| (x / unit).round() * unit);
    let pairs = outcomes[0] * outcomes[1];
    let rng = &mut stream(seed, Purpose::Instance, u64::MAX);
    let cost = (0..pairs).map(|_| round(rng.random_range(0.0..3.0))).collect();
    let own = |i: usize| {
        let rng = &mut stream(seed, Purpose::Instance, i as u64);
        let values: Vec<f64> = (0..types * pairs).map(|_| round(rng.random_range(-2.0..3.0))).collect();
        Ok((values, law(types, rng)?))
    };
    let all: Result<Vec<_>, Failure> = (0..players).map(own).collect();
    let (values, laws) = all?.into_iter().unzip();
    Ok((Game::new(vec![types; players], outcomes, values, cost, None)?, laws))
}
