//! What a handshake that verified says of the peer.

use super::*;

fn read_of(expected: &str, said: VerifiedPeer) -> Reading {
    let steps = format!("steps:\n  - connect\n  - expect: {{ handshake: {expected} }}\n");
    let events = vec![EventKind::Opened, EventKind::Verified(said)];
    reading(&case(Role::Initiator, &steps), &main(events))
}

fn peer(instance_id: &str, pairing_secret: &str) -> VerifiedPeer {
    VerifiedPeer {
        keyid: "ed25519.x".to_owned(),
        instance_id: instance_id.to_owned(),
        pairing_secret: pairing_secret.to_owned(),
    }
}

#[test]
fn what_it_says_then_compared() {
    for expected in ["{ instanceId: laptop }", "{ pairingSecret: s }", "{}"] {
        assert_eq!(read_of(expected, peer("laptop", "s")), met_at(1));
    }
    assert_eq!(
        read_of("{ pairingSecret: null }", peer("laptop", "")),
        met_at(1)
    );
}

#[test]
fn another_secret_then_a_failure_that_names_the_field() {
    for (expected, secret) in [
        ("{ pairingSecret: s }", ""),
        ("{ pairingSecret: s }", "t"),
        ("{ pairingSecret: null }", "t"),
    ] {
        let seen = what_was_seen(read_of(expected, peer("laptop", secret)));
        assert!(seen.contains("pairingSecret"), "{seen}");
    }
    let seen = what_was_seen(read_of("{ instanceId: laptop }", peer("other", "s")));
    assert!(seen.contains("instanceId"), "{seen}");
}
