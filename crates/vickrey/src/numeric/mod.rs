//! Small shared numerics, each with one home.

pub mod chebyshev;
pub mod cholesky;
pub(crate) mod dense;
pub mod eigen;
pub mod gauss;
pub mod law;
pub mod lines;
pub mod random;
pub mod root;
pub mod sample;
pub mod special;
pub mod sum;
