//! Tables over periods, decisions and public states that do not grow along axes on which nothing depends.

/// Something that may depend on the period, the decision and the public state.
///
/// An axis of length 1 says that it does not depend on that axis. Entries are in C order: period, decision, public
/// state.
#[derive(Clone, Debug, PartialEq)]
pub struct Varying<T> {
    shape: [usize; 3],
    entries: Vec<T>,
}

impl<T> Varying<T> {
    /// The same for all periods, decisions and public states.
    pub fn constant(entry: T) -> Self {
        Self { shape: [1; 3], entries: vec![entry] }
    }

    /// From a shape (periods, decisions, public states) and a function of the three.
    pub fn from_fn(shape: [usize; 3], mut entry: impl FnMut(usize, usize, usize) -> T) -> Self {
        let mut entries = Vec::with_capacity(shape.iter().product());
        for t in 0..shape[0] {
            for a in 0..shape[1] {
                for s in 0..shape[2] {
                    entries.push(entry(t, a, s));
                }
            }
        }
        Self { shape, entries }
    }

    /// One entry for each decision.
    pub fn by_decision(entries: Vec<T>) -> Self {
        Self { shape: [1, entries.len(), 1], entries }
    }

    /// One entry for each public state.
    pub fn by_public(entries: Vec<T>) -> Self {
        Self { shape: [1, 1, entries.len()], entries }
    }

    /// Lengths of the axes: periods, decisions, public states.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// All entries, in C order.
    pub fn entries(&self) -> &[T] {
        &self.entries
    }

    /// The entries themselves, in C order.
    pub fn into_entries(self) -> Vec<T> {
        self.entries
    }

    /// The entry that holds in a period, for a decision, in a public state.
    ///
    /// # Panics
    /// An axis is longer than 1 and the index is beyond it.
    pub fn at(&self, period: usize, decision: usize, public: usize) -> &T {
        let [t, a, s] = self.place(period, decision, public);
        &self.entries[(t * self.shape[1] + a) * self.shape[2] + s]
    }

    /// The same table with every entry replaced.
    pub fn map<U>(&self, entry: impl FnMut(&T) -> U) -> Varying<U> {
        Varying { shape: self.shape, entries: self.entries.iter().map(entry).collect() }
    }

    /// Where an entry of the table stands, in words.
    pub(super) fn words(&self, index: usize) -> String {
        let [_, decisions, publics] = self.shape;
        let at = [index / (decisions * publics), index / publics % decisions, index % publics];
        let names = ["period", "decision", "public state"];
        let parts: Vec<String> = (0..3)
            .filter(|&axis| self.shape[axis] > 1)
            .map(|axis| format!("{} {}", names[axis], at[axis]))
            .collect();
        parts.join(", ")
    }

    fn place(&self, period: usize, decision: usize, public: usize) -> [usize; 3] {
        let pick = |axis: usize, index: usize| {
            if self.shape[axis] == 1 {
                return 0;
            }
            assert!(index < self.shape[axis], "index {index} on an axis of length {}", self.shape[axis]);
            index
        };
        [pick(0, period), pick(1, decision), pick(2, public)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_of_length_one_are_shared() {
        let table = Varying::from_fn([2, 1, 3], |t, _, s| 10 * t + s);
        assert_eq!(*table.at(1, 7, 2), 12);
        assert_eq!(table.words(5), "period 1, public state 2");
        assert_eq!(*Varying::constant(4).at(9, 9, 9), 4);
    }
}
