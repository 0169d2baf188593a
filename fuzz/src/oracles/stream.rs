//! One session with the reference, seen from our end: what came of it, and what had to come.

use std::{collections::BTreeMap, time::Duration};

use prost::Message as _;
use syncspec::{
    crypto::seal::Opener,
    reference::effect::SessionId,
    session::{Channel, Class, Input, Output, Session, StepError, Violation},
    wire::{
        Action, Code, SyncStreamItem,
        decode::{self, Reading},
        v1sync::sync_stream_item::SyncActionHeartbeat,
    },
};

use crate::{
    generators::frame_fault::{FrameFault, Sealing},
    world::Who,
};

pub(super) struct Stream {
    pub id: SessionId,
    /// Who we are.
    pub who: Who,
    /// The reference's end; nothing while it steps and once it refused us.
    pub session: Option<Session>,
    pub sealing: Sealing,
    opener: Opener,
    /// The reference admitted us.
    pub admitted: bool,
    /// The reference's own handshake has come.
    greeted: bool,
    /// We asked it to wait, so that what it sends comes later.
    pub throttled: bool,
    /// What the model says must come.
    pub expected: Vec<Action>,
    /// What came.
    pub came: Vec<Action>,
}

impl Stream {
    pub fn new(id: SessionId, who: Who, our_key: [u8; 32], their_key: [u8; 32]) -> Self {
        Stream {
            id,
            who,
            session: None,
            sealing: Sealing::new(our_key, their_key, 0),
            opener: Opener::new(their_key),
            admitted: false,
            greeted: false,
            throttled: false,
            expected: Vec::new(),
            came: Vec::new(),
        }
    }

    /// Takes both handshakes as done: each direction has used up counter 0.
    pub fn skip_handshakes(&mut self, channel: &mut Channel) {
        let stand_in = Action::Heartbeat(SyncActionHeartbeat {});
        let item = SyncStreamItem {
            action: Some(stand_in.clone()),
        };
        let frame = self.sealing.frame(&item.encode_to_vec(), FrameFault::None);
        channel.open(frame.item).expect("an honest frame opens");
        let answer = channel.seal(stand_in).expect("there are nonces left");
        self.opened(answer);
        self.greeted = true;
    }

    fn opened(&mut self, item: SyncStreamItem) -> Vec<u8> {
        let Some(Action::Encrypted(sealed)) = item.action else {
            panic!("in the clear after the key exchange: {}", item.describe());
        };
        self.opener
            .open(&sealed.nonce, &sealed.ciphertext)
            .unwrap_or_else(|error| panic!("the reference's own frame does not open: {error}"))
    }

    /// We send a frame. `proves` says that it holds a handshake by which we prove to be somebody who is let in.
    pub fn send(
        &mut self,
        plaintext: &[u8],
        fault: FrameFault,
        proves: bool,
        now: Duration,
    ) -> Taken {
        let frame = self.sealing.frame(plaintext, fault);
        let Some(session) = self.session.take() else {
            return Taken::TooLate;
        };
        match session.step(Input::Received(frame.item), now) {
            Err(StepError::Violation(violation)) => {
                self.refused_rightly(plaintext, frame.opens, proves, &violation);
                Taken::Refused(violation)
            }
            Err(error) => panic!("an item from the peer is no misuse: {error}"),
            Ok((session, outputs)) => {
                self.session = Some(session);
                assert!(
                    frame.opens,
                    "a frame that is not the next honest one was taken"
                );
                assert!(
                    self.admitted || proves,
                    "somebody was verified who did not prove to be who is let in"
                );
                let passed_on = outputs.iter().any(|output| match output {
                    Output::Deliver(_) => self.admitted,
                    Output::PeerVerified(_) => !self.admitted,
                    _ => false,
                });
                assert!(passed_on, "an item was taken, and nothing came of it");
                let item = decode::item_as(plaintext, Reading::Deployed).ok();
                Taken::Went(outputs, item.and_then(|item| item.action))
            }
        }
    }

