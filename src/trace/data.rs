//! How parts of a trace are written as data.

/// A duration as whole nanoseconds.
pub(super) mod nanos {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        // 2^64 ns are 584 years.
        serializer.serialize_u64(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_nanos)
    }
}

/// An item in protobuf's JSON mapping. One without an action is `{}`.
pub(super) mod item {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    use crate::{
        scenario::message::{item_from_json, item_to_json},
        wire::SyncStreamItem,
    };

    pub fn serialize<S: Serializer>(
        item: &SyncStreamItem,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        item_to_json(item).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<SyncStreamItem, D::Error> {
        let json = serde_json::Value::deserialize(deserializer)?;
        item_from_json(&json).map_err(de::Error::custom)
    }
}

/// The same, or `null`.
pub(super) mod optional_item {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    use crate::{
        scenario::message::{item_from_json, item_to_json},
        wire::SyncStreamItem,
    };

    pub fn serialize<S: Serializer>(
        item: &Option<SyncStreamItem>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        item.as_ref().map(item_to_json).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<SyncStreamItem>, D::Error> {
        Option::<serde_json::Value>::deserialize(deserializer)?
            .map(|json| item_from_json(&json).map_err(de::Error::custom))
            .transpose()
    }
}

/// A state in protobuf's JSON mapping.
pub(super) mod state {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer, de};

    use crate::{
        scenario::message_pattern::{message_from_json, message_to_json},
        wire::v1sync::PeerState,
    };

    pub fn serialize<S: Serializer>(state: &PeerState, serializer: S) -> Result<S::Ok, S::Error> {
        message_to_json(state).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Box<PeerState>, D::Error> {
        let json = serde_json::Value::deserialize(deserializer)?;
        let state = message_from_json(&json).map_err(de::Error::custom)?;
        Ok(Box::new(state))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::{
        trace::{Event, EventKind, Sent, Trace, by_hand},
        wire::v1sync::PeerState,
    };

    #[test]
    fn trace_that_was_written_then_read_as_it_was() {
        let EventKind::Received { item, .. } = by_hand::config_with_modno(7) else {
            panic!("an item is received");
        };
        let state = PeerState {
            peer_keyid: "ed25519.x".to_owned(),
            last_heartbeat_millis: 1_795_000_000_123,
            ..PeerState::default()
        };
        let sent = Sent {
            what: "receiveConfig".to_owned(),
            item: Some(item),
            counter: Some(3),
            deviations: vec!["nonce: skip-one".to_owned()],
            fence: None,
        };
        let kinds = [
            EventKind::Sent(sent),
            by_hand::sent("key"),
            by_hand::config_with_modno(8),
            EventKind::State(Box::new(state)),
            EventKind::DeadlinePassed {
                waited: Duration::from_millis(1_250),
            },
        ];
        let events = kinds.into_iter().zip(1..).map(|(kind, at)| Event {
            at: Duration::from_nanos(at * 1_000_003),
            step: 2,
            session: "main".to_owned(),
            kind,
        });
        let trace = Trace {
            events: events.collect(),
        };
        let text = serde_json::to_string(&trace).unwrap();
        let read: Trace = serde_json::from_str(&text).unwrap();
        assert_eq!(read, trace);
    }
}
