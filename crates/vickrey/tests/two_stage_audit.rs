//! Audits of the two-stage mechanism: best undetected lies, bounds for seasons that end and groups against an independent
//! program, worked numbers, and one sabotage for every promise.

use std::sync::atomic::{AtomicUsize, Ordering};

use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use vickrey::audit::{AuditOptions, Effort};
use vickrey::guarantee::{Audit, Baseline, Guarantee, Property, SolutionConcept, Verdict};
use vickrey::mechanism::AgentId;
use vickrey::two_stage::audit::{Audited, Stake, Subject, Worth, audit, deviation, group, horizon};
use vickrey::two_stage::demand::{Condition, Day, Draw, Lottery, Shortage};
use vickrey::two_stage::finite::Timing;
use vickrey::two_stage::market::Unusable;
use vickrey::two_stage::simulate::Calendar;
use vickrey::two_stage::{Demand, Finite, Game, Law, Market, Penalty, Settled, Supertypes, Terms, Window};

fn read(name: &str) -> Value {
    let path = format!("{}/tests/data/two_stage/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).expect("the file is there");
    serde_json::from_str(&text).expect("it is JSON")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

fn count(value: &Value) -> usize {
    value.as_u64().expect("a count") as usize
}

fn flat(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(items) => items.iter().flat_map(flat).collect(),
        other => vec![number(other)],
    }
}

fn law(value: &Value) -> Law {
    Law::new(flat(value)).expect("a law")
}

fn near(found: f64, answer: f64, tolerance: f64, what: &str) {
    assert!((found - answer).abs() <= tolerance, "{what}: found {found}, the answer is {answer}");
}

fn finite(spec: &Value) -> Finite {
    let v = list(&spec["v"]);
    let types = v.iter().map(|own| list(own).len()).collect();
    let outcomes = [list(&spec["c"]).len(), list(&spec["c"][0]).len()];
    Finite::new(
        Game::new(types, outcomes, v.iter().map(flat).collect(), flat(&spec["c"]), None).expect("a game"),
    )
}

fn demand(spec: &Value) -> Demand {
    let reserve = match &spec["reserve"] {
        Value::Null => None,
        reserve => Some(Lottery::new(flat(&reserve["types"]), flat(&reserve["law"])).expect("a lottery")),
    };
    let condition = Condition { shortage: Shortage::Certain(number(&spec["d"])), reserve };
    let types = list(&spec["types"]).iter().map(flat).collect();
    Demand::new(types, None, vec![condition], None).expect("a market")
}

const DAY: Day = Day { signal: 0, shortage: None };

/// What the tests of this file audit with: the printed window.
fn subject<'a, M: Market>(
    market: &'a M,
    laws: &'a Supertypes,
    calendar: &'a Calendar<M::Day>,
    days: u64,
) -> Subject<'a, M> {
    let terms = Terms { penalty: Penalty { scale: 100.0, power: 1.5 }, ..Terms::printed(0.5, 0) };
    Subject { market, reports: laws, truth: laws, terms, calendar, days, groups: &[], names: &[] }
}

/// Against the reference: differences of sums of some hundred terms.
const NEAR: f64 = 1e-11;

fn compare_deviation<M: Audited>(case: &Value, market: &M, day: M::Day) {
    let name = case["name"].as_str().expect("a name");
    let player = count(&case["player"]);
    let truth = law(&case["true_law"]);
    let laws = list(&case["rivals"])
        .iter()
        .map(|rival| if rival.is_null() { truth.clone() } else { law(rival) })
        .collect();
    let (laws, calendar) = (Supertypes::constant(laws), Calendar::Listed(vec![day]));
    for report in list(&case["reports"]) {
        let lie = vec![law(&report["reported"])];
        let plain = subject(market, &laws, &calendar, 1);
        let [worth, honest] = deviation(&plain, player, lie.clone()).expect("fits").expect("small");
        near(honest.candid, number(&case["honest_utility"]), NEAR, name);
        near(worth.unseen, number(&report["U"]), NEAR, name);
        near(worth.informed.expect("small"), number(&report["U_informed"]), NEAR, name);
        near(worth.mimic, number(&report["mimic"]), NEAR, name);
        near(worth.candid, number(&report["no_tests"]), NEAR, name);
        assert!(worth.gap.abs() < NEAR, "{name}: gap {}", worth.gap);
        for answer in list(&report["horizon"]) {
            let long = subject(market, &laws, &calendar, count(&answer["L"]) as u64);
            let bound = horizon(&long, player, lie.clone()).expect("fits").expect("small");
            near(bound.bound, number(&answer["bound"]), NEAR, name);
            near(bound.value, bound.bound, NEAR, name);
        }
    }
}

