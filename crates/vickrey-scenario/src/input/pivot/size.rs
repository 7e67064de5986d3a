//! How large an instance is, before anything large is built.

use vickrey::pivot::exchangeable::groups;
use vickrey::pivot::{Model, Options, plan};

use super::Terms;
use crate::input::sheet::Desk;

/// A solver needs at least two numbers for each joint state.
const PER_JOINT_STATE: f64 = 16.0;

/// Number of joint states.
pub(super) fn joint(publics: usize, types: impl Iterator<Item = usize>) -> f64 {
    types.fold(publics as f64, |product, types| product * types as f64)
}

/// Whether a solver can begin; reports that it cannot.
///
/// All joint states count only if nothing smaller serves: projects for one licence are solved one by one, players whom no
/// decision moves period by period, and of players who can change places only multisets of types count.
pub(super) fn fits(model: &Model, terms: &Terms, desk: &mut Desk) -> bool {
    let parts = model.parts();
    let joint = joint(parts.public.states, parts.players.iter().map(|player| player.types));
    let options = Options { mode: terms.without, memory: terms.memory, ..Options::default() };
    PER_JOINT_STATE * joint <= terms.memory as f64
        || plan(model, &options).is_ok()
        || in_multisets(model, terms, desk)
}

/// Whether all joint states fit the memory, as is needed to look between them; reports that they do not.
pub(super) fn all_fit(model: &Model, terms: &Terms, desk: &mut Desk) -> bool {
    let parts = model.parts();
    let joint = joint(parts.public.states, parts.players.iter().map(|player| player.types));
    let what = || format!("{} joint states of grids {} times as fine", count(joint), terms.finer);
    enough(PER_JOINT_STATE * joint, what, terms, desk)
}

/// Whether joint states fit, of players who can change places only multisets; reports that they do not.
fn in_multisets(model: &Model, terms: &Terms, desk: &mut Desk) -> bool {
    let parts = model.parts();
    let types = || parts.players.iter().map(|player| player.types);
    let joint = joint(parts.public.states, types());
    let groups = groups(model);
    let counted = groups.iter().fold(parts.public.states as f64, |product, group| {
        product * multisets(model.player(group[0]).types, group.len())
    });
    let what = || {
        let publics = match parts.public.states {
            1 => String::new(),
            states => format!("{states} public states x "),
        };
        let types: Vec<String> = types().take(12).map(|n| n.to_string()).collect();
        let more = if parts.players.len() > 12 { " x …" } else { "" };
        let alike = match groups.len() < parts.players.len() {
            true => format!(", and players who can change places make them {}", count(counted)),
            false => String::new(),
        };
        format!("{} joint states ({publics}types {}{more}{alike})", count(joint), types.join(" x "))
    };
    enough(PER_JOINT_STATE * counted, what, terms, desk)
}

/// In how many ways some players can have types, if it does not matter who has which.
fn multisets(types: usize, players: usize) -> f64 {
    (1..=players).fold(1.0, |ways, k| ways * (types + k - 1) as f64 / k as f64)
}

/// Whether players can have a list of utilities for each decision; reports that they cannot.
pub(super) fn by_decision(
    players: &str,
    decisions: usize,
    types: impl Iterator<Item = usize>,
    terms: &Terms,
    desk: &mut Desk,
) -> bool {
    let (count, per_decision) =
        types.fold((0, 0.0), |(count, bytes), n| (count + 1, bytes + 32.0 + 8.0 * n as f64));
    let what = || format!("{count} {players} with {decisions} decisions");
    enough(per_decision * decisions as f64, what, terms, desk)
}

/// Whether so many bytes are allowed; reports that they are not.
pub(super) fn enough(bytes: f64, what: impl FnOnce() -> String, terms: &Terms, desk: &mut Desk) -> bool {
    if bytes <= terms.memory as f64 {
        return true;
    }
    let message = format!(
        "[pivot]: {} take at least {}, accepted is at most {}",
        what(),
        words(bytes),
        words(terms.memory as f64)
    );
    let help =
        "make the instance smaller, or raise `memory` in [pivot] (in MiB) if the machine has more".to_owned();
    desk.at(terms.memory_at.clone(), message, "too large", help);
    false
}

/// A number of bytes in words.
fn words(bytes: f64) -> String {
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let step = (0..units.len() - 1).find(|k| bytes < 1024f64.powi(*k as i32 + 1)).unwrap_or(units.len() - 1);
    let x = bytes / 1024f64.powi(step as i32);
    if x < 1e6 {
        format!("{} {}", (x * 10.0).round() / 10.0, units[step])
    } else {
        format!("{x:.1e} {}", units[step])
    }
}

/// A whole number that may be large.
pub(super) fn count(x: f64) -> String {
    if x < 1e15 { format!("{x:.0}") } else { format!("{x:.2e}") }
}
