//! The binary as its users meet it: exit codes, what it says when the start goes wrong, the shape of what it prints.
#![allow(clippy::panic, reason = "a test says what it relies on by failing")]

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    process::Output,
    thread,
};

use assert_cmd::Command;
use serde_json::Value;
use syncspec::{runner::start_reference, target::provision::Provision};
use tokio::runtime::Runtime;

/// One quick case, enough wherever the start is what is tested.
const ONE_CASE: &str = "transport/answers-a-key-with-an-encapsulation";

fn syncspec(args: &[&str]) -> Output {
    Command::cargo_bin("syncspec")
        .expect("the binary is built")
        .args(args)
        .output()
        .expect("it runs")
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("it exits by itself")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn stdout_json(args: &[&str]) -> Value {
    let output = syncspec(args);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Runs one case against a server that treats each connection as `serve` does.
fn against(serve: impl Fn(TcpStream) + Send + 'static) -> Output {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port");
    let url = format!("http://{}", listener.local_addr().expect("its address"));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            serve(stream);
        }
    });
    syncspec(&["run", "--target", &url, "--exact", ONE_CASE])
}

/// An address of the loopback interface that nobody listens on.
fn free_address() -> String {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port");
    free.local_addr().expect("its address").to_string()
}

/// Cases that make a client change its config, and one that rests on its operations.
const CASES: [&str; 2] = ["set-config/applies-what", "operations/serves-what"];

#[test]
fn client_started_by_hand_then_its_cases_are_played() {
    let (address, folder) = (free_address(), tempfile::tempdir().expect("a folder"));
    let given = |format: &str| {
        let provision = ["provision", "--role", "initiator", "--listen", &address];
        let cases = ["--format", format, CASES[0], CASES[1]];
        let output = syncspec(&[&provision[..], &cases].concat());
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let file = folder.path().join(format);
        fs::write(&file, output.stdout).expect("a file");
        file
    };
    let (config, operations) = (given("backrest-config"), given("operations"));
    let run = std::process::Command::new(env!("CARGO_BIN_EXE_syncspec"))
        .args(["run", "--listen", &address, CASES[0], CASES[1]])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("it starts");
    while TcpStream::connect(&address).is_err() {
        thread::yield_now();
    }
    let mut client = std::process::Command::new(env!("CARGO_BIN_EXE_syncspec"))
        .args(["connect", "--log", "error", "--config"])
        .arg(config)
        .arg("--operations")
        .arg(operations)
        .spawn()
        .expect("it starts");
    let output = run.wait_with_output().expect("it ends");
    client.kill().expect("the client is there");
    client.wait().expect("it ends");
    let told = String::from_utf8_lossy(&output.stdout);
    assert_eq!(code(&output), 0, "{told}");
    assert!(told.contains("plan-created"), "{told}");
}

#[test]
fn role_that_nothing_reaches_then_usage_error() {
    for (flags, missing) in [
        (
            ["--role", "initiator", "--target", "http://127.0.0.1:1"],
            "--listen",
        ),
        (
            ["--role", "responder", "--listen", "127.0.0.1:1"],
            "--target",
        ),
    ] {
        let output = syncspec(&[&["run"], &flags[..]].concat());
        assert_eq!(code(&output), 2);
        assert!(stderr(&output).contains(missing), "{}", stderr(&output));
    }
}

#[test]
fn wrong_flag_then_usage_error() {
    let output = syncspec(&["run", "--no-such-flag"]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("--no-such-flag"));
}

