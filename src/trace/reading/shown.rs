//! What a client showed of its configuration, over as many sessions as it took.

use super::{EventKind, Events, Look, Reading, Trace, done, failed, scan};
use crate::{
    scenario::shown::ShownExpectation,
    wire::{Action, v1sync::RemoteConfig},
};

/// A config like this, in this session or in one that the client began anew.
pub(super) fn shown(events: &Events<'_>, expected: &ShownExpectation) -> Reading {
    let mut text = format!("`{}` to be shown a config", expected.identity);
    if let Some(pattern) = &expected.config {
        text += &format!(" like {}", pattern.json);
    }
    let before = first_modno(events.trace, events.session);
    if expected.modno.is_some() {
        text += &format!(" with a modno above {before}");
    }
    let mut last = "none".to_owned();
    scan(events, &text, |index, kind| match kind {
        EventKind::Received { item, .. } => match &item.action {
            Some(Action::ReceiveConfig(shown)) => {
                let config = shown.config.clone().unwrap_or_default();
                match differs(&config, expected, before) {
                    None => Look::Over(done(index)),
                    Some(seen) => {
                        last = seen;
                        Look::Fine
                    }
                }
            }
            _ => Look::Fine,
        },
        EventKind::KeyExchanged | EventKind::Verified(_) => Look::Fine,
        // A client that dials anew may have given up the call that was taken first.
        EventKind::Ended(_) => Look::Fine,
        EventKind::NotOpened(failure) => {
            let seen = format!("{last}, and then {}", failure.seen);
            Look::Over(failed(&text, seen, index))
        }
        EventKind::DeadlinePassed { waited } => {
            let seen = format!("{last} after {:.1} s", waited.as_secs_f64());
            Look::Over(failed(&text, seen, index))
        }
        _ => Look::Strange,
    })
}

/// Whether a config has been shown in this session, whatever is in it.
pub fn is_shown(trace: &Trace, session: &str, from: usize) -> bool {
    let rest = trace.of(session).filter(|(index, _)| *index >= from);
    rest.map(|(_, event)| &event.kind).any(is_config)
}

fn is_config(kind: &EventKind) -> bool {
    matches!(kind, EventKind::Received { item, .. } if matches!(item.action, Some(Action::ReceiveConfig(_))))
}

/// The first modno that the client showed in another session; 0 where it showed none.
fn first_modno(trace: &Trace, session: &str) -> i32 {
    let others = trace.events.iter().filter(|event| event.session != session);
    let mut modnos = others.filter_map(|event| match &event.kind {
        EventKind::Received { item, .. } => match &item.action {
            Some(Action::ReceiveConfig(shown)) => Some(shown.config.as_ref()?.modno),
            _ => None,
        },
        _ => None,
    });
    modnos.next().unwrap_or_default()
}

fn differs(config: &RemoteConfig, expected: &ShownExpectation, before: i32) -> Option<String> {
    if expected.modno.is_some() && before > 0 && config.modno <= before {
        return Some(format!("modno = {}", config.modno));
    }
    let mismatch = expected.config.as_ref()?.mismatch(config)?;
    Some(format!("{} = {}", mismatch.path, mismatch.seen))
}
