//! What is refused about an agent, and in which words.

use super::model::{FieldError, LARGEST, MOST_STATES, ModelError, Parameters, ScalarColumns, Series};

/// Largest share of a matrix's size that counts as rounding in symmetry and definiteness.
const ROUNDING: f64 = 1e-12;

/// Everything that is wrong with an agent, whatever the number of periods.
pub(super) fn problems(p: &Parameters) -> Vec<FieldError> {
    let mut desk = Desk { states: p.states, found: Vec::new() };
    if !(1..=MOST_STATES).contains(&p.states) {
        desk.say("states", None, p.states.to_string(), format!("a whole number from 1 to {MOST_STATES}"));
        return desk.found;
    }
    let d = p.states;
    desk.series("a", &p.a, d * d, Sign::Any);
    desk.series("b", &p.b, d, Sign::Any);
    desk.series("q", &p.q, d * d, Sign::NoPositiveDirection);
    desk.series("r", &p.r, 1, Sign::Negative);
    if p.r.is_absent() {
        desk.say("r", None, "nothing".into(), "a negative number".into());
    }
    desk.series("linear", &p.linear, 1, Sign::Any);
    desk.series("state-linear", &p.state_linear, d, Sign::Any);
    desk.series("reference", &p.reference, d, Sign::Any);
    desk.vector("terminal-q", &p.terminal_q, d * d, Sign::NoPositiveDirection);
    desk.vector("terminal-reference", &p.terminal_reference, d, Sign::Any);
    desk.vector("start", &p.start, d, Sign::Any);
    desk.vector("start-noise", &p.start_noise, d * d, Sign::NoNegativeDirection);
    desk.series("noise", &p.noise, d * d, Sign::NoNegativeDirection);
    if !p.loadings.len().is_multiple_of(d) {
        let accepted = format!("{d} numbers for each factor");
        desk.say("loadings", None, format!("{} numbers", p.loadings.len()), accepted);
    }
    desk.vector("loadings", &p.loadings, p.loadings.len(), Sign::Any);
    if let Some(observation) = &p.observation {
        desk.vector("observation", &observation.gain, d, Sign::Any);
        if observation.gain.len() != d {
            desk.say("observation", None, format!("{} numbers", observation.gain.len()), numbers(d));
        }
        let exact = d == 1 && observation.gain.first().is_some_and(|c| *c != 0.0);
        let noise = observation.noise;
        let fine = noise > 0.0 || (noise == 0.0 && exact);
        if !(fine && noise <= LARGEST) {
            let accepted =
                "a positive variance of size at most 1e12; zero only for one state that is measured";
            desk.say("observation-noise", None, noise.to_string(), accepted.into());
        }
    }
    if p.observation.is_some() && p.loadings.iter().any(|x| *x != 0.0) {
        let accepted =
            "no loadings for an agent with an observation: its updates would mix factors over time";
        desk.say("loadings", None, "loadings and an observation".into(), accepted.into());
    }
    desk.found
}

