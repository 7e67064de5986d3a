//! A MATPOWER case as a market scenario.
//!
//! Generators in service become producers between their limits with their own costs; the network is left out, so the
//! market is the one-node market of the case. A load takes its MW at the reference price and answers to the price with
//! a constant slope that has the stated elasticity there; with elasticity 0 it is inelastic.

use std::fmt::Write;

use vickrey::market::{Market, MarketError, Utility, UtilityError, clear};

use super::matpower::{Case, Convexity, Cost, Generator};

/// Marginal costs that fall by no more than this share are taken for rounding in the file and ironed flat.
const IRONED: f64 = 1e-4;
/// Points by which the marginal cost of a polynomial of degree 3 and more is replaced.
const POINTS: usize = 33;

/// What the case does not say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CaseOptions {
    /// Percent change of a load per percent of price, at the reference price: 0 (inelastic) or negative.
    pub elasticity: f64,
    /// The price at which loads take the MW of the file; by default the price that clears the inelastic market.
    pub reference_price: Option<f64>,
}

impl Default for CaseOptions {
    fn default() -> Self {
        Self { elasticity: -0.2, reference_price: None }
    }
}

/// Why a case is not a market.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ImportError {
    /// An option cannot be used.
    #[error("{field}: found {found}, accepted is {accepted}")]
    Option {
        /// The option.
        field: &'static str,
        /// What was given.
        found: f64,
        /// What would be accepted.
        accepted: &'static str,
    },
    /// A generator's marginal cost falls with output.
    #[error(
        "line {line}: generator {index} has a cost that is not convex (the marginal cost falls by {drop} $/MWh at \
         {at} MW); accepted are convex costs"
    )]
    NotConvex {
        /// Line of the file.
        line: usize,
        /// Row of the generator.
        index: usize,
        /// Where.
        at: f64,
        /// By how much.
        drop: f64,
    },
    /// A number of a generator or load cannot be used.
    #[error("line {line}: {what}: {source}")]
    Utility {
        /// Line of the file.
        line: usize,
        /// The generator or load.
        what: String,
        /// What is wrong.
        source: UtilityError,
    },
    /// The reference price had to be found by clearing the inelastic market, which is not possible.
    #[error("no reference price: with inelastic loads {0}; give one with --reference-price")]
    NoReference(MarketError),
    /// The reference price found is not positive, so an elasticity means nothing there.
    #[error(
        "the inelastic market clears at {0} $/MWh; an elasticity needs a positive price, give one with --reference-price"
    )]
    ReferenceNotPositive(f64),
}

/// One agent, as the scenario file will say it and as the library takes it.
struct Entry {
    name: String,
    keys: String,
    utility: Utility,
}

/// The scenario file (TOML) of the market of a case; `source` says in a comment where the case came from.
///
/// # Errors
/// The options are unusable or a cost is not convex.
pub fn market_from_case(case: &Case, options: &CaseOptions, source: &str) -> Result<String, ImportError> {
    check(options)?;
    let mut notes = Vec::new();
    let mut entries = Vec::new();
    for generator in case.generators.iter().filter(|g| takes_part(case, g)) {
        entries.push(producer(generator, &mut notes)?);
    }
    let reference = match options.reference_price {
        Some(price) => price,
        None if options.elasticity == 0.0 => 0.0,
        None => inelastic_price(case, &entries)?,
    };
    for bus in case.buses.iter().filter(|b| b.load != 0.0 && !b.isolated) {
        let what = format!("load of bus {}", bus.number);
        let (keys, utility) = load(bus.load, options.elasticity, reference)
            .map_err(|source| ImportError::Utility { line: bus.line, what, source })?;
        entries.push(Entry { name: format!("load-{}", bus.number), keys, utility });
    }
    Ok(write_scenario(case, options, reference, source, &notes, &entries))
}

