//! What a peer can do beyond what the protocol asks of everyone, and which parts it may lack: the one list that rules,
//! scenarios and target files take their words from.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! capabilities {
    ($($name:ident = $word:literal, $usual:literal, $doc:literal;)+) => {
        /// A capability, as rules, target files and reports name it.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
        )]
        #[serde(rename_all = "kebab-case")]
        pub enum Capability {
            $(#[doc = $doc] $name,)+
        }

        impl Capability {
            /// All of them.
            pub const ALL: &[Capability] = &[$(Capability::$name,)+];

            /// The word used in rules, target files and reports.
            pub fn name(self) -> &'static str {
                match self {
                    $(Capability::$name => $word,)+
                }
            }

            /// What a peer does that has it, in one line.
            pub fn doc(self) -> &'static str {
                match self {
                    $(Capability::$name => $doc,)+
                }
            }

            /// Whether peers have it of whom nothing else is said.
            pub fn is_usual(self) -> bool {
                match self {
                    $(Capability::$name => $usual,)+
                }
            }
        }
    };
}

capabilities! {
    Logs = "logs", false, "It answers `request_log`.";
    Throttle = "throttle", false, "It honours `throttle`.";
    Pairing = "pairing", true, "As a host, it admits clients by the pairing tokens of its provision.";
    StateService = "state-service", true, "Its state service can be called.";
    StateAuthentication = "state-authentication", false, "Its state service asks for headers that we were given.";
    OperationsProvisioned = "operations-provisioned", true, "As a client, it has the operations of its provision.";
    Hook = "hook", false, "It comes with a hook that looks inside it.";
    ClientHook = "client-hook", false, "As a client, it comes with a hook that changes it.";
}

impl Capability {
    /// Where a target file says it, for those that follow from something else in it and are not declared by themselves.
    pub fn follows_from(self) -> Option<&'static str> {
        match self {
            Capability::StateAuthentication => Some("state-service.headers"),
            Capability::Hook => Some("hook"),
            Capability::ClientHook => Some("hook.of-clients"),
            Capability::Logs
            | Capability::Throttle
            | Capability::Pairing
            | Capability::StateService
            | Capability::OperationsProvisioned => None,
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
            .iter()
            .copied()
            .find(|capability| capability.name() == text)
            .ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_then_the_word_that_is_read() {
        for capability in Capability::ALL {
            assert_eq!(capability.name().parse(), Ok(*capability));
            let written = serde_json::to_value(capability).expect("a word");
            assert_eq!(written, capability.name());
            assert!(capability.doc().ends_with('.'), "{capability}");
        }
    }
}
