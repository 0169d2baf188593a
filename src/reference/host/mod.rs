//! The host's mind: whom it admits, what it shows each client, and what it makes of what they send.
//!
//! It serves sessions whose peer has proved an identity; everything before that is [`crate::session`]'s. A driver gives
//! each stream a [`SessionId`] of its own, calls [`Host::admit`] when the peer is verified, [`Host::receive`] with what
//! it sends and [`Host::gone`] once when the stream has ended, whatever the reason, and carries the effects out in
//! order. A violation returned by `admit` or `receive` ends that stream and no other.

mod admit;
mod lapsing;
mod lapsing_store;
mod receive;

use std::{collections::HashMap, error::Error, fmt};

use lapsing::Lapsing;

use super::{
    config::Config,
    effect::{Effect, Gone, Moment, SessionId},
    grants::Grants,
    limits::Settings,
    links::Links,
    logs::{Log, LogRequestError},
    memory_store::MemoryStore,
    peer_states::PeerStates,
    store::{Store, StoreFault},
    view,
};
use crate::{
    lapses::{Lapse, Quirk},
    session::Violation,
    wire::{
        Action, Code,
        v1::multihost::Peer,
        v1sync::{
            ConnectionState, PeerState, SetRemoteClientConfigRequest,
            sync_stream_item::{SyncActionHeartbeat, SyncActionSetConfig},
        },
    },
};

/// A host, over the store of what is to outlive it.
#[derive(Debug)]
pub struct Host<S = MemoryStore> {
    config: Config,
    settings: Settings,
    store: S,
    links: Links,
    states: PeerStates,
    lapsing: Lapsing,
}

impl Host {
    /// A host that nobody has connected to, with everything in memory.
    pub fn new(config: Config, settings: Settings) -> Self {
        let store = MemoryStore::new(settings.limits.share());
        Host::with_store(config, settings, store, Vec::new())
    }
}

impl<S: Store> Host<S> {
    /// A host that nobody has connected to yet, over a store that already keeps its config, with what that store knows of
    /// its peers.
    pub fn with_store(config: Config, settings: Settings, store: S, known: Vec<PeerState>) -> Self {
        let mut states = PeerStates::new(&config);
        for state in known {
            states.put(state);
        }
        Host {
            links: Links::new(settings),
            states,
            config,
            settings,
            store,
            lapsing: Lapsing::default(),
        }
    }

    /// The config, with what pairing has added to it.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The store, with the operations received from clients.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// What is known of each peer.
    pub fn peer_states(&self) -> &PeerStates {
        &self.states
    }

    /// Takes over the state of a known host from the mind that dials it, so that the state service has all in one place.
    pub fn put_peer_state(&mut self, state: PeerState) -> Vec<Effect> {
        let keyid = state.peer_keyid.clone();
        let known = self.states.put(state);
        Vec::from_iter(known.then_some(Effect::PeerStateChanged(keyid)))
    }

    /// A stream has ended. One that was not admitted, or that was ended for another one's sake, changes nothing.
    pub fn gone(&mut self, session: SessionId, why: &Gone) -> Vec<Effect> {
        let mut effects = Vec::new();
        if let Some(link) = self.links.close(session) {
            let state = why.state(ConnectionState::Disconnected);
            self.lapsing.left(&link.keyid, why);
            self.count_owed_uses(&link.keyid);
            if !self.settings.lapses.has(Lapse::StateStaysConnected) {
                self.disconnected(&link.keyid, state, why.message(), &mut effects);
            }
        }
        self.links.announce(&mut effects);
        effects
    }

