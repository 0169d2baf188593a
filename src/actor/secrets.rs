//! What a peer must not say where others may read it.

use std::collections::BTreeMap;

use base64::{
    Engine as _,
    prelude::{
        BASE64_STANDARD_NO_PAD as STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD as URL_SAFE_NO_PAD,
    },
};

use super::side::Side;
use crate::{
    rules::RuleId,
    scenario::fixtures::Fixtures,
    session::Violation,
    trace::{End, EventKind},
};

/// A status message that repeats what nobody else should read: the pairing secret, or a key of a session.
pub(super) fn told(
    end: &End,
    fixtures: &Fixtures,
    sides: &BTreeMap<String, Side>,
) -> Option<EventKind> {
    let End::Status { message, .. } = end else {
        return None;
    };
    let violation = |seen: &str| {
        EventKind::Broke(Violation::session(
            RuleId::CloseNoSecretsInMessage,
            seen.to_owned(),
        ))
    };
    if let Some(token) = &fixtures.token
        && message.contains(token.secret.as_str())
    {
        return Some(violation("the pairing secret in a status message"));
    }
    let keyed = sides.values().filter_map(|side| side.keyed.as_ref());
    keyed
        .flat_map(|keyed| [keyed.seal_key, keyed.other_key])
        .any(|key| {
            texts_of(&key)
                .iter()
                .any(|text| message.contains(text.as_str()))
        })
        .then(|| violation("a key of a session in a status message"))
}

/// How programs write bytes: hexadecimal in either case, and base64 in either alphabet. Padding only follows.
fn texts_of(key: &[u8; 32]) -> [String; 4] {
    let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    let upper = hex.to_uppercase();
    [
        hex,
        upper,
        STANDARD_NO_PAD.encode(key),
        URL_SAFE_NO_PAD.encode(key),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_in_any_writing_then_found() {
        let [hex, upper, standard, url_safe] = texts_of(&[0xfb; 32]);
        assert!(hex.starts_with("fbfb") && upper.starts_with("FBFB"));
        assert!(standard.starts_with("+/v7") && url_safe.starts_with("-_v7"));
    }
}
