//! Worked numbers of linear-quadratic markets: three agents over three periods (planned, layered, and seen through
//! measurements), Examples 2 and 3 of paper 000, and growing states. The first were checked by dense solves when the
//! formulas were written down, to the ten digits that are given here.

mod lq_dense;

use lq_dense::{Double, Eliminated, Matrix, Real, Run, Twin, plain};
use vickrey::accounts::Accounts;
use vickrey::guarantee::Baseline::{Autarky, Zero};
use vickrey::lq::model::{Agent, Market, Observation, Parameters};
use vickrey::lq::solve::aggregate::{Aggregate, SolveError};
use vickrey::lq::solve::expected::Expected;
use vickrey::lq::solve::ledger::Ledger;
use vickrey::lq::solve::payments::{Cashier, LayerRule, Paid, Pivot};
use vickrey::lq::solve::plan::Plan;
use vickrey::lq::solve::trade::{Bids, Record};
use vickrey::scaling::{Distance, Range, interval, min_max};

const A: [f64; 3] = [1.0, 0.9, 0.8];
const B: [f64; 3] = [1.0, 1.0, 0.5];
const Q: [f64; 3] = [-1.0, -0.5, -2.0];
const R: [f64; 3] = [-1.0, -2.0, -1.0];
const ZETA: [f64; 3] = [0.5, 0.4, 0.3];
const SIGMA: [f64; 3] = [0.1, 0.2, 0.1];
const START: [f64; 3] = [1.0, -0.5, 0.2];

/// Half of the tenth digit after the point.
fn close(what: &str, ours: &[f64], wanted: &[f64]) {
    assert_eq!(ours.len(), wanted.len(), "{what}");
    for (x, y) in ours.iter().zip(wanted) {
        assert!((x - y).abs() < 5.5e-11, "{what}: {ours:?}, wanted {wanted:?}");
    }
}

fn case(change: impl Fn(usize, &mut Parameters)) -> Market {
    let agent = |i: usize| {
        let agent = Agent::scalar(A[i], B[i], Q[i], R[i]).unwrap();
        agent.with(|p| change(i, p)).unwrap()
    };
    Market::new(3, Vec::new(), (0..3).map(agent).collect()).unwrap()
}

fn noisy(i: usize, p: &mut Parameters) {
    p.start_noise = vec![ZETA[i]];
    p.noise = SIGMA[i].into();
}

fn each(f: impl FnMut(usize) -> f64) -> Vec<f64> {
    (0..3).map(f).collect()
}

fn expected(market: &Market) -> Ledger {
    Expected::new(market, &Aggregate::new(market).unwrap(), true).unwrap().ledger
}

fn check_ledger(ledger: &Ledger, f: f64, h: [f64; 3], own: [f64; 3], lag: [f64; 3], vcg: [f64; 3]) {
    close("F", &[ledger.welfare()], &[f]);
    close("H", &each(|i| ledger.without(i, Zero)), &h);
    close("own", &each(|i| ledger.own_utility(i)), &own);
    close("lag", &each(|i| ledger.lagrange(i)), &lag);
    close("vcg", &each(|i| ledger.vcg(i)), &vcg);
}

/// Case A: expected numbers.
#[test]
fn layered() {
    let ledger = expected(&case(noisy));
    check_ledger(
        &ledger,
        -3.4986955666,
        [-2.3207286432, -2.9539369551, -2.1240597557],
        [-1.1536270903, -0.7659963807, -1.5790720957],
        [0.1886041557, -0.1551670865, -0.0334370692],
        [0.0243398331, -0.2212377691, -0.2044362848],
    );
    close("gap", &each(|i| ledger.gap(i)), &[0.1642643226, 0.0660706826, 0.1709992156]);
    close("o", &each(|i| ledger.outside(i)), &[-1.8, -0.77422, -1.75776]);
    close("F over autarky", &[ledger.welfare_over(Autarky)], &[0.8332844334]);
    let over = each(|i| ledger.without(i, Autarky));
    close("H over autarky", &over, &[0.2112513568, 0.6038230449, 0.4501602443]);
    close("F - H", &each(|i| ledger.net(i, Zero))[..1], &[-1.1779669234]);
    assert!((ledger.net(1, Zero) + 0.54475861).abs() < 1e-8);
    assert!((ledger.net(2, Zero) + 1.37463581).abs() < 1e-8);
    let range = interval(&ledger, Autarky).feasible().unwrap();
    close("interval", &[range.low, range.high], &[1.3172014156, 1.3800142946]);
    // With negative welfares no c meets both conditions.
    assert!(interval(&ledger, Zero).feasible().is_none());
}

