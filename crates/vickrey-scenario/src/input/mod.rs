//! From bytes to a checked instance: scenario files in TOML, with tables in CSV or Parquet.

pub(crate) mod consensus;
pub(crate) mod dual;
pub(crate) mod keys;
pub(crate) mod linear_quadratic;
mod list;
mod live;
pub(crate) mod market;
mod names;
pub(crate) mod pivot;
mod rules;
mod sheet;
mod spot;
mod table;
#[cfg(test)]
mod tests;
pub(crate) mod two_stage;

use std::path::{Path, PathBuf};

use serde::Serialize;
use toml::Spanned;
use toml::de::DeTable;

use self::keys::{Key, Layout, MECHANISMS};
use self::sheet::{Desk, Sheet};
use crate::diagnostic::{Problem, Problems, Source, list, suggest};

pub use self::consensus::ConsensusScenario;
pub use self::dual::{DualScenario, Timing};
pub use self::linear_quadratic::{Census, LayerPayment, LinearQuadraticScenario, MarketKind, Replay};
pub use self::live::{LeaderScenario, LiveSystem, Own, PrivateFile, leader, private};
pub use self::market::{MarketScenario, PaymentChoice};
pub use self::pivot::{Finer, Goods, PivotFamily, PivotScenario};
pub use self::rules::Scaling;
pub use self::two_stage::{DemandScenario, Discretised, SeasonScenario, TwoStageScenario};

/// What a scenario file and its tables say, checked.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// A title for tables and pictures.
    pub title: Option<String>,
    /// Seed of every random draw.
    pub seed: u64,
    /// Labels of quantities, prices and money.
    pub units: Units,
    /// BLAKE3 of the bytes of the scenario and of every table it refers to, in hexadecimal.
    pub hash: String,
    /// Where it was read.
    pub path: PathBuf,
    /// What is accepted but looks like a mistake.
    pub warnings: Vec<String>,
    /// The instance.
    pub system: System,
}

/// The instance, by mechanism.
#[derive(Clone, Debug)]
#[non_exhaustive]
#[expect(clippy::large_enum_variant, reason = "there is one, and it is not moved around")]
pub enum System {
    /// `mechanism = "market"`
    Market(MarketScenario),
    /// `mechanism = "linear-quadratic"`
    LinearQuadratic(LinearQuadraticScenario),
    /// `mechanism = "pivot"`
    Pivot(PivotScenario),
    /// `mechanism = "two-stage"`
    TwoStage(Box<TwoStageScenario>),
    /// `mechanism = "demand-response"`
    DemandResponse(Box<DemandScenario>),
    /// `mechanism = "dual-decomposition"`
    Dual(Box<DualScenario>),
    /// `mechanism = "consensus"`
    Consensus(Box<ConsensusScenario>),
}

/// Labels of quantities, prices and money; empty where the scenario has none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Units {
    /// What is traded, for example MW.
    pub quantity: String,
    /// Money per quantity, for example $/MWh.
    pub price: String,
    /// What utilities and payments count, for example $/h.
    pub money: String,
}

/// What every mechanism's reader needs besides the document itself.
struct Context<'a> {
    /// Folder that table paths are relative to.
    folder: &'a Path,
    hash: blake3::Hasher,
    warnings: Vec<String>,
}

