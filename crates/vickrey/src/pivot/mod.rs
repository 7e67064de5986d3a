//! The dynamic pivot mechanism, for decisions whose feasible set is random.
//!
//! **Situation.** A coordinator takes a decision in every period for N players, each with a private type that moves over
//! time, perhaps with the decisions. There is a public state that everybody sees, and a public that gains or loses but
//! does not report. Which decisions are feasible turns out only after the reports: an imbalance comes or does not, an item
//! arrives, a window opens. A period:
//!
//! 1. the public state is seen, players learn their types and report them, sealed if so wished;
//! 2. payments are fixed;
//! 3. the outcome is drawn, and with it the feasible set;
//! 4. the decision is taken that is best for all, the public included, now and later.
//!
//! The payments make truth the best reply to truth in every state and after every history, whatever others' types are.
//! With one outcome it is the dynamic pivot mechanism of Bergemann and Välimäki; with one period the expected Clarke pivot.
//! Horizons are finite, or infinite with a discount factor below 1.
//!
//! **Modes.** A payment compares with the problem of the others without the player, and there are three readings of
//! "without" ([`Without`]): `Same` (no payment is negative, but a player may lose), `Own` (nobody is worse off than left
//! alone, but the coordinator may pay), `Tight` (the most that can be collected while everybody keeps her outside value).
//! Truth is best in all three. No reading has everything: [`audit::compare`] shows all on the instance at hand.
//!
//! **Signs.** Utilities are money, maximised, of any sign. Payments `p > 0` are paid by the player to the coordinator, so
//! that net utility is `v - p`. Players, types, decisions, outcomes, public states and periods are counted from 0. Axes of
//! [`Varying`] are (period, decision, public state).
//!
//! **What may not influence what** has no place in the types: a player's utility and kernel know the period, the
//! decision, the public state and her own type; feasible sets know the outcome alone. Independence of types is what truth
//! rests on; [`audit::dependence`] shows what is lost without it.
//!
//! **Source.** Paper 002 in its corrected reading: (2) and (3) the efficient decision and its value, (10) and (11) the
//! same without a player, (21) the payment, Theorem 1 incentive compatibility, Theorem 2 participation, Lemma 1 weak budget
//! balance; section VII is the market of combinatorial goods. Mode `Tight`, payments that wait for the outcome, and the
//! certificate for inexact values are ours.
//!
//! | to do | use |
//! |---|---|
//! | describe an instance | [`Parts`], [`Player`], [`Public`], [`Outcomes`]; checked by [`Model::new`] |
//! | bring a number that moves onto a grid | [`discretise`] |
//! | solve it | [`solve()`](solve::solve), or [`solve_as`](solve::solve_as) by one [`Structure`](solve::Structure) |
//! | see beforehand by which structure, and what it takes | [`plan()`](solve::plan()) |
//! | decide and charge for a report | [`Solution::ruling`] |
//! | all states at once | [`solve_product`](solve::solve_product), [`solve_tables`](solve::solve_tables) |
//! | very many projects, one of which moves | [`index`] |
//! | players who can change places | [`exchangeable`] |
//! | values from elsewhere, or between nodes | [`approximate`](solve::approximate) |
//! | what no lie gains more than | [`Solution::certificate`] |
//! | look for lies that pay, and for losses | [`audit()`](audit::audit); all modes: [`audit::compare`] |
//! | run it period by period | [`PivotMechanism`] with a [`World`](crate::mechanism::World) or an [`Inbox`](crate::mechanism::Inbox) |
//! | play many games | [`Game`](simulate::Game) |
//!
//! ```
//! use vickrey::pivot::solve::State;
//! use vickrey::pivot::{
//!     Horizon, Kernel, Labels, Model, Moves, Options, Outcomes, Parts, Player, Public, Varying, solve,
//! };
//!
//! // An item comes with probability 0.4. It is worth 0 or 5 to the first player (two types), and 3 to the second.
//! let player = |worth: Vec<Vec<f64>>| Player {
//!     types: worth[0].len(),
//!     moves: Moves::constant(Kernel::identity(worth[0].len())),
//!     terminal: Some(Varying::constant(vec![0.0; worth[0].len()])),
//!     prior: vec![1.0 / worth[0].len() as f64; worth[0].len()],
//!     utility: Varying::by_decision(worth),
//!     absent: None,
//!     outside: None,
//! };
//! let model = Model::new(Parts {
//!     horizon: Horizon::Finite(1),
//!     discount: 1.0,
//!     decisions: 3, // keep, to the first, to the second
//!     outcomes: Outcomes {
//!         feasible: vec![vec![0], vec![1, 2]],
//!         probability: Varying::constant(vec![0.6, 0.4]),
//!     },
//!     public: Public::nothing(),
//!     players: vec![
//!         player(vec![vec![0.0, 0.0], vec![0.0, 5.0], vec![0.0, 0.0]]),
//!         player(vec![vec![0.0], vec![0.0], vec![3.0]]),
//!     ],
//!     labels: Labels::default(),
//! })?;
//! let solution = solve(&model, &Options::default(), &|_| {})?;
//! let ruling = solution.ruling(0, &State { public: 0, types: vec![1, 0] })?;
//! assert_eq!(ruling.decision, [0, 1], "kept if none comes, to the first if one does");
//! assert!((ruling.payment[0] - 0.4 * 3.0).abs() < 1e-12, "what the other loses, times how likely it is");
//! assert_eq!(ruling.payment[1], 0.0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

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
pub use solve::{Options, Plan, Solution, plan, solve};
pub use varying::Varying;
