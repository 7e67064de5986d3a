//! The instance: plants, what their controls must add up to, and what is refused.

use std::borrow::Cow;
use std::fmt::Debug;
use std::sync::Arc;

use super::difference;
use crate::mechanism::AgentId;
use crate::names::{Names, NamesError};

/// Largest net demand that is accepted.
const LARGEST: f64 = 1e12;

/// Default step of central differences: about the cube root of the rounding unit.
pub const DIFFERENCE_STEP: f64 = 6e-6;

/// One agent's dynamics and utility, supplied by the user of the library.
///
/// x(t+1) = `step`(t, x(t), u(t)) for t = 0..T-1, and the agent's utility of a control path U = (u(0), ..., u(T-1)) is
/// J(U) = sum_t `stage`(t, x(t), u(t)) + `terminal`(x(T)), in money. u(t) > 0 receives (consumes), u(t) < 0 delivers.
///
/// `step` and `stage` must be functions (the same answer for the same arguments) and twice continuously
/// differentiable where the agent can be. They may return minus infinity or NaN where it cannot be: such points are
/// avoided, as long as some start is finite. Hard limits on u belong into [`bounds`](Self::bounds).
pub trait Plant: Send + Sync + Debug {
    /// Number of states D; 0 for an agent without memory.
    fn states(&self) -> usize;

    /// x(0), D numbers.
    fn initial(&self) -> Vec<f64>;

    /// Writes x(t+1) into `next` (D numbers).
    fn step(&self, t: usize, x: &[f64], u: f64, next: &mut [f64]);

    /// Utility of period t in money; what costs is negative.
    fn stage(&self, t: usize, x: &[f64], u: f64) -> f64;

    /// Utility of the state that is left after the last period, in money.
    fn terminal(&self, x: &[f64]) -> f64 {
        let _ = x;
        0.0
    }

    /// Lower and upper limit of u(t); infinite for none.
    fn bounds(&self, t: usize) -> (f64, f64) {
        let _ = t;
        (f64::NEG_INFINITY, f64::INFINITY)
    }

    /// Whether J is a concave function of the whole control path within the bounds. It is if the dynamics are linear
    /// and the utilities concave. If every plant says so, local optima are global and one start is enough; the claim
    /// is tested at random points and against tangents at every solution, and an error if one of these refutes it.
    fn concave(&self) -> bool {
        false
    }

    /// Step of the central differences below, relative to max(1, |argument|).
    ///
    /// With step h the derivative of f is off by about h² |f'''| / 6 + 1e-16 |f| / h: 1e-10 for functions of size and
    /// shape 1. States of size far below 1 need a smaller step, or exact derivatives.
    fn difference_step(&self) -> f64 {
        DIFFERENCE_STEP
    }

    /// Derivatives of `step`: `by_state[r * D + c]` = d next_r / d x_c, `by_control[r]` = d next_r / d u.
    /// Default: central differences, one-sided of second order at the bounds of u.
    fn step_derivative(&self, t: usize, x: &[f64], u: f64, by_state: &mut [f64], by_control: &mut [f64]) {
        difference::step(self, t, x, u, by_state, by_control);
    }

    /// Derivatives of `stage`: `by_state[c]` = d stage / d x_c; returns d stage / d u. Default: as for the step.
    fn stage_derivative(&self, t: usize, x: &[f64], u: f64, by_state: &mut [f64]) -> f64 {
        difference::stage(self, t, x, u, by_state)
    }

    /// Derivatives of `terminal`. Default: central differences.
    fn terminal_derivative(&self, x: &[f64], by_state: &mut [f64]) {
        difference::terminal(self, x, by_state);
    }
}

/// N >= 2 plants over T periods whose controls must add up to the net demand: sum_i u_i(t) = d(t).
#[derive(Clone, Debug)]
pub struct Market {
    plants: Vec<Arc<dyn Plant>>,
    names: Names,
    demand: Arc<[f64]>,
    /// Bounds by agent and period, asked for once.
    bounds: Vec<Vec<(f64, f64)>>,
}

/// Where a number was not finite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// `stage` in this period.
    Stage(usize),
    /// The state that `step` made of this period.
    Step(usize),
    /// `terminal`.
    Terminal,
    /// A derivative in this period (T: of the terminal utility).
    Derivative(usize),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Stage(t) => write!(f, "stage utility of period {t}"),
            Self::Step(t) => write!(f, "state after period {t}"),
            Self::Terminal => write!(f, "terminal utility"),
            Self::Derivative(t) => write!(f, "derivative in period {t}"),
        }
    }
}

