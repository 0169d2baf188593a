//! What a client must show to a host that looks at its configuration from outside.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{fixtures::PEER, message_pattern::MessagePattern};
use crate::wire::v1sync::RemoteConfig;

/// What a client must show to one of its hosts, at once or in a session that it begins before the deadline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ShownExpectation {
    /// Identity of the host: `peer`, or a name under `given: others`. It must have no session yet.
    #[serde(rename = "as")]
    pub identity: String,
    /// The config: those of its fields that are given must be equal.
    pub config: Option<MessagePattern<RemoteConfig>>,
    /// Its modno must be higher than the first one that this case was shown; a client that shows none is not asked.
    pub modno: Option<Modno>,
}

impl Default for ShownExpectation {
    fn default() -> Self {
        ShownExpectation {
            identity: PEER.to_owned(),
            config: None,
            modno: None,
        }
    }
}

/// What a change must have done to the modno.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Modno {
    /// It is higher than before.
    Grown,
}
