//! Campaigns against a live peer: walks of the model, several dialogues at a time, one where something may end the peer,
//! and on once it is back; and [`variations`] of the cases, beside the reference.

mod presence;
mod trial;
pub mod variations;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::task::JoinSet;

pub use presence::{Always, Elsewhere, Presence, RETURN_WAIT};
use variations::Pair;

use super::{Inside, Reach, drive};
use crate::{
    actor::{Actor, Patience},
    campaign::{Campaign, Dialogue, Finding, Key, Script, Task, lane_scenario, script},
    judge::{self, Verdict, judge},
    model,
    rules::RuleId,
    scenario::model::Scenario,
    trace::{End, EventKind, Trace},
    wire::{Role, RpcProtocol},
};

/// Plays after the time is up that may still make a finding shorter.
const LAST_PLAYS_MAX: u64 = 400;

/// How a campaign is played.
pub struct CampaignOptions {
    /// RPC protocols, spoken in turn.
    pub protocols: Vec<RpcProtocol>,
    /// Dialogues at a time, each with an identity of its own.
    pub lanes: usize,
    /// How long.
    pub time: Duration,
    /// How many dialogues at most.
    pub plays_max: Option<u64>,
    /// Set by whoever wants it to be over; what was found is kept.
    pub stop: Arc<AtomicBool>,
}

