//! The rules of a run, fixed before any follower sends a byte: how prices move, when to stop, who pays what.
//!
//! What is fixed here may not depend on a follower's word: otherwise what is computed without her would depend on her, and
//! her tax with it (rule F of [`super`]).

use super::cost::{Cost, CostError};
use super::iterate::LARGEST;
use super::model::{Problem, Steepness};
use super::projection::{self, Infeasible};
use crate::mechanism::AgentId;

/// How prices move from round to round.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Method {
    /// lam + step (Rz - c) (paper 003, equation (7)); `None`: the safe step, one over the steepness.
    Ascent {
        /// The step, money per unit of coupling squared.
        step: Option<f64>,
        /// Divide the step by the number of the round: converges without strong convexity.
        fading: bool,
    },
    /// The same with momentum, restarted whenever it points downhill.
    Accelerated {
        /// The step; `None`: the safe one.
        step: Option<f64>,
    },
    /// The sharing form of the method of multipliers, over-relaxed. Convex costs suffice.
    Multipliers {
        /// The weight of the quadratic term.
        rho: f64,
        /// Over-relaxation in 1..2; 1 is the plain method.
        relaxation: f64,
    },
    /// Newton steps on the prices with sensitivities that followers report, eight trial prices a round.
    Newton,
}

/// When a problem stops.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stop {
    /// After so many rounds; the multiplier method takes one more to bound the optimum where somebody has no limits.
    Rounds(usize),
    /// When its duality gap is certified to be at most `epsilon`, and after `cap` rounds at the latest.
    Gap {
        /// Money.
        epsilon: f64,
        /// Rounds.
        cap: usize,
    },
}

impl Stop {
    /// The largest number of rounds.
    pub fn rounds(self) -> usize {
        match self {
            Self::Rounds(n) => n,
            Self::Gap { cap, .. } => cap,
        }
    }
}

/// What a follower pays beside the costs of the others, k_i.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Minus the cost of the others without her (paper 003, Algorithm 1).
    Vcg,
    /// Nothing. Truth stays optimal; taking part is no longer voluntary.
    Zero,
    /// Minus the dual value of the problem without her, which never taxes less than the exact one.
    Dual,
    /// No tax of this form: the price times what she uses beyond her absence. Not incentive compatible; the comparison.
    ClearingPrice,
}

impl Mode {
    /// Whether problems without a follower are solved.
    pub fn has_marginals(self) -> bool {
        matches!(self, Self::Vcg | Self::Dual)
    }
}

/// Where the problems without a follower begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marginals {
    /// At the public starting price, in the first round, as the theory needs.
    Cold,
    /// At the price that the main problem ended with, for so many rounds. What is computed without a follower then depends
    /// on her: for audits and comparisons only.
    Warm {
        /// Rounds; with 0 the answers to the last main price are taken.
        rounds: usize,
    },
}

/// Where the bounds on second derivatives that safe steps rest on come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moduli {
    /// The public bounds of the problem, as the theory needs.
    Public,
    /// Every follower announces her own before the first round. She then decides on the step of the problem without her:
    /// for audits and comparisons only.
    Announced,
}

/// How the multiplier method bounds the optimum from below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// By a bound that holds.
    Sound,
    /// By the Lagrangian at the common price, which the answers do not minimise: no bound at all, for audits only.
    Naive,
}

/// The rules of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// How prices move.
    pub method: Method,
    /// When problems stop.
    pub stop: Stop,
    /// Who pays what.
    pub mode: Mode,
    /// lam^0; empty is zero.
    pub start: Vec<f64>,
    /// A follower is dropped after so many rounds in a row without a usable part of the main problem.
    pub strikes: usize,
    /// Added to the tax of a follower who was dropped or whose final values are missing, >= 0.
    pub penalty: f64,
    /// Where marginal problems begin.
    pub marginals: Marginals,
    /// Where bounds on second derivatives come from.
    pub moduli: Moduli,
    /// How the multiplier method bounds the optimum.
    pub bound: Bound,
}

/// Why nothing bounds what a follower can gain under some rules, whatever the certificate says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unproved {
    /// [`Mode::ClearingPrice`]: no tax of the form that the theory is about.
    ClearingPrice,
    /// [`Bound::Naive`]: the certificate is none.
    UnsoundBound,
    /// [`Marginals::Warm`]: what a follower's tax compares with depends on her.
    WarmMarginals,
    /// [`Moduli::Announced`]: she decides on the steps of what her tax compares with.
    AnnouncedModuli,
}

