//! Worked instances of paper 002: our numbers beside those of independent calculations.

use vickrey::pivot::audit::outlook;
use vickrey::pivot::mode::PaymentTime;
use vickrey::pivot::solve::product::Product;
use vickrey::pivot::solve::solve;
use vickrey::pivot::{Horizon, Options, Without};

use super::cases::{PATH, at, fifty, goods, hands, item, licence, solved, stock, storage};
use super::figures::{at_cost, by_mode, utility_by_report};
use super::{failed, worked};
use crate::failure::Failure;
use crate::reproduce::Row;

/// Half a unit of the tenth decimal, and rounding.
const TEN: f64 = 6e-11;
/// The same of the twelfth.
const TWELVE: f64 = 6e-13;

const STATES: [(&str, [usize; 2]); 4] = [("00", [0, 0]), ("01", [0, 1]), ("10", [1, 0]), ("11", [1, 1])];

/// All worked numbers.
pub fn rows() -> Result<Vec<Row>, Failure> {
    let mut rows = e1()?;
    rows.extend(e4()?);
    rows.extend(e4_for_ever()?);
    rows.extend(figure_4()?);
    rows.extend(e5()?);
    rows.extend(e6()?);
    rows.extend(e7()?);
    rows.extend(e8()?);
    Ok(rows)
}

fn e1() -> Result<Vec<Row>, Failure> {
    let product = solved(&item()?, Without::Same)?;
    let (high, low) = (product.ruling(0, &at(0, &[1, 0])), product.ruling(0, &at(0, &[0, 0])));
    Ok(vec![
        worked("E1, payment of player 1 who reports 5", 1.2, high.payment[0], TWELVE),
        worked("E1, payment of player 1 who reports 0", 0.0, low.payment[0], TWELVE),
        worked("E1, payment of player 2", 0.0, high.payment[1], TWELVE),
        worked("E1, payment of report 5 with the item, if payments wait", 3.0, high.contingent[1][0], TWELVE),
    ])
}

fn e4() -> Result<Vec<Row>, Failure> {
    let model = storage(Horizon::Finite(3), 10.0)?;
    let value = [-2.871_517_52, -3.206_384_48, -3.206_384_48, -5.249_669_6];
    // By mode: payments of both players and what player 1 can expect, by state; expected payments from there.
    let modes = [
        (
            Without::Same,
            [[0.0, 0.0, 0.632_4, 0.0], [0.632_4, 0.632_4, 0.0, 2.427]],
            [-2.732_517_52, -3.040_384_48, -3.067_384_48, -5.083_669_6],
            [2.593_517_52, 2.901_384_48, 2.901_384_48, 4.917_669_6],
        ),
        (
            Without::Own,
            [[-1.424_256, -3.086_88, 0.0, -3.086_88], [0.0, 0.0, -3.086_88, 0.0]],
            [1.380_098_48, 3.394_735_52, 1.045_231_52, 1.351_450_4],
            [-5.631_714_48, -7.646_351_52, -7.646_351_52, -7.952_570_4],
        ),
        (
            Without::Tight,
            [
                [-0.664_320_48, -2.095_893_6, 0.669_733_92, -2.095_893_6],
                [0.669_733_92, 0.669_733_92, -2.095_893_6, 0.915_818_4],
            ],
            [0.334_866_96, 2.043_285_12, 0.0, 0.0],
            [-3.541_251_44, -5.249_669_6, -5.249_669_6, -5.249_669_6],
        ),
    ];
    let mut rows = Vec::new();
    for (mode, payment, first, receipts) in modes {
        let product = solved(&model, mode)?;
        let ahead = outlook(&product, PaymentTime::BeforeOutcome);
        for (k, (name, types)) in STATES.iter().enumerate() {
            let (state, mode) = (at(0, types), mode.name());
            let ruling = product.ruling(0, &state);
            if mode == "same" {
                rows.push(worked(&format!("E4, W at {name}"), value[k], product.value(0, &state), TWELVE));
            }
            for (i, payment) in payment.iter().enumerate() {
                let what = format!("E4 {mode}, payment of player {} at {name}", i + 1);
                rows.push(worked(&what, payment[k], ruling.payment[i], TWELVE));
            }
            let expects = ruling.truthful(0).unwrap_or(f64::NAN);
            rows.push(worked(&format!("E4 {mode}, V of player 1 at {name}"), first[k], expects, TWELVE));
            let all = ahead.first().map_or(f64::NAN, |ahead| ahead.payments[product.space().index(&state)]);
            rows.push(worked(&format!("E4 {mode}, expected payments from {name}"), receipts[k], all, TWELVE));
        }
    }
    Ok(rows)
}

