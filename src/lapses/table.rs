//! Every defect once: its id, the rule it breaks, who can have it, and what such a peer does.

use crate::rules::RuleId;
#[cfg(feature = "self-test")]
use crate::{rules::Binds, wire::Role};

macro_rules! lapses {
    ($($name:ident = $id:literal, $rule:ident, $who:ident $($skips:ident)?, $doc:literal;)+) => {
        /// One thing that a peer gets wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Lapse {
            $(#[doc = $doc] $name,)+
        }

        pub(super) const VARIANTS: &[Lapse] = &[$(Lapse::$name,)+];

        /// Every defect there is.
        #[cfg(feature = "self-test")]
        pub const ALL: &[Lapse] = VARIANTS;

        #[cfg(feature = "self-test")]
        impl Lapse {
            /// The name used on the command line and in reports.
            pub fn id(self) -> &'static str {
                match self { $(Lapse::$name => $id,)+ }
            }

            /// What such a peer does, in one line.
            pub fn doc(self) -> &'static str {
                match self { $(Lapse::$name => $doc,)+ }
            }

            /// The rule that such a peer breaks.
            pub fn rule(self) -> RuleId {
                match self { $(Lapse::$name => RuleId::$rule,)+ }
            }

            /// Who can have it. What the state service can have counts as a host's.
            pub fn binds(self) -> Binds {
                match self { $(Lapse::$name => Binds::$who,)+ }
            }
        }

        /// The defects that consist in passing over what a rule has refused.
        pub(super) const SKIPS: &[Option<(RuleId, Lapse)>] = &[$(lapses!(@skip $name $rule $($skips)?),)+];
    };
    (@skip $name:ident $rule:ident skips) => { Some((RuleId::$rule, Lapse::$name)) };
    (@skip $name:ident $rule:ident) => { None };
}

#[cfg_attr(
    feature = "self-test",
    allow(dead_code, reason = "the assertion needs it without the feature")
)]
pub(super) const COUNT: usize = VARIANTS.len();

/// A defect in a peer of one role.
#[cfg(feature = "self-test")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Defect {
    /// What it gets wrong.
    pub lapse: Lapse,
    /// The role of the peer that has it.
    pub role: Role,
}

/// Every defect in every role that can have it.
#[cfg(feature = "self-test")]
pub fn defects() -> impl Iterator<Item = Defect> {
    ALL.iter().flat_map(|&lapse| {
        let roles: &[Role] = match lapse.binds() {
            Binds::Responder | Binds::State => &[Role::Responder],
            Binds::Initiator => &[Role::Initiator],
            Binds::Both => &[Role::Responder, Role::Initiator],
        };
        roles.iter().map(move |&role| Defect { lapse, role })
    })
}

