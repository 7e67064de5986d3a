//! From a path to a MATPOWER case, with problems that show their place.

use std::path::Path;

use super::matpower::{self, Case, MatpowerError};
use crate::diagnostic::{Problem, Source};

/// Reads a MATPOWER case file.
///
/// # Errors
/// The file cannot be read, or is not a case; the problem points to the place.
pub fn load_case(path: &Path) -> Result<Case, Problem> {
    let bytes = std::fs::read(path).map_err(|error| {
        Problem::new(format!("cannot read `{}`: {error}", path.display()))
            .in_file(path)
            .with_help("accepted: the path of a MATPOWER case file (*.m), version 2")
    })?;
    // Comments of old cases are in Latin-1 here and there; nothing that counts is outside ASCII.
    let text = String::from_utf8_lossy(&bytes);
    matpower::parse(&text).map_err(|error| problem(&error, &text, path))
}

/// The error with the line it is about.
fn problem(error: &MatpowerError, text: &str, path: &Path) -> Problem {
    let start = text.split_inclusive('\n').take(error.line.saturating_sub(1)).map(str::len).sum::<usize>();
    let line = text[start..].lines().next().unwrap_or("");
    let span = match error.column {
        Some(column) => {
            let at =
                start + line.char_indices().nth(column.saturating_sub(1)).map_or(line.len(), |(at, _)| at);
            at..at
        }
        None => start..start + line.len(),
    };
    let source = Source::new(path.display().to_string(), text);
    Problem::new(error.message.clone()).at(&source, span, "here").with_help(error.help.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_have_a_place() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("case.m");
        std::fs::write(&path, "function mpc = x\nmpc.version = '2';\nmpc.bus = [ 1 2 oops ];\n").unwrap();
        let problem = load_case(&path).unwrap_err();
        assert_eq!(problem.position().0, Some(3), "{problem}");
        assert!(load_case(dir.path()).is_err());
    }
}
