//! Every protocol rule, once: its id, level, whom it binds, the section it comes from and one checkable sentence.
//!
//! Core errors, scenarios, vectors, oracles and reports cite a [`RuleId`]; none restates the sentence. An id is
//! permanent once released: a rule that changes its meaning gets a new id. The sections are those of `docs/protocol.md`.

pub mod capability;
mod vectors;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

pub use capability::Capability;

/// How strongly a rule binds, and so what breaking it does to a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// The published text says so, or security falls without it. Only these fail a run by default.
    Must,
    /// Good practice that interoperating peers may lack.
    Should,
    /// What deployed peers do; another choice interoperates.
    Deployed,
}

/// Whom a rule binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Binds {
    /// The host, which is dialled.
    Responder,
    /// The client, which dials.
    Initiator,
    /// Host and client alike.
    Both,
    /// The state service beside a host or client.
    State,
}

/// One row of the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// `area.what-must-hold`, as scenarios and reports write it.
    pub id: &'static str,
    /// How strongly it binds.
    pub level: Level,
    /// Whom it binds.
    pub binds: Binds,
    /// Section of `docs/protocol.md` that it comes from; 0 for what a target file promises.
    pub section: u8,
    /// Capability without which a peer is not held to it.
    pub needs: Option<Capability>,
    /// Why no case of this suite shows it, where none does.
    pub untestable: Option<&'static str>,
    /// The rule itself.
    pub text: &'static str,
}

impl Rule {
    /// Where the rule comes from, in words.
    pub fn source(&self) -> String {
        match self.section {
            0 => "docs/target.md, capabilities".to_owned(),
            section => format!("docs/protocol.md, section {section}"),
        }
    }
}

impl Level {
    /// The word used in reports and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Level::Must => "must",
            Level::Should => "should",
            Level::Deployed => "deployed",
        }
    }
}

impl Binds {
    /// The word used in reports.
    pub fn name(self) -> &'static str {
        match self {
            Binds::Responder => "responder",
            Binds::Initiator => "initiator",
            Binds::Both => "both",
            Binds::State => "state",
        }
    }
}

macro_rules! ledger {
    ($($name:ident = $id:literal, $level:ident, $binds:ident, $section:literal $(needs $needs:ident)? $(untestable $why:literal)?, $text:literal;)+) => {
        /// A rule of the ledger. Its text and level are in [`RuleId::rule`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum RuleId {
            $(#[doc = $text] $name,)+
        }

        /// Every rule, in the order of the protocol's sections.
        pub const ALL: &[RuleId] = &[$(RuleId::$name,)+];

        const ROWS: &[Rule] = &[$(Rule {
            id: $id,
            level: Level::$level,
            binds: Binds::$binds,
            section: $section,
            needs: ledger!(@needs $($needs)?),
            untestable: ledger!(@why $($why)?),
            text: $text,
        },)+];
    };
    (@needs $needs:ident) => { Some(Capability::$needs) };
    (@needs) => { None };
    (@why $why:literal) => { Some($why) };
    (@why) => { None };
}

impl RuleId {
    /// The row behind the id.
    pub fn rule(self) -> &'static Rule {
        &ROWS[self as usize]
    }

    /// The id as scenarios and reports write it.
    pub fn as_str(self) -> &'static str {
        self.rule().id
    }

    /// How strongly the rule binds.
    pub fn level(self) -> Level {
        self.rule().level
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// No rule of the ledger has this id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownRule(pub String);

impl fmt::Display for UnknownRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no rule has the id `{}`", self.0)
    }
}

impl std::error::Error for UnknownRule {}

impl FromStr for RuleId {
    type Err = UnknownRule;

    fn from_str(text: &str) -> Result<Self, UnknownRule> {
        ALL.iter()
            .copied()
            .find(|rule| rule.as_str() == text)
            .ok_or_else(|| UnknownRule(text.to_owned()))
    }
}

