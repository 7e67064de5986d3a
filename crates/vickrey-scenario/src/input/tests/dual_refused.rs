//! What is said about scenarios of dual decomposition that cannot be used.

use super::dual::{THREE, dual_text};
use super::two_stage_refused::{Case, check};
use super::*;

/// Numbers, sizes, limits.
#[test]
fn public_data() {
    let cases: &[Case] = &[
        (
            "total = 3",
            "total = nan",
            &[
                "3:9 [resource]: `total` is the number nan, accepted is a number, a list of numbers, or a table from couplings to numbers",
            ],
        ),
        ("total = 3", "", &["2:1 [resource]: `total` is missing"]),
        (
            "total = 3",
            "total = { a = 1, b = inf }",
            &[
                "3:22 [resource]: `total`, coupling `b`, is the number inf, accepted is a finite number of size at most 1e15",
            ],
        ),
        ("[resource]\ntotal = 3\n", "", &["1:1 scenario: `resource` is missing"]),
        (
            "coupling = 2",
            "coupling = [1, nan]",
            &[
                "18:16 follower `Cyd`: `coupling`, number 2, is the number nan, accepted is a finite number of size at most 1e15",
            ],
        ),
        (
            "coupling = 2",
            "coupling = { \"1\" = 2, z = 1 }",
            &["18:23 follower `Cyd`: `coupling`: there is no coupling `z`"],
        ),
        (
            "coupling = 2",
            "coupling = []",
            &[
                "18:12 follower `Cyd`: `coupling` is a list of 0, accepted is a number, or a list with one for each decision",
            ],
        ),
        (
            "coupling = 2",
            "coupling = [[1], [2]]",
            &[
                "18:12 follower `Cyd`: `coupling` is a list of 2, accepted is a list of 1 rows, each a list of numbers",
            ],
        ),
        (
            "total = 3",
            "total = [3, 1]",
            &[
                "8:1 follower `Ann`: `coupling` is missing",
                "12:1 follower `Bob`: `coupling` is missing",
                "18:12 follower `Cyd`: `coupling` is the number 2, accepted is a list of 2, one number or one list for each coupling, or a table from couplings to them",
            ],
        ),
        (
            "name = \"Ann\"",
            "name = \"Ann\"\nlow = 1\nhigh = 0",
            &["11:8 follower `Ann`: `high` is 0, accepted is at least the lower limit 1"],
        ),
        (
            "name = \"Ann\"",
            "name = \"Ann\"\nlow = 1",
            &[
                "8:1 follower `Ann`: `absent` is 0 (left out), accepted is a number from 1 to inf, within the limits",
            ],
        ),
        (
            "name = \"Ann\"",
            "name = \"Ann\"\nhigh = 1\nabsent = 2",
            &["11:10 follower `Ann`: `absent` is 2, accepted is a number from -inf to 1, within the limits"],
        ),
        ("name = \"Bob\"", "name = \"Ann\"", &["13:8 two followers have the name `Ann`"]),
        (
            "curvature = [1, 1]",
            "curvature = [2, 1]",
            &[
                "10:13 follower `Ann`: `curvature` is [2, 1], accepted is a number from 0 on, or a list [least, most] of two, least first",
            ],
        ),
        (
            "curvature = [1, 1]",
            "curvature = -1",
            &[
                "10:13 follower `Ann`: `curvature` is -1, accepted is a number from 0 on, or a list [least, most] of two, least first",
            ],
        ),
        ("curvature = [1, 1]", "curvatur = 1", &["10:1 follower `Ann`: `curvatur` is not a key here"]),
    ];
    check(THREE, dual_text, cases);
}

