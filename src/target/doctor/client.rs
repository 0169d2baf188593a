//! A client that was waited for.

use super::{
    Check, Diagnosis, Mistake, Standing, Step, call, milliseconds, quoted,
    seen::{Call, ClientCall, ClientSeen, NotListening, Stop, Stray},
};
use crate::{crypto::kem::KemId, rules::RuleId, wire::RpcProtocol};

/// Whom the client was to dial.
#[derive(Clone, Debug)]
pub struct Listening {
    /// The URL.
    pub url: String,
    /// Our key id.
    pub keyid: String,
    /// Our instance id.
    pub instance_id: String,
    /// The reading of the KEM id we follow.
    pub kem_id: KemId,
    /// Instance id that the client must have, where it was provisioned for the suite.
    pub client: Option<&'static str>,
    /// The RPC protocol that it is taken to speak, where one is.
    pub protocol: Option<RpcProtocol>,
}

/// Reads what was seen of a client.
pub fn diagnose_client(listening: &Listening, seen: &ClientSeen) -> Diagnosis {
    let call = seen.call.iter();
    let round_trip = call
        .flat_map(|call| [call.key_exchange, call.served])
        .flatten()
        .max();
    Diagnosis::of(
        Step::OF_A_CLIENT,
        checks(listening, seen),
        round_trip.unwrap_or_default(),
    )
}

/// What it means that the address cannot be listened on.
pub fn not_listening(seen: &NotListening) -> Check {
    let mistake = match seen.taken {
        true => Mistake::PortTaken,
        false => Mistake::CannotListen,
    };
    Check::failed(Step::Listen, mistake, quoted(&seen.seen))
}

fn checks(listening: &Listening, seen: &ClientSeen) -> Vec<Check> {
    if let Some(seen) = &seen.not_listening {
        return vec![not_listening(seen)];
    }
    let mut checks = vec![Check::ok(
        Step::Listen,
        format!("waits at {}", listening.url),
    )];
    let Some(call) = &seen.call else {
        checks.extend(nobody(listening, seen));
        return checks;
    };
    checks.push(Check::ok(Step::Dialled, "a client connected"));
    checks.push(Check::ok(Step::Http2, "preface came"));
    checks.push(Check::ok(Step::Path, "ours"));
    checks.extend(stray_notes(listening, &seen.strays));
    let speaks = format!("speaks {}", call.protocol);
    if listening.protocol.is_some_and(|it| it != call.protocol) {
        let seen = call.protocol;
        checks.push(Check::failed(
            Step::Rpc,
            Mistake::ClientSpeaksOther { seen },
            speaks,
        ));
        return checks;
    }
    checks.push(Check::ok(Step::Rpc, speaks));
    checks.extend(session(listening, call));
    checks
}

/// No call came; the last thing that came in place of one tells most.
fn nobody(listening: &Listening, seen: &ClientSeen) -> Vec<Check> {
    let Some(stray) = seen.strays.last() else {
        let seen = format!("nobody within {:.0} s", seen.waited.as_secs_f64());
        let url = listening.url.clone();
        return vec![Check::failed(
            Step::Dialled,
            Mistake::NeverDials { url },
            seen,
        )];
    };
    let check = of_stray(listening, stray);
    let mut checks = vec![Check::ok(Step::Dialled, "a client connected")];
    if matches!(check.step, Step::Path | Step::Rpc) {
        checks.push(Check::ok(Step::Http2, "preface came"));
    }
    if check.step == Step::Rpc {
        checks.push(Check::ok(Step::Path, "ours"));
    }
    checks.push(check);
    checks
}

/// Beside a good call, what else came is only noted.
fn stray_notes(listening: &Listening, strays: &[Stray]) -> Option<Check> {
    let check = of_stray(listening, strays.last()?);
    Some(match check.standing {
        Standing::Failed(mistake) => Check::note(check.step, mistake, check.seen),
        _ => check,
    })
}

