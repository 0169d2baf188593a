//! What Ed25519 came to before. It is deterministic, so a fuzz target, which says the same handshakes over and over, gets the
//! same bytes and the same answers without the same arithmetic, which is most of the time of a short dialogue.

use std::{cell::RefCell, collections::HashMap, thread::LocalKey};

use ed25519_dalek::{Signer, SigningKey};

use super::identity::{IdentityError, KeyPolicy, PUBLIC_KEY_LEN_BYTES, SIGNATURE_LEN_BYTES};

/// Answers remembered of each kind; once there are so many, all are forgotten.
const REMEMBERED_MAX: usize = 4096;
/// Longest message remembered; what a handshake signs is a hash of 32 bytes.
const MESSAGE_MAX_BYTES: usize = 64;

type Answers<T> = RefCell<HashMap<Vec<u8>, T>>;
type Verdict = Result<(), IdentityError>;

thread_local! {
    static SIGNATURES: Answers<[u8; SIGNATURE_LEN_BYTES]> = RefCell::default();
    static KEYS: Answers<Verdict> = RefCell::default();
    static VERDICTS: Answers<Verdict> = RefCell::default();
}

/// The signature of a message.
pub(super) fn signature(key: &SigningKey, message: &[u8]) -> [u8; SIGNATURE_LEN_BYTES] {
    remembered(&SIGNATURES, &[key.as_bytes()], message, || {
        key.sign(message).to_bytes()
    })
}

/// Whether a public key may be one, as `check` says.
pub(super) fn key(
    public_key: &[u8; PUBLIC_KEY_LEN_BYTES],
    check: fn(&[u8; PUBLIC_KEY_LEN_BYTES]) -> Verdict,
) -> Verdict {
    remembered(&KEYS, &[], public_key, || check(public_key))
}

/// Whether this is a signature, as `check` says.
pub(super) fn verdict(
    policy: KeyPolicy,
    public_key: &[u8; PUBLIC_KEY_LEN_BYTES],
    message: &[u8],
    signature: &[u8; SIGNATURE_LEN_BYTES],
    check: impl FnOnce() -> Verdict,
) -> Verdict {
    let policy = [policy as u8];
    let question: [&[u8]; 3] = [&policy, public_key, signature];
    remembered(&VERDICTS, &question, message, check)
}

/// The answer to what these parts, of fixed lengths each, ask of a message.
fn remembered<T: Clone>(
    answers: &'static LocalKey<Answers<T>>,
    parts: &[&[u8]],
    message: &[u8],
    anew: impl FnOnce() -> T,
) -> T {
    if message.len() > MESSAGE_MAX_BYTES {
        return anew();
    }
    let mut question = parts.concat();
    question.extend_from_slice(message);
    let known = answers.with_borrow(|answers| answers.get(&question).cloned());
    known.unwrap_or_else(|| {
        let answer = anew();
        answers.with_borrow_mut(|answers| {
            if answers.len() >= REMEMBERED_MAX {
                answers.clear();
            }
            answers.insert(question, answer.clone());
        });
        answer
    })
}
