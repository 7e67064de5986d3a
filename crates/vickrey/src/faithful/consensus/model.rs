//! The instance: who hears whom, what is publicly known of everybody's position, and what is refused.
//!
//! Everything here is public and fixed before any follower sends a byte. The private positions th_i are not part of it:
//! [`Instance::types`] checks them against it.

use std::borrow::Cow;

use crate::mechanism::AgentId;
use crate::names::{Names, NamesError};

/// Positions beyond this are mistakes of units; their squares, summed over all followers, must stay finite.
pub const LARGEST: f64 = 1e15;

/// Which part of the input is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The instance as a whole.
    Whole,
    /// An edge, by its place in the list (0-based).
    Edge(usize),
    /// A follower (0-based).
    Follower(AgentId),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole => Ok(()),
            Self::Edge(edge) => write!(f, " of edge {edge}"),
            Self::Follower(follower) => write!(f, " of follower {follower}"),
        }
    }
}

/// Why an instance, its rules or private positions are refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ConsensusError {
    /// A number or a list cannot be used.
    #[error("{field}{place}: found {found}, accepted is {accepted}")]
    Refused {
        /// Which field.
        field: &'static str,
        /// Where.
        place: Place,
        /// What was found.
        found: String,
        /// What would be accepted.
        accepted: String,
    },
    /// The names cannot be used.
    #[error(transparent)]
    Names(#[from] NamesError),
}

/// Shorthand for a refusal.
pub(super) fn refuse<T>(
    field: &'static str,
    place: Place,
    found: impl ToString,
    accepted: impl Into<String>,
) -> Result<T, ConsensusError> {
    Err(ConsensusError::Refused { field, place, found: found.to_string(), accepted: accepted.into() })
}

/// A connected graph without loops and double edges, as sorted lists of neighbours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Graph {
    edges: Vec<(AgentId, AgentId)>,
    /// Where the neighbours of each follower begin in `neighbours`; one entry more than followers.
    first: Vec<usize>,
    neighbours: Vec<AgentId>,
}

impl Graph {
    /// The graph of `followers` >= 2 followers (0-based) with these edges.
    ///
    /// # Errors
    /// Fewer than two followers, an edge to nobody or to itself, an edge that is there twice, or followers that hear
    /// nothing of each other.
    pub fn new(followers: usize, edges: Vec<(AgentId, AgentId)>) -> Result<Self, ConsensusError> {
        if followers < 2 {
            return refuse("followers", Place::Whole, followers, "at least 2 followers");
        }
        let mut sorted = Vec::with_capacity(edges.len());
        for (index, &(a, b)) in edges.iter().enumerate() {
            let found = format!("{a}-{b}");
            if a >= followers || b >= followers {
                let accepted = format!("two followers from 0 to {}", followers - 1);
                return refuse("edges", Place::Edge(index), found, accepted);
            }
            if a == b {
                return refuse("edges", Place::Edge(index), found, "two different followers");
            }
            sorted.push((a.min(b), a.max(b), index));
        }
        sorted.sort_unstable();
        if let Some(twice) = sorted.windows(2).find(|w| (w[0].0, w[0].1) == (w[1].0, w[1].1)) {
            let index = twice[1].2;
            let (a, b) = edges[index];
            let found = format!("{a}-{b}, which is edge {} already", twice[0].2);
            return refuse("edges", Place::Edge(index), found, "each pair once");
        }
        let graph = Self::linked(followers, edges);
        if let Some(lost) = graph.search(0).iter().position(|&parent| parent == NOWHERE) {
            let found = format!("no path from follower 0 to follower {lost}");
            return refuse("edges", Place::Whole, found, "a connected graph");
        }
        Ok(graph)
    }

    fn linked(followers: usize, edges: Vec<(AgentId, AgentId)>) -> Self {
        let mut first = vec![0; followers + 1];
        for &(a, b) in &edges {
            first[a + 1] += 1;
            first[b + 1] += 1;
        }
        for i in 0..followers {
            first[i + 1] += first[i];
        }
        let mut next = first.clone();
        let mut neighbours = vec![0; 2 * edges.len()];
        for &(a, b) in &edges {
            for (from, to) in [(a, b), (b, a)] {
                neighbours[next[from]] = to;
                next[from] += 1;
            }
        }
        for i in 0..followers {
            neighbours[first[i]..first[i + 1]].sort_unstable();
        }
        Self { edges, first, neighbours }
    }

    /// The followers in a row: 0-1-2-...
    ///
    /// # Errors
    /// Fewer than two followers.
    pub fn path(followers: usize) -> Result<Self, ConsensusError> {
        Self::new(followers, (1..followers).map(|i| (i - 1, i)).collect())
    }

    /// Follower 0 in the middle of all others.
    ///
    /// # Errors
    /// Fewer than two followers.
    pub fn star(followers: usize) -> Result<Self, ConsensusError> {
        Self::new(followers, (1..followers).map(|i| (0, i)).collect())
    }

    /// Number of followers N.
    pub fn len(&self) -> usize {
        self.first.len() - 1
    }

    /// Never: a graph has at least two followers.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The edges as they were given.
    pub fn edges(&self) -> &[(AgentId, AgentId)] {
        &self.edges
    }

    /// Whom a follower hears, in increasing order.
    pub fn neighbours(&self, follower: AgentId) -> &[AgentId] {
        &self.neighbours[self.first[follower]..self.first[follower + 1]]
    }

    /// Number of neighbours.
    pub fn degree(&self, follower: AgentId) -> usize {
        self.first[follower + 1] - self.first[follower]
    }

    /// Whether there is no cycle.
    pub fn is_tree(&self) -> bool {
        self.edges.len() + 1 == self.len()
    }

