//! Agents with equally many states, parameter by parameter: `[period][component][agent]`.

use super::model::{Observation, Parameters, ScalarColumns, Series};
use crate::mechanism::AgentId;
use crate::numeric::law::Law;

/// Agents computed side by side.
pub(super) const LANES: usize = 8;
/// One number of each of [`LANES`] agents.
pub(super) type Lane = [f64; LANES];

/// One parameter of all agents of a group; without data it is zero.
#[derive(Clone, Debug, Default)]
pub(super) struct Column {
    /// 1 if it is the same in all periods.
    periods: usize,
    components: usize,
    agents: usize,
    data: Vec<f64>,
}

impl Column {
    fn zeros(periods: usize, components: usize, agents: usize) -> Self {
        Self { periods, components, agents, data: vec![0.0; periods * components * agents] }
    }

    fn whole(data: Vec<f64>) -> Self {
        Self { periods: 1, components: 1, agents: data.len(), data }
    }

    /// Whether it is zero for all agents in all periods.
    pub fn is_zero(&self) -> bool {
        self.data.iter().all(|&x| x == 0.0)
    }

    /// Whether it is another number in some period.
    #[inline(always)]
    pub fn varies(&self) -> bool {
        self.periods > 1
    }

    pub fn is_absent(&self) -> bool {
        self.data.is_empty()
    }

    fn slot(&self, period: usize, component: usize) -> usize {
        let period = if self.periods == 1 { 0 } else { period.min(self.periods - 1) };
        (period * self.components + component) * self.agents
    }

    /// The number of one agent.
    pub fn get(&self, period: usize, component: usize, index: usize) -> f64 {
        if self.data.is_empty() { 0.0 } else { self.data[self.slot(period, component) + index] }
    }

    fn set(&mut self, period: usize, component: usize, index: usize, x: f64) {
        let slot = self.slot(period, component);
        self.data[slot + index] = x;
    }

    /// The numbers of the agents `first..first + LANES`; `beyond` where there are no more agents.
    #[inline(always)]
    pub fn lane(&self, period: usize, component: usize, first: usize, beyond: f64) -> Lane {
        if self.data.is_empty() {
            return [0.0; LANES];
        }
        let start = self.slot(period, component) + first;
        let count = (self.agents - first).min(LANES);
        if count == LANES {
            return std::array::from_fn(|k| self.data[start + k]);
        }
        let mut lane = [beyond; LANES];
        lane[..count].copy_from_slice(&self.data[start..start + count]);
        lane
    }

    /// All components of one agent in a period.
    fn row(&self, period: usize, index: usize) -> Vec<f64> {
        (0..self.components).map(|c| self.get(period, c, index)).collect()
    }

    fn series(&self, index: usize) -> Series {
        if self.data.is_empty() {
            return Series::default();
        }
        Series::varying((0..self.periods).map(|t| self.row(t, index)).collect())
    }

    fn vector(&self, index: usize) -> Vec<f64> {
        if self.data.is_empty() { Vec::new() } else { self.row(0, index) }
    }
}

/// Agents with equally many states.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    states: usize,
    size: usize,
    factors: usize,
    /// The agents' numbers, ascending; none: 0, 1, 2, …
    ids: Option<Vec<AgentId>>,
    pub(super) a: Column,
    pub(super) b: Column,
    pub(super) q: Column,
    pub(super) r: Column,
    pub(super) linear: Column,
    state_linear: Column,
    reference: Column,
    /// m - 2 Q ref: what a unit of the state is worth besides x'Q x.
    pub(super) pull: Column,
    /// ref'Q ref.
    pub(super) offset: Column,
    pub(super) terminal_q: Column,
    terminal_reference: Column,
    pub(super) terminal_pull: Column,
    pub(super) terminal_offset: Column,
    pub(super) start: Column,
    pub(super) start_noise: Column,
    pub(super) noise: Column,
    pub(super) loadings: Column,
    /// D numbers for each agent; NaN in the first for agents that see their state.
    pub(super) gain: Column,
    pub(super) gain_noise: Column,
    laws: Vec<Law>,
}

