//! Letters and reports of the state machines as bodies of messages, and back.
//!
//! A problem is named by the sorted list of who is absent from it; bodies list problems in the order of the letter. What
//! a follower says is read part by part: a part that is missing, of the wrong length or no number becomes "no number", and
//! what that means is up to the leader's state machine.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use vickrey::faithful::dual::letters::{Answer, Decision, Prices, Question, Round, Values};
use vickrey::faithful::dual::rules::{Method, Plan};

/// A body of the leader that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}, {field}: accepted is {accepted}")]
pub struct BadBody {
    kind: &'static str,
    field: String,
    accepted: String,
}

fn bad(kind: &'static str, field: impl Into<String>, accepted: impl Into<String>) -> BadBody {
    BadBody { kind, field: field.into(), accepted: accepted.into() }
}

/// Rows of `n` numbers; what is no number is null.
fn rows(xs: &[f64], n: usize) -> Value {
    xs.chunks(n.max(1)).map(|row| Value::from(row.to_vec())).collect()
}

fn names<'a>(problems: impl Iterator<Item = &'a [usize]>) -> Value {
    problems.map(|absent| Value::from(absent.to_vec())).collect()
}

fn name(value: &Value) -> Option<Vec<usize>> {
    let list: Option<Vec<usize>> =
        value.as_array()?.iter().map(|x| usize::try_from(x.as_u64()?).ok()).collect();
    list.filter(|list| list.is_sorted_by(|a, b| a < b))
}

/// The body of PRICE for a follower with `n` decisions.
pub fn price(letter: &Prices, agent: usize, n: usize) -> Value {
    let m = letter.round.couplings;
    let asked: Vec<(&Question, &[f64])> = letter.round.asked(agent).collect();
    let mut body = Map::new();
    body.insert("problems".into(), names(asked.iter().map(|(q, _)| &*q.absent)));
    body.insert("lam".into(), asked.iter().map(|(_, prices)| rows(prices, m)).collect());
    let mut part = |key: &str, flag: fn(&Question) -> bool, numbers: &[f64], length: usize| {
        if asked.iter().any(|(q, _)| flag(q)) {
            let mut numbers = numbers.chunks(length.max(1));
            let list = asked.iter().map(|(q, _)| match flag(q).then(|| numbers.next()).flatten() {
                Some(own) => Value::from(own.to_vec()),
                None => Value::Null,
            });
            body.insert(key.into(), list.collect());
        }
    };
    part("s", |q| q.shared, &letter.shares, m);
    part("probe", |q| q.probed, &letter.probes, n);
    Value::Object(body)
}

/// Reads the body of PRICE, as far as it is for follower `agent`.
///
/// # Errors
/// It has another shape.
pub fn read_price(body: &Value, plan: &Plan, agent: usize, k: u64) -> Result<Prices, BadBody> {
    let (m, n) = (plan.problem().couplings(), plan.problem().follower(agent).decisions());
    let list = |key: &str| body.get(key).and_then(Value::as_array);
    let problems = list("problems").ok_or_else(|| bad("PRICE", "problems", "a list"))?;
    let lam = list("lam").filter(|l| l.len() == problems.len());
    let lam = lam.ok_or_else(|| bad("PRICE", "lam", "one list for every problem"))?;
    let mut round = Round {
        k: usize::try_from(k).map_err(|_| bad("PRICE", "k", "a round"))?,
        questions: Vec::with_capacity(problems.len()),
        prices: Vec::new(),
        rho: if let Method::Multipliers { rho, .. } = plan.rules().method { rho } else { 0.0 },
        sensitivities: plan.rules().method == Method::Newton,
        couplings: m,
    };
    let (mut shares, mut probes) = (Vec::new(), Vec::new());
    let part = |key: &str, q: usize, length: usize, into: &mut Vec<f64>| match body.get(key) {
        None => Ok(false),
        Some(list) => match list.get(q) {
            Some(Value::Null) => Ok(false),
            Some(own) if push(own, length, into) => Ok(true),
            _ => Err(bad("PRICE", key, format!("null or {length} numbers for every problem"))),
        },
    };
    for (q, (problem, prices)) in problems.iter().zip(lam).enumerate() {
        let absent = name(problem).filter(|absent| !absent.contains(&agent));
        let absent = absent.ok_or_else(|| bad("PRICE", "problems", "sorted numbers of others"))?;
        let trials = prices.as_array().filter(|rows| !rows.is_empty());
        let trials = trials.ok_or_else(|| bad("PRICE", "lam", "at least one price"))?;
        if !trials.iter().all(|row| push(row, m, &mut round.prices)) {
            return Err(bad("PRICE", "lam", format!("rows of {m} numbers")));
        }
        round.questions.push(Question {
            problem: q,
            absent: absent.into(),
            trials: trials.len(),
            shared: part("s", q, m, &mut shares)?,
            probed: part("probe", q, n, &mut probes)?,
        });
    }
    Ok(Prices { round: Arc::new(round), shares, probes })
}

/// Appends exactly `length` finite numbers; otherwise nothing.
fn push(list: &Value, length: usize, into: &mut Vec<f64>) -> bool {
    let before = into.len();
    let whole = list.as_array().is_some_and(|list| {
        list.len() == length
            && list.iter().all(|x| match x.as_f64() {
                Some(x) => {
                    into.push(x);
                    true
                }
                None => false,
            })
    });
    if !whole {
        into.truncate(before);
    }
    whole
}