#[test]
fn busy_machine_then_said_and_judged_as_on_a_quiet_one() {
    let output = syncspec(&["run", "--stress", "2", "--repeat", "3", "--exact", ONE_CASE]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let threads = 2 * thread::available_parallelism().expect("their number").get();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let beside = format!(", beside {threads} busy threads");
    assert!(said.contains(&beside), "{said}");
    for number in ["0", "65", "x"] {
        let output = syncspec(&["run", "--stress", number, "--exact", ONE_CASE]);
        assert_eq!(code(&output), 2);
        assert!(
            stderr(&output).contains("from 1 to 64"),
            "{}",
            stderr(&output)
        );
    }
}

#[test]
fn nothing_selected_then_not_green() {
    let output = syncspec(&["run", "no-case-has-this-name"]);
    assert_eq!(code(&output), 3);
    assert!(stderr(&output).contains("no case matches"));
}

#[test]
fn port_refused_then_tcp_is_named() {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port");
    let url = format!("http://{}", free.local_addr().expect("its address"));
    drop(free);
    let output = syncspec(&["run", "--target", &url, "--exact", ONE_CASE]);
    assert_eq!(code(&output), 3);
    assert!(stderr(&output).contains("tcp"), "{}", stderr(&output));
    assert!(stderr(&output).contains("Is the peer running"));
}

#[test]
fn http1_server_then_http2_is_named() {
    let output = against(|mut stream| {
        let mut start = [0; 64];
        let _ = stream.read(&mut start);
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n");
    });
    assert_eq!(code(&output), 3);
    assert!(stderr(&output).contains("http2"), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("HTTP/1.1 400"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn peer_closes_at_once_then_said_so() {
    let output = against(drop);
    assert_eq!(code(&output), 3);
    assert!(
        stderr(&output).contains("closed the connection at once"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn silent_peer_then_said_so_within_seconds() {
    let held = std::sync::Mutex::new(Vec::new());
    let output = against(move |stream| held.lock().expect("no other holder").push(stream));
    assert_eq!(code(&output), 3);
    assert!(
        stderr(&output).contains("nothing within"),
        "{}",
        stderr(&output)
    );
}

/// Our own host, given the provision of no case.
fn host_without_clients() -> (Runtime, String) {
    let runtime = Runtime::new().expect("a runtime");
    let reference = runtime
        .block_on(start_reference(&Provision::for_cases([])))
        .expect("the reference starts");
    (runtime, reference.url)
}

#[test]
fn provisioning_forgotten_then_said_so() {
    let (_runtime, url) = host_without_clients();
    let output = syncspec(&["run", "--target", &url, "--exact", ONE_CASE]);
    assert_eq!(code(&output), 3);
    assert!(
        stderr(&output).contains("syncspec provision"),
        "{}",
        stderr(&output)
    );
    assert!(stderr(&output).contains("does not know our key"));
}

#[test]
fn wrong_path_prefix_then_path_is_named() {
    let (_runtime, url) = host_without_clients();
    let target = format!("{url}/no/such/prefix");
    let output = syncspec(&["run", "--target", &target, "--exact", ONE_CASE]);
    assert_eq!(code(&output), 3);
    assert!(
        stderr(&output).contains("path prefix"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn other_reading_of_the_kem_id_then_cause_is_named() {
    let (_runtime, url) = host_without_clients();
    let output = syncspec(&[
        "run", "--target", &url, "--kem-id", "0050", "--exact", ONE_CASE,
    ]);
    assert_eq!(code(&output), 3);
    assert!(stderr(&output).contains("KEM id"), "{}", stderr(&output));
}

#[test]
fn bad_url_then_url_is_named() {
    let output = syncspec(&["run", "--target", "ftp://127.0.0.1", "--exact", ONE_CASE]);
    assert_eq!(code(&output), 3);
    assert!(
        stderr(&output).contains("http://HOST:PORT"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn broken_scenario_files_then_each_is_named_and_nothing_is_played() {
    let dir = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).expect("written");
    write("misspelt.yaml", "abuot: X.\n");
    write(
        "unknown-rule.yaml",
        "about: A claim.\nrules: [no.such-rule]\ntarget: responder\nsteps: [establish, fence]\n",
    );
    let scenarios = dir.path().to_string_lossy().into_owned();
    let output = syncspec(&["run", "--scenarios", &scenarios]);
    assert_eq!(code(&output), 2);
    let said = stderr(&output);
    assert!(said.contains("misspelt.yaml:1:1"), "{said}");
    assert!(said.contains("unknown-rule.yaml:2:9"), "{said}");
    assert!(said.contains("nothing was played"), "{said}");
}

#[test]
fn report_that_cannot_be_written_then_suite_error_names_the_file() {
    let output = syncspec(&[
        "run",
        "--exact",
        ONE_CASE,
        "--report",
        "json=/nonexistent/report.json",
    ]);
    assert_eq!(code(&output), 4);
    assert!(stderr(&output).contains("/nonexistent/report.json"));
}

#[test]
fn json_report_then_has_the_documented_shape() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("report.json");
    let report = format!("json={}", file.display());
    let output = syncspec(&[
        "run", "--exact", ONE_CASE, "--seed", "7", "--report", &report,
    ]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let report: Value = serde_json::from_slice(&fs::read(file).expect("written")).expect("JSON");
    assert_eq!(report["schema"], 1);
    assert_eq!(report["suite"]["seed"], 7);
    assert_eq!(report["target"]["role"], "responder");
    assert_eq!(
        report["target"]["protocols"],
        serde_json::json!(["grpc", "connect"])
    );
    for key in [
        "passed",
        "failed",
        "inconclusive",
        "skipped",
        "known_failing",
        "total",
    ] {
        assert!(report["summary"][key].is_u64(), "{key}");
    }
    assert_eq!(report["summary"]["total"], 2);
    for key in ["reaching_ms", "together_ms", "alone_ms", "lingering_ms"] {
        assert!(report["time"][key].is_f64(), "{key}");
    }
    for key in ["waiting_ms", "crypto_ms", "rest_ms"] {
        let spent = report["time"]["cases"][key].as_f64().expect(key);
        assert!(spent > 0.0, "{key}: {spent}");
    }
    let result = &report["results"][0];
    for key in [
        "id",
        "rules",
        "level",
        "role",
        "protocol",
        "outcome",
        "duration_ms",
        "findings",
    ] {
        assert!(!result[key].is_null(), "{key}");
    }
}

#[test]
fn case_between_two_peers_then_played_where_both_are_and_else_not_judged() {
    let id = "security/man-in-the-middle";
    let listed = syncspec(&["list", "--exact", id]);
    assert!(String::from_utf8_lossy(&listed.stdout).starts_with(id));

    let both = syncspec(&["run", "--exact", id]);
    let said = String::from_utf8_lossy(&both.stdout).into_owned();
    assert_eq!(code(&both), 0, "{said}");
    assert!(said.contains("4 passed, 0 failed"), "{said}");

    let host = syncspec(&["run", "--exact", id, "--role", "responder"]);
    let said = String::from_utf8_lossy(&host.stdout).into_owned();
    assert_eq!(code(&host), 3, "{said}");
    assert!(said.contains("this run has only one of them"), "{said}");
}

/// The reference, host or client as its provision says. Who plays both has its port open as either.
const EITHER: &str = r#"
roles = ["responder", "initiator"]
[command]
run = ["sh", "-c", "if grep -q knownHosts $1; then $0 connect --config $1 & fi; exec $0 serve --config $1 --listen $2", "EXE", "{provision}", "127.0.0.1:{port}"]
format = "backrest-config"
"#;

#[test]
fn command_with_both_roles_then_its_host_and_its_client_are_stood_between() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("syncspec.toml");
    let target = EITHER.replace("EXE", env!("CARGO_BIN_EXE_syncspec"));
    fs::write(&file, target).expect("it is written");
    let file = file.to_string_lossy();
    let id = "security/man-in-the-middle";
    let output = syncspec(&["run", "--target", &file, "--exact", id]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(code(&output), 0, "{said}{}", stderr(&output));
    assert!(said.contains("2 passed, 0 failed"), "{said}");
}

#[test]
fn lists_then_have_the_documented_fields() {
    let cases = stdout_json(&["list", "--format", "json"]);
    let cases = cases.as_array().expect("an array");
    assert!(cases.len() >= 80, "{} cases", cases.len());
    for case in cases {
        for key in [
            "id", "about", "rules", "role", "level", "profile", "location",
        ] {
            assert!(!case[key].is_null(), "{key} of {case}");
        }
    }
    let rules = stdout_json(&["rules", "--format", "json"]);
    for rule in rules.as_array().expect("an array") {
        for key in ["id", "level", "binds", "text", "source", "cases"] {
            assert!(!rule[key].is_null(), "{key} of {rule}");
        }
        assert!(rule.get("untestable").is_some());
    }
}

#[test]
fn provision_then_same_every_time_and_in_both_forms() {
    let first = stdout_json(&["provision"]);
    assert_eq!(first, stdout_json(&["provision"]));
    let deployed = stdout_json(&["provision", "--format", "backrest-config"]);
    let clients = |value: &Value| value.as_array().map(Vec::len);
    assert_eq!(
        clients(&first["authorized_clients"]),
        clients(&deployed["sync"]["authorizedClients"])
    );
    assert_eq!(deployed["version"], 6);
}

#[test]
fn vectors_of_another_format_then_error_and_not_a_pass() {
    let dir = tempfile::tempdir().expect("a folder");
    fs::write(
        dir.path().join("strange.json"),
        r#"{"schema":"other/1","groups":[]}"#,
    )
    .expect("written");
    let output = syncspec(&["vectors", "--dir", &dir.path().to_string_lossy()]);
    assert_ne!(code(&output), 0);
    assert!(
        stderr(&output).contains("strange.json"),
        "{}",
        stderr(&output)
    );
}

/// A campaign's folder, as text.
fn campaign_folder() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("campaign").display().to_string();
    (folder, path)
}

#[test]
fn campaign_in_each_role_then_the_reference_breaks_nothing_and_its_folder_goes_on() {
    let (_folder, path) = campaign_folder();
    for role in ["responder", "initiator"] {
        let args = [
            "fuzz", "--role", role, "--plays", "24", "--seed", "4", "--corpus", &path,
        ];
        let output = syncspec(&args);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(code(&output), 0, "{text}{}", stderr(&output));
        assert!(text.contains("0 findings, 0 differences"), "{text}");
        let coverage = fs::read(format!("{path}/coverage-{role}.json")).expect("what was visited");
        let coverage: Value = serde_json::from_slice(&coverage).expect("JSON");
        assert_eq!(coverage["role"], role);
    }
    let kept = |path: &str| fs::read_dir(format!("{path}/variations")).map_or(0, Iterator::count);
    assert!(kept(&path) > 0, "nothing was new");
    let (_other, into) = campaign_folder();
    let output = syncspec(&["fuzz", "merge", &into, &path]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(kept(&into), kept(&path));
    fs::write(format!("{into}/variations/broken.json"), "{}").expect("a file");
    let output = syncspec(&["fuzz", "--plays", "1", "--corpus", &into]);
    assert_eq!(code(&output), 2);
    assert!(
        stderr(&output).contains("broken.json"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn findings_then_taken_over_where_the_reference_holds_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let findings = folder.path().join("findings");
    fs::create_dir(&findings).expect("a folder");
    let case = |code: &str| {
        format!(
            "about: The end of a session whose nonce was used before.\nrules: [envelope.replay-refused]\ntarget: responder\n\
             steps:\n  - establish\n  - send: {{ heartbeat: {{}} }}\n    deviate: {{ nonce: repeat-last }}\n  \
             - expect-closed: {{ code: {code} }}\n"
        )
    };
    fs::write(findings.join("holds.yaml"), case("internal")).expect("a file");
    fs::write(findings.join("does-not.yaml"), case("not-found")).expect("a file");
    let into = folder.path().join("scenarios");
    let paths = [&findings, &into].map(|path| path.display().to_string());
    let output = syncspec(&["fuzz", "import", &paths[0], "--into", &paths[1]]);
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    assert!(stderr(&output).contains("does-not"), "{}", stderr(&output));
    assert!(into.join("holds.yaml").exists() && !into.join("does-not.yaml").exists());
}
