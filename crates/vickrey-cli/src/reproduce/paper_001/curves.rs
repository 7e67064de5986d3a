//! What figures 2 to 4 show, in numbers: the print has curves without readable numbers.

use vickrey::two_stage::Law;
use vickrey::two_stage::demand::{Outlook, Posted, posted};
use vickrey::two_stage::discretise::Family;

use super::cases::{Market, bins, lottery};
use super::worked;
use crate::failure::Failure;
use crate::reproduce::Row;

/// Half a unit of the tenth decimal, and rounding.
pub const TEN: f64 = 6e-11;
/// The number of types that is adopted.
pub const TYPES: usize = 20;
/// The number of players in figures 3 and 4 that is adopted.
pub const PLAYERS: usize = 10;

/// Expected social cost with so many providers.
pub fn social_cost(n: usize) -> Result<f64, Failure> {
    let law = bins(Family::BetaPrime, 1.0, TYPES)?;
    let market = Market::alike(n, &law, &law)?;
    // Without providers the reserve covers everything.
    if n == 0 {
        return Ok(market.reserve.mean(|delta| delta) * market.half_square());
    }
    Ok(market.expectations().inverse * market.half_square())
}

/// Average payment to a provider whose delta is 4 for certain; the nine others have this mean, the reserve that one.
pub fn payment(of: Family, mean: f64, reserve: f64) -> Result<f64, Failure> {
    let mut market = Market::alike(PLAYERS, &bins(of, mean, TYPES)?, &bins(of, reserve, TYPES)?)?;
    market.types[0] = vec![4.0];
    market.laws[0] = Law::uniform(1);
    Ok(market.received(0))
}

/// Social cost of a posted price, with so many types.
pub fn price(types: usize) -> Result<Posted, Failure> {
    let law = bins(Family::BetaPrime, 1.0, types)?;
    let slices = vec![law.points.as_slice(); PLAYERS];
    Ok(posted(&slices, &[&law.law; PLAYERS], &lottery(&law)?, Outlook::certain(1.0)))
}

/// All numbers of the figures.
pub fn rows() -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    for (n, known) in [
        (0, 0.5),
        (1, 0.165_125_629_9),
        (2, 0.093_467_566_0),
        (3, 0.064_081_038_0),
        (5, 0.038_728_630_5),
        (10, 0.019_134_618_7),
        (20, 0.009_431_278_3),
        (50, 0.003_730_481_4),
    ] {
        rows.push(worked(&format!("figure 2, social cost with {n} providers"), known, social_cost(n)?, TEN));
    }
    let (prime, scaled) = (Family::BetaPrime, Family::ScaledBeta { top: 10.0 });
    for (mean, known) in [
        (0.5, 0.000_025_946_4),
        (1.0, 0.000_513_339_5),
        (2.0, 0.003_813_814_5),
        (3.0, 0.008_756_271_6),
        (4.0, 0.014_210_872_6),
        (6.0, 0.025_204_450_2),
        (8.0, 0.035_624_825_4),
    ] {
        let what = format!("figure 3, payment to delta = 4, others' mean {mean}");
        rows.push(worked(&what, known, payment(prime, mean, 1.0)?, TEN));
    }
    for (mean, known) in [(1.0, 0.000_032_195_1), (4.0, 0.011_016_609_2), (8.0, 0.031_322_776_5)] {
        let what = format!("figure 3 with betas on 0 to 10, others' mean {mean}");
        rows.push(worked(&what, known, payment(scaled, mean, 1.0)?, TEN));
    }
    for (mean, known) in [(1.0, 0.000_513_339_5), (4.0, 0.029_158_025_9), (8.0, 0.116_823_061_4)] {
        let what = format!("figure 3 if the reserve's mean moves along, mean {mean}");
        rows.push(worked(&what, known, payment(prime, mean, mean)?, TEN));
    }
    let p = price(TYPES)?;
    for (name, known, ours) in [
        ("A", 430.286_028_132_9, p.square),
        ("B", -27.025_018_649_9, p.slope),
        ("C", 0.5, p.constant),
        ("p*", 0.031_403_551_2, p.price),
        ("SC*", 0.075_659_221_3, p.cost),
    ] {
        // A is large: as many digits as ten decimals of the others.
        let tolerance = TEN * f64::abs(known).max(1.0);
        rows.push(worked(&format!("figure 4, posted price, 10 players: {name}"), known, ours, tolerance));
    }
    for (types, known) in
        [(5, 0.0537), (10, 0.0641), (20, 0.0757), (50, 0.0916), (200, 0.1157), (1000, 0.1422)]
    {
        let what = format!("figure 4, least social cost of a posted price, {types} types");
        rows.push(worked(&what, known, price(types)?.cost, 6e-5));
    }
    Ok(rows)
}
