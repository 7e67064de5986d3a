//! General dynamics: plants that the user of the library supplies, N + 1 open-loop problems, VCG payments.
//!
//! **Situation.** N agents, each with dynamics x(t+1) = f(t, x, u) and a utility of its own, plan T periods ahead. The
//! controls must add up to a net demand d(t) in every period (usually zero: a closed market). At the start every agent
//! reports its whole plant: dynamics, utility, initial state, limits. The operator maximises the total utility and
//! charges what each agent's presence costs the others. Batteries with losses, heated buildings, reservoirs, pipelines.
//! Linear dynamics with quadratic utility have faster and exact solutions of their own; here nothing is assumed but
//! smoothness.
//!
//! **Signs.** u > 0 receives (consumes), u < 0 delivers; utilities are money and maximised; a payment p > 0 is paid by
//! the agent. lambda(t) is the multiplier of sum_i u_i(t) = d(t).
//!
//! **Source.** Paper 000, section III.C, with general utilities of whole control paths: the static mechanism with F_i
//! replaced by J_i(U_i). Every leave-one-out problem is solved as a problem of its own.
//!
//! **What is promised.** Truth is a dominant strategy, participation pays and the plan is efficient *exactly* if the
//! N + 1 problems are solved to their *global* optima. That is known here only if every plant is concave in its control
//! path; a plant says so itself ([`Plant::concave`]), and the claim is tested but not proved. Otherwise the optima are the best of several searches, and
//! [`Settlement::globality`](solve::Settlement::globality) says what was tried. One mistake is always found out: at a
//! global optimum F >= H_i + o_i ("i idle, the others as without it" is a plan for everybody); where that fails the
//! full problem is started again from that plan, and settling fails with an error that names the agent if it cannot be
//! repaired. No such check exists for a leave-one-out value that is too low.
//!
//! ```
//! use std::sync::Arc;
//! use vickrey::accounts::Accounts;
//! use vickrey::dynamic::{Market, Plant, settle};
//! use vickrey::guarantee::Baseline;
//!
//! /// A battery that loses the more the faster it is charged or discharged, and values its charge at the end.
//! #[derive(Debug)]
//! struct Battery {
//!     loss: f64,
//!     value: f64,
//! }
//!
//! impl Plant for Battery {
//!     fn states(&self) -> usize {
//!         1
//!     }
//!     fn initial(&self) -> Vec<f64> {
//!         vec![1.0]
//!     }
//!     fn step(&self, _: usize, x: &[f64], u: f64, next: &mut [f64]) {
//!         next[0] = x[0] + u - self.loss * u * u;
//!     }
//!     fn stage(&self, _: usize, _: &[f64], u: f64) -> f64 {
//!         -0.05 * u * u
//!     }
//!     fn terminal(&self, x: &[f64]) -> f64 {
//!         self.value * (1.0 - (-x[0]).exp())
//!     }
//!     fn bounds(&self, _: usize) -> (f64, f64) {
//!         (-1.0, 1.0)
//!     }
//!     fn concave(&self) -> bool {
//!         true
//!     }
//! }
//!
//! let market = Market::new(
//!     3,
//!     vec![0.0, -0.4, 0.2],
//!     vec![
//!         Arc::new(Battery { loss: 0.1, value: 2.0 }),
//!         Arc::new(Battery { loss: 0.2, value: 1.0 }),
//!         Arc::new(Battery { loss: 0.1, value: 3.0 }),
//!     ],
//! )?;
//! let settlement = settle(&market)?;
//! for agent in 0..market.len() {
//!     // Nobody is worse off than idle, and the operator pays for the market power that it takes away.
//!     assert!(settlement.net(agent, Baseline::Autarky) >= -1e-9);
//!     assert!(settlement.gap(agent) >= -1e-9);
//! }
//! println!("prices {:?}; {}", settlement.price(), settlement.globality);
//! # Ok::<(), vickrey::dynamic::DynamicError>(())
//! ```
//!
//! | to do | use |
//! |---|---|
//! | describe the agents | [`Plant`], [`Market`] |
//! | solve, and get every payment | [`settle`], [`Options`] |
//! | choose the factor c | [`crate::scaling`] |
//! | run it as a protocol | [`DynamicMechanism`] |
//! | read what is promised and what was checked | [`audit::guarantees`] |

pub mod audit;
mod difference;
pub mod model;
pub mod protocol;
pub mod solve;
pub mod strategies;
mod sweep;

pub use model::{DynamicError, Market, Place, Plant};
pub use protocol::{DynamicMechanism, PaymentRule};
pub use solve::{Globality, Options, Settlement, Solution, Stop, settle, settle_with};
