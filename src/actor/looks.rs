//! What looks inside the peer: which call or question a step comes to.

use std::time::Duration;

use prost::Message as _;
use serde_json::{Value as Json, json};

use super::{Actor, Ask, Command, Op};
use crate::{
    rules::RuleId,
    scenario::{
        deviation::{Deviation, StateHeadersFault},
        fixtures::Fixtures,
        looks::{ConfigChange, OperationsChange},
        model::{PermissionFixture, Step, Verb},
    },
    session::Violation,
    trace::{EventKind, reading::Reading},
    wire::v1sync::{PeerState, SetRemoteClientConfigRequest},
};

/// How many of its waits a step lasts at most while the peer goes on to tell of others.
const TELLING_TIMES_MAX: u32 = 6;

/// What a step that looks inside has behind it once it has seen what it needs.
pub(super) fn behind(step: &Step) -> Vec<Op> {
    match step.verb {
        // A later heartbeat shows in the state only once the peer's clock, which counts milliseconds, has gone on.
        Verb::ExpectState(_) => vec![Op::Close, Op::Tick],
        Verb::ExpectUpdate(_) => vec![Op::Tick],
        _ => Vec::new(),
    }
}

/// What is asked for a step, and how to tell of it; none for steps that ask nothing.
pub(super) fn ask(step: &Step, fixtures: &Fixtures, deviations: &[Deviation]) -> Option<Ask> {
    let headers = deviations.iter().find_map(|deviation| match deviation {
        Deviation::StateHeaders(fault) => Some(*fault),
        _ => None,
    });
    let keyid = |name: &str| {
        fixtures
            .identity(name)
            .map(|identity| identity.keyid())
            .unwrap_or_default()
    };
    Some(match &step.verb {
        Verb::ExpectState(expected) => states(true, vec![keyid(&expected.of)], headers),
        Verb::Subscribe(_) => {
            let all = fixtures.identities.iter().map(|identity| identity.keyid());
            states(true, all.collect(), headers)
        }
        Verb::ExpectSnapshot(expected) => {
            let all = expected.with.iter().chain(&expected.without);
            states(false, all.map(|name| keyid(name)).collect(), headers)
        }
        Verb::SetClientConfig(call) => {
            let request = call.request.as_ref().map(|request| request.message());
            let request = SetRemoteClientConfigRequest {
                peer_keyid: call.to.as_deref().map(keyid).unwrap_or_default(),
                ..request.unwrap_or_default()
            };
            Ask::SetClientConfig {
                request: request.encode_to_vec(),
                headers,
            }
        }
        Verb::ChangeConfig(change) => Ask::Hook(change_json(change, fixtures)),
        Verb::ChangeOperations(change) => Ask::Hook(operations_json(change, fixtures)),
        Verb::ExpectConfig(_) => Ask::Hook(json!({"do": "read-config"})),
        Verb::ExpectOperations(expected) => {
            Ask::Hook(json!({"do": "read-operations", "key_id": keyid(&expected.of)}))
        }
        _ => return None,
    })
}

fn states(subscribe: bool, of: Vec<String>, headers: Option<StateHeadersFault>) -> Ask {
    Ask::States {
        subscribe,
        of,
        headers,
    }
}

/// A change as the hook is told of it.
fn change_json(change: &ConfigChange, fixtures: &Fixtures) -> Json {
    let mut asked = json!({"do": "change-config"});
    if let Some(name) = &change.remove_client {
        asked["remove_client"] = json!(fixtures.identity(name).map(|identity| identity.keyid()));
    }
    if let Some(permit) = &change.permit
        && let Some(identity) = fixtures.identity(&permit.client)
    {
        asked["put_client"] = json!({
            "instance_id": identity.instance_id,
            "key_id": identity.keyid(),
            "permissions": permissions_json(&permit.permissions),
        });
    }
    if let Some(permit) = &change.permit_host
        && let Some(identity) = fixtures.identity(&permit.host)
    {
        asked["permit_host"] = json!({
            "key_id": identity.keyid(),
            "permissions": permissions_json(&permit.permissions),
        });
    }
    let repo = |name: &str| fixtures.repos.iter().find(|repo| repo.name == name);
    if let Some(repo) = change.share_repo.as_deref().and_then(repo) {
        asked["share_repo"] = json!(repo.id);
    }
    if let Some(repo) = change.remove_repo.as_deref().and_then(repo) {
        asked["remove_repo"] = json!(repo.id);
    }
    asked
}

