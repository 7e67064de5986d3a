//! Live runs with real processes: leader and followers, some of which are killed and started again.

mod support;

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use support::Desk;

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

/// A process that does not outlive its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    fn start(desk: &Desk, args: &[&str]) -> Self {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("vickrey"));
        command.current_dir(desk.dir.path()).args(args).arg("--json");
        Self(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    fn lead(desk: &Desk, address: &str, record: &str) -> Self {
        let files = ["--log", record, "--key", "keys/leader.key", "--enrolment", "keys/enrolment.toml"];
        let args: Vec<&str> = ["lead", "shared.toml", "--listen", address].into_iter().chain(files).collect();
        Self::start(desk, &args)
    }

    fn follow(desk: &Desk, address: &str, name: &str) -> Self {
        let (private, key) = (format!("{name}.toml"), format!("keys/{name}.key"));
        let enrolment = ["--enrolment", "keys/enrolment.toml"];
        let own = ["follow", "--connect", address, "--private", &private, "--key", &key];
        Self::start(desk, &own.into_iter().chain(enrolment).collect::<Vec<_>>())
    }

    fn result(mut self) -> Value {
        use std::io::Read;
        let (mut out, mut wrong) = (String::new(), String::new());
        self.0.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        self.0.stderr.take().unwrap().read_to_string(&mut wrong).unwrap();
        assert!(self.0.wait().unwrap().success(), "{wrong}");
        serde_json::from_str(&out).unwrap()
    }

    /// Kills it once the record is so long; whether it was still at work.
    fn kill_at(&mut self, record: &Path, length: u64) -> bool {
        while std::fs::metadata(record).map_or(0, |m| m.len()) < length {
            if self.0.try_wait().unwrap().is_some() {
                return false;
            }
            thread::sleep(Duration::from_millis(1));
        }
        let working = self.0.try_wait().unwrap().is_none();
        self.0.kill().unwrap();
        self.0.wait().unwrap();
        working
    }
}

fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

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
    assert_eq!(result["events"], serde_json::json!([]));
    assert_eq!(result["status"], "fixed_rounds");
    let verified = desk.json(&["verify", "killed.record", "--json"]);
    assert_eq!(numbers(&verified), numbers(&result));
    let text = desk.out(&["verify", "killed.record"]);
    assert!(text.contains("Ann") && text.contains("as many rounds as were announced"), "{text}");
}

#[test]
fn what_cannot_be_used_is_said() {
    let desk = prepared();
    let lead = |more: &[&str]| {
        let args = ["lead", "shared.toml", "--log", "r", "--enrolment", "keys/enrolment.toml"];
        desk.fails(&args.iter().chain(more).copied().collect::<Vec<_>>())
    };
    let (code, text) = lead(&["--key", "keys/leader.key", "--listen", "0.0.0.0:0"]);
    assert!(code == 2 && text.contains("signed but not encrypted"), "{text}");
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
