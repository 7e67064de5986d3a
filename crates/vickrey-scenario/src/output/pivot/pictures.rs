//! Pictures of a pivot result: what of it goes into which chart.

use vickrey::mechanism::AgentId;
use vickrey::pivot::audit::ModeSummary;
use vickrey::pivot::simulate::Step;

use super::PivotResult;
use super::reports::utilities;
use crate::output::kinds::{Kind, Pictured, chart_title};
use crate::plot::{Cell, Cells, Course, Fill, ModePoint, Modes, NamedValues, Picture, ReportCurve, Reports};

/// Decisions that have a row of their own in the picture of a run.
const MOST_DECISIONS: usize = 9;
/// In longer runs there is no room for words.
const MOST_WORDS: usize = 24;
/// True types that have a curve.
const MOST_CURVES: usize = 5;

impl Pictured for PivotResult<'_> {
    fn kinds(&self) -> &'static [Kind] {
        &Kind::PIVOT
    }

    fn picture(&self, kind: Kind) -> Option<Picture> {
        match kind {
            Kind::Run => Some(Picture::Course(self.course())),
            Kind::Reports => self.report_curves().map(Picture::Reports),
            Kind::Modes => self.mode_points().map(Picture::Modes),
            _ => None,
        }
    }
}

impl PivotResult<'_> {
    fn chart_title(&self, what: &str) -> String {
        chart_title(self.scenario.title.as_deref(), what)
    }

    /// The players who are drawn: all, or those whom the run concerned most.
    fn drawn(&self) -> Vec<AgentId> {
        let n = self.model().players();
        let weight = |i: AgentId| -> f64 {
            self.run.iter().map(|step| step.payment[i].abs() + step.valuation[i].abs()).sum()
        };
        let mut all: Vec<(f64, AgentId)> = (0..n).map(|i| (weight(i), i)).collect();
        all.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let mut shown: Vec<AgentId> = all.into_iter().take(Course::MOST_PLAYERS).map(|(_, i)| i).collect();
        shown.sort_unstable();
        shown
    }

    fn course(&self) -> Course {
        let shown = self.drawn();
        let names = &self.model().labels().players;
        let n = names.len();
        let some = if shown.len() < n { format!(", {} of {n} players", shown.len()) } else { String::new() };
        let total: Option<Vec<f64>> = self.run.iter().map(|step| step.value).collect();
        let values = shown.iter().map(|&i| self.run.iter().map(|step| step.truthful[i]).collect());
        let values: Option<Vec<Vec<f64>>> = values.collect();
        let mut values = values.unwrap_or_default();
        let mut players: Vec<String> = shown.iter().map(|&i| names[i].clone()).collect();
        let of = |i: &AgentId| self.run.iter().map(|step| step.payment[*i]).collect();
        let mut payments: Vec<Vec<f64>> = shown.iter().map(of).collect();
        if shown.len() < n {
            let others = |step: &Step| {
                (0..n).filter(|i| shown.binary_search(i).is_err()).map(|i| step.payment[i]).sum()
            };
            players.push("all others".to_owned());
            payments.push(self.run.iter().map(others).collect());
            if !values.is_empty() {
                values.push(Vec::new());
            }
        }
        Course {
            title: self.chart_title(&format!("one run, seed {}{some}", self.scenario.seed)),
            money_unit: self.scenario.units.money.clone(),
            players,
            rows: self.rows(&shown),
            payments,
            total: total.map(|values| NamedValues { name: "everybody".into(), values }),
            values,
        }
    }

    /// What turned out, and what was done.
    fn rows(&self, shown: &[AgentId]) -> Vec<Cells> {
        let labels = self.model().labels();
        let mut rows = Vec::new();
        // In narrower cells no word can be read.
        if self.model().outcomes() > 1 && self.run.len() <= MOST_WORDS {
            let cell = |text: &str| Cell { text: text.to_owned(), fill: Fill::Nothing };
            let cells = self.run.iter().map(|step| cell(&labels.outcomes[step.outcome]));
            rows.push(Cells { name: "outcome".into(), cells: cells.collect() });
        }
        match &self.pivot.goods {
            Some(goods) => {
                let to = |step: &Step| match goods.given(step.decision) {
                    None => Cell::default(),
                    Some((_, player)) => Cell {
                        text: labels.players[player].clone(),
                        fill: shown.iter().position(|&i| i == player).map_or(Fill::Strong, Fill::Player),
                    },
                };
                rows.push(Cells { name: "goes to".into(), cells: self.run.iter().map(to).collect() });
                for (k, &i) in shown.iter().enumerate() {
                    let held = |step: &Step| match goods.held(step.state.public, i) {
                        0 => Cell::default(),
                        mask => Cell { text: goods.bundle(mask), fill: Fill::Player(k) },
                    };
                    let name = format!("{} has", labels.players[i]);
                    rows.push(Cells { name, cells: self.run.iter().map(held).collect() });
                }
            }
            None => rows.extend(self.decisions(shown)),
        }
        rows
    }

    /// A row for every decision, those that were taken first in line: pale where it was feasible.
    fn decisions(&self, shown: &[AgentId]) -> Vec<Cells> {
        let (model, labels) = (self.model(), self.model().labels());
        let mut often = vec![(0_usize, 0_usize); model.decisions()];
        for step in &self.run {
            often[step.decision].0 += 1;
            model.feasible(step.outcome).iter().for_each(|&a| often[a].1 += 1);
        }
        let mut order: Vec<usize> = (0..model.decisions()).filter(|&a| often[a].1 > 0).collect();
        order.sort_by(|&a, &b| often[b].cmp(&often[a]).then(a.cmp(&b)));
        order.truncate(MOST_DECISIONS);
        order.sort_unstable();
        let fill = |a: usize| {
            let named = |&i: &AgentId| labels.decisions[a].contains(&labels.players[i]);
            let mut named = (0..shown.len()).filter(|&k| named(&shown[k]));
            match (named.next(), named.next()) {
                (Some(k), None) => Fill::Player(k),
                _ => Fill::Strong,
            }
        };
        let row = |a: usize| {
            let cell = |step: &Step| {
                let feasible = model.feasible(step.outcome).binary_search(&a).is_ok();
                let fill = match (step.decision == a, feasible) {
                    (true, _) => fill(a),
                    (_, true) => Fill::Pale,
                    _ => Fill::Nothing,
                };
                Cell { text: String::new(), fill }
            };
            Cells { name: labels.decisions[a].clone(), cells: self.run.iter().map(cell).collect() }
        };
        order.into_iter().map(row).collect()
    }

    /// What one player has for each of her reports, at the start.
    fn report_curves(&self) -> Option<Reports> {
        let product = self.solution.product()?;
        let (state, labels) = (self.start.likeliest(), self.model().labels());
        let several = (0..self.model().players()).filter(|&i| self.model().player(i).types > 1);
        // The player for whom it makes the largest difference what she says.
        let mut best: Option<(f64, AgentId, Vec<Vec<f64>>)> = None;
        for i in several {
            let table = utilities(product, i, 0, state).ok()??;
            let spread = table.iter().map(|row| spread(row)).fold(0.0, f64::max);
            if best.as_ref().is_none_or(|(most, ..)| spread > *most) {
                best = Some((spread, i, table));
            }
        }
        let (_, player, table) = best?;
        let n = table.len();
        let drawn: Vec<usize> = if n <= MOST_CURVES {
            (0..n).collect()
        } else {
            (0..MOST_CURVES).map(|k| k * (n - 1) / (MOST_CURVES - 1)).collect()
        };
        let words = &labels.types[player];
        let curve = |k: usize| ReportCurve {
            name: format!("true: {}", words[k]),
            utility: table[k].clone(),
            truth: k,
        };
        let name = &labels.players[player];
        Some(Reports {
            title: self.chart_title(&format!("what {name} has by her report in period 0")),
            x_label: format!("report of {name}"),
            y_label: "expected utility".to_owned(),
            y_unit: self.scenario.units.money.clone(),
            reports: words.clone(),
            curves: drawn.into_iter().map(curve).collect(),
        })
    }

    /// What is collected and what the worst-off player has, mode by mode.
    fn mode_points(&self) -> Option<Modes> {
        let point = |found: &ModeSummary| {
            let worst = found.truthful.iter().map(|low| low.value).fold(f64::INFINITY, f64::min);
            // What rounding left is no distance from zero.
            let worst = if worst.abs() <= found.certificate { 0.0 } else { worst };
            let payments = found.expected_payments?;
            worst.is_finite().then(|| ModePoint { name: found.mode.name().to_owned(), worst, payments })
        };
        let mut points: Vec<ModePoint> = Vec::new();
        for point in self.modes()?.iter().filter_map(point) {
            let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs().max(b.abs());
            let same = |p: &&mut ModePoint| near(p.worst, point.worst) && near(p.payments, point.payments);
            match points.iter_mut().find(same) {
                Some(there) => there.name = format!("{}, {}", there.name, point.name),
                None => points.push(point),
            }
        }
        (!points.is_empty()).then(|| Modes {
            title: self.chart_title("payments and participation by mode"),
            x_label: "least that any player can expect in any period and state".to_owned(),
            y_label: "expected payments of all players".to_owned(),
            money_unit: self.scenario.units.money.clone(),
            points,
        })
    }
}

fn spread(values: &[f64]) -> f64 {
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    high - values.iter().copied().fold(f64::INFINITY, f64::min)
}
