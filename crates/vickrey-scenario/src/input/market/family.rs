//! The families of utilities: which parameters each takes, and how it is made from them.

use vickrey::market::{Utility, UtilityError};

use crate::input::keys::market::{LISTS, PARAMETERS, pairs, parameter};
use crate::input::keys::{Key, Kind};

/// A family of utilities, by its index in [`FAMILIES`].
pub(crate) struct Family {
    pub name: &'static str,
    pub about: &'static str,
    pub required: &'static [usize],
    pub optional: &'static [usize],
    /// Indices into [`LISTS`].
    pub lists: &'static [usize],
}

const IDLE: &[usize] = &[parameter::IDLE_VALUE];
const LIMITS: &[usize] = &[parameter::LOW, parameter::HIGH, parameter::IDLE_VALUE];
const LINEAR_AND_LIMITS: &[usize] =
    &[parameter::LINEAR, parameter::LOW, parameter::HIGH, parameter::IDLE_VALUE];

pub(crate) const QUADRATIC: usize = 0;
pub(crate) const LOG: usize = 1;
pub(crate) const POWER: usize = 2;
pub(crate) const EXPONENTIAL: usize = 3;
pub(crate) const BLOCKS: usize = 4;
pub(crate) const POINTS: usize = 5;

pub(crate) const FAMILIES: [Family; 7] = [
    Family {
        name: "quadratic",
        about: "a u² + b u: marginal utility b + 2 a u falls along a straight line.",
        required: &[parameter::A, parameter::B],
        optional: LIMITS,
        lists: &[],
    },
    Family {
        name: "log",
        about: "weight ln(1 + u/shift) + linear u, for u above minus shift.",
        required: &[parameter::WEIGHT, parameter::SHIFT],
        optional: LINEAR_AND_LIMITS,
        lists: &[],
    },
    Family {
        name: "power",
        about: "weight ((u + shift)^exponent - shift^exponent) + linear u, for u above minus shift.",
        required: &[parameter::WEIGHT, parameter::SHIFT, parameter::EXPONENT],
        optional: LINEAR_AND_LIMITS,
        lists: &[],
    },
    Family {
        name: "exponential",
        about: "ceiling (1 - exp(-rate u)): approaches the ceiling.",
        required: &[parameter::CEILING, parameter::RATE],
        optional: LIMITS,
        lists: &[],
    },
    Family {
        name: "blocks",
        about: "Blocks to buy and to sell, each at one price per unit.",
        required: &[],
        optional: IDLE,
        lists: &[pairs::BIDS, pairs::OFFERS],
    },
    Family {
        name: "points",
        about: "Marginal utility along straight lines between given points.",
        required: &[],
        optional: IDLE,
        lists: &[pairs::POINTS],
    },
    Family {
        name: "fixed",
        about: "A quantity that does not answer to the price.",
        required: &[parameter::QUANTITY],
        optional: IDLE,
        lists: &[],
    },
];

/// The names of the families.
pub(crate) fn names() -> impl Iterator<Item = &'static str> + Clone {
    FAMILIES.iter().map(|family| family.name)
}

impl Family {
    /// The numbers that the family takes.
    pub fn parameters(&self) -> impl Iterator<Item = usize> + Clone {
        self.required.iter().chain(self.optional).copied()
    }

    /// The keys that the family takes, without name and utility.
    pub fn keys(&self) -> impl Iterator<Item = &'static Key> + Clone {
        self.parameters().map(|p| &PARAMETERS[p]).chain(self.lists.iter().map(|&list| &LISTS[list]))
    }

    /// The families that take this key.
    pub fn with_key(key: &str) -> Vec<&'static str> {
        FAMILIES
            .iter()
            .filter(|family| family.keys().any(|k| k.name == key))
            .map(|family| family.name)
            .collect()
    }
}

/// The numbers given for one agent.
#[derive(Clone, Copy, Default)]
pub(crate) struct Parameters {
    values: [f64; parameter::COUNT],
    /// Bit p is set if parameter p is given.
    given: u16,
    /// Bit p is set if parameter p is given, but is no number that can be used (which has been reported).
    refused: u16,
}

impl Parameters {
    pub fn set(&mut self, parameter: usize, value: f64) {
        self.values[parameter] = value;
        self.given |= 1 << parameter;
    }

    pub fn refuse(&mut self, parameter: usize) {
        self.refused |= 1 << parameter;
    }

    fn unset(&mut self, parameter: usize) {
        self.values[parameter] = 0.0;
        self.given &= !(1 << parameter);
    }

    pub fn get(&self, parameter: usize) -> Option<f64> {
        (self.given & (1 << parameter) != 0).then(|| self.values[parameter])
    }

    /// The value, or 0, which is the default of every parameter that has one.
    fn or_zero(&self, parameter: usize) -> f64 {
        self.values[parameter]
    }

    /// Parameters that the family needs and that are not there at all.
    pub fn missing(&self, family: &Family) -> impl Iterator<Item = usize> {
        let there = self.given | self.refused;
        family.required.iter().copied().filter(move |&p| there & (1 << p) == 0)
    }

    /// Parameters that are given and that the family does not take.
    pub fn foreign(&self, family: &Family) -> impl Iterator<Item = usize> {
        let taken = family.parameters().fold(0_u16, |bits, p| bits | 1 << p);
        let foreign = self.given & !taken;
        (0..parameter::COUNT).filter(move |&p| foreign & (1 << p) != 0)
    }
}

