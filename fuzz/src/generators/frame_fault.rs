//! What may be wrong with a sealed frame, in the words of scenarios where they have one.

use syncspec::{
    crypto::seal::{nonce_for, seal_with},
    scenario::deviation::{CiphertextFault, Deviation, EnvelopeFault, NonceFault, SealFault},
    wire::{Action, SyncStreamItem, v1sync::sync_stream_item::SyncActionEncrypted},
};

/// How a frame departs from the honest one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FrameFault {
    /// It does not.
    #[default]
    None,
    /// Another nonce.
    Nonce(NonceFault),
    /// Another key, or associated data.
    Seal(SealFault),
    /// A changed ciphertext.
    Ciphertext(CiphertextFault),
    /// Something other than a sealed item.
    Envelope(EnvelopeFault),
    /// One bit of the ciphertext, counted modulo its length, is flipped.
    Bit(u8),
}

const FAULTS: [FrameFault; 24] = [
    FrameFault::Nonce(NonceFault::RepeatLast),
    FrameFault::Nonce(NonceFault::RepeatFirst),
    FrameFault::Nonce(NonceFault::SkipOne),
    FrameFault::Nonce(NonceFault::SkipMany),
    FrameFault::Nonce(NonceFault::LittleEndian),
    FrameFault::Nonce(NonceFault::CounterInFront),
    FrameFault::Nonce(NonceFault::PrefixSet),
    FrameFault::Nonce(NonceFault::OneByteShort),
    FrameFault::Nonce(NonceFault::OneByteLong),
    FrameFault::Nonce(NonceFault::Missing),
    FrameFault::Nonce(NonceFault::SentOther),
    FrameFault::Nonce(NonceFault::SealedUnderOther),
    FrameFault::Seal(SealFault::AssociatedData),
    FrameFault::Seal(SealFault::OtherDirectionKey),
    FrameFault::Seal(SealFault::ZeroKey),
    FrameFault::Ciphertext(CiphertextFault::TagCut),
    FrameFault::Ciphertext(CiphertextFault::TagTruncated),
    FrameFault::Ciphertext(CiphertextFault::TagZero),
    FrameFault::Ciphertext(CiphertextFault::Empty),
    FrameFault::Ciphertext(CiphertextFault::ShorterThanTag),
    FrameFault::Ciphertext(CiphertextFault::Extended),
    FrameFault::Envelope(EnvelopeFault::Plain),
    FrameFault::Envelope(EnvelopeFault::Replayed),
    FrameFault::Envelope(EnvelopeFault::Reflected),
];

/// Bytes from here on stand for a fault; most bytes are honest, or no dialogue would get far.
const FIRST_FAULTY: u8 = 0xc0;

impl FrameFault {
    /// The fault that a byte stands for.
    pub fn of(byte: u8) -> FrameFault {
        match byte.checked_sub(FIRST_FAULTY) {
            None => FrameFault::None,
            Some(index) => FAULTS
                .get(usize::from(index))
                .copied()
                .unwrap_or(FrameFault::Bit(byte.wrapping_mul(37))),
        }
    }

    /// The byte that stands for a deviation of a scenario, where one does.
    pub fn byte_of(deviation: &Deviation) -> Option<u8> {
        let at = FAULTS
            .iter()
            .position(|fault| fault.deviation().as_ref() == Some(deviation))?;
        Some(FIRST_FAULTY + u8::try_from(at).ok()?)
    }

    /// What a scenario calls it.
    pub fn deviation(self) -> Option<Deviation> {
        match self {
            FrameFault::None => None,
            FrameFault::Nonce(fault) => Some(Deviation::Nonce(fault)),
            FrameFault::Seal(fault) => Some(Deviation::Seal(fault)),
            FrameFault::Ciphertext(fault) => Some(Deviation::Ciphertext(fault)),
            FrameFault::Envelope(fault) => Some(Deviation::Envelope(fault)),
            FrameFault::Bit(_) => Some(Deviation::Ciphertext(CiphertextFault::FirstBitFlipped)),
        }
    }
}

/// Our end of a session: what it seals with, and what it may play again.
#[derive(Clone, Debug)]
pub struct Sealing {
    /// Key of our direction.
    pub key: [u8; 32],
    /// Key of the peer's direction.
    pub other_key: [u8; 32],
    /// Counter of our next honest nonce.
    pub counter: u64,
    /// The last frame we sent.
    pub last: Option<SyncStreamItem>,
    /// The last frame the peer sent.
    pub peer_last: Option<SyncStreamItem>,
}

/// A frame to send, and whether a correct receiver opens it.
pub struct Frame {
    /// What goes over the wire.
    pub item: SyncStreamItem,
    /// It is, byte by byte, the one frame that may come next.
    pub opens: bool,
}

impl Sealing {
    /// Starts at a counter.
    pub fn new(key: [u8; 32], other_key: [u8; 32], counter: u64) -> Self {
        Sealing {
            key,
            other_key,
            counter,
            last: None,
            peer_last: None,
        }
    }

