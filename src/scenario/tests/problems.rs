//! Each kind of mistake, and the message an author gets for it.

use super::*;

#[test]
fn two_mistakes_then_both_reported_in_order() {
    let text = VALID
        .replace("rules:", "rulse:")
        .replace("- fence", "- fnece");
    let found = problems(&text);
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(found[0].starts_with("1:1: the key `rules` is missing"));
    assert!(found[1].starts_with("2:1: unknown key `rulse` (did you mean `rules`?"));
    assert!(found[2].starts_with("6:5: unknown word `fnece` (did you mean `fence`?"));
}

#[test]
fn mistakes_in_two_files_then_both_reported_by_path() {
    let file = |path: &str, text: &str| (path.to_owned(), text.as_bytes().to_vec());
    let errors = load_files(vec![file("b.yaml", "about: x"), file("a.yaml", "")]).unwrap_err();
    let files: Vec<_> = errors
        .iter()
        .map(|error| error.location.file.as_str())
        .collect();
    assert_eq!(files, ["a.yaml", "b.yaml", "b.yaml", "b.yaml", "b.yaml"]);
}

#[test]
fn problem_then_rendered_with_its_line_and_a_caret() {
    let errors = load(&VALID.replace("both", "host")).unwrap_err();
    assert_eq!(
        errors[0].render(),
        "\
area/claim.yaml:3:9: unknown word `host`; known here: responder, initiator, both
  |
3 | target: host
  |         ^
"
    );
}

#[test]
fn place_far_behind_in_a_line_then_the_caret_still_under_it() {
    let about = "x".repeat(200);
    let text = VALID.replace(
        "target: both",
        &format!("target: both\ngiven: {{ plans: [{{ repo: {about}, naem: p }}] }}"),
    );
    let errors = load(&text).unwrap_err();
    let misspelt = errors
        .iter()
        .find(|error| error.to_string().contains("`naem`"));
    let rendered = misspelt.unwrap().render();
    let lines: Vec<&str> = rendered.lines().collect();
    let caret = lines[3].find('^').unwrap();
    assert!(lines[2][caret..].starts_with("naem"), "{rendered}");
}

#[test]
fn misspelt_key_then_the_valid_ones() {
    assert_problem(
        &format!("{VALID}profil: smoke\n"),
        "7:1",
        &[
            "unknown key `profil`",
            "did you mean `profile`",
            "about, rules, target",
        ],
    );
    assert_problem(
        &with_steps("  - establish\n  - expect-closed: { cod: internal }\n"),
        "6:22",
        &["unknown key `cod`", "did you mean `code`"],
    );
    assert_problem(
        &with_steps("  - establish\n  - fence: {}\n    witin: 5s\n"),
        "7:5",
        &["unknown key `witin`", "did you mean `within`"],
    );
    assert_problem(
        &format!("{VALID}given: {{ peer: {{ know: true }} }}\n"),
        "7:18",
        &["did you mean `known`"],
    );
}

#[test]
fn misspelt_protobuf_field_then_its_place_and_the_valid_ones() {
    let steps =
        "  - establish\n  - send:\n      operationManifest:\n        opIdz: [1]\n  - fence\n";
    assert_problem(
        &with_steps(steps),
        "8:9",
        &[
            "unknown key `opIdz`",
            "did you mean `opIds`",
            "opIds, modnos",
        ],
    );
}

#[test]
fn rule_that_does_not_exist_or_bind_then_refused() {
    assert_problem(
        &VALID.replace("replay-refused", "replay-refuse"),
        "2:9",
        &[
            "no rule has the id `envelope.replay-refuse`",
            "did you mean `envelope.replay-refused`",
        ],
    );
    assert_problem(
        &VALID.replace("envelope.replay-refused", "transport.key-length"),
        "2:9",
        &[
            "`transport.key-length` binds the responder",
            "plays the initiator",
        ],
    );
    assert_problem(
        &VALID.replace("envelope.replay-refused", ""),
        "2:8",
        &["at least one rule"],
    );
    assert_problem(
        &VALID.replace("replay-refused", "replay-refused, envelope.replay-refused"),
        "2:34",
        &["`envelope.replay-refused` is named twice"],
    );
    let of_one_role = with_steps("  - establish\n  - fence:\n    rule: close.other-code\n")
        .replace("replay-refused", "replay-refused, close.other-code");
    assert_problem(
        &of_one_role,
        "7:11",
        &[
            "`close.other-code` binds the responder",
            "plays the initiator",
        ],
    );
    assert_problem(
        &with_steps("  - establish\n  - fence: {}\n    rule: envelope.gap-refused\n"),
        "7:11",
        &["`envelope.gap-refused` is missing in the scenario's `rules`"],
    );
}

