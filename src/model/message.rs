//! The messages: each member of the oneof honest and malformed, and what is no member of it.

use serde_json::{Value as Json, json};

use crate::{
    scenario::fixtures::STARTED_AT_UNIX_MS,
    wire::{Action, SyncStreamItem, v1::operation_event::Event},
};

/// An item with an action, as it is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Item {
    /// establish_shared_secret: where keys exist already, one without a key.
    EstablishSharedSecret,
    /// handshake, signed for this session.
    Handshake,
    /// signed_message.
    SignedMessage,
    /// heartbeat.
    Heartbeat,
    /// operation_manifest of [`Item::OPERATION_ID`] at [`Item::CREATED_MODNO`].
    OperationManifest,
    /// operation_manifest of nothing.
    EmptyManifest,
    /// operation_manifest with two ids and one modno.
    ManifestShortOfModnos,
    /// operation_manifest with one id and two modnos.
    ManifestShortOfIds,
    /// receive_operations: [`Item::OPERATION_ID`] created at [`Item::CREATED_MODNO`].
    CreatedOperations,
    /// receive_operations: [`Item::OPERATION_ID`] updated to [`Item::UPDATED_MODNO`].
    UpdatedOperations,
    /// receive_operations: [`Item::OPERATION_ID`] deleted.
    DeletedOperations,
    /// receive_operations: keep_alive.
    KeepAlive,
    /// receive_operations without an event.
    OperationsWithoutEvent,
    /// receive_operations with an event of no kind.
    OperationsOfNoKind,
    /// receive_operations: an operation created that has an id and nothing else.
    OperationWithoutFields,
    /// request_operation_data of ids that the peer does not hold.
    RequestOperationData,
    /// receive_config.
    ReceiveConfig,
    /// receive_config without a config.
    ReceiveConfigWithoutConfig,
    /// receive_resources.
    ReceiveResources,
    /// set_config of a plan that we were given no permission to write.
    SetConfig,
    /// set_config of nothing.
    EmptySetConfig,
    /// request_resources.
    RequestResources,
    /// request_log.
    RequestLog,
    /// receive_log_data.
    ReceiveLogData,
    /// throttle.
    Throttle,
    /// encrypted, with a nonce and ciphertext that belong to no session.
    Encrypted,
}

impl Item {
    /// Every item, in the order of the sections that describe them.
    pub const ALL: [Item; 26] = [
        Item::EstablishSharedSecret,
        Item::Handshake,
        Item::SignedMessage,
        Item::Heartbeat,
        Item::OperationManifest,
        Item::EmptyManifest,
        Item::ManifestShortOfModnos,
        Item::ManifestShortOfIds,
        Item::CreatedOperations,
        Item::UpdatedOperations,
        Item::DeletedOperations,
        Item::KeepAlive,
        Item::OperationsWithoutEvent,
        Item::OperationsOfNoKind,
        Item::OperationWithoutFields,
        Item::RequestOperationData,
        Item::ReceiveConfig,
        Item::ReceiveConfigWithoutConfig,
        Item::ReceiveResources,
        Item::SetConfig,
        Item::EmptySetConfig,
        Item::RequestResources,
        Item::RequestLog,
        Item::ReceiveLogData,
        Item::Throttle,
        Item::Encrypted,
    ];

    /// One item for each member of the oneof.
    pub const OF_EACH_ACTION: [Item; 15] = [
        Item::EstablishSharedSecret,
        Item::Handshake,
        Item::SignedMessage,
        Item::Heartbeat,
        Item::OperationManifest,
        Item::CreatedOperations,
        Item::RequestOperationData,
        Item::ReceiveConfig,
        Item::ReceiveResources,
        Item::SetConfig,
        Item::RequestResources,
        Item::RequestLog,
        Item::ReceiveLogData,
        Item::Throttle,
        Item::Encrypted,
    ];

    /// Id of the one operation that the model's items speak of.
    pub const OPERATION_ID: i64 = 21;
    /// Its modno when it is created.
    pub const CREATED_MODNO: i64 = 1;
    /// Its modno when it is updated.
    pub const UPDATED_MODNO: i64 = 2;

