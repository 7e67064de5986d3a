//! From number tables to the case, with all checks of meaning.

use std::collections::HashMap;

use super::reader::Raw;
use super::table::{Row, Table};
use super::{Bus, Case, Cost, Generator, LARGEST, MatpowerError};

/// The most coefficients of a polynomial cost. Costs in use have up to four;
/// the limit keeps a damaged count from becoming a curve.
const MOST_COEFFICIENTS: u64 = 16;

/// Columns of the tables, from 0.
mod column {
    pub const BUS_NUMBER: usize = 0;
    pub const BUS_TYPE: usize = 1;
    pub const LOAD: usize = 2;
    pub const SHUNT: usize = 4;
    pub const GEN_BUS: usize = 0;
    pub const STATUS: usize = 7;
    pub const P_MAX: usize = 8;
    pub const P_MIN: usize = 9;
    pub const MODEL: usize = 0;
    pub const STARTUP: usize = 1;
    pub const SHUTDOWN: usize = 2;
    pub const COUNT: usize = 3;
    pub const COST: usize = 4;
}

pub(super) fn case(raw: Raw<'_>) -> Result<Case, MatpowerError> {
    let mut notes = raw.notes;
    let (base_mva, token) = raw.base_mva;
    if !(base_mva > 0.0 && base_mva <= LARGEST) {
        let message = format!("baseMVA: found {}", token.shown());
        let help = format!("a number above 0 and at most {LARGEST:e} is accepted");
        return Err(token.error(message, help));
    }
    let buses = buses(&raw.bus, &mut notes)?;
    let places: HashMap<u64, usize> =
        buses.iter().enumerate().map(|(place, bus)| (bus.number, place)).collect();
    check_cost_rows(&raw.gen_table, &raw.gencost, &mut notes)?;
    let mut generators = Vec::with_capacity(raw.gen_table.rows.len());
    for (row, cost_row) in raw.gen_table.rows.iter().zip(&raw.gencost.rows) {
        let generator = generator(row, cost_row)?;
        let Some(&place) = places.get(&generator.bus) else {
            let help = "the number of a bus of the bus table is accepted";
            return Err(row.error(column::GEN_BUS, help));
        };
        let index = generator.index;
        if !generator.in_service {
            notes.push(format!("generator {index} (row {index}) is out of service"));
        } else if buses[place].isolated {
            let bus = generator.bus;
            notes.push(format!("generator {index} (row {index}) is in service at the isolated bus {bus}"));
        }
        generators.push(generator);
    }
    Ok(Case { name: raw.name.to_string(), base_mva, buses, generators, notes })
}

fn check_not_empty(table: &Table<'_>) -> Result<(), MatpowerError> {
    if table.rows.is_empty() {
        let message = format!("table {} has no rows", table.name.text());
        let help = "one row or more is accepted";
        return Err(MatpowerError::new(table.line, None, message, help));
    }
    Ok(())
}

fn buses(table: &Table<'_>, notes: &mut Vec<String>) -> Result<Vec<Bus>, MatpowerError> {
    check_not_empty(table)?;
    let mut rows_of: HashMap<u64, usize> = HashMap::with_capacity(table.rows.len());
    let mut buses = Vec::with_capacity(table.rows.len());
    let (mut shunts, mut shunt_sum) = (0_usize, 0.0);
    for row in &table.rows {
        let number = row.whole(column::BUS_NUMBER, 1, None)?;
        if let Some(earlier) = rows_of.insert(number, row.number) {
            let help = format!("a number that is not that of row {earlier} is accepted");
            return Err(row.error(column::BUS_NUMBER, help));
        }
        let bus = Bus {
            number,
            load: row.finite(column::LOAD)?,
            line: row.line(),
            isolated: row.whole(column::BUS_TYPE, 1, Some(4))? == 4,
        };
        let shunt = row.finite(column::SHUNT)?;
        if shunt != 0.0 {
            shunts += 1;
            shunt_sum += shunt;
        }
        if bus.isolated {
            let load = bus.load;
            notes.push(format!("bus {number} (row {}) with a load of {load} MW is isolated", row.number));
        }
        buses.push(bus);
    }
    if shunts > 0 {
        notes.push(format!(
            "shunt conductance (Gs) at {shunts} buses, {shunt_sum} MW at nominal voltage, \
             is not part of the load"
        ));
    }
    Ok(buses)
}

