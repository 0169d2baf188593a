//! Mistakes in steps that look at more than a stream.

use super::*;

/// A case for this role whose third step has a mistake, which is all that is found, at this column of line 11.
fn assert_found(target: &str, step: &str, column: u32, words: &str) {
    let before = match target {
        "responder" => "subscribe",
        _ => "fence",
    };
    let text = format!(
        "\
about: A claim.
rules: [wire.unknown-fields-ignored]
target: {target}
given:
  repos: [{{ name: photos }}]
  plans: [{{ name: daily, repo: photos }}]
  operations: [{{ name: first, plan: daily, modno: 1 }}]
steps:
  - establish
  - {before}
  - {step}
  - fence
"
    );
    assert_problem(&text, &format!("11:{column}"), &[words]);
}

#[test]
fn misspelt_field_of_what_is_looked_at_then_its_place() {
    for (target, step, column) in [
        ("responder", "expect-state: { is: { modn: 7 } }", 27),
        ("responder", "expect-update: { is: { modn: 7 } }", 28),
        ("initiator", "expect-shown: { config: { modn: 7 } }", 31),
        (
            "responder",
            "set-client-config: { to: peer, request: { modn: [] } }",
            47,
        ),
        (
            "responder",
            "expect-operations: { are: [{ modno: 7 }, { modn: 7 }] }",
            48,
        ),
    ] {
        assert_found(target, step, column, "unknown key `modn`");
    }
}

#[test]
fn identity_that_is_not_given_then_its_place() {
    for (target, step, column) in [
        ("responder", "connect: { as: nobody }", 20),
        ("responder", "establish: { as: nobody }", 22),
        ("initiator", "expect-shown: { as: nobody, config: {} }", 25),
        ("responder", "expect-state: { of: nobody, is: {} }", 25),
        ("responder", "expect-update: { of: nobody, is: {} }", 26),
        (
            "responder",
            "expect-operations: { of: nobody, are: [] }",
            30,
        ),
        (
            "responder",
            "set-client-config: { to: nobody, request: { reposToDelete: [r] } }",
            30,
        ),
        ("responder", "expect-snapshot: { with: [peer, nobody] }", 37),
        ("responder", "expect-snapshot: { without: [nobody] }", 34),
        ("responder", "expect-config: { with: { nobody: {} } }", 30),
        ("responder", "expect-config: { without: [nobody] }", 32),
        ("responder", "change-config: { remove-client: nobody }", 37),
        (
            "responder",
            "change-config: { permit: { client: nobody, permissions: [] } }",
            40,
        ),
        (
            "initiator",
            "change-config: { permit-host: { host: nobody, permissions: [] } }",
            43,
        ),
    ] {
        assert_found(target, step, column, "unknown identity `nobody`");
    }
}

#[test]
fn change_that_is_none_or_not_given_then_refused() {
    const ONE: &str = "exactly one change";
    const OF_OPERATIONS: &str = "`put: NAME`";
    for (target, step, column, words) in [
        ("responder", "change-config: {}", 20, ONE),
        (
            "responder",
            "change-config: { share-repo: photos, remove-client: peer }",
            20,
            ONE,
        ),
        (
            "responder",
            "change-config: { permit-host: { host: peer, permissions: [] } }",
            20,
            "where the peer is a client",
        ),
        (
            "initiator",
            "change-config: { share-repo: photos }",
            20,
            "where the peer is a client",
        ),
        (
            "responder",
            "change-config: { share-repo: nothing }",
            34,
            "unknown repository `nothing`",
        ),
        (
            "responder",
            "change-config: { remove-repo: nothing }",
            35,
            "unknown repository `nothing`",
        ),
        ("initiator", "change-operations: {}", 24, OF_OPERATIONS),
        (
            "initiator",
            "change-operations: { put: first, delete: first }",
            24,
            OF_OPERATIONS,
        ),
        (
            "initiator",
            "change-operations: { delete: first, modno: 4 }",
            24,
            OF_OPERATIONS,
        ),
        (
            "initiator",
            "change-operations: { put: nothing }",
            31,
            "unknown operation `nothing`",
        ),
        (
            "initiator",
            "expect-change: { delete: nothing }",
            30,
            "unknown operation `nothing`",
        ),
    ] {
        assert_found(target, step, column, words);
    }
}

#[test]
fn operations_of_nobody_named_then_those_of_the_peer() {
    let text = with_steps("  - establish\n  - expect-operations: { are: [] }\n  - fence\n")
        .replace("target: both", "target: responder");
    let scenario = scenario(&text);
    let Verb::ExpectOperations(expected) = &scenario.steps[1].verb else {
        panic!("{:?}", scenario.steps[1]);
    };
    assert_eq!(expected.of, "peer");
}
