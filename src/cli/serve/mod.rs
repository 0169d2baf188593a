//! `syncspec serve`: the reference host, standing by itself.

mod access;
mod state;

use std::{io::ErrorKind, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use syncspec::{
    net::{
        ServerTls, SyncApp,
        host::{HostApp, HostLimits, HostOptions},
        serve::{Guarded, ServeLimits, SyncOnly, serve_over},
    },
    reference::limits::{Capabilities, Settings},
    session::Deadlines,
};
use tokio::net::TcpListener;

use super::{
    exit,
    logging::{self, LogLevel},
    print,
    runtime::runtime,
    signals::{Signal, Signals},
    size::size,
    wait::wait,
};
use access::{Access, AccessArgs};

/// Where Backrest listens by default, on this machine only.
const LISTEN: &str = "127.0.0.1:9898";

#[derive(clap::Args)]
pub struct ServeArgs {
    /// Config file in the deployed form. Without one: the config kept in --data, or a new identity and one pairing token
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder to keep config, pairings, operations, peer states and logs in; without one, they last as long as the process
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Take the config file as it is: forget the clients that paired, and the uses of tokens, since it was last read
    #[arg(long, requires = "config")]
    replace_config: bool,
    /// Address to listen on; port 0 takes any that is free
    #[arg(long, value_name = "ADDR", default_value = LISTEN)]
    listen: SocketAddr,
    /// Certificate chain, PEM; with it the host speaks TLS
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Private key of the certificate, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    #[command(flatten)]
    access: AccessArgs,
    /// What the host lacks, to see how clients and the suite take it; may be given several times
    #[arg(long, value_name = "CAPABILITY", value_enum)]
    without: Vec<Without>,
    /// Time between two heartbeats of a session
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = wait)]
    heartbeat: Duration,
    /// What to log, on standard error
    #[arg(long, value_enum, default_value_t = LogLevel::Info)]
    log_level: LogLevel,
    #[command(flatten)]
    limits: LimitArgs,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Without {
    /// Pairing by tokens: unknown clients are refused whatever secret they show
    Pairing,
    /// The state service: its calls end with UNIMPLEMENTED
    StateService,
    /// Logs of operations
    Logs,
    /// `throttle`
    Throttle,
}

/// Over a limit a caller is refused or its session ends with RESOURCE_EXHAUSTED; all others go on.
#[derive(clap::Args)]
#[command(next_help_heading = "Limits")]
struct LimitArgs {
    /// Length of an item in bytes, once decompressed
    #[arg(long, value_name = "SIZE", default_value = "64M", value_parser = size)]
    item_max: u64,
    /// Ids in a manifest, and operations kept of one client
    #[arg(long, value_name = "N", default_value_t = 2_000_000)]
    manifest_max: usize,
    /// Items queued for a client that does not read
    #[arg(long, value_name = "N", default_value_t = 1024)]
    queue_max: usize,
    /// Connections; one too many is closed at once
    #[arg(long, value_name = "N", default_value_t = 4096)]
    connections_max: usize,
    /// Sync streams in all; a key has one session at most
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    sessions_max: usize,
    /// Sync streams whose client is not admitted yet
    #[arg(long, value_name = "N", default_value_t = 256)]
    unauthenticated_max: usize,
    /// Callers who follow the peer states
    #[arg(long, value_name = "N", default_value_t = 64)]
    subscribers_max: usize,
    /// Wait for a client's key
    #[arg(long, value_name = "DURATION", default_value = "15s", value_parser = wait)]
    key_exchange_wait: Duration,
    /// Wait for a client's handshake, from then on
    #[arg(long, value_name = "DURATION", default_value = "15s", value_parser = wait)]
    handshake_wait: Duration,
    /// Size of the database in --data; without it, what the disk has
    #[arg(long, value_name = "SIZE", value_parser = size)]
    data_max: Option<u64>,
}

