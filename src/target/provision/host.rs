//! What a host must be given.

use serde_json::{Value, json};

use super::{
    BACKREST_CONFIG_VERSION, SCHEMA, backrest_plans, backrest_repos, permissions, plans_json,
    plans_of, repos_json, repos_of,
};
use crate::{
    crypto::identity::Identity,
    scenario::{
        fixtures::{self, Fixtures, HOST_INSTANCE_ID},
        model::Scenario,
    },
    wire::Role,
};

/// 2001-09-09: an expiry that has passed.
const EXPIRED_AT_UNIX: i64 = 1_000_000_000;
/// 2100-01-01: an expiry that is far ahead.
const EXPIRES_LATER_AT_UNIX: i64 = 4_102_444_800;

/// What a host must be given.
pub struct Provision {
    host: Identity,
    fixtures: Vec<Fixtures>,
}

impl Provision {
    /// What those of these cases need that are for hosts.
    pub fn for_cases<'a>(cases: impl IntoIterator<Item = &'a Scenario>) -> Self {
        Provision {
            host: Identity::from_seed(&fixtures::seed_of("host")),
            fixtures: cases
                .into_iter()
                .filter(|case| case.role == Role::Responder)
                .map(|case| case.fixtures.clone())
                .collect(),
        }
    }

    /// The peer's own identity.
    pub fn host(&self) -> &Identity {
        &self.host
    }

    /// As neutral JSON: keys in base64 as handshakes have them, permissions by their protobuf names.
    pub fn to_json(&self) -> Value {
        json!({
            "schema": SCHEMA,
            "host": {
                "instance_id": HOST_INSTANCE_ID,
                "key_id": self.host.keyid(),
                "ed25519_private_key": self.host.private_key_text(),
                "ed25519_public_key": self.host.public_key_text(),
            },
            "authorized_clients": self.known().map(|client| json!({
                "instance_id": client.instance_id,
                "key_id": client.keyid(),
                "permissions": permissions(&client.permissions),
            })).collect::<Vec<_>>(),
            "pairing_tokens": self.tokens().map(|token| json!({
                "secret": token.secret,
                "max_uses": token.max_uses,
                "uses": token.uses,
                "expires_at_unix": expiry(token),
                "permissions": permissions(&token.permissions),
            })).collect::<Vec<_>>(),
            "repos": repos_json(repos_of(&self.fixtures)),
            "plans": plans_json(plans_of(&self.fixtures)),
        })
    }

    /// As the configuration file of deployed peers, in protobuf's JSON mapping of `v1.Config`.
    pub fn to_backrest_config(&self) -> Value {
        json!({
            "modno": 1,
            "version": BACKREST_CONFIG_VERSION,
            "instance": HOST_INSTANCE_ID,
            "auth": { "disabled": true },
            "repos": backrest_repos(repos_of(&self.fixtures)),
            "plans": backrest_plans(plans_of(&self.fixtures)),
            "sync": {
                "identity": {
                    "keyId": self.host.keyid(),
                    "ed25519priv": self.host.private_key_text(),
                    "ed25519pub": self.host.public_key_text(),
                },
                "authorizedClients": self.known().map(|client| json!({
                    "instanceId": client.instance_id,
                    "keyId": client.keyid(),
                    "permissions": permissions(&client.permissions),
                })).collect::<Vec<_>>(),
                "pairingTokens": self.tokens().map(|token| json!({
                    "secret": token.secret,
                    "label": "syncspec",
                    "createdAtUnix": EXPIRED_AT_UNIX.to_string(),
                    "expiresAtUnix": expiry(token).to_string(),
                    "maxUses": token.max_uses,
                    "uses": token.uses,
                    "permissions": permissions(&token.permissions),
                })).collect::<Vec<_>>(),
            },
        })
    }

    fn known(&self) -> impl Iterator<Item = &fixtures::Identity> {
        self.fixtures.iter().flat_map(Fixtures::known)
    }

    fn tokens(&self) -> impl Iterator<Item = &fixtures::Token> {
        self.fixtures
            .iter()
            .filter_map(|fixtures| fixtures.token.as_ref())
    }
}

fn expiry(token: &fixtures::Token) -> i64 {
    match (token.expired, token.expires_later) {
        (true, _) => EXPIRED_AT_UNIX,
        (false, true) => EXPIRES_LATER_AT_UNIX,
        (false, false) => 0,
    }
}
