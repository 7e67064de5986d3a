//! The paper's own examples: section II and Example 1.

use std::sync::Arc;

use vickrey::faithful::dual::rules::{Mode, Rules};
use vickrey::faithful::dual::solve::path;
use vickrey::faithful::dual::strategies::Play;
use vickrey::faithful::dual::tax::Settled;

use super::cases::{Case, alike, ascent, example, square};
use super::{failed, misprint, noted, printed, worked};
use crate::failure::Failure;
use crate::reproduce::Row;

/// What rounds leave: every round halves the distance at least.
const ROUNDS: usize = 60;
const ROUNDING: f64 = 1e-12;

/// All of them.
pub fn rows() -> Result<Vec<Row>, Failure> {
    let mut rows = section_two()?;
    rows.extend(vcg_of_two()?);
    rows.extend(followers()?);
    rows.extend(example_one()?);
    Ok(rows)
}

fn clearing() -> Rules {
    Rules { mode: Mode::ClearingPrice, ..ascent(None, ROUNDS) }
}

fn vcg() -> Rules {
    ascent(None, ROUNDS)
}

/// Follower 1 always sends the same number.
fn constant(case: &Case, rules: Rules, z: f64) -> Result<Settled, Failure> {
    case.play(rules, &[(0, Play::Constant(vec![z]))])
}

/// The constant that leaves follower 1 with the least, and what it leaves: her net cost is a quadratic function of it, which
/// three runs fix.
pub fn best_constant(case: &Case, rules: &Rules) -> Result<(f64, f64), Failure> {
    let net = |z: f64| Ok::<_, Failure>(case.net(&constant(case, rules.clone(), z)?, 0));
    let (low, middle, high) = (net(0.0)?, net(0.5)?, net(1.0)?);
    let bend = 4.0 * (high + low - 2.0 * middle);
    let best = 0.5 - (high - low) / bend;
    Ok((best, net(best)?))
}

fn section_two() -> Result<Vec<Row>, Failure> {
    let case = alike(2)?;
    let faithful = case.settled(clearing())?;
    let third = constant(&case, clearing(), 1.0 / 3.0)?;
    let best = best_constant(&case, &clearing())?;
    Ok(vec![
        printed("section II, z_1 under clearing prices", 0.5, faithful.allocation[0], ROUNDING),
        printed("section II, lambda under clearing prices", 1.0, faithful.price[0], ROUNDING),
        printed("section II, net cost of a faithful player", 0.75, case.net(&faithful, 0), ROUNDING),
        printed("section II, z_1 if player 1 always bids 1/3", 1.0 / 3.0, third.allocation[0], ROUNDING),
        printed("section II, z_2 if player 1 always bids 1/3", 2.0 / 3.0, third.allocation[1], ROUNDING),
        printed("section II, lambda if player 1 always bids 1/3", 2.0 / 3.0, third.price[0], ROUNDING),
        printed("section II, net cost of the player who bids 1/3", 2.0 / 3.0, case.net(&third, 0), ROUNDING),
        noted("section II, best constant bid", 1.0 / 3.0, best.0, 1e-9, "the 1/3 of the text is the best"),
        worked("section II, net cost of the best constant bid", 2.0 / 3.0, best.1, ROUNDING),
    ])
}

fn vcg_of_two() -> Result<Vec<Row>, Failure> {
    let case = alike(2)?;
    let faithful = case.settled(vcg())?;
    let best = best_constant(&case, &vcg())?;
    Ok(vec![
        worked("section II, VCG tax", 0.25, faithful.payment[0], ROUNDING),
        worked("section II, net cost under VCG", 0.5, case.net(&faithful, 0), ROUNDING),
        noted(
            "section II, best constant bid under VCG",
            0.5,
            best.0,
            1e-9,
            "what faithful play gets as well",
        ),
        worked("section II, net cost of the best constant bid under VCG", 0.5, best.1, ROUNDING),
    ])
}

/// Clearing-price and VCG tax of each of `n`, and what the best constant gains.
pub struct Market {
    pub clearing: f64,
    pub tax: f64,
    pub difference: f64,
    pub best: f64,
    pub gain: f64,
}

/// Section II with `n` followers.
pub fn market(n: usize) -> Result<Market, Failure> {
    let case = alike(n)?;
    let exact = case.exact()?;
    let faithful = case.net(&case.settled(clearing())?, 0);
    let (best, net) = best_constant(&case, &clearing())?;
    Ok(Market {
        clearing: exact.clearing[0],
        tax: exact.payment(0),
        difference: exact.gap[0],
        best,
        gain: faithful - net,
    })
}

