//! The host's check of a pairing secret against its tokens (`docs/protocol.md`, section 4).

use std::{error::Error, fmt};

use subtle::ConstantTimeEq;

use crate::{
    lapses::{Lapse, Lapses},
    wire::v1::multihost::PairingToken,
};

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
    select_token_lapsing(secret, tokens, now_unix, Lapses::NONE)
}

/// [`select_token`], as a host with lapses does it.
pub(super) fn select_token_lapsing(
    secret: &str,
    tokens: &[PairingToken],
    now_unix: i64,
    lapses: Lapses,
) -> Result<usize, PairingRefusal> {
    if secret.is_empty() {
        return Err(PairingRefusal::SecretEmpty);
    }
    let (index, token) = tokens
        .iter()
        .enumerate()
        .find(|(_, token)| {
            bool::from(token.secret.as_bytes().ct_eq(secret.as_bytes()))
                || passes_for(secret, &token.secret, lapses)
        })
        .ok_or(PairingRefusal::SecretUnknown)?;
    let now_unix = lapses.swap(Lapse::ExpiryInMilliseconds, now_unix, |now| now * 1000);
    let has_expiry = token.expires_at_unix > 0 || lapses.has(Lapse::ExpiryZeroIsOver);
    let is_over = has_expiry && now_unix > token.expires_at_unix;
    if is_over && !lapses.has(Lapse::ExpiryUnchecked) {
        return Err(PairingRefusal::Expired {
            expires_at_unix: token.expires_at_unix,
            now_unix,
        });
    }
    let uses_max = lapses.swap(Lapse::UsesOffByOne, token.max_uses, |max| max + 1);
    let is_limited = token.max_uses > 0 || lapses.has(Lapse::MaxUsesZeroIsSpent);
    let is_spent = is_limited && token.uses >= uses_max;
    if is_spent && !lapses.has(Lapse::UsesUnchecked) {
        return Err(PairingRefusal::UsedUp {
            max_uses: token.max_uses,
            uses: token.uses,
        });
    }
    Ok(index)
}

/// Whether a host with lapses takes one secret for another.
fn passes_for(sent: &str, token: &str, lapses: Lapses) -> bool {
    lapses.has(Lapse::SecretPrefixAccepted) && token.starts_with(sent)
        || lapses.has(Lapse::SecretTailIgnored) && sent.starts_with(token)
        || lapses.has(Lapse::SecretTrimmed) && sent.trim() == token
        || lapses.has(Lapse::AnySecretAccepted)
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
