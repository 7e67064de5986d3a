//! Static VCG and scaled-VCG market with a balance constraint.
//!
//! **Situation.** N producers and consumers trade one good once; the quantities received must add up to a fixed total
//! (usually zero). Agents report utilities; the operator clears the market efficiently and charges payments that make
//! truth a dominant strategy.
//!
//! **Signs.** `u > 0` consumes, `u < 0` produces; payments `p > 0` are paid by the agent. Net utility is F(u) - p.
//!
//! **Source.** Paper 000, section III.A-B: the allocation solves (5), VCG payments (8), scaled VCG
//! p_i(c) = c H_i - sum_{j != i} F_j(u_j) with an exogenous constant c, the interval for c and market power balance
//! (Theorems 1 and 2). The formulas here are the corrected and numerically stable ones: with the price lambda,
//! gap_i = lambda u_i - vcg_i >= 0 is computed as an integral of residual demand, never as a difference of welfares.
//!
//! | to do | use |
//! |---|---|
//! | describe the agents | [`Utility`], [`Market`] |
//! | clear, and get every payment | [`clear`], [`settle`] |
//! | choose the factor c | [`scaling`] |
//! | run it as a protocol | [`MarketMechanism`] |
//! | search for violations | [`audit::audit`] |

pub mod audit;
pub mod curve;
pub mod model;
pub mod protocol;
pub mod solve;
pub mod strategies;
pub mod utility;

pub use crate::scaling;
pub use curve::Curve;
pub use model::{Market, MarketError};
pub use protocol::{MarketMechanism, PaymentRule};
pub use solve::{Clearing, Settlement, clear, settle};
pub use utility::{ConcaveUtility, Shape, Utility, UtilityError};
