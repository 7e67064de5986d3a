//! What a follower remembers between starts: one file, written whole or not at all.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use crate::canonical;
use crate::follow::FollowError;
use crate::log::sync_folder;

/// A file of named parts; without a path nothing is kept.
#[derive(Debug)]
pub struct Memory {
    path: Option<PathBuf>,
    /// Canonical texts, by name.
    parts: Mutex<BTreeMap<&'static str, String>>,
}

impl Memory {
    /// Nothing remembered so far.
    pub fn new(path: Option<PathBuf>) -> Self {
        Self { path, parts: Mutex::default() }
    }

    /// What a file holds; none: there is no file.
    ///
    /// # Errors
    /// The file cannot be read, or is something else.
    pub fn read(&self) -> Result<Option<Value>, String> {
        let Some(path) = self.path.as_ref().filter(|path| path.exists()) else { return Ok(None) };
        let bytes = std::fs::read(path).map_err(|e| e.to_string())?;
        canonical::read(&bytes).map(Some).map_err(|e| e.to_string())
    }

    /// An error about the file.
    pub fn wrong(&self, why: String) -> FollowError {
        let path = self.path.as_ref().map_or_else(String::new, |path| path.display().to_string());
        FollowError::Memory { path, why }
    }

    /// Remembers parts without writing them: they come from the file.
    pub fn keep(&self, parts: impl IntoIterator<Item = (&'static str, Value)>) {
        let mut all = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend(parts.into_iter().map(|(name, value)| (name, canonical::text(&value))));
    }

    /// Remembers parts, and writes all that is remembered.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn put(&self, parts: impl IntoIterator<Item = (&'static str, Value)>) -> Result<(), FollowError> {
        let Some(path) = &self.path else { return Ok(()) };
        // Held while writing: what was remembered later is not overwritten by what came before.
        let mut all = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend(parts.into_iter().map(|(name, value)| (name, canonical::text(&value))));
        let texts: Vec<String> = all.iter().map(|(name, text)| format!("\"{name}\":{text}")).collect();
        let text = format!("{{{}}}", texts.join(","));
        // On the disk before anything is said that rests on it, if the power goes as well.
        write_whole(path, &text, true).map_err(|e| self.wrong(e.to_string()))
    }
}

/// Writes a file beside the one that is meant and gives it its name: who reads finds the old one or the new one. `lasting`:
/// it is on the disk then.
///
/// # Errors
/// It cannot be written.
pub fn write_whole(path: &Path, text: &str, lasting: bool) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let beside = path.with_file_name(name);
    let mut file = File::create(&beside)?;
    file.write_all(text.as_bytes())?;
    if lasting {
        file.sync_all()?;
    }
    std::fs::rename(&beside, path)?;
    if lasting {
        sync_folder(path);
    }
    Ok(())
}
