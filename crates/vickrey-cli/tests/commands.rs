//! Every command: help, what it prints, how it fails.

mod support;

use std::fs;

use predicates::str::contains;
use support::{Desk, FOUR};

const COMMANDS: [&str; 10] =
    ["run", "audit", "simulate", "check", "plot", "new", "schema", "import", "reproduce", "completions"];

#[test]
fn help_has_a_purpose_and_an_example() {
    let desk = Desk::new();
    let overview = desk.out(&["--help"]);
    for command in COMMANDS {
        assert!(overview.contains(command), "{command}");
        let help = desk.out(&[command, "--help"]);
        assert!(help.contains("Example") && help.contains(&format!("vickrey {command}")), "{command}");
        assert!(help.split("Usage:").next().unwrap().len() > 80, "{command} says too little");
    }
    assert!(desk.out(&["import", "matpower", "--help"]).contains("--elasticity"));
    assert!(desk.out(&["--version"]).starts_with("vickrey "));
}

#[test]
fn bad_usage_is_two() {
    let desk = Desk::new();
    let cases: [(&[&str], &str); 12] = [
        (&[], "Usage"),
        (&["rum"], "similar subcommand"),
        (&["run"], "required"),
        (&["run", "four.toml", "--sed", "1"], "unexpected argument"),
        (&["run", "four.toml", "--threads", "0"], "threads"),
        (&["run", "four.toml", "--seed", "-1"], "seed"),
        (&["run", "four.toml", "--force"], "--out"),
        (&["audit", "four.toml", "--effort", "extreme"], "quick"),
        (&["plot", "four.toml"], "--out"),
        (&["new", "markt"], "market"),
        (&["schema", "markt"], "market"),
        (&["reproduce", "999"], "000"),
    ];
    for (args, message) in cases {
        let (code, error) = desk.fails(args);
        assert_eq!(code, 2, "{args:?}");
        assert!(error.contains(message), "{args:?}: {error}");
    }
}

#[test]
fn bad_input_is_two_everywhere() {
    let desk = Desk::new();
    desk.write("broken.toml", "mechanism = \"market\"\n[[agents]]\nname = 3\n");
    desk.write("unknown.toml", "mechanism = \"markte\"\n");
    desk.write("binary.toml", "mechanism = \u{1}");
    desk.write("empty.toml", "");
    for file in ["missing.toml", ".", "broken.toml", "unknown.toml", "binary.toml", "empty.toml"] {
        for command in ["run", "audit", "simulate", "check"] {
            let (code, error) = desk.fails(&[command, file]);
            assert_eq!(code, 2, "{command} {file}: {error}");
            assert!(!error.is_empty() && !error.contains("panicked"), "{command} {file}: {error}");
        }
        let (code, _) = desk.fails(&["plot", file, "--out", "pictures"]);
        assert_eq!(code, 2, "plot {file}");
    }
    let (_, error) = desk.fails(&["check", "unknown.toml"]);
    assert!(error.contains("market"), "{error}");
    assert!(!desk.path("pictures").exists());
}

#[test]
fn a_market_that_cannot_clear_is_bad_input() {
    let desk = Desk::new();
    desk.write(
        "stuck.toml",
        "mechanism = \"market\"\n[[agents]]\nname = \"a\"\nutility = \"fixed\"\nquantity = 5\n\
         [[agents]]\nname = \"b\"\nutility = \"fixed\"\nquantity = 1\n",
    );
    for command in ["check", "run"] {
        let (code, error) = desk.fails(&[command, "stuck.toml"]);
        assert_eq!(code, 2);
        assert!(error.contains("cannot add up"), "{error}");
    }
}

#[test]
fn errors_are_json_when_asked() {
    let desk = Desk::new();
    for args in [&["run", "missing.toml", "--json"][..], &["--json", "rum"], &["check", ".", "--json"]] {
        let (code, error) = desk.fails(args);
        assert_eq!(code, 2);
        let json: serde_json::Value = serde_json::from_str(&error).unwrap();
        assert!(json["error"]["message"].is_string(), "{error}");
        assert!(json["error"]["help"].is_string(), "{error}");
    }
}

#[test]
fn run_prints_what_a_reader_wants() {
    let desk = Desk::new();
    let out = desk.out(&["run", "four.toml"]);
    for part in [
        "Four quadratic agents",
        "Lagrange payment",
        "price    2.73029",
        "welfare  2.78738 $/h",
        "the operator pays",
        "1.127581 to 1.185010",
        "1.136129",
        "market power balance",
        "recommended c: 1.12758098",
        "plain VCG always runs a deficit",
    ] {
        assert!(out.contains(part), "`{part}` is missing in\n{out}");
    }
    assert!(!out.contains('\u{1b}'), "colours in a pipe");
}

