//! The leader's record: appended to before anything is said that rests on it, and chained, so that a run can be taken up
//! again and nobody can rewrite it unseen.
//!
//! A file begins with [`MAGIC`]. A record is its length (four bytes, most significant first), the same four bytes inverted,
//! SHA-256 over the previous record's sum and the content, and the content (canonical JSON). A record that the file ends
//! within was being written when the power went: it is cut off. Anything else that does not add up is an error with its
//! place.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::canonical;
use crate::frame::LONGEST;

/// How a record begins: what it is, and the version of its form.
pub const MAGIC: &[u8; 16] = b"vickrey record 1";

/// Before the content of a record: length twice, and its sum.
const HEAD: usize = 8 + 32;

/// Records hold whole messages and a little more.
const LONGEST_RECORD: usize = LONGEST + 1024;

/// Why a record cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The file cannot be opened, read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// Another process writes to it.
    #[error("{path}: another leader is writing to this record")]
    Locked {
        /// The file.
        path: String,
    },
    /// The file is something else.
    #[error(
        "{path}: found another kind of file, accepted is a record that `vickrey lead` has written, or no file"
    )]
    Other {
        /// The file.
        path: String,
    },
    /// A record was changed after it was written.
    #[error("{path}, byte {offset}: found a record that was changed after it was written ({what})")]
    Corrupt {
        /// The file.
        path: String,
        /// Where the record begins.
        offset: u64,
        /// What does not add up.
        what: &'static str,
    },
}

/// A record that is being written.
#[derive(Debug)]
pub struct Log {
    file: File,
    path: PathBuf,
    sum: [u8; 32],
}

/// What a file holds.
#[derive(Debug)]
pub struct Contents {
    /// The records with the byte at which each begins.
    pub records: Vec<(u64, Value)>,
    /// Where a record that was never finished began; it does not count.
    pub torn: Option<u64>,
    /// The sum of the last record.
    sum: [u8; 32],
    /// Where the file ends without the torn record.
    end: u64,
}

impl Log {
    /// Opens or creates a record for writing, alone, and reads what it holds. A torn last record is cut off.
    ///
    /// # Errors
    /// The file cannot be used, is written by somebody else, or was changed.
    pub fn open(path: &Path) -> Result<(Self, Contents), LogError> {
        let failed = |source| LogError::File { path: path.display().to_string(), source };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LogError::Locked { path: path.display().to_string() });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let contents = scan(&mut file, path)?;
        if contents.torn.is_some() {
            file.set_len(contents.end).map_err(failed)?;
        }
        file.seek(SeekFrom::Start(contents.end)).map_err(failed)?;
        let mut log = Self { file, path: path.to_owned(), sum: contents.sum };
        if contents.end == 0 {
            log.file.write_all(MAGIC).map_err(failed)?;
            log.sync()?;
            sync_folder(path);
        }
        Ok((log, contents))
    }

    /// Appends a record; it is safe after [`Log::sync`].
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn append(&mut self, record: &Value) -> Result<(), LogError> {
        let content = canonical::text(record);
        let length = u32::try_from(content.len()).unwrap_or(u32::MAX).to_be_bytes();
        self.sum = chained(&self.sum, content.as_bytes());
        let mut bytes = Vec::with_capacity(HEAD + content.len());
        bytes.extend(length);
        bytes.extend(length.map(|b| !b));
        bytes.extend(self.sum);
        bytes.extend(content.as_bytes());
        self.file.write_all(&bytes).map_err(|source| self.failed(source))
    }

    /// Waits until everything appended is on the disk.
    ///
    /// # Errors
    /// It does not get there.
    pub fn sync(&mut self) -> Result<(), LogError> {
        self.file.sync_data().map_err(|source| self.failed(source))
    }

    fn failed(&self, source: io::Error) -> LogError {
        LogError::File { path: self.path.display().to_string(), source }
    }
}

/// Reads a record without writing to it.
///
/// # Errors
/// The file cannot be read, is none, or was changed.
pub fn read(path: &Path) -> Result<Contents, LogError> {
    let failed = |source| LogError::File { path: path.display().to_string(), source };
    scan(&mut File::open(path).map_err(failed)?, path)
}

/// A new file is only safe once its folder is. Where folders cannot be opened (Windows) there is nothing to do.
pub(crate) fn sync_folder(path: &Path) {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
}

fn chained(before: &[u8; 32], content: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(before).chain_update(content).finalize().into()
}

/// Reads as much as there is.
fn some(file: &mut File, wanted: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(wanted as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn scan(file: &mut File, path: &Path) -> Result<Contents, LogError> {
    let name = || path.display().to_string();
    let failed = |source| LogError::File { path: name(), source };
    let mut contents = Contents { records: Vec::new(), torn: None, sum: [0; 32], end: 0 };
    let start = some(file, MAGIC.len()).map_err(failed)?;
    if start.len() < MAGIC.len() && MAGIC.starts_with(&start) {
        contents.torn = (!start.is_empty()).then_some(0);
        return Ok(contents);
    }
    if start != MAGIC {
        return Err(LogError::Other { path: name() });
    }
    contents.end = MAGIC.len() as u64;
    loop {
        let offset = contents.end;
        let corrupt = |what| LogError::Corrupt { path: name(), offset, what };
        let head = some(file, HEAD).map_err(failed)?;
        if head.is_empty() {
            return Ok(contents);
        }
        let Some(length) = length(&head).map_err(corrupt)? else {
            contents.torn = Some(offset);
            return Ok(contents);
        };
        let content = some(file, length).map_err(failed)?;
        let sum = chained(&contents.sum, &content);
        if content.len() < length || (sum[..] != head[8..] && at_end(file).map_err(failed)?) {
            contents.torn = Some(offset);
            return Ok(contents);
        }
        if sum[..] != head[8..] {
            return Err(corrupt("its sum differs"));
        }
        let value = canonical::read(&content).map_err(|_| corrupt("it is no canonical JSON"))?;
        contents.records.push((offset, value));
        contents.sum = sum;
        contents.end += (HEAD + length) as u64;
    }
}

/// The length of a record from its head; `None` if the head was never finished.
fn length(head: &[u8]) -> Result<Option<usize>, &'static str> {
    let twice: Option<([u8; 4], [u8; 4])> =
        head.get(..4).zip(head.get(4..8)).and_then(|(a, b)| Some((a.try_into().ok()?, b.try_into().ok()?)));
    let Some((length, inverse)) = twice else { return Ok(None) };
    // Some file systems make a file longer before they fill it.
    if head.iter().all(|b| *b == 0) {
        return Ok(None);
    }
    let found = u32::from_be_bytes(length) as usize;
    if length != inverse.map(|b| !b) || found == 0 || found > LONGEST_RECORD {
        return Err("its length does not add up");
    }
    Ok((head.len() == HEAD).then_some(found))
}

fn at_end(file: &mut File) -> io::Result<bool> {
    Ok(some(file, 1)?.is_empty())
}
