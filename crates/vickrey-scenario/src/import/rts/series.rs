//! Time series: hourly day-ahead and five-minute real-time values, day by day.

use std::collections::BTreeMap;

use super::date::Date;
use super::files::{File, Row};
use crate::diagnostic::Problem;

/// Hours of a day.
pub(super) const HOURS: usize = 24;
/// Five-minute periods of a day.
pub(super) const FIVE_MINUTES: usize = 288;

/// Values of some plants or regions over some days that follow one another.
pub(super) struct Days {
    /// Plants or regions, as the columns call them.
    pub names: Vec<String>,
    /// Values of a day: those of the first plant in every period, then those of the second, …
    days: BTreeMap<Date, Vec<f64>>,
    periods: usize,
}

impl Days {
    /// A file with columns `Year`, `Month`, `Day`, `Period` and one for each plant, one row a period.
    pub fn long(file: &File, periods: usize) -> Result<Self, Problem> {
        let date = DateColumns::of(file)?;
        let period = file.column("Period")?;
        let plants: Vec<usize> = (0..file.columns.len()).filter(|c| !date.has(*c) && *c != period).collect();
        if plants.is_empty() {
            let help = "accepted: Year,Month,Day,Period and one column for each plant or region";
            return Err(file.problem_in_header("there is no column of a plant or region", help));
        }
        let names = plants.iter().map(|&column| file.columns[column].clone()).collect();
        let mut days = BTreeMap::new();
        file.rows(|row| {
            let at = usize::from(row.whole(period, 1, periods as u16)?) - 1;
            let day = date.read(row)?;
            let values = days.entry(day).or_insert_with(|| vec![f64::NAN; plants.len() * periods]);
            for (plant, &column) in plants.iter().enumerate() {
                let value = row.number(column)?;
                let place = &mut values[plant * periods + at];
                if !place.is_nan() {
                    let found = format!("{day}, period {} a second time", at + 1);
                    return Err(row.problem(Some(period), &found, "each period of a day once"));
                }
                *place = value;
            }
            Ok(())
        })?;
        let series = Self { names, days, periods };
        series.check(file)?;
        Ok(series)
    }

    /// A file with columns `Year`, `Month`, `Day` and one for each period from `1`, one row a day.
    pub fn wide(file: &File, name: &str, periods: usize) -> Result<Self, Problem> {
        let date = DateColumns::of(file)?;
        let columns =
            (1..=periods).map(|p| file.column(&p.to_string())).collect::<Result<Vec<usize>, Problem>>()?;
        let mut days = BTreeMap::new();
        file.rows(|row| {
            let day = date.read(row)?;
            let values = columns.iter().map(|&column| row.number(column)).collect::<Result<Vec<f64>, _>>()?;
            if days.insert(day, values).is_some() {
                return Err(row.problem(Some(date.day), &format!("{day} a second time"), "each day once"));
            }
            Ok(())
        })?;
        let series = Self { names: vec![name.to_owned()], days, periods };
        series.check(file)?;
        Ok(series)
    }

    /// No period of a day and no day between two others may be missing.
    fn check(&self, file: &File) -> Result<(), Problem> {
        for (day, values) in &self.days {
            if let Some(at) = values.iter().position(|value| value.is_nan()) {
                let what = format!("{day}: period {} is missing", at % self.periods + 1);
                let help = format!("accepted: {} periods on each day", self.periods);
                return Err(file.problem(&what).with_help(help));
            }
        }
        let dates: Vec<Date> = self.days.keys().copied().collect();
        match dates.windows(2).find(|pair| pair[0].next() != Some(pair[1])) {
            _ if dates.is_empty() => {
                Err(file.problem("there are no rows").with_help("accepted: one day and more"))
            }
            Some(pair) => {
                let what = format!("{} is followed by {}, the days between are missing", pair[0], pair[1]);
                Err(file.problem(&what).with_help("accepted: days that follow one another"))
            }
            None => Ok(()),
        }
    }

    /// The other series must have the same days and names.
    pub fn check_same(&self, file: &File, other: &Self, other_file: &File) -> Result<(), Problem> {
        self.check_same_days(file, other, other_file)?;
        if let Some(name) = self.names.iter().find(|name| !other.names.contains(name)) {
            other_file.column(name)?;
        }
        if let Some(name) = other.names.iter().find(|name| !self.names.contains(name)) {
            file.column(name)?;
        }
        Ok(())
    }

    /// The other series must have the same days.
    pub fn check_same_days(&self, file: &File, other: &Self, other_file: &File) -> Result<(), Problem> {
        if let Some(day) = self.days.keys().find(|day| !other.days.contains_key(day)) {
            return Err(missing(*day, other_file, file));
        }
        if let Some(day) = other.days.keys().find(|day| !self.days.contains_key(day)) {
            return Err(missing(*day, file, other_file));
        }
        Ok(())
    }

    /// The chosen day must be there.
    pub fn check_has(&self, file: &File, day: Date) -> Result<(), Problem> {
        if self.days.contains_key(&day) {
            return Ok(());
        }
        let ends = self.days.keys().next().zip(self.days.keys().next_back());
        let help = ends.map_or(String::new(), |(first, last)| format!("found: {first} to {last}"));
        Err(file.problem(&format!("{day} is not in the file")).with_help(help))
    }

    /// The days, in order.
    pub fn dates(&self) -> impl Iterator<Item = Date> + '_ {
        self.days.keys().copied()
    }

    /// The values of a plant on a day; none if one of them is unknown.
    pub fn day(&self, name: &str, day: Date) -> Option<&[f64]> {
        let plant = self.names.iter().position(|known| known == name)?;
        self.days.get(&day).map(|values| &values[plant * self.periods..][..self.periods])
    }

    /// The sum over the plants in each period of a day; zeros if there is no such day.
    pub fn sum(&self, day: Date) -> Vec<f64> {
        let mut sum = vec![0.0; self.periods];
        for values in self.days.get(&day).into_iter().flat_map(|values| values.chunks(self.periods)) {
            sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
        }
        sum
    }
}

fn missing(day: Date, from: &File, though_in: &File) -> Problem {
    let help = format!("it is in {}; both files need the same days", though_in.name);
    from.problem(&format!("{day} is missing")).with_help(help)
}

/// Where the date stands in a file.
struct DateColumns {
    year: usize,
    month: usize,
    day: usize,
}

impl DateColumns {
    fn of(file: &File) -> Result<Self, Problem> {
        Ok(Self { year: file.column("Year")?, month: file.column("Month")?, day: file.column("Day")? })
    }

    fn has(&self, column: usize) -> bool {
        [self.year, self.month, self.day].contains(&column)
    }

    fn read(&self, row: &Row<'_>) -> Result<Date, Problem> {
        let year = row.whole(self.year, 1, 9999)?;
        // Both fit: the ranges say so.
        let month = row.whole(self.month, 1, 12)? as u8;
        let day = row.whole(self.day, 1, 31)? as u8;
        Date::new(year, month, day).ok_or_else(|| row.wrong(self.day, "a day of the month"))
    }
}
