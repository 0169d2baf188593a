//! What a host bears, in figures: sessions, items, stored updates, a giant manifest, idle sessions, followers of its peer
//! states. The reference host runs as a process of its own on loopback, once with everything in memory and once on disk.
//!
//! ```text
//! cargo bench --bench reference                            all figures
//! cargo bench --bench reference -- updates idle            those whose name contains any of these
//! cargo bench --bench reference -- --config FILE           write the config that a peer to compare with must load
//! cargo bench --bench reference -- --peer URL --peer-pid N the same figures of that peer too, and ratios
//! ```
//!
//! Absolute times are those of the machine and of what else it does; ratios within one run are what to compare.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a benchmark that cannot run says so by failing"
)]

mod figures;
mod host;
mod session;
mod table;

use std::path::PathBuf;

use clap::Parser;
use figures::Figure;
use host::Host;
use table::Table;

/// Figures of the reference host, and of another peer in the same run.
#[derive(Parser)]
struct Args {
    /// Figures whose name contains any of these
    #[arg(value_name = "FILTER")]
    filters: Vec<String>,
    /// Write the config of the measured hosts, and measure nothing
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A peer to compare with, which has loaded that config
    #[arg(long, value_name = "URL")]
    peer: Option<String>,
    /// Its process, for its memory
    #[arg(long, value_name = "PID", requires = "peer")]
    peer_pid: Option<u32>,
    /// Idle sessions to hold at once
    #[arg(long, value_name = "N", default_value_t = host::IDLE_CLIENTS)]
    idle: usize,
    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let args = Args::parse();
    if let Some(file) = &args.config {
        std::fs::write(file, host::config().to_json()).unwrap();
        return;
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(run(&args));
}

async fn run(args: &Args) {
    let mut table = Table::default();
    for figure in Figure::ALL {
        let name = figure.name();
        if !args.filters.is_empty() && !args.filters.iter().any(|part| name.contains(part.as_str()))
        {
            continue;
        }
        // Each figure has a fresh process, so that none pays for what another has stored.
        let mut row = Vec::new();
        let in_memory = Host::in_memory();
        row.push(("in memory", figure.measure(&in_memory, args.idle).await));
        drop(in_memory);
        if figure.touches_the_store() {
            let on_disk = Host::on_disk();
            row.push(("on disk", figure.measure(&on_disk, args.idle).await));
        }
        if let Some(url) = &args.peer {
            let peer = Host::at(url.clone(), args.peer_pid);
            row.push(("peer", figure.measure(&peer, args.idle).await));
        }
        table.print_row(*figure, &row);
    }
}
