//! How a command ends when it does not succeed: a message for people or for machines, and an exit code.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use miette::{GraphicalReportHandler, GraphicalTheme};
use serde_json::json;
use vickrey::market::MarketError;
use vickrey::pivot::solve::SolveError;
use vickrey_net::course::CourseError;
use vickrey_net::desk::DeskError;
use vickrey_net::keys::KeyError;
use vickrey_net::log::LogError;
use vickrey_scenario::Problem;
use vickrey_scenario::output::{DualError, LqError, NoFactor, PivotRunError, SeasonError, WriteError};

use crate::args::Common;

/// A guarantee failed, or the run did.
const FAILED: u8 = 1;
/// Bad usage or input.
const BAD_INPUT: u8 = 2;

/// Why a command did not succeed.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    /// Nothing if everything was said already.
    problem: Option<Problem>,
}

impl Failure {
    /// The user's input cannot be used.
    pub fn input(problem: Problem) -> Self {
        Self { code: BAD_INPUT, problem: Some(problem) }
    }

    /// The input was fine, and yet the run failed.
    pub fn run(message: impl Into<String>) -> Self {
        Self { code: FAILED, problem: Some(Problem::new(message)) }
    }

    /// The same, with what would help.
    pub fn run_with_help(message: impl Into<String>, help: &str) -> Self {
        Self { code: FAILED, problem: Some(Problem::new(message).with_help(help)) }
    }

    /// The same, with where it happened before what is said.
    pub fn within(self, place: &str) -> Self {
        let named = |problem: Problem| {
            let named = Problem::new(format!("{place}: {}", problem.message()));
            match problem.help() {
                Some(help) => named.with_help(help),
                None => named,
            }
        };
        Self { code: self.code, problem: self.problem.map(named) }
    }

    /// A promise was found violated; the table that says so is printed already.
    pub fn violated() -> Self {
        Self { code: FAILED, problem: None }
    }

    /// The place for results cannot be used; found before the work was done.
    pub fn place(error: &WriteError) -> Self {
        Self::input(Problem::new(error.to_string()))
    }

    /// Says what is wrong on standard error and answers the exit code.
    pub fn report(&self, common: &Common) -> ExitCode {
        if let Some(problem) = &self.problem {
            let text = if common.json { as_json(problem) } else { readable(problem) };
            // If standard error is closed there is nobody to tell.
            let _ = io::stderr().write_all(text.as_bytes());
        }
        ExitCode::from(self.code)
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::input(problem)
    }
}

/// Standard output cannot be written. A reader that has seen enough (`head`) is no failure.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self { code: 0, problem: None };
        }
        Self::run(format!("cannot write to standard output: {error}"))
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        match error.io_error_kind() {
            Some(kind) => io::Error::from(kind).into(),
            None => Self::run(format!("cannot write JSON: {error}")),
        }
    }
}

impl From<WriteError> for Failure {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Exists { .. } | WriteError::NotOurs { .. } | WriteError::Name { .. } => {
                Self::place(&error)
            }
            _ => Self::run(error.to_string()),
        }
    }
}

impl From<MarketError> for Failure {
    fn from(error: MarketError) -> Self {
        match error {
            MarketError::NoPrice { .. } => Self::run(error.to_string()),
            // Everything else is about what the agents are, which is the scenario's business.
            _ => Self::input(Problem::new(error.to_string())),
        }
    }
}

impl From<LqError> for Failure {
    fn from(error: LqError) -> Self {
        let help = match &error {
            LqError::Payment(_) => "payment = \"incremental\" has the same expectation, and no such limit",
            _ => {
                "nearer to 0: a, b and the number of periods; in size: q, r, noise and the state at the start"
            }
        };
        Self::input(Problem::new(error.to_string()).with_help(help))
    }
}

impl From<PivotRunError> for Failure {
    fn from(error: PivotRunError) -> Self {
        let problem = Problem::new(error.to_string());
        let help = match &error {
            PivotRunError::Solve(SolveError::Memory { .. }) => {
                "fewer players, types or public states make fewer joint states; `memory` in [pivot] says how much may be \
                 used (in MiB)"
            }
            PivotRunError::Solve(SolveError::Tolerance { .. }) => {
                "give `tolerance` in [pivot] a larger number, or `discount` a smaller one"
            }
            PivotRunError::Solve(_) => "see [pivot] in the scenario",
            PivotRunError::Play(_) => return Self { code: FAILED, problem: Some(problem) },
        };
        Self::input(problem.with_help(help))
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        Self::input(Problem::new(error.to_string()))
    }
}

impl From<DeskError> for Failure {
    fn from(error: DeskError) -> Self {
        match error {
            DeskError::Course(CourseError::Leader(_) | CourseError::Incomplete(_))
            | DeskError::Log(LogError::File { .. }) => Self::run(error.to_string()),
            _ => Self::input(Problem::new(error.to_string())),
        }
    }
}

impl From<SeasonError> for Failure {
    fn from(error: SeasonError) -> Self {
        if error.input { Self::input(Problem::new(error.message)) } else { Self::run(error.message) }
    }
}

impl From<DualError> for Failure {
    fn from(error: DualError) -> Self {
        Self::run(error.to_string())
    }
}

/// For audits that always come to an end.
impl From<std::convert::Infallible> for Failure {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

impl From<&NoFactor> for Failure {
    fn from(missing: &NoFactor) -> Self {
        let help = "give `scaling` a number, or choose another payment rule";
        Self { code: FAILED, problem: Some(Problem::new(missing.to_string()).with_help(help)) }
    }
}

/// Reports what clap has to say (help and version included) and answers the exit code.
pub fn usage(error: &clap::Error) -> ExitCode {
    let json = std::env::args_os().any(|arg| arg == "--json");
    if json && error.use_stderr() {
        let _ = io::stderr().write_all(as_json(&usage_problem(&error.to_string())).as_bytes());
    } else {
        // Help into a closed pipe is no failure either.
        let _ = error.print();
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(BAD_INPUT))
}

/// Clap's text as a problem: what is wrong, and its tip, without the usage line.
fn usage_problem(text: &str) -> Problem {
    let (wrong, rest) = text.trim().split_once("\n\n").unwrap_or((text.trim(), ""));
    let problem = Problem::new(wrong.trim_start_matches("error: "));
    match rest.split("\n\n").map(str::trim).find(|part| part.starts_with("tip:")) {
        Some(tip) => problem.with_help(tip.trim_start_matches("tip:").trim()),
        None => problem.with_help("see --help"),
    }
}

fn as_json(problem: &Problem) -> String {
    format!("{}\n", json!({ "error": problem.to_json() }))
}

fn readable(problem: &Problem) -> String {
    let colours =
        io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let theme = if colours { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let mut text = String::new();
    match GraphicalReportHandler::new_themed(theme).with_links(false).render_report(&mut text, problem) {
        Ok(()) => text,
        Err(_) => format!("error: {problem}\n"),
    }
}
