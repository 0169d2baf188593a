//! What the steps say that look inside a peer, or change it, beside its streams: through its state service, or through
//! the hook (`docs/hook.md`).

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    deviation::Deviation,
    fixtures::PEER,
    message_pattern::MessagePattern,
    model::{PermissionFixture, Scenario, Verb},
};
use crate::{
    rules::Capability,
    wire::{
        Code, Role,
        v1::Operation,
        v1sync::{PeerState, SetRemoteClientConfigRequest},
    },
};

/// Most clients that a race may have: each is a connection of its own.
pub const STRANGERS_MAX: u32 = 50;

/// What the state service must say of one peer, at once or before the deadline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct StateExpectation {
    /// Identity that it is told of: `peer`, or a name under `given: others`.
    pub of: String,
    /// True where it must be CONNECTED, false where it must be anything else.
    pub connected: Option<bool>,
    /// Its last heartbeat must be later than the last one that this case was told.
    pub heartbeat: Option<Heartbeat>,
    /// Fields of its PeerState: those that are given must be equal.
    pub is: Option<MessagePattern<PeerState>>,
}

impl Default for StateExpectation {
    fn default() -> Self {
        StateExpectation {
            of: PEER.to_owned(),
            connected: None,
            heartbeat: None,
            is: None,
        }
    }
}

/// What a heartbeat must have done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Heartbeat {
    /// It is later than the one told before.
    Moved,
}

/// What a snapshot of the states must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct SnapshotExpectation {
    /// Identities of which it has exactly one state each.
    pub with: Vec<String>,
    /// Identities of which it has none.
    pub without: Vec<String>,
    /// True where those in `with` must come in that order.
    pub in_order: bool,
    /// How the call must end; OK where nothing is said. Where it must not end with OK, no state may have come.
    #[schemars(with = "Option<String>")]
    pub code: Option<Code>,
}

/// A call of SetRemoteClientConfig.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ClientConfigCall {
    /// Identity that it is for; none leaves the key id empty.
    pub to: Option<String>,
    /// The request's four lists, in protobuf's JSON mapping.
    pub request: Option<MessagePattern<SetRemoteClientConfigRequest>>,
    /// How it must end; OK where nothing is said.
    #[schemars(with = "Option<String>")]
    pub code: Option<Code>,
}

/// One change of the peer's configuration; exactly one is named.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ConfigChange {
    /// Removes the entry of this identity.
    pub remove_client: Option<String>,
    /// Gives an identity an entry with these permissions, or its entry these in place of the old ones.
    pub permit: Option<Permit>,
    /// Marks this repository as shared.
    pub share_repo: Option<String>,
    /// Removes this repository, on which no plan may depend.
    pub remove_repo: Option<String>,
    /// Of a client: gives the entry of a host these permissions in place of the old ones.
    pub permit_host: Option<PermitHost>,
}

/// One change of a client's own operations; either `put` or `delete` is named.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct OperationsChange {
    /// This operation is added, or takes the place of the one with its id.
    pub put: Option<String>,
    /// Its modno, where that is another than the one given.
    pub modno: Option<i64>,
    /// This operation is deleted.
    pub delete: Option<String>,
}

/// Who may do what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Permit {
    /// The identity.
    pub client: String,
    /// What it may do.
    pub permissions: Vec<PermissionFixture>,
}

/// What a client permits a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PermitHost {
    /// The identity.
    pub host: String,
    /// What it may do.
    pub permissions: Vec<PermissionFixture>,
}

/// What the peer's configuration must say, at once or before the deadline.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ConfigExpectation {
    /// Identities that have an entry each, and what it permits.
    pub with: BTreeMap<String, ClientEntry>,
    /// Identities that have none.
    pub without: Vec<String>,
    /// Uses counted of the case's token, which must be there.
    pub token_uses: Option<u32>,
    /// True where the case's token must be gone.
    pub token_gone: bool,
}

/// A client's entry, under its instance id and key id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ClientEntry {
    /// What it permits, in this order; not looked at where nothing is said.
    pub permissions: Option<Vec<PermissionFixture>>,
}

/// What the peer must hold of operations, at once or before the deadline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OperationsExpectation {
    /// Identity under whose key id they are recorded: `peer`, or a name under `given: others`.
    #[serde(default = "peer")]
    pub of: String,
    /// All of them, by original id: the fields that are given must be equal.
    pub are: Vec<MessagePattern<Operation>>,
    /// How many different flows they have, by the peer's own flow ids.
    #[serde(default)]
    pub flows: Option<u32>,
}

fn peer() -> String {
    PEER.to_owned()
}

/// How many of a race's clients must have come to what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CountExpectation {
    /// Clients whose latest session serves.
    pub established: u32,
}

/// Name of the identity, and of the session, of one client of a race; they count from 1.
pub fn stranger(number: u32) -> String {
    format!("stranger-{number}")
}

impl Scenario {
    /// The capabilities that the peer under test needs for the case to be played.
    pub fn needs(&self) -> BTreeSet<Capability> {
        let of_rules = self.rules.iter().filter_map(|rule| rule.rule().needs);
        let of_steps = self.steps.iter().flat_map(|step| {
            let of_verb = match step.verb {
                Verb::ExpectState(_)
                | Verb::ExpectSnapshot(_)
                | Verb::Subscribe(_)
                | Verb::ExpectUpdate(_)
                | Verb::SetClientConfig(_) => Some(Capability::StateService),
                Verb::ChangeConfig(_) if self.role == Role::Initiator => {
                    Some(Capability::ClientHook)
                }
                Verb::ChangeConfig(_) | Verb::ExpectConfig(_) | Verb::ExpectOperations(_) => {
                    Some(Capability::Hook)
                }
                Verb::ChangeOperations(_) => Some(Capability::ClientHook),
                _ => None,
            };
            let of_headers = step
                .deviate
                .iter()
                .any(|deviation| matches!(deviation, Deviation::StateHeaders(_)));
            of_verb
                .into_iter()
                .chain(of_headers.then_some(Capability::StateAuthentication))
        });
        let of_given = match self.role {
            Role::Responder => self.given.token.as_ref().map(|_| Capability::Pairing),
            Role::Initiator => {
                (!self.given.operations.is_empty()).then_some(Capability::OperationsProvisioned)
            }
        };
        of_rules.chain(of_steps).chain(of_given).collect()
    }
}
