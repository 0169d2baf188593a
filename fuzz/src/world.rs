//! The fixed cast that dialogues play with: a host, a client, who they know, and the keys of a key exchange that was
//! done once. Making these anew in each execution would cost more than the execution.

use std::{sync::LazyLock, time::Duration};

use syncspec::{
    crypto::{hpke::SessionKeys, identity::Identity},
    lapses::Lapses,
    reference::{config::Config, effect::Moment, limits::Settings},
    session::{Channel, Local},
    wire::{
        Role,
        v1::{
            self,
            multihost::{PairingToken, Peer, Permission, permission::Type},
        },
    },
};

use crate::defect;

/// The time at which every dialogue begins, in milliseconds since the epoch.
pub const START_UNIX_MS: i64 = 1_800_000_000_000;
/// Instance id of the host.
pub const HOST: &str = "host";
/// Instance id of the client that the reference plays.
pub const CLIENT: &str = "client";
/// The transcript of the key exchange that was done once.
pub const TRANSCRIPT: [u8; 32] = [0x54; 32];
/// A token with one use.
pub const SECRET_ONCE: &str = "secret-once";
/// A token with any number of uses.
pub const SECRET_MANY: &str = "secret-many";
/// A token that has expired.
pub const SECRET_EXPIRED: &str = "secret-expired";
/// A token whose uses are counted up to its limit.
pub const SECRET_USED_UP: &str = "secret-used-up";

/// Whoever may call the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// Known, may have everything.
    Alice,
    /// Known, may see one repo's configuration.
    Bob,
    /// Unknown.
    Carol,
    /// Unknown as well.
    Dave,
}

impl Who {
    /// All of them.
    pub const ALL: [Who; 4] = [Who::Alice, Who::Bob, Who::Carol, Who::Dave];

    /// The one that a byte stands for.
    pub fn of(byte: u8) -> Who {
        Who::ALL[usize::from(byte) % Who::ALL.len()]
    }

    /// Its instance id.
    pub fn instance_id(self) -> &'static str {
        match self {
            Who::Alice => "alice",
            Who::Bob => "bob",
            Who::Carol => "carol",
            Who::Dave => "dave",
        }
    }

    /// Its identity.
    pub fn identity(self) -> &'static Identity {
        &IDENTITIES[self as usize + 1]
    }

    /// The seed of that identity.
    pub fn seed(self) -> [u8; 32] {
        seed(self as usize + 1)
    }
}

/// The seed of the host's identity.
pub fn host_seed() -> [u8; 32] {
    seed(0)
}

fn seed(at: usize) -> [u8; 32] {
    [at as u8 + 1; 32]
}

static IDENTITIES: LazyLock<Vec<Identity>> =
    LazyLock::new(|| (0..6).map(|at| Identity::from_seed(&seed(at))).collect());

/// The host's identity.
pub fn host_identity() -> &'static Identity {
    &IDENTITIES[0]
}

/// The identity of the client that the reference plays.
pub fn client_identity() -> &'static Identity {
    &IDENTITIES[5]
}

/// The keys of the key exchange that was done once, of session number `n`.
pub fn session_keys(n: u8) -> SessionKeys {
    SessionKeys {
        initiator_to_responder: [0x10 ^ n; 32],
        responder_to_initiator: [0x80 ^ n; 32],
    }
}

/// The transcript of the key exchange of a dialogue's session number `n`; the first has [`TRANSCRIPT`].
pub fn transcript(n: u8) -> [u8; 32] {
    let mut transcript = TRANSCRIPT;
    transcript[31] ^= n;
    transcript
}

/// Keys under the other reading of the KEM id, which nothing is sealed with.
fn other_reading() -> SessionKeys {
    SessionKeys {
        initiator_to_responder: [0xee; 32],
        responder_to_initiator: [0xdd; 32],
    }
}

/// The reference's end of that key exchange, in this role.
pub fn channel(role: Role, n: u8, transcript: [u8; 32]) -> Channel {
    end(role, n, transcript, defect::lapses(role))
}

/// The end of somebody who stands in between, and plays this role towards one of them.
pub fn stranger_channel(role: Role, n: u8, transcript: [u8; 32]) -> Channel {
    end(role, n, transcript, Lapses::NONE)
}

fn end(role: Role, n: u8, transcript: [u8; 32], lapses: Lapses) -> Channel {
    Channel::new(role, session_keys(n), other_reading(), transcript, lapses)
}

/// What a session of this config's owner, in this role, is given.
pub fn local(config: &Config, role: Role) -> Local {
    Local {
        lapses: defect::lapses(role),
        ..Local::new(config.identity().clone(), config.instance_id())
    }
}

/// Settings of the reference in this role.
pub fn settings(role: Role) -> Settings {
    Settings {
        lapses: defect::lapses(role),
        ..Settings::default()
    }
}

/// A moment so long after the start.
pub fn moment(since_start: Duration) -> Moment {
    let ms = i64::try_from(since_start.as_millis()).unwrap_or(i64::MAX);
    Moment {
        monotonic: since_start,
        unix_ms: START_UNIX_MS.saturating_add(ms),
    }
}

