//! Reads steps one by one, and checks that each makes sense behind the ones before it.

use std::{collections::BTreeSet, time::Duration};

use super::{
    de,
    deviation::Deviation,
    known_vectors::VectorGroup,
    load_error::Problems,
    looks_check,
    message::{HANDSHAKE, KEY},
    message_check,
    model::{
        Expectation, Given, Location, PLAYED_STEPS_MAX, STEPS_MAX, Sendable, Step, TIMES_MAX, Verb,
        WITHIN_MAX,
    },
    names,
    node::{Key, Node, NodeValue, Place},
    problem::Problem,
    race::{self, Order},
    rule_check, sessions,
    shape::words_of,
};
use crate::{rules::RuleId, wire::Role};

/// The keys that may stand beside a verb.
pub const STEP_KEYS: [&str; 6] = ["on", "deviate", "within", "rule", "among", "times"];

/// The key that says how often a step is taken.
const TIMES: &str = "times";

/// What steps may refer to.
pub struct StepContext<'a> {
    /// Path of the file.
    pub file: &'a str,
    /// The role that the peer under test plays.
    pub role: Role,
    /// What is given.
    pub given: &'a Given,
    /// The rules that the scenario lists.
    pub rules: &'a [RuleId],
    /// Where problems go.
    pub problems: &'a Problems,
}

/// Reads the list of steps.
pub fn read_steps(node: &Node, context: &StepContext<'_>) -> Vec<Step> {
    let problems = context.problems;
    let elements = de::elements(node, problems);
    if elements.is_empty() && node.as_seq().is_some() {
        problems.report(node.place, Problem::NoSteps);
    }
    if elements.len() > STEPS_MAX {
        problems.report(node.place, Problem::TooManySteps(elements.len()));
        return Vec::new();
    }
    let read: Vec<_> = elements
        .iter()
        .flat_map(|element| read_element(element, context))
        .collect();
    if read.len() > PLAYED_STEPS_MAX {
        problems.report(node.place, Problem::TooManyPlayed(read.len()));
        return Vec::new();
    }
    check_sessions(&read, problems);
    let all_read = read.iter().all(Option::is_some);
    let steps: Vec<Step> = read.into_iter().flatten().collect();
    if all_read && !steps.is_empty() && !steps.iter().any(|step| can_fail(&step.verb)) {
        problems.report(node.place, Problem::ChecksNothing);
    }
    steps
}

/// Reads deviations: a list of maps, or one map; each key is one deviation.
pub fn read_deviations(node: &Node, problems: &Problems) -> Vec<Deviation> {
    let maps = match &node.value {
        NodeValue::Seq(maps) => maps.as_slice(),
        NodeValue::Map(_) => std::slice::from_ref(node),
        _ => {
            de::wrong_type(node, "a list or map of deviations", problems);
            &[]
        }
    };
    let entries = maps.iter().flat_map(|map| de::entries(map, problems));
    let mut named = BTreeSet::new();
    entries
        .filter_map(|(key, value)| {
            if !named.insert(key.text.as_str()) {
                problems.report(key.place, Problem::DeviationTwice(key.text.clone()));
            }
            let deviation = de::read_variant(key, Some(value), problems)?;
            check_vector(&deviation, value.place, problems);
            Some(deviation)
        })
        .collect()
}

fn check_vector(deviation: &Deviation, place: Place, problems: &Problems) {
    let (group, id) = match deviation {
        Deviation::KeyVector(id) => (VectorGroup::KemPublicKey, id),
        Deviation::EncapsulationVector(id) => (VectorGroup::KemDecap, id),
        _ => return,
    };
    if !group.has(id) {
        let problem = Problem::UnknownVector {
            id: id.clone(),
            group: group.name(),
        };
        problems.report(place, problem);
    }
}

/// One step as often as it is taken, or what the steps for many clients come to.
fn read_element(node: &Node, context: &StepContext<'_>) -> Vec<Option<Step>> {
    let entries = node.as_map().unwrap_or_default();
    let for_many = entries
        .iter()
        .find_map(|(key, content)| Some((Order::of(&key.text)?, key, content)));
    let Some((order, verb, content)) = for_many else {
        let times = node.get(TIMES).map_or(1, |node| read_times(node, context));
        return vec![read_step(node, context); times];
    };
    de::refuse_unknown_keys(entries, &[verb.text.as_str()], context.problems);
    let steps = de::elements(content, context.problems).iter();
    for times in steps.clone().filter_map(|step| step.get(TIMES)) {
        context
            .problems
            .report(times.place, Problem::NotForStrangers);
    }
    let steps = steps.map(|step| read_step(step, context)).collect();
    race::write_out(order, verb, steps, context)
}