#[test]
fn deviations_against_the_reference() {
    for case in list(&read("deviations")["instances"]) {
        match case["spec"]["kind"].as_str() {
            Some("game") => compare_deviation(case, &finite(&case["spec"]), 0),
            _ => compare_deviation(case, &demand(&case["spec"]), DAY),
        }
    }
}

fn compare_group<M: Audited>(case: &Value, market: &M, day: M::Day) {
    let name = case["name"].as_str().expect("a name");
    let laws = Supertypes::constant(list(&case["true_laws"]).iter().map(law).collect());
    let calendar = Calendar::Listed(vec![day]);
    let subject = subject(market, &laws, &calendar, 1);
    for report in list(&case["reports"]) {
        let both = list(&report["reported"]);
        let reports = laws.with(0, vec![law(&both[0])]).with(1, vec![law(&both[1])]);
        let [lie, honest] = group(&subject, &[0, 1], &reports).expect("fits").expect("small");
        near(honest.candid, number(&case["honest_sum"]), NEAR, name);
        near(lie.unseen, number(&report["sum"]), NEAR, name);
    }
}

#[test]
fn groups_against_the_reference() {
    for case in list(&read("deviations")["coalition"]) {
        match case["spec"]["kind"].as_str() {
            Some("game") => compare_group(case, &finite(&case["spec"]), 0),
            _ => compare_group(case, &demand(&case["spec"]), DAY),
        }
    }
}

fn uniform(players: usize, types: usize) -> Supertypes {
    Supertypes::constant(vec![Law::uniform(types); players])
}

fn one_reserve(types: Vec<Vec<f64>>, shortage: f64) -> Demand {
    let condition = Condition { shortage: Shortage::Certain(shortage), reserve: Some(Lottery::certain(1.0)) };
    Demand::new(types, None, vec![condition], None).expect("a market")
}

fn tilted(law: &Law, types: &[f64], power: f64) -> Law {
    let raw: Vec<f64> = law.probabilities().iter().zip(types).map(|(p, x)| p * x.powf(power)).collect();
    let sum: f64 = raw.iter().sum();
    Law::new(raw.iter().map(|x| x / sum).collect()).expect("a law")
}

/// Reports proportional to law * type^a: best unseen, mimic, honest bids without tests.
#[test]
fn tilts_have_the_known_worth() {
    let types = vec![0.5, 1.0, 2.0, 4.0];
    let own = Law::new(vec![0.4, 0.3, 0.2, 0.1]).expect("a law");
    let market = one_reserve(vec![types.clone(); 2], 1.0);
    let laws = Supertypes::constant(vec![own.clone(), Law::uniform(4)]);
    let calendar = Calendar::Listed(vec![DAY]);
    let subject = subject(&market, &laws, &calendar, 1);
    for (power, known) in [
        (-1.0, [0.100_757_494_7, 0.059_818_900_3, 0.135_609_317_0]),
        (-0.5, [0.105_896_545_0, 0.064_029_079_4, 0.125_905_354_9]),
        (0.0, [0.112_981_532_4, 0.068_219_142_3, 0.112_981_532_4]),
        (0.5, [0.107_496_307_1, 0.071_410_712_3, 0.097_658_010_0]),
        (1.0, [0.101_357_237_4, 0.072_772_320_0, 0.082_118_789_3]),
    ] {
        let lie = vec![tilted(&own, &types, power)];
        let [worth, _] = deviation(&subject, 0, lie).expect("fits").expect("small");
        let found = [worth.unseen, worth.mimic, worth.candid];
        found.iter().zip(known).for_each(|(found, known)| near(*found, known, 6e-11, "tilt"));
    }
}

type Settle<M> = dyn Fn(&mut Settled<<M as Market>::Decision>) + Send + Sync;
type Planned<M> = dyn Fn(<M as Market>::Plan) -> <M as Market>::Plan + Send + Sync;
type Drawn<M> = dyn Fn(<M as Market>::Draw) -> <M as Market>::Draw + Send + Sync;

/// A market with something changed; expectations are always enumerated, and transports are programs.
struct Changed<M: Market> {
    market: M,
    settle: Option<Box<Settle<M>>>,
    plan: Option<Box<Planned<M>>>,
    draw: Option<Box<Drawn<M>>>,
    /// Nature and the tests are told different signals: a count of who asked.
    scrambled: Option<AtomicUsize>,
}

impl<M: Market> Changed<M> {
    fn nothing(market: M) -> Self {
        Self { market, settle: None, plan: None, draw: None, scrambled: None }
    }

    fn settle(market: M, settle: impl Fn(&mut Settled<M::Decision>) + Send + Sync + 'static) -> Self {
        Self { settle: Some(Box::new(settle)), ..Self::nothing(market) }
    }