/// What happens in a campaign.
pub enum News<'a> {
    /// A dialogue showed something new.
    Novel(&'a Dialogue),
    /// A rule was found broken, or by a shorter dialogue than before.
    Found(&'a Finding),
    /// A finding turned out to be another one that is known.
    Dropped(&'a Key),
    /// The peer ended, and is waited for.
    Gone,
    /// It is back.
    Back,
    /// One more dialogue was played.
    Played(&'a Campaign),
}

/// How a campaign ended.
#[derive(Debug)]
pub enum Over {
    /// Its time was up, or it was told to stop.
    Done,
    /// The peer ended and did not come back; what was seen.
    PeerGone(String),
    /// A dialogue could not be made into a scenario, which is the suite's own fault.
    Broken(String),
}

/// The id of a lane, from which its identity follows.
pub fn lane_id(lane: usize) -> String {
    format!("fuzz/lane-{lane}")
}

/// A scenario that needs what every dialogue of a lane needs.
pub fn lane_fixture(lane: usize, protocol: RpcProtocol) -> Scenario {
    use crate::{
        campaign::{Begin, Saying, Turn},
        model::{Item, Message},
    };
    // A heartbeat behind a fault: a probe is part of it.
    let dialogue = Dialogue {
        begin: Begin::Established,
        turns: vec![Turn {
            say: Saying::Message(Message::Item(Item::SetConfig)),
            shown: true,
        }],
    };
    let script = script(&dialogue).expect("a session may refuse a set_config");
    lane_scenario(&script, &lane_id(lane), protocol, 0).expect("a test plays this scenario")
}

/// Plays until the time is up.
pub async fn play_campaign(
    campaign: &mut Campaign,
    pairs: &mut [Pair],
    presence: &mut dyn Presence,
    options: &CampaignOptions,
    patience: Patience,
    tell: &mut dyn FnMut(News<'_>),
) -> Over {
    let mut driver = Driver {
        options,
        patience,
        pairs,
        presence,
        started: Instant::now(),
        running: JoinSet::new(),
        idle: (0..options.lanes.max(1)).rev().collect(),
        held: None,
        last_plays: LAST_PLAYS_MAX,
    };
    loop {
        if let Err(over) = driver.start_what_can_be(campaign) {
            return over;
        }
        let Some(joined) = driver.running.join_next().await else {
            return Over::Done;
        };
        let Ok(done) = joined else {
            return Over::Broken("a dialogue crashed in the suite itself".to_owned());
        };
        if let Err(over) = driver.take(campaign, done, tell).await {
            return over;
        }
    }
}

struct Driver<'a> {
    options: &'a CampaignOptions,
    pairs: &'a mut [Pair],
    presence: &'a mut dyn Presence,
    patience: Patience,
    started: Instant,
    running: JoinSet<Done>,
    idle: Vec<usize>,
    /// A task that wants to be alone waits here for the others.
    held: Option<Task>,
    last_plays: u64,
}

/// One dialogue, played.
struct Done {
    lane: usize,
    task: Task,
    script: Script,
    trace: Trace,
    verdict: Verdict,
}

impl Driver<'_> {
    fn start_what_can_be(&mut self, campaign: &mut Campaign) -> Result<(), Over> {
        while !self.idle.is_empty() {
            if self.held.is_none() {
                if self.is_over(campaign) {
                    return Ok(());
                }
                self.held = Some(campaign.next_task());
            }
            let alone = self.held.as_ref().is_some_and(|task| task.alone);
            if alone && !self.running.is_empty() {
                return Ok(());
            }
            let Some(task) = self.held.take() else {
                return Ok(());
            };
            // What is alone finds every lane idle.
            let wanted = self.idle.iter().position(|lane| task.lane == Some(*lane));
            let lane = self.idle.remove(wanted.unwrap_or(self.idle.len() - 1));
            self.spawn(task, lane)?;
            if alone {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Over at once when it was told to stop; a little later when its time is up and a finding can still be made shorter.
    fn is_over(&mut self, campaign: &Campaign) -> bool {
        if self.options.stop.load(Ordering::Relaxed) {
            return true;
        }
        let enough = self
            .options
            .plays_max
            .is_some_and(|max| campaign.played_count() >= max);
        if !enough && self.started.elapsed() < self.options.time {
            return false;
        }
        self.last_plays = self.last_plays.saturating_sub(1);
        campaign.is_settled() || self.last_plays == 0
    }

    fn spawn(&mut self, task: Task, lane: usize) -> Result<(), Over> {
        let protocols = &self.options.protocols;
        let protocol = protocols[task.number as usize % protocols.len()];
        let made =
            script(&task.dialogue).ok_or_else(|| format!("{:?} makes no sense", task.dialogue));
        let made = made.and_then(|script| {
            let scenario = lane_scenario(&script, &lane_id(lane), protocol, task.number + 1);
            let scenario = scenario.map_err(|errors| {
                errors
                    .iter()
                    .map(|error| error.render())
                    .collect::<String>()
            });
            Ok((script, scenario?))
        });
        let (script, scenario) = made.map_err(Over::Broken)?;
        let options = self.pairs[0].peer.clone();
        let patience = self.patience;
        self.running.spawn(async move {
            let entropy = options.entropy(&format!("fuzz/{}", task.number), protocol);
            let actor = Actor::new(&scenario, entropy, options.kem_id, patience);
            let mut reach = Reach::Dial(options.dial(protocol));
            let trace = drive(actor, &mut reach, &Inside::default()).await.trace;
            let verdict = judge(&scenario, &trace);
            Done {
                lane,
                task,
                script,
                trace,
                verdict,
            }
        });
        Ok(())
    }

    async fn take(
        &mut self,
        campaign: &mut Campaign,
        done: Done,
        tell: &mut dyn FnMut(News<'_>),
    ) -> Result<(), Over> {
        let mut how = None;
        if waited_in_vain(&done.trace) {
            // A peer that is silent to one may be so to all.
            how = self.presence.hangs(self.pairs).await;
        }
        if !is_broken_off(&done.trace) && how.is_none() {
            self.learn(campaign, done, tell);
            return Ok(());
        }
        let mut broken_off = vec![done];
        while let Some(joined) = self.running.join_next().await {
            let Ok(done) = joined else {
                return Err(Over::Broken(
                    "a dialogue crashed in the suite itself".to_owned(),
                ));
            };
            match is_broken_off(&done.trace) || how.is_some() && waited_in_vain(&done.trace) {
                true => broken_off.push(done),
                false => self.learn(campaign, done, tell),
            }
        }
        if how.is_none() {
            how = self.presence.end(self.pairs).await;
        }
        let is_gone = how.is_some();
        if is_gone {
            tell(News::Gone);
        }
        let outcome = match is_gone {
            true => self.presence.renew(self.pairs).await,
            false => Ok(()),
        };
        self.blame(campaign, broken_off, how.as_deref(), tell);
        if let Err(why) = outcome {
            return Err(Over::PeerGone(why));
        }
        if is_gone {
            tell(News::Back);
        }
        Ok(())
    }

    /// One dialogue is looked into turn by turn. Of several, each is played alone first.
    fn blame(
        &mut self,
        campaign: &mut Campaign,
        broken_off: Vec<Done>,
        how: Option<&str>,
        tell: &mut dyn FnMut(News<'_>),
    ) {
        let several = broken_off.len() > 1;
        let mut suspects = Vec::new();
        for done in broken_off {
            self.idle.push(done.lane);
            if several {
                suspects.push(done.task);
                continue;
            }
            let told = judge::Finding {
                rule: RuleId::ResponderSurvives,
                step: None,
                expected: "a peer that goes on".to_owned(),
                seen: match how {
                    Some(how) => format!("behind this dialogue it is gone: {how}"),
                    None => "its connections broke off within this dialogue".to_owned(),
                },
                location: crate::scenario::model::Location {
                    file: lane_id(done.lane),
                    line: 1,
                    column: 1,
                },
                event: None,
            };
            if let Some(finding) = campaign.ended_by(&done.task, &done.script, told) {
                tell(News::Found(&finding));
            }
        }
        campaign.suspect(suspects);
    }

    fn learn(&mut self, campaign: &mut Campaign, done: Done, tell: &mut dyn FnMut(News<'_>)) {
        self.idle.push(done.lane);
        let dialogue = done.task.dialogue.clone();
        let played = campaign.played(
            done.task,
            done.lane,
            &done.script,
            &done.trace,
            &done.verdict,
        );
        if played.novel {
            tell(News::Novel(&dialogue));
        }
        for finding in &played.found {
            tell(News::Found(finding));
        }
        for key in &played.dropped {
            tell(News::Dropped(key));
        }
        tell(News::Played(campaign));
    }
}

/// Whether a stream could not be opened, or went with its connection: signs that the process has ended.
fn is_broken_off(trace: &Trace) -> bool {
    trace.events.iter().any(|event| {
        matches!(
            event.kind,
            EventKind::NotOpened(_) | EventKind::Ended(End::Lost { .. })
        )
    })
}

/// Whether something was waited for until its time was up.
fn waited_in_vain(trace: &Trace) -> bool {
    let in_vain = |kind: &EventKind| matches!(kind, EventKind::DeadlinePassed { .. });
    trace.events.iter().any(|event| in_vain(&event.kind))
}

/// The scenarios that together need what a campaign of so many lanes needs.
pub fn lane_fixtures(lanes: usize) -> Vec<Scenario> {
    let lanes = 0..lanes.max(1);
    lanes
        .flat_map(|lane| RpcProtocol::ALL.map(|protocol| lane_fixture(lane, protocol)))
        .collect()
}

/// What was visited, for a report: by walks each state, saying, outcome and count; by variations how much of the model.
pub fn coverage_json(
    campaign: &Campaign,
    role: Role,
    visited: &model::Coverage,
) -> serde_json::Value {
    let mut states: BTreeMap<String, Vec<serde_json::Value>> = BTreeMap::new();
    for (state, saying, outcome, count) in campaign.coverage().iter() {
        let visit = serde_json::json!({ "said": saying, "outcome": outcome, "count": count });
        states.entry(state.name()).or_default().push(visit);
    }
    let share = visited.share(role);
    serde_json::json!({
        "schema": 2,
        "role": role.name(),
        "walks": {
            "dialogues": campaign.played_count(),
            "states": states,
            "unvisited": campaign.unvisited().iter().map(|state| state.name()).collect::<Vec<_>>(),
        },
        "variations": {
            "states": share.states,
            "states-all": share.states_all,
            "cells": share.cells,
            "cells-all": share.cells_all,
            "transitions-beyond": share.beyond,
        },
    })
}
