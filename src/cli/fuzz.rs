//! `syncspec fuzz`: a campaign against a live host.

use std::{
    collections::BTreeSet,
    fs,
    io::{self, IsTerminal as _},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use indicatif::ProgressBar;
use sha2::{Digest as _, Sha256};
use syncspec::{
    actor::Patience,
    campaign::{Campaign, Dialogue, Finding, Key, script},
    crypto::kem::KemId,
    rules::Level,
    runner::{
        self, Looks, RunOptions,
        campaign::{CampaignOptions, News, Over, coverage_json, lane_fixtures, play_campaign},
    },
    scenario::CaseTemplate,
    target::{contact_scenario, provision::Provision},
    wire::{Role, RpcProtocol},
};

use super::{
    ProtocolArg, doctor, exit, kem_id, print_json, protocols_of,
    run::random_seed,
    signals::{Signal, Signals},
    tls_roots,
};

/// Most dialogues at a time.
const JOBS_MAX: usize = 64;
/// Between two lines of progress, where nobody looks at a terminal.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(10);
/// Largest file that is read from a corpus; our own are below a tenth of it.
const CORPUS_FILE_LEN_BYTES_MAX: u64 = 64 * 1024;

/// Makes up dialogues, plays them against a host, and saves each broken rule as a short scenario.
#[derive(clap::Args)]
pub struct FuzzArgs {
    /// Host to fuzz, http://HOST:PORT[/PREFIX] or https://...; without one, the reference on a loopback port
    #[arg(long, value_name = "URL")]
    target: Option<String>,
    /// Trust the authorities in this PEM file too, for an https:// target
    #[arg(long, value_name = "FILE")]
    tls_ca: Option<PathBuf>,
    /// How long, such as 90s, 10m or 2h
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration)]
    time: Duration,
    /// Stop after so many dialogues
    #[arg(long, value_name = "N")]
    plays: Option<u64>,
    /// Seed of all that is made up
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Dialogues at a time
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = jobs)]
    jobs: usize,
    /// Folder to go on from and to write to: corpus/, findings/, coverage.json. Folders of several machines merge by copying
    #[arg(long, value_name = "DIR", default_value = "fuzz-campaign")]
    corpus: PathBuf,
    /// Play the share I of N of the corpus, and make up other dialogues than the other shares do
    #[arg(long, value_name = "I/N", value_parser = shard)]
    shard: Option<(u64, u64)>,
    /// RPC protocol to speak
    #[arg(long, value_enum, default_value_t = ProtocolArg::Both)]
    protocol: ProtocolArg,
    /// KEM id to derive keys with: 0051 as deployed, 0050 as published
    #[arg(long, value_name = "ID", value_parser = kem_id, default_value = "0051")]
    kem_id: KemId,
    /// Fail on broken `should` and `deployed` rules too
    #[arg(long)]
    strict: bool,
    /// Print what the host must be given for this number of jobs, and play nothing
    #[arg(long, value_enum, value_name = "FORMAT")]
    provision: Option<ProvisionFormat>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum ProvisionFormat {
    /// A layout of our own, for any peer
    Json,
    /// The configuration file of deployed peers
    BackrestConfig,
}

pub fn fuzz(args: &FuzzArgs) -> Result<u8, u8> {
    let provision = provision(args.jobs);
    if let Some(format) = args.provision {
        return print_json(&match format {
            ProvisionFormat::Json => provision.to_json(),
            ProvisionFormat::BackrestConfig => provision.to_backrest_config(),
        });
    }
    let seed = match args.seed {
        Some(seed) => seed,
        None => random_seed()?,
    };
    let corpus = Folder::open(&args.corpus)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| {
        eprintln!("error: failed to start: {error}");
        exit::SUITE
    })?;
    runtime.block_on(play(args, seed, &corpus, &provision))
}

fn provision(jobs: usize) -> Provision {
    let contacts = RpcProtocol::ALL.map(|protocol| contact_scenario(Role::Responder, protocol));
    let lanes = lane_fixtures(jobs);
    Provision::for_cases(lanes.iter().chain(&contacts))
}

