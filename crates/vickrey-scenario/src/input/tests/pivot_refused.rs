//! What is said about scenarios with `mechanism = "pivot"` that cannot be used.

use super::pivot::{of, text};
use super::*;
use vickrey::pivot::plan;
use vickrey::pivot::solve::Structure;

const TABLES: &str = "horizon = 2\n[[decisions]]\nname = \"keep\"\n[[decisions]]\nname = \"sell\"\n[[outcomes]]\nname = \"z\"\nprobability = 1\ndecisions = [\"keep\", \"sell\"]\n[public]\nstates = [\"dry\", \"wet\"]\nstart = \"dry\"\n[[players]]\nname = \"Ann\"\ntypes = [\"low\", \"high\"]\nstart = \"low\"\ntransition = \"stays\"\n";
const STORAGE: &str = "family = \"storage\"\nhorizon = 2\n[[imbalances]]\nname = \"up\"\nprobability = 0.5\ncurtailment = 1\ncharge = 1\n[[imbalances]]\nname = \"down\"\nprobability = 0.5\ncurtailment = 1\ncharge = -1\n[[players]]\nname = \"Ann\"\nlevels = 3\nstart = \"50 %\"\ncost = 1\ndrift = 0.5\nrest = \"50 %\"\n";
const GOODS: &str = "family = \"goods\"\nhorizon = 2\n[[items]]\nname = \"A\"\nprobability = 0.5\n[[items]]\nname = \"B\"\nprobability = 0.5\n[[players]]\nname = \"Ann\"\nvalues = { A = 1 }\n[[players]]\nname = \"Bob\"\nvalues = [0, 1, 2, 3]\n";
const LICENCE: &str = "family = \"licence\"\nhorizon = \"infinite\"\ndiscount = 0.9\n[[players]]\nname = \"Ann\"\nstates = [\"a\", \"b\"]\nstart = \"a\"\nvalue = 1\ntransition = \"stays\"\n";

/// A scenario in which something is replaced, and what is then said.
type Case = (&'static str, &'static str, &'static [&'static str]);

fn check(base: &str, cases: &[Case]) {
    read(&text(base)).unwrap_or_else(|problem| panic!("{}", shown(&problem)));
    for (from, to, expected) in cases {
        assert!(base.contains(from), "{from}");
        let found = lines(&read(&text(&base.replacen(from, to, 1))).expect_err(to));
        let found: Vec<&str> = found.iter().map(|line| line.split(" | ").next().unwrap()).collect();
        assert_eq!(found, *expected, "{to}");
    }
}

