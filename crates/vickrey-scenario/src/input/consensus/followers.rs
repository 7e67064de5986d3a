//! Followers of a consensus, in the file and in a table.

use vickrey::faithful::consensus::model::LARGEST;
use vickrey::faithful::consensus::{Conduct, Graph};

use crate::diagnostic::{shorten, written};
use crate::input::keys::Key;
use crate::input::keys::consensus::{
    CONDUCT, CONDUCT_KEYS, CONDUCTS, FOLLOWER, FOLLOWER_NAME, MISLEAD, RANGE, SILENT, START, VALUE, WISH,
};
use crate::input::list::{self, List};
use crate::input::names;
use crate::input::sheet::{Desk, Sheet};
use crate::input::spot::Spot;
use crate::input::table::{Column, Table};

const ANY: &str = "a finite number of size at most 1e15";

/// A follower as she was read.
pub(super) struct Read {
    pub range: (f64, f64),
    /// None: a leader does not look at it.
    pub wish: Option<f64>,
    pub act: Act,
}

/// What she does, before her neighbours are known.
#[derive(Clone, Debug)]
pub(super) enum Act {
    Plain(Conduct),
    /// All neighbours hear positions shifted by so much.
    Mislead(f64),
}

impl Act {
    pub fn of(self, graph: &Graph, agent: usize) -> Conduct {
        match self {
            Self::Plain(conduct) => conduct,
            Self::Mislead(shift) => Conduct::Mislead { shift, targets: graph.neighbours(agent).to_vec() },
        }
    }
}

/// Where followers stand: first those of the file, then those of the table.
pub(super) struct Places<'s, 'a, 'i> {
    pub sheet: &'s Sheet<'a, 'i>,
    pub sheets: Vec<Sheet<'a, 'i>>,
    pub table: Option<&'s Table>,
    pub rows: Vec<u64>,
    pub names: List,
}

impl Places<'_, '_, '_> {
    /// Reports something about a follower's key.
    pub fn report(&self, agent: usize, key: &Key, what: &str, help: String, desk: &mut Desk) {
        if let Some(sheet) = self.sheets.get(agent) {
            desk.at(sheet.place(key.name), format!("{}: {what}", sheet.title), "", help);
            return;
        }
        if let (Some(table), Some(row)) = (self.table, self.rows.get(agent - self.sheets.len())) {
            desk.problems.push_with(|| table.problem(*row, None, what, "").with_help(help));
        }
    }
}

/// Where she would like to be.
pub(in crate::input) fn wish(spot: &Spot<'_, '_, '_>, desk: &mut Desk) -> Option<f64> {
    spot.number_from(-LARGEST, LARGEST, ANY, desk)
}

/// A follower of the file; `wishes`: whether her wish has to be there, otherwise it is not looked at.
pub(super) fn inline(
    sheet: &mut Sheet<'_, '_>,
    index: usize,
    names: &mut List,
    wishes: bool,
    desk: &mut Desk,
) -> Option<Read> {
    list::heading(sheet, index, &FOLLOWER_NAME, names, desk);
    sheet.refuse_others(FOLLOWER.iter().map(|key| key.name), desk);
    let range = Spot::required(sheet, &RANGE, desk).and_then(|spot| range(&spot, desk));
    let own =
        if wishes { Spot::required(sheet, &WISH, desk).and_then(|spot| wish(&spot, desk)) } else { None };
    let act = match Spot::of(sheet, &CONDUCT) {
        Some(spot) => act(&spot, desk),
        None => Some(Act::Plain(Conduct::Faithful)),
    };
    let range = range?;
    if !wishes {
        return Some(Read { range, wish: None, act: act? });
    }
    let wish = own?;
    if !(range.0..=range.1).contains(&wish) {
        let accepted = within(range);
        let message = format!("{}: `wish` is {}, accepted is {accepted}", sheet.title, written(wish));
        desk.at(sheet.place(WISH.name), message, "outside the public range", WISH.about.to_owned());
        return None;
    }
    Some(Read { range, wish: Some(wish), act: act? })
}

fn within((low, high): (f64, f64)) -> String {
    format!("a number from {} to {}, the public range", written(low), written(high))
}

