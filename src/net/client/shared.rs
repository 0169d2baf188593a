//! What all tasks of the client share: the mind, its wishes for later, and the way to each stream's task.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc, watch};

use super::{CHANGES_QUEUED_MAX, ClientOptions, keep::Kept, stream::Attempt};
use crate::{
    lapses::Lapses,
    reference::{
        client::Client,
        config::Config,
        effect::{Effect, Gone, Moment, SessionId},
        logs::Log,
        own_operations::NotOwn,
    },
    rules::RuleId,
    session::{Local, VerifiedPeer, Violation},
    wire::{Action, v1},
};

/// How a stream is to end.
pub(super) type HowToEnd = Result<(), Violation>;

pub(super) struct Shared {
    mind: Mutex<Mind>,
    pub options: ClientOptions,
    started: Instant,
    agenda_changed: Notify,
    changes: watch::Sender<u64>,
    /// Counts the versions of the config.
    configs: watch::Sender<u64>,
    kept: watch::Receiver<Kept>,
}

/// Everything that needs one order.
pub(super) struct Mind {
    client: Client,
    streams: HashMap<SessionId, StreamHandle>,
    next_session: u64,
    /// Until then nobody is dialled.
    is_started: bool,
    tick_at: Option<Duration>,
    /// By key id.
    dial_at: HashMap<String, Duration>,
}

/// How the mind reaches a stream's task.
struct StreamHandle {
    orders: mpsc::UnboundedSender<Order>,
    room: Arc<Semaphore>,
    end: watch::Sender<Option<HowToEnd>>,
}

/// An action to seal and send.
pub(super) struct Order {
    pub action: Action,
    /// Held until the order is taken, by one that its host did not ask for. What a host asks for needs none: it is taken
    /// before anything more is read from that host.
    _room: Option<OwnedSemaphorePermit>,
}

/// A stream's ends of what the mind reaches it through.
pub(super) struct Orders {
    pub queue: mpsc::UnboundedReceiver<Order>,
    /// Set once the stream is to end, after what is queued where it ends well.
    pub ended: watch::Receiver<Option<HowToEnd>>,
}

impl Shared {
    pub fn new(client: Client, options: ClientOptions, kept: watch::Receiver<Kept>) -> Self {
        Shared {
            mind: Mutex::new(Mind {
                client,
                streams: HashMap::new(),
                next_session: 0,
                is_started: false,
                tick_at: None,
                dial_at: HashMap::new(),
            }),
            options,
            started: Instant::now(),
            agenda_changed: Notify::new(),
            changes: watch::Sender::new(0),
            configs: watch::Sender::new(0),
            kept,
        }
    }

    /// A panic in another task leaves the mind as it was between two steps, each of which is complete in itself.
    pub fn lock(&self) -> MutexGuard<'_, Mind> {
        self.mind.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn lapses(&self) -> Lapses {
        self.options.settings.lapses
    }

    pub fn now(&self) -> Moment {
        let unix = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Moment {
            monotonic: self.started.elapsed(),
            unix_ms: i64::try_from(unix.as_millis()).unwrap_or(i64::MAX),
        }
    }

    /// A moment of the mind's clock on the system's.
    pub fn instant(&self, monotonic: Duration) -> Instant {
        self.started + monotonic
    }

    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    pub fn configs(&self) -> watch::Receiver<u64> {
        self.configs.subscribe()
    }

    pub fn kept(&self) -> watch::Receiver<Kept> {
        self.kept.clone()
    }

    /// The config in force and the number of its version.
    pub fn newest_config(&self) -> (u64, Config) {
        let mind = self.lock();
        (*self.configs.borrow(), mind.client.config().clone())
    }

    pub fn start(&self) {
        let mut mind = self.lock();
        if std::mem::replace(&mut mind.is_started, true) {
            return;
        }
        let effects = mind.client.start(self.now());
        self.carry_out(&mut mind, None, effects);
    }

    pub fn replace_config(&self, config: Config) {
        let mut mind = self.lock();
        if *mind.client.config() == config {
            return;
        }
        let mut effects = vec![Effect::ConfigChanged];
        effects.extend(mind.client.replace_config(config, self.now()));
        self.carry_out(&mut mind, None, effects);
    }

    pub fn put_operation(&self, operation: v1::Operation) -> Result<(), NotOwn> {
        let mut mind = self.lock();
        let effects = mind.client.put_operation(operation)?;
        self.carry_out(&mut mind, None, effects);
        Ok(())
    }

    pub fn delete_operation(&self, id: i64) {
        let mut mind = self.lock();
        let effects = mind.client.delete_operation(id);
        self.carry_out(&mut mind, None, effects);
    }

    pub fn admit(&self, session: SessionId, host: &VerifiedPeer) -> Result<(), Violation> {
        let mut mind = self.lock();
        let effects = mind.client.admit(session, host, self.now())?;
        self.carry_out(&mut mind, Some(session), effects);
        Ok(())
    }

    pub fn receive(&self, session: SessionId, action: Action) -> Result<(), Violation> {
        let mut mind = self.lock();
        let effects = mind.client.receive(session, action, self.now())?;
        self.carry_out(&mut mind, Some(session), effects);
        Ok(())
    }

