//! The pairing token's text: `<keyid>:<secret>#<instance id>` (`docs/protocol.md`, section 4).

use std::{error::Error, fmt, str::FromStr};

use super::identity::KEYID_PREFIX;

/// Characters of a secret that a host makes: 32 random bytes in lower-case hex.
pub const SECRET_LEN_CHARS: usize = 64;

const KEYID_HASH_LEN_CHARS: usize = 43;

/// What a host hands to a client that is to pair with it. Debug does not print the secret.
#[derive(Clone, PartialEq, Eq)]
pub struct PairingToken {
    /// The host's key id.
    pub keyid: String,
    /// The pairing secret.
    pub secret: String,
    /// The host's instance id.
    pub instance_id: String,
}

impl PairingToken {
    /// [`PairingToken::from_str`] that also refuses what no host would make: the text says nothing of it, and
    /// deployed peers take it.
    ///
    /// # Errors
    /// Those of [`PairingToken::from_str`]; [`TokenError::KeyIdForm`] unless the key id looks like one,
    /// [`TokenError::SecretForm`] unless the secret is 64 lower-case hex digits, [`TokenError::InstanceIdForm`] when
    /// the instance id has white space at an end or control characters.
    pub fn parse_strict(text: &str) -> Result<Self, TokenError> {
        let token = Self::from_str(text)?;
        if !is_keyid(&token.keyid) {
            return Err(TokenError::KeyIdForm);
        }
        if !is_secret(&token.secret) {
            return Err(TokenError::SecretForm);
        }
        let id = &token.instance_id;
        if id.trim() != id || id.contains(char::is_control) {
            return Err(TokenError::InstanceIdForm);
        }
        Ok(token)
    }
}

impl FromStr for PairingToken {
    type Err = TokenError;

    /// Splits at the last `#`, then at the first `:` before it; nothing is trimmed or decoded.
    fn from_str(text: &str) -> Result<Self, TokenError> {
        let (rest, instance_id) = text
            .rsplit_once('#')
            .ok_or(TokenError::NoInstanceIdSeparator)?;
        let (keyid, secret) = rest.split_once(':').ok_or(TokenError::NoSecretSeparator)?;
        if keyid.is_empty() {
            return Err(TokenError::KeyIdEmpty);
        }
        if secret.is_empty() {
            return Err(TokenError::SecretEmpty);
        }
        if instance_id.is_empty() {
            return Err(TokenError::InstanceIdEmpty);
        }
        Ok(PairingToken {
            keyid: keyid.to_owned(),
            secret: secret.to_owned(),
            instance_id: instance_id.to_owned(),
        })
    }
}

impl fmt::Display for PairingToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}#{}", self.keyid, self.secret, self.instance_id)
    }
}

impl fmt::Debug for PairingToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PairingToken")
            .field("keyid", &self.keyid)
            .field("instance_id", &self.instance_id)
            .finish_non_exhaustive()
    }
}

/// Why a text is not a pairing token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenError {
    /// There is no `#`.
    NoInstanceIdSeparator,
    /// There is no `:` before the last `#`.
    NoSecretSeparator,
    /// Nothing stands before the first `:`.
    KeyIdEmpty,
    /// Nothing stands between the separators.
    SecretEmpty,
    /// Nothing stands after the last `#`.
    InstanceIdEmpty,
    /// Strictly: the key id is not `ed25519.` and 43 characters of base64url.
    KeyIdForm,
    /// Strictly: the secret is not 64 lower-case hex digits.
    SecretForm,
    /// Strictly: the instance id has white space at an end, or control characters.
    InstanceIdForm,
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TokenError::NoInstanceIdSeparator => "expected '#' before the instance id, saw none",
            TokenError::NoSecretSeparator => "expected ':' between key id and secret, saw none",
            TokenError::KeyIdEmpty => "expected a key id before ':', saw nothing",
            TokenError::SecretEmpty => "expected a secret after ':', saw nothing",
            TokenError::InstanceIdEmpty => "expected an instance id after '#', saw nothing",
            TokenError::KeyIdForm => "expected an ed25519 key id, saw another text",
            TokenError::SecretForm => {
                "expected a secret of 64 lower-case hex digits, saw another text"
            }
            TokenError::InstanceIdForm => {
                "expected an instance id without outer white space and control characters, saw some"
            }
        })
    }
}

impl Error for TokenError {}

fn is_keyid(text: &str) -> bool {
    text.strip_prefix(KEYID_PREFIX).is_some_and(|hash| {
        hash.len() == KEYID_HASH_LEN_CHARS
            && hash
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    })
}

fn is_secret(text: &str) -> bool {
    text.len() == SECRET_LEN_CHARS && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_at_fault_then_the_strict_reading_says_which() {
        let (hash, secret) = (
            "A".repeat(KEYID_HASH_LEN_CHARS),
            "0".repeat(SECRET_LEN_CHARS),
        );
        let read = |hash: &str, secret: &str, instance_id: &str| {
            let text = format!("{KEYID_PREFIX}{hash}:{secret}#{instance_id}");
            assert!(text.parse::<PairingToken>().is_ok(), "{text}");
            PairingToken::parse_strict(&text).err()
        };
        assert_eq!(read(&hash, &secret, "host"), None);
        for other in [&hash[1..], &format!("{hash}A"), &format!("+{}", &hash[1..])] {
            assert_eq!(read(other, &secret, "host"), Some(TokenError::KeyIdForm));
        }
        for other in [
            &secret[1..],
            &format!("{secret}0"),
            &format!("F{}", &secret[1..]),
        ] {
            assert_eq!(read(&hash, other, "host"), Some(TokenError::SecretForm));
        }
        for other in [" host", "host ", "ho\u{7f}st"] {
            assert_eq!(
                read(&hash, &secret, other),
                Some(TokenError::InstanceIdForm)
            );
        }
    }
}