    fn plan(market: M, plan: impl Fn(M::Plan) -> M::Plan + Send + Sync + 'static) -> Self {
        Self { plan: Some(Box::new(plan)), ..Self::nothing(market) }
    }
}

impl<M: Market> Market for Changed<M> {
    type Day = M::Day;
    type Draw = M::Draw;
    type Decision = M::Decision;
    type Plan = M::Plan;
    type Error = M::Error;

    fn types(&self) -> &[usize] {
        self.market.types()
    }

    fn signals(&self) -> usize {
        self.market.signals()
    }

    fn plan(&self, reports: &Supertypes) -> Result<M::Plan, M::Error> {
        let plan = self.market.plan(reports)?;
        Ok(match &self.plan {
            Some(change) => change(plan),
            None => plan,
        })
    }

    fn signal(&self, day: &M::Day) -> usize {
        match &self.scrambled {
            Some(asked) => asked.fetch_add(1, Ordering::Relaxed) % self.signals(),
            None => self.market.signal(day),
        }
    }

    fn check(&self, day: &M::Day, draw: Option<&M::Draw>) -> Result<(), Unusable> {
        self.market.check(day, draw)
    }

    fn draw(&self, day: &M::Day, rng: &mut ChaCha8Rng) -> M::Draw {
        let draw = self.market.draw(day, rng);
        match &self.draw {
            Some(change) => change(draw),
            None => draw,
        }
    }

    fn settle(
        &self,
        plan: &M::Plan,
        day: &M::Day,
        draw: &M::Draw,
        bids: &[usize],
        settled: &mut Settled<M::Decision>,
    ) {
        self.market.settle(plan, day, draw, bids, settled);
        if let Some(change) = &self.settle {
            change(settled);
        }
    }

    fn value(&self, day: &M::Day, player: AgentId, own: usize, decision: &M::Decision) -> f64 {
        self.market.value(day, player, own, decision)
    }

    fn score(&self, player: AgentId, own: usize) -> f64 {
        self.market.score(player, own)
    }

    fn spread(&self) -> Option<f64> {
        self.market.spread()
    }

    fn default_type(&self, player: AgentId) -> usize {
        self.market.default_type(player)
    }
}

impl<M: Audited> Audited for Changed<M> {
    type Closed = std::convert::Infallible;

    fn draws(&self, day: &M::Day) -> Vec<(f64, M::Draw)> {
        self.market.draws(day)
    }

    fn alike(&self, one: AgentId, other: AgentId) -> bool {
        self.market.alike(one, other)
    }

    fn stake(&self, closed: &Self::Closed, _: &M::Plan, _: &M::Day, _: AgentId) -> Stake {
        match *closed {}
    }

    fn regret(&self, day: &M::Day, draw: &M::Draw, bids: &[usize], decision: &M::Decision) -> f64 {
        self.market.regret(day, draw, bids, decision)
    }

    fn optimum(
        &self,
        reports: &Supertypes,
        days: &[(f64, M::Day)],
        absent: Option<AgentId>,
        most: f64,
    ) -> Option<f64> {
        self.market.optimum(reports, days, absent, most)
    }

    fn shelters(&self, player: AgentId) -> bool {
        self.market.shelters(player)
    }

    fn outlay(&self, plan: &M::Plan, days: &[(f64, M::Day)]) -> Option<(f64, f64)> {
        self.market.outlay(plan, days)
    }
}

/// Sorting types and bids is the best transport, and integrals are the enumerated sums; with limits, purchases and a
/// shortage that is drawn after the bids too.
#[test]
fn shortcuts_agree_with_programs() {
    let lottery = |values: &[f64]| Lottery::new(values.to_vec(), vec![0.25, 0.75]).expect("a lottery");
    let types = vec![vec![3.0, 0.5, 1.0], vec![2.0, 1.0, 5.0], vec![1.5, 0.2, 0.7]];
    let after = Condition {
        shortage: Shortage::AfterBids(lottery(&[1.0, 3.0])),
        reserve: Some(lottery(&[1.0, 4.0])),
    };
    let laws = Supertypes::constant(vec![
        Law::new(vec![0.5, 0.3, 0.2]).expect("a law"),
        Law::new(vec![0.1, 0.3, 0.6]).expect("a law"),
        Law::uniform(3),
    ]);
    let calendar = Calendar::Listed(vec![DAY]);
    for (limits, purchase) in [(None, None), (None, Some(0.2)), (Some(vec![0.3, 0.2, 5.0]), None)] {
        let market = Demand::new(types.clone(), limits, vec![after.clone()], purchase).expect("a market");
        let plain = Changed::nothing(market.clone());
        for lie in [[0.2, 0.3, 0.5], [0.6, 0.0, 0.4], [0.0, 1.0, 0.0]] {
            let lie = Law::new(lie.to_vec()).expect("a law");
            for i in 0..3 {
                let ours = deviation(&subject(&market, &laws, &calendar, 1), i, vec![lie.clone()]);
                let [ours, honest] = ours.expect("fits").expect("small");
                let programs = deviation(&subject(&plain, &laws, &calendar, 1), i, vec![lie.clone()]);
                let [programs, same] = programs.expect("fits").expect("small");
                near(ours.unseen, programs.unseen, NEAR, "transport");
                near(ours.mimic, programs.mimic, NEAR, "means");
                near(ours.candid, programs.candid, NEAR, "honest bids");
                near(honest.candid, same.candid, NEAR, "honest");
                assert!(
                    ours.unseen <= honest.candid + NEAR
                        && ours.informed.expect("small") <= honest.candid + NEAR
                );
            }
        }
    }
}

