//! Rules and results: the leader's announcement with its test and fine, the iteration, taxes and net costs.

mod bounds;
mod iterate;

use super::model::{ConsensusError, Instance, Place, refuse};
use super::spectrum::Spectrum;
use crate::mechanism::AgentId;
use crate::numeric::sum::compensated;

pub use bounds::{Extreme, disagreement, mean};
use iterate::moved;

/// More rounds than this are a mistake.
pub const MOST_ROUNDS: usize = 1_000_000_000;
/// A step may exceed 1/lambda_max by this, relatively: what writing 1/lambda_max as a number loses.
const STEP_SLACK: f64 = 1e-12;

/// By which bound on the disagreement after n rounds faithful followers are told from others.
///
/// All but [`Printed`](Self::Printed) hold for every faithful run, whatever the types.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Test {
    /// (1 - alpha lambda_min(B'B))^n S / sqrt(lambda_min(B'B)), S = sup over types of ||B'q||; for trees.
    #[default]
    Corrected,
    /// (1 - alpha lambda_2)^n U, U a bound on sup over types of ||q - mean(q)||; for every connected graph.
    Spectral,
    /// The smaller of the two where both exist.
    Tighter,
    /// As the paper prints it, with rho = lambda_min/lambda_max in place of alpha lambda_min. Wrong for alpha below
    /// 1/lambda_max: faithful followers fail in the end. For reproduction only.
    Printed,
}

/// How the leader learns the final positions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Watch {
    /// It sees where everybody is.
    #[default]
    Observed,
    /// It believes what it is told. A follower then stays where it likes and names the agreed point: not incentive
    /// compatible, here to show it.
    Reported,
}

/// What the leader chooses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terms {
    /// The step alpha, in (0, 1/lambda_max]; none: the largest that is certainly allowed.
    pub step: Option<f64>,
    /// Rounds n >= 1.
    pub rounds: usize,
    /// The test.
    pub test: Test,
    /// How final positions are learnt.
    pub watch: Watch,
}

impl Terms {
    /// The largest allowed step, the corrected test, observed positions.
    pub fn rounds(rounds: usize) -> Self {
        Self { step: None, rounds, test: Test::default(), watch: Watch::default() }
    }
}

/// Everything public, fixed before any follower sends a byte.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    instance: Instance,
    spectrum: Spectrum,
    step: f64,
    rounds: usize,
    test: Test,
    watch: Watch,
    /// S, on trees only.
    edges: Option<Extreme>,
    /// U.
    radius: f64,
    spread: Extreme,
    span: (f64, f64),
    fine: f64,
    limit: f64,
}

impl Rules {
    /// The rules for an instance.
    ///
    /// # Errors
    /// A step outside (0, 1/lambda_max], no rounds, or a test for trees on a graph with a cycle.
    pub fn new(instance: Instance, terms: Terms) -> Result<Self, ConsensusError> {
        let spectrum = Spectrum::of(instance.graph());
        let step = allowed_step(&spectrum, terms.step)?;
        allowed_rounds(terms.rounds)?;
        if let (Some(edge), Test::Corrected | Test::Printed) = (instance.graph().closes_cycle(), terms.test) {
            let accepted = "a tree for this test; the test `spectral` works on every connected graph";
            return refuse("edges", Place::Edge(edge), "an edge that closes a cycle", accepted);
        }
        let edges = instance.graph().is_tree().then(|| bounds::edges(&instance));
        let mut rules = Self {
            spectrum,
            step,
            rounds: terms.rounds,
            test: terms.test,
            watch: terms.watch,
            edges,
            radius: bounds::reach(&instance),
            spread: bounds::spread(&instance),
            span: instance.span(),
            fine: bounds::fine(&instance),
            limit: 0.0,
            instance,
        };
        rules.limit = rules.limit_after(rules.rounds);
        Ok(rules)
    }

    /// The same with another number of rounds; nothing else is computed anew.
    ///
    /// # Errors
    /// No rounds, or too many.
    pub fn with_rounds(mut self, rounds: usize) -> Result<Self, ConsensusError> {
        allowed_rounds(rounds)?;
        self.rounds = rounds;
        self.limit = self.limit_after(rounds);
        Ok(self)
    }

    /// Graph, ranges, names.
    pub fn instance(&self) -> &Instance {
        &self.instance
    }

    /// Number of followers N.
    pub fn len(&self) -> usize {
        self.instance.len()
    }