/// Case A: the tables of the layers, seen from outside. S_0 is what turns prices into net demand; a bid of one agent
/// alone shows its response; its utility at its own start shows ric_0.
#[test]
fn tables() {
    let unit_demand = |t: usize| {
        let demand = (0..3).map(|s| f64::from(u8::from(s == t))).collect();
        let agents = (0..3).map(|i| Agent::scalar(A[i], B[i], Q[i], R[i]).unwrap()).collect();
        let market = Market::new(3, demand, agents).unwrap();
        let plan = Plan::new(&market, &Aggregate::new(&market).unwrap()).unwrap();
        plan.prices().iter().map(|x| 0.5 * x).collect::<Vec<f64>>()
    };
    let mut inverse = Matrix::<f64>::zeros(3, 3);
    for t in 0..3 {
        unit_demand(t).into_iter().enumerate().for_each(|(s, x)| inverse.set(s, t, x));
    }
    let s0 = Eliminated::new(inverse).inverse();
    let wanted = [[-1.3377652363, 0.4193814001, 0.0], [0.4193814001, -1.7196442940, 0.0], [0.0, 0.0, -2.5]];
    close("S_0", &s0.data, &wanted.concat());
    let (mut omega, mut ric) = ([0.0; 4], [0.0; 3]);
    let kappa = each(|i| {
        let market = case(|j, p| p.start = vec![if i == j { 1.0 } else { 0.0 }]);
        let plan = Plan::new(&market, &Aggregate::new(&market).unwrap()).unwrap();
        // omega = beta: prices = -2 S^-1 beta.
        let beta: Vec<f64> = s0.apply(plan.prices()).iter().map(|x| -0.5 * x).collect();
        omega.iter_mut().enumerate().for_each(|(e, x)| *x += ZETA[i] * beta[e / 2] * beta[e % 2]);
        let trade = plan.path(&market, i).allocation;
        let by_prices: f64 =
            trade.iter().zip(&beta).zip(plan.prices()).map(|((u, b), price)| 0.5 * price * (u - b)).sum();
        ric[i] = plan.ledger.own_utility(i) - by_prices;
        beta[0]
    });
    close("kappa_0", &kappa, &[-0.6, -0.2626062323, -0.6661478599]);
    close("ric_0", &ric, &[-1.6, -0.9726912181, -3.0658365759]);
    close("Omega_0", &omega, &[0.3407107047, 0.1218183058, 0.1218183058, 0.0438696392]);
}

/// Case A: one path, all truthful.
#[test]
fn one_path() {
    let market = case(noisy);
    let aggregate = Aggregate::new(&market).unwrap();
    let path = [START, [0.1, 0.0, -0.2], [-0.1, 0.3, 0.0]];
    let run = |pivot: Pivot| -> (Vec<f64>, Vec<Vec<f64>>, Vec<Vec<f64>>) {
        let rule = LayerRule::Groves { pivot, c: 1.0, baseline: Autarky };
        let cashier = Cashier::new(&market, &aggregate, rule).unwrap();
        let (mut shadows, mut record) = (cashier.shadows(), Record::new(&market));
        let (mut prices, mut trades, mut payments) = (Vec::new(), Vec::new(), Vec::new());
        for bids in path {
            let bids = Bids::scalar(&market, &bids);
            let before = record.clone();
            let trade = record.trade(&market, &aggregate, &bids);
            let paid = Paid { before: &before, bids: &bids, trade: &trade };
            payments.push(cashier.charge(&market, &aggregate, paid, &mut shadows));
            prices.push(trade.prices[0]);
            trades.push(trade.allocation);
        }
        (prices, trades, payments)
    };
    let (prices, trades, payments) = run(Pivot::Incremental);
    close("prices", &prices, &[-1.0503674736, -0.4076336024, 0.0]);
    close("u(0)", &trades[0], &[-0.4379239081, 0.3019780716, 0.1359458364]);
    close("u(1)", &trades[1], &[-0.2291296454, 0.1081706676, 0.1209589778]);
    close("u(2)", &trades[2], &[0.0; 3]);
    let first = [0.2677852884, -0.5143154953, -0.1937710162];
    close("layer 0", &payments[0], &first);
    close("layer 1", &payments[1], &[0.0234079193, 0.0057182558, -0.0412237098]);
    close("layer 2", &payments[2], &[0.0; 3]);
    let (_, _, worlds) = run(Pivot::Worlds);
    close("worlds 0", &worlds[0], &first);
    close("worlds 1", &worlds[1], &[-0.1820616308, 0.1028797126, -0.0705208567]);
    close("worlds 2", &worlds[2], &[0.0739926926, 0.0296038696, -0.0120581940]);
}

