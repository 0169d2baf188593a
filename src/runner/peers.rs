//! Where the peer under test comes from, and how a fresh one is had.

use std::{sync::Arc, time::Duration};

use super::reference::start_reference;
use crate::target::{
    file::{ProvisionFormat, TargetFile},
    process::{LOG_SHOWN_MAX, Launch, Process, Stopped},
    provision::Provision,
};

/// How long the system may take to say that a process is dead whose sockets it has closed already.
const END_NOTICE_WAIT: Duration = Duration::from_secs(1);

/// Where the peer under test comes from.
pub enum Source {
    /// Somebody else runs it, at this URL.
    Url(String),
    /// The reference, started in this process.
    Reference(Provision),
    /// A command.
    Command(Box<TargetFile>, Provision),
}

/// The peer under test, and those that follow it when it is used up or has crashed.
pub struct Peers {
    source: Source,
    url: String,
    process: Option<Arc<Process>>,
    /// Whether cases were played on it.
    used: bool,
    restarts: u32,
    notes: Vec<String>,
}

impl Peers {
    /// Starts the first one.
    ///
    /// # Errors
    /// Why it cannot be started, in words.
    pub async fn start(source: Source) -> Result<Peers, String> {
        let mut peers = Peers {
            source,
            url: String::new(),
            process: None,
            used: false,
            restarts: 0,
            notes: Vec::new(),
        };
        peers.replace().await?;
        Ok(peers)
    }

    /// Where it answers.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The process, where we started one.
    pub fn process(&self) -> Option<Arc<Process>> {
        self.process.clone()
    }

    /// Whether a fresh one can be had.
    pub fn can_renew(&self) -> bool {
        !matches!(self.source, Source::Url(_))
    }

    /// How it ended, if it has.
    pub fn end(&self) -> Option<String> {
        self.process.as_ref()?.end()
    }

    /// How the process ended, if it has, and what it printed last, for whoever could not reach it.
    pub fn last_words(&self) -> Vec<String> {
        let Some(process) = &self.process else {
            return Vec::new();
        };
        let head = match process.end() {
            Some(how) => format!("the peer has ended with {how}; its last lines:"),
            None => "the peer runs; its last lines:".to_owned(),
        };
        std::iter::once(head)
            .chain(process.log().last(LOG_SHOWN_MAX))
            .collect()
    }

    /// Sees to it that no case was played on the peer yet, as far as that can be had; from now on one was.
    ///
    /// # Errors
    /// Why a new one cannot be started, in words.
    pub async fn renew(&mut self) -> Result<(), String> {
        if self.used && self.can_renew() {
            self.replace().await?;
        }
        self.used = true;
        Ok(())
    }

    /// A new one after a crash.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub async fn restart(&mut self) -> Result<(), String> {
        if let Source::Command(target, _) = &self.source
            && let Some(command) = &target.command
            && self.restarts >= command.restarts_max()
        {
            return Err(format!(
                "the peer crashed once more after {} restarts, the most that `command.restarts-max` allows",
                self.restarts
            ));
        }
        self.restarts += 1;
        self.replace().await?;
        self.used = true;
        Ok(())
    }

    /// What is worth telling of the peers, but is no result of a case.
    pub fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    /// Notes something worth telling, once.
    pub fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Stops the peer, where we started it.
    pub async fn stop(&mut self) {
        // Cases that are over hold it no more.
        let Some(process) = self.process.take().and_then(Arc::into_inner) else {
            return;
        };
        if let Stopped::Killed { after } = process.stop().await {
            self.note(format!(
                "the peer did not leave within {after:?} of SIGTERM (`command.stop-within`), and was killed"
            ));
        }
    }

    async fn replace(&mut self) -> Result<(), String> {
        self.stop().await;
        self.used = false;
        match &self.source {
            Source::Url(url) => self.url.clone_from(url),
            Source::Reference(provision) => {
                let url = start_reference(provision).await;
                self.url = url.map_err(|error| format!("failed to {error}"))?;
            }
            Source::Command(target, provision) => {
                let process = start(target, provision).await?;
                process.url().clone_into(&mut self.url);
                self.process = Some(Arc::new(process));
            }
        }
        Ok(())
    }
}

async fn start(target: &TargetFile, provision: &Provision) -> Result<Process, String> {
    let Some(command) = &target.command else {
        return Err("the target has no command to start".to_owned());
    };
    let provision = match command.format {
        ProvisionFormat::Json => provision.to_json(),
        ProvisionFormat::BackrestConfig => provision.to_backrest_config(),
    };
    let launch = Launch {
        command,
        ready: target.ready(),
        url: target.responder_url(),
        listen: "",
        provision: &format!("{provision:#}"),
    };
    Process::start(launch)
        .await
        .map_err(|error| format!("failed to {error}"))
}

/// How a process ended under a case, if it did, and what it printed.
pub(super) async fn crash_of(process: &Process) -> Option<(String, Vec<String>)> {
    let how = process.ended_within(END_NOTICE_WAIT).await?;
    Some((how, process.log().last(LOG_SHOWN_MAX)))
}
