//! Worked numbers: windows, the tests, game A, demand response B.

use vickrey::two_stage::audit::{Audited, Subject, Worth, deviation, horizon};
use vickrey::two_stage::demand::{Outlook, bought, cost, difference, dispatch, posted};
use vickrey::two_stage::simulate::Calendar;
use vickrey::two_stage::solve::{Solved, second, solve};
use vickrey::two_stage::{Finite, Game, Law, Supertypes, Terms, Tests, Window};

use super::cases::{Market, every_day, game_a, law, laws_a};
use super::{failed, worked};
use crate::failure::Failure;
use crate::reproduce::Row;

/// Half a unit of the last decimal, and rounding.
const NINE: f64 = 6e-10;
const TEN: f64 = 6e-11;
const TWELVE: f64 = 6e-13;
/// Numbers that are exact in a few decimals: rounding of sums.
const EXACT: f64 = 1e-12;

/// All worked numbers.
pub fn rows() -> Result<Vec<Row>, Failure> {
    let mut rows = windows();
    rows.extend(unseen_cell()?);
    rows.extend(game()?);
    rows.extend(demand()?);
    rows.extend(day()?);
    rows.extend(purchase()?);
    rows.extend(cancellation()?);
    rows.extend(tilts()?);
    rows.extend(horizons()?);
    Ok(rows)
}

fn windows() -> Vec<Row> {
    const KNOWN: [(u64, [f64; 3]); 8] = [
        (1, [0.588_705_011, 0.588_705_011, 2.151_082_233]),
        (2, [0.658_192_212, 0.603_243_127, 1.604_215_565]),
        (10, [0.455_358_365, 0.401_621_139, 0.797_125_686]),
        (30, [0.310_777_071, 0.271_859_777, 0.489_150_720]),
        (100, [0.194_947_460, 0.169_688_455, 0.284_271_568]),
        (365, [0.114_335_443, 0.099_195_630, 0.157_480_834]),
        (1000, [0.074_346_419, 0.064_388_190, 0.099_035_202]),
        (10_000, [0.026_933_861, 0.023_264_266, 0.033_963_083]),
    ];
    let kinds = [
        ("(11) with equality, gamma .5", Window::Printed { gamma: 0.5 }, 0.0),
        ("(11) with equality, gamma .1", Window::Printed { gamma: 0.1 }, 0.0),
        (
            "union bound, 20 cells, false alarm .01",
            Window::UnionBound { gamma: 0.5, false_alarm: 0.01 },
            20_f64.ln(),
        ),
    ];
    let of = |(k, (name, window, cells)): (usize, &(&str, Window, f64))| {
        let threshold = window.threshold(*cells);
        let row = |(day, known): &(u64, [f64; 3])| {
            worked(&format!("window on day {day}: {name}"), known[k], threshold.window(*day), NINE)
        };
        KNOWN.iter().map(row).collect::<Vec<_>>()
    };
    kinds.iter().enumerate().flat_map(of).collect()
}

/// A player who is flagged only because of a cell that was never seen.
fn unseen_cell() -> Result<Vec<Row>, Failure> {
    let reports = Supertypes::constant(vec![law(&[0.5, 0.25, 0.25])?, law(&[0.4, 0.6])?]);
    let tests = Tests::new(reports, &[3, 2], 1, Terms::printed(0.5, 0), &|_, t| t as f64);
    let mut tests = tests.map_err(|error| failed(&error))?;
    (0..16).for_each(|_| tests.see(&[0, 0], 0));
    for _ in 0..12 {
        tests.see(&[1, 1], 0);
        tests.see(&[2, 1], 0);
    }
    let days = tests.record().days();
    let mut rows = vec![worked(
        "unseen cell: window on day 40",
        0.278_981_773,
        tests.threshold(0).window(days as u64),
        NINE,
    )];
    for (i, f, h, flagged) in [(0, 0.1, 0.3, 1.0), (1, 0.0, 0.24, 0.0)] {
        let (s, flags) = (tests.statistics(i), tests.flags(i));
        let what = |of: &str| format!("unseen cell, player {}: {of}", i + 1);
        rows.push(worked(&what("max |f|"), f, s.frequency / days as f64, EXACT));
        rows.push(worked(&what("max |h|"), h, s.joint.unwrap_or(f64::NAN) / days as f64, EXACT));
        rows.push(worked(&what("flagged by h"), flagged, f64::from(u8::from(flags.joint)), 0.0));
        rows.push(worked(&what("flagged by f"), 0.0, f64::from(u8::from(flags.frequency)), 0.0));
    }
    Ok(rows)
}