/// Case C: everything known at the start, without and with linear terms.
#[test]
fn planned() {
    let market = case(|i, p| p.start = vec![START[i]]);
    let plan = Plan::new(&market, &Aggregate::new(&market).unwrap()).unwrap();
    close("prices", plan.prices(), &[-1.0503674736, -0.4799740280, 0.0]);
    for (i, path) in [
        [-0.4379239081, -0.1610445390, 0.0],
        [0.3019780716, 0.1226387527, 0.0],
        [0.1359458364, 0.0384057863, 0.0],
    ]
    .iter()
    .enumerate()
    {
        close("trades", &plan.path(&market, i).allocation, path);
    }
    check_ledger(
        &plan.ledger,
        -2.3281113559,
        [-0.3658575351, -2.4939535882, -2.2367128116],
        [-1.6944685324, -0.3484732631, -0.2851695605],
        [0.5372782250, -0.3760513603, -0.1612268647],
        [0.2677852884, -0.5143154953, -0.1937710162],
    );
    close("o", &each(|i| plan.ledger.outside(i)), &[-3.0, -0.3082625, -0.163968]);
    assert!(interval(&plan.ledger, Autarky).feasible().is_none());

    let linear = [1.0, 0.0, -0.5];
    let market = case(|i, p| {
        p.start = vec![START[i]];
        p.linear = linear[i].into();
    });
    let plan = Plan::new(&market, &Aggregate::new(&market).unwrap()).unwrap();
    close("prices", plan.prices(), &[-1.0372808072, -0.4048284217, 0.2]);
    close("trades", &plan.path(&market, 0).allocation, &[-0.3330266807, 0.0177204458, 0.4]);
    close("F", &[plan.ledger.welfare()], &[-2.5177502819]);
    let without = each(|i| plan.ledger.without(i, Zero));
    close("H", &without, &[-0.2276205434, -2.6715768276, -2.5956761681]);
    let vcg = each(|i| plan.ledger.vcg(i));
    close("vcg", &vcg, &[0.1899437587, -0.5007259432, -0.1485907909]);
    let range = interval(&plan.ledger, Autarky).feasible().unwrap();
    close("interval", &[range.low, range.high], &[1.3168991094, 1.3394590597]);
}