#[test]
fn long_tables_are_cut_in_the_middle() {
    let desk = Desk::new();
    desk.write_agents("many.toml", 41);
    let out = desk.out(&["run", "many.toml"]);
    assert!(
        out.contains("… 21 more") && out.contains(" a0 ") && out.contains(" a40 ") && !out.contains(" a20 ")
    );
    desk.write_agents("forty.toml", 40);
    assert!(!desk.out(&["run", "forty.toml"]).contains("more"));
}

#[test]
fn threads_change_nothing() {
    let desk = Desk::new();
    desk.write_agents("many.toml", 6000);
    let one = desk.out(&["run", "many.toml", "--json", "--threads", "1"]);
    assert_eq!(one, desk.out(&["run", "many.toml", "--json", "--threads", "3"]));
}

#[test]
fn no_feasible_c_is_a_failed_run() {
    let desk = Desk::new();
    let two = "mechanism = \"market\"\n[market]\npayment = \"scaled-vcg\"\nscaling = \"low-end\"\n\
        [[agents]]\nname = \"a\"\nutility = \"quadratic\"\na = -1\nb = 1\n\
        [[agents]]\nname = \"b\"\nutility = \"quadratic\"\na = -1\nb = 3\n";
    desk.write("two.toml", two);
    desk.vickrey(&["run", "two.toml"])
        .assert()
        .code(1)
        .stdout(contains("two agents that trade never have a feasible c"))
        .stderr(contains("give `scaling` a number"));
}

#[test]
fn audit_passes_what_holds_and_fails_what_does_not() {
    let desk = Desk::new();
    desk.vickrey(&["audit", "four.toml", "--effort", "quick"])
        .assert()
        .success()
        .stdout(contains("incentive compatibility (dominant strategy)"))
        .stdout(contains("nothing that is promised was found violated"));
    let json = desk.json(&["audit", "four.toml", "--effort", "quick", "--json", "--seed", "11"]);
    assert_eq!(json["seed"], 11);
    assert_eq!(json["audit"]["passed"], true);
    assert_eq!(json["audit"]["effort"], "quick");
    let rows = json["audit"]["guarantees"].as_array().unwrap();
    assert!(rows.iter().any(|row| row["property"] == "incentive-compatibility" && row["verdict"] == "holds"));
    assert!(!json["audit"]["findings"].as_array().unwrap().is_empty());
}