/// A hundred providers who all differ: integrals are all there is.
#[test]
fn many_providers_have_closed_forms() {
    let types = (0..100).map(|k| vec![0.5 + 0.01 * f64::from(k), 1.7, 3.0]).collect();
    let market = one_reserve(types, 1.0);
    let laws = uniform(100, 3);
    let calendar = Calendar::Listed(vec![DAY]);
    let lie = vec![Law::new(vec![0.5, 0.3, 0.2]).expect("a law")];
    let [worth, honest] =
        deviation(&subject(&market, &laws, &calendar, 1), 3, lie).expect("fits").expect("closed form");
    assert!(worth.informed.is_none(), "nothing is enumerated");
    assert!(worth.unseen < honest.candid && worth.unseen > worth.mimic);
    let found = run(&union(&market, &laws, &calendar, 60));
    assert!(found.passed(), "{found:#?}");
    assert_eq!(row(&found, HONESTY).verdict, Verdict::Holds);
    assert!(row(&found, HORIZON).note.contains("too many profiles"), "{:#?}", row(&found, HORIZON));
}

fn table(rows: &[&[f64]]) -> Vec<f64> {
    rows.concat()
}

/// The game in which a player who tells a rival her type gains, although both laws are true.
fn told() -> Finite {
    let values = vec![table(&[&[5.0, -1.0], &[-3.0, 2.0]]), table(&[&[6.0, -2.0], &[-4.0, 8.0]])];
    Finite::new(Game::new(vec![2, 2], [1, 2], values, vec![4.0, 3.0], None).expect("a game"))
}

fn options(seed: u64) -> AuditOptions {
    AuditOptions { seed, effort: Effort::Quick }
}

fn finding<'a>(audit: &'a Audit, title: &str) -> &'a vickrey::guarantee::Finding {
    audit.findings.iter().find(|f| f.title.contains(title)).expect("the finding is there")
}

fn row(audit: &Audit, property: Property) -> &Guarantee {
    audit.find(property).expect("the row is there")
}

const HONESTY: Property = Property::IncentiveCompatibility(SolutionConcept::DominantStrategy);
const HORIZON: Property = Property::IncentiveCompatibility(SolutionConcept::Approximate);
const PARTICIPATION: Property = Property::IndividualRationality(Baseline::Zero);

fn run<M: Audited>(subject: &Subject<'_, M>) -> Audit {
    audit(subject, &options(1), &|_| ()).expect("fits")
}

#[test]
fn a_told_type_is_worth_what_is_known() {
    let (market, laws, calendar) = (told(), uniform(2, 2), Calendar::Listed(vec![0]));
    let audit = run(&subject(&market, &laws, &calendar, 400));
    assert!(audit.passed(), "{audit:#?}");
    let gain = finding(&audit, "tells a rival her type");
    assert!(gain.evidence.worst >= 2.75 - 1e-12, "{gain:?}");
    assert_eq!(row(&audit, HONESTY).verdict, Verdict::Holds);
}

fn honest<M: Audited>(subject: &Subject<'_, M>, player: AgentId) -> Worth {
    let laws = vec![subject.truth.law(player, 0).clone()];
    deviation(subject, player, laws).expect("fits").expect("small")[1].clone()
}

fn game_a() -> Finite {
    let one = [0.0, 4.0, 1.0, -0.5, 3.5, 0.5, 0.0, 1.0, 3.0, -0.5, 0.5, 2.5, 0.0, -1.0, 6.0, -0.5, -1.5, 5.5];
    let two = [0.0, 2.0, 2.0, 0.3, 1.0, 2.6, 0.0, 5.0, 0.0, 0.3, 4.0, 0.6, 0.0, -2.0, 3.0, 0.3, -3.0, 3.6];
    let cost = vec![0.0, 2.0, 3.0, 0.2, 1.0, 3.5];
    Finite::new(Game::new(vec![3, 3], [2, 3], vec![one.to_vec(), two.to_vec()], cost, None).expect("a game"))
}