/// A number that is none counts as one: it is reported.
fn read_times(node: &Node, context: &StepContext<'_>) -> usize {
    match node.value {
        NodeValue::Int(times) if (2..=TIMES_MAX.into()).contains(&times) => times as usize,
        _ => {
            let expected = format!("a whole number from 2 to {TIMES_MAX}");
            de::wrong_type(node, &expected, context.problems);
            1
        }
    }
}

fn read_step(node: &Node, context: &StepContext<'_>) -> Option<Step> {
    let problems = context.problems;
    if let Some(word) = node.as_str() {
        let key = Key {
            text: word.to_owned(),
            place: node.place,
        };
        let verb = read_verb(&key, None, context);
        return Some(step(verb?, node.place, context));
    }
    let entries = de::entries(node, problems);
    let verb = find_verb(node, entries, problems).and_then(|(key, content)| {
        // Read the rest of the step even when its verb is wrong.
        read_verb(key, Some(content), context)
    });
    let sibling = |name: &str| {
        let mut entries = entries.iter();
        entries.find_map(|(key, value)| (key.text == name).then_some(value))
    };
    let on = sibling("on").and_then(|node| read_session_name(node, problems));
    let deviate = sibling("deviate").map(|node| read_deviations(node, problems));
    let within = sibling("within").and_then(|node| read_within(node, problems));
    let rule = sibling("rule").and_then(|node| rule_check::read_step_rule(node, context));
    let mut verb = verb;
    if let Some(among) = sibling("among") {
        match &mut verb {
            Some(Verb::Expect(Expectation::Item(pattern))) => {
                pattern.among = de::read_list(among, problems);
            }
            // A verb that could not be read may have been one that takes it.
            None => {}
            Some(_) => problems.report(among.place, Problem::AmongWithoutItem),
        }
    }
    Some(Step {
        on,
        deviate: deviate.unwrap_or_default(),
        within,
        rule,
        ..step(verb?, node.place, context)
    })
}

fn step(verb: Verb, place: Place, context: &StepContext<'_>) -> Step {
    Step {
        verb,
        on: None,
        deviate: Vec::new(),
        within: None,
        rule: None,
        location: Location {
            file: context.file.to_owned(),
            line: place.line,
            column: place.column,
        },
    }
}

/// The one key that is no sibling. Unknown keys beside a verb are reported as such.
fn find_verb<'a>(
    node: &Node,
    entries: &'a [(Key, Node)],
    problems: &Problems,
) -> Option<&'a (Key, Node)> {
    let verbs = words_of::<Verb>();
    let is_verb = |key: &Key| verbs.contains(&key.text.as_str());
    let is_sibling = |key: &Key| STEP_KEYS.contains(&key.text.as_str());
    let candidates: Vec<_> = entries.iter().filter(|(key, _)| !is_sibling(key)).collect();
    let found: Vec<_> = entries.iter().filter(|(key, _)| is_verb(key)).collect();
    match (candidates.as_slice(), found.as_slice()) {
        // Reported as no map already.
        ([], _) if node.as_map().is_none() => None,
        ([], _) => {
            problems.report(node.place, Problem::NoVerb);
            None
        }
        ([only], [_]) => Some(only),
        (_, found) => {
            let valid = [verbs, STEP_KEYS.as_slice()].concat();
            de::refuse_unknown_keys(entries, &valid, problems);
            if found.len() > 1 {
                let verbs = found.iter().map(|(key, _)| key.text.clone()).collect();
                problems.report(node.place, Problem::SeveralVerbs(verbs));
            }
            // One verb and a misspelt sibling: the verb is read all the same.
            (found.len() == 1).then(|| found[0])
        }
    }
}

fn read_verb(key: &Key, content: Option<&Node>, context: &StepContext<'_>) -> Option<Verb> {
    let problems = context.problems;
    let verb = match (key.text.as_str(), content) {
        ("send", Some(node)) => Verb::Send(read_sendable(node, problems)?),
        ("expect", Some(node)) => Verb::Expect(read_expectation(node, problems)?),
        (name, Some(node)) if !looks_check::check_messages(name, node, problems) => return None,
        _ => de::read_variant(key, content, problems)?,
    };
    if matches!(verb, Verb::End(_)) && context.role == Role::Responder {
        problems.report(key.place, Problem::HostsOnly("end"));
    }
    let of_clients = match &verb {
        Verb::ExpectShown(_) => Some("expect-shown"),
        Verb::ExpectChange(_) => Some("expect-change"),
        Verb::ChangeOperations(_) => Some("change-operations"),
        _ => None,
    };
    if let Some(name) = of_clients
        && context.role == Role::Responder
    {
        problems.report(key.place, Problem::HostsOnly(name));
    }
    if let Some(content) = content {
        looks_check::check_names(&verb, content, context);
    }
    Some(verb)
}

