//! Every way in which our side may depart from the protocol. Each is one named, typed variant; where none is named, we
//! are honest.
//!
//! Deviations compose by layer: the plaintext (`payload`), its sealing (`seal`, `nonce`, `ciphertext`), the item it
//! travels in (`envelope`), the RPC frame around that (`frame`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One departure from the protocol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Deviation {
    /// Sends this transport version in the key exchange; the honest value is 1.
    TransportVersion(u32),
    /// Spoils our public key, as initiator.
    Key(KeyFault),
    /// Sends the public key of this vector (an id of group `kem_public_key` in `vectors/kem.json`), as initiator.
    KeyVector(String),
    /// Spoils our encapsulation, as responder.
    Encapsulation(KeyFault),
    /// Sends the encapsulation of this vector (an id of group `kem_decap` in `vectors/kem.json`), as responder.
    EncapsulationVector(String),
    /// Derives the session keys with the KEM id that the documentation names, 0x0050.
    KemIdAsPublished(Flag),

    /// Sends this handshake version, and signs it; the honest value is 3.
    ProtocolVersion(i64),
    /// Sends this instance id, and signs it.
    InstanceId(String),
    /// Sends this pairing secret, and signs it.
    PairingSecret(String),
    /// Whose handshake is sent.
    Identity(IdentityFault),
    /// Spoils the public key text; the key id stays that of the honest key unless spoilt too.
    PublicKey(PublicKeyFault),
    /// Spoils the key id.
    KeyId(KeyIdFault),
    /// Sends this key id beside our own key.
    ClaimKeyId(String),
    /// Spoils the signature.
    Signature(SignatureFault),
    /// Signs something other than what was agreed and sent.
    SignOver(SignOver),

    /// Replaces the plaintext before it is sealed.
    Payload(PayloadFault),
    /// Seals wrongly.
    Seal(SealFault),
    /// Sends or uses another nonce than the next one.
    Nonce(NonceFault),
    /// Changes the ciphertext after it was sealed.
    Ciphertext(CiphertextFault),
    /// Sends something other than one sealed item.
    Envelope(EnvelopeFault),

    /// Spoils the RPC frame around the item.
    Frame(FrameFault),
    /// Calls the state service without the headers that it wants, or with others.
    StateHeaders(StateHeadersFault),
    /// Asks with this content type; the honest one is the RPC protocol's.
    ContentType(String),
    /// Asks with this HTTP method; the honest one is POST.
    Method(String),
    /// Asks with this deadline, in milliseconds; an honest request has none.
    Deadline(u32),
    /// Offers gzip for what comes back, as deployed clients do: legal.
    OfferGzip(Flag),
}

/// What a deviation is put on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The item of the key exchange.
    KeyExchange,
    /// The handshake, before it is sealed.
    Handshake,
    /// A sealed item, the handshake among them.
    SealedItem,
    /// How any item travels.
    Frame,
    /// The call that a session stands on.
    Call,
    /// A call of the state service.
    StateCall,
}

impl Deviation {
    /// What it is put on.
    pub fn part(&self) -> Part {
        match self {
            Deviation::TransportVersion(_)
            | Deviation::Key(_)
            | Deviation::KeyVector(_)
            | Deviation::Encapsulation(_)
            | Deviation::EncapsulationVector(_)
            | Deviation::KemIdAsPublished(_) => Part::KeyExchange,
            Deviation::ProtocolVersion(_)
            | Deviation::InstanceId(_)
            | Deviation::PairingSecret(_)
            | Deviation::Identity(_)
            | Deviation::PublicKey(_)
            | Deviation::KeyId(_)
            | Deviation::ClaimKeyId(_)
            | Deviation::Signature(_)
            | Deviation::SignOver(_) => Part::Handshake,
            Deviation::Payload(_)
            | Deviation::Seal(_)
            | Deviation::Nonce(_)
            | Deviation::Ciphertext(_)
            | Deviation::Envelope(_) => Part::SealedItem,
            Deviation::Frame(_) => Part::Frame,
            Deviation::ContentType(_)
            | Deviation::Method(_)
            | Deviation::Deadline(_)
            | Deviation::OfferGzip(_) => Part::Call,
            Deviation::StateHeaders(_) => Part::StateCall,
        }
    }
}

/// The honest value is the absence of the deviation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Flag {
    /// Deviate.
    On,
}

