//! What a group of players can make of a day: value less payment by true types and bids, for everything the others may bid.

use crate::mechanism::AgentId;
use crate::two_stage::audit::audited::Audited;
use crate::two_stage::law::Supertypes;
use crate::two_stage::market::Settled;

/// What the others may bid, as far as it matters: those who are alike and have the same law are counted, not told apart.
#[derive(Clone, Debug)]
pub(super) struct Rest {
    /// By player; members of the group stand at 0.
    bids: Vec<usize>,
    /// Its probability.
    pub chance: f64,
    /// Number of profiles that it stands for.
    pub cells: f64,
}

/// Who is looked at, and on which days.
#[derive(Clone, Debug)]
pub(super) struct Group<'a, M: Audited> {
    pub market: &'a M,
    pub members: Vec<AgentId>,
    /// Number of joint types.
    pub joint: usize,
    /// By signal: what the others may bid; none if that is too much.
    pub rests: Vec<Option<Vec<Rest>>>,
    days: &'a [(f64, M::Day)],
}

/// A day: value less payment of the members together.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// Share of the days.
    pub weight: f64,
    pub signal: usize,
    /// On average over the others' bids, by joint type and joint bid.
    pub mean: Vec<f64>,
    /// The same for every [`Rest`] of the signal; empty if only means were asked for.
    pub by_rest: Vec<Vec<f64>>,
}

/// One settled day.
pub(super) struct Settling<'a, M: Audited> {
    pub day: &'a M::Day,
    pub draw: &'a M::Draw,
    pub bids: &'a [usize],
    pub settled: &'a Settled<M::Decision>,
}

impl<'a, M: Audited> Group<'a, M> {
    /// `most`: largest number of settled days for one set of tables.
    pub fn new(
        market: &'a M,
        days: &'a [(f64, M::Day)],
        reports: &Supertypes,
        members: &[AgentId],
        most: f64,
    ) -> Self {
        let joint = members.iter().map(|&i| market.types()[i]).product::<usize>();
        let draws: usize = days.iter().map(|(_, day)| market.draws(day).len()).sum();
        let each = (joint * draws) as f64 * market.types().len() as f64;
        let of = |w: usize| rests(market, reports, w, members, most / each);
        Self {
            market,
            members: members.to_vec(),
            joint,
            rests: (0..market.signals()).map(of).collect(),
            days,
        }
    }

    /// Whether everything the others may bid is known.
    pub fn listed(&self) -> bool {
        self.rests.iter().all(Option::is_some)
    }

    /// Types of the members by the number of a joint type.
    pub fn types(&self, mut number: usize) -> Vec<usize> {
        let digits = self.members.iter().map(|&i| {
            let m = self.market.types()[i];
            let digit = number % m;
            number /= m;
            digit
        });
        digits.collect()
    }

    /// The law of the joint type, members being independent.
    pub fn law(&self, laws: &Supertypes, signal: usize) -> Vec<f64> {
        let p = |k: usize| -> f64 {
            let each = self.types(k).into_iter().zip(&self.members);
            each.map(|(t, &i)| laws.law(i, signal).probabilities()[t]).product()
        };
        (0..self.joint).map(p).collect()
    }

    /// The tables of all days, settled by a plan; none if the others' bids are not listed.
    pub fn tables(&self, plan: &M::Plan) -> Option<Vec<Table>> {
        self.days.iter().map(|(weight, day)| self.table(plan, *weight, day)).collect()
    }

