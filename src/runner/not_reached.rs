//! Why no case was played.

use std::fmt;

use super::doctor;
use crate::{
    net::LinkError,
    target::{
        doctor::{Check, Diagnosis, Mistake, Step, not_listening},
        process,
    },
    wire::Role,
};

/// Why no case was played: a mistake in the set-up.
#[derive(Debug)]
pub struct NotReached {
    /// As what the peer was tried.
    pub role: Role,
    /// Where it was to be reached: its URL, or empty where it never came so far.
    pub url: String,
    /// What was seen, step by step.
    pub diagnosis: Diagnosis,
    /// What a process that we started printed last.
    pub last_words: Vec<String>,
}

impl NotReached {
    /// It could not be started.
    pub fn not_started(role: Role, why: NotStarted) -> NotReached {
        NotReached {
            role,
            url: String::new(),
            diagnosis: Diagnosis::not_begun(role, why.check),
            last_words: why.last_words,
        }
    }
}

impl fmt::Display for NotReached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the {} is not set up so that it can be judged",
            self.role
        )?;
        match self.diagnosis.mistake() {
            Some(check) => write!(f, ": {}: {}", check.step.name(), check.seen),
            None => Ok(()),
        }
    }
}

/// Why a peer could not be started, or what it is to dial could not be opened.
#[derive(Debug)]
pub struct NotStarted {
    /// The mistake.
    pub check: Check,
    /// What it printed last.
    pub last_words: Vec<String>,
}

impl NotStarted {
    /// Nothing of the peer was seen yet.
    pub(super) fn failed(error: &dyn fmt::Display) -> NotStarted {
        NotStarted {
            check: Check::failed(
                Step::Start,
                Mistake::CannotStart,
                format!("failed to {error}"),
            ),
            last_words: Vec::new(),
        }
    }

    /// Where the peer is to dial us.
    pub fn not_listening(error: &LinkError) -> NotStarted {
        NotStarted {
            check: not_listening(&doctor::not_listening(error)),
            last_words: Vec::new(),
        }
    }
}

impl From<process::StartError> for NotStarted {
    fn from(error: process::StartError) -> Self {
        use process::StartError as E;
        let mistake = match &error {
            E::Ended { .. } => Mistake::CrashesAtStart,
            E::NotReady { .. } => Mistake::NotReady,
            E::PortTaken { .. } => Mistake::PortTaken,
            _ => Mistake::CannotStart,
        };
        let check = Check::failed(Step::Start, mistake, format!("failed to {error}"));
        NotStarted {
            check,
            last_words: error.into_log(),
        }
    }
}

impl fmt::Display for NotStarted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.check.seen)?;
        match self.last_words.is_empty() {
            true => Ok(()),
            false => write!(
                f,
                "; its last lines:\n    {}",
                self.last_words.join("\n    ")
            ),
        }
    }
}
