//! Readers for the file formats of other programs.

mod case_market;
pub mod matpower;
mod reading;

pub use case_market::{CaseOptions, ImportError, market_from_case};
pub use reading::load_case;
