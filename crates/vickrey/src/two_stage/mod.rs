//! The same market every day: a two-stage repeated stochastic game (paper 001).
//!
//! A player knows in advance only the probability law of its cost or value (its *supertype*) and learns its *type* every
//! day. The planner decides once on the reported laws (first stage) and once more on the types that are bid (second
//! stage), and over the days statistical tests bind the two together. Honesty about both is then the best policy in the
//! long run, as long as nobody else bankrupts itself: if types are independent over players and days, bids are sealed until
//! all are in, and nobody else knows a player's true type of the day when bidding.
//!
//! A day's payment is what the decision is worth by the player's bid, less a fixed marginal contribution
//! `W* - W*_{-i}` of her law, plus a penalty that grows faster than the days while her bids fail a test.
//!
//! Two providers who learn every morning whether curtailing is cheap (1) or dear (3) for them, a reserve at 1, and a unit
//! to be covered: planned, played for half a year with one of them exaggerating, and audited.
//!
//! ```
//! use vickrey::audit::{AuditOptions, Effort};
//! use vickrey::two_stage::audit::{Subject, audit};
//! use vickrey::two_stage::demand::{Condition, Day, Demand, Lottery, Shortage};
//! use vickrey::two_stage::simulate::{Calendar, Nature, Setting, play};
//! use vickrey::two_stage::strategies::Bidding;
//! use vickrey::two_stage::{Law, Market, Penalty, Supertypes, Terms};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let condition = Condition { shortage: Shortage::Certain(1.0), reserve: Some(Lottery::certain(1.0)) };
//! let market = Demand::new(vec![vec![1.0, 3.0]; 2], None, vec![condition], None)?;
//! let laws = Supertypes::constant(vec![Law::uniform(2); 2]);
//!
//! // What a day is expected to cost, in all: d² E[1/S] / 2.
//! let plan = market.plan(&laws)?;
//! assert!((plan[0].expectations.inverse - (1.0 / 3.0 + 2.0 * 3.0 / 7.0 + 3.0 / 5.0) / 4.0).abs() < 1e-15);
//!
//! let terms = Terms { penalty: Penalty { scale: 4.0, power: 1.5 }, ..Terms::default() };
//! let calendar = Calendar::Listed(vec![Day { signal: 0, shortage: None }]);
//! let mut nature = Nature::new(laws.clone(), calendar.clone(), 7);
//! let mut bidders = [Bidding::Honest.bidder(), Bidding::Exaggerate(1).bidder()];
//! let setting = Setting { market: &market, reports: laws.clone(), terms, days: 180, seed: 7 };
//! let season = play(setting, &mut nature, &mut bidders, |_| true)?;
//! assert_eq!(season.totals().flagged[0], 0);
//! assert!(season.totals().flagged[1] > 0 && season.utility(1) < season.utility(0));
//!
//! let subject = Subject {
//!     market: &market,
//!     reports: &laws,
//!     truth: &laws,
//!     terms,
//!     calendar: &calendar,
//!     days: 180,
//!     groups: &[],
//!     names: &[],
//! };
//! let options = AuditOptions { seed: 1, effort: Effort::Quick };
//! assert!(audit(&subject, &options, &|_| ())?.passed());
//! # Ok(())
//! # }
//! ```

pub mod audit;
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
pub mod world;

pub use demand::Demand;
pub use finite::Finite;
pub use law::{Law, Supertypes};
pub use market::{Market, Settled};
pub use model::Game;
pub use protocol::TwoStage;
pub use season::Season;
pub use test::{Penalty, Terms, Tests, Window};
