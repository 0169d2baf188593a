//! The command line: libtest's words where libtest has them.

mod connect;
mod doctor;
pub mod exit;
mod fuzz;
mod judge;
mod keys;
mod list;
mod logging;
mod looks;
mod matrix;
mod operations;
mod provision;
mod replay;
mod reports;
mod rules;
mod run;
mod runtime;
mod schema;
mod self_test;
mod serve;
mod signals;
mod size;
mod vectors;
mod wait;

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use syncspec::{
    crypto::kem::KemId,
    model::load_catalogue,
    net::TlsRoots,
    runner::{Selection, Shard},
    scenario::{
        CaseTemplate, load::load_dir, load_error::LoadError, model::Profile, splice::load_spliced,
    },
    target::file::usual_protocols,
    wire::{Role, RpcProtocol},
};

/// Conformance suite for Backrest's v1sync protocol. Without a command it runs the suite against its own reference.
///
/// Exit codes: 0 conforms; 1 a rule is broken; 2 wrong usage, or a broken scenario or config file; 3 the peer was not
/// reached, or nothing was judged, or the host could not start; 4 the suite's own fault.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: run::RunArgs,
}

#[derive(Subcommand)]
enum Command {
    /// Play the scenarios against a peer and judge it
    Run(run::RunArgs),
    /// Check step by step whether a peer can be reached and talked to, and say what is likely wrong
    Doctor(doctor::DoctorArgs),
    /// Judge cases that a run saved again, without the peer
    Judge(judge::JudgeArgs),
    /// Play a case that a run saved again, with the same bytes of ours
    Replay(replay::ReplayArgs),
    /// Make up dialogues, play them against a host, and save each broken rule as a scenario
    Fuzz(fuzz::FuzzArgs),
    /// Show several JSON reports side by side
    Matrix(matrix::MatrixArgs),
    /// Print the cases
    List(list::ListArgs),
    /// Print the rules, and the cases that check each
    Rules(rules::RulesArgs),
    /// Print everything a peer must be given before the cases run
    Provision(provision::ProvisionArgs),
    /// Run the test vectors, each by its id
    Vectors(vectors::VectorsArgs),
    /// Print the JSON Schema of a file that is written for or by syncspec
    Schema(schema::SchemaArgs),
    /// Try the suite on the reference with one defect at a time, and say which it catches
    SelfTest(self_test::SelfTestArgs),
    /// Run the reference host, for clients to be tried against
    Serve(serve::ServeArgs),
    /// Print a new identity
    Keygen(keys::KeygenArgs),
    /// Add a pairing token to a host's config file, and print what a client is given
    Pair(keys::PairArgs),
    /// Run the reference client: dial the known hosts of a config, until told to leave
    Connect(connect::ConnectArgs),
}

/// Which cases.
#[derive(ClapArgs, Clone)]
pub struct SelectArgs {
    /// Play the cases whose id contains any of these
    #[arg(value_name = "FILTER")]
    filters: Vec<String>,
    /// A filter must be the whole id
    #[arg(long)]
    exact: bool,
    /// Leave out the cases whose id contains this
    #[arg(long, value_name = "FILTER")]
    skip: Vec<String>,
    /// How much to play; each profile includes the ones before it
    #[arg(long, value_enum, default_value_t = ProfileArg::Standard)]
    profile: ProfileArg,
    /// Folder of scenarios to load in place of the built-in ones
    #[arg(long, value_name = "DIR")]
    scenarios: Option<PathBuf>,
    /// Play one part of N, such as 1/4; a case is always in the same part of so many
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// RPC protocol to speak; a client that dials speaks what it speaks, which is taken to be Connect where this says both
    #[arg(long, value_enum, default_value_t = ProtocolArg::Both)]
    protocol: ProtocolArg,
    /// Role of the peer under test: responder is a host, initiator a client
    #[arg(long, value_enum)]
    role: Option<RoleArg>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RoleArg {
    Responder,
    Initiator,
    Both,
}

#[derive(Clone, Copy, ValueEnum)]
enum ProfileArg {
    /// A first answer within seconds
    Smoke,
    /// Everything that needs no long wait
    Standard,
    /// Cases that wait for one of the peer's own deadlines too
    Full,
}

#[derive(Clone, Copy, ValueEnum)]
enum ProtocolArg {
    Grpc,
    Connect,
    Both,
}

#[derive(Clone, Copy, ValueEnum)]
enum FormatArg {
    Text,
    Json,
}

impl SelectArgs {
    fn selection(&self) -> Selection {
        Selection {
            filters: self.filters.clone(),
            exact: self.exact,
            skip: self.skip.clone(),
            shard: self.shard,
            profile: match self.profile {
                ProfileArg::Smoke => Profile::Smoke,
                ProfileArg::Standard => Profile::Standard,
                ProfileArg::Full => Profile::Full,
            },
        }
    }

