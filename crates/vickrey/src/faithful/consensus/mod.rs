//! Average consensus among strategic followers (paper 003, Algorithm 2).
//!
//! **Situation.** N followers (robots, meters, servers) must end at a common point. Each has a private wish th_i, of which
//! a public range is known, and bears (z_i - th_i)² at z_i; the best common point is the mean. In n rounds neighbours on a
//! graph tell each other where they are and move towards each other. Then the leader, who sees the final positions, taxes
//! each follower by what the others say that their positions cost them, so that everybody bears the social cost; or, if the
//! positions are farther apart than any faithful run can leave them, fines everybody alike. Nobody gains more than an
//! epsilon by sending, or doing, anything else, and epsilon falls geometrically in n.
//!
//! **Signs.** Costs are converted where the world values an outcome: valuation = -(z_i - th_i)². Taxes are payments:
//! positive, the follower pays.
//!
//! **Source.** Paper 003, section VI and Algorithm 2, corrected: the printed rate rho = lambda_min/lambda_max is no rate of
//! the iteration, faithful followers fail the test in the end; with rho = alpha lambda_min they never do. The printed one is
//! kept to show it ([`Test::Printed`]). Positions must be seen, not reported ([`Watch`]). Messages are clipped to where
//! faithful ones lie, by their receivers. On graphs with cycles, and often more sharply on trees, [`Test::Spectral`].
//!
//! | to do | use |
//! |---|---|
//! | describe graph and ranges | [`Graph`], [`Instance`] |
//! | choose step, rounds, test | [`Terms`], [`Rules`] |
//! | how many rounds for an epsilon | [`Rules::rounds_for`] |
//! | a faithful run, from types to net costs | [`Rules::play`] |
//! | run it as a protocol | [`Consensus`], [`Conduct`], [`Field`] |
//! | search for violations | [`audit::audit`] |
//!
//! Three followers in a row who would like to be at 0, 1 and 1/4:
//!
//! ```
//! use vickrey::audit::{AuditOptions, Effort};
//! use vickrey::faithful::consensus::audit::audit;
//! use vickrey::faithful::consensus::{Graph, Instance, Rules, Terms};
//!
//! let instance = Instance::new(Graph::path(3)?, &[(0.0, 1.0); 3])?;
//! let types = instance.types(vec![0.0, 1.0, 0.25])?;
//! let rules = Rules::new(instance, Terms { step: Some(0.3), ..Terms::rounds(10) })?;
//! let played = rules.play(&types);
//! assert!(played.settlement.passed);
//! assert!((played.net[0] - 0.539_926_131_342).abs() < 1e-12);
//! // Nobody gains more than this, and after so many rounds at most 0.001.
//! assert!(rules.epsilon().unwrap() < 0.07);
//! assert_eq!(rules.rounds_for(1e-3)?, 22);
//!
//! let options = AuditOptions { seed: 1, effort: Effort::Quick };
//! let audited = audit(&rules, &types, &options, &|_| ());
//! assert!(audited.audit.passed());
//! assert!(audited.deviations.iter().all(|d| d.certified <= rules.epsilon().unwrap()));
//! # Ok::<(), vickrey::faithful::consensus::ConsensusError>(())
//! ```

pub mod audit;
mod inertia;
pub mod model;
pub mod protocol;
mod random_start;
pub mod solve;
pub mod spectrum;
pub mod strategies;

pub use model::{ConsensusError, Graph, Instance, Place};
pub use protocol::Consensus;
pub use solve::{Rules, Terms, Test, Watch};
pub use strategies::{Conduct, Field};
