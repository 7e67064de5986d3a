//! The solution over multisets of types, for exchangeable players: values of who has which type, whoever it is.

use std::collections::HashMap;
use std::sync::Arc;

use super::certificate::Certificate;
use super::contract::{combine, stretches};
use super::plan::share;
use super::problem::Problem;
use super::product::Product;
use super::ruling::{Question, Ruling};
use super::space::State;
use super::stage::Stage;
use super::sweep::{Sets, Wants, sweep};
use super::{Options, Progress, SolveError, solve_whole};
use crate::mechanism::AgentId;
use crate::pivot::exchangeable::{LumpError, Lumped, groups};
use crate::pivot::mode::Without;
use crate::pivot::model::{Horizon, Kernel, Model};

/// Expectations that are known: by view, and by law of the public and kernels and types of every group.
type Known = HashMap<(usize, Vec<Vec<usize>>), f64>;

/// Values over multisets, without constants: those are taken before players are put together, so that values are the
/// same as on all joint states to the last digits, and the same is a tie.
#[derive(Clone, Debug)]
struct Values {
    lumped: Lumped,
    product: Product,
}

/// The players of one problem as they are, and which of them make up the multisets.
#[derive(Clone, Debug)]
struct View {
    problem: Problem,
    groups: Vec<Vec<AgentId>>,
}

/// Values over multisets: of everybody, and without one player of every group.
#[derive(Clone, Debug)]
pub struct Exchangeable {
    mode: Without,
    whole: Values,
    /// Without a player of every group.
    rest: Vec<Values>,
    /// In mode tight what the others are measured against, by group and period, over the multisets of the rest.
    tight: Vec<Vec<Vec<f64>>>,
    everybody: View,
    /// Without every player.
    others: Vec<View>,
    /// Group of every player.
    group: Vec<usize>,
    /// Number of the kernel of every player and law among the distinct ones of all.
    kernels: Vec<Vec<usize>>,
    error: f64,
    certificate: Certificate,
}

impl Exchangeable {
    /// Solves an instance over multisets of types.
    ///
    /// # Errors
    /// Tables do not fit, or an infinite horizon cannot be solved to the tolerance.
    pub(super) fn new(model: &Model, options: &Options, progress: Progress<'_>) -> Result<Self, SolveError> {
        let groups = groups(model);
        let parts = 1.0 + groups.len() as f64;
        let options = &share(options, groups.len());
        let problem = Problem::whole(Arc::new(model.clone()));
        let centred = problem.stage.centred(model)?;
        let lumped = Lumped::of_groups(&centred, groups.clone(), options.memory);
        let whole = Values::new(lumped, &problem.stage, options, &|x| progress(x / parts))?;
        let mut group = vec![0; model.players()];
        for (g, members) in groups.iter().enumerate() {
            members.iter().for_each(|&i| group[i] = g);
        }
        let mut rest = Vec::new();
        let mut others: Vec<Option<View>> = vec![None; model.players()];
        for (g, members) in groups.iter().enumerate() {
            let less = centred.left_by(members[0], options.mode == Without::Own)?;
            let lumped = Lumped::new(&less, options.memory);
            let progress = |x| progress((1.0 + g as f64 + x) / parts);
            let values = Values::new(lumped, &problem.stage, options, &progress)?;
            for &i in members {
                let groups = places(&values.lumped, members[0], &group, i);
                others[i] = Some(View { problem: problem.without(i), groups });
            }
            rest.push(values);
        }
        let error = rest.iter().map(|values| values.product.error).fold(whole.product.error, f64::max);
        let certificate = certificate(&whole, &rest, options.mode, error);
        let mut found = Self {
            mode: options.mode,
            whole,
            rest,
            tight: Vec::new(),
            everybody: View { problem, groups: groups.clone() },
            others: others.into_iter().flatten().collect(),
            group,
            kernels: kernels(model),
            error,
            certificate,
        };
        if found.mode == Without::Tight {
            found.tight = groups.iter().enumerate().map(|(g, members)| found.tight(g, members[0])).collect();
        }
        Ok(found)
    }

    /// The groups of players who can change places.
    pub fn groups(&self) -> &[Vec<AgentId>] {
        &self.everybody.groups
    }

    /// The periods whose next values were kept, of a finite game.
    pub(super) fn periods(&self) -> usize {
        self.whole.product.values.len() - 1
    }

    /// Number of joint states over multisets.
    pub fn states(&self) -> usize {
        self.whole.product.space().size()
    }

