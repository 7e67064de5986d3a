//! Progress on a terminal, silence elsewhere.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::args::Common;

/// Markets up to this size are done before anybody looks.
const QUICK: usize = 20_000;
/// Steps of a bar that is told fractions.
const STEPS: u64 = 1_000;

/// A sign of life for work of unknown length, shown for large markets only.
pub fn spinner(common: &Common, agents: usize, message: &'static str) -> ProgressBar {
    if common.json || common.quiet || agents <= QUICK {
        return ProgressBar::hidden();
    }
    // Hidden by itself when standard error is not a terminal.
    let bar = ProgressBar::new_spinner().with_message(message);
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// A bar for work that knows how far it is; see [`at`].
pub fn bar(common: &Common, message: &'static str) -> ProgressBar {
    if common.json || common.quiet {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(STEPS).with_message(message);
    match ProgressStyle::with_template("{msg} {wide_bar} {percent:>3} % {elapsed:>4}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// No bar, where there is nothing to wait for.
pub fn none() -> ProgressBar {
    ProgressBar::hidden()
}

/// Moves a bar to this share of the work.
pub fn at(bar: &ProgressBar, share: f64) {
    bar.set_position((share.clamp(0.0, 1.0) * STEPS as f64) as u64);
}
