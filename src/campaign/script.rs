//! A dialogue as a scenario: what is sent, what shows the outcome, and to which turn each step belongs.

use serde_json::{Value as Json, json};

use super::{
    dialogue::{Begin, Dialogue, Operation, Saying},
    position::{Expected, Position, Shown},
};
use crate::{
    model::{Item, Outcome, State, steps},
    rules::RuleId,
    scenario::{
        CaseTemplate, deviation::Deviation, fixtures::STARTED_AT_UNIX_MS, load_error::LoadError,
        model::Scenario,
    },
    wire::{Role, RpcProtocol},
};

/// An operation that no dialogue stores, so that a manifest of it has to be answered.
const UNHELD_ID: i64 = 1 << 40;

/// A dialogue ready to be played.
#[derive(Clone, Debug)]
pub struct Script {
    /// What its file would hold.
    pub file: Json,
    /// For each step the turn it belongs to; none for the beginning.
    pub turn_of_step: Vec<Option<usize>>,
    /// For each turn where the stream stood, and what was said.
    pub places: Vec<(State, String)>,
    /// For each turn whether its outcome is looked at before the next one.
    pub shown: Vec<bool>,
}

impl Script {
    /// The turn that a step belongs to, steps counted from 1.
    pub fn turn_of(&self, step: usize) -> Option<usize> {
        self.turn_of_step
            .get(step.checked_sub(1)?)
            .copied()
            .flatten()
    }

    /// Whether what shows at this turn may be the doing of one before it, which nothing has shown yet.
    pub fn is_undecided_before(&self, turn: usize) -> bool {
        turn > 0 && !self.shown[turn - 1]
    }
}

/// The script of a dialogue; nothing where a turn makes no sense in its place.
pub fn script(dialogue: &Dialogue) -> Option<Script> {
    let mut position = Position::at(dialogue.begin);
    let mut steps: Vec<(Option<usize>, Json)> = begin(dialogue.begin)
        .into_iter()
        .map(|step| (None, step))
        .collect();
    let mut rules: Vec<RuleId> = Vec::new();
    let mut places = Vec::new();
    let mut shown_turns = Vec::new();
    // The rules of the turns that nothing has shown yet.
    let mut undecided: Vec<RuleId> = Vec::new();
    let last = dialogue.turns.len().checked_sub(1)?;
    for (at, turn) in dialogue.turns.iter().enumerate() {
        let expected = position.expect(&turn.say)?;
        if at < last && !expected.goes_on() {
            return None;
        }
        places.push((position.state, turn.say.name()));
        rules.push(expected.rule);
        let said = say(position.state, &turn.say).into_iter();
        undecided.push(expected.rule);
        let so_far = weakest(&undecided).unwrap_or(expected.rule);
        steps.extend(said.map(|step| match step == json!("fence") {
            true => (Some(at), with_rule(step, so_far)),
            false => (Some(at), step),
        }));
        let next = position.after(&turn.say);
        let is_shown = turn.shown || at == last || !expected.can_wait() || !position.is_up();
        shown_turns.push(is_shown);
        if is_shown {
            let rule = weakest(&undecided).unwrap_or(expected.rule);
            undecided.clear();
            let shown = show(position.state, &expected).into_iter();
            steps.extend(shown.map(|step| (Some(at), with_rule(step, rule))));
            position = next.shown(&expected);
        } else {
            position = next;
        }
    }
    if dialogue.begin == Begin::HandshakeCame {
        rules.push(RuleId::HandshakeResponderDoesNotWait);
    }
    let mut unique: Vec<&str> = Vec::new();
    for rule in rules {
        if !unique.contains(&rule.as_str()) {
            unique.push(rule.as_str());
        }
    }
    let (turn_of_step, steps): (Vec<_>, Vec<_>) = steps.into_iter().unzip();
    Some(Script {
        file: json!({
            "about": about(&places),
            "rules": unique,
            "target": Role::Responder.name(),
            "steps": steps,
        }),
        turn_of_step,
        places,
        shown: shown_turns,
    })
}

/// What several turns together can be held to: any of them may be to blame. Of rules that bind alike it is the last.
fn weakest(rules: &[RuleId]) -> Option<RuleId> {
    // `Level` is ordered strongest first.
    rules.iter().copied().max_by_key(|rule| rule.level())
}

/// The scenario of a script. Its identities follow from `id` alone, so that a peer is provisioned once for all that is
/// played under one id; its operations have ids that no other number gives, so that nothing an earlier dialogue left with
/// the peer plays a part. Number 0 leaves them as they are.
///
/// # Errors
/// What is wrong with the script, which is the suite's own fault.
pub fn lane_scenario(
    script: &Script,
    id: &str,
    protocol: RpcProtocol,
    number: u64,
) -> Result<Scenario, Vec<LoadError>> {
    let mut file = script.file.clone();
    // Far below the ids of fences, and all ids of one dialogue are within 8 bits of each other or of an edge.
    renumber(&mut file, (number as i64 & 0xffff_ffff) << 8);
    let template = CaseTemplate::generated(id, &file)?;
    let problems = template.problems();
    match template.instantiate(Role::Responder, protocol) {
        Some(scenario) if problems.is_empty() => Ok(scenario),
        _ => Err(problems),
    }
}

