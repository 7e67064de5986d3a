//! From what all families make of a file to a checked model.

use std::collections::HashMap;

use vickrey::pivot::model::{Flaw, PublicLaw};
use vickrey::pivot::{Kernel, Model, Moves, Parts, Place, Varying};

use super::goods::Goods;
use super::tree::Node;
use crate::diagnostic::shorten;
use crate::input::keys::pivot::LAYOUT;
use crate::input::sheet::{Desk, Sheet, Span};

/// What a family makes of a file.
pub(super) struct Built {
    pub parts: Parts,
    pub goods: Option<Goods>,
    /// Where the types of every player lie, if they are numbers on a grid; nothing for the others.
    pub nodes: Vec<Vec<f64>>,
}

/// The model; what the library refuses is reported as near to its place as can be.
pub(super) fn model(parts: Parts, sheet: &Sheet<'_, '_>, desk: &mut Desk) -> Option<Model> {
    match Model::new(parts) {
        Ok(model) => Some(model),
        Err(error) => {
            for flaw in &error.flaws {
                let (title, at) = place(flaw, sheet);
                let Flaw { field, at: within, found, accepted, .. } = flaw;
                let comma = if within.is_empty() { "" } else { ", " };
                let message = format!(
                    "{title}: {field}{comma}{within}: found {}, accepted is {accepted}",
                    shorten(found)
                );
                desk.at(at, message, &format!("accepted is {accepted}"), String::new());
            }
            None
        }
    }
}

/// The section that a flaw is about, and the value in it if it stands there.
fn place(flaw: &Flaw, sheet: &Sheet<'_, '_>) -> (String, Span) {
    let mut silent = Desk::new(crate::diagnostic::Source::new("", ""));
    let section = |name: &str, desk: &mut Desk| sheet.section(LAYOUT.key(name), desk);
    let found = match flaw.place {
        Place::Player(i) => sheet.sections(LAYOUT.key("players"), &mut silent).into_iter().nth(i),
        Place::Public => section("public", &mut silent),
        Place::Outcomes => sheet.sections(LAYOUT.key("outcomes"), &mut silent).into_iter().next(),
        Place::Game => section("pivot", &mut silent),
    };
    match found {
        Some(found) => (found.title.clone(), found.place(flaw.field)),
        None => ("scenario".to_owned(), sheet.span.clone()),
    }
}

/// Laws of which equal ones are kept once.
pub(super) struct Laws<L> {
    pub laws: Vec<L>,
    by_bits: HashMap<Vec<u64>, usize>,
}

impl<L> Default for Laws<L> {
    fn default() -> Self {
        Self { laws: Vec::new(), by_bits: HashMap::new() }
    }
}

impl Laws<Kernel> {
    pub fn kernel(&mut self, kernel: &Kernel) -> usize {
        let bits = (0..kernel.types()).flat_map(|k| kernel.row(k)).map(|p| p.to_bits()).collect();
        let new = self.laws.len();
        *self.by_bits.entry(bits).or_insert_with(|| {
            self.laws.push(kernel.clone());
            new
        })
    }
}

impl Laws<PublicLaw> {
    /// From the probabilities of all states.
    pub fn row(&mut self, row: &[f64]) -> usize {
        let law: PublicLaw = row.iter().copied().enumerate().filter(|(_, p)| *p != 0.0).collect();
        let bits = law.iter().flat_map(|(s, p)| [*s as u64, p.to_bits()]).collect();
        let new = self.laws.len();
        *self.by_bits.entry(bits).or_insert_with(|| {
            self.laws.push(law);
            new
        })
    }
}

/// How a type moves; every entry of the tree is there.
pub(super) fn moves(node: &Node<Kernel>, full: [usize; 3]) -> Moves<Kernel> {
    let mut laws = Laws::default();
    let mut known: HashMap<*const Kernel, usize> = HashMap::new();
    let which: Varying<usize> = node.table(full, |kernel| {
        let Some(kernel) = kernel else { return 0 };
        *known.entry(std::ptr::from_ref(kernel)).or_insert_with(|| laws.kernel(kernel))
    });
    Moves::of(laws.laws, which)
}

/// How the public state moves; every entry of the tree is there.
pub(super) fn public_moves(node: &Node<Kernel>, full: [usize; 3]) -> Moves<PublicLaw> {
    let mut laws = Laws::default();
    let [periods, decisions, _] = node.shape(full);
    let mut known: HashMap<(*const Kernel, usize), usize> = HashMap::new();
    let which = Varying::from_fn([periods, decisions, full[2]], |t, a, s| {
        let Some(kernel) = node.at(t, a, s) else { return 0 };
        *known.entry((std::ptr::from_ref(kernel), s)).or_insert_with(|| laws.row(kernel.row(s)))
    });
    Moves::of(laws.laws, which)
}

/// Of the feasible decisions of every outcome those that do not need a player.
pub(super) fn absent(feasible: &[Vec<usize>], needs: impl Fn(usize) -> bool) -> Vec<Vec<usize>> {
    feasible.iter().map(|set| set.iter().copied().filter(|a| !needs(*a)).collect()).collect()
}
