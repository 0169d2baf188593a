//! How a case is changed.

use std::mem::discriminant;

use serde_json::Value as Json;

use super::{
    STEPS_LEN_MAX, Variation,
    stock::{Base, Stock},
};
use crate::{
    campaign::Dice,
    model::Item,
    scenario::{
        fixtures::{Fixtures, PROBE},
        message::Message,
        model::{
            Connect, Ending, Establish, Expectation, Location, Nothing, Probe, Scenario, Sendable,
            Step, Verb,
        },
    },
    wire::Role,
};

/// Most changes at a time.
const CHANGES_MAX: usize = 3;
/// Throws for a change that comes to something.
const TRIES_MAX: usize = 12;

impl Stock {
    /// A case, changed; nothing where there is no case.
    pub fn fresh(&self, dice: &mut Dice) -> Option<Variation> {
        let base = dice.one_of(self.bases())?;
        self.changed(&Variation::of(base), dice)
    }

    /// A variation, changed once more; nothing where its case is not among the stock, or no change was hit upon.
    pub fn changed(&self, variation: &Variation, dice: &mut Dice) -> Option<Variation> {
        let base = self.base(&variation.base, variation.protocol)?;
        let mut changed = variation.clone();
        let changes = 1 + dice.below(CHANGES_MAX);
        for _ in 0..TRIES_MAX {
            for _ in 0..changes {
                self.change(&mut changed, base, dice);
            }
            changed.steps = mended(std::mem::take(&mut changed.steps), &base.scenario);
            if changed.steps != variation.steps && !changed.steps.is_empty() {
                return Some(changed);
            }
        }
        None
    }

    fn change(&self, variation: &mut Variation, base: &Base, dice: &mut Dice) {
        let scenario = &base.scenario;
        let steps = &mut variation.steps;
        let at = dice.below(steps.len());
        match dice.below(16) {
            // Faults are what peers most often overlook.
            0..=4 => {
                let sends: Vec<usize> = (0..steps.len()).filter(|at| says(&steps[*at])).collect();
                let Some(&at) = dice.one_of(&sends) else {
                    return;
                };
                if let Some(deviation) = self.deviation(&steps[at].verb, dice) {
                    if dice.once_in(2) {
                        steps[at].deviate.clear();
                    }
                    // A step has one of a kind.
                    let kind = discriminant(&deviation);
                    steps[at]
                        .deviate
                        .retain(|other| discriminant(other) != kind);
                    steps[at].deviate.push(deviation);
                    // Of a spoilt item that asks for something it shows whether it was taken.
                    if let Verb::Send(Sendable::Item(message)) = &mut steps[at].verb
                        && dice.once_in(3)
                        && let Ok(asking) = Message::from_json(asking(scenario.role).json())
                    {
                        *message = asking;
                    }
                    look(steps, at, scenario, dice);
                }
            }
            5..=7 => {
                let sendable = match dice.below(8) {
                    0 => Sendable::Key,
                    1 => Sendable::Handshake,
                    _ => match self.item(dice) {
                        Some(message) => Sendable::Item(own(&message, &scenario.fixtures, dice)),
                        None => return,
                    },
                };
                let on = steps.get(at).and_then(|step| step.on.clone());
                let step = step(Verb::Send(sendable), on);
                let at = (at + 1).min(steps.len());
                steps.insert(at, step);
                look(steps, at, scenario, dice);
            }
            8 | 9 => {
                let is_item =
                    |at: &usize| matches!(&steps[*at].verb, Verb::Send(Sendable::Item(_)));
                let items: Vec<usize> = (0..steps.len()).filter(is_item).collect();
                let Some(&at) = dice.one_of(&items) else {
                    return;
                };
                if let Verb::Send(Sendable::Item(message)) = &mut steps[at].verb {
                    let mut json = message.json.clone();
                    turn(&mut json, &scenario.fixtures, dice);
                    if let Ok(turned) = Message::from_json(json) {
                        *message = turned;
                    }
                }
                look(steps, at, scenario, dice);
            }
            10 => drop((at < steps.len()).then(|| steps.remove(at))),
            11 if at < steps.len() => {
                let again = steps[at].clone();
                steps.insert(at, again);
            }
            12 if at < steps.len() => {
                let with = dice.below(steps.len());
                steps.swap(at, with);
            }
            13 => {
                if let Some(step) = self.step(dice) {
                    steps.insert(at.min(steps.len()), step);
                }
            }
            14 => {
                if let Some(step) = steps.get_mut(at) {
                    step.deviate.clear();
                }
            }
            // Another session of the same identity beside it.
            _ => {
                let on = Some("newer".to_owned());
                let establish = Verb::Establish(Establish::default());
                steps.insert((at + 1).min(steps.len()), step(establish, on));
            }
        }
    }
}

