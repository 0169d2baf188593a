use std::{
    fs,
    path::Path,
    sync::{Arc, LazyLock},
    time::Duration,
};

use serde_json::{Value, json};

use super::*;
use crate::{
    judge::{Verdict, judge},
    rules::RuleId,
    scenario::{builtin::load_builtin, message::item_from_json},
    session::{VerifiedPeer, Violation},
    trace::{End, Event, EventKind, LinkFailure, Sent, Stage},
    wire::Code,
};

/// A step that no scenario has.
const STEP_OF_NO_CASE: usize = 1000;

/// One event of each kind, with the texts and numbers that are easiest to spoil.
fn every_kind() -> Vec<EventKind> {
    let item = |json| item_from_json(&json).unwrap();
    let odd = item(
        json!({"receiveOperations": {"event": {"updatedOperations": {"operations": [
            {"id": "9223372036854775807", "status": 99, "displayMessage": "<script>\u{202e}\0\n\u{1f600}"},
            {"id": "-1", "operationBackup": {"lastStatus": {"status": {"percentDone": 0.1}}}},
            {"operationBackup": {"lastStatus": {"summary": {"totalDuration": 2.2250738585072014e-308}}}},
        ]}}}}),
    );
    let ends = [
        End::Status {
            code: Code::Internal,
            message: "\"why\"".to_owned(),
        },
        End::Http {
            status: 502,
            content_type: "text/html".to_owned(),
        },
        End::Reset {
            reason: "CANCEL".to_owned(),
        },
        End::Lost {
            reason: String::new(),
        },
        End::NoStatus,
        End::BadFraming {
            reason: "flag 0x80".to_owned(),
        },
    ];
    let mut kinds = vec![
        EventKind::Opened,
        EventKind::NotOpened(LinkFailure {
            stage: Stage::Http2,
            seen: "HTTP/1.1 400".to_owned(),
        }),
        EventKind::Sent(Sent {
            what: "heartbeat".to_owned(),
            item: Some(item(json!({"heartbeat": {}}))),
            counter: Some(u64::MAX),
            deviations: vec!["nonce: repeat-last".to_owned()],
            fence: Some(i64::MIN),
        }),
        EventKind::Sent(Sent {
            what: "key".to_owned(),
            item: None,
            counter: None,
            deviations: Vec::new(),
            fence: None,
        }),
        EventKind::NotSent("fence".to_owned()),
        EventKind::HalfClosed,
        EventKind::ResetByUs,
        EventKind::Answered {
            status: 200,
            content_type: "application/grpc".to_owned(),
        },
        EventKind::KeyExchanged,
        EventKind::Verified(VerifiedPeer {
            keyid: "ed25519.x".to_owned(),
            instance_id: "host".to_owned(),
            pairing_secret: "s".to_owned(),
        }),
        EventKind::Received {
            counter: 7,
            item: odd,
        },
        EventKind::Received {
            counter: 8,
            item: Default::default(),
        },
        EventKind::Broke(Violation::limit(RuleId::WireContract, "too long")),
        EventKind::Clear(item(
            json!({"establishSharedSecret": {"kemPublicKey": "+/8="}}),
        )),
        EventKind::DeadlinePassed {
            waited: Duration::new(5, 1),
        },
        EventKind::Flooded,
    ];
    kinds.extend(ends.map(EventKind::Ended));
    kinds
}

fn trace() -> Trace {
    let events = every_kind().into_iter().zip(1..).map(|(kind, at)| Event {
        at: Duration::from_nanos(at * 1_000_000_007),
        // A stream that could not be opened would end the judging of its step before anything else is looked at.
        step: match kind {
            EventKind::NotOpened(_) => STEP_OF_NO_CASE,
            _ => 1,
        },
        session: "main".to_owned(),
        kind,
    });
    Trace {
        events: events.collect(),
    }
}

fn played() -> Played {
    Played {
        seed: u64::MAX,
        protocol: RpcProtocol::Connect,
        kem_id: KemId::AsPublished,
        held_to: Level::Should,
        peer: PeerAddress::Described {
            target: "[responder]\nurl = \"http://[::1]:1/a b\"\n".to_owned(),
            state_headers: vec!["authorization".to_owned()],
        },
    }
}

/// Every built-in case in every role, as if it had met the same strange trace.
fn cases() -> &'static [PlayedCase] {
    static CASES: LazyLock<Vec<PlayedCase>> = LazyLock::new(play_all);
    &CASES
}

fn play_all() -> Vec<PlayedCase> {
    let templates = load_builtin().unwrap();
    let scenarios = templates.iter().flat_map(|template| {
        let roles = template.roles().iter();
        roles.filter_map(|role| template.instantiate(*role, RpcProtocol::Connect))
    });
    scenarios
        .map(|scenario| {
            let verdict = judge(&scenario, &trace());
            let result = CaseResult::new(
                Arc::new(scenario),
                RpcProtocol::Connect,
                verdict,
                Level::Must,
                Duration::from_nanos(12_345_678_901),
                trace(),
            );
            PlayedCase::of(&result, played())
        })
        .collect()
}

