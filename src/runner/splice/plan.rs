//! Which cases that stand between two peers are played, and why others are not.

use std::sync::Arc;

use crate::{
    runner::{Job, Selection},
    scenario::splice::{leg, load_spliced},
    wire::{Role, RpcProtocol},
};

/// Why a case that stands between two peers is not played against one of them.
pub(super) const NEEDS_BOTH: &str =
    "it stands between a host and a client, and this run has only one of them";
/// The same where both are there, and have no RPC protocol in common.
pub(super) const NEEDS_ONE_PROTOCOL: &str =
    "it stands between a host and a client, and these two have no RPC protocol in common";
/// The same where somebody else runs them, with a provision in which the client knows us, and not the host.
pub(super) const NEEDS_TO_START_THEM: &str =
    "it stands between a host and a client that are started for it: the target needs a `command`";

/// The jobs that stand between a host and a client, one for each of the two and each RPC protocol that both speak. `parts`
/// are the roles that a run has, with what is spoken in each; `starts_them` says whether it starts the peers itself.
pub fn plan_spliced(
    selection: &Selection,
    parts: &[(Role, Vec<RpcProtocol>)],
    starts_them: bool,
) -> Vec<Job> {
    let spoken = |role| {
        let part = parts.iter().find(|(of, _)| *of == role);
        part.map(|(_, protocols)| protocols.as_slice())
    };
    let hosts = spoken(Role::Responder);
    let clients = spoken(Role::Initiator);
    let in_common = |protocol: &RpcProtocol| {
        hosts.is_none_or(|spoken| spoken.contains(protocol))
            && clients.is_none_or(|spoken| spoken.contains(protocol))
    };
    let skip = match (hosts, clients) {
        (Some(_), Some(_)) if !starts_them => Some(NEEDS_TO_START_THEM),
        (Some(hosts), Some(_)) if !hosts.iter().any(in_common) => Some(NEEDS_ONE_PROTOCOL),
        (Some(_), Some(_)) => None,
        _ => Some(NEEDS_BOTH),
    };
    // A test reads them all.
    let templates = load_spliced().unwrap_or_default();
    let taken = templates
        .iter()
        .filter(|template| selection.takes(template.id(), template.profile()));
    let mut jobs = Vec::new();
    for template in taken {
        for (role, protocols) in parts {
            let played = protocols
                .iter()
                .filter(|protocol| in_common(protocol) || skip.is_some());
            jobs.extend(played.filter_map(|protocol| {
                Some(Job {
                    scenario: Arc::new(leg(template, *role, *protocol)?),
                    protocol: *protocol,
                    skip: skip.map(str::to_owned),
                })
            }));
        }
    }
    jobs
}
