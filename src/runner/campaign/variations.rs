//! Plays variations against a live peer and the reference side by side: many at a time, one where something may have
//! ended the peer, and on once it is back.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::Value as Json;
use tokio::{sync::watch, task::JoinSet, time::timeout};

use super::{
    Over, is_broken_off,
    presence::Presence,
    trial::{Done, play},
    waited_in_vain,
};
use crate::{
    actor::Patience,
    campaign::variation::{Departure, Difference, Search, Seen, Variation, file_of},
    judge::Verdict,
    model,
    runner::RunOptions,
    scenario::survives,
    trace::Trace,
    wire::{Role, RpcProtocol},
};

/// How long no path may be dialled before a client is taken to have dialled all that it knows.
const CALLS_OVER_WAIT: Duration = Duration::from_secs(2);
/// Plays after the time is up that may still settle a doubt or make a departure shorter.
const LAST_PLAYS_MAX: u32 = 200;

/// A peer under test, and the reference with the same provision. What happened to one has happened to the other.
#[derive(Clone)]
pub struct Pair {
    /// How the peer is reached.
    pub peer: RunOptions,
    /// How the reference is.
    pub reference: RunOptions,
}

/// How variations are played.
#[derive(Clone)]
pub struct VariationOptions {
    /// Variations at a time.
    pub lanes: usize,
    /// How long.
    pub time: Duration,
    /// How many at most.
    pub plays_max: Option<u64>,
    /// How long what is waited for at first.
    pub patience: Patience,
    /// The same once something looks amiss.
    pub sure: Patience,
    /// End at the first departure, whether or not it can be shorter.
    pub first_only: bool,
    /// Set by whoever wants it to be over; what was found is kept.
    pub stop: Arc<AtomicBool>,
}

/// What happens meanwhile.
pub enum Tidings<'a> {
    /// A variation showed something new.
    Novel(&'a Variation),
    /// The peer parts from the reference, or a shorter variation shows it: and what a scenario file for it holds.
    Departed(&'a Departure, &'a Json),
    /// The peer ended, and is waited for.
    Gone,
    /// It is back.
    Back,
    /// One more was played; what both went through.
    Played(&'a Search, &'a model::Coverage),
}

/// Plays until the time is up. Each lane has a pair of its own where there are as many; otherwise all share the first,
/// and `presence` tells whether its peer is there.
pub async fn play_variations(
    search: &mut Search,
    pairs: &mut [Pair],
    presence: &mut dyn Presence,
    options: &VariationOptions,
    tell: &mut dyn FnMut(Tidings<'_>),
) -> Over {
    let mut driver = Driver {
        options,
        started: Instant::now(),
        running: JoinSet::new(),
        idle: (0..options.lanes.max(1)).rev().collect(),
        turn: 0,
        busy: BTreeSet::new(),
        last_plays: LAST_PLAYS_MAX,
        unheard_since: Instant::now(),
        is_used: false,
    };
    loop {
        // Made before the look, so that no call in between is missed.
        let switchboard = pairs[0].peer.switchboard.as_ref();
        let calls = switchboard.map(|switchboard| switchboard.calls_count());
        driver.start_what_can_be(search, pairs);
        if driver.running.is_empty() {
            if driver.is_over(search) {
                return Over::Done;
            }
            if let Err(over) = driver.wait_for_calls(calls, pairs, presence).await {
                return over;
            }
            continue;
        }
        let Some(Ok(done)) = driver.running.join_next().await else {
            return Over::Broken("a variation crashed in the suite itself".to_owned());
        };
        driver.unheard_since = Instant::now();
        driver.is_used = true;
        if let Err(over) = driver.take(search, pairs, presence, done, tell).await {
            return over;
        }
        if options.first_only && search.departures().next().is_some() {
            return Over::Done;
        }
    }
}

struct Driver<'a> {
    options: &'a VariationOptions,
    started: Instant,
    running: JoinSet<Done>,
    idle: Vec<usize>,
    /// Variations begun.
    turn: usize,
    /// Cases that are being played, by id and RPC protocol.
    busy: BTreeSet<(String, RpcProtocol)>,
    last_plays: u32,
    unheard_since: Instant,
    /// Something was played since the peer was last had back.
    is_used: bool,
}

