//! Lies in repeated markets: how a player bids, and which law she reports.

use std::fmt;

use vickrey::mechanism::AgentId;
use vickrey::two_stage::Law;
use vickrey::two_stage::strategies::Bidding;
use vickrey_scenario::SeasonScenario;
use vickrey_scenario::output::Named;

use super::number;

const ACCEPTED: &str = "exaggerate:K, mimic, coin, follow:RIVAL:SHARE, copy:RIVAL, ride:HIDDEN:SHOWN:SHARE, by-signal:TYPE/TYPE, honest, \
                        law:P/P/P, joined by commas";

/// The players of a season by their names.
pub struct Players<'a>(pub &'a SeasonScenario);

impl Named for Players<'_> {
    fn name(&self, agent: AgentId) -> std::borrow::Cow<'_, str> {
        self.0.players[agent].as_str().into()
    }
}

/// How a player bids, in the words of the command line.
#[derive(Clone, Debug, PartialEq)]
enum Said {
    Honest,
    Exaggerate(isize),
    Mimic,
    Coin,
    Follow(String, f64),
    Copy(String),
    Ride([String; 2], f64),
    BySignal(Vec<String>),
}

/// What a player does instead of being honest.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    bids: Option<Said>,
    /// The law that she reports, whatever the signal.
    law: Option<Vec<f64>>,
}

impl Plan {
    /// Reads `exaggerate:1`, `follow:Harbour:0.7` or `law:0.2/0.8,mimic`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut plan = Self::default();
        for part in text.split(',').map(str::trim) {
            match part.strip_prefix("law:") {
                Some(_) if plan.law.is_some() => return Err("`law` is given twice".into()),
                Some(list) => plan.law = Some(probabilities(list)?),
                None if plan.bids.is_some() => return Err("it is said twice how she bids".into()),
                None => plan.bids = Some(said(part)?),
            }
        }
        Ok(plan)
    }

    /// How a player of a season bids, and the laws that she reports, if not her true ones.
    pub fn of(&self, spec: &SeasonScenario, player: AgentId) -> Result<(Bidding, Option<Vec<Law>>), String> {
        let bidding = match self.bids.as_ref().unwrap_or(&Said::Honest) {
            Said::Honest => Bidding::Honest,
            Said::Exaggerate(by) => Bidding::Exaggerate(*by),
            Said::Mimic => Bidding::Mimic,
            Said::Coin => Bidding::CommonCoin,
            Said::Follow(name, share) => Bidding::Follow { rival: rival(spec, player, name)?, share: *share },
            Said::Copy(name) => Bidding::Copy { rival: copied(spec, player, name)? },
            Said::Ride([hidden, shown], share) => {
                let [hidden, shown] = [own(spec, player, hidden)?, own(spec, player, shown)?];
                if hidden == shown {
                    return Err("ride: found the same type twice, accepted are two different ones".into());
                }
                Bidding::RideWindow { hidden, shown, share: *share }
            }
            Said::BySignal(types) => {
                let signals = spec.signals.len();
                if types.len() != signals {
                    let found = types.len();
                    return Err(format!(
                        "by-signal: found {found} types, accepted is one for each of the {signals} public signals ({})",
                        spec.signals.join(", ")
                    ));
                }
                Bidding::BySignal(types.iter().map(|word| own(spec, player, word)).collect::<Result<_, _>>()?)
            }
        };
        let law = self.law.clone().map(|law| laws(spec, player, law)).transpose()?;
        Ok((bidding, law))
    }
}

fn laws(spec: &SeasonScenario, player: AgentId, law: Vec<f64>) -> Result<Vec<Law>, String> {
    let types = spec.types[player].len();
    if law.len() != types {
        return Err(format!(
            "law: found {} probabilities, accepted is one for each of the {types} types",
            law.len()
        ));
    }
    Ok(vec![Law::new(law).map_err(|error| format!("law: {error}"))?])
}

fn said(part: &str) -> Result<Said, String> {
    let wrong = || format!("found `{part}`, accepted is {ACCEPTED}");
    let (what, rest) = part.split_once(':').map_or((part, None), |(what, rest)| (what.trim(), Some(rest)));
    match (what, rest) {
        ("honest", None) => Ok(Said::Honest),
        ("mimic", None) => Ok(Said::Mimic),
        ("coin" | "common-coin", None) => Ok(Said::Coin),
        ("exaggerate", None) => Ok(Said::Exaggerate(1)),
        ("exaggerate", Some(by)) => {
            let wrong = || {
                format!(
                    "exaggerate: found `{by}`, accepted is a whole number that is not 0, for example exaggerate:1"
                )
            };
            by.trim().parse().ok().filter(|by| *by != 0).map(Said::Exaggerate).ok_or_else(wrong)
        }
        ("follow", Some(rest)) => match rest.rsplit_once(':') {
            Some((rival, share)) => Ok(Said::Follow(rival.trim().to_owned(), part_of("follow", share)?)),
            None => Ok(Said::Follow(rest.trim().to_owned(), 1.0)),
        },
        ("copy", Some(rival)) => Ok(Said::Copy(rival.trim().to_owned())),
        ("ride", Some(rest)) => {
            let parts: Vec<&str> = rest.split(':').map(str::trim).collect();
            match parts[..] {
                [hidden, shown] => Ok(Said::Ride([hidden.to_owned(), shown.to_owned()], 1.0)),
                [hidden, shown, share] => {
                    Ok(Said::Ride([hidden.to_owned(), shown.to_owned()], part_of("ride", share)?))
                }
                _ => Err(wrong()),
            }
        }
        ("by-signal", Some(types)) => {
            Ok(Said::BySignal(types.split('/').map(|word| word.trim().to_owned()).collect()))
        }
        _ => Err(wrong()),
    }
}

