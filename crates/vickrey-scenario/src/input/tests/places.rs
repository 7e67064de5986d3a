//! How problems look to a person and to a machine.

use serde_json::json;

use super::*;

#[test]
fn one_problem_with_its_line() {
    let problem = read(&format!("mechanism = \"market\"\n[market]\npaymnt = \"vcg\"\n{TWO}")).unwrap_err();
    insta::assert_snapshot!(shown(&problem), @r#"
     × [market]: `paymnt` is not a key here
      ╭─[test.toml:3:1]
    2 │ [market]
    3 │ paymnt = "vcg"
      · ───┬──
      ·    ╰── unknown key
    4 │ 
      ╰────
     help: did you mean `payment`? accepted: `total`, `payment`, `scaling`, `baseline`
    "#);
}

#[test]
fn several_problems_at_once() {
    let problem = read(&format!("mechanism = \"market\"\n{TWO}c = 3\n{TWO}")).unwrap_err();
    insta::assert_snapshot!(shown(&problem), @r#"
      × 3 problems in test.toml

    Error: 
      × agent `buyer`: `c` is not a key of utility `quadratic`
        ╭─[test.toml:13:1]
     12 │ b = 3
     13 │ c = 3
        · ┬
        · ╰── unknown key
     14 │ 
        ╰────
      help: accepted: `name`, `utility`, `a`, `b`, `low`, `high`, `idle-value`

    Error: 
      × two agents have the name `seller`
       ╭─[test.toml:4:8]
     3 │ [[agents]]
     4 │ name = "seller"
       ·        ────┬───
       ·            ╰── first used here
     5 │ utility = "quadratic"
       ╰────
        ╭─[test.toml:16:8]
     15 │ [[agents]]
     16 │ name = "seller"
        ·        ────┬───
        ·            ╰── used again here
     17 │ utility = "quadratic"
        ╰────
      help: accepted: every name once, counting the scenario and its tables together

    Error: 
      × two agents have the name `buyer`
        ╭─[test.toml:9:8]
      8 │ [[agents]]
      9 │ name = "buyer"
        ·        ───┬───
        ·           ╰── first used here
     10 │ utility = "quadratic"
        ╰────
        ╭─[test.toml:21:8]
     20 │ [[agents]]
     21 │ name = "buyer"
        ·        ───┬───
        ·           ╰── used again here
     22 │ utility = "quadratic"
        ╰────
      help: accepted: every name once, counting the scenario and its tables together
    "#);
}

#[test]
fn a_cell_of_a_table() {
    let csv = "# prices of Monday\nname,utility,a,b\nx,quadratic,-1,1\n\"y, z\" , quadratic , -1 , 1.2.3\nw,quadratic,-1,3\n";
    let problem = load_files(&[("scenario.toml", WITH_AGENTS), ("agents.csv", csv.as_bytes())]).unwrap_err();
    let path = Path::new(problem.file().unwrap()).parent().unwrap().display().to_string() + "/";
    // The handler breaks lines by the length of the path, so the path goes first.
    let message = problem.message().replace(&path, "");
    insta::assert_snapshot!(message, @"agents.csv, line 4, column `b`: found `1.2.3`, accepted is a finite number");
    let shown = shown(&problem);
    let excerpt: Vec<&str> =
        shown.lines().skip_while(|line| !line.contains("2 │") && !line.contains("3 │")).collect();
    insta::assert_snapshot!(excerpt.join("\n"), @r#"
    3 │ x,quadratic,-1,1
    4 │ "y, z" , quadratic , -1 , 1.2.3
      ·                           ──┬──
      ·                             ╰── accepted is a finite number
    5 │ w,quadratic,-1,3
      ╰────
    "#);
}

#[test]
fn for_machines() {
    let text = format!("mechanism = \"market\"\n[market]\nbaseline = 1\ntotel = 1\n{TWO}");
    let problem = read(&text).unwrap_err();
    assert_eq!(
        problem.to_json(),
        json!({
            "file": "test.toml",
            "line": null,
            "column": null,
            "message": "2 problems in test.toml",
            "help": null,
            "related": [
                {
                    "file": "test.toml",
                    "line": 3,
                    "column": 12,
                    "message": "[market]: `baseline` is the number 1, accepted is one of `autarky`, `zero`",
                    "help": "What an agent has if it stays out: autarky (its own utility of being idle) or zero.",
                    "related": [],
                },
                {
                    "file": "test.toml",
                    "line": 4,
                    "column": 1,
                    "message": "[market]: `totel` is not a key here",
                    "help": "did you mean `total`? accepted: `total`, `payment`, `scaling`, `baseline`",
                    "related": [],
                },
            ],
        })
    );
}

#[test]
fn columns_count_characters() {
    let problem = read("mechanism = \"market\"\ntitle = \"é日本\" x = 3\n").unwrap_err();
    let first = problem.related().first().unwrap_or(&problem);
    assert_eq!(first.position(), (Some(2), Some(15)));
}

#[test]
fn nearest_word() {
    use crate::diagnostic::nearest;
    let words = ["total", "payment", "scaling", "a", "b", "idle-value"];
    for (word, near) in [
        ("totla", Some("total")),
        ("Payment", Some("payment")),
        ("pay", None),
        ("idle_value", Some("idle-value")),
        ("A", Some("a")),
        ("c", None),
        ("", None),
        ("zzzzzzzzzz", None),
    ] {
        assert_eq!(nearest(word, words), near, "{word}");
    }
    assert_eq!(nearest(&"x".repeat(1_000_000), words), None);
}
