//! A sensor's file: where everybody stands, as somebody else than the followers has measured it.

use std::path::{Path, PathBuf};

/// A sensor that writes a small CSV file, `follower,position`, when all stand still.
///
/// The file counts when it is whole: one line for every follower, ended, and the same when it is looked at once more.
#[derive(Debug)]
pub struct Sensor {
    path: PathBuf,
    names: Vec<String>,
    before: Option<Vec<u8>>,
}

/// What is wrong with a file that is there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {what}; waiting for a CSV file `follower,position` with a line for every follower")]
pub struct NotYet {
    path: String,
    what: String,
}

impl Sensor {
    /// A sensor for these followers.
    pub fn new(path: PathBuf, names: Vec<String>) -> Self {
        Self { path, names, before: None }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Looks once. `Ok(None)`: there is nothing, or it is still being written.
    ///
    /// # Errors
    /// What is there cannot be used. Somebody may still put it right.
    pub fn look(&mut self) -> Result<Option<Vec<f64>>, NotYet> {
        let bytes = match std::fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.not_yet(error.to_string())),
        };
        // A number without the end of its line may lack digits.
        let same = bytes.ends_with(b"\n") && self.before.as_deref() == Some(&bytes);
        self.before = Some(bytes);
        if !same {
            return Ok(None);
        }
        self.read(self.before.as_deref().unwrap_or_default()).map(Some).map_err(|what| self.not_yet(what))
    }

    fn not_yet(&self, what: String) -> NotYet {
        NotYet { path: self.path.display().to_string(), what }
    }

    fn read(&self, bytes: &[u8]) -> Result<Vec<f64>, String> {
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
        let head = reader.headers().map_err(|e| e.to_string())?;
        if head.iter().ne(["follower", "position"]) {
            let found: Vec<&str> = head.iter().collect();
            return Err(format!("found the columns {found:?}, accepted are follower and position"));
        }
        let mut positions: Vec<Option<f64>> = vec![None; self.names.len()];
        for (row, record) in reader.records().enumerate() {
            let record = record.map_err(|e| e.to_string())?;
            let line = record.position().map_or(row as u64 + 2, csv::Position::line);
            let (name, number) = (&record[0], &record[1]);
            let Some(i) = self.names.iter().position(|known| known == name) else {
                return Err(format!("line {line}: found {name:?}, who is no follower"));
            };
            let position = number.parse::<f64>().ok().filter(|z| z.is_finite());
            let Some(position) = position else {
                return Err(format!(
                    "line {line}: found the position {number:?}, accepted is a finite number"
                ));
            };
            if positions[i].replace(position).is_some() {
                return Err(format!("line {line}: found {name:?} a second time"));
            }
        }
        let missing: Vec<&str> =
            self.names.iter().zip(&positions).filter(|(_, z)| z.is_none()).map(|(n, _)| n.as_str()).collect();
        if missing.is_empty() {
            return Ok(positions.into_iter().flatten().collect());
        }
        Err(format!("found no position of {}", missing.join(", ")))
    }
}
