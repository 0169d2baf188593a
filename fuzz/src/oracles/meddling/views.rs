//! What both sides are given, and what each knows of the other in the end.

use std::sync::LazyLock;

use syncspec::{
    reference::{config::Config, store::Store as _},
    wire::v1::multihost::permission::Type,
};

use super::{Bench, SECRET};
use crate::world::{self, CLIENT};

impl Bench {
    /// The host holds the client's operations, and each knows what the other shows it.
    pub(super) fn views_converge(&self) {
        let client_keyid = world::client_identity().keyid();
        let stored = self
            .host
            .store()
            .operations(client_keyid)
            .expect("a store in memory does not fail");
        let stored: Vec<_> = stored
            .iter()
            .map(|one| (one.original_id, one.modno))
            .collect();
        let own: Vec<_> = self
            .client
            .operations()
            .iter()
            .map(|one| (one.id, one.modno))
            .collect();
        assert_eq!(
            stored, own,
            "the host's operations of the client, and the client's own"
        );
        let told = self
            .host
            .peer_states()
            .get(client_keyid)
            .and_then(|state| state.remote_config.clone());
        let told = told.expect("the client told of its config");
        assert_eq!(told.repos, self.client.config().repos());
        let told = self
            .client
            .peer_states()
            .get(world::host_identity().keyid())
            .and_then(|state| state.remote_config.clone());
        let told = told.expect("the host told of its config");
        assert_eq!(told.plans, self.host.config().plans());
        let kept = self
            .client
            .config()
            .known_hosts()
            .iter()
            .any(|host| !host.initial_pairing_secret.is_empty());
        assert!(
            !kept,
            "the client keeps a pairing secret that has done its work"
        );
    }
}

/// The host's and the client's; where they pair, the host does not know the client yet.
pub(super) fn configs(pairs: bool) -> (Config, Config) {
    static KNOWN: LazyLock<(Config, Config)> = LazyLock::new(|| made(false));
    static PAIRING: LazyLock<(Config, Config)> = LazyLock::new(|| made(true));
    match pairs {
        true => PAIRING.clone(),
        false => KNOWN.clone(),
    }
}

fn made(pairs: bool) -> (Config, Config) {
    let everything = || {
        vec![
            world::permission(Type::PermissionReadOperations, &["*"]),
            world::permission(Type::PermissionReadConfig, &["*"]),
        ]
    };
    let host = world::host_configs()[0].edited(|config| {
        let sync = config.multihost.get_or_insert_default();
        if pairs {
            sync.pairing_tokens[0].permissions = everything();
        } else {
            sync.authorized_clients.push(world::entry(
                CLIENT,
                world::client_identity(),
                everything(),
            ));
        }
    });
    let client = world::client_configs()[0].edited(|config| {
        let host = &mut config.multihost.get_or_insert_default().known_hosts[0];
        host.permissions = everything();
        if pairs {
            SECRET.clone_into(&mut host.initial_pairing_secret);
        }
    });
    (
        host.expect("a valid config"),
        client.expect("a valid config"),
    )
}