#[test]
fn tables() {
    check(
        TABLES,
        &[
            ("horizon = 2", "", &["2:1 [pivot]: `horizon` is missing"]),
            ("horizon = 2", "horizn = 2", &["3:1 [pivot]: `horizn` is not a key here"]),
            ("horizon = 2", "horizon = \"infinite\"", &["2:1 [pivot]: `discount` is missing"]),
            (
                "horizon = 2",
                "horizon = \"infinite\"\ndiscount = 1",
                &[
                    "4:12 [pivot]: `discount` is the number 1, accepted is a number above 0 and below 1 (the horizon is infinite)",
                ],
            ),
            (
                "horizon = 2",
                "horizon = 2\ndiscount = 0",
                &["4:12 [pivot]: `discount` is the number 0, accepted is a number above 0 and at most 1"],
            ),
            (
                "horizon = 2",
                "horizon = 2\nperiods = 3\ntolerance = 1",
                &[
                    "4:1 [pivot]: `periods` is given, but the horizon is finite",
                    "5:1 [pivot]: `tolerance` is given, but the horizon is finite",
                ],
            ),
            ("horizon = 2", "horizon = 2\nwithout = \"won\"", &["4:11 [pivot]: `without` is \"won\""]),
            ("horizon = 2", "horizon = 2\nfamily = \"table\"", &["4:10 [pivot]: `family` is \"table\""]),
            ("[public]", "[[items]]\nname = \"x\"\n[public]", &["12:3 scenario: `items` is not a key here"]),
            ("[public]", "[pubic]", &["12:2 scenario: `pubic` is not a key here"]),
            (
                "probability = 1",
                "probability = 0.9",
                &["10:15 the probabilities of all outcomes add up to 0.9, accepted is a sum of 1"],
            ),
            (
                "probability = 1",
                "probability = [1, 0.5]",
                &[
                    "10:15 the probabilities of all outcomes add up to 0.5 in period 1, accepted is a sum of 1",
                ],
            ),
            (
                "probability = 1",
                "probability = { dry = 1 }",
                &[
                    "10:15 outcome `z`: `probability`: found nothing for public state `wet`, accepted is a probability for every public state (or `else`)",
                ],
            ),
            (
                "probability = 1",
                "probability = { dry = 1, weet = 1 }",
                &["10:26 outcome `z`: `probability`: there is no public state `weet`"],
            ),
            (
                "decisions = [\"keep\", \"sell\"]",
                "decisions = []",
                &["11:13 outcome `z`: `decisions` is empty, accepted is at least one decision"],
            ),
            (
                "decisions = [\"keep\", \"sell\"]",
                "decisions = [\"keep\", \"sel\", \"keep\"]",
                &[
                    "11:22 outcome `z`: `decisions`: there is no decision `sel`",
                    "11:29 outcome `z`: `decisions` names `keep` twice",
                ],
            ),
            ("transition = \"stays\"", "", &["15:1 player `Ann`: `transition` is missing"]),
            (
                "transition = \"stays\"",
                "transition = [[0.5, 0.4], [0, 1]]",
                &[
                    "19:15 player `Ann`: `transition`, row `low`: found probabilities that add up to 0.9, accepted is a sum of 1",
                ],
            ),
            (
                "transition = \"stays\"",
                "transition = [[1, 0], [0, 1, 0]]",
                &[
                    "19:23 player `Ann`: `transition`, row `high`: found a list of 3 numbers, accepted is a list of 2 probabilities",
                ],
            ),
            (
                "transition = \"stays\"",
                "transition = [[1, 0], [1.5, -0.5]]",
                &[
                    "19:24 player `Ann`: `transition`, row `high`: found 1.5, accepted is a probability from 0 to 1",
                ],
            ),
            (
                "transition = \"stays\"",
                "transition = { keep = \"stays\" }",
                &[
                    "19:14 player `Ann`: `transition`: found nothing for decision `sell`, accepted is a matrix for every decision and public state (or `else`)",
                ],
            ),
            (
                "transition = \"stays\"",
                "transition = { keep = { dry = \"stays\" }, else = \"stays\" }",
                &[
                    "19:14 player `Ann`: `transition`: found nothing for decision `keep` in public state `wet`, accepted is a matrix for every decision and public state (or `else`)",
                ],
            ),
            (
                "transition = \"stays\"",
                "transition = { kep = \"stays\" }",
                &["19:16 player `Ann`: `transition`: there is no decision `kep`"],
            ),
            (
                "transition = \"stays\"",
                "transition = { keep = \"stays\", dry = \"stays\" }",
                &["19:32 player `Ann`: `transition`: `dry` is a public state, beside names of decisions"],
            ),
            (
                "transition = \"stays\"",
                "transition = [[[1, 0], [0, 1]], [[1, 0], [0.3, 0.3]]]",
                &[
                    "19:42 player `Ann`: `transition`, row `high`: found probabilities that add up to 0.6, accepted is a sum of 1",
                ],
            ),
            (
                "transition = \"stays\"",
                "transition = [[[1, 0], [0, 1]]]",
                &[
                    "19:14 player `Ann`: `transition`: found a list of 1 list, accepted is 2 lists of 2 probabilities, or \"stays\"",
                ],
            ),
            ("start = \"low\"", "", &["15:1 player `Ann`: `start` is missing"]),
            ("start = \"low\"", "start = \"lo\"", &["18:9 player `Ann`: `start`: there is no type `lo`"]),
            (
                "start = \"low\"",
                "prior = [0.5, 0.6]",
                &[
                    "18:9 player `Ann`: `prior`: found probabilities that add up to 1.1, accepted is a sum of 1",
                ],
            ),
            (
                "start = \"low\"",
                "prior = [0.5, 0.5]\nstart = \"low\"",
                &["18:1 player `Ann`: both `start` and `prior` are given"],
            ),
            (
                "start = \"low\"",
                "start = \"low\"\nutility = [1, 2, 3]",
                &[
                    "19:11 player `Ann`: `utility`: found a list of 3 numbers, accepted is a number, or a list with one for each of the 2 types, or a list with that for each of the 2 periods",
                ],
            ),
            (
                "start = \"low\"",
                "start = \"low\"\nutility = { keep = [[1, 2], [1]] }",
                &[
                    "19:29 player `Ann`: `utility`: found a list of 1 number, accepted is a number, or a list with one for each of the 2 types",
                ],
            ),
            (
                "start = \"low\"",
                "start = \"low\"\nutility = { keep = nan }",
                &["19:20 player `Ann`: `utility` is the number nan, accepted is a finite number"],
            ),
            (
                "start = \"low\"",
                "start = \"low\"\nutility = { keep = 1e13 }",
                &[
                    "19:20 player `Ann`: `utility`: found 1e13, accepted is a finite number of size at most 1e12",
                ],
            ),
            (
                "start = \"low\"",
                "start = \"low\"\nutility = { keep = \"x\" }",
                &[
                    "19:20 player `Ann`: `utility` is the text \"x\", accepted is a finite number, or lists of numbers",
                ],
            ),
            (
                "start = \"low\"",
                "start = \"low\"\nneeds = [\"keep\", \"sell\"]",
                &["19:9 player `Ann`: `needs`: outcome `z` is left without any decision"],
            ),
            (
                "start = \"low\"",
                "start = \"low\"\nneeds = [\"buy\"]",
                &["19:10 player `Ann`: `needs`: there is no decision `buy`"],
            ),
            (
                "start = \"low\"",
                "start = \"low\"\nterminal = [[1, 2], [1, 2]]",
                &[
                    "19:12 player `Ann`: `terminal`: found a list of 2 lists, accepted is a number, or a list with one for each of the 2 types",
                ],
            ),
            ("start = \"dry\"", "", &["12:1 [public]: `start` is missing"]),
            ("start = \"dry\"", "start = \"dr\"", &["14:9 [public]: `start`: there is no public state `dr`"]),
            (
                "start = \"dry\"",
                "start = \"dry\"\ntransition = [[1, 0], [0.5, 0.4]]",
                &[
                    "15:23 [public]: `transition`, row `wet`: found probabilities that add up to 0.9, accepted is a sum of 1",
                ],
            ),
            (
                "start = \"dry\"",
                "start = \"dry\"\ntransition = { keep = \"stays\" }",
                &[
                    "15:14 [public]: `transition`: found nothing for decision `sell`, accepted is a matrix for every decision (or `else`)",
                ],
            ),
            (
                "start = \"dry\"",
                "start = \"dry\"\nterminal = [1]",
                &[
                    "15:12 [public]: `terminal`: found a list of 1 number, accepted is a number, or a list with one for each of the 2 public states",
                ],
            ),
            (
                "\"dry\", \"wet\"",
                "\"dry\", \"keep\"",
                &["5:8 a decision and a public state have the name `keep`"],
            ),
            ("\"low\", \"high\"", "\"low\", \"low\"", &["17:17 two types have the name `low`"]),
            (
                "\"low\", \"high\"",
                "\"low\", \"else\"",
                &["17:17 player `Ann`: \"else\" as the name of a type"],
            ),
            (
                "\"low\", \"high\"",
                "",
                &[
                    "17:9 player `Ann`: `types` is a list of 0, accepted is a list of names, or a whole number from 1 to 1000",
                ],
            ),
            (
                "name = \"sell\"",
                "name = \"keep\"",
                &[
                    "7:8 two decisions have the name `keep`",
                    "11:22 outcome `z`: `decisions`: there is no decision `sell`",
                ],
            ),
            ("name = \"Ann\"", "", &["15:1 player number 1: `name` is missing"]),
            (
                "[[players]]\nname = \"Ann\"",
                "[[players]]\nname = \"Ann\"\n[[players]]\nname = \"Ann\"",
                &["18:8 two players have the name `Ann`"],
            ),
        ],
    );
}

