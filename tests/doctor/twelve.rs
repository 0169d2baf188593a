//! The twelve mistakes that are made most when a peer is attached. Each is made for real on loopback; `doctor` names it and
//! says what to do, no two in the same words; and `run` looks before its first case, says the same, and stops.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::TcpListener,
    process::{Command, Output, Stdio},
    thread,
};

use serde_json::Value;
use syncspec::{
    net::{Connection, DialOptions, Link},
    wire::RpcProtocol,
};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::{
    answers::{bytes, http2},
    clients::Waiting,
    front::an_hour_ahead,
    hosts::{own_host, provisioned},
    run::{Said, doctor, flat},
};

/// One of them, once it was made.
struct Made {
    /// What the doctor was told.
    said: Said,
    /// What a run said that was told the same.
    run: Output,
    /// Its JSON report.
    report: Value,
}

/// One of them.
struct Row {
    mistake: &'static str,
    /// The step that it stops, and the mistake's word.
    found: (&'static str, &'static str),
    /// What the advice calls it by.
    named: &'static str,
    /// What the advice says to do.
    remedy: &'static str,
    make: fn() -> Made,
}

const TWELVE: [Row; 12] = [
    Row {
        mistake: "wrong port",
        found: ("tcp", "port-closed"),
        named: "Nobody listens there",
        remedy: "Is the peer running, and is this its port?",
        make: || of_host(&unused_port(), &[]),
    },
    Row {
        mistake: "HTTP/1 only",
        found: ("http2", "http1-only"),
        named: "speaks HTTP/1 only",
        remedy: "Sync needs HTTP/2 with prior knowledge",
        make: || {
            let server = bytes(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n");
            of_host(&server.url(), &[])
        },
    },
    Row {
        mistake: "TLS mismatch",
        found: ("tls", "https-for-http"),
        named: "speaks HTTP/2 in cleartext",
        remedy: "the URL must say http://",
        make: || {
            let (_runtime, url) = provisioned(true);
            of_host(&url.replace("http://", "https://"), &[])
        },
    },
    Row {
        mistake: "forgotten provisioning",
        found: ("provisioning", "not-provisioned"),
        named: "The peer does not know our key: give it",
        remedy: "give it the output of `syncspec provision`",
        make: || {
            let (_runtime, url) = provisioned(false);
            of_host(&url, &[])
        },
    },
    Row {
        mistake: "wrong key file",
        found: ("provisioning", "wrong-key-file"),
        named: "runs with another key or configuration file",
        remedy: "see that it loads it",
        make: || {
            let (_runtime, url, _) = own_host();
            of_host(&url, &["--provisioned"])
        },
    },
    Row {
        mistake: "clock off by an hour",
        found: ("clock", "clock-off"),
        named: "The clocks differ by 60 min",
        remedy: "Set the clock, or switch NTP on",
        make: || {
            let (_runtime, url) = provisioned(true);
            of_host(&an_hour_ahead(&url).url(), &[])
        },
    },
    Row {
        mistake: "wrong prefix",
        found: ("path", "wrong-prefix"),
        named: "Without the path prefix it answers",
        remedy: "Did you mean http://127.0.0.1:",
        make: || {
            let (_runtime, url) = provisioned(true);
            of_host(&format!("{url}/backrest"), &[])
        },
    },
    Row {
        mistake: "auth in front",
        found: ("path", "login-in-front"),
        named: "asks for a login",
        remedy: "let the path /v1sync.BackrestSyncService/ through without one",
        make: || {
            let asks = ("www-authenticate", "Basic realm=\"x\"".to_owned());
            of_host(&http2(401, &[asks], b"").url(), &[])
        },
    },
    Row {
        mistake: "initiator never dials",
        found: ("dialled", "never-dials"),
        named: "No client dialled",
        remedy: "start it again while this waits",
        make: || {
            let wait = ["--wait", "300ms"];
            let (run, report) = run_listening(&wait, |_| None);
            let said = doctor(&[&["--listen", "127.0.0.1:0"], &wait[..]].concat());
            Made { said, run, report }
        },
    },
    Row {
        mistake: "initiator dials the wrong path",
        found: ("path", "dials-wrong-path"),
        named: "The client dials another path",
        remedy: "set this host's URL in it to http://127.0.0.1:",
        make: || {
            let (run, report) =
                run_listening(&[], |address| Some(format!("http://{address}/backrest")));
            Made {
                said: dialled_doctor("/backrest"),
                run,
                report,
            }
        },
    },
    Row {
        mistake: "port taken",
        found: ("listen", "port-taken"),
        named: "Another process listens there",
        remedy: "stop it, or give another port",
        make: || {
            let taken = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = taken.local_addr().unwrap().to_string();
            let folder = TempDir::new().unwrap();
            let file = folder.path().join("syncspec.toml");
            fs::write(&file, format!("[initiator]\nlisten = '{address}'\n")).unwrap();
            // A target file that says so is told the same.
            doctor(&[&file.to_string_lossy()]).names("listen", "port-taken");
            let (run, report) = run(&["--listen", &address]);
            Made {
                said: doctor(&["--listen", &address]),
                run,
                report,
            }
        },
    },
    Row {
        mistake: "peer crashes at start",
        found: ("start", "crashes-at-start"),
        named: "The peer ends as it is started",
        remedy: "what it printed says why",
        make: || {
            let folder = TempDir::new().unwrap();
            let file = folder.path().join("syncspec.toml");
            let target = "[command]\nrun = ['sh', '-c', 'echo no identity in {provision} >&2; exit 7', '{port}']\n";
            fs::write(&file, target).unwrap();
            let file = file.to_string_lossy();
            let (run, report) = run(&["--target", &file]);
            let made = Made {
                said: doctor(&[&file]),
                run,
                report,
            };
            for text in [&made.said.text, &stderr(&made.run)] {
                assert!(
                    text.contains("no identity in"),
                    "its last lines are missing: {text}"
                );
                assert!(text.contains("exit status: 7"), "{text}");
            }
            made
        },
    },
];

#[test]
fn each_of_the_twelve_then_named_with_the_remedy_and_run_stops_at_it() {
    // Some wait for what never comes, so all are made at once.
    let made: Vec<Made> = thread::scope(|scope| {
        let making = TWELVE.each_ref().map(|row| scope.spawn(row.make));
        making.map(|made| made.join().unwrap()).into()
    });
    let mut advices: Vec<String> = Vec::new();
    for (row, Made { said, run, report }) in TWELVE.iter().zip(made) {
        let (step, mistake) = row.found;
        said.names(step, mistake);
        let advice = said.advice();
        let about = format!("{}\n{}", row.mistake, said.text);
        assert!(advice.contains(row.named), "{about}");
        assert!(advice.contains(row.remedy), "{about}");
        // What run says is wrapped, as what the doctor prints is.
        let told = stderr(&run);
        assert_eq!(run.status.code(), Some(3), "{}\n{told}", row.mistake);
        assert!(told.contains("no case was played"), "{told}");
        assert!(told.contains(row.named), "{}\n{told}", row.mistake);
        assert!(told.contains(row.remedy), "{}\n{told}", row.mistake);
        let not_played = report["not_played"]["checks"].as_array();
        let not_played = not_played.unwrap_or_else(|| panic!("{}\n{report:#}", row.mistake));
        let failed = not_played
            .iter()
            .find(|check| check["standing"] == "failed");
        // A run looks once for what the doctor can look at longer, such as which of two keys a host has.
        assert_eq!(failed.unwrap()["step"], step, "{}\n{report:#}", row.mistake);
        assert_eq!(failed.unwrap()["mistake"], mistake, "{}", row.mistake);
        assert_eq!(report["summary"]["total"], 0, "{}", row.mistake);
        let cases = String::from_utf8_lossy(&run.stdout).into_owned();
        assert!(!cases.contains(" passed"), "{}\n{cases}", row.mistake);
        advices.push(advice);
    }
    for (row, advice) in TWELVE.iter().zip(&advices) {
        // Not even a part of it is what another one says.
        let alike = advices.iter().filter(|other| other.contains(row.named));
        assert_eq!(alike.count(), 1, "{}: {advice}", row.mistake);
    }
    advices.sort_unstable();
    advices.dedup();
    assert_eq!(advices.len(), TWELVE.len());
}

#[test]
fn nothing_is_wrong_then_neither_says_so() {
    let (_runtime, url) = provisioned(true);
    let Made { said, run, report } = of_host(&url, &[]);
    said.is_well();
    assert!(report["not_played"].is_null(), "{report:#}");
    let told = stderr(&run);
    assert!(!told.contains("no case was played"), "{told}");
}

/// What both say of the host at this URL.
fn of_host(url: &str, more: &[&str]) -> Made {
    let (run, report) = run(&["--target", url]);
    Made {
        said: doctor(&[&[url], more].concat()),
        run,
        report,
    }
}

fn run_command(args: &[&str], folder: &TempDir) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("syncspec"));
    command
        .args(["run", "handshake/", "--profile", "smoke", "--report"])
        .arg("json=report.json")
        .args(args)
        .current_dir(folder.path());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn report_in(folder: &TempDir) -> Value {
    let report = fs::read(folder.path().join("report.json")).unwrap_or_default();
    serde_json::from_slice(&report).unwrap_or_default()
}

