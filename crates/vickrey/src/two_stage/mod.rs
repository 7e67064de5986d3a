//! The same market every day: a two-stage repeated stochastic game (paper 001).
//!
//! A player knows in advance only the probability law of its cost or value (its *supertype*) and learns its *type* every
//! day. The planner decides once on the reported laws (first stage) and once more on the types that are bid (second
//! stage), and over the days statistical tests bind the two together. Honesty about both is then the best policy in the
//! long run, as long as nobody else bankrupts itself.
//!
//! A day's payment is what the decision is worth by the player's bid, less a fixed marginal contribution
//! `W* - W*_{-i}` of her law, plus a penalty that grows faster than the days while her bids fail a test.

pub mod demand;
pub mod discretise;
pub mod finite;
pub mod law;
pub mod market;
pub mod model;
pub mod protocol;
pub mod season;
pub mod simulate;
pub mod solve;
pub mod strategies;
pub mod test;

pub use demand::Demand;
pub use finite::Finite;
pub use law::{Law, Supertypes};
pub use market::{Market, Settled};
pub use model::Game;
pub use protocol::TwoStage;
pub use season::Season;
pub use test::{Penalty, Terms, Tests, Window};
