//! The decoded transcript of a case: who said what when.

use std::fmt::Write as _;

use crate::{
    trace::{Event, EventKind, Sent, Trace},
    wire::{Action, SyncStreamItem, v1sync::PeerState},
};

/// Longest detail of one line, in characters.
const DETAIL_LEN_MAX: usize = 100;
/// Most lines; a flood is told by its beginning and its end.
const LINES_MAX: usize = 60;

/// One line for each event. `marked` are the events that show a finding.
pub fn lines(trace: &Trace, marked: &[usize]) -> Vec<String> {
    let several = trace
        .events
        .iter()
        .any(|event| event.session != trace.events[0].session);
    let mut lines: Vec<String> = trace
        .events
        .iter()
        .enumerate()
        .map(|(index, event)| line(event, marked.contains(&index), several))
        .collect();
    if lines.len() > LINES_MAX {
        let left_out = lines.len() - LINES_MAX;
        lines.splice(
            LINES_MAX / 2..LINES_MAX / 2 + left_out,
            [format!("               ({left_out} more)")],
        );
    }
    lines
}

/// Every event's line, none left out.
pub fn every_line(trace: &Trace) -> impl Iterator<Item = String> + '_ {
    trace.events.iter().map(|event| line(event, false, true))
}

fn line(event: &Event, marked: bool, several: bool) -> String {
    let (direction, number, name, detail) = parts(&event.kind);
    let mark = match (&event.kind, marked) {
        (_, true) => '!',
        (EventKind::Sent(sent), _) if !sent.deviations.is_empty() => '*',
        _ => ' ',
    };
    let session = match several {
        true => format!("{:<8} ", event.session),
        false => String::new(),
    };
    let number = number
        .map(|number| format!("#{number}"))
        .unwrap_or_default();
    let mut line = format!(
        "  {mark} {:8.1} ms  {session}{direction} {number:<3} {name}",
        event.at.as_secs_f64() * 1000.0
    );
    if !detail.is_empty() {
        let detail: String = detail.chars().take(DETAIL_LEN_MAX).collect();
        let _ = write!(line, "  {detail}");
    }
    line
}

type Parts = (&'static str, Option<u64>, String, String);

fn parts(kind: &EventKind) -> Parts {
    let own = |name: &str, detail: String| ("  ", None, name.to_owned(), detail);
    let peers = |name: &str, detail: String| ("<-", None, name.to_owned(), detail);
    match kind {
        EventKind::Opened => own("stream opened", String::new()),
        EventKind::NotOpened(failure) => own(
            "no stream",
            format!("{}: {}", failure.stage.name(), failure.seen),
        ),
        EventKind::Sent(sent) => ("->", sent.counter, sent.what.clone(), sent_detail(sent)),
        EventKind::NotSent(what) => own("not sent", format!("{what}: the stream is over")),
        EventKind::HalfClosed => ("->", None, "end of our side".to_owned(), String::new()),
        EventKind::ResetByUs => ("->", None, "reset".to_owned(), String::new()),
        EventKind::CutByUs => own("cut", "we cut the connection".to_owned()),
        EventKind::Stalled => own("stalled", "we read nothing more".to_owned()),
        EventKind::Called(what) => ("->", None, "look".to_owned(), what.clone()),
        EventKind::State(state) => peers("state", state_detail(state)),
        EventKind::Told(Ok(answer)) => peers("told", answer.to_string()),
        EventKind::Told(Err(why)) => peers("not told", why.clone()),
        EventKind::Answered {
            status,
            content_type,
        } => peers("headers", format!("HTTP {status}, {content_type}")),
        EventKind::KeyExchanged => peers("key exchange", "version 1, 1665 bytes".to_owned()),
        EventKind::Verified(peer) => (
            "<-",
            Some(0),
            "handshake".to_owned(),
            format!("{}, {}", peer.instance_id, peer.keyid),
        ),
        EventKind::Received { counter, item } => (
            "<-",
            Some(*counter),
            item.describe().to_owned(),
            item_detail(item),
        ),
        EventKind::Unopened => peers("sealed item", "not for our keys".to_owned()),
        EventKind::Broke(violation) | EventKind::Noticed(violation) => {
            peers("broken", violation.to_string())
        }
        EventKind::Alive => own(
            "link alive",
            "another session was served meanwhile, and a ping answered".to_owned(),
        ),
        EventKind::Clear(item) => peers(item.describe(), "in the clear".to_owned()),
        EventKind::Ended(end) => peers("end", end.to_string()),
        EventKind::DeadlinePassed { waited } => own(
            "deadline",
            format!("nothing more within {:.1} s", waited.as_secs_f64()),
        ),
        EventKind::Flooded => own("flooded", "the trace is full".to_owned()),
    }
}

fn state_detail(state: &PeerState) -> String {
    format!(
        "{} {}, {} repos, {} plans, heartbeat {}",
        state.peer_instance_id,
        state.state().as_str_name(),
        state.known_repos.len(),
        state.known_plans.len(),
        state.last_heartbeat_millis
    )
}

fn sent_detail(sent: &Sent) -> String {
    let said = sent.item.as_ref().map(item_detail).unwrap_or_default();
    match sent.deviations.is_empty() {
        true => said,
        false => format!("{said}   the deviation: {}", sent.deviations.join(", ")),
    }
}

/// What an item says, without keys, secrets and signatures.
fn item_detail(item: &SyncStreamItem) -> String {
    match &item.action {
        Some(Action::EstablishSharedSecret(exchange)) => format!(
            "version {}, {} bytes",
            exchange.protocol_version,
            exchange
                .kem_public_key
                .len()
                .max(exchange.kem_encapsulation.len())
        ),
        Some(Action::Handshake(handshake)) => format!(
            "{}, {}",
            handshake.instance_id,
            handshake
                .public_key
                .as_ref()
                .map_or("no key", |key| &key.keyid)
        ),
        Some(Action::ReceiveConfig(received)) => match &received.config {
            Some(config) => format!(
                "modno {}, {} repos, {} plans",
                config.modno,
                config.repos.len(),
                config.plans.len()
            ),
            None => "no config".to_owned(),
        },
        Some(Action::ReceiveResources(resources)) => {
            format!(
                "{} repos, {} plans",
                resources.repos.len(),
                resources.plans.len()
            )
        }
        Some(Action::OperationManifest(manifest)) => {
            format!("{:?}, modnos {:?}", manifest.op_ids, manifest.modnos)
        }
        Some(Action::RequestOperationData(request)) => format!("{:?}", request.op_ids),
        _ => String::new(),
    }
}
