//! Peers that the suite starts: what a crash costs, what a list of known failures makes of it, and that nothing is left.

#![cfg(target_os = "linux")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says what it relies on by failing"
)]

mod capabilities;
mod outside;
mod peer;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use assert_cmd::cargo::CommandCargoExt as _;
use serde_json::Value;
use tempfile::TempDir;

/// Its row `two` crashes the peer; the others are beside it.
const CASES: [&str; 2] = [
    "transport/refuses-other-transport-versions",
    "session/answers-a-manifest",
];
const CRASHING: &str = "transport/refuses-other-transport-versions/two";
/// What a run says of an end of the peer that it can pin on no case.
const OUTLIVES: &str = "peer/outlives-the-run";
const WAIT: Duration = Duration::from_secs(60);

struct Folder(TempDir);

impl Folder {
    fn new(behaviour: &str, more: &str) -> Folder {
        let folder = Folder(TempDir::new().unwrap());
        let exe = env::current_exe().unwrap();
        let count = folder.path("count");
        folder.write(
            "syncspec.toml",
            &format!(
                "name = 'test-peer'\n{more}\n[command]\nrun = ['{}', '--ignored', '--exact', 'peer::stands', '--nocapture']\n\
                 format = 'backrest-config'\nstart-within = '60s'\n\
                 env = {{ PEER = '{behaviour}', CONFIG = '{{provision}}', PORT = '{{port}}', COUNT = '{}' }}\n",
                exe.display(),
                count.display()
            ),
        );
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn run(&self, more: &[&str]) -> Run {
        let report = self.path("report.json");
        let output = self
            .command()
            .args(CASES)
            .args(["--protocol", "grpc"])
            .arg("--report")
            .arg(format!("json={}", report.display()))
            .args(more)
            .output()
            .unwrap();
        Run { output, report }
    }

    fn command(&self) -> Command {
        let mut command = Command::cargo_bin("syncspec").unwrap();
        command
            .current_dir(self.0.path())
            .args(["run", "--target", "syncspec.toml"]);
        command
    }
}

struct Run {
    output: Output,
    report: PathBuf,
}

impl Run {
    fn code(&self) -> i32 {
        self.output.status.code().unwrap()
    }

    fn said(&self) -> String {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        text(&self.output.stdout) + &text(&self.output.stderr)
    }

    fn results(&self) -> Vec<Value> {
        let text = fs::read(&self.report).unwrap_or_else(|_| panic!("no report:\n{}", self.said()));
        let report: Value = serde_json::from_slice(&text).unwrap();
        report["results"].as_array().unwrap().clone()
    }