fn laws_a() -> Supertypes {
    Supertypes::constant(vec![
        Law::new(vec![0.5, 0.3, 0.2]).expect("a law"),
        Law::new(vec![0.3, 0.4, 0.3]).expect("a law"),
    ])
}

#[test]
fn game_a_has_the_known_numbers() {
    let (market, laws, calendar) = (game_a(), laws_a(), Calendar::Listed(vec![0]));
    let subject = subject(&market, &laws, &calendar, 6000);
    let lie = vec![Law::new(vec![0.2, 0.3, 0.5]).expect("a law")];
    let [worth, honest_one] = deviation(&subject, 0, lie).expect("fits").expect("small");
    for (found, known) in [
        (honest_one.candid, 2.72),
        (honest_one.mimic, 1.675),
        (worth.candid, 2.78),
        (worth.mimic, 0.97),
        (worth.unseen, 1.88),
        (honest(&subject, 1).candid, 2.38),
    ] {
        near(found, known, 1e-12, "game A");
    }
    // The way of bidding behind the best transport has the reported law.
    let rows = &worth.coupling()[0];
    let bid = |b: usize| -> f64 {
        let law = laws.law(0, 0).probabilities();
        rows.iter().zip(law).map(|(row, p)| p * row.probabilities()[b]).sum()
    };
    [0.2, 0.3, 0.5].iter().enumerate().for_each(|(b, p)| near(bid(b), *p, 1e-14, "coupling"));
    let found = run(&subject);
    assert!(found.passed(), "{found:#?}");
    near(finding(&found, "surplus").evidence.worst, 1.12, 1e-12, "surplus");
    assert_eq!(row(&found, Property::HonestPass).verdict, Verdict::ConditionNotMet, "printed window");
    assert_eq!(row(&found, Property::Detection).verdict, Verdict::Holds);
}

/// With a reserve of 1 and types 1 and 3: honest reports are bounded by .04 r(L) above honesty.
#[test]
fn a_season_that_ends_has_the_known_bound() {
    let (market, laws) = (one_reserve(vec![vec![1.0, 3.0]; 2], 1.0), uniform(2, 2));
    let calendar = Calendar::Listed(vec![DAY]);
    for (days, known) in [(365, 0.004_573_42), (3650, 0.001_687_79), (36_500, 0.000_600_47)] {
        let subject = subject(&market, &laws, &calendar, days);
        let utility = honest(&subject, 0).candid;
        near(utility, 0.088_690_5, 5e-8, "honest");
        let bound = horizon(&subject, 0, vec![Law::uniform(2)]).expect("fits").expect("small");
        near(bound.bound - utility, known, 6e-9, "bound");
        let window = Window::Printed { gamma: 0.5 }.threshold(0.0).window(days);
        near(bound.bound - utility, 0.04 * window, 1e-12, "0.04 r(L)");
    }
}

/// Three providers: one who always claims and bids the dearer type makes two of them gain together.
#[test]
fn groups_gain_by_lying_about_laws() {
    let (market, laws) = (one_reserve(vec![vec![1.0, 3.0]; 3], 1.0), uniform(3, 2));
    let calendar = Calendar::Listed(vec![DAY]);
    let subject = Subject { days: 300, ..subject(&market, &laws, &calendar, 300) };
    let [lie, both] =
        group(&subject, &[0, 1], &laws.with(1, vec![Law::point(2, 1)])).expect("fits").expect("small");
    near(both.candid, 0.100_744, 5e-7, "honest");
    near(lie.unseen, 0.102_081, 5e-7, "lying");
    let found = run(&subject);
    assert!(found.passed(), "{found:#?}");
    assert_eq!(row(&found, Property::TruthfulGroups).verdict, Verdict::Holds);
    assert!(finding(&found, "groups that lie").evidence.worst >= 0.001_336);
}

