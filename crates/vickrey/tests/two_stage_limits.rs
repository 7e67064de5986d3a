//! Curtailment limits: brackets against enumeration, announced shortages, day-ahead purchases.

use rand::RngExt;
use vickrey::numeric::random::{Purpose, stream};
use vickrey::two_stage::demand::{Accuracy, Condition, Day, DemandError, Draw, Lottery, Plan, Shortage};
use vickrey::two_stage::{Demand, Law, Market, Settled, Supertypes};

/// Ten times as exact as where nothing is asked for.
const FINE: Accuracy = Accuracy { relative: 1e-6, work: 5e11 };

fn law(weights: &[f64]) -> Law {
    let sum: f64 = weights.iter().sum();
    Law::new(weights.iter().map(|w| w / sum).collect()).expect("a law")
}

/// Types, laws and limits of some loads.
fn loads(seed: u64, players: usize, types: usize) -> (Vec<Vec<f64>>, Vec<Law>, Vec<f64>) {
    let rng = &mut stream(seed, Purpose::Instance, 0);
    let mut draw = |low: f64, high: f64| rng.random_range(low..high);
    let of = (0..players).map(|_| (0..types).map(|_| draw(0.5, 8.0)).collect()).collect();
    let laws = (0..players).map(|_| law(&(0..types).map(|_| draw(0.2, 1.0)).collect::<Vec<_>>())).collect();
    let limits = (0..players).map(|_| draw(0.05, 0.6)).collect();
    (of, laws, limits)
}

fn reserve() -> Option<Lottery> {
    Some(Lottery::new(vec![1.0, 4.0], vec![0.5, 0.5]).expect("a lottery"))
}

/// Expected cost, and what it may be off by.
fn cost(plan: &Plan, announced: Option<f64>) -> (f64, f64) {
    let expected = plan.on(announced).expect("it was solved for that");
    (expected.cost(), expected.doubt().map_or(0.0, |doubt| doubt.cost))
}

/// Twenty-six loads of two types each are too many to enumerate. Twenty-three of them cannot be told apart from one load
/// for certain (types of probability 0), and without them the rest is enumerated.
#[test]
fn too_many_profiles_are_bracketed() {
    let (types, laws, limits) = loads(3, 3, 2);
    let condition = Condition { shortage: Shortage::Certain(1.5), reserve: reserve() };
    let certain = (0..23).map(|k| 2.0 + f64::from(k) / 8.0);
    let few = {
        let mut all = types.clone();
        all.extend(certain.clone().map(|delta| vec![delta]));
        let mut of = laws.clone();
        of.extend((0..23).map(|_| Law::uniform(1)));
        let limits = limits.iter().copied().chain((0..23).map(|_| 0.02)).collect();
        let market = Demand::new(all, Some(limits), vec![condition.clone()], None).expect("a market");
        market.plan(&Supertypes::constant(of)).expect("small").remove(0)
    };
    let mut all = types;
    all.extend(certain.map(|delta| vec![delta, 50.0]));
    let mut of = laws;
    of.extend((0..23).map(|_| Law::point(2, 0)));
    let limits = limits.into_iter().chain((0..23).map(|_| 0.02)).collect();
    let market = Demand::new(all, Some(limits), vec![condition], None).expect("a market");
    let reports = Supertypes::constant(of);
    let known = few.on(None).expect("nothing is announced");
    assert!(known.doubt().is_none(), "enumerated");
    let mut last = f64::INFINITY;
    for relative in [1e-3, 1e-4, 1e-5] {
        let accuracy = Accuracy { relative, ..Accuracy::default() };
        let plan = market.plan_to(&reports, accuracy).expect("little work").remove(0);
        let found = plan.on(None).expect("nothing is announced");
        let doubt = found.doubt().expect("bracketed");
        assert!((found.cost() - known.cost()).abs() <= doubt.cost * (1.0 + 1e-9));
        assert!(doubt.cost <= relative * found.cost() && doubt.cost < last);
        last = doubt.cost;
        for i in 0..market.players() {
            let off = (found.marginal(i) - known.marginal(i)).abs();
            assert!(off <= doubt.contribution(i) * (1.0 + 1e-9), "{i}: {off} is not within {doubt:?}");
            let off = (found.own_cost(i) - known.own_cost(i)).abs();
            assert!(off <= doubt.own[i] + 1e-12, "{i}: {off} is not within {doubt:?}");
        }
        let whole = found.reserve_cost() + (0..market.players()).map(|i| found.own_cost(i)).sum::<f64>();
        assert!((whole - found.cost()).abs() < 1e-12);
    }
}