/// How clearing prices come near VCG taxes as followers become many.
fn followers() -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    for (n, gain) in [
        (2, 1.0 / 12.0),
        (3, 1.0 / 32.0),
        (5, 1.0 / 96.0),
        (10, 0.002_525_252_525_252_5),
        (100, 2.500_250_025e-5),
        (1000, 2.500_002_500_0e-7),
    ] {
        let ours = market(n)?;
        let f = n as f64;
        let what = |of: &str| format!("section II with {n} players, {of}");
        let tax = 1.0 - (2.0 * f - 1.0) / (4.0 * (f - 1.0));
        rows.push(worked(&what("clearing-price payment"), 0.5, ours.clearing, ROUNDING));
        rows.push(worked(&what("VCG tax"), tax, ours.tax, ROUNDING));
        rows.push(worked(
            &what("clearing-price payment less VCG tax"),
            1.0 / (4.0 * (f - 1.0)),
            ours.difference,
            ROUNDING,
        ));
        rows.push(worked(&what("best constant bid"), f / (2.0 * (f + 1.0)), ours.best, 1e-9));
        rows.push(worked(&what("gain of the best constant bid"), gain, ours.gain, ROUNDING));
    }
    for (n, area, start) in [(2, 0.25, 0.0), (10, 17.0 / 36.0, 8.0 / 9.0)] {
        let case = alike(n)?;
        let way = path(&case.problem, &case.costs, &case.exact()?, 0, 11).map_err(|error| failed(&error))?;
        let what = |of: &str| format!("figure 2 with {n} players, {of}");
        rows.push(worked(&what("area under the price of the others"), area, way.integral, ROUNDING));
        rows.push(worked(&what("VCG tax by definition"), area, way.tax, ROUNDING));
        rows.push(worked(&what("rectangle: the clearing-price payment"), 0.5, way.clearing, ROUNDING));
        // Money per share of the way; the way is 1/2 long.
        rows.push(worked(
            &what("price of the others in her absence"),
            start,
            2.0 * way.marginal[0],
            ROUNDING,
        ));
    }
    Ok(rows)
}

fn example_one() -> Result<Vec<Row>, Failure> {
    let case = example()?;
    let rules = |mode| Rules { mode, ..ascent(None, ROUNDS) };
    // (z - 3)^2 and z^2 up to constants.
    let tilt = |slope| Play::Tilt { scale: 1.0, shift: vec![slope], true_values: true };
    let two = (1, tilt(-2.0));
    let run = |mode, one: Play, two: &(usize, Play)| case.play(rules(mode), &[(0, one), two.clone()]);
    let mut rows = Vec::new();
    for (name, play, z, net) in
        [("faithful", Play::Faithful, 2.0, 1.0), ("with z^2 instead of her cost", tilt(2.0), 1.5, 0.5)]
    {
        let settled = run(Mode::Zero, play.clone(), &two)?;
        rows.push(printed(&format!("Example 1, z, player 1 {name}"), z, settled.allocation[0], ROUNDING));
        let what = format!("Example 1, net cost of player 1 {name}");
        rows.push(printed(&what, net, case.net(&settled, 0), ROUNDING));
        let settled = run(Mode::Vcg, play.clone(), &two)?;
        let note = "with the tax of line 19: k_1 = -4, the cost of player 2 alone at z_2 = 0";
        rows.push(noted(&format!("{what}, line 19"), net - 4.0, case.net(&settled, 0), ROUNDING, note));
        let liar = (1, Play::Pretend(Arc::new(square(3.0, 0.0)?)));
        let settled = run(Mode::Zero, play, &liar)?;
        let note = "player 2 reports the pretended cost in line 18, too: faithful play is best again";
        let what = format!("{what}, final cost pretended");
        rows.push(noted(
            &what,
            net + if net > 0.75 { 1.0 } else { 2.0 },
            case.net(&settled, 0),
            ROUNDING,
            note,
        ));
    }
    rows.push(misprint(
        "Example 1: argmin of v_2 + lambda z_2",
        "R_2 = -1: it is v_2 - lambda z_2. The net costs are those of k_1 = 0, not of line 19, and of the true v_2 in line \
         18 although player 2 lied in line 5",
    ));
    Ok(rows)
}
