//! Target files as their users write them.

use super::*;

fn read(text: &str) -> TargetFile {
    super::load::read("syncspec.toml", text).unwrap_or_else(|errors| {
        let errors: Vec<_> = errors.iter().map(|error| error.render()).collect();
        panic!("{}", errors.join("\n"))
    })
}

fn problems(text: &str) -> String {
    let errors = super::load::read("syncspec.toml", text).unwrap_err();
    let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
    errors.join("\n")
}

#[test]
fn url_then_a_host_over_both_protocols() {
    let target = read("[responder]\nurl = 'http://127.0.0.1:9898/prefix'\n");
    assert_eq!(target.roles(), [Role::Responder]);
    assert_eq!(target.protocols(Role::Responder), RpcProtocol::ALL);
    assert_eq!(target.responder_url(), Some("http://127.0.0.1:9898/prefix"));
    assert_eq!(target.listen_address(), None);
}

#[test]
fn command_then_a_host_on_the_port_it_is_given() {
    let target = read("[command]\nrun = ['./peer', '{provision}', '{port}']\n");
    assert_eq!(target.roles(), [Role::Responder]);
    assert_eq!(target.responder_url(), Some(COMMAND_URL));
    let command = target.command.as_ref().unwrap();
    assert_eq!(command.start_wait(), START_WAIT);
    assert_eq!(command.format, ProvisionFormat::Json);
    assert_eq!(target.ready(), Ready::Port);
}

#[test]
fn command_that_dials_then_a_client() {
    let target = read("[command]\nrun = ['./peer', '{listen}']\nready = 'dials'\n");
    assert_eq!(target.roles(), [Role::Initiator]);
    assert_eq!(target.responder_url(), None);
    assert_eq!(target.listen_address(), Some(COMMAND_LISTEN));
}

#[test]
fn both_roles_then_one_command_for_both() {
    let target = read(
        "roles = ['initiator', 'responder']\n[command]\nrun = ['./peer', '{provision}', '{port}']\nformat = 'backrest-config'\n",
    );
    assert_eq!(target.roles(), [Role::Responder, Role::Initiator]);
    assert_eq!(target.ready(), Ready::Port);
    assert!(target.listen_address().is_some());
}

#[test]
fn everything_said_then_everything_read() {
    let target = read(
        "name = 'mine'\nversion = '1.2'\nprotocols = ['connect']\nkem-id = '0050'\nknown-failing = 'known.yaml'\n\
         [responder]\nurl = 'https://host:{port}'\ntls-ca = 'ca.pem'\n\
         [command]\nrun = ['./peer', '{provision}', '{port}', '{data}']\nenv = { HOME = '{data}' }\nstart-within = '3s'\n\
         stop-within = '200ms'\nrestarts-max = 3\n\
         [state-service]\nheaders = { Authorization = 'Bearer x' }\n\
         [hook]\nbuilt-in = 'backrest-http'\n\
         [capabilities]\nlogs = true\npairing = false\n",
    );
    assert_eq!(target.protocols(Role::Responder), [RpcProtocol::Connect]);
    assert_eq!(target.kem_id, Some(KemIdName::Published));
    assert!(target.has(Capability::Logs));
    assert!(!target.has(Capability::Pairing));
    assert!(target.has(Capability::StateService));
    let command = target.command.as_ref().unwrap();
    assert_eq!(command.stop_wait(), Duration::from_millis(200));
    assert_eq!(command.restarts_max(), 3);
}

#[test]
fn protocols_of_a_role_said_then_they_count_before_those_of_both() {
    const START: &str = "[command]\nrun = ['./peer', '{provision}', '{port}']\n";
    let spoken = |text: &str| {
        let target = read(&format!("roles = ['responder', 'initiator']\n{text}"));
        [Role::Responder, Role::Initiator].map(|role| target.protocols(role))
    };
    let both = RpcProtocol::ALL.to_vec();
    let (grpc, connect) = (vec![RpcProtocol::Grpc], vec![RpcProtocol::Connect]);
    assert_eq!(spoken(START), [both.clone(), connect.clone()]);
    assert_eq!(
        spoken(&format!("protocols = ['grpc', 'connect']\n{START}")),
        [both.clone(), both.clone()]
    );
    assert_eq!(
        spoken(&format!(
            "protocols = ['connect', 'grpc']\n{START}[initiator]\nprotocols = ['grpc', 'grpc']\n"
        )),
        [both, grpc.clone()]
    );
    assert_eq!(
        spoken(&format!("{START}[responder]\nprotocols = ['grpc']\n")),
        [grpc, connect]
    );
}

