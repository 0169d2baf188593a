//! A peer that we start, watch, stop and start again.
//!
//! It runs in a process group of its own, which is killed when the [`Process`] is dropped: no peer outlives the run, be
//! it ended by Ctrl-C or by a panic. What it prints is kept, the last lines of it.

mod group;
mod log;

use std::{
    fmt, fs, io,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tempfile::TempDir;
use tokio::{
    net::TcpStream,
    process::{Child, Command},
    sync::watch,
    task::JoinHandle,
    time::timeout,
};

pub use log::{LINE_LEN_BYTES_MAX, LINES_MAX, PeerLog};

use super::file::{CommandTarget, Filling, Ready, fill as fill_words};
use group::Group;

/// Time between two looks at a port that is not open yet: short beside any start, and no load.
const READY_POLL: Duration = Duration::from_millis(10);
/// How long one look may take; a port that is open answers at once.
const READY_CONNECT_WAIT: Duration = Duration::from_secs(1);
/// How long a process may take to be gone after SIGKILL, which it cannot refuse; only the system can hold it up.
const KILL_WAIT: Duration = Duration::from_secs(10);
/// How long what an ended process has printed may take to be read: a process that left its group may hold the pipe.
const LOG_WAIT: Duration = Duration::from_secs(1);
/// Lines of the log that an error or a result shows.
pub const LOG_SHOWN_MAX: usize = 40;

/// What is needed to start a peer.
#[derive(Clone, Copy, Debug)]
pub struct Launch<'a> {
    /// The command.
    pub command: &'a CommandTarget,
    /// What shows that it is ready.
    pub ready: Ready,
    /// Where it answers; `{port}` is filled in. None for a mere client.
    pub url: Option<&'a str>,
    /// Where we listen for it; empty where we don't.
    pub listen: &'a str,
    /// What it must be given, in the form the command asks for.
    pub provision: &'a str,
    /// The client's own operations, `v1.OperationList` in JSON.
    pub operations: &'a str,
}

/// A peer that was started.
#[derive(Debug)]
pub struct Process {
    filling: Filling,
    group: Group,
    ended: watch::Receiver<Option<String>>,
    log: PeerLog,
    stop_wait: Duration,
    /// Its provision and its data; gone with it.
    _folder: TempDir,
}

impl Process {
    /// Starts a peer with a fresh folder, and waits until it is ready. One that shows by dialling that it is ready is
    /// not waited for.
    ///
    /// # Errors
    /// [`StartError`], which holds what the peer printed.
    pub async fn start(launch: Launch<'_>) -> Result<Process, StartError> {
        let folder = tempfile::Builder::new()
            .prefix("syncspec-")
            .tempdir()
            .map_err(StartError::Folder)?;
        let filling = fill(&launch, folder.path()).map_err(StartError::Folder)?;
        let dialled = (launch.ready == Ready::Port).then(|| authority(&filling.url));
        if let Some(address) = &dialled
            && is_open(address).await
        {
            return Err(StartError::PortTaken {
                address: address.clone(),
            });
        }
        let mut child = spawn(launch.command, &filling)?;
        let group = Group::of(&child);
        let log = PeerLog::default();
        let readers = log.read(&mut child);
        let (tell, ended) = watch::channel(None);
        tokio::spawn(watch_over(child, group.clone(), readers, tell));
        let mut process = Process {
            filling,
            group,
            ended,
            log,
            stop_wait: launch.command.stop_wait(),
            _folder: folder,
        };
        if let Some(address) = dialled {
            process
                .wait_until_open(&address, launch.command.start_wait())
                .await?;
        }
        Ok(process)
    }

    async fn wait_until_open(&mut self, address: &str, wait: Duration) -> Result<(), StartError> {
        let open = async {
            while !is_open(address).await {
                tokio::time::sleep(READY_POLL).await;
            }
        };
        let mut ended = self.ended.clone();
        let opened = tokio::select! {
            how = wait_for_end(&mut ended) => Err(StartError::Ended { how, log: self.log.last(LOG_SHOWN_MAX) }),
            opened = timeout(wait, open) => opened.map_err(|_| StartError::NotReady {
                address: address.to_owned(),
                wait,
                log: self.log.last(LOG_SHOWN_MAX),
            }),
        };
        // It may have ended just after another process took the port.
        match (opened, self.end()) {
            (Ok(()), Some(how)) => Err(StartError::Ended {
                how,
                log: self.log.last(LOG_SHOWN_MAX),
            }),
            (opened, _) => opened,
        }
    }

    /// Where it answers, as a host; empty for a mere client.
    pub fn url(&self) -> &str {
        &self.filling.url
    }

    /// What the words in braces stand for, for commands that go with it.
    pub fn filling(&self) -> &Filling {
        &self.filling
    }

    /// What it prints.
    pub fn log(&self) -> &PeerLog {
        &self.log
    }

    /// Memory that its leading process holds, in bytes; none where the system does not say.
    pub fn memory_bytes(&self) -> Option<u64> {
        self.group.memory_bytes()
    }

    /// How it ended, if it has.
    pub fn end(&self) -> Option<String> {
        self.ended.borrow().clone()
    }

    /// Waits until it has ended, and says how.
    pub async fn ended(&self) -> String {
        wait_for_end(&mut self.ended.clone()).await
    }

    /// How it ended, where that is within so short a time: the system closes the sockets of a process that dies before
    /// it says that it is dead.
    pub async fn ended_within(&self, wait: Duration) -> Option<String> {
        timeout(wait, self.ended()).await.ok()
    }

