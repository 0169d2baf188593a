//! Is the peer set up so that it can be judged, or used? From what was seen, step by step, to the likely mistake.
//!
//! Pure: whoever tries ([`seen`] says what) has no opinion, and what is made of it here needs no network. A rule that
//! the peer breaks is no set-up mistake; it is told as what it is.

mod call;
mod client;
mod host;
mod mistake;
pub mod seen;
#[cfg(test)]
mod tests;
mod url;

use std::time::Duration;

use serde_json::{Value, json};

pub use client::{Listening, diagnose_client, not_listening};
pub use host::{Provisioned, Wanted, diagnose_host};
pub use mistake::Mistake;
pub use url::Address;

use crate::{session::Violation, wire::Role};

/// Version of the layout of [`Diagnosis::to_json`].
pub const SCHEMA: u32 = 1;
/// Longest piece of a peer's text that is repeated, in characters: enough to recognise it by.
const QUOTED_LEN_CHARS_MAX: usize = 120;

/// The steps, in the order in which they are reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Starting the peer, where that is ours to do.
    Start,
    /// Reading the URL.
    Url,
    /// Finding the host's address.
    Name,
    /// Listening, where the peer dials.
    Listen,
    /// Being dialled.
    Dialled,
    /// Connecting.
    Tcp,
    /// Agreeing on TLS, and on HTTP/2 within it.
    Tls,
    /// Agreeing on HTTP/2.
    Http2,
    /// Finding the method.
    Path,
    /// Finding out which RPC protocols are spoken.
    Rpc,
    /// The key exchange.
    KeyExchange,
    /// The peer's handshake.
    Handshake,
    /// Whether it is who was expected.
    KeyId,
    /// Whether it knows the suite, and a session serves.
    Provisioning,
    /// The state service.
    StateService,
    /// The clock.
    Clock,
}

impl Step {
    /// The steps towards a host.
    pub const TO_A_HOST: &[Step] = &[
        Step::Url,
        Step::Name,
        Step::Tcp,
        Step::Tls,
        Step::Http2,
        Step::Path,
        Step::Rpc,
        Step::KeyExchange,
        Step::Handshake,
        Step::KeyId,
        Step::Provisioning,
        Step::StateService,
        Step::Clock,
    ];

    /// The steps of a client towards us.
    pub const OF_A_CLIENT: &[Step] = &[
        Step::Listen,
        Step::Dialled,
        Step::Http2,
        Step::Path,
        Step::Rpc,
        Step::KeyExchange,
        Step::Handshake,
        Step::KeyId,
        Step::Provisioning,
    ];

    /// The word used in reports.
    pub fn name(self) -> &'static str {
        match self {
            Step::Start => "start",
            Step::Url => "url",
            Step::Name => "name",
            Step::Listen => "listen",
            Step::Dialled => "dialled",
            Step::Tcp => "tcp",
            Step::Tls => "tls",
            Step::Http2 => "http2",
            Step::Path => "path",
            Step::Rpc => "rpc",
            Step::KeyExchange => "key exchange",
            Step::Handshake => "handshake",
            Step::KeyId => "key id",
            Step::Provisioning => "provisioning",
            Step::StateService => "state service",
            Step::Clock => "clock",
        }
    }
}

/// What became of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is well.
    Ok,
    /// It was not looked at, for the reason that was seen.
    Skipped,
    /// It is odd, but works.
    Note(Mistake),
    /// It is not well.
    Failed(Mistake),
    /// The peer breaks a rule.
    Defect(Violation),
}

impl Standing {
    /// The word used in reports.
    pub fn name(&self) -> &'static str {
        match self {
            Standing::Ok => "ok",
            Standing::Skipped => "skipped",
            Standing::Note(_) => "note",
            Standing::Failed(_) => "failed",
            Standing::Defect(_) => "defect",
        }
    }
}

/// One step, and what was seen there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The step.
    pub step: Step,
    /// What became of it.
    pub standing: Standing,
    /// What was seen; what the peer said is escaped and shortened.
    pub seen: String,
}

impl Check {
    fn new(step: Step, standing: Standing, seen: impl Into<String>) -> Check {
        Check {
            step,
            standing,
            seen: seen.into(),
        }
    }

    fn ok(step: Step, seen: impl Into<String>) -> Check {
        Check::new(step, Standing::Ok, seen)
    }

    fn note(step: Step, mistake: Mistake, seen: impl Into<String>) -> Check {
        Check::new(step, Standing::Note(mistake), seen)
    }

