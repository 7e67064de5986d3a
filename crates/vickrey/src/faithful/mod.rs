//! Faithful distributed algorithms (paper 003): the leader does not know the costs and cannot solve the problem alone;
//! the followers compute, and taxes make it their best policy to compute what they were asked.
//!
//! - [`dual`]: a shared resource is split by prices (Algorithm 1, distributed VCG on dual decomposition).
//! - [`consensus`]: followers agree on an average by messages between neighbours (Algorithm 2).

pub mod consensus;
pub mod dual;