    /// What no lie gains more than.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// What the values of an infinite horizon are known to; 0 for finite games.
    pub(in crate::pivot) fn error(&self) -> f64 {
        self.error
    }

    /// What every decision is worth to everybody together, with what follows, or to one player if everybody is truthful
    /// then (value minus reference); up to one number that is the same for all decisions.
    pub(in crate::pivot) fn worth(&self, period: usize, state: &State, player: Option<AgentId>) -> Vec<f64> {
        let (next, now, mut known) = (self.slice(period + 1), (period, state), Known::new());
        let all = self.choices((&self.everybody, 0), now, &self.whole, self.whole.slice(next), &mut known);
        let Some(i) = player else { return all };
        let (g, view) = (self.group[i], &self.others[i]);
        let values = &self.rest[g];
        let against = self.tight.get(g).map_or_else(|| values.slice(next), |h| &h[next]);
        let rest = self.choices((view, 1 + g), now, values, against, &mut known);
        all.iter().zip(rest).map(|(all, rest)| all - rest).collect()
    }

    /// Decisions and payments at one state.
    pub fn ruling(&self, period: usize, state: &State) -> Ruling {
        let model = &self.everybody.problem.model;
        let next = self.slice(period + 1);
        let mut known = Known::new();
        let now = (period, state);
        let choices =
            self.choices((&self.everybody, 0), now, &self.whole, self.whole.slice(next), &mut known);
        let mut rest = Vec::new();
        let mut reference = Vec::new();
        for (i, view) in self.others.iter().enumerate() {
            let g = self.group[i];
            let values = &self.rest[g];
            let place = values.place(view, state);
            let Some(h) = self.tight.get(g) else {
                rest.push(self.choices((view, 1 + g), now, values, values.slice(next), &mut known));
                reference.push(values.slice(self.slice(period))[place]);
                continue;
            };
            rest.push(self.choices((view, 1 + g), now, values, &h[next], &mut known));
            reference.push(h[self.slice(period)][place]);
        }
        let level = model.discount() * self.whole.slice(next)[0];
        let place = self.whole.place(&self.everybody, state);
        let value = self.whole.slice(self.slice(period))[place] + self.everybody.constant(period);
        let all = self.others.iter().zip(&reference).map(|(view, h)| h + view.constant(period)).collect();
        Question {
            model,
            mode: self.mode,
            period,
            public: state.public,
            band: &|best| self.everybody.problem.stage.band(best, level, self.error),
            whole: &choices,
            rest: &rest,
            tight: (self.mode == Without::Tight).then_some(&reference[..]),
        }
        .ruling(Some(value), Some(all))
    }

    fn slice(&self, period: usize) -> usize {
        if self.everybody.problem.model.horizon() == Horizon::Infinite { 0 } else { period }
    }

    /// h of a player of a group in every period and multiset of the others: the least of everybody's value minus her
    /// outside value over her own types, at the end what the others have; without constants.
    fn tight(&self, g: usize, player: AgentId) -> Vec<Vec<f64>> {
        let (model, rest) = (&self.everybody.problem.model, &self.rest[g]);
        let space = rest.product.space();
        let of = |period: usize| {
            if model.periods() == Some(period) {
                return rest.slice(period).to_vec();
            }
            let constant = self.everybody.problem.stage.constant_of(model, player, period);
            let outside = |public, own| model.outside(player, period, public, own) - constant;
            let h = |index: usize| {
                let lumped = space.state(index, space.members.len());
                let mut types = rest.lumped.representative(&lumped.types);
                types.insert(player, 0);
                let mut state = State { public: lumped.public, types };
                let mut left = |own: usize| {
                    state.types[player] = own;
                    let place = self.whole.place(&self.everybody, &state);
                    self.whole.slice(period)[place] - outside(lumped.public, own)
                };
                (0..model.player(player).types).map(&mut left).fold(f64::INFINITY, f64::min)
            };
            (0..space.size()).map(h).collect()
        };
        (0..self.whole.product.values.len()).map(of).collect()
    }

    /// Value of every decision, given what follows over the multisets of `values`. Players of the same type who are moved
    /// alike make no difference, so most expectations are `known` already.
    fn choices(
        &self,
        (view, number): (&View, usize),
        (period, state): (usize, &State),
        values: &Values,
        next: &[f64],
        known: &mut Known,
    ) -> Vec<f64> {
        let model = &view.problem.model;
        let value = |a: usize| {
            let seen = |group: &Vec<AgentId>| {
                let one = |&i: &AgentId| {
                    let kernel = self.kernels[i][model.player(i).moves.id(period, a, state.public)];
                    kernel * model.player(i).types + state.types[i]
                };
                let mut seen: Vec<usize> = group.iter().map(one).collect();
                seen.sort_unstable();
                seen
            };
            let mut key: Vec<Vec<usize>> = view.groups.iter().map(seen).collect();
            key.push(vec![model.public().moves.id(period, a, state.public)]);
            let expected = || values.expected(view, period, a, state, next);
            let expected = *known.entry((number, key)).or_insert_with(expected);
            view.problem.stage_at(period, state, a) + model.discount() * expected
        };
        (0..model.decisions()).map(value).collect()
    }
}

