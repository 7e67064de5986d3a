//! Followers with one decision each in a table.

use vickrey::faithful::dual::cost::Cost;
use vickrey::faithful::dual::model::Follower;

use super::cost::{Family, suggest_family};
use super::followers::Read;
use crate::diagnostic::{Problems, shorten, written};
use crate::input::keys::Key;
use crate::input::keys::dual::{
    ABSENT, BEND, CONSTANT, COUPLING, EXPONENT, FAMILY, FOLLOWER_NAME, HIGH, LARGEST, LINEAR, LOW, MATRIX,
    SHIFT, SLOPE, TARGET, WEIGHT,
};
use crate::input::list::List;
use crate::input::names;
use crate::input::sheet::Desk;
use crate::input::table::{Column, Row, Table};
use vickrey::faithful::dual::strategies::Play;

/// What is public of a follower, besides her coupling.
const PUBLIC: [&str; 5] = [LOW.name, HIGH.name, ABSENT.name, "curvature-low", "curvature-high"];
/// The parameters of costs.
const PARAMETERS: [&Key; 9] =
    [&MATRIX, &LINEAR, &WEIGHT, &SHIFT, &SLOPE, &TARGET, &EXPONENT, &BEND, &CONSTANT];

const ONE_DECISION: &str = "a row is a follower with one decision; a follower with several has a section [[followers]] in the scenario file";

/// Where the columns stand.
struct Places {
    couplings: Vec<String>,
    costs: bool,
}

const NAME_COLUMN: usize = 0;
const FAMILY_COLUMN: usize = 1;
const FIRST_NUMBER: usize = 2;

impl Places {
    fn columns(&self) -> Vec<Column<'_>> {
        let text = |name, required| Column { name, number: false, required };
        let number = |name, required| Column { name, number: true, required };
        let several = self.couplings.len() > 1;
        let mut columns = vec![text(FOLLOWER_NAME.name, true), text(FAMILY.name, false)];
        columns.extend(PUBLIC.map(|name| number(name, false)));
        columns.extend(PARAMETERS.map(|key| number(key.name, false)));
        columns.extend(self.couplings.iter().map(|name| number(name, several)));
        columns
    }

    fn parameter(&self, k: usize) -> usize {
        FIRST_NUMBER + PUBLIC.len() + k
    }

    fn coupling(&self, k: usize) -> usize {
        self.parameter(PARAMETERS.len()) + k
    }
}

/// The column of a coupling.
fn column(couplings: &List, k: usize) -> String {
    match couplings.len() {
        1 => COUPLING.name.to_owned(),
        _ => format!("{}-{}", COUPLING.name, couplings.names[k]),
    }
}

/// The followers of a table, faithful all of them, and their rows; none for one that cannot be read.
pub(super) fn rows(
    table: &Table,
    (list, couplings): (&mut List, &List),
    costs: bool,
    desk: &mut Desk,
) -> Vec<(u64, Option<Read>)> {
    let names = (0..couplings.len()).map(|k| column(couplings, k)).collect();
    let places = Places { couplings: names, costs };
    let mut all = Vec::new();
    table.read(&places.columns(), |_| None, &mut desk.problems, &mut |row, problems| {
        let name = names::listed(table, row, NAME_COLUMN, FOLLOWER_NAME.name, problems);
        if let Some(name) = name.filter(|name| list.index(name).is_some()) {
            let what = format!("another follower has the name `{}`", shorten(name));
            problems.push_with(|| {
                table
                    .problem(row.key, Some(FOLLOWER_NAME.name), what, "every name once")
                    .with_help(ONE_DECISION)
            });
        }
        list.append(name.unwrap_or_default().to_owned());
        all.push((row.key, places.follower(table, row, problems)));
    });
    all
}

impl Places {
    fn follower(&self, table: &Table, row: &Row<'_>, problems: &mut Problems) -> Option<Read> {
        let before = problems.count();
        let columns = self.columns();
        let mut numbers = vec![None; columns.len()];
        for (k, found) in numbers.iter_mut().enumerate().skip(FIRST_NUMBER) {
            let name = columns[k].name;
            let what = match row.number(k) {
                Ok(Some(x)) if x.abs() <= LARGEST => {
                    *found = Some(x);
                    continue;
                }
                Ok(None) => continue,
                Ok(Some(x)) => format!("found {}", written(x)),
                Err(found) => format!("found {}", found.0),
            };
            let accepted = "a finite number of size at most 1e15";
            problems.push_with(|| table.problem(row.key, Some(name), what, accepted));
        }
        let public = self
            .public(&numbers, &|field, what, accepted| table.problem(row.key, Some(field), what, accepted));
        let public = public.map_err(|problem| problems.push(problem)).ok();
        let readable = problems.count() == before;
        let cost = if readable && (self.costs || self.has_cost(&numbers)) {
            self.cost(table, row, &numbers, problems)
        } else {
            None
        };
        (problems.count() == before).then_some(Read { public: public?, cost, play: Play::Faithful })
    }

