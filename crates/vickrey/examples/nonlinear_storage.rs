//! A day of storage with losses that grow with power: prices, plans, what everybody pays; then a store with two
//! comfortable levels, where global optimality is searched and not proved.
//!
//! Run it with `cargo run --release -p vickrey --example nonlinear_storage`.

use std::error::Error;
use std::sync::Arc;

use vickrey::accounts::Accounts;
use vickrey::dynamic::{Market, PaymentRule, Plant, Settlement, audit, settle};
use vickrey::guarantee::Baseline;

/// Hours of the day.
const HOURS: usize = 24;

/// Charge in MWh, power in MW. The charge moves by u - loss u² (a unit is lost the faster it moves), wears out with
/// power, and is worth something at the end of the day. A tank that is nearly empty costs (pumps, deep discharge).
#[derive(Debug)]
struct Battery {
    charge: f64,
    loss: f64,
    power: f64,
    worth: f64,
}

impl Plant for Battery {
    fn states(&self) -> usize {
        1
    }

    fn initial(&self) -> Vec<f64> {
        vec![self.charge]
    }

    fn step(&self, _: usize, x: &[f64], u: f64, next: &mut [f64]) {
        next[0] = x[0] + u - self.loss * u * u;
    }

    fn stage(&self, _: usize, x: &[f64], u: f64) -> f64 {
        -0.2 * u * u - 20.0 * (-2.0 * x[0]).exp()
    }

    fn terminal(&self, x: &[f64]) -> f64 {
        self.worth * (1.0 - (-0.5 * x[0]).exp())
    }

    fn bounds(&self, _: usize) -> (f64, f64) {
        (-self.power, self.power)
    }

    // Next charge is concave in (x, u) and rises with x; the utilities are concave and rise with x.
    fn concave(&self) -> bool {
        true
    }
}

/// Demand without memory that is worth more in the evening: w(t) ln(1 + u), u >= 0.
#[derive(Debug)]
struct City;

impl Plant for City {
    fn states(&self) -> usize {
        0
    }

    fn initial(&self) -> Vec<f64> {
        Vec::new()
    }

    fn step(&self, _: usize, _: &[f64], _: f64, _: &mut [f64]) {}

    fn stage(&self, t: usize, _: &[f64], u: f64) -> f64 {
        let evening = (-((t as f64 - 19.0) / 2.5).powi(2)).exp();
        (30.0 + 60.0 * evening) * (1.0 + u).ln()
    }

    fn bounds(&self, _: usize) -> (f64, f64) {
        (0.0, 10.0)
    }

    fn concave(&self) -> bool {
        true
    }
}

/// Sun: delivers up to what shines, for nothing.
#[derive(Debug)]
struct Solar {
    peak: f64,
}

impl Plant for Solar {
    fn states(&self) -> usize {
        0
    }

    fn initial(&self) -> Vec<f64> {
        Vec::new()
    }

    fn step(&self, _: usize, _: &[f64], _: f64, _: &mut [f64]) {}

    fn stage(&self, _: usize, _: &[f64], _: f64) -> f64 {
        0.0
    }

    fn bounds(&self, t: usize) -> (f64, f64) {
        let shine = (std::f64::consts::PI * (t as f64 - 6.0) / 12.0).sin().max(0.0);
        (if (6..18).contains(&t) { -self.peak * shine } else { 0.0 }, 0.0)
    }

    fn concave(&self) -> bool {
        true
    }
}

/// A tank with two comfortable levels, 1 and -1, and a slight preference for the upper one: not concave.
#[derive(Debug)]
struct TwoLevels;

impl Plant for TwoLevels {
    fn states(&self) -> usize {
        1
    }

    fn initial(&self) -> Vec<f64> {
        vec![-0.9]
    }

    fn step(&self, _: usize, x: &[f64], u: f64, next: &mut [f64]) {
        next[0] = x[0] + u;
    }

    fn stage(&self, _: usize, _: &[f64], u: f64) -> f64 {
        -0.1 * u * u
    }

    fn terminal(&self, x: &[f64]) -> f64 {
        -20.0 * (x[0] * x[0] - 1.0).powi(2) + 25.0 * x[0]
    }
}

fn table(market: &Market, s: &Settlement) {
    println!(
        "{:12} {:>9} {:>9} {:>10} {:>10} {:>10} {:>10}",
        "agent", "received", "delivered", "utility", "at prices", "vcg", "gain"
    );
    for i in 0..market.len() {
        let moved = |sign: f64| s.allocation(i).iter().map(|u| (sign * u).max(0.0)).sum::<f64>();
        println!(
            "{:12} {:9.4} {:9.4} {:10.4} {:10.4} {:10.4} {:10.4}",
            market.name(i),
            moved(1.0),
            moved(-1.0),
            s.own_utility(i),
            s.lagrange(i),
            s.vcg(i),
            s.net(i, Baseline::Autarky),
        );
    }
    println!(
        "welfare {:.6}; {}, residual {:.1e}, {} steps; {}",
        s.welfare(),
        s.full.stop.words(),
        s.full.residual,
        s.full.iterations,
        s.globality
    );
}

fn names(names: &[&str]) -> Vec<Box<str>> {
    names.iter().map(|&name| name.into()).collect()
}

fn main() -> Result<(), Box<dyn Error>> {
    let plants: Vec<Arc<dyn Plant>> = vec![
        Arc::new(Battery { charge: 2.0, loss: 0.04, power: 2.0, worth: 40.0 }),
        Arc::new(Battery { charge: 1.0, loss: 0.08, power: 1.5, worth: 30.0 }),
        Arc::new(Battery { charge: 3.0, loss: 0.02, power: 1.0, worth: 50.0 }),
        Arc::new(City),
        Arc::new(Solar { peak: 4.0 }),
    ];
    let all = ["lithium", "lead", "hydro", "city", "solar"];
    let market = Market::new(HOURS, vec![0.0; HOURS], plants)?.with_names(names(&all))?;
    let s = settle(&market)?;
    println!("hour    price  lithium     lead    hydro     city    solar");
    for t in (0..HOURS).step_by(2) {
        print!("{t:4} {:8.3}", s.price()[t]);
        (0..market.len()).for_each(|i| print!(" {:8.3}", s.allocation(i)[t] + 0.0));
        println!();
    }
    table(&market, &s);
    for row in audit::guarantees(&market, &s, PaymentRule::Vcg) {
        println!("  {:42} {:18} {}", row.property.words(), row.verdict.words(), row.note);
    }

    println!("\na tank with two levels");
    let plants: Vec<Arc<dyn Plant>> = vec![
        Arc::new(TwoLevels),
        Arc::new(Battery { charge: 2.0, loss: 0.04, power: 2.0, worth: 40.0 }),
        Arc::new(Battery { charge: 3.0, loss: 0.02, power: 1.0, worth: 50.0 }),
    ];
    let market = Market::new(4, vec![0.0; 4], plants)?.with_names(names(&["tank", "lithium", "hydro"]))?;
    table(&market, &settle(&market)?);
    Ok(())
}
