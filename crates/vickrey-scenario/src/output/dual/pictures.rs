//! Pictures of a run.

use vickrey::faithful::dual::solve::{Exact, exact, path};

use super::DualResult;
use crate::output::kinds::{Kind, Pictured, chart_title};
use crate::plot::{Across, Areas, Bars, DayCurve, DayPanel, Line, NamedValues, Panels, Picture, PriceArea};

/// Couplings whose prices are drawn.
const MOST_PRICES: usize = crate::plot::Course::MOST_PLAYERS;
/// Shares of the way at which the price is computed.
const POINTS: usize = 41;
/// Decisions of one follower that are drawn side by side.
const MOST_DECISIONS: usize = 4;

impl Pictured for DualResult<'_> {
    fn kinds(&self) -> &'static [Kind] {
        &Kind::DUAL
    }

    fn picture(&self, kind: Kind) -> Option<Picture> {
        match kind {
            Kind::Rounds => Some(Picture::Panels(self.rounds_chart())),
            Kind::Allocations => Some(Picture::Bars(self.allocations())),
            Kind::Payments => Some(Picture::Bars(self.payments())),
            Kind::TaxAreas => self.tax_areas().map(Picture::Areas),
            _ => None,
        }
    }
}

impl DualResult<'_> {
    fn title(&self, what: &str) -> String {
        chart_title(self.scenario.title.as_deref(), what)
    }

    /// A curve over the rounds; what does not exist is left out.
    fn curve(&self, line: Line, of: impl Fn(usize) -> Option<f64>) -> DayCurve {
        let rounds = self.rounds().iter().enumerate();
        let points = rounds.filter_map(|(k, glance)| Some((glance.round as f64, of(k)?)));
        DayCurve { line, points: points.collect() }
    }

    fn rounds_chart(&self) -> Panels {
        let units = &self.scenario.units;
        let couplings: Vec<String> = self.of.couplings.iter().take(MOST_PRICES).cloned().collect();
        let prices = (0..couplings.len())
            .map(|r| self.curve(Line::Player(r), |k| Some(self.rounds()[k].price[r])))
            .collect();
        let mut panels =
            vec![DayPanel { label: "price".into(), unit: units.price.clone(), log: false, curves: prices }];
        // What is not above zero has no place on a logarithmic axis.
        let mut add = |label: &str, unit: &str, of: &dyn Fn(usize) -> Option<f64>| {
            let curve = self.curve(Line::Plain, |k| of(k).filter(|x| *x > 1e-300));
            if !curve.points.is_empty() {
                let unit = unit.to_owned();
                panels.push(DayPanel { label: label.into(), unit, log: true, curves: vec![curve] });
            }
        };
        add("answers miss by", &units.quantity, &|k| Some(self.rounds()[k].residual));
        add("certificate", &units.money, &|k| self.certificate(k));
        let mut notes = Vec::new();
        if self.of.couplings.len() > MOST_PRICES {
            notes.push(format!("Prices of {MOST_PRICES} of {} couplings.", self.of.couplings.len()));
        }
        if !(0..self.rounds().len()).any(|k| self.certificate(k).is_some()) {
            notes.push("There is no certificate.".to_owned());
        }
        // One coupling without a name needs no legend.
        let single = couplings == ["1"];
        Panels {
            title: self.title("prices and what they are certified to lead to, by round"),
            notes,
            players: if single { Vec::new() } else { couplings },
            mark: String::new(),
            limit: String::new(),
            across: Across::Rounds,
            panels,
        }
    }

    fn names(&self) -> Vec<String> {
        (0..self.followers()).map(|i| self.of.plan.problem().name(i).into_owned()).collect()
    }

    /// Decisions side by side, those that a follower does not have as nothing.
    fn allocations(&self) -> Bars {
        let most = (0..self.followers()).map(|i| self.allocation(i).len()).max().unwrap_or(1);
        let kind = |k: usize| NamedValues {
            name: if most > 1 { format!("decision {}", k + 1) } else { String::new() },
            values: (0..self.followers())
                .map(|i| self.allocation(i).get(k).copied().unwrap_or(0.0))
                .collect(),
        };
        let more = most.saturating_sub(MOST_DECISIONS);
        let cut = if more > 0 { format!(" (the first {MOST_DECISIONS} of {most})") } else { String::new() };
        Bars {
            title: self.title(&format!("decisions{cut}")),
            x_label: "allocation".into(),
            x_unit: self.scenario.units.quantity.clone(),
            agents: self.names(),
            values: (0..most.min(MOST_DECISIONS)).map(kind).collect(),
        }
    }

    /// Figure 2 of paper 003: the price of the others as a follower goes from absence to what she gets. Those with one
    /// decision in one coupling by quantity, all others by their share of the way. None if nobody can be left out.
    fn tax_areas(&self) -> Option<Areas> {
        let problem = self.of.plan.problem();
        let whole = exact(problem, &self.of.costs, &|_| ()).ok()?;
        let mut order: Vec<usize> = (0..self.followers()).collect();
        order.sort_by(|a, b| self.clearing[*b].abs().total_cmp(&self.clearing[*a].abs()));
        order.truncate(Areas::MOST);
        order.sort_unstable();
        let single = problem.couplings() == 1 && order.iter().all(|&i| self.allocation(i).len() == 1);
        let agents: Vec<PriceArea> =
            order.into_iter().filter_map(|agent| self.price_area(&whole, agent, single)).collect();
        let units = &self.scenario.units;
        let (x_label, x_unit, y_label, y_unit) = match single {
            true => ("use", units.quantity.clone(), "price without her", units.price.clone()),
            false => {
                ("share of the way from absence", String::new(), "price times the way", units.money.clone())
            }
        };
        (!agents.is_empty()).then(|| Areas {
            title: self.title("the tax is the area under the others' price"),
            x_label: x_label.into(),
            x_unit,
            y_label: y_label.into(),
            y_unit,
            area: "VCG tax".into(),
            rectangle: "at the clearing price".into(),
            agents,
            ..Areas::default()
        })
    }

    fn price_area(&self, whole: &Exact, agent: usize, single: bool) -> Option<PriceArea> {
        let problem = self.of.plan.problem();
        let path = path(problem, &self.of.costs, whole, agent, POINTS).ok()?;
        let end = self.usage(agent)[0];
        let mut begin = vec![0.0; problem.couplings()];
        problem.follower(agent).add_use(&problem.follower(agent).absent, 1.0, &mut begin);
        let way = end - begin[0];
        // Who does not move uses nothing, and has no area.
        let (from, scale) = match single {
            true if way == 0.0 => return None,
            true => (begin[0], way),
            false => (0.0, 1.0),
        };
        let steps = path.share.iter().zip(&path.marginal);
        Some(PriceArea {
            name: problem.name(agent).into_owned(),
            points: steps.map(|(t, m)| (from + t * scale, m / scale)).collect(),
            price: path.clearing / scale,
            area: path.tax,
            rectangle: path.clearing,
        })
    }

    fn payments(&self) -> Bars {
        let charged = format!("payment, {}", super::mode_name(self.of.plan.rules().mode));
        Bars {
            title: self.title("payments, and what they would be at the clearing price"),
            x_label: "payment".into(),
            x_unit: self.scenario.units.money.clone(),
            agents: self.names(),
            values: vec![
                NamedValues { name: charged, values: self.settled.payment.clone() },
                NamedValues { name: "at the clearing price".into(), values: self.clearing.clone() },
            ],
        }
    }
}
