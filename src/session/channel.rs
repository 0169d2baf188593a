//! The sealed channel that a key exchange leaves: a counter nonce and a key for each direction.

use prost::Message as _;

use super::{
    lapsing::{self, Lapsing},
    violation::Violation,
};
use crate::{
    crypto::{
        hpke::SessionKeys,
        seal::{OpenError, Opener, Sealer, nonce_for, open_with},
    },
    lapses::{Lapse, Lapses},
    rules::RuleId,
    wire::{Action, Role, SyncStreamItem, decode, v1sync::sync_stream_item::SyncActionEncrypted},
};

/// Both directions of one session, and the transcript that handshakes are bound to.
pub struct Channel {
    sealer: Sealer,
    opener: Opener,
    transcript: [u8; 32],
    /// The peer's key under the other reading of the KEM id, until its first frame opened.
    peer_key_other_reading: Option<[u8; 32]>,
    lapses: Lapses,
    /// Seals and opens in place of the two above where the peer has a lapse.
    lapsing: Option<Box<Lapsing>>,
}

impl Channel {
    /// The initiator's end.
    pub fn initiator(keys: SessionKeys, other_reading: SessionKeys, transcript: [u8; 32]) -> Self {
        Channel::new(
            Role::Initiator,
            keys,
            other_reading,
            transcript,
            Lapses::NONE,
        )
    }

    /// The responder's end.
    pub fn responder(keys: SessionKeys, other_reading: SessionKeys, transcript: [u8; 32]) -> Self {
        Channel::new(
            Role::Responder,
            keys,
            other_reading,
            transcript,
            Lapses::NONE,
        )
    }

    /// The end of a peer of this role, with what it gets wrong.
    pub fn new(
        role: Role,
        keys: SessionKeys,
        other_reading: SessionKeys,
        transcript: [u8; 32],
        lapses: Lapses,
    ) -> Self {
        let role = lapses.swap(Lapse::DirectionKeysSwapped, role, Role::other);
        let (ours, peers) = match role {
            Role::Initiator => (keys.initiator_to_responder, keys.responder_to_initiator),
            Role::Responder => (keys.responder_to_initiator, keys.initiator_to_responder),
        };
        let peer_key_other_reading = Some(match role {
            Role::Initiator => other_reading.responder_to_initiator,
            Role::Responder => other_reading.initiator_to_responder,
        });
        Channel {
            sealer: Sealer::new(ours),
            opener: Opener::new(peers),
            transcript,
            peer_key_other_reading,
            lapses,
            lapsing: (!lapses.is_honest()).then(|| Box::new(Lapsing::new(lapses, ours, peers))),
        }
    }

    /// Hash over the key exchange, 32 bytes.
    pub fn transcript(&self) -> &[u8; 32] {
        &self.transcript
    }

    /// Seals an action under the next nonce of our direction.
    ///
    /// # Errors
    /// After 2^64 items there is no nonce left.
    pub fn seal(&mut self, action: Action) -> Result<SyncStreamItem, Violation> {
        let item = SyncStreamItem {
            action: Some(action),
        };
        if lapsing::is_sent_in_the_clear(&item, self.lapses) {
            return Ok(item);
        }
        let plaintext = lapsing::written(item.encode_to_vec(), &item, self.lapses);
        let sealed = match &mut self.lapsing {
            Some(lapsing) => lapsing.seal(&plaintext),
            None => self.sealer.seal(&plaintext).map_err(|error| {
                Violation::session(RuleId::EnvelopeNonceCountsUp, error.to_string())
            })?,
        };
        Ok(SyncStreamItem {
            action: Some(Action::Encrypted(SyncActionEncrypted {
                nonce: sealed.nonce.to_vec(),
                ciphertext: sealed.ciphertext,
            })),
        })
    }

    /// Opens the peer's next item.
    ///
    /// # Errors
    /// An item that is not `encrypted`, another nonce than the next, a tag that fails, or a plaintext that is not a
    /// SyncStreamItem. Each ends the session: later items do not open either.
    pub fn open(&mut self, item: SyncStreamItem) -> Result<SyncStreamItem, Violation> {
        let opened = self.open_next(item);
        if opened.is_err() {
            self.opener.fail();
        }
        opened
    }

    fn open_next(&mut self, item: SyncStreamItem) -> Result<SyncStreamItem, Violation> {
        let Some(Action::Encrypted(sealed)) = item.action else {
            return match item {
                item if self.lapses.has(Lapse::PlaintextAccepted) => Ok(item),
                _ if self.lapses.has(Lapse::PlaintextSkipped) => Ok(lapsing::nothing()),
                item => Err(Violation::session(
                    RuleId::EnvelopePlaintextRefused,
                    format!("expected an encrypted item, seen {}", item.describe()),
                )),
            };
        };
        let opened = match &mut self.lapsing {
            Some(_) if self.opener.counter().is_none() => Err(OpenError::AlreadyFailed),
            Some(lapsing) => lapsing.open(&sealed.nonce, &sealed.ciphertext),
            None => self
                .opener
                .open(&sealed.nonce, &sealed.ciphertext)
                .map(Some),
        };
        let plaintext = match opened {
            Ok(Some(plaintext)) => plaintext,
            Ok(None) => return Ok(lapsing::nothing()),
            Err(error) => return Err(self.explain(error, &sealed)),
        };
        self.peer_key_other_reading = None;
        match self.lapses.is_honest() {
            true => decode::item_as(&plaintext, decode::Reading::Deployed),
            false => lapsing::read(&plaintext, self.lapses),
        }
        .map_err(|error| Violation::session(RuleId::EnvelopeInnerMalformed, error.to_string()))
    }

