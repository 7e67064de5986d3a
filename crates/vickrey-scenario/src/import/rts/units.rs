//! Generators and stores: `gen.csv` and `storage.csv`.

use std::collections::BTreeMap;

use super::files::{File, Row};
use crate::diagnostic::Problem;

/// Smallest output (MW), ramp (MW/min) and volume (MWh); everything below is a slip.
const SMALLEST: f64 = 1e-3;

/// One unit that can answer to an order.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Unit {
    /// Its name in the data (`GEN UID`).
    pub name: String,
    pub kind: Kind,
    /// Largest and least output, MW.
    pub p_max: f64,
    pub p_min: f64,
    /// MW per minute, up and down.
    pub ramp: f64,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// Burns fuel: has a place in the merit order.
    Thermal(Thermal),
    /// Reservoir plant.
    Hydro(Store),
    /// Charges and discharges.
    Storage {
        store: Store,
        /// Energy out per energy in over a whole cycle, above 0 and up to 1.
        round_trip: f64,
    },
    /// Hydro without a reservoir: follows the river.
    River,
}

/// What a unit that burns fuel costs.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Thermal {
    /// Pieces of the output between `p_min` and `p_max`, from the cheapest.
    pub blocks: Vec<Block>,
    /// Average cost at full output, $/MWh.
    pub full_cost: f64,
    /// Cost of a hot start, $.
    pub hot_start: f64,
    /// Hours that a hot start takes.
    pub hot_hours: f64,
    /// Hours that the unit must stay on.
    pub up_hours: f64,
}

/// A piece of the output with one marginal cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Block {
    /// MW.
    pub from: f64,
    pub to: f64,
    /// $/MWh, not below that of the block before.
    pub cost: f64,
}

/// What a reservoir or battery holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Store {
    /// MWh.
    pub most: f64,
    pub at_start: f64,
}

impl Thermal {
    /// By how much the marginal cost rises from one end of the output to the other, $/MW²h.
    pub fn slope(&self) -> f64 {
        let (Some(first), Some(last)) = (self.blocks.first(), self.blocks.last()) else { return 0.0 };
        let distance = (last.from + last.to - first.from - first.to) / 2.0;
        if distance > 0.0 { (last.cost - first.cost) / distance } else { 0.0 }
    }

    /// Average cost of a MWh of a unit that is started for it and runs at full output as long as it
    /// must, one hour at least, $/MWh.
    pub fn started_cost(&self, p_max: f64) -> f64 {
        self.full_cost + self.hot_start / (p_max * self.up_hours.max(1.0))
    }
}

/// The units of the system that take part, and in words those that do not.
pub(super) fn read(generators: &File, stores: &File) -> Result<(Vec<Unit>, Vec<String>), Problem> {
    let stores = read_stores(stores)?;
    let columns = Columns::of(generators)?;
    let (mut units, mut left_out) = (Vec::<Unit>::new(), BTreeMap::<String, usize>::new());
    generators.rows(|row| {
        let name = row.text(columns.name)?;
        if name.is_empty() || units.iter().any(|unit| unit.name == name) {
            return Err(row.wrong(columns.name, "a name that no other generator has"));
        }
        match columns.unit(row, name, &stores)? {
            Some(unit) => units.push(unit),
            // Wind plants are accounts.
            None if row.text(columns.unit_type)? == "WIND" => {}
            None => *left_out.entry(row.text(columns.unit_type)?.to_owned()).or_default() += 1,
        }
        Ok(())
    })?;
    Ok((units, left_out.into_iter().map(|(kind, count)| format!("{count} {kind}")).collect()))
}

/// Energy of each unit's store; the other side of a pumped store (`tail`) does not count.
fn read_stores(file: &File) -> Result<BTreeMap<String, Store>, Problem> {
    let name = file.column("GEN UID")?;
    let (most, at_start) = (file.column("Max Volume GWh")?, file.column("Initial Volume GWh")?);
    let position = file.column("position")?;
    let mut stores = BTreeMap::new();
    file.rows(|row| {
        if row.text(position)? == "tail" {
            return Ok(());
        }
        let volume = row.within(most, 0.0, f64::MAX, "0 or more")?;
        let start = row.within(at_start, 0.0, volume, "from 0 to the largest volume")?;
        let store = Store { most: 1e3 * volume, at_start: 1e3 * start };
        if stores.insert(row.text(name)?.to_owned(), store).is_some() {
            return Err(row.wrong(name, "a unit with one store"));
        }
        Ok(())
    })?;
    Ok(stores)
}

/// Where things stand in `gen.csv`.
struct Columns {
    name: usize,
    unit_type: usize,
    p_max: usize,
    p_min: usize,
    ramp: usize,
    fuel_price: usize,
    /// Ends of the pieces of the heat-rate curve, as shares of the largest output.
    shares: Vec<usize>,
    /// Heat rates: the average up to the first end, then of each piece, BTU/kWh.
    heat: Vec<usize>,
    variable: usize,
    start_heat: usize,
    start_other: usize,
    start_hours: usize,
    up_hours: usize,
    round_trip: usize,
}

