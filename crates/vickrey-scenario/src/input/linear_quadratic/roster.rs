//! The agents as they are collected from the scenario file and its tables.

use std::collections::BTreeMap;

use vickrey::lq::model::{
    Agent, FieldError, Market, ModelError, Observation, Parameters, ScalarColumns, Series,
};
use vickrey::numeric::law::Law;

use super::shape::Given;
use super::{Census, NOISE, Terms};
use crate::diagnostic::{Problem, shorten};
use crate::input::keys::linear_quadratic::{NUMBERS, number};
use crate::input::names::Names;
use crate::input::sheet::{Desk, Span};
use crate::input::table::Table;

/// Stands in a column for a cell that is empty.
const ABSENT: f64 = f64::NAN;
/// Stands in a column for a cell that cannot be used, which has been reported.
pub(super) const REFUSED: f64 = f64::INFINITY;

/// An agent of the scenario file.
pub(super) struct Draft {
    pub title: String,
    pub at: Span,
    /// None if it has been refused.
    pub states: Option<usize>,
    /// By the indices of [`number`]; none if left out, or refused.
    pub values: [Option<Given>; number::COUNT],
    mentioned: [Option<Span>; number::COUNT],
    /// None if it has been refused.
    pub law: Option<Law>,
}

impl Draft {
    pub fn new(title: String, at: Span) -> Self {
        let values = [const { None }; number::COUNT];
        Self { title, at, states: Some(1), values, mentioned: [const { None }; number::COUNT], law: None }
    }

    /// Notes that a number is given, be it usable or not.
    pub fn mention(&mut self, number: usize, at: Span) {
        self.mentioned[number] = Some(at);
    }

    pub fn mentions(&self, number: usize) -> bool {
        self.mentioned[number].is_some()
    }
}

/// The agents of the table, column by column.
#[derive(Default)]
pub(super) struct Listed {
    pub rows: usize,
    /// By the indices of [`number`]; a column ends with the last row that has a value.
    columns: [Vec<f64>; number::COUNT],
    /// Empty while all are Gaussian, and then as the columns.
    laws: Vec<Law>,
}

impl Listed {
    /// Gives the row that is being read a number.
    pub fn set(&mut self, number: usize, x: f64) {
        self.columns[number].resize(self.rows, ABSENT);
        self.columns[number].push(x);
    }

    /// Gives the row that is being read a law.
    pub fn set_law(&mut self, law: Law) {
        if law != Law::Gaussian {
            self.laws.resize(self.rows, Law::Gaussian);
            self.laws.push(law);
        }
    }

    pub fn get(&self, number: usize, row: usize) -> Option<f64> {
        self.columns[number].get(row).copied().filter(|x| !x.is_nan())
    }

    /// The column with zeros for what is absent; empty if there is nothing in it.
    fn take(&mut self, number: usize) -> Vec<f64> {
        let mut column = std::mem::take(&mut self.columns[number]);
        column.iter_mut().filter(|x| x.is_nan()).for_each(|x| *x = 0.0);
        if column.iter().any(|x| *x != 0.0) {
            column.resize(self.rows, 0.0);
        } else {
            column.clear();
        }
        column
    }

    /// Whether the column has nothing but zeros.
    fn is_zero(&self, number: usize) -> bool {
        self.columns[number].iter().all(|x| x.is_nan() || *x == 0.0)
    }
}

/// Numbers of one agent over the periods, by the indices of [`number`]; empty where it has none.
pub(super) type Paths = [Vec<f64>; number::COUNT];

/// Everybody: first those of the scenario, then rows of the table.
#[derive(Default)]
pub(super) struct Roster {
    pub names: Names,
    pub drafts: Vec<Draft>,
    pub listed: Listed,
    /// What the table of series says.
    pub series: BTreeMap<usize, Paths>,
}

impl Roster {
    pub fn add_inline(&mut self, name: Box<str>, at: Span, draft: Draft) {
        self.names.add_inline(name, at);
        self.drafts.push(draft);
    }

    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// States of the agent; none if unknown.
    pub fn states(&self, agent: usize) -> Option<usize> {
        self.drafts.get(agent).map_or(Some(1), |draft| draft.states)
    }

