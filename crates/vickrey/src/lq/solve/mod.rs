//! solve
pub mod aggregate;
pub mod discount;
pub mod kalman;
pub(crate) mod passes;
pub mod trade;
