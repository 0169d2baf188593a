//! One play with an eye on the peer, and all plays of a run so far.

use std::{sync::Arc, time::Instant};

use tokio::task::JoinSet;

use super::{
    Job, RunOptions,
    crash::{crash_of, crashed, is_clean, is_cut_off},
    gone::Gone,
    play,
};
use crate::{
    actor::Patience,
    report::{CaseResult, Outcome, PEER_LOG_LINES_MAX, Phases},
    target::process::Process,
};

/// As many cases are named as having ended last before the peer was found gone.
const ENDED_LAST_MAX: usize = 16;

/// What shows whether the peer is still there.
pub(super) struct Watched {
    /// Its process, where the suite started it.
    pub(super) process: Option<Arc<Process>>,
    /// How it is looked for, where somebody else did.
    pub(super) gone: Option<Gone>,
}

impl Watched {
    /// One play, and whether the peer crashed under it.
    pub(super) async fn play(self, job: Job, options: RunOptions, patience: Patience) -> Played {
        let started = Instant::now();
        let mut result = play(job.clone(), &options, patience).await;
        let began = started + result.spent.reaching;
        let (mut crash, mut printed) = (None, Vec::new());
        if let Some(process) = self.process {
            if is_cut_off(&result.trace) {
                crash = crash_of(&process, began).await;
            } else if let Some(how) = process.end()
                && !is_clean(&result)
            {
                let log = process.log().last_timed(began, PEER_LOG_LINES_MAX);
                crash = Some((crashed(how), log));
            }
            if !is_clean(&result) {
                printed = process.log().since(began, PEER_LOG_LINES_MAX);
            }
        }
        if crash.is_none()
            && !is_clean(&result)
            && let Some(gone) = self.gone
        {
            let seen = gone.look(&options, job.protocol, &result.trace).await;
            crash = seen.map(|seen| (seen, printed.clone()));
        }
        result.keep_peer_log(printed);
        if is_clean(&result) {
            // It has proved its claim, and its last step found the peer alive.
            crash = None;
        }
        Played { job, result, crash }
    }
}

/// A play that is over.
pub(super) struct Played {
    pub(super) job: Job,
    pub(super) result: CaseResult,
    /// How the peer ended under it, in words, and what it printed last.
    pub(super) crash: Option<(String, Vec<String>)>,
}

/// All plays of a run so far.
#[derive(Default)]
pub(super) struct Plays {
    pub(super) results: Vec<CaseResult>,
    pub(super) lost: usize,
    pub(super) phases: Phases,
    /// Those under way that take long by themselves.
    pub(super) lingering: JoinSet<Played>,
}

impl Plays {
    /// The cases that ended last: where nobody who was under way is to blame, it may be one of them.
    pub(super) fn ended_last(&self) -> String {
        let names: Vec<String> = self
            .results
            .iter()
            .rev()
            .filter(|result| result.outcome != Outcome::Skipped)
            .take(ENDED_LAST_MAX)
            .map(|result| format!("{} over {}", result.scenario.id, result.protocol))
            .collect();
        match names.len() {
            0 => "no case had ended before".to_owned(),
            _ => format!("ended last, the newest first: {}", names.join(", ")),
        }
    }
}