/// Why an instance cannot be built or settled.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DynamicError {
    /// At least two agents are needed.
    #[error("a market needs at least 2 agents, found {found}")]
    TooFewAgents {
        /// How many there are.
        found: usize,
    },
    /// At least one period is needed, and one net demand for each.
    #[error(
        "net demand: found {found} numbers for {periods} periods, accepted is one for each of at least 1"
    )]
    Periods {
        /// The number of periods asked for.
        periods: usize,
        /// The number of net demands.
        found: usize,
    },
    /// A net demand is not a usable number.
    #[error("net demand of period {period}: found {found}, accepted is a finite number of size at most 1e12")]
    Demand {
        /// The period.
        period: usize,
        /// What was given.
        found: f64,
    },
    /// The names are not one for each agent.
    #[error(transparent)]
    Names(#[from] NamesError),
    /// The initial state has the wrong length.
    #[error("{agent}, initial state: found {found} numbers, accepted are {states} (its number of states)")]
    States {
        /// The agent.
        agent: String,
        /// Length of the initial state.
        found: usize,
        /// Its number of states.
        states: usize,
    },
    /// The initial state is not finite.
    #[error("{agent}, initial state {index}: found {found}, accepted is a finite number")]
    Initial {
        /// The agent.
        agent: String,
        /// Which state.
        index: usize,
        /// What was found.
        found: f64,
    },
    /// Limits that leave no control.
    #[error(
        "{agent}, bounds in period {period}: found {low} to {high}, accepted is low <= high \
         with a finite number between them"
    )]
    Bounds {
        /// The agent.
        agent: String,
        /// The period.
        period: usize,
        /// Lower limit.
        low: f64,
        /// Upper limit.
        high: f64,
    },
    /// The step of the differences is not usable.
    #[error("{agent}, difference step: found {found}, accepted is a number in 1e-12 to 0.1")]
    DifferenceStep {
        /// The agent.
        agent: String,
        /// What was found.
        found: f64,
    },
    /// The bounds leave no way to meet the net demand.
    #[error(
        "period {period}: the controls cannot add up to {demand}, \
         the agents' bounds allow {lowest} to {highest}"
    )]
    Infeasible {
        /// The period.
        period: usize,
        /// What the controls should add up to.
        demand: f64,
        /// Sum of the lower limits.
        lowest: f64,
        /// Sum of the upper limits.
        highest: f64,
    },
    /// No start of the solver has a finite value.
    #[error(
        "{agent}: {place} is {found} at every start of the solver \
         (seen first at the one nearest to idle), accepted is a finite number"
    )]
    NotFinite {
        /// The agent.
        agent: String,
        /// Where.
        place: Place,
        /// What was found.
        found: f64,
    },
    /// The utility of being idle is no number.
    #[error(
        "{agent}, idle: {place} is {found}, accepted is a finite number, or minus infinity if it cannot be idle"
    )]
    Idle {
        /// The agent.
        agent: String,
        /// Where.
        place: Place,
        /// What was found.
        found: f64,
    },
    /// A plant that says it is concave is not.
    #[error(
        "{agent} declares itself concave, but at some control path its utility is {excess} above what its utility \
         elsewhere allows a concave one"
    )]
    NotConcave {
        /// The agent.
        agent: String,
        /// By how much the inequality fails, in money.
        excess: f64,
    },
    /// Controls grow without limit.
    #[error(
        "welfare has no maximum: control of {agent} in period {period} passed {control}; \
         bound the controls or make the utilities fall for large ones"
    )]
    Unbounded {
        /// The agent with the largest control.
        agent: String,
        /// The period.
        period: usize,
        /// The control.
        control: f64,
    },
    /// The welfare found is below what a leave-one-out problem proves to be possible.
    #[error(
        "the welfare found with everybody ({welfare}) is not the maximum: \
         with {agent} idle and the others at their own optimum it is {possible}; more restarts or starts may find it"
    )]
    NotGlobal {
        /// The agent.
        agent: String,
        /// F as found.
        welfare: f64,
        /// H_i + o_i.
        possible: f64,
    },
    /// An option of the solver is not usable.
    #[error("option `{field}`: found {found}, accepted is {accepted}")]
    Option {
        /// Which one.
        field: &'static str,
        /// What was found.
        found: String,
        /// What is accepted.
        accepted: &'static str,
    },
}

