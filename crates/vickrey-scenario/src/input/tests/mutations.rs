//! Whatever happens to a file, it is read or refused with a place inside it; nothing panics.

use proptest::prelude::*;

use super::*;
use crate::template;

/// Pieces that have a meaning in scenario files, so that mutations get past the parser.
const PIECES: &[&str] = &[
    "[",
    "]",
    "[[",
    "]]",
    "=",
    "\"",
    "'",
    "\"\"\"",
    "#",
    "\n",
    "\r",
    ".",
    ",",
    "{",
    "}",
    "-",
    "nan",
    "inf",
    "1e999",
    "0",
    "1e-300",
    "\u{feff}",
    "é",
    "\u{0}",
    "[[agents]]\n",
    "[market]\n",
    "[tables]\nagents = \"/\"\n",
    "name = \"Wind\"\n",
    "true",
    "2000-01-01",
    "0xffffffffffffffffffff",
    "a.b.c = 1\n",
    "[a.b.c]\n",
    "[[market]]\n",
    "low = 1\n",
    "states = 2\n",
    "[[0, 1], [1, 0]]",
    "[1, 2]",
    "noise = -1\n",
    "periods = 2\n",
    "market = \"filtered\"\n",
    "payment = \"worlds\"\n",
    "observation = 1\n",
    "observation-noise = 0\n",
    "loadings = [1]\n",
    "[[players]]\n",
    "[pivot]\n",
    "family = \"tables\"\n",
    "family = \"goods\"\n",
    "family = \"licence\"\n",
    "horizon = \"infinite\"\n",
    "horizon = 100000\n",
    "discount = 0.5\n",
    "types = 1000\n",
    "states = 1000\n",
    "levels = 1000\n",
    "memory = 1\n",
    "\"stays\"",
    "else = ",
    "{ else = 1 }",
    "[[0.5, 0.5], [0.5, 0.5]]",
    "prior = [1]\n",
    "chain = { rouwenhorst = 3, persistence = 0.5, sd = 1 }\n",
    "{ exp = { shift = 1 } }",
    "discard = true\n",
    "[season]\ndays = 10000000\n",
    "calendar = [\"mild\"]\n",
    "[[signals]]\nname = \"x\"\nshare = 1\n",
    "[tests]\n",
    "window = \"printed\"\n",
    "[game]\n",
    "signal-known = \"before-bids\"\n",
    "values = [[1, 2], [3, 4]]\n",
    "needs = [\"idle\"]\n",
    "{ mild = 1, hot = 2 }",
    "family = \"scaled-beta\"\ntop = 9\n",
    "samples = [1, 2, 3]\n",
    "count = 10000\n",
    "types = 3\n",
    "limit = 0\n",
    "law = \"uniform\"\n",
    "shortage = -1\n",
    "reserve = \"none\"\n",
    "bidding = \"by-signal\"\n",
    "bidding = \"copy\"\nrival = \"Foundry\"\n",
    "[[followers]]\n",
    "[resource]\ntotal = [1, 2]\n",
    "coupling = [[1], [2]]\n",
    "coupling = { power = [1, 2] }\n",
    "curvature = [0, 1]\n",
    "absent = 1\n",
    "cost = { family = \"log\", weight = 1 }\n",
    "{ family = \"piecewise\", lines = [[1, 2]] }",
    "matrix = [[1, 2], [2, 1]]",
    "method = \"multipliers\"\n",
    "method = \"newton\"\n",
    "fading = true\n",
    "mode = \"zero\"\n",
    "play = { script = [[1, 2]] }\n",
];

/// One change of a text.
#[derive(Clone, Debug)]
enum Change {
    Insert(prop::sample::Index, usize),
    Delete(prop::sample::Index, usize),
    Copy(prop::sample::Index, prop::sample::Index, usize),
    DropLine(prop::sample::Index),
}

