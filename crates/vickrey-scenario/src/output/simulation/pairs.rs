//! Games whose truthful runs are all the same, beside runs with lies: markets and plans.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;
use vickrey::mechanism::AgentId;
use vickrey::simulate::{Pair, Totals};

use super::{Both, TABLE};
use crate::Scenario;
use crate::output::document::{Document, Head};
use crate::output::number::finite;
use crate::output::scaling::Named;
use crate::output::table::{Cell, Holds, MOST_INLINE, Table};

/// All runs, added up.
pub struct Pairs<'a> {
    /// The file's head.
    pub scenario: &'a Scenario,
    /// The mechanism's name in scenario files.
    pub mechanism: &'static str,
    /// The agents' names.
    pub names: &'a dyn Named,
    /// Number of agents.
    pub agents: usize,
    /// What liars do, in words.
    pub said: BTreeMap<AgentId, String>,
    /// How many runs were asked for.
    pub runs: u32,
    /// Runs that could not be settled, and why the first of them could not.
    pub unsettled: Unsettled,
    /// Net utility of every agent, everybody truthful.
    pub honest: Vec<f64>,
    /// The same with the lies.
    pub lying: Vec<f64>,
    /// Mean, least and largest gain of every agent.
    pub gain: Vec<[f64; 3]>,
    /// Seed, budget and welfare of every run, and both with the lies.
    rows: Vec<(u64, [f64; 4])>,
    /// What a reader should know.
    pub notes: Vec<String>,
    /// What may not be meant that way.
    pub warnings: Vec<String>,
}

/// Runs that could not be settled.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Unsettled {
    /// How many.
    pub runs: u32,
    /// Why the first of them could not.
    pub first: Option<String>,
}

/// What a document of games holds besides what all documents do.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PairPart {
    /// How many runs were asked for.
    pub runs: u32,
    /// Those that could not be settled.
    pub unsettled: Unsettled,
    /// Mean total utility.
    pub welfare: Both<Option<f64>>,
    /// Mean of what the operator keeps.
    pub budget: Both<Option<f64>>,
    /// One row per agent; of more than 1000 the first liars and honest agents.
    pub agents: Vec<PairRow>,
}

/// One agent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PairRow {
    /// The agent.
    pub name: String,
    /// What it does; null: it is truthful.
    pub lie: Option<String>,
    /// Mean net utility.
    pub utility: Both<Option<f64>>,
    /// What it gains by the lies.
    pub gain: PairGain,
}

/// Gains over runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PairGain {
    /// Mean.
    pub mean: Option<f64>,
    /// Least.
    pub least: Option<f64>,
    /// Largest.
    pub largest: Option<f64>,
}

