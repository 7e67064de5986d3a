//! ANNOUNCE of consensus: the graph, the ranges, the rules, and what follows from them, limit and fine, so that followers
//! can compare.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use vickrey::faithful::consensus::{self, Graph, Instance, Rules, Test, Watch};

use crate::announce::{NotAnnounceable, Terms, Unacceptable, check_terms, wrong};

/// What `algorithm` says in the body.
pub const ALGORITHM: &str = "consensus";

/// The body of ANNOUNCE.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(non_snake_case, reason = "the names on the wire")]
struct Body {
    algorithm: String,
    N: usize,
    edges: Vec<(usize, usize)>,
    /// Least and most of every th_i.
    ranges: Vec<(f64, f64)>,
    alpha: f64,
    n: u64,
    test: String,
    watch: String,
    /// What the final disagreement is compared with.
    limit: f64,
    /// What everybody pays if it is larger.
    fine: f64,
    round_ms: u64,
    value_ms: u64,
    deposit: f64,
    /// Names, for tables and errors.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    names: Vec<String>,
}

const TESTS: [(Test, &str); 3] =
    [(Test::Corrected, "corrected"), (Test::Spectral, "spectral"), (Test::Tighter, "tighter")];
const WATCHES: [(Watch, &str); 2] = [(Watch::Observed, "observed"), (Watch::Reported, "reported")];

/// The body for rules.
///
/// # Errors
/// A test that faithful followers may fail, or terms out of range.
pub fn write(rules: &Rules, terms: &Terms) -> Result<Value, NotAnnounceable> {
    check_terms(terms)?;
    let word = TESTS.iter().find(|(test, _)| *test == rules.test());
    let Some((_, test)) = word else {
        let (found, accepted) = ("the printed test", "corrected, spectral or tighter");
        return Err(NotAnnounceable::NotProved { field: "test", found, accepted });
    };
    let watch = WATCHES.iter().find(|(watch, _)| *watch == rules.watch()).map_or("", |(_, word)| word);
    let instance = rules.instance();
    let body = Body {
        algorithm: ALGORITHM.into(),
        N: rules.len(),
        edges: instance.graph().edges().to_vec(),
        ranges: instance.low().iter().copied().zip(instance.high().iter().copied()).collect(),
        alpha: rules.step(),
        n: rules.rounds() as u64,
        test: (*test).into(),
        watch: watch.into(),
        limit: rules.limit(),
        fine: rules.fine(),
        round_ms: terms.round_ms,
        value_ms: terms.value_ms,
        deposit: terms.deposit,
        names: (0..rules.len()).map(|i| instance.name(i).into_owned()).collect(),
    };
    // Every number is finite here, so there is nothing that JSON cannot hold.
    Ok(serde_json::to_value(body).unwrap_or_default())
}

/// The rules and terms that a body announces. Limit and fine are computed from the rest and must be those announced.
///
/// # Errors
/// The body has another shape, what it announces is refused, or limit or fine do not follow from it.
pub fn read(body: &Value) -> Result<(Rules, Terms), Unacceptable> {
    let body =
        Body::deserialize(body).map_err(|e| wrong("announce", "body", e, "the body of an announcement"))?;
    let terms = Terms { round_ms: body.round_ms, value_ms: body.value_ms, deposit: body.deposit };
    check_terms(&terms).map_err(|e| wrong("announce", "terms", e, "times and sums in range"))?;
    let test = TESTS.iter().find(|(_, word)| *word == body.test).map(|(test, _)| *test);
    let test = test.ok_or_else(|| wrong("announce", "test", &body.test, "corrected, spectral or tighter"))?;
    let watch = WATCHES.iter().find(|(_, word)| *word == body.watch).map(|(watch, _)| *watch);
    let watch = watch.ok_or_else(|| wrong("announce", "watch", &body.watch, "observed or reported"))?;
    let refused = |e: consensus::ConsensusError| wrong("plan", "rules", e, "rules that go with the graph");
    // Before anything takes memory by a number that somebody has written.
    if body.ranges.len() != body.N {
        let (found, accepted) = (format!("{} ranges", body.ranges.len()), format!("{}, as N says", body.N));
        return Err(wrong("announce", "ranges", found, &accepted));
    }
    let mut instance = Graph::new(body.N, body.edges)
        .and_then(|graph| Instance::new(graph, &body.ranges))
        .map_err(refused)?;
    if !body.names.is_empty() {
        let names = body.names.into_iter().map(String::into_boxed_str).collect();
        instance = instance.with_names(names).map_err(refused)?;
    }
    let rounds = usize::try_from(body.n).unwrap_or(usize::MAX);
    let wanted = consensus::Terms { step: Some(body.alpha), rounds, test, watch };
    let rules = Rules::new(instance, wanted).map_err(refused)?;
    // Both are computed by the same operations everywhere, exponentials by the software library: to the last bit.
    for (field, found, own) in [("limit", body.limit, rules.limit()), ("fine", body.fine, rules.fine())] {
        if found != own {
            return Err(wrong("plan", field, found, &format!("{own}, which follows from the rest")));
        }
    }
    Ok((rules, terms))
}