    /// The session machine refused a frame: for the right reason, in the class that goes with it.
    fn refused_rightly(&self, plaintext: &[u8], opens: bool, proves: bool, violation: &Violation) {
        let expected = match (opens, decode::item_as(plaintext, Reading::Deployed)) {
            (false, _) | (true, Err(_)) => Class::Session,
            (true, Ok(_)) if !self.admitted => {
                assert!(!proves, "an honest handshake was refused: {violation}");
                Class::Auth
            }
            (true, Ok(item)) => {
                let ends = matches!(
                    item.action,
                    None | Some(
                        Action::Encrypted(_)
                            | Action::Handshake(_)
                            | Action::EstablishSharedSecret(_)
                            | Action::SignedMessage(_)
                    )
                );
                assert!(
                    ends,
                    "an item of the session was refused by its machine: {violation}"
                );
                Class::Protocol
            }
        };
        assert_eq!(violation.class, expected, "{violation}");
        a_close_code_is_legal(violation.code());
    }

    /// The reference says something of its own accord, or in answer.
    pub fn submit(&mut self, action: Action, now: Duration) -> Vec<Output> {
        let Some(session) = self.session.take() else {
            panic!("{} for a session that was refused", action.name());
        };
        let (session, outputs) = session
            .step(Input::Submit(action), now)
            .unwrap_or_else(|error| panic!("the reference speaks before it may: {error}"));
        self.session = Some(session);
        outputs
    }

    /// To a request for a log came, behind so many other items, that there is none.
    pub fn told_of_no_log(&mut self, behind: usize) {
        let answer: Vec<Action> = self.came.drain(behind..).collect();
        let error = |action: &Action| matches!(action, Action::ReceiveLogData(data) if !data.error_message.is_empty());
        assert!(
            self.throttled || matches!(&answer[..], [one] if error(one)),
            "no log is there: {answer:?}"
        );
    }

    /// A frame of the reference came: it opens under the nonce that comes next, the first is its handshake, and before it
    /// has admitted us that is all.
    pub fn came(&mut self, item: SyncStreamItem) {
        self.sealing.peer_last = Some(item.clone());
        let plaintext = self.opened(item);
        let item = decode::item(&plaintext)
            .unwrap_or_else(|error| panic!("the reference's own item does not decode: {error}"));
        match item.action {
            Some(Action::Handshake(_)) if !self.greeted => self.greeted = true,
            Some(Action::Heartbeat(_)) if self.admitted => {}
            Some(action) => {
                assert!(self.admitted, "{} before verification", action.name());
                self.came.push(action);
            }
            None => panic!("an item without an action"),
        }
    }

    /// What came is what had to come, in order; where we asked for a wait, so far.
    pub fn nothing_else_came(&mut self) {
        let whole = self.came.len() == self.expected.len();
        let equal = self
            .expected
            .iter()
            .zip(&self.came)
            .all(|(expected, came)| expected == came || encoded(expected) == encoded(came));
        assert!(
            equal && self.came.len() <= self.expected.len() && (whole || self.throttled),
            "to {:?} came {:?}, expected {:?}",
            self.who,
            self.came,
            self.expected
        );
        if whole {
            self.came.clear();
            self.expected.clear();
        }
    }
}

/// What a frame of ours came to.
pub(super) enum Taken {
    /// Nothing: the reference had refused us before.
    TooLate,
    /// A refusal, for a good reason.
    Refused(Violation),
    /// What the session machine wants done, and the action that was sent.
    Went(Vec<Output>, Option<Action>),
}

/// The slot in which a session stands.
pub(super) fn slot_of(streams: &BTreeMap<u8, Stream>, id: SessionId) -> Option<u8> {
    let mut streams = streams.iter();
    streams
        .find(|(_, stream)| stream.id == id)
        .map(|(slot, _)| *slot)
}

/// Section 8: the codes a responder ends a stream with, and the one for a limit of its own.
pub(super) fn a_close_code_is_legal(code: Code) {
    let legal = [
        Code::PermissionDenied,
        Code::InvalidArgument,
        Code::Internal,
        Code::ResourceExhausted,
    ];
    assert!(legal.contains(&code), "a refusal ends with {code}");
}

/// Whether two messages are equal, or have the same bytes: floating-point fields may hold NaN, which equals nothing.
pub(super) fn is_same<M: prost::Message + PartialEq>(one: Option<&M>, other: Option<&M>) -> bool {
    one == other || one.map(M::encode_to_vec) == other.map(M::encode_to_vec)
}

/// The bytes of an action: floating-point fields may hold NaN, which equals nothing.
pub(super) fn encoded(action: &Action) -> Vec<u8> {
    let item = SyncStreamItem {
        action: Some(action.clone()),
    };
    item.encode_to_vec()
}
