//! How the host starts, or says why not, and how it leaves.

use std::{fs, net::TcpListener};

use serde_json::Value;
use syncspec::{
    crypto::{identity::KeyPolicy, token::PairingToken},
    reference::config::Config,
    storage::DATABASE_NAME,
    wire::Code,
};

use crate::{
    host::{Folder, HOST, Host, SECRET, host_identity, output, syncspec},
    peer::{Client, Peer},
};

#[test]
fn ready_then_url_instance_id_and_key_id_are_printed() {
    let host = Folder::new(0).serve(&[]);
    assert!(host.url().starts_with("http://127.0.0.1:"));
    assert_eq!(host.said("instance id"), HOST);
    assert_eq!(host.said("key id"), host_identity().keyid());
    assert_eq!(host.about.len(), 4);
}

#[tokio::test]
async fn no_config_then_a_new_identity_and_a_token_that_admits() {
    let mut command = syncspec();
    command.args(["serve", "--listen", "127.0.0.1:0"]);
    let host = Host::start(command);
    let token = PairingToken::parse_strict(host.said("pairing token")).unwrap();
    assert_eq!(token.keyid, host.said("key id"));
    assert_eq!(token.instance_id, host.said("instance id"));
}

#[tokio::test]
async fn asked_to_leave_then_sessions_end_unavailable_and_exit_0() {
    for signal in ["TERM", "INT"] {
        let host = Folder::new(0).serve(&[]);
        let mut peer = Peer::admitted(host.url(), &Client::known()).await.unwrap();
        host.signal(signal);
        let over = peer.end().await;
        assert_eq!(over.code(), Some(Code::Unavailable), "{over:?}");
        assert_eq!(host.ended().0, Some(0), "{signal}");
    }
}

#[test]
fn broken_config_then_exit_2_with_file_and_place() {
    let folder = Folder::new(0);
    let text = fs::read_to_string(folder.config()).unwrap();
    let mut twice: Value = serde_json::from_str(&text).unwrap();
    let clients = twice["sync"]["authorizedClients"].as_array_mut().unwrap();
    clients.push(clients[0].clone());
    for (text, place) in [
        (twice.to_string(), "sync.authorizedClients[1]"),
        (text.replace("\"version\": 6", "\"version\": 5"), "version"),
        (text.replace("\"sync\"", "\"snyc\""), "snyc"),
        ("{".to_owned(), "line 1"),
    ] {
        fs::write(folder.config(), text).unwrap();
        let (code, _, errors) = output(&mut folder.command(&[]));
        assert_eq!(code, 2, "{errors}");
        assert!(
            errors.contains("host.json") && errors.contains(place),
            "{errors}"
        );
    }
    let (code, _, errors) = output(syncspec().args(["serve", "--config", "nowhere.json"]));
    assert_eq!(code, 2, "{errors}");
}

#[test]
fn port_taken_then_exit_3_and_a_hint() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut command = syncspec();
    command.args(["serve", "--listen", &address]);
    let (code, _, errors) = output(&mut command);
    assert_eq!(code, 3, "{errors}");
    assert!(
        errors.contains(&address) && errors.contains("--listen"),
        "{errors}"
    );
}

#[test]
fn damaged_data_then_exit_3_and_the_file_is_as_it_was() {
    let folder = Folder::new(0);
    let host = folder.serve_kept(&[]);
    host.signal("TERM");
    assert_eq!(host.ended().0, Some(0));
    let file = folder.data().join(DATABASE_NAME);
    let mut bytes = fs::read(&file).unwrap();
    bytes[100..200].fill(0xff);
    fs::write(&file, &bytes).unwrap();
    let mut command = folder.command(&["--data"]);
    let (code, _, errors) = output(command.arg(folder.data()));
    assert_eq!(code, 3, "{errors}");
    assert!(
        errors.contains(DATABASE_NAME) && errors.contains("backup"),
        "{errors}"
    );
    assert!(fs::read(&file).unwrap() == bytes);
}

#[test]
fn data_in_use_then_exit_3() {
    let folder = Folder::new(0);
    let _first = folder.serve_kept(&[]);
    let mut command = folder.command(&["--data"]);
    let (code, _, errors) = output(command.arg(folder.data()));
    assert_eq!(code, 3, "{errors}");
    assert!(errors.contains("another process"), "{errors}");
}

