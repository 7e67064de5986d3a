//! The instance: who takes part, how their states move, what they want, and what the trade must add up to.
//!
//! Agent i has a state x_i with D components and trades one number u_i(t) in every period t = 0..T-1:
//!
//! ```text
//! x_i(t+1) = A x_i + B u_i + w_i(t)
//! utility of a period:  (x - ref)'Q (x - ref) + m'x + r u² + l u          Q <= 0, r < 0
//! utility at the end:   (x(T) - ref_T)'Q_T (x(T) - ref_T)
//! sum_i u_i(t) = d(t)                                                     net demand, usually 0
//! ```
//!
//! All of A, B, Q, r, l, m, ref may depend on t. The disturbance w_i(t) arrives at s = t + 1 and is counted by its
//! arrival, as layers are; what arrives at s = 0 is x(0). Source: paper 000, (11)-(14) and (24)-(26), with
//! linear terms, references, terminal utility, several states and net demand added.

use std::borrow::Cow;

use super::group::Group;
use crate::mechanism::AgentId;
use crate::names::{Names, NamesError};
use crate::numeric::law::Law;

/// Largest size of a parameter; larger ones are taken for a mistake, and their squares would leave the numbers.
pub const LARGEST: f64 = 1e12;
/// Most periods of a market: tables of the size T³/3 are kept.
pub const MOST_PERIODS: usize = 576;
/// Most components of one agent's state.
pub const MOST_STATES: usize = 16;

/// A parameter over time: the same in all periods, one row per period, or absent (zero).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series(Vec<Vec<f64>>);

impl Series {
    /// The same components in every period.
    pub fn constant(components: Vec<f64>) -> Self {
        Self(vec![components])
    }

    /// One row of components per period. (A single row is the same as [`constant`](Self::constant).)
    pub fn varying(rows: Vec<Vec<f64>>) -> Self {
        Self(rows)
    }

    /// One number per period.
    pub fn numbers(values: impl IntoIterator<Item = f64>) -> Self {
        Self(values.into_iter().map(|x| vec![x]).collect())
    }

    /// Whether it was left out.
    pub fn is_absent(&self) -> bool {
        self.0.is_empty()
    }

    /// The rows that were given.
    pub fn rows(&self) -> &[Vec<f64>] {
        &self.0
    }

    /// The components in a period, if it was not left out.
    pub fn at(&self, period: usize) -> Option<&[f64]> {
        let row = if self.0.len() == 1 { self.0.first() } else { self.0.get(period) };
        row.map(Vec::as_slice)
    }
}

impl From<f64> for Series {
    fn from(x: f64) -> Self {
        Self::constant(vec![x])
    }
}

/// What is known about one agent. Matrices are row by row; what is left out is zero.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameters {
    /// Components D of the state.
    pub states: usize,
    /// A, D x D: how the state moves on its own.
    pub a: Series,
    /// B, D: how the state moves per unit received.
    pub b: Series,
    /// Q, D x D, symmetric, no positive eigenvalue: money per squared state.
    pub q: Series,
    /// r < 0: money per squared unit received.
    pub r: Series,
    /// l: money per unit received.
    pub linear: Series,
    /// m, D: money per unit of the state.
    pub state_linear: Series,
    /// ref, D: the state from which deviations count.
    pub reference: Series,
    /// Q_T, D x D, as Q.
    pub terminal_q: Vec<f64>,
    /// ref_T, D.
    pub terminal_reference: Vec<f64>,
    /// Mean of x(0), D.
    pub start: Vec<f64>,
    /// Covariance of x(0), D x D.
    pub start_noise: Vec<f64>,
    /// Covariance of the disturbance that arrives at s = 1..T, D x D; row 0 of a varying one is not used, row T does
    /// not exist: what arrives after the last trade takes row T - 1.
    pub noise: Series,
    /// D x K: standard deviations of the disturbances (s >= 1) with respect to K common factors, beside `noise`.
    pub loadings: Vec<f64>,
    /// The shape of all its noise; only simulation depends on it.
    pub law: Law,
    /// How it sees its state; none: exactly.
    pub observation: Option<Observation>,
}

/// A measurement y = C x + v, taken before every trade.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// C, one row of D numbers; zero is allowed (nothing is seen).
    pub gain: Vec<f64>,
    /// Variance of v, positive, or zero if the measurement shows the whole state (D = 1, C not 0).
    pub noise: f64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            states: 1,
            a: Series::default(),
            b: Series::default(),
            q: Series::default(),
            r: Series::default(),
            linear: Series::default(),
            state_linear: Series::default(),
            reference: Series::default(),
            terminal_q: Vec::new(),
            terminal_reference: Vec::new(),
            start: Vec::new(),
            start_noise: Vec::new(),
            noise: Series::default(),
            loadings: Vec::new(),
            law: Law::Gaussian,
            observation: None,
        }
    }
}