    fn public<E>(
        &self,
        numbers: &[Option<f64>],
        wrong: &dyn Fn(&'static str, String, &str) -> E,
    ) -> Result<Follower, E> {
        let [low, high, absent, least, most] = [0, 1, 2, 3, 4].map(|k| numbers[FIRST_NUMBER + k]);
        let (low, high) = (low.unwrap_or(f64::NEG_INFINITY), high.unwrap_or(f64::INFINITY));
        if high < low {
            let accepted = format!("at least the lower limit {}", written(low));
            return Err(wrong(HIGH.name, format!("found {}", written(high)), &accepted));
        }
        let given = absent.map_or(" (empty)", |_| "");
        let absent = absent.unwrap_or(0.0);
        if !(low..=high).contains(&absent) {
            let accepted = format!("a number from {} to {}", written(low), written(high));
            return Err(wrong(ABSENT.name, format!("found {}{given}", written(absent)), &accepted));
        }
        let (least, most) = (least.unwrap_or(0.0), most.unwrap_or(f64::INFINITY));
        if least < 0.0 {
            return Err(wrong("curvature-low", format!("found {}", written(least)), "a number from 0 on"));
        }
        if most < least {
            let accepted = format!("at least {}", written(least));
            return Err(wrong("curvature-high", format!("found {}", written(most)), &accepted));
        }
        let coupling = (0..self.couplings.len()).map(|k| {
            let missing = if self.couplings.len() == 1 { 1.0 } else { 0.0 };
            numbers[self.coupling(k)].unwrap_or(missing)
        });
        Ok(Follower {
            coupling: coupling.collect(),
            low: vec![low],
            high: vec![high],
            absent: vec![absent],
            curvature: (least, most),
        })
    }

    fn has_cost(&self, numbers: &[Option<f64>]) -> bool {
        (0..PARAMETERS.len()).any(|k| numbers[self.parameter(k)].is_some())
    }

    fn cost(
        &self,
        table: &Table,
        row: &Row<'_>,
        numbers: &[Option<f64>],
        problems: &mut Problems,
    ) -> Option<Cost> {
        let mut wrong = |field: &str, what: String, accepted: &str, help: &str| {
            problems.push_with(|| {
                let problem = table.problem(row.key, Some(field), what, accepted);
                if help.is_empty() { problem } else { problem.with_help(help) }
            });
        };
        let family = match family(row) {
            Ok(family) => family,
            Err((what, accepted, help)) => {
                wrong(FAMILY.name, what, accepted, &help);
                return None;
            }
        };
        let (needed, others) = family.takes();
        let own =
            |key: &Key| key.name == CONSTANT.name || needed.iter().chain(others).any(|k| k.name == key.name);
        let mut fine = true;
        for (k, key) in PARAMETERS.into_iter().enumerate() {
            let given = numbers[self.parameter(k)].is_some();
            if given && !own(key) {
                wrong(
                    key.name,
                    format!("a value, but a {} cost takes none", family.word()),
                    "an empty cell",
                    "",
                );
                fine = false;
            } else if !given && needed.iter().any(|needed| needed.name == key.name) {
                wrong(key.name, format!("empty, but a {} cost needs it", family.word()), "a number", "");
                fine = false;
            }
        }
        if !fine {
            return None;
        }
        let of = |key: &Key| {
            let k = PARAMETERS.iter().position(|own| own.name == key.name)?;
            numbers[self.parameter(k)]
        };
        match family.of_one(&of, of(&CONSTANT).unwrap_or(0.0)) {
            Ok(cost) => Some(cost),
            Err((field, what)) => {
                wrong(field, what, "", "");
                None
            }
        }
    }
}

/// The family of a row; what was found, what is accepted and what would help if there is none.
fn family(row: &Row<'_>) -> Result<Family, (String, &'static str, String)> {
    match row.text(FAMILY_COLUMN) {
        Ok(None) => Ok(Family::Quadratic),
        Ok(Some(word)) => Family::of(word).filter(|f| *f != Family::Piecewise).ok_or_else(|| {
            let accepted =
                "quadratic, log or power (piecewise costs, whose lines are a list, stand in the scenario file)";
            (format!("found `{}`", shorten(word)), accepted, suggest_family(word))
        }),
        Err(found) => Err((format!("found {}", found.0), "the name of a family", String::new())),
    }
}
