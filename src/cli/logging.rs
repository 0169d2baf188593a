//! Where the log goes: standard error, one line an event, fields as `name=value`.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    fmt,
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

#[derive(Clone, Copy, clap::ValueEnum)]
pub enum LogLevel {
    /// Nothing
    Off,
    /// What needs mending
    Error,
    /// What went wrong between us and a peer, too
    Warn,
    /// Who comes and goes, too
    Info,
    /// Every attempt, too
    Debug,
}

/// Starts the log; only our own events are in it, because those of libraries may show what peers send.
pub fn start(level: LogLevel) {
    let level = match level {
        LogLevel::Off => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    };
    let lines = fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal());
    // There is one log in a process; a second start changes nothing.
    let _ = tracing_subscriber::registry()
        .with(lines)
        .with(Targets::new().with_target("syncspec", level))
        .try_init();
}
