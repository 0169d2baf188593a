//! Where the driver finds what looks inside the peer.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use prost::Message as _;
use tokio::time::timeout;

use super::{
    hook::Hook,
    streams::{end_of, end_of_call},
};
use crate::{
    actor::{Ask, Input},
    net::{
        Connection, DialOptions, Link, LinkError, LinkEvent, OutFrame, RequestShape, UnaryEnd,
        request::{PEER_STATES_PATH, SET_REMOTE_CLIENT_CONFIG_PATH},
    },
    rules::Capability,
    scenario::{deviation::StateHeadersFault, model::Scenario},
    trace::End,
    wire::{Code, RpcProtocol, v1sync::SyncStateStreamRequest},
};

/// How long a state service may take to begin.
const SNAPSHOT_WAIT: Duration = Duration::from_secs(10);

/// What looks inside the peer, as far as it comes with anything.
#[derive(Clone, Debug, Default)]
pub struct Looks {
    /// Its state service; none where it has none that we may call.
    pub state_service: Option<StateService>,
    /// Its hook.
    pub hook: Option<Arc<dyn Hook>>,
}

/// How the state service is called.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct StateService {
    /// URL in place of that of the sync service.
    pub url: Option<String>,
    /// Headers by which it knows its callers, such as an authorization; none where it asks for none.
    pub headers: Vec<(String, String)>,
}

impl std::fmt::Debug for StateService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("StateService")
            .field("url", &self.url)
            .field("headers", &names)
            .finish()
    }
}

impl Looks {
    /// Why a case cannot be played here; none where it can.
    pub fn lacks(&self, scenario: &Scenario) -> Option<String> {
        let has = |capability: &Capability| match capability {
            Capability::StateService => self.state_service.is_some(),
            Capability::StateAuthentication => {
                let service = self.state_service.as_ref();
                service.is_some_and(|service| !service.headers.is_empty())
            }
            Capability::Hook => self.hook.is_some(),
            Capability::ClientHook => {
                let hook = self.hook.as_ref();
                hook.is_some_and(|hook| hook.of_clients())
            }
            // Whoever describes the peer knows of the others.
            Capability::Logs
            | Capability::Throttle
            | Capability::Pairing
            | Capability::OperationsProvisioned => true,
        };
        let missing = scenario.needs().into_iter().find(|needed| !has(needed))?;
        Some(format!("the peer comes without the capability `{missing}`"))
    }
}

/// What looks inside one peer, ready to be asked by a case.
#[derive(Clone, Debug)]
pub struct Inside {
    /// What there is.
    pub looks: Looks,
    /// How the peer itself is dialled, over the case's RPC protocol.
    pub dial: DialOptions,
}

impl Default for Inside {
    fn default() -> Self {
        Inside {
            looks: Looks::default(),
            dial: DialOptions::new("", RpcProtocol::Grpc),
        }
    }
}

impl Inside {
    /// Options to dial the state service, with what is wrong with its headers.
    fn state_dial(&self, fault: Option<StateHeadersFault>) -> DialOptions {
        let service = self.looks.state_service.clone().unwrap_or_default();
        let mut options = self.dial.clone();
        if let Some(url) = service.url {
            options.url = url;
        }
        let headers = service.headers.into_iter();
        options
            .headers
            .extend(headers.filter_map(|(name, value)| match fault {
                None => Some((name, value)),
                Some(StateHeadersFault::Missing) => None,
                Some(StateHeadersFault::Wrong) => Some((name, with_other_end(&value))),
            }));
        options
    }

    /// Calls the state service once, and says why it is of no use where it is not.
    ///
    /// The call is read to its end: deployed hosts tell one subscriber after the other, and one that leaves early keeps
    /// the others, and with them the sessions, waiting.
    pub(super) async fn try_state_service(&self) -> Result<(), String> {
        let (_connection, mut link) = self
            .follow(false, None)
            .await
            .map_err(|error| error.to_string())?;
        let mut told = false;
        let all = async {
            loop {
                match link.next().await {
                    LinkEvent::Headers(_) => {}
                    LinkEvent::Message { .. } => told = true,
                    LinkEvent::Ended(end) => return end_of(end),
                }
            }
        };
        match timeout(SNAPSHOT_WAIT, all).await {
            // Whoever tells of one peer can be asked; how the call ends, or that it does not, is for a case to judge.
            // Deployed hosts end it with CANCELLED.
            _ if told => Ok(()),
            Ok(End::Status { code: Code::Ok, .. }) => Ok(()),
            Ok(end) => Err(format!("it ended its call with {end}")),
            Err(_) => Err(format!(
                "it told nothing within {} s",
                SNAPSHOT_WAIT.as_secs()
            )),
        }
    }

    /// Does what is asked.
    pub(super) async fn ask(&self, ask: Ask) -> Result<Answer, LinkError> {
        Ok(match ask {
            Ask::States {
                subscribe, headers, ..
            } => {
                let (connection, link) = self.follow(subscribe, headers).await?;
                Answer::Stream(Box::new((connection, link)))
            }
            Ask::SetClientConfig { request, headers } => {
                let end = self.set_client_config(request, headers).await?;
                Answer::Input(Input::Ended(end_of_call(end)))
            }
            Ask::Hook(question) => Answer::Input(Input::Told(match &self.looks.hook {
                Some(hook) => hook.ask(question).await,
                None => Err("there is none".to_owned()),
            })),
        })
    }

    /// Opens the stream of states.
    async fn follow(
        &self,
        subscribe: bool,
        fault: Option<StateHeadersFault>,
    ) -> Result<(Connection, Link), LinkError> {
        let connection = Connection::dial(&self.state_dial(fault)).await?;
        let shape = RequestShape::new(self.dial.protocol, PEER_STATES_PATH);
        let mut link = connection.open(&shape).await?;
        let request = SyncStateStreamRequest { subscribe }.encode_to_vec();
        match link.send(OutFrame::Message(Bytes::from(request))).await {
            // A call may be answered, and ended, before it is read to its end.
            Ok(()) => drop(link.half_close()),
            Err(LinkError::StreamOver) => {}
            Err(error) => return Err(error),
        }
        Ok((connection, link))
    }

    /// Calls SetRemoteClientConfig.
    async fn set_client_config(
        &self,
        request: Vec<u8>,
        fault: Option<StateHeadersFault>,
    ) -> Result<UnaryEnd, LinkError> {
        let connection = Connection::dial(&self.state_dial(fault)).await?;
        let path = SET_REMOTE_CLIENT_CONFIG_PATH;
        connection.unary(path, Bytes::from(request)).await
    }
}

/// What an [`Ask`] came to.
pub(super) enum Answer {
    /// A stream to read on.
    Stream(Box<(Connection, Link)>),
    /// An input for the actor.
    Input(Input),
}

/// The value with another last character: of the same length and form, and nobody's.
fn with_other_end(value: &str) -> String {
    let mut wrong = value.to_owned();
    let last = wrong.pop();
    wrong.push(if last == Some('A') { 'B' } else { 'A' });
    wrong
}
