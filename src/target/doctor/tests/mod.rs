//! Hand-written observations, and what is made of them.

mod client;
mod host;

use std::time::Duration;

use super::{seen::*, *};
use crate::{
    crypto::{identity::Identity, kem::KemId},
    rules::RuleId,
    scenario::fixtures,
    session::{VerifiedPeer, Violation},
    trace::End,
    wire::{Code, RpcProtocol},
};

const URL: &str = "https://backup.example.org/backrest";
const WAITED: Duration = Duration::from_secs(5);

fn ours() -> VerifiedPeer {
    host(Identity::from_seed(&fixtures::seed_of("host")).keyid())
}

fn host(keyid: &str) -> VerifiedPeer {
    VerifiedPeer {
        keyid: keyid.to_owned(),
        instance_id: "a host".to_owned(),
        pairing_secret: String::new(),
    }
}

/// A call that went as far as the host's handshake.
fn met(protocol: RpcProtocol, host: VerifiedPeer) -> Call {
    Call {
        answer: Some(Answer {
            status: 200,
            ..Answer::default()
        }),
        key_exchange: Some(Duration::from_millis(3)),
        kem_id: Some(KemId::MlKem1024P384),
        host: Some(host),
        ..Call::new(protocol)
    }
}

/// A call that stopped before anything of the session came.
fn stopped(protocol: RpcProtocol, stop: Stop) -> Call {
    Call {
        stop: Some(stop),
        ..Call::new(protocol)
    }
}

fn http(status: u16, content_type: &str) -> Stop {
    Stop::Ended(End::Http {
        status,
        content_type: content_type.to_owned(),
    })
}

fn status(code: Code) -> Stop {
    Stop::Ended(End::Status {
        code,
        message: String::new(),
    })
}

fn silent(then: AfterHalfClose) -> Stop {
    Stop::Silent {
        waited: WAITED,
        then,
    }
}

fn seen(calls: Vec<Call>) -> HostSeen {
    HostSeen {
        connection: Ok(Reached {
            address: "203.0.113.7:443".parse().unwrap(),
            connect: Duration::from_millis(12),
        }),
        calls,
        answers_without_prefix: false,
        grpc_web: None,
        state_service: None,
        watched: None,
        clock_ahead_s: Some(0),
        server: None,
    }
}

fn unreached(fault: Fault, said: &str) -> HostSeen {
    HostSeen {
        connection: Err(Unreached {
            fault,
            seen: said.to_owned(),
            address: None,
        }),
        ..seen(Vec::new())
    }
}

fn wanted() -> Wanted {
    Wanted {
        protocols: vec![RpcProtocol::Connect],
        kem_id: KemId::MlKem1024P384,
        keyid: None,
        provisioned: Provisioned::IfOurs,
        clock_must_agree: true,
    }
}

fn diagnosed(url: &str, seen: &HostSeen) -> Diagnosis {
    diagnose_host(url, Some(seen), &wanted())
}

/// The step and the word of the one failure.
fn failure(diagnosis: &Diagnosis) -> (Step, &'static str) {
    let failed: Vec<_> = diagnosis
        .checks
        .iter()
        .filter_map(|check| match &check.standing {
            Standing::Failed(mistake) => Some((check.step, mistake.id())),
            _ => None,
        })
        .collect();
    assert_eq!(failed.len(), 1, "{diagnosis:#?}");
    failed[0]
}

fn failure_of_call(stop: Stop) -> (Step, &'static str) {
    failure(&diagnosed(
        URL,
        &seen(vec![stopped(RpcProtocol::Connect, stop)]),
    ))
}

#[test]
fn every_mistake_then_a_word_of_its_own() {
    let mut ids = Mistake::IDS.to_vec();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), Mistake::IDS.len());
}