async fn play(
    args: &FuzzArgs,
    seed: u64,
    folder: &Folder,
    provision: &Provision,
) -> Result<u8, u8> {
    let url = match &args.target {
        Some(url) => url.clone(),
        None => {
            let started = runner::start_reference(provision).await;
            let reference = started.map_err(|error| {
                eprintln!("error: failed to {error}");
                exit::SUITE
            })?;
            reference.url
        }
    };
    let run = RunOptions {
        url: url.clone(),
        switchboard: None,
        tls_roots: tls_roots(args.tls_ca.as_ref())?,
        seed,
        at_once: args.jobs,
        held_to: if args.strict {
            Level::Deployed
        } else {
            Level::Must
        },
        kem_id: args.kem_id,
        looks: Looks::default(),
        client_looks: Looks::default(),
    };
    let options = CampaignOptions {
        protocols: protocols_of(args.protocol).to_vec(),
        lanes: args.jobs,
        time: args.time,
        plays_max: args.plays,
        stop: Arc::new(AtomicBool::new(false)),
        run,
    };
    let measured = doctor::round_trip(&options.run, &url, Role::Responder, &options.protocols);
    let patience = Patience::from_round_trip(measured.await?);
    let known = folder.dialogues(args.shard)?;
    println!(
        "fuzzing {url} for {} s, seed {seed}, {} dialogues to go on from",
        args.time.as_secs(),
        known.len()
    );
    let (of, shards) = args.shard.unwrap_or((1, 1));
    let mut campaign = Campaign::new(seed.wrapping_mul(shards).wrapping_add(of - 1), known);
    listen_for_the_end(&options.stop)?;
    let mut teller = Teller::new(folder, seed, options.run.held_to);
    let over = play_campaign(&mut campaign, &options, patience, &mut |news| {
        teller.tell(&news)
    })
    .await;
    teller.finish(&campaign);
    folder.write(
        "coverage.json",
        &format!("{:#}\n", coverage_json(&campaign)),
    )?;
    if let Some(error) = teller.failed {
        eprintln!("error: {error}");
        return Err(exit::SUITE);
    }
    match over {
        Over::Broken(message) => {
            eprintln!("error: {message}");
            Err(exit::SUITE)
        }
        Over::PeerGone(mistake) => {
            eprintln!(
                "error: the peer at {url} has ended and does not come back: {}",
                mistake.seen
            );
            Ok(if teller.red {
                exit::BROKEN
            } else {
                exit::NOT_JUDGED
            })
        }
        Over::Done if teller.red => Ok(exit::BROKEN),
        Over::Done if campaign.played_count() == 0 => Ok(exit::NOT_JUDGED),
        Over::Done => Ok(exit::CONFORMS),
    }
}

fn listen_for_the_end(stop: &Arc<AtomicBool>) -> Result<(), u8> {
    let mut signals = Signals::new().map_err(|error| {
        eprintln!("error: failed to listen for signals: {error}");
        exit::SUITE
    })?;
    let stop = stop.clone();
    tokio::spawn(async move {
        while !matches!(signals.next().await, Signal::Leave) {}
        stop.store(true, Ordering::Relaxed);
    });
    Ok(())
}

/// Says what happens, and keeps it.
struct Teller<'a> {
    folder: &'a Folder,
    seed: u64,
    held_to: Level,
    started: Instant,
    told: Instant,
    bar: Option<ProgressBar>,
    found: usize,
    told_of: BTreeSet<String>,
    red: bool,
    /// Why something could not be kept.
    failed: Option<String>,
}

impl<'a> Teller<'a> {
    fn new(folder: &'a Folder, seed: u64, held_to: Level) -> Self {
        Teller {
            folder,
            seed,
            held_to,
            started: Instant::now(),
            told: Instant::now(),
            bar: io::stdout().is_terminal().then(ProgressBar::new_spinner),
            found: 0,
            told_of: BTreeSet::new(),
            red: false,
            failed: None,
        }
    }

