//! The decoded transcript of a case: who said what when.

use std::{fmt::Write as _, time::Duration};

use super::text::shown;
use crate::{
    trace::{Event, EventKind, Sent, Trace},
    wire::{Action, SyncStreamItem, v1sync::PeerState},
};

/// Longest detail of one line, and as much again of what we did otherwise, in characters.
const DETAIL_LEN_MAX: usize = 100;
/// Most lines; a flood is told by its beginning and its end.
const LINES_MAX: usize = 60;

/// One event, as a reader meets it. Its texts are [`shown`], so that a peer's words do no harm; `name` and `detail` may
/// still be long.
#[derive(Clone, Debug)]
pub struct Row {
    /// Index of the event in its trace.
    pub index: usize,
    /// Since the case began.
    pub at: Duration,
    /// The session it belongs to.
    pub session: String,
    /// Who said it.
    pub direction: Direction,
    /// Counter of the nonce.
    pub counter: Option<u64>,
    /// What it is.
    pub name: String,
    /// What it says, in short.
    pub detail: String,
    /// How it departs from the protocol; empty where it is honest.
    pub deviations: Vec<String>,
}

/// Which way something went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From us to the peer.
    Sent,
    /// From the peer to us.
    Received,
    /// Neither: it happened on our side.
    Here,
}

impl Direction {
    fn arrow(self) -> &'static str {
        match self {
            Direction::Sent => "->",
            Direction::Received => "<-",
            Direction::Here => "  ",
        }
    }
}

impl Row {
    /// The row of an event.
    pub fn of(index: usize, event: &Event) -> Row {
        let (direction, counter, name, detail) = parts(&event.kind);
        let deviations = match &event.kind {
            EventKind::Sent(sent) => sent.deviations.as_slice(),
            _ => &[],
        };
        Row {
            index,
            at: event.at,
            session: shown(&event.session).into_owned(),
            direction: match direction {
                "->" => Direction::Sent,
                "<-" => Direction::Received,
                _ => Direction::Here,
            },
            counter,
            name: shown(&name).into_owned(),
            detail: shown(&detail).into_owned(),
            deviations: deviations
                .iter()
                .map(|deviation| shown(deviation).into_owned())
                .collect(),
        }
    }

    fn line(&self, marked: bool, several: bool) -> String {
        let mark = match (marked, self.deviations.is_empty()) {
            (true, _) => '!',
            (false, false) => '*',
            (false, true) => ' ',
        };
        let session = match several {
            true => format!("{:<8} ", self.session),
            false => String::new(),
        };
        let counter = self.counter.map(|counter| format!("#{counter}"));
        let mut line = format!(
            "  {mark} {:8.1} ms  {session}{} {:<3} {}",
            self.at.as_secs_f64() * 1000.0,
            self.direction.arrow(),
            counter.unwrap_or_default(),
            self.name
        );
        let cut = |text: &str| text.chars().take(DETAIL_LEN_MAX).collect::<String>();
        if !self.detail.is_empty() {
            let _ = write!(line, "  {}", cut(&self.detail));
        }
        if !self.deviations.is_empty() {
            let deviations = cut(&self.deviations.join(", "));
            let _ = write!(line, "   the deviation: {deviations}");
        }
        line
    }
}

/// Whether the events belong to several sessions.
pub fn has_several_sessions(trace: &Trace) -> bool {
    let mut sessions = trace.events.iter().map(|event| &event.session);
    let first = sessions.next();
    sessions.any(|session| Some(session) != first)
}

/// The rows to show, the middle of a flood left out: its place in the list, and how many.
pub fn rows(trace: &Trace) -> (Vec<Row>, Option<(usize, usize)>) {
    let row = |(index, event)| Row::of(index, event);
    let events = trace.events.iter().enumerate();
    match trace.events.len().checked_sub(LINES_MAX) {
        None | Some(0) => (events.map(row).collect(), None),
        Some(left_out) => {
            let half = LINES_MAX / 2;
            let kept = events.filter(|(index, _)| *index < half || *index >= half + left_out);
            (kept.map(row).collect(), Some((half, left_out)))
        }
    }
}

/// One line for each event. `marked` are the events that show a finding.
pub fn lines(trace: &Trace, marked: &[usize]) -> Vec<String> {
    let several = has_several_sessions(trace);
    let (rows, left_out) = rows(trace);
    let mut lines: Vec<String> = rows
        .iter()
        .map(|row| row.line(marked.contains(&row.index), several))
        .collect();
    if let Some((at, count)) = left_out {
        lines.insert(at, format!("               ({count} more)"));
    }
    lines
}

/// Every event's line, none left out.
pub fn every_line(trace: &Trace) -> impl Iterator<Item = String> + '_ {
    let events = trace.events.iter().enumerate();
    events.map(|(index, event)| Row::of(index, event).line(false, true))
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
        EventKind::EndedByUs(code) => ("->", None, "end".to_owned(), format!("status {code}")),
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
    sent.item.as_ref().map(item_detail).unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_detail_then_cut_but_the_deviation_behind_it_is_told() {
        let row = Row {
            index: 0,
            at: Duration::ZERO,
            session: String::new(),
            direction: Direction::Sent,
            counter: Some(0),
            name: "handshake".to_owned(),
            detail: "x".repeat(DETAIL_LEN_MAX + 1),
            deviations: vec!["signature: random".to_owned()],
        };
        let line = row.line(false, false);
        assert!(line.contains(&"x".repeat(DETAIL_LEN_MAX)), "{line}");
        assert!(!line.contains(&"x".repeat(DETAIL_LEN_MAX + 1)), "{line}");
        assert!(line.ends_with("the deviation: signature: random"), "{line}");
    }
}