    fn explain(&self, error: OpenError, sealed: &SyncActionEncrypted) -> Violation {
        let rule = match error {
            OpenError::NonceLength { .. } => RuleId::EnvelopeNonceLength,
            OpenError::NonceUnexpected {
                expected_counter,
                seen,
            } if seen < nonce_for(expected_counter) => RuleId::EnvelopeReplayRefused,
            OpenError::NonceUnexpected { .. } => RuleId::EnvelopeGapRefused,
            OpenError::AlreadyFailed => RuleId::EnvelopeFirstFaultIsFinal,
            _ if self.opens_under_other_reading(sealed) => {
                return Violation::session(
                    RuleId::TransportSuite,
                    "the peer's first frame opens only under the other reading of the KEM id: one side derives its \
                     keys with 0x0051, as deployed, the other with 0x0050, as published",
                );
            }
            _ => RuleId::EnvelopeTagChecked,
        };
        Violation::session(rule, error.to_string())
    }

    fn opens_under_other_reading(&self, sealed: &SyncActionEncrypted) -> bool {
        self.peer_key_other_reading
            .is_some_and(|key| open_with(&key, &nonce_for(0), b"", &sealed.ciphertext).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{crypto::seal::seal_with, wire::v1sync::sync_stream_item::SyncActionHeartbeat};

    fn keys() -> SessionKeys {
        SessionKeys {
            initiator_to_responder: [1; 32],
            responder_to_initiator: [2; 32],
        }
    }

    fn sealed_under(key: u8, counter: u64, nonce_len: usize) -> SyncStreamItem {
        let nonce = nonce_for(counter);
        let item = SyncStreamItem {
            action: Some(Action::Heartbeat(SyncActionHeartbeat {})),
        };
        let mut shown = nonce.to_vec();
        shown.resize(nonce_len, 0);
        SyncStreamItem {
            action: Some(Action::Encrypted(SyncActionEncrypted {
                nonce: shown,
                ciphertext: seal_with(&[key; 32], &nonce, b"", &item.encode_to_vec()),
            })),
        }
    }

    /// What is said of a peer is the rule that it breaks: the failure page begins with it.
    #[test]
    fn frame_that_is_not_the_next_then_the_rule_it_breaks() {
        let other_reading = SessionKeys {
            initiator_to_responder: [3; 32],
            responder_to_initiator: [4; 32],
        };
        let refused = |opened_before: u64, item: SyncStreamItem| {
            let mut receiver = Channel::responder(keys(), other_reading.clone(), [5; 32]);
            assert_eq!(receiver.transcript(), &[5; 32]);
            for counter in 0..opened_before {
                receiver.open(sealed_under(1, counter, 12)).unwrap();
            }
            receiver.open(item).unwrap_err().rule
        };
        let cases = [
            (2, sealed_under(1, 2, 11), RuleId::EnvelopeNonceLength),
            (2, sealed_under(1, 2, 13), RuleId::EnvelopeNonceLength),
            (2, sealed_under(1, 1, 12), RuleId::EnvelopeReplayRefused),
            (2, sealed_under(1, 0, 12), RuleId::EnvelopeReplayRefused),
            (2, sealed_under(1, 3, 12), RuleId::EnvelopeGapRefused),
            (0, sealed_under(1, 1, 12), RuleId::EnvelopeGapRefused),
            (2, sealed_under(2, 2, 12), RuleId::EnvelopeTagChecked),
            (0, sealed_under(2, 0, 12), RuleId::EnvelopeTagChecked),
            // The other reading of the KEM id is for the first frame to show.
            (0, sealed_under(3, 0, 12), RuleId::TransportSuite),
            (1, sealed_under(3, 1, 12), RuleId::EnvelopeTagChecked),
        ];
        for (number, (opened_before, item, rule)) in cases.into_iter().enumerate() {
            assert_eq!(refused(opened_before, item), rule, "case {number}");
        }
    }

    #[test]
    fn item_refused_for_what_it_is_then_a_good_one_refused_too() {
        let heartbeat = Action::Heartbeat(SyncActionHeartbeat {});
        let in_the_clear = SyncStreamItem {
            action: Some(heartbeat.clone()),
        };
        let no_item = SyncStreamItem {
            action: Some(Action::Encrypted(SyncActionEncrypted {
                nonce: nonce_for(1).to_vec(),
                ciphertext: seal_with(&[1; 32], &nonce_for(1), b"", b"\xff"),
            })),
        };
        for refused in [in_the_clear, no_item] {
            let mut sender = Channel::initiator(keys(), keys(), [0; 32]);
            let mut receiver = Channel::responder(keys(), keys(), [0; 32]);
            receiver
                .open(sender.seal(heartbeat.clone()).unwrap())
                .unwrap();
            receiver.open(refused).unwrap_err();
            for _ in 0..2 {
                let error = receiver
                    .open(sender.seal(heartbeat.clone()).unwrap())
                    .unwrap_err();
                assert_eq!(error.rule, RuleId::EnvelopeFirstFaultIsFinal);
            }
        }
    }
}
