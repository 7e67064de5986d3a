//! Scenarios with `mechanism = "pivot"`.

mod arms;
mod build;
pub(super) mod function;
mod goods;
mod licence;
mod listed;
mod persons;
mod size;
mod storage;
mod tables;
mod tree;

use vickrey::pivot::solve::SolveError;
use vickrey::pivot::solve::approximate::{Interpolation, refined};
use vickrey::pivot::solve::product::Product;
use vickrey::pivot::{Horizon, Model, Options, Parts, PaymentTime, Terms as Rules, Without};

use self::build::Built;
use self::tree::Time;
use super::Context;
use super::keys::pivot::{self as keys, FAMILIES, FAMILY, FILE, LAYOUT, RULES, rule};
use super::list;
use super::sheet::{Desk, Sheet, Span};
use crate::diagnostic::{list as listed_words, nearest, shorten, suggest};

pub use self::goods::Goods;

/// A dynamic pivot mechanism: the instance, how it is run, and what its states mean.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PivotScenario {
    /// The instance, with words for everything. Decisions that are possible without a player are always filled in
    /// where the file says which need her; `without` decides whether they are used.
    pub model: Model,
    /// How the file describes the instance.
    pub family: PivotFamily,
    /// What "without a player" means.
    pub without: Without,
    /// Whether payments know the outcome.
    pub payment: PaymentTime,
    /// Reports are committed to before they are opened.
    pub sealed: bool,
    /// Infinite horizon: how far values may be from the true ones, in money.
    pub tolerance: Option<f64>,
    /// What the instance and its solution may take at most, in bytes.
    pub memory: u64,
    /// Infinite horizon: how many periods a simulation plays.
    pub periods: Option<usize>,
    /// Family goods: items, and who holds which in a public state.
    pub goods: Option<Goods>,
    /// The same instance with finer grids, if the file asks for it.
    pub finer: Option<Finer>,
    /// What `vickrey check` says about what the file leaves to defaults.
    pub notes: Vec<String>,
}

/// An instance whose grids of types are finer than those of another: to see what the coarse ones cost.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Finer {
    /// How many times as fine.
    pub times: usize,
    /// The instance on the finer grids.
    pub model: Model,
    /// From the coarse to the fine types of every player.
    pub along: Vec<Interpolation>,
}

impl Finer {
    /// The coarse solution used on the finer grids, with its certificate.
    ///
    /// # Errors
    /// The finer instance does not fit the memory.
    pub fn solution(&self, coarse: &Product) -> Result<Product, SolveError> {
        refined(coarse, &self.model, &self.along)
    }
}

/// How a file describes the instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PivotFamily {
    /// Decisions, outcomes, utilities and transitions as numbers.
    Tables,
    /// Items arrive and go to players who value bundles.
    Goods,
    /// Storage providers take up imbalances.
    Storage,
    /// One of several projects may use a licence in each period.
    Licence,
}

const FAMILY_OF: [PivotFamily; 4] =
    [PivotFamily::Tables, PivotFamily::Goods, PivotFamily::Storage, PivotFamily::Licence];
const WITHOUT_OF: [Without; 3] = [Without::Same, Without::Own, Without::Tight];
const PAYMENT_OF: [PaymentTime; 2] = [PaymentTime::BeforeOutcome, PaymentTime::OutcomeContingent];

impl PivotFamily {
    /// The word for it in scenario files.
    pub fn name(self) -> &'static str {
        FAMILIES[self as usize]
    }
}

/// Periods that are played of a game without end, if the file does not say how many.
const PLAYED: usize = 50;

impl PivotScenario {
    /// How the instance is to be solved.
    pub fn options(&self) -> Options {
        Options { mode: self.without, tolerance: self.tolerance, memory: self.memory, ..Options::default() }
    }

    /// How the mechanism is to be run: all periods, or as many as the file says for a game without end.
    pub fn terms(&self) -> Rules {
        let periods = self.model.periods().unwrap_or_else(|| self.periods.unwrap_or(PLAYED));
        Rules { payment: self.payment, sealed: self.sealed, periods }
    }

    /// Number of joint states: public states times the types of all players. It may be too large for an integer.
    pub fn joint_states(&self) -> f64 {
        let parts = self.model.parts();
        size::joint(parts.public.states, parts.players.iter().map(|player| player.types))
    }
}

/// What is said in `[pivot]`.
struct Terms {
    /// None if it could not be read.
    horizon: Option<Horizon>,
    discount: Option<f64>,
    without: Without,
    /// In bytes.
    memory: u64,
    memory_at: Span,
    /// How many times as fine as they are written grids are made.
    finer: usize,
}

impl Terms {
    fn time(&self) -> Time {
        match self.horizon {
            Some(Horizon::Finite(periods)) => Time::Periods(periods),
            Some(Horizon::Infinite) => Time::Infinite,
            None => Time::Unknown,
        }
    }

