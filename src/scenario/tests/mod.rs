//! The loader as its users meet it: whole files in, cases or located messages out.

mod generated;
mod given;
mod hostile;
mod limits;
mod looks;
mod manual;
mod needs;
mod problems;
mod race;
mod schema;
mod sessions;
mod written;

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    CaseTemplate, builtin,
    deviation::{Deviation, KeyFault, NonceFault},
    load::{load_dir, load_files},
    load_error::LoadError,
    message::item_to_json,
    model::{
        CASES_MAX, Connect, Ending, Expectation, FILE_LEN_BYTES_MAX, Probe, Profile, Scenario,
        Sendable, Step, Verb,
    },
    probes, splice,
};
use crate::{
    rules::{Capability, Level, RuleId},
    wire::{Code, Role, RpcProtocol},
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

/// The first case for its first role, over gRPC.
fn scenario(text: &str) -> Scenario {
    let case = &cases(text)[0];
    case.instantiate(case.roles()[0], RpcProtocol::Grpc)
        .unwrap()
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

/// Path below `scenarios/` and text of each shipped scenario.
fn shipped_files() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let cases = load_dir(&root).unwrap_or_else(|errors| panic!("{}", render(&errors)));
    let scenarios = cases
        .iter()
        .flat_map(|case| case.instantiate(case.roles()[0], RpcProtocol::Grpc));
    let mut files: Vec<_> = scenarios.map(|scenario| scenario.location.file).collect();
    files.dedup();
    files
        .into_iter()
        .map(|file| (file.clone(), fs::read_to_string(file).unwrap()))
        .collect()
}

#[test]
fn shipped_scenarios_then_load() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let cases = load_dir(&root).unwrap_or_else(|errors| panic!("{}", render(&errors)));
    assert!(!cases.is_empty());
    for case in &cases {
        for role in case.roles() {
            let [grpc, connect] =
                RpcProtocol::ALL.map(|link| case.instantiate(*role, link).unwrap());
            assert_ne!(grpc.fixtures, connect.fixtures);
            assert_eq!(grpc.steps.len(), connect.steps.len());
        }
    }
}

#[test]
fn cases_of_the_binary_then_those_of_the_folder() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let ids = |cases: Vec<CaseTemplate>| -> Vec<String> {
        cases.iter().map(|case| case.id().to_owned()).collect()
    };
    assert_eq!(
        ids(builtin::load_builtin().unwrap()),
        ids(load_dir(&root).unwrap())
    );
}

#[test]
fn cases_of_no_catalogue_then_known_by_their_ids() {
    let shipped = builtin::load_builtin().unwrap();
    for case in shipped {
        let id = case.id();
        assert!(!probes::is_probe(id) && !splice::is_spliced(id), "{id}");
    }
    for probe in probes::load_probes().unwrap() {
        assert!(probes::is_probe(probe.id()), "{}", probe.id());
    }
    for spliced in splice::load_spliced().unwrap() {
        assert!(splice::is_spliced(spliced.id()), "{}", spliced.id());
    }
    let pairing = probes::probe_of(Capability::Pairing, false).unwrap();
    assert_eq!(pairing.id(), "capability/pairing-off");
}

#[test]
fn most_strangers_then_as_many_identities() {
    let text = "\
about: A claim.
rules: [pairing.race-admits-exactly]
target: responder
given: { token: { max-uses: 1 }, strangers: 50 }
steps:
  - all-at-once:
      - connect: { secret: $token }
  - expect-count: { established: 1 }
";
    let fixtures = scenario(text).fixtures;
    assert_eq!(fixtures.identities.len(), 51);
    assert_eq!(fixtures.known().count(), 1);
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
    assert_eq!(
        cases[0].rules(),
        [RuleId::TransportKeyLength, RuleId::CloseProtocolCode]
    );
    assert_eq!(cases[0].profile(), Profile::Smoke);
    assert_eq!(cases[0].yaml(), text);
    let scenario = cases[0]
        .instantiate(Role::Responder, RpcProtocol::Grpc)
        .unwrap();
    assert_eq!(
        cases[0].instantiate(Role::Initiator, RpcProtocol::Grpc),
        None
    );
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
        or_reset: false,
        or_goes_on: false,
    };
    assert_eq!(
        verbs,
        [
            Verb::Connect(Connect::default()),
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
    let rules = |role| case.instantiate(role, RpcProtocol::Connect).unwrap().rules;
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
    let scenario = cases[1]
        .instantiate(Role::Initiator, RpcProtocol::Grpc)
        .unwrap();
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
        .instantiate(Role::Responder, RpcProtocol::Grpc)
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
    let scenario = cases[0]
        .instantiate(Role::Responder, RpcProtocol::Grpc)
        .unwrap();
    assert_eq!(
        scenario.location.file,
        root.join("a/deep/c.yaml").display().to_string()
    );
}

#[test]
fn steps_then_the_same_out_of_json() {
    for case in load_dir(&Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")).unwrap() {
        let scenario = case
            .instantiate(case.roles()[0], RpcProtocol::Grpc)
            .unwrap();
        let json = serde_json::to_string(&scenario.steps).unwrap();
        let steps: Vec<Step> = serde_json::from_str(&json).unwrap();
        assert_eq!(steps, scenario.steps);
    }
}

#[test]
fn largest_table_then_loads() {
    let rows: String = (0..CASES_MAX)
        .map(|row| format!("  - {{ name: row-{row}, nonce: random }}\n"))
        .collect();
    let (head, behind) = TABLE.split_once("cases:\n").unwrap();
    let (_, tail) = behind.split_once("deviate:").unwrap();
    let text = format!("{head}cases:\n{rows}deviate:{tail}");
    assert_eq!(cases(&text).len(), CASES_MAX);
}
