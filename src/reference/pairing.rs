//! The host's check of a pairing secret against its tokens (`docs/protocol.md`, section 4).

use std::{error::Error, fmt};

use subtle::ConstantTimeEq;

use crate::wire::v1::multihost::PairingToken;

/// The token that admits a client with this secret, as an index into `tokens`. The first token with an equal secret
/// decides, even when a later one would admit.
///
/// A token is good up to and including its expiry second; an expiry, and a number of uses, of 0 or less is no limit.
///
/// # Errors
/// [`PairingRefusal`], of the first check that fails.
pub fn select_token(
    secret: &str,
    tokens: &[PairingToken],
    now_unix: i64,
) -> Result<usize, PairingRefusal> {
    if secret.is_empty() {
        return Err(PairingRefusal::SecretEmpty);
    }
    let (index, token) = tokens
        .iter()
        .enumerate()
        .find(|(_, token)| token.secret.as_bytes().ct_eq(secret.as_bytes()).into())
        .ok_or(PairingRefusal::SecretUnknown)?;
    if token.expires_at_unix > 0 && now_unix > token.expires_at_unix {
        return Err(PairingRefusal::Expired {
            expires_at_unix: token.expires_at_unix,
            now_unix,
        });
    }
    if token.max_uses > 0 && token.uses >= token.max_uses {
        return Err(PairingRefusal::UsedUp {
            max_uses: token.max_uses,
            uses: token.uses,
        });
    }
    Ok(index)
}

/// Why a pairing secret admits nobody. It is for our own log: the peer is told only that it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PairingRefusal {
    /// No secret was sent.
    SecretEmpty,
    /// No token has this secret.
    SecretUnknown,
    /// The token's time is over.
    Expired {
        /// Last good second since the epoch.
        expires_at_unix: i64,
        /// Seconds since the epoch.
        now_unix: i64,
    },
    /// The token's uses are spent.
    UsedUp {
        /// Uses it was made for.
        max_uses: i32,
        /// Uses counted.
        uses: i32,
    },
}

impl fmt::Display for PairingRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PairingRefusal::SecretEmpty => f.write_str("expected a pairing secret, saw none"),
            PairingRefusal::SecretUnknown => {
                f.write_str("expected the secret of a token, saw another")
            }
            PairingRefusal::Expired {
                expires_at_unix,
                now_unix,
            } => {
                write!(
                    f,
                    "expected a token that lasts until {now_unix}, saw it end at {expires_at_unix}"
                )
            }
            PairingRefusal::UsedUp { max_uses, uses } => {
                write!(
                    f,
                    "expected a token with uses left, saw {uses} of {max_uses} spent"
                )
            }
        }
    }
}

impl Error for PairingRefusal {}
