//! Saved cases and reports of runs that never were: spread over the suite's own cases, with a little of everything seen.

use std::{
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use syncspec::{
    crypto::kem::KemId,
    judge::judge,
    report::{
        CaseResult, Run, TargetLine,
        json::Report,
        saved::{PeerAddress, Played, PlayedCase},
    },
    rules::Level,
    scenario::model::{Scenario, Sendable, Verb},
    trace::{End, Event, EventKind, Sent, Trace},
    wire::{Code, Role, RpcProtocol},
};

use super::dialogues::catalogue;

/// Of so many cases one is taken: more of them differ in nothing that a reader of files could mind.
const ONE_IN: usize = 40;

/// Cases, each as its own file.
pub fn saved() -> Vec<Vec<u8>> {
    let played = Played {
        seed: 7,
        protocol: RpcProtocol::Grpc,
        kem_id: KemId::default(),
        held_to: Level::Must,
        peer: PeerAddress::Described {
            target: "url = \"http://127.0.0.1:9898\"\n".to_owned(),
            state_headers: vec!["authorization".to_owned()],
        },
    };
    let cases = results()
        .into_iter()
        .map(|result| PlayedCase::of(&result, played.clone()));
    cases.filter_map(|case| case.to_text().ok()).collect()
}

/// All of them in one report, and one by one.
pub fn report() -> Vec<Vec<u8>> {
    let results = results();
    let each = results.chunks(results.len().div_ceil(6).max(1));
    let target = TargetLine {
        kind: "url",
        name: Some("a peer".to_owned()),
        version: None,
        url: "http://127.0.0.1:9898".to_owned(),
        protocols: vec![RpcProtocol::Grpc],
    };
    each.filter_map(|results| {
        let report = Report::of(&Run {
            results,
            target: &target,
            label: None,
            seed: 7,
            duration: Duration::from_secs(3),
            began: UNIX_EPOCH,
            not_played: None,
            phases: Default::default(),
        });
        serde_json::to_vec(&report).ok()
    })
    .collect()
}

fn results() -> Vec<CaseResult> {
    let templates = catalogue();
    let scenarios = [Role::Responder, Role::Initiator]
        .into_iter()
        .flat_map(|role| {
            let of_role = templates
                .iter()
                .filter_map(move |case| case.instantiate(role, RpcProtocol::Grpc));
            of_role.step_by(ONE_IN).collect::<Vec<_>>()
        });
    scenarios
        .map(|scenario| {
            let trace = trace(&scenario);
            let verdict = judge(&scenario, &trace);
            CaseResult::new(
                Arc::new(scenario),
                RpcProtocol::Grpc,
                verdict,
                Level::Must,
                Duration::from_millis(4),
                trace,
            )
        })
        .collect()
}

/// Each step's item goes out and comes back, and the stream ends.
fn trace(scenario: &Scenario) -> Trace {
    let mut trace = Trace::default();
    let mut see = |step: usize, kind: EventKind| {
        trace.events.push(Event {
            at: Duration::from_millis(step as u64),
            step,
            session: "main".to_owned(),
            kind,
        });
    };
    see(0, EventKind::Opened);
    for (at, step) in scenario.steps.iter().enumerate() {
        if let Verb::Send(Sendable::Item(message)) = &step.verb {
            see(
                at,
                EventKind::Sent(Sent {
                    what: message.item.describe().to_owned(),
                    item: Some(message.item.clone()),
                    counter: Some(at as u64),
                    deviations: vec!["nonce: repeat-last".to_owned()],
                    fence: None,
                }),
            );
            see(
                at,
                EventKind::Received {
                    counter: at as u64,
                    item: message.item.clone(),
                },
            );
        }
    }
    let end = End::Status {
        code: Code::Internal,
        message: "over".to_owned(),
    };
    see(
        scenario.steps.len().saturating_sub(1),
        EventKind::Ended(end),
    );
    trace
}
