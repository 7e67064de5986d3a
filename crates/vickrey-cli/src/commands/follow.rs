//! `vickrey follow`: take part in a live run of dual decomposition or consensus.

use std::io::{self, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use clap::{Args, ValueHint};
use serde_json::{Value, json};
use vickrey_net::consensus::follow::Wish;
use vickrey_net::consensus::letters::is_address;
use vickrey_net::follow::{Clerk, FollowError, Identity, Private, Sight, Tax, follow};
use vickrey_net::keys::{Enrolment, Key};
use vickrey_scenario::{Own, Problem};

use crate::args::Common;
use crate::failure::Failure;
use crate::format::NONE;
use crate::tables;

/// A try to reach the leader takes no longer.
const DIAL: Duration = Duration::from_secs(5);

/// Take part in a live run, with a cost or a wish that stays on this machine
///
/// Does what the protocol asks, which is the best policy: nothing else gains more than the epsilon of the result. In dual
/// decomposition it answers the leader's prices; in consensus it tells neighbours where it is and moves towards them. The
/// private file has `name`, and `cost` or `wish`, as a follower's table in a scenario. Stopped and started again, it goes on
/// where the run is; in consensus it needs --memory for that.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  vickrey follow --connect 127.0.0.1:7070 --private north.toml --key keys/north.key --enrolment keys/enrolment.toml
  vickrey follow --private scout.toml --key keys/Scout.key --enrolment keys/enrolment.toml --memory scout.memory --place go.csv
  vickrey follow --private scout.toml --key Scout.key --enrolment enrolment.toml --connect 10.0.0.1:7070 --listen 10.0.0.7:7071

Exit code 1: the run failed or the leader was not reached; 2: a file cannot be used, or the cost or wish does not go with the run.")]
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
    /// Consensus: where neighbours dial; port 0 is any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: String,
    /// Consensus: how neighbours reach that, host and port, if it is not the same
    #[arg(long, value_name = "ADDRESS")]
    advertise: Option<String>,
    /// Consensus: write here after every round where to go (CSV: round,position), for whatever moves there
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    place: Option<PathBuf>,
    /// Remember the run here [default: nothing; in dual decomposition answers are computed again, which gives the same]
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
    let leader = enrolment.leader;
    let names: Vec<String> = enrolment.followers.iter().map(|(name, _)| name.clone()).collect();
    let own = match private.own {
        Own::Cost(_) if args.place.is_some() => {
            let problem = Problem::new("--place: nobody has a position in dual decomposition");
            return Err(Failure::input(
                problem.with_help("accepted: --place with a private file that has a wish"),
            ));
        }
        Own::Cost(cost) => Private::Cost(cost),
        Own::Wish(wish) => Private::Wish(wished(args, wish, enrolment)?),
    };
    let consensus = matches!(own, Private::Wish(_));
    if consensus && args.memory.is_none() && !common.json && !common.quiet {
        // Nobody to tell if standard error is closed.
        let _ = writeln!(
            io::stderr(),
            "without --memory a stopped follower cannot go on where she was, and all may be fined"
        );
    }
    let identity = Identity { follower, private: own, key, leader };
    let mut clerk = Clerk::new(identity, args.memory.clone()).map_err(|e| failed(&e))?;
    let dial = || reach(&args.connect);
    let mut watch = |sight: Sight| {
        if let (Some(line), false) = (seen(&sight, &names), common.json || common.quiet) {
            let _ = writeln!(io::stderr(), "{line}");
        }
    };
    let never = AtomicBool::new(false);
    let patience = Duration::from_secs(args.patience);
    let tax = follow(&mut clerk, &dial, patience, &mut watch, &never).map_err(|e| failed(&e))?;
    show(out, &private.name, &tax, common)?;
    Ok(())
}

/// What a follower of consensus has for herself, with a port that is open.
fn wished(args: &Follow, wish: f64, enrolment: Enrolment) -> Result<Wish, Failure> {
    let listener = TcpListener::bind(&args.listen)
        .map_err(|e| Failure::input(Problem::new(format!("--listen {}: {e}", args.listen))))?;
    let local = listener.local_addr()?;
    let address = match &args.advertise {
        Some(address) if is_address(address) => address.clone(),
        Some(address) => {
            let problem = Problem::new(format!("--advertise: found {address:?}"));
            return Err(Failure::input(
                problem.with_help("accepted: host and port, for example 10.0.0.7:7071"),
            ));
        }
        None if local.ip().is_unspecified() => {
            let problem = Problem::new(format!("--listen {}: neighbours cannot dial this", args.listen));
            return Err(Failure::input(
                problem.with_help("accepted: an address of this machine, or --advertise"),
            ));
        }
        None => local.to_string(),
    };
    let (enrolment, listener) = (Arc::new(enrolment), Some(Arc::new(listener)));
    Ok(Wish { wish, enrolment, listener, address, place: args.place.clone() })
}

/// What is worth a line.
fn seen(sight: &Sight, names: &[String]) -> Option<String> {
    let who = |i: &usize| names.get(*i).map_or_else(String::new, |name| crate::format::name(name));
    Some(match sight {
        Sight::Disconnected(why) => format!("not connected ({why}); trying again"),
        Sight::Missed { neighbour, k } => {
            format!("round {k}: {} did not say where she is; she counts as where she was", who(neighbour))
        }
        Sight::TwoStates { neighbour, k, first, second } => {
            let [first, second] = [first, second].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
            format!(
                "round {k}: {} signed two different positions; the first counts\n{first}\n{second}",
                who(neighbour)
            )
        }
        _ => return None,
    })
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
        | FollowError::Outside(_)
        | FollowError::OtherMechanism { .. }
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
    let ends = if matches!(tax.status.as_str(), "agreed" | "fined") { "ends at" } else { "decision" };
    let pairs = [
        ("follower", name.to_owned()),
        (ends, decision.unwrap_or_else(|| NONE.into())),
        ("payment", short(tax.payment)),
        ("epsilon", tax.epsilon.map_or_else(|| NONE.into(), short)),
        ("status", crate::report_live::status_words(&tax.status).into()),
    ];
    tables::pairs(out, &pairs)?;
    Ok(())
}