/// Case D: Case A seen through measurements.
#[test]
fn filtered() {
    let (gain, error) = ([1.0, 1.0, 2.0], [0.1, 0.2, 0.05]);
    let market = case(|i, p| {
        noisy(i, p);
        p.observation = Some(Observation { gain: vec![gain[i]], noise: error[i] });
    });
    let found = Expected::new(&market, &Aggregate::new(&market).unwrap(), true).unwrap();
    check_ledger(
        &found.ledger,
        -3.6117718604,
        [-2.3478799113, -3.0276918011, -2.1985058912],
        [-1.2496659728, -0.7889070257, -1.5731988619],
        [0.1565199638, -0.1502265098, -0.0062934540],
        [0.0142259763, -0.2048269664, -0.1599328928],
    );
    close("o", &each(|i| found.ledger.outside(i)), &[-1.8, -0.77422, -1.75776]);
    close("const", &each(|i| found.ignorance(i)), &[-0.2102614379, -0.1871537172, -0.0687883404]);
    // The bids' variances, written as noise that is seen, give the same numbers but for these constants.
    let variances = [
        [0.4166666667, 0.2666666667, 0.288],
        [0.1186274510, 0.1867401575, 0.0964801331],
        [0.1024836601, 0.1785062138, 0.0959736115],
    ];
    let seen = expected(&case(|i, p| {
        p.start_noise = vec![variances[0][i]];
        p.noise = vickrey::lq::model::Series::numbers(variances.map(|row| row[i]));
    }));
    for i in 0..3 {
        let (seen, filtered) = (seen.own_utility(i), found.ledger.own_utility(i));
        assert!((seen + found.ignorance(i) - filtered).abs() < 1e-9);
    }
}

/// Moments as variances, or as standard deviations.
fn example(power: i32) -> Ledger {
    let r = [-1.0, -1.1, -1.2, -1.1];
    let (zeta, sigma) = ([0.3_f64, 0.32, 0.31, 0.3], [0.1_f64, 0.11, 0.11, 0.12]);
    let agent = |i: usize| {
        let agent = Agent::scalar(1.0, 1.0, -1.0, r[i]).unwrap();
        agent
            .with(|p| {
                p.start_noise = vec![zeta[i].powi(power)];
                p.noise = sigma[i].powi(power).into();
            })
            .unwrap()
    };
    expected(&Market::new(4, Vec::new(), (0..4).map(agent).collect()).unwrap())
}

/// The printed quotients of Example 3: (N-1) F / sum H and F / max H, whatever the signs; -max for negative ones.
fn quotients(ledger: &Ledger) -> Range {
    let h: Vec<f64> = (0..4).map(|i| ledger.without(i, Zero)).collect();
    let most = h.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    Range { low: 3.0 * ledger.welfare() / h.iter().sum::<f64>(), high: ledger.welfare() / most }
}

/// Examples 2 and 3, both readings. (The printed figures are not reproduced by any; the derivations say why.)
#[test]
fn examples_of_the_paper() {
    let near =
        |x: f64, wanted: f64, half: f64| assert!((x - wanted).abs() <= 1.1 * half, "{x}, wanted {wanted}");
    let variance = example(1);
    close("F", &[variance.welfare()], &[-4.7933707270]);
    let h: Vec<f64> = (0..4).map(|i| variance.without(i, Zero)).collect();
    close("H", &h, &[-3.9045473290, -3.7950935945, -3.8065562542, -3.7961194982]);
    near(variance.own_utility(0), -1.1301127, 5e-8);
    near(variance.net(0, Zero), -0.8888234, 5e-8);
    let deviation = example(2);
    close("F", &[deviation.welfare()], &[-1.0739331077]);
    close("H", &[deviation.without(0, Zero)], &[-0.8910514627]);
    near(deviation.net(0, Zero), -0.1828816, 5e-8);

    let readings = [
        (&variance, [0.9397343, 1.2630441], (0.9397, 4.52, 5e-3), (0.9397, 0.00665, 5e-6)),
        (&deviation, [0.9296376, 1.2668797], (0.9303, 0.5406, 5e-5), (0.9296, 0.00433, 5e-6)),
    ];
    for (ledger, ends, ratio, absolute) in readings {
        let range = quotients(ledger);
        near(range.low, ends[0], 5e-8);
        near(range.high, ends[1], 5e-8);
        for (relative, (c, value, half)) in [(true, ratio), (false, absolute)] {
            let found = min_max(ledger, Zero, Distance { ratio: relative, one_sided: false }, range).unwrap();
            near(found.c, c, 5e-5);
            near(found.value, value, half);
        }
        assert!(interval(ledger, Zero).feasible().is_none());
    }
    let budget: f64 = (0..4).map(|i| variance.scaled_vcg(i, 0.96, Zero)).sum();
    near(budget, -0.3101, 5e-5);
    near(variance.welfare_over(Autarky), 2.7666293, 5e-8);
    for (ledger, ends, (c, value)) in [
        (&variance, [1.1249992, 1.4910805], (1.1249992, 0.008135)),
        (&deviation, [1.1249784, 1.4794643], (1.1279189, 0.003126)),
    ] {
        let range = interval(ledger, Autarky).feasible().unwrap();
        near(range.low, ends[0], 5e-8);
        near(range.high, ends[1], 5e-8);
        let found = min_max(ledger, Autarky, Distance { ratio: false, one_sided: false }, range).unwrap();
        near(found.c, c, 5e-7);
        near(found.value, value, 5e-7);
    }
}

