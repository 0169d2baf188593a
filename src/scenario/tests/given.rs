//! Mistakes in what a peer is given.

use super::*;
use crate::scenario::fixtures::PROBE;

#[test]
fn given_that_does_not_fit_together_then_refused() {
    for (given, place, words) in [
        (
            "{ repos: [{ name: a }, { name: a }] }",
            "7:39",
            "the name `a` is taken",
        ),
        (
            "{ repos: [{ name: token }] }",
            "7:26",
            "the name `token` is taken",
        ),
        (
            "{ repos: [{ name: guid-of-a }] }",
            "7:26",
            "the name `guid-of-a` is taken",
        ),
        (
            "{ repos: [{ name: uri-of-a }] }",
            "7:26",
            "the name `uri-of-a` is taken",
        ),
        (
            "{ repos: [{ name: A }] }",
            "7:26",
            "expected a name of letters",
        ),
        (
            "{ repos: [{ name: a, sharde: true }] }",
            "7:29",
            "did you mean `shared`",
        ),
        (
            "{ plans: [{ name: p, repo: r }] }",
            "7:35",
            "unknown repository `r`",
        ),
        (
            "{ operations: [{ name: o, plan: p, modno: 1 }] }",
            "7:40",
            "unknown plan `p`",
        ),
        ("{ strangers: 51 }", "7:21", "at most 50 strangers"),
        (
            "{ others: { peer: {} } }",
            "7:20",
            "the name `peer` is taken",
        ),
        (
            "{ repos: [{ name: r }], peer: { permissions: [{ type: read-config, scopes: ['repo:r'] }] } }",
            "7:84",
            "write `repo:$r`",
        ),
        (
            "{ peer: { permissions: [{ type: read-confg }] } }",
            "7:40",
            "did you mean `read-config`",
        ),
        (
            "{ peer: { permissions: [{ type: read-config, scopes: ['repo:$r'] }] } }",
            "7:62",
            "unknown variable `r`",
        ),
    ] {
        assert_problem(&format!("{VALID}given: {given}\n"), place, &[words]);
    }
    let without_token = with_steps("  - establish: { secret: $token }\n  - fence\n");
    assert_problem(&without_token, "5:26", &["unknown variable `token`"]);
}

#[test]
fn another_session_is_asked_in_a_role_then_the_peer_knows_its_identity_there() {
    let probes = |text: &str| {
        let case = &cases(text)[0];
        [Role::Responder, Role::Initiator].map(|role| {
            let scenario = case.instantiate(role, RpcProtocol::Grpc).unwrap();
            let probe = scenario.fixtures.identity(PROBE);
            probe.map(|identity| identity.known)
        })
    };
    assert_eq!(probes(VALID), [None, None]);
    let probe = with_steps("  - establish\n  - probe: serves-a-new-session\n");
    assert_eq!(probes(&probe), [Some(true), Some(true)]);
    // A host that refuses ends the stream, or tells by a status; a client's other session tells.
    let refused = with_steps("  - establish\n  - expect-refused\n");
    assert_eq!(probes(&refused), [None, Some(true)]);
}
