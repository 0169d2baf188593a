//! The client's mind: which hosts to dial and when, what each of them is shown, and what it makes of what they send.
//!
//! It holds the sessions with all known hosts, because they share one config and one set of operations; none of them
//! disturbs another. A driver
//! 1. carries out [`Client::start`], and every [`Effect::DialAt`] by asking [`Client::dial`] whom to call and how;
//! 2. calls [`Client::admit`] when the host has proved its identity, [`Client::receive`] with what it sends, and
//!    [`Client::gone`] once when the stream has ended;
//! 3. calls [`Client::dial_failed`] instead, when an attempt ends before a host was admitted;
//! 4. carries the effects out in order. A violation ends that stream and no other.

mod receive;
mod set_config;

use std::{collections::HashMap, time::Duration};

use super::{
    backoff::Backoff,
    config::Config,
    effect::{Effect, Gone, Moment, SessionId},
    grants::Grants,
    limits::Settings,
    links::{Links, LogRequestError},
    logs::{Log, Logs},
    own_operations::{Change, NotOwn, OwnOperations},
    peer_states::PeerStates,
    view::{self, OperationView},
};
use crate::{
    rules::RuleId,
    session::{ExpectedPeer, VerifiedPeer, Violation},
    wire::{
        Action, types, v1,
        v1::{multihost::Peer, operation_event::Event},
        v1sync::{
            ConnectionState,
            sync_stream_item::{SyncActionOperationManifest, SyncActionReceiveOperations},
        },
    },
};

/// A client of all its known hosts.
#[derive(Debug)]
pub struct Client {
    config: Config,
    settings: Settings,
    backoff: Backoff,
    operations: OwnOperations,
    logs: Logs,
    links: Links,
    states: PeerStates,
    /// By key id; a host that served since is not in it.
    attempts: HashMap<String, Attempts>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Attempts {
    failures: u32,
    /// When the last one began.
    since: Duration,
}

/// How to call a host. Debug shows no secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Dial {
    /// Its URL.
    pub url: String,
    /// Who must answer.
    pub expected: ExpectedPeer,
    /// The pairing secret to send; empty for none.
    pub pairing_secret: String,
}

