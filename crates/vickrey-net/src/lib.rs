//! Faithful distributed algorithms among real processes (paper 003): a leader and followers who sign what they say, over
//! connections that lose, delay and repeat messages, with crashes on either side.
//!
//! Nothing about money is decided here. The leader is [`vickrey::faithful::dual::leader::Leader`], a state machine without
//! input or output; this crate carries its letters, decides which reports arrived in time, and keeps a record from which
//! the run can be taken up again and checked by anybody.

pub mod announce;
pub mod canonical;
pub mod course;
pub mod desk;
pub mod follow;
pub mod frame;
pub mod keys;
pub mod lead;
pub mod letters;
pub mod line;
pub mod log;
pub mod message;
pub mod record;
