//! Vickrey: efficient decisions for self-interested agents, payments that make honesty the best policy, and audits
//! that show it on the instance at hand.
//!
//! The library is pure: no files, no clock, no global state; every random draw comes from a seed that is passed in.
//!
//! ```
//! use vickrey::accounts::Accounts;
//! use vickrey::market::{Market, Utility, settle};
//!
//! // Two producers (negative quantities) and a consumer; F(u) = a u² + b u.
//! let market = Market::new(
//!     vec![
//!         Utility::quadratic(-1.0, 1.0)?,
//!         Utility::quadratic(-0.5, 2.0)?,
//!         Utility::quadratic(-2.0, 8.0)?,
//!     ],
//!     0.0,
//! )?;
//! let settlement = settle(&market)?;
//! assert!((settlement.price() - 2.571_428_571).abs() < 1e-9);
//! assert!((0..3).all(|i| settlement.gap(i) >= 0.0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod accounts;
pub mod audit;
pub mod dynamic;
pub mod faithful;
pub mod guarantee;
pub mod lq;
pub mod market;
pub mod mechanism;
pub mod names;
pub mod numeric;
pub mod pivot;
pub mod scaling;
pub mod seal;
pub mod simulate;
pub mod two_stage;
