//! `syncspec doctor`: is this host, or this client, set up right?

mod started;
mod text;

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::Value;
use syncspec::{
    crypto::kem::KemId,
    runner::{
        RunOptions, contact,
        doctor::{DIALLED_WAIT, DoctorOptions, ListenOptions, examine, listen},
    },
    target::doctor::{Diagnosis, Provisioned, Wanted},
    wire::{Role, RpcProtocol},
};

use super::{
    ProtocolArg, exit, kem_id, print, reports::write_whole, run, runtime::runtime, tls_roots,
    wait::wait,
};

pub use text::{not_judged, shown, text, without_secret};

/// Checks step by step whether a peer can be reached and talked to, and says what is likely wrong and what to do.
///
/// With a URL it calls a host as a client would: its address, TLS, HTTP/2, the path, the RPC protocols, the key exchange,
/// and who the host proves to be. It needs no account and no pairing, changes nothing, and is safe on a host in use.
///
/// With --listen it is the host, and waits for a client to dial.
///
/// With a target file it starts the peer, gives it its provision, and checks what `run` checks before its first case, in
/// each role.
///
/// Exit codes: 0 all is well; 1 the peer breaks a rule; 2 wrong usage; 3 a mistake in the set-up.
#[derive(clap::Args)]
#[command(after_long_help = "Examples:\n  \
    syncspec doctor https://backup.example.org                   is my host reachable for clients?\n  \
    syncspec doctor https://backup.example.org/backrest --expect-keyid ed25519.AbC...   and is it mine?\n  \
    syncspec doctor http://127.0.0.1:9898 --provisioned          can the suite judge this peer?\n  \
    syncspec doctor --listen 127.0.0.1:9898                      does my client dial as it should?\n  \
    syncspec doctor syncspec.toml                                can the suite start and judge this peer?")]
pub struct DoctorArgs {
    /// Host to call, as clients are given it: http://HOST:PORT[/PREFIX] or https://...; or a target file
    #[arg(
        value_name = "URL|FILE",
        required_unless_present = "listen",
        conflicts_with = "listen"
    )]
    url: Option<String>,
    /// Be the host, and wait for a client to dial this address
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Role of the peer: responder with a URL, initiator with --listen
    #[arg(long, value_enum)]
    role: Option<RoleArg>,
    /// Key id that the host must prove to have, as its settings show it
    #[arg(long, value_name = "ID", conflicts_with = "listen")]
    expect_keyid: Option<String>,
    /// Trust the authorities in this PEM file too, for an https:// URL
    #[arg(long, value_name = "FILE", conflicts_with = "listen")]
    tls_ca: Option<PathBuf>,
    /// RPC protocol that must work. By default both are tried, and Connect must work, which deployed clients speak
    #[arg(long, value_enum, conflicts_with = "listen")]
    protocol: Option<ProtocolArg>,
    /// Header for the state service, such as `authorization: Bearer TOKEN`; rather set it as SYNCSPEC_STATE_HEADER, where
    /// other processes cannot see it
    #[arg(long, value_name = "NAME: VALUE", conflicts_with = "listen")]
    state_header: Vec<String>,
    /// KEM id to derive keys with: 0051 as deployed, which is the default, 0050 as published
    #[arg(long, value_name = "ID", value_parser = kem_id)]
    kem_id: Option<KemId>,
    /// The host was given the output of `syncspec provision`: check that it knows the suite's clients
    #[arg(long, conflicts_with = "listen")]
    provisioned: bool,
    /// Watch the state service that long for clients that displace each other, such as two machines with one copied
    /// configuration; needs minutes, and mostly --state-header
    #[arg(long, value_name = "DURATION", value_parser = wait, conflicts_with = "listen")]
    watch: Option<Duration>,
    /// How long to wait for a client to dial [default: 90s]
    #[arg(long, value_name = "DURATION", value_parser = wait)]
    wait: Option<Duration>,
    /// Path prefix under which the client is waited for
    #[arg(long, value_name = "/PATH", requires = "listen", default_value = "/doctor", value_parser = prefix)]
    prefix: String,
    /// Write a report: json=FILE
    #[arg(long, value_name = "FORMAT=FILE", value_parser = report_file)]
    report: Vec<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum RoleArg {
    Responder,
    Initiator,
}

impl DoctorArgs {
    /// Whether a flag is given that says how a URL is called.
    fn is_about_a_url(&self) -> bool {
        self.expect_keyid.is_some()
            || self.tls_ca.is_some()
            || self.protocol.is_some()
            || !self.state_header.is_empty()
            || self.provisioned
            || self.watch.is_some()
    }
}

impl RoleArg {
    fn role(self) -> Role {
        match self {
            RoleArg::Responder => Role::Responder,
            RoleArg::Initiator => Role::Initiator,
        }
    }
}

pub fn doctor(args: DoctorArgs) -> Result<u8, u8> {
    let fits = match args.role.map(RoleArg::role) {
        None => true,
        Some(Role::Responder) => args.url.is_some(),
        Some(Role::Initiator) => args.listen.is_some(),
    };
    if !fits {
        eprintln!(
            "error: a responder is called by its URL, an initiator is waited for with --listen"
        );
        return Err(exit::USAGE);
    }
    let seed = run::random_seed()?;
    let runtime = runtime()?;
    if let Some(file) = args.url.as_deref().map(Path::new).filter(|it| it.is_file()) {
        return runtime.block_on(started::examine(&args, file, seed));
    }
    if args.url.is_some() && args.wait.is_some() {
        eprintln!("error: --wait is for a client, which --listen or a target file tells of");
        return Err(exit::USAGE);
    }
    let (about, diagnosis) = match (&args.url, &args.listen) {
        (Some(url), _) => (
            without_secret(url).to_owned(),
            runtime.block_on(dial(&args, url, seed)?),
        ),
        (None, Some(address)) => (
            address.clone(),
            runtime.block_on(await_client(&args, address, seed)),
        ),
        // clap asks for one of them.
        (None, None) => return Err(exit::USAGE),
    };
    let mut report = diagnosis.to_json();
    report["target"] = about.into();
    write(&args.report, &report)?;
    print(&format!(
        "{}{}",
        text(&diagnosis),
        text::last_line([&diagnosis])
    ))?;
    Ok(exit_code(&diagnosis))
}