/// An item that a peer in that role answers.
fn asking(role: Role) -> Item {
    match role {
        Role::Responder => Item::OperationManifest,
        Role::Initiator => Item::RequestResources,
    }
}

/// Whether a step can be spoilt.
fn says(step: &Step) -> bool {
    matches!(
        step.verb,
        Verb::Send(_) | Verb::Establish(_) | Verb::Connect(_)
    )
}

fn step(verb: Verb, on: Option<String>) -> Step {
    Step {
        verb,
        on,
        deviate: Vec::new(),
        within: None,
        rule: None,
        location: Location {
            file: String::new(),
            line: 1,
            column: 1,
        },
    }
}

/// Puts a look at what came of a step behind it, unless the case has one there already.
fn look(steps: &mut Vec<Step>, at: usize, scenario: &Scenario, dice: &mut Dice) {
    let Some(said) = steps.get(at) else {
        return;
    };
    if matches!(said.verb, Verb::Send(Sendable::Key)) || dice.once_in(5) {
        return;
    }
    let on = said.on.clone();
    let is_sound = said.deviate.is_empty();
    let is_handshake = matches!(said.verb, Verb::Send(Sendable::Handshake));
    let is_looked_at = steps.get(at + 1).is_some_and(|next| {
        next.on == on
            && matches!(
                next.verb,
                Verb::Expect(_) | Verb::ExpectClosed(_) | Verb::ExpectRefused(_)
            )
    });
    if is_looked_at && !dice.once_in(3) {
        return;
    }
    let refused = Verb::ExpectRefused(Ending {
        or_goes_on: true,
        ..Ending::default()
    });
    let has_probe = scenario.fixtures.identity(PROBE).is_some();
    let verb = match scenario.role {
        _ if is_handshake => Verb::ExpectEstablished(Nothing::default()),
        Role::Responder if !is_sound => refused,
        Role::Initiator if !is_sound && has_probe => refused,
        _ => Verb::Fence(Nothing::default()),
    };
    steps.insert(at + 1, step(verb, on));
}

/// The steps that can be played where they stand: on a session that was opened, by an identity that there is.
fn mended(steps: Vec<Step>, scenario: &Scenario) -> Vec<Step> {
    let has = |name: &Option<String>| {
        let name = name.as_deref();
        name.is_none_or(|name| scenario.fixtures.identity(name).is_some())
    };
    let has_probe = scenario.fixtures.identity(PROBE).is_some();
    let is_own = |verb: &Verb| scenario.steps.iter().any(|own| own.verb == *verb);
    let mut opened: Vec<Option<String>> = Vec::new();
    let mut kept = Vec::new();
    for step in steps {
        let is_playable = match &step.verb {
            Verb::Connect(Connect { identity, .. })
            | Verb::Establish(Establish { identity, .. }) => {
                let can_be = has(identity);
                if can_be && !opened.contains(&step.on) {
                    opened.push(step.on.clone());
                }
                can_be
            }
            Verb::Subscribe(_) => {
                opened.push(step.on.clone());
                true
            }
            Verb::Probe(Probe::ServesANewSession) => has_probe && step.on.is_none(),
            Verb::ExpectRefused(_) if scenario.role == Role::Initiator => {
                has_probe && opened.contains(&step.on)
            }
            Verb::End(_) => scenario.role == Role::Initiator && opened.contains(&step.on),
            Verb::ExpectNever(_) => step.on.is_none(),
            // These name whom they look at: another case has others.
            Verb::ExpectUpdate(_) => opened.contains(&step.on) && is_own(&step.verb),
            verb if verb.name_without_session().is_some() => step.on.is_none() && is_own(verb),
            _ => opened.contains(&step.on),
        };
        if is_playable {
            kept.push(step);
        }
        if kept.len() == STEPS_LEN_MAX {
            break;
        }
    }
    kept
}

/// The item as this case would have it: what belongs to other cases is replaced by what belongs to this one.
fn own(message: &Message, fixtures: &Fixtures, dice: &mut Dice) -> Message {
    let mut json = message.json.clone();
    if dice.once_in(2) {
        fill(&mut json, fixtures);
    }
    if dice.once_in(3) {
        turn(&mut json, fixtures, dice);
    }
    Message::from_json(json).unwrap_or_else(|_| message.clone())
}

