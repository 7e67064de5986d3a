//! Lies as they are written on the command line.

pub mod consensus;
pub mod dual;
pub mod linear_quadratic;
pub mod market;
pub mod pivot;
pub mod two_stage;

use std::collections::BTreeMap;

use vickrey::mechanism::AgentId;
use vickrey_scenario::Problem;
use vickrey_scenario::output::Named;

use crate::failure::Failure;

/// Agents and their lies, from `NAME=LIE`.
pub fn by_agent<L>(
    texts: &[String],
    names: &dyn Named,
    agents: usize,
    parse: impl Fn(&str) -> Result<L, String>,
) -> Result<BTreeMap<AgentId, L>, Failure> {
    let mut lies = BTreeMap::new();
    for text in texts {
        let wrong = |message: String| {
            Failure::input(Problem::new(message).with_help(
                "accepted: NAME=LIE, for example Hydro=scale:1.2; the scenario comes before --liars",
            ))
        };
        let (who, lie) =
            text.rsplit_once('=').ok_or_else(|| wrong(format!("--liars `{text}` has no `=`")))?;
        let agent = (0..agents).find(|&i| names.name(i) == who).ok_or_else(|| {
            let near = nearest_name(names, agents, who)
                .map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            wrong(format!("--liars: there is no agent `{who}` in the scenario{near}"))
        })?;
        let lie = parse(lie).map_err(|message| wrong(format!("--liars `{text}`: {message}")))?;
        if lies.insert(agent, lie).is_some() {
            return Err(wrong(format!("--liars: `{who}` is given twice; join lies by commas")));
        }
    }
    Ok(lies)
}

/// The agent's name that is written most alike, if any is near.
fn nearest_name(names: &dyn Named, agents: usize, who: &str) -> Option<String> {
    let alike = |i: AgentId| strsim::jaro_winkler(&names.name(i).to_lowercase(), &who.to_lowercase());
    let best = (0..agents).max_by(|&i, &j| alike(i).total_cmp(&alike(j)))?;
    (alike(best) > 0.7).then(|| names.name(best).into_owned())
}

/// A number of a lie.
fn number(what: &str, text: &str) -> Result<f64, String> {
    text.trim()
        .parse()
        .ok()
        .filter(|x: &f64| x.is_finite() && x.abs() <= 1e15)
        .ok_or_else(|| format!("{what}: found `{text}`, accepted is a finite number"))
}
