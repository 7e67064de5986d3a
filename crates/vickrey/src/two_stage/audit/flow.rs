//! The most valuable flow through a network: every program of this audit is one (a transport of true types to bids, with
//! or without some slack), and the network simplex method solves it exactly but for rounding.
//!
//! Trees are kept strongly feasible (Cunningham 1976), so that degenerate pivots do not cycle. What is left over for a
//! start goes through an artificial root; its cost is a number of its own, compared first, so that no large number
//! disturbs the digits of the others.

/// A connection. Flow on it is at least 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arc {
    pub from: usize,
    pub to: usize,
    /// Worth of a unit of flow.
    pub gain: f64,
    /// Most flow; infinite only on arcs out of nodes into which nothing flows.
    pub room: f64,
}

/// Nodes with what each of them sends out (negative: takes in), and arcs.
#[derive(Clone, Debug, Default)]
pub(super) struct Network {
    pub supply: Vec<f64>,
    pub arcs: Vec<Arc>,
}

/// The solution.
#[derive(Clone, Debug)]
pub(super) struct Flow {
    /// By arc.
    pub amounts: Vec<f64>,
    /// Worth of the flow.
    pub value: f64,
    /// No flow is worth more: from the prices of the nodes, made feasible, whatever the method did.
    pub bound: f64,
}

/// Flow below this is rounding: all flow together is about 1.
const NOTHING: f64 = 1e-15;

/// A price in two parts: what the artificial root costs, and money.
#[derive(Clone, Copy, Debug, Default)]
struct Price {
    root: f64,
    money: f64,
}

impl Price {
    fn plus(self, other: Self, sign: f64) -> Self {
        Self { root: self.root + sign * other.root, money: self.money + sign * other.money }
    }

    /// Compared with nothing: part by part, money below `rounding` is nothing.
    fn sign(self, rounding: f64) -> f64 {
        match self.root {
            0.0 if self.money.abs() <= rounding => 0.0,
            0.0 => self.money,
            root => root,
        }
    }
}

struct Edge {
    from: usize,
    to: usize,
    cost: Price,
    room: f64,
    flow: f64,
    inside: bool,
}

/// A spanning tree, seen from the root.
struct Simplex {
    edges: Vec<Edge>,
    parent: Vec<usize>,
    /// Edge to the parent.
    link: Vec<usize>,
    depth: Vec<usize>,
    price: Vec<Price>,
    /// Tree edges of every node.
    near: Vec<Vec<usize>>,
}

impl Network {
    /// Solves it.
    pub fn solve(&self) -> Flow {
        let mut simplex = Simplex::new(self);
        simplex.run(self.arcs.len(), self.rounding());
        let amounts: Vec<f64> = simplex.edges[..self.arcs.len()].iter().map(|e| e.flow).collect();
        let terms = self.arcs.iter().zip(&amounts).filter(|(_, f)| **f > 0.0).map(|(arc, f)| arc.gain * f);
        let value = crate::numeric::sum::compensated(terms);
        Flow { value, bound: self.bound(&simplex.price), amounts }
    }

    fn size(&self) -> f64 {
        self.arcs.iter().map(|arc| arc.gain.abs()).fold(0.0, f64::max)
    }

    fn rounding(&self) -> f64 {
        64.0 * f64::EPSILON * self.size()
    }

