//! Writing output files: whole or not at all, and never over something that was there.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Why an output file could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The file is there already.
    #[error("`{}` exists already; choose another folder or allow overwriting with --force", .path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The name would leave the output folder.
    #[error("`{name}` is not a plain file name")]
    BadName {
        /// The name as given.
        name: String,
    },
    /// The operating system refused.
    #[error("cannot {action} `{}`: {source}", .path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

/// A folder for the outputs of one run.
#[derive(Debug, Clone)]
pub struct OutputFolder {
    folder: PathBuf,
    force: bool,
}

impl OutputFolder {
    /// Creates the folder (and its parents) if needed, and fails now rather than after the simulation when
    /// one of `files` exists and `force` is not set, or nothing can be written there.
    ///
    /// # Errors
    /// [`FileError`] with the file and the reason.
    pub fn prepare(folder: impl Into<PathBuf>, files: &[&str], force: bool) -> Result<Self, FileError> {
        let folder = folder.into();
        fs::create_dir_all(&folder).map_err(|source| FileError::Io {
            action: "create the folder",
            path: folder.clone(),
            source,
        })?;
        let output = Self { folder, force };
        for name in files {
            let path = output.path(name)?;
            if !force && path.symlink_metadata().is_ok() {
                return Err(FileError::Exists { path });
            }
        }
        let probe = output.folder.join(".hetsoc-probe.partial");
        File::create(&probe).and_then(|_| fs::remove_file(&probe)).map_err(|source| FileError::Io {
            action: "write into",
            path: output.folder.clone(),
            source,
        })?;
        Ok(output)
    }

    /// Writes the file `name` with what `content` writes, see [`write_file`].
    ///
    /// # Errors
    /// [`FileError`] with the file and the reason.
    pub fn write(
        &self,
        name: &str,
        content: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    ) -> Result<PathBuf, FileError> {
        let path = self.path(name)?;
        write_file(&path, self.force, content)?;
        Ok(path)
    }

    /// Where the file `name` goes.
    ///
    /// # Errors
    /// [`FileError::BadName`] for anything but a plain file name.
    pub fn path(&self, name: &str) -> Result<PathBuf, FileError> {
        let plain = Path::new(name).file_name().is_some_and(|file| file == name) && !name.contains('\0');
        if plain { Ok(self.folder.join(name)) } else { Err(FileError::BadName { name: name.to_owned() }) }
    }
}

/// Writes `path` whole or not at all: into a temporary file beside it, flushed to the device, then renamed.
/// An existing file is kept, and is an error, unless `force` is set.
///
/// # Errors
/// [`FileError`] with the file and the reason; the temporary file is removed.
pub fn write_file(
    path: &Path,
    force: bool,
    content: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), FileError> {
    let refuse = |action: &'static str, path: &Path| {
        let path = path.to_path_buf();
        move |source| FileError::Io { action, path, source }
    };
    if !force && path.symlink_metadata().is_ok() {
        return Err(FileError::Exists { path: path.to_path_buf() });
    }
    let Some(name) = path.file_name() else {
        return Err(FileError::BadName { name: path.display().to_string() });
    };
    let mut temporary_name = std::ffi::OsString::from(".");
    temporary_name.push(name);
    temporary_name.push(".partial");
    let temporary = path.with_file_name(temporary_name);
    let written = File::create(&temporary).and_then(|file| {
        let mut writer = BufWriter::new(file);
        content(&mut writer)?;
        writer.flush()?;
        writer.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
    });
    let renamed = written
        .map_err(refuse("write", path))
        .and_then(|()| fs::rename(&temporary, path).map_err(refuse("move the finished file to", path)));
    if renamed.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_file(&temporary);
    }
    renamed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_whole_files_and_refuses_to_overwrite() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a/b");
        let output = OutputFolder::prepare(&deep, &["x.json"], false).unwrap();
        output.write("x.json", |w| w.write_all(b"one")).unwrap();
        assert_eq!(fs::read(deep.join("x.json")).unwrap(), b"one");
        let message = output.write("x.json", |w| w.write_all(b"two")).unwrap_err().to_string();
        assert!(message.contains("exists already") && message.contains("--force"), "{message}");
        assert!(matches!(OutputFolder::prepare(&deep, &["x.json"], false), Err(FileError::Exists { .. })));
        let forced = OutputFolder::prepare(&deep, &["x.json"], true).unwrap();
        forced.write("x.json", |w| w.write_all(b"two")).unwrap();
        assert_eq!(fs::read(deep.join("x.json")).unwrap(), b"two");
        assert_eq!(fs::read_dir(&deep).unwrap().count(), 1, "nothing temporary is left");
    }

    #[test]
    fn a_failure_leaves_the_old_file_and_no_partial_one() {
        let folder = tempfile::tempdir().unwrap();
        let output = OutputFolder::prepare(folder.path(), &[], true).unwrap();
        output.write("x", |w| w.write_all(b"old")).unwrap();
        let result = output.write("x", |w| {
            w.write_all(b"half")?;
            Err(io::Error::other("disk full"))
        });
        assert!(result.unwrap_err().to_string().contains("disk full"));
        assert_eq!(fs::read(folder.path().join("x")).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn names_cannot_leave_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let output = OutputFolder::prepare(folder.path(), &[], false).unwrap();
        for name in ["../x", "/etc/x", "a/b", "", "..", "x/", "a\0b"] {
            assert!(matches!(output.path(name), Err(FileError::BadName { .. })), "{name:?}");
        }
        let blocked = folder.path().join("file");
        fs::write(&blocked, "").unwrap();
        let message = OutputFolder::prepare(blocked.join("sub"), &[], false).unwrap_err().to_string();
        assert!(message.contains("create the folder"), "{message}");
    }
}