/// What is wrong with a public key or an encapsulation. Both are 1568 bytes of ML-KEM, then a 97-byte point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KeyFault {
    /// The field is empty.
    Missing,
    /// The bytes stand in the other side's field.
    InTheOtherField,
    /// Both fields hold the bytes.
    InBothFields,
    /// The last byte is missing.
    OneByteShort,
    /// A zero byte follows.
    OneByteLong,
    /// One byte in all.
    OneByte,
    /// The ML-KEM part alone.
    MlkemPartOnly,
    /// The point alone.
    PointOnly,
    /// The point stands before the ML-KEM part.
    PartsSwapped,
    /// 1665 zero bytes.
    AllZero,
    /// The first ML-KEM coefficient is 3329 (public keys only).
    CoefficientNotReduced,
    /// Every ML-KEM coefficient is 4095 (public keys only).
    AllCoefficientsNotReduced,
    /// One bit of the ML-KEM part is flipped (encapsulations: still well formed).
    MlkemBitFlipped,
    /// The ML-KEM part is all zero, and decrypts to zeros for whoever holds the key, so that anybody can compute what a
    /// client has from it that does not encrypt again to check (encapsulations: well formed).
    MlkemAllZero,
    /// The point is not on the curve.
    PointOffCurve,
    /// The point is x = 0, y = 0.
    PointZero,
    /// The point has format byte 2 at full length.
    PointCompressedTag,
    /// The point has format byte 6, the hybrid form.
    PointHybridTag,
    /// The point is compressed, 49 bytes.
    PointCompressed,
    /// The point is at infinity: format byte 0.
    PointInfinity,
    /// x of the point is not below the field's prime.
    PointNotReduced,
    /// The public key of an earlier session (public keys only): legal, though nobody should.
    OfTheSessionBefore,
}

/// Whose handshake is sent instead of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum IdentityFault {
    /// The peer's own handshake of this session, byte by byte.
    Reflected,
    /// Our own valid handshake of an earlier session with the same peer.
    Recorded,
    /// The handshake that the other of two peers under test has just sent us, in the session that we have with it. Only in
    /// cases that stand between the two.
    PassedOn,
    /// The valid identity of another host that the client knows: the first under `given: others`. For initiators.
    AnotherKnownOne,
    /// The valid key of another host that the client knows, under our own instance id: the first under `given: others`. For
    /// initiators.
    AnotherKnownKey,
    /// A key that nobody knows, under our instance id.
    UnknownKey,
    /// Our key under an instance id that nobody has.
    OtherInstanceId,
    /// Our key under our instance id in other letter case.
    InstanceIdOtherCase,
    /// A key of low order, with a signature that verifies for it whatever is signed.
    LowOrderKey,
    /// The same key in a second spelling: the sign of x is set, which is 0.
    LowOrderKeyWithSign,
    /// The same key in a second spelling: y is not below the field's prime.
    LowOrderKeyNotReduced,
    /// A key of order 8, with a signature for it that somebody without a private key found by trial.
    KeyOfOrderEight,
}

/// What is wrong with the public key text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PublicKeyFault {
    /// The public_key message is absent.
    Missing,
    /// The text is empty.
    Empty,
    /// 31 bytes.
    OneByteShort,
    /// 33 bytes.
    OneByteLong,
    /// Hexadecimal.
    Hex,
    /// Base64 with padding.
    Padded,
    /// The URL-safe alphabet.
    UrlSafe,
    /// A line break follows.
    LineBreak,
    /// The unused bits of the last character are not zero.
    TrailingBits,
    /// Another valid key, which did not sign.
    OtherKey,
}

/// What is wrong with the key id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KeyIdFault {
    /// Empty.
    Empty,
    /// That of another key.
    OfAnotherKey,
    /// Without `ed25519.`.
    WithoutPrefix,
    /// With another prefix.
    OtherPrefix,
    /// One character short.
    Truncated,
    /// In other letter case.
    OtherCase,
    /// In the standard base64 alphabet with padding.
    Padded,
}

/// What is wrong with the signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SignatureFault {
    /// Empty.
    Empty,
    /// 63 bytes.
    OneByteShort,
    /// 65 bytes.
    OneByteLong,
    /// 64 zero bytes.
    Zero,
    /// 64 arbitrary bytes.
    Random,
    /// Of another key.
    OfAnotherKey,
    /// A bit of R is flipped.
    FlippedInR,
    /// A bit of S is flipped.
    FlippedInS,
    /// S plus the group order: the same signature to a careless verifier.
    Malleated,
}

/// What is signed in place of the agreed hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SignOver {
    /// The transcript of another session.
    OtherTranscript,
    /// An empty transcript.
    EmptyTranscript,
    /// A transcript of zeros.
    ZeroTranscript,
    /// Another instance id than the one sent.
    OtherInstanceId,
    /// An empty instance id.
    EmptyInstanceId,
    /// Another protocol version than the one sent.
    OtherVersion,
    /// A pairing secret where none is sent.
    UnsentSecret,
    /// No pairing secret where one is sent.
    WithoutSecret,
    /// The last byte of the instance id moved to the front of the pairing secret.
    ShiftedBorder,
    /// The fields without their length prefixes.
    WithoutLengths,
    /// Little-endian version and lengths.
    LittleEndian,
    /// Another label.
    OtherLabel,
    /// The label without its NUL byte.
    LabelWithoutNul,
    /// The hash input itself rather than its hash.
    UnhashedInput,
}

