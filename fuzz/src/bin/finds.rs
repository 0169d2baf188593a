//! Asks the fuzz targets what they find: one defect at a time in the reference, against a clock, and prints the table of
//! `fuzz/README.md`. The targets must be built with `self-test` too.
//!
//! ```text
//! finds BINARIES [--time SECONDS] [--runs N] [--count N] [--only DEFECT].. [--beside FILE] -- LIBFUZZER-OPTION..
//! ```
//!
//! `--beside` puts what `syncspec self-test --fuzz` printed beside it, defect by defect.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use syncspec::{
    lapses::Defect,
    selftest::{self, COLUMNS, Found, Hunted, Hunts, UNDER_COLUMNS},
    wire::Role,
};
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
    /// What every target is started with.
    libfuzzer: Vec<String>,
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
        libfuzzer: Vec::new(),
    };
    while let Some(name) = arguments.next() {
        if name == "--" {
            options.libfuzzer.extend(arguments);
            break;
        }
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

/// The targets, ready to be started.
struct Targets<'a> {
    options: &'a Options,
    /// Where everything is written.
    work: &'a Path,
    /// The folder of each one's seeds.
    seeds: BTreeMap<&'static str, PathBuf>,
}

fn ask(options: &Options) -> Result<(), String> {
    let sample = selftest::sample(options.count, &options.only);
    let sample = sample.map_err(|error| format!("failed to {error}"))?;
    let work = tempfile::tempdir().map_err(|error| format!("failed to make a folder: {error}"))?;
    let mut targets = Targets {
        options,
        work: work.path(),
        seeds: BTreeMap::new(),
    };
    for role in [Role::Responder, Role::Initiator] {
        for name in targets_of(role) {
            targets.prepare(name)?;
        }
    }
    let (names, lines) = match options.beside.is_empty() {
        true => ("", ""),
        false => (
            " found by the campaign | runs | after | dialogues |",
            "---|---|---|---|",
        ),
    };
    println!("{COLUMNS}{names}\n{UNDER_COLUMNS}{lines}");
    let mut rows = Vec::new();
    for defect in sample {
        let runs = (1..=options.runs).map(|seed| targets.hunt(&defect, seed));
        let hunts = Hunts {
            defect: Some(defect),
            role: defect.role,
            runs: runs.collect::<Result<_, _>>()?,
        };
        let key = (defect.lapse.id().to_owned(), defect.role.to_string());
        let beside = options.beside.get(&key);
        println!(
            "{}{}",
            hunts.row().unwrap_or_default(),
            beside.map_or(String::new(), |columns| format!(" {columns} |"))
        );
        rows.push(hunts);
    }
    println!("\n{}", selftest::summary(&rows, options.time));
    Ok(())
}

impl Targets<'_> {
    /// Writes its seeds. A target that fails on them without a defect finds nothing when it fails with one.
    fn prepare(&mut self, name: &'static str) -> Result<(), String> {
        if self.seeds.contains_key(name) {
            return Ok(());
        }
        let folder = self.work.join("seeds").join(name);
        let target = find(name).ok_or_else(|| format!("no target is called {name}"))?;
        let written = target.write_seeds(&folder);
        written.map_err(|error| format!("failed to write {}: {error}", folder.display()))?;
        self.seeds.insert(name, folder);
        let mut running = self.start(name, "-runs=0", None)?;
        let status = running.child.wait().map_err(|error| error.to_string())?;
        match status.success() {
            true => Ok(()),
            false => Err(format!(
                "{name} fails on its seeds without a defect\n{}",
                last_lines(&running.log())
            )),
        }
    }

    /// All targets of the defect's role at once, until one finds it or the time is over.
    fn hunt(&self, defect: &Defect, seed: usize) -> Result<Hunted, String> {
        let started = Instant::now();
        let (ended, ends) = mpsc::channel();
        let mut hunting = Vec::new();
        for (at, name) in targets_of(defect.role).iter().enumerate() {
            let mut running = self.start(name, &format!("-seed={seed}"), Some(defect))?;
            let (mut stdout, ended) = (running.child.stdout.take(), ended.clone());
            thread::spawn(move || {
                // Nothing is written there: it ends with the process.
                if let Some(stdout) = &mut stdout {
                    let _ = io::copy(stdout, &mut io::sink());
                }
                let _ = ended.send(at);
            });
            hunting.push(running);
        }
        let found = match ends.recv_timeout(self.options.time) {
            Ok(at) => Some(hunting[at].found(defect)?),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => None,
        };
        Ok(Hunted {
            found,
            took: started.elapsed(),
            // The campaign's measure; a target's executions are none.
            plays: 0,
        })
    }

    fn start(
        &self,
        name: &'static str,
        argument: &str,
        lapsing: Option<&Defect>,
    ) -> Result<Running, String> {
        let failed = |error| format!("failed to run {name}: {error}");
        // What is found on the way goes to a folder of its own, which comes first.
        let corpus = self.work.join("corpus").join(name);
        let _ = fs::remove_dir_all(&corpus);
        fs::create_dir_all(&corpus).map_err(failed)?;
        let log = self.work.join(format!("{name}.log"));
        let mut command = Command::new(self.options.binaries.join(name));
        command
            .args(&self.options.libfuzzer)
            .arg(argument)
            .arg(format!("-artifact_prefix={}/", corpus.display()))
            .args([&corpus, &self.seeds[name]])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).map_err(failed)?);
        if let Some(lapsing) = lapsing {
            command.env(defect::VARIABLE, defect::name(lapsing));
        }
        let child = command.spawn().map_err(failed)?;
        Ok(Running { name, child, log })
    }
}

/// A target's process, which ends with this.
struct Running {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Running {
    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Which claim did not hold, of a process that has ended: what stands behind the line that says where.
    fn found(&self, defect: &Defect) -> Result<Found, String> {
        let (name, log) = (self.name, self.log());
        let mut lines = log.lines();
        // A claim, or what libFuzzer itself watches.
        let says_where =
            |line: &str| line.contains("panicked at") || line.contains("ERROR: libFuzzer: ");
        if !lines.any(says_where) {
            return Err(format!(
                "{name} ended and found nothing\n{}",
                last_lines(&log)
            ));
        }
        let claim = lines.next().unwrap_or_default();
        let key: String = claim.chars().take(CLAIM_LEN_CHARS_MAX).collect();
        eprintln!("{}: {name}: {key}", defect::name(defect));
        Ok(Found {
            by: format!("`{name}`"),
            key,
            told: claim.to_owned(),
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn last_lines(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(LINES_SHOWN_MAX)..].join("\n")
}
