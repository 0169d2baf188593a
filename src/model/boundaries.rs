//! Cuts, splits and delays at every boundary between two messages of ours: what an honest dialogue is made of, broken off
//! before and within each of its messages, or held up there.
//!
//! However it breaks off, the peer serves the next session; however slowly or finely it comes, it means the same. A delay
//! is no wait: another session of the same peer is served at the boundary, one request behind the other.

use serde_json::{Value as Json, json};

use super::message::Item;
use crate::{rules::RuleId, wire::Role};

/// Requests that another session is served while ours is held up.
const DELAY_REQUESTS: usize = 3;

/// What happens at a boundary.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Break {
    /// The connection is gone before the message. Only who dials has one of its own.
    Cut,
    /// The stream is reset before the message.
    Reset,
    /// Our side of the stream ends before the message.
    HalfClose,
    /// Our side of the stream ends within the message.
    Truncated,
    /// The message comes byte by byte.
    Split,
    /// The message comes late.
    Delay,
}

impl Break {
    const ALL: [Break; 6] = [
        Break::Cut,
        Break::Reset,
        Break::HalfClose,
        Break::Truncated,
        Break::Split,
        Break::Delay,
    ];

    fn name(self) -> &'static str {
        match self {
            Break::Cut => "cut-before",
            Break::Reset => "reset-before",
            Break::HalfClose => "half-closed-before",
            Break::Truncated => "cut-off-within",
            Break::Split => "byte-by-byte",
            Break::Delay => "held-up-before",
        }
    }

    /// Whether the dialogue goes on behind it.
    fn goes_on(self) -> bool {
        matches!(self, Break::Split | Break::Delay)
    }
}

/// The cases: the id of each, and what its file would hold.
pub fn cases() -> impl Iterator<Item = (String, Json)> {
    let roles = [Role::Responder, Role::Initiator].into_iter();
    roles.flat_map(|role| {
        let breaks = Break::ALL.into_iter();
        let can = breaks.filter(move |one| *one != Break::Cut || role == Role::Responder);
        can.flat_map(move |one| {
            let messages = messages(role).into_iter().enumerate();
            messages.map(move |(at, message)| {
                let id = format!("boundaries/{role}/{}/{}", one.name(), message.name());
                (id, case(role, one, at, message))
            })
        })
    })
}

/// One message of ours in an honest dialogue.
#[derive(Clone, Copy)]
enum Message {
    Key,
    Handshake,
    Item(Item),
}

impl Message {
    fn name(self) -> String {
        match self {
            Message::Key => "key".to_owned(),
            Message::Handshake => "handshake".to_owned(),
            Message::Item(item) => item.name().to_owned(),
        }
    }

    fn send(self) -> Json {
        match self {
            Message::Key => json!({ "send": "key" }),
            Message::Handshake => json!({ "send": "handshake" }),
            Message::Item(item) => json!({ "send": item.json() }),
        }
    }
}

/// The dialogue with a peer in that role. A client's own manifest comes with its session, and is not asked for again: the
/// two could not be told apart.
fn messages(role: Role) -> Vec<Message> {
    let items: &[Item] = match role {
        Role::Responder => &[
            Item::Heartbeat,
            Item::ReceiveConfig,
            Item::ReceiveResources,
            Item::OperationManifest,
            Item::CreatedOperations,
        ],
        Role::Initiator => &[
            Item::Heartbeat,
            Item::ReceiveConfig,
            Item::ReceiveResources,
            Item::RequestOperationData,
            Item::RequestResources,
        ],
    };
    let items = items.iter().copied().map(Message::Item);
    [Message::Key, Message::Handshake]
        .into_iter()
        .chain(items)
        .collect()
}

