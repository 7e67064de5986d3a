//! Average consensus among strategic followers (paper 003, Algorithm 2).