/// Flips the same bits in each id of an operation or a flow: different ones stay different.
fn renumber(json: &mut Json, bits: i64) {
    let Json::Object(entries) = json else {
        if let Json::Array(elements) = json {
            elements
                .iter_mut()
                .for_each(|element| renumber(element, bits));
        }
        return;
    };
    for (key, value) in entries {
        match (key.as_str(), value) {
            ("opIds" | "values", Json::Array(ids)) => {
                ids.iter_mut().for_each(|id| flip(id, bits));
            }
            // The id of a repo or a plan is a word, and stays.
            ("id" | "flowId", value) => flip(value, bits),
            (_, value) => renumber(value, bits),
        }
    }
}

fn flip(id: &mut Json, bits: i64) {
    let number = id.as_i64().or_else(|| id.as_str()?.parse().ok());
    if let Some(number) = number {
        *id = Json::String((number ^ bits).to_string());
    }
}

fn about(places: &[(State, String)]) -> String {
    let said: Vec<&str> = places.iter().map(|(_, name)| name.as_str()).collect();
    let begin = places
        .first()
        .map_or_else(String::new, |(state, _)| state.name());
    format!(
        "From {begin} on, each of these has its outcome: {}.",
        said.join(", ")
    )
}

fn begin(begin: Begin) -> Vec<Json> {
    let position = Position::at(begin);
    let mut reached = steps::reach(Role::Responder, position.state);
    if begin == Begin::Established {
        // What earlier dialogues of the same identity stored is forgotten.
        reached.push(json!({ "send": { "operationManifest": {} } }));
    }
    reached
}

fn say(state: State, saying: &Saying) -> Vec<Json> {
    let spoilt =
        |what: Json, deviation: &Deviation| vec![json!({ "send": what, "deviate": deviation })];
    match saying {
        Saying::Message(message) => steps::say(state, *message),
        Saying::Oddly(message, deviation) => steps::say(state, *message)
            .into_iter()
            .map(|mut step| {
                step["deviate"] = json!(deviation);
                step
            })
            .collect(),
        Saying::Manifest(listed) => vec![manifest(listed)],
        Saying::Store {
            created,
            operations,
        } => {
            let kind = if *created {
                "createdOperations"
            } else {
                "updatedOperations"
            };
            let operations: Vec<Json> = operations.iter().map(operation).collect();
            vec![
                json!({ "send": { "receiveOperations": { "event": { kind: { "operations": operations } } } } }),
            ]
        }
        Saying::Delete(ids) => {
            vec![
                json!({ "send": { "receiveOperations": { "event": { "deletedOperations": { "values": texts(ids) } } } } }),
            ]
        }
        Saying::Spoilt(deviation) => spoilt(Item::Heartbeat.json(), deviation),
        Saying::SpoiltRequest(deviation) => spoilt(
            json!({ "operationManifest": {
            "opIds": [UNHELD_ID.to_string()], "modnos": [1]
        } }),
            deviation,
        ),
        Saying::SpoiltKey(deviation) => spoilt(json!("key"), deviation),
        Saying::SpoiltHandshake(deviation) => spoilt(json!("handshake"), deviation),
        Saying::Again => vec![json!({ "establish": null, "on": "newer" })],
        // What was said last must have arrived: the next session comes by a connection of its own.
        Saying::Anew => vec![
            json!("fence"),
            json!("half-close"),
            json!({ "establish": null }),
        ],
    }
}

fn show(state: State, expected: &Expected) -> Vec<Json> {
    match &expected.shown {
        Shown::Cell(outcome) => steps::show(Role::Responder, state, *outcome),
        Shown::Asked(ids) => asked(ids),
        Shown::Holding { listed, asked: ids } => {
            let mut shown = vec![manifest(listed)];
            shown.extend(asked(ids));
            shown
        }
        Shown::Refused(code) => steps::show(
            Role::Responder,
            state,
            Outcome::Refused {
                code: Some(*code),
                also: &[],
            },
        ),
        Shown::Displaced => vec![
            json!({ "expect-closed": { "code": "internal" } }),
            json!({ "fence": null, "on": "newer" }),
        ],
    }
}

fn asked(ids: &[i64]) -> Vec<Json> {
    match ids {
        [] => vec![json!("fence")],
        ids => vec![
            json!({ "expect": { "requestOperationData": { "opIds": texts(ids) } } }),
            json!("fence"),
        ],
    }
}

fn manifest(listed: &[(i64, i64)]) -> Json {
    let (ids, modnos): (Vec<i64>, Vec<i64>) = listed.iter().copied().unzip();
    json!({ "send": { "operationManifest": { "opIds": texts(&ids), "modnos": texts(&modnos) } } })
}

fn operation(operation: &Operation) -> Json {
    let Operation {
        id,
        modno,
        flow,
        place,
    } = operation;
    json!({
        "id": id.to_string(),
        "modno": modno.to_string(),
        "flowId": flow.to_string(),
        "repoId": place,
        "repoGuid": "1".repeat(64),
        "planId": place,
        "instanceId": "$instance",
        "unixTimeStartMs": STARTED_AT_UNIX_MS.to_string(),
        // A variable begins with a dollar sign, and two of them are one.
        "displayMessage": format!("$$ {id} at {modno}"),
    })
}

/// 64-bit numbers as protobuf's JSON mapping has them.
fn texts(numbers: &[i64]) -> Vec<String> {
    numbers.iter().map(i64::to_string).collect()
}

/// The step, a failure of which breaks this rule. What is sent breaks none.
fn with_rule(step: Json, rule: RuleId) -> Json {
    let mut step = match step {
        Json::String(verb) => json!({ verb: null }),
        step => step,
    };
    let sends =
        step.get("send").is_some() || step.get("probe").is_some() || step.get("rule").is_some();
    if !sends {
        step["rule"] = json!(rule.as_str());
    }
    step
}
