//! `vickrey follow`: take part in a live run of dual decomposition.

use std::io::{self, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use clap::{Args, ValueHint};
use serde_json::{Value, json};
use vickrey_net::follow::{Clerk, FollowError, Identity, Sight, Tax, follow};
use vickrey_net::keys::{Enrolment, Key};
use vickrey_scenario::Problem;

use crate::args::Common;
use crate::failure::Failure;
use crate::format::NONE;
use crate::tables;

/// A try to reach the leader takes no longer.
const DIAL: Duration = Duration::from_secs(5);

/// Take part in a live run, with a cost that stays on this machine
///
/// Answers the leader's prices as the protocol asks, which is the best policy: nothing else gains more than the epsilon of
/// the result. The private file has `name` and `cost`, as a follower's table in a scenario. Stopped and started again, it
/// goes on where the run is.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  vickrey follow --connect 127.0.0.1:7070 --private north.toml --key keys/north.key --enrolment keys/enrolment.toml

Exit code 1: the run failed or the leader was not reached; 2: a file cannot be used, or the cost does not go with the run.")]
pub struct Follow {
    /// The leader's address
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7070")]
    connect: String,
    /// The private file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    private: PathBuf,
    /// The key file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    key: PathBuf,
    /// Who takes part, with which key
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    enrolment: PathBuf,
    /// Remember the run and the last answer here [default: computed again, which gives the same]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    memory: Option<PathBuf>,
    /// Give up after so many seconds without a word of the leader
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=604_800))]
    patience: u64,
}

/// Runs the command.
pub fn run(args: &Follow, common: &Common, out: &mut dyn Write) -> Result<(), Failure> {
    let private = vickrey_scenario::private(&args.private, None)?;
    let enrolment = Enrolment::read(&args.enrolment)?;
    let key = Key::read(&args.key)?;
    let Some(follower) = enrolment.followers.iter().position(|(name, _)| *name == private.name) else {
        let names: Vec<_> = enrolment.followers.iter().map(|(name, _)| name.as_str()).collect();
        let message =
            format!("{}: `name` is {:?}, which is not enrolled", args.private.display(), private.name);
        return Err(Failure::input(
            Problem::new(message).with_help(format!("accepted: {}", names.join(", "))),
        ));
    };
    if enrolment.followers[follower].1 != key.public() {
        let message = format!(
            "{}: found another key than the one {:?} is enrolled with",
            args.key.display(),
            private.name
        );
        return Err(Failure::input(Problem::new(message)));
    }
    let identity = Identity { follower, cost: private.cost, key, leader: enrolment.leader };
    let mut clerk = Clerk::new(identity, args.memory.clone()).map_err(|e| failed(&e))?;
    let dial = || reach(&args.connect);
    let mut watch = |sight: Sight| {
        if let (Sight::Disconnected(why), false) = (sight, common.json || common.quiet) {
            // Nobody to tell if standard error is closed.
            let _ = writeln!(io::stderr(), "not connected ({why}); trying again");
        }
    };
    let never = AtomicBool::new(false);
    let patience = Duration::from_secs(args.patience);
    let tax = follow(&mut clerk, &dial, patience, &mut watch, &never).map_err(|e| failed(&e))?;
    show(out, &private.name, &tax, common)?;
    Ok(())
}

fn reach(address: &str) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, format!("{address}: found no such address"));
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, DIAL) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn failed(error: &FollowError) -> Failure {
    match error {
        FollowError::Unacceptable(_)
        | FollowError::Unfit(_)
        | FollowError::Number { .. }
        | FollowError::Memory { .. } => Failure::input(Problem::new(error.to_string())),
        FollowError::TwoFaced { first, second } => {
            let texts = [first, second].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
            Failure::run_with_help(error.to_string(), &texts.join("\n"))
        }
        _ => Failure::run(error.to_string()),
    }
}

fn show(out: &mut dyn Write, name: &str, tax: &Tax, common: &Common) -> Result<(), Failure> {
    if common.json {
        let signed: Value = serde_json::from_slice(&tax.signed)?;
        let document = json!({
            "follower": name,
            "payment": tax.payment,
            "decision": tax.decision,
            "epsilon": tax.epsilon,
            "status": tax.status,
            "signed": signed,
        });
        writeln!(out, "{document:#}")?;
        return Ok(());
    }
    let short = vickrey_scenario::output::number::short;
    let decision = tax.decision.as_ref().map(|z| z.iter().map(|x| short(*x)).collect::<Vec<_>>().join(", "));
    let pairs = [
        ("follower", name.to_owned()),
        ("decision", decision.unwrap_or_else(|| NONE.into())),
        ("payment", short(tax.payment)),
        ("epsilon", tax.epsilon.map_or_else(|| NONE.into(), short)),
        ("status", crate::report_live::status_words(&tax.status).into()),
    ];
    tables::pairs(out, &pairs)?;
    Ok(())
}
