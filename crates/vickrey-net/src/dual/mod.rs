//! Dual decomposition between processes: prices from the leader, answers from the followers.
//!
//! Nothing about money is decided here. The leader is [`vickrey::faithful::dual::leader::Leader`], a state machine without
//! input or output.

pub mod announce;
pub mod follow;
pub mod lead;
pub mod letters;
