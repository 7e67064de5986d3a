//! Faithful distributed algorithms among real processes (paper 003): a leader and followers who sign what they say, over
//! connections that lose, delay and repeat messages, with crashes on either side.
//!
//! Nothing about money is decided here, but in [`vickrey::faithful`], without input or output. This crate carries letters,
//! decides which reports arrived in time, and keeps a record from which a run can be taken up again and checked by
//! anybody. What is common to all mechanisms is written once; what is particular to one is in its room, [`dual`] or
//! [`consensus`], and [`mechanism`] says what a room has to have.

pub mod announce;
pub mod canonical;
pub mod consensus;
pub mod course;
pub mod desk;
pub mod dual;
pub mod follow;
pub mod frame;
pub mod keys;
pub mod lead;
pub mod line;
pub mod log;
pub mod mechanism;
pub mod memory;
pub mod message;
pub mod record;
