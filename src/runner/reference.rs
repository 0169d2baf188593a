//! The reference as a peer under test, host or client, in this process and on a real loopback socket.

use std::{fmt, io, net::Ipv4Addr, sync::Arc};

use prost_reflect::DynamicMessage;
use tokio::{net::TcpListener, task::AbortHandle};

use super::{
    hook::{Hook, ReferenceClientHook, ReferenceHook},
    looks::{Looks, StateService},
};

use crate::{
    net::{
        LinkError,
        client::{ClientApp, ClientOptions, ClientStates},
        host::{HostApp, HostOptions},
        serve::{Credential, Guarded, ServeLimits, SyncApp, serve},
    },
    reference::{
        config::{Config, ConfigError},
        own_operations::NotOwn,
    },
    target::provision::{ClientProvision, Provision},
    wire::{descriptor_pool, v1},
};

/// What the reference's state service asks of its callers; it guards nothing.
const BEARER: &str = "syncspec-reference";

/// The reference, and what looks inside it. It lasts as long as the runtime.
#[derive(Clone, Debug)]
pub struct Reference {
    /// Its URL.
    pub url: String,
    /// Its state service, behind an authentication of its own, and its hook.
    pub looks: Looks,
}

/// Starts the reference host with this provision.
///
/// # Errors
/// Where no loopback port can be had.
pub async fn start_reference(provision: &Provision) -> Result<Reference, StartError> {
    Ok(start_reference_until_aborted(provision).await?.0)
}

/// Starts the reference host with this provision, until its task is aborted.
///
/// # Errors
/// Where no loopback port can be had.
pub(super) async fn start_reference_until_aborted(
    provision: &Provision,
) -> Result<(Reference, AbortHandle), StartError> {
    let config = reference_config(provision)?;
    start_host(config, HostOptions::default(), ServeLimits::default()).await
}

/// The configuration that this provision asks for.
///
/// # Errors
/// Where it is not valid.
pub fn reference_config(provision: &Provision) -> Result<Config, StartError> {
    Config::from_json(&provision.to_backrest_config().to_string()).map_err(StartError::Provision)
}

/// Starts a reference host with these options. It lasts as long as the runtime, or until its task is aborted.
///
/// # Errors
/// Where no loopback port can be had.
pub async fn start_host(
    config: Config,
    options: HostOptions,
    limits: ServeLimits,
) -> Result<(Reference, AbortHandle), StartError> {
    let app = HostApp::new(config, options);
    let hook = ReferenceHook::new(app.clone());
    let (url, served) = serve_guarded(app, limits).await?;
    let reference = Reference {
        url,
        looks: looks_by(None, Arc::new(hook)),
    };
    Ok((reference, served))
}

/// What looks inside a reference client, until the task is aborted.
///
/// # Errors
/// Where no loopback port can be had.
pub(super) async fn look_into(client: &ClientApp) -> Result<(Looks, AbortHandle), StartError> {
    let states = ClientStates::new(client.clone());
    let (url, served) = serve_guarded(states, ServeLimits::default()).await?;
    let hook = ReferenceClientHook::new(client.clone());
    Ok((looks_by(Some(url), Arc::new(hook)), served))
}

/// Serves it on a loopback port, its state service behind an authentication; the URL.
async fn serve_guarded(
    app: impl SyncApp,
    limits: ServeLimits,
) -> Result<(String, AbortHandle), StartError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .map_err(StartError::Port)?;
    let address = listener.local_addr().map_err(StartError::Port)?;
    let guarded = Guarded::new(app, vec![Credential::bearer(BEARER)]);
    let served = tokio::spawn(serve(
        listener,
        Arc::new(guarded),
        limits,
        std::future::pending(),
    ));
    Ok((format!("http://{address}"), served.abort_handle()))
}

fn looks_by(url: Option<String>, hook: Arc<dyn Hook>) -> Looks {
    let authorization = ("authorization".to_owned(), format!("Bearer {BEARER}"));
    Looks {
        state_service: Some(StateService {
            url,
            headers: vec![authorization],
        }),
        hook: Some(hook),
    }
}

/// Starts the reference client with this provision: it dials all its hosts. It lasts as long as the handle. Must be called
/// inside a tokio runtime.
///
/// # Errors
/// A provision that is no valid config, which is the suite's own fault.
pub fn start_reference_client(
    provision: &ClientProvision,
    options: ClientOptions,
) -> Result<ClientApp, StartError> {
    let config = Config::from_json(&provision.to_backrest_config().to_string())
        .map_err(StartError::Provision)?;
    let client = ClientApp::new(config, options);
    for operation in operations_of(provision) {
        client
            .put_operation(operation)
            .map_err(StartError::NotOwn)?;
    }
    client.start();
    Ok(client)
}

/// What is no `v1.OperationList` has no operations; that the provision is one is tested.
fn operations_of(provision: &ClientProvision) -> Vec<v1::Operation> {
    let list = descriptor_pool()
        .get_message_by_name("v1.OperationList")
        .and_then(|list| DynamicMessage::deserialize(list, provision.operations()).ok())
        .and_then(|list| list.transcode_to::<v1::OperationList>().ok());
    list.unwrap_or_default().operations
}

/// Why the reference could not be started.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// The provision is no valid config, which is the suite's own fault.
    Provision(ConfigError),
    /// The provision has an operation that no client can have, which is the suite's own fault.
    NotOwn(NotOwn),
    /// There is no loopback port.
    Port(io::Error),
    /// There is no loopback port to be called at.
    Listen(LinkError),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Provision(error) => write!(f, "start the reference: its config: {error}"),
            StartError::NotOwn(error) => {
                write!(f, "start the reference: its operations: {error}")
            }
            StartError::Listen(error) => error.fmt(f),
            StartError::Port(error) => write!(f, "start the reference: a loopback port: {error}"),
        }
    }
}

impl std::error::Error for StartError {}