#[test]
fn wrong_kind_then_expected_and_seen() {
    for (text, place, words) in [
        (
            VALID.replace("A claim.", "5"),
            "1:8",
            "expected text (in quotes",
        ),
        (
            VALID.replace("A claim.", "no sentence"),
            "1:8",
            "one sentence",
        ),
        (
            VALID.replace("both", "[both]"),
            "3:9",
            "expected one of `responder`, `initiator`, `both`, seen a list",
        ),
        (
            format!("{VALID}alone: 1\n"),
            "7:8",
            "expected `true` or `false`, seen the number `1`",
        ),
        (
            format!("{VALID}deviate: {{ transport-version: two }}\n"),
            "7:31",
            "expected an integer from 0 to 4294967295, seen `two`",
        ),
        (
            format!("{VALID}deviate: {{ transport-version: 4294967296 }}\n"),
            "7:31",
            "seen the number `4294967296`",
        ),
        (
            format!("{VALID}deviate: {{ nonse: random }}\n"),
            "7:12",
            "did you mean `nonce`",
        ),
        (
            format!("{VALID}deviate: {{ nonce: rnadom }}\n"),
            "7:19",
            "did you mean `random`",
        ),
        (
            format!("{VALID}deviate: [{{ nonce: random }}, {{ nonce: missing }}]\n"),
            "7:32",
            "named twice",
        ),
        (
            format!("{VALID}deviate: random\n"),
            "7:10",
            "expected a list or map of deviations",
        ),
        (
            format!("{VALID}deviate: {{ key-vector: kem-0031 }}\n"),
            "7:24",
            "no vector of the group `kem_public_key`",
        ),
        (
            format!("{VALID}given: {{ peer: [] }}\n"),
            "7:16",
            "expected a map, seen a list",
        ),
        (
            format!("{VALID}given: {{ token: {{ max-uses: -1 }} }}\n"),
            "7:29",
            "an integer from 0 to 4294967295",
        ),
    ] {
        assert_problem(&text, place, &[words]);
    }
}

#[test]
fn steps_that_make_no_sense_then_refused() {
    for (steps, place, words) in [
        ("  - establish\n", "5:3", "expected a step that can fail"),
        ("  - {}\n  - fence\n", "5:5", "expected a verb"),
        (
            "  - { connect: {}, fence: {} }\n",
            "5:5",
            "expected one verb, seen `connect`, `fence`",
        ),
        (
            "  - fence\n",
            "5:5",
            "expected `connect` or `establish` before this step",
        ),
        (
            "  - establish\n  - fence: {}\n    on: other\n",
            "6:5",
            "with `on: other` before",
        ),
        (
            "  - establish: { as: stranger }\n  - fence\n",
            "5:22",
            "unknown identity `stranger`; known here: peer",
        ),
        (
            "  - establish\n  - send\n  - fence\n",
            "6:5",
            "`send` needs a value",
        ),
        (
            "  - establish:\n  - expect-http:\n",
            "6:5",
            "`expect-http` needs a value",
        ),
        (
            "  - establish\n  - send: keys\n  - fence\n",
            "6:11",
            "expected `key`, `handshake` or an item",
        ),
        (
            "  - establish\n  - expect-http\n",
            "6:5",
            "`expect-http` needs a value",
        ),
        (
            "  - establish\n  - expect-http: {}\n",
            "6:18",
            "the key `status` is missing",
        ),
        (
            "  - establish\n  - expect-closed: { code: interal }\n",
            "6:28",
            "did you mean `internal`",
        ),
        (
            "  - establish\n  - expect-never: [receiveConfigs]\n",
            "6:20",
            "no action is called `receiveConfigs`",
        ),
        (
            "  - establish\n  - probe: serves\n",
            "6:12",
            "serves-a-new-session",
        ),
        (
            "  - probe: serves-a-new-session\n    on: x\n",
            "5:5",
            "takes no `on`",
        ),
        (
            "  - establish\n  - fence: {}\n    within: 31s\n",
            "7:13",
            "at most 30 s, seen `31s`",
        ),
        (
            "  - establish\n  - fence: {}\n    within: 5\n",
            "7:13",
            "such as `500ms` or `20s`, seen the number `5`",
        ),
        (
            "  - establish\n  - fence: {}\n    among: [a]\n",
            "7:12",
            "belongs beside `expect`",
        ),
        (
            "  - establish\n  - fence: {}\n    times: 1\n",
            "7:12",
            "from 2 to 300, seen the number `1`",
        ),
        (
            "  - establish\n  - fence: {}\n    times: 301\n",
            "7:12",
            "from 2 to 300, seen the number `301`",
        ),
        (
            "  - establish\n  - fence: {}\n    on: A B\n",
            "7:9",
            "expected a name of letters",
        ),
    ] {
        let text = with_steps(steps);
        let found = problems(&text);
        let expected =
            |found: &String| found.starts_with(&format!("{place}: ")) && found.contains(words);
        assert!(found.iter().any(expected), "{steps}{found:#?}");
    }
    let many = "  - establish\n".repeat(101);
    assert!(problems(&with_steps(&many))[0].contains("at most 100 steps, seen 101"));
    let played = "  - establish\n".to_owned() + &"  - fence: {}\n    times: 300\n".repeat(17);
    assert!(problems(&with_steps(&played))[0].contains("at most 5000 steps"));
    assert!(
        problems(&VALID.replace("steps:\n  - establish\n  - fence", "steps: []"))[0]
            .contains("at least one step")
    );
}

