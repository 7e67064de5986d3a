//! The day-ahead schedule: which units are on, and what they produce in each hour.
//!
//! Units that burn fuel are put on in the order of their average cost at full output, in each hour so many that they can
//! serve the net load even without the largest of them. Those that are on run at their least output, and the rest is
//! filled from their pieces in the order of marginal cost. The network, start-up times and minimum times are left out.

use super::series::HOURS;
use super::units::{Kind, Thermal, Unit};

/// The schedule of the units that burn fuel.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Schedule {
    /// Units that are on in some hour (places in the list of units), in merit order, with their output in each hour,
    /// MW; 0 where a unit is off.
    pub on: Vec<(usize, [f64; HOURS])>,
    /// Marginal cost of an hour, $/MWh.
    pub marginal: [f64; HOURS],
    /// Net load that even all units at full output cannot serve, at its largest, MW.
    pub unserved: f64,
    /// Output above the net load with all units at their least, at its largest, MW.
    pub surplus: f64,
}

/// Makes the schedule for the net load (MW) that is left after wind, sun and water.
pub(super) fn schedule(units: &[Unit], net_load: &[f64; HOURS]) -> Schedule {
    let order = merit_order(units);
    let needed = net_load.map(|load| needed(units, &order, load));
    let most = needed.into_iter().max().unwrap_or(0);
    let mut schedule = Schedule {
        on: order[..most].iter().map(|&unit| (unit, [0.0; HOURS])).collect(),
        marginal: [0.0; HOURS],
        unserved: 0.0,
        surplus: 0.0,
    };
    for (hour, &load) in net_load.iter().enumerate() {
        dispatch(units, &mut schedule, hour, needed[hour], load);
    }
    schedule
}

/// A unit's fuel side, if it has one.
pub(super) fn thermal(unit: &Unit) -> Option<&Thermal> {
    match &unit.kind {
        Kind::Thermal(thermal) => Some(thermal),
        _ => None,
    }
}

/// Units that burn fuel, the cheapest at full output first; equal ones in the order of the file.
fn merit_order(units: &[Unit]) -> Vec<usize> {
    let cost = |(at, unit): (usize, &Unit)| Some((at, thermal(unit)?.full_cost));
    let mut order: Vec<(usize, f64)> = units.iter().enumerate().filter_map(cost).collect();
    order.sort_by(|x, y| x.1.total_cmp(&y.1));
    order.into_iter().map(|(at, _)| at).collect()
}

/// How many units, from the cheapest, serve a load even without the largest of them; all if none do.
fn needed(units: &[Unit], order: &[usize], load: f64) -> usize {
    let (mut capacity, mut largest) = (0.0, 0.0_f64);
    let enough = order.iter().position(|&unit| {
        let enough = capacity - largest >= load;
        capacity += units[unit].p_max;
        largest = largest.max(units[unit].p_max);
        enough
    });
    enough.unwrap_or(order.len())
}

/// Fills one hour from the cheapest pieces of the first `count` units.
fn dispatch(units: &[Unit], schedule: &mut Schedule, hour: usize, count: usize, load: f64) {
    let mut rest = load;
    let mut pieces = Vec::new();
    for (place, (unit, output)) in schedule.on[..count].iter_mut().enumerate() {
        output[hour] = units[*unit].p_min;
        rest -= units[*unit].p_min;
        let blocks = thermal(&units[*unit]).map_or(&[][..], |thermal| &thermal.blocks);
        pieces.extend(blocks.iter().map(|block| (place, *block)));
    }
    pieces.sort_by(|x, y| x.1.cost.total_cmp(&y.1.cost));
    schedule.surplus = schedule.surplus.max(-rest);
    schedule.marginal[hour] = pieces.first().map_or(0.0, |(_, block)| block.cost);
    for (place, block) in pieces {
        if rest <= 0.0 {
            return;
        }
        let filled = (block.to - block.from).min(rest);
        schedule.on[place].1[hour] += filled;
        schedule.marginal[hour] = block.cost;
        rest -= filled;
    }
    schedule.unserved = schedule.unserved.max(rest);
}

#[cfg(test)]
mod tests {
    use super::super::units::Block;
    use super::*;

    fn unit(name: &str, p_min: f64, p_max: f64, costs: &[f64]) -> Unit {
        let width = (p_max - p_min) / costs.len() as f64;
        let block = |(k, &cost): (usize, &f64)| Block {
            from: p_min + width * k as f64,
            to: p_min + width * (k + 1) as f64,
            cost,
        };
        let blocks = costs.iter().enumerate().map(block).collect();
        let kind = Kind::Thermal(Thermal {
            blocks,
            full_cost: costs[0],
            hot_start: 0.0,
            hot_hours: 0.0,
            up_hours: 0.0,
        });
        Unit { name: name.into(), kind, p_max, p_min, ramp: 1.0 }
    }

    #[test]
    fn the_cheapest_units_are_on_and_one_may_fail() {
        let units = [
            unit("dear", 0.0, 50.0, &[90.0]),
            unit("mid", 10.0, 50.0, &[30.0, 40.0]),
            unit("base", 20.0, 60.0, &[10.0]),
        ];
        let mut load = [70.0; HOURS];
        load[3] = 25.0;
        let plan = schedule(&units, &load);
        // 60 + 50 would do for 70, but not without the largest.
        assert_eq!(plan.on.iter().map(|(unit, _)| *unit).collect::<Vec<_>>(), [2, 1, 0]);
        assert_eq!(plan.on.iter().map(|(_, p)| p[0]).collect::<Vec<_>>(), [60.0, 10.0, 0.0]);
        assert_eq!(plan.marginal[0], 10.0);
        assert_eq!(
            plan.on.iter().map(|(_, p)| p[3]).collect::<Vec<_>>(),
            [20.0, 10.0, 0.0],
            "hour 3 needs two"
        );
        assert_eq!(plan.surplus, 5.0, "and less than they must produce");
        assert_eq!(plan.unserved, 0.0);
    }

    #[test]
    fn too_much_load_is_told() {
        let plan = schedule(&[unit("only", 0.0, 50.0, &[5.0, 7.0])], &[60.0; HOURS]);
        assert_eq!((plan.unserved, plan.marginal[0], plan.on[0].1[0]), (10.0, 7.0, 50.0));
        assert!(schedule(&[], &[1.0; HOURS]).on.is_empty());
    }
}
