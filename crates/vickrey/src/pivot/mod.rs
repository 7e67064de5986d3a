//! The dynamic pivot mechanism, for decisions whose feasible set is random (paper 002).

mod check;
pub mod discretise;
pub mod model;
pub mod varying;

pub use model::{Horizon, Kernel, Labels, Model, ModelError, Moves, Outcomes, Parts, Place, Player, Public};
pub use varying::Varying;
