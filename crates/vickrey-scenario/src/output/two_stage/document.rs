//! What a document says about a repeated market.

use serde::Serialize;
use vickrey::mechanism::AgentId;
use vickrey::two_stage::{Law, Market, Terms, Window};

use super::{FlagCounts, Repeated, SeasonResult, is_honest, notes};
use crate::input::Discretised;
use crate::output::document::{AuditReport, Document, Head};
use crate::output::number::finite;
use crate::output::table::MOST_INLINE;

/// Seasons of up to so many days are part of the document.
const MOST_DAYS: usize = 400;
/// Days on which the window is told, besides the last one.
const WINDOWS: [u64; 3] = [30, 100, 365];
/// By how much a frequency is off, for how long that stays unseen.
const OFF: [f64; 3] = [0.05, 0.1, 0.2];

/// What the document of a repeated market holds besides what all documents do. Money is per day.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SeasonPart<F, C> {
    /// The main numbers.
    pub summary: SeasonSummary,
    /// What can be expected of a day by the market's own accounts; null if there is no day.
    pub expected: Option<C>,
    /// One row per public signal.
    pub signals: Vec<SignalRow<C>>,
    /// One row per player; null if there are more than 1000 (see `tables`).
    pub players: Option<Vec<SeasonPlayerRow>>,
    /// One row per day of the season; null if there are more than 400 (see `tables`).
    pub days: Option<Vec<DayRow<F>>>,
    /// Laws that were made from a named family or from data.
    pub discretised: Vec<DiscretisedRow>,
}

/// The part of a scenario's document.
pub type PartOf<R> = SeasonPart<<R as Repeated>::Facts, <R as Repeated>::Condition>;

/// The main numbers of a repeated market; money per day.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SeasonSummary {
    /// Number of players.
    pub players: usize,
    /// Number of types of every player.
    pub types: Vec<usize>,
    /// Number of public signals.
    pub signals: usize,
    /// Days of the season.
    pub days: u64,
    /// Whether bids are committed to before any is opened.
    pub sealed: bool,
    /// The tests and penalties.
    pub terms: TermsRow,
    /// W*: values less the planner's cost, expected by the reported laws, everybody honest.
    pub welfare: f64,
    /// What the players together are given for their laws: the sum of W* - W*_{-i}.
    pub given: f64,
    /// What the planner keeps on average, W* less that; negative: it pays.
    pub surplus: f64,
    /// Whether no player is expected to lose.
    pub individually_rational: bool,
    /// The same numbers as they came out in the season.
    pub season: SeasonTotals,
}

/// What came out in a season, money per day.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SeasonTotals {
    /// Whether all players reported their laws and bid their types.
    pub honest: bool,
    /// True values less the planner's cost.
    pub welfare: f64,
    /// The planner's own cost.
    pub cost: f64,
    /// Payments of all players without penalties; negative: they receive.
    pub payment: f64,
    /// Penalties of all players.
    pub penalty: f64,
    /// What the planner keeps: payments and penalties less its cost.
    pub budget: f64,
    /// Players who were ever flagged.
    pub flagged_players: usize,
    /// Flagged days of all players together.
    pub flagged_days: u64,
}

/// The tests and penalties.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct TermsRow {
    /// `printed`, `union-bound` or `iterated-logarithm`.
    pub window: &'static str,
    /// The window's gamma; null if it has none.
    pub gamma: Option<f64>,
    /// An honest player is ever flagged with at most this probability; null if nothing is promised.
    pub false_alarm: Option<f64>,
    /// On the first so many days nobody is flagged.
    pub burn_in: u64,
    /// A flagged day costs `penalty_scale * day^penalty_power`.
    pub penalty_scale: f64,
    /// The power.
    pub penalty_power: f64,
    /// Whether every pair of players is tested.
    pub pairwise: bool,
    /// Bins of the others' sum, if it is tested.
    pub bins: Option<usize>,
}

/// Days with one public signal; money per day.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SignalRow<C> {
    /// The signal.
    pub name: String,
    /// Share of the days that are expected to have it.
    pub share: f64,
    /// Days that had it in the season.
    pub days: u64,
    /// W* on these days.
    pub welfare: f64,
    /// What players are given for their laws.
    pub given: f64,
    /// The market's own accounts; null if no day has the signal.
    pub expected: Option<C>,
}

