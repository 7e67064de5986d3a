//! Times Vickrey beside general solvers on the same markets; `benches/peers/run.sh` starts it.
//!
//! `side-by-side --python PATH --scripts DIRECTORY` prints one Markdown table for the static market, one for the
//! linear-quadratic one, one for the dynamic pivot mechanism, one for the two-stage mechanism and one for resources shared
//! by prices; `--market static`, `lq`, `pivot`, `two-stage` or `dual` prints one of them.

mod dual;
mod lq;
mod peer;
mod pivot;
mod statics;
mod two_stage;

use std::path::PathBuf;
use std::process::ExitCode;

use vickrey_benches::Failure;

const SEED: u64 = 1;
const USAGE: &str = "usage: side-by-side --python PATH --scripts DIRECTORY [--market static|lq|pivot|two-stage|dual|all] [--sizes N,N] \
                     [--periods T,T] [--max-seconds S]";

fn main() -> ExitCode {
    match Options::read(std::env::args().skip(1)).and_then(|options| compare(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("side-by-side: {error}");
            ExitCode::FAILURE
        }
    }
}

fn compare(options: &Options) -> Result<(), Failure> {
    let wanted = |market| options.market == market || options.market == Market::All;
    if wanted(Market::Static) {
        statics::compare(options)?;
    }
    if wanted(Market::LinearQuadratic) {
        lq::compare(options)?;
    }
    if wanted(Market::Pivot) {
        pivot::compare(options)?;
    }
    if wanted(Market::TwoStage) {
        two_stage::compare(options)?;
    }
    if wanted(Market::Dual) {
        dual::compare(options)?;
    }
    println!();
    println!(
        "`~` marks a run that was stopped: its total is extrapolated, building and solving are what was done."
    );
    println!(
        "Differences of payments are relative to the largest payment of the market. Times are the fastest of several runs:"
    );
    println!("many of ours, three of theirs (fewer where they take more than five seconds).");
    Ok(())
}

/// Which tables are printed.
#[derive(Clone, Copy, PartialEq)]
enum Market {
    Static,
    LinearQuadratic,
    Pivot,
    TwoStage,
    Dual,
    All,
}

/// The command line.
struct Options {
    python: PathBuf,
    scripts: PathBuf,
    market: Market,
    sizes: Option<Vec<usize>>,
    periods: Vec<usize>,
    max_seconds: Option<f64>,
}

impl Options {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let (mut python, mut scripts) = (None, None);
        let mut options = Self {
            python: PathBuf::new(),
            scripts: PathBuf::new(),
            market: Market::All,
            sizes: None,
            periods: vec![4, 12, 24, 48],
            max_seconds: None,
        };
        while let Some(name) = arguments.next() {
            if name == "--help" || name == "-h" {
                println!("{USAGE}");
                std::process::exit(0);
            }
            let value = arguments.next().ok_or_else(|| format!("{name}: the value is missing\n{USAGE}"))?;
            match name.as_str() {
                "--python" => python = Some(PathBuf::from(value)),
                "--scripts" => scripts = Some(PathBuf::from(value)),
                "--market" => options.market = read_market(&value)?,
                "--sizes" => options.sizes = Some(read_numbers("--sizes", &value, 2)?),
                "--periods" => options.periods = read_numbers("--periods", &value, 1)?,
                "--max-seconds" => options.max_seconds = Some(read_seconds(&value)?),
                _ => return Err(format!("unknown option {name}\n{USAGE}").into()),
            }
        }
        options.python = python.ok_or_else(|| format!("--python is missing\n{USAGE}"))?;
        options.scripts = scripts.ok_or_else(|| format!("--scripts is missing\n{USAGE}"))?;
        for script in [statics::SCRIPT, lq::SCRIPT, pivot::SCRIPT, two_stage::SCRIPT, dual::SCRIPT] {
            if !options.scripts.join(script).is_file() {
                return Err(
                    format!("--scripts: there is no {script} in {}", options.scripts.display()).into()
                );
            }
        }
        Ok(options)
    }
}

fn read_market(text: &str) -> Result<Market, Failure> {
    match text {
        "static" => Ok(Market::Static),
        "lq" => Ok(Market::LinearQuadratic),
        "pivot" => Ok(Market::Pivot),
        "two-stage" => Ok(Market::TwoStage),
        "dual" => Ok(Market::Dual),
        "all" => Ok(Market::All),
        _ => {
            Err(format!("--market: found {text}, accepted are static, lq, pivot, two-stage, dual and all")
                .into())
        }
    }
}

fn read_numbers(option: &str, text: &str, least: usize) -> Result<Vec<usize>, Failure> {
    let numbers: Option<Vec<usize>> =
        text.split(',').map(|number| number.trim().parse().ok().filter(|&n| n >= least)).collect();
    numbers.ok_or_else(|| {
        format!("{option}: found {text}, accepted are whole numbers from {least} on, as in 10,30").into()
    })
}

fn read_seconds(text: &str) -> Result<f64, Failure> {
    let seconds: Option<f64> = text.parse().ok().filter(|s: &f64| s.is_finite() && *s > 0.0);
    seconds.ok_or_else(|| format!("--max-seconds: found {text}, accepted is a positive number").into())
}

/// Two significant digits.
fn rounded(x: f64) -> String {
    if x.abs() < 10.0 {
        return format!("{x:.1}");
    }
    let unit = 10_f64.powf(x.abs().log10().floor() - 1.0);
    format!("{}", (x / unit).round() * unit)
}