impl Serialize for RuleId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for RuleId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RuleId, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[rustfmt::skip]
ledger! {
    // rpc
    RpcSyncPath = "rpc.sync-path", Must, Both, 1, "Sync is a bidirectional stream at /v1sync.BackrestSyncService/Sync, appended to the URL's path.";
    RpcHttp2 = "rpc.http2", Must, Both, 1, "The stream runs over HTTP/2: prior knowledge for http, ALPN h2 for https.";
    RpcGrpc = "rpc.grpc", Should, Responder, 1, "The responder answers application/grpc and application/grpc+proto.";
    RpcConnect = "rpc.connect", Must, Responder, 1, "The responder answers application/connect+proto, which is what deployed initiators speak.";
    RpcSameOverBoth = "rpc.same-over-both", Must, Responder, 1, "A dialogue has the same outcome over gRPC and over Connect.";
    RpcEnvelopeFaultsClose = "rpc.envelope-faults-close", Must, Both, 1, "A truncated or wrongly compressed RPC envelope ends the stream with an error.";
    RpcUnknownFlagCloses = "rpc.unknown-flag-closes", Should, Both, 1, "An RPC envelope with a flag that neither protocol defines ends the stream with an error.";
    RpcNoCompressionUnasked = "rpc.no-compression-unasked", Must, Both, 1, "A frame is compressed only with an encoding that its receiver offered.";
    RpcUnknownContentType = "rpc.unknown-content-type", Deployed, Responder, 1, "Another content type is refused with HTTP 415.";
    RpcEndHasStatus = "rpc.end-has-status", Must, Responder, 1, "A responder that ends a stream says how: a gRPC status, or a Connect end-of-stream message.";
    RpcDeadlineEndsStream = "rpc.deadline-ends-stream", Should, Responder, 1, "A caller's deadline ends the stream with DEADLINE_EXCEEDED, at any stage.";
    // wire
    WireContract = "wire.contract", Must, Both, 1, "Field numbers, types and labels are those of the published package.";
    WireUnknownFieldsIgnored = "wire.unknown-fields-ignored", Must, Both, 1, "Unknown fields beside a known action are ignored.";
    WireLastOneofWins = "wire.last-oneof-wins", Must, Both, 1, "Of several actions in one item the last counts.";
    WirePackedAndUnpacked = "wire.packed-and-unpacked", Must, Both, 1, "Repeated numbers are read packed and unpacked.";
    WireMalformedEndsSession = "wire.malformed-ends-session", Must, Both, 1, "Bytes that are not a SyncStreamItem end the session.";
    WireInvalidUtf8Refused = "wire.invalid-utf8-refused", Must, Both, 1, "A string that is not UTF-8 is refused.";
    WireInt64FullRange = "wire.int64-full-range", Must, Both, 1, "op ids and modnos keep all 64 bits.";
    // transport
    TransportInitiatorFirst = "transport.initiator-first", Must, Initiator, 2, "The initiator's first item is establish_shared_secret with version 1 and a public key.";
    TransportResponderSilentBefore = "transport.responder-silent-before", Must, Responder, 2, "The responder sends nothing before the initiator's key.";
    TransportReplyShape = "transport.reply-shape", Must, Responder, 2, "The reply carries version 1 and an encapsulation of 1665 bytes and no public key.";
    TransportKeyShape = "transport.key-shape", Must, Initiator, 2, "The public key has 1665 bytes, a canonical ML-KEM-1024 key and an uncompressed P-384 point.";
    TransportVersionExactResponder = "transport.version-exact-responder", Must, Responder, 2, "A transport version other than 1 is refused before anything is sent.";
    TransportVersionExactInitiator = "transport.version-exact-initiator", Must, Initiator, 2, "A reply with a transport version other than 1 is refused.";
    TransportFirstItemOnlyKey = "transport.first-item-only-key", Must, Responder, 2, "Any other first item is refused.";
    TransportReplyOnlyEncapsulation = "transport.reply-only-encapsulation", Must, Initiator, 2, "Any other reply, or one without encapsulation, is refused.";
    TransportKeyLength = "transport.key-length", Must, Responder, 2, "A public key of another length is refused, neither padded nor cut.";
    TransportMlkemKeyCanonical = "transport.mlkem-key-canonical", Must, Responder, 2, "An ML-KEM key with a coefficient of 3329 or more is refused.";
    TransportPointValidResponder = "transport.point-valid-responder", Must, Responder, 2, "A P-384 point that is off the curve, compressed, at infinity or not canonical is refused.";
    TransportPointValidInitiator = "transport.point-valid-initiator", Must, Initiator, 2, "The same holds for the ephemeral point in the encapsulation.";
    TransportEncapsulationLength = "transport.encapsulation-length", Must, Initiator, 2, "An encapsulation of another length is refused.";
    TransportImplicitRejection = "transport.implicit-rejection", Must, Initiator, 2, "A changed ML-KEM ciphertext decapsulates to another secret: nothing the responder seals opens, and the session ends there.";
    TransportSuite = "transport.suite", Must, Both, 2, "HPKE base mode with KEM 0x0051, HKDF-SHA256, AES-256-GCM and the info string of version 1.";
    TransportExporterLabels = "transport.exporter-labels", Must, Both, 2, "Each direction's key is exported with its own label.";
    TransportFreshKey = "transport.fresh-key", Must, Initiator, 2, "Each connection has a fresh KEM key pair, reconnects included.";
    TransportFreshEncapsulation = "transport.fresh-encapsulation", Must, Responder, 2, "Each connection has a fresh encapsulation, also for the same public key.";
    TransportStrayFieldTolerated = "transport.stray-field-tolerated", Deployed, Responder, 2, "A stray kem_encapsulation beside the key is ignored.";
    TransportEncryptedAfterKeyExchange = "transport.encrypted-after-key-exchange", Must, Both, 2, "After the key exchange every item sent is encrypted.";
    TransportWaitBounded = "transport.wait-bounded", Should, Both, 2, "Silence before the key exchange is not waited for without end.";
    // envelope
    EnvelopeNonceStartsAtZero = "envelope.nonce-starts-at-zero", Must, Both, 3, "The first nonce of each direction is zero.";
    EnvelopeNonceCountsUp = "envelope.nonce-counts-up", Must, Both, 3, "Each following nonce is the last one plus one, big-endian in the low eight bytes.";
    EnvelopeReplayRefused = "envelope.replay-refused", Must, Both, 3, "A nonce used before ends the session.";
    EnvelopeGapRefused = "envelope.gap-refused", Must, Both, 3, "A skipped nonce ends the session.";
    EnvelopeNonceLength = "envelope.nonce-length", Must, Both, 3, "A nonce of another length than 12 ends the session.";
    EnvelopeNonceIsCompared = "envelope.nonce-is-compared", Must, Both, 3, "The item's nonce must equal the expected one even when the ciphertext would open under either.";
    EnvelopeTagChecked = "envelope.tag-checked", Must, Both, 3, "A changed, cut or missing tag or ciphertext ends the session.";
    EnvelopeDirectionKeys = "envelope.direction-keys", Must, Both, 3, "A frame sealed with the other direction's key, reflected ones included, ends the session.";
    EnvelopeNoAssociatedData = "envelope.no-associated-data", Must, Both, 3, "Frames are sealed without associated data.";
    EnvelopePlaintextRefused = "envelope.plaintext-refused", Must, Both, 3, "An unencrypted item after the key exchange ends the session.";
    EnvelopeInnerMalformed = "envelope.inner-malformed", Must, Both, 3, "An opened frame that is not a SyncStreamItem ends the session.";
    EnvelopeNestedRefused = "envelope.nested-refused", Must, Both, 3, "An encrypted item inside an encrypted item is refused.";
    EnvelopeEmptyItemRefused = "envelope.empty-item-refused", Must, Both, 3, "An opened item without an action is refused.";
    EnvelopeFirstFaultIsFinal = "envelope.first-fault-is-final", Must, Both, 3, "After a frame that did not open, nothing further is processed, valid frames included.";
    // handshake
    HandshakeFirstInEachDirection = "handshake.first-in-each-direction", Must, Both, 4, "The first encrypted item in each direction is the handshake.";
    HandshakeResponderDoesNotWait = "handshake.responder-does-not-wait", Deployed, Responder, 4, "The responder's handshake does not wait for the initiator's.";
    HandshakeAnythingElseFirstRefused = "handshake.anything-else-first-refused", Must, Both, 4, "Any other first encrypted item is refused.";
    HandshakeVersion3 = "handshake.version-3", Must, Both, 4, "protocol_version other than 3 is refused.";
    HandshakeSendsVersion3 = "handshake.sends-version-3", Must, Both, 4, "The peer sends protocol_version 3.";
    HandshakeKeyPresent = "handshake.key-present", Must, Both, 4, "A missing public key or empty key id is refused.";
    HandshakeKeyidMatchesKey = "handshake.keyid-matches-key", Must, Both, 4, "A key id that is not the hash of the key is refused, prefix included.";
    HandshakeKeyLength = "handshake.key-length", Must, Both, 4, "A key of another length than 32 bytes is refused.";
    HandshakeKeyEncoding = "handshake.key-encoding", Must, Both, 4, "The key is standard base64 without padding; padded, url-safe and hex forms are refused.";
    HandshakeKeyEncodingCanonical = "handshake.key-encoding-canonical", Should, Both, 4, "Line breaks and unused trailing bits in the key's base64 are refused.";
    HandshakeInstanceIdPresent = "handshake.instance-id-present", Must, Both, 4, "An empty instance id is refused.";
    HandshakeSignaturePresent = "handshake.signature-present", Must, Both, 4, "An empty signature is refused.";
    HandshakeSignatureValid = "handshake.signature-valid", Must, Both, 4, "A signature that does not verify is refused, other lengths and other keys included.";
    HandshakeBindsTranscript = "handshake.binds-transcript", Must, Both, 4, "A signature over another session's transcript is refused.";
    HandshakeBindsInstanceId = "handshake.binds-instance-id", Must, Both, 4, "A signature over another instance id is refused.";
    HandshakeBindsPairingSecret = "handshake.binds-pairing-secret", Must, Both, 4, "A signature that omits the sent secret, or covers one that was not sent, is refused.";
    HandshakeBindsVersion = "handshake.binds-version", Must, Both, 4, "A signature over another protocol version is refused.";
    HandshakeLengthPrefixes = "handshake.length-prefixes", Must, Both, 4, "Moving bytes across a field border changes the signed hash.";
    HandshakeOwnSignatureVerifies = "handshake.own-signature-verifies", Must, Both, 4, "The peer's own handshake verifies against the transcript we computed.";
    HandshakeMalleableSignatureRefused = "handshake.malleable-signature-refused", Should, Both, 4, "A signature with S not below the group order is refused.";
    // Cases show it of hosts only, which take new keys in pairing. A client takes the key that its host's key id is the hash
    // of: a key of low order, or another spelling of the host's own, has another id and is refused as unknown. It would pass
    // only where somebody had entered the id of such a key, and no honest host has one.
    HandshakeLowOrderKeyRefused = "handshake.low-order-key-refused", Should, Both, 4, "A low-order or non-canonical public key is refused: one signature would verify for every transcript.";
    HandshakeUnknownKeyRefused = "handshake.unknown-key-refused", Must, Both, 4, "A key that is not known, and not paired, is refused.";
    HandshakeInstanceIdOfKey = "handshake.instance-id-of-key", Must, Both, 4, "A known key with another instance id, case included, is refused.";
    HandshakeExpectedHost = "handshake.expected-host", Must, Initiator, 4, "Only the host that was dialled is accepted, not another known host.";
    HandshakeNothingBeforeVerified = "handshake.nothing-before-verified", Must, Both, 4, "No config, resource, operation or set_config is sent before the peer's handshake verified.";
    HandshakeAgainRefused = "handshake.again-refused", Must, Both, 4, "A second handshake is refused.";
    HandshakeWait15s = "handshake.wait-15s", Deployed, Both, 4, "A handshake that does not come within 15 s ends the session.";
    HandshakeNoSecretFromResponder = "handshake.no-secret-from-responder", Must, Responder, 4, "The responder's handshake carries no pairing secret.";
    HandshakeSecretAfterVerification = "handshake.secret-after-verification", Should, Initiator, 4, "The pairing secret is sent only after the host's handshake verified.";
    HandshakeSpliceRefused = "handshake.splice-refused", Must, Both, 4, "With a man in the middle who exchanges keys with each side, both sides refuse.";
    HandshakeReplayRefused = "handshake.replay-refused", Must, Both, 4, "A handshake recorded in another session is refused.";
    HandshakeReflectionRefused = "handshake.reflection-refused", Must, Both, 4, "The peer's own handshake sent back is refused.";
    // pairing
    PairingValidSecretAdmits = "pairing.valid-secret-admits", Must, Responder, 4 needs Pairing, "A valid secret adds the client with its key id, instance id and the token's permissions.";
    PairingFirstSessionServes = "pairing.first-session-serves", Should, Responder, 4 needs Pairing, "The session that paired goes on as a session.";
    PairingUnknownSecretRefused = "pairing.unknown-secret-refused", Must, Responder, 4, "An unknown or prefix-only secret is refused.";
    PairingExpiredRefused = "pairing.expired-refused", Must, Responder, 4, "A secret past its expiry is refused; an expiry of 0 never comes.";
    PairingUsedUpRefused = "pairing.used-up-refused", Must, Responder, 4, "A secret whose uses reached max_uses is refused; max_uses 0 has no limit.";
    PairingCountsEachUse = "pairing.counts-each-use", Must, Responder, 4 needs Pairing, "Each admission counts one use and the last one removes the token.";
    PairingRaceAdmitsExactly = "pairing.race-admits-exactly", Must, Responder, 4 needs Pairing, "Of many clients racing for the last use exactly one is admitted.";
    PairingKnownKeyConsumesNothing = "pairing.known-key-consumes-nothing", Must, Responder, 4, "A known key's secret is ignored and no use is counted.";
    PairingTakenInstanceIdRefused = "pairing.taken-instance-id-refused", Must, Responder, 4, "A new key with an instance id that is taken, the host's own included, is refused and consumes nothing.";
    PairingInstanceIdForm = "pairing.instance-id-form", Should, Responder, 4, "An instance id over 50 characters, of the form _x_, or with characters outside letters, digits, '_', '-', '.' is refused.";
    PairingOnlyTokenPermissions = "pairing.only-token-permissions", Must, Responder, 4 needs Pairing, "A paired client has the token's permissions and no others.";
    PairingClientForgetsSecret = "pairing.client-forgets-secret", Must, Initiator, 4, "An admitted client sends the secret no more.";
    PairingClientKeepsSecretUntilAdmitted = "pairing.client-keeps-secret-until-admitted", Should, Initiator, 4, "A client that was not admitted still has its secret.";
    PairingTokenText = "pairing.token-text", Must, Both, 4 untestable "The text never crosses the wire; vectors check who reads it.", "Token text splits at the last '#', then the first ':'; all parts non-empty.";
    // permissions
    PermissionsScopeForms = "permissions.scope-forms", Must, Both, 5, "Scopes are '*', repo:ID, plan:ID, !repo:ID, !plan:ID; any other text refuses the session.";
    PermissionsNoScopesMeansAll = "permissions.no-scopes-means-all", Deployed, Both, 5, "A permission without scopes holds for everything.";
    PermissionsExclusionWins = "permissions.exclusion-wins", Must, Both, 5, "An exclusion beats inclusion and wildcard.";
    PermissionsExclusionsAloneGrantNothing = "permissions.exclusions-alone-grant-nothing", Deployed, Both, 5, "Exclusions without an inclusion grant nothing.";
    PermissionsSameTypeTwice = "permissions.same-type-twice", Should, Both, 5, "Two permissions of one type grant what either grants.";
    PermissionsReadOperationsShowsNoConfig = "permissions.read-operations-shows-no-config", Must, Both, 5, "READ_OPERATIONS shows no configuration.";
    PermissionsNoneShowsNothing = "permissions.none-shows-nothing", Must, Both, 5, "Without permission nothing but empty lists is shown.";
    // responder
    ResponderOrderAfterHandshake = "responder.order-after-handshake", Deployed, Responder, 6, "receive_config, receive_resources, then set_config if repos are shared.";
    ResponderConfigFiltered = "responder.config-filtered", Must, Responder, 6, "receive_config holds exactly the repos and plans the client may see.";
    ResponderResourcesFiltered = "responder.resources-filtered", Must, Responder, 6, "receive_resources holds exactly their ids and guids.";
    ResponderConfigVersionAndModno = "responder.config-version-and-modno", Deployed, Responder, 6, "receive_config carries the config's version and modno.";
    ResponderSharedReposOnlyShared = "responder.shared-repos-only-shared", Must, Responder, 6, "Only repos marked shared are pushed.";
    ResponderSharedReposInScope = "responder.shared-repos-in-scope", Must, Responder, 6, "They are pushed only with RECEIVE_SHARED_REPOS in scope.";
    ResponderSharedReposOrigin = "responder.shared-repos-origin", Must, Responder, 6, "Each pushed repo carries the host's instance id as origin_instance_id.";
    ResponderNoPushWithoutCause = "responder.no-push-without-cause", Should, Responder, 6, "No set_config is sent when no repo is shared with the client.";
    ResponderConfigChangeResent = "responder.config-change-resent", Should, Responder, 6, "A change of the host's config is sent to connected clients.";
    ResponderRevokedClientEnds = "responder.revoked-client-ends", Must, Responder, 6, "A client removed from the config loses its session.";
    ResponderChangedClientEnds = "responder.changed-client-ends", Must, Responder, 6, "A client whose permissions changed does not go on under the old ones.";
    ResponderRevokedClientRefused = "responder.revoked-client-refused", Must, Responder, 6, "A removed client is refused when it dials again.";
    ResponderNewestSessionWins = "responder.newest-session-wins", Deployed, Responder, 6, "A second session of one key ends the first and goes on.";
    ResponderHeartbeats = "responder.heartbeats", Should, Responder, 6 untestable "The interval is the host's own, ten minutes by default, and no case waits so long.", "It sends heartbeats at its interval.";
    ResponderHeartbeatNoted = "responder.heartbeat-noted", Must, Responder, 6, "A heartbeat moves the peer's last_heartbeat_millis.";
    ResponderReceiveConfigKept = "responder.receive-config-kept", Must, Responder, 6, "receive_config shows as the peer's remote_config.";
    ResponderReceiveResourcesMerged = "responder.receive-resources-merged", Deployed, Responder, 6, "Lists of one session add up by id.";
    ResponderKnownListsPerSession = "responder.known-lists-per-session", Deployed, Responder, 6, "The known lists start empty in a new session.";
    ResponderManifestLengths = "responder.manifest-lengths", Must, Responder, 6, "op_ids and modnos of different length are refused and nothing is deleted.";
    ResponderManifestDeletesAbsent = "responder.manifest-deletes-absent", Must, Responder, 6, "Operations of this client that the manifest omits are deleted; an empty manifest deletes all of them.";
    ResponderManifestOwnOnly = "responder.manifest-own-only", Must, Responder, 6, "A manifest never touches another client's operations.";
    ResponderManifestRequestsNew = "responder.manifest-requests-new", Must, Responder, 6, "Unknown ids are requested.";
    ResponderManifestRequestsChanged = "responder.manifest-requests-changed", Must, Responder, 6, "Ids with another modno, higher or lower, are requested.";
    ResponderManifestRequestsNoMore = "responder.manifest-requests-no-more", Must, Responder, 6, "Ids with the same modno are not requested, and nothing is sent when none is needed.";
    ResponderManifestOrder = "responder.manifest-order", Deployed, Responder, 6, "Requested ids keep the manifest's order.";
    ResponderOperationsStored = "responder.operations-stored", Must, Responder, 6, "Created and updated operations are stored with their content.";
    ResponderOperationsOwner = "responder.operations-owner", Must, Responder, 6, "They are recorded under the sender's key id, whatever the message claims.";
    ResponderOperationsOriginalIds = "responder.operations-original-ids", Must, Responder, 6, "original_id and original_flow_id are the sent ids; local ids are the host's.";
    ResponderOperationsFlowTogether = "responder.operations-flow-together", Must, Responder, 6, "Operations of one sent flow share one local flow.";
    ResponderOperationsUpsert = "responder.operations-upsert", Must, Responder, 6, "The same id sent again, created or updated, changes the one stored operation.";
    ResponderOperationsIsolated = "responder.operations-isolated", Must, Responder, 6, "The same ids from two clients are two operations.";
    ResponderOperationsDelete = "responder.operations-delete", Must, Responder, 6, "Deletion goes by the sender's original ids, its own operations only.";
    ResponderOperationsDeleteUnknown = "responder.operations-delete-unknown", Should, Responder, 6, "Deleting an unknown id is ignored and the session goes on.";
    ResponderOperationsRecreate = "responder.operations-recreate", Must, Responder, 6, "An operation deleted and created again is stored.";
    ResponderOperationsKeepAlive = "responder.operations-keep-alive", Must, Responder, 6, "keep_alive changes nothing and the session goes on.";
    ResponderOperationsNoKind = "responder.operations-no-kind", Must, Responder, 6, "An event of no kind is refused.";
    ResponderOperationsNoEvent = "responder.operations-no-event", Must, Responder, 6, "receive_operations without an event is refused.";
    ResponderOperationsInvalidRefused = "responder.operations-invalid-refused", Should, Responder, 6, "An operation without its required fields ends the session with an error, not with OK.";
    ResponderIdsAreText = "responder.ids-are-text", Must, Responder, 6, "Ids and names that look like numbers come back as they were sent.";
    ResponderHostOnlyActionsRefused = "responder.host-only-actions-refused", Must, Responder, 6, "request_operation_data, set_config and request_resources from a client are refused and change nothing.";
    ResponderUnknownActionRefused = "responder.unknown-action-refused", Must, Responder, 6, "An unknown or empty action, signed_message and establish_shared_secret are refused.";
    ResponderTakesClientActions = "responder.takes-client-actions", Must, Responder, 6, "heartbeat, receive_config, receive_resources, operation_manifest and receive_operations from a client are taken, and the session goes on.";
    ResponderLogsOrRefusal = "responder.logs-or-refusal", Deployed, Responder, 6, "request_log and receive_log_data are served by peers with the capability and refused by others.";
    ResponderThrottleOrRefusal = "responder.throttle-or-refusal", Deployed, Responder, 6, "throttle is honoured by peers with the capability and refused by others.";
    ResponderStateAfterEnd = "responder.state-after-end", Should, Responder, 6, "After any ending the peer's state is not CONNECTED.";
    ResponderSurvives = "responder.survives", Must, Responder, 6, "After any input the process serves the next session.";
    ResponderLargeItems = "responder.large-items", Should, Responder, 6, "A manifest of a million ids is answered; items over its limit end the session, not the process.";
    ResponderIdleClientsDoNotBlock = "responder.idle-clients-do-not-block", Must, Responder, 6, "Silent, slow or half-open clients do not hold up others.";
    // initiator
    InitiatorOrderAfterHandshake = "initiator.order-after-handshake", Deployed, Initiator, 7, "receive_config, receive_resources, operation_manifest, always, even when empty.";
    InitiatorConfigFiltered = "initiator.config-filtered", Must, Initiator, 7, "receive_config holds exactly what the host may see.";
    InitiatorResourcesFiltered = "initiator.resources-filtered", Must, Initiator, 7, "receive_resources holds exactly what the host may know of.";
    InitiatorManifestOwnOperations = "initiator.manifest-own-operations", Must, Initiator, 7 untestable "A client has operations of others only where it is a host too, and no provision makes it one.", "The manifest lists only operations of this instance, none received from others.";
    InitiatorManifestInScope = "initiator.manifest-in-scope", Must, Initiator, 7, "The manifest lists only operations of repos or plans the host may read.";
    InitiatorManifestModnos = "initiator.manifest-modnos", Must, Initiator, 7, "Each id comes with its current modno, lists of equal length.";
    InitiatorServesRequested = "initiator.serves-requested", Must, Initiator, 7, "request_operation_data is answered with updated_operations holding the asked ids.";
    InitiatorServesOnlyPermitted = "initiator.serves-only-permitted", Must, Initiator, 7, "Operations the host may not read are not served on request either.";
    InitiatorSkipsUnknownIds = "initiator.skips-unknown-ids", Must, Initiator, 7, "Unknown ids are skipped and the session goes on.";
    InitiatorBatches = "initiator.batches", Deployed, Initiator, 7 untestable "No provision holds as many operations as one item takes.", "Large answers come in several items.";
    InitiatorForwardsChanges = "initiator.forwards-changes", Must, Initiator, 7 needs ClientHook, "A new, changed or deleted operation in scope is sent as it happens.";
    InitiatorResendsManifest = "initiator.resends-manifest", Deployed, Initiator, 7, "operation_manifest from the host is answered with a fresh manifest.";
    InitiatorResendsResources = "initiator.resends-resources", Must, Initiator, 7, "request_resources is answered with the resource list.";
    InitiatorConfigRequired = "initiator.config-required", Must, Initiator, 7, "receive_config without config is refused.";
    InitiatorKeepsHostView = "initiator.keeps-host-view", Must, Initiator, 7 needs StateService, "receive_config and receive_resources show in the host's state.";
    InitiatorClientOnlyActionsRefused = "initiator.client-only-actions-refused", Must, Initiator, 7, "receive_operations from a host is refused and stores nothing.";
    InitiatorUnknownActionRefused = "initiator.unknown-action-refused", Must, Initiator, 7, "An unknown or empty action, signed_message, handshake and nested encrypted are refused.";
    InitiatorTakesHostActions = "initiator.takes-host-actions", Must, Initiator, 7, "heartbeat, receive_config, receive_resources and the requests that section 7 names are taken from a host, and the session goes on.";
    InitiatorSetConfigApplies = "initiator.set-config-applies", Must, Initiator, 7, "A permitted set_config creates, replaces and deletes repos and plans.";
    InitiatorSetConfigCounts = "initiator.set-config-counts", Should, Initiator, 7, "A request that changes something makes the modno grow.";
    InitiatorSetConfigPlanPermission = "initiator.set-config-plan-permission", Must, Initiator, 7, "A plan needs write permission in scope.";
    InitiatorSetConfigRepoPermission = "initiator.set-config-repo-permission", Must, Initiator, 7, "A repo needs write permission in scope, or RECEIVE_SHARED_REPOS when new or from this host.";
    InitiatorSetConfigForeignRepo = "initiator.set-config-foreign-repo", Must, Initiator, 7, "A repo of the client's own, or of another host, is not replaced by RECEIVE_SHARED_REPOS.";
    InitiatorSetConfigDeletePermission = "initiator.set-config-delete-permission", Must, Initiator, 7, "Deletions need write permission in scope.";
    InitiatorSetConfigAllOrNothing = "initiator.set-config-all-or-nothing", Must, Initiator, 7, "One forbidden part refuses the whole request and nothing is changed.";
    InitiatorSetConfigInvalidResult = "initiator.set-config-invalid-result", Must, Initiator, 7, "A request that would leave an invalid config changes nothing.";
    InitiatorSetConfigRepoByGuid = "initiator.set-config-repo-by-guid", Must, Initiator, 7, "Repos are matched by guid.";
    InitiatorSetConfigConflictSkipped = "initiator.set-config-conflict-skipped", Deployed, Initiator, 7, "A new repo whose id or uri is taken is skipped.";
    InitiatorSetConfigUnknownDeletion = "initiator.set-config-unknown-deletion", Deployed, Initiator, 7, "Deleting an unknown id is ignored.";
    InitiatorSetConfigNoChange = "initiator.set-config-no-change", Should, Initiator, 7, "A request that changes nothing leaves modno and session alone.";
    InitiatorHeartbeats = "initiator.heartbeats", Should, Initiator, 7 untestable "The interval is the client's own, ten minutes by default, and no case waits so long.", "It sends heartbeats at its interval.";
    InitiatorBacksOff = "initiator.backs-off", Should, Initiator, 7 untestable "It shows in calls that do not come, and a client that redials for another reason is none that loops.", "It does not redial at once in a loop after a failure.";
    InitiatorRedialsAfterEnd = "initiator.redials-after-end", Should, Initiator, 7, "It dials again after a session has ended.";
    InitiatorClosesFailedStream = "initiator.closes-failed-stream", Should, Initiator, 7, "A failed stream is closed, not left open.";
    InitiatorHostsIndependent = "initiator.hosts-independent", Must, Initiator, 7, "A bad or silent host does not disturb sessions with others.";
    InitiatorSurvives = "initiator.survives", Must, Initiator, 7, "After any input the process keeps its other sessions and dials again.";
    // close
    CloseAuthCode = "close.auth-code", Deployed, Responder, 8, "Identity, signature and pairing failures end with PERMISSION_DENIED.";
    CloseProtocolCode = "close.protocol-code", Deployed, Responder, 8, "Protocol failures end with INVALID_ARGUMENT.";
    CloseOtherCode = "close.other-code", Deployed, Responder, 8, "Frames that do not open, and displaced sessions, end with INTERNAL.";
    CloseFailureIsNotOk = "close.failure-is-not-ok", Must, Responder, 8, "A refused dialogue never ends with OK.";
    ClosePromptly = "close.promptly", Should, Responder, 8, "A refusal comes at once, not by a timeout.";
    CloseNoSecretsInMessage = "close.no-secrets-in-message", Should, Responder, 8, "Status messages carry no key, secret or token label.";
    // state
    StateSnapshotComplete = "state.snapshot-complete", Must, State, 9 needs StateService, "Without subscribe: every known host and authorized client once, then OK.";
    StateSnapshotOrder = "state.snapshot-order", Deployed, State, 9 needs StateService untestable "A host that is no client of others has nothing to put first, and no provision makes it one.", "Known hosts come before authorized clients.";
    StateSubscribeUpdates = "state.subscribe-updates", Must, State, 9 needs StateService, "With subscribe each change follows until the caller leaves.";
    StateFields = "state.fields", Must, State, 9 needs StateService, "Instance id, key id, state, known lists, remote config and last heartbeat are those of the peer.";
    StateSlowSubscriberHarmless = "state.slow-subscriber-harmless", Must, State, 9 needs StateService, "A subscriber that stops reading holds up no session and no other subscriber.";
    StateSetConfigNeedsKeyid = "state.set-config-needs-keyid", Must, State, 9 needs StateService, "SetRemoteClientConfig without key id is INVALID_ARGUMENT.";
    StateSetConfigNotConnected = "state.set-config-not-connected", Must, State, 9 needs StateService, "A peer that is not connected is NOT_FOUND.";
    StateSetConfigDelivered = "state.set-config-delivered", Must, State, 9 needs StateService, "A connected peer gets one set_config with the request's four lists.";
    StateNeedsAuthentication = "state.needs-authentication", Should, State, 9 needs StateService, "The state service refuses callers without the host's authentication where it is on.";
    // signed-message
    SignedMessageVerifies = "signed-message.verifies", Must, Both, 4 untestable "No method carries a signed message where it would be obeyed; vectors check who reads it.", "Signature over timestamp and payload, key id of the key, all parts present.";
    SignedMessageAge = "signed-message.age", Must, Both, 4 untestable "No method carries a signed message where it would be obeyed; vectors check who reads it.", "Older than five minutes is refused; from further in the future should be too.";
    // logs
    LogsChunks = "logs.chunks", Should, Both, 10 needs Logs untestable "A log comes from a backup that the peer ran, and no provision holds one.", "A log comes in receive_log_data chunks of its id; the first carries owner and expiry; an empty chunk ends it.";
    LogsError = "logs.error", Should, Both, 10 needs Logs, "A log that can't be had is answered with error_message.";
    // throttle
    ThrottleDelays = "throttle.delays", Should, Both, 10 needs Throttle, "After throttle no item but heartbeats is sent for delay_ms.";
    // capability
    CapabilityDeclaredOnServes = "capability.declared-on-serves", Must, Both, 0 untestable "No case of the catalogue: a run tries what its own target file says.", "What the target file says that the peer can do, it does.";
    CapabilityDeclaredOffRefuses = "capability.declared-off-refuses", Must, Both, 0 untestable "No case of the catalogue: a run tries what its own target file says.", "What the target file says that the peer lacks, it does not do.";
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_id_is_unique_and_found_by_its_text() {
        let ids: HashSet<_> = ALL.iter().map(|rule| rule.as_str()).collect();
        assert_eq!(ids.len(), ALL.len());
        for rule in ALL {
            assert_eq!(rule.as_str().parse::<RuleId>(), Ok(*rule));
        }
    }

    #[test]
    fn every_sentence_ends_and_every_id_has_an_area() {
        for rule in ALL {
            assert!(rule.rule().text.ends_with('.'), "{rule}");
            assert!(rule.as_str().split_once('.').is_some(), "{rule}");
        }
    }

    #[test]
    fn unknown_id_then_error_names_it() {
        let error = "transport.no-such-rule".parse::<RuleId>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "no rule has the id `transport.no-such-rule`"
        );
    }
}
