//! A shared resource split by prices among strategic followers (paper 003, Algorithm 1).

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
pub mod solve;
pub mod strategies;
pub mod tax;
