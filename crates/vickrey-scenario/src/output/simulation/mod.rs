//! Simulations: the same scenario many times, truthful and with lies.
//!
//! | of | use |
//! |---|---|
//! | a layered or filtered market, whose runs differ in their noise | [`Prepared`], [`Runs`] |
//! | games whose runs differ in the lies alone | [`Pairs`] |
//! | a market that repeats every day, whose runs are seasons | [`SeasonRuns`] |
//! | a dynamic pivot mechanism, whose runs differ in types, outcomes and public states | [`PivotRuns`] |

mod document;
mod pairs;
mod pictures;
mod pivot;
mod pivot_files;
mod prepared;
mod season;
mod season_files;
mod tables;

pub use document::{AgentRuns, Both, Found, Gain, Often, Quantiles, RunsPart, RunsSummary, Spread};
pub use pairs::{PairGain, PairPart, PairRow, Pairs, Unsettled};
pub use pictures::PICTURES;
pub use pivot::{PivotEffect, PivotExpectation, PivotRuns, PivotRunsPart, PivotRunsSummary, PlayerRuns};
pub(super) use pivot_files::GAINS;
pub use prepared::{Prepared, Reported};
pub use season::{
    SeasonEffect, SeasonPlan, SeasonPlayerRuns, SeasonRun, SeasonRuns, SeasonRunsPart, SeasonRunsSummary,
    play_seasons,
};

use std::collections::BTreeMap;

use vickrey::lq::simulate::{Distribution, Expectation};
use vickrey::mechanism::AgentId;

/// The seed-by-seed table and the pictures of a simulation, for those who look into its folder.
pub(super) const TABLE: &str = "runs";

/// Many runs of a layered or filtered market.
#[derive(Debug)]
pub struct Runs<'a> {
    /// What was played.
    pub prepared: &'a Prepared<'a>,
    /// The market as it was reported before the start, if not as it is.
    pub reported: Option<&'a Reported>,
    /// What liars do, in words.
    pub said: BTreeMap<AgentId, String>,
    /// Lies that were found by search.
    pub found: BTreeMap<AgentId, Found>,
    /// What happened.
    pub days: Distribution,
    /// How many runs were asked for.
    pub asked: u64,
}

impl Runs<'_> {
    /// What runs give on average if everybody is truthful; none if some noise is recorded.
    pub fn expectation(&self) -> Option<&Expectation> {
        self.prepared.expectation.as_ref()
    }
}

/// The files of charts of distributions by name; those that there are not are left out.
fn distribution_files<const K: usize>(
    charts: [(&str, Option<crate::plot::Distribution>); K],
) -> Result<Vec<super::PictureFile>, crate::plot::PlotError> {
    let mut files = Vec::new();
    for (name, chart) in charts {
        let Some(chart) = chart else { continue };
        let picture = crate::plot::Picture::Distribution(chart);
        for format in super::Format::ALL {
            let bytes = match format {
                super::Format::Svg => picture.svg()?.into_bytes(),
                super::Format::Png => picture.png()?,
            };
            files.push(super::PictureFile { name: format!("{name}.{}", format.ending()), bytes });
        }
    }
    Ok(files)
}