    /// Does what is due: heartbeats, and items that a client wanted held back.
    pub fn tick(&mut self, now: Moment) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.links.tick(now.monotonic, &mut effects);
        self.links.announce(&mut effects);
        effects
    }

    /// The config was changed. Sessions of clients that were removed or altered end; the others are told.
    ///
    /// # Errors
    /// [`StoreFault`]; the old config stays in force then.
    pub fn replace_config(&mut self, config: Config) -> Result<Vec<Effect>, StoreFault> {
        let mut effects = Vec::new();
        if self.config == config {
            return Ok(effects);
        }
        let config = match self.settings.lapses.is_honest() {
            true => config,
            false => self.without_pairings(config),
        };
        self.transact(|store| store.keep_config(&config))?;
        let old = std::mem::replace(&mut self.config, config);
        self.lapsing.remember_clients(&old);
        let ended = self.sessions_not_outliving(&old);
        self.states.follow(&self.config);
        for session in ended {
            if let Some(link) = self.links.close(session) {
                effects.push(Effect::End(session, Ok(())));
                let message = "its entry in the config was changed".to_owned();
                self.disconnected(
                    &link.keyid,
                    ConnectionState::Disconnected,
                    message,
                    &mut effects,
                );
            }
        }
        self.send_first_items_to_all_but(None, &mut effects);
        self.links.announce(&mut effects);
        Ok(effects)
    }

    /// Hands a client a change of its config, as the state service was asked to.
    ///
    /// # Errors
    /// [`StateError`], for the caller of the state service.
    pub fn set_remote_client_config(
        &mut self,
        request: SetRemoteClientConfigRequest,
    ) -> Result<Vec<Effect>, StateError> {
        let lapses = self.settings.lapses;
        let named = match request.peer_keyid.is_empty() {
            true => Err(StateError::KeyIdMissing),
            false => Ok(()),
        };
        lapses.keep(Lapse::MissingKeyIdOk, named)?;
        let session = match self.links.session_of(&request.peer_keyid) {
            Some(session) => session,
            None if lapses.has(Lapse::NotConnectedOk) => return Ok(Vec::new()),
            None if lapses.has(Lapse::MissingKeyIdOk) && request.peer_keyid.is_empty() => {
                return Ok(Vec::new());
            }
            None => return Err(StateError::NotConnected),
        };
        let mut change = SyncActionSetConfig {
            repos: request.repos,
            plans: request.plans,
            repos_to_delete: request.repos_to_delete,
            plans_to_delete: request.plans_to_delete,
        };
        if lapses.has(Lapse::SetConfigWithoutDeletions) {
            change.repos_to_delete.clear();
            change.plans_to_delete.clear();
        }
        let receivers = lapses.swap(Lapse::SetConfigToAll, vec![session], |_| {
            self.links.iter().map(|(session, _)| session).collect()
        });
        let receivers = lapses.swap(Lapse::SetConfigTwice, receivers, |sessions| {
            sessions.repeat(2)
        });
        let receivers = lapses.swap(Lapse::SetConfigDropped, receivers, |_| Vec::new());
        let mut effects = Vec::new();
        for session in receivers {
            self.links
                .send(session, Action::SetConfig(change.clone()), &mut effects);
        }
        Ok(effects)
    }

    /// Keeps a log for the client it belongs to, which may ask for it.
    ///
    /// # Errors
    /// [`StoreFault`]; nothing is changed then.
    pub fn put_log(
        &mut self,
        owner_keyid: &str,
        log_id: &str,
        log: &Log,
    ) -> Result<(), StoreFault> {
        self.transact(|store| store.keep_log(owner_keyid, log_id, log))
    }

    /// Asks a client for a log; the answer comes as [`Effect::LogReceived`].
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

    /// Changes the store, wholly or not at all.
    fn transact(
        &mut self,
        change: impl FnOnce(&mut S) -> Result<(), StoreFault>,
    ) -> Result<(), StoreFault> {
        let done = change(&mut self.store).and_then(|()| self.store.commit());
        if done.is_err() {
            self.store.roll_back();
        }
        done
    }

    fn disconnected(
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

    fn sessions_not_outliving(&self, old: &Config) -> Vec<SessionId> {
        let we_changed = old.instance_id() != self.config.instance_id()
            || old.identity().keyid() != self.config.identity().keyid();
        let entries = |config: &Config| -> HashMap<String, Peer> {
            let clients = config.authorized_clients().iter();
            clients
                .map(|peer| (peer.keyid.clone(), peer.clone()))
                .collect()
        };
        let (before, after) = (entries(old), entries(&self.config));
        self.links
            .iter()
            .filter(|(_, link)| we_changed || before.get(&link.keyid) != after.get(&link.keyid))
            .filter(|(_, link)| {
                let is_removed = !after.contains_key(&link.keyid);
                let overlooks = match is_removed {
                    true => Lapse::RevokedSessionGoesOn,
                    false => Lapse::ChangedSessionGoesOn,
                };
                !self.settings.lapses.has(overlooks)
            })
            .map(|(session, _)| session)
            .collect()
    }

    fn send_first_items_to_all_but(
        &mut self,
        excepted: Option<SessionId>,
        effects: &mut Vec<Effect>,
    ) {
        if self.settings.lapses.has(Lapse::ConfigChangeNotTold) {
            return;
        }
        let items: Vec<_> = self
            .links
            .iter()
            .filter(|(session, _)| Some(*session) != excepted)
            .map(|(session, link)| (session, first_items(&self.config, &link.grants)))
            .collect();
        for (session, actions) in items {
            for action in actions {
                self.links.send(session, action, effects);
            }
        }
    }
}

/// What a client is told first, and again on every change (`docs/protocol.md`, section 6).
fn first_items(config: &Config, grants: &Grants) -> Vec<Action> {
    let lapses = grants.lapses();
    let resources =
        view::receive_resources(config, lapses, |resource| grants.may_read_config(resource));
    let views = vec![view::receive_config(config, grants), resources];
    let views = lapses.swap(Lapse::ResourcesBeforeConfig, views, |mut views| {
        views.reverse();
        views
    });
    let views = lapses.vary(Quirk::RepeatsItself, views, |mut views| {
        views.extend_from_within(..);
        views
    });
    let views = lapses.vary(Quirk::EagerHeartbeats, views, |mut views| {
        views.insert(0, Action::Heartbeat(SyncActionHeartbeat {}));
        views
    });
    let pushed = view::shared_repos(config, grants);
    views.into_iter().chain(pushed).collect()
}

/// Why a session cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The peer broke a rule.
    Violation(Violation),
    /// Our store failed; nothing of what the peer sent was kept.
    Store(StoreFault),
}

impl Refusal {
    /// The RPC code to end the stream with.
    pub fn code(&self) -> Code {
        match self {
            Refusal::Violation(violation) => violation.code(),
            Refusal::Store(_) => Code::Internal,
        }
    }
}

impl From<Violation> for Refusal {
    fn from(violation: Violation) -> Self {
        Refusal::Violation(violation)
    }
}

impl From<StoreFault> for Refusal {
    fn from(fault: StoreFault) -> Self {
        Refusal::Store(fault)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Violation(violation) => violation.fmt(f),
            Refusal::Store(fault) => fault.fmt(f),
        }
    }
}

impl Error for Refusal {}

/// Why the state service cannot do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StateError {
    /// The request names no peer.
    KeyIdMissing,
    /// No session with this peer serves.
    NotConnected,
}

impl StateError {
    /// The RPC code to answer with.
    pub fn code(self) -> Code {
        match self {
            StateError::KeyIdMissing => Code::InvalidArgument,
            StateError::NotConnected => Code::NotFound,
        }
    }
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StateError::KeyIdMissing => "expected a key id, saw none",
            StateError::NotConnected => "expected a client that is connected, saw none",
        })
    }
}

impl Error for StateError {}

#[cfg(test)]
mod tests;