fn part_of(what: &str, text: &str) -> Result<f64, String> {
    let share = number(what, text)?;
    let wrong = || format!("{what}: found a share of {share}, accepted is a number from 0 to 1");
    if (0.0..=1.0).contains(&share) { Ok(share) } else { Err(wrong()) }
}

fn probabilities(list: &str) -> Result<Vec<f64>, String> {
    list.split('/').map(|text| number("law", text)).collect()
}

/// A type by its name, or by its number.
fn own(spec: &SeasonScenario, player: AgentId, word: &str) -> Result<usize, String> {
    let names = &spec.types[player];
    // Where names are numbers themselves, a number means the name.
    let numeric = names.iter().any(|name| name.parse::<f64>().is_ok());
    let number = || word.parse::<usize>().ok().filter(|&t| !numeric && t < names.len());
    names.iter().position(|name| name == word).or_else(number).ok_or_else(|| {
        let shown: Vec<String> = names.iter().take(8).map(|name| format!("`{name}`")).collect();
        let more = if names.len() > 8 { ", ..." } else { "" };
        let or = if numeric { String::new() } else { format!(", or a number from 0 to {}", names.len() - 1) };
        format!("there is no type `{word}`; accepted: {}{more}{or}", shown.join(", "))
    })
}

fn rival(spec: &SeasonScenario, player: AgentId, name: &str) -> Result<AgentId, String> {
    match spec.players.iter().position(|other| other == name) {
        Some(rival) if rival == player => {
            Err(format!("`{name}` is the player herself, accepted is another one"))
        }
        Some(rival) => Ok(rival),
        None => Err(format!("there is no player `{name}`")),
    }
}

/// Whom she copies: only someone whose bid is seen before hers.
fn copied(spec: &SeasonScenario, player: AgentId, name: &str) -> Result<AgentId, String> {
    let rival = rival(spec, player, name)?;
    if spec.sealed {
        return Err(
            "copy: bids are sealed, nobody sees another's; with sealed = false in [season] she could".into(),
        );
    }
    if rival > player {
        return Err(format!("copy: `{name}` bids after her, accepted is a player who stands before her"));
    }
    Ok(rival)
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if let Some(law) = &self.law {
            let law: Vec<String> = law.iter().map(ToString::to_string).collect();
            parts.push(format!("law:{}", law.join("/")));
        }
        parts.extend(self.bids.as_ref().map(|bids| match bids {
            Said::Honest => "honest".to_owned(),
            Said::Exaggerate(by) => format!("exaggerate:{by}"),
            Said::Mimic => "mimic".to_owned(),
            Said::Coin => "coin".to_owned(),
            Said::Follow(rival, share) => format!("follow:{rival}:{share}"),
            Said::Copy(rival) => format!("copy:{rival}"),
            Said::Ride([hidden, shown], share) => format!("ride:{hidden}:{shown}:{share}"),
            Said::BySignal(types) => format!("by-signal:{}", types.join("/")),
        }));
        f.write_str(&parts.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lies_read_back() {
        for text in [
            "honest",
            "exaggerate:-2",
            "mimic",
            "coin",
            "follow:Harbour:0.7",
            "copy:Harbour",
            "ride:0:1:0.5",
            "by-signal:low/high",
            "law:0.25/0.75",
            "law:0.25/0.75,mimic",
        ] {
            assert_eq!(Plan::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Plan::parse("exaggerate").unwrap().to_string(), "exaggerate:1");
        assert_eq!(Plan::parse("follow:A:B:1").unwrap().to_string(), "follow:A:B:1");
        assert_eq!(Plan::parse("mimic, law:1").unwrap().to_string(), "law:1,mimic");
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "exaggerate:0",
            "exaggerate:x",
            "mimic:1",
            "follow",
            "follow:A:2",
            "ride:1",
            "ride:0:1:2:3",
            "law:",
            "law:x",
            "mimic,coin",
            "law:1,law:1",
            "scale:2",
        ] {
            assert!(Plan::parse(text).is_err(), "{text}");
        }
    }
}
