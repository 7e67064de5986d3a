//! The worked numbers of paper 002.

mod pivot_cases;

use pivot_cases::{goods, item, licence, model, stock, storage, trade};
use vickrey::audit::{AuditOptions, Effort};
use vickrey::guarantee::{Property, SolutionConcept};
use vickrey::pivot::audit::audit;
use vickrey::pivot::discretise::{rouwenhorst, tauchen};
use vickrey::pivot::solve::approximate::{Interpolation, fitted, refined};
use vickrey::pivot::solve::product::Product;
use vickrey::pivot::solve::space::State;
use vickrey::pivot::solve::{Options, solve_product};
use vickrey::pivot::{Horizon, Parts, PaymentTime, Without};

fn solved(parts: Parts, mode: Without) -> Product {
    let options = Options { mode, tolerance: Some(1e-11), ..Options::default() };
    solve_product(&model(parts), &options, &|_| {}).expect("solvable")
}

fn at(public: usize, types: &[usize]) -> State {
    State { public, types: types.to_vec() }
}

#[track_caller]
fn near(found: f64, printed: f64, digits: f64) {
    assert!((found - printed).abs() <= digits, "found {found}, printed {printed}");
}

/// Half a unit of the last printed digit, and rounding.
const TEN: f64 = 6e-11;

#[test]
fn e1_expected_clarke_pivot() {
    let product = solved(item(), Without::Same);
    let high = product.ruling(0, &at(0, &[1, 0]));
    near(high.payment[0], 1.2, 1e-14);
    near(high.payment[1], 0.0, 1e-14);
    near(high.contingent[1][0], 3.0, 1e-14);
    near(high.contingent[0][0], 0.0, 1e-14);
    near(product.ruling(0, &at(0, &[0, 0])).payment[0], 0.0, 1e-14);
}

#[test]
fn e3_bilateral_trade() {
    let same = solved(trade(false), Without::Same).ruling(0, &at(0, &[0, 0]));
    assert_eq!(same.payment, [0.0, 1.0]);
    assert_eq!((same.truthful(0), same.truthful(1)), (Some(-1.0), Some(2.0)));
    let own = solved(trade(true), Without::Own).ruling(0, &at(0, &[0, 0]));
    assert_eq!(own.payment, [-3.0, 1.0]);
    assert_eq!((own.truthful(0), own.truthful(1)), (Some(2.0), Some(2.0)));
}

/// Everything printed about the first period of E4, in the order of states 00, 01, 10, 11.
fn e4(mode: Without, payment: [[f64; 4]; 2], first: [f64; 4]) {
    let product = solved(storage(Horizon::Finite(3), 1.0, 10.0), mode);
    let value = [-2.87151752, -3.20638448, -3.20638448, -5.2496696];
    for (k, types) in [[0, 0], [0, 1], [1, 0], [1, 1]].iter().enumerate() {
        let ruling = product.ruling(0, &at(0, types));
        near(ruling.value.expect("a product"), value[k], 1e-12);
        for (i, row) in payment.iter().enumerate() {
            near(ruling.payment[i], row[k], 1e-12);
        }
        near(ruling.truthful(0).expect("a product"), first[k], 1e-12);
        assert_eq!(ruling.decision, [0, [1, 1, 2, 1][k]]);
    }
}

#[test]
fn e4_two_providers_in_all_modes() {
    e4(
        Without::Same,
        [[0.0, 0.0, 0.6324, 0.0], [0.6324, 0.6324, 0.0, 2.427]],
        [-2.73251752, -3.04038448, -3.06738448, -5.0836696],
    );
    e4(
        Without::Own,
        [[-1.424256, -3.08688, 0.0, -3.08688], [0.0, 0.0, -3.08688, 0.0]],
        [1.38009848, 3.39473552, 1.04523152, 1.3514504],
    );
    e4(
        Without::Tight,
        [[-0.66432048, -2.0958936, 0.66973392, -2.0958936], [0.66973392, 0.66973392, -2.0958936, 0.9158184]],
        [0.33486696, 2.04328512, 0.0, 0.0],
    );
}

#[test]
fn e4_for_ever() {
    let product = solved(storage(Horizon::Infinite, 0.9, 10.0), Without::Same);
    let value = [-8.1859697124, -8.4784723502, -8.4784723502, -10.4901933898];
    let first = [0.0, 0.0, 0.6, 0.0];
    let second = [0.6, 0.6, 0.0, 2.4];
    for (k, types) in [[0, 0], [0, 1], [1, 0], [1, 1]].iter().enumerate() {
        let ruling = product.ruling(0, &at(0, types));
        near(ruling.value.expect("a product"), value[k], TEN);
        near(ruling.payment[0], first[k], TEN);
        near(ruling.payment[1], second[k], TEN);
        near(ruling.reference.expect("a product")[0], 0.0, TEN);
    }
    let product = solved(storage(Horizon::Infinite, 0.9, 10.0), Without::Own);
    let first = [-1.3438775510, -3.0198979592, 0.0, -3.0198979592];
    let second = [0.0, 0.0, -3.0198979592, 0.0];
    for (k, types) in [[0, 0], [0, 1], [1, 0], [1, 1]].iter().enumerate() {
        let ruling = product.ruling(0, &at(0, types));
        near(ruling.payment[0], first[k], TEN);
        near(ruling.payment[1], second[k], TEN);
        let without = ruling.reference.expect("a product")[0];
        near(without, [-15.5051020408, -17.8010204082][types[1]], TEN);
    }
}

