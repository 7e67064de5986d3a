//! Plain data that several charts take.

/// A named list of values.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedValues {
    /// Shown in the legend or beside the values.
    pub name: String,
    /// The values.
    pub values: Vec<f64>,
}

/// A labelled place on an axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// Where the mark is.
    pub at: f64,
    /// Written beside it.
    pub label: String,
}

/// How the values of a series over periods are joined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Path {
    /// Straight lines from value to value: for what is measured at one moment, such as a state.
    #[default]
    Lines,
    /// A step as wide as its period for every value: for what holds during a period, such as a price.
    Steps,
}

/// A named series over the periods 0, 1, …
#[derive(Clone, Debug, PartialEq)]
pub struct TimeSeries {
    /// Shown in the legend; nothing is shown for an empty name.
    pub name: String,
    /// One value per period.
    pub values: Vec<f64>,
    /// How the values are joined.
    pub path: Path,
}
