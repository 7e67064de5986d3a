//! The shortages of RTS-GMLC day by day, as a demand-response scenario.
//!
//! A day's shortage is that of its worst hour: what load exceeds its day-ahead value by and what wind falls short of its own,
//! averaged over the hour, MWh; 0 on a day without a short hour. Curtailment is called for hours, and over a whole day the
//! errors of wind cancel: its energy says little of what has to be covered. (Loads of RTS-GMLC have day-ahead values that are
//! the averages of their real-time values, so that all of it is wind there.)

use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::series::{Days, HOURS};
use super::write::{number, one_line};
use super::{AREAS, Date, Resolution, Series, errors_of_day, series_names};
use crate::diagnostic::Problem;
use crate::import::rts::files::File;
use crate::output::{Existing, Folder, WriteError};

/// The files of a demand-response scenario made from RTS-GMLC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RtsShortages {
    /// The scenario, which names the table.
    pub scenario: String,
    /// One row for each day.
    pub shortages: String,
}

const SCENARIO: &str = "scenario.toml";
const TABLE: &str = "shortages.csv";

impl RtsShortages {
    /// Writes the files into a new folder, all or none, and answers where the scenario is.
    ///
    /// # Errors
    /// Something is at that place already, or it cannot be written.
    pub fn write(&self, folder: &Path) -> Result<PathBuf, WriteError> {
        let new = Folder::create(folder, Existing::Refuse)?;
        new.bytes(SCENARIO, self.scenario.as_bytes())?;
        new.bytes(TABLE, self.shortages.as_bytes())?;
        Ok(new.finish()?.join(SCENARIO))
    }
}

/// The worst hour of a day.
struct Worst {
    day: Date,
    /// From 1.
    hour: usize,
    /// Load above its day-ahead value, MWh.
    load: f64,
    /// Wind above its day-ahead value, MWh.
    wind: f64,
}

impl Worst {
    fn shortage(&self) -> f64 {
        (self.load - self.wind).max(0.0)
    }
}

/// Reads load and wind in a folder like that of [`rts_market`](super::rts_market), and makes a demand-response scenario of
/// all days.
///
/// # Errors
/// A file is missing or damaged, lacks a column, a day or a period; the problem says where.
pub fn rts_shortages(folder: &Path) -> Result<RtsShortages, Problem> {
    let wind = Series::wind(folder, None)?;
    let regions =
        File::open(folder, &series_names("day_ahead_regional_load.csv", "Load/DAY_AHEAD_regional_Load.csv"))?;
    let load = Days::long(&regions, HOURS)?;
    let mut areas = Vec::with_capacity(AREAS.len());
    for (area, region) in AREAS {
        let series = Series::area(folder, None, area)?;
        series.ahead.check_same_days(&series.file, &wind.ahead, &wind.file)?;
        let scale = series.scale(&regions, &load, region)?;
        areas.push((series, scale));
    }
    let days: Vec<Worst> = wind.ahead.dates().map(|day| worst(day, &wind, &areas)).collect();
    let mut table = String::from("date,hour,load,wind,shortage\n");
    for day in &days {
        let [load, wind, shortage] = [day.load, day.wind, day.shortage()].map(rounded).map(number);
        // Writing to a String does not fail.
        _ = writeln!(table, "{},{},{load},{wind},{shortage}", day.day, day.hour);
    }
    Ok(RtsShortages { scenario: scenario(folder, &days), shortages: table })
}

fn worst(day: Date, wind: &Series, areas: &[(Series, f64)]) -> Worst {
    let of = |series: &Series, scale: f64| {
        let mut sum = vec![0.0; HOURS];
        for name in &series.ahead.names {
            let (Some(ahead), Some(real)) = (series.ahead.day(name, day), series.real.day(name, day)) else {
                continue; // both have all days and names
            };
            let errors = errors_of_day(ahead, real, Resolution::Hourly, scale);
            sum.iter_mut().zip(errors).for_each(|(sum, error)| *sum += error);
        }
        sum
    };
    let wind = of(wind, 1.0);
    let mut load = [0.0; HOURS];
    for (series, scale) in areas {
        load.iter_mut().zip(of(series, *scale)).for_each(|(sum, error)| *sum += error);
    }
    let net = |t: usize| load[t] - wind[t];
    let hour = (1..HOURS).fold(0, |worst, t| if net(t) > net(worst) { t } else { worst });
    Worst { day, hour: hour + 1, load: load[hour], wind: wind[hour] }
}

/// To a tenth of a kWh: the files hold no more.
fn rounded(x: f64) -> f64 {
    (x * 1e4).round() / 1e4
}

/// Reserve and loads are made up, and say so; sizes follow the shortages.
fn scenario(folder: &Path, days: &[Worst]) -> String {
    let shortages: Vec<f64> = days.iter().map(Worst::shortage).collect();
    let mean = shortages.iter().sum::<f64>() / shortages.len() as f64;
    let most = shortages.iter().fold(0.0_f64, |most, x| most.max(*x));
    let none = shortages.iter().filter(|x| **x == 0.0).count();
    // A MWh of an ordinary day's shortage costs 120 $ from the reserve alone.
    let reserve = if mean > 0.0 { rounded(120.0 / mean) } else { 1.0 };
    let loads = |factor: f64| number(rounded(reserve * factor).max(1e-4));
    let mut text = String::new();
    let mut line = |s: &str| _ = writeln!(text, "{s}");
    line(
        "# Demand response in the RTS-GMLC system: every day loads are paid to curtail in the hour that is shortest.",
    );
    line("#");
    line(&format!("# Data: {}", one_line(&folder.display().to_string())));
    line(
        "# RTS-GMLC, https://github.com/GridMod/RTS-GMLC, by DOE/NREL/ALLIANCE, who are to be credited in publications.",
    );
    line(
        "# Their data use disclaimer has to accompany copies of the data; shortages.csv is computed from them.",
    );
    line("#");
    line(
        "# shortage: of the worst hour of a day, load above and wind below their day-ahead values, MWh; 0 if no hour is",
    );
    line(
        "# short. It is known when bids are called for, so days of like shortage share a signal that bids are tested",
    );
    line(&format!(
        "# against. {} days, {:.1} MWh on average, {most:.1} MWh at most, {none} without a shortage.",
        days.len(),
        mean
    ));
    line("#");
    line(
        "# The reserve and the loads are made up: a MWh of an average day's shortage costs 120 $ from the reserve alone,",
    );
    line("# and types have no trend over the year. Put in your own.");
    line("\nmechanism = \"demand-response\"\ntitle = \"RTS-GMLC, the worst hour of every day\"\nseed = 1");
    line("\n[units]\nquantity = \"MWh\"\nprice = \"$/MWh\"\nmoney = \"$\"");
    line("\n[tests]\nbins = 6");
    line("\n[market]");
    line(&format!("shortage = {{ file = \"{TABLE}\", column = \"shortage\", classes = 4 }}"));
    line(&format!("reserve = {}", number(reserve)));
    for (name, count, family, factor) in
        [("Pumps", 4, "gamma", 4.0), ("Cold store", 4, "lognormal", 6.0), ("Smelter", 2, "beta-prime", 3.0)]
    {
        // Costs that vary by 60 % of their mean.
        let variance = number(rounded((reserve * factor * 0.6).powi(2)).max(1e-4));
        line(&format!("\n[[players]]\nname = \"{name}\"\ncount = {count}\nfamily = \"{family}\""));
        line(&format!("mean = {}\nvariance = {variance}\ntypes = 5", loads(factor)));
    }
    text
}
