//! Pictures: plain data in, SVG text or PNG bytes out.
//!
//! Every chart is a struct of plain public data; [`Picture`] draws any of them. Pictures are 900 by 600
//! logical pixels; PNGs have two pixels per logical pixel. Nothing here touches files, and no data makes
//! it panic: what cannot be drawn is answered by a [`PlotError`] naming the chart and the series.

mod areas;
mod axis;
mod bars;
mod check;
mod course;
mod curves;
mod data;
mod distribution;
mod layout;
mod loglog;
mod modes;
mod paint;
mod panels;
mod payments;
mod reports;
mod scaling;
mod scene;
mod season;
mod shares;
mod stacked;
mod supply_demand;
#[cfg(test)]
mod tests;
mod text;
mod timeline;
mod timing;

pub use areas::{Areas, PriceArea};
pub use bars::Bars;
pub use course::{Cell, Cells, Course, Fill};
pub use curves::{CurveMark, Curves};
pub use data::{Mark, NamedValues, Path, TimeSeries};
pub use distribution::Distribution;
pub use loglog::{LogLog, ReferenceSlope, Series};
pub use modes::{ModePoint, Modes};
pub use panels::{Across, DayCurve, DayPanel, Line, Panels};
pub use payments::Payments;
pub use reports::{ReportCurve, Reports};
pub use scaling::Scaling;
pub use season::{Season, Stack};
pub use shares::Shares;
pub use stacked::Stacked;
pub use supply_demand::SupplyDemand;
pub use timeline::{Band, Timeline};
pub use timing::{Actor, Timing, TimingSpan, TimingStep};

/// Why a picture could not be drawn.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PlotError {
    /// A chart or one of its series has nothing to draw.
    #[error("{chart}: {series} has no points to draw")]
    Empty {
        /// The kind of chart.
        chart: &'static str,
        /// The series without points.
        series: String,
    },
    /// A value is NaN, infinite or too large for an axis.
    #[error("{chart}: {series} has the value {value} at position {position}, which cannot be drawn")]
    NotDrawable {
        /// The kind of chart.
        chart: &'static str,
        /// The series with the value.
        series: String,
        /// Its position in the series, counted from 0.
        position: usize,
        /// The value.
        value: f64,
    },
    /// A value lies outside the range its chart asks for.
    #[error("{chart}: {series} has the value {value} at position {position}, but it must be {wanted}")]
    OutOfRange {
        /// The kind of chart.
        chart: &'static str,
        /// The series with the value.
        series: String,
        /// Its position in the series, counted from 0.
        position: usize,
        /// The value.
        value: f64,
        /// What the chart asks for.
        wanted: &'static str,
    },
    /// Two series that belong together differ in length.
    #[error("{chart}: {series} has {found} values, but {expected} are needed")]
    Length {
        /// The kind of chart.
        chart: &'static str,
        /// The series of the wrong length.
        series: String,
        /// How many values it has.
        found: usize,
        /// How many values it should have.
        expected: usize,
    },
    /// The built-in font could not be read.
    #[error("the built-in font could not be read")]
    Font,
    /// The drawing library failed.
    #[error("drawing failed: {0}")]
    Draw(String),
}

/// Any chart of this module.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Picture {
    /// Aggregate supply and demand with the clearing point.
    SupplyDemand(SupplyDemand),
    /// Payments against Lagrange payments.
    Payments(Payments),
    /// Budget and net utilities against the scaling constant c.
    Scaling(Scaling),
    /// Series on two logarithmic axes.
    LogLog(LogLog),
    /// Shares in percent against a logarithmic axis.
    Shares(Shares),
    /// Series over the periods, with shaded bands.
    Timeline(Timeline),
    /// Stacked bars over the periods.
    Stacked(Stacked),
    /// Histograms of samples.
    Distribution(Distribution),
    /// Grouped horizontal bars, one group per agent.
    Bars(Bars),
    /// Curves on linear axes with marks.
    Curves(Curves),
    /// A run over the periods: cells, payments, values.
    Course(Course),
    /// Utility against report.
    Reports(Reports),
    /// Payments and participation by mode.
    Modes(Modes),
    /// A season day by day: quantities, payments, cells.
    Season(Season),
    /// Curves over days or rounds in panels.
    Panels(Panels),
    /// The order of what happens in a period.
    Timing(Timing),
    /// Payments as areas under marginal prices.
    Areas(Areas),
}

impl Picture {
    /// The picture as an SVG document.
    ///
    /// # Errors
    ///
    /// [`PlotError`] when the data cannot be drawn.
    pub fn svg(&self) -> Result<String, PlotError> {
        paint::svg(&self.scene()?)
    }

    /// The picture as the bytes of a PNG file, 1800 by 1200 pixels.
    ///
    /// # Errors
    ///
    /// [`PlotError`] when the data cannot be drawn.
    pub fn png(&self) -> Result<Vec<u8>, PlotError> {
        paint::png(&self.scene()?)
    }

    /// The shapes of the picture.
    fn scene(&self) -> Result<scene::Scene, PlotError> {
        match self {
            Picture::SupplyDemand(chart) => chart.scene(),
            Picture::Payments(chart) => chart.scene(),
            Picture::Scaling(chart) => chart.scene(),
            Picture::LogLog(chart) => chart.scene(),
            Picture::Shares(chart) => chart.scene(),
            Picture::Timeline(chart) => chart.scene(),
            Picture::Stacked(chart) => chart.scene(),
            Picture::Distribution(chart) => chart.scene(),
            Picture::Bars(chart) => chart.scene(),
            Picture::Timing(chart) => chart.scene(),
            Picture::Curves(chart) => chart.scene(),
            Picture::Course(chart) => chart.scene(),
            Picture::Reports(chart) => chart.scene(),
            Picture::Modes(chart) => chart.scene(),
            Picture::Season(chart) => chart.scene(),
            Picture::Panels(chart) => chart.scene(),
            Picture::Areas(chart) => chart.scene(),
        }
    }
}
