//! Live consensus with real processes: robots who tell each other where they are, a leader who taxes, a sensor who looks.

#[path = "support/storm.rs"]
mod storm;
mod support;

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use support::Desk;
use support::running::{Running, free_address};

const ROUNDS: usize = 1500;

/// Three robots in a row; the wishes stand here for `run`, and a leader does not look at them.
const SHARED: &str = r#"mechanism = "consensus"
[graph]
shape = "path"
[rules]
rounds = 1500
step = 0.01
[timing]
round-ms = 60000
value-ms = 60000
[[followers]]
name = "Scout"
range = [0, 1]
wish = 0
[[followers]]
name = "Crane"
range = [0, 1]
wish = 0.9
[[followers]]
name = "Relay"
range = [0.2, 0.8]
wish = 0.4
"#;

const WISHES: [(&str, &str); 3] = [("Scout", "0"), ("Crane", "0.9"), ("Relay", "0.4")];

fn prepared() -> Desk {
    let desk = Desk::new();
    desk.write("shared.toml", SHARED);
    for (name, wish) in WISHES {
        desk.write(&format!("{name}.toml"), &format!("name = \"{name}\"\nwish = {wish}\n"));
    }
    desk.out(&["keys", "--scenario", "shared.toml", "keys"]);
    desk
}

fn follow(desk: &Desk, address: &str, name: &str) -> Running {
    let (memory, place) = (format!("{name}.memory"), format!("{name}.csv"));
    Running::follow_with(desk, address, name, &["--memory", &memory, "--place", &place])
}

/// The round that a robot has gone, and where she is.
fn place(desk: &Desk, name: &str) -> Option<(usize, String)> {
    let text = fs::read_to_string(desk.path(&format!("{name}.csv"))).ok()?;
    let (round, position) = text.lines().nth(1)?.split_once(',')?;
    Some((round.parse().ok()?, position.to_owned()))
}

/// Waits until all stand still after so many rounds, then writes down where.
fn sense(desk: &Desk, rounds: usize) -> PathBuf {
    let begun = Instant::now();
    let mut text = "follower,position\n".to_owned();
    for (name, _) in WISHES {
        let z = loop {
            match place(desk, name) {
                Some((gone, z)) if gone == rounds => break z,
                gone => assert!(begun.elapsed() < Duration::from_secs(120), "{name}: {gone:?}"),
            }
            thread::sleep(Duration::from_millis(5));
        };
        text.push_str(&format!("{name},{z}\n"));
    }
    let seen = desk.path("seen.csv");
    fs::write(&seen, text).unwrap();
    seen
}

/// Payments and positions by follower, of a result of `run`, `lead` or `verify`.
fn numbers(result: &Value) -> Vec<u64> {
    let rows = result["followers"].as_array().unwrap();
    let of = |row: &Value, key: &str| (row[key].as_f64().unwrap() + 0.0).to_bits();
    rows.iter().flat_map(|row| [of(row, "payment"), of(row, "allocation")]).collect()
}

#[test]
fn killed_robots_and_a_killed_leader_go_on_and_nothing_changes() {
    let desk = prepared();
    let address = free_address();
    let observe = ["--observe", "seen.csv"];
    let mut leader = Running::lead_with(&desk, &address, "run.record", &observe);
    let mut robots: Vec<Running> = WISHES.iter().map(|(name, _)| follow(&desk, &address, name)).collect();
    let gone = |name: &str, rounds: usize| place(&desk, name).is_some_and(|(k, _)| k >= rounds);
    let mut killed = 0;
    for (i, rounds) in [(1, 100), (0, 300), (1, 500)] {
        let name = WISHES[i].0;
        killed += usize::from(robots[i].kill_when(&|| gone(name, rounds)));
        robots[i] = follow(&desk, &address, name);
    }
    killed += usize::from(leader.kill_when(&|| gone("Relay", 800)));
    leader = Running::lead_with(&desk, &address, "run.record", &observe);
    assert_eq!(killed, 4);
    sense(&desk, ROUNDS);
    let result = leader.result();
    let expected = desk.json(&["run", "shared.toml", "--json"]);
    assert_eq!(numbers(&result), numbers(&expected));
    assert_eq!((&result["status"], &result["watch"]), (&"agreed".into(), &"observed".into()));
    assert_eq!(result["epsilon"], expected["summary"]["epsilon"]);
    for (i, robot) in robots.into_iter().enumerate() {
        let own = robot.result();
        assert_eq!(own["payment"], result["followers"][i]["payment"]);
        assert_eq!(own["decision"][0], result["followers"][i]["allocation"]);
    }
    let verified = desk.json(&["verify", "run.record", "--json"]);
    assert_eq!(verified["followers"], result["followers"]);
    let text = desk.out(&["verify", "run.record"]);
    for said in ["Scout", "agreed: the positions", "ends at", "observed", "each, if the test fails"] {
        assert!(text.contains(said), "{text}");
    }
}