impl Rules {
    /// Whether nothing that a follower does reaches what her tax compares with.
    pub fn independent(&self) -> bool {
        self.marginals == Marginals::Cold && self.moduli == Moduli::Public
    }

    /// Why no certificate is an epsilon; `None`: it is one (paper 003, Propositions 1 and 3).
    pub fn unproved(&self) -> Option<Unproved> {
        if self.mode == Mode::ClearingPrice {
            Some(Unproved::ClearingPrice)
        } else if self.bound == Bound::Naive && matches!(self.method, Method::Multipliers { .. }) {
            Some(Unproved::UnsoundBound)
        } else if self.mode.has_marginals() && self.marginals != Marginals::Cold {
            Some(Unproved::WarmMarginals)
        } else if self.mode.has_marginals() && self.moduli == Moduli::Announced {
            Some(Unproved::AnnouncedModuli)
        } else {
            None
        }
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            method: Method::Accelerated { step: None },
            stop: Stop::Gap { epsilon: 1e-6, cap: 10_000 },
            mode: Mode::Vcg,
            start: Vec::new(),
            strikes: 3,
            penalty: 0.0,
            marginals: Marginals::Cold,
            moduli: Moduli::Public,
            bound: Bound::Sound,
        }
    }
}

/// A problem and rules that go together.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    problem: Problem,
    rules: Rules,
    steepness: Option<Steepness>,
    /// Followers without whom the couplings cannot be met (ascending).
    essential: Vec<AgentId>,
}

/// Why rules do not go with a problem.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// A number is out of range.
    #[error("{field}: found {found}, accepted is {accepted}")]
    Number {
        /// Which rule.
        field: &'static str,
        /// What was found.
        found: f64,
        /// What is accepted.
        accepted: String,
    },
    /// A price step that may diverge.
    #[error("step: found {found}, accepted are numbers above 0 and below {limit} (larger ones may diverge)")]
    Step {
        /// The step.
        found: f64,
        /// Two over the steepness.
        limit: f64,
    },
    /// No safe step is known.
    #[error(
        "method: nothing is known of how strongly the cost of {0} bends at least (its public curvature begins at 0), so no fixed \
         price step is safe; accepted are a public lower bound above 0, a fading step, or the method of multipliers"
    )]
    NoCurvature(String),
    /// Dual values may not exist.
    #[error(
        "mode: found `dual`, but nothing bounds the cost of {0} from below at every price (her public curvature begins at 0 \
         and a limit of hers is infinite); accepted are finite limits, a public lower bound above 0, or the mode `vcg`"
    )]
    NoDual(String),
    /// Too few for problems without one of them.
    #[error(
        "followers: found {0}, accepted are at least 2 where taxes compare with the problem without a follower"
    )]
    TooFew(usize),
    /// The couplings cannot be met without somebody.
    #[error(
        "the couplings cannot be met {}; accepted are another absent allocation, a follower of the leader's own that fills the \
         gap, or the mode `zero`",
        without(.who)
    )]
    Essential {
        /// Everybody without whom, alone, they cannot be met, by name; and where they fail then.
        who: Vec<(String, Infeasible)>,
    },
    /// The starting price has the wrong length.
    #[error("starting price: found {found} numbers, accepted are {wanted}")]
    Start {
        /// How many.
        found: usize,
        /// How many are needed.
        wanted: usize,
    },
}

/// Why a private cost does not go with a plan.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Unfit {
    /// The number of decisions differs.
    #[error("cost: found {found} decisions, accepted are the {wanted} that are public")]
    Decisions {
        /// Of the cost.
        found: usize,
        /// Of the problem.
        wanted: usize,
    },
    /// The domain does not cover the box.
    #[error(transparent)]
    Domain(CostError),
    /// It bends less or more than the public bounds say.
    #[error("cost: found second derivatives from {} to {}, accepted are those within the public bounds {} to {}", found.0, found.1, accepted.0, accepted.1)]
    Curvature {
        /// Of the cost.
        found: (f64, f64),
        /// Public.
        accepted: (f64, f64),
    },
    /// At some prices there is no best answer; who cannot answer would be dropped for what others do to the prices.
    #[error(
        "cost: found one that is not strongly convex and has no best answer, or several that are far apart, at some prices; \
         accepted are finite limits, a cost that bends, or the method of multipliers"
    )]
    NoAnswer,
    /// The multiplier method needs a direction that costs or couplings see.
    #[error("cost: found a flat direction that no coupling uses, accepted are costs with one best answer")]
    Flat,
}

