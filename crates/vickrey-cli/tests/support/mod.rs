//! What the tests of the command share.

pub mod running;

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

/// Example 1 of the paper.
pub const FOUR: &str = r#"mechanism = "market"
title = "Four quadratic agents"
seed = 3
[units]
money = "$/h"
[[agents]]
name = "one"
utility = "quadratic"
a = -1.0
b = 1.0
[[agents]]
name = "two"
utility = "quadratic"
a = -1.1
b = 1.2
[[agents]]
name = "three"
utility = "quadratic"
a = -1.2
b = 4.0
[[agents]]
name = "four"
utility = "quadratic"
a = -1.1
b = 5.0
"#;

/// All of this is said, and neither colours nor what is no number.
#[allow(dead_code)] // not every test file needs it
pub fn has(out: &str, parts: &[&str]) {
    for part in parts {
        assert!(out.contains(part), "`{part}` is missing in\n{out}");
    }
    assert!(!out.contains('\u{1b}') && !out.contains("NaN"), "{out}");
}

/// A folder of its own for one test.
pub struct Desk {
    pub dir: TempDir,
}

impl Desk {
    /// With `four.toml` in it.
    pub fn new() -> Self {
        let desk = Self { dir: tempfile::tempdir().unwrap() };
        desk.write("four.toml", FOUR);
        desk
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// A market of `n` agents named a0, a1, ….
    #[allow(dead_code)] // not every test file needs it
    pub fn write_agents(&self, name: &str, n: usize) {
        let mut text = String::from("mechanism = \"market\"\n[tables]\nagents = \"agents.csv\"\n");
        self.write(name, &text);
        text.clear();
        text.push_str("name,utility,a,b\n");
        for i in 0..n {
            let b = if i % 2 == 0 { 1.0 } else { 3.5 } + 0.3 * (i as f64).sin();
            writeln!(text, "a{i},quadratic,-1,{b}").unwrap();
        }
        self.write("agents.csv", &text);
    }

    /// The command in this folder.
    pub fn vickrey(&self, args: &[&str]) -> Command {
        let mut command = Command::cargo_bin("vickrey").unwrap();
        command.current_dir(self.dir.path()).args(args);
        command
    }

    /// Standard output of a command that succeeds.
    #[allow(dead_code)] // not every test file needs it
    pub fn out(&self, args: &[&str]) -> String {
        let output = self.vickrey(args).assert().success().get_output().clone();
        String::from_utf8(output.stdout).unwrap()
    }

    /// Standard output as JSON.
    #[allow(dead_code)] // not every test file needs it
    pub fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.out(args)).unwrap()
    }

    /// Exit code and standard error of a command.
    #[allow(dead_code)] // not every test file needs it
    pub fn fails(&self, args: &[&str]) -> (i32, String) {
        let output = self.vickrey(args).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }
}
