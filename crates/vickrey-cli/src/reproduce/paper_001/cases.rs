//! Instances for what paper 001 says: it prints none of its own.

use vickrey::mechanism::AgentId;
use vickrey::two_stage::demand::{Condition, Day, Expectations, Lottery, Shortage, expectations};
use vickrey::two_stage::discretise::{Bins, Family, family};
use vickrey::two_stage::simulate::Calendar;
use vickrey::two_stage::{Demand, Game, Law};

use super::failed;
use crate::failure::Failure;

/// A law from its probabilities.
pub fn law(probabilities: &[f64]) -> Result<Law, Failure> {
    Law::new(probabilities.to_vec()).map_err(|error| failed(&error))
}

/// Game A: two players with three types, two first and three second outcomes.
pub fn game_a() -> Result<Game, Failure> {
    let one = [
        [[0.0, 4.0, 1.0], [-0.5, 3.5, 0.5]],
        [[0.0, 1.0, 3.0], [-0.5, 0.5, 2.5]],
        [[0.0, -1.0, 6.0], [-0.5, -1.5, 5.5]],
    ];
    let two = [
        [[0.0, 2.0, 2.0], [0.3, 1.0, 2.6]],
        [[0.0, 5.0, 0.0], [0.3, 4.0, 0.6]],
        [[0.0, -2.0, 3.0], [0.3, -3.0, 3.6]],
    ];
    let values = [one, two].map(|v| v.into_iter().flatten().flatten().collect());
    let cost = vec![0.0, 2.0, 3.0, 0.2, 1.0, 3.5];
    Game::new(vec![3, 3], [2, 3], values.into(), cost, None).map_err(|error| failed(&error))
}

/// The laws of game A.
pub fn laws_a() -> Result<Vec<Law>, Failure> {
    Ok(vec![law(&[0.5, 0.3, 0.2])?, law(&[0.3, 0.4, 0.3])?])
}

/// A market of demand response with one kind of day.
pub struct Market {
    /// delta by player and type.
    pub types: Vec<Vec<f64>>,
    /// Laws by player.
    pub laws: Vec<Law>,
    /// The reserve.
    pub reserve: Lottery,
    /// What has to be covered.
    pub shortage: f64,
}

impl Market {
    /// From deltas and probabilities by player, those of the reserve last.
    pub fn new(players: &[(&[f64], &[f64])], shortage: f64) -> Result<Self, Failure> {
        let Some((reserve, players)) = players.split_last() else { return Err(failed(&"nobody")) };
        let reserve = Lottery::new(reserve.0.to_vec(), reserve.1.to_vec()).map_err(|error| failed(&error))?;
        let laws = players.iter().map(|(_, p)| law(p)).collect::<Result<_, _>>()?;
        Ok(Self { types: players.iter().map(|(t, _)| t.to_vec()).collect(), laws, reserve, shortage })
    }

    /// Demand response B.
    pub fn b() -> Result<Self, Failure> {
        let half: &[f64] = &[0.5, 0.5];
        Self::new(&[(&[1.0, 3.0], half), (&[2.0, 5.0], &[0.25, 0.75]), (&[1.0, 4.0], half)], 3.0)
    }

    /// `n` players with these types, and a reserve.
    pub fn alike(n: usize, bins: &Bins, reserve: &Bins) -> Result<Self, Failure> {
        Ok(Self {
            types: vec![bins.points.clone(); n],
            laws: vec![bins.law.clone(); n],
            reserve: lottery(reserve)?,
            shortage: 1.0,
        })
    }

    /// Types as slices.
    pub fn slices(&self) -> Vec<&[f64]> {
        self.types.iter().map(Vec::as_slice).collect()
    }

    /// What all payments follow from.
    pub fn expectations(&self) -> Expectations {
        expectations(&self.slices(), &self.laws.iter().collect::<Vec<_>>(), Some(&self.reserve))
    }

    /// d² / 2.
    pub fn half_square(&self) -> f64 {
        self.shortage * self.shortage / 2.0
    }

    /// What a player receives on average if everybody is honest.
    pub fn received(&self, player: AgentId) -> f64 {
        let e = self.expectations();
        (e.marginal[player] + e.own[player]) * self.half_square()
    }

    /// As a market that repeats every day.
    pub fn repeated(&self) -> Result<Demand, Failure> {
        let shortage = Shortage::Certain(self.shortage);
        let conditions = vec![Condition { shortage, reserve: Some(self.reserve.clone()) }];
        Demand::new(self.types.clone(), None, conditions, None).map_err(|error| failed(&error))
    }
}

/// The only kind of day, every day.
pub fn every_day() -> Calendar<Day> {
    Calendar::Listed(vec![Day { signal: 0, shortage: None }])
}

/// A law of the paper's experiment: `m` equal-probability bins of this family.
pub fn bins(of: Family, mean: f64, m: usize) -> Result<Bins, Failure> {
    family(of, mean, 2.0, m).map_err(|error| failed(&error))
}

/// The reserve's law from bins.
pub fn lottery(bins: &Bins) -> Result<Lottery, Failure> {
    Lottery::new(bins.points.clone(), bins.law.probabilities().to_vec()).map_err(|error| failed(&error))
}