    /// The same for grids so many times as fine.
    fn at(&self, times: u64) -> Self {
        Self {
            finer: usize::try_from(times).unwrap_or(usize::MAX),
            memory_at: self.memory_at.clone(),
            ..*self
        }
    }

    fn is_infinite(&self) -> bool {
        self.horizon == Some(Horizon::Infinite)
    }
}

pub(super) fn read(
    sheet: &Sheet<'_, '_>,
    desk: &mut Desk,
    context: &mut Context<'_>,
) -> Option<PivotScenario> {
    let empty = toml::de::DeTable::new();
    let section = LAYOUT.key("pivot");
    let found = sheet.section(section, desk);
    if sheet.value(section.name).is_none() {
        let accepted = "begin it with [pivot] and horizon = (how many periods, or \"infinite\")";
        sheet.missing(section, accepted, desk);
    }
    let is_there = found.is_some();
    let rules = found.unwrap_or_else(|| Sheet::new(&empty, 0..0, "[pivot]"));
    rules.refuse_others(RULES.iter().map(|key| key.name), desk);
    let family = family(&rules, desk);
    if let Some(family) = family {
        desk.layout = Some(&FAMILY[family as usize]);
        refuse_other_families(sheet, family, desk);
    }
    let terms = terms(&rules, is_there, desk);
    let payment = rules.choice(&RULES[rule::PAYMENT], keys::PAYMENTS.iter().copied(), desk);
    let sealed = rules.flag(&RULES[rule::SEALED], desk).unwrap_or(false);
    let (periods, tolerance) = only_infinite(&rules, &terms, desk);
    let mut notes = Vec::new();
    let family = family?;
    let built = build(family, sheet, &terms, desk, context, &mut notes);
    if desk.problems.count() > 0 {
        return None;
    }
    let Built { parts, goods, nodes } = built?;
    if terms.without == Without::Own && parts.players.iter().all(|player| player.absent.is_none()) {
        context.warnings.push(
            "[pivot]: without = \"own\", but no player has decisions that need her: the same as \"same\""
                .to_owned(),
        );
    }
    warn_of_idle_decisions(&parts, &mut context.warnings);
    let model = build::model(parts, sheet, desk)?;
    if !size::fits(&model, &terms, desk) {
        return None;
    }
    let finer = match rules.whole(&RULES[rule::FINER], desk) {
        Some(times) => Some(finer(family, sheet, (terms.at(times), &rules), desk, context, &nodes)?),
        None => None,
    };
    Some(PivotScenario {
        model,
        family,
        without: terms.without,
        payment: payment.map_or(PaymentTime::BeforeOutcome, |index| PAYMENT_OF[index]),
        sealed,
        tolerance,
        memory: terms.memory,
        periods,
        goods,
        finer,
        notes,
    })
}

fn build(
    family: PivotFamily,
    sheet: &Sheet<'_, '_>,
    terms: &Terms,
    desk: &mut Desk,
    context: &mut Context<'_>,
    notes: &mut Vec<String>,
) -> Option<Built> {
    match family {
        PivotFamily::Tables => tables::read(sheet, terms, desk, context, notes),
        PivotFamily::Goods => goods::read(sheet, terms, desk),
        PivotFamily::Storage => storage::read(sheet, terms, desk, notes),
        PivotFamily::Licence => licence::read(sheet, terms, desk, context),
    }
}

/// The instance once more, on finer grids.
fn finer(
    family: PivotFamily,
    sheet: &Sheet<'_, '_>,
    (terms, rules): (Terms, &Sheet<'_, '_>),
    desk: &mut Desk,
    context: &mut Context<'_>,
    coarse: &[Vec<f64>],
) -> Option<Finer> {
    if coarse.iter().all(Vec::is_empty) {
        let key = RULES[rule::FINER].name;
        let message = "[pivot]: `finer` is given, but no player has a `chain`".to_owned();
        desk.at(rules.key_place(key), message, "not accepted here", RULES[rule::FINER].about.to_owned());
        return None;
    }
    let built = build(family, sheet, &terms, desk, context, &mut Vec::new());
    if desk.problems.count() > 0 {
        return None;
    }
    let Built { parts, nodes, .. } = built?;
    let model = build::model(parts, sheet, desk)?;
    if !size::all_fit(&model, &terms, desk) {
        return None;
    }
    let along = |i: usize| {
        let none = || Interpolation::none(model.player(i).types);
        coarse.get(i).zip(nodes.get(i)).and_then(|(a, b)| Interpolation::linear(a, b)).unwrap_or_else(none)
    };
    let along = (0..model.players()).map(along).collect();
    Some(Finer { times: terms.finer, along, model })
}

/// Decisions that are never possible look like mistakes.
fn warn_of_idle_decisions(parts: &Parts, warnings: &mut Vec<String>) {
    let never = |a: &usize| parts.outcomes.feasible.iter().all(|set| set.binary_search(a).is_err());
    for a in (0..parts.decisions).filter(never).take(10) {
        warnings
            .push(format!("decision `{}` is feasible in no outcome", shorten(&parts.labels.decisions[a])));
    }
}

