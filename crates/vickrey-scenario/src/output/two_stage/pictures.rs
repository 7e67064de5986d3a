//! Pictures of a season: what of it goes into which chart.

use std::collections::BTreeMap;

use vickrey::two_stage::test::Statistics;

use super::{Checkpoint, Repeated, SeasonResult};
use crate::output::kinds::{Kind, Pictured, chart_title};
use crate::plot::{
    Across, Cell, Cells, DayCurve, DayPanel, Fill, Line, NamedValues, Panels, Picture, Season, Stack,
};

/// Signals and outcomes that have a row of their own.
const MOST_SIGNALS: usize = 4;
const MOST_OUTCOMES: usize = 6;

impl<R: Repeated> Pictured for SeasonResult<'_, R> {
    fn kinds(&self) -> &'static [Kind] {
        &Kind::SEASON
    }

    fn picture(&self, kind: Kind) -> Option<Picture> {
        match kind {
            Kind::Season => Some(Picture::Season(self.season_chart())),
            Kind::Utilities => Some(Picture::Panels(self.utilities())),
            Kind::Tests => Some(Picture::Panels(self.statistics())),
            _ => None,
        }
    }
}

/// A test: its words, and its largest numerator.
type Test = (&'static str, fn(&Statistics) -> Option<f64>);
const TESTS: [Test; 4] = [
    ("own bids, max |f|", |s| Some(s.frequency)),
    ("all others, max |h|", |s| s.joint),
    ("one other, max |h|", |s| s.pairwise),
    ("others' sum, max |h|", |s| s.binned),
];

impl<R: Repeated> SeasonResult<'_, R> {
    fn title(&self, what: &str) -> String {
        chart_title(self.scenario.title.as_deref(), what)
    }

    fn watched_names(&self) -> Vec<String> {
        let names = &self.of.season().players;
        self.course.watched.iter().map(|&i| names[i].clone()).collect()
    }

    /// Means over the columns of a chart.
    fn binned(&self, width: usize, of: impl Fn(usize) -> f64) -> Vec<f64> {
        let days = self.course.days.len();
        let mean = |from: usize| {
            let to = (from + width).min(days);
            (from..to).map(&of).sum::<f64>() / (to - from) as f64
        };
        (0..days).step_by(width).map(mean).collect()
    }

    fn season_chart(&self) -> Season {
        let (course, days) = (&self.course, self.course.days.len());
        let width = Season::width_for(days);
        let hidden = self.players() - course.watched.len();
        let mut others = Vec::new();
        if hidden > 0 || !course.detailed() {
            others.push(if course.detailed() { "other players" } else { "all players" }.to_owned());
        }
        let players = if course.detailed() { self.watched_names() } else { Vec::new() };
        let mut stacks = Vec::new();
        if course.quantities(self.of, 0).is_some() {
            let (stack, more) = self.quantities(width, !others.is_empty());
            others.extend(more);
            stacks.push(stack);
        }
        stacks.push(self.payments(width, !others.is_empty()));
        let several = if width > 1 { format!(", means over {width} days") } else { String::new() };
        let mut notes = Vec::new();
        if self.season.totals().flagged.iter().all(|days| *days == 0) {
            notes.push("Nobody is flagged.".to_owned());
        }
        let (mut rows, more) = self.flag_rows(width);
        if more > 0 {
            notes.push(format!("{more} more players are flagged."));
        }
        let mut all = self.kind_rows(width);
        all.append(&mut rows);
        Season {
            title: self.title(&format!("one season, seed {}{several}", self.scenario.seed)),
            notes,
            days,
            width,
            players,
            others,
            stacks,
            rows: all,
        }
    }

    /// A number by player, as layers: those who have colours, then all others together.
    fn layers(&self, width: usize, together: bool, all: impl Fn(usize) -> f64, of: Number) -> Vec<Vec<f64>> {
        let course = &self.course;
        let one = |day: usize, i: usize| course.detail(day, i).map_or(0.0, of);
        let mut layers: Vec<Vec<f64>> = Vec::new();
        if course.detailed() {
            layers.extend(course.watched.iter().map(|&i| self.binned(width, |day| one(day, i))));
        }
        if together {
            let shown = |day: usize| -> f64 {
                if !course.detailed() {
                    return 0.0;
                }
                course.watched.iter().map(|&i| one(day, i)).sum()
            };
            layers.push(self.binned(width, |day| all(day) - shown(day)));
        }
        layers
    }

    /// Who covers the shortage, and what stands behind the players.
    fn quantities(&self, width: usize, together: bool) -> (Stack, Vec<String>) {
        let of = |day: usize| self.course.quantities(self.of, day).unwrap_or_default();
        let curtailed = |day: usize| of(day).shortage - of(day).bought - of(day).reserve;
        let mut layers = self.layers(width, together, curtailed, |facts| facts.share.unwrap_or(0.0));
        // Greys go by their place: without other players the first grey is that of the reserve.
        let mut names = vec!["reserve".to_owned()];
        layers.push(self.binned(width, |day| of(day).reserve));
        if (0..self.course.days.len()).any(|day| of(day).bought != 0.0) {
            names.push("bought the day before".to_owned());
            layers.push(self.binned(width, |day| of(day).bought));
        }
        let line =
            NamedValues { name: "shortage".into(), values: self.binned(width, |day| of(day).shortage) };
        let unit = self.scenario.units.quantity.clone();
        (Stack { label: "curtailed".into(), unit, layers, line: Some(line) }, names)
    }

    fn payments(&self, width: usize, together: bool) -> Stack {
        let all = |day: usize| self.course.days[day].payment;
        let unit = self.scenario.units.money.clone();
        let some = self.players() > self.course.watched.len() || !self.course.detailed();
        let layers = self.layers(width, together && some, all, |facts| facts.payment);
        Stack { label: "payment, no penalties".into(), unit, layers, line: None }
    }

    /// A row that is filled on some days.
    fn row(&self, width: usize, name: String, full: Fill, is: impl Fn(usize) -> bool) -> Cells {
        let share = self.binned(width, |day| f64::from(u8::from(is(day))));
        let fill = |share: f64| match share {
            s if s >= 0.5 => full,
            s if s > 0.0 && full == Fill::Strong => Fill::Pale,
            s if s > 0.0 => full,
            _ => Fill::Nothing,
        };
        let cell = |share: f64| Cell { text: String::new(), fill: fill(share) };
        Cells { name, cells: share.into_iter().map(cell).collect() }
    }

    /// Rows for signals and for what was decided.
    fn kind_rows(&self, width: usize) -> Vec<Cells> {
        let days = &self.course.days;
        let signals = &self.of.season().signals;
        let mut rows = Vec::new();
        if signals.len() > 1 {
            let shown = signals.iter().enumerate().take(MOST_SIGNALS);
            rows.extend(
                shown.map(|(w, name)| {
                    self.row(width, name.clone(), Fill::Strong, |day| days[day].signal == w)
                }),
            );
        }
        let mut often: BTreeMap<String, usize> = BTreeMap::new();
        for word in days.iter().flat_map(|day| self.of.decided(&day.facts)) {
            *often.entry(word).or_default() += 1;
        }
        let mut words: Vec<(usize, String)> = often.into_iter().map(|(word, n)| (n, word)).collect();
        words.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        words.truncate(MOST_OUTCOMES);
        words.sort_by(|a, b| a.1.cmp(&b.1));
        for (_, word) in words {
            let is = |day: usize| self.of.decided(&days[day].facts).contains(&word);
            rows.push(self.row(width, word.clone(), Fill::Strong, is));
        }
        rows
    }

    /// Rows of the watched players who are ever flagged, and how many others are.
    fn flag_rows(&self, width: usize) -> (Vec<Cells>, usize) {
        let (course, flagged) = (&self.course, &self.season.totals().flagged);
        let all = flagged.iter().filter(|days| **days > 0).count();
        if !course.detailed() {
            let name = "somebody flagged".to_owned();
            let row = self.row(width, name, Fill::Strong, |day| course.days[day].flagged > 0);
            return (if all > 0 { vec![row] } else { Vec::new() }, 0);
        }
        let shown = course.watched.iter().enumerate().filter(|(_, i)| flagged[**i] > 0);
        let row = |(k, &i): (usize, &usize)| {
            let name = format!("{} flagged", self.of.season().players[i]);
            let is = |day: usize| course.detail(day, i).is_some_and(|facts| facts.flags.any());
            self.row(width, name, Fill::Player(k), is)
        };
        let rows: Vec<Cells> = shown.map(row).collect();
        let more = all - rows.len();
        (rows, more)
    }

    /// One curve for every watched player.
    fn curves(&self, of: impl Fn(&Checkpoint, usize) -> Option<f64>) -> Vec<DayCurve> {
        let curve = |k: usize| {
            let points = self.course.checkpoints.iter();
            let points = points.filter_map(|check| Some((check.day as f64, of(check, k)?)));
            DayCurve { line: Line::Player(k), points: points.collect() }
        };
        (0..self.course.watched.len()).map(curve).collect()
    }

    fn ends(&self) -> [f64; 2] {
        [1.0, self.course.days.len() as f64]
    }

    fn utilities(&self) -> Panels {
        let unit = self.scenario.units.money.clone();
        let mut curves = self.curves(|check, k| Some(check.utility[k]));
        let promised = self.course.watched.iter().enumerate().map(|(k, &i)| DayCurve {
            line: Line::Mark(k),
            points: self.ends().map(|day| (day, self.promise.contribution[i])).into(),
        });
        curves.extend(promised);
        let label = "mean utility, no penalties".to_owned();
        let mut panels = vec![DayPanel { label, unit: unit.clone(), log: false, curves }];
        let mut notes = Vec::new();
        let penalised = |check: &Checkpoint| check.penalty.iter().any(|x| *x > 0.0);
        if self.course.checkpoints.iter().any(penalised) {
            let curves = self.curves(|check, k| Some(check.penalty[k]).filter(|x| *x > 0.0));
            let curves = curves.into_iter().filter(|curve| !curve.points.is_empty()).collect();
            panels.push(DayPanel { label: "mean penalty".into(), unit, log: true, curves });
        } else {
            notes.push("Nobody who is shown is penalised.".to_owned());
        }
        Panels {
            title: self.title("average utility of a day, so far"),
            notes,
            players: self.watched_names(),
            mark: "if honest, expected".into(),
            limit: String::new(),
            across: Across::Days,
            panels,
        }
    }

    fn statistics(&self) -> Panels {
        let tests = self.season.tests();
        let watched = &self.course.watched;
        // Windows of players with other numbers of types differ a little: one line shows what no eye can tell apart.
        let last = self.course.days.len() as u64;
        let wide = |i: usize| tests.threshold(i).window(last);
        let same = watched.iter().all(|&i| (wide(i) / wide(watched[0]) - 1.0).abs() < 0.02);
        let window = |i: usize, line: Line| {
            let speaks = |day: u64| day > tests.terms().burn_in && tests.threshold(i).at(day) > 0.0;
            let days = self.course.checkpoints.iter().map(|check| check.day).filter(|day| speaks(*day));
            let points = days.map(|day| (day as f64, tests.threshold(i).window(day)));
            DayCurve { line, points: points.collect() }
        };
        let panel = |(label, numerator): Test| {
            let mut curves =
                self.curves(|check, k| Some(numerator(&check.statistics[k])? / check.day as f64));
            curves.retain(|curve| !curve.points.is_empty());
            if curves.is_empty() {
                return None;
            }
            match same {
                true => curves.push(window(watched[0], Line::Limit)),
                false => curves.extend(watched.iter().enumerate().map(|(k, &i)| window(i, Line::Mark(k)))),
            }
            Some(DayPanel { label: label.into(), unit: String::new(), log: true, curves })
        };
        let (limit, mark) = if same { ("window", "") } else { ("", "window") };
        let counted = self.course.checkpoints.iter().flat_map(|check| &check.statistics);
        let cut = counted.clone().any(|s| s.joint.is_none()) && counted.clone().any(|s| s.joint.is_some());
        let cut = cut.then(|| "max |h| is shown while all profiles of the others are counted.".to_owned());
        Panels {
            title: self.title("test statistics against the window"),
            notes: cut.into_iter().collect(),
            players: self.watched_names(),
            mark: mark.into(),
            limit: limit.into(),
            across: Across::Days,
            panels: TESTS.into_iter().filter_map(panel).collect(),
        }
    }
}

/// A number of a player on a day.
type Number = fn(&super::PlayerFacts) -> f64;