    /// Never: there are at least two followers.
    pub fn is_empty(&self) -> bool {
        self.instance.is_empty()
    }

    /// Eigenvalues of the graph.
    pub fn spectrum(&self) -> &Spectrum {
        &self.spectrum
    }

    /// The step alpha.
    pub fn step(&self) -> f64 {
        self.step
    }

    /// Rounds n.
    pub fn rounds(&self) -> usize {
        self.rounds
    }

    /// The test.
    pub fn test(&self) -> Test {
        self.test
    }

    /// How final positions are learnt.
    pub fn watch(&self) -> Watch {
        self.watch
    }

    /// [Ymin, Ymax]: messages are clipped to it.
    pub fn span(&self) -> (f64, f64) {
        self.span
    }

    /// C: what everybody pays if the test fails.
    pub fn fine(&self) -> f64 {
        self.fine
    }

    /// S and the types that reach it; none on a graph with a cycle.
    pub fn edge_spread(&self) -> Option<&Extreme> {
        self.edges.as_ref()
    }

    /// U, the bound of [`Test::Spectral`] before the first round.
    pub fn radius(&self) -> f64 {
        self.radius
    }

    /// Dmax = sup over types of ||th - mean(th)||, exact for few followers, and the types that come nearest.
    pub fn spread(&self) -> &Extreme {
        &self.spread
    }

    /// What the test compares the final disagreement with: beta(n), and room for rounding.
    pub fn limit(&self) -> f64 {
        self.limit
    }

    /// beta(n) of a test after so many rounds, without room for rounding; none if the graph has a cycle and the test is for
    /// trees.
    pub fn beta(&self, test: Test, rounds: usize) -> Option<f64> {
        let (second, _) = self.spectrum.second;
        let on_edges = |rho| self.edges.as_ref().map(|s| power(rho, rounds) * s.bound / second.sqrt());
        let spectral = power(self.rate(), rounds) * self.radius;
        match test {
            Test::Corrected => on_edges(self.rate()),
            Test::Spectral => Some(spectral),
            Test::Tighter => Some(on_edges(self.rate()).map_or(spectral, |b| b.min(spectral))),
            Test::Printed => {
                let (second, largest) = self.spectrum.middle();
                on_edges((second / largest).min(1.0))
            }
        }
    }

    /// rho = alpha lambda_2, by its lower bound: disagreement shrinks by 1 - rho a round at least.
    pub fn rate(&self) -> f64 {
        (self.step * self.spectrum.second.0).min(1.0)
    }

    /// What the test would compare with after so many rounds.
    pub fn limit_after(&self, rounds: usize) -> f64 {
        // The constructor leaves no test without its bound; infinity would fail nobody.
        let beta = self.beta(self.test, rounds).unwrap_or(f64::INFINITY);
        beta * (1.0 + 1e-9) + self.rounding(rounds as f64)
    }

    /// Room for rounding: extreme types meet beta(n) with equality, and disagreement stops falling at rounding level while
    /// beta(n) goes on.
    ///
    /// A round rounds every position by a few units in the last place, which later rounds shrink by 1 - rho each: at most
    /// min(n, 1/rho) of them add up. For up to about a thousand rounds 1e-12 is more than that.
    fn rounding(&self, rounds: f64) -> f64 {
        let size = self.span.0.abs().max(self.span.1.abs());
        let a_round = 4.0 * f64::EPSILON * size * rounds.min(1.0 / self.rate());
        (self.len() as f64).sqrt() * (1e-12 * (1.0 + size)).max(a_round)
    }

    /// Whether the test is known to pass every faithful run. The printed one is only if alpha is 1/lambda_max.
    pub fn certified(&self) -> bool {
        let (second, largest) = self.spectrum.middle();
        self.test != Test::Printed || second / largest <= self.rate() * (1.0 + 1e-12)
    }

    /// epsilon: no follower gains more than this by any deviation, whatever the types; 2 Dmax times the limit.
    ///
    /// None where that is not proved: the printed test, or positions that are only reported.
    pub fn epsilon(&self) -> Option<f64> {
        self.epsilon_with(self.limit)
    }

    fn epsilon_with(&self, limit: f64) -> Option<f64> {
        (self.certified() && self.watch == Watch::Observed).then_some(2.0 * self.spread.bound * limit)
    }

