//! Linear-quadratic dynamic agents: day-ahead plans and the layered real-time market.
//!
//! **Situation.** N agents have states that move with what they trade and with private noise: batteries, buildings, power
//! plants that leave their schedule, wind and load that miss their forecast. In every period the quantities received add
//! up to net demand (usually zero). Three markets:
//!
//! * the **plan**: everything is known at the start; agents report it once, trades of all periods and payments follow
//!   ([`Plan`], [`PlanMechanism`]);
//! * the **layered** market: every period each agent bids only how its state moved away from the forecast, everybody is
//!   planned anew, and each pays for that layer ([`LayeredMechanism`]);
//! * the same with **partial observation**: bids are the updates of a Kalman filter.
//!
//! **Signs.** `u > 0` receives, `u < 0` delivers; payments `p > 0` are paid by the agent; utilities are maximised, Q <= 0
//! and r < 0. Net utility is the utility of states and trades minus payments.
//!
//! **Source.** Paper 000, sections III.C to VI, misprints corrected: (11)-(20) the deterministic market, (24)-(35)
//! the layered one.
//!
//! | to do | use |
//! |---|---|
//! | describe agents | [`Agent`], [`Parameters`], [`Market`] |
//! | set up | [`Aggregate`] |
//! | plan, with every payment | [`Plan`] |
//! | what everybody can expect | [`Expected`] |
//! | choose the factor c | [`crate::scaling`] on the [`Ledger`] of either |
//! | look for lies that pay | [`audit()`](audit::audit), [`audit_plan`](audit::audit_plan) |
//! | run period by period | [`LayeredMechanism`], [`Record`] |
//!
//! ```
//! use vickrey::accounts::Accounts;
//! use vickrey::lq::solve::{aggregate::Aggregate, plan::Plan};
//! use vickrey::lq::{Agent, Market};
//!
//! // Three stores (a: what is kept, b: per unit bought, q: of being off target, r: of trading), two of them off target.
//! let start = |x: f64| move |p: &mut vickrey::lq::Parameters| p.start = vec![x];
//! let agents = vec![
//!     Agent::scalar(1.0, 1.0, -1.0, -1.0).and_then(|agent| agent.with(start(1.0))),
//!     Agent::scalar(0.9, 1.0, -0.5, -2.0).and_then(|agent| agent.with(start(-0.5))),
//!     Agent::scalar(0.8, 0.5, -2.0, -1.0),
//! ];
//! let agents: Vec<Agent> = agents.into_iter().collect::<Result<_, _>>().map_err(|e| e[0].clone())?;
//! let market = Market::new(3, Vec::new(), agents)?;
//! let plan = Plan::new(&market, &Aggregate::new(&market)?)?;
//! let first = plan.path(&market, 0).allocation;
//! assert!(first[0] < 0.0, "who has too much delivers");
//! assert!((0..3).all(|i| plan.ledger.gap(i) >= 0.0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod audit;
pub(crate) mod check;
pub(crate) mod group;
pub mod model;
pub(crate) mod nature;
pub mod protocol;
pub(crate) mod regulator;
pub mod simulate;
pub mod solve;
pub mod strategies;

pub use model::{Agent, FieldError, Market, ModelError, Observation, Parameters, ScalarColumns, Series};
pub use protocol::{LayeredMechanism, PlanMechanism, PlanRule};
pub use solve::aggregate::{Aggregate, SolveError};
pub use solve::expected::Expected;
pub use solve::ledger::Ledger;
pub use solve::payments::{LayerRule, PaymentError, Pivot};
pub use solve::plan::Plan;
pub use solve::trade::{Bids, Path, Record, Trade};
