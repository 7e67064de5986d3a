//! What paper 002 claims, checked in all states of worked instances, and where its print is wrong.

use vickrey::audit::{AuditOptions, Effort};
use vickrey::mechanism::AgentId;
use vickrey::pivot::audit::{Low, ModeSummary, outlook, summary};
use vickrey::pivot::solve::product::Product;
use vickrey::pivot::{Horizon, Without, mode::PaymentTime};

use super::cases::{at, goods, item, licence, solved, stock, storage, trade};
use super::{claim, misprint, worked, wrong};
use crate::failure::Failure;
use crate::reproduce::Row;

/// Rounding, and what values of games without end are known to.
const NOTHING: f64 = 1e-9;

fn audited(product: &Product) -> ModeSummary {
    summary(product, &AuditOptions { seed: 1, effort: Effort::Normal }, PaymentTime::BeforeOutcome)
}

/// How far the least of some numbers is below 0.
fn below(lows: &[Low]) -> f64 {
    lows.iter().map(|low| low.value).fold(0.0, f64::min)
}

/// Theorems 1 and 2 and Lemma 1 on instances, and the identities behind them.
pub fn rows() -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    let finite = storage(Horizon::Finite(3), 10.0)?;
    let instances = [
        ("E4, two storage providers", finite.clone()),
        ("E4 for ever", storage(Horizon::Infinite, 10.0)?),
        ("E5, goods for two (section VII)", goods(2, 4)?),
        ("E6, a licence for three", licence()?),
        ("E7, a stock, nine types", stock(9)?),
    ];
    let printed_none = "the paper prints no numbers; every state, period and report was looked at";
    for (name, model) in &instances {
        let found = audited(&solved(model, Without::Same)?);
        rows.push(claim(
            &format!("Theorem 1, most that lies gain: {name}"),
            found.gain,
            NOTHING,
            printed_none,
        ));
        let least = below(&found.payment);
        rows.push(claim(
            &format!("Lemma 1, least payment below 0: {name}"),
            least,
            NOTHING,
            "without i: A(z), as in (10)",
        ));
        let over = below(&found.over_opt_out);
        rows.push(claim(
            &format!("Theorem 2, least V - O below 0: {name}"),
            over,
            NOTHING,
            "without i: A(z), as in (10)",
        ));
    }
    for mode in [Without::Own, Without::Tight] {
        let found = audited(&solved(&finite, mode)?);
        let what = format!("Theorem 1, most that lies gain: E4, without i: {}", mode.name());
        rows.push(claim(&what, found.gain, NOTHING, "truth is best whatever \"without i\" means"));
    }
    let own = audited(&solved(&finite, Without::Own)?);
    let without_5 = "without i: decisions that do not use hers. Assumption 5 fails here and is not needed";
    rows.push(claim(
        "Theorem 2, least V - O below 0: E4, without i: own",
        below(&own.over_opt_out),
        NOTHING,
        without_5,
    ));
    let e5 = solved(&instances[2].1, Without::Same)?;
    rows.push(claim(
        "(18) against (21), largest difference: E5",
        forms(&e5),
        NOTHING,
        "v - m and the pivot form are the same payment",
    ));
    for (name, product) in [("E4", solved(&finite, Without::Same)?), ("E5", e5)] {
        let what = format!("expected payments less sum W_-i - (N-1) W - E w: {name}");
        rows.push(claim(
            &what,
            budget_identity(&product),
            NOTHING,
            "follows from (18), at all states of t = 0",
        ));
    }
    Ok(rows)
}

