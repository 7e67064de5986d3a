//! The audit of the dynamic pivot mechanism shows what holds, finds what does not, and agrees with a dense program.

mod pivot_cases;
mod pivot_instances;

use pivot_cases::{goods, item, licence, model, player, storage, trade};
use pivot_instances::{count, instances, list, number, numbers, read};
use vickrey::audit::{AuditOptions, Effort};
use vickrey::guarantee::{Audit, Balance, Baseline, Guarantee, Property, SolutionConcept, Verdict};
use vickrey::pivot::audit::{
    JointModel, Low, ModeSummary, audit, audit_of, compare, dependence, misspecified, outlook, rules, summary,
};
use vickrey::pivot::solve::product::Product;
use vickrey::pivot::solve::{Keep, Options, solve_product};
use vickrey::pivot::{
    Horizon, Kernel, Labels, Model, Moves, Outcomes, Parts, PaymentTime, Public, Varying, Without,
};

const EX_POST: Property = Property::IncentiveCompatibility(SolutionConcept::ExPost);
const DOMINANT: Property = Property::IncentiveCompatibility(SolutionConcept::DominantStrategy);
const ALONE: Property = Property::IndividualRationality(Baseline::Autarky);
const ZERO: Property = Property::IndividualRationality(Baseline::Zero);
const WEAK: Property = Property::BudgetBalance(Balance::Weak);
const BEFORE: PaymentTime = PaymentTime::BeforeOutcome;
const QUICK: AuditOptions = AuditOptions { seed: 5, effort: Effort::Quick };

fn solved(parts: Parts, mode: Without) -> Product {
    solve_product(&model(parts), &Options { mode, ..Options::default() }, &|_| ()).expect("solvable")
}

/// A trade that needs both, or a seller who may be loud: what she is paid for the one she pays for the other.
fn trade_or_noise() -> Parts {
    let worth = |list: [f64; 4]| list.iter().map(|v| vec![*v]).collect::<Vec<_>>();
    let still = || vec![vec![1.0]; 4];
    let mut seller = player(worth([0.0, -1.0, 0.0, 10.0]), still(), Some(vec![0.0]));
    let buyer = player(worth([0.0, 3.0, 0.0, -8.0]), still(), Some(vec![0.0]));
    seller.absent = Some(vec![vec![0], vec![2, 3]]);
    Parts {
        horizon: Horizon::Finite(1),
        discount: 1.0,
        decisions: 4, // no, trade; quiet, loud
        outcomes: Outcomes {
            feasible: vec![vec![0, 1], vec![2, 3]],
            probability: Varying::constant(vec![0.5, 0.5]),
        },
        public: Public::nothing(),
        players: vec![seller, buyer],
        labels: Labels::default(),
    }
}

/// Whether anybody is paid depends on when payments are known: each counts, or their mean.
#[test]
fn payments_of_every_outcome_count_if_they_wait() {
    let product = solved(trade_or_noise(), Without::Own);
    let [fixed, waiting] = PaymentTime::ALL.map(|time| summary(&product, &QUICK, time));
    assert_eq!((fixed.time, waiting.time), (PaymentTime::BeforeOutcome, PaymentTime::OutcomeContingent));
    assert_eq!((fixed.payment[0].value, waiting.payment[0].value), (2.5, -3.0));
    assert_eq!(
        (fixed.no_negative_payment, waiting.no_negative_payment),
        (Verdict::Holds, Verdict::ConditionNotMet)
    );
    assert_eq!((fixed.truth, waiting.truth), (Verdict::Holds, Verdict::Holds));
    assert_eq!(fixed.truthful[0].value, waiting.truthful[0].value);
    let all = compare(product.model(), &Options::default(), &QUICK, PaymentTime::OutcomeContingent, &|_| ());
    let least = |mode: usize| all.as_ref().expect("solvable")[mode].payment[0].value;
    assert_eq!((least(0), least(1)), (0.0, -3.0), "same, own");
}

fn run(product: &Product, time: PaymentTime) -> Audit {
    audit(product, &QUICK, time, &|_| ())
}

fn row(audit: &Audit, property: Property) -> &Guarantee {
    audit.find(property).expect("a row")
}

