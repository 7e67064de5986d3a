//! `vickrey simulate`: truthful and strategic agents on the same random numbers.

mod consensus;
mod dual;
mod layered;
mod market;
mod pairs;
mod pivot;
mod plan;
mod two_stage;

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use serde::Serialize;
use vickrey_scenario::output::{Document, PictureFile, Table};
use vickrey_scenario::{MarketKind, Problem, System};

use super::run::OutFolder;
use crate::args::Common;
use crate::failure::Failure;
use crate::loading;

/// Honest agents that are listed beside the liars.
const MOST_HONEST: usize = 30;

/// Play a scenario many times, with some agents lying beside the truthful run
///
/// Plays every run twice on the same random numbers, once with everybody truthful and once with the given lies, and prints
/// what every liar and everybody else gains or loses. Under an incentive compatible rule no single liar gains (in a layered
/// market and in a dynamic pivot mechanism: on average); several liars together may. Where states are random, it also shows
/// how budget and net utilities are distributed: how often the operator runs a deficit, and how often an agent is worse off
/// than without trade.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  vickrey simulate market.toml --liars Hydro=scale:1.2
  vickrey simulate market.toml --liars Hydro=scale:1.2,cap:40 Smelter=shift:-3
  vickrey simulate market.toml --liars Hydro=random --runs 100 --seed 7
  vickrey simulate examples/hidden-states.toml --runs 1000 --out results/nights
  vickrey simulate examples/hidden-states.toml --liars Battery=best
  vickrey simulate examples/storage.toml --liars Harbour=report:depleted --runs 10000
  vickrey simulate examples/storage.toml --liars Harbour=swap,only:0-1 Quarry=silent:2
  vickrey simulate examples/storage.toml --leak --liars Harbour=informed
  vickrey simulate season.toml --liars Laundry=exaggerate:1 --runs 50
  vickrey simulate examples/rendezvous.toml --liars Scout=stand
  vickrey simulate shared.toml --liars Hydro=constant:0.5/1 Gas=silent:3-5
  vickrey simulate shared.toml --liars Hydro=best

Lies in a market: `scale:X` reports X times the true utility (a producer with X > 1 exaggerates its costs), `shift:X` adds
X to the marginal utility, `cap:X` admits to trade no more than X; they can be joined by commas. `random` draws scale,
shift and cap in every run. `silent` reports nothing, and so does a lie that leaves nothing to trade.

Lies in a linear-quadratic market: every bid is X times the truth (`scale:X`), X too high (`bias:X`), blurred by noise of
this standard deviation (`noise:X`), what the truth was a period ago (`delay`); `forgetful` bids only what is new instead
of catching up with earlier lies; `only:FROM-TO` lies in these periods; `silent` and `silent:P` bid nothing (with
probability P). `q:X`, `r:X`, `a:X`, `b:X` report X times the own parameter before the start. They can be joined by commas.
`random` draws scale, bias and noise in every run. `best` is the scale and bias that gain most in runs of their own, which
are not those that are reported. In a plan, scale and bias act on the reported state at the start, and random and best on
parameters, too.

Lies in a dynamic pivot mechanism: `report:TYPE` always reports this type, by its name or its number counted from 0;
`swap` reports the types in reverse order (of two the other one); `shift:K` the K-th next type, at most the last, or with a
negative K backwards; `map:TYPE>TYPE,TYPE>TYPE` some types as others. `silent:PERIOD` stays silent from this period on (and
`silent` from the first), which is leaving for good: the others go on by the mechanism without her. `only:FROM-TO` lies in
these periods. They can be joined by commas. With --leak players know the outcome before they report; `informed` is then
the report that is best for who knows it.

Lies in a market that repeats every day (two-stage, demand-response): `exaggerate:K` bids the K-th next type, `mimic` bids
by the reported law whatever the type, `coin` bids where a coin that all see falls in the law, `follow:RIVAL:SHARE` is
driven by a rival's last bid on this share of the days, `copy:RIVAL` bids what a rival before her bid (only if bids are not
sealed), `ride:HIDDEN:SHOWN:SHARE` bids one type for another as long as that stays within a share of the window,
`by-signal:TYPE/TYPE` bids a type for each public signal. `law:P/P/P` reports another law; with `mimic` it is never flagged.
What is not named bids as the scenario says; beside it everybody is honest.

