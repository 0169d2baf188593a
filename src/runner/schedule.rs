//! The order of a run: side by side what can be, alone what must be, each on a peer that is fit for it; and what becomes
//! of the cases when that peer crashes.

use std::{collections::VecDeque, sync::Arc, time::Instant};

use tokio::task::JoinSet;

use super::{
    Job, Peers, RunOptions, expectations::Expectations, peers::crash_of, play, repeat::merge,
};
use crate::{
    actor::Patience,
    judge::Finding,
    report::{CaseResult, Outcome},
    rules::RuleId,
    target::{outlives_scenario, process::LOG_SHOWN_MAX},
    trace::{End, EventKind, Trace},
    wire::Role,
};

/// A run: what is played how often, and what is expected of it.
pub struct Schedule<'a> {
    /// How the cases are played. The URL is that of the peer of the moment.
    pub options: RunOptions,
    /// How long what is waited for.
    pub patience: Patience,
    /// Who is tested.
    pub peers: Peers,
    /// What is known of its failures.
    pub expectations: &'a Expectations,
    /// How often everything is played.
    pub repeat: usize,
    /// Hears of each play as it ends.
    pub tell: &'a mut dyn FnMut(&CaseResult),
}

/// What a run came to.
pub struct Finished {
    /// One result for each case, role and protocol, in the order of ids.
    pub results: Vec<CaseResult>,
    /// What is worth telling beside them.
    pub notes: Vec<String>,
    /// Cases that ended in a fault of the suite, and so have no result.
    pub lost: usize,
}

impl Schedule<'_> {
    /// Plays the jobs. `universe` are all that there are, chosen or not: only where all that show a rule were played can
    /// it be said that nothing breaks it.
    pub async fn play(mut self, jobs: Vec<Job>, universe: &[Job]) -> Finished {
        let mut plays = Plays::default();
        for round in 0..self.repeat.max(1) {
            let mut jobs = jobs.clone();
            if round > 0 && !self.peers.can_renew() {
                let before = jobs.len();
                jobs.retain(|job| !job.scenario.alone);
                if jobs.len() < before {
                    self.peers.note(
                        "cases that change the peer were played once: only a peer that is started by a command can be had \
                         fresh for each play"
                            .to_owned(),
                    );
                }
            }
            self.round(jobs, &mut plays).await;
        }
        self.peers.stop().await;
        let lost = plays.lost;
        let merged = merge(plays.results, self.expectations);
        let results = self.expectations.close(merged, universe);
        Finished {
            results,
            notes: self.peers.take_notes(),
            lost,
        }
    }

    async fn round(&mut self, jobs: Vec<Job>, plays: &mut Plays) {
        let (skipped, jobs): (Vec<Job>, Vec<Job>) =
            jobs.into_iter().partition(|job| job.skip.is_some());
        for job in skipped {
            let result = play(job, &self.options, self.patience).await;
            self.report(result, plays);
        }
        let (alone, together): (Vec<Job>, Vec<Job>) =
            jobs.into_iter().partition(|job| job.scenario.alone);
        if !together.is_empty() {
            match self.renew().await {
                Ok(()) => self.together(together.into(), plays).await,
                Err(why) => self.give_up(together, &why, plays),
            }
        }
        if !alone.is_empty() {
            match self.renew().await {
                Ok(()) => {
                    self.one_by_one(alone, plays).await;
                }
                Err(why) => self.give_up(alone, &why, plays),
            }
        }
    }

    async fn renew(&mut self) -> Result<(), String> {
        self.peers.renew().await?;
        self.peers.url().clone_into(&mut self.options.url);
        Ok(())
    }

    async fn restart(&mut self) -> Result<(), String> {
        self.peers.restart().await?;
        self.peers.url().clone_into(&mut self.options.url);
        Ok(())
    }

    /// Side by side. Where the peer crashes, each of those that were under way is played by itself on a fresh peer, so
    /// that the crash costs the case that causes it, and no other.
    async fn together(&mut self, mut waiting: VecDeque<Job>, plays: &mut Plays) {
        while !waiting.is_empty() {
            let suspects = self.wave(&mut waiting, plays).await;
            let Some(how) = self.peers.end() else {
                return;
            };
            let log = self.last_lines();
            if let Err(why) = self.restart().await {
                self.give_up(suspects.into_iter().chain(waiting).collect(), &why, plays);
                return;
            }
            let count = suspects.len();
            if !self.one_by_one(suspects, plays).await {
                self.report(crashed_beside(&how, count, log), plays);
            }
            if self.peers.end().is_some()
                && let Err(why) = self.restart().await
            {
                self.give_up(waiting.into(), &why, plays);
                return;
            }
        }
    }

    /// Plays side by side until all are played or the peer has crashed. What the crash has spoilt comes back.
    async fn wave(&mut self, waiting: &mut VecDeque<Job>, plays: &mut Plays) -> Vec<Job> {
        let mut tasks = JoinSet::new();
        let mut spoilt = Vec::new();
        loop {
            while tasks.len() < self.options.at_once.max(1)
                && self.peers.end().is_none()
                && let Some(job) = waiting.pop_front()
            {
                tasks.spawn(self.watched(job));
            }
            match tasks.join_next().await {
                None => return spoilt,
                Some(Ok(played)) if played.crash.is_some() => spoilt.push(played.job),
                Some(Ok(played)) => self.report(played.result, plays),
                Some(Err(_)) => plays.lost += 1,
            }
        }
    }

    /// One after the other. Says whether one of them crashed the peer.
    async fn one_by_one(&mut self, jobs: Vec<Job>, plays: &mut Plays) -> bool {
        let mut any = false;
        let mut jobs = jobs.into_iter();
        while let Some(job) = jobs.next() {
            if self.peers.end().is_some()
                && let Err(why) = self.restart().await
            {
                let rest = std::iter::once(job).chain(jobs);
                self.give_up(rest.collect(), &why, plays);
                return any;
            }
            // A panic of ours within it is caught where it is spawned.
            let Ok(played) = tokio::spawn(self.watched(job)).await else {
                plays.lost += 1;
                continue;
            };
            match played.crash {
                None => self.report(played.result, plays),
                Some((how, log)) => {
                    any = true;
                    self.report(with_crash(played.result, &how, log), plays);
                }
            }
        }
        any
    }

    /// One play, and whether the peer crashed under it.
    fn watched(&self, job: Job) -> impl Future<Output = Played> + Send + 'static {
        let (options, patience, process) =
            (self.options.clone(), self.patience, self.peers.process());
        async move {
            let started = Instant::now();
            let mut result = play(job.clone(), &options, patience).await;
            let mut crash = None;
            if let Some(process) = process {
                if is_cut_off(&result.trace) {
                    crash = crash_of(&process).await;
                } else if let Some(how) = process.end()
                    && !is_clean(&result)
                {
                    crash = Some((how, process.log().last(LOG_SHOWN_MAX)));
                }
                if !is_clean(&result) {
                    result.peer_log = process.log().since(started, LOG_SHOWN_MAX);
                }
            }
            if is_clean(&result) {
                // It has proved its claim, and its last step found the peer alive.
                crash = None;
            }
            Played { job, result, crash }
        }
    }

    fn give_up(&mut self, jobs: Vec<Job>, why: &str, plays: &mut Plays) {
        for job in jobs {
            let result = CaseResult::inconclusive(job.scenario, job.protocol, why.to_owned());
            self.report(result, plays);
        }
    }

    fn report(&mut self, mut result: CaseResult, plays: &mut Plays) {
        self.expectations.fold(&mut result);
        (self.tell)(&result);
        plays.results.push(result);
    }

    fn last_lines(&self) -> Vec<String> {
        let process = self.peers.process();
        process.map_or_else(Vec::new, |process| process.log().last(LOG_SHOWN_MAX))
    }
}

