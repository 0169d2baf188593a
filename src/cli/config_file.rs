//! Config files: read with every mistake named, replaced at one stroke.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use syncspec::reference::config::Config;

use super::exit;

/// Reads a config file in the deployed form; what is wrong with it is printed.
pub fn read(file: &Path) -> Result<Config, u8> {
    let text = fs::read_to_string(file).map_err(|error| {
        eprintln!("error: failed to read {}: {error}", file.display());
        exit::USAGE
    })?;
    Config::from_json(&text).map_err(|error| {
        eprintln!("error: {}: {error}", file.display());
        exit::USAGE
    })
}

/// Puts a config in place of the file: whoever reads it sees all of the old one or all of the new.
pub fn replace(file: &Path, config: &Config) -> Result<(), u8> {
    write_beside(file, config.to_json().as_bytes()).map_err(|error| {
        eprintln!("error: failed to replace {}: {error}", file.display());
        exit::SUITE
    })
}

fn write_beside(file: &Path, bytes: &[u8]) -> io::Result<()> {
    // A link is followed, or it would be replaced by a file.
    let file = fs::canonicalize(file)?;
    let folder = file.parent().map_or(PathBuf::from("."), Path::to_owned);
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let beside = folder.join(name);
    let written = write_as(&file, &beside, bytes).and_then(|()| fs::rename(&beside, &file));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written?;
    // The rename lasts once the folder does.
    #[cfg(unix)]
    File::open(&folder)?.sync_all()?;
    Ok(())
}

/// Writes a new file that nobody may read who may not read the old one.
fn write_as(old: &Path, new: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut written = options.open(new)?;
    fs::set_permissions(new, fs::metadata(old)?.permissions())?;
    written.write_all(bytes)?;
    written.write_all(b"\n")?;
    written.sync_all()
}
