//! Our key exchange against another implementation of the same drafts, in both directions.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what it relies on by failing"
)]

use hpke::{
    Deserializable, Kem, OpModeR, OpModeS, Serializable, aead::AesGcm256, kdf::HkdfSha256,
    kem::MlKem1024P384, setup_receiver, setup_sender,
};
use syncspec::crypto::{
    hpke::{
        INFO, INITIATOR_TO_RESPONDER_LABEL, KeySchedule, RESPONDER_TO_INITIATOR_LABEL, SessionKeys,
    },
    kem::{EncapsulationRandomness, KemId, PrivateKey, PublicKey},
};

type TheirPrivateKey = <MlKem1024P384 as Kem>::PrivateKey;
type TheirPublicKey = <MlKem1024P384 as Kem>::PublicKey;
type TheirEncapsulation = <MlKem1024P384 as Kem>::EncappedKey;

const SEEDS: [[u8; 32]; 4] = [[0; 32], [1; 32], [0x5a; 32], [0xff; 32]];

#[test]
fn they_encapsulate_then_our_session_keys_match_theirs() {
    for seed in SEEDS {
        let ours = PrivateKey::from_seed_array(&seed);
        let theirs = TheirPublicKey::from_bytes(ours.public_key()).unwrap();

        let (enc, sender) =
            setup_sender::<AesGcm256, HkdfSha256, MlKem1024P384>(&OpModeS::Base, &theirs, INFO)
                .unwrap();

        let secret = ours.decapsulate(&enc.to_bytes()).unwrap();
        let keys = SessionKeys::derive(KemId::default(), &secret);
        assert_eq!(
            keys.initiator_to_responder,
            export(|label, out| sender.export(label, out).unwrap()).0
        );
        assert_eq!(
            keys.responder_to_initiator,
            export(|label, out| sender.export(label, out).unwrap()).1
        );
    }
}

#[test]
fn we_encapsulate_then_their_session_keys_match_ours() {
    for seed in SEEDS {
        let private = TheirPrivateKey::from_bytes(&seed).unwrap();
        let public = PublicKey::parse(&MlKem1024P384::sk_to_pk(&private).to_bytes()).unwrap();

        let (enc, secret) = public.encapsulate(&EncapsulationRandomness::from_seed(&seed));

        let enc = TheirEncapsulation::from_bytes(&enc).unwrap();
        let receiver = setup_receiver::<AesGcm256, HkdfSha256, MlKem1024P384>(
            &OpModeR::Base,
            &private,
            &enc,
            INFO,
        )
        .unwrap();
        let keys =
            SessionKeys::export(&KeySchedule::new(KemId::default(), secret.as_bytes(), INFO));
        assert_eq!(
            keys.initiator_to_responder,
            export(|label, out| receiver.export(label, out).unwrap()).0
        );
        assert_eq!(
            keys.responder_to_initiator,
            export(|label, out| receiver.export(label, out).unwrap()).1
        );
    }
}

#[test]
fn same_seed_then_same_public_key() {
    for seed in SEEDS {
        let theirs = MlKem1024P384::sk_to_pk(&TheirPrivateKey::from_bytes(&seed).unwrap());
        assert_eq!(
            PrivateKey::from_seed_array(&seed).public_key().as_slice(),
            theirs.to_bytes().as_slice()
        );
    }
}

#[test]
fn same_keying_material_then_same_derived_key() {
    for seed in SEEDS {
        let (_, theirs) = MlKem1024P384::derive_keypair(&seed);
        let ours = PrivateKey::derive(KemId::MlKem1024P384, &seed);
        assert_eq!(ours.public_key().as_slice(), theirs.to_bytes().as_slice());
    }
}

fn export(mut exporter: impl FnMut(&[u8], &mut [u8])) -> ([u8; 32], [u8; 32]) {
    let (mut to_responder, mut to_initiator) = ([0; 32], [0; 32]);
    exporter(INITIATOR_TO_RESPONDER_LABEL, &mut to_responder);
    exporter(RESPONDER_TO_INITIATOR_LABEL, &mut to_initiator);
    (to_responder, to_initiator)
}

#[cfg(feature = "aws-lc")]
mod aws_lc {
    use aws_lc_rs::kem::{Ciphertext, DecapsulationKey, EncapsulationKey, ML_KEM_1024};
    use syncspec::crypto::{
        ecdh::{AwsLcKey, EcdhKey, PortableKey},
        kem::{EncapsulationRandomness, Expanded, MLKEM_KEY_LEN_BYTES, PrivateKey, PublicKey},
    };

    const KEYS: u8 = 32;

    #[test]
    fn same_scalars_then_portable_and_aws_lc_give_the_same_points_and_secrets() {
        let scalar = |byte: u8| Expanded::from_seed(&[byte; 32]).p384_scalar;
        for byte in 0..KEYS {
            let (portable, theirs) = (
                PortableKey::from_scalar(&scalar(byte)),
                AwsLcKey::from_scalar(&scalar(byte)),
            );
            assert_eq!(portable.public_point(), theirs.public_point());
            let peer = PortableKey::from_scalar(&scalar(byte + KEYS)).public_point();
            assert_eq!(portable.shared_x(&peer), theirs.shared_x(&peer));
        }
    }

