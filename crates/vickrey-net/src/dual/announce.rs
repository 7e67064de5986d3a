//! ANNOUNCE of dual decomposition: the problem and the rules.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use vickrey::faithful::dual::model::{Follower, Problem};
use vickrey::faithful::dual::rules::{Bound, Marginals, Method, Mode, Moduli, Plan, Rules, Stop};

use crate::announce::{NotAnnounceable, Terms, Unacceptable, check_terms, wrong};

/// The body of ANNOUNCE. Lists are by follower; what has no limit is null.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(non_snake_case, reason = "the names on the wire")]
struct Body {
    N: usize,
    m: usize,
    c: Vec<f64>,
    /// R_i, m rows of n_i numbers.
    R: Vec<Vec<Vec<f64>>>,
    lo: Vec<Vec<Option<f64>>>,
    hi: Vec<Vec<Option<f64>>>,
    absent: Vec<Vec<f64>>,
    lam0: Vec<f64>,
    algorithm: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    gamma: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    rho: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    a: Option<f64>,
    /// Lower and upper bounds on second derivatives.
    m_i: Vec<f64>,
    M_i: Vec<Option<f64>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    n: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    eps: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    cap: Option<u64>,
    mode: Mode,
    round_ms: u64,
    value_ms: u64,
    K: u64,
    penalty: f64,
    deposit: f64,
    /// The most prices in one question.
    trials: u64,
    /// Names, an extension: for tables and errors.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    names: Vec<String>,
}

/// The body for a plan.
///
/// # Errors
/// The plan has rules that are for audits only, followers without limits (unless `unlimited`), or terms out of range.
pub fn write(plan: &Plan, terms: &Terms, unlimited: bool) -> Result<Value, NotAnnounceable> {
    let (problem, rules) = (plan.problem(), plan.rules());
    live(rules)?;
    check_terms(terms)?;
    let open = problem.followers().iter().position(|f| !f.bounded());
    if let (Some(i), false) = (open, unlimited) {
        return Err(NotAnnounceable::NoLimits(problem.name(i).into_owned()));
    }
    let followers = problem.followers();
    let limits = |of: fn(&Follower) -> &Vec<f64>| -> Vec<Vec<Option<f64>>> {
        followers.iter().map(|f| of(f).iter().map(|x| x.is_finite().then_some(*x)).collect()).collect()
    };
    let (algorithm, gamma, rho, a) = match rules.method {
        Method::Ascent { fading: false, .. } => ("ascent", Some(plan.step()), None, None),
        Method::Ascent { fading: true, .. } => ("fading-ascent", Some(plan.step()), None, None),
        Method::Accelerated { .. } => ("accelerated", Some(plan.step()), None, None),
        Method::Multipliers { rho, relaxation } => ("multipliers", None, Some(rho), Some(relaxation)),
        Method::Newton => ("newton", None, None, None),
    };
    let (n, eps, cap) = match rules.stop {
        Stop::Rounds(n) => (Some(n as u64), None, None),
        Stop::Gap { epsilon, cap } => (None, Some(epsilon), Some(cap as u64)),
    };
    let body = Body {
        N: problem.len(),
        m: problem.couplings(),
        c: problem.total().to_vec(),
        R: followers
            .iter()
            .map(|f| f.coupling.chunks(f.decisions()).map(<[f64]>::to_vec).collect())
            .collect(),
        lo: limits(|f| &f.low),
        hi: limits(|f| &f.high),
        absent: followers.iter().map(|f| f.absent.clone()).collect(),
        lam0: plan.start_price(),
        algorithm: algorithm.into(),
        gamma,
        rho,
        a,
        m_i: followers.iter().map(|f| f.curvature.0).collect(),
        M_i: followers.iter().map(|f| Some(f.curvature.1).filter(|x| x.is_finite())).collect(),
        n,
        eps,
        cap,
        mode: rules.mode,
        round_ms: terms.round_ms,
        value_ms: terms.value_ms,
        K: rules.strikes as u64,
        penalty: rules.penalty,
        deposit: terms.deposit,
        trials: if rules.method == Method::Newton { 8 } else { 1 },
        names: (0..problem.len()).map(|i| problem.name(i).into_owned()).collect(),
    };
    // Every number is finite here, so there is nothing that JSON cannot hold.
    Ok(serde_json::to_value(body).unwrap_or_default())
}

