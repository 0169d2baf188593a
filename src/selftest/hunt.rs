//! The live campaign asked what it finds: one defect at a time in the reference, against a clock.
//!
//! The campaign knows nothing of the defect: the cases that cite the rule it breaks are withheld from what is varied.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::Value as Json;

use super::{SelfTestError, all_known, challenge::Opponent, config_of};
use crate::{
    actor::Patience,
    campaign::{
        Campaign, script,
        variation::{Base, Search, Stock, grounds},
    },
    lapses::{Defect, Lapses, defects},
    reference::config::Config,
    rules::{Binds, Level},
    runner::{
        Job,
        campaign::{
            Always, CampaignOptions, News, lane_fixtures, play_campaign,
            variations::{Pair, Tidings, VariationOptions, play_variations},
        },
    },
    scenario::CaseTemplate,
    wire::{Role, RpcProtocol},
};

/// For honest peers in this process, which answer at once.
const QUICK: Patience = Patience {
    answer: Duration::from_millis(600),
    grace: Duration::from_millis(25),
};
/// The same where something looks amiss: then a stall of the machine is to be borne with.
const SURE: Patience = Patience {
    answer: Duration::from_secs(3),
    grace: Duration::from_millis(120),
};
/// How long one kind of search goes on before the other has its turn.
const SLICE: Duration = Duration::from_secs(8);

/// Pairs of peers; lanes share them. What one lane does to its peer another then sees, as with a peer from outside.
const PAIRS_MAX: usize = 8;

/// How the campaign is asked.
#[derive(Clone, Copy, Debug)]
pub struct HuntOptions {
    /// How long it may take to find one defect.
    pub time: Duration,
    /// Dialogues at a time.
    pub lanes: usize,
    /// Seed of all that is made up.
    pub seed: u64,
}

/// What came of one hunt.
#[derive(Clone, Debug)]
pub struct Hunted {
    /// How the defect was found; none where it was not.
    pub found: Option<Found>,
    /// How long it took.
    pub took: Duration,
    /// Dialogues played.
    pub plays: u64,
}

/// How a defect was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// By a rule that is broken, or only by a difference to the reference.
    pub by: String,
    /// What it was called.
    pub key: String,
    /// What had to come, what came, and the scenario that shows it.
    pub told: String,
}

/// Some defects spread evenly over all that a stream can show: every so manieth of the list, which goes by rule. What only
/// the state service shows is no part of it. With `only` those of these ids: of the sample where they are all in it, and
/// else of all defects.
///
/// # Errors
/// An id that no defect has.
pub fn sample(count: usize, only: &[String]) -> Result<Vec<Defect>, SelfTestError> {
    let shown: Vec<Defect> = defects()
        .filter(|defect| defect.lapse.binds() != Binds::State)
        .collect();
    let count = count.min(shown.len());
    let mut sample: Vec<Defect> = (0..count)
        .map(|at| shown[at * shown.len() / count])
        .collect();
    if only.is_empty() {
        return Ok(sample);
    }
    all_known(only)?;
    let has = |defect: &Defect, id: &String| defect.lapse.id() == id.as_str();
    let is_sampled = |id: &String| sample.iter().any(|defect| has(defect, id));
    if !only.iter().all(is_sampled) {
        sample = defects().collect();
    }
    sample.retain(|defect| only.iter().any(|id| has(defect, id)));
    Ok(sample)
}