    /// Asks it to leave, and kills it if it stays. Says whether it had to.
    pub async fn stop(self) -> Stopped {
        if self.end().is_some() {
            return Stopped::AlreadyGone;
        }
        self.group.terminate();
        if self.ended_within(self.stop_wait).await.is_some() {
            return Stopped::Left;
        }
        self.group.kill();
        let _ = self.ended_within(KILL_WAIT).await;
        Stopped::Killed {
            after: self.stop_wait,
        }
    }
}

/// How a peer came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It had ended by itself.
    AlreadyGone,
    /// It left when it was asked.
    Left,
    /// It did not, for so long.
    Killed {
        /// How long it was waited for.
        after: Duration,
    },
}

impl Drop for Process {
    fn drop(&mut self) {
        self.group.kill();
    }
}

/// Why a peer could not be started.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// No folder for it.
    Folder(io::Error),
    /// Something listens at its address already.
    PortTaken {
        /// The address.
        address: String,
    },
    /// The command cannot be run.
    Spawn {
        /// Its program.
        program: String,
        /// Folder it would have been started in.
        dir: PathBuf,
        /// What the system says.
        why: io::Error,
    },
    /// It ended before it was ready.
    Ended {
        /// How.
        how: String,
        /// Its last lines.
        log: Vec<String>,
    },
    /// It was not ready in time.
    NotReady {
        /// Address that was looked at.
        address: String,
        /// How long.
        wait: Duration,
        /// Its last lines.
        log: Vec<String>,
    },
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Folder(error) => write!(f, "make a folder for the peer: {error}"),
            StartError::PortTaken { address } => write!(
                f,
                "start the peer: something listens at {address} already; stop it, or let the command take `{{port}}`"
            ),
            StartError::Spawn { program, dir, why } => write!(
                f,
                "start the peer: run `{program}` in {}: {why}",
                dir.display()
            ),
            StartError::Ended { how, .. } => {
                write!(f, "start the peer: it ended with {how} before it was ready")
            }
            StartError::NotReady { address, wait, .. } => write!(
                f,
                "start the peer: {address} did not open within {wait:?} (`command.start-within`)"
            ),
        }
    }
}

impl std::error::Error for StartError {}

impl StartError {
    /// The last lines that the peer printed; its text holds none.
    pub fn into_log(self) -> Vec<String> {
        match self {
            StartError::Ended { log, .. } | StartError::NotReady { log, .. } => log,
            _ => Vec::new(),
        }
    }
}

fn fill(launch: &Launch<'_>, folder: &Path) -> io::Result<Filling> {
    let provision = folder.join("provision.json");
    fs::write(&provision, launch.provision)?;
    let operations = folder.join("operations.json");
    fs::write(&operations, launch.operations)?;
    let data = folder.join("data");
    fs::create_dir(&data)?;
    let mut filling = Filling {
        provision: provision.display().to_string(),
        operations: operations.display().to_string(),
        port: free_port()?,
        data: data.display().to_string(),
        listen: launch.listen.to_owned(),
        url: String::new(),
    };
    if let Some(url) = launch.url {
        filling.url = fill_words(url, &filling);
    }
    Ok(filling)
}

/// A port that nobody listens on; the system hands out others for a while.
fn free_port() -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}

fn spawn(command: &CommandTarget, filling: &Filling) -> Result<Child, StartError> {
    let program = command.run.program().fill(filling);
    let dir = command.dir.clone().unwrap_or_else(|| PathBuf::from("."));
    // Where a relative program is looked for differs from system to system once the folder is another.
    let path = match program.contains('/') {
        true => dir.join(&program),
        false => PathBuf::from(&program),
    };
    let mut spawning = Command::new(path);
    spawning
        .args(command.run.args().iter().map(|arg| arg.fill(filling)))
        .envs(
            command
                .env
                .iter()
                .map(|(name, value)| (name, value.fill(filling))),
        )
        .current_dir(&dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    #[cfg(unix)]
    spawning.process_group(0);
    spawning
        .spawn()
        .map_err(|why| StartError::Spawn { program, dir, why })
}

async fn watch_over(
    mut child: Child,
    group: Group,
    readers: Vec<JoinHandle<()>>,
    tell: watch::Sender<Option<String>>,
) {
    let status = loop {
        tokio::select! {
            status = child.wait() => break status,
            () = group.kill_asked() => {
                // Where there are no groups; where there are, it is dead already.
                let _ = child.start_kill();
            }
        }
    };
    group.end();
    // What it said last is why it ended.
    let read_all = async {
        for reader in readers {
            let _ = reader.await;
        }
    };
    let _ = timeout(LOG_WAIT, read_all).await;
    let how = match status {
        Ok(status) => status.to_string(),
        Err(error) => format!("an end that the system does not tell of: {error}"),
    };
    tell.send_replace(Some(how));
}

async fn wait_for_end(ended: &mut watch::Receiver<Option<String>>) -> String {
    let how = ended.wait_for(Option::is_some).await;
    match how.map(|how| how.clone()) {
        Ok(how) => how.unwrap_or_default(),
        // Whoever watches over it is gone, with the whole run.
        Err(_) => std::future::pending().await,
    }
}

/// Host and port of a URL, as they are dialled.
fn authority(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let authority = rest.split('/').next().unwrap_or_default();
    let has_port = authority
        .rsplit_once(':')
        .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    match (has_port, scheme) {
        (true, _) => authority.to_owned(),
        (false, "https") => format!("{authority}:443"),
        (false, _) => format!("{authority}:80"),
    }
}

async fn is_open(address: &str) -> bool {
    let connected = timeout(READY_CONNECT_WAIT, TcpStream::connect(address)).await;
    matches!(connected, Ok(Ok(_)))
}

#[cfg(test)]
mod tests;
