//! What is accepted and looks like a mistake, or will surprise.

use vickrey::two_stage::law::WARN;
use vickrey::two_stage::season::{self, Warning};
use vickrey::two_stage::{Market, Supertypes, Tests, Window};

use super::SeasonScenario;
use crate::diagnostic::{shorten, written};
use crate::output::number::short;

/// So many players are named before the rest is counted.
const MOST_NAMED: usize = 3;

/// Everything that is worth a warning.
pub(super) fn all<M: Market>(season: &SeasonScenario, market: &M, warnings: &mut Vec<String>) {
    sums(season, warnings);
    unlikely(season, warnings);
    if matches!(season.terms.window, Window::Printed { .. }) && season.terms.burn_in == 0 {
        warnings.push(
            "[tests]: the printed window without a burn-in flags honest players on the first days; burn-in = 30 \
             spares them most of it, window = \"union-bound\" nearly all"
                .to_owned(),
        );
    }
    penalty(season, market, warnings);
    joint_tests(season, market, warnings);
}

/// Penalties that do not outweigh lies from the first day on.
fn penalty<M: Market>(season: &SeasonScenario, market: &M, warnings: &mut Vec<String>) {
    for warning in season::warnings(market, &season.reports, &season.terms) {
        if let Warning::Penalty { spread, from, .. } = warning {
            warnings.push(format!(
                "[tests]: the penalty outweighs what a false type can bring (at most {} a day) only from day {} on: \
                 penalty-scale = {} would from the first day",
                short(spread),
                short(from),
                short(2.0 * spread)
            ));
        }
    }
}

/// Names of some players, and how many more.
fn named(players: &[&str]) -> String {
    let names: Vec<String> =
        players.iter().take(MOST_NAMED).map(|name| format!("`{}`", shorten(name))).collect();
    let more = players.len().saturating_sub(MOST_NAMED);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{rest}", names.join(", "))
}

/// Players of whom something holds under some signal.
fn whose(season: &SeasonScenario, holds: impl Fn(usize, usize) -> bool) -> Vec<&str> {
    let some = |i: &usize| (0..season.signals.len()).any(|w| holds(*i, w));
    (0..season.players.len()).filter(some).map(|i| season.players[i].as_str()).collect()
}

/// Probabilities that do not add up to 1 exactly are used as they are.
fn sums(season: &SeasonScenario, warnings: &mut Vec<String>) {
    for (of, what) in [(&season.reports, "law"), (&season.truth, "true-law")] {
        let off = of.deviation();
        if off <= WARN || (what == "true-law" && season.truth == season.reports) {
            continue;
        }
        let far = |of: &Supertypes, i: usize, w: usize| (of.law(i, w).sum() - 1.0).abs() > WARN;
        let players = whose(season, |i, w| far(of, i, w));
        warnings.push(format!(
            "`{what}` of {}: the probabilities add up to 1 only within {off:.1e}; they are used as given, and results are \
             off by about as much for each player",
            named(&players)
        ));
    }
}

/// Types with reported probability 0 can be bid all the same.
fn unlikely(season: &SeasonScenario, warnings: &mut Vec<String>) {
    let zero = |i: usize, w: usize| season.reports.law(i, w).probabilities().contains(&0.0);
    let players = whose(season, zero);
    if !players.is_empty() {
        warnings.push(format!(
            "{}: a type has reported probability 0. Bids of it are accepted and counted; they are not punished at once but \
             when their frequency reaches the window",
            named(&players)
        ));
    }
}

/// The joint test needs a profile of all others to have come up in a share of the days as large as the window.
fn joint_tests<M: Market>(season: &SeasonScenario, market: &M, warnings: &mut Vec<String>) {
    let n = season.players.len();
    let score = |i, t| market.score(i, t);
    let types = market.types();
    let tests = Tests::new(season.reports.clone(), types, market.signals(), season.terms, &score);
    let Ok(tests) = tests else { return };
    // The most frequent type of each player under each signal.
    let most = |i: usize, w: usize| {
        season.reports.law(i, w).probabilities().iter().fold(0.0_f64, |most, p| most.max(*p))
    };
    let share = |i: usize| {
        let of = |w: usize| (0..n).filter(|j| *j != i).map(|j| most(j, w)).product::<f64>();
        (0..market.signals()).map(of).fold(0.0, f64::max)
    };
    let first = |i: usize| tests.threshold(i).detection(share(i));
    let Some((player, day)) = (0..n)
        .filter(|i| types[*i] > 1 && n > 1)
        .map(|i| (i, first(i)))
        .max_by(|a, b| a.1.unwrap_or(u64::MAX).cmp(&b.1.unwrap_or(u64::MAX)))
    else {
        return;
    };
    if day.is_some_and(|day| day <= season.days) {
        return;
    }
    let when = day.map_or("at all".to_owned(), |day| format!("before day {}", written(day as f64)));
    let instead = match (season.terms.pairwise, season.terms.bins) {
        (false, None) => "; pairwise = true or bins in [tests] see lies between fewer players sooner",
        (true, None) => "; the pairwise test sees lies between two players sooner",
        (false, Some(_)) => "; the binned test sees what it looks at sooner",
        (true, Some(_)) => "; the pairwise and the binned test see what they look at sooner",
    };
    warnings.push(format!(
        "[tests]: the joint test against all others together can see nothing of `{}` {when}, as even the others' most likely \
         types come together too rarely; the season has {} days{instead}",
        shorten(&season.players[player]),
        season.days
    ));
}
