//! Agents in the scenario file: every family, and every way to get one wrong.

use super::*;
use vickrey::market::{Shape, Utility};

/// The utility of an agent with these lines.
fn utility(lines: &str) -> Utility {
    let market = market(&format!("mechanism = \"market\"\n[[agents]]\nname = \"x\"\n{lines}\n{TWO}"));
    market.market.utility(0).clone()
}

/// What is said about an agent with these lines; its first line is line 4.
fn said_about(lines: &str) -> Vec<String> {
    said(&format!("[[agents]]\nname = \"x\"\n{lines}\n{TWO}"))
}

#[test]
fn every_family() {
    let quadratic = utility("utility = \"quadratic\"\na = -2\nb = 3\nlow = -1\nhigh = 4\nidle-value = -5");
    assert!(matches!(quadratic.shape(), Shape::Quadratic { a: -2.0, b: 3.0 }));
    assert_eq!((quadratic.low(), quadratic.high(), quadratic.idle_value()), (-1.0, 4.0, -5.0));
    let log = utility("utility = \"log\"\nweight = 2\nshift = 1\nhigh = 9");
    assert!(matches!(log.shape(), Shape::Log { weight: 2.0, shift: 1.0, linear: 0.0 }));
    assert_eq!((log.low(), log.high()), (-1.0, 9.0));
    let power = utility("utility = \"power\"\nweight = 2\nshift = 1\nexponent = 0.5\nlinear = 0.25");
    assert!(matches!(power.shape(), Shape::Power { exponent: 0.5, linear: 0.25, .. }));
    let exponential = utility("utility = \"exponential\"\nceiling = 3\nrate = 0x10");
    assert!(matches!(exponential.shape(), Shape::Exponential { ceiling: 3.0, rate: 16.0 }));
    let blocks =
        utility("utility = \"blocks\"\nbids = [[1, 5], [2, 4]]\noffers = [[1_0, 6.5]]\nidle-value = 1");
    assert_eq!((blocks.low(), blocks.high(), blocks.value(3.0)), (-10.0, 3.0, 14.0));
    let points = utility("utility = \"points\"\npoints = [[-1, 8], [1, 2]]");
    assert_eq!((points.low(), points.high(), points.demand(5.0)), (-1.0, 1.0, (0.0, 0.0)));
    let fixed = utility("utility = \"fixed\"\nquantity = -7");
    assert_eq!((fixed.low(), fixed.high()), (-7.0, -7.0));
}

#[test]
fn keys_of_another_family() {
    assert_eq!(
        said_about("utility = \"quadratic\"\na = -1\nb = 1\nweight = 3\nidle_value = 2\nprice = 3"),
        [
            "7:1 agent `x`: `weight` is not a key of utility `quadratic` | `weight` belongs to `log`, `power`; \
             accepted: `name`, `utility`, `a`, `b`, `low`, `high`, `idle-value`",
            "8:1 agent `x`: `idle_value` is not a key of utility `quadratic` | did you mean `idle-value`? accepted: \
             `name`, `utility`, `a`, `b`, `low`, `high`, `idle-value`",
            "9:1 agent `x`: `price` is not a key of utility `quadratic` | `price` belongs to [units]; accepted: \
             `name`, `utility`, `a`, `b`, `low`, `high`, `idle-value`",
        ]
    );
}

#[test]
fn missing_keys() {
    assert_eq!(
        said_about("utility = \"log\"\nlinear = 1"),
        [
            "2:1 agent `x`: `weight` is missing | `log` needs `weight`, `shift`, and takes `linear`, `low`, `high`, \
             `idle-value`",
            "2:1 agent `x`: `shift` is missing | `log` needs `weight`, `shift`, and takes `linear`, `low`, `high`, \
             `idle-value`",
        ]
    );
    assert_eq!(
        said_about("utility = \"blocks\""),
        ["2:1 agent `x`: `bids` is missing | `blocks` needs `bids`, `offers`, and takes `idle-value`"]
    );
    assert!(said_about("utility = \"points\"")[0].starts_with("2:1 agent `x`: `points` is missing"));
    assert!(
        said_about("a = -1")[0]
            .starts_with("2:1 agent `x`: `utility` is missing | accepted: `quadratic`, `log`")
    );
}

#[test]
fn a_slip_of_the_pen_is_not_also_missing() {
    assert_eq!(said_about("utility = \"exponential\"\ncieling = 1\nrate = 1").len(), 1);
    assert_eq!(said_about("utilty = \"quadratic\"\na = -1\nb = 1").len(), 1);
}

#[test]
fn unknown_family() {
    assert_eq!(
        said_about("utility = \"quadrtic\"\na = -1\nbc = 1"),
        [
            "4:11 agent `x`: `utility` is \"quadrtic\" | did you mean `quadratic`? accepted: `quadratic`, `log`, \
             `power`, `exponential`, `blocks`, `points`, `fixed`",
            "6:1 agent `x`: `bc` is not a key here | accepted: `a`, `b`, `weight`, `shift`, `linear`, `exponent`, \
             `ceiling`, `rate`, `quantity`, `low`, `high`, `idle-value`, `bids`, `offers`, `points`, `name`, `utility`",
        ]
    );
}

#[test]
fn numbers_are_judged_at_their_place_all_at_once() {
    assert_eq!(
        said_about("utility = \"power\"\nweight = 0\nshift = \"1\"\nexponent = 1\nlinear = -1"),
        [
            "5:10 agent `x`: `weight`: found 0, accepted is a number from 1e-12 to 1e15 | weight: Factor of the \
             logarithm or the power.",
            "6:9 agent `x`: `shift` is the text \"1\", accepted is a finite number | The quantity stays above minus \
             this.",
            "7:12 agent `x`: `exponent`: found 1, accepted is a number strictly between 0 and 1 (by 1e-6) | exponent: \
             Exponent of the power, between 0 and 1.",
            "8:10 agent `x`: `linear`: found -1, accepted is a number from 0 to 1e15 | linear: Added marginal \
             utility, not negative.",
        ]
    );
}