/// Rounds through a bad network between neighbours and to the leader, everybody killed twice. Whether nobody missed a
/// position, and how often somebody was killed.
fn storm(seed: u64) -> (bool, usize) {
    const ROUNDS: usize = 20;
    let desk = prepared();
    // A lost frame costs a third of a round.
    let text = SHARED.replace("1500", "20").replace("step = 0.01\n", "").replace("60000", "3000");
    desk.write("shared.toml", &text);
    let names = WISHES.map(|(name, _)| name);
    let there: Vec<(&str, String)> =
        ["leader"].iter().chain(&names).map(|who| (*who, free_address())).collect();
    // Of the 60 rounds of three robots, so many are gone at most between two kills.
    let fate = storm::fate(seed, &[2; 4], 7);
    println!("seed {seed}: who is killed, and how many rounds of all robots after the last time: {fate:?}");
    let (killed, processes) = storm::through(&desk, &there, &names, seed, |near| {
        let start = |who: usize| match who {
            0 => Running::lead_with(&desk, &there[0].1, "storm.record", &["--observe", "seen.csv"]),
            _ => {
                let name = names[who - 1];
                let (memory, place) = (format!("{name}.memory"), format!("{name}.csv"));
                let files = ["--memory", &memory, "--place", &place, "--patience", "60"];
                let own = ["--listen", &there[who].1, "--advertise", &near[who]];
                Running::follow_with(&desk, &near[0], name, &[&files[..], &own].concat())
            }
        };
        let gone = || names.iter().map(|name| place(&desk, name).map_or(0, |(k, _)| k as u64)).sum();
        let mut processes: Vec<Running> = (0..there.len()).map(start).collect();
        let killed = storm::kill(&fate, &mut processes, &gone, &start);
        sense(&desk, ROUNDS);
        (killed, processes.into_iter().map(Running::result).collect::<Vec<_>>())
    });
    let verified = desk.json(&["verify", "storm.record", "--json"]);
    let rows = verified["followers"].as_array().unwrap();
    println!("seed {seed}: {killed} killed, {}, {rows:?}", verified["status"]);
    assert_eq!(processes[0], verified, "seed {seed}");
    for (own, row) in processes[1..].iter().zip(rows) {
        assert_eq!(own["payment"], row["payment"], "seed {seed}");
        assert_eq!(own["decision"][0], row["allocation"], "seed {seed}");
    }
    let expected = desk.json(&["run", "shared.toml", "--json"]);
    let ends = |result: &Value| -> Vec<u64> { numbers(result).into_iter().skip(1).step_by(2).collect() };
    let whole = ends(&verified) == ends(&expected);
    if whole {
        assert_eq!(numbers(&verified), numbers(&expected), "seed {seed}");
    }
    (whole, killed)
}

#[test]
fn robots_pay_what_the_record_says_whatever_the_network_does() {
    let results: Vec<(bool, usize)> = thread::scope(|scope| {
        let storms: Vec<_> = (1..3).map(|seed| scope.spawn(move || storm(seed))).collect();
        storms.into_iter().map(|storm| storm.join().unwrap()).collect()
    });
    // A position is missed if it is lost three times, or if a restart takes longer than a round.
    assert!(results.iter().any(|(whole, _)| *whole), "{results:?}");
    assert!(results.iter().all(|(_, killed)| *killed == 8), "{results:?}");
}

#[test]
fn without_a_sensor_the_leader_says_so() {
    let desk = prepared();
    desk.write("shared.toml", &SHARED.replace("1500", "20").replace("step = 0.01\n", ""));
    let address = free_address();
    let files = ["--log", "r", "--key", "keys/leader.key", "--enrolment", "keys/enrolment.toml"];
    let mut lead = desk.vickrey(&["lead", "shared.toml", "--listen", &address]);
    lead.args(files);
    let robots: Vec<Running> =
        WISHES.iter().map(|(name, _)| Running::follow(&desk, &address, name)).collect();
    let output = lead.output().unwrap();
    let (out, wrong) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{wrong}");
    assert!(wrong.contains("one follower who is silent") && wrong.contains("no --observe"), "{wrong}");
    assert!(out.contains("none: positions are only reported"), "{out}");
    let verified = desk.json(&["verify", "r", "--json"]);
    assert_eq!((&verified["epsilon"], &verified["watch"]), (&Value::Null, &"reported".into()));
    let expected = desk.json(&["run", "shared.toml", "--json"]);
    assert_eq!(numbers(&verified), numbers(&expected));
    for robot in robots {
        let own = robot.result();
        assert_eq!((&own["status"], &own["epsilon"]), (&"agreed".into(), &Value::Null));
    }
}

