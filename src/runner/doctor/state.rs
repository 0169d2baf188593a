//! The state service: whether it answers, whom it lets in, and which clients come again and again.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use bytes::Bytes;
use prost::Message as _;
use tokio::time::{Instant, timeout, timeout_at};

use super::ANSWER_WAIT;
use crate::{
    net::{
        Connection, Link, LinkError, LinkEvent, OutFrame, RequestShape, request::PEER_STATES_PATH,
    },
    runner::streams::end_of,
    target::doctor::seen::{StateAnswer, StateService, Watched},
    trace::End,
    wire::{
        Code,
        v1sync::{ConnectionState, PeerState, SyncStateStreamRequest},
    },
};

/// States taken in, so that no host keeps us reading; a host with more peers is told as having that many.
const STATES_MAX: usize = 10_000;

/// Asks for the states once.
pub(super) async fn ask(connection: &Connection, headers: &[(String, String)]) -> StateService {
    let answer = timeout(ANSWER_WAIT, states(connection, headers)).await;
    StateService {
        with_credential: !headers.is_empty(),
        answer: answer.unwrap_or(StateAnswer::Silent(ANSWER_WAIT)),
    }
}

async fn states(connection: &Connection, headers: &[(String, String)]) -> StateAnswer {
    let lost = |error: LinkError| {
        StateAnswer::Ended(End::Lost {
            reason: error.to_string(),
        })
    };
    let mut link = match subscribe(connection, headers, false).await {
        Ok(link) => link,
        Err(error) => return lost(error),
    };
    let mut peers = 0;
    loop {
        match link.next().await {
            LinkEvent::Headers(_) => {}
            LinkEvent::Message { .. } if peers < STATES_MAX => peers += 1,
            LinkEvent::Message { .. } => return StateAnswer::Peers(peers),
            LinkEvent::Ended(end) => {
                return match end_of(end) {
                    // Deployed hosts end a stream that subscribed to nothing with CANCELLED.
                    End::Status {
                        code: Code::Ok | Code::Cancelled,
                        ..
                    } => StateAnswer::Peers(peers),
                    End::Status {
                        code: Code::Unauthenticated | Code::PermissionDenied,
                        ..
                    }
                    | End::Http {
                        status: 401 | 403 | 407 | 300..=399,
                        ..
                    } => StateAnswer::AsksForLogin,
                    End::Status {
                        code: Code::Unimplemented,
                        ..
                    }
                    | End::Http {
                        status: 404 | 405, ..
                    } => StateAnswer::Missing,
                    end => StateAnswer::Ended(end),
                };
            }
        }
    }
}

/// Counts how often each client comes.
pub(super) async fn watch(
    connection: &Connection,
    headers: &[(String, String)],
    during: Duration,
) -> Watched {
    let began = Instant::now();
    let until = began + during;
    let mut coming = Coming::default();
    let watching = async {
        let mut link = match subscribe(connection, headers, true).await {
            Ok(link) => link,
            Err(error) => {
                let reason = error.to_string();
                return End::Lost { reason };
            }
        };
        loop {
            match link.next().await {
                LinkEvent::Headers(_) => {}
                LinkEvent::Message { payload, .. } => {
                    if let Ok(state) = PeerState::decode(&payload[..]) {
                        coming.note(&state);
                    }
                }
                LinkEvent::Ended(end) => return end_of(end),
            }
        }
    };
    let cut = timeout_at(until, watching).await.ok();
    Watched {
        during: match cut {
            Some(_) => began.elapsed(),
            None => during,
        },
        cut,
        came: coming.most_frequent_first(),
    }
}

async fn subscribe(
    connection: &Connection,
    headers: &[(String, String)],
    subscribe: bool,
) -> Result<Link, LinkError> {
    let mut shape = RequestShape::new(connection.protocol(), PEER_STATES_PATH);
    shape.add = headers.to_vec();
    let mut link = connection.open(&shape).await?;
    let request = SyncStateStreamRequest { subscribe }.encode_to_vec();
    match link.send(OutFrame::Message(Bytes::from(request))).await {
        // One that refuses may end the stream before it is sent; reading tells how.
        Ok(()) => drop(link.half_close()),
        Err(LinkError::StreamOver) => {}
        Err(error) => return Err(error),
    }
    Ok(link)
}

/// Which clients came, by their states in order.
#[derive(Default)]
struct Coming {
    /// Key id to whether it was connected when last heard of, and its instance id.
    connected: HashMap<String, bool>,
    came: BTreeMap<String, usize>,
}

impl Coming {
    fn note(&mut self, state: &PeerState) {
        if self.connected.len() >= STATES_MAX && !self.connected.contains_key(&state.peer_keyid) {
            return;
        }
        let is_connected = state.state() == ConnectionState::Connected;
        let before = self
            .connected
            .insert(state.peer_keyid.clone(), is_connected);
        // The first state of a peer is how it was found, and no coming.
        if is_connected && before == Some(false) {
            *self.came.entry(state.peer_instance_id.clone()).or_default() += 1;
        }
    }

    fn most_frequent_first(self) -> Vec<(String, usize)> {
        let mut came: Vec<_> = self.came.into_iter().collect();
        came.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
        came
    }
}
