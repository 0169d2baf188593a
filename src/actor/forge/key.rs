//! Our part of the key exchange, honest or not.

use prost::Message as _;

use super::{Applied, frame::frame};
use crate::{
    actor::{
        Forged,
        exchange::Exchange,
        side::{Memory, Shared, Side},
    },
    crypto::kem::{MLKEM_KEY_LEN_BYTES, POINT_LEN_BYTES, PUBLIC_KEY_LEN_BYTES},
    scenario::{
        deviation::{Deviation, FrameFault, KeyFault},
        known_vectors::VectorGroup,
    },
    session::{key_item, reply_item},
    wire::{Action, SyncStreamItem},
};

/// The P-384 field prime, big-endian: the smallest x that is not reduced.
const P384_PRIME: [u8; 48] = {
    let mut prime = [0xff; 48];
    prime[31] = 0xfe;
    let mut index = 36;
    while index < 44 {
        prime[index] = 0;
        index += 1;
    }
    prime
};

impl Side {
    /// Our part of the key exchange; none where we must answer a key that has not come.
    pub(in crate::actor) fn forge_key(
        &mut self,
        deviations: &[Deviation],
        earlier: Option<&Memory>,
    ) -> Option<Forged> {
        let again = Deviation::Key(KeyFault::OfTheSessionBefore);
        if let Some(seed) = earlier.and_then(|earlier| earlier.kem_seed)
            && deviations.contains(&again)
        {
            self.take_key_of(&seed);
        }
        match &self.exchange {
            Exchange::Dialling { kem_key, .. } => {
                let item = key_item(kem_key.public_key());
                self.has_begun();
                forged(item, deviations)
            }
            Exchange::Called { .. } => {
                let all_zero = Deviation::Encapsulation(KeyFault::MlkemAllZero);
                let made = match deviations.contains(&all_zero) {
                    true => self.encapsulate_zeros()?,
                    false => self.encapsulate()?,
                };
                let was_spoilt = self
                    .keyed
                    .as_ref()
                    .is_some_and(|keyed| keyed.shared == Shared::Nothing);
                let shared = match shared_after(deviations) {
                    Shared::Keys if was_spoilt => Shared::NothingStill,
                    shared => shared,
                };
                self.exchanged(&made.secret, made.transcript, shared);
                forged(reply_item(&made.encapsulation), deviations)
            }
        }
    }
}

fn forged(mut item: SyncStreamItem, deviations: &[Deviation]) -> Option<Forged> {
    let mut applied = Applied::default();
    let Some(Action::EstablishSharedSecret(exchange)) = &mut item.action else {
        return None;
    };
    for deviation in deviations {
        match deviation {
            Deviation::TransportVersion(version) => exchange.protocol_version = *version,
            Deviation::Key(fault) => {
                let honest = std::mem::take(&mut exchange.kem_public_key);
                let spoilt = Spoilt::of(honest, *fault);
                (exchange.kem_public_key, exchange.kem_encapsulation) = (spoilt.own, spoilt.others);
            }
            Deviation::KeyVector(id) => {
                exchange.kem_public_key = VectorGroup::KemPublicKey.bytes(id)?.to_vec();
            }
            Deviation::Encapsulation(fault) => {
                let honest = std::mem::take(&mut exchange.kem_encapsulation);
                let spoilt = Spoilt::of(honest, *fault);
                (exchange.kem_encapsulation, exchange.kem_public_key) = (spoilt.own, spoilt.others);
            }
            Deviation::EncapsulationVector(id) => {
                exchange.kem_encapsulation = VectorGroup::KemDecap.bytes(id)?.to_vec();
            }
            _ => continue,
        }
        applied.note(deviation);
    }
    let payload = item.encode_to_vec();
    Some(frame(payload, Some(item), None, deviations, applied))
}

/// What an initiator has of keys once it was answered like this.
fn shared_after(deviations: &[Deviation]) -> Shared {
    let after = |deviation: &Deviation| match deviation {
        Deviation::Encapsulation(KeyFault::MlkemBitFlipped | KeyFault::MlkemAllZero) => {
            Some(Shared::OtherKeys)
        }
        Deviation::Frame(FrameFault::ByteByByte) => None,
        Deviation::TransportVersion(_)
        | Deviation::Encapsulation(_)
        | Deviation::EncapsulationVector(_)
        | Deviation::Frame(_) => Some(Shared::Nothing),
        _ => None,
    };
    deviations.iter().find_map(after).unwrap_or(Shared::Keys)
}

