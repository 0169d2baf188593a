//! What was seen between us and the peer in one case, in order. A trace holds no opinion: [`reading`] says what a step
//! makes of it, the judge what that means.

#[cfg(test)]
pub(crate) mod by_hand;
mod data;
mod looks;
pub mod reading;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::{
    session::{VerifiedPeer, Violation},
    wire::{Code, SyncStreamItem, decode::ITEM_LEN_BYTES_MAX, v1sync::PeerState},
};

/// What is noted of an item that was sent before there was any key to seal it with.
pub const BEFORE_ANY_KEY: &str = "in the clear, before any key";

/// Most events one trace keeps; a peer that floods us ends the case there.
pub const EVENTS_MAX: usize = 10_000;

/// Most bytes one case takes in from the peer, for the same reason; the largest item deployed peers take fits twice.
pub const RECEIVED_LEN_BYTES_MAX: usize = 160 << 20;

const _: () = assert!(RECEIVED_LEN_BYTES_MAX >= 2 * ITEM_LEN_BYTES_MAX);

/// One case's events. As data: items in protobuf's JSON mapping, times in nanoseconds; reading it back gives an equal
/// trace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trace {
    /// In the order they happened.
    pub events: Vec<Event>,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// Since the case began; as data, in nanoseconds.
    #[serde(rename = "at_ns", with = "data::nanos")]
    pub at: Duration,
    /// Step that was being played, from 0.
    pub step: usize,
    /// Session it belongs to, by name.
    pub session: String,
    /// What happened.
    pub kind: EventKind,
}

/// The kinds of event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum EventKind {
    /// Our request went out; no answer is awaited.
    Opened,
    /// The stream could not be opened.
    NotOpened(LinkFailure),
    /// We sent something.
    Sent(Sent),
    /// We had nothing to send it on: the stream was gone already.
    NotSent(String),
    /// We ended our side of the stream.
    HalfClosed,
    /// We reset the stream.
    ResetByUs,
    /// We ended the call with this status.
    EndedByUs(Code),
    /// We cut the stream's connection.
    CutByUs,
    /// We read nothing more from here on.
    Stalled,
    /// We called the state service, or asked the hook, in these words.
    Called(String),
    /// The state service told of a peer of this case.
    State(#[serde(with = "data::state")] Box<PeerState>),
    /// The hook answered, or said why it can't.
    Told(Result<Json, String>),
    /// The peer answered the request with these headers.
    Answered {
        /// HTTP status.
        status: u16,
        /// Content type, empty where there was none.
        content_type: String,
    },
    /// The peer's part of the key exchange came and was good.
    KeyExchanged,
    /// The peer's handshake came and verified.
    Verified(VerifiedPeer),
    /// The peer sent an item, sealed, under this counter.
    Received {
        /// Counter of the nonce.
        counter: u64,
        /// What it says.
        #[serde(with = "data::item")]
        item: SyncStreamItem,
    },
    /// The peer sent a sealed item that we have no key for, because of what we did to the key exchange.
    Unopened,
    /// The peer sent something that breaks a rule by itself.
    Broke(Violation),
    /// The peer did something that breaks a rule, and no step need wait for anything else because of that.
    Noticed(Violation),
    /// The peer sent an item in the clear where none may come.
    Clear(#[serde(with = "data::item")] SyncStreamItem),
    /// The stream ended.
    Ended(End),
    /// Its connection answered a ping, sent once another session of the same peer had been served meanwhile: what has
    /// not come by then was not held up.
    Alive,
    /// A step's deadline passed.
    DeadlinePassed {
        /// How long the step had waited.
        #[serde(rename = "waited_ns", with = "data::nanos")]
        waited: Duration,
    },
    /// The trace is full.
    Flooded,
}

/// Something we sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sent {
    /// What it is: `key`, `handshake` or the action's name.
    pub what: String,
    /// The item as it was meant, before it was sealed or spoilt.
    #[serde(with = "data::optional_item")]
    pub item: Option<SyncStreamItem>,
    /// Counter of the nonce an honest peer would have used; none where nothing was sealed.
    pub counter: Option<u64>,
    /// How it departs from the protocol, in the words of the scenario.
    pub deviations: Vec<String>,
    /// Whether it is a fence, and which id its answer must ask for.
    pub fence: Option<i64>,
}

/// How a stream ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum End {
    /// With an RPC status.
    Status {
        /// Its code.
        code: Code,
        /// Its message; never matched, because texts are not stable.
        message: String,
    },
    /// With an HTTP status or content type that belongs to no RPC.
    Http {
        /// HTTP status.
        status: u16,
        /// Content type, empty where there was none.
        content_type: String,
    },
    /// With an HTTP/2 reset.
    Reset {
        /// HTTP/2 error code, by name.
        reason: String,
    },
    /// With its connection.
    Lost {
        /// What the system said.
        reason: String,
    },
    /// Without any status.
    NoStatus,
    /// The caller will send nothing more.
    HalfClosed,
    /// With bytes that are no RPC frame.
    BadFraming {
        /// What was wrong.
        reason: String,
    },
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            End::Status { code, message } if message.is_empty() => write!(f, "status {code}"),
            End::Status { code, message } => write!(f, "status {code}: {message}"),
            End::Http {
                status,
                content_type,
            } if content_type.is_empty() => {
                write!(f, "HTTP status {status}")
            }
            End::Http {
                status,
                content_type,
            } => {
                write!(f, "HTTP status {status} ({content_type})")
            }
            End::Reset { reason } => write!(f, "an HTTP/2 reset, {reason}"),
            End::Lost { reason } => write!(f, "a lost connection: {reason}"),
            End::NoStatus => f.write_str("no status at all"),
            End::HalfClosed => f.write_str("the end of the caller's side"),
            End::BadFraming { reason } => write!(f, "bytes that are no RPC frame: {reason}"),
        }
    }
}

/// Why a stream could not be opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkFailure {
    /// Where it failed.
    pub stage: Stage,
    /// What was seen there.
    pub seen: String,
}

/// The stages of opening a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Reading the URL.
    Url,
    /// Finding the host's address.
    Name,
    /// Connecting.
    Tcp,
    /// Agreeing on TLS, and on HTTP/2 within it.
    Tls,
    /// Agreeing on HTTP/2.
    Http2,
    /// Sending the request.
    Rpc,
    /// Being called.
    Call,
}

impl Stage {
    /// The word used in reports.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Url => "url",
            Stage::Name => "name",
            Stage::Tcp => "tcp",
            Stage::Tls => "tls",
            Stage::Http2 => "http2",
            Stage::Rpc => "rpc",
            Stage::Call => "call",
        }
    }
}

impl Trace {
    /// The events of one session, in order.
    pub fn of<'a>(&'a self, session: &'a str) -> impl Iterator<Item = (usize, &'a Event)> {
        self.events
            .iter()
            .enumerate()
            .filter(move |(_, event)| event.session == session)
    }
}
