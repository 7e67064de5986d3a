//! A finite game as a repeated market: outcomes have names.

use serde::Serialize;
use vickrey::mechanism::AgentId;
use vickrey::two_stage::Finite;
use vickrey::two_stage::finite::Outcomes;
use vickrey::two_stage::season::DayView;
use vickrey::two_stage::simulate::Calendar;
use vickrey::two_stage::solve::Solved;

use super::repeated::{Promise, Quantities, Repeated};
use crate::input::{SeasonScenario, TwoStageScenario};
use crate::output::table::{Cell, Holds};

/// What is decided before types are known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FirstStage {
    /// The first-stage outcome; null where it depends on the signal.
    pub first: Option<String>,
}

impl Repeated for TwoStageScenario {
    type Market = Finite;
    type Facts = Outcomes;
    type Condition = FirstStage;

    const MECHANISM: &'static str = "two-stage";

    fn season(&self) -> &SeasonScenario {
        &self.season
    }

    fn market(&self) -> &Finite {
        &self.market
    }

    fn ways(&self) -> Vec<String> {
        let mut ways: Vec<String> = Vec::new();
        // Scenarios that are too large are refused when they are read.
        for way in self.market.ways(&self.season.reports).unwrap_or_default() {
            let words = way.to_string();
            if !ways.contains(&words) {
                ways.push(words);
            }
        }
        ways
    }

    fn calendar(&self) -> &Calendar<usize> {
        &self.calendar
    }

    fn number(&self, _: AgentId, _: usize) -> Option<f64> {
        None
    }

    fn promise(&self, plan: &Vec<Solved>, day: &usize) -> Promise {
        let solved = &plan[*day];
        let contribution = (0..solved.without.len()).map(|i| solved.contribution(i)).collect();
        Promise { welfare: solved.welfare, contribution, expected: solved.expected.clone() }
    }

    fn condition(&self, plan: &Vec<Solved>, days: &[(&usize, f64)]) -> FirstStage {
        let mut firsts = days.iter().map(|(day, _)| plan[**day].first);
        let first = firsts.next().filter(|one| firsts.all(|other| other == *one));
        FirstStage { first: first.map(|first| self.first[first].clone()) }
    }

    fn facts(&self, view: &DayView<'_, Finite>) -> Outcomes {
        view.settled.decision
    }

    fn share(&self, _: &DayView<'_, Finite>, _: AgentId) -> Option<f64> {
        None
    }

    fn quantities(&self, _: &Outcomes) -> Option<Quantities> {
        None
    }

    fn decided(&self, facts: &Outcomes) -> Vec<String> {
        let (first, second) = (&self.first[facts.first], &self.second[facts.second]);
        match self.first.len() {
            1 => vec![second.clone()],
            _ => vec![format!("1st: {first}"), format!("2nd: {second}")],
        }
    }

    fn columns(&self) -> &'static [(&'static str, Holds)] {
        &[("first", Holds::Words), ("second", Holds::Words)]
    }

    fn put<'a>(&'a self, facts: &Outcomes, cells: &mut Vec<Cell<'a>>) {
        let words = [&self.first[facts.first], &self.second[facts.second]];
        cells.extend(words.map(|text| Cell::Words(text.as_str().into())));
    }
}
