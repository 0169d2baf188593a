//! What a trace means: a pure function from a scenario and what was seen to a verdict. It never sees a socket, and a
//! saved trace can be judged again without the peer.

use serde::{Deserialize, Serialize};

pub use crate::actor::PROBE_SESSION;
use crate::{
    actor::session_of,
    rules::{Binds, Level, RuleId},
    scenario::{
        model::{Location, Scenario, Step, Verb},
        survives,
    },
    trace::{
        EventKind, Trace,
        reading::{Broken, Mark, Reading, read},
    },
};

/// What a case came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The claim was checked. Every rule found broken is in the findings; none means none.
    Judged(Vec<Finding>),
    /// The claim could not be checked, which is nobody's pass and nobody's failure.
    Inconclusive {
        /// Why.
        reason: String,
        /// Where.
        location: Location,
    },
}

/// A rule that the peer broke.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// The rule.
    pub rule: RuleId,
    /// Step, from 1; none for what was noticed beside the steps.
    pub step: Option<usize>,
    /// What had to happen.
    pub expected: String,
    /// What happened.
    pub seen: String,
    /// Where the step, or the scenario, stands.
    pub location: Location,
    /// Index of the event that shows it.
    pub event: Option<usize>,
}

impl Verdict {
    /// Whether a rule of at least this level was found broken.
    pub fn breaks(&self, level: Level) -> bool {
        match self {
            // `Level` is ordered strongest first.
            Verdict::Judged(findings) => {
                findings.iter().any(|finding| finding.rule.level() <= level)
            }
            Verdict::Inconclusive { .. } => false,
        }
    }
}

/// Judges one case.
pub fn judge(scenario: &Scenario, trace: &Trace) -> Verdict {
    let mut findings = Vec::new();
    let mut marks = Marks::default();
    for (index, step) in scenario.steps.iter().enumerate() {
        let session = session_of(step);
        let mark = marks.at(index, step, session, trace);
        let finding = |broken: Broken| Finding {
            rule: broken
                .rule
                .or(step.rule)
                .unwrap_or_else(|| claimed_rule(scenario, step)),
            step: Some(index + 1),
            expected: broken.expected,
            seen: broken.seen,
            location: step.location.clone(),
            event: broken.event,
        };
        if let Some(failure) = not_opened(trace, index)
            && !matches!(step.verb, Verb::Probe(_) | Verb::ExpectShown(_))
        {
            if claims_the_call(scenario, step) {
                findings.push(finding(Broken {
                    rule: None,
                    expected: "the client to dial again".to_owned(),
                    seen: failure,
                    event: None,
                }));
                break;
            }
            return inconclusive(step, format!("no stream could be opened: {failure}"));
        }
        if let Verb::ExpectNever(names) = &step.verb {
            findings.extend(forbidden(names, step.on.as_deref(), trace).map(&finding));
        }
        match read(step, session, scenario, trace, mark) {
            Reading::Satisfied { mark, remarks } => {
                findings.extend(remarks.into_iter().map(&finding));
                marks.advance(session, mark);
            }
            Reading::Failed(broken) if is_setting_up(step) && broken.rule.is_none() => {
                return inconclusive(
                    step,
                    format!("expected {}, seen {}", broken.expected, broken.seen),
                );
            }
            Reading::Failed(broken) => {
                findings.push(finding(broken));
                break;
            }
            Reading::NotTold(why) if claims_the_state_service(scenario) => {
                findings.push(finding(Broken {
                    rule: None,
                    expected: "an answer of the state service".to_owned(),
                    seen: why,
                    event: None,
                }));
                break;
            }
            Reading::NotTold(why) => {
                return inconclusive(
                    step,
                    format!("nothing shows what is inside the peer: {why}"),
                );
            }
            Reading::Open { wanted } => {
                return inconclusive(step, format!("the trace ends while waiting for {wanted}"));
            }
        }
    }
    findings.extend(noticed_beside(scenario, trace, &findings));
    Verdict::Judged(findings)
}

