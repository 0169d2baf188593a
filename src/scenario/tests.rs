//! The loader as its users meet it: whole files in, cases or located messages out.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use proptest::prelude::*;

use super::{
    CaseTemplate,
    deviation::{Deviation, KeyFault, NonceFault},
    fixtures::Link,
    load::{load_dir, load_files},
    load_error::LoadError,
    message::item_to_json,
    model::{Connect, Ending, Expectation, FILE_LEN_BYTES_MAX, Probe, Profile, Sendable, Verb},
};
use crate::{
    rules::{Level, RuleId},
    wire::{Code, Role},
};

const VALID: &str = "\
about: A claim.
rules: [envelope.replay-refused]
target: both
steps:
  - establish
  - fence
";

fn load(text: &str) -> Result<Vec<CaseTemplate>, Vec<LoadError>> {
    load_files(vec![(
        "area/claim.yaml".to_owned(),
        text.as_bytes().to_vec(),
    )])
}

fn cases(text: &str) -> Vec<CaseTemplate> {
    load(text).unwrap_or_else(|errors| panic!("{}", render(&errors)))
}

fn render(errors: &[LoadError]) -> String {
    errors.iter().map(LoadError::render).collect()
}

/// `line:column: message` of each problem.
fn problems(text: &str) -> Vec<String> {
    let errors = load(text).expect_err(text);
    let messages = errors.iter().map(LoadError::to_string);
    messages
        .map(|message| message.strip_prefix("area/claim.yaml:").unwrap().to_owned())
        .collect()
}

/// The only problem is in that place and says those words.
fn assert_problem(text: &str, place: &str, words: &[&str]) {
    let found = problems(text);
    assert_eq!(found.len(), 1, "{text}\n{found:#?}");
    assert!(found[0].starts_with(&format!("{place}: ")), "{}", found[0]);
    for word in words {
        assert!(found[0].contains(word), "{word:?} in {}", found[0]);
    }
}

/// [`VALID`] with something in place of its steps.
fn with_steps(steps: &str) -> String {
    let head = VALID.split("steps:").next().unwrap();
    format!("{head}steps:\n{steps}")
}

#[test]
fn shipped_scenarios_then_load() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let cases = load_dir(&root).unwrap_or_else(|errors| panic!("{}", render(&errors)));
    assert!(!cases.is_empty());
    for case in &cases {
        for role in case.roles() {
            let [grpc, connect] = Link::ALL.map(|link| case.instantiate(*role, link).unwrap());
            assert_ne!(grpc.fixtures, connect.fixtures);
            assert_eq!(grpc.steps.len(), connect.steps.len());
        }
    }
}

#[test]
fn file_then_every_part_of_its_scenario() {
    let text = "\
about: A claim.
rules: [transport.key-length, close.protocol-code]
target: responder
profile: smoke
alone: true
deviate:
  key: one-byte-short
  frame: byte-by-byte
steps:
  - connect
  - send: key
  - expect-closed: { code: invalid-argument, also-allowed: [internal] }
    within: 500ms
    rule: close.protocol-code
  - probe: serves-a-new-session
";
    let cases = cases(text);
    assert_eq!(cases[0].id(), "area/claim");
    assert_eq!(cases[0].level(), Level::Must);
    let scenario = cases[0].instantiate(Role::Responder, Link::Grpc).unwrap();
    assert_eq!(cases[0].instantiate(Role::Initiator, Link::Grpc), None);
    assert_eq!(scenario.about, "A claim.");
    assert_eq!(
        scenario.rules,
        [RuleId::TransportKeyLength, RuleId::CloseProtocolCode]
    );
    assert_eq!(scenario.profile, Profile::Smoke);
    assert!(scenario.alone);
    assert_eq!(scenario.deviate[0], Deviation::Key(KeyFault::OneByteShort));
    assert_eq!(scenario.deviate.len(), 2);
    let verbs: Vec<_> = scenario
        .steps
        .iter()
        .map(|step| step.verb.clone())
        .collect();
    let ending = Ending {
        code: Some(Code::InvalidArgument),
        also_allowed: vec![Code::Internal],
    };
    assert_eq!(
        verbs,
        [
            Verb::Connect(Connect { identity: None }),
            Verb::Send(Sendable::Key),
            Verb::ExpectClosed(ending),
            Verb::Probe(Probe::ServesANewSession),
        ]
    );
    let closed = &scenario.steps[2];
    assert_eq!(closed.within, Some(Duration::from_millis(500)));
    assert_eq!(closed.rule, Some(RuleId::CloseProtocolCode));
    assert_eq!(closed.location.to_string(), "area/claim.yaml:12:5");
}