#[test]
fn goods() {
    check(
        GOODS,
        &[
            ("{ A = 1 }", "{ A = 1, \"A+C\" = 2 }", &["13:19 player `Ann`: `values`: there is no item `C`"]),
            (
                "{ A = 1 }",
                "{ \"B+A\" = 1, \"A+B\" = 2 }",
                &["13:12 player `Ann`: `values`: the bundle `B+A` is there already, in another order"],
            ),
            (
                "{ A = 1 }",
                "[0, 1]",
                &[
                    "13:10 player `Ann`: `values`: found a list of 2 numbers, accepted is values by bundle, or a list of the values of all 4 bundles",
                ],
            ),
            (
                "{ A = 1 }",
                "{ 0 = { A = 1 }, 1 = { A = 1 } }",
                &["13:27 player `Ann`: `values`: there is no type `1`"],
            ),
            (
                "{ A = 1 }",
                "{ A = 1 }\ntypes = [\"l\", \"h\"]\nstart = \"l\"\nfactor = [1]\ntransition = \"stays\"",
                &[
                    "16:10 player `Ann`: `factor`: found a list of 1 number, accepted is a number, or a list with one for each of the 2 types",
                ],
            ),
            (
                "[[items]]\nname = \"A\"",
                "[[items]]\nname = \"A+\"",
                &["6:8 item `A+`: a name with +", "13:12 player `Ann`: `values`: there is no item `A`"],
            ),
            (
                "[[players]]\nname = \"Bob\"\nvalues = [0, 1, 2, 3]\n",
                "",
                &["11:1 one player must take every item: nothing is left to decide"],
            ),
            (
                "horizon = 2",
                "horizon = \"infinite\"\ndiscount = 0.5\n[goods]\ndecay = 0.5\nfinal = 1",
                &[
                    "7:9 [goods]: `decay` is 0.5, accepted is 1 for an infinite horizon",
                    "8:1 [goods]: `final` is given, but the horizon is infinite",
                ],
            ),
        ],
    );
}

