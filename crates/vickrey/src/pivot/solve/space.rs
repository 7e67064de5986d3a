//! Joint states of the public and some of the players, numbered in C order, the public state outermost.

use crate::mechanism::AgentId;
use crate::pivot::model::Model;

/// A joint state: what everybody sees, and every player's type.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// The public state.
    pub public: usize,
    /// The type of every player.
    pub types: Vec<usize>,
}

/// The joint states of the public state and the types of `members`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Space {
    /// Number of public states.
    pub publics: usize,
    /// Players whose types are part of the state, ascending.
    pub members: Vec<AgentId>,
    /// Number of types of every member.
    pub types: Vec<usize>,
}

impl Space {
    /// All players.
    pub fn of(model: &Model) -> Self {
        let members: Vec<AgentId> = (0..model.players()).collect();
        let types = members.iter().map(|&i| model.player(i).types).collect();
        Self { publics: model.public().states, members, types }
    }

    /// The same without one of the members.
    pub fn without(&self, player: AgentId) -> Self {
        let mut rest = self.clone();
        if let Some(axis) = self.members.iter().position(|&i| i == player) {
            rest.members.remove(axis);
            rest.types.remove(axis);
        }
        rest
    }

    /// Number of joint types in one public state; none if it does not fit a machine word.
    pub fn block_checked(&self) -> Option<usize> {
        self.types.iter().try_fold(1_usize, |n, &k| n.checked_mul(k))
    }

    /// Number of states; none if it does not fit a machine word.
    pub fn size_checked(&self) -> Option<usize> {
        self.block_checked()?.checked_mul(self.publics)
    }

    /// Number of states as a number for people, also beyond machine words.
    pub fn size_in_words(&self) -> f64 {
        self.types.iter().map(|&n| n as f64).product::<f64>() * self.publics as f64
    }

    /// Number of joint types in one public state.
    pub fn block(&self) -> usize {
        self.types.iter().product()
    }

    /// Number of states.
    pub fn size(&self) -> usize {
        self.block() * self.publics
    }

    /// Number of states in one public state that share the first member's type.
    pub fn slab(&self) -> usize {
        self.types.iter().skip(1).product()
    }

    /// Number of the state with these types; types of players who are no members are ignored.
    ///
    /// # Panics
    /// The state does not belong to the instance (see [`check_state`](super::solution::check_state)).
    pub fn index(&self, state: &State) -> usize {
        assert!(state.public < self.publics, "public state {} of {}", state.public, self.publics);
        let axes = self.members.iter().zip(&self.types);
        axes.fold(state.public, |at, (&i, &n)| {
            assert!(state.types[i] < n, "type {} of player {i}, who has {n}", state.types[i]);
            at * n + state.types[i]
        })
    }

    /// The state with a number; players who are no members get type 0.
    pub fn state(&self, mut index: usize, players: usize) -> State {
        let mut types = vec![0; players];
        for (&i, &n) in self.members.iter().zip(&self.types).rev() {
            types[i] = index % n;
            index /= n;
        }
        State { public: index, types }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_states_belong_together() {
        let space = Space { publics: 2, members: vec![0, 2], types: vec![3, 4] };
        assert_eq!((space.block(), space.size(), space.slab()), (12, 24, 4));
        for index in 0..24 {
            let state = space.state(index, 3);
            assert_eq!(space.index(&state), index);
        }
        assert_eq!(space.state(17, 3), State { public: 1, types: vec![1, 0, 1] });
        assert_eq!(space.without(2).types, vec![3]);
        let huge = Space { publics: 1, members: (0..50).collect(), types: vec![4; 50] };
        assert_eq!(huge.size_checked(), None);
    }
}
