use super::*;
use crate::{
    reference::{
        fixture::{
            config, keyid, peer, permission, plan, plan_metadata, repo, repo_metadata, sync, token,
        },
        limits::{Capabilities, Limits},
    },
    rules::RuleId,
    session::{Class, VerifiedPeer, Violation},
    wire::{
        v1::{self, multihost::permission::Type},
        v1sync::{
            RemoteConfig,
            sync_stream_item::{SyncActionReceiveConfig, SyncActionReceiveResources},
        },
    },
};

mod admission;
mod changes;
mod dialogue;
mod storing;

pub(super) const ONE: SessionId = SessionId(1);
pub(super) const TWO: SessionId = SessionId(2);

/// The host `host` (key 1) with the repos `a` and `b` and a plan on each, whose clients are `reader` (key 2), who may
/// see `a` and its plan, and `nobody` (key 3), who may see nothing.
pub(super) fn host_with(edit: impl FnOnce(&mut v1::Config)) -> Host {
    let config = config("host", 1, |c| {
        c.modno = 7;
        c.repos = vec![repo("a"), repo("b")];
        c.plans = vec![plan("pa", "a"), plan("pb", "b")];
        let reads = permission(Type::PermissionReadConfig, &["repo:a", "plan:pa"]);
        sync(c).authorized_clients = vec![peer("reader", 2, &[reads]), peer("nobody", 3, &[])];
        edit(c);
    });
    Host::new(config, Settings::default())
}

pub(super) fn host() -> Host {
    host_with(|_| ())
}

pub(super) fn verified(instance: &str, seed: u8) -> VerifiedPeer {
    paired(instance, seed, "")
}

pub(super) fn paired(instance: &str, seed: u8, secret: &str) -> VerifiedPeer {
    VerifiedPeer {
        keyid: keyid(seed),
        instance_id: instance.to_owned(),
        pairing_secret: secret.to_owned(),
    }
}

pub(super) fn at(unix_ms: i64) -> Moment {
    Moment {
        monotonic: std::time::Duration::ZERO,
        unix_ms,
    }
}

/// Admits `reader` as session [`ONE`].
pub(super) fn with_reader(mut host: Host) -> Host {
    host.admit(ONE, &verified("reader", 2), at(0)).unwrap();
    host
}

/// A store in memory does not fail.
pub(super) fn violation(refusal: Refusal) -> Violation {
    match refusal {
        Refusal::Violation(violation) => violation,
        Refusal::Store(fault) => panic!("{fault}"),
    }
}

pub(super) fn sent(effects: &[Effect], to: SessionId) -> Vec<&Action> {
    let sent = effects.iter().filter_map(|effect| match effect {
        Effect::Send(session, action) if *session == to => Some(action),
        _ => None,
    });
    sent.collect()
}

pub(super) fn names(effects: &[Effect], to: SessionId) -> Vec<&'static str> {
    sent(effects, to).into_iter().map(Action::name).collect()
}

pub(super) fn state(host: &Host, seed: u8) -> &PeerState {
    host.peer_states().get(&keyid(seed)).unwrap()
}
