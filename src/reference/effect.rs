//! What goes into a mind beside actions, and what comes out of it.

use std::time::Duration;

use super::logs::ReceivedLog;
use crate::{
    session::{Class, Violation},
    wire::{Action, Code, v1sync::ConnectionState},
};

/// One stream, by a number that its driver gave it and gives to no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

/// A moment on both clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// Since any moment the driver fixes; never goes back.
    pub monotonic: Duration,
    /// Milliseconds since the epoch.
    pub unix_ms: i64,
}

impl Moment {
    /// Seconds since the epoch.
    pub fn unix_s(self) -> i64 {
        self.unix_ms.div_euclid(1000)
    }
}

/// What a mind wants done, in order.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Effect {
    /// Seal this action and send it on that stream.
    Send(SessionId, Action),
    /// End that stream after what was sent before: well, or with the violation's code. Report its end with `gone`, as
    /// any other end.
    End(SessionId, Result<(), Violation>),
    /// The state of the peer with this key id has changed; its newest state is to be read from the mind.
    PeerStateChanged(String),
    /// Call `tick` at this time at the latest; replaces an earlier wish.
    WakeAt(Duration),
    /// No `tick` is needed any more.
    NoWake,
    /// The mind changed its config, which is to be kept.
    ConfigChanged,
    /// Dial the known host with this key id, not before this time; replaces an earlier wish.
    DialAt(String, Duration),
    /// The peer with this key id has answered a request for a log.
    LogReceived(String, ReceivedLog),
}

/// How a stream ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Gone {
    /// The peer broke a rule; our session machine or the mind said so.
    Violation(Violation),
    /// It was ended with this code, by the peer or by an earlier [`Effect::End`].
    Ended(Code),
    /// The link broke; says how, without secrets.
    Lost(String),
    /// We failed, through no fault of the peer; says how, without secrets.
    Failed(String),
}

impl Gone {
    pub(super) fn message(&self) -> String {
        match self {
            Gone::Violation(violation) => violation.to_string(),
            Gone::Ended(Code::Ok) => String::new(),
            Gone::Ended(code) => format!("the stream ended with {code}"),
            Gone::Lost(how) | Gone::Failed(how) => how.clone(),
        }
    }

    /// The state of a peer whose stream ended so; `otherwise` where nobody was at fault.
    pub(super) fn state(&self, otherwise: ConnectionState) -> ConnectionState {
        match self {
            Gone::Violation(violation) => match violation.class {
                Class::Auth => ConnectionState::ErrorAuth,
                Class::Protocol => ConnectionState::ErrorProtocol,
                Class::Session | Class::Limit => ConnectionState::ErrorInternal,
            },
            Gone::Ended(Code::PermissionDenied | Code::Unauthenticated) => {
                ConnectionState::ErrorAuth
            }
            Gone::Ended(Code::InvalidArgument) => ConnectionState::ErrorProtocol,
            Gone::Ended(Code::Internal | Code::ResourceExhausted) | Gone::Failed(_) => {
                ConnectionState::ErrorInternal
            }
            Gone::Ended(_) | Gone::Lost(_) => otherwise,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::RuleId;

    #[test]
    fn end_of_a_session_then_told_by_its_cause() {
        let violation = Violation::session(RuleId::EnvelopeReplayRefused, "nonce 3");
        for (gone, message) in [
            (
                Gone::Violation(violation),
                "envelope.replay-refused: nonce 3",
            ),
            (Gone::Ended(Code::Ok), ""),
            (
                Gone::Ended(Code::Internal),
                "the stream ended with internal",
            ),
            (Gone::Lost("reset".to_owned()), "reset"),
            (Gone::Failed("no room".to_owned()), "no room"),
        ] {
            assert_eq!(gone.message(), message, "{gone:?}");
        }
    }
}