    /// Weak duality: supplies at these prices, and what arcs are worth beyond the difference of prices at their ends.
    fn bound(&self, prices: &[Price]) -> f64 {
        let high = 4.0 * (self.size() + f64::MIN_POSITIVE) * (self.supply.len() as f64 + 1.0);
        let base = prices.first().copied().unwrap_or_default();
        let mut price: Vec<f64> =
            prices.iter().map(|p| p.plus(base, -1.0)).map(|p| p.money + high * p.root).collect();
        // Nothing flows into the start of an arc without limit: its price may be set to what it can fetch.
        let mut fetched = vec![f64::NEG_INFINITY; self.supply.len()];
        for arc in self.arcs.iter().filter(|arc| arc.room.is_infinite()) {
            fetched[arc.from] = fetched[arc.from].max(arc.gain + price[arc.to]);
        }
        for (price, fetched) in price.iter_mut().zip(fetched).filter(|(_, f)| *f > f64::NEG_INFINITY) {
            *price = fetched;
        }
        let nodes = self.supply.iter().zip(&price).map(|(supply, price)| supply * price);
        let limited = self.arcs.iter().filter(|arc| arc.room.is_finite());
        let rents = limited.map(|arc| arc.room * (arc.gain - price[arc.from] + price[arc.to]).max(0.0));
        crate::numeric::sum::compensated(nodes.chain(rents))
    }
}

impl Simplex {
    /// Everything goes through the root at first.
    fn new(network: &Network) -> Self {
        let nodes = network.supply.len();
        let of = |arc: &Arc| Edge {
            from: arc.from,
            to: arc.to,
            cost: Price { root: 0.0, money: -arc.gain },
            room: arc.room,
            flow: 0.0,
            inside: false,
        };
        let mut edges: Vec<Edge> = network.arcs.iter().map(of).collect();
        let mut tree = (vec![nodes; nodes + 1], vec![usize::MAX; nodes + 1], vec![1; nodes + 1]);
        tree.2[nodes] = 0;
        let (mut price, mut near) = (vec![Price::default(); nodes + 1], vec![Vec::new(); nodes + 1]);
        for (node, &supply) in network.supply.iter().enumerate() {
            let out = supply >= 0.0;
            let (from, to) = if out { (node, nodes) } else { (nodes, node) };
            let cost = Price { root: 1.0, money: 0.0 };
            price[node].root = if out { -1.0 } else { 1.0 };
            tree.1[node] = edges.len();
            near[node].push(edges.len());
            near[nodes].push(edges.len());
            edges.push(Edge { from, to, cost, room: f64::INFINITY, flow: supply.abs(), inside: true });
        }
        let (parent, link, depth) = tree;
        Self { edges, parent, link, depth, price, near }
    }

    /// Pivots until no arc (the first `arcs` edges) has a reason to change.
    fn run(&mut self, arcs: usize, rounding: f64) {
        let block = ((arcs as f64).sqrt() as usize).max(16);
        // The bound is true whenever this ends; with exact numbers it ends long before.
        let most = 50 * (arcs + self.near.len()) + 1000;
        let (mut at, mut idle) = (0, 0);
        for _ in 0..most {
            let mut best: Option<(usize, f64)> = None;
            while idle < arcs {
                for _ in 0..block.min(arcs) {
                    let wish = self.wish(at, rounding);
                    if wish > best.map_or(0.0, |b| b.1) {
                        best = Some((at, wish));
                    }
                    at = if at + 1 == arcs { 0 } else { at + 1 };
                    idle += 1;
                }
                if best.is_some() {
                    break;
                }
            }
            let Some((edge, _)) = best else { return };
            idle = 0;
            self.pivot(edge);
        }
    }

    /// How much an edge outside of the tree wants to change; not above 0 if it does not.
    fn wish(&self, edge: usize, rounding: f64) -> f64 {
        let e = &self.edges[edge];
        if e.inside || e.room <= NOTHING {
            return 0.0;
        }
        let cost = e.cost.plus(self.price[e.from], 1.0).plus(self.price[e.to], -1.0).sign(rounding);
        if e.flow > 0.0 { cost } else { -cost }
    }

    /// Room for flow on the edge between a node and its parent, up or down.
    fn room(&self, node: usize, up: bool) -> f64 {
        let e = &self.edges[self.link[node]];
        if (e.from == node) == up { e.room - e.flow } else { e.flow }
    }

    fn push(&mut self, node: usize, up: bool, amount: f64) {
        let e = &mut self.edges[self.link[node]];
        e.change(if (e.from == node) == up { amount } else { -amount });
    }