/// What is wrong with one parameter of an agent.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{field}{}: found {found}, accepted is {accepted}", period_words(*.period))]
pub struct FieldError {
    /// The parameter, named as in [`Parameters`] with `-` for `_`.
    pub field: &'static str,
    /// In which period, if it varies.
    pub period: Option<usize>,
    /// What was found.
    pub found: String,
    /// What is accepted.
    pub accepted: String,
}

fn period_words(period: Option<usize>) -> String {
    period.map_or_else(String::new, |t| format!(" in period {t}"))
}

/// One agent, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Agent(Parameters);

impl Agent {
    /// Checks everything about one agent that does not depend on the number of periods.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn new(parameters: Parameters) -> Result<Self, Vec<FieldError>> {
        let problems = super::check::problems(&parameters);
        if problems.is_empty() { Ok(Self(parameters)) } else { Err(problems) }
    }

    /// An agent with one state and constant parameters: x' = a x + b u, utility q x² + r u².
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn scalar(a: f64, b: f64, q: f64, r: f64) -> Result<Self, Vec<FieldError>> {
        Self::new(Parameters { a: a.into(), b: b.into(), q: q.into(), r: r.into(), ..Parameters::default() })
    }

    /// The same agent with other parameters.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with(self, change: impl FnOnce(&mut Parameters)) -> Result<Self, Vec<FieldError>> {
        let mut parameters = self.0;
        change(&mut parameters);
        Self::new(parameters)
    }

    /// The parameters.
    pub fn parameters(&self) -> &Parameters {
        &self.0
    }
}

/// N scalar agents with parameters that do not change, column by column: for very many of them.
///
/// A column that is left empty is zero for all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScalarColumns {
    /// a.
    pub a: Vec<f64>,
    /// b.
    pub b: Vec<f64>,
    /// q <= 0.
    pub q: Vec<f64>,
    /// r < 0.
    pub r: Vec<f64>,
    /// Money per unit received.
    pub linear: Vec<f64>,
    /// Mean of x(0).
    pub start: Vec<f64>,
    /// Variance of x(0).
    pub start_noise: Vec<f64>,
    /// Variance of what arrives at s = 1..T.
    pub noise: Vec<f64>,
}

/// Why a market cannot be built.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ModelError {
    /// A market needs at least two agents.
    #[error("a market needs at least 2 agents, found {found}")]
    TooFewAgents {
        /// How many there are.
        found: usize,
    },
    /// The number of periods cannot be used.
    #[error("periods: found {found}, accepted is a whole number from 1 to {MOST_PERIODS}")]
    Periods {
        /// What was given.
        found: usize,
    },
    /// The net demand cannot be used.
    #[error("net demand: found {found}, accepted is one finite number of size at most 1e12 for each period")]
    NetDemand {
        /// What was given.
        found: String,
    },
    /// A parameter of an agent cannot be used.
    #[error("agent {agent}, {source}")]
    Agent {
        /// The agent.
        agent: AgentId,
        /// What is wrong.
        source: FieldError,
    },
    /// The names cannot be used.
    #[error(transparent)]
    Names(#[from] NamesError),
}

/// A market over T periods.
///
/// Agents keep the numbers of the order in which they were given. Inside, those with equally many states stand
/// together, parameter by parameter, so that eight of them are computed at a time.
#[derive(Clone, Debug)]
pub struct Market {
    periods: usize,
    net_demand: Vec<f64>,
    factors: usize,
    agents: usize,
    groups: Vec<Group>,
    names: Names,
}

impl Market {
    /// A market of these agents.
    ///
    /// `net_demand` has one number per period, or none at all if the agents trade among themselves; positive: they
    /// receive from outside.
    ///
    /// # Errors
    /// Fewer than two agents, unusable periods or net demand, or a parameter whose rows do not fit the periods.
    pub fn new(periods: usize, net_demand: Vec<f64>, agents: Vec<Agent>) -> Result<Self, ModelError> {
        let factors = check_factors(&agents)?;
        for (agent, made) in agents.iter().enumerate() {
            if let Some(source) = super::check::rows_problem(made.parameters(), periods) {
                return Err(ModelError::Agent { agent, source });
            }
        }
        let mut sizes: Vec<usize> = agents.iter().map(|agent| agent.0.states).collect();
        sizes.sort_unstable();
        sizes.dedup();
        let group = |&states: &usize| {
            let members = agents.iter().enumerate().filter(|(_, a)| a.0.states == states);
            Group::new(states, periods, factors, members.map(|(i, a)| (i, &a.0)))
        };
        Self::from_groups(periods, net_demand, factors, agents.len(), sizes.iter().map(group).collect())
    }

    /// A market of scalar agents given by columns.
    ///
    /// # Errors
    /// As [`new`](Self::new); the first agent with an unusable number is named.
    pub fn from_columns(
        periods: usize,
        net_demand: Vec<f64>,
        columns: ScalarColumns,
    ) -> Result<Self, ModelError> {
        let agents = columns.a.len();
        super::check::columns_problem(&columns)?;
        let group = Group::from_columns(columns);
        Self::from_groups(periods, net_demand, 0, agents, vec![group])
    }

