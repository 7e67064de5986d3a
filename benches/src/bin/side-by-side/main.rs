//! Times Vickrey beside general convex solvers on the same markets; `benches/peers/run.sh` starts it.
//!
//! `side-by-side --python PATH --script PATH [--sizes 10,30,100,300] [--max-seconds S]` prints one Markdown table.

use std::fmt;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use vickrey::accounts::Accounts;

use serde_json::{Value, json};
use vickrey::market::{Market, settle};
use vickrey_benches::{Failure, Family, block_agents, fastest, quadratic_arrays};

const SEED: u64 = 1;
const USAGE: &str =
    "usage: side-by-side --python PATH --script PATH [--sizes 10,30,100,300] [--max-seconds S]";
/// Which solver is asked in which way.
const PEERS: [(Family, &str, &str); 8] = [
    (Family::Quadratic, "CLARABEL", "naive"),
    (Family::Quadratic, "CLARABEL", "parametrised"),
    (Family::Quadratic, "CLARABEL", "direct"),
    (Family::Quadratic, "OSQP", "direct"),
    (Family::Blocks, "HIGHS", "naive"),
    (Family::Blocks, "HIGHS", "parametrised"),
    (Family::Blocks, "HIGHS", "direct"),
    (Family::Blocks, "CLARABEL", "direct"),
];