#[track_caller]
fn verdicts(audit: &Audit, expected: &[(Property, bool, Verdict)]) {
    for (property, promised, verdict) in expected {
        let row = row(audit, *property);
        assert_eq!((row.promised, row.verdict), (*promised, *verdict), "{row:#?}");
    }
}

#[track_caller]
fn near(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "found {found}, expected {expected}");
}

fn worst(audit: &Audit, property: Property) -> f64 {
    row(audit, property).evidence.as_ref().expect("evidence").worst
}

fn values(lows: &[Low]) -> Vec<f64> {
    lows.iter().map(|low| low.value).collect()
}

#[track_caller]
fn near_all(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    found.iter().zip(expected).for_each(|(f, e)| near(*f, *e, tolerance));
}

#[test]
fn e1_a_known_outcome_is_worth_a_lie_unless_payments_wait_for_it() {
    for time in PaymentTime::ALL {
        let audit = run(&solved(item(), Without::Same), time);
        assert!(audit.passed(), "{audit:#?}");
        let [before, waiting] = &audit.findings[..] else { panic!("two findings") };
        near(before.evidence.worst, 1.2, 1e-12);
        assert!(
            before.evidence.at.contains("`player 0` type 1")
                && before.evidence.at.contains("when outcome 0 comes")
        );
        assert!(before.evidence.at.ends_with("`player 0` reports type 0"), "{}", before.evidence.at);
        assert_eq!(waiting.evidence.worst, 0.0);
        use Verdict::Holds;
        verdicts(&audit, &[(EX_POST, true, Holds), (DOMINANT, true, Holds), (WEAK, true, Holds)]);
        verdicts(&audit, &[(Property::Efficiency, true, Holds), (Property::Feasibility, true, Holds)]);
        assert!(row(&audit, EX_POST).note.contains("no lie gains more than"));
        assert!(
            audit.guarantees.iter().all(|row| row.note.contains("mode same") && !row.condition.is_empty())
        );
    }
}

#[test]
fn e3_no_reading_of_without_gives_everything() {
    use Verdict::{ConditionNotMet, Holds};
    let same = run(&solved(trade(false), Without::Same), PaymentTime::BeforeOutcome);
    verdicts(&same, &[(EX_POST, true, Holds), (ALONE, true, Holds), (WEAK, true, Holds)]);
    verdicts(&same, &[(ZERO, false, ConditionNotMet)]);
    near(worst(&same, ZERO), 1.0, 1e-12);
    let own = run(&solved(trade(true), Without::Own), PaymentTime::BeforeOutcome);
    verdicts(&own, &[(EX_POST, true, Holds), (ALONE, true, Holds), (ZERO, true, Holds)]);
    verdicts(&own, &[(WEAK, false, ConditionNotMet)]);
    near(worst(&own, WEAK), 3.0, 1e-12);
    assert!(row(&own, WEAK).note.contains("from the start: -2.00000"), "{}", row(&own, WEAK).note);
    assert!(same.passed() && own.passed());
}

fn summaries(parts: Parts) -> Vec<ModeSummary> {
    compare(&model(parts), &Options::default(), &QUICK, BEFORE, &|_| ()).expect("solvable")
}

#[test]
fn e4_the_conflict_of_the_modes() {
    let all = summaries(storage(Horizon::Finite(3), 1.0, 10.0));
    let totals = [2.59351752, -5.63171448, -3.54125144];
    let worst_values = [-5.0836696, -0.4, 0.0];
    for ((mode, total), least) in all.iter().zip(totals).zip(worst_values) {
        near(mode.expected_payments.expect("computed"), total, 1e-8);
        let truthful = values(&mode.truthful);
        near(truthful.iter().fold(f64::INFINITY, |a, b| a.min(*b)), least, 1e-8);
        assert_eq!(mode.truth, Verdict::Holds);
    }
    use Verdict::{ConditionNotMet, Holds};
    let [same, own, tight] = &all[..] else { panic!("three modes") };
    assert_eq!((same.against_zero, same.no_negative_payment), (ConditionNotMet, Holds));
    assert_eq!((own.against_zero, own.no_negative_payment), (ConditionNotMet, ConditionNotMet));
    assert_eq!((tight.against_zero, tight.no_negative_payment), (Holds, ConditionNotMet));
    assert_eq!((same.against_opt_out, own.against_opt_out), (Holds, Holds));
    assert!(same.truthful[0].at.contains("period 0") && own.truthful[0].at.contains("period 2"));

    let opt_out =
        |mode| outlook(&solved(storage(Horizon::Finite(3), 1.0, 10.0), mode), PaymentTime::BeforeOutcome);
    near_all(&opt_out(Without::Same)[0].opt_out[0], &[-4.251616, -4.251616, -6.60112, -6.60112], 1e-12);
    near_all(&opt_out(Without::Own)[0].opt_out[0], &[-0.139, -0.139, -0.166, -0.166], 1e-12);
    near_all(&opt_out(Without::Tight)[0].opt_out[0], &[-0.139, -0.139, -0.166, -0.166], 1e-12);
    let totals = [2.59351752, 2.90138448, 2.90138448, 4.9176696];
    near_all(&opt_out(Without::Same)[0].payments, &totals, 1e-8);
}