#[rustfmt::skip]
lapses! {
    // wire
    UnknownFieldRefused = "unknown-field-refused", WireUnknownFieldsIgnored, Both, "Ends the session on a field it does not know.";
    FirstOneofWins = "first-oneof-wins", WireLastOneofWins, Both, "Takes the first of several actions in one item.";
    UnpackedNumbersRefused = "unpacked-numbers-refused", WirePackedAndUnpacked, Both, "Refuses repeated numbers that come unpacked.";
    UnpackedNumbersDropped = "unpacked-numbers-dropped", WirePackedAndUnpacked, Both, "Reads repeated numbers that come unpacked as none.";
    InvalidUtf8Skipped = "invalid-utf8-skipped", WireInvalidUtf8Refused, Both, "Passes over an item with a string that is not UTF-8.";
    InvalidUtf8Replaced = "invalid-utf8-replaced", WireInvalidUtf8Refused, Both, "Replaces what is not UTF-8 in a string and goes on.";
    ActionNumberOffByOne = "action-number-off-by-one", WireContract, Both, "Writes request_operation_data and operation_manifest under the next field number.";
    // transport
    SpeaksFirst = "speaks-first", TransportResponderSilentBefore, Responder, "Sends a heartbeat before any key has come.";
    ReplyVersionZero = "reply-version-zero", TransportReplyShape, Responder, "Answers the key under transport version 0.";
    ReplyEchoesKey = "reply-echoes-key", TransportReplyShape, Responder, "Sends the public key back beside the encapsulation.";
    ReplyTooLong = "reply-too-long", TransportReplyShape, Responder, "Appends a zero byte to the encapsulation.";
    KeyVersionZero = "key-version-zero", TransportInitiatorFirst, Initiator, "Sends its key under transport version 0.";
    HeartbeatBeforeKey = "heartbeat-before-key", TransportInitiatorFirst, Initiator, "Sends a heartbeat before its key.";
    KeyTooLong = "key-too-long", TransportKeyShape, Initiator, "Appends a zero byte to its public key.";
    KeyWithoutPoint = "key-without-point", TransportKeyShape, Initiator, "Sends the ML-KEM half of its key only.";
    KeyVersionUnchecked = "key-version-unchecked", TransportVersionExactResponder, Responder, "Takes a key under any transport version.";
    KeyVersionNewerAccepted = "key-version-newer-accepted", TransportVersionExactResponder, Responder, "Takes a key under a later transport version.";
    KeyVersionMissingAccepted = "key-version-missing-accepted", TransportVersionExactResponder, Responder, "Takes transport version 0 for 1.";
    ReplyVersionUnchecked = "reply-version-unchecked", TransportVersionExactInitiator, Initiator, "Takes a reply under any transport version.";
    ReplyVersionMissingAccepted = "reply-version-missing-accepted", TransportVersionExactInitiator, Initiator, "Takes transport version 0 for 1.";
    OtherFirstItemSkipped = "other-first-item-skipped", TransportFirstItemOnlyKey, Responder skips, "Waits for the key behind whatever comes first.";
    OtherReplySkipped = "other-reply-skipped", TransportReplyOnlyEncapsulation, Initiator skips, "Waits for the encapsulation behind whatever comes first.";
    KeyTailIgnored = "key-tail-ignored", TransportKeyLength, Responder, "Cuts a public key that is too long.";
    ShortKeyAccepted = "short-key-accepted", TransportKeyLength, Responder, "Makes up what a short public key lacks.";
    UnreducedKeyAccepted = "unreduced-key-accepted", TransportMlkemKeyCanonical, Responder, "Reduces coefficients of 3329 and more, and goes on.";
    OffCurvePointAccepted = "off-curve-point-accepted", TransportPointValidResponder, Responder, "Never checks the curve's equation.";
    CompressedPointAccepted = "compressed-point-accepted", TransportPointValidResponder, Responder, "Takes a compressed point.";
    HybridPointAccepted = "hybrid-point-accepted", TransportPointValidResponder, Responder, "Takes a point in the hybrid form.";
    InfinityAccepted = "infinity-accepted", TransportPointValidResponder, Responder, "Takes the point at infinity.";
    UnreducedPointAccepted = "unreduced-point-accepted", TransportPointValidResponder, Responder, "Takes a coordinate that is not below the prime.";
    ReplyOffCurveAccepted = "reply-off-curve-accepted", TransportPointValidInitiator, Initiator, "Never checks the curve's equation of the ephemeral point.";
    ReplyCompressedAccepted = "reply-compressed-accepted", TransportPointValidInitiator, Initiator, "Takes a compressed ephemeral point.";
    ReplyInfinityAccepted = "reply-infinity-accepted", TransportPointValidInitiator, Initiator, "Takes the point at infinity as the ephemeral one.";
    EncapsulationTailIgnored = "encapsulation-tail-ignored", TransportEncapsulationLength, Initiator, "Cuts an encapsulation that is too long.";
    ShortEncapsulationAccepted = "short-encapsulation-accepted", TransportEncapsulationLength, Initiator, "Makes up what a short encapsulation lacks.";
    ZeroCiphertextBelieved = "zero-ciphertext-believed", TransportImplicitRejection, Initiator, "Goes on with the secret of the message that an ML-KEM ciphertext of zeros decrypts to.";
    SuiteOfPublishedText = "suite-of-published-text", TransportSuite, Both, "Derives its keys with KEM id 0x0050.";
    InfoStringMissing = "info-string-missing", TransportSuite, Both, "Derives its keys with an empty info string.";
    DirectionKeysSwapped = "direction-keys-swapped", TransportExporterLabels, Both, "Seals with the key it should open with.";
    OneKeyForBoth = "one-key-for-both", TransportExporterLabels, Both, "Seals with the same key that it opens with.";
    KemKeyReused = "kem-key-reused", TransportFreshKey, Initiator, "Has one KEM key pair for all connections.";
    EncapsulationReused = "encapsulation-reused", TransportFreshEncapsulation, Responder, "Encapsulates with the same randomness each time.";
    HandshakeInTheClear = "handshake-in-the-clear", TransportEncryptedAfterKeyExchange, Both, "Sends its handshake unencrypted.";
    RequestInTheClear = "request-in-the-clear", TransportEncryptedAfterKeyExchange, Both, "Sends what it asks or lists of operations unencrypted.";
    KeyWaitedForForEver = "key-waited-for-for-ever", TransportWaitBounded, Both, "Never gives up a stream on which no key comes.";
    // envelope
    NonceStartsAtOne = "nonce-starts-at-one", EnvelopeNonceStartsAtZero, Both, "Seals its first item under nonce 1.";
    NonceStands = "nonce-stands", EnvelopeNonceCountsUp, Both, "Seals everything from the second item on under nonce 1.";
    NonceCountsByTwo = "nonce-counts-by-two", EnvelopeNonceCountsUp, Both, "Counts its nonces in twos.";
    NonceLittleEndian = "nonce-little-endian", EnvelopeNonceCountsUp, Both, "Writes the counter little-endian.";
    NonceCounterInFront = "nonce-counter-in-front", EnvelopeNonceCountsUp, Both, "Writes the counter into the first eight bytes.";
    NonceCountsToByte = "nonce-counts-to-byte", EnvelopeNonceCountsUp, Both, "Starts again at nonce 0 after 256 items.";
    NonceFromTheWire = "nonce-from-the-wire", EnvelopeNonceCountsUp, Both, "Opens each item under whatever nonce it comes with.";
    LittleEndianNonceAccepted = "little-endian-nonce-accepted", EnvelopeNonceCountsUp, Both, "Takes the counter in little-endian order too.";
    OldNonceAccepted = "old-nonce-accepted", EnvelopeReplayRefused, Both, "Opens an item under a nonce that was used before.";
    LastNonceAccepted = "last-nonce-accepted", EnvelopeReplayRefused, Both, "Opens an item under the nonce of the one before.";
    GapAccepted = "gap-accepted", EnvelopeGapRefused, Both, "Goes on from whatever later nonce comes.";
    GapOfOneAccepted = "gap-of-one-accepted", EnvelopeGapRefused, Both, "Bears with one missing item.";
    LongNonceCut = "long-nonce-cut", EnvelopeNonceLength, Both, "Cuts a nonce of more than 12 bytes.";
    ShortNonceAccepted = "short-nonce-accepted", EnvelopeNonceLength, Both, "Takes a nonce that is too short for the next one.";
    MissingNonceImplied = "missing-nonce-implied", EnvelopeNonceLength, Both, "Takes no nonce for the next one.";
    NonceIgnored = "nonce-ignored", EnvelopeNonceIsCompared, Both, "Opens each item under the next nonce, whatever it comes with.";
    NoncePrefixIgnored = "nonce-prefix-ignored", EnvelopeNonceCountsUp, Both, "Compares the low eight bytes of a nonce only.";
    TagUnchecked = "tag-unchecked", EnvelopeTagChecked, Both, "Decrypts without a look at the tag.";
    TagComparedInPart = "tag-compared-in-part", EnvelopeTagChecked, Both, "Compares the first 12 bytes of the tag.";
    TagMissingAccepted = "tag-missing-accepted", EnvelopeTagChecked, Both, "Decrypts what is too short to have a tag, or has none.";
    TagFailureSkipped = "tag-failure-skipped", EnvelopeTagChecked, Both, "Passes over an item that does not open, and counts it.";
    ZeroKeyAccepted = "zero-key-accepted", EnvelopeTagChecked, Both, "Opens with a key of zeros what does not open with its own.";
    ReflectionAccepted = "reflection-accepted", EnvelopeDirectionKeys, Both, "Opens with its own key what does not open with the peer's.";
    AssociatedDataAdded = "associated-data-added", EnvelopeNoAssociatedData, Both, "Seals with the nonce as associated data.";
    AssociatedDataUnchecked = "associated-data-unchecked", EnvelopeNoAssociatedData, Both, "Opens what was sealed with any associated data.";
    PlaintextAccepted = "plaintext-accepted", EnvelopePlaintextRefused, Both, "Takes an unencrypted item for a sealed one.";
    PlaintextSkipped = "plaintext-skipped", EnvelopePlaintextRefused, Both, "Passes over an unencrypted item.";
    MalformedPlaintextSkipped = "malformed-plaintext-skipped", EnvelopeInnerMalformed, Both, "Passes over a sealed item that is no protobuf.";
    TruncatedPlaintextSkipped = "truncated-plaintext-skipped", WireMalformedEndsSession, Both, "Passes over a sealed item that is cut short.";
    NestedSkipped = "nested-skipped", EnvelopeNestedRefused, Both skips, "Passes over an encrypted item inside an encrypted one.";
    EmptyItemSkipped = "empty-item-skipped", EnvelopeEmptyItemRefused, Both skips, "Passes over an item without an action.";
    GoesOnAfterFault = "goes-on-after-fault", EnvelopeFirstFaultIsFinal, Both, "Passes over an item that does not open, as if it had not come.";
    // handshake
    ConfigBeforeHandshake = "config-before-handshake", HandshakeFirstInEachDirection, Both, "Sends a config before its handshake.";
    WaitsForHandshake = "waits-for-handshake", HandshakeResponderDoesNotWait, Responder, "Sends its handshake only after the initiator's.";
    OtherFirstSealedItemSkipped = "other-first-sealed-item-skipped", HandshakeAnythingElseFirstRefused, Both skips, "Waits for the handshake behind whatever comes first.";
    ProtocolVersionUnchecked = "protocol-version-unchecked", HandshakeVersion3, Both, "Takes a handshake of any version.";
    ProtocolVersionNewerAccepted = "protocol-version-newer-accepted", HandshakeVersion3, Both, "Takes a handshake of a later version.";
    ProtocolVersionMissingAccepted = "protocol-version-missing-accepted", HandshakeVersion3, Both, "Takes version 0 for 3.";
    ProtocolVersionCut = "protocol-version-cut", HandshakeVersion3, Both, "Looks at the low 32 bits of the version.";
    SendsVersionTwo = "sends-version-two", HandshakeSendsVersion3, Both, "Sends, and signs, protocol version 2.";
    MissingKeyIdComputed = "missing-keyid-computed", HandshakeKeyPresent, Both, "Computes the key id where none is sent.";
    KeyIdUnchecked = "keyid-unchecked", HandshakeKeyidMatchesKey, Both, "Believes the key id that is sent.";
    KeyIdPrefixUnchecked = "keyid-prefix-unchecked", HandshakeKeyidMatchesKey, Both, "Compares what stands behind the key id's first dot.";
    KeyIdComparedInPart = "keyid-compared-in-part", HandshakeKeyidMatchesKey, Both, "Compares as much of the key id as is sent.";
    KeyIdCaseIgnored = "keyid-case-ignored", HandshakeKeyidMatchesKey, Both, "Compares key ids without regard to case.";
    LongIdentityKeyCut = "long-identity-key-cut", HandshakeKeyLength, Both, "Cuts an identity key of more than 32 bytes.";
    PaddedKeyAccepted = "padded-key-accepted", HandshakeKeyEncoding, Both, "Takes base64 with padding.";
    UrlSafeKeyAccepted = "url-safe-key-accepted", HandshakeKeyEncoding, Both, "Takes the url-safe alphabet too.";
    HexKeyAccepted = "hex-key-accepted", HandshakeKeyEncoding, Both, "Takes hex digits too.";
    SendsPaddedKey = "sends-padded-key", HandshakeKeyEncoding, Both, "Sends its key in base64 with padding.";
    LineBreaksAccepted = "line-breaks-accepted", HandshakeKeyEncodingCanonical, Both, "Passes over line breaks in a key's base64.";
    TrailingBitsAccepted = "trailing-bits-accepted", HandshakeKeyEncodingCanonical, Both, "Passes over unused bits at the end of a key's base64.";
    EmptyInstanceIdAccepted = "empty-instance-id-accepted", HandshakeInstanceIdPresent, Both, "Takes an empty instance id for the one it knows.";
    MissingSignatureAccepted = "missing-signature-accepted", HandshakeSignaturePresent, Both, "Verifies a signature only where one is sent.";
    SignatureUnchecked = "signature-unchecked", HandshakeSignatureValid, Both, "Never verifies the signature.";
    SignatureTailIgnored = "signature-tail-ignored", HandshakeSignatureValid, Both, "Cuts a signature of more than 64 bytes.";
    OddSignatureAccepted = "odd-signature-accepted", HandshakeSignatureValid, Both, "Takes a signature of another length, whatever it is.";
    ZeroSignatureAccepted = "zero-signature-accepted", HandshakeSignatureValid, Both, "Takes 64 zero bytes for a signature.";
    TranscriptOptional = "transcript-optional", HandshakeBindsTranscript, Both, "Takes a signature over no transcript too.";
    ZeroTranscriptAccepted = "zero-transcript-accepted", HandshakeBindsTranscript, Both, "Takes a signature over a transcript of zeros too.";
    OldTranscriptAccepted = "old-transcript-accepted", HandshakeReplayRefused, Both, "Takes a signature over the transcript of any session it has had.";
    OpenTranscriptAccepted = "open-transcript-accepted", HandshakeSpliceRefused, Both, "Takes a signature over the transcript of another session that is open.";
    InstanceIdUnsigned = "instance-id-unsigned", HandshakeBindsInstanceId, Both, "Takes a signature over no instance id too.";
    SecretUnsigned = "secret-unsigned", HandshakeBindsPairingSecret, Both, "Takes a signature over no pairing secret too.";
    VersionUnsigned = "version-unsigned", HandshakeBindsVersion, Both, "Takes a signature over another protocol version too.";
    LengthsUnsigned = "lengths-unsigned", HandshakeLengthPrefixes, Both, "Takes a signature over the fields without their lengths too.";
    LittleEndianSigned = "little-endian-signed", HandshakeLengthPrefixes, Both, "Takes a signature over little-endian lengths too.";
    SignsWithoutTranscript = "signs-without-transcript", HandshakeOwnSignatureVerifies, Both, "Signs its handshake over no transcript.";
    SignsWithoutInstanceId = "signs-without-instance-id", HandshakeOwnSignatureVerifies, Both, "Signs its handshake over no instance id.";
    MalleableSignatureAccepted = "malleable-signature-accepted", HandshakeMalleableSignatureRefused, Both, "Reduces S of a signature before it verifies.";
    LowOrderKeyAccepted = "low-order-key-accepted", HandshakeLowOrderKeyRefused, Both, "Takes keys of low order.";
    AnyHostAccepted = "any-host-accepted", HandshakeExpectedHost, Initiator, "Talks to whoever proves any identity.";
    HostInstanceIdUnchecked = "host-instance-id-unchecked", HandshakeInstanceIdOfKey, Initiator, "Never compares the host's instance id.";
    HostInstanceIdCaseIgnored = "host-instance-id-case-ignored", HandshakeInstanceIdOfKey, Initiator, "Compares the host's instance id without regard to case.";
    ConfigBeforeVerification = "config-before-verification", HandshakeNothingBeforeVerified, Both, "Sends a config right behind its own handshake.";
    SecondHandshakeSkipped = "second-handshake-skipped", HandshakeAgainRefused, Both skips, "Passes over a second handshake.";
    HandshakeWaitedForForEver = "handshake-waited-for-for-ever", HandshakeWait15s, Both, "Never gives up a stream on which no handshake comes.";
    ResponderSendsSecret = "responder-sends-secret", HandshakeNoSecretFromResponder, Responder, "Sends a pairing secret in its own handshake.";
    SecretSentAtOnce = "secret-sent-at-once", HandshakeSecretAfterVerification, Initiator, "Sends its pairing secret before the host has proved who it is.";
    UnknownKeyAdmitted = "unknown-key-admitted", HandshakeUnknownKeyRefused, Responder, "Serves a key that it does not know, with no permissions.";
    InstanceIdUnchecked = "instance-id-unchecked", HandshakeInstanceIdOfKey, Responder, "Never compares a client's instance id.";
    InstanceIdCaseIgnored = "instance-id-case-ignored", HandshakeInstanceIdOfKey, Responder, "Compares a client's instance id without regard to case.";
    InstanceIdComparedInPart = "instance-id-compared-in-part", HandshakeInstanceIdOfKey, Responder, "Compares as much of a client's instance id as it knows.";
    OwnIdentityAdmitted = "own-identity-admitted", HandshakeReflectionRefused, Responder, "Serves whoever proves its own identity.";
    // pairing
    PairingForgetsClient = "pairing-forgets-client", PairingValidSecretAdmits, Responder, "Serves a client that pairs, and does not add it to its config.";
    PairedClientLostWithChange = "paired-client-lost-with-change", PairingValidSecretAdmits, Responder, "Loses a client that has paired when its config changes.";
    PairingAddsOtherInstanceId = "pairing-adds-other-instance-id", PairingValidSecretAdmits, Responder, "Adds a client that pairs under the token's label in place of its instance id.";
    PairingRefused = "pairing-refused", PairingValidSecretAdmits, Responder, "Refuses every secret.";
    PairingSessionEnds = "pairing-session-ends", PairingFirstSessionServes, Responder, "Ends the session that paired.";
    SecretPrefixAccepted = "secret-prefix-accepted", PairingUnknownSecretRefused, Responder, "Compares as much of a secret as is sent.";
    SecretTailIgnored = "secret-tail-ignored", PairingUnknownSecretRefused, Responder, "Compares a secret over the length of the token's.";
    SecretTrimmed = "secret-trimmed", PairingUnknownSecretRefused, Responder, "Takes white space off a secret before it compares.";
    AnySecretAccepted = "any-secret-accepted", PairingUnknownSecretRefused, Responder, "Takes any secret for that of its first token.";
    ExpiryUnchecked = "expiry-unchecked", PairingExpiredRefused, Responder, "Never looks at a token's expiry.";
    ExpiryZeroIsOver = "expiry-zero-is-over", PairingExpiredRefused, Responder, "Takes an expiry of 0 for one long past.";
    ExpiryInMilliseconds = "expiry-in-milliseconds", PairingExpiredRefused, Responder, "Compares an expiry in seconds with milliseconds.";
    UsesUnchecked = "uses-unchecked", PairingUsedUpRefused, Responder, "Never looks at a token's uses.";
    UsesOffByOne = "uses-off-by-one", PairingUsedUpRefused, Responder, "Admits once more than max_uses says.";
    MaxUsesZeroIsSpent = "max-uses-zero-is-spent", PairingUsedUpRefused, Responder, "Takes max_uses 0 for none.";
    UseNotCounted = "use-not-counted", PairingCountsEachUse, Responder, "Counts no use.";
    UseCountedTwice = "use-counted-twice", PairingCountsEachUse, Responder, "Counts two uses for one.";
    TokenDroppedAtFirstUse = "token-dropped-at-first-use", PairingCountsEachUse, Responder, "Drops a token with its first use.";
    UseLostWithChange = "use-lost-with-change", PairingCountsEachUse, Responder, "Goes back to a token's old uses when its config changes.";
    UseCountedLate = "use-counted-late", PairingRaceAdmitsExactly, Responder, "Counts a use only when the session ends.";
    KnownKeyCountsUse = "known-key-counts-use", PairingKnownKeyConsumesNothing, Responder, "Counts a use for a secret that a known key sends.";
    KnownKeySecretChecked = "known-key-secret-checked", PairingKnownKeyConsumesNothing, Responder, "Refuses a known key whose secret is none of its tokens'.";
    TakenInstanceIdReplaces = "taken-instance-id-replaces", PairingTakenInstanceIdRefused, Responder, "Pairs a new key in place of the client that has its instance id.";
    TakenInstanceIdAdmitted = "taken-instance-id-admitted", PairingTakenInstanceIdRefused, Responder, "Serves a new key under an instance id that is taken.";
    RefusalCountsUse = "refusal-counts-use", PairingTakenInstanceIdRefused, Responder, "Counts a use for a client that it refuses.";
    InstanceIdFormUnchecked = "instance-id-form-unchecked", PairingInstanceIdForm, Responder, "Serves a client that pairs under any instance id.";
    InstanceIdLengthUnchecked = "instance-id-length-unchecked", PairingInstanceIdForm, Responder, "Never looks at the length of an instance id.";
    PairingGrantsEverything = "pairing-grants-everything", PairingOnlyTokenPermissions, Responder, "Grants everything to a client that pairs.";
    PairingGrantsNothing = "pairing-grants-nothing", PairingOnlyTokenPermissions, Responder, "Grants nothing to a client that pairs.";
    // permissions
    UnknownScopeIgnored = "unknown-scope-ignored", PermissionsScopeForms, Both, "Passes over a scope of no known form.";
    UnknownScopeIsWildcard = "unknown-scope-is-wildcard", PermissionsScopeForms, Both, "Takes a scope of no known form for `*`.";
    NoScopesMeanNothing = "no-scopes-mean-nothing", PermissionsNoScopesMeansAll, Both, "Grants nothing by a permission without scopes.";
    ExclusionIgnored = "exclusion-ignored", PermissionsExclusionWins, Both, "Passes over exclusions.";
    InclusionWins = "inclusion-wins", PermissionsExclusionWins, Both, "Lets an inclusion by id beat an exclusion.";
    WildcardWins = "wildcard-wins", PermissionsExclusionWins, Both, "Lets the wildcard beat an exclusion.";
    ExclusionsGrantTheRest = "exclusions-grant-the-rest", PermissionsExclusionsAloneGrantNothing, Both, "Takes exclusions alone for everything else.";
    LastOfTypeCounts = "last-of-type-counts", PermissionsSameTypeTwice, Both, "Keeps the last of two permissions of one type.";
    ReadOperationsShowsConfig = "read-operations-shows-config", PermissionsReadOperationsShowsNoConfig, Both, "Shows configuration to who may read operations.";
    NoPermissionShowsAll = "no-permission-shows-all", PermissionsNoneShowsNothing, Both, "Shows everything to a peer without permissions.";
    ScopeComparedInPart = "scope-compared-in-part", PermissionsScopeForms, Both, "Takes a scope for every id that begins with its own.";
    ScopeKindIgnored = "scope-kind-ignored", PermissionsScopeForms, Both, "Takes `repo:ID` for a plan of that id too, and the other way round.";
    // responder
    ResourcesBeforeConfig = "resources-before-config", ResponderOrderAfterHandshake, Responder, "Sends its resources before its config.";
    ConfigUnfiltered = "config-unfiltered", ResponderConfigFiltered, Responder, "Shows its whole config to everyone.";
    PlansUnfiltered = "plans-unfiltered", ResponderConfigFiltered, Responder, "Filters the repos of its config and not the plans.";
    LastRepoMissing = "last-repo-missing", ResponderConfigFiltered, Responder, "Leaves the last repo out of its config.";
    ResourcesUnfiltered = "resources-unfiltered", ResponderResourcesFiltered, Responder, "Lists all its resources to everyone.";
    ResourcesWithoutGuid = "resources-without-guid", ResponderResourcesFiltered, Responder, "Lists repos without their guids.";
    ResourcesWithoutPlans = "resources-without-plans", ResponderResourcesFiltered, Responder, "Lists no plans.";
    ConfigModnoZero = "config-modno-zero", ResponderConfigVersionAndModno, Responder, "Sends its config without modno.";
    ConfigVersionZero = "config-version-zero", ResponderConfigVersionAndModno, Responder, "Sends its config without version.";
    UnsharedReposPushed = "unshared-repos-pushed", ResponderSharedReposOnlyShared, Responder, "Pushes repos that are not marked shared.";
    SharedReposPushedUnasked = "shared-repos-pushed-unasked", ResponderSharedReposInScope, Responder, "Pushes shared repos without RECEIVE_SHARED_REPOS.";
    SharedReposScopeIgnored = "shared-repos-scope-ignored", ResponderSharedReposInScope, Responder, "Pushes shared repos outside the scope.";
    SharedReposNotPushed = "shared-repos-not-pushed", ResponderSharedReposInScope, Responder, "Never pushes shared repos.";
    PushedRepoWithoutOrigin = "pushed-repo-without-origin", ResponderSharedReposOrigin, Responder, "Pushes repos without origin_instance_id.";
    PushedRepoOfKeyId = "pushed-repo-originates-at-keyid", ResponderSharedReposOrigin, Responder, "Writes its key id where its instance id belongs.";
    EmptyPushSent = "empty-push-sent", ResponderNoPushWithoutCause, Responder, "Sends a set_config without anything in it.";
    ConfigChangeNotTold = "config-change-not-told", ResponderConfigChangeResent, Responder, "Tells no one of a change of its config.";
    RevokedSessionGoesOn = "revoked-session-goes-on", ResponderRevokedClientEnds, Responder, "Leaves the session of a removed client alone.";
    ChangedSessionGoesOn = "changed-session-goes-on", ResponderChangedClientEnds, Responder, "Leaves the session of an altered client alone.";
    RevokedClientAdmitted = "revoked-client-admitted", ResponderRevokedClientRefused, Responder, "Goes by the entry of a removed client when it dials again.";
    DisplacedSessionLeftOpen = "displaced-session-left-open", ResponderNewestSessionWins, Responder, "Leaves the older session of a key open, and deaf.";
    NewerSessionRefused = "newer-session-refused", ResponderNewestSessionWins, Responder, "Refuses a second session of one key.";
    NewerSessionDeaf = "newer-session-deaf", ResponderNewestSessionWins, Responder, "Ends the older session of a key and takes the newer one with it.";
    HostSendsNoHeartbeats = "host-sends-no-heartbeats", ResponderHeartbeats, Responder, "Never sends a heartbeat.";
    HeartbeatNotNoted = "heartbeat-not-noted", ResponderHeartbeatNoted, Responder, "Takes no note of a heartbeat.";
    HeartbeatInSeconds = "heartbeat-in-seconds", ResponderHeartbeatNoted, Responder, "Notes a heartbeat's time in seconds.";
    RemoteConfigDropped = "remote-config-dropped", ResponderReceiveConfigKept, Responder, "Keeps no config of a client.";
    FirstRemoteConfigKept = "first-remote-config-kept", ResponderReceiveConfigKept, Responder, "Keeps the first config of a client, and no later one.";
    ResourcesReplaced = "resources-replaced", ResponderReceiveResourcesMerged, Responder, "Keeps a client's last list of resources only.";
    ResourcesDropped = "resources-dropped", ResponderReceiveResourcesMerged, Responder, "Keeps no resources of a client.";
    KnownListsOutliveSession = "known-lists-outlive-session", ResponderKnownListsPerSession, Responder, "Goes on with the lists of an earlier session.";
    ManifestZipped = "manifest-zipped", ResponderManifestLengths, Responder, "Takes as many of a manifest's ids as there are modnos.";
    ManifestRefusedLate = "manifest-refused-late", ResponderManifestLengths, Responder, "Deletes first, and then finds a manifest's lists unequal.";
    UnequalManifestSkipped = "unequal-manifest-skipped", ResponderManifestLengths, Responder skips, "Passes over a manifest of unequal lists.";
    AbsentOperationsKept = "absent-operations-kept", ResponderManifestDeletesAbsent, Responder, "Keeps what a manifest omits.";
    EmptyManifestIgnored = "empty-manifest-ignored", ResponderManifestDeletesAbsent, Responder, "Deletes nothing on an empty manifest.";
    ManifestDeletesOthers = "manifest-deletes-others", ResponderManifestOwnOnly, Responder, "Deletes what other clients have and a manifest omits.";
    NewIdsNotRequested = "new-ids-not-requested", ResponderManifestRequestsNew, Responder, "Asks for changed operations only.";
    LastIdNotRequested = "last-id-not-requested", ResponderManifestRequestsNew, Responder, "Stops one short of the end of a manifest.";
    FirstIdRequestedOnly = "first-id-requested-only", ResponderManifestRequestsNew, Responder, "Asks for the first operation only.";
    ChangedIdsNotRequested = "changed-ids-not-requested", ResponderManifestRequestsChanged, Responder, "Asks for unknown operations only.";
    LowerModnoNotRequested = "lower-modno-not-requested", ResponderManifestRequestsChanged, Responder, "Asks for an operation only where its modno is higher.";
    HigherModnoNotRequested = "higher-modno-not-requested", ResponderManifestRequestsChanged, Responder, "Asks for an operation only where its modno is lower.";
    EverythingRequested = "everything-requested", ResponderManifestRequestsNoMore, Responder, "Asks for all that a manifest lists.";
    EmptyRequestSent = "empty-request-sent", ResponderManifestRequestsNoMore, Responder, "Sends a request for nothing where nothing is needed.";
    RequestsSorted = "requests-sorted", ResponderManifestOrder, Responder, "Asks in the order of the ids.";
    RequestsReversed = "requests-reversed", ResponderManifestOrder, Responder, "Asks in the reverse order.";
    IdsCutTo32Bits = "ids-cut-to-32-bits", WireInt64FullRange, Responder, "Keeps 32 bits of an op id.";
    IdsThroughFloats = "ids-through-floats", WireInt64FullRange, Responder, "Keeps op ids as floating-point numbers.";
    NegativeIdsDropped = "negative-ids-dropped", WireInt64FullRange, Responder, "Passes over op ids below 0.";
    ModnosCutTo32Bits = "modnos-cut-to-32-bits", WireInt64FullRange, Responder, "Keeps 32 bits of a modno.";
    OperationsNotStored = "operations-not-stored", ResponderOperationsStored, Responder, "Stores no operation.";
    UpdatesNotStored = "updates-not-stored", ResponderOperationsStored, Responder, "Stores created operations, and no updated ones.";
    CreatedNotStored = "created-not-stored", ResponderOperationsStored, Responder, "Stores updated operations, and no created ones.";
    FirstOperationStoredOnly = "first-operation-stored-only", ResponderOperationsStored, Responder, "Stores the first operation of an item.";
    ContentDropped = "content-dropped", ResponderOperationsStored, Responder, "Stores operations without their message and status.";
    OperationsLostWithSession = "operations-lost-with-session", ResponderOperationsStored, Responder, "Begins a client's session without the operations of the one before.";
    OwnerFromMessage = "owner-from-message", ResponderOperationsOwner, Responder, "Files an operation under the key id that it claims.";
    OriginalIdFromMessage = "original-id-from-message", ResponderOperationsOriginalIds, Responder, "Files an operation under the original_id that it claims.";
    FlowPerOperation = "flow-per-operation", ResponderOperationsFlowTogether, Responder, "Gives each operation a flow of its own.";
    SecondWriteIgnored = "second-write-ignored", ResponderOperationsUpsert, Responder, "Stores an operation once, and never changes it.";
    SecondCreationRefused = "second-creation-refused", ResponderOperationsUpsert, Responder, "Ends the session where an operation is created twice.";
    IdsSharedByClients = "ids-shared-by-clients", ResponderOperationsIsolated, Responder, "Files all clients' operations under one owner.";
    DeletionIgnored = "deletion-ignored", ResponderOperationsDelete, Responder, "Deletes nothing.";
    DeletionsLostWithSession = "deletions-lost-with-session", ResponderOperationsDelete, Responder, "Begins a client's session with what the one before had deleted.";
    DeletionOfFirstOnly = "deletion-of-first-only", ResponderOperationsDelete, Responder, "Deletes the first of several operations.";
    DeletesAnyones = "deletes-anyones", ResponderOperationsDelete, Responder, "Deletes an operation whoever it belongs to.";
    DeletesByLocalId = "deletes-by-local-id", ResponderOperationsDelete, Responder, "Deletes by its own ids.";
    UnknownDeletionRefused = "unknown-deletion-refused", ResponderOperationsDeleteUnknown, Responder, "Ends the session on the deletion of an unknown id.";
    DeletedIdsStayDeleted = "deleted-ids-stay-deleted", ResponderOperationsRecreate, Responder, "Never again stores an id that was deleted.";
    KeepAliveRefused = "keep-alive-refused", ResponderOperationsKeepAlive, Responder, "Ends the session on keep_alive.";
    KeepAliveDeletes = "keep-alive-deletes", ResponderOperationsKeepAlive, Responder, "Takes keep_alive for an empty manifest.";
    NoEventSkipped = "no-event-skipped", ResponderOperationsNoEvent, Responder skips, "Passes over receive_operations without an event.";
    NoKindSkipped = "no-kind-skipped", ResponderOperationsNoKind, Responder skips, "Passes over an event of no kind.";
    InvalidOperationSkipped = "invalid-operation-skipped", ResponderOperationsInvalidRefused, Responder skips, "Passes over operations without their required fields.";
    InvalidOperationStored = "invalid-operation-stored", ResponderOperationsInvalidRefused, Responder, "Stores operations without their required fields.";
    IdsReadAsNumbers = "ids-read-as-numbers", ResponderIdsAreText, Responder, "Keeps the repo `007` of an operation as `7`.";
    ListedIdsReadAsNumbers = "listed-ids-read-as-numbers", ResponderIdsAreText, Responder, "Keeps the repo `007` that a client lists as `7`.";
    HostOnlyActionsSkipped = "host-only-actions-skipped", ResponderHostOnlyActionsRefused, Responder skips, "Passes over what only hosts send.";
    RequestResourcesAnswered = "request-resources-answered", ResponderHostOnlyActionsRefused, Responder, "Answers a client's request_resources.";
    SetConfigObeyed = "set-config-obeyed", ResponderHostOnlyActionsRefused, Responder, "Deletes repos when a client says so.";
    OtherActionsSkipped = "other-actions-skipped", ResponderUnknownActionRefused, Responder skips, "Passes over a signed message and a second key exchange.";
    LogRequestUnanswered = "log-request-unanswered", ResponderLogsOrRefusal, Responder, "Answers no request_log, and does not refuse it.";
    ThrottleUnheeded = "throttle-unheeded", ThrottleDelays, Both, "Passes over throttle.";
    LogWithoutEnd = "log-without-end", LogsChunks, Responder, "Leaves out the empty chunk at a log's end.";
    LogErrorSilent = "log-error-silent", LogsError, Responder, "Sends an empty log in place of an error.";
    StateStaysConnected = "state-stays-connected", ResponderStateAfterEnd, Responder, "Shows a client as connected that has left.";
    DiesOfProtocolError = "dies-of-protocol-error", ResponderSurvives, Responder, "Serves nobody after a protocol error.";
    DiesOfSessionFault = "dies-of-session-fault", ResponderSurvives, Responder, "Serves nobody after a frame that did not open.";
    DiesOfRefusal = "dies-of-refusal", ResponderSurvives, Responder, "Serves nobody after a refused handshake.";
    FaultLocksOut = "fault-locks-out", ResponderSurvives, Responder, "Refuses a client whose last session ended with an error.";
    ManifestLimitSmall = "manifest-limit-small", ResponderLargeItems, Responder, "Refuses a manifest of more than 1,000 ids.";
    OneSessionAtATime = "one-session-at-a-time", ResponderIdleClientsDoNotBlock, Responder, "Begins with a caller when the one before has left.";
    OneHandshakeAtATime = "one-handshake-at-a-time", ResponderIdleClientsDoNotBlock, Responder, "Begins with a caller when the one before is verified.";
    // close
    AuthFailuresUnauthenticated = "auth-failures-unauthenticated", CloseAuthCode, Responder, "Ends with UNAUTHENTICATED where it should be PERMISSION_DENIED.";
    ProtocolFailuresInternal = "protocol-failures-internal", CloseProtocolCode, Responder, "Ends with INTERNAL where it should be INVALID_ARGUMENT.";
    SessionFailuresInvalid = "session-failures-invalid", CloseOtherCode, Responder, "Ends with INVALID_ARGUMENT where it should be INTERNAL.";
    AuthFailuresOk = "auth-failures-ok", CloseFailureIsNotOk, Responder, "Ends a refused handshake with OK.";
    ProtocolFailuresOk = "protocol-failures-ok", CloseFailureIsNotOk, Responder, "Ends on a protocol error with OK.";
    SessionFailuresOk = "session-failures-ok", CloseFailureIsNotOk, Responder, "Ends with OK on a frame that does not open.";
    RefusedStreamLeftOpen = "refused-stream-left-open", ClosePromptly, Responder, "Falls silent where it should end the stream.";
    RefusalWaitsForCaller = "refusal-waits-for-caller", ClosePromptly, Responder, "Ends a refused stream when the caller ends its side.";
    SecretInStatus = "secret-in-status", CloseNoSecretsInMessage, Responder, "Repeats the pairing secret in its status message.";
    // rpc
    OtherPathServed = "other-path-served", RpcSyncPath, Responder, "Serves Connect under another path only.";
    GrpcProtoRefused = "grpc-proto-refused", RpcGrpc, Responder, "Refuses application/grpc+proto.";
    GrpcRefused = "grpc-refused", RpcGrpc, Responder, "Answers no gRPC.";
    ConnectRefused = "connect-refused", RpcConnect, Responder, "Answers no Connect.";
    ConnectErrorDropped = "connect-error-dropped", RpcSameOverBoth, Responder, "Ends every Connect stream without an error.";
    ConnectCodeUnknown = "connect-code-unknown", CloseProtocolCode, Responder, "Ends every failed Connect stream with `unknown`.";
    BrokenFrameOk = "broken-frame-ok", RpcEnvelopeFaultsClose, Responder, "Ends with OK on a frame that it cannot read.";
    BrokenFrameLeftOpen = "broken-frame-left-open", RpcEnvelopeFaultsClose, Responder, "Falls silent on a frame that it cannot read.";
    CompressedFlagIgnored = "compressed-flag-ignored", RpcEnvelopeFaultsClose, Responder, "Reads a frame marked compressed as it is.";
    UnknownFlagIgnored = "unknown-flag-ignored", RpcUnknownFlagCloses, Responder, "Passes over flag bits that it does not know.";
    CompressesUnasked = "compresses-unasked", RpcNoCompressionUnasked, Responder, "Compresses whatever the caller can read.";
    AnyContentTypeServed = "any-content-type-served", RpcUnknownContentType, Responder, "Takes any content type for gRPC.";
    EndsWithoutStatus = "ends-without-status", RpcEndHasStatus, Responder, "Ends its answers without trailers.";
    HalfCloseLeftOpen = "half-close-left-open", RpcEndHasStatus, Responder, "Leaves a half-closed stream open.";
    DeadlineIgnored = "deadline-ignored", RpcDeadlineEndsStream, Responder, "Passes over a caller's deadline.";
    // state
    SnapshotOfConnectedOnly = "snapshot-of-connected-only", StateSnapshotComplete, State, "Tells of connected peers only.";
    SnapshotLastMissing = "snapshot-last-missing", StateSnapshotComplete, State, "Leaves the last peer out.";
    SnapshotTwice = "snapshot-twice", StateSnapshotComplete, State, "Tells of each peer twice.";
    SnapshotLeftOpen = "snapshot-left-open", StateSnapshotComplete, State, "Never ends a snapshot.";
    ClientsBeforeHosts = "clients-before-hosts", StateSnapshotOrder, State, "Tells of clients before hosts.";
    SubscriptionEnds = "subscription-ends", StateSubscribeUpdates, State, "Ends a subscription after the snapshot.";
    SubscriptionSilent = "subscription-silent", StateSubscribeUpdates, State, "Tells a subscriber of no change.";
    StateWithoutConfig = "state-without-config", StateFields, State, "Tells of no peer's config.";
    StateWithoutLists = "state-without-lists", StateFields, State, "Tells of no peer's known repos and plans.";
    StateNamesKeyTwice = "state-names-key-twice", StateFields, State, "Writes the key id where the instance id belongs.";
    SlowSubscriberBlocks = "slow-subscriber-blocks", StateSlowSubscriberHarmless, State, "Serves nobody while someone subscribes.";
    MissingKeyIdNotFound = "missing-keyid-not-found", StateSetConfigNeedsKeyid, State, "Answers a request without key id with NOT_FOUND.";
    MissingKeyIdOk = "missing-keyid-ok", StateSetConfigNeedsKeyid, State, "Answers a request without key id with OK.";
    NotConnectedOk = "not-connected-ok", StateSetConfigNotConnected, State, "Answers OK where the peer is not connected.";
    NotConnectedUnavailable = "not-connected-unavailable", StateSetConfigNotConnected, State, "Answers UNAVAILABLE where the peer is not connected.";
    SetConfigDropped = "set-config-dropped", StateSetConfigDelivered, State, "Answers OK and sends nothing.";
    SetConfigWithoutDeletions = "set-config-without-deletions", StateSetConfigDelivered, State, "Leaves the deletions out of what it sends.";
    SetConfigTwice = "set-config-twice", StateSetConfigDelivered, State, "Sends each change twice.";
    SetConfigToAll = "set-config-to-all", StateSetConfigDelivered, State, "Sends each change to every client.";
    // initiator
    ClientSendsNoHeartbeats = "client-sends-no-heartbeats", InitiatorHeartbeats, Initiator, "Never sends a heartbeat.";
    ManifestBeforeConfig = "manifest-before-config", InitiatorOrderAfterHandshake, Initiator, "Sends its manifest before its config.";
    EmptyManifestOmitted = "empty-manifest-omitted", InitiatorOrderAfterHandshake, Initiator, "Sends no manifest where it would list nothing.";
    ClientConfigUnfiltered = "client-config-unfiltered", InitiatorConfigFiltered, Initiator, "Shows its whole config to every host.";
    ClientConfigLacksRepo = "client-config-lacks-repo", InitiatorConfigFiltered, Initiator, "Leaves the last repo out of its config.";
    ClientResourcesUnfiltered = "client-resources-unfiltered", InitiatorResourcesFiltered, Initiator, "Lists all its resources to every host.";
    ClientResourcesOfConfig = "client-resources-of-config", InitiatorResourcesFiltered, Initiator, "Lists only resources whose configuration the host may see.";
    ManifestEmpty = "manifest-empty", InitiatorManifestOwnOperations, Initiator, "Lists no operations.";
    ManifestLacksLast = "manifest-lacks-last", InitiatorManifestOwnOperations, Initiator, "Stops one short of the end of its operations.";
    ManifestUnfiltered = "manifest-unfiltered", InitiatorManifestInScope, Initiator, "Lists operations that the host may not read.";
    OperationsByRepoId = "operations-by-repo-id", InitiatorManifestInScope, Initiator, "Goes by the repo id that an operation names, and not by its guid.";
    ManifestModnosZero = "manifest-modnos-zero", InitiatorManifestModnos, Initiator, "Lists every operation at modno 0.";
    ManifestModnosShort = "manifest-modnos-short", InitiatorManifestModnos, Initiator, "Lists one modno fewer than ids.";
    RequestUnanswered = "request-unanswered", InitiatorServesRequested, Initiator, "Answers no request for operations.";
    FirstRequestedServedOnly = "first-requested-served-only", InitiatorServesRequested, Initiator, "Serves the first of the operations that it is asked for.";
    ServedAsCreated = "served-as-created", InitiatorServesRequested, Initiator, "Serves what it is asked for as created_operations.";
    ServesUnpermitted = "serves-unpermitted", InitiatorServesOnlyPermitted, Initiator, "Serves whatever operation it is asked for.";
    UnknownIdEndsSession = "unknown-id-ends-session", InitiatorSkipsUnknownIds, Initiator, "Ends the session on a request for an unknown id.";
    UnknownIdServedEmpty = "unknown-id-served-empty", InitiatorSkipsUnknownIds, Initiator, "Serves an empty operation for an unknown id.";
    UnknownIdStopsAnswer = "unknown-id-stops-answer", InitiatorSkipsUnknownIds, Initiator, "Serves what is asked for before an unknown id only.";
    NoBatches = "no-batches", InitiatorBatches, Initiator, "Serves any number of operations in one item.";
    RequestIdsCut = "request-ids-cut", WireInt64FullRange, Initiator, "Keeps 32 bits of the ids it is asked for.";
    ManifestIdsThroughFloats = "manifest-ids-through-floats", WireInt64FullRange, Initiator, "Lists its ids as floating-point numbers would have them.";
    ChangesNotForwarded = "changes-not-forwarded", InitiatorForwardsChanges, Initiator, "Tells hosts of no change.";
    DeletionsNotForwarded = "deletions-not-forwarded", InitiatorForwardsChanges, Initiator, "Tells hosts of no deletion.";
    ChangesForwardedUnfiltered = "changes-forwarded-unfiltered", InitiatorForwardsChanges, Initiator, "Tells every host of every change.";
    ManifestNotResent = "manifest-not-resent", InitiatorResendsManifest, Initiator, "Answers no manifest.";
    ResourcesNotResent = "resources-not-resent", InitiatorResendsResources, Initiator, "Answers no request for resources.";
    MissingConfigSkipped = "missing-config-skipped", InitiatorConfigRequired, Initiator skips, "Passes over receive_config without a config.";
    HostConfigDropped = "host-config-dropped", InitiatorKeepsHostView, Initiator, "Keeps no config of a host.";
    HostResourcesDropped = "host-resources-dropped", InitiatorKeepsHostView, Initiator, "Keeps no resources of a host.";
    ClientOnlyActionsSkipped = "client-only-actions-skipped", InitiatorClientOnlyActionsRefused, Initiator skips, "Passes over operations from a host.";
    HostOperationsStored = "host-operations-stored", InitiatorClientOnlyActionsRefused, Initiator, "Takes a host's operations for its own.";
    ClientSkipsOtherActions = "client-skips-other-actions", InitiatorUnknownActionRefused, Initiator skips, "Passes over a signed message and a second key exchange.";
    SetConfigIgnored = "set-config-ignored", InitiatorSetConfigApplies, Initiator, "Changes nothing on set_config.";
    SetConfigModnoStands = "set-config-modno-stands", InitiatorSetConfigCounts, Initiator, "Leaves its modno alone when a host changes its config.";
    SetConfigDeletionsIgnored = "set-config-deletions-ignored", InitiatorSetConfigApplies, Initiator, "Passes over the deletions of a set_config.";
    SetConfigPlansIgnored = "set-config-plans-ignored", InitiatorSetConfigApplies, Initiator, "Passes over the plans of a set_config.";
    PlanPermissionUnchecked = "plan-permission-unchecked", InitiatorSetConfigPlanPermission, Initiator, "Lets any host change plans.";
    WriteScopeUnchecked = "write-scope-unchecked", InitiatorSetConfigPlanPermission, Initiator, "Lets a host that may write something write everything.";
    WriteExclusionIgnored = "write-exclusion-ignored", PermissionsExclusionWins, Initiator, "Lets a host change what its permission to write excludes.";
    ReadersMayWrite = "readers-may-write", InitiatorSetConfigPlanPermission, Initiator, "Lets a host change what it may read.";
    ForbiddenPlanSkipped = "forbidden-plan-skipped", InitiatorSetConfigPlanPermission, Initiator skips, "Passes over a set_config with a forbidden plan, and goes on.";
    RepoPermissionUnchecked = "repo-permission-unchecked", InitiatorSetConfigRepoPermission, Initiator, "Lets any host change repos.";
    ForbiddenRepoSkipped = "forbidden-repo-skipped", InitiatorSetConfigRepoPermission, Initiator skips, "Passes over a set_config with a forbidden repo, and goes on.";
    SharedRepoRefused = "shared-repo-refused", InitiatorSetConfigRepoPermission, Initiator, "Refuses repos that a host shares.";
    ForeignRepoReplaced = "foreign-repo-replaced", InitiatorSetConfigForeignRepo, Initiator, "Lets a host that shares repos replace any.";
    DeletePermissionUnchecked = "delete-permission-unchecked", InitiatorSetConfigDeletePermission, Initiator, "Lets any host delete.";
    ForbiddenDeletionSkipped = "forbidden-deletion-skipped", InitiatorSetConfigDeletePermission, Initiator skips, "Passes over a set_config with a forbidden deletion, and goes on.";
    ForbiddenPartsSkipped = "forbidden-parts-skipped", InitiatorSetConfigAllOrNothing, Initiator, "Applies what is allowed of a set_config and passes over the rest.";
    InvalidResultHalfApplied = "invalid-result-half-applied", InitiatorSetConfigInvalidResult, Initiator, "Applies the repos of a set_config whose plans are not valid.";
    RepoMatchedById = "repo-matched-by-id", InitiatorSetConfigRepoByGuid, Initiator, "Matches repos by id.";
    ConflictOverwrites = "conflict-overwrites", InitiatorSetConfigConflictSkipped, Initiator, "Replaces a repo by a new one of the same id.";
    ConflictEndsSession = "conflict-ends-session", InitiatorSetConfigConflictSkipped, Initiator, "Refuses a set_config with a new repo whose id is taken.";
    UnknownDeletionEndsSession = "unknown-deletion-ends-session", InitiatorSetConfigUnknownDeletion, Initiator, "Refuses a set_config that deletes an unknown id.";
    NoChangeCounts = "no-change-counts", InitiatorSetConfigNoChange, Initiator, "Counts and announces a change where there is none.";
    RedialsAtOnce = "redials-at-once", InitiatorBacksOff, Initiator, "Dials again the moment a session has ended.";
    NeverRedials = "never-redials", InitiatorRedialsAfterEnd, Initiator, "Dials each host once.";
    FailedStreamLeftOpen = "failed-stream-left-open", InitiatorClosesFailedStream, Initiator, "Falls silent where it should end the stream.";
    FaultEndsAllSessions = "fault-ends-all-sessions", InitiatorHostsIndependent, Initiator, "Ends all its sessions where one host breaks a rule.";
    FaultStopsDialling = "fault-stops-dialling", InitiatorRedialsAfterEnd, Initiator, "Never again dials a host that broke a rule.";
    SecretNeverForgotten = "secret-never-forgotten", PairingClientForgetsSecret, Initiator, "Sends its pairing secret each time it dials.";
    SecretForgottenAtDial = "secret-forgotten-at-dial", PairingClientKeepsSecretUntilAdmitted, Initiator, "Forgets its pairing secret as soon as it dials.";
    SecretForgottenAtHandshake = "secret-forgotten-at-handshake", PairingClientKeepsSecretUntilAdmitted, Initiator, "Forgets its pairing secret once the host has proved who it is.";
}
