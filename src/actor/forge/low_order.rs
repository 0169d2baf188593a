//! Keys of low order, for which whoever likes can sign: they have no private half.

use curve25519_dalek::{
    EdwardsPoint, Scalar, constants::ED25519_BASEPOINT_TABLE, constants::EIGHT_TORSION,
};
use sha2::{Digest as _, Sha512};

use crate::scenario::deviation::IdentityFault;

/// The neutral element, y = 1, as a key or as R of a signature; little-endian.
const NEUTRAL: [u8; 32] = {
    let mut point = [0; 32];
    point[0] = 1;
    point
};
/// The same with the sign of x set, which is 0.
const NEUTRAL_WITH_SIGN: [u8; 32] = {
    let mut point = NEUTRAL;
    point[31] = 0x80;
    point
};
/// The same with y = 1 + p: 2^255 - 18.
const NEUTRAL_NOT_REDUCED: [u8; 32] = {
    let mut point = [0xff; 32];
    point[0] = 0xee;
    point[31] = 0x7f;
    point
};

/// A key of low order, in one of its spellings.
#[derive(Clone, Copy)]
pub(super) enum LowOrder {
    /// The neutral element.
    One([u8; 32]),
    /// A point of order 8.
    Eight,
}

impl LowOrder {
    /// The key that the deviation asks for; none for others.
    pub fn of(fault: IdentityFault) -> Option<LowOrder> {
        Some(match fault {
            IdentityFault::LowOrderKey => LowOrder::One(NEUTRAL),
            IdentityFault::LowOrderKeyWithSign => LowOrder::One(NEUTRAL_WITH_SIGN),
            IdentityFault::LowOrderKeyNotReduced => LowOrder::One(NEUTRAL_NOT_REDUCED),
            IdentityFault::KeyOfOrderEight => LowOrder::Eight,
            _ => return None,
        })
    }

    /// Its 32 bytes.
    pub fn public_key(self) -> [u8; 32] {
        match self {
            LowOrder::One(spelling) => spelling,
            LowOrder::Eight => EIGHT_TORSION[1].compress().to_bytes(),
        }
    }

    /// A signature that the equation holds for (RFC 8032, section 5.1.7, without cofactor), S below the group order.
    pub fn sign(self, message: &[u8]) -> Vec<u8> {
        match self {
            // R = 0, S = 0: whatever the hash, S B = R + k A.
            LowOrder::One(_) => [NEUTRAL, [0; 32]].concat(),
            LowOrder::Eight => self.sign_by_trial(message),
        }
    }

    /// k A is one of eight points: for each S, R is made for one of them, and fits where the hash comes to that one. About
    /// one in eight does, so this ends soon; R is of large order, which leaves the key alone to be found fault with.
    fn sign_by_trial(self, message: &[u8]) -> Vec<u8> {
        let public_key = self.public_key();
        let tries = (1_u64..).flat_map(|s| (0_u64..8).map(move |multiple| (s, multiple)));
        let signatures = tries.map(|(s, multiple)| {
            let s = Scalar::from(s);
            let key_part: EdwardsPoint = EIGHT_TORSION[1] * Scalar::from(multiple);
            let r = (&s * ED25519_BASEPOINT_TABLE - key_part).compress();
            let hash = Sha512::new()
                .chain_update(r.as_bytes())
                .chain_update(public_key)
                .chain_update(message)
                .finalize();
            let k = Scalar::from_bytes_mod_order_wide(&hash.into());
            let fits = u64::from(k.to_bytes()[0] % 8) == multiple;
            fits.then(|| [r.to_bytes(), s.to_bytes()].concat())
        });
        signatures.flatten().next().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::identity::{KeyPolicy, verify_signature};

    #[test]
    fn signature_for_any_message_then_only_a_check_of_the_key_refuses_it() {
        for key in [
            LowOrder::One(NEUTRAL),
            LowOrder::One(NEUTRAL_WITH_SIGN),
            LowOrder::One(NEUTRAL_NOT_REDUCED),
            LowOrder::Eight,
        ] {
            let public_key = key.public_key();
            for message in 0..20_u8 {
                let message = [message; 32];
                let signature = key.sign(&message);
                let verify = |policy| verify_signature(policy, &public_key, &message, &signature);
                assert!(verify(KeyPolicy::Deployed).is_ok(), "{public_key:?}");
                assert!(verify(KeyPolicy::Strict).is_err(), "{public_key:?}");
            }
        }
    }
}
