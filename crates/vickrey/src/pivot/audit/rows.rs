//! The table of guarantees, from what was measured.

use super::Subject;
use super::dense;
use super::measure::{Measures, Scope, Seat};
use crate::audit::{Worst, judge, money, row};
use crate::guarantee::{
    Audit, Balance, Baseline, Evidence, Finding, Guarantee, Property, SolutionConcept, Verdict,
};
use crate::pivot::mode::{PaymentTime, Without};
use crate::pivot::model::{Horizon, Model};
use crate::pivot::solve::space::Space;

/// What rows need to know about the instance and its solution.
pub(super) struct Facts<'a> {
    pub model: &'a Model,
    pub mode: Without,
    pub time: PaymentTime,
    /// No lie gains more than this.
    pub bound: f64,
    /// Certified error of the values of an infinite horizon.
    pub error: f64,
    /// Largest constant that was taken from what a player can expect.
    pub constants: f64,
    /// By how much the tables that were worked with miss those of the instance, relative to their size.
    pub tables: f64,
}

impl<'a> Facts<'a> {
    pub fn of(subject: &Subject<'a>) -> Self {
        let product = subject.product;
        let all = (0..product.model().players()).map(|i| product.own_constant(i, 0).abs());
        Self {
            model: product.model(),
            mode: product.mode(),
            time: subject.time,
            bound: product.certificate().bound,
            error: product.error(),
            constants: all.fold(0.0, f64::max),
            tables: dense::tables(product),
        }
    }
}

/// All rows and findings.
pub(super) fn audit(facts: &Facts<'_>, found: &Measures) -> Audit {
    let desk = Desk { facts, found };
    let mut guarantees = vec![desk.feasibility(), desk.efficiency(), desk.ex_post(), desk.dominant()];
    guarantees.extend([desk.against_alone(), desk.against_zero()]);
    if found.stated {
        guarantees.push(desk.against_stated());
    }
    guarantees.extend([desk.weak_balance(), desk.accounts()]);
    Audit { guarantees, findings: desk.leaks() }
}

/// The worst over all players.
pub(super) fn over_seats(found: &Measures, of: impl Fn(&Seat) -> &Worst) -> Worst {
    found.seats.iter().fold(Worst::default(), |all, seat| all.join(of(seat).clone()))
}

struct Desk<'a> {
    facts: &'a Facts<'a>,
    found: &'a Measures,
}