/// A permission of an entry.
pub fn permission(kind: Type, scopes: &[&str]) -> Permission {
    Permission {
        r#type: kind.into(),
        scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
    }
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

/// An entry of a peer.
pub fn entry(instance_id: &str, identity: &Identity, permissions: Vec<Permission>) -> Peer {
    Peer {
        instance_id: instance_id.to_owned(),
        keyid: identity.keyid().to_owned(),
        permissions,
        ..Peer::default()
    }
}

/// A config with an identity, two repos and two plans.
pub fn base_config(instance: &str, identity: &Identity) -> v1::Config {
    v1::Config {
        modno: 1,
        version: 6,
        instance: instance.to_owned(),
        repos: vec![
            v1::Repo {
                shared: true,
                ..repo("photos")
            },
            repo("music"),
        ],
        plans: vec![plan("daily", "photos"), plan("weekly", "music")],
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

/// The configs that a host may be switched between; the first is the one it starts with.
pub fn host_configs() -> &'static [Config] {
    static CONFIGS: LazyLock<Vec<Config>> = LazyLock::new(|| {
        let edits: [fn(&mut v1::Config); 4] = [
            |_| {},
            |config| clients(config).remove(0).permissions.clear(),
            |config| {
                clients(config)[1].permissions = vec![permission(
                    Type::PermissionReadWriteConfig,
                    &["*", "!plan:daily"],
                )];
            },
            |config| {
                config.modno = 7;
                config.repos.push(v1::Repo {
                    shared: true,
                    ..repo("extra")
                });
            },
        ];
        edits
            .iter()
            .map(|edit| {
                let mut message = host_config();
                edit(&mut message);
                Config::new(message).expect("the world's own config is valid")
            })
            .collect()
    });
    &CONFIGS
}

fn clients(config: &mut v1::Config) -> &mut Vec<Peer> {
    &mut config.multihost.get_or_insert_default().authorized_clients
}

fn host_config() -> v1::Config {
    let mut config = base_config(HOST, host_identity());
    let sync = config.multihost.get_or_insert_default();
    let (alice, bob) = (Who::Alice, Who::Bob);
    sync.authorized_clients = vec![
        entry(
            alice.instance_id(),
            alice.identity(),
            vec![
                permission(Type::PermissionReadConfig, &["*"]),
                permission(Type::PermissionReceiveSharedRepos, &[]),
            ],
        ),
        entry(
            bob.instance_id(),
            bob.identity(),
            vec![permission(Type::PermissionReadConfig, &["repo:photos"])],
        ),
    ];
    let token = |secret: &str, max_uses, uses, expires_at_unix| PairingToken {
        secret: secret.to_owned(),
        max_uses,
        uses,
        expires_at_unix,
        permissions: vec![permission(Type::PermissionReadConfig, &["plan:daily"])],
        ..PairingToken::default()
    };
    sync.pairing_tokens = vec![
        token(SECRET_ONCE, 1, 0, 0),
        token(SECRET_MANY, 0, 3, START_UNIX_MS / 1000 + 60),
        token(SECRET_EXPIRED, 0, 0, START_UNIX_MS / 1000 - 1),
        token(SECRET_USED_UP, 2, 2, 0),
    ];
    config
}

/// The config of the client that the reference plays, once for each set of permissions that it may grant its host.
pub fn client_configs() -> &'static [Config] {
    static CONFIGS: LazyLock<Vec<Config>> = LazyLock::new(|| {
        let grants = [
            vec![
                permission(Type::PermissionReadOperations, &["*"]),
                permission(Type::PermissionReadWriteConfig, &["*"]),
            ],
            vec![
                permission(Type::PermissionReadOperations, &["repo:photos"]),
                permission(Type::PermissionReadConfig, &["*", "!plan:weekly"]),
                permission(Type::PermissionReceiveSharedRepos, &["repo:photos"]),
            ],
            vec![permission(
                Type::PermissionReadWriteConfig,
                &[
                    "repo:photos",
                    "repo:new",
                    "plan:daily",
                    "plan:new",
                    "!repo:music",
                ],
            )],
            Vec::new(),
        ];
        grants
            .into_iter()
            .map(|permissions| {
                let mut config = base_config(CLIENT, client_identity());
                config.repos[1].origin_instance_id = HOST.to_owned();
                let host = Peer {
                    instance_url: "http://127.0.0.1:1".to_owned(),
                    ..entry(HOST, host_identity(), permissions)
                };
                config.multihost.get_or_insert_default().known_hosts = vec![host];
                Config::new(config).expect("the world's own config is valid")
            })
            .collect()
    });
    &CONFIGS
}

/// An operation with all it needs, in a flow of its own.
pub fn operation(id: i64, modno: i64, repo: &str, plan: &str) -> v1::Operation {
    v1::Operation {
        id,
        modno,
        flow_id: id,
        repo_id: repo.to_owned(),
        repo_guid: guid(repo),
        plan_id: plan.to_owned(),
        instance_id: CLIENT.to_owned(),
        unix_time_start_ms: START_UNIX_MS,
        display_message: format!("operation {id} at {modno}"),
        ..v1::Operation::default()
    }
}
