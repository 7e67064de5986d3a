//! Results of pivot scenarios.