#[test]
fn e4_for_ever() {
    let game = || storage(Horizon::Infinite, 0.9, 10.0);
    let same = outlook(&solved(game(), Without::Same), PaymentTime::BeforeOutcome);
    near(same[0].opt_out[0][0], -15.5051020408, 1e-8);
    near(same[0].truthful[0][0], -8.1859697124, 1e-8);
    let all = summaries(game());
    let holds: Vec<Verdict> = all.iter().map(|mode| mode.truth).collect();
    assert_eq!(holds, [Verdict::Holds; 3]);
    assert!(all.iter().all(|mode| mode.gain <= mode.certificate && mode.certificate < 1e-6));
    near(values(&all[1].opt_out).into_iter().fold(0.0, f64::min), 0.0, 1e-9);
    assert_eq!(all[1].against_zero, Verdict::Holds);
}

#[test]
fn e5_goods_and_e6_licence_keep_every_promise() {
    for parts in [goods(4, 2), licence()] {
        let audit = run(&solved(parts, Without::Same), PaymentTime::BeforeOutcome);
        assert!(audit.passed(), "{audit:#?}");
        let all = [EX_POST, ALONE, ZERO, WEAK, Property::Accounts, Property::Efficiency];
        verdicts(&audit, &all.map(|property| (property, true, Verdict::Holds)));
        verdicts(&audit, &[(DOMINANT, false, Verdict::NotChecked)]);
    }
}

/// Answers are exact up to rounding, relative to the numbers compared; infinite ones up to what the values are known to.
fn tolerance(horizon: Horizon, expected: &[f64]) -> f64 {
    let size = expected.iter().fold(1.0_f64, |m, v| m.max(v.abs()));
    size * if horizon == Horizon::Infinite { 1e-10 } else { 1e-12 }
}

#[test]
fn instances_agree_with_a_dense_program() {
    for instance in instances() {
        let options = Options { mode: instance.mode, tolerance: Some(1e-11), ..Options::default() };
        let product = solve_product(&model(instance.parts.clone()), &options, &|_| ()).expect("solvable");
        let (answers, name) = (&instance.answers, &instance.name);
        let near_all = |found: &[f64], key: &str, expected: &[f64]| {
            for (f, e) in found.iter().zip(expected) {
                assert!(
                    (f - e).abs() <= tolerance(instance.parts.horizon, expected),
                    "{name}, {key}: {f}, expected {e}"
                );
            }
            assert_eq!(found.len(), expected.len(), "{name}, {key}");
        };
        for (t, found) in outlook(&product, PaymentTime::BeforeOutcome).iter().enumerate() {
            for i in 0..found.truthful.len() {
                near_all(&found.truthful[i], "truthful", &numbers(&answers["truthful"][t][i]));
                near_all(&found.best_response[i], "best response", &numbers(&answers["best_response"][t][i]));
                near_all(&found.opt_out[i], "opt-out", &numbers(&answers["opt_out"][t][i]));
            }
            near_all(&found.welfare, "value", &numbers(&answers["value"][t]));
            if t == 0 {
                near_all(&found.payments, "payments", &numbers(&answers["expected_payments"]));
                near_all(&found.public, "public", &numbers(&answers["expected_public"]));
            }
        }
        let found = summary(&product, &QUICK, BEFORE);
        near_all(&found.leak, "leak", &[number(&answers["leak"]), number(&answers["leak_contingent"])]);
        let minima = &answers["minima"];
        near_all(&values(&found.truthful), "V", &numbers(&minima["truthful"]));
        near_all(&values(&found.opt_out), "O", &numbers(&minima["opt_out"]));
        near_all(&values(&found.over_opt_out), "V - O", &numbers(&minima["truthful_minus_opt_out"]));
        near_all(&values(&found.over_stated), "V - U", &numbers(&minima["truthful_minus_outside"]));
        near_all(&values(&found.payment), "p", &numbers(&minima["payment"]));
        let total = found.expected_payments.expect("computed");
        near_all(&[total], "ex ante", &[number(&answers["ex_ante"]["payments"])]);
    }
}

