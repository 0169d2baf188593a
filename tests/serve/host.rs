//! The process under test, and the folder it works in.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    thread::JoinHandle,
};

use assert_cmd::cargo::CommandCargoExt as _;
use syncspec::{
    crypto::identity::Identity,
    reference::config::Config,
    wire::v1::{
        self,
        multihost::{PairingToken, Peer, Permission, permission::Type},
    },
};
use tempfile::TempDir;

/// Instance id of the host.
pub const HOST: &str = "host";
/// Instance id of the client that the host knows.
pub const CLIENT: &str = "client";
/// Secret of the host's one pairing token.
pub const SECRET: &str = "the secret of a pairing token";

/// The identity of the host.
pub fn host_identity() -> Identity {
    Identity::from_seed(&[1; 32])
}

/// The identity of the client that the host knows.
pub fn client_identity() -> Identity {
    Identity::from_seed(&[2; 32])
}

/// The identity of one of many other clients.
pub fn crowd_identity(number: u32) -> Identity {
    let mut seed = [0xff; 32];
    seed[..4].copy_from_slice(&number.to_be_bytes());
    Identity::from_seed(&seed)
}

/// The instance id of one of many other clients.
pub fn crowd_id(number: u32) -> String {
    format!("crowd-{number}")
}

/// A folder with a config file.
pub struct Folder {
    folder: TempDir,
}

impl Folder {
    /// The host knows [`CLIENT`], and its token has that many uses.
    pub fn new(max_uses: i32) -> Folder {
        Folder::with(config(max_uses))
    }

    /// The host knows [`CLIENT`] and that many others.
    pub fn knowing(others: u32) -> Folder {
        let crowd = (0..others).map(|number| Peer {
            instance_id: crowd_id(number),
            keyid: crowd_identity(number).keyid().to_owned(),
            ..Peer::default()
        });
        let edited = config(0).edited(|config| {
            let multihost = config.multihost.as_mut().unwrap();
            multihost.authorized_clients.extend(crowd);
        });
        Folder::with(edited.unwrap())
    }

    fn with(config: Config) -> Folder {
        let folder = Folder {
            folder: TempDir::new().unwrap(),
        };
        fs::write(folder.config(), config.to_json()).unwrap();
        folder
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn config(&self) -> PathBuf {
        self.path("host.json")
    }

    pub fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// A host with this config, in memory.
    pub fn serve(&self, args: &[&str]) -> Host {
        Host::start(self.command(args))
    }

    /// A host with this config that keeps its data here.
    pub fn serve_kept(&self, args: &[&str]) -> Host {
        let mut command = self.command(args);
        command.arg("--data").arg(self.data());
        Host::start(command)
    }

    pub fn command(&self, args: &[&str]) -> Command {
        self.command_at("127.0.0.1:0", args)
    }

    pub fn command_at(&self, address: &str, args: &[&str]) -> Command {
        let mut command = syncspec();
        command.args(["serve", "--listen", address, "--config"]);
        command.arg(self.config()).args(args);
        command
    }
}

pub fn syncspec() -> Command {
    Command::cargo_bin("syncspec").unwrap()
}

fn config(max_uses: i32) -> Config {
    let identity = host_identity();
    let permissions = vec![Permission {
        r#type: Type::PermissionReadConfig.into(),
        scopes: Vec::new(),
    }];
    Config::new(v1::Config {
        modno: 1,
        version: 6,
        instance: HOST.to_owned(),
        multihost: Some(v1::Multihost {
            identity: Some(v1::PrivateKey {
                keyid: identity.keyid().to_owned(),
                ed25519priv: identity.private_key_text(),
                ed25519pub: identity.public_key_text(),
            }),
            authorized_clients: vec![Peer {
                instance_id: CLIENT.to_owned(),
                keyid: client_identity().keyid().to_owned(),
                permissions: permissions.clone(),
                ..Peer::default()
            }],
            pairing_tokens: vec![PairingToken {
                secret: SECRET.to_owned(),
                max_uses,
                permissions,
                ..PairingToken::default()
            }],
            ..v1::Multihost::default()
        }),
        ..v1::Config::default()
    })
    .unwrap()
}

/// A host that is ready. Dropping it kills it.
pub struct Host {
    child: Child,
    /// What it printed before it was ready.
    pub about: Vec<String>,
    log: Option<JoinHandle<String>>,
}

impl Host {
    pub fn start(mut command: Command) -> Host {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // Read all along, or a host that logs much would wait for us.
        let mut stderr = child.stderr.take().unwrap();
        let log = std::thread::spawn(move || {
            let mut text = String::new();
            let _ = stderr.read_to_string(&mut text);
            text
        });
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut about: Vec<String> = Vec::new();
        for line in lines {
            about.push(line.unwrap());
            if about.last().unwrap() == "ready" {
                let log = Some(log);
                return Host { child, about, log };
            }
        }
        let _ = child.wait();
        panic!(
            "the host ended before it was ready: {}",
            log.join().unwrap()
        );
    }

    /// One thing that it says of itself.
    pub fn said(&self, name: &str) -> &str {
        let mut lines = self.about.iter();
        lines
            .find_map(|line| line.strip_prefix(name))
            .unwrap()
            .trim()
    }

    pub fn url(&self) -> &str {
        self.said("url")
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Memory that it uses, in bytes, where the system tells.
    pub fn resident_len_bytes(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kib * 1024)
    }

    /// Ends it without a word.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to leave. The standard library can send no signal but SIGKILL.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.unwrap().success());
    }

    /// Its exit code and what it logged, once it has left.
    pub fn ended(mut self) -> (Option<i32>, String) {
        let status = self.child.wait().unwrap();
        (status.code(), self.log.take().unwrap().join().unwrap())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a command that ends by itself.
pub fn output(command: &mut Command) -> (i32, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}
