//! Writing so that an interrupted run leaves nothing that looks whole.
//!
//! A folder of results is filled under another name beside its final place and moved there by one rename. A process
//! that is killed leaves at most a sibling called `NAME.vickrey-unfinished-XXXXXX`.

use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, TempDir};

use super::kinds::Kind;
use super::simulation;

/// What to do with something that is already at the final place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Leave it alone and fail.
    Refuse,
    /// Put the new one in its place, then delete the old one.
    Replace,
}

/// Why results could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// Something is at the final place.
    #[error("{path} exists already and is left as it is; choose another place, or --force to replace it")]
    Exists {
        /// The final place.
        path: String,
    },
    /// A file is at the final place, and files are never replaced.
    #[error("{path} exists already and is left as it is; choose another name, or delete it first")]
    FileExists {
        /// The final place.
        path: String,
    },
    /// Replacing would delete what Vickrey did not write.
    #[error("{path} is not replaced: it holds `{entry}`, which is no file of a Vickrey result")]
    NotOurs {
        /// The final place.
        path: String,
        /// What was found inside.
        entry: String,
    },
    /// The path names no place for a result (`/`, `..`).
    #[error("{path} cannot be the name of a result; accepted is a new name in a folder that can be written")]
    Name {
        /// What was given.
        path: String,
    },
    /// The file system refused.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// Where.
        path: String,
        /// The system's answer.
        source: io::Error,
    },
    /// A table could not be encoded.
    #[error("cannot write the table {file}: {reason}")]
    Table {
        /// The file.
        file: String,
        /// What happened.
        reason: String,
    },
}

impl WriteError {
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.display().to_string();
        move |source| Self::Io { action, path, source }
    }
}

/// A folder of results that is being written.
#[derive(Debug)]
pub struct Folder {
    unfinished: TempDir,
    target: PathBuf,
    existing: Existing,
}

impl Folder {
    /// Starts a folder that will end at `target`; missing folders above it are made.
    ///
    /// # Errors
    /// Something is there already (and may not be replaced), or the place cannot be written.
    pub fn create(target: &Path, existing: Existing) -> Result<Self, WriteError> {
        let (parent, name) = place(target)?;
        refuse(target, existing)?;
        fs::create_dir_all(&parent).map_err(WriteError::io("make the folder", &parent))?;
        let mut builder = Builder::new();
        let prefix = unfinished(&name);
        builder.prefix(&prefix);
        if let Some(permissions) = permissions(0o777) {
            builder.permissions(permissions);
        }
        let unfinished = builder.tempdir_in(&parent).map_err(WriteError::io("write in", &parent))?;
        Ok(Self { unfinished, target: target.to_path_buf(), existing })
    }

    /// Checks that a folder could be written at `target`, so that a long run does not fail at its end.
    ///
    /// # Errors
    /// As [`Folder::create`].
    pub fn check(target: &Path, existing: Existing) -> Result<(), WriteError> {
        Self::create(target, existing).map(drop)
    }

    /// Writes one file inside.
    ///
    /// # Errors
    /// The file system refused, or `fill` did.
    pub fn file<E>(
        &self,
        name: &str,
        fill: impl FnOnce(&mut BufWriter<File>) -> Result<(), E>,
    ) -> Result<(), WriteError>
    where
        WriteError: From<(String, E)>,
    {
        let path = self.unfinished.path().join(name);
        let file = File::create(&path).map_err(WriteError::io("write", &path))?;
        let mut writer = BufWriter::with_capacity(1 << 16, file);
        fill(&mut writer).map_err(|error| WriteError::from((name.to_owned(), error)))?;
        let file = writer.into_inner().map_err(|e| WriteError::io("write", &path)(e.into_error()))?;
        file.sync_all().map_err(WriteError::io("write", &path))
    }

    /// Writes one file with this content.
    ///
    /// # Errors
    /// The file system refused.
    pub fn bytes(&self, name: &str, content: &[u8]) -> Result<(), WriteError> {
        self.file(name, |writer| writer.write_all(content))
    }