/// Only rules that the theory covers are played with others' money.
fn live(rules: &Rules) -> Result<(), NotAnnounceable> {
    let audit = |field, found, accepted| Err(NotAnnounceable::AuditOnly { field, found, accepted });
    if rules.mode == Mode::ClearingPrice {
        return audit("mode", "clearing-price", "vcg, dual or zero");
    }
    if rules.marginals != Marginals::Cold {
        return audit("marginals", "a warm start", "a cold one");
    }
    if rules.moduli != Moduli::Public {
        return audit("moduli", "curvatures that followers announce", "public ones");
    }
    if rules.bound != Bound::Sound {
        return audit("bound", "one that does not hold", "a sound one");
    }
    Ok(())
}

/// The plan and terms that a body announces, checked as if they were one's own.
///
/// # Errors
/// The body has another shape, or the plan in it is refused.
pub fn read(body: &Value) -> Result<(Plan, Terms), Unacceptable> {
    let body =
        Body::deserialize(body).map_err(|e| wrong("announce", "body", e, "the body of an announcement"))?;
    let terms = Terms { round_ms: body.round_ms, value_ms: body.value_ms, deposit: body.deposit };
    check_terms(&terms).map_err(|e| wrong("announce", "terms", e, "times and sums in range"))?;
    let rules = read_rules(&body)?;
    live(&rules).map_err(|e| wrong("plan", "rules", e, "rules that bound what lies gain"))?;
    let problem = read_problem(body)?;
    let plan =
        Plan::new(problem, rules).map_err(|e| wrong("plan", "rules", e, "rules that go with the problem"))?;
    Ok((plan, terms))
}

fn read_rules(body: &Body) -> Result<Rules, Unacceptable> {
    let need = |x: Option<f64>, field: &str| {
        x.ok_or_else(|| wrong("announce", field, "nothing", "a number for this algorithm"))
    };
    let method = match body.algorithm.as_str() {
        "ascent" => Method::Ascent { step: Some(need(body.gamma, "gamma")?), fading: false },
        "fading-ascent" => Method::Ascent { step: Some(need(body.gamma, "gamma")?), fading: true },
        "accelerated" => Method::Accelerated { step: Some(need(body.gamma, "gamma")?) },
        "multipliers" => Method::Multipliers { rho: need(body.rho, "rho")?, relaxation: need(body.a, "a")? },
        "newton" => Method::Newton,
        other => {
            let accepted = "ascent, fading-ascent, accelerated, multipliers or newton";
            return Err(wrong("announce", "algorithm", format!("{other:?}"), accepted));
        }
    };
    let stop = match (body.n, body.eps, body.cap) {
        (Some(n), None, None) => Stop::Rounds(n as usize),
        (None, Some(epsilon), Some(cap)) => Stop::Gap { epsilon, cap: cap as usize },
        _ => return Err(wrong("announce", "n", "another mixture", "either n, or eps and cap")),
    };
    Ok(Rules {
        method,
        stop,
        mode: body.mode,
        start: body.lam0.clone(),
        strikes: body.K as usize,
        penalty: body.penalty,
        ..Rules::default()
    })
}

fn read_problem(body: Body) -> Result<Problem, Unacceptable> {
    let n = body.N;
    let lists = [
        ("R", body.R.len()),
        ("lo", body.lo.len()),
        ("hi", body.hi.len()),
        ("absent", body.absent.len()),
        ("m_i", body.m_i.len()),
        ("M_i", body.M_i.len()),
    ];
    if let Some((field, found)) = lists.into_iter().find(|(_, found)| *found != n) {
        return Err(wrong(
            "announce",
            field,
            format!("{found} entries"),
            &format!("{n}, one for every follower"),
        ));
    }
    if body.c.len() != body.m {
        return Err(wrong("announce", "c", format!("{} numbers", body.c.len()), &format!("{}", body.m)));
    }
    let fill = |xs: &[Option<f64>], none: f64| xs.iter().map(|x| x.unwrap_or(none)).collect::<Vec<f64>>();
    let mut followers = Vec::with_capacity(n);
    for i in 0..n {
        let low = fill(&body.lo[i], f64::NEG_INFINITY);
        if body.R[i].iter().any(|row| row.len() != low.len()) {
            let found = format!("rows of other lengths for follower {i}");
            return Err(wrong("announce", "R", found, &format!("rows of {} numbers", low.len())));
        }
        followers.push(Follower {
            coupling: body.R[i].concat(),
            low,
            high: fill(&body.hi[i], f64::INFINITY),
            absent: body.absent[i].clone(),
            curvature: (body.m_i[i], body.M_i[i].unwrap_or(f64::INFINITY)),
        });
    }
    let problem = if body.names.is_empty() {
        Problem::new(body.c, followers)
    } else {
        Problem::with_names(body.c, followers, body.names.into_iter().map(String::into_boxed_str).collect())
    };
    problem.map_err(|e| wrong("plan", "problem", e, "a problem that can be solved"))
}
