//! The result document: one JSON text, the same for every mechanism where the mechanisms agree.

use std::path::{Path, PathBuf};

use serde::Serialize;
use vickrey::guarantee::Audit;

use super::folder::{Existing, Folder, WriteError};
use super::scaling::{Names, ScalingAnalysis};
use super::table::{Table, TableFile};
use super::table_of_agents::AgentRow;
use crate::{Scenario, Units};

/// Version of the document's format; it grows when a field changes its meaning or goes away.
pub const VERSION: u32 = 1;

/// The result of a run; `P` is the mechanism's own part.
///
/// Numbers that are infinite or do not exist are null; all others read back bit for bit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Document<P> {
    /// What was run.
    #[serde(flatten)]
    pub head: Head,
    /// What came out, in the mechanism's own terms.
    #[serde(flatten)]
    pub part: P,
    /// Tables beside this document; empty if it was not written to a folder.
    pub tables: Vec<TableFile>,
    /// Pictures beside this document.
    pub pictures: Vec<String>,
    /// What a reader should know, in sentences.
    pub notes: Vec<String>,
    /// What the audit found, if one was run.
    pub audit: Option<AuditReport>,
    /// What may not be meant that way.
    pub warnings: Vec<String>,
}

/// What every document begins with.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Head {
    /// Version of the format.
    pub version: u32,
    /// The program that wrote it.
    pub tool: Tool,
    /// The mechanism, as in the scenario.
    pub mechanism: &'static str,
    /// The scenario's title.
    pub title: Option<String>,
    /// The seed of every random number.
    pub seed: u64,
    /// The scenario that was run.
    pub scenario: Source,
    /// Units, in words.
    pub units: Units,
}

/// What a market's document holds besides what all documents do.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MarketPart {
    /// The main numbers.
    pub summary: Summary,
    /// Which factors c are feasible, for both baselines.
    pub scaling: ScalingAnalysis,
    /// One row per agent; null if there are more than 1000 (see `tables`).
    pub agents: Option<Vec<AgentRow>>,
}

/// The program that wrote a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tool {
    /// Its name.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
}

/// The scenario that was run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Source {
    /// Its path, as it was given.
    pub path: String,
    /// Hash of what was read.
    pub hash: String,
}

/// The main numbers of a market.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Number of agents.
    pub agents: usize,
    /// Total utility.
    pub welfare: f64,
    /// The price.
    pub price: f64,
    /// Lowest price that clears; null if every lower one does.
    pub price_low: Option<f64>,
    /// Highest price that clears; null if every higher one does.
    pub price_high: Option<f64>,
    /// What the operator keeps (negative: pays); null if a payment does not exist.
    pub budget: Option<f64>,
    /// `vcg`, `groves`, `scaled-vcg` or `lagrange`.
    pub payment_rule: &'static str,
    /// What agents compare with under scaled VCG.
    pub baseline: &'static str,
    /// The factor of scaled VCG.
    pub c: Option<f64>,
    /// Where c came from, in words.
    pub c_origin: Option<&'static str>,
    /// What the quantities add up to.
    pub total: f64,
    /// What rounding left of the balance.
    pub imbalance: f64,
    /// Quantity that changes hands.
    pub volume: f64,
    /// Quantity that agents receive.
    pub consumed: f64,
    /// Quantity that agents deliver.
    pub produced: f64,
    /// Agents without whom the market is infeasible.
    pub pivotal: Names,
    /// Agents that cannot be idle.
    pub forced: Names,
    /// How the leave-one-out problems were solved.
    pub effort: EffortCounts,
}

/// How many leave-one-out problems were solved in which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct EffortCounts {
    /// In closed form.
    pub closed_form: usize,
    /// On the shared residual demand.
    pub shared: usize,
    /// One by one.
    pub one_by_one: usize,
}

/// What an audit found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AuditReport {
    /// Whether no promise was found violated.
    pub passed: bool,
    /// How hard was searched: `quick`, `normal` or `deep`.
    pub effort: &'static str,
    /// The rows.
    #[serde(flatten)]
    pub audit: Audit,
}

impl AuditReport {
    /// The report of an audit of this effort.
    pub fn new(audit: Audit, effort: &'static str) -> Self {
        Self { passed: audit.passed(), effort, audit }
    }
}

impl Head {
    /// The head of a document about this scenario.
    pub fn of(scenario: &Scenario, mechanism: &'static str, seed: u64) -> Self {
        Self {
            version: VERSION,
            tool: Tool::this(),
            mechanism,
            title: scenario.title.clone(),
            seed,
            scenario: Source::of(scenario),
            units: scenario.units.clone(),
        }
    }
}

impl Tool {
    /// This program.
    pub fn this() -> Self {
        Self { name: "vickrey", version: env!("CARGO_PKG_VERSION") }
    }
}

impl Source {
    /// The scenario's path and hash.
    pub fn of(scenario: &Scenario) -> Self {
        Self { path: scenario.path.display().to_string(), hash: scenario.hash.clone() }
    }
}

/// A picture that goes beside a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PictureFile {
    /// Its file name.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

impl<P: Clone + Serialize> Document<P> {
    /// The document as JSON text, ending with a line feed.
    ///
    /// # Errors
    /// The document cannot be written as JSON (a broken invariant, not something an input can cause).
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        Ok(text)
    }

    /// Writes the document (`result.json`), tables and pictures into a new folder, all or nothing, and answers where
    /// they are.
    ///
    /// # Errors
    /// The folder exists (and may not be replaced), or cannot be written. Then nothing is left at its place.
    pub fn write(
        &self,
        tables: &[&dyn Table],
        pictures: &[PictureFile],
        target: &Path,
        existing: Existing,
    ) -> Result<PathBuf, WriteError> {
        let folder = Folder::create(target, existing)?;
        let mut document = self.clone();
        document.tables = tables.iter().map(|table| table.file()).collect();
        document.pictures = pictures.iter().map(|picture| picture.name.clone()).collect();
        let text = document
            .to_json()
            .map_err(|e| WriteError::Table { file: "result.json".into(), reason: e.to_string() })?;
        for table in tables {
            table.write(&folder)?;
        }
        for picture in pictures {
            folder.bytes(&picture.name, &picture.bytes)?;
        }
        folder.bytes("result.json", text.as_bytes())?;
        folder.finish()
    }
}