    fn outcomes(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let results = self.results();
        let pairs = results
            .iter()
            .map(|result| (text(&result["id"]), text(&result["outcome"])));
        pairs.collect()
    }
}

#[test]
fn peer_crashes_in_one_case_then_it_costs_that_case_only() {
    let folder = Folder::new("crash", "");
    let run = folder.run(&[]);
    assert_eq!(run.code(), 1, "{}", run.said());
    let outcomes = run.outcomes();
    assert!(outcomes.len() > 4, "{outcomes:?}");
    for (id, outcome) in outcomes {
        let expected = if id == CRASHING { "failed" } else { "passed" };
        assert_eq!(outcome, expected, "{id}\n{}", run.said());
    }
    let results = run.results();
    let crashed = results
        .iter()
        .find(|result| result["id"] == CRASHING)
        .unwrap();
    let rules: Vec<_> = crashed["findings"].as_array().unwrap().iter().collect();
    assert!(
        rules
            .iter()
            .any(|finding| finding["rule"] == "responder.survives"),
        "{crashed:#}"
    );
    let log = crashed["peer_log"].to_string();
    assert!(log.contains("crashing as asked"), "{log}");
}

#[test]
fn peer_hangs_behind_the_last_case_then_red_and_no_case_is_blamed() {
    let folder = Folder::new("hang", "");
    let run = folder.run(&["--skip", "session/"]);
    assert_eq!(run.code(), 1, "{}", run.said());
    for (id, outcome) in run.outcomes() {
        let expected = if id == OUTLIVES { "failed" } else { "passed" };
        assert_eq!(outcome, expected, "{id}\n{}", run.said());
    }
    let said = run.said();
    assert!(
        said.contains("the peer serves no session any more"),
        "{said}"
    );
    assert!(
        said.contains("ended last") && said.contains(&format!("{CRASHING} over grpc")),
        "{said}"
    );
}

#[test]
fn crash_that_is_listed_then_known_and_one_that_is_listed_otherwise_is_not() {
    let folder = Folder::new("crash", "known-failing = 'known.yaml'");
    let list = |rule: &str| {
        format!("- case: {CRASHING}\n  reason: It crashes.\n  expect: {{ rule: {rule} }}\n")
    };
    folder.write("known.yaml", &list("responder.survives"));
    let run = folder.run(&[]);
    // The case fails by what it claims, too, where the stream is lost before the peer's end is noticed.
    let outcome = |run: &Run| {
        let outcomes = run.outcomes();
        let found = outcomes.into_iter().find(|(id, _)| id == CRASHING);
        found.unwrap().1
    };
    folder.write(
        "known.yaml",
        &format!("- case: {CRASHING}\n  reason: It crashes.\n"),
    );
    let any = folder.run(&[]);
    assert_eq!(
        (any.code(), outcome(&any).as_str()),
        (0, "known-failing"),
        "{}",
        any.said()
    );
    assert_ne!(outcome(&run), "passed");
    folder.write("known.yaml", &list("close.protocol-code"));
    let other = folder.run(&[]);
    assert_eq!((other.code(), outcome(&other).as_str()), (1, "failed"));
    assert!(
        other.said().contains("fails differently"),
        "{}",
        other.said()
    );
}

#[test]
fn listed_case_that_passes_then_red() {
    let folder = Folder::new("honest", "known-failing = 'known.yaml'");
    folder.write(
        "known.yaml",
        &format!("- case: {CRASHING}\n  reason: It crashed once.\n"),
    );
    let run = folder.run(&[]);
    assert_eq!(run.code(), 1);
    assert!(
        run.said()
            .contains("known.yaml:1:3 says that it fails, and it does not"),
        "{}",
        run.said()
    );
}

#[test]
fn list_with_mistakes_then_told_before_anything_is_played() {
    let folder = Folder::new("honest", "known-failing = 'known.yaml'");
    folder.write("known.yaml", "- case: no/such-case\n  reason: X.\n");
    let run = folder.run(&[]);
    assert_eq!(run.code(), 2, "{}", run.said());
    assert!(run.said().contains("known.yaml:1:9"), "{}", run.said());
    assert!(!run.report.exists());
}

#[test]
fn peer_differs_from_play_to_play_then_flaky_with_its_rate() {
    let folder = Folder::new("crash-second", "");
    let run = folder.run(&["--repeat", "2"]);
    assert_eq!(run.code(), 1, "{}", run.said());
    let results = run.results();
    let flaky = results
        .iter()
        .find(|result| result["id"] == CRASHING)
        .unwrap();
    assert_eq!(flaky["outcome"], "flaky", "{flaky:#}");
    assert_eq!(flaky["repeats"]["plays"], 2);
    assert_eq!(flaky["repeats"]["not_passed"], 1);
    assert_eq!(
        run.outcomes()
            .iter()
            .filter(|(_, outcome)| outcome == "passed")
            .count(),
        results.len() - 1
    );
}

#[test]
fn peer_ends_at_start_then_said_with_its_last_lines() {
    let run = Folder::new("no-start", "").run(&[]);
    assert_eq!(run.code(), 3, "{}", run.said());
    assert!(run.said().contains("before it was ready"), "{}", run.said());
    assert!(run.said().contains("no way to start"), "{}", run.said());
}

#[test]
fn target_file_with_mistakes_then_usage_error_at_their_place() {
    let folder = Folder::new("honest", "nmae = 'x'");
    let run = folder.run(&[]);
    assert_eq!(run.code(), 2);
    assert!(
        run.said().contains("syncspec.toml:2:1: unknown key `nmae`"),
        "{}",
        run.said()
    );
}

#[test]
fn shards_then_each_case_in_one() {
    let folder = Folder::new("honest", "");
    let mut ids: Vec<_> = ["1/2", "2/2"]
        .iter()
        .flat_map(|shard| folder.run(&["--shard", shard]).outcomes())
        .map(|(id, _)| id)
        .collect();
    ids.sort();
    let all: Vec<_> = folder
        .run(&[])
        .outcomes()
        .into_iter()
        .map(|(id, _)| id)
        .collect();
    assert_eq!(ids, all);
}

#[test]
fn told_to_leave_then_no_peer_is_left() {
    let folder = Folder::new("honest", "");
    let pids = folder.path("pids");
    folder.write(
        "syncspec.toml",
        &format!(
            "[command]\nrun = ['sh', '-c', 'sleep 1000 & echo $! $$ > {}; wait # {{provision}} {{port}}']\nstart-within = '60s'\n",
            pids.display()
        ),
    );
    let mut suite = folder
        .command()
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let started = until(|| {
        fs::read_to_string(&pids)
            .ok()
            .filter(|text| text.ends_with('\n'))
    });
    let interrupt = Command::new("kill")
        .args(["-INT", &suite.id().to_string()])
        .status();
    assert!(interrupt.unwrap().success());
    assert_eq!(suite.wait().unwrap().code(), Some(3));
    for pid in started.split_whitespace() {
        until(|| is_gone(pid).then_some(()));
    }
}

fn is_gone(pid: &str) -> bool {
    let stat = fs::read_to_string(Path::new("/proc").join(pid).join("stat")).unwrap_or_default();
    // `Z` has ended, and waits for its parent to hear of it.
    stat.split(") ")
        .nth(1)
        .is_none_or(|rest| rest.starts_with('Z'))
}

fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(started.elapsed() < WAIT, "nothing within {WAIT:?}");
        std::thread::yield_now();
    }
}