    /// n0: the smallest number of rounds after which nobody gains more than `epsilon`, whatever the types.
    ///
    /// # Errors
    /// An epsilon that is not positive, or below what rounding (or the largest number of rounds) allows; rules without a
    /// certificate.
    pub fn rounds_for(&self, epsilon: f64) -> Result<usize, ConsensusError> {
        if !(epsilon > 0.0 && epsilon.is_finite()) {
            return refuse("epsilon", Place::Whole, epsilon, "a positive number");
        }
        let after = |rounds: usize| {
            let beta = self.beta(self.test, rounds)?;
            // Room for rounding grows with the rounds: with that of all of them the sum only falls.
            self.epsilon_with(beta * (1.0 + 1e-9) + self.rounding(f64::INFINITY))
        };
        let Some(least) = after(MOST_ROUNDS) else {
            let accepted = "a test that is proved, and observed positions";
            return refuse("test", Place::Whole, "a rule without a certificate", accepted);
        };
        if epsilon < least {
            let accepted = format!("at least {least:e}, what rounding and {MOST_ROUNDS} rounds leave");
            return refuse("epsilon", Place::Whole, epsilon, accepted);
        }
        let (mut low, mut high) = (0, MOST_ROUNDS);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if after(middle).is_some_and(|e| e <= epsilon) { high = middle } else { low = middle }
        }
        Ok(high)
    }

    /// Final positions of faithful followers: n rounds of z_i += alpha sum over neighbours of (z_j - z_i). O(n |E|).
    pub fn iterate(&self, types: &[f64]) -> Vec<f64> {
        iterate::run(self, types)
    }

    /// Disagreement of faithful followers after every round, from 0 (the types) to n.
    pub fn course(&self, types: &[f64]) -> Vec<f64> {
        let mut course = Vec::with_capacity(self.rounds + 1);
        iterate::each(self, types, |positions| course.push(disagreement(positions)));
        course
    }

    /// Where a faithful follower is before every round: what it sends in rounds 1 to n.
    pub(super) fn path_of(&self, types: &[f64], follower: AgentId) -> Vec<f64> {
        let mut path = Vec::with_capacity(self.rounds + 1);
        iterate::each(self, types, |positions| path.push(positions[follower]));
        path.truncate(self.rounds);
        path
    }

    /// Final positions if one follower sends what it likes, moves to `finish` in the end, and all others are faithful.
    ///
    /// `messages` has one list for every round, with one message for each of its neighbours; none: nothing is sent.
    ///
    /// # Panics
    /// The lists do not have these lengths.
    pub fn iterate_against(
        &self,
        types: &[f64],
        follower: AgentId,
        messages: &[Vec<Option<f64>>],
        finish: f64,
    ) -> Vec<f64> {
        iterate::run_against(self, types, follower, messages, finish)
    }

    /// Where a faithful follower goes in one round from `own`: own + alpha sum (z - own) over what her neighbours said, in
    /// the neighbours' order, each clipped to [`Rules::span`]. Whom she has not heard yet is left out.
    pub fn step_from(&self, own: f64, heard: impl Iterator<Item = f64>) -> f64 {
        moved(own, self.step, self.span, heard)
    }

    /// All rounds with everybody faithful; `see` is shown all positions before the first round and after every round.
    pub fn each_round(&self, types: &[f64], see: impl FnMut(&[f64])) {
        iterate::each(self, types, see);
    }

    /// A faithful run from the types to the taxes.
    pub fn play(&self, types: &[f64]) -> Played {
        assert_eq!(types.len(), self.len(), "one type for each follower");
        let positions = self.iterate(types);
        let value: Vec<f64> = positions.iter().zip(types).map(|(z, th)| (z - th).powi(2)).collect();
        let seen: Vec<Option<f64>> = positions.iter().copied().map(Some).collect();
        let reported: Vec<Option<f64>> = value.iter().copied().map(Some).collect();
        let settlement = self.settle(&seen, &reported);
        let net = value.iter().zip(&settlement.payment).map(|(v, p)| v + p).collect();
        Played { positions, value, settlement, net }
    }

    /// The test, and everybody's tax, from final positions and reported values (none: missing).
    ///
    /// A missing value is left out of all others' taxes; a missing position fails the test. Taxes of those who pass are
    /// sums over the others, made from sums of those before and after: never a total less the own report, in which a huge
    /// own report would wipe out everybody else's.
    pub fn settle(&self, positions: &[Option<f64>], values: &[Option<f64>]) -> Settlement {
        assert!(
            positions.len() == self.len() && values.len() == self.len(),
            "one of each for every follower"
        );
        let seen: Option<Vec<f64>> = positions.iter().copied().collect();
        let distance = seen.map_or(f64::INFINITY, |seen| disagreement(&seen));
        // A position so far away that squares overflow leaves infinity or no number: neither passes.
        let passed = distance <= self.limit;
        let payment = if passed { sums_of_others(values) } else { vec![self.fine; self.len()] };
        let disagreement = if distance.is_nan() { f64::INFINITY } else { distance };
        Settlement { disagreement, limit: self.limit, passed, payment }
    }

    /// What a true value can be at a position, over all types that the range allows.
    pub fn value_range(&self, follower: AgentId, position: f64) -> (f64, f64) {
        let (low, high) = (self.instance.low()[follower], self.instance.high()[follower]);
        let nearest = position.clamp(low, high);
        ((position - nearest).powi(2), (position - low).powi(2).max((position - high).powi(2)))
    }
}