    /// The first edge of the list that closes a cycle with those before it; none in a tree.
    pub fn closes_cycle(&self) -> Option<usize> {
        let mut boss: Vec<usize> = (0..self.len()).collect();
        let mut find = |mut i: usize, join: Option<usize>| {
            while boss[i] != i {
                boss[i] = boss[boss[i]];
                i = boss[i];
            }
            if let Some(to) = join {
                boss[i] = to;
            }
            i
        };
        self.edges.iter().position(|&(a, b)| {
            let top = find(a, None);
            find(b, Some(top)) == top
        })
    }

    /// A spanning tree by breadth-first search: for every follower the one it was found from.
    fn search(&self, root: AgentId) -> Vec<AgentId> {
        let mut parent = vec![NOWHERE; self.len()];
        parent[root] = root;
        let mut queue = std::collections::VecDeque::from([root]);
        while let Some(i) = queue.pop_front() {
            for &j in self.neighbours(i) {
                if parent[j] == NOWHERE {
                    parent[j] = i;
                    queue.push_back(j);
                }
            }
        }
        parent
    }

    /// A spanning tree in an order in which everybody comes after its parent.
    pub(super) fn rooted(&self, root: AgentId) -> Rooted {
        let parent = self.search(root);
        let mut first = vec![0; self.len() + 1];
        for (i, &p) in parent.iter().enumerate() {
            first[p + 1] += usize::from(i != root);
        }
        for i in 0..self.len() {
            first[i + 1] += first[i];
        }
        let mut next = first.clone();
        let mut children = vec![0; self.len() - 1];
        for (i, &p) in parent.iter().enumerate().filter(|&(i, _)| i != root) {
            children[next[p]] = i;
            next[p] += 1;
        }
        let mut order = vec![root];
        let mut at = 0;
        while at < order.len() {
            let i = order[at];
            order.extend_from_slice(&children[first[i]..first[i + 1]]);
            at += 1;
        }
        Rooted { order, parent }
    }
}

const NOWHERE: usize = usize::MAX;

/// A rooted spanning tree.
#[derive(Clone, Debug)]
pub(super) struct Rooted {
    /// Everybody after its parent; the root first.
    pub order: Vec<AgentId>,
    /// The root is its own parent.
    pub parent: Vec<AgentId>,
}

/// A graph, and for every follower i the public range Theta_i = [low_i, high_i] of its private position th_i.
#[derive(Clone, Debug, PartialEq)]
pub struct Instance {
    graph: Graph,
    low: Vec<f64>,
    high: Vec<f64>,
    names: Names,
}

impl Instance {
    /// From a graph and one range for each follower.
    ///
    /// # Errors
    /// Not one range for each follower, or a range that is empty or not finite.
    pub fn new(graph: Graph, ranges: &[(f64, f64)]) -> Result<Self, ConsensusError> {
        if ranges.len() != graph.len() {
            let accepted = format!("one range for each of the {} followers", graph.len());
            return refuse("range", Place::Whole, format!("{} ranges", ranges.len()), accepted);
        }
        for (i, &(low, high)) in ranges.iter().enumerate() {
            if !(low.abs() <= LARGEST && high.abs() <= LARGEST) {
                let accepted = format!("two finite numbers of size at most {LARGEST:e}");
                return refuse("range", Place::Follower(i), format!("[{low}, {high}]"), accepted);
            }
            if low > high {
                let accepted = "a lower end that is not above the upper end";
                return refuse("range", Place::Follower(i), format!("[{low}, {high}]"), accepted);
            }
        }
        let (low, high) = ranges.iter().copied().unzip();
        Ok(Self { graph, low, high, names: Names::default() })
    }

    /// Gives the followers names, used in reports and errors.
    ///
    /// # Errors
    /// The number of names is wrong, or two are equal.
    pub fn with_names(mut self, names: Vec<Box<str>>) -> Result<Self, ConsensusError> {
        self.names = Names::new(names, self.len())?;
        Ok(self)
    }

    /// Number of followers N.
    pub fn len(&self) -> usize {
        self.graph.len()
    }

    /// Never: there are at least two followers.
    pub fn is_empty(&self) -> bool {
        self.graph.is_empty()
    }

    /// Who hears whom.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Lower ends A_i of the ranges.
    pub fn low(&self) -> &[f64] {
        &self.low
    }

    /// Upper ends B_i of the ranges.
    pub fn high(&self) -> &[f64] {
        &self.high
    }

    /// [Ymin, Ymax] = [min A, max B]: where every faithful position lies.
    pub fn span(&self) -> (f64, f64) {
        let low = self.low.iter().copied().fold(f64::INFINITY, f64::min);
        let high = self.high.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        (low, high)
    }

    /// The follower's name, or "agent 7" if there are no names.
    pub fn name(&self, follower: AgentId) -> Cow<'_, str> {
        self.names.get(follower)
    }

    /// Private positions, one for each follower, checked against the public ranges.
    ///
    /// # Errors
    /// Not one position for each follower, or one outside its range.
    pub fn types(&self, positions: Vec<f64>) -> Result<Vec<f64>, ConsensusError> {
        if positions.len() != self.len() {
            let accepted = format!("one position for each of the {} followers", self.len());
            return refuse("position", Place::Whole, format!("{} positions", positions.len()), accepted);
        }
        for (i, &th) in positions.iter().enumerate() {
            let (low, high) = (self.low[i], self.high[i]);
            if !(low..=high).contains(&th) {
                let accepted = format!("a number from {low} to {high}, the public range");
                return refuse("position", Place::Follower(i), th, accepted);
            }
        }
        Ok(positions)
    }
}