#[test]
fn storage() {
    check(
        STORAGE,
        &[
            (
                "probability = 0.5",
                "probability = 0.6",
                &["12:15 the probabilities of all imbalances add up to 1.1, accepted is at most 1"],
            ),
            ("drift = 0.5", "", &["21:1 player `Ann`: `rest` is given without `drift`"]),
            ("drift = 0.5", "unused = \"stays\"", &["21:1 player `Ann`: `rest` is given without `drift`"]),
            (
                "drift = 0.5",
                "drift = 0.5\nused = { up = \"stays\" }",
                &[
                    "21:8 player `Ann`: `used`: found nothing for imbalance `down`, accepted is something for every imbalance (or `else`)",
                ],
            ),
            (
                "drift = 0.5",
                "drift = 0.5\nunused = \"stays\"",
                &["20:1 player `Ann`: both `unused` and `drift` are given"],
            ),
            ("rest = \"50 %\"", "rest = \"50\"", &["21:8 player `Ann`: `rest`: there is no level `50`"]),
            (
                "cost = 1",
                "cost = { up = 1 }",
                &[
                    "19:8 player `Ann`: `cost`: found nothing for imbalance `down`, accepted is something for every imbalance (or `else`)",
                ],
            ),
            (
                "cost = 1",
                "cost = { upp = 1, else = 2 }",
                &["19:10 player `Ann`: `cost`: there is no imbalance `upp`"],
            ),
            (
                "cost = 1",
                "cost = [1, 2]",
                &[
                    "19:8 player `Ann`: `cost`: found a list of 2 numbers, accepted is a number, or a list with one for each of the 3 levels",
                ],
            ),
            (
                "charge = -1",
                "charge = 0.5",
                &["14:10 imbalance `down`: `charge` is the number 0.5, accepted is a whole number of levels"],
            ),
            ("charge = -1", "", &["15:1 player `Ann`: `used` is missing"]),
            ("curtailment = 1", "", &["5:1 imbalance `up`: `curtailment` is missing"]),
            ("levels = 3", "", &["15:1 player `Ann`: `levels` is missing"]),
            (
                "levels = 3",
                "levels = 3\noutside = [1]",
                &[
                    "18:11 player `Ann`: `outside`: found a list of 1 number, accepted is a number, or a list with one for each of the 3 levels",
                ],
            ),
            (
                "levels = 3",
                "levels = 3\nterminal = { up = 1 }",
                &[
                    "18:12 player `Ann`: `terminal` is a table, accepted is a finite number, or lists of numbers",
                ],
            ),
            ("name = \"down\"", "name = \"up\"", &["11:8 two imbalances have the name `up`"]),
        ],
    );
}