impl View {
    /// What has to be added to values at the beginning of a period.
    fn constant(&self, period: usize) -> f64 {
        self.problem.stage.constant(&self.problem.model, &self.problem.space.members, period)
    }
}

impl Values {
    /// Of an instance without constants, made from one whose utilities are given.
    fn new(
        lumped: Result<Lumped, LumpError>,
        stage: &Stage,
        options: &Options,
        progress: Progress<'_>,
    ) -> Result<Self, SolveError> {
        let lumped = lumped.map_err(|error| SolveError::Lump(error.to_string()))?;
        let product = solve_whole(lumped.model(), stage, options, progress)?;
        Ok(Self { lumped, product })
    }

    fn slice(&self, slice: usize) -> &[f64] {
        &self.product.values[slice]
    }

    /// Number of the multisets of a state.
    fn place(&self, view: &View, state: &State) -> usize {
        let types = self.lumped.state_of(&view.groups, &state.types);
        self.product.space().index(&State { public: state.public, types })
    }

    fn expected(&self, view: &View, period: usize, decision: usize, state: &State, next: &[f64]) -> f64 {
        let model = &view.problem.model;
        let block = self.product.space().block();
        let law = model.public().moves.at(period, decision, state.public);
        let terms: Vec<(usize, f64)> = law.iter().map(|(s, p)| (s * block, *p)).collect();
        let mut table = vec![0.0; block];
        combine(next, &terms, &mut table);
        for row in self.lumped.laws(&view.groups, model, period, decision, state) {
            let mut less = vec![0.0; table.len() / row.len()];
            combine(&table, &stretches(&row, less.len()), &mut less);
            table = less;
        }
        table[0]
    }
}

/// Who stands in the groups of the instance that `first` has left, if player `i` of the same group leaves instead.
///
/// Players who could not change places before may be able to once one has left, so a group may hold several of the
/// former ones.
fn places(lumped: &Lumped, first: AgentId, group: &[usize], i: AgentId) -> Vec<Vec<AgentId>> {
    let before = |k: &AgentId| if *k >= first { k + 1 } else { *k };
    let of = |members: &Vec<AgentId>| {
        let former: Vec<usize> = members.iter().map(|k| group[before(k)]).collect();
        (0..group.len()).filter(|&j| j != i && former.contains(&group[j])).collect()
    };
    lumped.groups().iter().map(of).collect()
}

/// Number of every kernel among the distinct ones of all players.
pub(in crate::pivot) fn kernels(model: &Model) -> Vec<Vec<usize>> {
    let mut distinct: Vec<&Kernel> = Vec::new();
    let mut number = |kernel| match distinct.iter().position(|k| *k == kernel) {
        Some(known) => known,
        None => {
            distinct.push(kernel);
            distinct.len() - 1
        }
    };
    (0..model.players()).map(|i| model.player(i).moves.laws().iter().map(&mut number).collect()).collect()
}

/// What no lie gains more than. Rulings take the first decision within the tie band with the players as they are; the
/// state of a lumped instance stands for many orders of the players, and in each another decision may come first. So
/// what ties give away is counted for the worst decision within the band: which values the decisions have is the same
/// in all of these orders. `error`: what all values are known to, by which rulings widen the band.
fn certificate(whole: &Values, rest: &[Values], mode: Without, error: f64) -> Certificate {
    let mut all = whole.product.certificate.clone();
    let problem = &whole.product.whole;
    if problem.model.horizon() == Horizon::Infinite {
        let swept = sweep(problem, 0, whole.slice(0), Sets::Unordered, error, Wants::default());
        all.ties = swept.loss / (1.0 - problem.model.discount());
    }
    if mode != Without::Tight {
        let others = rest.iter().map(|values| &values.product.certificate);
        all.references = others.clone().map(|c| c.values).fold(0.0, f64::max);
        all.rounding += others.map(|c| c.rounding).fold(0.0, f64::max);
    }
    all.bound = all.values + all.references + all.ties + all.rounding;
    all
}