#[derive(Default)]
struct Plays {
    results: Vec<CaseResult>,
    lost: usize,
}

struct Played {
    job: Job,
    result: CaseResult,
    /// How the peer ended under it, and what it printed last.
    crash: Option<(String, Vec<String>)>,
}

fn is_clean(result: &CaseResult) -> bool {
    result.outcome == Outcome::Passed && result.findings.is_empty()
}

/// Whether a connection was lost, or none could be had: what a crash looks like from outside.
fn is_cut_off(trace: &Trace) -> bool {
    trace.events.iter().any(|event| {
        matches!(
            event.kind,
            EventKind::NotOpened(_)
                | EventKind::NotSent(_)
                | EventKind::Ended(End::Lost { .. } | End::NoStatus | End::Reset { .. })
        )
    })
}

/// What a case came to under which the peer crashed.
fn with_crash(mut result: CaseResult, how: &str, log: Vec<String>) -> CaseResult {
    let rule = match result.scenario.role {
        Role::Responder => RuleId::ResponderSurvives,
        Role::Initiator => RuleId::InitiatorSurvives,
    };
    result.findings.retain(|finding| finding.rule != rule);
    result.findings.push(Finding {
        rule,
        step: None,
        expected: "the peer's process to go on".to_owned(),
        seen: format!("the peer crashed: its process ended with {how}"),
        location: result.scenario.location.clone(),
        event: result.trace.events.len().checked_sub(1),
    });
    result.outcome = Outcome::Failed;
    result.reason = None;
    result.peer_log = log;
    result
}

/// What stands in the results for a crash that no single case causes.
fn crashed_beside(how: &str, cases: usize, log: Vec<String>) -> CaseResult {
    let scenario = Arc::new(outlives_scenario());
    let protocol = crate::wire::RpcProtocol::Connect;
    let mut result = CaseResult::inconclusive(scenario, protocol, String::new());
    result.outcome = Outcome::Failed;
    let mut result = with_crash(result, how, log);
    result.reason = Some(format!(
        "{cases} case(s) were under way when the peer crashed, and none of them crashes it alone"
    ));
    result
}