/// One player; money per day.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SeasonPlayerRow {
    /// The player.
    pub name: String,
    /// How she bids, in words.
    pub bidding: String,
    /// Whether she reports her laws and bids her types.
    pub honest: bool,
    /// The law that she reports.
    pub law: LawRow,
    /// W* - W*_{-i}: what honesty is expected to bring her.
    pub contribution: f64,
    /// What decisions are expected to be worth to her, nu_i.
    pub expected_value: f64,
    /// What she pays for her law, also what she is expected to pay in all; negative: she receives.
    pub first_payment: f64,
    /// Whether she is not expected to lose.
    pub individually_rational: bool,
    /// The window on some days.
    pub windows: Vec<WindowRow>,
    /// How long lies stay unseen.
    pub detection: Vec<Detection>,
    /// What decisions were truly worth to her in the season.
    pub valuation: f64,
    /// What she paid in the season, without penalties; negative: she received.
    pub payment: f64,
    /// Her penalties.
    pub penalty: f64,
    /// `valuation` less `payment` and `penalty`.
    pub utility: f64,
    /// What she would have had with honest bids on the same days, by the reported laws.
    pub honest_utility: f64,
    /// Days on which she bid something else than her type.
    pub lies: u64,
    /// Days on which she was flagged.
    pub flagged: u64,
    /// The first of them, from 1.
    pub first_flagged: Option<u64>,
    /// Flagged days by test.
    pub flagged_by: FlagCounts,
    /// Bids of types that have probability 0 in her law.
    pub impossible_bids: u64,
}

/// A reported law.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LawRow {
    /// The types.
    pub types: Vec<String>,
    /// Probabilities by signal and type; one list if they do not depend on the signal.
    pub probabilities: Vec<Vec<f64>>,
    /// Mean over the days that are expected; null if types are no numbers.
    pub mean: Option<f64>,
    /// Variance; null if types are no numbers.
    pub variance: Option<f64>,
}

/// The window on a day.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct WindowRow {
    /// The day, from 1.
    pub day: u64,
    /// A frequency that is off by at least this is flagged.
    pub width: f64,
}

/// How long a lie stays unseen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Detection {
    /// By how much the frequency of a bid is off, on every day.
    pub off: f64,
    /// The first day on which that is flagged; null: never.
    pub day: Option<u64>,
}

/// One day of the season; money of the day.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DayRow<F> {
    /// The day, from 1.
    pub day: u64,
    /// Its public signal.
    pub signal: String,
    /// What the market remembers.
    #[serde(flatten)]
    pub facts: F,
    /// True values less the planner's cost.
    pub welfare: f64,
    /// The planner's own cost.
    pub cost: f64,
    /// Payments of all players without penalties.
    pub payment: f64,
    /// Penalties of all players.
    pub penalty: f64,
    /// How many players are flagged.
    pub flagged: usize,
}

/// A law that was made from a family or from data.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DiscretisedRow {
    /// Whose.
    pub whose: String,
    /// The family in words.
    pub family: String,
    /// Number of types.
    pub types: usize,
    /// Mean that was asked for.
    pub mean_asked: Option<f64>,
    /// Variance that was asked for.
    pub variance_asked: Option<f64>,
    /// Mean of the types.
    pub mean: f64,
    /// Variance of the types.
    pub variance: f64,
}

impl TermsRow {
    /// In numbers.
    pub fn of(terms: &Terms) -> Self {
        let (window, gamma) = match terms.window {
            Window::Printed { gamma } => ("printed", Some(gamma)),
            Window::UnionBound { gamma, .. } => ("union-bound", Some(gamma)),
            Window::IteratedLogarithm { .. } => ("iterated-logarithm", None),
        };
        Self {
            window,
            gamma,
            false_alarm: terms.window.false_alarm(),
            burn_in: terms.burn_in,
            penalty_scale: terms.penalty.scale,
            penalty_power: terms.penalty.power,
            pairwise: terms.pairwise,
            bins: terms.bins,
        }
    }
}

impl From<&Discretised> for DiscretisedRow {
    fn from(of: &Discretised) -> Self {
        let ([mean_asked, variance_asked], [mean, variance]) = (of.asked.map(finite), of.obtained);
        let (whose, family) = (of.whose.clone(), of.family.clone());
        Self { whose, family, types: of.types, mean_asked, variance_asked, mean, variance }
    }
}

/// A player is not said to lose what rounding left.
fn loses(contribution: f64, size: f64) -> bool {
    contribution < -1e-9 * size.abs().max(contribution.abs())
}

