//! What a reader should know about a season, in sentences, and how players bid in words.

use vickrey::mechanism::AgentId;
use vickrey::two_stage::Market;
use vickrey::two_stage::season::Warning;
use vickrey::two_stage::strategies::Bidding;

use super::{MOST_DETAILS, MOST_WATCHED, Repeated, SeasonResult, is_honest};
use crate::input::SeasonScenario;
use crate::output::number::{list, short};

/// The mechanism for people.
pub fn mechanism_words(name: &str) -> &'static str {
    if name == "demand-response" { "demand-response market" } else { "two-stage mechanism" }
}

/// How a player bids, as the command line and scenarios write it.
pub fn bidding_words(spec: &SeasonScenario, player: AgentId) -> String {
    let name = |rival: AgentId| &spec.players[rival];
    let own = |t: usize| &spec.types[player][t];
    match &spec.bidding[player] {
        Bidding::Honest => "honest".into(),
        Bidding::Exaggerate(by) => format!("exaggerate:{by}"),
        Bidding::Mimic => "mimic".into(),
        Bidding::Coupled(_) => "coupled".into(),
        Bidding::Follow { rival, share } => format!("follow:{}:{share}", name(*rival)),
        Bidding::CommonCoin => "coin".into(),
        Bidding::Copy { rival } => format!("copy:{}", name(*rival)),
        Bidding::RideWindow { hidden, shown, share } => {
            format!("ride:{}:{}:{share}", own(*hidden), own(*shown))
        }
        Bidding::BySignal(types) => {
            let words: Vec<&str> = types.iter().map(|t| own(*t).as_str()).collect();
            format!("by-signal:{}", words.join("/"))
        }
    }
}

/// Facts about the result that the numbers do not say by themselves.
pub(super) fn sentences<R: Repeated>(result: &SeasonResult<'_, R>) -> Vec<String> {
    [
        season(result),
        liars(result),
        false_laws(result),
        losers(result),
        listed(result),
        long(result),
        watched(result),
        discretised(result),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn season<R: Repeated>(result: &SeasonResult<'_, R>) -> Option<String> {
    Some(format!(
        "the season is one draw of all types and days (seed {}); honesty brings a player who is not flagged the same money on \
         every day of a kind, so only what is not honest differs from season to season",
        result.scenario.seed
    ))
}

fn names<R: Repeated>(result: &SeasonResult<'_, R>, which: impl Fn(AgentId) -> bool) -> Vec<String> {
    let all = &result.of.season().players;
    (0..all.len()).filter(|&i| which(i)).map(|i| all[i].clone()).collect()
}

fn liars<R: Repeated>(result: &SeasonResult<'_, R>) -> Option<String> {
    let liars = names(result, |i| !is_honest(result.of, i));
    (liars.len() > 1).then(|| {
        format!(
            "{} are not honest at once: no single player gains by that, several together may",
            list(&liars, liars.len(), 4)
        )
    })
}

fn false_laws<R: Repeated>(result: &SeasonResult<'_, R>) -> Option<String> {
    let spec = result.of.season();
    let signals = result.of.market().signals();
    let lies = |i: AgentId| (0..signals).any(|w| spec.reports.law(i, w) != spec.truth.law(i, w));
    let liars = names(result, lies);
    (!liars.is_empty()).then(|| {
        format!(
            "{} report{} another law than the true one: what is expected is what the reported laws say",
            list(&liars, liars.len(), 4),
            if liars.len() == 1 { "s" } else { "" }
        )
    })
}

fn losers<R: Repeated>(result: &SeasonResult<'_, R>) -> Option<String> {
    if result.summary().individually_rational {
        return None;
    }
    let losers = names(result, |i| result.promise.contribution[i] < 0.0);
    Some(format!(
        "{} can expect a loss: without {} the others would do better (W* is below W*_-i), and nobody can be made to take \
         part; `unavailable-without` says which outcomes need a player",
        list(&losers, losers.len(), 4),
        if losers.len() == 1 { "her" } else { "them" }
    ))
}

fn listed<R: Repeated>(result: &SeasonResult<'_, R>) -> Option<String> {
    let several = result.of.market().signals() > 1;
    several.then(|| {
        "public signals are known before bids, and every test looks at each of them by itself: without that, bids could \
         answer to a signal unseen"
            .into()
    })
}

fn long<R: Repeated>(result: &SeasonResult<'_, R>) -> Option<String> {
    (!result.course.detailed()).then(|| {
        format!(
            "more than {MOST_DETAILS} days times players: there is no table of every player's bids by day"
        )
    })
}

fn watched<R: Repeated>(result: &SeasonResult<'_, R>) -> Option<String> {
    (result.players() > MOST_WATCHED).then(|| {
        format!(
            "pictures show {MOST_WATCHED} of {} players: those who are not honest, and the first ones",
            result.players()
        )
    })
}

fn discretised<R: Repeated>(result: &SeasonResult<'_, R>) -> Option<String> {
    let all = &result.of.season().discretised;
    let first = all.first()?;
    Some(format!(
        "laws made from families have finitely many types; their mean is kept, their variance shrinks (for {}, {}: {} instead \
         of {} with {} types)",
        first.whose,
        first.family,
        short(first.obtained[1]),
        short(first.asked[1]),
        first.types
    ))
}

/// What may not be meant that way.
pub(super) fn warnings<R: Repeated>(result: &SeasonResult<'_, R>) -> Vec<String> {
    let spec = result.of.season();
    let mut warnings = Vec::new();
    for warning in result.season.warnings() {
        // What can be said before the first day was said when the scenario was read.
        if let Warning::Signal { signal, seen, days, share } = warning {
            warnings.push(format!(
                "signal `{}` came on {seen} of {days} days, which is not plausible by its frequency of {}: the first stage, and \
                 what is promised, count on that",
                spec.signals[signal],
                short(share)
            ));
        }
    }
    let impossible: Vec<u64> = result.season.tests().impossible();
    for (name, days) in spec.players.iter().zip(impossible).filter(|(_, days)| *days > 0) {
        warnings.push(format!("`{name}` bid types that have probability 0 in her law, on {days} days"));
    }
    if !spec.sealed {
        warnings.push(
            "bids are not sealed: who sees another's bid first can copy it, which gets honest players flagged too"
                .into(),
        );
    }
    warnings
}