/// What a run says, and its report.
fn run(args: &[&str]) -> (Output, Value) {
    let folder = TempDir::new().unwrap();
    let output = run_command(args, &folder).output().unwrap();
    (output, report_in(&folder))
}

fn stderr(output: &Output) -> String {
    flat(&String::from_utf8_lossy(&output.stderr))
}

/// What a run says that waits for a client; `dials` gives what is dialled once it listens, if anything is.
fn run_listening(more: &[&str], dials: fn(&str) -> Option<String>) -> (Output, Value) {
    let folder = TempDir::new().unwrap();
    let mut run = run_command(&["--listen", "127.0.0.1:0"], &folder)
        .args(more)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(run.stdout.take().unwrap()).lines();
    let address = lines.by_ref().map(Result::unwrap).find_map(|line| {
        let (_, told) = line.split_once("--listen ")?;
        Some(told.split('`').next()?.to_owned())
    });
    let _dialling = dials(&address.unwrap()).map(|url| dial(&url));
    // What it says further is read to its end, or it could not say it.
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    let mut output = run.wait_with_output().unwrap();
    output.stdout = rest.join("\n").into_bytes();
    (output, report_in(&folder))
}

/// What the doctor says of a client that dials another path than it was told.
fn dialled_doctor(path: &str) -> Said {
    let waiting = Waiting::start(&[]);
    let _dialling = dial(&format!("{}{path}", waiting.base()));
    waiting.says()
}

/// Calls as a client does, and holds the line.
fn dial(url: &str) -> (Runtime, Connection, Link) {
    let runtime = Runtime::new().unwrap();
    let options = DialOptions::new(url, RpcProtocol::Connect);
    let connection = runtime.block_on(Connection::dial(&options)).unwrap();
    let link = runtime.block_on(connection.open_sync()).unwrap();
    (runtime, connection, link)
}

/// A URL of this machine at which nobody listens.
fn unused_port() -> String {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", free.local_addr().unwrap())
}