impl<'a> Pairs<'a> {
    /// Before the first run.
    pub fn new(
        scenario: &'a Scenario,
        mechanism: &'static str,
        (names, agents): (&'a dyn Named, usize),
        said: BTreeMap<AgentId, String>,
        runs: u32,
    ) -> Self {
        Self {
            scenario,
            mechanism,
            names,
            agents,
            said,
            runs,
            unsettled: Unsettled::default(),
            honest: vec![0.0; agents],
            lying: vec![0.0; agents],
            gain: vec![[0.0, f64::INFINITY, f64::NEG_INFINITY]; agents],
            rows: Vec::new(),
            notes: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Takes in a run.
    pub fn add(&mut self, seed: u64, pair: &Pair) {
        let both = |t: &Totals| [t.budget(), t.welfare()];
        let ([budget, welfare], [with, and]) = (both(&pair.truthful), both(&pair.strategic));
        self.rows.push((seed, [budget, welfare, with, and]));
        // Running means: the weight of what is there shrinks as runs are added.
        let weight = 1.0 / self.rows.len() as f64;
        for agent in 0..self.agents {
            let gain = pair.gain(agent);
            let [mean, least, most] = &mut self.gain[agent];
            *mean += weight * (gain - *mean);
            (*least, *most) = (least.min(gain), most.max(gain));
            self.honest[agent] += weight * (pair.truthful.utility(agent) - self.honest[agent]);
            self.lying[agent] += weight * (pair.strategic.utility(agent) - self.lying[agent]);
        }
    }

    /// Takes in a run that could not be settled.
    pub fn fail(&mut self, why: String) {
        self.unsettled.runs += 1;
        self.unsettled.first.get_or_insert(why);
    }

    /// Whether a run was settled.
    pub fn is_settled(&self) -> bool {
        !self.rows.is_empty()
    }

    fn mean(&self, column: usize) -> f64 {
        let mut mean = 0.0;
        for (k, (_, row)) in self.rows.iter().enumerate() {
            mean += (row[column] - mean) / (k + 1) as f64;
        }
        mean
    }

    /// Mean of what the operator keeps, truthful and with the lies.
    pub fn budget(&self) -> [f64; 2] {
        [self.mean(0), self.mean(2)]
    }

    /// Mean total utility, truthful and with the lies.
    pub fn welfare(&self) -> [f64; 2] {
        [self.mean(1), self.mean(3)]
    }

    /// The liars, then as many honest agents as are to be listed.
    pub fn listed(&self, honest: usize) -> Vec<AgentId> {
        let others = (0..self.agents).filter(|i| !self.said.contains_key(i)).take(honest);
        self.said.keys().copied().chain(others).collect()
    }

    fn row(&self, i: AgentId) -> PairRow {
        let [mean, least, largest] = self.gain[i].map(finite);
        PairRow {
            name: self.names.name(i).into_owned(),
            lie: self.said.get(&i).cloned(),
            utility: both([self.honest[i], self.lying[i]]),
            gain: PairGain { mean, least, largest },
        }
    }

    /// The document; `honest` agents are listed where there are more than 1000.
    pub fn document(&self, honest: usize) -> Document<PairPart> {
        let all = self.agents <= MOST_INLINE;
        let agents = if all { (0..self.agents).collect() } else { self.listed(honest) };
        Document {
            head: Head::of(self.scenario, self.mechanism, self.scenario.seed),
            part: PairPart {
                runs: self.runs,
                unsettled: self.unsettled.clone(),
                welfare: both(self.welfare()),
                budget: both(self.budget()),
                agents: agents.into_iter().map(|i| self.row(i)).collect(),
            },
            tables: Vec::new(),
            pictures: Vec::new(),
            notes: self.notes.clone(),
            audit: None,
            warnings: self.warnings.clone(),
        }
    }

    /// All tables that stand beside the document.
    pub fn tables(&self) -> Vec<Box<dyn Table + '_>> {
        vec![Box::new(ByRun(self)), Box::new(ByAgent(self))]
    }
}

fn both([truthful, strategic]: [f64; 2]) -> Both<Option<f64>> {
    Both { truthful: finite(truthful), strategic: Some(finite(strategic)) }
}

struct ByRun<'a>(&'a Pairs<'a>);

impl Table for ByRun<'_> {
    fn stem(&self) -> &'static str {
        TABLE
    }

    fn columns(&self) -> Vec<(Cow<'static, str>, Holds)> {
        // A seed may have more digits than a number keeps.
        let words = [("run", Holds::Whole), ("seed", Holds::Words)];
        let numbers = ["budget", "welfare", "strategic_budget", "strategic_welfare"];
        let numbers = numbers.map(|name| (name, Holds::Numbers));
        words.into_iter().chain(numbers).map(|(name, holds)| (name.into(), holds)).collect()
    }

    fn rows(&self) -> usize {
        self.0.rows.len()
    }

    fn put<'a>(&'a self, row: usize, cells: &mut Vec<Cell<'a>>) {
        let (seed, numbers) = &self.0.rows[row];
        cells.push(Cell::Whole(row));
        cells.push(Cell::Words(seed.to_string().into()));
        cells.extend(numbers.map(|x| Cell::Number(finite(x))));
    }
}

struct ByAgent<'a>(&'a Pairs<'a>);

impl Table for ByAgent<'_> {
    fn stem(&self) -> &'static str {
        "agents"
    }

    fn columns(&self) -> Vec<(Cow<'static, str>, Holds)> {
        let words = ["name", "lie"].map(|name| (name.into(), Holds::Words));
        let numbers = ["utility", "strategic_utility", "gain", "gain_least", "gain_largest"];
        words.into_iter().chain(numbers.map(|name| (name.into(), Holds::Numbers))).collect()
    }

    fn rows(&self) -> usize {
        self.0.agents
    }

    fn put<'a>(&'a self, row: usize, cells: &mut Vec<Cell<'a>>) {
        let pairs = self.0;
        cells.push(Cell::Words(pairs.names.name(row)));
        cells.push(Cell::Words(pairs.said.get(&row).map_or("", String::as_str).into()));
        cells.extend([pairs.honest[row], pairs.lying[row]].map(|x| Cell::Number(finite(x))));
        cells.extend(pairs.gain[row].map(|x| Cell::Number(finite(x))));
    }
}
