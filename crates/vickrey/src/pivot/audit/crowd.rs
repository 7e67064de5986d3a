//! Joint states as one player sees them: her type, and how many of the others who are alike have which.

use super::structured::Rule;
use crate::mechanism::AgentId;
use crate::pivot::exchangeable::Multisets;
use crate::pivot::model::Model;
use crate::pivot::solve::multiset::kernels;
use crate::pivot::solve::ruling::Ruling;
use crate::pivot::solve::space::State;

/// The states of one player: public state, multiset of every group of the others, and her own type, innermost.
///
/// Exchanging two others who can change places changes nothing for her but which of two equally good decisions is taken,
/// so one arrangement stands for all: types ascend within each group.
pub(super) struct Crowd<'a> {
    model: &'a Model,
    pub player: AgentId,
    groups: Vec<Vec<AgentId>>,
    multisets: Vec<Multisets>,
    /// Numbers of kernels that are equal for equal kernels, by player and law.
    kernels: Vec<Vec<usize>>,
}

/// Where a decision leads the others: numbers of blocks (states up to the player's own type), and probabilities.
pub(super) type Branch = Vec<(usize, f64)>;

/// What every decision leads to in one block.
pub(super) struct Branches {
    pub distinct: Vec<Branch>,
    /// By decision.
    pub of: Vec<usize>,
}

impl<'a> Crowd<'a> {
    pub fn new(model: &'a Model, groups: &[Vec<AgentId>], player: AgentId) -> Self {
        let groups = others(groups, player);
        let sets = |group: &Vec<AgentId>| Multisets::new(model.player(group[0]).types, group.len());
        let multisets = groups.iter().map(sets).collect();
        Self { model, player, groups, multisets, kernels: kernels(model) }
    }

    /// Number of types of the player.
    pub fn types(&self) -> usize {
        self.model.player(self.player).types
    }

    /// Number of states that differ in more than the player's own type.
    pub fn blocks(&self) -> usize {
        self.multisets.iter().map(|sets| sets.all().len()).product::<usize>() * self.model.public().states
    }

    pub fn size(&self) -> usize {
        self.blocks() * self.types()
    }

    /// The joint state with a number.
    pub fn state(&self, index: usize) -> State {
        let mut types = vec![0; self.model.players()];
        types[self.player] = index % self.types();
        let mut block = index / self.types();
        for (group, sets) in self.groups.iter().zip(&self.multisets).rev() {
            let all = sets.all();
            for (i, x) in group.iter().zip(&all[block % all.len()]) {
                types[*i] = *x;
            }
            block /= all.len();
        }
        State { public: block, types }
    }

    /// The number of the state that stands for a joint state.
    pub fn index(&self, state: &State) -> usize {
        let places = self.groups.iter().zip(&self.multisets).map(|(group, sets)| {
            let mut types: Vec<usize> = group.iter().map(|i| state.types[*i]).collect();
            types.sort_unstable();
            (sets.all().len(), sets.place(&types))
        });
        let block = places.fold(state.public, |at, (length, place)| at * length + place);
        block * self.types() + state.types[self.player]
    }

    /// Probability of every state in the public state of the start.
    pub fn start(&self) -> Vec<(usize, f64)> {
        let prior = |i: &AgentId| self.model.player(*i).prior.as_slice();
        let laws: Vec<Vec<f64>> = self.laws(|i| prior(i));
        let blocks = product(&[(self.model.public().start, 1.0)], &laws);
        let own = prior(&self.player);
        let n = self.types();
        blocks
            .iter()
            .flat_map(|(b, p)| own.iter().enumerate().map(move |(x, q)| (b * n + x, p * q)))
            .collect()
    }

    /// Where all decisions lead from a block.
    pub fn branches(&self, period: usize, block: usize) -> Branches {
        let state = self.state(block * self.types());
        let mut keys: Vec<Vec<usize>> = Vec::new();
        let mut found = Branches { distinct: Vec::new(), of: Vec::new() };
        for a in 0..self.model.decisions() {
            let key = self.key(period, a, &state);
            let known = keys.iter().position(|k| *k == key);
            found.of.push(known.unwrap_or(keys.len()));
            if known.is_none() {
                keys.push(key);
                let row = |i: &AgentId| {
                    let kernel = self.model.player(*i).moves.at(period, a, state.public);
                    kernel.row(state.types[*i])
                };
                let public = self.model.public().moves.at(period, a, state.public);
                found.distinct.push(product(public, &self.laws(row)));
            }
        }
        found
    }

