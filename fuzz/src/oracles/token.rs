//! The pairing token's text, read once more by hand.

use std::str::FromStr as _;

use syncspec::crypto::token::PairingToken;

/// All claims about one text. Bytes that are no text are none.
pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let read = PairingToken::from_str(text);
    let strict = PairingToken::parse_strict(text);
    // Section 4: split at the last `#`, then at the first `:`; all three parts are there.
    let by_hand = text.rfind('#').and_then(|hash| {
        let colon = text[..hash].find(':')?;
        let parts = [&text[..colon], &text[colon + 1..hash], &text[hash + 1..]];
        parts.iter().all(|part| !part.is_empty()).then_some(parts)
    });
    match (&read, by_hand) {
        (Ok(token), Some([keyid, secret, instance_id])) => {
            assert_eq!(
                [token.keyid.as_str(), &token.secret, &token.instance_id],
                [keyid, secret, instance_id]
            );
            assert_eq!(token.to_string(), text, "the text comes back as it was");
            let other = PairingToken {
                secret: "x".to_owned(),
                ..token.clone()
            };
            let shown = format!("{token:?}");
            assert_eq!(shown, format!("{other:?}"), "a secret is shown");
        }
        (Err(_), None) => {}
        (read, by_hand) => panic!("read as {read:?}, by hand {by_hand:?}"),
    }
    if let Ok(token) = strict {
        assert_eq!(read.ok(), Some(token.clone()), "strictly another token");
        assert_eq!(token.secret.len(), 64);
        assert!(
            token
                .secret
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        );
        assert!(token.keyid.starts_with("ed25519."));
    }
}
