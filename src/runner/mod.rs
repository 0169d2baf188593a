//! From scenarios to results: which cases are played, how many at once, and what each came to.

mod calls;
pub mod campaign;
mod drive;
mod plan;
mod reference;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{sync::Semaphore, task::JoinSet};

pub use calls::{CALL_WAIT, Caller, Calls, FIRST_CALL_WAIT, Switchboard};
pub use drive::{Reach, Watch, drive, drive_watched};
pub use plan::{Job, Selection, plan};
pub use reference::{StartError, start_reference, start_reference_client};

use crate::{
    actor::{Actor, Entropy, Patience},
    crypto::kem::KemId,
    judge::judge,
    net::{DialOptions, TlsRoots},
    report::CaseResult,
    rules::Level,
    scenario::model::Scenario,
    target::{Contact, SetupMistake, contact_scenario, first_contact},
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
}

impl RunOptions {
    fn dial(&self, protocol: RpcProtocol) -> DialOptions {
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

/// Has one honest session, and measures it.
///
/// # Errors
/// The set-up mistake that keeps any case from being judged.
pub async fn contact(
    options: &RunOptions,
    role: Role,
    protocol: RpcProtocol,
) -> Result<Contact, SetupMistake> {
    let scenario = contact_scenario(role, protocol);
    let mut reach = options
        .reach(&scenario, protocol)
        .await
        .map_err(SetupMistake::never_called)?;
    let actor = Actor::new(
        &scenario,
        options.entropy(&scenario.id, protocol),
        options.kem_id,
        Patience::from_round_trip(Duration::ZERO),
    );
    first_contact(&drive(actor, &mut reach).await)
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
    let trace = drive_watched(actor, &mut reach, watch).await;
    let verdict = judge(&scenario, &trace);
    CaseResult::new(
        scenario,
        protocol,
        verdict,
        options.held_to,
        started.elapsed(),
        trace,
    )
}

/// Plays one case.
pub async fn play(job: Job, options: &RunOptions, patience: Patience) -> CaseResult {
    let Job {
        scenario,
        protocol,
        skip,
    } = job;
    if let Some(reason) = skip {
        return CaseResult::skipped(scenario, protocol, reason);
    }
    let started = Instant::now();
    let mut reach = match options.reach(&scenario, protocol).await {
        Ok(reach) => reach,
        Err(reason) => return CaseResult::inconclusive(scenario, protocol, reason),
    };
    let actor = Actor::new(
        &scenario,
        options.entropy(&scenario.id, protocol),
        options.kem_id,
        patience,
    );
    let trace = drive(actor, &mut reach).await;
    let verdict = judge(&scenario, &trace);
    CaseResult::new(
        scenario,
        protocol,
        verdict,
        options.held_to,
        started.elapsed(),
        trace,
    )
}