    fn laws<'r>(&self, row: impl Fn(&AgentId) -> &'r [f64]) -> Vec<Vec<f64>> {
        self.groups
            .iter()
            .zip(&self.multisets)
            .map(|(group, sets)| sets.law(group.iter().map(&row)))
            .collect()
    }

    /// Equal for decisions that lead to the same: law of the public, and kernels and types of every group.
    fn key(&self, period: usize, a: usize, state: &State) -> Vec<usize> {
        let mut key = vec![self.model.public().moves.id(period, a, state.public)];
        for group in &self.groups {
            let one = |&i: &AgentId| {
                let player = self.model.player(i);
                self.kernels[i][player.moves.id(period, a, state.public)] * player.types + state.types[i]
            };
            let from = key.len();
            key.extend(group.iter().map(one));
            key[from..].sort_unstable();
        }
        key
    }
}

/// The groups without a player.
fn others(groups: &[Vec<AgentId>], player: AgentId) -> Vec<Vec<AgentId>> {
    let rest = groups.iter().map(|group| group.iter().copied().filter(|i| *i != player).collect());
    rest.filter(|group: &Vec<AgentId>| !group.is_empty()).collect()
}

/// Law of a public state and independent multisets, impossible ones left out.
fn product(public: &[(usize, f64)], laws: &[Vec<f64>]) -> Branch {
    let mut all: Branch = public.iter().copied().filter(|(_, p)| *p > 0.0).collect();
    for law in laws {
        let likely: Vec<(usize, f64)> = law.iter().copied().enumerate().filter(|(_, q)| *q > 0.0).collect();
        let next = |&(at, p): &(usize, f64)| {
            likely.iter().map(move |(k, q)| (at * law.len() + k, p * q)).collect::<Vec<_>>()
        };
        all = all.iter().flat_map(next).collect();
    }
    all
}

/// How many states and how many possible successors (of the states, over all decisions) a player's crowd would have,
/// without making it.
pub(super) fn extent(model: &Model, groups: &[Vec<AgentId>], player: AgentId) -> (f64, f64) {
    let groups = others(groups, player);
    let sets = |group: &Vec<AgentId>| choose(model.player(group[0]).types, group.len());
    let own = model.player(player).types as f64;
    let states = groups.iter().map(sets).product::<f64>() * model.public().states as f64 * own;
    let fan = |i: AgentId, a: usize| -> f64 {
        let moves = &model.player(i).moves;
        let [periods, decisions, publics] = moves.which().shape();
        let a = a.min(decisions - 1);
        let laws = (0..periods).flat_map(|t| (0..publics).map(move |s| moves.at(t, a, s)));
        let row = |row: &[f64]| row.iter().filter(|p| **p > 0.0).count();
        laws.flat_map(|law| law.rows().chunks(law.types()).map(row)).max().unwrap_or(1) as f64
    };
    let publics = model.public().moves.laws().iter().map(Vec::len).max().unwrap_or(1) as f64;
    let successors = |a: usize| {
        let of = |group: &Vec<AgentId>| group.iter().map(|i| fan(*i, a)).product::<f64>().min(sets(group));
        groups.iter().map(of).product::<f64>() * publics
    };
    (states, states * (0..model.decisions()).map(successors).sum::<f64>())
}

/// Number of multisets of `members` types out of `types`.
fn choose(types: usize, members: usize) -> f64 {
    (1..=members).fold(1.0, |n, k| n * (types + k - 1) as f64 / k as f64)
}

/// What a mechanism does to one player in a state.
pub(super) struct Told {
    pub decision: Vec<usize>,
    pub payment: f64,
    /// By outcome.
    pub contingent: Vec<f64>,
    /// Expected payment of all players before the outcome, and by outcome.
    pub paid: f64,
    pub paid_by_outcome: Vec<f64>,
    pub value: Option<f64>,
    pub truthful: Option<f64>,
    /// For every player, whether what is decided in some outcome is not possible without her.
    pub needed: Vec<bool>,
}

impl Told {
    pub fn of(model: &Model, rule: &Rule<'_>, period: usize, state: &State, i: AgentId) -> Self {
        let ruling: Ruling = rule(period, state);
        let mu = model.probabilities(period, state.public);
        let likely = || mu.iter().enumerate().filter(|(_, mu)| **mu > 0.0).map(|(z, _)| z);
        let needed = |i| likely().any(|z| model.absent(i, z).binary_search(&ruling.decision[z]).is_err());
        Self {
            payment: ruling.payment[i],
            contingent: ruling.contingent.iter().map(|all| all[i]).collect(),
            paid: ruling.payment.iter().sum(),
            paid_by_outcome: ruling.contingent.iter().map(|all| all.iter().sum()).collect(),
            value: ruling.value,
            truthful: ruling.truthful(i),
            needed: (0..model.players()).map(needed).collect(),
            decision: ruling.decision,
        }
    }
}