    /// Moves the folder to its final place by one rename and answers where that is.
    ///
    /// # Errors
    /// Something has appeared there in the meantime, or the file system refused; then nothing is left at the place
    /// that was not there before.
    pub fn finish(self) -> Result<PathBuf, WriteError> {
        refuse(&self.target, self.existing)?;
        sync_folder(self.unfinished.path())?;
        let old = self.move_old_away()?;
        if let Err(error) = fs::rename(self.unfinished.path(), &self.target) {
            if let Some(old) = &old {
                // The old result goes back; if even that fails its folder still has a telling name.
                let _ = fs::rename(old, &self.target);
            }
            return Err(WriteError::io("move the finished result to", &self.target)(error));
        }
        // Renamed: there is nothing left for the guard to clean up.
        let _ = self.unfinished.keep();
        sync_folder(&place(&self.target)?.0)?;
        if let Some(old) = old {
            fs::remove_dir_all(&old).map_err(WriteError::io("delete the replaced result", &old))?;
        }
        Ok(self.target)
    }

    /// Renames an old result, if there is one, and answers its new name.
    fn move_old_away(&self) -> Result<Option<PathBuf>, WriteError> {
        if !exists(&self.target) {
            return Ok(None);
        }
        let (parent, name) = place(&self.target)?;
        let mut old = name;
        old.push(format!(".vickrey-replaced-{}", std::process::id()));
        let old = parent.join(old);
        fs::rename(&self.target, &old).map_err(WriteError::io("move away", &self.target))?;
        Ok(Some(old))
    }
}

impl From<(String, io::Error)> for WriteError {
    fn from((path, source): (String, io::Error)) -> Self {
        Self::Io { action: "write", path, source }
    }
}

impl From<(String, WriteError)> for WriteError {
    fn from((_, error): (String, WriteError)) -> Self {
        error
    }
}

/// Writes one file completely or not at all.
///
/// # Errors
/// Something is there already (and may not be replaced), or the place cannot be written.
pub fn write_file(target: &Path, content: &[u8], existing: Existing) -> Result<(), WriteError> {
    let (parent, name) = place(target)?;
    if target.is_dir() || (existing == Existing::Refuse && exists(target)) {
        return Err(WriteError::FileExists { path: target.display().to_string() });
    }
    let target = parent.join(&name);
    let mut builder = Builder::new();
    let prefix = unfinished(&name);
    builder.prefix(&prefix);
    if let Some(permissions) = permissions(0o666) {
        builder.permissions(permissions);
    }
    let mut file = builder.tempfile_in(&parent).map_err(WriteError::io("write in", &parent))?;
    file.write_all(content).map_err(WriteError::io("write", &target))?;
    file.as_file().sync_all().map_err(WriteError::io("write", &target))?;
    match existing {
        Existing::Replace => file.persist(&target),
        Existing::Refuse => file.persist_noclobber(&target),
    }
    .map_err(|e| WriteError::io("write", &target)(e.error))?;
    Ok(())
}

/// The folder above a path, and its last name.
fn place(target: &Path) -> Result<(PathBuf, OsString), WriteError> {
    let name = target.file_name().ok_or_else(|| WriteError::Name { path: target.display().to_string() })?;
    let parent = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    };
    Ok((parent, name.to_owned()))
}

fn unfinished(name: &OsString) -> OsString {
    let mut prefix = name.clone();
    prefix.push(".vickrey-unfinished-");
    prefix
}

/// Whether there is anything, a dangling link included.
fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

fn refuse(target: &Path, existing: Existing) -> Result<(), WriteError> {
    if !exists(target) {
        return Ok(());
    }
    let path = || target.display().to_string();
    // A link or a plain file is never replaced by a folder.
    let folder = target.symlink_metadata().is_ok_and(|m| m.is_dir());
    if existing == Existing::Refuse || !folder {
        return Err(WriteError::Exists { path: path() });
    }
    for entry in fs::read_dir(target).map_err(WriteError::io("read", target))? {
        let entry = entry.map_err(WriteError::io("read", target))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if !(file && is_ours(&name)) {
            return Err(WriteError::NotOurs { path: path(), entry: name });
        }
    }
    Ok(())
}

