//! Seasons that are played: who is flagged, and when.

use vickrey::two_stage::demand::{Condition, Day, Lottery, Shortage};
use vickrey::two_stage::simulate::{Calendar, Nature, Played, Setting, play};
use vickrey::two_stage::strategies::Bidding;
use vickrey::two_stage::test::Penalty;
use vickrey::two_stage::{Demand, Finite, Law, Market, Supertypes, Terms};

use super::cases::{every_day, game_a, law, laws_a};
use super::{failed, simulated, worked};
use crate::failure::Failure;
use crate::reproduce::Row;

const DAYS: u64 = 6_000;
const SEED: u64 = 1;

/// The tests of the paper with a burn-in, and penalties l^1.5.
fn terms() -> Terms {
    Terms { penalty: Penalty { scale: 1.0, power: 1.5 }, ..Terms::printed(0.5, 30) }
}

/// Plays a season.
pub fn played<M: Market>(
    market: &M,
    [reports, truth]: [&Supertypes; 2],
    calendar: Calendar<M::Day>,
    bidding: &[Bidding],
    (terms, days): (Terms, u64),
) -> Result<Played<M>, Failure> {
    let mut nature = Nature::new(truth.clone(), calendar, SEED);
    let mut bidders: Vec<_> = bidding.iter().map(Bidding::bidder).collect();
    let setting = Setting { market, reports: reports.clone(), terms, days, seed: SEED };
    play(setting, &mut nature, &mut bidders, |_| true).map_err(|error| failed(&error))
}

/// All of them.
pub fn rows() -> Result<Vec<Row>, Failure> {
    let mut rows = game()?;
    rows.extend(copies()?);
    rows.extend(signals()?);
    Ok(rows)
}

fn game() -> Result<Vec<Row>, Failure> {
    let (market, laws) = (Finite::new(game_a()?), laws_a()?);
    let truth = Supertypes::constant(laws.clone());
    let told = Supertypes::constant(vec![law(&[0.2, 0.3, 0.5])?, laws[1].clone()]);
    let honest = Bidding::Honest;
    let season = |reports: &Supertypes, bidding: [&Bidding; 2]| {
        let bidding = bidding.map(Clone::clone);
        played(&market, [reports, &truth], Calendar::Listed(vec![0]), &bidding, (terms(), DAYS))
    };
    let sent = |to: [usize; 3]| Bidding::Coupled(vec![to.map(|b| Law::point(3, b)).into()]);
    let mut rows = Vec::new();
    let flags = |played: &Played<Finite>, i: usize| played.totals().flagged[i] as f64;
    let all = season(&truth, [&honest, &honest])?;
    for (i, utility) in [2.72, 2.38].into_iter().enumerate() {
        let what = format!("game A, honest season, player {}: utility a day", i + 1);
        rows.push(worked(&what, utility, all.utility(i), 1e-9));
    }
    let note = "6000 days, printed window, 30 days without tests";
    let range = |middle: f64, by: f64| (middle - by, middle + by);
    // The day of the first flag is random within tens of days, flags that come and go within hundreds.
    let lies = season(&told, [&honest, &honest])?;
    rows.push(simulated(
        "game A, false law and honest bids: days flagged",
        range(5963.0, 30.0),
        flags(&lies, 0),
        note,
    ));
    let hidden = season(&truth, [&sent([2, 1, 2]), &honest])?;
    rows.push(simulated("game A, type 0 bid as 2: days flagged", (5940.0, 5970.0), flags(&hidden, 0), note));
    let coin = season(&truth, [&Bidding::CommonCoin, &Bidding::CommonCoin])?;
    for (i, middle) in [5855.0, 5860.0].into_iter().enumerate() {
        let what = format!("game A, both bid by one common number: days player {} is flagged", i + 1);
        rows.push(simulated(&what, range(middle, 110.0), flags(&coin, i), note));
    }
    let follow = season(&truth, [&Bidding::Follow { rival: 1, share: 0.7 }, &honest])?;
    rows.push(worked(
        "game A, by a rival's last bid on 70 % of days: days flagged",
        0.0,
        flags(&follow, 0),
        0.0,
    ));
    Ok(rows)
}

/// Player 2 copies player 1: when the joint test and the pairwise test see it.
fn copies() -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    // A few seeds gave these first days; others come close.
    for (n, joint, days) in [(2, (31.0, 80.0), 100), (3, (400.0, 900.0), 1_500)] {
        let types = vec![(0..3).map(|t| 1.0 + f64::from(t)).collect::<Vec<f64>>(); n];
        let reserve = Some(Lottery::certain(1.0));
        let conditions = vec![Condition { shortage: Shortage::Certain(1.0), reserve }];
        let market = Demand::new(types, None, conditions, None).map_err(|error| failed(&error))?;
        let laws = Supertypes::constant(vec![Law::uniform(3); n]);
        let mut bidding = vec![Bidding::Honest; n];
        bidding[1] = Bidding::Copy { rival: 0 };
        let first = |terms: Terms| -> Result<f64, Failure> {
            let season = played(&market, [&laws, &laws], every_day(), &bidding, (terms, days))?;
            Ok(season.totals().first_flagged[1].map_or(f64::INFINITY, |day| day as f64))
        };
        let what = format!("player 2 of {n} copies player 1: first day the joint test sees it");
        rows.push(simulated(&what, joint, first(terms())?, "three types, 30 days without tests"));
        let pairs = first(Terms { pairwise: true, ..terms() })?;
        let what = format!("player 2 of {n} copies player 1: first day with the pairwise test");
        rows.push(simulated(&what, (31.0, 80.0), pairs, "our addition: one other player at a time"));
    }
    Ok(rows)
}

/// Shortages 0 and 2, known before bids; a player bids dear on shortage days only.
fn signals() -> Result<Vec<Row>, Failure> {
    let condition =
        |d: f64| Condition { shortage: Shortage::Certain(d), reserve: Some(Lottery::certain(1.0)) };
    let types = vec![vec![1.0, 3.0]; 2];
    let market = Demand::new(types, None, vec![condition(0.0), condition(2.0)], None);
    let market = market.map_err(|error| failed(&error))?;
    let laws = Supertypes::constant(vec![Law::uniform(2); 2]);
    let days = [0, 1].map(|signal| Day { signal, shortage: None });
    let calendar = Calendar::Drawn { days: days.into(), law: Law::uniform(2) };
    let bidding = [Bidding::BySignal(vec![0, 1]), Bidding::Honest];
    let season = played(&market, [&laws, &laws], calendar, &bidding, (terms(), 20_000))?;
    let flagged = season.totals().flagged[0] as f64;
    Ok(vec![
        simulated(
            "bids that answer to the public shortage: days flagged of 20000",
            (19_600.0, 19_970.0),
            flagged,
            "the signal is a coordinate of the others' profile; the printed tests flag no day",
        ),
        simulated(
            "the same: utility a day without penalties",
            (0.2026, 0.2126),
            season.before_penalties(0),
            "more than honesty's 0.17738095 (0.20758503 on average): this is what the printed tests let pass",
        ),
    ])
}
