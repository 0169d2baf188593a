//! What the library remembers of Ed25519 for the fuzz targets: the same answers as without, each to its own question.

use syncspec::crypto::identity::{Identity, KeyPolicy, PeerKey, verify_signature};

#[test]
fn signed_and_verified_again_then_the_same_and_nothing_else_passes_for_it() {
    let (one, other) = (Identity::from_seed(&[1; 32]), Identity::from_seed(&[2; 32]));
    let (message, another) = ([3; 32], [4; 32]);
    let signature = one.sign(&message);
    assert_eq!(one.sign(&message), signature);
    assert_ne!(one.sign(&another), signature);
    assert_ne!(other.sign(&message), signature);
    let mut forged = signature;
    forged[0] ^= 1;
    for _ in 0..2 {
        for policy in [KeyPolicy::Strict, KeyPolicy::Deployed] {
            let verify = |identity: &Identity, message: &[u8], signature: &[u8]| {
                verify_signature(policy, &identity.public_key(), message, signature).is_ok()
            };
            assert!(verify(&one, &message, &signature));
            assert!(!verify(&one, &another, &signature));
            assert!(!verify(&other, &message, &signature));
            assert!(!verify(&one, &message, &forged));
            assert!(!verify(&one, &message, &signature[..63]));
        }
    }
}

#[test]
fn key_of_small_order_then_each_policy_has_its_own_answer_each_time() {
    // The neutral element: a point that is no key.
    let neutral: [u8; 32] = std::array::from_fn(|at| u8::from(at == 0));
    let text = "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let keyid = syncspec::crypto::identity::keyid_of(&neutral);
    for _ in 0..2 {
        assert!(PeerKey::decode(&keyid, text, KeyPolicy::Strict).is_err());
        assert!(PeerKey::decode(&keyid, text, KeyPolicy::Deployed).is_ok());
        let honest = Identity::from_seed(&[1; 32]);
        let key = PeerKey::decode(honest.keyid(), &honest.public_key_text(), KeyPolicy::Strict);
        assert_eq!(key, Ok(honest.peer_key()));
    }
}
