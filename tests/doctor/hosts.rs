//! The reference as the host, set up well and in each wrong way.

use std::{fs, net::TcpListener};

use syncspec::{
    net::{
        host::{HostApp, HostOptions},
        serve::{ServeLimits, serve},
    },
    reference::config::Config,
    runner::start_reference,
    target::{contact_scenario, provision::Provision},
    wire::{
        Role, RpcProtocol,
        v1::{self, multihost::Peer},
    },
};
use tokio::runtime::Runtime;

use crate::run::{Said, doctor};

/// Our host, provisioned for the suite's first client or for none.
pub fn provisioned(is_known: bool) -> (Runtime, String) {
    let contacts = match is_known {
        true => RpcProtocol::ALL
            .map(|protocol| contact_scenario(Role::Responder, protocol))
            .to_vec(),
        false => Vec::new(),
    };
    let runtime = Runtime::new().unwrap();
    let provision = Provision::for_cases(&contacts);
    let reference = runtime.block_on(start_reference(&provision)).unwrap();
    (runtime, reference.url)
}

/// A host with an identity of its own, and its key id.
pub fn own_host() -> (Runtime, String, String) {
    own_host_of(Vec::new())
}

/// The same, which lets these clients in.
pub fn own_host_of(clients: Vec<Peer>) -> (Runtime, String, String) {
    let identity = syncspec::crypto::identity::Identity::from_seed(&[7; 32]);
    let config = Config::new(v1::Config {
        modno: 1,
        version: 6,
        instance: "my-host".to_owned(),
        multihost: Some(v1::Multihost {
            identity: Some(v1::PrivateKey {
                keyid: identity.keyid().to_owned(),
                ed25519priv: identity.private_key_text(),
                ed25519pub: identity.public_key_text(),
            }),
            authorized_clients: clients,
            ..v1::Multihost::default()
        }),
        ..v1::Config::default()
    })
    .unwrap();
    let runtime = Runtime::new().unwrap();
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
        .unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let entered = runtime.enter();
    let app = std::sync::Arc::new(HostApp::new(config, HostOptions::default()));
    runtime.spawn(serve(
        listener,
        app,
        ServeLimits::default(),
        std::future::pending(),
    ));
    drop(entered);
    (runtime, url, identity.keyid().to_owned())
}

/// What `run` says of that host, with its exit code.
fn run(args: &[&str]) -> (i32, String) {
    let output = assert_cmd::Command::cargo_bin("syncspec")
        .unwrap()
        .args([
            "run",
            "--exact",
            "transport/answers-a-key-with-an-encapsulation",
            "--target",
        ])
        .args(args)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    (output.status.code().unwrap(), text)
}

#[test]
fn host_in_use_then_all_is_well_and_who_it_is() {
    let (_runtime, url, keyid) = own_host();
    let said = doctor(&[&url]);
    said.is_well();
    said.says(&format!("instance id `my-host`, key id {keyid}"));
    said.says("speaks grpc, connect");
    said.says("KEM id 0x0051");
    // Trailing slashes do no harm.
    doctor(&[&format!("{url}//"), "--expect-keyid", &keyid]).is_well();
}

#[test]
fn key_id_of_another_host_then_named() {
    let (_runtime, url, _) = own_host();
    let said = doctor(&[&url, "--expect-keyid", "ed25519.another"]);
    said.names("key id", "other-host");
    said.says("expected ed25519.another");
}

#[test]
fn provisioned_then_the_suites_client_is_served() {
    let (_runtime, url) = provisioned(true);
    let said = doctor(&[&url]);
    said.is_well();
    said.says("knows our client");
    // The case itself has a client that this host does not know; the check before it passes.
    let (_, text) = run(&[&url]);
    assert!(!text.contains("no case was played"), "{text}");
}

#[test]
fn provisioning_forgotten_then_named_and_run_stops() {
    let (_runtime, url) = provisioned(false);
    let said = doctor(&[&url]);
    said.names("provisioning", "not-provisioned");
    said.says("syncspec provision");
    let (code, text) = run(&[&url]);
    assert_eq!(code, 3, "{text}");
    assert!(
        text.contains("does not know our key: give it the output of `syncspec provision`"),
        "{text}"
    );
    assert!(text.contains("no case was played"), "{text}");
}

#[test]
fn another_key_file_then_named_and_run_stops() {
    let (_runtime, url, _) = own_host();
    doctor(&[&url, "--provisioned"]).names("provisioning", "wrong-key-file");
    let (code, text) = run(&[&url]);
    assert_eq!(code, 3, "{text}");
    assert!(text.contains("another key or configuration file"), "{text}");
}

#[test]
fn wrong_prefix_then_the_url_without_it() {
    let (_runtime, url, _) = own_host();
    let said = doctor(&[&format!("{url}/backrest")]);
    said.names("path", "wrong-prefix");
    said.says(&format!("Did you mean {url} ?"));
}

#[test]
fn wrong_port_then_named() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let said = doctor(&[&url]);
    said.names("tcp", "port-closed");
    said.says("Is the peer running, and is this its port?");
}

#[test]
fn name_that_does_not_exist_then_named() {
    doctor(&["http://nobody.invalid:9898"]).names("name", "name-unknown");
}

#[test]
fn https_for_a_cleartext_port_then_the_right_url() {
    let (_runtime, url, _) = own_host();
    let said: Said = doctor(&[&url.replace("http", "https")]);
    said.names("tls", "https-for-http");
    said.says(&format!("Did you mean {url} ?"));
}

#[test]
fn other_reading_of_the_kem_id_then_named() {
    let (_runtime, url, _) = own_host();
    let said = doctor(&[&url, "--kem-id", "0050"]);
    said.names("key exchange", "other-kem-id");
    said.says("--kem-id 0051");
    // Who the host is can be told all the same.
    said.says("my-host");
}

#[test]
fn state_service_behind_a_login_then_well_and_a_wrong_credential_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let log = fs::File::create(folder.path().join("log")).unwrap();
    let mut host = std::process::Command::new(assert_cmd::cargo::cargo_bin("syncspec"))
        .args(["serve", "--listen", "127.0.0.1:0"])
        .env("SYNCSPEC_STATE_AUTH", "bearer:right")
        .stdout(std::process::Stdio::piped())
        .stderr(log)
        .spawn()
        .unwrap();
    let lines = std::io::BufRead::lines(std::io::BufReader::new(host.stdout.take().unwrap()));
    let mut url = String::new();
    for line in lines.map_while(Result::ok) {
        if let Some(rest) = line.strip_prefix("url") {
            url = rest.trim().to_owned();
        }
        if line == "ready" {
            break;
        }
    }
    let without = doctor(&[&url]);
    let right = doctor(&[&url, "--state-header", "authorization: Bearer right"]);
    let wrong = doctor(&[&url, "--state-header", "authorization: Bearer wrong"]);
    host.kill().unwrap();
    host.wait().unwrap();
    without.is_well();
    without.says("asks for a login, as it should");
    right.is_well();
    right.says("lets us in");
    wrong.names("state service", "state-login-refused");
}
