//! The reference host on real sockets: one task for each stream, which owns its session machine, and one mind behind a
//! lock, which all of them ask.
//!
//! All cryptography happens in the streams' tasks; the mind only decides, so that one slow client holds up nobody. What an
//! item changes is in the store before anything is sent because of it: a commit happens under the lock, and is a write
//! without a flush but for a pairing.

mod lapsing;
pub mod limits;
mod states;
mod stream;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use futures_util::{StreamExt as _, future::BoxFuture, stream::BoxStream};
use tokio::{
    sync::{mpsc, watch},
    time::timeout_at,
};
use tonic::Status;

use super::serve::{Caller, InboundItems, OutboundItems, SyncApp};
use crate::{
    crypto::{identity::KeyPolicy, kem::KemId},
    lapses::{Lapse, Lapses, Quirk},
    reference::{
        config::Config,
        effect::{Effect, Gone, Moment, SessionId},
        host::{Host, StateError},
        limits::Settings,
        memory_store::MemoryStore,
        store::{Store, StoreFault},
    },
    rules::RuleId,
    session::{Deadlines, Local, Violation},
    wire::{
        Action, Code, v1,
        v1sync::{PeerState, SetRemoteClientConfigRequest},
    },
};
use lapsing::Lapsing;
use limits::Crowded;
pub use limits::HostLimits;
use states::Subscribers;
use stream::Orders;

/// What the reference host does that its config does not say.
#[derive(Clone, Copy, Debug)]
pub struct HostOptions {
    /// The mind's settings.
    pub settings: Settings,
    /// Which reading of the KEM id it follows.
    pub kem_id: KemId,
    /// How strictly clients' keys and signatures are read.
    pub key_policy: KeyPolicy,
    /// Longest waits before a session stands.
    pub deadlines: Deadlines,
    /// How many callers are borne with at a time.
    pub limits: HostLimits,
}

impl Default for HostOptions {
    fn default() -> Self {
        HostOptions {
            settings: Settings::default(),
            kem_id: KemId::default(),
            key_policy: KeyPolicy::Strict,
            deadlines: Deadlines::default(),
            limits: HostLimits::default(),
        }
    }
}

/// The reference host, to be put behind [`super::serve::serve`].
#[derive(Clone)]
pub struct HostApp {
    shared: Arc<Shared>,
}

struct Shared {
    mind: Mutex<Mind>,
    local: Local,
    limits: HostLimits,
    queued_items_max: usize,
    lapsing: Lapsing,
    started: Instant,
    wake: watch::Sender<Option<Duration>>,
}

/// Everything that needs one order.
struct Mind {
    host: Host<Box<dyn Store + Send>>,
    streams: HashMap<SessionId, StreamHandle>,
    /// How many of the streams no verified and admitted client stands behind.
    unauthenticated: usize,
    subscribers: Subscribers,
    next_session: u64,
}

/// How the mind reaches a stream's task.
struct StreamHandle {
    is_admitted: bool,
    orders: mpsc::Sender<Action>,
    end: watch::Sender<Option<Result<(), Violation>>>,
}

impl HostApp {
    /// A host with that config and everything in memory, and the task that keeps its time.
    pub fn new(config: Config, options: HostOptions) -> Self {
        let store = MemoryStore::new(options.settings.limits.share());
        let lapses = options.settings.lapses;
        let store = lapses.vary(Quirk::LargeIds, store, |store| {
            store.numbering_behind(1 << 62)
        });
        HostApp::with_store(config, options, Box::new(store), Vec::new())
    }

