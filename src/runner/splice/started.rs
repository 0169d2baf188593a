//! The host and the client that are stood between, each started for it.

use std::net::SocketAddr;

use tokio::task::AbortHandle;

use crate::{
    net::{client::ClientOptions, host::HostOptions, serve::ServeLimits},
    runner::{
        Job, Source,
        calls::Calls,
        peers::{start_client_process, start_host_process},
        reference::{reference_config, start_host},
        switchboard::{Caller, Switchboard},
    },
    scenario::model::Scenario,
    target::{file::TargetFile, process::Process, provision::Provision},
};

/// The two peers that are stood between.
pub(super) enum Both<'a> {
    /// The reference twice, in this process.
    Reference {
        host: Box<HostOptions>,
        client: Box<ClientOptions>,
    },
    /// Two processes of one command.
    Command(&'a TargetFile),
}

impl<'a> Both<'a> {
    /// Those that come from there; none where somebody else runs them.
    pub fn of(source: &'a Source) -> Option<Both<'a>> {
        match source {
            Source::Reference => Some(Both::Reference {
                host: Box::default(),
                client: Box::default(),
            }),
            Source::Command(target) => Some(Both::Command(target)),
            Source::Outside { .. } => None,
        }
    }
}

/// A host that was started for it; dropping it ends it.
pub(super) struct Host {
    pub url: String,
    pub process: Option<Process>,
    task: Option<AbortHandle>,
}

impl Drop for Host {
    fn drop(&mut self) {
        self.task.take().inspect(AbortHandle::abort);
    }
}

impl Host {
    pub async fn start(both: &Both<'_>, case: &Scenario) -> Result<Host, String> {
        match both {
            Both::Reference { host, .. } => {
                let config = reference_config(&Provision::for_cases([case]));
                let config = config.map_err(|error| error.to_string())?;
                let started = start_host(config, **host, ServeLimits::default()).await;
                let (reference, task) = started.map_err(|error| error.to_string())?;
                Ok(Host {
                    url: reference.url,
                    process: None,
                    task: Some(task),
                })
            }
            Both::Command(target) => {
                let process = start_host_process(target, [case]).await;
                let process = process.map_err(|why| why.to_string())?;
                Ok(Host {
                    url: process.url().to_owned(),
                    process: Some(process),
                    task: None,
                })
            }
        }
    }
}

/// A client that was started for it, and has called; dropping it ends it.
pub(super) struct Client {
    pub calls: Calls,
    pub process: Option<Process>,
    /// Listens as long as it is held.
    pub switchboard: Switchboard,
}

impl Client {
    pub async fn start(both: &Both<'_>, job: &Job) -> Result<Client, String> {
        let case = &*job.scenario;
        let (switchboard, process) = match both {
            Both::Reference { client, .. } => {
                let address: SocketAddr = ([127, 0, 0, 1], 0).into();
                let caller = Caller::Reference(client.clone());
                let switchboard = Switchboard::open(address, caller).await;
                (switchboard.map_err(|error| error.to_string())?, None)
            }
            Both::Command(target) => {
                let started = start_client_process(target, &[case]).await;
                let (switchboard, process) = started.map_err(|why| why.to_string())?;
                (switchboard, Some(process))
            }
        };
        let calls = switchboard.calls_for(case, job.protocol).await;
        Ok(Client {
            calls: calls.map_err(|why| why.to_string())?,
            process,
            switchboard,
        })
    }
}
