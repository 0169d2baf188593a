//! Configs, operations and items for tests.

use crate::{
    crypto::identity::Identity,
    reference::config::Config,
    wire::{
        Action,
        v1::{
            self,
            multihost::{PairingToken, Peer, Permission, permission::Type},
        },
        v1sync::{
            PlanMetadata, RemoteConfig, RepoMetadata,
            sync_stream_item::{SyncActionReceiveConfig, SyncActionRequestLog},
        },
    },
};

/// An identity that a number stands for.
pub fn identity(seed: u8) -> Identity {
    Identity::from_seed(&[seed; 32])
}

/// The key id of [`identity`].
pub fn keyid(seed: u8) -> String {
    identity(seed).keyid().to_owned()
}

/// A valid config of an instance, with nothing in it but an identity.
pub fn bare(instance: &str, seed: u8) -> v1::Config {
    let identity = identity(seed);
    v1::Config {
        modno: 1,
        version: 6,
        instance: instance.to_owned(),
        multihost: Some(v1::Multihost {
            identity: Some(v1::PrivateKey {
                keyid: identity.keyid().to_owned(),
                ed25519priv: identity.private_key_text(),
                ed25519pub: identity.public_key_text(),
            }),
            ..v1::Multihost::default()
        }),
        ..v1::Config::default()
    }
}

/// A config made from [`bare`].
pub fn config(instance: &str, seed: u8, edit: impl FnOnce(&mut v1::Config)) -> Config {
    let mut message = bare(instance, seed);
    edit(&mut message);
    Config::new(message).unwrap()
}

/// The part of a config that lists peers and tokens.
pub fn sync(config: &mut v1::Config) -> &mut v1::Multihost {
    config.multihost.as_mut().unwrap()
}

/// A repo whose uri and guid follow from its id.
pub fn repo(id: &str) -> v1::Repo {
    v1::Repo {
        id: id.to_owned(),
        uri: format!("/srv/{id}"),
        guid: guid(id),
        ..v1::Repo::default()
    }
}

/// The guid of [`repo`].
pub fn guid(id: &str) -> String {
    format!("{id:0>64}")
}

/// A plan of a repo.
pub fn plan(id: &str, repo: &str) -> v1::Plan {
    v1::Plan {
        id: id.to_owned(),
        repo: repo.to_owned(),
        paths: vec!["/home".to_owned()],
        ..v1::Plan::default()
    }
}

/// How [`repo`] stands in a resource list.
pub fn repo_metadata(id: &str) -> RepoMetadata {
    RepoMetadata {
        id: id.to_owned(),
        guid: guid(id),
    }
}

/// How a plan stands in a resource list.
pub fn plan_metadata(id: &str) -> PlanMetadata {
    PlanMetadata { id: id.to_owned() }
}

/// A permission of an entry.
pub fn permission(kind: Type, scopes: &[&str]) -> Permission {
    Permission {
        r#type: kind.into(),
        scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
    }
}

/// An entry of a peer.
pub fn peer(instance: &str, seed: u8, permissions: &[Permission]) -> Peer {
    Peer {
        instance_id: instance.to_owned(),
        keyid: keyid(seed),
        permissions: permissions.to_vec(),
        ..Peer::default()
    }
}

/// A pairing token.
pub fn token(secret: &str, max_uses: i32) -> PairingToken {
    PairingToken {
        secret: secret.to_owned(),
        max_uses,
        permissions: vec![permission(Type::PermissionReadConfig, &["*"])],
        ..PairingToken::default()
    }
}

/// An operation with all it needs, in repo `r` and plan `p`, in a flow of its own.
pub fn operation(id: i64, modno: i64) -> v1::Operation {
    v1::Operation {
        id,
        modno,
        flow_id: id,
        repo_id: "r".to_owned(),
        repo_guid: guid("r"),
        plan_id: "p".to_owned(),
        instance_id: "client".to_owned(),
        unix_time_start_ms: 1_700_000_000_000,
        display_message: format!("operation {id} at {modno}"),
        ..v1::Operation::default()
    }
}

/// The item that shows this config.
pub fn showing(config: RemoteConfig) -> Action {
    let config = Some(config);
    Action::ReceiveConfig(SyncActionReceiveConfig { config })
}

/// The item that asks for this log.
pub fn asking_for_log(log_id: &str) -> Action {
    let log_id = log_id.to_owned();
    Action::RequestLog(SyncActionRequestLog { log_id })
}
