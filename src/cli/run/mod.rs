//! `syncspec run`: from arguments to results and an exit code.

mod about;
mod attach;
mod calls;
mod discover;
mod progress;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

use syncspec::{
    actor::Patience,
    report::{Summary, console, saved::Played},
    rules::Level,
    runner::{
        Expectations, JOBS_AT_ONCE, Job, Peers, RunOptions, STRESS_MAX, Schedule, Selection,
        Stress, plan, plan_claims, plan_spliced, skip_what_it_lacks,
    },
    scenario::{CaseTemplate, model::Profile},
    wire::{Role, RpcProtocol},
};

use super::{
    SelectArgs, exit,
    list::{self, ListArgs},
    looks::LooksArgs,
    reports::ReportArgs,
    runtime::runtime,
    signals::{Signal, Signals},
    tls_roots,
};
use about::{About, not_reached};
use attach::Part;
pub use attach::{Attached, TargetArgs};
pub use calls::NoCalls;
use progress::{Progress, print_details};

#[derive(clap::Args)]
pub struct RunArgs {
    #[command(flatten)]
    select: SelectArgs,
    #[command(flatten)]
    target: TargetArgs,
    /// Print the cases instead of playing them
    #[arg(long)]
    list: bool,
    /// Cases to play at once
    #[arg(long, value_name = "N", default_value_t = JOBS_AT_ONCE, value_parser = at_least_one)]
    test_threads: usize,
    /// Play everything so many times; a case that comes to different things is red
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = at_least_one)]
    repeat: usize,
    /// Keep the machine busy meanwhile, with so many threads for each processor; with --repeat, shows what depends on timing
    #[arg(long, value_name = "N", value_parser = by_processor)]
    stress: Option<usize>,
    /// Seed of all our randomness: the same seed sends the same bytes
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Fail on broken `should` and `deployed` rules too
    #[arg(long)]
    strict: bool,
    /// What cases do that are new in this version of the suite, when they fail
    #[arg(long, value_enum, default_value_t = Preview::Report)]
    preview: Preview,
    /// Try what the peer can do, and write a first target file, which must not be there yet
    #[arg(long, value_name = "FILE", conflicts_with_all = ["list", "known_failing", "repeat", "stress"])]
    discover: Option<PathBuf>,
    #[command(flatten)]
    looks: LooksArgs,
    #[command(flatten)]
    reports: ReportArgs,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Preview {
    /// They are reported, and fail nothing
    Report,
    /// They fail the run, as others do
    Fail,
}

pub fn run(args: RunArgs) -> Result<u8, u8> {
    if args.list {
        return list::list(&ListArgs::text(args.select));
    }
    let templates = args.select.load()?;
    let attached = args.target.read(args.select.roles(), &args.looks)?;
    let run = Planned::new(&args, &attached, &templates)?;
    let runtime = runtime()?;
    // Whatever was started for the run is dropped with it, and so ends.
    runtime.block_on(async {
        let mut signals = Signals::new()?;
        let playing = async {
            match &args.discover {
                Some(file) => discover(&args, &attached, run, file).await,
                None => play(&args, &attached, run).await,
            }
        };
        tokio::select! {
            played = playing => played,
            () = told_to_leave(&mut signals) => {
                eprintln!("error: interrupted; what was played is lost");
                Err(exit::NOT_JUDGED)
            }
        }
    })
}

async fn told_to_leave(signals: &mut Signals) {
    while let Signal::Reload = signals.next().await {}
}

/// What is played, before anything is started.
struct Planned {
    jobs: Vec<Job>,
    /// All that there are, chosen or not.
    universe: Vec<Job>,
    expectations: Expectations,
    seed: u64,
}

impl Planned {
    fn new(args: &RunArgs, attached: &Attached, cases: &[CaseTemplate]) -> Result<Self, u8> {
        let parts = attached.parts(&args.select)?;
        let planned = |selection: &Selection| -> Vec<Job> {
            let part = |part: &Part| plan(cases, selection, part.role, &part.protocols);
            parts.iter().flat_map(part).collect()
        };
        let mut jobs = planned(&args.select.selection());
        if let Some(target) = attached.target() {
            skip_what_it_lacks(&mut jobs, target);
            let selection = args.select.selection();
            let claims = |part: &Part| plan_claims(target, &selection, part.role, &part.protocols);
            jobs.extend(parts.iter().flat_map(claims));
        }
        let spliced = |selection: &Selection| match args.select.is_built_in() {
            true => plan_spliced(selection, &parts_of(&parts), attached.is_started()),
            false => Vec::new(),
        };
        jobs.extend(spliced(&args.select.selection()));
        if jobs.is_empty() {
            eprintln!("error: no case matches; `syncspec list` prints them all");
            return Err(exit::NOT_JUDGED);
        }
        let everything = Selection {
            profile: Profile::Full,
            ..Selection::default()
        };
        let mut universe = planned(&everything);
        universe.extend(spliced(&everything));
        Ok(Planned {
            jobs,
            universe,
            expectations: args.target.expectations(
                attached,
                cases,
                args.held_to(),
                args.preview == Preview::Fail,
            )?,
            seed: match args.seed {
                Some(seed) => seed,
                None => random_seed()?,
            },
        })
    }
}

fn parts_of(parts: &[Part]) -> Vec<(Role, Vec<RpcProtocol>)> {
    let part = |part: &Part| (part.role, part.protocols.clone());
    parts.iter().map(part).collect()
}

