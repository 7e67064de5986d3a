//! Players who can change places, and the ways in which they can have types.

use super::Scene;
use crate::mechanism::AgentId;
use crate::two_stage::law::Law;

/// Players with the same values, masks and laws.
#[derive(Clone)]
pub(super) struct Alike<'a> {
    pub members: Vec<AgentId>,
    pub law: &'a Law,
    /// Types that occur.
    pub likely: Vec<usize>,
}

pub(super) fn alike<'a>(scene: &Scene<'a>) -> Vec<Alike<'a>> {
    let mut groups: Vec<Alike<'a>> = Vec::new();
    for i in 0..scene.game.players() {
        let law = scene.laws[i];
        match groups.iter_mut().find(|g| scene.game.same(g.members[0], i) && g.law == law) {
            Some(group) => group.members.push(i),
            None => {
                let likely = (0..law.types()).filter(|t| law.probabilities()[*t] > 0.0).collect();
                groups.push(Alike { members: vec![i], law, likely });
            }
        }
    }
    groups
}

/// The same groups without the first player of one of them.
pub(super) fn without_one<'a>(groups: &[Alike<'a>], of: usize) -> Vec<Alike<'a>> {
    let rest = |(at, group): (usize, &Alike<'a>)| {
        let members = group.members[usize::from(at == of)..].to_vec();
        (!members.is_empty()).then(|| Alike { members, law: group.law, likely: group.likely.clone() })
    };
    groups.iter().enumerate().filter_map(rest).collect()
}

/// Number of ways in which players who are alike can have types, if it does not matter who has which.
pub(super) fn multisets(players: usize, types: usize) -> f64 {
    (1..types).fold(1.0, |ways, k| ways * (players + k) as f64 / k as f64)
}

/// Up to so many members factorials and powers are products; above, their logarithms are added.
const PRODUCTS: usize = 40;

impl Alike<'_> {
    /// Probability of one of the likely types.
    pub fn probability(&self, k: usize) -> f64 {
        self.law.probabilities()[self.likely[k]]
    }

    /// Probability that so many of these members have these types, whoever has which.
    pub fn chance(&self, members: usize, held: &[(usize, usize)]) -> f64 {
        let p = |k: usize| self.probability(k);
        if members <= PRODUCTS {
            let mut left = members;
            return held.iter().fold(1.0, |chance, &(k, count)| {
                // One binomial coefficient for each type, one factor at a time.
                let one = (0..count).fold(chance, |c, j| c * p(k) * (left - j) as f64 / (j + 1) as f64);
                left -= count;
                one
            });
        }
        let factorial = |n: usize| libm::lgamma(n as f64 + 1.0);
        let each = held.iter().map(|&(k, count)| count as f64 * libm::log(p(k)) - factorial(count));
        libm::exp(factorial(members) + each.sum::<f64>())
    }
}

/// All ways to give members types, by how many have which.
pub(super) struct Counts {
    counts: Vec<usize>,
    members: usize,
    /// The first type that somebody has.
    low: usize,
}

impl Counts {
    pub fn new(members: usize, types: usize) -> Self {
        let mut counts = vec![0; types];
        counts[0] = members;
        Self { counts, members, low: 0 }
    }

    pub fn held(&self, into: &mut Vec<(usize, usize)>) {
        into.clear();
        let mut given = 0;
        for (k, &count) in self.counts.iter().enumerate().skip(self.low) {
            if given == self.members {
                break;
            }
            if count > 0 {
                into.push((k, count));
                given += count;
            }
        }
    }

    /// The next way, if there is one.
    pub fn next(&mut self) -> bool {
        let low = self.low;
        if low + 1 == self.counts.len() {
            return false;
        }
        let many = self.counts[low];
        self.counts[low] = 0;
        self.counts[low + 1] += 1;
        self.counts[0] = many - 1;
        self.low = if many > 1 { 0 } else { low + 1 };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_occurs_once() {
        for (members, types) in [(1, 1), (1, 5), (3, 2), (4, 3), (2, 4)] {
            let mut counts = Counts::new(members, types);
            let mut seen = std::collections::BTreeSet::new();
            let mut held = Vec::new();
            loop {
                counts.held(&mut held);
                assert_eq!(held.iter().map(|(_, c)| c).sum::<usize>(), members);
                assert!(seen.insert(held.clone()), "{held:?} twice");
                if !counts.next() {
                    break;
                }
            }
            assert_eq!(seen.len() as f64, multisets(members, types));
        }
    }
}
