//! A day of the RTS-GMLC test system as a balancing market.
//!
//! RTS-GMLC (<https://github.com/GridMod/RTS-GMLC>, data of the National Renewable Energy Laboratory of the USA) has
//! generators with heat rates, fuel prices and ramps, and for the year 2020 day-ahead (hourly) and real-time (five
//! minutes) series of wind and load. From it comes a market in *deviations*: the day-ahead schedule is settled
//! elsewhere, quantities are energy beside it, prices come on top of the day-ahead price. The market is
//! `linear-quadratic`, `layered`: in each period everybody bids the news that nobody could foresee.
//!
//! # Signs and units
//!
//! u, in MWh per period, is received (u > 0) or delivered (u < 0). Prices are $/MWh. A period has h hours: 1 or 1/12.
//!
//! # Wind plants and loads: accounts
//!
//! The state x (MWh) is the balance with which the account is expected to close the day; a surplus is positive:
//! x(t+1) = x(t) + u(t) + w(t+1). The noise w is the news of a period about the day's errors, real-time minus day-ahead
//! (for loads with the opposite sign). Errors persist and are no noise by themselves; `rts/errors.rs` says how the news
//! are found, and that they add up to the day's energy. The mean error at each time of day is taken out; the scenario
//! says how much that is. Variances are those of all days of the files at the same time of day. Accounts are drawn
//! independently; the scenario says how far the data are from that, and the recorded path has the data's own.
//!
//! An open balance costs q x² in each period and what is left at the end `terminal-q` x²: at a balance of one standard
//! deviation of the account's energy of errors in a day a further MWh costs the *premium*, per hour and once more at the
//! end. r is small: a hundredth of the premium at full power. An area whose day-ahead values are the averages of its
//! real-time values (the hourly loads of RTS-GMLC) has no news and is no agent.
//!
//! The *premium* is what a MWh costs more from the cheapest unit that is off and starts within a quarter of an hour
//! (average cost at full output, its hot start spread over the time that it must run) than on average in the schedule.
//!
//! # Units that burn fuel
//!
//! They take part if the merit order has them on in some hour (`rts/schedule.rs`). A trade is executed in its period. The
//! state x (MW) is how far boiler and turbine are from the schedule. It follows the trades with the time constant of the
//! ramp, range over ramp rate: x(t+1) = a x(t) - (1 - a) u(t)/h with a = exp(-h ramp/range). Meanwhile it wears: an hour
//! at a distance of the whole range costs 4 % of a hot start; `terminal-q` is the wear of coming back after the end.
//! r = -(slope/2 + premium/(2 room))/h: the slope of the marginal cost over the range, and a scarcity that makes the
//! last MW of the room as dear as its replacement. The room is the distance to the nearer end of the output, and at least
//! 5 % of the range. So a unit that runs at its limit, or is off, hardly trades, in both directions: the market has no
//! one-sided limits.
//!
//! # Reservoirs and storage
//!
//! The state x (MWh) is the energy stored beside the plan: x(t+1) = x(t) + u(t). With `terminal-q` a further MWh is as
//! dear as the premium when all room of the store is used at the end of the day; with q it is so when the store stands
//! there for as long as it takes to get there at full power. Reservoir plants are planned at half output, stores idle:
//! the folder has no schedule for them. The losses of a whole cycle are in r (a parabola that costs the same at full
//! power); the data know no losses of standing still, so a = 1.
//!
//! # No linear terms
//!
//! Marginal costs of the units are not in `linear`. Without limits on u a unit below the margin would sell without end;
//! and a linear term would only move the plan that is known at the start, not one payment for news.
//!
//! # What the numbers cannot say
//!
//! Trades between accounts pass on expected balances; what units deliver is the sum over all accounts. The market
//! balances the energy of the day, not each moment: units may deliver before the wind is missing. Limits of output and of
//! stores are prices here, and large news go beyond them.

mod agents;
mod date;
mod errors;
mod files;
mod schedule;
mod series;
mod shortage;
#[cfg(test)]
mod tests;
mod units;
mod write;

use std::path::Path;

use self::agents::{Agent, Basis};
pub use self::date::{Date, NotADate};
use self::errors::{FEWEST_DAYS, News, news};
use self::files::File;
use self::schedule::{Schedule, schedule};
use self::series::{Days, FIVE_MINUTES, HOURS};
pub use self::shortage::{RtsShortages, rts_shortages};
use self::units::{Kind, Unit};
pub use self::write::RtsMarket;
use crate::diagnostic::Problem;

/// Areas with their own load files, and the region of the system that each stands for.
const AREAS: [(&str, &str); 3] = [("APS", "1"), ("NEVP", "2"), ("LDWP", "3")];
/// By how much the ratio of a region's load to its area's may vary.
const SAME_RATIO: f64 = 1e-3;
/// Errors up to this share of the largest power are rounding in the files.
const ROUNDING: f64 = 1e-3;

/// Length of a period of the market.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Resolution {
    /// 24 periods a day.
    #[default]
    Hourly,
    /// 288 periods a day.
    FiveMinutes,
}

