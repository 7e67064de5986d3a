//! Average consensus among strategic followers (paper 003, Algorithm 2).

pub mod model;
pub mod protocol;
pub mod solve;
pub mod spectrum;
pub mod strategies;

pub use model::{ConsensusError, Graph, Instance, Place};
pub use protocol::Consensus;
pub use solve::{Rules, Terms, Test, Watch};
pub use strategies::{Conduct, Field};