impl Plan {
    /// Checks the rules against the problem.
    ///
    /// # Errors
    /// A rule is out of range, a step is not safe, or somebody cannot be left out where the taxes need it.
    pub fn new(problem: Problem, rules: Rules) -> Result<Self, PlanError> {
        check_numbers(&rules, problem.couplings())?;
        if rules.mode.has_marginals() && problem.len() < 2 {
            return Err(PlanError::TooFew(problem.len()));
        }
        let moduli: Vec<f64> = problem.followers().iter().map(|f| f.curvature.0).collect();
        let steepness = moduli.iter().all(|m| *m > 0.0).then(|| problem.steepness_of(&moduli));
        check_method(&problem, &rules, steepness.as_ref().map(|s| s.largest))?;
        let loose = problem.followers().iter().position(|f| f.curvature.0 <= 0.0 && !f.bounded());
        if let (Mode::Dual, Moduli::Public, Some(agent)) = (rules.mode, rules.moduli, loose) {
            return Err(PlanError::NoDual(problem.name(agent).into_owned()));
        }
        let essential = essential(&problem);
        if rules.mode.has_marginals() && !essential.is_empty() {
            let named = |(agent, why): (AgentId, Infeasible)| (problem.name(agent).into_owned(), why);
            return Err(PlanError::Essential { who: essential.into_iter().map(named).collect() });
        }
        let essential = essential.into_iter().map(|e| e.0).collect();
        Ok(Self { problem, rules, steepness, essential })
    }

    /// What is public.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }

    /// The rules.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The largest eigenvalue of sum R_i R_i'/m_i, if all m_i > 0.
    pub fn steepness(&self) -> Option<f64> {
        self.steepness.as_ref().map(|s| s.largest)
    }

    /// A diagonal bound on how steeply the uses of couplings answer to prices, if all m_i > 0.
    pub(super) fn bounds(&self) -> Option<&[f64]> {
        self.steepness.as_ref().map(|s| &s.rows[..])
    }

    /// Followers without whom the couplings cannot be met (ascending): they cannot be dropped, and can refuse to take part.
    pub fn essential(&self) -> &[AgentId] {
        &self.essential
    }

    /// The price step: the given one, or one over the steepness.
    pub fn step(&self) -> f64 {
        let given = match self.rules.method {
            Method::Ascent { step, .. } | Method::Accelerated { step } => step,
            Method::Multipliers { .. } | Method::Newton => None,
        };
        given.or(self.steepness().map(|l| 1.0 / l)).unwrap_or(0.0)
    }

    /// How many rounds of plain ascent bring the gap below `epsilon` for sure, if the starting price is at most `distance`
    /// from a clearing one. None where no such number is known: another method, limits, a coupling without full row
    /// rank, no public bounds on second derivatives, or a step too large for the bound.
    ///
    /// The gap after n rounds is at most L s_1^2/(2 m^2) distance^2 r^(2(n-1)), with m and L the least and the largest
    /// public second derivative, s_1 and s_m the extreme singular values of R and r = max(|1 - step mu|, |1 - step
    /// steepness|), mu = s_m^2/L. Very pessimistic: a cap for runs that stop by certificate.
    pub fn rounds_for(&self, epsilon: f64, distance: f64) -> Option<usize> {
        let Method::Ascent { fading: false, .. } = self.rules.method else { return None };
        if self.problem.followers().iter().any(super::model::Follower::limited) || epsilon <= 0.0 {
            return None;
        }
        let m = self.problem.couplings();
        let mut gram = vec![0.0; m * m];
        let (mut least, mut most) = (f64::INFINITY, 0.0_f64);
        for follower in self.problem.followers() {
            super::model::add_gram(follower, 1.0, &mut gram);
            (least, most) = (least.min(follower.curvature.0), most.max(follower.curvature.1));
        }
        let (values, _) = crate::numeric::dense::eigen(&gram, m);
        let s1 = values.iter().fold(0.0_f64, |a, x| a.max(*x));
        let sm = values.iter().fold(f64::INFINITY, |a, x| a.min(*x));
        let (step, mu) = (self.step(), sm / most);
        let rate = (1.0 - step * mu).abs().max((1.0 - step * self.steepness()?).abs());
        let known = most.is_finite() && least > 0.0 && sm > 1e-12 * s1 && rate < 1.0;
        let first = 0.5 * most * s1 / (least * least) * distance * distance;
        if !known || !first.is_finite() {
            return None;
        }
        if first <= epsilon {
            return Some(1);
        }
        // One round after which nothing is left, if the rate is zero.
        let after = if rate > 0.0 { (first / epsilon).ln() / (-2.0 * rate.ln()) } else { 1.0 };
        Some(1 + after.ceil().max(1.0) as usize)
    }

