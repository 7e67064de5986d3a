//! Results: the document, the tables and pictures beside it, and how they reach the disk.
//!
//! | to do | use |
//! |---|---|
//! | clear a scenario and collect everything about it | [`MarketResult::solve`] |
//! | solve and run a linear-quadratic scenario | [`LqResult::solve`] |
//! | solve, look ahead in and play a pivot scenario | [`PivotResult::solve`] |
//! | solve a repeated market and play a season | [`SeasonResult::solve`] |
//! | run dual decomposition with everybody faithful | [`DualResult::solve`] |
//! | run consensus with everybody faithful | [`ConsensusResult::solve`] |
//! | play a linear-quadratic scenario many times | [`Prepared`], [`Runs`] |
//! | play many seasons of a repeated market | [`play_seasons`], [`SeasonRuns`] |
//! | play a dynamic pivot mechanism many times | [`PivotRuns`] |
//! | the document | [`MarketResult::document`], [`LqResult::document`], [`Document::to_json`], [`Document::write`] |
//! | tables | [`MarketResult::table`], [`LqResult::tables`], [`Table`] |
//! | pictures | [`Pictured`] |
//! | write other folders and files all or nothing | [`Folder`], [`write_file`] |

mod charge;
pub mod consensus;
mod document;
pub mod dual;
mod factor_chart;
mod folder;
mod kinds;
mod linear_quadratic;
mod market;
mod notes;
pub mod number;
mod pictures;
pub mod pivot;
mod scaling;
mod simulation;
mod table;
mod table_of_agents;
#[cfg(test)]
mod tests;
pub mod two_stage;

pub use charge::{Charge, NoFactor, Origin};
pub use consensus::{ConsensusPart, ConsensusResult};
pub use document::{
    AuditReport, Document, EffortCounts, Head, MarketPart, PictureFile, Source, Summary, Tool, VERSION,
};
pub use dual::{DualError, DualPart, DualResult};
pub use folder::{Existing, Folder, WriteError, write_file};
pub use kinds::{Format, Kind, Pictured};
pub use linear_quadratic::{
    AGENT_COLUMNS, Course, Discounts, ExpectedSummary, Layer, LqAgentRow, LqCharge, LqError, LqPart,
    LqResult, LqSummary, MOST_TRADES, Outlook, STAGE_COLUMNS, Stage, StageRow, Sums,
};
pub use market::MarketResult;
pub use pivot::{PivotPart, PivotResult, PivotRunError};
pub use scaling::{
    BaselineAnalysis, Named, Names, Nearest, PowerBalance, Recommended, ScalingAnalysis, Span,
};
pub use simulation::{
    AgentRuns, Both, Found, Gain, Often, PairGain, PairPart, PairRow, Pairs, PivotEffect, PivotExpectation,
    PivotRuns, PivotRunsPart, PivotRunsSummary, PlayerRuns, Prepared, Quantiles, Reported, Runs, RunsPart,
    RunsSummary, SeasonEffect, SeasonPlan, SeasonPlayerRuns, SeasonRun, SeasonRuns, SeasonRunsPart,
    SeasonRunsSummary, Spread, Unsettled, play_seasons,
};
pub use table::{Cell, Holds, MOST_CSV, MOST_INLINE, Table, TableFile};
pub use table_of_agents::{AgentRow, AgentTable, COLUMNS};
pub use two_stage::{Repeated, SeasonError, SeasonResult};
