//! `vickrey lead`: lead a live run of dual decomposition.

use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use clap::{Args, ValueHint};
use indicatif::ProgressBar;
use vickrey_net::announce::Terms;
use vickrey_net::course::{Course, Stage};
use vickrey_net::desk::{Desk, Intent};
use vickrey_net::keys::{Enrolment, Key};
use vickrey_net::lead::{LeadError, Notice, lead, listen};
use vickrey_scenario::Problem;

use crate::args::Common;
use crate::failure::Failure;
use crate::report_live;

/// Lead a live run: followers are other processes that keep their costs to themselves
///
/// Listens for the followers of a dual-decomposition scenario (whose costs may be left out), runs the rounds, and ends with
/// decision and taxes. Everything that counts is in the record (--log) before anything rests on it: the same command takes
/// an interrupted run up again, with the same result. Messages are signed but not encrypted: between machines, lead them
/// through a tunnel.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  vickrey lead water.toml --listen 127.0.0.1:7070 --log run.record --key keys/leader.key --enrolment keys/enrolment.toml
  vickrey lead water.toml --listen 10.0.0.1:7070 --private-network --log run.record --key leader.key --enrolment enrolment.toml

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
    /// Seconds that followers have to join; who has not by then takes no part
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    join: u64,
    /// What followers have deposited, for the record
    #[arg(long, value_name = "MONEY", default_value_t = 0.0)]
    deposit: f64,
    /// Listen on an address that other machines can reach: the network is private, or connections go through a tunnel
    #[arg(long)]
    private_network: bool,
}

/// Runs the command.
pub fn run(args: &Lead, common: &Common, out: &mut dyn Write) -> Result<(), Failure> {
    let scenario = vickrey_scenario::leader(&args.scenario)?;
    let timing = scenario.timing;
    let intent = Intent {
        plan: scenario.plan.clone(),
        terms: Terms { round_ms: timing.round_ms, value_ms: timing.value_ms, deposit: args.deposit },
        unlimited: false,
        run: args.run.clone(),
        key: Key::read(&args.key)?,
        enrolment: Enrolment::read(&args.enrolment)?,
    };
    let (mut desk, found) = Desk::open(intent, &args.log)?;
    let listener = listen(&args.listen, args.private_network)
        .map_err(|e| Failure::input(Problem::new(format!("--listen {}: {e}", args.listen))))?;
    let sign = sign_of_life(common);
    if found.records > 0 {
        let cut = found
            .torn
            .map_or_else(String::new, |at| format!("; what was being written at byte {at} is cut off"));
        sign.println(format!("{}: taken up again after {} records{cut}", args.log.display(), found.records));
    }
    let mut watch = |course: &Course, notice: Notice| show(&sign, course, notice);
    let never = AtomicBool::new(false);
    let ended = lead(&mut desk, &listener, Duration::from_secs(args.join), &mut watch, &never);
    sign.finish_and_clear();
    match ended {
        Ok(()) => report_live::course(out, desk.course(), &scenario.units.money, common),
        Err(LeadError::Desk(error)) => Err(error.into()),
        Err(other) => Err(Failure::run(other.to_string())),
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
fn show(sign: &ProgressBar, course: &Course, notice: Notice) {
    const MOST: usize = 5;
    if sign.is_hidden() || matches!(notice, Notice::Closing) {
        return;
    }
    let state = course.state();
    let stage = match course.stage() {
        Stage::Joining => "joining".into(),
        Stage::Rounds => {
            format!("round {}, {} problems solved", course.k(), state.solved_problems().len())
        }
        Stage::Values => "final values".into(),
        Stage::Taxes => "receipts".into(),
        Stage::Over => return,
    };
    let awaited = course.awaited();
    let problem = course.leader().plan().problem();
    let names: Vec<_> = awaited.iter().take(MOST).map(|&i| crate::format::name(&problem.name(i))).collect();
    let more = awaited.len().saturating_sub(MOST);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    sign.set_message(format!("{stage}, waiting for {}{more}", names.join(", ")));
}
