//! Live runs with real processes: leader and followers, some of which are killed and started again.

#[path = "support/storm.rs"]
mod storm;
mod support;

use std::fs;
use std::thread;

use serde_json::{Value, json};
use support::Desk;
use support::running::{Running, free_address};

/// Three followers who share 3 units; the costs stand here for `run`, and a leader does not look at them.
const SHARED: &str = r#"mechanism = "dual-decomposition"
[resource]
total = 3
[rules]
method = "ascent"
step = 0.01
rounds = 400
[timing]
round-ms = 60000
value-ms = 60000
[[followers]]
name = "Ann"
low = -20
high = 20
curvature = [1, 1]
cost = { matrix = 1, linear = -2 }
[[followers]]
name = "Bob"
low = -20
high = 20
curvature = [2, 2]
cost = { matrix = 2, linear = -1 }
[[followers]]
name = "Cyd"
coupling = 2
low = -20
high = 20
curvature = [4, 4]
cost = { matrix = 4, linear = -8 }
"#;

const PRIVATE: [(&str, &str); 3] = [
    ("Ann", "{ matrix = 1, linear = -2 }"),
    ("Bob", "{ matrix = 2, linear = -1 }"),
    ("Cyd", "{ matrix = 4, linear = -8 }"),
];

fn prepared() -> Desk {
    let desk = Desk::new();
    desk.write("shared.toml", SHARED);
    for (name, cost) in PRIVATE {
        desk.write(&format!("{name}.toml"), &format!("name = \"{name}\"\ncost = {cost}\n"));
    }
    desk.out(&["keys", "--scenario", "shared.toml", "keys"]);
    desk
}

/// Between two kills the record of a storm grows by less than so many bytes: then all of them fall into a run of a dozen
/// rounds.
const FARTHEST: u64 = 1500;

/// Payments and decisions by follower.
fn numbers(result: &Value) -> Vec<Value> {
    let rows = result["followers"].as_array().unwrap();
    rows.iter().flat_map(|row| [row["payment"].clone(), row["allocation"].clone()]).collect()
}

#[test]
fn killed_processes_are_started_again_and_nothing_changes() {
    let desk = prepared();
    let address = free_address();
    let record = desk.path("killed.record");
    let mut leader = Running::lead(&desk, &address, "killed.record");
    let mut followers: Vec<Running> =
        PRIVATE.iter().map(|(name, _)| Running::follow(&desk, &address, name)).collect();
    let mut killed = 0;
    for length in [20_000, 100_000] {
        killed += usize::from(leader.kill_at(&record, length));
        leader = Running::lead(&desk, &address, "killed.record");
    }
    killed += usize::from(followers[1].kill_at(&record, 160_000));
    followers[1] = Running::follow(&desk, &address, "Bob");
    assert_eq!(killed, 3);
    let result = leader.result();
    let expected = desk.json(&["run", "shared.toml", "--json"]);
    let paid = |result: &Value, i: usize| result["followers"][i]["payment"].as_f64().unwrap();
    for (i, follower) in followers.into_iter().enumerate() {
        let own = follower.result();
        assert_eq!(own["payment"].as_f64().unwrap().to_bits(), paid(&result, i).to_bits());
        assert_eq!(own["decision"], result["followers"][i]["allocation"]);
        assert_eq!(paid(&result, i).to_bits(), paid(&expected, i).to_bits(), "as in one process");
    }
    assert_eq!(result["events"], json!([]));
    assert_eq!(result["status"], "fixed_rounds");
    let verified = desk.json(&["verify", "killed.record", "--json"]);
    assert_eq!(numbers(&verified), numbers(&result));
    let text = desk.out(&["verify", "killed.record"]);
    assert!(text.contains("Ann") && text.contains("as many rounds as were announced"), "{text}");
}

