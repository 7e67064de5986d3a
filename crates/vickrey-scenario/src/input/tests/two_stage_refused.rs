//! What is said about scenarios of repeated markets that cannot be used.

use super::two_stage::{DEMAND, GAME, demand_text, game_text};
use super::*;

/// A scenario in which something is replaced, and what is then said.
pub(super) type Case = (&'static str, &'static str, &'static [&'static str]);

pub(super) fn check(base: &str, text: fn(&str) -> String, cases: &[Case]) {
    read(&text(base)).unwrap_or_else(|problem| panic!("{}", shown(&problem)));
    let mut wrong = Vec::new();
    for (from, to, expected) in cases {
        assert!(base.contains(from), "{from}");
        let found = match read(&text(&base.replacen(from, to, 1))) {
            Ok(_) => vec!["accepted".to_owned()],
            Err(problem) => lines(&problem),
        };
        let found: Vec<&str> = found.iter().map(|line| line.split(" | ").next().unwrap()).collect();
        if found != *expected {
            wrong.push(format!("{from:?} -> {to:?}\n    {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The list of what is refused in the definition of the mechanism: laws, types, players.
#[test]
fn laws() {
    let cases: &[Case] = &[
        ("law = [0.5, 0.5]", "", &["7:1 player `Ann`: `law` is missing"]),
        (
            "law = [0.5, 0.5]",
            "law = [-0.5, 1.5]",
            &[
                "10:8 player `Ann`: `law`, type `1`, is the number -0.5, accepted is a probability from 0 to 1",
                "10:14 player `Ann`: `law`, type `3`, is the number 1.5, accepted is a probability from 0 to 1",
            ],
        ),
        (
            "law = [0.5, 0.5]",
            "law = [nan, 0.5]",
            &["10:8 player `Ann`: `law`, type `1`, is the number nan, accepted is a probability from 0 to 1"],
        ),
        (
            "law = [0.5, 0.5]",
            "law = [inf, 0.5]",
            &["10:8 player `Ann`: `law`, type `1`, is the number inf, accepted is a probability from 0 to 1"],
        ),
        (
            "law = [0.5, 0.5]",
            "law = [0.5, 0.500000002]",
            &[
                "10:7 player `Ann`: `law` is a list that adds up to 1.0000000020000002, accepted is a sum of 1 within 1e-9 (nothing is renormalised)",
            ],
        ),
        (
            "law = [0.5, 0.5]",
            "law = [0.5, 0.25, 0.25]",
            &[
                "10:7 player `Ann`: `law` is a list of 3, accepted is a list of 2, one probability for each type",
            ],
        ),
        (
            "law = [0.5, 0.5]",
            "law = []",
            &[
                "10:7 player `Ann`: `law` is a list of 0, accepted is a list of 2, one probability for each type",
            ],
        ),
        (
            "law = [0.5, 0.5]",
            "law = 1",
            &[
                "10:7 player `Ann`: `law` is the number 1, accepted is a list with a probability for each type, or \"uniform\"",
            ],
        ),
        (
            "law = [0.5, 0.5]",
            "law = \"unifrom\"",
            &[
                "10:7 player `Ann`: `law` is the text \"unifrom\", accepted is a list with a probability for each type, or \"uniform\"",
            ],
        ),
        (
            "law = [0.5, 0.5]",
            "law = { hot = [0.5, 0.5] }",
            &["10:7 player `Ann`: `law`: a table by signal, but there are no signals"],
        ),
        (
            "law = [0.5, 0.5]",
            "law = [0.5, 0.5]\ntrue-law = [0.5, \"a\"]",
            &[
                "11:18 player `Ann`: `true-law`, type `3`, is the text \"a\", accepted is a probability from 0 to 1",
            ],
        ),
        ("types = [1, 3]", "", &["7:1 player `Ann`: `types` is missing"]),
        (
            "types = [1, 3]",
            "types = []",
            &["9:9 player `Ann`: `types` is a list of 0, accepted is a list of numbers, at least one"],
        ),
        (
            "types = [1, 3]",
            "types = 2",
            &[
                "9:9 player `Ann`: `types` is the number 2, accepted is a list of numbers above 0 (or with family or samples how many)",
            ],
        ),
        ("types = [1, 3]", "types = [1, 1]", &["9:13 player `Ann`: `types`: 1 appears twice"]),
        (
            "types = [1, 3]",
            "types = [0, 3]",
            &["9:10 player `Ann`: `types`, number 1, is the number 0, accepted is a finite number above 0"],
        ),
        (
            "types = [1, 3]",
            "types = [-1, 3]",
            &["9:10 player `Ann`: `types`, number 1, is the number -1, accepted is a finite number above 0"],
        ),
        (
            "types = [1, 3]",
            "types = [nan, 3]",
            &["9:10 player `Ann`: `types`, number 1, is the number nan, accepted is a finite number above 0"],
        ),
        (
            "types = [1, 3]",
            "types = [1, inf]",
            &["9:13 player `Ann`: `types`, number 2, is the number inf, accepted is a finite number above 0"],
        ),
        ("types = [1, 3]", "typs = [1, 3]", &["9:1 player `Ann`: `typs` is not a key here"]),
        ("name = \"Bob\"", "name = \"Ann\"", &["12:8 two players have the name `Ann`"]),
        ("name = \"Bob\"", "", &["11:1 player number 2: `name` is missing"]),
        (
            "name = \"Bob\"",
            "name = \"Bob\"\nmissing = 2",
            &["13:11 player `Bob`: `missing`: there is no type `2`"],
        ),
        (
            "name = \"Bob\"",
            "name = \"Bob\"\nlimit = -1",
            &["13:9 player `Bob`: `limit` is the number -1, accepted is a number from 0 to 1e70"],
        ),
        (
            "name = \"Bob\"",
            "name = \"Bob\"\ncount = 0",
            &["13:9 player number 2: `count` is the number 0, accepted is a whole number from 1 to 10000"],
        ),
    ];
    check(DEMAND, demand_text, cases);
    let nobody = DEMAND.split("[[players]]").next().unwrap();
    let problem = read(&demand_text(nobody)).unwrap_err();
    assert_eq!(problem.message(), "there are no players");
}

#[test]
fn days_and_tests() {
    let cases: &[Case] = &[
        ("days = 30", "", &["2:1 [season]: `days` is missing"]),
        ("[season]\ndays = 30\n", "", &["1:1 `days` is missing"]),
        (
            "days = 30",
            "days = 0",
            &["3:8 [season]: `days` is the number 0, accepted is a whole number from 1 to 10000000"],
        ),
        (
            "days = 30",
            "days = 30\nsealed = 1",
            &["4:10 [season]: `sealed` is the number 1, accepted is true or false"],
        ),
        (
            "days = 30",
            "days = 30\ncalendar = []",
            &[
                "4:12 [season]: `calendar` is a list of 0, accepted is a list of names in quotes, at least one",
            ],
        ),
        (
            "days = 30",
            "days = 30\ncalendar = [\"values\"]",
            &["4:13 [season]: `calendar`: \"values\" as the name of a signal"],
        ),
        (
            "days = 30",
            "days = 30\ncalendar = [\"x\"]\n[[signals]]\nname = \"x\"\nshare = 1",
            &["4:12 both [[signals]] and a `calendar` in [season] are given"],
        ),
        (
            "[market]",
            "[[signals]]\nname = \"x\"\nshare = 0.5\n[market]",
            &["4:1 [[signals]]: the shares add up to 0.5, accepted is 1"],
        ),
        ("[market]", "[[signals]]\nname = \"x\"\n[market]", &["4:1 signal `x`: `share` is missing"]),
        ("[market]", "[tests]\nwindow = \"wide\"\n[market]", &["5:10 [tests]: `window` is \"wide\""]),
        (
            "[market]",
            "[tests]\ngamma = 0\n[market]",
            &["5:9 [tests]: `gamma` is the number 0, accepted is a number from 0.001 to 100"],
        ),
        (
            "[market]",
            "[tests]\ngamma = nan\n[market]",
            &["5:9 [tests]: `gamma` is the number nan, accepted is a finite number"],
        ),
        (
            "[market]",
            "[tests]\nfalse-alarm = 0\n[market]",
            &["5:15 [tests]: `false-alarm` is the number 0, accepted is a number from 1e-300 to 0.999999"],
        ),
        (
            "[market]",
            "[tests]\nfalse-alarm = 1\n[market]",
            &["5:15 [tests]: `false-alarm` is the number 1, accepted is a number from 1e-300 to 0.999999"],
        ),
        (
            "[market]",
            "[tests]\nburn-in = -1\n[market]",
            &["5:11 [tests]: `burn-in` is the number -1, accepted is a whole number from 0 to 10000000"],
        ),
        (
            "[market]",
            "[tests]\npenalty-scale = 0\n[market]",
            &[
                "5:17 [tests]: `penalty-scale` is the number 0, accepted is a finite number above 0, or \"auto\"",
            ],
        ),
        (
            "[market]",
            "[tests]\npenalty-scale = \"atuo\"\n[market]",
            &[
                "5:17 [tests]: `penalty-scale` is the text \"atuo\", accepted is a finite number above 0, or \"auto\"",
            ],
        ),
        (
            "[market]",
            "[tests]\npenalty-power = 1\n[market]",
            &[
                "5:17 [tests]: `penalty-power` is the number 1, accepted is a number above 1 and at most 10 (penalties must grow faster than the days)",
            ],
        ),
        (
            "[market]",
            "[tests]\nbins = 1\n[market]",
            &[
                "5:8 [tests]: `bins` is the number 1, accepted is 0 (no such test), or a whole number from 2 to 1024",
            ],
        ),
        (
            "[market]",
            "[tests]\nbins = 2000\n[market]",
            &["5:8 [tests]: `bins` is the number 2000, accepted is a whole number from 0 to 1024"],
        ),
        (
            "[market]",
            "[tests]\nwindow = \"printed\"\nfalse-alarm = 0.1\n[market]",
            &["6:1 [tests]: `false-alarm` is given, but the window is printed"],
        ),
        (
            "[market]",
            "[tests]\nwindow = \"iterated-logarithm\"\ngamma = 0.1\n[market]",
            &["6:1 [tests]: `gamma` is given, but the window is iterated-logarithm"],
        ),
    ];
    check(DEMAND, demand_text, cases);
}

#[test]
fn markets() {
    let cases: &[Case] = &[
        ("[market]\nshortage = 1\nreserve = 1\n", "", &["1:1 scenario: `market` is missing"]),
        ("shortage = 1", "", &["4:1 [market]: `shortage` is missing"]),
        (
            "shortage = 1",
            "shortage = nan",
            &[
                "5:12 [market]: `shortage` is the number nan, accepted is a finite number, { values, law }, or a series { file, column, classes }",
            ],
        ),
        (
            "shortage = 1",
            "shortage = -inf",
            &[
                "5:12 [market]: `shortage` is the number -inf, accepted is a finite number, { values, law }, or a series { file, column, classes }",
            ],
        ),
        (
            "shortage = 1",
            "shortage = 1e200",
            &[
                "5:12 [market]: `shortage` is the number 1e200, accepted is a finite number, { values, law }, or a series { file, column, classes }",
            ],
        ),
        (
            "shortage = 1",
            "shortage = { values = [1, 2], law = [0.5] }",
            &[
                "5:12 [market]: `shortage`: found 2 values and 1 probabilities, accepted is one probability for each value",
            ],
        ),
        (
            "shortage = 1",
            "shortage = { values = [1, nan], law = [0.5, 0.5] }",
            &[
                "5:27 [market]: `shortage`: `values`, number 2, is the number nan, accepted is a finite number",
            ],
        ),
        (
            "shortage = 1",
            "shortage = { values = [1, 2], law = [0.5, 0.4] }",
            &[
                "5:12 [market]: `shortage`: the probabilities add up to 0.9, accepted is 1 within 1e-9 (nothing is renormalised)",
            ],
        ),
        ("shortage = 1", "shortage = { values = [1, 2] }", &["5:12 [market]: `shortage`: `law` is missing"]),
        (
            "shortage = 1",
            "shortage = { mild = 1 }",
            &["5:12 [market]: `shortage`: a table by signal, but there are no signals"],
        ),
        (
            "shortage = 1",
            "shortage = { file = \"x.csv\" }",
            &["5:12 [market]: `shortage`: `column` is missing"],
        ),
        (
            "shortage = 1",
            "shortage = -1\npurchase-price = 1",
            &[
                "5:12 [market]: `shortage` is -1, accepted is a finite number from 0 on (with a day-ahead purchase)",
            ],
        ),
        (
            "shortage = 1",
            "shortage = 1\npurchase-price = -1",
            &["6:18 [market]: `purchase-price` is the number -1, accepted is a number from 0 to 1e70"],
        ),
        (
            "shortage = 1",
            "shortage = 1\npurchase-price = nan",
            &["6:18 [market]: `purchase-price` is the number nan, accepted is a finite number"],
        ),
        ("reserve = 1", "", &["4:1 [market]: `reserve` is missing"]),
        (
            "reserve = 1",
            "reserve = 0",
            &[
                "6:11 [market]: `reserve` is the number 0, accepted is a finite number above 0, { values, law }, { family, mean, variance, types }, or \"none\"",
            ],
        ),
        (
            "reserve = 1",
            "reserve = \"no\"",
            &[
                "6:11 [market]: `reserve` is the text \"no\", accepted is a finite number above 0, { values, law }, { family, mean, variance, types }, or \"none\"",
            ],
        ),
        (
            "reserve = 1",
            "reserve = { values = [1, -2], law = [0.5, 0.5] }",
            &[
                "6:26 [market]: `reserve`: `values`, number 2, is the number -2, accepted is a finite number above 0",
            ],
        ),
        (
            "reserve = 1",
            "reserve = { values = [1, 2], law = [0.5, 0.6] }",
            &[
                "6:11 [market]: `reserve`: the probabilities add up to 1.1, accepted is 1 within 1e-9 (nothing is renormalised)",
            ],
        ),
        (
            "reserve = 1",
            "reserve = { family = \"beta\", mean = 1, variance = 2, types = 3 }",
            &["6:22 [market]: `reserve`: `family` is \"beta\""],
        ),
        (
            "reserve = 1",
            "reserve = { family = \"gamma\", mean = 1, variance = 2 }",
            &["6:11 [market]: `reserve`: `types` is missing"],
        ),
        (
            "reserve = 1",
            "reserve = { family = \"gamma\", mean = 1, variance = 2, types = 3, top = 4 }",
            &["6:66 [market]: `reserve`: `top` is given, but the family is gamma"],
        ),
        (
            "reserve = 1",
            "reserve = { family = \"scaled-beta\", mean = 1, variance = 2, types = 3, top = 2.5 }",
            &[
                "6:58 [market]: `reserve`: `variance` is 2, accepted is less than mean (top - mean) = 1.5, which no law on [0, 2.5] with mean 1 exceeds (or a top above 3)",
            ],
        ),
        (
            "reserve = 1\n",
            "reserve = \"none\"\n[[players]]\nname = \"Cyd\"\ntypes = [1]\nlaw = [1]\nlimit = 2\n",
            &[
                "6:11 [market]: `reserve` is \"none\", accepted is a reserve (limits could leave a part of the shortage uncovered)",
            ],
        ),
        (
            "shortage = 1\nreserve = 1\n",
            "shortage = -1\nreserve = 1\npurchase-price = 0.1\n[[players]]\nname = \"Cyd\"\ntypes = [1]\nlaw = [1]\nlimit = 2\n",
            &[
                "5:12 [market]: `shortage` is -1, accepted is a finite number from 0 on (with curtailment limits)",
            ],
        ),
    ];
    check(DEMAND, demand_text, cases);
    let alone = DEMAND.rsplit_once("[[players]]").unwrap().0.replace("reserve = 1", "reserve = \"none\"");
    let problem = read(&demand_text(&alone)).unwrap_err();
    assert_eq!(
        problem.message(),
        "[market]: `reserve` is \"none\", accepted is a reserve (without the only provider nothing could cover the shortage)"
    );
}

#[test]
fn families_and_data() {
    let bob = "types = [1, 3]\nlaw = \"uniform\"";
    let cases: &[Case] = &[
        (
            bob,
            "family = \"scaled-beta\"\nmean = 1\nvariance = 2\ntop = 3\ntypes = 20",
            &[
                "15:12 player `Bob`: `variance` is 2, accepted is less than mean (top - mean) = 2, which no law on [0, 3] with mean 1 exceeds (or a top above 3)",
            ],
        ),
        (
            bob,
            "family = \"scaled-beta\"\nmean = 1\nvariance = 2\ntypes = 20",
            &["11:1 player `Bob`: `top` is missing"],
        ),
        (
            bob,
            "family = \"beta-prime\"\nmean = 1\nvariance = 2\ntop = 3\ntypes = 20",
            &["16:1 player `Bob`: `top` is given, but the family is beta-prime"],
        ),
        (
            bob,
            "family = \"beta-prime\"\nmean = 0\nvariance = 2\ntypes = 20",
            &["14:8 player `Bob`: `mean` is the number 0, accepted is a number from 1e-100 to 1e100"],
        ),
        (bob, "family = \"beta-prime\"\nvariance = 2\ntypes = 20", &["11:1 player `Bob`: `mean` is missing"]),
        (
            bob,
            "family = \"lognormal\"\nmean = 1\nvariance = 2\ntypes = [1, 2]",
            &["16:9 player `Bob`: `types` is a list of 2, accepted is a whole number from 1 to 1000"],
        ),
        (
            bob,
            "family = \"lognormal\"\nmean = 1\nvariance = 2\ntypes = 0",
            &["16:9 player `Bob`: `types` is the number 0, accepted is a whole number from 1 to 1000"],
        ),
        (
            bob,
            "family = \"normal\"\nmean = 1\nvariance = 2\ntypes = 3",
            &["13:10 player `Bob`: `family` is \"normal\""],
        ),
        (bob, "mean = 1\ntypes = [1]\nlaw = [1]", &["13:1 player `Bob`: `mean` is given, but no `family`"]),
        (
            bob,
            "samples = [1, 2]\ntypes = 3",
            &["13:11 player `Bob`: `samples` is 2 numbers, accepted is at least as many as types, 3"],
        ),
        (
            bob,
            "samples = [1, -2]\ntypes = 1",
            &[
                "13:15 player `Bob`: `samples`, number 2, is the number -2, accepted is a finite number above 0",
            ],
        ),
        (
            bob,
            "samples = []\ntypes = 1",
            &["13:11 player `Bob`: `samples` is a list of 0, accepted is a list of numbers, at least one"],
        ),
        (
            bob,
            "samples = { file = \"x.csv\", column = 3 }\ntypes = 1",
            &["13:38 player `Bob`: `samples`: `column` is the number 3, accepted is a text in quotes"],
        ),
        (
            bob,
            "samples = [1, 2]\nfamily = \"gamma\"\ntypes = 2",
            &["13:1 player `Bob`: both `family` and `samples` are given"],
        ),
    ];
    check(DEMAND, demand_text, cases);
}

#[test]
fn ways_of_bidding() {
    let bob = "name = \"Bob\"";
    let cases: &[Case] = &[
        (bob, "name = \"Bob\"\nbidding = \"lie\"", &["13:11 player `Bob`: `bidding` is \"lie\""]),
        (bob, "name = \"Bob\"\nby = 1", &["13:1 player `Bob`: `by` is given, but bidding is honest"]),
        (
            bob,
            "name = \"Bob\"\nbidding = \"exaggerate\"\nby = 0.5",
            &[
                "14:6 player `Bob`: `by` is the number 0.5, accepted is a whole number from -1000 to 1000 other than 0",
            ],
        ),
        (
            bob,
            "name = \"Bob\"\nbidding = \"exaggerate\"\nby = 0",
            &[
                "14:6 player `Bob`: `by` is the number 0, accepted is a whole number from -1000 to 1000 other than 0",
            ],
        ),
        (
            bob,
            "name = \"Bob\"\nbidding = \"follow\"\nrival = \"An\"\nshare = 0.5",
            &["14:9 player `Bob`: `rival`: there is no player `An`"],
        ),
        (
            bob,
            "name = \"Bob\"\nbidding = \"follow\"\nrival = \"Bob\"\nshare = 0.5",
            &["14:9 player `Bob`: `rival` is herself"],
        ),
        (
            bob,
            "name = \"Bob\"\nbidding = \"follow\"\nrival = \"Ann\"\nshare = 2",
            &["15:9 player `Bob`: `share` is the number 2, accepted is a number from 0 to 1"],
        ),
        (
            bob,
            "name = \"Bob\"\nbidding = \"follow\"\nrival = \"Ann\"",
            &["11:1 player `Bob`: `share` is missing"],
        ),
        (
            bob,
            "name = \"Bob\"\nbidding = \"copy\"\nrival = \"Ann\"",
            &["13:11 player `Bob`: `bidding` is copy, but bids are sealed"],
        ),
        (
            bob,
            "name = \"Bob\"\nbidding = \"ride-window\"\nhidden = 1\nshown = 4\nshare = 0.5",
            &["15:9 player `Bob`: `shown`: there is no type `4`"],
        ),
        (
            bob,
            "name = \"Bob\"\nbidding = \"ride-window\"\nhidden = true\nshown = 3\nshare = 0.5",
            &["14:10 player `Bob`: `hidden` is true, accepted is the name of a type"],
        ),
        (
            bob,
            "name = \"Bob\"\nbidding = \"by-signal\"\nbids = { hot = 3 }",
            &["14:8 player `Bob`: `bids`: a table by signal, but there are no signals"],
        ),
        (
            bob,
            "name = \"Bob\"\nbidding = \"by-signal\"\nbids = 3",
            &["14:8 player `Bob`: `bids` is the number 3, accepted is a table from signals to types"],
        ),
    ];
    check(DEMAND, demand_text, cases);
    let open = DEMAND.replace("days = 30", "days = 30\nsealed = false");
    let late = open.replacen("name = \"Ann\"", "name = \"Ann\"\nbidding = \"copy\"\nrival = \"Bob\"", 1);
    let problem = read(&demand_text(&late)).unwrap_err();
    assert_eq!(problem.message(), "player `Ann`: `bidding` is copy, but her rival bids after her");
}

#[test]
fn games() {
    let cases: &[Case] = &[
        ("second = [\"a\", \"b\", \"c\"]", "", &["4:1 [game]: `second` is missing"]),
        (
            "second = [\"a\", \"b\", \"c\"]",
            "second = []",
            &["6:10 [game]: `second` is a list of 0, accepted is a list of names in quotes, at least one"],
        ),
        (
            "second = [\"a\", \"b\", \"c\"]",
            "second = [\"a\", \"b\", \"b\"]",
            &["6:21 two second decisions have the name `b`"],
        ),
        (
            "cost = [[0, 2, 3], [0.2, 1, 3.5]]",
            "cost = [[0, 2, 3]]",
            &[
                "7:8 [game]: `cost` is a list of 1, accepted is a list of 2 lists, one for each first decision",
            ],
        ),
        (
            "cost = [[0, 2, 3], [0.2, 1, 3.5]]",
            "cost = [0, 2]",
            &[
                "7:8 [game]: `cost` is a list of 2, accepted is a list of 3 numbers, one for each second decision",
            ],
        ),
        (
            "cost = [[0, 2, 3], [0.2, 1, 3.5]]",
            "cost = [[0, 2, 3], [0.2, nan, 3.5]]",
            &[
                "7:26 [game]: `cost`, first decision `yes`, number 2, is the number nan, accepted is a finite number of size at most 1e100",
            ],
        ),
        (
            "cost = [[0, 2, 3], [0.2, 1, 3.5]]",
            "cost = { no = [0, 2, 3] }",
            &["7:8 [game]: `cost`: nothing for first decision `yes`"],
        ),
        (
            "cost = [[0, 2, 3], [0.2, 1, 3.5]]",
            "cost = { no = [0, 2, 3], yess = [0, 2, 3] }",
            &["7:26 [game]: `cost`: there is no first decision `yess`"],
        ),
        (
            "cost = [[0, 2, 3], [0.2, 1, 3.5]]",
            "cost = \"none\"",
            &[
                "7:8 [game]: `cost` is the text \"none\", accepted is a list of 3 numbers, one for each second decision; a list of 2 such lists, one for each first decision; or a table of such lists by first decision",
            ],
        ),
        (
            "types = 3",
            "types = 0",
            &[
                "15:9 player `Bob`: `types` is the number 0, accepted is a list of names, or a whole number from 1 to 1000",
            ],
        ),
        (
            "types = 3",
            "types = 4",
            &[
                "16:7 player `Bob`: `law` is a list of 3, accepted is a list of 4, one probability for each type",
                "17:10 player `Bob`: `values`: nothing for type `3`",
            ],
        ),
        ("law = [0.3, 0.4, 0.3]", "", &["13:1 player `Bob`: `law` is missing"]),
        ("{ 0 = [[0, 2, 2]", "{ 3 = [[0, 2, 2]", &["17:12 player `Bob`: `values`: there is no type `3`"]),
        (
            "{ 0 = [[0, 2, 2]",
            "{ 0 = [[0, 2]",
            &[
                "17:17 player `Bob`: `values`, type `0`, first decision `no`, is a list of 2, accepted is a list of 3 numbers, one for each second decision",
            ],
        ),
        (
            "{ 0 = [[0, 2, 2], [0.3, 1, 2.6]]",
            "{ 0 = [[0, 2, 2]]",
            &[
                "17:16 player `Bob`: `values`, type `0`, is a list of 1, accepted is a list of 2 lists, one for each first decision",
            ],
        ),
        (
            "name = \"Bob\"",
            "name = \"Bob\"\nneeds = [\"d\"]",
            &["15:10 player `Bob`: `needs`: there is no second decision `d`"],
        ),
        (
            "name = \"Bob\"",
            "name = \"Bob\"\nneeds = [[\"no\"]]",
            &[
                "15:10 player `Bob`: `needs`, number 1, is a list of 1, accepted is the name of a decision, or a pair [first, second] of names",
            ],
        ),
        (
            "name = \"Bob\"",
            "name = \"Bob\"\nneeds = [\"no\", \"yes\"]",
            &["15:9 player `Bob`: `needs`: nothing is possible without her"],
        ),
        (
            "name = \"Bob\"",
            "name = \"Bob\"\nneeds = []",
            &[
                "15:9 player `Bob`: `needs` is a list of 0, accepted is a list of decisions or pairs [first, second], at least one",
            ],
        ),
        ("name = \"Bob\"", "name = \"Bob\"\nlimit = 1", &["15:1 player `Bob`: `limit` is not a key here"]),
        ("[game]", "[gaem]", &["4:2 scenario: `gaem` is not a key here"]),
        (
            "days = 30",
            "days = 30\ncalendar = [\"no\", \"hot\"]",
            &["8:8 [game]: `cost`: a signal and a first decision have the name `no`"],
        ),
        (
            "first = [\"no\", \"yes\"]",
            "first = [\"no\", \"yes\"]\nsignal-known = \"later\"",
            &["6:16 [game]: `signal-known` is \"later\""],
        ),
    ];
    check(GAME, game_text, cases);
}

/// What stands in tables.
#[test]
fn tables() {
    let with = |files: &[(&str, &str)]| {
        let files: Vec<(&str, &[u8])> = files.iter().map(|(name, text)| (*name, text.as_bytes())).collect();
        let found = said_of(&files);
        found.iter().map(|line| line.split(" | ").next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let series =
        demand_text(&DEMAND.replace("shortage = 1", "shortage = { file = \"s.csv\", column = \"x\" }"));
    let few = demand_text(&DEMAND.replace(
        "shortage = 1",
        "shortage = { file = \"s.csv\", column = \"x\", classes = 3 }\npurchase-price = 1",
    ));
    let signals = format!("{series}[[signals]]\nname = \"a\"\nshare = 1\n");
    let limited = format!("{few}limit = 1\n");
    let table = demand_text(&format!("{DEMAND}[tables]\nplayers = \"p.csv\"\n"));
    let data = demand_text(&DEMAND.replacen(
        "types = [1, 3]\nlaw = [0.5, 0.5]",
        "samples = { file = \"s.csv\", column = \"x\" }\ntypes = 2",
        1,
    ));
    let head = "name,family,mean,variance,types,top,limit\n";
    for (scenario, file, text, expected) in [
        (
            &series,
            "s.csv",
            "day,x\n1,2\n2,two\n",
            vec!["s.csv, line 3, column `x`: found `two`, accepted is a finite number"],
        ),
        (
            &series,
            "s.csv",
            "day,x\n1,2\n2,\n",
            vec!["s.csv, line 3, column `x`: empty, accepted is a finite number"],
        ),
        (&series, "s.csv", "day,y\n1,2\n", vec!["s.csv: column `x` is missing"]),
        (&series, "s.csv", "day,x\n", vec!["[market]: `shortage`: `s.csv` has no rows"]),
        (
            &series,
            "s.csv",
            "day,x\n1,2\n",
            vec![
                "[market]: `shortage`: `classes` is 4, accepted is a number from 1 to 1 (as many as there are numbers)",
            ],
        ),
        (
            &few,
            "s.csv",
            "x\n1\n-2\n3\n",
            vec![
                "s.csv, line 3, column `x`: found -2, accepted is a finite number from 0 on (with a day-ahead purchase)",
            ],
        ),
        (&signals, "s.csv", "x\n1\n2\n3\n4\n", vec!["[[signals]] is given beside a series of shortages"]),
        (
            &limited,
            "s.csv",
            "x\n1\n-2\n3\n",
            vec![
                "s.csv, line 3, column `x`: found -2, accepted is a finite number from 0 on (with curtailment limits)",
            ],
        ),
        (
            &data,
            "s.csv",
            "x\n1\n0\n3\n4\n",
            vec!["s.csv, line 3, column `x`: found 0, accepted is a finite number above 0"],
        ),
        (
            &table,
            "p.csv",
            &format!("{head}Ann,gamma,1,1,3,,\n"),
            vec![
                "p.csv, line 2, column `name`: another player has the name `Ann`, accepted is every name once",
            ],
        ),
        (
            &table,
            "p.csv",
            &format!("{head}Cyd,gama,1,1,3,,\n"),
            vec!["p.csv, line 2, column `family`: found `gama`, accepted is the name of a family"],
        ),
        (
            &table,
            "p.csv",
            &format!("{head}Cyd,gamma,1,1,2.5,,\n"),
            vec!["p.csv, line 2, column `types`: found 2.5, accepted is a whole number from 1 to 1000"],
        ),
        (
            &table,
            "p.csv",
            &format!("{head}Cyd,gamma,1,,2,,-1\n"),
            vec![
                "p.csv, line 2, column `variance`: empty, accepted is a finite number, not negative",
                "p.csv, line 2, column `limit`: found -1, accepted is a finite number, not negative",
            ],
        ),
        (
            &table,
            "p.csv",
            &format!("{head}Cyd,gamma,1,1,2,3,\n"),
            vec![
                "p.csv, line 2, column `top`: a value, but the family takes none, accepted is the largest number for scaled-beta, an empty cell for the others",
            ],
        ),
        (
            &table,
            "p.csv",
            &format!("{head}Cyd,scaled-beta,1,2,2,3,\n"),
            vec![
                "p.csv, line 2, column `variance`: found 2, accepted is less than mean (top - mean) = 2, which no law on [0, 3] with mean 1 exceeds (or a top above 3)",
            ],
        ),
    ] {
        let found = with(&[("scenario.toml", scenario), (file, text)]);
        // Lines and columns of the tables stand in the messages.
        let told: Vec<&str> =
            found.iter().filter_map(|line| line.split_once(' ')).map(|(_, what)| what).collect();
        assert_eq!(told, expected, "{text}");
    }
}

#[test]
fn what_is_too_large_is_refused() {
    let player = |k: usize| {
        format!(
            "[[players]]\nname = \"p{k}\"\ntypes = 10\nlaw = \"uniform\"\nvalues = [{}]\n",
            (0..10).map(|t| format!("[{k}, {t}, 0]")).collect::<Vec<_>>().join(", ")
        )
    };
    let text = game_text("[season]\ndays = 9\n[game]\nsecond = [\"a\", \"b\", \"c\"]\n")
        + &(0..12).map(player).collect::<String>();
    let problem = read(&text).unwrap_err();
    assert!(problem.message().starts_with("the game has 1.000e12 distinct type profiles"), "{problem}");
}

#[test]
fn what_is_accepted_and_may_surprise_is_said() {
    let warnings = |text: String| read(&text).unwrap_or_else(|p| panic!("{}", shown(&p))).warnings;
    assert_eq!(warnings(demand_text(&DEMAND.replace("days = 30", "days = 300"))), Vec::<String>::new());
    let some = warnings(demand_text(&format!(
        "{}[tests]\nwindow = \"printed\"\n",
        DEMAND
            .replace("law = [0.5, 0.5]", "law = [1, 0]")
            .replace("law = \"uniform\"", "law = [0.5, 0.5000000001]")
            .replace("days = 30", "days = 3")
    )));
    let begins = [
        "`law` of `Bob`: the probabilities add up to 1 only within 1.0e-10",
        "`Ann`: a type has reported probability 0",
        "[tests]: the printed window without a burn-in",
        "[tests]: the joint test against all others together can see nothing of `Ann`",
    ];
    assert_eq!(some.len(), begins.len(), "{some:#?}");
    for (found, begin) in some.iter().zip(begins) {
        assert!(found.starts_with(begin), "{found}");
    }
}

/// What the definition of the mechanism wants accepted.
#[test]
fn unusual_cases_are_accepted() {
    for (from, to) in [
        ("shortage = 1", "shortage = 0"),
        ("shortage = 1", "shortage = -2.5"),
        ("law = [0.5, 0.5]", "law = [1, 0]"),
        ("types = [1, 3]\nlaw = [0.5, 0.5]", "types = [2]\nlaw = [1]"),
        ("reserve = 1", "reserve = \"none\""),
        ("law = [0.5, 0.5]", "law = [0.5, 0.5000000009]"),
    ] {
        let text = demand_text(&DEMAND.replacen(from, to, 1));
        read(&text).unwrap_or_else(|problem| panic!("{to}: {}", shown(&problem)));
    }
    let alone = DEMAND.rsplit_once("[[players]]").unwrap().0;
    assert!(read(&demand_text(alone)).is_ok());
    assert!(read(&game_text(GAME.rsplit_once("[[players]]").unwrap().0)).is_ok());
}
