//! What a peer did wrong, and how the stream ends for it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{rules::RuleId, wire::Code};

/// The peer broke a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Violation {
    /// The rule.
    pub rule: RuleId,
    /// What was seen, as a lower-case fragment; holds no secret.
    pub seen: String,
    /// What kind of failure it is, which decides the code the stream ends with.
    pub class: Class,
}

/// The kinds of failure that section 8 of `docs/protocol.md` tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Identity, signature, pairing, permission to connect.
    Auth,
    /// Versions, key exchange, unknown or misplaced actions, mismatched manifests.
    Protocol,
    /// A frame that does not open, and other failures of the session itself.
    Session,
    /// A named limit was passed.
    Limit,
}

impl Class {
    /// The RPC code deployed responders end the stream with.
    pub fn code(self) -> Code {
        match self {
            Class::Auth => Code::PermissionDenied,
            Class::Protocol => Code::InvalidArgument,
            Class::Session => Code::Internal,
            Class::Limit => Code::ResourceExhausted,
        }
    }
}

impl Violation {
    /// An identity, signature or pairing failure.
    pub fn auth(rule: RuleId, seen: impl Into<String>) -> Self {
        Violation::new(rule, Class::Auth, seen)
    }

    /// A protocol failure.
    pub fn protocol(rule: RuleId, seen: impl Into<String>) -> Self {
        Violation::new(rule, Class::Protocol, seen)
    }

    /// A failure of the session itself.
    pub fn session(rule: RuleId, seen: impl Into<String>) -> Self {
        Violation::new(rule, Class::Session, seen)
    }

    /// A limit of ours that the peer passed.
    pub fn limit(rule: RuleId, seen: impl Into<String>) -> Self {
        Violation::new(rule, Class::Limit, seen)
    }

    fn new(rule: RuleId, class: Class, seen: impl Into<String>) -> Self {
        Violation {
            rule,
            seen: seen.into(),
            class,
        }
    }

    /// The RPC code a responder ends the stream with.
    pub fn code(&self) -> Code {
        self.class.code()
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.seen)
    }
}

impl std::error::Error for Violation {}
