//! What a player reports who knows the outcome before she reports.

use std::collections::BTreeMap;

use super::Game;
use crate::mechanism::AgentId;
use crate::pivot::mode::PaymentTime;
use crate::pivot::solve::State;
use crate::pivot::solve::product::Product;
use crate::pivot::strategies::Lie;
use crate::pivot::varying::Varying;
use crate::simulate::run_seed;

/// Games in which it is seen what the others report.
const GAMES: u64 = 200;
/// These games have other seeds than those that are played.
const APART: u64 = 1 << 40;
/// Most entries of the table of reports.
const MOST: usize = 1 << 24;
/// Reports whose worth differs by less than this part are ties; the truth wins them.
const TIE: f64 = 1e-9;

/// What the others reported, and in what public state: by period (0 if the game has no end).
type Seen = BTreeMap<(usize, usize), BTreeMap<Vec<usize>, u32>>;

/// The lie of a player who knows the outcome: in every period, public state and outcome the report that is worth most on
/// average over what truthful others were seen to report there in 200 games, if she tells the truth from the next period
/// on. Where nobody was seen she tells the truth.
///
/// None: values of all joint states are not known, or the table would be too large.
pub fn informed(game: &Game, player: AgentId, seed: u64) -> Option<Lie> {
    let product = game.mechanism().solution().product()?;
    let model = product.model();
    let slices = if model.periods().is_some() { game.mechanism().terms().periods } else { 1 };
    let (outcomes, publics, types) = (model.outcomes(), model.public().states, model.player(player).types);
    if slices.saturating_mul(outcomes).saturating_mul(publics).saturating_mul(types) > MOST {
        return None;
    }
    let truth: Vec<usize> = (0..types).collect();
    let mut table = BTreeMap::new();
    for (&(slice, public), others) in &seen(game, player, seed, slices) {
        let question = Question { product, player, time: game.mechanism().terms().payment };
        for (outcome, best) in question.best(slice, public, others).into_iter().enumerate() {
            table.insert((slice, outcome, public), best);
        }
    }
    let report = |t, z, s| table.remove(&(t, z, s)).unwrap_or_else(|| truth.clone());
    let informed = Varying::from_fn([slices, outcomes, publics], report);
    Some(Lie { informed: Some(informed), ..Lie::default() })
}

/// What the others of a player report in truthful games.
fn seen(game: &Game, player: AgentId, seed: u64, slices: usize) -> Seen {
    let mut seen = Seen::new();
    for k in 0..GAMES {
        // Games of truthful players end: nobody leaves.
        let _ = game.walk(&[], run_seed(seed, APART + k), |nature, _, _, _| {
            let mut others = nature.types.clone();
            others.remove(player);
            let place = seen.entry((nature.period.min(slices - 1), nature.public)).or_default();
            *place.entry(others).or_default() += 1;
        });
    }
    seen
}

struct Question<'a> {
    product: &'a Product,
    player: AgentId,
    time: PaymentTime,
}

impl Question<'_> {
    /// The best reports by outcome and true type, against others who report so.
    fn best(&self, period: usize, public: usize, others: &BTreeMap<Vec<usize>, u32>) -> Vec<Vec<usize>> {
        let model = self.product.model();
        let types = model.player(self.player).types;
        let mut worth = vec![vec![vec![0.0; types]; types]; model.outcomes()];
        let mut size = 0.0_f64;
        for (rest, &count) in others {
            let state = |own: usize| {
                let mut types = rest.clone();
                types.insert(self.player, own);
                State { public, types }
            };
            let rulings: Vec<_> = (0..types).map(|own| self.product.ruling(period, &state(own))).collect();
            for own in 0..types {
                let choices = self.product.worth_of_decisions(period, &state(own));
                for (z, worth) in worth.iter_mut().enumerate() {
                    for (report, ruling) in rulings.iter().enumerate() {
                        let paid = match self.time {
                            PaymentTime::BeforeOutcome => ruling.payment[self.player],
                            PaymentTime::OutcomeContingent => ruling.contingent[z][self.player],
                        };
                        // v + delta E V of the next period is what the decision is worth to everybody less what it is
                        // worth to the others.
                        let a = ruling.decision[z];
                        let gross = choices[0][a] - choices[1 + self.player][a];
                        worth[own][report] += f64::from(count) * (gross - paid);
                        size = size.max(gross.abs().max(paid.abs()) * f64::from(count));
                    }
                }
            }
        }
        let pick = |own: usize, worth: &[f64]| {
            let best = (0..types).max_by(|&x, &y| worth[x].total_cmp(&worth[y])).unwrap_or(own);
            if worth[best] > worth[own] + TIE * size { best } else { own }
        };
        worth.iter().map(|by| by.iter().enumerate().map(|(own, worth)| pick(own, worth)).collect()).collect()
    }
}
