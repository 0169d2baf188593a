//! What happens in a case, step by step.

use std::{fmt, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Location;
use crate::{
    rules::RuleId,
    scenario::{
        deviation::Deviation,
        looks::{
            ClientConfigCall, ConfigChange, ConfigExpectation, CountExpectation, OperationsChange,
            OperationsExpectation, SnapshotExpectation, StateExpectation,
        },
        message::{self, Message, Pattern},
        shown::ShownExpectation,
    },
    wire::Code,
};

/// One thing that happens, or must happen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// What.
    pub verb: Verb,
    /// Session it concerns; the first one needs no name.
    pub on: Option<String>,
    /// Deviations of this step alone.
    pub deviate: Vec<Deviation>,
    /// Longest wait, where the rule gives one; otherwise it follows from the measured round trip.
    pub within: Option<Duration>,
    /// The rule a failure of this step breaks, where it is not the scenario's first.
    pub rule: Option<RuleId>,
    /// Where the step stands.
    pub location: Location,
}

/// The kinds of step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// Open a stream, and send nothing yet.
    Connect(Connect),
    /// Open a stream, exchange keys, send our handshake, verify the peer's and wait until the session serves. A
    /// failure here says that the case could not be judged, not that its rule is broken.
    Establish(Establish),
    /// Send one item.
    Send(Sendable),
    /// The next item that is not background (a heartbeat, a repeated config or resource list) must be this.
    Expect(Expectation),
    /// Wait until the session is up or the stream has ended; both may be.
    Settle(Nothing),
    /// The session must serve: the peer's handshake came and verifies, and a fence is answered.
    ExpectEstablished(Nothing),
    /// The stream must end, with nothing but background before the end.
    ExpectClosed(Ending),
    /// The peer must act on what was refused no further: a responder ends the stream, an initiator answers no
    /// further item.
    ExpectRefused(Ending),
    /// The request must be answered by this HTTP status, before any message.
    ExpectHttp(HttpAnswer),
    /// None of these actions may have come: in the session that `on` names, or in the whole case, probes apart.
    ExpectNever(Vec<ActionName>),
    /// A request whose answer must be the next thing that comes: proof that nothing else came, and that the session
    /// goes on.
    Fence(Nothing),
    /// End our side of the stream, and keep reading.
    HalfClose(Nothing),
    /// Reset the stream.
    Reset(Nothing),
    /// End the stream with a status, as only a host can.
    End(Status),
    /// Cut the stream's connection without a word, as a dying process does.
    Cut(Nothing),
    /// Read nothing more of the stream, and leave it open.
    Stall(Nothing),
    /// Steps that each of the `strangers` takes, on a connection of its own: all of them the first, then all of them the
    /// next. Only `connect`, `send`, `settle`, `half-close`, `reset` and `cut`.
    AllAtOnce(Vec<Step>),
    /// The same, but the next stranger begins when the one before has taken all steps.
    Each(Vec<Step>),
    /// So many strangers must have a session now.
    ExpectCount(CountExpectation),
    /// The state service must tell this of a peer, at once or before the deadline.
    ExpectState(StateExpectation),
    /// The state service, asked for what there is, must tell of each of these peers once.
    ExpectSnapshot(SnapshotExpectation),
    /// Follow the states; `expect-update` reads on. `on` names the call, which can be stalled, cut or reset.
    Subscribe(Nothing),
    /// Whoever follows the states must be told this of a peer, sooner or later.
    ExpectUpdate(StateExpectation),
    /// Call SetRemoteClientConfig.
    SetClientConfig(ClientConfigCall),
    /// Change the peer's configuration, by the hook.
    ChangeConfig(ConfigChange),
    /// The peer's configuration, read by the hook, must say this, at once or before the deadline.
    ExpectConfig(ConfigExpectation),
    /// The operations that the peer holds of an identity, read by the hook, must be these, at once or before the deadline.
    ExpectOperations(OperationsExpectation),
    /// Change the operations of a client, by the hook.
    ChangeOperations(OperationsChange),
    /// A change of operations must come next: this one, and no other.
    ExpectChange(OperationsChange),
    /// The client must show this config to one of its hosts, at once or in a session that it begins before the deadline.
    ExpectShown(ShownExpectation),
    /// Prove that the peer is alive and unharmed.
    Probe(Probe),
}

/// No arguments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// How to open a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Connect {
    /// Identity to use: `peer`, or a name under `given: others`.
    #[serde(rename = "as")]
    pub identity: Option<String>,
    /// Pairing secret that this session's handshake has.
    pub secret: Option<String>,
}

/// How to establish a session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Establish {
    /// Identity to use: `peer`, or a name under `given: others`.
    #[serde(rename = "as")]
    pub identity: Option<String>,
    /// Pairing secret to send.
    pub secret: Option<String>,
}

/// What can be sent.
#[derive(Clone, Debug, PartialEq)]
pub enum Sendable {
    /// Our part of the key exchange: `key`.
    Key,
    /// Our handshake: `handshake`.
    Handshake,
    /// An item in protobuf's JSON mapping.
    Item(Message),
}

/// What can be expected to come.
#[derive(Clone, Debug, PartialEq)]
pub enum Expectation {
    /// The peer's part of the key exchange, well formed: `key`.
    Key,
    /// The peer's handshake, verified: `handshake`.
    Handshake,
    /// An item: the fields given must be equal, others do not matter.
    Item(Pattern),
}

/// How a stream must end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Ending {
    /// The code deployed peers give. Another error code is a finding of the `close.*` rule only; OK
    /// passes only where `also-allowed` lists it, because nothing was refused.
    #[schemars(with = "Option<String>")]
    pub code: Option<Code>,
    /// Codes that are as good.
    #[schemars(with = "Vec<String>")]
    pub also_allowed: Vec<Code>,
    /// True where an HTTP/2 reset or a closed connection is as good as a status: the peer was given no RPC to answer.
    pub or_reset: bool,
    /// True where a peer may as well serve what was asked, because it is an optional capability: then the session goes
    /// on.
    pub or_goes_on: bool,
}

/// How we end a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Status {
    /// The code it ends with.
    #[schemars(with = "String")]
    pub code: Code,
}

/// What an HTTP response must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct HttpAnswer {
    /// Status code.
    pub status: u16,
}

/// How to prove that the peer is alive and unharmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Probe {
    /// A new session of a known identity serves.
    ServesANewSession,
}

/// The name of an action in protobuf's JSON mapping, such as `receiveConfig`.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String")]
pub struct ActionName(pub String);

impl TryFrom<String> for ActionName {
    type Error = UnknownAction;

    fn try_from(name: String) -> Result<ActionName, UnknownAction> {
        match message::action_names().contains(&name.as_str()) {
            true => Ok(ActionName(name)),
            false => Err(UnknownAction(name)),
        }
    }
}

/// No action has this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownAction(pub String);

impl fmt::Display for UnknownAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = message::action_names();
        write!(
            f,
            "no action is called `{}`; known here: {}",
            self.0,
            names.join(", ")
        )
    }
}

impl std::error::Error for UnknownAction {}
