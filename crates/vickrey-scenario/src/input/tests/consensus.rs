//! What is read from scenarios of consensus, and what is refused.

use vickrey::faithful::consensus::{Conduct, Test, Watch};

use super::two_stage_refused::{Case, check};
use super::*;
use crate::input::{ConsensusScenario, LiveSystem, Own, Timing};

/// Three in a row: the mechanism's worked numbers.
pub(super) const PATH: &str = "[graph]\nedges = [[\"a\", \"b\"], [\"b\", \"c\"]]\n[rules]\nrounds = 10\nstep = 0.3\n\
[[followers]]\nname = \"a\"\nrange = [0, 1]\nwish = 0\n[[followers]]\nname = \"b\"\nrange = [0, 1]\nwish = 1\n\
[[followers]]\nname = \"c\"\nrange = [0, 1]\nwish = 0.25\n";

pub(super) fn text(rest: &str) -> String {
    format!("mechanism = \"consensus\"\n{rest}")
}

fn consensus(rest: &str) -> ConsensusScenario {
    let scenario = read(&text(rest)).unwrap_or_else(|problem| panic!("{}", shown(&problem)));
    let System::Consensus(of) = scenario.system else { panic!("another mechanism") };
    *of
}

#[test]
fn three_in_a_row_have_their_known_numbers() {
    let of = consensus(PATH);
    let played = of.rules.play(&of.wishes);
    for (found, wanted) in
        played.settlement.payment.iter().zip([0.369_245_003_223, 0.199_648_353_632, 0.510_958_905_828])
    {
        assert!((found - wanted).abs() < 1e-11);
    }
    assert_eq!((of.rules.test(), of.rules.watch(), of.by_epsilon), (Test::Corrected, Watch::Observed, None));
    let shape = consensus(&PATH.replace("edges = [[\"a\", \"b\"], [\"b\", \"c\"]]", "shape = \"path\""));
    assert_eq!(shape.rules, of.rules);
}

#[test]
fn rounds_follow_from_epsilon_and_tests_from_the_graph() {
    let of = consensus(&PATH.replace("rounds = 10", "epsilon = 1e-3"));
    assert_eq!((of.rules.rounds(), of.by_epsilon), (22, Some(1e-3)));
    let ring = PATH.replace("edges = [[\"a\", \"b\"], [\"b\", \"c\"]]", "shape = \"ring\"");
    assert_eq!(consensus(&ring).rules.test(), Test::Spectral);
    let other = consensus(&PATH.replace("step = 0.3", "test = \"printed\"\nwatch = \"reported\""));
    assert_eq!((other.rules.test(), other.rules.watch()), (Test::Printed, Watch::Reported));
}

#[test]
fn what_followers_do_is_read() {
    let with = |conduct: &str| {
        consensus(&PATH.replacen("wish = 0\n", &format!("wish = 0\nconduct = {conduct}\n"), 1)).conducts[0]
            .clone()
    };
    assert_eq!(with("\"faithful\""), Conduct::Faithful);
    assert_eq!(with("\"stand\""), Conduct::Stand);
    assert_eq!(with("\"garbage\""), Conduct::Garbage);
    assert_eq!(with("\"pretend\""), Conduct::Pretend);
    assert_eq!(with("{ start = 0.5 }"), Conduct::Start(0.5));
    assert_eq!(with("{ mislead = -1 }"), Conduct::Mislead { shift: -1.0, targets: vec![1] });
    assert_eq!(with("{ silent = 3 }"), Conduct::Silent { from: 2 });
    assert_eq!(with("{ value = 2 }"), Conduct::Value(2.0));
}

#[test]
fn a_leader_needs_no_wishes_and_does_not_look_at_them() {
    use super::dual::of_file;
    let led = |rest: &str| of_file(&text(rest), crate::leader);
    let public = PATH.lines().filter(|line| !line.starts_with("wish")).collect::<Vec<_>>().join("\n");
    let timed = public.replacen("[[followers]]", "[timing]\nround-ms = 5\nvalue-ms = 6\n[[followers]]", 1);
    let found = led(&timed).unwrap();
    let LiveSystem::Consensus(rules) = &found.system else { panic!("another mechanism") };
    assert_eq!(rules, &consensus(PATH).rules);
    assert_eq!(found.timing, Timing { round_ms: 5, value_ms: 6 });
    assert_eq!((found.system.names(), found.warnings.len()), (vec!["a".into(), "b".into(), "c".into()], 0));
    let warned = led(&PATH.replace("wish = 0.25", "wish = 7")).unwrap();
    assert!(warned.warnings[0].contains("wishes stand in the file"), "{:?}", warned.warnings);
    assert!(lines(&read(&text(&public)).unwrap_err())[0].contains("`wish` is missing"));
    // The time limits are for live runs; `run` reads them and needs none.
    consensus(&PATH.replacen("[[followers]]", "[timing]\nround-ms = 5\n[[followers]]", 1));
}

