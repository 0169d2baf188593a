//! Our side of one scenario: an honest session, and the deviations the scenario names. It turns steps into bytes and
//! what comes back into a [`Trace`]; it does no IO, reads no clock, and has no opinion on what it sees.
//!
//! A driver asks [`Actor::next`] what to do, does it, and reports with [`Actor::note`] whatever happens on the links,
//! until the answer is [`Command::Finish`]. While the answer is [`Command::Wait`] it waits for the next thing to happen
//! on any link, or for the time named, and then asks again.

mod entropy;
mod exchange;
mod fence;
mod forge;
mod interface;
mod looks;
mod ops;
mod secrets;
mod shown;
mod side;
mod witness;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

pub use entropy::Entropy;
pub use interface::{Ask, Clock, Command, Input, Out, Patience, RequestShape};
pub use ops::session_of;
use ops::{Op, ops_of};
use side::Side;
use witness::Witness;

use crate::{
    crypto::kem::KemId,
    rules::RuleId,
    scenario::{
        deviation::Deviation,
        model::{Scenario, Step, Verb},
        sessions,
    },
    session::Violation,
    trace::{
        EVENTS_MAX, Event, EventKind, RECEIVED_LEN_BYTES_MAX, Sent, Trace,
        reading::{Mark, Reading, read},
    },
    wire::SyncStreamItem,
};

/// Name of the session of steps that name none.
pub const MAIN_SESSION: &str = sessions::MAIN;
/// Name of the session that a probe opens, and of the identity it uses.
pub const PROBE_SESSION: &str = sessions::PROBE;

/// How many calls a client may give up in one case: a change of its config makes it do so once for each host.
const STALE_CALLS_MAX: u32 = 3;

/// Longest time in which a clock that counts milliseconds may stand still.
const CLOCK_TICK: Duration = Duration::from_millis(2);

/// Plays one scenario.
pub struct Actor<'a> {
    scenario: &'a Scenario,
    entropy: Entropy,
    kem_id: KemId,
    patience: Patience,
    sides: BTreeMap<String, Side>,
    marks: BTreeMap<String, Mark>,
    /// Sessions that look inside the peer.
    looks: BTreeSet<String>,
    /// Key ids of the case's identities: what is told of other peers says nothing here.
    keyids: Vec<String>,
    /// When what looks inside last told of anybody.
    last_told: Duration,
    /// When the step looked last, and how long it waits before it looks again.
    looked: Option<(Duration, Duration)>,
    /// Step and number of events at which the step was still open.
    still_open: Option<(usize, usize)>,
    trace: Trace,
    step: usize,
    ops: VecDeque<Op>,
    /// When the wait at the head of `ops` began.
    waiting_since: Option<Duration>,
    witness: Witness,
    /// How often a step that opens a session may still be played again, see [`Actor::whose_client_redials`].
    calls_left: u32,
    /// Public keys of the peer's calls: none may come twice.
    peer_keys: Vec<Vec<u8>>,
    /// Ephemeral points of the peer's encapsulations: none may come twice.
    peer_points: Vec<Vec<u8>>,
    fences: i64,
    /// Operations the peer holds from this case, id to modno: a fence lists them, so that it deletes none.
    ledger: BTreeMap<i64, i64>,
    commands: VecDeque<Command>,
    received_len_bytes: usize,
    finished: bool,
    clock: Option<Clock>,
    crypto: Duration,
}

impl<'a> Actor<'a> {
    /// Prepares to play the scenario.
    pub fn new(
        scenario: &'a Scenario,
        entropy: Entropy,
        kem_id: KemId,
        patience: Patience,
    ) -> Self {
        let mut actor = Actor {
            scenario,
            entropy,
            kem_id,
            patience,
            sides: BTreeMap::new(),
            marks: BTreeMap::new(),
            looks: BTreeSet::new(),
            keyids: Vec::new(),
            last_told: Duration::ZERO,
            looked: None,
            still_open: None,
            trace: Trace::default(),
            step: 0,
            ops: VecDeque::new(),
            waiting_since: None,
            witness: Witness::default(),
            calls_left: 0,
            peer_keys: Vec::new(),
            peer_points: Vec::new(),
            fences: 0,
            ledger: BTreeMap::new(),
            commands: VecDeque::new(),
            received_len_bytes: 0,
            finished: false,
            clock: None,
            crypto: Duration::ZERO,
        };
        actor.begin_step();
        actor
    }

