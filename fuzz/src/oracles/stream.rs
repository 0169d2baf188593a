//! One session with the reference, seen from our end: what came of it, and what had to come.

use prost::Message as _;
use syncspec::{
    crypto::seal::Opener,
    reference::effect::SessionId,
    session::{Channel, Session},
    wire::{Action, Code, SyncStreamItem, decode, v1sync::sync_stream_item::SyncActionHeartbeat},
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
            .all(|(expected, came)| encoded(expected) == encoded(came));
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

/// The bytes of an action: floating-point fields may hold NaN, which equals nothing.
pub(super) fn encoded(action: &Action) -> Vec<u8> {
    let item = SyncStreamItem {
        action: Some(action.clone()),
    };
    item.encode_to_vec()
}