/// Shortage 0 or 2, announced: as one class of days it leaves a gain that is known, as two signals it leaves none.
#[test]
fn announced_numbers_need_signals() {
    let reserve = || Some(Lottery::certain(1.0));
    let types = vec![vec![1.0, 3.0]; 2];
    let announced = Condition { shortage: Shortage::Announced, reserve: reserve() };
    let coarse = Demand::new(types.clone(), None, vec![announced.clone()], None).expect("a market");
    let laws = uniform(2, 2);
    let day = |signal, d| Day { signal, shortage: Some(d) };
    let calendar = Calendar::Drawn { days: vec![day(0, 0.0), day(0, 2.0)], law: Law::uniform(2) };
    let whole = subject(&coarse, &laws, &calendar, 200);
    let worth = honest(&whole, 0);
    near(worth.candid, 0.177_380_95, 5e-9, "honest");
    near(worth.within.expect("two kinds"), 0.207_585_03, 5e-9, "answering");
    let found = run(&whole);
    assert!(found.passed(), "{found:#?}");
    assert!(finding(&found, "announced number").evidence.worst >= 0.030_204);
    let fine = Demand::new(types, None, vec![announced.clone(), announced], None).expect("a market");
    let calendar = Calendar::Drawn { days: vec![day(0, 0.0), day(1, 2.0)], law: Law::uniform(2) };
    let found = run(&subject(&fine, &laws, &calendar, 200));
    assert!(found.passed() && found.findings.iter().all(|f| !f.title.contains("announced")), "{found:#?}");
    assert_eq!(row(&found, HONESTY).verdict, Verdict::Holds);
}

/// Reserve cost .5 or 4, published before the bids and told apart by the tests: nothing is left of the known gain.
#[test]
fn a_reserve_known_before_the_bids_is_a_signal() {
    let known =
        |delta| Condition { shortage: Shortage::Certain(1.0), reserve: Some(Lottery::certain(delta)) };
    let market =
        Demand::new(vec![vec![1.0, 3.0]; 2], None, vec![known(0.5), known(4.0)], None).expect("a market");
    let (laws, day) = (uniform(2, 2), |signal| Day { signal, shortage: None });
    let calendar = Calendar::Listed(vec![day(0), day(1)]);
    let subject = subject(&market, &laws, &calendar, 200);
    near(honest(&subject, 0).candid, 0.158_054_35, 5e-9, "honest");
    let found = run(&subject);
    assert!(found.passed(), "{found:#?}");
    assert_eq!(row(&found, HONESTY).verdict, Verdict::Holds);
}

fn small_market() -> (Demand, Supertypes, Calendar<Day>) {
    let market = one_reserve(vec![vec![0.5, 1.0, 2.0], vec![1.0, 3.0]], 1.0);
    let laws = Supertypes::constant(vec![Law::new(vec![0.5, 0.3, 0.2]).expect("a law"), Law::uniform(2)]);
    (market, laws, Calendar::Listed(vec![DAY]))
}

/// A quiet window, for sabotages.
fn union<'a, M: Market>(
    market: &'a M,
    laws: &'a Supertypes,
    calendar: &'a Calendar<M::Day>,
    days: u64,
) -> Subject<'a, M> {
    let penalty = Penalty { scale: 10.0, power: 1.5 };
    let terms = Terms { penalty, ..Terms::default() };
    Subject { terms, ..subject(market, laws, calendar, days) }
}

#[test]
fn an_honest_market_passes_everything() {
    let (market, laws, calendar) = small_market();
    let found = run(&union(&market, &laws, &calendar, 5000));
    for guarantee in &found.guarantees {
        assert_eq!(guarantee.verdict, Verdict::Holds, "{guarantee:#?}");
        assert!(guarantee.promised && guarantee.evidence.is_some(), "{guarantee:#?}");
    }
}

#[test]
fn payments_without_contributions_are_found() {
    let (market, laws, calendar) = small_market();
    let robbed = Changed::settle(market, |settled| settled.contribution.fill(0.0));
    let found = run(&union(&robbed, &laws, &calendar, 200));
    assert_eq!(row(&found, Property::Accounts).verdict, Verdict::Violated, "{found:#?}");
}

/// Three times what a player adds: it pays to look better than one is.
#[test]
fn payments_that_reward_lies_are_found() {
    let (market, laws, calendar) = small_market();
    let generous = Changed::settle(market, |settled| settled.contribution.iter_mut().for_each(|x| *x *= 3.0));
    let found = run(&union(&generous, &laws, &calendar, 200));
    let honesty = row(&found, HONESTY);
    assert_eq!(honesty.verdict, Verdict::Violated, "{honesty:#?}");
    assert!(honesty.note.contains("gains"), "{}", honesty.note);
}

#[test]
fn rules_that_do_not_maximise_are_found() {
    let (market, laws, calendar) = small_market();
    let halved = Changed::settle(market, |settled| {
        let dispatch = &mut settled.decision.dispatch;
        dispatch.curtailed[0] /= 2.0;
        dispatch.reserve += dispatch.curtailed[0];
    });
    let found = run(&union(&halved, &laws, &calendar, 200));
    assert_eq!(row(&found, Property::Efficiency).verdict, Verdict::Violated);
    let (laws, calendar) = (laws_a(), Calendar::Listed(vec![0]));
    let stuck = Changed::settle(game_a(), |settled| settled.decision.second = 0);
    let found = run(&union(&stuck, &laws, &calendar, 200));
    assert_eq!(row(&found, Property::Efficiency).verdict, Verdict::Violated);
    // The second stage is right, the first is not.
    let hasty = Changed::plan(game_a(), |mut plan| {
        plan[0].first = 1;
        plan
    });
    let efficiency = run(&union(&hasty, &laws, &calendar, 200));
    let efficiency = row(&efficiency, Property::Efficiency);
    assert_eq!(efficiency.verdict, Verdict::Violated, "{efficiency:#?}");
}