/// Hunts one defect, or with none the honest reference.
///
/// # Errors
/// Where the reference cannot be started.
pub async fn hunt(
    jobs: &[Job],
    defect: Option<Defect>,
    role: Role,
    options: &HuntOptions,
) -> Result<Hunted, SelfTestError> {
    let withheld = defect.map(|defect| defect.lapse.rule());
    let is_known = |job: &&Job| {
        job.scenario.role == role
            && !job
                .scenario
                .rules
                .iter()
                .any(|rule| Some(*rule) == withheld)
    };
    let bases = jobs.iter().filter(is_known).cloned().map(Base::from);
    // They claim nothing, so there is nothing of the defect in them.
    let grounds = grounds(role, &RpcProtocol::ALL).map_err(SelfTestError::Ground)?;
    let stock = Arc::new(Stock::new(role, bases.chain(grounds)));
    let lanes = lane_fixtures(options.lanes);
    let cases = stock.bases().iter().map(|base| &*base.scenario);
    let config = match role {
        Role::Responder => config_of(cases.chain(&lanes))?,
        Role::Initiator => config_of(&lanes)?,
    };
    let lapses = defect.map_or(Lapses::NONE, |defect| Lapses::NONE.and(defect.lapse));
    let (_opponents, mut pairs) = pairs(&config, lapses, options).await?;
    let started = Instant::now();
    let stop = Arc::new(AtomicBool::new(false));
    let mut search = Search::new(options.seed, stock, Vec::new());
    let mut walks = Campaign::new(options.seed, Vec::new());
    let mut found = None;
    while found.is_none() && started.elapsed() < options.time {
        let left = options.time.saturating_sub(started.elapsed());
        let varying = VariationOptions {
            lanes: options.lanes,
            time: left.min(SLICE * 2),
            plays_max: None,
            patience: QUICK,
            sure: SURE,
            first_only: true,
            stop: stop.clone(),
        };
        play_variations(
            &mut search,
            &mut pairs,
            &mut Always,
            &varying,
            &mut |tidings| {
                if let Tidings::Departed(departure, file) = tidings {
                    let difference = &departure.difference;
                    found.get_or_insert(Found {
                        by: match difference.rule {
                            Some(_) => "a rule".to_owned(),
                            None => "a difference".to_owned(),
                        },
                        key: difference.key.clone(),
                        told: told(&difference.expected, &difference.seen, file),
                    });
                }
            },
        )
        .await;
        let left = options.time.saturating_sub(started.elapsed());
        if found.is_some() || role == Role::Initiator || left.is_zero() {
            continue;
        }
        let walking = CampaignOptions {
            protocols: RpcProtocol::ALL.to_vec(),
            lanes: options.lanes,
            time: left.min(SLICE),
            plays_max: None,
            stop: Arc::new(AtomicBool::new(false)),
        };
        let enough = walking.stop.clone();
        play_campaign(
            &mut walks,
            &mut pairs,
            &mut Always,
            &walking,
            SURE,
            &mut |news| {
                if let News::Found(finding) = news {
                    found.get_or_insert(Found {
                        by: "a rule".to_owned(),
                        key: finding.key.to_string(),
                        told: told(
                            &finding.told.expected,
                            &finding.told.seen,
                            &script(&finding.dialogue).map_or(Json::Null, |script| script.file),
                        ),
                    });
                    enough.store(true, Ordering::Relaxed);
                }
            },
        )
        .await;
    }
    Ok(Hunted {
        found,
        took: started.elapsed(),
        plays: search.played_count() + walks.played_count(),
    })
}

fn told(expected: &str, seen: &str, file: &Json) -> String {
    let template = CaseTemplate::generated("found", file);
    let text = template.map_or_else(
        |_| format!("{file:#}"),
        |template| template.yaml().to_owned(),
    );
    format!("expected {expected}, seen {seen}\n{text}")
}

async fn pairs(
    config: &Config,
    lapses: Lapses,
    options: &HuntOptions,
) -> Result<(Vec<Opponent>, Vec<Pair>), SelfTestError> {
    let mut opponents = Vec::new();
    let mut pairs = Vec::new();
    for _ in 0..options.lanes.min(PAIRS_MAX) {
        let peer = Opponent::start(config, lapses).await?;
        let reference = Opponent::start(config, Lapses::NONE).await?;
        pairs.push(Pair {
            peer: peer.options(options.seed, Level::Deployed),
            reference: reference.options(options.seed, Level::Deployed),
        });
        opponents.extend([peer, reference]);
    }
    Ok((opponents, pairs))
}