    /// A step that a mistake of the set-up stopped.
    pub fn failed(step: Step, mistake: Mistake, seen: impl Into<String>) -> Check {
        Check::new(step, Standing::Failed(mistake), seen)
    }

    fn skipped(step: Step, why: impl Into<String>) -> Check {
        Check::new(step, Standing::Skipped, why)
    }

    fn defect(step: Step, violation: &Violation) -> Check {
        Check::new(
            step,
            Standing::Defect(violation.clone()),
            quoted(&violation.seen),
        )
    }

    /// What is likely wrong and what to do; none where it is well.
    pub fn advice(&self) -> Option<String> {
        match &self.standing {
            Standing::Ok | Standing::Skipped => None,
            Standing::Note(mistake) | Standing::Failed(mistake) => Some(mistake.to_string()),
            Standing::Defect(violation) => Some(format!(
                "The peer breaks the rule {}: {} This is a defect of the peer, not of its set-up.",
                violation.rule.as_str(),
                violation.rule.rule().text
            )),
        }
    }
}

/// What all steps came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnosis {
    /// The steps that something was seen of, in order. A step may stand here twice, such as a note beside what is well.
    pub checks: Vec<Check>,
    /// The steps that were not reached.
    pub not_reached: Vec<Step>,
    /// The slowest round trip of all sessions, key exchange or request; zero where there was none.
    pub round_trip: Duration,
}

impl Diagnosis {
    fn of(steps: &[Step], checks: Vec<Check>, round_trip: Duration) -> Diagnosis {
        let reached = |step: &&Step| !checks.iter().any(|check| check.step == **step);
        let not_reached = steps.iter().filter(reached).copied().collect();
        Diagnosis {
            checks,
            not_reached,
            round_trip,
        }
    }

    /// Of a peer in that role that did not come as far as being called, or calling.
    pub fn not_begun(role: Role, check: Check) -> Diagnosis {
        let steps = match role {
            Role::Responder => Step::TO_A_HOST,
            Role::Initiator => Step::OF_A_CLIENT,
        };
        Diagnosis::of(steps, vec![check], Duration::ZERO)
    }

    /// What further sessions with the same peer show beside this one.
    #[must_use]
    pub fn and(mut self, further: Diagnosis) -> Diagnosis {
        for check in further.checks {
            // What is the same over each protocol is told once.
            if !self.checks.contains(&check) {
                self.checks.push(check);
            }
        }
        self.not_reached = further.not_reached;
        self.round_trip = self.round_trip.max(further.round_trip);
        self
    }

    /// The first step that a mistake of the set-up stopped.
    pub fn mistake(&self) -> Option<&Check> {
        self.checks
            .iter()
            .find(|check| matches!(check.standing, Standing::Failed(_)))
    }

    /// The first step at which the peer broke a rule.
    pub fn defect(&self) -> Option<&Check> {
        self.checks
            .iter()
            .find(|check| matches!(check.standing, Standing::Defect(_)))
    }

    /// What is odd, but no reason to stop.
    pub fn notes(&self) -> impl Iterator<Item = &Check> {
        self.checks
            .iter()
            .filter(|check| matches!(check.standing, Standing::Note(_)))
    }

    /// For programs. The layout is stable: fields are added, never renamed or removed, while `schema` is 1.
    pub fn to_json(&self) -> Value {
        json!({
            "schema": SCHEMA,
            "suite": { "version": env!("CARGO_PKG_VERSION") },
            "ok": self.mistake().is_none() && self.defect().is_none(),
            "checks": self.checks.iter().map(check_json).collect::<Vec<_>>(),
            "not_reached": self.not_reached.iter().map(|step| step.name()).collect::<Vec<_>>(),
        })
    }
}

fn check_json(check: &Check) -> Value {
    let (mistake, rule) = match &check.standing {
        Standing::Note(mistake) | Standing::Failed(mistake) => (Some(mistake.id()), None),
        Standing::Defect(violation) => (None, Some(violation.rule.as_str())),
        Standing::Ok | Standing::Skipped => (None, None),
    };
    json!({
        "step": check.step.name(),
        "standing": check.standing.name(),
        "seen": check.seen,
        "mistake": mistake,
        "rule": rule,
        "advice": check.advice(),
    })
}

/// A peer's words, made harmless to a terminal.
fn quoted(text: &str) -> String {
    let mut short: String = text
        .chars()
        .take(QUOTED_LEN_CHARS_MAX)
        .flat_map(char::escape_debug)
        .collect();
    if text.chars().nth(QUOTED_LEN_CHARS_MAX).is_some() {
        short.push_str("..");
    }
    short
}

fn milliseconds(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1000.0)
}