#[test]
fn promises_are_kept_on_all_instances() {
    for instance in instances() {
        let product = solved(instance.parts.clone(), instance.mode);
        for time in PaymentTime::ALL {
            let audit = run(&product, time);
            assert!(audit.passed(), "{}: {audit:#?}", instance.name);
            verdicts(&audit, &[(EX_POST, true, Verdict::Holds)]);
        }
    }
}

#[test]
fn a_broken_mechanism_is_caught() {
    let product = solved(storage(Horizon::Finite(3), 1.0, 10.0), Without::Same);
    let broken = |spoil: &dyn Fn(usize, &mut vickrey::pivot::audit::Rules)| {
        let tables = |t| {
            let mut rules = rules(&product, t);
            spoil(t, &mut rules);
            rules
        };
        audit_of(&product, &tables, &QUICK, BEFORE, &|_| ())
    };
    assert!(broken(&|_, _| ()).passed());
    let violated = |audit: &Audit, property| {
        let row = row(audit, property);
        assert!(row.promised && row.verdict == Verdict::Violated, "{row:#?}");
        assert!(!audit.passed());
    };
    let halved = broken(&|_, rules| rules.payment.iter_mut().flatten().for_each(|p| *p *= 0.5));
    violated(&halved, EX_POST);
    violated(&halved, Property::Accounts);
    let cheap = broken(&|_, rules| rules.payment.iter_mut().flatten().for_each(|p| *p -= 1.0));
    violated(&cheap, WEAK);
    let wrong = broken(&|t, rules| {
        if t == 1 {
            rules.decision[1].iter_mut().for_each(|a| *a = 3);
        }
    });
    violated(&wrong, Property::Efficiency);
    assert!(row(&wrong, Property::Efficiency).evidence.as_ref().expect("evidence").at.contains("period 1"));
    let infeasible = broken(&|_, rules| rules.decision[0][2] = 1);
    violated(&infeasible, Property::Feasibility);
    let strange = broken(&|_, rules| rules.payment[1][0] = f64::NAN);
    violated(&strange, EX_POST);
    let dear = broken(&|_, rules| rules.payment[0].iter_mut().for_each(|p| *p += 3.0));
    violated(&dear, ALONE);
    // Where payments wait for the outcome, those are the ones that count.
    let tables = |t| {
        let mut rules = rules(&product, t);
        rules.contingent.iter_mut().flatten().flatten().for_each(|p| *p *= 0.5);
        rules
    };
    let halved = audit_of(&product, &tables, &QUICK, PaymentTime::OutcomeContingent, &|_| ());
    violated(&halved, EX_POST);
    let fine = audit_of(&product, &tables, &QUICK, BEFORE, &|_| ());
    verdicts(&fine, &[(EX_POST, true, Verdict::Holds), (Property::Accounts, true, Verdict::Violated)]);
}

#[test]
fn a_broken_mechanism_without_end_is_caught() {
    let product = solved(storage(Horizon::Infinite, 0.9, 10.0), Without::Own);
    let tables = |t| {
        let mut rules = rules(&product, t);
        rules.payment.iter_mut().flatten().for_each(|p| *p *= 0.5);
        rules
    };
    let audit = audit_of(&product, &tables, &QUICK, BEFORE, &|_| ());
    verdicts(&audit, &[(EX_POST, true, Verdict::Violated), (Property::Efficiency, true, Verdict::Holds)]);
    assert!(worst(&audit, EX_POST) > 0.1, "{audit:#?}");
}

