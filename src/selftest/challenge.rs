//! One peer with its defects, and the cases that are tried on it.

use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::task::AbortHandle;

use super::{AT_ONCE, Arena};
use crate::{
    actor::Patience,
    lapses::{Defect, Lapses},
    net::{client::ClientOptions, host::HostOptions, serve::ServeLimits},
    reference::{config::Config, limits::Settings},
    report::{CaseResult, Outcome},
    rules::{Level, RuleId},
    runner::{self, Caller, Job, Reference, RunOptions, StartError, Switchboard},
    scenario::model::Profile,
    wire::{Role, RpcProtocol},
};

/// Cases that must have caught a defect before the rest are spared.
const KILLS_WANTED: usize = 2;

/// Cases that cannot be judged before the rest are spared too, where none is green: each may cost a wait.
const UNJUDGED_MAX: usize = 8;

/// A case that caught a defect.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kill {
    /// Id of the case.
    pub case: String,
    /// The RPC protocol it was played over.
    pub protocol: RpcProtocol,
    /// The rules it found broken.
    pub rules: BTreeSet<RuleId>,
}

/// A defect, or several at once, and what caught it.
#[derive(Clone, Debug)]
pub struct Challenged {
    /// What the peer got wrong.
    pub defects: Vec<Defect>,
    /// What caught it, in the order of play.
    pub killed_by: Vec<Kill>,
    /// Cases played.
    pub played: usize,
    /// Those that could not be judged.
    pub unjudged: usize,
    /// Those that were green all the same.
    pub passed: usize,
    /// How long it took.
    pub duration: Duration,
}

impl Challenged {
    /// Whether anything caught it.
    pub fn is_caught(&self) -> bool {
        !self.killed_by.is_empty()
    }

    /// Ids of the cases that caught it, each once.
    pub fn cases(&self) -> BTreeSet<&str> {
        self.killed_by
            .iter()
            .map(|kill| kill.case.as_str())
            .collect()
    }

    /// The rules it was seen to break.
    pub fn seen_under(&self) -> BTreeSet<RuleId> {
        self.killed_by
            .iter()
            .flat_map(|kill| kill.rules.iter().copied())
            .collect()
    }

    /// Whether every case that was played caught it, or could not be judged for it: it should be split.
    pub fn is_coarse(&self) -> bool {
        self.is_caught() && self.passed == 0
    }
}

/// A reference in this process, host and clients, which ends with this value.
pub(super) struct Opponent {
    host: Reference,
    task: AbortHandle,
    switchboard: Arc<Switchboard>,
}

impl Drop for Opponent {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Opponent {
    pub async fn start(config: &Config, lapses: Lapses) -> Result<Self, StartError> {
        let options = HostOptions {
            settings: Settings {
                lapses,
                ..Settings::default()
            },
            ..HostOptions::default()
        };
        let limits = ServeLimits {
            lapses,
            ..ServeLimits::default()
        };
        let (host, task) = runner::start_host(config.clone(), options, limits).await?;
        let client = ClientOptions {
            settings: options.settings,
            ..ClientOptions::default()
        };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let switchboard = Switchboard::open(address, Caller::Reference(Box::new(client))).await;
        Ok(Opponent {
            host,
            task,
            switchboard: Arc::new(switchboard.map_err(StartError::Listen)?),
        })
    }