    fn from_groups(
        periods: usize,
        mut net_demand: Vec<f64>,
        factors: usize,
        agents: usize,
        groups: Vec<Group>,
    ) -> Result<Self, ModelError> {
        if agents < 2 {
            return Err(ModelError::TooFewAgents { found: agents });
        }
        if !(1..=MOST_PERIODS).contains(&periods) {
            return Err(ModelError::Periods { found: periods });
        }
        if net_demand.is_empty() {
            net_demand = vec![0.0; periods];
        }
        if net_demand.len() != periods {
            return Err(ModelError::NetDemand { found: format!("{} numbers", net_demand.len()) });
        }
        if let Some(t) = net_demand.iter().position(|d| !d.is_finite() || d.abs() > LARGEST) {
            return Err(ModelError::NetDemand { found: format!("{} in period {t}", net_demand[t]) });
        }
        Ok(Self { periods, net_demand, factors, agents, groups, names: Names::default() })
    }

    /// Gives the agents names, used in reports and errors.
    ///
    /// # Errors
    /// The number of names is wrong, or two are equal.
    pub fn with_names(mut self, names: Vec<Box<str>>) -> Result<Self, ModelError> {
        self.names = Names::new(names, self.agents)?;
        Ok(self)
    }

    /// Number of agents.
    pub fn len(&self) -> usize {
        self.agents
    }

    /// Never: a market has at least two agents.
    pub fn is_empty(&self) -> bool {
        self.agents == 0
    }

    /// Number of periods T.
    pub fn periods(&self) -> usize {
        self.periods
    }

    /// d(t): what the quantities received add up to in every period.
    pub fn net_demand(&self) -> &[f64] {
        &self.net_demand
    }

    /// Number of common factors of the disturbances.
    pub fn factors(&self) -> usize {
        self.factors
    }

    /// Whether some agent sees its state through a measurement only.
    pub fn is_observed(&self) -> bool {
        self.groups.iter().any(Group::is_observed)
    }

    /// Whether all states, disturbances and measurements are free of noise.
    pub fn is_deterministic(&self) -> bool {
        self.factors == 0 && self.groups.iter().all(Group::is_noiseless)
    }

    /// The agent's name, or "agent 7" if there are no names.
    pub fn name(&self, agent: AgentId) -> Cow<'_, str> {
        self.names.get(agent)
    }

    /// Components of an agent's state.
    pub fn states(&self, agent: AgentId) -> usize {
        let (group, _) = self.place(agent);
        self.groups[group].states()
    }

    /// What is known about one agent, put together again.
    pub fn parameters(&self, agent: AgentId) -> Parameters {
        let (group, index) = self.place(agent);
        self.groups[group].parameters(index)
    }

    /// The same market in which one agent has other parameters.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_agent(&self, agent: AgentId, other: Agent) -> Result<Self, ModelError> {
        let others = |i: AgentId| if i == agent { other.clone() } else { Agent(self.parameters(i)) };
        Self::new(self.periods, self.net_demand.clone(), (0..self.agents).map(others).collect())
    }

    /// The same market without one agent.
    ///
    /// # Errors
    /// Fewer than two agents are left.
    pub fn without(&self, agent: AgentId) -> Result<Self, ModelError> {
        let others = (0..self.agents).filter(|&i| i != agent).map(|i| Agent(self.parameters(i)));
        Self::new(self.periods, self.net_demand.clone(), others.collect())
    }

    pub(crate) fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The group of an agent and its index there.
    pub(crate) fn place(&self, agent: AgentId) -> (usize, usize) {
        for (g, group) in self.groups.iter().enumerate() {
            if let Some(index) = group.find(agent) {
                return (g, index);
            }
        }
        unreachable!("agent {agent} of {} agents", self.agents)
    }

    /// Puts columns of the groups into the order of the agents.
    pub(crate) fn gather(&self, mut parts: Vec<Vec<f64>>) -> Vec<f64> {
        if parts.len() == 1 {
            return parts.swap_remove(0);
        }
        let mut all = vec![0.0; self.agents];
        for (group, part) in self.groups.iter().zip(parts) {
            for (index, x) in part.into_iter().enumerate() {
                all[group.agent(index)] = x;
            }
        }
        all
    }
}

/// All agents have the same number of common factors.
fn check_factors(agents: &[Agent]) -> Result<usize, ModelError> {
    let factors = |agent: &Agent| agent.0.loadings.len() / agent.0.states.max(1);
    let most = agents.iter().map(factors).max().unwrap_or(0);
    for (i, agent) in agents.iter().enumerate() {
        if factors(agent) != most && !agent.0.loadings.is_empty() {
            let source = FieldError {
                field: "loadings",
                period: None,
                found: format!("{} factors", factors(agent)),
                accepted: format!("{most}, as other agents have, or none"),
            };
            return Err(ModelError::Agent { agent: i, source });
        }
    }
    Ok(most)
}