#[test]
fn licences() {
    check(
        LICENCE,
        &[
            (
                "value = 1",
                "value = [1, 2, 3]",
                &[
                    "10:9 player `Ann`: `value`: found a list of 3 numbers, accepted is a number, or a list with one for each of the 2 states",
                ],
            ),
            (
                "name = \"Ann\"",
                "name = \"Ann\"\nterminal = 1",
                &["8:1 player `Ann`: `terminal` is not a key here"],
            ),
        ],
    );
}

#[test]
fn suggestions() {
    let help = |base: &str, from: &str, to: &str| {
        let found = lines(&read(&text(&base.replacen(from, to, 1))).expect_err(to));
        found[0].split(" | ").nth(1).unwrap_or_default().to_owned()
    };
    assert_eq!(
        help(TABLES, "transition", "transition = { kep = \"stays\" }\n#"),
        "did you mean `keep`? accepted: `keep`, `sell`; or by public state: `dry`, `wet`"
    );
    assert!(
        help(TABLES, "[public]", "[[items]]\n[public]")
            .starts_with("`items` belongs to family = `goods`, the family here")
    );
    assert!(help(TABLES, "[public]", "decay = 1\n[public]").starts_with("accepted: `name`"));
    assert!(
        help(TABLES, "horizon = 2", "horizon = 2\nstates = 3").starts_with("`states` belongs to [public]")
    );
    assert!(
        help(STORAGE, "horizon = 2", "horizon = 2\nlevels = 3")
            .starts_with("`levels` belongs to [[players]]")
    );
}

#[test]
fn what_looks_like_a_mistake() {
    let warned = |rest: &str| read(&text(rest)).unwrap().warnings;
    assert_eq!(warned(TABLES), [""; 0]);
    let own = format!("without = \"own\"\n{TABLES}");
    assert_eq!(
        warned(&own),
        ["[pivot]: without = \"own\", but no player has decisions that need her: the same as \"same\""]
    );
    assert_eq!(
        warned(&TABLES.replacen("[[outcomes]]", "[[decisions]]\nname = \"buy\"\n[[outcomes]]", 1)),
        ["decision `buy` is feasible in no outcome"]
    );
}