fn family(rules: &Sheet<'_, '_>, desk: &mut Desk) -> Option<PivotFamily> {
    let key = &RULES[rule::FAMILY];
    if rules.value(key.name).is_none() {
        return Some(PivotFamily::Tables);
    }
    rules.choice(key, FAMILIES.iter().copied(), desk).map(|index| FAMILY_OF[index])
}

/// Reports keys at the top of the file that the family does not take.
fn refuse_other_families(sheet: &Sheet<'_, '_>, family: PivotFamily, desk: &mut Desk) {
    let own = FAMILY[family as usize].file;
    let takes = |name: &str| own.iter().any(|key| key.name == name);
    for (name, at) in sheet.keys().filter(|(name, _)| !takes(name)) {
        let accepted = || own.iter().map(|key| key.name);
        let others: Vec<&str> = FAMILY
            .iter()
            .zip(FAMILIES)
            .filter(|(layout, _)| layout.file.iter().any(|key| key.name == name))
            .map(|(_, family)| *family)
            .collect();
        let elsewhere = LAYOUT.section_of(name).filter(|_| !FILE.iter().any(|key| key.name == name));
        let help = match (others.is_empty(), elsewhere) {
            (false, _) => format!(
                "`{name}` belongs to family = {}, the family here is \"{}\"; accepted here: {}",
                listed_words(others),
                family.name(),
                listed_words(accepted())
            ),
            (true, Some(section)) if nearest(name, accepted()).is_none() => {
                format!("`{name}` belongs to {section}; accepted here: {}", listed_words(accepted()))
            }
            _ => suggest(name, accepted()),
        };
        desk.at(at, format!("scenario: `{}` is not a key here", shorten(name)), "unknown key", help);
    }
}

fn terms(rules: &Sheet<'_, '_>, is_there: bool, desk: &mut Desk) -> Terms {
    let horizon = &RULES[rule::HORIZON];
    if is_there && rules.value(horizon.name).is_none() {
        rules.missing(horizon, horizon.about, desk);
    }
    let horizon = rules.whole_or_word(horizon, desk).map(|periods| match periods {
        Some(periods) => Horizon::Finite(usize::try_from(periods).unwrap_or(usize::MAX)),
        None => Horizon::Infinite,
    });
    let without = rules.choice(&RULES[rule::WITHOUT], keys::WITHOUT.iter().copied(), desk);
    let memory = rules.whole(&RULES[rule::MEMORY], desk).unwrap_or(keys::USUAL_MEMORY);
    Terms {
        horizon,
        discount: discount(rules, horizon, desk),
        without: without.map_or(Without::Same, |index| WITHOUT_OF[index]),
        memory: memory << 20,
        memory_at: rules.place(RULES[rule::MEMORY].name),
        finer: 1,
    }
}

fn discount(rules: &Sheet<'_, '_>, horizon: Option<Horizon>, desk: &mut Desk) -> Option<f64> {
    let key = &RULES[rule::DISCOUNT];
    let Some(value) = rules.value(key.name) else {
        if horizon == Some(Horizon::Infinite) {
            let accepted = "accepted for an infinite horizon: a number above 0 and below 1, for example 0.95";
            rules.missing(key, accepted, desk);
            return None;
        }
        return Some(1.0);
    };
    let discount = rules.number(key, desk)?;
    let accepted = match horizon {
        Some(Horizon::Infinite) => "a number above 0 and below 1 (the horizon is infinite)",
        _ => "a number above 0 and at most 1",
    };
    let highest = if horizon == Some(Horizon::Infinite) { discount < 1.0 } else { discount <= 1.0 };
    if discount >= 1e-12 && highest {
        return Some(discount);
    }
    rules.wrong(key.name, value, accepted, key.about, desk);
    None
}

/// What makes sense for an infinite horizon only: periods of a simulation, and the tolerance.
fn only_infinite(rules: &Sheet<'_, '_>, terms: &Terms, desk: &mut Desk) -> (Option<usize>, Option<f64>) {
    let periods = rules.whole(&RULES[rule::PERIODS], desk).and_then(|periods| usize::try_from(periods).ok());
    let tolerance = list::number(rules, &RULES[rule::TOLERANCE], desk);
    if matches!(terms.horizon, Some(Horizon::Finite(_))) {
        for (key, why) in [
            (&RULES[rule::PERIODS], "a simulation plays the periods of the horizon"),
            (&RULES[rule::TOLERANCE], "values of a finite horizon are exact"),
        ] {
            if rules.value(key.name).is_some() {
                let message = format!("[pivot]: `{}` is given, but the horizon is finite", key.name);
                let help = format!("accepted with horizon = \"infinite\" only: {why}");
                desk.at(rules.key_place(key.name), message, "not accepted here", help);
            }
        }
    }
    (periods, tolerance)
}
