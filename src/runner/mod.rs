//! From scenarios to results: which cases are played, how many at once, and what each came to.

mod calls;
pub mod campaign;
mod claims;
mod contact;
mod crash;
pub mod doctor;
mod drive;
mod expectations;
mod gone;
pub mod hook;
mod looking;
mod looks;
mod not_reached;
mod passing;
mod peers;
mod plan;
mod played;
mod reference;
mod repeat;
mod schedule;
mod shard;
mod splice;
mod starts;
mod streams;
mod stress;
mod switchboard;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{sync::Semaphore, task::JoinSet};

pub use calls::Calls;
pub use contact::contact;
pub use drive::{Driven, Watch, drive, drive_watched};
pub use expectations::Expectations;
pub use looking::{CommandHookPlan, HookPlan, LookPlan};
pub use looks::{Inside, Looks, StateService};
pub use not_reached::{NotReached, NotStarted};
pub use peers::{Peers, Source};
pub use plan::{Job, Selection, plan, plan_claims, skip_what_it_lacks};
pub use reference::{
    Reference, StartError, reference_config, start_host, start_reference, start_reference_client,
};
pub use schedule::{Finished, Schedule};
pub use shard::Shard;
pub use splice::{plan_spliced, play_spliced};
pub use starts::asks_states;
pub use streams::Reach;
pub use stress::{STRESS_MAX, Stress};
pub use switchboard::{CALL_WAIT, Caller, FIRST_CALL_WAIT, Switchboard};

use crate::{
    actor::{Actor, Entropy, Patience},
    crypto::kem::KemId,
    judge::judge,
    net::{DialOptions, TlsRoots},
    report::{CaseResult, Spent},
    rules::Level,
    scenario::model::Scenario,
    wire::{Role, RpcProtocol},
};

/// Cases played at once where nothing else is asked for: most of a case is waiting.
pub const JOBS_AT_ONCE: usize = 16;

/// Longer than anybody sits at a debugger.
const UNHURRIED: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// How a run is played.
#[derive(Clone)]
pub struct RunOptions {
    /// URL of the peer under test, where it is a host.
    pub url: String,
    /// Where the peer under test dials us, where it is a client.
    pub switchboard: Option<Arc<Switchboard>>,
    /// Whose certificates are trusted.
    pub tls_roots: TlsRoots,
    /// Seed of all our randomness.
    pub seed: u64,
    /// Cases played at once.
    pub at_once: usize,
    /// The weakest rules whose breaking fails a case.
    pub held_to: Level,
    /// Which reading of the KEM id we follow.
    pub kem_id: KemId,
    /// What looks inside the peer, where it is a host.
    pub looks: Looks,
    /// The same, where it is a client.
    pub client_looks: Looks,
}

impl RunOptions {
    /// One case at a time, with a peer of which nothing is known yet.
    pub fn new(seed: u64, held_to: Level) -> RunOptions {
        RunOptions {
            url: String::new(),
            switchboard: None,
            tls_roots: TlsRoots::default(),
            seed,
            at_once: 1,
            held_to,
            kem_id: KemId::default(),
            looks: Looks::default(),
            client_looks: Looks::default(),
        }
    }

    /// How the peer is dialled over one RPC protocol.
    pub fn dial(&self, protocol: RpcProtocol) -> DialOptions {
        DialOptions {
            tls_roots: self.tls_roots.clone(),
            ..DialOptions::new(self.url.clone(), protocol)
        }
    }

    fn entropy(&self, case: &str, protocol: RpcProtocol) -> Entropy {
        Entropy::new(self.seed, &format!("{case}/{protocol}"))
    }
}

impl RunOptions {
    fn patience_for(&self, scenario: &Scenario, usual: Patience) -> Patience {
        let switchboard = self.switchboard.as_ref();
        let longer = switchboard
            .filter(|_| scenario.role == Role::Initiator)
            .map_or(Duration::ZERO, |calls| calls.redial_wait(scenario));
        Patience {
            answer: usual.answer + longer,
            ..usual
        }
    }

    /// Our side of a case.
    fn actor<'a>(
        &self,
        scenario: &'a Scenario,
        protocol: RpcProtocol,
        patience: Patience,
    ) -> Actor<'a> {
        let entropy = self.entropy(&scenario.id, protocol);
        let actor = Actor::new(scenario, entropy, self.kem_id, patience);
        let switchboard = self.switchboard.as_ref();
        let from_outside = switchboard.is_some_and(|calls| calls.is_called_from_outside());
        match from_outside && scenario.alone && scenario.role == Role::Initiator {
            true => actor.whose_client_redials(),
            false => actor,
        }
    }

    /// Whether a client has dialled all that a case is dialled at; a host can always be dialled.
    fn is_called_for(&self, scenario: &Scenario) -> bool {
        let switchboard = self.switchboard.as_ref();
        scenario.role == Role::Responder
            || switchboard.is_some_and(|switchboard| switchboard.is_called_for(scenario))
    }

    /// Waits until [`Self::is_called_for`] holds; `false` where it still does not when the time is up.
    async fn calls_within(&self, limit: Duration, scenario: &Scenario) -> bool {
        match (scenario.role, &self.switchboard) {
            (Role::Responder, _) => true,
            (Role::Initiator, Some(switchboard)) => switchboard.calls_within(limit, scenario).await,
            (Role::Initiator, None) => false,
        }
    }

    /// A case was played, and may be played once more.
    fn call_again(&self, scenario: &Scenario) {
        if let (Role::Initiator, Some(switchboard)) = (scenario.role, &self.switchboard) {
            switchboard.expect_again(scenario);
        }
    }

    fn looks_of(&self, scenario: &Scenario) -> &Looks {
        match scenario.role {
            Role::Responder => &self.looks,
            Role::Initiator => &self.client_looks,
        }
    }

    /// Why a case cannot be played, for want of something that looks inside the peer.
    fn lacks(&self, scenario: &Scenario) -> Option<String> {
        match (scenario.role, &self.switchboard) {
            (Role::Initiator, Some(calls)) if calls.looks_inside() => None,
            _ => self.looks_of(scenario).lacks(scenario),
        }
    }

    /// What looks inside the peer of a case, ready to be asked.
    fn inside(&self, scenario: &Scenario, protocol: RpcProtocol, reach: &Reach) -> Inside {
        let of_the_case = match reach {
            Reach::Called(calls) => calls.looks(),
            Reach::Dial(_) => None,
        };
        Inside {
            looks: of_the_case.unwrap_or(self.looks_of(scenario)).clone(),
            dial: self.dial(protocol),
        }
    }

    async fn reach(&self, scenario: &Scenario, protocol: RpcProtocol) -> Result<Reach, String> {
        match (scenario.role, &self.switchboard) {
            (Role::Responder, _) => Ok(Reach::Dial(self.dial(protocol))),
            (Role::Initiator, Some(switchboard)) => {
                let calls = switchboard.calls_for(scenario, protocol).await;
                calls.map(Reach::Called).map_err(|error| error.to_string())
            }
            (Role::Initiator, None) => Err("no client can dial: nothing listens".to_owned()),
        }
    }
}

