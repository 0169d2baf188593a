//! Our side of one scenario: an honest session, and the deviations the scenario names. It turns steps into bytes and
//! what comes back into a [`Trace`]; it does no IO, reads no clock, and has no opinion on what it sees.
//!
//! A driver asks [`Actor::next`] what to do, does it, and reports with [`Actor::note`] whatever happens on the links,
//! until the answer is [`Command::Finish`]. While the answer is [`Command::Wait`] it waits for the next thing to happen
//! on any link, or for the time named, and then asks again.

mod again;
mod entropy;
mod exchange;
mod fence;
mod forge;
mod hear;
mod interface;
mod looks;
mod ops;
mod secrets;
mod send;
mod shown;
mod side;
mod witness;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use again::GivenUp;
pub use entropy::Entropy;
#[cfg(feature = "fuzzing")]
pub use forge::deviating_handshake;
pub use interface::{Ask, Clock, Command, Input, Out, Patience, RequestShape};
pub use ops::session_of;
use ops::{Op, ops_of};
use side::Side;
use witness::Witness;

use crate::{
    crypto::kem::KemId,
    scenario::{
        model::{Scenario, Step, Verb},
        sessions,
    },
    trace::{
        Event, EventKind, Trace,
        reading::{Mark, Reading, read},
    },
    wire::{SyncStreamItem, v1sync::sync_stream_item::SyncActionHandshake},
};

/// Name of the session of steps that name none.
pub const MAIN_SESSION: &str = sessions::MAIN;
/// Name of the session that a probe opens, and of the identity it uses.
pub const PROBE_SESSION: &str = sessions::PROBE;

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
    /// The call that was taken for one that the client gave up, until the next one is there.
    given_up: Option<GivenUp>,
    /// The handshake of the other peer, where we stand between two.
    passed_on: Option<SyncActionHandshake>,
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
            given_up: None,
            passed_on: None,
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

    /// The handshake that the peer has sent in the case's main session, to be passed on.
    pub fn peer_handshake(&self) -> Option<&SyncActionHandshake> {
        self.sides.get(MAIN_SESSION)?.peer_handshake.as_ref()
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

    fn read_clock(&self) -> Duration {
        self.clock.map_or(Duration::ZERO, |clock| clock())
    }

    fn record(&mut self, session: &str, kind: EventKind, now: Duration) {
        self.trace.events.push(Event {
            at: now,
            step: self.step,
            session: session.to_owned(),
            kind,
        });
    }

    /// What was waited for since then has not come: the case ends, and the trace says why.
    fn wait_in_vain(&mut self, session: &str, since: Duration, now: Duration) {
        let waited = now.saturating_sub(since);
        self.record(session, EventKind::DeadlinePassed { waited }, now);
        self.finished = true;
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
            Op::UntilPassedOn => {
                let is_there = self.passed_on.is_some();
                let until = since + self.patience.answer;
                // Nothing else could go in its place: without it the case says nothing.
                self.finished |= !is_there && now >= until;
                self.wait_for(now, until, |side| is_there || side.is_over())
            }
            Op::Witness => self.hear_witness(step, now),
            Op::Grace => {
                let grace = step.within.unwrap_or(self.patience.grace);
                self.wait_for_reading(step, now, since + grace)
            }
            Op::Listen => self.wait_for_reading(step, now, since + self.patience.grace),
            Op::HearOut => self.wait_for_reading(step, now, since + self.patience.answer),
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
