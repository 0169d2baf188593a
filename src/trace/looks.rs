//! What a step makes of what it was told beside the streams: by the state service, or by the hook.

use serde_json::Value as Json;

use super::{
    End, EventKind, Trace,
    reading::{Events, Look, Mark, Reading, done, established, failed, satisfied, scan},
};
use crate::{
    scenario::{
        fixtures::{Fixtures, Identity},
        looks::{
            ClientConfigCall, ConfigExpectation, CountExpectation, Heartbeat,
            OperationsExpectation, SnapshotExpectation, StateExpectation,
        },
        message_pattern::message_from_json,
        model::{PermissionFixture, Scenario},
    },
    wire::{
        Code, Role,
        v1::Operation,
        v1sync::{ConnectionState, PeerState},
    },
};

/// The clients of a race whose latest session serves.
pub(super) fn count(
    trace: &Trace,
    scenario: &Scenario,
    mark: Mark,
    expected: CountExpectation,
) -> Reading {
    let names = scenario
        .fixtures
        .identities
        .iter()
        .map(|identity| &identity.name);
    let serving: Vec<&str> = names
        .filter(|name| name.starts_with("stranger-") && serves(trace, scenario.role, name))
        .map(String::as_str)
        .collect();
    if serving.len() == expected.established as usize {
        return satisfied(mark);
    }
    let seen = match serving.as_slice() {
        [] => "none".to_owned(),
        names => format!("{}: {}", names.len(), names.join(", ")),
    };
    let last = trace.events.len().saturating_sub(1);
    failed(
        &format!(
            "{} of the strangers to have a session",
            expected.established
        ),
        seen,
        last,
    )
}

fn serves(trace: &Trace, peer_role: Role, session: &str) -> bool {
    let opened = trace
        .of(session)
        .filter(|(_, event)| matches!(event.kind, EventKind::Opened))
        .last();
    opened.is_some_and(|(index, _)| {
        let events = Events {
            trace,
            session,
            peer_role,
            mark: Mark(index),
        };
        let ended = events
            .rest()
            .any(|(_, event)| matches!(event.kind, EventKind::Ended(_)));
        !ended && matches!(established(&events), Reading::Satisfied { .. })
    })
}

/// A state like this, told by a call of the step's own.
pub(super) fn state(
    events: &Events<'_>,
    expected: &StateExpectation,
    fixtures: &Fixtures,
) -> Reading {
    let wanted = Wanted::new(events, expected, fixtures);
    wanted.read(events, |end, _| match end {
        // It is asked again.
        End::Status { code: Code::Ok, .. } => None,
        end => Some(Reading::NotTold(format!(
            "the state service ended its call with {end}"
        ))),
    })
}

/// The same, told to somebody who follows the states.
pub(super) fn update(
    events: &Events<'_>,
    expected: &StateExpectation,
    fixtures: &Fixtures,
) -> Reading {
    let wanted = Wanted::new(events, expected, fixtures);
    wanted.read(events, |end, index| {
        Some(failed(
            &wanted.text,
            format!("the stream of states ended with {end}"),
            index,
        ))
    })
}

/// Someone who follows the states has been told of one.
pub(super) fn subscribed(events: &Events<'_>) -> Reading {
    scan(events, "the states there are", |index, kind| match kind {
        EventKind::State(_) => Look::Over(done(index)),
        EventKind::Ended(end) => Look::Over(Reading::NotTold(format!(
            "the state service ended its call with {end}"
        ))),
        _ => Look::Strange,
    })
}

/// A state that is waited for.
struct Wanted<'a> {
    expected: &'a StateExpectation,
    keyid: String,
    /// The last heartbeat told before.
    heartbeat: i64,
    text: String,
}