impl Group {
    /// The members, with their numbers, in ascending order.
    pub(super) fn new<'a>(
        states: usize,
        periods: usize,
        factors: usize,
        members: impl Iterator<Item = (AgentId, &'a Parameters)>,
    ) -> Self {
        let (ids, members): (Vec<AgentId>, Vec<&Parameters>) = members.unzip();
        let size = members.len();
        let d = states;
        let series = |components: usize, pick: &dyn Fn(&Parameters) -> &Series| {
            fill(periods, components, &members.iter().map(|p| pick(p)).collect::<Vec<_>>())
        };
        let vector = |components: usize, pick: &dyn Fn(&Parameters) -> &[f64]| {
            vectors(components, &members.iter().map(|p| pick(p)).collect::<Vec<_>>())
        };
        let (gain, gain_noise) = observations(d, &members);
        let laws: Vec<Law> = members.iter().map(|p| p.law.clone()).collect();
        let mut group = Self {
            states,
            size,
            factors,
            ids: (ids.iter().enumerate().any(|(k, &i)| k != i)).then_some(ids),
            a: series(d * d, &|p| &p.a),
            b: series(d, &|p| &p.b),
            q: series(d * d, &|p| &p.q),
            r: series(1, &|p| &p.r),
            linear: series(1, &|p| &p.linear),
            state_linear: series(d, &|p| &p.state_linear),
            reference: series(d, &|p| &p.reference),
            pull: Column::default(),
            offset: Column::default(),
            terminal_q: vector(d * d, &|p| &p.terminal_q),
            terminal_reference: vector(d, &|p| &p.terminal_reference),
            terminal_pull: Column::default(),
            terminal_offset: Column::default(),
            start: vector(d, &|p| &p.start),
            start_noise: vector(d * d, &|p| &p.start_noise),
            noise: series(d * d, &|p| &p.noise),
            loadings: vector(d * factors, &|p| &p.loadings),
            gain,
            gain_noise,
            laws: if laws.iter().all(|law| *law == Law::Gaussian) { Vec::new() } else { laws },
        };
        group.derive(periods);
        group
    }

    /// Scalar agents 0, 1, 2, … with constant parameters.
    pub(super) fn from_columns(columns: ScalarColumns) -> Self {
        let size = columns.a.len();
        let optional = |data: Vec<f64>| if data.is_empty() { Column::default() } else { Column::whole(data) };
        Self {
            states: 1,
            size,
            factors: 0,
            ids: None,
            a: Column::whole(columns.a),
            b: Column::whole(columns.b),
            q: Column::whole(columns.q),
            r: Column::whole(columns.r),
            linear: optional(columns.linear),
            start: optional(columns.start),
            start_noise: optional(columns.start_noise),
            noise: optional(columns.noise),
            state_linear: Column::default(),
            reference: Column::default(),
            pull: Column::default(),
            offset: Column::default(),
            terminal_q: Column::default(),
            terminal_reference: Column::default(),
            terminal_pull: Column::default(),
            terminal_offset: Column::default(),
            loadings: Column::default(),
            gain: Column::default(),
            gain_noise: Column::default(),
            laws: Vec::new(),
        }
    }

    /// References become linear terms and offsets.
    fn derive(&mut self, periods: usize) {
        (self.pull, self.offset) =
            expand(self.states, periods, self.size, &self.q, &self.state_linear, &self.reference);
        let none = Column::default();
        (self.terminal_pull, self.terminal_offset) =
            expand(self.states, 1, self.size, &self.terminal_q, &none, &self.terminal_reference);
    }

    pub fn states(&self) -> usize {
        self.states
    }

    pub fn size(&self) -> usize {
        self.size
    }

    pub fn factors(&self) -> usize {
        self.factors
    }

    /// The number of the agent at an index.
    pub fn agent(&self, index: usize) -> AgentId {
        self.ids.as_ref().map_or(index, |ids| ids[index])
    }

    /// The index of an agent, if it is a member.
    pub fn find(&self, agent: AgentId) -> Option<usize> {
        match &self.ids {
            None => (agent < self.size).then_some(agent),
            Some(ids) => ids.binary_search(&agent).ok(),
        }
    }

    pub fn is_observed(&self) -> bool {
        !self.gain.is_absent()
    }

    pub fn is_noiseless(&self) -> bool {
        self.start_noise.is_zero() && self.noise.is_zero() && self.loadings.is_zero()
    }

    /// Whether there is anything besides x'Qx and r u².
    pub fn has_linear_terms(&self) -> bool {
        !(self.linear.is_absent() && self.pull.is_absent() && self.terminal_pull.is_absent())
    }

    /// Whether x(0) has a mean other than 0 somewhere.
    pub fn has_start(&self) -> bool {
        !self.start.is_absent()
    }

    /// Whether a state of zero is worth something by itself.
    pub fn has_offsets(&self) -> bool {
        !(self.offset.is_absent() && self.terminal_offset.is_absent())
    }

    /// What a state of zero is worth to an agent over all periods and at the end.
    pub fn offsets(&self, index: usize, periods: usize) -> f64 {
        let over_time: f64 = (0..periods).map(|t| self.offset.get(t, 0, index)).sum();
        over_time + self.terminal_offset.get(0, 0, index)
    }