Lies in dual decomposition: `scale:X` acts to the end as if the cost were X times what it is, `shift:Z` as
if a unit of each decision cost so much more; `constant:Z` gives the same
answer to every price, `script:Z;Z;...` these answers round by round (decisions joined by `/`), `values:X` says in the end that
the decision costs X times what it does, `silent:FROM-TO` sends nothing in these rounds, `garbage` sends no numbers,
`announce:M` another curvature, where curvatures are announced. `best` is what an audit's search finds to gain most while the
others are faithful. What is not named does as `play` in the scenario says; `faithful` is no lie.

Lies in consensus: `stand` stays where the follower would like to be, `start:X` is faithful from another point, `mislead:X` tells
neighbours positions shifted by X, `silent:ROUND` sends nothing and stands still from this round on, `garbage` sends no
numbers, `value:X` adds X to what the position is said to cost, `pretend` stays and names the common point. `best` is the best
of all messages and final positions while the others are faithful. `faithful` is no lie.")]
pub struct Simulate {
    /// The scenario file
    #[arg(value_hint = ValueHint::FilePath)]
    scenario: PathBuf,
    /// Agents and their lies
    #[arg(long, value_name = "NAME=LIE", num_args = 1..)]
    liars: Vec<String>,
    /// How often to play, each time with another seed [default: 1; 200 where states are random; 100 seasons]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    runs: Option<u32>,
    /// In a dynamic pivot mechanism: players know the outcome before they report
    #[arg(long)]
    leak: bool,
    #[command(flatten)]
    out: OutFolder,
}

/// Runs the command.
pub fn run(args: &Simulate, common: &Common, out: &mut dyn Write) -> Result<(), Failure> {
    let scenario = loading::scenario(&args.scenario, common)?;
    let folder = args.out.checked()?;
    let to = Target { folder, out: &args.out, common };
    if args.leak && !matches!(scenario.system, System::Pivot(_)) {
        let problem =
            Problem::new("--leak: outcomes are drawn after the reports in a dynamic pivot mechanism only");
        return Err(Failure::input(problem.with_help("leave --leak out")));
    }
    match &scenario.system {
        System::Market(market) => market::run(&scenario, market, args, &to, out),
        System::LinearQuadratic(lq) if lq.kind == MarketKind::Plan => {
            plan::run(&scenario, lq, args, &to, out)
        }
        System::LinearQuadratic(lq) => layered::run(&scenario, lq, args, &to, out),
        System::Pivot(pivot) => pivot::run(&scenario, pivot, args, &to, out),
        System::TwoStage(of) => two_stage::run(&scenario, &**of, args, &to, out),
        System::DemandResponse(of) => two_stage::run(&scenario, &**of, args, &to, out),
        System::Dual(of) => dual::run(&scenario, of, args, &to, out),
        System::Consensus(of) => consensus::run(&scenario, of, args, &to, out),
        _ => Err(loading::unknown()),
    }
}

/// Where a simulation goes.
struct Target<'a> {
    folder: Option<&'a Path>,
    out: &'a OutFolder,
    common: &'a Common,
}

impl Target<'_> {
    /// Writes the folder, if one is wanted, and prints: the document for machines, by `print` for people.
    fn finish<P: Clone + Serialize>(
        &self,
        document: &Document<P>,
        tables: &[Box<dyn Table + '_>],
        pictures: impl FnOnce() -> Result<Vec<PictureFile>, Failure>,
        out: &mut dyn Write,
        print: impl FnOnce(&mut dyn Write) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let written = match self.folder {
            None => None,
            Some(path) => {
                let tables: Vec<&dyn Table> = tables.iter().map(|table| &**table as &dyn Table).collect();
                Some(document.write(&tables, &pictures()?, path, self.out.existing())?)
            }
        };
        if self.common.json {
            out.write_all(document.to_json()?.as_bytes())?;
            return Ok(());
        }
        print(out)?;
        if let Some(path) = written {
            writeln!(out, "\nwritten to {}", path.display())?;
        }
        Ok(())
    }
}
