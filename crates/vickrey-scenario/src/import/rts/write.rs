//! The market as a scenario and its tables.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::agents::{Agent, Basis};
use super::schedule::{Schedule, thermal};
use super::units::{Kind, Unit};
use super::{Account, RtsOptions};
use crate::output::{Existing, Folder, WriteError};

/// The files of a market made from RTS-GMLC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RtsMarket {
    /// The scenario, which names the tables.
    pub scenario: String,
    /// One row for each agent.
    pub agents: String,
    /// Noise of the accounts and trading costs of the units, period by period.
    pub series: String,
    /// What happened on the chosen day.
    pub path: String,
}

impl RtsMarket {
    /// The name of the scenario in the folder that [`RtsMarket::write`] makes.
    pub const SCENARIO: &str = "scenario.toml";

    /// Writes the files into a new folder, all or none, and answers where the scenario is.
    ///
    /// # Errors
    /// Something is at that place already, or it cannot be written.
    pub fn write(&self, folder: &Path) -> Result<PathBuf, WriteError> {
        let new = Folder::create(folder, Existing::Refuse)?;
        new.bytes(Self::SCENARIO, self.scenario.as_bytes())?;
        new.bytes("agents.csv", self.agents.as_bytes())?;
        new.bytes("series.csv", self.series.as_bytes())?;
        new.bytes("path.csv", self.path.as_bytes())?;
        Ok(new.finish()?.join(Self::SCENARIO))
    }
}

/// What the comments of the scenario are about.
pub(super) struct Made<'a> {
    pub folder: &'a Path,
    pub options: &'a RtsOptions,
    pub accounts: &'a [Account],
    pub units: &'a [Unit],
    pub plan: &'a Schedule,
    pub left_out: Vec<String>,
    pub replacement: String,
    pub basis: Basis,
    /// Days from which variances are estimated.
    pub days: usize,
    /// Accounts without errors.
    pub exact: Vec<String>,
}

/// The files.
pub(super) fn market(made: &Made<'_>, agents: &[Agent]) -> RtsMarket {
    RtsMarket {
        scenario: scenario(made),
        agents: agents_table(agents),
        series: series_table(agents, made.basis.periods),
        path: path_table(agents),
    }
}

fn agents_table(agents: &[Agent]) -> String {
    let mut text = String::from("name,a,b,q,r,terminal-q,start-noise,noise\n");
    for Agent { name, a, b, q, r, terminal_q, noise, .. } in agents {
        let start = noise.first().copied().unwrap_or(0.0);
        let row = [*a, *b, *q, r[0], *terminal_q, start, 0.0].map(number).join(",");
        // Writing to a String does not fail.
        _ = writeln!(text, "{},{row}", quoted(name));
    }
    text
}

fn series_table(agents: &[Agent], periods: usize) -> String {
    let mut text = String::from("agent,period,r,noise\n");
    for agent in agents.iter().filter(|agent| agent.r.len() > 1 || !agent.noise.is_empty()) {
        for period in 0..periods {
            let r = if agent.r.len() > 1 { number(agent.r[period]) } else { String::new() };
            // What arrives in period 0 is the start.
            let noise =
                agent.noise.get(period).map_or(String::new(), |v| number(if period == 0 { 0.0 } else { *v }));
            _ = writeln!(text, "{},{period},{r},{noise}", quoted(&agent.name));
        }
    }
    text
}

fn path_table(agents: &[Agent]) -> String {
    let mut text = String::from("agent,period,disturbance\n");
    for agent in agents {
        for (period, disturbance) in agent.path.iter().enumerate() {
            _ = writeln!(text, "{},{period},{}", quoted(&agent.name), number(*disturbance));
        }
    }
    text
}

/// A number that is read back bit for bit, without a negative zero.
pub(super) fn number(value: f64) -> String {
    let text = format!("{:?}", value + 0.0);
    text.strip_suffix(".0").unwrap_or(&text).to_owned()
}

/// A name as a cell.
fn quoted(name: &str) -> String {
    if name.contains(['"', ',', '\n', '\r', '#']) {
        format!("\"{}\"", name.replace('"', "\"\""))
    } else {
        name.to_owned()
    }
}

fn scenario(made: &Made<'_>) -> String {
    let Made { options, basis, .. } = made;
    let mut text = String::new();
    let day = options.day;
    let mut line = |s: &str| _ = writeln!(text, "{s}");
    line(&format!("# The balancing market of {day} in the RTS-GMLC system, in {} periods.", basis.periods));
    line("#");
    for comment in source(made).iter().chain(&choices(made)).chain(&figures(made)) {
        line(format!("# {}", one_line(comment)).trim_end());
    }
    line("\nmechanism = \"linear-quadratic\"");
    line(&format!("title = \"RTS-GMLC, balancing on {day}\""));
    line("seed = 1");
    line("\n[units]\nquantity = \"MWh\"\nprice = \"$/MWh\"\nmoney = \"$\"");
    line(&format!("\n[linear-quadratic]\nperiods = {}", basis.periods));
    line("market = \"layered\"\npayment = \"incremental\"\nbaseline = \"autarky\"\nnoise-as = \"variance\"");
    line("\n[tables]\nagents = \"agents.csv\"\nseries = \"series.csv\"");
    line("path = \"path.csv\"                     # the errors of the day; without this line they are drawn");
    text
}

