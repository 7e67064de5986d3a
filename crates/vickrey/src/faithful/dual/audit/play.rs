//! Runs with one or two followers who deviate, and what they are left with.

use std::sync::Arc;

use crate::faithful::dual::cost::Cost;
use crate::faithful::dual::follower::Faithful;
use crate::faithful::dual::leader::{Leader, LeaderError, Letter, Phase, Report, State};
use crate::faithful::dual::rules::{Mode, Plan, Rules};
use crate::faithful::dual::strategies::{Play, Player};
use crate::faithful::dual::tax::Settled;
use crate::mechanism::AgentId;
use crate::numeric::random::{Purpose, stream};

/// A plan with the true costs, ready to be played.
pub(super) struct Table<'a> {
    pub plan: Arc<Plan>,
    pub leader: Leader,
    pub costs: &'a [Arc<Cost>],
    pub seed: u64,
}

impl<'a> Table<'a> {
    pub fn new(plan: Arc<Plan>, costs: &'a [Arc<Cost>], seed: u64) -> Self {
        Self { leader: Leader::new(plan.clone()), plan, costs, seed }
    }

    /// The same with other rules; none if they do not go with the problem.
    pub fn with(&self, change: impl FnOnce(&mut Rules)) -> Option<Self> {
        let mut rules = self.plan.rules().clone();
        change(&mut rules);
        let plan = Plan::new(self.plan.problem().clone(), rules).ok()?;
        Some(Self::new(Arc::new(plan), self.costs, self.seed))
    }

    /// A run in which some deviate and all others are faithful.
    pub fn run(&self, deviants: &[(AgentId, &Play)]) -> Result<State, LeaderError> {
        let mut state = self.leader.start();
        let mut players: Vec<(AgentId, Player, _)> = deviants
            .iter()
            .map(|(agent, play)| {
                let player = Player { plan: self.plan.clone(), play: (*play).clone() };
                (*agent, player, stream(self.seed, Purpose::Audit, *agent as u64))
            })
            .collect();
        while state.phase() != Phase::Finished {
            let mut reports: Vec<Option<Report>> = Vec::with_capacity(self.costs.len());
            for agent in 0..self.costs.len() {
                let letter = self.leader.letter(&state, agent);
                reports.push(letter.and_then(
                    |letter| match players.iter_mut().find(|(i, ..)| *i == agent) {
                        Some((_, player, rng)) => player.respond(agent, &self.costs[agent], &letter, rng),
                        None => Some(self.faithful(agent, &letter)),
                    },
                ));
            }
            self.leader.close(&mut state, reports)?;
        }
        Ok(state)
    }

    fn faithful(&self, agent: AgentId, letter: &Letter) -> Report {
        let public = self.plan.problem().follower(agent);
        let cost = &*self.costs[agent];
        let faithful = Faithful { agent, public, cost };
        match letter {
            Letter::Modulus => Report::Modulus(cost.curvature(&public.low, &public.high).0),
            Letter::Prices(letter) => Report::Answer(faithful.answer(letter)),
            Letter::Decision(decision) => Report::Values(faithful.values(decision)),
        }
    }

    /// v_i(z_i) + pi_i: true cost and tax.
    pub fn net(&self, settled: &Settled, agent: AgentId) -> f64 {
        self.own_cost(settled, agent) + settled.payment[agent]
    }

    pub fn own_cost(&self, settled: &Settled, agent: AgentId) -> f64 {
        self.costs[agent].value(&settled.allocation[self.plan.problem().range(agent)])
    }

    /// sum of true costs.
    pub fn social_cost(&self, settled: &Settled) -> f64 {
        crate::numeric::sum::compensated((0..self.costs.len()).map(|i| self.own_cost(settled, i)))
    }

    /// Whether nothing that a follower does reaches what her tax compares with.
    pub fn independent(&self) -> bool {
        self.plan.rules().independent()
    }

    /// Whether the theory bounds what anybody gains by the certificate.
    pub fn bounded(&self) -> bool {
        self.plan.rules().unproved().is_none()
    }

    /// The table on which gains are measured. Where what taxes compare with is out of a follower's reach it drops out of
    /// every gain, and the main problem alone gives the same differences at an N-th of the work; but only if `all` taxes
    /// compare with something.
    pub fn for_gains(&self, all: bool) -> Option<Self> {
        if all && self.independent() && self.plan.rules().mode.has_marginals() {
            self.with(|rules| rules.mode = Mode::Zero)
        } else {
            Some(Self::new(self.plan.clone(), self.costs, self.seed))
        }
    }

    /// The size of the money in a run: gains far below it are rounding.
    pub fn size(&self, settled: &Settled) -> f64 {
        let costs: f64 = (0..self.costs.len()).map(|i| self.own_cost(settled, i).abs()).sum();
        costs + settled.payment.iter().map(|p| p.abs()).sum::<f64>()
    }
}

/// Names a deviation for a reader.
pub(super) fn describe(play: &Play) -> String {
    let list = |z: &[f64]| z.iter().map(|x| format!("{x:.6}")).collect::<Vec<_>>().join(", ");
    match play {
        Play::Faithful => "faithful".into(),
        Play::Pretend(_) => "pretends another cost".into(),
        Play::Tilt { scale, shift, true_values } => {
            let end = if *true_values { ", final values true" } else { "" };
            format!("answers as if her cost were {scale:.4} v + ({})z{end}", list(shift))
        }
        Play::Constant(z) => format!("always answers ({})", list(z)),
        Play::Script(all) => {
            let last = all.last().map_or_else(String::new, |z| list(z));
            format!("chooses her answer in every one of {} rounds, the last ({last})", all.len())
        }
        Play::Values(factor) => format!("reports {factor} times her final values"),
        Play::Silent { from, to } if *to == usize::MAX => format!("silent from round {from}"),
        Play::Silent { from, to } if *to == from + 1 => format!("silent in round {from}"),
        Play::Silent { from, to } => format!("silent in rounds {from} to {}", to - 1),
        Play::Garbage => "sends garbage".into(),
        Play::Announce { modulus, then } => {
            format!("announces a least curvature of {modulus:e}, then {}", describe(then))
        }
    }
}