    fn pivot(&mut self, entering: usize) {
        let e = &self.edges[entering];
        let full = e.flow > 0.0;
        let (tail, head) = if full { (e.to, e.from) } else { (e.from, e.to) };
        let own = if full { e.flow } else { e.room };
        let (mut a, mut b) = (tail, head);
        // (how much, where, on the side of the head). Along the cycle from its top in the direction of the flow, the last
        // edge that blocks leaves.
        let mut least = (own, None);
        let mut down: Option<(f64, usize)> = None;
        let mut up: Option<(f64, usize)> = None;
        while a != b {
            if self.depth[a] >= self.depth[b] {
                let room = self.room(a, false);
                if down.is_none_or(|(least, _)| room < least) {
                    down = Some((room, a));
                }
                a = self.parent[a];
            } else {
                let room = self.room(b, true);
                if up.is_none_or(|(least, _)| room <= least) {
                    up = Some((room, b));
                }
                b = self.parent[b];
            }
        }
        if let Some((room, node)) = down
            && room < least.0
        {
            least = (room, Some((node, false)));
        }
        if let Some((room, node)) = up
            && room <= least.0
        {
            least = (room, Some((node, true)));
        }
        let (amount, leaving) = (least.0.max(0.0), least.1);
        self.send(tail, head, amount);
        let e = &mut self.edges[entering];
        e.change(if full { -amount } else { amount });
        match leaving {
            None => e.settle(!full),
            Some((node, at_head)) => {
                self.exchange(entering, node, if at_head { (head, tail) } else { (tail, head) })
            }
        }
    }

    /// Sends flow around the cycle, but for the entering edge.
    fn send(&mut self, tail: usize, head: usize, amount: f64) {
        let (mut a, mut b) = (tail, head);
        while a != b {
            if self.depth[a] >= self.depth[b] {
                self.push(a, false, amount);
                a = self.parent[a];
            } else {
                self.push(b, true, amount);
                b = self.parent[b];
            }
        }
    }

    /// The edge above `node` leaves the tree; what hangs below it is hung up at `inner`, below `outer`.
    fn exchange(&mut self, entering: usize, node: usize, (inner, outer): (usize, usize)) {
        let leaving = self.link[node];
        let e = &mut self.edges[leaving];
        let full = e.room - e.flow < e.flow;
        e.settle(full);
        e.inside = false;
        let ends = [e.from, e.to];
        for end in ends {
            self.near[end].retain(|k| *k != leaving);
        }
        self.edges[entering].inside = true;
        self.near[inner].push(entering);
        self.near[outer].push(entering);
        let mut open = vec![(inner, outer, entering)];
        while let Some((node, parent, link)) = open.pop() {
            (self.parent[node], self.link[node], self.depth[node]) = (parent, link, self.depth[parent] + 1);
            let e = &self.edges[link];
            let sign = if e.to == node { 1.0 } else { -1.0 };
            self.price[node] = self.price[parent].plus(e.cost, sign);
            let below = self.near[node].iter().filter(|k| **k != link);
            open.extend(below.map(|&k| (self.edges[k].from + self.edges[k].to - node, node, k)));
        }
    }
}

impl Edge {
    fn change(&mut self, by: f64) {
        self.flow += by;
        if self.flow <= NOTHING {
            self.flow = 0.0;
        } else if self.room - self.flow <= NOTHING {
            self.flow = self.room;
        }
    }

    /// Outside of the tree an edge is empty or full.
    fn settle(&mut self, full: bool) {
        self.flow = if full { self.room } else { 0.0 };
    }
}

/// The best transport of `rows` to `columns` (masses of the same sum), worth `gain` by row and column.
#[derive(Clone, Debug)]
pub(super) struct Transport {
    /// What is carried, by row and column.
    pub plan: Vec<f64>,
    /// Its worth.
    pub value: f64,
    /// No transport is worth more.
    pub bound: f64,
}