/// The utility of a family whose parameters are numbers (not blocks, not points).
pub(crate) fn utility(family: usize, with: &Parameters) -> Result<Utility, UtilityError> {
    use parameter::*;
    let get = |p| with.or_zero(p);
    let utility = match family {
        QUADRATIC => Utility::quadratic(get(A), get(B)),
        LOG => Utility::log(get(WEIGHT), get(SHIFT), get(LINEAR)),
        POWER => Utility::power(get(WEIGHT), get(SHIFT), get(EXPONENT), get(LINEAR)),
        EXPONENTIAL => Utility::exponential(get(CEILING), get(RATE)),
        // Only `fixed` is left: blocks and points are not made of numbers alone.
        _ => Utility::fixed(get(QUANTITY)),
    }?;
    let utility = match (with.get(LOW), with.get(HIGH)) {
        (None, None) => utility,
        (low, high) => utility.limited(low.unwrap_or(f64::NEG_INFINITY), high.unwrap_or(f64::INFINITY))?,
    };
    utility.with_idle_value(get(IDLE_VALUE))
}

/// Everything that the library does not take in these numbers, not only the first of it.
///
/// What is missing or refused is replaced, one after the other, by something that is accepted.
pub(crate) fn errors(family: usize, with: &Parameters) -> Vec<UtilityError> {
    let (mut with, mut errors) = (*with, Vec::new());
    let required = FAMILIES[family].required;
    let replace = |with: &mut Parameters, p: usize| {
        with.unset(p);
        if required.contains(&p) {
            with.set(p, stand_in(p));
            // The limits may be judged by this parameter.
            with.unset(parameter::LOW);
            with.unset(parameter::HIGH);
        }
    };
    for p in with.foreign(&FAMILIES[family]).collect::<Vec<_>>() {
        with.unset(p);
    }
    for &p in required.iter().filter(|&&p| with.get(p).is_none()).collect::<Vec<_>>() {
        replace(&mut with, p);
    }
    while let Err(error) = utility(family, &with) {
        let parameter = PARAMETERS.iter().position(|key| key.name == error.field);
        errors.push(error);
        match parameter {
            Some(p) if errors.len() <= parameter::COUNT => replace(&mut with, p),
            _ => break,
        }
    }
    errors
}

/// A value that is accepted.
fn stand_in(p: usize) -> f64 {
    match PARAMETERS[p].kind {
        Kind::Number { low, high } => 0.5_f64.clamp(low, high),
        _ => 0.5,
    }
}

/// The utility of blocks, or the block that spoils it.
pub(crate) fn from_blocks(
    bids: &[(f64, f64)],
    offers: &[(f64, f64)],
    idle_value: f64,
) -> Result<Utility, (Spot, UtilityError)> {
    let made = Utility::blocks(bids, offers).map_err(|error| (spot_in_blocks(bids, offers, &error), error));
    made?.with_idle_value(idle_value).map_err(|error| (Spot::Idle, error))
}

/// The utility of points, or the point that spoils it.
pub(crate) fn from_points(points: &[(f64, f64)], idle_value: f64) -> Result<Utility, (Spot, UtilityError)> {
    let made = Utility::points(points).map_err(|error| {
        if points.is_empty() {
            return (Spot::Agent, error);
        }
        // The first point with which the list is refused is the one that is wrong.
        let wrong = first_refused(points.len(), |n| Utility::points(&points[..n]));
        (Spot::Pair { list: pairs::POINTS, index: wrong, second: error.field == "price" }, error)
    });
    made?.with_idle_value(idle_value).map_err(|error| (Spot::Idle, error))
}

/// Where in blocks or points a number is not accepted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Spot {
    /// One of the two numbers of a pair.
    Pair { list: usize, index: usize, second: bool },
    /// The agent as a whole.
    Agent,
    /// The value of being idle.
    Idle,
}

fn spot_in_blocks(bids: &[(f64, f64)], offers: &[(f64, f64)], error: &UtilityError) -> Spot {
    if bids.is_empty() && offers.is_empty() {
        return Spot::Agent;
    }
    if error.field == "bids" {
        let index = bids.iter().position(|bid| bid.1 == error.found).unwrap_or(0);
        return Spot::Pair { list: pairs::BIDS, index, second: true };
    }
    let second = error.field == "price";
    let wrong = first_refused(bids.len(), |n| Utility::blocks(&bids[..n], &[]));
    if wrong < bids.len() {
        return Spot::Pair { list: pairs::BIDS, index: wrong, second };
    }
    let wrong = first_refused(offers.len(), |n| Utility::blocks(bids, &offers[..n]));
    if wrong < offers.len() { Spot::Pair { list: pairs::OFFERS, index: wrong, second } } else { Spot::Agent }
}

/// The index of the element with which the first n are refused for the first time; `len` if they never are.
fn first_refused(len: usize, make: impl Fn(usize) -> Result<Utility, UtilityError>) -> usize {
    let (mut fine, mut refused) = (0, len + 1);
    while refused - fine > 1 {
        let middle = fine + (refused - fine) / 2;
        if make(middle).is_err() { refused = middle } else { fine = middle }
    }
    refused - 1
}