impl Driver<'_> {
    fn start_what_can_be(&mut self, search: &mut Search, pairs: &[Pair]) {
        while let Some(lane) = self.idle.last().copied() {
            if self.is_over(search) {
                return;
            }
            let own = pairs.len() >= self.options.lanes;
            // In turn, so that what is found on one peer is believed once others show it too.
            let at = match own {
                true => lane,
                false => self.turn,
            };
            let pair = &pairs[at % pairs.len()];
            let busy = &self.busy;
            let bases = search.stock().clone();
            let is_free = |id: &str, protocol: RpcProtocol| {
                let base = bases.base(id, protocol);
                (own || !busy.contains(&(id.to_owned(), protocol)))
                    && base.is_some_and(|base| pair.peer.is_called_for(&base.scenario))
            };
            let Some(trial) = search.next_trial(&is_free) else {
                return;
            };
            let Some(base) = bases.base(&trial.variation.base, trial.variation.protocol) else {
                continue;
            };
            self.idle.pop();
            self.turn = self.turn.wrapping_add(1);
            self.busy.insert((base.scenario.id.clone(), base.protocol));
            self.running.spawn(play(
                lane,
                trial,
                base.clone(),
                pair.clone(),
                self.options.clone(),
            ));
        }
    }

    fn is_over(&mut self, search: &Search) -> bool {
        if self.options.stop.load(Ordering::Relaxed) {
            return true;
        }
        let enough = self.options.plays_max;
        let enough = enough.is_some_and(|max| search.played_count() >= max);
        if !enough && self.started.elapsed() < self.options.time {
            return false;
        }
        self.last_plays = self.last_plays.saturating_sub(1);
        self.options.first_only || search.is_settled() || self.last_plays == 0
    }

    /// Nothing can be played: a client has not dialled again. One that does not is started anew.
    async fn wait_for_calls(
        &mut self,
        calls: Option<watch::Receiver<u64>>,
        pairs: &mut [Pair],
        presence: &mut dyn Presence,
    ) -> Result<(), Over> {
        // Where nobody has to dial there is nothing left to vary.
        let mut calls = calls.ok_or(Over::Done)?;
        // One that we start has dialled all before the first case, and is back sooner than it would dial again.
        let wait = match self.is_used && presence.starts_it() {
            true => Duration::ZERO,
            false => CALLS_OVER_WAIT,
        };
        let left = wait.saturating_sub(self.unheard_since.elapsed());
        if let Ok(Ok(())) = timeout(left, calls.changed()).await {
            return Ok(());
        }
        self.unheard_since = Instant::now();
        self.is_used = false;
        presence.renew(pairs).await.map_err(Over::PeerGone)
    }

    async fn take(
        &mut self,
        search: &mut Search,
        pairs: &mut [Pair],
        presence: &mut dyn Presence,
        done: Done,
        tell: &mut dyn FnMut(Tidings<'_>),
    ) -> Result<(), Over> {
        let mut is_amiss = is_suspicious(&done) || presence.has_ended();
        // A peer that is silent to one may be so to all.
        if !is_amiss && is_kept_waiting(&done) {
            is_amiss = presence.hangs(pairs).await.is_some();
        }
        if !is_amiss {
            self.learn(search, done, tell);
            return Ok(());
        }
        // What else was under way may have done it.
        let mut suspects = vec![done];
        while let Some(joined) = self.running.join_next().await {
            match joined {
                Ok(done) if is_suspicious(&done) || is_kept_waiting(&done) => suspects.push(done),
                Ok(done) => self.learn(search, done, tell),
                Err(_) => {
                    return Err(Over::Broken(
                        "a variation crashed in the suite itself".to_owned(),
                    ));
                }
            }
        }
        let Some(how) = presence.end(pairs).await else {
            suspects
                .into_iter()
                .for_each(|done| self.learn(search, done, tell));
            return Ok(());
        };
        tell(Tidings::Gone);
        let mut unattributed = suspects.first().map(|done| done.trial.clone());
        for done in suspects {
            self.free(&done);
            presence.renew(pairs).await.map_err(Over::PeerGone)?;
            let (lane, base) = (done.lane, done.base.clone());
            let wait = self.options.sure.answer;
            if !pairs[0].peer.calls_within(wait, &base.scenario).await {
                continue;
            }
            let alone = play(
                lane,
                done.trial,
                base,
                pairs[0].clone(),
                self.options.clone(),
            )
            .await;
            let Some(how) = presence.end(pairs).await else {
                self.learn_of(search, alone, tell);
                continue;
            };
            unattributed = None;
            let difference = ended(&how, &alone.peer.seen, alone.base.scenario.role);
            let failed = failed_step(&alone.reference.verdict);
            let file = file_of(
                &alone.trial.variation,
                &alone.base.scenario,
                &alone.reference.trace,
                failed,
            );
            if let Some(departure) = search.ended_by(alone.trial, difference) {
                tell(Tidings::Departed(&departure, &file));
            }
        }
        if let Some(trial) = unattributed {
            let role = trial.variation.role;
            let mut difference = ended(&how, &Seen::default(), role);
            difference.key.push_str(", and no replay ends it");
            difference.seen.push_str("; played again alone it goes on");
            let file = search
                .stock()
                .base(&trial.variation.base, trial.variation.protocol);
            let file =
                file.map(|base| file_of(&trial.variation, &base.scenario, &Trace::default(), None));
            if let (Some(file), Some(departure)) = (file, search.ended_by(trial, difference)) {
                tell(Tidings::Departed(&departure, &file));
            }
        }
        if presence.end(pairs).await.is_some() {
            presence.renew(pairs).await.map_err(Over::PeerGone)?;
        }
        tell(Tidings::Back);
        Ok(())
    }

    fn free(&mut self, done: &Done) {
        self.idle.push(done.lane);
        self.busy
            .remove(&(done.base.scenario.id.clone(), done.base.protocol));
    }

    fn learn(&mut self, search: &mut Search, done: Done, tell: &mut dyn FnMut(Tidings<'_>)) {
        self.free(&done);
        self.learn_of(search, done, tell);
    }

    fn learn_of(&mut self, search: &mut Search, done: Done, tell: &mut dyn FnMut(Tidings<'_>)) {
        if done.peer.uncalled || done.reference.uncalled {
            return;
        }
        let variation = done.trial.variation.clone();
        let learnt = search.played(done.trial, &done.reference.seen, &done.peer.seen);
        if learnt.novel {
            tell(Tidings::Novel(&variation));
        }
        if let Some(departure) = &learnt.found {
            let failed = failed_step(&done.reference.verdict);
            let file = file_of(
                &variation,
                &done.base.scenario,
                &done.reference.trace,
                failed,
            );
            tell(Tidings::Departed(departure, &file));
        }
        let visited = model::Coverage::of(&done.peer.trace, variation.role);
        tell(Tidings::Played(search, &visited));
    }
}

fn is_suspicious(done: &Done) -> bool {
    is_broken_off(&done.peer.trace) && !is_broken_off(&done.reference.trace)
}

/// Whether the peer left something unanswered that the reference did not.
fn is_kept_waiting(done: &Done) -> bool {
    waited_in_vain(&done.peer.trace) && !waited_in_vain(&done.reference.trace)
}

fn failed_step(verdict: &Verdict) -> Option<usize> {
    match verdict {
        Verdict::Judged(findings) => findings
            .iter()
            .find_map(|finding| finding.step?.checked_sub(1)),
        Verdict::Inconclusive { .. } => None,
    }
}

fn ended(how: &str, seen: &Seen, role: Role) -> Difference {
    let (_, behind, _) = seen.marks().last().unwrap_or(("", "nothing", ""));
    Difference {
        key: format!("ends behind {behind}"),
        expected: "a peer that goes on".to_owned(),
        seen: format!("the peer ended: {how}"),
        step: seen.last_step,
        rule: Some(survives(role)),
    }
}