#[test]
fn what_is_too_large_is_refused_before_it_is_built() {
    let items: String =
        (0..14).map(|k| format!("[[items]]\nname = \"I{k}\"\nprobability = 0.05\n")).collect();
    let players: String =
        (0..9).map(|k| format!("[[players]]\nname = \"P{k}\"\nvalues = {{ I0 = 1 }}\n")).collect();
    let found =
        lines(&read(&text(&format!("family = \"goods\"\nhorizon = 2\n{items}{players}"))).unwrap_err());
    assert_eq!(
        found,
        [
            "2:1 [pivot]: 14 items and 9 players make 2^126 = 8.51e37 public states (who holds what) and 8.51e37 joint \
          states; they take at least 1.6e29 TiB, accepted is at most 8 GiB | make the instance smaller, or raise `memory` \
          in [pivot] (in MiB) if the machine has more"
        ]
    );
    let players = |transition: &str| -> String {
        let player = |k: usize| {
            format!(
                "[[players]]\nname = \"B{k}\"\ntypes = 60\nstart = \"7\"\ntransition = {transition}\nutility = {{ sell = {k} }}\n"
            )
        };
        (0..5).map(player).collect()
    };
    let large = |transition: &str| format!("memory = 20000\n{TABLES}{}", players(transition));
    // Whoever sells falls to the lowest type.
    let lowest = format!("[1{}]", ", 0".repeat(59));
    let falls = format!("{{ keep = \"stays\", sell = [{}] }}", vec![lowest; 60].join(", "));
    let found = lines(&read(&text(&large(&falls))).unwrap_err());
    assert_eq!(found.len(), 1);
    assert!(
        found[0].starts_with(
            "3:10 [pivot]: 3110400000 joint states (2 public states x types 2 x 60 x 60 x 60 x 60 x 60) take at least \
             46.3 GiB, accepted is at most 19.5 GiB"
        ),
        "{found:?}"
    );
    // If no decision moves anybody each period is settled by itself, whatever the number of joint states.
    let settled = of(read(&text(&large("\"stays\""))).unwrap());
    assert_eq!(settled.joint_states(), 3_110_400_000.0);
    let plan = plan(&settled.model, &settled.options()).unwrap();
    assert_eq!((plan.structure, plan.states), (Structure::Static, 0.0));
    // That mode tight has values to compute is not forgotten.
    let tight = format!("without = \"tight\"\n{}", large("\"stays\""));
    assert!(lines(&read(&text(&tight)).unwrap_err())[0].contains("3110400000 joint states"));
    // Of players who can change places multisets count: 20 of 5 types make 10626 and not 5^20.
    let player = |k: usize| {
        format!("[[players]]\nname = \"S{k}\"\nlevels = 5\nstart = \"0 %\"\ncost = 1\nunused = \"stays\"\n")
    };
    let many: String = (0..20).map(player).collect();
    let imbalance = "[[imbalances]]\nname = \"up\"\nprobability = 0.5\ncurtailment = 9\ncharge = 1\n";
    let alike =
        of(read(&text(&format!("family = \"storage\"\nhorizon = 2\nmemory = 1\n{imbalance}{many}")))
            .unwrap());
    assert!(alike.joint_states() > 9e13);
    // Projects for one licence are solved one by one.
    let players: String = (0..80)
        .map(|k| format!("[[players]]\nname = \"B{k}\"\nstates = 60\nstart = \"7\"\nvalue = 1\ntransition = \"stays\"\n"))
        .collect();
    let large = of(read(&text(&format!("{LICENCE}{players}"))).unwrap());
    assert!(large.joint_states() > 1e100);
    // Tables over everything, each entry named by `else`.
    let decisions: String = (0..30).map(|k| format!("[[decisions]]\nname = \"d{k}\"\n")).collect();
    let utility = "utility = { else = { else = [[1, 2], [1, 2]] } }\n";
    let wide = TABLES.replace("[\"dry\", \"wet\"]", "1000").replace("\"dry\"", "\"7\"");
    let found = lines(&read(&text(&format!("memory = 1\n{wide}{utility}{decisions}"))).unwrap_err());
    assert_eq!(found.len(), 1);
    assert!(
        found[0].starts_with(
            "3:10 [pivot]: utilities of player `Ann`, for 2 periods x 32 decisions x 1000 public states, take at least \
             2.4 MiB, accepted is at most 1 MiB"
        ),
        "{found:?}"
    );
}