impl RunArgs {
    fn held_to(&self) -> Level {
        match self.strict {
            true => Level::Deployed,
            false => Level::Must,
        }
    }
}

/// Tries the peer's capabilities, over whatever it speaks, and writes the first target file.
async fn discover(
    args: &RunArgs,
    attached: &Attached,
    run: Planned,
    file: &Path,
) -> Result<u8, u8> {
    if attached.target().is_none() {
        eprintln!("error: --discover needs a peer: give --target URL, --command or --listen");
        return Err(exit::USAGE);
    }
    if file.exists() {
        eprintln!("error: {} is there already", file.display());
        return Err(exit::USAGE);
    }
    let mut parts = attached.parts(&args.select)?;
    let mut kem_id = args.target.kem_id(attached);
    let expectations = Expectations::none(Level::Must);
    loop {
        let jobs = discover::jobs(&parts);
        let cases = jobs.iter().map(|job| &*job.scenario);
        let look_plan = attached.look_plan();
        let source = attached.source(cases).await;
        let peers = Peers::new(source.map_err(|why| why.print())?, look_plan);
        let schedule = Schedule {
            options: RunOptions {
                kem_id,
                ..options(args, attached, run.seed)?
            },
            patience: Patience::from_round_trip(Duration::ZERO),
            peers,
            expectations: &expectations,
            repeat: 1,
            tell: &mut |result| println!("{}", discover::line(result)),
        };
        match schedule.play(jobs.clone(), &jobs).await {
            Ok(finished) => {
                return discover::write(file, attached, &parts, kem_id, &finished);
            }
            Err(why) if discover::otherwise(&why, &mut parts, &mut kem_id) => {}
            Err(why) => {
                let why = not_reached(&why, &attached.shown());
                eprintln!("error: nothing was tried: {why}");
                return Err(exit::NOT_JUDGED);
            }
        }
    }
}

/// How the cases are played; where the peer is, the schedule fills in.
fn options(args: &RunArgs, attached: &Attached, seed: u64) -> Result<RunOptions, u8> {
    Ok(RunOptions {
        tls_roots: tls_roots(attached.tls_ca())?,
        at_once: args.test_threads,
        kem_id: args.target.kem_id(attached),
        ..RunOptions::new(seed, args.held_to())
    })
}

async fn play(args: &RunArgs, attached: &Attached, run: Planned) -> Result<u8, u8> {
    let about = About {
        args,
        attached,
        seed: run.seed,
        began: (SystemTime::now(), Instant::now()),
    };
    let cases = run.jobs.iter().map(|job| &*job.scenario);
    let source = match attached.source(cases).await {
        Ok(source) => source,
        Err(NoCalls::NotReached(why)) => return Err(about.not_played(&why)),
        Err(why) => return Err(why.print()),
    };
    let stress = args.stress.map(stress).transpose()?;
    let options = options(args, attached, run.seed)?;
    let name = attached.shown();
    let beside = stress.as_ref().map_or_else(String::new, |stress| {
        format!(", beside {} busy threads", stress.threads())
    });
    println!(
        "{} cases against {name}, seed {}{beside}",
        run.jobs.len(),
        run.seed
    );
    let mut progress = Progress::new(run.jobs.len() * args.repeat);
    let schedule = Schedule {
        options: options.clone(),
        patience: Patience::from_round_trip(Duration::ZERO),
        peers: Peers::new(source, attached.look_plan()),
        expectations: &run.expectations,
        repeat: args.repeat,
        tell: &mut |result| progress.tell(result),
    };
    let finished = schedule.play(run.jobs, &run.universe).await;
    let mut finished = finished.map_err(|why| about.not_played(&why))?;
    drop(stress);
    progress.finish();
    let saved = args
        .reports
        .save_failures(&mut finished.results, |result| Played {
            seed: run.seed,
            protocol: result.protocol,
            kem_id: options.kem_id,
            held_to: options.held_to,
            peer: attached.address(),
        });
    print_details(&finished.results);
    let summary = Summary::of(&finished.results);
    println!("\n{}", console::model(&finished.results));
    println!("{}", console::time(&finished.phases, &finished.results));
    println!(
        "{}",
        console::summary(&summary, about.began.1.elapsed().as_secs_f64())
    );
    for note in &finished.notes {
        eprintln!("note: {note}");
    }
    let written = about.write(&finished.results, finished.phases, None);
    if finished.lost > 0 {
        eprintln!(
            "error: {} case(s) crashed in the suite itself",
            finished.lost
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

pub(super) fn random_seed() -> Result<u64, u8> {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).map_err(|error| {
        eprintln!("error: failed to draw a seed: {error}");
        exit::SUITE
    })?;
    // 32 bits are enough to differ, and short enough to type.
    Ok(u64::from(u32::from_be_bytes(bytes)))
}

fn stress(by_processor: usize) -> Result<Stress, u8> {
    Stress::begin(by_processor).map_err(|error| {
        eprintln!(
            "error: failed to keep the machine busy: {error}; give --stress a smaller number"
        );
        exit::SUITE
    })
}

fn by_processor(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if (1..=STRESS_MAX).contains(&number) => Ok(number),
        _ => Err(format!("expected a number from 1 to {STRESS_MAX}")),
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("expected a number from 1".to_owned()),
        Ok(number) => Ok(number),
    }
}
