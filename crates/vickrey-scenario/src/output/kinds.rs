//! Which pictures there are, in which formats, and how they become files.

use super::document::PictureFile;
use crate::plot::{Picture, PlotError};

/// The charts of all mechanisms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Aggregate supply and demand.
    SupplyDemand,
    /// Prices over the periods.
    Prices,
    /// Who trades, over the periods.
    Trades,
    /// Payments against Lagrange payments.
    Payments,
    /// What the operator keeps, over the periods.
    Budget,
    /// Budget and net utilities against c.
    Scaling,
    /// One run: outcomes and decisions, payments, values.
    Run,
    /// Utility against report.
    Reports,
    /// Payments and participation in all modes.
    Modes,
    /// A season day by day: quantities, payments, flags.
    Season,
    /// Average utilities over the days.
    Utilities,
    /// Test statistics against the window.
    Tests,
    /// Round by round: prices, what answers miss, the certificate.
    Rounds,
    /// What everybody is allotted.
    Allocations,
    /// Taxes as areas under the others' price.
    TaxAreas,
}

/// The file formats of pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Scalable, for documents and the web.
    Svg,
    /// Pixels.
    Png,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::SupplyDemand,
        Self::Prices,
        Self::Trades,
        Self::Payments,
        Self::Budget,
        Self::Scaling,
        Self::Run,
        Self::Reports,
        Self::Modes,
        Self::Season,
        Self::Utilities,
        Self::Tests,
        Self::Rounds,
        Self::Allocations,
        Self::TaxAreas,
    ];
    /// Those of a market.
    pub const MARKET: [Self; 3] = [Self::SupplyDemand, Self::Payments, Self::Scaling];
    /// Those of a linear-quadratic market.
    pub const LINEAR_QUADRATIC: [Self; 5] =
        [Self::Prices, Self::Trades, Self::Payments, Self::Budget, Self::Scaling];
    /// Those of a linear-quadratic market that is settled at the start.
    pub const PLAN: [Self; 4] = [Self::Prices, Self::Trades, Self::Payments, Self::Scaling];

    /// Those of a pivot mechanism.
    pub const PIVOT: [Self; 3] = [Self::Run, Self::Reports, Self::Modes];
    /// Those of a market that repeats every day.
    pub const SEASON: [Self; 3] = [Self::Season, Self::Utilities, Self::Tests];

    /// Those of dual decomposition.
    pub const DUAL: [Self; 4] = [Self::Rounds, Self::Allocations, Self::Payments, Self::TaxAreas];
    /// Those of consensus.
    pub const CONSENSUS: [Self; 2] = [Self::Rounds, Self::Payments];

    /// The name that files and options use.
    pub fn name(self) -> &'static str {
        match self {
            Self::SupplyDemand => "supply-demand",
            Self::Prices => "prices",
            Self::Trades => "trades",
            Self::Payments => "payments",
            Self::Budget => "budget",
            Self::Scaling => "scaling",
            Self::Run => "run",
            Self::Reports => "reports",
            Self::Modes => "modes",
            Self::Season => "season",
            Self::Utilities => "utilities",
            Self::Tests => "tests",
            Self::Rounds => "rounds",
            Self::Allocations => "allocations",
            Self::TaxAreas => "tax-areas",
        }
    }
}

impl Format {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Svg, Self::Png];

    /// The ending of file names.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Svg => "svg",
            Self::Png => "png",
        }
    }
}

/// A result that can be drawn.
pub trait Pictured {
    /// The charts that its mechanism has.
    fn kinds(&self) -> &'static [Kind];

    /// A chart; none if it has nothing to show, or is one of another mechanism.
    fn picture(&self, kind: Kind) -> Option<Picture>;

    /// The files of some charts, and the kinds that have nothing to show.
    ///
    /// # Errors
    /// A chart could not be drawn.
    fn picture_files(
        &self,
        kinds: &[Kind],
        formats: &[Format],
    ) -> Result<(Vec<PictureFile>, Vec<Kind>), PlotError> {
        let mut files = Vec::new();
        let mut missing = Vec::new();
        for &kind in kinds {
            let Some(picture) = self.picture(kind) else {
                missing.push(kind);
                continue;
            };
            for &format in formats {
                let bytes = match format {
                    Format::Svg => picture.svg()?.into_bytes(),
                    Format::Png => picture.png()?,
                };
                files.push(PictureFile { name: format!("{}.{}", kind.name(), format.ending()), bytes });
            }
        }
        Ok((files, missing))
    }
}

/// The title of a chart about this scenario.
pub(super) fn chart_title(title: Option<&str>, what: &str) -> String {
    match title {
        Some(title) => format!("{title}: {what}"),
        None => what.to_owned(),
    }
}
