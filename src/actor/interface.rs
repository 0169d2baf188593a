//! What the actor and its driver say to each other.

use std::time::Duration;

use serde_json::Value as Json;

use crate::{
    scenario::deviation::StateHeadersFault,
    trace::{End, LinkFailure},
    wire::{Code, v1sync::sync_stream_item::SyncActionHandshake},
};

/// Tells the time since some moment that stays the same.
pub type Clock = fn() -> Duration;

/// How long to wait for what, from the measured round trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For anything a correct peer does at once.
    pub answer: Duration,
    /// For a refusal, before a fence shows whether the peer goes on.
    pub grace: Duration,
}

impl Patience {
    /// Shortest wait for an answer: a loaded machine may hold up a correct peer that long. Only failures wait so long.
    pub const ANSWER_MIN: Duration = Duration::from_secs(5);
    /// Shortest wait before a fence.
    pub const GRACE_MIN: Duration = Duration::from_millis(250);

    /// What a measured round trip, key exchange included, allows.
    pub fn from_round_trip(round_trip: Duration) -> Self {
        Patience {
            answer: Self::ANSWER_MIN.max(round_trip * 100),
            grace: Self::GRACE_MIN.max(round_trip * 20),
        }
    }
}

/// What the driver is to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Open a stream for this session, or take the peer's call.
    Open {
        /// Name of the session.
        session: String,
        /// Name of our identity: a client that dials us has an entry, and a path, for each.
        identity: String,
        /// How the request differs from an honest one.
        request: RequestShape,
    },
    /// Put this on the session's stream.
    Send {
        /// Name of the session.
        session: String,
        /// What to put.
        out: Out,
    },
    /// Ask whether the connection of this session's stream is alive: a ping, answered below the protocol.
    Ping {
        /// Name of the session.
        session: String,
    },
    /// Call the state service, or ask the hook, and note what comes under this session.
    Ask {
        /// Name of the session; an earlier call of that name is over.
        session: String,
        /// What to ask.
        ask: Ask,
    },
    /// Read nothing more of the session's stream.
    Stall {
        /// Name of the session.
        session: String,
    },
    /// Leave the session's stream; nothing of it is to be noted any more.
    Close {
        /// Name of the session.
        session: String,
    },
    /// Wait until something happens, or until this time.
    Wait {
        /// Since the case began.
        until: Duration,
    },
    /// The case is over.
    Finish,
}

/// What is asked of what looks inside the peer.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// The states that the state service tells.
    States {
        /// Whether it goes on with every change.
        subscribe: bool,
        /// Key ids of the peers that the asker cares for.
        of: Vec<String>,
        /// What is wrong with the call's headers.
        headers: Option<StateHeadersFault>,
    },
    /// A call of SetRemoteClientConfig.
    SetClientConfig {
        /// The request, encoded.
        request: Vec<u8>,
        /// What is wrong with the call's headers.
        headers: Option<StateHeadersFault>,
    },
    /// A question for the hook (`docs/hook.md`).
    Hook(Json),
}

/// How a request differs from an honest one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestShape {
    /// Content type, if not the RPC protocol's.
    pub content_type: Option<String>,
    /// HTTP method, if not POST.
    pub method: Option<String>,
    /// The caller's deadline from the request on, if it has one.
    pub deadline: Option<Duration>,
    /// Whether gzip is offered for what comes back.
    pub offers_gzip: bool,
}

/// What goes onto a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Out {
    /// One message, in a well-formed RPC frame.
    Message(Vec<u8>),
    /// These bytes as they are, each piece in an HTTP/2 frame of its own.
    Raw(Vec<Vec<u8>>),
    /// The end of our side.
    HalfClose,
    /// A reset.
    Reset,
    /// The end, with this status: a call is answered.
    Status(Code),
    /// The end of the connection, without a word.
    Cut,
}

/// What happened on a link.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// The request went out, or the call was taken.
    Opened,
    /// It could not.
    NotOpened(LinkFailure),
    /// Response headers came.
    Answered {
        /// HTTP status.
        status: u16,
        /// Content type, empty where there was none.
        content_type: String,
    },
    /// One RPC message came.
    Message {
        /// Its bytes, decompressed.
        payload: Vec<u8>,
        /// Whether it came compressed.
        compressed: bool,
    },
    /// The connection answered a ping.
    Alive,
    /// The stream ended.
    Ended(End),
    /// The hook answered, or said why it can't.
    Told(Result<Json, String>),
    /// The other peer between which and this one we stand has sent its handshake.
    PassedOn(Box<SyncActionHandshake>),
}
