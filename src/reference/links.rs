//! The sessions of one mind that serve: who is at the other end, what may be sent there, and when something is due.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use super::{
    effect::{Effect, SessionId},
    grants::Grants,
    limits::Settings,
    logs::{LogRequestError, LogRequests, ReceivedLog},
    throttle::{Outbox, Posted},
};
use crate::{
    lapses::Lapse,
    rules::RuleId,
    session::Violation,
    wire::{
        Action,
        v1sync::sync_stream_item::{SyncActionHeartbeat, SyncActionReceiveLogData},
    },
};

/// The serving sessions, of which each peer has one at most.
#[derive(Debug)]
pub(super) struct Links {
    settings: Settings,
    links: BTreeMap<SessionId, Link>,
    by_keyid: HashMap<String, SessionId>,
    timers: BTreeSet<(Duration, SessionId)>,
    announced: Option<Duration>,
}

/// One serving session.
#[derive(Debug)]
pub(super) struct Link {
    /// The peer's key id.
    pub keyid: String,
    /// What the peer may have of us.
    pub grants: Arc<Grants>,
    /// When the session began to serve.
    pub since: Duration,
    outbox: Outbox,
    log_requests: LogRequests,
    heartbeat_at: Duration,
    /// It ended with an error, and its driver has not said so yet.
    failed: bool,
}

impl Links {
    pub fn new(settings: Settings) -> Self {
        Links {
            settings,
            links: BTreeMap::new(),
            by_keyid: HashMap::new(),
            timers: BTreeSet::new(),
            announced: None,
        }
    }

    /// Adds a session. Returns the one of the same peer that it displaces, unless that had ended already.
    pub fn open(
        &mut self,
        session: SessionId,
        keyid: &str,
        grants: Grants,
        now: Duration,
    ) -> Option<SessionId> {
        let older = self.by_keyid.get(keyid).copied();
        let displaced = older.and_then(|older| self.close(older));
        let link = Link {
            keyid: keyid.to_owned(),
            grants: Arc::new(grants),
            since: now,
            outbox: Outbox::default(),
            log_requests: LogRequests::default(),
            heartbeat_at: now + self.settings.heartbeat_interval,
            failed: false,
        };
        self.timers.insert((link.wake_at(), session));
        self.links.insert(session, link);
        self.by_keyid.insert(keyid.to_owned(), session);
        older.filter(|_| displaced.is_some_and(|link| !link.failed))
    }

    /// Removes a session, failed or not.
    pub fn close(&mut self, session: SessionId) -> Option<Link> {
        let link = self.links.remove(&session)?;
        self.timers.remove(&(link.wake_at(), session));
        self.by_keyid.remove(&link.keyid);
        Some(link)
    }

    /// Nothing is sent to or taken from this session any more.
    pub fn fail(&mut self, session: SessionId) {
        if let Some(link) = self.links.get_mut(&session) {
            link.failed = true;
        }
    }

    /// A session that serves.
    pub fn get(&self, session: SessionId) -> Option<&Link> {
        self.links.get(&session).filter(|link| !link.failed)
    }

    /// The session that serves this peer.
    pub fn session_of(&self, keyid: &str) -> Option<SessionId> {
        let session = *self.by_keyid.get(keyid)?;
        self.get(session).map(|_| session)
    }