/// Where the print is wrong, or says two things at once.
pub fn misprints() -> Result<Vec<Row>, Failure> {
    let mut rows = vec![
        misprint("(3), (11): sums over s", "they lack the factor delta^(s-t), which (5) has"),
        misprint(
            "section VI.A: (2), (10) for 0 <= t < T - 1; Definition 2 from t = 1",
            "decisions are taken for 0 <= t <= T - 1",
        ),
        misprint(
            "proof of Theorem 2: sums from s = t + 1",
            "from s = t: the player leaves before the decision of period t",
        ),
        misprint(
            "proof of Theorem 1, before (23)",
            "the subtracted J_-i is evaluated at alpha_-i(Z, theta_-i), not at the lie; in (23) the policy's argument is \
             (r_i, theta_-i)",
        ),
    ];
    let e5 = solved(&goods(2, 4)?, Without::Same)?;
    rows.push(claim(
        "section VII, payment without its inner sum against (21): E5",
        section_vii(&e5),
        NOTHING,
        "v does not depend on the decision there, so the inner sum (printed with v_i, meant is v_j) vanishes; alpha_i,t \
         means alpha_t, and W_infinity means W_t",
    ));
    let e4 = solved(&storage(Horizon::Finite(3), 10.0)?, Without::Own)?;
    let (printed, right) = printed_inner_sum(&e4, 0);
    rows.push(wrong(
        "section VII's payment with v_i in the inner sum, where v depends on the decision: E4, player 1 at 00",
        printed,
        right,
        "the printed formula on our instance: its inner sum is to be over the others' utilities v_j, and w, as in (21). In \
         section VII itself nothing depends on it",
    ));
    rows.extend(conflict()?);
    rows.extend(leak()?);
    Ok(rows)
}

/// Lemma 1 and Theorem 2 need different readings of "without i".
fn conflict() -> Result<Vec<Row>, Failure> {
    let model = trade()?;
    let state = at(0, &[0, 0]);
    let (same, own) = (solved(&model, Without::Same)?, solved(&model, Without::Own)?);
    let coerced = audited(&same);
    let budget: f64 = own.ruling(0, &state).payment.iter().sum();
    let seller = same.ruling(0, &state).truthful(0).unwrap_or(f64::NAN);
    let opt_out = coerced.opt_out.first().map_or(f64::NAN, |low| low.value);
    let one = "without i: A(z). The trade counts as possible without the seller: leaving does not help her, so V >= O is true \
               and nobody would join";
    let other = "without i: what is possible without her (Assumption 4). Then O = 0 is what she has when left alone, and \
                 the coordinator pays: Lemma 1 fails. No single reading gives both (E3, a trade that costs 1 and is worth 3)";
    Ok(vec![
        worked("E3, what the seller has if all are truthful, without i: A(z)", -1.0, seller, NOTHING),
        Row {
            note: one.into(),
            ..worked("E3, what she has if she leaves (O), without i: A(z)", -1.0, opt_out, NOTHING)
        },
        wrong("Lemma 1, sum of payments below 0: E3, without i: {no}", 0.0, budget.min(0.0), other),
        wrong(
            "Lemma 1, least payment below 0: E4, without i: own",
            0.0,
            below(&audited(&solved(&storage(Horizon::Finite(3), 10.0)?, Without::Own)?).payment),
            "the same with storage: who serves is paid",
        ),
    ])
}

/// Payments fixed before the outcome need players who do not know it.
fn leak() -> Result<Vec<Row>, Failure> {
    let found = audited(&solved(&item()?, Without::Same)?);
    let before = worked("E1, most that a lie gains if the outcome leaks", 1.2, found.leak[0], NOTHING);
    let waiting = worked("E1, the same with payments that wait for the outcome", 0.0, found.leak[1], NOTHING);
    let note =
        "section IV has payments after Z_t, reports before: the order of reports and outcome is what counts";
    Ok(vec![Row { note: format!("{}; {note}", before.note), ..before }, waiting])
}

/// Sum over joint next states of their probability and `value`, from a state of two players after a decision.
fn after(
    product: &Product,
    period: usize,
    index: usize,
    decision: usize,
    value: &dyn Fn(usize) -> f64,
) -> f64 {
    let (model, space) = (product.model(), product.space());
    let state = space.state(index, model.players());
    let row = |i: AgentId| model.player(i).moves.at(period, decision, state.public).row(state.types[i]);
    let mut sum = 0.0;
    for &(public, p) in model.public().moves.at(period, decision, state.public) {
        for (first, q) in row(0).iter().enumerate() {
            for (second, r) in row(1).iter().enumerate() {
                sum += p * q * r * value(space.index(&at(public, &[first, second])));
            }
        }
    }
    sum
}

