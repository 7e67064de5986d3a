//! Checks of chart data, each answering the error a reader can act on.

use super::PlotError;

/// Values beyond this cannot be laid out on an axis.
pub(super) const LARGEST: f64 = 1e100;

/// Every value is finite and of drawable size.
pub(super) fn drawable(
    chart: &'static str,
    series: &str,
    values: impl IntoIterator<Item = f64>,
) -> Result<(), PlotError> {
    for (position, value) in values.into_iter().enumerate() {
        if !value.is_finite() || value.abs() > LARGEST {
            return Err(PlotError::NotDrawable { chart, series: series.to_owned(), position, value });
        }
    }
    Ok(())
}

/// Every value satisfies the condition described by `wanted`.
pub(super) fn within(
    chart: &'static str,
    series: &str,
    values: impl IntoIterator<Item = f64>,
    wanted: &'static str,
    good: impl Fn(f64) -> bool,
) -> Result<(), PlotError> {
    for (position, value) in values.into_iter().enumerate() {
        if !good(value) {
            return Err(PlotError::OutOfRange { chart, series: series.to_owned(), position, value, wanted });
        }
    }
    Ok(())
}

/// No value of `high` is below the one of `low` at the same position.
pub(super) fn ordered(chart: &'static str, series: &str, low: &[f64], high: &[f64]) -> Result<(), PlotError> {
    let wrong = low.iter().zip(high).position(|(low, high)| high < low);
    wrong.map_or(Ok(()), |position| {
        let (series, wanted) = (series.to_owned(), "at least the lower edge there");
        Err(PlotError::OutOfRange { chart, series, position, value: high[position], wanted })
    })
}

/// The series has at least one value.
pub(super) fn some(chart: &'static str, series: &str, length: usize) -> Result<(), PlotError> {
    if length == 0 {
        return Err(PlotError::Empty { chart, series: series.to_owned() });
    }
    Ok(())
}

/// The series has exactly the expected number of values.
pub(super) fn length(
    chart: &'static str,
    series: &str,
    found: usize,
    expected: usize,
) -> Result<(), PlotError> {
    if found != expected {
        return Err(PlotError::Length { chart, series: series.to_owned(), found, expected });
    }
    Ok(())
}