impl std::fmt::Debug for Dial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dial")
            .field("url", &self.url)
            .field("expected", &self.expected)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// A client that has dialled nobody and has no operations.
    pub fn new(config: Config, settings: Settings, backoff: Backoff) -> Self {
        Client {
            operations: OwnOperations::default(),
            logs: Logs::default(),
            links: Links::new(settings),
            states: PeerStates::new(&config),
            attempts: HashMap::new(),
            config,
            settings,
            backoff,
        }
    }

    /// The config, with what hosts have made of it.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Our own operations.
    pub fn operations(&self) -> &OwnOperations {
        &self.operations
    }

    /// What is known of each peer.
    pub fn peer_states(&self) -> &PeerStates {
        &self.states
    }

    /// Dials every known host.
    pub fn start(&self, now: Moment) -> Vec<Effect> {
        let hosts = self.config.known_hosts().iter();
        hosts
            .map(|host| Effect::DialAt(host.keyid.clone(), now.monotonic))
            .collect()
    }

    /// An attempt to reach this host begins: whom to call, or nothing when the host is not known any more.
    pub fn dial(&mut self, keyid: &str, now: Moment) -> Option<(Dial, Vec<Effect>)> {
        let host = self.config.known_host(keyid)?;
        let dial = Dial {
            url: host.instance_url.clone(),
            expected: ExpectedPeer {
                keyid: host.keyid.clone(),
                instance_id: host.instance_id.clone(),
            },
            pairing_secret: host.initial_pairing_secret.clone(),
        };
        let attempts = self.attempts.entry(keyid.to_owned()).or_default();
        attempts.since = now.monotonic;
        let mut effects = Vec::new();
        self.set_state(keyid, ConnectionState::Pending, String::new(), &mut effects);
        Some((dial, effects))
    }

    /// An attempt ended before its host was admitted.
    pub fn dial_failed(&mut self, keyid: &str, why: &Gone, now: Moment) -> Vec<Effect> {
        let mut effects = Vec::new();
        let began = self
            .attempts
            .get(keyid)
            .map_or(now.monotonic, |tried| tried.since);
        self.retry(
            keyid,
            why,
            now.monotonic.saturating_sub(began),
            now,
            &mut effects,
        );
        effects
    }

    /// A host has proved an identity: tells it what it may know.
    ///
    /// # Errors
    /// A host that is not known, has another instance id than the one known, or permissions that cannot be read.
    pub fn admit(
        &mut self,
        session: SessionId,
        peer: &VerifiedPeer,
        now: Moment,
    ) -> Result<Vec<Effect>, Violation> {
        let grants = self.grants_of(peer)?;
        let mut effects = Vec::new();
        let items = self.first_items(&grants);
        if let Some(older) = self.links.open(session, &peer.keyid, grants, now.monotonic) {
            effects.push(Effect::End(older, Ok(())));
        }
        self.states.begin_session(&peer.keyid);
        effects.push(Effect::PeerStateChanged(peer.keyid.clone()));
        for item in items {
            self.links.send(session, item, &mut effects);
        }
        self.links.announce(&mut effects);
        Ok(effects)
    }

    /// A stream whose host was admitted has ended. One that was ended for another one's sake changes nothing.
    pub fn gone(&mut self, session: SessionId, why: &Gone, now: Moment) -> Vec<Effect> {
        let mut effects = Vec::new();
        if let Some(link) = self.links.close(session) {
            let lasted = now.monotonic.saturating_sub(link.since);
            self.retry(&link.keyid, why, lasted, now, &mut effects);
        }
        self.links.announce(&mut effects);
        effects
    }

    /// Does what is due: heartbeats, and items that a host wanted held back.
    pub fn tick(&mut self, now: Moment) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.links.tick(now.monotonic, &mut effects);
        self.links.announce(&mut effects);
        effects
    }

    /// The config was changed: every session ends, and every host is dialled anew at once.
    pub fn replace_config(&mut self, config: Config, now: Moment) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.config != config {
            self.adopt(config, now, &mut effects);
        }
        self.links.announce(&mut effects);
        effects
    }

    /// Adds one of our own operations, or changes it; hosts that may read it are told.
    ///
    /// # Errors
    /// [`NotOwn`]; nothing is changed then.
    pub fn put_operation(&mut self, operation: v1::Operation) -> Result<Vec<Effect>, NotOwn> {
        let change = self
            .operations
            .put(operation, self.config.identity().keyid())?;
        Ok(self.forward(&change))
    }

    /// Removes one of our own operations, if it exists; hosts that might read it are told.
    pub fn delete_operation(&mut self, id: i64) -> Vec<Effect> {
        let change = self.operations.delete(id);
        change.map_or_else(Vec::new, |change| self.forward(&change))
    }

    /// Keeps a log of one of our own operations; hosts that may read the operation may ask for it.
    pub fn put_log(&mut self, log_id: &str, log: Log) {
        self.logs.put(log_id.to_owned(), log);
    }

    /// Asks a host for a log; the answer comes as [`Effect::LogReceived`].
    ///
    /// # Errors
    /// [`LogRequestError`]; nothing is sent then.
    pub fn request_log(
        &mut self,
        keyid: &str,
        log_id: &str,
    ) -> Result<Vec<Effect>, LogRequestError> {
        self.links.request_log(keyid, log_id)
    }

    fn grants_of(&self, peer: &VerifiedPeer) -> Result<Grants, Violation> {
        let Some(host) = self.config.known_host(&peer.keyid) else {
            return Err(Violation::auth(
                RuleId::HandshakeUnknownKeyRefused,
                format!("key id {} of no known host", peer.keyid),
            ));
        };
        if host.instance_id != peer.instance_id {
            return Err(Violation::auth(
                RuleId::HandshakeInstanceIdOfKey,
                format!(
                    "expected instance id {:?}, saw {:?}",
                    host.instance_id, peer.instance_id
                ),
            ));
        }
        Grants::parse(&host.permissions)
            .map_err(|error| Violation::auth(RuleId::PermissionsScopeForms, error.to_string()))
    }

    /// Always these three, even when there is nothing in them.
    fn first_items(&self, grants: &Grants) -> [Action; 3] {
        [
            view::receive_config(&self.config, grants),
            self.resources(grants),
            self.manifest(grants),
        ]
    }

    fn resources(&self, grants: &Grants) -> Action {
        view::receive_resources(&self.config, |resource| grants.may_know(resource))
    }

    fn manifest(&self, grants: &Grants) -> Action {
        let view = OperationView::new(&self.config, grants);
        let visible = self
            .operations
            .iter()
            .filter(|operation| view.includes(operation));
        let (op_ids, modnos) = visible
            .map(|operation| (operation.id, operation.modno))
            .unzip();
        Action::OperationManifest(SyncActionOperationManifest { op_ids, modnos })
    }

    /// Tells each host of a change as it looks from there: an operation that leaves its scope is one deleted.
    fn forward(&mut self, change: &Change) -> Vec<Effect> {
        let mut items = Vec::new();
        for (session, link) in self.links.iter() {
            let view = OperationView::new(&self.config, &link.grants);
            let visible = |operation: &Option<v1::Operation>| {
                operation
                    .clone()
                    .filter(|operation| view.includes(operation))
            };
            let list = |operation| v1::OperationList {
                operations: vec![operation],
            };
            let event = match (visible(&change.before), visible(&change.after)) {
                (None, None) => continue,
                (None, Some(after)) => Event::CreatedOperations(list(after)),
                (Some(_), Some(after)) => Event::UpdatedOperations(list(after)),
                (Some(before), None) => Event::DeletedOperations(types::Int64List {
                    values: vec![before.id],
                }),
            };
            items.push((session, receive_operations(event)));
        }
        let mut effects = Vec::new();
        for (session, item) in items {
            self.links.send(session, item, &mut effects);
        }
        effects
    }

    /// The host has let us in: from here on a failure is the first in a row, and the pairing secret has done its work.
    fn admitted_by(&mut self, keyid: &str, effects: &mut Vec<Effect>) {
        self.attempts.remove(keyid);
        let holds_secret = |host: &Peer| !host.initial_pairing_secret.is_empty();
        if !self.config.known_host(keyid).is_some_and(holds_secret) {
            return;
        }
        let forgotten = self.config.edited(|message| {
            let hosts = message
                .multihost
                .iter_mut()
                .flat_map(|sync| &mut sync.known_hosts);
            for host in hosts.filter(|host| host.keyid == keyid) {
                host.initial_pairing_secret.clear();
            }
        });
        // A config without the secret is as valid as it was with it.
        if let Ok(config) = forgotten {
            self.config = config;
            effects.push(Effect::ConfigChanged);
        }
    }

    /// Takes over a changed config. Each host must see us through it, so all are dialled anew.
    fn adopt(&mut self, config: Config, now: Moment, effects: &mut Vec<Effect>) {
        self.config = config;
        self.states.follow(&self.config);
        self.attempts.clear();
        let sessions: Vec<_> = self.links.iter().map(|(session, _)| session).collect();
        for session in sessions {
            self.links.close(session);
            effects.push(Effect::End(session, Ok(())));
        }
        let hosts: Vec<_> = self.config.known_hosts().to_vec();
        for host in hosts {
            self.set_state(
                &host.keyid,
                ConnectionState::RetryWait,
                String::new(),
                effects,
            );
            effects.push(Effect::DialAt(host.keyid, now.monotonic));
        }
    }

    fn retry(
        &mut self,
        keyid: &str,
        why: &Gone,
        lasted: Duration,
        now: Moment,
        effects: &mut Vec<Effect>,
    ) {
        if self.config.known_host(keyid).is_none() {
            return;
        }
        let failures = self.attempts.get_mut(keyid).map_or(0, |attempts| {
            attempts.failures = attempts.failures.saturating_add(1);
            attempts.failures
        });
        let state = why.state(ConnectionState::RetryWait);
        self.set_state(keyid, state, why.message(), effects);
        let at = now.monotonic + self.backoff.delay(failures, lasted);
        effects.push(Effect::DialAt(keyid.to_owned(), at));
    }

    fn set_state(
        &mut self,
        keyid: &str,
        state: ConnectionState,
        message: String,
        effects: &mut Vec<Effect>,
    ) {
        if self.states.set_connection(keyid, state, message) {
            effects.push(Effect::PeerStateChanged(keyid.to_owned()));
        }
    }
}

fn receive_operations(event: Event) -> Action {
    Action::ReceiveOperations(SyncActionReceiveOperations {
        event: Some(v1::OperationEvent { event: Some(event) }),
    })
}

#[cfg(test)]
mod tests;
