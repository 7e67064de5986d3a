//! `vickrey keys`: keys for live runs.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use serde_json::json;
use vickrey_net::keys::{Enrolment, Key};
use vickrey_scenario::Problem;

use crate::args::Common;
use crate::failure::Failure;

/// Make keys with which a leader and followers sign what they say
///
/// Every party makes a key of its own and keeps the file; the public half goes into the enrolment, a file that leader and
/// followers agree on before a run (leader = "key", and `[[follower]]` with name and key for each, in the scenario's order).
/// With --scenario, a folder with keys for everybody and the enrolment: for runs on one machine.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  vickrey keys north.key                            one key; prints its public half
  vickrey keys --scenario water.toml keys           keys/leader.key, one for each follower, keys/enrolment.toml")]
pub struct Keys {
    /// The key file, or with --scenario the folder; nothing that is there is written over
    #[arg(value_hint = ValueHint::AnyPath)]
    path: PathBuf,
    /// A scenario of dual decomposition or consensus whose followers all get keys
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    scenario: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: &Keys, common: &Common, out: &mut dyn Write) -> Result<(), Failure> {
    let Some(scenario) = &args.scenario else {
        let key = Key::generate()?;
        key.write(&args.path)?;
        let public = key.public().to_string();
        if common.json {
            writeln!(out, "{:#}", json!({ "path": args.path.display().to_string(), "key": public }))?;
        } else {
            writeln!(out, "{public}")?;
        }
        return Ok(());
    };
    let scenario = vickrey_scenario::leader(scenario)?;
    let names = scenario.system.names();
    fs::create_dir_all(&args.path).map_err(|e| unusable(&args.path, &e))?;
    let leader = Key::generate()?;
    leader.write(&args.path.join("leader.key"))?;
    let mut enrolment = Enrolment { leader: leader.public(), followers: Vec::new() };
    for (i, name) in names.into_iter().enumerate() {
        let key = Key::generate()?;
        key.write(&args.path.join(file_name(&name, i)))?;
        enrolment.followers.push((name, key.public()));
    }
    let count = enrolment.followers.len();
    let path = args.path.join("enrolment.toml");
    fs::write(&path, enrolment.text()).map_err(|e| unusable(&path, &e))?;
    if common.json {
        writeln!(out, "{:#}", json!({ "enrolment": path.display().to_string(), "followers": count }))?;
    } else {
        writeln!(out, "{}: keys for the leader and {} followers", path.display(), count)?;
    }
    Ok(())
}

fn unusable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::input(Problem::new(format!("{}: {error}", path.display())))
}

/// A follower's name where it is fit for a file, otherwise her number from 1.
fn file_name(name: &str, index: usize) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !name.is_empty() && name != "leader" && name.chars().all(plain) {
        format!("{name}.key")
    } else {
        format!("follower-{}.key", index + 1)
    }
}
