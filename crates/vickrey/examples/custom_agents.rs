//! A market with a utility and a strategy of one's own: settled, played against a liar, audited.
//!
//! Run it with `cargo run --release -p vickrey --example custom_agents`.

use std::sync::Arc;
use vickrey::accounts::Accounts;

use vickrey::audit::{AuditOptions, Effort};
use vickrey::market::strategies::{Liar, Lie, MarketWorld, Truthful};
use vickrey::market::{ConcaveUtility, Market, MarketMechanism, PaymentRule, Utility, audit, settle};
use vickrey::mechanism::{Strategy, Turn};
use vickrey::simulate::{self, Profile};

/// Comfort of a heated building: 8 arctan(u), worth less and less per unit.
#[derive(Debug)]
struct Comfort;

impl ConcaveUtility for Comfort {
    fn value(&self, quantity: f64) -> f64 {
        8.0 * quantity.atan()
    }

    // 8 / (1 + u²) = price
    fn demand(&self, price: f64) -> f64 {
        if price >= 8.0 { 0.0 } else { (8.0 / price.max(1e-9) - 1.0).sqrt() }
    }

    fn limits(&self) -> (f64, f64) {
        (0.0, f64::INFINITY)
    }

    fn price_floor(&self) -> f64 {
        0.0
    }

    fn kinks(&self) -> Vec<f64> {
        vec![8.0]
    }
}

/// Bids low and hopes.
struct Bargainer;

impl Strategy<MarketMechanism, Utility> for Bargainer {
    fn report(&mut self, turn: Turn<'_, Utility, f64>) -> Option<Utility> {
        Lie { scale: 0.8, shift: 0.0, cap: f64::INFINITY }.report(turn.signal)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let market = Market::new(
        vec![
            Utility::blocks(&[], &[(1.0, 1.5), (1.0, 2.5), (2.0, 4.0)])?,
            Utility::quadratic(-0.6, 2.0)?.limited(-2.0, 0.0)?,
            Utility::custom(Arc::new(Comfort))?,
            Utility::log(4.0, 1.0, 0.0)?,
        ],
        0.0,
    )?;

    let settlement = settle(&market)?;
    println!("price {:.6}, welfare {:.6}", settlement.price(), settlement.welfare());
    for agent in 0..market.len() {
        println!(
            "  {:8} gets {:+.4}, pays {:+.4} (at the price: {:+.4})",
            market.name(agent),
            settlement.allocation(agent),
            settlement.vcg(agent),
            settlement.lagrange(agent)
        );
    }

    let mechanism = MarketMechanism::new(market.len(), 0.0, PaymentRule::Vcg);
    let honest = |_| Box::new(Truthful) as Box<dyn Strategy<MarketMechanism, Utility>>;
    let exaggerated = Liar(Lie { scale: 1.2, shift: 0.0, cap: f64::INFINITY });
    for (agent, name) in [(2, "the bargainer"), (0, "a seller that exaggerates its costs")] {
        let mut profile: Profile<MarketMechanism, Utility> = (0..market.len()).map(honest).collect();
        profile[agent] = if agent == 2 { Box::new(Bargainer) } else { Box::new(exaggerated) };
        let world = |_| MarketWorld::new(market.clone());
        let pair = simulate::paired(&mechanism, world, honest, profile, 1)?;
        println!("{name} gains {:.6}", pair.gain(agent));
    }

    let options = AuditOptions { seed: 1, effort: Effort::Quick };
    let report = audit::audit(&market, PaymentRule::Vcg, &options, &|_| ())?;
    for row in &report.guarantees {
        println!("{:45} {:18} {}", row.property.words(), row.verdict.words(), row.note);
    }
    for finding in &report.findings {
        println!("{}: {}", finding.title, finding.note);
    }
    Ok(())
}