/// Costs.
#[test]
fn costs() {
    let ann = "cost = { matrix = 1, linear = -2 }";
    let cases: &[Case] = &[
        (ann, "", &["8:1 follower `Ann`: `cost` is missing"]),
        (
            ann,
            "cost = 1",
            &[
                "11:8 follower `Ann`: `cost` is the number 1, accepted is a table, for example { matrix = 2, linear = -1 }",
            ],
        ),
        (ann, "cost = { linear = 1 }", &["11:8 follower `Ann`: `cost`: `matrix` is missing"]),
        (
            ann,
            "cost = { matrix = 1, shift = 1 }",
            &["11:22 follower `Ann`: `cost`: `shift` is given, but the family is quadratic"],
        ),
        (
            ann,
            "cost = { family = \"lgo\", weight = 1 }",
            &["11:19 follower `Ann`: `cost`: `family` is \"lgo\""],
        ),
        (
            ann,
            "cost = { matrix = [[1, 2], [3, 1]] }",
            &[
                "11:19 follower `Ann`: `cost`: `matrix` is a list of 2, accepted is a list of 1 rows, each a list of numbers",
            ],
        ),
        (
            ann,
            "cost = { matrix = -1 }",
            &[
                "11:19 follower `Ann`: `cost`: matrix: found the eigenvalue -1, accepted is a matrix without negative ones (a convex cost)",
            ],
        ),
        (
            ann,
            "cost = { matrix = inf }",
            &["11:19 follower `Ann`: `cost`: `matrix` is the number inf, accepted is a finite number"],
        ),
        (
            ann,
            "cost = { matrix = 2 }",
            &[
                "11:8 follower `Ann`: `cost` bends from 2 to 2, accepted is from 1 to 1, as her public `curvature` says",
            ],
        ),
        (
            ann,
            "cost = { matrix = 0 }",
            &[
                "11:8 follower `Ann`: `cost` bends from 0 to 0, accepted is from 1 to 1, as her public `curvature` says",
            ],
        ),
        (
            ann,
            "low = 0\nhigh = 1\ncost = { family = \"log\", weight = 1 }",
            &[
                "11:7 follower `Ann`: `cost`: decision 0: lower limit: found 0, accepted is more than -0 (the logarithm of z + shift is not defined below)",
            ],
        ),
        (
            ann,
            "cost = { family = \"log\", weight = 0 }",
            &["11:35 follower `Ann`: `cost`: weight: found 0, accepted is a positive number"],
        ),
        (
            ann,
            "cost = { family = \"power\", weight = 1, exponent = 1 }",
            &["11:51 follower `Ann`: `cost`: exponent: found 1, accepted is a number above 1"],
        ),
        (
            ann,
            "cost = { family = \"piecewise\", lines = [] }",
            &["11:40 follower `Ann`: `cost`: lines: found none, accepted is at least one"],
        ),
        (
            ann,
            "cost = { curves = [{ matrix = 1 }, { matrix = 1 }] }",
            &[
                "11:19 follower `Ann`: `cost`: `curves` is a list of 2, accepted is a list of 1, one cost for each decision",
            ],
        ),
        (
            ann,
            "cost = { matrix = 1, curves = [{ matrix = 1 }] }",
            &["11:10 follower `Ann`: `cost`: both `matrix` and `curves` are given"],
        ),
    ];
    check(THREE, dual_text, cases);
}

/// Rules.
#[test]
fn rules() {
    let old = "method = \"ascent\"\nstep = 0.4\nrounds = 5";
    let cases: &[Case] = &[
        (
            "step = 0.4",
            "step = 0.8",
            &[
                "6:8 [rules]: `step` is 0.8, accepted are numbers above 0 and below 0.7999999999999201 (larger ones may diverge)",
            ],
        ),
        (
            "step = 0.4",
            "step = 0",
            &["6:8 [rules]: `step` is the number 0, accepted is a number from 1e-300 to 1e300"],
        ),
        (
            "rounds = 5",
            "rounds = 0",
            &["7:10 [rules]: `rounds` is the number 0, accepted is a whole number from 1 to 1000000"],
        ),
        (
            "rounds = 5",
            "epsilon = 0",
            &["7:11 [rules]: `epsilon` is the number 0, accepted is a number from 1e-300 to 1e15"],
        ),
        ("rounds = 5", "rounds = 5\nmarginals = \"warm\"", &["4:1 [rules]: `marginal-rounds` is missing"]),
        (
            "rounds = 5",
            "rounds = 5\nmarginal-rounds = 1",
            &["8:1 [rules]: `marginal-rounds` is given, but marginals are cold"],
        ),
        (
            "rounds = 5",
            "rounds = 5\nstart-price = [1, 2]",
            &["8:15 [rules]: `start-price` is a list of 2, accepted is a finite number"],
        ),
        (
            "rounds = 5",
            "rounds = 5\nstrikes = 0",
            &["8:11 [rules]: `strikes` is the number 0, accepted is a whole number from 1 to 1000000"],
        ),
        (
            "rounds = 5",
            "rounds = 5\npenalty = -1",
            &["8:11 [rules]: `penalty` is the number -1, accepted is a number from 0 to 1e15"],
        ),
        (old, "method = \"ascent\"\nfading = true", &["6:1 [rules]: `fading` is given, but no `step`"]),
        (old, "method = \"newton\"\nrho = 1", &["6:1 [rules]: `rho` is given, but the method is newton"]),
        (
            old,
            "method = \"multipliers\"\nrelaxation = 2",
            &["6:14 [rules]: `relaxation` is the number 2, accepted is a number from 1 to 1.999999"],
        ),
        (
            old,
            "method = \"multipliers\"\nrho = 0",
            &["6:7 [rules]: `rho` is the number 0, accepted is a number from 1e-300 to 1e300"],
        ),
        (old, "method = \"admm\"", &["5:10 [rules]: `method` is \"admm\""]),
    ];
    check(THREE, dual_text, cases);
}