    /// Every day that may come, with its probability: what is settled if everybody outside bids by the reported laws and
    /// the members (usually none) bid type 0. None if that is too much.
    pub fn every(&self, plan: &M::Plan, mut visit: impl FnMut(f64, Settling<'_, M>)) -> Option<()> {
        let mut settled = Settled::new(self.market.types().len());
        for (weight, day) in self.days {
            let draws = self.market.draws(day);
            for rest in self.rests[self.market.signal(day)].as_ref()? {
                for (p, draw) in &draws {
                    self.market.settle(plan, day, draw, &rest.bids, &mut settled);
                    let chance = weight * rest.chance * p;
                    visit(chance, Settling { day, draw, bids: &rest.bids, settled: &settled });
                }
            }
        }
        Some(())
    }

    fn table(&self, plan: &M::Plan, weight: f64, day: &M::Day) -> Option<Table> {
        let signal = self.market.signal(day);
        let rests = self.rests[signal].as_ref()?;
        let draws = self.market.draws(day);
        let by_rest: Vec<Vec<f64>> = rests.iter().map(|rest| self.against(plan, day, &draws, rest)).collect();
        let mut mean = vec![0.0; self.joint * self.joint];
        for (rest, table) in rests.iter().zip(&by_rest) {
            mean.iter_mut().zip(table).for_each(|(sum, x)| *sum += rest.chance * x);
        }
        Some(Table { weight, signal, mean, by_rest })
    }

    fn against(&self, plan: &M::Plan, day: &M::Day, draws: &[(f64, M::Draw)], rest: &Rest) -> Vec<f64> {
        let market = self.market;
        let mut settled = Settled::new(market.types().len());
        let mut table = vec![0.0; self.joint * self.joint];
        let mut bids = rest.bids.clone();
        let types: Vec<Vec<usize>> = (0..self.joint).map(|k| self.types(k)).collect();
        for column in 0..self.joint {
            for (&i, &bid) in self.members.iter().zip(&types[column]) {
                bids[i] = bid;
            }
            for (p, draw) in draws {
                market.settle(plan, day, draw, &bids, &mut settled);
                let paid: f64 = self.members.iter().map(|&i| settled.payment(i)).sum();
                for (row, types) in types.iter().enumerate() {
                    let own = types.iter().zip(&self.members);
                    let value: f64 = own.map(|(&t, &i)| market.value(day, i, t, &settled.decision)).sum();
                    table[row * self.joint + column] += p * (value - paid);
                }
            }
        }
        table
    }
}

/// What all who are no members may bid under a signal; none if there are more than `most` possibilities.
fn rests<M: Audited>(
    market: &M,
    reports: &Supertypes,
    signal: usize,
    members: &[AgentId],
    most: f64,
) -> Option<Vec<Rest>> {
    let mut groups: Vec<Vec<AgentId>> = Vec::new();
    for j in (0..market.types().len()).filter(|j| !members.contains(j)) {
        let same = |i: AgentId| market.alike(i, j) && reports.law(i, signal) == reports.law(j, signal);
        match groups.iter_mut().find(|group| same(group[0])) {
            Some(group) => group.push(j),
            None => groups.push(vec![j]),
        }
    }
    let mut all = vec![Rest { bids: vec![0; market.types().len()], chance: 1.0, cells: 1.0 }];
    for group in groups {
        let law = reports.law(group[0], signal).probabilities();
        for (at, &j) in group.iter().enumerate() {
            // Members of a group bid in ascending order; whoever joins a run of equal bids of length k divides the number
            // of profiles by k, and all of them by the place she has.
            let mut next = Vec::new();
            for rest in &all {
                let last = if at == 0 { 0 } else { rest.bids[group[at - 1]] };
                for bid in (last..law.len()).filter(|b| law[*b] > 0.0) {
                    let run = 1 + group[..at].iter().filter(|i| rest.bids[**i] == bid).count();
                    let ways = (at + 1) as f64 / run as f64;
                    let mut bids = rest.bids.clone();
                    bids[j] = bid;
                    next.push(Rest { bids, chance: rest.chance * law[bid] * ways, cells: rest.cells * ways });
                }
            }
            all = next;
            if all.len() as f64 > most {
                return None;
            }
        }
    }
    (all.len() as f64 <= most).then_some(all)
}