#[test]
fn numbers_that_are_none() {
    for word in ["nan", "-nan", "inf", "-inf", "1e400", "\"1\"", "true", "[1]", "{x = 1}", "2000-01-01"] {
        let found = said_about(&format!("utility = \"quadratic\"\na = -1\nb = {word}"));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("6:5 agent `x`: `b` is "), "{found:?}");
        assert!(found[0].contains("accepted is a finite number"), "{found:?}");
    }
}

#[test]
fn numbers_that_the_library_refuses() {
    for (lines, place) in [
        (
            "utility = \"quadratic\"\na = 0.5\nb = 1",
            "5:5 agent `x`: `a`: found 0.5, accepted is a negative number",
        ),
        ("utility = \"quadratic\"\na = -1\nb = 1e16", "6:5 agent `x`: `b`: found 1"),
        (
            "utility = \"quadratic\"\na = -1\nb = 1\nlow = 2\nhigh = 1",
            "7:7 agent `x`: `low`: found 2, accepted is a lower",
        ),
        (
            "utility = \"log\"\nweight = 1\nshift = 1\nlow = -1",
            "7:7 agent `x`: `low`: found -1, accepted is a lower limit",
        ),
        (
            "utility = \"log\"\nweight = 1\nshift = 1\nhigh = -1",
            "7:8 agent `x`: `high`: found -1, accepted is an upper",
        ),
        ("utility = \"exponential\"\nceiling = -1\nrate = 1", "5:11 agent `x`: `ceiling`: found -1"),
        ("utility = \"fixed\"\nquantity = 1e20", "5:12 agent `x`: `quantity`: found 1"),
        ("utility = \"fixed\"\nquantity = 1\nidle-value = 1e20", "6:14 agent `x`: `idle-value`: found 1"),
    ] {
        let found = said_about(lines);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with(place), "{found:?}");
    }
}

#[test]
fn blocks_and_points_point_to_the_very_number() {
    for (lines, place) in [
        (
            "utility = \"blocks\"\nbids = [[1, 5], [0, 4]]",
            "5:18 agent `x`: `bids`: found 0, accepted is a positive block",
        ),
        ("utility = \"blocks\"\noffers = [[1, 5], [1, 1e20]]", "5:23 agent `x`: `offers`: found 1"),
        (
            "utility = \"blocks\"\nbids = [[1, 5]]\noffers = [[2, 3]]",
            "5:13 agent `x`: `bids`: found 5, accepted is a bid",
        ),
        (
            "utility = \"blocks\"\nbids = [[1, nan]]",
            "5:13 agent `x`: `bids` is the number nan, accepted is a finite",
        ),
        (
            "utility = \"blocks\"\nbids = [[1], 3]",
            "5:9 agent `x`: `bids` is a list of 1, accepted is a pair [quantity, price]",
        ),
        (
            "utility = \"blocks\"\nbids = 3",
            "5:8 agent `x`: `bids` is the number 3, accepted is a list of pairs",
        ),
        ("utility = \"blocks\"\nbids = []", "5:8 agent `x`: `bids` is empty, accepted is at least one block"),
        (
            "utility = \"points\"\npoints = []",
            "5:10 agent `x`: `points` is empty, accepted is at least one point",
        ),
        (
            "utility = \"points\"\npoints = [[0, 9], [5, 7], [3, 5]]",
            "5:28 agent `x`: `points`: found 3, accepted is a quantity",
        ),
        (
            "utility = \"points\"\npoints = [[0, 9], [5, 9.5]]",
            "5:23 agent `x`: `points`: found 9.5, accepted is a price",
        ),
    ] {
        let found = said_about(lines);
        assert!(found[0].starts_with(place), "{lines}: {found:?}");
    }
}

#[test]
fn names() {
    let named =
        |name: &str| said(&format!("[[agents]]\nname = {name}\nutility = \"fixed\"\nquantity = 0\n{TWO}"));
    assert!(
        named("\"\"")[0]
            .starts_with("3:8 agent number 1: `name` is \"\" | accepted: a name of 1 to 200 bytes")
    );
    assert!(named("\" x\"")[0].contains("without blanks around it"));
    assert!(named("\"a\\u001bb\"")[0].contains("without control characters"));
    assert!(
        named("7")[0].starts_with("3:8 agent number 1: `name` is the number 7, accepted is a text in quotes")
    );
    assert_eq!(named("7").len(), 1);
    let unnamed = said(&format!("[[agents]]\nutility = \"fixed\"\nquantity = 0\n{TWO}"));
    assert!(unnamed[0].starts_with("2:1 agent number 1: `name` is missing"));
}

#[test]
fn two_agents_with_one_name() {
    let problem = read(&format!("mechanism = \"market\"\n{TWO}{TWO}")).unwrap_err();
    assert_eq!(problem.message(), "2 problems in test.toml");
    assert_eq!(
        lines(&problem)[0],
        "15:8 two agents have the name `seller` | accepted: every name once, counting the scenario and its tables together"
    );
    assert!(shown(&problem).contains("first used here"));
}

#[test]
fn blocks_without_a_table_of_blocks() {
    assert!(said_about("utility = \"blocks\"\nidle-value = 1")[0].contains("`bids` is missing"));
}