const PERIODS: usize = 20;

/// Three agents whose states grow by these factors.
fn growing(a: [f64; 3], periods: usize) -> (Market, Vec<Parameters>) {
    let (b, q, r) = ([1.0, 0.7, -1.2], [-1.0, -0.5, -2.0], [-1.0, -2.0, -1.5]);
    let agents: Vec<Parameters> = (0..3)
        .map(|i| {
            let agent = Agent::scalar(a[i], b[i], q[i], r[i]).unwrap();
            agent.with(|p| (p.start_noise, p.noise) = (vec![1.0], 0.5.into())).unwrap().parameters().clone()
        })
        .collect();
    let checked = agents.iter().map(|p| Agent::new(p.clone()).unwrap()).collect();
    (Market::new(periods, Vec::new(), checked).unwrap(), agents)
}

/// Largest relative errors of a few layers with any bids: prices and schedules at prices, payments, payments by powers
/// of a in plain doubles.
fn errors_of_layers(market: &Market, agents: &[Parameters], aggregate: &Aggregate) -> [f64; 3] {
    let truth = Twin::<Double>::new(PERIODS, &[], agents);
    let dense = Twin::<f64>::new(PERIODS, &[], agents);
    let (mut record, mut exact, mut plain_run) = (Record::new(market), Run::new(&truth), Run::new(&dense));
    let mut errors = [0.0_f64; 3];
    for s in 0..4 {
        let bids: Vec<f64> = (0..3).map(|i| [1.0, -0.5, 0.2][(i + s) % 3] + 0.1 * s as f64).collect();
        let told: Vec<Vec<f64>> = bids.iter().map(|&x| vec![x]).collect();
        let ours = record.trade(market, aggregate, &Bids::scalar(market, &bids));
        let (exact, dense) = (exact.trade(&told, &[0, 1, 2]), plain_run.trade(&told, &[0, 1, 2]));
        let prices = plain(&exact.prices);
        let largest = prices.iter().fold(0.0, |m: f64, p| m.max(p.abs()));
        for (x, y) in ours.prices.iter().zip(&prices) {
            errors[0] = errors[0].max((x - y).abs() / largest);
        }
        for i in 0..3 {
            let (lagrange, payment) = (exact.lagrange[i].get(), exact.payments[i].unwrap().get());
            let size = lagrange.abs().max(payment.abs());
            errors[0] =
                errors[0].max((ours.lagrange[i] - lagrange).abs() / lagrange.abs().max(0.1 * largest));
            errors[1] = errors[1].max((ours.lagrange[i] - ours.gap[i] - payment).abs() / size);
            errors[2] = errors[2].max((dense.payments[i].unwrap() - payment).abs() / size);
        }
    }
    errors
}

fn check_growing_ledger(market: &Market, agents: &[Parameters], aggregate: &Aggregate, tolerance: f64) {
    let truth = Twin::<Double>::new(PERIODS, &[], agents);
    let ours = Expected::new(market, aggregate, true).unwrap();
    let all = truth.moments(&truth.everybody());
    let (welfare, total) = (ours.ledger.welfare(), all.total.get());
    assert!((welfare / total - 1.0).abs() < tolerance, "F: {welfare}, wanted {total}");
    for i in 0..3 {
        let (own, lag) = (all.own[i].get(), all.lagrange[i].get());
        let (ours_own, ours_h) = (ours.ledger.own_utility(i), ours.ledger.without(i, Zero));
        assert!((ours_own - own).abs() < tolerance * total.abs(), "own: {ours_own}, wanted {own}");
        assert!((ours.ledger.lagrange(i) - lag).abs() < tolerance * total.abs());
        let others = truth.moments(&truth.without(i));
        let h = others.total.get();
        assert!((ours_h / h - 1.0).abs() < tolerance, "H: {ours_h}, wanted {h}");
        for (s, layer) in others.layers.iter().enumerate() {
            let (ours, wanted) = (ours.without_in_layer(s, i, Zero), layer.get());
            assert!((ours - wanted).abs() <= tolerance * h.abs(), "layer {s}: {ours}, wanted {wanted}");
        }
    }
}