fn operations_json(change: &OperationsChange, fixtures: &Fixtures) -> Json {
    let of = |name: &str| fixtures.operations.iter().find(|one| one.name == name);
    match (
        change.put.as_deref().and_then(of),
        change.delete.as_deref().and_then(of),
    ) {
        (Some(put), _) => {
            let mut operation = put.to_json();
            if let Some(modno) = change.modno {
                operation["modno"] = json!(modno.to_string());
            }
            json!({"do": "put-operation", "operation": operation})
        }
        (None, deleted) => {
            let id = deleted.map(|one| one.id.to_string());
            json!({"do": "delete-operation", "id": id})
        }
    }
}

fn permissions_json(permissions: &[PermissionFixture]) -> Vec<Json> {
    permissions
        .iter()
        .map(|permission| json!({"type": permission.kind.name(), "scopes": permission.scopes}))
        .collect()
}

impl Ask {
    /// What is asked, for the transcript.
    pub(super) fn describe(&self) -> String {
        match self {
            Ask::States {
                subscribe: true, ..
            } => "GetPeerSyncStatesStream, subscribe".to_owned(),
            Ask::States { .. } => "GetPeerSyncStatesStream".to_owned(),
            Ask::SetClientConfig { .. } => "SetRemoteClientConfig".to_owned(),
            Ask::Hook(question) => format!("hook: {question}"),
        }
    }
}

impl Actor<'_> {
    pub(super) fn look(&mut self, step: &Step, session: &str, now: Duration) {
        let deviations = self.deviations_at(step);
        let Some(ask) = ask(step, &self.scenario.fixtures, &deviations) else {
            return;
        };
        self.record(session, EventKind::Called(ask.describe()), now);
        if self.keyids.is_empty() {
            let identities = self.scenario.fixtures.identities.iter();
            self.keyids = identities.map(|identity| identity.keyid()).collect();
        }
        self.looks.insert(session.to_owned());
        self.commands.push_back(Command::Ask {
            session: session.to_owned(),
            ask,
        });
    }

    /// Waits as [`Op::Await`] does. A peer need not tell of every change, so it is asked again, ever less often, but not
    /// while it is still telling.
    pub(super) fn wait_looking_again(
        &mut self,
        step: &Step,
        session: &str,
        now: Duration,
        since: Duration,
    ) -> Option<Duration> {
        let limit = step.within.unwrap_or(self.patience.answer);
        let deadline = since.max(self.last_told) + limit;
        let (looked, gap) = *self.looked.get_or_insert((since, self.patience.grace));
        if !matches!(self.reading(step), Reading::Open { .. }) {
            return self.wait_for_reading(step, now, deadline);
        }
        if now >= since + TELLING_TIMES_MAX * limit || now >= deadline {
            self.wait_in_vain(session, since, now);
            return None;
        }
        let again = looked.max(self.last_told) + gap;
        if now >= again && now + gap < deadline {
            self.looked = Some((now, 2 * gap));
            self.look(step, session, now);
            return None;
        }
        Some(match now < again {
            true => again.min(deadline),
            false => deadline,
        })
    }

    /// A message on the state service's stream. A peer has the states of many cases; those of others say nothing here.
    pub(super) fn read_state(&self, payload: &[u8]) -> Vec<EventKind> {
        let broken = |seen: String| {
            vec![EventKind::Broke(Violation::session(
                RuleId::StateFields,
                seen,
            ))]
        };
        let state = match PeerState::decode(payload) {
            Ok(state) => state,
            Err(error) => return broken(format!("bytes that are no PeerState: {error}")),
        };
        match self.keyids.contains(&state.peer_keyid) {
            true => vec![EventKind::State(Box::new(state))],
            false => Vec::new(),
        }
    }
}
