use std::time::Duration;

use super::*;
use crate::{
    reference::{
        effect::Gone,
        fixture::{
            config, keyid, operation, peer, permission, plan, plan_metadata, repo, repo_metadata,
            sync,
        },
    },
    rules::RuleId,
    session::{VerifiedPeer, Violation},
    wire::{
        Code,
        v1::multihost::{Permission, permission::Type},
        v1sync::RemoteConfig,
    },
};

mod dialling;
mod dialogue;
mod set_config;

pub(super) const ONE: SessionId = SessionId(1);
pub(super) const TWO: SessionId = SessionId(2);

pub(super) use Type::{
    PermissionReadConfig as READ, PermissionReadOperations as OPERATIONS,
    PermissionReadWriteConfig as WRITE, PermissionReceiveSharedRepos as SHARED,
};

/// The client `client` (key 2) with the repos `r` and `s` and the plans `p` on `r` and `q` on `s`, which grants `host`
/// (key 1) these permissions, and `other` (key 3) nothing.
pub(super) fn client_with(
    permissions: &[Permission],
    edit: impl FnOnce(&mut v1::Config),
) -> Client {
    let config = config("client", 2, |c| {
        c.modno = 7;
        c.repos = vec![repo("r"), repo("s")];
        c.plans = vec![plan("p", "r"), plan("q", "s")];
        sync(c).known_hosts = vec![peer("host", 1, permissions), peer("other", 3, &[])];
        edit(c);
    });
    Client::new(config, Settings::default(), Backoff::default())
}

pub(super) fn client(kind: Type, scopes: &[&str]) -> Client {
    client_with(&[permission(kind, scopes)], |_| ())
}

pub(super) fn at(seconds: u64) -> Moment {
    Moment {
        monotonic: Duration::from_secs(seconds),
        unix_ms: 0,
    }
}

pub(super) fn verified(instance: &str, seed: u8) -> VerifiedPeer {
    VerifiedPeer {
        keyid: keyid(seed),
        instance_id: instance.to_owned(),
        pairing_secret: String::new(),
    }
}

/// Admits `host` as session [`ONE`]; returns what it is sent.
pub(super) fn admit(client: &mut Client) -> Vec<Action> {
    client.dial(&keyid(1), ONE, at(0)).unwrap();
    let effects = client.admit(ONE, &verified("host", 1), at(0)).unwrap();
    sent(effects, ONE)
}

pub(super) fn connected(mut client: Client) -> Client {
    admit(&mut client);
    client
}

pub(super) fn sent(effects: Vec<Effect>, to: SessionId) -> Vec<Action> {
    let sent = effects.into_iter().filter_map(|effect| match effect {
        Effect::Send(session, action) if session == to => Some(action),
        _ => None,
    });
    sent.collect()
}

pub(super) fn state(client: &Client, seed: u8) -> ConnectionState {
    client.peer_states().get(&keyid(seed)).unwrap().state()
}