impl<'a> Context<'a> {
    fn new(path: &'a Path, text: &str) -> Self {
        let mut hash = blake3::Hasher::new();
        hash.update(&(text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
        Self { folder: path.parent().unwrap_or(Path::new("")), hash, warnings: Vec::new() }
    }
}

/// Reads a scenario file and the tables it refers to.
///
/// # Errors
/// Everything that is wrong with it, with places; at most 20 problems, the rest counted.
pub fn load(path: &Path) -> Result<Scenario, Problem> {
    parse(&text_of(path)?, path)
}

/// The text of a file.
fn text_of(path: &Path) -> Result<String, Problem> {
    let bytes = std::fs::read(path).map_err(|error| {
        Problem::new(format!("cannot read `{}`: {error}", path.display()))
            .in_file(path)
            .with_help("accepted: the path of a scenario file; `vickrey new market` writes one")
    })?;
    String::from_utf8(bytes)
        .map_err(|error| not_text(error.as_bytes(), error.utf8_error().valid_up_to(), path))
}

/// A file is no text from a byte on. Its lines are not shown: what they hold may be anything.
fn not_text(bytes: &[u8], at: usize, path: &Path) -> Problem {
    let before = String::from_utf8_lossy(&bytes[..at]);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let found = bytes.get(at).map_or_else(String::new, |byte| format!(": found the byte 0x{byte:02x}"));
    let place = format!("line {line}, column {column}, {at} bytes from the beginning of the file");
    Problem::new(format!("`{}` is not UTF-8 text{found} in {place}", path.display()))
        .in_file(path)
        .in_line(line as u64, column as u64)
        .with_help("accepted: TOML in UTF-8; save it again with that encoding")
}

/// Reads a scenario from its text; `path` names it in messages, and tables are looked up in its folder.
///
/// # Errors
/// Like [`load`].
pub fn parse(text: &str, path: &Path) -> Result<Scenario, Problem> {
    let source = Source::new(path.display().to_string(), text);
    let document = document(text, &source)?;
    let sheet = Sheet::new(document.get_ref(), 0..0, "scenario");
    let mut desk = Desk::new(source);
    let mut context = Context::new(path, text);
    let mechanism = mechanism(&sheet, &mut desk);
    desk.layout = mechanism.and_then(Layout::of);
    let system = match mechanism {
        Some("market") => market::read(&sheet, &mut desk, &mut context).map(System::Market),
        Some("linear-quadratic") => {
            linear_quadratic::read(&sheet, &mut desk, &mut context).map(System::LinearQuadratic)
        }
        Some("pivot") => pivot::read(&sheet, &mut desk, &mut context).map(System::Pivot),
        Some("two-stage") => {
            two_stage::game(&sheet, &mut desk, &mut context).map(|read| System::TwoStage(Box::new(read)))
        }
        Some("demand-response") => two_stage::demand_response(&sheet, &mut desk, &mut context)
            .map(|read| System::DemandResponse(Box::new(read))),
        Some("dual-decomposition") => {
            dual::read(&sheet, &mut desk, &mut context).map(|read| System::Dual(Box::new(read)))
        }
        Some("consensus") => {
            consensus::read(&sheet, &mut desk, &mut context).map(|read| System::Consensus(Box::new(read)))
        }
        _ => None,
    };
    let head = head(&sheet, &mut desk);
    desk.problems.finish(&desk.source)?;
    let (title, seed, units) = head;
    let hash = context.hash.finalize().to_hex().to_string();
    let Some(system) = system else {
        return Err(Problem::new("the scenario could not be read").in_file(path)); // a reader found nothing to report
    };
    Ok(Scenario { title, seed, units, hash, path: path.to_owned(), warnings: context.warnings, system })
}

/// The document, or all its mistakes of syntax.
fn document<'t>(text: &'t str, source: &Source) -> Result<Spanned<DeTable<'t>>, Problem> {
    let (document, errors) = DeTable::parse_recoverable(text);
    let mut problems = Problems::default();
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        let message = format!("not valid TOML: {}", error.message().replace('\n', ", "));
        problems.push_with(|| Problem::new(message).at(source, span, "here"));
    }
    problems.finish(source)?;
    Ok(document)
}

/// The mechanism that the file is about; without it nothing else can be judged.
fn mechanism<'a>(sheet: &Sheet<'a, '_>, desk: &mut Desk) -> Option<&'static str> {
    let key: &Key = &keys::MECHANISM;
    if sheet.value(key.name).is_none() {
        let message = "`mechanism` is missing".to_owned();
        let help = format!(
            "begin the file with mechanism = \"{}\"; accepted: {}",
            MECHANISMS[0],
            list(MECHANISMS.iter().copied())
        );
        desk.at(0..0, message, "`mechanism` is missing", help);
        return None;
    }
    sheet.choice(key, MECHANISMS.iter().copied(), desk).map(|index| MECHANISMS[index])
}

/// What every scenario has, whatever the mechanism.
fn head(sheet: &Sheet<'_, '_>, desk: &mut Desk) -> (Option<String>, u64, Units) {
    let title = sheet.text(&keys::TITLE, desk).map(str::to_owned);
    let seed = sheet.whole(&keys::SEED, desk).unwrap_or(0);
    let mut units = Units::default();
    if let Some(section) = sheet.section(&keys::LABELS, desk) {
        section.refuse_others(keys::UNITS.iter().map(|key| key.name), desk);
        let [quantity, price, money] =
            [0, 1, 2].map(|k| section.text(&keys::UNITS[k], desk).unwrap_or_default().to_owned());
        units = Units { quantity, price, money };
    }
    (title, seed, units)
}

/// What exists under this name, or a problem that suggests the nearest.
pub(crate) fn known_mechanism(name: &str) -> Result<&'static str, Problem> {
    MECHANISMS.iter().copied().find(|known| *known == name).ok_or_else(|| {
        let name = crate::diagnostic::shorten(name);
        Problem::new(format!("there is no mechanism `{name}`"))
            .with_help(suggest(&name, MECHANISMS.iter().copied()))
    })
}
