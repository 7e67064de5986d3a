//! Readers for the file formats of other programs.

mod case_market;
pub mod matpower;
mod reading;
pub mod rts;

pub use case_market::{CaseOptions, ImportError, market_from_case};
pub use reading::load_case;
pub use rts::{Date, Resolution, RtsMarket, RtsOptions, RtsShortages, rts_market, rts_shortages};
