//! From flags to a target file, and from a failure back to the peer: what `run --discover` writes can be run, and the command
//! that a failure prints plays it again, however the peer was told of. The peer is our own program.

#![cfg(target_os = "linux")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says what it relies on by failing"
)]

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

/// False of a correct host: a heartbeat ends no session.
const FALSE_OF_A_HOST: &str = "about: A heartbeat ends the session.\nrules: [responder.survives]\ntarget: responder\nsteps:\n  \
     - establish\n  - send: { heartbeat: {} }\n  - expect-closed: { code: internal }\n";
/// The same of a client.
const FALSE_OF_A_CLIENT: &str = "about: A heartbeat ends the session.\nrules: [initiator.survives]\ntarget: initiator\nsteps:\n  \
     - establish\n  - send: { heartbeat: {} }\n  - expect-closed: { code: internal }\n";
/// False of what the hook below tells.
const FALSE_BY_THE_HOOK: &str = "about: The client is in the config.\nrules: [pairing.known-key-consumes-nothing]\n\
     target: responder\nsteps:\n  - establish\n  - fence\n  - expect-config: { with: { peer: {} } }\n";
/// A hook that knows nobody.
const HOOK: &str = "while read question; do echo '{\"config\": {\"authorized_clients\": [], \"pairing_tokens\": []}}'; done\n";

struct Folder(TempDir);

impl Folder {
    /// A folder with a claim of that name.
    fn new(claim: &str) -> Folder {
        let folder = Folder(TempDir::new().unwrap());
        folder.write("claims/session/false.yaml", claim);
        folder
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) {
        let file = self.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_syncspec"));
        command
            .args(args)
            .current_dir(self.path())
            .stdin(Stdio::null());
        command
    }