/// States that double every period, for twenty periods. The dense route multiplies powers of a and loses ten of sixteen
/// digits; the regulators, whose closed loops do not grow, keep fourteen. Truth: the dense route in double-double.
/// (Outside options are 1e12 times as large as the welfare here.)
#[test]
fn growing_states() {
    let (market, agents) = growing([2.0, -2.0, 1.9], PERIODS);
    let dense = Twin::<f64>::new(PERIODS, &[], &agents);
    // W W^-1 in plain numbers, both by powers of a.
    let w = dense.quadratic(0, 0, &[1.0], false).w;
    let product = w.times(&Eliminated::new(w.clone()).inverse());
    let off = |e: usize| (product.data[e] - f64::from(u8::from(e / PERIODS == e % PERIODS))).abs();
    let worst = (0..PERIODS * PERIODS).map(off).fold(0.0, f64::max);
    let aggregate = Aggregate::new(&market).unwrap();
    let [prices, payments, by_powers] = errors_of_layers(&market, &agents, &aggregate);
    println!(
        "prices {prices:.1e}, payments {payments:.1e}, by powers of a {by_powers:.1e}, W W^-1 off by {worst:.1e}"
    );
    assert!(prices < 1e-13, "prices: {prices}");
    assert!(payments < 2e-12, "payments: {payments}");
    assert!(by_powers > 1e-7 && worst > 1e-7, "the dense route would do: {by_powers}, {worst}");
    check_growing_ledger(&market, &agents, &aggregate, 2e-12);
}

/// One growing state among calm ones: its outside option and the surplus over it cancel in its utility.
#[test]
fn one_growing_state() {
    let (market, agents) = growing([2.0, 0.9, 0.8], PERIODS);
    let aggregate = Aggregate::new(&market).unwrap();
    let [prices, payments, _] = errors_of_layers(&market, &agents, &aggregate);
    assert!(prices < 1e-14 && payments < 1e-13, "{prices}, {payments}");
    check_growing_ledger(&market, &agents, &aggregate, 1e-13);
}

/// Without the agent in the middle the two others cannot hold what grows in both: its discount is 1e10 times what it
/// trades, and the sum of the others' inverses has lost it.
#[test]
fn others_that_grow_alike() {
    let (market, agents) = growing([2.0, -2.0, 2.0], PERIODS);
    let aggregate = Aggregate::new(&market).unwrap();
    let [prices, payments, _] = errors_of_layers(&market, &agents, &aggregate);
    println!("growing alike without the agent: prices {prices:.1e}, payments {payments:.1e}");
    assert!(prices < 1e-13 && payments < 1e-10, "{prices}, {payments}");
    check_growing_ledger(&market, &agents, &aggregate, 1e-9);
}

/// If all states grow alike no prices are found that are worth printing: an error, and not numbers.
#[test]
fn all_states_grow_alike() {
    for periods in [24, 30, 40, 100, 576] {
        let (market, _) = growing([2.0; 3], periods);
        let error = Aggregate::new(&market).err().or_else(|| unreachable!("{periods} periods")).unwrap();
        assert!(matches!(error, SolveError::Digits { .. } | SolveError::Range { .. }), "{error}");
    }
    let (market, agents) = growing([1.5; 3], PERIODS);
    let aggregate = Aggregate::new(&market).unwrap();
    let [prices, payments, _] = errors_of_layers(&market, &agents, &aggregate);
    assert!(prices < 1e-7 && payments < 1e-7, "{prices}, {payments}");
}
