//! The solution over multisets of types, for exchangeable players: values of who has which type, whoever it is.

use std::collections::HashMap;
use std::sync::Arc;

use super::certificate::Certificate;
use super::contract::{combine, stretches};
use super::problem::Problem;
use super::product::Product;
use super::ruling::{Question, Ruling};
use super::space::State;
use super::{Options, Progress, SolveError, solve_whole};
use crate::mechanism::AgentId;
use crate::pivot::exchangeable::Lumped;
use crate::pivot::mode::Without;
use crate::pivot::model::{Horizon, Kernel, Model};

/// Everybody, or everybody but one: the players as they are, the multisets, and the values over these.
#[derive(Clone, Debug)]
struct Part {
    problem: Problem,
    lumped: Lumped,
    values: Product,
    /// Number of the kernel of every player and law among the distinct ones of all.
    kernels: Vec<Vec<usize>>,
}

/// Values over multisets: of everybody, and without one player of every group.
#[derive(Clone, Debug)]
pub struct Exchangeable {
    mode: Without,
    whole: Part,
    rest: Vec<Part>,
    /// In mode tight what the others are measured against, by group and period, over the multisets of the rest, without
    /// constants of the lumped instance of everybody.
    tight: Vec<Vec<Vec<f64>>>,
    /// Group of every player.
    group: Vec<usize>,
    error: f64,
    certificate: Certificate,
}

impl Exchangeable {
    /// Solves an instance over multisets of types.
    ///
    /// # Errors
    /// There is nothing to gain, tables do not fit, or an infinite horizon cannot be solved to the tolerance.
    pub(super) fn new(model: &Model, options: &Options, progress: Progress<'_>) -> Result<Self, SolveError> {
        let parts = 1.0 + crate::pivot::exchangeable::groups(model).len() as f64;
        let whole = Part::new(model.clone(), options, &|x| progress(x / parts))?;
        let groups = whole.lumped.groups().to_vec();
        let mut group = vec![0; model.players()];
        let mut rest = Vec::new();
        for (g, members) in groups.iter().enumerate() {
            members.iter().for_each(|&i| group[i] = g);
            let less = model.left_by(members[0], options.mode == Without::Own)?;
            rest.push(Part::new(less, options, &|x| progress((1.0 + g as f64 + x) / parts))?);
        }
        let certificate = certificate(&whole, &rest, options.mode);
        let error = rest.iter().map(|part| part.values.error).fold(whole.values.error, f64::max);
        let mut found =
            Self { mode: options.mode, whole, rest, tight: Vec::new(), group, error, certificate };
        if found.mode == Without::Tight {
            found.tight = (0..groups.len()).map(|g| found.tight(g, groups[g][0])).collect();
        }
        Ok(found)
    }

    /// The groups of players who can change places.
    pub fn groups(&self) -> &[Vec<AgentId>] {
        self.whole.lumped.groups()
    }

    /// Number of joint states over multisets.
    pub fn states(&self) -> usize {
        self.whole.values.space().size()
    }

    /// What no lie gains more than.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Decisions and payments at one state.
    pub fn ruling(&self, period: usize, state: &State) -> Ruling {
        let model = &self.whole.problem.model;
        let mut known = HashMap::new();
        let choices = self.whole.choices(period, state, None, (0, &mut known));
        let rest = (0..model.players()).map(|i| {
            let g = self.group[i];
            let next = self.tight.get(g).map(|h| &h[self.whole.slice(period + 1)][..]);
            self.rest[g].choices(period, &without(state, i), next, (1 + g, &mut known))
        });
        let rest: Vec<Vec<f64>> = rest.collect();
        let tight = (self.mode == Without::Tight).then(|| {
            (0..model.players()).map(|i| self.tight_at(i, period, &without(state, i))).collect::<Vec<f64>>()
        });
        let value = self.whole.value(period, state);
        let reference = (0..model.players()).map(|i| {
            let g = self.group[i];
            let constant = self.whole.values.constant(period) - self.own_constant(i, period);
            tight.as_ref().map_or_else(|| self.rest[g].value(period, &without(state, i)), |h| h[i] + constant)
        });
        Question {
            model,
            mode: self.mode,
            period,
            public: state.public,
            band: &|best| self.whole.problem.stage.band(best, self.error),
            whole: &choices,
            rest: &rest,
            tight: tight.as_deref(),
        }
        .ruling(Some(value), Some(reference.collect()))
    }

    /// A player's own constants, as far as the lumped instance took them out of her group.
    fn own_constant(&self, i: AgentId, period: usize) -> f64 {
        let group = self.group[i];
        let members = self.groups()[group].len() as f64;
        self.whole.values.own_constant(group, period) / members
    }

    fn tight_at(&self, i: AgentId, period: usize, others: &State) -> f64 {
        let g = self.group[i];
        self.tight[g][self.whole.slice(period)][self.rest[g].place(others)]
    }

