//! Instances for what paper 003 says: its own examples, and worked ones.

use std::sync::Arc;

use vickrey::faithful::dual::cost::Cost;
use vickrey::faithful::dual::curve::Curve;
use vickrey::faithful::dual::leader::{Leader, State};
use vickrey::faithful::dual::model::{Follower, Problem};
use vickrey::faithful::dual::protocol::DualDecomposition;
use vickrey::faithful::dual::rules::{Method, Plan, Rules, Stop};
use vickrey::faithful::dual::solve::{Exact, exact};
use vickrey::faithful::dual::strategies::{DualWorld, Play, Player, faithful_run};
use vickrey::faithful::dual::tax::Settled;
use vickrey::simulate::{self, Profile};

use super::failed;
use crate::failure::Failure;

/// What is public, and the private costs.
#[derive(Clone, Debug)]
pub struct Case {
    pub problem: Problem,
    pub costs: Vec<Arc<Cost>>,
}

impl Case {
    /// `followers` are rows of couplings and a cost each; all decisions have the same limits, or none.
    pub fn new(
        total: &[f64],
        followers: Vec<(Vec<f64>, Cost)>,
        limits: Option<(f64, f64)>,
    ) -> Result<Self, Failure> {
        let (mut public, mut costs) = (Vec::new(), Vec::new());
        for (coupling, cost) in followers {
            let n = cost.decisions();
            let mut follower = Follower::new(coupling, n);
            if let Some((low, high)) = limits {
                (follower.low, follower.high) = (vec![low; n], vec![high; n]);
            }
            follower.curvature = cost.curvature(&follower.low, &follower.high);
            public.push(follower);
            costs.push(Arc::new(cost));
        }
        let problem = Problem::new(total.to_vec(), public).map_err(|error| failed(&error))?;
        Ok(Self { problem, costs })
    }

    /// The same problem with other public curvatures than the costs have: outside of what is accepted of followers.
    pub fn pretending(mut self, curvature: impl Fn(&Follower) -> (f64, f64)) -> Result<Self, Failure> {
        let with = |follower: &Follower| Follower { curvature: curvature(follower), ..follower.clone() };
        let followers = self.problem.followers().iter().map(with).collect();
        let total = self.problem.total().to_vec();
        self.problem = Problem::new(total, followers).map_err(|error| failed(&error))?;
        Ok(self)
    }

    pub fn plan(&self, rules: Rules) -> Result<Arc<Plan>, Failure> {
        Plan::new(self.problem.clone(), rules).map(Arc::new).map_err(|error| failed(&error))
    }

    /// Everybody faithful.
    pub fn run(&self, rules: Rules) -> Result<State, Failure> {
        faithful_run(&Leader::new(self.plan(rules)?), &self.costs).map_err(|error| failed(&error))
    }

    /// The decision and taxes of a faithful run.
    pub fn settled(&self, rules: Rules) -> Result<Settled, Failure> {
        self.run(rules)?.settled().cloned().ok_or_else(|| failed(&"no decision"))
    }

    /// With some who deviate.
    pub fn play(&self, rules: Rules, plays: &[(usize, Play)]) -> Result<Settled, Failure> {
        let plan = self.plan(rules)?;
        let mechanism = DualDecomposition::new(plan.clone());
        let mut world = DualWorld { plan: plan.clone(), costs: self.costs.clone() };
        let mut profile: Profile<_, _> = (0..self.costs.len())
            .map(|i| {
                let play = plays.iter().find(|p| p.0 == i).map_or(Play::Faithful, |p| p.1.clone());
                Box::new(Player { plan: plan.clone(), play }) as Box<_>
            })
            .collect();
        let mut last = None;
        simulate::run(&mechanism, &mut world, &mut profile, 1, |stage| {
            last = stage.outcome.settled.clone().or(last.take());
        })
        .map_err(|error| failed(&error))?;
        last.map(|settled| (*settled).clone()).ok_or_else(|| failed(&"no decision"))
    }

    /// True cost of a follower's part.
    pub fn own(&self, allocation: &[f64], agent: usize) -> f64 {
        self.costs[agent].value(&allocation[self.problem.range(agent)])
    }

    /// True cost and tax.
    pub fn net(&self, settled: &Settled, agent: usize) -> f64 {
        self.own(&settled.allocation, agent) + settled.payment[agent]
    }

