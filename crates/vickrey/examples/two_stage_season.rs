//! The two-stage mechanism from the library: what a market expects, a season with bidders of one's own, the protocol, and
//! the audit. The pieces are those of the guide's chapter on the library.
//!
//!     cargo run --release -p vickrey --example two_stage_season

use vickrey::audit::{AuditOptions, Effort};
use vickrey::mechanism::Strategy;
use vickrey::simulate::run;
use vickrey::two_stage::audit::{Subject, audit, deviation};
use vickrey::two_stage::demand::{Condition, Day, Draw, Lottery, Shortage};
use vickrey::two_stage::protocol::Phase;
use vickrey::two_stage::simulate::{Calendar, Nature, Setting, play};
use vickrey::two_stage::strategies::{Bidder, Bidding, Sight};
use vickrey::two_stage::world::{Player, TwoStageWorld};
use vickrey::two_stage::{Demand, Law, Market, Penalty, Season, Supertypes, Terms, Tests, TwoStage};

/// Honest, until a rival was not dear for a week.
struct Wary {
    rival: usize,
}

impl Bidder for Wary {
    fn bid(&mut self, sight: Sight<'_>) -> usize {
        let days = sight.record.days();
        let dear = |day: usize| sight.record.bids(day)[self.rival] > 0;
        if days >= 7 && !(days - 7..days).any(dear) { 0 } else { sight.own }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let reserve = Some(Lottery::new(vec![1.0, 4.0], vec![0.5, 0.5])?);
    let condition = Condition { shortage: Shortage::Certain(3.0), reserve };
    let market = Demand::new(vec![vec![1.0, 3.0], vec![2.0, 5.0]], None, vec![condition], None)?;
    let laws = Supertypes::constant(vec![Law::uniform(2), Law::new(vec![0.25, 0.75])?]);

    let plan = &market.plan(&laws)?[0]; // one for each signal
    let expected = plan.on(None).ok_or("a shortage is announced")?; // here none is
    println!("a day costs {:.6}", expected.cost());
    println!("Harbour adds {:.6}", expected.marginal(0));
    println!("without her E[1/S] is {:.6}", plan.expectations.inverse_without(0));

    let terms = Terms { penalty: Penalty { scale: 27.0, power: 1.5 }, ..Terms::default() };
    let mut season = Season::open(&market, laws.clone(), terms)?;
    let day = Day { signal: 0, shortage: None }; // what is known before the bids
    let draw = Draw { shortage: None, reserve: Some(4.0) }; // what comes after them
    let view = season.day(&day, &[1, 0], &draw)?; // Harbour bids 3, Quarry 2
    println!("curtailed {:.6?}", view.settled.decision.dispatch.curtailed);
    println!("received {:.6?}", view.payment.iter().map(|p| -p).collect::<Vec<_>>());

    never_seen()?;
    let calendar = Calendar::Listed(vec![day]);
    let mut nature = Nature::new(laws.clone(), calendar.clone(), 7); // true laws, days, seed
    let mut bidders: [Box<dyn Bidder>; 2] = [Box::new(Wary { rival: 1 }), Bidding::Exaggerate(1).bidder()];
    let setting = Setting { market: &market, reports: laws.clone(), terms, days: 180, seed: 7 };
    let played = play(setting, &mut nature, &mut bidders, |_| true)?;
    let flagged = &played.totals().flagged;
    println!("before penalties {:.6}, days flagged {flagged:?}", played.before_penalties(0));

    protocol(&market, &laws, terms, &calendar)?;
    let subject = Subject {
        market: &market,
        reports: &laws, // what the others bid by
        truth: &laws,
        terms,
        calendar: &calendar,
        days: 365,
        groups: &[vec![0, 1]], // besides all pairs
        names: &[],            // what players are called; empty: by number
    };
    let options = AuditOptions { seed: 1, effort: Effort::Quick };
    let found = audit(&subject, &options, &|_| ())?;
    println!("promises kept: {}", found.passed());
    let [lie, honest] =
        deviation(&subject, 0, vec![Law::new(vec![0.3, 0.7])?])?.ok_or("too large to list")?;
    println!("without tests {:.6}, unseen {:.6}, honest {:.6}", lie.candid, lie.unseen, honest.candid);
    Ok(())
}

/// A cell that was never seen counts.
fn never_seen() -> Result<(), Box<dyn std::error::Error>> {
    let law = |p: &[f64]| Law::new(p.to_vec());
    let reports = Supertypes::constant(vec![law(&[0.5, 0.25, 0.25])?, law(&[0.4, 0.6])?]);
    let mut tests = Tests::new(reports, &[3, 2], 1, Terms::printed(0.5, 30), &|_, _| 0.0)?;
    (0..16).for_each(|_| tests.see(&[0, 0], 0));
    (0..12).for_each(|_| [[1, 1], [2, 1]].iter().for_each(|bids| tests.see(bids, 0)));
    println!("window {:.3}", tests.threshold(0).window(40));
    println!("{:?}", tests.flags(0));
    Ok(())
}

fn protocol(
    market: &Demand,
    laws: &Supertypes,
    terms: Terms,
    calendar: &Calendar<Day>,
) -> Result<(), Box<dyn std::error::Error>> {
    let mechanism = TwoStage::new(market.clone(), terms, true, 180, None)?;
    let nature = Nature::new(laws.clone(), calendar.clone(), 7);
    let mut world = TwoStageWorld::new(&mechanism, nature);
    let window = terms.window.threshold(20_f64.ln()); // what a player takes her window to be
    let player = |i: usize, bidding: Bidding| {
        let own = vec![laws.law(i, 0).clone()];
        Box::new(Player::new(own, laws.clone(), window, bidding.bidder())) as Box<dyn Strategy<_, _>>
    };
    let mut profile = vec![player(0, Bidding::Honest), player(1, Bidding::Exaggerate(1))];
    let mut last = None;
    let totals = run(&mechanism, &mut world, &mut profile, 3, |stage| {
        if stage.outcome.phase == Phase::Bid {
            last = Some((stage.outcome.day, stage.payment.to_vec()));
        }
    })?;
    println!("through the protocol: last day {last:.3?}, utility {:.3}", totals.utility(0));
    Ok(())
}
