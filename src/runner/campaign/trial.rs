//! One variation, played on the peer and on the reference at once.

use super::variations::{Pair, VariationOptions};
use crate::{
    actor::{Actor, Patience},
    campaign::variation::{Base, Seen, Trial},
    judge::{Verdict, judge},
    runner::{Reach, RunOptions, drive},
    scenario::model::Scenario,
    trace::Trace,
    wire::RpcProtocol,
};

/// A variation, played on both.
pub(super) struct Done {
    pub lane: usize,
    pub trial: Trial,
    pub base: Base,
    pub reference: Played,
    pub peer: Played,
}

/// What came of one play.
pub(super) struct Played {
    pub trace: Trace,
    pub verdict: Verdict,
    pub seen: Seen,
    /// A client did not dial.
    pub uncalled: bool,
}

/// Plays it: the same bytes of ours go to both.
pub(super) async fn play(
    lane: usize,
    trial: Trial,
    base: Base,
    pair: Pair,
    options: VariationOptions,
) -> Done {
    let scenario = trial.variation.scenario(&base.scenario);
    let patience = match trial.is_doubt {
        true => options.sure,
        false => options.patience,
    };
    let number = trial.number;
    let (reference, peer) = tokio::join!(
        play_on(&pair.reference, &scenario, base.protocol, number, patience),
        play_on(&pair.peer, &scenario, base.protocol, number, patience),
    );
    Done {
        lane,
        trial,
        base,
        reference,
        peer,
    }
}

async fn play_on(
    run: &RunOptions,
    scenario: &Scenario,
    protocol: RpcProtocol,
    number: u64,
    patience: Patience,
) -> Played {
    let mut reach = match run.reach(scenario, protocol).await {
        Ok(reach) => reach,
        Err(reason) => {
            run.call_again(scenario);
            return Played {
                trace: Trace::default(),
                verdict: Verdict::Inconclusive {
                    reason,
                    location: scenario.location.clone(),
                },
                seen: Seen::default(),
                uncalled: true,
            };
        }
    };
    let entropy = run.entropy(&format!("vary/{number}"), protocol);
    if let Reach::Called(calls) = &mut reach {
        calls.hurry(patience.answer);
    }
    let actor = Actor::new(scenario, entropy, run.kem_id, patience);
    let inside = run.inside(scenario, protocol, &reach);
    let trace = drive(actor, &mut reach, &inside).await.trace;
    drop(reach);
    run.call_again(scenario);
    let verdict = judge(scenario, &trace);
    Played {
        seen: Seen::of(scenario, &trace, &verdict),
        trace,
        verdict,
        uncalled: false,
    }
}