fn one() -> PlayedCase {
    cases()[0].clone()
}

#[test]
fn saved_and_read_again_then_equal() {
    for case in cases() {
        let read = PlayedCase::read(&case.to_text().unwrap()).unwrap();
        assert_eq!(read, *case, "{}", case.scenario.id);
    }
}

#[test]
fn judged_again_then_same_findings() {
    let mut with_findings = 0;
    for case in cases() {
        let read = PlayedCase::read(&case.to_text().unwrap()).unwrap();
        match judge(&read.scenario, &read.trace.unwrap()) {
            Verdict::Judged(findings) => {
                with_findings += usize::from(!findings.is_empty());
                assert_eq!(findings, case.findings, "{}", case.scenario.id);
            }
            Verdict::Inconclusive { .. } => assert_eq!(case.outcome, Outcome::Inconclusive),
        }
    }
    assert!(with_findings > 0);
}

#[test]
fn other_schema_then_refused_by_its_number() {
    let mut json: Value = serde_json::from_slice(&one().to_text().unwrap()).unwrap();
    let other = SCHEMA + 1;
    json["schema"] = json!(other);
    json["a_field_of_that_schema"] = json!(true);
    let error = PlayedCase::read(json.to_string().as_bytes()).unwrap_err();
    assert!(
        error.to_string().contains(&format!("schema {other}")),
        "{error}"
    );
}

#[test]
fn bytes_that_are_no_saved_case_then_each_refused_in_its_own_words() {
    let text = String::from_utf8(one().to_text().unwrap()).unwrap();
    let without_rules = {
        let mut json: Value = serde_json::from_str(&text).unwrap();
        json["scenario"]["rules"] = json!([]);
        json.to_string()
    };
    let waiting_for_ever = {
        let mut json: Value = serde_json::from_str(&text).unwrap();
        json["scenario"]["steps"][0]["within"] = json!({"secs": u64::MAX, "nanos": 0});
        json.to_string()
    };
    let cases = [
        ("", "EOF"),
        ("[]", "saved case"),
        ("{\"format\":\"other\",\"schema\":1}", "format"),
        (&text[..text.len() / 2], "line"),
        (
            &text.replace("\"findings\"", "\"fundings\""),
            "unknown field",
        ),
        (
            &text.replace("\"at_ns\": 1000000007", "\"at_ns\": -1"),
            "line",
        ),
        (&"[".repeat(1_000_000), "line"),
        (
            &text.replace(
                "\"given\": {",
                &format!("\"given\": {}{{", "[".repeat(1_000_000)),
            ),
            "line",
        ),
        (&without_rules, "no rule"),
        (&waiting_for_ever, "waits for more than"),
    ];
    for (bytes, said) in cases {
        let error = PlayedCase::read(bytes.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(said), "{said}: {error}");
    }
}

#[test]
fn any_byte_changed_then_read_and_judged_without_panic() {
    let text = one().to_text().unwrap();
    for at in (0..text.len()).step_by(61) {
        for byte in [0, b'"', b'9', b'-', 0xff] {
            let mut changed = text.clone();
            changed[at] = byte;
            if let Ok(case) = PlayedCase::read(&changed) {
                let _ = judge(&case.scenario, &case.trace.unwrap_or_default());
            }
        }
    }
}

#[test]
fn saved_twice_then_replaced_and_a_strange_file_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = save(one(), folder.path()).unwrap();
    assert_eq!(save(one(), folder.path()).unwrap(), path);
    assert_eq!(PlayedCase::read_file(&path).unwrap(), one());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    fs::write(&path, "my notes").unwrap();
    let error = save(one(), folder.path()).unwrap_err().to_string();
    assert!(error.contains("--failures"), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "my notes");
}

#[test]
fn file_larger_than_the_limit_then_refused_before_it_is_parsed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.json");
    let file = fs::File::create(&path).unwrap();
    file.set_len(FILE_LEN_BYTES_MAX as u64 + 1).unwrap();
    assert!(matches!(
        PlayedCase::read_file(&path),
        Err(ReadError::TooLarge)
    ));
}

#[test]
fn trace_too_large_for_a_file_then_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let mut case = one();
    let log = item_from_json(
        &json!({"receiveLogData": {"errorMessage": "x".repeat(FILE_LEN_BYTES_MAX)}}),
    );
    case.trace = Some(Trace {
        events: vec![Event {
            at: Duration::ZERO,
            step: 0,
            session: "main".to_owned(),
            kind: EventKind::Received {
                counter: 1,
                item: log.unwrap(),
            },
        }],
    });
    let path = save(case.clone(), folder.path()).unwrap();
    let read = PlayedCase::read_file(&path).unwrap();
    assert_eq!(
        read,
        PlayedCase {
            trace: None,
            ..case
        }
    );
}

#[test]
fn unwritable_folder_then_error_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = save(one(), &file.join("below")).unwrap_err();
    assert!(error.to_string().contains("below"), "{error}");
    assert!(!Path::new("below").exists());
}
