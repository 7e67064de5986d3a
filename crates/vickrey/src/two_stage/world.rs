//! The protocol's other two parties: a player who reports a law and bids, and the world she plays in.

use rand::RngExt;

use super::law::{Law, Supertypes};
use super::market::Market;
use super::protocol::{Notice, Phase, Report, Said, Salt, TwoStage, TwoStageOutcome, seal_bid};
use super::simulate::{Natural, Nature};
use super::strategies::{Bidder, Sight};
use super::test::{Record, Threshold};
use crate::mechanism::{AgentId, Strategy, Turn, World};

/// A player of the protocol: reports a law, then bids by a [`Bidder`], sealed if she is asked to seal.
///
/// She sees no more than the mechanism tells her: no bids of others, so bidders that follow others are honest here.
pub struct Player {
    laws: Vec<Law>,
    reports: Supertypes,
    threshold: Threshold,
    bidder: Box<dyn Bidder>,
    record: Record,
    sealed: Option<(usize, Salt)>,
}

/// What a player knows on a day.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Private {
    /// Her type.
    pub own: usize,
    /// The public signal.
    pub signal: usize,
    /// A number from 0 to 1 that players may agree on.
    pub coin: f64,
}

impl Player {
    /// A player who reports `laws` (one, or one for each signal). `reports` and `threshold`: what she expects everybody to
    /// have reported, and her window; only bidders that ride the window or mimic a law look at them.
    pub fn new(laws: Vec<Law>, reports: Supertypes, threshold: Threshold, bidder: Box<dyn Bidder>) -> Self {
        let record = Record::new(reports.players());
        Self { laws, reports, threshold, bidder, record, sealed: None }
    }
}

impl<M: Market> Strategy<TwoStage<M>, Private> for Player {
    fn report(&mut self, turn: Turn<'_, Private, Notice<M::Day, M::Decision>>) -> Option<Report> {
        let Turn { agent: player, signal: private, announcement, rng, .. } = turn;
        let sight = Sight {
            player,
            day: announcement.day,
            signal: private.signal,
            own: private.own,
            reports: &self.reports,
            record: &self.record,
            threshold: self.threshold,
            coin: private.coin,
            before: &[],
            rng,
        };
        match announcement.phase {
            Phase::Laws => Some(Report::Laws(self.laws.clone())),
            Phase::Seal => {
                let own = self.bidder.bid(sight);
                let salt: Salt = rng.random();
                self.sealed = Some((own, salt));
                Some(Report::Seal(seal_bid(announcement.day, player, own, &salt)))
            }
            Phase::Bid => match self.sealed.take() {
                Some((own, salt)) => Some(Report::Bid { own, salt: Some(salt) }),
                None => Some(Report::Bid { own: self.bidder.bid(sight), salt: None }),
            },
        }
    }
}

/// Nature and true values, day by day, for the protocol.
pub struct TwoStageWorld<'a, M: Market> {
    mechanism: &'a TwoStage<M>,
    nature: Nature<M::Day>,
    today: Option<Natural<M::Day, M::Draw>>,
    number: u64,
}

impl<'a, M: Market> TwoStageWorld<'a, M> {
    /// Before the first day. Nature has to fit the market, see [`Nature::check`].
    pub fn new(mechanism: &'a TwoStage<M>, nature: Nature<M::Day>) -> Self {
        Self { mechanism, nature, today: None, number: 0 }
    }

    /// Bids follow on every other stage if they are sealed, on every one if not; laws come first.
    fn bids(&self, stage: usize) -> bool {
        stage > 0 && (!self.mechanism.sealed() || stage.is_multiple_of(2))
    }

    fn tomorrow(&mut self) -> Option<M::Day> {
        self.number += 1;
        let open = self.number <= self.mechanism.days();
        self.today = open.then(|| self.nature.next(self.mechanism.market(), self.number));
        self.today.as_ref().map(|natural| natural.day.clone())
    }
}

impl<M: Market> World<TwoStage<M>> for TwoStageWorld<'_, M> {
    type Signal = Private;

    fn signal(&mut self, _: usize, agent: AgentId) -> Private {
        let Some(natural) = &self.today else { return Private::default() };
        let signal = self.mechanism.market().signal(&natural.day);
        Private { own: natural.types[agent], signal, coin: natural.coin }
    }

    fn shock(&mut self, stage: usize) -> Said<M::Day, M::Draw> {
        if stage == 0 {
            return Said { draw: None, next: self.tomorrow() };
        }
        // What this day was worth is asked after the next one is announced: it is announced by a look ahead.
        match (self.bids(stage), &self.today) {
            (true, Some(natural)) => {
                let draw = Some(natural.draw.clone());
                let mut ahead = self.nature.clone();
                let open = self.number < self.mechanism.days();
                let next = open.then(|| ahead.next(self.mechanism.market(), self.number + 1).day);
                Said { draw, next }
            }
            _ => Said { draw: None, next: None },
        }
    }

    fn valuations(&mut self, stage: usize, outcome: &TwoStageOutcome<M::Decision>) -> Vec<f64> {
        let players = self.mechanism.market().types().len();
        if !self.bids(stage) {
            return vec![0.0; players];
        }
        let value = |i: AgentId| match (&self.today, &outcome.settled) {
            (Some(natural), Some(settled)) => {
                self.mechanism.market().value(&natural.day, i, natural.types[i], &settled.decision)
            }
            _ => 0.0,
        };
        let values = (0..players).map(value).collect();
        self.tomorrow();
        values
    }
}
