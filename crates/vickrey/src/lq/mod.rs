//! Linear-quadratic dynamic agents: day-ahead plans and the layered real-time market.
pub(crate) mod check;
pub(crate) mod group;
pub mod model;
pub(crate) mod regulator;
pub mod solve;