    /// The name in case ids and reports.
    pub fn name(self) -> &'static str {
        match self {
            Item::EstablishSharedSecret => "establish-shared-secret",
            Item::Handshake => "handshake",
            Item::SignedMessage => "signed-message",
            Item::Heartbeat => "heartbeat",
            Item::OperationManifest => "operation-manifest",
            Item::EmptyManifest => "empty-manifest",
            Item::ManifestShortOfModnos => "manifest-short-of-modnos",
            Item::ManifestShortOfIds => "manifest-short-of-ids",
            Item::CreatedOperations => "created-operations",
            Item::UpdatedOperations => "updated-operations",
            Item::DeletedOperations => "deleted-operations",
            Item::KeepAlive => "keep-alive",
            Item::OperationsWithoutEvent => "operations-without-event",
            Item::OperationsOfNoKind => "operations-of-no-kind",
            Item::OperationWithoutFields => "operation-without-fields",
            Item::RequestOperationData => "request-operation-data",
            Item::ReceiveConfig => "receive-config",
            Item::ReceiveConfigWithoutConfig => "receive-config-without-config",
            Item::ReceiveResources => "receive-resources",
            Item::SetConfig => "set-config",
            Item::EmptySetConfig => "empty-set-config",
            Item::RequestResources => "request-resources",
            Item::RequestLog => "request-log",
            Item::ReceiveLogData => "receive-log-data",
            Item::Throttle => "throttle",
            Item::Encrypted => "encrypted",
        }
    }

    /// The member of the oneof that it is, by its name in JSON.
    pub fn action(self) -> &'static str {
        match self {
            Item::EstablishSharedSecret => "establishSharedSecret",
            Item::Handshake => "handshake",
            Item::SignedMessage => "signedMessage",
            Item::Heartbeat => "heartbeat",
            Item::OperationManifest
            | Item::EmptyManifest
            | Item::ManifestShortOfModnos
            | Item::ManifestShortOfIds => "operationManifest",
            Item::CreatedOperations
            | Item::UpdatedOperations
            | Item::DeletedOperations
            | Item::KeepAlive
            | Item::OperationsWithoutEvent
            | Item::OperationsOfNoKind
            | Item::OperationWithoutFields => "receiveOperations",
            Item::RequestOperationData => "requestOperationData",
            Item::ReceiveConfig | Item::ReceiveConfigWithoutConfig => "receiveConfig",
            Item::ReceiveResources => "receiveResources",
            Item::SetConfig | Item::EmptySetConfig => "setConfig",
            Item::RequestResources => "requestResources",
            Item::RequestLog => "requestLog",
            Item::ReceiveLogData => "receiveLogData",
            Item::Throttle => "throttle",
            Item::Encrypted => "encrypted",
        }
    }

    /// The item in protobuf's JSON mapping, as a scenario has it. A handshake and a key are made by whoever sends them;
    /// this is what they look like without a session to belong to.
    pub fn json(self) -> Json {
        json!({ self.action(): self.content() })
    }

    /// Which item this is; none where its action is none that we know.
    pub fn of(item: &SyncStreamItem) -> Option<Item> {
        Some(match item.action.as_ref()? {
            Action::EstablishSharedSecret(_) => Item::EstablishSharedSecret,
            Action::Handshake(_) => Item::Handshake,
            Action::SignedMessage(_) => Item::SignedMessage,
            Action::Heartbeat(_) => Item::Heartbeat,
            Action::OperationManifest(manifest) => {
                match (manifest.op_ids.len(), manifest.modnos.len()) {
                    (0, 0) => Item::EmptyManifest,
                    (ids, modnos) if ids > modnos => Item::ManifestShortOfModnos,
                    (ids, modnos) if ids < modnos => Item::ManifestShortOfIds,
                    _ => Item::OperationManifest,
                }
            }
            Action::ReceiveOperations(operations) => match operations.event.as_ref() {
                None => Item::OperationsWithoutEvent,
                Some(event) => match event.event.as_ref() {
                    None => Item::OperationsOfNoKind,
                    Some(Event::KeepAlive(_)) => Item::KeepAlive,
                    Some(Event::DeletedOperations(_)) => Item::DeletedOperations,
                    Some(Event::UpdatedOperations(_)) => Item::UpdatedOperations,
                    Some(Event::CreatedOperations(list))
                        if list.operations.iter().any(|made| made.repo_id.is_empty()) =>
                    {
                        Item::OperationWithoutFields
                    }
                    Some(Event::CreatedOperations(_)) => Item::CreatedOperations,
                },
            },
            Action::RequestOperationData(_) => Item::RequestOperationData,
            Action::ReceiveConfig(received) => match received.config {
                Some(_) => Item::ReceiveConfig,
                None => Item::ReceiveConfigWithoutConfig,
            },
            Action::ReceiveResources(_) => Item::ReceiveResources,
            Action::SetConfig(config) => {
                let lists = [config.repos_to_delete.len(), config.plans_to_delete.len()];
                match [config.repos.len(), config.plans.len()] == [0, 0] && lists == [0, 0] {
                    true => Item::EmptySetConfig,
                    false => Item::SetConfig,
                }
            }
            Action::RequestResources(_) => Item::RequestResources,
            Action::RequestLog(_) => Item::RequestLog,
            Action::ReceiveLogData(_) => Item::ReceiveLogData,
            Action::Throttle(_) => Item::Throttle,
            Action::Encrypted(_) => Item::Encrypted,
        })
    }

    /// The item that stands for its member of the oneof.
    pub fn of_its_action(self) -> Item {
        let mut each = Item::OF_EACH_ACTION.into_iter();
        // Each member has one.
        each.find(|item| item.action() == self.action())
            .unwrap_or(self)
    }

    /// The item itself, its variables left as they are.
    #[cfg(test)]
    pub(super) fn sample(self) -> SyncStreamItem {
        crate::scenario::message::Message::from_json(self.json())
            .unwrap()
            .item
    }

    fn content(self) -> Json {
        let id = Item::OPERATION_ID;
        let event = |kind: &str, content: Json| json!({ "event": { kind: content } });
        let operation = |modno: i64| {
            json!({ "operations": [{
                "id": id,
                "modno": modno,
                "flowId": id,
                "repoId": "photos",
                "repoGuid": "1".repeat(64),
                "planId": "daily",
                "instanceId": "$instance",
                "unixTimeStartMs": STARTED_AT_UNIX_MS.to_string(),
            }] })
        };
        match self {
            Item::EstablishSharedSecret => json!({ "protocolVersion": 1 }),
            Item::Handshake => json!({ "protocolVersion": 3 }),
            Item::SignedMessage => json!({ "keyid": "ed25519.none", "payload": "AAAA" }),
            Item::Heartbeat
            | Item::OperationsWithoutEvent
            | Item::ReceiveConfigWithoutConfig
            | Item::EmptySetConfig
            | Item::RequestResources => json!({}),
            Item::OperationManifest => json!({ "opIds": [id], "modnos": [Item::CREATED_MODNO] }),
            Item::EmptyManifest => json!({ "opIds": [], "modnos": [] }),
            Item::ManifestShortOfModnos => json!({ "opIds": [id, id + 1], "modnos": [1] }),
            Item::ManifestShortOfIds => json!({ "opIds": [id], "modnos": [1, 1] }),
            Item::CreatedOperations => event("createdOperations", operation(Item::CREATED_MODNO)),
            Item::UpdatedOperations => event("updatedOperations", operation(Item::UPDATED_MODNO)),
            Item::DeletedOperations => event("deletedOperations", json!({ "values": [id] })),
            Item::KeepAlive => event("keepAlive", json!({})),
            Item::OperationsOfNoKind => json!({ "event": {} }),
            Item::OperationWithoutFields => event(
                "createdOperations",
                json!({ "operations": [{ "id": id + 1, "modno": 1 }] }),
            ),
            Item::RequestOperationData => json!({ "opIds": [id] }),
            Item::ReceiveConfig => {
                json!({ "config": { "modno": 4, "version": 6, "repos": [{ "id": "photos" }] } })
            }
            Item::ReceiveResources => json!({
                "repos": [{ "id": "photos", "guid": "1".repeat(64) }],
                "plans": [{ "id": "daily" }],
            }),
            Item::SetConfig => json!({ "plans": [{
                "id": "daily",
                "repo": "photos",
                "paths": ["/nonexistent"],
            }] }),
            Item::RequestLog => json!({ "logId": "nobody-has-it" }),
            Item::ReceiveLogData => json!({ "logId": "nobody-asked", "errorMessage": "gone" }),
            Item::Throttle => json!({ "delayMs": 1 }),
            Item::Encrypted => json!({ "nonce": "AAAAAAAAAAAAAAAA", "ciphertext": "AAAA" }),
        }
    }
}

