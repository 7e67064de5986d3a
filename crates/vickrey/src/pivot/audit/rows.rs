//! The table of guarantees, from what was measured.

use super::Subject;
use super::dense;
use super::measure::{Measures, Scope, Seat};
use crate::audit::{Worst, judge, money, row};
use crate::guarantee::{
    Audit, Balance, Baseline, Evidence, Finding, Guarantee, Property, SolutionConcept, Verdict,
};
use crate::pivot::mode::{PaymentTime, Without};
use crate::pivot::model::Horizon;

/// All rows and findings.
pub(super) fn audit(subject: &Subject<'_>, found: &Measures) -> Audit {
    let desk = Desk { subject, found };
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
    subject: &'a Subject<'a>,
    found: &'a Measures,
}

impl Desk<'_> {
    fn mode(&self) -> Without {
        self.subject.product.mode()
    }

    /// Periods that count, as a number that errors of one period are multiplied with.
    fn horizon(&self) -> f64 {
        let model = self.subject.product.model();
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
        self.subject.product.certificate().bound + 2.0 * self.found.error + self.rounding()
    }

    /// The same for what a player can expect, where the values themselves count.
    fn slack_of_values(&self) -> f64 {
        self.slack() + self.subject.product.error()
    }

    /// What is lost by adding constants back.
    fn constants(&self) -> f64 {
        let product = self.subject.product;
        let all = (0..product.model().players()).map(|i| product.own_constant(i, 0).abs());
        8.0 * f64::EPSILON * all.fold(0.0, f64::max)
    }

    fn words(&self) -> String {
        let time = match self.subject.time {
            PaymentTime::BeforeOutcome => "payments fixed before the outcome",
            PaymentTime::OutcomeContingent => "payments that wait for the outcome",
        };
        let space = self.subject.product.space();
        let scope = match &self.found.scope {
            Scope::Whole => match self.subject.product.model().horizon() {
                Horizon::Finite(periods) => format!("all {} states of {periods} periods", space.size()),
                Horizon::Infinite => format!("all {} states", space.size()),
            },
            Scope::Sample { drawn, why } => format!("{drawn} states drawn at random ({why})"),
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
        let (found, product) = (self.found, self.subject.product);
        let tolerance = self.slack() + 2.0 * product.error();
        let parts = [&found.better, &found.difference, &found.dense];
        // Gains of other decisions are what a reader asks for, unless one of the other checks fails.
        let failing = parts.into_iter().find(|worst| worst.value > tolerance);
        let mut worst = failing.unwrap_or(&found.better).clone();
        worst.tries = parts.iter().map(|worst| worst.tries).sum();
        let verdict = judge(&worst, tolerance, true);
        let welfare = match found.scope {
            Scope::Whole => "the welfare of the decisions, evaluated afresh,",
            Scope::Sample { .. } => "one step from the next values",
        };
        let note = format!(
            "another feasible decision is better by at most {}; {welfare} is within {:.1e} of the values; expectations \
             within {:.1e} of sums over joint states ({} states)",
            money(found.better.value.max(0.0)),
            found.difference.value.max(0.0),
            found.dense.value.max(0.0),
            found.dense.tries
        );
        let condition = "reports are truthful; kernels and probabilities of the instance are the true ones";
        self.finished(row(Property::Efficiency, true, verdict, condition, worst, tolerance), &note)
    }

    fn gains(&self) -> Worst {
        over_seats(self.found, |seat| &seat.best).join(over_seats(self.found, |seat| &seat.once))
    }

    fn ex_post(&self) -> Guarantee {
        let (worst, tolerance) = (self.gains(), self.slack());
        let verdict = judge(&worst, tolerance, true);
        let condition = match self.subject.time {
            PaymentTime::BeforeOutcome => {
                "the others are truthful; nobody's type moves or concerns another; kernels and outcome probabilities are \
                 right and known; nobody knows the outcome when she reports"
            }
            PaymentTime::OutcomeContingent => {
                "the others are truthful; nobody's type moves or concerns another; kernels and outcome probabilities are \
                 right and known; the outcome may be known early"
            }
        };
        let searched = match self.found.scope {
            Scope::Whole => {
                "every single lie and the best strategy of every player, from every period and state on"
            }
            Scope::Sample { .. } => "single lies, what follows taken as value minus reference",
        };
        let certificate = product_certificate(self.subject.product.certificate().bound);
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
        if self.subject.product.model().horizon() != Horizon::Finite(1) {
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
        let possible = found.scope == Scope::Whole && found.available.iter().all(|a| *a);
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
        let (found, product) = (self.found, self.subject.product);
        let players = product.model().players() as f64;
        // An error of the values is paid again in every period.
        let tolerance = players * (2.0 * product.error() * self.horizon() + self.rounding())
            + self.slack()
            + players * found.error;
        let tables = dense::tables(product);
        let mut worst = found.accounts.clone().join(found.averaged.clone());
        if tables > 1e-12 {
            worst.see(f64::INFINITY, || "tables and constants differ from the instance".into());
        }
        let verdict = judge(&worst, tolerance, true);
        let sum = match found.scope {
            Scope::Whole => "payments, values and utilities of all periods add up",
            Scope::Sample { .. } => "what truth brings is value minus reference",
        };
        let note = format!(
            "{sum} within {:.1e}; payments by outcome average to those before it within {:.1e}",
            found.accounts.value.max(0.0),
            found.averaged.value.max(0.0)
        );
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