    fn syncspec(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

/// Our own program as the peer, as words of a command.
fn own(args: &str) -> String {
    format!("{} {args}", env!("CARGO_BIN_EXE_syncspec"))
}

fn own_host() -> String {
    own("serve --config {provision} --listen 127.0.0.1:{port}")
}

/// A process that is ended with this.
struct Peer(Child);

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// What a run of the claims is told, beside how the peer is reached.
const RUN: [&str; 5] = ["run", "--scenarios", "claims", "--seed", "5"];
const PROVISION: [&str; 5] = [
    "provision",
    "--scenarios",
    "claims",
    "--format",
    "backrest-config",
];

impl Folder {
    /// A host that was given the provision of the claims; and its URL.
    fn host(&self) -> (Peer, String) {
        let provision = self.syncspec(&PROVISION);
        self.write("host.json", &String::from_utf8(provision.stdout).unwrap());
        let args = ["serve", "--config", "host.json", "--listen", "127.0.0.1:0"];
        let mut serve = self.command(&args);
        serve.env("SYNCSPEC_STATE_AUTH", "bearer:secret-word");
        let mut child = serve
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut url = String::new();
        for line in lines.map_while(Result::ok) {
            if let Some(rest) = line.strip_prefix("url") {
                rest.trim().clone_into(&mut url);
            }
            if line == "ready" {
                break;
            }
        }
        (Peer(child), url)
    }

    /// What the suite says, with a client that was given the provision and is started once the suite listens.
    fn with_client(&self, args: &[&str], listen: &str) -> Output {
        let of_clients = ["--role", "initiator", "--listen", listen];
        let provision = self.syncspec(&[&PROVISION[..], &of_clients].concat());
        self.write("client.json", &String::from_utf8(provision.stdout).unwrap());
        let mut suite = self.command(args);
        let suite = suite
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        while std::net::TcpStream::connect(listen).is_err() {
            std::thread::yield_now();
        }
        let mut connect = self.command(&["connect", "--config", "client.json"]);
        let _client = Peer(
            connect
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap(),
        );
        suite.wait_with_output().unwrap()
    }

    /// Runs the claims, which must fail, and plays what fails again by the command that it prints.
    fn fails_and_fails_again(&self, args: &[&str]) -> String {
        let output = self.syncspec(&[&RUN[..], args].concat());
        assert_eq!(code(&output), 1, "{}", said(&output));
        let again = again(&output);
        let words: Vec<&str> = again.split(' ').collect();
        is_the_same(&self.syncspec(&words));
        again
    }
}

/// The command that plays the one failure again, without the program.
fn again(output: &Output) -> String {
    let said = said(output);
    let mut again = said
        .lines()
        .filter_map(|line| line.trim().strip_prefix("again   syncspec "));
    let command = again.next().unwrap_or_else(|| panic!("no command\n{said}"));
    command.to_owned()
}

fn is_the_same(replayed: &Output) {
    assert_eq!(code(replayed), 1, "{}", said(replayed));
    assert!(
        said(replayed).contains("\nthe same as when it was saved"),
        "{}",
        said(replayed)
    );
}

#[test]
fn host_at_a_url_then_its_failure_plays_again() {
    let folder = Folder::new(FALSE_OF_A_HOST);
    let (_host, url) = folder.host();
    folder.fails_and_fails_again(&["--protocol", "connect", "--target", &url]);
}

#[test]
fn host_with_a_hook_then_its_failure_plays_again_with_the_hook() {
    let folder = Folder::new(FALSE_BY_THE_HOOK);
    folder.write("hook.sh", HOOK);
    let (_host, url) = folder.host();
    let args = [
        "--protocol",
        "connect",
        "--target",
        &url,
        "--hook",
        "sh hook.sh",
    ];
    let again = folder.fails_and_fails_again(&args);
    // Elsewhere it is another peer, without that hook: nothing was judged then.
    let words: Vec<&str> = again.split(' ').chain(["--target", &url]).collect();
    let elsewhere = folder.syncspec(&words);
    assert_eq!(code(&elsewhere), 3, "{}", said(&elsewhere));
    assert!(said(&elsewhere).contains("hook"), "{}", said(&elsewhere));
}

#[test]
fn command_in_either_role_then_its_failure_plays_again() {
    let given = [
        "--provision-format",
        "backrest-config",
        "--protocol",
        "connect",
    ];
    let folder = Folder::new(FALSE_OF_A_HOST);
    let host = own_host();
    folder.fails_and_fails_again(
        &[&["--role", "responder", "--command", &host], &given[..]].concat(),
    );
    let folder = Folder::new(FALSE_OF_A_CLIENT);
    let client = own("connect --config {provision}");
    folder.fails_and_fails_again(
        &[&["--role", "initiator", "--command", &client], &given[..]].concat(),
    );
}

#[test]
fn target_file_with_a_hook_in_it_or_beside_it_then_its_failure_plays_again() {
    let folder = Folder::new(FALSE_BY_THE_HOOK);
    folder.write("peer/hook.sh", HOOK);
    let words: Vec<String> = own_host()
        .split(' ')
        .map(|word| format!("'{word}'"))
        .collect();
    let command = format!(
        "[command]\nrun = [{}]\nformat = 'backrest-config'\n",
        words.join(", ")
    );
    folder.write("peer/bare.toml", &command);
    folder.write(
        "peer/syncspec.toml",
        &format!("{command}[hook]\nrun = ['sh', 'hook.sh']\n"),
    );
    let args = ["--protocol", "connect", "--target", "peer/syncspec.toml"];
    folder.fails_and_fails_again(&args);
    fs::remove_dir_all(folder.path().join("failures")).unwrap();
    let beside = [
        "--protocol",
        "connect",
        "--target",
        "peer/bare.toml",
        "--hook",
        "sh peer/hook.sh",
    ];
    folder.fails_and_fails_again(&beside);
}

#[test]
fn client_that_dials_us_then_its_failure_plays_again() {
    let folder = Folder::new(FALSE_OF_A_CLIENT);
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = free.local_addr().unwrap().to_string();
    drop(free);
    let output = folder.with_client(&[&RUN[..], &["--listen", &listen]].concat(), &listen);
    assert_eq!(code(&output), 1, "{}", said(&output));
    let again = again(&output);
    let words: Vec<&str> = again.split(' ').collect();
    is_the_same(&folder.with_client(&words, &listen));
}

#[test]
fn header_given_to_the_run_then_asked_for_again_and_kept_nowhere() {
    let folder = Folder::new(FALSE_OF_A_HOST);
    let (_host, url) = folder.host();
    let header = "Authorization: Bearer secret-word";
    let args = [
        "--protocol",
        "connect",
        "--target",
        &url,
        "--state-header",
        header,
    ];
    let output = folder.syncspec(&[&RUN[..], &args].concat());
    assert_eq!(code(&output), 1, "{}", said(&output));
    let again = again(&output);
    let words: Vec<&str> = again.split(' ').collect();
    let saved = fs::read_to_string(folder.path().join(words[1])).unwrap();
    assert!(!saved.contains("secret-word"), "{saved}");
    let without = folder.syncspec(&words);
    assert_eq!(code(&without), 2, "{}", said(&without));
    assert!(
        said(&without).contains("--state-header 'Authorization: VALUE'"),
        "{}",
        said(&without)
    );
    is_the_same(&folder.syncspec(&[&words[..], &["--state-header", header]].concat()));
}

/// Quick cases that a correct host passes.
const SOME: [&str; 3] = [
    "handshake/refuses-missing-key-or-key-id",
    "session/answers-a-manifest",
    "capability/",
];

/// Runs some of the built-in cases, which must all pass.
fn is_green(folder: &Folder, target: &str) {
    let mut args = vec!["run", "--target", target, "--report", "json=report.json"];
    args.extend(SOME);
    let output = folder.syncspec(&args);
    assert_eq!(code(&output), 0, "{}", said(&output));
    let report = fs::read(folder.path().join("report.json")).unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    assert_eq!(report["summary"]["failed"], 0, "{}", said(&output));
    // What was tried when it was written is tried again by it.
    let results = report["results"].as_array().unwrap();
    let tried = results.iter().filter(|result| {
        result["id"].as_str().unwrap().starts_with("capability/") && result["outcome"] == "passed"
    });
    assert!(tried.count() > 0, "{}", said(&output));
}

#[test]
fn discovered_by_flags_then_the_file_has_them_all_and_runs_green() {
    let folder = Folder::new(FALSE_OF_A_HOST);
    folder.write("hook.sh", HOOK);
    let host = own_host();
    fs::create_dir(folder.path().join("ci")).unwrap();
    let output = folder.syncspec(&[
        "run",
        "--discover",
        "ci/syncspec.toml",
        "--role",
        "responder",
        "--command",
        &host,
        "--provision-format",
        "backrest-config",
        "--hook",
        "sh hook.sh",
        "--state-header",
        "X-Key: 7",
    ]);
    assert_eq!(code(&output), 0, "{}", said(&output));
    let file = folder.path().join("ci/syncspec.toml");
    let target = syncspec::target::file::load(&file).unwrap();
    let here = fs::canonicalize(folder.path()).unwrap();
    // It lies elsewhere than where the command was given, and leads back there.
    assert_eq!(target.command.unwrap().dir.unwrap(), here);
    let hook = target.hook.unwrap();
    assert_eq!(
        (hook.dir.unwrap(), hook.run.unwrap().args()[0].as_str()),
        (here, "hook.sh")
    );
    assert_eq!(target.state_service.headers["X-Key"], "7");
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "others may read the header");
    is_green(&folder, "ci/syncspec.toml");
}

#[test]
fn discovered_from_a_file_then_nothing_of_it_is_lost_and_it_runs_green() {
    let folder = Folder::new(FALSE_OF_A_HOST);
    folder.write("hook.sh", HOOK);
    let words: Vec<String> = own_host()
        .split(' ')
        .map(|word| format!("'{word}'"))
        .collect();
    folder.write(
        "old.toml",
        &format!(
            "name = 'ours'\nroles = ['responder']\n[command]\nrun = [{}]\nformat = 'backrest-config'\n\
             env = {{ SYNCSPEC_STATE_AUTH = 'bearer:x' }}\nstart-within = '61s'\nstop-within = '3s'\nrestarts-max = 2\n\
             [state-service]\nheaders = {{ Authorization = 'Bearer x' }}\n\
             [hook]\nrun = ['sh', 'hook.sh']\nwithin = '7s'\n",
            words.join(", ")
        ),
    );
    let output = folder.syncspec(&["run", "--target", "old.toml", "--discover", "new.toml"]);
    assert_eq!(code(&output), 0, "{}", said(&output));
    assert!(
        said(&output).contains("has    pairing"),
        "{}",
        said(&output)
    );
    assert!(!said(&output).contains("FAIL"), "{}", said(&output));
    let load = |name: &str| syncspec::target::file::load(&folder.path().join(name)).unwrap();
    let (old, new) = (load("old.toml"), load("new.toml"));
    assert_eq!((&new.name, &new.roles), (&old.name, &old.roles));
    assert_eq!(new.command, old.command);
    assert_eq!(new.hook, old.hook);
    assert_eq!(new.state_service, old.state_service);
    assert!(!new.capabilities.is_empty());
    // A client of it would be tried as if it spoke what only the host does.
    assert_eq!(new.protocols, None);
    is_green(&folder, "new.toml");
}

#[test]
fn client_given_its_operations_then_it_serves_them() {
    let folder = Folder::new(FALSE_OF_A_CLIENT);
    let client = own("connect --config {provision} --operations {operations}");
    let output = folder.syncspec(&[
        "run",
        "--role",
        "initiator",
        "--command",
        &client,
        "--provision-format",
        "backrest-config",
        "operations/serves-what-is-asked",
    ]);
    let said = said(&output);
    assert_eq!(code(&output), 0, "{said}");
    assert!(
        !said.contains("skipped") && said.contains(" passed"),
        "{said}"
    );
}

#[test]
fn protocols_of_a_role_in_the_file_then_its_cases_are_played_over_those() {
    let folder = Folder::new(FALSE_OF_A_CLIENT);
    let command = own("connect --config {provision}");
    let words: Vec<String> = command.split(' ').map(|word| format!("'{word}'")).collect();
    let played = |of_role: &str| {
        folder.write(
            "syncspec.toml",
            &format!(
                "roles = ['initiator']\nprotocols = ['grpc', 'connect']\n[command]\nrun = [{}]\nformat = 'backrest-config'\n\
                 {of_role}",
                words.join(", ")
            ),
        );
        let target = ["--target", "syncspec.toml", "--failures", "none"];
        let output = folder.syncspec(&[&RUN[..], &target].concat());
        assert_eq!(code(&output), 1, "{}", said(&output));
        let said = said(&output);
        let count = said.lines().next().unwrap().split(' ').next().unwrap();
        count.parse::<usize>().unwrap()
    };
    assert_eq!(played(""), 2);
    assert_eq!(played("[initiator]\nprotocols = ['connect']\n"), 1);
}

#[test]
fn client_that_speaks_grpc_then_told_what_to_say_and_discovered_so() {
    let folder = Folder::new(FALSE_OF_A_CLIENT);
    let client = own("connect --config {provision} --protocol grpc");
    let given = [
        "--role",
        "initiator",
        "--provision-format",
        "backrest-config",
    ];
    let of_client = [&["--command", &client][..], &given[..]].concat();
    let output = folder.syncspec(&[&RUN[..], &of_client].concat());
    assert_eq!(code(&output), 3, "{}", said(&output));
    assert!(said(&output).contains("speaks grpc"), "{}", said(&output));
    let discover = ["run", "--discover", "syncspec.toml"];
    let output = folder.syncspec(&[&discover[..], &of_client].concat());
    assert_eq!(code(&output), 0, "{}", said(&output));
    let target = syncspec::target::file::load(&folder.path().join("syncspec.toml")).unwrap();
    let grpc = vec![syncspec::wire::RpcProtocol::Grpc];
    assert_eq!(target.initiator.protocols, Some(grpc));
    folder.fails_and_fails_again(&["--target", "syncspec.toml"]);
}
