//! What was found, as rows and findings.

use super::played::{Honest, Lie, suspicious};
use super::{Audited, Deviations, Ground, Groups, Horizons, Known};
use crate::audit::{Worst, judge, money, row};
use crate::guarantee::{Audit, Baseline, Evidence, Finding, Guarantee, Property, SolutionConcept, Verdict};
use crate::two_stage::solve::TIE;
use crate::two_stage::test::Window;

/// Everything that was found.
pub(super) struct Found {
    pub honest: Honest,
    pub lies: Vec<Lie>,
    pub known: Known,
    pub deviations: Deviations,
    pub horizons: Horizons,
    pub groups: Groups,
}

pub(super) struct Rows<'a, M: Audited> {
    pub ground: &'a Ground<'a, M>,
    pub found: &'a Found,
}

impl<M: Audited> Rows<'_, M> {
    pub fn audit(&self) -> Audit {
        let mut guarantees = vec![
            self.efficiency(),
            self.honesty(),
            self.horizon(),
            self.truthful_groups(),
            self.rationality(),
            self.accounts(),
        ];
        guarantees.extend(self.outlay());
        guarantees.extend([self.honest_pass(), self.detection()]);
        Audit { guarantees, findings: self.findings() }
    }

    /// Rounding of expectations (sums of some thousand terms), ties that are decided by number, laws that do not add up to
    /// 1 exactly, expected costs that are known from brackets. Money.
    fn rounding(&self) -> f64 {
        let size = self.found.honest.size;
        let laws = self.ground.subject.truth.deviation().max(self.ground.subject.reports.deviation());
        let players = self.ground.players() as f64;
        4.0 * TIE * (1.0 + size) + players * laws * size + self.found.known.doubt
    }

    fn efficiency(&self) -> Guarantee {
        let known = &self.found.known;
        let mut worst = known.regret.clone();
        worst = worst.join(known.welfare.clone());
        let tolerance = self.rounding();
        let promised = known.departs.is_none();
        let verdict = judge(&worst, tolerance, promised);
        let condition = "everybody reports her true law and bids her types; shares of the signals are those that the first \
                         stage counts on";
        let mut row = row(Property::Efficiency, promised, verdict, condition, worst, tolerance);
        let first = match known.welfare.tries {
            0 => "; the first stage was not checked (too many profiles)".into(),
            _ => format!(
                "; welfare of a day is {}, a program of its own finds the same within {}",
                money(known.achieved.unwrap_or(0.0)),
                small(known.welfare.value)
            ),
        };
        let departs = known.departs.as_ref().map_or(String::new(), |why| format!("; {why}"));
        row.note = format!(
            "another second-stage decision is better by at most {}{first}{departs}",
            small(known.regret.value)
        );
        row
    }

    fn honesty(&self) -> Guarantee {
        let found = &self.found.deviations;
        let worst = found.unseen.clone();
        let tolerance = self.rounding() + found.gap;
        let departs = &self.found.known.departs;
        let promised = departs.is_none();
        let verdict = judge(&worst, tolerance, promised);
        let condition = "long-run average; types independent over days and players; bids sealed until all are in, and nobody \
                         else knows a player's type of the day when it bids (sealing alone is not enough); every public \
                         signal known before the bids is in the tests; honest on all days; nobody bankrupts itself";
        let property = Property::IncentiveCompatibility(SolutionConcept::DominantStrategy);
        let mut row = row(property, promised, verdict, condition, worst, tolerance);
        let searched = "best transport from true types to bids for every report tried, others' bids unseen or known, others \
                        reporting what they do or anything";
        let left = left(found.left, "reports of others against a player");
        row.note = match verdict {
            Verdict::NotChecked => format!("others' bids are too many to list{left}"),
            Verdict::Holds => {
                format!("no lie that passes all tests pays; {searched}{left}{}", self.window_words())
            }
            _ => format!(
                "a lie that passes all tests gains {} a day; {searched}{left}{}",
                money(found.unseen.value),
                departs.as_ref().map_or(String::new(), |why| format!("; {why}"))
            ),
        };
        row
    }

    fn window_words(&self) -> String {
        let terms = &self.ground.subject.terms;
        let kind = match terms.window {
            Window::IteratedLogarithm { .. } => {
                "; the window is narrower than the paper asks for: it rests on the law of the iterated logarithm, a \
                 theorem of its own"
            }
            Window::Printed { .. } | Window::UnionBound { .. } => "",
        };
        let burn_in = match terms.burn_in >= self.ground.subject.days {
            true => "; no test speaks within this season: the burn-in lasts as long",
            false => "",
        };
        format!("{kind}{burn_in}")
    }

    fn horizon(&self) -> Guarantee {
        let found = &self.found.horizons;
        let days = self.ground.subject.days;
        let bite = self.ground.subject.terms.penalty.at(days) / days as f64;
        let bites = found.spread.is_some_and(|r| bite >= 2.0 * r);
        let speaks = found.window.is_finite();
        let promised = bites && speaks && self.found.known.departs.is_none();
        let tolerance = self.rounding();
        let verdict = judge(&found.beyond, tolerance, promised);
        let condition = "others bid by the laws they report; the last day's penalty, spread over the days, is at least twice \
                         the largest difference that a type makes (otherwise the bound holds for those only who are not \
                         flagged on the last day)";
        let property = Property::IncentiveCompatibility(SolutionConcept::Approximate);
        let mut row = row(property, promised, verdict, condition, found.beyond.clone(), tolerance);
        let left = left(found.left, "players");
        let penalty = match (found.spread, bites) {
            (Some(_), true) => String::new(),
            (Some(r), false) => format!(
                "; the penalty of the last day is {} a day, less than twice the largest difference {}: it does not hold who \
                 accepts being flagged in the end",
                money(bite),
                money(r)
            ),
            (None, _) => "; the largest difference that a type makes is not known".into(),
        };
        let window = if speaks { String::new() } else { "; the tests do not speak on the last day".into() };
        row.note = match found.epsilon.tries {
            0 => format!("too many profiles for the program{left}"),
            _ => format!(
                "within {days} days a lie gains at most {} a day (window {:.4}); evidence is what played seasons gained \
                 beyond that, less four standard errors{}{left}{penalty}{window}",
                small(found.epsilon.value),
                found.window,
                if found.beyond.tries == 0 { " (none was played: too long)" } else { "" },
            ),
        };
        row
    }

    fn truthful_groups(&self) -> Guarantee {
        let found = &self.found.groups;
        let tolerance = self.rounding() + found.gap;
        let promised = self.found.known.departs.is_none();
        let verdict = judge(&found.truthful, tolerance, promised);
        let condition = "members report their true laws; outsiders do not know their types";
        let mut row =
            row(Property::TruthfulGroups, promised, verdict, condition, found.truthful.clone(), tolerance);
        let left = left(found.left, "groups");
        row.note = format!(
            "best joint bids of a group, members' types known to all of them; only a false law can make a group gain{left}"
        );
        row
    }

    fn rationality(&self) -> Guarantee {
        let mut worst = Worst::default();
        for (i, contribution) in self.found.known.contribution.iter().enumerate() {
            worst.see(-contribution, || self.ground.subject.name(i));
        }
        let market = self.ground.subject.market;
        let promised = (0..self.ground.players()).all(|i| market.shelters(i));
        let tolerance = self.rounding();
        let verdict = judge(&worst, tolerance, promised);
        let condition = "everything together is worth at least as much as without the player (W* >= W*_-i); certain if what \
                         happens without her is never worth less than 0 to her, and in demand response";
        let property = Property::IndividualRationality(Baseline::Zero);
        let loss = worst.value;
        let mut row = row(property, promised, verdict, condition, worst, tolerance);
        row.note = match verdict {
            Verdict::Holds => format!("the least contribution of a player is {} a day", small(-loss)),
            _ => format!("an honest player loses {} a day", money(loss)),
        };
        row
    }

    fn accounts(&self) -> Guarantee {
        let (honest, known) = (&self.found.honest, &self.found.known);
        let worst = honest.accounts.clone().join(known.contributions.clone());
        let tolerance = self.rounding();
        let promised = known.departs.is_none();
        let verdict = judge(&worst, tolerance, promised);
        let mut row = row(Property::Accounts, promised, verdict, "none", worst, tolerance);
        let enumerated = match known.contributions.tries {
            0 => String::from("contributions were not computed a second time (too many profiles)"),
            _ => format!(
                "contributions are W* less W*_-i by a program of its own within {}",
                small(known.contributions.value)
            ),
        };
        row.note = format!(
            "first and second payment are the payment, and an honest player who is not flagged has her contribution every \
             day, in {} seasons of {} days; {enumerated}",
            honest.seasons, honest.days
        );
        row
    }

    fn outlay(&self) -> Option<Guarantee> {
        let (outlay, alone) = self.found.known.outlay?;
        let mut worst = Worst::default();
        worst.see(outlay - alone, || "expectation of a day".into());
        let tolerance = self.rounding();
        let verdict = judge(&worst, tolerance, true);
        let condition = "demand response with a reserve, without limits and purchases; everybody honest";
        let mut row = row(Property::Outlay, true, verdict, condition, worst, tolerance);
        row.note = format!(
            "the operator pays {} a day in all, the reserve alone would cost {}",
            money(outlay),
            money(alone)
        );
        Some(row)
    }

    fn honest_pass(&self) -> Guarantee {
        let honest = &self.found.honest;
        let alarm = self.ground.subject.terms.window.false_alarm();
        let mut worst = Worst::default();
        let of = honest.seasons;
        for (i, flagged) in honest.flagged.iter().enumerate() {
            let share = *flagged as f64 / of as f64;
            worst.see(share - alarm.unwrap_or(0.0), || {
                format!("{}: {flagged} of {of} seasons", self.ground.subject.name(i))
            });
        }
        let promised = alarm.is_some();
        let tolerance = alarm.map_or(0.0, |p| {
            // As many seasons with a flag as one less than what chance does not explain.
            (suspicious(p, of).saturating_sub(1) as f64 / of as f64 - p).max(0.0)
        });
        let verdict = judge(&worst, tolerance, promised);
        let condition = "a window with a bound on false alarms (union bound, iterated logarithm); types independent over days \
                         and players; bids sealed";
        let mut row = row(Property::HonestPass, promised, verdict, condition, worst, tolerance);
        if let Some(evidence) = &mut row.evidence {
            evidence.unit = "share of seasons";
        }
        let stated = match alarm {
            Some(p) => format!("stated is at most {p} for each player and season"),
            None => "this window only promises that flags end some day".into(),
        };
        row.note = format!(
            "{of} honest seasons of {} days: {} flagged player-days; {stated}{}",
            honest.days,
            honest.flagged_days,
            self.window_words()
        );
        row
    }

    fn detection(&self) -> Guarantee {
        let mut worst = Worst::default();
        for lie in self.found.lies.iter().filter(|lie| lie.certain) {
            let missed = lie.first.len() as u64 - lie.caught;
            worst.see(missed as f64, || lie.words.clone());
        }
        let terms = &self.ground.subject.terms;
        let promised = terms.burn_in < self.ground.subject.days;
        let verdict = judge(&worst, 0.0, promised);
        let condition = "the season is so long that what the lie changes on average is beyond window and chance; the burn-in \
                         ends before it";
        let mut row = row(Property::Detection, promised, verdict, condition, worst, 0.0);
        if let Some(evidence) = &mut row.evidence {
            evidence.unit = "seasons not flagged at the end";
        }
        let certain = self.found.lies.iter().filter(|lie| lie.certain).count();
        row.note = format!(
            "{certain} of {} lies must be flagged by the end of seasons of {} days{}",
            self.found.lies.len(),
            self.found.honest.days,
            self.window_words()
        );
        row
    }

    fn findings(&self) -> Vec<Finding> {
        let (d, g, h) = (&self.found.deviations, &self.found.groups, &self.found.horizons);
        let tolerance = self.rounding() + d.gap.max(g.gap);
        let mut findings = vec![
            self.gain("lies if there were no tests", &d.untested, "the tests are what stops them", tolerance),
            self.gain(
                "bids drawn from a reported law, whatever the types",
                &d.mimic,
                "no test sees them, and they do not pay",
                tolerance,
            ),
            self.gain(
                "a season that ends: the most a lie can gain (epsilon)",
                &h.epsilon,
                "a bound on the mean of a day",
                tolerance,
            ),
            self.gain("a lie that uses half of the window, played", &h.gained, "mean of a day", tolerance),
            self.gain(
                "a player who tells a rival her type before it bids",
                &d.told,
                "sealed bids do not prevent it: her types may go with its bids and no test sees that",
                tolerance,
            ),
            self.gain(
                "answers to an announced number inside its class of days",
                &d.within,
                "the tests only know the class: narrower classes leave less",
                tolerance,
            ),
            self.gain(
                "groups that lie about their laws and divide the gain",
                &g.lying,
                "not covered by any promise, as in every mechanism of this kind",
                tolerance,
            ),
        ];
        findings.retain(|finding| finding.evidence.tries > 0);
        findings.extend(self.surplus());
        findings.extend(self.found.lies.iter().map(lie));
        findings
    }

    fn gain(&self, title: &str, worst: &Worst, note: &str, tolerance: f64) -> Finding {
        let gains = worst.value > tolerance;
        let note = match gains {
            true => format!("gains {} a day; {note}", money(worst.value)),
            false => "no gain was found".to_owned(),
        };
        let at = if gains { worst.at.clone() } else { String::new() };
        let evidence = Evidence { worst: worst.value, unit: "money", at, tries: worst.tries, tolerance };
        Finding { title: title.into(), evidence, note }
    }

    fn surplus(&self) -> Option<Finding> {
        let surplus = self.found.known.surplus;
        let evidence = Evidence {
            worst: -surplus,
            unit: "money",
            at: "expectation of a day, everybody honest".into(),
            tries: 1,
            tolerance: self.rounding(),
        };
        let note = format!(
            "{} a day: W* less all contributions, what the planner has from payments after its own cost; any sign is possible",
            money(surplus)
        );
        surplus.is_finite().then(|| Finding { title: "planner's surplus".into(), evidence, note })
    }
}