impl Desk<'_> {
    fn mode(&self) -> Without {
        self.facts.mode
    }

    /// Periods that count, as a number that errors of one period are multiplied with.
    fn horizon(&self) -> f64 {
        let model = self.facts.model;
        match model.horizon() {
            Horizon::Finite(periods) => periods as f64,
            Horizon::Infinite => 1.0 / (1.0 - model.discount()),
        }
    }

    /// What rounding does to a sum over all periods.
    fn rounding(&self) -> f64 {
        64.0 * f64::EPSILON * self.found.size * self.horizon()
    }

    /// What no lie gains more than: the certificate, and what is not known about the programs of the audit itself.
    fn slack(&self) -> f64 {
        self.facts.bound + 2.0 * self.found.error + self.rounding()
    }

    /// The same for what a player can expect, where the values themselves count.
    fn slack_of_values(&self) -> f64 {
        self.slack() + self.facts.error
    }

    /// What is lost by adding constants back.
    fn constants(&self) -> f64 {
        8.0 * f64::EPSILON * self.facts.constants
    }

    fn words(&self) -> String {
        let time = match self.facts.time {
            PaymentTime::BeforeOutcome => "payments fixed before the outcome",
            PaymentTime::OutcomeContingent => "payments that wait for the outcome",
        };
        let states = Space::of(self.facts.model).size_in_words();
        let states = if states < 1e15 { states.to_string() } else { format!("{states:.3e}") };
        let all = match self.facts.model.horizon() {
            Horizon::Finite(periods) => format!("all {states} states of {periods} periods"),
            Horizon::Infinite => format!("all {states} states"),
        };
        let scope = match &self.found.scope {
            Scope::Whole => all,
            Scope::Alike { states, everyone } => {
                let who =
                    if *everyone { "every player" } else { "the first player of every group of equals" };
                format!("{all}, players who can change places taken together: {states} states of {who}")
            }
            Scope::Sample { drawn, why } => format!("{drawn} states drawn at random ({why})"),
            Scope::Met { states, why, .. } => {
                format!("{states} states, met in truthful runs or drawn at random ({why})")
            }
        };
        format!("mode {}, {time}, {scope}", self.mode().name())
    }

    fn finished(&self, mut row: Guarantee, note: &str) -> Guarantee {
        row.note = format!("{note}; {}", self.words());
        row
    }

    fn feasibility(&self) -> Guarantee {
        let worst = self.found.infeasible.clone();
        let verdict = judge(&worst, 0.0, true);
        let note = match verdict {
            Verdict::Holds => "every decision is feasible in its outcome",
            _ => "a decision is taken that is not feasible",
        };
        let mut row = row(Property::Feasibility, true, verdict, "none", worst, 0.0);
        if let Some(evidence) = &mut row.evidence {
            evidence.unit = "decisions";
        }
        self.finished(row, note)
    }

    fn efficiency(&self) -> Guarantee {
        let (found, facts) = (self.found, self.facts);
        let tolerance = self.slack() + 2.0 * facts.error;
        let parts = [&found.better, &found.difference, &found.dense];
        // Gains of other decisions are what a reader asks for, unless one of the other checks fails.
        let failing = parts.into_iter().find(|worst| worst.value > tolerance);
        let mut worst = failing.unwrap_or(&found.better).clone();
        worst.tries = parts.iter().map(|worst| worst.tries).sum();
        let verdict = judge(&worst, tolerance, true);
        let welfare = match found.scope {
            Scope::Whole | Scope::Alike { .. } => "the welfare of the decisions, evaluated afresh,",
            Scope::Sample { .. } | Scope::Met { .. } => "one step from the next values",
        };
        let mut note =
            format!("another feasible decision is better by at most {}", money(found.better.value.max(0.0)));
        if found.difference.tries > 0 {
            let within = found.difference.value.max(0.0);
            note.push_str(&format!("; {welfare} is within {within:.1e} of the values"));
        }
        if found.dense.tries > 0 {
            let (within, states) = (found.dense.value.max(0.0), found.dense.tries);
            note.push_str(&format!(
                "; expectations within {within:.1e} of sums over joint states ({states} states)"
            ));
        }
        let condition = "reports are truthful; kernels and probabilities of the instance are the true ones";
        self.finished(row(Property::Efficiency, true, verdict, condition, worst, tolerance), &note)
    }

    fn gains(&self) -> Worst {
        over_seats(self.found, |seat| &seat.best).join(over_seats(self.found, |seat| &seat.once))
    }

    fn ex_post(&self) -> Guarantee {
        let (worst, tolerance) = (self.gains(), self.slack());
        let verdict = judge(&worst, tolerance, true);
        let condition = match self.facts.time {
            PaymentTime::BeforeOutcome => {
                "the others are truthful; nobody's type moves or concerns another; kernels and outcome probabilities are \
                 right and known; nobody knows the outcome when she reports"
            }
            PaymentTime::OutcomeContingent => {
                "the others are truthful; nobody's type moves or concerns another; kernels and outcome probabilities are \
                 right and known; the outcome may be known early"
            }
        };
        let searched = match &self.found.scope {
            Scope::Whole | Scope::Alike { .. } => {
                "every single lie and the best strategy of every player, from every period and state on"
            }
            Scope::Sample { .. } => "single lies, what follows taken as value minus reference",
            Scope::Met { searched, .. } => searched.as_str(),
        };
        let certificate = product_certificate(self.facts.bound);
        let note = match verdict {
            Verdict::Holds => format!("no lie pays; {searched}; {certificate}"),
            _ => format!("a lie gains {}; {searched}; {certificate}", money(worst.value)),
        };
        let property = Property::IncentiveCompatibility(SolutionConcept::ExPost);
        self.finished(row(property, true, verdict, condition, worst, tolerance), &note)
    }

    fn dominant(&self) -> Guarantee {
        let property = Property::IncentiveCompatibility(SolutionConcept::DominantStrategy);
        let condition = "a single period: with more, the others' later reports may answer to hers";
        if self.facts.model.horizon() != Horizon::Finite(1) {
            let row = row(property, false, Verdict::NotChecked, condition, Worst::default(), 0.0);
            let note = "not promised: with several periods the others have to be truthful, because what they report later \
                        may depend on what she reports now";
            return self.finished(row, note);
        }
        let (worst, tolerance) = (self.gains(), self.slack());
        let verdict = judge(&worst, tolerance, true);
        let note = "in a single period the others' true types concern nobody else, so that every state of the search for \
                    ex-post gains stands for reports of the others, true or not";
        self.finished(row(property, true, verdict, condition, worst, tolerance), note)
    }

    /// A row on participation: `worst` is what a player has elsewhere minus what she has here.
    fn participation(
        &self,
        property: Property,
        promised: bool,
        condition: &str,
        worst: Worst,
        tolerance: f64,
        over: &str,
    ) -> Guarantee {
        let verdict = judge(&worst, tolerance, promised);
        let note = match verdict {
            Verdict::NotChecked => format!("{over}: not computed"),
            Verdict::Holds => {
                format!(
                    "nobody is worse off than {over}; the least surplus is {}",
                    clean(-worst.value, tolerance)
                )
            }
            _ => format!("somebody is worse off by {} than {over}", money(worst.value)),
        };
        let single = matches!(self.found.scope, Scope::Met { single: true, .. });
        let note = if single { format!("{note}, in a single period or at the end") } else { note };
        self.finished(row(property, promised, verdict, condition, worst, tolerance), &note)
    }

    fn against_alone(&self) -> Guarantee {
        let worst = over_seats(self.found, |seat| &seat.over_alone);
        let condition = match self.mode() {
            Without::Same | Without::Own => {
                "what is possible without a player is feasible with her, as in every instance that is accepted"
            }
            Without::Tight => "modes same and own; mode tight only keeps outside values that are stated",
        };
        let over = match self.mode() {
            Without::Same => "if the others decide without her and whatever is feasible may happen to her",
            Without::Own | Without::Tight => {
                "if the others decide without her and only what is possible without her happens"
            }
        };
        let tolerance = self.slack_of_values() + self.found.loss_alone;
        let property = Property::IndividualRationality(Baseline::Autarky);
        let promised = self.mode() != Without::Tight;
        self.participation(property, promised, condition, worst, tolerance, over)
    }

    fn against_zero(&self) -> Guarantee {
        let worst = over_seats(self.found, |seat| &seat.zero);
        let alone = over_seats(self.found, |seat| &seat.alone);
        let tolerance = self.slack_of_values() + self.constants() + self.found.loss_alone;
        let (promised, condition) = match self.mode() {
            Without::Same | Without::Own => (
                alone.tries > 0 && alone.value <= self.rounding() + self.constants(),
                "what happens without her, her utility at the end included, is never worth less than 0 to her",
            ),
            Without::Tight => {
                (self.found.stated_positive, "outside values that are stated are at least 0 (0 if none is)")
            }
        };
        let property = Property::IndividualRationality(Baseline::Zero);
        self.participation(property, promised, condition, worst, tolerance, "with utility 0")
    }

    fn against_stated(&self) -> Guarantee {
        let worst = over_seats(self.found, |seat| &seat.over_stated);
        let tolerance = self.slack_of_values() + self.constants();
        let promised = self.mode() == Without::Tight;
        let over = "with the outside value stated for her";
        self.participation(Property::StatedOutside, promised, "mode tight", worst, tolerance, over)
    }

    fn weak_balance(&self) -> Guarantee {
        let found = self.found;
        let worst = over_seats(found, |seat| &seat.payment);
        let possible =
            matches!(found.scope, Scope::Whole | Scope::Alike { .. }) && found.available.iter().all(|a| *a);
        let promised = match self.mode() {
            Without::Same => true,
            Without::Own => possible,
            Without::Tight => false,
        };
        // Differences between the largest of some numbers and one of them are not negative, to the last bit.
        let tolerance = if promised { 0.0 } else { self.rounding() };
        let verdict = judge(&worst, tolerance, promised);
        let condition = "mode same; mode own if the efficient decision is always possible without her; never in mode tight";
        let mut note = match verdict {
            Verdict::Holds => {
                format!("nobody is ever paid; the least payment is {}", clean(-worst.value, self.rounding()))
            }
            _ => format!("the coordinator pays a player {}", money(worst.value)),
        };
        if let Some(receipts) = found.receipts {
            note.push_str(&format!("; expected payments of all players from the start: {}", money(receipts)));
        }
        let property = Property::BudgetBalance(Balance::Weak);
        self.finished(row(property, promised, verdict, condition, worst, tolerance), &note)
    }

    /// Identities that hold whatever the instance is.
    fn accounts(&self) -> Guarantee {
        let (found, facts) = (self.found, self.facts);
        let players = facts.model.players() as f64;
        // An error of the values is paid again in every period.
        let tolerance = players * (2.0 * facts.error * self.horizon() + self.rounding())
            + self.slack()
            + players * found.error;
        let mut worst = found.accounts.clone().join(found.averaged.clone());
        if facts.tables > 1e-12 {
            worst.see(f64::INFINITY, || "tables and constants differ from the instance".into());
        }
        let verdict = judge(&worst, tolerance, true);
        let sum = match found.scope {
            Scope::Whole => "payments, values and utilities of all periods add up",
            Scope::Alike { .. } | Scope::Sample { .. } | Scope::Met { .. } => {
                "what truth brings is value minus reference"
            }
        };
        let averaged = format!(
            "payments by outcome average to those before it within {:.1e}",
            found.averaged.value.max(0.0)
        );
        let note = match found.accounts.tries {
            0 => averaged,
            _ => format!("{sum} within {:.1e}; {averaged}", found.accounts.value.max(0.0)),
        };
        self.finished(row(Property::Accounts, true, verdict, "none", worst, tolerance), &note)
    }

    /// What somebody gains who knows the outcome before she reports.
    fn leaks(&self) -> Vec<Finding> {
        let titles = [
            "outcome known before the reports, payments fixed before it",
            "outcome known before the reports, payments that wait for it",
        ];
        let of = |(title, worst): (&str, &Worst)| {
            let tolerance = self.slack();
            let gains = worst.value > tolerance;
            let note = if gains {
                format!(
                    "one lie gains {}: truth is promised to be best only if nobody knows the outcome yet",
                    money(worst.value)
                )
            } else {
                "no lie gains".into()
            };
            let at = if gains { worst.at.clone() } else { String::new() };
            let evidence =
                Evidence { worst: worst.value.max(0.0), unit: "money", at, tries: worst.tries, tolerance };
            Finding { title: title.into(), evidence, note: format!("{note}; {}", self.words()) }
        };
        titles.into_iter().zip(&self.found.leak).map(of).collect()
    }
}

/// An amount of money that is 0 if rounding may have made it.
fn clean(x: f64, rounding: f64) -> String {
    money(if x.abs() <= rounding { 0.0 } else { x })
}

fn product_certificate(bound: f64) -> String {
    format!("certificate: no lie gains more than {bound:.1e}")
}
