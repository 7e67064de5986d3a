//! How far one follower's messages reach: the dimension of what it can do to the others' final positions.

use super::super::model::Graph;
use crate::mechanism::AgentId;

/// A prime for exact elimination: 2^61 - 1.
const PRIME: u64 = (1 << 61) - 1;
/// Elimination takes N³/3 products.
pub const MOST: usize = 300;

/// Dimension of the space in which a follower can move all others' final positions in so many rounds, if its messages are
/// any numbers; N - 1 is all there is. None above 300 followers.
///
/// Messages to a neighbour j in round k move them by a multiple of (1 - alpha M)^{n-k} e_j, with M the Laplacian without
/// the follower's row and column: together the span of M^h e_j, h < n. M has whole numbers, so its rank is counted exactly,
/// by elimination modulo a prime: that never gives more than the true dimension, and less only if the prime divides a
/// determinant by chance.
pub fn dimension(graph: &Graph, follower: AgentId, rounds: usize) -> Option<usize> {
    let n = graph.len();
    if n > MOST {
        return None;
    }
    let mut basis: Vec<(usize, Vec<u64>)> = Vec::new();
    let unit = |j: usize| (0..n).map(|i| u64::from(i == j)).collect::<Vec<u64>>();
    let mut chains: Vec<Vec<u64>> = graph.neighbours(follower).iter().map(|&j| unit(j)).collect();
    for _ in 0..rounds {
        // What a chain adds nothing to, its later powers add nothing to either: they are in the span of later powers of
        // those before it.
        chains.retain(|v| extend(&mut basis, v.clone()));
        if chains.is_empty() || basis.len() == n - 1 {
            break;
        }
        for v in &mut chains {
            *v = apply(graph, follower, v);
        }
    }
    Some(basis.len())
}

/// M v modulo the prime.
fn apply(graph: &Graph, follower: AgentId, v: &[u64]) -> Vec<u64> {
    let one = |i: usize| {
        if i == follower {
            return 0;
        }
        let others = graph.neighbours(i).iter().filter(|&&j| j != follower);
        let sum = others.fold(0, |sum, &j| add(sum, v[j]));
        add(multiply(graph.degree(i) as u64, v[i]), PRIME - sum)
    };
    (0..v.len()).map(one).collect()
}

/// Adds a vector to a basis whose vectors have a one at their pivot; whether it was new.
fn extend(basis: &mut Vec<(usize, Vec<u64>)>, mut v: Vec<u64>) -> bool {
    for (pivot, row) in basis.iter() {
        let factor = v[*pivot];
        if factor != 0 {
            for (x, r) in v.iter_mut().zip(row) {
                *x = add(*x, PRIME - multiply(factor, *r));
            }
        }
    }
    let Some(pivot) = v.iter().position(|&x| x != 0) else { return false };
    let inverse = inverse(v[pivot]);
    for x in &mut v {
        *x = multiply(*x, inverse);
    }
    basis.push((pivot, v));
    true
}

fn add(a: u64, b: u64) -> u64 {
    (a + b) % PRIME
}

fn multiply(a: u64, b: u64) -> u64 {
    (u128::from(a) * u128::from(b) % u128::from(PRIME)) as u64
}

/// a^(PRIME - 2).
fn inverse(a: u64) -> u64 {
    let (mut power, mut base, mut exponent) = (1, a, PRIME - 2);
    while exponent > 0 {
        if exponent & 1 == 1 {
            power = multiply(power, base);
        }
        base = multiply(base, base);
        exponent >>= 1;
    }
    power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stars_and_cycles() {
        let path = Graph::path(6).unwrap();
        // From an end one more follower is reached each round; from inside two.
        for rounds in 1..9 {
            assert_eq!(dimension(&path, 0, rounds), Some(rounds.min(5)));
        }
        assert_eq!(dimension(&path, 2, 1), Some(2));
        assert_eq!(dimension(&path, 2, 9), Some(5));
        // The middle of a star reaches everybody at once; a leaf moves all other leaves alike.
        let star = Graph::star(6).unwrap();
        assert_eq!(dimension(&star, 0, 1), Some(5));
        assert_eq!(dimension(&star, 3, 50), Some(2));
        // On a cycle a follower has two messages a round.
        let cycle = Graph::new(7, (0..7).map(|i| (i, (i + 1) % 7)).collect()).unwrap();
        assert_eq!(dimension(&cycle, 4, 2), Some(4));
        assert_eq!(dimension(&cycle, 4, 3), Some(6));
        assert_eq!(dimension(&Graph::path(301).unwrap(), 0, 3), None);
    }
}
