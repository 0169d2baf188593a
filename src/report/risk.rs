//! What somebody risks who runs a peer that breaks a rule. One sentence a rule, or one for the rest of its area.

use crate::rules::RuleId;

/// The sentence for a rule, as a report quotes it.
pub fn risk(rule: RuleId) -> &'static str {
    let id = rule.as_str();
    RULES
        .iter()
        .find(|(of, _)| *of == id)
        .or_else(|| {
            AREAS
                .iter()
                .find(|(area, _)| id.split('.').next() == Some(area))
        })
        // A test holds the tables to every rule.
        .map_or("", |(_, text)| text)
}

const RULES: &[(&str, &str)] = &[
    (
        "rpc.no-compression-unasked",
        "Peers that did not ask for compression can't read what it sends.",
    ),
    (
        "rpc.envelope-faults-close",
        "A stream cut in the middle passes for one that ended well.",
    ),
    (
        "rpc.end-has-status",
        "The other side can't tell an orderly end from a lost connection, and may retry for ever or not at all.",
    ),
    (
        "rpc.deadline-ends-stream",
        "Streams that their callers gave up stay open and pile up.",
    ),
    (
        "wire.int64-full-range",
        "Operations with large ids are mixed up or lost.",
    ),
    (
        "wire.malformed-ends-session",
        "Garbage is taken for messages, with whatever it happens to say.",
    ),
    (
        "transport.responder-silent-before",
        "It tells strangers something before there is any encryption.",
    ),
    (
        "transport.version-exact-responder",
        "A caller can lead it into a protocol that nobody agreed on.",
    ),
    (
        "transport.version-exact-initiator",
        "A host can lead it into a protocol that nobody agreed on.",
    ),
    (
        "transport.mlkem-key-canonical",
        "Two spellings of one key: the binding between the key exchange and the identities weakens.",
    ),
    (
        "transport.point-valid-responder",
        "Points off the curve can draw its half of the key out bit by bit.",
    ),
    (
        "transport.point-valid-initiator",
        "Points off the curve can draw its half of the key out bit by bit.",
    ),
    (
        "transport.implicit-rejection",
        "Telling a spoilt ciphertext apart gives an attacker an oracle on the private key.",
    ),
    (
        "transport.fresh-key",
        "One stolen key opens every session it was used for, past ones too.",
    ),
    (
        "transport.fresh-encapsulation",
        "Two sessions share their keys, and with them every nonce: both can be read and forged.",
    ),
    (
        "transport.encrypted-after-key-exchange",
        "Whoever sits on the path reads what is sent in the clear.",
    ),
    (
        "transport.wait-bounded",
        "Idle strangers fill it up with open streams.",
    ),
    (
        "envelope.nonce-starts-at-zero",
        "Peers that count from zero can't open its first message.",
    ),
    (
        "envelope.nonce-counts-up",
        "A nonce used twice gives away both messages and the key that authenticates them.",
    ),
    (
        "envelope.replay-refused",
        "Whoever sits on the path can play recorded messages again.",
    ),
    (
        "envelope.gap-refused",
        "Whoever sits on the path can drop messages unnoticed.",
    ),
    (
        "envelope.nonce-is-compared",
        "Two readings of one message: other implementations end the session where it goes on.",
    ),
    (
        "envelope.tag-checked",
        "Whoever sits on the path can change messages.",
    ),
    (
        "envelope.direction-keys",
        "Whoever sits on the path can send its own messages back to it.",
    ),
    (
        "envelope.plaintext-refused",
        "Whoever sits on the path can put in messages of their own, without any key.",
    ),
    (
        "envelope.first-fault-is-final",
        "An attacker may try as often as they like within one session.",
    ),
    ("handshake.unknown-key-refused", "Anybody is let in."),
    (
        "handshake.signature-valid",
        "Anybody who knows a public key can pass for its owner.",
    ),
    (
        "handshake.signature-present",
        "Anybody who knows a public key can pass for its owner.",
    ),
    (
        "handshake.binds-transcript",
        "A handshake once seen can be used again by whoever saw it: a man in the middle stays unseen.",
    ),
    (
        "handshake.splice-refused",
        "A man in the middle reads and changes everything.",
    ),
    (
        "handshake.replay-refused",
        "A handshake once seen can be used again by whoever saw it.",
    ),
    (
        "handshake.reflection-refused",
        "A stranger passes for the peer by sending its own words back.",
    ),
    (
        "handshake.low-order-key-refused",
        "One signature is good for every session: such a key proves nothing.",
    ),
    (
        "handshake.malleable-signature-refused",
        "Two signatures for one message: logs and caches of signatures can be fooled.",
    ),
    (
        "handshake.nothing-before-verified",
        "Configuration and operations are told to somebody who has not proved who they are.",
    ),
    (
        "handshake.no-secret-from-responder",
        "A secret is given away that nobody asked for.",
    ),
    (
        "handshake.secret-after-verification",
        "The pairing secret is told to whoever answers the call.",
    ),
    (
        "handshake.expected-host",
        "Another host than the one that was meant receives the backups' metadata.",
    ),
    (
        "handshake.wait-15s",
        "Strangers who never introduce themselves hold streams open.",
    ),
    ("pairing.unknown-secret-refused", "Anybody can pair."),
    (
        "pairing.expired-refused",
        "An old invitation, from a chat or a log, still lets a stranger in.",
    ),
    (
        "pairing.used-up-refused",
        "An invitation for one lets in many.",
    ),
    (
        "pairing.counts-each-use",
        "An invitation for one lets in many.",
    ),
    (
        "pairing.race-admits-exactly",
        "An invitation for one lets in many, if they come at once.",
    ),
    (
        "pairing.taken-instance-id-refused",
        "A newcomer takes the name, and the view, of a client that is already there.",
    ),
    (
        "pairing.only-token-permissions",
        "A paired client may do more than it was invited to.",
    ),
    (
        "permissions.no-scopes-means-all",
        "Grants that work with deployed peers show nothing with this one.",
    ),
    (
        "responder.survives",
        "One bad caller takes the host down for everybody.",
    ),
    (
        "responder.idle-clients-do-not-block",
        "One slow caller holds up everybody.",
    ),
    (
        "responder.large-items",
        "One large message takes the host down, or busy clients can't sync.",
    ),
    (
        "responder.manifest-own-only",
        "One client deletes another's history.",
    ),
    (
        "responder.manifest-deletes-absent",
        "Operations that were deleted on a client stay in the host's history for ever.",
    ),
    (
        "responder.manifest-lengths",
        "A message that contradicts itself deletes operations.",
    ),
    (
        "responder.operations-owner",
        "A client can write history in another's name.",
    ),
    (
        "responder.operations-isolated",
        "Two clients overwrite each other's history.",
    ),
    (
        "responder.host-only-actions-refused",
        "A client makes the host do what only hosts may ask for.",
    ),
    (
        "responder.revoked-client-ends",
        "A client that was thrown out goes on reading.",
    ),
    (
        "responder.revoked-client-refused",
        "A client that was thrown out comes back.",
    ),
    (
        "responder.changed-client-ends",
        "A permission that was taken away still works.",
    ),
    (
        "responder.config-filtered",
        "Clients see repositories and plans that are none of their business, passwords included.",
    ),
    (
        "responder.resources-filtered",
        "Clients learn of repositories and plans that are none of their business.",
    ),
    (
        "responder.shared-repos-only-shared",
        "Repositories, passwords included, are handed to clients though nobody shared them.",
    ),
    (
        "responder.shared-repos-in-scope",
        "Repositories, passwords included, are handed to clients that they were not shared with.",
    ),
    (
        "initiator.config-filtered",
        "The host sees repositories and plans that are none of its business, passwords included.",
    ),
    (
        "initiator.serves-only-permitted",
        "The host reads operations that it has no permission for.",
    ),
    (
        "initiator.manifest-in-scope",
        "The host learns of operations that it has no permission for.",
    ),
    (
        "initiator.set-config-plan-permission",
        "A host without permission changes what is backed up, and runs hooks of its choice.",
    ),
    (
        "initiator.set-config-repo-permission",
        "A host without permission changes where backups go.",
    ),
    (
        "initiator.set-config-foreign-repo",
        "One host redirects the backups that go to another.",
    ),
    (
        "initiator.set-config-delete-permission",
        "A host without permission ends backups.",
    ),
    (
        "initiator.set-config-all-or-nothing",
        "A refused change is half done.",
    ),
    (
        "initiator.set-config-invalid-result",
        "The client is left with a configuration that it can't start from.",
    ),
    (
        "initiator.backs-off",
        "It hammers a host that is in trouble already.",
    ),
    (
        "initiator.redials-after-end",
        "After one hiccup it is never heard of again.",
    ),
    (
        "initiator.hosts-independent",
        "One bad host cuts the client off from all others.",
    ),
    (
        "initiator.survives",
        "One bad host takes the client down, and its backups with it.",
    ),
    (
        "close.failure-is-not-ok",
        "A refusal passes for success, so nobody looks into it.",
    ),
    (
        "close.no-secrets-in-message",
        "Secrets end up in the logs of the other side.",
    ),
    (
        "close.promptly",
        "A refused caller waits, and its user does not learn why.",
    ),
    (
        "state.slow-subscriber-harmless",
        "One browser tab left open holds up syncing.",
    ),
    (
        "state.needs-authentication",
        "Anybody on the network reads and changes what connected peers do.",
    ),
];

