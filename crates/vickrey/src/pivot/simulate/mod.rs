//! Many games at once, and one game in full.
//!
//! The same numbers as through the protocol, without its ceremony: decisions and payments of small instances come from
//! tables. Lies are played on the same random numbers as the truth.

mod informed;

use std::sync::Arc;

use rayon::prelude::*;

pub use self::informed::informed;
use super::mode::PaymentTime;
use super::protocol::{PivotError, PivotMechanism};
use super::solve::product::Tables;
use super::solve::{Solution, State};
use super::strategies::{Lie, Nature, Sight};
use crate::mechanism::AgentId;

/// Up to so many entries decisions and payments are looked up in tables.
const TABLED: usize = 1 << 22;

/// A game that can be played many times.
#[derive(Clone, Debug)]
pub struct Game {
    mechanism: PivotMechanism,
    /// Whether players know the outcome when they report.
    leaks: bool,
    tables: Vec<Tables>,
}

/// One game: sums discounted to the start.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Run {
    /// What decisions and the end were worth to every player.
    pub valuation: Vec<f64>,
    /// What every player paid.
    pub payment: Vec<f64>,
    /// What decisions and the end were worth to the public.
    pub public: f64,
    /// What comes after the periods that were played; none if the game is over, or if that is not known.
    pub ahead: Option<Ahead>,
}

/// What could be expected after the last period that was played if everybody told the truth from then on, discounted to
/// the start.
#[derive(Clone, Debug, PartialEq)]
pub struct Ahead {
    /// Net utility of every player; none for those who have left.
    pub utility: Vec<Option<f64>>,
    /// Of everybody who is there, the public included.
    pub welfare: f64,
}

impl Run {
    /// Valuation minus payment.
    pub fn utility(&self, player: AgentId) -> f64 {
        self.valuation[player] - self.payment[player]
    }

    /// What the coordinator keeps.
    pub fn budget(&self) -> f64 {
        self.payment.iter().sum()
    }

    /// What everybody has, the public included.
    pub fn welfare(&self) -> f64 {
        self.valuation.iter().sum::<f64>() + self.public
    }
}

/// One period of a game.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The period.
    pub period: usize,
    /// The true state at its beginning.
    pub state: State,
    /// What was reported; none from those who have left.
    pub reports: Vec<Option<usize>>,
    /// What turned out.
    pub outcome: usize,
    /// What was decided.
    pub decision: usize,
    /// Payment of every player, not discounted.
    pub payment: Vec<f64>,
    /// What the decision was worth to every player, not discounted.
    pub valuation: Vec<f64>,
    /// What it was worth to the public.
    pub public: f64,
    /// What everybody who is there could expect at the beginning of the period, by the reports; none without values.
    pub value: Option<f64>,
    /// What every player could expect if all told the truth from then on; none without values, and for who has left.
    pub truthful: Vec<Option<f64>>,
}

/// The true state after the last period, and who is still there.
struct End {
    nature: Nature,
    there: Vec<bool>,
}

impl Game {
    /// A game of a mechanism. `leaks`: players know the outcome when they report.
    pub fn new(mechanism: PivotMechanism, leaks: bool) -> Self {
        let (solution, terms) = (mechanism.solution(), mechanism.terms());
        let model = solution.model();
        let tables = match solution.product() {
            Some(product) if terms.payment == PaymentTime::BeforeOutcome => {
                let slices = if model.periods().is_some() { terms.periods } else { 1 };
                let width = model.players() + model.outcomes();
                let entries = product.space().size().saturating_mul(width * slices);
                let count = if entries <= TABLED { slices } else { 0 };
                (0..count).map(|t| product.tables(t)).collect()
            }
            _ => Vec::new(),
        };
        Self { mechanism, leaks, tables }
    }

    /// What is played.
    pub fn mechanism(&self) -> &PivotMechanism {
        &self.mechanism
    }

    fn solution(&self) -> &Arc<Solution> {
        self.mechanism.solution()
    }

    /// Plays one game; one lie for each player, none for those who tell the truth.
    ///
    /// # Errors
    /// The game cannot go on without a player who stays silent.
    pub fn play(&self, lies: &[Lie], seed: u64) -> Result<Run, PivotError> {
        let model = self.solution().model();
        let zero = vec![0.0; model.players()];
        let mut run = Run { valuation: zero.clone(), payment: zero, public: 0.0, ahead: None };
        let mut weight = 1.0;
        let end = self.walk(lies, seed, |nature, _, (_, decision), payment| {
            for (i, p) in payment.iter().enumerate() {
                run.payment[i] += weight * p;
                run.valuation[i] += weight * nature.valuation(model, i, decision);
            }
            run.public += weight * model.public().utility.at(nature.period, decision, nature.public);
            weight *= model.discount();
        })?;
        if model.periods() == Some(self.mechanism.terms().periods) {
            for (i, v) in run.valuation.iter_mut().enumerate() {
                *v += weight * end.nature.terminal(model, i);
            }
            run.public += weight * model.public().terminal.get(end.nature.public).copied().unwrap_or(0.0);
        } else {
            run.ahead = self.ahead(&end, weight);
        }
        Ok(run)
    }

    /// Plays a game with every one of these seeds in parallel; the answers stand in their order. `told` is called after
    /// each.
    ///
    /// # Errors
    /// As for [`play`](Self::play).
    pub fn play_many(
        &self,
        lies: &[Lie],
        seeds: &[u64],
        told: &(dyn Fn() + Sync),
    ) -> Result<Vec<Run>, PivotError> {
        let one = |&seed: &u64| {
            let run = self.play(lies, seed);
            told();
            run
        };
        seeds.par_iter().map(one).collect()
    }

