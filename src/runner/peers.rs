//! Where the peer under test comes from, and how a fresh one is had.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{
    RunOptions,
    crash::crashed,
    gone::{Gone, comes_back},
    looking::LookPlan,
    looks::Looks,
    not_reached::NotStarted,
    reference::start_reference,
    switchboard::{Caller, Switchboard},
};
use crate::{
    scenario::model::Scenario,
    target::{
        contact_scenario,
        file::{COMMAND_LISTEN, Filling, ProvisionFormat, TargetFile, WebUrl},
        process::{LOG_SHOWN_MAX, Launch, Process, Stopped},
        provision::{ClientProvision, Provision},
    },
    wire::{Role, RpcProtocol},
};

/// Where the peer under test comes from.
pub enum Source {
    /// Somebody else runs it.
    Outside {
        /// Where it answers, as a host.
        url: String,
        /// Where it calls us, as a client.
        switchboard: Option<Arc<Switchboard>>,
    },
    /// The reference, started in this process.
    Reference,
    /// A command.
    Command(Box<TargetFile>),
}

/// The peer under test, and those that follow it when it is used up or has crashed.
pub struct Peers {
    source: Source,
    look_plan: LookPlan,
    looks: Looks,
    /// Whether its state service could be called, and why not; none where nobody tried.
    state_service: Option<Result<(), String>>,
    url: String,
    switchboard: Option<Arc<Switchboard>>,
    process: Option<Arc<Process>>,
    /// Whether a host was found to serve no more.
    gone: Gone,
    /// Whether cases were played on it.
    used: bool,
    restarts: u32,
    notes: Vec<String>,
}

impl Peers {
    /// Nothing is started yet.
    pub fn new(source: Source, look_plan: LookPlan) -> Peers {
        Peers {
            source,
            look_plan,
            looks: Looks::default(),
            state_service: None,
            url: String::new(),
            switchboard: None,
            process: None,
            gone: Gone::default(),
            used: false,
            restarts: 0,
            notes: Vec::new(),
        }
    }

    /// Where they come from.
    pub(super) fn source(&self) -> &Source {
        &self.source
    }

    /// Starts one for these cases, which are for one role, and for the first contact with it.
    ///
    /// # Errors
    /// Why it cannot be started.
    pub async fn begin(&mut self, role: Role, cases: &[Arc<Scenario>]) -> Result<(), NotStarted> {
        self.replace(role, cases).await
    }

    /// Sees to it that no case was played on the peer yet, as far as that can be had; from now on one was.
    ///
    /// # Errors
    /// Why a new one cannot be started, in words.
    pub async fn renew(&mut self, role: Role, cases: &[Arc<Scenario>]) -> Result<(), String> {
        if self.used && self.can_renew() {
            let replaced = self.replace(role, cases).await;
            replaced.map_err(|why| why.to_string())?;
        }
        self.used = true;
        Ok(())
    }

