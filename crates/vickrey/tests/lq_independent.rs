//! Against an independent implementation of the same definitions, in another language and in extended precision: plans
//! as dense systems of equations in all states, trades and prices, every market without one agent solved anew,
//! expectations as means and covariances of the closed loop.
//!
//! The files in `data/lq` are random markets that we generated ourselves, with that implementation's results. Its source
//! is not part of the project. `VICKREY_LQ_INSTANCES` names a folder with more of them.
//!
//! The two differ in one convention: there nothing arrives after the last trade, here the noise of the last row does.
//! It matters with a terminal utility only, as a constant, and is added to the expected numbers before they are
//! compared.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use vickrey::accounts::Accounts;
use vickrey::guarantee::Baseline::{Autarky, Zero};
use vickrey::lq::model::{Agent, Market, Observation, Parameters, Series};
use vickrey::lq::solve::aggregate::Aggregate;
use vickrey::lq::solve::expected::Expected;
use vickrey::lq::solve::payments::{Cashier, LayerRule, Paid, Pivot};
use vickrey::lq::solve::trade::{Bids, Record};
use vickrey::scaling::{Distance, interval, min_max};

/// Deviations relative to the largest number of the kind (welfare-like sums: to |F| + sum |own|). What both sides
/// compute in double precision from parameters of size 1, with states that grow by at most 2^8, loses a few digits.
const TOLERANCE: f64 = 1e-11;

/// Largest deviation of every kind of number, and where it was met.
#[derive(Default)]
struct Deviations(BTreeMap<String, (f64, String)>);

impl Deviations {
    fn note(&mut self, kind: &str, at: &str, deviation: f64) {
        let worst = self.0.entry(kind.into()).or_insert((-1.0, String::new()));
        if deviation > worst.0 || deviation.is_nan() {
            *worst = (deviation, at.into());
        }
    }

    /// Compares numbers relative to `scale`.
    fn all(&mut self, kind: &str, at: &str, scale: f64, ours: &[f64], theirs: &[f64]) {
        assert_eq!(ours.len(), theirs.len(), "{kind} of {at}");
        for (x, y) in ours.iter().zip(theirs) {
            let difference = (x - y).abs();
            self.note(kind, at, if difference == 0.0 { 0.0 } else { difference / scale });
        }
    }
}

fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(items) => items.iter().flat_map(numbers).collect(),
        Value::Number(_) => vec![value.as_f64().unwrap()],
        _ => Vec::new(),
    }
}

fn rows(value: &Value) -> Series {
    Series::varying(value.as_array().unwrap().iter().map(numbers).collect())
}

fn agent(value: &Value, observed: bool) -> Agent {
    let states = usize::try_from(value["states"].as_u64().unwrap()).unwrap();
    let seen = observed && !value["gain"].is_null();
    let observation = seen
        .then(|| Observation { gain: numbers(&value["gain"]), noise: value["obs_var"].as_f64().unwrap() });
    Agent::new(Parameters {
        states,
        a: rows(&value["a"]),
        b: rows(&value["b"]),
        q: rows(&value["q"]),
        r: rows(&value["r"]),
        linear: rows(&value["linear"]),
        state_linear: rows(&value["state_linear"]),
        reference: rows(&value["reference"]),
        terminal_q: numbers(&value["terminal_q"]),
        terminal_reference: numbers(&value["terminal_reference"]),
        start: numbers(&value["start"]),
        start_noise: numbers(&value["start_cov"]),
        noise: rows(&value["noise_cov"]),
        loadings: numbers(&value["loadings"]),
        observation,
        ..Parameters::default()
    })
    .unwrap()
}

fn market(instance: &Value, observed: bool) -> Market {
    let agents = instance["agents"].as_array().unwrap().iter().map(|a| agent(a, observed)).collect();
    let periods = usize::try_from(instance["periods"].as_u64().unwrap()).unwrap();
    Market::new(periods, numbers(&instance["net_demand"]), agents).unwrap()
}

/// What the noise after the last trade costs at the end.
fn last_noise(market: &Market, agent: usize) -> f64 {
    let p = market.parameters(agent);
    let d = p.states;
    if p.terminal_q.is_empty() {
        return 0.0;
    }
    let last = p.noise.at(market.periods() - 1).unwrap().to_vec();
    let k = p.loadings.len() / d;
    let common =
        |e: usize| (0..k).map(|f| p.loadings[e / d * k + f] * p.loadings[e % d * k + f]).sum::<f64>();
    (0..d * d).map(|e| p.terminal_q[e] * (last[e] + common(e))).sum()
}

fn largest(x: &[f64]) -> f64 {
    x.iter().fold(0.0, |m, x| m.max(x.abs()))
}