    fn path(&self, agent: usize, number: usize) -> Option<&[f64]> {
        if self.series.is_empty() {
            return None;
        }
        self.series.get(&agent).map(|paths| paths[number].as_slice()).filter(|path| !path.is_empty())
    }

    /// Whether a number is given for the agent, be it usable or not.
    fn mentions(&self, agent: usize, number: usize) -> bool {
        let own = match self.drafts.get(agent) {
            Some(draft) => draft.mentions(number),
            None => self.listed.get(number, agent - self.drafts.len()).is_some(),
        };
        own || self.path(agent, number).is_some()
    }

    /// How many agents have a number, and the first of them.
    pub fn mentioning(&self, numbers: &[usize]) -> Option<Few> {
        let all = (0..self.len()).filter(|&agent| numbers.iter().any(|&k| self.mentions(agent, k)));
        self.some(all)
    }

    /// How many these are, and the first of them.
    pub fn some(&self, mut agents: impl Iterator<Item = usize>) -> Option<Few> {
        let first = agents.next()?;
        Some(Few { name: shorten(&self.names.list[first]), count: 1 + agents.count() })
    }

    /// Whether a number of the agent is zero in the periods from `first` on.
    pub fn is_zero(&self, agent: usize, number: usize, first: usize) -> bool {
        if let Some(path) = self.path(agent, number) {
            return path.iter().skip(first).all(|x| *x == 0.0);
        }
        match self.drafts.get(agent) {
            Some(draft) => draft.values[number].as_ref().is_none_or(|given| {
                let first = if given.over_time { first } else { 0 };
                given.rows.iter().skip(first).flatten().all(|x| *x == 0.0)
            }),
            None => self.listed.get(number, agent - self.drafts.len()).is_none_or(|x| x == 0.0),
        }
    }

    /// Reports numbers that an agent needs and does not have.
    pub fn check_needs(&self, table: Option<&Table>, desk: &mut Desk) {
        let source = desk.source.clone();
        for (number, key) in NUMBERS.iter().enumerate().filter(|(_, key)| key.required) {
            for agent in (0..self.len()).filter(|&agent| !self.mentions(agent, number)) {
                desk.problems.push_with(|| match (self.drafts.get(agent), table, self.names.row(agent)) {
                    (None, Some(table), Some(row)) => {
                        table.problem(row, Some(key.name), "empty", "a number").with_help(key.about)
                    }
                    (draft, ..) => {
                        let title = draft.map_or_else(String::new, |draft| format!("{}: ", draft.title));
                        let label = format!("`{}` is missing", key.name);
                        let problem = Problem::new(format!("{title}{label}")).with_help(key.about);
                        match draft {
                            Some(draft) => problem.at(&source, draft.at.clone(), label),
                            None => problem,
                        }
                    }
                });
            }
        }
    }

    /// What is known about one agent.
    fn parameters(&self, agent: usize, terms: &Terms) -> Parameters {
        let series = |number: usize| match self.path(agent, number) {
            Some(path) => Series::numbers(path.iter().copied()),
            None => Series::varying(self.rows(agent, number)),
        };
        let row = |number: usize| self.rows(agent, number).into_iter().next().unwrap_or_default();
        let keeps = |number: usize| terms.keeps(number);
        let observation =
            (keeps(number::OBSERVATION) && self.mentions(agent, number::OBSERVATION)).then(|| {
                let noise = row(number::OBSERVATION_NOISE).first().copied().unwrap_or(0.0);
                Observation { gain: row(number::OBSERVATION), noise }
            });
        Parameters {
            states: self.states(agent).unwrap_or(1),
            a: series(number::A),
            b: series(number::B),
            q: series(number::Q),
            r: series(number::R),
            linear: series(number::LINEAR),
            state_linear: series(number::STATE_LINEAR),
            reference: series(number::REFERENCE),
            terminal_q: row(number::TERMINAL_Q),
            terminal_reference: row(number::TERMINAL_REFERENCE),
            start: row(number::START),
            start_noise: if keeps(number::START_NOISE) { row(number::START_NOISE) } else { Vec::new() },
            noise: if keeps(number::NOISE) { series(number::NOISE) } else { Series::default() },
            loadings: if keeps(number::LOADINGS) { row(number::LOADINGS) } else { Vec::new() },
            law: self.law(agent).cloned().unwrap_or_default(),
            observation,
        }
    }

