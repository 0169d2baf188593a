//! Whether what a target file says of the state service is so. The other capabilities are tried by a dialogue; this one
//! has been called before any case, to see whether the cases that need it can be played.

use std::time::Duration;

use super::Job;
use crate::{
    judge::{Finding, Verdict},
    report::CaseResult,
    rules::{Capability, Level, RuleId},
    scenario::probes::id_of,
    trace::Trace,
};

/// Whether the job tries the state service.
pub fn is_of_state_service(job: &Job) -> bool {
    [true, false]
        .map(|on| id_of(Capability::StateService, on))
        .contains(&job.scenario.id)
}

/// What came of it: whether the service answered the call, or why not.
pub fn judge_state_service(job: Job, seen: Option<&Result<(), String>>) -> CaseResult {
    let is_declared = job.scenario.id == id_of(Capability::StateService, true);
    let finding = |rule, expected: &str, seen: &str| Finding {
        rule,
        step: None,
        expected: expected.to_owned(),
        seen: seen.to_owned(),
        location: job.scenario.location.clone(),
        event: None,
    };
    let found = match (is_declared, seen) {
        (_, None) => {
            let reason = "the state service was not called".to_owned();
            return CaseResult::inconclusive(job.scenario, job.protocol, reason);
        }
        (true, Some(Err(why))) => Some(finding(
            RuleId::CapabilityDeclaredOnServes,
            "GetPeerSyncStatesStream to tell of the peers and end with OK (`state-service.url` and `.headers` say how it is called)",
            why,
        )),
        (false, Some(Ok(()))) => Some(finding(
            RuleId::CapabilityDeclaredOffRefuses,
            "GetPeerSyncStatesStream not to be answered",
            "it was answered, and ended with OK",
        )),
        (true, Some(Ok(()))) | (false, Some(Err(_))) => None,
    };
    CaseResult::new(
        job.scenario,
        job.protocol,
        Verdict::Judged(found.into_iter().collect()),
        Level::Must,
        Duration::ZERO,
        Trace::default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        report::Outcome,
        scenario::probes::probe_of,
        wire::{Role, RpcProtocol},
    };
    use std::sync::Arc;

    fn outcome(declared: bool, seen: Option<&Result<(), String>>) -> Outcome {
        let probe = probe_of(Capability::StateService, declared).expect("a probe");
        let scenario = probe.instantiate(Role::Responder, RpcProtocol::Grpc);
        let job = Job {
            scenario: Arc::new(scenario.expect("for hosts")),
            protocol: RpcProtocol::Grpc,
            skip: None,
        };
        assert!(is_of_state_service(&job));
        judge_state_service(job, seen).outcome
    }

    #[test]
    fn declared_as_it_is_then_passed_and_otherwise_failed() {
        let refused = Err("it ended its call with unimplemented".to_owned());
        assert_eq!(outcome(true, Some(&Ok(()))), Outcome::Passed);
        assert_eq!(outcome(false, Some(&refused)), Outcome::Passed);
        assert_eq!(outcome(true, Some(&refused)), Outcome::Failed);
        assert_eq!(outcome(false, Some(&Ok(()))), Outcome::Failed);
        assert_eq!(outcome(false, None), Outcome::Inconclusive);
    }
}
