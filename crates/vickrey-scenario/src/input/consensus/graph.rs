//! `[graph]`: edges by name, in a table, or a shape.

use vickrey::faithful::consensus::{ConsensusError, Graph, Place};

use super::followers::Places;
use crate::diagnostic::shorten;
use crate::input::keys::consensus::{EDGES, GRAPH_KEYS, LAYOUT, SHAPE, SHAPES};
use crate::input::sheet::{Desk, Sheet, Span};
use crate::input::spot::Spot;
use crate::input::table::{Column, Table};

/// Edges, and where each stands.
pub(super) struct Links {
    edges: Vec<(usize, usize)>,
    spans: Vec<Span>,
    /// Where none has a place of its own.
    whole: Span,
}

pub(super) fn read(
    sheet: &Sheet<'_, '_>,
    table: Option<&Table>,
    places: &Places<'_, '_, '_>,
    desk: &mut Desk,
) -> Option<Links> {
    let section = sheet.section(LAYOUT.key("graph"), desk);
    let whole = sheet.place("graph");
    if let (Some(table), None) = (table, &section) {
        return listed(table, places, whole, desk);
    }
    let Some(section) = section else {
        if sheet.value("graph").is_none() {
            sheet.missing(
                LAYOUT.key("graph"),
                "begin it with [graph] and edges = [[\"a\", \"b\"], ...]",
                desk,
            );
        }
        return None;
    };
    section.refuse_others(GRAPH_KEYS.iter().map(|key| key.name), desk);
    let given = [section.value(EDGES.name).is_some(), section.value(SHAPE.name).is_some(), table.is_some()];
    if given.iter().filter(|given| **given).count() != 1 {
        let all = ["`edges`", "`shape`", "a table of edges"];
        let found: Vec<&str> = all.into_iter().zip(given).filter(|of| of.1).map(|of| of.0).collect();
        let found = if found.is_empty() { "none".to_owned() } else { found.join(" and ") };
        let message =
            format!("[graph]: found {found}, accepted is one of {}, {} and {}", all[0], all[1], all[2]);
        let place = if given[1] { section.key_place(SHAPE.name) } else { section.span.clone() };
        desk.at(place, message, "", EDGES.about.to_owned());
        return None;
    }
    if let Some(spot) = Spot::of(&section, &EDGES) {
        return named(&spot, places, desk);
    }
    let shape = section.choice(&SHAPE, SHAPES.iter().copied(), desk)?;
    let n = places.names.len();
    let path = (1..n).map(|i| (i - 1, i));
    let edges: Vec<(usize, usize)> = match SHAPES[shape] {
        "path" => path.collect(),
        "star" => (1..n).map(|i| (0, i)).collect(),
        // Of two followers the ring would name their edge twice.
        "ring" if n > 2 => path.chain([(0, n - 1)]).collect(),
        "ring" => path.collect(),
        _ => (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))).collect(),
    };
    Some(Links { edges, spans: Vec::new(), whole: section.place(SHAPE.name) })
}

/// Pairs of names.
fn named(spot: &Spot<'_, '_, '_>, places: &Places<'_, '_, '_>, desk: &mut Desk) -> Option<Links> {
    let Some(items) = spot.array() else {
        spot.refuse("a list of pairs [name, name]", desk);
        return None;
    };
    let before = desk.problems.count();
    let mut links = Links { edges: Vec::new(), spans: Vec::new(), whole: spot.span() };
    for (k, item) in items.iter().enumerate() {
        let pair = spot.part(item, &format!("edge {}", k + 1));
        let Some([a, b]) =
            pair.array().and_then(|items| <[_; 2]>::try_from(items.iter().collect::<Vec<_>>()).ok())
        else {
            pair.refuse("a pair [name, name]", desk);
            continue;
        };
        let mut ends = [0; 2];
        for (end, value) in ends.iter_mut().zip([a, b]) {
            let part = pair.part(value, "an end");
            match part.text() {
                Some(name) => {
                    let found = places.names.find(&spot.sheet.title, spot.key, name, value.span(), desk);
                    *end = found.unwrap_or(0);
                }
                None => part.refuse("the name of a follower", desk),
            }
        }
        links.edges.push((ends[0], ends[1]));
        links.spans.push(item.span());
    }
    (desk.problems.count() == before).then_some(links)
}

