//! What a run leaves behind: failures that can be judged and played again, and reports. The failures come from claims
//! that no correct peer satisfies, played against the reference.
#![allow(clippy::panic, reason = "a test says what it relies on by failing")]

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

/// False of a correct peer: a heartbeat ends no session, and a repeated nonce does.
const FALSE_CLAIMS: &[(&str, &str)] = &[
    (
        "envelope/ends-on-heartbeat.yaml",
        "about: A heartbeat ends the session.\nrules: [envelope.gap-refused]\ntarget: responder\nsteps:\n  - establish\n  \
         - send: { heartbeat: {} }\n  - expect-closed: { code: internal }\n",
    ),
    (
        "envelope/takes-a-repeated-nonce.yaml",
        "about: A repeated nonce does no harm.\nrules: [envelope.replay-refused]\ntarget: responder\nsteps:\n  - establish\n  \
         - send: { heartbeat: {} }\n  - send: { heartbeat: {} }\n    deviate: { nonce: repeat-last }\n  - fence\n",
    ),
    (
        "session/serves.yaml",
        "about: A session serves.\nrules: [responder.survives]\ntarget: responder\nsteps: [establish, fence]\n",
    ),
];

/// A folder to run in, with the claims under `claims`.
fn folder() -> TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    for (name, text) in FALSE_CLAIMS {
        let file = dir.path().join("claims").join(name);
        fs::create_dir_all(file.parent().expect("a parent")).expect("made");
        fs::write(file, text).expect("written");
    }
    dir
}

