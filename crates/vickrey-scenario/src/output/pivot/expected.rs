//! What can be expected period by period: the probabilities of all joint states, moved forward.

use vickrey::pivot::Model;
use vickrey::pivot::model::Horizon;
use vickrey::pivot::solve::product::{Product, Tables};

use super::start::Start;

/// Up to so many operations.
const MOST_WORK: f64 = 2e9;
/// An infinite horizon is followed until what comes later counts less than this.
const LATER: f64 = 1e-13;

/// Expected amounts, discounted to the start.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Forecast {
    /// Payment of every player over the whole game.
    pub payment: Vec<f64>,
    /// What decisions and the end are worth to every player.
    pub valuation: Vec<f64>,
    /// What they are worth to the public.
    pub public: f64,
    /// Probability of every decision, by period; of infinite horizons the periods that are followed.
    pub decisions: Vec<Vec<f64>>,
}

impl Forecast {
    /// Follows the probabilities of all joint states from the start on, under truthful reports. None if that takes too
    /// long, or only the values of the first periods were kept.
    pub fn of(product: &Product, start: &Start) -> Option<Self> {
        let (model, space) = (product.model(), product.space());
        let steps = match model.horizon() {
            Horizon::Finite(periods) => periods,
            Horizon::Infinite => (LATER.ln() / model.discount().ln()).ceil() as usize,
        };
        let axes = space.types.iter().sum::<usize>() + space.publics.min(8) + model.players();
        let work = steps as f64 * model.decisions() as f64 * space.size_in_words() * axes as f64;
        let kept = model.periods().is_none_or(|periods| product.periods() == periods);
        if work > MOST_WORK || !kept || !start.complete {
            return None;
        }
        let mut chances = vec![0.0; space.size()];
        start.states.iter().for_each(|(state, weight)| chances[space.index(state)] += weight);
        let players = model.players();
        let mut found =
            Self { payment: vec![0.0; players], valuation: vec![0.0; players], ..Self::default() };
        let (mut weight, mut tables) = (1.0, None);
        for t in 0..steps {
            if tables.is_none() || model.periods().is_some() {
                tables = Some(product.tables(t));
            }
            if let Some(tables) = &tables {
                chances = found.step(product, t, weight, &chances, tables);
            }
            weight *= model.discount();
        }
        if model.periods().is_some() {
            found.end(product, weight, &chances);
        }
        Some(found)
    }

    /// Adds what one period brings, and answers the probabilities in the next.
    fn step(
        &mut self,
        product: &Product,
        period: usize,
        weight: f64,
        chances: &[f64],
        tables: &Tables,
    ) -> Vec<f64> {
        let (model, space) = (product.model(), product.space());
        let block = space.block();
        for (sum, payment) in self.payment.iter_mut().zip(&tables.payment) {
            *sum += weight * chances.iter().zip(payment).map(|(p, x)| p * x).sum::<f64>();
        }
        let mut next = vec![0.0; chances.len()];
        let mut often = vec![0.0; model.decisions()];
        for (decision, often) in often.iter_mut().enumerate() {
            for public in 0..space.publics {
                let here = public * block..(public + 1) * block;
                let outcomes = model.probabilities(period, public).iter().zip(&tables.decision);
                let mut mass = vec![0.0; block];
                for (mu, taken) in outcomes {
                    let places = taken[here.clone()].iter().zip(&chances[here.clone()]).zip(&mut mass);
                    places
                        .filter(|((a, _), _)| usize::from(**a) == decision)
                        .for_each(|((_, p), m)| *m += mu * p);
                }
                let all: f64 = mass.iter().sum();
                if all == 0.0 {
                    continue;
                }
                *often += all;
                self.worth(model, (period, decision, public), weight, &mass, &space.types);
                let mass = moved(model, (period, decision, public), mass, &space.types);
                for &(to, q) in model.public().moves.at(period, decision, public) {
                    let target = &mut next[to * block..(to + 1) * block];
                    target.iter_mut().zip(&mass).for_each(|(x, m)| *x += q * m);
                }
            }
        }
        self.decisions.push(often);
        next
    }

    /// Adds what a decision is worth, for the probabilities of the joint types in which it is taken.
    fn worth(
        &mut self,
        model: &Model,
        (period, decision, public): (usize, usize, usize),
        weight: f64,
        mass: &[f64],
        types: &[usize],
    ) {
        for (i, sum) in self.valuation.iter_mut().enumerate() {
            let own = model.player(i).utility.at(period, decision, public);
            *sum += weight * marginal(mass, types, i).iter().zip(own).map(|(p, v)| p * v).sum::<f64>();
        }
        let w = model.public().utility.at(period, decision, public);
        self.public += weight * w * mass.iter().sum::<f64>();
    }

    /// Adds what the end is worth.
    fn end(&mut self, product: &Product, weight: f64, chances: &[f64]) {
        let (model, space) = (product.model(), product.space());
        for (public, mass) in chances.chunks(space.block()).enumerate() {
            for (i, sum) in self.valuation.iter_mut().enumerate() {
                let Some(terminal) = &model.player(i).terminal else { continue };
                let own = terminal.at(0, 0, public);
                *sum +=
                    weight * marginal(mass, &space.types, i).iter().zip(own).map(|(p, v)| p * v).sum::<f64>();
            }
            let terminal = model.public().terminal.get(public).copied().unwrap_or(0.0);
            self.public += weight * terminal * mass.iter().sum::<f64>();
        }
    }
}

/// Probabilities of one player's types.
fn marginal(mass: &[f64], types: &[usize], player: usize) -> Vec<f64> {
    let inner: usize = types[player + 1..].iter().product();
    let mut sums = vec![0.0; types[player]];
    for (k, chunk) in mass.chunks(inner).enumerate() {
        sums[k % types[player]] += chunk.iter().sum::<f64>();
    }
    sums
}

/// The probabilities of joint types after everybody's type has moved.
fn moved(
    model: &Model,
    (period, decision, public): (usize, usize, usize),
    mut mass: Vec<f64>,
    types: &[usize],
) -> Vec<f64> {
    for (i, &n) in types.iter().enumerate() {
        let kernel = model.player(i).moves.at(period, decision, public);
        let inner: usize = types[i + 1..].iter().product();
        let mut next = vec![0.0; mass.len()];
        for (from, to) in mass.chunks(n * inner).zip(next.chunks_mut(n * inner)) {
            for (k, source) in from.chunks(inner).enumerate() {
                for (q, target) in kernel.row(k).iter().zip(to.chunks_mut(inner)).filter(|(q, _)| **q > 0.0) {
                    target.iter_mut().zip(source).for_each(|(x, m)| *x += q * m);
                }
            }
        }
        mass = next;
    }
    mass
}
