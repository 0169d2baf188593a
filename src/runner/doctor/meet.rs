//! A call of a client, met as an honest host: as far as the answer to a request.

use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use tokio::time::{Instant, timeout};

use super::ANSWER_WAIT;
use crate::{
    actor::Entropy,
    crypto::kem::EncapsulationRandomness,
    net::{Link, LinkEvent, OutFrame},
    rules::RuleId,
    runner::streams::end_of,
    session::{Input, Local, Output, ResponderParams, Session, StepError, Violation},
    target::doctor::seen::{AfterHalfClose, ClientCall, Stop},
    wire::{Action, SyncStreamItem, decode, v1sync::sync_stream_item::SyncActionRequestResources},
};

/// A client tells its resources by itself, once; the second time it was asked.
const TOLD_WHEN_ASKED: u32 = 2;

/// Exchanges keys and handshakes, waits until the client goes on, and asks it for its resources.
pub(in crate::runner) async fn meet(
    link: &mut Link,
    local: &Local,
    entropy: &Entropy,
    label: &str,
) -> ClientCall {
    let params = ResponderParams {
        local: local.clone(),
        encapsulation: EncapsulationRandomness::from_seed(&entropy.bytes(label)),
    };
    let (session, _) = Session::responder(params, Duration::ZERO);
    let mut meeting = Meeting {
        call: ClientCall::new(link.protocol()),
        session: Some(session),
        keyed_at: None,
        asked_at: None,
        told: 0,
    };
    let started = Instant::now();
    while meeting.call.served.is_none() {
        let Ok(event) = timeout(ANSWER_WAIT, link.next()).await else {
            meeting.call.stop = Some(Stop::Silent {
                waited: ANSWER_WAIT,
                then: AfterHalfClose::Nothing,
            });
            break;
        };
        match event {
            LinkEvent::Headers(_) => {}
            LinkEvent::Ended(end) => {
                meeting.call.stop = Some(Stop::Ended(end_of(end)));
                break;
            }
            LinkEvent::Message { payload, .. } => match meeting.take(&payload, started.elapsed()) {
                Ok(items) => {
                    for item in items {
                        let message = OutFrame::Message(Bytes::from(item.encode_to_vec()));
                        // A stream that is over says so when it is read.
                        drop(link.send(message).await);
                    }
                }
                Err(violation) => {
                    meeting.call.broke = Some(violation);
                    break;
                }
            },
        }
    }
    meeting.call
}

struct Meeting {
    call: ClientCall,
    session: Option<Session>,
    /// Since the call began.
    keyed_at: Option<Duration>,
    asked_at: Option<Duration>,
    /// How often it told its resources.
    told: u32,
}

impl Meeting {
    /// Takes one message; what is to be said in answer.
    fn take(&mut self, payload: &[u8], now: Duration) -> Result<Vec<SyncStreamItem>, Violation> {
        let item = decode::item_as(payload, decode::Reading::Deployed)
            .map_err(|error| Violation::session(RuleId::WireContract, error.to_string()))?;
        let mut items = self.step(Input::Received(item), now)?;
        if self.call.went_on && self.asked_at.is_none() {
            self.asked_at = Some(now);
            let request = Action::RequestResources(SyncActionRequestResources {});
            items.extend(self.step(Input::Submit(request), now)?);
        }
        Ok(items)
    }

    fn step(&mut self, input: Input, now: Duration) -> Result<Vec<SyncStreamItem>, Violation> {
        let Some(before) = self.session.take() else {
            return Ok(Vec::new());
        };
        let (after, outputs) = match before.step(input, now) {
            Ok(stepped) => stepped,
            Err(StepError::Violation(violation)) => return Err(violation),
            // Only what we submit can be a misuse, and what we submit fits the session.
            Err(_) => return Ok(Vec::new()),
        };
        self.session = Some(after);
        let mut items = Vec::new();
        for output in outputs {
            match output {
                Output::Send(item) => {
                    self.call.keyed = true;
                    self.keyed_at.get_or_insert(now);
                    items.push(item);
                }
                Output::PeerVerified(client) => {
                    self.call.key_exchange = self.keyed_at.map(|at| now.saturating_sub(at));
                    self.call.client = Some(client);
                }
                Output::Deliver(action) => self.note(&action, now),
                Output::WakeAt(_) | Output::NoWake => {}
            }
        }
        Ok(items)
    }

    fn note(&mut self, action: &Action, now: Duration) {
        self.call.went_on = true;
        self.told += u32::from(matches!(action, Action::ReceiveResources(_)));
        if let (TOLD_WHEN_ASKED.., Some(at)) = (self.told, self.asked_at) {
            self.call.served.get_or_insert(now.saturating_sub(at));
        }
    }
}
