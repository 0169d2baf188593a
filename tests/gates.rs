//! The CI gates that are offered: their steps are taken from the files as they stand, and run. What a runner would bring along
//! is played: its variables, its caches, and `cargo install`, which here copies the program of this build.

#![cfg(target_os = "linux")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says what it relies on by failing"
)]

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;
use tempfile::TempDir;

/// One quick case, and one that no host passes.
const PASSES: &str = "transport/says-nothing-before-the-key";
const NO_HOST_PASSES: &str = "about: A heartbeat ends the session.\nrules: [responder.survives]\ntarget: responder\n\
     steps:\n  - establish\n  - send: { heartbeat: {} }\n  - expect-closed: { code: internal }\n";

fn yaml(file: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Where the action finds the suite's own source.
const SUITE: &str = "the suite";

/// A runner: a checked-out project with our own host as its peer, and nothing installed yet.
struct Runner(TempDir);

impl Runner {
    fn new() -> Runner {
        let runner = Runner(TempDir::new().unwrap());
        let program = env!("CARGO_BIN_EXE_syncspec");
        let target = format!(
            "name = 'our peer'\nroles = ['responder']\n[command]\nformat = 'backrest-config'\nstart-within = '60s'\n\
             run = ['{program}', 'serve', '--config', '{{provision}}', '--listen', '127.0.0.1:{{port}}']\n"
        );
        runner.write("our peer/syncspec.toml", &target);
        runner.write("claims/session/false.yaml", NO_HOST_PASSES);
        runner.write(&format!("{SUITE}/src/lib.rs"), "");
        // What it was told is kept; `--version` of what it puts there shows that it is the program.
        let cargo = format!(
            "#!/bin/sh\necho \"$@\" >> \"$INSTALLED\"\nmkdir -p \"$CARGO_HOME/bin\" && cp '{program}' \"$CARGO_HOME/bin/\"\n"
        );
        runner.write("stubs/cargo", &cargo);
        let executable = fs::Permissions::from_mode(0o755);
        fs::set_permissions(runner.path("stubs/cargo"), executable).unwrap();
        runner
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let file = self.path(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Runs a script as runners do, once it is seen to be one.
    fn bash(&self, script: &str, variables: &[(&str, String)]) -> Output {
        let bash = |args: &[&str]| {
            let path = format!(
                "{}:{}",
                self.path("stubs").display(),
                std::env::var("PATH").unwrap()
            );
            let mut command = Command::new("bash");
            command
                .args(["--noprofile", "--norc"])
                .args(args)
                .arg("-c")
                .arg(script);
            command.current_dir(self.0.path()).env("PATH", path);
            command.env("INSTALLED", self.path("installed"));
            let variables = variables.iter().map(|(name, value)| (name, value));
            command.envs(variables).output().unwrap()
        };
        let parsed = bash(&["-n"]);
        assert!(parsed.status.success(), "{script}\n{}", said(&parsed));
        bash(&["-eo", "pipefail"])
    }

    /// How often something was installed, and the words of it.
    fn installed(&self) -> Vec<String> {
        let installed = fs::read_to_string(self.path("installed")).unwrap_or_default();
        installed.lines().map(str::to_owned).collect()
    }
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

/// The shell steps of the composite action, each run in turn with these inputs; the others get their defaults.
fn act(runner: &Runner, inputs: &[(&str, &str)]) -> Output {
    let action = yaml("action.yml");
    let input = |name: &str| -> String {
        let given = inputs.iter().find(|(given, _)| *given == name);
        let default = || {
            action["inputs"][name]["default"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        given.map_or_else(default, |(_, value)| (*value).to_owned())
    };
    let mut last = None;
    for step in action["runs"]["steps"].as_array().unwrap() {
        let Some(script) = step["run"].as_str() else {
            assert!(step["uses"].is_string(), "a step that does nothing: {step}");
            continue;
        };
        assert_eq!(step["shell"], "bash", "a composite action must say so");
        let mut variables = vec![
            ("HOME", runner.0.path().display().to_string()),
            ("CARGO_HOME", runner.path(".cargo").display().to_string()),
            ("GITHUB_OUTPUT", runner.path("output").display().to_string()),
            (
                "GITHUB_STEP_SUMMARY",
                runner.path("summary.md").display().to_string(),
            ),
        ];
        for (name, value) in step["env"].as_object().unwrap() {
            let expression = value.as_str().unwrap();
            let expression = expression
                .strip_prefix("${{ ")
                .unwrap()
                .strip_suffix(" }}")
                .unwrap();
            let value = match expression.strip_prefix("inputs.") {
                Some(name) => input(name),
                None => {
                    assert_eq!(expression, "github.action_path");
                    runner.path(SUITE).display().to_string()
                }
            };
            variables.push((name, value));
        }
        let output = runner.bash(script, &variables);
        let is_over = !output.status.success();
        last = Some(output);
        if is_over {
            break;
        }
    }
    last.unwrap()
}

#[test]
fn action_then_installs_once_and_is_green_with_a_summary() {
    let runner = Runner::new();
    for _ in 0..2 {
        let target = ("target", "our peer/syncspec.toml");
        let output = act(&runner, &[target, ("args", &format!("--exact {PASSES}"))]);
        assert!(output.status.success(), "{}", said(&output));
        assert!(said(&output).contains("2 passed"), "{}", said(&output));
    }
    let suite = runner.path(SUITE);
    assert_eq!(
        runner.installed(),
        [format!("install --locked --path {}", suite.display())]
    );
    let summary = runner.read("summary.md");
    assert!(summary.contains("2 passed, none failed"), "{summary}");
}

#[test]
fn source_of_the_suite_changes_then_what_was_cached_is_not_taken_for_it() {
    let runner = Runner::new();
    let hash = || {
        act(&runner, &[("args", &format!("--exact {PASSES}"))]);
        let output = runner.read("output");
        let last = output.lines().last().unwrap().to_owned();
        assert_eq!(last.len(), "hash=".len() + 64, "{last}");
        last
    };
    let first = hash();
    runner.write(&format!("{SUITE}/target/debug/built"), "");
    assert_eq!(hash(), first);
    runner.write(&format!("{SUITE}/src/lib.rs"), "changed");
    assert_ne!(hash(), first);
}

#[test]
fn action_on_a_peer_with_a_defect_then_red_annotated_and_what_it_keeps_is_there() {
    let runner = Runner::new();
    let target = ("target", "our peer/syncspec.toml");
    let output = act(&runner, &[target, ("args", "--scenarios claims")]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("::error file="), "{}", said(&output));
    assert!(runner.read("summary.md").contains("2 failed of 2 cases"));
    let action = yaml("action.yml");
    let steps = action["runs"]["steps"].as_array().unwrap();
    let kept = steps.iter().find(|step| step["if"] == "failure()").unwrap();
    for path in kept["with"]["path"].as_str().unwrap().lines() {
        assert!(
            runner.path(path).exists(),
            "{path} is kept, and is not there"
        );
    }
}

/// The script of the GitLab job, run with these variables; the others get their defaults.
fn job(runner: &Runner, variables: &[(&str, &str)]) -> Output {
    let template = yaml("ci/gitlab.yml");
    let job = &template[".syncspec"];
    let project = runner.0.path().display().to_string();
    let mut all: Vec<(&str, String)> = Vec::new();
    for (name, value) in job["variables"].as_object().unwrap() {
        let value = value.as_str().unwrap().replace("$CI_PROJECT_DIR", &project);
        all.push((name, value));
    }
    let given = variables
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()));
    all.extend(given);
    let lines = job["script"].as_array().unwrap().iter();
    let script: Vec<&str> = lines.map(|line| line.as_str().unwrap()).collect();
    runner.bash(&script.join("\n"), &all)
}

#[test]
fn gitlab_job_then_its_shards_play_each_case_once() {
    let runner = Runner::new();
    let parallel = yaml("ci/gitlab.yml")[".syncspec"]["parallel"]
        .as_u64()
        .unwrap();
    let mut played = BTreeSet::new();
    for shard in 1..=parallel {
        let output = job(
            &runner,
            &[
                ("SYNCSPEC_TARGET", "our peer/syncspec.toml"),
                ("SYNCSPEC_GIT", "https://example.org/suite"),
                ("SYNCSPEC_VERSION", "v1"),
                ("SYNCSPEC_ARGS", "transport/ --protocol connect"),
                ("CI_NODE_INDEX", &shard.to_string()),
                ("CI_NODE_TOTAL", &parallel.to_string()),
            ],
        );
        assert!(output.status.success(), "{}", said(&output));
        let report: Value = serde_json::from_str(&runner.read("syncspec.json")).unwrap();
        for result in report["results"].as_array().unwrap() {
            let id = result["id"].as_str().unwrap().to_owned();
            assert!(played.insert(id), "twice: {result}");
        }
    }
    let installed = "install --locked --git https://example.org/suite --tag v1 syncspec";
    assert_eq!(runner.installed(), [installed]);
    let mut list = Command::new(env!("CARGO_BIN_EXE_syncspec"));
    let list = list
        .args([
            "list",
            "transport/",
            "--role",
            "responder",
            "--format",
            "json",
        ])
        .output();
    let list: Value = serde_json::from_slice(&list.unwrap().stdout).unwrap();
    let ids = list
        .as_array()
        .unwrap()
        .iter()
        .map(|case| case["id"].as_str().unwrap().to_owned());
    assert_eq!(played, ids.collect::<BTreeSet<_>>());
}

#[test]
fn gitlab_job_on_a_peer_with_a_defect_then_red_and_what_it_keeps_is_there() {
    let runner = Runner::new();
    let output = job(
        &runner,
        &[
            ("SYNCSPEC_TARGET", "our peer/syncspec.toml"),
            ("SYNCSPEC_ARGS", "--scenarios claims"),
            ("CI_NODE_INDEX", "1"),
            ("CI_NODE_TOTAL", "1"),
        ],
    );
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let template = yaml("ci/gitlab.yml");
    let kept = &template[".syncspec"]["artifacts"];
    let paths = kept["paths"].as_array().unwrap().iter();
    for path in paths.chain(kept["reports"].as_object().unwrap().values()) {
        let path = path.as_str().unwrap();
        assert!(
            runner.path(path).exists(),
            "{path} is kept, and is not there"
        );
    }
}
