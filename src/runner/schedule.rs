//! The order of a run: side by side what can be, alone what must be, each on a peer that is fit for it; and what becomes
//! of the cases when that peer crashes.

use std::{collections::VecDeque, sync::Arc, time::Instant};

use tokio::task::{JoinError, JoinSet};

use super::{
    Job, NotReached, Peers, RunOptions,
    claims::{is_of_state_service, judge_state_service},
    contact::contact,
    crash::{crashed_beside, with_crash},
    expectations::Expectations,
    play,
    played::{Played, Plays, Watched},
    repeat::merge,
    splice::play_spliced,
    starts::{asks_states, starts},
};
use crate::{
    actor::Patience,
    report::{CaseResult, Phases},
    scenario::{model::Scenario, splice::is_spliced},
    target::process::LOG_SHOWN_MAX,
    wire::{Role, RpcProtocol},
};

/// A run: what is played how often, and what is expected of it.
pub struct Schedule<'a> {
    /// How the cases are played. The URL is that of the peer of the moment.
    pub options: RunOptions,
    /// How long what is waited for, at least: the first contacts raise it.
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
    /// Where the time went.
    pub phases: Phases,
}

impl Schedule<'_> {
    /// Plays the jobs, one role after the other; each role has an honest session over each protocol first. `universe`
    /// are all jobs that there are, chosen or not: only where all that show a rule were played can it be said that
    /// nothing breaks it.
    ///
    /// # Errors
    /// [`NotReached`], where not one case was played.
    pub async fn play(mut self, jobs: Vec<Job>, universe: &[Job]) -> Result<Finished, NotReached> {
        let mut plays = Plays::default();
        let (spliced, jobs): (Vec<Job>, Vec<Job>) = jobs
            .into_iter()
            .partition(|job| is_spliced(&job.scenario.id));
        for role in [Role::Responder, Role::Initiator] {
            let jobs: Vec<Job> = jobs
                .iter()
                .filter(|job| job.scenario.role == role)
                .cloned()
                .collect();
            if jobs.is_empty() {
                continue;
            }
            let began = Instant::now();
            let reached = self.contact(role, &jobs).await;
            plays.phases.reaching += began.elapsed();
            match reached {
                Ok(()) => {
                    self.rounds(role, jobs.clone(), &mut plays).await;
                    self.take_leave(role, &jobs, &mut plays).await;
                }
                Err(why) if plays.results.is_empty() => return Err(why),
                Err(why) => self.give_up(jobs, &why.to_string(), &mut plays),
            }
        }
        let began = Instant::now();
        while let Some(played) = plays.lingering.join_next().await {
            match played {
                Ok(Played {
                    result,
                    crash: Some((how, log)),
                    ..
                }) => self.report(with_crash(result, &how, log), &mut plays),
                played => drop(self.take(played, &mut plays)),
            }
        }
        plays.phases.lingering = began.elapsed();
        self.peers.stop().await;
        let began = Instant::now();
        for _ in 0..self.repeat.max(1) {
            let (source, jobs) = (self.peers.source(), spliced.clone());
            let results = play_spliced(source, jobs, &self.options, self.patience).await;
            for result in results {
                self.report(result, &mut plays);
            }
        }
        plays.phases.alone += began.elapsed();
        let (lost, phases) = (plays.lost, plays.phases);
        let merged = merge(plays.results, self.expectations);
        Ok(Finished {
            results: self.expectations.close(merged, universe),
            notes: self.peers.take_notes(),
            lost,
            phases,
        })
    }

    /// One honest session over each protocol; the slowest sets the patience.
    async fn contact(&mut self, role: Role, jobs: &[Job]) -> Result<(), NotReached> {
        let played = jobs.iter().filter(|job| needs_peer(job)).cloned();
        let in_parts = self.peers.takes_parts();
        let first = starts(role, played.collect(), in_parts).into_iter().next();
        let first = first.map_or_else(Vec::new, |start| start.jobs);
        let begun = self.peers.begin(role, &cases_of(&first)).await;
        begun.map_err(|why| NotReached::not_started(role, why))?;
        // A host that nobody has called yet may be asked for all states; a client is calling already.
        let asked = if role == Role::Initiator {
            &first
        } else {
            jobs
        };
        self.reach(asked).await;
        let mut protocols: Vec<_> = jobs.iter().map(|job| job.protocol).collect();
        protocols.sort();
        protocols.dedup();
        let diagnosis = contact(&self.options, role, &protocols).await;
        if diagnosis.mistake().is_some() {
            return Err(NotReached {
                role,
                url: self.options.url.clone(),
                diagnosis,
                last_words: self.peers.last_words(),
            });
        }
        for check in diagnosis.notes() {
            let note = format!("{}: {}", check.step.name(), check.seen);
            self.peers.note(note);
        }
        let patience = Patience::from_round_trip(diagnosis.round_trip);
        self.patience.answer = self.patience.answer.max(patience.answer);
        self.patience.grace = self.patience.grace.max(patience.grace);
        Ok(())
    }

    async fn rounds(&mut self, role: Role, jobs: Vec<Job>, plays: &mut Plays) {
        for round in 0..self.repeat.max(1) {
            let mut jobs = jobs.clone();
            if round > 0 && !self.peers.can_renew() {
                let before = jobs.len();
                // A client's paths are taken once, and what changes the peer has changed it.
                jobs.retain(|job| role == Role::Responder && !job.scenario.alone);
                if jobs.len() < before {
                    self.peers.note(
                        "cases that change the peer, and those of a client, were played once: only a peer that is started \
                         by a command can be had fresh for each play"
                            .to_owned(),
                    );
                }
            }
            self.round(role, jobs, plays).await;
        }
    }

    async fn round(&mut self, role: Role, jobs: Vec<Job>, plays: &mut Plays) {
        let (skipped, jobs): (Vec<Job>, Vec<Job>) =
            jobs.into_iter().partition(|job| job.skip.is_some());
        for job in skipped {
            let result = play(job, &self.options, self.patience).await;
            self.report(result, plays);
        }
        let (of_state_service, jobs): (Vec<Job>, Vec<Job>) =
            jobs.into_iter().partition(is_of_state_service);
        for job in of_state_service {
            let result = judge_state_service(job, self.peers.state_service());
            self.report(result, plays);
        }
        for start in starts(role, jobs, self.peers.takes_parts()) {
            let cases = cases_of(&start.jobs);
            let began = Instant::now();
            let renewed = self.peers.renew(role, &cases).await;
            self.reach(&start.jobs).await;
            self.peers.reset(role, &cases).await;
            plays.phases.reaching += began.elapsed();
            let began = Instant::now();
            match renewed {
                Err(why) => self.give_up(start.jobs, &why, plays),
                Ok(()) if start.alone => {
                    self.one_by_one(role, start.jobs, &[], plays).await;
                    plays.phases.alone += began.elapsed();
                }
                Ok(()) => {
                    let waiting = start.jobs.into();
                    self.together(role, waiting, start.at_once_max, plays).await;
                    plays.phases.together += began.elapsed();
                }
            }
        }
    }

    async fn reach(&mut self, jobs: &[Job]) {
        let protocol = protocol_of(jobs);
        let asks_states = jobs.iter().any(asks_states);
        self.peers
            .reach(&mut self.options, asks_states, protocol)
            .await;
    }

    async fn restart(&mut self, role: Role, jobs: &[Job]) -> Result<(), String> {
        let cases = cases_of(jobs);
        let (options, protocol) = (&self.options, protocol_of(jobs));
        self.peers.restart(role, &cases, options, protocol).await?;
        self.reach(jobs).await;
        Ok(())
    }

    /// Side by side. Where the peer crashes, each of those that were under way is played by itself on a fresh peer, so
    /// that the crash costs the case that causes it, and no other.
    async fn together(
        &mut self,
        role: Role,
        mut waiting: VecDeque<Job>,
        at_once_max: usize,
        plays: &mut Plays,
    ) {
        loop {
            let suspects = self.wave(&mut waiting, at_once_max, plays).await;
            let Some(how) = self.peers.end() else {
                return;
            };
            let log = self.last_lines();
            let left: Vec<Job> = suspects.iter().chain(&waiting).cloned().collect();
            let named = named(&suspects);
            if let Err(why) = self.restart(role, &left).await {
                let reason = format!("under way: {named}; {}", plays.ended_last());
                self.report(crashed_beside(role, &how, reason, log), plays);
                self.give_up(left, &why, plays);
                return;
            }
            let rest: Vec<Job> = waiting.iter().cloned().collect();
            if !self.one_by_one(role, suspects, &rest, plays).await {
                let reason = format!(
                    "none of those that were under way does it alone: {named}; {}",
                    plays.ended_last()
                );
                self.report(crashed_beside(role, &how, reason, log), plays);
            }
            if waiting.is_empty() {
                return;
            }
            if self.peers.end().is_some()
                && let Err(why) = self.restart(role, &rest).await
            {
                self.give_up(rest, &why, plays);
                return;
            }
        }
    }

    /// Plays side by side until all are played or the peer has crashed. What the crash has spoilt comes back. Those that
    /// take long by themselves begin first; where their peer stays for them, they are left to end beside what follows.
    async fn wave(
        &mut self,
        waiting: &mut VecDeque<Job>,
        at_once_max: usize,
        plays: &mut Plays,
    ) -> Vec<Job> {
        let mut tasks = JoinSet::new();
        let mut spoilt = Vec::new();
        waiting
            .make_contiguous()
            .sort_by_key(|job| !takes_long(&job.scenario));
        loop {
            while tasks.len() < at_once_max
                && tasks.len() + plays.lingering.len() < self.options.at_once.max(1)
                && self.peers.end().is_none()
                && let Some(job) = waiting.pop_front()
            {
                match takes_long(&job.scenario) {
                    true => plays.lingering.spawn(self.watched(job)),
                    false => tasks.spawn(self.watched(job)),
                };
            }
            if waiting.is_empty() && tasks.is_empty() && self.peers.outlives_its_successor() {
                return spoilt;
            }
            let played = tokio::select! {
                Some(played) = tasks.join_next() => played,
                Some(played) = plays.lingering.join_next() => played,
                else => return spoilt,
            };
            spoilt.extend(self.take(played, plays));
        }
    }

    /// Takes note of a play that is over; the job comes back if a crash has spoilt it.
    fn take(&mut self, played: Result<Played, JoinError>, plays: &mut Plays) -> Option<Job> {
        match played {
            Ok(played) if played.crash.is_some() => return Some(played.job),
            Ok(played) => self.report(played.result, plays),
            Err(_) => plays.lost += 1,
        }
        None
    }

    /// One after the other; a peer that is started meanwhile is given what `later` needs too. Says whether one of them
    /// crashed the peer.
    async fn one_by_one(
        &mut self,
        role: Role,
        jobs: Vec<Job>,
        later: &[Job],
        plays: &mut Plays,
    ) -> bool {
        let mut any = false;
        let mut jobs: VecDeque<Job> = jobs.into();
        while let Some(job) = jobs.pop_front() {
            if self.peers.end().is_some() {
                let left = std::iter::once(&job).chain(&jobs).chain(later).cloned();
                if let Err(why) = self.restart(role, &left.collect::<Vec<_>>()).await {
                    jobs.push_front(job);
                    self.give_up(jobs.into(), &why, plays);
                    return any;
                }
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
        let peer = Watched {
            process: self.peers.process(),
            gone: self.peers.gone(job.scenario.role),
        };
        peer.play(job, self.options.clone(), self.patience)
    }

    /// One more honest session: the last cases have nobody behind them who would miss the host.
    async fn take_leave(&mut self, role: Role, jobs: &[Job], plays: &mut Plays) {
        if self.peers.end().is_none()
            && let Some(gone) = self.peers.gone(role)
            && let Some(how) = gone.look_anyway(&self.options, protocol_of(jobs)).await
        {
            let reason = format!("seen after the last case; {}", plays.ended_last());
            let log = self.last_lines();
            self.report(crashed_beside(role, &how, reason, log), plays);
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

/// Whether a job is played on the peer, rather than skipped or judged by what is known already.
fn needs_peer(job: &Job) -> bool {
    job.skip.is_none() && !is_of_state_service(job)
}

fn cases_of(jobs: &[Job]) -> Vec<Arc<Scenario>> {
    jobs.iter().map(|job| job.scenario.clone()).collect()
}

/// Whether a step of it may take longer than any answer does: a deadline of the protocol is waited for.
fn takes_long(scenario: &Scenario) -> bool {
    let mut waits = scenario.steps.iter().filter_map(|step| step.within);
    waits.any(|within| within > Patience::ANSWER_MIN)
}

/// The cases by their ids and protocols.
fn named(jobs: &[Job]) -> String {
    let name = |job: &Job| format!("{} over {}", job.scenario.id, job.protocol);
    jobs.iter().map(name).collect::<Vec<_>>().join(", ")
}

fn protocol_of(jobs: &[Job]) -> RpcProtocol {
    jobs.first()
        .map_or(RpcProtocol::Connect, |job| job.protocol)
}
