//! The suite asked what it would catch: every case against the reference with one defect at a time, and against honest
//! peers that are merely unusual.
//!
//! It refuses to count what proves nothing: a defect is caught by a case that is green on the honest reference and red,
//! with a finding at least as strong as the rule that the defect breaks, on the one that has it. A case that could not be
//! judged catches nothing.

mod challenge;
mod hunt;
mod hunts;
mod matrix;
mod pairs;
mod survivors;

use std::{
    collections::HashSet,
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{sync::Semaphore, task::JoinSet};

pub use challenge::{Challenged, Kill};
pub use hunt::{Found, HuntOptions, Hunted, hunt, sample};
pub use hunts::{COLUMNS, Hunts, UNDER_COLUMNS, summary, table};
pub use matrix::{Matrix, json, print, print_row};
pub use pairs::Pair;
pub use survivors::reason;

use crate::{
    actor::Patience,
    lapses::{Defect, Lapses, Quirk, defects},
    reference::config::Config,
    report::{CaseResult, Outcome},
    rules::Level,
    runner::{Job, StartError, reference_config},
    scenario::{
        deviation::{Deviation, Flag},
        load_error::LoadError,
        model::Scenario,
    },
    target::provision::Provision,
    wire::Role,
};
use challenge::{Opponent, challenge, play_all};

/// Defects challenged at once: most of a case is waiting for a peer that stays silent.
const AT_ONCE: usize = 16;

/// For honest peers in this process: a stall of the machine is the only thing to bear with.
const PATIENCE: Patience = Patience {
    answer: Duration::from_secs(10),
    grace: Duration::from_millis(60),
};

/// For peers with defects, some of which fall silent: what the slowest case took of an honest one, several times over.
fn patience(slowest: Duration) -> Patience {
    const ANSWER_MIN: Duration = Duration::from_secs(1);
    Patience {
        answer: (slowest * 4).clamp(ANSWER_MIN, PATIENCE.answer),
        ..PATIENCE
    }
}

/// What to find out.
#[derive(Clone, Debug, Default)]
pub struct Questions {
    /// Ids of the defects to look at; none for all.
    pub only: Vec<String>,
    /// Play every case against every defect, rather than until it is caught.
    pub full: bool,
    /// How many pairs of defects to switch on together.
    pub pairs: usize,
    /// Seed of all our randomness.
    pub seed: u64,
}

/// What a self-test came to.
#[derive(Debug)]
pub struct SelfTest {
    /// Each defect, and what caught it.
    pub matrix: Matrix,
    /// Pairs of defects, and whether either hides the other.
    pub pairs: Vec<Pair>,
    /// Cases that were not green on the honest reference, before or after. Those before catch nothing; where there are
    /// any after, the machine was too busy for the others to be believed.
    pub not_green: Vec<CaseResult>,
    /// How long it took.
    pub duration: Duration,
}

/// What an unusual but honest peer turned red.
#[derive(Debug)]
pub struct Alarm {
    /// The peer.
    pub quirk: Quirk,
    /// Cases played against it.
    pub played: usize,
    /// Those that were not green.
    pub false_alarms: Vec<CaseResult>,
    /// Those with a remark on what deployed peers do.
    pub remarks: usize,
}

/// The suite cannot be asked.
#[derive(Debug)]
#[non_exhaustive]
pub enum SelfTestError {
    /// The reference did not start.
    Start(StartError),
    /// No defect has this id.
    UnknownDefect(String),
    /// A ground of the campaign is no scenario, which is the suite's own fault.
    Ground(Vec<LoadError>),
}

impl fmt::Display for SelfTestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SelfTestError::Start(error) => error.fmt(f),
            SelfTestError::Ground(errors) => {
                let errors = errors.iter().map(LoadError::render);
                write!(
                    f,
                    "load a ground of the campaign: {}",
                    errors.collect::<String>()
                )
            }
            SelfTestError::UnknownDefect(id) => {
                write!(
                    f,
                    "find the defect `{id}`: `syncspec self-test --list` prints them all"
                )
            }
        }
    }
}

impl std::error::Error for SelfTestError {}

impl From<StartError> for SelfTestError {
    fn from(error: StartError) -> Self {
        SelfTestError::Start(error)
    }
}

