//! A resource split among followers who keep their costs to themselves: exact taxes, a run letter by letter with one
//! follower who tries something, the audit, and a cost of one's own.
//!
//!     cargo run --release -p vickrey --example faithful_split

use std::sync::Arc;

use vickrey::audit::{AuditOptions, Effort};
use vickrey::faithful::dual::audit::audit;
use vickrey::faithful::dual::cost::{ConvexCost, Cost};
use vickrey::faithful::dual::follower::Faithful;
use vickrey::faithful::dual::leader::{Leader, Letter, Phase, Report};
use vickrey::faithful::dual::model::{Follower, Problem};
use vickrey::faithful::dual::rules::{Method, Plan, Rules, Stop};
use vickrey::faithful::dual::solve::{exact, path};

/// cosh(z - target): a cost that the library does not have.
#[derive(Debug)]
struct Catenary {
    target: f64,
}

impl ConvexCost for Catenary {
    fn decisions(&self) -> usize {
        1
    }
    fn value(&self, z: &[f64]) -> f64 {
        (z[0] - self.target).cosh()
    }
    fn gradient(&self, z: &[f64], gradient: &mut [f64]) {
        gradient[0] = (z[0] - self.target).sinh();
    }
    fn hessian(&self, z: &[f64], hessian: &mut [f64]) {
        hessian[0] = (z[0] - self.target).cosh();
    }
    fn curvature(&self, low: &[f64], high: &[f64]) -> (f64, f64) {
        let far = (low[0] - self.target).abs().max((high[0] - self.target).abs());
        (1.0, far.cosh())
    }
    fn start(&self, low: &[f64], high: &[f64]) -> Vec<f64> {
        vec![self.target.clamp(low[0], high[0])]
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Private: what each of three units loses by producing z.
    let costs = vec![
        Arc::new(Cost::quadratic(vec![1.0], vec![-2.0], 0.0)?),
        Arc::new(Cost::quadratic(vec![2.0], vec![-1.0], 0.0)?),
        Arc::new(Cost::Custom(Arc::new(Catenary { target: 1.0 }))),
    ];
    // Public: who uses how much of the coupling, within which limits, and how strongly costs bend.
    let followers = [1.0, 1.0, 2.0]
        .iter()
        .zip(&costs)
        .map(|(r, cost)| {
            let mut follower = Follower::new(vec![*r], 1);
            (follower.low, follower.high) = (vec![-3.0], vec![3.0]);
            follower.curvature = cost.curvature(&follower.low, &follower.high);
            follower
        })
        .collect();
    let problem = Problem::new(vec![3.0], followers)?;

    let known = exact(&problem, &costs, &|_| ())?;
    println!("who knew everything would decide {:.4?} at price {:.4}", known.allocation, known.price[0]);
    let area = path(&problem, &costs, &known, 0, 11)?;
    println!("the first one's tax is {:.6}, the area under the others' price {:.6}", area.tax, area.integral);

    let stop = Stop::Gap { epsilon: 1e-9, cap: 200 };
    let rules = Rules { method: Method::Newton, stop, ..Rules::default() };
    let plan = Arc::new(Plan::new(problem, rules)?);
    for (agent, cost) in costs.iter().enumerate() {
        plan.fits(agent, cost)?;
    }

    // The leader and the followers as they would meet over a network: letters out, reports in. The third one is silent in
    // the second round.
    let leader = Leader::new(plan.clone());
    let mut state = leader.start();
    while state.phase() != Phase::Finished {
        let round = state.round();
        let reports = (0..costs.len())
            .map(|agent| {
                let public = plan.problem().follower(agent);
                let faithful = Faithful { agent, public, cost: &costs[agent] };
                match leader.letter(&state, agent)? {
                    Letter::Prices(_) if agent == 2 && round == 2 => None,
                    Letter::Prices(letter) => Some(Report::Answer(faithful.answer(&letter))),
                    Letter::Decision(decision) => Some(Report::Values(faithful.values(&decision))),
                    Letter::Modulus => None,
                }
            })
            .collect();
        leader.close(&mut state, reports)?;
    }
    let settled = state.settled().ok_or("the run ended without a decision")?;
    println!(
        "after {} rounds: {:.4?}, taxes {:.6?}",
        state.traffic().rounds,
        settled.allocation,
        settled.payment
    );
    println!(
        "nobody gains more than {:.1e}; on record: {:?}",
        settled.epsilon.unwrap_or(f64::NAN),
        state.events()
    );

    let found = audit(&plan, &costs, AuditOptions { seed: 1, effort: Effort::Quick }, &|_| ())?;
    for row in &found.guarantees {
        println!("{:<60} {}", row.property.words(), row.verdict.words());
    }
    Ok(())
}