#[test]
fn several_mistakes_then_each_at_its_place() {
    let found = problems(
        "nmae = 'x'\nprotocols = ['http3']\n[command]\nrun = ['./peer', '{prot}']\n[hook]\nwithin = '10'\n",
    );
    assert!(
        found.contains("syncspec.toml:1:1: unknown key `nmae` (did you mean `name`"),
        "{found}"
    );
    assert!(
        found.contains("syncspec.toml:2:14: unknown word `http3`"),
        "{found}"
    );
    assert!(
        found.contains("syncspec.toml:4:18: `{prot}` stands for nothing (did you mean `{port}`?)"),
        "{found}"
    );
    assert!(
        found.contains("syncspec.toml:6:10: expected a length of time"),
        "{found}"
    );
}

#[test]
fn not_toml_then_said_where() {
    let found = problems("name = 'x'\nrun = [\n");
    assert!(found.contains("syncspec.toml:"), "{found}");
    assert!(found.contains("not TOML"), "{found}");
}

#[test]
fn parts_that_do_not_fit_then_each_is_named() {
    assert!(problems("name = 'x'\n").contains("expected a way to the peer"));
    assert!(
        problems("roles = ['initiator']\n")
            .contains("syncspec.toml:1:1: a client needs `initiator.listen`")
    );
    assert!(
        problems("[command]\nrun = ['./peer', '{provision}']\n").contains("does not say `{port}`")
    );
    assert!(
        problems("[command]\nrun = ['./peer', '{port}']\n").contains("does not say `{provision}`")
    );
    assert!(
        problems("[responder]\nurl = 'http://h:{port}'\n")
            .contains("syncspec.toml:2:1: `{port}` is a port")
    );
    assert!(
        problems("[command]\nrun = ['./peer']\nready = 'dials'\n")
            .contains("cannot know whom to dial")
    );
    assert!(
        problems("[responder]\nurl = 'http://h'\n[hook]\nwithin = '1s'\n")
            .contains("expected `run` or `built-in`")
    );
    let hook = |keys: &str| problems(&format!("[responder]\nurl = 'http://h'\n[hook]\n{keys}"));
    assert!(hook("run = ['h']\nbuilt-in = 'backrest-http'\n").contains("`of-clients = true`"));
    assert!(
        hook("built-in = 'backrest-http'\nof-clients = true\n")
            .contains("syncspec.toml:5:1: a built-in hook answers nothing that only clients")
    );
    assert!(
        problems("[initiator]\nlisten = '127.0.0.1:1'\nprotocols = []\n")
            .contains("syncspec.toml:3:1: expected `grpc`, `connect` or both")
    );
    assert!(problems("[command]\nrun = []\n").contains("expected a program"));
    assert!(problems("[responder]\nurl = 'localhost:1'\n").contains("expected http://HOST:PORT"));
    assert!(problems("[initiator]\nlisten = '9899'\n").contains("expected ADDRESS:PORT"));
}

#[test]
fn words_in_braces_then_filled_in_and_other_braces_stay() {
    let filling = Filling {
        provision: "/tmp/p.json".to_owned(),
        operations: "/tmp/o.json".to_owned(),
        port: 7,
        data: "/tmp/d".to_owned(),
        listen: "http://x".to_owned(),
        url: "http://y".to_owned(),
    };
    let fill = |text: &str| Filled::parse(text).unwrap().fill(&filling);
    assert_eq!(fill("--addr=:{port}{data}"), "--addr=:7/tmp/d");
    assert_eq!(fill("{operations}"), "/tmp/o.json");
    assert_eq!(fill("{\"a\": {}} {"), "{\"a\": {}} {");
    assert_eq!(fill("{{port}}"), "{7}");
}

#[test]
fn one_line_then_split_as_a_shell_does() {
    let command = CommandLine::parse("./peer -c {provision} 'two words'").unwrap();
    assert_eq!(command.program().as_str(), "./peer");
    assert_eq!(command.args()[2].as_str(), "two words");
    assert!(CommandLine::parse("'open").is_err());
    assert!(CommandLine::parse("").is_err());
}

#[test]
fn schema_then_has_every_key_of_the_file() {
    let schema = schema();
    for key in crate::scenario::words_of::<TargetFile>() {
        assert!(schema["properties"].get(key).is_some(), "{key}");
    }
}

#[test]
fn manual_then_lists_every_capability() {
    let manual = include_str!("../../../docs/target.md");
    let (_, after) = manual.split_once("<!-- capabilities -->").unwrap();
    let (table, _) = after.split_once("<!-- end -->").unwrap();
    let rows: Vec<String> = table.trim().lines().skip(2).map(str::to_owned).collect();
    let row = |capability: &Capability| {
        let without_a_word = match (capability.follows_from(), capability.is_usual()) {
            (Some(key), _) => format!("follows from `{key}`"),
            (None, true) if *capability == Capability::OperationsProvisioned => {
                "on where a command is given them, by `format = \"json\"` or `{operations}`"
                    .to_owned()
            }
            (None, true) => "on".to_owned(),
            (None, false) => "off".to_owned(),
        };
        let doc = capability.doc();
        format!("| `{capability}` | {without_a_word} | {doc} |")
    };
    assert_eq!(rows, Capability::ALL.iter().map(row).collect::<Vec<_>>());
}

