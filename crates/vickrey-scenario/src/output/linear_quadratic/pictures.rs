//! Pictures of a linear-quadratic result: what of it goes into which chart.

use vickrey::accounts::Accounts;
use vickrey::mechanism::AgentId;

use super::LqResult;
use crate::output::factor_chart::{FactorChart, factor_chart};
use crate::output::kinds::{Kind, Pictured, chart_title};
use crate::plot::{Bars, NamedValues, Path, Picture, Stacked, TimeSeries, Timeline};

/// Agents that have a colour of their own among those who trade; the others are put together.
const TRADERS: usize = Stacked::MOST_SERIES - 2;
/// Agents in the chart of payments; of more, those with the largest payments.
const PAYERS: usize = 24;

impl Pictured for LqResult<'_> {
    fn kinds(&self) -> &'static [Kind] {
        // A plan is paid at once, so that its budget has no course.
        if self.is_plan() { &Kind::PLAN } else { &Kind::LINEAR_QUADRATIC }
    }

    fn picture(&self, kind: Kind) -> Option<Picture> {
        match kind {
            Kind::Prices => Some(Picture::Timeline(self.prices())),
            Kind::Trades => self.trades().map(Picture::Stacked),
            Kind::Payments => Some(Picture::Bars(self.payments())),
            Kind::Budget => self.budget_chart().map(Picture::Timeline),
            Kind::Scaling => Some(Picture::Scaling(self.factors())),
            _ => None,
        }
    }
}

fn steps(name: &str, values: Vec<f64>) -> TimeSeries {
    TimeSeries { name: name.to_owned(), values, path: Path::Steps }
}

impl LqResult<'_> {
    fn chart_title(&self, what: &str) -> String {
        chart_title(self.scenario.title.as_deref(), what)
    }

    /// Prices as executed, and as planned at the start.
    fn prices(&self) -> Timeline {
        let rows = self.stage_rows();
        let executed: Vec<f64> = rows.iter().map(|row| row.price).collect();
        let planned: Vec<f64> = rows.iter().map(|row| row.price_planned).collect();
        let series = if self.is_plan() {
            vec![steps("", executed)]
        } else {
            vec![steps("as executed", executed), steps("as planned in period 0", planned)]
        };
        Timeline {
            title: self.chart_title("prices"),
            y_label: "price".to_owned(),
            y_unit: self.scenario.units.price.clone(),
            series,
            bands: Vec::new(),
            zero: false,
        }
    }

    /// Who trades: those who trade most, and the others together, receivers and deliverers apart.
    fn trades(&self) -> Option<Stacked> {
        let layers = self.course.layers.as_ref()?;
        let n = self.agents();
        let all = n <= Stacked::MOST_SERIES;
        let own = if all { (0..n).collect() } else { self.largest(TRADERS, |i| self.course.sums.volume[i]) };
        let series = |agent: &AgentId| NamedValues {
            name: self.market.name(*agent).into_owned(),
            values: layers.iter().map(|layer| layer.allocation[*agent]).collect(),
        };
        let mut series: Vec<NamedValues> = own.iter().map(series).collect();
        if !all {
            let of_own = |t: usize, sign: f64| -> f64 {
                own.iter().map(|&i| (sign * layers[t].allocation[i]).max(0.0)).sum()
            };
            let stages = || self.course.stages.iter().enumerate();
            let received = stages().map(|(t, s)| (s.received - of_own(t, 1.0)).max(0.0)).collect();
            let delivered = stages().map(|(t, s)| (of_own(t, -1.0) - s.delivered).min(0.0)).collect();
            let others = n - own.len();
            series.push(NamedValues { name: format!("{others} others, receiving"), values: received });
            series.push(NamedValues { name: format!("{others} others, delivering"), values: delivered });
        }
        let demand = self.market.net_demand();
        let line = demand.iter().any(|&d| d != 0.0).then(|| steps("net demand", demand.to_vec()));
        Some(Stacked {
            title: self.chart_title("who trades"),
            y_label: "quantity received".to_owned(),
            y_unit: self.scenario.units.quantity.clone(),
            series,
            line,
        })
    }

    /// Payments: expected, of this run, and what prices alone would charge.
    fn payments(&self) -> Bars {
        let (ledger, paid) = (self.ledger(), self.course.sums.payment.as_ref());
        let size = |i: AgentId| {
            let paid = paid.map_or(0.0, |paid| paid[i].abs());
            paid.max(ledger.lagrange(i).abs())
        };
        let n = self.agents();
        let mut shown = self.largest(PAYERS.min(n), size);
        shown.sort_unstable();
        let mut kinds: Vec<NamedValues> = Vec::new();
        let mut kind = |name: &str, of: &dyn Fn(AgentId) -> f64| {
            kinds.push(NamedValues { name: name.to_owned(), values: shown.iter().map(|&i| of(i)).collect() });
        };
        if paid.is_some() {
            let expected = |i| self.charge.expected_payment(&self.outlook, i).unwrap_or(0.0);
            kind(if self.is_plan() { "payment" } else { "expected payment" }, &expected);
        }
        if let Some(paid) = paid.filter(|_| !self.is_plan()) {
            kind("payment in this run", &|i| paid[i]);
        }
        kind(if self.is_plan() { "Lagrange payment" } else { "expected Lagrange payment" }, &|i| {
            ledger.lagrange(i)
        });
        let what = if n > PAYERS {
            format!("payments, the {PAYERS} largest of {n} agents")
        } else {
            "payments".into()
        };
        Bars {
            title: self.chart_title(&what),
            x_label: "payment".to_owned(),
            x_unit: self.scenario.units.money.clone(),
            agents: shown.iter().map(|&i| self.market.name(i).into_owned()).collect(),
            values: kinds,
        }
    }

    /// What the operator has so far, and what every period adds to it.
    fn budget_chart(&self) -> Option<Timeline> {
        let rows = self.stage_rows();
        let so_far: Vec<f64> = rows.iter().map(|row| row.budget).collect::<Option<_>>()?;
        let each: Vec<f64> = rows.iter().map(|row| row.payment).collect::<Option<_>>()?;
        let mut series = vec![steps("budget so far", so_far), steps("payments of the period", each)];
        if let Some(expected) = self.charge.expected_budget(&self.outlook) {
            series.push(TimeSeries {
                name: "expected in the end".to_owned(),
                values: vec![expected; rows.len()],
                path: Path::Steps,
            });
        }
        Some(Timeline {
            title: self.chart_title("budget of the operator"),
            y_label: "sum of payments".to_owned(),
            y_unit: self.scenario.units.money.clone(),
            series,
            bands: Vec::new(),
            zero: true,
        })
    }

    /// Budget and net utilities against c, on the expected numbers.
    fn factors(&self) -> crate::plot::Scaling {
        let expected = if self.is_plan() { "" } else { "in expectation, " };
        let title = format!("choice of c ({expected}baseline {})", self.lq.baseline.words());
        let about = FactorChart {
            title: self.chart_title(&title),
            money_unit: &self.scenario.units.money,
            market: &*self.market,
            interval: &self.scaling.baseline(self.lq.baseline).source,
            chosen: self.charge.c,
        };
        factor_chart(about, self.ledger())
    }

    /// The agents with the largest numbers, the largest first.
    fn largest(&self, most: usize, of: impl Fn(AgentId) -> f64) -> Vec<AgentId> {
        let mut all: Vec<(f64, AgentId)> = (0..self.agents()).map(|i| (of(i), i)).collect();
        all.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        all.into_iter().take(most).map(|(_, agent)| agent).collect()
    }
}
