//! From a path on the command line to a scenario.

use std::path::Path;

use vickrey_scenario::Scenario;

use crate::args::Common;
use crate::failure::Failure;

/// Reads a scenario file; `--seed` wins over the file's.
pub fn scenario(path: &Path, common: &Common) -> Result<Scenario, Failure> {
    let mut scenario = vickrey_scenario::load(path)?;
    if let Some(seed) = common.seed {
        scenario.seed = seed;
    }
    Ok(scenario)
}

/// The scenario's mechanism is none that the command knows.
pub fn unknown() -> Failure {
    Failure::run("this command does not know the scenario's mechanism yet")
}