#[test]
fn capability_that_follows_from_another_key_then_named() {
    let error = problems("[responder]\nurl = 'http://h:1'\n[capabilities]\nhook = true\n");
    assert!(error.contains("follows from `hook`"), "{error}");
}

#[test]
fn nothing_gives_a_client_operations_then_it_is_not_taken_to_have_them() {
    let has = |text: &str| read(text).has(Capability::OperationsProvisioned);
    let of_command = |more: &str, keys: &str| {
        format!("[command]\nrun = ['./peer', '{{provision}}', '{{port}}'{more}]\n{keys}")
    };
    let config = "format = 'backrest-config'\n";
    assert!(has(&of_command("", "")));
    assert!(!has(&of_command("", config)));
    assert!(has(&of_command(", '{operations}'", config)));
    assert!(has(&of_command(
        "",
        &format!("{config}env = {{ OPERATIONS = '{{operations}}' }}\n")
    )));
    let by_hand = "[initiator]\nlisten = '127.0.0.1:1'\n";
    assert!(!has(by_hand));
    assert!(has(&format!(
        "{by_hand}[capabilities]\noperations-provisioned = true\n"
    )));
}

#[test]
fn case_needs_what_is_declared_off_then_lacking() {
    let target = read("[responder]\nurl = 'http://h:1'\n[capabilities]\npairing = false\n");
    let needs = [Capability::Hook, Capability::Pairing].into();
    assert_eq!(target.lacks(&needs), Some(Capability::Pairing));
    assert_eq!(target.lacks(&[Capability::StateService].into()), None);
}

/// Every key that says how a peer is reached, started and looked into.
const EVERYTHING: &str = r#"
name = 'my "peer"'
version = '1.2'
known-failing = 'known.yaml'
[command]
run = ['./my "peer"', '--config', '{provision}', '{port}']
format = 'backrest-config'
dir = 'build'
env = { A = '{data}/a', 'B.c' = "tab\there" }
ready = 'port'
start-within = '1500ms'
stop-within = '2s'
restarts-max = 7
[responder]
url = 'http://127.0.0.1:{port}/prefix'
tls-ca = 'ca.pem'
protocols = ['grpc', 'connect']
[initiator]
listen = '127.0.0.1:0'
url = 'http://host:1'
protocols = ['grpc']
[state-service]
url = 'http://127.0.0.1:{port}/states'
headers = { Authorization = 'Bearer "x"' }
[hook]
run = ['./hook', '{url}']
dir = 'hooks'
within = '3s'
of-clients = true
"#;

#[test]
fn target_written_then_it_reads_back_the_same_but_for_headers_left_out() {
    let mut target = read(&format!(
        "roles = ['initiator']\nprotocols = ['grpc']\nkem-id = '0050'\n{EVERYTHING}[capabilities]\nlogs = true\n"
    ));
    assert_eq!(read(&target.to_toml(true)), target);
    let text = target.to_toml(false);
    assert!(!text.contains("Bearer"), "{text}");
    target.state_service.headers.clear();
    assert_eq!(read(&text), target);
}

#[test]
fn paths_made_absolute_and_back_then_the_same() {
    let mut target = read(EVERYTHING);
    let before = target.clone();
    target.resolve_paths("/some/where".as_ref());
    assert_ne!(target, before);
    let mut elsewhere = target.clone();
    target.relate_paths("/some/where".as_ref());
    assert_eq!(target, before);
    elsewhere.relate_paths("/else".as_ref());
    let ca = elsewhere.responder.tls_ca.unwrap();
    assert_eq!(ca, std::path::Path::new("/some/where/ca.pem"));
}

#[test]
fn first_file_then_it_reads_back_as_what_was_seen() {
    let mut target = read(EVERYTHING);
    let tried = |capability, has, seen: &str| Tried {
        capability,
        has,
        seen: seen.to_owned(),
    };
    let text = first_file(
        &target,
        &[Role::Responder, Role::Initiator],
        &[
            tried(
                Capability::Logs,
                Some(false),
                "it ended\nthe stream \u{1b}[31m",
            ),
            tried(Capability::Pairing, Some(true), "admitted"),
            tried(Capability::Throttle, None, "never reached"),
        ],
    );
    assert!(text.is_ascii() && !text.contains('\u{1b}'), "{text}");
    assert!(
        text.contains("# never reached\n#throttle = true\n"),
        "{text}"
    );
    target.roles = Some(vec![Role::Responder, Role::Initiator]);
    target.capabilities = BTreeMap::from([(Capability::Logs, false), (Capability::Pairing, true)]);
    assert_eq!(read(&text), target);
}