/// Values far from converged: lies may pay, but no more than the certificate says.
#[test]
fn loose_values_are_worth_what_their_certificate_says() {
    for tolerance in [1.0, 0.1, 1e-3] {
        for (parts, mode) in [
            (licence(), Without::Same),
            (storage(Horizon::Infinite, 0.9, 10.0), Without::Own),
            (storage(Horizon::Infinite, 0.9, 10.0), Without::Tight),
        ] {
            let options = Options { mode, tolerance: Some(tolerance), ..Options::default() };
            let product = solve_product(&model(parts), &options, &|_| ()).expect("solvable");
            let audit = run(&product, PaymentTime::BeforeOutcome);
            assert!(audit.passed(), "{audit:#?}");
            assert!(worst(&audit, EX_POST) <= product.certificate().bound + 1e-9);
        }
    }
}

/// Six players with eight types: more than a quick audit looks at.
#[test]
fn large_instances_are_sampled_and_say_so() {
    let kernel = |k: usize| if k / 8 == k % 8 { 0.65 } else { 0.05 };
    let player = |i: usize| {
        let worth = |k: usize| ((k * 5 + i * 3) % 7) as f64;
        let utility = (0..7).map(|a| (0..8).map(|k| if a == i + 1 { worth(k) } else { 0.0 }).collect());
        pivot_cases::player(utility.collect(), vec![(0..64).map(kernel).collect(); 7], Some(vec![0.0; 8]))
    };
    let parts = Parts {
        horizon: Horizon::Finite(3),
        discount: 1.0,
        decisions: 7,
        outcomes: Outcomes {
            feasible: vec![vec![0], (0..7).collect()],
            probability: Varying::constant(vec![0.3, 0.7]),
        },
        public: Public::nothing(),
        players: (0..6).map(player).collect(),
        labels: Labels::default(),
    };
    let product = solved(parts, Without::Same);
    let audit = run(&product, PaymentTime::BeforeOutcome);
    assert!(audit.passed(), "{audit:#?}");
    verdicts(&audit, &[(EX_POST, true, Verdict::Holds), (ALONE, true, Verdict::NotChecked)]);
    assert!(
        audit.guarantees.iter().all(|row| row.note.contains("states drawn at random (all 2.621e5 states"))
    );
    let found = summary(&product, &QUICK, BEFORE);
    assert!(found.drawn.is_some() && found.opt_out.is_empty() && found.payment.len() == 6);
}

#[test]
fn dependent_types_make_lies_pay() {
    for entry in read(include_str!("data/pivot_dependent.json")) {
        let (game, kernels) = joint(&entry);
        let found = dependence(&JointModel::new(game, kernels).expect("distributions"));
        near_all(&found.gain, &numbers(&entry["answers"]["gain"]), 1e-12);
    }
}

fn joint(entry: &serde_json::Value) -> (Model, Vec<Vec<f64>>) {
    let types: Vec<usize> = list(&entry["types"]).iter().map(count).collect();
    let player = |i: usize| {
        let utility = list(&entry["utility"][i]).iter().map(numbers).collect();
        let kernels = vec![identity(types[i]); count(&entry["decisions"])];
        pivot_cases::player(utility, kernels, Some(numbers(&entry["terminal"][i])))
    };
    let feasible = list(&entry["feasible"]);
    let parts = Parts {
        horizon: Horizon::Finite(count(&entry["horizon"])),
        discount: number(&entry["discount"]),
        decisions: count(&entry["decisions"]),
        outcomes: Outcomes {
            feasible: feasible.iter().map(|set| list(set).iter().map(count).collect()).collect(),
            probability: Varying::constant(numbers(&entry["probability"])),
        },
        public: Public {
            utility: Varying::by_decision(numbers(&entry["public_utility"])),
            ..Public::nothing()
        },
        players: (0..types.len()).map(player).collect(),
        labels: Labels::default(),
    };
    let kernels = list(&entry["kernel"]).iter().map(|rows| list(rows).iter().flat_map(numbers).collect());
    (model(parts), kernels.collect())
}