    /// h of a player of a group in every period and multiset of the others: the least of everybody's value minus her
    /// outside value over her own types.
    fn tight(&self, g: usize, player: AgentId) -> Vec<Vec<f64>> {
        let (model, rest) = (&self.whole.problem.model, &self.rest[g]);
        let space = rest.values.space();
        let slices = self.whole.values.values.len();
        let periods = model.periods();
        let mut all = Vec::new();
        for period in 0..slices {
            let constant = self.own_constant(player, period);
            let h = |index: usize| {
                let lumped = space.state(index, space.members.len());
                let mut types = rest.lumped.representative(&lumped.types);
                types.insert(player, 0);
                let mut left = |own: usize| {
                    types[player] = own;
                    let state = State { public: lumped.public, types: types.clone() };
                    let outside = match periods {
                        Some(end) if period == end => {
                            let g = model.player(player).terminal.as_ref();
                            g.map_or(0.0, |g| g.at(0, 0, lumped.public)[own])
                        }
                        _ => model.outside(player, period, lumped.public, own),
                    };
                    self.whole.values.values(period)[self.whole.place(&state)] - (outside - constant)
                };
                (0..model.player(player).types).map(&mut left).fold(f64::INFINITY, f64::min)
            };
            all.push((0..space.size()).map(h).collect());
        }
        all
    }
}

impl Part {
    fn new(model: Model, options: &Options, progress: Progress<'_>) -> Result<Self, SolveError> {
        let lumped = Lumped::new(&model, options.memory).map_err(|e| SolveError::Lump(e.to_string()))?;
        let values = solve_whole(lumped.model(), options, progress)?;
        let mut distinct: Vec<&Kernel> = Vec::new();
        let mut kernels = Vec::new();
        for i in 0..model.players() {
            let of = |kernel| match distinct.iter().position(|k| *k == kernel) {
                Some(known) => known,
                None => {
                    distinct.push(kernel);
                    distinct.len() - 1
                }
            };
            kernels.push(model.player(i).moves.laws().iter().map(of).collect());
        }
        let problem = Problem::whole(Arc::new(model.clone()));
        Ok(Self { problem, lumped, values, kernels })
    }

    fn slice(&self, period: usize) -> usize {
        if self.problem.model.horizon() == Horizon::Infinite { 0 } else { period }
    }

    /// Number of the multisets of a state.
    fn place(&self, state: &State) -> usize {
        let types = self.lumped.state(&state.types);
        self.values.space().index(&State { public: state.public, types })
    }

    fn value(&self, period: usize, state: &State) -> f64 {
        self.values.values(period)[self.place(state)] + self.values.constant(period)
    }

    /// Value of every decision, given what follows (by default the values). Players of the same type who are moved alike
    /// make no difference, so most expectations are `known` already.
    fn choices(
        &self,
        period: usize,
        state: &State,
        next: Option<&[f64]>,
        (part, known): (usize, &mut HashMap<(usize, Vec<Vec<usize>>), f64>),
    ) -> Vec<f64> {
        let model = &self.problem.model;
        let next = next.unwrap_or_else(|| self.values.values(self.slice(period + 1)));
        let value = |a: usize| {
            let law = model.public().moves.id(period, a, state.public);
            let seen = |group: &Vec<AgentId>| {
                let one = |&i: &AgentId| {
                    let kernel = self.kernels[i][model.player(i).moves.id(period, a, state.public)];
                    kernel * model.player(i).types + state.types[i]
                };
                let mut seen: Vec<usize> = group.iter().map(one).collect();
                seen.sort_unstable();
                seen
            };
            let mut key: Vec<Vec<usize>> = self.lumped.groups().iter().map(seen).collect();
            key.push(vec![law]);
            let expected = *known
                .entry((part, key))
                .or_insert_with(|| self.expected(period, a, state, next));
            self.problem.stage_at(period, state, a) + model.discount() * expected
        };
        (0..model.decisions()).map(value).collect()
    }

    fn expected(&self, period: usize, decision: usize, state: &State, next: &[f64]) -> f64 {
        let (model, space) = (&self.problem.model, self.values.space());
        let block = space.block();
        let law = model.public().moves.at(period, decision, state.public);
        let terms: Vec<(usize, f64)> = law.iter().map(|(s, p)| (s * block, *p)).collect();
        let mut table = vec![0.0; block];
        combine(next, &terms, &mut table);
        for row in self.lumped.laws(model, period, decision, state) {
            let mut less = vec![0.0; table.len() / row.len()];
            combine(&table, &stretches(&row, less.len()), &mut less);
            table = less;
        }
        table[0]
    }
}

/// The state without a player.
fn without(state: &State, player: AgentId) -> State {
    let mut state = state.clone();
    state.types.remove(player);
    state
}

fn certificate(whole: &Part, rest: &[Part], mode: Without) -> Certificate {
    let mut all = whole.values.certificate.clone();
    if mode != Without::Tight {
        all.references = rest.iter().map(|part| part.values.certificate.values).fold(0.0, f64::max);
        all.rounding += rest.iter().map(|part| part.values.certificate.rounding).fold(0.0, f64::max);
    }
    all.bound = all.values + all.references + all.ties + all.rounding;
    all
}
