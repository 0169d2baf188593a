//! What a campaign plays: how a dialogue begins, and what is said in it.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{
    model::{Item, Message},
    scenario::deviation::Deviation,
};

/// Most turns of one dialogue: with what shows their outcome they stay below a scenario's limit of steps.
pub const TURNS_MAX: usize = 20;

/// One dialogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Dialogue {
    /// How far our side is honest without being asked.
    pub begin: Begin,
    /// What is then said.
    pub turns: Vec<Turn>,
}

/// How a dialogue begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Begin {
    /// A stream is opened.
    Opened,
    /// Keys are exchanged.
    KeyExchanged,
    /// Keys are exchanged, and the peer's handshake is waited for.
    HandshakeCame,
    /// Keys are exchanged, and our handshake is sent; nothing is waited for.
    HandshakeSent,
    /// A session serves, and what earlier dialogues left with the peer is forgotten.
    Established,
}

impl Dialogue {
    /// A session that comes up, step by step: each has an outcome of its own.
    pub fn coming_up() -> Self {
        let items = [
            Item::EstablishSharedSecret,
            Item::Handshake,
            Item::Heartbeat,
        ];
        Dialogue {
            begin: Begin::Opened,
            turns: items
                .map(|item| Turn {
                    say: Saying::Message(Message::Item(item)),
                    shown: true,
                })
                .to_vec(),
        }
    }

    /// Its first so many turns.
    #[must_use]
    pub fn prefix(&self, turns: usize) -> Self {
        Dialogue {
            begin: self.begin,
            turns: self.turns[..turns.min(self.turns.len())].to_vec(),
        }
    }

    /// The same, with a look at what came of each turn before the next.
    #[must_use]
    pub fn shown(mut self) -> Self {
        self.turns.iter_mut().for_each(|turn| turn.shown = true);
        self
    }
}

impl Begin {
    /// All of them.
    pub const ALL: [Begin; 5] = [
        Begin::Opened,
        Begin::KeyExchanged,
        Begin::HandshakeCame,
        Begin::HandshakeSent,
        Begin::Established,
    ];
}

/// One thing that is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Turn {
    /// What.
    pub say: Saying,
    /// Whether what the peer makes of it is looked at before the next turn.
    pub shown: bool,
}

/// The things that can be said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Saying {
    /// A message of the model.
    Message(#[serde(with = "message_name")] Message),
    /// The same, with a deviation that a correct peer does not mind.
    Oddly(#[serde(with = "message_name")] Message, Deviation),
    /// A manifest of these ids and modnos, no id twice.
    Manifest(Vec<(i64, i64)>),
    /// Operations created or updated, no id twice.
    Store {
        /// As created ones.
        created: bool,
        /// Which.
        operations: Vec<Operation>,
    },
    /// Operations deleted.
    Delete(Vec<i64>),
    /// A heartbeat, spoilt by its frame.
    Spoilt(Deviation),
    /// A manifest that has to be answered, spoilt by its frame: a peer that takes it shows that by its answer, whatever it makes
    /// of what comes behind.
    SpoiltRequest(Deviation),
    /// Our key, spoilt.
    SpoiltKey(Deviation),
    /// Our handshake, spoilt.
    SpoiltHandshake(Deviation),
    /// A second session of the same identity.
    Again,
    /// The session is left, and the same identity begins another: what the host holds stays.
    Anew,
}

/// An operation; what is not here is the same in all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Operation {
    /// Its id, not 0.
    pub id: i64,
    /// Its modno, not 0, which a host replaces.
    pub modno: i64,
    /// Its flow, not 0.
    pub flow: i64,
    /// Id of its repo and of its plan.
    pub place: String,
}

impl Saying {
    /// What it is called in findings.
    pub fn name(&self) -> String {
        let spoilt = |what: &str, deviation: &Deviation| format!("{what}-{}", words(deviation));
        match self {
            Saying::Message(message) => message.name(),
            Saying::Oddly(message, deviation) => spoilt(&message.name(), deviation),
            Saying::Manifest(_) => "manifest".to_owned(),
            Saying::Store { created: true, .. } => "created".to_owned(),
            Saying::Store { created: false, .. } => "updated".to_owned(),
            Saying::Delete(_) => "deleted".to_owned(),
            Saying::Spoilt(deviation) => spoilt("heartbeat", deviation),
            Saying::SpoiltRequest(deviation) => spoilt("manifest", deviation),
            Saying::SpoiltKey(deviation) => spoilt("key", deviation),
            Saying::SpoiltHandshake(deviation) => spoilt("handshake", deviation),
            Saying::Again => "second-session".to_owned(),
            Saying::Anew => "session-anew".to_owned(),
        }
    }
}

/// A deviation as part of a name: its words, joined.
fn words(deviation: &Deviation) -> String {
    let json = serde_json::to_value(deviation).unwrap_or_default();
    let entries = json.as_object().into_iter().flatten();
    let text: Vec<String> = entries
        .map(|(key, value)| match value {
            serde_json::Value::String(word) => format!("{key}-{word}"),
            value => format!("{key}-{value}"),
        })
        .collect();
    let allowed = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    text.join("-").chars().map(allowed).collect()
}

/// Messages go by the names that case ids have, so that a corpus outlives a change of the model.
mod message_name {
    use super::*;

    pub fn serialize<S: Serializer>(message: &Message, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&message.name())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Message, D::Error> {
        let name = String::deserialize(deserializer)?;
        Message::all()
            .find(|message| message.name() == name)
            .ok_or_else(|| de::Error::custom(format!("no message of the model is called `{name}`")))
    }
}
