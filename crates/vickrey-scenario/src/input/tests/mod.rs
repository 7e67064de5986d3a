//! What is read, and what is said about everything that is not accepted.

mod agents;
mod consensus;
mod dual;
mod dual_refused;
mod linear_quadratic;
mod linear_quadratic_tables;
mod mutations;
mod pivot;
mod pivot_refused;
mod places;
mod scenario;
mod schema;
mod tables;
mod two_stage;
mod two_stage_refused;

use std::path::Path;

use crate::{MarketScenario, Problem, Scenario, System, load, parse};

/// Two agents that trade, to be completed by what a test is about.
const TWO: &str = "
[[agents]]
name = \"seller\"
utility = \"quadratic\"
a = -1
b = 1
[[agents]]
name = \"buyer\"
utility = \"quadratic\"
a = -1
b = 3
";

fn read(text: &str) -> Result<Scenario, Problem> {
    parse(text, Path::new("test.toml"))
}

fn market(text: &str) -> MarketScenario {
    let System::Market(market) = read(text).unwrap().system else { panic!("another mechanism") };
    market
}

/// The single problems as `line:column message | help`.
fn lines(problem: &Problem) -> Vec<String> {
    let single = |p: &Problem| {
        let place = match p.position() {
            (Some(line), Some(column)) => format!("{line}:{column} "),
            (Some(row), None) => format!("row {row} "),
            _ => String::new(),
        };
        format!("{place}{}{}", p.message(), p.help().map_or_else(String::new, |help| format!(" | {help}")))
    };
    match problem.related() {
        [] => vec![single(problem)],
        list if problem.message().contains("problems in") => list.iter().map(single).collect(),
        notes => [problem].into_iter().chain(notes).map(single).collect(),
    }
}

/// What is said about a market scenario: the text below `mechanism = "market"`.
fn said(rest: &str) -> Vec<String> {
    lines(&read(&format!("mechanism = \"market\"\n{rest}")).unwrap_err())
}

/// Loads `scenario.toml` of a folder with these files.
fn load_files(files: &[(&str, &[u8])]) -> Result<Scenario, Problem> {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    load(&folder.path().join("scenario.toml"))
}

const WITH_AGENTS: &[u8] = b"mechanism = \"market\"\n[tables]\nagents = \"agents.csv\"\n";
const WITH_BLOCKS: &[u8] = b"mechanism = \"market\"\n[tables]\nblocks = \"blocks.csv\"\n";
const WITH_BOTH: &[u8] =
    b"mechanism = \"market\"\n[tables]\nagents = \"agents.csv\"\nblocks = \"blocks.csv\"\n";

/// What is said about a folder with these files, without the name of the folder.
fn said_of(files: &[(&str, &[u8])]) -> Vec<String> {
    let problem = load_files(files).unwrap_err();
    let path = problem.file().unwrap_or_default().to_owned();
    let folder = Path::new(&path).parent().unwrap().display().to_string() + "/";
    lines(&problem).into_iter().map(|line| line.replace(&folder, "")).collect()
}

fn said_of_agents(csv: &str) -> Vec<String> {
    said_of(&[("scenario.toml", WITH_AGENTS), ("agents.csv", csv.as_bytes())])
}

fn said_of_blocks(csv: &str) -> Vec<String> {
    said_of(&[("scenario.toml", WITH_BLOCKS), ("blocks.csv", csv.as_bytes())])
}

fn shown(problem: &Problem) -> String {
    let mut out = String::new();
    miette::GraphicalReportHandler::new_themed(miette::GraphicalTheme::unicode_nocolor())
        .with_width(100)
        .render_report(&mut out, problem)
        .unwrap();
    out
}
