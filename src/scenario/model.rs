//! What a scenario says: these types are the file format.
//!
//! A file holds one claim ([`ScenarioFile`]); loading checks it and turns each row of its table into a
//! [`Scenario`], which nothing changes afterwards.

use std::{collections::BTreeMap, fmt, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    deviation::Deviation,
    fixtures::Fixtures,
    looks::{
        ClientConfigCall, ConfigChange, ConfigExpectation, CountExpectation, OperationsChange,
        OperationsExpectation, STRANGERS_MAX, SnapshotExpectation, StateExpectation,
    },
    message::{self, Message, Pattern},
    schema,
    shown::ShownExpectation,
};
use crate::{
    rules::{Level, RuleId},
    wire::{Code, Role},
};

/// Most steps one scenario may have: more than a reader can follow is several claims.
pub const STEPS_MAX: usize = 100;
/// Most times that a step may be taken: more than a counter of one byte counts to.
pub const TIMES_MAX: u16 = 300;
/// Most steps a scenario comes to once those for many clients, and those taken many times, are written out.
pub const PLAYED_STEPS_MAX: usize = STEPS_MAX * STRANGERS_MAX as usize;
/// Most rows one table may have.
pub const CASES_MAX: usize = 500;
/// Longest wait a step may ask for. The longest wait of the protocol is the 15 s for a handshake.
pub const WITHIN_MAX: Duration = Duration::from_secs(30);
/// Largest scenario file.
pub const FILE_LEN_BYTES_MAX: u64 = 256 * 1024;

/// One playable case: one role, all variables filled in, everything checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Scenario {
    /// Path below `scenarios/` without its ending, and the row's name behind a slash where there is a table.
    pub id: String,
    /// The claim, one sentence.
    pub about: String,
    /// The rules it checks; a finding that names no rule of its own cites the first.
    pub rules: Vec<RuleId>,
    /// The role that the peer under test plays.
    pub role: Role,
    /// Which runs include it.
    pub profile: Profile,
    /// It changes the peer, so nothing else may run beside it.
    pub alone: bool,
    /// What the peer must have been given.
    pub given: Given,
    /// What that comes to for this case: ids, keys and secrets.
    pub fixtures: Fixtures,
    /// Deviations that hold for the whole case.
    pub deviate: Vec<Deviation>,
    /// What happens, in order.
    pub steps: Vec<Step>,
    /// Where the claim stands.
    pub location: Location,
}

impl Scenario {
    /// The strongest level among its rules.
    pub fn level(&self) -> Level {
        // `Level` is ordered strongest first; the loader refuses a scenario without rules.
        self.rules
            .iter()
            .map(|rule| rule.level())
            .min()
            .unwrap_or(Level::Deployed)
    }
}

/// A place in a file; lines and columns count from 1.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Location {
    /// Path as it was given to the loader.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// The role, or roles, that the peer under test plays; we play the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// A host.
    Responder,
    /// A client.
    Initiator,
    /// Played once against each.
    Both,
}

impl Target {
    /// The roles it stands for.
    pub fn roles(self) -> &'static [Role] {
        match self {
            Target::Responder => &[Role::Responder],
            Target::Initiator => &[Role::Initiator],
            Target::Both => &[Role::Responder, Role::Initiator],
        }
    }
}

/// Which runs include a case. Each profile includes the ones before it.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// A first answer within seconds.
    Smoke,
    /// Everything that needs no long wait.
    #[default]
    Standard,
    /// Cases that must wait for one of the peer's own deadlines too.
    Full,
}

/// One file: one claim, told as steps.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ScenarioFile {
    /// The claim, one sentence.
    pub about: String,
    /// Ids of the rules it checks, the one it is chiefly about first.
    #[schemars(with = "Vec<String>")]
    pub rules: Vec<RuleId>,
    /// The role that the peer under test plays.
    pub target: Target,
    /// Which runs include it.
    #[serde(default)]
    pub profile: Profile,
    /// True when it changes the peer, so that nothing else may run beside it.
    #[serde(default)]
    pub alone: bool,
    /// What the peer must have been given.
    #[serde(default)]
    pub given: Given,
    /// Deviations that hold for every step they apply to.
    #[serde(default)]
    #[schemars(schema_with = "schema::deviations")]
    pub deviate: Vec<Deviation>,
    /// A table: one claim over many values. Each row has a `name`, and its other columns are variables.
    #[serde(default)]
    #[schemars(with = "Vec<BTreeMap<String, serde_json::Value>>")]
    pub cases: Vec<serde_json::Value>,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

