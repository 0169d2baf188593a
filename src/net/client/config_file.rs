//! A config file that is replaced as a whole: whoever reads it, at whatever moment the process dies, finds one version.

use std::{
    error::Error,
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use super::keep::{ConfigKeeper, KeepError};
use crate::reference::config::{Config, ConfigError};

/// Added to the file's name while its next version is being written. One that a crash has left is overwritten.
const UNFINISHED_SUFFIX: &str = ".unfinished";

/// A config file in the deployed form. One process at a time may write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigFile {
    path: PathBuf,
}

impl ConfigFile {
    /// Reads a config and remembers where it is from. A link is followed, so that its target is what changes later.
    ///
    /// # Errors
    /// [`ConfigFileError`].
    pub fn open(path: &Path) -> Result<(ConfigFile, Config), ConfigFileError> {
        let read = || {
            let path = fs::canonicalize(path)?;
            let text = fs::read_to_string(&path)?;
            Ok((path, text))
        };
        let (path, text) = read().map_err(|error: io::Error| ConfigFileError::Unreadable {
            path: path.to_owned(),
            why: error.to_string(),
        })?;
        match Config::from_json(&text) {
            Ok(config) => Ok((ConfigFile { path }, config)),
            Err(error) => Err(ConfigFileError::Invalid { path, error }),
        }
    }

    /// Writes the next version beside the file, and puts it in the file's place once it is on the disk.
    fn replace(&self, text: &str) -> io::Result<()> {
        let mut unfinished = self.path.clone().into_os_string();
        unfinished.push(UNFINISHED_SUFFIX);
        let unfinished = PathBuf::from(unfinished);
        let mut file = create_private(&unfinished)?;
        // A config holds a private key, so the file stays as closed as its owner has made it.
        file.set_permissions(fs::metadata(&self.path)?.permissions())?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&unfinished, &self.path)?;
        sync_folder_of(&self.path)
    }
}

impl ConfigKeeper for ConfigFile {
    fn keep(&self, config: &Config) -> Result<(), KeepError> {
        let text = format!("{}\n", config.to_json());
        self.replace(&text).map_err(|error| {
            KeepError::new(format!("write the config {}: {error}", self.path.display()))
        })?;
        tracing::info!(modno = config.message().modno, "config kept");
        Ok(())
    }
}

/// Nobody else may read what is about to be written, from the first byte on.
fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Makes a rename last. Other systems than Unix cannot open a folder, and say nothing of how to do it.
fn sync_folder_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if cfg!(unix) => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

/// A config file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigFileError {
    /// It cannot be read.
    Unreadable {
        /// As it was given.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// It holds no valid config.
    Invalid {
        /// Where it is.
        path: PathBuf,
        /// What is wrong with it, and where.
        error: ConfigError,
    },
}

impl fmt::Display for ConfigFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigFileError::Unreadable { path, why } => {
                write!(f, "read the config {}: {why}", path.display())
            }
            ConfigFileError::Invalid { path, error } => {
                write!(f, "read the config {}: {error}", path.display())
            }
        }
    }
}

impl Error for ConfigFileError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{crypto::identity::Identity, wire::v1};

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    fn config() -> Config {
        let identity = Identity::from_seed(&[1; 32]);
        let identity = v1::PrivateKey {
            keyid: identity.keyid().to_owned(),
            ed25519priv: identity.private_key_text(),
            ed25519pub: identity.public_key_text(),
        };
        Config::new(v1::Config {
            modno: 1,
            version: 6,
            instance: "client".to_owned(),
            multihost: Some(v1::Multihost {
                identity: Some(identity),
                ..v1::Multihost::default()
            }),
            ..v1::Config::default()
        })
        .unwrap()
    }

    fn write(path: &Path, config: &Config) {
        fs::write(path, config.to_json()).unwrap();
    }

    #[test]
    fn config_kept_then_read_back_and_nothing_beside_it() {
        let folder = folder();
        let path = folder.path().join("config.json");
        let config = config();
        write(&path, &config);
        let (file, read) = ConfigFile::open(&path).unwrap();
        assert_eq!(read, config);
        let next = config.edited(|config| config.modno = 2).unwrap();
        file.keep(&next).unwrap();
        assert_eq!(ConfigFile::open(&path).unwrap().1, next);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn crash_left_half_a_version_then_the_next_one_is_whole() {
        let folder = folder();
        let path = folder.path().join("config.json");
        let config = config();
        write(&path, &config);
        let (file, _) = ConfigFile::open(&path).unwrap();
        let left = folder.path().join("config.json.unfinished");
        fs::write(&left, "x".repeat(100_000)).unwrap();
        file.keep(&config).unwrap();
        assert_eq!(ConfigFile::open(&path).unwrap().1, config);
        assert!(!left.exists());
    }

    #[cfg(unix)]
    #[test]
    fn config_kept_then_link_and_permissions_stay() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let folder = folder();
        let (path, link) = (folder.path().join("real.json"), folder.path().join("link"));
        let config = config();
        write(&path, &config);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        symlink(&path, &link).unwrap();
        let (file, _) = ConfigFile::open(&link).unwrap();
        file.keep(&config).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
    }

    #[test]
    fn folder_gone_then_the_error_names_the_file() {
        let folder = folder();
        let path = folder.path().join("config.json");
        let config = config();
        write(&path, &config);
        let (file, _) = ConfigFile::open(&path).unwrap();
        drop(folder);
        let error = file.keep(&config).unwrap_err().to_string();
        assert!(error.contains("config.json"), "{error}");
    }

    #[test]
    fn no_file_or_no_config_then_the_error_says_which() {
        let folder = folder();
        let path = folder.path().join("config.json");
        assert!(matches!(
            ConfigFile::open(&path),
            Err(ConfigFileError::Unreadable { .. })
        ));
        fs::write(&path, "{\"modno\": 1}").unwrap();
        let error = ConfigFile::open(&path).unwrap_err().to_string();
        assert!(
            error.ends_with("version: expected version 6, saw 0"),
            "{error}"
        );
    }
}
