//! A man in the middle between the two peers under test. The client calls us where it means to call the host, and we call
//! the host in the client's name; we exchange keys with each and pass each one's own handshake on to the other. So what a
//! peer's signature is bound to shows in the very signatures that peers make, and a client's refusal in a host's place.
//!
//! First the same two are joined without keys of ours, each message passed on as it comes: only where they come to a
//! session then does it say anything that they do not with us in between.

mod joined;
mod plan;
mod started;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

pub use plan::plan_spliced;

use plan::NEEDS_BOTH;
use started::{Both, Client, Host};

use super::{
    Job, RunOptions, Source,
    crash::{crash_of, is_clean, is_cut_off, with_crash},
    drive::{Driven, drive_passing},
    passing::Passing,
    streams::Reach,
};
use crate::{
    actor::Patience,
    judge::judge,
    report::{CaseResult, PEER_LOG_LINES_MAX},
    scenario::{fixtures::PEER, model::Scenario},
    target::process::Process,
    trace::{EventKind, Trace},
    wire::{Role, RpcProtocol},
};

/// Plays jobs of [`plan_spliced`], each pair on peers of its own.
pub async fn play_spliced(
    source: &Source,
    jobs: Vec<Job>,
    options: &RunOptions,
    patience: Patience,
) -> Vec<CaseResult> {
    let mut results = Vec::new();
    let (hosts, mut clients): (Vec<Job>, Vec<Job>) = jobs
        .into_iter()
        .partition(|job| job.scenario.role == Role::Responder);
    for host in hosts {
        let other = clients.iter().position(|client| {
            client.scenario.id == host.scenario.id && client.protocol == host.protocol
        });
        let client = other.map(|at| clients.remove(at));
        match (client, Both::of(source)) {
            (Some(client), Some(both)) if host.skip.is_none() && client.skip.is_none() => {
                results.extend(play_between(&both, host, client, options, patience).await);
            }
            (client, _) => {
                results.extend(client.into_iter().chain([host]).map(skipped));
            }
        }
    }
    results.extend(clients.into_iter().map(skipped));
    results
}

fn skipped(job: Job) -> CaseResult {
    let reason = job.skip.unwrap_or_else(|| NEEDS_BOTH.to_owned());
    CaseResult::skipped(job.scenario, job.protocol, reason)
}

/// Plays one pair: what each of the two peers made of it.
async fn play_between(
    both: &Both<'_>,
    host: Job,
    client: Job,
    options: &RunOptions,
    patience: Patience,
) -> [CaseResult; 2] {
    let started = Instant::now();
    let played = between(both, &host.scenario, &client, options, patience).await;
    let [of_host, of_client] = match played {
        Ok(played) => played,
        Err(reason) => {
            return [host, client]
                .map(|job| CaseResult::inconclusive(job.scenario, job.protocol, reason.clone()));
        }
    };
    let passed_on = [&of_host, &of_client].map(|seen| was_passed_on(&seen.driven.trace));
    let took = started.elapsed();
    [
        result_of(host, of_host, passed_on[0], passed_on[1], options, took),
        result_of(client, of_client, passed_on[1], passed_on[0], options, took),
    ]
}

/// What was seen of one of the two.
struct Seen {
    driven: Driven,
    /// How its process ended under it, and what it printed last.
    crash: Option<(String, Vec<String>)>,
    /// What it printed meanwhile.
    log: Vec<String>,
}

