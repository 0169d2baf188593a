//! Writing a saved case into a folder, never over a file that is not ours.

use std::{
    fmt,
    fs::{self, File},
    io::{self, Read as _, Write},
    path::{Path, PathBuf},
};

use super::{FILE_LEN_BYTES_MAX, FORMAT, PlayedCase};

/// Bytes of an existing file that are looked at to tell whether it is one of ours.
const HEAD_LEN_BYTES: u64 = 64;

/// Why a case could not be saved. Its text follows "failed to ".
#[derive(Debug)]
#[non_exhaustive]
pub enum SaveError {
    /// The folder can't be made.
    Folder(PathBuf, io::Error),
    /// A file of that name is there already, and is no saved case.
    NotOurs(PathBuf),
    /// The file can't be written.
    File(PathBuf, io::Error),
}

impl fmt::Display for SaveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SaveError::Folder(path, error) => {
                write!(f, "make the folder {}: {error}", path.display())
            }
            SaveError::NotOurs(path) => write!(
                f,
                "save {}: a file of that name is there and is no saved case; choose another folder with --failures",
                path.display()
            ),
            SaveError::File(path, error) => write!(f, "save {}: {error}", path.display()),
        }
    }
}

impl std::error::Error for SaveError {}

/// The name of a case's file: its id with dots for slashes, the role of the peer, and the RPC protocol.
pub fn file_name(case: &PlayedCase) -> String {
    let id = case.scenario.id.replace('/', ".");
    format!("{id}.{}.{}.json", case.scenario.role, case.played.protocol)
}

/// Saves a case in a folder, which is made where it is missing, and says where. A case saved there earlier under the
/// same name is replaced; the file is complete or not there.
///
/// # Errors
/// A folder or file that can't be written, or a file of that name that is no saved case.
pub fn save(mut case: PlayedCase, folder: &Path) -> Result<PathBuf, SaveError> {
    fs::create_dir_all(folder).map_err(|error| SaveError::Folder(folder.to_owned(), error))?;
    let path = folder.join(file_name(&case));
    if !may_replace(&path) {
        return Err(SaveError::NotOurs(path));
    }
    let failed = |error| SaveError::File(path.clone(), error);
    let text = match case.to_text() {
        Ok(text) => text,
        Err(_) => {
            case.trace = None;
            case.to_text().map_err(|error| failed(error.into()))?
        }
    };
    let part = path.with_extension("json.part");
    let written = fs::write(&part, text).and_then(|()| fs::rename(&part, &path));
    if written.is_err() {
        // Nothing more can be done about it where this fails too.
        let _ = fs::remove_file(&part);
    }
    written.map_err(failed)?;
    Ok(path)
}

impl PlayedCase {
    /// The file's text.
    ///
    /// # Errors
    /// Where it would be larger than [`FILE_LEN_BYTES_MAX`].
    pub fn to_text(&self) -> serde_json::Result<Vec<u8>> {
        let mut bounded = Bounded(Vec::new());
        serde_json::to_writer_pretty(&mut bounded, self)?;
        bounded.0.push(b'\n');
        Ok(bounded.0)
    }
}

/// Refuses more than one file may hold, before the memory is taken.
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // One byte is left for the line's end.
        if self.0.len() + bytes.len() >= FILE_LEN_BYTES_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn may_replace(path: &Path) -> bool {
    let mut head = Vec::new();
    match File::open(path) {
        Err(error) => error.kind() == io::ErrorKind::NotFound,
        Ok(file) => {
            let read = file.take(HEAD_LEN_BYTES).read_to_end(&mut head);
            read.is_ok() && String::from_utf8_lossy(&head).contains(FORMAT)
        }
    }
}