/// A decision rule that is not the best: with true laws two players gain together.
#[test]
fn groups_with_true_laws_gain_from_a_wrong_rule() {
    let (laws, calendar) = (laws_a(), Calendar::Listed(vec![0]));
    let wrong =
        Changed::settle(game_a(), |settled| settled.decision.second = (settled.decision.second + 1) % 3);
    let found = run(&union(&wrong, &laws, &calendar, 200));
    let groups = row(&found, Property::TruthfulGroups);
    assert_eq!(groups.verdict, Verdict::Violated, "{groups:#?}");
}

/// Nature draws larger shortages than the public law says: what a played season gains is beyond the bound.
#[test]
fn gains_beyond_the_bound_are_found() {
    let shortage = Lottery::new(vec![0.1, 5.0], vec![0.999, 0.001]).expect("a lottery");
    let condition =
        Condition { shortage: Shortage::AfterBids(shortage), reserve: Some(Lottery::certain(1.0)) };
    let market = Demand::new(vec![vec![1.0, 3.0]; 2], None, vec![condition], None).expect("a market");
    let (laws, calendar) = (uniform(2, 2), Calendar::Listed(vec![DAY]));
    let right = Changed::nothing(market.clone());
    let season = |market| Subject {
        terms: Terms { penalty: Penalty { scale: 100.0, power: 1.5 }, ..Terms::printed(0.5, 30) },
        ..subject(market, &laws, &calendar, 1000)
    };
    let found = run(&season(&right));
    assert_eq!(row(&found, HORIZON).verdict, Verdict::Holds, "{:#?}", row(&found, HORIZON));
    let harsh = Box::new(|draw: Draw| Draw { shortage: Some(5.0), ..draw });
    let wrong = Changed { draw: Some(harsh), ..Changed::nothing(market) };
    let found = run(&season(&wrong));
    assert_eq!(row(&found, HORIZON).verdict, Verdict::Violated, "{:#?}", row(&found, HORIZON));
}

/// All outcomes kept for an absent player: the planner uses her at no cost, and she loses by taking part.
#[test]
fn participation_fails_without_masks() {
    let values = vec![vec![-5.0, 0.0], vec![10.0, 0.0]];
    let game = Game::new(vec![1, 1], [1, 2], values, vec![0.0, 0.0], None).expect("a game");
    let (market, laws, calendar) = (Finite::new(game), uniform(2, 1), Calendar::Listed(vec![0]));
    let found = run(&union(&market, &laws, &calendar, 50));
    let participation = row(&found, PARTICIPATION);
    assert_eq!(participation.verdict, Verdict::ConditionNotMet);
    near(participation.evidence.as_ref().expect("checked").worst, 5.0, 1e-12, "loss");
}

/// Contributions in a plan that are negative, or thirty times as large as they are.
#[test]
fn wrong_contributions_break_participation_and_outlay() {
    for (factor, property) in [(-1.0, PARTICIPATION), (30.0, Property::Outlay)] {
        let (market, laws, calendar) = small_market();
        let wrong = Changed::plan(market, move |mut plan| {
            plan.iter_mut().flat_map(|p| &mut p.expectations.marginal).for_each(|x| *x *= factor);
            plan
        });
        let found = run(&union(&wrong, &laws, &calendar, 200));
        assert_eq!(row(&found, property).verdict, Verdict::Violated, "{:#?}", row(&found, property));
    }
}

/// Tests that never speak: nothing is detected, and lies gain what they gain without tests.
#[test]
fn seasons_without_tests_say_so() {
    let types = vec![0.5, 1.0, 2.0, 4.0];
    let own = Law::new(vec![0.4, 0.3, 0.2, 0.1]).expect("a law");
    let market = one_reserve(vec![types.clone(); 2], 1.0);
    let laws = Supertypes::constant(vec![own, Law::uniform(4)]);
    let calendar = Calendar::Listed(vec![DAY]);
    let mut silent = union(&market, &laws, &calendar, 4000);
    assert_eq!(row(&run(&silent), Property::Detection).verdict, Verdict::Holds);
    silent.terms.burn_in = 4000;
    let found = run(&silent);
    let detection = row(&found, Property::Detection);
    assert_eq!(detection.verdict, Verdict::ConditionNotMet, "{detection:#?}");
    let epsilon = finding(&found, "epsilon").evidence.worst;
    // The table of tilts: .1356 against .1130.
    assert!(epsilon >= 0.022_627 && finding(&found, "no tests").evidence.worst >= 0.022_627);
    assert!(!row(&found, HORIZON).promised && row(&found, HORIZON).note.contains("do not speak"));
}

