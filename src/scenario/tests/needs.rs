//! What a peer must have for a case to be played: a case too few is a defect that is overlooked, one too many an alarm.

use std::collections::BTreeSet;

use super::*;
use crate::rules::Capability::{
    self, ClientHook, Hook, OperationsProvisioned, Pairing, StateAuthentication, StateService,
};

/// Those of a case for this role, with this `given` and these steps, whose rules need nothing.
fn needs(role: Role, given: &str, steps: &str) -> BTreeSet<Capability> {
    let target = match role {
        Role::Responder => "responder",
        Role::Initiator => "initiator",
    };
    let text = format!(
        "about: A claim.\nrules: [wire.unknown-fields-ignored]\ntarget: {target}\ngiven: {given}\nsteps:\n  - establish\n{steps}  - fence\n"
    );
    scenario(&text).needs()
}

#[test]
fn step_then_what_it_cannot_do_without() {
    let on_host: [(&str, &[Capability]); 8] = [
        ("", &[]),
        (
            "  - expect-state: { is: { state: CONNECTION_STATE_CONNECTED } }\n",
            &[StateService],
        ),
        ("  - expect-snapshot: { with: [peer] }\n", &[StateService]),
        (
            "  - subscribe\n  - expect-update: { is: {} }\n",
            &[StateService],
        ),
        (
            "  - set-client-config: { to: peer, request: { reposToDelete: [r] } }\n",
            &[StateService],
        ),
        (
            "  - set-client-config: { to: peer, request: { reposToDelete: [r] }, code: unauthenticated }\n    deviate: { state-headers: missing }\n",
            &[StateService, StateAuthentication],
        ),
        ("  - expect-config: { with: { peer: {} } }\n", &[Hook]),
        ("  - expect-operations: { are: [] }\n", &[Hook]),
    ];
    for (steps, expected) in on_host {
        let expected: BTreeSet<Capability> = expected.iter().copied().collect();
        assert_eq!(needs(Role::Responder, "{}", steps), expected, "{steps}");
    }
}

#[test]
fn change_then_the_hook_of_that_role() {
    let repos = "{ repos: [{ name: photos }] }";
    let share = "  - change-config: { share-repo: photos }\n";
    assert_eq!(needs(Role::Responder, repos, share), [Hook].into());
    let permit = "  - change-config: { permit-host: { host: peer, permissions: [] } }\n";
    assert_eq!(needs(Role::Initiator, "{}", permit), [ClientHook].into());
    let operations = "{ repos: [{ name: photos }], plans: [{ name: daily, repo: photos }], operations: [{ name: first, plan: daily, modno: 1 }] }";
    let change = "  - change-operations: { put: first }\n";
    assert_eq!(
        needs(Role::Initiator, operations, change),
        [ClientHook, OperationsProvisioned].into()
    );
}

#[test]
fn given_then_what_it_is_provisioned_with() {
    assert_eq!(
        needs(Role::Responder, "{ token: { max-uses: 1 } }", ""),
        [Pairing].into()
    );
    assert_eq!(needs(Role::Initiator, "{}", ""), [].into());
}