#[test]
fn step_taken_several_times_then_as_many_steps_of_one_place() {
    let steps = "  - establish\n  - fence:\n    times: 3\n  - fence\n";
    let case = &cases(&with_steps(steps))[0];
    let scenario = case
        .instantiate(Role::Responder, RpcProtocol::Grpc)
        .unwrap();
    let lines: Vec<u32> = scenario
        .steps
        .iter()
        .map(|step| step.location.line)
        .collect();
    assert_eq!(lines, [5, 6, 6, 6, 8]);
}

#[test]
fn table_with_a_mistake_then_its_row() {
    assert_eq!(cases(TABLE).len(), 2);
    for (from, to, place, words) in [
        (
            ", nonce: missing",
            "",
            "6:5",
            "the column `nonce` is missing in this row, and line 7 uses it",
        ),
        (
            "missing }",
            "missing, extra: 1 }",
            "6:34",
            "nothing uses the column: `$extra`",
        ),
        ("missing }", "mising }", "6:25", "did you mean `missing`"),
        (
            "name: two",
            "name: one",
            "6:5",
            "line 5 has a row called `one` already",
        ),
        (
            "name: two",
            "name: Two",
            "6:13",
            "expected a name of letters",
        ),
        ("name: two, ", "", "6:5", "the key `name` is missing"),
        (
            "$nonce",
            "$nonse",
            "7:19",
            "unknown variable `nonse` (did you mean `nonce`?",
        ),
        ("$nonce", "a$", "7:19", "write `$$`"),
    ] {
        let found = problems(&TABLE.replace(from, to));
        let expected =
            |found: &String| found.starts_with(&format!("{place}: ")) && found.contains(words);
        assert!(found.iter().any(expected), "{to}: {found:#?}");
    }
    let found = problems(&TABLE.replace("nonce: random }", "nonce: random, keyid: x }"));
    assert!(
        found[0].contains("has the name of a fixture variable"),
        "{found:?}"
    );
    let rows: String = (0..501)
        .map(|row| format!("  - {{ name: r{row}, nonce: random }}\n"))
        .collect();
    let found = problems(&TABLE.replace("  - { name: one, nonce: random }\n", &rows));
    assert!(found[0].contains("at most 500 rows, seen 502"), "{found:?}");
}

#[test]
fn one_id_twice_then_refused() {
    let table = TABLE.replace("two", "claim").into_bytes();
    let errors = load_files(vec![
        ("area.yaml".to_owned(), table),
        ("area/claim.yaml".to_owned(), VALID.as_bytes().to_vec()),
    ])
    .unwrap_err();
    assert_eq!(errors.len(), 1);
    let message = errors[0].to_string();
    assert!(
        message.contains("`area/claim` is taken already, by area.yaml"),
        "{message}"
    );
}

#[test]
fn folder_with_wrong_files_then_each_reported() {
    let large = "#".repeat(10_000_000);
    let (_folder, root) = folder(&[
        ("Large.yaml", VALID),
        ("large.yaml", &large),
        ("scenario.yml", VALID),
    ]);
    let errors = load_dir(&root).unwrap_err();
    let messages: Vec<_> = errors
        .iter()
        .map(|error| error.problem.to_string())
        .collect();
    assert!(messages[0].contains("seen `Large.yaml`"), "{messages:?}");
    let sizes = format!("at most {FILE_LEN_BYTES_MAX} bytes, seen 10000000");
    assert!(messages[1].contains(&sizes), "{messages:?}");
    assert!(messages[2].contains("seen `scenario.yml`"), "{messages:?}");
    let missing = load_dir(&root.join("nowhere")).unwrap_err();
    assert!(
        missing[0].to_string().contains("cannot be read"),
        "{missing:?}"
    );
}

#[test]
fn claim_that_is_no_sentence_on_one_line_then_refused() {
    let about = |text: &str| VALID.replace("A claim.", text);
    for text in [
        "A claim",
        ".",
        "' A claim.'",
        "'A claim. '",
        "\"A\\nclaim.\"",
        "\"A\\rclaim.\"",
        "\"A claim.\\n\"",
    ] {
        assert_problem(&about(text), "1:8", &["expected one sentence on one line"]);
    }
    assert_eq!(scenario(&about("A.")).about, "A.");
}
