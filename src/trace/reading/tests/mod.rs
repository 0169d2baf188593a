//! Hand-written traces, and what the last step of a case makes of each.

mod ends;
mod looks;
mod said;
mod shown;
mod told;
mod waits;

use std::time::Duration;

use super::*;
use crate::{
    scenario::by_hand::case_of,
    trace::by_hand::{
        FENCE, config, config_with_modno, ended, fence_sent, heartbeat, manifest, received,
        request, resources, sent, sent_with, verified,
    },
    wire::{Code, RpcProtocol},
};

const MAIN: &str = "main";

/// A case against that role; its keys from `given` on.
fn case(role: Role, rest: &str) -> Scenario {
    let text = format!("about: A claim.\nrules: [envelope.tag-checked]\ntarget: {role}\n{rest}");
    case_of(&text, role, RpcProtocol::Grpc)
}

/// What the last step reads from the first event of the main session on.
fn reading(case: &Scenario, trace: &Trace) -> Reading {
    reading_from(0, case, trace)
}

/// What it reads behind the handshakes of [`up`].
fn reading_behind_up(case: &Scenario, trace: &Trace) -> Reading {
    reading_from(up().len(), case, trace)
}

fn reading_from(mark: usize, case: &Scenario, trace: &Trace) -> Reading {
    let step = case.steps.last().unwrap_or_else(|| panic!("no step"));
    read(step, MAIN, case, trace, Mark(mark))
}

/// Events of one session.
fn of(session: &str, events: Vec<EventKind>) -> Trace {
    let events = events.into_iter().enumerate();
    Trace {
        events: events
            .map(|(index, kind)| Event {
                at: Duration::from_millis(index as u64),
                step: 0,
                session: session.to_owned(),
                kind,
            })
            .collect(),
    }
}

/// Events of the main session.
fn main(events: Vec<EventKind>) -> Trace {
    of(MAIN, events)
}

/// Met by the event at this index, without a remark; written out, so that it is no echo of what is tested.
fn met_at(index: usize) -> Reading {
    Reading::Satisfied {
        mark: Mark(index + 1),
        remarks: Vec::new(),
    }
}

fn what_was_seen(reading: Reading) -> String {
    match reading {
        Reading::Failed(broken) => broken.seen,
        other => panic!("no failure but {other:?}"),
    }
}

fn is_open(reading: &Reading) -> bool {
    matches!(reading, Reading::Open { .. })
}

/// A stream on which both handshakes were exchanged, honestly.
fn up() -> Vec<EventKind> {
    vec![
        EventKind::Opened,
        sent("key"),
        EventKind::KeyExchanged,
        sent("handshake"),
        verified(),
    ]
}

fn with(mut events: Vec<EventKind>, more: Vec<EventKind>) -> Vec<EventKind> {
    events.extend(more);
    events
}

fn passed() -> EventKind {
    EventKind::DeadlinePassed {
        waited: Duration::from_secs(2),
    }
}
