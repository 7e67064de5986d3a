//! What agents do in the market: the truthful one, and lies about a plant.

use std::sync::Arc;

use super::model::{DynamicError, Market, Plant};
use super::protocol::{DynamicMechanism, DynamicOutcome};
use super::solve::outside_option;
use super::sweep;
use crate::mechanism::{AgentId, Strategy, Turn, World};

/// A lie about a plant: utility `scale * J(U) + shift * sum_t u(t)`, initial state moved, control limited to `cap`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lie {
    /// Factor on the utility, > 0.
    pub scale: f64,
    /// Added to the marginal utility of every unit.
    pub shift: f64,
    /// Added to every component of the initial state.
    pub start: f64,
    /// Largest control that it admits to, on either side; infinite for none.
    pub cap: f64,
}

impl Lie {
    /// The truth.
    pub const TRUTH: Self = Self { scale: 1.0, shift: 0.0, start: 0.0, cap: f64::INFINITY };

    /// The reported plant; `None` if the lie is not one (a factor that is not positive, a number that is not finite,
    /// a negative cap).
    pub fn report(self, truth: &Arc<dyn Plant>) -> Option<Arc<dyn Plant>> {
        if self == Self::TRUTH {
            return Some(truth.clone());
        }
        let usable = self.scale > 0.0
            && self.scale.is_finite()
            && self.shift.is_finite()
            && self.start.is_finite()
            && self.cap >= 0.0;
        usable.then(|| Arc::new(Distorted { truth: truth.clone(), lie: self }) as Arc<dyn Plant>)
    }
}

/// The plant of a lie.
#[derive(Debug)]
struct Distorted {
    truth: Arc<dyn Plant>,
    lie: Lie,
}

impl Plant for Distorted {
    fn states(&self) -> usize {
        self.truth.states()
    }

    fn initial(&self) -> Vec<f64> {
        self.truth.initial().into_iter().map(|x| x + self.lie.start).collect()
    }

    fn step(&self, t: usize, x: &[f64], u: f64, next: &mut [f64]) {
        self.truth.step(t, x, u, next);
    }

    fn stage(&self, t: usize, x: &[f64], u: f64) -> f64 {
        self.lie.scale * self.truth.stage(t, x, u) + self.lie.shift * u
    }

    fn terminal(&self, x: &[f64]) -> f64 {
        self.lie.scale * self.truth.terminal(x)
    }

    fn bounds(&self, t: usize) -> (f64, f64) {
        let (low, high) = self.truth.bounds(t);
        (low.max(-self.lie.cap).min(high), high.min(self.lie.cap).max(low))
    }

    fn concave(&self) -> bool {
        self.truth.concave()
    }

    fn difference_step(&self) -> f64 {
        self.truth.difference_step()
    }

    fn step_derivative(&self, t: usize, x: &[f64], u: f64, by_state: &mut [f64], by_control: &mut [f64]) {
        self.truth.step_derivative(t, x, u, by_state, by_control);
    }

    fn stage_derivative(&self, t: usize, x: &[f64], u: f64, by_state: &mut [f64]) -> f64 {
        let direct = self.truth.stage_derivative(t, x, u, by_state);
        by_state.iter_mut().for_each(|s| *s *= self.lie.scale);
        self.lie.scale * direct + self.lie.shift
    }

    fn terminal_derivative(&self, x: &[f64], by_state: &mut [f64]) {
        self.truth.terminal_derivative(x, by_state);
        by_state.iter_mut().for_each(|s| *s *= self.lie.scale);
    }
}

/// Reports what it knows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Truthful;

/// Reports a distorted plant.
#[derive(Clone, Copy, Debug)]
pub struct Liar(pub Lie);

/// Reports another plant altogether.
#[derive(Clone, Debug)]
pub struct Impostor(pub Arc<dyn Plant>);

/// Reports nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

type Told = Arc<[f64]>;

impl Strategy<DynamicMechanism, Arc<dyn Plant>> for Truthful {
    fn report(&mut self, turn: Turn<'_, Arc<dyn Plant>, Told>) -> Option<Arc<dyn Plant>> {
        Some(turn.signal.clone())
    }
}

impl Strategy<DynamicMechanism, Arc<dyn Plant>> for Liar {
    fn report(&mut self, turn: Turn<'_, Arc<dyn Plant>, Told>) -> Option<Arc<dyn Plant>> {
        self.0.report(turn.signal)
    }
}

impl Strategy<DynamicMechanism, Arc<dyn Plant>> for Impostor {
    fn report(&mut self, _: Turn<'_, Arc<dyn Plant>, Told>) -> Option<Arc<dyn Plant>> {
        Some(self.0.clone())
    }
}

impl Strategy<DynamicMechanism, Arc<dyn Plant>> for Silent {
    fn report(&mut self, _: Turn<'_, Arc<dyn Plant>, Told>) -> Option<Arc<dyn Plant>> {
        None
    }
}

/// The world of the market: everybody knows its own plant, nature draws nothing.
#[derive(Clone, Debug)]
pub struct DynamicWorld {
    truth: Market,
    outside: Vec<f64>,
}

impl DynamicWorld {
    /// The world in which these plants are the true ones.
    ///
    /// # Errors
    /// The utility of an idle agent is not a number.
    pub fn new(truth: Market) -> Result<Self, DynamicError> {
        // An agent that cannot be idle counts as 0 when it is absent.
        let idle = |i| Ok(outside_option(&truth, i)?.unwrap_or(0.0));
        let outside = (0..truth.len()).map(idle).collect::<Result<_, DynamicError>>()?;
        Ok(Self { truth, outside })
    }

    /// J_i of a path; minus infinity outside the true bounds or where the plant cannot be.
    fn value(&self, agent: AgentId, path: &[f64]) -> f64 {
        let allowed = |(&u, &(low, high)): (&f64, &(f64, f64))| {
            let slack = 1e-9 * (1.0 + u.abs());
            low - slack <= u && u <= high + slack
        };
        if !path.iter().zip(self.truth.bounds(agent)).all(allowed) {
            return f64::NEG_INFINITY;
        }
        sweep::value(self.truth.plant(agent), path).unwrap_or(f64::NEG_INFINITY)
    }
}

impl World<DynamicMechanism> for DynamicWorld {
    type Signal = Arc<dyn Plant>;

    fn signal(&mut self, _: usize, agent: AgentId) -> Arc<dyn Plant> {
        self.truth.plants()[agent].clone()
    }

    fn shock(&mut self, _: usize) {}

    /// J_i(U_i); minus infinity where the agent cannot follow the plan, the outside option for an absent agent.
    fn valuations(&mut self, _: usize, outcome: &DynamicOutcome) -> Vec<f64> {
        let mut valuations = self.outside.clone();
        for &agent in &outcome.present {
            valuations[agent] = self.value(agent, &outcome.allocation[agent]);
        }
        valuations
    }
}