    pub fn law(&self, index: usize) -> &Law {
        self.laws.get(index).unwrap_or(&Law::Gaussian)
    }

    /// How an agent sees its state; none: exactly.
    pub fn observation(&self, index: usize) -> Option<Observation> {
        if self.gain.is_absent() || self.gain.get(0, 0, index).is_nan() {
            return None;
        }
        Some(Observation { gain: self.gain.vector(index), noise: self.gain_noise.get(0, 0, index) })
    }

    /// Whether an agent sees its state through a measurement only.
    pub fn sees_measurement(&self, index: usize) -> bool {
        !self.gain.is_absent() && !self.gain.get(0, 0, index).is_nan()
    }

    /// C x: what an agent's measurement shows of a state without error.
    pub fn measured(&self, index: usize, state: &[f64]) -> f64 {
        state.iter().enumerate().map(|(c, x)| self.gain.get(0, c, index) * x).sum()
    }

    /// The measurement with an error of variance 1.
    pub fn measurement(&self, index: usize, state: &[f64], error: f64) -> f64 {
        self.measured(index, state) + self.gain_noise.get(0, 0, index).sqrt() * error
    }

    /// The parameters of one agent, put together again.
    pub fn parameters(&self, index: usize) -> Parameters {
        Parameters {
            states: self.states,
            a: self.a.series(index),
            b: self.b.series(index),
            q: self.q.series(index),
            r: self.r.series(index),
            linear: self.linear.series(index),
            state_linear: self.state_linear.series(index),
            reference: self.reference.series(index),
            terminal_q: self.terminal_q.vector(index),
            terminal_reference: self.terminal_reference.vector(index),
            start: self.start.vector(index),
            start_noise: self.start_noise.vector(index),
            noise: self.noise.series(index),
            loadings: self.loadings.vector(index),
            law: self.law(index).clone(),
            observation: self.observation(index),
        }
    }
}

/// A column of series; varying as soon as one of them is.
fn fill(periods: usize, components: usize, members: &[&Series]) -> Column {
    if members.iter().all(|series| series.is_absent()) {
        return Column::default();
    }
    let varies = members.iter().any(|series| series.rows().len() > 1);
    let mut column = Column::zeros(if varies { periods } else { 1 }, components, members.len());
    for (index, series) in members.iter().enumerate() {
        for t in 0..column.periods {
            for (c, &x) in series.at(t).unwrap_or_default().iter().enumerate() {
                column.set(t, c, index, x);
            }
        }
    }
    column
}

fn vectors(components: usize, members: &[&[f64]]) -> Column {
    if members.iter().all(|row| row.is_empty()) {
        return Column::default();
    }
    let mut column = Column::zeros(1, components, members.len());
    for (index, row) in members.iter().enumerate() {
        for (c, &x) in row.iter().enumerate() {
            column.set(0, c, index, x);
        }
    }
    column
}

/// Gains and variances of the measurements; a gain of NaN marks agents that see their state.
fn observations(states: usize, members: &[&Parameters]) -> (Column, Column) {
    if members.iter().all(|p| p.observation.is_none()) {
        return (Column::default(), Column::default());
    }
    let (mut gain, mut noise) = (Column::zeros(1, states, members.len()), Column::zeros(1, 1, members.len()));
    for (index, p) in members.iter().enumerate() {
        match &p.observation {
            Some(observation) => {
                for (c, &x) in observation.gain.iter().enumerate() {
                    gain.set(0, c, index, x);
                }
                noise.set(0, 0, index, observation.noise);
            }
            None => gain.set(0, 0, index, f64::NAN),
        }
    }
    (gain, noise)
}

/// (x - ref)'Q (x - ref) + m'x = x'Q x + (m - 2 Q ref)'x + ref'Q ref.
fn expand(
    d: usize,
    periods: usize,
    size: usize,
    q: &Column,
    m: &Column,
    reference: &Column,
) -> (Column, Column) {
    if reference.is_absent() || q.is_absent() {
        return (m.clone(), Column::default());
    }
    let varies = [q, m, reference].iter().any(|column| column.periods > 1);
    let periods = if varies { periods } else { 1 };
    let (mut pull, mut offset) = (Column::zeros(periods, d, size), Column::zeros(periods, 1, size));
    for t in 0..periods {
        for index in 0..size {
            let target = |c: usize| reference.get(t, c, index);
            let mut constant = 0.0;
            for i in 0..d {
                let product: f64 = (0..d).map(|j| q.get(t, i * d + j, index) * target(j)).sum();
                pull.set(t, i, index, m.get(t, i, index) - 2.0 * product);
                constant += target(i) * product;
            }
            offset.set(t, 0, index, constant);
        }
    }
    (pull, offset)
}