/// What a day costs without a player is found from the others' reports, to the last bit.
#[test]
fn nobody_moves_what_the_day_costs_without_her() {
    let (types, laws, limits) = loads(5, 16, 3);
    let condition = Condition { shortage: Shortage::Certain(1.5), reserve: reserve() };
    let market = Demand::new(types, Some(limits), vec![condition], None).expect("a market");
    let accuracy = Accuracy { relative: 1e-3, ..Accuracy::default() };
    let honest = Supertypes::constant(laws);
    let first = market.plan_to(&honest, accuracy).expect("little work").remove(0);
    for (i, lie) in [(0, Law::point(3, 2)), (7, law(&[1.0, 5.0, 2.0])), (15, Law::point(3, 0))] {
        let second = market.plan_to(&honest.with(i, vec![lie]), accuracy).expect("little work").remove(0);
        let [one, other] = [&first, &second].map(|plan| {
            let expected = plan.on(None).expect("nothing is announced");
            let doubt = expected.doubt().expect("bracketed");
            (expected.cost() + expected.marginal(i), doubt.without[i], expected.cost())
        });
        assert_ne!(one.2, other.2, "the lie matters to the others");
        assert_eq!(one.1.to_bits(), other.1.to_bits(), "player {i}");
        // The cost itself is told by a difference.
        assert!((one.0 - other.0).abs() <= 4.0 * f64::EPSILON * one.0, "player {i}: {one:?} {other:?}");
    }
}

#[test]
fn what_takes_too_long_says_how_far_it_came() {
    let (types, laws, limits) = loads(5, 16, 3);
    let condition = Condition { shortage: Shortage::Certain(1.5), reserve: reserve() };
    let market = Demand::new(types, Some(limits), vec![condition], None).expect("a market");
    let accuracy = Accuracy { relative: 1e-6, work: 1e5 };
    let error = market.plan_to(&Supertypes::constant(laws), accuracy).expect_err("too little work");
    assert!(error.why.reached > 1e-6 && error.why.reached < 1.0, "{error}");
    let text = error.to_string();
    assert!(text.starts_with("signal 0: expected costs with curtailment limits are known to"), "{text}");
}

#[test]
fn announced_shortages_are_solved_one_by_one() {
    let (types, laws, limits) = loads(8, 3, 3);
    let reports = Supertypes::constant(laws);
    let new = |shortage| {
        let condition = Condition { shortage, reserve: reserve() };
        Demand::new(types.clone(), Some(limits.clone()), vec![condition], None)
    };
    assert_eq!(new(Shortage::Announced), Err(DemandError::Unlisted { signal: 0 }));
    let market = new(Shortage::Listed(vec![2.0, 0.5, 2.0, 0.0])).expect("a market");
    let plan = market.plan(&reports).expect("small");
    for d in [0.0, 0.5, 2.0] {
        let certain = new(Shortage::Certain(d)).expect("a market").plan(&reports).expect("small").remove(0);
        assert_eq!(cost(&plan[0], Some(d)), cost(&certain, None));
        let day = Day { signal: 0, shortage: Some(d) };
        let draw = Draw { shortage: None, reserve: Some(4.0) };
        assert_eq!(market.check(&day, Some(&draw)), Ok(()));
        let mut settled = Settled::new(3);
        market.settle(&plan, &day, &draw, &[0, 1, 2], &mut settled);
        let known = certain.on(None).expect("nothing is announced");
        assert_eq!(settled.contribution, (0..3).map(|i| known.marginal(i)).collect::<Vec<_>>());
        let covered =
            settled.decision.dispatch.curtailed.iter().sum::<f64>() + settled.decision.dispatch.reserve;
        assert!((covered - d).abs() < 1e-12);
    }
    assert!(plan[0].on(Some(1.0)).is_none() && plan[0].on(None).is_none());
    let wrong = market.check(&Day { signal: 0, shortage: Some(1.0) }, None).expect_err("not on the list");
    assert_eq!(wrong.to_string(), "announced shortage: found 1, accepted is one of the numbers of its list");
}