#[test]
fn simulate_shows_that_a_lie_does_not_pay() {
    let desk = Desk::new();
    let json = desk.json(&["simulate", "four.toml", "--liars", "one=scale:1.2", "--json"]);
    let liar = json["agents"].as_array().unwrap().iter().find(|row| row["name"] == "one").unwrap();
    assert_eq!(liar["lie"], "scale:1.2");
    assert!(liar["gain"]["mean"].as_f64().unwrap() < 0.0);
    assert_eq!(json["seed"], 3);
    desk.vickrey(&["simulate", "four.toml", "--liars", "one=random", "two=silent", "--runs", "4"])
        .assert()
        .success()
        .stdout(contains("largest gain"));
    for (liar, message) in [
        ("one", "no `=`"),
        ("nobody=scale:2", "no agent"),
        ("one=scale:-1", "above 0"),
        ("one=grab:2", "grab"),
    ] {
        let (code, error) = desk.fails(&["simulate", "four.toml", "--liars", liar]);
        assert_eq!(code, 2);
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn random_lies_repeat_with_their_seed() {
    let desk = Desk::new();
    let with = |seed: &str| desk.out(&["simulate", "four.toml", "--liars", "one=random", "--seed", seed]);
    assert_eq!(with("5"), with("5"));
    assert_ne!(with("5"), with("6"));
}

#[test]
fn check_reports_what_was_read() {
    let desk = Desk::new();
    let out = desk.out(&["check", "four.toml"]);
    assert!(out.contains("4 quadratic") && out.contains("can be used"), "{out}");
    let json = desk.json(&["check", "four.toml", "--json", "--seed", "9"]);
    assert_eq!((&json["ok"], &json["agents"], &json["seed"]), (&true.into(), &4.into(), &9.into()));
}

#[test]
fn plot_draws_what_was_asked_for() {
    let desk = Desk::new();
    desk.vickrey(&["plot", "four.toml", "--out", "one", "--kind", "scaling", "--format", "svg"])
        .assert()
        .success();
    let drawn: Vec<_> = fs::read_dir(desk.path("one")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(drawn, ["scaling.svg"]);
    assert!(fs::read_to_string(desk.path("one/scaling.svg")).unwrap().starts_with("<svg"));
    let (code, error) = desk.fails(&["plot", "four.toml", "--out", "one"]);
    assert_eq!(code, 2);
    assert!(error.contains("--force"), "{error}");
}

#[test]
fn every_template_runs_as_it_is() {
    let desk = Desk::new();
    for mechanism in vickrey_scenario::MECHANISMS {
        let file = format!("{mechanism}.toml");
        desk.vickrey(&["new", mechanism, "--out", &file]).assert().success();
        assert_eq!(desk.out(&["new", mechanism]), fs::read_to_string(desk.path(&file)).unwrap());
        desk.vickrey(&["run", &file]).assert().success();
        let (code, error) = desk.fails(&["new", mechanism, "--out", &file]);
        assert_eq!(code, 2);
        assert!(error.contains("exists"), "{error}");
    }
}

#[test]
fn check_of_a_linear_quadratic_market() {
    let desk = Desk::new();
    desk.vickrey(&["new", "linear-quadratic", "--out", "pool.toml"]).assert().success();
    let told = desk.json(&["check", "pool.toml", "--json"]);
    assert_eq!(told["mechanism"], "linear-quadratic");
    assert_eq!((&told["agents"], &told["periods"]), (&6.into(), &8.into()));
    assert_eq!((&told["market"], &told["payment"]), (&"layered".into(), &"incremental".into()));
    let text = desk.out(&["check", "pool.toml"]);
    assert!(text.contains("6 agents: 5 with 1 state, 1 with 2 states"), "{text}");
    assert!(text.contains("3 gaussian, 1 student-t, 1 uniform; 1 common factor"), "{text}");
}

#[test]
fn schema_is_json() {
    let desk = Desk::new();
    for args in [&["schema"][..], &["schema", "market"]] {
        assert!(desk.json(args)["$schema"].is_string());
    }
}

#[test]
fn import_makes_a_scenario_that_runs() {
    let desk = Desk::new();
    desk.write(
        "case.m",
        "function mpc = tiny\nmpc.version = '2';\nmpc.baseMVA = 100;\n\
         mpc.bus = [\n1 3 0 0 0 0 1 1 0 135 1 1.05 0.95;\n2 1 50 0 0 0 1 1 0 135 1 1.05 0.95;\n];\n\
         mpc.gen = [\n1 0 0 0 0 1 100 1 80 0;\n2 0 0 0 0 1 100 1 60 0;\n];\n\
         mpc.gencost = [\n2 0 0 3 0.02 2 0;\n2 0 0 3 0.05 1 0;\n];\n",
    );
    desk.vickrey(&["import", "matpower", "case.m", "--out", "case.toml"]).assert().success();
    desk.vickrey(&["run", "case.toml"]).assert().success().stdout(contains("load-2"));
    let (code, error) = desk.fails(&["import", "matpower", "case.m", "--elasticity", "2"]);
    assert_eq!(code, 2);
    assert!(error.contains("elasticity"), "{error}");
    for file in ["four.toml", "missing.m", "."] {
        assert_eq!(desk.fails(&["import", "matpower", file]).0, 2, "{file}");
    }
}

#[test]
fn import_of_rts_gmlc_says_what_is_missing() {
    let desk = Desk::new();
    assert!(desk.out(&["import", "rts-gmlc", "--help"]).contains("--day"));
    let import = |folder, day, out| desk.fails(&["import", "rts-gmlc", folder, "--day", day, "--out", out]);
    fs::create_dir(desk.path("data")).unwrap();
    let (code, error) = import("data", "2020-02-30", "new");
    assert!(code == 2 && error.contains("a day of the calendar"), "{error}");
    let (code, error) = import("data", "2020-02-29", "new");
    assert!(code == 2 && error.contains("gen.csv") && error.contains("SourceData"), "{error}");
    assert!(!desk.path("new").exists());
    let (code, error) = import("data", "2020-02-29", "data");
    assert!(code == 2 && error.contains("exists already") && !error.contains("--force"), "{error}");
    let (code, error) =
        desk.fails(&["import", "rts-gmlc", "data", "--day", "2020-02-29", "--periods", "48", "--out", "new"]);
    assert!(code == 2 && error.contains("288"), "{error}");
}

#[test]
fn reproduce_prints_one_row_per_number() {
    let desk = Desk::new();
    let rows = desk.json(&["reproduce", "000", "--json"]);
    let rows = rows.as_array().unwrap();
    assert!(!rows.is_empty());
    for row in rows {
        assert!(row["key"] == "000" && row["what"].is_string() && row["verdict"].is_string(), "{row}");
    }
    for _ in 0..2 {
        desk.vickrey(&["reproduce", "all", "--out", "figures", "--force"]).assert().success();
    }
    assert!(desk.path("figures/reproduce.json").exists());
}

#[test]
fn completions_name_the_commands() {
    let desk = Desk::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = desk.out(&["completions", shell]);
        assert!(COMMANDS.iter().all(|command| script.contains(command)), "{shell}");
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    use std::process::{Command, Stdio};
    let desk = Desk::new();
    desk.write("long.toml", FOUR);
    let program = assert_cmd::cargo::cargo_bin("vickrey");
    for args in [&["run", "long.toml", "--json"][..], &["schema"], &["completions", "bash"], &["--help"]] {
        let mut child = Command::new(&program)
            .current_dir(desk.dir.path())
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert!(output.stderr.is_empty(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