fn compare_expected(found: &mut Deviations, at: &str, market: &Market, theirs: &Value) {
    let (n, periods) = (market.len(), market.periods());
    let aggregate = Aggregate::new(market).unwrap();
    let ours = Expected::new(market, &aggregate, true).unwrap();
    let ledger = &ours.ledger;
    let late: Vec<f64> = (0..n).map(|i| last_noise(market, i)).collect();
    let late_total: f64 = late.iter().sum();
    let get = |key: &str| numbers(&theirs[key]);
    let each = |f: &dyn Fn(usize) -> f64| (0..n).map(f).collect::<Vec<f64>>();
    let (own, h, o) = (get("own"), get("H"), get("o"));
    let scale = get("F")[0].abs() + own.iter().map(|x| x.abs()).sum::<f64>();
    found.all("F", at, scale, &[ledger.welfare() - late_total], &get("F"));
    found.all("own", at, scale, &each(&|i| ledger.own_utility(i) - late[i]), &own);
    found.all("H", at, scale, &each(&|i| ledger.without(i, Zero) - (late_total - late[i])), &h);
    found.all("o", at, scale, &each(&|i| ledger.outside(i) - late[i]), &o);
    found.all("ignorance", at, scale, &each(&|i| ours.ignorance(i) - late[i]), &get("const"));
    let total: f64 = o.iter().sum();
    let over = |i: usize| h[i] - (total - o[i]);
    found.all("H over autarky", at, scale, &each(&|i| ledger.without(i, Autarky)), &each(&over));
    // Their gap is a difference of welfares, in extended precision.
    for (kind, key, ours) in [
        ("lag", "lag", each(&|i| ledger.lagrange(i))),
        ("gap", "gap", each(&|i| ledger.gap(i))),
        ("vcg", "vcg", each(&|i| ledger.vcg(i))),
    ] {
        let theirs = get(key);
        let size = largest(&theirs).max(1e-6 * scale);
        found.all(kind, at, size, &ours, &theirs);
    }
    let prices = get("price");
    found.all("mean prices", at, largest(&prices).max(1e-6), ours.plan.prices(), &prices);
    let trades: Vec<f64> = (0..n).flat_map(|i| ours.plan.path(market, i).allocation).collect();
    let theirs_trades = get("trade");
    let by_agent: Vec<f64> = (0..n)
        .flat_map(|i| (0..periods).map(move |t| (t, i)))
        .map(|(t, i)| theirs_trades[t * n + i])
        .collect();
    found.all("mean trades", at, largest(&by_agent).max(1e-6), &trades, &by_agent);
    let (layer_h, layer_o) = (get("layer_h"), get("layer_o"));
    for s in 0..periods {
        let ours_zero = each(&|i| ours.without_in_layer(s, i, Zero));
        found.all("H by layer", at, scale, &ours_zero, &layer_h[s * n..(s + 1) * n]);
        let idle: f64 = layer_o[s * n..(s + 1) * n].iter().sum();
        let over = |i: usize| layer_h[s * n + i] - (idle - layer_o[s * n + i]);
        found.all(
            "H by layer over autarky",
            at,
            scale,
            &each(&|i| ours.without_in_layer(s, i, Autarky)),
            &each(&over),
        );
    }
    compare_interval(found, at, ledger, theirs, late_total == 0.0);
}

fn compare_interval(
    found: &mut Deviations,
    at: &str,
    ledger: &impl Accounts,
    theirs: &Value,
    same_constants: bool,
) {
    for (key, baseline) in [("autarky", Autarky), ("zero", Zero)] {
        if key == "zero" && !same_constants {
            continue;
        }
        let ours = interval(ledger, baseline).feasible();
        let wanted = &theirs["interval"][key];
        let end = |x: &Value| match x.as_str() {
            Some("inf") => f64::INFINITY,
            Some(_) => f64::NEG_INFINITY,
            None => x.as_f64().unwrap(),
        };
        let (low, high) = (end(&wanted["lo"]), end(&wanted["hi"]));
        let empty = wanted["empty"].as_bool().unwrap();
        // An interval of a single point is a matter of rounding.
        if (high - low).abs() < 1e-9 {
            continue;
        }
        assert_eq!(ours.is_none(), empty, "interval {key} of {at}: {ours:?}, {wanted}");
        let Some(range) = ours else { continue };
        for (x, y) in [(range.low, low), (range.high, high)] {
            found.note("interval", at, if x == y { 0.0 } else { (x - y).abs() / y.abs().max(1.0) });
        }
        for (kind, ratio) in [("absolute", false), ("ratio", true)] {
            let wanted = numbers(&theirs["minmax"][key][kind]);
            let ours = min_max(ledger, baseline, Distance { ratio, one_sided: false }, range);
            if let (Some(ours), [_, value]) = (ours, wanted.as_slice()) {
                found.note("minmax", at, (ours.value - value).abs() / value.abs().max(1e-6));
            }
        }
    }
}