/// A table of edges.
fn listed(table: &Table, places: &Places<'_, '_, '_>, whole: Span, desk: &mut Desk) -> Option<Links> {
    let columns = ["from", "to"].map(|name| Column { name, number: false, required: true });
    let before = desk.problems.count();
    let mut edges = Vec::new();
    table.read(&columns, |_| None, &mut desk.problems, &mut |row, problems| {
        let mut ends = [0; 2];
        for (k, end) in ends.iter_mut().enumerate() {
            let accepted = "the name of a follower";
            let (what, help) = match row.text(k) {
                Ok(Some(name)) => match places.names.index(name) {
                    Some(found) => {
                        *end = found;
                        continue;
                    }
                    None => (format!("found `{}`", shorten(name)), places.names.suggest(name)),
                },
                Ok(None) => ("empty".to_owned(), String::new()),
                Err(found) => (format!("found {}", found.0), String::new()),
            };
            problems
                .push_with(|| table.problem(row.key, Some(columns[k].name), what, accepted).with_help(help));
        }
        edges.push((ends[0], ends[1]));
    });
    (desk.problems.count() == before).then_some(Links { edges, spans: Vec::new(), whole })
}

/// The graph; what the library refuses is said with names.
pub(super) fn build(
    links: &Links,
    followers: usize,
    places: &Places<'_, '_, '_>,
    desk: &mut Desk,
) -> Option<Graph> {
    let error = match Graph::new(followers, links.edges.clone()) {
        Ok(graph) => return Some(graph),
        Err(error) => error,
    };
    let ConsensusError::Refused { place, found, accepted, .. } = error else { return None };
    let (message, label) = match (place, lost(followers, &links.edges)) {
        (Place::Edge(edge), _) => {
            links.refuse(edge, "", &accepted, EDGES.about, places, desk);
            return None;
        }
        (_, Some(lost)) if followers > 1 => {
            let name = |i: usize| format!("`{}`", shorten(&places.names.names[i]));
            let way = format!("there is no way from {} to {}", name(0), name(lost));
            (format!("[graph]: {way}, accepted is a connected graph"), "not connected")
        }
        _ => (format!("followers: found {found}, accepted is {accepted}"), ""),
    };
    desk.at(links.whole.clone(), message, label, EDGES.about.to_owned());
    None
}

impl Links {
    /// Refuses an edge where it stands; `what` follows its ends.
    pub fn refuse(
        &self,
        edge: usize,
        what: &str,
        accepted: &str,
        help: &str,
        places: &Places<'_, '_, '_>,
        desk: &mut Desk,
    ) {
        let (a, b) = self.edges[edge];
        let [a, b] = [a, b].map(|i| shorten(&places.names.names[i]));
        let number = edge + 1;
        let message =
            format!("[graph]: `edges`, edge {number}: found `{a}` and `{b}`{what}, accepted is {accepted}");
        let place = self.spans.get(edge).unwrap_or(&self.whole).clone();
        desk.at(place, message, "this edge", help.to_owned());
    }
}

/// A follower whom no way leads to from the first.
fn lost(followers: usize, edges: &[(usize, usize)]) -> Option<usize> {
    let mut near = vec![Vec::new(); followers];
    for &(a, b) in edges {
        near[a].push(b);
        near[b].push(a);
    }
    let (mut seen, mut open) = (vec![false; followers], vec![0]);
    while let Some(at) = open.pop() {
        if !std::mem::replace(&mut seen[at], true) {
            open.extend(near[at].iter().filter(|next| !seen[**next]));
        }
    }
    seen.iter().position(|seen| !seen)
}