fn e4_for_ever() -> Result<Vec<Row>, Failure> {
    let model = storage(Horizon::Infinite, 10.0)?;
    let value = [-8.185_969_712_4, -8.478_472_350_2, -8.478_472_350_2, -10.490_193_389_8];
    let modes = [
        (Without::Same, [[0.0, 0.0, 0.6, 0.0], [0.6, 0.6, 0.0, 2.4]]),
        (
            Without::Own,
            [[-1.343_877_551, -3.019_897_959_2, 0.0, -3.019_897_959_2], [0.0, 0.0, -3.019_897_959_2, 0.0]],
        ),
    ];
    let mut rows = Vec::new();
    for (mode, payment) in modes {
        let product = solved(&model, mode)?;
        for (k, (name, types)) in STATES.iter().enumerate() {
            let state = at(0, types);
            if mode == Without::Same {
                rows.push(worked(
                    &format!("E4 for ever, W at {name}"),
                    value[k],
                    product.value(0, &state),
                    TEN,
                ));
            }
            let ruling = product.ruling(0, &state);
            for (i, payment) in payment.iter().enumerate() {
                let what = format!("E4 for ever {}, payment of player {} at {name}", mode.name(), i + 1);
                rows.push(worked(&what, payment[k], ruling.payment[i], TEN));
            }
        }
    }
    Ok(rows)
}

/// What figures 4 and 4b show.
fn figure_4() -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    let own = [
        (2.0, -6.635_255_855_4, -0.784_440_227_7, 1.721_480_387_5),
        (3.0, -7.270_511_710_8, -0.968_880_455_4, 3.442_960_774_9),
        (5.0, -8.185_969_712_4, -1.337_760_910_8, 7.240_975_259_1),
        (20.0, -8.185_969_712_4, -1.343_877_551_0, 7.319_132_328_4),
    ];
    for (cost, value, paid, expects) in own {
        let [welfare, ours, _, _, payments] = at_cost(cost)?;
        let what = |of: &str| format!("E4 for ever at 00, curtailment {cost}, {of}");
        rows.push(worked(&what("W"), value, welfare, TEN));
        rows.push(worked(&what("own, payments of the period"), paid, payments, TEN));
        rows.push(worked(&what("own, V of player 1"), expects, ours, TEN));
    }
    let [.., coerced, payments, _] = at_cost(10.0)?;
    rows.push(worked("E4 for ever at 00, same, payments of the period", 0.6, payments, TEN));
    rows.push(worked("E4 for ever at 00, same, O of player 1", -15.505_102_040_8, coerced, TEN));
    for (point, least) in by_mode()?.iter().zip([-5.083_669_6, -0.4, 0.0]) {
        let what = format!("E4 {}, least V of any player", point.name);
        rows.push(worked(&what, least, point.worst, TWELVE));
    }
    Ok(rows)
}

fn e5() -> Result<Vec<Row>, Failure> {
    let product = solved(&goods(2, 4)?, Without::Same)?;
    let rows_of = [
        ([0, 0], 10.510_081_209_595_728, [0.350_008_459_776, 2.870_702_015_409]),
        ([0, 1], 10.863_979_719_641_136, [0.357_224_090_112, 2.870_702_015_409]),
        ([1, 0], 10.850_605_172_767_296, [1.739_601_378_036, 1.661_339_195_856]),
        ([1, 1], 11.087_169_920_756_352, [1.843_622_799_732, 1.661_339_195_856]),
    ];
    let mut rows = Vec::new();
    for (types, value, payment) in rows_of {
        let ruling = product.ruling(0, &at(0, &types));
        let name = format!("{}{}", types[0], types[1]);
        let found = ruling.value.unwrap_or(f64::NAN);
        rows.push(worked(&format!("E5, W of two at {name}"), value, found, 2e-14));
        for (i, payment) in payment.into_iter().enumerate() {
            let what = format!("E5, payment of player {} at {name}", i + 1);
            rows.push(worked(&what, payment, ruling.payment[i], TWELVE));
        }
    }
    rows.extend(e5_path(&product));
    let product = solved(&goods(3, 5)?, Without::Same)?;
    let ruling = product.ruling(0, &at(0, &[0, 0, 0]));
    rows.push(worked(
        "E5, W of three at 000",
        17.368_323_840_132_927,
        ruling.value.unwrap_or(f64::NAN),
        4e-14,
    ));
    for (i, payment) in [3.446_452_106_704, 2.122_904_594_965, 0.0].into_iter().enumerate() {
        let what = format!("E5, payment of player {} of three at 000", i + 1);
        rows.push(worked(&what, payment, ruling.payment[i], TWELVE));
    }
    Ok(rows)
}