fn check(options: &CaseOptions) -> Result<(), ImportError> {
    let CaseOptions { elasticity, reference_price } = *options;
    if !(elasticity.is_finite() && (-1e3..=0.0).contains(&elasticity)) {
        let accepted = "0 (inelastic) or a negative number down to -1000";
        return Err(ImportError::Option { field: "elasticity", found: elasticity, accepted });
    }
    match reference_price {
        Some(found) if !(found.is_finite() && found > 0.0 && found <= 1e9) => {
            let accepted = "a positive price up to 1e9 $/MWh";
            Err(ImportError::Option { field: "reference-price", found, accepted })
        }
        _ => Ok(()),
    }
}

fn takes_part(case: &Case, generator: &Generator) -> bool {
    let isolated = case.buses.iter().any(|b| b.number == generator.bus && b.isolated);
    generator.in_service && !isolated
}

/// A generator: quantities are negative output, utility is minus the cost.
fn producer(generator: &Generator, notes: &mut Vec<String>) -> Result<Entry, ImportError> {
    let name = format!("gen-{}-bus-{}", generator.index, generator.bus);
    let failed = |source| ImportError::Utility {
        line: generator.line,
        what: format!("generator {}", generator.index),
        source,
    };
    let (low, high) = (-generator.p_max + 0.0, -generator.p_min + 0.0);
    let nearest_to_idle = 0.0_f64.clamp(generator.p_min, generator.p_max);
    let idle = -generator.cost.value(nearest_to_idle) + 0.0;
    if low == high {
        let keys = format!("utility = \"fixed\"\nquantity = {low}\nidle-value = {idle}\n");
        let utility = Utility::fixed(low).and_then(|u| u.with_idle_value(idle)).map_err(failed)?;
        return Ok(Entry { name, keys, utility });
    }
    if let Some((c2, c1, c0)) = quadratic(&generator.cost) {
        let (a, constant) = (-c2, -c0 + 0.0);
        let keys = format!(
            "utility = \"quadratic\"\na = {a}\nb = {c1}\nlow = {low}\nhigh = {high}\nidle-value = {constant}\n"
        );
        let utility = Utility::quadratic(a, c1)
            .and_then(|u| u.limited(low, high))
            .and_then(|u| u.with_idle_value(constant))
            .map_err(failed)?;
        return Ok(Entry { name, keys, utility });
    }
    let points = marginal_points(generator, notes)?;
    let keys = format!("utility = \"points\"\npoints = {}\nidle-value = {idle}\n", list(&points));
    let utility = Utility::points(&points).and_then(|u| u.with_idle_value(idle)).map_err(failed)?;
    Ok(Entry { name, keys, utility })
}

/// The coefficients (c2, c1, c0) of a strictly convex quadratic cost.
fn quadratic(cost: &Cost) -> Option<(f64, f64, f64)> {
    let Cost::Polynomial(coefficients) = cost else {
        return None;
    };
    let significant: Vec<f64> = coefficients.iter().copied().skip_while(|&c| c == 0.0).collect();
    match significant[..] {
        [c2, c1, c0] if c2 >= 1e-12 => Some((c2, c1, c0)),
        _ => None,
    }
}

/// Marginal utility against quantity: (-output, marginal cost), from the largest output down.
fn marginal_points(generator: &Generator, notes: &mut Vec<String>) -> Result<Vec<(f64, f64)>, ImportError> {
    let (p_min, p_max, cost) = (generator.p_min, generator.p_max, &generator.cost);
    let mut pieces: Vec<(f64, f64, f64, f64)> = match cost {
        Cost::Piecewise(points) => {
            let mut ends: Vec<f64> = points.iter().map(|p| p.0).filter(|&p| p > p_min && p < p_max).collect();
            ends.insert(0, p_min);
            ends.push(p_max);
            let slope = |w: &[f64]| (cost.value(w[1]) - cost.value(w[0])) / (w[1] - w[0]);
            ends.windows(2).map(|w| (w[0], slope(w), w[1], slope(w))).collect()
        }
        Cost::Polynomial(_) => {
            let count = if cost.convexity_on(p_min, p_max) == Convexity::Linear { 1 } else { POINTS - 1 };
            let at = |k: usize| p_min + (p_max - p_min) * k as f64 / count as f64;
            (0..count).map(|k| (at(k), cost.marginal(at(k)), at(k + 1), cost.marginal(at(k + 1)))).collect()
        }
    };
    if matches!(cost, Cost::Polynomial(_)) && pieces.len() > 1 {
        notes.push(format!("generator {}: cost polynomial replaced by {POINTS} points", generator.index));
    }
    iron(generator, &mut pieces, notes)?;
    let mut points = Vec::with_capacity(2 * pieces.len());
    for &(p0, m0, p1, m1) in pieces.iter().rev() {
        points.push((-p1 + 0.0, m1));
        points.push((-p0 + 0.0, m0));
    }
    points.dedup();
    Ok(points)
}

