//! Lies in dynamic pivot mechanisms.

use std::fmt;

use vickrey::mechanism::AgentId;
use vickrey::pivot::Model;
use vickrey::pivot::strategies::Lie;
use vickrey_scenario::output::Named;

const ACCEPTED: &str = "report:TYPE, swap, shift:K, map:TYPE>TYPE, informed, silent, silent:PERIOD, only:FROM-TO, joined by commas";

/// The players of an instance by their names.
pub struct Players<'a>(pub &'a Model);

impl Named for Players<'_> {
    fn name(&self, agent: AgentId) -> std::borrow::Cow<'_, str> {
        self.0.labels().players[agent].as_str().into()
    }
}

/// What a player reports while she is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reports {
    /// Her type.
    Truth,
    /// Always the same type.
    Always(String),
    /// The types in reverse order: of two types the other one.
    Swap,
    /// So many types further, at most the last (or, backwards, the first).
    Shift(i64),
    /// Some types as others.
    Map(Vec<(String, String)>),
    /// What is best for who knows the outcome.
    Informed,
}

/// What a player does instead of telling the truth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What she reports.
    pub reports: Reports,
    /// Leaves for good in this period.
    pub silent_from: Option<usize>,
    /// Lies in these periods only.
    pub only: Option<(usize, usize)>,
}

impl Plan {
    /// Reads `report:depleted,only:0-2`, `map:a>b,c>d`, `shift:1,silent:3` or `informed`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut plan = Self { reports: Reports::Truth, silent_from: None, only: None };
        for part in text.split(',').map(str::trim) {
            plan.take(part)?;
        }
        match (&plan.reports, plan.silent_from, plan.only) {
            (Reports::Truth, None, None) => Err(format!("found nothing, accepted is {ACCEPTED}")),
            (Reports::Truth, _, Some(_)) => Err(
                "`only` says when a lie is told, but there is none: add report, swap, shift, map or informed"
                    .into(),
            ),
            _ => Ok(plan),
        }
    }

    fn take(&mut self, part: &str) -> Result<(), String> {
        let (what, value) =
            part.split_once(':').map_or((part, None), |(what, x)| (what.trim(), Some(x.trim())));
        let reports = match (what, value) {
            ("silent", None) => return once(&mut self.silent_from, 0, "silent"),
            ("silent", Some(text)) => return once(&mut self.silent_from, period(text)?, "silent"),
            ("only", Some(span)) => return once(&mut self.only, periods(span)?, "only"),
            ("report", Some(own)) if !own.is_empty() => Reports::Always(own.to_owned()),
            ("swap", None) => Reports::Swap,
            ("shift", Some(text)) => Reports::Shift(shift(text)?),
            ("informed", None) => Reports::Informed,
            ("map", Some(pair)) => Reports::Map(vec![arrow(pair)?]),
            _ => {
                let Reports::Map(pairs) = &mut self.reports else {
                    return Err(format!("found `{part}`, accepted is {ACCEPTED}"));
                };
                pairs.push(arrow(part)?);
                return Ok(());
            }
        };
        if self.reports != Reports::Truth {
            return Err("report, swap, shift, map and informed say what is reported: one of them".into());
        }
        self.reports = reports;
        Ok(())
    }

    /// The lie of a player of an instance in which so many periods are played. What who is informed reports is left open.
    pub fn lie(&self, model: &Model, player: AgentId, periods: usize) -> Result<Lie, String> {
        let last = periods - 1;
        let beyond =
            |what: &str, found: usize| Err(format!("{what}: found period {found}, accepted are 0 to {last}"));
        match (self.silent_from, self.only) {
            (Some(from), _) if from > last => return beyond("silent", from),
            (_, Some((_, to))) if to > last => return beyond("only", to),
            _ => {}
        }
        let types = model.player(player).types;
        let number = |word: &String| by_name(&model.labels().types[player], word);
        let report = match &self.reports {
            Reports::Truth | Reports::Informed => Vec::new(),
            Reports::Always(word) => vec![number(word)?; types],
            Reports::Swap => (0..types).rev().collect(),
            Reports::Shift(by) => (0..types).map(|own| shifted(own, *by, types - 1)).collect(),
            Reports::Map(pairs) => {
                let mut report: Vec<usize> = (0..types).collect();
                for (from, to) in pairs {
                    report[number(from)?] = number(to)?;
                }
                report
            }
        };
        Ok(Lie { report, informed: None, silent_from: self.silent_from, only: self.only })
    }
}

fn once<T>(slot: &mut Option<T>, value: T, what: &str) -> Result<(), String> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(format!("`{what}` is given twice")),
    }
}

