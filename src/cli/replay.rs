//! `syncspec replay`: one saved case played again, with the same bytes of ours.

use std::{
    io::{self, BufRead as _, Write as _},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use syncspec::{
    actor::Patience,
    report::{
        CaseResult,
        saved::{PeerAddress, PlayedCase},
        transcript,
    },
    runner::{
        self, Job, Peers, RunOptions, Selection, Source, Watch, asks_states, plan_spliced,
        play_spliced,
    },
    scenario::{model::Profile, splice::is_spliced},
    trace::{EventKind, Trace},
    wire::Role,
};

use super::{
    doctor, exit,
    judge::{code_of, compared, read, show},
    looks::LooksArgs,
    print,
    run::Attached,
    tls_roots,
};

#[derive(clap::Args)]
pub struct ReplayArgs {
    /// File that a run saved under --failures
    file: PathBuf,
    /// Play it against this peer in place of the one it was saved with
    #[arg(long, value_name = "URL")]
    target: Option<String>,
    /// Trust the authorities in this PEM file too, for an https:// target
    #[arg(long, value_name = "FILE", requires = "target")]
    tls_ca: Option<PathBuf>,
    #[command(flatten)]
    looks: LooksArgs,
    /// Wait for Enter before each message of ours, and switch our deadlines off: for a debugger on the peer
    #[arg(long)]
    step: bool,
}

pub fn replay(args: &ReplayArgs) -> Result<u8, u8> {
    let case = read(&args.file)?;
    if case.suite_version != env!("CARGO_PKG_VERSION") {
        eprintln!(
            "note: it was saved by syncspec {}; only that version is sure to send the same bytes",
            case.suite_version
        );
    }
    let runtime = tokio::runtime::Runtime::new().map_err(|error| {
        eprintln!("error: failed to start: {error}");
        exit::SUITE
    })?;
    let result = runtime.block_on(play(args, &case))?;
    show(&result)?;
    print(&compared(&case, &result))?;
    Ok(code_of(result.outcome))
}

async fn play(args: &ReplayArgs, case: &PlayedCase) -> Result<CaseResult, u8> {
    let job = Job {
        scenario: Arc::new(case.scenario.clone()),
        protocol: case.played.protocol,
        skip: None,
    };
    let attached = match (&args.target, &case.played.peer) {
        (Some(url), _) => Attached::at(url, args.tls_ca.as_ref(), &args.looks),
        (None, PeerAddress::Reference) => Attached::reference(),
        (None, PeerAddress::TargetFile { file }) => Attached::of_file(file)?.with(&args.looks),
        (
            None,
            PeerAddress::Described {
                target,
                state_headers,
            },
        ) => {
            args.looks.fill_headers(state_headers)?;
            Attached::described(target, &args.looks)?
        }
    };
    let role = case.scenario.role;
    let roots = attached.tls_ca().cloned();
    let source = attached.source(std::iter::once(&*job.scenario)).await;
    let source = source.map_err(|why| why.print())?;
    if is_spliced(&case.scenario.id) {
        let options = options_of(case, roots.as_ref())?;
        return play_between(args, case, &source, attached.is_started(), &options).await;
    }
    let mut peers = Peers::new(source, attached.look_plan());
    let begun = peers.begin(role, std::slice::from_ref(&job.scenario)).await;
    begun.map_err(|why| {
        eprintln!("error: the case was not played: {why}");
        exit::NOT_JUDGED
    })?;
    let result = play_on(&mut peers, args, case, job, roots).await;
    peers.stop().await;
    result
}

async fn play_on(
    peers: &mut Peers,
    args: &ReplayArgs,
    case: &PlayedCase,
    job: Job,
    roots: Option<PathBuf>,
) -> Result<CaseResult, u8> {
    let role = case.scenario.role;
    let mut options = options_of(case, roots.as_ref())?;
    let asks_states = asks_states(&job);
    peers.reach(&mut options, asks_states, job.protocol).await;
    if args.step {
        let mut stepper = Stepper::default();
        let result = runner::play_watched(job.scenario, job.protocol, &options, &mut stepper).await;
        return Ok(result);
    }
    let name = options.url.clone();
    let round_trip = doctor::round_trip(&options, &name, role, &[job.protocol]).await?;
    let patience = Patience::from_round_trip(round_trip);
    Ok(runner::play(job, &options, patience).await)
}

/// Plays a case that stands between a host and a client: both are played, and the one that was saved is looked at.
async fn play_between(
    args: &ReplayArgs,
    case: &PlayedCase,
    source: &Source,
    starts_them: bool,
    options: &RunOptions,
) -> Result<CaseResult, u8> {
    if args.step {
        eprintln!("error: a case that stands between two peers cannot be played with --step");
        return Err(exit::USAGE);
    }
    let only = Selection {
        filters: vec![case.scenario.id.clone()],
        exact: true,
        profile: Profile::Full,
        ..Selection::default()
    };
    let both = [Role::Responder, Role::Initiator];
    let parts = both.map(|role| (role, vec![case.played.protocol]));
    let jobs = plan_spliced(&only, &parts, starts_them);
    let patience = Patience::from_round_trip(Duration::ZERO);
    let results = play_spliced(source, jobs, options, patience).await;
    let mut results = results.into_iter();
    let result = results.find(|result| result.scenario.role == case.scenario.role);
    result.ok_or_else(|| {
        eprintln!(
            "error: this version has no case `{}` between two peers",
            case.scenario.id
        );
        exit::NOT_JUDGED
    })
}

fn options_of(case: &PlayedCase, roots: Option<&PathBuf>) -> Result<RunOptions, u8> {
    Ok(RunOptions {
        tls_roots: tls_roots(roots)?,
        kem_id: case.played.kem_id,
        ..RunOptions::new(case.played.seed, case.played.held_to)
    })
}

/// Shows what happened so far, and waits for Enter before each message of ours.
#[derive(Default)]
struct Stepper {
    shown: usize,
}

impl Watch for Stepper {
    fn before_send(&mut self, trace: &Trace) {
        // One message may go out in several pieces.
        if trace.events.len() == self.shown {
            return;
        }
        let mut out = io::stdout().lock();
        for line in transcript::every_line(trace).skip(self.shown) {
            let _ = writeln!(out, "{line}");
        }
        self.shown = trace.events.len();
        let next = trace.events.last().map(|event| &event.kind);
        if !matches!(
            next,
            Some(EventKind::Sent(_) | EventKind::HalfClosed | EventKind::ResetByUs)
        ) {
            return;
        }
        let _ = write!(out, "  Enter sends it ");
        let _ = out.flush();
        // Where nobody can press Enter any more, the rest is played through.
        let _ = io::stdin().lock().read_line(&mut String::new());
    }
}
