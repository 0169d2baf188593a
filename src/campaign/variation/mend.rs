//! Steps that can be played where they stand.

use std::collections::BTreeMap;

use super::STEPS_LEN_MAX;
use crate::{
    campaign::Dice,
    scenario::{
        fixtures::{PEER, PROBE},
        model::{Connect, Establish, Expectation, Probe, Scenario, Sendable, Step, Verb},
    },
    wire::Role,
};

/// Once in so many times a wait is left where nothing can come: that nothing does is worth a look now and then, and
/// each costs a deadline.
const HOPELESS_ONCE_IN: usize = 8;

/// The steps that can be played where they stand: on a session that was opened, by an identity that there is.
pub(super) fn mended(steps: Vec<Step>, scenario: &Scenario) -> Vec<Step> {
    let has = |name: &Option<String>| {
        let name = name.as_deref();
        name.is_none_or(|name| scenario.fixtures.identity(name).is_some())
    };
    let has_probe = scenario.fixtures.identity(PROBE).is_some();
    let is_own = |verb: &Verb| scenario.steps.iter().any(|own| own.verb == *verb);
    let mut opened: Vec<Option<String>> = Vec::new();
    // A client dials each of its hosts once, and again only where the case gives it a cause.
    let mut calls_left = calls_of(scenario);
    let mut is_called = |identity: &Option<String>| {
        let name = identity.as_deref().unwrap_or(PEER);
        let left = calls_left.get_mut(name);
        left.is_some_and(|left| std::mem::replace(left, left.saturating_sub(1)) > 0)
    };
    let mut kept = Vec::new();
    for step in steps {
        let is_playable = match &step.verb {
            Verb::Connect(Connect { identity, .. })
            | Verb::Establish(Establish { identity, .. }) => {
                let can_be =
                    has(identity) && (scenario.role == Role::Responder || is_called(identity));
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

/// How often each identity may be called, by its name.
fn calls_of(scenario: &Scenario) -> BTreeMap<&str, usize> {
    let mut calls: BTreeMap<&str, usize> = BTreeMap::new();
    for step in &scenario.steps {
        if let Verb::Connect(Connect { identity, .. })
        | Verb::Establish(Establish { identity, .. }) = &step.verb
        {
            *calls
                .entry(identity.as_deref().unwrap_or(PEER))
                .or_default() += 1;
        }
    }
    scenario.fixtures.known().for_each(|one| {
        calls.entry(&one.name).or_insert(1);
    });
    calls
}

/// The steps without most of those that wait for what cannot come: a host says nothing before a key, and serves nothing
/// before a handshake.
pub(super) fn hopeful(steps: Vec<Step>, scenario: &Scenario, dice: &mut Dice) -> Vec<Step> {
    if scenario.role == Role::Initiator {
        return steps;
    }
    let mut said: BTreeMap<Option<String>, (bool, bool)> = BTreeMap::new();
    let mut kept = Vec::new();
    for step in steps {
        let (key, handshake) = said.entry(step.on.clone()).or_default();
        let is_hopeful = match &step.verb {
            Verb::Connect(_) => {
                (*key, *handshake) = (false, false);
                true
            }
            Verb::Establish(_) => {
                (*key, *handshake) = (true, true);
                true
            }
            Verb::Send(Sendable::Key) => {
                *key = true;
                true
            }
            Verb::Send(Sendable::Handshake) => {
                *handshake = true;
                true
            }
            Verb::Expect(Expectation::Key | Expectation::Handshake) => *key,
            Verb::Expect(Expectation::Item(_)) | Verb::ExpectEstablished(_) | Verb::Fence(_) => {
                *key && *handshake
            }
            _ => true,
        };
        if is_hopeful || dice.once_in(HOPELESS_ONCE_IN) {
            kept.push(step);
        }
    }
    kept
}