#[test]
fn e5_goods() {
    let product = solved(goods(4, 2), Without::Same);
    let rows = [
        (
            [0, 0],
            10.510081209595728,
            [8.341341206508, 8.540415446373],
            [0.350008459776, 2.870702015409],
            [2, 2, 1],
        ),
        (
            [0, 1],
            10.863979719641136,
            [8.744823237996, 8.540415446373],
            [0.357224090112, 2.870702015409],
            [2, 2, 1],
        ),
        (
            [1, 0],
            10.850605172767296,
            [8.341341206508, 9.046741069836],
            [1.739601378036, 1.661339195856],
            [2, 1, 1],
        ),
        (
            [1, 1],
            11.087169920756352,
            [8.744823237996, 9.046741069836],
            [1.843622799732, 1.661339195856],
            [2, 1, 1],
        ),
    ];
    for (types, value, without, payment, receiver) in rows {
        let ruling = product.ruling(0, &at(0, &types));
        near(ruling.value.expect("a product"), value, 2e-14);
        let reference = ruling.reference.expect("a product");
        for i in 0..2 {
            near(reference[i], without[i], 6e-13);
            near(ruling.payment[i], payment[i], 6e-13);
        }
        let got: Vec<usize> = ruling.decision[1..].iter().map(|a| (a - 1) % 2 + 1).collect();
        assert_eq!(got, receiver);
    }
    let exact = 656_880_075_599_733.0 / 62_500_000_000_000.0;
    near(product.value(0, &at(0, &[0, 0])), exact, 4e-15);

    let product = solved(goods(5, 3), Without::Same);
    let low = product.ruling(0, &at(0, &[0, 0, 0]));
    near(low.value.expect("a product"), 17.368323840132927, 4e-14);
    let expected = [3.446452106704, 2.122904594965, 0.0];
    (0..3).for_each(|i| near(low.payment[i], expected[i], 6e-13));
    let high = product.ruling(0, &at(0, &[1, 1, 1]));
    near(high.value.expect("a product"), 17.939642415158556, 4e-14);
    let expected = [16.703809100435, 16.327647524706, 16.283826050901];
    let reference = high.reference.expect("a product");
    (0..3).for_each(|i| near(reference[i], expected[i], 6e-13));
}

#[test]
fn e5_along_a_path() {
    let product = solved(goods(4, 2), Without::Same);
    // Masks before the period, types, outcome, receiver, payments, value.
    let path = [
        ([0, 0], [0, 0], 1, 2, None, 10.5100812096),
        ([0, 1], [1, 0], 2, 2, Some([0.5462373672, 0.9602745696]), 12.7028637072),
        ([0, 3], [1, 1], 3, 2, Some([0.0, 0.4334634]), 16.8136155),
        ([0, 7], [0, 1], 2, 1, Some([0.0, 0.0]), 15.464277),
    ];
    for (t, (masks, types, z, receiver, payment, value)) in path.into_iter().enumerate() {
        let ruling = product.ruling(t, &at(8 * masks[0] + masks[1], &types));
        near(ruling.value.expect("a product"), value, TEN);
        assert_eq!((ruling.decision[z] - 1) % 2 + 1, receiver);
        for (found, printed) in ruling.payment.iter().zip(payment.into_iter().flatten()) {
            near(*found, printed, TEN);
        }
    }
}

#[test]
fn e6_licence_on_the_product_space() {
    let product = solved(licence(), Without::Same);
    let ruling = product.ruling(0, &at(0, &[0, 0, 0]));
    near(ruling.value.expect("a product"), 20.5711807615, TEN);
    let expected = [20.3619152759, 19.7757385840, 17.0667146442];
    let reference = ruling.reference.expect("a product");
    (0..3).for_each(|i| near(reference[i], expected[i], TEN));
    let payment = [0.0, 0.0, 1.7066714644];
    (0..3).for_each(|i| near(ruling.payment[i], payment[i], TEN));
}

