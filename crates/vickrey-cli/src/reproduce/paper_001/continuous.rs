//! What figures 2 and 4 would show with continuous types: expectations by quadrature over the laws themselves.

use vickrey::numeric::gauss::adaptive;

use super::worked;
use crate::reproduce::Row;

/// The law of a number from 0 on with mean 1 and variance 2, as an image of numbers between 0 and 1.
#[derive(Clone, Copy)]
enum Continuous {
    /// Beta of the second kind, a = 2 and b = 3: y/(1 - y) with y of the beta law with density 12 y (1 - y)².
    BetaPrime,
    /// 10 y with y of the beta law with a = 0.35 and b = 3.15.
    UpToTen,
}

/// a of the beta law on 0 to 10; b = 9 a.
const A: f64 = 0.35;

impl Continuous {
    /// Expectation of a function of delta that has a kink at `kink`.
    fn mean(self, kink: f64, of: &dyn Fn(f64) -> f64) -> f64 {
        match self {
            Self::BetaPrime => adaptive(&[kink / (1.0 + kink)], 0.0, 1.0, &|y| {
                12.0 * y * (1.0 - y).powi(2) * of(y / (1.0 - y))
            }),
            // y = z^(1/a) takes the pole at 0 away: y^(a - 1) dy = dz/a. The constant is the beta function's.
            Self::UpToTen => {
                let density = |z: f64| (1.0 - z.powf(1.0 / A)).powf(9.0 * A - 1.0);
                let integral = |of: &dyn Fn(f64) -> f64| {
                    let term = |z: f64| density(z) * of(10.0 * z.powf(1.0 / A));
                    adaptive(&[(kink / 10.0).powf(A)], 0.0, 1.0, &term)
                };
                integral(of) / integral(&|_| 1.0)
            }
        }
    }

    /// Expected social cost of `n` providers and a reserve of this law, d = 1: half the integral of E[exp(-t/delta)]^(n+1)
    /// over t, by the trapezoid rule in ln t, which is exact for such integrands whatever the law.
    fn social_cost(self, n: i32) -> f64 {
        // Beyond these, what is left out is below the fifteenth digit: t dt before, 24²/t^5 or less dt behind.
        let nodes = (-160..=36).map(|k| (f64::from(k) / 4.0).exp());
        let term = |t: f64| t * self.mean(t, &|delta| (-t / delta).exp()).powi(n + 1);
        nodes.map(term).sum::<f64>() / 8.0
    }

    /// Expected social cost of a posted price for `n` providers who curtail p/delta, at most all of d = 1; the reserve
    /// covers the rest.
    fn posted(self, n: f64, p: f64) -> f64 {
        let curtailed = |delta: f64| (p / delta).min(1.0);
        let one = self.mean(p, &curtailed);
        let square = self.mean(p, &|delta| curtailed(delta).powi(2));
        let own = self.mean(p, &|delta| delta * curtailed(delta).powi(2) / 2.0);
        n * own + (n * (square - one * one) + (1.0 - n * one).powi(2)) / 2.0
    }
}

/// Where a function with one minimum has it, by golden section, and its value there.
fn least(mut low: f64, mut high: f64, of: &dyn Fn(f64) -> f64) -> (f64, f64) {
    let golden = (5.0_f64.sqrt() - 1.0) / 2.0;
    while high - low > 1e-7 {
        let [one, other] = [high - golden * (high - low), low + golden * (high - low)];
        if of(one) < of(other) { high = other } else { low = one }
    }
    let at = (low + high) / 2.0;
    (at, of(at))
}

/// All of them.
pub fn rows() -> Vec<Row> {
    let known = [
        (Continuous::BetaPrime, "", 1, 0.163_739_356_7),
        (Continuous::BetaPrime, "", 5, 0.038_360_693_5),
        (Continuous::BetaPrime, "", 10, 0.018_758_227_5),
        (Continuous::BetaPrime, "", 20, 0.009_092_617_0),
        (Continuous::UpToTen, ", betas on 0 to 10", 1, 0.114_372_397_6),
        (Continuous::UpToTen, ", betas on 0 to 10", 10, 0.001_868_626_3),
    ];
    let mut rows: Vec<Row> = known
        .into_iter()
        .map(|(law, words, n, known)| {
            let what = format!("figure 2 with continuous types{words}, social cost with {n} providers");
            worked(&what, known, law.social_cost(n), super::curves::TEN)
        })
        .collect();
    let (price, cost) = least(0.0, 0.2, &|p| Continuous::BetaPrime.posted(10.0, p));
    // The references have four decimals; the cost is flat where it is least, its price so much less sure.
    rows.push(worked("figure 4 with continuous types, at most d curtailed: p*", 0.0298, price, 1e-4));
    rows.push(worked("figure 4 with continuous types, at most d curtailed: SC*", 0.0970, cost, 6e-5));
    rows
}
