//! The host's mind: whom it admits, what it shows each client, and what it makes of what they send.
//!
//! It serves sessions whose peer has proved an identity; everything before that is [`crate::session`]'s. A driver gives
//! each stream a [`SessionId`] of its own, calls [`Host::admit`] when the peer is verified, [`Host::receive`] with what
//! it sends and [`Host::gone`] once when the stream has ended, whatever the reason, and carries the effects out in
//! order. A violation returned by `admit` or `receive` ends that stream and no other.

mod admit;
mod receive;

use std::{collections::HashMap, error::Error, fmt};

use super::{
    config::Config,
    effect::{Effect, Gone, Moment, SessionId},
    grants::Grants,
    limits::Settings,
    links::Links,
    logs::{Log, LogRequestError, Logs},
    oplog::{MemoryLog, OperationLog},
    peer_states::PeerStates,
    view,
};
use crate::wire::{
    Action, Code,
    v1::multihost::Peer,
    v1sync::{
        ConnectionState, PeerState, SetRemoteClientConfigRequest,
        sync_stream_item::SyncActionSetConfig,
    },
};

/// A host, over the log that keeps its clients' operations.
#[derive(Debug)]
pub struct Host<L = MemoryLog> {
    config: Config,
    settings: Settings,
    operations: L,
    /// By the key id of the client that they belong to.
    logs: HashMap<String, Logs>,
    links: Links,
    states: PeerStates,
}

impl Host {
    /// A host that nobody has connected to, with its operations in memory.
    pub fn new(config: Config, settings: Settings) -> Self {
        let limits = &settings.limits;
        let log = MemoryLog::new(
            limits.operations_per_client_max,
            limits.operations_per_client_len_bytes_max,
        );
        Host::with_log(config, settings, log)
    }
}

impl<L: OperationLog> Host<L> {
    /// A host that nobody has connected to, with its operations in `operations`.
    pub fn with_log(config: Config, settings: Settings, operations: L) -> Self {
        Host {
            states: PeerStates::new(&config),
            links: Links::new(settings),
            logs: HashMap::new(),
            config,
            settings,
            operations,
        }
    }

    /// The config, with what pairing has added to it.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The operations received from clients.
    pub fn operations(&self) -> &L {
        &self.operations
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
            self.disconnected(&link.keyid, state, why.message(), &mut effects);
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
    pub fn replace_config(&mut self, config: Config) -> Vec<Effect> {
        let mut effects = Vec::new();
        let old = std::mem::replace(&mut self.config, config);
        if self.config == old {
            return effects;
        }
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
        effects
    }

    /// Hands a client a change of its config, as the state service was asked to.
    ///
    /// # Errors
    /// [`StateError`], for the caller of the state service.
    pub fn set_remote_client_config(
        &mut self,
        request: SetRemoteClientConfigRequest,
    ) -> Result<Vec<Effect>, StateError> {
        if request.peer_keyid.is_empty() {
            return Err(StateError::KeyIdMissing);
        }
        let session = self
            .links
            .session_of(&request.peer_keyid)
            .ok_or(StateError::NotConnected)?;
        let action = Action::SetConfig(SyncActionSetConfig {
            repos: request.repos,
            plans: request.plans,
            repos_to_delete: request.repos_to_delete,
            plans_to_delete: request.plans_to_delete,
        });
        let mut effects = Vec::new();
        self.links.send(session, action, &mut effects);
        Ok(effects)
    }

    /// Keeps a log for the client it belongs to, which may ask for it.
    pub fn put_log(&mut self, owner_keyid: &str, log_id: &str, log: Log) {
        let logs = self.logs.entry(owner_keyid.to_owned()).or_default();
        logs.put(log_id.to_owned(), log);
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
            .map(|(session, _)| session)
            .collect()
    }

    fn send_first_items_to_all_but(
        &mut self,
        excepted: Option<SessionId>,
        effects: &mut Vec<Effect>,
    ) {
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
    let resources = view::receive_resources(config, |resource| grants.may_read_config(resource));
    [view::receive_config(config, grants), resources]
        .into_iter()
        .chain(view::shared_repos(config, grants))
        .collect()
}

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
