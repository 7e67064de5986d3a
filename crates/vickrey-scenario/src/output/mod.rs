//! Results: the document, the tables and pictures beside it, and how they reach the disk.
//!
//! | to do | use |
//! |---|---|
//! | clear a scenario and collect everything about it | [`MarketResult::solve`] |
//! | the document | [`MarketResult::document`], [`Document::to_json`], [`Document::write`] |
//! | the table of agents | [`MarketResult::table`] |
//! | pictures | [`MarketResult::picture`] |
//! | write other folders and files all or nothing | [`Folder`], [`write_file`] |

mod charge;
mod document;
mod folder;
mod market;
mod notes;
pub mod number;
mod pictures;
mod scaling;
mod table;
#[cfg(test)]
mod tests;

pub use charge::{Charge, NoFactor, Origin};
pub use document::{AuditReport, Document, EffortCounts, PictureFile, Source, Summary, Tool, VERSION};
pub use folder::{Existing, Folder, WriteError, write_file};
pub use market::MarketResult;
pub use pictures::{Format, Kind};
pub use scaling::{BaselineAnalysis, Names, Nearest, PowerBalance, Recommended, ScalingAnalysis, Span};
pub use table::{AgentRow, AgentTable, COLUMNS, MOST_CSV, MOST_INLINE, TableFile};
