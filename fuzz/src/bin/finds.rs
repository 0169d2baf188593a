//! Asks the fuzz targets what they find: one defect at a time in the reference, against a clock, and prints the table of
//! `fuzz/README.md`. The targets must be built with `self-test` too.
//!
//! ```text
//! finds BINARIES [--time SECONDS] [--runs N] [--count N] [--only DEFECT].. [--beside FILE]
//! ```
//!
//! `--beside` puts what `syncspec self-test --fuzz` printed beside it, defect by defect.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

use syncspec::{lapses::Defect, selftest, wire::Role};
use syncspec_fuzz::{defect, targets::find};

/// The targets in which a peer of this role is the reference, which may have a defect.
fn targets_of(role: Role) -> &'static [&'static str] {
    match role {
        Role::Responder => &[
            "host_dialogue",
            "meddling",
            "envelope",
            "permissions",
            "kem",
            "framing",
        ],
        Role::Initiator => &[
            "client_dialogue",
            "meddling",
            "envelope",
            "permissions",
            "kem",
        ],
    }
}

/// Longest inputs, in bytes, as in `fuzz/lib.sh`.
const INPUT_LEN_BYTES_MAX: usize = 16 * 1024;
/// How often the targets are looked at.
const LOOK: Duration = Duration::from_millis(20);
/// How much of a claim is told, in characters.
const CLAIM_LEN_CHARS_MAX: usize = 200;
/// Lines of what a target says that are shown of one that does not run.
const LINES_SHOWN_MAX: usize = 30;

struct Options {
    binaries: PathBuf,
    time: Duration,
    runs: usize,
    count: usize,
    only: Vec<String>,
    /// What the live campaign found, by defect and role: the last columns of its table.
    beside: BTreeMap<(String, String), String>,
}