    /// A host over a store that keeps that config, with what the store knows of its peers.
    pub fn with_store(
        config: Config,
        options: HostOptions,
        store: Box<dyn Store + Send>,
        known: Vec<PeerState>,
    ) -> Self {
        let local = Local {
            identity: config.identity().clone(),
            instance_id: config.instance_id().to_owned(),
            kem_id: options.kem_id,
            key_policy: options.key_policy,
            deadlines: options.deadlines,
            lapses: options.settings.lapses,
        };
        let (wake, waking) = watch::channel(None);
        let shared = Arc::new(Shared {
            mind: Mutex::new(Mind {
                host: Host::with_store(config, options.settings, store, known),
                streams: HashMap::new(),
                unauthenticated: 0,
                subscribers: Subscribers::default(),
                next_session: 0,
            }),
            local,
            limits: options.limits,
            queued_items_max: options.settings.limits.queued_items_max,
            lapsing: Lapsing::default(),
            started: Instant::now(),
            wake,
        });
        tokio::spawn(keep_time(Arc::downgrade(&shared), waking));
        HostApp { shared }
    }

    /// Puts another config in force: clients that were removed or altered lose their sessions, the others are told.
    ///
    /// # Errors
    /// [`StoreFault`]; the old config stays in force then.
    pub fn replace_config(&self, config: Config) -> Result<(), StoreFault> {
        let mut mind = self.shared.lock();
        let effects = mind.host.replace_config(config)?;
        self.shared.carry_out(&mut mind, effects);
        Ok(())
    }

    /// The config, with what pairing has added to it.
    pub fn config(&self) -> Config {
        self.shared.lock().host.config().clone()
    }

    /// The operations received from the client with this key id, by original id.
    ///
    /// # Errors
    /// [`StoreFault`].
    pub fn operations_of(&self, keyid: &str) -> Result<Vec<v1::Operation>, StoreFault> {
        self.shared.lock().host.store().operations(keyid)
    }
}

impl Shared {
    /// A panic in another task leaves the mind as it was between two steps, each of which is complete in itself.
    fn lock(&self) -> MutexGuard<'_, Mind> {
        self.mind.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lapses(&self) -> Lapses {
        self.local.lapses
    }

    fn now(&self) -> Moment {
        let unix = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Moment {
            monotonic: self.started.elapsed(),
            unix_ms: i64::try_from(unix.as_millis()).unwrap_or(i64::MAX),
        }
    }

    fn carry_out(&self, mind: &mut Mind, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Send(session, action) => mind.send(session, action),
                Effect::End(session, how) => mind.end(session, how),
                Effect::PeerStateChanged(_) if self.lapses().has(Lapse::SubscriptionSilent) => {}
                Effect::PeerStateChanged(keyid) => mind.subscribers.changed(&keyid),
                Effect::WakeAt(at) => {
                    self.wake.send_replace(Some(at));
                }
                Effect::NoWake => {
                    self.wake.send_replace(None);
                }
                // The store has what is to be kept, and a host dials nobody.
                _ => {}
            }
        }
    }

    /// Gives a new stream its number, and the ends through which the mind reaches it.
    fn open(&self) -> Result<(SessionId, Orders), Crowded> {
        let mut mind = self.lock();
        self.limits
            .check(mind.streams.len(), mind.unauthenticated)?;
        let session = SessionId(mind.next_session);
        mind.next_session += 1;
        let (orders, queue) = mpsc::channel(self.queued_items_max);
        let (end, ended) = watch::channel(None);
        let handle = StreamHandle {
            is_admitted: false,
            orders,
            end,
        };
        mind.streams.insert(session, handle);
        mind.unauthenticated += 1;
        Ok((session, Orders { queue, ended }))
    }

    fn close(&self, session: SessionId, why: &Gone) {
        let mut mind = self.lock();
        if let Some(stream) = mind.streams.remove(&session)
            && !stream.is_admitted
        {
            mind.unauthenticated -= 1;
        }
        let effects = mind.host.gone(session, why);
        self.carry_out(&mut mind, effects);
    }
}

impl Mind {
    fn admitted(&mut self, session: SessionId) {
        if let Some(stream) = self.streams.get_mut(&session) {
            stream.is_admitted = true;
            self.unauthenticated -= 1;
        }
    }

