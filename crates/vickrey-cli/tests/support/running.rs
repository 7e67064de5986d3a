//! Real processes of live runs.
#![allow(dead_code, reason = "every test file uses its part")]

use std::io::Read;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::Desk;

/// A process that does not outlive its test.
pub struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    pub fn start(desk: &Desk, args: &[&str]) -> Self {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("vickrey"));
        command.current_dir(desk.dir.path()).args(args).arg("--json");
        Self(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    pub fn lead(desk: &Desk, address: &str, record: &str) -> Self {
        Self::lead_with(desk, address, record, &[])
    }

    pub fn lead_with(desk: &Desk, address: &str, record: &str, more: &[&str]) -> Self {
        let files = ["--log", record, "--key", "keys/leader.key", "--enrolment", "keys/enrolment.toml"];
        let args: Vec<&str> = ["lead", "shared.toml", "--listen", address]
            .into_iter()
            .chain(files)
            .chain(more.iter().copied())
            .collect();
        Self::start(desk, &args)
    }

    pub fn follow(desk: &Desk, address: &str, name: &str) -> Self {
        Self::follow_with(desk, address, name, &[])
    }

    pub fn follow_with(desk: &Desk, address: &str, name: &str, more: &[&str]) -> Self {
        let (private, key) = (format!("{name}.toml"), format!("keys/{name}.key"));
        let enrolment = ["--enrolment", "keys/enrolment.toml"];
        let own = ["follow", "--connect", address, "--private", &private, "--key", &key];
        Self::start(desk, &own.into_iter().chain(enrolment).chain(more.iter().copied()).collect::<Vec<_>>())
    }

    /// The result of a process that succeeds.
    pub fn result(self) -> Value {
        let (code, out, wrong) = self.end();
        assert_eq!(code, 0, "{wrong}");
        serde_json::from_str(&out).unwrap()
    }

    /// Exit code, standard output, standard error.
    pub fn end(mut self) -> (i32, String, String) {
        let (mut out, mut wrong) = (String::new(), String::new());
        self.0.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        self.0.stderr.take().unwrap().read_to_string(&mut wrong).unwrap();
        (self.0.wait().unwrap().code().unwrap(), out, wrong)
    }

    /// Kills it once the record is so long; whether it was still at work.
    pub fn kill_at(&mut self, record: &Path, length: u64) -> bool {
        self.kill_when(&|| std::fs::metadata(record).map_or(0, |m| m.len()) >= length)
    }

    /// Kills it once something is so; whether it was still at work.
    pub fn kill_when(&mut self, so: &dyn Fn() -> bool) -> bool {
        while !so() {
            if self.0.try_wait().unwrap().is_some() {
                return false;
            }
            thread::sleep(Duration::from_millis(1));
        }
        self.0.kill().unwrap();
        // Who has ended between the two lines has succeeded.
        !self.0.wait().unwrap().success()
    }
}

pub fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}
