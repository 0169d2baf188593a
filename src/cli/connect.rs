//! `syncspec connect`: the reference client as a process.

use std::{path::PathBuf, time::Duration};

use syncspec::{
    crypto::kem::KemId,
    net::client::{ClientApp, ClientOptions, ConfigFile},
    reference::{backoff::Backoff, config::Config, limits::Settings},
    wire::RpcProtocol,
};

use super::{
    exit, kem_id,
    logging::{self, LogLevel},
    operations::OperationsFile,
    runtime::runtime,
    signals::{Signal, Signals},
    tls_roots,
    wait::wait,
};

/// Exit codes: 0 told to leave; 2 wrong usage, or a file that cannot be used; 4 the config could not be written.
#[derive(clap::Args)]
pub struct ConnectArgs {
    /// Config in the form of deployed peers; what hosts change in it is written back, and a pairing secret that has done
    /// its work is taken out
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Operations to tell hosts of: JSON, {"operations": [..]}, each with a modno; read again on SIGHUP
    #[arg(long, value_name = "FILE")]
    operations: Option<PathBuf>,
    /// RPC protocol to speak
    #[arg(long, value_enum, default_value_t = ConnectProtocol::Connect)]
    protocol: ConnectProtocol,
    /// Time between two heartbeats, such as 500ms, 10s or 5m
    #[arg(long, value_name = "TIME", value_parser = wait, default_value = "600s")]
    heartbeat: Duration,
    /// Wait before the second attempt to reach a host; it doubles with each failure, up to 32 times that
    #[arg(long, value_name = "TIME", value_parser = wait, default_value = "60s")]
    backoff_min: Duration,
    /// Trust the authorities in this PEM file too, for hosts at https://
    #[arg(long, value_name = "FILE")]
    tls_ca: Option<PathBuf>,
    /// KEM id to derive keys with: 0051 as deployed, 0050 as published
    #[arg(long, value_name = "ID", value_parser = kem_id, default_value = "0051")]
    kem_id: KemId,
    /// How much to log, to standard error
    #[arg(long, value_enum, default_value_t = LogLevel::Info)]
    log: LogLevel,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum ConnectProtocol {
    Grpc,
    Connect,
}

pub fn connect(args: &ConnectArgs) -> Result<u8, u8> {
    logging::start(args.log);
    let (file, config) = ConfigFile::open(&args.config).map_err(unusable)?;
    if config.known_hosts().is_empty() {
        return Err(unusable(format_args!(
            "find a host in {}: expected one in sync.knownHosts, saw none",
            args.config.display()
        )));
    }
    let operations = args
        .operations
        .as_ref()
        .map(|path| OperationsFile::new(path, config.identity().keyid()));
    let runtime = runtime()?;
    runtime.block_on(serve_hosts(args, file, config, operations))
}

async fn serve_hosts(
    args: &ConnectArgs,
    file: ConfigFile,
    config: Config,
    operations: Option<OperationsFile>,
) -> Result<u8, u8> {
    let mut signals = Signals::new()?;
    let first = operations.as_ref().map(OperationsFile::read).transpose();
    let first = first.map_err(unusable)?.unwrap_or_default();
    let app = ClientApp::keeping(config, args.options()?, file);
    first.apply(&app);
    app.start();
    loop {
        tokio::select! {
            signal = signals.next() => match (signal, &operations) {
                (Signal::Leave, _) => break,
                (Signal::Reload, Some(operations)) => reload(&app, operations),
                (Signal::Reload, None) => {}
            },
            _ = app.stopped() => break,
        }
    }
    tracing::info!("leaving");
    app.shutdown().await.map_err(|error| {
        eprintln!("error: failed to {error}");
        exit::SUITE
    })?;
    Ok(exit::CONFORMS)
}

/// A file that cannot be used leaves the operations as they are.
fn reload(app: &ClientApp, operations: &OperationsFile) {
    match operations.read() {
        Ok(next) => {
            let changed = next.apply(app);
            tracing::info!(changed, "operations read again");
        }
        Err(error) => tracing::error!("failed to {error}"),
    }
}

fn unusable(error: impl std::fmt::Display) -> u8 {
    eprintln!("error: failed to {error}");
    exit::USAGE
}

impl ConnectArgs {
    fn options(&self) -> Result<ClientOptions, u8> {
        let as_deployed = Backoff::default();
        Ok(ClientOptions {
            settings: Settings {
                heartbeat_interval: self.heartbeat,
                ..Settings::default()
            },
            backoff: Backoff {
                first: self.backoff_min,
                shortest: as_deployed.shortest.min(self.backoff_min),
                ..as_deployed
            },
            protocol: match self.protocol {
                ConnectProtocol::Grpc => RpcProtocol::Grpc,
                ConnectProtocol::Connect => RpcProtocol::Connect,
            },
            kem_id: self.kem_id,
            tls_roots: tls_roots(self.tls_ca.as_ref())?,
            ..ClientOptions::default()
        })
    }
}
