//! Every scenario against the reference in this process, over real loopback sockets and both RPC protocols, each as a
//! test of its own.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what it relies on by failing"
)]

use std::{
    process::ExitCode,
    sync::{Arc, LazyLock, PoisonError, RwLock},
    time::Duration,
};

use libtest_mimic::{Arguments, Failed, Trial};
use syncspec::{
    actor::Patience,
    judge::{Verdict, judge},
    model::load_catalogue,
    report::{
        CaseResult, Outcome, console,
        saved::{PeerAddress, Played, PlayedCase},
    },
    rules::Level,
    runner::{self, Caller, Job, Reference, RunOptions, Selection, Switchboard, plan},
    scenario::model::Profile,
    target::provision::Provision,
    wire::{Role, RpcProtocol},
};
use tokio::runtime::Runtime;

/// Repeatable, so that a failure in one run is a failure in the next.
const SEED: u64 = 1;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));

fn main() -> ExitCode {
    let args = Arguments::from_args();
    let templates = load_catalogue().unwrap_or_else(|errors| {
        let errors: Vec<_> = errors.iter().map(|error| error.render()).collect();
        panic!("the built-in scenarios do not load:\n{}", errors.join("\n"))
    });
    let selection = Selection {
        profile: Profile::Full,
        ..Selection::default()
    };
    let jobs: Vec<Job> = [Role::Responder, Role::Initiator]
        .into_iter()
        .flat_map(|role| plan(&templates, &selection, role, &RpcProtocol::ALL))
        .collect();
    let Reference { url, looks } = reference_for(&jobs);
    let options = Arc::new(RunOptions {
        url,
        switchboard: Some(Arc::new(switchboard())),
        looks,
        // The reference is held to every rule, not only to those that fail a peer.
        ..RunOptions::new(SEED, Level::Deployed)
    });
    let trials = jobs
        .into_iter()
        .map(|job| {
            let options = options.clone();
            let name = format!(
                "{} [{} {}]",
                job.scenario.id, job.scenario.role, job.protocol
            );
            Trial::test(name, move || play(job, &options)).with_kind("scenario")
        })
        .collect();
    libtest_mimic::run(&args, trials).exit_code()
}

/// All cases against a host share one, and `alone` ones change it: they hold it for themselves, as in a run. Each client is
/// its case's own.
static HOST: RwLock<()> = RwLock::new(());

fn play(job: Job, options: &RunOptions) -> Result<(), Failed> {
    // A case that failed has left the lock as good as it was.
    let _held = match (job.scenario.role, job.scenario.alone) {
        (Role::Initiator, _) => None,
        (Role::Responder, true) => Some(Err(HOST.write().unwrap_or_else(PoisonError::into_inner))),
        (Role::Responder, false) => Some(Ok(HOST.read().unwrap_or_else(PoisonError::into_inner))),
    };
    let patience = Patience::from_round_trip(Duration::ZERO);
    let result = RUNTIME.block_on(runner::play(job, options, patience));
    keeps(&result, options)?;
    if result.outcome == Outcome::Passed && result.findings.is_empty() {
        return Ok(());
    }
    let mut text = Vec::new();
    console::details(&mut text, &result)?;
    Err(String::from_utf8_lossy(&text).into())
}

/// Where the reference client, one for each case, calls.
fn switchboard() -> Switchboard {
    let client = Caller::Reference(Box::default());
    RUNTIME
        .block_on(Switchboard::open("127.0.0.1:0", client))
        .expect("a loopback port")
}

/// What is saved of a case is read again equal, and judged the same without the peer.
fn keeps(result: &CaseResult, options: &RunOptions) -> Result<(), Failed> {
    let played = Played {
        seed: options.seed,
        protocol: result.protocol,
        kem_id: options.kem_id,
        held_to: options.held_to,
        peer: PeerAddress::Reference,
    };
    let case = PlayedCase::of(result, played);
    let read = PlayedCase::read(&case.to_text()?)?;
    if read != case {
        return Err("saved and read again, the case is another".into());
    }
    let again = judge(&read.scenario, &read.trace.unwrap_or_default());
    match &again {
        Verdict::Judged(findings) if *findings == result.findings => Ok(()),
        Verdict::Inconclusive { .. } if result.outcome == Outcome::Inconclusive => Ok(()),
        _ => Err(format!("judged again from what was saved: {again:?}").into()),
    }
}

fn reference_for(jobs: &[Job]) -> Reference {
    let provision = Provision::for_cases(jobs.iter().map(|job| &*job.scenario));
    RUNTIME
        .block_on(runner::start_reference(&provision))
        .expect("the reference starts")
}
