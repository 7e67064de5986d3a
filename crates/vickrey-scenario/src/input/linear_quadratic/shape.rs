//! From nested lists to the numbers of each period.

use crate::input::keys::Block;
use crate::input::sheet::{Nest, NestOf, Span};

/// The numbers of one parameter, and where they stand.
pub(super) struct Given {
    /// One row for all periods, or one for each.
    pub rows: Vec<Vec<f64>>,
    pub over_time: bool,
    spans: Vec<Span>,
    span: Span,
}

/// A value of the wrong shape.
pub(super) struct Misshapen {
    pub span: Span,
    pub found: String,
    pub accepted: String,
}

/// What the shape depends on.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    pub block: Block,
    pub states: usize,
    /// Whether there may be one block per period, and how many periods there are, if that is known.
    pub over_time: Option<Option<usize>>,
    /// Numbers are standard deviations: they come in no matrix.
    pub deviations: bool,
}

impl Given {
    /// Where the numbers of a period stand.
    pub fn place(&self, period: Option<usize>) -> Span {
        period.and_then(|t| self.spans.get(t)).unwrap_or(&self.span).clone()
    }
}

/// The numbers of a value, in rows.
///
/// How deep the lists are nested decides between a list over the periods and a vector or matrix. Where both fit (D
/// lists of D numbers as noise, in a market of D periods), it is the matrix.
pub(super) fn read(nest: &Nest, frame: &Frame) -> Result<Given, Misshapen> {
    if let Some(row) = frame.block(nest) {
        let span = nest.span.clone();
        return Ok(Given { rows: vec![row], over_time: false, spans: Vec::new(), span });
    }
    let wrong = |nest: &Nest, accepted: String| {
        Err(Misshapen { span: nest.span.clone(), found: nest.describe(), accepted })
    };
    let (Some(periods), NestOf::List(items)) = (frame.over_time, &nest.of) else {
        return wrong(nest, frame.accepted());
    };
    if periods.is_some_and(|periods| periods != items.len()) {
        return wrong(nest, frame.accepted());
    }
    let mut given = Given { rows: Vec::new(), over_time: true, spans: Vec::new(), span: nest.span.clone() };
    for item in items {
        match frame.block(item) {
            Some(row) => given.rows.push(row),
            None if given.rows.is_empty() => return wrong(nest, frame.accepted()),
            None => return wrong(item, frame.words()),
        }
        given.spans.push(item.span.clone());
    }
    if given.rows.is_empty() { wrong(nest, frame.accepted()) } else { Ok(given) }
}

impl Frame {
    /// The numbers of one period, row by row; none if the shape is another.
    fn block(&self, nest: &Nest) -> Option<Vec<f64>> {
        let d = self.states;
        match (self.block, d) {
            (Block::Factors, 1) => list(nest, None),
            (Block::Factors, _) => {
                let factors = match &nest.of {
                    NestOf::List(rows) => list(rows.first()?, None)?.len(),
                    NestOf::Number(_) => return None,
                };
                matrix(nest, d, factors)
            }
            (Block::Number, _) | (_, 1) => match nest.of {
                NestOf::Number(x) => Some(vec![x]),
                NestOf::List(_) => None,
            },
            (Block::Vector, _) => list(nest, Some(d)),
            (Block::Matrix, _) => matrix(nest, d, d),
            (Block::Spread, _) => match list(nest, Some(d)) {
                Some(diagonal) => {
                    let mut entries = vec![0.0; d * d];
                    diagonal.into_iter().enumerate().for_each(|(k, x)| entries[k * (d + 1)] = x);
                    Some(entries)
                }
                None if self.deviations => None,
                None => matrix(nest, d, d),
            },
        }
    }

    /// The shape of one period in words.
    fn words(&self) -> String {
        let d = self.states;
        match (self.block, d) {
            (Block::Factors, 1) => "a list of numbers, one for each common factor".into(),
            (Block::Factors, _) => format!("{d} lists with one number for each common factor"),
            (Block::Number, _) | (_, 1) => "a number".into(),
            (Block::Vector, _) => format!("a list of {d} numbers"),
            (Block::Matrix, _) => format!("{d} lists of {d} numbers"),
            (Block::Spread, _) if self.deviations => {
                format!("a list of {d} numbers (with noise-as = \"variance\" also a covariance)")
            }
            (Block::Spread, _) => {
                format!("a list of {d} numbers, or {d} lists of {d} numbers (a covariance)")
            }
        }
    }

    fn accepted(&self) -> String {
        let one = self.words();
        match self.over_time {
            None => one,
            Some(Some(periods)) => format!("{one}, or a list with that for each of the {periods} periods"),
            Some(None) => format!("{one}, or a list with that for each period"),
        }
    }
}

/// A list of numbers, of this length if one is asked for.
fn list(nest: &Nest, length: Option<usize>) -> Option<Vec<f64>> {
    let NestOf::List(items) = &nest.of else { return None };
    let number = |item: &Nest| match item.of {
        NestOf::Number(x) => Some(x),
        NestOf::List(_) => None,
    };
    let fits = length.is_none_or(|length| length == items.len());
    if fits { items.iter().map(number).collect() } else { None }
}

/// Lists of numbers, one after the other.
fn matrix(nest: &Nest, rows: usize, columns: usize) -> Option<Vec<f64>> {
    let NestOf::List(items) = &nest.of else { return None };
    if items.len() != rows {
        return None;
    }
    let lists: Option<Vec<Vec<f64>>> = items.iter().map(|item| list(item, Some(columns))).collect();
    Some(lists?.concat())
}
