//! How a case is changed.

use std::{mem::discriminant, time::Duration};

use super::{
    Variation,
    mend::{hopeful, mended},
    stock::{Base, Stock, is_heavy},
    values::{own, turn, with_replacement_character},
};
use crate::{
    campaign::Dice,
    model::Item,
    scenario::{
        deviation::{Deviation, PayloadFault},
        fixtures::{Fixtures, PROBE},
        message::Message,
        model::{
            Connect, Ending, Establish, Expectation, Location, Nothing, Scenario, Sendable, Step,
            Verb,
        },
    },
    wire::Role,
};

/// Most changes at a time.
const CHANGES_MAX: usize = 3;
/// Throws for a change that comes to something.
const TRIES_MAX: usize = 12;
/// How long is waited behind what takes a peer long.
const HEAVY_WAIT: Duration = Duration::from_secs(30);

impl Stock {
    /// A variation, changed once more; nothing where its case is not among the stock, or no change was hit upon.
    pub fn changed(&self, variation: &Variation, dice: &mut Dice) -> Option<Variation> {
        let base = self.base(&variation.base, variation.protocol)?;
        let mut changed = variation.clone();
        let changes = 1 + dice.below(CHANGES_MAX);
        for _ in 0..TRIES_MAX {
            for _ in 0..changes {
                self.change(&mut changed, base, dice);
            }
            let steps = hopeful(std::mem::take(&mut changed.steps), &base.scenario, dice);
            changed.steps = mended(steps, &base.scenario);
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
        match dice.below(20) {
            // Faults are what peers most often overlook.
            0..=4 => {
                let Some(at) = one_that(steps, says, dice) else {
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
                    let is_in_text = deviation == Deviation::Payload(PayloadFault::InvalidUtf8);
                    steps[at].deviate.push(deviation);
                    if is_in_text {
                        self.spoil_text(&mut steps[at].verb, dice);
                    }
                    // Of a spoilt item that asks for something it shows whether it was taken.
                    if let Verb::Send(Sendable::Item(message)) = &mut steps[at].verb
                        && !is_in_text
                        && dice.once_in(3)
                        && let Ok(asking) = Message::from_json(asking(scenario.role).json())
                    {
                        *message = asking;
                    }
                    look(steps, at, scenario, dice);
                    if steps[at].deviate.iter().any(is_heavy) {
                        wait_longer(&mut steps[at + 1..]);
                    }
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
                let is_item = |verb: &Verb| matches!(verb, Verb::Send(Sendable::Item(_)));
                let Some(at) = one_that(steps, is_item, dice) else {
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
            15 | 16 => {
                let Some(at) = one_that(steps, has_identity, dice) else {
                    return;
                };
                if let Verb::Connect(Connect { identity, secret })
                | Verb::Establish(Establish { identity, secret }) = &mut steps[at].verb
                {
                    match dice.once_in(2) {
                        true => *identity = somebody(scenario, dice),
                        false => *secret = some_secret(&scenario.fixtures, dice),
                    }
                }
            }
            17 => {
                let is_whole = |verb: &Verb| matches!(verb, Verb::Establish(_));
                let Some(at) = one_that(steps, is_whole, dice) else {
                    return;
                };
                if let Verb::Establish(whole) = &steps[at].verb {
                    let parts = step_by_step(whole, &steps[at].on);
                    steps.splice(at..=at, parts);
                }
            }
            // Another session beside one that is there, or in its place.
            _ => {
                let on = match dice.once_in(3) {
                    true => steps.get(at).and_then(|step| step.on.clone()),
                    false => Some("newer".to_owned()),
                };
                let establish = Verb::Establish(Establish {
                    identity: somebody(scenario, dice),
                    secret: match dice.once_in(2) {
                        true => some_secret(&scenario.fixtures, dice),
                        false => None,
                    },
                });
                let mut beside = step(establish, on);
                // What one session must not do for another shows where that other is no good by itself.
                if dice.once_in(2) {
                    beside.deviate.extend(self.deviation(&beside.verb, dice));
                }
                let at = (at + 1).min(steps.len());
                steps.insert(at, beside);
                look(steps, at, scenario, dice);
            }
        }
    }
}

impl Stock {
    /// Gives an item, or another in its place, a text that can be spoilt.
    pub(super) fn spoil_text(&self, verb: &mut Verb, dice: &mut Dice) {
        let Verb::Send(Sendable::Item(message)) = verb else {
            return;
        };
        let mut candidate = Some(message.clone());
        for _ in 0..TRIES_MAX {
            let spoilt = candidate.and_then(|one| with_replacement_character(&one, dice));
            if let Some(spoilt) = spoilt {
                *message = spoilt;
                return;
            }
            candidate = self.item(dice);
        }
    }
}

/// Where one of the steps stands that are such.
fn one_that(steps: &[Step], is_such: impl Fn(&Verb) -> bool, dice: &mut Dice) -> Option<usize> {
    let such = (0..steps.len()).filter(|at| is_such(&steps[*at].verb));
    dice.one_of(&such.collect::<Vec<_>>()).copied()
}

fn has_identity(verb: &Verb) -> bool {
    matches!(verb, Verb::Connect(_) | Verb::Establish(_))
}

/// One of the case's identities; mostly the one that a step has which names none.
fn somebody(scenario: &Scenario, dice: &mut Dice) -> Option<String> {
    let others = scenario.fixtures.identities.iter().skip(1);
    let names: Vec<&String> = others
        .filter(|identity| identity.name != PROBE)
        .filter(|identity| identity.known || scenario.role == Role::Responder)
        .map(|identity| &identity.name)
        .collect();
    match dice.once_in(3) {
        true => None,
        false => dice.one_of(&names).map(|name| (*name).clone()),
    }
}

/// Mostly the secret of the case's token, where it has one.
fn some_secret(fixtures: &Fixtures, dice: &mut Dice) -> Option<String> {
    let token = fixtures.token.as_ref().map(|token| token.secret.clone());
    match (dice.below(4), token) {
        (0, Some(secret)) => Some(secret[..secret.len() / 2].to_owned()),
        (1, _) => Some("0".repeat(64)),
        (_, token) => token,
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
fn says(verb: &Verb) -> bool {
    matches!(verb, Verb::Send(_) | Verb::Establish(_) | Verb::Connect(_))
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

/// A session that comes up in one step, in its five: each can then be spoilt by itself.
fn step_by_step(whole: &Establish, on: &Option<String>) -> [Step; 5] {
    let connect = Connect {
        identity: whole.identity.clone(),
        secret: whole.secret.clone(),
    };
    [
        Verb::Connect(connect),
        Verb::Send(Sendable::Key),
        Verb::Expect(Expectation::Key),
        Verb::Expect(Expectation::Handshake),
        Verb::Send(Sendable::Handshake),
    ]
    .map(|verb| step(verb, on.clone()))
}

/// Gives the peer the time that a case with so much to do gives it.
fn wait_longer(steps: &mut [Step]) {
    for step in steps {
        let is_wait = matches!(
            step.verb,
            Verb::Expect(_) | Verb::ExpectRefused(_) | Verb::ExpectClosed(_) | Verb::Fence(_)
        );
        if is_wait {
            step.within = Some(HEAVY_WAIT);
        }
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
