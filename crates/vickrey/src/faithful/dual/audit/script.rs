//! The best answers of one follower, round by round, where her net cost is a quadratic function of them.
//!
//! With quadratic costs, no limits, a fixed number of rounds and a method that moves prices linearly, the decision is an
//! affine function of what one follower sends, and her net cost a quadratic one. It is known from its values at few points,
//! and its lowest point is the best deviation there is among all sequences of answers in the rounds looked at. Where
//! it has no lowest point, gains are unbounded.

use super::play::Table;
use crate::faithful::dual::cost::Cost;
use crate::faithful::dual::leader::LeaderError;
use crate::faithful::dual::rules::{Method, Stop};
use crate::faithful::dual::strategies::Play;
use crate::mechanism::AgentId;
use crate::numeric::dense;

/// Numbers that a follower chooses at most: the form takes half their square of runs.
const MOST: usize = 16;

/// The best script found.
pub(super) struct Best {
    pub play: Play,
    /// What it leaves her with, as played.
    pub net: f64,
    /// Whether her net cost falls without end (the play is one point on the way).
    pub unbounded: bool,
    /// Whether all rounds were hers to choose.
    pub complete: bool,
    pub tries: u64,
}

/// Whether net costs are quadratic functions of one follower's answers.
pub(super) fn applies(table: &Table<'_>) -> bool {
    let rules = table.plan.rules();
    let linear = match rules.method {
        Method::Ascent { .. } => true,
        Method::Multipliers { .. } => true,
        Method::Accelerated { .. } | Method::Newton => false,
    };
    linear
        && matches!(rules.stop, Stop::Rounds(_))
        && table.costs.iter().all(|cost| matches!(**cost, Cost::Quadratic(_)))
        && !table.plan.problem().followers().iter().any(|f| f.limited())
}

/// The lowest point of the form in the last rounds of `agent`, reached from `before` (announcements), whose faithful
/// answers are `honest`, one list for each round.
pub(super) fn best(
    table: &Table<'_>,
    agent: AgentId,
    honest: &[Vec<f64>],
    wrap: &dyn Fn(Play) -> Play,
) -> Result<Best, LeaderError> {
    let n = table.plan.problem().follower(agent).decisions();
    let rounds = honest.len();
    let chosen = rounds.min((MOST / n).max(1));
    let first = rounds - chosen;
    let script = |x: &[f64]| {
        let mut all = honest.to_vec();
        for (k, z) in x.chunks_exact(n).enumerate() {
            all[first + k].copy_from_slice(z);
        }
        wrap(Play::Script(all))
    };
    let net = |x: &[f64]| -> Result<f64, LeaderError> {
        let state = table.run(&[(agent, &script(x))])?;
        Ok(state.settled().map_or(f64::NAN, |s| table.net(s, agent)))
    };
    let centre: Vec<f64> = honest[first..].concat();
    let p = centre.len();
    let unit = centre.iter().fold(1.0_f64, |s, x| s.max(x.abs()));
    let moved = |moves: &[(usize, f64)]| {
        let mut x = centre.clone();
        moves.iter().for_each(|(k, by)| x[*k] += by * unit);
        x
    };
    let zero = net(&centre)?;
    let mut up = vec![0.0; p];
    let mut gradient = vec![0.0; p];
    let mut bend = vec![0.0; p * p];
    for k in 0..p {
        up[k] = net(&moved(&[(k, 1.0)]))?;
        let down = net(&moved(&[(k, -1.0)]))?;
        gradient[k] = 0.5 * (up[k] - down);
        bend[k * p + k] = up[k] + down - 2.0 * zero;
        for j in 0..k {
            let both = net(&moved(&[(k, 1.0), (j, 1.0)]))?;
            let mixed = both - up[k] - up[j] + zero;
            (bend[k * p + j], bend[j * p + k]) = (mixed, mixed);
        }
    }
    let (step, unbounded) = lowest(&bend, &gradient);
    let at: Vec<f64> = centre.iter().zip(&step).map(|(x, s)| x + unit * s).collect();
    let play = script(&at);
    let reached = net(&at)?;
    let tries = (p * p + 3 * p) as u64 / 2 + 2;
    Ok(Best { play, net: reached, unbounded, complete: first == 0, tries })
}

/// Where gradient'x + x'Bx/2 is lowest; if it falls without end, a point far along the steepest fall.
fn lowest(bend: &[f64], gradient: &[f64]) -> (Vec<f64>, bool) {
    let p = gradient.len();
    let (values, vectors) = dense::eigen(bend, p);
    let size = values.iter().fold(0.0_f64, |s, v| s.max(v.abs()));
    // Second differences of net costs lose half the digits.
    let rounding = 1e-8 * size;
    if let Some(e) =
        (0..p).filter(|&e| values[e] < -rounding).min_by(|a, b| values[*a].total_cmp(&values[*b]))
    {
        let along: f64 = (0..p).map(|r| vectors[r * p + e] * gradient[r]).sum();
        let sign = if along > 0.0 { -1.0 } else { 1.0 };
        return ((0..p).map(|r| 100.0 * sign * vectors[r * p + e]).collect(), true);
    }
    let mut x = vec![0.0; p];
    for e in (0..p).filter(|&e| values[e] > rounding) {
        let along: f64 = (0..p).map(|r| vectors[r * p + e] * gradient[r]).sum();
        (0..p).for_each(|r| x[r] -= vectors[r * p + e] * along / values[e]);
    }
    (x, false)
}