impl<R: Repeated> SeasonResult<'_, R> {
    /// The document, with what an audit found if one was run.
    pub fn document(&self, audit: Option<AuditReport>) -> Document<PartOf<R>> {
        let (players, days) = (self.players(), self.course.days.len());
        let part = SeasonPart {
            summary: self.summary(),
            expected: self.condition(None),
            signals: (0..self.of.market().signals()).map(|w| self.signal_row(w)).collect(),
            players: (players <= MOST_INLINE).then(|| (0..players).map(|i| self.player_row(i)).collect()),
            days: (days <= MOST_DAYS).then(|| (0..days).map(|l| self.day_row(l)).collect()),
            discretised: self.of.season().discretised.iter().map(DiscretisedRow::from).collect(),
        };
        let mut warnings = self.scenario.warnings.clone();
        warnings.extend(notes::warnings(self));
        Document {
            head: Head::of(self.scenario, R::MECHANISM, self.scenario.seed),
            part,
            tables: Vec::new(),
            pictures: Vec::new(),
            notes: notes::sentences(self),
            audit,
            warnings,
        }
    }

    /// The main numbers.
    pub fn summary(&self) -> SeasonSummary {
        let spec = self.of.season();
        let given = self.promise.given();
        SeasonSummary {
            players: self.players(),
            types: self.of.market().types().to_vec(),
            signals: self.of.market().signals(),
            days: spec.days,
            sealed: spec.sealed,
            terms: TermsRow::of(&spec.terms),
            welfare: self.promise.welfare,
            given,
            surplus: self.promise.welfare - given,
            individually_rational: (0..self.players()).all(|i| self.is_rational(i)),
            season: self.totals(),
        }
    }

    fn totals(&self) -> SeasonTotals {
        let (course, totals) = (&self.course, self.season.totals());
        let (cost, payment) = (course.mean(|day| day.cost), course.mean(|day| day.payment));
        let penalty = course.mean(|day| day.penalty);
        SeasonTotals {
            honest: (0..self.players()).all(|i| is_honest(self.of, i)),
            welfare: course.mean(|day| day.valuation) - cost,
            cost,
            payment,
            penalty,
            budget: payment + penalty - cost,
            flagged_players: totals.flagged.iter().filter(|days| **days > 0).count(),
            flagged_days: totals.flagged.iter().sum(),
        }
    }

    fn is_rational(&self, player: AgentId) -> bool {
        !loses(self.promise.contribution[player], self.promise.welfare)
    }

    fn signal_row(&self, signal: usize) -> SignalRow<R::Condition> {
        let (share, promise) = &self.by_signal[signal];
        SignalRow {
            name: self.of.season().signals[signal].clone(),
            share: *share,
            days: self.course.days.iter().filter(|day| day.signal == signal).count() as u64,
            welfare: promise.welfare,
            given: promise.given(),
            expected: self.condition(Some(signal)),
        }
    }

    /// The law that a player reports.
    fn law_row(&self, player: AgentId) -> LawRow {
        let spec = self.of.season();
        let law = |w: usize| spec.reports.law(player, w);
        let signals = self.of.market().signals();
        let same = (1..signals).all(|w| law(w) == law(0));
        let told = if same { 1 } else { signals };
        // Over all signals, by their shares.
        let mean = |of: &dyn Fn(f64) -> f64| -> Option<f64> {
            self.of.number(player, 0)?;
            let one = |law: &Law| law.mean(|t| self.of.number(player, t).map_or(f64::NAN, of));
            Some(self.by_signal.iter().enumerate().map(|(w, (share, _))| share * one(law(w))).sum())
        };
        let middle = mean(&|x| x);
        LawRow {
            types: spec.types[player].clone(),
            probabilities: (0..told).map(|w| law(w).probabilities().to_vec()).collect(),
            mean: middle,
            variance: middle.and_then(|m| mean(&|x| (x - m) * (x - m))),
        }
    }

    /// One player's row.
    pub fn player_row(&self, player: AgentId) -> SeasonPlayerRow {
        let (i, spec, totals) = (player, self.of.season(), self.season.totals());
        let days = self.course.days.len().max(1) as f64;
        let threshold = self.season.tests().threshold(i);
        let told = WINDOWS.into_iter().filter(|day| *day < spec.days).chain([spec.days]);
        let speaks = (spec.terms.burn_in + 1).max(spec.terms.window.first_day());
        let detection =
            OFF.map(|off| Detection { off, day: threshold.detection(off).map(|day| day.max(speaks)) });
        let [valuation, payment, penalty] =
            [self.valuation[i], totals.payment[i], totals.penalty[i]].map(|sum| sum / days);
        SeasonPlayerRow {
            name: spec.players[i].clone(),
            bidding: notes::bidding_words(spec, i),
            honest: is_honest(self.of, i),
            law: self.law_row(i),
            contribution: self.promise.contribution[i],
            expected_value: self.promise.expected[i],
            first_payment: self.promise.expected[i] - self.promise.contribution[i],
            individually_rational: self.is_rational(i),
            windows: told.map(|day| WindowRow { day, width: threshold.window(day) }).collect(),
            detection: detection.into(),
            valuation,
            payment,
            penalty,
            utility: valuation - payment - penalty,
            honest_utility: self.course.contribution[i] / days,
            lies: self.lies[i],
            flagged: totals.flagged[i],
            first_flagged: totals.first_flagged[i],
            flagged_by: self.course.by_test[i],
            impossible_bids: self.season.tests().impossible()[i],
        }
    }

    /// One day's row, counted from 0.
    pub fn day_row(&self, day: usize) -> DayRow<R::Facts> {
        let of = &self.course.days[day];
        DayRow {
            day: day as u64 + 1,
            signal: self.of.season().signals[of.signal].clone(),
            facts: of.facts.clone(),
            welfare: of.valuation - of.cost,
            cost: of.cost,
            payment: of.payment,
            penalty: of.penalty,
            flagged: of.flagged,
        }
    }
}
