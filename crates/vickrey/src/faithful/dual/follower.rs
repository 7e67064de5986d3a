//! The follower's side: what the protocol asks her to compute. She remembers nothing between rounds.

use super::cost::{Cost, Local};
use super::letters::{Answer, Decision, Prices, Values};
use super::model::Follower;
use crate::mechanism::AgentId;

/// A follower: what is public of her, and her private cost.
#[derive(Clone, Copy, Debug)]
pub struct Faithful<'a> {
    /// Her number.
    pub agent: AgentId,
    /// Public.
    pub public: &'a Follower,
    /// Private.
    pub cost: &'a Cost,
}

impl Faithful<'_> {
    /// The best answer to every price: argmin of v(z) + price'R z, in shared questions plus rho |R z - s|^2/2. Where the
    /// cost falls without end the answer is no number.
    pub fn answer(&self, letter: &Prices) -> Answer {
        let round = &*letter.round;
        let (m, n) = (round.couplings, self.public.decisions());
        let mut answer = Answer::default();
        let (mut shares, mut probes) = (letter.shares.chunks(m), letter.probes.chunks(n));
        for (question, prices) in round.asked(self.agent) {
            let share = if question.shared { shares.next() } else { None };
            for price in prices.chunks_exact(m) {
                let z = self.respond(price, share.map(|s| (round.rho, s)));
                answer.value.push(self.cost.value(&z));
                if round.sensitivities {
                    answer.sensitivity.extend(self.sensitivity(&z));
                }
                answer.z.extend(z);
            }
            if question.probed {
                answer.probed.push(probes.next().map_or(f64::NAN, |z| self.cost.value(z)));
            }
        }
        answer
    }

    /// zhat_i at one price.
    pub fn respond(&self, price: &[f64], share: Option<(f64, &[f64])>) -> Vec<f64> {
        let n = self.public.decisions();
        let mut slope = self.public.charge(price);
        let mut curvature = None;
        if let Some((rho, share)) = share {
            let pull = self.public.charge(share);
            slope.iter_mut().zip(pull).for_each(|(s, p)| *s -= rho * p);
            let mut bend = vec![0.0; n * n];
            for row in self.public.coupling.chunks_exact(n) {
                (0..n * n).for_each(|k| bend[k] += rho * row[k / n] * row[k % n]);
            }
            curvature = Some(bend);
        }
        let ask = Local {
            slope: &slope,
            curvature: curvature.as_deref(),
            low: &self.public.low,
            high: &self.public.high,
        };
        self.cost.answer(ask).unwrap_or_else(|_| vec![f64::NAN; n])
    }

    /// R J R': how what she uses falls when the price rises, the lower triangle row by row.
    pub fn sensitivity(&self, z: &[f64]) -> Vec<f64> {
        let n = z.len();
        let inverse = self.cost.sensitivity(z, &self.public.low, &self.public.high);
        let rows: Vec<&[f64]> = self.public.coupling.chunks_exact(n).collect();
        let mut packed = Vec::with_capacity(rows.len() * (rows.len() + 1) / 2);
        for (r, row) in rows.iter().enumerate() {
            let bent: Vec<f64> = (0..n).map(|c| (0..n).map(|k| row[k] * inverse[k * n + c]).sum()).collect();
            packed.extend(
                rows[..=r].iter().map(|other| bent.iter().zip(*other).map(|(x, y)| x * y).sum::<f64>()),
            );
        }
        packed
    }

    /// What the decision costs her.
    pub fn values(&self, decision: &Decision) -> Values {
        Values {
            value: self.cost.value(&decision.z),
            without: decision.without.iter().map(|(_, z)| self.cost.value(z)).collect(),
        }
    }
}