fn syncspec(dir: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_syncspec"))
        .args(args)
        .current_dir(dir)
        .stdin(Stdio::null())
        .output()
        .expect("it runs")
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("it exits by itself")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Plays the false claims over Connect.
fn run(dir: &Path, more: &[&str]) -> Output {
    let args = [
        "run",
        "--scenarios",
        "claims",
        "--protocol",
        "connect",
        "--seed",
        "5",
    ];
    syncspec(dir, &[&args, more].concat())
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

#[test]
fn failure_then_its_again_line_plays_the_same_case_to_the_same_findings() {
    let dir = folder();
    let played = run(dir.path(), &[]);
    assert_eq!(code(&played), 1, "{}", stderr(&played));
    let said = stdout(&played);
    let again: Vec<_> = said
        .lines()
        .filter_map(|line| line.trim().strip_prefix("again   syncspec "))
        .collect();
    assert_eq!(again.len(), 2, "{said}");
    for command in again {
        let words: Vec<_> = command.split(' ').collect();
        let replayed = syncspec(dir.path(), &words);
        assert_eq!(code(&replayed), 1, "{command}\n{}", stderr(&replayed));
        assert!(
            stdout(&replayed).contains("\nthe same as when it was saved"),
            "{}",
            stdout(&replayed)
        );
        let judged = syncspec(dir.path(), &["judge", words[1]]);
        assert_eq!(code(&judged), 1, "{}", stderr(&judged));
        assert!(
            stdout(&judged).contains("\nthe same as when it was saved"),
            "{}",
            stdout(&judged)
        );
        // The peer's answers differ from play to play; what we send does not.
        assert_eq!(
            sent(&stdout(&replayed)),
            sent(&said_of(&said, words[1])),
            "{command}"
        );
    }
}

/// What a failure's transcript says that we sent, without times.
fn sent(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| line.split_once(" ms  -> "))
        .map(|(_, sent)| sent.to_owned())
        .collect()
}

/// The part of a run's output that tells of the case saved in this file.
fn said_of(said: &str, file: &str) -> String {
    let end = said.find(file).expect("told");
    let start = said[..end].rfind("\nFAIL").expect("a failure");
    said[start..end].to_owned()
}

#[test]
fn replay_with_the_same_seed_then_our_first_message_has_the_same_bytes() {
    let dir = folder();
    run(dir.path(), &[]);
    let key_of = |folder: &str| -> Value {
        let file = dir
            .path()
            .join(folder)
            .join("envelope.ends-on-heartbeat.responder.connect.json");
        let case: Value = serde_json::from_str(&read(&file)).expect("JSON");
        let events = case["trace"]["events"].as_array().expect("events").clone();
        let key = events
            .into_iter()
            .find(|event| event["kind"]["sent"]["what"] == "key");
        key.expect("a key was sent")["kind"]["sent"]["item"].clone()
    };
    run(dir.path(), &["--failures", "again"]);
    assert!(key_of("failures")["establishSharedSecret"]["kemPublicKey"].is_string());
    assert_eq!(key_of("failures"), key_of("again"));
    let args = [
        "run",
        "--scenarios",
        "claims",
        "--protocol",
        "connect",
        "--seed",
        "6",
        "--failures",
        "other",
    ];
    syncspec(dir.path(), &args);
    assert_ne!(key_of("failures"), key_of("other"));
}

#[test]
fn everything_passes_then_no_folder_is_made() {
    let dir = folder();
    let played = run(dir.path(), &["session"]);
    assert_eq!(code(&played), 0, "{}", stderr(&played));
    assert!(!dir.path().join("failures").exists());
}

#[test]
fn step_by_step_then_each_message_waits_for_enter() {
    let dir = folder();
    run(dir.path(), &["repeated"]);
    let file = "failures/envelope.takes-a-repeated-nonce.responder.connect.json";
    let mut child = Command::new(env!("CARGO_BIN_EXE_syncspec"))
        .args(["replay", "--step", file])
        .current_dir(dir.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(b"\n\n\n\n\n").expect("written");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(code(&output), 1);
    let said = stdout(&output);
    // Key, handshake, two heartbeats, and the fence unless the stream ended before it.
    assert!(
        (4..=5).contains(&said.matches("Enter sends it").count()),
        "{said}"
    );
    assert!(said.contains("the same as when it was saved"), "{said}");
}

#[test]
fn file_that_is_no_saved_case_then_usage_error_names_it() {
    let dir = folder();
    fs::write(
        dir.path().join("notes.json"),
        "{\"format\":\"syncspec-case\",\"schema\":9}",
    )
    .expect("written");
    for command in ["judge", "replay"] {
        let output = syncspec(dir.path(), &[command, "notes.json"]);
        assert_eq!(code(&output), 2);
        assert!(
            stderr(&output).contains("notes.json") && stderr(&output).contains("schema 9"),
            "{}",
            stderr(&output)
        );
        assert_eq!(code(&syncspec(dir.path(), &[command, "missing.json"])), 2);
    }
}

#[test]
fn every_format_at_once_then_each_is_written_from_the_same_results() {
    let dir = folder();
    let played = run(
        dir.path(),
        &[
            "--label",
            "a <peer> 1.0",
            "--report",
            "html=page.html",
            "--report",
            "json=report.json",
            "--report",
            "junit=junit.xml",
            "--report",
            "md=summary.md",
            "--report",
            "github=-",
        ],
    );
    assert_eq!(code(&played), 1, "{}", stderr(&played));
    let report: Value = serde_json::from_str(&read(&dir.path().join("report.json"))).expect("JSON");
    assert_eq!(report["summary"]["failed"], 2);
    assert_eq!(report["summary"]["passed"], 1);
    assert_eq!(report["target"]["label"], "a <peer> 1.0");
    let again = report["results"][0]["again"].as_str().expect("a command");
    assert!(again.starts_with("syncspec replay failures/"), "{again}");
    let page = read(&dir.path().join("page.html"));
    assert!(page.contains("a &lt;peer&gt; 1.0") && page.contains("2 failed of 3 cases"));
    assert!(page.contains("first divergence") && page.contains(again));
    let xml = read(&dir.path().join("junit.xml"));
    assert!(
        xml.contains("tests=\"3\"") && xml.contains("failures=\"2\""),
        "{xml}"
    );
    assert!(read(&dir.path().join("summary.md")).contains("2 failed of 3 cases"));
    assert_eq!(
        stdout(&played).matches("::error file=").count(),
        2,
        "{}",
        stdout(&played)
    );
}

#[test]
fn report_then_satisfies_the_schema_that_is_printed() {
    let dir = folder();
    run(dir.path(), &["--report", "json=report.json"]);
    let schema = syncspec(dir.path(), &["schema", "--of", "report"]);
    let schema: Value = serde_json::from_slice(&schema.stdout).expect("JSON");
    let report: Value = serde_json::from_str(&read(&dir.path().join("report.json"))).expect("JSON");
    check(&schema, &schema, &report, "report");
}

/// The part of JSON Schema that the printed one uses: `$ref`, `type`, `properties`, `required`, `items`.
fn check(root: &Value, schema: &Value, value: &Value, path: &str) {
    if let Some(name) = schema["$ref"]
        .as_str()
        .and_then(|link| link.strip_prefix("#/$defs/"))
    {
        return check(root, &root["$defs"][name], value, path);
    }
    if let Some(any) = schema["anyOf"].as_array() {
        let fits = any
            .iter()
            .find(|part| value.is_null() == (part["type"] == "null"));
        return check(root, fits.expect("an alternative"), value, path);
    }
    let types: Vec<_> = match &schema["type"] {
        Value::String(one) => vec![one.as_str()],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => panic!("{path}: no type in {schema}"),
    };
    let seen = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_u64() && types.contains(&"integer") => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    assert!(types.contains(&seen), "{path}: {seen}, not {types:?}");
    for name in schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        assert!(value.get(name).is_some(), "{path}: no {name}");
    }
    if let Some(fields) = value.as_object() {
        for (name, value) in fields {
            let of = match schema["properties"].get(name) {
                Some(of) => of,
                None => &schema["additionalProperties"],
            };
            assert!(!of.is_null(), "{path}.{name} is not in the schema");
            check(root, of, value, &format!("{path}.{name}"));
        }
    }
    for (index, value) in value.as_array().into_iter().flatten().enumerate() {
        check(root, &schema["items"], value, &format!("{path}[{index}]"));
    }
}

#[test]
fn report_that_cannot_be_written_then_the_others_are_and_the_exit_code_tells() {
    let dir = folder();
    let played = run(
        dir.path(),
        &[
            "--report",
            "html=/nonexistent/page.html",
            "--report",
            "json=/dev/full",
            "--report",
            "md=summary.md",
        ],
    );
    assert_eq!(code(&played), 4);
    let said = stderr(&played);
    assert!(
        said.contains("/nonexistent/page.html") && said.contains("/dev/full"),
        "{said}"
    );
    assert!(dir.path().join("summary.md").exists());
    assert!(
        stdout(&played).contains("1 passed, 2 failed"),
        "{}",
        stdout(&played)
    );
}

#[test]
fn failures_folder_that_is_a_file_then_said_once_and_the_exit_code_tells() {
    let dir = folder();
    fs::write(dir.path().join("failures"), "mine").expect("written");
    let played = run(dir.path(), &[]);
    assert_eq!(code(&played), 4);
    assert_eq!(
        stderr(&played).matches("failed to").count(),
        1,
        "{}",
        stderr(&played)
    );
    assert!(stdout(&played).contains("2 failed"));
    assert_eq!(read(&dir.path().join("failures")), "mine");
}

#[test]
fn matrix_then_both_reports_and_what_is_none() {
    let dir = folder();
    run(
        dir.path(),
        &["--report", "json=a.json", "--label", "peer 1"],
    );
    run(
        dir.path(),
        &["session", "--report", "json=b.json", "--label", "peer 2"],
    );
    fs::write(dir.path().join("c.json"), "{\"schema\":2}").expect("written");
    let output = syncspec(
        dir.path(),
        &[
            "matrix", "a.json", "b.json", "--html", "m.html", "--md", "m.md",
        ],
    );
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let page = read(&dir.path().join("m.html"));
    assert!(page.contains("peer 1") && page.contains("peer 2") && page.contains("broken, 1 of 1"));
    assert!(
        page.contains("missing"),
        "the second report lacks two cases"
    );
    let output = syncspec(dir.path(), &["matrix", "a.json", "c.json"]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("schema 2"), "{}", stderr(&output));
    assert!(
        stdout(&output).contains("**broken, 1 of 1** | **not read**"),
        "{}",
        stdout(&output)
    );
}
