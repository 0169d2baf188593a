//! Clients that dial the doctor, or do not.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::Duration,
};

use bytes::Bytes;
use prost::Message as _;
use syncspec::{
    crypto::{identity::Identity, kem::KemId},
    net::{Connection, DialOptions, Link, LinkEvent, OutFrame},
    reference::config::Config,
    session::{ExpectedPeer, InitiatorParams, Input, Local, Output, Session},
    wire::{
        Action, RpcProtocol, SyncStreamItem,
        v1::{self, multihost::Peer},
        v1sync::sync_stream_item::SyncActionHeartbeat,
    },
};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::run::{Said, doctor, said};

/// The doctor, as it waits to be dialled.
pub struct Waiting {
    child: Child,
    folder: TempDir,
    url: String,
    keyid: String,
    instance_id: String,
}

impl Waiting {
    pub fn start(args: &[&str]) -> Waiting {
        let folder = TempDir::new().unwrap();
        let report = folder.path().join("report.json");
        let mut child = Command::new(assert_cmd::cargo::cargo_bin("syncspec"))
            .args(["doctor", "--listen", "127.0.0.1:0", "--report"])
            .arg(format!("json={}", report.display()))
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut told = |name: &str| loop {
            let line = lines.next().unwrap().unwrap();
            if let Some(value) = line.trim().strip_prefix(name) {
                return value.trim().to_owned();
            }
        };
        let (url, keyid, instance_id) = (told("url"), told("key id"), told("instance id"));
        Waiting {
            child,
            folder,
            url,
            keyid,
            instance_id,
        }
    }

    /// The address, without the path.
    pub fn base(&self) -> &str {
        self.url.strip_suffix("/doctor").unwrap()
    }

    pub fn says(self) -> Said {
        let output = self.child.wait_with_output().unwrap();
        said(
            &output,
            &fs::read(self.folder.path().join("report.json")).unwrap_or_default(),
        )
    }

    /// The reference client, which knows the host under this key id, while the doctor looks at it.
    fn dialled_by_the_reference(self, keyid: &str) -> Said {
        let identity = Identity::from_seed(&[3; 32]);
        let config = Config::new(v1::Config {
            modno: 1,
            version: 6,
            instance: "client".to_owned(),
            multihost: Some(v1::Multihost {
                identity: Some(v1::PrivateKey {
                    keyid: identity.keyid().to_owned(),
                    ed25519priv: identity.private_key_text(),
                    ed25519pub: identity.public_key_text(),
                }),
                known_hosts: vec![Peer {
                    instance_id: self.instance_id.clone(),
                    keyid: keyid.to_owned(),
                    instance_url: self.url.clone(),
                    ..Peer::default()
                }],
                ..v1::Multihost::default()
            }),
            ..v1::Config::default()
        })
        .unwrap();
        let file = self.folder.path().join("client.json");
        fs::write(&file, config.to_json()).unwrap();
        let mut client = Command::new(assert_cmd::cargo::cargo_bin("syncspec"))
            .args(["connect", "--config"])
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let said = self.says();
        client.kill().unwrap();
        client.wait().unwrap();
        said
    }
}

#[test]
fn reference_client_then_all_is_well() {
    let waiting = Waiting::start(&["--role", "initiator"]);
    let keyid = waiting.keyid.clone();
    let said = waiting.dialled_by_the_reference(&keyid);
    said.is_well();
    said.says("speaks connect");
    said.says("instance id `client`");
}

#[test]
fn another_key_id_pinned_then_named_with_ours() {
    let waiting = Waiting::start(&[]);
    let keyid = waiting.keyid.clone();
    let other = Identity::from_seed(&[9; 32]).keyid().to_owned();
    let said = waiting.dialled_by_the_reference(&other);
    said.names("key id", "other-host-pinned");
    said.says(&keyid);
}

#[test]
fn nobody_dials_then_named() {
    let waiting = Waiting::start(&["--wait", "300ms"]);
    let url = waiting.url.clone();
    let said = waiting.says();
    said.names("dialled", "never-dials");
    said.says(&url);
}

#[test]
fn wrong_path_dialled_then_it_and_the_right_url_are_named() {
    let waiting = Waiting::start(&[]);
    let url = waiting.url.clone();
    let runtime = Runtime::new().unwrap();
    let options = DialOptions::new(format!("{}/backrest", waiting.base()), RpcProtocol::Connect);
    let connection = runtime.block_on(Connection::dial(&options)).unwrap();
    let _link = runtime.block_on(connection.open_sync()).unwrap();
    let said = waiting.says();
    said.names("path", "dials-wrong-path");
    said.says("it dialled /backrest/v1sync.BackrestSyncService/Sync");
    said.says(&url);
}

