//! What each start of the peer is for: which cases a fresh one is given, and in which order.

use std::collections::BTreeMap;

use super::{Job, claims::is_of_state_service};
use crate::{
    rules::Capability,
    wire::{Role, RpcProtocol},
};

/// Cases that one start of a client is given at most. It dials their hosts all at once and may give a host 15 s for its part
/// of the key exchange, within which each case must have its turn.
const CLIENT_CASES_MAX: usize = 100;
/// The same of those that change it: a client that has a new config dials all its hosts anew, and a deployed one whose
/// config changes once more before it has done so hangs for good. The fewer hosts, the sooner it has.
const CLIENT_CASES_ALONE_MAX: usize = 1;
/// Peers that a peer knows at most where cases ask its state service. A deployed one has room for 100 states that a caller
/// has not taken yet; a caller that leaves before it was told of all the others stops the whole peer for good.
pub(super) const STATES_MAX: usize = 80;
/// Cases that ask a host's state service at once, where it is started for them. A deployed one has room for 10 changes that a
/// caller has not taken yet, and stops for good where the caller leaves while they are too many; a case makes about 6.
const STATE_CASES_AT_ONCE_MAX: usize = 2;

/// One start of the peer.
pub(super) struct Start {
    /// The cases that it is provisioned for.
    pub jobs: Vec<Job>,
    /// Whether they change it, and so are played one by one.
    pub alone: bool,
    /// How many of them are played at once, at most.
    pub at_once_max: usize,
}

/// The starts for these jobs, in order: first the cases that are played side by side, then those that change the peer, a
/// group at a time. `in_parts` says whether a fresh peer can be had for a part of them.
pub(super) fn starts(role: Role, jobs: Vec<Job>, in_parts: bool) -> Vec<Start> {
    let (alone, together): (Vec<Job>, Vec<Job>) =
        jobs.into_iter().partition(|job| job.scenario.alone);
    let (together, alone) = match (in_parts, role) {
        (false, _) => (vec![together], vec![alone]),
        (true, Role::Responder) => {
            let groups = groups_of(alone).into_iter();
            (
                parts_of_host(together),
                groups.flat_map(parts_of_host).collect(),
            )
        }
        (true, Role::Initiator) => {
            let (asking, others): (Vec<Job>, Vec<Job>) =
                together.into_iter().partition(asks_states);
            let mut parts = parts_of_client(&others, CLIENT_CASES_MAX);
            parts.extend(parts_with_few_states(asking));
            (parts, parts_of_client(&alone, CLIENT_CASES_ALONE_MAX))
        }
    };
    let start = |alone| {
        move |jobs: Vec<Job>| {
            let is_spared = in_parts && role == Role::Responder && jobs.iter().any(asks_states);
            Start {
                jobs,
                alone,
                at_once_max: match is_spared {
                    true => STATE_CASES_AT_ONCE_MAX,
                    false => usize::MAX,
                },
            }
        }
    };
    let together = together.into_iter().map(start(false));
    let alone = alone.into_iter().map(start(true));
    together
        .chain(alone)
        .filter(|start| !start.jobs.is_empty())
        .collect()
}

/// Cases that change the host, apart by folder and RPC protocol: what one does to it, such as the pairing of a key that
/// the other protocol's case has too, must not be what the other finds.
fn groups_of(jobs: Vec<Job>) -> Vec<Vec<Job>> {
    let mut groups: BTreeMap<(String, RpcProtocol), Vec<Job>> = BTreeMap::new();
    for job in jobs {
        let folder = job.scenario.id.split('/').next().unwrap_or_default();
        let key = (folder.to_owned(), job.protocol);
        groups.entry(key).or_default().push(job);
    }
    groups.into_values().collect()
}

/// A client dials all hosts of a start at once, and gives up those that are kept waiting.
fn parts_of_client(jobs: &[Job], most: usize) -> Vec<Vec<Job>> {
    jobs.chunks(most).map(<[Job]>::to_vec).collect()
}

/// A host takes any number of clients, until somebody asks for the states of all.
fn parts_of_host(jobs: Vec<Job>) -> Vec<Vec<Job>> {
    let (asking, others): (Vec<Job>, Vec<Job>) = jobs.into_iter().partition(asks_states);
    let mut parts = vec![others];
    parts.extend(parts_with_few_states(asking));
    parts
}

/// Whether a case asks the state service, or tries whether it can be asked.
pub fn asks_states(job: &Job) -> bool {
    is_of_state_service(job) || job.scenario.needs().contains(&Capability::StateService)
}

fn parts_with_few_states(jobs: Vec<Job>) -> Vec<Vec<Job>> {
    let mut parts = Vec::new();
    let mut part = Vec::new();
    let mut states = 0;
    for job in jobs {
        let known = job.scenario.fixtures.known().count();
        if states + known > STATES_MAX {
            parts.push(std::mem::take(&mut part));
            states = 0;
        }
        states += known;
        part.push(job);
    }
    parts.push(part);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::load_catalogue,
        runner::{Selection, plan},
    };

    fn names(jobs: &[Job]) -> Vec<(String, RpcProtocol)> {
        let name = |job: &Job| (job.scenario.id.clone(), job.protocol);
        let mut names: Vec<_> = jobs.iter().map(name).collect();
        names.sort();
        names
    }

    #[test]
    fn whole_catalogue_then_each_case_is_started_for_once_and_with_its_like() {
        let cases = load_catalogue().unwrap_or_default();
        let selection = Selection::default();
        for role in [Role::Responder, Role::Initiator] {
            let jobs = plan(&cases, &selection, role, &RpcProtocol::ALL);
            for in_parts in [false, true] {
                let starts = starts(role, jobs.clone(), in_parts);
                let played: Vec<Job> = starts.iter().flat_map(|it| it.jobs.clone()).collect();
                assert_eq!(names(&played), names(&jobs));
                assert!(starts.is_sorted_by_key(|start| start.alone));
                assert_eq!(starts.len() > 2, in_parts, "{}", starts.len());
                starts.iter().for_each(is_of_one_kind);
                if in_parts {
                    starts.iter().for_each(few_states_are_asked_for);
                }
                if in_parts && role == Role::Responder {
                    starts.iter().for_each(what_changes_a_host_is_of_one_group);
                }
            }
        }
    }

    fn is_of_one_kind(start: &Start) {
        let jobs = &start.jobs;
        assert!(jobs.iter().all(|job| job.scenario.alone == start.alone));
    }

    fn few_states_are_asked_for(start: &Start) {
        if start.jobs.iter().any(asks_states) {
            let states = start
                .jobs
                .iter()
                .map(|job| job.scenario.fixtures.known().count());
            assert!(states.sum::<usize>() <= STATES_MAX);
        }
    }

    fn what_changes_a_host_is_of_one_group(start: &Start) {
        let group = |job: &Job| {
            let folder = job.scenario.id.split('/').next().map(str::to_owned);
            (folder, job.protocol)
        };
        let first = group(&start.jobs[0]);
        assert!(!start.alone || start.jobs.iter().all(|job| group(job) == first));
    }
}
