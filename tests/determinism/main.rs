//! One seed gives the same bytes of ours, case by case, where the peer answers the same; another seed gives others.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what it relies on by failing"
)]

mod playing;
mod world;

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use playing::Call;
use syncspec::{
    actor::{Command, Out},
    judge::{Verdict, judge},
    model::load_catalogue,
    runner::{Job, Selection, plan},
    scenario::{
        deviation::Deviation,
        model::{Profile, Scenario},
    },
    wire::{Role, RpcProtocol},
};

const SEED: u64 = 1;
const OTHER_SEED: u64 = 2;
/// Of a public key; its item is a little longer.
const KEY_LEN_BYTES: usize = 1665;

/// Of a hundred cases at least so many must come to a verdict without a finding, or what is compared is not what cases
/// send to a peer that serves them. The others need what is not in this process: sockets, a state service, a hook.
const PASSED_PERCENT_MIN: usize = 85;

/// Every case in every role that it has, over one of the RPC protocols, which alternate: they differ in framing only,
/// and the actor knows nothing of frames but those that a case spoils.
fn jobs() -> Vec<Job> {
    let templates = load_catalogue().unwrap_or_else(|errors| panic!("{}", errors[0].render()));
    let selection = Selection {
        profile: Profile::Full,
        ..Selection::default()
    };
    let mut jobs = Vec::new();
    for role in [Role::Responder, Role::Initiator] {
        let mut all = plan(&templates, &selection, role, &RpcProtocol::ALL);
        all.sort_by(|a, b| a.scenario.id.cmp(&b.scenario.id));
        for (index, of_case) in all
            .chunk_by(|a, b| a.scenario.id == b.scenario.id)
            .enumerate()
        {
            jobs.push(of_case[index % of_case.len()].clone());
        }
    }
    jobs
}

/// What is wrong with a case, and whether it held.
fn check(job: &Job) -> (Option<String>, bool) {
    let (scenario, protocol) = (&job.scenario, job.protocol);
    let played = playing::play(scenario, protocol, SEED);
    let replay = |seed| playing::replay(scenario, protocol, seed, &played.calls);
    let other = || sends_a_fresh_key(scenario, &played.calls) && replay(OTHER_SEED).is_none();
    let wrong = match replay(SEED) {
        Some(command) => Some(format!("one seed did another thing: {command:?}")),
        None if other() => Some("another seed sent the same bytes".to_owned()),
        None => None,
    };
    let wrong = wrong.map(|wrong| {
        format!(
            "{} [{} {protocol}]: {wrong:.300}",
            scenario.id, scenario.role
        )
    });
    let passed =
        matches!(judge(scenario, &played.trace), Verdict::Judged(findings) if findings.is_empty());
    (wrong, passed)
}

/// Whether something goes out that a seed decides: a message as long as a key of the exchange, in a case that sends no
/// key of a vector instead.
fn sends_a_fresh_key(scenario: &Scenario, calls: &[Call]) -> bool {
    let steps = scenario.steps.iter().flat_map(|step| &step.deviate);
    let mut deviations = scenario.deviate.iter().chain(steps);
    let is_of_a_vector = |deviation: &Deviation| {
        matches!(
            deviation,
            Deviation::KeyVector(_) | Deviation::EncapsulationVector(_)
        )
    };
    let is_long = |call: &Call| {
        let Call::Next(_, Command::Send { out, .. }) = call else {
            return false;
        };
        matches!(out, Out::Message(message) if message.len() > KEY_LEN_BYTES)
    };
    !deviations.any(is_of_a_vector) && calls.iter().any(is_long)
}

#[test]
fn every_case_twice_with_one_seed_then_the_same_bytes() {
    let jobs = jobs();
    let next = AtomicUsize::new(0);
    let lanes = thread::available_parallelism().map_or(1, usize::from);
    let checked: Vec<_> = thread::scope(|scope| {
        let lane = || {
            let mut checked = Vec::new();
            while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                checked.push(check(job));
            }
            checked
        };
        let lanes: Vec<_> = (0..lanes).map(|_| scope.spawn(lane)).collect();
        lanes
            .into_iter()
            .flat_map(|lane| lane.join().unwrap())
            .collect()
    });
    let wrong: Vec<_> = checked
        .iter()
        .filter_map(|(wrong, _)| wrong.as_ref())
        .collect();
    assert!(wrong.is_empty(), "{} wrong: {wrong:#?}", wrong.len());
    let passed = checked.iter().filter(|(_, passed)| *passed).count();
    assert!(
        passed * 100 >= jobs.len() * PASSED_PERCENT_MIN,
        "only {passed} of {} cases held against the peer in this process",
        jobs.len()
    );
}