    /// The agent's law of noise; none if it is the usual one.
    fn law(&self, agent: usize) -> Option<&Law> {
        match self.drafts.get(agent) {
            Some(draft) => draft.law.as_ref(),
            None => self.listed.laws.get(agent - self.drafts.len()),
        }
    }

    /// How many agents there are of each kind.
    pub fn census(&self, terms: &Terms) -> Census {
        let (mut states, mut laws, mut observed) = (BTreeMap::new(), BTreeMap::new(), 0);
        let moved = |agent: usize| {
            NOISE.iter().any(|&k| terms.keeps(k) && !self.is_zero(agent, k, usize::from(k == number::NOISE)))
        };
        for agent in 0..self.len() {
            *states.entry(self.states(agent).unwrap_or(1)).or_insert(0) += 1;
            if moved(agent) {
                *laws.entry(self.law(agent).unwrap_or(&Law::Gaussian).word()).or_insert(0) += 1;
            }
            observed +=
                usize::from(terms.keeps(number::OBSERVATION) && self.mentions(agent, number::OBSERVATION));
        }
        Census { states: states.into_iter().collect(), laws: laws.into_iter().collect(), observed }
    }

    /// The numbers that the agent itself has, without those of the table of series.
    fn rows(&self, agent: usize, number: usize) -> Vec<Vec<f64>> {
        match self.drafts.get(agent) {
            Some(draft) => draft.values[number].as_ref().map_or_else(Vec::new, |given| given.rows.clone()),
            None => {
                self.listed.get(number, agent - self.drafts.len()).map_or_else(Vec::new, |x| vec![vec![x]])
            }
        }
    }

    /// Reports what the library does not take about the agents of the scenario, as far as they are complete.
    pub fn check_drafts(&self, terms: &Terms, desk: &mut Desk) {
        for (agent, draft) in self.drafts.iter().enumerate() {
            let refused = (0..number::COUNT).any(|k| draft.mentions(k) && draft.values[k].is_none());
            if draft.states.is_none() {
                continue;
            }
            for error in Agent::new(self.parameters(agent, terms)).err().unwrap_or_default() {
                // What is missing, or not even of the right shape, has been reported.
                let known = NUMBERS.iter().position(|key| key.name == error.field);
                let reported =
                    known.is_some_and(|k| self.rows(agent, k).is_empty() && (refused || k == number::R));
                if !reported {
                    let source = desk.source.clone();
                    desk.problems.push_with(|| self.refused(agent, &error, None, &source));
                }
            }
        }
    }

    /// A number that the library does not take, at its place.
    fn refused(
        &self,
        agent: usize,
        error: &FieldError,
        table: Option<&Table>,
        source: &crate::diagnostic::Source,
    ) -> Problem {
        let key = NUMBERS.iter().find(|key| key.name == error.field);
        let found = shorten(&error.found);
        let period = error.period.map_or_else(String::new, |t| format!(" in period {t}"));
        let accepted = &error.accepted;
        let draft = match (self.drafts.get(agent), table, self.names.row(agent)) {
            (Some(draft), ..) => draft,
            (None, Some(table), Some(row)) => {
                return table.problem(row, Some(error.field), format!("found {found}{period}"), accepted);
            }
            _ => return Problem::new(format!("agent {agent}, {error}")),
        };
        let given = NUMBERS
            .iter()
            .position(|key| key.name == error.field)
            .and_then(|k| Some((draft.values[k].as_ref(), draft.mentioned[k].clone()?)));
        let at = match given {
            Some((Some(given), _)) => given.place(error.period),
            Some((None, at)) => at,
            None => draft.at.clone(),
        };
        let message =
            format!("{}: `{}`{period}: found {found}, accepted is {accepted}", draft.title, error.field);
        let problem = Problem::new(message).at(source, at, format!("accepted is {accepted}"));
        key.map_or(problem.clone(), |key| problem.with_help(format!("{}: {}", key.name, key.about)))
    }

