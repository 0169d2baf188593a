//! Every kind of test, and what a check is given.

use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{
    Test, VectorSet, authorize,
    findings::Findings,
    format::{Expected, Hex, NoFields},
    frames, handshake, identity, kem,
    load::Entry,
    messages, misread, schedule, session, session_fault, signed_message, tokens, transcript,
};

/// A parsed test that can be checked.
pub(super) trait Case: fmt::Debug + Send + Sync {
    fn check(&self, context: &Context<'_>) -> Findings;
}

/// What stands around a test: its set, for references, and what it says of itself.
pub(super) struct Context<'a> {
    pub(super) set: &'a VectorSet,
    pub(super) entry: &'a Entry,
}

impl<'a> Context<'a> {
    pub(super) fn expected(&self) -> &'a Expected {
        &self.entry.expected
    }

    /// A value of the file's `algorithm` part.
    pub(super) fn algorithm(&self, key: &str) -> Option<&'a Value> {
        self.set.algorithm(&self.entry.file, key)
    }

    /// The bytes of a hex field of another test.
    pub(super) fn hex_of(&self, id: &str, field: &str) -> Option<Vec<u8>> {
        hex_field(self.set.test(id)?, field)
    }

    /// Another test whose honest key exchange ends in this secret.
    pub(super) fn exchange_with(&self, shared_secret: &[u8]) -> Option<Test<'a>> {
        const HONEST: [&str; 2] = ["kem_encap_decap", "kem_public_key"];
        self.set
            .tests()
            .filter(|test| HONEST.contains(&test.group_type()))
            .find(|test| {
                hex_field(*test, "shared_secret").is_some_and(|listed| listed == shared_secret)
            })
    }
}

/// The bytes of a test's hex field, if it has that field.
pub(super) fn hex_field(test: Test<'_>, field: &str) -> Option<Vec<u8>> {
    Hex::parse(test.fields().get(field)?.as_str()?)
        .ok()
        .map(Hex::into_bytes)
}

/// A test with the fields of its group that matter to it.
#[derive(Debug)]
pub(super) struct Of<G, T> {
    pub(super) group: G,
    pub(super) test: T,
}

type Parse = fn(Map<String, Value>, Map<String, Value>) -> Result<Box<dyn Case>, serde_json::Error>;

/// A file schema: the kinds of groups it has.
#[derive(Debug)]
pub(super) struct Schema {
    pub(super) id: &'static str,
    pub(super) groups: &'static [Group],
}

/// A kind of group: how its tests are read.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) name: &'static str,
    pub(super) parse: Parse,
}

const fn group<G, T>(name: &'static str) -> Group
where
    G: DeserializeOwned + 'static,
    T: DeserializeOwned + 'static,
    Of<G, T>: Case,
{
    Group {
        name,
        parse: parse::<G, T>,
    }
}

fn parse<G, T>(
    group: Map<String, Value>,
    test: Map<String, Value>,
) -> Result<Box<dyn Case>, serde_json::Error>
where
    G: DeserializeOwned + 'static,
    T: DeserializeOwned + 'static,
    Of<G, T>: Case,
{
    Ok(Box::new(Of {
        group: serde_json::from_value::<G>(Value::Object(group))?,
        test: serde_json::from_value::<T>(Value::Object(test))?,
    }))
}

/// The kinds of files.
pub(super) static SCHEMAS: [Schema; 10] = [
    Schema {
        id: "backrest-v1sync-vectors/kem/1",
        groups: &[
            group::<kem::KemGroup, kem::EncapDecap>("kem_encap_decap"),
            group::<kem::KemGroup, kem::Decap>("kem_decap"),
            group::<kem::KemGroup, kem::PublicKeyTest>("kem_public_key"),
            group::<kem::KemGroup, kem::PrivateKeyTest>("kem_private_key"),
            group::<kem::KemGroup, kem::DeriveKeyPair>("kem_derive_key_pair"),
        ],
    },
    Schema {
        id: "backrest-v1sync-vectors/schedule/1",
        groups: &[
            group::<schedule::SuiteGroup, schedule::Schedule>("hpke_key_schedule"),
            group::<kem::KemGroup, schedule::Export>("hpke_export"),
            group::<NoFields, misread::Misread>("misread"),
        ],
    },
    Schema {
        id: "backrest-v1sync-vectors/transcript/1",
        groups: &[
            group::<NoFields, transcript::Transcript>("transcript"),
            group::<NoFields, transcript::Wrong>("transcript_wrong"),
        ],
    },
    Schema {
        id: "backrest-v1sync-vectors/frames/1",
        groups: &[
            group::<frames::Direction, frames::Seal>("frame_seal"),
            group::<NoFields, frames::Open>("frame_open"),
        ],
    },
    Schema {
        id: "backrest-v1sync-vectors/identity/1",
        groups: &[
            group::<NoFields, identity::IdentityTest>("identity"),
            group::<identity::MessageGroup, identity::PublicKeyDecode>("public_key_decode"),
            group::<identity::MessageGroup, identity::PrivateKeyDecode>("private_key_decode"),
        ],
    },
    Schema {
        id: "backrest-v1sync-vectors/handshake/1",
        groups: &[
            group::<NoFields, handshake::Sign>("handshake_sign"),
            group::<NoFields, handshake::Verify>("handshake_verify"),
            group::<NoFields, authorize::Authorize>("handshake_authorize"),
        ],
    },
    Schema {
        id: "backrest-v1sync-vectors/signed_message/1",
        groups: &[group::<NoFields, signed_message::Verify>(
            "signed_message_verify",
        )],
    },
    Schema {
        id: "backrest-v1sync-vectors/tokens/1",
        groups: &[
            group::<NoFields, tokens::Parse>("pairing_token_parse"),
            group::<NoFields, tokens::Format>("pairing_token_format"),
            group::<NoFields, tokens::Validate>("pairing_secret_validate"),
        ],
    },
    Schema {
        id: "backrest-v1sync-vectors/messages/1",
        groups: &[
            group::<NoFields, messages::Mapping>("message_field"),
            group::<NoFields, messages::Mapping>("message_full"),
            group::<NoFields, messages::WireEdge>("wire_edge"),
        ],
    },
    Schema {
        id: "backrest-v1sync-vectors/session/1",
        groups: &[
            group::<NoFields, session::Session>("session"),
            group::<NoFields, session_fault::SessionFault>("session_fault"),
        ],
    },
];