/// `is_judged` says whether the peer was sent the other's handshake, `is_other` whether that one was sent this one's.
fn result_of(
    job: Job,
    seen: Seen,
    is_judged: bool,
    is_other: bool,
    options: &RunOptions,
    took: Duration,
) -> CaseResult {
    let Seen { driven, crash, log } = seen;
    if !is_judged && crash.is_none() {
        let (reason, other) = match job.scenario.role {
            Role::Responder => ("the client sent no handshake", "host"),
            Role::Initiator => ("the host sent no handshake", "client"),
        };
        // One that first wants to see the other's has nothing to say to an impostor, which is as good.
        return match is_other {
            true => CaseResult::skipped(
                job.scenario,
                job.protocol,
                format!("{reason} to be passed on: it waits for that of the {other}"),
            ),
            false => CaseResult::inconclusive(
                job.scenario,
                job.protocol,
                format!("{reason} to be passed on"),
            ),
        };
    }
    let verdict = judge(&job.scenario, &driven.trace);
    let result = CaseResult::new(
        job.scenario,
        job.protocol,
        verdict,
        options.held_to,
        took,
        driven.trace,
    );
    let mut result = CaseResult {
        spent: driven.spent,
        ..result
    };
    match crash {
        Some((how, log)) if !is_clean(&result) => with_crash(result, &how, log),
        _ => {
            if !is_clean(&result) {
                result.keep_peer_log(log);
            }
            result
        }
    }
}

/// Whether the peer was sent the handshake of the other.
fn was_passed_on(trace: &Trace) -> bool {
    trace.events.iter().any(|event| {
        matches!(&event.kind, EventKind::Sent(sent) if sent.what == "handshake" && !sent.deviations.is_empty())
    })
}

/// Joins the two untouched, then with us in between; what was seen of each.
async fn between(
    both: &Both<'_>,
    host_case: &Scenario,
    client_job: &Job,
    options: &RunOptions,
    patience: Patience,
) -> Result<[Seen; 2], String> {
    let protocol = client_job.protocol;
    let host = Host::start(both, host_case).await?;
    let options = RunOptions {
        url: host.url.clone(),
        ..options.clone()
    };
    let mut client = Client::start(both, client_job).await?;
    let called = client.calls.take(PEER).await;
    let called = called.map_err(|failure| failure.seen)?;
    joined::come_to_a_session(called, &options.dial(protocol), patience.answer)
        .await
        .map_err(|why| {
            format!("host and client come to no session with nobody in between: {why}")
        })?;
    stop(client.process.take()).await;
    drop(client);

    let since = Instant::now();
    let Client {
        calls,
        process,
        // Held as long as it is called.
        switchboard: _switchboard,
    } = Client::start(both, client_job).await?;
    let [mut of_host, mut of_client] = Passing::pair();
    let mut dialled = Reach::Dial(options.dial(protocol));
    let mut called = Reach::Called(calls);
    let (to_host, to_client) = tokio::join!(
        play_leg(
            host_case,
            protocol,
            &options,
            patience,
            &mut dialled,
            &mut of_host
        ),
        play_leg(
            &client_job.scenario,
            protocol,
            &options,
            patience,
            &mut called,
            &mut of_client
        ),
    );
    let mut host = host;
    let host_process = host.process.take();
    Ok([
        seen(to_host, host_process, since).await,
        seen(to_client, process, since).await,
    ])
}

async fn play_leg(
    case: &Scenario,
    protocol: RpcProtocol,
    options: &RunOptions,
    patience: Patience,
    reach: &mut Reach,
    passing: &mut Passing,
) -> Driven {
    let inside = options.inside(case, protocol, reach);
    let actor = options.actor(case, protocol, patience);
    drive_passing(actor, reach, &inside, &mut (), passing).await
}

/// What was seen of a peer, which is stopped.
async fn seen(driven: Driven, process: Option<Process>, since: Instant) -> Seen {
    let Some(process) = process else {
        return Seen {
            driven,
            crash: None,
            log: Vec::new(),
        };
    };
    let log = process.log().since(since, PEER_LOG_LINES_MAX);
    let crash = match is_cut_off(&driven.trace) {
        true => crash_of(&process, since).await,
        false => None,
    };
    stop(Some(process)).await;
    Seen { driven, crash, log }
}

/// It has as long to leave as its target file gives it, and is killed then.
async fn stop(process: Option<Process>) {
    if let Some(process) = process {
        process.stop().await;
    }
}