impl Columns {
    fn of(file: &File) -> Result<Self, Problem> {
        let numbered = |prefix: &str, from: usize| {
            (from..5).map(|k| file.column(&format!("{prefix}{k}"))).collect::<Result<Vec<_>, Problem>>()
        };
        let mut heat = vec![file.column("HR_avg_0")?];
        heat.extend(numbered("HR_incr_", 1)?);
        Ok(Self {
            name: file.column("GEN UID")?,
            unit_type: file.column("Unit Type")?,
            p_max: file.column("PMax MW")?,
            p_min: file.column("PMin MW")?,
            ramp: file.column("Ramp Rate MW/Min")?,
            fuel_price: file.column("Fuel Price $/MMBTU")?,
            shares: numbered("Output_pct_", 0)?,
            heat,
            variable: file.column("VOM")?,
            start_heat: file.column("Start Heat Hot MBTU")?,
            start_other: file.column("Non Fuel Start Cost $")?,
            start_hours: file.column("Start Time Hot Hr")?,
            up_hours: file.column("Min Up Time Hr")?,
            round_trip: file.column("Storage Roundtrip Efficiency")?,
        })
    }

    /// The unit of a row; none if it is of a kind that does not answer to orders.
    fn unit(
        &self,
        row: &Row<'_>,
        name: &str,
        stores: &BTreeMap<String, Store>,
    ) -> Result<Option<Unit>, Problem> {
        let kind = row.text(self.unit_type)?;
        if !matches!(kind, "CT" | "CC" | "STEAM" | "NUCLEAR" | "HYDRO" | "ROR" | "STORAGE") {
            return Ok(None);
        }
        let p_max = row.within(self.p_max, SMALLEST, f64::MAX, "0.001 MW or more")?;
        let p_min = row.within(self.p_min, 0.0, p_max, "from 0 to the largest output")?;
        let ramp = row.within(self.ramp, SMALLEST, f64::MAX, "0.001 MW per minute or more")?;
        let store = || match stores.get(name) {
            Some(store) if store.most >= SMALLEST => Ok(*store),
            _ => Err(row.wrong(self.name, "a unit with a volume of 0.001 MWh or more in storage.csv")),
        };
        let kind = match kind {
            "HYDRO" => Kind::Hydro(store()?),
            "ROR" => Kind::River,
            "STORAGE" => {
                let percent = row.within(self.round_trip, 1.0, 100.0, "a percentage from 1 to 100")?;
                Kind::Storage { store: store()?, round_trip: percent / 100.0 }
            }
            _ => Kind::Thermal(self.thermal(row, p_min, p_max)?),
        };
        Ok(Some(Unit { name: name.to_owned(), kind, p_max, p_min, ramp }))
    }

    fn thermal(&self, row: &Row<'_>, p_min: f64, p_max: f64) -> Result<Thermal, Problem> {
        let positive = |column| row.within(column, 0.0, f64::MAX, "0 or more");
        let (fuel, variable) = (positive(self.fuel_price)?, positive(self.variable)?);
        // BTU/kWh are MMBTU/GWh.
        let cost = |heat: f64| heat / 1e3 * fuel + variable;
        let mut end = p_max * row.within(self.shares[0], 0.0, 1.0, "a share from 0 to 1")?;
        let mut total = end * cost(positive(self.heat[0])?);
        let (mut blocks, mut highest) = (Vec::new(), 0.0_f64);
        for (&share, &heat) in self.shares.iter().zip(&self.heat).skip(1) {
            let (Some(share_value), Some(heat)) = (row.optional(share)?, row.optional(heat)?) else { break };
            let next = p_max * share_value;
            if next <= end || share_value > 1.0 + 1e-9 {
                if share_value == 0.0 {
                    break; // the curve ended before
                }
                return Err(row.wrong(share, "a share above the one before and up to 1"));
            }
            total += (next - end) * cost(heat);
            // A marginal cost that falls would be used before the piece that it follows.
            highest = highest.max(cost(heat));
            blocks.push(Block { from: end.clamp(p_min, p_max), to: next.clamp(p_min, p_max), cost: highest });
            end = next;
        }
        match (blocks.first_mut(), total) {
            // The ends of the curve are those of the output but for rounding.
            (Some(first), _) => first.from = p_min,
            (None, _) if p_max > p_min => {
                blocks.push(Block { from: p_min, to: p_max, cost: cost(positive(self.heat[0])?) })
            }
            _ => {}
        }
        if let Some(last) = blocks.last_mut() {
            last.to = p_max;
        }
        let full_cost = if end > 0.0 { total / end } else { cost(positive(self.heat[0])?) };
        Ok(Thermal {
            blocks,
            full_cost,
            hot_start: positive(self.start_heat)? * fuel + positive(self.start_other)?,
            hot_hours: positive(self.start_hours)?,
            up_hours: positive(self.up_hours)?,
        })
    }
}