    /// A new one after a crash; one that somebody else runs is waited for.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub async fn restart(
        &mut self,
        role: Role,
        cases: &[Arc<Scenario>],
        options: &RunOptions,
        protocol: RpcProtocol,
    ) -> Result<(), String> {
        if let Source::Outside { .. } = self.source
            && let Some(seen) = self.gone.seen()
            && !comes_back(options, protocol).await
        {
            return Err(format!("{seen}; it did not come back"));
        }
        if let Source::Command(target) = &self.source
            && let Some(command) = &target.command
            && self.restarts >= command.restarts_max()
        {
            return Err(format!(
                "the peer crashed once more after {} restarts, the most that `command.restarts-max` allows",
                self.restarts
            ));
        }
        self.restarts += 1;
        let replaced = self.replace(role, cases).await;
        replaced.map_err(|why| why.to_string())?;
        self.used = true;
        Ok(())
    }

    /// Whether a fresh one can be had.
    pub fn can_renew(&self) -> bool {
        !matches!(self.source, Source::Outside { .. }) || self.looks.hook.is_some()
    }

    /// Whether a fresh one can be had, with a provision of its own, for a part of the cases.
    pub fn takes_parts(&self) -> bool {
        self.can_renew() && !matches!(self.source, Source::Reference)
    }

    /// Whether one that was replaced goes on for those cases that are still at it.
    pub fn outlives_its_successor(&self) -> bool {
        matches!(self.source, Source::Reference)
    }

    /// Tells the options where the peer of the moment is, and what looks inside it, which is tried over that protocol.
    /// `asks_states` says whether the state service is to be asked: a deployed peer that knows many must not be.
    pub async fn reach(
        &mut self,
        options: &mut RunOptions,
        asks_states: bool,
        protocol: RpcProtocol,
    ) {
        options.url.clone_from(&self.url);
        options.switchboard.clone_from(&self.switchboard);
        // A mere client answers nowhere, but may tell its states somewhere, or have a command that looks inside it.
        let tells_states = !self.url.is_empty() || self.look_plan.state_service.url.is_some();
        let asks_states = asks_states && tells_states;
        let can_look = tells_states || self.look_plan.hook.is_some();
        if asks_states && let Some(switchboard) = &self.switchboard {
            switchboard.hosts_are_dialled().await;
        }
        if !matches!(self.source, Source::Reference) && can_look {
            let dial = options.dial(protocol);
            let filling = match &self.process {
                Some(process) => process.filling().clone(),
                None => Filling {
                    url: self.url.clone(),
                    ..Filling::default()
                },
            };
            let (looks, useless) = self.look_plan.look(&dial, &filling, asks_states).await;
            self.looks = looks;
            if asks_states {
                self.state_service = Some(useless.clone().map_or(Ok(()), Err));
            }
            if let Some(why) = useless {
                self.note(format!(
                    "cases that need the state service are skipped: {why} (`--state-url`, `--state-header`)"
                ));
            }
        }
        options.looks = self.looks.clone();
        options.client_looks = match &self.source {
            Source::Command(_) => self.looks.clone(),
            // One that somebody else runs as a client is not where the host is; but what says that it answers of clients does.
            _ => Looks {
                state_service: None,
                hook: self.looks.hook.clone().filter(|hook| hook.of_clients()),
            },
        };
    }

    /// Gives a peer that somebody else runs its provision afresh, where it has a hook that can.
    pub async fn reset(&mut self, role: Role, cases: &[Arc<Scenario>]) {
        let (Source::Outside { .. }, Role::Responder, Some(hook)) =
            (&self.source, role, &self.looks.hook)
        else {
            return;
        };
        let contacts = RpcProtocol::ALL.map(|protocol| contact_scenario(role, protocol));
        let cases = cases.iter().map(|case| &**case).chain(&contacts);
        if let Err(why) = hook.reset(&Provision::for_cases(cases)).await {
            self.note(format!(
                "the hook did not give the peer its provision afresh: {why}"
            ));
        }
    }

    /// What came of calling its state service; none where nobody tried.
    pub fn state_service(&self) -> Option<&Result<(), String>> {
        self.state_service.as_ref()
    }

    /// Where it answers, as a host.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The process, where we started one.
    pub fn process(&self) -> Option<Arc<Process>> {
        self.process.clone()
    }

    /// How it ended, if it has or serves no more, in words.
    pub fn end(&self) -> Option<String> {
        let crash = self.process.as_ref().and_then(|process| process.end());
        crash.map(crashed).or_else(|| self.gone.seen())
    }

    /// What tells cases whether a host is gone. Of a client nothing is seen but its calls.
    pub(super) fn gone(&self, role: Role) -> Option<Gone> {
        (role == Role::Responder).then(|| self.gone.clone())
    }

    /// A peer that somebody else runs serves again.
    pub(super) fn is_back(&mut self) {
        self.gone = Gone::default();
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
        self.switchboard = None;
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

    async fn replace(&mut self, role: Role, cases: &[Arc<Scenario>]) -> Result<(), NotStarted> {
        self.stop().await;
        self.used = false;
        self.gone = Gone::default();
        let contacts = RpcProtocol::ALL.map(|protocol| contact_scenario(role, protocol));
        let cases = cases.iter().map(|case| &**case).chain(&contacts);
        match (&self.source, role) {
            (Source::Outside { url, switchboard }, _) => {
                self.url.clone_from(url);
                self.switchboard.clone_from(switchboard);
            }
            (Source::Reference, Role::Responder) => {
                let reference = start_reference(&Provision::for_cases(cases)).await;
                let reference = reference.map_err(|error| NotStarted::failed(&error))?;
                (self.url, self.looks) = (reference.url, reference.looks);
            }
            (Source::Reference, Role::Initiator) => {
                let caller = Caller::Reference(Box::default());
                let address: SocketAddr = ([127, 0, 0, 1], 0).into();
                let switchboard = Switchboard::open(address, caller).await;
                let switchboard = switchboard.map_err(|error| NotStarted::not_listening(&error))?;
                self.switchboard = Some(Arc::new(switchboard));
            }
            (Source::Command(target), Role::Responder) => {
                let process = start_host_process(target, cases).await?;
                process.url().clone_into(&mut self.url);
                self.process = Some(Arc::new(process));
            }
            (Source::Command(target), Role::Initiator) => {
                let (switchboard, process) =
                    start_client_process(target, &cases.collect::<Vec<_>>()).await?;
                self.switchboard = Some(Arc::new(switchboard));
                process.url().clone_into(&mut self.url);
                self.process = Some(Arc::new(process));
            }
        }
        Ok(())
    }
}