/// What the peer must have been given before the case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Given {
    /// Who we are to the peer.
    pub peer: PeerFixture,
    /// Further identities of ours, by the name that `as` uses.
    pub others: BTreeMap<String, PeerFixture>,
    /// A pairing token of this case's own; its secret is `$token`.
    pub token: Option<TokenFixture>,
    /// Repositories in the peer's configuration; `$NAME` is the id of the one called NAME.
    pub repos: Vec<RepoFixture>,
    /// Plans in the peer's configuration; `$NAME` is the id of the one called NAME.
    pub plans: Vec<PlanFixture>,
    /// The peer's own operations, as a client; `$NAME` is the id of the one called NAME.
    pub operations: Vec<OperationFixture>,
    /// Further identities of ours that the peer does not know, for `all-at-once` and `each`.
    pub strangers: u32,
}

/// An identity of ours, as the peer knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct PeerFixture {
    /// Whether the peer has an entry for it.
    pub known: bool,
    /// What that entry permits.
    pub permissions: Vec<PermissionFixture>,
}

impl Default for PeerFixture {
    fn default() -> Self {
        PeerFixture {
            known: true,
            permissions: Vec::new(),
        }
    }
}

/// One permission of an entry or a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PermissionFixture {
    /// What is permitted.
    #[serde(rename = "type")]
    pub kind: PermissionKind,
    /// Where: `*`, `repo:ID`, `plan:ID`, `!repo:ID`, `!plan:ID`; none is everywhere.
    #[serde(default)]
    pub scopes: Vec<String>,
}

/// What a permission is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PermissionKind {
    /// PERMISSION_READ_OPERATIONS.
    ReadOperations,
    /// PERMISSION_READ_CONFIG.
    ReadConfig,
    /// PERMISSION_READ_WRITE_CONFIG.
    ReadWriteConfig,
    /// PERMISSION_RECEIVE_SHARED_REPOS.
    ReceiveSharedRepos,
}

impl PermissionKind {
    /// Its name in the contract.
    pub fn name(self) -> &'static str {
        match self {
            PermissionKind::ReadOperations => "PERMISSION_READ_OPERATIONS",
            PermissionKind::ReadConfig => "PERMISSION_READ_CONFIG",
            PermissionKind::ReadWriteConfig => "PERMISSION_READ_WRITE_CONFIG",
            PermissionKind::ReceiveSharedRepos => "PERMISSION_RECEIVE_SHARED_REPOS",
        }
    }
}

/// A pairing token in the peer's configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct TokenFixture {
    /// Admissions it allows; 0 is any number.
    pub max_uses: u32,
    /// Admissions already counted.
    pub uses: u32,
    /// True when its expiry has passed.
    pub expired: bool,
    /// True when its expiry is far ahead; otherwise it never comes.
    pub expires_later: bool,
    /// What a client it admits may do.
    pub permissions: Vec<PermissionFixture>,
}

/// A repository in the peer's configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RepoFixture {
    /// Name within this file.
    pub name: String,
    /// Whether it is marked shared.
    #[serde(default)]
    pub shared: bool,
}

/// A plan in the peer's configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PlanFixture {
    /// Name within this file.
    pub name: String,
    /// Name of the repository it backs up to.
    pub repo: String,
}

/// One of a client's own operations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OperationFixture {
    /// Name within this file.
    pub name: String,
    /// Name of the plan that it belongs to.
    pub plan: String,
    /// Its modno.
    pub modno: i64,
    /// Its id, where that matters; no other operation of any case may have it.
    #[serde(default)]
    pub id: Option<i64>,
    /// The id that its repository had at the time, where that was another than now.
    #[serde(default)]
    pub repo_was: Option<String>,
    /// True where the client does not have it at first: `change-operations` puts it.
    #[serde(default)]
    pub later: bool,
}

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
