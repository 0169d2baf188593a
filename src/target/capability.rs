//! What a peer can do beyond what the protocol asks of everyone, and which parts it may lack.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A capability, as rules and target files name it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// It answers `request_log`.
    Logs,
    /// It honours `throttle`.
    Throttle,
    /// A host that admits clients by pairing tokens.
    Pairing,
    /// The state service answers.
    StateService,
    /// A client that has the operations of its provision.
    OperationsProvisioned,
}

impl Capability {
    /// All of them.
    pub const ALL: [Capability; 5] = [
        Capability::Logs,
        Capability::Throttle,
        Capability::Pairing,
        Capability::StateService,
        Capability::OperationsProvisioned,
    ];

    /// The word used in rules, target files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Capability::Logs => "logs",
            Capability::Throttle => "throttle",
            Capability::Pairing => "pairing",
            Capability::StateService => "state-service",
            Capability::OperationsProvisioned => "operations-provisioned",
        }
    }

    /// Whether peers have it of whom nothing else is said.
    pub fn is_usual(self) -> bool {
        match self {
            Capability::Pairing | Capability::StateService => true,
            Capability::Logs | Capability::Throttle | Capability::OperationsProvisioned => false,
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Capability {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Capability::ALL
            .into_iter()
            .find(|capability| capability.name() == text)
            .ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::ALL;

    #[test]
    fn every_need_of_a_rule_is_a_capability() {
        for rule in ALL {
            if let Some(needs) = rule.rule().needs {
                assert!(needs.parse::<Capability>().is_ok(), "{rule} needs {needs}");
            }
        }
    }
}
