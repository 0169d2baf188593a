//! Which session a step belongs to, and which steps begin one.

use super::*;

/// The steps of a case for this role.
fn steps(role: &str, steps: &str) -> Vec<Step> {
    let text = format!(
        "about: A claim.\nrules: [wire.unknown-fields-ignored]\ntarget: {role}\ngiven: {{ others: {{ witness: {{}} }}, repos: [{{ name: photos }}] }}\nsteps:\n{steps}"
    );
    scenario(&text).steps
}

#[test]
fn step_then_its_session_and_whether_it_begins_one() {
    let played = "  - establish: {}
  - establish: {}
    on: other
  - fence: {}
    on: other
  - connect: {}
    on: third
  - send: key
    on: third
  - probe: serves-a-new-session
  - expect-state: { is: {} }
  - expect-snapshot: {}
  - subscribe: {}
  - subscribe: {}
    on: reader
  - expect-update: { is: {} }
    on: reader
  - set-client-config: { to: peer, request: { reposToDelete: [r] } }
  - expect-config: { with: { peer: {} } }
  - expect-operations: { are: [] }
  - change-config: { share-repo: photos }
  - fence: {}
";
    let expected = [
        ("main", true),
        ("other", true),
        ("other", false),
        ("third", true),
        ("third", false),
        ("probe", true),
        ("state", true),
        ("state", true),
        ("states", true),
        ("reader", true),
        ("reader", false),
        ("state", true),
        ("hook", true),
        ("hook", true),
        ("hook", true),
        ("main", false),
    ];
    let steps = steps("responder", played);
    let found: Vec<_> = steps
        .iter()
        .map(|step| (step.session(), step.verb.begins_session()))
        .collect();
    assert_eq!(found, expected);
    let shown = "  - establish\n  - expect-shown: { as: witness, config: { plans: [] } }\n";
    let shown = self::steps("initiator", shown);
    assert_eq!(shown[1].session(), "shown");
    assert!(shown[1].verb.begins_session());
}