    fn protocols(&self) -> &'static [RpcProtocol] {
        protocols_of(self.protocol)
    }

    /// The roles asked for, if any were.
    fn roles(&self) -> Option<&'static [Role]> {
        self.role.map(|role| match role {
            RoleArg::Responder => &[Role::Responder][..],
            RoleArg::Initiator => &[Role::Initiator],
            RoleArg::Both => &[Role::Responder, Role::Initiator],
        })
    }

    /// What a client that somebody else starts is taken to speak.
    fn client_protocols(&self) -> &'static [RpcProtocol] {
        client_protocols_of(self.protocol)
    }

    /// Whether the cases are those that the suite comes with.
    fn is_built_in(&self) -> bool {
        self.scenarios.is_none()
    }

    /// The cases of the folder, or the built-in ones; every problem is printed.
    fn load(&self) -> Result<Vec<CaseTemplate>, u8> {
        let loaded = match &self.scenarios {
            Some(dir) => load_dir(dir),
            // A choice of cases for one peer leaves those out that stand between two.
            None => load_built_in(),
        };
        loaded.map_err(|errors| refuse("scenario files", &errors))
    }
}

/// Does what was asked, and says with which code to exit.
pub fn run(args: Args) -> u8 {
    let done = match args.command {
        None => run::run(args.run),
        Some(Command::Run(args)) => run::run(args),
        Some(Command::Doctor(args)) => doctor::doctor(args),
        Some(Command::Judge(args)) => judge::judge(&args),
        Some(Command::Replay(args)) => replay::replay(&args),
        Some(Command::Fuzz(args)) => fuzz::fuzz(&args),
        Some(Command::Matrix(args)) => matrix::matrix(&args),
        Some(Command::List(args)) => list::list(&args),
        Some(Command::Rules(args)) => rules::rules(&args),
        Some(Command::Provision(args)) => provision::provision(&args),
        Some(Command::Vectors(args)) => vectors::vectors(&args),
        Some(Command::Schema(args)) => schema::schema(&args),
        Some(Command::SelfTest(args)) => self_test::self_test(&args),
        Some(Command::Serve(args)) => serve::serve(args),
        Some(Command::Keygen(args)) => keys::keygen(&args),
        Some(Command::Pair(args)) => keys::pair(args),
        Some(Command::Connect(args)) => connect::connect(&args),
    };
    done.unwrap_or_else(|code| code)
}

/// What is wrong with files that were read, each at its place.
fn print_errors(errors: &[LoadError]) {
    for error in errors {
        eprintln!("{}", error.render());
    }
}

/// The same, where nothing is played because of it.
fn refuse(what: &str, errors: &[LoadError]) -> u8 {
    print_errors(errors);
    eprintln!(
        "error: {} problem(s) in {what}; nothing was played",
        errors.len()
    );
    exit::USAGE
}

fn protocols_of(argument: ProtocolArg) -> &'static [RpcProtocol] {
    match argument {
        ProtocolArg::Grpc => &[RpcProtocol::Grpc],
        ProtocolArg::Connect => &[RpcProtocol::Connect],
        ProtocolArg::Both => &RpcProtocol::ALL,
    }
}

/// The cases that the suite comes with: those for one peer, then those that stand between two.
fn load_built_in() -> Result<Vec<CaseTemplate>, Vec<LoadError>> {
    Ok([load_catalogue()?, load_spliced()?].concat())
}

/// What a client of which nothing is said is taken to speak.
fn client_protocols_of(argument: ProtocolArg) -> &'static [RpcProtocol] {
    match argument {
        ProtocolArg::Both => usual_protocols(Role::Initiator),
        _ => protocols_of(argument),
    }
}

fn kem_id(text: &str) -> Result<KemId, String> {
    match text.trim_start_matches("0x") {
        "0051" => Ok(KemId::MlKem1024P384),
        "0050" => Ok(KemId::AsPublished),
        _ => Err("expected 0051 or 0050".to_owned()),
    }
}

/// The authorities that browsers trust, and those in a PEM file.
fn tls_roots(added: Option<&PathBuf>) -> Result<TlsRoots, u8> {
    let mut roots = TlsRoots::default();
    if let Some(file) = added {
        roots.add_pem_file(file).map_err(|error| {
            eprintln!("error: failed to {error}");
            exit::USAGE
        })?;
    }
    Ok(roots)
}

/// Prints to standard output; a reader that has gone away is no fault.
fn print(text: &str) -> Result<u8, u8> {
    use std::io::{ErrorKind, Write as _};
    match writeln!(std::io::stdout().lock(), "{text}") {
        Ok(()) => Ok(exit::CONFORMS),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(exit::CONFORMS),
        Err(error) => {
            eprintln!("error: failed to write the output: {error}");
            Err(exit::SUITE)
        }
    }
}

fn print_json(value: &serde_json::Value) -> Result<u8, u8> {
    print(&format!("{value:#}"))
}
