//! A shared resource split by prices among strategic followers (paper 003, Algorithm 1).
//!
//! The leader announces couplings sum_i R_i z_i = c, limits and rules; every follower has a private cost v_i(z_i). In every
//! round the leader sends prices and the followers answer what they would choose at them; when prices have settled, the
//! decision is the nearest allocation that meets the couplings. Followers then say what it costs them, and each pays
//!
//! pi_i = sum over the others of v_j(decision) - what the others would have cost without her
//!
//! (paper 003, line 19 of Algorithm 1), so that everybody minimises the cost of all: sending what was asked is best up to
//! epsilon, the gap of the decision to the optimum, which the leader certifies without knowing any cost.
//!
//! Signs: costs and payments are money that a follower loses. For the rest of this library her valuation is -v_i, her
//! payment pi_i, her utility -(v_i + pi_i).
//!
//! **Rule F.** The second part of the tax may not depend on anything that the follower does. So nothing of hers enters the
//! problem without her: not its step, starting price, momentum, number of rounds, stopping time or the order of its sums.
//! Step sizes come from public bounds on second derivatives; every problem stops by its own certificate; a round waits for
//! the slow until its time is over, and nobody's slowness ends the run. What breaks the rule can be switched on in
//! [`rules`] to see what it costs; the audit finds it.
//!
//! **Faults** are part of the mechanism, so that its promises hold with them. A part of an answer that is missing or no
//! number counts as the follower's last usable one, what lies outside of her limits as the nearest point within; who misses
//! several rounds of the main problem in a row is dropped, and the problem without her takes over. Whatever one follower
//! sends, the decision meets the couplings and every tax is a number. Live runs need limits for every decision: without
//! them one sender of huge numbers can move the others' taxes, though never to her own advantage.
//!
//! - [`model`], [`cost`], [`curve`]: what is public; private costs
//! - [`rules`]: methods, stopping, modes, what is checked before a run
//! - [`solve`]: the exact decision and all taxes from known costs
//! - [`leader`], [`follower`], [`letters`], [`tax`]: the state machines, without input or output
//! - [`projection`]: the nearest allocation that meets the couplings within limits
//! - [`protocol`], [`strategies`]: as a [`Mechanism`](crate::mechanism::Mechanism), with deviations
//! - evidence: [`audit`]

pub mod audit;
pub mod cost;
pub mod curve;
pub mod follower;
mod iterate;
pub mod leader;
pub mod letters;
mod minimise;
pub mod model;
pub mod projection;
pub mod protocol;
mod round;
pub mod rules;
mod sensitivity;
pub mod solve;
pub mod strategies;
pub mod tax;