fn write(files: &[PathBuf], report: &Value) -> Result<(), u8> {
    for file in files {
        write_whole(file, &format!("{report:#}\n")).map_err(|error| {
            eprintln!(
                "error: failed to write the report {}: {error}",
                file.display()
            );
            exit::SUITE
        })?;
    }
    Ok(())
}

/// The checks before a case is played: whether the peer can be judged at all, and its slowest round trip.
pub async fn round_trip(
    options: &RunOptions,
    name: &str,
    role: Role,
    protocols: &[RpcProtocol],
) -> Result<Duration, u8> {
    let diagnosis = contact(options, role, protocols).await;
    if diagnosis.mistake().is_some() {
        eprintln!(
            "error: no case was played: {}",
            not_judged(&shown(role, name), &diagnosis, &[])
        );
        return Err(exit::NOT_JUDGED);
    }
    for check in diagnosis.notes() {
        eprintln!("note: {}: {}", check.step.name(), check.seen);
    }
    Ok(diagnosis.round_trip)
}

fn exit_code(diagnosis: &Diagnosis) -> u8 {
    if diagnosis.mistake().is_some() {
        exit::NOT_JUDGED
    } else if diagnosis.defect().is_some() {
        exit::BROKEN
    } else {
        exit::CONFORMS
    }
}

fn dial<'a>(
    args: &'a DoctorArgs,
    url: &str,
    seed: u64,
) -> Result<impl Future<Output = Diagnosis> + 'a, u8> {
    let (tried, required): (&[RpcProtocol], &[RpcProtocol]) = match args.protocol {
        None => (&RpcProtocol::ALL, &[RpcProtocol::Connect]),
        Some(ProtocolArg::Both) => (&RpcProtocol::ALL, &RpcProtocol::ALL),
        Some(ProtocolArg::Grpc) => (&[RpcProtocol::Grpc], &[RpcProtocol::Grpc]),
        Some(ProtocolArg::Connect) => (&[RpcProtocol::Connect], &[RpcProtocol::Connect]),
    };
    let options = DoctorOptions {
        url: url.to_owned(),
        tls_roots: tls_roots(args.tls_ca.as_ref())?,
        protocols: tried.to_vec(),
        state_headers: state_headers(args)?,
        thorough: true,
        watch: args.watch,
        seed,
    };
    let wanted = Wanted {
        protocols: required.to_vec(),
        kem_id: args.kem_id.unwrap_or_default(),
        keyid: args.expect_keyid.clone(),
        provisioned: match args.provisioned {
            true => Provisioned::Required,
            false => Provisioned::IfOurs,
        },
        clock_must_agree: true,
    };
    Ok(async move { examine(&options, &wanted).await })
}

async fn await_client(args: &DoctorArgs, address: &str, seed: u64) -> Diagnosis {
    let wait = args.wait.unwrap_or(DIALLED_WAIT);
    let options = ListenOptions {
        address: address.to_owned(),
        prefix: args.prefix.clone(),
        kem_id: args.kem_id.unwrap_or_default(),
        wait,
        seed,
    };
    listen(&options, |host| {
        let told = format!(
            "Make this host known to the client, and start it (again):\n\n  url          {}\n  key id       {}\n  \
             instance id  {}\n\nwaiting for at most {:.0} s\n\n",
            host.url,
            host.keyid,
            host.instance_id,
            wait.as_secs_f64()
        );
        // Whoever does not read it does not need it.
        drop(std::io::stderr().write_all(told.as_bytes()));
    })
    .await
}

fn state_headers(args: &DoctorArgs) -> Result<Vec<(String, String)>, u8> {
    const VARIABLE: &str = "SYNCSPEC_STATE_HEADER";
    let from_environment = std::env::var(VARIABLE).ok();
    let given = args
        .state_header
        .iter()
        .map(|text| ("--state-header", text));
    given
        .chain(from_environment.iter().map(|text| (VARIABLE, text)))
        .map(|(source, text)| match text.split_once(':') {
            Some((name, value)) if !name.trim().is_empty() && !value.trim().is_empty() => {
                Ok((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
            }
            _ => {
                // The text may be a secret.
                eprintln!(
                    "error: {source}: expected NAME: VALUE, such as `authorization: Bearer TOKEN`"
                );
                Err(exit::USAGE)
            }
        })
        .collect()
}

fn report_file(text: &str) -> Result<PathBuf, String> {
    match text.split_once('=') {
        Some(("json", file)) if !file.is_empty() => Ok(PathBuf::from(file)),
        _ => Err("expected json=FILE".to_owned()),
    }
}

fn prefix(text: &str) -> Result<String, String> {
    let trimmed = text.trim_end_matches('/');
    match trimmed.is_empty() || trimmed.starts_with('/') {
        true => Ok(trimmed.to_owned()),
        false => Err("expected a path, such as /backrest".to_owned()),
    }
}