/// A spoilt public key or encapsulation: what stands in its own field, and in that of the other.
struct Spoilt {
    own: Vec<u8>,
    others: Vec<u8>,
}

impl Spoilt {
    /// Spoils 1568 bytes of ML-KEM and a 97-byte point.
    fn of(honest: Vec<u8>, fault: KeyFault) -> Spoilt {
        // A vector, or another deviation, may have left less than these: that is spoilt enough.
        if honest.len() != PUBLIC_KEY_LEN_BYTES {
            return Spoilt {
                own: honest,
                others: Vec::new(),
            };
        }
        match fault {
            KeyFault::InTheOtherField => Spoilt {
                own: Vec::new(),
                others: honest,
            },
            KeyFault::InBothFields => Spoilt {
                own: honest.clone(),
                others: honest,
            },
            fault => Spoilt {
                own: spoilt_bytes(&honest, fault),
                others: Vec::new(),
            },
        }
    }
}

fn spoilt_bytes(honest: &[u8], fault: KeyFault) -> Vec<u8> {
    let (mlkem, point) = honest.split_at(MLKEM_KEY_LEN_BYTES);
    let with_point = |point: Vec<u8>| [mlkem.to_vec(), point].concat();
    let with_mlkem = |mlkem: Vec<u8>| [mlkem, point.to_vec()].concat();
    match fault {
        // The bytes themselves are as they should be.
        KeyFault::InTheOtherField | KeyFault::InBothFields | KeyFault::OfTheSessionBefore => {
            honest.to_vec()
        }
        KeyFault::Missing => Vec::new(),
        KeyFault::OneByteShort => honest[..honest.len() - 1].to_vec(),
        KeyFault::OneByteLong => [honest, &[0]].concat(),
        KeyFault::OneByte => honest[..1].to_vec(),
        KeyFault::MlkemPartOnly => mlkem.to_vec(),
        KeyFault::PointOnly => point.to_vec(),
        KeyFault::PartsSwapped => [point, mlkem].concat(),
        KeyFault::AllZero => vec![0; PUBLIC_KEY_LEN_BYTES],
        // Coefficients are 12 bits, little-endian: 3329 is 0xd01.
        KeyFault::CoefficientNotReduced => {
            let mut mlkem = mlkem.to_vec();
            mlkem[0] = 0x01;
            mlkem[1] = (mlkem[1] & 0xf0) | 0x0d;
            with_mlkem(mlkem)
        }
        // The last 32 bytes are the public seed, not coefficients.
        KeyFault::AllCoefficientsNotReduced => {
            let mut mlkem = mlkem.to_vec();
            mlkem[..MLKEM_KEY_LEN_BYTES - 32].fill(0xff);
            with_mlkem(mlkem)
        }
        KeyFault::MlkemBitFlipped => {
            let mut mlkem = mlkem.to_vec();
            mlkem[0] ^= 1;
            with_mlkem(mlkem)
        }
        KeyFault::MlkemAllZero => with_mlkem(vec![0; MLKEM_KEY_LEN_BYTES]),
        KeyFault::PointOffCurve => {
            let mut point = point.to_vec();
            point[POINT_LEN_BYTES - 1] ^= 1;
            with_point(point)
        }
        KeyFault::PointZero => {
            let mut point = vec![0; POINT_LEN_BYTES];
            point[0] = 4;
            with_point(point)
        }
        KeyFault::PointCompressedTag => with_point(retagged(point, 2)),
        KeyFault::PointHybridTag => with_point(retagged(point, 6)),
        KeyFault::PointCompressed => with_point(retagged(point, 2)[..49].to_vec()),
        KeyFault::PointInfinity => with_point(vec![0; POINT_LEN_BYTES]),
        KeyFault::PointNotReduced => {
            let mut point = point.to_vec();
            point[1..49].copy_from_slice(&P384_PRIME);
            with_point(point)
        }
    }
}

/// The point with another format byte, which in those forms also tells the parity of y.
fn retagged(point: &[u8], tag: u8) -> Vec<u8> {
    let parity = point[point.len() - 1] & 1;
    [&[tag | parity], &point[1..]].concat()
}

/// An item of the key exchange, as it is sent a second time.
pub(super) fn key_again(side: &mut Side) -> Option<SyncStreamItem> {
    match &side.exchange {
        Exchange::Dialling { kem_key, .. } => Some(key_item(kem_key.public_key())),
        Exchange::Called { .. } => {
            let made = side.encapsulate()?;
            Some(reply_item(&made.encapsulation))
        }
    }
}