/// A run through a bad network, the leader killed three times and each follower twice. Whether every answer arrived in its
/// round, and how often somebody was killed.
fn storm(rules: &str, seed: u64) -> (bool, usize) {
    let desk = prepared();
    let text = SHARED.replace("method = \"ascent\"\nstep = 0.01\nrounds = 400", rules);
    // A lost frame costs a third of this.
    desk.write(
        "shared.toml",
        &text.replace("round-ms = 60000", "round-ms = 3000").replace("value-ms = 60000", "value-ms = 3000"),
    );
    let names = PRIVATE.map(|(name, _)| name);
    let address = free_address();
    let fate = storm::fate(seed, &[3, 2, 2, 2], FARTHEST);
    println!("seed {seed}: who is killed, and how many bytes of the record after the last time: {fate:?}");
    let there = [("leader", address.clone())];
    let (killed, processes) = storm::through(&desk, &there, &names, seed, |near| {
        let start = |who: usize| match who {
            0 => Running::lead(&desk, &address, "storm.record"),
            _ => Running::follow_with(&desk, &near[0], names[who - 1], &["--patience", "60"]),
        };
        let gone = || fs::metadata(desk.path("storm.record")).map_or(0, |m| m.len());
        let mut processes: Vec<Running> = (0..=names.len()).map(start).collect();
        let killed = storm::kill(&fate, &mut processes, &gone, &start);
        (killed, processes.into_iter().map(Running::result).collect::<Vec<_>>())
    });
    let verified = desk.json(&["verify", "storm.record", "--json"]);
    println!("seed {seed}: {killed} killed, {}, {}", verified["events"], verified["incidents"]);
    assert_eq!(processes[0], verified, "seed {seed}");
    for (own, row) in processes[1..].iter().zip(verified["followers"].as_array().unwrap()) {
        assert_eq!(own["payment"], row["payment"], "seed {seed}");
        assert_eq!(own["decision"], row["allocation"], "seed {seed}");
    }
    let whole = verified["events"] == json!([]);
    if whole {
        let expected = desk.json(&["run", "shared.toml", "--json"]);
        assert_eq!(numbers(&verified), numbers(&expected), "seed {seed}");
    }
    (whole, killed)
}

#[test]
fn what_followers_pay_is_what_the_record_says_whatever_the_network_does() {
    let rules = ["method = \"ascent\"\nstep = 0.1\nrounds = 12", "method = \"multipliers\"\nepsilon = 1e-4"];
    let results: Vec<(bool, usize)> = thread::scope(|scope| {
        let storms: Vec<_> =
            rules.iter().zip(1..).map(|(rules, seed)| scope.spawn(move || storm(rules, seed))).collect();
        storms.into_iter().map(|storm| storm.join().unwrap()).collect()
    });
    // Most answers arrive on one of three tries within seconds.
    assert!(results.iter().any(|(whole, _)| *whole), "{results:?}");
    assert!(results.iter().all(|(_, killed)| *killed == 9), "{results:?}");
}

#[test]
fn what_cannot_be_used_is_said() {
    let desk = prepared();
    let lead = |more: &[&str]| {
        let args = ["lead", "shared.toml", "--log", "r", "--enrolment", "keys/enrolment.toml"];
        desk.fails(&args.iter().chain(more).copied().collect::<Vec<_>>())
    };
    let (code, text) = lead(&["--key", "keys/leader.key", "--listen", "nowhere"]);
    assert!(code == 2 && text.contains("--listen nowhere"), "{text}");
    let (code, text) = lead(&["--key", "keys/Ann.key"]);
    assert!(code == 2 && text.contains("accepted is the leader's"), "{text}");
    let (code, text) = lead(&["--key", "keys/none.key"]);
    assert!(code == 2 && text.contains("none.key"), "{text}");
    let (code, text) = desk.fails(&["keys", "keys/leader.key"]);
    assert!(code == 2 && text.contains("leader.key"), "{text}");
    desk.write("Eve.toml", "name = \"Eve\"\ncost = { matrix = 1 }\n");
    let follow =
        ["follow", "--private", "Eve.toml", "--key", "keys/Ann.key", "--enrolment", "keys/enrolment.toml"];
    let (code, text) = desk.fails(&follow);
    assert!(code == 2 && text.contains("Ann, Bob, Cyd"), "{text}");
    let (code, text) = desk.fails(&["verify", "shared.toml"]);
    assert!(code == 2 && text.contains("another kind of file"), "{text}");
}
