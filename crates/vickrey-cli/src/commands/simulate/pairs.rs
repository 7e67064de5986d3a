//! What is printed of games whose truthful runs are all the same.

use std::io::Write;

use vickrey::mechanism::AgentId;
use vickrey_scenario::output::{Document, PairPart, Pairs};

use super::{MOST_HONEST, Target};
use crate::failure::Failure;
use crate::format::{amount, columns, count, counted, name};
use crate::report;
use crate::tables::{self, Column};

/// Writes and prints.
pub fn finish(pairs: &Pairs<'_>, to: &Target<'_>, out: &mut dyn Write) -> Result<(), Failure> {
    if let (Some(failure), false) = (&pairs.unsettled.first, pairs.is_settled()) {
        return Err(Failure::run(failure.clone()));
    }
    let document = pairs.document(MOST_HONEST);
    to.finish(&document, &pairs.tables(), || Ok(Vec::new()), out, |out| print(pairs, &document, out))
}

fn print(pairs: &Pairs<'_>, document: &Document<PairPart>, out: &mut dyn Write) -> Result<(), Failure> {
    let money = &pairs.scenario.units.money;
    let title = pairs.scenario.title.clone().unwrap_or_else(|| pairs.scenario.path.display().to_string());
    writeln!(
        out,
        "{title}\n{}, {}, seed {}\n",
        counted(pairs.said.len(), "liar"),
        counted(pairs.runs as usize, "run"),
        pairs.scenario.seed
    )?;
    let shown = pairs.listed(MOST_HONEST);
    // Rounding of the welfares is not shown as a gain.
    let size = 1e-11 * (1.0 + pairs.welfare()[0].abs());
    let rounded = |x: f64| if x.abs() < size { 0.0 } else { x };
    let numbers = |pick: &dyn Fn(AgentId) -> f64| shown.iter().map(|&i| Some(rounded(pick(i)))).collect();
    let mut values =
        vec![numbers(&|i| pairs.honest[i]), numbers(&|i| pairs.lying[i]), numbers(&|i| pairs.gain[i][0])];
    let mut heads = vec!["truthful utility", "utility with lies", "gain"];
    if pairs.runs > 1 {
        heads[2] = "mean gain";
        heads.push("largest gain");
        values.push(numbers(&|i| pairs.gain[i][2]));
    }
    let columns = columns(&values);
    let rows = shown.iter().enumerate().map(|(k, i)| {
        let lie = pairs.said.get(i).map_or("truth", String::as_str).to_owned();
        [name(&pairs.names.name(*i)), lie]
            .into_iter()
            .chain(columns.iter().map(|column| column[k].clone()))
            .collect()
    });
    let words = ["agent", "reports"].map(|head| Column::Words(head.into()));
    let heads = words.into_iter().chain(heads.into_iter().map(|head| Column::Numbers(head.into())));
    tables::print(out, &heads.collect::<Vec<_>>(), rows.collect())?;
    let hidden = pairs.agents - shown.len();
    if hidden > 0 {
        writeln!(out, "{} more honest agents are not shown", count(hidden))?;
    }
    let both = |[honest, lying]: [f64; 2]| {
        format!("{} truthful, {} with lies", amount(honest, money), amount(lying, money))
    };
    tables::pairs(out, &[("welfare", both(pairs.welfare())), ("budget", both(pairs.budget()))])?;
    if let Some(failure) = &pairs.unsettled.first {
        writeln!(
            out,
            "\nnot settled, and not in these numbers: {} of {}; the first was {failure}",
            counted(pairs.unsettled.runs as usize, "run"),
            pairs.runs
        )?;
    }
    report::remarks(out, document)?;
    Ok(())
}
