//! The two roles of the protocol.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A role of the protocol.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The host, which is dialled.
    Responder,
    /// The client, which dials.
    Initiator,
}

impl Role {
    /// The word used in scenarios and reports.
    pub fn name(self) -> &'static str {
        match self {
            Role::Responder => "responder",
            Role::Initiator => "initiator",
        }
    }

    /// The role at the other end.
    pub fn other(self) -> Role {
        match self {
            Role::Responder => Role::Initiator,
            Role::Initiator => Role::Responder,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