fn range(spot: &Spot<'_, '_, '_>, desk: &mut Desk) -> Option<(f64, f64)> {
    let accepted = "a list [least, most] of two finite numbers, least first";
    if spot.array().is_none_or(|items| items.len() != 2) {
        spot.refuse(accepted, desk);
        return None;
    }
    let ends = spot.numbers(-LARGEST, LARGEST, ANY, desk)?;
    if ends[0] > ends[1] {
        spot.refuse_as(&format!("[{}, {}]", written(ends[0]), written(ends[1])), accepted, desk);
        return None;
    }
    Some((ends[0], ends[1]))
}

fn act(spot: &Spot<'_, '_, '_>, desk: &mut Desk) -> Option<Act> {
    if spot.text().is_some() {
        let word = spot.sheet.choice(spot.key, CONDUCTS.iter().copied(), desk)?;
        let all = [Conduct::Faithful, Conduct::Stand, Conduct::Garbage, Conduct::Pretend];
        return Some(Act::Plain(all[word].clone()));
    }
    let Some(section) = spot.section(CONDUCT_KEYS, desk) else {
        spot.refuse("a word, or a table with one of start, mislead, silent, value", desk);
        return None;
    };
    let given: Vec<&'static Key> =
        CONDUCT_KEYS.iter().filter(|key| section.value(key.name).is_some()).collect();
    let [key] = given[..] else {
        let found = format!("a table with {} of these keys", given.len());
        spot.refuse_as(&found, "one of start, mislead, silent, value", desk);
        return None;
    };
    if key.name == SILENT.name {
        let from = section.whole(key, desk).and_then(|n| usize::try_from(n).ok())?;
        return Some(Act::Plain(Conduct::Silent { from: from - 1 }));
    }
    let number = Spot::of(&section, key)?.number_from(-LARGEST, LARGEST, ANY, desk)?;
    Some(match key.name {
        name if name == START.name => Act::Plain(Conduct::Start(number)),
        name if name == MISLEAD.name => Act::Mislead(number),
        name if name == VALUE.name => Act::Plain(Conduct::Value(number)),
        _ => return None,
    })
}

/// The followers of a table, faithful all of them, and their rows.
pub(super) fn rows(
    table: &Table,
    list: &mut List,
    wishes: bool,
    desk: &mut Desk,
) -> Vec<(u64, Option<Read>)> {
    let number = |name| Column { name, number: true, required: wishes || name != WISH.name };
    let columns = [
        Column { name: FOLLOWER_NAME.name, number: false, required: true },
        number("low"),
        number("high"),
        number(WISH.name),
    ];
    let mut all = Vec::new();
    table.read(&columns, |_| None, &mut desk.problems, &mut |row, problems| {
        let name = names::listed(table, row, 0, FOLLOWER_NAME.name, problems);
        if let Some(name) = name.filter(|name| list.index(name).is_some()) {
            let what = format!("another follower has the name `{}`", shorten(name));
            problems.push_with(|| table.problem(row.key, Some(FOLLOWER_NAME.name), what, "every name once"));
        }
        list.append(name.unwrap_or_default().to_owned());
        let mut found = [0.0; 3];
        let mut fine = true;
        let looked = if wishes { columns.len() } else { columns.len() - 1 };
        for (k, column) in columns.iter().enumerate().take(looked).skip(1) {
            let what = match row.number(k) {
                Ok(Some(x)) if x.abs() <= LARGEST => {
                    found[k - 1] = x;
                    continue;
                }
                Ok(Some(x)) => format!("found {}", written(x)),
                Ok(None) => "empty".to_owned(),
                Err(found) => format!("found {}", found.0),
            };
            fine = false;
            problems.push_with(|| table.problem(row.key, Some(column.name), what, ANY));
        }
        let [low, high, wish] = found;
        if fine && low > high {
            fine = false;
            let accepted = format!("at least {}", written(low));
            problems.push_with(|| {
                table.problem(row.key, Some("high"), format!("found {}", written(high)), &accepted)
            });
        } else if fine && wishes && !(low..=high).contains(&wish) {
            fine = false;
            let what = format!("found {}", written(wish));
            problems.push_with(|| table.problem(row.key, Some(WISH.name), what, &within((low, high))));
        }
        let wish = wishes.then_some(wish);
        let read = Read { range: (low, high), wish, act: Act::Plain(Conduct::Faithful) };
        all.push((row.key, fine.then_some(read)));
    });
    all
}
