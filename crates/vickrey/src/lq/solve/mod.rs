//! solve
pub mod aggregate;
pub mod discount;
pub mod expected;
pub mod kalman;
pub mod ledger;
pub(crate) mod passes;
pub mod payments;
pub mod plan;
pub mod trade;
pub mod values;