    /// Measures with this clock what [`Self::crypto_time`] tells.
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = Some(clock);
        self
    }

    /// How long making keys, exchanging them, signing, sealing and opening took so far; zero without a clock.
    pub fn crypto_time(&self) -> Duration {
        self.crypto
    }

    /// For a client that dials all its hosts anew when its config changes: a call that it gives up before its handshake was
    /// none, and the next one is taken in its place.
    pub fn whose_client_redials(mut self) -> Self {
        self.calls_left = STALE_CALLS_MAX;
        self
    }

    /// What happened so far.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// What happened, to be judged.
    pub fn into_trace(self) -> Trace {
        self.trace
    }

    /// What to do now. Times are since the case began.
    pub fn next(&mut self, now: Duration) -> Command {
        loop {
            if let Some(command) = self.commands.pop_front() {
                return command;
            }
            if self.finished {
                return Command::Finish;
            }
            if let Some(until) = self.play(now) {
                return Command::Wait { until };
            }
        }
    }

    /// Takes note of something that happened on a session's link.
    pub fn note(&mut self, session: &str, input: Input, now: Duration) {
        if let Input::CalledAgain = input {
            match (self.ops.front(), self.sides.get_mut(session)) {
                // What it shows it shows in its next session.
                (Some(Op::Shown), Some(side)) => side.over(),
                _ => self.take_the_next_call(session, true),
            }
            return;
        }
        if let Input::Message { payload, .. } = &input {
            self.received_len_bytes += payload.len();
        }
        if self.trace.events.len() >= EVENTS_MAX || self.received_len_bytes > RECEIVED_LEN_BYTES_MAX
        {
            if !self.finished {
                self.finished = true;
                self.record(session, EventKind::Flooded, now);
            }
            return;
        }
        let was_keyed = self.has_peers_key(session);
        let began = self.read_clock();
        let mut kinds = match (input, self.sides.get_mut(session)) {
            (
                Input::Message {
                    payload,
                    compressed,
                },
                Some(side),
            ) => side.receive(&payload, compressed),
            (Input::Message { payload, .. }, None) if self.looks.contains(session) => {
                self.last_told = now;
                self.read_state(&payload)
            }
            (Input::Message { .. }, None) => Vec::new(),
            (Input::Told(answer), _) => vec![EventKind::Told(answer)],
            (Input::Opened, _) => vec![EventKind::Opened],
            (Input::NotOpened(failure), side) => {
                side.into_iter().for_each(Side::over);
                vec![EventKind::NotOpened(failure)]
            }
            (
                Input::Answered {
                    status,
                    content_type,
                },
                _,
            ) => {
                vec![EventKind::Answered {
                    status,
                    content_type,
                }]
            }
            (Input::Alive, _) => vec![EventKind::Alive],
            (Input::CalledAgain, _) => Vec::new(),
            (Input::Ended(end), side) => {
                side.into_iter().for_each(Side::over);
                let told = secrets::told(&end, &self.scenario.fixtures, &self.sides);
                [EventKind::Ended(end)].into_iter().chain(told).collect()
            }
        };
        self.crypto += self.read_clock().saturating_sub(began);
        if !was_keyed && self.has_peers_key(session) {
            kinds.extend(self.key_used_before(session).map(EventKind::Noticed));
            kinds.extend(self.point_used_before(session).map(EventKind::Noticed));
        }
        for kind in kinds {
            self.record(session, kind, now);
        }
        self.take_the_next_call(session, false);
    }

    /// Goes back to where a session was opened whose call the client gave up unanswered, and forgets that call. Deployed
    /// clients leave the stream open that they gave up; that they call again shows it.
    fn take_the_next_call(&mut self, session: &str, calls_again: bool) {
        let Some(opened) = self.opened_at(session).filter(|_| self.calls_left > 0) else {
            return;
        };
        let (mut ended, mut verified) = (calls_again, false);
        for (_, event) in self.trace.of(session).filter(|(at, _)| *at >= opened) {
            ended |= matches!(event.kind, EventKind::Ended(_));
            verified |= matches!(event.kind, EventKind::Verified(_));
        }
        let steps = &self.scenario.steps[..self.scenario.steps.len().min(self.step + 1)];
        let begun = steps
            .iter()
            .rposition(|step| session_of(step) == session && step.verb.begins_session());
        let Some(begun) = begun.filter(|_| ended && !verified) else {
            return;
        };
        // What was played of other sessions meanwhile cannot be played again.
        if steps[begun..]
            .iter()
            .any(|step| session_of(step) != session)
        {
            return;
        }
        self.calls_left -= 1;
        let mut at = 0;
        self.trace.events.retain(|event| {
            at += 1;
            at <= opened || event.session != session
        });
        self.sides.remove(session);
        self.still_open = None;
        self.step = begun;
        self.begin_step();
    }

    fn read_clock(&self) -> Duration {
        self.clock.map_or(Duration::ZERO, |clock| clock())
    }

    /// The event with which the stream of a session began.
    fn opened_at(&self, session: &str) -> Option<usize> {
        let opened = |(_, event): &(usize, &Event)| matches!(event.kind, EventKind::Opened);
        let last = self.trace.of(session).filter(opened).last();
        last.map(|(at, _)| at)
    }

    fn has_peers_key(&self, session: &str) -> bool {
        self.sides.get(session).is_some_and(Side::has_peers_key)
    }

    /// Remembers the public key that a call brought; a violation if an earlier one brought it too.
    fn key_used_before(&mut self, session: &str) -> Option<Violation> {
        let key = self.sides.get(session)?.exchange.peer_key()?.to_vec();
        if self.peer_keys.contains(&key) {
            return Some(Violation::protocol(
                RuleId::TransportFreshKey,
                "a public key that an earlier call of this case had",
            ));
        }
        self.peer_keys.push(key);
        None
    }

    /// The same for the ephemeral point of an encapsulation, which depends on nothing but the host's randomness.
    fn point_used_before(&mut self, session: &str) -> Option<Violation> {
        let point = self.sides.get_mut(session)?.peer_point.take()?;
        if self.peer_points.contains(&point) {
            return Some(Violation::protocol(
                RuleId::TransportFreshEncapsulation,
                "an ephemeral point that an earlier encapsulation of this case had",
            ));
        }
        self.peer_points.push(point);
        None
    }

    fn record(&mut self, session: &str, kind: EventKind, now: Duration) {
        self.trace.events.push(Event {
            at: now,
            step: self.step,
            session: session.to_owned(),
            kind,
        });
    }

    fn current(&self) -> Option<&'a Step> {
        self.scenario.steps.get(self.step)
    }

    fn begin_step(&mut self) {
        self.waiting_since = None;
        self.looked = None;
        self.witness = Witness::default();
        let probe_is_up = self
            .sides
            .get(PROBE_SESSION)
            .is_some_and(|side| !side.is_over());
        match self.current() {
            Some(step) => {
                self.ops = ops_of(step, self.scenario.role, probe_is_up).into();
                if matches!(step.verb, Verb::Probe(_)) {
                    // What a session that stands already answered before proves nothing now.
                    let mark = Mark(self.trace.events.len());
                    self.marks.insert(PROBE_SESSION.to_owned(), mark);
                }
            }
            None => self.finished = true,
        }
    }

    /// Plays the op at the head; says until when to wait if it can't go on.
    fn play(&mut self, now: Duration) -> Option<Duration> {
        let Some(step) = self.current() else {
            self.finished = true;
            return None;
        };
        let session = session_of(step);
        let Some(op) = self.ops.front().cloned() else {
            self.step += 1;
            self.begin_step();
            return None;
        };
        let since = *self.waiting_since.get_or_insert(now);
        match op {
            Op::UntilPeersKey => self.wait_for(now, since + self.patience.answer, |side| {
                side.has_peers_key() || side.is_over()
            }),
            Op::Witness => self.hear_witness(step, now),
            Op::Grace => {
                let grace = step.within.unwrap_or(self.patience.grace);
                self.wait_for_reading(step, now, since + grace)
            }
            Op::Listen => self.wait_for_reading(step, now, since + self.patience.grace),
            Op::Await => {
                let limit = step.within.unwrap_or(self.patience.answer);
                // A peer may have much to tell of others first.
                let until = match self.looks.contains(session) {
                    true => since.max(self.last_told) + limit,
                    false => since + limit,
                };
                let wait = self.wait_for_reading(step, now, until);
                if wait.is_none()
                    && now >= until
                    && matches!(self.reading(step), Reading::Open { .. })
                {
                    self.record(session, EventKind::DeadlinePassed { waited: limit }, now);
                    self.finished = true;
                }
                wait
            }
            Op::Eventually => self.wait_looking_again(step, session, now, since),
            Op::Shown => self.wait_until_shown(step, session, now, since),
            Op::Tick if now < since + CLOCK_TICK => Some(since + CLOCK_TICK),
            op => {
                self.perform(step, session, op, now);
                self.done();
                None
            }
        }
    }

    fn done(&mut self) {
        self.ops.pop_front();
        self.waiting_since = None;
    }

    fn wait_for(
        &mut self,
        now: Duration,
        until: Duration,
        ready: impl Fn(&Side) -> bool,
    ) -> Option<Duration> {
        let session = self.current().map(session_of).unwrap_or(MAIN_SESSION);
        let over = self.sides.get(session).is_none_or(ready) || now >= until;
        if over {
            self.done();
            return None;
        }
        Some(until)
    }

    fn reading(&mut self, step: &Step) -> Reading {
        let session = session_of(step);
        let mark = self.marks.get(session).copied().unwrap_or_default();
        // Nothing has happened since it was read last; some links bring much that is no event of this case.
        let now = (self.step, self.trace.events.len());
        if self.still_open == Some(now) {
            return Reading::Open {
                wanted: String::new(),
            };
        }
        let reading = read(step, session, self.scenario, &self.trace, mark);
        self.still_open = matches!(reading, Reading::Open { .. }).then_some(now);
        reading
    }

    fn wait_for_reading(
        &mut self,
        step: &Step,
        now: Duration,
        until: Duration,
    ) -> Option<Duration> {
        match self.reading(step) {
            Reading::Satisfied { mark, .. } => {
                self.marks.insert(session_of(step).to_owned(), mark);
                self.ops = looks::behind(step).into();
                self.waiting_since = None;
                None
            }
            Reading::Failed(_) | Reading::NotTold(_) => {
                self.finished = true;
                None
            }
            Reading::Open { .. } if now < until => Some(until),
            Reading::Open { .. } => {
                self.done();
                None
            }
        }
    }

    fn perform(&mut self, step: &Step, session: &str, op: Op, now: Duration) {
        match op {
            Op::Open { identity, secret } => self.open(step, session, &identity, secret),
            Op::HalfClose => self.put(session, Out::HalfClose, EventKind::HalfClosed, now),
            Op::Reset => self.put(session, Out::Reset, EventKind::ResetByUs, now),
            Op::End(code) => self.put(session, Out::Status(code), EventKind::EndedByUs(code), now),
            Op::Cut => self.put(session, Out::Cut, EventKind::CutByUs, now),
            Op::Stall => {
                self.record(session, EventKind::Stalled, now);
                self.commands.push_back(Command::Stall {
                    session: session.to_owned(),
                });
            }
            Op::Look => self.look(step, session, now),
            Op::Close => self.commands.push_back(Command::Close {
                session: session.to_owned(),
            }),
            Op::SendKey => {
                let earlier = self.earlier(session);
                self.send(step, session, "key", now, move |side, deviations| {
                    side.forge_key(deviations, earlier.as_ref())
                });
            }
            Op::SendHandshake => {
                let earlier = self.earlier(session);
                self.send(step, session, "handshake", now, move |side, deviations| {
                    side.forge_handshake(deviations, earlier.as_ref())
                });
            }
            Op::SendItem(message) => {
                self.note_operations(&message.item);
                let earlier = self.earlier(session);
                let what = message.item.describe();
                self.send(step, session, what, now, move |side, deviations| {
                    side.forge_item(message.item, deviations, earlier.as_ref())
                });
            }
            Op::SendFence => self.send_fence(step, session, now),
            Op::UntilPeersKey
            | Op::Grace
            | Op::Listen
            | Op::Witness
            | Op::Await
            | Op::Eventually
            | Op::Shown
            | Op::Tick => {}
        }
    }

    fn open(&mut self, step: &Step, session: &str, identity: &str, secret: String) {
        let fixtures = &self.scenario.fixtures;
        let Some(fixture) = fixtures.identity(identity) else {
            return;
        };
        let began = self.read_clock();
        let side = Side::new(
            self.scenario.role,
            fixture,
            fixtures.another_known(identity),
            secret,
            self.kem_id,
            self.entropy.child(&format!("{}/{session}", self.step)),
        );
        self.crypto += self.read_clock().saturating_sub(began);
        self.sides.insert(session.to_owned(), side);
        let mark = Mark(self.trace.events.len());
        self.marks.insert(session.to_owned(), mark);
        let mut request = RequestShape::default();
        for deviation in self.deviations_at(step) {
            match deviation {
                Deviation::ContentType(value) => request.content_type = Some(value),
                Deviation::Method(value) => request.method = Some(value),
                Deviation::Deadline(millis) => {
                    request.deadline = Some(Duration::from_millis(millis.into()));
                }
                _ => {}
            }
        }
        self.commands.push_back(Command::Open {
            session: session.to_owned(),
            identity: identity.to_owned(),
            request,
        });
    }

    /// What a step does differently. A probe is honest whatever its case does: it asks how the peer took that.
    fn deviations_at(&self, step: &Step) -> Vec<Deviation> {
        match step.verb {
            Verb::Probe(_) => Vec::new(),
            _ => {
                let everywhere = self.scenario.deviate.iter();
                everywhere.chain(&step.deviate).cloned().collect()
            }
        }
    }

    fn put(&mut self, session: &str, out: Out, kind: EventKind, now: Duration) {
        self.record(session, kind, now);
        self.commands.push_back(Command::Send {
            session: session.to_owned(),
            out,
        });
    }

    fn send(
        &mut self,
        step: &Step,
        session: &str,
        what: &str,
        now: Duration,
        forge: impl FnOnce(&mut Side, &[Deviation]) -> Option<Forged>,
    ) {
        let deviations = self.deviations_at(step);
        let began = self.read_clock();
        let forged = self
            .sides
            .get_mut(session)
            .filter(|side| !side.is_over())
            .and_then(|side| forge(side, &deviations));
        self.crypto += self.read_clock().saturating_sub(began);
        let Some(forged) = forged else {
            self.record(session, EventKind::NotSent(what.to_owned()), now);
            return;
        };
        let sent = Sent {
            what: what.to_owned(),
            item: forged.item,
            counter: forged.counter,
            deviations: forged.deviations,
            fence: None,
        };
        self.record(session, EventKind::Sent(sent), now);
        for out in forged.out {
            self.commands.push_back(Command::Send {
                session: session.to_owned(),
                out,
            });
        }
    }

    /// The session of this case that came before, whose frames and handshake can be played again.
    fn earlier(&self, session: &str) -> Option<side::Memory> {
        self.sides
            .iter()
            .find(|(name, _)| *name != session && *name != PROBE_SESSION)
            .map(|(_, side)| side.memory().clone())
    }
}

/// Bytes ready to go, and what to say of them.
pub(crate) struct Forged {
    out: Vec<Out>,
    item: Option<SyncStreamItem>,
    counter: Option<u64>,
    deviations: Vec<String>,
}

#[cfg(test)]
mod tests;