/// What one run of all targets of a role came to.
struct Run {
    /// The target that found it, and after how long.
    found: Option<(&'static str, Duration)>,
}

fn main() -> ExitCode {
    match options().and_then(|options| ask(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::from(2)
        }
    }
}

fn options() -> Result<Options, String> {
    let mut arguments = std::env::args().skip(1);
    let binaries = arguments
        .next()
        .ok_or("expected the folder of the built targets")?;
    let mut options = Options {
        binaries: binaries.into(),
        time: Duration::from_secs(20),
        runs: 3,
        count: 40,
        only: Vec::new(),
        beside: BTreeMap::new(),
    };
    while let Some(name) = arguments.next() {
        let value = arguments
            .next()
            .ok_or_else(|| format!("expected a value behind {name}"))?;
        let number = || {
            let number = value.parse::<usize>().ok().filter(|number| *number > 0);
            number.ok_or_else(|| format!("expected a number above 0 behind {name}, saw {value}"))
        };
        match name.as_str() {
            "--time" => options.time = Duration::from_secs(number()? as u64),
            "--runs" => options.runs = number()?,
            "--count" => options.count = number()?,
            "--only" => options.only.push(value),
            "--beside" => {
                let text = fs::read_to_string(&value)
                    .map_err(|error| format!("failed to read {value}: {error}"))?;
                options.beside = text.lines().filter_map(of_campaign).collect();
            }
            _ => return Err(format!("no option is called {name}")),
        }
    }
    Ok(options)
}

/// A row of the campaign's table: its defect and role, and what stands behind the rule.
fn of_campaign(line: &str) -> Option<((String, String), String)> {
    let columns: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
    let [defect, role, _, found @ ..] = &columns[..] else {
        return None;
    };
    let id = defect.strip_prefix('`')?.strip_suffix('`')?;
    Some(((id.to_owned(), (*role).to_owned()), found.join(" | ")))
}

fn ask(options: &Options) -> Result<(), String> {
    let work = std::env::temp_dir().join(format!("syncspec-finds-{}", std::process::id()));
    let done = ask_in(options, &work);
    let _ = fs::remove_dir_all(&work);
    done
}

fn ask_in(options: &Options, work: &Path) -> Result<(), String> {
    let mut sample = selftest::sample(options.count);
    if !options.only.is_empty() {
        sample = syncspec::lapses::defects().collect();
        sample.retain(|defect| options.only.iter().any(|id| id == defect.lapse.id()));
    }
    let mut seeds = BTreeMap::new();
    for role in [Role::Responder, Role::Initiator] {
        for name in targets_of(role) {
            seeds.insert(*name, write_seeds(name, work)?);
        }
        honest_ones_find_nothing(options, role, &seeds, work)?;
    }
    let (names, lines) = match options.beside.is_empty() {
        true => ("", ""),
        false => (
            " the campaign, by | runs | after | dialogues |",
            "---|---|---|---|",
        ),
    };
    println!("| defect | role | rule | the targets, by | runs | after |{names}");
    println!("|---|---|---|---|---|---|{lines}");
    let mut medians = Vec::new();
    for defect in &sample {
        let mut runs = Vec::new();
        for seed in 1..=options.runs {
            runs.push(hunt(options, defect, seed, &seeds, work)?);
        }
        medians.extend(tell(options, defect, runs));
    }
    medians.sort();
    let half = medians.get(medians.len() / 2).copied().unwrap_or_default();
    println!(
        "\n{} of {} found within {} s each, half of them within {:.1} s.",
        medians.len(),
        sample.len(),
        options.time.as_secs(),
        half.as_secs_f64()
    );
    Ok(())
}

/// Prints the row of a defect; the time of the run in the middle, where that found it.
fn tell(options: &Options, defect: &Defect, mut runs: Vec<Run>) -> Option<Duration> {
    runs.sort_by_key(|run| (run.found.is_none(), run.found.map(|(_, after)| after)));
    let found = runs.iter().filter(|run| run.found.is_some()).count();
    let median = runs[(runs.len() - 1) / 2].found;
    let (by, after) = median.map_or_else(
        || ("-".to_owned(), "-".to_owned()),
        |(by, after)| (format!("`{by}`"), format!("{:.1} s", after.as_secs_f64())),
    );
    let key = (defect.lapse.id().to_owned(), defect.role.to_string());
    let beside = options.beside.get(&key);
    println!(
        "| `{}` | {} | `{}` | {by} | {found} of {} | {after} |{}",
        defect.lapse.id(),
        defect.role,
        defect.lapse.rule(),
        runs.len(),
        beside.map_or(String::new(), |columns| format!(" {columns} |"))
    );
    median.map(|(_, after)| after)
}

fn write_seeds(name: &str, work: &Path) -> Result<PathBuf, String> {
    let folder = work.join("seeds").join(name);
    let failed = |error| format!("failed to write {}: {error}", folder.display());
    fs::create_dir_all(&folder).map_err(failed)?;
    let target = find(name).ok_or_else(|| format!("no target is called {name}"))?;
    let seeds = (target.seeds)();
    for (at, seed) in seeds.iter().enumerate() {
        if seed.len() <= INPUT_LEN_BYTES_MAX {
            fs::write(folder.join(at.to_string()), seed).map_err(failed)?;
        }
    }
    Ok(folder)
}

/// A target that fails without a defect finds nothing when it fails with one.
fn honest_ones_find_nothing(
    options: &Options,
    role: Role,
    seeds: &BTreeMap<&'static str, PathBuf>,
    work: &Path,
) -> Result<(), String> {
    for name in targets_of(role) {
        let log = work.join("log");
        let mut child = start(options, name, "-runs=0", None, &seeds[name], work, &log)?;
        let status = child.wait().map_err(|error| error.to_string())?;
        if !status.success() {
            return Err(format!(
                "{name} fails on its seeds without a defect\n{}",
                last_lines(&log)
            ));
        }
    }
    Ok(())
}

/// All targets of the defect's role at once, until one finds it or the time is over.
fn hunt(
    options: &Options,
    defect: &Defect,
    seed: usize,
    seeds: &BTreeMap<&'static str, PathBuf>,
    work: &Path,
) -> Result<Run, String> {
    let started = Instant::now();
    let mut hunting = Vec::new();
    for name in targets_of(defect.role) {
        let log = work.join(format!("{name}.log"));
        let seed = format!("-seed={seed}");
        let child = start(options, name, &seed, Some(defect), &seeds[name], work, &log)?;
        hunting.push((*name, child, log));
    }
    let mut found = None;
    while found.is_none() && started.elapsed() < options.time {
        std::thread::sleep(LOOK);
        for (name, child, log) in &mut hunting {
            let status = child.try_wait().map_err(|error| error.to_string())?;
            match status {
                None => {}
                Some(_) if fs::read_to_string(&*log).is_ok_and(|text| is_a_finding(&text)) => {
                    found = Some((*name, started.elapsed()));
                    eprintln!(
                        "{} ({}): {name}: {}",
                        defect.lapse.id(),
                        defect.role,
                        claim_of(&fs::read_to_string(&*log).unwrap_or_default())
                    );
                }
                Some(status) => {
                    return Err(format!("{name} ended with {status}\n{}", last_lines(log)));
                }
            }
        }
    }
    for (_, child, _) in &mut hunting {
        let _ = child.kill();
        let _ = child.wait();
    }
    Ok(Run { found })
}

/// A claim that did not hold, or what libFuzzer itself watches.
fn is_a_finding(log: &str) -> bool {
    log.contains("panicked at") || log.contains("ERROR: libFuzzer: ")
}

/// Which claim did not hold: what stands behind the line that says where.
fn claim_of(log: &str) -> String {
    let mut lines = log.lines();
    lines.find(|line| line.contains("panicked at") || line.contains("ERROR: libFuzzer: "));
    let claim = lines.next().unwrap_or_default();
    claim.chars().take(CLAIM_LEN_CHARS_MAX).collect()
}

fn start(
    options: &Options,
    name: &str,
    argument: &str,
    lapsing: Option<&Defect>,
    seeds: &Path,
    work: &Path,
    log: &Path,
) -> Result<Child, String> {
    let failed = |error| format!("failed to run {name}: {error}");
    // What is found on the way goes to a folder of its own, which comes first.
    let corpus = work.join("corpus").join(name);
    let _ = fs::remove_dir_all(&corpus);
    fs::create_dir_all(&corpus).map_err(failed)?;
    let mut command = Command::new(options.binaries.join(name));
    command
        .arg(argument)
        .arg(format!("-max_len={INPUT_LEN_BYTES_MAX}"))
        .arg("-timeout=10")
        .arg(format!("-artifact_prefix={}/", corpus.display()))
        .args([&corpus, seeds])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(log).map_err(failed)?);
    if let Some(lapsing) = lapsing {
        command.env(defect::VARIABLE, defect::name(lapsing));
    }
    command.spawn().map_err(failed)
}

fn last_lines(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES_SHOWN_MAX)..].join("\n")
}
