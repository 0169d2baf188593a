//! How a host with a lapse ends streams, takes turns and tells of its peers. The honest way is in [`super::stream`] and
//! [`super::states`].

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use futures_util::StreamExt as _;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tonic::Status;

use crate::{
    lapses::{Lapse, Lapses, Quirk},
    net::{
        dawdle::dawdle,
        serve::{InboundItems, OutboundItems},
    },
    session::{Class, Violation},
    wire::{
        Code,
        v1sync::{ConnectionState, PeerState},
    },
};

/// What only a host with a lapse shares among its streams.
#[derive(Default)]
pub(super) struct Lapsing {
    is_dead: AtomicBool,
    turn: Arc<Mutex<()>>,
}

impl Lapsing {
    /// Refuses a caller where the host is done for.
    pub fn check_alive(&self) -> Result<(), Status> {
        match self.is_dead.load(Ordering::Relaxed) {
            true => Err(Status::unavailable("gone")),
            false => Ok(()),
        }
    }

    /// Waits for a turn where callers are served one by one.
    pub async fn turn(&self, lapses: Lapses) -> Option<OwnedMutexGuard<()>> {
        let takes_turns = lapses.has(Lapse::OneSessionAtATime)
            || lapses.has(Lapse::OneHandshakeAtATime)
            || lapses.has(Lapse::SlowSubscriberBlocks);
        if !takes_turns {
            return None;
        }
        let turn = self.turn.clone().lock_owned().await;
        // A subscriber holds callers up, and they not each other.
        (!lapses.has(Lapse::SlowSubscriberBlocks)).then_some(turn)
    }

    /// A subscriber takes the turn of everyone else.
    pub fn take_turn(&self, lapses: Lapses) -> Option<OwnedMutexGuard<()>> {
        match lapses.has(Lapse::SlowSubscriberBlocks) {
            true => self.turn.clone().try_lock_owned().ok(),
            false => None,
        }
    }

    /// Dies of what others survive.
    pub fn suffer(&self, class: Class, lapses: Lapses) {
        let is_deadly = match class {
            Class::Auth => lapses.has(Lapse::DiesOfRefusal),
            Class::Protocol => lapses.has(Lapse::DiesOfProtocolError),
            Class::Session => lapses.has(Lapse::DiesOfSessionFault),
            Class::Limit => false,
        };
        if is_deadly {
            self.is_dead.store(true, Ordering::Relaxed);
        }
    }
}

/// What delays the end of a stream.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// We refuse what came.
    Refusal,
    /// The caller broke the RPC, or left.
    Broken,
    /// The caller ended its side.
    HalfClosed,
    /// Anything else.
    Other,
}

/// Holds the end of a stream back for as long as the peer's lapse has it.
pub(super) async fn hold_back(
    end: End,
    inbound: &mut InboundItems,
    outbound: &OutboundItems,
    lapses: Lapses,
) {
    let stays_open = match end {
        End::Refusal => lapses.has(Lapse::RefusedStreamLeftOpen),
        End::Broken => lapses.has(Lapse::BrokenFrameLeftOpen),
        End::HalfClosed => lapses.has(Lapse::HalfCloseLeftOpen),
        End::Other => false,
    };
    if stays_open {
        outbound.closed().await;
    }
    if end == End::Refusal && lapses.has(Lapse::RefusalWaitsForCaller) {
        while let Some(Ok(_)) = inbound.next().await {}
    }
    dawdle(lapses).await;
}

/// The status a refused stream ends with.
pub(super) fn status(
    violation: &Violation,
    words: &'static str,
    secret: &str,
    lapses: Lapses,
) -> Result<(), Status> {
    let class = violation.class;
    let is_passed_off = match class {
        Class::Auth => lapses.has(Lapse::AuthFailuresOk),
        Class::Protocol => lapses.has(Lapse::ProtocolFailuresOk),
        Class::Session => lapses.has(Lapse::SessionFailuresOk),
        Class::Limit => false,
    };
    if is_passed_off {
        return Ok(());
    }
    let code = match class {
        Class::Auth if lapses.has(Lapse::AuthFailuresUnauthenticated) => Code::Unauthenticated,
        Class::Protocol if lapses.has(Lapse::ProtocolFailuresInternal) => Code::Internal,
        Class::Session if lapses.has(Lapse::SessionFailuresInvalid) => Code::InvalidArgument,
        _ => violation.code(),
    };
    let code = lapses.vary(Quirk::OtherCodes, code, |_| Code::Unknown);
    let message = lapses.swap(Lapse::SecretInStatus, words.to_owned(), |words| {
        format!("{words}: {secret}")
    });
    let message = lapses.vary(Quirk::SilentStatus, message, |_| String::new());
    let message = lapses.vary(Quirk::LongStatus, message, |_| {
        "не авторизовано / 認可されていません / not authorized; ".repeat(20)
    });
    Err(Status::new(i32::from(code.number()).into(), message))
}

/// The snapshot that the state service tells.
pub(super) fn snapshot(mut states: Vec<PeerState>, lapses: Lapses) -> Vec<PeerState> {
    if lapses.has(Lapse::SnapshotOfConnectedOnly) {
        states.retain(|state| state.state() == ConnectionState::Connected);
    }
    if lapses.has(Lapse::SnapshotLastMissing) {
        states.pop();
    }
    if lapses.has(Lapse::SnapshotTwice) {
        states.extend_from_within(..);
    }
    if lapses.has(Lapse::ClientsBeforeHosts) {
        states.reverse();
    }
    if lapses.shows(Quirk::OtherOrderOfStates) {
        states.reverse();
    }
    states
        .into_iter()
        .map(|state| told(state, lapses))
        .collect()
}

/// A peer's state as it is told.
pub(super) fn told(mut state: PeerState, lapses: Lapses) -> PeerState {
    if lapses.has(Lapse::StateWithoutConfig) {
        state.remote_config = None;
    }
    if lapses.has(Lapse::StateWithoutLists) {
        state.known_plans.clear();
        state.known_repos.clear();
    }
    if lapses.has(Lapse::StateNamesKeyTwice) {
        state.peer_instance_id.clone_from(&state.peer_keyid);
    }
    state
}
