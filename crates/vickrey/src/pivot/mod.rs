//! The dynamic pivot mechanism, for decisions whose feasible set is random (paper 002).

pub mod audit;
mod check;
#[cfg(test)]
mod dense;
pub mod discretise;
pub mod exchangeable;
pub mod index;
pub mod mode;
pub mod model;
pub mod protocol;
pub mod simulate;
pub mod solve;
pub mod strategies;
pub mod varying;

pub use mode::{PaymentTime, Without};
pub use model::{Horizon, Kernel, Labels, Model, ModelError, Moves, Outcomes, Parts, Place, Player, Public};
pub use protocol::{PivotMechanism, Terms};
pub use solve::{Options, Solution, solve};
pub use varying::Varying;