/// Calls the state service once.
///
/// # Errors
/// Why it is of no use, in words.
pub async fn try_state_service(inside: &Inside) -> Result<(), String> {
    inside.try_state_service().await
}

/// Plays the jobs: side by side, then those that want to be alone. `tell` hears of each result as it comes.
pub async fn run(
    jobs: Vec<Job>,
    options: &RunOptions,
    patience: Patience,
    tell: &mut dyn FnMut(&CaseResult),
) -> Vec<CaseResult> {
    let mut results = Vec::with_capacity(jobs.len());
    let (alone, together): (Vec<Job>, Vec<Job>) =
        jobs.into_iter().partition(|job| job.scenario.alone);
    let permits = Arc::new(Semaphore::new(options.at_once.max(1)));
    let mut tasks = JoinSet::new();
    for job in together {
        let (permits, options) = (permits.clone(), options.clone());
        tasks.spawn(async move {
            // The semaphore is never closed.
            let _permit = permits.acquire().await;
            play(job, &options, patience).await
        });
    }
    while let Some(joined) = tasks.join_next().await {
        if let Ok(result) = joined {
            tell(&result);
            results.push(result);
        }
    }
    for job in alone {
        let result = play(job, options, patience).await;
        tell(&result);
        results.push(result);
    }
    results.sort_by(|a, b| (&a.scenario.id, a.protocol).cmp(&(&b.scenario.id, b.protocol)));
    results
}

/// Plays one case with nobody in a hurry: the watcher is asked before each message of ours, and every deadline is off.
pub async fn play_watched(
    scenario: Arc<Scenario>,
    protocol: RpcProtocol,
    options: &RunOptions,
    watch: &mut dyn Watch,
) -> CaseResult {
    let started = Instant::now();
    let mut unhurried = (*scenario).clone();
    for step in &mut unhurried.steps {
        step.within = None;
    }
    let mut reach = match options.reach(&scenario, protocol).await {
        Ok(reach) => reach,
        Err(reason) => return CaseResult::inconclusive(scenario, protocol, reason),
    };
    if let Reach::Dial(dial) = &mut reach {
        dial.step_wait = UNHURRIED;
        dial.limits.write_wait = UNHURRIED;
    }
    let patience = Patience {
        answer: UNHURRIED,
        // Before a fence, which then waits for the watcher.
        grace: Patience::GRACE_MIN,
    };
    let entropy = options.entropy(&scenario.id, protocol);
    let actor = Actor::new(&unhurried, entropy, options.kem_id, patience);
    let inside = options.inside(&scenario, protocol, &reach);
    let driven = drive_watched(actor, &mut reach, &inside, watch).await;
    let verdict = judge(&scenario, &driven.trace);
    CaseResult::new(
        scenario,
        protocol,
        verdict,
        options.held_to,
        started.elapsed(),
        driven.trace,
    )
}

/// Plays one case.
pub async fn play(job: Job, options: &RunOptions, patience: Patience) -> CaseResult {
    let Job {
        scenario,
        protocol,
        skip,
    } = job;
    if let Some(reason) = skip.or_else(|| options.lacks(&scenario)) {
        return CaseResult::skipped(scenario, protocol, reason);
    }
    let started = Instant::now();
    let patience = options.patience_for(&scenario, patience);
    let mut reach = match options.reach(&scenario, protocol).await {
        Ok(reach) => reach,
        Err(reason) => return CaseResult::inconclusive(scenario, protocol, reason),
    };
    let actor = options.actor(&scenario, protocol, patience);
    let inside = options.inside(&scenario, protocol, &reach);
    let reached = started.elapsed();
    let Driven { trace, spent } = drive(actor, &mut reach, &inside).await;
    let spent = Spent {
        waiting: spent.waiting + reached,
        reaching: reached,
        ..spent
    };
    let verdict = judge(&scenario, &trace);
    let result = CaseResult::new(
        scenario,
        protocol,
        verdict,
        options.held_to,
        started.elapsed(),
        trace,
    );
    CaseResult { spent, ..result }
}