#[test]
fn a_follower_of_consensus_has_a_file_of_her_own() {
    use super::dual::of_file;
    let own = |text: &str| of_file(text, |path| crate::private(path, None));
    let read = own("name = \"a\"\nwish = 0.25\n").unwrap();
    assert!(matches!((read.name.as_str(), read.own), ("a", Own::Wish(0.25))));
    for (text, said) in [
        ("name = \"a\"\n", "`cost` is missing"),
        ("name = \"a\"\nwish = 1\ncost = { matrix = 1 }\n", "both `cost` and `wish` are given"),
        ("name = \"a\"\nwish = inf\n", "`wish` is the number inf"),
        ("wish = 1\n", "`name` is missing"),
        ("name = \"a\"\nwish = 1\nrange = [0, 1]\n", "`range` is not a key"),
    ] {
        let found = lines(&own(text).unwrap_err());
        assert!(found[0].contains(said), "{found:?}");
    }
}

#[test]
fn tables_read_as_the_file() {
    let scenario =
        text("[rules]\nrounds = 10\nstep = 0.3\n[tables]\nfollowers = \"f.csv\"\nedges = \"e.csv\"\n");
    let files: [(&str, &[u8]); 3] = [
        ("scenario.toml", scenario.as_bytes()),
        ("f.csv", b"name,low,high,wish\na,0,1,0\nb,0,1,1\nc,0,1,0.25\n"),
        ("e.csv", b"from,to\na,b\nb,c\n"),
    ];
    let System::Consensus(of) = load_files(&files).unwrap().system else { panic!("another mechanism") };
    let inline = consensus(PATH);
    assert_eq!((&of.rules, &of.wishes), (&inline.rules, &inline.wishes));
    for (f, e, expected) in [
        (
            "name,low,high,wish\na,0,1,2\nb,0,1,1\n",
            "from,to\na,b\n",
            "column `wish`: found 2, accepted is a number from 0 to 1, the public range",
        ),
        (
            "name,low,high,wish\na,1,0,0\nb,0,1,1\n",
            "from,to\na,b\n",
            "column `high`: found 0, accepted is at least 1",
        ),
        (
            "name,low,high,wish\na,0,inf,0\nb,0,1,1\n",
            "from,to\na,b\n",
            "column `high`: found `inf`, accepted is a finite number of size at most 1e15",
        ),
        (
            "name,low,high,wish\na,0,1,0\nb,0,1,1\n",
            "from,to\na,d\n",
            "column `to`: found `d`, accepted is the name of a follower",
        ),
        (
            "name,low,high,wish\na,0,1,0\nb,0,1,1\n",
            "from,to\na,a\n",
            "edge 1: found `a` and `a`, accepted is two different followers",
        ),
    ] {
        let files: [(&str, &[u8]); 3] =
            [("scenario.toml", scenario.as_bytes()), ("f.csv", f.as_bytes()), ("e.csv", e.as_bytes())];
        let found = said_of(&files);
        assert!(found.len() == 1 && found[0].contains(expected), "{f:?}, {e:?}: {found:?}");
    }
}

