//! A finite game that repeats every day.

use rand_chacha::ChaCha8Rng;

use super::law::Supertypes;
use super::market::{Market, Settled, Unusable};
use super::model::Game;
use super::solve::{Scene, Solved, TooLarge, Way, second, solve_scenes, way};
use crate::mechanism::AgentId;

/// When a day's public signal is known.
#[derive(Clone, Debug, PartialEq)]
pub enum Timing {
    /// Before the first stage decides: everything is settled for the signal of the day.
    BeforeFirstStage,
    /// After the first stage and before the bids: one first-stage outcome for all days. The signals' long-run frequencies
    /// are given; promises are as exact as these.
    BeforeBids(Vec<f64>),
}

/// A finite game on every day; which one, a public signal tells.
#[derive(Clone, Debug, PartialEq)]
pub struct Finite {
    /// By signal.
    games: Vec<Game>,
    timing: Timing,
}

/// Why games do not make a market.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FiniteError {
    /// No game at all.
    #[error("found no games, accepted is one for each public signal")]
    Nothing,
    /// Different players or outcomes under different signals.
    #[error(
        "signal {signal}: found other players, types or outcomes than under signal 0, accepted are the same"
    )]
    Differs {
        /// Which.
        signal: usize,
    },
    /// Frequencies that are none.
    #[error("frequencies of the signals: {0}")]
    Frequencies(String),
    /// The first stage would have to choose what is not possible without a player under some signal.
    #[error(
        "player {player}: no first-stage outcome is available without her under every signal, accepted is at least one"
    )]
    Absent {
        /// Who.
        player: AgentId,
    },
}

impl Finite {
    /// One game, the same every day.
    pub fn new(game: Game) -> Self {
        Self { games: vec![game], timing: Timing::BeforeFirstStage }
    }

    /// A game for every public signal.
    ///
    /// # Errors
    /// There is none, they have different players or outcomes, frequencies are no law over them, or nothing is possible
    /// without a player.
    pub fn by_signal(games: Vec<Game>, timing: Timing) -> Result<Self, FiniteError> {
        let Some(first) = games.first() else { return Err(FiniteError::Nothing) };
        let shape = |g: &Game| (g.types().to_vec(), g.first(), g.second());
        if let Some(signal) = games.iter().position(|g| shape(g) != shape(first)) {
            return Err(FiniteError::Differs { signal });
        }
        if let Timing::BeforeBids(frequencies) = &timing {
            let wrong = |words: String| Err(FiniteError::Frequencies(words));
            if frequencies.len() != games.len() {
                return wrong(format!(
                    "found {}, accepted is one for each of the {}",
                    frequencies.len(),
                    games.len()
                ));
            }
            if let Err(error) = super::law::Law::new(frequencies.clone()) {
                return wrong(error.to_string());
            }
            let free = |i: AgentId, a: usize| games.iter().all(|g| g.available(i, a).contains(&true));
            let stuck = |i: &AgentId| !(0..first.first()).any(|a| free(*i, a));
            if let Some(player) = (0..first.players()).find(stuck) {
                return Err(FiniteError::Absent { player });
            }
        }
        Ok(Self { games, timing })
    }

    /// The game under a signal.
    pub fn game(&self, signal: usize) -> &Game {
        &self.games[signal]
    }

    /// When the signal is known.
    pub fn timing(&self) -> &Timing {
        &self.timing
    }

    /// How it is solved for these laws, and that it is small enough: by signal, or once if the first-stage decision is one
    /// for all signals.
    ///
    /// # Errors
    /// There are too many type profiles.
    pub fn ways(&self, reports: &Supertypes) -> Result<Vec<Way>, TooLarge> {
        let scenes = self.scenes(reports);
        match &self.timing {
            Timing::BeforeFirstStage => scenes.chunks(1).map(way).collect(),
            Timing::BeforeBids(_) => Ok(vec![way(&scenes)?]),
        }
    }

    /// The games with their laws, by signal.
    fn scenes<'s>(&'s self, reports: &'s Supertypes) -> Vec<Scene<'s>> {
        let weight = |w: usize| match &self.timing {
            Timing::BeforeFirstStage => 1.0,
            Timing::BeforeBids(frequencies) => frequencies[w],
        };
        let games = self.games.iter().enumerate();
        games.map(|(w, game)| Scene { weight: weight(w), game, laws: reports.under(w) }).collect()
    }
}

/// What is done on a day, by number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Outcomes {
    /// In the first stage.
    pub first: usize,
    /// In the second stage.
    pub second: usize,
}

impl Market for Finite {
    type Day = usize;
    type Draw = ();
    type Decision = Outcomes;
    /// By signal.
    type Plan = Vec<Solved>;
    type Error = TooLarge;

    fn types(&self) -> &[usize] {
        self.games[0].types()
    }

    fn signals(&self) -> usize {
        self.games.len()
    }

    fn plan(&self, reports: &Supertypes) -> Result<Vec<Solved>, TooLarge> {
        let scenes = self.scenes(reports);
        match &self.timing {
            Timing::BeforeFirstStage => scenes.chunks(1).map(solve_scenes).collect(),
            Timing::BeforeBids(_) => Ok(vec![solve_scenes(&scenes)?; self.games.len()]),
        }
    }

    fn signal(&self, day: &usize) -> usize {
        *day
    }

    fn check(&self, day: &usize, _: Option<&()>) -> Result<(), Unusable> {
        let accepted = format!("a number below {}", self.games.len());
        let fine = *day < self.games.len();
        if fine { Ok(()) } else { Err(Unusable { field: "public signal", found: day.to_string(), accepted }) }
    }

    fn draw(&self, _: &usize, _: &mut ChaCha8Rng) {}

    fn settle(
        &self,
        plan: &Vec<Solved>,
        day: &usize,
        _: &(),
        bids: &[usize],
        settled: &mut Settled<Outcomes>,
    ) {
        let (game, solved) = (&self.games[*day], &plan[*day]);
        let second = second(game, solved.first, bids);
        settled.decision = Outcomes { first: solved.first, second };
        settled.cost = game.cost(solved.first)[second];
        for (i, &bid) in bids.iter().enumerate() {
            settled.reported[i] = game.value(i, bid, solved.first, second);
            settled.contribution[i] = solved.contribution(i);
            settled.expected[i] = solved.expected[i];
        }
    }

    fn value(&self, day: &usize, player: AgentId, own: usize, decision: &Outcomes) -> f64 {
        self.games[*day].value(player, own, decision.first, decision.second)
    }

    fn score(&self, _: AgentId, own: usize) -> f64 {
        own as f64
    }

    fn spread(&self) -> Option<f64> {
        Some(self.games.iter().map(Game::spread).fold(0.0, f64::max))
    }

    fn frequencies(&self) -> Option<&[f64]> {
        match &self.timing {
            Timing::BeforeFirstStage => None,
            Timing::BeforeBids(frequencies) => Some(frequencies),
        }
    }

    fn default_type(&self, _: AgentId) -> usize {
        0
    }
}