fn shifted(own: usize, by: i64, last: usize) -> usize {
    let size = usize::try_from(by.unsigned_abs()).unwrap_or(usize::MAX);
    if by < 0 { own.saturating_sub(size) } else { own.saturating_add(size).min(last) }
}

/// A type by its name, or by its number.
fn by_name(names: &[String], word: &str) -> Result<usize, String> {
    let number = || word.parse::<usize>().ok().filter(|&k| k < names.len());
    names.iter().position(|name| name == word).or_else(number).ok_or_else(|| {
        let shown: Vec<String> = names.iter().take(8).map(|name| format!("`{name}`")).collect();
        let more = if names.len() > 8 { ", ..." } else { "" };
        format!(
            "there is no type `{word}`; accepted: {}{more}, or a number from 0 to {}",
            shown.join(", "),
            names.len() - 1
        )
    })
}

fn arrow(text: &str) -> Result<(String, String), String> {
    let wrong = || format!("found `{text}`, accepted is TYPE>TYPE, for example map:charged>depleted");
    let (from, to) = text.split_once('>').ok_or_else(wrong)?;
    let (from, to) = (from.trim(), to.trim());
    if from.is_empty() || to.is_empty() { Err(wrong()) } else { Ok((from.to_owned(), to.to_owned())) }
}

fn period(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| format!("silent: found `{text}`, accepted is a period, counted from 0"))
}

fn shift(text: &str) -> Result<i64, String> {
    let wrong =
        || format!("shift: found `{text}`, accepted is a whole number that is not 0, for example shift:1");
    text.parse().ok().filter(|by| *by != 0).ok_or_else(wrong)
}

fn periods(text: &str) -> Result<(usize, usize), String> {
    let wrong = || format!("only: found `{text}`, accepted is FROM-TO, for example only:0-5");
    let (first, last) = text.split_once('-').ok_or_else(wrong)?;
    let whole = |x: &str| x.trim().parse::<usize>().map_err(|_| wrong());
    let (first, last) = (whole(first)?, whole(last)?);
    if first <= last { Ok((first, last)) } else { Err(wrong()) }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = match &self.reports {
            Reports::Truth => Vec::new(),
            Reports::Always(own) => vec![format!("report:{own}")],
            Reports::Swap => vec!["swap".to_owned()],
            Reports::Shift(by) => vec![format!("shift:{by}")],
            Reports::Informed => vec!["informed".to_owned()],
            Reports::Map(pairs) => {
                let pairs: Vec<String> = pairs.iter().map(|(from, to)| format!("{from}>{to}")).collect();
                vec![format!("map:{}", pairs.join(","))]
            }
        };
        said.extend(self.silent_from.map(|from| match from {
            0 => "silent".to_owned(),
            from => format!("silent:{from}"),
        }));
        said.extend(self.only.map(|(first, last)| format!("only:{first}-{last}")));
        f.write_str(&said.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lies_read_back() {
        for text in [
            "report:depleted",
            "report:1,only:2-4",
            "swap",
            "shift:-2",
            "map:low>high",
            "map:low>high,high>low,silent:3",
            "silent",
            "informed,only:0-1",
            "shift:1,silent:2,only:0-1",
        ] {
            assert_eq!(Plan::parse(text).unwrap().to_string(), text);
        }
        // Parts of a map need not stand together.
        assert_eq!(Plan::parse("map:a>b,only:0-1,c>d").unwrap().to_string(), "map:a>b,c>d,only:0-1");
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "report",
            "report:",
            "swap:1",
            "shift",
            "shift:0",
            "shift:x",
            "map:a",
            "map:>b",
            "a>b",
            "silent:-1",
            "silent:x",
            "silent,silent:2",
            "only:3",
            "only:5-2,swap",
            "only:0-1",
            "only:0-1,silent",
            "swap,shift:1",
            "informed,swap",
            "scale:2",
        ] {
            assert!(Plan::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn shifts_stop_at_the_ends() {
        assert_eq!([0, 1, 2].map(|own| shifted(own, 1, 2)), [1, 2, 2]);
        assert_eq!([0, 1, 2].map(|own| shifted(own, -5, 2)), [0, 0, 0]);
        assert_eq!(shifted(0, i64::MIN, 2), 0);
        assert_eq!(shifted(0, i64::MAX, 2), 2);
    }

    #[test]
    fn types_by_name_before_number() {
        let names = ["1".to_owned(), "low".to_owned()];
        assert_eq!(by_name(&names, "1"), Ok(0));
        assert_eq!(by_name(&names, "low"), Ok(1));
        assert_eq!(by_name(&names, "0"), Ok(0));
        assert!(by_name(&names, "high").unwrap_err().contains("`1`, `low`, or a number from 0 to 1"));
    }
}