#[test]
fn both_roles_then_rules_are_those_of_each() {
    let text = VALID.replace("replay-refused]", "replay-refused, close.other-code]");
    let case = &cases(&text)[0];
    let rules = |role| case.instantiate(role, Link::Connect).unwrap().rules;
    assert_eq!(rules(Role::Responder).len(), 2);
    assert_eq!(rules(Role::Initiator), [RuleId::EnvelopeReplayRefused]);
}

#[test]
fn table_then_a_case_for_each_row() {
    let text = "\
about: A claim.
rules: [envelope.replay-refused]
target: initiator
cases:
  - { name: one, nonce: repeat-last, item: { heartbeat: {} }, log: x }
  - { name: two, nonce: random, item: { throttle: { delayMs: 5 } }, log: y }
steps:
  - establish
  - send: $item
    deviate: { nonce: $nonce }
  - expect: { requestLog: { logId: \"log-$log\" } }
";
    let cases = cases(text);
    let ids: Vec<_> = cases.iter().map(CaseTemplate::id).collect();
    assert_eq!(ids, ["area/claim/one", "area/claim/two"]);
    let scenario = cases[1].instantiate(Role::Initiator, Link::Grpc).unwrap();
    assert_eq!(scenario.location.line, 6);
    assert_eq!(
        scenario.steps[1].deviate,
        [Deviation::Nonce(NonceFault::Random)]
    );
    let Verb::Send(Sendable::Item(message)) = &scenario.steps[1].verb else {
        panic!("{:?}", scenario.steps[1]);
    };
    let json = serde_json::json!({"throttle": {"delayMs": "5"}});
    assert_eq!(item_to_json(&message.item), json);
    let Verb::Expect(Expectation::Item(pattern)) = &scenario.steps[2].verb else {
        panic!("{:?}", scenario.steps[2]);
    };
    assert_eq!(pattern.json["requestLog"]["logId"], "log-y");
}

#[test]
fn fixture_variables_then_those_of_the_case() {
    let text = "\
about: A claim.
rules: [pairing.valid-secret-admits]
target: responder
given:
  peer: { known: false }
  others: { second: { permissions: [{ type: read-config, scopes: [\"repo:$photos\", \"!plan:$daily\"] }] } }
  token: { max-uses: 1 }
  repos: [{ name: photos, shared: true }]
  plans: [{ name: daily, repo: photos }]
steps:
  - establish: { secret: $token }
  - expect: { receiveResources: { repos: [{ id: $photos }], plans: [{ id: $daily }] } }
  - establish: { as: second }
    on: other
    deviate: { instance-id: $instance, pairing-secret: \"$keyid\" }
";
    let scenario = cases(text)[0]
        .instantiate(Role::Responder, Link::Grpc)
        .unwrap();
    let fixtures = &scenario.fixtures;
    let peer = fixtures.identity("peer").unwrap();
    let second = fixtures.identity("second").unwrap();
    assert!(!peer.known && second.known);
    let (repo, plan) = (&fixtures.repos[0].id, &fixtures.plans[0].id);
    let scopes = [format!("repo:{repo}"), format!("!plan:{plan}")];
    assert_eq!(second.permissions[0].scopes, scopes);
    let Verb::Establish(establish) = &scenario.steps[0].verb else {
        panic!("{:?}", scenario.steps[0]);
    };
    assert_eq!(
        establish.secret,
        fixtures.token.as_ref().map(|token| token.secret.clone())
    );
    assert_eq!(
        scenario.steps[2].deviate,
        [
            Deviation::InstanceId(peer.instance_id.clone()),
            Deviation::PairingSecret(peer.keyid()),
        ]
    );
}

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
        &with_steps("  - establish\n  - fence: {}\n    rule: envelope.gap-refused\n"),
        "7:11",
        &["`envelope.gap-refused` is missing in the scenario's `rules`"],
    );
}

#[test]
fn yaml_that_is_none_then_the_parser_says_where() {
    assert_problem(
        "about: A claim.\nsteps:\n\t- connect\n",
        "3:2",
        &["not YAML", "tab"],
    );
    assert_problem("about: [x\n", "1:8", &["not YAML", "unclosed"]);
    assert_problem(
        "about: A.\nabout: B.\nrules: [wire.contract]\ntarget: both\nsteps: [establish, fence]\n",
        "2:1",
        &["the key `about` stands in line 1 already"],
    );
    assert_problem(&format!("{VALID}---\na: b\n"), "7:1", &["seen a second"]);
    assert_problem("", "1:1", &["empty"]);
    assert_problem("# only a comment\n", "1:1", &["empty"]);
    assert_problem("- a list\n", "1:1", &["expected a map, seen a list"]);
}

#[test]
fn hostile_bytes_then_refused_at_once() {
    let bomb = (1..60).fold(
        "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned(),
        |text, level| {
            let aliases = format!("*a{}, ", level - 1).repeat(9);
            format!("{text}a{level}: &a{level} [{aliases}]\n")
        },
    );
    let deep = "[".repeat(200_000);
    let maps = "{a: ".repeat(60_000);
    let keys: String = (0..30_000).map(|key| format!("k{key}: \n")).collect();
    let large = "x".repeat(10_000_000);
    for (text, words) in [
        (bomb.as_str(), "aliases are not allowed"),
        (deep.as_str(), "not YAML"),
        (maps.as_str(), "not YAML"),
        (keys.as_str(), "more problems follow"),
        (large.as_str(), "at most 262144 bytes, seen 10000000"),
    ] {
        let start = Instant::now();
        let errors = load(text).unwrap_err();
        let took = start.elapsed();
        assert!(
            errors.iter().any(|error| error.to_string().contains(words)),
            "{}",
            errors[0]
        );
        // 100 ms as measured with room for a busy machine; doubling work at each level would take hours.
        assert!(took < Duration::from_secs(2), "{words}: {took:?}");
    }
}

#[test]
fn bytes_that_are_no_text_then_their_place() {
    let place = |bytes: &[u8]| {
        let errors = load_files(vec![("a.yaml".to_owned(), bytes.to_vec())]).unwrap_err();
        errors[0].to_string()
    };
    assert_eq!(
        place(b"about: x\n\xc3\xa4\xff"),
        "a.yaml:2:2: expected UTF-8, seen bytes that are not"
    );
    assert_eq!(
        place(b"about: x\nab\0steps: x"),
        "a.yaml:2:3: expected text, seen the control character U+0000"
    );
    assert!(place(b"\x1b[2J: x").contains("U+001B"));
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
    assert!(
        problems(&VALID.replace("steps:\n  - establish\n  - fence", "steps: []"))[0]
            .contains("at least one step")
    );
}

const TABLE: &str = "\
about: A claim.
rules: [envelope.replay-refused]
target: both
cases:
  - { name: one, nonce: random }
  - { name: two, nonce: missing }
deviate: { nonce: $nonce }
steps: [establish, fence]
";

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
            "{ repos: [{ name: A }] }",
            "7:26",
            "expected a name of letters",
        ),
        ("{ repos: [{ nam: a }] }", "7:19", "did you mean `name`"),
        (
            "{ plans: [{ name: p, repo: r }] }",
            "7:35",
            "unknown repository `r`",
        ),
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

fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let root = folder.path().to_owned();
    (folder, root)
}

#[test]
fn folder_then_its_scenarios_by_id_and_nothing_else() {
    let (_folder, root) = folder(&[
        ("b.yaml", VALID),
        ("a/deep/c.yaml", VALID),
        ("README.md", "# no scenario"),
        (".hidden.yaml", "no: scenario"),
        ("known-failing/peer.yaml", "no: scenario"),
    ]);
    let cases = load_dir(&root).unwrap();
    let ids: Vec<_> = cases.iter().map(CaseTemplate::id).collect();
    assert_eq!(ids, ["a/deep/c", "b"]);
    let scenario = cases[0].instantiate(Role::Responder, Link::Grpc).unwrap();
    assert_eq!(
        scenario.location.file,
        root.join("a/deep/c.yaml").display().to_string()
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

proptest! {
    #[test]
    fn arbitrary_bytes_then_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = load_files(vec![("a.yaml".to_owned(), bytes)]);
    }

    #[test]
    fn arbitrary_yaml_then_no_panic(text in "[ab:\\-\\[\\]{},$\"'#&*!|>?%@`\n ]{0,200}") {
        if let Err(errors) = load(&text) {
            for error in errors {
                error.render();
            }
        }
    }

    #[test]
    fn scenario_with_a_part_replaced_then_no_panic(
        start in 0..TABLE.len(),
        len in 0..40_usize,
        part in "(\\$[a-z]{0,3}|[a-z0-9:{}\\[\\], \n-]{0,12}|\\PC{0,4})",
    ) {
        let end = (start + len).min(TABLE.len());
        let mut text = TABLE.to_owned();
        text.replace_range(start..end, &part);
        if let Err(errors) = load(&text) {
            for error in errors {
                error.render();
            }
        }
    }
}