/// Starts a host that is given what these cases need.
pub(super) async fn start_host_process<'a>(
    target: &TargetFile,
    cases: impl IntoIterator<Item = &'a Scenario>,
) -> Result<Process, NotStarted> {
    let provision = Provision::for_cases(cases);
    let given = Given {
        json: provision.to_json(),
        config: provision.to_backrest_config(),
        operations: json!({ "operations": [] }),
    };
    start(target, "", given).await
}

/// Starts a client that is given what these cases need, and listens for its calls.
pub(super) async fn start_client_process(
    target: &TargetFile,
    cases: &[&Scenario],
) -> Result<(Switchboard, Process), NotStarted> {
    let wait = target
        .command
        .as_ref()
        .map_or(Duration::ZERO, |command| command.start_wait());
    let address = target.listen_address().unwrap_or(COMMAND_LISTEN);
    let caller = Caller::Started(wait);
    let switchboard = Switchboard::open(address, caller).await;
    let switchboard = switchboard.map_err(|error| NotStarted::not_listening(&error))?;
    let expected = switchboard.expect(cases.iter().copied());
    expected.map_err(|error| NotStarted::failed(&error))?;
    let base = match &target.initiator.url {
        Some(url) => WebUrl::as_str(url).to_owned(),
        None => format!("http://{}", switchboard.address()),
    };
    let provision = ClientProvision::for_cases(&base, cases.iter().copied());
    let given = Given {
        json: provision.to_json(),
        config: provision.to_backrest_config(),
        operations: provision.operations(),
    };
    let process = start(target, &base, given).await?;
    Ok((switchboard, process))
}

/// What a peer must be given, in each form that its command may ask for.
struct Given {
    json: Value,
    config: Value,
    operations: Value,
}

async fn start(target: &TargetFile, listen: &str, given: Given) -> Result<Process, NotStarted> {
    let Some(command) = &target.command else {
        return Err(NotStarted::failed(&"start the peer: there is no command"));
    };
    let provision = match command.format {
        ProvisionFormat::Json => given.json,
        ProvisionFormat::BackrestConfig => given.config,
    };
    let launch = Launch {
        command,
        ready: target.ready(),
        url: target.responder_url(),
        listen,
        provision: &format!("{provision:#}"),
        operations: &given.operations.to_string(),
    };
    Ok(Process::start(launch).await?)
}
