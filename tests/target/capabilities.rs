//! What a target file says of capabilities is tried: with a peer that has them and one that lacks them, each with a file
//! that tells the truth and one that does not.

use std::{sync::Arc, time::Duration};

use syncspec::{
    actor::Patience,
    crypto::kem::KemId,
    net::{TlsRoots, client::ClientOptions},
    reference::limits::Capabilities,
    report::{CaseResult, Outcome},
    rules::{Capability, Level, RuleId},
    runner::{self, Caller, Job, Looks, RunOptions, Switchboard},
    scenario::probes::probe_of,
    wire::{Role, RpcProtocol},
};

use super::{Folder, Run};

const OF_HOSTS: [&str; 4] = ["logs", "pairing", "state-service", "throttle"];

fn run(behaviour: &str, declared: bool) -> Run {
    let lines = OF_HOSTS.map(|capability| format!("{capability} = {declared}\n"));
    let folder = Folder::new(behaviour, "");
    let file = folder.path("syncspec.toml");
    let target = std::fs::read_to_string(file).unwrap();
    folder.write(
        "syncspec.toml",
        &format!("{target}[capabilities]\n{}", lines.concat()),
    );
    let report = folder.path("report.json");
    let page = folder.path("report.html");
    let output = folder
        .command()
        .args(["capability/", "--protocol", "grpc", "--report"])
        .arg(format!("json={}", report.display()))
        .arg("--report")
        .arg(format!("html={}", page.display()))
        .output()
        .unwrap();
    let run = Run { output, report };
    // The folder goes with this function.
    let results = run.results();
    assert_eq!(results.len(), OF_HOSTS.len(), "{}", run.said());
    let rule = if declared {
        "capability.declared-on-serves"
    } else {
        "capability.declared-off-refuses"
    };
    let lies = (behaviour == "honest") != declared;
    for result in &results {
        let expected = if lies { "failed" } else { "passed" };
        assert_eq!(result["outcome"], expected, "{result:#}\n{}", run.said());
        if lies {
            assert_eq!(result["findings"][0]["rule"], rule, "{result:#}");
        }
    }
    if lies {
        assert!(run.said().contains(rule), "{}", run.said());
        let page = std::fs::read_to_string(page).unwrap();
        assert!(page.contains(rule), "the page does not name {rule}");
    }
    run
}

#[test]
fn host_has_them_and_file_says_so_then_green() {
    assert_eq!(run("honest", true).code(), 0);
}

#[test]
fn host_has_them_and_file_denies_it_then_red() {
    assert_eq!(run("honest", false).code(), 1);
}

#[test]
fn host_lacks_them_and_file_says_so_then_green() {
    assert_eq!(run("lacking", false).code(), 0);
}

#[test]
fn host_lacks_them_and_file_claims_them_then_red() {
    assert_eq!(run("lacking", true).code(), 1);
}

/// Plays the case that tries a capability on the reference client, which has its operations.
async fn play_on_client(capability: Capability, declared: bool, has: bool) -> CaseResult {
    let mut client = ClientOptions::default();
    client.settings.capabilities = Capabilities {
        logs: has,
        throttle: has,
        ..Capabilities::default()
    };
    let caller = Caller::Reference(Box::new(client));
    let switchboard = Switchboard::open("127.0.0.1:0", caller).await.unwrap();
    let options = RunOptions {
        url: String::new(),
        switchboard: Some(Arc::new(switchboard)),
        tls_roots: TlsRoots::default(),
        seed: 1,
        at_once: 1,
        held_to: Level::Must,
        kem_id: KemId::default(),
        looks: Looks::default(),
        client_looks: Looks::default(),
    };
    let probe = probe_of(capability, declared).unwrap();
    let scenario = probe.instantiate(Role::Initiator, RpcProtocol::Grpc);
    let job = Job {
        scenario: Arc::new(scenario.unwrap()),
        protocol: RpcProtocol::Grpc,
        skip: None,
    };
    runner::play(job, &options, Patience::from_round_trip(Duration::ZERO)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn client_then_red_where_the_file_is_wrong_and_green_where_it_is_right() {
    let tried = [
        (Capability::Logs, &[true, false][..]),
        (Capability::Throttle, &[true, false]),
        (Capability::OperationsProvisioned, &[true]),
    ];
    for (capability, has) in tried {
        for has in has {
            for declared in [true, false] {
                let result = play_on_client(capability, declared, *has).await;
                let (outcome, rule) = match (declared == *has, declared) {
                    (true, _) => (Outcome::Passed, None),
                    (false, true) => (Outcome::Failed, Some(RuleId::CapabilityDeclaredOnServes)),
                    (false, false) => (Outcome::Failed, Some(RuleId::CapabilityDeclaredOffRefuses)),
                };
                let what = format!("{capability}, has {has}, declared {declared}: {result:?}");
                assert_eq!(result.outcome, outcome, "{what}");
                let finding = result.findings.first();
                assert_eq!(finding.map(|finding| finding.rule), rule, "{what}");
            }
        }
    }
}