/// What followers do.
#[test]
fn plays() {
    let end = "linear = -8 }\n";
    let cases: &[Case] = &[
        (end, "linear = -8 }\nplay = \"lazy\"\n", &["21:8 follower `Cyd`: `play` is \"lazy\""]),
        (
            end,
            "linear = -8 }\nplay = {}\n",
            &[
                "21:8 follower `Cyd`: `play` is a table with 0 of these keys, accepted is one of pretend, scale, shift, constant, script, values, silent, announce",
            ],
        ),
        (
            end,
            "linear = -8 }\nplay = { constant = [1, 2] }\n",
            &["21:21 follower `Cyd`: `play`: `constant` is a list of 2, accepted is a finite number"],
        ),
        (
            end,
            "linear = -8 }\nplay = { script = [] }\n",
            &[
                "21:19 follower `Cyd`: `play`: `script` is a list of 0, accepted is a list with an answer for each round",
            ],
        ),
        (
            end,
            "linear = -8 }\nplay = { silent = [3, 2] }\n",
            &[
                "21:19 follower `Cyd`: `play`: `silent` is [3, 2], accepted is a round from 1 on, or a list [from, to] of two, the first not after the second",
            ],
        ),
        (
            end,
            "linear = -8 }\nplay = { pretend = { matrix = -1 } }\n",
            &[
                "21:31 follower `Cyd`: `play`: `pretend`: matrix: found the eigenvalue -1, accepted is a matrix without negative ones (a convex cost)",
            ],
        ),
    ];
    check(THREE, dual_text, cases);
}

/// What only the whole shows.
#[test]
fn together() {
    let bare = |rest: &str| said_of_dual(rest);
    let none = bare("[resource]\ntotal = 1\n");
    assert_eq!(none, ["1:1 there are no followers"]);
    let alone =
        bare("[resource]\ntotal = 1\n[[followers]]\nname = \"a\"\ncurvature = 1\ncost = { matrix = 1 }\n");
    assert_eq!(
        alone,
        [
            "4:1 followers: found 1, accepted are at least 2 where taxes compare with the problem without a follower"
        ]
    );
    let limits = "[resource]\ntotal = 3\n[rules]\nmethod = \"multipliers\"\n[[followers]]\nname = \"a\"\nlow = 0\nhigh = 2\n\
                  cost = { matrix = 1 }\n[[followers]]\nname = \"b\"\nlow = 0\nhigh = 2\ncost = { matrix = 1 }\n";
    let essential = bare(limits);
    assert_eq!(essential.len(), 2, "{essential:?}");
    for (said, place) in essential.iter().zip(["6:1 follower `a`", "11:1 follower `b`"]) {
        assert!(
            said.starts_with(&format!("{place}: the totals cannot be met without her: 1 is missing")),
            "{essential:?}"
        );
    }
    let infeasible = bare(&limits.replace("total = 3", "total = 5"));
    assert!(
        infeasible[0].starts_with(
            "3:9 [resource]: the totals cannot be met within the limits: 1 is missing or too much"
        ),
        "{infeasible:?}"
    );
    let unknown = bare(
        "[resource]\ntotal = 1\n[[followers]]\nname = \"a\"\ncost = { matrix = 2 }\n[[followers]]\nname = \"b\"\n\
                        curvature = [0, 3]\nlow = 0\nhigh = 1\ncost = { family = \"piecewise\", lines = [[1, 0]] }\n",
    );
    assert_eq!(unknown.len(), 2);
    assert!(
        unknown[0].starts_with("4:1 follower `a`: `curvature` begins at 0 or is left out"),
        "{unknown:?}"
    );
    let full = lines(&read(&dual_text("[resource]\ntotal = 1\n[[followers]]\nname = \"a\"\ncost = { matrix = 2 }\n[[followers]]\nname = \"b\"\ncost = { matrix = 2 }\n")).unwrap_err());
    assert!(full[0].contains("her cost bends from 2 to 2"), "{full:?}");
}

