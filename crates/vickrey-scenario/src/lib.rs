//! Everything between files and the library `vickrey`: scenario files and agent tables in; result documents, tables
//! and pictures out.
//!
//! | to do | use |
//! |---|---|
//! | read a scenario file and its tables | [`load`], [`parse`] |
//! | read what a leader or a follower needs for a live run | [`leader`], [`private`] |
//! | tell a person or a machine what is wrong with it | [`Problem`] |
//! | start a new scenario | [`template`] |
//! | let an editor check and complete one | [`schema`] |
//! | bring data from other programs | [`import`] |
//! | draw | [`plot`] |

pub mod diagnostic;
pub mod import;
pub mod input;
pub mod output;
pub mod plot;
mod schema;
mod template;

pub use diagnostic::Problem;
pub use input::{
    Census, ConsensusScenario, DemandScenario, Discretised, DualScenario, Finer, Goods, LayerPayment,
    LeaderScenario, LinearQuadraticScenario, LiveSystem, MarketKind, MarketScenario, Own, PaymentChoice,
    PivotFamily, PivotScenario, PrivateFile, Replay, Scaling, Scenario, SeasonScenario, System, Timing,
    TwoStageScenario, Units, leader, load, parse, private,
};
pub use schema::schema;
pub use template::{MECHANISMS, template};