    pub fn close(&self, session: SessionId, why: &Gone) {
        let mut mind = self.lock();
        mind.streams.remove(&session);
        let effects = mind.client.gone(session, why, self.now());
        self.carry_out(&mut mind, None, effects);
    }

    /// Ends every stream well.
    pub fn end_all(&self) {
        let mut mind = self.lock();
        let streams: Vec<_> = mind.streams.keys().copied().collect();
        for session in streams {
            mind.end(session, Ok(()));
        }
    }

    /// When [`Shared::take_due`] has something to do.
    pub fn next_due(&self) -> Option<Instant> {
        let mind = self.lock();
        if !mind.is_started {
            return None;
        }
        let due = mind.dial_at.values().copied().chain(mind.tick_at).min();
        due.map(|at| self.instant(at))
    }

    /// Resolves after [`Shared::next_due`] may have changed.
    pub async fn agenda_changed(&self) {
        self.agenda_changed.notified().await;
    }

    /// Ticks if it is time to, and begins the attempts whose time has come.
    pub fn take_due(self: &Arc<Self>) -> Vec<Attempt> {
        let now = self.now();
        let mut mind = self.lock();
        if mind.tick_at.is_some_and(|at| at <= now.monotonic) {
            mind.tick_at = None;
            let effects = mind.client.tick(now);
            self.carry_out(&mut mind, None, effects);
        }
        let due: Vec<String> = mind
            .dial_at
            .extract_if(|_, at| *at <= now.monotonic)
            .map(|(keyid, _)| keyid)
            .collect();
        due.iter()
            .filter_map(|keyid| self.begin(&mut mind, keyid, now))
            .collect()
    }

    fn begin(self: &Arc<Self>, mind: &mut Mind, keyid: &str, now: Moment) -> Option<Attempt> {
        let session = SessionId(mind.next_session);
        let (dial, effects) = mind.client.dial(keyid, session, now)?;
        mind.next_session += 1;
        let orders = mind.open(session);
        self.carry_out(mind, None, effects);
        let config = mind.client.config();
        Some(Attempt {
            session,
            dial,
            local: Local {
                identity: config.identity().clone(),
                instance_id: config.instance_id().to_owned(),
                kem_id: self.options.kem_id,
                key_policy: self.options.key_policy,
                deadlines: self.options.deadlines,
                lapses: self.options.settings.lapses,
            },
            config_version: *self.configs.borrow(),
            orders,
            shared: self.clone(),
        })
    }

    /// `asked_by` is the stream whose own input made the mind want this.
    fn carry_out(&self, mind: &mut Mind, asked_by: Option<SessionId>, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Send(session, action) => {
                    mind.send(session, action, asked_by == Some(session));
                }
                Effect::End(session, how) => mind.end(session, how),
                Effect::PeerStateChanged(_) => self.changed(),
                Effect::ConfigChanged => {
                    self.configs.send_modify(|version| *version += 1);
                    self.changed();
                }
                Effect::WakeAt(at) => self.plan(|| mind.tick_at = Some(at)),
                Effect::NoWake => self.plan(|| mind.tick_at = None),
                Effect::DialAt(keyid, at) => self.plan(|| {
                    mind.dial_at.insert(keyid, at);
                }),
                // Nobody can ask a host for a log through the handle, so none comes.
                _ => {}
            }
        }
    }

    fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    fn plan(&self, change: impl FnOnce()) {
        change();
        self.agenda_changed.notify_one();
    }
}

impl Mind {
    pub fn client(&self) -> &Client {
        &self.client
    }

    pub fn put_log(&mut self, log_id: &str, log: Log) {
        self.client.put_log(log_id, log);
    }

    fn open(&mut self, session: SessionId) -> Orders {
        let (orders, queue) = mpsc::unbounded_channel();
        let (end, ended) = watch::channel(None);
        let room = Arc::new(Semaphore::new(CHANGES_QUEUED_MAX));
        let handle = StreamHandle { orders, room, end };
        self.streams.insert(session, handle);
        Orders { queue, ended }
    }

    /// Nobody waits for a host that takes our changes too slowly; it loses its session.
    fn send(&mut self, session: SessionId, action: Action, asked_for: bool) {
        let Some(stream) = self.streams.get(&session) else {
            return;
        };
        let room = match (asked_for, stream.room.clone().try_acquire_owned()) {
            (true, _) => None,
            (false, Ok(room)) => Some(room),
            (false, Err(_)) => {
                let seen = format!("a host that is {CHANGES_QUEUED_MAX} changes behind");
                return self.end(
                    session,
                    Err(Violation::limit(RuleId::InitiatorSurvives, seen)),
                );
            }
        };
        // A stream that takes no more orders is about to say that it is gone.
        let _ = stream.orders.send(Order {
            action,
            _room: room,
        });
    }

    fn end(&mut self, session: SessionId, how: HowToEnd) {
        if let Some(stream) = self.streams.get(&session) {
            // The first end counts: a stream that fails while it is being ended well has nothing to add.
            stream.end.send_if_modified(|end| {
                let first = end.is_none();
                end.get_or_insert(how);
                first
            });
        }
    }
}