/// Where limits never bind, purchases are those of the market without limits.
#[test]
fn purchases_with_loose_limits() {
    let (types, laws, _) = loads(11, 3, 3);
    let reports = Supertypes::constant(laws);
    for (q, d) in [(0.1, 1.5), (0.7, 1.5), (1e3, 1.5), (0.0, 1.5), (0.5, 0.0)] {
        let market = |limits| {
            let condition = Condition { shortage: Shortage::Certain(d), reserve: reserve() };
            Demand::new(types.clone(), limits, vec![condition], Some(q)).expect("a market")
        };
        let [loose, free] = [Some(vec![f64::INFINITY; 3]), None]
            .map(|limits| market(limits).plan_to(&reports, FINE).expect("small").remove(0));
        let [loose, free] = [&loose, &free].map(|plan| plan.on(None).expect("nothing is announced"));
        let doubt = loose.doubt().expect("bracketed");
        assert!((loose.cost() - free.cost()).abs() <= doubt.cost + 1e-13, "{q} {d}: {doubt:?}");
        assert!(doubt.cost <= 1e-4 * free.cost().max(0.1), "{q} {d}: {doubt:?}");
        assert!((loose.bought() - free.bought()).abs() <= 0.01 * d, "{q} {d}");
        for i in 0..3 {
            let off = (loose.marginal(i) - free.marginal(i)).abs();
            assert!(off <= doubt.contribution(i) + 1e-13, "{q} {d}, {i}: {off}, {doubt:?}");
        }
    }
}

/// The purchase against a fine search over enumerated costs, with a shortage that is drawn after the bids.
#[test]
fn purchases_with_limits_are_the_cheapest() {
    for seed in 0..6 {
        let (types, laws, limits) = loads(seed, 2, 3);
        let reports = Supertypes::constant(laws);
        let (high, low, q) = (1.4, 0.3, [0.2, 0.6, 1.0][seed as usize % 3]);
        let shortage = |g: f64| Lottery::new(vec![high - g, low - g], vec![0.6, 0.4]).expect("a lottery");
        let new = |lottery, q| {
            let condition = Condition { shortage: Shortage::AfterBids(lottery), reserve: reserve() };
            Demand::new(types.clone(), Some(limits.clone()), vec![condition], q).expect("a market")
        };
        let plan = new(shortage(0.0), Some(q)).plan_to(&reports, FINE).expect("small").remove(0);
        let (found, doubt) = cost(&plan, None);
        // A surplus is the reserve's: taken out of the lottery and added by hand.
        let spent = |g: f64| {
            let left = shortage(g);
            let surplus = left.mean(|y| if y < 0.0 { y * y } else { 0.0 }) * 2.5 / 2.0;
            let values = left.values().iter().map(|y| y.max(0.0)).collect();
            let lottery = Lottery::new(values, vec![0.6, 0.4]).expect("a lottery");
            q * g + surplus + cost(&new(lottery, None).plan_to(&reports, FINE).expect("small")[0], None).0
        };
        let least = (0..=700).map(|k| spent(f64::from(k) * 2e-3)).fold(f64::INFINITY, f64::min);
        assert!(
            found <= least + doubt && found + doubt >= least - 1e-5,
            "seed {seed}: {found} {doubt}, {least}"
        );
        assert!(doubt <= 1e-4 * found, "seed {seed}: {doubt} of {found}");
        let bought = plan.on(None).expect("nothing is announced").bought();
        assert!((spent(bought) - found).abs() <= 2e-6 * found, "seed {seed}");
    }
}