    /// Every session that serves, in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (SessionId, &Link)> {
        let serving = self.links.iter().filter(|(_, link)| !link.failed);
        serving.map(|(session, link)| (*session, link))
    }

    /// Sends an action, or holds it while the peer wants us to wait.
    pub fn send(&mut self, session: SessionId, action: Action, effects: &mut Vec<Effect>) {
        let held_max = self.settings.limits.queued_items_max;
        let Some(link) = self.links.get_mut(&session).filter(|link| !link.failed) else {
            return;
        };
        match link.outbox.post(action, held_max) {
            Posted::Send(action) => effects.push(Effect::Send(session, action)),
            Posted::Held => {}
            Posted::Full => {
                link.failed = true;
                let violation = Violation::limit(
                    RuleId::ThrottleDelays,
                    format!("more than {held_max} items held back on the peer's wish"),
                );
                effects.push(Effect::End(session, Err(violation)));
            }
        }
    }

    /// Holds back what follows.
    pub fn throttle(&mut self, session: SessionId, delay_ms: i64, now: Duration) {
        let delay_max = self.settings.limits.throttle_max;
        self.retime(session, |link| {
            link.outbox.throttle(delay_ms, delay_max, now)
        });
    }

    /// Does what is due: heartbeats, and the release of held items.
    pub fn tick(&mut self, now: Duration, effects: &mut Vec<Effect>) {
        while let Some(&(at, session)) = self.timers.first()
            && at <= now
        {
            let interval = self.settings.heartbeat_interval;
            let is_silent = self.settings.lapses.has(Lapse::HostSendsNoHeartbeats)
                || self.settings.lapses.has(Lapse::ClientSendsNoHeartbeats);
            self.retime(session, |link| {
                let heartbeat_due = link.heartbeat_at <= now;
                if heartbeat_due {
                    link.heartbeat_at = now + interval;
                }
                let released = link.outbox.release(now);
                if !link.failed {
                    let heartbeat_due = heartbeat_due && !is_silent;
                    let heartbeat =
                        heartbeat_due.then_some(Action::Heartbeat(SyncActionHeartbeat {}));
                    let actions = heartbeat.into_iter().chain(released);
                    effects.extend(actions.map(|action| Effect::Send(session, action)));
                }
            });
        }
    }

    /// Says when to tick next, if that is not what was said last.
    pub fn announce(&mut self, effects: &mut Vec<Effect>) {
        let next = self.timers.first().map(|&(at, _)| at);
        if next != self.announced {
            self.announced = next;
            effects.push(next.map_or(Effect::NoWake, Effect::WakeAt));
        }
    }

    /// Asks the peer for a log.
    ///
    /// # Errors
    /// [`LogRequestError`]; nothing is sent then.
    pub fn request_log(
        &mut self,
        keyid: &str,
        log_id: &str,
    ) -> Result<Vec<Effect>, LogRequestError> {
        if !self.settings.capabilities.logs {
            return Err(LogRequestError::CapabilityOff);
        }
        let session = self
            .session_of(keyid)
            .ok_or(LogRequestError::NotConnected)?;
        let limits = self.settings.limits;
        let request = self
            .links
            .get_mut(&session)
            .and_then(|link| link.log_requests.request(log_id, &limits))
            .ok_or(LogRequestError::TooMany)?;
        let mut effects = Vec::new();
        self.send(session, request, &mut effects);
        Ok(effects)
    }

    /// Takes a chunk of a log that was asked for.
    ///
    /// # Errors
    /// The peer's violation.
    pub fn receive_log_data(
        &mut self,
        session: SessionId,
        data: SyncActionReceiveLogData,
    ) -> Result<Option<ReceivedLog>, Violation> {
        let limits = self.settings.limits;
        match self.links.get_mut(&session) {
            Some(link) => link.log_requests.receive(data, &limits),
            None => Ok(None),
        }
    }

    /// Changes a link and keeps its timer in step.
    fn retime(&mut self, session: SessionId, change: impl FnOnce(&mut Link)) {
        if let Some(link) = self.links.get_mut(&session) {
            let before = link.wake_at();
            change(link);
            let after = link.wake_at();
            self.timers.remove(&(before, session));
            self.timers.insert((after, session));
        }
    }
}