impl<'a> Wanted<'a> {
    fn new(events: &Events<'_>, expected: &'a StateExpectation, fixtures: &Fixtures) -> Self {
        let keyid = fixtures.identity(&expected.of).map(Identity::keyid);
        let keyid = keyid.unwrap_or_default();
        let before = events.trace.events.iter().take(events.mark.0);
        let heartbeat = before
            .rev()
            .find_map(|event| match &event.kind {
                EventKind::State(state) if state.peer_keyid == keyid => {
                    Some(state.last_heartbeat_millis)
                }
                _ => None,
            })
            .unwrap_or_default();
        let mut parts = Vec::new();
        match expected.connected {
            Some(true) => parts.push("CONNECTED".to_owned()),
            Some(false) => parts.push("not CONNECTED".to_owned()),
            None => {}
        }
        if expected.heartbeat.is_some() {
            parts.push(format!("with a heartbeat after {heartbeat}"));
        }
        if let Some(pattern) = &expected.is {
            parts.push(format!("like {}", pattern.json));
        }
        Wanted {
            expected,
            keyid,
            heartbeat,
            text: format!("the state of `{}` to be {}", expected.of, parts.join(", ")),
        }
    }

    fn read(
        &self,
        events: &Events<'_>,
        on_end: impl Fn(&End, usize) -> Option<Reading>,
    ) -> Reading {
        let mut last = "no state of that peer".to_owned();
        scan(events, &self.text, |index, kind| match kind {
            EventKind::State(state) if state.peer_keyid == self.keyid => {
                match self.differs(state) {
                    None => Look::Over(done(index)),
                    Some(seen) => {
                        last = seen;
                        Look::Fine
                    }
                }
            }
            EventKind::Ended(end) => on_end(end, index).map_or(Look::Fine, Look::Over),
            EventKind::DeadlinePassed { waited } => {
                let seen = format!("{last} after {:.1} s", waited.as_secs_f64());
                Look::Over(failed(&self.text, seen, index))
            }
            _ => Look::Strange,
        })
    }

    fn differs(&self, state: &PeerState) -> Option<String> {
        let is_connected = state.state() == ConnectionState::Connected;
        if self.expected.connected.is_some_and(|it| it != is_connected) {
            return Some(state.state().as_str_name().to_owned());
        }
        if self.expected.heartbeat == Some(Heartbeat::Moved)
            && state.last_heartbeat_millis <= self.heartbeat
        {
            return Some(format!("a heartbeat at {}", state.last_heartbeat_millis));
        }
        let mismatch = self.expected.is.as_ref()?.mismatch(state)?;
        Some(format!("{} = {}", mismatch.path, mismatch.seen))
    }
}

/// What the state service tells of these peers when asked once.
pub(super) fn snapshot(
    events: &Events<'_>,
    expected: &SnapshotExpectation,
    fixtures: &Fixtures,
) -> Reading {
    let code = expected.code.unwrap_or(Code::Ok);
    let text = match code {
        Code::Ok => "a state of each peer, once, then status ok".to_owned(),
        code => format!("the call to end with {code}, and no state before"),
    };
    let mut told = Vec::new();
    scan(events, &text, |index, kind| match kind {
        EventKind::State(state) => {
            told.push(state.peer_keyid.clone());
            Look::Fine
        }
        EventKind::Ended(end) if code_of(end) == Some(code) => {
            Look::Over(match snapshot_fault(&told, expected, fixtures) {
                None => done(index),
                Some(seen) => failed(&text, seen, index),
            })
        }
        EventKind::Ended(end) if code == Code::Ok => Look::Over(Reading::NotTold(format!(
            "the state service ended its call with {end}"
        ))),
        EventKind::Ended(end) => Look::Over(failed(
            &text,
            format!("{} states, then {end}", told.len()),
            index,
        )),
        _ => Look::Strange,
    })
}

/// The code of an end; an HTTP status that stands in for one, as gRPC maps it.
fn code_of(end: &End) -> Option<Code> {
    match end {
        End::Status { code, .. } => Some(*code),
        End::Http { status: 401, .. } => Some(Code::Unauthenticated),
        End::Http { status: 403, .. } => Some(Code::PermissionDenied),
        _ => None,
    }
}

