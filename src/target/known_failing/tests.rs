//! Lists as their users write them.

use super::{load::read, *};
use crate::scenario::{CaseTemplate, builtin::load_builtin, released::Released};

fn cases() -> Vec<CaseTemplate> {
    load_builtin().unwrap()
}

fn entries(text: &str) -> Vec<Entry> {
    let released =
        Released::read("release none\nold/name -> envelope/ends-on-repeated-nonce/the-last-one\n")
            .unwrap();
    let catalogue = Catalogue {
        cases: &cases(),
        released: &released,
    };
    read("known.yaml", text, &catalogue).unwrap_or_else(|errors| {
        let errors: Vec<_> = errors.iter().map(|error| error.render()).collect();
        panic!("{}", errors.join("\n"))
    })
}

fn problems(text: &str) -> String {
    let catalogue = Catalogue {
        cases: &cases(),
        released: Released::built_in(),
    };
    let errors = read("known.yaml", text, &catalogue).unwrap_err();
    let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
    errors.join("\n")
}

#[test]
fn empty_list_then_no_entry() {
    assert_eq!(entries("[]\n"), []);
}

#[test]
fn full_entry_then_everything_is_read() {
    let read = entries(
        "- case: envelope/ends-on-repeated-nonce/*\n  role: responder\n  protocol: grpc\n  reason: It goes on.\n  \
         risk: Replays.\n  reproduce: envelope/ends-on-repeated-nonce/the-last-one\n  link: https://example.org/1\n  expires: 2026-12-31\n  expect: { rule: envelope.replay-refused }\n  \
         flaky: true\n- rule: close.protocol-code\n  reason: Another code.\n",
    );
    let entry = &read[0];
    assert!(entry.is_about(
        "envelope/ends-on-repeated-nonce/x",
        Role::Responder,
        RpcProtocol::Grpc
    ));
    assert!(!entry.is_about(
        "envelope/ends-on-repeated-nonce/x",
        Role::Responder,
        RpcProtocol::Connect
    ));
    assert!(!entry.is_about(
        "envelope/ends-on-repeated-nonce/x",
        Role::Initiator,
        RpcProtocol::Grpc
    ));
    assert!(entry.accounts_for(RuleId::EnvelopeReplayRefused));
    assert!(!entry.accounts_for(RuleId::CloseProtocolCode));
    assert!(!entry.is_expired("2026-12-31".parse().unwrap()));
    assert!(entry.is_expired("2027-01-01".parse().unwrap()));
    assert!(entry.flaky);
    assert_eq!(read[1].what, What::Rule(RuleId::CloseProtocolCode));
    assert_eq!(read[1].location.to_string(), "known.yaml:11:3");
}

#[test]
fn renamed_case_then_found_under_its_new_id() {
    let read = entries("- { case: old/name, reason: Known. }\n");
    assert!(read[0].is_about(
        "envelope/ends-on-repeated-nonce/the-last-one",
        Role::Responder,
        RpcProtocol::Grpc
    ));
}

#[test]
fn several_mistakes_then_each_at_its_place() {
    let found = problems(
        "- case: envelope/ends-on-repeated-nonse/the-last-one\n  reason: X.\n\
         - { rule: close.protocol-cod, reason: X. }\n\
         - { rule: close.protocol-code }\n\
         - { case: close/*, rule: close.protocol-code, reason: X. }\n\
         - { case: envelope/*, reason: X., expires: 2026-02-30 }\n\
         - { case: close/refuses-at-once/*, reason: ' ' }\n\
         - { rule: close.protocol-code, reason: X., because: Y }\n",
    );
    for expected in [
        "known.yaml:1:9: no case has the id `envelope/ends-on-repeated-nonse/the-last-one` (did you mean `envelope/ends-on-repeated-nonce/the-last-one` or ",
        "known.yaml:3:11: no rule has the id `close.protocol-cod`",
        "known.yaml:4:3: the key `reason` is missing",
        "known.yaml:5:11: expected either `case` or `rule`",
        "known.yaml:6:44: expected a day such as `2026-12-31`, seen `2026-02-30`",
        "known.yaml:7:44: expected what the peer does wrong, seen nothing",
        "known.yaml:8:44: unknown key `because`",
    ] {
        assert!(found.contains(expected), "{expected}\nin\n{found}");
    }
}

#[test]
fn same_entry_twice_then_refused() {
    let entry = "- { rule: close.protocol-code, protocol: grpc, reason: X. }\n";
    let found = problems(&format!("{entry}{entry}"));
    assert!(
        found.contains("known.yaml:2:3: line 1 has the same entry already"),
        "{found}"
    );
    let other = entry.replace("grpc", "connect");
    assert_eq!(entries(&format!("{entry}{other}")).len(), 2);
}

#[test]
fn entry_that_can_match_nothing_then_refused() {
    let found = problems(
        "- { case: transport/answers-a-key-with-an-encapsulation, role: initiator, reason: X. }\n",
    );
    assert!(
        found.contains("known.yaml:1:11: no such case is for a peer that plays the initiator"),
        "{found}"
    );
    let found = problems("- { case: nothing/like-this/*, reason: X. }\n");
    assert!(found.contains("no case has the id"), "{found}");
}

#[test]
fn simplest_case_of_an_entry_then_it_exists_and_is_one_of_them() {
    let entry = |id: &str| format!("- {{ case: transport/*, reason: X., reproduce: {id} }}\n");
    let known = entries(&entry("transport/answers-a-key-with-an-encapsulation"));
    let simplest = known[0].reproduce.as_deref();
    assert_eq!(
        simplest,
        Some("transport/answers-a-key-with-an-encapsulation")
    );
    let found = problems(&entry("transport/answers"));
    assert!(
        found.contains("known.yaml:1:47: no case has the id"),
        "{found}"
    );
    let found = problems(&entry("rpc/serves-an-honest-session"));
    assert!(
        found.contains("known.yaml:1:47: expected one of the cases that the entry is about"),
        "{found}"
    );
}

#[test]
fn star_then_any_part_without_a_slash() {
    assert!(matches("a/*/c", "a/b/c"));
    assert!(matches("a/*", "a/"));
    assert!(matches("a/b*d*", "a/bcdde"));
    assert!(!matches("a/*", "a/b/c"));
    assert!(!matches("*", "a/b"));
    assert!(!matches("a/b", "a/bc"));
}