fn case(role: Role, one: Break, at: usize, message: Message) -> Json {
    let (survives, unhindered) = match role {
        Role::Responder => (
            RuleId::ResponderSurvives,
            RuleId::ResponderIdleClientsDoNotBlock,
        ),
        Role::Initiator => (RuleId::InitiatorSurvives, RuleId::InitiatorHostsIndependent),
    };
    let rule = match one {
        Break::Split => RuleId::RpcHttp2,
        Break::Delay => unhindered,
        _ => survives,
    };
    // Another session shows whether the peer goes on meanwhile. A client has one with each of its hosts anyway, and calls
    // that wait to be taken, which would be there though all its sessions had ended.
    let beside_another = one == Break::Delay || (role == Role::Initiator && !one.goes_on());
    let mut steps = Vec::new();
    if beside_another {
        steps.push(json!({ "establish": { "as": "other" }, "on": "other" }));
    }
    steps.push(json!("connect"));
    if role == Role::Initiator {
        steps.push(json!({ "expect": "key" }));
    }
    let all = messages(role);
    for before in &all[..at] {
        steps.push(before.send());
        steps.extend(awaited(role, *before));
    }
    match one {
        Break::Cut => steps.push(json!("cut")),
        Break::Reset => steps.push(json!("reset")),
        Break::HalfClose => steps.push(json!("half-close")),
        Break::Truncated => steps.push(with_frame(message, "truncated")),
        Break::Split => steps.push(with_frame(message, "byte-by-byte")),
        Break::Delay => {
            let served = json!({ "fence": null, "on": "other" });
            steps.extend(std::iter::repeat_n(served, DELAY_REQUESTS));
            steps.push(message.send());
        }
    }
    if one.goes_on() {
        steps.extend(awaited(role, message));
        for behind in &all[at + 1..] {
            steps.push(behind.send());
            steps.extend(awaited(role, *behind));
        }
        steps.push(json!("expect-established"));
    } else {
        if beside_another {
            steps.push(json!({ "fence": null, "on": "other" }));
        }
        steps.push(json!({ "probe": "serves-a-new-session" }));
    }
    let others = match beside_another {
        true => json!({ "other": {} }),
        false => json!({}),
    };
    json!({
        "about": claim(role, one, message),
        "rules": [rule.as_str()],
        "target": role.name(),
        "given": { "others": others },
        "steps": steps,
    })
}

/// What must come before the dialogue goes on.
fn awaited(role: Role, message: Message) -> Option<Json> {
    match (role, message) {
        (Role::Responder, Message::Key) => Some(json!({ "expect": "key" })),
        (_, Message::Handshake) => Some(json!({ "expect": "handshake" })),
        (Role::Responder, Message::Item(Item::OperationManifest)) => {
            Some(json!({ "expect": { "requestOperationData": { "opIds": [Item::OPERATION_ID] } } }))
        }
        _ => None,
    }
}

fn with_frame(message: Message, fault: &str) -> Json {
    let mut step = message.send();
    step["deviate"] = json!({ "frame": fault });
    step
}

fn claim(role: Role, one: Break, message: Message) -> String {
    let (peer, other) = match role {
        Role::Responder => ("A host", "client"),
        Role::Initiator => ("A client", "host"),
    };
    // As the contract writes it.
    let what = message.name().replace('-', "_");
    let serves = match role {
        Role::Responder => "serves a new session",
        Role::Initiator => "keeps its session with another host, and serves a new one",
    };
    match one {
        Break::Cut => {
            format!("{peer} whose {other}'s connection is gone before the {what} {serves}.")
        }
        Break::Reset => {
            format!("{peer} whose {other} resets the stream before the {what} {serves}.")
        }
        Break::HalfClose => {
            format!("{peer} whose {other} ends its side of the stream before the {what} {serves}.")
        }
        Break::Truncated => {
            format!("{peer} whose {other} ends its side of the stream within the {what} {serves}.")
        }
        Break::Split => format!("{peer} reads the {what} though it comes byte by byte."),
        Break::Delay => {
            format!(
                "{peer} serves another {other} while one holds back the {what}, and then that one too."
            )
        }
    }
}
