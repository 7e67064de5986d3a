//! One run of a script that solves a market with another tool.

use std::fmt;
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;
use vickrey_benches::Failure;

use super::Options;

/// What is asked: which script, which solver, in which way.
#[derive(Clone, Copy)]
pub struct Way<'a> {
    pub script: &'a str,
    pub solver: &'a str,
    pub mode: &'a str,
    /// The script starts no further program after so many seconds.
    pub max_seconds: Option<f64>,
}

/// What one run of a script found.
pub struct Peer {
    complete: bool,
    pub total: f64,
    build: f64,
    pub solve: f64,
    /// All it said.
    pub answer: Value,
}

impl Peer {
    /// The fastest of three runs, or of fewer if they take long: ours is the fastest of many, too.
    pub fn fastest(options: &Options, way: Way<'_>, market: &str) -> Result<Self, Failure> {
        let mut best = Self::run(options, way, market)?;
        let mut spent = best.total;
        for _ in 1..3 {
            if spent > 5.0 {
                break;
            }
            let again = Self::run(options, way, market)?;
            spent += again.total;
            if again.total < best.total {
                best = again;
            }
        }
        Ok(best)
    }

    fn run(options: &Options, way: Way<'_>, market: &str) -> Result<Self, Failure> {
        let Way { script, solver, mode, max_seconds } = way;
        let mut command = Command::new(&options.python);
        command.arg(options.scripts.join(script)).args(["--solver", solver, "--mode", mode]);
        if let Some(seconds) = max_seconds {
            command.args(["--max-seconds", &seconds.to_string()]);
        }
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(
                |error| format!("--python: {} cannot be started: {error}", options.python.display()),
            )?;
        // The script reads everything before it writes. If it ends early, its own message says more than the pipe's.
        let written = child.stdin.take().map_or(Ok(()), |mut input| input.write_all(market.as_bytes()));
        let output = child.wait_with_output()?;
        if !output.status.success() {
            let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(format!("{solver}, {mode}: the script failed ({}): {message}", output.status).into());
        }
        written.map_err(|error| format!("{solver}, {mode}: the market could not be handed over: {error}"))?;
        Self::read(&output.stdout)
            .ok_or_else(|| format!("{solver}, {mode}: the script printed something else").into())
    }

    fn read(output: &[u8]) -> Option<Self> {
        let answer: Value = serde_json::from_slice(output).ok()?;
        let complete = answer["complete"].as_bool()?;
        let total = &answer[if complete { "seconds_total" } else { "seconds_total_extrapolated" }];
        Some(Self {
            complete,
            total: total.as_f64()?,
            build: answer["seconds_build"].as_f64()?,
            solve: answer["seconds_solve"].as_f64()?,
            answer,
        })
    }
}

/// Largest difference of a number, relative to the largest number; how many are missing (`null` where the
/// solver gave up, or the run was stopped before).
pub fn difference(theirs: &Value, ours: &[f64]) -> String {
    let theirs = theirs.as_array().map_or(&[][..], Vec::as_slice);
    let largest = ours.iter().fold(0.0, |a: f64, p| a.max(p.abs()));
    let pairs = || ours.iter().zip(theirs).filter_map(|(&p, q)| q.as_f64().map(|q| (p - q).abs() / largest));
    let missing = ours.len() - pairs().count();
    let worst = pairs().fold(0.0, f64::max);
    match missing {
        0 => format!("{worst:.1e}"),
        _ if missing == ours.len() => "-".into(),
        _ => format!("{worst:.1e} ({missing} missing)"),
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.complete { "" } else { "~" };
        write!(f, "{mark}{:.4} | {:.4} | {:.4}", self.total, self.build, self.solve)
    }
}