/// The course of figure 2.
fn e5_path(product: &Product) -> Vec<Row> {
    let expected = [
        (10.510_081_209_6, [0.350_008_459_8, 2.870_702_015_4], 2),
        (12.702_863_707_2, [0.546_237_367_2, 0.960_274_569_6], 2),
        (16.813_615_5, [0.0, 0.433_463_4], 2),
        (15.464_277, [0.0, 0.0], 1),
    ];
    let mut rows = Vec::new();
    for (t, ((held, types, outcome), (value, payment, receiver))) in
        PATH.into_iter().zip(expected).enumerate()
    {
        let ruling = product.ruling(t, &at(hands(held), &types));
        let what = |of: &str| format!("E5, course of figure 2, t = {t}, {of}");
        let got = (ruling.decision[outcome] - 1) % 2 + 1;
        rows.push(worked(&what("who gets it"), f64::from(receiver), got as f64, 0.0));
        rows.push(worked(&what("W"), value, ruling.value.unwrap_or(f64::NAN), TEN));
        rows.push(worked(&what("payment of player 1"), payment[0], ruling.payment[0], TEN));
        rows.push(worked(&what("payment of player 2"), payment[1], ruling.payment[1], TEN));
    }
    rows
}

fn e6() -> Result<Vec<Row>, Failure> {
    let product = solved(&licence()?, Without::Same)?;
    let ruling = product.ruling(0, &at(0, &[0, 0, 0]));
    let reference = product.reference(0, &at(0, &[0, 0, 0]));
    let mut rows = vec![worked("E6, W at 000", 20.571_180_761_5, ruling.value.unwrap_or(f64::NAN), TEN)];
    let without = [20.361_915_275_9, 19.775_738_584, 17.066_714_644_2];
    for (i, without) in without.into_iter().enumerate() {
        rows.push(worked(&format!("E6, W without player {} at 000", i + 1), without, reference[i], TEN));
    }
    rows.push(worked("E6, payment of the winner (player 3) at 000", 1.706_671_464_4, ruling.payment[2], TEN));
    Ok(rows)
}

fn e7() -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    let centre = [(3, 2.390_136), (5, 2.403_381), (9, 2.406_001), (17, 2.406_248), (33, 2.405_332)];
    for (n, value) in centre {
        let product = solved(&stock(n)?, Without::Same)?;
        let found = product.value(0, &at(2, &[n / 2, n / 2]));
        rows.push(worked(&format!("E7, W at the centre, {n} types"), value, found, 6e-7));
    }
    let product = solved(&stock(9)?, Without::Same)?;
    for (truth, low, high) in [
        (2, 0.044_106_946_0, -0.384_364_612_7),
        (4, 0.210_184_182_6, 0.136_564_540_0),
        (6, 0.811_511_296_9, 1.457_572_141_4),
    ] {
        let found = utility_by_report(&product, truth);
        for (report, value) in [(4, low), (5, high)] {
            let what = format!("E7, nine types, utility of true type {truth} that reports {report}");
            rows.push(worked(&what, value, found[report], TEN));
        }
    }
    Ok(rows)
}

fn e8() -> Result<Vec<Row>, Failure> {
    let solution = solve(&fifty()?, &Options::default(), &|_| {}).map_err(|error| failed(&error))?;
    let mut rows = Vec::new();
    let mixed: Vec<usize> = (0..50).map(|j| j % 4).collect();
    for (name, types, value, winner, payment) in [
        ("x_j = j mod 4", mixed, 37.068_818_011_4, 1, 1.843_275_906_1),
        ("x_j = 0", vec![0; 50], 37.041_086_967_4, 3, 1.836_454_777_0),
    ] {
        let ruling = solution.ruling(0, &at(0, &types)).map_err(|error| failed(&error))?;
        let found = ruling.value.unwrap_or(f64::NAN);
        rows.push(worked(&format!("E8, W of fifty at {name}"), value, found, TEN));
        rows.push(worked(
            &format!("E8, who wins at {name}"),
            f64::from(winner),
            ruling.decision[0] as f64,
            0.0,
        ));
        let paid = ruling.payment[ruling.decision[0]];
        rows.push(worked(&format!("E8, payment of the winner at {name}"), payment, paid, TEN));
    }
    Ok(rows)
}
