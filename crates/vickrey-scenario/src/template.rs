//! Scenario files to start from.

use crate::Problem;
use crate::input::known_mechanism;

/// The mechanisms for which scenarios can be written.
pub const MECHANISMS: &[&str] = crate::input::keys::MECHANISMS;

/// A commented scenario that runs as it is and explains every key once.
///
/// # Errors
/// There is no mechanism of that name; the nearest is suggested.
pub fn template(mechanism: &str) -> Result<&'static str, Problem> {
    Ok(match known_mechanism(mechanism)? {
        "market" => include_str!("templates/market.toml"),
        "linear-quadratic" => include_str!("templates/linear-quadratic.toml"),
        "pivot" => include_str!("templates/pivot.toml"),
        "two-stage" => include_str!("templates/two-stage.toml"),
        "demand-response" => include_str!("templates/demand-response.toml"),
        "dual-decomposition" => include_str!("templates/dual-decomposition.toml"),
        "consensus" => include_str!("templates/consensus.toml"),
        name => return Err(Problem::new(format!("mechanism `{name}` has no template"))),
    })
}