fn solved(game: &Game, laws: &[Law]) -> Result<Solved, Failure> {
    solve(game, &laws.iter().collect::<Vec<_>>()).map_err(|error| failed(&error))
}

/// Average utility of player 0 of two, unflagged: `joint(t, b, s)` is how often she has type t and bids b while the other
/// bids s.
fn utility(game: &Game, solved: &Solved, joint: &dyn Fn(usize, usize, usize) -> f64) -> f64 {
    let (own, other) = (game.types()[0], game.types()[1]);
    let mut sum = solved.contribution(0);
    for (t, b) in (0..own).flat_map(|t| (0..own).map(move |b| (t, b))) {
        for s in 0..other {
            let o = second(game, solved.first, &[b, s]);
            let value = |own: usize| game.value(0, own, solved.first, o);
            sum += joint(t, b, s) * (value(t) - value(b));
        }
    }
    sum
}

/// How often two inverse distribution functions driven by one uniform number give a pair of types.
fn common(one: &Law, other: &Law, b: usize, s: usize) -> f64 {
    let ends = |law: &Law, t: usize| {
        let below: f64 = law.probabilities()[..t].iter().sum();
        (below, below + law.probabilities()[t])
    };
    let ((a, c), (d, e)) = (ends(one, b), ends(other, s));
    (c.min(e) - a.max(d)).max(0.0)
}

fn game() -> Result<Vec<Row>, Failure> {
    let (game, laws) = (game_a()?, laws_a()?);
    let found = solved(&game, &laws)?;
    let mut rows = vec![
        worked("game A: first-stage outcome", 0.0, found.first as f64, 0.0),
        worked("game A: W*", 3.98, found.welfare, EXACT),
        worked("game A: planner's surplus", -1.12, found.surplus(), EXACT),
    ];
    let known = [[1.26, 0.69, 3.41, 2.72, 3.28], [1.60, 0.72, 3.10, 2.38, -2.38]];
    for (i, [without, first, nu, honest, paid]) in known.into_iter().enumerate() {
        let what = |of: &str| format!("game A, player {}: {of}", i + 1);
        rows.push(worked(&what("W*_-i"), without, found.without[i], EXACT));
        rows.push(worked(&what("first-stage payment (5)"), first, found.first_payment(i), EXACT));
        rows.push(worked(&what("expected value nu"), nu, found.expected[i], EXACT));
        rows.push(worked(&what("honest utility"), honest, found.contribution(i), EXACT));
        let value = game.value(i, [2, 1][i], found.first, second(&game, found.first, &[2, 1]));
        rows.push(worked(
            &what("payment on a day with bids 2, 1"),
            paid,
            value - found.contribution(i),
            EXACT,
        ));
    }
    let expected = [1, 1, 2, 2, 1, 2, 2, 2, 2];
    let same = (0..9).filter(|k| second(&game, found.first, &[k / 3, k % 3]) == expected[*k]).count();
    rows.push(worked("game A: second-stage outcomes that agree, of 9", 9.0, same as f64, 0.0));
    let p = |t: usize| laws[0].probabilities()[t];
    let redrawn = told(&game, &laws, laws[0].clone())?.mimic;
    rows.push(worked("game A, player 1: types redrawn independently", 1.675, redrawn, EXACT));
    let follow = 0.7 * redrawn + 0.3 * found.contribution(0);
    rows.push(worked("game A, player 1: by a rival's last bid on 70 % of days", 1.9885, follow, EXACT));
    let coin = utility(&game, &found, &|t, b, s| p(t) * common(&laws[0], &laws[1], b, s));
    rows.push(worked("game A, player 1: both bid by one common number, no penalties", 1.27, coin, EXACT));
    rows.extend(false_law(&game, &laws)?);
    Ok(rows)
}

