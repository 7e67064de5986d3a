//! What each participant is in the linear-quadratic market; the reasons are in the documentation of the module above.

use super::errors::News;
use super::schedule::{Schedule, thermal};
use super::series::HOURS;
use super::units::{Kind, Store, Unit};

/// A unit at the edge of its output is priced as if this share of its range were left.
const LEAST_ROOM: f64 = 0.05;
/// Wear of an hour at the other end of the range, as a share of the cost of a hot start.
const WEAR: f64 = 0.04;
/// Trading by itself costs an account little: this share of the premium at its full power.
const TRADING: f64 = 0.01;

/// One agent with its numbers, as the tables of the scenario have them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Agent {
    pub name: String,
    pub a: f64,
    pub b: f64,
    pub q: f64,
    /// One number, or one for each period.
    pub r: Vec<f64>,
    pub terminal_q: f64,
    /// Variance of what arrives in each period, MWh²; nothing if nothing does.
    pub noise: Vec<f64>,
    /// What arrived on the chosen day, MWh.
    pub path: Vec<f64>,
}

/// What the prices of all agents are derived from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Basis {
    /// Periods of the day and the hours of one.
    pub periods: usize,
    pub hours: f64,
    /// What a MWh costs more if it comes from a unit that is started for it, $/MWh.
    pub premium: f64,
    /// Average marginal cost of the schedule, $/MWh.
    pub marginal: f64,
}

impl Basis {
    /// The account of a wind plant or of an area's load; `power` is its largest power, MW.
    pub fn account(&self, name: &str, news: &News, power: f64) -> Agent {
        let tariff = self.premium / (2.0 * news.spread());
        Agent {
            name: name.to_owned(),
            a: 1.0,
            b: 1.0,
            q: -tariff * self.hours,
            r: vec![-TRADING * self.premium / (2.0 * power * self.hours)],
            terminal_q: -tariff,
            noise: news.variance.clone(),
            path: news.path.clone(),
        }
    }

    /// A unit that burns fuel, with its output in each hour.
    pub fn generator(&self, unit: &Unit, output: &[f64; HOURS]) -> Agent {
        let range = unit.p_max - unit.p_min;
        let (slope, hot_start) = thermal(unit).map_or((0.0, 0.0), |t| (t.slope(), t.hot_start));
        // A unit that can only be on at one output is as stiff as one with a sliver of its capacity.
        let range = if range > 0.0 { range } else { LEAST_ROOM * unit.p_max };
        let decay = -unit.ramp * 60.0 * self.hours / range;
        let wear = WEAR * hot_start / (range * range);
        let per_hour = self.periods / HOURS;
        let q = -wear * self.hours;
        let r = |t: usize| {
            let now = output[t / per_hour];
            let room = (unit.p_max - now).min(now - unit.p_min);
            -(slope / 2.0 + self.scarcity(room, range)) / self.hours
        };
        Agent {
            name: unit.name.clone(),
            a: decay.exp(),
            b: decay.exp_m1() / self.hours,
            q,
            r: (0..self.periods).map(r).collect(),
            // The wear of coming back after the end.
            terminal_q: -q / (2.0 * decay).exp_m1(),
            ..Agent::default()
        }
    }

    /// A reservoir plant at half output, or a battery that the schedule does not use.
    pub fn store(&self, unit: &Unit) -> Option<Agent> {
        let (store, room, loss) = match &unit.kind {
            Kind::Hydro(store) => (store, (unit.p_max - unit.p_min) / 2.0, 0.0),
            Kind::Storage { store, round_trip } => (store, unit.p_max, 1.0 - round_trip.sqrt()),
            _ => return None,
        };
        let range = unit.p_max - unit.p_min;
        let range = if range > 0.0 { range } else { LEAST_ROOM * unit.p_max };
        // Losses are proportional to the energy; this parabola costs the same at full power.
        let lost = loss * self.marginal / unit.p_max;
        let volume = volume(store);
        let value = self.premium / (2.0 * volume);
        Some(Agent {
            name: unit.name.clone(),
            a: 1.0,
            b: 1.0,
            q: -value * self.hours * room.max(LEAST_ROOM * range) / volume,
            r: vec![-(self.scarcity(room, range) + lost) / self.hours],
            terminal_q: -value,
            ..Agent::default()
        })
    }

    /// Coefficient with which using all the room costs the premium per further MWh, $/MW²h.
    fn scarcity(&self, room: f64, range: f64) -> f64 {
        self.premium / (2.0 * room.max(LEAST_ROOM * range))
    }
}

/// Energy that a store can give and take, MWh.
fn volume(store: &Store) -> f64 {
    store.at_start.min(store.most - store.at_start).max(LEAST_ROOM * store.most)
}

/// What a MWh costs more from the cheapest unit that is off and starts within a quarter of an hour; if there is none,
/// from the dearest unit. At least a tenth of the average marginal cost; none if all costs are 0.
pub(super) fn premium(units: &[Unit], schedule: &Schedule) -> Option<(f64, String)> {
    let average = average_marginal(schedule);
    let cost = |unit: &Unit| thermal(unit).map(|t| (t.started_cost(unit.p_max), t.hot_hours));
    let off = |at: usize| !schedule.on.iter().any(|(unit, _)| *unit == at);
    let quick = units.iter().enumerate().filter(|(at, _)| off(*at));
    let quick = quick.filter_map(|(_, unit)| Some((unit, cost(unit)?)));
    let quick = quick.filter(|(_, (_, hours))| *hours <= 0.25).min_by(|x, y| x.1.0.total_cmp(&y.1.0));
    let dearest =
        || units.iter().filter_map(|unit| Some((unit, cost(unit)?))).max_by(|x, y| x.1.0.total_cmp(&y.1.0));
    let (unit, (cost, _)) = quick.or_else(dearest)?;
    let premium = (cost - average).max(average / 10.0);
    (premium > 0.0).then(|| (premium, unit.name.clone()))
}

/// Average of the marginal cost over the day, $/MWh.
pub(super) fn average_marginal(schedule: &Schedule) -> f64 {
    schedule.marginal.iter().sum::<f64>() / HOURS as f64
}