fn of_stray(listening: &Listening, stray: &Stray) -> Check {
    let url = listening.url.clone();
    match stray {
        Stray::Path(path) => Check::failed(
            Step::Path,
            Mistake::DialsWrongPath { url },
            format!("it dialled {}", quoted(path)),
        ),
        Stray::Method(method) => Check::failed(
            Step::Rpc,
            Mistake::CallsOtherwise,
            format!("HTTP method {}", quoted(method)),
        ),
        Stray::ContentType(content_type) => Check::failed(
            Step::Rpc,
            Mistake::CallsOtherwise,
            format!("content type `{}`", quoted(content_type)),
        ),
        Stray::Tls => Check::failed(
            Step::Http2,
            Mistake::DialsTls { url },
            "a TLS handshake came",
        ),
        Stray::NotHttp2(line) => Check::failed(
            Step::Http2,
            Mistake::DialsHttp1,
            format!("its first bytes: `{}`", quoted(line)),
        ),
        Stray::NoCall => Check::failed(
            Step::Http2,
            Mistake::MakesNoCall,
            "a connection without a call",
        ),
    }
}

fn session(listening: &Listening, client: &ClientCall) -> Vec<Check> {
    let mut checks = Vec::new();
    // The same words as for a host, whose call this is from the other end.
    let as_call = Call {
        broke: client.broke.clone(),
        stop: client.stop.clone(),
        ..Call::new(client.protocol)
    };
    let stopped = |step| match client.stop {
        Some(Stop::Silent { .. }) if client.broke.is_none() => Some(Check::failed(
            step,
            Mistake::ClientSilent,
            call::how_it_stopped(&as_call),
        )),
        _ => call::stopped(&as_call, step),
    };
    if !client.keyed {
        checks.extend(stopped(Step::KeyExchange));
        return checks;
    }
    if let Some(violation) = &client.broke
        && violation.rule == RuleId::TransportSuite
    {
        let seen = listening.kem_id.other();
        checks.push(Check::failed(
            Step::KeyExchange,
            Mistake::OtherKemId { seen },
            quoted(&violation.seen),
        ));
        return checks;
    }
    checks.push(Check::ok(
        Step::KeyExchange,
        "its key came and was answered",
    ));
    let pinned = |seen: String| {
        Check::failed(
            Step::KeyId,
            Mistake::OtherHostPinned {
                keyid: listening.keyid.clone(),
                instance_id: listening.instance_id.clone(),
            },
            seen,
        )
    };
    let Some(peer) = &client.client else {
        // A client that has a secret to send, or checks first, waits for our handshake, which it has now seen.
        checks.push(match &client.broke {
            Some(violation) => Check::defect(Step::Handshake, violation),
            None => pinned(format!(
                "after our handshake, before its own: {}",
                call::how_it_stopped(&as_call)
            )),
        });
        return checks;
    };
    checks.push(Check::ok(
        Step::Handshake,
        format!(
            "instance id `{}`, key id {}",
            quoted(&peer.instance_id),
            quoted(&peer.keyid)
        ),
    ));
    if let (Some(violation), false) = (&client.broke, client.went_on) {
        checks.push(Check::defect(Step::Provisioning, violation));
        return checks;
    }
    if !client.went_on {
        checks.push(pinned(format!(
            "after both handshakes: {}",
            call::how_it_stopped(&as_call)
        )));
        return checks;
    }
    checks.push(Check::ok(
        Step::KeyId,
        "it takes us for the host it expects",
    ));
    checks.push(provisioning(listening, client, &as_call));
    checks
}

fn provisioning(listening: &Listening, client: &ClientCall, as_call: &Call) -> Check {
    let step = Step::Provisioning;
    if client.came_again {
        let seen = "it dialled again while the session stood";
        return Check::failed(step, Mistake::TwoClientsOneIdentity, seen);
    }
    if let Some(violation) = &client.broke {
        return Check::defect(step, violation);
    }
    let Some(took) = client.served else {
        let seen = format!(
            "asked for its resources, in the session: {}",
            call::how_it_stopped(as_call)
        );
        return Check::failed(step, Mistake::ClientStops, seen);
    };
    let seen = format!(
        "a session stands, a request was answered in {}",
        milliseconds(took)
    );
    let instance_id = client.client.as_ref().map(|peer| peer.instance_id.as_str());
    match (listening.client, instance_id) {
        (Some(expected), Some(it)) if it != expected => Check::note(
            step,
            Mistake::ProvisionedInPart,
            format!("{seen}; calls itself `{}`, not `{expected}`", quoted(it)),
        ),
        _ => Check::ok(step, seen),
    }
}