impl Resolution {
    /// Periods of a day.
    pub fn periods(self) -> usize {
        match self {
            Self::Hourly => HOURS,
            Self::FiveMinutes => FIVE_MINUTES,
        }
    }

    fn hours(self) -> f64 {
        HOURS as f64 / self.periods() as f64
    }
}

/// Which market is made of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtsOptions {
    /// The day whose schedule counts and whose errors are replayed.
    pub day: Date,
    /// Length of a period.
    pub resolution: Resolution,
}

/// Reads the system in a folder and makes the market of a day; see [the module](self) for what it consists of.
///
/// The folder is one of `gen.csv`, `storage.csv`, `day_ahead_wind.csv`, …, or the repository of RTS-GMLC.
///
/// # Errors
/// A file is missing or damaged, lacks a column, a day or a period, or the data make no market; the problem says where.
pub fn rts_market(folder: &Path, options: &RtsOptions) -> Result<RtsMarket, Problem> {
    let (units, left_out) = units::read(
        &File::open(folder, &names("gen.csv", "SourceData/gen.csv"))?,
        &File::open(folder, &names("storage.csv", "SourceData/storage.csv"))?,
    )?;
    let wind = Series::wind(folder, Some(options.day))?;
    let regions =
        File::open(folder, &series_names("day_ahead_regional_load.csv", "Load/DAY_AHEAD_regional_Load.csv"))?;
    let load = Days::long(&regions, HOURS)?;
    load.check_has(&regions, options.day)?;
    let sun_file = File::open(folder, &series_names("day_ahead_pv.csv", "PV/DAY_AHEAD_pv.csv"))?;
    let sun = Days::long(&sun_file, HOURS)?;
    sun.check_has(&sun_file, options.day)?;
    let mut accounts = wind.accounts(options, 1.0)?;
    for (area, region) in AREAS {
        let series = Series::area(folder, Some(options.day), area)?;
        let scale = series.scale(&regions, &load, region)?;
        accounts.extend(series.accounts(options, -scale)?);
    }
    let mut net_load = [0.0; HOURS];
    let series = load.sum(options.day).into_iter().zip(wind.ahead.sum(options.day)).zip(sun.sum(options.day));
    for (net, ((load, wind), sun)) in net_load.iter_mut().zip(series) {
        *net = load - wind - sun - water(&units);
    }
    let plan = schedule(&units, &net_load);
    assemble(folder, options, accounts, &units, &plan, left_out, wind.ahead.dates().count())
}

/// A wind plant or an area's load, with its errors.
struct Account {
    name: String,
    news: News,
    /// Largest real-time power in the files, MW.
    power: f64,
}

impl Account {
    /// Errors that are more than rounding.
    fn has_news(&self) -> bool {
        self.news.deviation > ROUNDING * self.power
    }
}

/// A day-ahead and a real-time file of the same plants or areas.
struct Series {
    prefix: &'static str,
    ahead: Days,
    real: Days,
    /// For problems.
    file: File,
}

impl Series {
    fn wind(folder: &Path, day: Option<Date>) -> Result<Self, Problem> {
        let ahead_file = File::open(folder, &series_names("day_ahead_wind.csv", "WIND/DAY_AHEAD_wind.csv"))?;
        let real_file = File::open(folder, &series_names("real_time_wind.csv", "WIND/REAL_TIME_wind.csv"))?;
        let (ahead, real) = (Days::long(&ahead_file, HOURS)?, Days::long(&real_file, FIVE_MINUTES)?);
        Self::matched("", ahead, ahead_file, real, &real_file, day)
    }

    fn area(folder: &Path, day: Option<Date>, area: &str) -> Result<Self, Problem> {
        let upstream = |kind: &str| format!("Load/{kind}{area}_Promod_2020.csv");
        let ahead_file =
            File::open(folder, &series_names(&format!("day_ahead_load_{area}.csv"), &upstream("")))?;
        let real_file =
            File::open(folder, &series_names(&format!("real_time_load_{area}.csv"), &upstream("RT_")))?;
        let (ahead, real) =
            (Days::wide(&ahead_file, area, HOURS)?, Days::wide(&real_file, area, FIVE_MINUTES)?);
        Self::matched("load-", ahead, ahead_file, real, &real_file, day)
    }

    fn matched(
        prefix: &'static str,
        ahead: Days,
        file: File,
        real: Days,
        real_file: &File,
        day: Option<Date>,
    ) -> Result<Self, Problem> {
        if let Some(day) = day {
            ahead.check_has(&file, day)?;
        }
        ahead.check_same(&file, &real, real_file)?;
        let days = ahead.dates().count();
        if days < FEWEST_DAYS {
            let help = format!("accepted: at least {FEWEST_DAYS} days, from which variances are estimated");
            return Err(file.problem(&format!("there are {days} days")).with_help(help));
        }
        Ok(Self { prefix, ahead, real, file })
    }