/// What a report of player 1 of game A brings her.
fn told(game: &Game, laws: &[Law], told: Law) -> Result<Worth, Failure> {
    let truth = Supertypes::constant(laws.to_vec());
    worth(&Finite::new(game.clone()), &truth, &Calendar::Listed(vec![0]), told)
}

/// Player 1 of game A reports another law.
fn false_law(game: &Game, laws: &[Law]) -> Result<Vec<Row>, Failure> {
    let lie = law(&[0.2, 0.3, 0.5])?;
    let found = solved(game, &[lie.clone(), laws[1].clone()])?;
    let worth = told(game, laws, lie)?;
    let what = |of: &str| format!("game A, player 1 reports (.2, .3, .5): {of}");
    let mut rows = vec![
        worked(&what("W*"), 4.04, found.welfare, EXACT),
        worked(&what("her utility, honest bids, no tests"), 2.78, worth.candid, EXACT),
        worked(&what("her utility, bids by the reported law"), 0.97, worth.mimic, EXACT),
        worked(&what("her utility, best undetected bids"), 1.88, worth.unseen, EXACT),
        worked(&what("utility of player 2"), 2.14, found.contribution(1), EXACT),
    ];
    let known = [(1.26, 1.5, 4.28), (1.90, 0.36, 2.50)];
    for (i, (without, first, nu)) in known.into_iter().enumerate() {
        let what = |of: &str| format!("game A, player 1 reports (.2, .3, .5): {of} of player {}", i + 1);
        rows.push(worked(&what("W*_-i"), without, found.without[i], EXACT));
        rows.push(worked(&what("first-stage payment"), first, found.first_payment(i), EXACT));
        rows.push(worked(&what("nu"), nu, found.expected[i], EXACT));
    }
    Ok(rows)
}

fn demand() -> Result<Vec<Row>, Failure> {
    let market = Market::b()?;
    let (e, half) = (market.expectations(), market.half_square());
    let esc = e.inverse * half;
    let mut rows = vec![
        worked("B: ESC", 3.279_057_438_941, esc, TWELVE),
        worked("B: Ecs, expected cost of the reserve", 1.188_840_636_319, e.reserve * half, TWELVE),
        worked("B: cost of the reserve alone", 11.25, market.reserve.mean(|x| x) * half, EXACT),
    ];
    let known = [
        [6.281_25, 1.398_223_919_264, 3.002_192_561_059, 4.400_416_480_323],
        [4.234_821_428_571, 0.691_992_883_357, 0.955_763_989_631, 1.647_756_872_988],
    ];
    let mut outlay = e.reserve * half;
    for (i, [without, own, marginal, received]) in known.into_iter().enumerate() {
        let what = |of: &str| format!("B, player {}: {of}", i + 1);
        rows.push(worked(&what("ESC_-i"), without, e.inverse_without(i) * half, TWELVE));
        rows.push(worked(&what("Ec"), own, e.own[i] * half, TWELVE));
        rows.push(worked(&what("ESC_-i - ESC, her utility"), marginal, e.marginal[i] * half, TWELVE));
        rows.push(worked(&what("average received (RF)"), received, market.received(i), TWELVE));
        outlay += market.received(i);
    }
    rows.push(worked("B: outlay of the operator", 7.237_013_989_631, outlay, TWELVE));
    let laws: Vec<&Law> = market.laws.iter().collect();
    let p = posted(&market.slices(), &laws, &market.reserve, Outlook::certain(market.shortage));
    for (name, known, ours) in [
        ("A", 1.739_236_111_111, p.square),
        ("B", -7.0625, p.slope),
        ("C", 11.25, p.constant),
        ("p*", 2.030_345_378_319, p.price),
        ("SC*", 4.080_342_882_811, p.cost),
    ] {
        rows.push(worked(&format!("B, posted price: {name}"), known, ours, TWELVE));
    }
    Ok(rows)
}

