//! A message of a known type in protobuf's JSON mapping, of which only some fields are given.

use std::marker::PhantomData;

use prost::Message as _;
use prost_reflect::{DeserializeOptions, DynamicMessage, MessageDescriptor};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value as Json;

use super::{
    message::message_json,
    pattern::{Mismatch, compare_message},
};
use crate::wire::{
    descriptor_pool,
    v1::Operation,
    v1sync::{PeerState, RemoteConfig, SetRemoteClientConfigRequest},
};

/// A message type that files may write.
pub trait Named: prost::Message + Default {
    /// Its full name in the contract.
    const NAME: &'static str;
}

impl Named for PeerState {
    const NAME: &'static str = "v1sync.PeerState";
}

impl Named for Operation {
    const NAME: &'static str = "v1.Operation";
}

impl Named for RemoteConfig {
    const NAME: &'static str = "v1sync.RemoteConfig";
}

impl Named for SetRemoteClientConfigRequest {
    const NAME: &'static str = "v1sync.SetRemoteClientConfigRequest";
}

/// Fields that a message must have, or is to have; those not given do not matter.
#[derive(Clone, Debug, PartialEq)]
pub struct MessagePattern<M> {
    /// As the file has it, variables filled in.
    pub json: Json,
    message: DynamicMessage,
    of: PhantomData<M>,
}

impl<M: Named> MessagePattern<M> {
    /// Reads it.
    ///
    /// # Errors
    /// What the mapping of this message does not have.
    pub fn from_json(json: Json) -> Result<Self, serde_json::Error> {
        let message = DynamicMessage::deserialize(descriptor::<M>(), &json)?;
        Ok(MessagePattern {
            json,
            message,
            of: PhantomData,
        })
    }

    /// The first place where a message differs, in the pattern's order; `None` when it matches.
    pub fn mismatch(&self, seen: &M) -> Option<Mismatch> {
        compare_message("", &self.json, &self.message, &reflect(seen))
    }

    /// The message that has these fields and no others.
    pub fn message(&self) -> M {
        // As above.
        M::decode(self.message.encode_to_vec().as_slice()).unwrap_or_default()
    }
}

fn reflect<M: Named>(message: &M) -> DynamicMessage {
    let mut reflected = DynamicMessage::new(descriptor::<M>());
    reflected
        .transcode_from(message)
        // What one codec wrote for this very message type, the other reads.
        .expect("both are the same message");
    reflected
}

/// A message in protobuf's JSON mapping, default values left out.
pub fn message_to_json<M: Named>(message: &M) -> Json {
    message_json(&reflect(message))
}

/// A message out of protobuf's JSON mapping. A peer of another version may know more fields: those are left out.
///
/// # Errors
/// What the mapping of this message does not have.
pub fn message_from_json<M: Named>(json: &Json) -> Result<M, serde_json::Error> {
    let options = DeserializeOptions::new().deny_unknown_fields(false);
    let message = DynamicMessage::deserialize_with_options(descriptor::<M>(), json, &options)?;
    // As above.
    Ok(M::decode(message.encode_to_vec().as_slice()).unwrap_or_default())
}

/// A message of the contract.
pub(super) fn descriptor<M: Named>() -> MessageDescriptor {
    descriptor_pool()
        .get_message_by_name(M::NAME)
        // The generated type comes from the same descriptor set; a test names them all.
        .expect("the contract has this message")
}

impl<M: Named> Serialize for MessagePattern<M> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json.serialize(serializer)
    }
}

impl<'de, M: Named> Deserialize<'de> for MessagePattern<M> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_json(Json::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_named_message_then_in_the_contract() {
        descriptor::<PeerState>();
        descriptor::<Operation>();
        descriptor::<RemoteConfig>();
        descriptor::<SetRemoteClientConfigRequest>();
    }

    #[test]
    fn fields_given_then_they_alone_are_compared() {
        let state = PeerState {
            peer_keyid: "k".to_owned(),
            last_heartbeat_millis: 5,
            ..PeerState::default()
        };
        let pattern = |json| MessagePattern::<PeerState>::from_json(json).unwrap();
        assert_eq!(
            pattern(json!({"lastHeartbeatMillis": 5, "knownRepos": []})).mismatch(&state),
            None
        );
        let mismatch = pattern(json!({"peerKeyid": "k", "last_heartbeat_millis": "6"}))
            .mismatch(&state)
            .unwrap();
        assert_eq!(mismatch.path, "lastHeartbeatMillis");
        assert_eq!(mismatch.seen, json!("5"));
        assert!(MessagePattern::<PeerState>::from_json(json!({"nonsense": 1})).is_err());
    }

    #[test]
    fn request_then_the_message_it_describes() {
        let json = json!({"reposToDelete": ["a"]});
        let request = MessagePattern::<SetRemoteClientConfigRequest>::from_json(json).unwrap();
        assert_eq!(request.message().repos_to_delete, ["a"]);
    }
}
