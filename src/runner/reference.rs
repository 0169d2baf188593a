//! The reference as a peer under test, host or client, in this process and on a real loopback socket.

use std::{fmt, io, net::Ipv4Addr, sync::Arc};

use tokio::net::TcpListener;

use crate::{
    net::{
        client::{ClientApp, ClientOptions},
        host::{HostApp, HostOptions},
        serve::{ServeLimits, serve},
    },
    reference::config::{Config, ConfigError},
    target::provision::{ClientProvision, Provision},
};

/// Starts the reference host with this provision, and says its URL. It lasts as long as the runtime.
///
/// # Errors
/// Where no loopback port can be had.
pub async fn start_reference(provision: &Provision) -> Result<String, StartError> {
    let config = Config::from_json(&provision.to_backrest_config().to_string())
        .map_err(StartError::Provision)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .map_err(StartError::Port)?;
    let address = listener.local_addr().map_err(StartError::Port)?;
    let app = Arc::new(HostApp::new(config, HostOptions::default()));
    tokio::spawn(serve(
        listener,
        app,
        ServeLimits::default(),
        std::future::pending(),
    ));
    Ok(format!("http://{address}"))
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
    client.start();
    Ok(client)
}

/// Why the reference could not be started.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// The provision is no valid config, which is the suite's own fault.
    Provision(ConfigError),
    /// There is no loopback port.
    Port(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Provision(error) => write!(f, "start the reference: its config: {error}"),
            StartError::Port(error) => write!(f, "start the reference: a loopback port: {error}"),
        }
    }
}

impl std::error::Error for StartError {}
