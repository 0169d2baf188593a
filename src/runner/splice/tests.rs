use super::{
    plan::{NEEDS_ONE_PROTOCOL, NEEDS_TO_START_THEM},
    *,
};
use crate::{
    net::{client::ClientOptions, host::HostOptions},
    report::Outcome,
    rules::Level,
    runner::Selection,
};

async fn play(host: HostOptions, client: ClientOptions) -> Vec<(Role, RpcProtocol, CaseResult)> {
    let both = Both::Reference {
        host: Box::new(host),
        client: Box::new(client),
    };
    let options = RunOptions::new(1, Level::Deployed);
    let patience = Patience::from_round_trip(Duration::ZERO);
    let parts = [Role::Responder, Role::Initiator].map(|role| (role, RpcProtocol::ALL.to_vec()));
    let (hosts, clients): (Vec<Job>, Vec<Job>) = plan_spliced(&Selection::default(), &parts, true)
        .into_iter()
        .partition(|job| job.scenario.role == Role::Responder);
    assert_eq!(hosts.len(), RpcProtocol::ALL.len());
    let mut results = Vec::new();
    for (host, client) in hosts.into_iter().zip(clients) {
        for result in play_between(&both, host, client, &options, patience).await {
            results.push((result.scenario.role, result.protocol, result));
        }
    }
    results
}

#[tokio::test]
async fn honest_peers_then_both_refuse() {
    for (role, protocol, result) in play(HostOptions::default(), ClientOptions::default()).await {
        let seen = (&result.reason, &result.findings);
        assert_eq!(
            result.outcome,
            Outcome::Passed,
            "{role} {protocol}: {seen:?}"
        );
        assert!(result.findings.is_empty(), "{role} {protocol}: {seen:?}");
    }
}

/// Peers that accept what was signed for another session, or whatever is signed: the one that does so is red, and no other.
#[cfg(feature = "self-test")]
mod with_lapses {
    use super::*;
    use crate::{
        lapses::{Lapse, Lapses},
        reference::limits::Settings,
        rules::RuleId,
    };

    fn with(lapse: Lapse) -> Settings {
        Settings {
            lapses: Lapses::NONE.and(lapse),
            ..Settings::default()
        }
    }

    fn red(results: &[(Role, RpcProtocol, CaseResult)], accepts: Role) {
        assert_eq!(results.len(), 4);
        for (role, protocol, result) in results {
            let seen = (&result.reason, &result.findings);
            if *role != accepts {
                assert_eq!(
                    result.outcome,
                    Outcome::Passed,
                    "{role} {protocol}: {seen:?}"
                );
                continue;
            }
            assert_eq!(
                result.outcome,
                Outcome::Failed,
                "{role} {protocol}: {seen:?}"
            );
            let rules = result.findings.iter().map(|finding| finding.rule);
            assert!(
                rules
                    .into_iter()
                    .any(|rule| rule == RuleId::HandshakeSpliceRefused)
            );
        }
    }

    #[tokio::test]
    async fn host_checks_no_signature_then_red_and_the_client_not() {
        let host = HostOptions {
            settings: with(Lapse::SignatureUnchecked),
            ..HostOptions::default()
        };
        red(&play(host, ClientOptions::default()).await, Role::Responder);
    }

    #[tokio::test]
    async fn client_checks_no_signature_then_red_and_the_host_not() {
        let client = ClientOptions {
            settings: with(Lapse::SignatureUnchecked),
            ..ClientOptions::default()
        };
        red(&play(HostOptions::default(), client).await, Role::Initiator);
    }

    /// The binding to the key exchange alone is missing: each peer takes the transcripts of all sessions in this process.
    #[tokio::test]
    async fn transcripts_of_other_sessions_are_taken_then_both_red() {
        let settings = with(Lapse::OldTranscriptAccepted);
        let host = HostOptions {
            settings,
            ..HostOptions::default()
        };
        let client = ClientOptions {
            settings,
            ..ClientOptions::default()
        };
        for (role, protocol, result) in play(host, client).await {
            let seen = (&result.reason, &result.findings);
            assert_eq!(
                result.outcome,
                Outcome::Failed,
                "{role} {protocol}: {seen:?}"
            );
        }
    }
}

#[test]
fn only_one_role_then_skipped_with_the_reason() {
    let host = [(Role::Responder, vec![RpcProtocol::Grpc])];
    let jobs = plan_spliced(&Selection::default(), &host, true);
    assert_eq!(jobs.len(), 1);
    assert_eq!(jobs[0].skip.as_deref(), Some(NEEDS_BOTH));

    let strangers = [
        (Role::Responder, vec![RpcProtocol::Grpc]),
        (Role::Initiator, vec![RpcProtocol::Connect]),
    ];
    let jobs = plan_spliced(&Selection::default(), &strangers, true);
    assert!(
        jobs.iter()
            .all(|job| job.skip.as_deref() == Some(NEEDS_ONE_PROTOCOL))
    );

    let outside = [Role::Responder, Role::Initiator].map(|role| (role, vec![RpcProtocol::Connect]));
    let jobs = plan_spliced(&Selection::default(), &outside, false);
    assert_eq!(jobs.len(), 2);
    assert!(
        jobs.iter()
            .all(|job| job.skip.as_deref() == Some(NEEDS_TO_START_THEM))
    );
}