/// An amount that is 0 if it is below what is shown.
fn small(x: f64) -> String {
    if x.abs() < 1e-11 { "0".into() } else { money(x) }
}

fn left(count: usize, of: &str) -> String {
    if count == 0 { String::new() } else { format!("; {count} {of} were left out as too large") }
}

/// How long a lie stayed unseen.
fn lie(lie: &Lie) -> Finding {
    let mut days: Vec<u64> = lie.first.iter().flatten().copied().collect();
    days.sort_unstable();
    let seasons = lie.first.len();
    let found = match (days.first(), days.last()) {
        (Some(first), Some(last)) => {
            format!("first flagged on day {first} to {last} in {} of {seasons} seasons", days.len())
        }
        _ => format!("not flagged in {seasons} seasons"),
    };
    let expected = match lie.expected {
        Some(day) if lie.size > 0.0 => {
            format!("a cell is off by {:.3} on average, seen from day {day} on", lie.size)
        }
        _ => "nothing that is tested changes on average".into(),
    };
    let evidence = Evidence {
        worst: days.last().map_or(0.0, |day| *day as f64),
        unit: "days until flagged",
        at: lie.words.clone(),
        tries: seasons as u64,
        tolerance: 0.0,
    };
    Finding { title: lie.words.clone(), evidence, note: format!("{found}; {expected}") }
}