fn said_of_dual(rest: &str) -> Vec<String> {
    let problem = read(&dual_text(rest)).unwrap_err();
    lines(&problem).iter().map(|line| line.split(" | ").next().unwrap().to_owned()).collect()
}

/// Costs without a best answer at some price.
#[test]
fn costs_that_fall_without_end() {
    let with = |limits: &str, cost: &str| {
        format!(
            "[resource]\ntotal = 1\n[rules]\nmethod = \"ascent\"\nstep = 1\nfading = true\n[[followers]]\nname = \"a\"\n{limits}\
             cost = {cost}\n[[followers]]\nname = \"b\"\ncost = {{ matrix = 1 }}\n"
        )
    };
    for (cost, low) in [
        ("{ family = \"log\", weight = 1, shift = 1 }", "low = 0\n"),
        ("{ family = \"piecewise\", lines = [[0, 0], [1, -1]] }", ""),
        ("{ matrix = 0 }", ""),
    ] {
        let said = said_of_dual(&with(low, cost));
        assert!(said[0].contains("follower `a`: cost: found one that is not strongly convex"), "{said:?}");
        assert!(read(&dual_text(&with("low = 0\nhigh = 2\n", cost))).is_ok(), "{cost}");
        let text = with(low, cost)
            .replace("method = \"ascent\"\nstep = 1\nfading = true", "method = \"multipliers\"");
        assert!(read(&dual_text(&text)).is_ok(), "{cost}");
    }
}

/// Tables.
#[test]
fn tables() {
    let base = "[resource]\ntotal = 1\n[rules]\nmethod = \"multipliers\"\n[tables]\nfollowers = \"f.csv\"\n";
    let said = |csv: &str| {
        let text = dual_text(base);
        let files: [(&str, &[u8]); 2] = [("scenario.toml", text.as_bytes()), ("f.csv", csv.as_bytes())];
        let said = said_of(&files);
        said.into_iter().map(|line| line.split(" | ").next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for (csv, expected) in [
        (
            "name,low,high,matrix\na,1,0,1\n",
            "2:5 f.csv, line 2, column `high`: found 0, accepted is at least the lower limit 1",
        ),
        (
            "name,low,high,matrix\na,1,2,1\n",
            "f.csv, line 2, column `absent`: found 0 (empty), accepted is a number from 1 to 2",
        ),
        (
            "name,matrix\na,inf\n",
            "2:3 f.csv, line 2, column `matrix`: found `inf`, accepted is a finite number of size at most 1e15",
        ),
        (
            "name,matrix\na,1\na,1\n",
            "3:1 f.csv, line 3, column `name`: another follower has the name `a`, accepted is every name once",
        ),
        (
            "name,matrix,weight\na,1,2\n",
            "2:5 f.csv, line 2, column `weight`: a value, but a quadratic cost takes none, accepted is an empty cell",
        ),
        (
            "name,matrix,family\na,1,piecewise\n",
            "2:5 f.csv, line 2, column `family`: found `piecewise`, accepted is quadratic, log or power (piecewise costs, whose lines are a list, stand in the scenario file)",
        ),
        (
            "name,weight,family\na,-1,log\n",
            "2:3 f.csv, line 2, column `weight`: weight: found -1, accepted is a positive number",
        ),
        (
            "name,matrix\na,\n",
            "f.csv, line 2, column `matrix`: empty, but a quadratic cost needs it, accepted is a number",
        ),
        (
            "name,matrix,curvature-low,curvature-high\na,1,2,1\n",
            "f.csv, line 2, column `curvature-high`: found 1, accepted is at least 2",
        ),
        (
            "name,matrix,curvature-low\na,1,2\nb,1,\n",
            "f.csv, line 2: follower `a`: `cost` bends from 1 to 1, accepted is from 2 to inf, as her public `curvature` says",
        ),
        ("name,matrices\na,1\n", "column `matrices` is not expected"),
    ] {
        let found = said(csv);
        assert!(found.len() == 1 && found[0].ends_with(expected), "{csv:?}: {found:?}");
    }
}
