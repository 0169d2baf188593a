//! `syncspec doctor`: is this host, or this client, set up right?

use std::{io::Write as _, path::PathBuf, time::Duration};

use syncspec::{
    crypto::kem::KemId,
    runner::{
        RunOptions, check_host, contact_client,
        doctor::{DIALLED_WAIT, DoctorOptions, ListenOptions, examine, listen},
    },
    target::doctor::{Address, Check, Diagnosis, Provisioned, Standing, Wanted},
    wire::{Role, RpcProtocol},
};

use super::{
    ProtocolArg, exit, kem_id, print, reports::write_whole, run, runtime::runtime, tls_roots,
    wait::wait,
};

/// Width that the advice is wrapped to, in columns.
const WIDTH_COLUMNS: usize = 110;
const ADVICE_INDENT: &str = "                      ";

/// Checks step by step whether a peer can be reached and talked to, and says what is likely wrong and what to do.
///
/// With a URL it calls a host as a client would: its address, TLS, HTTP/2, the path, the RPC protocols, the key exchange,
/// and who the host proves to be. It needs no account and no pairing, changes nothing, and is safe on a host in use.
///
/// With --listen it is the host, and waits for a client to dial.
///
/// Exit codes: 0 all is well; 1 the peer breaks a rule; 2 wrong usage; 3 a mistake in the set-up.
#[derive(clap::Args)]
#[command(after_long_help = "Examples:\n  \
    syncspec doctor https://backup.example.org                   is my host reachable for clients?\n  \
    syncspec doctor https://backup.example.org/backrest --expect-keyid ed25519.AbC...   and is it mine?\n  \
    syncspec doctor http://127.0.0.1:9898 --provisioned          can the suite judge this peer?\n  \
    syncspec doctor --listen 127.0.0.1:9898                      does my client dial as it should?")]
pub struct DoctorArgs {
    /// Host to call, as clients are given it: http://HOST:PORT[/PREFIX] or https://...
    #[arg(
        value_name = "URL",
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
    /// KEM id to derive keys with: 0051 as deployed, 0050 as published
    #[arg(long, value_name = "ID", value_parser = kem_id, default_value = "0051")]
    kem_id: KemId,
    /// The host was given the output of `syncspec provision`: check that it knows the suite's clients
    #[arg(long, conflicts_with = "listen")]
    provisioned: bool,
    /// Watch the state service that long for clients that displace each other, such as two machines with one copied
    /// configuration; needs minutes, and mostly --state-header
    #[arg(long, value_name = "DURATION", value_parser = wait, conflicts_with = "listen")]
    watch: Option<Duration>,
    /// How long to wait for a client to dial [default: 90s]
    #[arg(long, value_name = "DURATION", value_parser = wait, requires = "listen")]
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
    for file in &args.report {
        let mut report = diagnosis.to_json();
        report["target"] = about.clone().into();
        write_whole(file, &format!("{report:#}\n")).map_err(|error| {
            eprintln!(
                "error: failed to write the report {}: {error}",
                file.display()
            );
            exit::SUITE
        })?;
    }
    print(&format!("{}{}", text(&diagnosis), last_line(&diagnosis)))?;
    Ok(exit_code(&diagnosis))
}

/// The checks before a case is played: whether the peer can be judged at all, and its slowest round trip.
pub async fn round_trip(
    options: &RunOptions,
    name: &str,
    role: Role,
    protocols: &[RpcProtocol],
) -> Result<Duration, u8> {
    match role {
        Role::Responder => host_round_trip(options, protocols).await,
        Role::Initiator => client_round_trip(options, name, protocols).await,
    }
}

async fn host_round_trip(options: &RunOptions, protocols: &[RpcProtocol]) -> Result<Duration, u8> {
    let diagnosis = check_host(options, protocols).await;
    if diagnosis.mistake().is_some() {
        eprintln!(
            "error: no case was played: the peer at {} is not set up so that it can be judged\n\n{}",
            without_secret(&options.url),
            text(&diagnosis)
        );
        return Err(exit::NOT_JUDGED);
    }
    for check in diagnosis.notes() {
        eprintln!("note: {}: {}", check.step.name(), check.seen);
    }
    Ok(diagnosis.round_trip)
}

async fn client_round_trip(
    options: &RunOptions,
    name: &str,
    protocols: &[RpcProtocol],
) -> Result<Duration, u8> {
    let mut round_trip = Duration::ZERO;
    for protocol in protocols {
        match contact_client(options, *protocol).await {
            Ok(contact) => {
                round_trip = round_trip.max(contact.round_trip);
                if let Some(note) = contact.note {
                    eprintln!("note: {note}");
                }
            }
            Err(mistake) => {
                eprintln!(
                    "error: no case was played: over {protocol}, the client at {name} was reached up to this step\n\n  \
                     {:<12} {}\n\n{}",
                    mistake.step, mistake.seen, mistake.likely
                );
                return Err(exit::NOT_JUDGED);
            }
        }
    }
    Ok(round_trip)
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
        kem_id: args.kem_id,
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
        kem_id: args.kem_id,
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

/// The URL, where it is one; what is none may be a pairing token or hold a password.
pub fn without_secret(url: &str) -> &str {
    match Address::read(url) {
        Ok(_) => url,
        Err(_) => "(not a URL)",
    }
}

/// A line for each step, and advice below those that are not well.
pub fn text(diagnosis: &Diagnosis) -> String {
    let mut text = String::new();
    for check in &diagnosis.checks {
        text.push_str(&line(check));
        if let Some(advice) = check.advice() {
            text.push_str(&wrapped(&advice));
        }
    }
    if !diagnosis.not_reached.is_empty() {
        let steps: Vec<&str> = diagnosis
            .not_reached
            .iter()
            .map(|step| step.name())
            .collect();
        text.push_str(&format!("  -      {}: not reached\n", steps.join(", ")));
    }
    text
}

fn line(check: &Check) -> String {
    let word = match check.standing {
        Standing::Ok => "ok",
        Standing::Skipped => "-",
        Standing::Note(_) => "note",
        Standing::Failed(_) | Standing::Defect(_) => "FAIL",
    };
    format!("  {word:<5}  {:<13}  {}\n", check.step.name(), check.seen)
}

fn wrapped(advice: &str) -> String {
    let mut text = String::new();
    let mut column = 0;
    for word in advice.split_whitespace() {
        let len = word.chars().count();
        if column == 0 || column + 1 + len > WIDTH_COLUMNS {
            if column > 0 {
                text.push('\n');
            }
            text.push_str(ADVICE_INDENT);
            column = ADVICE_INDENT.len();
        } else {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += len;
    }
    text.push('\n');
    text
}

fn last_line(diagnosis: &Diagnosis) -> String {
    let failed =
        |standing: &Standing| matches!(standing, Standing::Failed(_) | Standing::Defect(_));
    let count = diagnosis
        .checks
        .iter()
        .filter(|check| failed(&check.standing))
        .count();
    let notes = diagnosis.notes().count();
    let mut line = match count {
        0 => "\nall is well".to_owned(),
        1 => "\none thing is wrong".to_owned(),
        count => format!("\n{count} things are wrong"),
    };
    if notes > 0 {
        line.push_str(&format!(", {notes} to be noted"));
    }
    line
}
