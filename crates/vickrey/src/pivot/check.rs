//! What is refused about an instance, and in which words.

use super::model::{Flaw, Horizon, Kernel, Labels, ModelError, Moves, Parts, Place, Player};
use super::varying::Varying;

/// A sum of probabilities may miss 1 by this much: what writing them with ten digits loses.
pub(super) const ROW_SUM: f64 = 1e-9;
/// Sizes beyond this are mistakes of units, and would not leave digits for anything else.
const LARGEST: f64 = 1e12;
/// Decisions are kept in 16 bits, and one number means "none yet".
const MOST_DECISIONS: usize = 65_000;
const MOST_FLAWS: usize = 20;
/// One list entry for each of them is made before anything else.
const MOST_PERIODS: usize = 1_000_000;

pub(super) fn flaw(
    place: Place,
    field: &'static str,
    at: impl Into<String>,
    found: String,
    accepted: impl Into<String>,
) -> Flaw {
    Flaw { place, field, at: at.into(), found, accepted: accepted.into() }
}

/// Everything that is wrong with an instance.
pub(super) fn all(parts: &Parts) -> Result<(), ModelError> {
    all_of(parts, 1)
}

/// The same if a player may stand for so many of an instance that was accepted: her utility is a sum of as many numbers,
/// her probabilities are products of as many.
pub(super) fn all_of(parts: &Parts, members: usize) -> Result<(), ModelError> {
    // Beside what the members' rows may miss, rounding of the products.
    let members = members as i32;
    let row_sum = ((1.0 + ROW_SUM).powi(members) - 1.0) * (1.0 + 1e-6);
    let row_sum = if members == 1 { ROW_SUM } else { row_sum };
    let mut desk = Desk { parts, row_sum, largest: LARGEST * f64::from(members), found: Vec::new() };
    desk.game();
    if desk.found.is_empty() {
        desk.outcomes();
        desk.public();
        for i in 0..parts.players.len() {
            desk.player(i);
        }
        desk.labels();
    }
    if desk.found.is_empty() { Ok(()) } else { Err(ModelError { flaws: desk.found }) }
}

/// Fills lists of words that are empty.
pub(super) fn label(parts: &mut Parts) {
    let numbered = |list: &mut Vec<String>, count: usize, word: &str| {
        if list.is_empty() {
            list.extend((0..count).map(|k| format!("{word} {k}")));
        }
    };
    let Parts { labels, players, public, outcomes, decisions, .. } = parts;
    numbered(&mut labels.players, players.len(), "player");
    labels.types.resize(players.len(), Vec::new());
    for (types, player) in labels.types.iter_mut().zip(players) {
        numbered(types, player.types, "type");
    }
    numbered(&mut labels.publics, public.states, "state");
    numbered(&mut labels.outcomes, outcomes.feasible.len(), "outcome");
    numbered(&mut labels.decisions, *decisions, "decision");
}

struct Desk<'a> {
    parts: &'a Parts,
    /// What a sum of probabilities may miss 1 by.
    row_sum: f64,
    /// Sizes beyond this are refused.
    largest: f64,
    found: Vec<Flaw>,
}

/// What the axes of a table may be.
#[derive(Clone, Copy)]
struct Axes {
    time: bool,
    decision: bool,
    public: bool,
}

const EVERYTHING: Axes = Axes { time: true, decision: true, public: true };
const NO_DECISION: Axes = Axes { decision: false, ..EVERYTHING };
const PUBLIC_ONLY: Axes = Axes { time: false, decision: false, public: true };