/// Whether a file has the name of one that a result consists of.
fn is_ours(name: &str) -> bool {
    let pictures = Kind::ALL.map(Kind::name);
    let tables = [
        "agents",
        "stages",
        "trades",
        "plans",
        "players",
        "rulings",
        "trace",
        "days",
        "bids",
        simulation::TABLE,
    ];
    // Figures of papers begin with their letter or number: `b-convergence`, `4b-modes`.
    let figure = |stem: &str| {
        matches!(
            stem.as_bytes(),
            [b'a'..=b'z' | b'1'..=b'9', b'-', ..] | [b'1'..=b'9', b'a'..=b'z', b'-', ..]
        )
    };
    match name.rsplit_once('.') {
        Some(("result" | "reproduce", "json")) => true,
        Some((stem, "csv" | "parquet")) => tables.contains(&stem),
        Some((stem, "svg" | "png")) => {
            pictures.contains(&stem)
                || simulation::PICTURES.contains(&stem)
                || stem == simulation::GAINS
                || figure(stem)
        }
        _ => false,
    }
}

#[cfg(unix)]
fn permissions(mode: u32) -> Option<Permissions> {
    use std::os::unix::fs::PermissionsExt;
    // Temporary files are private by default; results are to have the user's ordinary permissions.
    Some(Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn permissions(_: u32) -> Option<Permissions> {
    None
}

/// Makes the names inside a folder durable.
#[cfg(unix)]
fn sync_folder(path: &Path) -> Result<(), WriteError> {
    let handle = File::open(path).map_err(WriteError::io("read", path))?;
    match handle.sync_all() {
        // Some file systems do not know this operation for folders; their renames are durable by themselves.
        Err(error) if error.kind() != io::ErrorKind::InvalidInput => {
            Err(WriteError::io("write", path)(error))
        }
        _ => Ok(()),
    }
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> Result<(), WriteError> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn appears_only_when_finished() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("above/day");
        let folder = Folder::create(&target, Existing::Refuse).unwrap();
        folder.bytes("result.json", b"{}").unwrap();
        assert!(!target.exists());
        assert!(names(&dir.path().join("above"))[0].starts_with("day.vickrey-unfinished-"));
        folder.finish().unwrap();
        assert_eq!(names(&dir.path().join("above")), ["day"]);
        assert_eq!(names(&target), ["result.json"]);
    }

    #[test]
    fn killed_leaves_only_a_telling_name() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::create(&dir.path().join("day"), Existing::Refuse).unwrap();
        folder.bytes("result.json", b"{").unwrap();
        std::mem::forget(folder);
        let left = names(dir.path());
        assert!(left.len() == 1 && left[0].starts_with("day.vickrey-unfinished-"), "{left:?}");
    }

    #[test]
    fn dropped_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        Folder::check(&dir.path().join("day"), Existing::Refuse).unwrap();
        assert!(names(dir.path()).is_empty());
    }

    #[test]
    fn existing_is_refused_or_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("day");
        fs::create_dir(&target).unwrap();
        fs::write(target.join("agents.csv"), "old").unwrap();
        let error = Folder::create(&target, Existing::Refuse).unwrap_err().to_string();
        assert!(error.contains("--force"), "{error}");
        let folder = Folder::create(&target, Existing::Replace).unwrap();
        folder.bytes("result.json", b"{}").unwrap();
        folder.finish().unwrap();
        assert_eq!(names(&target), ["result.json"]);
        assert_eq!(names(dir.path()), ["day"]);
    }

    #[test]
    fn foreign_files_are_never_deleted() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("thesis.tex"), "").unwrap();
        let error = Folder::create(dir.path(), Existing::Replace).unwrap_err().to_string();
        assert!(error.contains("thesis.tex"), "{error}");
        let file = dir.path().join("thesis.tex");
        assert!(Folder::create(&file, Existing::Replace).is_err());
        assert!(matches!(Folder::create(Path::new("/"), Existing::Replace), Err(WriteError::Name { .. })));
    }

    #[test]
    fn files_are_whole_and_not_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("market.toml");
        write_file(&target, b"one", Existing::Refuse).unwrap();
        assert!(matches!(write_file(&target, b"two", Existing::Refuse), Err(WriteError::FileExists { .. })));
        write_file(&target, b"two", Existing::Replace).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"two");
        assert!(write_file(&dir.path().join("no/such/x.toml"), b"", Existing::Refuse).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn has_ordinary_permissions() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("plain")).unwrap();
        let folder = Folder::create(&dir.path().join("day"), Existing::Refuse).unwrap();
        folder.finish().unwrap();
        let mode = |name: &str| fs::metadata(dir.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode("day"), mode("plain"));
    }
}