/// Whether a peer of this role can be challenged yet.
fn is_playable(role: Role, jobs: &[Job]) -> bool {
    jobs.iter().any(|job| job.scenario.role == role)
}

/// Challenges every defect with the jobs, and the honest reference before and after, so that nothing is counted that a
/// tired machine did.
///
/// # Errors
/// [`SelfTestError`].
pub async fn self_test(
    jobs: Vec<Job>,
    questions: &Questions,
    tell: &mut dyn FnMut(&Challenged),
) -> Result<SelfTest, SelfTestError> {
    let started = Instant::now();
    let wanted = wanted(&questions.only, &jobs)?;
    let jobs: Arc<[Job]> = jobs.into();
    let mut arena = Arena {
        config: config_for(&jobs)?,
        jobs,
        seed: questions.seed,
        full: questions.full,
        patience: PATIENCE,
    };
    let (slowest, before) = arena.honest_run().await?;
    arena.patience = patience(slowest);
    arena.set_aside(&before);
    let arena = Arc::new(arena);
    let tasks = wanted
        .iter()
        .map(|&defect| arena.clone().face(vec![defect]));
    let mut challenged = side_by_side(tasks, tell).await?;
    arena.ask_again(&mut challenged, tell).await?;
    challenged.sort_by(|a, b| a.defects.cmp(&b.defects));
    let pairs = pairs::draw(&caught(&challenged), questions)
        .into_iter()
        .map(|pair| arena.clone().face(pair.to_vec()));
    let pairs = side_by_side(pairs, &mut |_| {}).await?;
    let (_, after) = arena.honest_run().await?;
    Ok(SelfTest {
        not_green: before.into_iter().chain(after).collect(),
        matrix: Matrix::new(challenged, questions.full),
        pairs: pairs.into_iter().map(Pair::from).collect(),
        duration: started.elapsed(),
    })
}

/// Plays every job against each honest but unusual peer, and tells of each when it is done.
///
/// # Errors
/// [`SelfTestError::Start`].
pub async fn honest_but_unusual(
    jobs: Vec<Job>,
    only: &[String],
    seed: u64,
    tell: &mut dyn FnMut(&Alarm),
) -> Result<Vec<Alarm>, SelfTestError> {
    let config = config_for(&jobs)?;
    let mut alarms = Vec::new();
    let is_wanted = |quirk: &&Quirk| only.is_empty() || only.iter().any(|id| id == quirk.id());
    for &quirk in Quirk::ALL.iter().filter(is_wanted) {
        let opponent = Opponent::start(&config, Lapses::NONE.with(quirk)).await?;
        let results = play_all(&opponent, jobs_for(quirk, &jobs), seed, PATIENCE).await;
        let played = results.len();
        let weakest = |result: &CaseResult| {
            let levels = result.findings.iter().map(|finding| finding.rule.level());
            levels.min()
        };
        let (remarked, false_alarms) = results
            .into_iter()
            .filter(|result| result.outcome != Outcome::Passed)
            .partition::<Vec<_>, _>(|result| weakest(result) == Some(Level::Deployed));
        let alarm = Alarm {
            quirk,
            played,
            false_alarms,
            remarks: remarked.len(),
        };
        tell(&alarm);
        alarms.push(alarm);
    }
    Ok(alarms)
}

/// The jobs as this peer shows itself in them: one that compresses does so only for who offers it.
fn jobs_for(quirk: Quirk, jobs: &[Job]) -> Vec<Job> {
    let mut jobs = jobs.to_vec();
    if quirk == Quirk::Gzip {
        for job in &mut jobs {
            let scenario = Arc::make_mut(&mut job.scenario);
            scenario.deviate.push(Deviation::OfferGzip(Flag::On));
        }
    }
    jobs
}

fn config_for(jobs: &[Job]) -> Result<Config, StartError> {
    let hosted = jobs
        .iter()
        .filter(|job| job.scenario.role == Role::Responder);
    config_of(hosted.map(|job| &*job.scenario))
}

fn config_of<'a>(cases: impl IntoIterator<Item = &'a Scenario>) -> Result<Config, StartError> {
    reference_config(&Provision::for_cases(cases))
}