const AREAS: &[(&str, &str)] = &[
    (
        "rpc",
        "Peers that speak the other RPC protocol, or go through a proxy, can't talk to it.",
    ),
    (
        "wire",
        "It and other implementations read the same bytes differently.",
    ),
    (
        "transport",
        "No common key comes about with other implementations, or one that an attacker had a hand in.",
    ),
    (
        "envelope",
        "Messages can be forged, changed or put in; or other implementations can't read them.",
    ),
    (
        "handshake",
        "Somebody passes for who they are not; or honest peers are refused.",
    ),
    (
        "pairing",
        "Strangers get in by an invitation; or invited clients don't.",
    ),
    (
        "permissions",
        "Peers see or change more than they were granted; or less.",
    ),
    (
        "responder",
        "Clients and this host hold different views of operations and configuration.",
    ),
    (
        "initiator",
        "Hosts and this client hold different views of operations and configuration.",
    ),
    (
        "close",
        "The other side can't tell what went wrong, and acts on a guess.",
    ),
    (
        "state",
        "Whoever watches or steers the host sees something other than what is.",
    ),
    (
        "signed-message",
        "Messages pass that were not written by whom they name, or long ago.",
    ),
    ("logs", "Logs can't be read from the other side."),
    ("throttle", "It floods a peer that asked it to slow down."),
    (
        "capability",
        "The target file is wrong about the peer: cases are skipped that should be played, or the other way round.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::ALL;

    #[test]
    fn every_rule_then_a_sentence() {
        for rule in ALL {
            let text = risk(*rule);
            assert!(text.ends_with('.') && text.len() > 10, "{rule}: {text}");
        }
    }

    #[test]
    fn every_line_of_the_tables_then_about_a_rule_that_exists() {
        for (id, _) in RULES {
            assert!(id.parse::<RuleId>().is_ok(), "{id}");
        }
        for (area, _) in AREAS {
            let prefix = format!("{area}.");
            assert!(
                ALL.iter().any(|rule| rule.as_str().starts_with(&prefix)),
                "{area}"
            );
        }
    }
}
