//! Family `licence`: one of several projects may use a licence in each period.

use vickrey::pivot::{Horizon, Kernel, Labels, Moves, Outcomes, Parts, Player, Public, Varying};

use super::Terms;
use super::arms;
use super::build::{self, Built};
use super::list::List;
use super::persons::{self, Person, Words};
use super::size;
use super::tree::{Scope, Time};
use crate::input::Context;
use crate::input::keys::pivot::{
    FAMILY, IDLE, LICENCE_RULES, PROJECT_STATES, PROJECT_TRANSITION, PROJECTS, VALUE,
};
use crate::input::sheet::{Desk, Sheet};
use crate::input::table::Table;

/// A project.
pub(super) struct Project {
    pub states: Vec<String>,
    /// By state.
    pub value: Vec<f64>,
    /// While it has the licence.
    pub kernel: Kernel,
    pub prior: Vec<f64>,
}

pub(super) fn read(
    sheet: &Sheet<'_, '_>,
    terms: &Terms,
    desk: &mut Desk,
    context: &mut Context<'_>,
) -> Option<Built> {
    let layout = &FAMILY[3];
    let mut idle = false;
    if let Some(section) = sheet.section(layout.key("licence"), desk) {
        section.refuse_others(LICENCE_RULES.iter().map(|key| key.name), desk);
        idle = section.flag(&IDLE, desk).unwrap_or(false);
    }
    let words = Words::plain(layout, &PROJECT_STATES, "state", terms.finer);
    let (mut names, persons) = persons::read(sheet, &words, desk);
    let mut nodes = persons::nodes(&persons);
    let mut projects: Vec<Option<Project>> = persons.iter().map(|person| inline(person, desk)).collect();
    let mut has_table = false;
    if let Some(section) = sheet.section(layout.key("tables"), desk) {
        section.refuse_others([PROJECTS.name].into_iter(), desk);
        has_table = section.value(PROJECTS.name).is_some();
        if let Some(table) = Table::asked(&section, &PROJECTS, desk, context) {
            projects.extend(arms::read(&table, &mut names, desk));
        }
    }
    if !has_table {
        let help = "accepted: at least one project, in [[players]] or in a table (`projects` in [tables])";
        persons::check_somebody(sheet, projects.len(), help, desk);
    }
    let types = projects.iter().flatten().map(|project| project.states.len());
    if desk.problems.count() > 0 || !size::by_decision("projects", projects.len() + 1, types, terms, desk) {
        return None;
    }
    let projects: Vec<Project> = projects.into_iter().collect::<Option<_>>()?;
    nodes.resize(projects.len(), Vec::new());
    Some(Built { parts: parts(names, projects, idle, terms)?, goods: None, nodes })
}

fn inline(person: &Person<'_, '_>, desk: &mut Desk) -> Option<Project> {
    let (sheet, states) = (&person.sheet, person.types.as_ref()?);
    let scope = |key| Scope { sheet, key, decisions: None, publics: None, time: Time::Never };
    let value = match sheet.value(VALUE.name) {
        Some(value) => scope(&VALUE).by_type(value, states, desk).and_then(|rows| rows.into_iter().next()),
        None => {
            sheet.missing(&VALUE, VALUE.about, desk);
            None
        }
    };
    let kernel = match sheet.value(PROJECT_TRANSITION.name) {
        Some(value) => scope(&PROJECT_TRANSITION).kernels(value, states, desk)?.into_iter().next(),
        None if person.chain.is_some() => person.chain.clone(),
        None if states.len() == 1 => Some(Kernel::identity(1)),
        None => {
            sheet.missing(&PROJECT_TRANSITION, PROJECT_TRANSITION.about, desk);
            None
        }
    };
    Some(Project {
        states: states.names.clone(),
        value: value?,
        kernel: kernel?,
        prior: person.prior.clone()?,
    })
}

/// Decision i gives the licence to player i; the last one to nobody, if that may be.
fn parts(names: List, projects: Vec<Project>, idle: bool, terms: &Terms) -> Option<Parts> {
    let n = projects.len();
    let decisions = n + usize::from(idle);
    let feasible = vec![(0..decisions).collect::<Vec<usize>>()];
    let mut labels = Labels {
        outcomes: vec!["licence".to_owned()],
        decisions: names.names.iter().map(|name| format!("to {name}")).collect(),
        players: names.names,
        ..Labels::default()
    };
    if idle {
        labels.decisions.push("to nobody".to_owned());
    }
    let finite = matches!(terms.horizon, Some(Horizon::Finite(_)));
    let mut players = Vec::with_capacity(n);
    for (i, project) in projects.into_iter().enumerate() {
        let types = project.states.len();
        labels.types.push(project.states);
        let utility = (0..decisions).map(|a| if a == i { project.value.clone() } else { vec![0.0; types] });
        let laws = if project.kernel == Kernel::identity(types) {
            Moves::constant(project.kernel)
        } else {
            let which = (0..decisions).map(|a| usize::from(a != i)).collect();
            Moves::of(vec![project.kernel, Kernel::identity(types)], Varying::by_decision(which))
        };
        players.push(Player {
            types,
            utility: Varying::by_decision(utility.collect()),
            moves: laws,
            terminal: finite.then(|| Varying::constant(vec![0.0; types])),
            prior: project.prior,
            // The only project without idling has no decision left without it.
            absent: (decisions > 1).then(|| build::absent(&feasible, |a| a == i)),
            outside: None,
        });
    }
    Some(Parts {
        horizon: terms.horizon?,
        discount: terms.discount?,
        decisions,
        outcomes: Outcomes { feasible, probability: Varying::constant(vec![1.0]) },
        public: Public::nothing(),
        players,
        labels,
    })
}
