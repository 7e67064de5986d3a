//! `vickrey lead`: lead a live run of dual decomposition or consensus.

use std::io::{self, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use clap::{Args, ValueHint};
use indicatif::ProgressBar;
use vickrey::faithful::consensus::{self, Rules, Watch};
use vickrey_net::announce::Terms;
use vickrey_net::course::{Course, Stage};
use vickrey_net::desk::{Desk, Intent, What};
use vickrey_net::keys::{Enrolment, Key};
use vickrey_net::lead::{LeadError, Notice, lead};
use vickrey_net::mechanism::Mechanism;
use vickrey_scenario::{LiveSystem, Problem};

use crate::args::Common;
use crate::failure::Failure;
use crate::report_live;

/// Lead a live run: followers are other processes that keep their costs or wishes to themselves
///
/// Listens for the followers of a scenario of dual decomposition or consensus (costs and wishes may be left out) and ends
/// with decision and taxes. In dual decomposition the leader runs the rounds; in consensus neighbours talk to each other,
/// everybody has to join, and a sensor says in the end where all stand (--observe). Everything that counts is in the record
/// (--log) before anything rests on it: the same command takes an interrupted run up again, with the same result. Lines are
/// encrypted, and both ends prove the keys of the enrolment (TLS 1.3).
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  vickrey lead water.toml --listen 127.0.0.1:7070 --log run.record --key keys/leader.key --enrolment keys/enrolment.toml
  vickrey lead water.toml --listen 10.0.0.1:7070 --log run.record --key leader.key --enrolment enrolment.toml
  vickrey lead rendezvous.toml --log run.record --key keys/leader.key --enrolment keys/enrolment.toml --observe seen.csv

Consensus: seen.csv has the columns follower,position and a line for every follower; something that sees them writes it when
all stand still. One follower who is silent can make everybody pay the fine.

Exit code 1: the run failed; 2: the scenario, a key or the record cannot be used.")]
pub struct Lead {
    /// The scenario file
    #[arg(value_hint = ValueHint::FilePath)]
    scenario: PathBuf,
    /// Where to listen
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7070")]
    listen: String,
    /// The record of the run; an unfinished one is taken up again
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    log: PathBuf,
    /// The leader's key file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    key: PathBuf,
    /// Who takes part, with which key
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    enrolment: PathBuf,
    /// Name of the run [default: a random one, or the record's]
    #[arg(long, value_name = "NAME")]
    run: Option<String>,
    /// Seconds that followers have to join; who has not by then takes no part, and in consensus there is no run then
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    join: u64,
    /// Consensus: where a sensor writes the final positions (CSV: follower,position) [default: positions are believed as
    /// followers report them, which lets liars gain]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    observe: Option<PathBuf>,
    /// What followers have deposited, for the record
    #[arg(long, value_name = "MONEY", default_value_t = 0.0)]
    deposit: f64,
}

/// Runs the command.
pub fn run(args: &Lead, common: &Common, out: &mut dyn Write) -> Result<(), Failure> {
    let scenario = vickrey_scenario::leader(&args.scenario)?;
    let timing = scenario.timing;
    let intent = Intent {
        what: what(&scenario.system, args.observe.as_deref())?,
        terms: Terms { round_ms: timing.round_ms, value_ms: timing.value_ms, deposit: args.deposit },
        run: args.run.clone(),
        key: Key::read(&args.key)?,
        enrolment: Enrolment::read(&args.enrolment)?,
    };
    let (mut desk, found) = Desk::open(intent, &args.log)?;
    let listener = TcpListener::bind(&args.listen)
        .map_err(|e| Failure::input(Problem::new(format!("--listen {}: {e}", args.listen))))?;
    let sign = sign_of_life(common);
    if found.records > 0 {
        let cut = found
            .torn
            .map_or_else(String::new, |at| format!("; what was being written at byte {at} is cut off"));
        sign.println(format!("{}: taken up again after {} records{cut}", args.log.display(), found.records));
    }
    if !common.json && !common.quiet {
        for line in report_live::cautions(desk.course().mechanism()) {
            // Nobody to tell if standard error is closed.
            let _ = writeln!(io::stderr(), "{line}");
        }
    }
    let mut unseen = String::new();
    let mut watch = |course: &Course, notice: Notice| match notice {
        // Said once, however often it is looked at.
        Notice::Unseen(why) if why != unseen && !common.quiet => {
            let _ = sign.suspend(|| writeln!(io::stderr(), "{why}"));
            unseen = why;
        }
        notice => show(&sign, course, &notice),
    };
    let never = AtomicBool::new(false);
    let ended = lead(&mut desk, &listener, Duration::from_secs(args.join), &mut watch, &never);
    sign.finish_and_clear();
    match ended {
        Ok(()) => report_live::course(out, desk.course(), &scenario.units.money, common),
        Err(LeadError::Desk(error)) => Err(error.into()),
        Err(other) => Err(Failure::run(other.to_string())),
    }
}

/// What is played. Where nobody looks, positions are reported ones: followers are told so.
fn what(system: &LiveSystem, observe: Option<&Path>) -> Result<What, Failure> {
    match (system, observe) {
        (LiveSystem::Dual { .. }, Some(_)) => {
            let problem = Problem::new("--observe: nobody has a position in dual decomposition");
            Err(Failure::input(problem.with_help("accepted: --observe with a scenario of consensus")))
        }
        (LiveSystem::Dual { plan, .. }, None) => Ok(What::Dual { plan: plan.clone(), unlimited: false }),
        (LiveSystem::Consensus(rules), Some(_)) if rules.watch() == Watch::Reported => {
            let problem = Problem::new("--observe: the scenario says watch = \"reported\"");
            Err(Failure::input(
                problem.with_help("accepted: --observe with watch = \"observed\", or neither"),
            ))
        }
        (LiveSystem::Consensus(rules), observe) => {
            let watch = if observe.is_some() { Watch::Observed } else { Watch::Reported };
            let (step, rounds, test) = (Some(rules.step()), rules.rounds(), rules.test());
            let terms = consensus::Terms { step, rounds, test, watch };
            let rules = Rules::new(rules.instance().clone(), terms);
            let rules = rules.map_err(|e| Failure::input(Problem::new(e.to_string())))?;
            Ok(What::Consensus { rules: Arc::new(rules), observe: observe.map(Path::to_path_buf) })
        }
    }
}

fn sign_of_life(common: &Common) -> ProgressBar {
    if common.json || common.quiet {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// One line: where the run is, and for whom it waits.
fn show(sign: &ProgressBar, course: &Course, notice: &Notice) {
    const MOST: usize = 5;
    if sign.is_hidden() || matches!(notice, Notice::Closing) {
        return;
    }
    let stage = match (course.stage(), course.mechanism()) {
        (Stage::Joining, _) => "joining".into(),
        (Stage::Rounds, Mechanism::Dual(side)) => {
            format!("round {}, {} problems solved", course.k(), side.state().solved_problems().len())
        }
        (Stage::Rounds, Mechanism::Consensus(side)) => {
            format!("{} rounds between neighbours", side.rules().rounds())
        }
        (Stage::Values, _) => "final values".into(),
        (Stage::Observing, _) => {
            return sign.set_message("waiting for a sensor to write where everybody stands");
        }
        (Stage::Taxes, _) => "receipts".into(),
        (Stage::Over, _) => return,
    };
    let awaited = course.awaited();
    let names: Vec<_> = awaited.iter().take(MOST).map(|&i| crate::format::name(&course.name(i))).collect();
    let more = awaited.len().saturating_sub(MOST);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    sign.set_message(format!("{stage}, waiting for {}{more}", names.join(", ")));
}
