//! `syncspec run`: from arguments to results and an exit code.

mod peer;
mod progress;

use std::{
    net::SocketAddr,
    path::PathBuf,
    time::{Duration, Instant, SystemTime},
};

use syncspec::{
    actor::Patience,
    crypto::kem::KemId,
    report::{Run, Summary, TargetLine, console, saved::Played},
    rules::Level,
    runner::{self, JOBS_AT_ONCE, Job, Looks, RunOptions, plan},
};

use super::{
    SelectArgs, doctor, exit, kem_id,
    list::{self, ListArgs},
    looks::{self, LooksArgs},
    provision::provision_for,
    reports::ReportArgs,
    tls_roots,
};
use peer::{Part, Peer};
pub use peer::{reference_calls, wait_for_client};
use progress::{Progress, print_details};

#[derive(clap::Args)]
pub struct RunArgs {
    #[command(flatten)]
    select: SelectArgs,
    /// Peer under test, http://HOST:PORT[/PREFIX] or https://...; without one, the reference on a loopback port
    #[arg(long, value_name = "URL")]
    target: Option<String>,
    /// Wait for the client under test at this address, such as 127.0.0.1:9899
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Trust the authorities in this PEM file too, for an https:// target
    #[arg(long, value_name = "FILE")]
    tls_ca: Option<PathBuf>,
    /// Print the cases instead of playing them
    #[arg(long)]
    list: bool,
    /// Cases to play at once
    #[arg(long, value_name = "N", default_value_t = JOBS_AT_ONCE, value_parser = at_least_one)]
    test_threads: usize,
    /// Seed of all our randomness: the same seed sends the same bytes
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Fail on broken `should` and `deployed` rules too
    #[arg(long)]
    strict: bool,
    /// KEM id to derive keys with: 0051 as deployed, 0050 as published
    #[arg(long, value_name = "ID", value_parser = kem_id, default_value = "0051")]
    kem_id: KemId,
    #[command(flatten)]
    looks: LooksArgs,
    #[command(flatten)]
    reports: ReportArgs,
}

pub fn run(args: RunArgs) -> Result<u8, u8> {
    if args.list {
        return list::list(&ListArgs::text(args.select));
    }
    let templates = args.select.load()?;
    let parts = args.parts()?;
    let selection = args.select.selection();
    let jobs: Vec<Job> = parts
        .iter()
        .flat_map(|part| plan(&templates, &selection, part.role, part.protocols))
        .collect();
    if jobs.is_empty() {
        eprintln!("error: no case matches; `syncspec list` prints them all");
        return Err(exit::NOT_JUDGED);
    }
    let seed = match args.seed {
        Some(seed) => seed,
        None => random_seed()?,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| {
            eprintln!("error: failed to start: {error}");
            exit::SUITE
        })?;
    runtime.block_on(play(&args, &parts, jobs, seed))
}

async fn play(args: &RunArgs, parts: &[Part], jobs: Vec<Job>, seed: u64) -> Result<u8, u8> {
    let (began, started) = (SystemTime::now(), Instant::now());
    // A role without a case is not reached.
    let parts: Vec<&Part> = parts
        .iter()
        .filter(|part| jobs.iter().any(|job| job.scenario.role == part.role))
        .collect();
    let peer = Peer::reach(args, &parts, &jobs).await?;
    let mut options = RunOptions {
        url: peer.url.clone(),
        switchboard: peer.switchboard.clone(),
        tls_roots: tls_roots(args.tls_ca.as_ref())?,
        seed,
        at_once: args.test_threads,
        held_to: if args.strict {
            Level::Deployed
        } else {
            Level::Must
        },
        kem_id: args.kem_id,
        looks: peer.looks.clone(),
        client_looks: Looks::default(),
    };
    let patience = contact(&options, &parts, &peer).await?;
    let url = peer.name.clone();
    if args.target.is_some() {
        let protocol = args.select.protocols()[0];
        options.looks = args.looks.looks(&options.dial(protocol)).await?;
        looks::reset(&options.looks, &provision_for(&jobs)).await;
    }
    println!("{} cases against {url}, seed {seed}", jobs.len());
    let mut progress = Progress::new(jobs.len());
    let asked = jobs.len();
    let mut results = runner::run(jobs, &options, patience, &mut |result| {
        progress.tell(result)
    })
    .await;
    progress.finish();
    let saved = args.reports.save_failures(&mut results, |result| Played {
        seed,
        protocol: result.protocol,
        kem_id: options.kem_id,
        held_to: options.held_to,
        peer: peer.address_of(result.scenario.role),
    });
    print_details(&results);
    let target = TargetLine {
        kind: peer.kind,
        url,
        protocols: args.select.protocols().to_vec(),
    };
    let summary = Summary::of(&results);
    println!(
        "\n{}",
        console::summary(&summary, started.elapsed().as_secs_f64())
    );
    let written = args.reports.write(&Run {
        results: &results,
        target: &target,
        seed,
        duration: started.elapsed(),
        began,
    });
    if results.len() < asked {
        eprintln!(
            "error: {} case(s) crashed in the suite itself",
            asked - results.len()
        );
        return Err(exit::SUITE);
    }
    saved.and(written)?;
    Ok(exit_code(&summary))
}

fn exit_code(summary: &Summary) -> u8 {
    match summary {
        Summary { failed: 1.., .. }
        | Summary {
            unexpected_pass: 1..,
            ..
        }
        | Summary { flaky: 1.., .. } => exit::BROKEN,
        Summary {
            inconclusive: 1.., ..
        }
        | Summary {
            passed: 0,
            known_failing: 0,
            preview_failed: 0,
            ..
        } => exit::NOT_JUDGED,
        _ => exit::CONFORMS,
    }
}

/// Honest sessions in each role over each protocol; the slowest sets the patience.
async fn contact(options: &RunOptions, parts: &[&Part], peer: &Peer) -> Result<Patience, u8> {
    let mut round_trip = Duration::ZERO;
    for part in parts {
        let measured = doctor::round_trip(options, &peer.name, part.role, part.protocols);
        round_trip = round_trip.max(measured.await?);
    }
    Ok(Patience::from_round_trip(round_trip))
}

pub(super) fn random_seed() -> Result<u64, u8> {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).map_err(|error| {
        eprintln!("error: failed to draw a seed: {error}");
        exit::SUITE
    })?;
    // 32 bits are enough to differ, and short enough to type.
    Ok(u64::from(u32::from_be_bytes(bytes)))
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("expected a number from 1".to_owned()),
        Ok(number) => Ok(number),
    }
}
