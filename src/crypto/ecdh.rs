//! Diffie-Hellman on P-384, the slow part of a key exchange: through AWS-LC where the feature `aws-lc` is on, else in
//! portable Rust. Both give the same bytes; which one the KEM uses is settled when the crate is built.

use p384::{SecretKey, elliptic_curve::sec1::ToSec1Point};

use super::point::{self, POINT_LEN_BYTES};

/// Length of a private scalar, big-endian.
pub const SCALAR_LEN_BYTES: usize = 48;
/// Length of a coordinate, big-endian.
pub const COORDINATE_LEN_BYTES: usize = 48;

/// A scalar in 1 .. n-1, big-endian.
pub type Scalar = [u8; SCALAR_LEN_BYTES];
/// An uncompressed point of the curve: `0x04`, then x and y of 48 bytes each, big-endian.
pub type Point = [u8; POINT_LEN_BYTES];

/// A private key, and the two multiplications that a key exchange needs.
pub trait EcdhKey: Clone {
    /// Takes a scalar that was found in range.
    fn from_scalar(scalar: &Scalar) -> Self;

    /// The scalar's multiple of the base point.
    fn public_point(&self) -> Point;

    /// The x coordinate, big-endian, of the scalar's multiple of a point that was found on the curve.
    fn shared_x(&self, point: &Point) -> [u8; COORDINATE_LEN_BYTES];
}

/// What the KEM computes with.
#[cfg(not(feature = "aws-lc"))]
pub type ChosenKey = PortableKey;
/// What the KEM computes with.
#[cfg(feature = "aws-lc")]
pub type ChosenKey = AwsLcKey;

/// Rust alone, in constant time.
#[derive(Clone)]
pub struct PortableKey(SecretKey);

impl EcdhKey for PortableKey {
    #[expect(
        clippy::expect_used,
        reason = "callers hold scalars that is_scalar, this very call, found in range"
    )]
    fn from_scalar(scalar: &Scalar) -> Self {
        let key = SecretKey::from_bytes(&(*scalar).into());
        PortableKey(key.expect("the scalar was found in range"))
    }

    fn public_point(&self) -> Point {
        let mut point = [0; POINT_LEN_BYTES];
        point.copy_from_slice(self.0.public_key().to_sec1_point(false).as_bytes());
        point
    }

    #[expect(
        clippy::expect_used,
        reason = "callers hold points that point::parse, this very call, found on the curve"
    )]
    fn shared_x(&self, point: &Point) -> [u8; COORDINATE_LEN_BYTES] {
        let point = point::parse(point).expect("the point was found on the curve");
        let shared = p384::ecdh::diffie_hellman(self.0.to_nonzero_scalar(), point.as_affine());
        (*shared.raw_secret_bytes()).into()
    }
}

/// Whether these bytes are a scalar in 1 .. n-1.
pub(super) fn is_scalar(bytes: &Scalar) -> bool {
    SecretKey::from_bytes(&(*bytes).into()).is_ok()
}

#[cfg(feature = "aws-lc")]
pub use aws_lc::AwsLcKey;

#[cfg(feature = "aws-lc")]
#[expect(
    clippy::expect_used,
    reason = "scalars are in range and points on the curve, so AWS-LC can fail for want of memory only"
)]
mod aws_lc {
    use std::sync::Arc;

    use aws_lc_rs::{
        agreement::{ECDH_P384, PrivateKey, UnparsedPublicKey, agree},
        error::Unspecified,
    };

    use super::{COORDINATE_LEN_BYTES, EcdhKey, POINT_LEN_BYTES, Point, Scalar};

    /// AWS-LC's key, which has assembly for common processors.
    #[derive(Clone)]
    pub struct AwsLcKey(Arc<PrivateKey>);

    impl EcdhKey for AwsLcKey {
        fn from_scalar(scalar: &Scalar) -> Self {
            let key = PrivateKey::from_private_key(&ECDH_P384, scalar);
            AwsLcKey(Arc::new(key.expect("the scalar was found in range")))
        }

        fn public_point(&self) -> Point {
            let public = self.0.compute_public_key();
            let public = public.expect("a private key has a public one");
            let mut point = [0; POINT_LEN_BYTES];
            point.copy_from_slice(public.as_ref());
            point
        }

        fn shared_x(&self, point: &Point) -> [u8; COORDINATE_LEN_BYTES] {
            let peer = UnparsedPublicKey::new(&ECDH_P384, point);
            let taken = agree(&self.0, peer, Unspecified, |secret| {
                let mut x = [0; COORDINATE_LEN_BYTES];
                x.copy_from_slice(secret);
                Ok(x)
            });
            taken.expect("a scalar in range and a point on the curve agree")
        }
    }
}