/// Types follow the signal. Reported so, honest players pass; told other signals than nature, the tests flag them.
#[test]
fn false_alarms_are_counted() {
    let known = |d| Condition { shortage: Shortage::Certain(d), reserve: Some(Lottery::certain(1.0)) };
    let types = vec![vec![1.0, 3.0]; 2];
    let market = || Demand::new(types.clone(), None, vec![known(1.0), known(2.0)], None).expect("a market");
    let laws = vec![vec![Law::point(2, 0), Law::point(2, 1)], vec![Law::uniform(2)]];
    let laws = Supertypes::new(2, laws).expect("laws");
    let day = |signal| Day { signal, shortage: None };
    let calendar = Calendar::Listed(vec![day(0), day(1)]);
    let right = Changed::nothing(market());
    let found = run(&union(&right, &laws, &calendar, 500));
    assert_eq!(row(&found, Property::HonestPass).verdict, Verdict::Holds, "reported by signal");
    let wrong = Changed { scrambled: Some(AtomicUsize::new(0)), ..Changed::nothing(market()) };
    let found = run(&union(&wrong, &laws, &calendar, 500));
    let pass = row(&found, Property::HonestPass);
    assert_eq!(pass.verdict, Verdict::Violated, "{pass:#?}");
}

#[test]
fn small_penalties_are_said() {
    let (market, laws, calendar) = small_market();
    let mut subject = union(&market, &laws, &calendar, 400);
    subject.terms.penalty = Penalty { scale: 1e-6, power: 1.1 };
    let found = run(&subject);
    let horizon = row(&found, HORIZON);
    assert!(!horizon.promised && horizon.note.contains("accepts being flagged"), "{horizon:#?}");
}

/// A first stage that counts on other shares of the signals than come.
#[test]
fn other_shares_of_signals_are_said() {
    let game = |cost: f64| {
        let values = vec![table(&[&[1.0, 0.0], &[0.0, 2.0]]), table(&[&[2.0, 0.0], &[0.0, 1.0]])];
        Game::new(vec![1, 1], [2, 2], values.clone(), vec![cost, 0.0, 0.0, 1.0 - cost], None).expect("a game")
    };
    let market =
        Finite::by_signal(vec![game(0.0), game(3.0)], Timing::BeforeBids(vec![0.5, 0.5])).expect("a market");
    let laws = uniform(2, 1);
    let found = run(&union(&market, &laws, &Calendar::Listed(vec![0, 1]), 100));
    assert!(found.passed() && row(&found, Property::Efficiency).promised, "{found:#?}");
    let found = run(&union(&market, &laws, &Calendar::Listed(vec![0, 1, 1]), 100));
    let efficiency = row(&found, Property::Efficiency);
    assert!(!efficiency.promised && efficiency.note.contains("counts on signal 0"), "{efficiency:#?}");
}

#[test]
fn what_does_not_fit_is_refused() {
    let (market, laws, calendar) = small_market();
    let fine = || union(&market, &laws, &calendar, 10);
    let refused =
        |subject: &Subject<'_, Demand>| audit(subject, &options(0), &|_| ()).expect_err("wrong").to_string();
    assert!(refused(&Subject { days: 0, ..fine() }).contains("days"));
    let groups = [vec![0, 2]];
    assert!(refused(&Subject { groups: &groups, ..fine() }).contains("[0, 2]"));
    let other = uniform(2, 2);
    assert!(refused(&Subject { truth: &other, ..fine() }).contains("true laws: player 0"));
    let announced = Calendar::Listed(vec![Day { signal: 0, shortage: Some(1.0) }]);
    assert!(refused(&Subject { calendar: &announced, ..fine() }).contains("announced shortage"));
    for player in [2, 7] {
        assert!(deviation(&fine(), player, vec![Law::uniform(2)]).is_err());
        assert!(horizon(&fine(), player, vec![Law::uniform(2)]).is_err());
    }
    assert!(deviation(&fine(), 0, vec![Law::uniform(2)]).is_err(), "three types");
    let nothing = Calendar::Listed(vec![]);
    assert!(refused(&Subject { calendar: &nothing, ..fine() }).contains("calendar"));
}

/// What the draws of a market add up to.
#[test]
fn draws_are_laws() {
    let (market, ..) = small_market();
    let draws: Vec<(f64, Draw)> = market.draws(&DAY);
    near(draws.iter().map(|d| d.0).sum(), 1.0, 1e-15, "draws");
}