    /// MW of the region per MW of the area, which must be the same on all days.
    fn scale(&self, regions: &File, load: &Days, region: &str) -> Result<f64, Problem> {
        regions.column(region)?;
        let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
        for day in self.ahead.dates() {
            let Some(whole) = load.day(region, day) else {
                let help = format!("it is in {}", self.file.name);
                return Err(regions.problem(&format!("{day} is missing")).with_help(help));
            };
            let part = self.ahead.day(&self.ahead.names[0], day).unwrap_or_default();
            for (whole, part) in whole.iter().zip(part) {
                least = least.min(whole / part);
                most = most.max(whole / part);
            }
        }
        if !(least > 0.0 && most <= least * (1.0 + SAME_RATIO)) {
            let what =
                format!("the load of region {region} is {least} to {most} times that of {}", self.file.name);
            return Err(regions.problem(&what).with_help("accepted: the same positive ratio in all hours"));
        }
        Ok((least + most) / 2.0)
    }

    /// The accounts, with errors times `sign`.
    fn accounts(&self, options: &RtsOptions, sign: f64) -> Result<Vec<Account>, Problem> {
        let days: Vec<Date> = self.ahead.dates().collect();
        let chosen = days.iter().position(|day| *day == options.day).unwrap_or(0);
        let account = |name: &String| {
            let values = |day: &Date| Some((self.ahead.day(name, *day)?, self.real.day(name, *day)?));
            let pairs: Vec<_> = days.iter().filter_map(values).collect();
            let errors =
                pairs.iter().map(|(ahead, real)| errors_of_day(ahead, real, options.resolution, sign));
            let power = pairs.iter().flat_map(|(_, real)| *real).fold(0.0_f64, |most, x| most.max(x.abs()));
            if power < 1e-3 {
                let help = "accepted: real-time values that reach 0.001 MW";
                return Err(self.file.problem(&format!("`{name}` is always 0")).with_help(help));
            }
            Ok(Account {
                name: format!("{}{name}", self.prefix),
                news: news(errors.collect(), chosen, options.resolution.hours()),
                power: power * sign.abs(),
            })
        };
        self.ahead.names.iter().map(account).collect()
    }
}

/// Real-time minus day-ahead, times `sign`. The day-ahead value of an hour holds in all its five-minute periods.
fn errors_of_day(ahead: &[f64], real: &[f64], resolution: Resolution, sign: f64) -> Vec<f64> {
    let per_hour = FIVE_MINUTES / HOURS;
    match resolution {
        Resolution::Hourly => real
            .chunks(per_hour)
            .zip(ahead)
            .map(|(real, ahead)| sign * (real.iter().sum::<f64>() / per_hour as f64 - ahead))
            .collect(),
        Resolution::FiveMinutes => {
            real.iter().enumerate().map(|(t, real)| sign * (real - ahead[t / per_hour])).collect()
        }
    }
}

/// Output of hydro plants in the schedule, MW: half of what they can.
fn water(units: &[Unit]) -> f64 {
    let wet = units.iter().filter(|unit| matches!(unit.kind, Kind::Hydro(_) | Kind::River));
    wet.map(|unit| (unit.p_min + unit.p_max) / 2.0).sum()
}

/// Prices everything and puts the agents together.
fn assemble(
    folder: &Path,
    options: &RtsOptions,
    accounts: Vec<Account>,
    units: &[Unit],
    plan: &Schedule,
    left_out: Vec<String>,
    days: usize,
) -> Result<RtsMarket, Problem> {
    let problem = |what: &str, help: &str| Err(Problem::new(what).in_file(folder).with_help(help));
    let Some((premium, replacement)) = agents::premium(units, plan) else {
        return problem(
            "no unit has a cost",
            "accepted: at least one unit in gen.csv that burns fuel with a price",
        );
    };
    let (accounts, exact): (Vec<Account>, Vec<Account>) = accounts.into_iter().partition(Account::has_news);
    if accounts.is_empty() {
        return problem(
            "real-time values never differ from day-ahead values",
            "accepted: series with forecast errors; without them there is nothing to balance",
        );
    }
    let basis = Basis {
        periods: options.resolution.periods(),
        hours: options.resolution.hours(),
        premium,
        marginal: agents::average_marginal(plan),
    };
    let mut agents: Vec<Agent> =
        accounts.iter().map(|account| basis.account(&account.name, &account.news, account.power)).collect();
    agents.extend(plan.on.iter().map(|(unit, output)| basis.generator(&units[*unit], output)));
    agents.extend(units.iter().filter_map(|unit| basis.store(unit)));
    let made = write::Made {
        folder,
        options,
        accounts: &accounts,
        units,
        plan,
        left_out,
        replacement,
        basis,
        days,
        exact: exact.into_iter().map(|account| account.name).collect(),
    };
    Ok(write::market(&made, &agents))
}

/// A file of the system itself: its plain name and its place in the repository.
fn names(plain: &str, upstream: &str) -> Vec<String> {
    vec![plain.to_owned(), upstream.to_owned(), format!("RTS_Data/{upstream}")]
}

/// A file of time series: its plain name and its place in the repository.
fn series_names(plain: &str, upstream: &str) -> Vec<String> {
    names(plain, &format!("timeseries_data_files/{upstream}"))
}
