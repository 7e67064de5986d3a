//! A shared resource split by prices among strategic followers (paper 003, Algorithm 1).
