//! Average consensus between processes: neighbours tell each other where they are, directly and signed; the leader hears of
//! it in the end, sees where everybody stands, and taxes.
//!
//! Nothing about money is decided here: test and taxes are [`vickrey::faithful::consensus::Consensus`], a step is
//! [`vickrey::faithful::consensus::Rules::step_from`].

pub mod announce;
pub mod follow;
pub mod lead;
pub mod letters;
pub mod lines;
pub mod post;
pub mod sensor;
pub mod walk;