/// One cost row per generator, or two, the second half for reactive power.
fn check_cost_rows(
    generators: &Table<'_>,
    costs: &Table<'_>,
    notes: &mut Vec<String>,
) -> Result<(), MatpowerError> {
    check_not_empty(generators)?;
    let (count, found) = (generators.rows.len(), costs.rows.len());
    if found == 2 * count {
        notes.push(format!("gencost rows {} to {found}, costs of reactive power, are not used", count + 1));
    } else if found != count {
        return Err(MatpowerError::new(
            costs.line,
            None,
            format!("gencost has {found} rows for {count} generators"),
            format!("{count} rows, or {} with costs of reactive power, are accepted", 2 * count),
        ));
    }
    Ok(())
}

fn generator(row: &Row<'_>, cost_row: &Row<'_>) -> Result<Generator, MatpowerError> {
    let p_max = row.finite(column::P_MAX)?;
    let p_min = row.finite(column::P_MIN)?;
    if p_min > p_max {
        let help = format!("a Pmin of at most Pmax, {p_max}, is accepted");
        return Err(row.error(column::P_MIN, help));
    }
    Ok(Generator {
        index: row.number,
        bus: row.whole(column::GEN_BUS, 1, None)?,
        p_min,
        p_max,
        cost: cost(cost_row)?,
        startup: cost_row.finite(column::STARTUP)?,
        shutdown: cost_row.finite(column::SHUTDOWN)?,
        line: row.line(),
        in_service: row.finite(column::STATUS)? > 0.0,
    })
}

fn cost(row: &Row<'_>) -> Result<Cost, MatpowerError> {
    let model = row
        .whole(column::MODEL, 1, Some(2))
        .map_err(|_| row.error(column::MODEL, "1 (piecewise linear) or 2 (polynomial) is accepted"))?;
    if model == 1 { piecewise(row) } else { polynomial(row) }
}

/// How many values the row's count stands for; the row may be longer.
fn check_length(row: &Row<'_>, count: u64, per_item: usize) -> Result<usize, MatpowerError> {
    let room = (row.len() - column::COST) / per_item;
    match usize::try_from(count) {
        Ok(count) if count <= room => Ok(count),
        _ => Err(row.error(
            column::COUNT,
            format!("a count of at most {room} is accepted in a row of {} values", row.len()),
        )),
    }
}

fn polynomial(row: &Row<'_>) -> Result<Cost, MatpowerError> {
    let count = row.whole(column::COUNT, 1, Some(MOST_COEFFICIENTS))?;
    let count = check_length(row, count, 1)?;
    (column::COST..column::COST + count)
        .map(|at| row.finite(at))
        .collect::<Result<_, _>>()
        .map(Cost::Polynomial)
}

fn piecewise(row: &Row<'_>) -> Result<Cost, MatpowerError> {
    let count = row.whole(column::COUNT, 2, None)?;
    let count = check_length(row, count, 2)?;
    let mut points: Vec<(f64, f64)> = Vec::with_capacity(count);
    for at in (column::COST..).step_by(2).take(count) {
        let point = (row.finite(at)?, row.finite(at + 1)?);
        if let Some(last) = points.last()
            && point.0 <= last.0
        {
            let help = format!("a point at more than {} MW is accepted here", last.0);
            return Err(row.error(at, help));
        }
        points.push(point);
    }
    Ok(Cost::Piecewise(points))
}
