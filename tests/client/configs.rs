//! Configs of both sides, and operations.

use syncspec::{
    crypto::identity::Identity,
    reference::config::Config,
    wire::v1::{
        self,
        multihost::{PairingToken, Peer, Permission, permission::Type},
    },
};

pub const CLIENT: u8 = 1;
pub const HOST: u8 = 2;
pub const OTHER_HOST: u8 = 3;
pub const SECRET: &str = "the secret of the token";

pub fn identity(seed: u8) -> Identity {
    Identity::from_seed(&[seed; 32])
}

pub fn keyid(seed: u8) -> String {
    identity(seed).keyid().to_owned()
}

fn instance_id(seed: u8) -> String {
    format!("instance-{seed}")
}

pub fn config(seed: u8, edit: impl FnOnce(&mut v1::Config, &mut v1::Multihost)) -> Config {
    let identity = identity(seed);
    let mut message = v1::Config {
        modno: 1,
        version: 6,
        instance: instance_id(seed),
        ..v1::Config::default()
    };
    let mut sync = v1::Multihost {
        identity: Some(v1::PrivateKey {
            keyid: identity.keyid().to_owned(),
            ed25519priv: identity.private_key_text(),
            ed25519pub: identity.public_key_text(),
        }),
        ..v1::Multihost::default()
    };
    edit(&mut message, &mut sync);
    message.multihost = Some(sync);
    Config::new(message).unwrap()
}

/// A client of one host, to which it grants everything, with a repo `r` and a plan `p`.
pub fn client_of(url: &str) -> Config {
    config(CLIENT, |config, sync| {
        config.repos = vec![repo("r")];
        config.plans = vec![plan("p", "r")];
        sync.known_hosts = vec![known_host(HOST, url)];
    })
}

/// The same, not known to the host yet.
pub fn unpaired_client_of(url: &str, secret: &str) -> Config {
    with_hosts(&client_of(url), |hosts| {
        hosts[0].initial_pairing_secret = secret.to_owned();
    })
}

pub fn with_hosts(config: &Config, edit: impl FnOnce(&mut Vec<Peer>)) -> Config {
    let edited = config.edited(|config| {
        let sync = config.multihost.as_mut().expect("it has one");
        edit(&mut sync.known_hosts);
    });
    edited.unwrap()
}

pub fn known_host(seed: u8, url: &str) -> Peer {
    Peer {
        instance_id: instance_id(seed),
        keyid: keyid(seed),
        instance_url: url.to_owned(),
        permissions: vec![
            permission(Type::PermissionReadOperations),
            permission(Type::PermissionReadWriteConfig),
            permission(Type::PermissionReceiveSharedRepos),
        ],
        ..Peer::default()
    }
}

/// A host that knows the client.
pub fn host(seed: u8) -> Config {
    config(seed, |_, sync| {
        sync.authorized_clients = vec![Peer {
            instance_id: instance_id(CLIENT),
            keyid: keyid(CLIENT),
            permissions: vec![
                permission(Type::PermissionReadConfig),
                permission(Type::PermissionReceiveSharedRepos),
            ],
            ..Peer::default()
        }];
    })
}

/// A host with a token for one client.
pub fn pairing_host() -> Config {
    config(HOST, |_, sync| {
        sync.pairing_tokens = vec![PairingToken {
            secret: SECRET.to_owned(),
            max_uses: 1,
            permissions: vec![permission(Type::PermissionReadConfig)],
            ..PairingToken::default()
        }];
    })
}

pub fn permission(kind: Type) -> Permission {
    Permission {
        r#type: kind.into(),
        scopes: vec!["*".to_owned()],
    }
}

pub fn repo(id: &str) -> v1::Repo {
    v1::Repo {
        id: id.to_owned(),
        uri: format!("/srv/{id}"),
        guid: format!("{id:0>64}"),
        ..v1::Repo::default()
    }
}

pub fn plan(id: &str, repo: &str) -> v1::Plan {
    v1::Plan {
        id: id.to_owned(),
        repo: repo.to_owned(),
        paths: vec!["/home".to_owned()],
        ..v1::Plan::default()
    }
}

/// An operation of the client's in repo `r` and plan `p`.
pub fn operation(id: i64, modno: i64) -> v1::Operation {
    v1::Operation {
        id,
        modno,
        flow_id: id,
        repo_id: "r".to_owned(),
        repo_guid: repo("r").guid,
        plan_id: "p".to_owned(),
        instance_id: instance_id(CLIENT),
        unix_time_start_ms: 1_700_000_000_000,
        display_message: format!("operation {id} at {modno}"),
        ..v1::Operation::default()
    }
}