/// Where reading stands in each session.
#[derive(Default)]
struct Marks(Vec<(String, Mark)>);

impl Marks {
    /// A step that opens a session reads from what came since; others go on where the last one stopped.
    fn at(&mut self, index: usize, step: &Step, session: &str, trace: &Trace) -> Mark {
        if step.verb.begins_session() {
            let first = trace
                .of(session)
                .find(|(_, event)| event.step >= index)
                .map_or(trace.events.len(), |(at, _)| at);
            self.advance(session, Mark(first));
        }
        self.0
            .iter()
            .find(|(name, _)| name == session)
            .map_or(Mark::default(), |(_, mark)| *mark)
    }

    fn advance(&mut self, session: &str, mark: Mark) {
        self.0.retain(|(name, _)| name != session);
        self.0.push((session.to_owned(), mark));
    }
}

/// The rule a step's failure breaks where it names none.
fn claimed_rule(scenario: &Scenario, step: &Step) -> RuleId {
    match step.verb {
        Verb::Probe(_) => survives(scenario.role),
        // The loader refuses a scenario without rules.
        _ => scenario
            .rules
            .first()
            .copied()
            .unwrap_or(RuleId::WireContract),
    }
}

/// A step that only prepares: its failure says nothing of the claim.
fn is_setting_up(step: &Step) -> bool {
    matches!(step.verb, Verb::Establish(_))
}

/// Whether the claim is about what tells of the peer, rather than about what is told.
fn claims_the_state_service(scenario: &Scenario) -> bool {
    let chief = scenario.rules.first();
    chief.is_some_and(|rule| rule.rule().binds == Binds::State)
}

/// Whether the claim is that a call comes: then one that does not come breaks it.
fn claims_the_call(scenario: &Scenario, step: &Step) -> bool {
    matches!(step.verb, Verb::Connect(_))
        && scenario.rules.first() == Some(&RuleId::InitiatorRedialsAfterEnd)
}

fn not_opened(trace: &Trace, index: usize) -> Option<String> {
    trace.events.iter().find_map(|event| match &event.kind {
        EventKind::NotOpened(failure) if event.step == index => {
            Some(format!("{} ({})", failure.seen, failure.stage.name()))
        }
        _ => None,
    })
}

fn inconclusive(step: &Step, reason: String) -> Verdict {
    Verdict::Inconclusive {
        reason,
        location: step.location.clone(),
    }
}

fn forbidden<'a>(
    names: &'a [crate::scenario::model::ActionName],
    session: Option<&'a str>,
    trace: &'a Trace,
) -> impl Iterator<Item = Broken> + 'a {
    trace
        .events
        .iter()
        .enumerate()
        .filter_map(move |(at, event)| {
            let EventKind::Received { item, .. } = &event.kind else {
                return None;
            };
            // A probe asks for a whole session, and so for all that belongs to one.
            if event.session == PROBE_SESSION || session.is_some_and(|name| name != event.session) {
                return None;
            }
            let name = item.action.as_ref()?.name();
            names
                .iter()
                .any(|forbidden| forbidden.0 == name)
                .then(|| Broken {
                    rule: None,
                    expected: format!("{name} never to come"),
                    seen: format!("{name} came"),
                    event: Some(at),
                })
        })
}

/// Whatever broke a rule by itself while no step was looking at it.
fn noticed_beside(scenario: &Scenario, trace: &Trace, found: &[Finding]) -> Vec<Finding> {
    trace
        .events
        .iter()
        .enumerate()
        .filter_map(|(at, event)| match &event.kind {
            EventKind::Broke(violation) | EventKind::Noticed(violation)
                if found.iter().all(|finding| finding.event != Some(at)) =>
            {
                Some(Finding {
                    rule: violation.rule,
                    step: None,
                    expected: violation.rule.rule().text.to_owned(),
                    seen: violation.seen.clone(),
                    location: scenario.location.clone(),
                    event: Some(at),
                })
            }
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests;
