//! audit
pub mod covariance;
pub mod enumerate;
mod play;
pub use play::{LinearLie, Step};
