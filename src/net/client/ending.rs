//! How an attempt to reach a host ended, for the mind and for the log.

use super::{keep::KeepError, shared::HowToEnd};
use crate::{
    net::{error::LinkError, link::End},
    reference::effect::Gone,
    session::{StepError, Violation},
    wire::Code,
};

/// How a stream, or the attempt to open one, came to its end.
#[derive(Debug)]
pub(super) enum Ending {
    /// The mind wanted it.
    Wanted,
    /// The mind or the session machine found a violation.
    Violation(Violation),
    /// The host ended it, or the connection did.
    Over(End),
    /// There was no way to the host, or there is none any more.
    Unreachable(LinkError),
    /// We could not go on ourselves; what failed, as a fragment that follows "failed to".
    OurFault(String),
}

impl Ending {
    /// The end as the mind wants to know it.
    pub fn gone(&self) -> Gone {
        match self {
            Ending::Wanted => Gone::Ended(Code::Ok),
            Ending::Violation(violation) => Gone::Violation(violation.clone()),
            Ending::Over(End::Status(status)) => Gone::Ended(status.code),
            Ending::Over(end) => Gone::Lost(end_words(end)),
            Ending::Unreachable(error) => Gone::Lost(format!("failed to {}", link_words(error))),
            Ending::OurFault(what) => Gone::Lost(format!("failed to {what}")),
        }
    }

    /// A host's own words are left out: it has seen the pairing secret, and could put it there.
    pub fn log(&self, host: &str) {
        match (self, self.gone()) {
            (Ending::Wanted, _) => tracing::info!(%host, "ended by us"),
            (_, Gone::Violation(violation)) => {
                let rule = violation.rule.as_str();
                tracing::warn!(%host, rule, seen = ?violation.seen, "ended: the host broke a rule");
            }
            (_, Gone::Ended(code)) => tracing::warn!(%host, %code, "ended by the host"),
            (_, Gone::Lost(why) | Gone::Failed(why)) => {
                tracing::warn!(%host, ?why, "no connection")
            }
        }
    }
}

fn end_words(end: &End) -> String {
    match end {
        End::HttpStatus { status, .. } => {
            format!("expected an answer of the sync service, saw HTTP status {status}")
        }
        End::Reset { reason } => format!("the host reset the stream with {reason}"),
        End::ConnectionLost { text } => format!("the connection was lost: {text}"),
        End::BadFraming { text } => text.clone(),
        End::Status(_) | End::NoStatus | End::HalfClosed | End::ResetByUs => {
            "the stream ended without a status".to_owned()
        }
    }
}

/// The error without the URL, which may hold a password.
fn link_words(error: &LinkError) -> String {
    match error {
        LinkError::BadUrl { why, .. } => format!("read its URL: {why}"),
        error => error.to_string(),
    }
}

impl From<HowToEnd> for Ending {
    fn from(how: HowToEnd) -> Self {
        how.map_or_else(Ending::Violation, |()| Ending::Wanted)
    }
}

impl From<Violation> for Ending {
    fn from(violation: Violation) -> Self {
        Ending::Violation(violation)
    }
}

impl From<LinkError> for Ending {
    fn from(error: LinkError) -> Self {
        Ending::Unreachable(error)
    }
}

impl From<KeepError> for Ending {
    fn from(error: KeepError) -> Self {
        Ending::OurFault(error.to_string())
    }
}

impl From<StepError> for Ending {
    fn from(error: StepError) -> Self {
        match error {
            StepError::Violation(violation) => Ending::Violation(violation),
            // The mind sends nothing to a host that it has not admitted.
            StepError::Misuse(_) => Ending::OurFault(error.to_string()),
        }
    }
}
