//! What variations are made of: cases, deviations and items.

use std::{
    collections::BTreeMap,
    mem::{Discriminant, discriminant},
    sync::Arc,
};

use crate::{
    campaign::Dice,
    model::Item,
    scenario::{
        deviation::{Deviation, Part, PayloadFault},
        every::every_deviation,
        message::Message,
        model::{Profile, Scenario, Sendable, Step, Verb},
    },
    wire::{Role, RpcProtocol},
};

/// Once in so many times what takes a peer long is said to it after all.
const HEAVY_ONCE_IN: usize = 2;

/// A case that is changed.
#[derive(Clone, Debug)]
pub struct Base {
    /// The case.
    pub scenario: Arc<Scenario>,
    /// The RPC protocol that its ids are for.
    pub protocol: RpcProtocol,
}

/// All that is drawn from, for one role of the peer under test.
#[derive(Clone, Debug)]
pub struct Stock {
    bases: Vec<Base>,
    by_id: BTreeMap<(String, RpcProtocol), usize>,
    deviations: Vec<Deviation>,
    items: Vec<Message>,
}

impl Stock {
    /// The stock of one role. Of the cases those are taken that can be played side by side and again, and wait for nothing
    /// of the peer's own.
    pub fn new(role: Role, cases: impl IntoIterator<Item = Base>) -> Stock {
        let bases: Vec<Base> = cases
            .into_iter()
            .filter(|base| base.scenario.role == role && is_usable(&base.scenario))
            .collect();
        let mut deviations: Vec<Deviation> = every_deviation();
        let mut items: Vec<Message> = Vec::new();
        for item in Item::ALL {
            // With nothing filled in: what stands for an instance id is then one that nobody has.
            items.extend(Message::from_json(item.json()).ok());
        }
        for base in &bases {
            for step in &base.scenario.steps {
                let of_both = base.scenario.deviate.iter().chain(&step.deviate);
                for deviation in of_both {
                    if !deviations.contains(deviation) {
                        deviations.push(deviation.clone());
                    }
                }
                if let Verb::Send(Sendable::Item(message)) = &step.verb
                    && !items.contains(message)
                {
                    items.push(message.clone());
                }
            }
        }
        deviations.retain(|deviation| is_playable(deviation, role));
        let keys = bases.iter().enumerate();
        let by_id = keys.map(|(at, base)| ((base.scenario.id.clone(), base.protocol), at));
        Stock {
            by_id: by_id.collect(),
            bases,
            deviations,
            items,
        }
    }

    /// The cases.
    pub fn bases(&self) -> &[Base] {
        &self.bases
    }

    /// The case of that id.
    pub fn base(&self, id: &str, protocol: RpcProtocol) -> Option<&Base> {
        let at = *self.by_id.get(&(id.to_owned(), protocol))?;
        self.bases.get(at)
    }

    /// A deviation that a step can have.
    pub(super) fn deviation(&self, verb: &Verb, dice: &mut Dice) -> Option<Deviation> {
        let fitting: Vec<&Deviation> = self
            .deviations
            .iter()
            .filter(|deviation| applies(deviation, verb))
            .collect();
        let chosen = Self::of_any_kind(&fitting, dice)?;
        let is_left_out = is_heavy(&chosen) && !dice.once_in(HEAVY_ONCE_IN);
        (!is_left_out).then_some(chosen)
    }

    fn of_any_kind(fitting: &[&Deviation], dice: &mut Dice) -> Option<Deviation> {
        let chosen = *dice.one_of(fitting)?;
        if dice.once_in(2) {
            return Some(chosen.clone());
        }
        // There are kinds of one word and kinds of a hundred, and each has its turn.
        let mut kinds: Vec<Discriminant<Deviation>> = Vec::new();
        for kind in fitting.iter().map(|deviation| discriminant(*deviation)) {
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        let kind = *dice.one_of(&kinds)?;
        let of_kind: Vec<&Deviation> = fitting
            .iter()
            .copied()
            .filter(|deviation| discriminant(*deviation) == kind)
            .collect();
        dice.one_of(&of_kind).map(|deviation| (*deviation).clone())
    }

    /// An item to send.
    pub(super) fn item(&self, dice: &mut Dice) -> Option<Message> {
        dice.one_of(&self.items).cloned()
    }

    /// A step of any case.
    pub(super) fn step(&self, dice: &mut Dice) -> Option<Step> {
        let base = dice.one_of(&self.bases)?;
        dice.one_of(&base.scenario.steps).cloned()
    }
}

/// Races come to what they come to, and whoever waits for a deadline of the peer is in its way.
fn is_usable(scenario: &Scenario) -> bool {
    let is_slow = |step: &Step| step.within.is_some() || matches!(step.verb, Verb::Stall(_));
    scenario.given.strangers == 0
        && scenario.profile != Profile::Full
        && !scenario.steps.iter().any(is_slow)
}

/// Whether it takes a peer as long as hundreds of others.
pub(super) fn is_heavy(deviation: &Deviation) -> bool {
    *deviation == Deviation::Payload(PayloadFault::MillionIds)
}

/// Some belong to one role, and what lies beside a mebibyte is found beside less.
fn is_playable(deviation: &Deviation, role: Role) -> bool {
    match deviation {
        Deviation::Key(_) | Deviation::KeyVector(_) => role == Role::Responder,
        Deviation::ContentType(_) | Deviation::Method(_) | Deviation::OfferGzip(_) => {
            role == Role::Responder
        }
        Deviation::Encapsulation(_) | Deviation::EncapsulationVector(_) => role == Role::Initiator,
        Deviation::Payload(PayloadFault::MillionIds) => role == Role::Responder,
        Deviation::Payload(PayloadFault::MebibyteBeside) => false,
        Deviation::Deadline(_) | Deviation::StateHeaders(_) => false,
        _ => true,
    }
}

/// Whether a deviation changes anything of what a step sends.
fn applies(deviation: &Deviation, verb: &Verb) -> bool {
    let (key, handshake, sealed, call) = match verb {
        Verb::Send(Sendable::Key) => (true, false, false, false),
        Verb::Send(Sendable::Handshake) => (false, true, true, false),
        Verb::Send(Sendable::Item(_)) => (false, false, true, false),
        Verb::Establish(_) => (true, true, false, true),
        Verb::Connect(_) => (false, false, false, true),
        _ => return false,
    };
    match deviation.part() {
        Part::KeyExchange => key,
        Part::Handshake => handshake,
        Part::SealedItem => sealed,
        Part::Frame => !call,
        Part::Call => call,
        Part::StateCall => false,
    }
}
