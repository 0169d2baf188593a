//! Hosts that somebody else runs, and that go away under the cases.

use std::{
    env,
    net::{Ipv4Addr, TcpListener, TcpStream},
    os::unix::process::CommandExt as _,
    process::{Child, Command, Stdio},
};

use assert_cmd::cargo::CommandCargoExt as _;
use tempfile::TempDir;

use super::{CASES, CRASHING, OUTLIVES, Run, until};

/// A shell that runs the peer that crashes, in a process group of its own.
struct Host {
    shell: Child,
    port: u16,
    folder: TempDir,
}

impl Host {
    /// `again` is what the shell does when the peer is gone.
    fn start(again: &str) -> Host {
        let folder = TempDir::new().unwrap();
        let config = folder.path().join("config.json");
        let provision = Command::cargo_bin("syncspec")
            .unwrap()
            .args(["provision", "--format", "backrest-config"])
            .output()
            .unwrap();
        std::fs::write(&config, provision.stdout).unwrap();
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let peer = r#""$EXE" --ignored --exact peer::stands --nocapture"#;
        let shell = Command::new("sh")
            .args(["-c", &format!("while {peer} || true; do {again}; done")])
            .env("EXE", env::current_exe().unwrap())
            .env("PEER", "crash")
            .env("CONFIG", config)
            .env("PORT", port.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        let host = Host {
            shell,
            port,
            folder,
        };
        until(|| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok());
        host
    }

    fn run(&self) -> Run {
        let report = self.folder.path().join("report.json");
        let output = Command::cargo_bin("syncspec")
            .unwrap()
            .current_dir(self.folder.path())
            .args([
                "run",
                "--target",
                &format!("http://127.0.0.1:{}", self.port),
            ])
            .args(CASES)
            .args(["--protocol", "grpc", "--report"])
            .arg(format!("json={}", report.display()))
            .output()
            .unwrap();
        Run { output, report }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = Command::new("kill")
            .args(["-KILL", "--", &format!("-{}", self.shell.id())])
            .status();
        let _ = self.shell.wait();
    }
}

#[test]
fn host_is_gone_for_good_then_no_case_is_blamed_and_those_under_way_are_named() {
    let host = Host::start("exit 0");
    let run = host.run();
    assert_eq!(run.code(), 1, "{}", run.said());
    let outcomes = run.outcomes();
    assert!(outcomes.len() > 4, "{outcomes:?}");
    for (id, outcome) in outcomes {
        match (id.as_str(), outcome.as_str()) {
            (OUTLIVES, "failed") | (CRASHING, "inconclusive") => {}
            (id, "passed" | "inconclusive") if id != OUTLIVES && id != CRASHING => {}
            other => panic!("{other:?}\n{}", run.said()),
        }
    }
    let said = run.said();
    assert!(said.contains("the peer went away"), "{said}");
    assert!(said.contains("under way: "), "{said}");
    assert!(said.contains(&format!("{CRASHING} over grpc")), "{said}");
}

#[test]
fn host_is_started_again_by_its_supervisor_then_a_crash_costs_the_case_that_causes_it() {
    let host = Host::start("sleep 2");
    let run = host.run();
    assert_eq!(run.code(), 1, "{}", run.said());
    for (id, outcome) in run.outcomes() {
        let expected = if id == CRASHING { "failed" } else { "passed" };
        assert_eq!(outcome, expected, "{id}\n{}", run.said());
    }
}