#[test]
fn state_service_reachable_from_elsewhere_without_credential_then_exit_2() {
    let folder = Folder::new(0);
    let (code, _, errors) = output(&mut folder.command_at("0.0.0.0:0", &[]));
    assert_eq!(code, 2, "{errors}");
    assert!(errors.contains("--state-open"), "{errors}");
    drop(Host::start(
        folder.command_at("0.0.0.0:0", &["--state-open"]),
    ));
}

#[test]
fn malformed_credential_then_exit_2_without_repeating_it() {
    let folder = Folder::new(0);
    let mut with_argument = folder.command(&["--state-auth", "beerer:hunter2"]);
    let mut with_variable = folder.command(&[]);
    with_variable.env("SYNCSPEC_STATE_AUTH", "hunter2");
    for command in [&mut with_argument, &mut with_variable] {
        let (code, _, errors) = output(command);
        assert_eq!(code, 2, "{errors}");
        assert!(!errors.contains("hunter2"), "{errors}");
    }
}

#[tokio::test]
async fn everything_logged_then_no_secret_among_it() {
    let folder = Folder::new(1);
    fs::write(folder.path("token"), "t0ken-of-the-state-service\n").unwrap();
    let token_file = folder.path("token");
    let arguments = ["--log-level", "debug", "--state-token-file"];
    let host = folder.serve_kept(&[&arguments[..], &[token_file.to_str().unwrap()]].concat());
    let strangers = [
        Client::stranger(3, SECRET),
        Client::stranger(4, "a wrong secret"),
    ];
    Peer::admitted(host.url(), &strangers[0]).await.unwrap();
    assert!(Peer::admitted(host.url(), &strangers[1]).await.is_err());
    let headers = ["authorization", "Bearer t0ken-of-the-state-service"];
    crate::state::states(host.url(), &[headers]).await.unwrap();
    host.signal("TERM");
    let (_, log) = host.ended();
    assert!(log.contains("a client was admitted"), "{log}");
    for secret in [
        SECRET,
        strangers[1].secret.as_str(),
        "t0ken-of-the-state-service",
        &host_identity().private_key_text(),
    ] {
        assert!(!log.contains(secret), "{log}");
    }
}

#[test]
fn keygen_then_an_identity_and_another_each_time() {
    let keygen = || {
        let (code, text, _) = output(syncspec().args(["keygen", "--format", "json"]));
        assert_eq!(code, 0);
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let (one, other) = (keygen(), keygen());
    let field = |name: &str| one[name].as_str().unwrap();
    let identity = syncspec::crypto::identity::Identity::decode(
        field("keyId"),
        field("ed25519priv"),
        field("ed25519pub"),
        KeyPolicy::Strict,
    );
    assert_eq!(identity.unwrap().keyid(), field("keyId"));
    assert_ne!(one, other);
}

#[test]
fn pair_then_the_token_is_in_the_file_and_the_rest_as_it_was() {
    let folder = Folder::new(1);
    let read = || Config::from_json(&fs::read_to_string(folder.config()).unwrap()).unwrap();
    let before = read();
    let mut pair = syncspec();
    pair.args(["pair", "--label", "for 007", "--max-uses", "3"])
        .args(["--permission", "read-operations", "--config"])
        .arg(folder.config());
    let (code, text, errors) = output(&mut pair);
    assert_eq!(code, 0, "{errors}");
    let given = PairingToken::parse_strict(text.trim()).unwrap();
    let after = read();
    let [old, added] = after.pairing_tokens() else {
        panic!("expected two tokens, saw {}", after.pairing_tokens().len())
    };
    assert_eq!(*old, before.pairing_tokens()[0]);
    assert_eq!(
        (added.label.as_str(), added.max_uses, added.uses),
        ("for 007", 3, 0)
    );
    assert_eq!(added.secret, given.secret);
    assert_eq!(after.authorized_clients(), before.authorized_clients());
    assert_eq!(after.message().modno, before.message().modno + 1);
    let files = fs::read_dir(folder.config().parent().unwrap()).unwrap();
    assert_eq!(files.count(), 1, "nothing is left beside the config");
}

#[test]
fn pair_with_a_scope_of_no_known_form_then_exit_2_and_file_untouched() {
    let folder = Folder::new(1);
    let before = fs::read(folder.config()).unwrap();
    let mut pair = syncspec();
    pair.args([
        "pair",
        "--label",
        "x",
        "--permission",
        "read-config:everything",
    ])
    .arg("--config")
    .arg(folder.config());
    assert_eq!(output(&mut pair).0, 2);
    assert_eq!(fs::read(folder.config()).unwrap(), before);
}