fn main() -> ExitCode {
    match Options::read(std::env::args().skip(1)).and_then(|options| compare(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("side-by-side: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The command line.
struct Options {
    python: PathBuf,
    script: PathBuf,
    sizes: Vec<usize>,
    max_seconds: Option<f64>,
}

impl Options {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let (mut python, mut script, mut sizes, mut max_seconds) = (None, None, vec![10, 30, 100, 300], None);
        while let Some(name) = arguments.next() {
            if name == "--help" || name == "-h" {
                println!("{USAGE}");
                std::process::exit(0);
            }
            let value = arguments.next().ok_or_else(|| format!("{name}: the value is missing\n{USAGE}"))?;
            match name.as_str() {
                "--python" => python = Some(PathBuf::from(value)),
                "--script" => script = Some(PathBuf::from(value)),
                "--sizes" => sizes = read_sizes(&value)?,
                "--max-seconds" => max_seconds = Some(read_seconds(&value)?),
                _ => return Err(format!("unknown option {name}\n{USAGE}").into()),
            }
        }
        let python = python.ok_or_else(|| format!("--python is missing\n{USAGE}"))?;
        let script = script.ok_or_else(|| format!("--script is missing\n{USAGE}"))?;
        if !script.is_file() {
            return Err(format!("--script: there is no file {}", script.display()).into());
        }
        Ok(Self { python, script, sizes, max_seconds })
    }
}

fn read_sizes(text: &str) -> Result<Vec<usize>, Failure> {
    let sizes: Option<Vec<usize>> =
        text.split(',').map(|size| size.trim().parse().ok().filter(|&n| n >= 2)).collect();
    sizes.ok_or_else(|| {
        format!("--sizes: found {text}, accepted are whole numbers from 2 on, as in 10,30").into()
    })
}

fn read_seconds(text: &str) -> Result<f64, Failure> {
    let seconds: Option<f64> = text.parse().ok().filter(|s: &f64| s.is_finite() && *s > 0.0);
    seconds.ok_or_else(|| format!("--max-seconds: found {text}, accepted is a positive number").into())
}

fn compare(options: &Options) -> Result<(), Failure> {
    println!(
        "| market | agents | solver, way | ours s | theirs s | of that: building s | solving s | theirs / ours | \
         solving / ours | largest difference of a payment |"
    );
    println!("| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for family in [Family::Quadratic, Family::Blocks] {
        for &agents in &options.sizes {
            let market = family.market(agents, SEED)?;
            let text = as_json(family, agents);
            let seconds = fastest(20, 0.5, || payments(&market));
            let ours = payments(&market)?;
            for (_, solver, way) in PEERS.into_iter().filter(|peer| peer.0 == family) {
                let theirs = Peer::fastest(options, solver, way, &text)?;
                println!(
                    "| {} | {agents} | {solver}, {way} | {seconds:.7} | {theirs} | {} | {} | {} |",
                    family.name(),
                    rounded(theirs.total / seconds),
                    rounded(theirs.solve / seconds),
                    theirs.difference(&ours)
                );
            }
        }
    }
    println!();
    println!(
        "`~` marks a run that was stopped: its total is extrapolated, building and solving are what was done."
    );
    println!(
        "Differences are relative to the largest payment of the market. Times are the fastest of several runs: many of"
    );
    println!("ours, three of theirs (fewer where they take more than five seconds).");
    Ok(())
}

/// Two significant digits.
fn rounded(x: f64) -> String {
    let unit = 10_f64.powf(x.abs().max(1.0).log10().floor() - 1.0);
    format!("{}", (x / unit).round() * unit)
}

/// All VCG payments, from the market in memory.
fn payments(market: &Market) -> Result<Vec<f64>, Failure> {
    let settlement = settle(market)?;
    Ok((0..market.len()).map(|i| settlement.vcg(i)).collect())
}

fn as_json(family: Family, agents: usize) -> String {
    if family == Family::Quadratic {
        let (a, b) = quadratic_arrays(agents, SEED);
        return json!({"kind": "quadratic", "a": a, "b": b}).to_string();
    }
    let agents: Vec<Value> = block_agents(agents, SEED)
        .iter()
        .map(|agent| json!({"side": if agent.sells { "sell" } else { "buy" }, "blocks": agent.blocks}))
        .collect();
    json!({"kind": "blocks", "agents": agents}).to_string()
}

/// What one run of the script found.
struct Peer {
    complete: bool,
    total: f64,
    build: f64,
    solve: f64,
    /// `None` where the solver gave up, or the run was stopped before.
    payments: Vec<Option<f64>>,
}

impl Peer {
    /// The fastest of three runs, or of fewer if they take long: ours is the fastest of many, too.
    fn fastest(options: &Options, solver: &str, way: &str, market: &str) -> Result<Self, Failure> {
        let mut best = Self::run(options, solver, way, market)?;
        let mut spent = best.total;
        for _ in 1..3 {
            if spent > 5.0 {
                break;
            }
            let again = Self::run(options, solver, way, market)?;
            spent += again.total;
            if again.total < best.total {
                best = again;
            }
        }
        Ok(best)
    }

    fn run(options: &Options, solver: &str, way: &str, market: &str) -> Result<Self, Failure> {
        let mut command = Command::new(&options.python);
        command.arg(&options.script).args(["--solver", solver, "--mode", way]);
        if let Some(seconds) = options.max_seconds {
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
            return Err(format!("{solver}, {way}: the script failed ({}): {message}", output.status).into());
        }
        written.map_err(|error| format!("{solver}, {way}: the market could not be handed over: {error}"))?;
        Self::read(&output.stdout)
            .ok_or_else(|| format!("{solver}, {way}: the script printed something else").into())
    }

    fn read(output: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(output).ok()?;
        let complete = value["complete"].as_bool()?;
        let total = &value[if complete { "seconds_total" } else { "seconds_total_extrapolated" }];
        Some(Self {
            complete,
            total: total.as_f64()?,
            build: value["seconds_build"].as_f64()?,
            solve: value["seconds_solve"].as_f64()?,
            payments: value["payment"].as_array()?.iter().map(Value::as_f64).collect(),
        })
    }

    /// Largest difference of a payment, relative to the largest payment; how many payments are missing.
    fn difference(&self, ours: &[f64]) -> String {
        let largest = ours.iter().fold(0.0, |a: f64, p| a.max(p.abs()));
        let pairs =
            || ours.iter().zip(&self.payments).filter_map(|(&p, q)| q.map(|q| (p - q).abs() / largest));
        let missing = ours.len() - pairs().count();
        let worst = pairs().fold(0.0, f64::max);
        if missing == 0 { format!("{worst:.1e}") } else { format!("{worst:.1e} ({missing} missing)") }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.complete { "" } else { "~" };
        write!(f, "{mark}{:.4} | {:.4} | {:.4}", self.total, self.build, self.solve)
    }
}