#[test]
fn what_is_refused() {
    let edges = "edges = [[\"a\", \"b\"], [\"b\", \"c\"]]";
    let cases: &[Case] = &[
        (
            edges,
            "edges = [[\"a\", \"b\"]]",
            &["3:9 [graph]: there is no way from `a` to `c`, accepted is a connected graph"],
        ),
        (
            edges,
            "edges = [[\"a\", \"b\"], [\"b\", \"c\"], [\"a\", \"c\"]]\n[rules2]",
            &["4:2 scenario: `rules2` is not a key here"],
        ),
        (
            edges,
            "edges = [[\"a\", \"b\"], [\"b\", \"d\"]]",
            &["3:28 [graph]: `edges`: there is no follower `d`"],
        ),
        (
            edges,
            "edges = [[\"a\", \"b\"], [\"b\"]]",
            &["3:22 [graph]: `edges`, edge 2, is a list of 1, accepted is a pair [name, name]"],
        ),
        (
            edges,
            "edges = [[\"a\", \"b\"], [\"b\", \"c\"], [\"b\", \"a\"]]",
            &["3:34 [graph]: `edges`, edge 3: found `b` and `a`, accepted is each pair once"],
        ),
        (edges, "shape = \"line\"", &["3:9 [graph]: `shape` is \"line\""]),
        (edges, "", &["2:1 [graph]: found none, accepted is one of `edges`, `shape` and a table of edges"]),
        (
            edges,
            "edges = [[\"a\", \"b\"], [\"b\", \"c\"]]\nshape = \"path\"",
            &[
                "4:1 [graph]: found `edges` and `shape`, accepted is one of `edges`, `shape` and a table of edges",
            ],
        ),
        (
            edges,
            "edges = [[\"a\", \"a\"], [\"b\", \"c\"]]",
            &["3:10 [graph]: `edges`, edge 1: found `a` and `a`, accepted is two different followers"],
        ),
        (
            "[\"b\", \"c\"]]\n[rules]",
            "[\"b\", \"c\"], [\"a\", \"c\"]]\n[rules]\ntest = \"corrected\"",
            &[
                "3:34 [graph]: `edges`, edge 3: found `a` and `c`, an edge that closes a cycle, accepted is a tree for this test; the test `spectral` works on every connected graph",
            ],
        ),
        (
            "rounds = 10",
            "epsilon = 1e-300",
            &[
                "5:11 [rules]: `epsilon`: found 1e-300, accepted is at least 5.65685424949239e-12, what rounding and 1000000000 rounds leave",
            ],
        ),
        ("rounds = 10", "", &["4:1 [rules]: `rounds` is missing"]),
        (
            "rounds = 10",
            "rounds = 0",
            &["5:10 [rules]: `rounds` is the number 0, accepted is a whole number from 1 to 10000000"],
        ),
        ("rounds = 10", "rounds = 10\nepsilon = 1", &["6:1 [rules]: both `rounds` and `epsilon` are given"]),
        (
            "rounds = 10",
            "epsilon = 0",
            &["5:11 [rules]: `epsilon` is the number 0, accepted is a number from 1e-300 to 1e15"],
        ),
        (
            "wish = 0.25",
            "wish = 1.25",
            &["18:8 follower `c`: `wish` is 1.25, accepted is a number from 0 to 1, the public range"],
        ),
        (
            "wish = 0.25",
            "wish = nan",
            &[
                "18:8 follower `c`: `wish` is the number nan, accepted is a finite number of size at most 1e15",
            ],
        ),
        (
            "range = [0, 1]",
            "range = [1, 0]",
            &[
                "9:9 follower `a`: `range` is [1, 0], accepted is a list [least, most] of two finite numbers, least first",
            ],
        ),
        (
            "range = [0, 1]",
            "range = [0, inf]",
            &[
                "9:13 follower `a`: `range`, number 2, is the number inf, accepted is a finite number of size at most 1e15",
            ],
        ),
        ("range = [0, 1]", "", &["7:1 follower `a`: `range` is missing"]),
        (
            "wish = 0.25",
            "wish = 0.25\nconduct = { start = 1, value = 2 }",
            &[
                "19:11 follower `c`: `conduct` is a table with 2 of these keys, accepted is one of start, mislead, silent, value",
            ],
        ),
    ];
    check(PATH, text, cases);
    let step = lines(&read(&text(&PATH.replace("step = 0.3", "step = 0.4"))).unwrap_err());
    assert!(
        step[0]
            .starts_with("6:8 [rules]: `step`: found 0.4, accepted is a number above 0 and at most 0.33333"),
        "{step:?}"
    );
    let ring = PATH
        .replace("edges = [[\"a\", \"b\"], [\"b\", \"c\"]]", "shape = \"ring\"")
        .replace("step = 0.3", "test = \"corrected\"");
    let cycle = lines(&read(&text(&ring)).unwrap_err());
    assert!(cycle[0].contains("an edge that closes a cycle, accepted is a tree for this test"), "{cycle:?}");
    let alone = "[graph]\nshape = \"path\"\n[rules]\nrounds = 1\n[[followers]]\nname = \"a\"\nrange = [0, 1]\nwish = 0\n";
    let alone = lines(&read(&text(alone)).unwrap_err());
    assert!(alone[0].contains("followers: found 1, accepted is at least 2 followers"), "{alone:?}");
}
