//! Dialogues with a reference: who opens what session, what is sent there, what happens meanwhile.

use std::time::Duration;

use super::{frame_fault::FrameFault, handshake::Replaced};
use crate::{
    records::{self, Record, Writer},
    world::Who,
};

/// Sessions that one dialogue may have open at a time.
pub const SLOTS: u8 = 4;
/// Longest time that passes in one step; far above every interval of a reference.
const PAUSE_MAX_S: u64 = 1000;

/// A whole dialogue.
#[derive(Clone, Debug)]
pub struct Dialogue<'a> {
    /// The reference has the optional capabilities: logs and throttle.
    pub capable: bool,
    /// Which of the world's configs the reference starts with, where there is a choice.
    pub config: u8,
    /// What happens, in order.
    pub moves: Vec<Move<'a>>,
}

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Move<'a> {
    /// A session is opened, its keys exchanged. An open session of that slot breaks off.
    Open {
        /// Of these.
        slot: u8,
        /// Who calls.
        who: Who,
        /// Both handshakes are taken as done, which saves two signatures and two verifications.
        established: bool,
    },
    /// A handshake is sent.
    Handshake {
        /// On this session.
        slot: u8,
        /// What of it is not honest.
        replaced: Replaced,
        /// A SyncActionHandshake to take that from.
        payload: &'a [u8],
    },
    /// An item is sent.
    Send {
        /// On this session.
        slot: u8,
        /// How its frame departs from an honest one.
        fault: FrameFault,
        /// Its plaintext, a SyncStreamItem or garbage.
        payload: &'a [u8],
    },
    /// A session breaks off.
    Cut {
        /// This one.
        slot: u8,
    },
    /// Time passes.
    Pause(Duration),
    /// The reference's config is changed to another one of the world's.
    Reconfigure(u8),
    /// An operator of the reference does something else, such as adding an operation of its own.
    Operate {
        /// What.
        what: u8,
        /// With what.
        payload: &'a [u8],
    },
}

const CAPABLE: u8 = 1;
const CONFIG_SHIFT: u8 = 1;

const SEND: u8 = 0;
const OPEN: u8 = 1;
const HANDSHAKE: u8 = 2;
const CUT: u8 = 3;
const PAUSE: u8 = 4;
const RECONFIGURE: u8 = 5;
const OPERATE: u8 = 6;
const KINDS: u8 = 7;
const ESTABLISHED: u8 = 0x80;

impl<'a> Dialogue<'a> {
    /// The dialogue that these bytes stand for.
    pub fn of(bytes: &'a [u8]) -> Dialogue<'a> {
        let (flags, records) = records::read(bytes);
        Dialogue {
            capable: flags & CAPABLE != 0,
            config: flags >> CONFIG_SHIFT,
            moves: records.into_iter().map(Move::of).collect(),
        }
    }

    /// The bytes that stand for it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::new(u8::from(self.capable) | self.config << CONFIG_SHIFT);
        for one in &self.moves {
            one.put(&mut writer);
        }
        writer.finish()
    }
}

impl<'a> Move<'a> {
    fn of(record: Record<'a>) -> Move<'a> {
        let Record { op, arg, payload } = record;
        let slot = op / KINDS % SLOTS;
        match op % KINDS {
            SEND => Move::Send {
                slot,
                fault: FrameFault::of(arg),
                payload,
            },
            OPEN => Move::Open {
                slot,
                who: Who::of(arg),
                established: arg & ESTABLISHED != 0,
            },
            HANDSHAKE => Move::Handshake {
                slot,
                replaced: Replaced(arg),
                payload,
            },
            CUT => Move::Cut { slot },
            PAUSE => {
                let seconds = payload
                    .iter()
                    .fold(u64::from(arg), |sum, byte| sum + u64::from(*byte));
                Move::Pause(Duration::from_secs(seconds.min(PAUSE_MAX_S)))
            }
            RECONFIGURE => Move::Reconfigure(arg),
            _ => Move::Operate { what: arg, payload },
        }
    }

    fn put(&self, writer: &mut Writer) {
        let op = |kind: u8, slot: u8| slot % SLOTS * KINDS + kind;
        match *self {
            Move::Send {
                slot,
                fault,
                payload,
            } => {
                let arg = fault
                    .deviation()
                    .and_then(|deviation| FrameFault::byte_of(&deviation));
                writer.put(op(SEND, slot), arg.unwrap_or(0), payload);
            }
            Move::Open {
                slot,
                who,
                established,
            } => {
                let arg = who as u8 | if established { ESTABLISHED } else { 0 };
                writer.put(op(OPEN, slot), arg, b"");
            }
            Move::Handshake {
                slot,
                replaced,
                payload,
            } => {
                writer.put(op(HANDSHAKE, slot), replaced.0, payload);
            }
            Move::Cut { slot } => {
                writer.put(op(CUT, slot), 0, b"");
            }
            Move::Pause(time) => {
                let seconds = u8::try_from(time.as_secs()).unwrap_or(u8::MAX);
                writer.put(PAUSE, seconds, b"");
            }
            Move::Reconfigure(which) => {
                writer.put(RECONFIGURE, which, b"");
            }
            Move::Operate { what, payload } => {
                writer.put(OPERATE, what, payload);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use syncspec::scenario::deviation::NonceFault;

    #[test]
    fn dialogue_to_bytes_and_back_then_the_same() {
        let moves = vec![
            Move::Open {
                slot: 1,
                who: Who::Bob,
                established: true,
            },
            Move::Handshake {
                slot: 3,
                replaced: Replaced(9),
                payload: b"h",
            },
            Move::Send {
                slot: 2,
                fault: FrameFault::Nonce(NonceFault::SkipOne),
                payload: b"item",
            },
            Move::Pause(Duration::from_secs(9)),
            Move::Reconfigure(2),
            Move::Cut { slot: 1 },
            Move::Operate {
                what: 4,
                payload: b"o",
            },
        ];
        let dialogue = Dialogue {
            capable: true,
            config: 2,
            moves,
        };
        let bytes = dialogue.to_bytes();
        let again = Dialogue::of(&bytes);
        assert_eq!(again.moves, dialogue.moves);
        assert_eq!((again.capable, again.config), (true, 2));
    }
}