    fn tell(&mut self, news: &News<'_>) {
        match news {
            News::Novel(dialogue) => {
                let kept = self.folder.keep_dialogue(dialogue);
                self.note(kept);
            }
            News::Found(finding) => {
                let kept = self.folder.keep_finding(finding, self.seed);
                self.red |= finding.key.rule.level() <= self.held_to;
                match kept {
                    Ok(is_first) => {
                        self.found += usize::from(is_first);
                        // A finding that gets shorter, or turns out to be another, is told of once.
                        if self.told_of.insert(finding.key.file_name()) {
                            let level = finding.key.rule.level().name();
                            self.say(&format!(
                                "found: {} ({level}); expected {}, seen {}",
                                finding.key, finding.told.expected, finding.told.seen
                            ));
                        }
                    }
                    Err(error) => self.failed = Some(error),
                }
            }
            News::Dropped(key) => {
                let dropped = self.folder.drop_finding(key);
                self.note(dropped);
                self.found = self.found.saturating_sub(1);
            }
            News::Gone => self.say("the peer has ended; waiting for it to come back"),
            News::Back => self.say("the peer is back"),
            News::Played(campaign) => self.progress(campaign),
        }
    }

    fn note(&mut self, kept: Result<(), String>) {
        if let Err(error) = kept {
            self.failed = Some(error);
        }
    }

    fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None => println!("{line}"),
        }
    }

    fn line(&self, campaign: &Campaign) -> String {
        let seconds = self.started.elapsed().as_secs_f64();
        let played = campaign.played_count();
        format!(
            "{played} dialogues, {:.0}/s, {} states and {} transitions visited, {} findings",
            played as f64 / seconds.max(0.001),
            campaign.coverage().states(),
            campaign.coverage().transitions(),
            self.found
        )
    }

    fn progress(&mut self, campaign: &Campaign) {
        match &self.bar {
            Some(bar) => {
                bar.set_message(self.line(campaign));
                bar.tick();
            }
            None if self.told.elapsed() >= PROGRESS_INTERVAL => {
                self.told = Instant::now();
                println!("{}", self.line(campaign));
            }
            None => {}
        }
    }

    fn finish(&self, campaign: &Campaign) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        println!("{}", self.line(campaign));
        if self.found > 0 {
            println!(
                "each finding is a scenario in {}: play them with `syncspec run --scenarios`",
                self.folder.0.join("findings").display()
            );
        }
    }
}

/// What outlives a campaign.
struct Folder(PathBuf);

impl Folder {
    fn open(path: &Path) -> Result<Folder, u8> {
        let folder = Folder(path.to_owned());
        for part in ["corpus", "findings"] {
            let part = folder.0.join(part);
            fs::create_dir_all(&part).map_err(|error| {
                eprintln!(
                    "error: failed to make the folder {}: {error}",
                    part.display()
                );
                exit::USAGE
            })?;
        }
        Ok(folder)
    }

    /// The dialogues of the corpus that fall to this shard. A file that cannot be read as one ends the command: a
    /// corpus that shrinks unseen finds less.
    fn dialogues(&self, shard: Option<(u64, u64)>) -> Result<Vec<Dialogue>, u8> {
        let folder = self.0.join("corpus");
        let failed = |path: &Path, why: &dyn std::fmt::Display| {
            eprintln!(
                "error: failed to read the dialogue {}: {why}",
                path.display()
            );
            exit::USAGE
        };
        let entries = fs::read_dir(&folder).map_err(|error| failed(&folder, &error))?;
        let mut paths: Vec<PathBuf> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .collect();
        paths.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
        paths.sort();
        let mut dialogues = Vec::new();
        for (at, path) in paths.iter().enumerate() {
            if shard.is_some_and(|(of, shards)| at as u64 % shards != of - 1) {
                continue;
            }
            let length = fs::metadata(path)
                .map_err(|error| failed(path, &error))?
                .len();
            if length > CORPUS_FILE_LEN_BYTES_MAX {
                return Err(failed(
                    path,
                    &format!("expected at most {CORPUS_FILE_LEN_BYTES_MAX} bytes, saw {length}"),
                ));
            }
            let text = fs::read_to_string(path).map_err(|error| failed(path, &error))?;
            let dialogue: Dialogue =
                serde_json::from_str(&text).map_err(|error| failed(path, &error))?;
            if script(&dialogue).is_none() {
                return Err(failed(path, &"a turn makes no sense where it stands"));
            }
            dialogues.push(dialogue);
        }
        Ok(dialogues)
    }

