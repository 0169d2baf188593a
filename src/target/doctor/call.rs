//! One call of `Sync`: what an answer, an end or silence means, depending on how far the call had come.

use super::{
    Check, Mistake, Step, quoted,
    seen::{AfterHalfClose, Answer, Call, Stop},
};
use crate::{trace::End, wire::Code};

/// What keeps a call from being answered as RPC.
pub(super) struct Trouble {
    pub step: Step,
    pub mistake: Mistake,
    pub seen: String,
}

/// Why the call was not answered as RPC; none where it was.
pub(super) fn before_key(call: &Call) -> Option<Trouble> {
    if call.key_exchange.is_some() || call.broke.is_some() {
        return None;
    }
    let stop = call.stop.as_ref()?;
    let trouble = |step, mistake| {
        Some(Trouble {
            step,
            mistake,
            seen: how_it_stopped(call),
        })
    };
    match stop {
        Stop::NotOpened { .. } => trouble(Step::Rpc, Mistake::HostEndsCall),
        Stop::Ended(End::Http {
            status,
            content_type,
        }) => {
            let (step, mistake) = of_http(call, *status, content_type);
            trouble(step, mistake)
        }
        Stop::Ended(End::Status { code, .. }) => match code {
            Code::Unimplemented => trouble(Step::Path, Mistake::WrongPath),
            Code::Unauthenticated => trouble(Step::Path, Mistake::LoginInFront),
            Code::Unavailable => trouble(Step::Rpc, Mistake::ProxyWithoutHost),
            // It is RPC that ended the call, so the later steps tell.
            _ => None,
        },
        Stop::Ended(End::BadFraming { .. }) => trouble(Step::Rpc, Mistake::AnswerNotHttp2),
        Stop::Ended(_) => trouble(Step::Rpc, Mistake::HostEndsCall),
        Stop::Silent { then, .. } => trouble(
            Step::Rpc,
            match then {
                AfterHalfClose::HostsWords => Mistake::ProxyBuffers,
                AfterHalfClose::Status(505) => Mistake::ProxySpeaksHttp1,
                AfterHalfClose::Status(_) | AfterHalfClose::NotHttp2 => Mistake::ProxyBuffers,
                AfterHalfClose::Nothing | AfterHalfClose::End => Mistake::HostSilent,
            },
        ),
    }
}

fn of_http(call: &Call, status: u16, content_type: &str) -> (Step, Mistake) {
    let answer = call.answer.clone().unwrap_or_default();
    let is_page = content_type.starts_with("text/html");
    match status {
        401 | 403 | 407 => (Step::Path, Mistake::LoginInFront),
        300..=399 if leads_to_login(&answer) => (Step::Path, Mistake::LoginInFront),
        300..=399 => (Step::Path, Mistake::Redirected),
        404 | 405 | 410 => (Step::Path, Mistake::WrongPath),
        _ if answer.has_login_form => (Step::Path, Mistake::LoginInFront),
        415 => (
            Step::Rpc,
            Mistake::ProtocolNotSpoken {
                protocol: call.protocol,
            },
        ),
        502..=504 => (Step::Rpc, Mistake::ProxyWithoutHost),
        505 => (Step::Rpc, Mistake::ProxySpeaksHttp1),
        200 if is_page => (Step::Path, Mistake::WebPage),
        _ => (Step::Rpc, Mistake::NotRpc),
    }
}

fn leads_to_login(answer: &Answer) -> bool {
    let location = answer.location.to_ascii_lowercase();
    ["login", "signin", "sign-in", "auth", "sso"]
        .iter()
        .any(|word| location.contains(word))
}

/// Whether the host refused us for who we are.
pub(super) fn is_refused(call: &Call) -> bool {
    !call.admitted
        && matches!(
            call.stop,
            Some(Stop::Ended(End::Status {
                code: Code::PermissionDenied | Code::Unauthenticated,
                ..
            }))
        )
}

/// What it means that an RPC call stopped in this step; none where it did not stop.
pub(super) fn stopped(call: &Call, step: Step) -> Option<Check> {
    if let Some(violation) = &call.broke {
        return Some(Check::defect(step, violation));
    }
    let stop = call.stop.as_ref()?;
    let mistake = match stop {
        Stop::Silent {
            then: AfterHalfClose::HostsWords | AfterHalfClose::Status(_) | AfterHalfClose::NotHttp2,
            ..
        } => Mistake::ProxyBuffers,
        Stop::Silent { .. } => Mistake::HostSilent,
        _ if is_refused(call) && call.introduced => Mistake::NotProvisioned,
        _ if is_refused(call) => Mistake::SyncNotConfigured,
        Stop::Ended(End::Status {
            code: Code::Internal | Code::Aborted,
            ..
        }) if call.admitted => Mistake::Displaced,
        _ => Mistake::HostEndsCall,
    };
    Some(Check::failed(step, mistake, how_it_stopped(call)))
}

/// What was seen as the call stopped.
pub(super) fn how_it_stopped(call: &Call) -> String {
    match &call.stop {
        None => "nothing".to_owned(),
        Some(Stop::NotOpened { seen }) => quoted(seen),
        Some(Stop::Ended(end @ End::Http { status, .. })) => {
            let leads = match call.answer.as_ref().map(|answer| answer.location.as_str()) {
                Some(location) if (300..=399).contains(status) && !location.is_empty() => {
                    format!(", to {}", quoted(location))
                }
                _ => String::new(),
            };
            format!("{}{leads}", quoted(&end.to_string()))
        }
        Some(Stop::Ended(end)) => format!("the stream ended with {}", quoted(&end.to_string())),
        Some(Stop::Silent { waited, then }) => {
            let then = match then {
                AfterHalfClose::Nothing => String::new(),
                AfterHalfClose::HostsWords => {
                    "; the answer came once our side was ended".to_owned()
                }
                AfterHalfClose::Status(status) => {
                    format!("; HTTP status {status} came once our side was ended")
                }
                AfterHalfClose::NotHttp2 => {
                    "; bytes that are no HTTP/2 came once our side was ended".to_owned()
                }
                AfterHalfClose::End => "; the stream ended once our side was ended".to_owned(),
            };
            format!("no answer within {:.1} s{then}", waited.as_secs_f64())
        }
    }
}
