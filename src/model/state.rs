//! The states of one stream, as the peer under test sees it.

use super::message::Item;

/// Where a stream stands. The peer under test is in it; "we" are whoever plays against it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// The stream is open, and nothing was sent on it by us: no keys yet.
    Opened,
    /// Keys were exchanged, and no handshake was sent by us; the peer's is under way, or came unread.
    KeyExchanged,
    /// Keys were exchanged and the peer's handshake came; ours is still to be sent.
    HandshakeCame,
    /// Keys were exchanged and our handshake was sent; nothing of what the peer made of it was waited for.
    HandshakeSent,
    /// Both handshakes were exchanged and the peer has shown what we may see.
    Established,
    /// Established, and this was the last item that the peer took from us.
    After(Item),
    /// An item was sent that the peer refuses; the end of the stream was not waited for.
    Refused,
    /// The stream is over.
    Ended,
}

impl State {
    /// The states whatever was said in a session, in the order of a stream's life.
    pub const PHASES: [State; 7] = [
        State::Opened,
        State::KeyExchanged,
        State::HandshakeCame,
        State::HandshakeSent,
        State::Established,
        State::Refused,
        State::Ended,
    ];

    /// The name in case ids and reports.
    pub fn name(self) -> String {
        match self {
            State::Opened => "opened".to_owned(),
            State::KeyExchanged => "key-exchanged".to_owned(),
            State::HandshakeCame => "handshake-came".to_owned(),
            State::HandshakeSent => "handshake-sent".to_owned(),
            State::Established => "established".to_owned(),
            State::After(item) => format!("after-{}", item.name()),
            State::Refused => "refused".to_owned(),
            State::Ended => "ended".to_owned(),
        }
    }

    /// Whether both handshakes are exchanged as far as we are concerned, so that actions are taken.
    pub fn is_session(self) -> bool {
        matches!(
            self,
            State::HandshakeSent | State::Established | State::After(_)
        )
    }

    /// The modno of [`Item::OPERATION_ID`] that a host holds from us in this state, if it holds that operation.
    pub fn held_modno(self) -> Option<i64> {
        match self {
            State::After(Item::CreatedOperations) => Some(Item::CREATED_MODNO),
            State::After(Item::UpdatedOperations) => Some(Item::UPDATED_MODNO),
            _ => None,
        }
    }
}