    /// What can be expected after the last period that was played.
    fn ahead(&self, end: &End, weight: f64) -> Option<Ahead> {
        let members: Vec<AgentId> = (0..end.there.len()).filter(|&i| end.there[i]).collect();
        let types = members.iter().map(|&i| end.nature.types[i]).collect();
        let state = State { public: end.nature.public, types };
        let solution = self.mechanism.reduced(&members).ok()?;
        let (value, reference) = match solution.product() {
            Some(product)
                if end.nature.period <= product.periods() || product.model().periods().is_none() =>
            {
                (product.value(end.nature.period, &state), product.reference(end.nature.period, &state))
            }
            _ => {
                let ruling = solution.ruling(end.nature.period, &state).ok()?;
                (ruling.value?, ruling.reference?)
            }
        };
        let mut utility = vec![None; end.there.len()];
        members.iter().zip(reference).for_each(|(&i, without)| utility[i] = Some(weight * (value - without)));
        Some(Ahead { utility, welfare: weight * value })
    }

    /// One game, period by period.
    ///
    /// # Errors
    /// As for [`play`](Self::play).
    pub fn trace(&self, lies: &[Lie], seed: u64) -> Result<Vec<Step>, PivotError> {
        let model = self.solution().model();
        let mut steps = Vec::new();
        self.walk(lies, seed, |nature, reports, (outcome, decision), payment| {
            let members: Vec<AgentId> = (0..reports.len()).filter(|&i| reports[i].is_some()).collect();
            let types = reports.iter().flatten().copied().collect();
            let reported = State { public: nature.public, types };
            let solution = self.mechanism.reduced(&members).ok();
            let ruling = solution.and_then(|solution| solution.ruling(nature.period, &reported).ok());
            let of = |i: AgentId| {
                let place = members.iter().position(|&j| j == i)?;
                ruling.as_ref().and_then(|r| r.truthful(place))
            };
            steps.push(Step {
                period: nature.period,
                state: State { public: nature.public, types: nature.types.clone() },
                reports: reports.to_vec(),
                outcome,
                decision,
                payment: payment.to_vec(),
                valuation: (0..model.players()).map(|i| nature.valuation(model, i, decision)).collect(),
                public: *model.public().utility.at(nature.period, decision, nature.public),
                value: ruling.as_ref().and_then(|r| r.value),
                truthful: (0..model.players()).map(of).collect(),
            });
        })?;
        Ok(steps)
    }

    /// Walks through one game; `see` gets the true state, the reports, outcome and decision, and the payments of every
    /// period. Answers what is there at the end.
    fn walk(
        &self,
        lies: &[Lie],
        seed: u64,
        mut see: impl FnMut(&Nature, &[Option<usize>], (usize, usize), &[f64]),
    ) -> Result<End, PivotError> {
        let model = self.solution().model();
        let mut nature = Nature::new(model, seed);
        let mut there = vec![true; model.players()];
        for _ in 0..self.mechanism.terms().periods {
            let outcome = nature.outcome(model);
            let report = |i: AgentId| {
                let sight = Sight { own: nature.types[i], outcome: self.leaks.then_some(outcome) };
                let told = |lie: &Lie| lie.report(nature.period, nature.public, sight);
                // A report that is no type is refused, and who sends it has left.
                lies.get(i).map_or(Some(sight.own), told).filter(|own| *own < model.player(i).types)
            };
            let reports: Vec<Option<usize>> =
                (0..model.players()).map(|i| if there[i] { report(i) } else { None }).collect();
            there.iter_mut().zip(&reports).for_each(|(there, report)| *there = report.is_some());
            let (decision, payment) = self.rule(&nature, &reports, outcome)?;
            see(&nature, &reports, (outcome, decision), &payment);
            nature.advance(model, decision);
        }
        Ok(End { nature, there })
    }

    /// The decision and the payments.
    fn rule(
        &self,
        nature: &Nature,
        reports: &[Option<usize>],
        outcome: usize,
    ) -> Result<(usize, Vec<f64>), PivotError> {
        let types: Vec<usize> = reports.iter().flatten().copied().collect();
        let state = State { public: nature.public, types };
        let whole = state.types.len() == reports.len();
        let slice = if self.solution().model().periods().is_some() { nature.period } else { 0 };
        if let (true, Some(product), Some(tables)) =
            (whole, self.solution().product(), self.tables.get(slice))
        {
            let index = product.space().index(&state);
            let payment = tables.payment.iter().map(|p| p[index]).collect();
            return Ok((usize::from(tables.decision[outcome][index]), payment));
        }
        let members: Vec<AgentId> = (0..reports.len()).filter(|&i| reports[i].is_some()).collect();
        let solution = self.mechanism.reduced(&members)?;
        let ruling = solution.ruling(nature.period, &state)?;
        let paid = match self.mechanism.terms().payment {
            PaymentTime::BeforeOutcome => &ruling.payment,
            PaymentTime::OutcomeContingent => &ruling.contingent[outcome],
        };
        let mut payment = vec![0.0; reports.len()];
        members.iter().zip(paid).for_each(|(&i, p)| payment[i] = *p);
        Ok((ruling.decision[outcome], payment))
    }
}
