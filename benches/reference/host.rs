//! The process that is measured, and the config it has.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use sha2::{Digest as _, Sha256};
use syncspec::{
    crypto::identity::Identity,
    reference::config::Config,
    wire::v1::{
        self,
        multihost::{Peer, Permission, permission::Type},
    },
};
use tempfile::TempDir;

/// Clients that connect and then keep still.
pub const IDLE_CLIENTS: usize = 10_000;
/// Clients that work, for the figures with several at a time.
pub const BUSY_CLIENTS: usize = 16;

/// Room for every session, every connection and one more caller.
const SESSIONS_MAX: usize = 12_000;
const HOST: &str = "bench-host";

/// Identity of the host.
pub fn host_identity() -> Identity {
    identity("host")
}

/// Instance id of the host.
pub fn host_instance_id() -> &'static str {
    HOST
}

/// Who dials: one of the known clients.
#[derive(Clone, Copy, Debug)]
pub enum Who {
    Busy(usize),
    Idle(usize),
}

impl Who {
    pub fn instance_id(self) -> String {
        match self {
            Who::Busy(number) => format!("busy-{number}"),
            Who::Idle(number) => format!("idle-{number}"),
        }
    }

    pub fn identity(self) -> Identity {
        identity(&self.instance_id())
    }
}

fn identity(name: &str) -> Identity {
    let seed = Sha256::digest(format!("syncspec/bench/{name}"));
    Identity::from_seed(&seed.into())
}

/// The config of every measured host: its clients, and nothing to show them.
pub fn config() -> Config {
    let host = host_identity();
    let busy = (0..BUSY_CLIENTS).map(Who::Busy);
    let clients = busy.chain((0..IDLE_CLIENTS).map(Who::Idle));
    let permissions = vec![Permission {
        r#type: Type::PermissionReadConfig.into(),
        scopes: vec!["*".to_owned()],
    }];
    Config::new(v1::Config {
        modno: 1,
        version: 6,
        instance: HOST.to_owned(),
        auth: Some(v1::Auth {
            disabled: true,
            ..v1::Auth::default()
        }),
        multihost: Some(v1::Multihost {
            identity: Some(v1::PrivateKey {
                keyid: host.keyid().to_owned(),
                ed25519priv: host.private_key_text(),
                ed25519pub: host.public_key_text(),
            }),
            authorized_clients: clients
                .map(|who| Peer {
                    instance_id: who.instance_id(),
                    keyid: who.identity().keyid().to_owned(),
                    permissions: permissions.clone(),
                    ..Peer::default()
                })
                .collect(),
            ..v1::Multihost::default()
        }),
        ..v1::Config::default()
    })
    .unwrap()
}

/// A host to measure. One that was started here ends with it.
pub struct Host {
    url: String,
    pid: Option<u32>,
    child: Option<Child>,
    _folder: Option<TempDir>,
}

impl Host {
    /// The reference, keeping nothing.
    pub fn in_memory() -> Host {
        Host::start(false)
    }

    /// The reference on a database.
    pub fn on_disk() -> Host {
        Host::start(true)
    }

    /// Somebody else's.
    pub fn at(url: String, pid: Option<u32>) -> Host {
        Host {
            url,
            pid,
            child: None,
            _folder: None,
        }
    }

    fn start(on_disk: bool) -> Host {
        let folder = TempDir::new().unwrap();
        let config_file = folder.path().join("host.json");
        fs::write(&config_file, config().to_json()).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_syncspec"));
        let room = SESSIONS_MAX.to_string();
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--log-level", "warn"])
            .args(["--sessions-max", &room, "--connections-max", &room])
            .arg("--config")
            .arg(&config_file)
            .stdout(Stdio::piped());
        if on_disk {
            command.arg("--data").arg(folder.path().join("data"));
        }
        let mut child = command.spawn().unwrap();
        let mut url = None;
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            if let Some(said) = line.strip_prefix("url") {
                url = Some(said.trim().to_owned());
            }
            if line == "ready" {
                break;
            }
        }
        Host {
            url: url.expect("the host says its URL before it is ready"),
            pid: Some(child.id()),
            child: Some(child),
            _folder: Some(folder),
        }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Memory in use, in bytes, where the system tells.
    pub fn resident_len_bytes(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid?)).ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kib * 1024)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
