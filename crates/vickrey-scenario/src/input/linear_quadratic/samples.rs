//! Laws of noise: those with a name of their own, and those of the table of samples.

use std::collections::BTreeMap;

use vickrey::numeric::law::Law;

use crate::diagnostic::{list, shorten};
use crate::input::keys::linear_quadratic::LAWS;
use crate::input::names;
use crate::input::sheet::{Desk, FINITE};
use crate::input::table::{Column, Table};

/// Laws that have samples, by name; none for one whose samples have been refused.
#[derive(Default)]
pub(super) struct Laws(BTreeMap<String, Option<Law>>);

/// What a word for a law stands for.
pub(super) enum Named {
    /// A law; none: its samples have been refused.
    Law(Option<Law>),
    /// Student's t, which needs its degrees.
    StudentT,
    Unknown,
}

const COLUMNS: [Column; 2] = [
    Column { name: "law", number: false, required: true },
    Column { name: "value", number: true, required: true },
];

impl Laws {
    /// Reads the table of samples.
    pub fn read(table: &Table, desk: &mut Desk) -> Self {
        let mut samples: BTreeMap<String, (Vec<f64>, u64, bool)> = BTreeMap::new();
        table.read(&COLUMNS, |_| None, &mut desk.problems, &mut |row, problems| {
            if matches!(row.text(0), Ok(None)) {
                return problems
                    .push_with(|| table.problem(row.key, Some("law"), "empty", "the name of a law"));
            }
            let Some(name) = names::listed(table, row, 0, "law", problems) else { return };
            if LAWS.contains(&name) {
                let what = format!("found `{name}`, which is a law already");
                let accepted = format!("a name other than {}", list(LAWS.iter().copied()));
                return problems.push_with(|| table.problem(row.key, Some("law"), what, &accepted));
            }
            if !samples.contains_key(name) {
                samples.insert(name.to_owned(), (Vec::new(), row.key, true));
            }
            let Some((values, _, usable)) = samples.get_mut(name) else { return };
            let found = match row.number(1) {
                Ok(Some(value)) => return values.push(value),
                Ok(None) => "empty".to_owned(),
                Err(found) => format!("found {}", found.0),
            };
            *usable = false;
            problems.push_with(|| table.problem(row.key, Some("value"), found, FINITE));
        });
        let mut law = |(name, (values, row, usable)): (String, (Vec<f64>, u64, bool))| {
            let law = usable.then(|| Law::empirical(&values)).and_then(|law| {
                law.map_err(|error| {
                    let what = format!("law `{}`: found {}", shorten(&name), error.found);
                    desk.problems.push_with(|| table.problem(row, None, what, error.accepted));
                })
                .ok()
            });
            (name, law)
        };
        Self(samples.into_iter().map(&mut law).collect())
    }

    pub fn named(&self, word: &str) -> Named {
        let law = match word {
            "gaussian" => Law::Gaussian,
            "uniform" => Law::Uniform,
            "laplace" => Law::Laplace,
            "two-point" => Law::TwoPoint,
            "student-t" => return Named::StudentT,
            _ => return self.0.get(word).map_or(Named::Unknown, |law| Named::Law(law.clone())),
        };
        Named::Law(Some(law))
    }

    /// All words that stand for a law.
    pub fn words(&self) -> impl Iterator<Item = &str> + Clone {
        LAWS.iter().copied().chain(self.0.keys().map(String::as_str))
    }
}