fn snapshot_fault(
    told: &[String],
    expected: &SnapshotExpectation,
    fixtures: &Fixtures,
) -> Option<String> {
    let keyid = |name: &String| {
        let identity = fixtures.identity(name);
        identity.map(Identity::keyid).unwrap_or_default()
    };
    if expected.code.is_some_and(|code| code != Code::Ok) {
        return (!told.is_empty()).then(|| format!("{} states", told.len()));
    }
    let mut places = Vec::new();
    for name in &expected.with {
        let found: Vec<usize> = (0..told.len())
            .filter(|index| told[*index] == keyid(name))
            .collect();
        match found.as_slice() {
            [place] => places.push((*place, name)),
            found => return Some(format!("{} states of `{name}`", found.len())),
        }
    }
    if let Some(name) = expected
        .without
        .iter()
        .find(|name| told.contains(&keyid(name)))
    {
        return Some(format!("a state of `{name}`"));
    }
    if !expected.in_order {
        return None;
    }
    let wrong = places.windows(2).find(|pair| pair[0].0 > pair[1].0)?;
    Some(format!("`{}` before `{}`", wrong[1].1, wrong[0].1))
}

/// The call ended as it had to.
pub(super) fn client_config(events: &Events<'_>, call: &ClientConfigCall) -> Reading {
    let code = call.code.unwrap_or(Code::Ok);
    let text = format!("SetRemoteClientConfig to end with {code}");
    scan(events, &text, |index, kind| match kind {
        EventKind::Ended(end) if code_of(end) == Some(code) => Look::Over(done(index)),
        // It is asked again: a client that has just left may still be taken for connected.
        EventKind::Ended(end) if code == Code::NotFound && code_of(end) == Some(Code::Ok) => {
            Look::Fine
        }
        EventKind::DeadlinePassed { waited } => {
            let seen = format!("it ends with ok after {:.1} s", waited.as_secs_f64());
            Look::Over(failed(&text, seen, index))
        }
        _ => Look::Strange,
    })
}

/// The hook has done what it was asked.
pub(super) fn changed(events: &Events<'_>) -> Reading {
    told(events, "the hook to answer", |_| None)
}

/// The configuration, as the hook reads it, says this.
pub(super) fn config(
    events: &Events<'_>,
    expected: &ConfigExpectation,
    fixtures: &Fixtures,
) -> Reading {
    let text = "the peer's configuration to say what the step says";
    told(events, text, |answer| {
        config_fault(&answer["config"], expected, fixtures)
    })
}

fn config_fault(
    config: &Json,
    expected: &ConfigExpectation,
    fixtures: &Fixtures,
) -> Option<String> {
    let list = |key: &str| {
        config[key]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default()
    };
    let entries_of = |name: &str| -> Vec<&Json> {
        let identity = fixtures.identity(name);
        let keyid = identity.map(Identity::keyid).unwrap_or_default();
        let clients = list("authorized_clients").iter();
        clients
            .filter(|client| client["key_id"] == keyid.as_str())
            .collect()
    };
    for (name, entry) in &expected.with {
        let found = entries_of(name);
        let [client] = found.as_slice() else {
            return Some(format!("{} entries of `{name}`", found.len()));
        };
        let identity = fixtures.identity(name)?;
        if client["instance_id"] != identity.instance_id.as_str() {
            let seen = &client["instance_id"];
            return Some(format!("`{name}` under the instance id {seen}"));
        }
        if let Some(permissions) = &entry.permissions
            && !same_permissions(&client["permissions"], permissions)
        {
            let seen = &client["permissions"];
            return Some(format!("`{name}` with the permissions {seen}"));
        }
    }
    let intruder = expected
        .without
        .iter()
        .find(|name| !entries_of(name).is_empty());
    if let Some(name) = intruder {
        return Some(format!("an entry of `{name}`"));
    }
    token_fault(list("pairing_tokens"), expected, fixtures)
}