/// A day of B with bids 3 and 2 and a reserve of 4.
fn day() -> Result<Vec<Row>, Failure> {
    let market = Market::b()?;
    let e = market.expectations();
    let done = dispatch(&[3.0, 2.0], Some(4.0), market.shortage);
    let what = |of: &str| format!("B, day with bids 3, 2 and reserve 4: {of}");
    let mut rows = vec![
        worked(&what("price"), 2.769_230_769_231, done.price, TWELVE),
        worked(&what("reserve"), 0.692_307_692_308, done.reserve, TWELVE),
        worked(&what("cost"), 4.153_846_153_846, done.price * market.shortage / 2.0, TWELVE),
    ];
    let known = [(0.923_076_923_077, 4.280_299_070, 3.0), (1.384_615_384_615, 2.872_923_752, 2.0)];
    for (i, (curtailed, received, bid)) in known.into_iter().enumerate() {
        let x = done.curtailed[i];
        let ours = e.marginal[i] * market.half_square() + bid * x * x / 2.0;
        rows.push(worked(&what(&format!("curtailed by player {}", i + 1)), curtailed, x, TWELVE));
        // The reference was cut off behind nine decimals.
        rows.push(worked(&what(&format!("received by player {}", i + 1)), received, ours, 1e-9));
    }
    Ok(rows)
}

/// Day-ahead purchase on B at .9.
fn purchase() -> Result<Vec<Row>, Failure> {
    let market = Market::b()?;
    let (e, q, d) = (market.expectations(), 0.9, Outlook::certain(market.shortage));
    let what = |of: &str| format!("B with a purchase at .9: {of}");
    let all = cost(Some(q), e.inverse, d);
    let mut rows = vec![
        worked(&what("kappa"), 0.728_679_430_876, e.inverse, TWELVE),
        worked(&what("G"), 1.764_888_973_305, bought(q, e.inverse, d.mean), TWELVE),
        worked(&what("cost"), 2.144_200_037_987, all, TWELVE),
    ];
    let known = [
        (1.395_833_333_333, 2.355_223_881, 2.409_850_746),
        (0.941_071_428_571, 2.043_643_264, 2.269_639_469),
    ];
    for (i, (kappa, units, without)) in known.into_iter().enumerate() {
        let own = e.inverse_without(i);
        let what = |of: &str| what(&format!("{of} without player {}", i + 1));
        rows.push(worked(&what("kappa"), kappa, own, TWELVE));
        rows.push(worked(&what("G"), units, bought(q, own, d.mean), NINE));
        let ours = all + difference(Some(q), e.inverse, e.marginal[i], d);
        rows.push(worked(&what("cost"), without, ours, NINE));
    }
    Ok(rows)
}

/// Players of very different size, where a difference of costs has no digits left.
fn cancellation() -> Result<Vec<Row>, Failure> {
    let half: &[f64] = &[0.5, 0.5];
    let players: [(&[f64], &[f64]); 3] =
        [(&[1e-6, 2e-6], half), (&[1e6, 3e6], &[0.25, 0.75]), (&[1.0, 4.0], half)];
    let market = Market::new(&players, 1.0)?;
    let (e, half) = (market.expectations(), market.half_square());
    let known = [
        (1.249_997_125_006_197_9, 7.499_984_375_023_359e-7),
        (6.249_985_937_526_367e-19, 6.249_985_937_518_867e-19),
    ];
    let mut rows = Vec::new();
    for (i, (marginal, own)) in known.into_iter().enumerate() {
        let what = |of: &str| format!("cancellation, player {}: {of}", i + 1);
        // The integral is right to 5e-15, relative.
        rows.push(worked(&what("ESC_-i - ESC"), marginal, e.marginal[i] * half, 1e-14 * marginal));
        rows.push(worked(&what("Ec"), own, e.own[i] * half, 1e-14 * own));
    }
    Ok(rows)
}

