//! One run of the doctor, and what it said.

use std::{net::SocketAddr, process::Output};

use assert_cmd::Command;
use serde_json::Value;
use tokio::{net::TcpListener, runtime::Runtime};

/// What the doctor said.
pub struct Said {
    pub code: i32,
    pub text: String,
    report: Value,
}

/// Runs the doctor to its end.
pub fn doctor(args: &[&str]) -> Said {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.json");
    let output = Command::cargo_bin("syncspec")
        .unwrap()
        .arg("doctor")
        .args(args)
        .arg("--report")
        .arg(format!("json={}", file.display()))
        .output()
        .unwrap();
    said(&output, &std::fs::read(file).unwrap_or_default())
}

pub fn said(output: &Output, report: &[u8]) -> Said {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let report = serde_json::from_slice(report).unwrap_or_else(|error| {
        panic!(
            "a report: {error}\n{}{}",
            text(&output.stdout),
            text(&output.stderr)
        )
    });
    Said {
        code: output.status.code().unwrap(),
        text: text(&output.stdout),
        report,
    }
}

impl Said {
    /// The steps that failed or are noted, with the mistake's word; a broken rule has its id.
    fn found(&self, standing: &str) -> Vec<(String, String)> {
        let checks = self.report["checks"].as_array().unwrap();
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        checks
            .iter()
            .filter(|check| check["standing"] == standing)
            .map(|check| (word(&check["step"]), word(&check["mistake"])))
            .collect()
    }

    /// Exactly this is wrong, and it is told as a mistake of the set-up.
    pub fn names(&self, step: &str, mistake: &str) {
        let failed = self.found("failed");
        assert_eq!(
            failed,
            [(step.to_owned(), mistake.to_owned())],
            "{}",
            self.text
        );
        assert_eq!(self.code, 3, "{}", self.text);
        assert!(self.text.contains("FAIL"), "{}", self.text);
    }

    /// Nothing is wrong.
    pub fn is_well(&self) {
        assert_eq!(self.found("failed"), [], "{}", self.text);
        assert_eq!(self.found("defect"), [], "{}", self.text);
        assert_eq!(self.code, 0, "{}", self.text);
        assert!(self.text.contains("all is well"), "{}", self.text);
    }

    /// What the failure that there is likely comes from, and what to do.
    pub fn advice(&self) -> String {
        let checks = self.report["checks"].as_array().unwrap();
        let failed = checks.iter().find(|check| check["standing"] == "failed");
        failed.unwrap()["advice"].as_str().unwrap().to_owned()
    }

    pub fn is_noted(&self, step: &str, mistake: &str) -> bool {
        self.found("note")
            .contains(&(step.to_owned(), mistake.to_owned()))
    }

    pub fn says(&self, words: &str) {
        assert!(flat(&self.text).contains(words), "{words}\n{}", self.text);
    }
}

/// The words alone: advice is wrapped.
pub fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A small server of the test's own. It lasts as long as this does.
pub struct Server {
    pub address: SocketAddr,
    _runtime: Runtime,
}

impl Server {
    /// Hands each connection to `serve`.
    pub fn start<F>(serve: impl Fn(tokio::net::TcpStream) -> F + Send + 'static) -> Server
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move {
            while let Ok((io, _)) = listener.accept().await {
                tokio::spawn(serve(io));
            }
        });
        Server {
            address,
            _runtime: runtime,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}