impl Market {
    /// A market of `plants` over `periods` periods whose controls add up to `net_demand` in every period (positive:
    /// the agents together receive from outside; zero: they trade among themselves).
    ///
    /// # Errors
    /// Fewer than two agents, no period, a net demand that is missing or not finite, a plant whose initial state or
    /// bounds cannot be used, or bounds with which the net demand cannot be met.
    pub fn new(
        periods: usize,
        net_demand: Vec<f64>,
        plants: Vec<Arc<dyn Plant>>,
    ) -> Result<Self, DynamicError> {
        if plants.len() < 2 {
            return Err(DynamicError::TooFewAgents { found: plants.len() });
        }
        if periods == 0 || net_demand.len() != periods {
            return Err(DynamicError::Periods { periods, found: net_demand.len() });
        }
        for (period, &found) in net_demand.iter().enumerate() {
            if !(found.is_finite() && found.abs() <= LARGEST) {
                return Err(DynamicError::Demand { period, found });
            }
        }
        let check = |(i, plant): (usize, &Arc<dyn Plant>)| {
            check_plant(&format!("agent {i}"), plant.as_ref(), periods)
        };
        let bounds = plants.iter().enumerate().map(check).collect::<Result<_, _>>()?;
        let market = Self { plants, names: Names::default(), demand: net_demand.into(), bounds };
        match market.infeasible(None) {
            Some(error) => Err(error),
            None => Ok(market),
        }
    }

    /// Gives the agents names, used in reports and errors.
    ///
    /// # Errors
    /// The number of names is wrong, or two are equal.
    pub fn with_names(mut self, names: Vec<Box<str>>) -> Result<Self, DynamicError> {
        self.names = Names::new(names, self.len())?;
        Ok(self)
    }

    /// Number of agents.
    pub fn len(&self) -> usize {
        self.plants.len()
    }

    /// Never: a market has at least two agents.
    pub fn is_empty(&self) -> bool {
        self.plants.is_empty()
    }

    /// Number of periods T.
    pub fn periods(&self) -> usize {
        self.demand.len()
    }

    /// What the controls add up to, by period.
    pub fn net_demand(&self) -> &[f64] {
        &self.demand
    }

    /// The plants in the order of the agents.
    pub fn plants(&self) -> &[Arc<dyn Plant>] {
        &self.plants
    }

    /// The plant of one agent.
    pub fn plant(&self, agent: AgentId) -> &dyn Plant {
        self.plants[agent].as_ref()
    }

    /// Limits of one agent's control, by period.
    pub fn bounds(&self, agent: AgentId) -> &[(f64, f64)] {
        &self.bounds[agent]
    }

    /// The agent's name, or "agent 7" if there are no names.
    pub fn name(&self, agent: AgentId) -> Cow<'_, str> {
        self.names.get(agent)
    }

    /// The first period in which everybody but `without` cannot meet the net demand.
    pub(crate) fn infeasible(&self, without: Option<AgentId>) -> Option<DynamicError> {
        (0..self.periods()).find_map(|period| {
            let (mut lowest, mut highest, mut size) = (0.0, 0.0, self.demand[period].abs());
            for (i, bounds) in self.bounds.iter().enumerate() {
                if without != Some(i) {
                    let (low, high) = bounds[period];
                    lowest += low;
                    highest += high;
                    size += [low, high].into_iter().filter(|b| b.is_finite()).map(f64::abs).sum::<f64>();
                }
            }
            let (demand, slack) = (self.demand[period], 1e-12 * size);
            let met = lowest <= demand + slack && demand - slack <= highest;
            (!met).then_some(DynamicError::Infeasible { period, demand, lowest, highest })
        })
    }
}

/// What can be checked of a plant without evaluating its utility; its bounds by period.
pub(crate) fn check_plant(
    agent: &str,
    plant: &dyn Plant,
    periods: usize,
) -> Result<Vec<(f64, f64)>, DynamicError> {
    let (initial, states) = (plant.initial(), plant.states());
    if initial.len() != states {
        return Err(DynamicError::States { agent: agent.into(), found: initial.len(), states });
    }
    if let Some(index) = initial.iter().position(|x| !x.is_finite()) {
        return Err(DynamicError::Initial { agent: agent.into(), index, found: initial[index] });
    }
    let found = plant.difference_step();
    if !(1e-12..=0.1).contains(&found) {
        return Err(DynamicError::DifferenceStep { agent: agent.into(), found });
    }
    let bound = |period| {
        let (low, high) = plant.bounds(period);
        if low <= high && low < f64::INFINITY && high > f64::NEG_INFINITY {
            return Ok((low, high));
        }
        Err(DynamicError::Bounds { agent: agent.into(), period, low, high })
    };
    (0..periods).map(bound).collect()
}
