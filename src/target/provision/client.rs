//! What a client must be given: a known host for each identity that a case answers as, at a path of its own.

use serde_json::{Value, json};

use super::{
    BACKREST_CONFIG_VERSION, SCHEMA, backrest_plans, backrest_repos, permissions, plans_json,
    plans_of, repos_json, repos_of,
};
use crate::{
    crypto::identity::Identity,
    scenario::{
        fixtures::{self, CLIENT_INSTANCE_ID, Fixtures},
        model::Scenario,
    },
    wire::Role,
};

/// The path at which a client finds the host of that identity. Instance ids are letters, digits and `-`.
pub fn path_of(identity: &fixtures::Identity) -> String {
    format!("/{}", identity.instance_id)
}

/// What a client must be given.
pub struct ClientProvision {
    client: Identity,
    base_url: String,
    fixtures: Vec<Fixtures>,
}

impl ClientProvision {
    /// What those of these cases need that are for clients. `base_url` is where its hosts are, without a path, such as
    /// `http://127.0.0.1:9898`.
    pub fn for_cases<'a>(base_url: &str, cases: impl IntoIterator<Item = &'a Scenario>) -> Self {
        ClientProvision {
            client: Identity::from_seed(&fixtures::seed_of("client")),
            base_url: base_url.trim_end_matches('/').to_owned(),
            fixtures: cases
                .into_iter()
                .filter(|case| case.role == Role::Initiator)
                .map(|case| case.fixtures.clone())
                .collect(),
        }
    }

    /// The same client, which also holds what these cases give it, and knows none of their hosts.
    #[must_use]
    pub fn beside<'a>(mut self, cases: impl IntoIterator<Item = &'a Scenario>) -> Self {
        let clients = cases
            .into_iter()
            .filter(|case| case.role == Role::Initiator);
        self.fixtures.extend(clients.map(|case| Fixtures {
            identities: Vec::new(),
            token: None,
            ..case.fixtures.clone()
        }));
        self
    }

    /// As neutral JSON: keys in base64 as handshakes have them, permissions by their protobuf names.
    pub fn to_json(&self) -> Value {
        json!({
            "schema": SCHEMA,
            "client": {
                "instance_id": CLIENT_INSTANCE_ID,
                "key_id": self.client.keyid(),
                "ed25519_private_key": self.client.private_key_text(),
                "ed25519_public_key": self.client.public_key_text(),
            },
            "known_hosts": self.hosts().map(|host| json!({
                "instance_id": host.identity.instance_id,
                "key_id": host.identity.keyid(),
                "url": host.url,
                "permissions": permissions(&host.identity.permissions),
                "pairing_secret": host.pairing_secret,
            })).collect::<Vec<_>>(),
            "repos": repos_json(repos_of(&self.fixtures)),
            "plans": plans_json(plans_of(&self.fixtures)),
            "operations": self.operations_json(),
        })
    }

    /// The client's own operations, as `v1.OperationList` in protobuf's JSON mapping.
    pub fn operations(&self) -> Value {
        json!({ "operations": self.operations_json() })
    }

    fn operations_json(&self) -> Vec<Value> {
        let operations = self.fixtures.iter().flat_map(|given| &given.operations);
        let at_first = operations.filter(|operation| !operation.later);
        at_first.map(fixtures::Operation::to_json).collect()
    }

    /// As the configuration file of deployed peers, in protobuf's JSON mapping of `v1.Config`.
    pub fn to_backrest_config(&self) -> Value {
        json!({
            "modno": 1,
            "version": BACKREST_CONFIG_VERSION,
            "instance": CLIENT_INSTANCE_ID,
            "auth": { "disabled": true },
            "repos": backrest_repos(repos_of(&self.fixtures)),
            "plans": backrest_plans(plans_of(&self.fixtures)),
            "sync": {
                "identity": {
                    "keyId": self.client.keyid(),
                    "ed25519priv": self.client.private_key_text(),
                    "ed25519pub": self.client.public_key_text(),
                },
                "knownHosts": self.hosts().map(|host| json!({
                    "instanceId": host.identity.instance_id,
                    "keyId": host.identity.keyid(),
                    "instanceUrl": host.url,
                    "permissions": permissions(&host.identity.permissions),
                    "initialPairingSecret": host.pairing_secret,
                })).collect::<Vec<_>>(),
            },
        })
    }

    fn hosts(&self) -> impl Iterator<Item = KnownHost<'_>> {
        self.fixtures.iter().flat_map(|fixtures| {
            fixtures.known().map(|identity| KnownHost {
                url: format!("{}{}", self.base_url, path_of(identity)),
                // The token of a case is for the identity that it is about.
                pairing_secret: match &fixtures.token {
                    Some(token) if identity.name == fixtures::PEER => &token.secret,
                    _ => "",
                },
                identity,
            })
        })
    }
}

struct KnownHost<'a> {
    identity: &'a fixtures::Identity,
    url: String,
    pairing_secret: &'a str,
}
