//! Axes of a table of values: one for each player, or one for neighbouring players with few types.
//!
//! A pass over a table costs about as much for an axis of two types as for one of eight, because too little is done side by
//! side. So neighbours with few types are taken together: the kernel of the pair or triple is the product of their own.

use std::collections::HashMap;

use super::contract::Matrix;
use super::space::Space;
use crate::mechanism::AgentId;
use crate::pivot::model::Model;

/// Neighbours are taken together up to so many joint types.
const TOGETHER: usize = 8;
/// Beyond so many combinations of period, decision and public state nobody is taken together: their products would have
/// to be looked for in all of them.
const CASES: usize = 1 << 18;

/// One axis.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    /// The players, the last one innermost.
    pub members: Vec<AgentId>,
    /// Number of types of each.
    types: Vec<usize>,
    /// States behind this axis.
    pub inner: usize,
    /// Products of kernels and their numbers, if there are several players.
    products: Option<Products>,
}

#[derive(Clone, Debug, Default)]
struct Products {
    matrices: Vec<Matrix>,
    numbers: HashMap<Vec<usize>, usize>,
}

impl Axis {
    /// The axes behind the first member.
    pub fn behind_first(model: &Model, space: &Space, kernels: &[Vec<Matrix>]) -> Vec<Self> {
        let mut groups: Vec<(Vec<AgentId>, Vec<usize>)> = Vec::new();
        let few = cases(model) <= CASES;
        for (&i, &n) in space.members.iter().zip(&space.types).skip(1) {
            match groups.last_mut() {
                Some((members, types)) if few && types.iter().product::<usize>() * n <= TOGETHER => {
                    members.push(i);
                    types.push(n);
                }
                _ => groups.push((vec![i], vec![n])),
            }
        }
        let mut inner = 1;
        let mut axes = Vec::new();
        for (members, types) in groups.into_iter().rev() {
            let products = (members.len() > 1).then(|| Products::new(model, &members, kernels));
            let size: usize = types.iter().product();
            axes.push(Self { members, types, inner, products });
            // Indices need no tables, however many joint states there are.
            inner = inner.saturating_mul(size);
        }
        axes.reverse();
        axes
    }

    /// The number of what moves this axis in a period, under a decision, in a public state.
    pub fn number(&self, model: &Model, period: usize, decision: usize, public: usize) -> usize {
        let id = |i: AgentId| model.player(i).moves.id(period, decision, public);
        match &self.products {
            None => id(self.members[0]),
            Some(products) => {
                let key: Vec<usize> = self.members.iter().map(|i| id(*i)).collect();
                // All combinations were looked for.
                products.numbers[&key]
            }
        }
    }

    /// What moves this axis, by number.
    pub fn matrix<'a>(&'a self, number: usize, kernels: &'a [Vec<Matrix>]) -> &'a Matrix {
        match &self.products {
            None => &kernels[self.members[0]][number],
            Some(products) => &products.matrices[number],
        }
    }

    /// Where a state is on this axis; `types` of all players.
    pub fn place(&self, types: &[usize]) -> usize {
        self.members.iter().zip(&self.types).fold(0, |at, (&i, n)| at * n + types[i])
    }
}

/// Combinations of period, decision and public state that kernels may tell apart.
fn cases(model: &Model) -> usize {
    let [periods, decisions, publics] = reach(model);
    periods.saturating_mul(decisions).saturating_mul(publics)
}

/// Periods, decisions and public states that any kernel tells apart.
fn reach(model: &Model) -> [usize; 3] {
    let shapes = (0..model.players()).map(|i| model.player(i).moves.which().shape());
    shapes.fold([1; 3], |most, shape| [0, 1, 2].map(|k| most[k].max(shape[k])))
}

impl Products {
    fn new(model: &Model, members: &[AgentId], kernels: &[Vec<Matrix>]) -> Self {
        let mut products = Self::default();
        let [periods, decisions, publics] = reach(model);
        for (t, a, s) in (0..periods)
            .flat_map(|t| (0..decisions).map(move |a| (t, a)))
            .flat_map(|(t, a)| (0..publics).map(move |s| (t, a, s)))
        {
            let key: Vec<usize> = members.iter().map(|&i| model.player(i).moves.id(t, a, s)).collect();
            let Self { matrices, numbers } = &mut products;
            numbers.entry(key).or_insert_with_key(|key| {
                let own = members.iter().zip(key).map(|(&i, &k)| &kernels[i][k]);
                matrices.push(product(own));
                matrices.len() - 1
            });
        }
        products
    }
}

/// The kernel of several players who move independently.
fn product<'a>(kernels: impl Iterator<Item = &'a Matrix>) -> Matrix {
    let (n, rows) = kernels.fold((1, vec![1.0]), |(n, rows), kernel| {
        let m = kernel.n;
        let size = n * m;
        let entry = |k: usize| {
            let (from, to) = (k / size, k % size);
            rows[from / m * n + to / m] * kernel.row(from % m)[to % m]
        };
        (size, (0..size * size).map(entry).collect())
    });
    Matrix::new(n, &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_kernels_are_joint_kernels() {
        let one = Matrix::new(2, &[0.25, 0.75, 1.0, 0.0]);
        let two = Matrix::new(3, &[1.0, 0.0, 0.0, 0.5, 0.0, 0.5, 0.0, 0.25, 0.75]);
        let both = product([&one, &two].into_iter());
        assert_eq!(both.n, 6);
        for (from, to) in (0..6).flat_map(|from| (0..6).map(move |to| (from, to))) {
            let known = one.row(from / 3)[to / 3] * two.row(from % 3)[to % 3];
            assert_eq!(both.row(from)[to], known);
        }
        let still = Matrix::new(2, &[1.0, 0.0, 0.0, 1.0]);
        assert!(product([&still, &still].into_iter()).is_identity());
    }
}