/// What is sealed in place of the item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PayloadFault {
    /// Bytes that are no protobuf message.
    NotProtobuf,
    /// The item, its last byte cut off.
    Truncated,
    /// An item without an action.
    EmptyItem,
    /// An item whose action has a number that nobody knows.
    UnknownAction,
    /// The item, the content of its action replaced by bytes that are no message.
    ContentNotProtobuf,
    /// The item, each U+FFFD in its texts replaced by bytes that are not UTF-8.
    InvalidUtf8,
    /// A manifest whose length says 2 GiB less one, and nothing behind it.
    GiantLength,
    /// The sealed item sealed again.
    Nested,
    /// Behind the action, a number that is cut off.
    NumberCutOff,
    /// Behind the action, a number of eleven bytes; ten are the most.
    NumberOfElevenBytes,
    /// Behind the action, a field that is longer than what is left.
    LengthBeyondTheEnd,
    /// Behind the action, a group that does not end.
    GroupWithoutEnd,
    /// Behind the action, the end of a group that did not begin.
    GroupWithoutBeginning,
    /// Behind the action, a group that ends as another one.
    GroupEndsAsAnother,
    /// Behind the action, a field with the number 0.
    FieldZero,
    /// Behind the action, a field of wire type 6, which does not exist.
    WireTypeSix,
    /// Behind the action, a hundred thousand groups, each within the one before.
    DeepGroups,
    /// Behind the action, an unknown field of each wire type, groups included: legal.
    EachWireTypeBeside,
    /// Behind the action, an unknown number with leading zeros: legal.
    PaddedNumberBeside,
    /// Behind the action, an unknown field of a mebibyte: legal.
    MebibyteBeside,
    /// A manifest of a million ids in its place: legal.
    MillionIds,
    /// An unknown field beside the action: legal.
    UnknownFieldBeside,
    /// A heartbeat before the action in the same item: legal, the last counts.
    HeartbeatBefore,
    /// Repeated numbers unpacked: legal.
    Unpacked,
}

/// What is wrong with the sealing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SealFault {
    /// Sealed with associated data.
    AssociatedData,
    /// Sealed with the key of the other direction.
    OtherDirectionKey,
    /// Sealed with a key of zeros.
    ZeroKey,
    /// Sealed with the key of an earlier session.
    EarlierSessionKey,
}

/// What is wrong with the nonce. The item is sealed under the very nonce it carries unless said otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NonceFault {
    /// The nonce of the item before.
    RepeatLast,
    /// Zero once more.
    RepeatFirst,
    /// The one after the next.
    SkipOne,
    /// A thousand further.
    SkipMany,
    /// The counter in little-endian order.
    LittleEndian,
    /// The counter in the first eight bytes.
    CounterInFront,
    /// The first four bytes are not zero.
    PrefixSet,
    /// Random bytes.
    Random,
    /// 11 bytes are sent; the right 12 seal.
    OneByteShort,
    /// 13 bytes are sent; the right 12 seal.
    OneByteLong,
    /// None is sent; the right one seals.
    Missing,
    /// Another nonce is sent than the right one, which seals: the ciphertext opens under the expected nonce.
    SentOther,
    /// The right nonce is sent; another seals.
    SealedUnderOther,
}

/// What is wrong with the ciphertext.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CiphertextFault {
    /// The first bit is flipped.
    FirstBitFlipped,
    /// The last bit of the tag is flipped.
    TagBitFlipped,
    /// The tag is cut off.
    TagCut,
    /// The tag is 12 bytes long.
    TagTruncated,
    /// The tag is zero.
    TagZero,
    /// Empty.
    Empty,
    /// 15 bytes, less than a tag.
    ShorterThanTag,
    /// The plaintext in place of the ciphertext.
    Plaintext,
    /// A zero byte follows.
    Extended,
}

/// What travels in place of one sealed item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EnvelopeFault {
    /// The item itself, unencrypted.
    Plain,
    /// The last sealed item sent, byte by byte.
    Replayed,
    /// The peer's last sealed item, sent back.
    Reflected,
    /// A sealed item of an earlier session.
    OfAnEarlierSession,
    /// An item without an action.
    EmptyItem,
    /// The key exchange once more.
    KeyAgain,
}

/// What is wrong with the RPC frame: 1 flag byte, 4-byte length, payload, the same in gRPC and Connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FrameFault {
    /// Half of it, then our side of the stream ends.
    Truncated,
    /// The first three of its five header bytes, then our side of the stream ends.
    HeaderTruncated,
    /// Its header alone, then our side of the stream ends.
    PayloadMissing,
    /// The flag of the last frame of a Connect response, which no request has.
    EndOfStreamFlag,
    /// The payload is not protobuf.
    NotProtobuf,
    /// The flag says compressed, and no encoding was agreed.
    CompressedWithoutEncoding,
    /// A flag bit that means nothing.
    UnknownFlag,
    /// A length of 4 GiB less one.
    GiantLength,
    /// Byte by byte, each in a DATA frame of its own: legal.
    ByteByByte,
}

/// Faults of the headers by which the state service knows its callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StateHeadersFault {
    /// None of them is sent.
    Missing,
    /// Each is sent with its last character changed.
    Wrong,
}
