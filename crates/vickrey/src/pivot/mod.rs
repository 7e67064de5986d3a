//! The dynamic pivot mechanism, for decisions whose feasible set is random (paper 002).

mod check;
#[cfg(test)]
mod dense;
pub mod discretise;
pub mod exchangeable;
pub mod index;
pub mod mode;
pub mod model;
pub mod varying;

pub use mode::Without;
pub use model::{Horizon, Kernel, Labels, Model, ModelError, Moves, Outcomes, Parts, Place, Player, Public};
pub use varying::Varying;