impl ServeArgs {
    fn options(&self) -> HostOptions {
        let limits = &self.limits;
        let mut settings = Settings {
            heartbeat_interval: self.heartbeat,
            ..Settings::default()
        };
        settings.capabilities = Capabilities {
            logs: self.has(Without::Logs),
            throttle: self.has(Without::Throttle),
            pairing: self.has(Without::Pairing),
        };
        settings.limits.manifest_len_max = limits.manifest_max;
        settings.limits.operations_per_client_max = limits.manifest_max;
        settings.limits.queued_items_max = limits.queue_max.max(1);
        HostOptions {
            settings,
            deadlines: Deadlines {
                key_exchange: limits.key_exchange_wait,
                handshake: limits.handshake_wait,
            },
            limits: HostLimits {
                streams_max: limits.sessions_max,
                unauthenticated_max: limits.unauthenticated_max,
                subscribers_max: limits.subscribers_max,
            },
            ..HostOptions::default()
        }
    }

    fn has(&self, capability: Without) -> bool {
        !self.without.contains(&capability)
    }

    fn access(&self) -> Result<Access, u8> {
        match self.has(Without::StateService) {
            true => self.access.read(self.listen.ip()),
            false => Ok(Access::Nobody),
        }
    }

    fn serve_limits(&self) -> ServeLimits {
        ServeLimits {
            item_len_bytes_max: usize::try_from(self.limits.item_max).unwrap_or(usize::MAX),
            connections_max: self.limits.connections_max,
            ..ServeLimits::default()
        }
    }

    fn tls(&self) -> Result<Option<ServerTls>, u8> {
        let (Some(certificates), Some(key)) = (&self.tls_cert, &self.tls_key) else {
            return Ok(None);
        };
        let tls = ServerTls::from_pem_files(certificates, key);
        tls.map(Some).map_err(|error| {
            eprintln!("error: failed to {error}");
            exit::USAGE
        })
    }
}

pub fn serve(args: ServeArgs) -> Result<u8, u8> {
    logging::start(args.log_level);
    let access = args.access()?;
    let tls = args.tls()?;
    let runtime = runtime()?;
    runtime.block_on(stand(&args, access, tls))
}

async fn stand(args: &ServeArgs, access: Access, tls: Option<ServerTls>) -> Result<u8, u8> {
    // Caught from here on: whoever sees the host ready may end it.
    let leave = signals()?;
    let options = args.options();
    let kept = state::open(args, &options)?;
    let listener = listen(args.listen).await?;
    print(&kept.about(&url(&listener, tls.is_some())?))?;
    let app = HostApp::with_store(kept.config, options, kept.store, kept.states);
    let limits = args.serve_limits();
    match access {
        Access::Nobody => run(listener, tls, SyncOnly(app), limits, leave).await,
        Access::Open => run(listener, tls, app, limits, leave).await,
        Access::Guarded(credentials) => {
            let app = Guarded::new(app, credentials);
            run(listener, tls, app, limits, leave).await
        }
    }
}

async fn run<A: SyncApp>(
    listener: TcpListener,
    tls: Option<ServerTls>,
    app: A,
    limits: ServeLimits,
    leave: impl Future<Output = ()>,
) -> Result<u8, u8> {
    let served = serve_over(listener, tls, Arc::new(app), limits, leave).await;
    served.map(|()| exit::CONFORMS).map_err(|error| {
        eprintln!("error: failed to {error}");
        exit::SUITE
    })
}

async fn listen(address: SocketAddr) -> Result<TcpListener, u8> {
    TcpListener::bind(address).await.map_err(|error| {
        let hint = match error.kind() {
            ErrorKind::AddrInUse => "; another process has the port, choose one with --listen",
            _ => "",
        };
        eprintln!("error: failed to listen on {address}: {error}{hint}");
        exit::NOT_JUDGED
    })
}

fn url(listener: &TcpListener, is_tls: bool) -> Result<String, u8> {
    let scheme = if is_tls { "https" } else { "http" };
    match listener.local_addr() {
        Ok(address) => Ok(format!("{scheme}://{address}")),
        Err(error) => {
            eprintln!("error: failed to read the address: {error}");
            Err(exit::SUITE)
        }
    }
}

/// Resolves when the host is to leave.
fn signals() -> Result<impl Future<Output = ()>, u8> {
    let mut signals = Signals::new()?;
    Ok(async move {
        while let Signal::Reload = signals.next().await {
            tracing::warn!("nothing is read again: restart the host for a changed config");
        }
        tracing::info!("leaving");
    })
}