fn change() -> impl Strategy<Value = Change> {
    use prop::sample::Index;
    prop_oneof![
        (any::<Index>(), 0..PIECES.len()).prop_map(|(at, piece)| Change::Insert(at, piece)),
        (any::<Index>(), 1..20_usize).prop_map(|(at, length)| Change::Delete(at, length)),
        (any::<Index>(), any::<Index>(), 1..200_usize)
            .prop_map(|(from, to, length)| Change::Copy(from, to, length)),
        any::<Index>().prop_map(Change::DropLine),
    ]
}

fn apply(text: &str, changes: &[Change]) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for change in changes {
        let len = chars.len().max(1);
        match change {
            Change::Insert(at, piece) => {
                let at = at.index(len).min(chars.len());
                chars.splice(at..at, PIECES[*piece].chars());
            }
            Change::Delete(at, length) => {
                let at = at.index(len).min(chars.len());
                chars.drain(at..(at + length).min(chars.len()));
            }
            Change::Copy(from, to, length) => {
                let (from, to) = (from.index(len).min(chars.len()), to.index(len).min(chars.len()));
                let piece: Vec<char> = chars[from..(from + length).min(chars.len())].to_vec();
                chars.splice(to..to, piece);
            }
            Change::DropLine(at) => {
                let text: String = chars.iter().collect();
                let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
                if !lines.is_empty() {
                    lines.remove(at.index(lines.len()));
                }
                chars = lines.concat().chars().collect();
            }
        }
    }
    chars.into_iter().collect()
}