#[test]
fn a_robot_who_does_not_go_with_the_run_is_named() {
    let desk = prepared();
    let address = free_address();
    desk.write("Relay.toml", "name = \"Relay\"\nwish = 0.95\n");
    let leader = Running::lead_with(&desk, &address, "run.record", &["--join", "30"]);
    let mut robots: Vec<Running> =
        WISHES[..2].iter().map(|(name, _)| Running::follow(&desk, &address, name)).collect();
    // Who dials only after the leader has ended is told nothing, and waits for him.
    let joined = || {
        let record = fs::read(desk.path("run.record")).unwrap_or_default();
        String::from_utf8_lossy(&record).matches("ACK").count()
    };
    let begun = Instant::now();
    while joined() < 2 {
        assert!(begun.elapsed() < Duration::from_secs(20), "{} joined", joined());
        thread::sleep(Duration::from_millis(5));
    }
    robots.push(Running::follow(&desk, &address, "Relay"));
    let (code, _, wrong) = leader.end();
    assert!(code == 1 && wrong.contains("without Relay, who refuses"), "{wrong}");
    assert!(
        !wrong.contains("0.95") && !wrong.contains("0.8"),
        "what she keeps to herself is not said: {wrong}"
    );
    let ends: Vec<(i32, String, String)> = robots.into_iter().map(Running::end).collect();
    assert!(
        ends[2].0 == 2 && ends[2].2.contains("found 0.95, accepted is a number from 0.2 to 0.8"),
        "{ends:?}"
    );
    for (code, _, wrong) in &ends[..2] {
        assert!(
            *code == 1 && wrong.contains("the leader ended the run") && wrong.contains("Relay"),
            "{wrong}"
        );
    }
}

#[test]
fn what_cannot_be_used_is_said() {
    let desk = prepared();
    let lead = |more: &[&str]| {
        let args = ["lead", "shared.toml", "--log", "r", "--key", "keys/leader.key"];
        let enrolment = ["--enrolment", "keys/enrolment.toml", "--listen", "127.0.0.1:0"];
        desk.fails(&args.iter().chain(&enrolment).chain(more).copied().collect::<Vec<_>>())
    };
    desk.write("seen.csv", "follower,position\n");
    let (code, text) = lead(&["--observe", "seen.csv"]);
    assert!(code == 2 && text.contains("seen.csv: found a file before the run has begun"), "{text}");
    desk.write("shared.toml", &SHARED.replace("step = 0.01", "step = 0.01\nwatch = \"reported\""));
    let (code, text) = lead(&["--observe", "other.csv"]);
    assert!(code == 2 && text.contains("watch = \"reported\""), "{text}");
    desk.write("shared.toml", &SHARED.replace("step = 0.01", "step = 0.01\ntest = \"printed\""));
    let (code, text) = lead(&[]);
    assert!(code == 2 && text.contains("faithful followers would be fined"), "{text}");
    desk.write("shared.toml", &SHARED.replace("round-ms = 60000", "round-ms = 0"));
    let (code, text) = lead(&[]);
    assert!(code == 2 && text.contains("round-ms"), "{text}");
    let follow = |private: &str, more: &[&str]| {
        let args =
            ["follow", "--private", private, "--key", "keys/Scout.key", "--enrolment", "keys/enrolment.toml"];
        desk.fails(&args.iter().chain(more).copied().collect::<Vec<_>>())
    };
    for (listen, said) in [
        (&["--listen", "0.0.0.0:0"][..], "neighbours cannot dial this"),
        (&["--advertise", "here"][..], "host and port"),
        (&["--listen", "nowhere"][..], "--listen nowhere"),
    ] {
        let (code, text) = follow("Scout.toml", listen);
        assert!(code == 2 && text.contains(said), "{text}");
    }
    for (text, said) in [
        ("name = \"Scout\"\nwish = 0\ncost = { matrix = 1 }\n", "both `cost` and `wish` are given"),
        ("name = \"Scout\"\n", "give `cost` (dual decomposition) or `wish` (consensus)"),
        ("name = \"Scout\"\nwish = \"here\"\n", "`wish`"),
        ("name = \"Scout\"\nwish = nan\n", "`wish`"),
    ] {
        desk.write("bad.toml", text);
        let (code, found) = follow("bad.toml", &[]);
        assert!(code == 2 && found.contains(said), "{found}");
    }
    desk.write("Scout.memory", "{}");
    let (code, text) = follow("Scout.toml", &["--memory", "Scout.memory"]);
    assert!(code == 2 && text.contains("Scout.memory: found no message of this leader"), "{text}");
}
