//! What a lie can bring in a season that ends (a program over expected frequencies of type, bid and what the others bid).
//!
//! Whoever is not flagged on the last day has frequencies within the window of what she reported; this bounds the mean
//! utility of every such way of bidding, of those too that look back. If the penalty of the last day is at least twice
//! what lies can bring on all days, it bounds every way of bidding. Rivals bid by the laws they report.

use super::audited::Audited;
use super::deviation::Seat;
use super::flow::{Arc, Network};
use super::stakes::{Rest, Table};
use crate::two_stage::law::Supertypes;

/// Bound on mean utility, and what the program reached.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    /// No way of bidding that is not flagged on the last day has more, money a day.
    pub bound: f64,
    /// The program's own value: at most the bound, and equal but for rounding.
    pub value: f64,
}

/// The bound for one player's report, `window` being r(L); none if the program has more than `most` connections. An
/// infinite window stands for no tests.
pub(super) fn bound<M: Audited>(
    seat: &Seat<'_, M>,
    reports: &Supertypes,
    window: f64,
    most: usize,
) -> Option<Bound> {
    let plan = seat.group.market.plan(reports).ok()?;
    let tables = seat.group.tables(&plan)?;
    let m = seat.group.joint;
    let size = |t: &Table| m * m * t.by_rest.len();
    if tables.iter().map(size).sum::<usize>() > most {
        return None;
    }
    let mut build = Build { network: Network::default(), window };
    // Nodes: the bid over all days, by bid; what leaves them is all there is.
    let end = build.node();
    let all: Vec<usize> = (0..m).map(|_| build.node()).collect();
    let mut pooled = vec![0.0; m];
    for signal in 0..seat.signals() {
        let own: Vec<&Table> = tables.iter().filter(|t| t.signal == signal).collect();
        let share: f64 = own.iter().map(|t| t.weight).sum();
        let law = seat.group.law(reports, signal);
        pooled.iter_mut().zip(&law).for_each(|(sum, p)| *sum += share * p);
        let types = seat.group.law(seat.truth, signal);
        let rests = seat.group.rests[signal].as_ref()?;
        let expected: Vec<f64> = law.iter().map(|p| p * share).collect();
        build.signal(&own, (rests, &types), &expected, &all);
    }
    for (b, p) in pooled.iter().enumerate() {
        build.near(all[b], end, *p, window);
    }
    let sent: f64 = build.network.supply.iter().sum();
    build.network.supply[end] -= sent;
    let flow = build.network.solve();
    Some(Bound { bound: flow.bound, value: flow.value })
}

struct Build {
    network: Network,
    window: f64,
}

impl Build {
    fn node(&mut self) -> usize {
        self.network.supply.push(0.0);
        self.network.supply.len() - 1
    }

    /// The days of a signal: types to bids in front of every rest, from there to bids under the signal, and to bids over
    /// `all` days. `expected`: how often each bid should be seen.
    fn signal(
        &mut self,
        tables: &[&Table],
        (rests, types): (&[Rest], &[f64]),
        expected: &[f64],
        all: &[usize],
    ) {
        let (m, window) = (types.len(), self.window);
        let bids: Vec<usize> = (0..m).map(|_| self.node()).collect();
        for (b, p) in expected.iter().enumerate() {
            self.near(bids[b], all[b], *p, window);
        }
        for (k, rest) in rests.iter().enumerate() {
            let cells: Vec<usize> = (0..m).map(|_| self.node()).collect();
            for (b, p) in expected.iter().enumerate() {
                self.near(cells[b], bids[b], p * rest.chance, window * rest.cells);
            }
            for table in tables {
                for (t, p) in types.iter().enumerate() {
                    let from = self.node();
                    self.network.supply[from] += table.weight * p * rest.chance;
                    for (b, &to) in cells.iter().enumerate() {
                        let gain = table.by_rest[k][t * m + b];
                        self.network.arcs.push(Arc { from, to, gain, room: f64::INFINITY });
                    }
                }
            }
        }
    }

    /// An arc whose flow is within `window` of `mass`: what must flow is sent beforehand.
    fn near(&mut self, from: usize, to: usize, mass: f64, window: f64) {
        let least = (mass - window).max(0.0);
        // All flow together is 1; more room than that is none.
        let most = (mass + window).min(2.0);
        self.network.supply[from] -= least;
        self.network.supply[to] += least;
        self.network.arcs.push(Arc { from, to, gain: 0.0, room: most - least });
    }
}