/// Marginal costs must not fall with output; a fall within rounding is taken out, any other refused.
fn iron(
    generator: &Generator,
    pieces: &mut [(f64, f64, f64, f64)],
    notes: &mut Vec<String>,
) -> Result<(), ImportError> {
    let mut highest = f64::NEG_INFINITY;
    for (p0, m0, p1, m1) in pieces {
        for (at, m) in [(*p0, m0), (*p1, m1)] {
            let drop = highest - *m;
            if drop > IRONED * highest.abs() {
                return Err(ImportError::NotConvex {
                    line: generator.line,
                    index: generator.index,
                    at,
                    drop,
                });
            }
            if drop > 0.0 {
                if drop > 1e-12 * highest.abs() {
                    notes.push(format!(
                        "generator {}: marginal cost falls by {drop:.2e} $/MWh at {at} MW, ironed flat",
                        generator.index
                    ));
                }
                *m = highest;
            }
            highest = highest.max(*m);
        }
    }
    Ok(())
}

/// A load of `mw` at the reference price. Negative loads inject and do not answer to the price.
fn load(mw: f64, elasticity: f64, reference: f64) -> Result<(String, Utility), UtilityError> {
    if elasticity == 0.0 || mw < 0.0 {
        return Ok((format!("utility = \"fixed\"\nquantity = {mw}\n"), Utility::fixed(mw)?));
    }
    // Demand mw (1 + e (p/r - 1)) is that of a u² + b u with these coefficients.
    let (a, b) = (reference / (2.0 * elasticity * mw), reference * (1.0 - 1.0 / elasticity));
    let keys = format!("utility = \"quadratic\"\na = {a}\nb = {b}\nlow = 0\n");
    Ok((keys, Utility::quadratic(a, b)?.limited(0.0, f64::INFINITY)?))
}

/// The price at which the generators serve all loads at their MW.
fn inelastic_price(case: &Case, producers: &[Entry]) -> Result<f64, ImportError> {
    let load: f64 = case.buses.iter().filter(|b| !b.isolated).map(|b| b.load).sum();
    let mut utilities: Vec<Utility> = producers.iter().map(|e| e.utility.clone()).collect();
    if utilities.len() == 1 {
        // A market needs two agents; the second one does not trade.
        utilities.push(Utility::fixed(0.0).map_err(|e| ImportError::NoReference(agent_error(e)))?);
    }
    let market = Market::new(utilities, -load).map_err(ImportError::NoReference)?;
    let price = clear(&market).map_err(ImportError::NoReference)?.price;
    if price > 0.0 { Ok(price) } else { Err(ImportError::ReferenceNotPositive(price)) }
}

fn agent_error(source: UtilityError) -> MarketError {
    MarketError::Agent { name: "nobody".into(), source }
}

fn list(points: &[(f64, f64)]) -> String {
    let items: Vec<String> = points.iter().map(|(u, m)| format!("[{u}, {m}]")).collect();
    format!("[{}]", items.join(", "))
}

