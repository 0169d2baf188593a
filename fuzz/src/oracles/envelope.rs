//! A stream of sealed items, honest or edited with full knowledge of the keys: exactly the next honest frame opens, and it
//! opens to what was sealed.

use prost::Message as _;
use syncspec::{
    session::{Channel, Class},
    wire::{
        Role,
        decode::{self, Reading},
    },
};

use crate::{
    generators::frame_fault::{FrameFault, Sealing},
    records,
    world::{self, TRANSCRIPT},
};

/// Plays the frames of one input in both directions.
pub fn check(bytes: &[u8]) {
    let keys = world::session_keys(0);
    let mut ends = [
        End {
            receiver: world::channel(Role::Responder, 0, TRANSCRIPT),
            sealing: Sealing::new(keys.initiator_to_responder, keys.responder_to_initiator, 0),
            failed: false,
        },
        End {
            receiver: world::channel(Role::Initiator, 0, TRANSCRIPT),
            sealing: Sealing::new(keys.responder_to_initiator, keys.initiator_to_responder, 0),
            failed: false,
        },
    ];
    let (_, records) = records::read(bytes);
    for record in records {
        let direction = usize::from(record.op & 1);
        let fault = FrameFault::of(record.arg);
        ends[direction].exactly_the_next_honest_frame_opens(record.payload, fault);
        // What one direction sent is what the other may reflect.
        ends[1 - direction].sealing.peer_last = ends[direction].sealing.last.clone();
    }
}

struct End {
    receiver: Channel,
    sealing: Sealing,
    failed: bool,
}

impl End {
    fn exactly_the_next_honest_frame_opens(&mut self, plaintext: &[u8], fault: FrameFault) {
        let frame = self.sealing.frame(plaintext, fault);
        let opened = self.receiver.open(frame.item);
        if self.failed || !frame.opens {
            self.failed = true;
            let violation = opened.expect_err("a frame that is not the next honest one was opened");
            assert_eq!(violation.class, Class::Session, "{violation}");
            return;
        }
        match (opened, decode::item_as(plaintext, Reading::Deployed)) {
            (Ok(item), Ok(sealed)) => {
                assert_eq!(
                    item.encode_to_vec(),
                    sealed.encode_to_vec(),
                    "it opens to another item"
                );
            }
            (Err(violation), Err(_)) => {
                // The frame opened, and what is in it ends the session all the same: nothing comes behind it.
                self.failed = true;
                assert_eq!(violation.class, Class::Session, "{violation}");
            }
            (Ok(item), Err(error)) => panic!("{} was read where {error}", item.describe()),
            (Err(violation), Ok(item)) => {
                panic!("an honest {} was refused: {violation}", item.describe())
            }
        }
    }
}