impl Link {
    fn wake_at(&self) -> Duration {
        let release_at = self.outbox.release_at().unwrap_or(Duration::MAX);
        self.heartbeat_at.min(release_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        reference::limits::Limits, session::Class,
        wire::v1sync::sync_stream_item::SyncActionRequestResources,
    };

    const ONE: SessionId = SessionId(1);
    const TWO: SessionId = SessionId(2);

    fn seconds(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    fn links() -> Links {
        Links::new(Settings {
            limits: Limits {
                queued_items_max: 1,
                ..Limits::default()
            },
            heartbeat_interval: seconds(10),
            ..Settings::default()
        })
    }

    fn request() -> Action {
        Action::RequestResources(SyncActionRequestResources {})
    }

    fn heartbeat(session: SessionId) -> Effect {
        Effect::Send(session, Action::Heartbeat(SyncActionHeartbeat {}))
    }

    fn tick(links: &mut Links, s: u64) -> Vec<Effect> {
        let mut effects = Vec::new();
        links.tick(seconds(s), &mut effects);
        links.announce(&mut effects);
        effects
    }

    #[test]
    fn interval_passed_then_each_session_gets_its_heartbeat() {
        let mut links = links();
        links.open(ONE, "a", Grants::default(), seconds(0));
        links.open(TWO, "b", Grants::default(), seconds(4));
        assert_eq!(tick(&mut links, 9), [Effect::WakeAt(seconds(10))]);
        let at_ten = [heartbeat(ONE), Effect::WakeAt(seconds(14))];
        assert_eq!(tick(&mut links, 10), at_ten);
        let late = [heartbeat(TWO), heartbeat(ONE), Effect::WakeAt(seconds(35))];
        assert_eq!(tick(&mut links, 25), late);
        links.close(ONE);
        links.close(TWO);
        assert_eq!(tick(&mut links, 25), [Effect::NoWake]);
    }

    #[test]
    fn throttled_then_items_come_after_the_delay_and_heartbeats_as_ever() {
        let mut links = links();
        links.open(ONE, "a", Grants::default(), seconds(0));
        links.throttle(ONE, 15_000, seconds(0));
        let mut effects = Vec::new();
        links.send(ONE, request(), &mut effects);
        assert_eq!(effects, []);
        assert_eq!(
            tick(&mut links, 10),
            [heartbeat(ONE), Effect::WakeAt(seconds(15))]
        );
        let released = [Effect::Send(ONE, request()), Effect::WakeAt(seconds(20))];
        assert_eq!(tick(&mut links, 15), released);
    }

    #[test]
    fn too_much_held_then_session_ends_once() {
        let mut links = links();
        links.open(ONE, "a", Grants::default(), seconds(0));
        links.throttle(ONE, 15_000, seconds(0));
        let mut effects = Vec::new();
        for _ in 0..3 {
            links.send(ONE, request(), &mut effects);
        }
        let [Effect::End(ONE, Err(violation))] = &effects[..] else {
            panic!("expected one end, saw {effects:?}");
        };
        assert_eq!(violation.class, Class::Limit);
        assert!(links.get(ONE).is_none());
        assert_eq!(links.session_of("a"), None);
        assert_eq!(tick(&mut links, 20), [Effect::WakeAt(seconds(30))]);
    }

    #[test]
    fn second_session_of_a_peer_then_first_is_displaced() {
        let mut links = links();
        assert_eq!(links.open(ONE, "a", Grants::default(), seconds(0)), None);
        assert_eq!(
            links.open(TWO, "a", Grants::default(), seconds(0)),
            Some(ONE)
        );
        assert!(links.close(ONE).is_none());
        assert_eq!(links.session_of("a"), Some(TWO));
        links.fail(TWO);
        assert_eq!(links.open(ONE, "a", Grants::default(), seconds(0)), None);
        assert_eq!(links.iter().count(), 1);
    }

    #[test]
    fn log_requested_then_capability_connection_and_number_are_checked() {
        let mut links = links();
        let not_connected = Err(LogRequestError::NotConnected);
        assert_eq!(links.request_log("a", "l"), not_connected);
        links.open(ONE, "a", Grants::default(), seconds(0));
        assert!(matches!(
            &links.request_log("a", "l").unwrap()[..],
            [Effect::Send(ONE, _)]
        ));
        assert_eq!(links.request_log("a", "l"), Err(LogRequestError::TooMany));
        links.settings.capabilities.logs = false;
        assert_eq!(
            links.request_log("a", "m"),
            Err(LogRequestError::CapabilityOff)
        );
    }
}