/// The body of REPORT.
pub fn report(letter: &Prices, answer: &Answer, agent: usize, n: usize) -> Value {
    let m = letter.round.couplings;
    let packed = m * (m + 1) / 2;
    let asked: Vec<&Question> = letter.round.asked(agent).map(|(q, _)| q).collect();
    let mut body = Map::new();
    body.insert("problems".into(), names(asked.iter().map(|q| &*q.absent)));
    let (mut z, mut v, mut s, mut w) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut at, mut probe) = (0, answer.probed.iter());
    for question in &asked {
        let end = at + question.trials;
        z.push(rows(&answer.z[at * n..end * n], n));
        v.push(Value::from(answer.value[at..end].to_vec()));
        if letter.round.sensitivities {
            s.push(rows(&answer.sensitivity[at * packed..end * packed], packed));
        }
        w.push(if question.probed { probe.next().copied().into() } else { Value::Null });
        at = end;
    }
    body.insert("z".into(), z.into());
    body.insert("v".into(), v.into());
    body.insert("S".into(), if letter.round.sensitivities { s.into() } else { Value::Null });
    if asked.iter().any(|q| q.probed) {
        body.insert("w".into(), w.into());
    }
    Value::Object(body)
}

/// Reads the body of REPORT to a letter; never fails, what cannot be used is no number.
pub fn read_report(body: &Value, letter: &Prices, agent: usize, n: usize) -> Answer {
    let m = letter.round.couplings;
    let packed = if letter.round.sensitivities { m * (m + 1) / 2 } else { 0 };
    let problems: Vec<Option<Vec<usize>>> =
        body.get("problems").and_then(Value::as_array).into_iter().flatten().map(name).collect();
    let mut answer = Answer::default();
    for (q, (question, _)) in letter.round.asked(agent).enumerate() {
        let same = |p: &Option<Vec<usize>>| p.as_deref() == Some(&*question.absent);
        // Nearly always in the order of the letter.
        let there = problems.get(q).filter(|p| same(p)).map(|_| q).or_else(|| problems.iter().position(same));
        let part = |key: &str| there.and_then(|p| body.get(key)?.get(p)).unwrap_or(&Value::Null);
        let trials = |key: &str| part(key).as_array().filter(|rows| rows.len() == question.trials);
        take_rows(trials("z"), question.trials, n, &mut answer.z);
        let value = trials("v").into_iter().flatten().map(|x| x.as_f64().unwrap_or(f64::NAN));
        answer.value.extend(value.chain(std::iter::repeat(f64::NAN)).take(question.trials));
        if packed > 0 {
            take_rows(trials("S"), question.trials, packed, &mut answer.sensitivity);
        }
        if question.probed {
            answer.probed.push(part("w").as_f64().unwrap_or(f64::NAN));
        }
    }
    answer
}

fn take_rows(rows: Option<&Vec<Value>>, trials: usize, n: usize, into: &mut Vec<f64>) {
    for trial in 0..trials {
        if !rows.and_then(|rows| rows.get(trial)).is_some_and(|row| push(row, n, into)) {
            into.extend(std::iter::repeat_n(f64::NAN, n));
        }
    }
}

/// The body of DECISION.
pub fn decision(decision: &Decision) -> Value {
    let without: Vec<Value> =
        decision.without.iter().map(|(absent, z)| json!({ "absent": absent.to_vec(), "z": z })).collect();
    json!({ "z": decision.z, "zminus": without })
}

/// Reads the body of DECISION for a follower with `n` decisions.
///
/// # Errors
/// It has another shape.
pub fn read_decision(body: &Value, n: usize) -> Result<Decision, BadBody> {
    let numbers = |list: &Value, key: &str| {
        let mut z = Vec::new();
        let whole = push(list.get("z").unwrap_or(&Value::Null), n, &mut z);
        if whole { Ok(z) } else { Err(bad("DECISION", key, format!("{n} numbers"))) }
    };
    let z = numbers(body, "z")?;
    let without = body.get("zminus").and_then(Value::as_array);
    let without = without.ok_or_else(|| bad("DECISION", "zminus", "a list"))?;
    let without = without.iter().map(|entry| {
        let absent = entry.get("absent").and_then(name);
        let absent = absent.ok_or_else(|| bad("DECISION", "absent", "sorted numbers of followers"))?;
        Ok((absent.into(), numbers(entry, "zminus")?))
    });
    Ok(Decision { z, without: without.collect::<Result<_, BadBody>>()? })
}

/// The body of VALUE; what is no number is null.
pub fn values(decision: &Decision, values: &Values) -> Value {
    let without: Vec<Value> = decision
        .without
        .iter()
        .zip(&values.without)
        .map(|((absent, _), v)| json!({ "absent": absent.to_vec(), "v": v }))
        .collect();
    json!({ "v": values.value, "vminus": without })
}

/// Reads the body of VALUE to a decision; never fails, what cannot be used is no number.
pub fn read_values(body: &Value, decision: &Decision) -> Values {
    let number = |value: Option<&Value>| value.and_then(Value::as_f64).unwrap_or(f64::NAN);
    let given: Vec<(Option<Vec<usize>>, f64)> = body
        .get("vminus")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|entry| (entry.get("absent").and_then(name), number(entry.get("v"))))
        .collect();
    let without = decision.without.iter().enumerate().map(|(q, (absent, _))| {
        let same = |(name, _): &&(Option<Vec<usize>>, f64)| name.as_deref() == Some(&**absent);
        given.get(q).filter(same).or_else(|| given.iter().find(same)).map_or(f64::NAN, |(_, v)| *v)
    });
    Values { value: number(body.get("v")), without: without.collect() }
}