/// What the doctor says of a caller that begins with these bytes.
fn begins_with(bytes: &[u8]) -> Said {
    let waiting = Waiting::start(&[]);
    let mut io = TcpStream::connect(waiting.base().strip_prefix("http://").unwrap()).unwrap();
    io.write_all(bytes).unwrap();
    waiting.says()
}

#[test]
fn http1_or_tls_dialled_then_named() {
    let said = begins_with(b"POST /doctor HTTP/1.1\r\nhost: x\r\n\r\n");
    said.names("http2", "dials-http1");
    said.says("POST /doctor HTTP/1.1");
    // The beginning of a TLS 1.3 client's first record.
    begins_with(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03").names("http2", "dials-tls");
}

#[test]
fn stream_without_a_key_then_named() {
    let waiting = Waiting::start(&[]);
    let runtime = Runtime::new().unwrap();
    let options = DialOptions::new(&waiting.url, RpcProtocol::Grpc);
    let connection = runtime.block_on(Connection::dial(&options)).unwrap();
    let _link = runtime.block_on(connection.open_sync()).unwrap();
    waiting.says().names("key exchange", "client-silent");
}

#[test]
fn port_taken_then_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = doctor(&["--listen", &address]);
    said.names("listen", "port-taken");
    said.says("Another process listens there");
    doctor(&["--listen", "203.0.113.1:1"]).names("listen", "cannot-listen");
}

#[test]
fn two_clients_of_one_identity_then_named() {
    let waiting = Waiting::start(&[]);
    let runtime = Runtime::new().unwrap();
    // Kept to the end: a stream that is dropped takes what was not yet sent with it.
    let _session = runtime.block_on(async {
        let options = DialOptions::new(&waiting.url, RpcProtocol::Connect);
        let connection = Connection::dial(&options).await.unwrap();
        // Both calls wait before the first one is heard.
        let (mut first, mut second) = (
            connection.open_sync().await.unwrap(),
            connection.open_sync().await.unwrap(),
        );
        for link in [&mut first, &mut second] {
            play(link, &waiting.keyid, &waiting.instance_id, KemId::default()).await;
        }
        (connection, first, second)
    });
    waiting
        .says()
        .names("provisioning", "two-clients-one-identity");
}

#[test]
fn client_with_the_other_reading_of_the_kem_id_then_named() {
    let waiting = Waiting::start(&[]);
    let runtime = Runtime::new().unwrap();
    let options = DialOptions::new(&waiting.url, RpcProtocol::Connect);
    let connection = runtime.block_on(Connection::dial(&options)).unwrap();
    let mut link = runtime.block_on(connection.open_sync()).unwrap();
    runtime.block_on(play(
        &mut link,
        &waiting.keyid,
        &waiting.instance_id,
        KemId::AsPublished,
    ));
    let said = waiting.says();
    said.names("key exchange", "other-kem-id");
    said.says("--kem-id 0050");
}

/// An honest client, as far as its first item in the session, or to the end of the stream.
pub async fn play(link: &mut Link, keyid: &str, instance_id: &str, kem_id: KemId) {
    let params = InitiatorParams {
        local: Local {
            kem_id,
            ..Local::new(Identity::from_seed(&[3; 32]), "client")
        },
        kem_seed: [4; 32],
        expected: ExpectedPeer {
            keyid: keyid.to_owned(),
            instance_id: instance_id.to_owned(),
        },
        pairing_secret: String::new(),
    };
    let (mut session, mut outputs) = Session::initiator(params, Duration::ZERO);
    loop {
        let mut is_up = false;
        for output in outputs {
            match output {
                Output::Send(item) => send(link, item).await,
                Output::PeerVerified(_) => is_up = true,
                _ => {}
            }
        }
        let input = match is_up {
            true => Input::Submit(Action::Heartbeat(SyncActionHeartbeat {})),
            false => match link.next().await {
                LinkEvent::Headers(_) => {
                    outputs = Vec::new();
                    continue;
                }
                LinkEvent::Message { payload, .. } => {
                    Input::Received(SyncStreamItem::decode(payload).unwrap())
                }
                LinkEvent::Ended(_) => return,
            },
        };
        let Ok((next, wanted)) = session.step(input, Duration::ZERO) else {
            return;
        };
        (session, outputs) = (next, wanted);
        if is_up {
            for output in outputs {
                if let Output::Send(item) = output {
                    send(link, item).await;
                }
            }
            return;
        }
    }
}

async fn send(link: &mut Link, item: SyncStreamItem) {
    let message = OutFrame::Message(Bytes::from(item.encode_to_vec()));
    link.send(message).await.unwrap();
}