/// Shows the problem in every way there is, and checks that it says something.
fn look_at(problem: &Problem) {
    assert!(!problem.message().is_empty());
    assert!(!shown(problem).is_empty());
    assert!(problem.to_json()["message"].is_string());
    assert!(problem.related().len() <= crate::diagnostic::MOST);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn changed_templates(
        changes in prop::collection::vec(change(), 1..6),
        mechanism in prop::sample::select(crate::MECHANISMS),
    ) {
        let text = apply(template(mechanism).unwrap(), &changes);
        if let Err(problem) = read(&text) {
            look_at(&problem);
        }
    }

    #[test]
    fn changed_tables(changes in prop::collection::vec(change(), 1..6), of_agents in any::<bool>()) {
        let agents = "# text\nname,utility,a,b,low,high\nx,quadratic,-1,1,,\n\"y, z\",quadratic,-1,3,-1,1\nb,blocks,,,,\n";
        let blocks = "agent,side,quantity,price\nb,buy,1,5\nb,sell,1,6\nc,sell,2,1\n";
        let (agents, blocks) = if of_agents {
            (apply(agents, &changes), blocks.to_owned())
        } else {
            (agents.to_owned(), apply(blocks, &changes))
        };
        let files = [("scenario.toml", WITH_BOTH), ("agents.csv", agents.as_bytes()), ("blocks.csv", blocks.as_bytes())];
        if let Err(problem) = load_files(&files) {
            look_at(&problem);
        }
    }

    #[test]
    fn changed_tables_over_time(changes in prop::collection::vec(change(), 1..6), which in 0..4_usize) {
        let mut tables = [
            ("agents.csv", "name,law,a,b,q,r,noise,degrees\nx,student-t,1,1,-1,-1,0.5,5\ny,wind,1,1,-1,-1,1,\n"),
            ("series.csv", "agent,period,q,noise\nx,0,-1,0\nx,1,-2,1\n"),
            ("path.csv", "agent,period,disturbance\ny,0,-1\ny,1,-2\n"),
            ("samples.csv", "law,value\nwind,1\nwind,2\nwind,4\n"),
        ]
        .map(|(name, text)| (name, text.to_owned()));
        tables[which].1 = apply(&tables[which].1, &changes);
        let scenario = "mechanism = \"linear-quadratic\"\n[linear-quadratic]\nperiods = 2\nnoise-as = \"std\"\n[tables]\n\
                        agents = \"agents.csv\"\nseries = \"series.csv\"\npath = \"path.csv\"\nsamples = \"samples.csv\"\n";
        let files: Vec<(&str, &[u8])> = std::iter::once(("scenario.toml", scenario.as_bytes()))
            .chain(tables.iter().map(|(name, text)| (*name, text.as_bytes())))
            .collect();
        if let Err(problem) = load_files(&files) {
            look_at(&problem);
        }
    }

    #[test]
    fn changed_families(
        changes in prop::collection::vec(change(), 1..6),
        (head, rest) in prop::sample::select(super::schema::FAMILY_TEXTS.as_slice()),
    ) {
        let text = apply(&format!("mechanism = \"pivot\"\n[pivot]\n{head}\n{rest}"), &changes);
        if let Err(problem) = read(&text) {
            look_at(&problem);
        }
    }

    #[test]
    fn changed_tables_of_players(changes in prop::collection::vec(change(), 1..6), which in 0..3_usize) {
        let mut tables = [
            ("u.csv", "player,decision,type,public,period,utility\np,a,,,,1\np,a,1,x,0,2\np,,0,,,3\n"),
            ("k.csv", "player,decision,from,to,probability\np,,0,1,1\np,,1,0,0.5\np,,1,1,0.5\np,a,0,0,1\n"),
            ("p.csv", "player,state,value,prior,to-1,to-2\nr,1,2,1,0.5,0.5\nr,2,1,0,0,1\ns,1,1,1,1,\n"),
        ]
        .map(|(name, text)| (name, text.to_owned()));
        tables[which].1 = apply(&tables[which].1, &changes);
        let (head, rest) = super::schema::FAMILY_TEXTS[if which == 2 { 3 } else { 0 }];
        let rest = rest.replace("utility = { a = { x = 1, y = [[1, 2], [3, 4]] } }\ntransition = \"stays\"\n", "");
        let named = if which == 2 { "projects = \"p.csv\"" } else { "utilities = \"u.csv\"\ntransitions = \"k.csv\"" };
        let scenario = format!("mechanism = \"pivot\"\n[pivot]\n{head}\n[tables]\n{named}\n{rest}");
        let files: Vec<(&str, &[u8])> = std::iter::once(("scenario.toml", scenario.as_bytes()))
            .chain(tables.iter().map(|(name, text)| (*name, text.as_bytes())))
            .collect();
        if let Err(problem) = load_files(&files) {
            look_at(&problem);
        }
    }

    #[test]
    fn changed_tables_of_providers(changes in prop::collection::vec(change(), 1..6), which in 0..3_usize) {
        let mut tables = [
            ("s.csv", "day,x\n1,4\n2,5\n3,6\n4,-1\n"),
            ("d.csv", "delta\n1\n2\n3\n"),
            ("p.csv", "name,family,mean,variance,types,top,limit\nc,gamma,1,1,3,,\nd,scaled-beta,1,1,3,9,\n"),
        ]
        .map(|(name, text)| (name, text.to_owned()));
        tables[which].1 = apply(&tables[which].1, &changes);
        let scenario = "mechanism = \"demand-response\"\n[market]\nshortage = { file = \"s.csv\", column = \"x\" }\nreserve = 1\n\
                        [tables]\nplayers = \"p.csv\"\n[[players]]\nname = \"a\"\nsamples = { file = \"d.csv\", column = \"delta\" }\n\
                        types = 2\n";
        let files: Vec<(&str, &[u8])> = std::iter::once(("scenario.toml", scenario.as_bytes()))
            .chain(tables.iter().map(|(name, text)| (*name, text.as_bytes())))
            .collect();
        if let Err(problem) = load_files(&files) {
            look_at(&problem);
        }
    }

    #[test]
    fn any_text_at_all(text in "\\PC{0,200}", mechanism in prop::sample::select(crate::MECHANISMS)) {
        if let Err(problem) = read(&format!("mechanism = \"{mechanism}\"\n{text}")) {
            look_at(&problem);
        }
    }
}

#[test]
fn deep_nesting_is_refused() {
    for (open, count) in [("[", 100_000), ("{a=", 100_000), ("a.", 100_000)] {
        let problem = read(&format!("mechanism = \"market\"\nx = {}", open.repeat(count))).unwrap_err();
        look_at(&problem);
        let problem = read(&format!("mechanism = \"market\"\n{}", open.repeat(count))).unwrap_err();
        look_at(&problem);
    }
}
