//! What comes of a variation, in words that two correct peers share: what the protocol leaves open is not in them.

use std::ops::Range;

use serde_json::Value as Json;

use crate::{
    judge::Verdict,
    scenario::{
        message::item_to_json,
        message_pattern::{message_from_json, message_to_json},
    },
    trace::{End, EventKind, Sent},
    wire::{Action, Role, SyncStreamItem, v1::Operation},
};

/// The kinds of thing that can come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// It serves: a part of the exchange, an item, an answer.
    Serves,
    /// It ends the stream.
    Refuses,
    /// It is broken: a frame, an item in the clear, a rule.
    Breaks,
}

pub(super) fn verdict_in_words(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Judged(findings) => match findings.first() {
            None => "has what it asks for".to_owned(),
            Some(finding) => format!("fails at step {}", finding.step.unwrap_or_default()),
        },
        Verdict::Inconclusive { .. } => "cannot be judged".to_owned(),
    }
}

/// What we said, in words that do not depend on ids.
pub(super) fn said(sent: &Sent) -> String {
    let deviations = sent.deviations.join(", ");
    match deviations.is_empty() {
        true => sent.what.clone(),
        false => format!("{} ({deviations})", sent.what),
    }
}

/// A host tells its config and resources again whenever anybody changes them.
pub(super) fn comes_by_itself(item: &SyncStreamItem, role: Role) -> Option<&'static str> {
    let action = item.action.as_ref()?;
    let by_itself = matches!(
        action,
        Action::ReceiveConfig(_) | Action::ReceiveResources(_) | Action::SetConfig(_)
    );
    (role == Role::Responder && by_itself).then(|| action.name())
}

pub(super) fn in_words(item: &SyncStreamItem) -> String {
    let mut json = item_to_json(item);
    settle(&mut json);
    json.to_string()
}

/// Counters of a configuration go up whenever anybody changes it, and the protocol orders neither lists of messages nor the
/// operations of a manifest or a request.
fn settle(json: &mut Json) {
    let config = json.pointer_mut("/receiveConfig/config");
    if let Some(config) = config.and_then(Json::as_object_mut) {
        config.remove("modno");
    }
    let asked = json.pointer_mut("/requestOperationData/opIds");
    if let Some(ids) = asked.and_then(Json::as_array_mut) {
        ids.sort_by_cached_key(Json::to_string);
    }
    if let Some(manifest) = json.pointer_mut("/operationManifest") {
        let column = |name: &str| manifest[name].as_array().cloned().unwrap_or_default();
        let (ids, modnos) = (column("opIds"), column("modnos"));
        // Ids and modnos go together, and where they are not as many the order may matter.
        if ids.len() == modnos.len() && !ids.is_empty() {
            let mut pairs: Vec<(Json, Json)> = ids.into_iter().zip(modnos).collect();
            pairs.sort_by_cached_key(|pair| (pair.0.to_string(), pair.1.to_string()));
            let (ids, modnos): (Vec<Json>, Vec<Json>) = pairs.into_iter().unzip();
            manifest["opIds"] = ids.into();
            manifest["modnos"] = modnos.into();
        }
    }
    sort(json);
}

fn sort(json: &mut Json) {
    match json {
        Json::Object(entries) => entries.values_mut().for_each(sort),
        Json::Array(elements) => {
            elements.iter_mut().for_each(sort);
            if elements.iter().all(Json::is_object) {
                elements.sort_by_cached_key(Json::to_string);
            }
        }
        _ => {}
    }
}

pub(super) fn word(kind: &EventKind, role: Role) -> Option<(Kind, String)> {
    Some(match kind {
        EventKind::KeyExchanged => (Kind::Serves, "key".to_owned()),
        EventKind::Verified(peer) => (Kind::Serves, format!("handshake of {}", peer.instance_id)),
        EventKind::Received { item, .. } => (
            Kind::Serves,
            format!("{} {}", item.describe(), in_words(item)),
        ),
        EventKind::Unopened => (Kind::Serves, "something sealed".to_owned()),
        // With which item the headers of an answer come that is served is up to a peer's RPC library.
        EventKind::Answered { status, .. } if role == Role::Responder && *status != 200 => {
            (Kind::Serves, format!("HTTP status {status}"))
        }
        EventKind::Broke(violation) => (Kind::Breaks, format!("what breaks {}", violation.rule)),
        EventKind::Clear(item) => (Kind::Breaks, format!("{} in the clear", item.describe())),
        EventKind::NotOpened(_) => (Kind::Refuses, "no stream".to_owned()),
        // How a client refuses is its own affair.
        EventKind::Ended(_) if role == Role::Initiator => return None,
        EventKind::Ended(End::Status { code, .. }) => {
            (Kind::Refuses, format!("an end with {code}"))
        }
        EventKind::Ended(End::Http { status, .. }) => {
            (Kind::Refuses, format!("an end with HTTP status {status}"))
        }
        EventKind::Ended(End::Reset { .. }) => (Kind::Refuses, "a reset".to_owned()),
        EventKind::Ended(End::Lost { .. }) => (Kind::Breaks, "a lost connection".to_owned()),
        EventKind::Ended(End::HalfClosed) => return None,
        EventKind::Ended(End::NoStatus) => (Kind::Breaks, "an end without status".to_owned()),
        EventKind::Ended(End::BadFraming { .. }) => (Kind::Breaks, "no RPC frame".to_owned()),
        _ => return None,
    })
}

/// What a look inside shows: whose state, or the operations, without what is each peer's own.
pub(super) fn held(kind: &EventKind) -> Option<(String, String)> {
    match kind {
        EventKind::State(state) => {
            let mut json = message_to_json(&**state);
            let shown = json.as_object_mut()?;
            shown.remove("statusMessage");
            shown.insert(
                "lastHeartbeatMillis".to_owned(),
                Json::from(time_in_words(state.last_heartbeat_millis)),
            );
            settle(&mut json);
            let of = format!("state of {}", state.peer_instance_id);
            Some((of, json.to_string()))
        }
        EventKind::Told(Ok(answer)) => {
            let told = answer.get("operations")?.as_array()?;
            let operations = told.iter().map(|json| match message_from_json(json) {
                Ok(operation) => message_to_json(&Operation {
                    // A host gives ids and flows of its own.
                    id: 0,
                    flow_id: 0,
                    ..operation
                }),
                Err(_) => json.clone(),
            });
            let mut operations = operations.collect();
            settle(&mut operations);
            Some(("operations".to_owned(), operations.to_string()))
        }
        _ => None,
    }
}

/// A time of this century in milliseconds since 1970, or else what it says.
fn time_in_words(millis: i64) -> String {
    /// 2000-01-01 and 2100-01-01.
    const CENTURY: Range<i64> = 946_684_800_000..4_102_444_800_000;
    match CENTURY.contains(&millis) {
        true => "a time in milliseconds".to_owned(),
        false => millis.to_string(),
    }
}