    /// Seals a plaintext, honestly or not. The counter goes on only when the receiver's does.
    pub fn frame(&mut self, plaintext: &[u8], fault: FrameFault) -> Frame {
        let honest = self.sealed(self.nonce(), plaintext);
        let item = match fault {
            FrameFault::None => honest.clone(),
            FrameFault::Nonce(fault) => self.with_nonce(plaintext, fault),
            FrameFault::Seal(fault) => self.with_seal(plaintext, fault),
            FrameFault::Ciphertext(fault) => edited(&honest, |bytes| spoil(bytes, fault)),
            FrameFault::Envelope(fault) => self.with_envelope(plaintext, fault, &honest),
            FrameFault::Bit(at) => edited(&honest, |bytes| {
                let bits = bytes.len() * 8;
                let at = usize::from(at) * 31 % bits;
                bytes[at / 8] ^= 1 << (at % 8);
            }),
        };
        let opens = item == honest;
        self.counter += u64::from(opens);
        self.last = Some(item.clone());
        Frame { item, opens }
    }

    fn nonce(&self) -> [u8; 12] {
        nonce_for(self.counter)
    }

    fn sealed(&self, nonce: [u8; 12], plaintext: &[u8]) -> SyncStreamItem {
        encrypted(nonce.to_vec(), seal_with(&self.key, &nonce, b"", plaintext))
    }

    fn with_nonce(&self, plaintext: &[u8], fault: NonceFault) -> SyncStreamItem {
        let right = self.nonce();
        let at = |counter: u64| self.sealed(nonce_for(counter), plaintext);
        let sent_as = |sent: Vec<u8>| encrypted(sent, seal_with(&self.key, &right, b"", plaintext));
        match fault {
            NonceFault::RepeatLast => at(self.counter.saturating_sub(1)),
            NonceFault::RepeatFirst => at(0),
            NonceFault::SkipOne => at(self.counter + 1),
            NonceFault::SkipMany => at(self.counter + 1000),
            NonceFault::LittleEndian => {
                let mut nonce = right;
                nonce[4..].reverse();
                self.sealed(nonce, plaintext)
            }
            NonceFault::CounterInFront => {
                let mut nonce = right;
                nonce.rotate_left(4);
                self.sealed(nonce, plaintext)
            }
            NonceFault::PrefixSet | NonceFault::Random => {
                let mut nonce = right;
                nonce[0] = 1;
                self.sealed(nonce, plaintext)
            }
            NonceFault::OneByteShort => sent_as(right[..11].to_vec()),
            NonceFault::OneByteLong => sent_as([right.as_slice(), &[0]].concat()),
            NonceFault::Missing => sent_as(Vec::new()),
            NonceFault::SentOther => sent_as(nonce_for(self.counter + 1).to_vec()),
            NonceFault::SealedUnderOther => encrypted(
                right.to_vec(),
                seal_with(&self.key, &nonce_for(self.counter + 1), b"", plaintext),
            ),
        }
    }

    fn with_seal(&self, plaintext: &[u8], fault: SealFault) -> SyncStreamItem {
        let nonce = self.nonce();
        let (key, aad): (_, &[u8]) = match fault {
            SealFault::AssociatedData => (&self.key, b"associated"),
            SealFault::OtherDirectionKey => (&self.other_key, b""),
            SealFault::ZeroKey | SealFault::EarlierSessionKey => (&[0; 32], b""),
        };
        encrypted(nonce.to_vec(), seal_with(key, &nonce, aad, plaintext))
    }

    fn with_envelope(
        &self,
        plaintext: &[u8],
        fault: EnvelopeFault,
        honest: &SyncStreamItem,
    ) -> SyncStreamItem {
        let played_again = match fault {
            EnvelopeFault::Replayed | EnvelopeFault::OfAnEarlierSession => self.last.clone(),
            EnvelopeFault::Reflected => self.peer_last.clone(),
            EnvelopeFault::Plain => syncspec::wire::decode::item(plaintext).ok(),
            EnvelopeFault::EmptyItem | EnvelopeFault::KeyAgain => Some(SyncStreamItem::default()),
        };
        played_again.unwrap_or_else(|| honest.clone())
    }
}

fn encrypted(nonce: Vec<u8>, ciphertext: Vec<u8>) -> SyncStreamItem {
    SyncStreamItem {
        action: Some(Action::Encrypted(SyncActionEncrypted { nonce, ciphertext })),
    }
}

/// The same item with another ciphertext.
pub fn edited(item: &SyncStreamItem, edit: impl FnOnce(&mut Vec<u8>)) -> SyncStreamItem {
    let mut item = item.clone();
    if let Some(Action::Encrypted(sealed)) = &mut item.action {
        edit(&mut sealed.ciphertext);
    }
    item
}

fn spoil(bytes: &mut Vec<u8>, fault: CiphertextFault) {
    let length = bytes.len();
    let tag_at = length - 16;
    match fault {
        CiphertextFault::FirstBitFlipped => bytes[0] ^= 0x80,
        CiphertextFault::TagBitFlipped => bytes[length - 1] ^= 1,
        CiphertextFault::TagCut => bytes.truncate(tag_at),
        CiphertextFault::TagTruncated => bytes.truncate(length - 4),
        CiphertextFault::TagZero => bytes[tag_at..].fill(0),
        CiphertextFault::Empty | CiphertextFault::Plaintext => bytes.clear(),
        CiphertextFault::ShorterThanTag => bytes.truncate(15),
        CiphertextFault::Extended => bytes.push(0),
    }
}