fn source(made: &Made<'_>) -> Vec<String> {
    vec![
        format!("Data: {}", made.folder.display()),
        "RTS-GMLC, https://github.com/GridMod/RTS-GMLC, by DOE/NREL/ALLIANCE, who are to be credited in publications.".into(),
        "Their data use disclaimer has to accompany copies of the data; path.csv and series.csv are computed from them.".into(),
        String::new(),
    ]
}

fn choices(made: &Made<'_>) -> Vec<String> {
    let basis = &made.basis;
    let text = format!(
        "Quantities are energy beside the day-ahead schedule, u > 0 is received; prices come on top of the day-ahead price.
Accounts (wind plants, loads): the state is the balance in MWh with which the day is expected to close, a surplus is
positive. Their noise is the news about it: real-time minus day-ahead values, without the mean at each time of day and
without what the error of the period before lets expect. Variances over all {days} days, period by period.
  premium  {premium:.4} $/MWh: a MWh from {replacement}, started for it, against {marginal:.4} $/MWh in the schedule
  q        -premium/(2 spread) times the hours of a period, $/MWh², with the account's own spread: the standard deviation
           of the energy of its errors in a day; terminal-q -premium/(2 spread) for the balance that is left
  r        a hundredth of the premium at full power, $/MWh²
Units: the state is how far the unit is from its schedule, MW; it follows trades with its ramp, a = exp(-ramp time/range).
  r        half the slope of the marginal cost, $/MW²h, and premium/(2 room) for scarcity, over the hours: $/MWh²
  q        4 % of a hot start for an hour at a distance of the whole range, $/MW²
Reservoirs, storage: the state is the energy beside the plan, MWh. r as for units, and for storage its losses.
  q        a further MWh costs the premium if all room of the store is used as long as it takes to use it, $/MWh²
  terminal-q  the same for the end of the day
",
        days = made.days,
        premium = basis.premium,
        replacement = made.replacement,
        marginal = basis.marginal,
    );
    text.split('\n').map(str::to_owned).collect()
}

fn figures(made: &Made<'_>) -> Vec<String> {
    let head = "Accounts: sd of an error (MW), share of it that persists, correlation left in the news, \
                spread and bias taken out\n(MWh a day).";
    let mut lines: Vec<String> = head.split('\n').map(str::to_owned).collect();
    for Account { name, news, .. } in made.accounts {
        lines.push(format!(
            "  {name:<12} {:>9.3} {:>7.3} {:>7.3} {:>9.1} {:>9.1}",
            news.deviation,
            news.persistence,
            news.leftover,
            news.spread(),
            news.bias
        ));
    }
    if let Some((first, second, correlation)) = most_correlated(made.accounts) {
        lines.push(format!(
            "Noise is drawn independently. In the data the energies of a day's errors correlate, most for {first} and {second}"
        ));
        lines.push(format!("({correlation:.2}); the recorded path has that in it."));
    }
    if !made.exact.is_empty() {
        let exact = made.exact.join(", ");
        lines.push(format!(
            "No agents, because day-ahead values are the averages of real-time values: {exact}."
        ));
    }
    lines.push(String::new());
    lines.extend(made.schedule_lines());
    lines
}

/// The two accounts whose errors move together most.
fn most_correlated(accounts: &[Account]) -> Option<(&str, &str, f64)> {
    let with_earlier = |(at, second): (usize, &'_ Account)| -> Vec<(usize, usize, f64)> {
        accounts[..at]
            .iter()
            .enumerate()
            .map(|(k, first)| (k, at, first.news.correlation(&second.news)))
            .collect()
    };
    let pairs = accounts.iter().enumerate().flat_map(with_earlier);
    let (first, second, value) = pairs.max_by(|x, y| x.2.abs().total_cmp(&y.2.abs()))?;
    Some((&accounts[first].name, &accounts[second].name, value))
}

impl Made<'_> {
    fn schedule_lines(&self) -> Vec<String> {
        let burning = self.units.iter().filter(|unit| thermal(unit).is_some()).count();
        let capacity: f64 = self.plan.on.iter().map(|(unit, _)| self.units[*unit].p_max).sum();
        let wet = self.units.iter().filter(|unit| matches!(unit.kind, Kind::Hydro(_))).count();
        let on = self.plan.on.len();
        let text = format!(
            "Units: {on} of {burning} that burn fuel ({capacity} MW): on in some hour in the order of their cost at full output, so
many that the net load is served without the largest of them; each hour from their cheapest pieces.
Reservoir plants ({wet}) are planned at half output, storage idle. Sun is taken as forecast."
        );
        let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
        if !self.left_out.is_empty() {
            lines.push(format!("No agents: {}.", self.left_out.join(", ")));
        }
        if self.plan.unserved > 0.0 {
            lines.push(format!("Note: up to {:.1} MW of net load exceed all units.", self.plan.unserved));
        }
        if self.plan.surplus > 0.0 {
            lines.push(format!(
                "Note: in some hours the least outputs exceed the net load, by up to {:.1} MW.",
                self.plan.surplus
            ));
        }
        lines
    }
}

pub(super) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
