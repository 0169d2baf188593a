//! Reading a saved case: from any bytes, to a case that can be judged and played, or to an error that says why not.

use std::{fmt, fs::File, io, io::Read as _, path::Path};

use serde::Deserialize;

use super::{FILE_LEN_BYTES_MAX, FORMAT, PlayedCase, SCHEMA};
use crate::{
    scenario::model::{PLAYED_STEPS_MAX, WITHIN_MAX},
    trace::EVENTS_MAX,
};

/// Why a saved case could not be read. Its text follows "failed to ".
#[derive(Debug)]
#[non_exhaustive]
pub enum ReadError {
    /// The file can't be read.
    Io(io::Error),
    /// The file is larger than [`FILE_LEN_BYTES_MAX`].
    TooLarge,
    /// It is no JSON, or no saved case.
    NotACase(String),
    /// It was saved in another version of the layout.
    OtherSchema {
        /// The version it names.
        seen: u64,
    },
    /// It is a saved case with a part that cannot be.
    Broken(String),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::Io(error) => write!(f, "read it: {error}"),
            ReadError::TooLarge => {
                write!(f, "read it: it is larger than {FILE_LEN_BYTES_MAX} bytes")
            }
            ReadError::NotACase(why) => write!(f, "read it as a saved case: {why}"),
            ReadError::OtherSchema { seen } => write!(
                f,
                "read it: it has schema {seen}, and this version of syncspec reads schema {SCHEMA} only; use the version \
                 that saved it, or play the case again"
            ),
            ReadError::Broken(why) => write!(f, "read it as a saved case: {why}"),
        }
    }
}

impl std::error::Error for ReadError {}

/// Enough to tell whose file it is and whether the rest is for us.
#[derive(Deserialize)]
struct Head {
    format: String,
    schema: u64,
}

impl PlayedCase {
    /// Reads a file.
    ///
    /// # Errors
    /// Whatever keeps it from being a case of this version, each told apart.
    pub fn read_file(file: &Path) -> Result<PlayedCase, ReadError> {
        let mut bytes = Vec::new();
        File::open(file)
            .and_then(|file| {
                let mut bounded = file.take(FILE_LEN_BYTES_MAX as u64 + 1);
                bounded.read_to_end(&mut bytes)
            })
            .map_err(ReadError::Io)?;
        PlayedCase::read(&bytes)
    }

    /// Reads a file's bytes.
    ///
    /// # Errors
    /// As [`PlayedCase::read_file`].
    pub fn read(bytes: &[u8]) -> Result<PlayedCase, ReadError> {
        if bytes.len() > FILE_LEN_BYTES_MAX {
            return Err(ReadError::TooLarge);
        }
        let head: Head = serde_json::from_slice(bytes)
            .map_err(|error| ReadError::NotACase(error.to_string()))?;
        if head.format != FORMAT {
            let why = format!("its `format` is not `{FORMAT}`");
            return Err(ReadError::NotACase(why));
        }
        if head.schema != SCHEMA {
            return Err(ReadError::OtherSchema { seen: head.schema });
        }
        let case: PlayedCase =
            serde_json::from_slice(bytes).map_err(|error| ReadError::Broken(error.to_string()))?;
        case.check().map_err(ReadError::Broken)?;
        Ok(case)
    }

    /// What the types do not say, and judge and actor rely on.
    fn check(&self) -> Result<(), String> {
        let scenario = &self.scenario;
        if scenario.rules.is_empty() {
            return Err("its scenario names no rule".to_owned());
        }
        if scenario.steps.len() > PLAYED_STEPS_MAX {
            return Err(format!(
                "its scenario has more than {PLAYED_STEPS_MAX} steps"
            ));
        }
        if let Some(step) = scenario
            .steps
            .iter()
            .find(|step| step.within.is_some_and(|within| within > WITHIN_MAX))
        {
            return Err(format!(
                "the step at {} waits for more than {} s",
                step.location,
                WITHIN_MAX.as_secs()
            ));
        }
        // The last event may be that there were too many.
        if let Some(trace) = &self.trace
            && trace.events.len() > EVENTS_MAX + 1
        {
            return Err(format!("its trace has more than {EVENTS_MAX} events"));
        }
        Ok(())
    }
}