/// What was decided after the last round.
#[derive(Clone, Debug, PartialEq)]
pub struct Settlement {
    /// ||z - mean(z)||; infinite if a position is missing.
    pub disagreement: f64,
    /// What it was compared with.
    pub limit: f64,
    /// Whether the test was passed.
    pub passed: bool,
    /// Tax of every follower: what the others say that their positions cost them, or the fine.
    pub payment: Vec<f64>,
}

/// A faithful run.
#[derive(Clone, Debug, PartialEq)]
pub struct Played {
    /// Final positions, which are the decision.
    pub positions: Vec<f64>,
    /// What they cost, (z_i - th_i)².
    pub value: Vec<f64>,
    /// Test and taxes.
    pub settlement: Settlement,
    /// Cost and tax together.
    pub net: Vec<f64>,
}

impl Played {
    /// Sum of everybody's cost, without taxes.
    pub fn social_cost(&self) -> f64 {
        compensated(self.value.iter().copied())
    }
}

/// The agreed point that costs least together, and what it costs: the mean, and V* = ||th - mean||².
pub fn optimum(types: &[f64]) -> (f64, f64) {
    (mean(types), disagreement(types).powi(2))
}

/// VCG taxes of exact consensus, (th_i - mean)²/(N - 1): what i's presence costs the others.
///
/// From the types themselves. A leader would have to learn the others' optimum without i from a consensus of the others
/// alone, for which a tree without i has too few edges, and never from what i says.
pub fn vcg(types: &[f64]) -> Vec<f64> {
    let mean = mean(types);
    types.iter().map(|th| (th - mean).powi(2) / (types.len() as f64 - 1.0)).collect()
}

/// For every follower the sum of all others' values.
fn sums_of_others(values: &[Option<f64>]) -> Vec<f64> {
    let running = |values: &mut dyn Iterator<Item = &Option<f64>>| -> Vec<f64> {
        let mut sum = crate::numeric::sum::Sum::default();
        let mut before = |v: &Option<f64>| {
            let so_far = sum.get();
            sum.add(v.unwrap_or(0.0));
            so_far
        };
        values.map(&mut before).collect()
    };
    let before = running(&mut values.iter());
    let after = running(&mut values.iter().rev());
    before.iter().zip(after.iter().rev()).map(|(b, a)| b + a).collect()
}

/// (1 - rho)^n; the software library gives the same bits everywhere.
fn power(rho: f64, rounds: usize) -> f64 {
    libm::exp(rounds as f64 * libm::log1p(-rho))
}

fn allowed_rounds(rounds: usize) -> Result<(), ConsensusError> {
    if (1..=MOST_ROUNDS).contains(&rounds) {
        return Ok(());
    }
    refuse("rounds", Place::Whole, rounds, format!("a number from 1 to {MOST_ROUNDS}"))
}

fn allowed_step(spectrum: &Spectrum, step: Option<f64>) -> Result<f64, ConsensusError> {
    let largest = 1.0 / spectrum.largest.1;
    let step = step.unwrap_or(largest);
    if step > 0.0 && step <= largest * (1.0 + STEP_SLACK) {
        return Ok(step);
    }
    let accepted = format!("a number above 0 and at most {largest}, 1 / the largest eigenvalue of the graph");
    refuse("step", Place::Whole, step, accepted)
}