fn write_scenario(
    case: &Case,
    options: &CaseOptions,
    reference: f64,
    source: &str,
    notes: &[String],
    entries: &[Entry],
) -> String {
    let mut text = String::new();
    // Writing to a String does not fail.
    let mut line = |s: String| _ = writeln!(text, "{s}");
    line(format!("# The one-node market of the MATPOWER case {} ({source}).", one_line(&case.name)));
    line("# Producers have negative quantities; utility is minus the cost. The network is left out.".into());
    if options.elasticity == 0.0 {
        line("# Loads are inelastic.".into());
    } else {
        line(format!(
            "# Loads take their MW at {reference} $/MWh; their elasticity there is {}.",
            options.elasticity
        ));
    }
    for note in notes.iter().chain(&case.notes) {
        line(format!("# Note: {}", one_line(note)));
    }
    line("mechanism = \"market\"".into());
    line(format!("title = \"{}\"", one_line(&case.name).replace(['"', '\\'], "'")));
    line("\n[units]\nquantity = \"MW\"\nprice = \"$/MWh\"\nmoney = \"$/h\"".into());
    line("\n[market]\npayment = \"vcg\"".into());
    for entry in entries {
        line(format!("\n[[agents]]\nname = \"{}\"\n{}", entry.name, entry.keys.trim_end()));
    }
    text
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::matpower::parse;
    use super::*;

    const CASE: &str = "function mpc = small
mpc.version = '2';
mpc.baseMVA = 100;
mpc.bus = [
1 3 0 0 0 0 1 1 0 135 1 1.05 0.95;
2 1 40 0 0 0 1 1 0 135 1 1.05 0.95;
3 1 -5 0 0 0 1 1 0 135 1 1.05 0.95;
];
mpc.gen = [
1 0 0 0 0 1 100 1 60 0;
2 0 0 0 0 1 100 1 30 10;
2 0 0 0 0 1 100 0 30 10;
];
mpc.gencost = [
2 0 0 3 0.05 10 7;
1 0 0 3 10 100 20 220 30 400;
2 0 0 2 20 0 0;
];
";

    fn import(options: &CaseOptions) -> Result<String, ImportError> {
        market_from_case(&parse(CASE).unwrap(), options, "a test")
    }

    #[test]
    fn the_scenario_can_be_read_and_clears_at_the_reference_price() {
        let text = import(&CaseOptions::default()).unwrap();
        let scenario = crate::parse(&text, std::path::Path::new("small.toml")).unwrap();
        let crate::System::Market(market) = scenario.system else { panic!("another mechanism") };
        assert_eq!(market.market.len(), 4);
        let cleared = clear(&market.market).unwrap();
        // 40 - 5 MW: the first generator runs up to the 12 $/MWh of the second's first piece, which does the rest.
        assert!((cleared.price - 12.0).abs() < 1e-9, "{}", cleared.price);
        assert!((cleared.allocation.iter().filter(|u| **u > 0.0).sum::<f64>() - 40.0).abs() < 1e-9);
    }

    #[test]
    fn costs_keep_their_constants() {
        let text = import(&CaseOptions { elasticity: 0.0, reference_price: None }).unwrap();
        let crate::System::Market(market) =
            crate::parse(&text, std::path::Path::new("s.toml")).unwrap().system
        else {
            panic!("another mechanism")
        };
        let first = market.market.utility(0);
        assert_eq!(first.value(-20.0), -(0.05 * 400.0 + 200.0 + 7.0));
        let second = market.market.utility(1);
        assert_eq!((second.low(), second.high()), (-30.0, -10.0));
        assert_eq!(second.value(-20.0), -220.0);
        assert!(text.contains("quantity = -5"), "{text}");
    }

    #[test]
    fn bad_options_and_costs_are_named() {
        let bad =
            |elasticity, reference_price| import(&CaseOptions { elasticity, reference_price }).unwrap_err();
        assert!(bad(0.3, None).to_string().contains("elasticity: found 0.3"));
        assert!(bad(-0.3, Some(-1.0)).to_string().contains("reference-price: found -1"));
        let concave = CASE.replace("20 220 30 400", "20 280 30 400");
        let error = market_from_case(&parse(&concave).unwrap(), &CaseOptions::default(), "t").unwrap_err();
        assert!(error.to_string().contains("generator 2"), "{error}");
    }

    #[test]
    fn rounding_in_the_file_is_ironed() {
        let rounded = CASE.replace("20 220 30 400", "20 220 30 339.9999");
        let text = market_from_case(&parse(&rounded).unwrap(), &CaseOptions::default(), "t").unwrap();
        assert!(text.contains("ironed flat"), "{text}");
    }
}
