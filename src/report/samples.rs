//! A run with every outcome and a peer that writes what does most harm, for the reports' tests.

use std::{
    sync::{Arc, LazyLock},
    time::{Duration, UNIX_EPOCH},
};

use serde_json::json;

use super::{CaseResult, NotPlayed, Outcome, Phases, Repeats, Run, TargetLine};
use crate::{
    judge::{Finding, Verdict},
    rules::{Level, RuleId},
    scenario::{
        fixtures::Fixtures,
        message::item_from_json,
        model::{Given, Location, Profile, Scenario},
    },
    trace::{End, Event, EventKind, Sent, Trace},
    wire::{Code, Role, RpcProtocol},
};

/// What a hostile peer writes wherever it may.
pub const HOSTILE: &str = "</pre></script><script>alert(1)</script><img src=x onerror=alert(1)>\u{202e}\x1b[2J\n::error::```| ";

/// The run.
pub fn run() -> Run<'static> {
    static RESULTS: LazyLock<Vec<CaseResult>> = LazyLock::new(results);
    static TARGET: LazyLock<TargetLine> = LazyLock::new(|| TargetLine {
        kind: "url",
        name: None,
        version: None,
        url: format!("http://127.0.0.1/{HOSTILE}"),
        protocols: vec![RpcProtocol::Connect],
    });
    Run {
        results: &RESULTS,
        target: &TARGET,
        label: Some("a <peer> 1.0"),
        seed: 7,
        duration: Duration::from_millis(1234),
        phases: Phases::default(),
        began: UNIX_EPOCH + Duration::from_secs(1_764_000_000),
        not_played: None,
    }
}

/// A run that came to nothing, because of what somebody in between wrote.
pub fn not_played() -> Run<'static> {
    static WHY: LazyLock<NotPlayed> = LazyLock::new(|| NotPlayed {
        text: format!("the peer is not set up\n  FAIL  path  seen {HOSTILE}"),
        checks: serde_json::json!({"ok": false, "checks": [{"step": "path", "mistake": "wrong-prefix"}]}),
    });
    Run {
        results: &[],
        not_played: Some(&WHY),
        ..run()
    }
}

/// A case of this id that checks these rules.
fn scenario(id: &str, rules: &[RuleId]) -> Arc<Scenario> {
    let given = Given::default();
    Arc::new(Scenario {
        id: id.to_owned(),
        about: "A claim, in one sentence.".to_owned(),
        rules: rules.to_vec(),
        role: Role::Responder,
        profile: Profile::Smoke,
        alone: false,
        fixtures: Fixtures::for_case(id, Role::Responder, RpcProtocol::Connect, &given),
        given,
        deviate: Vec::new(),
        steps: Vec::new(),
        location: Location {
            file: format!("scenarios/{id}.yaml"),
            line: 8,
            column: 5,
        },
    })
}

fn case(id: &str, rules: &[RuleId], broken: &[RuleId], outcome: Outcome) -> CaseResult {
    let scenario = scenario(id, rules);
    let finding = |rule: &RuleId| Finding {
        rule: *rule,
        step: Some(3),
        expected: "the stream to end with internal".to_owned(),
        seen: format!("the stream ended with {HOSTILE}"),
        location: scenario.location.clone(),
        event: Some(3),
    };
    let findings = broken.iter().map(finding).collect();
    let verdict = Verdict::Judged(findings);
    let mut result = CaseResult::new(
        scenario,
        RpcProtocol::Connect,
        verdict,
        Level::Must,
        Duration::from_millis(12),
        trace(),
    );
    result.outcome = outcome;
    result
}

fn results() -> Vec<CaseResult> {
    use RuleId::{
        CloseOtherCode, EnvelopeGapRefused, EnvelopeNonceLength, EnvelopeReplayRefused,
        HandshakeVersion3, LogsChunks, RpcGrpc, WireContract, WireInt64FullRange,
    };
    let mut failed = case(
        "envelope/ends-on-replayed-nonce",
        &[EnvelopeReplayRefused],
        &[EnvelopeReplayRefused],
        Outcome::Failed,
    );
    failed.peer_log = vec![HOSTILE.to_owned(), "x".repeat(1_000_000)];
    failed.again = Some("syncspec replay failures/envelope.json".to_owned());
    let mut inconclusive = case(
        "handshake/version",
        &[HandshakeVersion3],
        &[],
        Outcome::Inconclusive,
    );
    inconclusive.reason = Some(format!(
        "the session never came up: {HOSTILE}\nscenarios/x.yaml:1:1"
    ));
    let mut skipped = case("logs/chunks", &[LogsChunks], &[], Outcome::Skipped);
    skipped.reason = Some("the peer does not declare logs".to_owned());
    let mut known = case(
        "wire/known",
        &[WireInt64FullRange],
        &[WireInt64FullRange],
        Outcome::KnownFailing,
    );
    known.reason = Some("being mended".to_owned());
    let mut flaky = case("rpc/flaky", &[RpcGrpc], &[RpcGrpc], Outcome::Flaky);
    flaky.repeats = Some(Repeats {
        plays: 10,
        not_passed: 3,
    });
    vec![
        failed,
        case(
            "envelope/second",
            &[EnvelopeReplayRefused, EnvelopeGapRefused],
            &[EnvelopeReplayRefused],
            Outcome::Failed,
        ),
        case("envelope/gap", &[EnvelopeNonceLength], &[], Outcome::Passed),
        case(
            "close/code",
            &[CloseOtherCode],
            &[CloseOtherCode],
            Outcome::Passed,
        ),
        inconclusive,
        skipped,
        known,
        flaky,
        case(
            "new/one",
            &[WireContract],
            &[WireContract],
            Outcome::PreviewFailed,
        ),
    ]
}

fn trace() -> Trace {
    let item = |json| item_from_json(&json).unwrap();
    let kinds = [
        EventKind::Opened,
        EventKind::Sent(Sent {
            what: "heartbeat".to_owned(),
            item: Some(item(json!({"heartbeat": {}}))),
            counter: Some(1),
            deviations: vec!["nonce: repeat-last".to_owned()],
            fence: None,
        }),
        EventKind::Received {
            counter: 2,
            item: item(json!({"receiveLogData": {"errorMessage": HOSTILE.repeat(10_000)}})),
        },
        EventKind::Ended(End::Status {
            code: Code::Unknown,
            message: HOSTILE.to_owned(),
        }),
    ];
    let events = kinds.into_iter().zip(0..).map(|(kind, at)| Event {
        at: Duration::from_micros(1500 * at),
        step: 0,
        session: "main".to_owned(),
        kind,
    });
    Trace {
        events: events.collect(),
    }
}
