//! ML-KEM-1024 (FIPS 203): through libcrux, which uses a processor's vector instructions, where the feature `libcrux` is
//! on, else through RustCrypto. Both give the same bytes; which one the KEM uses is settled when the crate is built.

use std::fmt;

use ml_kem::{
    B32,
    kem::{Decapsulate, KeyExport},
    ml_kem_1024,
};

/// Length of an encapsulation key, and of a ciphertext.
pub const KEY_LEN_BYTES: usize = 1568;
/// Length of what a key pair follows from: d, then z.
pub const SEED_LEN_BYTES: usize = 64;

/// An encapsulation key.
pub type KeyBytes = [u8; KEY_LEN_BYTES];
/// A ciphertext.
pub type Ciphertext = [u8; KEY_LEN_BYTES];
/// A shared secret.
pub type Secret = [u8; 32];

/// One implementation.
pub trait MlKem {
    /// A decapsulation key, ready for use.
    type DecapsulationKey: Clone;
    /// An encapsulation key that was found valid.
    type EncapsulationKey: Clone + fmt::Debug;

    /// Both keys of a seed: d, then z.
    fn key_pair(seed: &[u8; SEED_LEN_BYTES]) -> (Self::DecapsulationKey, KeyBytes);

    /// Reads an encapsulation key; `None` where FIPS 203's modulus check fails.
    fn read(key: &KeyBytes) -> Option<Self::EncapsulationKey>;

    /// The ciphertext that carries a message of 32 random bytes, and the secret that follows from both.
    fn encapsulate(key: &Self::EncapsulationKey, message: &[u8; 32]) -> (Ciphertext, Secret);

    /// The secret that a ciphertext carries; another one where it was tampered with (implicit rejection).
    fn decapsulate(key: &Self::DecapsulationKey, ciphertext: &Ciphertext) -> Secret;
}

/// What the KEM computes with.
#[cfg(not(feature = "libcrux"))]
pub type ChosenMlKem = RustCrypto;
/// What the KEM computes with.
#[cfg(feature = "libcrux")]
pub type ChosenMlKem = Libcrux;

/// Portable Rust.
#[derive(Clone, Copy, Debug)]
pub struct RustCrypto;

impl MlKem for RustCrypto {
    type DecapsulationKey = ml_kem_1024::DecapsulationKey;
    type EncapsulationKey = ml_kem_1024::EncapsulationKey;

    fn key_pair(seed: &[u8; SEED_LEN_BYTES]) -> (Self::DecapsulationKey, KeyBytes) {
        let key = ml_kem_1024::DecapsulationKey::from_seed((*seed).into());
        let public = key.encapsulation_key().to_bytes().into();
        (key, public)
    }

    fn read(key: &KeyBytes) -> Option<Self::EncapsulationKey> {
        ml_kem_1024::EncapsulationKey::new(&(*key).into()).ok()
    }

    fn encapsulate(key: &Self::EncapsulationKey, message: &[u8; 32]) -> (Ciphertext, Secret) {
        let (ciphertext, secret) = key.encapsulate_deterministic(&B32::from(*message));
        (ciphertext.into(), secret.into())
    }

    fn decapsulate(key: &Self::DecapsulationKey, ciphertext: &Ciphertext) -> Secret {
        key.decapsulate(&(*ciphertext).into()).into()
    }
}

#[cfg(feature = "libcrux")]
pub use libcrux::Libcrux;

#[cfg(feature = "libcrux")]
mod libcrux {
    use std::{fmt, sync::Arc};

    use libcrux_ml_kem::mlkem1024::{self, MlKem1024PrivateKey, MlKem1024PublicKey};

    use super::{Ciphertext, KeyBytes, MlKem, SEED_LEN_BYTES, Secret};

    /// Rust with vector instructions for those processors that have them.
    #[derive(Clone, Copy, Debug)]
    pub struct Libcrux;

    /// An encapsulation key whose coefficients were found below the modulus.
    #[derive(Clone)]
    pub struct CheckedKey(MlKem1024PublicKey);

    impl fmt::Debug for CheckedKey {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("CheckedKey").finish_non_exhaustive()
        }
    }

    impl MlKem for Libcrux {
        type DecapsulationKey = Arc<MlKem1024PrivateKey>;
        type EncapsulationKey = CheckedKey;

        fn key_pair(seed: &[u8; SEED_LEN_BYTES]) -> (Self::DecapsulationKey, KeyBytes) {
            let (key, public) = mlkem1024::generate_key_pair(*seed).into_parts();
            (Arc::new(key), public.into())
        }

        fn read(key: &KeyBytes) -> Option<CheckedKey> {
            let key = MlKem1024PublicKey::from(key);
            mlkem1024::validate_public_key(&key).then_some(CheckedKey(key))
        }

        fn encapsulate(key: &CheckedKey, message: &[u8; 32]) -> (Ciphertext, Secret) {
            let (ciphertext, secret) = mlkem1024::encapsulate(&key.0, *message);
            (ciphertext.into(), secret)
        }

        fn decapsulate(key: &Self::DecapsulationKey, ciphertext: &Ciphertext) -> Secret {
            mlkem1024::decapsulate(key, &ciphertext.into())
        }
    }
}