fn compare_run(found: &mut Deviations, at: &str, market: &Market, instance: &Value, theirs: &Value) {
    let n = market.len();
    let aggregate = Aggregate::new(market).unwrap();
    let mut record = Record::new(market);
    let mut planned: Vec<Vec<f64>> = vec![vec![0.0; market.periods()]; n];
    let scale = |key: &str| -> f64 {
        let layers = theirs["layers"].as_array().unwrap();
        layers.iter().map(|layer| largest(&numbers(&layer[key]))).fold(1e-6, f64::max)
    };
    let (prices, trades, states) = (scale("price"), scale("executed").max(scale("change")), scale("state"));
    let paid = theirs["layers"].as_array().unwrap().iter();
    let paid = paid.map(|layer| largest(&numbers(&layer["payment"]["incremental"]))).fold(1e-6, f64::max);
    for (s, layer) in theirs["layers"].as_array().unwrap().iter().enumerate() {
        let bids = bids(market, &instance["bids"][s]);
        let trade = record.trade(market, &aggregate, &bids);
        let payments: Vec<f64> = trade.lagrange.iter().zip(&trade.gap).map(|(l, g)| l - g).collect();
        found.all("prices", at, prices, &trade.prices, &numbers(&layer["price"]));
        found.all("executed", at, trades, &trade.allocation, &numbers(&layer["executed"]));
        found.all("payments", at, paid, &payments, &numbers(&layer["payment"]["incremental"]));
        found.note("imbalance", at, trade.imbalance.abs() / trades);
        let (mut change, mut held) = (Vec::new(), Vec::new());
        for (i, old) in planned.iter_mut().enumerate() {
            let plan = trade.plan(market, i).allocation;
            change.extend(plan.iter().zip(old.iter()).map(|(new, old)| new - old));
            *old = plan[1..].to_vec();
            held.extend_from_slice(trade.state(market, i));
        }
        found.all("changes", at, trades, &change, &numbers(&layer["change"]));
        found.all("states", at, states, &held, &numbers(&layer["state"]));
    }
}

/// All five choices of h_i, at c = 1.
fn compare_payments(found: &mut Deviations, at: &str, market: &Market, instance: &Value, theirs: &Value) {
    let aggregate = Aggregate::new(market).unwrap();
    let layers = theirs["layers"].as_array().unwrap();
    for (key, pivot) in [
        ("none", Pivot::None),
        ("constant", Pivot::Constant),
        ("pure", Pivot::Pure),
        ("incremental", Pivot::Incremental),
        ("worlds", Pivot::Worlds),
    ] {
        if pivot == Pivot::Worlds && market.len() < 3 {
            continue;
        }
        let rule = LayerRule::Groves { pivot, c: 1.0, baseline: Autarky };
        let cashier = Cashier::new(market, &aggregate, rule).unwrap();
        let mut shadows = cashier.shadows();
        let mut record = Record::new(market);
        // Differences of what everybody has: relative to that.
        let at_stake = |layer: &Value| {
            let values: f64 = numbers(&layer["layer_value"]).iter().map(|x| x.abs()).sum();
            values.max(largest(&numbers(&layer["h"][key]))).max(1e-6)
        };
        let scale = layers.iter().map(at_stake).fold(0.0, f64::max);
        for (layer, told) in layers.iter().zip(instance["bids"].as_array().unwrap()) {
            let bids = bids(market, told);
            let before = record.clone();
            let trade = record.trade(market, &aggregate, &bids);
            let paid = Paid { before: &before, bids: &bids, trade: &trade };
            let payments = cashier.charge(market, &aggregate, paid, &mut shadows);
            found.all(&format!("payments, {key}"), at, scale, &payments, &numbers(&layer["payment"][key]));
        }
    }
}

fn bids(market: &Market, told: &Value) -> Bids {
    let mut bids = Bids::none(market);
    for (i, bid) in told.as_array().unwrap().iter().enumerate() {
        bids.set(market, i, &numbers(bid));
    }
    bids
}

fn instances() -> Vec<PathBuf> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/lq")];
    folders.extend(std::env::var_os("VICKREY_LQ_INSTANCES").map(PathBuf::from));
    let files = folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let mut files: Vec<PathBuf> = files.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.to_string_lossy().ends_with(".result.json"));
    files.sort();
    files
}

fn read(file: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

#[test]
fn same_numbers_as_the_independent_implementation() {
    let mut found = Deviations::default();
    let files = instances();
    assert!(files.len() >= 6, "the files of tests/data/lq");
    for file in &files {
        let at = file.file_name().unwrap().to_string_lossy().into_owned();
        let (instance, theirs) =
            (read(&PathBuf::from(file.to_string_lossy().replace(".result.json", ".json"))), read(file));
        let full = market(&instance, false);
        compare_expected(&mut found, &at, &full, &theirs["ex_ante"]["full"]);
        if !theirs["ex_ante"]["filtered"].is_null() {
            let seen = market(&instance, true);
            compare_expected(&mut found, &at, &seen, &theirs["ex_ante"]["filtered"]);
        }
        if !theirs["run"].is_null() {
            compare_run(&mut found, &at, &full, &instance, &theirs["run"]);
            compare_payments(&mut found, &at, &full, &instance, &theirs["run"]);
        }
    }
    for (kind, (deviation, at)) in &found.0 {
        println!("{kind:24} {deviation:.1e} in {at}");
    }
    println!("{} markets", files.len());
    for (kind, (deviation, at)) in &found.0 {
        assert!(*deviation <= TOLERANCE, "{kind}: relative deviation {deviation:e} in {at}");
    }
}
