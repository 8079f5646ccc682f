//! Files that are their owner's alone, whatever the umask: others on the same computer read neither what is said nor the
//! hashes of passwords.

use std::{
    fs::{DirBuilder, File, OpenOptions, Permissions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

/// The mode of a folder, and of a file in it.
const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// The bits of a mode that let others in.
const OTHERS: u32 = 0o077;

/// Makes a folder, and those above it that are not there. One that is there stays as it is.
///
/// # Errors
/// The system's.
pub fn create_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder)?;
    // The umask may have taken away what its owner needs.
    std::fs::set_permissions(folder, Permissions::from_mode(FOLDER_MODE))
}

/// Makes a file that is not there. No link is followed: where one has that name, the file is there.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`], and the system's.
pub fn create_new(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(path)?;
    file.set_permissions(Permissions::from_mode(FILE_MODE))?;
    Ok(file)
}

/// Makes a file if it is not there.
///
/// # Errors
/// The system's.
pub fn create_if_missing(path: &Path) -> io::Result<()> {
    match create_new(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made.map(drop),
    }
}

/// Writes a secret to a file of its own. What had its name is gone; if that was a link, what it led to is as it was.
///
/// # Errors
/// The system's.
pub fn write_secret(path: &Path, text: &str) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    create_new(path)?.write_all(text.as_bytes())
}

/// Warnings of folders and files that others on the computer can look into, a sentence each that says what to do. What is
/// not there is well kept.
#[must_use]
pub fn warnings(paths: &[PathBuf]) -> Vec<String> {
    let mut sentences = Vec::new();
    for path in paths {
        let Ok(metadata) = std::fs::metadata(path) else { continue };
        let mode = metadata.permissions().mode() & 0o777;
        if mode & OTHERS != 0 {
            let (path, wanted) =
                (path.display(), if metadata.is_dir() { FOLDER_MODE } else { FILE_MODE });
            sentences.push(format!(
                "others on this computer can look into {path} (mode {mode:03o}): run chmod {wanted:o} '{path}'"
            ));
        }
    }
    sentences
}

/// A warning, if what is written to the output goes to a file that others can look into.
#[must_use]
pub fn warning_of_output(output: &File) -> Option<String> {
    let metadata = output.metadata().ok()?;
    let mode = metadata.permissions().mode() & 0o777;
    (metadata.is_file() && mode & OTHERS != 0).then(|| {
        format!(
            "others on this computer can look into the file that this goes to (mode {mode:03o}): run chmod 600 on it, or say --to FILE in the place of >"
        )
    })
}
