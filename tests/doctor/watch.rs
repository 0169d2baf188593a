//! `doctor --watch`: clients that come and go while it looks on, and a host that goes.

use std::process::{Child, Command, Output, Stdio};

use syncspec::{
    crypto::{identity::Identity, kem::KemId},
    net::{Connection, DialOptions, Link},
    wire::{RpcProtocol, v1::multihost::Peer},
};
use tempfile::NamedTempFile;
use tokio::runtime::Runtime;

use crate::{
    clients::play,
    front::gone_when_watched,
    hosts::own_host_of,
    run::{Said, said},
};

/// The doctor, as it watches.
struct Watching {
    child: Child,
    report: NamedTempFile,
}

impl Watching {
    fn start(url: &str, during: &str) -> Watching {
        let report = NamedTempFile::new().unwrap();
        let child = Command::new(assert_cmd::cargo::cargo_bin("syncspec"))
            .args([
                "doctor",
                url,
                "--protocol",
                "connect",
                "--watch",
                during,
                "--report",
            ])
            .arg(format!("json={}", report.path().display()))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Watching { child, report }
    }

    fn is_over(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    fn says(self) -> Said {
        let output: Output = self.child.wait_with_output().unwrap();
        said(&output, &std::fs::read(self.report.path()).unwrap())
    }
}

/// A host that knows the client of [`play`].
fn host() -> (Runtime, String, String) {
    let client = Peer {
        instance_id: "client".to_owned(),
        keyid: Identity::from_seed(&[3; 32]).keyid().to_owned(),
        ..Peer::default()
    };
    own_host_of(vec![client])
}

/// A session of that client, which lasts as long as this does.
async fn come(url: &str, keyid: &str) -> (Connection, Link) {
    let options = DialOptions::new(url, RpcProtocol::Connect);
    let connection = Connection::dial(&options).await.unwrap();
    let mut link = connection.open_sync().await.unwrap();
    play(&mut link, keyid, "my-host", KemId::default()).await;
    (connection, link)
}

#[test]
fn client_comes_again_and_again_then_two_share_its_identity() {
    let (runtime, url, keyid) = host();
    let mut watching = Watching::start(&url, "5s");
    while !watching.is_over() {
        drop(runtime.block_on(come(&url, &keyid)));
    }
    let said = watching.says();
    said.names("state service", "clients-displace-each-other");
    said.says("`client` came");
}

#[test]
fn client_stays_then_all_is_well() {
    let (runtime, url, keyid) = host();
    let _session = runtime.block_on(come(&url, &keyid));
    let said = Watching::start(&url, "300ms").says();
    said.is_well();
    said.says("no client came 3 times within");
}

#[test]
fn host_goes_while_it_is_watched_then_named() {
    let (_runtime, url, _) = host();
    let front = gone_when_watched(&url);
    let said = Watching::start(&front.url(), "10m").says();
    said.names("state service", "watch-cut-short");
    said.says("did the host stop meanwhile");
}