    #[test]
    fn aws_lc_encapsulates_then_our_mlkem_half_has_its_secret() {
        for byte in 0..KEYS {
            let ours = PrivateKey::from_seed_array(&[byte; 32]);
            let (mlkem, point) = ours.public_key().split_at(MLKEM_KEY_LEN_BYTES);
            let theirs = EncapsulationKey::new(&ML_KEM_1024, mlkem).unwrap();
            let (ciphertext, secret) = theirs.encapsulate().unwrap();
            // Any point will do for the other half.
            let enc = [ciphertext.as_ref(), point].concat();
            let parts = ours.decapsulate_parts(&enc).unwrap();
            assert_eq!(parts.mlkem_shared_secret(), secret.as_ref());
        }
    }

    #[test]
    fn we_encapsulate_then_aws_lc_has_our_mlkem_half_s_secret() {
        let point = PrivateKey::from_seed_array(&[1; 32]);
        let point = &point.public_key()[MLKEM_KEY_LEN_BYTES..];
        for byte in 0..KEYS {
            let theirs = DecapsulationKey::generate(&ML_KEM_1024).unwrap();
            let public = theirs.encapsulation_key().unwrap();
            let public = public.key_bytes().unwrap();
            let public = PublicKey::parse(&[public.as_ref(), point].concat()).unwrap();
            let randomness = EncapsulationRandomness::from_seed(&[byte; 32]);
            let (enc, parts) = public.encapsulate_parts(&randomness);
            let ciphertext = Ciphertext::from(&enc[..MLKEM_KEY_LEN_BYTES]);
            let secret = theirs.decapsulate(ciphertext).unwrap();
            assert_eq!(parts.mlkem_shared_secret(), secret.as_ref());
        }
    }
}

#[cfg(feature = "libcrux")]
mod libcrux {
    use syncspec::crypto::mlkem::{
        Ciphertext, KEY_LEN_BYTES, KeyBytes, Libcrux, MlKem, RustCrypto, SEED_LEN_BYTES, Secret,
    };

    const KEYS: u8 = 32;
    /// FIPS 203's q: the least that a coefficient must not be.
    const MODULUS: u16 = 3329;

    #[test]
    fn same_seeds_then_same_keys_ciphertexts_and_secrets() {
        for byte in 0..KEYS {
            let portable = exchange::<RustCrypto>(byte, None);
            assert_eq!(portable, exchange::<Libcrux>(byte, None), "seed {byte}");
            assert_eq!(portable.2, portable.3, "seed {byte}");
        }
    }

    #[test]
    fn a_bit_of_the_ciphertext_is_another_then_the_same_other_secret() {
        for (byte, at) in [(0, 0), (1, 1407), (2, 1408), (3, KEY_LEN_BYTES - 1)] {
            let portable = exchange::<RustCrypto>(byte, Some(at));
            assert_eq!(portable, exchange::<Libcrux>(byte, Some(at)), "byte {at}");
            assert_ne!(portable.2, portable.3, "byte {at}");
        }
    }

    #[test]
    fn a_coefficient_is_not_below_the_modulus_then_both_refuse_the_key() {
        // Two coefficients of 12 bits stand in three bytes, the first in the lower ones; 32 bytes behind all are a seed.
        let last = KEY_LEN_BYTES - 32 - 3;
        for at in [0, 3 * 128, last] {
            for second in [false, true] {
                for (coefficient, is_valid) in
                    [(MODULUS - 1, true), (MODULUS, false), (0xfff, false)]
                {
                    let (_, mut key) = RustCrypto::key_pair(&[7; SEED_LEN_BYTES]);
                    set_coefficient(&mut key[at..at + 3], second, coefficient);
                    let (portable, vector) = (RustCrypto::read(&key), Libcrux::read(&key));
                    assert_eq!(portable.is_some(), is_valid, "{coefficient} at {at}");
                    assert_eq!(vector.is_some(), is_valid, "{coefficient} at {at}");
                }
            }
        }
    }

    /// Key, ciphertext, the sender's secret, and the receiver's, where a bit of that byte of the ciphertext was turned.
    fn exchange<M: MlKem>(
        byte: u8,
        turned: Option<usize>,
    ) -> (KeyBytes, Ciphertext, Secret, Secret) {
        let (private, public) = M::key_pair(&[byte; SEED_LEN_BYTES]);
        let key = M::read(&public).unwrap();
        let (mut ciphertext, sent) = M::encapsulate(&key, &[byte ^ 0xa5; 32]);
        if let Some(at) = turned {
            ciphertext[at] ^= 1;
        }
        (
            public,
            ciphertext,
            sent,
            M::decapsulate(&private, &ciphertext),
        )
    }

    fn set_coefficient(bytes: &mut [u8], second: bool, coefficient: u16) {
        let [low, high] = coefficient.to_le_bytes();
        if second {
            bytes[1] = bytes[1] & 0x0f | low << 4;
            bytes[2] = low >> 4 | high << 4;
        } else {
            bytes[0] = low;
            bytes[1] = bytes[1] & 0xf0 | high;
        }
    }
}