    /// True costs of everybody.
    pub fn social(&self, settled: &Settled) -> f64 {
        (0..self.costs.len()).map(|i| self.own(&settled.allocation, i)).sum()
    }

    pub fn exact(&self) -> Result<Exact, Failure> {
        exact(&self.problem, &self.costs, &|_| ()).map_err(|error| failed(&error))
    }
}

/// Price steps of a fixed size, a fixed number of rounds.
pub fn ascent(step: Option<f64>, rounds: usize) -> Rules {
    Rules { method: Method::Ascent { step, fading: false }, stop: Stop::Rounds(rounds), ..Rules::default() }
}

/// z'Qz/2 + q'z + k.
pub fn quadratic(matrix: &[f64], linear: &[f64], constant: f64) -> Result<Cost, Failure> {
    Cost::quadratic(matrix.to_vec(), linear.to_vec(), constant).map_err(|error| failed(&error))
}

/// (z - target)^2 + k.
pub fn square(target: f64, constant: f64) -> Result<Cost, Failure> {
    quadratic(&[2.0], &[-2.0 * target], target * target + constant)
}

/// A cost of one decision.
pub fn curve(curve: Result<Curve, vickrey::faithful::dual::curve::CurveError>) -> Result<Cost, Failure> {
    let curve = curve.map_err(|error| failed(&error))?;
    Cost::separable(vec![curve], 0.0).map_err(|error| failed(&error))
}

/// Section II: `n` followers with (z - 1)^2 who share n/2.
pub fn alike(n: usize) -> Result<Case, Failure> {
    let followers = (0..n).map(|_| Ok((vec![1.0], square(1.0, 0.0)?)));
    Case::new(&[n as f64 / 2.0], followers.collect::<Result<_, Failure>>()?, None)
}

/// Example 1: (z - 1)^2, (z - 2)^2, z_1 = z_2.
pub fn example() -> Result<Case, Failure> {
    Case::new(&[0.0], vec![(vec![1.0], square(1.0, 0.0)?), (vec![-1.0], square(2.0, 0.0)?)], None)
}

/// Case A: three quadratic followers, one coupling.
pub fn case_a() -> Result<Case, Failure> {
    scaled_a(1.0)
}

/// Case A with all costs times a factor.
pub fn scaled_a(factor: f64) -> Result<Case, Failure> {
    let one = |bend: f64, slope: f64| quadratic(&[factor * bend], &[factor * slope], 0.0);
    let followers =
        vec![(vec![1.0], one(1.0, -2.0)?), (vec![1.0], one(2.0, -1.0)?), (vec![2.0], one(4.0, -8.0)?)];
    Case::new(&[3.0], followers, None)
}

/// Case B: logarithms and a kink within 0 and 2, one coupling.
pub fn case_b() -> Result<Case, Failure> {
    let followers = vec![
        (vec![1.0], curve(Curve::log(1.0, 0.5, 0.0))?),
        (vec![1.0], curve(Curve::log(2.0, 0.5, 0.0))?),
        (vec![1.0], curve(Curve::pieces(1.0, &[(-2.0, 0.0), (0.0, -1.0)]))?),
    ];
    Case::new(&[2.0], followers, Some((0.0, 2.0)))
}

/// Three logarithms within 0 and 2, one coupling: at the optimum the third is at its lower limit.
pub fn limited_logs() -> Result<Case, Failure> {
    let one = |weight: f64| Ok::<_, Failure>((vec![1.0], curve(Curve::log(weight, 0.5, 0.0))?));
    Case::new(&[1.0], vec![one(1.0)?, one(2.0)?, one(0.2)?], Some((0.0, 2.0)))
}

/// Case D: three quadratic followers, two couplings.
pub fn case_d() -> Result<Case, Failure> {
    let followers = vec![
        (vec![1.0, 0.0, 0.0, 1.0], quadratic(&[2.0, 0.5, 0.5, 1.0], &[-1.0, 0.0], 0.0)?),
        (vec![1.0, 1.0, 0.0, 1.0], quadratic(&[1.0, 0.0, 0.0, 3.0], &[0.0, 1.0], 0.0)?),
        (vec![1.0, -1.0], quadratic(&[4.0], &[-2.0], 0.0)?),
    ];
    Case::new(&[1.0, 0.5], followers, None)
}

/// Numbers between 0 and 1 that fill the interval evenly, the same everywhere.
pub fn even(k: usize) -> f64 {
    (k as f64 * 0.618_033_988_749_894_9 + 0.5).fract()
}
