//! What everybody did, day by day: enough to replay a season.

/// Bids and public signals of all days.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    players: usize,
    bids: Vec<u16>,
    signals: Vec<u32>,
}

impl Record {
    /// No day yet.
    pub fn new(players: usize) -> Self {
        Self { players, ..Self::default() }
    }

    /// Days so far.
    pub fn days(&self) -> usize {
        self.signals.len()
    }

    /// The bids of a day, counted from 0.
    pub fn bids(&self, day: usize) -> &[u16] {
        &self.bids[day * self.players..(day + 1) * self.players]
    }

    /// The public signal of a day, counted from 0.
    pub fn signal(&self, day: usize) -> usize {
        self.signals[day] as usize
    }

    pub(super) fn push(&mut self, bids: &[usize], signal: usize) {
        self.bids.extend(bids.iter().map(|&b| b as u16));
        self.signals.push(signal as u32);
    }

    /// Whether all but one player did the same on two days, under the same signal.
    pub(super) fn same_rest(&self, player: usize, one: usize, other: usize) -> bool {
        let (a, b) = (self.bids(one), self.bids(other));
        self.signals[one] == self.signals[other]
            && a[..player] == b[..player]
            && a[player + 1..] == b[player + 1..]
    }
}
