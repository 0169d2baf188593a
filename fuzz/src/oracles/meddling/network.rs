//! What the network does with what travels.

use prost::Message as _;
use syncspec::wire::{Action, decode};

use super::{Bench, Side};
use crate::records::Record;

impl Bench {
    /// The network behaves for one item.
    pub(super) fn pass_on(&mut self, to: usize) {
        let Some(travelling) = self.sides[to].inbox.pop_front() else {
            return;
        };
        let item = match &mut self.splice {
            None => travelling,
            Some(splice) => {
                // Opened on one leg, sealed on the other.
                let Ok(inner) = splice.towards[1 - to].open(travelling) else {
                    return;
                };
                let action = inner
                    .action
                    .unwrap_or(Action::Heartbeat(Default::default()));
                splice.towards[to]
                    .seal(action)
                    .expect("there are nonces left")
            }
        };
        self.arrive(to, item);
    }

    pub(super) fn drop_one(&mut self, to: usize) {
        if self.sides[to].inbox.pop_front().is_some() {
            self.meddled = true;
        }
    }

    pub(super) fn double_or_swap(&mut self, to: usize, arg: u8) {
        let side = &mut self.sides[to];
        if arg & 1 == 0 {
            if let Some(first) = side.inbox.front() {
                let again = first.clone();
                side.inbox.push_front(again);
                self.meddled = true;
            }
        } else if side.inbox.len() > 1 {
            side.inbox.swap(0, 1);
            self.meddled = true;
        }
    }

    /// Something that travelled before, in either direction, or that the network made up.
    pub(super) fn inject(&mut self, to: usize, record: Record<'_>) {
        let from_history = |side: &Side| side.history.get(usize::from(record.arg >> 2)).cloned();
        let item = match record.arg & 3 {
            0 => from_history(&self.sides[to]),
            1 => from_history(&self.sides[1 - to]),
            2 => decode::item(record.payload).ok(),
            _ => self.sides[1 - to].inbox.front().cloned(),
        };
        if let Some(item) = item {
            self.meddled = true;
            self.sides[to].inbox.push_front(item);
        }
    }

    /// One byte of the item that comes next, or its cut.
    pub(super) fn edit(&mut self, to: usize, record: Record<'_>) {
        let Some(travelling) = self.sides[to].inbox.front_mut() else {
            return;
        };
        let before = travelling.clone();
        let mut bytes = before.encode_to_vec();
        let at = record
            .payload
            .iter()
            .take(2)
            .fold(0, |at, byte| at << 8 | usize::from(*byte));
        match record.arg {
            0 => bytes.truncate(at % (bytes.len() + 1)),
            mask => {
                // What was cut down to nothing before has no byte to change.
                let place = at.checked_rem(bytes.len());
                if let Some(byte) = place.and_then(|place| bytes.get_mut(place)) {
                    *byte ^= mask;
                }
            }
        }
        // Bytes that are no item any more end the stream below the session; what is left is an item without an action.
        *travelling = decode::item_as(&bytes, decode::Reading::Deployed).unwrap_or_default();
        if *travelling != before {
            self.meddled = true;
        }
    }
}