    fn keep_dialogue(&self, dialogue: &Dialogue) -> Result<(), String> {
        // A dialogue is made of numbers and texts, which all have a JSON form.
        let text = serde_json::to_string(dialogue).unwrap_or_default();
        let digest: String = Sha256::digest(&text)[..16]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let path = self.0.join("corpus").join(format!("{digest}.json"));
        match path.exists() {
            true => Ok(()),
            false => put(&path, &text),
        }
    }

    /// Saves it as a scenario, in place of a longer one; says whether it is the first of its kind.
    fn keep_finding(&self, finding: &Finding, seed: u64) -> Result<bool, String> {
        let name = finding.key.file_name();
        let path = self.finding_path(&finding.key);
        let Some(script) = script(&finding.dialogue) else {
            return Err(format!("{name} makes no sense as a dialogue"));
        };
        let template = CaseTemplate::generated(&name, &script.file).map_err(|errors| {
            errors
                .iter()
                .map(|error| error.render())
                .collect::<String>()
        })?;
        let one_line = |text: &str| text.replace(|c: char| c.is_control(), " ");
        let text = format!(
            "# Found by `syncspec fuzz --seed {seed}`: {}.\n# Expected: {}\n# Seen: {}\n{}\n",
            finding.key.rule,
            one_line(&finding.told.expected),
            one_line(&finding.told.seen),
            template.yaml()
        );
        let is_first = !path.exists();
        put(&path, &text)?;
        Ok(is_first)
    }

    fn drop_finding(&self, key: &Key) -> Result<(), String> {
        let path = self.finding_path(key);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(format!("failed to remove {}: {error}", path.display()))
            }
            _ => Ok(()),
        }
    }

    fn finding_path(&self, key: &Key) -> PathBuf {
        let name = format!("{}.yaml", key.file_name());
        self.0.join("findings").join(name)
    }

    fn write(&self, name: &str, text: &str) -> Result<(), u8> {
        put(&self.0.join(name), text).map_err(|error| {
            eprintln!("error: {error}");
            exit::SUITE
        })
    }
}

/// Whole or not at all: somebody may press Ctrl-C twice.
fn put(path: &Path, text: &str) -> Result<(), String> {
    let beside = path.with_extension("new");
    fs::write(&beside, text)
        .and_then(|()| fs::rename(&beside, path))
        .map_err(|error| format!("failed to write {}: {error}", path.display()))
}

fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "expected a whole number above 0, then s, m or h".to_owned();
    let unit = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let count: u64 = text[..unit].parse().map_err(|_| wrong())?;
    let seconds = match &text[unit..] {
        "s" => Some(count),
        "m" => count.checked_mul(60),
        "h" => count.checked_mul(3600),
        _ => None,
    };
    match seconds {
        Some(seconds @ 1..) => Ok(Duration::from_secs(seconds)),
        _ => Err(wrong()),
    }
}

fn jobs(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(jobs @ 1..=JOBS_MAX) => Ok(jobs),
        _ => Err(format!("expected a number from 1 to {JOBS_MAX}")),
    }
}

fn shard(text: &str) -> Result<(u64, u64), String> {
    let wrong = || "expected I/N, I from 1 to N".to_owned();
    let (of, shards) = text.split_once('/').ok_or_else(wrong)?;
    match (of.parse(), shards.parse()) {
        (Ok(of @ 1..), Ok(shards)) if of <= shards => Ok((of, shards)),
        _ => Err(wrong()),
    }
}
