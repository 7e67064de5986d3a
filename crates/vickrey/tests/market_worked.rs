//! The worked numbers of paper 000, section III, to 1e-9.

use vickrey::accounts::Accounts;
use vickrey::guarantee::Baseline::{Autarky, Zero};
use vickrey::market::scaling::{Distance, IntervalVerdict, interval, min_max};
use vickrey::market::{Market, Settlement, Utility, settle};

fn market(utilities: Vec<Utility>) -> Settlement {
    settle(&Market::new(utilities, 0.0).unwrap()).unwrap()
}

fn close(found: f64, wanted: f64) {
    assert!((found - wanted).abs() < 1e-9 * (1.0 + wanted.abs()), "found {found}, wanted {wanted}");
}

fn all_close(found: impl Fn(usize) -> f64, wanted: &[f64]) {
    for (i, &w) in wanted.iter().enumerate() {
        close(found(i), w);
    }
}

/// Four agents, F_i = a_i u² + b_i u (paper 000, Example 1).
fn example_1() -> Settlement {
    let agents = [(-1.0, 1.0), (-1.1, 1.2), (-1.2, 4.0), (-1.1, 5.0)];
    market(agents.iter().map(|&(a, b)| Utility::quadratic(a, b).unwrap()).collect())
}

#[test]
fn example_1_of_the_paper() {
    let s = example_1();
    close(s.price(), 2.730_290_456_4);
    all_close(|i| s.allocation(i), &[-0.865_145_228_2, -0.695_586_571_1, 0.529_045_643_2, 1.031_686_156_2]);
    close(s.welfare(), 2.787_382_12);
    all_close(|i| s.without(i, Zero), &[1.756_623_376_6, 2.078_729_281_8, 2.352_199_413_5, 1.228_453_038_7]);
    all_close(|i| s.vcg(i), &[-2.644_380_237_5, -2.075_581_469_2, 1.345_132_715_1, 2.428_687_742_2]);
    all_close(|i| s.gap(i), &[0.282_282_477_4, 0.176_428_092_5, 0.099_315_555_4, 0.388_115_124]);
    let range = interval(&s, Zero).feasible().unwrap();
    close(range.low, 1.127_580_986_7);
    close(range.high, 1.185_010_974_8);
    // Nobody has an outside option here: both baselines agree.
    assert_eq!(interval(&s, Autarky).feasible(), Some(range));
}

#[test]
fn example_1_min_max() {
    let s = example_1();
    let range = interval(&s, Zero).feasible().unwrap();
    let of = |ratio, one_sided| min_max(&s, Zero, Distance { ratio, one_sided }, range).unwrap();
    let absolute = of(false, false);
    close(absolute.c, 1.136_129_011_7);
    close(absolute.value, 0.220_887_026);
    let ratio = of(true, false);
    close(ratio.c, 1.127_580_986_7);
    close(ratio.value, 0.139_001_424_1);
    // The print (1.18, 0.06) is the one-sided problem.
    let printed = of(true, true);
    close(printed.c, 1.185_010_974_8);
    assert!((printed.value - 0.0571).abs() < 5e-5, "{}", printed.value);
    assert!(absolute.binding.contains(&3));
}

fn case_b() -> Settlement {
    market(vec![
        Utility::quadratic(-1.0, 2.0).unwrap(),
        Utility::log(2.0, 1.0, 0.0).unwrap(),
        Utility::exponential(3.0, 1.0).unwrap(),
    ])
}

#[test]
fn case_b_mixed_families() {
    let s = case_b();
    close(s.price(), 2.288_803_767_7);
    all_close(|i| s.allocation(i), &[-0.144_401_883_9, -0.126_181_095_9, 0.270_582_979_8]);
    close(s.welfare(), 0.131_776_303_8);
    all_close(|i| s.without(i, Zero), &[0.097_692_994_5, 0.104_162_853_4, 0.0]);
    all_close(|i| s.vcg(i), &[-0.343_738_981_1, -0.297_377_707_1, 0.579_419_928_5]);
    let set = interval(&s, Zero);
    assert!(matches!(set.verdict, IntervalVerdict::Empty { .. }));
    assert!((set.budget.low - 1.3056).abs() < 5e-5, "{}", set.budget.low);
    assert!((set.participation.high - 1.2651).abs() < 5e-5, "{}", set.participation.high);
}

fn boxed(a: f64, b: f64, low: f64, high: f64) -> Utility {
    Utility::quadratic(a, b).unwrap().limited(low, high).unwrap()
}

#[test]
fn case_e_boxes() {
    let s =
        market(vec![boxed(-1.0, 1.0, -0.5, 0.5), boxed(-1.0, 3.0, -0.2, 0.2), boxed(-0.5, 4.0, 0.0, 0.4)]);
    close(s.price(), 2.8);
    all_close(|i| s.allocation(i), &[-0.5, 0.1, 0.4]);
    close(s.welfare(), 1.06);
    all_close(|i| s.without(i, Zero), &[0.14, 0.96, 0.32]);
    all_close(|i| s.vcg(i), &[-1.67, 0.19, 0.78]);
    all_close(|i| s.gap(i), &[0.27, 0.09, 0.34]);
    assert!(matches!(interval(&s, Zero).verdict, IntervalVerdict::Empty { .. }));
}

#[test]
fn case_e_flat_price() {
    let s = market(vec![boxed(-1.0, 1.0, -0.2, 0.2), boxed(-1.0, 3.0, -0.2, 0.2)]);
    all_close(|i| s.allocation(i), &[-0.2, 0.2]);
    close(s.clearing.price_low, 1.4);
    close(s.clearing.price_high, 2.6);
    close(s.price(), 2.0);
    // Two agents that trade: H = 0, so no c balances the budget.
    let set = interval(&s, Autarky);
    assert!(set.budget.is_empty());
    assert!(matches!(set.verdict, IntervalVerdict::Empty { .. }));
}

#[test]
fn identical_agents_do_not_trade_and_every_c_works() {
    let s = market(vec![Utility::quadratic(-0.7, 1.3).unwrap(); 5]);
    assert!(s.clearing.allocation.iter().all(|u| u.abs() < 1e-14));
    assert_eq!(interval(&s, Zero).verdict, IntervalVerdict::EveryC);
    assert_eq!(interval(&s, Autarky).verdict, IntervalVerdict::EveryC);
}
