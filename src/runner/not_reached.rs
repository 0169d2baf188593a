//! Why no case was played.

use std::fmt;

use crate::{
    target::{SetupMistake, doctor::Diagnosis},
    wire::RpcProtocol,
};

/// Why no case was played.
#[derive(Debug)]
pub enum NotReached {
    /// The peer could not be started; why, in words.
    NotStarted(String),
    /// The host shows a mistake in the set-up.
    Host {
        /// Its URL.
        url: String,
        /// What was seen, step by step.
        diagnosis: Box<Diagnosis>,
        /// What a process that we started printed last.
        last_words: Vec<String>,
    },
    /// The client does.
    Client {
        /// What was spoken.
        protocol: RpcProtocol,
        /// The mistake.
        mistake: SetupMistake,
        /// What a process that we started printed last.
        last_words: Vec<String>,
    },
}

impl fmt::Display for NotReached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotReached::NotStarted(why) => f.write_str(why),
            NotReached::Host { diagnosis, .. } => {
                let seen = diagnosis.mistake().map_or("nothing", |check| &check.seen);
                write!(f, "the host is not set up so that it can be judged: {seen}")
            }
            NotReached::Client {
                protocol, mistake, ..
            } => {
                write!(
                    f,
                    "over {protocol}, the client was reached up to this step: {mistake}"
                )
            }
        }
    }
}
