//! A variation as a file that `run` plays: what the reference made of it stands where the peer under test parted from it.

use serde_json::{Map, Value as Json, json};

use super::Variation;
use crate::{
    scenario::model::{Expectation, PeerFixture, Scenario, Step, Verb},
    trace::{End, EventKind, Trace},
    wire::Role,
};

/// What a scenario file for it holds. `by_reference` is the reference's trace: where its steps did not have what they
/// ask for, what it did instead is asked for.
pub fn file_of(
    variation: &Variation,
    base: &Scenario,
    by_reference: &Trace,
    failed: Option<usize>,
) -> Json {
    let mut steps: Vec<Json> = Vec::new();
    let last = failed.map_or(variation.steps.len(), |step| step + 1);
    for (at, step) in variation.steps.iter().take(last).enumerate() {
        match failed == Some(at) && expects_something(step) {
            true => steps.extend(what_it_did(by_reference, at, step, variation.role)),
            false => steps.push(step_json(step)),
        }
    }
    let looks = |step: &Json| {
        let verbs = ["expect", "fence", "probe", "set-client-config"];
        let is_one = |key: &str| verbs.iter().any(|verb| key.starts_with(verb));
        step.as_str().is_some_and(is_one)
            || step
                .as_object()
                .is_some_and(|step| step.keys().any(|key| is_one(key)))
    };
    if !steps.iter().any(looks) {
        let last_opened = variation
            .steps
            .iter()
            .rev()
            .find(|step| step.verb.begins_session());
        let mut fence = json!({ "fence": null });
        if let Some(on) = last_opened.and_then(|step| step.on.as_ref()) {
            fence["on"] = json!(on);
        }
        steps.push(fence);
    }
    let mut file = json!({
        "about": format!("The case {}, changed, comes to what it comes to with the reference.", base.id),
        "rules": base.rules.iter().map(|rule| rule.as_str()).collect::<Vec<_>>(),
        "target": variation.role.name(),
    });
    if base.alone {
        file["alone"] = json!(true);
    }
    let given = given_json(base);
    if !given.is_empty() {
        file["given"] = Json::Object(given);
    }
    if !variation.deviate.is_empty() {
        file["deviate"] = json!(variation.deviate);
    }
    file["steps"] = Json::Array(steps);
    let mut variables: Vec<_> = base.fixtures.variables().into_iter().collect();
    // Short numbers stand everywhere by chance.
    variables.retain(|(_, value)| value.len() > 4);
    // The longest first: a guid may stand within a text of its own.
    variables.sort_by_key(|(_, value)| std::cmp::Reverse(value.len()));
    for key in ["given", "deviate", "steps"] {
        if let Some(part) = file.get_mut(key) {
            with_variables(part, &variables);
        }
    }
    file
}

/// Whether a step says what must come, rather than to look at what does.
fn expects_something(step: &Step) -> bool {
    matches!(
        step.verb,
        Verb::Expect(Expectation::Item(_)) | Verb::ExpectClosed(_) | Verb::ExpectNever(_)
    )
}

/// What the reference did at a step, as a step that asks for it.
fn what_it_did(trace: &Trace, at: usize, step: &Step, role: Role) -> Option<Json> {
    let did = trace.events.iter().find_map(|event| match &event.kind {
        EventKind::Ended(End::Status { code, .. })
            if event.step == at && role == Role::Responder =>
        {
            Some(json!({ "expect-closed": { "code": code.name() } }))
        }
        _ => None,
    });
    let mut did = did.unwrap_or_else(|| json!({ "fence": null }));
    if let Some(on) = &step.on {
        did["on"] = json!(on);
    }
    Some(did)
}

/// A step in the layout of files.
fn step_json(step: &Step) -> Json {
    // Verbs are made of texts, numbers and items, which all have a JSON form.
    let mut json = match serde_json::to_value(&step.verb).unwrap_or_default() {
        Json::String(verb) => json!({ verb: null }),
        verb => verb,
    };
    let is_optional = matches!(
        step.verb,
        Verb::Connect(_) | Verb::Establish(_) | Verb::ExpectClosed(_) | Verb::ExpectRefused(_)
    );
    for content in json.as_object_mut().into_iter().flat_map(Map::values_mut) {
        if let Json::Object(entries) = content {
            // In an item that is expected, `null` says something.
            let is_item = matches!(step.verb, Verb::Send(_) | Verb::Expect(_));
            entries.retain(|_, value| match is_optional {
                true => is_something(value),
                false => is_item || !value.is_null(),
            });
            if entries.is_empty() {
                *content = Json::Null;
            }
        }
    }
    // In a file the ids that count stand beside the pattern.
    if let Some(Json::Object(mut content)) = json.get("expect").cloned()
        && let (Some(pattern), Some(among)) = (content.remove("pattern"), content.remove("among"))
    {
        json["expect"] = pattern;
        json["among"] = among;
    }
    if let Some(on) = &step.on {
        json["on"] = json!(on);
    }
    if !step.deviate.is_empty() {
        json["deviate"] = json!(step.deviate);
    }
    if let Some(within) = step.within {
        json["within"] = json!(format!("{}ms", within.as_millis()));
    }
    json
}

/// What is given, without what every case has.
fn given_json(base: &Scenario) -> Map<String, Json> {
    let mut given = match serde_json::to_value(&base.given) {
        Ok(Json::Object(given)) => given,
        _ => Map::new(),
    };
    if let Some(Json::Object(others)) = given.get_mut("others") {
        // A case with a probe has it without asking.
        others.remove(crate::scenario::fixtures::PROBE);
    }
    given.retain(|_, value| is_something(value));
    if base.given.peer == PeerFixture::default() {
        given.remove("peer");
    }
    given
}

/// Whether a value is another than the one that a file leaves out.
fn is_something(value: &Json) -> bool {
    match value {
        Json::Null | Json::Bool(false) => false,
        Json::Array(elements) => !elements.is_empty(),
        Json::Object(entries) => !entries.is_empty(),
        Json::Number(number) => number.as_u64() != Some(0),
        Json::Bool(true) | Json::String(_) => true,
    }
}

/// Ids, keys and secrets of this case by their names: a case of another id has others.
fn with_variables(json: &mut Json, variables: &[(String, String)]) {
    match json {
        Json::Array(elements) => elements
            .iter_mut()
            .for_each(|one| with_variables(one, variables)),
        Json::Object(entries) => entries
            .values_mut()
            .for_each(|one| with_variables(one, variables)),
        Json::String(text) => {
            let mut named = text.replace('$', "$$");
            for (name, value) in variables {
                named = named.replace(value, &format!("${{{name}}}"));
            }
            *text = named;
        }
        _ => {}
    }
}