impl Desk<'_> {
    fn say(
        &mut self,
        place: Place,
        field: &'static str,
        at: impl Into<String>,
        found: impl Into<String>,
        accepted: impl Into<String>,
    ) {
        if self.found.len() < MOST_FLAWS {
            self.found.push(flaw(place, field, at, found.into(), accepted));
        }
    }

    fn game(&mut self) {
        let Parts { horizon, discount, decisions, public, .. } = self.parts;
        if let Horizon::Finite(periods) = horizon
            && !(1..=MOST_PERIODS).contains(periods)
        {
            let accepted = format!("at least one period and at most {MOST_PERIODS}");
            self.say(Place::Game, "horizon", "", format!("{periods} periods"), accepted);
        }
        let (fine, accepted) = match horizon {
            Horizon::Infinite => {
                (*discount > 0.0 && *discount < 1.0, "above 0 and below 1 for an infinite horizon")
            }
            Horizon::Finite(_) => (*discount > 0.0 && *discount <= 1.0, "above 0 and at most 1"),
        };
        if !fine {
            self.say(Place::Game, "discount", "", discount.to_string(), accepted);
        }
        if *decisions == 0 || *decisions > MOST_DECISIONS {
            self.say(Place::Game, "decisions", "", decisions.to_string(), format!("1 to {MOST_DECISIONS}"));
        }
        if public.states == 0 {
            self.say(Place::Public, "states", "", "0", "at least one public state");
        }
        for (i, player) in self.parts.players.iter().enumerate() {
            if player.types == 0 {
                self.say(Place::Player(i), "types", "", "0", "at least one type");
            }
        }
    }

    fn outcomes(&mut self) {
        let outcomes = &self.parts.outcomes;
        if outcomes.feasible.is_empty() {
            return self.say(Place::Outcomes, "outcomes", "", "none", "at least one outcome");
        }
        self.sets(Place::Outcomes, "feasible decisions", &outcomes.feasible, None);
        if self.shape(Place::Outcomes, "probability", &outcomes.probability, NO_DECISION) {
            for (k, row) in outcomes.probability.entries().iter().enumerate() {
                let at = outcomes.probability.words(k);
                self.distribution(Place::Outcomes, "probability", &at, row, outcomes.feasible.len());
            }
        }
    }

    /// Lists of decisions, one for each outcome.
    fn sets(
        &mut self,
        place: Place,
        field: &'static str,
        sets: &[Vec<usize>],
        within: Option<&[Vec<usize>]>,
    ) {
        let outcomes = self.parts.outcomes.feasible.len();
        if sets.len() != outcomes {
            let accepted = format!("one list for each of the {outcomes} outcomes");
            return self.say(place, field, "", format!("{} lists", sets.len()), accepted);
        }
        for (z, set) in sets.iter().enumerate() {
            let at = format!("outcome {z}");
            if set.is_empty() {
                self.say(place, field, at.as_str(), "an empty list", "at least one decision");
            }
            if let Some(a) = set.iter().find(|a| **a >= self.parts.decisions) {
                let accepted = format!("0 to {}", self.parts.decisions - 1);
                self.say(place, field, at.as_str(), format!("decision {a}"), accepted);
            }
            if set.windows(2).any(|pair| pair[0] >= pair[1]) {
                self.say(place, field, at.as_str(), format!("{set:?}"), "decisions in ascending order");
            }
            if let Some(a) = within.and_then(|all| set.iter().find(|a| !all[z].contains(a))) {
                let accepted = "decisions that are feasible in this outcome";
                self.say(place, field, at.as_str(), format!("decision {a}"), accepted);
            }
        }
    }

    fn public(&mut self) {
        let public = &self.parts.public;
        let place = Place::Public;
        if public.start >= public.states {
            let accepted = format!("0 to {}", public.states - 1);
            self.say(place, "start", "", public.start.to_string(), accepted);
        }
        if self.shape(place, "utility", &public.utility, EVERYTHING) {
            for (k, w) in public.utility.entries().iter().enumerate() {
                let at = public.utility.words(k);
                self.number(place, "utility", &at, *w);
            }
        }
        self.terminal_public();
        self.which(place, &public.moves);
        for (k, law) in public.moves.laws.iter().enumerate() {
            if let Some((state, _)) = law.iter().find(|(state, _)| *state >= public.states) {
                let accepted = format!("0 to {}", public.states - 1);
                self.say(
                    place,
                    "transition",
                    format!("law {k}"),
                    format!("a move to state {state}"),
                    accepted,
                );
            }
            let row: Vec<f64> = law.iter().map(|(_, p)| *p).collect();
            let at = self.user_of(&public.moves, k);
            self.distribution(place, "transition", &at, &row, row.len());
        }
    }

    fn terminal_public(&mut self) {
        let terminal = &self.parts.public.terminal;
        if terminal.is_empty() {
            return;
        }
        if self.parts.horizon == Horizon::Infinite {
            self.say(Place::Public, "terminal", "", "a terminal utility", "none for an infinite horizon");
        }
        if terminal.len() != self.parts.public.states {
            let accepted = format!("one number for each of the {} public states", self.parts.public.states);
            self.say(Place::Public, "terminal", "", format!("{} numbers", terminal.len()), accepted);
        }
        for (s, g) in terminal.iter().enumerate() {
            self.number(Place::Public, "terminal", &format!("public state {s}"), *g);
        }
    }

    fn player(&mut self, i: usize) {
        let player = &self.parts.players[i];
        let place = Place::Player(i);
        self.by_type(place, "utility", &player.utility, EVERYTHING, player);
        self.terminal(place, player);
        if let Some(outside) = &player.outside {
            self.by_type(place, "outside", outside, NO_DECISION, player);
        }
        self.which(place, &player.moves);
        for (k, kernel) in player.moves.laws.iter().enumerate() {
            let at = self.user_of(&player.moves, k);
            self.kernel(place, &at, kernel, player.types);
        }
        self.distribution(place, "prior", "", &player.prior, player.types);
        if let Some(sets) = &player.absent {
            self.sets(place, "decisions without her", sets, Some(&self.parts.outcomes.feasible));
        }
    }

    fn terminal(&mut self, place: Place, player: &Player) {
        match (&player.terminal, self.parts.horizon) {
            (Some(_), Horizon::Infinite) => {
                self.say(place, "terminal", "", "a terminal utility", "none for an infinite horizon");
            }
            (None, Horizon::Finite(_)) => {
                self.say(place, "terminal", "", "nothing", "one number for each type (zeros, if it is 0)");
            }
            (Some(terminal), _) => self.by_type(place, "terminal", terminal, PUBLIC_ONLY, player),
            (None, _) => {}
        }
    }

    fn kernel(&mut self, place: Place, at: &str, kernel: &Kernel, types: usize) {
        if kernel.types != types || kernel.rows.len() != types * types {
            let found = format!("{} numbers for {} types", kernel.rows.len(), kernel.types);
            return self.say(
                place,
                "transition",
                at,
                found,
                format!("{types} rows of {types} probabilities"),
            );
        }
        for row in 0..types {
            let comma = if at.is_empty() { "" } else { ", " };
            self.distribution(place, "transition", &format!("{at}{comma}row {row}"), kernel.row(row), types);
        }
    }

    /// Numbers of a law that is chosen.
    fn which<L>(&mut self, place: Place, moves: &Moves<L>) {
        self.shape(place, "transition", &moves.which, EVERYTHING);
        if let Some(id) = moves.which.entries().iter().find(|id| **id >= moves.laws.len()) {
            let accepted = format!("0 to {}", moves.laws.len().saturating_sub(1));
            self.say(place, "transition", "", format!("law {id}"), accepted);
        }
    }

    /// Where a law is first used.
    fn user_of<L>(&self, moves: &Moves<L>, law: usize) -> String {
        let first = moves.which.entries().iter().position(|id| *id == law);
        first.map_or_else(|| format!("law {law}"), |k| moves.which.words(k))
    }

    fn by_type(
        &mut self,
        place: Place,
        field: &'static str,
        table: &Varying<Vec<f64>>,
        axes: Axes,
        player: &Player,
    ) {
        if !self.shape(place, field, table, axes) {
            return;
        }
        for (k, row) in table.entries().iter().enumerate() {
            let at = table.words(k);
            if row.len() != player.types {
                let accepted = format!("one number for each of the {} types", player.types);
                self.say(place, field, at.as_str(), format!("{} numbers", row.len()), accepted);
            }
            for (own, v) in row.iter().enumerate() {
                let comma = if at.is_empty() { "" } else { ", " };
                self.number(place, field, &format!("{at}{comma}type {own}"), *v);
            }
        }
    }

    fn number(&mut self, place: Place, field: &'static str, at: &str, x: f64) {
        if x.is_nan() || x.abs() > self.largest {
            self.say(place, field, at, x.to_string(), "a number of size at most 1e12");
        }
    }

    fn distribution(&mut self, place: Place, field: &'static str, at: &str, row: &[f64], length: usize) {
        if row.len() != length {
            let accepted = format!("{length} probabilities");
            return self.say(place, field, at, format!("{} numbers", row.len()), accepted);
        }
        if let Some(x) = row.iter().find(|x| !(0.0..=1.0 + self.row_sum).contains(*x)) {
            return self.say(place, field, at, x.to_string(), "probabilities from 0 to 1");
        }
        let sum: f64 = row.iter().sum();
        if (sum - 1.0).abs() > self.row_sum {
            self.say(place, field, at, format!("probabilities that add up to {sum}"), "a sum of 1");
        }
    }

    /// Whether the axes of a table are those of the game.
    fn shape<T>(&mut self, place: Place, field: &'static str, table: &Varying<T>, axes: Axes) -> bool {
        let periods = match self.parts.horizon {
            Horizon::Finite(periods) => periods,
            Horizon::Infinite => 1,
        };
        let full = [
            ("periods", periods, axes.time),
            ("decisions", self.parts.decisions, axes.decision),
            ("public states", self.parts.public.states, axes.public),
        ];
        let mut fine = true;
        for ((name, full, allowed), found) in full.into_iter().zip(table.shape()) {
            if found == 1 || (allowed && found == full) {
                continue;
            }
            let accepted = if allowed && full > 1 { format!("1 or {full}") } else { "1".into() };
            self.say(place, field, format!("axis of {name}"), format!("length {found}"), accepted);
            fine = false;
        }
        fine
    }

    fn labels(&mut self) {
        let Labels { players, types, publics, outcomes, decisions } = &self.parts.labels;
        let mut lists: Vec<(&'static str, &Vec<String>, usize)> = vec![
            ("names of players", players, self.parts.players.len()),
            ("names of public states", publics, self.parts.public.states),
            ("names of outcomes", outcomes, self.parts.outcomes.feasible.len()),
            ("names of decisions", decisions, self.parts.decisions),
        ];
        for (types, player) in types.iter().zip(&self.parts.players) {
            lists.push(("names of types", types, player.types));
        }
        for (field, list, full) in lists {
            if !list.is_empty() && list.len() != full {
                self.say(Place::Game, field, "", format!("{} names", list.len()), format!("{full} names"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::{Model, Outcomes, Public};
    use super::*;

    fn fine() -> Parts {
        let player = Player {
            types: 2,
            utility: Varying::by_decision(vec![vec![0.0, 0.0], vec![-1.0, -4.0]]),
            moves: Moves::constant(Kernel::new(2, vec![0.3, 0.7, 0.1, 0.9])),
            terminal: Some(Varying::constant(vec![0.0, -1.0])),
            prior: vec![0.5, 0.5],
            absent: Some(vec![vec![0]]),
            outside: None,
        };
        Parts {
            horizon: Horizon::Finite(3),
            discount: 1.0,
            decisions: 2,
            outcomes: Outcomes { feasible: vec![vec![0, 1]], probability: Varying::constant(vec![1.0]) },
            public: Public::nothing(),
            players: vec![player],
            labels: Labels::default(),
        }
    }

    fn refused(spoil: impl FnOnce(&mut Parts)) -> String {
        let mut parts = fine();
        spoil(&mut parts);
        Model::new(parts).expect_err("must be refused").to_string()
    }

    #[test]
    fn a_sound_instance_is_accepted_and_labelled() {
        let model = Model::new(fine()).expect("sound");
        assert_eq!(model.labels().decisions[1], "decision 1");
    }

    #[test]
    fn every_flaw_names_its_place() {
        let kernel = |rows: Vec<f64>| Moves::constant(Kernel::new(2, rows));
        assert_eq!(
            refused(|p| p.players[0].moves = kernel(vec![0.3, 0.7, 0.1, 0.8])),
            "player 0, transition, row 1: found probabilities that add up to 0.9, accepted is a sum of 1"
        );
        assert!(
            refused(|p| p.players[0].moves = kernel(vec![0.3, 0.7, f64::NAN, 0.8])).contains("found NaN")
        );
        assert!(refused(|p| p.players[0].moves = kernel(vec![1.3, -0.3, 0.5, 0.5])).contains("from 0 to 1"));
        assert!(refused(|p| p.outcomes.feasible[0].clear()).contains("outcome 0: found an empty list"));
        assert!(refused(|p| p.players[0].absent = Some(vec![vec![]])).contains("decisions without her"));
        assert!(refused(|p| p.players[0].absent = Some(vec![vec![5]])).contains("decision 5"));
        assert!(refused(|p| p.discount = 0.0).contains("discount: found 0"));
        assert!(refused(|p| p.horizon = Horizon::Infinite).contains("below 1 for an infinite horizon"));
        assert!(refused(|p| p.horizon = Horizon::Finite(0)).contains("at least one period"));
        assert!(refused(|p| p.players.clear()).contains("players: found none"));
        assert!(refused(|p| p.players[0].terminal = None).contains("terminal: found nothing"));
        assert!(refused(|p| p.players[0].prior = vec![0.5, 0.4]).contains("add up to 0.9"));
        assert!(
            refused(|p| p.players[0].utility = Varying::by_decision(vec![vec![0.0, 0.0]; 3]))
                .contains("axis of decisions: found length 3, accepted is 1 or 2")
        );
        assert!(
            refused(|p| p.players[0].utility = Varying::constant(vec![0.0, f64::INFINITY]))
                .contains("type 1: found inf")
        );
        assert!(refused(|p| p.public.utility = Varying::constant(f64::NAN)).contains("public, utility"));
        assert!(refused(|p| p.public.start = 3).contains("start: found 3"));
        assert!(refused(|p| p.outcomes.probability = Varying::constant(vec![0.5])).contains("add up to 0.5"));
    }

    #[test]
    fn stationary_games_take_no_terminal_utility() {
        let message = refused(|p| {
            p.horizon = Horizon::Infinite;
            p.discount = 0.9;
        });
        assert!(message.contains("none for an infinite horizon"), "{message}");
    }
}
