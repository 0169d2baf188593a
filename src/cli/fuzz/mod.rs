//! `syncspec fuzz`: a campaign against a live peer.

mod folder;
mod import;
mod merge;
mod play;
mod teller;
mod words;

use std::{path::PathBuf, time::Duration};

use syncspec::{
    campaign::variation::Base,
    scenario::model::Scenario,
    target::{
        contact_scenario,
        provision::{ClientProvision, Provision},
    },
    wire::{Role, RpcProtocol},
};

use super::{
    ProtocolArg, RoleArg,
    looks::LooksArgs,
    print_json,
    provision::client_contacts,
    run::{TargetArgs, random_seed},
    runtime::runtime,
};
use folder::Folder;

/// Makes up dialogues, plays them against a host or a client, and saves each broken rule, and each difference to the
/// reference, as a short scenario.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct FuzzArgs {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    looks: LooksArgs,
    /// Role of the peer under test, where it has both: they share the time
    #[arg(long, value_enum)]
    role: Option<RoleArg>,
    /// How long, such as 90s, 10m or 2h
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = words::duration)]
    time: Duration,
    /// Stop after so many dialogues
    #[arg(long, value_name = "N")]
    plays: Option<u64>,
    /// Seed of all that is made up
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Dialogues at a time
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = words::jobs)]
    jobs: usize,
    /// Folder to go on from and to write to: corpus/, variations/, findings/, coverage.json. `fuzz merge` joins those of
    /// several machines
    #[arg(long, value_name = "DIR", default_value = "fuzz-campaign")]
    corpus: PathBuf,
    /// Play the share I of N of the corpus, and make up other dialogues than the other shares do
    #[arg(long, value_name = "I/N", value_parser = words::shard)]
    shard: Option<(u64, u64)>,
    /// RPC protocol to speak; a client that dials speaks what it speaks, which is taken to be Connect where this says both
    #[arg(long, value_enum, default_value_t = ProtocolArg::Both)]
    protocol: ProtocolArg,
    /// Fail on broken `should` and `deployed` rules, and on differences to the reference, too
    #[arg(long)]
    strict: bool,
    /// Print what the peer must be given for this number of jobs, and play nothing; with --listen, for a client
    #[arg(long, value_enum, value_name = "FORMAT")]
    provision: Option<ProvisionFormat>,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Join the folders of several campaigns into the first: what they found, and dialogues to go on from
    Merge(merge::MergeArgs),
    /// Take findings over into a folder of scenarios, each once it holds on the reference
    Import(import::ImportArgs),
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum ProvisionFormat {
    /// A layout of our own, for any peer
    Json,
    /// The configuration file of deployed peers
    BackrestConfig,
}

pub fn fuzz(args: &FuzzArgs) -> Result<u8, u8> {
    match &args.action {
        Some(Action::Merge(merge)) => return merge::merge(merge),
        Some(Action::Import(import)) => return import::import(import),
        None => {}
    }
    let attached = args.target.read(None, &args.looks)?;
    if let Some(format) = args.provision {
        let listens = attached.target().and_then(|target| target.listen_address());
        return print_provision(args, format, listens);
    }
    let seed = match args.seed {
        Some(seed) => seed,
        None => random_seed()?,
    };
    let folder = Folder::open(&args.corpus)?;
    let runtime = runtime()?;
    let done = runtime.block_on(play::play(args, &attached, seed, &folder));
    // Links that are being closed end with the process.
    runtime.shutdown_background();
    done
}

fn print_provision(
    args: &FuzzArgs,
    format: ProvisionFormat,
    listens: Option<&str>,
) -> Result<u8, u8> {
    let (json, config) = match listens {
        Some(address) => {
            let protocols = super::client_protocols_of(args.protocol);
            let contacts = client_contacts(protocols);
            let cases = some_for_client(&play::cases(Role::Initiator, protocols, None)?);
            let cases: Vec<&Scenario> = cases.iter().map(|base| &*base.scenario).collect();
            let cases = cases.into_iter().chain(&contacts);
            let provision = ClientProvision::for_cases(&format!("http://{address}"), cases);
            (provision.to_json(), provision.to_backrest_config())
        }
        None => {
            let protocols = super::protocols_of(args.protocol);
            let contacts =
                RpcProtocol::ALL.map(|protocol| contact_scenario(Role::Responder, protocol));
            let lanes = syncspec::runner::campaign::lane_fixtures(args.jobs);
            let cases = play::cases(Role::Responder, protocols, None)?;
            let cases = cases.iter().map(|base| &*base.scenario);
            let provision = Provision::for_cases(cases.chain(&lanes).chain(&contacts));
            (provision.to_json(), provision.to_backrest_config())
        }
    };
    print_json(&match format {
        ProvisionFormat::Json => json,
        ProvisionFormat::BackrestConfig => config,
    })
}

/// Cases that a client of somebody else is given: it dials all of them at once.
const CLIENT_CASES_MAX: usize = 80;

/// A client that somebody else starts dials all its hosts at once: it is given some cases, spread over all, and always the
/// same, so that they can be printed before.
fn some_for_client(cases: &[Base]) -> Vec<Base> {
    let count = cases.len().min(CLIENT_CASES_MAX);
    let usable: Vec<&Base> = cases.iter().filter(|base| !base.scenario.alone).collect();
    let count = count.min(usable.len());
    (0..count)
        .map(|at| usable[at * usable.len() / count].clone())
        .collect()
}