/// A series whose rows do not fit the number of periods.
pub(super) fn rows_problem(p: &Parameters, periods: usize) -> Option<FieldError> {
    let all: [(&'static str, &Series); 8] = [
        ("a", &p.a),
        ("b", &p.b),
        ("q", &p.q),
        ("r", &p.r),
        ("linear", &p.linear),
        ("state-linear", &p.state_linear),
        ("reference", &p.reference),
        ("noise", &p.noise),
    ];
    let wrong = all.into_iter().find(|(_, series)| series.rows().len() > 1 && series.rows().len() != periods);
    wrong.map(|(field, series)| FieldError {
        field,
        period: None,
        found: format!("{} rows", series.rows().len()),
        accepted: format!("one row, or one for each of the {periods} periods"),
    })
}

/// The first number of the columns that cannot be used.
pub(super) fn columns_problem(columns: &ScalarColumns) -> Result<(), ModelError> {
    let agents = columns.a.len();
    let all: [(&'static str, &[f64], Sign, bool); 8] = [
        ("a", &columns.a, Sign::Any, true),
        ("b", &columns.b, Sign::Any, true),
        ("q", &columns.q, Sign::NoPositiveDirection, true),
        ("r", &columns.r, Sign::Negative, true),
        ("linear", &columns.linear, Sign::Any, false),
        ("start", &columns.start, Sign::Any, false),
        ("start-noise", &columns.start_noise, Sign::NoNegativeDirection, false),
        ("noise", &columns.noise, Sign::NoNegativeDirection, false),
    ];
    for (field, values, sign, required) in all {
        let fail = |agent, found, accepted| {
            let source = FieldError { field, period: None, found, accepted };
            Err(ModelError::Agent { agent, source })
        };
        if values.len() != agents && (required || !values.is_empty()) {
            let accepted = format!("one for each of the {agents} agents");
            return fail(values.len().min(agents), format!("{} numbers", values.len()), accepted);
        }
        if let Some(agent) = values.iter().position(|&x| !sign.takes(x)) {
            return fail(agent, values[agent].to_string(), sign.words(1));
        }
    }
    Ok(())
}

/// What a number, or a matrix, may be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sign {
    Any,
    Negative,
    NoPositiveDirection,
    NoNegativeDirection,
}

impl Sign {
    fn takes(self, x: f64) -> bool {
        x.abs() <= LARGEST
            && match self {
                Self::Any => true,
                Self::Negative => x < 0.0,
                Self::NoPositiveDirection => x <= 0.0,
                Self::NoNegativeDirection => x >= 0.0,
            }
    }

    fn words(self, states: usize) -> String {
        match (self, states) {
            (Self::Any, _) => "finite numbers of size at most 1e12",
            (Self::Negative, _) => "a negative number of size at most 1e12",
            (Self::NoPositiveDirection, 1) => "a number from -1e12 to 0",
            (Self::NoNegativeDirection, 1) => "a variance from 0 to 1e12",
            (Self::NoPositiveDirection, _) => {
                "a symmetric matrix without positive eigenvalues, entries up to 1e12"
            }
            (Self::NoNegativeDirection, _) => {
                "a covariance (symmetric, no negative eigenvalue), entries up to 1e12"
            }
        }
        .into()
    }

    /// Whether a matrix of several states is of this sign.
    fn takes_matrix(self, states: usize, entries: &[f64]) -> bool {
        let factor = match self {
            Self::NoPositiveDirection => -1.0,
            Self::NoNegativeDirection => 1.0,
            _ => return true,
        };
        is_semidefinite(states, entries, factor)
    }
}

fn numbers(count: usize) -> String {
    if count == 1 { "one number".into() } else { format!("{count} numbers") }
}

struct Desk {
    states: usize,
    found: Vec<FieldError>,
}

impl Desk {
    fn say(&mut self, field: &'static str, period: Option<usize>, found: String, accepted: String) {
        self.found.push(FieldError { field, period, found, accepted });
    }

    fn series(&mut self, field: &'static str, series: &Series, count: usize, sign: Sign) {
        for (t, row) in series.rows().iter().enumerate() {
            let period = (series.rows().len() > 1).then_some(t);
            self.row(field, period, row, count, sign);
        }
    }

    fn vector(&mut self, field: &'static str, row: &[f64], count: usize, sign: Sign) {
        if !row.is_empty() {
            self.row(field, None, row, count, sign);
        }
    }

    fn row(&mut self, field: &'static str, period: Option<usize>, row: &[f64], count: usize, sign: Sign) {
        if row.len() != count {
            self.say(field, period, numbers(row.len()), numbers(count));
            return;
        }
        let is_number = count == 1;
        let one = if is_number { sign } else { Sign::Any };
        if let Some(&x) = row.iter().find(|&&x| !one.takes(x)) {
            self.say(field, period, x.to_string(), sign.words(self.states));
        } else if !is_number && !sign.takes_matrix(self.states, row) {
            self.say(field, period, format!("{row:?}"), sign.words(self.states));
        }
    }
}

/// Whether `factor` times the matrix is symmetric and has no negative eigenvalue, up to rounding: elimination with the
/// largest remaining diagonal entry as pivot meets no negative one.
fn is_semidefinite(n: usize, entries: &[f64], factor: f64) -> bool {
    let mut m: Vec<f64> = entries.iter().map(|x| x * factor).collect();
    let size = m.iter().fold(0.0_f64, |s, x| s.max(x.abs()));
    let slack = ROUNDING * size;
    if (0..n).any(|i| (0..i).any(|j| (m[i * n + j] - m[j * n + i]).abs() > slack)) {
        return false;
    }
    let mut left: Vec<usize> = (0..n).collect();
    while !left.is_empty() {
        let best = (0..left.len()).max_by(|&x, &y| m[left[x] * (n + 1)].total_cmp(&m[left[y] * (n + 1)]));
        let Some(best) = best else { return true };
        let k = left.swap_remove(best);
        let pivot = m[k * (n + 1)];
        if pivot <= slack {
            // No positive diagonal is left: all that is left must be zero.
            return pivot >= -slack
                && left
                    .iter()
                    .chain([&k])
                    .all(|&i| left.iter().chain([&k]).all(|&j| m[i * n + j].abs() <= slack));
        }
        for &i in &left {
            for &j in &left {
                m[i * n + j] -= m[i * n + k] * m[k * n + j] / pivot;
            }
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn semidefinite_matrices() {
        assert!(is_semidefinite(2, &[1.0, 1.0, 1.0, 1.0], 1.0));
        assert!(is_semidefinite(2, &[-2.0, 1.0, 1.0, -1.0], -1.0));
        assert!(is_semidefinite(3, &[0.0; 9], 1.0));
        assert!(!is_semidefinite(2, &[1.0, 2.0, 2.0, 1.0], 1.0));
        assert!(!is_semidefinite(2, &[1.0, 0.5, 0.4, 1.0], 1.0));
        assert!(!is_semidefinite(2, &[0.0, 1.0, 1.0, 0.0], 1.0));
        assert!(!is_semidefinite(2, &[1.0, 0.0, 0.0, -1.0], 1.0));
    }
}