#[test]
fn numbers_on_a_grid() {
    let whole = "types = [\"low\", \"high\"]\nstart = \"low\"\ntransition = \"stays\"";
    let with = |lines: &str| {
        let text = text(&TABLES.replacen(whole, lines, 1));
        let found = read(&text).err().map_or_else(Vec::new, |problem| lines_of(&problem));
        found.into_iter().collect::<Vec<String>>()
    };
    fn lines_of(problem: &Problem) -> Vec<String> {
        lines(problem).iter().map(|line| line.split(" | ").next().unwrap().to_owned()).collect()
    }
    let chain = "chain = { rouwenhorst = 3, persistence = 0.8, sd = 0.5 }\n";
    assert_eq!(with(&format!("{chain}utility = {{ sell = {{ exp = {{}} }} }}")), [""; 0]);
    for (lines, expected) in [
        ("chain = 3", "17:9 player `Ann`: `chain` is the number 3, accepted is a table, for example"),
        ("chain = {}", "17:9 player `Ann`, `chain`: `persistence` is missing"),
        (
            "chain = { rouwenhorst = 3, persistence = 1, sd = 0.5 }",
            "17:42 player `Ann`, `chain`: `persistence`: found 1",
        ),
        (
            "chain = { rouwenhorst = 3, persistence = 0, sd = 0 }",
            "17:50 player `Ann`, `chain`: `sd` is the number 0",
        ),
        (
            "chain = { rouwenhorst = 3, tauchen = 3, persistence = 0, sd = 1 }",
            "17:9 player `Ann`, `chain`: one of",
        ),
        (
            "chain = { rouwenhorst = 3, persistence = 0, sd = 1, width = 2 }",
            "17:53 player `Ann`, `chain`: `width` is given",
        ),
        (
            "chain = { rouwenhorst = 3, persistance = 0, sd = 1 }",
            "17:28 player `Ann`, `chain`: `persistance` is not a key",
        ),
        (
            "chain = { rouwenhorst = 3, persistence = 0, sd = 1 }\ntypes = 3",
            "18:1 player `Ann`: both `chain` and `types`",
        ),
        (
            "utility = { exp = {} }",
            "17:11 player `Ann`: `utility`: `exp` is a function of a number, and player `Ann` has no",
        ),
    ] {
        let found = with(lines);
        assert!(found.iter().any(|line| line.starts_with(expected)), "{lines}: {found:?}");
    }
    for (lines, expected) in [
        (
            "utility = { exp = { scal = 1 } }",
            "18:21 player `Ann`, `utility`, `exp`: `scal` is not a key here",
        ),
        (
            "utility = { exp = { shift = 900 } }",
            "18:11 player `Ann`: `utility`, at a node: found inf, accepted is",
        ),
        ("utility = { exp = { }, linear = { } }", "18:11 player `Ann`: `utility`: found a table with"),
        ("utility = { exp = 1 }", "18:19 player `Ann`: `utility`, exp: found no table, accepted is { exp"),
        (
            "utility = [1, 2]",
            "18:11 player `Ann`: `utility`: found a list of 2 numbers, accepted is a number, or a list with",
        ),
    ] {
        let found = with(&format!("{chain}{lines}"));
        assert!(found.iter().any(|line| line.starts_with(expected)), "{lines}: {found:?}");
    }
}