#[test]
fn independent_types_are_a_special_case_of_joint_ones() {
    let still = |parts: &Parts| vec![identity(4); parts.decisions];
    for horizon in [Horizon::Finite(2), Horizon::Infinite] {
        let mut parts = storage(horizon, 0.9, 10.0);
        parts.players.iter_mut().for_each(|p| p.moves = Moves::constant(Kernel::identity(2)));
        let kernels = still(&parts);
        let found = dependence(&JointModel::new(model(parts), kernels).expect("distributions"));
        assert!(found.gain.iter().all(|gain| gain.abs() < 1e-8), "{found:?}");
    }
    let parts = storage(Horizon::Finite(2), 0.9, 10.0);
    let mut kernels = still(&parts);
    kernels[2][5] = 0.5;
    let error = JointModel::new(model(parts), kernels).expect_err("no distribution");
    assert_eq!(
        error.to_string(),
        "joint kernel, decision 2, row 1: found a sum of 0.5, accepted is probabilities that add up to 1"
    );
}

fn identity(n: usize) -> Vec<f64> {
    (0..n * n).map(|k| if k / n == k % n { 1.0 } else { 0.0 }).collect()
}

#[test]
fn wrong_kernels_make_lies_pay_and_right_ones_do_not() {
    for horizon in [Horizon::Finite(3), Horizon::Infinite] {
        let game = storage(horizon, 0.9, 10.0);
        let product = solved(game.clone(), Without::Same);
        let same = misspecified(&product, &model(game.clone())).expect("the same shape");
        assert!(same.iter().all(|one| one.gain.abs() < 1e-8), "{same:?}");
        let mut truth = game.clone();
        truth.players[1].moves = Moves::constant(Kernel::new(2, vec![0.2, 0.8, 0.7, 0.3]));
        truth.outcomes.probability = Varying::constant(vec![0.1, 0.9]);
        let other = misspecified(&product, &model(truth.clone())).expect("the same shape");
        assert!(other.iter().any(|one| one.gain > 1e-3), "{other:?}");
        truth.horizon = Horizon::Finite(7);
        truth.players.iter_mut().for_each(|p| p.terminal = Some(Varying::constant(vec![0.0; 2])));
        assert!(misspecified(&product, &model(truth)).is_err());
    }
}

#[test]
fn solutions_without_all_periods_are_sampled() {
    for mode in Without::ALL {
        let options = Options { mode, keep: Keep::First, ..Options::default() };
        let product = solve_product(&model(goods(4, 2)), &options, &|_| ()).expect("solvable");
        let audit = run(&product, PaymentTime::BeforeOutcome);
        assert!(audit.passed(), "{audit:#?}");
        verdicts(
            &audit,
            &[(EX_POST, true, Verdict::Holds), (ALONE, mode != Without::Tight, Verdict::NotChecked)],
        );
        assert!(row(&audit, EX_POST).note.contains("drawn at random"), "{audit:#?}");
        assert_eq!(audit, run(&product, PaymentTime::BeforeOutcome));
    }
}

/// A constant in a player's utility moves nothing but what she has, with and without the others.
#[test]
fn large_constants_of_a_player_change_no_verdict() {
    for horizon in [Horizon::Finite(3), Horizon::Infinite] {
        for mode in Without::ALL {
            let plain = storage(horizon, 0.9, 10.0);
            let mut shifted = plain.clone();
            let utility = &mut shifted.players[0].utility;
            *utility = utility.map(|row| row.iter().map(|v| v + 1e9).collect());
            let (plain, shifted) = (solved(plain, mode), solved(shifted, mode));
            let (before, after) = (summary(&plain, &QUICK, BEFORE), summary(&shifted, &QUICK, BEFORE));
            assert!(run(&shifted, PaymentTime::BeforeOutcome).passed());
            assert_eq!((before.truth, after.truth), (Verdict::Holds, Verdict::Holds));
            // Mode tight takes the constant from her: she keeps what is stated for her.
            if mode != Without::Tight {
                assert_eq!(after.against_opt_out, Verdict::Holds);
                near_all(&values(&after.over_opt_out), &values(&before.over_opt_out), 1e-8);
                near_all(&values(&after.payment), &values(&before.payment), 1e-8);
                near_all(&after.leak, &before.leak, 1e-8);
            }
        }
    }
}