/// Ids made for another case end in their own eight digits: those of the same name are this case's.
fn fill(json: &mut Json, fixtures: &Fixtures) {
    match json {
        Json::Array(elements) => elements.iter_mut().for_each(|one| fill(one, fixtures)),
        Json::Object(entries) => {
            for (key, value) in entries {
                let peer = fixtures.identities.first();
                match (key.as_str(), &*value, peer) {
                    ("instanceId", Json::String(_), Some(peer)) => {
                        *value = Json::from(peer.instance_id.clone());
                    }
                    _ => fill(value, fixtures),
                }
            }
        }
        Json::String(text) => {
            let named = |id: &str, name: &str| {
                id.len() == text.len()
                    && text.rsplit_once('-').is_some_and(|(head, _)| head == name)
            };
            let repo = fixtures.repos.iter().find(|one| named(&one.id, &one.name));
            let plan = fixtures.plans.iter().find(|one| named(&one.id, &one.name));
            let id = repo.map(|one| &one.id).or(plan.map(|one| &one.id));
            if let Some(id) = id {
                *text = id.clone();
            }
        }
        _ => {}
    }
}

/// Fields that hold bytes, which JSON has in base64.
const BYTES: [&str; 6] = [
    "payload",
    "signature",
    "nonce",
    "ciphertext",
    "chunk",
    "kemPublicKey",
];

/// Changes one place of an item.
fn turn(json: &mut Json, fixtures: &Fixtures, dice: &mut Dice) {
    const NUMBERS: [i64; 8] = [
        0,
        1,
        -1,
        Item::OPERATION_ID,
        1 << 32,
        (1 << 53) + 1,
        i64::MAX,
        i64::MIN,
    ];
    const TEXTS: [&str; 8] = [
        "",
        "photos",
        "1e3",
        "a/b:c#d",
        "\u{e9}\u{1f600}",
        "*",
        "\u{fffd}",
        "_x_",
    ];
    match json {
        Json::Object(entries) => {
            let keys: Vec<String> = entries.keys().cloned().collect();
            let Some(key) = dice.one_of(&keys) else {
                return;
            };
            match dice.below(6) {
                0 if keys.len() > 1 => drop(entries.remove(key)),
                _ if BYTES.contains(&key.as_str()) => {
                    let bytes = *dice
                        .one_of(&["", "AAAA", "AAAAAAAAAAAAAAAA"])
                        .unwrap_or(&"");
                    entries.insert(key.clone(), Json::from(bytes));
                }
                _ => {
                    if let Some(value) = entries.get_mut(key) {
                        turn(value, fixtures, dice);
                    }
                }
            }
        }
        Json::Array(elements) => {
            let at = dice.below(elements.len());
            match (dice.below(6), elements.is_empty()) {
                (_, true) => {}
                (0, _) => drop(elements.remove(at)),
                (1, _) => elements.push(elements[at].clone()),
                (2, _) => elements.reverse(),
                _ => turn(&mut elements[at], fixtures, dice),
            }
        }
        Json::Number(_) => {
            *json = Json::from(dice.one_of(&NUMBERS).copied().unwrap_or(0).to_string())
        }
        Json::String(text) if text.parse::<i64>().is_ok() => {
            *text = dice.one_of(&NUMBERS).copied().unwrap_or(0).to_string();
        }
        Json::String(text) => {
            let known: Vec<String> = fixtures.variables().into_values().collect();
            *text = match dice.once_in(2) {
                true => dice.one_of(&known).cloned().unwrap_or_default(),
                false => (*dice.one_of(&TEXTS).unwrap_or(&"")).to_owned(),
            };
        }
        Json::Bool(flag) => *flag = !*flag,
        Json::Null => {}
    }
}

/// Simpler variations that may show the same, the boldest cuts first.
pub fn shorter(variation: &Variation, base: &Scenario, last: usize) -> Vec<Variation> {
    let mut found: Vec<Variation> = Vec::new();
    let mut propose = |steps: Vec<Step>, deviate| {
        let candidate = Variation {
            steps: mended(steps, base),
            deviate,
            ..variation.clone()
        };
        if candidate != *variation && !candidate.steps.is_empty() && !found.contains(&candidate) {
            found.push(candidate);
        }
    };
    let steps = &variation.steps;
    propose(
        steps[..steps.len().min(last + 1)].to_vec(),
        variation.deviate.clone(),
    );
    for at in (0..steps.len()).rev() {
        let mut fewer = steps.clone();
        fewer.remove(at);
        propose(fewer, variation.deviate.clone());
    }
    for (at, step) in steps.iter().enumerate() {
        for which in 0..step.deviate.len() {
            let mut honest = steps.clone();
            honest[at].deviate.remove(which);
            propose(honest, variation.deviate.clone());
        }
    }
    for which in 0..variation.deviate.len() {
        let mut fewer = variation.deviate.clone();
        fewer.remove(which);
        propose(steps.clone(), fewer);
    }
    found
}

/// Whether a step says what must come, rather than to look at what does.
pub(super) fn expects_something(step: &Step) -> bool {
    matches!(
        step.verb,
        Verb::Expect(Expectation::Item(_)) | Verb::ExpectClosed(_) | Verb::ExpectNever(_)
    )
}