    /// lam^0.
    pub fn start_price(&self) -> Vec<f64> {
        if self.rules.start.is_empty() {
            vec![0.0; self.problem.couplings()]
        } else {
            self.rules.start.clone()
        }
    }

    /// Whether a private cost is of the public class.
    ///
    /// # Errors
    /// What does not fit.
    pub fn fits(&self, agent: AgentId, cost: &Cost) -> Result<(), Unfit> {
        let follower = self.problem.follower(agent);
        let (found, wanted) = (cost.decisions(), follower.decisions());
        if found != wanted {
            return Err(Unfit::Decisions { found, wanted });
        }
        cost.fits(&follower.low, &follower.high).map_err(Unfit::Domain)?;
        let (found, accepted) = (cost.curvature(&follower.low, &follower.high), follower.curvature);
        // Bounds copied from the cost itself must pass whatever the last digit.
        if found.0 < accepted.0 * (1.0 - 1e-9) || found.1 > accepted.1 * (1.0 + 1e-9) {
            return Err(Unfit::Curvature { found, accepted });
        }
        if found.0 > 0.0 {
            return Ok(());
        }
        if matches!(self.rules.method, Method::Multipliers { .. }) {
            return self.sees(agent, cost);
        }
        let answers = match cost {
            Cost::Separable { curves, .. } => {
                let mut limits = follower.low.iter().zip(&follower.high);
                curves.iter().all(|curve| limits.next().is_some_and(|(low, high)| curve.answers(*low, *high)))
            }
            Cost::Quadratic(_) => wanted == 1 && follower.bounded(),
            Cost::Custom(_) | Cost::Tilted { .. } => follower.bounded(),
        };
        if answers { Ok(()) } else { Err(Unfit::NoAnswer) }
    }

    /// Whether a quadratic cost that is not strongly convex has one best answer in the multiplier method.
    fn sees(&self, agent: AgentId, cost: &Cost) -> Result<(), Unfit> {
        let follower = self.problem.follower(agent);
        let Cost::Quadratic(own) = cost else { return Ok(()) };
        let n = follower.decisions();
        let mut bend = own.matrix().to_vec();
        for r in 0..n {
            for c in 0..n {
                bend[r * n + c] += follower.coupling.chunks_exact(n).map(|row| row[r] * row[c]).sum::<f64>();
            }
        }
        let size = bend.iter().fold(0.0_f64, |s, x| s.max(x.abs()));
        let seen = crate::numeric::dense::cholesky(&bend, n, 1e-12 * size).is_some();
        if seen { Ok(()) } else { Err(Unfit::Flat) }
    }
}

/// Who cannot be missed, and why: the first few.
fn without(who: &[(String, Infeasible)]) -> String {
    const MOST: usize = 8;
    let each = |(name, why): &(String, Infeasible)| format!("without {name}: {why}");
    let mut all: Vec<String> = who.iter().take(MOST).map(each).collect();
    if who.len() > MOST {
        all.push(format!("nor without {} more", who.len() - MOST));
    }
    all.join("; ")
}

fn number(field: &'static str, found: f64, accepted: &str) -> PlanError {
    PlanError::Number { field, found, accepted: accepted.into() }
}

fn check_numbers(rules: &Rules, m: usize) -> Result<(), PlanError> {
    match rules.stop {
        Stop::Gap { epsilon, .. } if !(epsilon > 0.0 && epsilon.is_finite()) => {
            return Err(number("epsilon", epsilon, "a positive number"));
        }
        stop if stop.rounds() == 0 => return Err(number("rounds", 0.0, "at least 1")),
        _ => {}
    }
    if rules.strikes == 0 {
        return Err(number("strikes", 0.0, "at least 1"));
    }
    if !(0.0..=LARGEST).contains(&rules.penalty) {
        return Err(number("penalty", rules.penalty, "a number from 0 to 1e300"));
    }
    if !rules.start.is_empty() && rules.start.len() != m {
        return Err(PlanError::Start { found: rules.start.len(), wanted: m });
    }
    if let Some(x) = rules.start.iter().find(|x| !x.is_finite()) {
        return Err(number("starting price", *x, "finite numbers"));
    }
    if let Method::Multipliers { rho, relaxation } = rules.method {
        if !(rho > 0.0 && rho.is_finite()) {
            return Err(number("rho", rho, "a positive number"));
        }
        if !(1.0..2.0).contains(&relaxation) {
            return Err(number("relaxation", relaxation, "a number from 1 to below 2"));
        }
    }
    Ok(())
}