fn token_fault(
    tokens: &[Json],
    expected: &ConfigExpectation,
    fixtures: &Fixtures,
) -> Option<String> {
    let secret = &fixtures.token.as_ref()?.secret;
    let token = tokens
        .iter()
        .find(|token| token["secret"] == secret.as_str());
    match (token, expected.token_uses, expected.token_gone) {
        (Some(_), _, true) => Some("the token, still there".to_owned()),
        (None, Some(_), _) => Some("no such token".to_owned()),
        (Some(token), Some(uses), _) => {
            let seen = token["uses"].as_u64().unwrap_or_default();
            (seen != u64::from(uses)).then(|| format!("{seen} uses of the token"))
        }
        _ => None,
    }
}

/// A list may be left out where it is empty.
fn same_permissions(seen: &Json, expected: &[PermissionFixture]) -> bool {
    let seen = seen.as_array().map(Vec::as_slice).unwrap_or_default();
    seen.len() == expected.len()
        && seen.iter().zip(expected).all(|(seen, expected)| {
            let scopes = seen["scopes"].as_array().map(Vec::as_slice);
            seen["type"] == expected.kind.name()
                && scopes
                    .unwrap_or_default()
                    .iter()
                    .map(|scope| scope.as_str().unwrap_or_default())
                    .eq(expected.scopes.iter().map(String::as_str))
        })
}

/// The operations, as the hook reads them, are these.
pub(super) fn operations(events: &Events<'_>, expected: &OperationsExpectation) -> Reading {
    let text = format!(
        "{} operations of `{}`, as the step says",
        expected.are.len(),
        expected.of
    );
    told(events, &text, |answer| operations_fault(answer, expected))
}

fn operations_fault(answer: &Json, expected: &OperationsExpectation) -> Option<String> {
    let list = answer["operations"].as_array().map(Vec::as_slice);
    let mut operations = Vec::new();
    for json in list.unwrap_or_default() {
        match message_from_json::<Operation>(json) {
            Ok(operation) => operations.push(operation),
            Err(error) => return Some(format!("an operation that cannot be read: {error}")),
        }
    }
    operations.sort_by_key(|operation| operation.original_id);
    if operations.len() != expected.are.len() {
        return Some(format!("{} operations", operations.len()));
    }
    for (pattern, operation) in expected.are.iter().zip(&operations) {
        if let Some(mismatch) = pattern.mismatch(operation) {
            return Some(format!(
                "{} = {} where {} was expected, original id {}",
                mismatch.path, mismatch.seen, mismatch.expected, operation.original_id
            ));
        }
    }
    let mut flows: Vec<i64> = operations
        .iter()
        .map(|operation| operation.flow_id)
        .collect();
    flows.sort_unstable();
    flows.dedup();
    let wrong = expected
        .flows
        .is_some_and(|wanted| wanted as usize != flows.len());
    wrong.then(|| format!("{} flows", flows.len()))
}

/// An answer of the hook without fault; the last fault is told where none comes in time.
fn told(events: &Events<'_>, text: &str, fault: impl Fn(&Json) -> Option<String>) -> Reading {
    let mut last = "no answer".to_owned();
    scan(events, text, |index, kind| match kind {
        EventKind::Told(Err(why)) => Look::Over(Reading::NotTold(format!("the hook: {why}"))),
        EventKind::Told(Ok(answer)) => match fault(answer) {
            None => Look::Over(done(index)),
            Some(seen) => {
                last = seen;
                Look::Fine
            }
        },
        EventKind::DeadlinePassed { waited } => {
            let seen = format!("{last} after {:.1} s", waited.as_secs_f64());
            Look::Over(failed(text, seen, index))
        }
        _ => Look::Strange,
    })
}