    /// A client that reads too slowly for what it is owed loses its session; nobody waits for it.
    fn send(&mut self, session: SessionId, action: Action) {
        let Some(stream) = self.streams.get(&session) else {
            return;
        };
        if stream.orders.try_send(action).is_err() {
            let slow = Violation::limit(
                RuleId::ResponderIdleClientsDoNotBlock,
                "more items are queued for the peer than it reads",
            );
            stream.end.send_replace(Some(Err(slow)));
        }
    }

    fn end(&mut self, session: SessionId, how: Result<(), Violation>) {
        if let Some(stream) = self.streams.get(&session) {
            stream.end.send_replace(Some(how));
        }
    }
}

impl SyncApp for HostApp {
    fn sync(
        &self,
        inbound: InboundItems,
        outbound: OutboundItems,
    ) -> BoxFuture<'static, Result<(), Status>> {
        Box::pin(stream::run(self.shared.clone(), inbound, outbound))
    }

    fn peer_states(
        &self,
        _caller: Caller,
        subscribe: bool,
    ) -> BoxStream<'static, Result<PeerState, Status>> {
        let mut mind = self.shared.lock();
        let lapses = self.shared.lapses();
        let snapshot = lapsing::snapshot(mind.host.peer_states().snapshot(), lapses);
        let snapshot = futures_util::stream::iter(snapshot).map(Ok);
        if !subscribe && lapses.has(Lapse::SnapshotLeftOpen) {
            return snapshot.chain(futures_util::stream::pending()).boxed();
        }
        if !subscribe || lapses.has(Lapse::SubscriptionEnds) {
            return snapshot.boxed();
        }
        let changes = match mind
            .subscribers
            .subscribe(self.shared.limits.subscribers_max)
        {
            Ok(changes) => changes,
            Err(crowded) => return futures_util::stream::iter([Err(crowded.status())]).boxed(),
        };
        drop(mind);
        let turn = self.shared.lapsing.take_turn(lapses);
        snapshot
            .chain(states::follow(self.shared.clone(), changes))
            .map(move |state| {
                let _held = &turn;
                state
            })
            .boxed()
    }

    fn set_remote_client_config(
        &self,
        _caller: Caller,
        request: SetRemoteClientConfigRequest,
    ) -> BoxFuture<'static, Result<(), Status>> {
        let shared = self.shared.clone();
        Box::pin(async move {
            let mut mind = shared.lock();
            let effects = mind
                .host
                .set_remote_client_config(request)
                .map_err(|error| {
                    let lapses = shared.lapses();
                    let code = match error {
                        StateError::KeyIdMissing => {
                            lapses.swap(Lapse::MissingKeyIdNotFound, error.code(), |_| {
                                Code::NotFound
                            })
                        }
                        _ => lapses.swap(Lapse::NotConnectedUnavailable, error.code(), |_| {
                            Code::Unavailable
                        }),
                    };
                    Status::new(i32::from(code.number()).into(), error.to_string())
                })?;
            shared.carry_out(&mut mind, effects);
            Ok(())
        })
    }
}

/// Calls the mind's `tick` when it asked for it, until the host is dropped.
async fn keep_time(shared: std::sync::Weak<Shared>, mut waking: watch::Receiver<Option<Duration>>) {
    loop {
        let due = *waking.borrow_and_update();
        let changed = match (due, shared.upgrade()) {
            (_, None) => return,
            (None, Some(strong)) => {
                drop(strong);
                waking.changed().await.is_ok()
            }
            (Some(at), Some(strong)) => {
                let at = tokio::time::Instant::from_std(strong.started + at);
                drop(strong);
                match timeout_at(at, waking.changed()).await {
                    Ok(changed) => changed.is_ok(),
                    Err(_) => {
                        let Some(shared) = shared.upgrade() else {
                            return;
                        };
                        let mut mind = shared.lock();
                        let effects = mind.host.tick(shared.now());
                        // A tick that asks for nothing new is not to be repeated at once.
                        shared.wake.send_if_modified(|wake| wake.take().is_some());
                        shared.carry_out(&mut mind, effects);
                        true
                    }
                }
            }
        };
        if !changed {
            return;
        }
    }
}