/// What a report of player 1 brings her, the other one honest, by the search for lies that no test sees.
fn worth<M: Audited>(
    market: &M,
    truth: &Supertypes,
    calendar: &Calendar<M::Day>,
    told: Law,
) -> Result<Worth, Failure> {
    let (terms, days) = (Terms::printed(0.5, 0), 365);
    let subject = Subject { market, reports: truth, truth, terms, calendar, days, groups: &[], names: &[] };
    let found = deviation(&subject, 0, vec![told]).map_err(|error| failed(&error))?;
    let [lie, _] = found.ok_or_else(|| failed(&"too many bids to list"))?;
    Ok(lie)
}

/// Player 1 of two reports a law that is tilted to dear types: what she has if she bids so that no test sees it, by that
/// law whatever her type, or her types if nobody tests.
fn tilts() -> Result<Vec<Row>, Failure> {
    let types: &[f64] = &[0.5, 1.0, 2.0, 4.0];
    let truth = [0.4, 0.3, 0.2, 0.1];
    let known = [
        (-1.0, [0.100_757_494_7, 0.059_818_900_3, 0.135_609_317_0]),
        (-0.5, [0.105_896_545_0, 0.064_029_079_4, 0.125_905_354_9]),
        (0.0, [0.112_981_532_4, 0.068_219_142_3, 0.112_981_532_4]),
        (0.5, [0.107_496_307_1, 0.071_410_712_3, 0.097_658_010_0]),
        (1.0, [0.101_357_237_4, 0.072_772_320_0, 0.082_118_789_3]),
    ];
    let market = Market::new(&[(types, &truth), (types, &[0.25; 4]), (&[1.0], &[1.0])], 1.0)?;
    let (repeated, laws) = (market.repeated()?, Supertypes::constant(market.laws.clone()));
    let mut rows = Vec::new();
    for (a, known) in known {
        let weights: Vec<f64> = truth.iter().zip(types).map(|(p, t)| p * f64::powf(*t, a)).collect();
        let sum: f64 = weights.iter().sum();
        let told: Vec<f64> = weights.iter().map(|w| w / sum).collect();
        let found = worth(&repeated, &laws, &every_day(), law(&told)?)?;
        let ours = [found.unseen, found.mimic, found.candid];
        let names =
            ["best undetected bids", "bids by the reported law", "honest bids if there were no tests"];
        for ((name, known), ours) in names.into_iter().zip(known).zip(ours) {
            rows.push(worked(&format!("law tilted by type^{a}: {name}"), known, ours, TEN));
        }
    }
    Ok(rows)
}

/// What any way of bidding can bring in a season that ends, beyond honesty.
fn horizons() -> Result<Vec<Row>, Failure> {
    let half: &[f64] = &[0.5, 0.5];
    let market = Market::new(&[(&[1.0, 3.0], half), (&[1.0, 3.0], half), (&[1.0], &[1.0])], 1.0)?;
    let (repeated, laws) = (market.repeated()?, Supertypes::constant(market.laws.clone()));
    let honest = market.expectations().marginal[0] * market.half_square();
    let mut rows = vec![worked("two alike, types 1 and 3: honest utility", 0.088_690_5, honest, 6e-8)];
    for (days, known) in [(365, 0.004_573_42), (3_650, 0.001_687_79), (36_500, 0.000_600_47)] {
        let (terms, calendar) = (Terms::printed(0.5, 0), every_day());
        let subject = Subject {
            market: &repeated,
            reports: &laws,
            truth: &laws,
            terms,
            calendar: &calendar,
            days,
            groups: &[],
            names: &[],
        };
        let found = horizon(&subject, 0, vec![market.laws[0].clone()]).map_err(|error| failed(&error))?;
        let ours = found.map_or(f64::NAN, |bound| bound.bound - honest);
        rows.push(worked(
            &format!("two alike: most that lies gain a day in a season of {days} days"),
            known,
            ours,
            6e-9,
        ));
    }
    Ok(rows)
}