#[test]
fn a_large_constant_changes_nothing() {
    for mode in Without::ALL {
        let plain = solved(storage(Horizon::Finite(3), 1.0, 10.0), mode);
        let mut parts = storage(Horizon::Finite(3), 1.0, 10.0);
        parts.public.utility = parts.public.utility.map(|w| w + 1e9);
        let lifted = solved(parts, mode);
        for t in 0..3 {
            assert_eq!(plain.tables(t).decision, lifted.tables(t).decision);
            assert_eq!(plain.tables(t).payment, lifted.tables(t).payment);
        }
        let state = at(0, &[0, 1]);
        near(lifted.value(0, &state) - plain.value(0, &state), 3e9, 1e-6);
    }
}

/// Single rulings and whole tables agree bit for bit.
#[test]
fn rulings_are_what_the_tables_say() {
    for mode in Without::ALL {
        let product = solved(goods(3, 2), mode);
        for t in 0..3 {
            let tables = product.tables(t);
            for index in (0..product.space().size()).step_by(5) {
                let state = product.space().state(index, 2);
                let ruling = product.ruling(t, &state);
                for (z, a) in ruling.decision.iter().enumerate() {
                    assert_eq!(*a, usize::from(tables.decision[z][index]));
                }
                for (i, p) in ruling.payment.iter().enumerate() {
                    assert_eq!(p.to_bits(), tables.payment[i][index].to_bits());
                }
            }
        }
    }
}

/// E7: the 17-node chain as the truth, values at every 8th, 4th and 2nd node, between them by interpolation.
#[test]
fn e7_residual_certificates() {
    let chain = rouwenhorst(17, 0.8, 0.5).expect("a chain");
    let model = model(stock(&chain.nodes, chain.kernel.rows()));
    let nodes = vec![chain.nodes.clone(); 2];
    for (every, gain, bound) in [(8, 1.310, 10.802), (4, 0.1597, 6.130), (2, 0.0321, 2.615)] {
        let kept: Vec<usize> = (0..17).step_by(every).collect();
        let options = Options::default();
        let product = fitted(&model, &options, &nodes, &[kept.clone(), kept]).expect("nodes that fit");
        near(product.certificate().bound, bound, 6e-4);
        let options = AuditOptions { seed: 1, effort: Effort::Normal };
        let audit = audit(&product, &options, PaymentTime::BeforeOutcome, &|_| {});
        let row = audit
            .find(Property::IncentiveCompatibility(SolutionConcept::ExPost))
            .and_then(|row| row.evidence.clone())
            .expect("evidence");
        near(row.worst, gain, 6e-4);
        assert!(product.tables(0).payment.iter().flatten().all(|p| *p >= 0.0));
    }
}

/// E7: values in the centre by number of nodes, and the step of the figure: utility against report.
#[test]
fn e7_chains() {
    let middle = [(3, 2.390136, 2.188162), (5, 2.403381, 2.478396), (9, 2.406001, 2.437740)];
    for (n, first, second) in middle {
        let chains = [rouwenhorst(n, 0.8, 0.5), tauchen(n, 0.8, 0.5, 3.0)];
        for (chain, printed) in chains.into_iter().zip([first, second]) {
            let chain = chain.expect("a chain");
            let product = solved(stock(&chain.nodes, chain.kernel.rows()), Without::Same);
            near(product.value(0, &at(2, &[n / 2, n / 2])), printed, 6e-7);
        }
    }
    let chain = rouwenhorst(3, 0.8, 0.5).expect("a chain");
    let ruling = solved(stock(&chain.nodes, chain.kernel.rows()), Without::Same).ruling(0, &at(2, &[1, 1]));
    near(ruling.payment[0], 0.0, 1e-12);
    near(ruling.payment[1], 0.7, 1e-12);
}

/// The coarse solution used on finer types: what the certificate promises is kept.
#[test]
fn a_coarse_solution_on_finer_types() {
    let (coarse, fine) =
        (rouwenhorst(5, 0.8, 0.5).expect("a chain"), rouwenhorst(9, 0.8, 0.5).expect("a chain"));
    for mode in Without::ALL {
        let small = solved(stock(&coarse.nodes, coarse.kernel.rows()), mode);
        let along = Interpolation::linear(&coarse.nodes, &fine.nodes).expect("rising nodes");
        let model = model(stock(&fine.nodes, fine.kernel.rows()));
        let product = refined(&small, &model, &[along.clone(), along]).expect("nodes that fit");
        let options = AuditOptions { seed: 1, effort: Effort::Normal };
        let audit = audit(&product, &options, PaymentTime::BeforeOutcome, &|_| {});
        let row = audit
            .find(Property::IncentiveCompatibility(SolutionConcept::ExPost))
            .and_then(|row| row.evidence.clone())
            .expect("evidence");
        assert!(row.worst <= product.certificate().bound, "{row:?}");
        assert!(product.certificate().bound > 0.01, "the coarse grid costs something");
    }
}