fn wanted(only: &[String], jobs: &[Job]) -> Result<Vec<Defect>, SelfTestError> {
    let all: Vec<Defect> = defects()
        .filter(|defect| is_playable(defect.role, jobs))
        .collect();
    all_known(only)?;
    let is_wanted =
        |defect: &Defect| only.is_empty() || only.iter().any(|id| id == defect.lapse.id());
    Ok(all.into_iter().filter(is_wanted).collect())
}

/// Every id is a defect's.
fn all_known(ids: &[String]) -> Result<(), SelfTestError> {
    let known: HashSet<&str> = defects().map(|defect| defect.lapse.id()).collect();
    match ids.iter().find(|id| !known.contains(id.as_str())) {
        None => Ok(()),
        Some(unknown) => Err(SelfTestError::UnknownDefect(unknown.clone())),
    }
}

/// Where every defect is challenged.
struct Arena {
    config: Config,
    jobs: Arc<[Job]>,
    seed: u64,
    full: bool,
    patience: Patience,
}

impl Arena {
    /// Leaves out the cases that are not green on the honest reference.
    fn set_aside(&mut self, not_green: &[CaseResult]) {
        let is_green = |job: &&Job| {
            let mut not_green = not_green.iter();
            !not_green.any(|result| {
                result.scenario.id == job.scenario.id
                    && result.scenario.role == job.scenario.role
                    && result.protocol == job.protocol
            })
        };
        self.jobs = self.jobs.iter().filter(is_green).cloned().collect();
    }

    /// Plays every case on the honest reference: how long the slowest green one took, and those that are not green.
    async fn honest_run(&self) -> Result<(Duration, Vec<CaseResult>), SelfTestError> {
        let opponent = Opponent::start(&self.config, Lapses::NONE).await?;
        let quick = self.jobs.iter().filter(|job| !challenge::is_long(job));
        let results = play_all(
            &opponent,
            quick.cloned().collect(),
            self.seed,
            self.patience,
        )
        .await;
        let (green, not_green): (Vec<_>, Vec<_>) = results
            .into_iter()
            .partition(|result| result.outcome == Outcome::Passed && result.findings.is_empty());
        let slowest = green.iter().map(|result| result.duration).max();
        Ok((slowest.unwrap_or_default(), not_green))
    }

    /// Challenges what nothing caught, and nothing excuses, once more and alone: beside so many others a client may act on
    /// what it should refuse only after the case has gone by.
    async fn ask_again(
        &self,
        challenged: &mut [Challenged],
        tell: &mut dyn FnMut(&Challenged),
    ) -> Result<(), StartError> {
        let is_open = |row: &&mut Challenged| {
            let mut defects = row.defects.iter();
            !row.is_caught() && defects.any(|defect| reason(*defect).is_none())
        };
        for row in challenged.iter_mut().filter(is_open) {
            *row = challenge(self, row.defects.clone()).await?;
            tell(row);
        }
        Ok(())
    }

    async fn face(self: Arc<Self>, defects: Vec<Defect>) -> Result<Challenged, StartError> {
        challenge(&self, defects).await
    }
}

async fn side_by_side<F>(
    challenges: impl Iterator<Item = F>,
    tell: &mut dyn FnMut(&Challenged),
) -> Result<Vec<Challenged>, SelfTestError>
where
    F: Future<Output = Result<Challenged, StartError>> + Send + 'static,
{
    let permits = Arc::new(Semaphore::new(AT_ONCE));
    let mut tasks = JoinSet::new();
    for challenge in challenges {
        let permits = permits.clone();
        tasks.spawn(async move {
            // The semaphore is never closed.
            let _permit = permits.acquire().await;
            challenge.await
        });
    }
    let mut done = Vec::new();
    while let Some(joined) = tasks.join_next().await {
        // A challenge that panics is the suite's own fault, and its defect is missing from the count, which shows.
        if let Ok(challenged) = joined {
            let challenged = challenged?;
            tell(&challenged);
            done.push(challenged);
        }
    }
    Ok(done)
}

fn caught(challenged: &[Challenged]) -> Vec<Defect> {
    let caught = challenged.iter().filter(|row| row.is_caught());
    caught.flat_map(|row| row.defects.iter().copied()).collect()
}