fn states(product: &Product) -> impl Iterator<Item = (usize, usize)> {
    let (periods, size) = (product.periods(), product.space().size());
    (0..periods).flat_map(move |t| (0..size).map(move |s| (t, s)))
}

/// W and W_-i at a joint state.
fn values(product: &Product, period: usize, index: usize) -> (f64, Vec<f64>) {
    let state = product.space().state(index, product.model().players());
    (product.value(period, &state), product.reference(period, &state))
}

/// Largest difference between v - m, (18), and (21).
fn forms(product: &Product) -> f64 {
    let model = product.model();
    let mut worst = 0.0_f64;
    for (t, index) in states(product) {
        let state = product.space().state(index, 2);
        let ruling = product.ruling(t, &state);
        for i in 0..2 {
            let marginal = |t: usize, s: usize| {
                let (whole, rest) = values(product, t, s);
                whole - rest[i]
            };
            let mut payment = -marginal(t, index);
            for (mu, &a) in model.probabilities(t, state.public).iter().zip(&ruling.decision) {
                let own = model.player(i).utility.at(t, a, state.public)[state.types[i]];
                payment +=
                    mu * (own + model.discount() * after(product, t, index, a, &|s| marginal(t + 1, s)));
            }
            worst = worst.max((payment - ruling.payment[i]).abs());
        }
    }
    worst
}

/// Largest difference of the two sides of the budget identity over the states of t = 0.
fn budget_identity(product: &Product) -> f64 {
    let found = outlook(product, PaymentTime::BeforeOutcome);
    let Some(first) = found.first() else { return f64::NAN };
    let off = |s: usize| {
        let (whole, rest) = values(product, 0, s);
        let expected = rest.iter().sum::<f64>() - (rest.len() - 1) as f64 * whole - first.public[s];
        (first.payments[s] - expected).abs()
    };
    (0..product.space().size()).map(off).fold(0.0, f64::max)
}

/// E[W_-i at t + 1] after a decision.
fn future(product: &Product, i: AgentId, t: usize, index: usize, decision: usize) -> f64 {
    after(product, t, index, decision, &|s| values(product, t + 1, s).1[i])
}

/// Largest difference between (21) and what is left of section VII's payment without its inner sum.
fn section_vii(product: &Product) -> f64 {
    let model = product.model();
    let mut worst = 0.0_f64;
    for t in 0..product.periods() {
        let tables = product.tables(t);
        for i in 0..2 {
            let without = product.decisions_without(i, t);
            for index in 0..product.space().size() {
                let state = product.space().state(index, 2);
                let others = product.rest(i).space().index(&state);
                let mut payment = 0.0;
                for (z, mu) in model.probabilities(t, state.public).iter().enumerate() {
                    let [alone, taken] = [without[z][others], tables.decision[z][index]].map(usize::from);
                    payment +=
                        mu * (future(product, i, t, index, alone) - future(product, i, t, index, taken));
                }
                worst = worst.max((payment - tables.payment[i][index]).abs());
            }
        }
    }
    worst
}

/// The payment of a player at t = 0 and the first types, with her own utility in the inner sum and without w, as section
/// VII prints it, and by (21).
fn printed_inner_sum(product: &Product, i: AgentId) -> (f64, f64) {
    let (model, tables, without) = (product.model(), product.tables(0), product.decisions_without(i, 0));
    let mut printed = 0.0;
    for (z, mu) in model.probabilities(0, 0).iter().enumerate() {
        let [alone, taken] = [without[z][0], tables.decision[z][0]].map(usize::from);
        let own = |a: usize| model.player(i).utility.at(0, a, 0)[0];
        let others = (model.players() - 1) as f64;
        printed += mu * (others * (own(alone) - own(taken)));
        printed += mu * (future(product, i, 0, 0, alone) - future(product, i, 0, 0, taken));
    }
    (printed, tables.payment[i][0])
}