fn read_sendable(node: &Node, problems: &Problems) -> Option<Sendable> {
    match &node.value {
        NodeValue::String(word) if word == KEY => Some(Sendable::Key),
        NodeValue::String(word) if word == HANDSHAKE => Some(Sendable::Handshake),
        NodeValue::Map(_) => message_check::read_message(node, problems).map(Sendable::Item),
        _ => refuse_item(node, problems),
    }
}

fn read_expectation(node: &Node, problems: &Problems) -> Option<Expectation> {
    match &node.value {
        NodeValue::String(word) if word == KEY => Some(Expectation::Key),
        NodeValue::String(word) if word == HANDSHAKE => Some(Expectation::Handshake),
        NodeValue::Map(_) => message_check::read_pattern(node, problems).map(Expectation::Item),
        _ => refuse_item(node, problems),
    }
}

fn refuse_item<T>(node: &Node, problems: &Problems) -> Option<T> {
    let expected = format!("`{KEY}`, `{HANDSHAKE}` or an item such as `{{ heartbeat: {{}} }}`");
    de::wrong_type(node, &expected, problems);
    None
}

fn read_session_name(node: &Node, problems: &Problems) -> Option<String> {
    let name: String = de::read(node, problems)?;
    if !names::is_kebab_case(&name) {
        problems.report(node.place, Problem::NotKebabCase(name.clone()));
    }
    if sessions::RESERVED.contains(&name.as_str()) {
        problems.report(node.place, Problem::NameTaken(name.clone()));
    }
    Some(name)
}

fn read_within(node: &Node, problems: &Problems) -> Option<Duration> {
    let Some(duration) = node.as_str().and_then(duration) else {
        problems.report(node.place, Problem::NotADuration(node.describe()));
        return None;
    };
    if duration > WITHIN_MAX {
        let seen = node.as_str().unwrap_or_default().to_owned();
        problems.report(node.place, Problem::WaitTooLong(seen));
    }
    Some(duration)
}

/// A whole number above 0, then `ms` or `s`.
fn duration(text: &str) -> Option<Duration> {
    let unit = text.find(|character: char| !character.is_ascii_digit())?;
    let count: u32 = text[..unit].parse().ok()?;
    match &text[unit..] {
        _ if count == 0 => None,
        "ms" => Some(Duration::from_millis(count.into())),
        "s" => Some(Duration::from_secs(count.into())),
        _ => None,
    }
}

fn can_fail(verb: &Verb) -> bool {
    match verb {
        Verb::Expect(_)
        | Verb::ExpectEstablished(_)
        | Verb::ExpectClosed(_)
        | Verb::ExpectRefused(_)
        | Verb::ExpectHttp(_)
        | Verb::ExpectNever(_)
        | Verb::Fence(_)
        | Verb::ExpectCount(_)
        | Verb::ExpectState(_)
        | Verb::ExpectSnapshot(_)
        | Verb::ExpectUpdate(_)
        | Verb::SetClientConfig(_)
        | Verb::ExpectConfig(_)
        | Verb::ExpectOperations(_)
        | Verb::ExpectChange(_)
        | Verb::ExpectShown(_)
        | Verb::Probe(_) => true,
        // A failure of `establish` says that the case could not be judged.
        Verb::Connect(_)
        | Verb::Establish(_)
        | Verb::Send(_)
        | Verb::HalfClose(_)
        | Verb::Reset(_)
        | Verb::End(_)
        | Verb::Cut(_)
        | Verb::Stall(_)
        | Verb::AllAtOnce(_)
        | Verb::Each(_)
        | Verb::Subscribe(_)
        | Verb::ChangeConfig(_)
        | Verb::ChangeOperations(_)
        | Verb::Settle(_) => false,
    }
}

/// A session must be opened before it is used. Behind a step that could not be read nothing is known.
fn check_sessions(steps: &[Option<Step>], problems: &Problems) {
    let mut opened = BTreeSet::new();
    for step in steps {
        let Some(step) = step else {
            return;
        };
        let place = Place {
            line: step.location.line,
            column: step.location.column,
        };
        let session = step.session();
        match (&step.verb, step.verb.name_without_session()) {
            (Verb::Connect(_) | Verb::Establish(_) | Verb::Subscribe(_), _) => {
                opened.insert(session);
            }
            (_, Some(verb)) if step.on.is_some() => {
                problems.report(place, Problem::NoSessionHere(verb.to_owned()));
            }
            (_, Some(_)) => {}
            // Without a name it concerns every session.
            (Verb::ExpectNever(_), None) if step.on.is_none() => {}
            _ if opened.contains(session) => {}
            _ => problems.report(place, Problem::SessionNotOpened(step.on.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_of_time_then_duration() {
        assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(duration("20s"), Some(Duration::from_secs(20)));
        for text in [
            "",
            "s",
            "20",
            "1.5s",
            "-1s",
            "20 s",
            "0s",
            "20m",
            "99999999999s",
            "é1s",
        ] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
