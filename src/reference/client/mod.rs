//! The client's mind: which hosts to dial and when, what each of them is shown, and what it makes of what they send.
//!
//! It holds the sessions with all known hosts, because they share one config and one set of operations; none of them
//! disturbs another. A driver
//! 1. carries out [`Client::start`], and every [`Effect::DialAt`] by asking [`Client::dial`] whom to call and how;
//! 2. calls [`Client::admit`] when the host has proved its identity, [`Client::receive`] with what it sends, and
//!    [`Client::gone`] once when the attempt or the stream has ended, however far it came;
//! 3. carries the effects out in order. A violation ends that stream and no other.

mod dialling;
mod lapsing;
mod receive;
mod set_config;

use dialling::Attempt;
pub use dialling::Dial;
pub use receive::OPERATION_BATCH_LEN_MAX;

use std::collections::{BTreeMap, HashMap};

use super::{
    backoff::Backoff,
    config::Config,
    effect::{Effect, Moment, SessionId},
    grants::Grants,
    limits::Settings,
    links::Links,
    logs::{Log, LogRequestError, Logs},
    own_operations::{Change, NotOwn, OwnOperations},
    peer_states::PeerStates,
    view::{self, OperationView},
};
use crate::{
    lapses::Lapse,
    wire::{
        Action, types, v1,
        v1::operation_event::Event,
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
    /// Attempts whose host has not proved its identity yet.
    dialling: BTreeMap<SessionId, Attempt>,
    /// Attempts in a row that each host, by key id, has not answered with a word; a host that has is not in it.
    failures: HashMap<String, u32>,
}

impl Client {
    /// A client that has dialled nobody and has no operations.
    pub fn new(config: Config, settings: Settings, backoff: Backoff) -> Self {
        Client {
            operations: OwnOperations::default(),
            logs: Logs::default(),
            links: Links::new(settings),
            states: PeerStates::new(&config),
            dialling: BTreeMap::new(),
            failures: HashMap::new(),
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

    /// Always these three, even when there is nothing in them.
    fn first_items(&self, grants: &Grants) -> Vec<Action> {
        let items = vec![
            view::receive_config(&self.config, grants),
            self.resources(grants),
            self.manifest(grants),
        ];
        super::lapsing::spoil_first_items(items, self.settings.lapses)
    }

    fn resources(&self, grants: &Grants) -> Action {
        view::receive_resources(&self.config, grants.lapses(), |resource| {
            match self.settings.lapses.has(Lapse::ClientResourcesOfConfig) {
                true => grants.may_read_config(resource),
                false => grants.may_know(resource),
            }
        })
    }

    fn manifest(&self, grants: &Grants) -> Action {
        let view = OperationView::new(&self.config, grants);
        let visible = self.operations.iter().filter(|operation| {
            view.includes(operation) || self.settings.lapses.has(Lapse::ManifestUnfiltered)
        });
        let (op_ids, modnos) = visible
            .map(|operation| (operation.id, operation.modno))
            .unzip();
        let mut manifest = SyncActionOperationManifest { op_ids, modnos };
        super::lapsing::spoil_manifest(&mut manifest, self.settings.lapses);
        Action::OperationManifest(manifest)
    }

    /// Tells each host of a change as it looks from there: an operation that leaves its scope is one deleted.
    fn forward(&mut self, change: &Change) -> Vec<Effect> {
        let lapses = self.settings.lapses;
        if lapses.has(Lapse::ChangesNotForwarded) {
            return Vec::new();
        }
        let mut items = Vec::new();
        for (session, link) in self.links.iter() {
            let view = OperationView::new(&self.config, &link.grants);
            let visible = |operation: &Option<v1::Operation>| {
                operation.clone().filter(|operation| {
                    view.includes(operation) || lapses.has(Lapse::ChangesForwardedUnfiltered)
                })
            };
            let list = |operation| v1::OperationList {
                operations: vec![operation],
            };
            let event = match (visible(&change.before), visible(&change.after)) {
                (None, None) => continue,
                (None, Some(after)) => Event::CreatedOperations(list(after)),
                (Some(_), Some(after)) => Event::UpdatedOperations(list(after)),
                (Some(_), None) if lapses.has(Lapse::DeletionsNotForwarded) => continue,
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

    /// Takes over a changed config. Each host must see us through it, so all are dialled anew.
    fn adopt(&mut self, config: Config, now: Moment, effects: &mut Vec<Effect>) {
        self.config = config;
        self.states.follow(&self.config);
        self.failures.clear();
        let serving: Vec<_> = self.links.iter().map(|(session, _)| session).collect();
        let dialling = std::mem::take(&mut self.dialling).into_keys();
        for session in serving.into_iter().chain(dialling) {
            self.links.close(session);
            effects.push(Effect::End(session, Ok(())));
        }
        let hosts: Vec<_> = self.config.known_hosts().to_vec();
        for host in hosts {
            if self.has_given_up(&host.keyid) {
                continue;
            }
            self.set_state(
                &host.keyid,
                ConnectionState::RetryWait,
                String::new(),
                effects,
            );
            effects.push(Effect::DialAt(host.keyid, now.monotonic));
        }
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