fn check_method(problem: &Problem, rules: &Rules, steepness: Option<f64>) -> Result<(), PlanError> {
    let (step, fixed) = match rules.method {
        Method::Ascent { step, fading } => (step, !(fading && step.is_some())),
        Method::Accelerated { step } => (step, true),
        Method::Newton => (None, true),
        Method::Multipliers { .. } => (None, false),
    };
    if let Some(found) = step
        && !(found > 0.0 && found.is_finite())
    {
        return Err(number("step", found, "a positive number"));
    }
    match (steepness, step) {
        (None, None) if rules.moduli == Moduli::Announced => Ok(()),
        (None, _) if fixed => {
            let without = problem.followers().iter().position(|f| f.curvature.0 <= 0.0).unwrap_or(0);
            Err(PlanError::NoCurvature(problem.name(without).into_owned()))
        }
        (Some(l), Some(found)) if fixed => {
            // The proof of the accelerated method needs half of what plain ascent may use.
            let limit = if matches!(rules.method, Method::Accelerated { .. }) { 1.0 } else { 2.0 } / l;
            let slack = if matches!(rules.method, Method::Accelerated { .. }) { 1.0 + 1e-12 } else { 1.0 };
            if found < limit * slack { Ok(()) } else { Err(PlanError::Step { found, limit }) }
        }
        _ => Ok(()),
    }
}

/// Everybody without whom the couplings cannot be met.
fn essential(problem: &Problem) -> Vec<(AgentId, Infeasible)> {
    use rayon::prelude::*;
    let doubtful = if problem.couplings() == 1 { slack_of_one(problem) } else { full_rank(problem) };
    (0..problem.len())
        .into_par_iter()
        .filter(|&j| doubtful[j])
        .filter_map(|j| projection::feasible(problem, &[j]).err().map(|why| (j, why)))
        .collect()
}

/// One coupling: whether it is in doubt that the others can make up for each follower.
fn slack_of_one(problem: &Problem) -> Vec<bool> {
    let reach = |i: AgentId| {
        let follower = problem.follower(i);
        let mut reach = [0.0_f64; 2];
        for ((r, low), high) in follower.coupling.iter().zip(&follower.low).zip(&follower.high) {
            if *r != 0.0 {
                reach[0] += (r * low).min(r * high);
                reach[1] += (r * low).max(r * high);
            }
        }
        reach
    };
    let zero = [0.0; 2];
    let sums = without_each(
        problem.len(),
        zero,
        |i, sum| {
            let own = reach(i);
            (0..2).for_each(|k| sum[k] += own[k]);
        },
        |a, b| [a[0] + b[0], a[1] + b[1]],
    );
    (0..problem.len())
        .map(|j| {
            let c = problem.left(&[j])[0];
            let rounding = 1e-12 * sums[j].iter().filter(|x| x.is_finite()).fold(c.abs(), |a, x| a + x.abs());
            !(sums[j][0] <= c - rounding && c + rounding <= sums[j][1])
        })
        .collect()
}

/// Several couplings: everybody is in doubt where there are limits; without them only those without whom the couplings
/// lose rank.
fn full_rank(problem: &Problem) -> Vec<bool> {
    let m = problem.couplings();
    if problem.followers().iter().any(super::model::Follower::limited) {
        return vec![true; problem.len()];
    }
    let grams = without_each(
        problem.len(),
        vec![0.0; m * m],
        |i, sum| super::model::add_gram(problem.follower(i), 1.0, sum),
        |a, b| a.iter().zip(b).map(|(x, y)| x + y).collect(),
    );
    grams
        .iter()
        .map(|gram| {
            let scale: Vec<f64> = (0..m).map(|r| gram[r * m + r].sqrt()).collect();
            let scaled: Vec<f64> = (0..m * m).map(|k| gram[k] / (scale[k / m] * scale[k % m])).collect();
            crate::numeric::dense::cholesky(&scaled, m, 1e-8).is_none()
        })
        .collect()
}

/// For every follower the sum over all others, by sums from both ends: nothing is subtracted.
pub(super) fn without_each<T: Clone>(
    count: usize,
    zero: T,
    add: impl Fn(AgentId, &mut T),
    join: impl Fn(&T, &T) -> T,
) -> Vec<T> {
    let mut after = vec![zero.clone(); count];
    for i in (1..count).rev() {
        let mut sum = after[i].clone();
        add(i, &mut sum);
        after[i - 1] = sum;
    }
    let mut before = zero;
    for (i, rest) in after.iter_mut().enumerate() {
        *rest = join(&before, rest);
        add(i, &mut before);
    }
    after
}
