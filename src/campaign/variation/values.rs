//! What stands in an item, changed.

use serde_json::Value as Json;

use crate::{
    campaign::Dice,
    model::Item,
    scenario::{fixtures::Fixtures, message::Message},
};

/// The item as this case would have it: what belongs to other cases is replaced by what belongs to this one.
pub(super) fn own(message: &Message, fixtures: &Fixtures, dice: &mut Dice) -> Message {
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

/// The item with U+FFFD for one of its texts, which is where a payload that is not UTF-8 is spoilt; nothing where it has
/// no text.
pub(super) fn with_replacement_character(message: &Message, dice: &mut Dice) -> Option<Message> {
    let mut json = message.json.clone();
    let mut texts = Vec::new();
    texts_of(&mut json, &mut texts);
    let at = dice.below(texts.len());
    **texts.get_mut(at)? = "\u{fffd}".to_owned();
    Message::from_json(json).ok()
}

/// Its texts, without the numbers and bytes that JSON has as texts.
fn texts_of<'a>(json: &'a mut Json, texts: &mut Vec<&'a mut String>) {
    match json {
        Json::Array(elements) => elements.iter_mut().for_each(|one| texts_of(one, texts)),
        Json::Object(entries) => {
            for (key, value) in entries {
                if !BYTES.contains(&key.as_str()) {
                    texts_of(value, texts);
                }
            }
        }
        Json::String(text) if text.parse::<i64>().is_err() => texts.push(text),
        _ => {}
    }
}

/// Changes one place of an item.
pub(super) fn turn(json: &mut Json, fixtures: &Fixtures, dice: &mut Dice) {
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
