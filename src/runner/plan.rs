//! Which cases are played: a pure choice.

use std::sync::Arc;

use super::Shard;
use crate::{
    campaign::variation::Base,
    scenario::{
        CaseTemplate,
        model::{Profile, Scenario},
        probes::probe_of,
        splice::is_spliced,
    },
    target::file::TargetFile,
    wire::{Role, RpcProtocol},
};

/// One case over one RPC protocol.
#[derive(Clone, Debug)]
pub struct Job {
    /// The case.
    pub scenario: Arc<Scenario>,
    /// The RPC protocol to play it over.
    pub protocol: RpcProtocol,
    /// Why it is not played, where it is not.
    pub skip: Option<String>,
}

impl From<Job> for Base {
    fn from(job: Job) -> Base {
        Base {
            scenario: job.scenario,
            protocol: job.protocol,
        }
    }
}

/// What was asked for, in libtest's words.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Parts of ids, any of which selects; none selects everything.
    pub filters: Vec<String>,
    /// Whether a filter must be the whole id.
    pub exact: bool,
    /// Parts of ids that are left out.
    pub skip: Vec<String>,
    /// The largest profile that is included.
    pub profile: Profile,
    /// The part of it that is played; none is all of it.
    pub shard: Option<Shard>,
}

impl Selection {
    pub(super) fn takes(&self, id: &str, profile: Profile) -> bool {
        let matches = |text: &String| match self.exact {
            true => id == text,
            false => id.contains(text.as_str()),
        };
        profile <= self.profile
            && self.shard.is_none_or(|shard| shard.takes(id))
            && (self.filters.is_empty() || self.filters.iter().any(matches))
            && !self.skip.iter().any(matches)
    }
}

/// The jobs of a run against a peer in one role, by id and protocol; those that stand between two peers are
/// [`super::plan_spliced`].
pub fn plan(
    templates: &[CaseTemplate],
    selection: &Selection,
    role: Role,
    protocols: &[RpcProtocol],
) -> Vec<Job> {
    let mut jobs = Vec::new();
    let taken = templates
        .iter()
        .filter(|template| !is_spliced(template.id()))
        .filter(|template| selection.takes(template.id(), template.profile()));
    for template in taken {
        for protocol in protocols {
            let Some(scenario) = template.instantiate(role, *protocol) else {
                continue;
            };
            jobs.push(Job {
                scenario: Arc::new(scenario),
                protocol: *protocol,
                skip: None,
            });
        }
    }
    jobs
}

/// Marks the jobs that rest on a capability the peer is said not to have.
pub fn skip_what_it_lacks(jobs: &mut [Job], target: &TargetFile) {
    for job in jobs {
        if let Some(lacking) = target.lacks(&job.scenario.needs()) {
            job.skip = Some(format!(
                "the target does not declare the capability `{lacking}`"
            ));
        }
    }
}

/// The jobs that try what a target file says of the peer's capabilities; nothing is tried of which it says nothing.
pub fn plan_claims(
    target: &TargetFile,
    selection: &Selection,
    role: Role,
    protocols: &[RpcProtocol],
) -> Vec<Job> {
    let claims = target.capabilities.iter();
    let probes: Vec<CaseTemplate> = claims
        .filter_map(|(capability, on)| probe_of(*capability, *on))
        .collect();
    plan(&probes, selection, role, protocols)
}
