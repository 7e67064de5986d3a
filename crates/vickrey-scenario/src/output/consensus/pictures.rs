//! Pictures of a run.

use vickrey::faithful::consensus::Test;

use super::{ConsensusResult, test_name};
use crate::output::kinds::{Kind, Pictured, chart_title};
use crate::plot::{Across, Bars, DayCurve, DayPanel, Line, NamedValues, Panels, Picture};

/// Followers whose positions are drawn.
const MOST: usize = crate::plot::Course::MOST_PLAYERS;

impl Pictured for ConsensusResult<'_> {
    fn kinds(&self) -> &'static [Kind] {
        &Kind::CONSENSUS
    }

    fn picture(&self, kind: Kind) -> Option<Picture> {
        match kind {
            Kind::Rounds => Some(Picture::Panels(self.rounds_chart())),
            Kind::Payments => Some(Picture::Bars(self.payments())),
            _ => None,
        }
    }
}

impl ConsensusResult<'_> {
    fn title(&self, what: &str) -> String {
        chart_title(self.scenario.title.as_deref(), what)
    }

    fn name(&self, agent: usize) -> String {
        self.of.rules.instance().name(agent).into_owned()
    }

    /// A curve over the rounds that are kept; what does not exist is left out.
    fn curve(&self, line: Line, of: impl Fn(usize) -> Option<f64>) -> DayCurve {
        let points =
            self.course.iter().enumerate().filter_map(|(k, (round, ..))| Some((*round as f64, of(k)?)));
        DayCurve { line, points: points.collect() }
    }

    fn rounds_chart(&self) -> Panels {
        let shown = self.followers().min(MOST);
        let positions =
            (0..shown).map(|i| self.curve(Line::Player(i), |k| Some(self.course[k].1[i]))).collect();
        let rules = &self.of.rules;
        let positive = |x: f64| (x > 1e-300 && x.is_finite()).then_some(x);
        // Before the first round nothing is tested.
        let beta = |test: Test| {
            self.curve(Line::Limit, |k| {
                let round = Some(self.course[k].0).filter(|round| *round > 0)?;
                rules.beta(test, round).and_then(positive)
            })
        };
        let mut distance = vec![self.curve(Line::Plain, |k| positive(self.course[k].2)), beta(rules.test())];
        distance.retain(|curve| !curve.points.is_empty());
        let unit = self.scenario.units.quantity.clone();
        let mut notes = Vec::new();
        if shown < self.followers() {
            notes.push(format!("Positions of {shown} of {} followers.", self.followers()));
        }
        notes.push("Full line below: distance of the positions from agreement.".to_owned());
        Panels {
            title: self.title("positions, and their distance from agreement, by round"),
            notes,
            players: (0..shown).map(|i| self.name(i)).collect(),
            mark: String::new(),
            limit: format!("beta, test {}", test_name(rules.test())),
            across: Across::Rounds,
            panels: vec![
                DayPanel { label: "position".into(), unit: unit.clone(), log: false, curves: positions },
                DayPanel { label: "disagreement".into(), unit, log: true, curves: distance },
            ],
        }
    }

    fn payments(&self) -> Bars {
        let values = |name: &str, values: Vec<f64>| NamedValues { name: name.into(), values };
        Bars {
            title: self.title("what positions cost, and payments"),
            x_label: "money".into(),
            x_unit: self.scenario.units.money.clone(),
            agents: (0..self.followers()).map(|i| self.name(i)).collect(),
            values: vec![
                values("cost of the position", self.played.value.clone()),
                values("payment", self.played.settlement.payment.clone()),
                values("payment, exact vcg", self.vcg.clone()),
            ],
        }
    }
}