    /// The market, once nothing else is wrong with it; or a problem.
    pub fn market(
        mut self,
        terms: &Terms,
        periods: usize,
        net_demand: Vec<f64>,
        table: Option<&Table>,
        desk: &mut Desk,
    ) -> Option<Market> {
        let made = if self.is_plain(terms) {
            Market::from_columns(periods, net_demand, self.columns(terms))
        } else {
            Market::new(periods, net_demand, self.agents(terms, table, desk)?)
        };
        let names = std::mem::take(&mut self.names.list);
        let made = made.and_then(|market| market.with_names(names));
        let source = desk.source.clone();
        made.map_err(|error| {
            desk.problems.push_with(|| match error {
                ModelError::Agent { agent, source: error } => self.refused(agent, &error, table, &source),
                error => Problem::new(error.to_string())
                    .at(&source, 0..0, "")
                    .with_help("accepted: two or more, in [[agents]] or in a table"),
            });
        })
        .ok()
    }

    /// All agents, each checked.
    fn agents(&self, terms: &Terms, table: Option<&Table>, desk: &mut Desk) -> Option<Vec<Agent>> {
        let mut agents = Vec::with_capacity(self.len());
        let source = desk.source.clone();
        for agent in 0..self.len() {
            match Agent::new(self.parameters(agent, terms)) {
                Ok(agent) => agents.push(agent),
                Err(errors) => errors
                    .iter()
                    .for_each(|error| desk.problems.push_with(|| self.refused(agent, error, table, &source))),
            }
        }
        (agents.len() == self.len()).then_some(agents)
    }

    /// Whether everybody has one state and constant numbers of the eight kinds that come in columns.
    fn is_plain(&self, terms: &Terms) -> bool {
        let gaussian = |draft: &Draft| draft.law.as_ref().is_none_or(|law| *law == Law::Gaussian);
        let constant = |draft: &Draft| draft.values.iter().flatten().all(|given| !given.over_time);
        let beyond = [
            number::REFERENCE,
            number::STATE_LINEAR,
            number::TERMINAL_Q,
            number::TERMINAL_REFERENCE,
            number::OBSERVATION,
            number::LOADINGS,
        ];
        let beyond = || beyond.into_iter().filter(|&k| terms.keeps(k));
        self.series.is_empty()
            && self.listed.laws.is_empty()
            && beyond().all(|k| {
                self.listed.is_zero(k) && (k != number::OBSERVATION || self.listed.columns[k].is_empty())
            })
            && self.drafts.iter().all(|draft| {
                draft.states == Some(1)
                    && gaussian(draft)
                    && constant(draft)
                    && beyond().all(|k| draft.values[k].is_none())
            })
    }

    /// The numbers of everybody, for a market that is plain.
    fn columns(&mut self, terms: &Terms) -> ScalarColumns {
        let all = self.len();
        let mut column = |number: usize, required: bool| {
            let listed = self.listed.take(number);
            let draft = |draft: &Draft| draft.values[number].as_ref().map_or(0.0, |given| given.rows[0][0]);
            let inline: Vec<f64> = self.drafts.iter().map(draft).collect();
            let absent = listed.is_empty() && inline.iter().all(|x| *x == 0.0);
            if !terms.keeps(number) || (absent && !required) {
                return Vec::new();
            }
            let mut column = if inline.is_empty() { listed } else { [inline, listed].concat() };
            column.resize(all, 0.0);
            column
        };
        ScalarColumns {
            a: column(number::A, true),
            b: column(number::B, true),
            q: column(number::Q, true),
            r: column(number::R, true),
            linear: column(number::LINEAR, false),
            start: column(number::START, false),
            start_noise: column(number::START_NOISE, false),
            noise: column(number::NOISE, false),
        }
    }
}

/// Some agents.
pub(super) struct Few {
    name: String,
    count: usize,
}

impl std::fmt::Display for Few {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.count {
            1 => write!(f, "agent `{}`", self.name),
            2 => write!(f, "agent `{}` and one more", self.name),
            n => write!(f, "agent `{}` and {} more", self.name, n - 1),
        }
    }
}