pub(super) fn transport(gain: &[f64], rows: &[f64], columns: &[f64]) -> Transport {
    // Laws add up to 1 within some 1e-9; what remains of that must not be carried anywhere.
    let scale = rows.iter().sum::<f64>() / columns.iter().sum::<f64>();
    let mut network = Network::default();
    network.supply.extend(rows);
    network.supply.extend(columns.iter().map(|c| -c * scale));
    for r in 0..rows.len() {
        for c in 0..columns.len() {
            let gain = gain[r * columns.len() + c];
            network.arcs.push(Arc { from: r, to: rows.len() + c, gain, room: f64::INFINITY });
        }
    }
    let Flow { amounts, value, bound } = network.solve();
    Transport { plan: amounts, value, bound }
}

/// The transport that carries in two orders: what is first among rows to what is first among columns.
pub(super) fn comonotone(gain: &[f64], rows: &[f64], columns: &[f64], order: &[usize]) -> Transport {
    let scale = rows.iter().sum::<f64>() / columns.iter().sum::<f64>();
    let m = columns.len();
    let mut plan = vec![0.0; rows.len() * m];
    let (mut r, mut c) = (0, 0);
    let (mut left, mut room) = (rows[order[0]], columns[order[0]] * scale);
    loop {
        let amount = left.min(room);
        plan[order[r] * m + order[c]] += amount;
        (left, room) = (left - amount, room - amount);
        if left <= room {
            r += 1;
            if r == order.len() {
                break;
            }
            left = rows[order[r]];
        } else {
            c += 1;
            if c == order.len() {
                break;
            }
            room = columns[order[c]] * scale;
        }
    }
    let value = crate::numeric::sum::compensated(plan.iter().zip(gain).map(|(p, g)| p * g));
    Transport { plan, value, bound: value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::random::{Purpose, stream};
    use rand::RngExt;

    #[test]
    fn transports_reach_their_bounds() {
        let mut rng = stream(7, Purpose::Audit, 0);
        for case in 0..300 {
            let (r, c) = (rng.random_range(1..9), rng.random_range(1..9));
            let mut law = |k: usize| -> Vec<f64> {
                let raw: Vec<f64> =
                    (0..k).map(|_| f64::from(rng.random_range(u32::from(case % 2 == 0)..5))).collect();
                let sum: f64 = raw.iter().sum();
                if sum > 0.0 { raw.iter().map(|x| x / sum).collect() } else { vec![1.0 / k as f64; k] }
            };
            let (rows, columns) = (law(r), law(c));
            let gain: Vec<f64> = (0..r * c)
                .map(|_| if case % 3 == 0 { f64::from(rng.random_range(0..3_u32)) } else { rng.random() })
                .collect();
            let found = transport(&gain, &rows, &columns);
            assert!((found.bound - found.value).abs() < 1e-13, "case {case}: {found:?}");
            for (k, row) in rows.iter().enumerate() {
                let sum: f64 = found.plan[k * c..(k + 1) * c].iter().sum();
                assert!((sum - row).abs() < 1e-13);
            }
            for (k, column) in columns.iter().enumerate() {
                let sum: f64 = (0..r).map(|j| found.plan[j * c + k]).sum();
                assert!((sum - column).abs() < 1e-13);
            }
        }
    }

    #[test]
    fn limits_of_arcs_bind() {
        // From 0 to 2 directly (worth 3, room 1/4) or by 1 (worth 1 and 1).
        let arc = |from, to, gain, room| Arc { from, to, gain, room };
        let arcs = vec![arc(0, 2, 3.0, 0.25), arc(0, 1, 1.0, f64::INFINITY), arc(1, 2, 1.0, 1.0)];
        let flow = Network { supply: vec![1.0, 0.0, -1.0], arcs }.solve();
        assert_eq!(flow.amounts, [0.25, 0.75, 0.75]);
        assert!((flow.value - 2.25).abs() < 1e-15 && (flow.bound - 2.25).abs() < 1e-14);
    }
}