/// What may be sent to a peer at a time: one column of the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Message {
    /// This item as it has to travel: in the clear before the key exchange, sealed afterwards.
    Item(Item),
    /// This item in the clear.
    Clear(Item),
    /// This item, the content of its action replaced by bytes that are no message.
    Spoilt(Item),
    /// An item whose action has a number that nobody knows.
    UnknownAction,
    /// An item without an action.
    NoAction,
    /// A manifest sealed as an item within a sealed item.
    Nested,
    /// Bytes that are no protobuf message.
    NotProtobuf,
    /// A manifest whose last byte is missing.
    Truncated,
    /// No item: a reset of the stream.
    Reset,
}

impl Message {
    /// Every message.
    pub fn all() -> impl Iterator<Item = Message> {
        let of_each = Item::OF_EACH_ACTION;
        Item::ALL
            .into_iter()
            .map(Message::Item)
            .chain(of_each.map(Message::Clear))
            .chain(of_each.map(Message::Spoilt))
            .chain([
                Message::UnknownAction,
                Message::NoAction,
                Message::Nested,
                Message::NotProtobuf,
                Message::Truncated,
                Message::Reset,
            ])
    }

    /// The name in case ids and reports.
    pub fn name(self) -> String {
        match self {
            Message::Item(item) => item.name().to_owned(),
            Message::Clear(item) => format!("clear-{}", item.name()),
            Message::Spoilt(item) => format!("spoilt-{}", item.name()),
            Message::UnknownAction => "unknown-action".to_owned(),
            Message::NoAction => "no-action".to_owned(),
            Message::Nested => "nested".to_owned(),
            Message::NotProtobuf => "not-protobuf".to_owned(),
            Message::Truncated => "truncated".to_owned(),
            Message::Reset => "reset".to_owned(),
        }
    }

    /// The item it is made of, where it is made of one.
    pub fn item(self) -> Option<Item> {
        match self {
            Message::Item(item) | Message::Clear(item) | Message::Spoilt(item) => Some(item),
            Message::Nested | Message::Truncated => Some(Item::OperationManifest),
            Message::UnknownAction | Message::NoAction | Message::NotProtobuf => {
                Some(Item::Heartbeat)
            }
            Message::Reset => None,
        }
    }
}
