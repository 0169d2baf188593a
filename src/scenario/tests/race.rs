//! Steps that many clients take, written out.

use super::*;

const RACE: &str = "\
about: A claim.
rules: [pairing.race-admits-exactly]
target: responder
given: { token: { max-uses: 1 }, strangers: 2 }
steps:
  - ORDER:
      - connect: { secret: $token }
      - send: key
  - expect-count: { established: 1 }
";

fn written_out(order: &str) -> Vec<(String, bool)> {
    let scenario = scenario(&RACE.replace("ORDER", order));
    let steps = scenario.steps.iter();
    steps
        .filter(|step| !matches!(step.verb, Verb::ExpectCount(_)))
        .map(|step| {
            let session = step.session().to_owned();
            match &step.verb {
                Verb::Connect(connect) => {
                    assert_eq!(connect.identity.as_ref(), Some(&session));
                    (session, true)
                }
                Verb::Send(Sendable::Key) => (session, false),
                other => panic!("{other:?}"),
            }
        })
        .collect()
}

#[test]
fn race_then_each_client_in_its_own_name() {
    let step = |client: &str, connects| (client.to_owned(), connects);
    let (one, two) = ("stranger-1", "stranger-2");
    assert_eq!(
        written_out("all-at-once"),
        [
            step(one, true),
            step(two, true),
            step(one, false),
            step(two, false)
        ]
    );
    assert_eq!(
        written_out("each"),
        [
            step(one, true),
            step(one, false),
            step(two, true),
            step(two, false)
        ]
    );
}

#[test]
fn race_that_makes_no_sense_then_refused() {
    let race = RACE.replace("ORDER", "each");
    let fewer = "expected `strangers: N` under `given`, at least 2";
    assert_problem(
        &race.replace("strangers: 2", "strangers: 1"),
        "6:5",
        &[fewer],
    );
    let own_name = "in its own name";
    for (step, place) in [
        ("send: key\n        on: other", "8:9"),
        ("connect: { as: stranger-1 }", "8:9"),
        ("fence: {}", "8:9"),
    ] {
        assert_problem(&race.replace("send: key", step), place, &[own_name]);
    }
}