    pub(super) fn options(&self, seed: u64, held_to: Level) -> RunOptions {
        RunOptions {
            url: self.host.url.clone(),
            looks: self.host.looks.clone(),
            switchboard: Some(self.switchboard.clone()),
            at_once: AT_ONCE,
            ..RunOptions::new(seed, held_to)
        }
    }
}

/// Whether a case waits for one of the peer's own deadlines.
pub(super) fn is_long(job: &Job) -> bool {
    job.scenario.profile == Profile::Full
}

/// Plays jobs of either role side by side.
pub(super) async fn play_all(
    opponent: &Opponent,
    jobs: Vec<Job>,
    seed: u64,
    patience: Patience,
) -> Vec<CaseResult> {
    let options = opponent.options(seed, Level::Deployed);
    runner::run(jobs, &options, patience, &mut |_| {}).await
}

/// Tries the cases on a peer with these defects: those that cite a rule it breaks, then, unless that has caught it, the
/// others one by one until something does.
pub(super) async fn challenge(
    arena: &Arena,
    defects: Vec<Defect>,
) -> Result<Challenged, StartError> {
    let started = Instant::now();
    let lapses = defects
        .iter()
        .fold(Lapses::NONE, |lapses, defect| lapses.and(defect.lapse));
    let rules: Vec<RuleId> = defects.iter().map(|defect| defect.lapse.rule()).collect();
    let role = defects
        .first()
        .map_or(Role::Responder, |defect| defect.role);
    // As weak as the weakest of the rules: a `must` is caught only by what fails a run by default.
    let held_to = rules
        .iter()
        .map(|rule| rule.level())
        .max()
        .unwrap_or(Level::Must);
    let opponent = Opponent::start(&arena.config, lapses).await?;
    let options = opponent.options(arena.seed, held_to);
    let (citing, others) = order(&arena.jobs, role, &rules, arena.full);
    let mut challenged = Challenged {
        defects,
        killed_by: Vec::new(),
        played: 0,
        unjudged: 0,
        passed: 0,
        duration: Duration::ZERO,
    };
    for (jobs, kills_wanted) in [(citing, KILLS_WANTED), (others, 1)] {
        for job in jobs {
            let is_hopeless = challenged.passed == 0 && challenged.unjudged >= UNJUDGED_MAX;
            if !arena.full && (challenged.cases().len() >= kills_wanted || is_hopeless) {
                break;
            }
            let result = runner::play(job, &options, arena.patience).await;
            challenged.note(result);
        }
    }
    challenged.duration = started.elapsed();
    Ok(challenged)
}

impl Challenged {
    fn note(&mut self, result: CaseResult) {
        self.played += 1;
        match result.outcome {
            Outcome::Failed => self.killed_by.push(Kill {
                case: result.scenario.id.clone(),
                protocol: result.protocol,
                rules: result.findings.iter().map(|finding| finding.rule).collect(),
            }),
            Outcome::Inconclusive => self.unjudged += 1,
            Outcome::Passed => self.passed += 1,
            _ => {}
        }
    }
}

/// The jobs of this role: those that cite one of the rules, then the others, the nearest first. Long ones are played only
/// where they are about the rule. Unless everything is asked for, the others are those of the same area, and over one RPC
/// protocol where the defect is not one of the RPC itself: what nothing near catches counts as not caught.
fn order(jobs: &[Job], role: Role, rules: &[RuleId], full: bool) -> (Vec<Job>, Vec<Job>) {
    let area = |rule: &RuleId| rule.as_str().split('.').next().unwrap_or_default();
    let is_of_rpc = rules.iter().any(|rule| area(rule) == "rpc");
    let is_near = |job: &Job| {
        let mut cited = job.scenario.rules.iter();
        cited.any(|cited| rules.iter().any(|rule| area(rule) == area(cited)))
    };
    let of_role = jobs.iter().filter(|job| job.scenario.role == role);
    let (mut citing, mut others): (Vec<Job>, Vec<Job>) = of_role
        .cloned()
        .partition(|job| job.scenario.rules.iter().any(|rule| rules.contains(rule)));
    others.retain(|job| {
        let is_spoken = is_of_rpc || job.protocol == RpcProtocol::Connect;
        !is_long(job) && (full || is_spoken && is_near(job))
    });
    citing.sort_by_key(|job| (is_long(job), job.protocol));
    others.sort_by_key(|job| (job.scenario.alone, job.protocol, !is_near(job)));
    (citing, others)
}
